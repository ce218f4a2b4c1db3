"""The store: its rows, what it refuses, and how little memory it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import sim
from sim.errors import InputError
from sim.studies.sweeps import saved_design, store
from sim.studies.sweeps.journal import DONE, LOST_WORKER, Failure
from sim.studies.sweeps.store import OUTCOMES, PARTS, Store, read_outcomes
from tests.fake_runs import (
    COLUMNS,
    complete,
    do_missing,
    every_run,
    measures_of,
)
from tests.tiny_studies import ROWS, RUNS, digests, tiny_design

pytestmark = pytest.mark.usefixtures("small_files")


# --------------------------------------------------------------------------------- what is gathered


def test_outcomes_have_a_row_for_each_run_in_the_order_of_the_design(folder, design):
    complete(folder, design)
    rows = read_outcomes(folder)
    expected = [
        (policy, *task[:3], run)
        for task in design.tasks()
        for policy, run in design.keys(task).items()
    ]
    assert list(rows[["policy", "world", "point", "replication", "run"]].itertuples(
        index=False, name=None
    )) == expected  # fmt: skip
    assert len(rows) == ROWS
    for run, orders, roi in rows[["run", "orders", "roi"]].itertuples(index=False):
        given = measures_of(run)
        assert orders == given["orders"]
        assert roi == given["roi"] or given["orders"] % 5 == 0
    assert rows["roi"].isna().any()
    assert not list((folder / PARTS).iterdir())
    assert len(list((folder / OUTCOMES).iterdir())) == 3


def test_the_bytes_do_not_depend_on_how_the_runs_came(folder, design, undisturbed):
    for runs_of_a_part in (1, 2, 7, 100):
        with Store.open(folder, design, overwrite=True) as held:
            do_missing(held, runs_of_a_part=runs_of_a_part)
            held.gather(COLUMNS)
        assert digests(folder) == undisturbed


def test_the_bytes_do_not_depend_on_how_often_it_was_stopped(folder, design, undisturbed):
    done: list[str] = []
    while len(done) < RUNS:
        with Store.open(folder, design) as held:
            done += do_missing(held, most=5)
            held.gather(COLUMNS)
        assert len(read_outcomes(folder)["run"].unique()) == len(done)
    assert len(set(done)) == RUNS
    assert digests(folder) == undisturbed


def test_an_extended_study_has_the_bytes_of_one_that_was_that_large_at_once(folder, tmp_path):
    larger = {
        "replications": 5,
        "points": {"factors": {"policies.both.give": [9, 5, 1]}},
        "policies": ["share", "both", "none"],
    }
    first = complete(folder, tiny_design(policies=["both", "share"]))
    more = complete(folder, tiny_design(**larger))
    at_once = complete(tmp_path / "at once", tiny_design(**larger))
    assert sorted(first + more) == sorted(at_once)
    assert digests(folder) == digests(tmp_path / "at once")


def test_failed_runs_have_no_row_and_are_tried_again_only_when_asked(folder, design):
    with Store.open(folder, design) as held:
        runs = do_missing(held, most=RUNS - 2)
        fault = ("ValueError", "no", "traceback")
        left = set(every_run(design)) - set(runs)
        own, killed = sorted(left)
        held.finish([], [Failure(own, "day 2", *fault), Failure(killed, LOST_WORKER, *fault)])
        held.gather(COLUMNS)
        assert held.journal.counts()[:4] == (RUNS - 2, 2, 0, 0)
    assert not set(left) & set(read_outcomes(folder)["run"])
    with Store.open(folder, design) as held:
        # What killed a process may have been an accident; a fault of the run is its own.
        assert do_missing(held) == [killed]
        assert held.journal.failures() == [Failure(own, "day 2", *fault)]
    assert complete(folder, design, rerun_failed=True) == [own]


# ----------------------------------------------------------------------------------------- merging


def test_a_folder_never_holds_many_parts(folder, design, undisturbed, monkeypatch):
    monkeypatch.setattr(store, "MOST_LOOSE_PARTS", 4)
    most, finish = 0, Store.finish

    def watched(self, *arguments):
        nonlocal most
        finish(self, *arguments)
        most = max(most, len(list((self.folder / PARTS).glob("part-*"))))

    monkeypatch.setattr(Store, "finish", watched)
    with Store.open(folder, design) as held:
        do_missing(held, runs_of_a_part=1)
        merged = list((folder / PARTS).glob("merged-*"))
        states = held.journal.states(every_run(design))
        held.gather(COLUMNS)
    assert most <= 4
    assert len(merged) == RUNS // 4 - 1
    assert set(states.values()) == {DONE}
    assert digests(folder) == undisturbed


# ---------------------------------------------------------------------------------------- refusals


def test_a_second_process_is_refused_politely_and_harms_nothing(folder, design, undisturbed):
    code = """
        import sys
        sys.path[:0] = [sys.argv[2], sys.argv[3]]
        from pathlib import Path
        from sim.errors import InputError
        from sim.studies.sweeps.store import Store
        from tests.tiny_studies import tiny_design
        try:
            Store.open(Path(sys.argv[1]), tiny_design(), overwrite=True)
        except InputError as refused:
            print(refused)
    """
    here = Path(__file__).parents[2]
    with Store.open(folder, design) as held:
        do_missing(held, most=5)
        second = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), folder, here,
             Path(sim.__file__).parents[1]],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert f"another vouch works in {folder} (process {os.getpid()} on " in second.stdout
        assert "wait until it is done, or end it, or choose another --out" in second.stdout
        held.journal.forget_unfinished()
        do_missing(held)
        held.gather(COLUMNS)
    assert digests(folder) == undisturbed


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_left_as_it_is(folder, design, overwrite):
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    (folder / "scenario.toml").write_text("mine")
    with pytest.raises(InputError, match="is not empty and holds no sweep"):
        Store.open(folder, design, overwrite=overwrite)
    assert (folder / "thesis.tex").read_text() == "years of work"
    assert (folder / "scenario.toml").read_text() == "mine"


def test_starting_again_removes_what_a_study_left_and_nothing_else(folder, design, undisturbed):
    complete(folder, tiny_design({"days": 5}))
    (folder / "notes.txt").write_text("mine")
    complete(folder, design, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"
    assert digests(folder) == undisturbed


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(folder, design):
    complete(folder, design)
    path = folder / saved_design.NAME
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    before = digests(folder)
    with pytest.raises(InputError, match="newer version of vouch"):
        Store.open(folder, design)
    assert digests(folder) == before


def test_a_file_or_a_folder_that_cannot_be_written_is_refused(tmp_path, design):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file is a file; choose another --out"):
        Store.open(tmp_path / "file", design)
    with pytest.raises(InputError, match="cannot be written"):
        Store.open(tmp_path / "file" / "inside", design)


# ------------------------------------------------------------------------------------------ memory

MEMORY = """
    import resource, sys
    sys.path[:0] = [sys.argv[2], sys.argv[3]]
    from pathlib import Path
    from sim.studies.sweeps.store import Store
    from tests import fake_runs, tiny_studies

    replications, folder = int(sys.argv[4]), Path(sys.argv[1])
    design = tiny_studies.tiny_design(
        points={}, worlds={}, policies=["none", "both"], replications=replications
    )
    with Store.open(folder, design) as held:
        fake_runs.do_in_large_parts(held)
        held.gather(fake_runs.COLUMNS)
        assert held.journal.counts().done == 2 * replications
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_memory_does_not_grow_with_the_number_of_runs(tmp_path):
    """Ten times the runs, 20,000 and 200,000, take less than 45 MB more at the peak.

    While runs are done nothing grows; gathering holds a group of 25,000 rows, and parts of some
    100,000. All rows as Python objects would be 80 MB and more beside.
    """
    peaks = []
    for replications in (10_000, 100_000):
        child = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(MEMORY), tmp_path / str(replications),
             Path(__file__).parents[2], Path(sim.__file__).parents[1], str(replications)],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        peaks.append(int(child.stdout))
    assert peaks[1] - peaks[0] < 45e6, [f"{peak / 1e6:.0f} MB" for peak in peaks]
