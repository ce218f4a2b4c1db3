"""Gathering: finished runs, out of the parts they lie in, as rows in the order of the design."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.studies.sweeps.design import KEYS, Task
from sim.studies.sweeps.parts import RUN, Columns, Part, read_part, schema, write_part

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.studies.sweeps.store import Store

ROWS_OF_A_FILE = 100_000
_ROWS_AT_A_TIME = 25_000
_OPEN_ROWS = 100_000
"""Rows of the parts read last that are kept: parts are of very different sizes."""


class _Parts:
    """The parts read last, by number: their tables and where in them each run is."""

    def __init__(self, store: Store) -> None:
        self._parts = store.journal.parts()
        self._folder = store.folder
        self._open: OrderedDict[int, tuple[pa.Table, dict[str, int]]] = OrderedDict()

    def take(self, number: int, runs: list[str], columns: Columns) -> pa.Table:
        """The rows of ``runs`` in a part."""
        if number in self._open:
            self._open.move_to_end(number)
        else:
            table = read_part(self._folder / self._parts[number].name)
            places = {run: place for place, run in enumerate(table.column(RUN).to_pylist())}
            self._open[number] = table.select([RUN, *(name for name, _ in columns)]), places
            while len(self._open) > 1 and self._rows() > _OPEN_ROWS:
                self._open.popitem(last=False)
        table, places = self._open[number]
        return table.take([places[run] for run in runs])

    def _rows(self) -> int:
        return sum(table.num_rows for table, _ in self._open.values())


def write_outcomes(store: Store, folder: Path, columns: Columns) -> list[Part]:
    """Write outcomes-00000.parquet and so on into ``folder``; memory does not grow with rows."""
    import pyarrow as pa

    parts = _Parts(store)
    written: list[Part] = []
    waiting: list[pa.Table] = []
    for table in _blocks(store, parts, columns):
        waiting.append(table)
        while sum(one.num_rows for one in waiting) >= ROWS_OF_A_FILE:
            every = pa.concat_tables(waiting)
            written.append(_write(folder, len(written), every.slice(0, ROWS_OF_A_FILE)))
            waiting = [every.slice(ROWS_OF_A_FILE)]
    rest = pa.concat_tables(waiting) if waiting else None
    if rest is not None and (rest.num_rows or not written):
        written.append(_write(folder, len(written), rest))
    return written


def rows_of(store: Store, tasks: Iterable[Task], columns: Columns) -> pa.Table:
    """The rows of those runs of ``tasks`` that are done, with the measures of ``columns``."""
    rows = [(t, policy, run) for t in tasks for policy, run in store.design.keys(t).items()]
    return _block(store, _Parts(store), rows, columns)


def _write(folder: Path, number: int, table: pa.Table) -> Part:
    return write_part(folder, f"outcomes-{number:05d}.parquet", table.combine_chunks())


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
