"""What a study says at its end: findings, memo and report of what it has run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

from rich.markup import escape

from sim.errors import InputError, InputWarning
from sim.report import build
from sim.studies.files import list_files
from sim.studies.findings.findings import read_findings
from sim.studies.findings.findings_file import write_findings
from sim.studies.findings.sweep_memo import memo_of_findings
from sim.studies.sweeps.sweep import Sweep


class Said(NamedTuple):
    """The memo as lines for the terminal, the recommendation, and the page that was made."""

    lines: tuple[str, ...] = ()
    recommendation: tuple[str, ...] = ()
    page: Path | None = None


def say_what_it_means(found: Sweep, report: bool) -> Said:
    """Write findings.json, memo.md and, if asked for, the report of a sweep that is not stopped.

    What cannot be made is warned of: it must not cost the runs.
    """
    if found.interrupted:
        return Said()
    try:
        findings = read_findings(found.folder)
        memo = memo_of_findings(findings)
        write_findings(findings, found.folder)
        memo.write(found.folder, findings.name)
        page = build(found.folder) if report else None
        list_files(found.folder)
    except (InputError, OSError) as error:
        text = f"there is no memo ({error}); the runs are saved without it"
        warnings.warn(text, InputWarning, stacklevel=2)
        return Said()
    lines = ["", f"[bold]{escape(' '.join(memo.recommendation))}[/bold]"]
    for heading, sentences in memo.parts:
        lines += ["", f"[bold]{heading}[/bold]"]
        lines += [f"- {escape(sentence)}" for sentence in sentences]
    lines += ["", f"Memo: {escape(str(found.folder / 'memo.md'))}"]
    lines += [f"Report: {escape(str(page))}"] if page else []
    return Said(tuple(lines), memo.recommendation, page)


def page_of(folder: Path, report: bool) -> Path | None:
    """The page of a finished ranking, sensitivity analysis or search, if it is asked for.

    What cannot be made is warned of: it must not cost the answer.
    """
    if not report:
        return None
    try:
        page = build(folder)
        list_files(folder)
    except (InputError, OSError) as error:
        text = f"the report could not be made ({error}); the answer is saved without it"
        warnings.warn(text, InputWarning, stacklevel=2)
        return None
    return page
