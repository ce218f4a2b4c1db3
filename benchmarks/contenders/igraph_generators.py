"""igraph's generators, to sparse rows through its list of edges."""

import random

import igraph
import numpy as np

from benchmarks.contenders.rows import block_chances, degree_sequence, sparse_rows


def generate(job):
    """A graph of the kind."""
    size, parameters = job["size"], job["parameters"]
    half = parameters.get("mean_degree", 0) // 2
    if job["kind"] == "barabasi_albert":
        return igraph.Graph.Barabasi(size, half)
    if job["kind"] == "watts_strogatz":
        return igraph.Graph.Watts_Strogatz(1, size, half, parameters["rewiring"])
    if job["kind"] == "stochastic_block":
        inside, across, blocks = block_chances(job)
        chances = np.full((len(blocks), len(blocks)), across)
        np.fill_diagonal(chances, inside)
        return igraph.Graph.SBM(chances.tolist(), blocks)
    return igraph.Graph.Degree_Sequence(degree_sequence(job).tolist(), method="configuration")


def prepare(job):
    def start(turn):
        random.seed(turn + 1)
        return lambda: sparse_rows(generate(job).get_edgelist(), job["size"])

    return start
