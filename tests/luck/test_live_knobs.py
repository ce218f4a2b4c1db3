"""Every number of a scenario and of a scheme is alive: a nudge changes the run."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from sim.scenario import Scenario
from sim.schemes import SCHEMES
from sim.schemes.direct import Percentage
from sim.schemes.team import TeamPurchase
from tests.agreement.told import Told
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

SELLING_ON: tuple[Any, dict[str, Any]] = (
    POLICY, {"population": {"opportunists": 0.5, "resale": 0.9, "identity_cost": 0.1}},
)  # fmt: skip
FAKING: tuple[Any, dict[str, Any]] = (
    # Just below what a new name earns on coffee.
    POLICY, {"population": {"opportunists": 0.5, "identity_cost": 4.3}},
)  # fmt: skip
UNDER: dict[str, tuple[Any, dict[str, Any]]] = {
    "attribution.half_life_days": (POLICY, {"attribution": {"model": "time_decay"}}),
    "behavior.click.fairness": ("give_get", {}),
    "behavior.click.uncertain_gift": (Told(friend_uncertain=True), {}),
    "behavior.purchase.code_search": ("give_get", {"attribution": {"coupons": True}}),
    "behavior.share.generosity": ("give_get", {}),
    "behavior.share.uncertain_reward": (Told(sharer_uncertain=True), {}),
    "behavior.team.opening": (TeamPurchase(), {}),
    "behavior.team.joining": (TeamPurchase(), {}),
    "behavior.team.alone": (TeamPurchase(), {}),
    "population.identity_cost": FAKING,
    "population.opportunist_rate": SELLING_ON,
    "population.resale": SELLING_ON,
}
"""Policy and changes of the scenario under which a number is read."""

KNOBS = [
    name
    for name, extra, value in fields(CROWD)
    if extra
    and extra["kind"] != "fixed"
    and not isinstance(value, str | bool | dict)
    and value != ()
    and name not in DEAD
]


def policy_for(knob: str | None) -> Any:
    return UNDER[knob][0] if knob in UNDER else POLICY


def base_for(knob: str) -> Scenario:
    network = OF_A_KIND.get(knob)
    if network is None:
        return CROWD.but(**UNDER[knob][1]) if knob in UNDER else CROWD
    return CROWD.but(network={**dict.fromkeys(NETWORK), **network}, population={"homophily": 0.0})


NARROW = {"behavior.click.uncertain_gift": 0.08, "behavior.share.uncertain_reward": 0.07}
"""Nudges of numbers whose bounds are narrow, as a share of the number."""


def nudges(value: Any, share: float = 0.15) -> list[Any]:
    """Values close to ``value``, some of which must lie inside its bounds."""
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [value * (1 + share), value * (1 - share)] if value else [0.05, 1.0]


def nudged(scenario: Scenario, knob: str) -> list[Scenario]:
    """The scenario with the knob a little up and a little down, as far as it can go."""
    found = []
    value = next(value for name, _, value in fields(scenario) if name == knob)
    for candidate in nudges(value, NARROW.get(knob, 0.15)):
        money = knob.split(".")[-1] in ("price", "unit_cost")
        try:
            found.append(with_value(scenario, knob, round(candidate, 2) if money else candidate))
        except ValueError:
            continue
    assert found, f"no value near {knob} = {value} is allowed"
    return found


@cache
def base_digest(knob: str | None) -> str:
    return digest(run(base_for(knob or ""), policy=policy_for(knob)))


@pytest.mark.parametrize("knob", KNOBS)
def test_a_nudge_changes_the_run(knob):
    before = base_digest(knob if knob in OF_A_KIND or knob in UNDER else None)
    after = [digest(run(other, policy=policy_for(knob))) for other in nudged(base_for(knob), knob)]
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
        ("attribution.coupons", True),
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
    ("percentage", "minimum_payout", 9.0),
    ("percentage", "payout_every_days", 7),
    ("two_sided", "give_rate", 0.1),
    ("two_sided", "get_rate", 0.1),
    ("new_and_returning", "rate", 0.11),
    ("new_and_returning", "returning_rate", 0.06),
    ("threshold_bonus", "amount", 2.5),
    ("threshold_bonus", "bonus", 12.0),
    ("threshold_bonus", "threshold", 2),
    ("threshold_bonus", "repeated", True),
    ("threshold_bonus", "period", "month"),
    ("leaderboard", "period_days", 10.0),
    ("leaderboard", "prizes", [40.0, 30.0]),
    ("leaderboard", "minimum_orders", 4),
    ("decaying", "rate", 0.25),
    ("decaying", "decay_days", 10.0),
    ("decaying", "floor_rate", 0.19),
    ("early_bird", "first_orders", 3),
    ("early_bird", "early_rate", 0.25),
    ("early_bird", "early_amount", 3.0),
    ("early_bird", "rate", 0.12),
    ("early_bird", "amount", 1.0),
    ("recurring", "rate", 0.25),
    ("recurring", "duration_days", 12),
    ("recurring", "step_down_days", 6),
    ("recurring", "later_rate", 0.06),
    ("recurring", "expected_repeats", 2.0),
    ("lottery", "winner", "friend"),
    ("points", "rate", 0.2),
    ("points", "amount", 1.0),
    ("points", "expire_days", 5),
    ("points", "perceived_value", 0.5),
    ("team_purchase", "size", 3),
    ("team_purchase", "deadline_days", 3.0),
    ("team_purchase", "discount", 0.3),
    ("team_purchase", "commission", 0.1),
    ("combined", "parts", [{"scheme": "percentage", "rate": 0.06}]),
    ("by_condition", "otherwise", {"scheme": "percentage"}),
    ("by_condition", "precedence", "most_specific"),
    ("by_condition", "cases", [{"when": {"new_customer": False}, "scheme": "percentage"}]),
]
WITH: dict[str, dict[str, Any]] = {
    "threshold_bonus": {"threshold": 1},
    "early_bird": {"first_orders": 20, "early_amount": 2.0},
    "recurring": {"step_down_days": 10, "later_rate": 0.05},
    "by_condition": {
        "cases": [
            {"when": {"new_customer": True}, "scheme": "fixed_bounty"},
            {"when": {"new_customer": True, "products": ["tea"]}, "scheme": "percentage"},
        ],
        "precedence": "first",
    },
}
"""Parameters of a scheme under which the others are at work."""
TOGETHER = {("leaderboard", "pool"), ("lottery", "prizes"), ("lottery", "expected")}
"""Parameters that are tried together, below."""


def paid_by(scheme: str, **parameters: Any) -> str:
    terms = {"scheme": scheme, "hold_days": 6, **WITH.get(scheme, {}), **parameters}
    scenario = rich_scenario(days=40, policies={"policy": terms})
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


def test_the_prizes_of_a_lottery_change_the_run():
    assert paid_by("lottery", prizes=[[20.0, 0.25]], expected=5.0) != usual("lottery")
    assert paid_by("lottery", prizes=[[20.0, 0.2]], expected=4.0) != usual("lottery")


def test_a_pool_of_prizes_changes_the_run():
    small, large = (paid_by("leaderboard", pool=pool, prizes=[0.7, 0.3]) for pool in (60.0, 120.0))
    assert len({small, large, usual("leaderboard")}) == 3


def test_a_check_of_similarity_changes_a_run_with_opportunists():
    fakers = CROWD.but(population={"opportunists": 0.5, "identity_cost": 0.1})
    checks = [{}, {"similarity_check": 0.5}, {"similarity_check": 0.5, "false_positive_rate": 0.3}]
    found = [digest(run(fakers, policy=Percentage(rate=0.12, **terms))) for terms in checks]
    assert len(set(found)) == 3


def test_every_own_parameter_of_a_scheme_is_tried():
    tried = {(scheme, name) for scheme, name, _ in PARAMETERS} | TOGETHER
    common = set(SCHEMES["none"].model_fields)
    own = {
        (scheme, name)
        for scheme, cls in SCHEMES.items()
        if cls.__module__.startswith("sim.schemes.")
        for name in set(cls.model_fields) - common
    }
    assert len(own) > 40
    assert own <= tried
