"""A tick of the agents engine and of the kernels, same world."""

import time

import sim
from benchmarks.worlds import scenario
from sim.world import make_world, world_seed


def prepare(job):
    plan = scenario(job["size"], job["days"])
    world = make_world(plan, world_seed(plan.seed, 0))
    sim.WordOfMouthModel(plan, world=world).run()

    def start(turn):
        models = [sim.WordOfMouthModel(plan, world=world, engine=one) for one in sim.model.ENGINES]
        _ = models[1].agents

        def work():
            seconds = []
            for model in models:
                begun = time.process_time()
                model.run()
                seconds.append(time.process_time() - begun)
            return seconds

        return work

    return start
