"""Searches that find nothing better, settings and runs that fail, questions that are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.errors import InputError
from sim.studies.optimizing.evaluation import Evaluation
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Optimize
from tests.noisy_hill import TOP_GIVE, TOP_SHARE, ask, hill


def test_nothing_improved():
    found = ask(written={"give": TOP_GIVE, "share": TOP_SHARE}, trials=30)
    assert found.best.number == 0
    assert found.improvement.mean == 0
    assert (
        "Nothing improved: no setting that was tried is better than the scenario as written"
        in found.statement()
    )


def test_an_improvement_within_chance_is_not_called_one():
    def noise(settings, replications):
        rows = [
            [np.random.default_rng([one["cap"], r]).normal() for r in replications]
            for one in settings
        ]
        zero = np.zeros((1, len(replications)))
        return [Evaluation({"orders": np.array([row])}, {"orders": zero}) for row in rows]

    found = ask(noise, [Factor("cap", ("cap",), 1, 8, whole=True)], {"cap": 1},
                maximize=("orders",))  # fmt: skip
    assert found.improvement.low <= 0
    assert "Nothing improved" in found.statement()


def test_settings_that_fail_are_counted_and_avoided():
    """Above give = 20 nothing can be run; the search goes on, and seldom returns there."""

    def fragile(settings, replications):
        for one in settings:
            if one["give"] > 20:
                raise InputError("give above 20 does not go with the cap")
        return hill(settings, replications)

    found = ask(fragile, written={"give": 10.0, "share": 0.9}, trials=60)
    failed = [trial for trial in found.trials if trial.failed]
    assert len(failed) == found.failed_settings > 0
    assert all(trial.setting["give"] > 20 for trial in failed)
    assert failed[0].problem == "give above 20 does not go with the cap"
    assert sum(trial.failed for trial in found.trials[-30:]) <= 5
    assert f"{len(failed)} could not be run" in found.statement()
    assert abs(found.best.setting["give"] - TOP_GIVE) < 3


def test_runs_that_fail_are_left_out_in_pairs():
    def holed(settings, replications):
        found = hill(settings, replications)
        for one in found:
            one.policy["profit_cents"][0, 3] = math.nan
        return found

    found = ask(holed, trials=20)
    assert {trial.failed_runs for trial in found.trials} == {1}
    assert found.best.search[0].replications == 7


def test_a_setting_of_which_every_run_failed_is_one_that_failed():
    def broken(settings, replications):
        found = hill(settings, replications)
        for one, setting in zip(found, settings, strict=True):
            if setting["give"] < 5:
                one.policy["profit_cents"][:] = math.nan
        return found

    found = ask(broken, trials=30)
    failed = [trial for trial in found.trials if trial.setting["give"] < 5]
    assert failed
    assert all(trial.failed and not trial.feasible for trial in failed)


def test_a_scenario_that_cannot_be_run_is_an_error():
    def refuses(settings, replications):
        raise InputError("payout.window is too long")

    with pytest.raises(InputError, match=r"as written cannot be run: payout\.window"):
        ask(refuses)


def test_wrong_questions():
    with pytest.raises(InputError, match="no measure 'profitt_cents'; did you mean 'profit_cents'"):
        ask(maximize=("profitt_cents",))
    with pytest.raises(InputError, match="no lever to move"):
        ask(factors=[])
    with pytest.raises(ValueError, match="nothing to maximize"):
        Optimize(maximize=())
    with pytest.raises(ValueError, match="twice"):
        Optimize(maximize=("orders",), minimize=("orders",))
