"""Sensitivity: indices with known answers, SALib as oracle, failed runs, luck, categories."""

from __future__ import annotations

import math

import numpy as np
import pytest
from SALib.analyze import morris, pawn, sobol
from scipy import special

from sim.errors import InputError
from sim.studies.resampling import uniform_rows
from sim.studies.sensitivity.analysis import analyse, plan_settings
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Sensitivity, make_study

METHODS = ("morris", "sobol", "pawn")


def factors(count: int, low: float = 0.0, high: float = 1.0) -> list[Factor]:
    return [Factor(name=f"x{i}", path=("x", i), low=low, high=high) for i in range(count)]


def normals(rows: int, columns: int, seed: int) -> np.ndarray:
    return special.ndtri(uniform_rows(seed, rows, columns))


def without_luck(values: np.ndarray, replications: int = 3) -> np.ndarray:
    """The same outcome in every replication."""
    return np.repeat(values[:, None], replications, axis=1)


def planned(method: str, varied: list[Factor], samples: int, seed: int = 7, **more):
    table = Sensitivity(method=method, samples=samples, **more)
    settings, quantiles = plan_settings(varied, table, seed)
    return settings, np.array(quantiles)


def problem(count: int) -> dict:
    return {
        "num_vars": count,
        "names": [f"x{i}" for i in range(count)],
        "bounds": [[0.0, 1.0]] * count,
    }


def ishigami(rows: np.ndarray) -> np.ndarray:
    x, y, z = rows.T
    return np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)


def test_ishigami_has_its_indices_in_the_intervals():
    varied = factors(3, -math.pi, math.pi)
    settings, quantiles = planned("sobol", varied, 1024)
    outcomes = without_luck(ishigami(np.array(settings.rows)))
    found = analyse("sobol", varied, quantiles, outcomes, seed=1).table.set_index("factor")
    fifth, quarter = math.pi**4 / 5, math.pi**8
    variance = 49 / 8 + 0.1 * fifth + 0.01 * quarter / 18 + 0.5
    alone = 0.5 * (1 + 0.1 * fifth) ** 2
    both = 0.01 * quarter * (1 / 18 - 1 / 50)
    first = np.array([alone, 49 / 8, 0.0]) / variance
    total = np.array([alone + both, 49 / 8, both]) / variance
    names = ["x0", "x1", "x2"]
    assert (np.abs(found.loc[names, "S1"] - first) < found.loc[names, "S1_conf"]).all()
    assert (np.abs(found.loc[names, "ST"] - total) < found.loc[names, "ST_conf"]).all()
    assert (found["ST_conf"] < 0.12).all()
    assert found["beyond_noise"].all()


def test_sobols_g_has_its_first_order_indices_in_the_intervals():
    """V_j = (1/3) / (1 + a_j)^2, V = prod(1 + V_j) - 1 (Sobol 1993)."""
    a = np.array([0.0, 1.0, 4.5, 99.0])
    varied = factors(4)
    settings, quantiles = planned("sobol", varied, 1024)
    rows = np.array(settings.rows)
    outcomes = without_luck(((np.abs(4 * rows - 2) + a) / (1 + a)).prod(axis=1))
    found = analyse("sobol", varied, quantiles, outcomes, seed=1).table.set_index("factor")
    parts = (1 / 3) / (1 + a) ** 2
    others = np.array([np.prod(1 + np.delete(parts, j)) for j in range(4)])
    variance = np.prod(1 + parts) - 1
    found = found.loc[["x0", "x1", "x2", "x3"]]
    assert (np.abs(found["S1"] - parts / variance) < found["S1_conf"]).all()
    assert (np.abs(found["ST"] - parts * others / variance) < found["ST_conf"]).all()
    assert list(found["rank"]) == [1, 2, 3, 4]


def test_morris_on_a_line_is_the_slope_without_any_width():
    varied = factors(3)
    settings, quantiles = planned("morris", varied, 8)
    slopes = np.array([3.0, -2.0, 0.0])
    outcomes = without_luck(np.array(settings.rows) @ slopes)
    found = analyse("morris", varied, quantiles, outcomes, seed=1).table
    assert list(found["factor"]) == ["x0", "x1", "x2"]
    np.testing.assert_allclose(found["mu_star"], [3, 2, 0], atol=1e-12)
    np.testing.assert_allclose(found["mu"], [3, -2, 0], atol=1e-12)
    np.testing.assert_allclose(found["sigma"], 0, atol=1e-6)
    np.testing.assert_allclose(found["mu_star_conf"], 0, atol=1e-12)
    assert list(found["beyond_noise"]) == [True, True, False]


