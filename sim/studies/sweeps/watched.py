"""Batches on the workers of an executor or a cluster; where runs have limits, watched.

An executor cannot end a piece that hangs: its worker would be lost. So the worker has a process
beside it do the batches, and watches that as :class:`~sim.studies.crews.LocalCrew` does. A new
interpreter, not a fork: executors have threads, and Dask's workers may have no children of
:mod:`multiprocessing`.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent import futures
from multiprocessing.connection import Connection
from typing import Any

from sim.studies import crews
from sim.studies.crews import FuturesCrew, LocalCrew, Lost, Raised
from sim.studies.replicate import warm_up
from sim.studies.sweeps.batches import NO_LIMITS, Batch, Limits, Report, run_batch

SECONDS_TO_START = 600
"""Imports, and compiling where nobody has done it yet, on a busy machine."""

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from sim.studies.sweeps.watched import serve; serve(int(sys.argv[2]))"
)
_of_this_thread = threading.local()
_getting_ready = threading.Lock()
_is_ready: list[bool] = []


def executor_crew(
    executor: futures.Executor, slots: int, limits: Limits, **options: Any
) -> FuturesCrew:
    """An executor as the crew of a study; its workers keep the limits of a run.

    options : of :class:`~sim.studies.crews.FuturesCrew`.
    """
    if limits == NO_LIMITS:
        return FuturesCrew(run_on_worker, executor, slots, **options)
    patience = None if limits.seconds is None else _patience
    return FuturesCrew(run_watched, executor, slots, patience=patience, **options)


def _patience(batch: Batch) -> float:
    """Seconds after which a worker itself must be at fault: it ends what hangs before that."""
    runs = sum(len(task.policies) for task in batch.tasks)
    return SECONDS_TO_START + batch.limits.until_it_hangs * runs


def run_on_worker(batch: Batch) -> Report:
    """:func:`run_batch` in a process that a study has not set up itself."""
    _get_ready()
    return run_batch(batch)


def _get_ready() -> None:
    """Load the kernels, and leave what is loaded out of the collections after each run.

    Those would take ten times as long as a short run: a worker has all its libraries in memory.
    """
    with _getting_ready:
        if not _is_ready:
            warm_up()
            gc.collect()
            gc.freeze()
            _is_ready.append(True)


def run_watched(batch: Batch) -> Report | Lost:
    """:func:`run_batch` in the process that this thread keeps for it, or why that was ended.

    Raises
    ------
    Exception
        What the batch raised. RuntimeError if the process does not start.
    """
    crew, limits = getattr(_of_this_thread, "crew", (None, None))
    if crew is None or limits != batch.limits:
        end_watched()
        crew = _started(batch.limits)
        _of_this_thread.crew = crew, batch.limits
    result = _result_of(crew, batch)
    if isinstance(result, Lost):
        # It has made itself a new process, which might not be needed, and is not warm.
        end_watched()
    if isinstance(result, Raised):
        raise result.error
    return result


def end_watched() -> None:
    """End the process that this thread keeps, if any."""
    crew, _ = _of_this_thread.__dict__.pop("crew", (None, None))
    if crew is not None:
        crew.close(at_once=True)


def _started(limits: Limits) -> LocalCrew:
    """A crew of one process whose kernels are loaded, so that the first run has all its time."""
    crew = LocalCrew(
        _run, 1,
        time_limit=lambda batch: SECONDS_TO_START if batch is None else limits.until_it_hangs,
        memory_limit=limits.hard_bytes,
        context=_NewInterpreters if os.name == "posix" else None,
    )  # fmt: skip
    result = _result_of(crew, None)
    if isinstance(result, Lost | Raised):
        crew.close(at_once=True)
        reason = result.reason if isinstance(result, Lost) else str(result.error)
        raise RuntimeError(f"the process for the runs did not start on a worker: {reason}")
    return crew


def _result_of(crew: LocalCrew, piece: Batch | None) -> Any:
    crew.submit(0, piece)
    found: list[tuple[int, Any]] = []
    while not found:
        found = crew.collect()
    return found[0][1]


def _run(batch: Batch | None) -> Report | None:
    """In the process: do a batch, or only get ready for one."""
    _get_ready()
    return None if batch is None else run_batch(batch)


def serve(descriptor: int) -> None:
    """In the process: do the batches that come through the pipe of this number."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    crews.serve(_run, Connection(descriptor))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


class _Interpreter:
    """A new interpreter that serves at the end of a pipe, with what a crew asks of a process.

    sentinel : a descriptor that is at its end when the process is.
    """

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> None:
        self._pipe = args[1]

    def start(self) -> None:
        """Start it; it finds modules where this process does."""
        self.sentinel, alive = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, json.dumps(sys.path), str(self._pipe.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(self._pipe.fileno(), alive),
            )
        finally:
            os.close(alive)
        self.pid = self._process.pid

    @property
    def exitcode(self) -> int | None:
        """None while it runs; minus the signal that ended it."""
        return self._process.poll()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return
        if self.sentinel >= 0:
            os.close(self.sentinel)
            self.sentinel = -1


class _NewInterpreters:
    """Makes pipes and processes for a crew, as a context of :mod:`multiprocessing` does."""

    Pipe = staticmethod(multiprocessing.Pipe)
    Process = _Interpreter
