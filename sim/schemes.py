"""What an incentive scheme is, and the built-in ones.

A scheme is two methods over arrays: :meth:`Scheme.offer`, what people are told, and
:meth:`Scheme.settle`, what the day's orders earn. Its fields are its parameters; the terms every
scheme has (budget, caps, holding period, dates) are applied around it by
:class:`sim.incentives.Programme`.

Rates are taken to nine decimals and apply to the net price (list price less discount). The
result is rounded once, half a cent up; commissions of level 2 and above are rounded down, so
that an order never pays more than its rounded bound.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from sim.errors import InputError
from sim.market import Market, Offer
from sim.orders import Commissions, Orders, sum_before
from sim.quantities import cents, choice, not_a_switch, quantity
from sim.scenario import Policy

PARTS = 10**9  # resolution of a rate
CURRENCY = "currency units"


class Scheme(BaseModel):
    """A commission scheme with the terms that every scheme has. Amounts in currency units.

    A subclass adds its parameters as fields and defines :meth:`offer` and :meth:`settle`. It can
    be named in a scenario at once: by its class name in snake case, or as package.module:Class.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )
    name: ClassVar[str] = "scheme"
    source: ClassVar[str] = "user-defined"

    budget: float | None = quantity(
        None, unit=CURRENCY, low=0, high=1e12, kind="lever", source="plan",
        description="commissions and friend discounts stop when this is spent; unset: no limit",
    )  # fmt: skip
    cap_per_person: float | None = quantity(
        None, unit=CURRENCY, low=0, high=1e12, kind="lever", source="plan",
        description="most one person can earn per cap_period_days; unset: no limit",
    )  # fmt: skip
    cap_period_days: float | None = quantity(
        None, unit="days", low=1, high=100_000, kind="lever", source="plan",
        description="length of the period of cap_per_person; unset: the whole run",
    )  # fmt: skip
    minimum_order: float = quantity(
        0.0, unit=CURRENCY, low=0, high=1e7, kind="lever", neutral=0, source="plan",
        description="smallest net price that earns a commission or a friend discount",
    )  # fmt: skip
    hold_days: int = quantity(
        14, unit="days", low=0, high=3650, kind="lever", source="A: as long as refunds are open",
        description="days between an order and the payout of its commission",
    )  # fmt: skip
    clawback: bool = choice(
        True, kind="lever", unit="switch",
        description="a refund takes back commission that was paid; what is pending is never paid",
    )  # fmt: skip
    start_day: int = quantity(
        0, unit="day", low=0, high=1_000_000, kind="lever", source="plan", description="first day",
    )  # fmt: skip
    end_day: int | None = quantity(
        None, unit="day", low=1, high=1_000_000, kind="lever", source="plan",
        description="first day without it; unset: never ends",
    )  # fmt: skip
    first_order_only: bool = choice(
        False, kind="lever", unit="switch",
        description="only the first order of a new customer earns a commission or a discount",
    )  # fmt: skip
    customers_only: bool = choice(
        True, kind="lever", unit="switch", description="only members, people who bought, can earn"
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Give the class its snake-case name and make it known to scenarios."""
        super().__pydantic_init_subclass__(**options)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        if cls.__module__ != __name__:
            _register(cls)

    @field_validator("*", mode="before")
    @classmethod
    def _not_a_switch(cls, value: Any, info: ValidationInfo) -> Any:
        return not_a_switch(cls, info.field_name, value)

    @model_validator(mode="after")
    def _terms(self) -> Scheme:
        """Whole cents, and dates in order."""
        for name, field in type(self).model_fields.items():
            extra = field.json_schema_extra
            value = getattr(self, name)
            if isinstance(extra, dict) and extra.get("unit") == CURRENCY and value is not None:
                cents(value, name)
        for name in ("budget", "cap_per_person"):
            if getattr(self, name) == 0:
                raise ValueError(
                    f"{name} = 0 would pay nothing; raise it, or leave it out for no limit"
                )
        if self.end_day is not None and self.end_day <= self.start_day:
            raise ValueError(
                f"end_day = {self.end_day} is not after start_day = {self.start_day}; "
                "raise end_day or leave it out"
            )
        if self.cap_period_days is not None and self.cap_per_person is None:
            raise ValueError("cap_period_days has no effect without cap_per_person; add the cap")
        return self

    @property
    def paid_levels(self) -> int:
        """How many levels above the buyer earn from an order."""
        return 1

    @abstractmethod
    def offer(self, market: Market) -> Offer:
        """What each consumer believes a sale earns her, and what her friend gets off."""

    @abstractmethod
    def settle(self, orders: Orders, market: Market) -> Commissions:
        """Who is credited how many cents for today's ``orders``; a row per credit."""

    def bound_cents(self, market: Market) -> np.ndarray:
        """Most that one order of each product earns all its recipients together, float64 (P,)."""
        reward = self.offer(market).reward_cents
        return reward if reward.ndim == 1 else reward.max(axis=1, initial=0.0)

    def as_policy(self) -> Policy:
        """The scheme as a scenario holds it: its name and its parameters."""
        return Policy(scheme=self.name, **self.model_dump(exclude_none=True))


class NoIncentive(Scheme):
    """Nothing is paid: people share because they like to."""

    name: ClassVar[str] = "none"
    source: ClassVar[str] = "baseline"

    @property
    def paid_levels(self) -> int:
        """None."""
        return 0

    def offer(self, market: Market) -> Offer:
        """No reward, no discount."""
        return _offer(market)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """No commissions."""
        return Commissions.empty()


class FixedBounty(Scheme):
    """A fixed amount per referred order."""

    source: ClassVar[str] = "Schmitt, Skiera and Van den Bulte 2011 (25 EUR per new customer)"
    amount: float = quantity(
        5.0, unit=CURRENCY, low=0, high=1e7, kind="lever", source="plan",
        description="commission per referred order",
    )  # fmt: skip

    def offer(self, market: Market) -> Offer:
        """The amount, for any product."""
        return _offer(market, reward=cents(self.amount, "amount"))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The amount to every sponsor."""
        amounts = np.full(len(orders.order_id), cents(self.amount, "amount"))
        return _to_sponsors(orders, amounts)


class Percentage(Scheme):
    """A share of the net price of each referred order."""

    source: ClassVar[str] = "affiliate programmes; literature sheet, A37"
    rate: float = quantity(
        0.10, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="commission rate",
    )  # fmt: skip

    def offer(self, market: Market) -> Offer:
        """The rate times the price."""
        return _offer(market, reward=self.rate * market.prices_cents)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The rate times the net price to every sponsor."""
        return _to_sponsors(orders, part_of(orders.net_cents, rate_parts(self.rate)))


class TwoSided(Scheme):
    """Give and get: the friend gets a discount, the sharer a reward."""

    source: ClassVar[str] = "Hong, Pavlou, Wang and Shi 2017; Jung et al. 2021"
    give: float = quantity(
        5.0, unit=CURRENCY, low=0, high=1e7, kind="lever", source="plan",
        description="the friend's discount",
    )  # fmt: skip
    get: float = quantity(
        5.0, unit=CURRENCY, low=0, high=1e7, kind="lever", source="plan",
        description="the sharer's reward per referred order",
    )  # fmt: skip

    def offer(self, market: Market) -> Offer:
        """Both amounts."""
        return _offer(market, reward=cents(self.get, "get"), friend=cents(self.give, "give"))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The reward to every sponsor."""
        return _to_sponsors(orders, np.full(len(orders.order_id), cents(self.get, "get")))


class RecipientOnly(Scheme):
    """Only the friend gets something: a discount for buying through a link."""

    source: ClassVar[str] = "Hong, Pavlou, Wang and Shi 2017"
    give: float = quantity(
        5.0, unit=CURRENCY, low=0, high=1e7, kind="lever", source="plan",
        description="the friend's discount",
    )  # fmt: skip

    @property
    def paid_levels(self) -> int:
        """None."""
        return 0

    def offer(self, market: Market) -> Offer:
        """The discount."""
        return _offer(market, friend=cents(self.give, "give"))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """No commissions."""
        return Commissions.empty()


class Tiered(Scheme):
    """A rate that rises with the orders a consumer was credited with before.

    A tier (t, r) pays rate r once t orders were credited. Marginal: the rate holds for the
    orders from there on. Retroactive: it also raises what earlier orders of the period earned;
    the difference is booked with the order that reaches the tier.

    A refunded order no longer counts, in its month and over the lifetime: orders after it start
    from the lower count. What a marginal rate paid on other orders stands. Retroactive, the
    orders that are left earn what they would have earned alone: what they carried too much is
    taken back with the refund (without clawback only what is pending, the rest is offset by later
    orders), and what a refund took with the order that carried it is paid with the next order.
    """

    source: ClassVar[str] = "affiliate programmes with sales tiers; literature sheet, I14"
    tiers: tuple[tuple[int, float], ...] = choice(
        ((0, 0.05), (5, 0.10), (20, 0.15)), kind="lever", unit="orders, share of net price",
        description="thresholds in credited orders, and the rate from there on",
    )  # fmt: skip
    period: Literal["month", "lifetime"] = choice(
        "month", kind="lever", description="counts start again every 30 days, or never"
    )
    retroactive: bool = choice(
        False, kind="lever", unit="switch", description="a higher tier re-rates the earlier orders"
    )

    @field_validator("tiers")
    @classmethod
    def _rising(cls, tiers: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
        thresholds = [threshold for threshold, _ in tiers]
        rates = [rate for _, rate in tiers]
        if not tiers or thresholds[0] != 0 or thresholds != sorted(set(thresholds)):
            raise ValueError(f"thresholds {thresholds} must start at 0 and rise; such as 0, 5, 20")
        if rates != sorted(rates) or rates[0] < 0 or rates[-1] > 1:
            raise ValueError(f"rates {rates} must lie between 0 and 1 and not fall")
        return tiers

    def offer(self, market: Market) -> Offer:
        """What the next order earns each consumer, with the re-rating it brings if retroactive."""
        rates = np.array([rate for _, rate in self.tiers])
        if len(rates) == 1:
            return _offer(market, reward=rates[0] * market.prices_cents)
        counts, sales, earned = self._history(market)
        rate = rates[self._tier(counts)]
        reward = market.prices_cents[:, None] * rate
        if self.retroactive:
            reward = np.maximum(reward + (sales * rate - earned), 0)
        return _offer(market, reward=reward)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The rate of the tier reached so far, order by order in the order of their ids."""
        rows = np.flatnonzero((orders.sponsor >= 0) & (orders.net_cents > 0))
        rows = rows[np.argsort(orders.order_id[rows], kind="stable")]
        sponsor, net = orders.sponsor[rows], orders.net_cents[rows]
        counts, sales, earned = self._history(market)
        today = sum_before(sponsor, np.ones_like(net))
        before = counts[sponsor] + today
        if self.retroactive:
            sold = sales[sponsor] + sum_before(sponsor, net)
            booked = earned[sponsor]
            start = np.maximum(self.due_cents(before, sold), booked)
            start = np.where(today == 0, booked, start)
            amounts = np.maximum(self.due_cents(before + 1, sold + net), booked) - start
        else:
            amounts = part_of(net, self._parts(before))
        per_order = np.zeros(len(orders.order_id), np.int64)
        per_order[rows] = amounts
        return _to_sponsors(orders, per_order)

    def due_cents(self, counts: np.ndarray, sales: np.ndarray) -> np.ndarray:
        """What ``counts`` orders of ``sales`` cents earn together if retroactive, int64 (n,)."""
        return part_of(sales, self._parts(counts - 1))

    def bound_cents(self, market: Market) -> np.ndarray:
        """The top rate times the price; when retroactive, an average over a consumer's orders."""
        return self.tiers[-1][1] * market.prices_cents

    def _history(self, market: Market) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Orders, sales and commissions credited in the period, (N,) each."""
        if self.period == "month":
            return (
                market.credited_orders_month,
                market.credited_sales_month_cents,
                market.credited_commission_month_cents,
            )
        return (
            market.credited_orders,
            market.credited_sales_cents,
            market.credited_commission_cents,
        )

    def _parts(self, counts: np.ndarray) -> np.ndarray:
        """The rate in billionths after ``counts`` orders, int64 (n,)."""
        return np.array([rate_parts(rate) for _, rate in self.tiers])[self._tier(counts)]

    def _tier(self, counts: np.ndarray) -> np.ndarray:
        """Position of the tier reached after ``counts`` orders; the first one below zero."""
        thresholds = np.array([threshold for threshold, _ in self.tiers])
        return np.maximum(np.searchsorted(thresholds, counts, side="right") - 1, 0)


class MultiLevel(Scheme):
    """A share to the sponsor, a smaller one to the sponsor's sponsor, and so on.

    Level l earns rate * ratio^(l-1) of the net price, or ``rates[l-1]``. An order pays at most
    rate * (1 - ratio^levels) / (1 - ratio) of its net price, rounded half a cent up.
    """

    source: ClassVar[str] = "Pickard et al. 2011; Emek, Karidi, Tennenholtz and Zohar 2011"
    rate: float = quantity(
        0.10, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="commission rate of the sponsor",
    )  # fmt: skip
    ratio: float = quantity(
        0.5, unit="factor per level", low=0, high=1, kind="lever", source="Pickard et al. 2011",
        description="rate of a level relative to the level below",
    )  # fmt: skip
    levels: int = quantity(
        2, unit="levels", low=1, high=20, kind="lever", source="A37: two levels at most in China",
        description="paid levels",
    )  # fmt: skip
    rates: tuple[float, ...] | None = choice(
        None, kind="lever", unit="shares of net price",
        description="rate of every level, in place of rate, ratio and levels",
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_way(self) -> MultiLevel:
        if self.rates is None:
            return self
        if not self.rates or min(self.rates) < 0 or max(self.rates) > 1 or len(self.rates) > 20:
            raise ValueError(f"rates = {list(self.rates)}: write 1 to 20 shares between 0 and 1")
        return self

    @property
    def paid_levels(self) -> int:
        """The number of levels."""
        return self.levels if self.rates is None else len(self.rates)

    def level_parts(self) -> tuple[int, ...]:
        """The rate of every level in billionths; rounded down from level 2 on."""
        return _level_parts(self.rate, self.ratio, self.levels, self.rates)

    def offer(self, market: Market) -> Offer:
        """What a sale through one's own link earns: the rate of level 1."""
        return _offer(market, reward=self.level_parts()[0] / PARTS * market.prices_cents)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The rates of the levels times the net price, up the chain of sponsors."""
        chain = market.ancestors(orders.sponsor, self.paid_levels)
        net = orders.net_cents
        first, *above = self.level_parts()
        amounts = np.empty(chain.shape, np.int64)
        amounts[:, 0] = part_of(net, first)
        for level, parts in enumerate(above, start=1):
            amounts[:, level] = part_of(net, parts, half_up=False)
        order, column = np.nonzero((chain >= 0) & (amounts > 0))
        levels = (column + 1).astype(np.int8)
        return Commissions(order, chain[order, column], amounts[order, column], levels)

    def bound_cents(self, market: Market) -> np.ndarray:
        """The sum of the rates times the price."""
        return sum(self.level_parts()) / PARTS * market.prices_cents


SCHEMES: dict[str, type[Scheme]] = {
    "none": NoIncentive,
    "fixed_bounty": FixedBounty,
    "percentage": Percentage,
    "two_sided": TwoSided,
    "recipient_only": RecipientOnly,
    "tiered": Tiered,
    "multi_level": MultiLevel,
}


def _register(cls: type[Scheme]) -> None:
    """Add a user's scheme to SCHEMES; InputError if the name is a built-in one's."""
    known = SCHEMES.get(cls.name)
    if known is not None and known.__module__ == __name__:
        raise InputError(
            f"class {cls.__name__} would hide the built-in scheme '{cls.name}'; rename the class"
        )
    SCHEMES[cls.name] = cls


@lru_cache(maxsize=256)
def rate_parts(rate: float) -> int:
    """A rate in billionths, to the nearest."""
    return int(Fraction(str(rate)) * PARTS + Fraction(1, 2))


@lru_cache(maxsize=256)
def _level_parts(
    rate: float, ratio: float, levels: int, table: tuple[float, ...] | None
) -> tuple[int, ...]:
    if table is None:
        first, step = Fraction(str(rate)), Fraction(str(ratio))
        exact = [first * step**level for level in range(levels)]
    else:
        exact = [Fraction(str(share)) for share in table]
    return (rate_parts(float(exact[0])), *(int(share * PARTS) for share in exact[1:]))


def part_of(amounts: np.ndarray, parts: np.ndarray | int, *, half_up: bool = True) -> np.ndarray:
    """``amounts * parts / PARTS`` in whole cents, exactly: half a cent up, or rounded down.

    amounts : int64 (n,), not negative. parts : billionths up to PARTS. Returns int64 (n,).
    """
    whole, rest = np.divmod(amounts, PARTS)
    return whole * parts + (rest * parts + (PARTS // 2 if half_up else 0)) // PARTS


def _offer(market: Market, reward: np.ndarray | float = 0.0, friend: int = 0) -> Offer:
    """An offer of ``reward`` (anything that fits the products) and a discount up to the price."""
    prices = market.prices_cents
    if np.ndim(reward) == 0:
        reward = np.full(len(prices), float(reward))
    return Offer(np.asarray(reward, np.float64), np.minimum(friend, prices))


def _to_sponsors(orders: Orders, amounts: np.ndarray) -> Commissions:
    """``amounts`` (int64 (n,)) to the sponsors of paid orders, as level 1."""
    order = np.flatnonzero((orders.sponsor >= 0) & (orders.net_cents > 0) & (amounts > 0))
    return Commissions(order, orders.sponsor[order], amounts[order], np.ones(len(order), np.int8))
