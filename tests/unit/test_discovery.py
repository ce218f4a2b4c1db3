"""Scenario discovery: a known box is found, noise has none, and the rule means what it says."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import special

from sim.errors import InputError
from sim.studies.findings import prim
from sim.studies.findings.discovery import _roundest, discover
from sim.studies.resampling import uniform_rows
from sim.studies.sweeps.factors import Factor

TRUST = Factor(name="behavior.trust.initial", path=("t",), low=0.0, high=1.0,
               description="trust at the start, of a tie")  # fmt: skip
PRICE = Factor(name="products.0.price", path=("p",), low=10.0, high=100.0, money=True,
               unit="currency units", description="list price")  # fmt: skip
KIND = Factor(name="network.kind", path=("k",), values=("ring", "tree", "star"))
IDLE = Factor(name="idle", path=("i",), low=0.0, high=1.0)


def draw(count: int, seed: int) -> pd.DataFrame:
    uniforms = uniform_rows(seed, 4, count)
    return pd.DataFrame({
        "world": np.arange(count),
        TRUST.name: uniforms[0],
        PRICE.name: 10 + 90 * uniforms[1],
        KIND.name: [KIND.at(one) for one in uniforms[2]],
        IDLE.name: uniforms[3],
    })  # fmt: skip


FACTORS = (TRUST, PRICE, KIND, IDLE)


def differences(loses: np.ndarray, seed: int) -> np.ndarray:
    """Four replications with the mean on the right side of 0 and luck that leaves it there."""
    luck = special.ndtri(uniform_rows(seed, loses.size, 4))
    luck -= luck.mean(axis=1, keepdims=True)
    return np.where(loses, -1.0, 1.0)[:, None] + luck


def found(worlds: pd.DataFrame, loses: np.ndarray, seed: int = 1, measure: str = "profit_cents",
          factors=FACTORS):  # fmt: skip
    return discover(
        worlds, factors, differences(np.asarray(loses), seed), policy="give_get", against="none",
        measure=measure, seed=seed, currency="EUR",
    )  # fmt: skip


def test_a_known_box_is_recovered_to_the_worlds_beside_its_ends():
    worlds = draw(256, 1)
    loses = (worlds[TRUST.name] < 0.3) & (worlds[PRICE.name] > 40)
    result = found(worlds, loses)
    by_name = {one.factor.name: one for one in result.conditions}
    assert set(by_name) == {TRUST.name, PRICE.name}
    # A fiftieth of 256 worlds is 5, about 0.02 of a range; they may be on the wrong side.
    assert by_name[TRUST.name].high == pytest.approx(0.3, abs=0.03)
    assert by_name[PRICE.name].low == pytest.approx(40, abs=3)
    assert result.density > 0.9
    assert result.coverage > 0.9
    assert result.held_out > 0.8
    assert "trust at the start (behavior.trust.initial) is below 0.3 " in result.sentence
    assert "list price (products.0.price) is above 40 EUR" in result.sentence


def test_a_box_behind_luck_is_recovered():
    """Losses of 85 % inside and 8 % outside."""
    worlds = draw(256, 3)
    inside = (worlds[TRUST.name] < 0.4) & (worlds[KIND.name] != "ring")
    loses = uniform_rows(9, 1, 256)[0] < np.where(inside, 0.85, 0.08)
    result = found(worlds, loses)
    by_name = {one.factor.name: one for one in result.conditions}
    assert set(by_name) == {TRUST.name, KIND.name}
    assert by_name[KIND.name].values == ("tree", "star")
    assert by_name[TRUST.name].high == pytest.approx(0.4, abs=0.08)
    assert result.table()["values"].tolist().count("tree, star") == 1


def test_in_noise_a_rule_is_found_at_the_stated_rate():
    """40 studies at 5 %: nine or more rules have a chance of 1e-4."""
    worlds = draw(48, 5)
    rules = sum(found(worlds, uniform_rows(seed, 1, 48)[0] < 0.3, seed).kind == "rule"
                for seed in range(40))  # fmt: skip
    assert rules < 9


def test_the_figures_are_those_of_the_rule_as_written():
    worlds = draw(128, 2)
    inside = (worlds[TRUST.name] < 0.37) & (worlds[PRICE.name] > 33)
    loses = uniform_rows(4, 1, 128)[0] < np.where(inside, 0.9, 0.05)
    result = found(worlds, loses)
    assert result.kind == "rule"
    held = np.ones(128, dtype=bool)
    for one in result.conditions:
        assert not one.values
        held &= (worlds[one.factor.name] > one.low) & (worlds[one.factor.name] < one.high)
    assert np.array_equal(held, result.inside)
    hits = int(loses[held].sum())
    assert f"in {hits} of {held.sum()} such worlds" in result.sentence
    assert result.density == hits / held.sum()
    assert result.coverage == hits / loses.sum()


def test_the_answer_is_a_function_of_the_seed():
    worlds = draw(64, 2)
    loses = worlds[TRUST.name] < 0.3
    one, two = found(worlds, loses), found(worlds, loses)
    assert (one.sentence, one.chance, one.held_out) == (two.sentence, two.chance, two.held_out)


@pytest.mark.parametrize(
    ("losses", "kind", "words"),
    [
        (0, "never", "give_get loses to no reward in none of 64 worlds"),
        (2, "few", "give_get loses to no reward in only 2 of 64 worlds: too few to describe"),
        (62, "everywhere", "give_get loses to no reward in 62 of 64 worlds: nearly everywhere"),
    ],
)
def test_too_few_of_a_kind_are_not_described(losses, kind, words):
    result = found(draw(64, 1), np.arange(64) < losses)
    assert (result.kind, result.sentence) == (kind, words)
    assert result.rule == ""
    assert math.isnan(result.density)


def test_of_a_cost_more_is_worse():
    worlds = draw(64, 1)
    loses = worlds[TRUST.name] < 0.4
    cheaper = found(worlds, loses, measure="payout_cents")
    assert cheaper.loses.sum() == 64 - loses.sum()
    assert np.array_equal(cheaper.loses, ~loses)


def test_failed_runs_are_left_out_and_worlds_without_any_counted():
    worlds = draw(64, 1)
    table = differences((worlds[TRUST.name] < 0.3).to_numpy(), 1)
    table[:3] = np.nan
    table[5, 0] = np.nan
    result = discover(worlds, FACTORS, table, policy="a", against="b", measure="orders", seed=1)
    assert result.left_out == 3
    assert result.worlds.tolist() == list(range(3, 64))
    assert result.difference[2] == pytest.approx(table[5, 1:].mean())


def test_losses_beyond_luck_are_counted():
    worlds = draw(64, 1)
    table = differences(np.arange(64) < 20, 1)
    table[:10] -= 100
    result = discover(worlds, FACTORS, table, policy="a", against="b", measure="orders", seed=1)
    assert result.loses.sum() == 20
    assert 10 <= result.sure < 20


def test_numbers_in_a_list_have_an_order_and_switches_are_found():
    switch = Factor(name="on", path=("o",), values=(False, True))
    steps = Factor(name="limit", path=("l",), values=(1, 2, 5, 10), unit="days")
    uniforms = uniform_rows(8, 2, 128)
    worlds = pd.DataFrame({"world": range(128), "on": [switch.at(u) for u in uniforms[0]],
                           "limit": [steps.at(u) for u in uniforms[1]]})  # fmt: skip
    result = found(worlds, worlds["on"] & (worlds["limit"] > 2), factors=(switch, steps))
    words = {one.words(one.factor.name) for one in result.conditions}
    assert words == {"on is True", "limit is above 4 days"}
    assert (result.density, result.coverage) == (1, 1)


def test_evidence_of_known_tables():
    """2 (log-likelihood ratio) is the G of a two-by-two table; none without a difference."""
    table = np.array([[8.0, 2.0], [4.0, 26.0]])
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    g = (table * np.log(table / expected)).sum()
    assert prim.evidence(np.array(10), np.array(8), 40, 12) == pytest.approx(g)
    assert prim.evidence(np.array(10), np.array(3), 40, 12) == 0
    assert prim.evidence(np.array(40), np.array(12), 40, 12) == 0


def test_a_quasi_p_is_binomial():
    points = np.arange(10.0)[:, None]
    cases = np.arange(10) >= 6
    chance = prim.quasi_p({0: prim.Side(low=6.0)}, 0, points, cases)
    assert chance == pytest.approx(0.4**4)


@pytest.mark.parametrize(
    ("low", "high", "upper", "number"),
    [(0.2871, 0.3128, True, 0.3), (39.4, 41.2, False, 40), (0.0049, 0.0053, True, 0.005),
     (3.0, 4.0, False, 3.5), (5.0, 5.01, True, 5.005), (-0.31, -0.29, True, -0.3),
     (-2.0, 3.0, True, 0.0)],
)  # fmt: skip
def test_round_numbers(low, high, upper, number):
    found_number = _roundest(low, high, upper)
    assert found_number == pytest.approx(number, abs=1e-12)


def test_wrong_input_is_refused_with_the_cure():
    worlds = draw(8, 1)
    with pytest.raises(InputError, match="no factors vary"):
        found(worlds, np.zeros(8, bool), factors=())
    with pytest.raises(InputError, match="no column 'idle'"):
        found(worlds.drop(columns="idle"), np.zeros(8, bool))
    with pytest.raises(InputError, match="do not fit 8 worlds"):
        found(worlds, np.zeros(7, bool))
    with pytest.raises(InputError, match=r"'network\.kind' = 'web' is none of its values"):
        found(worlds.assign(**{KIND.name: "web"}), np.zeros(8, bool))
