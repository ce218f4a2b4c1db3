"""The engines leave the same bits with every scheme, and with schemes of every shape."""

from __future__ import annotations

import pytest

from sim.incentives import make_scheme
from sim.schemes import PROGRAMMES, SCHEMES
from tests.worlds import POLICIES, differences, rich_scenario, run

OPPORTUNISTS = {"opportunists": 0.1}
DAYS = 14


def assert_same_bits(scenario, policy):
    kernels, agents = (run(scenario, policy=policy, engine=name) for name in ("kernels", "agents"))
    assert differences(kernels, agents) == []
    for model in (kernels, agents):
        model.ledger.reconcile()
    return kernels


def test_the_policies_of_the_test_world_use_every_built_in_scheme():
    used = {policy.get("scheme", "none") for policy in POLICIES.values()}
    built_in = {n for n, cls in SCHEMES.items() if cls.__module__.startswith("sim.schemes.")}
    assert built_in <= used


@pytest.mark.parametrize("policy", POLICIES)
def test_engines_agree_with_opportunists_in_the_population(policy):
    model = assert_same_bits(rich_scenario(days=DAYS, population=OPPORTUNISTS), policy)
    told = model.programme.offer()
    orders = model.ledger.orders()
    if policy != "none":
        assert model.programme.spent_cents > 0
    if told.reward_cents.any():
        assert (orders.fraud > 0).any() or policy in ("teams", "contest")


@pytest.mark.parametrize("name", PROGRAMMES)
def test_engines_agree_with_every_programme_of_the_real_world(name):
    programme = PROGRAMMES[name]
    scenario = rich_scenario(days=DAYS, attribution=programme.attribution)
    assert_same_bits(scenario, make_scheme(programme.policy, name))


@pytest.mark.parametrize("model", ["first_click", "linear", "position", "time_decay"])
@pytest.mark.parametrize("policy", ["both", "by_kind", "share_for_a_time", "teams", "levels"])
def test_engines_agree_when_pay_is_divided_among_friends(model, policy):
    assert_same_bits(rich_scenario(days=DAYS, attribution={"model": model}), policy)


NESTED = {
    "scheme": "combined",
    "budget": 150.0,
    "parts": [
        {
            "scheme": "by_condition",
            "cap_per_person": 20.0,
            "cases": [
                {
                    "when": {"categories": ["drinks"]},
                    "scheme": "combined",
                    "parts": [
                        {"scheme": "lottery", "winner": "friend"},
                        {"scheme": "tiered", "retroactive": True},
                    ],
                }
            ],
            "otherwise": {"scheme": "early_bird", "first_orders": 3},
        },
        {"scheme": "leaderboard", "period_days": 4, "prizes": [9, 5]},
        {"scheme": "recurring", "rate": 0.05},
    ],
}


@pytest.mark.parametrize("dt", [0.5, 1.0, 2.0])
def test_engines_agree_on_schemes_made_of_schemes_on_any_tick(dt):
    scenario = rich_scenario(days=DAYS, dt=dt, policies={"nested": NESTED})
    model = assert_same_bits(scenario, "nested")
    spent = [leaf.spent_cents for leaf in model.programme.whole.leaves()]
    assert min(spent) > 0, spent
