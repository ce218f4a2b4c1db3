"""``vouch sweep``: a study done, stopped, failed and extended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import sim
from sim.schemes import SCHEMES
from sim.studies.sweeps import batches
from sim.studies.sweeps.journal import Journal
from sim.studies.sweeps.study_file import read_study
from sim.studies.sweeps.sweep import sweep
from tests.faulty_scheme import FAULTY
from tests.tiny_studies import GIVE, ROWS, RUNS, STUDY, digests


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The policies of runs that were done, one after the other; of one worker."""
    done: list[str] = []
    do_run = batches.do_run

    def counted(design, policy, *arguments):
        done.append(policy)
        return do_run(design, policy, *arguments)

    monkeypatch.setattr(batches, "do_run", counted)
    return done


# ------------------------------------------------------------------------------------ a whole study


def test_the_bytes_are_the_same_for_any_workers_and_any_executor(
    vouch, study, tmp_path, undisturbed
):
    for workers in (2, 4):
        end = vouch("sweep", study, "--out", f"w{workers}", "--workers", workers, "--json")
        assert end.code == 0
        assert (end.json["done"], end.json["rows"], end.json["missing"]) == (RUNS, ROWS, 0)
        assert digests(tmp_path / f"w{workers}") == undisturbed
    with ThreadPoolExecutor(2) as executor:
        assert sweep(read_study(study), tmp_path / "threads", executor=executor).complete
    assert digests(tmp_path / "threads") == undisturbed


def test_a_study_leaves_tables_that_open_without_vouch(vouch, study, tmp_path):
    end = vouch("sweep", study, "--out", "done", "--workers", 1)
    assert end.code == 0
    assert f"{ROWS} rows: 3 policies x 2 worlds x 2 points x 3 replications" in end.out
    assert f"{RUNS} different runs are done" in end.out
    outcomes = pd.read_parquet(tmp_path / "done" / "outcomes")
    assert len(outcomes) == ROWS
    assert pd.read_parquet(tmp_path / "done" / "points.parquet")[GIVE].tolist() == [1.0, 5.0]
    assert pd.read_parquet(tmp_path / "done" / "worlds.parquet").shape == (2, 2)
    manifest = json.loads((tmp_path / "done" / "manifest.json").read_text())
    assert (manifest["rows"], manifest["runs"]) == (ROWS, {"done": RUNS, "failed": 0})
    assert manifest["interrupted"] is False
    assert (tmp_path / "done" / "study.toml").read_text() == STUDY


def test_a_finished_study_is_not_done_again(vouch, study, tmp_path, executed, undisturbed):
    executed.clear()
    end = vouch("sweep", study, "--out", "undisturbed", "--workers", 1, "--json")
    assert (end.code, end.json["done"], executed) == (0, RUNS, [])
    assert digests(tmp_path / "undisturbed") == undisturbed


def test_more_replications_and_points_do_only_what_is_missing(
    vouch, study, tmp_path, executed, undisturbed
):
    executed.clear()
    study.write_text(STUDY.replace("[1.0, 5.0]", "[9.0, 5.0, 1.0]").replace("= 3\n", "= 4\n"))
    end = vouch("sweep", study, "--out", "undisturbed", "--resume", "--workers", 1, "--json")
    assert end.code == 0
    # One replication more in two worlds, of `both` at two points, and its third point in all.
    assert sorted(executed) == sorted(["none", "share"] * 2 + ["both"] * (2 * 2 + 2 * 4))
    assert vouch("sweep", study, "--out", "at once", "--workers", 1, "--quiet").code == 0
    assert digests(tmp_path / "undisturbed") == digests(tmp_path / "at once")


def test_policies_can_be_added_one_after_the_other(vouch, study, tmp_path, undisturbed):
    for names in (["share"], ["share", "both"], ["none", "both", "share"]):
        flags = [flag for name in names for flag in ("--policy", name)]
        assert vouch("sweep", study, "--out", "slow", *flags, "--workers", 1, "--quiet").code == 0
    assert digests(tmp_path / "slow") == undisturbed


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--days", "9"], "another scenario: days = 12.0 there, 9.0 here"),
        (["--seed", "3"], "seed = 7 there, 3 here"),
        (["--set", "policies.share.rate=0.2"], "policies.share.rate = 0.1 there, 0.2 here"),
        (["--replications", "2"], "a study of 3 replications; 2 are fewer"),
        (["--policy", "none"], "holds runs of policy 'both', which this study lacks"),
    ],
)
def test_another_study_is_refused_in_an_old_folder(
    vouch, study, tmp_path, undisturbed, flags, message
):
    end = vouch("sweep", study, "--out", "undisturbed", "--workers", 1, "--resume", *flags)
    assert end.code == 2
    assert message in end.err
    assert end.err.count("\n") == 1
    assert digests(tmp_path / "undisturbed") == undisturbed


