"""``vouch sweep`` and ``vouch status``: all runs of a study, and where it stands."""

from __future__ import annotations

import contextlib
import datetime
import json
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from rich.console import RenderableType
from rich.markup import escape

from sim.commands.console import FAULT, INTERRUPTED, Output
from sim.commands.study_call import StudyCall
from sim.commands.sweep_memo import say_what_it_means
from sim.commands.tables import plain_table
from sim.errors import InputError, InputWarning
from sim.studies import files
from sim.studies.replicate import checked_workers
from sim.studies.sweeps import saved_design
from sim.studies.sweeps.batches import LimitError, columns_of
from sim.studies.sweeps.design import Design, make_design
from sim.studies.sweeps.estimate import COUNTED_UP_TO, Estimate, different_runs, estimate
from sim.studies.sweeps.foreman import OnError
from sim.studies.sweeps.journal import LOST_WORKER, Counts, Failure, Journal
from sim.studies.sweeps.journal import NAME as JOURNAL
from sim.studies.sweeps.lock import is_worked_on
from sim.studies.sweeps.parts import write_bytes
from sim.studies.sweeps.store import OUTCOMES
from sim.studies.sweeps.study_file import StudyFile
from sim.studies.sweeps.sweep import (
    FAILURES,
    Sweep,
    check_discovery,
    limits_of,
    sweep,
    telling_what_is_kept,
)


@contextlib.contextmanager
def chosen_store(out: Path | None, name: str, resume: bool, overwrite: bool) -> Iterator[Path]:
    """The folder of a study: ``out``; with ``resume`` else the newest of that study in results/.

    An interrupt inside says what is kept in it.

    Raises
    ------
    InputError
        If there is nothing to go on with, or it is both to go on and to start again.
    """
    if resume and overwrite:
        raise InputError(
            "--resume goes on with a study and --overwrite starts it again; leave out one of them"
        )
    with contextlib.ExitStack() as stack:
        if resume:
            folder = _store_to_go_on_with(out, name)
        else:
            folder = stack.enter_context(files.chosen_folder(out, name))
        stack.enter_context(telling_what_is_kept(folder))
        yield folder


def _store_to_go_on_with(out: Path | None, name: str) -> Path:
    if out is not None:
        if not (out / saved_design.NAME).exists():
            raise InputError(f"{out} holds no sweep to go on with; leave out --resume to begin one")
        return out
    first = files.default_folder(name)
    stem = first.name.rsplit("-", 2)[0]
    found = [
        path
        for path in first.parent.glob(f"{stem}-*")
        if (path / saved_design.NAME).exists() and path.name.startswith(f"{stem}-2")
    ]
    if not found:
        raise InputError(
            f"there is no sweep of {name} in {first.parent} to go on with; name its folder with "
            "--out, or leave out --resume to begin one"
        )
    return max(found, key=lambda path: (path / saved_design.NAME).stat().st_mtime)


def run_sweep(
    call: StudyCall,
    *,
    policies: tuple[str, ...],
    replications: int | None,
    rerun_failed: bool,
    dry_run: bool,
    on_error: str,
) -> None:
    """Do all runs of a study file that its folder does not hold yet."""
    if on_error not in ("stop", "continue"):
        raise InputError(f"--on-error {on_error} is not known; write stop or continue")
    study = call.study(replications)
    if dry_run:
        design = _checked_design(study, policies)
        _show_estimate(study, design, call.workers, call.out, call.output)
        return
    how: OnError = "stop" if on_error == "stop" else "continue"
    with chosen_store(call.out, study.name, call.resume, call.overwrite) as folder:
        design = _checked_design(study, policies)
        with call.output.progress("runs") as progress:
            found = sweep(
                design, folder, workers=call.workers, cluster=call.cluster,
                overwrite=call.overwrite, rerun_failed=rerun_failed, limits=limits_of(study),
                on_error=how,
                progress=progress, command=files.command_line(),
            )  # fmt: skip
        keep_study_file(call.path, folder)
        said = say_what_it_means(found, call.report)
        call.output.show(*sweep_tables(found), *said.lines)
        document = _document(found.folder, found.design, found.counts)
        call.output.result(document | {"recommendation": list(said.recommendation)})
    end_as(found)


def _checked_design(study: StudyFile, policies: tuple[str, ...]) -> Design:
    design = make_design(study, policies=policies)
    check_discovery(study, design)
    if design.baseline not in design.policies:
        text = (
            f"the baseline '{design.baseline}' is not among the policies, so there will be no "
            "memo; add it"
        )
        warnings.warn(text, InputWarning, stacklevel=2)
    return design


def end_as(found: Sweep) -> None:
    """End with the exit code that a sweep deserves."""
    if found.interrupted:
        raise typer.Exit(INTERRUPTED)
    if found.counts.failed:
        raise typer.Exit(FAULT)


def keep_study_file(path: Path, folder: Path) -> None:
    """Keep the file of a study beside its results."""
    write_bytes(folder / "study.toml", path.read_bytes())


def sweep_tables(found: Sweep) -> Iterator[RenderableType]:
    """What a sweep has done, for the terminal."""
    design, counts = found.design, found.counts
    yield shape_of(design)
    yield (
        f"{counts.done:,} different runs are done"
        + (f", {counts.failed:,} failed" if counts.failed else "")
        + f"; {duration(counts.seconds)} of work, {duration(found.seconds)} this time"
    )
    if found.interrupted:
        yield "Interrupted: go on with the same command and --resume --out " + str(found.folder)
    if counts.failed:
        yield (
            f"Why runs failed: {found.folder / FAILURES}; do them again with --resume "
            "--rerun-failed"
        )
    # An interrupt may have come before the first rows were gathered.
    rows = found.folder / OUTCOMES
    if rows.exists():
        yield f"Rows: {rows}  (points.parquet and worlds.parquet say what each is)"


