"""Schemes that pay for each order by itself: nothing, an amount, a rate, one side or both."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import model_validator

from sim.market import Market, Offer
from sim.orders import Commissions, Orders
from sim.quantities import cents, quantity
from sim.schemes.scheme import CURRENCY, Scheme, by_prices, part_of, rate_parts, to_sponsors, told


class NoIncentive(Scheme):
    """Nothing is paid: people share because they like to."""

    name: ClassVar[str] = "none"
    source: ClassVar[str] = "baseline"

    @property
    def paid_levels(self) -> int:
        """None."""
        return 0

    @by_prices
    def offer(self, market: Market) -> Offer:
        """No reward, no discount."""
        return told(market)

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

    @by_prices
    def offer(self, market: Market) -> Offer:
        """The amount, for any product."""
        return told(market, reward=cents(self.amount, "amount"))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The amount to every sponsor."""
        amounts = np.full(len(orders.order_id), cents(self.amount, "amount"))
        return to_sponsors(orders, amounts)


class Percentage(Scheme):
    """A share of the net price of each referred order."""

    source: ClassVar[str] = "affiliate programmes; literature sheet, A37"
    rate: float = quantity(
        0.10, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="commission rate",
    )  # fmt: skip

    @by_prices
    def offer(self, market: Market) -> Offer:
        """The rate times the price."""
        return told(market, reward=self.rate * market.prices_cents)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The rate times the net price to every sponsor."""
        return to_sponsors(orders, part_of(orders.net_cents, rate_parts(self.rate)))


class NewAndReturning(Scheme):
    """A rate for orders of new customers, a lower one for those of customers who come back."""

    source: ClassVar[str] = "AffiliateWP issue 1113: lower rate for returning customers"
    rate: float = quantity(
        0.10, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="commission rate for the first order of a new customer",
    )  # fmt: skip
    returning_rate: float = quantity(
        0.05, unit="share of net price", low=0, high=1, kind="lever", source="plan",
        description="commission rate for any other order",
    )  # fmt: skip

    @model_validator(mode="after")
    def _lower_rate(self) -> NewAndReturning:
        if self.returning_rate > self.rate:
            raise ValueError(
                f"returning_rate = {self.returning_rate:g} is above rate = {self.rate:g}; "
                "lower it, or raise rate"
            )
        return self

    @by_prices
    def offer(self, market: Market) -> Offer:
        """The rate for new customers times the price."""
        return told(market, reward=self.rate * market.prices_cents)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The rate of who bought times the net price to every sponsor."""
        parts = np.where(orders.seems_new, rate_parts(self.rate), rate_parts(self.returning_rate))
        return to_sponsors(orders, part_of(orders.net_cents, parts))


class TwoSided(Scheme):
    """Give and get: the friend gets a discount, the sharer a reward.

    Each is an amount and a share of the list price together. The reward does not depend on the
    discount, so that both sides can get as much.
    """

    source: ClassVar[str] = "Hong, Pavlou, Wang and Shi 2017; Jung et al. 2021"
    give: float = quantity(
        5.0, unit=CURRENCY, low=0, high=1e7, kind="lever", source="plan",
        description="the friend's discount",
    )  # fmt: skip
    give_rate: float = quantity(
        0.0, unit="share of list price", low=0, high=1, kind="lever", neutral=0,
        source="Leskovec, Adamic and Huberman 2007: 10 %",
        description="what the friend gets off besides give",
    )  # fmt: skip
    get: float = quantity(
        5.0, unit=CURRENCY, low=0, high=1e7, kind="lever", source="plan",
        description="the sharer's reward per referred order",
    )  # fmt: skip
    get_rate: float = quantity(
        0.0, unit="share of list price", low=0, high=1, kind="lever", neutral=0,
        source="Leskovec, Adamic and Huberman 2007: 10 %",
        description="what the sharer earns besides get",
    )  # fmt: skip

    @by_prices
    def offer(self, market: Market) -> Offer:
        """Both sides' amounts and shares."""
        prices = market.prices_cents
        discounts = cents(self.give, "give") + part_of(prices, rate_parts(self.give_rate))
        reward = cents(self.get, "get") + self.get_rate * prices
        return told(market, reward=reward, friend=discounts)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The amount and the share of the list price to every sponsor."""
        shares = part_of(orders.price_cents, rate_parts(self.get_rate))
        return to_sponsors(orders, cents(self.get, "get") + shares)


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

    @by_prices
    def offer(self, market: Market) -> Offer:
        """The discount."""
        return told(market, friend=cents(self.give, "give"))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """No commissions."""
        return Commissions.empty()
