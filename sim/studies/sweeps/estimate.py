"""What a study will take before it is begun: runs, time, memory and disk."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import NamedTuple

from sim.errors import InputError
from sim.memory import bytes_available
from sim.model import WordOfMouthModel
from sim.studies.replicate import warm_up
from sim.studies.sweeps.batches import Limits, check_memory
from sim.studies.sweeps.design import Design
from sim.studies.sweeps.parts import Columns
from sim.world import bytes_needed, make_graph, make_world, world_seed

COUNTED_UP_TO = 300_000
"""Rows up to which equal runs are counted; the key of each takes some microseconds."""

_SECONDS_OF_A_PROBE = 2.0
_BYTES_OF_A_PROCESS = 220e6
_BYTES_OF_A_NUMBER = 5.5
"""Measured: Parquet keeps a number of the outcomes in about this many bytes."""


class Estimate(NamedTuple):
    """What a study takes. rows : of the outcomes. runs : different ones, None if too many to count.

    missing : of them not done yet. seconds_of_a_run : measured. seconds : with the workers given.
    """

    rows: int
    runs: int | None
    missing: int
    seconds_of_a_run: float
    seconds: float
    memory_bytes: float
    disk_bytes: float

    def check(self, folder: Path) -> None:
        """Refuse a study that does not fit; InputError with the figures."""
        available = bytes_available()
        if available is not None and self.memory_bytes > available:
            raise InputError(
                f"the study needs about {self.memory_bytes / 1e9:.1f} GB of memory, and "
                f"{available / 1e9:.1f} GB is free; use fewer --workers or a smaller "
                "population.size"
            )
        place = next(one for one in [folder, *folder.resolve().parents] if one.exists())
        free = shutil.disk_usage(place).free
        if self.disk_bytes > free:
            raise InputError(
                f"the study needs about {self.disk_bytes / 1e9:.2f} GB of disk, and "
                f"{free / 1e9:.2f} GB is free in {place}; make space, or choose another --out"
            )


def estimate(
    design: Design, columns: Columns, workers: int, limits: Limits, done: int = 0
) -> Estimate:
    """What ``design`` takes with ``workers`` processes, ``done`` of its runs being there already.

    A run is timed: that of the last policy in the first world, or the first seconds of it.
    """
    runs = different_runs(design) if design.size <= COUNTED_UP_TO else None
    missing = max(0, (design.size if runs is None else runs) - done)
    seconds = seconds_of_a_run(design, limits) if missing else 0.0
    scenario = design.scenario_of(0, 0)
    per_process = _BYTES_OF_A_PROCESS + bytes_needed(scenario)
    return Estimate(
        rows=design.size,
        runs=runs,
        missing=missing,
        seconds_of_a_run=seconds,
        seconds=missing * seconds / workers,
        memory_bytes=workers * per_process + _BYTES_OF_A_PROCESS,
        # Parts and the outcomes gathered from them are there together for a moment.
        disk_bytes=2 * design.size * len(columns) * _BYTES_OF_A_NUMBER + missing * 150,
    )


def different_runs(design: Design) -> int:
    """How many different runs the rows of a design come from."""
    return len({run for task in design.tasks() for run in design.keys(task).values()})


def seconds_of_a_run(design: Design, limits: Limits) -> float:
    """Seconds of the world and a run of the last policy in it, from its first seconds if long."""
    scenario = design.scenario_of(0, 0)
    check_memory(scenario, limits)
    warm_up()
    start = time.perf_counter()
    graph = None if scenario.network.file is None else make_graph(scenario, scenario.seed)
    seed = world_seed(scenario.seed, 0)
    read = time.perf_counter() - start if graph is not None else 0.0
    world = make_world(scenario, seed, graph)
    model = WordOfMouthModel(scenario, policy=design.policies[-1], world=world)
    # The network of a file is read once, not for each run.
    built = time.perf_counter() - start - read
    begun = time.perf_counter()
    while model.tick < scenario.ticks and time.perf_counter() - begun < _SECONDS_OF_A_PROBE:
        model.step()
    stepped = (time.perf_counter() - begun) * scenario.ticks / model.tick
    policies, points = len(design.policies), len(design.points)
    return built / (policies * points) + stepped * 1.15
