"""The journal of a study: what became of each run, in SQLite.

One process writes it, the one that holds the study's lock; others may read meanwhile. It has a row
per run that was ever begun; runs that were not are known from the design alone.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from sim.errors import InputError
from sim.studies.sweeps.parts import Part, StoreError

NAME = "journal.sqlite"
DONE, FAILED, RUNNING, PENDING = "done", "failed", "running", "pending"
LOST_WORKER = "worker"
"""Stage of a run whose process was killed: not a fault of the run, so it is tried again."""

_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
    part INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL,
    rows INTEGER NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, seconds REAL,
    part INTEGER, stage TEXT, error TEXT, message TEXT, traceback TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_by_part ON runs (part);
CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state);
"""
_FEW = 500  # keys in one question


class Failure(NamedTuple):
    """Why a run failed.

    stage : scenario, world, twin, day N, measures, or "worker" for a killed process. error : type
    of the exception.
    """

    run: str
    stage: str
    error: str
    message: str
    traceback: str
    seconds: float = 0.0


class Counts(NamedTuple):
    """Runs by state, and the seconds that the done ones took together."""

    done: int
    failed: int
    running: int
    pending: int
    seconds: float


class Journal:
    """The journal of the study in ``folder``; used as a context manager."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open or make the journal of a folder for writing.

        Raises
        ------
        sqlite3.DatabaseError
            If the file is damaged. InputError if it cannot be opened, StoreError if not written.
        """
        connection = cls._connect(folder, f"file:{_quoted(folder / NAME)}?mode=rwc")
        try:
            if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("quick_check")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            connection.close()
            if _is_of_the_disk(error):
                raise StoreError(folder, OSError(None, str(error))) from None
            raise
        return cls(folder, connection)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Open the journal of a folder for reading, while another process may write it.

        Raises
        ------
        InputError
            If there is none, or it is damaged.
        """
        connection = cls._connect(folder, f"file:{_quoted(folder / NAME)}?mode=ro")
        try:
            connection.execute("SELECT 1 FROM runs, parts, facts LIMIT 1")
            if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("quick_check")
        except sqlite3.DatabaseError:
            connection.close()
            raise InputError(
                f"{folder / NAME} is damaged; run the study again with --resume, which makes it "
                "again from the finished runs"
            ) from None
        return cls(folder, connection)

    @staticmethod
    def _connect(folder: Path, address: str) -> sqlite3.Connection:
        try:
            return sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)
        except sqlite3.OperationalError as error:
            raise InputError(f"{folder / NAME} cannot be opened: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; a full disk is a StoreError."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise StoreError(self.folder, OSError(None, str(error))) from None
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")

    # ------------------------------------------------------------------------------------- runs

    def states(self, runs: Sequence[str]) -> dict[str, str]:
        """The state of those of ``runs`` that were ever begun."""
        return {run: state for run, state, _ in self._rows("run, state, part", runs)}

    def parts_of(self, runs: Sequence[str]) -> dict[str, int]:
        """The number of the part that holds each of ``runs`` that is done."""
        rows = self._rows("run, state, part", runs)
        return {run: part for run, state, part in rows if state == DONE}

    def attempts(self, runs: Sequence[str]) -> dict[str, int]:
        """How often each of ``runs`` was begun."""
        return {run: attempts for run, attempts, _ in self._rows("run, attempts, part", runs)}

    def _rows(self, columns: str, runs: Sequence[str]) -> Iterator[tuple]:
        for start in range(0, len(runs), _FEW):
            few = runs[start : start + _FEW]
            marks = ",".join("?" * len(few))
            yield from self._connection.execute(
                f"SELECT {columns} FROM runs WHERE run IN ({marks})", few
            )

    def begin(self, runs: Iterable[str]) -> None:
        """Note that runs are being done, once more."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO runs (run, state, attempts) VALUES (?, 'running', 1) "
                "ON CONFLICT (run) DO UPDATE SET state = 'running', attempts = attempts + 1",
                [(run,) for run in runs],
            )

    def finish(
        self,
        parts: Iterable[tuple[Part, Iterable[tuple[str, float | None]]]],
        failures: Iterable[Failure] = (),
    ) -> None:
        """Note finished runs: parts with the runs in each and their seconds; and failed ones."""
        with self._writing() as connection:
            for part, runs in parts:
                number = self._add(connection, part)
                connection.executemany(
                    "INSERT INTO runs (run, state, attempts, seconds, part) "
                    "VALUES (?, 'done', 1, ?, ?) ON CONFLICT (run) DO UPDATE SET "
                    "state = 'done', part = excluded.part, stage = NULL, error = NULL, "
                    "message = NULL, traceback = NULL, "
                    "seconds = coalesce(excluded.seconds, seconds)",
                    [(run, seconds, number) for run, seconds in runs],
                )
            connection.executemany(
                "INSERT INTO runs (run, state, attempts, stage, error, message, traceback, "
                "seconds) VALUES (?, 'failed', 1, ?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET "
                "state = 'failed', stage = excluded.stage, error = excluded.error, "
                "message = excluded.message, traceback = excluded.traceback, "
                "seconds = excluded.seconds WHERE state != 'done'",
                list(failures),
            )

    @staticmethod
    def _add(connection: sqlite3.Connection, part: Part) -> int:
        cursor = connection.execute(
            "INSERT INTO parts (name, rows, size, sha256) VALUES (?, ?, ?, ?)", part
        )
        return int(cursor.lastrowid or 0)

    def forget_unfinished(self) -> None:
        """Have runs done again that were under way; what is known of their attempts stays."""
        with self._writing() as connection:
            connection.execute("UPDATE runs SET state = 'pending' WHERE state = 'running'")

    def retry(self, everything: bool) -> None:
        """Have failed runs done again: ``everything``, or those whose process was killed."""
        with self._writing() as connection:
            which = "state = 'failed'" + ("" if everything else f" AND stage = '{LOST_WORKER}'")
            connection.execute(f"UPDATE runs SET state = 'pending', attempts = 0 WHERE {which}")

    def lose(self, part: Part) -> int:
        """Have the runs of a damaged part done again; returns their number."""
        with self._writing() as connection:
            number = connection.execute(
                "SELECT part FROM parts WHERE name = ?", (part.name,)
            ).fetchone()[0]
            lost = connection.execute(
                "UPDATE runs SET state = 'pending', part = NULL WHERE part = ?", (number,)
            ).rowcount
            connection.execute("DELETE FROM parts WHERE part = ?", (number,))
        return lost

    def counts(self) -> Counts:
        """Runs by state."""
        found = dict(
            self._connection.execute("SELECT state, count(*) FROM runs GROUP BY state").fetchall()
        )
        seconds = self._connection.execute(
            "SELECT coalesce(sum(seconds), 0) FROM runs WHERE state = 'done'"
        ).fetchone()[0]
        done, failed, running, pending = (
            found.get(state, 0) for state in (DONE, FAILED, RUNNING, PENDING)
        )
        return Counts(done, failed, running, pending, seconds)

    def failures(self, most: int = -1) -> list[Failure]:
        """Failed runs by their keys, at most ``most`` (negative: all)."""
        return [
            Failure(*row)
            for row in self._connection.execute(
                "SELECT run, stage, error, message, traceback, coalesce(seconds, 0) FROM runs "
                "WHERE state = 'failed' ORDER BY run LIMIT ?",
                (most,),
            )
        ]

    def seconds_of_done(self) -> list[float]:
        """Seconds of the done runs of which they are known, the newest thousand parts' at most."""
        rows = self._connection.execute(
            "SELECT seconds FROM runs WHERE state = 'done' AND seconds IS NOT NULL LIMIT 10000"
        )
        return [row[0] for row in rows]

    # ------------------------------------------------------------------------------------ parts

    def parts(self) -> dict[int, Part]:
        """The parts by their numbers, in the order in which they came."""
        rows = self._connection.execute(
            "SELECT part, name, rows, size, sha256 FROM parts ORDER BY part"
        )
        return {row[0]: Part(*row[1:]) for row in rows}

    def replace(self, old: Iterable[int], new: Part) -> None:
        """Put the runs of old parts into a new one that holds them all."""
        with self._writing() as connection:
            number = self._add(connection, new)
            for part in old:
                connection.execute("UPDATE runs SET part = ? WHERE part = ?", (number, part))
                connection.execute("DELETE FROM parts WHERE part = ?", (part,))

    def replace_all(self, new: Iterable[tuple[Part, Iterable[str]]]) -> None:
        """Take new parts, with the runs in each, for all that there are."""
        with self._writing() as connection:
            connection.execute("DELETE FROM parts")
            for part, runs in new:
                number = self._add(connection, part)
                connection.executemany(
                    "UPDATE runs SET part = ? WHERE run = ?", ((number, run) for run in runs)
                )
            connection.execute("DELETE FROM facts WHERE name = 'swap'")

    # ------------------------------------------------------------------------------------ facts

    def fact(self, name: str) -> str | None:
        """A fact noted about the study, None if there is none of that name."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Note a fact about the study."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET "
                "value = excluded.value",
                (name, value),
            )

    def forget(self, name: str) -> None:
        """Remove a fact about the study."""
        with self._writing() as connection:
            connection.execute("DELETE FROM facts WHERE name = ?", (name,))


def _is_of_the_disk(error: sqlite3.DatabaseError) -> bool:
    """Whether the disk or the folder is at fault rather than the content of the file."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_IOERR_SHORT_READ:
        return False
    return code & 0xFF in (
        sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM,
    )  # fmt: skip


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))
