"""The folder of a study: checked before the work, written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import datetime
import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError
from sim.scenario import Scenario
from sim.studies.dictionary import Entry, by_table, describe

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
DICTIONARY = "dictionary"
PEOPLE = "people.parquet"
PACKAGES = ("numpy", "numba", "mesa", "scipy", "pandas", "pyarrow")


def default_folder(name: str, now: datetime.datetime | None = None) -> Path:
    """``results/<name>-<timestamp>``, with anything but letters, digits, ``.-_`` left out."""
    moment = now if now is not None else datetime.datetime.now()
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "study"
    return Path("results") / f"{plain}-{moment:%Y%m%d-%H%M%S}"


@contextlib.contextmanager
def chosen_folder(out: Path | None, name: str) -> Iterator[Path]:
    """``out``, or else :func:`default_folder`, with -2, -3 ... where there is one already.

    The default folder is made at once, so that two studies started in the same second get two;
    after an error it is removed.
    """
    if out is not None:
        yield out
        return
    first = default_folder(name)
    made = _make_folders(first.parent)
    try:
        with _as_input_error(first):
            folder = _make_numbered(first)
        made.append(folder)
        yield folder
    except BaseException:
        _remove_empty(made)
        raise


def _make_numbered(first: Path) -> Path:
    """Make ``first``, or the first of first-2, first-3 ... that is not there."""
    folder, number = first, 1
    while True:
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            folder = first.with_name(f"{first.name}-{number}")
        else:
            return folder


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove those of ``folders``, the innermost last, that are empty."""
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def study_folder(destination: Path, overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder beside ``destination`` that takes its place when all went well.

    The place is checked before anything is computed. After an error nothing is left behind, and
    a study that was there before is as it was.

    Raises
    ------
    InputError
        If the destination holds a study and ``overwrite`` is false, holds anything else, or
        cannot be written.
    """
    check_destination(destination, overwrite)
    made = _make_folders(destination.parent)
    try:
        with _as_input_error(destination):
            staging = tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent)
        folder = Path(staging)
        try:
            yield folder
            with _as_input_error(destination):
                folder.chmod(0o777 & ~_umask())
                _put_in_place(folder, destination)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        _remove_empty(made)
        raise


@contextlib.contextmanager
def staged_files(destination: Path, names: Sequence[str], overwrite: bool) -> Iterator[Path]:
    """A temporary folder whose files ``names`` move to ``destination`` when all went well.

    After an error nothing is left behind, and files that were there before are as they were.

    Raises
    ------
    InputError
        If one of the files is there and ``overwrite`` is false, or cannot be written.
    """
    for name in names:
        if not overwrite and os.path.lexists(destination / name):
            raise InputError(
                f"{destination / name} is there already; add --overwrite to replace it, or choose "
                "another --out"
            )
    made = _make_folders(destination)
    try:
        with _as_input_error(destination):
            folder = Path(tempfile.mkdtemp(prefix=".writing.", dir=destination))
            try:
                yield folder
                for name in names:
                    os.replace(folder / name, destination / name)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        _remove_empty(made)
        raise


def check_destination(destination: Path, overwrite: bool) -> None:
    """Refuse a place for a study that holds something else, or one already."""
    if not destination.name:
        raise InputError(f"--out {destination} is not the name of a folder; give one")
    if not os.path.lexists(destination):
        return
    if not destination.is_dir():
        raise InputError(f"{destination} is a file; choose another --out")
    if (destination / MANIFEST).exists():
        if not overwrite:
            raise InputError(
                f"{destination} holds a study already; add --overwrite to replace it, "
                "or choose another --out"
            )
    elif any(destination.iterdir()):
        raise InputError(
            f"{destination} is not empty and holds no study ({MANIFEST}); choose another --out"
        )


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder with its parents; returns those that were made, outermost first."""
    made: list[Path] = []
    with _as_input_error(folder):
        for parent in reversed([folder, *folder.parents]):
            if not parent.exists():
                parent.mkdir()
                made.append(parent)
    return made


@contextlib.contextmanager
def _as_input_error(destination: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{destination} cannot be written: {error.strerror or error}; choose another --out"
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _put_in_place(folder: Path, destination: Path) -> None:
    """Rename ``folder`` to ``destination``; a study that stands there makes way first."""
    if not destination.exists():
        folder.rename(destination)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    destination.rename(old)
    try:
        folder.rename(destination)
    except BaseException:
        old.rename(destination)
        raise
    shutil.rmtree(old, ignore_errors=True)


# --------------------------------------------------------------------------------- single files


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet: plain columns, text as strings, the same bytes every time."""
    import pyarrow as pa
    from pyarrow import parquet

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    fields = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in arrow.schema
    ]
    plain = arrow.cast(pa.schema(fields)).replace_schema_metadata(None)
    parquet.write_table(plain, path, compression="snappy")


def write_people(folder: Path, labels: np.ndarray | None) -> None:
    """Write the people's own ids, where they have any, by the number they have in every table."""
    import pandas as pd

    if labels is not None:
        consumer = np.arange(labels.size, dtype=np.int32)
        table = pd.DataFrame({"consumer": consumer, "id": labels.astype(str).astype(object)})
        write_parquet(folder / PEOPLE, table)


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON, a nan or infinite number as null."""
    path.write_text(as_json(value) + "\n", encoding="utf-8")


def as_json(value: Any) -> str:
    """A JSON text of plain values and numpy numbers; nan and infinite ones are null."""
    return json.dumps(_finite(value), indent=1, allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_scenario(folder: Path, scenario: Scenario) -> None:
    """Write the resolved scenario, whose bytes have the sha256 of the manifest."""
    (folder / "scenario.toml").write_bytes(scenario.to_toml().encode())


def write_dictionary(folder: Path, scenario: Scenario) -> None:
    """Write what every column of the folder's tables is: ``dictionary.json`` and the same as CSV.

    A folder without tables gets none.
    """
    entries = describe(folder, scenario)
    if entries:
        write_json(folder / f"{DICTIONARY}.json", by_table(entries))
        with (folder / f"{DICTIONARY}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([Entry._fields, *entries])


def write_manifest(folder: Path, scenario: Scenario, command: Sequence[str], **facts: Any) -> None:
    """Write what is needed to run a study again to the bit, last of all, and the dictionary.

    facts : further entries, such as seed, replications, workers, policies, seconds.
    """
    write_dictionary(folder, scenario)
    write_json(
        folder / MANIFEST,
        {
            "command": list(command),
            "study": scenario.name,
            **facts,
            "scenario_sha256": scenario.digest(),
            "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "git_revision": git_revision(),
            "files": _files_in(folder),
        },
    )


def list_files(folder: Path) -> None:
    """Take what was written after the manifest into its list of files."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, manifest | {"files": _files_in(folder)})


def _files_in(folder: Path) -> list[str]:
    names = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}
    return [*sorted(names - {MANIFEST}), MANIFEST]


def versions() -> dict[str, str]:
    """Versions a result can depend on."""
    from sim import __version__

    return {
        "vouch": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
        "machine": f"{platform.system()} {platform.machine()}",
    }


def git_revision() -> str | None:
    """Commit of the checkout this code runs from, with "+" if it was changed; None outside one."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    git = ["git", "--no-optional-locks", "-C", str(checkout)]
    try:
        revision = _output([*git, "rev-parse", "--verify", "HEAD"])
        return revision + ("+" if _output([*git, "status", "--porcelain", "--", "sim"]) else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def command_line() -> list[str]:
    """The command as it was typed, without where the program is."""
    return ["vouch", *sys.argv[1:]]
