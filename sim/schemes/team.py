"""A lower price for friends who buy together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import field_validator

from sim.market import Market, Offer
from sim.orders import Commissions, Orders
from sim.quantities import quantity
from sim.schemes.scheme import Scheme, part_of, rate_parts, to_sponsors, told


class TeamPurchase(Scheme):
    """Who opens a team buys at the team's price if enough friends join before the deadline.

    Everybody is charged when the team is full. If it does not fill in time all money goes back
    and nobody earns a commission. Orders outside a team pay the list price and earn nothing.
    """

    source: ClassVar[str] = "Pinduoduo (literature sheet, section 6); Zhang et al. 2021 (BeiBei)"
    size: int = quantity(
        2, unit="people", low=2, high=100, kind="lever", source="Zhang et al. 2021: 99.4 % are two",
        description="people in a full team, with who opens it",
    )  # fmt: skip
    deadline_days: float = quantity(
        1.0, unit="days", low=0.01, high=365, kind="lever", source="practice: 24 hours",
        description="days a team has to fill",
    )  # fmt: skip
    discount: float = quantity(
        0.15, unit="share of price", low=0, high=1, kind="lever",
        source="literature sheet, section 6: up to 20 % cheaper",
        description="what everybody in a full team gets off",
    )  # fmt: skip
    commission: float = quantity(
        0.0, unit="share of net price", low=0, high=1, kind="lever", neutral=0, source="plan",
        description="what who opened the team earns from each friend's order",
    )  # fmt: skip

    @field_validator("size", mode="before")
    @classmethod
    def _not_alone(cls, size: Any) -> Any:
        if size == 1:
            raise ValueError("1 is a team of one; a team has 2 to 100 people")
        return size

    @property
    def paid_levels(self) -> int:
        """One if the opener earns commission."""
        return int(self.commission > 0)

    @property
    def for_teams(self) -> bool:
        """Yes."""
        return True

    def offer(self, market: Market) -> Offer:
        """The commission on a friend's order in a full team; no discount outside teams."""
        return told(market, reward=self.bound_cents(market))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The commission to the openers of teams for the friends who are credited to them."""
        amounts = part_of(orders.net_cents, rate_parts(self.commission))
        brought = (orders.team > 0) & (orders.sponsor == orders.team_opener)
        return to_sponsors(orders, np.where(brought, amounts, 0))

    def discounts(self, orders: Orders, market: Market) -> np.ndarray:
        """The team's discount on orders in teams."""
        return np.where(orders.team > 0, self.off_cents(orders.price_cents), 0)

    def bound_cents(self, market: Market) -> np.ndarray:
        """The commission on the team's price."""
        prices = market.prices_cents
        return self.commission * (prices - self.off_cents(prices))

    def off_cents(self, prices: np.ndarray) -> np.ndarray:
        """What a team gets off ``prices``, int64 like them."""
        return part_of(prices, rate_parts(self.discount))
