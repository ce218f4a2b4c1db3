"""The verdicts on claims: pure functions of the effects found, one table a rule."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sim
from sim.studies.claim_files import Claim
from sim.studies.claim_verdicts import (
    judge,
    kept_by_luck,
    read_draws,
    read_variants,
    state_of,
)
from sim.studies.statistics import mean_interval


def claim(**changes):
    return Claim(
        **{
            "name": "c", "text": "A claim", "measure": "orders", "policy": "pay",
            "direction": "higher",
        } | changes
    )  # fmt: skip


def around(mean, spread=1.0, count=20):
    """Values with exactly this mean and sd."""
    values = np.arange(count, dtype=float)
    return mean + spread * (values - values.mean()) / values.std(ddof=1)


def judged(effects, draws=(1.0,) * 20, same_engine=True, replications=1000, **changes):
    one = claim(**changes)
    readings = read_variants(one, effects, 0.1, comparisons=5 * (len(effects) - 1))
    found = read_draws(one, np.array(draws), (), readings[0].interval, replications)
    return judge(one, readings, found, same_engine, 0.9)


@pytest.mark.parametrize(
    ("changes", "band"),
    [
        ({}, (math.ulp(0.0), math.inf)),
        ({"by_at_least": 5}, (5, math.inf)),
        ({"by_at_least": 5, "by_at_most": 9}, (5, 9)),
        ({"direction": "lower", "by_at_least": 5}, (-math.inf, -5)),
        ({"direction": "same", "by_at_most": 2}, (-2, 2)),
        ({"direction": None, "between": (0.1, 0.3)}, (0.1, 0.3)),
    ],
)
def test_a_claim_says_in_which_band_its_effect_lies(changes, band):
    written = {name: value for name, value in changes.items() if value is not None}
    table = claim().model_dump(exclude_none=True, include={"name", "text", "measure", "policy"})
    if "between" not in written:
        table["direction"] = "higher"
    assert Claim(**(table | written)).band == band


def test_no_difference_at_all_is_not_higher():
    assert state_of(claim(), mean_interval(np.zeros(5))) != "holds"
    assert state_of(claim(direction="same", by_at_most=0), mean_interval(np.zeros(5))) == "holds"


@pytest.mark.parametrize(
    ("base", "other", "verdict", "kinds"),
    [
        (around(3), around(3.01), "ROBUST", []),
        (around(3), around(-3), "FRAGILE", ["state", "moved"]),  # refuted
        (around(3), around(-0.01), "FRAGILE", ["state", "moved"]),  # lost
        (around(3), around(0.1), "FRAGILE", ["state", "moved"]),  # its size is gone
        (around(3), around(6), "SHIFTED", ["moved"]),
        (around(3), around(3.2), "ROBUST", []),  # 7 %: beyond chance, within the tolerance
        (around(3), around(3, 9)[::-1], "SHIFTED", ["state"]),  # leans, too noisy to be sure
        (around(0.1), around(3), "FRAGILE", ["state", "moved"]),  # not sure as filed
    ],
)
def test_the_verdict_under_a_change_that_must_not_matter(base, other, verdict, kinds):
    found = judged({"base": base, "ids": other})
    assert found.verdict == verdict
    assert [reason.kind for reason in found.reasons] == kinds


@pytest.mark.parametrize(
    ("kept", "verdict"), [(20, "ROBUST"), (18, "ROBUST"), (17, "SHIFTED"), (11, "SHIFTED"),
                          (10, "FRAGILE"), (0, "FRAGILE")],
)  # fmt: skip
def test_the_verdict_under_draws(kept, verdict):
    draws = [1.0] * kept + [-1.0] * (20 - kept)
    assert judged({"base": around(3), "ids": around(3)}, draws).verdict == verdict


def test_a_draw_without_an_answer_does_not_keep_the_claim():
    base = mean_interval(around(3))
    assert read_draws(claim(), np.array([1.0, math.nan, 0.0]), (), base, 4).kept == 1


def test_the_share_of_draws_has_wilsons_interval():
    """Eight of ten: 0.4902 to 0.9433 (Wilson 1927; Brown, Cai and DasGupta 2001)."""
    found = read_draws(claim(), np.array([1.0] * 8 + [-1.0] * 2), (), mean_interval(around(3)), 4)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=5e-5)


def test_draws_that_luck_loses_are_not_held_against_a_claim():
    weak = {"base": around(0.8, spread=2.0, count=40), "ids": around(0.8, spread=2.0, count=40)}
    draws = [1.0] * 15 + [-1.0] * 5  # 79 % are kept by luck if each has four replications
    assert kept_by_luck(claim(), mean_interval(weak["base"]), 4) == pytest.approx(0.788, abs=1e-3)
    assert judged(weak, draws, replications=4).verdict == "ROBUST"
    assert judged(weak, draws, replications=400).verdict == "SHIFTED"
    assert judged(weak, [1.0] * 14 + [-1.0] * 6, replications=4).verdict == "SHIFTED"


def test_luck_alone_makes_few_claims_look_uncertain():
    """Parameters that do nothing: at most 15 % of the claims that hold are not robust."""
    normal = np.sqrt(-2 * np.log(sim.randomness.uniform_table(np.uint64(5), 1, 0, 100_000)))
    angles = 2 * np.pi * sim.randomness.uniform_table(np.uint64(5), 1, 1, 100_000)
    noise = (normal * np.cos(angles)).ravel()[: 300 * 280].reshape(300, 280)
    allowed, without = [], []
    for runs in noise + 0.6:
        base, draws = runs[:40], runs[40:].reshape(60, 4).mean(axis=1)
        found = judged({"base": base, "ids": base}, draws, replications=4)
        if found.base.state == "holds":
            allowed.append(found.verdict)
            without.append(judged({"base": base, "ids": base}, draws).verdict)
    assert len(allowed) > 200
    assert allowed.count("ROBUST") >= 0.85 * len(allowed)
    assert without.count("ROBUST") < 0.5 * len(without)  # as if every draw were exact


def test_engines_that_differ_are_fragile():
    found = judged({"base": around(3), "ids": around(3)}, same_engine=False)
    assert (found.verdict, found.reasons[0].kind) == ("FRAGILE", "engine")


def test_a_true_claim_seldom_seems_moved():
    """Of 4,000 pairs without a change at most 5 % over the file's five comparisons seem moved."""
    normal = np.sqrt(-2 * np.log(sim.randomness.uniform_table(np.uint64(3), 1, 0, 80_000)))
    angles = 2 * np.pi * sim.randomness.uniform_table(np.uint64(3), 1, 1, 80_000)
    effects = 0.5 + (normal * np.cos(angles)).ravel()[:160_000].reshape(4_000, 2, 20)
    moved = [
        read_variants(claim(), {"base": one, "ids": other}, 0.0, comparisons=5)[1].moved
        for one, other in effects
    ]
    assert abs(np.mean(moved) - 0.01) < 5 * math.sqrt(0.01 * 0.99 / 4_000)
