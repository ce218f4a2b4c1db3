"""The orders of a run as they were booked, and when which of them is refunded."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sim._jit import kernel
from sim.journal import LedgerError
from sim.orders import NO_ORDERS, ORDER_DTYPES, Orders, Table, read_only

_FAULTS = (
    "",
    "an order id occurs twice in one day",
    "order {} is booked already or out of sequence",
    "a discount is negative or above the price of its order",
    "an order is paid in points with less than 0 or more than its price",
    "the cost of an order is negative",
)


class OrderBook:
    """All orders of a run by ascending id.

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

    def __init__(self) -> None:
        self.points_cents = 0
        self.refunded_through = -1
        self._table = Table(ORDER_DTYPES)
        self._last_order_id = -1
        self._refunds: dict[int, list[np.ndarray]] = {}

    def add(self, orders: Orders) -> None:
        """Add a day's orders, by ascending id; LedgerError for those that cannot be booked."""
        order_id = orders.order_id
        fault = _fault(
            order_id, orders.price_cents, orders.discount_cents, orders.points_cents,
            orders.cost_cents, self._last_order_id,
        )  # fmt: skip
        if fault:
            raise LedgerError(_FAULTS[fault].format(int(order_id[0])))
        columns = orders._asdict()
        columns["refund_tick"] = -1
        self._table.append(len(order_id), columns)
        self._last_order_id = int(order_id[-1])
        self.points_cents += int(orders.points_cents.sum())

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


@kernel
def _fault(
    order_id: np.ndarray,
    price: np.ndarray,
    discount: np.ndarray,
    points: np.ndarray,
    cost: np.ndarray,
    last_booked: int,
) -> int:
    """The first of _FAULTS that some order has, 0 for none. order_id : ascending, not empty."""
    fault = 2 if order_id[0] <= last_booked else 0
    for k in range(len(order_id)):
        found = 0
        if k > 0 and order_id[k] == order_id[k - 1]:
            found = 1
        elif discount[k] < 0 or discount[k] > price[k]:
            found = 3
        elif points[k] < 0 or points[k] > price[k] - discount[k]:
            found = 4
        elif cost[k] < 0:
            found = 5
        if found and (fault == 0 or found < fault):
            fault = found
    return fault
