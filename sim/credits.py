"""Orders that count for their sponsors: the record a scheme looks back on."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from sim.orders import Commissions, Orders, Table, read_only

MONTH_DAYS = 30
LIFETIME, MONTH = 0, 1
CREDIT_DTYPES: dict[str, type[np.generic]] = {
    "order_id": np.int64,
    "tick": np.int32,
    "month": np.int32,
    "sponsor": np.int32,
    "net_cents": np.int64,
    "commission_cents": np.int64,
    "stands": np.bool_,
}


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


class Sums(NamedTuple):
    """Of credited orders, less those refunded: arrays (2, N), row LIFETIME and row MONTH.

    counts : int32. net_cents : int64. commission_cents : int64.
    """

    counts: np.ndarray
    net_cents: np.ndarray
    commission_cents: np.ndarray


class CreditHistory:
    """Counts and sums of credited orders, per consumer, over the run and over the month.

    They are added up when a scheme first asks for them, and kept up from then on: most never ask.

    Parameters
    ----------
    size : int
        Number of consumers.
    """

    changing: ClassVar = ("month", "_credits", "_changes")

    def __init__(self, size: int) -> None:
        self.size = size
        self.month = 0
        self._credits = Table(CREDIT_DTYPES)
        self._changes = 0
        self._sums: Sums | None = None
        self._summed_at = 0

    def counts(self, period: int) -> np.ndarray:
        """Credited orders less those refunded, int32 (size,). period : LIFETIME or MONTH."""
        return read_only(self._added_up().counts[period])

    def net_cents(self, period: int) -> np.ndarray:
        """Net price of these orders, int64 (size,)."""
        return read_only(self._added_up().net_cents[period])

    def commission_cents(self, period: int) -> np.ndarray:
        """What the scheme gave for these orders before any limit, int64 (size,)."""
        return read_only(self._added_up().commission_cents[period])

    def enter(self, month: int) -> None:
        """Go to ``month``; a new one starts its own counts."""
        if month != self.month:
            self.month = month
            for sums in self._sums or ():
                sums[MONTH] = 0

    def credit(self, tick: int, orders: Orders, credits: Commissions) -> None:
        """Count ``orders``, all with a sponsor and by ascending id, for their sponsors.

        credits : what the scheme gives for them, before any limit.
        """
        count = len(orders.order_id)
        commission = np.zeros(count, np.int64)
        own = credits.recipient == orders.sponsor[credits.order]
        np.add.at(commission, credits.order[own], credits.cents[own])
        row = {
            "order_id": orders.order_id,
            "tick": tick,
            "month": self.month,
            "sponsor": orders.sponsor,
            "net_cents": orders.net_cents,
            "commission_cents": commission,
            "stands": True,
        }
        first = self._credits.append(count, row)
        self._note(np.arange(first, first + count), 1)

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
        self._note(rows, -1)
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
        return Credits(rows, place[chosen], *self._columns(rows))

    def since(self, tick: int) -> Credits:
        """Credits of orders from ``tick`` on that still stand, by id; an account per sponsor."""
        first = int(np.searchsorted(self._credits["tick"], tick))
        rows = first + np.flatnonzero(self._credits["stands"][first:])
        return Credits(rows, self._credits["sponsor"][rows].astype(np.int64), *self._columns(rows))

    def lower(self, rows: np.ndarray, taken_cents: np.ndarray) -> None:
        """Note that the scheme gives ``taken_cents`` less, int64 (n,), for standing credits."""
        self._credits["commission_cents"][rows] -= taken_cents
        sums = self._current_sums()
        self._changes += 1
        if sums is not None:
            sponsor = self._credits["sponsor"][rows]
            current = self._credits["month"][rows] == self.month
            lifetime, month = sums.commission_cents
            np.subtract.at(lifetime, sponsor, taken_cents)
            np.subtract.at(month, sponsor[current], taken_cents[current])
            self._summed_at = self._changes

    def _columns(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """Order ids, sponsors, net prices and commissions of ``rows``."""
        return tuple(self._credits[name][rows] for name in Credits._fields[2:])

    def _current_sums(self) -> Sums | None:
        """The sums, if they are added up and hold the last change."""
        return self._sums if self._summed_at == self._changes else None

    def _added_up(self) -> Sums:
        """The sums, from now on kept up."""
        sums = self._current_sums()
        if sums is None:
            shape = 2, self.size
            sums = Sums(*(np.zeros(shape, dtype) for dtype in (np.int32, np.int64, np.int64)))
            self._count(sums, np.flatnonzero(self._credits["stands"]), 1)
            self._sums, self._summed_at = sums, self._changes
        return sums

    def _note(self, rows: np.ndarray, sign: int) -> None:
        """Credits were added, or with sign -1 fall; their rows still say so if they stand."""
        sums = self._current_sums()
        self._changes += 1
        if sums is not None:
            self._count(sums, rows, sign)
            self._summed_at = self._changes

    def _count(self, sums: Sums, rows: np.ndarray, sign: int) -> None:
        """Add credits to the counts of their sponsors, or with sign -1 take them off."""
        for period in (LIFETIME, MONTH):
            if period == MONTH:
                rows = rows[self._credits["month"][rows] == self.month]
            sponsor = self._credits["sponsor"][rows]
            np.add.at(sums.counts[period], sponsor, np.int32(sign))
            for name in ("net_cents", "commission_cents"):
                np.add.at(getattr(sums, name)[period], sponsor, sign * self._credits[name][rows])
