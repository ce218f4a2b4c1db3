"""``vouch validate``: every target measured, its page, and whether each target can fail."""

from __future__ import annotations

import datetime
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from sim.commands.console import FAULT, INTERRUPTED, Output
from sim.commands.tables import plain_table
from sim.errors import InputError
from sim.studies import files
from sim.studies.wording import DASH, band, significant
from sim.validation.running import Result, Verdict, measure_targets
from sim.validation.target import KINDS, Picture, Target
from sim.validation.targets import chosen

PAGE = "validation.md"

_MARKS: dict[Verdict, str] = {
    "pass": "[green]pass[/green]", "missed": "[bold red]missed[/bold red]",
    "error": "[bold red]error[/bold red]", "no data": "[yellow]no data[/yellow]",
    "not built": "[dim]not built yet[/dim]",
}  # fmt: skip


def validate(
    *,
    only: Sequence[str],
    fast: bool,
    power: bool | None,
    workers: int | None,
    out: Path | None,
    docs: Path | None,
    overwrite: bool,
    output: Output,
) -> None:
    """Measure targets, show and keep what was found; ends with 1 if one is missed."""
    if workers is not None and workers < 1:
        raise InputError(f"workers = {workers} is not possible; give at least 1")
    targets = chosen(list(only), fast=fast)
    whole = not only and not fast
    if docs is not None and not whole:
        raise InputError("--docs renews the whole page: leave out --only and --fast")
    page_folder = docs if docs is not None else _docs_here() if whole else None
    with (
        files.chosen_folder(out, "validation") as destination,
        files.study_folder(destination, overwrite) as folder,
    ):
        with output.progress("measurements") as progress:
            results, interrupted = measure_targets(
                targets, quick=fast, power=whole if power is None else power, workers=workers,
                progress=progress,
            )  # fmt: skip
        if interrupted and not results:
            raise KeyboardInterrupt("nothing was measured yet")
        document = as_document(results, fast=fast, interrupted=interrupted)
        _write(folder, document)
    output.show(*tables(results, every_reading=bool(only)))
    output.show("", f"Saved: {destination}")
    if page_folder is not None:
        output.show(_renew_page(destination, page_folder, results, interrupted))
    output.result(document | {"out": str(destination)})
    if interrupted:
        output.show("Interrupted: what is shown and saved is what was measured.")
        raise typer.Exit(INTERRUPTED)
    if not document["passed"]:
        raise typer.Exit(FAULT)


def _docs_here() -> Path | None:
    """``docs`` where it holds the page already, as in a checkout."""
    folder = Path("docs")
    return folder if (folder / PAGE).is_file() else None


def _write(folder: Path, document: dict[str, Any]) -> None:
    from sim.report.validation import build_page

    files.write_json(folder / "validation.json", document)
    build_page(folder)
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    manifest = {
        "command": files.command_line(),
        "study": "validation",
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": files.versions(),
        "git_revision": files.git_revision(),
        "files": [*names, files.MANIFEST],
    }
    files.write_json(folder / files.MANIFEST, manifest)


def _renew_page(study: Path, docs: Path, results: Sequence[Result], interrupted: bool) -> str:
    """Copy the page and its pictures of a whole validation; says what was done."""
    absent = [result.target.name for result in results if result.verdict == "no data"]
    if interrupted or absent:
        why = f"there is no data for {', '.join(absent)}" if absent else "it is not whole"
        return f"Page: {docs / PAGE} is left as it is, {why}"
    try:
        docs.mkdir(parents=True, exist_ok=True)
        pictures, fresh = docs / "validation", docs / ".validation-new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(study / "validation", fresh)
        shutil.copyfile(study / PAGE, fresh / PAGE)
        shutil.rmtree(pictures, ignore_errors=True)
        (fresh / PAGE).replace(docs / PAGE)
        fresh.replace(pictures)
    except OSError as error:
        raise InputError(f"--docs {docs}: the page cannot be written there ({error})") from None
    return f"Page: {docs / PAGE}"


# ------------------------------------------------------------------------------- as a document


