"""From the edges of a peer's graph to sparse rows both ways."""

import numpy as np
from scipy import sparse


def sparse_rows(edges, size):
    """Rows both ways as SciPy makes them; edges : int (E, 2). What came out, for comparison."""
    edges = np.asarray(edges, np.int32)
    source = np.concatenate([edges[:, 0], edges[:, 1]])
    target = np.concatenate([edges[:, 1], edges[:, 0]])
    rows = sparse.csr_array((np.ones(source.size, np.int8), (source, target)), (size, size))
    return {"ties": int(source.size), "largest": int(np.diff(rows.indptr).max())}


def degree_sequence(job):
    """Power-law degrees at evenly spaced places of their distribution; their sum is even."""
    parameters = job["parameters"]
    least, most = parameters["minimum_degree"], parameters["maximum_degree"]
    degree = np.arange(least, most + 1)
    share = np.cumsum(degree ** -float(parameters["exponent"]))
    places = (np.arange(job["size"]) + 0.5) / job["size"]
    degrees = degree[np.searchsorted(share / share[-1], places)]
    degrees[0] += degrees.sum() % 2
    return degrees


def block_chances(job):
    """Chance of a friendship inside a block and across, and the people of each block."""
    parameters, size = job["parameters"], job["size"]
    block = size // parameters["blocks"]
    inside = parameters["mean_degree"] * parameters["inside"] / (block - 1)
    across = parameters["mean_degree"] * (1 - parameters["inside"]) / (size - block)
    return inside, across, [block] * parameters["blocks"]
