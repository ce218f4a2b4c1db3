"""Outcomes that end in two ways, such as dying out or taking off: no run is like their mean.

The test is Hartigan's dip (Hartigan and Hartigan 1985): the largest distance of the distribution
of the runs from the nearest one with a single peak. Its chance is that among runs of a uniform
distribution, the single-peaked one that looks most like two, so that other shapes with one peak,
skewed ones too, raise a false alarm less often than stated.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from sim.studies.dip import dip
from sim.studies.resampling import uniform_rows

ALARM = 0.05  # false alarms where the distribution is uniform; fewer in every other with one peak
FEWEST_RUNS = 10
LEAST_SHARE = 0.1  # A: a mode that fewer runs end in is an outlier rather than a second way to end
_NULL_SAMPLES = 2_000
_NULL_SEED = 1985


class Modes(NamedTuple):
    """Two ways in which runs end.

    low_share : of the runs that end low; the others end high. low, high : their means. chance :
    of a dip as large among as many runs of a uniform distribution.
    """

    low_share: float
    low: float
    high: float
    chance: float


def two_modes(values: np.ndarray, seed: int) -> Modes | None:
    """The two modes of outcomes (n,), None where one peak explains them; nan entries are left out.

    Values that lie on a grid, such as counts, are first spread over half a step of it to both
    sides, drawn by address from ``seed``, since ties are dips of their own. Modes are told apart at
    the break that leaves least variance within them (Fisher 1958).
    """
    chance = dip_chance(values, seed)
    return parted(values, chance) if chance <= ALARM else None


def dip_chance(values: np.ndarray, seed: int) -> float:
    """Chance of a dip as large as that of (n,) among as many runs of a uniform distribution.

    1 where there are fewer than :data:`FEWEST_RUNS`, or all are the same.
    """
    found = _ordered(values)
    if found.size < FEWEST_RUNS or found[0] == found[-1]:
        return 1.0
    distance = dip(np.sort(_spread(found, seed)))
    null = _null_dips(found.size)
    return float((1 + np.count_nonzero(null >= distance)) / (1 + null.size))


def parted(values: np.ndarray, chance: float) -> Modes | None:
    """The two modes of outcomes (n,) that are not all the same, found real with ``chance``.

    None where one of them has so few runs that they are outliers.
    """
    found = _ordered(values)
    below = _natural_break(found)
    share = below / found.size
    if min(share, 1 - share) < LEAST_SHARE:
        return None
    return Modes(share, float(found[:below].mean()), float(found[below:].mean()), chance)


def _ordered(values: np.ndarray) -> np.ndarray:
    found = np.sort(np.asarray(values, np.float64))
    return found[np.isfinite(found)]


def _spread(ordered: np.ndarray, seed: int) -> np.ndarray:
    """Values (n,) moved by up to half of the smallest step between two of them that differ."""
    steps = np.diff(ordered)
    moves = uniform_rows(seed, 1, ordered.size)[0] - 0.5
    return ordered + moves * steps[steps > 0].min()


def _natural_break(ordered: np.ndarray) -> int:
    """How many of ordered values (n,) belong to the lower of two classes of least variance."""
    count = np.arange(1, ordered.size)
    sums = ordered.cumsum()[:-1]
    lower, upper = sums / count, (ordered.sum() - sums) / (ordered.size - count)
    return int(count[(count * (ordered.size - count) * (upper - lower) ** 2).argmax()])


@functools.lru_cache(maxsize=64)
def _null_dips(size: int) -> np.ndarray:
    """Dips of samples of ``size`` from a uniform distribution, float64 (samples,)."""
    samples = np.sort(uniform_rows(_NULL_SEED, _NULL_SAMPLES, size), axis=1)
    return np.array([dip(sample) for sample in samples])
