"""Ties with weights as compressed sparse rows: sorting and merging; looking back in any rows.

Rows are a pair (indptr, target): person i's ties are target[indptr[i]:indptr[i+1]], sorted.
"""

from __future__ import annotations

import numpy as np

from sim._jit import inlined_rule, kernel, prefetch

_AHEAD = 16  # ties between asking for memory and using it


@kernel
def _rows(source, target, weight, size, both_ways):
    """Rows of ties in the order of the input: indptr int64 (size+1,), target, weight.

    Repeated ties are still present.
    """
    indptr = np.zeros(size + 2, np.int64)
    for e in range(source.size):
        indptr[np.int64(source[e]) + 2] += 1
    if both_ways:
        for e in range(source.size):
            indptr[np.int64(target[e]) + 2] += 1
    for i in range(1, size + 1):
        indptr[i + 1] += indptr[i]
    # Entry i + 1 is where i's next tie goes; once all are placed, it is where i's row ends.
    place = indptr[1:]
    receiver = np.empty(indptr[size + 1], np.int32)
    receiver_weight = np.empty(receiver.size, np.float32)
    last = source.size - 1
    for e in range(source.size):
        soon = min(e + _AHEAD, last)
        prefetch(receiver, min(place[source[soon]], receiver.size - 1))
        a, b = source[e], target[e]
        slot = place[a]
        place[a] = slot + 1
        receiver[slot] = b
        receiver_weight[slot] = weight[e]
        if both_ways:
            prefetch(receiver, min(place[target[soon]], receiver.size - 1))
            slot = place[b]
            place[b] = slot + 1
            receiver[slot] = a
            receiver_weight[slot] = weight[e]
    return indptr[: size + 1].copy(), receiver, receiver_weight


@inlined_rule
def _sort_row(target, weight, begin, end):
    """Sort one row in place; rows are short, and often in order already (Shell, 1959)."""
    step = 1
    while 9 * step < end - begin:
        step = 3 * step + 1
    while step > 0:
        for e in range(begin + step, end):
            value, value_weight = target[e], weight[e]
            f = e
            while f >= begin + step and target[f - step] > value:
                target[f] = target[f - step]
                weight[f] = weight[f - step]
                f -= step
            target[f] = value
            weight[f] = value_weight
        step //= 3


@kernel
def _sort_and_merge(indptr, target, weight):
    """Sort rows and drop repeated ties in place, keeping the largest weight; returns ties kept."""
    kept = 0
    begin = indptr[0]
    for i in range(indptr.size - 1):
        end = indptr[i + 1]
        _sort_row(target, weight, begin, end)
        first = kept
        for e in range(begin, end):
            if kept > first and target[kept - 1] == target[e]:
                weight[kept - 1] = max(weight[kept - 1], weight[e])
                continue
            target[kept] = target[e]
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
def row_means(indptr, values):
    """Mean, float64 (N,), of the values in each row; 0 in an empty one."""
    means = np.zeros(indptr.size - 1)
    for i in range(means.size):
        for e in range(indptr[i], indptr[i + 1]):
            means[i] += values[e]
        means[i] /= max(indptr[i + 1] - indptr[i], 1)
    return means


def sparse_rows(
    source: np.ndarray, target: np.ndarray, weight: np.ndarray, size: int, both_ways: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted rows without repeated ties: indptr int64 (size + 1,), target int32, weight float32.

    Of repeated ties the largest weight stays. Ties without weights: :mod:`sim.plain_rows`.
    """
    indptr, receiver, receiver_weight = _rows(source, target, weight, size, both_ways)
    kept = _sort_and_merge(indptr, receiver, receiver_weight)
    if kept < receiver.size:
        receiver, receiver_weight = receiver[:kept].copy(), receiver_weight[:kept].copy()
    return indptr, receiver, receiver_weight
