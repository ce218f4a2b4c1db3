"""A scheme held to its terms: who qualifies, and what budget, caps and dates leave of a claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import ClassVar, NamedTuple, Self

import numpy as np

from sim.errors import InputError
from sim.market import Market, Offer
from sim.orders import NO_BONUSES, Bonuses, Commissions, Orders, share_out
from sim.quantities import cents
from sim.schemes.composed import Composed
from sim.schemes.scheme import Scheme

Split = Callable[[Orders, Commissions], Commissions]


def is_referred(orders: Orders) -> np.ndarray:
    """Orders through somebody else's link, as far as anybody can see, bool (n,)."""
    linked = orders.sponsor >= 0
    if not np.count_nonzero(linked):
        return linked
    return linked & ((orders.sponsor != orders.buyer) | (orders.fakes > 0))


class Claims(NamedTuple):
    """Credits on their way through the limits: arrays of equal length, a row per credit.

    order : int64, row of the orders they belong to. recipient : int32. cents : int64, what is
    granted so far. refused : int64, what limits took off. level : int8. part : int64, number of
    the scheme that gives it.
    """

    order: np.ndarray
    recipient: np.ndarray
    cents: np.ndarray
    refused: np.ndarray
    level: np.ndarray
    part: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        """The claims of ``rows`` (int64 indices or bool mask), in that order."""
        return type(self)(*(column[rows] for column in self))

    @classmethod
    def of(cls, credits: Commissions, part: int) -> Self:
        """Credits of one scheme, nothing refused yet."""
        size = len(credits.cents)
        return cls(
            np.asarray(credits.order, np.int64),
            np.asarray(credits.recipient, np.int32),
            np.asarray(credits.cents, np.int64),
            np.zeros(size, np.int64),
            np.asarray(credits.level, np.int8),
            np.full(size, part, np.int64),
        )

    @classmethod
    def joined(cls, claims: list[Claims]) -> Self:
        """Several sets of claims in the order of their orders, levels and parts."""
        if not claims:
            return cls.of(Commissions.empty(), 0)
        together = cls(*(np.concatenate(columns) for columns in zip(*claims, strict=True)))
        return together.take(np.lexsort((together.part, together.level, together.order)))


