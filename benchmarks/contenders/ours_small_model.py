"""The small model of word of mouth: ours."""

import numpy as np

import sim
from benchmarks.worlds import our_graph


def prepare(job):
    graph = our_graph(job["graph"])
    first = np.arange(0, graph.size, round(1 / job["start"]))

    def start(turn):
        model = sim.presets.recommendation(
            graph, talk=job["talk"], conviction=job["conviction"], organic=job["organic"],
            churn=job["churn"], again=job["again"], seeds=first, ticks=job["ticks"], seed=turn + 1,
        )  # fmt: skip
        return lambda: model.run().customers[1:].tolist()

    return start
