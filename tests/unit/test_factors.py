"""Factors: what a study may vary, its range and values, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import Scenario
from sim.errors import InputError
from sim.studies.sweeps.factors import SCALES, Factor, changed, declared, make_factor

SCENARIO = Scenario.from_table(
    {
        "products": [{"name": "tea", "price": 20.0}, {"name": "cup", "price": 8.0}],
        "policies": {
            "none": {},
            "both": {"scheme": "two_sided", "give": 5.0, "get": 5.0},
            "tree": {"scheme": "multi_level", "levels": 2},
        },
    }
)
GIVE = "policies.both.give"
QUALITY = "products.tea.quality"


def factor(name, specification):
    return make_factor(SCENARIO, name, specification, "study.toml: points: ")


def number(low, high, **options):
    return Factor("x", ("x",), low, high, **options)


# ---------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("scale", "low", "high", "middle"),
    [("linear", 2.0, 8.0, 5.0), ("log", 2.0, 8.0, 4.0), ("odds", 0.2, 0.8, 0.5)],
)
def test_ends_and_middle_of_a_range(scale, low, high, middle):
    one = number(low, high, scale=scale)
    assert [one.at(0.0), one.at(0.5), one.at(1.0)] == pytest.approx([low, middle, high], rel=1e-12)
    assert one.spread(3) == pytest.approx((low, middle, high), rel=1e-12)
    # The ends are the numbers given, whatever the scale does to them on the way.
    assert (one.spread(3)[0], one.spread(3)[-1]) == (low, high)


@given(
    st.sampled_from(SCALES),
    st.floats(0.001, 0.4),
    st.floats(0.41, 0.999),
    st.lists(st.floats(0, 1), min_size=2, max_size=20),
)
def test_values_stay_in_the_range_and_rise_with_the_quantile(scale, low, high, quantiles):
    one = number(low, high, scale=scale)
    values = [one.at(quantile) for quantile in sorted(quantiles)]
    assert values == sorted(values)
    assert all(low <= value <= high for value in values)


@given(st.integers(-5, 5), st.integers(1, 12))
def test_every_whole_number_has_the_same_share(low, span):
    one = number(low, low + span, whole=True)
    quantiles = (np.arange(7 * (span + 1)) + 0.5) / (7 * (span + 1))
    found, counts = np.unique([one.at(q) for q in quantiles], return_counts=True)
    assert found.tolist() == list(range(low, low + span + 1))
    assert set(counts) == {7}
    assert one.at(1.0) == low + span
    assert isinstance(one.at(0.3), int)


@given(st.floats(0, 1))
def test_money_has_whole_cents(quantile):
    value = number(1.0, 9.99, money=True).at(quantile)
    assert value == round(value, 2)


def test_listed_values_share_the_quantiles_and_keep_their_order():
    one = Factor("x", ("x",), values=("b", "a", None))
    assert [one.at(q) for q in (0, 0.3, 0.34, 0.66, 0.67, 1)] == ["b", "b", "a", "a", None, None]
    assert one.spread(2) == ("b", "a", None)
    assert not one.is_numeric


def test_a_spread_has_fewer_values_where_whole_numbers_coincide():
    assert number(1, 3, whole=True).spread(9) == (1, 2, 3)
    assert number(1.0, 1.02, money=True).spread(9) == (1.0, 1.01, 1.02)


# -------------------------------------------------------------------------------- specifications


def test_a_range_of_a_money_parameter():
    one = factor(GIVE, {"low": 2, "high": 6, "levels": 3})
    assert (one.low, one.high, one.levels, one.money, one.kind) == (2, 6, 3, True, "lever")
    assert one.path == ("policies", "both", "give")
    assert one.spread(one.levels) == (2, 4, 6)


def test_usual_is_a_range_around_the_value_on_the_scale_of_shares():
    one = factor(QUALITY, "usual")
    value = SCENARIO.products[0].quality
    assert one.scale == "odds"
    assert one.low < value < one.high
    odds = [x / (1 - x) for x in (one.low, value, one.high)]
    assert odds[1] / odds[0] == pytest.approx(odds[2] / odds[1], rel=1e-9)


def test_bounds_are_those_declared():
    one = factor("population.homophily", "bounds")
    found = declared(SCENARIO, "population.homophily")
    assert (one.low, one.high) == (found.low, found.high)


def test_a_product_by_its_name_or_its_number():
    by_name, by_number = factor("products.cup.price", [9.0]), factor("products.1.price", [9.0])
    assert by_name.path == by_number.path == ("products", 1, "price")
    other = changed(SCENARIO, [(by_name.path, 9.0)], "")
    assert [product.price for product in other.products] == [20.0, 9.0]


def test_values_in_a_table_are_a_list():
    assert factor(GIVE, {"values": [1, 2]}).values == (1, 2)


def test_no_value_leaves_the_parameter_out():
    assert factor("policies.both.budget", [None, 50.0]).values == (None, 50.0)
    set_to = changed(SCENARIO, [(("policies", "both", "budget"), 50.0)], "")
    back = changed(set_to, [(("policies", "both", "budget"), None)], "")
    assert back.to_table() == SCENARIO.to_table()


@pytest.mark.parametrize(
    ("name", "specification", "message"),
    [
        ("populaton.size", [1], "there is no 'populaton'; did you mean 'population'?"),
        ("policies.bth.give", [1], "policies has no 'bth'; did you mean 'both'?"),
        ("policies.both.giv", [1], "policies.both has no 'giv'; did you mean 'give'?"),
        ("products.mug.price", [1], "products has no 'mug'; give a number from 0 to 1 or a name"),
        ("products.7.price", [1], "products has no '7'"),
        ("population", [1], "is a section; name one of the fields in it"),
        ("population.size.x", [1], "population.size has no 'x'"),
        ("days", [1, 2], "is fixed: it describes the run and cannot be varied"),
        ("population.size", [50], "is fixed"),
        (GIVE, [-1], "= -1 is out of bounds; allowed is 0 to"),
        (GIVE, [math.nan], "= nan is out of bounds"),
        (GIVE, {"low": 1, "high": math.inf}, "= inf is out of bounds"),
        (QUALITY, [1.5], "= 1.5 is out of bounds; allowed is 0 to 1"),
        (GIVE, [], "has no values; give at least one"),
        (GIVE, [1, 1], "has a value twice"),
        (GIVE, [1, 1.0], "has a value twice"),
        (GIVE, ["5"], "= '5' is not possible; give a number"),
        (GIVE, [True], "= True is not possible; give a number"),
        ("policies.tree.levels", [1.5], "= 1.5 is no whole number"),
        ("network.kind", {"low": 1, "high": 2}, "is no number; give a list of values"),
        ("network.kind", [3], "= 3 is not possible"),
        (GIVE, {"low": 1}, "has no high"),
        (GIVE, {"low": 3, "high": 2}, "low = 3 is not below high = 2"),
        (GIVE, {"low": 2, "high": 2}, "low = 2 is not below high = 2"),
        (GIVE, {"low": 1, "high": 2, "scal": "log"}, "unknown key 'scal'; did you mean 'scale'?"),
        (GIVE, {"low": 1, "high": 2, "scale": "lg"}, "scale = 'lg' is not known"),
        (GIVE, {"low": 1, "high": 2, "scale": 3}, "scale = 3 is not known"),
        (GIVE, {"low": 0, "high": 2, "scale": "log"}, "has no log; give a low above 0"),
        (QUALITY, {"low": 0, "high": 0.5, "scale": "odds"}, "odds need a range inside 0 to 1"),
        (GIVE, {"low": 1, "high": 2, "levels": 1}, "levels = 1; give a whole number from 2"),
        (GIVE, {"low": 1, "high": 2, "levels": True}, "levels = True"),
        (GIVE, {"low": 1, "high": 2, "factor": 2}, "give a factor, or low and high, not both"),
        (GIVE, {"factor": 0.5}, "factor = 0.5; give a number from 1 to 1000"),
        (GIVE, "usal", "'usal' is not possible"),
        ("population.opportunists", "usual", "has no range around it: what is off stays off"),
        ("policies.both.budget", "usual", "is not set in the scenario; give low and high"),
    ],
)
def test_what_cannot_be_varied_is_refused_with_the_cure(name, specification, message):
    with pytest.raises(InputError) as refused:
        factor(name, specification)
    assert message in str(refused.value)
    assert str(refused.value).startswith("study.toml: points: ")
    assert name.split(".")[-1] in str(refused.value)


def test_values_that_do_not_go_together_are_refused_where_they_meet():
    with pytest.raises(InputError, match=r"^world 1, point 2: .*end_day"):
        changed(
            SCENARIO,
            [(("campaign", "advertising"), [{"start_day": 9, "end_day": 3, "reach_per_day": 0.1}])],
            "world 1, point 2",
        )
