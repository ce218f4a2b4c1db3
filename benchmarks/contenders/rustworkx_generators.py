"""rustworkx's generator of preferential attachment, to sparse rows through its list of edges."""

import rustworkx

from benchmarks.contenders.rows import sparse_rows


def prepare(job):
    half = job["parameters"]["mean_degree"] // 2

    def start(turn):
        def work():
            graph = rustworkx.barabasi_albert_graph(job["size"], half, seed=turn + 1)
            return sparse_rows(graph.edge_list(), job["size"])

        return work

    return start
