"""Runs one program of this folder: reads a line of JSON from standard input, answers with another.

{"prepare": job} is done once, {"repeat": n} as often as it is asked; n is -1 for warming up.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any


def processor_seconds() -> float:
    """Processor time of this process with its threads and its finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(work: Callable[[], Any]) -> dict[str, Any]:
    """The answer of ``work``, and what it took."""
    gc.collect()
    wall, start = time.perf_counter(), processor_seconds()
    answer = work()
    seconds, wall = processor_seconds() - start, time.perf_counter() - wall
    return {
        "seconds": seconds, "wall": wall, "answer": answer, "megabytes": peak_megabytes(),
    }  # fmt: skip


def peak_megabytes() -> float:
    """Peak resident memory; by rusage alone a child starts with what its parent had."""
    try:
        with open("/proc/self/status") as lines:
            peak = next(line for line in lines if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Answer until standard input ends."""
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    program = importlib.import_module(f"benchmarks.contenders.{sys.argv[1]}")
    start: Callable[[int], Callable[[], Any]] | None = None
    for line in sys.stdin:
        message = json.loads(line)
        if start is None:
            begun = time.process_time()
            start = program.prepare(message["prepare"])
            reply = {"seconds": time.process_time() - begun}
        else:
            reply = timed(start(message["repeat"]))
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
