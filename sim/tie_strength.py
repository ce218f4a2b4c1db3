"""Tie strength from shared friends: how far the circles of two friends overlap.

Friends in common are counted by triangles, each found once: from the one of the three who has
fewest friends, through ties that lead to people with more. Nobody has many of those, however many
friends he has.
"""

from __future__ import annotations

import numpy as np

from sim._jit import inlined_rule, kernel, prefetch
from sim.plain_rows import plain_rows
from sim.randomness import Decision, uniforms

OVERLAP_CAP = 1_000

_NETWORK = int(Decision.NETWORK)
_AHEAD = 8  # ties between asking for memory and using it


@inlined_rule
def _leads_up(i, j, degree):
    """Whether j has more friends than i, or as many and a higher number; without a branch."""
    return (degree[j] > degree[i]) | ((degree[j] == degree[i]) & (j > i))


@kernel
def _upward_ties(indptr, target, degree):
    """The ties of a symmetric graph that lead up: indptr int64 (N+1,), target int32 (T/2,)."""
    size = degree.size
    up_indptr = np.zeros(size + 1, np.int64)
    up_target = np.empty(target.size // 2 + 1, np.int32)
    filled = 0
    for i in range(size):
        for e in range(indptr[i], indptr[i + 1]):
            up_target[filled] = target[e]
            filled += _leads_up(i, target[e], degree)
        up_indptr[i + 1] = filled
    return up_indptr, up_target[:filled]


@kernel
def _common_friends(up_indptr, up_target):
    """Friends in common of the two ends of every upward tie, int32 (T/2,)."""
    ties = up_target.size
    common = np.zeros(ties + 1, np.int32)  # the last counts nothing
    tie_to = np.full(up_indptr.size - 1, -1, np.int32)
    last = ties - 1
    for i in range(up_indptr.size - 1):
        begin, end = up_indptr[i], up_indptr[i + 1]
        for e in range(begin, end):
            tie_to[up_target[e]] = e
        for e in range(begin, end):
            prefetch(up_indptr, up_target[min(e + 2 * _AHEAD, last)])
            prefetch(up_target, min(up_indptr[up_target[min(e + _AHEAD, last)]], last))
            j = up_target[e]
            found = 0
            for f in range(up_indptr[j], up_indptr[j + 1]):
                # Without a branch: friends of friends are friends too often to be guessed.
                other = tie_to[up_target[f]]
                is_common = other >= begin
                common[f] += is_common
                common[other if is_common else ties] += is_common
                found += is_common
            common[e] += found
    return common[:ties]


@kernel
def _overlap(indptr, target, degree, common):
    """Neighbourhood overlap of every tie of a symmetric graph, float32 (T,).

    Rows are sorted, so that the ties back to i = 0, 1, 2 ... come one after the other in each row.
    """
    size = degree.size
    overlap = np.empty(target.size, np.float32)
    back = indptr[:-1].copy()
    last = target.size - 1
    up = 0
    for i in range(size):
        for e in range(indptr[i], indptr[i + 1]):
            later = target[min(e + 2 * _AHEAD, last)]
            prefetch(degree, later)
            prefetch(back, later)
            prefetch(overlap, min(back[target[min(e + _AHEAD, last)]], last))
            j = target[e]
            if _leads_up(i, j, degree):
                share = _share(common[up], degree[i], degree[j])
                up += 1
                overlap[e] = share
                overlap[back[j]] = share
            back[j] += 1
    return overlap


@inlined_rule
def _share(common, degree_i, degree_j):
    """Friends in common over all friends, for two friends; 1 for two who have only each other."""
    others = degree_i + degree_j - 2 - common
    return common / others if others > 0 else 1.0


@kernel
def _sample_overlap(indptr, target, degree, overlap):
    """Replace the overlap of two people who both have over OVERLAP_CAP friends by an estimate.

    The shorter list is looked through in OVERLAP_CAP equal steps from a start drawn by address,
    which is unbiased.
    """
    marked_by = np.full(degree.size, -1, np.int32)
    for i in range(degree.size):
        if degree[i] <= OVERLAP_CAP:
            continue
        for friend in target[indptr[i] : indptr[i + 1]]:
            marked_by[friend] = i
        for e in range(indptr[i], indptr[i + 1]):
            j = target[e]
            if degree[j] <= OVERLAP_CAP or _leads_up(i, j, degree):
                continue
            row = target[indptr[j] : indptr[j + 1]]
            start, _, _, _ = uniforms(0, _NETWORK, 0, i, j, 0)
            step = degree[j] / OVERLAP_CAP
            count = 0
            for k in range(OVERLAP_CAP):
                count += marked_by[row[int((start + k) * step)]] == i
            share = _share(min(count * step, degree[j] - 1.0), degree[i], degree[j])
            overlap[e] = share
            overlap[indptr[j] + np.searchsorted(row, i)] = share


def _overlap_of(indptr: np.ndarray, target: np.ndarray) -> np.ndarray:
    degree = np.diff(indptr).astype(np.int32)
    common = _common_friends(*_upward_ties(indptr, target, degree))
    overlap = _overlap(indptr, target, degree, common)
    if degree.max() > OVERLAP_CAP:
        _sample_overlap(indptr, target, degree, overlap)
    return overlap


@kernel
def _look_up(indptr, target, wide_indptr, wide_target, wide_value):
    """Values of ties found in a graph that holds them and more, both with sorted rows."""
    value = np.empty(target.size, np.float32)
    for i in range(indptr.size - 1):
        place = wide_indptr[i]
        for e in range(indptr[i], indptr[i + 1]):
            while wide_target[place] != target[e]:
                place += 1
            value[e] = wide_value[place]
    return value


def overlap_strength(indptr: np.ndarray, target: np.ndarray, directed: bool) -> np.ndarray:
    """Tie strength from shared friends, float32 (T,) in [0, 1].

    Square root of the neighbourhood overlap c / (k_i + k_j - 2 - c), c common friends and k numbers
    of friends (Onnela et al., 2007); two people who have only each other get 1. In a directed graph
    friends are people tied either way. Friend lists over 1,000 are sampled.
    """
    if not directed:
        return np.sqrt(_overlap_of(indptr, target))
    source = np.repeat(np.arange(indptr.size - 1, dtype=np.int32), np.diff(indptr))
    wide_indptr, wide_target = plain_rows(source, target, indptr.size - 1, True)
    shared = _overlap_of(wide_indptr, wide_target)
    return np.sqrt(_look_up(indptr, target, wide_indptr, wide_target, shared))
