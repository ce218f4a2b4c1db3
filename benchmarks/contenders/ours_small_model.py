"""The small model of word of mouth: ours."""

import numpy as np

import sim
from benchmarks.worlds import load_graph


def prepare(job):
    indptr, target = load_graph(job["graph"])
    size = indptr.size - 1
    source = np.repeat(np.arange(size), np.diff(indptr))
    half = source < target
    graph = sim.SocialGraph.from_edges(source[half], target[half], size=size)
    first = np.arange(0, size, round(1 / job["start"]))

    def start(turn):
        model = sim.presets.recommendation(
            graph, talk=job["talk"], conviction=job["conviction"], organic=job["organic"],
            churn=job["churn"], again=job["again"], seeds=first, ticks=job["ticks"], seed=turn + 1,
        )  # fmt: skip
        return lambda: model.run().customers[1:].tolist()

    return start
