"""Small scenarios in which every mechanism is at work, and what two runs must share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sim import checkpoint
from sim.model import WordOfMouthModel
from sim.scenario import Behavior, Scenario, neutral_behavior
from sim.validation.worlds_small import BUSY_BEHAVIOR, POLICIES, left_by
from sim.validation.worlds_small import differences as differences

PRODUCTS: list[dict[str, Any]] = [
    {
        "name": "tea", "category": "drinks", "price": 24.50, "unit_cost": 9.99, "valuation": 26.0,
        "quality": 0.62, "quality_spread": 0.3, "expectation": 0.55, "repurchase_days": 6.0,
        "refund_days": 6,
    },
    {
        "name": "coffee", "category": "drinks", "price": 36.0, "unit_cost": 20.0, "valuation": 38.0,
        "quality": 0.7, "quality_spread": 0.2, "expectation": 0.6, "repurchase_days": 9.0,
        "refund_days": 3,
    },
    {
        "name": "chair", "category": "home", "price": 80.01, "unit_cost": 45.5, "valuation": 75.0,
        "quality": 0.55, "quality_spread": 0.25, "expectation": 0.5, "repurchase_days": 40.0,
        "refund_days": 10,
    },
]  # fmt: skip

CAMPAIGN: dict[str, Any] = {
    "organic_visits": 0.04,
    "initial_customers": 0.25,
    "initial_tenure_days": 30.0,
    "seeding": {"count": 3, "choose": "hubs"},
    "advertising": [{"start_day": 4, "end_day": 9, "reach_per_day": 0.08}],
    "activities": [
        {"day": 5, "product": "coffee", "participation": 0.6},
        {"day": 12, "participation": 0.4},
    ],
    "price_changes": [{"day": 8, "product": "tea", "price": 19.99}],
    "win_backs": [{"day": 14, "success": 0.5}],
}

POPULATION: dict[str, Any] = {
    "size": 90,
    "homophily": 0.3,
    "effort": 1.5,
    "visit_rate": 1.5,
    "habit_a": 0.6,
    "habit_b": 1.5,
    "lapse_a": 1.0,
    "lapse_b": 6.0,
    "lapse_period_days": 20.0,
    "repeat_shape": 0.8,
    "dropout_a": 0.8,
    "dropout_b": 4.0,
    "initiative_spread": 1.0,
}

NETWORK: dict[str, Any] = {"kind": "two_layer", "mean_degree": 7, "group_size": 12, "inside": 0.7}


@cache
def _rich() -> Scenario:
    return Scenario.from_table(
        {
            "days": 25,
            "seed": 11,
            "network": NETWORK,
            "population": POPULATION,
            "products": PRODUCTS,
            "campaign": CAMPAIGN,
            "behavior": BUSY_BEHAVIOR,
            "attribution": {"window_days": 6.0},
            "policies": POLICIES,
        }
    )


def rich_scenario(**changes: Any) -> Scenario:
    """Ninety people, groups, three products, every mechanism on, a policy for every scheme."""
    return _rich().but(**changes) if changes else _rich()


def plain_scenario(**changes: Any) -> Scenario:
    """One product and all switches of behaviour and spread at their neutral values."""
    table = {
        "days": 20,
        "seed": 5,
        "network": {"kind": "watts_strogatz", "mean_degree": 6},
        "population": {
            "size": 500, "homophily": 0, "dropout_a": 0, "lapse_a": 0.001, "lapse_b": 1000.0,
            "lapse_period_days": 1e9,
        },
        "products": [{"price": 36.0, "valuation": 36.0, "refund_days": 0}],
        "campaign": {"initial_customers": 0.0, "organic_visits": 0.05},
        "behavior": neutral_behavior(Behavior()),
    }  # fmt: skip
    scenario = Scenario.from_table(table)
    return scenario.but(**changes) if changes else scenario


def run(scenario: Scenario, **options: Any) -> WordOfMouthModel:
    """A finished run."""
    return WordOfMouthModel(scenario, **options).run()


MID_MONTH = 11
"""A day with commissions on hold, refunds due, teams open and clicks under way."""


def stopped(scenario: Scenario, day: float = MID_MONTH, **options: Any) -> WordOfMouthModel:
    """A run that has reached the morning of a day."""
    return WordOfMouthModel(scenario, **options).run(days=day)


def through_a_file(model: WordOfMouthModel, folder: Path, **options: Any) -> WordOfMouthModel:
    """A run saved in a folder and taken up again."""
    checkpoint.save(model, folder / "state.vouch")
    return checkpoint.load(folder / "state.vouch", **options)


def digest(model: WordOfMouthModel) -> str:
    """The sha256 of everything a run left."""
    content = hashlib.sha256()
    for name, data in left_by(model).items():
        content.update(name.encode())
        content.update(data)
    return content.hexdigest()


def fields(section: BaseModel, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, declaration and value of every field of a tree of sections."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from fields(value, f"{path}{name}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            yield from fields(value[0], f"{path}{name}.0.")
        else:
            yield f"{path}{name}", field.json_schema_extra, value


def with_value(scenario: Scenario, path: str, value: Any) -> Scenario:
    """A copy with the field at a dotted path set."""
    table = scenario.to_table()
    place: Any = table
    *sections, last = path.split(".")
    for part in sections:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[last] = value
    return Scenario.from_table(table)
