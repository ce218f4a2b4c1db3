"""Independent cascades: ours."""

import numpy as np

import sim
from benchmarks.worlds import load_graph


def prepare(job):
    indptr, target = load_graph(job["graph"])
    size = indptr.size - 1
    source = np.repeat(np.arange(size), np.diff(indptr))
    half = source < target
    graph = sim.SocialGraph.from_edges(source[half], target[half], size=size)
    degree = np.diff(indptr)

    def start(turn):
        seed = 1000 * (turn + 1)

        def large():
            found = []
            for k in range(job["rounds"]):
                model = sim.presets.independent_cascade(
                    graph, probability=job["p"], seeds=job["seeds"], seed=seed + k
                ).run()
                found.append(int(model.adopted.sum()))
            ties = int(degree[model.adopted].sum())
            return {"mean": float(np.mean(found)), "sd": float(np.std(found)), "ties": ties}

        def small():
            origins = np.repeat(job["seeds"], job["rounds"])
            sizes = sim.presets.cascade_sizes(
                graph, probability=job["p"], origins=origins, seed=seed
            )
            return {"mean": float(sizes.mean()), "sd": float(sizes.std())}

        return small if job["small"] else large

    return start
