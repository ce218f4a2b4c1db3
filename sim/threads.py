"""Work shared out to threads: kernels release the interpreter lock, so they run at once."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sim.day import BLOCK

WORTH_A_THREAD = 20_000
"""Consumers from which handing work to another thread costs less than it saves."""

PIECES = 16
"""Pieces for each thread of what is shared out: enough for all threads to end nearly together."""


class Threads:
    """Ranges of consumers, and the threads that work on them.

    people : consumers in all. threads : how many threads there may be; fewer are used where a
    range would have less than WORTH_A_THREAD consumers.
    """

    def __init__(self, people: int, threads: int) -> None:
        used = max(1, min(threads, people // WORTH_A_THREAD))
        blocks = -(-people // BLOCK)
        edges = [min(people, blocks * k // used * BLOCK) for k in range(used + 1)]
        self.ranges = list(itertools.pairwise(edges))
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def run(self, kernel: Callable[..., int], *arguments: Any) -> list[int]:
        """Call ``kernel(*arguments, begin, end, worker)`` for each range; what each returns."""
        if len(self.ranges) == 1:
            return [kernel(*arguments, *self.ranges[0], 0)]
        pool = self._threads()
        others = [
            pool.submit(kernel, *arguments, begin, end, worker)
            for worker, (begin, end) in enumerate(self.ranges[1:], 1)
        ]
        first = kernel(*arguments, *self.ranges[0], 0)
        return [first, *(other.result() for other in others)]

    def _threads(self) -> ThreadPoolExecutor:
        """The threads beside this one; a process that was forked has none of its parent's."""
        if self._pool is None or self._process != os.getpid():
            self._pool = ThreadPoolExecutor(len(self.ranges) - 1, "vouch")
            self._process = os.getpid()
        return self._pool

    def close_gaps(self, rows: np.ndarray, counts: list[int]) -> int:
        """Move what each range wrote at its own begin together; returns how many there are."""
        total = counts[0]
        for (begin, _), count in zip(self.ranges[1:], counts[1:], strict=True):
            rows[total : total + count] = rows[begin : begin + count]
            total += count
        return total


def share_out(work: Callable[[Iterator[tuple[int, int]]], None], count: int, threads: int) -> None:
    """Have threads take pieces of ``count`` independent things, each the next when it is done.

    work : called once by each thread, with an iterator over pieces (begin, end) that all share.
    What ``work`` raises is raised here, when every thread has ended.
    """
    length = max(1, count // (threads * PIECES))
    begins = iter(range(0, count, length))  # asking it for the next one is a single step
    pieces = [((begin, min(begin + length, count)) for begin in begins) for _ in range(threads)]
    if threads == 1:
        work(pieces[0])
        return
    with ThreadPoolExecutor(threads - 1, "vouch") as pool:
        others = [pool.submit(work, one) for one in pieces[1:]]
        try:
            work(pieces[0])
        finally:
            list(begins)  # after an error or an interrupt nobody begins another piece
        for other in others:
            other.result()
