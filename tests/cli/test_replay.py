"""``vouch status`` and ``vouch replay``: where a study stands, and one run of it again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.tiny_studies import GIVE, RUNS, STUDY, flip_a_byte

# -------------------------------------------------------------------------------- status and replay


def test_status_of_what_is_no_study_or_is_damaged_is_one_message(vouch, study, tmp_path):
    assert vouch("sweep", study, "--out", "done", "--workers", 1, "--quiet").code == 0
    (tmp_path / "empty").mkdir()
    end = vouch("status", "empty")
    assert end.code == 2
    assert "empty holds no sweep" in end.err
    (tmp_path / "done" / "journal.sqlite").write_bytes(b"lorem ipsum " * 900)
    for command in (("status", "done"), ("sweep", study, "--out", "done", "--dry-run")):
        end = vouch(*command)
        assert end.code == 2
        assert "is damaged; run the study again with --resume" in end.err


def test_each_way_to_name_a_run_replays_it_to_the_bit(vouch, study, undisturbed, tmp_path):
    rows = pd.read_parquet(tmp_path / "undisturbed" / "outcomes")
    row = rows.iloc[20]
    names = (
        f"{row.policy}/{row.world}/{row.point}/{row.replication}", "20", row.run, row.run[:12]
    )  # fmt: skip
    for name in names:
        end = vouch("replay", "undisturbed", name, "--out", "again", "--overwrite", "--json")
        assert end.code == 0
        assert (end.json["run"], end.json["same"], end.json["saved"]) == (row.run, True, True)
        assert end.json["policy"] == row.policy
        assert end.json["outcomes"]["orders"] == row.orders
    folder = tmp_path / "again"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["study_run"], manifest["same_to_the_bit"]) == (row.run, True)
    assert len(pd.read_parquet(folder / "orders.parquet")) == row.orders


def test_a_row_is_a_row_of_the_outcomes_also_where_runs_failed(vouch, faulty, tmp_path):
    Path("fault").write_text("raise")
    assert vouch("sweep", faulty, "--out", "own", "--workers", 1, "--quiet").code == 1
    Path("fault").unlink()
    rows = pd.read_parquet(tmp_path / "own" / "outcomes")
    last = len(rows) - 1
    end = vouch("replay", "own", last, "--out", "again", "--json")
    assert (end.code, end.json["run"], end.json["same"]) == (0, rows.iloc[-1].run, True)
    end = vouch("replay", "own", last + 1, "--out", "again")
    assert end.code == 2
    assert f"the outcomes have {last + 1} rows; give 0 to {last}" in end.err


def test_a_failed_run_fails_again_or_has_nothing_to_be_compared_with(vouch, study, tmp_path):
    broken = STUDY.replace("{GIVE}", GIVE).replace(
        "[points.factors]", '[points.factors]\n"network.mean_degree" = [12, 90]'
    )
    study.write_text(broken)
    end = vouch("sweep", study, "--out", "half", "--workers", 1, "--json")
    assert (end.code, end.json["failed"]) == (1, RUNS)
    failures = json.loads((tmp_path / "half" / "failures.json").read_text())
    assert {one["stage"] for one in failures} == {"world"}
    end = vouch("replay", "half", failures[0]["run"], "--out", "again")
    assert end.code == 2
    assert failures[0]["message"] in end.err
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("36", "the outcomes have 36 rows; give 0 to 35"),
        ("boht/0/0/0", "there is no policy 'boht'; did you mean 'both'?"),
        ("both/2/0/0", "there is no world 2; give 0 to 1"),
        ("both/0/0", "write policy/world/point/replication, such as none/0/0/0"),
        ("both/0/0/x", "write policy/world/point/replication"),
        ("r", "is the beginning of 24 keys; give more of it"),
        ("rxyz", "is not in the study; name it by its row"),
    ],
)
def test_a_run_that_is_not_there_is_one_message(vouch, undisturbed, name, message):
    end = vouch("replay", "undisturbed", name, "--out", "again")
    assert end.code == 2
    assert message in end.err


def test_a_run_that_is_not_the_same_is_told(vouch, undisturbed, tmp_path):
    path = tmp_path / "undisturbed" / "outcomes" / "outcomes-00000.parquet"
    rows = pd.read_parquet(path)
    rows.loc[3, "orders"] += 1
    rows.to_parquet(path)
    end = vouch("replay", "undisturbed", "3", "--out", "again")
    assert end.code == 1
    assert "NOT the same as in the study" in end.out
    manifest = json.loads((tmp_path / "again" / "manifest.json").read_text())
    assert manifest["same_to_the_bit"] is False
    flip_a_byte(path, 1.0)
    end = vouch("replay", "undisturbed", "3", "--out", "more")
    assert end.code == 2
    assert "is damaged" in end.err


def test_a_run_that_a_killed_study_kept_can_be_replayed(vouch, undisturbed, study, tmp_path):
    """What is in parts/ is kept too, though nobody has gathered it yet."""
    folder = tmp_path / "undisturbed"
    run = pd.read_parquet(folder / "outcomes")["run"][5]
    shutil.move(folder / "outcomes" / "outcomes-00000.parquet", folder / "parts" / "part-1.parquet")
    end = vouch("replay", "undisturbed", run, "--out", "again", "--json")
    assert (end.code, end.json["saved"], end.json["same"]) == (0, True, True)


def test_a_run_of_a_comparison_replays_to_the_bit(vouch, scenario, tmp_path):
    assert vouch("compare", scenario, "--replications", 3, "--out", "compared", "--quiet").code == 0
    rows = pd.read_parquet(tmp_path / "compared" / "outcomes.parquet")
    for name, row in (("give_get/2", None), ("5", 5), ("0", 0)):
        end = vouch("replay", "compared", name, "--out", "again", "--overwrite", "--json")
        assert (end.code, end.json["same"]) == (0, True)
        if row is not None:
            expected = rows.iloc[row]
            assert end.json["policy"] == expected.policy
            assert end.json["replication"] == expected.replication
            assert end.json["outcomes"]["orders"] == expected.orders
