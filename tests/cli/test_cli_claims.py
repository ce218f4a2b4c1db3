"""``vouch claims``, as a user runs it: the table, files, exit codes, messages, an interrupt."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

CLAIMS = """
scenario = "scenario.toml"
replications = 5
[uncertainty]
draws = 2
replications = 1
[worlds.closed.campaign]
organic_visits = 0.0
[[claims]]
name = "visits"
text = "People who come by themselves bring orders"
measure = "orders"
policy = "none"
than = "none"
than_world = "closed"
direction = "higher"
[[claims]]
name = "free"
text = "A commission costs nothing"
measure = "orders"
policy = "ten_percent"
than = "none"
than_world = "closed"
direction = "lower"
"""
FEW = ("--workers", 1, "--out", "out")


@pytest.fixture
def claims(scenario, tmp_path) -> Path:
    path = tmp_path / "claims.toml"
    path.write_text(CLAIMS)
    return path


def test_the_table_says_what_holds_and_what_broke_the_rest(vouch, claims, tmp_path):
    ended = vouch("claims", claims, *FEW)
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].strip() == "small: 1 ROBUST, 0 SHIFTED, 1 FRAGILE"
    assert max(map(len, lines)) <= 80
    assert ended.out.index("ROBUST   People who come") < ended.out.index("FRAGILE  A commission")
    assert "FRAGILE free" in ended.out
    assert "As filed it is refuted: +" in ended.out
    assert "Changes that must not matter" in ended.out
    assert "33 of 33 pieces of work" in ended.err
    found = json.loads((tmp_path / "out" / "claims.json").read_text())
    assert [one["verdict"] for one in found["claims"]] == ["ROBUST", "FRAGILE"]
    assert found["claims"][1]["variants"]["ids"]["state"] == "refuted"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["replications"], manifest["draws"], manifest["seed"]) == (5, 2, 7)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == set(manifest["files"])
    assert names == {"claims.json", "claims.md", "claims.toml", "scenario.toml", "manifest.json"}
    assert (tmp_path / "out" / "claims.toml").read_text() == CLAIMS


def test_claims_that_hold_end_with_0(vouch, claims):
    ended = vouch("claims", claims, *FEW, "--only", "visits", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_json_is_one_document_and_the_flags_count_more_than_the_file(vouch, claims):
    ended = vouch(
        "claims", claims, *FEW, "--only", "visits", "--json", "--replications", 2, "--draws", 0,
        "--seed", 11,
    )  # fmt: skip
    assert ended.code == 0
    document = ended.json
    assert (document["replications"], document["draws"], document["seed"]) == (2, 0, 11)
    assert document["claims"][0]["draws"]["share"] is None
    assert document["out"] == "out"


def test_an_existing_study_is_kept_unless_told_otherwise(vouch, claims):
    only = ("--only", "visits", "--draws", 0, "--replications", 2)
    assert vouch("claims", claims, *FEW, *only).code == 0
    again = vouch("claims", claims, *FEW, *only)
    assert again.code == 2
    assert "--overwrite" in again.err
    assert vouch("claims", claims, *FEW, *only, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'measure = "orders"',
            'measure = "order"',
            "claim 'visits': measure: there is no measure",
        ),
        ('policy = "none"', 'policy = "nine"', "claim 'visits': policy = 'nine' is no policy"),
        ('"closed"', '"close"', "there is no world 'close'; did you mean 'closed'?"),
        ('"higher"', '"up"', "direction = 'up' is not known"),
        ('direction = "higher"', 'directon = "higher"', "did you mean 'direction'?"),
        ('name = "free"', 'name = "visits"', "two claims are named 'visits'"),
        ("organic_visits", "organic", "worlds.closed: unknown key 'campaign.organic'"),
        ("replications = 5", "replication = 3", "did you mean 'replications'?"),
        ("replications = 5", "replications = 1", "replications = 1 is not allowed"),
        ("draws = 2", 'parameters = ["behavior.sharing"]', "did you mean 'behavior.share."),
        ("draws = 2", "holds_in = 0.4", "holds_in = 0.4"),
        ("draws = 2", 'factors = {"behavior.share.learning" = 1}', "1 is not a factor"),
        ('"scenario.toml"', '"scenari.toml"', "scenari.toml: no such file"),
        ('"scenario.toml"', "3", "3 is not a scenario"),
        ('than_world = "closed"', "", "it compares 'none' with itself"),
        ('direction = "higher"', "between = [1, 2]", "leave out than"),
        ("[[claims]]", "[claims]", "claims"),
    ],
)
def test_wrong_input_is_one_line(vouch, claims, old, new, message):
    claims.write_text(CLAIMS.replace(old, new, 1))
    ended = vouch("claims", claims, *FEW)
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert "claims.toml" in ended.err or "scenari.toml" in ended.err
    assert ended.err.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "visit"), "did you mean 'visits'?"),
        (("--replications", "1"), "replications = 1 is not possible; give 2 to"),
        (("--draws", "-1"), "draws = -1"),
        (("--workers", "0"), "workers = 0"),
        (("--seed", "-1"), "seed = -1"),
    ],
)
def test_wrong_flags_are_one_line(vouch, claims, arguments, message):
    ended = vouch("claims", claims, *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_keeps_what_is_finished(claims, tmp_path, interrupted, workers):
    ended = interrupted(
        "of 241 pieces of work",  # a quarter is done
        "claims", claims, "--replications", 40, "--draws", 0, "--workers", workers,
        "--out", "out",
    )  # fmt: skip
    assert ended.code == 130, ended.err
    assert "Traceback" not in ended.err
    assert "Interrupted" in ended.out
    found = json.loads((tmp_path / "out" / "claims.json").read_text())
    assert found["interrupted"] is True
    assert 2 <= found["replications"] < 40
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_file_of_the_how_to_works_as_shown(vouch, scenario, tmp_path):
    from tests.conftest import REPOSITORY

    text = (REPOSITORY / "docs" / "how-to" / "claims.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "claims.toml").write_text(shown)
    ended = vouch("claims", "claims.toml", *FEW, "--replications", 2, "--draws", 1, "--json")
    assert ended.code in (0, 1), ended.err
    assert len(ended.json["claims"]) == shown.count("[[claims]]")
