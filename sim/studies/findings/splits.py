"""Candidates whose runs end in two ways, over worlds and luck: a mean alone misleads about them.

Runs of a study are not independent of each other: those of a world have its assumptions in common,
those of a replication their luck. So the test of :mod:`sim.studies.bimodality` is done for every
replication over the worlds, and for every world over the replications, where there are enough of
them. Twice the median of the chances of such tests is a chance again, whatever they have in common
(Rueger 1978), so that a candidate whose runs have one peak raises a false alarm with a chance of
5 % at most.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.studies.bimodality import ALARM, FEWEST_RUNS, Modes, dip_chance, parted

MOST_IN_TEST = 500
MOST_TESTS = 20
"""Runs in a test, and tests over worlds and over replications; of more, the first are taken."""


class Split(NamedTuple):
    """Two ways in which the runs of a candidate end.

    both_ways : share of worlds in which some runs end one way and some the other, so that luck
    decides; in the other worlds what is not known decides. nan with one replication.
    """

    modes: Modes
    both_ways: float


def split_of(values: np.ndarray, seed: int) -> Split | None:
    """The split of outcomes (worlds, replications) without gaps; None where one peak explains them.

    The answer is a function of (values, seed).
    """
    axes = [table for table in (values.T, values) if table.shape[1] >= FEWEST_RUNS]
    if not axes:
        return None
    chance = len(axes) * min(_chance(table, seed) for table in axes)
    modes = parted(values.ravel(), chance) if chance <= ALARM else None
    if modes is None:
        return None
    if values.shape[1] == 1:
        return Split(modes, math.nan)
    ordered = np.sort(values, axis=None)
    is_low = values < ordered[round(modes.low_share * ordered.size)]
    return Split(modes, float((is_low.any(axis=1) & ~is_low.all(axis=1)).mean()))


def _chance(table: np.ndarray, seed: int) -> float:
    """The chance of the dips of the rows of a table together, each row tested by itself."""
    rows = table[:MOST_TESTS, :MOST_IN_TEST]
    chances = [dip_chance(row, seed) for row in rows]
    return chances[0] if len(chances) == 1 else min(1.0, 2 * float(np.median(chances)))
