"""Shares of variance: known components, the textbook's analysis of variance, gaps, no luck."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import special

from sim.errors import InputError
from sim.studies.resampling import uniform_rows
from sim.studies.sensitivity.variance import shares_of, variance_shares

SDS = {"choice": 2.0, "world": 1.0, "luck": 1.5, "choice x world": 0.5, "choice x luck": 0.7,
       "world x luck": 1.2, "choice x world x luck": 1.0}  # fmt: skip
SHAPES = {
    "choice": (0,),
    "world": (1,),
    "luck": (2,),
    "choice x world": (0, 1),
    "choice x luck": (0, 2),
    "world x luck": (1, 2),
    "choice x world x luck": (0, 1, 2),
}


def crossed(shape: tuple[int, int, int], sds: dict[str, float], seed: int) -> np.ndarray:
    """Outcomes with these standard deviations of the effects, around 1,000."""
    outcomes = np.full(shape, 1_000.0)
    for place, (name, axes) in enumerate(SHAPES.items()):
        sizes = [size if axis in axes else 1 for axis, size in enumerate(shape)]
        drawn = uniform_rows(1_000 * seed + place, 1, math.prod(sizes))
        outcomes = outcomes + sds.get(name, 0.0) * special.ndtri(drawn).reshape(sizes)
    return outcomes


def components(outcomes: np.ndarray) -> dict[str, float]:
    found = shares_of(outcomes, "orders", 1).components
    return dict(zip(found["effect"], found["variance"], strict=True))


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    """Components need none; the tests of intervals ask for theirs."""
    monkeypatch.setattr("sim.studies.sensitivity.variance.RESAMPLES", 20)


@pytest.mark.parametrize("gaps", [0.0, 0.15])
def test_components_are_unbiased_with_and_without_gaps(gaps):
    """100 studies: every mean is within 5 sd of the variance put in."""
    found = []
    for seed in range(100):
        outcomes = crossed((4, 12, 6), SDS, seed)
        missing = uniform_rows(seed, 1, outcomes.size).reshape(outcomes.shape) < gaps
        found.append(components(np.where(missing, np.nan, outcomes)))
    for name, sd in SDS.items():
        values = np.array([one[name] for one in found])
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert abs(values.mean() - sd**2) < 5 * error
    # Planted: a variance of means has luck in it, and this check sees it.
    means = [crossed((4, 12, 6), SDS, seed).mean(axis=(0, 2)).var(ddof=1) for seed in range(100)]
    error = np.std(means, ddof=1) / 10
    assert np.mean(means) - SDS["world"] ** 2 > 5 * error


def test_without_gaps_the_components_are_those_of_the_analysis_of_variance():
    """Mean squares of worlds x luck: V = (MS_w - MS_e) / R, (MS_l - MS_e) / W, MS_e."""
    outcomes = crossed((1, 7, 5), SDS, 3)
    table = outcomes[0]
    worlds, luck = table.mean(axis=1), table.mean(axis=0)
    rest = table - worlds[:, None] - luck[None, :] + table.mean()
    error = (rest**2).sum() / (6 * 4)
    found = components(outcomes)
    assert found["world"] == pytest.approx(worlds.var(ddof=1) - error / 5, rel=1e-9)
    assert found["luck"] == pytest.approx(luck.var(ddof=1) - error / 7, rel=1e-9)
    assert found["world x luck"] == pytest.approx(error, rel=1e-9)


def test_without_luck_its_share_is_zero():
    outcomes = np.repeat(crossed((3, 8, 1), {"choice": 1.0, "world": 2.0}, 1), 4, axis=2)
    groups = shares_of(outcomes, "orders", 1).groups.set_index("group")
    assert groups.loc["luck", ["share", "low", "high"]].to_numpy(float) == pytest.approx(
        0, abs=1e-12
    )
    assert groups.loc["choice x world", "share"] == pytest.approx(0, abs=1e-12)
    assert groups["share"].sum() == pytest.approx(1)


def test_all_luck_is_all_luck():
    found = shares_of(crossed((1, 1, 9), {"luck": 1.0}, 1), "orders", 1)
    assert found.groups["group"].tolist() == ["luck"]
    assert found.groups["share"].tolist() == [1.0]
    assert "with one choice and one world only" in found.sentence


def test_equal_runs_have_no_shares():
    found = shares_of(np.full((2, 3, 4), 0.1), "profit_cents", 1)
    assert found.groups["share"].isna().all()
    assert found.sentence == "Profit is the same in every run"


def test_a_component_below_zero_is_shown_and_counts_as_none():
    for seed in range(20):
        found = shares_of(crossed((2, 4, 4), {"choice x world x luck": 1.0}, seed), "orders", 1)
        below = found.components[found.components["variance"] < 0]
        if len(below):
            break
    assert len(below) > 0
    assert (below["sd"] == 0).all()
    assert (found.groups["share"] >= 0).all()
    assert found.groups["share"].sum() == pytest.approx(1)


def test_intervals_hold_the_truth_about_as_often_as_they_say(monkeypatch):
    """60 studies of 40 worlds and 20 replications: 95 % of intervals, at least 80 % with p > 0.999.

    The least to be seen is 48: with a coverage of 0.95 fewer have a chance of 1e-6.
    """
    monkeypatch.setattr("sim.studies.sensitivity.variance.RESAMPLES", 100)
    sds = {"world": 1.0, "luck": 1.0, "world x luck": 1.0}
    held = {"world": 0, "luck": 0}
    for seed in range(60):
        groups = shares_of(crossed((1, 40, 20), sds, seed), "orders", seed).groups
        for row in groups.itertuples():
            held[row.group] += row.low <= {"world": 1 / 3, "luck": 2 / 3}[row.group] <= row.high
    assert min(held.values()) >= 48


def test_a_table_of_runs_is_the_crossed_array_in_any_order():
    outcomes = crossed((4, 5, 3), SDS, 2)
    rows = [
        {"policy": "ab"[choice // 2], "point": choice % 2, "world": world, "replication": luck,
         "orders": outcomes[choice, world, luck]}
        for choice in range(4) for world in range(5) for luck in range(3)
        if (choice, world, luck) != (1, 2, 0)
    ]  # fmt: skip
    table = pd.DataFrame(rows[::-1])
    found = variance_shares(table, "orders", 1)
    outcomes[1, 2, 0] = np.nan
    pd.testing.assert_frame_equal(found.components, shares_of(outcomes, "orders", 1).components)
    assert (found.runs, found.missing, found.levels) == (59, 1, (4, 5, 3))
    assert "what is not known" in found.sentence


def test_wrong_input_is_refused_with_the_cure():
    with pytest.raises(InputError, match="at least two replications"):
        shares_of(np.zeros((2, 3, 1)), "orders", 1)
    with pytest.raises(InputError, match="no column 'order'; did you mean 'orders'"):
        variance_shares(
            pd.DataFrame({"policy": [], "world": [], "point": [], "replication": [], "orders": []}),
            "order", 1,
        )  # fmt: skip
    lonely = np.full((2, 3, 4), np.nan)
    lonely[0, 0, 0] = 1.0
    with pytest.raises(InputError, match="1 runs of 24 are too few"):
        shares_of(lonely, "orders", 1)
