"""A scheme at work: settled day by day, with its payouts, checks and refunds.

The scheme says what it would pay, :class:`sim.limits.Part` what its terms leave of that, and
:class:`Programme` carries it into the books. Both engines use the same programme. When the policy
is changed during a run, a new programme succeeds the old one, which settles what it promised.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from sim.credits import Credits
from sim.errors import InputError
from sim.ledger import Ledger, RefundSummary
from sim.limits import Part, Split, is_referred
from sim.market import Everybody, Market, Offer
from sim.orders import Bonuses, CommissionLines, Commissions, Orders, share_out
from sim.points import NO_EXPIRY
from sim.quantities import cents
from sim.randomness import Decision, uniforms_of
from sim.schemes import (
    PROGRAMMES,
    SCHEMES,
    ByCondition,
    Combined,
    FixedBounty,
    MultiLevel,
    NoIncentive,
    Percentage,
    RecipientOnly,
    Scheme,
    Tiered,
    TwoSided,
    check_jurisdiction,
    make_scheme,
)
from sim.schemes.making import JURISDICTIONS, started_on
from sim.schemes.tiered import Cumulative

__all__ = [
    "JURISDICTIONS", "PROGRAMMES", "SCHEMES", "Bonuses", "ByCondition", "Combined", "Commissions",
    "Everybody", "FixedBounty", "Market", "MultiLevel", "NoIncentive", "Offer", "Orders",
    "Percentage", "Programme", "RecipientOnly", "Scheme", "Tiered", "TwoSided",
    "check_jurisdiction", "make_scheme",
]  # fmt: skip


NOBODY = np.empty(0, np.int32)


def to_the_sponsor(orders: Orders, credits: Commissions) -> Commissions:
    """The credits as they are: the order's sponsor gets all of it."""
    return credits


