"""The folders of studies: what Ctrl-C says of them, whose they are, and how they go on."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from sim.errors import InputError
from sim.studies.optimizing.study import optimize_study
from sim.studies.ranking.rank import rank
from sim.studies.sweeps import sweep as sweeping
from sim.studies.sweeps.journal import Journal
from sim.studies.sweeps.session import Session
from sim.studies.sweeps.store import Store
from sim.studies.sweeps.study_file import StudyFile, make_study
from sim.studies.sweeps.sweep import sweep
from tests.tiny_studies import GIVE, RUNS, STUDY, digests, study_table, tiny_design

ALONE = Session(workers=1)
KEPT = "finished runs are kept in undisturbed; go on with the same command and --resume --out"
QUESTIONS = """
[rank]
objective = "orders"
indifference = 1.0
maximum = 10
[sensitivity]
samples = 4
replications = 3
[optimize]
policy = "both"
trials = 2
replications = 2
final_replications = 2
finalists = 1
"""


def ctrl_c(*arguments, **options):
    raise KeyboardInterrupt


def search(replications: int, give: object = None) -> StudyFile:
    """A search over the reward, that evaluates each setting so often."""
    question = {
        "policy": "both", "trials": 4, "replications": replications, "final_replications": 2,
        "finalists": 1, "batch": 2,
    }  # fmt: skip
    factors = {GIVE: {"low": 1.0, "high": 7.0, "levels": 4} if give is None else give}
    return make_study(study_table(points={"factors": factors}, worlds={}, optimize=question))


def ranking(give: list[float]) -> StudyFile:
    """A ranking of a study with so many rewards."""
    question = {"objective": "orders", "indifference": 1.0, "first": 10, "maximum": 10}
    return make_study(study_table(points={"factors": {GIVE: give}}, rank=question))


def runs_in(folder: Path) -> int:
    with Journal.read(folder) as journal:
        return journal.counts().done


# --------------------------------------------------------------------------------------- Ctrl-C


@pytest.mark.parametrize(
    "place",
    [
        "sim.commands.sweep.make_design",
        "sim.studies.sweeps.store.saved_design.check_continues",
        "sim.studies.sweeps.sweep.warm_up",
        "sim.commands.sweep.say_what_it_means",
    ],
)
def test_ctrl_c_at_any_moment_says_that_finished_runs_are_kept(
    vouch, study, undisturbed, monkeypatch, place
):
    monkeypatch.setattr(place, ctrl_c)
    end = vouch("sweep", study, "--out", "undisturbed", "--workers", 1)
    assert end.code == 130
    assert end.err.splitlines()[-1] == f"vouch: error: interrupted: {KEPT} undisturbed"


@pytest.mark.parametrize("command", ["rank", "sensitivity", "optimize"])
def test_ctrl_c_in_another_study_says_what_is_kept(vouch, study, monkeypatch, command):
    study.write_text(STUDY + QUESTIONS)
    run = sweeping.Laboratory.rows
    monkeypatch.setattr(sweeping.Laboratory, "rows", ctrl_c)
    end = vouch(command, study, "--out", "out", "--workers", 1)
    assert end.code == 130
    assert "interrupted: finished runs are kept in out; go on with" in end.err
    assert runs_in(Path("out")) > 0
    monkeypatch.setattr(sweeping.Laboratory, "rows", run)
    end = vouch(command, study, "--out", "out", "--workers", 1, "--resume", "--no-report")
    assert end.code == 0, end.err


def test_ctrl_c_before_there_is_a_study_says_that_nothing_is_kept(vouch, study, monkeypatch):
    monkeypatch.setattr("sim.commands.sweep.make_design", ctrl_c)
    end = vouch("sweep", study, "--workers", 1)
    assert (end.code, end.err) == (130, "vouch: error: interrupted: nothing new is kept\n")
    assert not Path("results").exists()


def test_ctrl_c_while_rows_are_gathered_counts_what_is_done(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Store, "gather", ctrl_c)
        found = sweep(tiny_design(), tmp_path / "out", workers=1)
    assert found.interrupted
    assert (found.counts.done, found.counts.running) == (RUNS, 0)
    assert sweep(tiny_design(), tmp_path / "out", workers=1).complete


def test_a_second_ctrl_c_counts_what_is_done(vouch, study, monkeypatch):
    def once_some_are_done(done, total):
        if done >= 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sim.studies.sweeps.foreman.SECONDS_OF_A_BATCH", 0.0)
        patch.setattr(Store, "adopt", lambda self, which: ctrl_c() if which != "*" else None)
        found = sweep(tiny_design(), "out", workers=1, progress=once_some_are_done)
    assert found.interrupted
    assert 0 < found.counts.done < RUNS
    assert found.counts.done == runs_in(Path("out"))
    end = vouch("sweep", study, "--out", "out", "--workers", 1, "--json")
    assert (end.code, end.json["done"]) == (0, RUNS)


def test_an_interrupt_before_the_first_rows_names_no_rows(vouch, study, monkeypatch):
    monkeypatch.setattr(Store, "gather", ctrl_c)
    end = vouch("sweep", study, "--out", "out", "--workers", 1)
    assert end.code == 130
    assert f"{RUNS} different runs are done" in end.out
    assert "Rows: " not in end.out


# ------------------------------------------------------------------------------- whose folder it is


@pytest.mark.parametrize("command", ["sweep", "rank", "sensitivity", "optimize"])
def test_the_folder_of_one_command_is_not_for_another(vouch, study, tmp_path, command):
    study.write_text(STUDY + QUESTIONS)
    flags = ("--out", "mine", "--workers", 1, "--no-report", "--quiet")
    assert vouch(command, study, *flags).code == 0
    before = digests(tmp_path / "mine")
    for other in {"sweep", "rank", "sensitivity", "optimize"} - {command}:
        end = vouch(other, study, *flags)
        assert end.code == 2
        assert f"mine is the folder of a `vouch {command}`; `vouch {other}` needs one" in end.err
        assert "choose another --out" in end.err
    assert digests(tmp_path / "mine") == before
    assert vouch(command, study, *flags).code == 0


def test_a_damaged_journal_does_not_shut_a_folder(vouch, study, tmp_path, undisturbed):
    (tmp_path / "undisturbed" / "journal.sqlite").write_bytes(b"no database" * 99)
    assert vouch("sweep", study, "--out", "undisturbed", "--workers", 1, "--quiet").code == 0
    assert digests(tmp_path / "undisturbed") == undisturbed


@pytest.mark.parametrize("command", ["sweep", "rank", "sensitivity", "optimize"])
def test_to_go_on_and_to_start_again_cannot_be_asked_at_once(vouch, study, undisturbed, command):
    flags = ("--out", "undisturbed", "--workers", 1, "--resume", "--overwrite")
    end = vouch(command, study, *flags)
    assert end.code == 2
    assert "--resume goes on with a study and --overwrite starts it again; leave out" in end.err
    assert runs_in(Path("undisturbed")) == RUNS


# ----------------------------------------------------------------------------------- how they go on


def test_a_finished_search_goes_on_with_more_replications(tmp_path):
    first = optimize_study(search(3), tmp_path / "out", session=ALONE)
    before = runs_in(tmp_path / "out")
    more = optimize_study(search(8), tmp_path / "out", session=ALONE)
    assert set(first.design.points.rows) <= set(more.design.points.rows)
    assert more.design.replications == 8 + 2 * 2
    at_once = optimize_study(search(8), tmp_path / "at once", session=ALONE)
    assert more.document() == at_once.document()
    # What the first search had done, it was not asked for again.
    assert before < runs_in(tmp_path / "out") < before + runs_in(tmp_path / "at once")


def test_a_search_over_another_range_goes_on_in_its_folder(tmp_path):
    optimize_study(search(3), tmp_path / "out", session=ALONE)
    other = search(3, {"low": 2.0, "high": 6.0, "levels": 3})
    found = optimize_study(other, tmp_path / "out", session=ALONE)
    assert found.document() == optimize_study(other, tmp_path / "alone", session=ALONE).document()


def test_a_ranking_keeps_its_points_apart_in_a_folder_with_others(tmp_path):
    rank(ranking([1.0, 5.0]), tmp_path / "out", session=ALONE)
    found = rank(ranking([7.0, 5.0]), tmp_path / "out", session=ALONE)
    alone = rank(ranking([7.0, 5.0]), tmp_path / "alone", session=ALONE)
    assert found.document() == alone.document()
    points = pd.read_parquet(tmp_path / "out" / "points.parquet")
    assert points[GIVE].tolist() == [7.0, 5.0, 1.0]


def test_a_study_of_fewer_worlds_does_not_answer_for_those_of_the_folder(tmp_path):
    question = {"objective": "orders", "indifference": 1.0, "maximum": 10}
    rank(make_study(study_table(rank=question)), tmp_path / "out", session=ALONE)
    fewer = make_study(study_table(rank=question, worlds={}))
    with pytest.raises(InputError, match="holds worlds that this study lacks"):
        rank(fewer, tmp_path / "out", session=ALONE)


@pytest.mark.skipif(os.name != "posix", reason="a process is killed by a POSIX signal")
def test_an_executor_whose_worker_was_killed_is_one_message(tmp_path):
    out, design = tmp_path / "out", tiny_design(replications=40)
    with ProcessPoolExecutor(2) as executor:

        def kill() -> None:
            deadline = time.monotonic() + 60
            while not list(out.glob("parts/part-*")) and time.monotonic() < deadline:
                time.sleep(0.02)
            os.kill(next(iter(executor._processes)), signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(InputError, match="finished runs are kept"):
            sweep(design, out, executor=executor)
        killer.join()
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["interrupted"], manifest["runs"]["failed"]) == (True, 0)
    assert 0 < manifest["runs"]["done"] == runs_in(out)
    assert sweep(design, out, workers=1).complete
