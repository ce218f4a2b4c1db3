"""The foreman: has the missing runs of a store done by a crew, whatever happens to the crew."""

from __future__ import annotations

import itertools
import re
import time
import uuid
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from sim.errors import InputWarning
from sim.studies.crews import Crew, Lost, Raised, check_interrupt, lasting_interrupts
from sim.studies.sweeps.batches import NO_LIMITS, Batch, Limits, Report, remember
from sim.studies.sweeps.design import Task
from sim.studies.sweeps.journal import DONE, LOST_WORKER, Failure
from sim.studies.sweeps.parts import Columns
from sim.studies.sweeps.store import Store

OnError = Literal["stop", "continue"]
SECONDS_OF_A_BATCH = 1.5
MOST_RUNS_OF_A_BATCH = 400
MOST_ATTEMPTS = 3
"""How often a run may be under way when its process dies, before it counts as failed."""

_AHEAD = 2
"""Batches handed in for each slot, so that no worker waits for the next."""

Progress = Callable[[int, int], None]


_FIGURE = re.compile(r"\d[\d.,]*")


class FailedRunError(RuntimeError):
    """A run failed, and the study is to stop at the first that does."""


class Foreman:
    """Has tasks of ``store`` done by ``crew``.

    limits : of a run. on_error : "stop" at the first failed run or "continue". done, total : rows
    of the outcomes that are settled, and that there will be, for ``progress``.
    """

    def __init__(
        self,
        store: Store,
        crew: Crew,
        columns: Columns,
        *,
        limits: Limits = NO_LIMITS,
        on_error: OnError = "continue",
        progress: Progress | None = None,
    ) -> None:
        self._store = store
        self._crew = crew
        self._columns = columns
        self._limits = limits
        self._on_error = on_error
        self._progress = progress
        self._design = remember(store.design)
        self._session = uuid.uuid4().hex[:12]
        self._numbers = itertools.count()
        self._under_way: dict[int, Batch] = {}
        self._again: deque[Task] = deque()
        self._deaths: Counter[str] = Counter()
        self._said: set[str] = set()
        self._seconds_of_a_run: float | None = None
        self.done = self.total = 0

    def extended(self) -> None:
        """Take over the design of the store, which has grown."""
        self._design = remember(self._store.design)

    def do(self, tasks: Iterable[Task], total: int) -> None:
        """Have all that is missing of ``tasks`` done. total : their runs, for the progress.

        Raises
        ------
        StoreError
            If the folder cannot be written. FailedRunError if a run failed and the study is to
            stop then. InputError if the crew is gone.
        """
        self.done, self.total = 0, total
        claimed = self._claimed(tasks)
        try:
            with lasting_interrupts():
                self._hand_in(claimed)
                while self._under_way:
                    self._tell()
                    for number, result in self._crew.collect():
                        self._take_in(self._under_way.pop(number), result)
                    check_interrupt()
                    self._hand_in(claimed)
        finally:
            # What was under way when an error came up is not waited for.
            self._under_way.clear()
            self._again.clear()
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(min(self.done, self.total), self.total)

    def _claimed(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Tasks with something to do; what need not be done counts as done."""
        for task, settled in self._store.claim(tasks):
            self.done += settled
            if task.policies:
                yield task

    def _hand_in(self, claimed: Iterator[Task]) -> None:
        while len(self._under_way) < self._crew.slots * _AHEAD:
            tasks = self._next_tasks(claimed)
            if not tasks:
                return
            number = next(self._numbers)
            batch = Batch(
                # Workers of a cluster have working folders of their own.
                str(self._store.folder.resolve()), self._design,
                f"{self._session}-{number:08d}", tasks, self._columns, self._limits,
            )  # fmt: skip
            self._under_way[number] = batch
            self._crew.submit(number, batch)

    def _next_tasks(self, claimed: Iterator[Task]) -> tuple[Task, ...]:
        """As many tasks as make a batch; one alone where it may be what kills its process."""
        if self._again:
            return (self._again.popleft(),)
        runs = 1
        if self._seconds_of_a_run is not None:
            wanted = SECONDS_OF_A_BATCH / max(self._seconds_of_a_run, 1e-6)
            runs = max(1, min(MOST_RUNS_OF_A_BATCH, int(wanted)))
        tasks: list[Task] = []
        while sum(len(task.policies) for task in tasks) < runs:
            task = next(claimed, None)
            if task is None:
                break
            tasks.append(task)
        return tuple(tasks)

    def _take_in(self, batch: Batch, result: Any) -> None:
        if isinstance(result, Report):
            self._note(result)
        elif isinstance(result, Lost):
            self._after_loss(batch, result)
        elif isinstance(result, Raised):
            raise result.error
        else:
            raise TypeError(f"a batch gave {result!r}")

    def _note(self, report: Report) -> None:
        self._store.finish(report.parts, report.failures)
        seconds = [s for _, runs in report.parts for _, s in runs if s is not None]
        self.done += len(seconds) + len(report.failures)
        if seconds:
            mean, before = sum(seconds) / len(seconds), self._seconds_of_a_run
            self._seconds_of_a_run = mean if before is None else (before + mean) / 2
        for text in report.warnings:
            # Of a warning that differs from world to world in its figures only the first is given.
            kind = _FIGURE.sub("#", text)
            if kind not in self._said:
                self._said.add(kind)
                warnings.warn(text, InputWarning, stacklevel=2)
        if report.failures and self._on_error == "stop":
            first = report.failures[0]
            raise FailedRunError(
                f"run {first.run} failed ({first.stage}): {first.error}: {first.message}"
            )

    def _after_loss(self, batch: Batch, lost: Lost) -> None:
        """Take over what the dead process left, and have the rest done again, a run at a time."""
        self._store.adopt(f"part-{batch.token}-*")
        design = self._store.design
        left = [
            task._replace(policies=(policy,)) for task in batch.tasks for policy in task.policies
        ]
        runs = {design.run_key(task.policies[0], *task[:3]): task for task in left}
        states = self._store.journal.states(list(runs))
        alone = len(runs) == 1
        for run, task in runs.items():
            if states.get(run) == DONE:
                self.done += 1
                continue
            # Only a run that was alone when its process died is known to have been at work.
            self._deaths[run] += alone
            # Another process would hang in the same place: a run does the same every time.
            if self._deaths[run] < MOST_ATTEMPTS and not (alone and lost.hung):
                self._again.append(task)
                continue
            times = self._deaths[run]
            message = lost.reason + (f" ({times} times)" if times > 1 else "")
            if lost.hung:
                message += "; raise time_limit_seconds if it needs more, then add --rerun-failed"
            self._note(Report([], [Failure(run, LOST_WORKER, "LostWorker", message, "")], []))


def seconds_since(start: float) -> float:
    """Seconds since a reading of the clock, to the millisecond."""
    return round(time.perf_counter() - start, 3)
