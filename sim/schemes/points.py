"""Rewards in points instead of money."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sim.market import Market, Offer
from sim.orders import Commissions, Orders
from sim.quantities import cents, quantity
from sim.schemes.scheme import CURRENCY, Scheme, part_of, rate_parts, to_sponsors, told


class Points(Scheme):
    """A share of the net price and an amount, in points that buy a later order.

    A point is worth a cent at the till. Until it is spent or expires it is a debt on the books.
    """

    source: ClassVar[str] = "loyalty points; Jin and Huang 2014 on rewards in cash and in kind"
    rate: float = quantity(
        0.10, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="points per cent of net price",
    )  # fmt: skip
    amount: float = quantity(
        0.0, unit=CURRENCY, low=0, high=1e7, kind="lever", neutral=0, source="plan",
        description="worth of the points for every order besides",
    )  # fmt: skip
    expire_days: int = quantity(
        365, unit="days", low=0, high=100_000, kind="lever", source="plan",
        description="days from issue after which points are gone; 0: never",
    )  # fmt: skip
    perceived_value: float = quantity(
        0.8, unit="cents per point", low=0, high=1, kind="uncertainty", neutral=1,
        source="A: points buy less than money; no source gives the number",
        description="what a point is worth to people",
    )  # fmt: skip

    @property
    def in_points(self) -> bool:
        """Yes."""
        return True

    @property
    def days_of_points(self) -> int:
        """The field expire_days."""
        return self.expire_days

    def offer(self, market: Market) -> Offer:
        """What the points are worth to people."""
        reward = self.perceived_value * self.bound_cents(market)
        return told(market, reward=reward, in_kind=True)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The points of each order to its sponsor."""
        share = part_of(orders.net_cents, rate_parts(self.rate))
        return to_sponsors(orders, share + cents(self.amount, "amount"))

    def bound_cents(self, market: Market) -> np.ndarray:
        """The points on an order at list price, at their worth at the till."""
        return cents(self.amount, "amount") + self.rate * market.prices_cents
