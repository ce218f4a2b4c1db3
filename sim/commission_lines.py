"""The commission lines of a run: who was credited for which order, and how each line stands."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

import numpy as np

from sim.orders import LINE_DTYPES, CommissionLines, Table

_DTYPES: dict[str, type[np.generic]] = {
    **LINE_DTYPES,
    "tick": np.int32,
    "due_tick": np.int32,
    "state": np.uint8,
}
_INDEX_DTYPES: dict[str, type[np.generic]] = {"order_id": np.int64, "row": np.int64}


class LineState(IntEnum):
    """Where a commission line stands; every line is in exactly one state.

    Pending, held by a check, approved, or paid (in cash, in points or by setting it off against a
    debt); taken back before it was approved (cancelled) or after (clawed back).
    """

    PENDING = 0
    HELD = 1
    APPROVED = 2
    PAID = 3
    CLAWED_BACK = 4
    CANCELLED = 5


_UNPAID = (LineState.PENDING, LineState.HELD, LineState.APPROVED)


def within_reach(clawback: bool) -> tuple[LineState, ...]:
    """The states from which a line can be taken back."""
    return (*_UNPAID, LineState.PAID) if clawback else _UNPAID


class RowsByOrder:
    """Finds the rows of a growing table by their order ids.

    Nothing is stored as long as the table's ids ascend. After that the rows whose ids ascend are
    told from the late ones, those of earlier orders, which are few and kept sorted.

    Parameters
    ----------
    table : Table
        With a column ``order_id``; rows are only added.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._seen = 0
        self._highest = -1
        self._ascending = Table(_INDEX_DTYPES)
        self._late_id, self._late_row = np.empty((2, 0), np.int64)

    def find(self, order_id: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the orders, and for each the place of its order, int64 (m,) each.

        order_id : int64 (n,). Rows come order by order, within an order in the table's order.
        """
        self._update()
        if not self._late_id.size:
            return _matches(self._table["order_id"], order_id)
        ascending, place = _matches(self._ascending["order_id"], order_id)
        late, late_place = _matches(self._late_id, order_id)
        rows = np.concatenate([self._ascending["row"][ascending], self._late_row[late]])
        places = np.concatenate([place, late_place])
        turn = np.argsort(places, kind="stable")  # a late row of an order comes after the others
        return rows[turn], places[turn]

    def contains(self, order_id: np.ndarray) -> np.ndarray:
        """Which orders have a row: bool (n,). order_id : int64 (n,)."""
        found = np.zeros(len(order_id), np.bool_)
        found[self.find(order_id)[1]] = True
        return found

    def _update(self) -> None:
        """Take notice of the rows added since the last time."""
        order_id, first = self._table["order_id"], self._seen
        if first == len(order_id):
            return
        added, rows = order_id[first:], np.arange(first, len(order_id))
        self._seen = len(order_id)
        highest = np.maximum(np.maximum.accumulate(added), self._highest)
        self._highest = int(highest[-1])
        late = added < highest
        if not late.any() and not self._late_id.size:
            return
        if not self._late_id.size:
            self._append(order_id[:first], np.arange(first))
        self._append(added[~late], rows[~late])
        in_turn = np.argsort(added[late], kind="stable")
        late_id, late_row = added[late][in_turn], rows[late][in_turn]
        places = np.searchsorted(self._late_id, late_id, side="right")
        self._late_id = np.insert(self._late_id, places, late_id)
        self._late_row = np.insert(self._late_row, places, late_row)

    def _append(self, order_id: np.ndarray, rows: np.ndarray) -> None:
        """Add to the rows whose ids ascend."""
        self._ascending.append(len(rows), {"order_id": order_id, "row": rows})


def _matches(sorted_id: np.ndarray, order_id: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of ``order_id`` among sorted ids, and for each which one it is, int64 (m,) each."""
    starts = np.searchsorted(sorted_id, order_id)
    counts = np.searchsorted(sorted_id, order_id, side="right") - starts
    found = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return found, np.repeat(np.arange(len(order_id)), counts)


class LineTable:
    """All commission lines of a run; cents by state are counted as lines move.

    Attributes
    ----------
    cents_in : list of int
        Cents of the lines in each :class:`LineState`.
    """

    changing: ClassVar = ("cents_in", "_table")

    def __init__(self) -> None:
        self.cents_in = [0] * len(LineState)
        self._table = Table(_DTYPES)
        self._by_order = RowsByOrder(self._table)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._table[name]

    def columns(self) -> dict[str, np.ndarray]:
        """All columns (lines,) by name, views."""
        return self._table.columns()

    def add(self, tick: int, lines: CommissionLines, due_tick: int) -> np.ndarray:
        """Add lines, pending or held; returns their rows, int64 (n,)."""
        state = np.where(lines.held, LineState.HELD, LineState.PENDING)
        held_cents = int(lines.cents[lines.held].sum())
        self.cents_in[LineState.HELD] += held_cents
        self.cents_in[LineState.PENDING] += int(lines.cents.sum()) - held_cents
        count = len(lines.cents)
        row = {**lines._asdict(), "tick": tick, "due_tick": due_tick, "state": state}
        first = self._table.append(count, row)
        return np.arange(first, first + count)

    def of_orders(self, order_id: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the orders' lines, and for each the place of its order, int64 (m,) each."""
        return self._by_order.find(order_id)

    def has_line(self, order_id: np.ndarray) -> np.ndarray:
        """Which orders have a line: bool (n,). order_id : int64 (n,)."""
        return self._by_order.contains(order_id)

    def standing(self, rows: np.ndarray, *states: LineState) -> np.ndarray:
        """Those of ``rows`` that are in one of ``states``, int64 (m,)."""
        state = self._table["state"][rows]
        return rows[np.logical_or.reduce([state == chosen for chosen in states])]

    def move(self, rows: np.ndarray, before: LineState, after: LineState) -> None:
        """Move lines, all in state ``before``, to state ``after``."""
        moved = int(self._table["cents"][rows].sum())
        self.cents_in[before] -= moved
        self.cents_in[after] += moved
        self._table["state"][rows] = after

    def split(self, rows: np.ndarray, part_cents: np.ndarray) -> np.ndarray:
        """Rows that hold exactly ``part_cents`` of the lines; a line is cut in two where needed.

        rows : int64 (n,), distinct. part_cents : int64 (n,), from 1 to what the line has. The
        rest keeps its row, the part gets a new one in the same state.
        """
        cut = part_cents < self._table["cents"][rows]
        if not cut.any():
            return rows
        whole, part_cents = rows[cut], part_cents[cut]
        self._table["cents"][whole] -= part_cents
        parts = {name: self._table[name][whole] for name in _DTYPES}
        first = self._table.append(len(whole), {**parts, "cents": part_cents})
        result = rows.copy()
        result[cut] = np.arange(first, first + len(whole))
        return result

    def per_person(self, size: int, *states: LineState) -> np.ndarray:
        """Cents of the lines in ``states``, per consumer, int64 (size,)."""
        rows = np.isin(self._table["state"], states)
        result = np.zeros(size, np.int64)
        np.add.at(result, self._table["recipient"][rows], self._table["cents"][rows])
        return result
