"""Batches: a few tasks of a study, done and written to the store's folder by whoever has them.

A worker needs nothing but the folder. What it keeps between batches (the design, the last world
and the baseline's run in it) saves time and does not show in the results.
"""

from __future__ import annotations

import gc
import math
import threading
import time
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.errors import InputError, InputWarning
from sim.measures import Run, outcomes
from sim.model import WordOfMouthModel
from sim.network import SocialGraph
from sim.scenario import Scenario
from sim.studies.crews import check_interrupt, resident_bytes, show_life
from sim.studies.sweeps import saved_design
from sim.studies.sweeps.design import Design, Task, file_digest
from sim.studies.sweeps.journal import Failure
from sim.studies.sweeps.parts import Columns, Part, table_of, write_part
from sim.studies.sweeps.study_file import Target
from sim.twins import TWIN_MEASURES, compare_with_twin
from sim.world import World, bytes_needed, make_graph, make_world, world_seed

SECONDS_OF_A_PART = 1.0
"""Runs that take longer are written one by one, so that a crash costs at most one."""


class Limits(NamedTuple):
    """Of a run: seconds it may take, and bytes its process may hold; None for no limit.

    grace : seconds beyond, before its process is ended.
    """

    seconds: float | None = None
    bytes: float | None = None
    grace: float = 30.0

    @property
    def until_it_hangs(self) -> float:
        """Seconds after which a run is ended from outside: it should have ended by itself.

        A run may begin with one of the baseline, and each looks at the clock once a day.
        """
        return math.inf if self.seconds is None else self.grace + 4 * self.seconds

    @property
    def hard_bytes(self) -> float | None:
        """Memory above which a process is ended from outside."""
        return None if self.bytes is None else 1.5 * self.bytes


NO_LIMITS = Limits()


class Batch(NamedTuple):
    """Tasks to do. folder : of the store. design : digest of the one meant. token : its own."""

    folder: str
    design: str
    token: str
    tasks: tuple[Task, ...]
    columns: Columns
    limits: Limits = NO_LIMITS


class Report(NamedTuple):
    """What became of a batch.

    parts : with the runs in each and their seconds. warnings : of policies and files.
    """

    parts: list[tuple[Part, list[tuple[str, float | None]]]]
    failures: list[Failure]
    warnings: list[str]


class LimitError(RuntimeError):
    """A run that took too long or too much memory."""


class Stage:
    """Where a run is, for its failure."""

    name = "scenario"


# A thread of a cluster's worker has its own; forked processes start with their parent's.
_kept = threading.local()
_designs: dict[str, Design] = {}


def remember(design: Design) -> str:
    """Keep a design for the batches of this process and those forked from it; returns its digest.

    Networks read from files are read now, so that forked processes share them.
    """
    digest = saved_design.digest(saved_design.as_text(design))
    _designs.clear()
    _designs[digest] = design
    for world in range(len(design.worlds)):
        if design.scenario_of(world, 0).network.file is None:
            break
        _graph_of_file(design, design.scenario_of(world, 0))
    return digest


def _design_of(batch: Batch) -> Design:
    if batch.design not in _designs:
        text = saved_design.read_text(Path(batch.folder))
        if saved_design.digest(text) != batch.design:
            raise InputError(
                f"{batch.folder}/{saved_design.NAME} is not the one of the study that is running; "
                "all workers need the same folder"
            )
        _designs.clear()
        _designs[batch.design], _ = saved_design.from_text(text, batch.folder)
    return _designs[batch.design]


