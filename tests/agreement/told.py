"""A scheme that says outright how certain its rewards are and in what they are paid."""

from __future__ import annotations

from typing import ClassVar

from sim.incentives import Market, Offer, TwoSided
from sim.quantities import choice


class Told(TwoSided):
    """Give and get in the words of the terms: certain or a lottery, in money or in points.

    It pays what it states in expectation, so that only the words differ.
    """

    source: ClassVar[str] = "test"
    sharer_uncertain: bool = choice(False, description="the reward is a lottery", unit="switch")
    friend_uncertain: bool = choice(False, description="the discount is a lottery", unit="switch")
    in_kind: bool = choice(False, description="the reward is points", unit="switch")

    def offer(self, market: Market) -> Offer:
        """Both amounts, and what they are."""
        return (
            super()
            .offer(market)
            ._replace(
                sharer_uncertain=self.sharer_uncertain,
                friend_uncertain=self.friend_uncertain,
                in_kind=self.in_kind,
            )
        )
