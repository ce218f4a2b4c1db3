"""Runs with limits on the workers of an executor: what hangs is ended, and the study goes on."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent import futures

import pytest

from sim.schemes import SCHEMES
from sim.studies.crews import Lost
from sim.studies.sweeps.batches import Batch, Report, columns_of, remember
from sim.studies.sweeps.journal import LOST_WORKER
from sim.studies.sweeps.store import Store
from sim.studies.sweeps.study_file import read_study
from sim.studies.sweeps.sweep import sweep
from sim.studies.sweeps.watched import end_watched, run_watched
from tests.hanging import LIMITS, hanging_study
from tests.tiny_studies import tiny_design

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a process is ended by POSIX signals")


@pytest.fixture
def own_process():
    yield
    end_watched()


def test_a_run_that_hangs_in_an_executor_fails_alone(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    study = read_study(hanging_study(tmp_path))
    start = time.monotonic()
    try:
        with futures.ThreadPoolExecutor(2) as threads:
            found = sweep(study, tmp_path / "out", executor=threads, limits=LIMITS)
    finally:
        SCHEMES.pop("hanging", None)
    assert (found.counts.done, found.counts.failed) == (2 * 4, 2)
    for one in json.loads((tmp_path / "out" / "failures.json").read_text()):
        assert (one["policy"], one["stage"]) == ("hanging", LOST_WORKER)
        assert one["message"].startswith("it hung: no answer after")
        assert "raise time_limit_seconds if it needs more" in one["message"]
    assert time.monotonic() - start < 120


@pytest.mark.usefixtures("own_process")
def test_its_process_is_kept_and_one_that_is_lost_is_replaced(tmp_path):
    design = tiny_design(points={}, worlds={}, replications=2)
    digest, columns = remember(design), columns_of(design)
    before = children()
    with Store.open(tmp_path / "out", design):
        task = next(iter(design.tasks()))
        batch = Batch(str(tmp_path / "out"), digest, "a", (task,), columns, LIMITS)
        first = run_watched(batch)
        [process] = children() - before
        assert isinstance(run_watched(batch._replace(token="b")), Report)
        assert children() - before == {process}
        os.kill(process, signal.SIGSTOP)
        lost = run_watched(batch._replace(token="c"))
        assert isinstance(lost, Lost)
        assert lost.hung
        assert children() <= before
        again = run_watched(batch._replace(token="d"))
    assert isinstance(first, Report)
    assert isinstance(again, Report)
    runs = [[run for _, runs in report.parts for run, _ in runs] for report in (first, again)]
    assert runs[0] == runs[1] == list(design.keys(task).values())


def children() -> set[int]:
    """The processes that this thread has started and that live."""
    with open(f"/proc/self/task/{os.getpid()}/children") as line:
        return {int(pid) for pid in line.read().split()}
