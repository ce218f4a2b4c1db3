"""A store that was damaged, interrupted at any step, or had no space ends with the same bytes."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.errors import InputError, InputWarning
from sim.studies import files
from sim.studies.sweeps import journal as study_journal
from sim.studies.sweeps import parts, saved_design, store
from sim.studies.sweeps.journal import Journal
from sim.studies.sweeps.lock import FolderLock
from sim.studies.sweeps.parts import StoreError, table_of, write_part
from sim.studies.sweeps.store import DAMAGED, OUTCOMES, PARTS, Store, read_outcomes
from tests.fake_runs import (
    COLUMNS,
    JOURNAL,
    complete,
    do_missing,
    every_run,
    measures_of,
)
from tests.tiny_studies import ROWS, RUNS, digests, flip_a_byte, tiny_design

pytestmark = pytest.mark.usefixtures("small_files")


# ----------------------------------------------------------------------------------------- damage


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    flip_a_byte(path)


@pytest.mark.parametrize("damage", [flip, truncate, delete])
def test_a_damaged_file_of_outcomes_is_noticed_and_just_its_runs_are_done_again(
    folder, design, undisturbed, damage
):
    complete(folder, design)
    with Journal.read(folder) as journal:
        numbers = {part.name: number for number, part in journal.parts().items()}
        name = f"{OUTCOMES}/outcomes-00001.parquet"
        of_part = journal.parts_of(every_run(design))
    its = {run for run, number in of_part.items() if number == numbers[name]}
    assert 0 < len(its) < RUNS
    damage(folder / name)
    with pytest.warns(InputWarning, match=rf"00001.parquet is missing or damaged; its {len(its)} "):
        assert set(complete(folder, design)) == its
    shutil.rmtree(folder / DAMAGED, ignore_errors=True)
    assert digests(folder) == undisturbed


@pytest.mark.parametrize("damage", [flip, truncate, delete])
def test_a_damaged_part_is_noticed_and_just_its_runs_are_done_again(
    folder, design, undisturbed, damage
):
    with Store.open(folder, design) as held:
        done = do_missing(held)
    part = sorted((folder / PARTS).iterdir())[3]
    its = parts.read_part(part).column("run").to_pylist()
    damage(part)
    with pytest.warns(InputWarning, match="its 3 runs are done again"):
        again = complete(folder, design)
    assert sorted(again) == sorted(its)
    assert len(done) == RUNS
    shutil.rmtree(folder / DAMAGED, ignore_errors=True)
    assert digests(folder) == undisturbed


def corrupt_header(path: Path) -> None:
    flip_a_byte(path, 0.0)


def not_a_database(path: Path) -> None:
    path.write_bytes(b"lorem ipsum " * 500)


def cut(path: Path) -> None:
    os.truncate(path, 5000)


@pytest.mark.parametrize("damage", [corrupt_header, not_a_database, cut, delete])
@pytest.mark.parametrize("gathered", [True, False])
def test_a_lost_journal_is_made_again_from_the_files(folder, design, undisturbed, damage, gathered):
    with Store.open(folder, design) as held:
        do_missing(held)
        if gathered:
            held.gather(COLUMNS)
    damage(folder / JOURNAL)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert complete(folder, design) == []
    texts = [str(one.message) for one in said if one.category is InputWarning]
    assert len(texts) == (damage is not delete)
    assert all("journal.sqlite is damaged; it is made again" in text for text in texts)
    shutil.rmtree(folder / DAMAGED, ignore_errors=True)
    assert digests(folder) == undisturbed


def test_a_part_damaged_together_with_the_journal_never_gives_a_wrong_row(
    folder, design, undisturbed
):
    with Store.open(folder, design) as held:
        do_missing(held)
    kept = folder.with_name("kept")
    folder.rename(kept)
    name = sorted((kept / PARTS).iterdir())[0].name
    for place in range(20):
        shutil.copytree(kept, folder)
        for path in folder.glob(f"{JOURNAL}*"):
            path.unlink()
        flip_a_byte(folder / PARTS / name, place / 19)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputWarning)
            complete(folder, design)
        shutil.rmtree(folder / DAMAGED, ignore_errors=True)
        assert digests(folder) == undisturbed, place
        shutil.rmtree(folder)


def test_damage_that_nobody_mended_yet_is_one_message(folder, design):
    complete(folder, design)
    truncate(folder / OUTCOMES / "outcomes-00000.parquet")
    with pytest.raises(InputError, match="run the study again with --resume"):
        read_outcomes(folder)
    not_a_database(folder / JOURNAL)
    with pytest.raises(InputError, match=r"journal.sqlite is damaged; run the study again with"):
        Journal.read(folder)


# ------------------------------------------------------------------------------------ interruption


class Killed(BaseException):
    """The process is gone: whatever else it tries does not happen either."""


STEPS = [
    *((Path, name) for name in ("rename", "replace", "mkdir", "unlink", "open")),
    (shutil, "rmtree"),
    *((Journal, name) for name in ("note", "replace", "replace_all", "finish", "begin", "lose")),
    (Journal, "forget_unfinished"), (Journal, "retry"),
    (files, "write_scenario"), (files, "write_parquet"),
]  # fmt: skip


def killed_at_each_step(
    work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[int, bool]]:
    """Do ``work`` again and again, the process being killed a step later each time.

    Yields the step, and whether it was killed before it rather than after.
    """
    for step in range(1, 1000):
        for before in (True, False):
            left = [step]

            def counted(whole, before=before, left=left):
                def call(*arguments, **options):
                    left[0] -= 1
                    if left[0] < 0 or (before and left[0] == 0):
                        raise Killed
                    result = whole(*arguments, **options)
                    if left[0] == 0:
                        raise Killed
                    return result

                return call

            with monkeypatch.context() as patch:
                for owner, name in STEPS:
                    patch.setattr(owner, name, counted(getattr(owner, name)))
                try:
                    work()
                except Killed:
                    pass
                else:
                    return
            yield step, before
    raise AssertionError("more steps than there can be")


def left_half_way(folder: Path) -> list[str]:
    """What a finished study should not have in its folder."""
    known = {PARTS, OUTCOMES, JOURNAL, FolderLock.NAME, saved_design.NAME, "scenario.toml",
             "points.parquet", "worlds.parquet"}  # fmt: skip
    return [path.name for path in folder.iterdir() if path.name not in known]


def test_gathering_can_be_killed_at_every_step(folder, design, undisturbed, monkeypatch):
    kept = folder.with_name("kept")
    complete(kept, tiny_design(replications=2))
    with Store.open(kept, design) as held:
        do_missing(held)

    def gather():
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        with Store.open(folder, design) as held:
            held.gather(COLUMNS)

    steps = 0
    for step, before in killed_at_each_step(gather, monkeypatch):
        steps += 1
        assert complete(folder, design) == [], (step, before)
        assert digests(folder) == undisturbed, (step, before)
        assert left_half_way(folder) == [], (step, before)
        assert len(read_outcomes(folder)) == ROWS
        shutil.rmtree(folder)
    assert steps > 40


def test_a_study_can_be_killed_at_every_step_of_its_beginning(
    folder, design, undisturbed, monkeypatch
):
    def begin():
        with Store.open(folder, design) as held:
            do_missing(held, most=4)

    steps = 0
    for step, before in killed_at_each_step(begin, monkeypatch):
        steps += 1
        complete(folder, design)
        assert digests(folder) == undisturbed, (step, before)
        assert left_half_way(folder) == [], (step, before)
        shutil.rmtree(folder)
    assert steps > 20


def test_starting_again_can_be_killed_at_every_step(folder, design, undisturbed, monkeypatch):
    other = tiny_design({"days": 5}, points={})

    def start_again():
        with Store.open(folder, design, overwrite=True):
            pass

    complete(folder, other)
    for step, before in killed_at_each_step(start_again, monkeypatch):
        complete(folder, design, overwrite=True)
        assert digests(folder) == undisturbed, (step, before)
        assert left_half_way(folder) == [], (step, before)
        complete(folder, other, overwrite=True)


def test_an_extension_can_be_killed_at_every_step(folder, design, undisturbed, monkeypatch):
    smaller = tiny_design(replications=2, points={"factors": {"policies.both.give": [5.0]}})

    def extend():
        with Store.open(folder, design):
            pass

    complete(folder, smaller)
    for step, before in killed_at_each_step(extend, monkeypatch):
        complete(folder, design)
        assert digests(folder) == undisturbed, (step, before)
        shutil.rmtree(folder)
        complete(folder, smaller)


def test_merging_can_be_killed_at_every_step(folder, design, undisturbed, monkeypatch):
    kept = folder.with_name("kept")
    with Store.open(kept, design) as held:
        do_missing(held)
    monkeypatch.setattr(store, "MOST_LOOSE_PARTS", 3)

    def merge():
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        with Store.open(folder, design) as held:
            held.finish([], [])

    for step, before in killed_at_each_step(merge, monkeypatch):
        assert complete(folder, design) == [], (step, before)
        assert digests(folder) == undisturbed, (step, before)
        shutil.rmtree(folder)


def test_parts_of_a_process_that_died_are_taken_over_once(folder, design, undisturbed):
    with Store.open(folder, design) as held:
        done = do_missing(held, most=9)
    with Store.open(folder, design) as held:
        unsaid = [run for run in every_run(design) if run not in done][:4]
        rows = [(run, measures_of(run)) for run in [*done[:2], *unsaid]]
        write_part(folder, f"{PARTS}/part-unsaid.parquet", table_of(rows, COLUMNS))
        # One that says nothing new, and one that is no part at all.
        write_part(folder, f"{PARTS}/part-old.parquet", table_of(rows[:2], COLUMNS))
        (folder / PARTS / "part-half.parquet").write_bytes(b"PAR1")
    assert len(complete(folder, design)) == RUNS - len(done) - len(unsaid)
    shutil.rmtree(folder / DAMAGED)
    assert digests(folder) == undisturbed
    assert not list((folder / PARTS).iterdir())


# ----------------------------------------------------------------------------------------- no space


def no_space(*arguments: Any, **options: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_full_disk_is_one_message_and_finished_work_is_untouched(
    folder, design, undisturbed, monkeypatch, name
):
    """The disk is full from the k-th write on, for every k; then there is room again."""
    owner = os if name == "fsync" else Path
    whole = getattr(owner, name)
    for room in range(1, 100):
        left = [room]

        def write(*arguments, left=left):
            left[0] -= 1
            return whole(*arguments) if left[0] >= 0 else no_space()

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, write)
            try:
                complete(folder, design)
                break
            except StoreError as error:
                message = str(error)
        assert "No space left on device" in message
        assert "--resume" in message
        finished = room - 1  # the first write is the design
        assert len(list((folder / PARTS).glob("part-*"))) <= finished
        complete(folder, design)
        assert digests(folder) == undisturbed, room
        shutil.rmtree(folder)
    assert room > 9


def test_a_journal_on_a_full_disk_is_one_message_and_no_damage(folder, design, undisturbed):
    """In a process whose files may not grow: what SQLite cannot write."""
    code = """
        import resource, sys
        sys.path[:0] = [sys.argv[2], sys.argv[3]]
        from pathlib import Path
        from sim.studies.sweeps.parts import StoreError
        from tests import fake_runs, tiny_studies
        folder, design = Path(sys.argv[1]), tiny_studies.tiny_design()
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
        try:
            fake_runs.complete(folder, design)
        except StoreError as error:
            print(error)
    """
    here = Path(__file__).parents[2]
    with Store.open(folder, design) as held:
        done = do_missing(held, most=6)
    for limit in (10_000, 30_000, 33_000, 40_000):
        child = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), folder, here,
             Path(sim.__file__).parents[1], str(limit)],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert "finished runs are kept: make space or mend the folder" in child.stdout, limit
        assert not (folder / DAMAGED).exists(), limit
    assert set(complete(folder, design)) <= set(every_run(design)) - set(done)
    assert digests(folder) == undisturbed


def test_an_error_of_the_disk_is_told_from_a_damaged_journal():
    def error(code):
        made = sqlite3.OperationalError("it")
        made.sqlite_errorcode = code
        return made

    told = study_journal._is_of_the_disk
    assert told(error(sqlite3.SQLITE_FULL))
    assert told(error(sqlite3.SQLITE_IOERR_WRITE))
    assert not told(error(sqlite3.SQLITE_CORRUPT))
    assert not told(error(sqlite3.SQLITE_NOTADB))


# ------------------------------------------------------------------------------- a damaged exchange


@pytest.mark.parametrize("damage", [flip, truncate, delete])
@pytest.mark.parametrize("cut_off", ["before", "between", "after"])
@pytest.mark.parametrize("again", [False, True])
def test_new_rows_that_a_crash_damaged_are_gathered_again(
    folder, undisturbed, damage, cut_off, again, monkeypatch
):
    """Cut off before the old rows are moved, before the new ones are, and before it is noted."""
    small, design = tiny_design(replications=1), tiny_design()
    if again:
        complete(folder, small)

    def crash(*arguments: Any) -> None:
        raise KeyboardInterrupt

    rename = Path.rename

    def crash_at_the_new(path: Path, target: Path) -> Path:
        if path.name == "outcomes.new":
            crash()
        return rename(path, target)

    with Store.open(folder, design) as held:
        do_missing(held)
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "replace_all", crash)
            if cut_off == "before":
                patch.setattr(Store, "_finish_swap", crash)
            elif cut_off == "between":
                patch.setattr(Path, "rename", crash_at_the_new)
            with pytest.raises(KeyboardInterrupt):
                held.gather(COLUMNS)
    place = folder / ("outcomes" if cut_off == "after" else "outcomes.new")
    damage(place / "outcomes-00001.parquet")
    with pytest.warns(InputWarning, match="outcomes was damaged when the study was cut off"):
        assert complete(folder, design) == []
    assert digests(folder) == undisturbed
    assert not (folder / DAMAGED).exists()
