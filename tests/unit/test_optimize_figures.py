"""Figures of a search: what is drawn and what their titles say."""

from __future__ import annotations

import numpy as np
import pytest

from sim.report.optimize_figures import (
    break_even_curve,
    inverse_curve,
    pareto_front,
    search_history,
)
from sim.studies.optimizing.evaluation import Evaluation
from sim.studies.optimizing.inverse import Goal, break_even, least_value
from sim.studies.optimizing.optimize import optimize
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Optimize, Target

GIVE = Factor("give", ("give",), 0.0, 20.0, money=True)


def evaluate(settings, replications):
    """Profit has its top at give = 8 and is 0 at 12; customers grow with give."""
    luck = np.array([[np.random.default_rng(r).normal() for r in replications]])
    found = []
    for one in settings:
        give = one["give"]
        policy = {
            "profit_cents": 1_000 * (16 - (give - 8) ** 2) + 500 * luck,
            "payout_cents": 1_000 * give + 100 * luck,
            "goal_by_day": 100 * give + 50 * luck,
        }
        found.append(Evaluation(policy, dict.fromkeys(policy, 0 * luck)))
    return found


def search(written=0.0, **question):
    return optimize(
        evaluate, [GIVE], {"give": written}, Optimize(trials=25, **question), policy="give",
        baseline="none", currency="EUR", seed=1,
    )  # fmt: skip


def least(amount: float):
    goal = Goal("goal", Target(measure="orders", amount=amount), 0.8)
    return least_value(evaluate, GIVE, {}, goal, replications=20, batch=6, currency="EUR")


def test_the_course_of_a_search_shows_every_setting():
    found = search(constraints=({"measure": "payout_cents", "at_most": 6_000},))
    drawing = search_history(found)
    (axes,) = drawing.figure.axes
    dots = sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o")
    assert dots == len(found.trials) == 25
    assert drawing.finding.startswith("The best of 25 settings brings")


@pytest.mark.parametrize("robust", ["worst", "regret"])
def test_the_course_of_a_robust_search(robust):
    assert search_history(search(robust=robust)).finding.startswith("The best of 25 settings")


def test_the_course_of_a_search_without_an_answer():
    nothing = search(constraints=({"measure": "payout_cents", "at_most": -9_000},))
    assert search_history(nothing).finding == "None of 25 settings keeps every limit"
    assert "None of 25 settings is surely better" in search_history(search(8.0)).finding


def test_a_front_is_drawn_with_its_intervals():
    found = search(minimize=("payout_cents",))
    drawing = pareto_front(found)
    (axes,) = drawing.figure.axes
    crosses = [
        line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() != "o"
    ]
    assert len(crosses) >= 2 * len(found.front)
    assert f"{len(found.front)} settings trade profit for payout" == drawing.finding
    assert pareto_front(search()) is None
    assert search_history(found) is None


def test_the_inverse_curve_marks_the_answer():
    found = least(1_000)
    drawing = inverse_curve(found)
    texts = {text.get_text() for text in drawing.figure.axes[0].texts}
    assert f"{found.value:.2f}" in texts
    assert drawing.finding.startswith(f"give of {found.value:.2f} reaches 1,000 orders by the end")
    assert "No give in the range" in inverse_curve(least(9_000)).finding


def test_the_break_even_curve_marks_the_answer():
    found = break_even(evaluate, GIVE, {}, replications=20, batch=6, currency="EUR")
    assert found.value == pytest.approx(12, abs=0.2)
    assert break_even_curve(found).finding == f"give pays up to {found.value:.2f}"
