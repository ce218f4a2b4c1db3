"""Gathering: finished runs, out of the parts they lie in, as rows in the order of the design."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.studies.sweeps.design import KEYS, Task
from sim.studies.sweeps.parts import RUN, Columns, Part, read_part, schema, write_large_part

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.studies.sweeps.store import Store

ROWS_OF_A_FILE = 100_000
_ROWS_AT_A_TIME = 25_000
_OPEN_ROWS = 100_000
"""Rows of the parts read last that are kept: parts are of very different sizes."""


class _Parts:
    """The parts read last, by number."""

    def __init__(self, store: Store) -> None:
        self._parts = store.journal.parts()
        self._folder = store.folder
        self._open: OrderedDict[int, pa.Table] = OrderedDict()

    def take(self, number: int, runs: list[str], columns: Columns) -> pa.Table:
        """The rows of ``runs`` in a part."""
        import pyarrow as pa
        from pyarrow import compute

        if number in self._open:
            self._open.move_to_end(number)
        else:
            table = read_part(self._folder / self._parts[number].name)
            self._open[number] = table.select([RUN, *(name for name, _ in columns)])
            while len(self._open) > 1 and self._rows() > _OPEN_ROWS:
                self._open.popitem(last=False)
        table = self._open[number]
        # Not a dictionary of the keys, which would be the most of what is in memory.
        return table.take(compute.index_in(pa.array(runs), value_set=table.column(RUN)))

    def _rows(self) -> int:
        return sum(table.num_rows for table in self._open.values())


def write_outcomes(store: Store, folder: Path, columns: Columns) -> list[Part]:
    """Write outcomes-00000.parquet and so on into ``folder``; memory does not grow with rows."""
    slices = _by_file(_blocks(store, _Parts(store), columns))
    return [
        write_large_part(folder, f"outcomes-{file:05d}.parquet", (rows for _, rows in of_file))
        for file, of_file in itertools.groupby(slices, itemgetter(0))
    ]


def _by_file(tables: Iterable[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    """Slices of tables, each with the number of the file that it goes into; at least one."""
    before = 0
    for table in tables:
        start = 0
        while start < table.num_rows or not before:
            file = before // ROWS_OF_A_FILE
            rows = min(table.num_rows - start, (file + 1) * ROWS_OF_A_FILE - before)
            yield file, table.slice(start, rows)
            start, before = start + rows, before + rows
            if not rows:
                break


def rows_of(store: Store, tasks: Iterable[Task], columns: Columns) -> pa.Table:
    """The rows of those runs of ``tasks`` that are done, with the measures of ``columns``."""
    rows = [(t, policy, run) for t in tasks for policy, run in store.design.keys(t).items()]
    return _block(store, _Parts(store), rows, columns)


def _blocks(store: Store, parts: _Parts, columns: Columns) -> Iterator[pa.Table]:
    """Tables of rows in the order of the design; a last one may be empty."""
    rows: list[tuple[Task, str, str]] = []
    for task in store.design.tasks():
        rows += [(task, policy, run) for policy, run in store.design.keys(task).items()]
        if len(rows) >= _ROWS_AT_A_TIME:
            yield _block(store, parts, rows, columns)
            rows = []
    yield _block(store, parts, rows, columns)


def _block(
    store: Store, parts: _Parts, rows: list[tuple[Task, str, str]], columns: Columns
) -> pa.Table:
    import pyarrow as pa

    where = store.journal.parts_of(list(dict.fromkeys(run for _, _, run in rows)))
    done = [row for row in rows if row[2] in where]
    by_part: dict[int, list[str]] = {}
    for run in dict.fromkeys(row[2] for row in done):
        by_part.setdefault(where[run], []).append(run)
    found = [parts.take(number, runs, columns) for number, runs in by_part.items()]
    order = {run: place for place, run in enumerate(r for runs in by_part.values() for r in runs)}
    table = pa.concat_tables(found) if found else schema(columns).empty_table()
    table = table.take(pa.array([order[row[2]] for row in done], pa.int64()))
    keys = {
        "policy": pa.array([policy for _, policy, _ in done], pa.string()),
        **{
            name: pa.array(np.array([getattr(task, name) for task, _, _ in done], np.int64))
            for name in KEYS[1:]
        },
    }
    for place, (name, values) in enumerate(keys.items()):
        table = table.add_column(place, name, values)
    return table
