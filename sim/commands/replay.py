"""``vouch replay``: one run of a study again, to the bit, with its books."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import RenderableType
from rich.markup import escape

from sim.commands.console import FAULT, Output
from sim.commands.tables import plain_table, run_tables, saved
from sim.commands.work import write_run
from sim.errors import InputError
from sim.studies import files
from sim.studies.sweeps.replay import Replay, find_run, load_design, replay


def replay_run(
    study: Path, name: str, *, out: Path | None, overwrite: bool, output: Output
) -> None:
    """Do one run of a study again, say whether it is the same to the bit, and write its books.

    Ends with 1 if it is not the same, or if it fails as it did in the study.
    """
    start = time.perf_counter()
    design = load_design(study)
    place = find_run(study, design, name)
    label = f"{study.resolve().name}-{place.policy}-{'-'.join(map(str, place.task[:3]))}"
    with (
        files.chosen_folder(out, label) as destination,
        files.study_folder(destination, overwrite) as folder,
    ):
        try:
            found = replay(study, name)
        except InputError:
            raise
        except Exception as error:
            raise RuntimeError(f"run {place.key} fails: {type(error).__name__}: {error}") from error
        write_run(folder, found.model, dict(found.measures), place.task.replication)
        files.write_manifest(
            folder, found.model.scenario, files.command_line(), seed=found.model.study_seed,
            policies=[place.policy], replications=1, replication=place.task.replication,
            study_run=place.key, same_to_the_bit=found.saved is not None and not found.differences,
            seconds={"all": round(time.perf_counter() - start, 3)},
        )  # fmt: skip
    output.show(*_tables(found), saved(destination, None))
    output.result(
        {
            "run": place.key,
            "policy": place.policy,
            "world": place.task.world,
            "point": place.task.point,
            "replication": place.task.replication,
            "saved": found.saved is not None,
            "same": found.saved is not None and not found.differences,
            "differences": {name: list(both) for name, both in found.differences.items()},
            "outcomes": dict(found.measures),
            "out": str(destination),
        }
    )
    if found.differences:
        raise typer.Exit(FAULT)


def _tables(found: Replay) -> Iterator[RenderableType]:
    place, model = found.place, found.model
    world, point, replication, _ = place.task
    yield (
        f"[bold]{escape(place.policy)}[/bold], world {world}, point {point}, replication "
        f"{replication} (run {place.key})"
    )
    if found.saved is None:
        yield "The study kept nothing of this run, so there is nothing to compare it with"
    elif not found.differences:
        yield "The same to the bit as in the study"
    else:
        yield "NOT the same as in the study"
        table = plain_table("", "measure", "saved", "again")
        for name, (one, other) in found.differences.items():
            table.add_row(name, repr(one), repr(other))
        yield table
        yield "Was it made by other code, or on another machine? manifest.json says"
    yield ""
    yield from run_tables(model.outcomes(), None, model.scenario.currency)
