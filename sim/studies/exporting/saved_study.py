"""A study read back from its folder, a batch of rows at a time: its size does not matter."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError
from sim.scenario import Scenario
from sim.studies.dictionary import (
    SUMMARY_COLUMNS,
    Entry,
    describe_table,
    measure_unit,
    study_tables,
    target_columns,
)

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 4_096
AGAIN = "the file was changed or cut; the study's command, run again, makes what is lost"


@dataclass(frozen=True)
class SavedTable:
    """A table of a study: a Parquet file or several parts of one, or made from the summary.

    schema : of every batch; where the parts differ, the type that holds all of them.
    """

    name: str
    schema: pa.Schema
    rows: int
    parts: tuple[Path, ...] = ()
    made: pa.Table | None = None

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows in order, at most :data:`BATCH_ROWS` at a time; ``columns``: only those."""
        import pyarrow as pa

        names = self.schema.names if columns is None else columns
        schema = pa.schema([self.schema.field(name) for name in names])
        if self.made is not None:
            yield from self.made.select(names).to_batches(BATCH_ROWS)
        for part in self.parts:
            with _reading(part):
                yield from _batches(part, names, schema)

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """All rows at once."""
        import pyarrow as pa

        batches = list(self.batches(columns))
        if batches:
            return pa.Table.from_batches(batches)
        names = self.schema.names if columns is None else columns
        return self.schema.empty_table().select(names)


@dataclass(frozen=True)
class SavedStudy:
    """The folder of a study: its tables by name, its dictionary, and what it came to.

    manifest, summary : ``manifest.json`` and ``comparison.json``, {} where there is none.
    dictionary : an entry per column of ``tables``, which hold ``summary`` where there is one.
    """

    folder: Path
    scenario: Scenario
    tables: dict[str, SavedTable]
    dictionary: tuple[Entry, ...]
    manifest: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def outcomes(self) -> SavedTable:
        """A row per run."""
        return self.tables["outcomes"]

    @property
    def verdict(self) -> str:
        """The verdict of a comparison, or what the memo of a sweep recommends; "" without."""
        memo = self.folder / "memo.md"
        if "verdict" in self.summary or not memo.exists():
            return str(self.summary.get("verdict", ""))
        return memo.read_text(encoding="utf-8").split("\n\n")[1]


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn a failure to read a Parquet file into an InputError that names it."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read ({reason}); {AGAIN}") from None


def _batches(part: Path, names: list[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    from pyarrow import parquet

    with parquet.ParquetFile(part, page_checksum_verification=True) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            yield batch.select(names).cast(schema)


def open_study(folder: Path) -> SavedStudy:
    """The study in a folder, as ``vouch run``, ``vouch compare`` or ``vouch sweep`` leave it.

    Raises
    ------
    InputError
        If the folder holds no study, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name the --out folder of a study")
    paths = study_tables(folder)
    for what, is_there in (
        ("outcomes.parquet", "outcomes" in paths),
        ("scenario.toml", (folder / "scenario.toml").is_file()),
    ):
        if not is_there:
            raise InputError(
                f"{folder} holds no {what}, so it is no finished study; name the --out folder of "
                "`vouch run`, `vouch compare` or `vouch sweep`"
            )
    scenario = Scenario.load(folder / "scenario.toml")
    tables = {name: _saved_table(name, tuple(parts)) for name, parts in paths.items()}
    summary = _json_object(folder / "comparison.json")
    if summary:
        tables["summary"] = _summary_table(folder / "comparison.json", summary, scenario.currency)
    targets = target_columns(folder)
    dictionary = [
        entry
        for table in tables.values()
        for entry in describe_table(table.name, table.schema, scenario, targets)
    ]
    manifest = _json_object(folder / "manifest.json")
    return SavedStudy(folder, scenario, tables, tuple(dictionary), manifest, summary)


def _saved_table(name: str, parts: tuple[Path, ...]) -> SavedTable:
    import pyarrow as pa
    from pyarrow import parquet

    schemas, rows = [], 0
    for part in parts:
        with (
            _reading(part),
            parquet.ParquetFile(part, page_checksum_verification=True) as file,
        ):
            schemas.append(file.schema_arrow.remove_metadata())
            rows += file.metadata.num_rows
    with _reading(parts[0].parent):
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    return SavedTable(name, schema, rows, parts)


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}); {AGAIN}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} cannot be read (it is no JSON object); {AGAIN}")
    return content


def _summary_table(path: Path, summary: dict[str, Any], currency: str) -> SavedTable:
    """A row per policy and measure of ``comparison.json``: its mean, and the change it makes."""
    import pyarrow as pa

    try:
        rows = [
            {
                "policy": policy,
                "measure": measure,
                "unit": measure_unit(measure, currency),
                **{part: found[part] for part in ("mean", "sd", "low", "high")},
                **_change(summary["differences"].get(policy, {}).get(measure, {})),
            }
            for policy, outcomes in summary["policies"].items()
            for measure, found in outcomes.items()
            if isinstance(found, dict)
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error!r} is missing); {AGAIN}") from None
    texts = ("policy", "measure", "unit")
    schema = pa.schema(
        [(name, pa.string() if name in texts else pa.float64()) for name in SUMMARY_COLUMNS]
    )
    return SavedTable("summary", schema, len(rows), made=pa.Table.from_pylist(rows, schema))


def _change(difference: dict[str, float]) -> dict[str, float | None]:
    names = {"change": "mean", "change_low": "low", "change_high": "high"}
    found = {name: difference.get(part) for name, part in names.items()}
    return found | {"better_share": difference.get("better_share")}
