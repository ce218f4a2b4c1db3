"""A finished study in the formats of other programs: CSV, an Excel workbook, NetCDF.

Parquet is what a study is kept in; see docs/how-to/read-results.md for who opens it as it is.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sim.errors import InputError, nearest
from sim.studies.dictionary import Entry
from sim.studies.exporting.netcdf import write_netcdf
from sim.studies.exporting.saved_study import SavedStudy, SavedTable, open_study
from sim.studies.exporting.workbook import write_workbook
from sim.studies.files import DICTIONARY, staged_files

if TYPE_CHECKING:
    import pyarrow as pa

EXTRA = 'pip install "vouch-sim[export]"'


class Exported(NamedTuple):
    """What an export wrote. left_out : a sentence about each table that is not in it."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


class _Format(NamedTuple):
    """A format: the packages it needs, the names of its files, and what writes them.

    write : (study, folder) -> what was left out, with a reason.
    """

    packages: tuple[str, ...]
    names: Callable[[SavedStudy], list[str]]
    write: Callable[[SavedStudy, Path], list[str]]


def export(
    folder: str | Path, format: str, *, out: str | Path | None = None, overwrite: bool = False
) -> Exported:
    """Write the study in ``folder`` in another format.

    format : "csv" (a file per table), "excel" (one workbook) or "netcdf" (one file for xarray).
    out : folder of the files; default one beside the study's, with "-export" added to its name.
    Rows are read in batches, so that memory does not grow with them; only NetCDF, a grid of
    numbers, is made in memory.

    Raises
    ------
    InputError
        If there is no such format or no study, a package is not installed, a file is damaged, too
        large for the format or there already, or cannot be written. Nothing is left half-written.
    """
    if format not in FORMATS:
        raise InputError(f"there is no format '{format}'{nearest(format, FORMATS)}")
    chosen = FORMATS[format]
    for package in chosen.packages:
        _require(package, format)
    study = open_study(Path(folder))
    destination = _beside(study.folder) if out is None else Path(out)
    names = chosen.names(study)
    with staged_files(destination, names, overwrite) as staging:
        left_out = chosen.write(study, staging)
    return Exported(tuple(destination / name for name in names), tuple(left_out))


def _beside(folder: Path) -> Path:
    """The default place: a study's own folder stays as it was made."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(f"{_name(folder)}-export")


def _name(folder: Path) -> str:
    return folder.resolve().name or "study"


def _require(package: str, format: str) -> None:
    try:
        importlib.import_module(package)
    except ImportError:
        raise InputError(
            f"format {format} needs {package}, which is not installed: {EXTRA}"
        ) from None


# ------------------------------------------------------------------------------------------- CSV


def _csv_names(study: SavedStudy) -> list[str]:
    return [*(f"{name}.csv" for name in study.tables), f"{DICTIONARY}.csv"]


def _write_csv(study: SavedStudy, folder: Path) -> list[str]:
    for table in study.tables.values():
        _write_csv_table(table, folder / f"{table.name}.csv")
    _write_csv_table(_dictionary_table(study.dictionary), folder / f"{DICTIONARY}.csv")
    return []


def _write_csv_table(table: SavedTable, path: Path) -> None:
    """A table as CSV: UTF-8, numbers as short as they round-trip, nothing for what is missing."""
    from pyarrow import csv

    with csv.CSVWriter(path, table.schema) as writer:
        for batch in table.batches():
            writer.write_batch(_without_nan(batch))


def _without_nan(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same with what is nan missing."""
    import pyarrow as pa
    from pyarrow import compute

    columns = [
        compute.if_else(compute.is_nan(column), None, column)
        if pa.types.is_floating(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _dictionary_table(entries: Iterable[Entry]) -> SavedTable:
    import pyarrow as pa

    made = pa.Table.from_pylist([entry._asdict() for entry in entries])
    return SavedTable(DICTIONARY, made.schema, made.num_rows, made=made)


# ------------------------------------------------------------------------------- one file for all


def _write_excel(study: SavedStudy, folder: Path) -> list[str]:
    dictionary = _dictionary_table(study.dictionary)
    return write_workbook(study, dictionary, folder / _single(study, "xlsx"))


def _write_netcdf(study: SavedStudy, folder: Path) -> list[str]:
    return write_netcdf(study, folder / _single(study, "nc"))


def _single(study: SavedStudy, ending: str) -> str:
    """A file named like the folder of the study, since it will leave it."""
    return f"{_name(study.folder)}.{ending}"


FORMATS: dict[str, _Format] = {
    "csv": _Format((), _csv_names, _write_csv),
    "excel": _Format(("openpyxl",), lambda study: [_single(study, "xlsx")], _write_excel),
    "netcdf": _Format(
        ("xarray", "h5netcdf", "h5py"), lambda study: [_single(study, "nc")], _write_netcdf
    ),
}
"""Formats by name."""
