"""The estimators of the stylised facts recover known answers; the facts are `vouch validate`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim import rules
from sim.behavior import Behavior
from sim.population import NEVER
from sim.randomness import Decision, uniform_table
from sim.rules import coefficients
from sim.validation.estimators import (
    cohort_reproduction,
    forest,
    mantel_haenszel,
    net_present_value,
    odds,
    steps_up,
    top_share,
    valley,
)
from sim.validation.facts_cascades import exponential_response


def uniforms(seed: int, size: int) -> np.ndarray:
    return uniform_table(np.uint64(seed), int(Decision.RESAMPLE), 0, size)[0]


def test_a_matched_ratio_sees_through_strata():
    # In either stratum the exposed are hit half as often; most of them are in the riskier one, so
    # that the crude ratio is above 1.
    total = np.array([[9_000, 1_000], [1_000, 9_000]])
    cases = np.array([[180, 200], [10, 900]])
    found = mantel_haenszel(cases, total)
    assert found.value == pytest.approx(0.5, abs=1e-12)
    crude = (cases[1].sum() / total[1].sum()) / (cases[0].sum() / total[0].sum())
    assert crude > 2


def test_a_matched_ratio_of_one_stratum_is_the_plain_ratio_with_its_error():
    found = mantel_haenszel(np.array([[40], [30]]), np.array([[400], [600]]))
    assert found.value == pytest.approx((30 / 600) / (40 / 400))
    # Katz et al. (1978): 1/a - 1/n1 + 1/c - 1/n0.
    assert found.log_error == pytest.approx(math.sqrt(1 / 30 - 1 / 600 + 1 / 40 - 1 / 400))


def test_a_stratum_without_anybody_to_compare_with_does_not_count():
    cases, total = np.array([[4, 5], [2, 0]]), np.array([[40, 50], [40, 0]])
    assert mantel_haenszel(cases, total).value == pytest.approx(0.5)
    assert math.isnan(mantel_haenszel(np.zeros((2, 1)), np.ones((2, 1))).value)


def test_a_matched_hazard_ratio_is_that_of_the_hazards_drawn():
    # Two tenures with different hazards; the exposed have 0.8 of either. Counted day by day.
    size, days = 20_000, 60
    cases, total = np.zeros((2, 2)), np.zeros((2, 2))
    for group, ratio in ((0, 1.0), (1, 0.8)):
        alive = np.ones(size, bool)
        for day in range(days):
            stratum = int(day >= days // 2)
            hazard = ratio * (0.01, 0.004)[stratum]
            dies = alive & (uniforms(1 + 2 * day + group, size) < hazard)
            total[group, stratum] += alive.sum()
            cases[group, stratum] += dies.sum()
            alive &= ~dies
    found = mantel_haenszel(cases, total)
    assert abs(math.log(found.value / 0.8)) / found.log_error < 5
    assert abs(math.log(found.value / 1.0)) / found.log_error > 5


def test_odds():
    assert odds(1, 4) == pytest.approx(1 / 3)


def test_net_present_value_of_one_payment_a_year_from_now():
    profit = np.zeros((2, 366))
    profit[0, 365] = 110.0
    profit[1, 0] = 7.0
    assert net_present_value(profit) == pytest.approx([100.0, 7.0])


@pytest.mark.parametrize(("share", "expected"), [(0.1, 0.5), (0.01, 0.5), (1.0, 1.0)])
def test_the_top_share_counts_at_least_one(share, expected):
    assert top_share(np.array([9.0, *[1.0] * 9]), share) == pytest.approx(expected)


def test_steps_up():
    assert steps_up(np.array([3.0, 2.0, 2.0, 5.0, 1.0])) == 1
    assert steps_up(np.array([3.0, 2.0])) == 0


def test_two_clusters_have_a_valley_and_one_has_none():
    u = uniforms(3, 400)
    assert valley(u) > 0.5
    assert valley(np.where(u < 0.4, u / 10, 1 - u / 10)) == 0.0
    assert valley(np.sort(u) ** 4) > 0.5  # a long tail is no second peak
    triangle = uniforms(4, 400) + uniforms(5, 400)
    assert valley(triangle) > 0.5


def test_the_forest_of_a_chain_a_star_and_a_loner():
    #            0 <- 1 <- 2     3 <- 4, 3 <- 5     6     7 came before the run and brought 8
    sponsor = np.array([-1, 0, 1, -1, 3, 3, -1, -1, 7])
    depth = np.array([0, 1, 2, 0, 1, 1, 0, 0, 1])
    joined = np.array([0, 1, 2, 0, 5, 6, 3, -40, 4])
    found = forest(joined, sponsor, depth)
    assert found == (8, 5, 1, 3, 1)
    assert found.reproduction == 5 / 8


def test_the_reproduction_of_a_cohort_counts_its_own_offspring():
    sponsor = np.array([-1, 0, 0, -1, 3, -1])
    joined = np.array([2, 9, 4, 5, 7, NEVER])
    assert cohort_reproduction(joined, sponsor, 0, 5) == (2, 2)  # 0 and 2; 0 brought two
    assert cohort_reproduction(joined, sponsor, 5, 10) == (3, 1)  # 1, 3 and 4; 3 brought one


def test_exponential_response_times_have_the_mean_of_the_lognormal_ones():
    c = coefficients(Behavior()).click
    u, v, _, _ = uniform_table(np.uint64(9), int(Decision.RESAMPLE), 0, 20_000)
    ticks = np.array([exponential_response(c, a, b, 0.001) for a, b in zip(u, v, strict=True)])
    mean = c.delay_median_days * math.exp(c.delay_spread**2 / 2)
    days = (ticks - 1) * 0.001
    assert abs(days.mean() - mean) / (mean / math.sqrt(days.size)) < 5
    assert np.median(days) == pytest.approx(mean * math.log(2), rel=0.05)
    no_delay = c._replace(delay_median_days=0.0)
    assert exponential_response(no_delay, 0.5, 0.5, 1.0) == 1
    assert rules.plain(rules.response_ticks)(no_delay, 0.5, 0.5, 1.0) == 1
