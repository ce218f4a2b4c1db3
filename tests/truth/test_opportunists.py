"""Opportunists in whole runs: what their number, their costs and the rules against them do."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from sim.errors import InputError
from sim.model import WordOfMouthModel
from sim.opportunists import attack_summary
from sim.orders import FAKE_IDENTITY, GENUINE, PHANTOM, RING
from sim.scenario import Scenario
from sim.studies.abuse import usual_rules, what_each_rule_saves
from tests.worlds import differences, rich_scenario, run

PLAYED = {"opportunists": 0.3, "identity_cost": 0.5, "opportunist_rate": 0.3, "resale": 0.95}


def crowd(policy: dict[str, Any], **population: Any) -> Scenario:
    """The rich scenario with opportunists under one policy."""
    return rich_scenario(policies={"policy": policy}, population={**PLAYED, **population})


def summary(model: WordOfMouthModel) -> dict[str, float]:
    return attack_summary(model.ledger.orders(), model.ledger)


@cache
def bounty(**changes: Any) -> WordOfMouthModel:
    terms = {key: value for key, value in changes.items() if key not in PLAYED}
    population = {key: value for key, value in changes.items() if key in PLAYED}
    policy = {"scheme": "fixed_bounty", "amount": 4.0, "hold_days": 2, "clawback": False, **terms}
    return run(crowd(policy, **population), policy="policy")


@pytest.mark.parametrize("policy", ["share", "give_get", "tiers", "levels"])
def test_both_engines_play_alike(policy):
    scenario = rich_scenario(days=15, population=PLAYED)
    one = run(scenario, policy=policy, engine="kernels")
    other = run(scenario, policy=policy, engine="agents")
    assert differences(one, other) == []
    one.ledger.reconcile()
    assert summary(one)["fake_orders"] > 0


def test_every_kind_of_fraud_comes_up():
    orders = bounty().ledger.orders()
    assert set(orders.fraud.tolist()) == {GENUINE, FAKE_IDENTITY, RING, PHANTOM}
    assert (np.diff(orders.order_id) == 1).all()
    assert (orders.fakes[orders.fraud == FAKE_IDENTITY] > 0).all()
    assert (orders.sponsor == orders.buyer)[orders.fakes > 0].all()
    assert (orders.fakes[orders.fraud == RING] == 0).all()
    assert not orders.new_customer[orders.fraud == PHANTOM].any()


@pytest.mark.parametrize("terms", [{"scheme": "none"}, {"scheme": "fixed_bounty", "start_day": 99}])
def test_where_nothing_pays_they_are_like_everybody(terms):
    runs = [run(crowd(terms, opportunists=share), policy="policy") for share in (0.0, 1.0)]
    assert differences(*runs) == []


def test_names_that_cost_too_much_leave_rings():
    found = summary(bounty(identity_cost=1e6, opportunists=1.0))
    assert found["fake_orders"] == found["phantom_orders"] == found["identities"] == 0
    assert found["ring_orders"] > 0


def test_goods_sent_back_are_refunded_on_the_last_day_and_cost_the_platform():
    model = bounty()
    orders = model.ledger.orders()
    back = (orders.fraud == PHANTOM) & (orders.refund_tick >= 0)
    assert back.sum() > 5
    days = np.array([product.refund_days for product in model.scenario.products])
    assert (orders.refund_tick[back] - orders.tick[back] == days[orders.product[back]]).all()
    assert summary(model)["goods_lost_cents"] == orders.cost_cents[back].sum()


def test_with_clawback_nothing_is_bought_to_be_sent_back():
    orders = bounty(clawback=True).ledger.orders()
    assert not ((orders.fraud == PHANTOM) & (orders.refund_tick >= 0)).any()
    assert (orders.fraud == FAKE_IDENTITY).any()


def test_the_more_play_the_more_is_taken():
    shares = [summary(bounty(opportunists=share))["fraud_share"] for share in (0.0, 0.1, 0.4, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] == 0 < shares[1]


def test_a_check_that_always_works_leaves_rings():
    found = summary(bounty(similarity_check=1.0))
    assert found["fake_orders"] == found["phantom_orders"] == 0
    assert found["ring_orders"] > 0


def test_honest_sharers_are_hit_as_often_as_the_check_errs():
    rate = 0.25
    model = bounty(similarity_check=0.5, false_positive_rate=rate)
    lines, orders = model.ledger.lines_frame(), model.ledger.orders()
    honest = orders.fakes[lines["order_id"].to_numpy()] == 0
    fake = ~honest
    for chosen, chance in ((honest, rate), (fake, 0.5)):
        count, hit = chosen.sum(), lines["held"].to_numpy()[chosen].sum()
        assert count > 20
        assert abs(hit - count * chance) / math.sqrt(count * chance * (1 - chance)) < 5
    assert 0 < summary(model)["honest_hit"] <= summary(model)["honest_hit_cents"] / 400


# What each rule saves ----------------------------------------------------------------------


@cache
def study() -> Any:
    scenario = crowd({"scheme": "fixed_bounty", "amount": 4.0, "hold_days": 1, "clawback": False})
    return what_each_rule_saves(scenario.but(days=15), "policy", replications=3)


def test_the_rules_are_those_the_policy_lacks():
    table = study()
    assert table["rule"].tolist() == [
        "as it is", "new customers only", "minimum order", "hold as long as refunds",
        "cap per person", "similarity check",
    ]  # fmt: skip
    scenario = crowd({"scheme": "fixed_bounty"})
    model = WordOfMouthModel(scenario, policy="policy")
    told = model.programme.offer()
    scheme = model.programme.scheme
    rules = usual_rules(scenario, scheme, told)
    assert rules["minimum order"] == {"minimum_order": 36.0}
    assert rules["cap per person"] == {"cap_per_person": 25.0, "cap_period_days": 30}
    strict = scheme.model_copy(
        update={
            "first_order_only": True, "minimum_order": 36.0, "hold_days": 10,
            "cap_per_person": 1.0, "similarity_check": 0.1,
        }
    )  # fmt: skip
    assert usual_rules(scenario, strict, told) == {}


def test_what_a_rule_saves_is_what_the_attack_earns_less():
    table = study().set_index("rule")
    usual = table.loc["as it is"]
    assert usual["attack_earned_cents"] > 0
    assert usual[["saved_cents", "orders_lost", "profit_gain_cents"]].tolist() == [0, 0, 0]
    assert usual["saved_cents_half_width"] == 0
    saved = usual["attack_earned_cents"] - table["attack_earned_cents"]
    assert table["saved_cents"].to_numpy() == pytest.approx(saved.to_numpy())
    assert table.loc["similarity check", "saved_cents"] > 0
    assert (table["attack_earned_cents_half_width"] > 0).all()


def test_rules_of_ones_own():
    scenario = crowd({"scheme": "fixed_bounty", "amount": 4.0}).but(days=8)
    table = what_each_rule_saves(
        scenario, "policy", rules={"no pay": {"amount": 0.0}}, replications=2
    )
    assert table["rule"].tolist() == ["as it is", "no pay"]
    assert table["attack_earned_cents"].tolist()[1] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rules": {"cap": {"cap_per_persn": 3}}}, "rules.cap.*cap_per_person"),
        ({"replications": 1}, "replications = 1"),
        ({"scenario": rich_scenario()}, "population.opportunists = 0"),
        ({"policy": "polcy"}, "polcy"),
    ],
)
def test_wrong_input_is_named(changes, message):
    settings = {"scenario": crowd({"scheme": "fixed_bounty"}), "policy": "policy", **changes}
    with pytest.raises(InputError, match=message):
        what_each_rule_saves(**settings)
