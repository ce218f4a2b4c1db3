"""Writes a file of distinct directed ties in random order, and the same graph as we save it."""

import numpy as np
import pyarrow as pa
from pyarrow import csv

import sim
from sim.randomness import uniform_table


def prepare(job):
    def write():
        draws = uniform_table(np.uint64(5), 99, 0, job["rows"])
        source, target = (draws[:2] * job["size"]).astype(np.int64)
        kept = source != target
        pairs = np.unique(source[kept] * job["size"] + target[kept])
        pairs = pairs[np.argsort(draws[2][: pairs.size])]
        columns = [pairs // job["size"], pairs % job["size"]]
        table = pa.table([column.astype(np.int32) for column in columns], ["source", "target"])
        csv.write_csv(table, job["path"], csv.WriteOptions(include_header=False))
        graph = sim.SocialGraph.from_edges(*columns, size=job["size"], directed=True)
        graph.save(job["saved"])
        return int(pairs.size)

    return lambda turn: write
