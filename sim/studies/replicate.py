"""Replications: every policy in the same world with the same luck, one world after the other.

A replication is a pure function of (job, its number), so it does not matter which process runs
it, or when.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

from sim.disclosure import income_disclosure
from sim.errors import InputError, InputWarning
from sim.measures import Run, member_survival, outcomes, participants
from sim.model import Engine, WordOfMouthModel
from sim.network import SocialGraph
from sim.opportunists import attack_summary
from sim.scenario import Network, Population, Scenario
from sim.studies.cascade import largest_tree
from sim.twins import TWIN_MEASURES, compare_with_twin
from sim.world import World, bytes_available, bytes_needed, make_world, world_seed

if TYPE_CHECKING:
    import pandas as pd

Result = TypeVar("Result")

MOST_WORKERS = 256


@dataclass(frozen=True)
class Job:
    """What every replication of a comparison needs to know.

    scenario : resolved, with the seed and all policies. policies : those asked for, in order.
    baseline : the policy whose run is the twin, asked for or not. graph : the network, where it
    comes from a file.
    """

    scenario: Scenario
    policies: tuple[str, ...]
    baseline: str
    engine: Engine = "kernels"
    keep_ledger: bool = False
    graph: SocialGraph | None = None


class PolicyRun(NamedTuple):
    """What is kept of one run.

    outcomes : measures by name. daily : columns (days,) by name, ``day`` first. survival :
    float64 (days,), see :func:`sim.measures.member_survival`. income : see
    :func:`sim.disclosure.income_disclosure`. abuse : see
    :func:`sim.opportunists.attack_summary`, where there are opportunists. earnings, cascade : of
    replication 0 only. orders, entries : tables, where the ledger is kept.
    """

    outcomes: dict[str, float | int]
    daily: dict[str, np.ndarray]
    survival: np.ndarray
    income: dict[str, float]
    abuse: dict[str, float] | None
    earnings: dict[str, np.ndarray] | None
    cascade: dict[str, Any] | None
    orders: pd.DataFrame | None
    entries: pd.DataFrame | None


class Replication(NamedTuple):
    """All policies in one world. twin_outcomes : of the baseline. seconds : time it took."""

    number: int
    runs: dict[str, PolicyRun]
    twin_outcomes: dict[str, float | int]
    warnings: tuple[str, ...]
    seconds: float


@contextlib.contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Gather the InputWarnings given meanwhile as texts, each once; others are given as usual."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        try:
            yield found
        finally:
            texts = [str(one.message) for one in caught if issubclass(one.category, InputWarning)]
            found.extend(dict.fromkeys(texts))
    for one in caught:
        if not issubclass(one.category, InputWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def run_replication(job: Job, number: int) -> Replication:
    """Replication ``number``: the world is built once, the baseline runs first as the twin."""
    start = time.perf_counter()
    runs: dict[str, PolicyRun] = {}
    with collected_warnings() as found:
        world = make_world(job.scenario, world_seed(job.scenario.seed, number), graph=job.graph)
        twin = run_policy(job, job.baseline, number, world)
        baseline = _kept(job, twin, twin, number)
        for name in job.policies:
            if name == job.baseline:
                runs[name] = baseline
            else:
                runs[name] = _kept(job, run_policy(job, name, number, world), twin, number)
    return Replication(number, runs, baseline.outcomes, tuple(found), time.perf_counter() - start)


def run_policy(job: Job, name: str, number: int, world: World) -> Run:
    """The record of a finished run of the policy ``name`` in replication ``number``.

    world : where it starts; it is not changed. The terms of the policy that look wrong are warned
    of.
    """
    model = WordOfMouthModel(
        job.scenario, policy=name, replication=number, engine=job.engine, world=world
    )
    for text in model.programme.warnings():
        warnings.warn(text, InputWarning, stacklevel=2)
    run = model.run().record()
    # A Mesa model refers to itself; its arrays would stay until the collector comes round.
    del model
    gc.collect()
    return run


def _kept(job: Job, run: Run, twin: Run, number: int) -> PolicyRun:
    dt, attacked = job.scenario.dt, job.scenario.population.opportunists > 0
    against_twin = compare_with_twin(run, twin)
    return PolicyRun(
        outcomes=outcomes(run) | {name: against_twin[name] for name in TWIN_MEASURES},
        daily={"day": days(run, dt), **run.daily},
        survival=member_survival(run),
        income=income_disclosure(run),
        abuse=attack_summary(run.orders, run.ledger) if attacked else None,
        earnings=earnings(run) if number == 0 else None,
        cascade=largest_tree(run, dt) if number == 0 else None,
        orders=run.ledger.orders_frame(dt) if job.keep_ledger else None,
        entries=run.ledger.entries(dt) if job.keep_ledger else None,
    )


def days(run: Run, dt: float) -> np.ndarray:
    """The days of a run (ticks,): int64 where ticks are whole days, else float64."""
    counted = np.arange(run.ticks) * dt
    return counted.astype(np.int64) if float(dt).is_integer() else counted


def earnings(run: Run) -> dict[str, np.ndarray]:
    """Consumer, shares, sales and earned_cents of all participants, as columns."""
    consumer = np.flatnonzero(participants(run))
    return {
        "consumer": consumer,
        "shares": run.state.shares[consumer],
        "sales": run.state.sales[consumer],
        "earned_cents": run.ledger.earned_cents[consumer],
    }


# ---------------------------------------------------------------------------- worker processes


def processors() -> int:
    """Processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system can pin a process
        return os.cpu_count() or 1


