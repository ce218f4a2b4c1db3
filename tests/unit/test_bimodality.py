"""Outcomes with two modes: the dip by its definition, false alarms, power, and what is said."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import special
from scipy.optimize import linprog

from sim.randomness import Decision, derive_seed, uniform_table
from sim.studies.bimodality import two_modes
from sim.studies.dip import dip


def uniforms(count: int, *seed: int) -> np.ndarray:
    key = np.uint64(derive_seed(66, *seed))
    return uniform_table(key, int(Decision.RESAMPLE), 0, count)[0]


def normals(count: int, *seed: int) -> np.ndarray:
    return special.ndtri(uniforms(count, *seed))


def dip_by_definition(x: np.ndarray) -> float:
    """Distance to the nearest distribution that is convex up to a mode and concave beyond it.

    A linear programme for each place of the mode: values of the distribution function at the
    points, with a jump allowed at the mode, within t of the sample on both sides of each step.
    """
    n, found = len(x), 1.0
    right, distance = n, n + 1  # the value just after the mode; t
    for mode in range(n):
        rows, limits = [], []

        def limit(terms: dict[int, float], most: float, rows=rows, limits=limits) -> None:
            rows.append([terms.get(k, 0.0) for k in range(n + 2)])
            limits.append(most)

        for i in range(n):
            below, above = i / n, (i + 1) / n
            limit({i: 1, distance: -1}, below)
            after = right if i == mode else i
            limit({after: -1, distance: -1}, -above)
            if i == mode:
                limit({i: -1, distance: -1}, -below)
                limit({right: 1, distance: -1}, above)
        limit({mode: 1, right: -1}, 0)
        convex = [(x[i], i) for i in range(mode + 1)]
        concave = [(x[mode], right), *((x[i], i) for i in range(mode + 1, n))]
        for points, sign in ((convex, 1), (concave, -1)):
            for (_, one), (_, other) in itertools.pairwise(points):
                limit({one: 1, other: -1}, 0)
            for (p, a), (q, b), (r, c) in zip(points, points[1:], points[2:], strict=False):
                before, after = sign / (q - p), sign / (r - q)
                limit({a: -before, b: before + after, c: -after}, 0)
        goal = np.eye(n + 2)[distance]
        best = linprog(goal, A_ub=rows, b_ub=limits, bounds=[(0, 1)] * (n + 2))
        found = min(found, best.fun)
    return found


@pytest.mark.parametrize("size", [4, 7, 11])
@pytest.mark.parametrize("apart", [0.0, 2.0, 6.0])
def test_the_dip_is_the_distance_from_one_peak(size, apart):
    sample = np.sort(normals(size, size) + apart * (np.arange(size) % 2))
    assert dip(sample) == pytest.approx(dip_by_definition(sample), abs=1e-9)


def test_the_dip_has_its_limits():
    assert dip(np.arange(10.0)) == pytest.approx(1 / 20)  # evenly spread: half a step
    two = np.concatenate([np.arange(50) * 1e-9, 1 + np.arange(50) * 1e-9])
    assert dip(two) == pytest.approx(0.25, abs=0.011)


def test_the_dip_does_not_change_with_unit_or_direction():
    sample = np.sort(normals(30, 1))
    assert dip(3 * sample + 7) == pytest.approx(dip(sample), rel=1e-9)
    assert dip(-sample[::-1]) == pytest.approx(dip(sample), rel=1e-9)


ONE_PEAK = {
    "normal": lambda n, k: normals(n, 2, k),
    "skewed": lambda n, k: np.exp(normals(n, 3, k)),
    "counts": lambda n, k: np.floor(-4 * np.log(uniforms(n, 4, k))),
    "few counts": lambda n, k: (uniforms(n, 5, k) > 0.6) + (uniforms(n, 6, k) > 0.9) + 0.0,
}


@pytest.mark.parametrize("kind", ONE_PEAK)
@pytest.mark.parametrize("runs", [10, 40])
def test_one_peak_is_seldom_taken_for_two(kind, runs):
    """300 samples at no more than 5 %: above 9.4 % by chance once in 2,000."""
    alarms = sum(two_modes(ONE_PEAK[kind](runs, k), k) is not None for k in range(300))
    assert alarms / 300 < 0.094


def test_the_level_is_reached_where_one_peak_is_flattest():
    """600 uniform samples: a rate of 5 % has an sd of 0.9 %; outliers never hide a mode here."""
    alarms = sum(two_modes(uniforms(20, 7, k), k) is not None for k in range(600))
    assert 0.02 < alarms / 600 < 0.086


def dying_or_taking_off(runs: int, number: int, dying: float) -> np.ndarray:
    """Orders of a campaign that dies out at once in a share of runs, else reaches about 100."""
    small = np.floor(-3 * np.log(uniforms(runs, 8, number)))
    large = np.round(100 + 20 * normals(runs, 9, number))
    return np.where(uniforms(runs, 10, number) < dying, small, large)


@pytest.mark.parametrize(("runs", "power"), [(10, 0.35), (20, 0.7), (40, 0.95)])
def test_taking_off_or_not_is_noticed(runs, power):
    """200 samples, 40 % of whose runs die out."""
    found = [two_modes(dying_or_taking_off(runs, k, 0.4), k) for k in range(200)]
    assert np.mean([modes is not None for modes in found]) > power


def test_the_modes_are_told_by_share_and_mean():
    low = [0, 1, 2, 1, 0, 2, 1, 0]
    values = np.array([*low, 95, 100, 105, 98, 102, 99, 101, 103, 97, 100, 96, 104], float)
    modes = two_modes(values, 1)
    assert modes.low_share == 0.4
    assert (modes.low, modes.high) == (pytest.approx(0.875), pytest.approx(100.0))
    assert modes.chance <= 0.05
    assert two_modes(values, 1) == modes
    assert two_modes(np.append(values, math.nan), 1) == modes


def test_outliers_are_no_second_way_to_end():
    values = np.concatenate([normals(60, 11), [50.0]])
    assert two_modes(values, 1) is None


@pytest.mark.parametrize("values", [[0.0] * 30, range(9), [], [math.nan] * 12])
def test_too_little_says_nothing(values):
    assert two_modes(np.array(values, float), 1) is None
