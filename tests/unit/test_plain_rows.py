"""Rows made by buckets, against sets; the same rows from any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from sim.plain_rows import _LONG, plain_rows, times_received
from sim.randomness import uniform_table


def drawn(people, ties, seed=1):
    draws = uniform_table(np.uint64(seed), 99, 0, ties)
    source, target = (draws[:2] * people).astype(np.int32)
    return source, target


def rows_of(pairs, both_ways):
    """The ties of a list of pairs, each once, in order."""
    ends = np.unique(np.concatenate([pairs, pairs[:, ::-1]]) if both_ways else pairs, axis=0)
    return ends[:, 0], ends[:, 1]


def check(source, target, people, both_ways, threads):
    indptr, receiver = plain_rows(source, target, people, both_ways, threads)
    sender, expected = rows_of(np.column_stack([source, target]), both_ways)
    assert np.array_equal(receiver, expected)
    assert np.array_equal(np.diff(indptr), np.bincount(sender, minlength=people))
    assert (indptr[0], indptr.dtype, receiver.dtype) == (0, np.int64, np.int32)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("people", [1, 7, 60, 900, 2048, 2049, 9_000, 3_000_000])
def test_rows_are_sorted_and_repeats_merged(people, both_ways, threads):
    check(*drawn(people, 20_000), people, both_ways, threads)


@pytest.mark.parametrize("length", [15, 16, 17, 32, 33, int(_LONG), int(_LONG) + 1, 5_000])
@pytest.mark.parametrize("threads", [1, 2])
def test_rows_of_any_length(length, threads):
    order = np.argsort(uniform_table(np.uint64(length), 99, 0, length)[0]).astype(np.int32)
    people = 10_000
    senders = np.array([0, 2047, 2048, 9_999], np.int32)
    source, target = np.repeat(senders, length), np.tile(2 * order, senders.size)
    check(source, target, people, False, threads)
    repeated = np.append(target, target[-1:])
    check(np.append(source, source[-1:]), repeated, people, False, threads)


def test_receivers_may_be_any_number():
    target = np.array([2**31 - 1, 0, 2**31 - 2, 5], np.int32)
    _, receiver = plain_rows(np.zeros(4, np.int32), target, 1, False)
    assert receiver.tolist() == [0, 5, 2**31 - 2, 2**31 - 1]


def test_nobody_has_ties():
    none = np.empty(0, np.int32)
    indptr, receiver = plain_rows(none, none, 3, True, 2)
    assert indptr.tolist() == [0, 0, 0, 0]
    assert receiver.size == 0


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_how_often_somebody_receives(threads):
    _, target = drawn(50, 1_000)
    counts = times_received(target, 60, threads)
    assert counts.dtype == np.int32
    assert np.array_equal(counts, np.bincount(target, minlength=60))
