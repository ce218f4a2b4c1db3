"""Crews: who does the pieces of a study's work, and how a lost one is noticed.

The contract is that of :mod:`concurrent.futures` seen from a single thread: pieces are handed in,
and what is done is collected. Any executor of that kind can be a crew (:class:`FuturesCrew`), such
as a Dask client's. Processes of this machine have a crew of their own: it forks from a process
without threads, so workers share compiled kernels and networks read from files, and when one dies
or hangs only its piece is lost, not the pool.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pickle
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from multiprocessing import connection
from typing import Any, NamedTuple, Protocol

from sim.errors import InputError

Work = Callable[[Any], Any]


class StoppedError(InputError):
    """The work cannot go on, for no fault of a run: the disk is full, or a cluster is gone.

    What is finished is kept, and the message says how to go on.
    """


class Lost(NamedTuple):
    """A piece whose process ended before it was done.

    reason : why, as far as it is known. hung : whether it was ended for taking too long.
    """

    reason: str
    hung: bool = False


class Raised(NamedTuple):
    """A piece that ended with an exception."""

    error: BaseException


class _SignOfLife(NamedTuple):
    """Sent by a process that goes on with its piece."""


_pipe_to_parent: Any = None


def show_life() -> None:
    """From within a piece: a step of it is done. The time limit of its process begins anew."""
    if _pipe_to_parent is not None:
        _pipe_to_parent.send(_SignOfLife())


class Crew(Protocol):
    """Does pieces of ``work``. ``slots`` : pieces that are worth handing in at a time."""

    slots: int

    def submit(self, number: int, piece: Any) -> None:
        """Hand in a piece under a number of its own."""

    def collect(self, timeout: float | None = None) -> list[tuple[int, Any]]:
        """Numbers that are done with their results, :class:`Lost` or :class:`Raised`.

        Waits until there is one, or until ``timeout`` seconds have passed.
        """

    def close(self, at_once: bool) -> None:
        """End; ``at_once`` ends pieces that are under way."""


class SerialCrew:
    """Does pieces in this process, one after the other."""

    slots = 1

    def __init__(self, work: Work) -> None:
        self.work = work
        self._waiting: deque[tuple[int, Any]] = deque()

    def submit(self, number: int, piece: Any) -> None:
        """Keep a piece until it is collected."""
        self._waiting.append((number, piece))

    def collect(self, timeout: float | None = None) -> list[tuple[int, Any]]:
        """Do the next piece; what it raises is raised here."""
        if not self._waiting:
            return []
        number, piece = self._waiting.popleft()
        return [(number, self.work(piece))]

    def close(self, at_once: bool) -> None:
        """Forget what was not done."""
        self._waiting.clear()


class _Worker:
    """A process with its pipe, and the piece it has. The parent's end of it."""

    def __init__(self, work: Work, context: Any) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(work, theirs, self.pipe), daemon=True)
        with warnings.catch_warnings():
            # Python 3.12 warns of a fork beside the threads of numerical libraries, idle here.
            warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
            self.process.start()
        theirs.close()
        self.number: int | None = None
        self.began = 0.0
        self.limit: float | None = None

    def end(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class LocalCrew:
    """Does pieces in ``count`` processes of this machine.

    A process that dies is replaced, and its piece is :class:`Lost`. time_limit : seconds without
    a sign of life (:func:`show_life`) after which a process is taken to hang and is killed, as a
    function of its piece; memory_limit : bytes of a process above which it is. context : makes
    the pipes and processes as :mod:`multiprocessing` does; default forks.
    """

    def __init__(
        self,
        work: Work,
        count: int,
        time_limit: Callable[[Any], float] | None = None,
        memory_limit: float | None = None,
        context: Any = None,
    ) -> None:
        self.slots = count
        self._work = work
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        # fork: named because Mesa changes the default to spawn when it is imported.
        methods = multiprocessing.get_all_start_methods()
        usual = "fork" if "fork" in methods else "spawn"
        self._context = multiprocessing.get_context(usual) if context is None else context
        self._workers = [_Worker(work, self._context) for _ in range(count)]
        self._waiting: deque[tuple[int, bytes, float | None]] = deque()

    def submit(self, number: int, piece: Any) -> None:
        """Give a piece to a free process, or keep it until one is."""
        limit = None if self._time_limit is None else self._time_limit(piece)
        self._waiting.append((number, pickle.dumps(piece), limit))
        self._hand_out()

    def _hand_out(self) -> None:
        for worker in self._workers:
            if self._waiting and worker.number is None:
                number, piece, limit = self._waiting.popleft()
                worker.number, worker.began, worker.limit = number, time.monotonic(), limit
                # A process that has died meanwhile is noticed when results are collected.
                with contextlib.suppress(OSError):
                    worker.pipe.send_bytes(piece)

    def collect(self, timeout: float | None = None) -> list[tuple[int, Any]]:
        """What is done, once there is something or the time is up."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            done = list(self._ready(deadline))
            is_idle = all(worker.number is None for worker in self._workers)
            if done or is_idle or (deadline is not None and time.monotonic() >= deadline):
                self._hand_out()
                return done

    def _ready(self, deadline: float | None) -> Iterator[tuple[int, Any]]:
        busy = [worker for worker in self._workers if worker.number is not None]
        watched = self._time_limit is not None or self._memory_limit is not None
        wait = 0.5 if watched else None
        if deadline is not None:
            left = max(0.0, deadline - time.monotonic())
            wait = left if wait is None else min(wait, left)
        if not busy:
            return
        waited = [one for worker in busy for one in (worker.pipe, worker.process.sentinel)]
        found = set(connection.wait(waited, wait))
        for worker in busy:
            if worker.pipe in found or worker.process.sentinel in found:
                yield from self._result(worker)
            elif watched and (lost := self._broken_limit(worker)):
                yield self._replace(worker, lost)

    def _result(self, worker: _Worker) -> Iterator[tuple[int, Any]]:
        """What the process sent, nothing if that is a sign of life, or that it has ended."""
        number = worker.number
        assert number is not None
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            if worker.pipe.poll():
                result = worker.pipe.recv()
                worker.began = time.monotonic()
                if not isinstance(result, _SignOfLife):
                    worker.number = None
                    yield number, result
                return
        # Outside of an exception's handler, which what the new process raises would be a part of.
        worker.process.join()
        yield self._replace(worker, Lost(_how_it_ended(worker.process.exitcode)))

    def _replace(self, worker: _Worker, lost: Lost) -> tuple[int, Lost]:
        number = worker.number
        assert number is not None
        worker.end()
        self._workers[self._workers.index(worker)] = _Worker(self._work, self._context)
        return number, lost

    def _broken_limit(self, worker: _Worker) -> Lost | None:
        seconds = time.monotonic() - worker.began
        if worker.limit is not None and seconds > worker.limit:
            return Lost(f"it hung: no answer after {seconds:.0f} seconds", hung=True)
        if self._memory_limit is not None:
            used = resident_bytes(worker.process.pid)
            if used > self._memory_limit:
                return Lost(f"it took {used / 1e6:,.0f} MB of memory")
        return None

    def close(self, at_once: bool) -> None:
        """End the processes; those with a piece only if ``at_once``, else when it is done."""
        for worker in self._workers:
            if not at_once and worker.number is None:
                with contextlib.suppress(OSError):
                    worker.pipe.send_bytes(b"")
                worker.process.join(5)
            worker.end()
        self._workers = []


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        likely = ", most likely because memory ran out" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{likely}"
    return f"its process ended with exit code {code}"


def _serve(work: Work, pipe: Any, parents_end: Any) -> None:
    """Serve as a process that was forked from its parent, or spawned by it."""
    parents_end.close()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(work, pipe)


def serve(work: Work, pipe: Any) -> None:
    """Do the pieces that come through ``pipe`` until there are no more; leave Ctrl-C to the parent.

    It ends the process.
    """
    global _pipe_to_parent
    _pipe_to_parent = pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(EOFError, OSError):
        while piece := pipe.recv_bytes():
            pipe.send(_attempt(work, pickle.loads(piece)))
    # What the parent has registered to happen at its end is not this process's to do.
    os._exit(0)


def _attempt(work: Work, piece: Any) -> Any:
    try:
        return work(piece)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return Raised(RuntimeError(f"{type(error).__name__}: {error}"))
        return Raised(error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Interrupt:
    """Whether there was a Ctrl-C since :func:`lasting_interrupts` began."""

    came = False


def check_interrupt() -> None:
    """Raise KeyboardInterrupt if one was raised inside :func:`lasting_interrupts` and got lost."""
    if _Interrupt.came:
        raise KeyboardInterrupt


@contextlib.contextmanager
def lasting_interrupts() -> Iterator[None]:
    """Have a Ctrl-C noted, for :func:`check_interrupt` and the end of the block to find.

    Libraries in C that ask an object for an attribute take any exception for "it has none". A
    KeyboardInterrupt that is raised there, or in a finalizer, goes no further.
    """
    usual = signal.getsignal(signal.SIGINT)
    if usual is not signal.default_int_handler or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def note(number: int, frame: Any) -> None:
        _Interrupt.came = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield
        check_interrupt()
    finally:
        signal.signal(signal.SIGINT, usual)
        _Interrupt.came = False


def resident_bytes(process: int | None = None) -> int:
    """Memory that a process (default this one) holds, in bytes; 0 where it cannot be told."""
    try:
        with open(f"/proc/{process or 'self'}/statm") as numbers:
            return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0


class FuturesCrew:
    """Does pieces in any executor of :mod:`concurrent.futures`, of ``slots`` pieces at a time.

    work must be a function that the executor's workers can import. lost : whether an exception
    means that the whole executor is gone, and a message that says so. deaths : exceptions which
    mean that the piece's process died. patience : seconds in which the executor has to be done
    with a piece that it works on, as a function of the piece; if nothing comes for longer than
    that of any piece it has, it is given up.
    """

    def __init__(
        self,
        work: Work,
        executor: futures.Executor,
        slots: int,
        lost: Callable[[BaseException], str | None] = lambda error: None,
        deaths: tuple[type[BaseException], ...] = (),
        patience: Callable[[Any], float] | None = None,
    ) -> None:
        self.slots = slots
        self._work = work
        self._executor = executor
        self._lost = lost
        self._deaths: tuple[type[BaseException], ...] = (
            futures.BrokenExecutor, futures.CancelledError, *deaths,
        )  # fmt: skip
        self._patience = patience
        self._numbers: dict[futures.Future[Any], int] = {}
        self._patience_with: dict[int, float] = {}
        self._heard = time.monotonic()

    def submit(self, number: int, piece: Any) -> None:
        """Hand a piece to the executor."""
        if not self._numbers:
            self._heard = time.monotonic()
        if self._patience is not None:
            self._patience_with[number] = self._patience(piece)
        try:
            self._numbers[self._executor.submit(self._work, piece)] = number
        except Exception as error:
            self._give_up(error)
            if isinstance(error, futures.BrokenExecutor):
                raise StoppedError(
                    f"the executor is broken ({error}); finished runs are kept: make a new one, "
                    "then run the study again in the same folder"
                ) from None
            raise

    def _give_up(self, error: BaseException) -> None:
        message = self._lost(error)
        if message is not None:
            raise StoppedError(message) from None

    def collect(self, timeout: float | None = None) -> list[tuple[int, Any]]:
        """What is done, once there is something or the time is up.

        Raises
        ------
        StoppedError
            If the executor is gone, or has not answered for longer than ``patience``.
        """
        most = max(self._patience_with.values(), default=None)
        left = None if most is None else max(0.0, self._heard + most - time.monotonic())
        waits = [one for one in (timeout, left) if one is not None]
        done, _ = futures.wait(
            self._numbers, min(waits, default=None), return_when=futures.FIRST_COMPLETED
        )
        if done:
            self._heard = time.monotonic()
        elif most is not None and self._numbers and time.monotonic() > self._heard + most:
            raise StoppedError(
                f"no worker has answered for {most:.0f} seconds, longer than the limits of a run "
                "allow; finished runs are kept: end the workers that hang, then run the same "
                "command with --resume"
            )
        for future in done:
            self._patience_with.pop(self._numbers[future], None)
        return [(self._numbers.pop(future), self._result(future)) for future in done]

    def _result(self, future: futures.Future[Any]) -> Any:
        try:
            return future.result()
        except (Exception, futures.CancelledError) as error:
            self._give_up(error)
            if isinstance(error, self._deaths):
                return Lost(f"{type(error).__name__}: {error}")
            return Raised(error)

    def close(self, at_once: bool) -> None:
        """Leave the executor to its owner; pieces not begun are cancelled if ``at_once``."""
        if at_once:
            for future in self._numbers:
                future.cancel()
        self._numbers.clear()
        self._patience_with.clear()


@contextlib.contextmanager
def frozen_memory() -> Iterator[None]:
    """Leave what is loaded now out of collections, of which it would take nearly all the time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
