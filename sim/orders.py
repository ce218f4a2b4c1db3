"""The rows the books are made of: orders, commissions, and tables of columns that grow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

Columns = TypeVar("Columns")

ORDER_DTYPES: dict[str, type[np.generic]] = {
    "order_id": np.int64,
    "tick": np.int32,
    "buyer": np.int32,
    "product": np.int16,
    "price_cents": np.int64,
    "discount_cents": np.int64,
    "cost_cents": np.int64,
    "sponsor": np.int32,
    "depth": np.int32,
    "channel": np.uint8,
    "new_customer": np.bool_,
    "refund_tick": np.int32,
    "points_cents": np.int64,
    "fakes": np.int8,
    "fraud": np.uint8,
    "team": np.int32,
    "team_opener": np.int32,
}
POSTING_DTYPES: dict[str, type[np.generic]] = {
    "tick": np.int32,
    "kind": np.uint8,
    "party": np.int32,
    "order_id": np.int64,
    "cents": np.int64,
}
LINE_DTYPES: dict[str, type[np.generic]] = {
    "order_id": np.int64,
    "recipient": np.int32,
    "cents": np.int64,
    "level": np.int8,
    "part": np.uint8,
    "held": np.bool_,
    "in_points": np.bool_,
}
GENUINE, FAKE_IDENTITY, RING, PHANTOM = range(4)
"""How an order came about: column ``fraud``. A phantom is bought only to be sent back."""


class Orders(NamedTuple):
    """The orders of one day, or of a run: arrays of equal length, a row per order.

    order_id : int64, unique, higher on later days. tick : int32. buyer : int32. product : int16.
    price_cents : int64, list price of the day. discount_cents : int64, given to the buyer.
    cost_cents : int64, unit cost. sponsor : int32, the consumer whose link is credited, -1 none.
    depth : int32, 0 without sponsor, else the depth of the sponsor's joining order + 1.
    channel : uint8, 0 none, 1 personal, 2 group, 3 broadcast. new_customer : bool.
    refund_tick : int32, the tick at which the order will be refunded, -1 never or not known yet.
    points_cents : int64, part of the net price that was paid in points.
    fakes : int8, invented identities between the buyer and the sponsor; the platform takes the
    buyer of such an order for a new customer.
    fraud : uint8, one of GENUINE, FAKE_IDENTITY, RING, PHANTOM; the platform cannot see it.
    team : int32, number of the team that bought together, 0 for none. team_opener : int32, who
    opened it, meaningless without a team.
    """

    order_id: np.ndarray
    tick: np.ndarray
    buyer: np.ndarray
    product: np.ndarray
    price_cents: np.ndarray
    discount_cents: np.ndarray
    cost_cents: np.ndarray
    sponsor: np.ndarray
    depth: np.ndarray
    channel: np.ndarray
    new_customer: np.ndarray
    refund_tick: np.ndarray
    points_cents: np.ndarray
    fakes: np.ndarray
    fraud: np.ndarray
    team: np.ndarray
    team_opener: np.ndarray

    @property
    def net_cents(self) -> np.ndarray:
        """What the buyer pays: price less discount, int64 (n,)."""
        return self.price_cents - self.discount_cents

    @property
    def seems_new(self) -> np.ndarray:
        """Orders by somebody whom the platform takes for a new customer, bool (n,)."""
        return self.new_customer | (self.fakes > 0)

    def take(self, rows: np.ndarray) -> Self:
        """The orders of ``rows`` (int64 indices or bool mask), in that order."""
        return type(self)(*(column[rows] for column in self))

    @classmethod
    def empty(cls) -> Self:
        """No orders."""
        return cls(*(np.empty(0, dtype) for dtype in ORDER_DTYPES.values()))


NO_ORDERS = Orders.empty()


class Commissions(NamedTuple):
    """What a scheme credits for a day's orders: arrays of equal length, a row per credit.

    order : int64, row of the day's :class:`Orders`. recipient : int32, consumer.
    cents : int64, above 0. level : int8, 1 for the order's sponsor, 2 for the sponsor's sponsor.
    """

    order: np.ndarray
    recipient: np.ndarray
    cents: np.ndarray
    level: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        """The credits of ``rows`` (int64 indices or bool mask), in that order."""
        return type(self)(*(column[rows] for column in self))

    @classmethod
    def empty(cls) -> Self:
        """No credits."""
        return cls(
            np.empty(0, np.int64),
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.int8),
        )


class CommissionLines(NamedTuple):
    """What the books owe people: arrays of equal length, a row per credit after all limits.

    order_id : int64. recipient : int32, consumer. cents : int64, above 0. level : int8, as in
    :class:`Commissions`. part : uint8, number of the scheme within a combination. held : bool,
    frozen by a check until it is rejected. in_points : bool, paid out in points.
    """

    order_id: np.ndarray
    recipient: np.ndarray
    cents: np.ndarray
    level: np.ndarray
    part: np.ndarray
    held: np.ndarray
    in_points: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        """The lines of ``rows`` (int64 indices or bool mask), in that order."""
        return type(self)(*(column[rows] for column in self))


class Bonuses(NamedTuple):
    """What a scheme pays at the end of a period: arrays of equal length, a row per payment.

    order_id : int64, an order credited to the recipient in the period, that a clawback can follow.
    recipient : int32, consumer. cents : int64, above 0.
    """

    order_id: np.ndarray
    recipient: np.ndarray
    cents: np.ndarray

    @classmethod
    def empty(cls) -> Self:
        """No payments."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int64))


