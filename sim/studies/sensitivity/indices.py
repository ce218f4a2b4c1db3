"""The formulas of sensitivity indices, for weighted units and replications of the same luck.

A unit is what a bootstrap draws: a trajectory (Morris), a row of the base sample with its blocks
(Sobol), a setting (PAWN). Every estimator takes ``usable``, bool (units, replications), and
``weights``, float64 (resamples, units), and returns its indices, float64 (resamples, factors).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy import special

from sim.studies.resampling import bootstrap_weights, permutations
from sim.studies.statistics import LEVEL

RESAMPLES = 500
PERMUTATIONS = 1_000
_ROUNDING = 1e-24  # of a square, relative


class Estimator(Protocol):
    """What indices are computed with."""

    def __call__(self, usable: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The indices by name."""


class Estimate(NamedTuple):
    """An index of every factor, float64 (D,), with its variances from units and from luck.

    units, replications : how many there are of each.
    """

    value: np.ndarray
    unit_variance: np.ndarray
    luck_variance: np.ndarray
    units: int
    replications: int

    def _quantile(self, probability: float) -> np.ndarray:
        """Student's t at the degrees of freedom of the sum of both variances (Welch 1947)."""
        total = self.unit_variance + self.luck_variance
        spread = self.unit_variance**2 / (self.units - 1)
        spread = spread + self.luck_variance**2 / (self.replications - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            freedom = np.where(spread > 0, total**2 / spread, self.units - 1.0)
        return np.asarray(special.stdtrit(freedom, probability))

    def half_width(self, level: float = LEVEL) -> np.ndarray:
        """Half the width of the interval, float64 (D,); nan where the index is not defined."""
        sd = np.sqrt(self.unit_variance + self.luck_variance)
        return np.where(sd == 0, 0.0, self._quantile((1 + level) / 2) * sd)

    def above_zero(self, level: float) -> np.ndarray:
        """Whether the one-sided interval of this level lies above 0, bool (D,)."""
        sd = np.sqrt(self.unit_variance + self.luck_variance)
        low = np.where(sd == 0, self.value, self.value - self._quantile(level) * sd)
        return np.nan_to_num(low, nan=-1.0) > 0

    def apart(self, level: float) -> np.ndarray:
        """Whether the two-sided interval of this level leaves 0 out, bool (D,)."""
        return np.nan_to_num(np.abs(self.value) - self.half_width(level), nan=-1.0) > 0


Estimates = dict[str, Estimate]


def estimate_with_intervals(estimator: Estimator, usable: np.ndarray, seed: int) -> Estimates:
    """The indices with the variance of a bootstrap over units and a jackknife over replications.

    Bootstrap: Efron 1979. Jackknife: (R - 1) / R times the squares of the R estimates without one
    replication around their mean (Tukey 1958).
    """
    units, replications = usable.shape
    alone = np.ones((1, units))
    values = estimator(usable, alone)
    resampled = estimator(usable, bootstrap_weights(seed, RESAMPLES, units))
    numbers = np.arange(replications)
    without = [estimator(usable & (numbers != number), alone) for number in numbers]
    found = {}
    for name, value in values.items():
        jackknife = np.concatenate([one[name] for one in without])
        found[name] = Estimate(
            value=value[0],
            unit_variance=_variance_of_resamples(resampled[name]),
            luck_variance=(replications - 1) * jackknife.var(axis=0),
            units=units,
            replications=replications,
        )
    return found


def _variance_of_resamples(values: np.ndarray) -> np.ndarray:
    # Equal values have no variance; a rounding error of one would be read as an interval.
    equal = (values == values[0]).all(axis=0)
    return np.where(equal, 0.0, values.var(axis=0, ddof=1))


class _Replicated(NamedTuple):
    """Means over the usable replications and the variance that luck gives them, (units, ...)."""

    mean: np.ndarray
    noise: np.ndarray


def _over_luck(values: np.ndarray, usable: np.ndarray) -> _Replicated:
    """Means of float64 (units, columns, replications) and what luck leaves of them."""
    return _Replicated(_mean(values, usable), _covariance_of_means(values, values, usable))


def _mean(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    kept = usable[:, None, :]
    return np.where(kept, values, 0.0).sum(axis=2) / usable.sum(axis=1)[:, None]


def _covariance_of_means(a: np.ndarray, b: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Covariance that luck gives the means of a and b over replications, float64 (units, columns).

    The product of two means less this is the mean of the products of different replications, which
    luck does not bias.
    """
    kept, count = usable[:, None, :], usable.sum(axis=1)[:, None]
    apart_a = np.where(kept, a - _mean(a, usable)[:, :, None], 0.0)
    apart_b = np.where(kept, b - _mean(b, usable)[:, :, None], 0.0)
    return (apart_a * apart_b).sum(axis=2) / (count - 1) / count


def _without_shared_luck(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The outcomes less what a replication adds to all of them, (units, columns, replications).

    Where every run is there this changes no mean over replications apart from a constant; where
    some are not, it keeps a unit from looking better for want of an unlucky replication.
    """
    there = usable.astype(np.float64)
    outcome = np.where(usable, values.mean(axis=1), 0.0)
    # Least squares of unit + replication; the units are solved for first.
    own = there / there.sum(axis=1, keepdims=True)
    apart = np.where(usable, outcome - (own * outcome).sum(axis=1, keepdims=True), 0.0)
    matrix = np.diag(there.sum(axis=0)) - there.T @ own
    return values - np.linalg.lstsq(matrix, apart.sum(axis=0), rcond=None)[0]


@dataclass(frozen=True, eq=False)
class MorrisEffects:
    """Elementary effects (Morris 1991) and the mean of their sizes (Campolongo et al. 2007).

    outcomes : float64 (trajectories, D + 1, replications). moves : float64 (trajectories, D, D),
    by how much of its range a factor moves at each step, 0 where it does not.
    """

    outcomes: np.ndarray
    moves: np.ndarray

    def __call__(self, usable: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        """mu_star, mu, sigma; luck, mu_star of luck alone; square, the mean square without luck."""
        step = np.argmax(self.moves != 0, axis=1)
        move = np.take_along_axis(self.moves, step[:, None, :], axis=1)[:, 0]
        change = np.take_along_axis(np.diff(self.outcomes, axis=1), step[:, :, None], axis=1)
        effect, noise = _over_luck(change / move[:, :, None], usable)
        weights = weights / weights.sum(axis=1, keepdims=True)
        mu, count = weights @ effect, len(effect)
        variance = np.maximum(weights @ effect**2 - mu**2, 0.0)
        return {
            "mu_star": weights @ np.abs(effect),
            "mu": mu,
            "sigma": np.sqrt(variance * count / (count - 1)),
            "luck": weights @ np.sqrt(2 / math.pi * noise),
            "square": weights @ (effect**2 - noise),
        }


@dataclass(frozen=True, eq=False)
class SobolVariances:
    """First-order and total indices of the expected outcome, free of the bias of luck.

    S1 = mean(B (AB_j - A)) / V (Saltelli et al. 2010), ST = mean((A - AB_j)^2) / 2 V (Jansen 1999),
    V the variance over A and B. From every product and square of means over replications the part
    that luck gives it is taken out. outcomes : float64 (rows, D + 2, replications), the columns A,
    AB_1 to AB_D, B.
    """

    outcomes: np.ndarray

    def __call__(self, usable: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        """S1 and ST; nan where the expected outcome does not vary beyond luck."""
        values = _without_shared_luck(self.outcomes, usable)
        values = values - np.where(usable[:, None, :], values, 0.0).sum() / (
            usable.sum() * values.shape[1]
        )
        first, mixed, last = values[:, :1], values[:, 1:-1], values[:, -1:]
        shift, shift_noise = _over_luck(mixed - first, usable)
        products = _mean(last, usable) * shift
        products -= _covariance_of_means(np.broadcast_to(last, mixed.shape), mixed - first, usable)
        ends, ends_noise = _over_luck(np.concatenate([first, last], axis=1), usable)
        weights = weights / weights.sum(axis=1, keepdims=True)
        squares = (ends**2 - ends_noise).mean(axis=1, keepdims=True)
        variance = weights @ squares - (weights @ ends.mean(axis=1, keepdims=True)) ** 2
        # What rounding leaves of equal outcomes is no variance.
        size = np.where(usable[:, None, :], self.outcomes, 0.0) ** 2
        variance = np.where(variance > _ROUNDING * size.max(), variance, np.nan)
        return {
            "S1": weights @ products / variance,
            "ST": weights @ (shift**2 - shift_noise) / (2 * variance),
        }


@dataclass(frozen=True, eq=False)
class PawnDistances:
    """Distances between the distribution of the outcome in slices of a factor and that of all.

    Kolmogorov and Smirnov's distance of the distributions of the means over replications (Pianosi
    and Wagener 2015, 2018). outcomes : float64 (settings, replications). slices : int64 (settings,
    D).
    """

    outcomes: np.ndarray
    slices: np.ndarray

    def _means(self, usable: np.ndarray) -> np.ndarray:
        values = _without_shared_luck(self.outcomes[:, None, :], usable)
        return _mean(values, usable)[:, 0]

    def __call__(self, usable: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The median and the maximum of the distances over the slices."""
        means = self._means(usable)
        order = np.argsort(means, kind="stable")
        ends = _ends_of_ties(means[order])
        distances = [
            _distances(weights[:, order], column[order][None, :], int(column.max()) + 1, ends)
            for column in self.slices.T
        ]
        return {
            "median": np.stack([np.nanmedian(one, axis=1) for one in distances], axis=1),
            "maximum": np.stack([np.nanmax(one, axis=1) for one in distances], axis=1),
        }

    def chance(self, level: float, seed: int) -> np.ndarray:
        """The maximum that a factor without effect stays below at this level, float64 (D,).

        From permutations of the settings over the slices.
        """
        means = self._means(np.isfinite(self.outcomes))
        ends = _ends_of_ties(np.sort(means))
        weights = np.ones((1, means.size))
        found: dict[tuple[int, ...], float] = {}
        columns = []
        for column in self.slices.T:
            sizes = tuple(np.bincount(column).tolist())
            if sizes not in found:
                orders = permutations(seed, PERMUTATIONS, means.size)
                distances = _distances(weights, column[orders], len(sizes), ends)
                found[sizes] = float(np.quantile(np.nanmax(distances, axis=1), level))
            columns.append(found[sizes])
        return np.array(columns)


def _ends_of_ties(values: np.ndarray) -> np.ndarray:
    """Where sorted values end a run of equal ones: only there a distribution has its height."""
    return np.append(values[1:] != values[:-1], True)


def _distances(weights: np.ndarray, slices: np.ndarray, count: int, ends: np.ndarray) -> np.ndarray:
    """Largest distance of each slice's distribution from that of all, float64 (resamples, count).

    weights, slices : (resamples or 1, settings) in the order of the outcome. nan for an empty one.
    """
    overall = np.cumsum(weights, axis=1)
    overall = (overall / overall[:, -1:])[:, ends]
    columns = []
    for number in range(count):
        inside = np.cumsum(np.where(slices == number, weights, 0.0), axis=1)
        total = inside[:, -1:]
        share = inside[:, ends] / np.where(total > 0, total, np.nan)
        columns.append(np.abs(share - overall).max(axis=1))
    return np.stack(columns, axis=1)
