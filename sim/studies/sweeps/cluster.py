"""A Dask cluster as the crew of a study (extra ``cluster``).

Workers write what they finish into the study's folder, so all of them must see it, under the same
path. A worker that dies costs the batch it had; Dask gives it to another.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sim.errors import InputError
from sim.studies.crews import FuturesCrew
from sim.studies.sweeps.batches import Limits
from sim.studies.sweeps.design import code_fingerprint
from sim.studies.sweeps.watched import executor_crew

SECONDS_TO_CONNECT = 10
_LOST = (
    "the cluster at {address} is lost ({error}); finished runs are kept: start it again, then run "
    "the same command with --resume"
)


@contextlib.contextmanager
def cluster_crew(address: str, folder: Path, limits: Limits) -> Iterator[FuturesCrew]:
    """The workers of the Dask scheduler at ``address``, checked. limits : of a run.

    Raises
    ------
    InputError
        If Dask is not installed, the cluster cannot be reached, has no workers, or a worker does
        not see the folder or has other code.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise InputError(
            'a cluster needs Dask: pip install "vouch-sim[cluster]", here and on its workers'
        ) from None
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(
                Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"no Dask scheduler answers at {address} ({str(error) or type(error).__name__}); "
                "start one with `dask scheduler`, or name its address, such as tcp://10.0.0.5:8786"
            ) from None
        threads = _checked_workers(client, address, folder)
        executor = client.get_executor(pure=False)

        def lost(error: BaseException) -> str | None:
            from distributed.comm import CommClosedError

            gone = client.status != "running" or not client.scheduler_comm
            if gone or isinstance(error, CommClosedError):
                return _LOST.format(address=address, error=type(error).__name__)
            return None

        yield executor_crew(executor, threads, limits, lost=lost, deaths=(KilledWorker,))


def _checked_workers(client: Any, address: str, folder: Path) -> int:
    """The threads of all workers, once each has been asked for its code and the folder."""
    threads = client.nthreads()
    if not threads:
        raise InputError(
            f"the scheduler at {address} has no workers; start some with `dask worker {address}`"
        )
    folder = folder.resolve()
    token = folder / f".cluster-{uuid.uuid4().hex[:8]}"
    token.write_text("vouch", encoding="utf-8")
    try:
        answers = client.run(worker_state, str(token), on_error="return")
    finally:
        token.unlink()
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):
            raise InputError(
                f"the worker at {worker} cannot run vouch ({type(answer).__name__}: {answer}); "
                "install the same version there"
            )
        code, sees_folder = answer
        if code != code_fingerprint():
            raise InputError(
                f"the worker at {worker} has other code of vouch ({code}; here it is "
                f"{code_fingerprint()}); install the same version there"
            )
        if not sees_folder:
            raise InputError(
                f"the worker at {worker} does not see {folder}; give an --out on a disk that all "
                "of them share"
            )
    return sum(threads.values())


def worker_state(token: str) -> tuple[str, bool]:
    """On a worker: the fingerprint of its code, and whether it sees a file."""
    return code_fingerprint(), Path(token).exists()
