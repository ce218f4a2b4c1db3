"""The store of a study: a folder that holds every finished run and opens without us.

::

    DIR/design.json             what is run: scenario, policies, settings, replications
    DIR/scenario.toml           the scenario as resolved
    DIR/points.parquet          a row per point, a column per lever
    DIR/worlds.parquet          a row per world, a column per uncertain number
    DIR/outcomes/outcomes-*.parquet   policy, world, point, replication, run, measures
    DIR/journal.sqlite          what became of each run
    DIR/parts/                  finished runs that are not yet in outcomes/

Workers write parts, one process (the one that holds the lock) the rest. Every step leaves a folder
from which the next process can go on: files are written whole under a temporary name, a run counts
as done only when its part is noted, and a part that is there but not noted is taken over.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from sim.errors import InputError, InputWarning
from sim.studies import files
from sim.studies.sweeps import journal as study_journal
from sim.studies.sweeps import saved_design
from sim.studies.sweeps.design import Design, Task
from sim.studies.sweeps.journal import DONE, PENDING, Failure, Journal
from sim.studies.sweeps.lock import FolderLock
from sim.studies.sweeps.parts import (
    RUN,
    Columns,
    Part,
    is_intact,
    part_of_file,
    read_part,
    runs_of,
    write_bytes,
    write_large_part,
)

if TYPE_CHECKING:
    import pandas as pd

PARTS, OUTCOMES, DAMAGED = "parts", "outcomes", "damaged"
_OWNER = "owner"
_NEW, _OLD = "outcomes.new", "outcomes.old"
Owner = Literal["sweep", "rank", "sensitivity", "optimize"]
"""The command that a folder belongs to: each keeps a design of its own there."""
_ADAPTIVE = ("rank", "optimize")
"""Commands whose design grows while they run."""
MOST_LOOSE_PARTS = 256
"""Parts from which they are merged into one, so that a folder never holds many files."""

# The design is the first thing that is written and the last that is removed: a folder that was
# left in between is known to be a study's.
_OURS = (
    "scenario.toml", "study.toml", "points.parquet", "worlds.parquet", OUTCOMES,
    _NEW, _OLD, PARTS, DAMAGED, "failures.json", files.MANIFEST, study_journal.NAME,
    "findings.json", "rank.json", "sensitivity.json", "optimize.json", "memo.md", "report.html",
    "figures",
    f"{files.DICTIONARY}.json", f"{files.DICTIONARY}.csv",
    f"{study_journal.NAME}-wal", f"{study_journal.NAME}-shm", saved_design.NAME,
)  # fmt: skip
_HALF_A_DESIGN = f".{saved_design.NAME}.*.tmp"


class Store:
    """The store in ``folder`` for ``design``; made by :meth:`open`, closed as a context manager."""

    def __init__(self, folder: Path, design: Design, journal: Journal, lock: FolderLock) -> None:
        self.folder = folder
        self.design = design
        self.journal = journal
        self._lock = lock
        self._loose = sum(part.name.startswith(PARTS) for part in journal.parts().values())

    @classmethod
    def open(
        cls,
        folder: Path,
        design: Design,
        *,
        overwrite: bool = False,
        rerun_failed: bool = False,
        owner: Owner = "sweep",
    ) -> Self:
        """Open the store of a folder, new or to go on with, and mend what a crash left.

        overwrite : start again if it holds a study. rerun_failed : have failed runs done again.
        owner : the command whose folder it is. The design of a ranking or a search grows while it
        runs; where the folder holds it grown already, the store's design is the two together, see
        :func:`sim.studies.sweeps.saved_design.joined`.

        Raises
        ------
        InputError
            If another process works on it, it holds something else, a study that ``design`` does
            not extend or that of another command, was made by other code or a newer version, or
            cannot be written.
        """
        _make_folder(folder)
        lock = FolderLock.take(folder)
        try:
            if not (overwrite and clear(folder)):
                design = _continued(folder, design, owner)
            _save_design(folder, design)
            (folder / PARTS).mkdir(exist_ok=True)
            journal = _open_journal(folder)
            try:
                store = cls(folder, design, journal, lock)
                store._mend(rerun_failed)
                journal.note(_OWNER, owner)
            except BaseException:
                journal.__exit__()
                raise
        except OSError as error:
            lock.release()
            raise InputError(
                f"{folder} cannot be written: {error.strerror or error}; choose another --out"
            ) from None
        except BaseException:
            lock.release()
            raise
        return store

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the journal and let others in."""
        self.journal.__exit__()
        self._lock.release()

    # --------------------------------------------------------------------------------- the start

    def _mend(self, rerun_failed: bool) -> None:
        """Put right what a crash, a full disk or a careless hand left."""
        self._undo_damaged_swap()
        self._finish_swap()
        for folder, pattern in ((self.folder / PARTS, ".*.tmp"), (self.folder, _HALF_A_DESIGN)):
            for temporary in folder.glob(pattern):
                temporary.unlink()
        for part in self.journal.parts().values():
            if not is_intact(self.folder, part):
                lost = self.journal.lose(part)
                self._set_aside(part.name)
                warnings.warn(
                    f"{self.folder / part.name} is missing or damaged; its {lost} runs are done "
                    "again",
                    InputWarning,
                    stacklevel=4,
                )
        self.adopt("*")
        self.journal.forget_unfinished()
        self.journal.retry(everything=rerun_failed)

    def _set_aside(self, name: str) -> None:
        path = self.folder / name
        if path.exists():
            (self.folder / DAMAGED).mkdir(exist_ok=True)
            path.rename(self.folder / DAMAGED / path.name)

    def adopt(self, which: str) -> None:
        """Take over parts that are there but not noted: their process died before it could say.

        which : pattern of their names.
        """
        known = {part.name for part in self.journal.parts().values()}
        found = sorted((self.folder / PARTS).glob(f"{which}.parquet"))
        if which == "*":
            found += sorted((self.folder / OUTCOMES).glob("*.parquet"))
        for path in found:
            name = path.relative_to(self.folder).as_posix()
            if name not in known:
                self._adopt(name)

    def _adopt(self, name: str) -> None:
        try:
            table = read_part(self.folder / name)
        except ValueError:
            self._set_aside(name)
            return
        runs = table.column(RUN).to_pylist()
        states = self.journal.states(runs)
        new = [run for run in runs if states.get(run) != DONE]
        if new:
            part = part_of_file(self.folder, name, table.num_rows)
            self.journal.finish([(part, [(run, None) for run in new])])
            self._loose += 1
        else:
            (self.folder / name).unlink()

    # ------------------------------------------------------------------------------ while it runs

    def extend(self, design: Design) -> None:
        """Go on with a design that has more policies, settings or replications."""
        saved_design.check_continues(
            self.design, design, saved_design.code_fingerprint(), self.folder
        )
        _save_design(self.folder, design)
        self.design = design

    def claim(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, int]]:
        """For each task what of it is to be done now, and how many of its runs need not be.

        What is to be done is noted as under way at once. Runs that are done, have failed, or are
        under way, for this task or an equal one, are not to be done.
        """
        for few in _batched(tasks, 64):
            keys = [self.design.keys(task) for task in few]
            states = self.journal.states([run for one in keys for run in one.values()])
            taken = {run for run, state in states.items() if state != PENDING}
            claimed: list[tuple[Task, int]] = []
            runs: list[str] = []
            for task, by_policy in zip(few, keys, strict=True):
                left = tuple(name for name, run in by_policy.items() if run not in taken)
                runs += (by_policy[name] for name in left)
                taken.update(by_policy.values())
                claimed.append((task._replace(policies=left), len(by_policy) - len(left)))
            self.journal.begin(runs)
            yield from claimed

    def finish(
        self, parts: Iterable[tuple[Part, list[tuple[str, float | None]]]], failures: list[Failure]
    ) -> None:
        """Note finished runs, and merge their parts when there are many."""
        parts = list(parts)
        self.journal.finish(parts, failures)
        self._loose += len(parts)
        if self._loose > MOST_LOOSE_PARTS:
            self._merge_parts()

    def _merge_parts(self) -> None:
        loose = {
            number: part
            for number, part in self.journal.parts().items()
            if part.name.startswith(f"{PARTS}/part-")
        }
        if not loose:
            return
        tables = (read_part(self.folder / part.name) for part in loose.values())
        merged = write_large_part(self.folder, f"{PARTS}/merged-{max(loose):08d}.parquet", tables)
        self.journal.replace(loose, merged)
        for part in loose.values():
            (self.folder / part.name).unlink()
        self._loose = 1

    # ------------------------------------------------------------------------------------ the end

    def gather(self, columns: Columns) -> None:
        """Write all finished runs as the rows of outcomes/, in the order of the design.

        The bytes depend on the design and on which runs are done, on nothing else.
        """
        from sim.studies.sweeps.gathering import write_outcomes

        if not self._loose and self.journal.fact("gathered") == self._gathered():
            return
        new = self.folder / _NEW
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        written = write_outcomes(self, new, columns)
        listed = [part._replace(name=f"{OUTCOMES}/{Path(part.name).name}") for part in written]
        self.journal.note("swap", json.dumps(listed))
        self._finish_swap()
        self.journal.note("gathered", self._gathered())

    def _gathered(self) -> str:
        counts = self.journal.counts()
        return f"{saved_design.digest(saved_design.as_text(self.design))} {counts.done}"

    def _undo_damaged_swap(self) -> None:
        """Have the rows gathered again where a crash damaged those that were to take their place.

        Until a swap is noted as finished, what they were gathered from is still there.
        """
        noted = self.journal.fact("swap")
        if noted is None:
            return
        new, outcomes, old = (self.folder / name for name in (_NEW, OUTCOMES, _OLD))
        place = new if new.exists() else outcomes
        written = [Part(*one) for one in json.loads(noted)]
        if all(is_intact(place, part._replace(name=Path(part.name).name)) for part in written):
            return
        shutil.rmtree(place, ignore_errors=True)
        if old.exists():
            old.rename(outcomes)
        self.journal.forget("swap")
        warnings.warn(
            f"{outcomes} was damaged when the study was cut off; it is made again from the "
            "finished runs",
            InputWarning,
            stacklevel=5,
        )

    def _finish_swap(self) -> None:
        """Put outcomes/ that were written whole in the place of the old ones and of the parts."""
        noted = self.journal.fact("swap")
        new, outcomes, old = (self.folder / name for name in (_NEW, OUTCOMES, _OLD))
        if noted is None:
            shutil.rmtree(new, ignore_errors=True)
            if old.exists() and not outcomes.exists():
                old.rename(outcomes)
            return
        if new.exists():
            if outcomes.exists():
                shutil.rmtree(old, ignore_errors=True)
                outcomes.rename(old)
            new.rename(outcomes)
        loose = [part.name for part in self.journal.parts().values() if part.name.startswith(PARTS)]
        listed = [Part(*one) for one in json.loads(noted)]
        self.journal.replace_all((part, runs_of(self.folder / part.name)) for part in listed)
        for name in loose:
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(old, ignore_errors=True)
        self._loose = 0

    def outcomes(self, columns: list[str] | None = None) -> pd.DataFrame:
        """The rows of outcomes/ as a table, with the keys first; some of the measures only."""
        return read_outcomes(self.folder, columns)


