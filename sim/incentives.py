"""A scheme at work: made from a scenario's policy, held to its terms, settled day by day.

The scheme says what it would pay; :class:`Programme` decides what is paid: eligibility, the cap
per person, the budget, the holding period, refunds. Both engines use the same programme.
"""

from __future__ import annotations

import importlib
import inspect
import math

import numpy as np
from pydantic import ValidationError

from sim.errors import InputError, nearest
from sim.ledger import Ledger, RefundSummary
from sim.market import Credits, Market, Offer
from sim.orders import Commissions, Orders, share_out
from sim.quantities import cents, describe_validation_error, dotted
from sim.scenario import Policy
from sim.schemes import (
    SCHEMES,
    FixedBounty,
    MultiLevel,
    NoIncentive,
    Percentage,
    RecipientOnly,
    Scheme,
    Tiered,
    TwoSided,
)

__all__ = [
    "JURISDICTIONS", "SCHEMES", "Commissions", "FixedBounty", "Market", "MultiLevel", "NoIncentive",
    "Offer", "Orders", "Percentage", "Programme", "RecipientOnly", "Scheme", "Tiered", "TwoSided",
    "check_jurisdiction", "make_scheme",
]  # fmt: skip

JURISDICTIONS: dict[str, int | None] = {"unrestricted": None, "CN": 2}  # most paid levels


def make_scheme(policy: Policy | Scheme, where: str) -> Scheme:
    """The scheme a policy names, with its parameters; a scheme is returned as it is.

    where : how messages name the policy, such as "policies.ten_percent".

    Raises
    ------
    InputError
        For an unknown scheme or parameter (with the nearest right spelling), a value out of
        bounds, or a class that cannot be loaded.
    """
    if isinstance(policy, Scheme):
        return policy
    if policy.parameters and "scheme" not in policy.model_fields_set:
        raise InputError(
            f"{where} has parameters ({', '.join(policy.parameters)}) but no scheme; "
            f'add scheme = "...", one of: {", ".join(SCHEMES)}'
        )
    scheme = _scheme_class(policy.scheme, f"{where}.scheme")
    try:
        return scheme.model_validate(policy.parameters)
    except ValidationError as error:
        message = describe_validation_error(error, where, scheme)
        field = dotted(error.errors()[0]["loc"])
        raise InputError(message.replace(f"{where}: {field}", f"{where}.{field}", 1)) from None


def check_jurisdiction(scheme: Scheme, profile: str, where: str = "policies") -> None:
    """Refuse a scheme that pays more levels than a jurisdiction allows.

    profile : a key of :data:`JURISDICTIONS`. where : how messages name the policy. Raises
    :class:`InputError` for too many levels or an unknown profile.
    """
    if profile not in JURISDICTIONS:
        raise InputError(
            f"jurisdiction = {profile!r} is not known{nearest(profile, JURISDICTIONS)}"
        )
    most = JURISDICTIONS[profile]
    if most is not None and scheme.paid_levels > most:
        raise InputError(
            f"{where} pays {scheme.paid_levels} levels, jurisdiction = {profile} allows {most}; "
            "lower levels or choose another jurisdiction"
        )


