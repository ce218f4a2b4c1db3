"""``vouch init``, ``vouch run``, ``vouch phases``, ``vouch networks``, as a user runs them."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import sim
from sim.model import PHASES


def test_a_starter_runs_as_it_is(vouch, tmp_path):
    assert vouch("init", "launch").code == 0
    starter = tmp_path / "launch" / "scenario.toml"
    loaded = sim.Scenario.load(starter)
    assert list(loaded.policies) == ["none", "ten_percent", "give_get"]
    assert loaded.but(name="scenario", policies={"none": {}}) == sim.Scenario()
    end = vouch("run", starter, "--days", 2, "--set", "population.size=300", "--no-report")
    assert end.code == 0


def test_a_starter_is_never_overwritten(vouch, tmp_path):
    (tmp_path / "scenario.toml").write_text("mine")
    end = vouch("init")
    assert end.code == 2
    assert (tmp_path / "scenario.toml").read_text() == "mine"


def test_a_starter_takes_a_seed(vouch, tmp_path):
    assert vouch("init", "--out", "launch", "--seed", 5, "--json").json == {
        "scenario": "launch/scenario.toml"
    }
    assert sim.Scenario.load(tmp_path / "launch" / "scenario.toml").seed == 5


def test_a_run_leaves_its_books(vouch, scenario, tmp_path):
    end = vouch("run", scenario, "--policy", "give_get", "--out", "out")
    assert end.code == 0
    assert end.out.startswith("give_get: 12 days, 200 people, seed 7")
    folder = tmp_path / "out"
    outcomes = pd.read_parquet(folder / "outcomes.parquet")
    assert outcomes.loc[0, ["policy", "replication"]].tolist() == ["give_get", 0]
    orders, ledger = (pd.read_parquet(folder / f"{name}.parquet") for name in ("orders", "ledger"))
    assert len(orders) == outcomes.loc[0, "orders"]
    assert list(ledger.columns) == [
        "entry_id", "day", "order_id", "account", "party", "debit_cents", "credit_cents", "kind",
    ]  # fmt: skip
    revenue = ledger.loc[ledger["account"] == "revenue", "credit_cents"].sum()
    assert revenue == outcomes.loc[0, "revenue_cents"]
    assert (folder / "report.html").exists()
    daily = pd.read_parquet(folder / "daily.parquet")
    assert list(daily.columns[:3]) == ["policy", "replication", "day"]


def test_both_engines_leave_the_same_bytes(vouch, scenario, tmp_path):
    for engine in ("kernels", "agents"):
        options = ("--policy", "give_get", "--engine", engine, "--no-report")
        assert vouch("run", scenario, *options, "--out", engine).code == 0
    for name in ("outcomes", "daily", "orders", "ledger"):
        one, other = (tmp_path / engine / f"{name}.parquet" for engine in ("kernels", "agents"))
        assert one.read_bytes() == other.read_bytes()


def test_a_run_as_json(vouch, scenario):
    end = vouch("run", scenario, "--json", "--quiet", "--no-report", "--out", "out")
    assert end.code == 0
    assert end.json["policy"] == "none"
    model = sim.WordOfMouthModel(sim.Scenario.load(scenario)).run()
    assert end.json["outcomes"]["orders"] == model.outcomes()["orders"]


def test_explain_lists_what_is_on_and_what_is_off(vouch, scenario, tmp_path):
    end = vouch("run", scenario, "--explain", "--json", "--set", "behavior.click.novelty=1")
    assert end.code == 0
    found = {(row["section"], row["field"]): row for row in end.json}
    assert found["behavior.click", "novelty"]["on"] is False
    assert found["behavior.stay", "earnings"]["on"] is True
    assert found["behavior.purchase", "intercept"]["on"] is None
    assert all(row["unit"] and row["source"] for row in end.json)
    text = vouch("run", scenario, "--explain", "--set", "behavior.click.novelty=1").out
    assert "behavior.click.novelty = 1" in text.split("Off")[1]
    assert not (tmp_path / "results").exists()


def test_phases(vouch):
    end = vouch("phases", "--json")
    assert [row["name"] for row in end.json] == [phase.name for phase in PHASES]
    assert "campaign" in vouch("phases").out


def test_phases_with_timings(vouch, scenario):
    end = vouch("phases", "--profile", scenario, "--days", 5, "--json", "--quiet")
    assert end.code == 0
    spent = end.json["milliseconds_per_day"]
    assert list(spent) == [phase.name for phase in PHASES]
    assert min(spent.values()) > 0
    assert vouch("phases", "--profile", scenario, "--days", 1).code == 2


def test_networks(vouch):
    kinds = [row["kind"] for row in vouch("networks", "--json").json]
    assert kinds == list(sim.network.GENERATORS)
    assert "watts_strogatz" in vouch("networks").out


def test_a_network_file_is_described(vouch, tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\n0,1\n1,2\n2,0\n2,3\n")
    end = vouch("networks", "describe", "edges.csv", "--undirected", "--json", "--out", "out")
    assert end.code == 0
    assert end.json["people"] == 4
    assert end.json["friendships"] == 4
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == end.json
    assert "people" in vouch("networks", "describe", "edges.csv").out


@pytest.mark.parametrize(
    "command", ["init", "run", "compare", "report", "phases", "networks", "networks describe"]
)
def test_help_has_an_example_and_the_common_flags(vouch, command):
    end = vouch(*command.split(), "--help")
    assert end.code == 0
    assert "Example: vouch " + command.split()[0] in end.out
    for flag in ("--seed", "--out", "--quiet", "--json"):
        assert flag in end.out


def test_version(vouch):
    assert vouch("--version").out.strip() == f"vouch {sim.__version__}"
