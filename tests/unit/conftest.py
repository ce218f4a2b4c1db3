"""Stores of studies of tiny worlds, each in a folder of its own, and a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.studies.sweeps import gathering
from sim.studies.sweeps.design import Design
from tests.fake_runs import complete
from tests.tiny_comparison import SCENARIO
from tests.tiny_studies import RUNS, digests, tiny_design


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three files of outcomes rather than one, so that one of them can be lost."""
    monkeypatch.setattr(gathering, "ROWS_OF_A_FILE", 15)
    monkeypatch.setattr(gathering, "_ROWS_AT_A_TIME", 10)


@pytest.fixture
def design() -> Design:
    return tiny_design()


@pytest.fixture
def undisturbed(tmp_path: Path, design: Design, small_files: None) -> dict[str, str]:
    """The digests of the files of a study that nothing happened to."""
    assert len(complete(tmp_path / "undisturbed", design)) == RUNS
    return digests(tmp_path / "undisturbed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "study"


@pytest.fixture(scope="session")
def comparison() -> sim.Comparison:
    return sim.compare(SCENARIO, replications=6, workers=1)
