"""Policies meet the same worlds and the same luck, whoever computes them and in what order."""

from __future__ import annotations

import numpy as np
import pytest

import sim
from sim.measures import MEASURES

SCENARIO = sim.Scenario.from_table(
    {
        "days": 25,
        "population": {"size": 250},
        "network": {"kind": "watts_strogatz", "mean_degree": 8},
        "campaign": {"organic_visits": 0.1},
        "policies": {
            "none": {},
            "give_get": {"scheme": "two_sided", "give": 5, "get": 5},
            "again": {"scheme": "two_sided", "give": 5, "get": 5},
        },
    }
)


@pytest.fixture(scope="module")
def comparison() -> sim.Comparison:
    return sim.compare(SCENARIO, replications=6, workers=1)


def test_the_same_policy_under_another_name_differs_by_exactly_nothing(comparison):
    for measure in MEASURES:
        one, other = comparison.values("give_get", measure), comparison.values("again", measure)
        assert np.array_equal(one, other, equal_nan=True), measure
    assert comparison.probability_of_best()["give_get"] == comparison.probability_of_best()["again"]


def test_a_scheme_that_pays_nothing_differs_by_exactly_nothing():
    scenario = SCENARIO.but(policies={"none": {}, "twin": {"scheme": "none"}})
    found = sim.compare(scenario, replications=4, workers=1)
    for measure in MEASURES:
        row = found.differences(measure).loc["twin"]
        assert row["replications"] == 0 or (row["mean"], row["sd"]) == (0, 0), measure
    assert found.probability_of_best() == {"none": 0.5, "twin": 0.5}
    assert found.verdict() == "No reward and twin are identical in every run"


def test_the_check_can_fail(comparison):
    """A policy that does something does differ in these few runs."""
    assert comparison.differences("payout_cents").loc["give_get", "mean"] > 0


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_do_not_change_a_byte(comparison, workers, tmp_path):
    parallel = sim.compare(SCENARIO, replications=6, workers=workers)
    one, other = comparison.save(tmp_path / "one"), parallel.save(tmp_path / "other")
    for name in ("outcomes.parquet", "daily.parquet", "retention.parquet", "earnings.parquet"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert (one / "comparison.json").read_text() == (other / "comparison.json").read_text()


def test_workers_do_not_change_how_many_replications_are_added():
    scenario = SCENARIO.but(days=10, compare={"precision": 0.01, "maximum_replications": 17})
    alone, parallel = (sim.compare(scenario, workers=count) for count in (1, 2))
    assert alone.outcomes.equals(parallel.outcomes)


def test_engines_do_not_change_a_byte(tmp_path):
    small = SCENARIO.but(days=12, population={"size": 120})
    folders = [
        sim.compare(small, replications=2, workers=1, engine=engine).save(tmp_path / engine)
        for engine in ("kernels", "agents")
    ]
    for name in ("outcomes.parquet", "daily.parquet", "comparison.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_policy_does_not_depend_on_the_others(comparison):
    reversed_order = sim.compare(
        SCENARIO, policies=["again", "give_get", "none"], replications=6, workers=1
    )
    for name in SCENARIO.policies:
        for measure in MEASURES:
            one, other = comparison.values(name, measure), reversed_order.values(name, measure)
            assert np.array_equal(one, other, equal_nan=True)


def test_a_shorter_study_is_the_beginning_of_a_longer_one(comparison):
    shorter = sim.compare(SCENARIO, replications=3, workers=1)
    begun = comparison.outcomes[comparison.outcomes["replication"] < 3].reset_index(drop=True)
    assert shorter.outcomes.equals(begun)


def test_a_run_of_the_study_can_be_made_alone(comparison):
    model = sim.WordOfMouthModel(SCENARIO, policy="give_get", replication=4).run()
    alone = model.outcomes()
    for measure in MEASURES:
        one, other = alone[measure], comparison.values("give_get", measure)[4]
        assert one == other or (np.isnan(one) and np.isnan(other)), measure


def test_pairing_pays(comparison):
    """Common random numbers need fewer replications than independent ones, by a wide margin."""
    assert comparison.differences("orders").loc["give_get", "variance_ratio"] > 3
