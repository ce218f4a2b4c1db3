"""``vouch rank``: the best of a study's policies, with as few runs as the answer needs."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from rich.console import RenderableType
from rich.markup import escape

from sim.commands.console import INTERRUPTED
from sim.commands.study_call import StudyCall
from sim.commands.sweep import chosen_store, keep_study_file
from sim.commands.sweep_memo import page_of
from sim.commands.tables import plain_table
from sim.studies.ranking.rank import NAME, Ranking, rank
from sim.studies.wording import DASH, figure, label, policy_text


def rank_policies(call: StudyCall, policies: tuple[str, ...]) -> None:
    """Run the candidates of a study file until the best is known as surely as asked."""
    study = call.study()
    with chosen_store(call.out, f"{study.name}-rank", call.resume, call.overwrite) as folder:
        with call.output.progress("candidates are out") as progress:
            found = rank(study, folder, policies=policies, session=call.session(progress))
        keep_study_file(call.path, folder)
        page = page_of(folder, call.report and not found.interrupted)
    call.output.show(*_tables(found), *([f"Report: {page}"] if page else []))
    call.output.result(found.document() | {"out": str(folder)})
    if found.interrupted:
        raise typer.Exit(INTERRUPTED)


def _tables(found: Ranking) -> Iterator[RenderableType]:
    measure = found.objective
    unit = f", {found.design.scenario.currency}" if measure.endswith("_cents") else ""
    yield f"[bold]{escape(found.statement)}[/bold]"
    yield ""
    document = found.document()
    table = plain_table(
        f"{label(measure).capitalize()} per run{unit}, of the candidate's own runs",
        "candidate", "settings", "mean", "behind", "runs", "out after", left=2,
    )  # fmt: skip
    for one in document["candidates"]:
        settings = ", ".join(f"{name.split('.')[-1]} {v}" for name, v in one["settings"].items())
        behind = figure(measure, one["behind"]) if one["behind"] == one["behind"] else DASH
        table.add_row(
            escape(policy_text(one["name"])), escape(settings) or DASH,
            figure(measure, one["mean"]), behind, f"{one['runs']:,}",
            "in" if one["out_after"] is None else f"{one['out_after']:,}",
        )  # fmt: skip
    yield table
    yield ""
    yield f"Saved: {found.folder / NAME}, and every run in {found.folder / 'outcomes'}"
