"""Intervals, variance ratios, the probability of being best, and when to stop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from sim.randomness import Decision, uniform_table
from sim.studies.statistics import (
    better_share,
    mean_interval,
    next_total,
    paired_difference,
    probability_of_best,
    ratio_of_means,
    replications_to_settle,
    variance_ratio,
)


def normals(rows: int, columns: int, seed: int = 5) -> np.ndarray:
    """Standard normal draws (rows, columns) from addresses of their own."""
    table = uniform_table(np.uint64(seed), int(Decision.RESAMPLE), 10_000_000, rows * columns)
    return special.ndtri(table[0]).reshape(rows, columns)


def test_an_interval_is_students():
    values = np.array([3.0, 4.5, 1.0, 8.25, 2.0])
    found = mean_interval(values)
    expected = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    assert found.low == pytest.approx(expected[0], rel=1e-12)
    assert found.high == pytest.approx(expected[1], rel=1e-12)
    assert found.sd == pytest.approx(values.std(ddof=1), rel=1e-12)
    assert found.replications == 5


def test_missing_values_are_left_out_and_counted():
    found = mean_interval(np.array([1.0, math.nan, 3.0, math.inf]))
    assert (found.mean, found.replications) == (2.0, 2)


@pytest.mark.parametrize(("values", "mean"), [([], math.nan), ([math.nan], math.nan), ([4.0], 4.0)])
def test_too_few_values_have_no_interval(values, mean):
    found = mean_interval(np.array(values))
    assert found.mean == pytest.approx(mean, nan_ok=True)
    assert math.isnan(found.half_width)
    assert math.isnan(found.low)


def test_equal_values_have_no_width():
    found = mean_interval(np.full(7, 0.1))
    assert (found.mean, found.sd, found.half_width) == (0.1, 0.0, 0.0)


def test_a_paired_interval_covers_the_truth_as_often_as_it_says():
    """2,000 studies of 10 pairs: the share that covers has sd sqrt(.95 .05 / 2000) = 0.0049."""
    studies, pairs, truth = 2_000, 10, 3.0
    common = 50 * normals(studies, pairs, seed=1)
    noise = normals(studies, pairs, seed=2)
    sd = math.sqrt(0.95 * 0.05 / studies)

    def z_of(half_widths: np.ndarray, means: np.ndarray) -> float:
        return (np.mean(np.abs(means - truth) <= half_widths) - 0.95) / sd

    found = [paired_difference(common[k] + truth + noise[k], common[k]) for k in range(studies)]
    means = np.array([one.mean for one in found])
    widths = np.array([one.half_width for one in found])
    assert abs(z_of(widths, means)) < 5
    # Planted: the normal quantile in place of Student's covers 91.8 %, and this check sees it.
    normal = widths * stats.norm.ppf(0.975) / stats.t.ppf(0.975, pairs - 1)
    assert z_of(normal, means) < -5


def test_a_ratio_of_means_covers_the_truth_as_often_as_it_says():
    """2,000 studies of 20 runs: the share that covers has sd 0.0049."""
    studies, runs, ratio = 2_000, 20, 0.5
    below = 10 + normals(studies, runs, seed=7)
    above = ratio * below + normals(studies, runs, seed=8)
    found = [ratio_of_means(above[k], below[k]) for k in range(studies)]
    covered = np.mean([one.low <= ratio <= one.high for one in found])
    assert abs(covered - 0.95) < 5 * 0.0049


def test_a_ratio_of_means_is_not_a_mean_of_ratios():
    found = ratio_of_means(np.array([1.0, 10.0]), np.array([1.0, 40.0]))
    assert found.mean == 11 / 41
    assert math.isnan(ratio_of_means(np.ones(3), np.zeros(3)).mean)


def test_pairing_takes_out_what_two_runs_share():
    common, noise = 10 * normals(1, 400, seed=3)[0], normals(1, 400, seed=4)[0]
    # var(a) = 100, var(b) = 101, var(a - b) = 1: about 201 times fewer replications.
    assert variance_ratio(common + noise, common) == pytest.approx(201, rel=0.25)
    assert variance_ratio(common + 2, common) > 1e20 or math.isinf(
        variance_ratio(common + 2, common)
    )
    assert math.isnan(variance_ratio(np.ones(3), np.ones(3)))
    assert math.isnan(variance_ratio(np.ones(1), np.zeros(1)))


def test_better_share_counts_strict_gains():
    assert better_share(np.array([1, 2, 3, 4]), np.array([1, 1, 4, 1])) == 0.5
    assert better_share(np.array([1, 2]), np.array([2, 3]), lower_is_better=True) == 1.0
    assert math.isnan(better_share(np.array([math.nan]), np.array([1.0])))


def test_equal_policies_share_the_probability_exactly():
    column = np.arange(12) * 37
    assert probability_of_best(np.column_stack([column, column]), seed=3).tolist() == [0.5, 0.5]
    third = probability_of_best(np.column_stack([column, column - 100, column]), seed=3)
    assert third.tolist() == [0.5, 0.0, 0.5]


def test_the_better_policy_is_best_in_either_direction():
    table = np.column_stack([np.arange(10), np.arange(10) + 5])
    assert probability_of_best(table, seed=1).tolist() == [0.0, 1.0]
    assert probability_of_best(table, seed=1, lower_is_better=True).tolist() == [1.0, 0.0]


def test_the_probability_of_best_is_that_of_the_mean_difference():
    difference = normals(1, 60, seed=6)[0] + 0.15
    found = probability_of_best(np.column_stack([difference, np.zeros(60)]), seed=9)[0]
    spread = difference.std(ddof=0) / math.sqrt(60)
    expected = stats.norm.cdf(difference.mean() / spread)
    # 4,000 resamples have an sd of at most 0.008; the bootstrap of 60 runs is near normal.
    assert found == pytest.approx(expected, abs=0.04)


def test_the_probability_of_best_depends_on_values_and_seed_alone():
    table = normals(20, 3)
    again = probability_of_best(table.copy(), seed=1)
    assert probability_of_best(table, seed=1).tolist() == again.tolist()
    assert probability_of_best(table, seed=2).tolist() != again.tolist()
    assert again.sum() == pytest.approx(1, rel=1e-12)


def test_rows_with_missing_values_do_not_vote():
    table = np.array([[1.0, 0.0], [2.0, 1.0], [math.nan, 9.0]])
    assert probability_of_best(table, seed=1).tolist() == [1.0, 0.0]
    assert np.isnan(probability_of_best(table[1:], seed=1)).all()


@pytest.mark.parametrize(
    ("done", "excess", "maximum", "total"),
    [
        (10, 0.9, 200, 10),  # narrow enough
        (10, 1.0, 200, 10),
        (10, 1.2, 200, 15),  # 10 x 1.44
        (10, 5.0, 200, 20),  # at most doubled
        (10, 1.001, 200, 11),  # at least one
        (160, 3.0, 200, 200),  # capped
        (200, 3.0, 200, 200),
        (10, math.inf, 200, 20),
    ],
)
def test_replications_are_added_until_it_is_narrow_enough(done, excess, maximum, total):
    assert next_total(done, excess, maximum) == total


def test_what_would_settle_it():
    values = mean_interval(np.array([1.0, -1.0, 3.0, 1.0]))
    wanted = replications_to_settle(values)
    # With as many, and the same mean and spread, the interval would just leave zero out.
    half_width = special.stdtrit(wanted - 1, 0.975) * values.sd / math.sqrt(wanted)
    assert half_width == pytest.approx(values.mean, rel=0.03)
    assert math.isinf(replications_to_settle(mean_interval(np.array([1.0, -1.0]))))