def test_a_scheme_of_ones_own_that_was_edited_is_refused_in_an_old_folder(vouch, faulty, tmp_path):
    sweep_it = ("sweep", faulty, "--out", "own", "--workers", 1, "--quiet")
    assert vouch(*sweep_it).code == 0
    (tmp_path / "faulty_scheme.py").write_text(FAULTY + "\n# edited\n")
    end = vouch(*sweep_it)
    assert end.code == 2
    assert "another scenario: policies.own.code = " in end.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--resume"], "holds no sweep to go on with; leave out --resume"),
        (["--on-error", "ignore"], "--on-error ignore is not known; write stop or continue"),
        (["--policy", "boht"], "did you mean 'both'?"),
        (["--workers", "0"], "workers = 0 is not possible"),
        (["--cluster", "nonsense"], "no Dask scheduler answers at nonsense"),
    ],
)
def test_flags_that_cannot_be_are_one_message(vouch, study, flags, message):
    end = vouch("sweep", study, "--out", "new", *flags)
    assert end.code == 2
    assert message in end.err


def test_what_a_study_takes_is_said_before_it_starts(vouch, study, tmp_path):
    end = vouch("sweep", study, "--out", "new", "--workers", 2, "--dry-run", "--json")
    assert end.code == 0
    document = end.json
    assert (document["rows"], document["runs"], document["missing"]) == (ROWS, RUNS, RUNS)
    assert document["seconds"] == pytest.approx(RUNS * document["seconds_of_a_run"] / 2)
    assert document["memory_bytes"] > 0 < document["disk_bytes"]
    assert not (tmp_path / "new").exists()


def test_the_newest_folder_of_a_study_goes_on_by_itself(vouch, study, tmp_path):
    first = vouch("sweep", study, "--workers", 1, "--json").json["out"]
    again = vouch("sweep", study, "--workers", 1, "--json", "--resume").json["out"]
    assert Path(first) == Path(again)
    assert Path(first).parent == Path("results")


# ------------------------------------------------------------------------------------------ failure


def test_a_failing_run_is_recorded_and_harms_no_other(vouch, faulty, study, tmp_path, undisturbed):
    Path("fault").write_text("raise")
    end = vouch("sweep", faulty, "--out", "own", "--workers", 2, "--json")
    assert end.code == 1
    failed, done = end.json["failed"], end.json["done"]
    assert 0 < failed < 6
    assert done + failed == RUNS + 6
    failures = json.loads((tmp_path / "own" / "failures.json").read_text())
    assert len(failures) == failed
    for one in failures:
        assert (one["error"], one["message"]) == ("ValueError", "no offer [today]")
        assert one["stage"].startswith(("day ", "world"))
        assert "in offer" in one["traceback"]
        assert "another exception" not in one["traceback"]
    rows = pd.read_parquet(tmp_path / "own" / "outcomes")
    others = pd.read_parquet(tmp_path / "undisturbed" / "outcomes")
    pd.testing.assert_frame_equal(rows[rows["policy"] != "own"].reset_index(drop=True), others)
    assert not set(rows["run"]) & {one["run"] for one in failures}

    status = vouch("status", "own")
    assert "ValueError: no offer [today]" in " ".join(status.out.split())
    assert f"vouch replay own {failures[0]['run']}" in status.out.replace("\n", "")

    # The same command leaves them; asked to, it does them again, and only them.
    assert vouch("sweep", faulty, "--out", "own", "--workers", 1, "--json").json["failed"] == failed
    Path("fault").unlink()
    again = vouch("sweep", faulty, "--out", "own", "--workers", 1, "--rerun-failed", "--json")
    assert (again.code, again.json["done"], again.json["failed"]) == (0, RUNS + 6, 0)
    assert not (tmp_path / "own" / "failures.json").exists()
    assert vouch("sweep", faulty, "--out", "clean", "--workers", 1, "--quiet").code == 0
    assert digests(tmp_path / "own") == digests(tmp_path / "clean")


def test_the_study_stops_at_the_first_failed_run_when_asked(vouch, faulty, tmp_path):
    Path("fault").write_text("raise")
    end = vouch("sweep", faulty, "--out", "own", "--workers", 1, "--on-error", "stop")
    assert end.code == 1
    assert "ValueError: no offer [today]" in end.err
    document = vouch("status", "own", "--json").json
    assert document["failed"] >= 1
    assert document["missing"] > 0
    assert document["running"] == 0
    Path("fault").unlink()
    end = vouch("sweep", faulty, "--out", "own", "--workers", 1, "--rerun-failed", "--json")
    assert (end.code, end.json["missing"]) == (0, 0)
    assert vouch("sweep", faulty, "--out", "clean", "--workers", 1, "--quiet").code == 0
    assert digests(tmp_path / "own") == digests(tmp_path / "clean")


