"""What an incentive scheme may read of the world, and what it tells people."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.ledger import Ledger
from sim.orders import Commissions, Orders, Table, read_only

MONTH_DAYS = 30
CREDIT_DTYPES: dict[str, type[np.generic]] = {
    "order_id": np.int64,
    "month": np.int32,
    "sponsor": np.int32,
    "net_cents": np.int64,
    "commission_cents": np.int64,
    "stands": np.bool_,
}


class Offer(NamedTuple):
    """What people are told.

    reward_cents : float64 (P,) or (P, N), what a consumer believes one sale of a product through
    her own link earns her. friend_cents : int64 (P,), what a friend gets off who buys through it.
    """

    reward_cents: np.ndarray
    friend_cents: np.ndarray


class Credits(NamedTuple):
    """Orders that count for their sponsors: arrays of equal length, a row per order.

    row : int64, number of the credit. account : int64, 0, 1, ... one per sponsor and period.
    order_id : int64. sponsor : int32. net_cents : int64. commission_cents : int64, what the
    scheme gives the sponsor for it before any limit.
    """

    row: np.ndarray
    account: np.ndarray
    order_id: np.ndarray
    sponsor: np.ndarray
    net_cents: np.ndarray
    commission_cents: np.ndarray


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
        # Row 0 since the run began, row 1 since the month began.
        self._credited = np.zeros((2, self.size), np.int32)
        self._credited_cents = np.zeros((2, self.size), np.int64)
        self._commission_cents = np.zeros((2, self.size), np.int64)
        self._credits = Table(CREDIT_DTYPES)

    @property
    def day(self) -> float:
        """Days since the start of the run."""
        return self.tick * self.dt

    @property
    def month(self) -> int:
        """Number of the current 30-day month, from 0."""
        return self._month_of(self.tick)

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
        """Orders credited to each consumer before, less those refunded, int32 (N,)."""
        return read_only(self._credited[0])

    @property
    def credited_orders_month(self) -> np.ndarray:
        """The same since the current 30-day month began, int32 (N,)."""
        return read_only(self._credited[1])

    @property
    def credited_sales_cents(self) -> np.ndarray:
        """Net price of these orders, int64 (N,)."""
        return read_only(self._credited_cents[0])

    @property
    def credited_sales_month_cents(self) -> np.ndarray:
        """The same since the current 30-day month began, int64 (N,)."""
        return read_only(self._credited_cents[1])

    @property
    def credited_commission_cents(self) -> np.ndarray:
        """What the scheme gave each consumer for these orders, before any limit, int64 (N,)."""
        return read_only(self._commission_cents[0])

    @property
    def credited_commission_month_cents(self) -> np.ndarray:
        """The same since the current 30-day month began, int64 (N,)."""
        return read_only(self._commission_cents[1])

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
        if self._month_of(tick) != self.month:
            self._credited[1] = 0
            self._credited_cents[1] = 0
            self._commission_cents[1] = 0
        self.tick = tick

    def credit(self, orders: Orders, credits: Commissions) -> None:
        """Count ``orders``, all with a sponsor and by ascending id, for their sponsors.

        credits : what the scheme gives for them, before any limit.
        """
        count = len(orders.order_id)
        commission = np.zeros(count, np.int64)
        own = credits.recipient == orders.sponsor[credits.order]
        np.add.at(commission, credits.order[own], credits.cents[own])
        row = {
            "order_id": orders.order_id,
            "month": self.month,
            "sponsor": orders.sponsor,
            "net_cents": orders.net_cents,
            "commission_cents": commission,
            "stands": True,
        }
        first = self._credits.append(count, row)
        self._count(np.arange(first, first + count), 1)

    def retract(self, order_id: np.ndarray) -> np.ndarray:
        """Stop counting refunded orders, lifetime and month alike.

        order_id : int64 (n,). Returns the credits that fall, int64 (m,): a row per order that
        was counted, numbered as :meth:`standing` numbers them.
        """
        credited = self._credits["order_id"]
        if len(credited) == 0:
            return np.empty(0, np.int64)
        rows = np.minimum(np.searchsorted(credited, order_id), len(credited) - 1)
        rows = rows[credited[rows] == order_id]
        self._count(rows, -1)
        self._credits["stands"][rows] = False
        return rows

    def standing(self, fallen: np.ndarray, by_month: bool) -> Credits:
        """Credits that still stand beside ``fallen`` ones (of one sponsor and period), by id.

        fallen : int64 (m,), from :meth:`retract`. A period is a month or the whole run.
        """
        months, sponsors = self._credits["month"], self._credits["sponsor"]
        first, last = 0, len(months)
        if by_month:
            first = int(np.searchsorted(months, months[fallen].min()))
            last = int(np.searchsorted(months, months[fallen].max(), side="right"))
        account = sponsors[first:last].astype(np.int64)
        touched = sponsors[fallen].astype(np.int64)
        if by_month:
            account += self.size * months[first:last].astype(np.int64)
            touched += self.size * months[fallen].astype(np.int64)
        touched = np.unique(touched)
        place = np.minimum(np.searchsorted(touched, account), len(touched) - 1)
        chosen = self._credits["stands"][first:last] & (touched[place] == account)
        rows = first + np.flatnonzero(chosen)
        columns = (self._credits[name][rows] for name in Credits._fields[2:])
        return Credits(rows, place[chosen], *columns)

    def lower(self, rows: np.ndarray, taken_cents: np.ndarray) -> None:
        """Note that the scheme gives ``taken_cents`` less, int64 (n,), for standing credits."""
        self._credits["commission_cents"][rows] -= taken_cents
        sponsor = self._credits["sponsor"][rows]
        current = self._credits["month"][rows] == self.month
        np.subtract.at(self._commission_cents[0], sponsor, taken_cents)
        np.subtract.at(self._commission_cents[1], sponsor[current], taken_cents[current])

    def _count(self, rows: np.ndarray, sign: int) -> None:
        """Add credits to the counts of their sponsors, or with sign -1 take them off."""
        for period in range(2):
            if period == 1:
                rows = rows[self._credits["month"][rows] == self.month]
            sponsor = self._credits["sponsor"][rows]
            np.add.at(self._credited[period], sponsor, sign)
            for sums, name in (
                (self._credited_cents, "net_cents"),
                (self._commission_cents, "commission_cents"),
            ):
                np.add.at(sums[period], sponsor, sign * self._credits[name][rows])

    def _month_of(self, tick: int) -> int:
        """Number of the 30-day month of a tick."""
        return int(tick * self.dt // MONTH_DAYS)