def as_document(
    results: Sequence[Result], *, fast: bool, interrupted: bool = False
) -> dict[str, Any]:
    """Results as plain values for JSON: what the page is made of.

    "passed" needs that something was measured, and that nothing failed.
    """
    measured = [result for result in results if result.finding is not None]
    return {
        "form": "fast" if fast else "full",
        "interrupted": interrupted,
        "passed": bool(measured) and not any(result.failed for result in results),
        "counts": dict(Counter(result.verdict for result in results)),
        "targets": [_as_row(result) for result in results],
    }


def _as_row(result: Result) -> dict[str, Any]:
    target, finding = result.target, result.finding
    return {
        "name": target.name,
        "class": target.kind,
        "class_name": KINDS[target.kind],
        "claim": target.claim,
        "source": target.source,
        "how": target.how,
        "verdict": result.verdict,
        "message": result.message,
        "calibrated": target.calibrated,
        "explained": target.explained if result.verdict == "missed" else "",
        "seconds": round(result.seconds, 1),
        "readings": [
            {**reading._asdict(), "holds": reading.holds, "room": reading.room}
            for reading in (finding.readings if finding else ())
        ],
        "notes": list(finding.notes) if finding else [],
        "planted": _planted(target, result),
        "picture": _picture(finding.picture) if finding and finding.picture else None,
    }


def _planted(target: Target, result: Result) -> dict[str, Any] | None:
    if target.plant is None:
        return None
    row = {"says": target.plant.says, "module": target.plant.module, "measured": None}
    if result.planted is not None:
        row |= result.planted._asdict()
    return row


def _picture(picture: Picture) -> dict[str, Any]:
    curves = [
        {**curve._asdict(), "x": curve.x.tolist(), "y": curve.y.tolist()}
        for curve in picture.curves
    ]
    return picture._asdict() | {"curves": curves}


# ----------------------------------------------------------------------------------- as tables


def tables(results: Sequence[Result], *, every_reading: bool) -> Iterator[Table | str]:
    """The verdict first, then a table a class; every reading, or the one with the least room."""
    counts = Counter(result.verdict for result in results)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _MARKS if counts[verdict])
    caught = [result.planted.caught for result in results if result.planted is not None]
    if caught:
        said += f"; {sum(caught)} of {len(caught)} planted errors caught"
    good = not any(result.failed for result in results)
    yield f"[bold {'green' if good else 'red'}]{said}[/]"
    for kind, name in KINDS.items():
        part = [result for result in results if result.target.kind == kind]
        if part:
            yield ""
            yield _class_table(f"{name.capitalize()} ({kind})", part, every_reading)
    for result in results:
        yield from _remarks(result)


def _class_table(title: str, results: Sequence[Result], every_reading: bool) -> Table:
    table = plain_table(title, "", "what", "expected", "measured", "verdict", left=2)
    for result in results:
        shown = result.finding.readings if result.finding is not None else ()
        if not every_reading and result.finding is not None:
            missed = [one for one in shown if not one.holds]
            shown = tuple(missed) or (result.finding.tightest,)
        if not shown:
            table.add_row(
                result.target.name, escape(result.target.claim), DASH, DASH, _MARKS[result.verdict]
            )
        for place, reading in enumerate(shown):
            mark = _MARKS[result.verdict] if place == 0 else ""
            table.add_row(
                result.target.name if place == 0 else "",
                escape(reading.what),
                band(reading.low, reading.high),
                significant(reading.measured),
                mark,
            )
    return table


def _remarks(result: Result) -> Iterator[str]:
    name = result.target.name
    if result.message:
        yield f"{name}: {escape(result.message)}"
    if result.verdict == "missed" and result.target.explained:
        yield f"{name}: {escape(result.target.explained)}"
    if result.planted is not None and not result.planted.caught:
        assert result.target.plant is not None
        yield f"[red]{name} did not notice its planted error: {escape(result.target.plant.says)}[/]"


def list_targets(only: Sequence[str], fast: bool, output: Output) -> None:
    """The targets chosen, without measuring."""
    targets = chosen(list(only), fast=fast)
    table = plain_table("Targets of vouch validate", "", "class", "claim", left=3)
    for target in targets:
        table.add_row(target.name, KINDS[target.kind], escape(target.claim))
    output.show(table)
    output.result([
        {"name": one.name, "class": one.kind, "claim": one.claim, "source": one.source,
         "built": one.measure is not None}
        for one in targets
    ])  # fmt: skip
