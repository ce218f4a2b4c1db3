"""The orders of a run as they were booked, and when which of them is refunded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from sim._jit import Packed, inner, phase, ready
from sim.journal import LedgerError
from sim.orders import NO_ORDERS, ORDER_DTYPES, OpenTable, Orders, read_only

_FAULTS = (
    "",
    "an order id occurs twice in one day",
    "order {} is booked already or out of sequence",
    "a discount is negative or above the price of its order",
    "an order is paid in points with less than 0 or more than its price",
    "the cost of an order is negative",
    "the columns of a day's orders, from {}, have unequal lengths",
    "a consumer who bought order {} or one after it is unknown",
    "order {} or one after it is to be refunded on a day that is over",
)


class OrderBook:
    """All orders of a run by ascending id.

    Parameters
    ----------
    size : int
        Number of consumers; buyers are 0..size-1.

    Attributes
    ----------
    points_cents : int
        What the booked orders cost in points.
    refunded_through : int
        The last tick whose refunds are done, -1 before the first.
    """

    changing: ClassVar = (
        "points_cents", "refunded_through", "_table", "_last_order_id", "_refunds",
    )  # fmt: skip

    def __init__(self, size: int) -> None:
        self.size = size
        self.points_cents = 0
        self.refunded_through = -1
        self._table = OpenTable(ORDER_DTYPES, Orders)
        self._room, self._today = Packed(self._table.room(0)), Packed(NO_ORDERS)
        self._last_order_id = -1
        self._refunds: dict[int, list[np.ndarray]] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Compiled code is not saved with the books; it is looked up again.
        return {name: value for name, value in vars(self).items() if name != "_enter"}

    @functools.cached_property
    def _enter(self) -> Callable[..., tuple[int, int, int]]:
        """:func:`_enter_orders`, ready to be called."""
        return ready(_enter_orders, self._room, self._today, 0, 0, 0, 0)

    def add(self, orders: Orders) -> int:
        """Add a day's orders, by ascending id; returns how many say when they will be refunded.

        They are not noted for a refund by this. Raises LedgerError for orders that cannot be
        booked, and adds none of them.
        """
        count = len(orders.order_id)
        if count == 0:
            return 0
        room = self._room.at(self._table.room(count))
        fault, points, dated = self._enter(
            room, self._packed(orders), self._table.length, self._last_order_id, self.size,
            self.refunded_through,
        )  # fmt: skip
        if fault:
            raise LedgerError(_FAULTS[fault].format(int(orders.order_id[0])))
        self._table.length += count
        self._last_order_id = int(orders.order_id[-1])
        self.points_cents += points
        return dated

    def latest(self, count: int) -> tuple[Any, int, int]:
        """For compiled code: the packed columns, and the first and last + 1 of the latest rows."""
        return self._room.at(self._table.room(0)), self._table.length - count, self._table.length

    def _packed(self, orders: Orders) -> Any:
        """The orders for compiled code, which takes plain arrays of the columns' own types.

        It cannot tell numbers with their bytes the other way round.
        """
        try:
            if False not in [column.dtype.isnative for column in orders]:
                return self._today.at(orders)
        except TypeError:
            pass
        columns = [np.asarray(column) for column in orders]
        if any(column.ndim != 1 or column.dtype.kind not in "biu" for column in columns):
            raise LedgerError("the columns of a day's orders are not all rows of whole numbers")
        columns = [
            column.astype(dtype)
            for column, dtype in zip(columns, ORDER_DTYPES.values(), strict=True)
        ]
        return self._today.at(Orders(*columns))

    def rows(self, order_id: np.ndarray) -> np.ndarray:
        """Rows of booked orders, int64 (n,); LedgerError if one is not booked."""
        booked = self._table["order_id"]
        rows = np.searchsorted(booked, order_id)
        if int(order_id.max()) > self._last_order_id or (booked[rows] != order_id).any():
            raise LedgerError(f"an order up to {int(order_id.max())} is not booked")
        return rows

    def orders(self) -> Orders:
        """All orders, in the order of booking (read-only views)."""
        return Orders._make([read_only(self._table[name]) for name in ORDER_DTYPES])

    def is_refunded(self, rows: np.ndarray) -> np.ndarray:
        """Which of the orders in ``rows`` are refunded by now, bool (n,)."""
        refund_tick = self._table["refund_tick"][rows]
        return (refund_tick >= 0) & (refund_tick <= self.refunded_through)

    def schedule_refunds(self, order_id: np.ndarray, refund_tick: np.ndarray) -> None:
        """Note refunds to come; as :meth:`sim.ledger.Ledger.schedule_refunds`."""
        chosen = refund_tick >= 0
        if not np.count_nonzero(chosen):
            return
        order_id, refund_tick = order_id[chosen], refund_tick[chosen]
        rows = self.rows(order_id)
        if int(refund_tick.min()) <= self.refunded_through:
            raise LedgerError(f"refund at tick {int(refund_tick.min())}, which is over")
        if (self._table["refund_tick"][rows] >= 0).any():
            raise LedgerError("an order is to be refunded twice")
        self._table["refund_tick"][rows] = refund_tick
        in_time = np.argsort(refund_tick, kind="stable")
        due, starts = np.unique(refund_tick[in_time], return_index=True)
        for tick, part in zip(due.tolist(), np.split(rows[in_time], starts[1:]), strict=True):
            self._refunds.setdefault(tick, []).append(part)

    def refund(self, tick: int) -> Orders:
        """The orders to be refunded at ``tick``, which is over after this."""
        self.refunded_through = tick
        parts = self._refunds.pop(tick, None)
        return self.orders().take(np.concatenate(parts)) if parts else NO_ORDERS


@inner
def equally_long(orders: Orders) -> bool:
    """Whether all columns have a row per order id."""
    rows = orders.order_id.size
    return (
        orders.tick.size == orders.buyer.size == orders.product.size == rows
        and orders.price_cents.size == orders.discount_cents.size == orders.cost_cents.size == rows
        and orders.sponsor.size == orders.depth.size == orders.channel.size == rows
        and orders.new_customer.size == orders.refund_tick.size == rows
        and orders.points_cents.size == orders.fakes.size == orders.fraud.size == rows
        and orders.team.size == orders.team_opener.size == rows
    )


@phase
def _enter_orders(
    book: Orders, today: Orders, first: int, last_booked: int, size: int, refunded_through: int
) -> tuple[int, int, int]:
    """Write today's orders to the book from row ``first`` on, none of them if some cannot be.

    today : by ascending id, not empty. size : number of consumers. Returns the first of _FAULTS
    that some order has, 0 for none, what the orders cost in points, and how many say when they
    will be refunded.
    """
    if not equally_long(today):
        return 6, 0, 0
    fault = 2 if today.order_id[0] <= last_booked else 0
    points, dated = 0, 0
    for k in range(today.order_id.size):
        found = 0
        points += today.points_cents[k]
        dated += today.refund_tick[k] >= 0
        net = today.price_cents[k] - today.discount_cents[k]
        if k > 0 and today.order_id[k] == today.order_id[k - 1]:
            found = 1
        elif today.discount_cents[k] < 0 or net < 0:
            found = 3
        elif today.points_cents[k] < 0 or today.points_cents[k] > net:
            found = 4
        elif today.cost_cents[k] < 0:
            found = 5
        elif today.buyer[k] < 0 or today.buyer[k] >= size:
            found = 7
        elif 0 <= today.refund_tick[k] <= refunded_through:
            found = 8
        if found and (fault == 0 or found < fault):
            fault = found
    if fault:
        return fault, points, dated
    for k in range(today.order_id.size):
        row = first + k
        book.order_id[row] = today.order_id[k]
        book.tick[row] = today.tick[k]
        book.buyer[row] = today.buyer[k]
        book.product[row] = today.product[k]
        book.price_cents[row] = today.price_cents[k]
        book.discount_cents[row] = today.discount_cents[k]
        book.cost_cents[row] = today.cost_cents[k]
        book.sponsor[row] = today.sponsor[k]
        book.depth[row] = today.depth[k]
        book.channel[row] = today.channel[k]
        book.new_customer[row] = today.new_customer[k]
        book.refund_tick[row] = -1
        book.points_cents[row] = today.points_cents[k]
        book.fakes[row] = today.fakes[k]
        book.fraud[row] = today.fraud[k]
        book.team[row] = today.team[k]
        book.team_opener[row] = today.team_opener[k]
    return fault, points, dated
