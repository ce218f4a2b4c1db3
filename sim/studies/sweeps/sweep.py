"""Sweep: all runs of a study, into its store, by as many workers as there are.

A study that was stopped, by Ctrl-C, a crash, a full disk or a lost cluster, goes on where it was:
what is finished is never done again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError
from sim.studies import files
from sim.studies.crews import Crew, LocalCrew, SerialCrew, frozen_memory
from sim.studies.replicate import checked_workers, warm_up
from sim.studies.sweeps import saved_design
from sim.studies.sweeps.batches import (
    NO_LIMITS,
    Limits,
    check_memory,
    columns_of,
    remember,
    run_batch,
)
from sim.studies.sweeps.design import KEYS, Design, Task, make_design
from sim.studies.sweeps.foreman import Foreman, OnError, Progress, seconds_since
from sim.studies.sweeps.gathering import rows_of
from sim.studies.sweeps.journal import Counts
from sim.studies.sweeps.parts import StoreError
from sim.studies.sweeps.session import Session
from sim.studies.sweeps.store import Owner, Store, read_outcomes
from sim.studies.sweeps.study_file import StudyFile
from sim.studies.sweeps.watched import executor_crew

if TYPE_CHECKING:
    import pandas as pd

FAILURES = "failures.json"


@dataclass(frozen=True)
class Sweep:
    """What a sweep left in ``folder``. counts : different runs by state. rows : of the design."""

    folder: Path
    design: Design
    counts: Counts
    interrupted: bool
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether no run is missing or failed."""
        return not self.interrupted and not self.counts.failed

    def outcomes(self, columns: list[str] | None = None) -> pd.DataFrame:
        """A row per run: policy, world, point, replication, then the measures."""
        return read_outcomes(self.folder, columns)


class Laboratory:
    """A store with a crew at work on it: what every study that runs simulations uses.

    Made by :func:`laboratory`. counts : runs by state when it was opened, and when it was closed.
    """

    def __init__(self, store: Store, foreman: Foreman, columns: Any) -> None:
        self.store = store
        self.counts = store.journal.counts()
        self._foreman = foreman
        self._columns = columns

    def run(self, tasks: Sequence[Task] | None = None, design: Design | None = None) -> None:
        """Have what is missing of ``tasks`` (default: of the whole design) done.

        design : one that extends the store's, taken over first.
        """
        if design is not None:
            self.store.extend(design)
            self._foreman.extended()
        if tasks is None:
            self._foreman.do(self.store.design.tasks(), self.store.design.size)
        else:
            self._foreman.do(tasks, sum(len(task.policies) for task in tasks))

    def rows(self, tasks: Sequence[Task], measures: Sequence[str]) -> pd.DataFrame:
        """The rows of those runs of ``tasks`` that are done: the keys, then ``measures``."""
        wanted = [(name, kind) for name, kind in self._columns if name in measures]
        found: pd.DataFrame = rows_of(self.store, tasks, wanted).to_pandas()
        return found


@contextlib.contextmanager
def laboratory(
    folder: Path,
    design: Design,
    session: Session,
    *,
    owner: Owner = "sweep",
    limits: Limits = NO_LIMITS,
) -> Iterator[Laboratory]:
    """Open the store of ``folder`` with a crew; however it ends, what is finished is kept.

    At the end, and when it is interrupted, the finished runs are gathered into outcomes/ and the
    manifest is written. limits : of a run. See :meth:`sim.studies.sweeps.store.Store.open` for
    ``owner``, and :func:`sweep` for the errors.
    """
    start = time.perf_counter()
    command = session.command or (f"sim.{owner}",)
    elsewhere = session.executor or session.cluster
    count = 1 if elsewhere else checked_workers(session.workers, design.scenario)
    with (
        telling_what_is_kept(folder),
        Store.open(
            folder, design, overwrite=session.overwrite, rerun_failed=session.rerun_failed,
            owner=owner,
        ) as store,
        _crew(design, count, session, limits, folder) as crew,
    ):  # fmt: skip
        remember(store.design)
        columns = columns_of(store.design)
        foreman = Foreman(
            store, crew, columns, limits=limits, on_error=session.on_error,
            progress=session.progress,
        )  # fmt: skip
        made, interrupted = Laboratory(store, foreman, columns), True
        try:
            yield made
            interrupted = False
        except StoreError:
            # What could not be written cannot be gathered either.
            raise
        except BaseException:
            with _counted(made):
                crew.close(at_once=True)
                store.adopt("part-*")
                store.journal.forget_unfinished()
            _finish(store, columns, command, count, start, interrupted)
            raise
        with _counted(made):
            store.journal.forget_unfinished()
        _finish(store, columns, command, count, start, interrupted)


