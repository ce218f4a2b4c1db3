"""A run of a given world from making the model to its outcomes, at a size and at twice the size."""

import time

import sim
from benchmarks.worlds import small_runs
from sim.world import make_world, world_seed


def prepare(job):
    plans = [small_runs(size, job["days"]) for size in (job["size"], 2 * job["size"])]
    worlds = [make_world(plan, world_seed(plan.seed, 0)) for plan in plans]

    def seconds(plan, world):
        begun = time.process_time()
        sim.WordOfMouthModel(plan, policy="give_get", world=world).run().outcomes()
        return time.process_time() - begun

    def start(turn):
        def work():
            both = list(zip(plans, worlds, strict=True))
            turns = [[seconds(*one) for one in both] for _ in range(job["turns"])]
            return [min(column) for column in zip(*turns, strict=True)]

        return work

    return start
