"""Rewards by lot: a table of prizes, of which people are told the expectation."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np
from pydantic import field_validator, model_validator

from sim.market import Market, Offer
from sim.orders import Commissions, Orders
from sim.quantities import cents, choice, quantity
from sim.schemes.scheme import CURRENCY, Scheme, to_sponsors, told


class Lottery(Scheme):
    """Every referred order draws a prize from a table, for the sharer or for the friend.

    The draw belongs to the buyer, the product and the day, so it is the same in every policy and
    a discount is known at the checkout. A friend's prize is a discount up to the price.
    """

    source: ClassVar[str] = "Li et al., Management Science, mnsc.2024.05685: uncertain rewards"
    prizes: tuple[tuple[float, float], ...] = choice(
        ((15.0, 0.2), (5.0, 0.4)), kind="lever", unit="currency units, probability",
        description="amount and probability of each prize; the rest of the orders win nothing",
    )  # fmt: skip
    expected: float = quantity(
        5.0, unit=CURRENCY, low=0, high=1e7, kind="lever", source="plan",
        description="what people are told an order wins on average",
    )  # fmt: skip
    winner: Literal["sharer", "friend"] = choice(
        "sharer", kind="lever", description="whether the sharer is rewarded or the friend gets off"
    )

    @field_validator("prizes")
    @classmethod
    def _table(cls, prizes: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if not prizes:
            raise ValueError("[] wins nothing; write [amount, probability] for each prize")
        for amount, probability in prizes:
            if not 0 <= probability <= 1:
                raise ValueError(
                    f"probability {probability:g} of the prize {amount:g} must lie between 0 and 1"
                )
            if not 0 < amount <= 1e7:
                raise ValueError(f"prize {amount:g} must be above 0 and at most 1e7; leave it out")
            cents(amount, "amount")
        total = sum(Fraction(str(probability)) for _, probability in prizes)
        if total > 1:
            raise ValueError(f"probabilities add up to {float(total):g}; 1 at most, lower some")
        return prizes

    @model_validator(mode="after")
    def _as_stated(self) -> Lottery:
        """The table means what people are told, to half a cent."""
        average = sum(Fraction(str(a)) * Fraction(str(p)) for a, p in self.prizes)
        if abs(average - Fraction(str(self.expected))) > Fraction(1, 200):
            raise ValueError(
                f"expected = {self.expected:.2f} is stated but the prizes are worth "
                f"{float(average):.4g} on average; write expected = {float(average):.2f} or "
                "change the prizes"
            )
        return self

    @property
    def paid_levels(self) -> int:
        """One if the sharer wins, none if the friend does."""
        return int(self.winner == "sharer")

    def offer(self, market: Market) -> Offer:
        """The stated expectation; for the friend what the prizes are worth up to the price."""
        if self.winner == "sharer":
            return told(market, reward=cents(self.expected, "expected"), sharer_uncertain=True)
        amounts, chances = self._table_in_cents()
        worth = np.minimum(amounts[:-1], market.prices_cents[:, None]) @ chances
        friend = np.floor(worth + 0.5 + 1e-9).astype(np.int64)
        return told(market, friend=friend, friend_uncertain=True)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """What each order drew, to its sponsor if sharers win."""
        if self.winner == "friend":
            return Commissions.empty()
        return to_sponsors(orders, self.drawn_cents(orders, market))

    def discounts(self, orders: Orders, market: Market) -> np.ndarray:
        """What each order drew, up to its price, if friends win."""
        if self.winner == "sharer":
            return np.zeros(len(orders.order_id), np.int64)
        return np.minimum(self.drawn_cents(orders, market), orders.price_cents)

    def drawn_cents(self, orders: Orders, market: Market) -> np.ndarray:
        """The prize of each of today's ``orders``, int64 (n,)."""
        amounts, _ = self._table_in_cents()
        chances = [Fraction(str(probability)) for _, probability in self.prizes]
        ends = [float(sum(chances[: place + 1])) for place in range(len(chances))]
        return amounts[np.searchsorted(ends, market.luck(orders), side="right")]

    def bound_cents(self, market: Market) -> np.ndarray:
        """The top prize if the sharer wins; a discount is no commission."""
        top = self._table_in_cents()[0].max() if self.winner == "sharer" else 0
        return np.full(len(market.prices_cents), float(top))

    def _table_in_cents(self) -> tuple[np.ndarray, np.ndarray]:
        """Prizes with a 0 at the end, int64 (k + 1,), and their probabilities, float64 (k,)."""
        amounts = [cents(amount, "amount") for amount, _ in self.prizes]
        return np.array([*amounts, 0]), np.array([probability for _, probability in self.prizes])
