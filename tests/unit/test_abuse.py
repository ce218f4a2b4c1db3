"""What each rule against abuse saves: the same worlds as the comparison, and what is said of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.errors import InputError
from sim.measures import Run
from sim.model import WordOfMouthModel
from sim.orders import GENUINE
from sim.scenario import Scenario
from sim.studies.abuse import AS_IT_IS, honest_hit, rules_finding, what_each_rule_saves
from sim.studies.compare import compare, with_rules
from sim.studies.comparison import Comparison

BOUNTY = {"scheme": "fixed_bounty", "amount": 4.0, "hold_days": 1, "clawback": False}
SAME_WORLDS = ("attack_earned_cents", "orders", "profit_cents")


def attacked(**changes: Any) -> Scenario:
    """A small shop where every fifth person plays the rules."""
    return Scenario.from_table(
        {
            "days": 20,
            "network": {"kind": "watts_strogatz", "mean_degree": 8},
            "population": {"size": 300, "opportunists": 0.2, "identity_cost": 0.5},
            "campaign": {"organic_visits": 0.2},
            "policies": {"none": {}, "bounty": BOUNTY, "tiny": {**BOUNTY, "amount": 0.1}},
        }
    ).but(**changes)


@cache
def study() -> Comparison:
    return compare(attacked(), replications=3, workers=1)


@cache
def run_of(rule: str) -> Run:
    rules = {
        "as it is": {}, "no pay": {"amount": 0.0}, "cap": {"cap_per_person": 5.0},
        "check": {"similarity_check": 0.8, "false_positive_rate": 0.3},
    }  # fmt: skip
    policy = {**BOUNTY, "amount": 6.0, **rules[rule]}
    scenario = attacked(days=40, policies={"policy": policy})
    return WordOfMouthModel(scenario, policy="policy").run().record()


def pay_by_honest_order(run: Run) -> dict[tuple[int, ...], dict[int, int]]:
    """What every recipient has of each genuine order, order by order."""
    orders = run.orders
    key_of = {
        int(orders.order_id[row]): tuple(
            int(getattr(orders, name)[row]) for name in ("tick", "buyer", "product")
        )
        for row in range(len(orders.order_id))
        if orders.fraud[row] == GENUINE
    }
    pay: dict[tuple[int, ...], dict[int, int]] = {key: {} for key in key_of.values()}
    for line in run.ledger.lines_frame().itertuples():
        if line.order_id in key_of and line.state in ("pending", "approved", "paid"):
            of_order = pay[key_of[line.order_id]]
            of_order[line.recipient] = of_order.get(line.recipient, 0) + line.cents
    return pay


@pytest.mark.parametrize("rule", ["as it is", "no pay", "cap", "check"])
def test_honest_people_hit_are_those_with_less_for_the_same_order(rule):
    before, after = pay_by_honest_order(run_of(AS_IT_IS)), pay_by_honest_order(run_of(rule))
    hit = {
        person
        for key in before.keys() & after.keys()
        for person, cents in before[key].items()
        if after[key].get(person, 0) < cents
    }
    assert honest_hit(run_of(rule), run_of(AS_IT_IS)) == len(hit)
    assert bool(hit) == (rule != AS_IT_IS)


def test_as_it_is_is_the_comparison_itself():
    comparison = study()
    assert comparison.rules is not None
    usual = comparison.rules.iloc[0]
    assert (usual["rule"], usual["replications"]) == (AS_IT_IS, 3)
    runs = [run.runs[usual["policy"]].abuse or {} for run in comparison.runs]
    earned = np.mean([abuse["attack_earned_cents"] for abuse in runs])
    assert usual["attack_earned_cents"] == pytest.approx(earned)
    assert earned > 0


def test_the_rules_are_tried_on_the_best_policy_that_pays():
    comparison = study()
    means = {name: comparison.values(name, "profit_cents").mean() for name in ("bounty", "tiny")}
    best = max(means, key=lambda name: means[name])
    assert comparison.best_paid == best
    assert comparison.rules is not None
    assert set(comparison.rules["policy"]) == {best}
    summary = comparison.summary()
    assert summary["rules"] == comparison.rules.to_dict("records")
    assert best in summary["rules_finding"]


def test_workers_do_not_change_the_result():
    table = what_each_rule_saves(attacked(), "bounty", replications=2)
    told: list[tuple[int, int]] = []
    other = what_each_rule_saves(
        attacked(), "bounty", replications=2, workers=2, progress=lambda *now: told.append(now)
    )
    pd.testing.assert_frame_equal(table, other)
    assert told == [(1, 2), (2, 2)]


def test_no_rules_where_none_are_asked_for_or_nobody_attacks():
    honest = attacked(population={"opportunists": 0.0}, days=3)
    assert compare(honest, replications=2, workers=1).rules is None
    comparison = compare(attacked(days=3), replications=2, workers=1, rules=False)
    assert comparison.rules is None
    assert comparison.rules_finding is None
    assert comparison.summary()["rules"] == []
    with pytest.raises(InputError, match=r"population\.opportunists = 0"):
        compare(honest, replications=2, workers=1, rules=True)


def test_no_rules_where_nothing_is_paid():
    unpaid = {"none": {}, "later": {**BOUNTY, "start_day": 99}}
    comparison = compare(attacked(days=3, policies=unpaid), replications=2, workers=1)
    assert comparison.best_paid is None
    assert comparison.rules is None


def test_an_interrupt_among_the_rules_keeps_the_comparison():
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    comparison = compare(attacked(days=8), replications=2, workers=1, rules=False)
    kept = with_rules(comparison, interrupt)
    assert kept.interrupted
    assert kept.rules is None
    assert kept.runs is comparison.runs
    assert with_rules(kept) is kept


def rules_table(earned: float, *rows: tuple[str, float, float, float]) -> pd.DataFrame:
    """Rules with what they save, its half width and whom they hit."""
    table = [
        {
            "rule": rule, "attack_earned_cents": earned - saved, "saved_cents": saved,
            "saved_cents_half_width": width, "honest_hit": hit, "profit_gain_cents": saved / 2,
            "profit_gain_cents_half_width": width,
        }
        for rule, saved, width, hit in (("as it is", 0.0, 0.0, 0.0), *rows)
    ]  # fmt: skip
    return pd.DataFrame(table)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            rules_table(5000, ("cap", 1000, 200, 0), ("check", 3000, 400, 2.5)),
            "Under give the rule 'check' saves most: 30.00 of the 50.00 EUR that the attack earns "
            "per run (95 % ± 4.00); it hits 2.5 honest sharers and changes profit by +15.00 EUR "
            "(± 4.00)",
        ),
        (
            rules_table(5000, ("cap", 1000, 200, 0)),
            "Under give the rule 'cap' saves most: 10.00 of the 50.00 EUR that the attack earns "
            "per run (95 % ± 2.00); it hits nobody honest and changes profit by +5.00 EUR (± 2.00)",
        ),
        (
            rules_table(5000, ("cap", 1000, 1000, 0)),
            "No rule surely saves any of the 50.00 EUR that the attack earns under give",
        ),
        (
            rules_table(5000),
            "give has all the usual rules; with them the attack earns 50.00 EUR per run",
        ),
        (rules_table(0, ("cap", 0, 0, 0)), "Opportunists find nothing that pays under give"),
    ],
)
def test_the_rules_are_summed_up_in_a_sentence(table, sentence):
    assert rules_finding(table, "give", "EUR") == sentence
