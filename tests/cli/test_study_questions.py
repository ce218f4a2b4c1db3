"""Questions of a study file that cannot be answered are refused before the first run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sim.errors import InputError
from sim.studies.sweeps.study_file import make_study
from sim.studies.sweeps.sweep import sweep
from tests.tiny_studies import STUDY, study_table

KINDS = 'network.kind = ["ring", "watts_strogatz"]\npolicies.both.give'
INVERSE = '[targets.t]\nmeasure = "orders"\namount = 5\n[optimize]\npolicy = "both"\n'


@pytest.mark.parametrize(
    ("command", "tables", "said"),
    [
        ("rank", "[rank]\nfirst = 9", "first = 9"),
        ("rank", "[rank]\nmaximum = 9", "maximum = 9"),
        ("rank", "[rank]\nfirst = 20\nmaximum = 12", "maximum = 12 is below first = 20; raise it"),
        ("optimize", f'{INVERSE}target = "t"\nleast = "network.kind"', "'network.kind' is no num"),
        ("optimize", f'{INVERSE}break_even = "network.kind"', "'network.kind' is no number"),
        ("sweep", '[discovery]\nmeasure = "profit_cnts"', "did you mean 'profit_cents'?"),
        ("sweep", '[discovery]\npolicy = "boht"', "'boht' is not run in this study; did you mean"),
        ("sweep", '[discovery]\nagainst = "shar"', "discovery.against: policy 'shar' is not run"),
    ],
)  # fmt: skip
def test_it_is_refused_before_the_first_run(vouch, study, command, tables, said):
    study.write_text(STUDY.replace("policies.both.give", KINDS) + tables)
    for flags in ((), ("--dry-run",)) if command == "sweep" else ((),):
        end = vouch(command, study, "--out", "out", "--workers", 1, *flags)
        assert end.code == 2
        assert said in end.err
        assert end.err.count("\n") == 1
        assert not Path("out").exists()


def test_a_policy_that_is_left_out_is_not_asked_about(vouch, study):
    study.write_text(STUDY + '[discovery]\npolicy = "both"\n')
    few = ("--policy", "none", "--policy", "share")
    end = vouch("sweep", study, "--out", "out", "--workers", 1, *few)
    assert end.code == 2
    assert "discovery.policy: policy 'both' is not run in this study" in end.err


def test_a_column_of_a_target_may_be_asked_about(vouch, study):
    text = '[targets.many]\nmeasure = "orders"\namount = 5\n[discovery]\nmeasure = "many_by_day"\n'
    study.write_text(STUDY + text)
    end = vouch("sweep", study, "--out", "out", "--workers", 1)
    assert end.code == 0
    assert "there is no memo" not in end.err


def test_it_is_refused_from_python_too(tmp_path):
    wrong = make_study(study_table(discovery={"measure": "profit_cnts"}))
    with pytest.raises(InputError, match=r"study: discovery.measure: .* 'profit_cents'"):
        sweep(wrong, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


def test_a_study_file_edited_since_is_one_message(vouch, study, tmp_path):
    assert vouch("sweep", study, "--out", "out", "--workers", 1, "--no-report").code == 0
    with (tmp_path / "out" / "study.toml").open("a") as kept:
        kept.write('[discovery]\nmeasure = "profit_cnts"\n')
    end = vouch("report", "out")
    assert end.code == 2
    assert (
        "discovery.measure: there is no measure 'profit_cnts'; did you mean 'profit_cents'"
        in end.err
    )


def test_a_study_and_a_scenario_that_are_mixed_up_are_told_apart(vouch, scenario, tmp_path):
    study = tmp_path / "mixed.toml"
    study.write_text('scenario = "scenario.toml"\nreplications = 2\n')
    ended = vouch("compare", study)
    assert (ended.code, "is a study; use it with `vouch sweep`" in ended.err) == (2, True)
    ended = vouch("sweep", scenario)
    assert (ended.code, "looks like a scenario (it has '" in ended.err) == (2, True)


def test_of_a_target_after_the_last_day_the_last_day_counts(vouch, scenario, tmp_path):
    study = tmp_path / "late.toml"
    study.write_text(
        'scenario = "scenario.toml"\n[targets.late]\nmeasure = "orders"\namount = 1\nby_day = 13\n'
    )
    ended = vouch("sweep", study, "--out", "late", "--replications", 1, "--workers", 1)
    assert ended.code == 0
    assert "targets.late.by_day = 13 is after the last day (12)" in ended.err
    rows = pd.read_parquet(tmp_path / "late" / "outcomes" / "outcomes-00000.parquet")
    assert (rows["late_by_day"] == rows["orders"]).all()
