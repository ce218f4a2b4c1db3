"""Which policies can be told apart when all of them are compared with each other.

Ten policies have 45 differences, and at 95 % each two or three of them look real by chance. Here
all of them hold together: the chance that any policy is called better than one it is no better
than is 5 %.

The differences are tested together, the clearest first, and what is left is tested again at the
lower bar that fewer differences need (step-down, Romano and Wolf 2005). The bar is the 95 %
quantile of the largest |t| among the differences left, drawn from normal runs with the covariance
of the runs at hand, so that it knows how much luck the policies share; it is never above that of
Bonferroni and Holm. Of two policies it is Student's. Ranks follow as in Mogstad, Romano, Shaikh and
Wilhelm (2024): a policy ranks behind all that are better for sure, and before all that are worse.

:func:`gains` and :func:`gains_beyond` have the same for the differences from a baseline alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import special

from sim.studies.resampling import uniform_rows
from sim.studies.statistics import (
    DRAWS,
    LEVEL,
    Interval,
    covariance_root,
    mean_interval,
    paired_difference,
)
from sim.studies.wording import DASH, policy_text

MOST_DRAWN = 500_000
"""Differences times the square of the rank of the runs, up to which the bar of all gains is drawn
(ten seconds, 0.4 GB); beyond, it is that of Bonferroni."""


class Place(NamedTuple):
    """The places a policy may have, both included, and its mean."""

    best: int
    worst: int
    mean: float


@dataclass(frozen=True, eq=False)
class Standings:
    """Policies by their means, and which of them are better than which for sure.

    names : (P,), as given. values : float64 (n, P), the runs compared. better : bool (P, P),
    whether the policy of the row is better than that of the column, all together at :data:`LEVEL`.
    bars : float64 (P, P), the |t| that each difference was held against, 0 where it is the same in
    every run. widest : the |t| above which a difference is real when all are looked at in one step.
    sign : -1 where lower is better, else 1.
    """

    names: tuple[str, ...]
    values: np.ndarray
    better: np.ndarray
    bars: np.ndarray
    widest: float
    sign: int

    def is_better(self, one: str, other: str) -> bool:
        """Whether ``one`` is better than ``other`` for sure."""
        return bool(self.better[self.names.index(one), self.names.index(other)])

    def interval(self, one: str, other: str) -> Interval:
        """The mean of ``one`` less that of ``other``; all such intervals hold together."""
        return self._interval(one, other, self.widest)

    def judged(self, one: str, other: str) -> Interval:
        """The same difference with the width at which it was judged; it leaves out 0 if decided.

        Narrower than :meth:`interval` where clearer differences were settled before.
        """
        bar = self.bars[self.names.index(one), self.names.index(other)]
        return self._interval(one, other, float(bar))

    def _interval(self, one: str, other: str, bar: float) -> Interval:
        first, second = self.names.index(one), self.names.index(other)
        return _widened(mean_interval(self.values[:, first] - self.values[:, second]), bar)

    @cached_property
    def places(self) -> dict[str, Place]:
        """Places of the policies, from the best mean down; ties in the order given."""
        means = self.values.mean(axis=0) if len(self.values) else np.full(len(self.names), np.nan)
        ahead = self.better.sum(axis=0)
        behind = self.better.sum(axis=1)
        order = sorted(range(len(self.names)), key=lambda place: -self.sign * means[place])
        return {
            self.names[place]: Place(
                1 + int(ahead[place]),
                len(self.names) - int(behind[place]),
                float(means[place]),
            )
            for place in order
        }

    @property
    def line(self) -> str:
        """The ranking in a line: "1 a; 2-3 b, c (cannot be told apart); 4 no reward"."""
        groups: list[tuple[Place, list[str]]] = []
        for name, place in self.places.items():
            if groups and groups[-1][0][:2] == place[:2]:
                groups[-1][1].append(name)
            else:
                groups.append((place, [name]))
        return "; ".join(self._told(place, names) for place, names in groups)

    def _told(self, place: Place, names: list[str]) -> str:
        places = str(place.best)
        if place.worst > place.best:
            places += f"{DASH}{place.worst}"
        apart = any(self.is_better(one, other) for one in names for other in names)
        alike = len(names) > 1 and not apart
        texts = ", ".join(map(policy_text, names))
        return f"{places} {texts}" + (" (cannot be told apart)" if alike else "")


def standings(
    values: Mapping[str, np.ndarray], seed: int, lower_is_better: bool = False
) -> Standings:
    """Compare all policies with each other.

    values : outcomes of each policy, (n,), of the same replications; one in which any policy has
    none is left out for all. Nothing is told apart by fewer than two. The answer is a function of
    (values, seed).
    """
    names = tuple(values)
    table = np.column_stack([np.asarray(values[name], np.float64) for name in names])
    table = table[np.isfinite(table).all(axis=1)]
    sign = -1 if lower_is_better else 1
    count = len(names)
    bars, better = np.zeros((count, count)), np.zeros((count, count), bool)
    if len(table) < 2:
        return Standings(names, table, better, bars + math.inf, math.inf, sign)
    one, other = np.triu_indices(count, k=1)
    differences = [mean_interval(apart) for apart in (table[:, one] - table[:, other]).T]
    means = sign * np.array([found.mean for found in differences])
    errors = np.array([found.sd for found in differences]) / math.sqrt(len(table))
    vary = errors > 0
    # A difference that is the same in every run needs no test.
    decided = ~vary & (means != 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        sizes = np.where(vary, np.abs(means) / errors, 0.0)
    heights = _Bars(table, one[vary], other[vary], seed)
    bars_of_pairs = np.zeros(means.size)
    told, steps = _step_down(sizes[vary], heights)
    decided[vary], bars_of_pairs[vary] = told, steps
    better[one, other] = decided & (means > 0)
    better[other, one] = decided & (means < 0)
    bars[one, other] = bars[other, one] = bars_of_pairs
    widest = heights.of(np.ones(int(vary.sum()), bool)) if vary.any() else 0.0
    return Standings(names, table, better, bars, widest, sign)


def gains(values: np.ndarray, baselines: np.ndarray, seed: int) -> list[Interval]:
    """Each policy less its baseline, run by run, with intervals that all hold together.

    So whichever policy is picked by these runs, its interval holds: one for a single comparison
    would leave out the truth too often, since the best of many was lucky (the winner's curse). Of
    one policy the interval is Student's.

    values : float64 (P, n), every one a number. baselines : int64 (P,), the place of the baseline
    of each policy; its own where it is one. The answer is a function of (values, baselines, seed).
    """
    found = [
        paired_difference(row, values[place]) for row, place in zip(values, baselines, strict=True)
    ]
    vary = np.flatnonzero([one.sd > 0 for one in found])
    if vary.size == 0:
        return found
    degrees = values.shape[1] - 1
    bar = _bonferroni(degrees, vary.size)
    if vary.size > 1 and vary.size * min(degrees, len(values)) ** 2 <= MOST_DRAWN:
        largest = np.zeros(DRAWS)
        for drawn in _drawn(values.T, vary, baselines[vary], seed):
            np.fmax(largest, drawn, out=largest)
        bar = min(bar, float(np.quantile(largest, LEVEL)))
    return [_widened(one, bar) for one in found]


def gains_beyond(values: Mapping[str, np.ndarray], baseline: str, seed: int) -> dict[str, Interval]:
    """:func:`gains` of all policies but ``baseline`` beyond it, by name.

    values : outcomes of each policy, the baseline's among them, (n,), of the same replications;
    one in which any policy has none is left out for all.
    """
    names = list(values)
    table = np.array([np.asarray(values[name], np.float64) for name in names])
    table = table[:, np.isfinite(table).all(axis=0)]
    places = np.full(len(names), names.index(baseline))
    found = dict(zip(names, gains(table, places, seed), strict=True))
    return {name: gain for name, gain in found.items() if name != baseline}


def _widened(found: Interval, bar: float) -> Interval:
    """The interval with the half width of ``bar`` standard errors; as it is without any spread."""
    if not found.sd > 0:
        return found
    half_width = bar * found.sd / math.sqrt(found.replications)
    return found._replace(
        low=found.mean - half_width, high=found.mean + half_width, half_width=half_width
    )


def _bonferroni(degrees: int, differences: int) -> float:
    """The |t| that holds for so many differences, whatever they have in common."""
    return float(special.stdtrit(degrees, 1 - (1 - LEVEL) / (2 * differences)))


def _step_down(sizes: np.ndarray, bars: _Bars) -> tuple[np.ndarray, np.ndarray]:
    """Which differences of |t| ``sizes`` (m,) are real, and the bar each was held against."""
    left = np.ones(sizes.size, bool)
    held_against = np.zeros(sizes.size)
    while left.any():
        bar = bars.of(left)
        held_against[left] = bar
        real = left & (sizes > bar)
        if not real.any():
            break
        left &= ~real
    return ~left, held_against


class _Bars:
    """Quantiles of the largest |t| of sets of differences between equal policies."""

    def __init__(self, table: np.ndarray, one: np.ndarray, other: np.ndarray, seed: int) -> None:
        self._degrees = len(table) - 1
        self._drawn = (
            np.column_stack(list(_drawn(table, one, other, seed))) if one.size > 1 else None
        )

    def of(self, left: np.ndarray) -> float:
        """The bar for the differences ``left``, bool (m,), at least one."""
        bonferroni = _bonferroni(self._degrees, int(left.sum()))
        if self._drawn is None or left.sum() == 1:
            return bonferroni
        return min(bonferroni, float(np.quantile(self._drawn[:, left].max(axis=1), LEVEL)))


def _drawn(
    table: np.ndarray, one: np.ndarray, other: np.ndarray, seed: int
) -> Iterator[np.ndarray]:
    """|t| of one difference after the other in drawn studies of equal policies, float64 (DRAWS,).

    A study of n normal runs is drawn by its means and its covariance, which is a Wishart matrix
    (Bartlett 1933: a triangle of normal numbers with roots of chi-squares on the diagonal).
    """
    root = covariance_root(table)
    size, degrees = root.shape[1], len(table) - 1
    uniforms = uniform_rows(seed, DRAWS, size + size * (size + 1) // 2)
    means = special.ndtri(uniforms[:, :size])
    triangle = np.zeros((DRAWS, size, size))
    rows, columns = np.tril_indices(size)
    below = rows > columns
    triangle[:, rows[below], columns[below]] = special.ndtri(uniforms[:, size:][:, below])
    for place, column in enumerate(np.flatnonzero(~below)):
        chi_square = special.chdtri(degrees - place, uniforms[:, size + column])
        triangle[:, place, place] = np.sqrt(chi_square)
    for contrast in root[one] - root[other]:
        spread = np.linalg.norm(contrast @ triangle, axis=1) / math.sqrt(degrees)
        yield np.abs(means @ contrast) / spread
