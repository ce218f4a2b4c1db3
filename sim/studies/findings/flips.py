"""Flip values: how far an assumption may move before another candidate is the better one.

The difference between two candidates, world by world, is fitted to the assumptions that vary over
the worlds: as a sum of straight lines, of parabolas, or of parabolas with products of two
assumptions, each assumption on its own scale, whichever predicts worlds that it has not seen best
(prediction sum of squares, Allen 1974). With all other assumptions as the scenario has them, the
fit is then followed along one assumption, inside the range that was sampled and never beyond it;
where it crosses zero the answer flips.

Intervals are of a bootstrap that draws worlds and replications both with replacement and fits
again (two-way bootstrap, Owen 2007). In 300 simulated studies of 25 worlds and 6 replications those
of 95 % held the truth in 93 %.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import special

from sim.randomness import Decision, derive_seed
from sim.studies.resampling import bootstrap_weights
from sim.studies.sweeps.factors import Factor

RESAMPLES = 400
STEPS = 200
LEAST_PREDICTED = 0.5
"""Share of the differences between worlds from which a fit is good enough to be followed."""

RARE = 0.05
"""Share of resamples with a crossing up to which it is called none."""

Shape = Literal["lines", "curves", "curves and products"]
Status = Literal["flips", "none", "unclear"]
_SHAPES: tuple[Shape, ...] = ("lines", "curves", "curves and products")
_WORLDS_PER_TERM = {"lines": 2.0, "curves": 2.0, "curves and products": 1.5}


class Turn(NamedTuple):
    """A value at which the answer flips, with its 95 % interval; None where an end is open.

    share : of resamples in which it flips on this side, inside the range.
    """

    value: float
    low: float | None
    high: float | None
    share: float


@dataclass(frozen=True)
class Flip:
    """What moving one assumption alone does to a lead.

    written : its value in the scenario, None where it is not set; low, high : the range sampled,
    nan for categories. below, above : the nearest values on each side at which the lead is gone.
    lost : categories under which it is. change : the lead at the upper end less that at the
    lower, or the largest less the smallest over categories.
    """

    factor: Factor
    written: Any
    low: float
    high: float
    status: Status
    below: Turn | None
    above: Turn | None
    lost: tuple[Any, ...]
    change: float

    @property
    def turns(self) -> tuple[tuple[str, Turn], ...]:
        """The turns there are, as ("below" or "above", turn)."""
        sides = ("below", self.below), ("above", self.above)
        return tuple((side, turn) for side, turn in sides if turn is not None)


@dataclass(frozen=True)
class FlipStudy:
    """What would flip the lead of one candidate over another.

    leader, rival : their names. written : the lead with all assumptions as written, by the fit,
    with its 95 % interval. shape : of the fit, None where there are too few worlds for any.
    predicted : share of the differences between worlds that the fit predicts of worlds kept back
    (1 - PRESS / total sum of squares), worlds : how many there are. fewest : how many it takes.
    flips : of each assumption, those that flip first.
    """

    leader: str
    rival: str
    written: tuple[float, float, float]
    shape: Shape | None
    predicted: float
    worlds: int
    fewest: int
    flips: tuple[Flip, ...]

    @property
    def is_sound(self) -> bool:
        """Whether the fit may be relied on."""
        return self.shape is not None and self.predicted >= LEAST_PREDICTED

    @property
    def is_clear(self) -> bool:
        """Whether it is sure who is ahead as written: else there is nothing to flip."""
        _, low, high = self.written
        return low > 0 or high < 0


class _Axis:
    """A factor as columns of the fit: its scale from -1 to 1, or a column per category."""

    def __init__(self, factor: Factor, column: Sequence[Any], written: Any) -> None:
        self.factor = factor
        self.written = written
        numbers = [_number(value) for value in column]
        self.is_numeric = all(math.isfinite(number) for number in numbers)
        if self.is_numeric:
            self._to, self._back = _scale(factor)
            scaled = np.array([self._to(number) for number in numbers])
            self.low, self.high = float(scaled.min()), float(scaled.max())
            if factor.low is not None and factor.high is not None:
                self.low, self.high = float(self._to(factor.low)), float(self._to(factor.high))
            self.points = self._place(scaled)[:, None]
        else:
            self.categories = list(dict.fromkeys(map(_key, column)))
            self.names = {_key(value): value for value in column}
            self.low = self.high = math.nan
            self.points = np.array([self.category(value) for value in column])

    def _place(self, scaled: np.ndarray) -> np.ndarray:
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return (scaled - middle) / half if half > 0 else np.zeros_like(scaled)

    def category(self, value: Any) -> np.ndarray:
        """Indicators of all categories but the first."""
        return np.array([float(_key(value) == one) for one in self.categories[1:]])

    def value(self, place: float) -> float:
        """The value of the factor at a place from -1 to 1."""
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return float(self._back(middle + place * half))

    def as_written(self) -> np.ndarray:
        """The written value in columns, moved into the range; the middle where it is not set."""
        if not self.is_numeric:
            known = _key(self.written) in self.categories
            return self.category(self.written if known else self.names[self.categories[0]])
        number = _number(self.written)
        if not math.isfinite(number):
            return np.zeros(1)
        ends = self.value(-1.0), self.value(1.0)
        inside = min(max(number, ends[0]), ends[1])
        return self._place(np.array([self._to(inside)]))


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return float(value) if is_number and value is not None else math.nan


def _key(value: Any) -> str:
    is_missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "None" if is_missing else str(value)


def _scale(factor: Factor) -> tuple[Any, Any]:
    if factor.scale == "log":
        return math.log, math.exp
    if factor.scale == "odds":
        return special.logit, special.expit
    return float, float


def find_flips(
    factors: Sequence[Factor],
    columns: Sequence[Sequence[Any]],
    written: Sequence[Any],
    lead: np.ndarray,
    *,
    leader: str,
    rival: str,
    seed: int,
) -> FlipStudy:
    """What each assumption would have to be for ``leader`` to lose its lead over ``rival``.

    factors : that vary over the worlds. columns : of each, its value in every world. written : of
    each, its value in the scenario. lead : of the leader, better is more, float64 (worlds,
    replications) without gaps; at least one replication.
    """
    axes = [
        _Axis(factor, column, value)
        for factor, column, value in zip(factors, columns, written, strict=True)
    ]
    means = lead.mean(axis=1)
    shape, predicted = _best_shape(axes, means)
    fewest = math.ceil(_WORLDS_PER_TERM["lines"] * _size(axes, "lines")) + 1
    none = math.nan, math.nan, math.nan
    if shape is None:
        return FlipStudy(leader, rival, none, None, math.nan, means.size, fewest, ())
    fits = _fits(axes, shape, lead, seed)
    at_written = _along(axes, None, shape, fits)[:, 0]
    low, high = np.quantile(at_written[1:], [0.025, 0.975])
    flips = [_flip(axes, place, shape, fits) for place in range(len(axes))]
    base = float(at_written[0]), float(low), float(high)
    return FlipStudy(
        leader, rival, base, shape, predicted, means.size, fewest, tuple(sorted(flips, key=_order))
    )


def _order(flip: Flip) -> tuple[int, float]:
    """What flips first comes first: by how likely, then by how much the assumption moves."""
    rank = {"flips": 0, "unclear": 1, "none": 2}[flip.status]
    return rank, -abs(flip.change)


# ------------------------------------------------------------------------------------- the fit


def _terms(points: Sequence[np.ndarray], axes: Sequence[_Axis], shape: Shape) -> np.ndarray:
    """Columns of the fit, float64 (rows, terms). points : of each axis, its columns (rows, c)."""
    columns = [np.ones((points[0].shape[0], 1)), *points]
    if shape != "lines":
        columns += [
            one**2
            for one, axis in zip(points, axes, strict=True)
            if axis.is_numeric and np.unique(axis.points).size > 2
        ]
    if shape == "curves and products":
        columns += [
            (one[:, :, None] * other[:, None, :]).reshape(one.shape[0], -1)
            for one, other in itertools.combinations(points, 2)
        ]
    return np.hstack(columns)


def _size(axes: Sequence[_Axis], shape: Shape) -> int:
    return _terms([axis.points[:1] for axis in axes], axes, shape).shape[1]


def _best_shape(axes: Sequence[_Axis], means: np.ndarray) -> tuple[Shape | None, float]:
    """The shape that predicts worlds kept back best, and the share of their spread it predicts."""
    best: tuple[Shape | None, float] = None, -math.inf
    spread = float(((means - means.mean()) ** 2).sum())
    for shape in _SHAPES:
        if means.size <= _WORLDS_PER_TERM[shape] * _size(axes, shape):
            continue
        terms = _terms([axis.points for axis in axes], axes, shape)
        # The prediction of a world from all others follows from one fit by its leverage.
        hat = terms @ np.linalg.pinv(terms)
        leverage = np.clip(np.diag(hat), 0.0, 1.0 - 1e-9)
        apart = (means - hat @ means) / (1.0 - leverage)
        predicted = 1.0 - float((apart**2).sum()) / spread if spread > 0 else 1.0
        if predicted > best[1]:
            best = shape, predicted
    return best


def _fits(axes: Sequence[_Axis], shape: Shape, lead: np.ndarray, seed: int) -> np.ndarray:
    """Coefficients of the fit to all runs, then of resamples, float64 (1 + RESAMPLES, terms)."""
    terms = _terms([axis.points for axis in axes], axes, shape)
    own = derive_seed(seed, int(Decision.RESAMPLE))
    worlds = bootstrap_weights(derive_seed(own, 0), RESAMPLES, lead.shape[0])
    luck = bootstrap_weights(derive_seed(own, 1), RESAMPLES, lead.shape[1])
    fits = [np.linalg.lstsq(terms, lead.mean(axis=1), rcond=None)[0]]
    for of_worlds, of_luck in zip(worlds, luck, strict=True):
        roots = np.sqrt(of_worlds)
        means = lead @ of_luck / of_luck.sum()
        fits.append(np.linalg.lstsq(roots[:, None] * terms, roots * means, rcond=None)[0])
    return np.array(fits)


def _along(axes: Sequence[_Axis], moved: int | None, shape: Shape, fits: np.ndarray) -> np.ndarray:
    """The lead along one axis, the others as written, float64 (fits, steps)."""
    steps = np.zeros((1, 1)) if moved is None else _steps(axes[moved])
    points = [
        steps if place == moved else np.repeat(axis.as_written()[None, :], len(steps), axis=0)
        for place, axis in enumerate(axes)
    ]
    return np.asarray(fits @ _terms(points, axes, shape).T)


def _steps(axis: _Axis) -> np.ndarray:
    if axis.is_numeric:
        return np.linspace(-1.0, 1.0, STEPS + 1)[:, None]
    return np.array([axis.category(axis.names[one]) for one in axis.categories])


# ------------------------------------------------------------------------------------ the flips


def _flip(axes: Sequence[_Axis], place: int, shape: Shape, fits: np.ndarray) -> Flip:
    axis = axes[place]
    leads = _along(axes, place, shape, fits)
    first = leads[0]
    if not axis.is_numeric:
        lost = tuple(
            axis.names[one] for one, lead in zip(axis.categories, first, strict=True) if lead <= 0
        )
        sometimes = float((leads[1:] <= 0).any(axis=1).mean())
        status: Status = "flips" if lost else "none" if sometimes <= RARE else "unclear"
        change = float(first.max() - first.min())
        return Flip(axis.factor, axis.written, math.nan, math.nan, status, None, None, lost, change)
    start = float(axis.as_written()[0])
    below, share_below = _turn(axis, leads, start, up=False)
    above, share_above = _turn(axis, leads, start, up=True)
    found = below is not None or above is not None
    rare = max(share_below, share_above) <= RARE
    return Flip(
        factor=axis.factor,
        written=axis.written,
        low=axis.value(-1.0),
        high=axis.value(1.0),
        status="flips" if found else "none" if rare else "unclear",
        below=below,
        above=above,
        lost=(),
        change=float(first[-1] - first[0]),
    )


def _turn(axis: _Axis, leads: np.ndarray, start: float, *, up: bool) -> tuple[Turn | None, float]:
    """The nearest value on one side at which the lead is gone, and how many resamples have one."""
    crossings = np.array([_crossing(lead, start, up) for lead in leads])
    there = np.isfinite(crossings[1:])
    share = float(there.mean())
    if not math.isfinite(crossings[0]):
        return None, share
    # A resample without a crossing has it beyond the end.
    beyond = np.sort(np.where(there, crossings[1:], math.inf if up else -math.inf))
    tail = round(0.025 * RESAMPLES)
    ends = float(beyond[tail]), float(beyond[-1 - tail])
    low, high = (axis.value(end) if math.isfinite(end) else None for end in ends)
    return Turn(axis.value(crossings[0]), low, high, share), share


def _crossing(lead: np.ndarray, start: float, up: bool) -> float:
    """The place nearest to ``start`` on one side at which the sign of the lead changes."""
    steps = np.linspace(-1.0, 1.0, lead.size)
    changes = np.flatnonzero((lead[:-1] > 0) != (lead[1:] > 0))
    weights = lead[changes] / (lead[changes] - lead[changes + 1])
    roots = steps[changes] + weights * (steps[changes + 1] - steps[changes])
    roots = roots[roots > start] if up else roots[roots <= start]
    if roots.size == 0:
        return math.nan
    return float(roots.min() if up else roots.max())
