"""A store whose runs nobody simulated: their measures are a function of their key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.studies.sweeps import journal as study_journal
from sim.studies.sweeps.design import Design
from sim.studies.sweeps.parts import table_of, write_part
from sim.studies.sweeps.store import PARTS, Store

COLUMNS = (("orders", "int64"), ("roi", "float64"))
JOURNAL = study_journal.NAME


def measures_of(run: str) -> dict[str, float | int]:
    """What a run that nobody simulated gave; one in five has no roi."""
    number = int(run[1:12], 16)
    return {"orders": number, "roi": float("nan") if number % 5 == 0 else number / 7}


def do_missing(held: Store, most: int | None = None, runs_of_a_part: int = 3) -> list[str]:
    """Have missing runs done, a part for every few; returns their keys."""
    missing = [
        held.design.run_key(policy, *task[:3])
        for task, _ in held.claim(held.design.tasks())
        for policy in task.policies
    ][:most]
    for start in range(0, len(missing), runs_of_a_part):
        few = missing[start : start + runs_of_a_part]
        name = f"{PARTS}/part-{few[0]}.parquet"
        table = table_of([(run, measures_of(run)) for run in few], COLUMNS)
        held.finish([(write_part(held.folder, name, table), [(run, 0.5) for run in few])], [])
    return missing


def complete(folder: Path, design: Design, **options: Any) -> list[str]:
    """One process that works on the study to the end; returns the runs that it did."""
    with Store.open(folder, design, **options) as held:
        done = do_missing(held)
        held.journal.forget_unfinished()
        held.gather(COLUMNS)
    return done


def every_run(design: Design) -> list[str]:
    """The keys of all different runs."""
    runs = (run for task in design.tasks() for run in design.keys(task).values())
    return list(dict.fromkeys(runs))


def do_in_large_parts(held: Store) -> None:
    """Have all runs done as a foreman does, a few hundred at a time, keeping none."""
    waiting: list[str] = []

    def flush() -> None:
        name = f"{PARTS}/part-{waiting[0]}.parquet"
        table = table_of([(run, measures_of(run)) for run in waiting], COLUMNS)
        held.finish([(write_part(held.folder, name, table), [(run, 0.5) for run in waiting])], [])
        waiting.clear()

    for task, _ in held.claim(held.design.tasks()):
        waiting.extend(held.design.run_key(policy, *task[:3]) for policy in task.policies)
        if len(waiting) >= 1000:
            flush()
    if waiting:
        flush()
