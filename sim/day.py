"""What a day looks like to the kernels and the agents: its fixed numbers, notes and counts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sim.scenario import Scenario


class Phase(NamedTuple):
    """A row of the table of a day."""

    name: str
    reads: str
    writes: str


PHASES = (
    Phase("campaign", "calendar, programme", "prices, offers, chances of the day"),
    Phase("visit", "status, habit, clicks due, satisfaction", "visitors, activity"),
    Phase("buy", "visitors, traits, clicks, trust, what was heard, offers", "order lines"),
    Phase("attribute", "order lines, clicks, referral forest", "sponsors, members, orders owned"),
    Phase(
        "settle", "orders, scheme, budget", "ledger: orders, commissions, payouts; sales records"
    ),
    Phase(
        "experience",
        "order lines, quality, expectation",
        "satisfaction, trust, records, refunds due",
    ),
    Phase(
        "share",
        "visitors, satisfaction, record, trust, fatigue",
        "clicks, inboxes, messages heard, mutes",
    ),
    Phase("stay", "fatigue, satisfaction, earnings, referrers, friends", "fatigue, habit, status"),
    Phase("measure", "counts, ledger", "a row of daily measures"),
)
"""A day, in order."""

BY_HABIT, BY_CLICK, BY_ORGANIC, BY_NEED, BY_ACTIVITY, REORDERED, STILL_HERE = 1, 2, 4, 8, 16, 32, 64
"""Why somebody visits, whether she bought again, and whether she only stays on: bits of ``why``.

With ticks shorter than a day a visitor stays on for the rest of a day, so that the chance to
share in a day does not depend on the length of a tick.
"""

PERSONAL, GROUP, BROADCAST = 1, 2, 3
"""Channels of a share; 0 is none."""

SATURATED = 255
"""Largest count kept of messages heard or carried."""


class Day(NamedTuple):
    """What holds for everybody on one day. P products, N consumers."""

    seed: np.uint64
    tick: int
    dt: float
    organic: float  # chance that somebody comes by herself
    participation: float  # chance that a member takes part in today's activity
    activity_product: int
    win_back: float  # chance that a campaign brings a lapsed customer back today
    window: int  # ticks after a click in which an order is credited
    existing_customers: bool
    coupons: bool  # friends can type in the code of whoever told them last
    coupon_first: bool  # a code typed in beats a link
    discount_for_new_only: bool
    sharer_uncertain: bool  # the sharer's reward is a lottery
    friend_uncertain: bool  # the friend's discount is a lottery
    in_kind: bool  # the sharer's reward is points
    fatigue_kept: float  # share of fatigue left after a tick
    earnings_window: int  # ticks in which a commission counts as earned lately
    day_ticks: int  # ticks in a day, at least 1
    mean_degree: float
    price_cents: np.ndarray  # (P,) int64
    reward_cents: np.ndarray  # (P, N) float64, or (P, 1) where it is the same for all
    discount_cents: np.ndarray  # (P,) int64
    points_cents: np.ndarray  # (N,) int64 what each can pay in points today, or (1,) for all
    rating: np.ndarray  # (P,) float64
    repeat_per_day: np.ndarray  # (P,) float64
    quality: np.ndarray  # (P,) float64
    quality_spread: np.ndarray  # (P,) float64
    expectation: np.ndarray  # (P,) float64
    refund_ticks: np.ndarray  # (P,) int64


def constants_of(
    scenario: Scenario, window_ticks: int, mean_degree: float, seed: np.uint64
) -> dict[str, Any]:
    """The fields of :class:`Day` that hold for the whole run, by name.

    window_ticks : ticks after a click in which an order is credited. mean_degree : ties a person
    has on average. seed : key of all draws of the run.
    """
    products, dt = scenario.products, scenario.dt
    refund_ticks = [
        max(1, round(product.refund_days / dt)) if product.refund_days else 0
        for product in products
    ]
    return {
        "seed": seed,
        "dt": dt,
        "window": window_ticks,
        "existing_customers": scenario.attribution.existing_customers,
        "coupons": scenario.attribution.coupons,
        "coupon_first": scenario.attribution.precedence == "coupon",
        "fatigue_kept": float(np.exp(-dt / scenario.behavior.fatigue.memory_days)),
        "day_ticks": scenario.ticks_in(1),
        "earnings_window": int(scenario.behavior.stay.earnings_days / dt + 1e-9),
        "mean_degree": max(mean_degree, 1e-9),
        "repeat_per_day": np.array([1 / product.repurchase_days for product in products]),
        "quality": np.array([product.quality for product in products]),
        "quality_spread": np.array([product.quality_spread for product in products]),
        "expectation": np.array([product.expectation for product in products]),
        "refund_ticks": np.array(refund_ticks),
    }


BLOCK = 1024
"""Consumers whose draws a phase makes together; their words stay in the nearest cache."""


class Today(NamedTuple):
    """Scratch arrays of the current day, kept between days to save their making."""

    why: np.ndarray  # (N,) uint8 bits of the reasons to visit
    considered: np.ndarray  # (N,) int16 product an organic visitor looks at
    visitors: np.ndarray  # (N,) int32, the first count are today's, ascending
    good: np.ndarray  # (N,) uint16 good experiences through a sharer today
    bad: np.ndarray  # (N,) uint16 bad ones
    keys: np.ndarray  # (largest degree,) float64 keys of the chosen friends
    readers: np.ndarray  # (largest degree or group,) int32 who gets a message
    chosen: np.ndarray  # (largest degree or group,) int64 the ties it comes over, -1 none
    changed: np.ndarray  # (N,) int32 people who join or leave
    block: np.ndarray  # (threads, BLOCK) int32 the consumers of a block whom a draw is made for
    words: np.ndarray  # (threads, 4, BLOCK) uint32 their draws


class OrderLines(NamedTuple):
    """Today's orders, a row each, ascending by buyer and product."""

    buyer: np.ndarray  # int32
    product: np.ndarray  # int16
    again: np.ndarray  # bool: a recurring need
    sponsor: np.ndarray  # int32, -1 nobody
    tie: np.ndarray  # int32 tie of the credited link, -1 none
    depth: np.ndarray  # int32
    channel: np.ndarray  # uint8
    new_customer: np.ndarray  # bool
    refund_tick: np.ndarray  # int32, -1 never


COUNTS = (
    "shares",
    "impressions",
    "clicks",
    "personal_messages",
    "personal_clicks",
    "warnings",
    "mutes",
    "lapsed",
    "returned",
    "retained_d1",
    "retained_d7",
    "retained_d30",
    "visits",
    "mau",
    "members",
)
"""Meaning of the entries of a day's ``counts`` (int64), in order."""

(
    N_SHARES,
    N_IMPRESSIONS,
    N_CLICKS,
    N_PERSONAL_MESSAGES,
    N_PERSONAL_CLICKS,
    N_WARNINGS,
    N_MUTES,
    N_LAPSED,
    N_RETURNED,
    N_RETAINED_D1,
    N_RETAINED_D7,
    N_RETAINED_D30,
    N_VISITS,
    N_MAU,
    N_MEMBERS,
) = range(len(COUNTS))
