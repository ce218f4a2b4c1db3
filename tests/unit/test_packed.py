"""Tuples that are unpacked for compiled code once: the same results, and no other kind let in."""

from __future__ import annotations

import copy
import gc
import os
from typing import NamedTuple

import numpy as np
import pytest

from sim._jit import Packed, phase, plain, ready
from sim.orders import read_only

compiled_only = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled"
)


class Inside(NamedTuple):
    """Numbers within a tuple."""

    factor: float
    on: bool


class Things(NamedTuple):
    """Arrays of several types, a number and a tuple."""

    amounts: np.ndarray
    weights: np.ndarray
    offset: int
    inside: Inside


def things(size=4, *, factor=2.0, offset=1, dtype=np.int64):
    return Things(
        np.arange(size, dtype=dtype), np.ones((2, size), np.float32), offset, Inside(factor, True)
    )


@phase
def summed(things, first, counts):
    total = 0.0
    for k in range(first, things.amounts.size):
        total += things.amounts[k] * things.weights[1, k] * things.inside.factor
        counts[0] += 1
    things.amounts[0] = things.offset
    return total if things.inside.on else 0.0


def both_ways(example, packed, call, first=1):
    """What the packed tuple gives and what the function gives uncompiled, with what they write."""
    found = []
    for function, value in ((call, packed.at(example)), (plain(summed), example)):
        before, counts = example.amounts.copy(), np.zeros(1, np.int64)
        found.append((function(value, first, counts), example.amounts.tolist(), counts.tolist()))
        example.amounts[:] = before
    return found


@pytest.fixture
def packed():
    return Packed(things())


@pytest.fixture
def call(packed):
    return ready(summed, packed, 0, np.zeros(1, np.int64))


def test_a_packed_tuple_gives_what_the_plain_function_gives(packed, call):
    one, other = both_ways(things(), packed, call)
    assert one == other == (12.0, [1, 1, 2, 3], [3])


def test_changes_in_place_are_seen_and_another_tuple_takes_its_place(packed, call):
    example = things()
    example.amounts[3] = 100
    one, other = both_ways(example, packed, call)
    assert one == other
    longer = things(9, factor=0.5, offset=7)
    one, other = both_ways(longer, packed, call)
    assert one == other == (18.0, [7, *range(1, 9)], [8])
    one, other = both_ways(example, packed, call)
    assert one == other


@compiled_only
@pytest.mark.parametrize(
    "other",
    [
        things(dtype=np.int32),
        things()._replace(weights=np.ones((4, 4), np.float32)[:2, ::2]),
        things()._replace(weights=np.ones(4, np.float32)),
        things().inside,
        things()._replace(amounts=read_only(np.arange(4))),
    ],
    ids=["type", "layout", "dimensions", "class", "read-only"],
)
def test_a_tuple_of_another_kind_is_refused(packed, call, other):
    with pytest.raises(TypeError):
        packed.at(other)
    one, other = both_ways(things(), packed, call)
    assert one == other


def test_arrays_stay_where_they_are_while_they_are_packed(packed, call):
    address = packed.at(things(1_000_000))  # nobody else keeps it
    gc.collect()
    assert call(address, 999_999, np.zeros(1, np.int64)) == 2.0 * 999_999


def test_a_copy_has_room_of_its_own(packed, call):
    twin = copy.deepcopy(packed)
    ours, its = things(factor=3.0), things(factor=5.0)
    here, there = packed.at(ours), twin.at(its)
    counts = np.zeros(1, np.int64)
    assert [call(here, 3, counts), call(there, 3, counts)] == [9.0, 15.0]


@compiled_only
def test_a_function_is_made_ready_once_for_a_kind(packed, call):
    assert ready(summed, Packed(things(7, factor=1.0)), 5, np.zeros(3, np.int64)) is call
    assert ready(summed, Packed(things(dtype=np.int32)), 5, np.zeros(3, np.int64)) is not call
