"""Sparse rows of ties that have no weights, by buckets of people that fit into the cache.

Placing ten million ties each in the row of its person touches memory at random. Here ties are
first put into a few hundred buckets of neighbouring people, which is writing in a few hundred
places, and then each bucket is made into rows where it stands in the cache. The place of a tie in
its row is the number of smaller ones there, counted with one instruction for sixteen; rows are
short. Threads share out the ties, then the buckets.
"""

from __future__ import annotations

import itertools

import numpy as np

from sim._jit import LANES, below, inner, phase
from sim.processors import as_many_as_pay, at_once

_BUCKETS = 512  # as many places to write as a processor keeps at hand
_FEWEST = 11  # bits of the number of people in a bucket, at least: small graphs have one bucket
_LONG = np.uint64(1024)  # ties in a row up to which counting is quicker than sorting
WORTH_A_THREAD = 100_000
"""Ties from which another thread saves more than it costs."""

_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_LANES, _ZERO, _ONE = np.uint64(LANES), np.uint64(0), np.uint64(1)


@phase
def _count(source, target, shift, both_ways, counts):
    """Add to ``counts`` how many ties each bucket gets."""
    for k in range(source.size):
        counts[np.uint64(source[k]) >> shift] += 1
        if both_ways:
            counts[np.uint64(target[k]) >> shift] += 1


@inner
def _put(a, b, shift, place, packed):
    """Write a tie to where the next one of its bucket goes."""
    bucket = np.uint64(a) >> shift
    slot = place[bucket]
    packed[np.uint64(slot)] = (np.uint64(a) << _HALF) | np.uint64(b)
    place[bucket] = slot + 1


@phase
def _scatter(source, target, shift, both_ways, place, packed):
    """Write every tie, sender and receiver in one word, into its bucket."""
    for k in range(source.size):
        _put(source[k], target[k], shift, place, packed)
        if both_ways:
            _put(target[k], source[k], shift, place, packed)


@phase
def _loosen(packed, first, place, loose):
    """Put the receivers of a bucket together by sender, whose rows end at ``place[1:]``.

    first : uint64, the first person of the bucket. place : int64 (people of a bucket + 1,).
    """
    place[:] = 0
    for k in range(packed.size):
        place[(packed[k] >> _HALF) - first + _ONE] += 1
    # While ties are placed, entry i + 1 is where i's next one goes.
    total = 0
    for i in range(1, place.size):
        count = place[i]
        place[i] = total
        total += count
    for k in range(packed.size):
        i = (packed[k] >> _HALF) - first + _ONE
        slot = place[i]
        loose[np.uint64(slot)] = np.int32(packed[k] & _LOW)
        place[i] = slot + 1


@inner
def _rank(loose, begin, end, value):
    """How many of ``loose[begin:end]`` are smaller than ``value``."""
    rank = _ZERO
    while end - begin > _LANES:
        rank += below(loose, begin, _LANES, value)
        begin += _LANES
    return rank + below(loose, begin, end - begin, value)


@inner
def _sort(values, begin, end):
    """Sort ``values[begin:end]`` in place (Shell, 1959)."""
    step = _ONE
    while np.uint64(9) * step < end - begin:
        step = np.uint64(3) * step + _ONE
    while step > 0:
        for e in range(begin + step, end):
            value = values[e]
            f = np.uint64(e)
            while f >= begin + step and values[f - step] > value:
                values[f] = values[f - step]
                f -= step
            values[f] = value
        step //= np.uint64(3)


@inner
def _write_row(loose, begin, end, receiver, kept):
    """Write a row in order to ``kept``, repeated ties once; returns where the next row goes."""
    count = end - begin
    if count <= _LONG:
        ranks = _ZERO
        for e in range(begin, end):
            rank = _rank(loose, begin, end, loose[e])
            receiver[kept + rank] = loose[e]
            ranks += rank
        if ranks + ranks + count == count * count:  # it is less where two are equal
            return kept + count
    _sort(loose, begin, end)
    for e in range(begin, end):
        if e == begin or loose[e] != loose[e - _ONE]:
            receiver[kept] = loose[e]
            kept += _ONE
    return kept


@phase
def _make_rows(packed, edges, begin, end, shift, place, loose, indptr, receiver):
    """Rows of the buckets ``begin`` to ``end``, without gaps; returns where the last one ends.

    edges : where the buckets lie, and the first row. indptr : gets where each row ends.
    place, loose : room for :func:`_loosen`; loose has LANES more than the largest bucket.
    """
    kept = np.uint64(edges[begin])
    for b in range(begin, end):
        bucket = packed[edges[b] : edges[b + 1]]
        first = np.uint64(b) << shift
        _loosen(bucket, first, place, loose)
        people = min(np.uint64(place.size - 1), np.uint64(indptr.size - 1) - first)
        row = _ZERO
        for i in range(people):
            row_end = np.uint64(place[np.uint64(i) + _ONE])
            kept = _write_row(loose, row, row_end, receiver, kept)
            indptr[first + np.uint64(i) + _ONE] = kept
            row = row_end
    return np.int64(kept)


@phase
def _count_received(receiver, counts):
    """Add to ``counts`` how often each person is a receiver."""
    for k in range(receiver.size):
        counts[np.uint64(receiver[k])] += np.int32(1)


