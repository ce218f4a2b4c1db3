"""NetworkX's generators, to sparse rows by its own conversion."""

import networkx as nx
import numpy as np

from benchmarks.contenders.rows import block_chances, degree_sequence


def generate(job, seed):
    """A graph of the kind."""
    size, parameters = job["size"], job["parameters"]
    if job["kind"] == "barabasi_albert":
        return nx.barabasi_albert_graph(size, parameters["mean_degree"] // 2, seed=seed)
    if job["kind"] == "watts_strogatz":
        rewiring = parameters["rewiring"]
        return nx.watts_strogatz_graph(size, parameters["mean_degree"], rewiring, seed=seed)
    if job["kind"] == "stochastic_block":
        inside, across, blocks = block_chances(job)
        chances = np.full((len(blocks), len(blocks)), across)
        np.fill_diagonal(chances, inside)
        return nx.stochastic_block_model(blocks, chances.tolist(), seed=seed)
    return nx.Graph(nx.configuration_model(degree_sequence(job).tolist(), seed=seed))


def prepare(job):
    def start(turn):
        def work():
            rows = nx.to_scipy_sparse_array(generate(job, turn + 1), dtype=np.int8)
            return {"ties": int(rows.nnz), "largest": int(np.diff(rows.indptr).max())}

        return work

    return start
