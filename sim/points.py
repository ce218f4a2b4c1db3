"""Points people hold, in lots: when each was issued, what is left of it, when it expires.

A point is worth one cent. Points that expire first are used first, so with one lifetime for all
the oldest lot goes first. Points of a refunded order come back with the date they had.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from sim.commission_lines import RowsByOrder
from sim.journal import LedgerError
from sim.orders import Table, share_out

NO_EXPIRY = np.iinfo(np.int32).max
_LOT_DTYPES: dict[str, type[np.generic]] = {
    "person": np.int32,
    "cents": np.int64,
    "expiry_tick": np.int32,
}
_FEWEST_LOTS_TO_TIDY = 1024


class Used(NamedTuple):
    """Points moved: arrays of equal length. order_id : int64. person : int32. cents : int64."""

    order_id: np.ndarray
    person: np.ndarray
    cents: np.ndarray


class PointLots:
    """The lots of all people, and which lots paid for which order.

    Attributes
    ----------
    left_cents : int
        What is left in all lots.
    """

    changing: ClassVar = ("left_cents", "_lots", "_uses")

    def __init__(self) -> None:
        self.left_cents = 0
        self._lots = Table(_LOT_DTYPES)
        self._uses = Table({"order_id": np.int64, **_LOT_DTYPES})
        self._uses_by_order = RowsByOrder(self._uses)

    def issue(self, person: np.ndarray, cents: np.ndarray, expiry_tick: np.ndarray | int) -> None:
        """Add a lot per row. person : int32 (n,). cents : int64 (n,), rows of 0 are left out.

        expiry_tick : int32 (n,) or one for all, the tick whose :meth:`expire` empties the lot.
        """
        some = cents > 0
        dates = np.broadcast_to(expiry_tick, cents.shape)
        row = {"person": person[some], "cents": cents[some], "expiry_tick": dates[some]}
        self._lots.append(int(some.sum()), row)
        self.left_cents += int(cents.sum())

    def use(self, order_id: np.ndarray, person: np.ndarray, cents: np.ndarray) -> None:
        """Pay for orders with their people's points, those that expire first before others.

        order_id : int64 (n,). person : int32 (n,). cents : int64 (n,), above 0. Raises
        :class:`LedgerError`, and uses nothing, if somebody has too few.
        """
        by_person = np.argsort(person, kind="stable")
        people, starts = np.unique(person[by_person], return_index=True)
        needed = np.add.reduceat(cents[by_person], starts)
        lots = self._lots_of(people)
        lot_person, lot_cents = self._lots["person"][lots], self._lots["cents"][lots]
        taken = share_out(lot_person, lot_cents, needed[np.searchsorted(people, lot_person)])
        missing = int(needed.sum() - taken.sum())
        if missing:
            raise LedgerError(f"{missing} cents in points are used that nobody has")
        # Laid end to end, person by person, orders and lots cover the same cents: every piece
        # between two neighbouring ends belongs to one order and one lot.
        order_ends, lot_ends = np.cumsum(cents[by_person]), np.cumsum(taken)
        ends = np.union1d(order_ends, lot_ends[taken > 0])
        order = by_person[np.searchsorted(order_ends, ends)]
        lot = lots[np.searchsorted(lot_ends, ends)]
        self._uses.append(
            len(ends),
            {
                "order_id": order_id[order],
                "person": person[order],
                "cents": np.diff(ends, prepend=0),
                "expiry_tick": self._lots["expiry_tick"][lot],
            },
        )
        self._lots["cents"][lots] -= taken
        self.left_cents -= int(taken.sum())
        self._tidy()

    def give_back(self, order_id: np.ndarray) -> Used:
        """Give back, as new lots, what paid for the orders; the dates of expiry stay."""
        rows, _ = self._uses_by_order.find(order_id)
        person, cents = self._uses["person"][rows], self._uses["cents"][rows]
        self.issue(person, cents, self._uses["expiry_tick"][rows])
        return Used(self._uses["order_id"][rows], person, cents)

    def expire(self, tick: int) -> tuple[np.ndarray, np.ndarray]:
        """Empty the lots that expire by ``tick``; people int32 (n,) and cents int64 (n,)."""
        lots = np.flatnonzero((self._lots["expiry_tick"] <= tick) & (self._lots["cents"] > 0))
        person, cents = self._lots["person"][lots], self._lots["cents"][lots]
        self._lots["cents"][lots] = 0
        self.left_cents -= int(cents.sum())
        self._tidy()
        return person, cents

    def per_person(self, size: int) -> np.ndarray:
        """What is left in everybody's lots, int64 (size,)."""
        result = np.zeros(size, np.int64)
        np.add.at(result, self._lots["person"], self._lots["cents"])
        return result

    def _lots_of(self, people: np.ndarray) -> np.ndarray:
        """Lots of ``people`` (ascending) with something left: by person, then by expiry."""
        lots = np.flatnonzero((self._lots["cents"] > 0) & np.isin(self._lots["person"], people))
        turn = np.lexsort((self._lots["expiry_tick"][lots], self._lots["person"][lots]))
        return lots[turn]

    def _tidy(self) -> None:
        """Forget empty lots once they are most of the table."""
        full = self._lots["cents"] > 0
        if self._lots.length < _FEWEST_LOTS_TO_TIDY or 2 * np.count_nonzero(full) > len(full):
            return
        kept = {name: self._lots[name][full] for name in _LOT_DTYPES}
        self._lots = Table(_LOT_DTYPES)
        self._lots.append(len(kept["cents"]), kept)
