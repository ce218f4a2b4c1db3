"""The file of a saved run: named arrays and plain values in a zip, sealed, never unpickled."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from sim.errors import InputError

FORMAT = 1
"""Number of the format that is written; it goes up when older code could not read a file."""

_FACTS, _SEAL = "run.json", "sha256"
# What zipfile, NumPy and JSON raise for bytes that make no sense.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, struct.error)
_FAST = 1  # level of compression: most of a state is zeros


class RunFile(NamedTuple):
    """A run as it is written down.

    facts : plain values. arrays : by name, in any number of parts set off by slashes.
    """

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


def write_run_file(path: Path, content: RunFile) -> None:
    """Write a file that appears whole or not at all; one that is there is replaced.

    The same content gives the same bytes. Raises :class:`InputError` if it cannot be written.
    """
    seal = hashlib.sha256()
    with _appearing(path) as file, zipfile.ZipFile(
        file, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST
    ) as archive:  # fmt: skip
        with _member(archive, _FACTS, seal) as member:
            facts = {"format": FORMAT, **content.facts}
            member.write(json.dumps(facts, indent=1, default=_plain).encode())
        for name, array in content.arrays.items():
            with _member(archive, f"{name}.npy", seal) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        with archive.open(_SEAL, "w") as member:
            member.write(seal.hexdigest().encode())


def read_run_file(path: Path) -> RunFile:
    """The content of a file that :func:`write_run_file` wrote.

    Raises
    ------
    InputError
        If there is no such file, it is none of a saved run, is damaged, or of a newer format.
    """
    with _readable(path) as archive:
        return _content(path, archive)


def read_facts(path: Path) -> dict[str, Any]:
    """The plain values of a file alone, without the time its arrays take.

    Raises :class:`InputError` as :func:`read_run_file`, but for a wrong seal.
    """
    with _readable(path) as archive:
        if _FACTS not in archive.namelist():
            raise ValueError(f"there is no {_FACTS} in it")
        return _checked(path, archive.read(_FACTS))


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive of a file, whose faults become an InputError that names it."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; `vouch run SCENARIO --until DAY --save {path}` writes one"
        ) from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name the file of a saved run") from None
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(
            f"{path} is damaged, or not a saved run ({error}); save the run again"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def _content(path: Path, archive: zipfile.ZipFile) -> RunFile:
    """What is in the archive, once its seal has proved right. ValueError if it does not."""
    names = archive.namelist()
    if _FACTS not in names or names[-1] != _SEAL:
        raise ValueError(f"there is no {_FACTS} or {_SEAL} in it")
    seal = hashlib.sha256()
    members: dict[str, bytes] = {}
    for name in names[:-1]:
        members[name] = archive.read(name)
        seal.update(name.encode())
        seal.update(members[name])
    if archive.read(_SEAL).decode() != seal.hexdigest():
        raise ValueError("its content does not have the sha256 that was written")
    return RunFile(
        _checked(path, members.pop(_FACTS)),
        {
            name.removesuffix(".npy"): np.lib.format.read_array(
                io.BytesIO(members.pop(name)), allow_pickle=False
            )
            for name in list(members)
        },
    )


def _checked(path: Path, content: bytes) -> dict[str, Any]:
    """Plain values of this format, or InputError."""
    facts: dict[str, Any] = json.loads(content)
    if facts["format"] != FORMAT:
        raise InputError(
            f"{path} is a saved run of format {facts['format']}, and this version of vouch reads "
            f"format {FORMAT}; use the version that wrote it, vouch {facts['vouch']}"
        )
    return facts


class _Sealed:
    """A file to write to that adds all it is given to a digest."""

    def __init__(self, file: IO[bytes], seal: hashlib._Hash) -> None:
        self._file = file
        self._seal = seal

    def write(self, data: bytes) -> int:
        """Write ``data``."""
        self._seal.update(data)
        return self._file.write(data)


@contextlib.contextmanager
def _member(archive: zipfile.ZipFile, name: str, seal: hashlib._Hash) -> Iterator[_Sealed]:
    """A new member of the archive, sealed with its name."""
    seal.update(name.encode())
    with archive.open(name, "w", force_zip64=True) as file:
        yield _Sealed(file, seal)


def _plain(value: Any) -> Any:
    """A NumPy number as JSON can write it."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written to a file of a run")


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[IO[bytes]]:
    """A file beside ``path`` to write to, which takes its place when all went well."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
    staged = Path(name)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        staged.chmod(0o666 & ~mask)
        staged.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        staged.unlink(missing_ok=True)
