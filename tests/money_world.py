"""Small orders, markets and programmes for the tests of money."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.incentives import SCHEMES, Everybody, Market, Programme, Scheme
from sim.ledger import Ledger
from sim.orders import ORDER_DTYPES, Orders

DEFAULTS = {
    "tick": 0,
    "buyer": 0,
    "product": 0,
    "price_cents": 2000,
    "discount_cents": 0,
    "cost_cents": 1200,
    "sponsor": -1,
    "depth": 0,
    "channel": 1,
    "new_customer": True,
    "refund_tick": -1,
    "points_cents": 0,
    "fakes": 0,
    "fraud": 0,
    "team": 0,
    "team_opener": -1,
}


BUILT_IN = [name for name, cls in SCHEMES.items() if cls.__module__.startswith("sim.schemes.")]
"""Names of the schemes that come with Vouch; other tests may have defined more."""

CHAIN = (-1, 0, 1, 2, 3)  # everybody was referred by the person before


def make_orders(order_id: Any, **columns: Any) -> Orders:
    """Orders with these ids; columns are arrays or constants, the others get DEFAULTS."""
    values = {**DEFAULTS, "order_id": order_id, **columns}
    size = len(np.atleast_1d(order_id))
    return Orders(
        *(np.array(np.broadcast_to(values[n], size), dtype=t) for n, t in ORDER_DTYPES.items())
    )


class Shop:
    """A market, its books and a programme, with the phases of a day that concern money."""

    def __init__(
        self,
        scheme: Scheme,
        size: int = 10,
        *,
        prices: Any = (2000,),
        costs: Any = (1200,),
        sponsor_of: Any = None,
        is_member: Any = True,
        dt: float = 1.0,
        products: Any = None,
        segments: tuple[str, ...] = (),
        people: dict[str, np.ndarray] | None = None,
        seed: int = 1,
    ) -> None:
        sponsors = np.full(size, -1) if sponsor_of is None else sponsor_of
        self.ledger = Ledger(size)
        self.prices = np.array(prices, np.int64)
        self.members = np.array(np.broadcast_to(is_member, size), bool)
        self.market = Market(
            prices_cents=self.prices,
            unit_costs_cents=np.array(costs, np.int64),
            products=products or tuple(f"product {p}" for p in range(len(self.prices))),
            categories=("general",) * len(self.prices),
            people=Everybody.members(
                size,
                sponsor_of=np.array(sponsors, np.int32),
                is_member=self.members,
                **(people or {}),
            ),
            ledger=self.ledger,
            segments=segments,
            dt=dt,
            seed=seed,
        )
        self.programme = Programme(scheme, self.market, self.ledger)

    def day(self, tick: int, orders: Orders | None = None) -> Orders | None:
        """Book and settle the orders of ``tick``, close the day; the orders as booked."""
        self.market.advance(tick)
        if orders is not None:
            orders = self.programme.grant_discounts(orders)
            self.ledger.book_orders(orders)
            self.programme.settle(orders)
        self.programme.close_day()
        return orders


def paid(shop, orders):
    """(order id, recipient, cents) of what a programme accrues for one day's orders."""
    shop.day(shop.market.tick, orders)
    lines = shop.ledger.entries()
    lines = lines[(lines.account == "commission_pending") & (lines.kind == "commission")]
    return list(zip(lines.order_id, lines.party, lines.credit_cents, strict=True))