def shape_of(design: Design) -> str:
    """The shape of a design in one line."""
    parts = [
        f"{len(design.policies)} policies", f"{len(design.worlds):,} worlds",
        f"{len(design.points):,} points", f"{design.replications:,} replications",
    ]  # fmt: skip
    return f"{design.size:,} rows: {' x '.join(parts)}"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def size(count: float) -> str:
    """Bytes as a person says them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 0.1):,.1f} MB"


def _show_estimate(
    study: StudyFile, design: Design, workers: int | None, out: Path | None, output: Output
) -> None:
    count = checked_workers(workers, design.scenario)
    done = 0
    if out is not None and (out / JOURNAL).exists():
        with Journal.read(out) as journal:
            done = journal.counts().done
    found = estimate(design, columns_of(design), count, limits_of(study), done)
    output.show(*_estimate_tables(design, found, count, done))
    output.result(found._asdict() | {"workers": count, "done": done})
    found.check(out or Path())


def _estimate_tables(
    design: Design, found: Estimate, workers: int, done: int
) -> Iterator[RenderableType]:
    yield shape_of(design)
    table = plain_table("", "before it starts", "", left=2)
    if found.runs is not None:
        table.add_row("different runs", f"{found.runs:,}" + (f", {done:,} done" if done else ""))
    table.add_row("a run", duration(found.seconds_of_a_run))
    table.add_row(f"time, {workers} workers", f"about {duration(found.seconds)}")
    table.add_row("memory", f"about {size(found.memory_bytes)}")
    table.add_row("disk", f"up to {size(found.disk_bytes)}")
    yield table


# -------------------------------------------------------------------------------------- status


def show_status(folder: Path, output: Output) -> None:
    """Say where the study of a folder stands, also while it runs."""
    text = saved_design.read_text(folder)
    design, _ = saved_design.from_text(text, str(folder / saved_design.NAME))
    with Journal.read(folder) as journal:
        counts, failures = journal.counts(), journal.failures()
    working = is_worked_on(folder)
    output.show(*_status_tables(folder, design, counts, failures, working))
    output.result(_document(folder, design, counts))


def _document(folder: Path, design: Design, counts: Counts) -> dict[str, Any]:
    runs = different_runs(design) if design.size <= COUNTED_UP_TO else None
    settled = counts.done + counts.failed
    return {
        "out": str(folder),
        "rows": design.size,
        "policies": list(design.policies),
        "worlds": len(design.worlds),
        "points": len(design.points),
        "replications": design.replications,
        "runs": runs,
        "done": counts.done,
        "failed": counts.failed,
        "running": counts.running,
        "missing": None if runs is None else max(0, runs - settled - counts.running),
        "seconds_of_work": counts.seconds,
    }


def _status_tables(
    folder: Path, design: Design, counts: Counts, failures: list[Failure], working: bool
) -> Iterator[RenderableType]:
    found = _document(folder, design, counts)
    yield shape_of(design)
    table = plain_table("", "different runs", "", left=1)
    if found["runs"] is not None:
        table.add_row("in all", f"{found['runs']:,}")
    table.add_row("done", f"{counts.done:,}")
    table.add_row("failed", f"{counts.failed:,}")
    if working:
        table.add_row("under way", f"{counts.running:,}")
    elif counts.running:
        table.add_row("cut off", f"{counts.running:,}")
    if found["missing"] is not None:
        table.add_row("not begun", f"{found['missing']:,}")
    yield table
    if counts.done and found["missing"]:
        each = counts.seconds / counts.done
        yield f"A run takes {duration(each)}; {duration(each * found['missing'])} of work is left"
    interrupted = _interrupted(folder)
    if interrupted is not None:
        yield interrupted
    kinds = Counter(_kind(one) for one in failures)
    for kind, count in kinds.most_common(5):
        example = next(one for one in failures if _kind(one) == kind)
        what = f"{count:,} failed" + (", such as" if count > 1 else ":")
        yield (
            f"{what} {example.run} at {escape(example.stage)}: {escape(example.error)}: "
            f"{escape(example.message)}"
        )
        yield f"  {_how_to_see(folder, example)}"


def _how_to_see(folder: Path, failure: Failure) -> str:
    """Where a failure can be watched, with a warning if it takes the process with it."""
    again = f"vouch replay {escape(str(folder))} {failure.run}"
    if failure.stage == LOST_WORKER:
        return (
            f"not to be seen with {again}: that has no limits, and would end or hang as this did; "
            "make the world smaller or mend the scheme, then add --rerun-failed"
        )
    if failure.error == LimitError.__name__:
        return f"{again} does it without the limit: it takes all the time and memory it needs"
    return f"see it happen: {again}"


def _kind(failure: Failure) -> tuple[str, str]:
    """What failures have in common: where, whatever the day, and the type of the error."""
    return failure.stage.split()[0], failure.error


def _interrupted(folder: Path) -> str | None:
    """When the study was worked on last, from its manifest."""
    try:
        manifest = json.loads((folder / files.MANIFEST).read_text(encoding="utf-8"))
        written = datetime.datetime.fromisoformat(manifest["written"]).astimezone()
    except (OSError, ValueError, KeyError):
        return None
    how = "stopped early" if manifest.get("interrupted") else "finished"
    return f"Last session {how} on {written:%Y-%m-%d at %H:%M}"