def checked_workers(workers: int | None, scenario: Scenario) -> int:
    """The number of worker processes; by default one a processor, as memory allows.

    Raises
    ------
    InputError
        If ``workers`` is below 1, above :data:`MOST_WORKERS`, or more than fits in memory.
    """
    needed, available = max(bytes_needed(scenario), 1), bytes_available()
    fitting = MOST_WORKERS if available is None else max(1, available // needed)
    if workers is None:
        return min(processors(), fitting)
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError(
            f"workers = {workers} is not possible; give 1 to {MOST_WORKERS}, or leave it out "
            f"for all {processors()} processors of this machine"
        )
    if workers > fitting:
        raise InputError(
            f"workers = {workers} need about {workers * needed / 1e9:.1f} GB of memory, and "
            f"{(available or 0) / 1e9:.1f} GB is free; use {fitting} or lower population.size"
        )
    return workers


_work: Callable[[int], Any] | None = None


def _start_worker(work: Callable[[int], Any]) -> None:
    """Keep the work, leave Ctrl-C to the parent, and do not outlive it."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do_in_worker(number: int) -> Any:
    assert _work is not None
    return _work(number)


def _warm_up() -> None:
    """Load or compile the kernels once, before processes are forked that would each do it."""
    tiny = Scenario(
        days=2, population=Population(size=20), network=Network(kind="ring", mean_degree=2)
    )
    WordOfMouthModel(tiny).run()


class Workers(Generic[Result]):
    """Does numbered pieces of ``work`` in this process (``count`` 1) or in ``count`` others.

    work : a pure function of a number that can be pickled, such as
    ``functools.partial(run_replication, job)``. Used as a context manager; when left by an
    exception the processes are ended at once.
    """

    def __init__(self, work: Callable[[int], Result], count: int) -> None:
        self.work = work
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        self._children_before = set(multiprocessing.active_children())

    def __enter__(self) -> Self:
        _warm_up()
        # What is loaded now is left out of the collections after each run, of which it would take
        # nearly all the time.
        gc.freeze()
        if self.count > 1:
            # fork: the workers share the parent's compiled code and network. The method is named
            # because Mesa changes the default to spawn when it is imported.
            methods = multiprocessing.get_all_start_methods()
            context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
            self._pool = ProcessPoolExecutor(
                self.count, mp_context=context, initializer=_start_worker, initargs=(self.work,)
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gc.unfreeze()
        if self._pool is None:
            return
        if kind is not None:
            for child in set(multiprocessing.active_children()) - self._children_before:
                child.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, numbers: range) -> Iterator[tuple[int, Result]]:
        """Each of ``numbers`` with what came of it, as they are done."""
        if self._pool is None:
            yield from ((number, self.work(number)) for number in numbers)
            return
        places = self._submit(self._pool, numbers)
        try:
            for future in as_completed(places):
                yield places[future], future.result()
        except BrokenProcessPool:
            raise RuntimeError(
                "a worker process was killed, most likely because memory ran out; "
                "use fewer --workers or a smaller population.size"
            ) from None

    @staticmethod
    def _submit(pool: ProcessPoolExecutor, numbers: range) -> dict[Future[Any], int]:
        with warnings.catch_warnings():
            # Python 3.12 warns of a fork beside the threads of numerical libraries, idle here.
            warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
            return {pool.submit(_do_in_worker, number): number for number in numbers}
