"""What every command that runs a study file is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sim.commands.console import Output, Progress
from sim.studies import files
from sim.studies.sweeps.session import Session
from sim.studies.sweeps.study_file import StudyFile, read_study


class StudyCall(NamedTuple):
    """The arguments that ``sweep``, ``rank``, ``sensitivity`` and ``optimize`` share.

    path : of the study file. settings, days, seed : fields of its scenario instead of those
    written there. workers, cluster : who does the runs. out, resume, overwrite : the folder, and
    what becomes of a study in it. report : whether a page is written. output : of the command.
    """

    path: Path
    settings: tuple[str, ...]
    days: float | None
    seed: int | None
    workers: int | None
    cluster: str | None
    out: Path | None
    resume: bool
    overwrite: bool
    report: bool
    output: Output

    def study(self, replications: int | None = None) -> StudyFile:
        """Read the study file. replications : instead of those written there."""
        return read_study(
            self.path, settings=self.settings, seed=self.seed, days=self.days,
            replications=replications,
        )  # fmt: skip

    def session(self, progress: Progress | None, **more: Any) -> Session:
        """The session that was asked for. more : what only this command has to say about it."""
        return Session(
            workers=self.workers, cluster=self.cluster, overwrite=self.overwrite,
            progress=progress, command=files.command_line(), **more,
        )  # fmt: skip