class Programme:
    """One run's state of a scheme, and its way into the books.

    ``winners`` are those who got a bonus today, int32 (n,).

    A day: :meth:`offer`, then :meth:`grant_discounts` at the checkout, then the orders are
    booked, then :meth:`settle`, and :meth:`close_day` at the end.

    Budget and cap count what was granted and accrued. What a refund reverses is not given out
    again, so neither is ever exceeded, whatever the order of events.

    A programme that was succeeded takes no more orders. For the orders it had it goes on as it
    said: holds, payouts and their minimum, clawback, dates of points, a contest until its period
    ends. It is asked to by its successor, on every :meth:`close_day`.

    Parameters
    ----------
    scheme : Scheme
    market : Market
        Moved on by the model.
    ledger : Ledger
    where : str, optional
        How messages name the policy; "policies.<scheme name>" by default.
    split : callable
        Divides what an order earns its sponsor among the friends who brought the buyer, see
        :mod:`sim.attribution`.
    before : Programme, optional
        The one it succeeds, see :meth:`succeed`.
    first_tick, first_order : int
        When it began, and the lowest id of its orders.

    Raises
    ------
    InputError
        If the scheme does not fit the products and people.
    """

    changing: ClassVar = ("before", "whole")

    def __init__(
        self,
        scheme: Scheme,
        market: Market,
        ledger: Ledger,
        where: str | None = None,
        split: Split = to_the_sponsor,
        before: Programme | None = None,
        first_tick: int = 0,
        first_order: int = 0,
    ) -> None:
        self.scheme = scheme
        self.market = market
        self.ledger = ledger
        self.where = where or f"policies.{scheme.name}"
        self.before = before
        self.first_tick = first_tick
        self.first_order = first_order
        self.whole = Part(scheme, market, split)
        self._leaves = {leaf.number: leaf for leaf in self.whole.leaves()}
        self._in_points = np.zeros(max(self._leaves) + 1, np.bool_)
        for number, leaf in self._leaves.items():
            self._in_points[number] = leaf.scheme.in_points
        self._pays_points = bool(self._in_points.any())
        self._expire_days = self._days_of_points()
        self._hold_ticks = self._ticks(scheme.hold_days)
        self._minimum_payout = cents(scheme.minimum_payout, "minimum_payout")
        self._offer: tuple[int, Offer] | None = None
        self.winners = NOBODY

    @property
    def spent_cents(self) -> int:
        """Friend discounts granted and commissions accrued so far."""
        return self.whole.spent_cents

    @property
    def discounts_granted_cents(self) -> int:
        """Friend discounts granted so far."""
        return self.whole.discounts_granted_cents

    @property
    def commissions_accrued_cents(self) -> int:
        """Commissions accrued so far."""
        return self.whole.commissions_accrued_cents

    @property
    def is_running(self) -> bool:
        """Whether today lies between the scheme's dates and the budget is not spent."""
        return self.whole.is_running

    @property
    def pays_points(self) -> bool:
        """Whether any part pays in points, or of a programme before it."""
        return self._pays_points or (self.before is not None and self.before.pays_points)

    @property
    def lineage(self) -> list[Programme]:
        """The programmes of the run so far, oldest first; this one is the last."""
        return [*([] if self.before is None else self.before.lineage), self]

    def is_of(self, scheme: Scheme) -> bool:
        """Whether it is what a change to ``scheme`` would begin, had it come when this one did."""
        return started_on(scheme, self._first_day(self.first_tick), self.where) == self.scheme

    def succeed(self, scheme: Scheme, where: str, tick: int, first_order: int) -> Programme:
        """The programme that takes over on the morning of ``tick``, for orders from an id on.

        It begins afresh: nothing is spent, nobody has used up a cap, no order counts yet for a
        tier, a bonus or a contest. It cannot have started before: an earlier ``start_day``, of
        the whole or of a part, becomes the day on which it takes over.

        Raises
        ------
        InputError
            If it would be over already, or does not fit the products and people.
        """
        scheme = started_on(scheme, self._first_day(tick), where)
        return Programme(
            scheme, self.market.view(0), self.ledger, where, self.whole.split, self, tick,
            first_order,
        )  # fmt: skip

    def offer(self) -> Offer:
        """What people believe today, as of the first time it is asked for."""
        if self._offer is None or self._offer[0] != self.market.tick:
            self._offer = self.market.tick, self.whole.offer()
        return self._offer[1]

    def grant_discounts(self, orders: Orders) -> Orders:
        """The orders with the discounts that were promised, and paid in points where there are any.

        What ``orders`` says about discounts and points is replaced.
        """
        count = len(orders.order_id)
        if count == 0:
            return orders
        promised = is_referred(orders)
        if np.count_nonzero(orders.team):
            promised |= orders.team > 0
        rows = promised.nonzero()[0]
        stated = np.count_nonzero(orders.discount_cents) + np.count_nonzero(orders.points_cents)
        if rows.size == 0 and stated == 0 and not self.pays_points:
            return orders
        granted, points = np.zeros((2, count), np.int64)
        if rows.size:
            rows = rows[np.argsort(orders.order_id[rows], kind="stable")]
            granted[rows] = self.whole.grant(orders.take(rows))
        orders = orders._replace(discount_cents=granted, points_cents=points)
        if self.pays_points:
            in_turn = np.argsort(orders.order_id, kind="stable")
            buyer = orders.buyer[in_turn]
            # An invented identity has none.
            wanted = np.where(orders.fakes > 0, 0, orders.net_cents)[in_turn]
            points[in_turn] = share_out(buyer, wanted, self.ledger.points_cents[buyer])
        return orders

    def settle(self, orders: Orders) -> np.ndarray:
        """Accrue the commissions of today's booked orders; returns who is credited, int32 (n,).

        An order qualifies that was paid for and has a sponsor other than its buyer. Then the
        scheme's terms apply, order by order in the order of their ids and level by level; the
        payment that meets a limit is made in part, and what is refused is noted.

        Raises
        ------
        InputError
            If the scheme's ``settle`` returns something that is not a set of credits.
        """
        if len(orders.order_id) == 0:
            return NOBODY
        if self.pays_points:
            self._redeem_points(orders)
        by_link = is_referred(orders)
        if self.scheme.pays_referrer:
            referrer = self.market.sponsor_of[orders.buyer]
            orders = orders._replace(sponsor=np.where(by_link, orders.sponsor, referrer))
        if not np.count_nonzero(by_link) and not self.scheme.pays_referrer:
            return NOBODY
        rows = np.flatnonzero(is_referred(orders) & (orders.net_cents > 0))
        if rows.size == 0:
            return NOBODY
        rows = rows[np.argsort(orders.order_id[rows], kind="stable")]
        orders = orders.take(rows)
        claims = self.whole.credit(orders, by_link[rows])
        held = self._suspects(orders)[claims.order]
        lines = CommissionLines(
            orders.order_id[claims.order], claims.recipient, claims.cents, claims.level,
            claims.part.astype(np.uint8), held, self._in_points[claims.part],
        )  # fmt: skip
        return self._book(lines, claims.refused)

    def close_day(self) -> RefundSummary:
        """Pay bonuses, refund what is due with its commissions, approve, pay out, check the books.

        A refunded order no longer counts for the sponsor it was credited to.
        """
        tick = self.market.tick
        programmes = self.lineage if self.before is not None else [self]
        winners = [programme._pay_bonuses() for programme in programmes]
        self.winners = np.concatenate(winners) if len(winners) > 1 else winners[0]
        refunds = self.ledger.refund(tick, self._claws_back)
        if refunds.order_id.size:
            lowered = sum(programme._retract(refunds.order_id) for programme in programmes)
            refunds = refunds._replace(clawed_back_cents=refunds.clawed_back_cents + lowered)
        self.ledger.approve(tick, self._expiry_ticks)
        for programme in programmes:
            if programme._ends_period(programme.scheme.payout_every_days):
                own = self._orders_of(programme) if len(programmes) > 1 else None
                self.ledger.pay(tick, programme._minimum_payout, own)
        if self.pays_points:
            self.ledger.expire_points(tick)
        self.ledger.check_day()
        return refunds

    def warnings(self) -> list[str]:
        """What the scheme's terms probably do not mean, with the figures."""
        found: list[str] = []
        prices = self.market.prices_cents
        offer = self.scheme.offer(self.market)
        discounts = np.minimum(offer.friend_cents, prices)
        pays = self.scheme.bound_cents(self.market) + discounts
        margins = prices - self.market.unit_costs_cents
        counts = prices - discounts >= self.whole.minimum_cents
        if pays.any() and not counts.any():
            found.append(
                f"{self.where}.minimum_order = {self.scheme.minimum_order:.2f} is above the net "
                "price of every product: nothing will be paid; lower it"
            )
        found += [
            f"{self.where} pays {pays[p] / 100:.2f} on an order of {prices[p] / 100:.2f} "
            f"whose margin is {margins[p] / 100:.2f}"
            for p in np.flatnonzero(counts & (pays > margins) & (pays > 0))
        ]
        endless = self._pays_points and not self._expire_days
        if endless and self.scheme.budget is None:
            found.append(
                f"{self.where}: points that never expire and have no budget are a debt without "
                f"limit, up to {pays.max() / 100:.2f} more with every referred order; "
                "set expire_days or budget"
            )
        return found

    def check_budgets(self) -> None:
        """Raise InputError for a budget, of the whole or a part, that cannot pay a commission."""
        for path, part in self._every(self.whole):
            scheme = part.scheme
            if scheme.budget is None:
                continue
            rewards = np.asarray(scheme.offer(part.market).reward_cents)
            # An offer may promise later orders too; the bound is of one.
            bounds = scheme.bound_cents(part.market)
            rewards = np.minimum(rewards, bounds if rewards.ndim == 1 else bounds[:, None])
            least = rewards[rewards > 0].min() if (rewards > 0).any() else 0.0
            if cents(scheme.budget, "budget") < math.floor(least):
                raise InputError(
                    f"{self.where}{path}.budget = {scheme.budget:.2f} is below one commission "
                    f"of {least / 100:.2f}; raise it or leave it out for no limit"
                )

    def _redeem_points(self, orders: Orders) -> None:
        """Take the points that orders were paid with from their buyers."""
        used = orders.points_cents > 0
        if used.any():
            self.ledger.redeem(
                self.market.tick, orders.order_id[used], orders.buyer[used],
                orders.points_cents[used],
            )  # fmt: skip

    def _suspects(self, orders: Orders) -> np.ndarray:
        """Orders that the similarity check takes for fakes, rightly or not, bool (n,)."""
        scheme = self.scheme
        if scheme.similarity_check == 0:
            return np.zeros(len(orders.order_id), np.bool_)
        luck = uniforms_of(
            self.market.seed, int(Decision.REVIEW), self.market.tick,
            orders.buyer.astype(np.int64), orders.fakes.astype(np.int64),
            orders.product.astype(np.int64),
        )[0]  # fmt: skip
        chance = np.where(orders.fakes > 0, scheme.similarity_check, scheme.false_positive_rate)
        return luck < chance

    def _pay_bonuses(self) -> np.ndarray:
        """Accrue what the scheme pays today besides commissions; returns who won, int32 (n,)."""
        bonuses, refused, part = self.whole.bonuses()
        size = len(bonuses.cents)
        if size == 0:
            return NOBODY
        lines = CommissionLines(
            bonuses.order_id, bonuses.recipient, bonuses.cents, np.ones(size, np.int8),
            part.astype(np.uint8), np.zeros(size, np.bool_), self._in_points[part],
        )  # fmt: skip
        return self._book(lines, refused)

    def _book(self, lines: CommissionLines, refused: np.ndarray) -> np.ndarray:
        """Accrue what was granted and note what was refused; returns who is credited."""
        tick = self.market.tick
        cut = refused > 0
        if cut.any():
            self.ledger.cap(tick, lines.order_id[cut], lines.recipient[cut], refused[cut])
        lines = lines.take(lines.cents > 0)
        if len(lines.cents):
            self.ledger.accrue(tick, lines, tick + self._hold_ticks)
        return lines.recipient

    def _retract(self, refunded: np.ndarray) -> int:
        """Stop counting refunded orders, and take back what others earned by them; the cents."""
        return sum(
            self._rerate(leaf, leaf.market.history.retract(refunded))
            for _, leaf in self._every(self.whole)
        )

    def _rerate(self, leaf: Part, fallen: np.ndarray) -> int:
        """Take back what other orders earned because refunded ones counted; the cents.

        fallen : int64 (m,), the credits of the refunded orders. Latest orders give back first:
        they carry the re-rating of those before.
        """
        scheme = leaf.scheme
        if not (isinstance(scheme, Cumulative) and scheme.re_rates) or fallen.size == 0:
            return 0
        history = leaf.market.history
        left = history.standing(fallen, scheme.period == "month")
        left = Credits(*(column[::-1] for column in left))
        counts = np.bincount(left.account)
        sales, earned = np.zeros((2, len(counts)), np.int64)
        np.add.at(sales, left.account, left.net_cents)
        np.add.at(earned, left.account, left.commission_cents)
        excess = np.maximum(earned - scheme.due_cents(counts, sales), 0)
        if not excess.any():
            return 0
        taken = share_out(left.account, left.commission_cents, excess[left.account])
        most = left.commission_cents - taken
        holds, lowered = self.ledger.lower(
            self.market.tick, left.order_id, left.sponsor, most, self.scheme.clawback, leaf.number
        )
        # What was paid and stays paid goes on counting, so that later orders make up for it.
        history.lower(left.row[holds], taken[holds])
        return lowered

    def _every(self, part: Part, path: str = "") -> list[tuple[str, Part]]:
        """A part with all parts below it, and where they are written."""
        found = [(path, part)]
        for place, child in enumerate(part.children):
            found += self._every(child, f"{path}.{part.scheme.component_names[place]}")
        return found

    def _of_each(self, order_id: np.ndarray, term: Callable[[Programme], int]) -> np.ndarray:
        """A term of the programme to which each order belongs, (n,)."""
        found = np.full(len(order_id), term(self))
        if self.before is not None:
            older = order_id < self.first_order
            found[older] = self.before._of_each(order_id[older], term)
        return found

    def _claws_back(self, order_id: np.ndarray) -> np.ndarray:
        """Whether a refund of each order takes back what was paid, bool (n,)."""
        return self._of_each(order_id, lambda programme: programme.scheme.clawback)

    def _expiry_ticks(self, order_id: np.ndarray) -> np.ndarray:
        """Tick at which points issued today for each order expire, int64 (n,)."""
        return self._of_each(order_id, lambda programme: programme._points_expire_at())

    def _points_expire_at(self) -> int:
        """Tick at which points issued today expire."""
        if not self._expire_days:
            return NO_EXPIRY
        return self.market.tick + self._ticks(self._expire_days)

    def _orders_of(self, programme: Programme) -> range:
        """Ids of the orders of this programme, or of one before it."""
        # By its place: two may begin on the same tick, and the first of them has no orders.
        lineage = self.lineage
        later = lineage[lineage.index(programme) + 1 :]
        end = later[0].first_order if later else np.iinfo(np.int64).max
        return range(programme.first_order, end)

    def _first_day(self, tick: int) -> int:
        """The day in which a tick begins."""
        return math.floor(tick * self.market.dt + 1e-9)

    def _days_of_points(self) -> int:
        """Days from issue to expiry, 0 for never, the same for all parts that pay points."""
        leaves = [leaf.scheme for leaf in self._leaves.values()]
        days = {scheme.days_of_points for scheme in leaves if scheme.in_points}
        if len(days) > 1:
            raise InputError(
                f"{self.where}: points of one programme expire alike, but its parts have "
                f"expire_days = {', '.join(map(str, sorted(days)))}; write the same in all"
            )
        return days.pop() if days else 0

    def _ends_period(self, days: float) -> bool:
        """Whether today is the last tick of a period of so many days; 0: every tick is."""
        if days == 0:
            return True
        now, after = self.market.day, (self.market.tick + 1) * self.market.dt
        return math.floor(after / days + 1e-9) > math.floor(now / days + 1e-9)

    def _ticks(self, days: float) -> int:
        """Ticks in so many days, rounded up."""
        return math.ceil(round(days / self.market.dt, 9))
