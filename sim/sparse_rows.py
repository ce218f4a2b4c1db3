"""Ties as compressed sparse rows: sorting, merging, looking back, and strength from shared friends.

Rows are a pair (indptr, target): person i's ties are target[indptr[i]:indptr[i+1]], sorted.
"""

from __future__ import annotations

import numpy as np

from sim._jit import kernel
from sim.randomness import Decision, uniforms

OVERLAP_CAP = 1_000

_NETWORK = int(Decision.NETWORK)


@kernel
def _sorted_rows(source, target, weight, size, both_ways):
    """Rows of ties by two counting sorts (by target, then stably by source).

    ``weight`` may be empty. Returns indptr int64 (size+1,), target int32 (T,), weight float32 (T,)
    or empty, with repeated ties still present.
    """
    ties = 2 * source.size if both_ways else source.size
    weighted = weight.size > 0
    column_start = np.zeros(size + 1, np.int64)
    row_start = np.zeros(size + 1, np.int64)
    for e in range(source.size):
        column_start[target[e] + 1] += 1
        row_start[source[e] + 1] += 1
        if both_ways:
            column_start[source[e] + 1] += 1
            row_start[target[e] + 1] += 1
    for i in range(size):
        column_start[i + 1] += column_start[i]
        row_start[i + 1] += row_start[i]
    sharer = np.empty(ties, np.int32)
    sharer_weight = np.empty(ties if weighted else 0, np.float32)
    place = column_start[:-1].copy()
    for e in range(source.size):
        a, b = source[e], target[e]
        for _ in range(2 if both_ways else 1):
            slot = place[b]
            place[b] += 1
            sharer[slot] = a
            if weighted:
                sharer_weight[slot] = weight[e]
            a, b = b, a
    receiver = np.empty(ties, np.int32)
    receiver_weight = np.empty(ties if weighted else 0, np.float32)
    place = row_start[:-1].copy()
    for j in range(size):
        for slot in range(column_start[j], column_start[j + 1]):
            i = sharer[slot]
            receiver[place[i]] = j
            if weighted:
                receiver_weight[place[i]] = sharer_weight[slot]
            place[i] += 1
    return row_start, receiver, receiver_weight


@kernel
def _merge_repeats(indptr, target, weight):
    """Drop repeated ties of sorted rows in place, keeping the largest weight; returns ties kept."""
    weighted = weight.size > 0
    kept = 0
    begin = indptr[0]
    for i in range(indptr.size - 1):
        end = indptr[i + 1]
        first = kept
        for e in range(begin, end):
            if kept > first and target[kept - 1] == target[e]:
                if weighted:
                    weight[kept - 1] = max(weight[kept - 1], weight[e])
                continue
            target[kept] = target[e]
            if weighted:
                weight[kept] = weight[e]
            kept += 1
        begin = end
        indptr[i + 1] = kept
    return kept


@kernel
def reciprocated(indptr, target):
    """Number of ties (i, j) for which (j, i) exists too."""
    count = 0
    for i in range(indptr.size - 1):
        for j in target[indptr[i] : indptr[i + 1]]:
            row = target[indptr[j] : indptr[j + 1]]
            place = np.searchsorted(row, i)
            if place < row.size and row[place] == i:
                count += 1
    return count


@kernel
def _overlap(indptr, target):
    """Neighbourhood overlap of every tie of a symmetric graph, float32 (T,).

    Each pair is counted once by marking the friends of the person with more friends and looking
    through the list of the other. Lists longer than OVERLAP_CAP are looked through in OVERLAP_CAP
    equal steps from a start drawn by address, which is unbiased.
    """
    size = indptr.size - 1
    overlap = np.empty(target.size, np.float32)
    marked_by = np.full(size, -1, np.int32)
    for i in range(size):
        degree_i = indptr[i + 1] - indptr[i]
        for e in range(indptr[i], indptr[i + 1]):
            marked_by[target[e]] = i
        for e in range(indptr[i], indptr[i + 1]):
            j = target[e]
            degree_j = indptr[j + 1] - indptr[j]
            if degree_j > degree_i or (degree_j == degree_i and j > i):
                continue
            row = target[indptr[j] : indptr[j + 1]]
            count = 0
            if degree_j <= OVERLAP_CAP:
                for friend in row:
                    count += marked_by[friend] == i
                common = float(count)
            else:
                start, _, _, _ = uniforms(0, _NETWORK, 0, i, j, 0)
                step = degree_j / OVERLAP_CAP
                for k in range(OVERLAP_CAP):
                    count += marked_by[row[int((start + k) * step)]] == i
                common = min(count * step, degree_j - 1.0)
            others = degree_i + degree_j - 2 - common
            share = common / others if others > 0 else 1.0
            overlap[e] = share
            overlap[indptr[j] + np.searchsorted(row, i)] = share
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


def sparse_rows(
    source: np.ndarray, target: np.ndarray, weight: np.ndarray, size: int, both_ways: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted rows without repeated ties: indptr, target, weight (empty when given empty)."""
    indptr, receiver, receiver_weight = _sorted_rows(source, target, weight, size, both_ways)
    kept = _merge_repeats(indptr, receiver, receiver_weight)
    if kept < receiver.size:
        receiver, receiver_weight = receiver[:kept].copy(), receiver_weight[:kept].copy()
    return indptr, receiver, receiver_weight


def overlap_strength(indptr: np.ndarray, target: np.ndarray, directed: bool) -> np.ndarray:
    """Tie strength from shared friends, float32 (T,) in [0, 1].

    Square root of the neighbourhood overlap c / (k_i + k_j - 2 - c), c common friends and k numbers
    of friends (Onnela et al., 2007); two people who have only each other get 1. In a directed graph
    friends are people tied either way. Friend lists over 1,000 are sampled.
    """
    if not directed:
        return np.sqrt(_overlap(indptr, target))
    source = np.repeat(np.arange(indptr.size - 1, dtype=np.int32), np.diff(indptr))
    none = np.empty(0, np.float32)
    wide_indptr, wide_target, _ = sparse_rows(source, target, none, indptr.size - 1, True)
    shared = _overlap(wide_indptr, wide_target)
    return np.sqrt(_look_up(indptr, target, wide_indptr, wide_target, shared))
