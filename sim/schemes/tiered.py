"""Pay that depends on how much one sold before: what that means, and a rate that rises with it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from pydantic import field_validator

from sim.market import Market, Offer
from sim.orders import Commissions, Orders, sum_before
from sim.quantities import choice
from sim.schemes.scheme import PARTS, Scheme, part_of, rate_parts, to_sponsors, told


class Cumulative(Scheme):
    """A scheme that says what all orders of a period earn a consumer together."""

    period: Literal["month", "lifetime"] = choice(
        "month", kind="lever", description="counts start again every 30 days, or never"
    )

    @property
    def re_rates(self) -> bool:
        """Whether a refund changes what the other orders of the period earned."""
        return True

    @abstractmethod
    def due_cents(self, counts: np.ndarray, sales: np.ndarray) -> np.ndarray:
        """What ``counts`` orders of ``sales`` cents (int64 (n,)) earn together, int64 (n,)."""

    def history_of(self, market: Market) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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

    def settle_to_due(self, orders: Orders, market: Market) -> Commissions:
        """What brings every sponsor to what is due, order by order in the order of their ids.

        Who was given more than is due gets nothing until it is made up for.
        """
        rows = in_turn(orders)
        sponsor, net = orders.sponsor[rows], orders.net_cents[rows]
        counts, sales, earned = self.history_of(market)
        today = sum_before(sponsor, np.ones_like(net))
        before = counts[sponsor] + today
        sold = sales[sponsor] + sum_before(sponsor, net)
        booked = earned[sponsor]
        start = np.maximum(self.due_cents(before, sold), booked)
        start = np.where(today == 0, booked, start)
        amounts = np.zeros(len(orders.order_id), np.int64)
        amounts[rows] = np.maximum(self.due_cents(before + 1, sold + net), booked) - start
        return to_sponsors(orders, amounts)


class Tiered(Cumulative):
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

    @property
    def re_rates(self) -> bool:
        """If retroactive."""
        return self.retroactive

    def offer(self, market: Market) -> Offer:
        """What the next order earns each consumer, with the re-rating it brings if retroactive."""
        rates = np.array([rate for _, rate in self.tiers])
        if len(rates) == 1:
            return told(market, reward=rates[0] * market.prices_cents)
        counts, sales, earned = self.history_of(market)
        rate = rates[self._tier(counts)]
        reward = market.prices_cents[:, None] * rate
        if self.retroactive:
            reward = np.maximum(reward + (sales * rate - earned), 0)
        return told(market, reward=reward)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The rate of the tier reached so far, order by order in the order of their ids."""
        if self.retroactive:
            return self.settle_to_due(orders, market)
        rows = in_turn(orders)
        sponsor, net = orders.sponsor[rows], orders.net_cents[rows]
        before = self.history_of(market)[0][sponsor] + sum_before(sponsor, np.ones_like(net))
        amounts = np.zeros(len(orders.order_id), np.int64)
        amounts[rows] = part_of(net, self._parts(before))
        return to_sponsors(orders, amounts)

    def due_cents(self, counts: np.ndarray, sales: np.ndarray) -> np.ndarray:
        """What ``counts`` orders of ``sales`` cents earn together if retroactive, int64 (n,)."""
        return part_of(sales, self._parts(counts - 1))

    def bound_cents(self, market: Market) -> np.ndarray:
        """The top rate times the price.

        When retroactive, an average over a consumer's orders, which are rounded together and not
        one by one: so it is rounded up.
        """
        top = self.tiers[-1][1]
        if not self.retroactive:
            return top * market.prices_cents
        return (-(-market.prices_cents * rate_parts(top) // PARTS)).astype(np.float64)

    def _parts(self, counts: np.ndarray) -> np.ndarray:
        """The rate in billionths after ``counts`` orders, int64 (n,)."""
        return np.array([rate_parts(rate) for _, rate in self.tiers])[self._tier(counts)]

    def _tier(self, counts: np.ndarray) -> np.ndarray:
        """Position of the tier reached after ``counts`` orders; the first one below zero."""
        thresholds = np.array([threshold for threshold, _ in self.tiers])
        return np.maximum(np.searchsorted(thresholds, counts, side="right") - 1, 0)


def in_turn(orders: Orders) -> np.ndarray:
    """Rows of paid orders with a sponsor in the order of their ids, int64 (m,)."""
    rows = np.flatnonzero((orders.sponsor >= 0) & (orders.net_cents > 0))
    return rows[np.argsort(orders.order_id[rows], kind="stable")]