@contextlib.contextmanager
def telling_what_is_kept(folder: Path) -> Iterator[None]:
    """Have a Ctrl-C say that the finished runs of ``folder`` are kept, if it holds a study.

    Outermost: it may come at any moment, also while the folder is opened or gathered.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        if error.args or not (folder / saved_design.NAME).exists():
            raise
        raise KeyboardInterrupt(
            f"finished runs are kept in {folder}; go on with the same command and --resume "
            f"--out {folder}"
        ) from None


@contextlib.contextmanager
def _counted(made: Laboratory) -> Iterator[None]:
    """Count the runs at the end, also where a second Ctrl-C cuts it short."""
    try:
        yield
    finally:
        made.counts = made.store.journal.counts()


@contextlib.contextmanager
def _crew(
    design: Design,
    count: int,
    session: Session,
    limits: Limits,
    folder: Path,
) -> Iterator[Crew]:
    check_memory(design.scenario_of(0, 0), limits)
    warm_up()
    remember(design)
    made: Crew
    with contextlib.ExitStack() as stack:
        stack.enter_context(frozen_memory())
        if session.cluster is not None:
            from sim.studies.sweeps.cluster import cluster_crew

            made = stack.enter_context(cluster_crew(session.cluster, folder, limits))
        elif session.executor is not None:
            slots = getattr(session.executor, "_max_workers", 4)
            made = executor_crew(session.executor, slots, limits)
        elif count == 1 and limits == NO_LIMITS:
            made = SerialCrew(run_batch)
        else:
            made = LocalCrew(
                run_batch, count, lambda batch: limits.until_it_hangs, limits.hard_bytes
            )
        try:
            yield made
        except BaseException:
            made.close(at_once=True)
            raise
        made.close(at_once=False)


def _finish(
    store: Store, columns: Any, command: Sequence[str], workers: int, start: float, stopped: bool
) -> None:
    store.gather(columns)
    counts, design = store.journal.counts(), store.design
    failures = store.folder / FAILURES
    if counts.failed:
        files.write_json(failures, sorted(_failed_runs(store), key=itemgetter("run")))
    else:
        failures.unlink(missing_ok=True)
    files.write_manifest(
        store.folder, design.scenario, command, seed=design.scenario.seed,
        policies=list(design.policies), baseline=design.baseline,
        replications=design.replications, worlds=len(design.worlds), points=len(design.points),
        rows=design.size, runs={"done": counts.done, "failed": counts.failed},
        interrupted=stopped, workers=workers,
        seconds={"last_session": seconds_since(start), "all_runs": round(counts.seconds, 3)},
    )  # fmt: skip


def _failed_runs(store: Store) -> Iterator[dict[str, Any]]:
    """Where and why runs failed, each once, at the first place of the design that it has."""
    left = {one.run: one for one in store.journal.failures()}
    for task in store.design.tasks():
        if not left:
            return
        for policy, run in store.design.keys(task).items():
            if run in left:
                place = dict(zip(KEYS, (policy, *task[:3]), strict=True))
                yield place | left.pop(run)._asdict()


def sweep(
    study: StudyFile | Design,
    folder: str | Path,
    *,
    workers: int | None = None,
    executor: futures.Executor | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    rerun_failed: bool = False,
    limits: Limits | None = None,
    on_error: OnError = "continue",
    progress: Progress | None = None,
    command: Sequence[str] = ("sim.sweep",),
) -> Sweep:
    """Do all runs of a study that ``folder`` does not hold yet.

    Parameters
    ----------
    study : of :func:`sim.studies.sweeps.study_file.read_study`, or its design
    folder : of the store; one that holds the same study, or a smaller one, goes on
    workers : processes of this machine, default one a processor; the results do not depend on it
    executor : any executor of :mod:`concurrent.futures` instead, whose workers see the folder
    cluster : address of a Dask scheduler instead, such as "tcp://10.0.0.5:8786"
    overwrite : start again if the folder holds a study
    rerun_failed : do failed runs again
    limits : of a run; default those of the study
    on_error : "stop" at the first failed run, or "continue"
    progress : called with (rows settled, rows in all)
    command : for the manifest

    Raises
    ------
    InputError
        If the study or the folder cannot be used, see :meth:`sim.studies.sweeps.store.Store.open`,
        or the cluster cannot be reached or is lost. StoreError if the folder cannot be written any
        more.
    FailedRunError
        If a run failed and ``on_error`` is "stop".
    """
    start = time.perf_counter()
    if on_error not in ("stop", "continue"):
        raise InputError(f"on_error = '{on_error}' is not known; write stop or continue")
    design = study if isinstance(study, Design) else make_design(study)
    if isinstance(study, StudyFile):
        check_discovery(study, design)
    if limits is None:
        limits = limits_of(study) if isinstance(study, StudyFile) else NO_LIMITS
    folder = Path(folder)
    interrupted = False
    bench: Laboratory | None = None
    session = Session(
        workers=workers, executor=executor, cluster=cluster, overwrite=overwrite,
        rerun_failed=rerun_failed, on_error=on_error, progress=progress, command=command,
    )  # fmt: skip
    try:
        with laboratory(folder, design, session, limits=limits) as bench:
            bench.run()
    except KeyboardInterrupt:
        if bench is None:
            raise
        interrupted = True
    counts = bench.counts
    return Sweep(folder, design, counts, interrupted, seconds_since(start))


def check_discovery(study: StudyFile, design: Design) -> None:
    """Refuse a [discovery] that asks for what the runs of ``design`` will not have.

    Raises
    ------
    InputError
        If there is no such measure or policy.
    """
    measures = tuple(name for name, _ in columns_of(design))
    study.study.discovery.check(measures, design.policies, f"{study.where}: ")


def limits_of(study: StudyFile) -> Limits:
    """The limits of a run that a study file sets."""
    table = study.study
    megabytes = table.memory_limit_mb
    return Limits(table.time_limit_seconds, None if megabytes is None else megabytes * 1e6)
