"""graph-tool's generators of block and configuration models, to sparse rows."""

import graph_tool
import numpy as np
from graph_tool import generation

from benchmarks.contenders.rows import block_chances, degree_sequence, sparse_rows


def generate(job):
    """A graph of the kind."""
    graph_tool.openmp_set_num_threads(1)
    if job["kind"] == "stochastic_block":
        inside, across, blocks = block_chances(job)
        # Expected ties between blocks; on the diagonal it counts both ends.
        expected = np.full((len(blocks), len(blocks)), across * blocks[0] ** 2)
        np.fill_diagonal(expected, inside * blocks[0] * (blocks[0] - 1))
        return generation.generate_sbm(np.repeat(np.arange(len(blocks)), blocks[0]), expected)
    degrees = degree_sequence(job)
    return generation.random_graph(
        degrees.size, lambda i: degrees[i], directed=False, model="configuration",
        parallel_edges=True, self_loops=True, random=True,
    )  # fmt: skip


def prepare(job):
    def start(turn):
        graph_tool.seed_rng(turn + 2)
        return lambda: sparse_rows(generate(job).get_edges(), job["size"])

    return start