class Programme:
    """One run's state of a scheme: what is spent, and what each person received.

    A day: :meth:`offer`, then :meth:`grant_discounts` at the checkout, then the orders are
    booked, then :meth:`settle`, and :meth:`close_day` at the end.

    Budget and cap count what was granted and accrued. What a refund reverses is not given out
    again, so neither is ever exceeded, whatever the order of events.

    Parameters
    ----------
    scheme : Scheme
    market : Market
        Moved on by the model; the programme counts credited orders in it.
    ledger : Ledger
    where : str, optional
        How messages name the policy; "policies.<scheme name>" by default.
    """

    def __init__(
        self, scheme: Scheme, market: Market, ledger: Ledger, where: str | None = None
    ) -> None:
        self.scheme = scheme
        self.market = market
        self.ledger = ledger
        self.where = where or f"policies.{scheme.name}"
        self.discounts_granted_cents = 0
        self.commissions_accrued_cents = 0
        self._budget = None if scheme.budget is None else cents(scheme.budget, "budget")
        self._cap = (
            None
            if scheme.cap_per_person is None
            else cents(scheme.cap_per_person, "cap_per_person")
        )
        self._minimum = cents(scheme.minimum_order, "minimum_order")
        self._received = np.zeros(0 if self._cap is None else market.size, np.int64)
        self._period = 0
        self._hold_ticks = math.ceil(round(scheme.hold_days / market.dt, 9))
        self._offer: tuple[int, Offer] | None = None

    @property
    def spent_cents(self) -> int:
        """Friend discounts granted and commissions accrued so far."""
        return self.discounts_granted_cents + self.commissions_accrued_cents

    @property
    def is_running(self) -> bool:
        """Whether today lies between the scheme's dates and the budget is not spent."""
        return self._within_dates() and (self._budget is None or self.spent_cents < self._budget)

    def offer(self) -> Offer:
        """What people believe today, as of the first time it is asked for.

        Nothing outside the dates or when the budget is spent; no reward above what is left of a
        person's cap; nothing on products below the minimum.
        """
        if self._offer is None or self._offer[0] != self.market.tick:
            self._offer = self.market.tick, self._believed()
        return self._offer[1]

    def grant_discounts(self, orders: Orders) -> Orders:
        """The orders with today's friend discount on those that came through a link, else none.

        Granted in the order of order ids while the budget lasts, the marginal one in part, and
        never above the price. What ``orders`` says about discounts is replaced.
        """
        if len(orders.order_id) == 0:
            return orders
        friend = self.offer().friend_cents
        if not friend.any() or not self.is_running:
            return orders._replace(discount_cents=np.zeros_like(orders.price_cents))
        wanted = np.minimum(friend[orders.product], orders.price_cents)
        counts = self._is_referred(orders) & (orders.price_cents - wanted >= self._minimum)
        in_turn = np.argsort(orders.order_id, kind="stable")
        granted = np.zeros_like(orders.price_cents)
        granted[in_turn] = self._within_budget(np.where(counts, wanted, 0)[in_turn])
        self.discounts_granted_cents += int(granted.sum())
        return orders._replace(discount_cents=granted)

    def settle(self, orders: Orders) -> np.ndarray:
        """Accrue the commissions of today's booked orders; returns who is credited, int32 (n,).

        An order qualifies that was paid for, came through somebody else's link, and meets the
        scheme's minimum and dates. A credit counts whose recipient did not buy the order and
        may earn. Then the cap per person and the budget apply, order by order in the order of
        their ids and level by level; the payment that meets a limit is paid in part.

        Raises
        ------
        InputError
            If the scheme's ``settle`` returns something that is not a set of credits.
        """
        nobody = np.empty(0, np.int32)
        if len(orders.order_id) == 0 or not self._within_dates():
            return nobody
        net = orders.net_cents
        rows = np.flatnonzero(self._is_referred(orders) & (net > 0) & (net >= self._minimum))
        if rows.size == 0:
            return nobody
        orders = orders.take(rows[np.argsort(orders.order_id[rows], kind="stable")])
        credits = self._checked(orders) if self.is_running else Commissions.empty()
        self.market.credit(orders, credits)
        credits = self._eligible(orders, credits)
        if len(credits.cents) == 0:
            return nobody
        granted = self._within_budget(self._within_cap(credits))
        credits = credits._replace(cents=granted).take(granted > 0)
        if self._cap is not None:
            np.add.at(self._received, credits.recipient, credits.cents)
        self.commissions_accrued_cents += int(granted.sum())
        tick = self.market.tick
        self.ledger.accrue(tick, orders, credits, tick + self._hold_ticks)
        return credits.recipient

    def close_day(self) -> RefundSummary:
        """Refund what is due today with its commissions, pay out what is due, check the books.

        A refunded order no longer counts for the sponsor it was credited to.
        """
        tick = self.market.tick
        refunds = self.ledger.refund(tick, self.scheme.clawback)
        if refunds.order_id.size:
            lowered = self._rerate(self.market.retract(refunds.order_id))
            refunds = refunds._replace(clawed_back_cents=refunds.clawed_back_cents + lowered)
        self.ledger.pay(tick)
        self.ledger.check()
        return refunds

    def warnings(self) -> list[str]:
        """What the scheme's terms probably do not mean, with the figures."""
        found: list[str] = []
        prices = self.market.prices_cents
        offer = self.scheme.offer(self.market)
        discounts = np.minimum(offer.friend_cents, prices)
        pays = self.scheme.bound_cents(self.market) + discounts
        margins = prices - self.market.unit_costs_cents
        counts = prices - discounts >= self._minimum
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
        return found

    def _rerate(self, fallen: np.ndarray) -> int:
        """Take back what other orders earned because refunded ones counted; the cents.

        fallen : int64 (m,), the credits of the refunded orders. Latest orders give back first:
        they carry the re-rating of those before.
        """
        scheme = self.scheme
        if not (isinstance(scheme, Tiered) and scheme.retroactive) or fallen.size == 0:
            return 0
        left = self.market.standing(fallen, scheme.period == "month")
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
            self.market.tick, left.order_id, left.sponsor, most, scheme.clawback
        )
        # What was paid and stays paid goes on counting, so that later orders make up for it.
        self.market.lower(left.row[holds], taken[holds])
        return lowered

    def _within_dates(self) -> bool:
        """Whether today lies between the scheme's first and last day."""
        end_day = self.scheme.end_day
        day = self.market.day
        return self.scheme.start_day <= day and (end_day is None or day < end_day)

    def _believed(self) -> Offer:
        """The scheme's offer within the programme's terms."""
        market = self.market
        prices = market.prices_cents
        if not self.is_running:
            return Offer(np.zeros(len(prices)), np.zeros(len(prices), np.int64))
        reward, friend = self._told()
        counts = prices - np.minimum(friend, prices) >= self._minimum
        friend = np.where(counts, np.minimum(friend, prices), 0)
        reward = np.where(counts if np.ndim(reward) == 1 else counts[:, None], reward, 0.0)
        if not reward.any():
            return Offer(np.zeros(len(prices)), friend)
        limit = self._most_per_person()
        if limit is not None:
            reward = np.minimum(reward if reward.ndim == 2 else reward[:, None], limit)
        return Offer(reward, friend)

    def _told(self) -> Offer:
        """What the scheme offers, or InputError naming the class and the first fault."""
        market, method = self.market, f"{type(self.scheme).__name__}.offer"
        told = self.scheme.offer(market)
        if not isinstance(told, Offer):
            raise InputError(
                f"{method} returned {type(told).__name__}; "
                "return sim.incentives.Offer(reward_cents, friend_cents)"
            )
        reward, friend = np.asarray(told.reward_cents), np.asarray(told.friend_cents)
        products = len(market.prices_cents)
        if reward.shape not in ((products,), (products, market.size)):
            raise InputError(
                f"{method} returned reward_cents of shape {reward.shape}; allowed is "
                f"({products},), the products, or ({products}, {market.size}), with the people"
            )
        if friend.shape != (products,) or not np.issubdtype(friend.dtype, np.integer):
            raise InputError(
                f"{method} returned friend_cents of shape {friend.shape} and type {friend.dtype}; "
                f"allowed are whole cents of shape ({products},), the products"
            )
        if not (np.isfinite(reward).all() and (reward >= 0).all() and (friend >= 0).all()):
            raise InputError(f"{method} returned an amount below 0 or no number; use cents >= 0")
        return Offer(reward.astype(np.float64, copy=False), friend)

    def _most_per_person(self) -> np.ndarray | None:
        """What the cap leaves each person to earn, float64 (N,); None without a cap.

        Who cannot earn needs no limit here: only members share, so only they act on an offer.
        """
        if self._cap is None:
            return None
        self._start_period()
        return np.maximum(self._cap - self._received, 0).astype(np.float64)

    def _is_referred(self, orders: Orders) -> np.ndarray:
        """Orders through somebody else's link, of new customers where only those count."""
        referred = (orders.sponsor >= 0) & (orders.sponsor != orders.buyer)
        return referred & orders.new_customer if self.scheme.first_order_only else referred

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

    def _eligible(self, orders: Orders, credits: Commissions) -> Commissions:
        """Credits that count, by order id and level."""
        counts = (credits.cents > 0) & (credits.recipient != orders.buyer[credits.order])
        if self.scheme.customers_only:
            counts &= self.market.is_member[credits.recipient]
        credits = credits.take(counts)
        return credits.take(np.lexsort((credits.level, credits.order)))

    def _within_cap(self, credits: Commissions) -> np.ndarray:
        """What the cap per person leaves of each credit, int64 (n,)."""
        if self._cap is None:
            return credits.cents
        self._start_period()
        available = self._cap - self._received[credits.recipient]
        return share_out(credits.recipient, credits.cents, available)

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


def _scheme_class(name: str, where: str) -> type[Scheme]:
    """The class of a registered name or of package.module:Class."""
    if ":" not in name:
        if name not in SCHEMES:
            raise InputError(f"{where} = {name!r} is not known{nearest(name, SCHEMES)}")
        found: object = SCHEMES[name]
    else:
        module_name, _, class_name = name.partition(":")
        try:
            module = importlib.import_module(module_name)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{where} = {name!r}: {error}; install the module or put its folder on PYTHONPATH"
            ) from None
        found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Scheme)):
        raise InputError(f"{where} = {name!r} does not name a subclass of sim.incentives.Scheme")
    if inspect.isabstract(found):
        lacking = ", ".join(sorted(found.__abstractmethods__))
        raise InputError(f"{where} = {name!r}: class {found.__name__} does not define {lacking}")
    return found
