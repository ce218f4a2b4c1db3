"""The parts a report is made of: numbers in words, intervals, labels, trees, the forest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.disclosure import top_part
from sim.errors import InputError
from sim.report import forest_figure
from sim.report.cascade_figure import depths, descendants, radial_places
from sim.report.study import mean_interval
from sim.report.style import DASH, count, money, percent, probability, spread


def test_figures_as_a_reader_says_them():
    assert [count(x) for x in (0, 7, 7.04, 8.15, 312.4, 12345)] == [
        "0",
        "7",
        "7",
        "8.2",
        "312",
        "12,345",
    ]
    assert count(-0.01, plus=True) == "0"
    assert count(-312, plus=True) == "−312"
    assert money(410, "EUR") == "4.10 EUR"
    assert money(-1_234_567, "EUR", plus=True) == "−12,346 EUR"
    assert percent(0.125) == "12.5 %"
    assert [probability(x) for x in (0.0, 0.5, 1.0)] == ["< 1 %", "50 %", "> 99 %"]
    assert {write(math.nan) for write in (count, money, percent, probability)} == {DASH}


def test_mean_interval_of_known_values():
    interval = mean_interval(np.array([1.0, 2.0, 3.0, np.nan]))
    assert interval.mean == 2
    quantile = 0.95 * math.sqrt(2 / (1 - 0.95**2))  # Student t with 2 degrees of freedom
    assert interval.high == pytest.approx(2 + quantile / math.sqrt(3), rel=1e-12)
    assert interval.sign == 0
    assert math.isnan(mean_interval(np.array([5.0])).low)
    assert math.isnan(mean_interval(np.array([])).mean)


def test_top_part():
    values = np.array([0.0] * 90 + [1.0] * 9 + [91.0])
    assert top_part(values, 0.01) == 0.91
    assert top_part(np.array([3.0, 1.0]), 0.01) == 0.75
    assert math.isnan(top_part(np.zeros(3), 0.5))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_spread_labels_keep_their_distance_and_order(positions):
    placed = spread(positions, 4.0, 0.0, 100.0)
    assert placed.min() >= -1e-9
    assert placed.max() <= 100 + 1e-9
    order = np.argsort(positions, kind="stable")
    assert (np.diff(placed[order]) >= 4.0 - 1e-9).all()


def test_spread_leaves_labels_that_do_not_touch():
    assert spread([10.0, 50.0, 20.0], 4.0, 0.0, 100.0).tolist() == [10.0, 50.0, 20.0]


@given(st.lists(st.integers(0, 10_000), min_size=0, max_size=40))
def test_radial_trees(draws):
    parent = [-1, *(draw % (place + 1) for place, draw in enumerate(draws))]
    places = radial_places(parent)
    depth = depths(parent)
    assert np.allclose(np.hypot(*places.T), depth)
    assert descendants(parent)[0] == len(draws)
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + np.eye(len(parent))
    assert apart.min() > 1e-3


def test_forest_figure_draws_what_it_is_given():
    differences = [("a", 1234.0, 1000.0, 1500.0), ("b", -20.0, math.nan, math.nan)]
    figure = forest_figure(differences, title="Change of profit", currency="EUR")
    texts = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "+12.34" in texts
    assert "−0.20" in texts
    with pytest.raises(InputError, match="no difference to draw"):
        forest_figure([("a", math.nan, math.nan, math.nan)], title="Change")
