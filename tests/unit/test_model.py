"""The model's own duties: policies, seeds, the table of phases, what a day leaves."""

from __future__ import annotations

import mesa
import numpy as np
import pytest

from sim.errors import InputError
from sim.model import PHASES, WordOfMouthModel, default_policy, policy_scheme
from sim.scenario import Policy, Scenario
from sim.schemes import NoIncentive, Percentage
from tests.worlds import digest, plain_scenario, rich_scenario, run


def test_the_phases_are_methods_that_run_in_the_order_of_the_table(monkeypatch):
    ran = []
    for phase in PHASES:
        method = getattr(WordOfMouthModel, f"_{phase.name}")
        monkeypatch.setattr(
            WordOfMouthModel, f"_{phase.name}",
            lambda self, method=method, name=phase.name: (ran.append(name), method(self)),
        )  # fmt: skip
    WordOfMouthModel(plain_scenario()).step()
    assert ran == [phase.name for phase in PHASES]
    assert ran == [
        "campaign", "visit", "buy", "attribute", "settle", "experience", "share", "stay", "measure",
    ]  # fmt: skip


def test_it_is_a_mesa_model_with_the_default_scenario():
    model = WordOfMouthModel(plain_scenario())
    assert isinstance(model, mesa.Model)
    assert (model.running, model.tick, model.policy) == (True, 0, "none")


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(InputError, match=f"seed = {seed} is not allowed"):
        WordOfMouthModel(plain_scenario(), seed=seed)


def test_the_scenarios_seed_is_the_default():
    scenario = rich_scenario(days=5)
    assert digest(run(scenario)) == digest(run(scenario, seed=scenario.seed))
    assert digest(run(scenario)) != digest(run(scenario, seed=0))


def test_the_baseline_is_the_default_policy_else_the_first():
    ten = {"scheme": "percentage"}
    table = {"policies": {"ten": ten, "none": {}}}
    assert default_policy(Scenario.from_table(table)) == "none"
    assert default_policy(Scenario.from_table({"policies": {"ten": ten, "b": {}}})) == "ten"
    assert default_policy(Scenario.from_table({**table, "compare": {"baseline": "ten"}})) == "ten"


def test_policies_by_name_by_table_and_by_scheme_are_the_same():
    scenario = rich_scenario(days=8)
    by_name = run(scenario, policy="share")
    by_table = run(scenario, policy=Policy(scheme="percentage", rate=0.12, hold_days=3))
    by_scheme = run(scenario, policy=Percentage(rate=0.12, hold_days=3))
    assert digest(by_name) == digest(by_table) == digest(by_scheme)


def test_an_unknown_policy_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="no policy 'tier'; did you mean 'tiers'"):
        WordOfMouthModel(rich_scenario(), policy="tier")
    assert isinstance(policy_scheme(rich_scenario(), "none"), NoIncentive)


def test_a_wrong_parameter_of_a_policy_names_the_policy():
    scenario = rich_scenario(policies={"ten": {"scheme": "percentage", "rate": 2}})
    with pytest.raises(InputError, match=r"policies\.ten\.rate = 2 is not allowed"):
        WordOfMouthModel(scenario)


def test_a_switch_is_no_rate():
    scenario = rich_scenario(policies={"ten": {"scheme": "percentage", "rate": True}})
    with pytest.raises(InputError, match="rate: true is a switch"):
        WordOfMouthModel(scenario)


def test_too_many_levels_for_the_jurisdiction_are_refused():
    with pytest.raises(InputError, match="pays 3 levels, jurisdiction = CN allows 2"):
        WordOfMouthModel(rich_scenario(jurisdiction="CN"), policy="levels")


@pytest.mark.parametrize(
    ("window", "dt", "ticks"), [(30, 1, 30), (0.3, 0.1, 3), (0.7, 0.1, 7), (6, 0.5, 12), (5, 2, 2)]
)
def test_windows_are_whole_ticks(window, dt, ticks):
    scenario = plain_scenario(days=1, dt=dt, attribution={"window_days": window})
    assert WordOfMouthModel(scenario).step() is None
    model = WordOfMouthModel(scenario)
    model.step()
    assert model.day.window == ticks


def test_orders_are_credited_within_the_window_only():
    clicks = {"click": {"delay_median_days": 3.0, "delay_spread": 0.0}}
    wide, narrow = (
        run(rich_scenario(behavior=clicks, attribution={"window_days": window}))
        for window in (4, 3)
    )
    assert wide.outcomes()["referred_orders"] > narrow.outcomes()["referred_orders"]
    # Without a window only an order on the day of the visit itself is credited.
    at_once = run(rich_scenario(behavior=clicks, attribution={"window_days": 0}))
    assert 0 < at_once.outcomes()["referred_orders"] < narrow.outcomes()["referred_orders"]


def test_existing_customers_are_credited_only_if_the_scenario_says_so():
    orders = run(rich_scenario(attribution={"existing_customers": False})).ledger.orders()
    credited = orders.sponsor >= 0
    assert credited.sum() > 5
    first = {}
    for row in np.flatnonzero(~credited | credited):
        first.setdefault(int(orders.buyer[row]), int(orders.tick[row]))
    for row in np.flatnonzero(credited):
        assert orders.tick[row] == first[int(orders.buyer[row])]


def test_nobody_refers_herself():
    for policy in ("share", "levels"):
        orders = run(rich_scenario(days=40), policy=policy).ledger.orders()
        assert (orders.sponsor != orders.buyer).all()


def test_prices_and_offers_follow_the_calendar():
    model = WordOfMouthModel(rich_scenario(), policy="share")
    seen = {}
    while model.running:
        model.step()
        seen[model.tick - 1] = (model.day.price_cents[0], model.day.reward_cents[0].max())
    assert seen[7] == (2450, pytest.approx(0.12 * 2450))
    assert seen[8] == (1999, pytest.approx(0.12 * 1999))
    bought = model.ledger.orders()
    tea = bought.product == 0
    assert set(bought.price_cents[tea & (bought.tick < 8)]) == {2450}
    assert set(bought.price_cents[tea & (bought.tick >= 8)]) == {1999}


def test_daily_days_are_whole_where_ticks_are():
    assert run(plain_scenario(days=3)).daily["day"].tolist() == [0, 1, 2]
    assert run(plain_scenario(days=1, dt=0.5)).daily["day"].tolist() == [0.0, 0.5]
    assert len(WordOfMouthModel(plain_scenario()).daily) == 0
