"""``vouch claims``: what of a study survives what must not matter, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.padding import Padding

from sim.commands.console import INTERRUPTED, Output
from sim.commands.tables import plain_table, saved
from sim.studies import files
from sim.studies.claim_files import read_claims
from sim.studies.claim_wording import (
    against,
    document,
    draws_kept,
    effect_figure,
    effect_span,
    effect_unit,
    legend,
    page,
)
from sim.studies.claims import ClaimsStudy, try_claims

BROKEN = 1
"""Exit code when a claim is fragile."""

_COLOURS = {"ROBUST": "green", "SHIFTED": "yellow", "FRAGILE": "red"}


def judge_claims(
    path: Path,
    *,
    only: Sequence[str],
    seed: int | None,
    replications: int | None,
    draws: int | None,
    fast: bool,
    workers: int | None,
    out: Path | None,
    overwrite: bool,
    output: Output,
) -> None:
    """Try the claims of a file again; ends with exit code BROKEN if one is fragile."""
    file = read_claims(path, seed)
    with (
        files.chosen_folder(out, f"{file.scenario.name}-claims") as destination,
        files.study_folder(destination, overwrite) as folder,
    ):
        with output.progress("pieces of work") as progress:
            study = try_claims(
                file, only=only, replications=replications, draws=draws, fast=fast,
                workers=workers, progress=progress,
            )  # fmt: skip
        found = document(study)
        _write(folder, path, study, found)
    output.show(*claims_tables(study), "", saved(destination, None))
    output.result(found | {"out": str(destination)})
    if study.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not study.holds:
        raise typer.Exit(BROKEN)


def _write(folder: Path, path: Path, study: ClaimsStudy, found: dict[str, object]) -> None:
    """Write what was found, with the claims as filed and their scenario as resolved."""
    scenario = study.file.scenario
    (folder / "claims.toml").write_bytes(path.read_bytes())
    files.write_scenario(folder, scenario)
    files.write_json(folder / "claims.json", found)
    (folder / "claims.md").write_text(page(study), encoding="utf-8")
    files.write_manifest(
        folder, scenario, files.command_line(), seed=scenario.seed,
        replications=study.effort.replications, draws=study.effort.draws,
        interrupted=study.interrupted, workers=study.workers,
        seconds={"all": round(study.seconds, 3)},
    )  # fmt: skip


def claims_tables(study: ClaimsStudy) -> Iterator[RenderableType]:
    """Claims as a strategist reads them: the verdicts, then what broke which."""
    currency = study.file.scenario.currency
    counts = [f"{count} {verdict}" for verdict, count in study.counts.items()]
    table = plain_table(
        f"{escape(study.file.scenario.name)}: {', '.join(counts)}", "verdict", "claim",
        "as filed\n(95 %)", "worst\nchange", "draws\nkept", left=2,
    )  # fmt: skip
    for one in study.judgements:
        claim, base, worst = one.claim, one.base.interval, one.worst
        table.add_row(
            f"[{_COLOURS[one.verdict]}]{one.verdict}[/]",
            escape(claim.text),
            f"{effect_figure(claim, base.mean, base)} {escape(effect_unit(claim, currency))}\n"
            f"{effect_span(claim, base)}",
            f"{effect_figure(claim, worst.interval.mean, base)}\n{worst.variant}",
            draws_kept(one.draws),
        )
    yield table
    for one in study.judgements:
        if one.reasons:
            colour = _COLOURS[one.verdict]
            yield f"\n[{colour}]{one.verdict}[/] [bold]{escape(one.claim.name)}[/bold]"
            yield from (Padding(escape(text), (0, 0, 0, 2)) for text in against(one, currency))
    yield ""
    yield from (f"[dim]{escape(text)}[/dim]" for text in legend(study))
