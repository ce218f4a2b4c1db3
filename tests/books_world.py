"""Small commission lines and arrays for the tests of the books."""

from __future__ import annotations

import numpy as np

from sim.orders import LINE_DTYPES, CommissionLines
from tests.money_world import make_orders

WALLET_NAMES = (
    "earned", "pending", "held", "approved", "paid", "owed", "points", "capped", "cancelled",
    "clawed_back", "balance",
)  # fmt: skip


def credit(order_id, recipient, cents, *, part=0, held=False, in_points=False):
    """Commission lines, a row per order id."""
    given = (order_id, recipient, cents, 1, part, held, in_points)
    values = dict(zip(LINE_DTYPES, given, strict=True))
    size = len(np.atleast_1d(order_id))
    return CommissionLines(
        *(np.array(np.broadcast_to(values[n], size), dtype=t) for n, t in LINE_DTYPES.items())
    )


def people(*numbers):
    return np.array(numbers, np.int32)


def cents(*amounts):
    return np.array(amounts, np.int64)


def wallet(ledger, person):
    """What the books say about somebody, without what is zero."""
    found = {name: int(getattr(ledger, f"{name}_cents")[person]) for name in WALLET_NAMES}
    return nonzero(found)


def states(ledger):
    return nonzero(ledger.commission_states())


def kinds(ledger):
    return ledger.entries().kind[::2].tolist()


def nonzero(totals):
    return {name: amount for name, amount in totals.items() if amount}


def issue_points(ledger, tick, order_id, person, amount, expiry_tick):
    """Book an order whose commission is issued in points at once."""
    ledger.book_orders(make_orders([order_id], tick=tick))
    ledger.accrue(tick, credit(order_id, person, amount, in_points=True), due_tick=tick)
    ledger.approve(tick, expiry_tick)
