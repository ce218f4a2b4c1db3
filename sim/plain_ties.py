"""The fast way to read the commonest network file: two columns of whole numbers in plain text.

Bytes are turned into numbers where they stand, a block of the file at a time. Anything unusual
(signs, quotes, blanks around a number, ten digits and more, a comment between the ties, a bad
line) is left to the readers of :mod:`sim.graph_files`, which begin anew and know what to say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim._jit import kernel

BLOCK = 1 << 22
"""Bytes read at a time; a line that is longer is unusual."""

_NEWLINE, _RETURN, _ZERO = 10, 13, 48
_DIGITS = 9  # so many always fit into int32
_SHORTEST_LINE = 4  # bytes: two digits, what separates them, and the end of the line


@kernel
def _parse(block, size, separator, first, second, filled):
    """Write the pairs of all whole lines of ``block[:size]`` from ``filled`` on.

    Returns the bytes used and the pairs there are now, or -1 where a line is unusual.
    """
    while size > 0 and block[size - 1] != _NEWLINE:
        size -= 1
    at = 0
    while at < size:
        if block[at] == _NEWLINE:
            at += 1
            continue
        number = 0
        begin = at
        digit = int(block[at]) - _ZERO
        while 0 <= digit <= 9:
            number = 10 * number + digit
            at += 1
            digit = int(block[at]) - _ZERO
        if at == begin or at - begin > _DIGITS or block[at] != separator:
            return at, -1
        if filled == first.size:  # the file grows while it is read
            return at, -1
        first[filled] = number
        at += 1
        number = 0
        begin = at
        digit = int(block[at]) - _ZERO
        while 0 <= digit <= 9:
            number = 10 * number + digit
            at += 1
            digit = int(block[at]) - _ZERO
        if at == begin or at - begin > _DIGITS:
            return at, -1
        second[filled] = number
        filled += 1
        at += block[at] == _RETURN
        if block[at] != _NEWLINE:
            return at, -1
        at += 1
    return size, filled


def read_pairs(
    file: Path, separator: str, skip: int, block: int = BLOCK
) -> tuple[np.ndarray, np.ndarray] | None:
    """Both columns of a file, int32 (E,), after ``skip`` lines; None where anything is unusual.

    separator : the one character between the numbers. block : bytes to read at a time.
    """
    room = file.stat().st_size // _SHORTEST_LINE + 1
    first, second = np.empty(room, np.int32), np.empty(room, np.int32)
    buffer = np.empty(block, np.uint8)
    filled, held = 0, 0
    with file.open("rb") as stream:
        for _ in range(skip):
            line = stream.readline()
            if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
                return None  # what is one line here is several where a return ends a line
        while count := stream.readinto(buffer[held : block - 1].data):
            held += count
            used, filled = _parse(buffer, held, ord(separator), first, second, filled)
            if filled < 0 or used == 0:
                return None
            buffer[: held - used] = buffer[used:held]
            held -= used
    if held:
        buffer[held] = _NEWLINE
        _, filled = _parse(buffer, held + 1, ord(separator), first, second, filled)
    return None if filled < 0 else (first[:filled], second[:filled])
