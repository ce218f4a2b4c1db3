"""PRIM: a box of the factors in which cases are frequent (Friedman and Fisher 1999).

A box is cut out by peeling: again and again the slice is taken off that raises the share of cases
in the box most per point given up. Slices are thin, so that a wrong one does little harm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

PEEL = 0.05
"""Share of the points in the box that a slice takes off at most, if values are not tied."""

_FEWEST_POINTS = 5


@dataclass(frozen=True)
class Side:
    """The restriction of one factor: a range of its numbers, or the categories that are left.

    low, high : ends, both inside; infinite where open. allowed : categories by number, None for a
    factor of numbers.
    """

    low: float = -np.inf
    high: float = np.inf
    allowed: frozenset[int] | None = None

    def holds(self, column: np.ndarray) -> np.ndarray:
        """Which points are inside, bool (points,)."""
        if self.allowed is not None:
            return np.isin(column, sorted(self.allowed))
        return (column >= self.low) & (column <= self.high)


Box = dict[int, Side]
"""The restricted factors by their column."""


def inside(box: Box, points: np.ndarray) -> np.ndarray:
    """Which points are in the box, bool (points,)."""
    found = np.ones(len(points), dtype=bool)
    for column, side in box.items():
        found &= side.holds(points[:, column])
    return found


def evidence(box_points: np.ndarray, box_cases: np.ndarray, points: int, cases: int) -> np.ndarray:
    """How much better two shares of cases, in and outside a box, explain the cases than one.

    Log-likelihood ratio (Kulldorff 1997); 0 where cases are no more frequent inside. box_points,
    box_cases : of each box how many, whole numbers of any one shape.
    """
    likelihoods = (
        _likelihood(box_cases, box_points)
        + _likelihood(cases - box_cases, points - box_points)
        - _likelihood(np.asarray(cases), np.asarray(points))
    )
    return np.where(box_cases * points > cases * box_points, likelihoods, 0.0)


def _likelihood(hits: np.ndarray, size: np.ndarray) -> np.ndarray:
    share = hits / np.maximum(size, 1)
    return special.xlogy(hits, share) + special.xlogy(size - hits, 1 - share)


def _held_evidence(held: np.ndarray, cases: np.ndarray) -> float:
    hits = np.asarray((cases & held).sum())
    return float(evidence(np.asarray(held.sum()), hits, cases.size, int(cases.sum())))


def score(box: Box, points: np.ndarray, cases: np.ndarray) -> float:
    """The :func:`evidence` of a box less what its ends cost: log(points) each; 0 without any.

    The price of two parameters, which factor and where, by Schwarz's criterion (1978). It keeps
    rules short; whether a rule is more than chance is for a permutation to say.
    """
    cost = math.log(len(points)) * sum(_ends(side) for side in box.values())
    return _held_evidence(inside(box, points), cases) - cost


def _ends(side: Side) -> int:
    if side.allowed is not None:
        return 1
    return int(math.isfinite(side.low)) + int(math.isfinite(side.high))


def find_box(points: np.ndarray, cases: np.ndarray, categories: Sequence[int]) -> Box:
    """The box with the best :func:`score` that peeling and its review come to.

    points : float64 (points, factors), categories by number. cases : bool (points,). categories :
    of each factor how many, 0 for a factor of numbers.

    The box with the strongest evidence on the way of peeling is reviewed: ends that are not worth
    their price are given up, and the others moved where that adds evidence (pasting). Empty where
    no box is better than none.
    """
    best, most = Box(), 0.0
    for box in _peelings(points, cases, categories):
        found = _held_evidence(inside(box, points), cases)
        if found > most:
            best, most = box, found
    while best:
        shorter = max(_shorter(best), key=lambda box: score(box, points, cases))
        shorter = _pasted(shorter, points, cases)
        if score(shorter, points, cases) < score(best, points, cases):
            break
        best = shorter
    return _pasted(best, points, cases)


def _shorter(box: Box) -> Iterator[Box]:
    """The box without one of its ends, or without the restriction of a category."""
    for column, side in box.items():
        others = {one: each for one, each in box.items() if one != column}
        if _ends(side) == 1:
            yield others
            continue
        yield others | {column: replace(side, low=-np.inf)}
        yield others | {column: replace(side, high=np.inf)}


def _peelings(points: np.ndarray, cases: np.ndarray, categories: Sequence[int]) -> Iterator[Box]:
    """Ever smaller boxes, until one holds only cases or next to nothing."""
    box: Box = {}
    held = np.ones(len(points), dtype=bool)
    fewest = max(_FEWEST_POINTS, round(PEEL * len(points)))
    while not cases[held].all():
        density, size = cases[held].mean(), int(held.sum())
        best, most = None, 0.0
        for column, count in enumerate(categories):
            values = points[held, column]
            for side in _cuts(box.get(column), values, count):
                kept = side.holds(values)
                left = int(kept.sum())
                if not fewest <= left < size:
                    continue
                gain = (cases[held][kept].mean() - density) / (size - left)
                if gain > most:
                    best, most = (column, side), gain
        if best is None:
            return
        box = box | {best[0]: best[1]}
        held = inside(box, points)
        yield box


def _cuts(side: Side | None, values: np.ndarray, categories: int) -> Iterator[Side]:
    """The slices that can be taken off a factor: a low one, a high one, or a category."""
    side = side or Side(allowed=frozenset(range(categories)) if categories else None)
    if side.allowed is not None:
        for one in sorted(side.allowed):
            yield replace(side, allowed=side.allowed - {one})
        return
    ordered = np.sort(values)
    slice_size = max(1, int(PEEL * ordered.size))
    above = ordered[ordered > ordered[slice_size - 1]]
    below = ordered[ordered < ordered[-slice_size]]
    if above.size:
        yield replace(side, low=float(above[0]))
    if below.size:
        yield replace(side, high=float(below[-1]))


def quasi_p(box: Box, column: int, points: np.ndarray, cases: np.ndarray) -> float:
    """Chance of so many cases in the box, were the restriction of ``column`` without meaning.

    Binomial, with the share of cases in the box without that restriction (Bryant and Lempert
    2010). It does not know that the restriction was searched for.
    """
    held = inside(box, points)
    wider = inside({one: side for one, side in box.items() if one != column}, points)
    hits, size = int(cases[held].sum()), int(held.sum())
    return float(special.bdtrc(hits - 1, size, cases[wider].mean())) if hits else 1.0


def _pasted(box: Box, points: np.ndarray, cases: np.ndarray) -> Box:
    """The box with each end where it adds most evidence, one after the other until none does."""
    found = _held_evidence(inside(box, points), cases)
    while True:
        best, most = None, found + 1e-9
        for column in box:
            others = inside({one: side for one, side in box.items() if one != column}, points)
            for side, evident in _moved(box[column], points[:, column], others, cases):
                if evident > most:
                    best, most = (column, side), evident
        if best is None:
            return box
        box, found = box | {best[0]: best[1]}, most


def _moved(
    side: Side, column: np.ndarray, others: np.ndarray, cases: np.ndarray
) -> Iterator[tuple[Side, float]]:
    """The restriction with an end at its best place, or a category more, and the evidence then.

    others : which points all other restrictions hold, bool (points,).
    """
    if side.allowed is not None:
        for one in sorted(set(column[others].astype(int).tolist()) - side.allowed):
            wider = replace(side, allowed=side.allowed | {one})
            yield wider, _held_evidence(others & wider.holds(column), cases)
        return
    if math.isfinite(side.low):
        below = others & (column <= side.high)
        low, evident = _best_end(-column[below], cases[below], cases)
        yield replace(side, low=-low), evident
    if math.isfinite(side.high):
        above = others & (column >= side.low)
        high, evident = _best_end(column[above], cases[above], cases)
        yield replace(side, high=high), evident


def _best_end(values: np.ndarray, hits: np.ndarray, cases: np.ndarray) -> tuple[float, float]:
    """The upper end of a range of ``values`` with the most evidence, and how much that is."""
    order = np.argsort(values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), values.size - 1)
    found = evidence(ends + 1, np.cumsum(hits[order])[ends], cases.size, int(cases.sum()))
    best = int(np.argmax(found))
    return float(values[order][ends[best]]), float(found[best])
