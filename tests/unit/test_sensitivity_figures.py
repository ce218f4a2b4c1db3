"""Figures over factors: the finding in the title, one row per factor, a frame where it loses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from sim.report import sensitivity_figures as figures
from sim.studies.findings.discovery import discover
from sim.studies.resampling import uniform_rows
from sim.studies.sensitivity.analysis import analyse, plan_settings
from sim.studies.sensitivity.variance import shares_of
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Sensitivity

FACTORS = [
    Factor(
        name="trust", path=("t",), low=0.0, high=1.0, description="trust at the start, of a tie"
    ),
    Factor(name="kind", path=("k",), values=("ring", "tree", "star")),
    Factor(name="idle", path=("i",), low=0.0, high=1.0),
]
NAMES = {factor.name: factor.description for factor in FACTORS}


@pytest.mark.parametrize("method", ["morris", "sobol", "pawn"])
def test_the_title_names_what_matters_and_the_rows_are_the_factors(method):
    settings, quantiles = plan_settings(FACTORS, Sensitivity(method=method), 1)
    values = np.array([9_000 * row[0] + 4_000 * (row[1] == "star") for row in settings.rows])
    indices = analyse(method, FACTORS, quantiles, np.repeat(values[:, None], 3, axis=1), seed=1)
    drawing = figures.sensitivity(indices, "profit_cents", "EUR", NAMES)
    assert drawing.finding == "What moves profit most: trust at the start and kind"
    rows = [text.get_text() for text in drawing.figure.axes[0].get_yticklabels()]
    assert rows == ["trust at the start", "kind", "idle"]


def test_nothing_beyond_chance_is_said():
    _, quantiles = plan_settings(FACTORS, Sensitivity(), 1)
    indices = analyse("morris", FACTORS, quantiles, np.zeros((len(quantiles), 3)), seed=1)
    assert figures.sensitivity(indices, "orders", "EUR").finding == (
        "No factor moves orders beyond chance"
    )


def test_the_bar_of_variance_is_whole():
    outcomes = np.add.outer(np.arange(5.0), uniform_rows(1, 4, 6)[:, :]).reshape(5, 4, 6)
    drawing = figures.variance(shares_of(outcomes, "orders", 1).groups, "orders")
    assert drawing is not None
    widths = [patch.get_width() for patch in drawing.figure.axes[0].patches]
    assert sum(widths) == pytest.approx(1)
    assert "come from what you choose" in drawing.finding


def test_equal_runs_have_no_bar():
    assert figures.variance(shares_of(np.ones((2, 2, 3)), "orders", 1).groups, "orders") is None


def worlds_and_loss(rule):
    uniforms = uniform_rows(1, 3, 96)
    worlds = pd.DataFrame({
        "world": range(96), "trust": uniforms[0], "idle": uniforms[2],
        "kind": [FACTORS[1].at(one) for one in uniforms[1]],
    })  # fmt: skip
    loses = rule(worlds).to_numpy()
    differences = np.where(loses, -500.0, 500.0)[:, None] + np.zeros((1, 3))
    found = discover(worlds, FACTORS, differences, policy="give_get", against="none",
                     measure="profit_cents", seed=1, currency="EUR")  # fmt: skip
    return worlds, found


def frames(drawing) -> list[Rectangle]:
    """The dashed rectangles."""
    return [patch for patch in drawing.figure.axes[0].patches if patch.get_linewidth() > 0]


def test_the_frame_holds_the_worlds_of_the_rule():
    worlds, found = worlds_and_loss(lambda w: (w["trust"] < 0.5) & (w["kind"] != "tree"))
    drawing = figures.discovery(worlds, found, "profit_cents")
    assert drawing is not None
    assert drawing.finding == found.sentence
    assert len(frames(drawing)) == 2  # ring and star are not side by side
    axes = drawing.figure.axes[0]
    points = np.concatenate([dots.get_offsets() for dots in axes.collections])
    boxes = [patch.get_bbox() for patch in frames(drawing)]
    framed = sum(any(box.contains(x, y) for box in boxes) for x, y in points)
    assert framed == found.inside.sum()


def test_one_condition_is_drawn_against_the_difference():
    worlds, found = worlds_and_loss(lambda w: w["trust"] < 0.4)
    drawing = figures.discovery(worlds, found, "profit_cents")
    assert drawing is not None
    (frame,) = frames(drawing)
    assert frame.get_bbox().x1 == found.conditions[0].high
    assert drawing.figure.axes[0].get_title(loc="left") == "Profit beyond no reward, EUR"


def test_without_a_rule_there_is_no_figure():
    worlds, found = worlds_and_loss(lambda w: w["trust"] < -1)
    assert figures.discovery(worlds, found, "profit_cents") is None
