"""Independent cascades: ours, many at once in one thread or two, or one after the other."""

import numpy as np

import sim
from benchmarks.worlds import our_graph


def prepare(job):
    graph = our_graph(job["graph"])
    degree = np.diff(graph.rows.indptr)

    def one(seed):
        """Who adopts in a large cascade, and when."""
        return sim.presets.independent_cascade(
            graph, probability=job["p"], seeds=job["seeds"], seed=seed
        ).run()

    def start(turn):
        seed = 1000 * (turn + 1)
        if job["small"]:
            origins = np.repeat(job["seeds"], job["rounds"])
        else:
            origins = np.tile(job["seeds"], (job["rounds"], 1))
            # All of them examine nearly as many ties as the first.
            first = one(sim.presets.replication_seed(seed, 0))
            ties = {"ties": int(degree[first.adopted].sum())}

        def many():
            sizes = sim.presets.cascade_sizes(
                graph, probability=job["p"], origins=origins, seed=seed, threads=job["threads"]
            )
            answer = {"mean": float(sizes.mean()), "sd": float(sizes.std())}
            return answer if job["small"] else answer | ties

        def singly():
            seeds = (sim.presets.replication_seed(seed, k) for k in range(job["rounds"]))
            sizes = [int(one(seed).adopted.sum()) for seed in seeds]
            return {"mean": float(np.mean(sizes)), "sd": float(np.std(sizes))}

        return singly if job["singly"] else many

    return start
