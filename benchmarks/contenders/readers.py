"""What others read the same file with: a table, then SciPy's sparse rows."""

import numpy as np
from scipy import sparse


def with_pandas(path):
    """The C engine of pandas."""
    import pandas as pd

    table = pd.read_csv(path, header=None, dtype=np.int32, engine="c")
    return table[0].to_numpy(), table[1].to_numpy()


def with_polars(path):
    """Polars, with one thread or more as it likes."""
    import polars as pl

    table = pl.read_csv(path, has_header=False, schema={"s": pl.Int32, "t": pl.Int32})
    return table["s"].to_numpy(), table["t"].to_numpy()


def with_pyarrow(path):
    """PyArrow's CSV reader."""
    import pyarrow as pa
    from pyarrow import csv

    names = ["s", "t"]
    table = csv.read_csv(
        path,
        csv.ReadOptions(column_names=names),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.int32())),
    )
    return table["s"].to_numpy(), table["t"].to_numpy()


def with_loadtxt(path):
    """NumPy's own."""
    table = np.loadtxt(path, dtype=np.int32, delimiter=",")
    return table[:, 0], table[:, 1]


READERS = {
    "pandas": with_pandas,
    "polars": with_polars,
    "pyarrow": with_pyarrow,
    "np.loadtxt": with_loadtxt,
}


def prepare(job):
    def read():
        source, target = READERS[job["reader"]](job["path"])
        size = int(max(source.max(), target.max())) + 1
        rows = sparse.csr_array((np.ones(source.size, np.int8), (source, target)), (size, size))
        return {"ties": int(rows.nnz), "people": size}

    return lambda turn: read
