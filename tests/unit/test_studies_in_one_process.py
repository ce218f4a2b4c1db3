"""Studies one after the other in a process, as in a notebook: nothing of the last one is left."""

from __future__ import annotations

import errno
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from sim.studies.crews import StoppedError
from sim.studies.findings.candidates import candidates_of
from sim.studies.optimizing.evaluation import evaluated
from sim.studies.sweeps import batches
from sim.studies.sweeps.design import make_design
from sim.studies.sweeps.lock import FolderLock
from sim.studies.sweeps.parts import StoreError
from sim.studies.sweeps.study_file import make_study
from sim.studies.sweeps.sweep import sweep

SCENARIO = {
    "days": 8,
    "population": {"size": 60},
    "network": {"kind": "ring", "mean_degree": 4},
    "campaign": {"organic_visits": 0.2},
    "policies": {"none": {}, "both": {"scheme": "two_sided", "give": 5, "get": 5}},
}


def ring(path: Path, neighbours: int) -> None:
    ties = [(i, (i + step) % 60) for i in range(60) for step in range(1, neighbours + 1)]
    path.write_text("source,target\n" + "".join(f"{a},{b}\n" for a, b in ties))


def test_a_network_file_written_anew_is_read_anew(tmp_path):
    ties = tmp_path / "ties.csv"
    study = {
        "scenario": SCENARIO | {"network": {"file": str(ties), "directed": False}},
        "replications": 1,
    }
    shares = []
    for number, neighbours in enumerate((6, 1, 6)):
        ring(ties, neighbours)
        found = sweep(make_study(study), tmp_path / f"out{number}", workers=1)
        shares.append(found.outcomes(["impressions"])["impressions"].tolist())
    assert shares[0] != shares[1]
    assert shares[0] == shares[2]


def test_a_network_file_that_changes_under_a_study_fails_its_runs(tmp_path):
    ties = tmp_path / "ties.csv"
    ring(ties, 3)
    design = make_design(
        make_study({"scenario": SCENARIO | {"network": {"file": str(ties), "directed": False}}})
    )
    ring(ties, 2)
    with pytest.raises(InputError, match="is not the file that the study began with"):
        batches._graph_of_file(design, design.scenario)


def test_the_lock_holds_in_the_process_too_and_the_second_taker_does_not_drop_it(tmp_path):
    lock = FolderLock.take(tmp_path)
    with pytest.raises(InputError, match="this process works in"):
        FolderLock.take(tmp_path / ".." / tmp_path.name)
    lock.release()
    FolderLock.take(tmp_path).release()


def test_a_base_class_of_a_scheme_of_ones_own_is_part_of_its_key(tmp_path, monkeypatch):
    base = """
        import sim
        class Base(sim.incentives.Scheme):
            rate: float = 0.1
            def offer(self, market):
                raise NotImplementedError
            def settle(self, orders, market):
                raise NotImplementedError
        """
    (tmp_path / "own_base.py").write_text(textwrap.dedent(base))
    (tmp_path / "own_scheme.py").write_text(
        "from own_base import Base\nclass OwnOne(Base):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    scenario = SCENARIO | {"policies": {"none": {}, "own": {"scheme": "own_scheme:OwnOne"}}}
    keys = []
    for extra in ("", "# another rule\n"):
        with (tmp_path / "own_base.py").open("a") as file:
            file.write(extra)
        keys.append(make_design(make_study({"scenario": scenario})).run_key("own", 0, 0, 0))
    for module in ("own_base", "own_scheme"):
        sys.modules.pop(module)
    assert keys[0] != keys[1]


def test_a_lever_of_the_baseline_makes_candidates_of_the_others():
    policies = {"old": {"scheme": "percentage", "rate": 0.05}, "both": {"scheme": "two_sided"}}
    design = make_design(
        make_study(
            {
                "scenario": SCENARIO | {"policies": policies, "compare": {"baseline": "old"}},
                "points": {"factors": {"policies.old.rate": [0.05, 0.1]}},
            }
        )
    )
    found, places = candidates_of(design)
    assert len(found) == 4
    assert np.unique(places).size == 4


def test_a_study_with_a_branch_day_is_refused():
    scenario = SCENARIO | {"compare": {"branch_day": 4, "history": "none"}}
    with pytest.raises(InputError, match="branch_day = 4"):
        make_design(make_study({"scenario": scenario}))


def test_a_full_disk_stops_a_search_instead_of_counting_as_a_setting_that_fails(tmp_path):
    def evaluate(settings, replications):
        raise StoreError(tmp_path, OSError(errno.ENOSPC, "No space left on device"))

    with pytest.raises(StoppedError, match="No space left"):
        evaluated(evaluate, [{"a": 1}], range(2))
