"""The command line as a function, and a small scenario file."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import sim
from sim.schemes import SCHEMES
from tests.faulty_scheme import FAULTY
from tests.tiny_studies import STUDY, digests

SCENARIO = """
name = "small"
days = 12
[network]
kind = "watts_strogatz"
mean_degree = 8
[population]
size = 200
[campaign]
organic_visits = 0.1
[policies.none]
[policies.ten_percent]
scheme = "percentage"
rate = 0.10
[policies.give_get]
scheme = "two_sided"
give = 5.00
get = 5.00
budget = 500
"""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Vouch = Callable[..., Ended]


@pytest.fixture
def vouch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Vouch:
    """``vouch("run", file, ...)`` in an empty folder, in this process."""
    from sim.cli import app

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        try:
            app([str(argument) for argument in arguments], prog_name="vouch")
        except SystemExit as end:
            code = int(end.code or 0)
        else:
            code = 0
        return Ended(code, *capsys.readouterr())

    return call


Interrupted = Callable[..., Ended]


@pytest.fixture
def interrupted(tmp_path: Path) -> Interrupted:
    """``interrupted("of 80", "compare", ...)``: a command in a process of its own, in ``tmp_path``.

    It gets a Ctrl-C when a line on standard error has the first text in it.
    """
    if os.name != "posix":
        pytest.skip("a process is interrupted by a POSIX signal")

    def call(line: str, *arguments: object) -> Ended:
        process = subprocess.Popen(
            [sys.executable, "-m", "sim.cli", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(sim.__file__).parents[1])},
            text=True,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A shell's background jobs ignore Ctrl-C, and so would what they start.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stderr is not None
        assert line in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err)

    return call


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A study with a policy whose scheme fails when the file ``fault`` says so."""
    (tmp_path / "faulty_scheme.py").write_text(FAULTY)
    path = tmp_path / "faulty.toml"
    path.write_text(
        STUDY.replace("none = {}", 'none = {}\nown = {scheme = "faulty_scheme:Faulty"}')
    )
    monkeypatch.delitem(sys.modules, "faulty_scheme", raising=False)
    yield path
    sys.modules.pop("faulty_scheme", None)
    SCHEMES.pop("faulty", None)


@pytest.fixture
def undisturbed(vouch, study, tmp_path) -> dict[str, str]:
    assert vouch("sweep", study, "--out", "undisturbed", "--workers", 1, "--quiet").code == 0
    return digests(tmp_path / "undisturbed")
