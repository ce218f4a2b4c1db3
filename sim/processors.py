"""The processors of this machine, and work that is shared out to them once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sim.errors import InputError


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: object) -> None:
    """Raise InputError unless there is a processor for each of ``threads``."""
    if not isinstance(threads, int | np.integer) or not 1 <= threads <= processors():
        raise InputError(
            f"threads = {threads} is not allowed; write a whole number from 1 to {processors()}, "
            "the processors there are"
        )


def as_many_as_pay(amount: int, worth_a_thread: int, threads: int | None) -> int:
    """``threads``, or for None as many as have ``worth_a_thread`` of the ``amount`` each."""
    return max(1, min(processors(), amount // worth_a_thread)) if threads is None else threads


def at_once(
    work: Callable[..., Any], shares: Sequence[tuple[Any, ...]], threads: int | None = None
) -> list[Any]:
    """``work(*share)`` of every share; what they return, in that order.

    threads : how many work at once; None for one for each share.
    """
    threads = len(shares) if threads is None else threads
    if threads == 1 or len(shares) == 1:
        return [work(*share) for share in shares]
    with ThreadPoolExecutor(threads - 1, "vouch") as pool:
        others = [pool.submit(work, *share) for share in shares[1:]]
        first = work(*shares[0])
        return [first, *(other.result() for other in others)]
