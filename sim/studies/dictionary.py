"""The data dictionary: what every column of a study's tables is, with its unit.

Nothing is described here twice. A measure is described by its docstring and
:data:`sim.measures.UNITS`, a column of a day by :data:`sim.measures.DAILY`, one against the twin
by :data:`sim.twins.TWIN_MEASURES`, the books by :mod:`sim.book_tables`, and a factor by the field
of the scenario that it sets.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.book_tables import ENTRY_COLUMNS, ORDER_COLUMNS
from sim.errors import InputError
from sim.measures import DAILY, MEASURES, UNITS
from sim.quantities import Column
from sim.scenario import Scenario
from sim.studies.replicate import EARNINGS_COLUMNS
from sim.studies.sweeps.factors import declared
from sim.studies.uncertainty import MONEY
from sim.twins import TWIN_MEASURES

if TYPE_CHECKING:
    import pyarrow as pa

FACTOR_TABLES = ("points", "worlds")
"""Tables with a row per setting and a column per factor."""

KEYS: dict[str, Column] = {
    "policy": Column("name", "the policy, as the scenario names it"),
    "world": Column("name", "number of a draw of what is not known; a row of worlds"),
    "point": Column("name", "number of a setting of the levers; a row of points"),
    "replication": Column(
        "name", "number of the luck; the same number is the same luck under every policy"
    ),
    "day": Column("days", "days since the start"),
    "run": Column("name", "key of the run: the same key is the same inputs, code and outcomes"),
}
"""Columns that tell rows apart, in the order in which they stand."""

_RETENTION = {
    "age_days": Column("days", "days since joining"),
    "share": Column("share", "share of the run's new customers who are still members at that age"),
}
_PEOPLE = {
    "consumer": Column("name", "the number a person has in every table"),
    "id": Column("name", "the id of that person in the file of the network"),
}
SUMMARY_COLUMNS = {
    "policy": KEYS["policy"],
    "measure": Column("name", "an outcome: a column of outcomes"),
    "unit": Column("name", "unit of the figures of this row"),
    "mean": Column("as unit says", "mean over the runs of the policy"),
    "sd": Column("as unit says", "standard deviation over these runs"),
    "low": Column("as unit says", "lower end of the 95 % interval of the mean"),
    "high": Column("as unit says", "upper end of the 95 % interval of the mean"),
    "change": Column("as unit says", "mean paired difference from the baseline"),
    "change_low": Column("as unit says", "lower end of its 95 % interval"),
    "change_high": Column("as unit says", "upper end of its 95 % interval"),
    "better_share": Column("share", "share of the replications in which the policy is better"),
}
"""Columns of the summary of a comparison: a row per policy and measure."""

_TABLES: dict[str, tuple[Mapping[str, Column], str]] = {
    "daily": (DAILY, "sim.measures.DAILY"),
    "earnings": (EARNINGS_COLUMNS, "sim.studies.replicate.earnings"),
    "retention": (_RETENTION, "sim.measures.member_survival"),
    "orders": (ORDER_COLUMNS, "sim.book_tables.ORDER_COLUMNS"),
    "ledger": (ENTRY_COLUMNS, "sim.book_tables.ENTRY_COLUMNS"),
    "people": (_PEOPLE, "sim.studies.files.write_people"),
    "summary": (SUMMARY_COLUMNS, "sim.studies.comparison.Comparison"),
}
"""Columns by table, and where they are declared. Outcomes and factors are looked up."""

_TYPES = {"string": "text", "large_string": "text", "double": "float64", "float": "float32"}
_PART_NUMBER = re.compile(r"-\d+$")


class Entry(NamedTuple):
    """A column of a table. ``low`` and ``high``, ``kind`` and ``source`` are those of a factor.

    type : of the values as stored. unit, meaning : "" where nothing declares the column.
    details : how it is counted, "" where the meaning says it all. declared : where its formula or
    its field is, as a dotted name.
    """

    table: str
    column: str
    type: str
    unit: str = ""
    meaning: str = ""
    details: str = ""
    declared: str = ""
    low: float | None = None
    high: float | None = None
    kind: str | None = None
    source: str | None = None


def study_tables(folder: Path) -> dict[str, list[Path]]:
    """The Parquet files of a study by table; one that is kept in parts has several, in order.

    A table is a file of the folder, such as ``daily.parquet``, or a folder of its name with parts,
    such as ``outcomes/outcomes-00003.parquet``. Whatever else a study keeps is no table.
    """
    found = {path.stem: [path] for path in sorted(folder.glob("*.parquet"))}
    for path in sorted(folder.glob("*/*.parquet")):
        table = _PART_NUMBER.sub("", path.stem)
        if path.parent.name == table:
            found.setdefault(table, []).append(path)
    return dict(sorted(found.items()))


def describe(folder: Path, scenario: Scenario) -> list[Entry]:
    """Every column of every table in the folder of a study, in order.

    scenario : the study's, whose fields the factors are and in whose currency amounts are.
    """
    from pyarrow import parquet

    targets = target_columns(folder)
    return [
        entry
        for table, paths in study_tables(folder).items()
        for entry in describe_table(table, parquet.read_schema(paths[0]), scenario, targets)
    ]


def describe_table(
    table: str, schema: pa.Schema, scenario: Scenario, targets: Mapping[str, Column]
) -> list[Entry]:
    """Every column of one table; ``targets`` as :func:`target_columns` gives them."""
    return [_entry(table, field, scenario, targets) for field in schema]


def target_columns(folder: Path) -> dict[str, Column]:
    """The outcomes that the targets of a sweep add, as its ``design.json`` has them; else none."""
    path = folder / "design.json"
    try:
        targets = json.loads(path.read_text(encoding="utf-8"))["targets"]
        found = [_target_columns(name, **target) for name, target in targets.items()]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}); run the study again") from None
    return {name: column for columns in found for name, column in columns.items()}


def _target_columns(
    name: str, measure: str, amount: float, by_day: float | None
) -> dict[str, Column]:
    """As :class:`sim.studies.sweeps.study_file.Target` describes them."""
    deadline = "the end" if by_day is None else f"day {by_day:g}"
    return {
        f"{name}_reached_day": Column(
            "days", f"day on which {measure} in all reach {amount:g}; missing: not in the run"
        ),
        f"{name}_by_day": Column(DAILY[measure].unit, f"{measure} in all by {deadline}"),
    }


def _entry(table: str, field: pa.Field, scenario: Scenario, targets: Mapping[str, Column]) -> Entry:
    name = field.name
    blank = Entry(table, name, _TYPES.get(str(field.type), str(field.type)))
    columns, where = _TABLES.get(table, ({}, ""))
    if name in columns:
        return _filled(blank, columns[name], where, scenario)
    if name in KEYS:
        return _filled(blank, KEYS[name], "sim.studies.dictionary.KEYS", scenario)
    if table == "outcomes":
        return _outcome(blank, scenario, targets)
    return _factor(blank, scenario) if table in FACTOR_TABLES else blank


def _filled(blank: Entry, column: Column, where: str, scenario: Scenario) -> Entry:
    return blank._replace(
        unit=in_currency(column.unit, scenario.currency), meaning=column.meaning, declared=where
    )


def in_currency(unit: str, currency: str) -> str:
    """A declared unit with the currency's name: "cents" in EUR are "0.01 EUR"."""
    named = re.sub(r"\b[Cc]ents?\b", f"0.01 {currency}", unit)
    return named.replace(MONEY, currency)