def read_outcomes(folder: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The outcomes of a study's folder as a table: the keys, then all measures or those named.

    Raises
    ------
    InputError
        If the folder holds none, or a file is damaged.
    """
    import pandas as pd
    from pyarrow import ArrowException

    from sim.studies.sweeps.design import KEYS

    found = sorted((folder / OUTCOMES).glob("outcomes-*.parquet"))
    if not found:
        raise InputError(f"{folder} has no outcomes yet; run `vouch sweep` to the end")
    wanted = None if columns is None else [*KEYS, *columns]
    try:
        return pd.concat(
            [
                pd.read_parquet(path, columns=wanted, page_checksum_verification=True)
                for path in found
            ]
        )
    except (ArrowException, OSError) as error:
        raise InputError(
            f"{folder / OUTCOMES} is damaged ({error}); run the study again with --resume, which "
            "does again what is lost"
        ) from None


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; choose another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written: {error.strerror or error}; choose another --out"
        ) from None


def clear(folder: Path) -> bool:
    """Remove what a study left in a folder, and nothing else; returns whether there was one."""
    if not (folder / saved_design.NAME).exists():
        return False
    for name in _OURS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return True


def _continued(folder: Path, design: Design, owner: Owner) -> Design:
    """The design to go on with; refuses a folder of something else, or of another study."""
    if (folder / saved_design.NAME).exists():
        text = saved_design.read_text(folder)
        old, code = saved_design.from_text(text, str(folder / saved_design.NAME))
        _check_owner(folder, owner)
        if owner in _ADAPTIVE:
            design = saved_design.joined(old, design)
        saved_design.check_continues(old, design, code, folder)
        return design
    half = {path.name for path in folder.glob(_HALF_A_DESIGN)}
    others = {path.name for path in folder.iterdir()} - half - {FolderLock.NAME}
    if others:
        raise InputError(
            f"{folder} is not empty and holds no sweep ({sorted(others)[0]}); choose another --out"
        )
    return design


def _check_owner(folder: Path, owner: Owner) -> None:
    """Refuse the folder of another command, whose settings and replications are others."""
    kept = None
    # A damaged journal is made again, and with it what it says here.
    with contextlib.suppress(InputError), Journal.read(folder) as journal:
        kept = journal.fact(_OWNER)
    if kept not in (None, owner):
        raise InputError(
            f"{folder} is the folder of a `vouch {kept}`; `vouch {owner}` needs one of its own: "
            "choose another --out, or add --overwrite to start again"
        )


def _save_design(folder: Path, design: Design) -> None:
    """Write the design, then the files that say the same to others."""
    text = saved_design.as_text(design)
    path = folder / saved_design.NAME
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_bytes(path, text.encode())
    # Always: whoever wrote the design may have died before it came to them.
    files.write_scenario(folder, design.scenario)
    for key, settings in (("point", design.points), ("world", design.worlds)):
        files.write_parquet(folder / f"{key}s.parquet", settings.frame(key))


def _open_journal(folder: Path) -> Journal:
    """The journal; a damaged one is set aside and made again from the parts."""
    try:
        return Journal.open(folder)
    except sqlite3.DatabaseError:
        (folder / DAMAGED).mkdir(exist_ok=True)
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                name = study_journal.NAME + suffix
                (folder / name).rename(folder / DAMAGED / name)
        warnings.warn(
            f"{folder / study_journal.NAME} is damaged; it is made again from the finished runs",
            InputWarning,
            stacklevel=4,
        )
        return Journal.open(folder)


def _batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    few: list[Any] = []
    for item in items:
        few.append(item)
        if len(few) == size:
            yield few
            few = []
    if few:
        yield few
