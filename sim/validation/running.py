"""Measure targets, several at a time, and say what came of each."""

from __future__ import annotations

import functools
import subprocess
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from sim.processors import processors
from sim.studies.replicate import Workers
from sim.validation.planting import Planted, measure_planted
from sim.validation.target import Finding, NoDataError, Target
from sim.validation.targets import TARGETS

Verdict = Literal["pass", "missed", "error", "no data", "not built"]


class Result(NamedTuple):
    """A target measured: its verdict, finding, what is to be said, seconds, its planted error."""

    target: Target
    verdict: Verdict
    finding: Finding | None = None
    message: str = ""
    seconds: float = 0.0
    planted: Planted | None = None

    @property
    def failed(self) -> bool:
        """Whether something that must hold does not, or its check cannot fail."""
        escaped = self.planted is not None and not self.planted.caught
        return self.verdict in ("missed", "error") or escaped


def measure_target(target: Target, quick: bool) -> Result:
    """Measure one target. An exception is a result too: "error" with its message."""
    if target.measure is None:
        return Result(target, "not built", message=f"waits for {target.awaits}")
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            finding = target.measure(quick)
    except NoDataError as absent:
        return Result(target, "no data", message=str(absent))
    except Exception as error:
        return Result(target, "error", message=f"{type(error).__name__}: {error}")
    verdict: Verdict = "pass" if all(one.holds for one in finding.readings) else "missed"
    return Result(target, verdict, finding, seconds=time.perf_counter() - start)


def try_plant(target: Target) -> Planted:
    """Measure a target again, in its quick form, with its error planted."""
    assert target.plant is not None
    missed: list[str] = []
    if not target.fast:  # nothing else measures the quick form without the error
        finding = measure_target(target, quick=True).finding
        missed = [one.what for one in finding.readings if not one.holds] if finding else []
    try:
        return measure_planted(target.name, target.plant, missed)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return Planted(target.name, False, f"could not be tried: {error}")


class Measured(NamedTuple):
    """Results, and whether measuring was interrupted."""

    results: list[Result]
    interrupted: bool


class _Task(NamedTuple):
    """One piece of work: a target's measurement, or its planted error."""

    name: str
    planted: bool


def _do(tasks: Sequence[_Task], quick: bool, place: int) -> Result | Planted:
    name, planted = tasks[place]
    target = TARGETS[name]
    if not planted:
        return measure_target(target, quick)
    return try_plant(target)


def measure_targets(
    targets: Sequence[Target],
    *,
    quick: bool = False,
    power: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Measure targets in worker processes.

    Parameters
    ----------
    targets : of :data:`sim.validation.targets.TARGETS`
    quick : bool
        With smaller samples.
    power : bool
        Also measure each again with its error planted.
    workers : int, optional
        Processes; one a processor by default. Findings do not depend on it.
    progress : called with (done, to do)

    Returns
    -------
    Measured
        Results in the order of ``targets``; after Ctrl-C those that were finished.
    """
    built = [target for target in targets if target.measure is not None]
    # The classes that take longest come last on the page and first here, so that no worker is
    # left alone with one at the end.
    tasks = [_Task(target.name, False) for target in reversed(built)]
    if power:
        tasks += [_Task(target.name, True) for target in built if target.plant is not None]
    measured: dict[str, Result] = {}
    planted: dict[str, Planted] = {}
    count = min(processors() if workers is None else workers, max(len(tasks), 1))
    try:
        with Workers(functools.partial(_do, tasks, quick), count) as pool:
            for done, (place, found) in enumerate(pool.run(range(len(tasks))), start=1):
                _file(found, tasks[place].name, measured, planted)
                if progress is not None:
                    progress(done, len(tasks))
    except KeyboardInterrupt:
        return Measured(_in_order(targets, measured, planted), True)
    return Measured(_in_order(targets, measured, planted), False)


def _file(found: Any, name: str, measured: dict[str, Result], planted: dict[str, Planted]) -> None:
    if isinstance(found, Planted):
        planted[name] = found
    else:
        measured[name] = found


def _in_order(
    targets: Sequence[Target],
    measured: dict[str, Result],
    planted: dict[str, Planted],
) -> list[Result]:
    results = []
    for target in targets:
        if target.measure is None:
            results.append(measure_target(target, quick=True))
        elif target.name in measured:
            result = measured[target.name]
            # The target is this process's own: its functions did not travel.
            own = None if result.verdict == "no data" else planted.get(target.name)
            results.append(result._replace(target=target, planted=own))
    return results
