"""Every built-in scheme, in many variants, passes check_scheme."""

from __future__ import annotations

import pytest

from sim.incentives import Percentage, Scheme
from sim.schemes import (
    PROGRAMMES,
    SCHEMES,
    ByCondition,
    Combined,
    EarlyBird,
    Leaderboard,
    Lottery,
    MultiLevel,
    NewAndReturning,
    Points,
    Recurring,
    TeamPurchase,
    ThresholdBonus,
    Tiered,
    TwoSided,
    make_scheme,
)
from sim.testing import check_scheme
from tests.worlds import POLICIES, rich_scenario

BUILT_IN = [name for name, cls in SCHEMES.items() if cls.__module__.startswith("sim.schemes.")]

TIERS = ((0, 0.05), (2, 0.1), (5, 0.3))
VARIANTS: dict[str, Scheme] = {
    **{
        f"tiered, {period}, retroactive {retroactive}": Tiered(
            tiers=TIERS, period=period, retroactive=retroactive
        )
        for period in ("month", "lifetime")
        for retroactive in (False, True)
    },
    "tiered, one tier": Tiered(tiers=((0, 0.1),)),
    "threshold, monthly and repeated": ThresholdBonus(threshold=3, repeated=True, period="month"),
    "threshold of one": ThresholdBonus(threshold=1, bonus=4.01),
    "leaderboard by shares of a pool": Leaderboard(period_days=7, pool=99.99, prizes=(0.6, 0.3)),
    "leaderboard that ends": Leaderboard(period_days=7, minimum_orders=2, start_day=3, end_day=20),
    "lottery for the friend": Lottery(winner="friend"),
    "lottery with a small chance": Lottery(prizes=((30.0, 0.05),), expected=1.5),
    "points that never expire": Points(expire_days=0, amount=0.5),
    "points soon gone": Points(expire_days=3, hold_days=0),
    "team of three": TeamPurchase(size=3, commission=0.05),
    "recurring with a step down": Recurring(step_down_days=30, later_rate=0.1),
    "recurring for life": Recurring(duration_days=0, expected_repeats=2.0),
    "early bird with two places": EarlyBird(first_orders=2, early_amount=1.0),
    "two sided by rates": TwoSided(give=0.0, give_rate=0.1, get=0.0, get_rate=0.1),
    "levels by a table": MultiLevel(rates=(0.05, 0.1, 0.02)),
    "twenty levels": MultiLevel(rate=0.05, levels=20),
    "one level": MultiLevel(levels=1),
    "with a cap per week": Percentage(rate=0.2, cap_per_person=9.0, cap_period_days=7),
    "with a budget": MultiLevel(levels=3, budget=60.0),
    "with all terms": NewAndReturning(
        budget=500.0, cap_per_person=20.0, cap_period_days=30, minimum_order=10.0, hold_days=3,
        clawback=False, start_day=5, end_day=60, first_order_only=True, customers_only=False,
        minimum_payout=10.0, payout_every_days=7, similarity_check=0.5, false_positive_rate=0.1,
    ),
    "nested": Combined(
        parts=(
            {"scheme": "threshold_bonus", "threshold": 2, "cap_per_person": 25.0},
            {"scheme": "combined", "parts": [{"scheme": "lottery", "budget": 80.0},
                                             {"scheme": "points", "rate": 0.02}]},
            {"scheme": "by_condition", "otherwise": {"scheme": "leaderboard", "period_days": 7},
             "cases": [{"when": {"new_customer": True}, "scheme": "early_bird"}]},
        )
    ),
    "by the sharer": ByCondition(
        precedence="most_specific",
        cases=(
            {"when": {"sharer_orders_from": 3}, "scheme": "percentage", "rate": 0.2},
            {"when": {"sharer_days_from": 30.0, "sharer_friends_from": 10, "new_customer": True},
             "scheme": "multi_level", "levels": 2},
            {"when": {"amount_from": 30.0, "customer_days_to": 60.0}, "scheme": "two_sided"},
        ),
        otherwise={"scheme": "combined"},
    ),
    **{f"programme {name}": make_scheme(one.policy, name) for name, one in PROGRAMMES.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_scheme_passes_with_its_defaults(name):
    check_scheme(SCHEMES[name])


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_passes(name):
    check_scheme(VARIANTS[name])


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_of_the_test_world_passes_with_its_products(policy):
    scenario = rich_scenario()
    check_scheme(make_scheme(scenario.policies[policy], policy), scenario=scenario)
