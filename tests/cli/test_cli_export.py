"""``vouch export`` as a user runs it, and the dictionary beside what the commands write."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pytest
from pyarrow import parquet

from sim.studies.dictionary import study_tables
from sim.studies.sweeps.study_file import read_study
from sim.studies.sweeps.sweep import sweep
from tests.saved_sweeps import write_sweep

NETWORK = "source,target\n" + "".join(f"p{i},p{(i * i + 7) % 60}\n" for i in range(60))
ALL_ON = [
    '--set=network.file="ties.csv"',
    "--set=network.repair=true",
    "--set=population.opportunists=0.05",
    "--days=6",
    "--quiet",
    "--no-report",
]

STUDY = """
scenario = "scenario.toml"
policies = ["none", "give_get"]
replications = 1
[points.factors]
"policies.give_get.give" = [2.0, 5.0]
[worlds.factors]
"behavior.share.learning" = [0.1, 0.2]
[targets.soon]
measure = "new_customers"
amount = 5
"""


@pytest.fixture
def study(vouch, scenario, tmp_path):
    """A comparison that writes every table there is, with people who have ids of their own."""
    (tmp_path / "ties.csv").write_text(NETWORK)
    ended = vouch(
        "compare", scenario, *ALL_ON, "--replications=2", "--workers=1", "--keep-ledger",
        "--no-rules", "--out=study",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    return tmp_path / "study"


def assert_every_column_is_described(folder):
    dictionary = json.loads((folder / "dictionary.json").read_text(encoding="utf-8"))
    tables = {path.stem: parquet.read_schema(path).names for path in folder.glob("*.parquet")}
    assert {table: list(columns) for table, columns in dictionary.items()} == tables
    for table, columns in dictionary.items():
        for column, said in columns.items():
            assert {"type", "unit", "meaning", "declared"} <= set(said), (table, column)


def test_every_column_of_a_comparison_is_in_the_dictionary(study):
    assert_every_column_is_described(study)
    assert {path.stem for path in study.glob("*.parquet")} == {
        "outcomes", "daily", "earnings", "retention", "orders", "ledger", "people",
    }  # fmt: skip
    listed = json.loads((study / "manifest.json").read_text())["files"]
    assert {"dictionary.json", "dictionary.csv"} <= set(listed)


def test_every_column_of_a_run_is_in_the_dictionary(vouch, scenario, tmp_path):
    (tmp_path / "ties.csv").write_text(NETWORK)
    assert vouch("run", scenario, *ALL_ON, "--policy=give_get", "--out=one").code == 0
    assert_every_column_is_described(tmp_path / "one")


def test_every_column_of_a_sweep_is_in_the_dictionary(tmp_path, scenario):
    study = tmp_path / "study.toml"
    study.write_text(STUDY)
    sweep(read_study(study), tmp_path / "sweep", workers=1)
    dictionary = json.loads((tmp_path / "sweep" / "dictionary.json").read_text(encoding="utf-8"))
    assert list(dictionary) == ["outcomes", "points", "worlds"]
    for table, columns in dictionary.items():
        (path,) = study_tables(tmp_path / "sweep")[table]
        assert list(columns) == parquet.read_schema(path).names
        for column, said in columns.items():
            assert {"type", "unit", "meaning", "declared"} <= set(said), (table, column)
    # Missing, not nan, so that SQL leaves it out of a mean.
    roi = parquet.read_table(tmp_path / "sweep" / "outcomes", columns=["policy", "roi"]).to_pylist()
    assert {row["roi"] for row in roi if row["policy"] == "none"} == {None}
    # The sweep that other tests write by hand is like it.
    write_sweep(tmp_path / "by_hand")
    by_hand = json.loads((tmp_path / "by_hand" / "dictionary.json").read_text(encoding="utf-8"))
    assert list(by_hand) == list(dictionary)
    keys = ["policy", "world", "point", "replication", "run", "orders"]
    assert list(by_hand["outcomes"])[:6] == list(dictionary["outcomes"])[:6] == keys
    assert {"soon_reached_day", "soon_by_day"} <= set(dictionary["outcomes"])


def test_a_comparison_becomes_csv(vouch, study, tmp_path):
    ended = vouch("export", study)
    assert (ended.code, ended.err) == (0, "")
    out = tmp_path / "study-export"
    written = pd.read_csv(out / "outcomes.csv")
    saved = parquet.read_table(study / "outcomes.parquet").to_pandas()
    pd.testing.assert_frame_equal(written, saved, check_exact=True, check_dtype=False)
    summary = json.loads((study / "comparison.json").read_text())
    rows = {(r["policy"], r["measure"]): r for r in csv.DictReader((out / "summary.csv").open())}
    found = rows["give_get", "orders"]
    assert float(found["mean"]) == summary["policies"]["give_get"]["orders"]["mean"]
    assert float(found["change"]) == summary["differences"]["give_get"]["orders"]["mean"]
    assert found["unit"] == "orders"
    with (out / "dictionary.csv").open() as file:
        described = {(row["table"], row["column"]): row["unit"] for row in csv.DictReader(file)}
    tables = {path.stem: pd.read_csv(path, nrows=1).columns for path in out.glob("*.csv")}
    del tables["dictionary"]
    assert set(described) == {
        (table, column) for table, names in tables.items() for column in names
    }
    assert all(described.values())


@pytest.mark.parametrize(("format", "name"), [("excel", "study.xlsx"), ("netcdf", "study.nc")])
def test_the_file_is_named_and_put_where_it_was_asked_for(vouch, study, tmp_path, format, name):
    ended = vouch("export", study, "--format", format, "--out=given", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["files"] == [f"given/{name}"]
    assert [path.name for path in (tmp_path / "given").iterdir()] == [name]
    if format == "netcdf":
        assert ended.json["left_out"] == [
            "earnings, ledger, orders, people, retention, summary: not on the axes of runs; "
            "use --format csv"
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("study", "--format=exel"), "there is no format 'exel'; did you mean 'excel'?"),
        (("nowhere",), "nowhere is not a folder; name the --out folder of a study"),
        ((".",), ". holds no outcomes.parquet, so it is no finished study"),
        (("study", "--out=study/daily.parquet"), "study/daily.parquet cannot be written"),
    ],
)
def test_wrong_input_is_one_line(vouch, study, arguments, message):
    ended = vouch("export", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"vouch: error: {message}")
    assert ended.err.count("\n") == 1
