"""Pay for the sales of those one referred."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import ClassVar

import numpy as np
from pydantic import model_validator

from sim.market import Market, Offer
from sim.orders import Commissions, Orders
from sim.quantities import choice, quantity
from sim.schemes.scheme import PARTS, Scheme, by_prices, part_of, rate_parts, told


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

    @property
    def known_breaks(self) -> dict[str, str]:
        """I10 if a second level is paid: a false name between a friend and oneself earns it."""
        if self.paid_levels == 1:
            return super().known_breaks
        return {**super().known_breaks, "I10": "a false name below oneself earns a further level"}

    def level_parts(self) -> tuple[int, ...]:
        """The rate of every level in billionths; rounded down from level 2 on."""
        return _level_parts(self.rate, self.ratio, self.levels, self.rates)

    @by_prices
    def offer(self, market: Market) -> Offer:
        """What a sale through one's own link earns: the rate of level 1."""
        return told(market, reward=self.level_parts()[0] / PARTS * market.prices_cents)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The rates of the levels times the net price, up the chain of sponsors."""
        chain = market.ancestors(orders, self.paid_levels)
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