@pytest.mark.parametrize("method", METHODS)
def test_without_luck_the_indices_are_salibs(method):
    varied = factors(3, -math.pi, math.pi)
    settings, quantiles = planned(method, varied, 256)
    values = ishigami(np.array(settings.rows))
    found = analyse(method, varied, quantiles, without_luck(values), seed=1).table
    found = found.set_index("factor").loc[["x0", "x1", "x2"]]
    if method == "morris":
        other = morris.analyze(problem(3), quantiles, values, num_levels=4, seed=1)
        names, close = ("mu", "mu_star", "sigma"), 1e-9
    elif method == "sobol":
        other = sobol.analyze(problem(3), values, calc_second_order=False, seed=1)
        names, close = ("S1", "ST"), 1e-9
    else:
        other = pawn.analyze(problem(3), quantiles, values, S=10, seed=1)
        # SALib cuts slices at quantiles of the sample and loses its largest point.
        names, close = ("median", "maximum"), 2 / 25
    for name in names:
        np.testing.assert_allclose(found[name], np.ma.filled(other[name]), atol=close)


@pytest.mark.parametrize("method", METHODS)
def test_the_sample_is_a_function_of_the_seed(method):
    varied = [*factors(3), Factor(name="k", path=("k",), values=("a", "b", "c"))]
    plans = [planned(method, varied, 128, seed=seed)[1] for seed in (5, 5, 6)]
    assert np.array_equal(plans[0], plans[1])
    assert not np.array_equal(plans[0], plans[2])
    assert plans[0].min() >= 0
    assert plans[0].max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_the_intervals_are_a_function_of_the_seed(method):
    varied = factors(2)
    _, quantiles = planned(method, varied, 128)
    outcomes = quantiles[:, :1] ** 2 + 0.1 * normals(len(quantiles), 3, seed=2)
    same, again, other = (
        analyse(method, varied, quantiles, outcomes, seed=seed).table for seed in (1, 1, 2)
    )
    assert same.equals(again)
    assert not same.equals(other)


def test_a_morris_step_over_categories_joins_every_pair_evenly():
    """4,000 steps over 3 values: a pair has sd sqrt(4000 (1/6) (5/6)) = 23.6."""
    varied = [*factors(1), Factor(name="kind", path=("k",), values=("a", "b", "c"))]
    settings, _ = planned("morris", varied, 4_000)
    kinds = np.array([row[1] for row in settings.rows]).reshape(-1, 3)
    pairs = [(one[0], one[2]) for one in kinds]
    counts = [pairs.count((a, b)) for a in "abc" for b in "abc" if a != b]
    assert sum(counts) == 4_000
    assert (np.abs(np.array(counts) - 4_000 / 6) < 5 * 23.6).all()


@pytest.mark.parametrize("method", METHODS)
def test_categories_and_whole_numbers_count(method):
    varied = [
        *factors(1),
        Factor(name="kind", path=("k",), values=("a", "b", "c")),
        Factor(name="on", path=("o",), low=0, high=1, whole=True),
        Factor(name="idle", path=("i",), values=(False, True)),
    ]
    settings, quantiles = planned(method, varied, 256)
    values = np.array([x + 4 * (kind == "b") + 2 * on for x, kind, on, _ in settings.rows])
    found = analyse(method, varied, quantiles, without_luck(values), seed=1).table
    assert list(found["factor"]) == ["kind", "on", "x0", "idle"]
    assert not found["beyond_noise"].iloc[-1]
    assert found["beyond_noise"].iloc[:2].all()
    if method == "morris":
        by_name = found.set_index("factor")
        # Two of three steps touch b, and the whole range of 0 and 1 is one step.
        assert by_name.loc["kind", "mu_star"] == pytest.approx(8 / 3, abs=0.5)
        assert by_name.loc["on", "mu_star"] == pytest.approx(2)
        assert math.isnan(by_name.loc["kind", "mu"])


@pytest.mark.parametrize(
    ("method", "samples", "units", "lost"), [("morris", 16, 16, 2), ("sobol", 64, 64, 2),
                                             ("pawn", 128, 128, 2)]
)  # fmt: skip
def test_failed_runs_are_counted_and_their_units_left_out(method, samples, units, lost):
    varied = factors(3)
    settings, quantiles = planned(method, varied, samples)
    outcomes = without_luck(np.array(settings.rows) @ np.array([3.0, 1.0, 0.0]), 4)
    whole = analyse(method, varied, quantiles, outcomes, seed=1, slices=5).table
    size = len(quantiles) // units
    outcomes[0, :2] = outcomes[3 * size, 1:3] = np.nan  # two of four: left out
    outcomes[5 * size, 0] = np.nan  # one of four: the others are used
    found = analyse(method, varied, quantiles, outcomes, seed=1, slices=5)
    assert (found.failed, found.units, found.left_out) == (5, units, lost)
    assert found.note.startswith(f"5 of {outcomes.size:,} runs failed; 2 of {units} ")
    assert list(found.table["factor"]) == list(whole["factor"])
    assert np.isfinite(found.table.iloc[:, 1]).all()


