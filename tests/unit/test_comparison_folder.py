"""The folder of a comparison: what is in it, what it may replace, and a failure on the way."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import sim
from sim.studies.cascade import tree_roots
from tests.tiny_comparison import SCENARIO


def test_a_saved_study_is_complete(comparison, tmp_path):
    folder = comparison.save(tmp_path / "study")
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "manifest.json", "scenario.toml", "daily.parquet", "outcomes.parquet", "comparison.json",
        "earnings.parquet", "retention.parquet", "cascade.json", "dictionary.json",
        "dictionary.csv", "memo.md",
    }  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["replications"] == 6
    assert set(manifest["files"]) == names
    assert sim.Scenario.load(folder / "scenario.toml") == comparison.scenario
    assert pd.read_parquet(folder / "outcomes.parquet").equals(comparison.outcomes)
    retention = pd.read_parquet(folder / "retention.parquet")
    assert list(retention.columns) == ["policy", "replication", "age_days", "share"]
    assert retention["share"].between(0, 1).all()


def test_the_same_study_is_the_same_bytes(comparison, tmp_path):
    one, other = comparison.save(tmp_path / "one"), comparison.save(tmp_path / "other")
    for name in ("outcomes.parquet", "daily.parquet", "comparison.json", "cascade.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_a_study_is_replaced_only_when_asked(comparison, tmp_path):
    folder = comparison.save(tmp_path / "study")
    (folder / "note.txt").write_text("mine")
    with pytest.raises(sim.InputError, match="--overwrite"):
        comparison.save(folder)
    assert (folder / "note.txt").exists()
    comparison.save(folder, overwrite=True)
    assert not (folder / "note.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_only_a_study_can_be_replaced(comparison, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(sim.InputError, match="holds no study"):
        comparison.save(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").exists()


def test_a_failure_while_writing_leaves_nothing(comparison, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.studies.files.write_json", fail)
    with pytest.raises(OSError, match="No space"):
        comparison.save(tmp_path / "deep" / "study")
    assert list(tmp_path.iterdir()) == []


def test_a_kept_ledger_recomputes_the_outcomes(tmp_path):
    found = sim.compare(SCENARIO, replications=2, workers=1, keep_ledger=True)
    folder = found.save(tmp_path / "study")
    ledger = pd.read_parquet(folder / "ledger.parquet")
    assert list(ledger.columns[:3]) == ["policy", "replication", "entry_id"]
    sums = ledger.groupby(["policy", "replication"])[["debit_cents", "credit_cents"]].sum()
    assert (sums["debit_cents"] == sums["credit_cents"]).all()
    orders = pd.read_parquet(folder / "orders.parquet")
    counted = orders.groupby(["policy", "replication"]).size()
    for row in found.outcomes.itertuples():
        assert counted[row.policy, row.replication] == row.orders


def test_ids_of_the_network_file_are_saved(tmp_path):
    names = ["zoe", "ann", "bob", "eve", "dan"]
    rows = [f"{one},{other}" for one in names for other in names if one < other]
    (tmp_path / "friends.csv").write_text("source,target\n" + "\n".join(rows) + "\n")
    scenario = SCENARIO.but(
        days=2,
        network={"file": str(tmp_path / "friends.csv")},
        population={"homophily": 0},
    )
    folder = sim.compare(scenario, replications=2, workers=1).save(tmp_path / "study")
    people = pd.read_parquet(folder / "people.parquet")
    assert people["consumer"].dtype == np.int32
    assert people["id"].tolist() == sorted(names)
    assert "people.parquet" in json.loads((folder / "manifest.json").read_text())["files"]


def test_the_roots_of_a_forest():
    assert tree_roots(np.array([-1, 0, 1, -1, 3, 2], np.int32)).tolist() == [0, 0, 0, 3, 3, 0]
