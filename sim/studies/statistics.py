"""Intervals of paired replications: means, differences, and which policy is best how surely."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from sim.studies.resampling import uniform_rows

LEVEL = 0.95
DRAWS = 4_000
FIRST_REPLICATIONS = 10


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
    values: np.ndarray, seed: int, draws: int = DRAWS, lower_is_better: bool = False
) -> np.ndarray:
    """Probability that each policy has the best mean, float64 (P,), summing to 1.

    values : (n, P), a row per replication; rows that are not numbers throughout are left out.
    Means are drawn together from the multivariate t distribution with n - 1 degrees of freedom
    around those of the runs, with their covariance (Chick and Inoue 2001, common random numbers),
    and the policy with the best one counts; policies that are the same in every run share the
    count. Of two policies one is the best with a probability above 0.975 if and only if their
    paired interval leaves out zero. All nan where fewer than two rows are left. Draws are by
    address, so the answer is a function of (values, seed).
    """
    table = np.asarray(values, dtype=np.float64)
    table = table[np.isfinite(table).all(axis=1)]
    rows, policies = table.shape
    if rows < 2:
        return np.full(policies, math.nan)
    different, place, alike = np.unique(
        -table if lower_is_better else table, axis=1, return_inverse=True, return_counts=True
    )
    root = covariance_root(different)
    uniforms = uniform_rows(seed, draws, root.shape[1] + 1)
    scale = np.sqrt((rows - 1) / special.chdtri(rows - 1, uniforms[:, -1]) / rows)
    means = different.mean(axis=0) + scale[:, None] * (special.ndtri(uniforms[:, :-1]) @ root.T)
    best = np.bincount(means.argmax(axis=1), minlength=alike.size) / draws
    return (best / alike)[place.ravel()]


def covariance_root(table: np.ndarray) -> np.ndarray:
    """A root of the covariance of the columns of (n, P): root root', float64 (P, rank).

    The rank is at most n - 1; the root is empty where all columns are constant.
    """
    apart = table - table.mean(axis=0)
    _, sizes, directions = np.linalg.svd(apart, full_matrices=False)
    # What rounding the means leaves counts for nothing: n rows have n - 1 directions at most.
    sizes, directions = sizes[: len(table) - 1], directions[: len(table) - 1]
    kept = sizes > sizes.max(initial=0.0) * max(table.shape) * np.finfo(np.float64).eps
    return directions[kept].T * (sizes[kept] / math.sqrt(len(table) - 1))


def replications_to_settle(interval: Interval) -> float:
    """About how many replications an interval needs to leave zero out, if mean and sd stay.

    n (half width / mean)^2 with a half width that has the t quantile of that n instead of that of
    so few replications; inf for a mean of zero.
    """
    if interval.mean == 0:
        return math.inf
    now = interval.replications
    wanted = now * (interval.half_width / abs(interval.mean)) ** 2
    if now < 2 or not math.isfinite(wanted):
        return wanted
    t_now = float(special.stdtrit(now - 1, (1 + LEVEL) / 2))
    for _ in range(20):
        t_then = float(special.stdtrit(max(1.0, wanted - 1), (1 + LEVEL) / 2))
        new = now * (interval.half_width * t_then / t_now / abs(interval.mean)) ** 2
        if abs(new - wanted) < 0.5:
            break
        # Halfway: the quantile falls steeply at first, and whole steps would swing.
        wanted = (wanted + new) / 2
    return wanted


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