def test_an_unlucky_replication_that_failed_somewhere_does_not_look_like_an_effect():
    """Luck adds 100 to one replication, which fails where x0 is high."""
    varied = factors(2)
    _, quantiles = planned("sobol", varied, 128)
    outcomes = without_luck(quantiles @ np.array([0.0, 1.0]), 4)
    outcomes[:, 3] += 100
    size = len(varied) + 2
    high = quantiles.reshape(-1, size, 2)[:, :, 0].min(axis=1) > 0.5
    assert high.any()
    outcomes.reshape(-1, size, 4)[high, :, 3] = np.nan
    found = analyse("sobol", varied, quantiles, outcomes, seed=1).table.set_index("factor")
    assert found.loc["x1", "S1"] == pytest.approx(1, abs=0.2)
    assert abs(found.loc["x0", "ST"]) < 1e-9


def test_luck_does_not_bias_the_total_index():
    """Luck as large as the effect, 60 studies: the mean of ST is 1 and 0, within 5 sd of it."""
    varied = factors(2)
    _, quantiles = planned("sobol", varied, 128)
    totals = []
    for study in range(60):
        outcomes = quantiles[:, :1] + 0.3 * normals(len(quantiles), 4, seed=100 + study)
        found = analyse("sobol", varied, quantiles, outcomes, seed=1).table.set_index("factor")
        totals.append(found.loc[["x0", "x1"], "ST"].to_numpy())
    mean, sd = np.mean(totals, axis=0), np.std(totals, axis=0, ddof=1) / math.sqrt(60)
    assert (np.abs(mean - [1, 0]) < 5 * sd).all()
    # Planted: the plain estimate has the variance of luck in it, and this check sees it.
    plain = 0.3**2 / 4 / (1 / 12 + 0.3**2 / 4)
    assert abs(plain - 0) > 5 * sd[1]


@pytest.mark.parametrize("kind", ["own", "shared"])
@pytest.mark.parametrize("method", METHODS)
def test_a_factor_without_effect_is_rarely_called_one(method, kind):
    """40 studies of four idle factors under luck of each setting's own, or shared by settings.

    At the promised 5 %, ten or more false alarms have a chance of 3e-5.
    """
    varied = factors(4)
    _, quantiles = planned(method, varied, {"morris": 16, "sobol": 32, "pawn": 64}[method],
                           **({"slices": 5} if method == "pawn" else {}))  # fmt: skip
    alarms = 0
    for study in range(40):
        luck = normals(len(quantiles), 4, seed=study)
        if kind == "shared":
            luck = (quantiles - 0.5) @ normals(4, 4, seed=study)
        found = analyse(method, varied, quantiles, luck, seed=study, slices=5).table
        alarms += bool(found["beyond_noise"].any())
    assert alarms < 10


@pytest.mark.parametrize("method", METHODS)
def test_an_effect_is_told_from_luck(method):
    """The same check on a factor whose effect is three times the sd of luck."""
    varied = factors(4)
    _, quantiles = planned(method, varied, 128)
    outcomes = 3 * quantiles[:, :1] + normals(len(quantiles), 10, seed=1)
    found = analyse(method, varied, quantiles, outcomes, seed=1).table.set_index("factor")
    assert found["beyond_noise"].to_dict() == {"x0": True, "x1": False, "x2": False, "x3": False}


def test_outcomes_that_do_not_vary_have_no_indices():
    varied = factors(2)
    _, quantiles = planned("sobol", varied, 64)
    found = analyse("sobol", varied, quantiles, np.full((len(quantiles), 3), 7.0), seed=1)
    assert found.table[["S1", "ST"]].isna().all().all()
    assert not found.table["beyond_noise"].any()
    assert "hardly varies" in found.note


def test_wrong_input_is_refused_with_the_cure():
    varied = factors(2)
    _, quantiles = planned("morris", varied, 8)
    outcomes = np.zeros((len(quantiles), 4))
    with pytest.raises(InputError, match="replications = 2; at least 3"):
        analyse("morris", varied, quantiles, outcomes[:, :2], seed=1)
    with pytest.raises(InputError, match="do not fit"):
        analyse("morris", varied, quantiles[1:], outcomes, seed=1)
    with pytest.raises(InputError, match="did you mean 'morris'"):
        analyse("moris", varied, quantiles, outcomes, seed=1)  # type: ignore[arg-type]
    outcomes[: 5 * 3, 1:] = np.nan
    with pytest.raises(InputError, match="3 of 8 trajectories have runs enough; morris needs"):
        analyse("morris", varied, quantiles, outcomes, seed=1)
    with pytest.raises(InputError, match="no factors"):
        plan_settings([], Sensitivity(), 1)
    with pytest.raises(InputError, match="'k' has one value"):
        plan_settings([Factor(name="k", path=("k",), values=("a",))], Sensitivity(), 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"method": "sobol", "samples": 100},
            "no power of two from 16, which sobol needs; give 128",
        ),
        ({"levels": 5}, "levels = 5 is odd"),
        ({"method": "pawn", "samples": 40}, "pawn needs 10 settings"),
        ({"measures": ["profits_cents"]}, "did you mean 'profit_cents'"),
        ({"replications": 2}, "greater than or equal to 3"),
    ],
)
def test_a_table_that_is_not_possible_is_refused(table, message):
    with pytest.raises(InputError, match=message):
        make_study({"sensitivity": table})
