"""Intervals of paired replications: means, differences, and which policy is best how surely."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from sim.randomness import Decision, derive_seed, uniform_table

LEVEL = 0.95
RESAMPLES = 4_000
FIRST_REPLICATIONS = 10
_UNIFORMS_PER_CALL = 4


class Interval(NamedTuple):
    """A mean with its interval, of 95 % where nothing else is said.

    sd : standard deviation of single values. replications : values that were numbers; a mean needs
    one and an interval two, else the fields are nan.
    """

    mean: float
    sd: float
    low: float
    high: float
    half_width: float
    replications: int


def mean_interval(values: np.ndarray, level: float = LEVEL) -> Interval:
    """Mean and Student t interval of independent values (n,); nan entries are left out.

    mean +- t((1 + level) / 2, n - 1) sd / sqrt(n) (Student 1908).
    """
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    count = found.size
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, math.nan, math.nan, 0)
    mean = float(found.mean())
    if count == 1:
        return Interval(mean, math.nan, math.nan, math.nan, math.nan, 1)
    # Equal values have no spread; their mean may be a rounding error away from them.
    equal = bool((found == found[0]).all())
    mean = float(found[0]) if equal else mean
    sd = 0.0 if equal else float(found.std(ddof=1))
    half_width = float(special.stdtrit(count - 1, (1 + level) / 2)) * sd / math.sqrt(count)
    return Interval(mean, sd, mean - half_width, mean + half_width, half_width, count)


def paired_difference(values: np.ndarray, baseline: np.ndarray) -> Interval:
    """Interval of the mean of ``values - baseline`` (n,), run by run (paired t)."""
    return mean_interval(np.asarray(values, np.float64) - np.asarray(baseline, np.float64))


def share_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); nan without trials."""
    if trials == 0:
        return math.nan, math.nan
    z = float(special.ndtri((1 + LEVEL) / 2))
    share, weight = successes / trials, z * z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def ratio_of_means(values: np.ndarray, divisors: np.ndarray) -> Interval:
    """Interval of mean(values) / mean(divisors) over runs (n,); nan where the divisors sum to 0.

    Unlike the mean of the ratios of single runs it gives no run with a small divisor a large
    weight. Linearised: the sd is that of (values - ratio divisors) / mean(divisors) (Cochran
    1977, section 2.11).
    """
    above, below = np.asarray(values, np.float64), np.asarray(divisors, np.float64)
    if below.size == 0 or below.mean() == 0:
        return mean_interval(np.empty(0))
    ratio = float(above.mean() / below.mean())
    return mean_interval(ratio + (above - ratio * below) / below.mean())._replace(mean=ratio)


def variance_ratio(values: np.ndarray, baseline: np.ndarray) -> float:
    """How many times more independent runs the difference would take than paired ones.

    (var(a) + var(b)) / var(a - b), with a, b the runs of replications that have both; inf where
    the difference is the same in every run, nan below two replications or without any variance.
    """
    a, b = np.asarray(values, np.float64), np.asarray(baseline, np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 2:
        return math.nan
    apart = float(a[both].var(ddof=1) + b[both].var(ddof=1))
    paired = float((a[both] - b[both]).var(ddof=1))
    if paired > 0:
        return apart / paired
    return math.inf if apart > 0 else math.nan


def better_share(values: np.ndarray, baseline: np.ndarray, lower_is_better: bool = False) -> float:
    """Share of replications in which ``values`` is strictly better than ``baseline``."""
    gain = np.asarray(values, np.float64) - np.asarray(baseline, np.float64)
    gain = gain[np.isfinite(gain)]
    if gain.size == 0:
        return math.nan
    return float(np.mean(gain < 0 if lower_is_better else gain > 0))


def probability_of_best(
    values: np.ndarray, seed: int, resamples: int = RESAMPLES, lower_is_better: bool = False
) -> np.ndarray:
    """Probability that each policy has the best mean, float64 (P,), summing to 1.

    values : (n, P), a row per replication; rows that are not numbers throughout are left out.
    Paired bootstrap (Efron 1979): replications are drawn with replacement, all policies of one
    together, and the policy with the best mean counts; exact ties share the count. All nan where
    fewer than two rows are left. Draws are by address, so the answer is a function of
    (values, seed).
    """
    table = np.asarray(values, dtype=np.float64)
    table = table[np.isfinite(table).all(axis=1)]
    rows, policies = table.shape
    if rows < 2:
        return np.full(policies, math.nan)
    if lower_is_better:
        table = -table
    key = np.uint64(derive_seed(seed, int(Decision.RESAMPLE)))
    people = -(-rows // _UNIFORMS_PER_CALL)
    best = np.zeros(policies)
    for resample in range(resamples):
        uniforms = uniform_table(key, int(Decision.RESAMPLE), resample, people).ravel()[:rows]
        drawn = (uniforms * rows).astype(np.int64)
        # Sums of whole numbers are exact, so that equal policies tie exactly.
        totals = table[drawn].sum(axis=0)
        winners = totals == totals.max()
        best += winners / winners.sum()
    return best / resamples


def replications_to_settle(interval: Interval) -> float:
    """About how many replications an interval needs to leave zero out, if its mean stays.

    n (half width / mean)^2; inf for a mean of zero.
    """
    if interval.mean == 0:
        return math.inf
    return interval.replications * (interval.half_width / abs(interval.mean)) ** 2


def next_total(done: int, excess: float, maximum: int) -> int:
    """Replications to have after the next batch; ``done`` when it is enough.

    excess : the widest half width over the one asked for. A half width falls with the square
    root of the replications, so done * excess^2 are wanted, but the number at most doubles, since
    a variance from few runs is itself uncertain.
    """
    if excess <= 1 or done >= maximum:
        return done
    wanted = math.inf if math.isinf(excess) else math.ceil(done * excess**2)
    return int(min(maximum, max(done + 1, min(wanted, 2 * done))))
