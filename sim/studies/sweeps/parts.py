"""Parts: small Parquet files of finished runs, each written whole by the process that ran them.

A part holds the key of each run and its measures, nothing else, so that whoever finds one knows
what it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from sim.studies.crews import StoppedError

if TYPE_CHECKING:
    import pyarrow as pa

RUN = "run"
"""Column of the key of a run."""

ROWS_OF_A_GROUP = 25_000
"""Rows of a large part that are in memory at a time."""

Columns = Sequence[tuple[str, str]]
"""Names of measures with their types, int64 or float64."""


class Part(NamedTuple):
    """A file of finished runs. name : relative to the folder of the study. rows, size : of it."""

    name: str
    rows: int
    size: int
    sha256: str


class StoreError(StoppedError):
    """The folder of a study cannot be written: the work stops, what is finished is kept."""

    def __init__(self, folder: Path, error: OSError) -> None:
        reason = error.strerror or str(error)
        super().__init__(
            f"{folder} cannot be written ({reason}); finished runs are kept: make space or mend "
            "the folder, then run the same command again with --resume"
        )
        self.arguments = (folder, error)

    def __reduce__(self) -> Any:
        """Made again from the same arguments in another process."""
        return StoreError, self.arguments


def schema(columns: Columns) -> pa.Schema:
    """The columns of a part."""
    import pyarrow as pa

    types = {"int64": pa.int64(), "float64": pa.float64()}
    return pa.schema([(RUN, pa.string()), *((name, types[kind]) for name, kind in columns)])


def table_of(rows: Iterable[tuple[str, Mapping[str, float | int]]], columns: Columns) -> pa.Table:
    """The table of runs, each a key and its measures; what is nan is missing.

    SQL leaves out of a mean what is missing; the mean of a nan is a nan.
    """
    import pyarrow as pa

    found = list(rows)
    arrays = [pa.array([key for key, _ in found], pa.string())]
    fields = schema(columns)
    for name, kind in columns:
        convert = int if kind == "int64" else float
        values = [convert(measures[name]) for _, measures in found]
        arrays.append(pa.array(values, fields.field(name).type, from_pandas=True))
    return pa.Table.from_arrays(arrays, schema=fields)


def write_part(folder: Path, name: str, table: pa.Table) -> Part:
    """Write a table as ``folder / name``: whole and on the disk, or not at all.

    Raises
    ------
    StoreError
        If the disk is full or the folder cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    # Checksums of pages: a part that was damaged together with the journal is noticed too.
    parquet.write_table(table, sink, compression="snappy", write_page_checksum=True)
    content = sink.getvalue().to_pybytes()
    write_bytes(folder / name, content)
    return Part(name, table.num_rows, len(content), hashlib.sha256(content).hexdigest())


def write_large_part(folder: Path, name: str, tables: Iterable[pa.Table]) -> Part:
    """:func:`write_part` of one table or more, a group of rows at a time.

    The bytes depend on the rows, not on the tables that they come in.
    """
    from pyarrow import parquet

    rows, groups = 0, _groups(tables)
    first = next(groups)
    with (
        _written_whole(folder / name) as file,
        parquet.ParquetWriter(
            file, first.schema, compression="snappy", write_page_checksum=True
        ) as writer,
    ):
        for group in itertools.chain([first], groups):
            writer.write_table(group)
            rows += group.num_rows
    return part_of_file(folder, name, rows)


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of tables, ROWS_OF_A_GROUP at a time; an empty table if there are none."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    is_first = True
    for table in tables:
        waiting.append(table)
        while sum(one.num_rows for one in waiting) >= ROWS_OF_A_GROUP:
            every = pa.concat_tables(waiting)
            yield every.slice(0, ROWS_OF_A_GROUP).combine_chunks()
            is_first = False
            waiting = [every.slice(ROWS_OF_A_GROUP)]
    rest = pa.concat_tables(waiting)
    if rest.num_rows or is_first:
        yield rest.combine_chunks()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, on the disk, then give it its own; or StoreError."""
    with _written_whole(path) as file:
        file.write(content)


@contextlib.contextmanager
def _written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that gets its name when it is on the disk; or StoreError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(path.parent, error) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_part(path: Path) -> pa.Table:
    """The table of a part; ValueError if the file is damaged or no part."""
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(path, page_checksum_verification=True)
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if RUN not in table.column_names:
        raise ValueError(f"{path} has no column '{RUN}'")
    return table


def runs_of(path: Path) -> Iterator[str]:
    """The keys of the runs in an intact part, not all in memory at a time."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=10_000, columns=[RUN]):
            yield from batch.column(RUN).to_pylist()


def part_of_file(folder: Path, name: str, rows: int) -> Part:
    """The part that a file already is."""
    with (folder / name).open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        return Part(name, rows, content.tell(), digest)


def is_intact(folder: Path, part: Part) -> bool:
    """Whether a part is still the file that was written."""
    path = folder / part.name
    try:
        if path.stat().st_size != part.size:
            return False
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == part.sha256
    except OSError:
        return False
