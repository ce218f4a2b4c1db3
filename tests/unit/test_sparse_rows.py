"""Rows sorted and merged by compiled loops, against sets and dictionaries."""

from __future__ import annotations

import numpy as np
import pytest

from sim.randomness import uniform_table
from sim.sparse_rows import row_means, sparse_rows


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("people", [7, 60, 900])  # rows long and short, with many repeats and few
def test_rows_are_sorted_and_repeats_keep_the_largest_weight(people, both_ways):
    draws = uniform_table(np.uint64(people), 99, 0, 3_000)
    source, target = (draws[:2] * people).astype(np.int32)
    weight = draws[2].astype(np.float32)
    largest: dict[tuple[int, int], float] = {}
    for a, b, w in zip(source.tolist(), target.tolist(), weight.tolist(), strict=True):
        for pair in ((a, b), (b, a)) if both_ways else ((a, b),):
            largest[pair] = max(w, largest.get(pair, 0.0))
    indptr, receiver, kept = sparse_rows(source, target, weight, people, both_ways)
    rows = np.repeat(np.arange(people), np.diff(indptr))
    assert list(zip(rows.tolist(), receiver.tolist(), strict=True)) == sorted(largest)
    assert kept.tolist() == [largest[pair] for pair in sorted(largest)]
    assert (indptr.dtype, receiver.dtype, kept.dtype) == (np.int64, np.int32, np.float32)


def test_nobody_has_ties():
    none = np.empty(0, np.int32)
    indptr, receiver, _ = sparse_rows(none, none, np.empty(0, np.float32), 3, True)
    assert indptr.tolist() == [0, 0, 0, 0]
    assert receiver.size == 0


def test_means_of_rows():
    values = np.array([1.0, 0.5, 0.25], np.float32)
    assert row_means(np.array([0, 2, 2, 3]), values).tolist() == [0.75, 0.0, 0.25]
