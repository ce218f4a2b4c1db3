"""The data dictionary: every column with its unit, taken from where it is declared."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pytest

from sim.errors import InputError
from sim.measures import DAILY, MEASURES, UNITS
from sim.quantities import Column
from sim.studies import files
from sim.studies.dictionary import (
    SUMMARY_COLUMNS,
    Entry,
    describe,
    in_currency,
    study_tables,
    target_columns,
)
from sim.twins import TWIN_MEASURES
from tests.saved_sweeps import GIVE, LEARNING, SCENARIO, write_sweep


@pytest.fixture
def sweep(tmp_path):
    folder = tmp_path / "sweep"
    write_sweep(folder)
    return folder


def described(folder):
    return {(entry.table, entry.column): entry for entry in describe(folder, SCENARIO)}


def test_every_measure_has_a_unit_and_nothing_else_has():
    assert set(UNITS) == set(MEASURES)
    assert all(UNITS.values())


@pytest.mark.parametrize("columns", [DAILY, TWIN_MEASURES, SUMMARY_COLUMNS])
def test_every_declared_column_has_unit_and_meaning(columns):
    assert all(isinstance(column, Column) and all(column) for column in columns.values())


def test_amounts_and_only_amounts_are_in_cents():
    units = UNITS | {name: column.unit for name, column in (DAILY | TWIN_MEASURES).items()}
    for name, unit in units.items():
        assert name.endswith("_cents") == unit.startswith("cents"), name


def test_units_name_the_currency():
    assert in_currency("cents", "CHF") == "0.01 CHF"
    assert in_currency("cents per customer", "CHF") == "0.01 CHF per customer"
    assert in_currency("currency units, probability", "CHF") == "CHF, probability"
    assert in_currency("percent", "CHF") == "percent"


def test_every_column_of_a_sweep_has_unit_and_meaning(sweep):
    found = described(sweep)
    assert all(entry.unit and entry.meaning and entry.declared for entry in found.values())
    assert {table for table, _ in found} == {"outcomes", "points", "worlds"}


def test_an_outcome_is_described_as_its_measure_is(sweep):
    entry = described(sweep)["outcomes", "profit_cents"]
    assert (entry.type, entry.unit, entry.declared) == ("int64", "0.01 CHF", "sim.measures.DAILY")
    assert entry.meaning.lower().startswith(DAILY["profit_cents"].meaning)
    twin = described(sweep)["outcomes", "roi"]
    assert (twin.type, twin.meaning) == ("float64", TWIN_MEASURES["roi"].meaning)


def test_how_a_measure_is_counted_is_in_the_details(tmp_path):
    files.write_parquet(tmp_path / "outcomes.parquet", pd.DataFrame({"k_factor": [0.5]}))
    (entry,) = describe(tmp_path, SCENARIO)
    assert entry.declared == "sim.measures.k_factor"
    assert entry.meaning == "New customers brought per new customer, within a set time of joining"
    assert entry.details.startswith("Cohort: customers who joined at least H before the end;")


def test_a_factor_is_described_as_its_field_is(sweep):
    found = described(sweep)
    learning = found["worlds", LEARNING]
    field = type(SCENARIO.behavior.share).model_fields["learning"]
    extra = field.json_schema_extra
    assert learning.meaning == field.description
    assert (learning.unit, learning.kind, learning.source) == (
        extra["unit"], extra["kind"], extra["source"],
    )  # fmt: skip
    assert learning.low == next(one.ge for one in field.metadata if hasattr(one, "ge"))
    give = found["points", GIVE]
    assert (give.unit, give.kind, give.low) == ("CHF", "lever", 0)


def test_a_target_adds_two_outcomes(sweep):
    found = described(sweep)
    assert found["outcomes", "soon_reached_day"].unit == "days"
    by_day = found["outcomes", "soon_by_day"]
    assert (by_day.unit, by_day.meaning) == ("customers", "new_customers in all by the end")


def test_a_damaged_design_is_named(tmp_path):
    (tmp_path / "design.json").write_text('{"targets": {"soon": {"measure": 1}}}')
    with pytest.raises(InputError, match=r"design\.json cannot be read"):
        target_columns(tmp_path)


def test_a_column_that_nothing_declares_is_listed_without_a_unit(tmp_path):
    table = pd.DataFrame({"policy": ["none"], "made_up": [1.0]})
    files.write_parquet(tmp_path / "outcomes.parquet", table)
    files.write_parquet(tmp_path / "points.parquet", pd.DataFrame({"behavior.nothing": [1]}))
    found = described(tmp_path)
    assert found["outcomes", "made_up"] == Entry("outcomes", "made_up", "float64")
    assert found["points", "behavior.nothing"] == Entry("points", "behavior.nothing", "int64")


def test_tables_are_files_of_the_folder_and_folders_of_their_name(sweep):
    (sweep / "outcomes.new").mkdir()
    files.write_parquet(sweep / "outcomes.new" / "outcomes-00000.parquet", pd.DataFrame({"a": [1]}))
    found = study_tables(sweep)
    assert [path.name for path in found.pop("outcomes")] == [
        "outcomes-00000.parquet", "outcomes-00001.parquet",
    ]  # fmt: skip
    assert found == {name: [sweep / f"{name}.parquet"] for name in ("points", "worlds")}


def test_json_and_csv_beside_the_data_say_the_same(sweep):
    by_table = json.loads((sweep / "dictionary.json").read_text(encoding="utf-8"))
    with (sweep / "dictionary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["table"], row["column"]) for row in rows] == list(described(sweep))
    for row in rows:
        said = {
            name: str(value)
            for name, value in by_table[row.pop("table")][row.pop("column")].items()
        }
        assert said == {name: value for name, value in row.items() if value}
    assert {"dictionary.json", "dictionary.csv"} <= set(
        json.loads((sweep / "manifest.json").read_text())["files"]
    )


def test_a_folder_without_tables_gets_no_dictionary(tmp_path):
    files.write_dictionary(tmp_path, SCENARIO)
    assert list(tmp_path.iterdir()) == []
