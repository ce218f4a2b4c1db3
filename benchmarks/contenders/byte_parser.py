"""A parser of bytes in numba and a counting sort: what is left when nothing is checked."""

import numba
import numpy as np


@numba.njit
def parse(text, source, target):
    """Read rows of two whole numbers; returns how many."""
    row = 0
    number = 0
    for k in range(text.size):
        byte = text[k]
        if byte >= 48:
            number = number * 10 + byte - 48
        elif byte == 44:
            source[row] = number
            number = 0
        elif byte == 10:
            target[row] = number
            number = 0
            row += 1
    return row


@numba.njit
def rows_of(source, target, size):
    """Sparse rows by counting."""
    indptr = np.zeros(size + 1, np.int64)
    for k in range(source.size):
        indptr[source[k] + 1] += 1
    for i in range(size):
        indptr[i + 1] += indptr[i]
    place = indptr[:-1].copy()
    targets = np.empty(target.size, np.int32)
    for k in range(source.size):
        targets[place[source[k]]] = target[k]
        place[source[k]] += 1
    return indptr, targets


def prepare(job):
    def read():
        text = np.memmap(job["path"], np.uint8, "r")
        source, target = np.empty((2, text.size // 4), np.int32)
        count = parse(text, source, target)
        source, target = source[:count], target[:count]
        size = int(max(source.max(), target.max())) + 1
        _, targets = rows_of(source, target, size)
        return {"ties": int(targets.size), "people": size}

    return lambda turn: read
