"""One process at a time writes the folder of a study."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
from pathlib import Path
from typing import IO, Any, Self

from sim.errors import InputError

_taken: set[Path] = set()
"""Folders that this process has: the system's lock is between processes only."""

_BUSY = (errno.EACCES, errno.EAGAIN)


class FolderLock:
    """A lock that the system gives back when the process ends, however it ends."""

    NAME = ".lock"

    def __init__(self, folder: Path, file: IO[str]) -> None:
        self._folder = folder
        self._file = file

    @classmethod
    def take(cls, folder: Path) -> Self:
        """Take the lock of a folder.

        Raises
        ------
        InputError
            If another process has it, or the folder cannot be written.
        """
        path, own = folder / cls.NAME, folder.resolve()
        if own in _taken:
            raise InputError(
                f"this process works in {folder} already; wait until that is done, or choose "
                "another --out"
            )
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"{folder} cannot be written: {error.strerror or error}; choose another --out"
            ) from None
        try:
            _lock(file)
        except OSError as error:
            holder = _holder(file)
            file.close()
            if error.errno not in _BUSY:
                raise InputError(
                    f"{folder} cannot be locked ({error.strerror or error}), so that two studies "
                    "could mix there; choose an --out on a disk of this machine"
                ) from None
            raise InputError(
                f"another vouch works in {folder}{holder}; wait until it is done, or end it, or "
                "choose another --out"
            ) from None
        # Who has it is a courtesy: on a full disk the next one is refused without it.
        with contextlib.suppress(OSError):
            file.seek(0)
            file.truncate()
            json.dump({"process": os.getpid(), "machine": platform.node()}, file)
            file.flush()
        _taken.add(own)
        return cls(own, file)

    def release(self) -> None:
        """Let others in."""
        _taken.discard(self._folder)
        with contextlib.suppress(OSError):
            self._file.seek(0)
            self._file.truncate()
        with contextlib.suppress(OSError):
            self._file.close()


def is_worked_on(folder: Path) -> bool:
    """Whether a process works in a folder, as far as its name in the lock tells."""
    try:
        found = json.loads((folder / FolderLock.NAME).read_text(encoding="utf-8"))
        process, machine = int(found["process"]), found["machine"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if machine != platform.node():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _lock(file: IO[str]) -> None:
    if os.name == "nt":
        import msvcrt

        windows: Any = msvcrt
        windows.locking(file.fileno(), windows.LK_NBLCK, 1)
        return
    import fcntl

    # A record lock: unlike flock it is not shared with worker processes, which may outlive us.
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(file: IO[str]) -> str:
    with contextlib.suppress(ValueError, KeyError, OSError):
        file.seek(0)
        found = json.load(file)
        return f" (process {found['process']} on {found['machine']})"
    return ""
