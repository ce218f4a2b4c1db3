"""How the runs of a study are done this time. No result depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent import futures
from dataclasses import dataclass

from sim.studies.sweeps.foreman import OnError, Progress


@dataclass(frozen=True)
class Session:
    """One sitting at a study: by whom its runs are done, and what becomes of what is there.

    Attributes
    ----------
    workers : processes of this machine, default one a processor
    executor : any executor of :mod:`concurrent.futures` instead, whose workers see the folder
    cluster : address of a Dask scheduler instead, such as "tcp://10.0.0.5:8786"
    overwrite : start again if the folder holds a study
    rerun_failed : do failed runs again
    on_error : "stop" at the first failed run, or "continue"
    progress : called with (rows settled, rows in all)
    command : for the manifest; default the function that was called
    """

    workers: int | None = None
    executor: futures.Executor | None = None
    cluster: str | None = None
    overwrite: bool = False
    rerun_failed: bool = False
    on_error: OnError = "continue"
    progress: Progress | None = None
    command: Sequence[str] = ()
