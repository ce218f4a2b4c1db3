"""``vouch run --until --save``, ``vouch run --from``, ``vouch compare --branch-at``."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import sim
from sim import checkpoint
from sim.model import WordOfMouthModel
from sim.studies.compare import compare


def books(folder):
    names = ("daily", "outcomes", "orders", "ledger")
    return {name: (folder / f"{name}.parquet").read_bytes() for name in names}


def test_a_run_in_two_parts_leaves_the_books_of_one(vouch, scenario, tmp_path):
    options = ("--policy", "give_get", "--no-report")
    assert vouch("run", scenario, *options, "--out", "straight").code == 0
    end = vouch(
        "run", scenario, *options, "--until", 5, "--save", "day5.vouch", "--out", "first", "--json"
    )
    assert end.code == 0
    assert end.json["save"] == "day5.vouch"
    assert end.json["day"] == 5
    assert len(pd.read_parquet(tmp_path / "first" / "daily.parquet")) == 5
    end = vouch("run", "--from", "day5.vouch", "--no-report", "--out", "second")
    assert end.code == 0
    assert "Taken up from day5.vouch; the figures are of the whole run" in " ".join(end.out.split())
    assert books(tmp_path / "second") == books(tmp_path / "straight")


def test_a_policy_of_the_scenario_takes_over(vouch, scenario, tmp_path):
    vouch("run", scenario, "--policy", "ten_percent", "--until", 5, "--save", "s", "--no-report")
    end = vouch("run", "--from", "s", "--policy", "give_get", "--out", "out")
    assert end.code == 0
    assert "ten_percent until day 5" in " ".join(end.out.split())
    assert (tmp_path / "out" / "report.html").exists()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["taken_up_from"] == "s"
    assert manifest["policies_by_day"] == [
        {"policy": "ten_percent", "from_day": 0},
        {"policy": "give_get", "from_day": 5},
    ]
    model = WordOfMouthModel(sim.Scenario.load(scenario), policy="ten_percent").run(days=5)
    model.switch("give_get")
    model.run()
    daily = pd.read_parquet(tmp_path / "out" / "daily.parquet").drop(
        columns=["policy", "replication"]
    )
    assert daily.equals(model.daily)


def test_a_policy_written_since_takes_over(vouch, scenario, tmp_path):
    vouch("run", scenario, "--until", 5, "--save", "s", "--no-report")
    written = tmp_path / "since.toml"
    written.write_text(scenario.read_text() + '[policies.new]\nscheme = "percentage"\nrate = 0.3\n')
    options = ("--from", "s", "--policy", "new", "--no-report", "--json")
    given = vouch("run", written, *options, "--out", "one").json
    changes = ('policies.new={scheme="percentage", rate=0.3}',)
    in_flags = vouch("run", *options, "--set", changes[0], "--out", "other").json
    assert given["outcomes"] == in_flags["outcomes"]
    assert given["policy"] == "new"


def test_a_saved_run_can_go_on_longer(vouch, scenario):
    vouch("run", scenario, "--save", "s", "--no-report")
    end = vouch("run", "--from", "s", "--days", 15, "--no-report", "--json", "--out", "long")
    straight = vouch("run", scenario, "--days", 15, "--no-report", "--json", "--out", "straight")
    assert end.json["outcomes"] == straight.json["outcomes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "s", "--policy", "giv_get"), "no policy 'giv_get'; did you mean 'give_get'?"),
        (("--from", "s", "--set", "population.size=9"), "population.size = 200, and the scenario"),
        (("--from", "s", "--seed", 8), "seed = 7, and the scenario has 8"),
        (("--from", "s", "--until", 5, "--save", "t"), "--until 5 is not possible"),
        (("--from", "s", "--until", 6.5, "--save", "t"), "not a whole number of ticks"),
        (("--from", "s", "--until", 13, "--save", "t"), "ends with day 12"),
        (("--from", "s", "--until", 7), "add --save FILE"),
        (("--from", "s", "--save", "no/such/t"), "in a folder that is there"),
        (("--from", "none"), "none: no such file"),
        (("--from", "scenario.toml"), "is damaged, or not a saved run"),
        ((), "name a SCENARIO, or a saved run"),
    ],
)
def test_wrong_input_is_one_line(arguments, message, vouch, scenario, tmp_path):
    assert (
        vouch("run", scenario, "--until", 5, "--save", "s", "--no-report", "--out", "o").code == 0
    )
    end = vouch("run", *arguments, "--no-report")
    assert end.code == 2
    assert message in end.err
    assert end.err.count("\n") == 1 or "days" in end.err
    assert not (tmp_path / "results").exists()
    assert not (tmp_path / "t").exists()


def test_compare_branches_every_world(vouch, scenario, tmp_path):
    end = vouch(
        "compare", scenario, "--branch-at", 5, "--history", "ten_percent", "--replications", 3,
        "--workers", 2, "--out", "out",
    )  # fmt: skip
    assert end.code == 0
    assert "Until day 5 every world ran ten_percent" in " ".join(end.out.split())
    assert "Until day 5 every world ran ten_percent" in (tmp_path / "out/report.html").read_text()
    kept = sim.Scenario.load(tmp_path / "out" / "scenario.toml").compare
    assert (kept.branch_day, kept.history) == (5, "ten_percent")
    daily = pd.read_parquet(tmp_path / "out" / "daily.parquet")
    for number, rows in daily.groupby("replication"):
        past = WordOfMouthModel(
            sim.Scenario.load(scenario), policy="ten_percent", replication=number
        ).run(days=5)
        for policy, mine in rows.groupby("policy"):
            straight = checkpoint.branch(past, policy).run().daily
            found = mine.drop(columns=["policy", "replication"]).reset_index(drop=True)
            assert found.equals(straight), (number, policy)


def test_history_that_goes_on_is_the_straight_run(scenario):
    loaded = sim.Scenario.load(scenario)
    branched = loaded.but(compare={"branch_day": 5, "history": "give_get"})
    one = compare(branched, replications=2, workers=1)
    other = compare(loaded, replications=2, workers=1)
    measures = ["orders", "profit_cents", "payout_cents", "shares"]

    def of(comparison, policy):
        outcomes = comparison.outcomes
        return outcomes.loc[outcomes["policy"] == policy, measures].to_numpy().tolist()

    assert of(one, "give_get") == of(other, "give_get")
    assert of(one, "none") != of(other, "none")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--history", "ten_percent"), "set compare.branch_day (--branch-at)"),
        (("--branch-at", 5, "--history", "ten_percen"), "did you mean 'ten_percent'?"),
        (("--branch-at", 12), "before days = 12"),
        (("--branch-at", 5.5), "whole number of ticks"),
        (
            ("--branch-at", 5, "--rules", "--set", "population.opportunists=0.1"),
            "tried from day 0, not from compare.branch_day = 5",
        ),
    ],
)
def test_a_branch_that_cannot_be_is_refused(arguments, message, vouch, scenario):
    end = vouch("compare", scenario, "--replications", 2, *arguments)
    assert end.code == 2
    assert message in end.err
