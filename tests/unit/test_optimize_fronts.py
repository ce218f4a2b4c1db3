"""Several objectives: the front of settings none of which beats another in all of them."""

from __future__ import annotations

import math

import numpy as np

from sim.studies.optimizing.evaluation import Evaluation
from sim.studies.optimizing.optimization import non_dominated, possible_rival
from sim.studies.sweeps.factors import Factor
from tests.noisy_hill import ask, luck


def test_the_front_of_a_convex_problem():
    """f1 = x, f2 = (10 - x)^2 in x: every x is on the front, y only costs."""
    x, y = Factor("x", ("x",), 0.0, 10.0), Factor("y", ("y",), 0.0, 1.0)

    def evaluate(settings, replications):
        common = 0.01 * luck(replications)[0][None]
        zero = np.zeros_like(common)
        return [
            Evaluation(
                {"orders": one["x"] - 20 * one["y"] + common,
                 "payout_cents": one["x"] ** 2 + 40 * one["y"] + common},
                {"orders": zero, "payout_cents": zero},
            )
            for one in settings
        ]  # fmt: skip

    found = ask(evaluate, [x, y], {"x": 5.0, "y": 0.9}, maximize=("orders",),
                minimize=("payout_cents",), trials=120)  # fmt: skip
    assert found.best is None
    assert len(found.front) >= 6
    gains = np.array([[i.mean for i in one.measured] for one in found.front])
    assert (np.diff(gains[:, 0]) > 0).all()
    assert (np.diff(gains[:, 1]) > 0).all()
    # What y costs in orders; the front is where it is near 0.
    assert np.median([one.setting["y"] for one in found.front]) < 0.1
    assert all(one.rival is None for one in found.front)
    assert "on the front of orders and payout" in found.statement()


def test_non_dominated_is_paretos_definition():
    scores = np.array([[1, 5], [2, 4], [2, 3], [0, 9], [2, 4], [math.nan, 99]])
    assert non_dominated(scores).tolist() == [True, True, False, True, True, False]


def test_a_point_of_the_front_that_noise_may_have_put_there_is_marked():
    base = luck(range(30), 1)[0]
    clear = [base + 10, base - 10]
    other = [base - 10, base + 10]
    assert possible_rival(clear, [other]) is None
    noise = luck(range(30), 2, seed=8)
    assert possible_rival([noise[0], noise[1]], [other, [noise[1], noise[0]]]) == 1