def _shares(ties: int, threads: int | None) -> list[int]:
    """Where the shares of each thread begin and end; None for as many threads as pay."""
    threads = as_many_as_pay(ties, WORTH_A_THREAD, threads)
    return [ties * k // threads for k in range(threads + 1)]


def _in_buckets(
    source: np.ndarray, target: np.ndarray, shift: int, size: int, both_ways: bool,
    shares: list[int],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Every tie as one word, sender above receiver, by bucket of the sender; where those lie."""
    columns = [
        (source[begin:end], target[begin:end], np.uint64(shift), both_ways)
        for begin, end in itertools.pairwise(shares)
    ]
    counts = np.zeros((len(columns), -(-size >> shift)), np.int64)
    at_once(_count, [(*share, own) for share, own in zip(columns, counts, strict=True)])
    edges = np.concatenate(([0], counts.sum(0).cumsum()))
    packed = np.empty(edges[-1], np.uint64)
    # In a bucket, the ties of the first thread come first.
    places = edges[:-1] + counts.cumsum(0) - counts
    at_once(_scatter, [(*share, own, packed) for share, own in zip(columns, places, strict=True)])
    return packed, edges


def _ranges(edges: np.ndarray, threads: int) -> list[tuple[int, int]]:
    """Buckets for each thread, the first and the one after the last, of about as many ties."""
    ties, buckets = int(edges[-1]), edges.size - 1
    cuts = np.searchsorted(edges, [ties * k // threads for k in range(1, threads)])
    return list(itertools.pairwise([0, *cuts.tolist(), buckets]))


def _make_all_rows(
    packed: np.ndarray, edges: np.ndarray, shift: int, size: int, ranges: list[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Rows of the ``ranges`` of buckets: indptr, receivers, where the rows of each range end.

    Within a range there are no gaps, where repeated ties were left out.
    """
    indptr, receiver = np.zeros(size + 1, np.int64), np.empty(packed.size, np.int32)
    largest = int(np.diff(edges).max())
    room = [
        (np.empty((1 << shift) + 1, np.int64), np.empty(largest + LANES, np.int32)) for _ in ranges
    ]
    ends = at_once(
        _make_rows,
        [
            (packed, edges, begin, end, np.uint64(shift), *own, indptr, receiver)
            for (begin, end), own in zip(ranges, room, strict=True)
        ],
    )
    return indptr, receiver, ends


def _close_gaps(
    indptr: np.ndarray,
    receiver: np.ndarray,
    starts: list[int],
    people: list[tuple[int, int]],
    ends: list[int],
) -> int:
    """Move the rows of each range to those of the one before; returns how many ties there are.

    starts, ends : of the ties of each range. people : its first, and the one after its last.
    """
    kept = ends[0]
    for start, (first, last), end in zip(starts[1:], people[1:], ends[1:], strict=True):
        gap = start - kept
        if gap:
            receiver[kept : end - gap] = receiver[start:end]
            indptr[first + 1 : last + 1] -= gap
        kept = end - gap
    return kept


def plain_rows(
    source: np.ndarray, target: np.ndarray, size: int, both_ways: bool, threads: int | None = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Sorted rows without repeated ties: indptr int64 (size + 1,), receivers int32.

    source, target : int32 (E,), people 0..size-1; size at least 1. both_ways : each pair is two
    ties. threads : None for as many as pay; the rows do not depend on it.
    """
    shares = _shares(source.size, threads)
    shift = max(_FEWEST, (-(-size // _BUCKETS) - 1).bit_length())
    packed, edges = _in_buckets(source, target, shift, size, both_ways, shares)
    ranges = _ranges(edges, len(shares) - 1)
    indptr, receiver, ends = _make_all_rows(packed, edges, shift, size, ranges)
    del packed
    people = [(begin << shift, end << shift) for begin, end in ranges]
    starts = [int(edges[begin]) for begin, _ in ranges]
    kept = _close_gaps(indptr, receiver, starts, people, ends)
    return indptr, receiver if kept == receiver.size else receiver[:kept].copy()


def times_received(receiver: np.ndarray, size: int, threads: int | None = 1) -> np.ndarray:
    """How often each of ``size`` people is a receiver, int32 (size,); threads as in plain_rows."""
    shares = _shares(receiver.size, threads)
    counts = np.zeros((len(shares) - 1, size), np.int32)
    at_once(
        _count_received,
        [
            (receiver[begin:end], own)
            for (begin, end), own in zip(itertools.pairwise(shares), counts, strict=True)
        ],
    )
    return counts[0] if len(counts) == 1 else counts.sum(0, dtype=np.int32)


def membership(
    group_of: np.ndarray | None, group_member: np.ndarray | None, size: int, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the members of each group, then of the groups of each person: indptr, entries each.

    group_of, group_member : int32 (M,), or None where there are none. At least ``count`` groups.
    Being in a group twice counts once.
    """
    if group_of is None or group_member is None or group_of.size == 0:
        none = np.empty(0, np.int32)
        return np.zeros(count + 1, np.int64), none, np.zeros(size + 1, np.int64), none
    groups = max(int(group_of.max()) + 1, count)
    side = max(size, groups)
    indptr, member = plain_rows(group_of, group_member, side, False)
    group = np.repeat(np.arange(side, dtype=np.int32), np.diff(indptr))
    person_indptr, person_group = plain_rows(member, group, side, False)
    return indptr[: groups + 1].copy(), member, person_indptr[: size + 1].copy(), person_group