def run_batch(batch: Batch) -> Report:
    """Do a batch: every finished run is in a part in the folder, every failed one in the report.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    design = _design_of(batch)
    report = Report([], [], [])
    waiting: list[tuple[str, Mapping[str, float | int], float]] = []
    since = time.perf_counter()

    def flush() -> None:
        nonlocal since
        if waiting:
            # Its own name each time: a cluster may do a batch twice, and flush at other runs.
            name = f"parts/part-{batch.token}-{uuid.uuid4().hex[:8]}.parquet"
            rows = [(run, measures) for run, measures, _ in waiting]
            part = write_part(Path(batch.folder), name, table_of(rows, batch.columns))
            report.parts.append((part, [(run, seconds) for run, _, seconds in waiting]))
            waiting.clear()
        since = time.perf_counter()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        try:
            for task in batch.tasks:
                for run, result, seconds in _runs(design, task, batch.limits):
                    # Before the run is kept: what got lost in it may have left it half done.
                    check_interrupt()
                    if batch.limits.seconds is not None:
                        show_life()
                    if isinstance(result, Failure):
                        report.failures.append(result)
                    else:
                        waiting.append((run, result, seconds))
                    if time.perf_counter() - since > SECONDS_OF_A_PART:
                        flush()
        finally:
            # Ctrl-C in the middle of a run keeps those before it.
            flush()
    texts = [str(one.message) for one in caught if issubclass(one.category, InputWarning)]
    report.warnings.extend(dict.fromkeys(texts))
    return report


def _runs(
    design: Design, task: Task, limits: Limits
) -> Iterator[tuple[str, Mapping[str, float | int] | Failure, float]]:
    """The key of each run of a task, its measures or why it failed, and its seconds."""
    for policy in task.policies:
        run, stage, start = design.run_key(policy, *task[:3]), Stage(), time.perf_counter()
        result: Mapping[str, float | int] | Failure
        try:
            result = do_run(design, policy, task, limits, stage)
        except Exception as error:
            seconds = time.perf_counter() - start
            result = failure_of(run, stage.name, error, seconds)
        yield run, result, time.perf_counter() - start


def failure_of(run: str, stage: str, error: BaseException, seconds: float = 0.0) -> Failure:
    """The record of a failed run."""
    trace = "".join(traceback.format_exception(error))
    return Failure(run, stage, type(error).__name__, str(error), trace, seconds)


def do_run(
    design: Design,
    policy: str,
    task: Task,
    limits: Limits = NO_LIMITS,
    stage: Stage | None = None,
) -> Mapping[str, float | int]:
    """The outcomes of one run of a study, with those against the twin and the targets.

    stage : told where the run is.
    """
    start = time.perf_counter()
    stage = stage if stage is not None else Stage()

    def check(day: float) -> None:
        stage.name = f"day {day:g}"
        seconds = time.perf_counter() - start
        if limits.seconds is not None and seconds > limits.seconds:
            raise LimitError(
                f"{seconds:.1f} seconds are more than the limit of {limits.seconds:g}; raise "
                "time_limit_seconds, or make the world smaller"
            )
        if limits.bytes is not None and resident_bytes() > limits.bytes:
            raise LimitError(
                f"{resident_bytes() / 1e6:,.0f} MB are more than the limit of "
                f"{limits.bytes / 1e6:,.0f}; raise memory_limit_mb, or make the world smaller"
            )

    scenario = design.scenario_of(task.world, task.point)
    stage.name = "world"
    check_memory(scenario, limits)
    world = _world(design, task)
    twin = _twin(design, task, world, check)
    run = (
        twin
        if policy == design.baseline
        else simulate(scenario, policy, task.replication, world, check)
    )
    stage.name = "measures"
    against = compare_with_twin(run, twin)
    found = outcomes(run) | {name: against[name] for name in TWIN_MEASURES}
    return found | targets_reached(run, design.targets, scenario.dt)


def check_memory(scenario: Scenario, limits: Limits) -> None:
    """Refuse a generated world that is larger than the limit of memory before it is built."""
    if limits.bytes is not None and scenario.network.file is None:
        needed = bytes_needed(scenario)
        if needed > limits.bytes:
            raise LimitError(
                f"the world needs about {needed / 1e6:,.0f} MB, the limit is "
                f"{limits.bytes / 1e6:,.0f}; raise memory_limit_mb or lower population.size"
            )


def simulate(
    scenario: Scenario,
    policy: str,
    replication: int,
    world: World,
    check: Callable[[float], None] = lambda day: None,
) -> Run:
    """The record of a run, ``check`` called with the day before each tick."""
    model = WordOfMouthModel(scenario, policy=policy, replication=replication, world=world)
    for text in model.programme.warnings():
        warnings.warn(text, InputWarning, stacklevel=2)
    while model.tick < scenario.ticks:
        check(model.tick * scenario.dt)
        model.step()
    run = model.run().record()
    # A Mesa model refers to itself; its arrays would stay until the collector comes round.
    del model
    gc.collect()
    return run


def _world(design: Design, task: Task) -> World:
    key = (design.world_key(task.world, task.point), task.replication)
    kept = getattr(_kept, "world", None)
    if kept is None or kept[0] != key:
        _kept.world = _kept.twin = None
        scenario = design.scenario_of(task.world, task.point)
        graph = None if scenario.network.file is None else _graph_of_file(design, scenario)
        seed = world_seed(scenario.seed, task.replication)
        _kept.world = kept = (key, make_world(scenario, seed, graph))
    found: World = kept[1]
    return found


def _twin(design: Design, task: Task, world: World, check: Callable[[float], None]) -> Run:
    key = design.run_key(design.baseline, task.world, task.point, task.replication)
    kept = getattr(_kept, "twin", None)
    if kept is None or kept[0] != key:
        scenario = design.scenario_of(task.world, task.point)
        run = simulate(scenario, design.baseline, task.replication, world, check)
        _kept.twin = kept = (key, run)
    found: Run = kept[1]
    return found


_graphs: dict[str, SocialGraph] = {}


def _graph_of_file(design: Design, scenario: Scenario) -> SocialGraph:
    """The network of a scenario's file, read once in a process.

    Raises
    ------
    InputError
        If a file is not, here and now, the one that the study began with.
    """
    for name in ("file", "groups"):
        path = getattr(scenario.network, name)
        if path is not None and file_digest(path) != design.inputs.get(f"network.{name}"):
            raise InputError(
                f"network.{name} = {path} is not the file that the study began with; put that "
                "back, or start again in another --out"
            )
    digests = [design.inputs.get(f"network.{name}") for name in ("file", "groups")]
    key = f"{scenario.network.model_dump_json()} {digests}"
    if key not in _graphs:
        _graphs.clear()
        _graphs[key] = make_graph(scenario, scenario.seed)
    return _graphs[key]


def targets_reached(run: Run, targets: Mapping[str, Target], dt: float) -> dict[str, float]:
    """The columns NAME_reached_day and NAME_by_day of each target, see Target."""
    found: dict[str, float] = {}
    for name, target in targets.items():
        total = np.cumsum(run.daily[target.measure])
        reached = np.flatnonzero(total >= target.amount)
        found[f"{name}_reached_day"] = float((reached[0] + 1) * dt) if reached.size else np.nan
        ticks = run.ticks if target.by_day is None else round(target.by_day / dt)
        found[f"{name}_by_day"] = float(total[min(ticks, run.ticks) - 1])
    return found


def columns_of(design: Design) -> Columns:
    """The measures of a study's outcomes with their types.

    They are those of a run of two days among twenty people: a measure has the same type always.
    """
    from sim.scenario import Network, Population

    tiny = Scenario(
        days=2, population=Population(size=20), network=Network(kind="ring", mean_degree=2)
    )
    run = WordOfMouthModel(tiny).run().record()
    against = compare_with_twin(run, run)
    found: dict[str, Any] = outcomes(run) | {name: against[name] for name in TWIN_MEASURES}
    found |= targets_reached(run, design.targets, tiny.dt)
    return [
        (name, "float64" if isinstance(value, float) else "int64") for name, value in found.items()
    ]
