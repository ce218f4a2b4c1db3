"""The fast way to read the commonest network file: two columns of whole numbers in plain text.

Bytes are turned into numbers where they stand, a block of the file at a time, and threads share
the file out, cut where lines end. Anything unusual (signs, quotes, blanks around a number, ten
digits and more, a comment between the ties, a bad line) is left to the readers of
:mod:`sim.graph_files`, which begin anew and know what to say.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from sim._jit import BYTES, eight, inner, lowest, nondigits, phase
from sim.processors import as_many_as_pay, at_once

BLOCK = 1 << 18
"""Bytes read at a time, as many as stay in the cache; a line that is longer is unusual."""

_WORTH_A_THREAD = 1 << 22
"""Bytes of a file from which another thread saves more than it costs."""

_NEWLINE, _RETURN, _ZERO = np.uint8(10), np.uint8(13), np.uint8(48)
_ONE = np.uint64(1)
_AT_ONCE = np.uint64(8)  # digits that are turned into a number without a loop
_DIGITS = np.uint64(9)  # so many always fit into int32
_SHORTEST_LINE = 4  # bytes: two digits, what separates them, and the end of the line

# A uint64 of eight digits, the first in its lowest byte, and where the pairs of them and the fours
# of them stand after those were added up.
_OCTET, _PAIRS, _FOURS = np.uint64(8), np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_EIGHT = np.uint64(0x0F0F0F0F0F0F0F0F)
_ALL, _LOW = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0xFFFFFFFF)


@inner
def _number(block, begin, end):
    """The number of the digits ``block[begin:end]``, one to nine; eight bytes precede ``end``."""
    count = end - begin
    # What stands before the number becomes leading zeros.
    kept = _ALL << (_OCTET * (_AT_ONCE - min(count, _AT_ONCE)))
    word = eight(block, end - _AT_ONCE) & kept & _EIGHT
    word = (word * np.uint64(10) + (word >> np.uint64(8))) & _PAIRS
    word = (word * np.uint64(100) + (word >> np.uint64(16))) & _FOURS
    number = (word * np.uint64(10_000) + (word >> np.uint64(32))) & _LOW
    if count > _AT_ONCE:
        number += np.uint64(100_000_000) * np.uint64(block[begin] - _ZERO)
    return np.int32(number)


@phase
def _parse(block, start, stop, separator, first, second):
    """Write the pairs of the whole lines of ``block[start:stop]``.

    Returns where the first line begins that is not whole, and the pairs there are, or -1 where a
    line is unusual. ``block`` has BYTES more on either side.
    """
    size = np.uint64(stop)
    while size > start and block[size - _ONE] != _NEWLINE:
        size -= _ONE
    begin = np.uint64(start)  # of the number that is looked at
    filled = np.uint64(0)
    separated = False  # whether it is the second of its line
    for base in range(np.uint64(start), size, np.uint64(BYTES)):
        ends = nondigits(block, base)
        while ends != 0:
            end = np.uint64(base) + lowest(ends)
            ends &= ends - _ONE
            if end >= size:
                break
            byte = block[end]
            if byte == _NEWLINE and end == begin and not separated:
                begin = end + _ONE  # an empty line
                continue
            if byte == _RETURN and block[end + _ONE] == _NEWLINE:
                continue
            until = end - _ONE if byte == _NEWLINE and block[end - _ONE] == _RETURN else end
            if until == begin or until - begin > _DIGITS:
                return size, -1
            if byte != (_NEWLINE if separated else separator):
                return size, -1
            if separated:
                second[filled] = _number(block, begin, until)
                filled += _ONE
            else:
                first[filled] = _number(block, begin, until)
            separated = not separated
            begin = end + _ONE
    return size, np.int64(filled)


def _read_part(
    file: Path, begin: int, end: int, separator: str, first: np.ndarray, second: np.ndarray,
    block: int,
) -> int:  # fmt: skip
    """Write the pairs of bytes ``begin`` to ``end`` of a file; how many, or -1 if unusual."""
    room = np.zeros(block + 2 * BYTES, np.uint8)
    filled, held = 0, BYTES  # the first bytes are those before a number that begins a block
    with file.open("rb", buffering=0) as stream:
        stream.seek(begin)
        while begin < end:
            count = stream.readinto(room[held : min(block + BYTES, held + end - begin)].data)
            if not count:
                break
            begin += count
            held += count
            used, found = _parse(room, BYTES, held, ord(separator), first[filled:], second[filled:])
            if found < 0 or held - used == block:
                return -1
            filled += found
            room[BYTES : BYTES + held - used] = room[used:held]
            held -= used - BYTES
    if held > BYTES:
        room[held] = _NEWLINE
        _, found = _parse(room, BYTES, held + 1, ord(separator), first[filled:], second[filled:])
        return -1 if found < 0 else filled + found
    return filled


def _edges(file: Path, skip: int, size: int, parts: int) -> list[int] | None:
    """Where each part of a file of ``size`` bytes begins, and the last one ends; None if unusual.

    The first begins after ``skip`` lines, the others where a line does.
    """
    with file.open("rb") as stream:
        for _ in range(skip):
            line = stream.readline()
            if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
                return None  # what is one line here is several where a return ends a line
        edges = [stream.tell()]
        for k in range(1, parts):
            stream.seek(max(edges[-1], size * k // parts))
            stream.readline()
            edges.append(stream.tell())
    return [*edges, max(size, edges[-1])]


def read_pairs(
    file: Path, separator: str, skip: int, threads: int | None = None, block: int = BLOCK
) -> tuple[np.ndarray, np.ndarray] | None:
    """Both columns of a file, int32 (E,), after ``skip`` lines; None where anything is unusual.

    separator : the one character between the numbers. threads : None for as many as pay; what
    is read does not depend on it. block : bytes to read at a time.
    """
    size = file.stat().st_size
    edges = _edges(file, skip, size, as_many_as_pay(size, _WORTH_A_THREAD, threads))
    if edges is None:
        return None
    # Each part has room for the most ties that its bytes can be.
    places = [edge // _SHORTEST_LINE + part for part, edge in enumerate(edges)]
    columns = np.empty((2, places[-1]), np.int32)
    counts = at_once(
        _read_part,
        [
            (file, begin, end, separator, *columns[:, place:until], block)
            for (begin, end), (place, until) in zip(
                itertools.pairwise(edges), itertools.pairwise(places), strict=True
            )
        ],
    )
    if min(counts) < 0:
        return None
    filled = 0
    for place, count in zip(places[:-1], counts, strict=True):
        columns[:, filled : filled + count] = columns[:, place : place + count]
        filled += count
    return columns[0, :filled], columns[1, :filled]
