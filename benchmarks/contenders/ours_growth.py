"""The same scenario among more people or with more friends: what it costs and what comes out."""

import time

import sim
from benchmarks.worlds import MEAN_DEGREE, scenario
from sim.world import make_world, world_seed

MEASURES = ("orders", "members_end", "shares", "impressions", "profit_cents")
POLICIES = ("none", "give_get")


def prepare(job):
    sim.WordOfMouthModel(scenario(500, 40)).run()  # compiles, or loads what was compiled
    plan = scenario(
        job["size"], job["days"],
        network={"kind": "campus", "mean_degree": job.get("mean_degree", MEAN_DEGREE)},
        policies={"none": {}, "give_get": {"scheme": "two_sided"}},
    )  # fmt: skip

    def replicate(replication):
        begun = time.process_time()
        world = make_world(plan, world_seed(plan.seed, replication))
        build, found = time.process_time() - begun, {}
        running = 0.0
        for policy in POLICIES:
            model = sim.WordOfMouthModel(plan, policy=policy, replication=replication, world=world)
            begun = time.process_time()
            model.run()
            running += time.process_time() - begun
            outcomes = model.outcomes()
            found[policy] = {name: float(outcomes[name]) for name in MEASURES}
            del model
        return {
            "build": build, "run": running / len(POLICIES), "ties": world.graph.tie_count, **found,
        }  # fmt: skip

    def start(turn):
        return lambda: [replicate(number) for number in range(job["replications"])]

    return start
