"""graph-tool's nearest to the small model: its SIS state on the same network."""

import graph_tool
import numpy as np
from graph_tool import dynamics

from benchmarks.worlds import load_graph


def prepare(job):
    graph_tool.openmp_set_num_threads(1)
    indptr, target = load_graph(job["graph"])
    size = indptr.size - 1
    source = np.repeat(np.arange(size), np.diff(indptr))
    half = source < target
    graph = graph_tool.Graph(directed=False)
    graph.add_vertex(size)
    graph.add_edge_list(np.column_stack([source[half], target[half]]))

    def start(turn):
        graph_tool.seed_rng(turn + 2)
        state = dynamics.SISState(
            graph, beta=job["talk"] * job["conviction"], r=job["churn"], epsilon=job["organic"]
        )
        state.get_state().a = np.arange(size) % round(1 / job["start"]) == 0

        def work():
            customers = []
            for _ in range(job["ticks"]):
                state.iterate_sync()
                customers.append(int((state.get_state().fa == 1).sum()))
            return customers

        return work

    return start
