"""``vouch compare`` and ``vouch report``, as a user runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import sim


def test_it_says_who_wins_and_leaves_a_study(vouch, scenario, tmp_path):
    end = vouch("compare", scenario, "--replications", 3, "--workers", 1, "--out", "out")
    assert end.code == 0
    verdict, rest = end.out.split("\n\n", 1)
    saved = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert " ".join(verdict.split()) == saved["verdict"]
    for text in ("ten_percent", "give_get", "P(best)", "incremental", "Report: out/report.html"):
        assert text in rest
    assert max(len(line) for line in end.out.splitlines()) <= 80
    assert "3 of 3 replications" in end.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["command"][0] == "vouch"
    assert manifest["seed"] == 7
    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert files == set(manifest["files"])
    assert "report.html" in files
    assert any(name.startswith("figures/") for name in files)


@pytest.mark.parametrize(("replications", "said"), [(9, False), (10, True)])
def test_it_says_what_pairing_saved_once_that_can_be_told(
    vouch, scenario, tmp_path, replications, said
):
    end = vouch(
        "compare", scenario, "--replications", replications, "--workers", 1, "--out", "out",
        "--no-report",
    )  # fmt: skip
    text = " ".join(end.out.split())
    assert ("Without common random numbers" in text) == said
    if said:
        runs = pd.read_parquet(tmp_path / "out" / "outcomes.parquet")
        profit = runs.pivot(index="replication", columns="policy", values="profit_cents")
        found = re.search(r"difference between (\w+) and no reward would take ([\d.]+) times", text)
        assert found is not None
        apart = profit[found[1]].var() + profit["none"].var()
        assert found[1] == profit.drop(columns="none").mean().idxmax()
        together = (profit[found[1]] - profit["none"]).var()
        assert float(found[2]) == pytest.approx(apart / together, abs=0.06, rel=0.01)


def test_json_is_one_document_and_nothing_else(vouch, scenario):
    end = vouch(
        "compare", scenario, "--replications", 2, "--workers", 1, "--out", "out", "--json",
        "--quiet", "--no-report",
    )  # fmt: skip
    assert end.code == 0
    assert end.json["replications"] == 2
    assert end.json["out"] == "out"
    assert end.err == ""


def test_quiet_says_nothing(vouch, scenario):
    end = vouch(
        "compare",
        scenario,
        "--replications",
        2,
        "--workers",
        1,
        "--out",
        "out",
        "--quiet",
        "--no-report",
    )
    assert (end.code, end.out, end.err) == (0, "", "")


def test_the_default_folder_carries_the_name_of_the_study(vouch, scenario, tmp_path):
    end = vouch(
        "compare", scenario, "--replications", 2, "--workers", 1, "--no-report", "--days", 3
    )
    assert end.code == 0
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name.startswith("small-2")


def test_studies_of_the_same_second_get_a_folder_each(vouch, scenario, tmp_path, monkeypatch):
    monkeypatch.setattr("sim.studies.files.default_folder", lambda name: Path("results") / name)
    for _ in range(3):
        assert vouch("run", scenario, "--no-report", "--days", 2).code == 0
    found = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert found == ["small", "small-2", "small-3"]
    assert vouch("run", scenario, "--engine", "warp").code == 2
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == found


@pytest.mark.parametrize("workers", [1, 2])
def test_a_scheme_of_the_users_own_is_found_in_the_folder(scenario, tmp_path, workers):
    (tmp_path / "my_schemes.py").write_text(
        "from sim.incentives import Percentage\n\n\nclass Loyalty(Percentage):\n    pass\n"
    )
    text = scenario.read_text().replace('"percentage"', '"my_schemes:Loyalty"')
    scenario.write_text(text)
    script = "import sys; sys.path.remove(''); from sim.cli import main; main()"
    command = [
        sys.executable, "-c", script, "compare", "scenario.toml", "--replications", "2",
        "--workers", str(workers), "--no-report", "--out", "out", "--json", "--days", "3",
    ]  # fmt: skip
    place = {**os.environ, "PYTHONPATH": str(Path(sim.__file__).parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=place, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "ten_percent" in json.loads(done.stdout)["policies"]


def test_tables_fit_and_figures_stay_whole(vouch, scenario):
    long_name = "a_policy_with_a_long_name"
    end = vouch(
        "compare", scenario, "--replications", 2, "--workers", 1, "--no-report", "--out", "out",
        "--set", f"policies.{long_name}.scheme=percentage", "--set", "products.0.price=36000",
        "--set", "products.0.unit_cost=20000",
    )  # fmt: skip
    assert end.code == 0, end.err
    lines = end.out.splitlines()
    assert max(map(len, lines)) <= 80
    for head in ("discount", "P(best)", "cannibalised"):
        assert any(head in line.split() for line in lines)
    rows = [line for line in lines if line.startswith("give_get")]
    assert sum(" to " in row for row in rows) == 1


def test_ids_of_the_network_file_are_saved(vouch, scenario, tmp_path):
    (tmp_path / "friends.csv").write_text("source,target\nann,bob\nbob,eve\neve,ann\n")
    options = ("--set", "network.file=friends.csv", "--no-report", "--days", 2)
    scenario.write_text(
        scenario.read_text().replace('kind = "watts_strogatz"\nmean_degree = 8', "")
    )
    for command in (("run",), ("compare", "--replications", 2, "--workers", 1)):
        end = vouch(*command, scenario, *options, "--out", command[0])
        assert end.code == 0, end.err
        assert "people.parquet" in end.out
        people = pd.read_parquet(tmp_path / command[0] / "people.parquet")
        assert people.to_dict("list") == {"consumer": [0, 1, 2], "id": ["ann", "bob", "eve"]}


def test_help_shows_brackets(vouch):
    assert "[policies.*]" in vouch("compare", "--help").out


def test_flags_change_the_resolved_scenario(vouch, scenario, tmp_path):
    end = vouch(
        "compare", scenario, "--replications", 2, "--workers", 1, "--no-report", "--out", "out",
        "--days", 5, "--seed", 11, "--set", "population.size=120", "--set", "currency=USD",
    )  # fmt: skip
    assert end.code == 0
    resolved = sim.Scenario.load(tmp_path / "out" / "scenario.toml")
    assert (resolved.days, resolved.seed, resolved.population.size) == (5, 11, 120)
    assert "USD" in end.out
    assert pd.read_parquet(tmp_path / "out" / "daily.parquet")["day"].max() == 4


def test_a_study_can_be_made_again_from_its_folder(vouch, scenario, tmp_path):
    options = ("--replications", 2, "--workers", 1, "--no-report")
    assert vouch("compare", scenario, *options, "--seed", 3, "--days", 6, "--out", "one").code == 0
    assert vouch("compare", "one/scenario.toml", *options, "--out", "two").code == 0
    for name in ("outcomes.parquet", "daily.parquet", "scenario.toml", "comparison.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_policies_by_name_and_by_file(vouch, scenario, tmp_path):
    more = tmp_path / "more.toml"
    more.write_text("[policies.bounty]\nscheme = 'fixed_bounty'\namount = 3.0\n")
    end = vouch(
        "compare", scenario, "--policy", "give_get", "--policy", more, "--replications", 2,
        "--workers", 1, "--no-report", "--out", "out", "--json",
    )  # fmt: skip
    assert end.code == 0
    assert list(end.json["policies"]) == ["give_get", "bounty"]
    assert end.json["baseline_listed"] is False


def test_keep_ledger(vouch, scenario, tmp_path):
    end = vouch(
        "compare", scenario, "--replications", 2, "--workers", 1, "--no-report", "--out", "out",
        "--keep-ledger", "--policy", "give_get",
    )  # fmt: skip
    assert end.code == 0
    orders = pd.read_parquet(tmp_path / "out" / "orders.parquet")
    assert list(orders.columns) == [
        "policy", "replication", "order_id", "day", "buyer", "product", "price_cents",
        "discount_cents", "sponsor", "depth", "refunded_day", *orders.columns[11:],
    ]  # fmt: skip


def test_a_warning_is_one_line_said_once(vouch, scenario):
    end = vouch(
        "compare", scenario, "--replications", 3, "--workers", 2, "--no-report", "--out", "out",
        "--quiet", "--set", "policies.ten_percent.rate=0.9",
    )  # fmt: skip
    assert end.code == 0
    assert end.err.count("vouch: warning: policies.ten_percent pays 32.40") == 1
    assert len(end.err.splitlines()) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_world_that_cannot_be_made_is_named(vouch, scenario, tmp_path, workers):
    """Of campuses of 300 people that one is too small whose dormitories came out small."""
    text = scenario.read_text().replace(
        'kind = "watts_strogatz"\nmean_degree = 8', 'kind = "campus"'
    )
    scenario.write_text(text.replace("size = 200", "size = 300"))
    end = vouch(
        "compare", scenario, "--set", "network.mean_degree=100", "--replications", 6, "--workers",
        workers, "--no-report", "--out", "out", "--seed", 0,
    )  # fmt: skip
    assert end.code == 2
    [message] = [line for line in end.err.splitlines() if line.startswith("vouch: error:")]
    assert re.search(r"world of replication [1-5] cannot be made: network.mean_degree = 1", message)
    assert not (tmp_path / "out").exists()


ATTACKED = ("--set", "population.opportunists=0.3", "--set", "campaign.organic_visits=0.4")


def test_it_says_what_each_rule_against_abuse_saves(vouch, scenario, tmp_path):
    options = ("--replications", 2, "--workers", 1, *ATTACKED)
    end = vouch("compare", scenario, *options, "--out", "out")
    assert end.code == 0, end.err
    summary = json.loads((tmp_path / "out" / "comparison.json").read_text())
    plain = " ".join(end.out.split())
    assert f"{summary['rules_finding']}." in plain
    assert max(len(line) for line in end.out.splitlines()) <= 80
    for row in summary["rules"]:
        assert any(line.startswith(row["rule"]) for line in end.out.splitlines())
        assert {"policy", "attack_earned_cents", "saved_cents_half_width", "orders_lost"} <= set(
            row
        )
    assert "2 of 2 worlds with each rule" in end.err
    assert "What each rule against them saves" in (tmp_path / "out" / "report.html").read_text()
    without = vouch("compare", scenario, *options, "--out", "two", "--no-rules", "--json")
    assert without.json["rules"] == []
    assert without.json["policies"] == summary["policies"]


def test_rules_need_somebody_who_attacks(vouch, scenario, tmp_path):
    end = vouch("compare", scenario, "--rules", "--out", "out")
    assert end.code == 2
    assert "population.opportunists = 0" in end.err
    assert not (tmp_path / "out").exists()


def test_a_run_says_what_opportunists_took(vouch, scenario):
    options = ("--no-report", "--policy", "give_get")
    end = vouch("run", scenario, *options, *ATTACKED, "--json", "--out", "one")
    attack = end.json["abuse"]
    assert attack["fake_orders"] == end.json["outcomes"]["fake_orders"] > 0
    earned = f"{attack['attack_earned_cents'] / 100:.2f}"
    text = " ".join(vouch("run", scenario, *options, *ATTACKED, "--out", "two").out.split())
    assert f"under an invented name {attack['fake_orders']} " in text
    assert f"The attack earned {earned} EUR" in text
    honest = vouch("run", scenario, *options, "--out", "three", "--json")
    assert honest.json["abuse"] is None


def test_overwrite(vouch, scenario):
    options = (
        "compare",
        scenario,
        "--replications",
        2,
        "--workers",
        1,
        "--no-report",
        "--out",
        "out",
    )
    assert vouch(*options).code == 0
    refused = vouch(*options)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert vouch(*options, "--overwrite").code == 0


def test_the_report_of_a_study_can_be_drawn_again(vouch, scenario, tmp_path):
    vouch("compare", scenario, "--replications", 2, "--workers", 1, "--no-report", "--out", "out")
    assert not (tmp_path / "out" / "report.html").exists()
    end = vouch("report", "out", "--json")
    assert end.code == 0
    assert end.json == {"report": "out/report.html"}
    assert (tmp_path / "out" / "report.html").exists()
    assert vouch("report", "nowhere").code == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_keeps_what_is_finished(scenario, tmp_path, interrupted, workers):
    ended = interrupted(
        "of 80 replications",  # a quarter is done
        "compare", scenario, "--replications", 80, "--workers", workers, "--no-report",
        "--out", "out", "--days", 150,
    )  # fmt: skip
    assert ended.code == 130, ended.err
    assert "Traceback" not in ended.err
    assert ended.out.startswith("Interrupted: this is of the replications that were finished.")
    assert "The study was interrupted" in (tmp_path / "out" / "memo.md").read_text()
    summary = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert summary["interrupted"] is True
    assert 2 <= summary["replications"] < 80
    found = pd.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert sorted(set(found["replication"])) == list(range(summary["replications"]))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
