"""Replications: every policy in the same world with the same luck, one world after the other.

A replication is a pure function of (job, its number), so it does not matter which process runs
it, or when.
"""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar

import numpy as np

from sim.checkpoint import branch
from sim.disclosure import income_disclosure
from sim.errors import InputError, InputWarning
from sim.measures import Run, member_survival, outcomes, participants
from sim.memory import bytes_available
from sim.model import Engine, WordOfMouthModel
from sim.network import SocialGraph
from sim.opportunists import attack_summary
from sim.processors import processors
from sim.quantities import Column
from sim.scenario import Network, Population, Scenario
from sim.studies.cascade import largest_tree
from sim.studies.crews import (
    LocalCrew,
    Lost,
    Raised,
    check_interrupt,
    frozen_memory,
    lasting_interrupts,
)
from sim.twins import TWIN_MEASURES, compare_with_twin
from sim.world import World, bytes_needed, make_world, world_seed

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
    """Replication ``number``: the world is built once, the baseline runs first as the twin.

    Raises
    ------
    InputError
        If the world cannot be made, with its number: what others allow may be too much for it.
    """
    start = time.perf_counter()
    runs: dict[str, PolicyRun] = {}
    with collected_warnings() as found:
        world = _numbered_world(job, number)
        past = past_of(job.scenario, number, world, job.engine)
        twin = run_policy(job, job.baseline, number, world, past)
        baseline = _kept(job, twin, twin, number)
        for name in job.policies:
            if name == job.baseline:
                runs[name] = baseline
            else:
                run = run_policy(job, name, number, world, past)
                runs[name] = _kept(job, run, twin, number)
    return Replication(number, runs, baseline.outcomes, tuple(found), time.perf_counter() - start)


def _numbered_world(job: Job, number: int) -> World:
    try:
        return make_world(job.scenario, world_seed(job.scenario.seed, number), graph=job.graph)
    except InputError as error:
        raise InputError(
            f"the world of replication {number} cannot be made: {error} (each world has a network "
            "and people of its own, so others may be possible; leaving this one out would bias "
            "the means)"
        ) from None


def past_of(
    scenario: Scenario, number: int, world: World, engine: Engine
) -> WordOfMouthModel | None:
    """The run of ``compare.history`` in replication ``number``, up to ``compare.branch_day``.

    world : where it starts; it is not changed. None where no policy takes over from another.
    """
    day, history = scenario.compare.branch_day, scenario.compare.history
    if day is None:
        return None
    policy = scenario.compare.baseline if history is None else history
    model = WordOfMouthModel(
        scenario, policy=policy, replication=number, engine=engine, world=world
    )
    return model.run(days=day)


def run_policy(
    job: Job, name: str, number: int, world: World, past: WordOfMouthModel | None = None
) -> Run:
    """The record of a finished run of the policy ``name`` in replication ``number``.

    world : where it starts. past : from :func:`past_of`, where that is known. Neither is changed.
    The terms of the policy that look wrong are warned of.
    """
    past = past_of(job.scenario, number, world, job.engine) if past is None else past
    model = (
        WordOfMouthModel(
            job.scenario, policy=name, replication=number, engine=job.engine, world=world
        )
        if past is None
        else branch(past, name)
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


EARNINGS_COLUMNS: dict[str, Column] = {
    "consumer": Column("name", "a consumer who took part: shared, or was ever credited"),
    "shares": Column("acts of sharing", "how often she shared"),
    "sales": Column("orders", "orders through her own links that earned a commission"),
    "earned_cents": Column("cents", "commission accrued and not taken back"),
}
"""Columns of the earnings, in order."""


def earnings(run: Run) -> dict[str, np.ndarray]:
    """A row per participant of a run: :data:`EARNINGS_COLUMNS`."""
    consumer = np.flatnonzero(participants(run))
    return {
        "consumer": consumer,
        "shares": run.state.shares[consumer],
        "sales": run.state.sales[consumer],
        "earned_cents": run.ledger.earned_cents[consumer],
    }


# ---------------------------------------------------------------------------- worker processes


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


def warm_up() -> None:
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
        self._crew: LocalCrew | None = None
        self._at_exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        warm_up()
        with contextlib.ExitStack() as entered:
            entered.enter_context(lasting_interrupts())
            entered.enter_context(frozen_memory())
            if self.count > 1:
                self._crew = LocalCrew(self.work, self.count)
            self._at_exit = entered.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._crew is not None:
                self._crew.close(at_once=kind is not None)
        finally:
            self._at_exit.__exit__(kind, error, trace)

    def run(self, numbers: range) -> Iterator[tuple[int, Result]]:
        """Each of ``numbers`` with what came of it, as they are done."""
        if self._crew is None:
            for number in numbers:
                result = self.work(number)
                # Before it is kept: a Ctrl-C that got lost in it may have left it half done.
                check_interrupt()
                yield number, result
            return
        for number in numbers:
            self._crew.submit(number, number)
        left = len(numbers)
        while left:
            check_interrupt()
            for number, result in self._crew.collect():
                left -= 1
                if isinstance(result, Lost):
                    raise RuntimeError(
                        f"a worker process was lost: {result.reason}; use fewer --workers or a "
                        "smaller population.size"
                    )
                if isinstance(result, Raised):
                    raise result.error
                yield number, result
