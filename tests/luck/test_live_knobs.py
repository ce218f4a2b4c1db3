"""Every number of a scenario and of a scheme is alive: a nudge changes the run."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from sim.scenario import Scenario
from sim.schemes import SCHEMES
from tests.worlds import NETWORK, digest, fields, rich_scenario, run, with_value

CROWD = rich_scenario(days=40, population={"size": 400})
"""Enough people and days for a nudge of any number to reach somebody."""
POLICY = "share"


# Live knobs --------------------------------------------------------------------------------

DEAD = {
    "compare.precision": "read by `vouch compare` alone",
    "compare.maximum_replications": "read by `vouch compare` alone",
}
"""Numbers that do not change a single run, with the reason."""

OF_A_KIND: dict[str, dict[str, Any]] = {
    "network.rewiring": {"kind": "watts_strogatz", "mean_degree": 6, "rewiring": 0.1},
    "network.triad_probability": {"kind": "holme_kim", "mean_degree": 6, "triad_probability": 0.3},
    "network.blocks": {"kind": "stochastic_block", "mean_degree": 6, "blocks": 4},
    "network.exponent": {"kind": "configuration", "exponent": 2.5},
    "network.minimum_degree": {"kind": "configuration", "exponent": 2.5, "minimum_degree": 2},
    "network.maximum_degree": {"kind": "configuration", "exponent": 2.1, "maximum_degree": 12},
    "network.mixing": {"kind": "lfr", "mean_degree": 6, "mixing": 0.2},
}
"""A network that takes the parameter."""

KNOBS = [
    name
    for name, extra, value in fields(CROWD)
    if extra
    and extra["kind"] != "fixed"
    and not isinstance(value, str | bool | dict)
    and value != ()
    and name not in DEAD
]


def base_for(knob: str) -> Scenario:
    network = OF_A_KIND.get(knob)
    if network is None:
        return CROWD
    return CROWD.but(network={**dict.fromkeys(NETWORK), **network}, population={"homophily": 0.0})


def nudges(value: Any) -> list[Any]:
    """Values close to ``value``, some of which must lie inside its bounds."""
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [value * 1.15, value * 0.85] if value else [0.05, 1.0]


def nudged(scenario: Scenario, knob: str) -> list[Scenario]:
    """The scenario with the knob a little up and a little down, as far as it can go."""
    found = []
    value = next(value for name, _, value in fields(scenario) if name == knob)
    for candidate in nudges(value):
        money = knob.split(".")[-1] in ("price", "unit_cost")
        try:
            found.append(with_value(scenario, knob, round(candidate, 2) if money else candidate))
        except ValueError:
            continue
    assert found, f"no value near {knob} = {value} is allowed"
    return found


@cache
def base_digest(knob: str | None) -> str:
    return digest(run(base_for(knob or ""), policy=POLICY))


@pytest.mark.parametrize("knob", KNOBS)
def test_a_nudge_changes_the_run(knob):
    before = base_digest(knob if knob in OF_A_KIND else None)
    after = [digest(run(other, policy=POLICY)) for other in nudged(base_for(knob), knob)]
    assert set(after) != {before}


def test_the_knobs_are_the_numbers_of_the_scenario():
    assert len(KNOBS) > 90
    assert {name.split(".")[0] for name in KNOBS} == {
        "network", "population", "products", "campaign", "behavior", "attribution",
    }  # fmt: skip


@pytest.mark.parametrize("knob", sorted(DEAD))
def test_the_exceptions_are_indeed_dead(knob):
    assert {digest(run(other, policy=POLICY)) for other in nudged(CROWD, knob)} == {
        base_digest(None)
    }


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("attribution.existing_customers", False),
        ("campaign.seeding.choose", "random"),
        ("campaign.activities.0.product", "chair"),
        ("campaign.price_changes.0.product", "coffee"),
        ("products.0.category", "home"),
        ("days", 39),
        ("dt", 0.5),
        ("seed", 12),
        ("population.size", 401),
        ("population.lapse_period_days", 25.0),
        ("behavior.stay.earnings_days", 3.0),
    ],
)
def test_choices_and_fixed_numbers_change_the_run(knob, value):
    assert digest(run(with_value(CROWD, knob, value), policy=POLICY)) != base_digest(None)


TERMS = {
    "budget": 20.0,
    "cap_per_person": 4.0,
    "minimum_order": 30.0,
    "hold_days": 3,
    "start_day": 15,
    "end_day": 9,
    "first_order_only": True,
    "customers_only": False,
    "clawback": False,
}
PARAMETERS = [
    *(
        (scheme, name, value)
        for scheme in ("fixed_bounty", "percentage", "two_sided", "tiered", "multi_level")
        for name, value in TERMS.items()
    ),
    ("fixed_bounty", "amount", 5.5),
    ("percentage", "rate", 0.11),
    ("two_sided", "give", 5.5),
    ("two_sided", "get", 5.5),
    ("recipient_only", "give", 5.5),
    ("recipient_only", "budget", 20.0),
    ("recipient_only", "minimum_order", 30.0),
    ("recipient_only", "start_day", 15),
    ("recipient_only", "end_day", 9),
    ("recipient_only", "first_order_only", True),
    ("tiered", "tiers", [[0, 0.05], [2, 0.1]]),
    ("tiered", "period", "lifetime"),
    ("tiered", "retroactive", True),
    ("multi_level", "rate", 0.11),
    ("multi_level", "ratio", 0.7),
    ("multi_level", "levels", 1),
    ("multi_level", "rates", [0.1, 0.01]),
]


def paid_by(scheme: str, **parameters: Any) -> str:
    scenario = rich_scenario(
        days=40, policies={"policy": {"scheme": scheme, "hold_days": 6, **parameters}}
    )
    return digest(run(scenario, policy="policy"))


@cache
def usual(scheme: str) -> str:
    return paid_by(scheme)


@pytest.mark.parametrize(("scheme", "name", "value"), PARAMETERS)
def test_a_parameter_of_a_scheme_changes_the_run(scheme, name, value):
    assert paid_by(scheme, **{name: value}) != usual(scheme)


def test_the_period_of_a_cap_changes_the_run():
    assert paid_by("percentage", cap_per_person=4.0) != paid_by(
        "percentage", cap_per_person=4.0, cap_period_days=5
    )


def test_every_own_parameter_of_a_scheme_is_tried():
    tried = {(scheme, name) for scheme, name, _ in PARAMETERS}
    common = set(SCHEMES["none"].model_fields)
    own = {
        (scheme, name)
        for scheme, cls in SCHEMES.items()
        if cls.__module__ == "sim.schemes"
        for name in set(cls.model_fields) - common
    }
    assert own <= tried
