"""Candidates whose runs end in two ways: found where they do, and seldom where they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.studies.findings.splits import split_of


def draws(key: int) -> np.random.Generator:
    return np.random.default_rng(key)


def two_ways(shape: tuple[int, int], decides: tuple[int, int], key: int = 1) -> np.ndarray:
    """Outcomes near 0 or 1,000; decides : the shape over which it is drawn which."""
    luck = draws(key)
    takes_off = luck.random(decides) < 0.6
    return 1_000.0 * takes_off + 50.0 * luck.normal(size=shape)


@pytest.mark.parametrize(
    ("shape", "decides", "both_ways"),
    [
        ((40, 6), (40, 6), pytest.approx(0.95, abs=0.06)),  # luck, in every run by itself
        ((40, 6), (40, 1), 0.0),  # what is not known
        ((3, 30), (1, 30), 1.0),  # luck that the worlds share
        ((1, 30), (1, 30), 1.0),
    ],
)
def test_two_ways_are_found_with_what_decides(shape, decides, both_ways):
    split = split_of(two_ways(shape, decides), 1)
    assert split.both_ways == both_ways
    assert split.modes.low == pytest.approx(0, abs=40)
    assert split.modes.high == pytest.approx(1_000, abs=40)
    assert 0.2 < split.modes.low_share < 0.6


def test_one_replication_does_not_tell_what_decides():
    assert math.isnan(split_of(two_ways((40, 1), (40, 1)), 1).both_ways)


def test_few_worlds_and_replications_are_not_judged():
    assert split_of(two_ways((9, 9), (9, 9)), 1) is None


def test_equal_runs_are_one_way():
    assert split_of(np.ones((40, 6)), 1) is None


@pytest.mark.parametrize("luck", [0.01, 0.3])
def test_worlds_that_cluster_their_runs_raise_no_alarm(luck):
    """Six runs close to each other in each world are no six worlds: pooled, most would alarm."""
    tables = (
        draws(k).normal(size=(40, 1)) + luck * draws(1_000 + k).normal(size=(40, 6))
        for k in range(100)
    )
    assert sum(split_of(table, 1) is not None for table in tables) <= 5