def measure_unit(measure: str, currency: str) -> str:
    """The unit of an outcome, amounts in hundredths of ``currency``; "" if there is none such."""
    against_twin = {name: column.unit for name, column in TWIN_MEASURES.items()}
    return in_currency((UNITS | against_twin).get(measure, ""), currency)


def _outcome(blank: Entry, scenario: Scenario, targets: Mapping[str, Column]) -> Entry:
    name = blank.column
    if name in TWIN_MEASURES:
        return _filled(blank, TWIN_MEASURES[name], "sim.twins.TWIN_MEASURES", scenario)
    if name in targets:
        return _filled(blank, targets[name], "sim.studies.sweeps.study_file.Target", scenario)
    if name not in MEASURES:
        return blank
    meaning, _, details = inspect.cleandoc(MEASURES[name].__doc__ or "").partition("\n\n")
    return blank._replace(
        unit=measure_unit(name, scenario.currency),
        meaning=_one_line(meaning).removesuffix("."),
        details=_one_line(details),
        declared=_home(name),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _home(measure: str) -> str:
    """Where the formula of a measure is: its function, or the table that has it made."""
    name = MEASURES[measure].__qualname__.split(".")[0]
    if name.startswith("_"):
        name = "DAILY" if measure in DAILY else "MEASURES"
    return f"sim.measures.{name}"


def _factor(blank: Entry, scenario: Scenario) -> Entry:
    try:
        found = declared(scenario, blank.column)
    except InputError:  # no factor, or one of another scenario
        return blank
    return blank._replace(
        unit=in_currency(found.unit, scenario.currency),
        meaning=found.field.description or "",
        declared=f"scenario.toml: {blank.column}",
        low=found.low if math.isfinite(found.low) else None,
        high=found.high if math.isfinite(found.high) else None,
        kind=found.kind,
        source=found.source,
    )


def by_table(entries: list[Entry]) -> dict[str, dict[str, dict[str, Any]]]:
    """Entries as ``dictionary.json`` has them: by table and column, what is empty left out."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in entries:
        said = {name: value for name, value in entry._asdict().items() if value not in ("", None)}
        table, column = said.pop("table"), said.pop("column")
        found.setdefault(table, {})[column] = said
    return found
