"""Schemes for those who bring many orders: a bonus at a threshold, prizes for the first places."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import field_validator, model_validator

from sim.market import Market, Offer
from sim.orders import Bonuses, Commissions, Orders, sum_before
from sim.quantities import cents, choice, quantity
from sim.schemes.scheme import CURRENCY, Scheme, part_of, rate_parts, told
from sim.schemes.tiered import Cumulative


class ThresholdBonus(Cumulative):
    """An amount per order, and a bonus once a consumer was credited with enough of them.

    A refunded order no longer counts. What a bonus paid too much then is made up for by later
    orders, and a bonus that was refunded with the order that carried it comes with the next order
    if enough are left.
    """

    source: ClassVar[str] = "Lobel, Sadler and Varshney 2017: linear plus threshold bonus"
    amount: float = quantity(
        2.0, unit=CURRENCY, low=0, high=1e7, kind="lever", source="plan",
        description="commission per referred order",
    )  # fmt: skip
    bonus: float = quantity(
        15.0, unit=CURRENCY, low=0, high=1e7, kind="lever", neutral=0, source="plan",
        description="what reaching the threshold earns besides",
    )  # fmt: skip
    threshold: int = quantity(
        5, unit="orders", low=1, high=10**6, kind="lever", source="plan",
        description="credited orders it takes",
    )  # fmt: skip
    repeated: bool = choice(
        False, kind="lever", unit="switch", description="again after every threshold orders"
    )
    period: Literal["month", "lifetime"] = choice(
        "lifetime", kind="lever", description="counts start again every 30 days, or never"
    )

    def offer(self, market: Market) -> Offer:
        """What the orders up to the next bonus earn each consumer, on average.

        A: people spread a bonus over the orders it still takes, so the pull grows near the goal
        (the goal gradient of Kivetz, Urminsky and Zheng 2006).
        """
        counts, sales, earned = self.history_of(market)
        goal = np.maximum(self.threshold, counts + 1)
        if self.repeated:
            goal = (counts // self.threshold + 1) * self.threshold
        left = np.maximum(self.due_cents(goal, sales) - earned, 0)
        reward = left / (goal - counts)
        return told(market, reward=np.tile(reward, (len(market.prices_cents), 1)))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The amount to every sponsor, with the bonus on the order that reaches the threshold."""
        return self.settle_to_due(orders, market)

    def due_cents(self, counts: np.ndarray, sales: np.ndarray) -> np.ndarray:
        """What ``counts`` orders earn together, int64 (n,)."""
        counts = np.asarray(counts, np.int64)
        reached = counts // self.threshold
        if not self.repeated:
            reached = np.minimum(reached, 1)
        return cents(self.amount, "amount") * counts + cents(self.bonus, "bonus") * reached

    def bound_cents(self, market: Market) -> np.ndarray:
        """The amount and an order's share of the bonus: an average over a consumer's orders."""
        share = -(-cents(self.bonus, "bonus") // self.threshold)  # rounded up
        return np.full(len(market.prices_cents), float(cents(self.amount, "amount") + share))


class Leaderboard(Scheme):
    """Prizes at the end of every period for who was credited with most orders in it.

    Who is credited with equally many shares the prizes of the places they take, in whole cents;
    the cents that do not divide stay with the platform. A prize is spread over the winner's orders
    of the period, so what is sent back later takes its part of the prize along; the places stay. A
    period that ``end_day`` cuts short is paid out on the last day.
    """

    source: ClassVar[str] = "practice: monthly affiliate contests with a prize pool"
    period_days: float = quantity(
        30.0, unit="days", low=1, high=100_000, kind="lever", source="plan",
        description="days from one payout of the prizes to the next, from start_day",
    )  # fmt: skip
    prizes: tuple[float, ...] = choice(
        (50.0, 30.0, 20.0), kind="lever", unit="currency units, or shares of pool",
        description="the first place's prize, the second's and so on",
    )  # fmt: skip
    pool: float | None = quantity(
        None, unit=CURRENCY, low=0.01, high=1e9, kind="lever", source="plan",
        description="money per period of which prizes are shares; unset: prizes are amounts",
    )  # fmt: skip
    minimum_orders: int = quantity(
        1, unit="orders", low=1, high=10**6, kind="lever", neutral=1, source="plan",
        description="credited orders in the period that a place needs",
    )  # fmt: skip

    @field_validator("prizes")
    @classmethod
    def _falling(cls, prizes: tuple[float, ...]) -> tuple[float, ...]:
        listed = list(prizes)
        if not listed or listed != sorted(listed, reverse=True) or listed[-1] <= 0:
            raise ValueError(
                f"{listed} must be above 0 and not rise from place to place; such as 50, 30, 20"
            )
        if listed[0] > 1e9:
            raise ValueError(f"{listed[0]:g} is too much for a prize; 1e9 at most")
        return prizes

    @model_validator(mode="after")
    def _affordable(self) -> Leaderboard:
        if self.pool is None:
            for prize in self.prizes:
                cents(prize, "prizes")
        elif sum(self.prizes) > 1 + 1e-9:
            raise ValueError(
                f"prizes = {list(self.prizes)} add up to {sum(self.prizes):g} of pool = "
                f"{self.pool:g}; write shares that add up to 1 at most, or leave out pool"
            )
        return self

    @property
    def known_breaks(self) -> dict[str, str]:
        """I9: a place is taken from somebody else."""
        return {**super().known_breaks, "I9": "a further sale can take a place from another"}

    @property
    def prize_cents(self) -> np.ndarray:
        """The prizes by place, int64 (places,); shares of the pool rounded down."""
        if self.pool is None:
            return np.array([cents(prize, "prizes") for prize in self.prizes])
        pool = np.array([cents(self.pool, "pool")])
        return np.concatenate(
            [part_of(pool, rate_parts(share), half_up=False) for share in self.prizes]
        )

    def offer(self, market: Market) -> Offer:
        """The prize money per credited order, up to the first prize.

        A: people expect as many orders as in the last period, during the first as many as there
        were so far, and that the places need their minimum.
        """
        prizes = self.prize_cents
        number = self._period(market.day)
        now = self._credited(market, number)
        expected = now if number == 0 else self._credited(market, number - 1) - now
        reward = prizes.sum() / max(expected, self.minimum_orders)
        return told(market, reward=min(reward, float(prizes[0])))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """Nothing: prizes are paid when the period ends."""
        return Commissions.empty()

    def bonuses(self, market: Market) -> Bonuses:
        """On the last tick of a period the prizes, each in parts on all orders of its winner."""
        number, after = self._period(market.day), market.day + market.dt
        is_last = self.end_day is not None and after >= self.end_day
        if self._period(after) == number and not is_last:
            return Bonuses.empty()
        credits = market.history.since(self._first_tick(market, number))
        counts = np.bincount(credits.sponsor, minlength=market.size)
        if self.customers_only:
            counts[~market.is_member] = 0
        winners = np.flatnonzero(counts >= self.minimum_orders)
        prizes = np.zeros(market.size, np.int64)
        prizes[winners] = self._by_count(counts[winners])
        sponsor = credits.sponsor
        part, odd_cents = np.divmod(prizes[sponsor], np.maximum(counts[sponsor], 1))
        part += sum_before(sponsor, np.ones_like(part)) < odd_cents
        paid = part > 0
        return Bonuses(credits.order_id[paid], sponsor[paid], part[paid])

    def bound_cents(self, market: Market) -> np.ndarray:
        """The first prize, which a period's only order wins."""
        return np.full(len(market.prices_cents), float(self.prize_cents[0]))

    def _by_count(self, counts: np.ndarray) -> np.ndarray:
        """What people with ``counts`` orders win, int64 (n,)."""
        if len(counts) == 0:
            return np.empty(0, np.int64)
        prizes = self.prize_cents
        _, rank = np.unique(-counts, return_inverse=True)
        tied = np.bincount(rank)
        beyond = np.cumsum(tied)
        up_to = np.concatenate(([0], np.cumsum(prizes)))
        won = up_to[np.minimum(beyond, len(prizes))]
        won = won - up_to[np.minimum(beyond - tied, len(prizes))]
        return (won // tied)[rank]

    def _credited(self, market: Market, number: int) -> int:
        """Standing orders since period ``number`` began."""
        return len(market.history.since(self._first_tick(market, number)).row)

    def _period(self, day: float) -> int:
        """Number of the period that ``day`` lies in."""
        return math.floor((day - self.start_day) / self.period_days + 1e-9)

    def _first_tick(self, market: Market, number: int) -> int:
        """First tick of period ``number``."""
        return math.ceil((self.start_day + number * self.period_days) / market.dt - 1e-9)
