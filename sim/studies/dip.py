"""Hartigan's dip: how far a sample is from every distribution with one peak."""

from __future__ import annotations

import numpy as np

from sim._jit import kernel


@kernel
def dip(ordered):
    """Hartigan's dip of an ordered sample, float64 (n,) with n >= 2: between 1 / 2n and 1/4.

    The largest distance between the distribution function of the sample and the nearest one that
    is convex up to a mode and concave beyond it (Hartigan 1985, algorithm AS 217): the greatest
    convex minorant and the least concave majorant are compared within an interval about the mode
    that shrinks until they are closer than what lies outside it.
    """
    n = ordered.size
    minorant = _hull(ordered)
    majorant = _hull(-ordered[::-1])
    majorant = n - 1 - majorant[::-1]
    low, high, deepest = 0, n - 1, 1.0
    left, right = np.empty(n, np.int64), np.empty(n, np.int64)
    while True:
        lefts = _touching(minorant, high, low, left)
        rights = _touching(majorant, low, high, right)
        apart, at_left, at_right = _farthest(ordered, left, lefts, right, rights)
        if apart < deepest:
            break
        for k in range(at_left, lefts - 1):
            deepest = max(deepest, _bulge(ordered, left[k + 1], left[k], True))
        for k in range(at_right, rights - 1):
            deepest = max(deepest, _bulge(ordered, right[k], right[k + 1], False))
        if low == left[at_left] and high == right[at_right]:
            break
        low, high = left[at_left], right[at_right]
    return deepest / (2 * n)


@kernel
def _hull(ordered):
    """For each point the one before it on the convex minorant up to there, int64 (n,)."""
    n = ordered.size
    before = np.zeros(n, np.int64)
    for j in range(1, n):
        before[j] = j - 1
        while True:
            k = before[j]
            i = before[k]
            if k == 0:
                break
            if (ordered[j] - ordered[k]) * (k - i) < (ordered[k] - ordered[i]) * (j - k):
                break
            before[j] = i
    return before


@kernel
def _touching(following, start, end, places):
    """Fill ``places`` with the points of a hull from ``start`` to ``end``; how many there are."""
    places[0] = start
    count = 1
    while places[count - 1] != end:
        places[count] = following[places[count - 1]]
        count += 1
    return count


@kernel
def _farthest(x, left, lefts, right, rights):
    """Largest distance between the hulls in an interval, and where each stops to matter."""
    at_left, at_right = lefts - 1, rights - 1
    if lefts == 2 and rights == 2:
        return 1.0, at_left, at_right
    largest = 0.0
    i, j = lefts - 2, 1
    while True:
        a, b = left[i], right[j]
        if a > b:
            c = left[i + 1]
            apart = (b - c + 1) - (x[b] - x[c]) * (a - c) / (x[a] - x[c])
            j += 1
            if apart >= largest:
                largest, at_left, at_right = apart, i + 1, j - 1
        else:
            c = right[j - 1]
            apart = (x[a] - x[c]) * (b - c) / (x[b] - x[c]) - (a - c - 1)
            i -= 1
            if apart >= largest:
                largest, at_left, at_right = apart, i + 1, j
        i, j = max(i, 0), min(j, rights - 1)
        if left[i] == right[j]:
            break
    return largest, at_left, at_right


@kernel
def _bulge(x, first, last, above):
    """How far the sample lies above (below) the straight part of a hull between two points."""
    largest = 1.0
    if last - first <= 1 or x[last] == x[first]:
        return largest
    slope = (last - first) / (x[last] - x[first])
    for k in range(first, last + 1):
        line = (x[k] - x[first]) * slope
        away = (k - first + 1) - line if above else line - (k - first - 1)
        largest = max(largest, away)
    return largest
