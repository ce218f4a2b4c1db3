"""Estimators that the stylised facts need, as an analyst would apply them to a platform's data."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from sim.population import NEVER

YEAR_DAYS = 365
DISCOUNT_RATE = 0.10
"""Per year."""


class Ratio(NamedTuple):
    """A ratio and the standard error of its logarithm."""

    value: float
    log_error: float


def mantel_haenszel(cases: np.ndarray, total: np.ndarray) -> Ratio:
    """How many times likelier a case is among the exposed than in the same stratum elsewhere.

    cases, total : (2, strata), unexposed first; people, or person-days for a hazard ratio.
    Weighted sum over strata of Mantel and Haenszel (1959); error by Greenland and Robins (1985).
    """
    cases, total = np.asarray(cases, np.float64), np.asarray(total, np.float64)
    use = (total > 0).all(axis=0)
    (c, a), (n0, n1) = cases[:, use], total[:, use]
    n = n0 + n1
    above, below = (a * n0 / n).sum(), (c * n1 / n).sum()
    if above == 0 or below == 0:
        return Ratio(np.nan, np.nan)
    spread = (((a + c) * n0 * n1 - a * c * n) / n**2).sum()
    return Ratio(float(above / below), float(np.sqrt(spread / (above * below))))


def odds(cases: float, total: float) -> float:
    """Cases for each one that is none."""
    return cases / (total - cases)


def net_present_value(profit: np.ndarray) -> np.ndarray:
    """Daily profits (n, days) discounted to day 0 at :data:`DISCOUNT_RATE`, float64 (n,)."""
    return (profit / (1 + DISCOUNT_RATE) ** (np.arange(profit.shape[1]) / YEAR_DAYS)).sum(axis=1)


def top_share(amounts: np.ndarray, share: float) -> float:
    """What the top ``share`` of people, at least one, have of the sum of ``amounts`` (n,)."""
    ordered = np.sort(amounts)[::-1]
    return float(ordered[: max(1, round(share * ordered.size))].sum() / ordered.sum())


def steps_up(values: np.ndarray) -> int:
    """How often a sequence (n,) rises from one value to the next."""
    return int(np.count_nonzero(np.diff(values) > 0))


def valley(values: np.ndarray, bins: int = 10, peak: float = 0.1) -> float:
    """How full the emptiest bin between two peaks is, relative to the lower peak; 1 without two.

    values : (n,), put in ``bins`` of equal width over their range. A peak holds at least the share
    ``peak`` of them. Near 0 for a clearly bimodal sample.
    """
    height = np.histogram(values, bins)[0] / len(values)
    peaks = np.flatnonzero(height >= peak)
    depths = [
        height[left : right + 1].min() / min(height[left], height[right])
        for left, right in itertools.combinations(peaks, 2)
    ]
    return float(min(depths, default=1.0))


class Forest(NamedTuple):
    """Counts of the referral forests of some runs."""

    new: int  # customers who joined during a run
    referred: int  # of them, brought by a friend
    deep: int  # of them, at depth 2 or more
    organic: int  # of them, brought by nobody
    alone: int  # of the organic ones, who brought nobody

    @property
    def reproduction(self) -> float:
        """Share of new customers brought by others: K, where the forest is stationary."""
        return self.referred / self.new


def forest(joined: np.ndarray, sponsor: np.ndarray, depth: np.ndarray) -> Forest:
    """The forest of a run from its state: tick of joining, who brought whom, depth, (N,) each."""
    new = joined >= 0
    brought = np.bincount(sponsor[sponsor >= 0], minlength=sponsor.size)
    organic = new & (sponsor < 0)
    counts = (new, new & (sponsor >= 0), new & (depth >= 2), organic, organic & (brought == 0))
    return Forest(*(int(np.count_nonzero(who)) for who in counts))


def cohort_reproduction(
    joined: np.ndarray, sponsor: np.ndarray, begin: int, end: int
) -> tuple[int, int]:
    """Who joined in ``begin`` <= tick < ``end``, and how many they brought by the end of the run.

    joined, sponsor : (N,); :data:`sim.population.NEVER` and -1 for none.
    """
    cohort = (joined >= begin) & (joined < end)
    brought = np.flatnonzero((joined > NEVER) & (sponsor >= 0))
    return int(cohort.sum()), int(cohort[sponsor[brought]].sum())
