"""Samples: grids, Latin hypercubes, Sobol sequences and lists, and what they refuse."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import Scenario
from sim.errors import InputError
from sim.studies.sweeps.factors import Factor, make_factor
from sim.studies.sweeps.sampling import (
    AS_WRITTEN,
    grid,
    listed_settings,
    read_settings,
    sample_latin_hypercube,
    sample_sobol,
    settings_of_frame,
)
from sim.studies.sweeps.study_file import make_study
from tests.tiny_studies import GIVE, LEARNING, SCENARIO, study_table, tiny_design

TINY = Scenario.from_table(SCENARIO)
GET, KIND = "policies.both.get", "network.kind"


def ranges(count):
    return [Factor(f"x{i}", (f"x{i}",), 0.0, 1.0) for i in range(count)]


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "points.csv"
    path.write_bytes(text.encode(encoding))
    return path


# ------------------------------------------------------------------------------------------ grid


def test_a_grid_has_every_combination_the_last_factor_running_fastest():
    factors = [
        make_factor(TINY, GIVE, {"low": 1, "high": 3, "levels": 3}, ""),
        make_factor(TINY, KIND, ["ring", "watts_strogatz"], ""),
    ]
    assert grid(factors, "").rows == tuple(itertools.product((1, 2, 3), factors[1].values))


def test_a_grid_of_nothing_is_the_scenario_as_written():
    assert grid([], "").rows == AS_WRITTEN.rows == ((),)
    assert len(AS_WRITTEN) == 1
    assert AS_WRITTEN.changes(0) == []


def test_a_range_without_levels_or_too_many_combinations_are_refused():
    with pytest.raises(InputError, match=r"points: 'x0' needs values or levels in a grid"):
        grid(ranges(1), "points: ")
    wide = [Factor(f"x{i}", (), 0.0, 1.0, levels=1000) for i in range(3)]
    with pytest.raises(InputError, match=r"1,000,000,000 settings; from 1 to 10,000,000"):
        grid(wide, "")


# --------------------------------------------------------------------------------------- samples


@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**32))
def test_a_latin_hypercube_has_one_setting_in_each_part_of_each_range(count, factors, seed):
    values = np.array(sample_latin_hypercube(ranges(factors), count, seed, "").rows)
    strata = np.floor(values * count).astype(int)
    assert np.array_equal(np.sort(strata, axis=0), np.tile(np.arange(count)[:, None], factors))


@given(st.integers(0, 7), st.integers(1, 6), st.integers(0, 2**32))
def test_a_sobol_sample_of_a_power_of_two_has_one_setting_in_each_part(power, factors, seed):
    count = 2**power
    values = np.array(sample_sobol(ranges(factors), count, seed, "").rows)
    # A shift moves all settings of a factor alike, so that gaps between neighbours stay one part.
    gaps = np.diff(np.sort(values, axis=0), axis=0, append=np.sort(values, axis=0)[:1] + 1)
    assert np.allclose(gaps, 1 / count, atol=1e-9)


def test_a_sobol_sample_is_balanced_in_squares_too_where_independent_draws_are_not():
    def fullest(values):
        # Along the shift: the corner of the squares is where the first setting is.
        shifted = (values - values[0]) % 1.0
        cells = np.floor(np.round(shifted, 9) * 4).astype(int)
        return np.unique(cells, axis=0, return_counts=True)[1]

    sobol = np.array(sample_sobol(ranges(2), 16, 5, "").rows)
    assert fullest(sobol).tolist() == [1] * 16
    assert len(fullest(np.random.default_rng(5).random((16, 2)))) < 16


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_longer_sobol_sample_goes_on_where_a_shorter_one_ends(one, other):
    short, long = sorted((one, other))
    rows = [sample_sobol(ranges(3), count, 9, "").rows for count in (short, long)]
    assert rows[1][:short] == rows[0]


@pytest.mark.parametrize("sample", [sample_latin_hypercube, sample_sobol])
def test_a_sample_is_a_function_of_its_seed(sample):
    rows = [sample(ranges(3), 8, seed, "").rows for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


@pytest.mark.parametrize("sample", [sample_latin_hypercube, sample_sobol])
def test_names_and_switches_take_their_share_of_a_sample(sample):
    names = Factor("kind", ("kind",), values=("a", "b"))
    rows = sample([names, *ranges(1)], 64, 3, "").rows
    assert [row[0] for row in rows].count("a") == 32


# ------------------------------------------------------------------------------------------ lists


def test_a_list_is_the_same_from_a_csv_a_frame_and_toml(tmp_path):
    rows = [
        {GIVE: 1, KIND: "ring", LEARNING: 0.5},
        {GIVE: 2.5, KIND: "watts_strogatz", LEARNING: 0.5},
    ]
    text = f"{GIVE}, {KIND} ,{LEARNING}\r\n1,ring,0.5\r\n\r\n2.5,watts_strogatz,0.5\r\n"
    found = [
        listed_settings(TINY, rows, ""),
        settings_of_frame(TINY, pd.DataFrame(rows), ""),
        read_settings(TINY, written(tmp_path, text), ""),
        read_settings(TINY, written(tmp_path, text, "utf-8-sig"), ""),
    ]
    assert all(one.rows == ((1, "ring", 0.5), (2.5, "watts_strogatz", 0.5)) for one in found)
    assert len({one.factors[1] for one in found}) == 1


def test_a_list_numbers_its_settings_in_order_and_its_table_says_what_they_are():
    settings = listed_settings(TINY, [{GIVE: 3}, {GIVE: 1}, {GIVE: 3}], "")
    assert settings.rows == ((3,), (1,), (3,))
    assert settings.frame("point").to_dict("list") == {"point": [0, 1, 2], GIVE: [3, 1, 3]}


def test_a_list_with_a_number_once_whole_and_once_not_is_no_list_with_a_value_twice():
    assert listed_settings(TINY, [{GIVE: 5}, {GIVE: 5.0}], "").rows == ((5,), (5.0,))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "the list is empty"),
        ([{}], "the list has no columns"),
        ([{GIVE: 1}, {GET: 1}], "setting 1: 'policies.both.get' is not in every setting"),
        ([{GIVE: 1}, {}], "setting 1: 'policies.both.give' is not in every setting"),
        ([{GIVE: -1}], "= -1 is out of bounds"),
        ([{"policies.both.gve": 1}], "did you mean 'give'?"),
        ([{"days": 3}], "is fixed"),
        ([{GIVE: [1, 2]}], "= [1, 2] is not possible; give a number"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(rows, message):
    with pytest.raises(InputError) as refused:
        listed_settings(TINY, rows, "points: ")
    assert message in str(refused.value)
    assert str(refused.value).startswith("points: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no settings"),
        (f"{GIVE}\n", "has no settings"),
        (f"{GIVE}\n\n\n", "the list is empty"),
        (f"{GIVE},{GIVE}\n1,2\n", "a name stands twice"),
        (f"{GIVE}\n1\n2,3\n", "line 3: 2 values for 1 names"),
        (f"{GIVE}\n1\n-2\n", "line 3: 'policies.both.give' = -2 is out of bounds"),
        (f"{GIVE}\nmuch\n", "line 2: 'policies.both.give' = 'much' is not possible"),
        (f"{GIVE},{GET}\n1,\n", "line 2: 'policies.both.get' = '' is not possible"),
        ("policies.both.gve\n1\n", "did you mean 'give'?"),
        ("days\n1\n", "is fixed"),
    ],
)
def test_a_csv_that_cannot_be_used_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(InputError) as refused:
        read_settings(TINY, written(tmp_path, text), "points: ")
    assert message in str(refused.value)
    assert "points.csv" in str(refused.value)


def test_a_csv_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.csv cannot be read: No such file"):
        read_settings(TINY, tmp_path / "nowhere.csv", "")
    with pytest.raises(InputError, match="it is no UTF-8 text"):
        read_settings(TINY, written(tmp_path, "größe\n1\n", "latin-1"), "")


def test_a_frame_with_a_missing_value_is_refused():
    with pytest.raises(InputError, match="= nan is out of bounds"):
        settings_of_frame(TINY, pd.DataFrame({GIVE: [1.0, None]}), "")


# ---------------------------------------------------------------------------- from the study file

RANGE = {"low": 1, "high": 2}


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ({"design": "gird"}, "points.design = 'gird' is not known; did you mean 'grid'?"),
        ({"design": "list"}, "a list needs either file, a CSV, or settings"),
        ({"design": "list", "settings": []}, "a list needs either file, a CSV, or settings"),
        ({"design": "list", "settings": [3]}, "points.settings.0 = 3 is not allowed"),
        (
            {"design": "list", "file": "a.csv", "settings": [{GIVE: 1}]},
            "a list needs either file, a CSV, or settings",
        ),
        (
            {"design": "list", "settings": [{GIVE: 1}], "factors": {GET: [1]}},
            "a list names its factors itself",
        ),
        ({"settings": [{GIVE: 1}]}, 'file and settings are for design = "list"'),
        ({"design": "sobol", "factors": {GIVE: RANGE}}, 'design = "sobol" needs a count'),
        ({"design": "sobol", "count": 4}, 'design = "sobol" needs factors'),
        ({"design": "sobol", "count": 0, "factors": {GIVE: RANGE}}, "points.count = 0"),
        ({"count": 3, "factors": {GIVE: [1]}}, 'design = "grid" takes no count'),
        ({"factors": {GIVE: RANGE}}, "needs values or levels in a grid"),
        ({"factors": {"products.0.price": [1.0], "products.product.price": [2.0]}}, "named twice"),
        ({"factor": {GIVE: [1]}}, "unknown key 'points.factor'; did you mean 'factors'?"),
    ],
)
def test_an_empty_or_contradictory_design_is_refused(points, message):
    with pytest.raises(InputError) as refused:
        tiny_design(points=points)
    assert message in str(refused.value)
    assert str(refused.value).startswith("study: ")


def test_names_of_a_study_file_may_be_quoted_or_nested():
    nested = {"policies": {"both": {"give": [1.0, 5.0]}}}
    assert tiny_design(points={"factors": nested}).points == tiny_design().points
    as_range = {"policies": {"both": {"give": RANGE | {"levels": 2}}}}
    assert tiny_design(points={"factors": as_range}).points.rows == ((1,), (2,))
    listed = {"design": "list", "settings": [{"policies": {"both": {"give": 2.0}}}]}
    assert tiny_design(points=listed).points.rows == ((2.0,),)


def test_a_field_called_like_a_key_of_a_range_may_be_nested():
    tree = {"policies": {"none": {}, "tree": {"scheme": "multi_level"}}}
    nested, quoted = (
        tiny_design(tree, points={"factors": one}).points
        for one in ({"policies": {"tree": {"levels": [1, 2]}}}, {"policies.tree.levels": [1, 2]})
    )
    assert nested == quoted


def test_a_csv_is_looked_for_beside_the_study_file(tmp_path):
    written(tmp_path, f"{GIVE}\n2.0\n")
    table = study_table(points={"design": "list", "file": "points.csv"})
    from sim.studies.sweeps.design import make_design

    assert make_design(make_study(table, folder=tmp_path)).points.rows == ((2.0,),)


def test_overrides_leave_the_table_that_was_given_as_it_is():
    table = study_table()
    before = repr(table)
    assert make_study(table, settings=("population.size=70",)).scenario.population.size == 70
    assert repr(table) == before
