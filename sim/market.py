"""What an incentive scheme may read of the world, and what it tells people."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.ledger import Ledger
from sim.orders import Orders, read_only

MONTH_DAYS = 30


class Offer(NamedTuple):
    """What people are told.

    reward_cents : float64 (P,) or (P, N), what a consumer believes one sale of a product through
    her own link earns her. friend_cents : int64 (P,), what a friend gets off who buys through it.
    """

    reward_cents: np.ndarray
    friend_cents: np.ndarray


class Market:
    """What a scheme may read. The arrays are the model's own, seen through read-only views.

    Parameters
    ----------
    prices_cents, unit_costs_cents : ndarray
        int64 (P,), changed in place when a campaign changes them.
    categories : tuple of str
        One per product.
    sponsor_of : ndarray
        int32 (N,), who referred each consumer, -1 for nobody; a forest.
    is_member : ndarray
        bool (N,), who is a member now; changed in place.
    ledger : Ledger
        The books of the run, for what people have earned.
    dt : float
        Days per tick.
    """

    def __init__(
        self,
        *,
        prices_cents: np.ndarray,
        unit_costs_cents: np.ndarray,
        categories: tuple[str, ...],
        sponsor_of: np.ndarray,
        is_member: np.ndarray,
        ledger: Ledger,
        dt: float = 1.0,
    ) -> None:
        self.tick = 0
        self.dt = dt
        self.size = len(sponsor_of)
        self.categories = categories
        self._prices = prices_cents
        self._unit_costs = unit_costs_cents
        self._sponsor_of = sponsor_of
        self._is_member = is_member
        self._ledger = ledger
        self._credited = np.zeros((2, self.size), np.int32)
        self._credited_cents = np.zeros((2, self.size), np.int64)

    @property
    def day(self) -> float:
        """Days since the start of the run."""
        return self.tick * self.dt

    @property
    def prices_cents(self) -> np.ndarray:
        """List prices of today, int64 (P,)."""
        return read_only(self._prices)

    @property
    def unit_costs_cents(self) -> np.ndarray:
        """What a unit costs the platform, int64 (P,)."""
        return read_only(self._unit_costs)

    @property
    def sponsor_of(self) -> np.ndarray:
        """Who referred each consumer, int32 (N,), -1 for nobody."""
        return read_only(self._sponsor_of)

    @property
    def is_member(self) -> np.ndarray:
        """Who is a member now, bool (N,)."""
        return read_only(self._is_member)

    @property
    def credited_orders(self) -> np.ndarray:
        """Orders credited to each consumer before this settlement, int32 (N,)."""
        return read_only(self._credited[0])

    @property
    def credited_orders_month(self) -> np.ndarray:
        """The same since the current 30-day month began, int32 (N,)."""
        return read_only(self._credited[1])

    @property
    def credited_sales_cents(self) -> np.ndarray:
        """Net price of the orders credited to each consumer before, int64 (N,)."""
        return read_only(self._credited_cents[0])

    @property
    def credited_sales_month_cents(self) -> np.ndarray:
        """The same since the current 30-day month began, int64 (N,)."""
        return read_only(self._credited_cents[1])

    @property
    def earned_cents(self) -> np.ndarray:
        """Commission accrued less clawed back, int64 (N,)."""
        return self._ledger.earned_cents

    def ancestors(self, people: np.ndarray, levels: int) -> np.ndarray:
        """Chains of sponsors, int32 (n, levels): the people themselves, then who referred them.

        people : int32 (n,), -1 gives an empty chain. A chain that ends is filled up with -1.
        """
        chain = np.empty((len(people), levels), np.int32)
        chain[:, 0] = people
        for level in range(1, levels):
            below = chain[:, level - 1]
            chain[:, level] = np.where(below >= 0, self._sponsor_of[below], -1)
        return chain

    def advance(self, tick: int) -> None:
        """Go to ``tick``; a new 30-day month starts its own count of credited orders."""
        if int(tick * self.dt // MONTH_DAYS) != int(self.day // MONTH_DAYS):
            self._credited[1] = 0
            self._credited_cents[1] = 0
        self.tick = tick

    def credit(self, orders: Orders) -> None:
        """Count ``orders``, all with a sponsor, for their sponsors; a refund takes nothing back."""
        for row in range(2):
            np.add.at(self._credited[row], orders.sponsor, 1)
            np.add.at(self._credited_cents[row], orders.sponsor, orders.net_cents)