NO_BONUSES = Bonuses.empty()


class Postings(NamedTuple):
    """Postings: arrays of equal length, see :data:`POSTING_DTYPES`."""

    tick: np.ndarray
    kind: np.ndarray
    party: np.ndarray
    order_id: np.ndarray
    cents: np.ndarray


class Table:
    """Columns of equal length that grow by doubling, so appending is amortised constant time."""

    def __init__(self, dtypes: dict[str, type[np.generic]]) -> None:
        self.length = 0
        self._columns = {name: np.empty(64, dtype) for name, dtype in dtypes.items()}
        self._capacity = 64

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name][: self.length]

    def columns(self) -> dict[str, np.ndarray]:
        """All columns (length,) by name, views."""
        return {name: self[name] for name in self._columns}

    def replace(self, columns: dict[str, np.ndarray]) -> None:
        """Hold the rows of ``columns``, all of equal length, instead of those so far."""
        self.length = 0
        self.append(len(next(iter(columns.values()))), columns)

    def append(self, size: int, values: dict[str, Any]) -> int:
        """Add ``size`` rows of arrays or constants; returns the number of the first."""
        first, end = self.length, self.length + size
        self._reserve(end)
        for name, value in values.items():
            self._columns[name][first:end] = value
        self.length = end
        return first

    def _reserve(self, rows: int) -> None:
        """Make room for so many rows."""
        if rows <= self._capacity:
            return
        self._capacity = max(rows, 2 * self._capacity)
        grown = {name: np.empty(self._capacity, c.dtype) for name, c in self._columns.items()}
        for name, column in self._columns.items():
            grown[name][: self.length] = column[: self.length]
        self._columns = grown


class OpenTable(Table, Generic[Columns]):
    """A table to which compiled code writes: its columns with their room as one named tuple."""

    def __init__(self, dtypes: dict[str, type[np.generic]], kind: Callable[..., Columns]) -> None:
        super().__init__(dtypes)
        self._kind = kind
        self._whole = kind(**self._columns)

    def room(self, size: int) -> Columns:
        """The columns with room for ``size`` rows from row ``length`` on; the same until they grow.

        Who writes rows there adds their number to ``length``.
        """
        self._reserve(self.length + size)
        return self._whole

    def _reserve(self, rows: int) -> None:
        before = self._columns
        super()._reserve(rows)
        if self._columns is not before:
            self._whole = self._kind(**self._columns)


def read_only(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view


def sum_before(key: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """For each row the sum of ``amounts`` in earlier rows of the same key, int64 (n,).

    key : int (n,), not negative. amounts : int64 (n,).
    """
    grouped = np.argsort(key, kind="stable")
    ordered = key[grouped]
    before = np.cumsum(amounts[grouped]) - amounts[grouped]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    before -= np.repeat(before[starts], np.diff(starts, append=len(key)))
    result = np.empty_like(before)
    result[grouped] = before
    return result


def share_out(key: np.ndarray, wanted: np.ndarray, available: np.ndarray) -> np.ndarray:
    """Grant ``wanted`` row by row until what is available to the row's key is used up.

    key : int (n,), not negative. wanted : int64 (n,), not negative. available : int64 (n,), the
    same for all rows of a key. Returns int64 (n,) from 0 to ``wanted``: the marginal row gets
    what is left, rows after it nothing.
    """
    return np.clip(available - sum_before(key, wanted), 0, wanted)