def test_a_run_that_kills_its_process_is_tried_three_times_and_recorded(vouch, tmp_path, study):
    (tmp_path / "deadly_scheme.py").write_text(
        "import os\n\nfrom sim.schemes import NoIncentive\n\n\nclass Deadly(NoIncentive):\n"
        '    """Ends its process."""\n\n    def offer(self, market):\n'
        '        with open("deaths", "a") as log:\n            log.write(".")\n'
        "        os._exit(3)\n"
    )
    text = STUDY.replace("none = {}", 'none = {}\ndeadly = {scheme = "deadly_scheme:Deadly"}')
    study.write_text(text.replace("replications = 3", "replications = 1"))
    try:
        end = vouch("sweep", study, "--out", "own", "--workers", 2, "--json")
    finally:
        SCHEMES.pop("deadly", None)
    assert end.code == 1
    assert (end.json["done"], end.json["failed"], end.json["missing"]) == (2 * 4, 2, 0)
    failures = json.loads((tmp_path / "own" / "failures.json").read_text())
    assert {(one["stage"], one["error"]) for one in failures} == {("worker", "LostWorker")}
    assert all("exit code 3 (3 times)" in one["message"] for one in failures)
    status = " ".join(vouch("status", "own").out.split())
    assert f"not to be seen with vouch replay own {failures[0]['run']}" in status
    assert "would end or hang as this did" in status
    # Three times alone, and before that perhaps once among others.
    assert 2 * 3 <= len((tmp_path / "deaths").read_text()) <= 2 * 4


def test_a_run_that_takes_too_long_or_too_much_memory_fails_alone(vouch, faulty, tmp_path):
    Path("fault").write_text("slow")
    faulty.write_text("time_limit_seconds = 0.5\n" + faulty.read_text().replace("= 3\n", "= 1\n"))
    end = vouch("sweep", faulty, "--out", "slow", "--workers", 2, "--json", "--policy", "own",
                "--policy", "share")  # fmt: skip
    assert (end.code, end.json["failed"], end.json["done"]) == (1, 2, 2)
    [one, _] = json.loads((tmp_path / "slow" / "failures.json").read_text())
    assert "are more than the limit of 0.5; raise time_limit_seconds" in one["message"]
    assert "does it without the limit" in " ".join(vouch("status", "slow").out.split())
    faulty.write_text(
        faulty.read_text().replace("time_limit_seconds = 0.5", "memory_limit_mb = 20")
    )
    end = vouch("sweep", faulty, "--out", "fat", "--workers", 1, "--json", "--policy", "share")
    assert (end.code, end.json["failed"]) == (1, 2)
    [one, _] = json.loads((tmp_path / "fat" / "failures.json").read_text())
    assert "raise memory_limit_mb" in one["message"]


def test_a_disk_that_is_full_is_one_message_and_then_goes_on(
    vouch, study, tmp_path, undisturbed, monkeypatch
):
    left, replace = [6], Path.replace

    def until_it_is_full(self, target):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr("sim.studies.sweeps.foreman.SECONDS_OF_A_BATCH", 1e-9)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", until_it_is_full)
        end = vouch("sweep", study, "--out", "full", "--workers", 1)
    assert end.code == 2
    [message] = [line for line in end.err.splitlines() if "error" in line]
    assert "cannot be written (No space left on device); finished runs are kept" in message
    assert 0 < vouch("status", "full", "--json").json["done"] < RUNS
    assert vouch("sweep", study, "--out", "full", "--resume", "--workers", 1, "--quiet").code == 0
    assert digests(tmp_path / "full") == undisturbed


# ------------------------------------------------------------------------------------- interruption


def test_ctrl_c_keeps_finished_runs_and_the_study_goes_on(vouch, study, tmp_path, interrupted):
    study.write_text(STUDY.replace("replications = 3", "replications = 20"))
    end = interrupted("of 240 runs", "sweep", study, "--out", "stopped", "--workers", "2")
    assert end.code == 130
    assert "Interrupted: go on with the same command and --resume --out stopped" in end.out.replace(
        "\n", " "
    )
    before = vouch("status", "stopped", "--json").json
    assert 0 < before["done"] < 160
    assert before["running"] == 0
    assert before["done"] + before["missing"] == 160
    assert vouch("sweep", study, "--out", "stopped", "--resume", "--workers", 2).code == 0
    assert vouch("sweep", study, "--out", "at once", "--workers", 2, "--quiet").code == 0
    assert digests(tmp_path / "stopped") == digests(tmp_path / "at once")


def test_a_second_sweep_is_refused_and_status_tells_while_the_first_runs(vouch, study, tmp_path):
    study.write_text(STUDY.replace("replications = 3", "replications = 2000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "sim.cli", "sweep", study, "--out", "busy", "--workers", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(sim.__file__).parents[1])},
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline, document = time.monotonic() + 60, {"done": 0}
        while document["done"] == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
            if (tmp_path / "busy" / "journal.sqlite").exists():
                end = vouch("status", "busy", "--json")
                document = end.json if end.code == 0 else document
        assert 0 < document["done"] < document["runs"]
        assert document["running"] > 0
        second = vouch("sweep", study, "--out", "busy", "--workers", 1)
        assert second.code == 2
        assert f"another vouch works in busy (process {process.pid} on " in second.err
    finally:
        process.kill()
        process.wait()


def test_attempts_are_counted(vouch, undisturbed, tmp_path):
    with Journal.read(tmp_path / "undisturbed") as journal:
        runs = pd.read_parquet(tmp_path / "undisturbed" / "outcomes")["run"].unique().tolist()
        assert set(journal.attempts(runs).values()) == {1}
