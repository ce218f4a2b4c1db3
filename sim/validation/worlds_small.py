"""A small world for the targets, in which everything happens."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from sim.model import WordOfMouthModel
from sim.scenario import Scenario


@cache
def _busy() -> Scenario:
    return Scenario.from_table(
        {
            "days": 20,
            "seed": 11,
            "network": {"kind": "two_layer", "mean_degree": 7, "group_size": 12, "inside": 0.7},
            "population": {
                "size": 80, "effort": 1.5, "visit_rate": 1.5, "habit_a": 0.6, "habit_b": 1.5,
                "lapse_a": 1.0, "lapse_b": 6.0, "lapse_period_days": 20.0, "repeat_shape": 0.8,
                "dropout_a": 0.8, "dropout_b": 4.0, "initiative_spread": 1.0,
            },
            "products": [
                {
                    "name": "tea", "category": "drinks", "price": 24.50, "unit_cost": 9.99,
                    "valuation": 26.0, "quality": 0.62, "quality_spread": 0.3,
                    "expectation": 0.55, "repurchase_days": 6.0, "refund_days": 6,
                },
                {
                    "name": "chair", "category": "home", "price": 80.01, "unit_cost": 45.5,
                    "valuation": 75.0, "quality": 0.55, "quality_spread": 0.25,
                    "expectation": 0.5, "repurchase_days": 40.0, "refund_days": 10,
                },
            ],
            "campaign": {
                "organic_visits": 0.06,
                "initial_customers": 0.25,
                "initial_tenure_days": 30.0,
                "seeding": {"count": 3, "choose": "hubs"},
                "advertising": [{"start_day": 4, "end_day": 9, "reach_per_day": 0.08}],
                "activities": [{"day": 5, "product": "tea", "participation": 0.6}],
                "price_changes": [{"day": 8, "product": "tea", "price": 19.99}],
                "win_backs": [{"day": 14, "success": 0.5}],
            },
            "behavior": BUSY_BEHAVIOR,
            "attribution": {"window_days": 6.0},
            "policies": POLICIES,
        }
    )  # fmt: skip


def busy_scenario(**changes: Any) -> Scenario:
    """Eighty people in groups, two products, every rule in use within days, many policies."""
    return _busy().but(**changes)


BUSY_BEHAVIOR: dict[str, dict[str, float]] = {
    "click": {
        "personal": 0.9, "group": 0.6, "broadcast": 0.5, "novelty": 0.8, "reputation": 1.3,
        "stranger_trust": 0.45, "motive_suspicion": 0.5, "delay_median_days": 0.6,
        "delay_spread": 1.2,
    },
    "purchase": {
        "intercept": -0.8, "taste": 1.5, "price": 1.2, "trust": 1.5, "word_of_mouth": 0.4,
        "negative_weight": 1.5, "rating": 0.8, "owner": -0.6,
    },
    "repeat": {"satisfaction": 0.7},
    "experience": {
        "sensitivity": 4.0, "hype": 0.12, "refund_gap": 0.1, "learning": 0.9, "memory": 0.9,
        "prior_weak": 0.8, "prior_strong": 3.0, "prior_bad": 0.9,
    },
    "share": {
        "enthusiasm": 0.8, "fade_days": 6.0, "activity": 1.2, "referral_contagion": 1.5,
        "reward_presence": 0.3, "reward_size": 0.8, "learning": 1.0, "expected_success": 0.2,
        "reward_effort": 0.6, "tie_preference": 1.2, "hub_exponent": 0.5, "group_share": 0.25,
        "broadcast_share": 0.2, "warning": 0.7,
    },
    "fatigue": {"memory_days": 5.0, "click": 0.08, "mute_from": 1.0, "mute": 0.08, "lapse": 0.1},
    "stay": {
        "satisfaction": 1.0, "earnings": 0.1, "earnings_days": 6.0, "referrer": 0.5,
        "friends": 1.5, "win_back": 0.7,
    },
}  # fmt: skip
"""Coefficients under which a few dozen people use every rule within weeks."""

POLICIES: dict[str, dict[str, Any]] = {
    "none": {},
    "bounty": {"scheme": "fixed_bounty", "amount": 3.5, "cap_per_person": 9, "cap_period_days": 6},
    "share": {"scheme": "percentage", "rate": 0.12, "hold_days": 3},
    "give_get": {"scheme": "two_sided", "give": 4.0, "get": 3.0, "first_order_only": True},
    "gift": {"scheme": "recipient_only", "give": 5.0, "budget": 60},
    "tiers": {
        "scheme": "tiered", "tiers": [[0, 0.05], [1, 0.1], [3, 0.2]], "retroactive": True,
        "hold_days": 2,
    },
    "levels": {"scheme": "multi_level", "levels": 3, "rate": 0.15, "customers_only": False},
    "old_and_new": {"scheme": "new_and_returning", "rate": 0.2, "minimum_order": 21},
    "goal": {
        "scheme": "threshold_bonus", "amount": 1.5, "bonus": 7, "threshold": 2, "repeated": True,
    },
    "contest": {"scheme": "leaderboard", "period_days": 6, "prizes": [20, 12.5], "hold_days": 0},
    "fading": {"scheme": "decaying", "rate": 0.3, "decay_days": 8, "floor_rate": 0.05},
    "first_birds": {"scheme": "early_bird", "first_orders": 8, "early_amount": 3},
    "share_for_a_time": {
        "scheme": "recurring", "rate": 0.15, "duration_days": 12, "step_down_days": 5,
        "later_rate": 0.05, "customers_only": False,
    },
    "lots": {"scheme": "lottery", "prizes": [[15, 0.2], [5, 0.4]], "expected": 5},
    "lots_for_friends": {
        "scheme": "lottery", "prizes": [[10, 0.5]], "expected": 5, "winner": "friend",
    },
    "points": {"scheme": "points", "rate": 0.3, "expire_days": 6, "hold_days": 1},
    "teams": {"scheme": "team_purchase", "size": 2, "discount": 0.2, "commission": 0.1},
    "both": {
        "scheme": "combined", "payout_every_days": 5, "minimum_payout": 4,
        "parts": [
            {"scheme": "percentage", "rate": 0.08, "cap_per_person": 6},
            {"scheme": "recipient_only", "give": 3.0},
            {"scheme": "points", "rate": 0.1, "budget": 40},
        ],
    },
    "by_kind": {
        "scheme": "by_condition", "precedence": "first", "hold_days": 2,
        "cases": [
            {"when": {"products": ["tea"], "new_customer": True}, "scheme": "two_sided"},
            {"when": {"sharer_orders_from": 2}, "scheme": "multi_level", "levels": 2},
            {"when": {"amount_from": 30.0}, "scheme": "lottery"},
        ],
        "otherwise": {"scheme": "percentage", "rate": 0.05},
    },
}  # fmt: skip
"""A policy for every built-in kind of scheme, with terms that bite."""


def left_by(model: WordOfMouthModel) -> dict[str, bytes]:
    """Everything a run left, as bytes by name: state, daily columns, orders, books, outcomes."""
    arrays = {
        **{f"state.{name}": array for name, array in model.state._asdict().items()},
        **{f"daily.{name}": column.to_numpy() for name, column in model.daily.items()},
        **{f"orders.{name}": array for name, array in model.ledger.orders()._asdict().items()},
    }
    found = {name: np.ascontiguousarray(array).tobytes() for name, array in arrays.items()}
    found["entries"] = model.ledger.entries().to_csv().encode()
    found["outcomes"] = repr(model.outcomes()).encode()
    return found


def differences(one: WordOfMouthModel, other: WordOfMouthModel) -> list[str]:
    """Names of what differs between two runs, in any bit."""
    ours, theirs = left_by(one), left_by(other)
    return [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
