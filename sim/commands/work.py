"""The commands that simulate, and the one that draws: ``run``, ``compare``, ``report``."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import typer

from sim import checkpoint
from sim.commands import saved_runs
from sim.commands.console import INTERRUPTED, Output
from sim.commands.explain import coefficients, explain_tables
from sim.commands.loading import with_policies
from sim.commands.tables import comparison_tables, run_tables
from sim.commands.tables import saved as where_saved
from sim.errors import InputError, InputWarning, nearest
from sim.model import ENGINES, Engine, WordOfMouthModel, default_policy
from sim.opportunists import attack_summary
from sim.processors import check_threads, processors
from sim.report import build
from sim.scenario import Scenario
from sim.studies import files
from sim.studies.compare import branch_note, compare, tries_rules, with_rules


def checked_engine(name: str) -> Engine:
    """The name of an engine; InputError if there is none of that name."""
    if name not in ENGINES:
        raise InputError(f"there is no engine '{name}'{nearest(name, ENGINES)}")
    return cast(Engine, name)


def explain(scenario: Scenario, policy: str | None, output: Output) -> None:
    """Say which mechanisms are on, with their coefficients, units and sources."""
    found = coefficients(scenario, policy or default_policy(scenario))
    output.show(*explain_tables(found))
    output.result([one._asdict() for one in found])


def run_once(
    scenario: Scenario,
    *,
    policy: str | None,
    engine: str,
    out: Path | None,
    overwrite: bool,
    report: bool,
    output: Output,
    threads: int | None = None,
    saved: Path | None = None,
    until: float | None = None,
    save: Path | None = None,
) -> None:
    """One simulation: its summary, its daily columns and its books.

    saved : a run to go on from. until : day on whose morning to stop. save : file to write the
    run to. threads : threads of a day, None for one a processor.
    """
    start = time.perf_counter()
    saved_runs.check_place(save, until)
    threads = processors() if threads is None else threads
    check_threads(threads)
    with (
        files.chosen_folder(out, scenario.name) as destination,
        files.study_folder(destination, overwrite) as folder,
    ):
        model = saved_runs.begin(scenario, policy, checked_engine(engine), saved, threads)
        scenario, last = model.scenario, saved_runs.last_tick(model, until)
        said = model.programme.warnings()
        _warn(said)
        with output.progress("days") as progress:
            while model.tick < last:
                model.step()
                if progress is not None:
                    progress(model.tick, last)
        if save is not None:
            checkpoint.save(model, save)
        outcomes, attack = model.outcomes(), _attack(model)
        write_run(folder, model, outcomes)

        def manifest() -> None:
            files.write_manifest(
                folder, scenario, files.command_line(), seed=scenario.seed, policies=[model.policy],
                engine=engine, replications=1, workers=1, warnings=said,
                **saved_runs.past_of(model, saved),
                seconds={"all": round(time.perf_counter() - start, 3)},
            )  # fmt: skip

        _finish(folder, manifest, report)
    page = destination / "report.html" if report else None
    days, people = model.tick * scenario.dt, model.world.graph.size
    what = f"{days:g} days, {people:,} people, seed {scenario.seed}"
    output.show(
        f"[bold]{model.policy}[/bold]: {what}", "", *run_tables(outcomes, attack, scenario.currency)
    )
    output.show(*saved_runs.told_of(model, saved, save), where_saved(destination, page))
    output.result(
        {
            "policy": model.policy,
            "seed": scenario.seed,
            "outcomes": outcomes,
            "abuse": attack,
            "out": str(destination),
        }
        | ({} if save is None else {"save": str(save), "day": days})
    )


def _attack(model: WordOfMouthModel) -> dict[str, float] | None:
    """What opportunists took out of a run, None where there are none."""
    if model.scenario.population.opportunists == 0:
        return None
    return attack_summary(model.ledger.orders(), model.ledger)


def _warn(texts: Sequence[str]) -> None:
    for text in texts:
        warnings.warn(text, InputWarning, stacklevel=2)


def write_run(
    folder: Path, model: WordOfMouthModel, outcomes: dict[str, float | int], replication: int = 0
) -> None:
    """Write the files of a finished run but its manifest."""
    import pandas as pd

    key = {"policy": model.policy, "replication": replication}
    daily = model.daily
    for place, (name, value) in enumerate(key.items()):
        daily.insert(place, name, value)
    files.write_scenario(folder, model.scenario)
    files.write_people(folder, model.world.graph.labels)
    files.write_parquet(folder / "daily.parquet", daily)
    files.write_parquet(folder / "outcomes.parquet", pd.DataFrame([key | outcomes]))
    dt = model.scenario.dt
    files.write_parquet(folder / "orders.parquet", model.ledger.orders_frame(dt))
    files.write_parquet(folder / "ledger.parquet", model.ledger.entries(dt))


def _finish(folder: Path, write_manifest: Callable[[], None], report: bool) -> None:
    """Write the manifest, and the report that reads it; then the manifest lists those files too.

    A report that cannot be made is warned of: it must not cost the results.
    """
    write_manifest()
    if report:
        try:
            build(folder)
        except Exception as error:
            _warn([f"the report could not be made ({error}); the results are saved without it"])
        write_manifest()


def compare_policies(
    scenario: Scenario,
    *,
    policies: Sequence[str],
    replications: int | None,
    workers: int | None,
    engine: str,
    keep_ledger: bool,
    rules: bool | None,
    out: Path | None,
    overwrite: bool,
    report: bool,
    output: Output,
) -> None:
    """All policies in the same worlds: the verdict, tables, files and a report."""
    scenario, names = with_policies(scenario, policies)
    has_rules = tries_rules(scenario, rules)
    with (
        files.chosen_folder(out, scenario.name) as destination,
        files.study_folder(destination, overwrite) as folder,
    ):
        with output.progress("replications") as progress:
            comparison = compare(
                scenario,
                policies=names,
                replications=replications,
                workers=workers,
                engine=checked_engine(engine),
                keep_ledger=keep_ledger,
                rules=False,
                progress=progress,
            )
        if has_rules:
            with output.progress("worlds with each rule against abuse") as progress:
                comparison = with_rules(comparison, progress)
        comparison.write(folder)
        _finish(folder, lambda: comparison.write_manifest(folder, files.command_line()), report)
    page = destination / "report.html" if report else None
    note = branch_note(comparison.scenario)
    output.show(
        *([note] if note else []), *comparison_tables(comparison), where_saved(destination, page)
    )
    output.result(comparison.summary() | {"out": str(destination)})
    if comparison.interrupted:
        raise typer.Exit(INTERRUPTED)


def rebuild_report(study: Path, out: Path | None, overwrite: bool, output: Output) -> None:
    """Draw the figures and the page of a finished study again, there or in a copy of it."""
    if out is None:
        page = build(study)
    else:
        if not (study / files.MANIFEST).is_file():
            raise InputError(f"{study} holds no study ({files.MANIFEST}); name the --out of one")
        with files.study_folder(out, overwrite) as folder:
            shutil.copytree(study, folder, dirs_exist_ok=True)
            page = out / build(folder).name
    output.show(f"Report: {page}")
    output.result({"report": str(page)})
