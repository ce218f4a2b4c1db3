"""A sweep killed fifty times at random moments: every finished run counts, none is done twice."""

import contextlib
import hashlib
import multiprocessing
import os
import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest

from sim.studies.replicate import warm_up
from sim.studies.sweeps import batches, parts
from sim.studies.sweeps.journal import Journal
from sim.studies.sweeps.study_file import make_study
from sim.studies.sweeps.sweep import sweep

KILLS = 50
STUDY = {
    "scenario": {
        "days": 12,
        "population": {"size": 60},
        "network": {"kind": "ring", "mean_degree": 4},
        "policies": {"none": {}, "both": {"scheme": "two_sided", "give": 5, "get": 5}},
    },
    "replications": 20,
    "points": {"factors": {"policies.both.give": [1, 3, 5]}},
    "worlds": {
        "design": "latin_hypercube",
        "count": 16,
        "factors": {"behavior.share.learning": "usual", "population.homophily": "usual"},
    },
}
RUNS = 20 * 16 * (1 + 3)  # the policy that pays nothing is the same at every point


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def attempt(folder: Path) -> None:
    """One process that works on the study until it is done or killed."""
    sweep(make_study(STUDY), folder, workers=2)
    os._exit(0)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file to which every process adds the key of each run that it has put on the disk."""
    log, write = tmp_path / "written", batches.write_part

    def write_and_tell(folder, name, table):
        part = write(folder, name, table)
        keys = "".join(f"{key}\n" for key in table.column(parts.RUN).to_pylist())
        with log.open("ab", buffering=0) as file:
            file.write(keys.encode())
        return part

    monkeypatch.setattr(batches, "write_part", write_and_tell)
    # Short batches: more moments at which there is something to lose.
    monkeypatch.setattr("sim.studies.sweeps.foreman.SECONDS_OF_A_BATCH", 0.15)
    log.touch()
    return log


def kill_at(seconds: float, process: multiprocessing.Process, which: float) -> None:
    """After some seconds kill the coordinator, or one of its workers."""
    time.sleep(seconds)
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        workers = psutil.Process(process.pid).children()
        victim = workers[int(which * 10) % len(workers)].pid if which < 0.4 and workers else None
        os.kill(victim or process.pid, signal.SIGKILL)


def test_fifty_kills_leave_the_bytes_of_an_undisturbed_run(tmp_path: Path, written: Path):
    warm_up()
    undisturbed = tmp_path / "undisturbed"
    sweep(make_study(STUDY), undisturbed, workers=1)
    written.write_bytes(b"")

    folder, luck = tmp_path / "killed", np.random.default_rng(5)
    fork = multiprocessing.get_context("fork")
    killed, done_halfway, longest = 0, None, 0.35
    while killed < KILLS:
        process = fork.Process(target=attempt, args=(folder,))
        process.start()
        # A killed worker is replaced, so the coordinator is killed too in the end.
        for _ in range(3):
            kill_at(luck.uniform(0.0, longest), process, luck.uniform())
            killed += 1
            if not process.is_alive():
                break
        process.kill()
        process.join()
        if not written.stat().st_size:
            longest *= 1.3  # a busy machine has not come to its first run yet
        if killed > KILLS / 2 and done_halfway is None:
            done_halfway = len(written.read_text().split())
    assert done_halfway is not None
    assert 0 < done_halfway < RUNS, "half of the kills were to come while there was work to do"

    last = sweep(make_study(STUDY), folder, workers=2)
    assert last.complete
    assert last.counts.done == RUNS
    assert digests(folder) == digests(undisturbed)
    with Journal.read(folder) as journal:
        assert journal.counts()[:4] == (RUNS, 0, 0, 0)
    times = Counter(written.read_text().split())
    assert set(times.values()) == {1}, "a finished run was done again"
    assert len(times) == RUNS
