"""A study as an Excel workbook: a sheet per table, what it came to first, what columns mean last.

Sheets are written row by row, so memory does not grow with them.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sim.errors import InputError
from sim.studies.exporting.saved_study import SavedStudy, SavedTable

MOST_ROWS = 1_048_576
"""Rows of a sheet, the header among them: a limit of the file format."""

LONGEST_TEXT = 32_767
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FIRST_SHEETS = ("summary", "outcomes", "points", "worlds", "daily")
_ABOUT = {
    "summary": "means of every measure by policy, with intervals and the change each makes",
    "outcomes": "a row per run: what came of it",
    "points": "a row per setting of the levers",
    "worlds": "a row per draw of what is not known",
    "daily": "a row per run and day",
    "earnings": "who took part in the first run of each policy, and what they earned",
    "retention": "share of new customers who are still members by age",
    "orders": "every order",
    "ledger": "every double-entry line",
    "people": "the people's own ids",
    "dictionary": "what every column is, with its unit",
}


def write_workbook(study: SavedStudy, dictionary: SavedTable, path: Path) -> list[str]:
    """Write the workbook; returns a sentence about each table that is too long for a sheet.

    Raises
    ------
    InputError
        If the outcomes themselves do not fit.
    """
    import openpyxl
    from openpyxl.utils.exceptions import WorkbookAlreadySaved

    if study.outcomes.rows >= MOST_ROWS:
        raise InputError(
            f"{study.folder} holds {study.outcomes.rows:,} runs; a sheet of Excel holds "
            f"{MOST_ROWS - 1:,} and the header; use --format csv"
        )
    order = (*_FIRST_SHEETS, *(name for name in study.tables if name not in _FIRST_SHEETS))
    tables = [study.tables[name] for name in order if name in study.tables]
    fitting = [table for table in tables if table.rows < MOST_ROWS]
    left_out = [
        f"{table.name} has {table.rows:,} rows, more than a sheet of Excel holds; use --format csv"
        for table in tables
        if table.rows >= MOST_ROWS
    ]
    book = openpyxl.Workbook(write_only=True)
    try:
        _add_front(book, study, [*fitting, dictionary], left_out)
        for table in (*fitting, dictionary):
            _add_table(book, table)
        book.save(path)
    except BaseException:
        # A sheet that is not closed complains on standard error when it is collected.
        for sheet in book.worksheets:
            with contextlib.suppress(OSError, WorkbookAlreadySaved):
                sheet.close()
        raise
    return left_out


def _add_front(book: Any, study: SavedStudy, tables: list[SavedTable], left_out: list[str]) -> None:
    """The first sheet: what the study came to, how it was made, and what the others hold."""
    sheet = book.create_sheet("README")
    sheet.column_dimensions["A"].width = 20
    sheet.column_dimensions["B"].width = 110
    for row in _front_rows(study, tables, left_out):
        sheet.append([_cell(sheet, value) for value in row])


def _front_rows(
    study: SavedStudy, tables: list[SavedTable], left_out: list[str]
) -> Iterator[tuple[Any, ...]]:
    manifest = study.manifest
    yield "study", study.scenario.name
    if study.verdict:
        yield "verdict", study.verdict
    yield "made by", " ".join(manifest.get("command", ()))
    yield "written", manifest.get("written")
    yield "seed", manifest.get("seed", study.scenario.seed)
    yield "program", f"Vouch {manifest.get('versions', {}).get('vouch', '')}".strip()
    yield "amounts", f"columns that end in _cents are in hundredths of {study.scenario.currency}"
    yield "missing", "an empty cell: not defined for this run, such as a mean of nobody"
    yield ()
    for table in tables:
        yield table.name, f"{_ABOUT.get(table.name, 'a table of the study')}; {table.rows:,} rows"
    for sentence in left_out:
        yield "left out", sentence


def _add_table(book: Any, table: SavedTable) -> None:
    """A sheet with the header in bold, in view while one scrolls."""
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(table.name)
    sheet.freeze_panes = "A2"
    for place, name in enumerate(table.schema.names, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = max(9, len(name) + 2)
    header = [_cell(sheet, name) for name in table.schema.names]
    for cell in header:
        cell.font = Font(bold=True)
    sheet.append(header)
    for batch in table.batches():
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any) -> Any:
    """A value as a sheet can hold it: text never as a formula, nothing for what is missing."""
    from openpyxl.cell import WriteOnlyCell

    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    if value is None or isinstance(value, bool | int):
        return value
    text = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(value))[:LONGEST_TEXT]
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    return cell
