"""Makes a graph and saves its rows, for every contender to read."""

from pathlib import Path

import numpy as np

import sim
from benchmarks.worlds import MEAN_DEGREE


def prepare(job):
    def save():
        parameters = {"mean_degree": MEAN_DEGREE} | job["parameters"]
        graph = sim.SocialGraph.generate(job["kind"], job["size"], seed=3, **parameters)
        np.save(Path(job["folder"]) / "indptr.npy", graph.rows.indptr)
        np.save(Path(job["folder"]) / "target.npy", graph.rows.target)
        return graph.tie_count

    return lambda turn: save
