"""Schemes in which time decides: a falling rate, a head start, a share of repeat orders."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pydantic import model_validator

from sim.market import Market, Offer
from sim.orders import Commissions, Orders
from sim.quantities import ASSUMPTION, cents, quantity
from sim.schemes.scheme import CURRENCY, Scheme, part_of, rate_parts, to_sponsors, told
from sim.schemes.tiered import in_turn


class Decaying(Scheme):
    """A rate that falls as the campaign grows old: rate * exp(-(day - start_day) / decay_days)."""

    source: ClassVar[str] = "literature sheet, A37"
    rate: float = quantity(
        0.20, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="commission rate on start_day",
    )  # fmt: skip
    decay_days: float = quantity(
        30.0, unit="days", low=0.01, high=100_000, kind="lever", source="plan",
        description="days in which the rate falls to 37 % of what it was",
    )  # fmt: skip
    floor_rate: float = quantity(
        0.0, unit="share of net price", low=0, high=1, kind="lever", neutral=0, source="plan",
        description="the rate does not fall below this",
    )  # fmt: skip

    @model_validator(mode="after")
    def _falls(self) -> Decaying:
        if self.floor_rate > self.rate:
            raise ValueError(
                f"floor_rate = {self.floor_rate:g} is above rate = {self.rate:g}, which could "
                "not fall; lower it"
            )
        return self

    def rate_today(self, market: Market) -> float:
        """The rate on the current day."""
        age_days = max(market.day - self.start_day, 0.0)
        return max(self.rate * math.exp(-age_days / self.decay_days), self.floor_rate)

    def offer(self, market: Market) -> Offer:
        """Today's rate times the price."""
        return told(market, reward=self.rate_today(market) * market.prices_cents)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """Today's rate times the net price to every sponsor."""
        parts = rate_parts(self.rate_today(market))
        return to_sponsors(orders, part_of(orders.net_cents, parts))

    def bound_cents(self, market: Market) -> np.ndarray:
        """The first day's rate times the price."""
        return self.rate * market.prices_cents