class Part:
    """A scheme at work: its history, what it spent, and what each person received.

    A composed scheme is a tree of parts. Limits apply from the inside out: what an inner limit
    refuses is gone, and what it grants counts as spent there even if an outer limit cuts it.

    Parameters
    ----------
    scheme : Scheme
    market : Market
        Every part of a composed scheme looks at it with a history of its own.
    split : callable
        How the credits of an order's sponsor are divided among several friends.
    """

    changing: ClassVar = (
        "discounts_granted_cents", "commissions_accrued_cents", "_received", "_period", "market",
        "children",
    )  # fmt: skip

    def __init__(
        self, scheme: Scheme, market: Market, split: Split, numbers: Iterator[int] | None = None
    ) -> None:
        is_whole = numbers is None
        numbers = count() if numbers is None else numbers
        self.scheme = scheme
        self.number = next(numbers)
        self.market = market if is_whole else market.view(self.number)
        self.children = tuple(Part(part, market, split, numbers) for part in scheme.components)
        self.discounts_granted_cents = 0
        self.commissions_accrued_cents = 0
        self.minimum_cents = cents(scheme.minimum_order, "minimum_order")
        self.split = split
        self._budget = None if scheme.budget is None else cents(scheme.budget, "budget")
        self._always_runs = (
            scheme.start_day <= 0 and scheme.end_day is None and self._budget is None
        )
        self._cap = (
            None
            if scheme.cap_per_person is None
            else cents(scheme.cap_per_person, "cap_per_person")
        )
        self._received = np.zeros(0 if self._cap is None else market.size, np.int64)
        self._period = 0
        self._told: tuple[tuple[bool, bytes], Offer] | None = None
        self._may_pay_bonuses: bool = type(scheme).bonuses is not Scheme.bonuses or any(
            child._may_pay_bonuses for child in self.children
        )
        scheme.check_world(self.market)

    def leaves(self) -> Iterator[Part]:
        """The parts that pay: this one, or those it is composed of."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    @property
    def spent_cents(self) -> int:
        """Friend discounts granted and commissions accrued so far."""
        return self.discounts_granted_cents + self.commissions_accrued_cents

    @property
    def left_cents(self) -> int | None:
        """What is left of the budget; None without one."""
        return None if self._budget is None else self._budget - self.spent_cents

    @property
    def within_dates(self) -> bool:
        """Whether today lies between the scheme's first and last day."""
        end_day = self.scheme.end_day
        day = self.market.day
        return self.scheme.start_day <= day and (end_day is None or day < end_day)

    @property
    def is_running(self) -> bool:
        """Whether today lies between the scheme's dates and the budget is not spent."""
        return self._always_runs or (
            self.within_dates and (self._budget is None or self.spent_cents < self._budget)
        )

    # What people are told --------------------------------------------------------------------

    def offer(self) -> Offer:
        """What people believe today.

        Nothing outside the dates or when the budget is spent; no reward above what is left of a
        person's cap; nothing on products below the minimum.
        """
        if not self.scheme.tells_by_prices or self._cap is not None:
            return self._offer_now()
        now = self.is_running, self.market.prices_cents.tobytes()
        if self._told is None or self._told[0] != now:
            self._told = now, self._offer_now()
        return self._told[1]

    def _offer_now(self) -> Offer:
        """What people believe, worked out."""
        prices = self.market.prices_cents
        if not self.is_running:
            return Offer(np.zeros(len(prices)), np.zeros(len(prices), np.int64))
        if isinstance(self.scheme, Composed):
            offers = [child.offer() for child in self.children]
            told = self.scheme.combine(offers, self.market)
        else:
            told = self._checked_offer()
        friend = np.minimum(told.friend_cents, prices)
        counts = prices - friend >= self.minimum_cents
        friend = np.where(counts, friend, 0)
        pays = counts & (prices > friend)  # nothing is earned on an order that costs nothing
        reward = np.where(pays if told.reward_cents.ndim == 1 else pays[:, None],
                          told.reward_cents, 0.0)  # fmt: skip
        most = self._most_per_person()
        if most is not None:
            reward = np.minimum(reward if reward.ndim == 2 else reward[:, None], most)
        return told._replace(reward_cents=reward, friend_cents=friend)

    def _checked_offer(self) -> Offer:
        """What the scheme tells people, or InputError naming the class and the fault."""
        told = self.scheme.offer(self.market)
        method = f"{type(self.scheme).__name__}.offer"
        if not isinstance(told, Offer):
            raise InputError(
                f"{method} returned {type(told).__name__}; "
                "return sim.incentives.Offer(reward_cents, friend_cents)"
            )
        products = len(self.market.prices_cents)
        reward, friend = np.asarray(told.reward_cents), np.asarray(told.friend_cents)
        if reward.shape not in ((products,), (products, self.market.size)):
            raise InputError(
                f"{method} returned reward_cents of shape {reward.shape}; "
                f"use ({products},), the products, or ({products}, {self.market.size}) "
                "with the consumers"
            )
        if friend.shape != (products,) or friend.dtype.kind not in "iu":
            raise InputError(
                f"{method} returned friend_cents of shape {friend.shape} and type {friend.dtype}; "
                f"use whole cents of shape ({products},), the products"
            )
        if not (np.isfinite(reward).all() and (reward >= 0).all() and (friend >= 0).all()):
            raise InputError(f"{method} returned an amount below 0 or no number; use cents >= 0")
        return told._replace(reward_cents=reward.astype(np.float64, copy=False))

    def _most_per_person(self) -> np.ndarray | None:
        """What the cap leaves each person to earn, float64 (N,); None without a cap.

        Who cannot earn needs no limit here: only members share, so only they act on an offer.
        """
        if self._cap is None:
            return None
        self._start_period()
        return np.maximum(self._cap - self._received, 0).astype(np.float64)

    # What is paid ----------------------------------------------------------------------------

    def grant(self, orders: Orders) -> np.ndarray:
        """Discounts for ``orders``, by ascending id, int64 (n,).

        For who came through a link or bought in a team. Granted order by order while the budget
        lasts, the marginal one in part, and never above the price.
        """
        granted = np.zeros(len(orders.order_id), np.int64)
        if not self.is_running or granted.size == 0:
            return granted
        if isinstance(self.scheme, Composed):
            shares = self.scheme.divide(orders, self.market)
            for child, rows in zip(self.children, shares, strict=True):
                granted[rows] += child.grant(orders.take(rows))
            wanted = np.minimum(granted, orders.price_cents)
        else:
            wanted = self._checked_discounts(orders)
            if not self.scheme.for_teams:
                wanted = np.where(is_referred(orders), wanted, 0)
        counts = orders.price_cents - wanted >= self.minimum_cents
        if self.scheme.first_order_only:
            counts &= orders.seems_new
        granted = self._within_budget(np.where(counts, wanted, 0))
        self.discounts_granted_cents += int(granted.sum())
        return granted

    def _checked_discounts(self, orders: Orders) -> np.ndarray:
        """The scheme's discounts, up to the price; InputError naming the class and the fault."""
        found = np.asarray(self.scheme.discounts(orders, self.market))
        if found.shape != orders.price_cents.shape or found.dtype.kind not in "iu":
            raise InputError(
                f"{type(self.scheme).__name__}.discounts returned shape {found.shape} and type "
                f"{found.dtype}; use whole cents, one for each of the "
                f"{len(orders.price_cents)} orders"
            )
        if (found < 0).any():
            raise InputError(f"{type(self.scheme).__name__}.discounts returned less than 0 cents")
        return np.minimum(found, orders.price_cents).astype(np.int64)

    def credit(self, orders: Orders, by_link: np.ndarray) -> Claims:
        """What today's ``orders`` earn whom, after every limit.

        orders : paid orders with a sponsor, by ascending id. by_link : bool (n,), whether the
        sponsor's link brought it; else the sponsor is who once referred the buyer.
        """
        if not self.within_dates:
            return Claims.joined([])
        counts = orders.net_cents >= self.minimum_cents
        if self.scheme.first_order_only:
            counts &= orders.seems_new
        if not self.scheme.pays_referrer:
            counts &= by_link
        rows = np.flatnonzero(counts)
        if rows.size == 0:
            return Claims.joined([])
        own = orders.take(rows)
        claims = self._eligible(own, self._claims(own, by_link[rows]))
        claims = self._limited(claims._replace(order=rows[claims.order]))
        self.commissions_accrued_cents += int(claims.cents.sum())
        return claims

    def _claims(self, orders: Orders, by_link: np.ndarray) -> Claims:
        """What the scheme, or the parts it is composed of, would give."""
        found = []
        credits = Commissions.empty()
        if isinstance(self.scheme, Composed):
            shares = self.scheme.divide(orders, self.market)
            for child, rows in zip(self.children, shares, strict=True):
                claims = child.credit(orders.take(rows), by_link[rows])
                found.append(claims._replace(order=rows[claims.order]))
        elif self.is_running:
            credits = self._checked(orders)
            found.append(Claims.of(self.split(orders, credits), self.number))
        self.market.history.enter(self.market.month)
        self.market.history.credit(self.market.tick, orders, credits)
        return Claims.joined(found)

    def bonuses(self) -> tuple[Bonuses, np.ndarray, np.ndarray]:
        """What is paid besides commissions today; with what limits refused, and the part, int64."""
        nothing = NO_BONUSES, NO_BONUSES.cents, NO_BONUSES.cents
        if not self._may_pay_bonuses or not self.within_dates:
            return nothing
        if self.children:
            found = [child.bonuses() for child in self.children]
            paid = Bonuses(*map(np.concatenate, zip(*(f[0] for f in found), strict=True)))
            refused = np.concatenate([f[1] for f in found])
            part = np.concatenate([f[2] for f in found])
        else:
            paid = self._checked_bonuses() if self.is_running else NO_BONUSES
            refused = np.zeros(len(paid.cents), np.int64)
            part = np.full(len(paid.cents), self.number, np.int64)
        if len(paid.cents) == 0:
            return nothing
        claims = Claims(
            np.asarray(paid.order_id, np.int64), np.asarray(paid.recipient, np.int32),
            np.asarray(paid.cents, np.int64), refused, np.ones(len(refused), np.int8), part,
        )  # fmt: skip
        if self.scheme.customers_only:
            claims = claims.take(self.market.is_member[claims.recipient])
        claims = self._limited(claims)
        self.commissions_accrued_cents += int(claims.cents.sum())
        return Bonuses(claims.order, claims.recipient, claims.cents), claims.refused, claims.part

    def _checked_bonuses(self) -> Bonuses:
        """The scheme's bonuses, or InputError naming the class and the first fault."""
        paid = self.scheme.bonuses(self.market)
        name = f"{type(self.scheme).__name__}.bonuses"
        if not isinstance(paid, Bonuses):
            raise InputError(
                f"{name} returned {type(paid).__name__}; "
                "return sim.incentives.Bonuses(order_id, recipient, cents)"
            )
        if len(paid.cents) == 0:
            return paid
        standing = self.market.history.since(0)
        key = standing.order_id * self.market.size + standing.sponsor
        claimed = np.asarray(paid.order_id, np.int64) * self.market.size + paid.recipient
        if not np.isin(claimed, key).all():
            raise InputError(
                f"{name} pays somebody for an order that is not credited to her; "
                "pay on orders of market.history"
            )
        if int(np.min(paid.cents)) <= 0:
            raise InputError(f"{name} returned cents = {int(np.min(paid.cents))}; pay more than 0")
        return paid

    def _checked(self, orders: Orders) -> Commissions:
        """What the scheme credits, or InputError naming the class and the first fault."""
        returned = self.scheme.settle(orders, self.market)
        method = f"{type(self.scheme).__name__}.settle"
        if not isinstance(returned, Commissions):
            raise InputError(
                f"{method} returned {type(returned).__name__}; "
                "return sim.incentives.Commissions(order, recipient, cents, level)"
            )
        columns = [np.asarray(column) for column in returned]
        if any(c.ndim != 1 or len(c) != len(columns[0]) for c in columns):
            raise InputError(f"{method} returned columns of unequal length; one row per credit")
        for name, column, low, high in (
            ("order", columns[0], 0, len(orders.order_id) - 1),
            ("recipient", columns[1], 0, self.market.size - 1),
            ("cents", columns[2], 0, np.iinfo(np.int64).max),
            ("level", columns[3], 1, max(self.scheme.paid_levels, 1)),
        ):
            if len(column) == 0:
                continue
            if column.dtype.kind not in "iu":
                raise InputError(f"{method} returned {name} as {column.dtype}; use whole numbers")
            least, most = int(column.min()), int(column.max())
            if least < low or most > high:
                wrong = least if least < low else most
                raise InputError(f"{method} returned {name} = {wrong}; allowed is {low} to {high}")
        return Commissions(*columns)

    def _eligible(self, orders: Orders, claims: Claims) -> Claims:
        """Claims of people who may earn: not by buying themselves, as far as anybody can see."""
        own = (claims.recipient == orders.buyer[claims.order]) & (orders.fakes[claims.order] == 0)
        counts = (claims.cents + claims.refused > 0) & ~own
        if self.scheme.customers_only:
            counts &= self.market.is_member[claims.recipient]
        return claims.take(counts)

    def _limited(self, claims: Claims) -> Claims:
        """What cap and budget leave of the claims, in their order; the marginal one in part."""
        granted = self._within_budget(self._within_cap(claims))
        if self._cap is not None:
            np.add.at(self._received, claims.recipient, granted)
        refused = claims.refused + claims.cents - granted
        return claims._replace(cents=granted, refused=refused)

    def _within_cap(self, claims: Claims) -> np.ndarray:
        """What the cap per person leaves of each claim, int64 (n,)."""
        if self._cap is None:
            return claims.cents
        self._start_period()
        available = self._cap - self._received[claims.recipient]
        return share_out(claims.recipient, claims.cents, available)

    def _within_budget(self, wanted: np.ndarray) -> np.ndarray:
        """What the budget leaves of each amount, served in the order given, int64 (n,)."""
        if self._budget is None:
            return wanted
        left = self._budget - self.spent_cents
        return np.clip(left - (np.cumsum(wanted) - wanted), 0, wanted)

    def _start_period(self) -> None:
        """Count afresh what people received when a new period of the cap has begun."""
        days = self.scheme.cap_period_days
        period = 0 if days is None else int(self.market.day // days)
        if period != self._period:
            self._period = period
            self._received[:] = 0
