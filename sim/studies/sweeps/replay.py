"""One run of a study again: found by its place or its key, and compared to the bit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.errors import InputError, nearest
from sim.measures import outcomes
from sim.model import WordOfMouthModel
from sim.scenario import Scenario
from sim.studies.files import MANIFEST
from sim.studies.sweeps import saved_design
from sim.studies.sweeps.batches import do_run
from sim.studies.sweeps.design import KEYS, Design, Task
from sim.studies.sweeps.parts import RUN
from sim.studies.sweeps.store import OUTCOMES, PARTS

if TYPE_CHECKING:
    import pyarrow as pa

COMPARED = "outcomes.parquet"
HOW = (
    "name it by its row (0, 1, ...), by policy/world/point/replication such as none/0/0/0, or by "
    "the key in the column 'run'"
)


class Place(NamedTuple):
    """A run of a study: where it stands, and its key."""

    policy: str
    task: Task
    key: str


class Replay(NamedTuple):
    """A run done again. model : at its end. saved : its row in the study, None if it has none.

    measures : what the study keeps of a run, computed again. differences : measures that are
    not the same bits as the saved ones, with both values.
    """

    place: Place
    model: WordOfMouthModel
    saved: Mapping[str, Any] | None
    measures: Mapping[str, float | int]
    differences: Mapping[str, tuple[Any, Any]]


def load_design(folder: Path) -> Design:
    """The design of a folder's sweep, or that of its comparison or single run.

    Raises
    ------
    InputError
        If the folder holds none.
    """
    if (folder / saved_design.NAME).exists() or not (folder / COMPARED).exists():
        where = str(folder / saved_design.NAME)
        return saved_design.from_text(saved_design.read_text(folder), where)[0]
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        policies, replications = manifest["policies"], manifest["replications"]
    except (OSError, ValueError, KeyError):
        raise InputError(f"{folder / MANIFEST} is missing or damaged; restore it") from None
    scenario = Scenario.load(folder / "scenario.toml")
    baseline = manifest.get("baseline", policies[0])
    return Design(scenario, tuple(policies), baseline, replications=replications)


def find_run(folder: Path, design: Design, name: str) -> Place:
    """The run of the study in ``folder`` that ``name`` means, see :data:`HOW`.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    if name.isdecimal():
        task, policy = _by_row(folder, design, int(name))
    elif "/" in name:
        task, policy = _by_coordinates(design, name)
    else:
        return _by_key(design, name)
    return Place(policy, task, design.run_key(policy, *task[:3]))


def _by_row(folder: Path, design: Design, number: int) -> tuple[Task, str]:
    """The run of row ``number`` of the outcomes, in which failed runs have none."""
    left = number
    for path in _outcome_files(folder):
        rows = _read(path)
        if left < rows.num_rows:
            row = rows.slice(left, 1).to_pylist()[0]
            # A comparison has one world and one point.
            place = (row.get("world", 0), row.get("point", 0), row["replication"])
            return Task(*place, design.policies), row["policy"]
        left -= rows.num_rows
    count = number - left
    allowed = f"give 0 to {count - 1:,}" if count else "no run has finished"
    raise InputError(f"RUN {number}: the outcomes have {count:,} rows; {allowed}")


def _by_coordinates(design: Design, name: str) -> tuple[Task, str]:
    policy, *numbers = name.split("/")
    if policy not in design.policies:
        raise InputError(
            f"RUN {name}: there is no policy '{policy}'{nearest(policy, design.policies)}"
        )
    sizes = (len(design.worlds), len(design.points), design.replications)
    if len(numbers) == 1 and sizes[:2] == (1, 1):
        numbers = ["0", "0", *numbers]
    if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        raise InputError(f"RUN {name}: write policy/world/point/replication, such as none/0/0/0")
    for key, number, count in zip(KEYS[1:], numbers, sizes, strict=True):
        if int(number) >= count:
            raise InputError(f"RUN {name}: there is no {key} {number}; give 0 to {count - 1}")
    world, point, replication = map(int, numbers)
    return Task(world, point, replication, design.policies), policy


def _by_key(design: Design, name: str) -> Place:
    found: dict[str, Place] = {}
    for task in design.tasks():
        for policy, key in design.keys(task).items():
            if key.startswith(name):
                found.setdefault(key, Place(policy, task, key))
    if not found:
        raise InputError(f"RUN {name} is not in the study; {HOW}")
    if len(found) > 1:
        raise InputError(f"RUN {name} is the beginning of {len(found)} keys; give more of it")
    return next(iter(found.values()))


def replay(folder: Path, name: str) -> Replay:
    """Do a run of the study in ``folder`` again, and compare it with what the study kept of it.

    Raises
    ------
    InputError
        If the folder or the run cannot be used. Whatever made the run fail, if it did.
    """
    design = load_design(folder)
    place = find_run(folder, design, name)
    scenario = design.scenario_of(place.task.world, place.task.point)
    measures = do_run(design, place.policy, place.task)
    model = WordOfMouthModel(
        scenario, policy=place.policy, replication=place.task.replication
    ).run()
    again = outcomes(model.record())
    if any(not same(measures[key], value) for key, value in again.items()):
        raise RuntimeError(f"run {place.key} gives other results when it is done twice")
    saved = saved_row(folder, place)
    differences = {
        key: (value, measures[key])
        for key, value in (saved or {}).items()
        if key in measures and not same(value, measures[key])
    }
    return Replay(place, model, saved, measures, differences)


def same(one: Any, other: Any) -> bool:
    """Whether two numbers are the same; nan is the same as nan, and as None, a missing one."""
    one, other = (math.nan if value is None else value for value in (one, other))
    return bool(one == other or (math.isnan(one) and math.isnan(other)))


def saved_row(folder: Path, place: Place) -> dict[str, Any] | None:
    """The outcomes that a study kept of a run, None if it has none.

    Raises
    ------
    InputError
        If a file of the outcomes is damaged.
    """
    world, point, replication, _ = place.task
    which: list[tuple[str, str, Any]] = [
        ("policy", "=", place.policy), ("replication", "=", replication),
    ]  # fmt: skip
    if not (folder / COMPARED).exists():
        which += [("world", "=", world), ("point", "=", point)]
    # A study that was killed has finished runs that are not among the outcomes yet.
    parts = sorted((folder / PARTS).glob("*.parquet"))
    by_key = [(RUN, "=", place.key)]
    for path, filters in [(one, which) for one in _outcome_files(folder)] + [
        (one, by_key) for one in parts
    ]:
        rows = _read(path, filters=filters).slice(0, 1).to_pylist()
        if rows:
            return dict(rows[0])
    return None


def _outcome_files(folder: Path) -> list[Path]:
    """The files with the outcomes of a study, one after the other."""
    found = sorted((folder / OUTCOMES).glob("outcomes-*.parquet"))
    return found or [path for path in [folder / COMPARED] if path.exists()]


def _read(path: Path, **options: Any) -> pa.Table:
    """A file of outcomes; InputError if it is damaged."""
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_table(path, page_checksum_verification=True, **options)
    except (ArrowException, OSError) as error:
        raise InputError(
            f"{path} is damaged ({error}); run the study again with --resume, which does again "
            "what is lost"
        ) from None
