"""``vouch sweep --cluster``: a real Dask scheduler with two workers on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sim
from sim.schemes import SCHEMES
from sim.studies.sweeps.study_file import read_study
from sim.studies.sweeps.sweep import sweep
from tests.hanging import HANGING, LIMITS, hanging_study
from tests.tiny_studies import digests

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed by POSIX signals")

REPLICATIONS = 60
RUNS = 2 * REPLICATIONS
STUDY = f"""
replications = {REPLICATIONS}
[scenario]
name = "tiny"
days = 12
population.size = 80
network = {{kind = "ring", mean_degree = 12}}
products = [{{price = 20.0, unit_cost = 8.0, valuation = 40.0}}]
campaign = {{organic_visits = 0.1, initial_customers = 0.5}}
[scenario.policies]
none = {{}}
both = {{scheme = "two_sided", give = 5.0, get = 5.0}}
"""


class Cluster:
    """A scheduler and two workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.scheduler = self._start(
            "dask_scheduler", "--port", "0", "--scheduler-file", str(self.file)
        )
        self.workers = [self.add_worker() for _ in range(2)]
        deadline = time.monotonic() + 60
        while not self.file.exists():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        self.address = str(json.loads(self.file.read_text())["address"])

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        here = [str(Path(sim.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1",
                 "--no-dashboard", *arguments],
                cwd=self.folder, stdout=log, stderr=log,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, here))},
            )  # fmt: skip

    def add_worker(self) -> subprocess.Popen[bytes]:
        """Another worker, of one thread, without a nanny that would start it again."""
        return self._start(
            "dask_worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--no-nanny",
            "--local-directory", str(self.folder), "--memory-limit", "0",
        )  # fmt: skip

    def wait_for_workers(self, count: int) -> None:
        """Until the scheduler has ``count`` workers."""
        from distributed import Client

        with Client(self.address, timeout=30, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def end(self) -> None:
        """End all processes at once."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.wait_for_workers(2)
        yield made
    finally:
        made.end()


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Batches of a few runs: something is under way when a worker is killed.
    monkeypatch.setattr("sim.studies.sweeps.foreman.MOST_RUNS_OF_A_BATCH", 4)
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the study done by one worker."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "study.toml").write_text(STUDY)
    assert sweep(read_study(folder / "study.toml"), folder / "out", workers=1).complete
    return digests(folder / "out")


def test_a_cluster_gives_the_bytes_of_one_worker(vouch, study, tmp_path, cluster, undisturbed):
    end = vouch("sweep", study, "--out", "out", "--cluster", cluster.address, "--json")
    assert (end.code, end.json["done"]) == (0, RUNS)
    assert digests(tmp_path / "out") == undisturbed


def test_a_worker_killed_in_the_middle_costs_nothing(study, tmp_path, cluster, undisturbed):
    seen: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if done > total // 4 and not seen:
            seen.append(done)
            cluster.workers.pop().kill()

    found = sweep(read_study(study), tmp_path / "out", cluster=cluster.address, progress=kill_one)
    cluster.workers.append(cluster.add_worker())
    assert seen
    assert seen[0] < RUNS
    assert found.complete
    assert digests(tmp_path / "out") == undisturbed


def test_a_scheduler_killed_in_the_middle_is_one_message_and_then_the_study_goes_on(
    vouch, study, tmp_path, undisturbed, monkeypatch
):
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster")
    progress = "sim.commands.console._lines"

    def killing(what):
        def update(done, total):
            if done > total // 4:
                cluster.scheduler.kill()

        return update

    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(cluster.end)
        cluster.wait_for_workers(2)
        monkeypatch.setattr(progress, killing)
        end = vouch("sweep", study, "--out", "out", "--cluster", cluster.address)
    assert end.code == 2
    [message] = [line for line in end.err.splitlines() if line.startswith("vouch: error:")]
    assert f"the cluster at {cluster.address} is lost" in message
    assert "finished runs are kept: start it again, then run the same command with --re" in message
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    kept = vouch("status", "out", "--json").json
    assert RUNS // 4 < kept["done"] < RUNS
    assert kept["running"] == 0
    end = vouch("sweep", study, "--out", "out", "--resume", "--workers", 1, "--json")
    assert (end.code, end.json["done"]) == (0, RUNS)
    assert digests(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://127.0.0.1"])
def test_a_cluster_that_does_not_answer_is_one_message(vouch, study, address, monkeypatch):
    monkeypatch.setattr("sim.studies.sweeps.cluster.SECONDS_TO_CONNECT", 2)
    end = vouch("sweep", study, "--out", "out", "--cluster", address)
    assert end.code == 2
    [message] = [line for line in end.err.splitlines() if line.startswith("vouch: error:")]
    assert f"no Dask scheduler answers at {address}" in message
    assert "start one with `dask scheduler`" in message


def test_a_cluster_without_workers_is_one_message(vouch, study, tmp_path, cluster):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=0, scheduler_port=0, dashboard_address=":0", processes=False,
        host="127.0.0.1",
        protocol="tcp", silence_logs=50,
    ) as empty:  # fmt: skip
        end = vouch("sweep", study, "--out", "out", "--cluster", empty.scheduler_address)
    assert end.code == 2
    assert "has no workers; start some with `dask worker tcp://127.0.0.1:" in end.err


def test_a_run_that_hangs_on_a_worker_is_ended_there_and_the_study_goes_on(
    tmp_path, cluster, monkeypatch
):
    study = read_study(hanging_study(tmp_path))
    # Its workers find modules in the folder where they were started.
    (cluster.folder / "hanging_scheme.py").write_text(HANGING)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        found = sweep(study, tmp_path / "out", cluster=cluster.address, limits=LIMITS)
    finally:
        SCHEMES.pop("hanging", None)
    assert (found.counts.done, found.counts.failed) == (2 * 4, 2)
    failures = json.loads((tmp_path / "out" / "failures.json").read_text())
    assert {one["policy"] for one in failures} == {"hanging"}
    assert all(one["message"].startswith("it hung: no answer") for one in failures)
    # Both workers are there, and do what they are asked.
    assert all(worker.poll() is None for worker in cluster.workers)