class EarlyBird(Scheme):
    """More for the first orders that the whole programme credits, then the usual pay.

    An order is early while fewer than ``first_orders`` orders before it stand, counted by their
    ids, also within a day. So a refund can make room for a later order; what others were paid
    does not change.
    """

    source: ClassVar[str] = "early-bird offers of referral launches; peers, pool-capped taper"
    first_orders: int = quantity(
        100, unit="orders", low=1, high=10**9, kind="lever", source="plan",
        description="how many orders of the programme earn the early pay",
    )  # fmt: skip
    early_rate: float = quantity(
        0.20, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="commission rate of the first orders",
    )  # fmt: skip
    early_amount: float = quantity(
        0.0, unit=CURRENCY, low=0, high=1e7, kind="lever", neutral=0, source="plan",
        description="amount on top of the rate for the first orders",
    )  # fmt: skip
    rate: float = quantity(
        0.10, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="usual commission rate",
    )  # fmt: skip
    amount: float = quantity(
        0.0, unit=CURRENCY, low=0, high=1e7, kind="lever", neutral=0, source="plan",
        description="amount on top of the usual rate",
    )  # fmt: skip

    @model_validator(mode="after")
    def _early_is_more(self) -> EarlyBird:
        for name in ("rate", "amount"):
            early, usual = getattr(self, f"early_{name}"), getattr(self, name)
            if early < usual:
                raise ValueError(
                    f"early_{name} = {early:g} is below {name} = {usual:g}; "
                    "the first orders earn at least the usual: raise it, or lower the other"
                )
        return self

    @property
    def known_breaks(self) -> dict[str, str]:
        """I9: places run out."""
        return {**super().known_breaks, "I9": "a further sale can take an early place from another"}

    def offer(self, market: Market) -> Offer:
        """The early pay while there are places, then the usual."""
        if self._places_left(market) > 0:
            return told(market, reward=self.bound_cents(market))
        return told(market, reward=_linear(self.amount, self.rate, market))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The early pay to the sponsors of early orders, the usual to the others."""
        rows = in_turn(orders)
        early = rows[: self._places_left(market)]
        amounts = part_of(orders.net_cents, rate_parts(self.rate)) + cents(self.amount, "amount")
        amounts[early] = part_of(orders.net_cents[early], rate_parts(self.early_rate)) + cents(
            self.early_amount, "early_amount"
        )
        return to_sponsors(orders, amounts)

    def bound_cents(self, market: Market) -> np.ndarray:
        """The early pay on an order at list price."""
        return _linear(self.early_amount, self.early_rate, market)

    def _places_left(self, market: Market) -> int:
        """How many orders can still be early ones."""
        return max(self.first_orders - int(market.credited_orders.sum()), 0)


class Recurring(Scheme):
    """A share of everything a customer buys, for some time since the customer joined.

    An order through a link counts for its sharer, any other for who once referred the buyer. The
    time is the customer's: whoever seems new has just joined.
    """

    source: ClassVar[str] = "OpenAffiliate registry (22 % of programmes); Dub's duration of rewards"
    rate: float = quantity(
        0.20, unit="share of net price", low=0, high=1, kind="lever",
        source="OpenAffiliate registry, median", description="commission rate at first",
    )  # fmt: skip
    duration_days: int = quantity(
        365, unit="days", low=0, high=100_000, kind="lever",
        source="OpenAffiliate registry: 12 months where it is stated",
        description="days since the customer joined in which orders are paid for; 0: for life",
    )  # fmt: skip
    step_down_days: int | None = quantity(
        None, unit="days", low=1, high=100_000, kind="lever",
        source="peers: 20 % in year one, then 10 %",
        description="days since the customer joined from which later_rate holds; unset: never",
    )  # fmt: skip
    later_rate: float | None = quantity(
        None, unit="share of net price", low=0, high=1, kind="lever",
        source="peers: 20 % in year one, then 10 %",
        description="commission rate from step_down_days on",
    )  # fmt: skip
    expected_repeats: float = quantity(
        0.0, unit="orders", low=0, high=1000, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="further orders at the first rate that sharers expect of a customer",
    )  # fmt: skip

    @model_validator(mode="after")
    def _steps_down(self) -> Recurring:
        if (self.step_down_days is None) != (self.later_rate is None):
            given, other = (
                ("later_rate", "step_down_days")
                if self.step_down_days is None
                else ("step_down_days", "later_rate")
            )
            raise ValueError(
                f"{given} = {getattr(self, given):g} has no effect without {other}; "
                "set both or neither"
            )
        if self.later_rate is not None and self.later_rate > self.rate:
            raise ValueError(
                f"later_rate = {self.later_rate:g} is above rate = {self.rate:g}; lower it"
            )
        days = self.duration_days
        if self.step_down_days is not None and 0 < days <= self.step_down_days:
            raise ValueError(
                f"step_down_days = {self.step_down_days} is not before duration_days = {days}; "
                "lower the one, raise the other, or write duration_days = 0 for life"
            )
        return self

    @property
    def pays_referrer(self) -> bool:
        """Yes: repeat orders need no link."""
        return True

    def offer(self, market: Market) -> Offer:
        """The rate times the price, for the first order and the repeats that sharers expect."""
        return told(market, reward=self.bound_cents(market) * (1 + self.expected_repeats))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The rate of the customer's time times the net price to every sponsor."""
        days = np.where(orders.seems_new, 0.0, market.tenure_days(orders.buyer))
        parts = np.full(len(days), rate_parts(self.rate))
        if self.step_down_days is not None and self.later_rate is not None:
            parts[days >= self.step_down_days] = rate_parts(self.later_rate)
        if self.duration_days > 0:
            parts[days >= self.duration_days] = 0
        return to_sponsors(orders, part_of(orders.net_cents, parts))

    def bound_cents(self, market: Market) -> np.ndarray:
        """The first rate times the price."""
        return self.rate * market.prices_cents


def _linear(amount: float, rate: float, market: Market) -> np.ndarray:
    """An amount and a share of the list price, float64 (P,)."""
    return cents(amount, "amount") + rate * market.prices_cents
