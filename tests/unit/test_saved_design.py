"""A saved design: read back as it was, extended, and what may not change in its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.studies.sweeps import saved_design
from sim.studies.sweeps.design import code_fingerprint
from sim.studies.sweeps.saved_design import as_text, check_continues, from_text, joined
from tests.tiny_studies import GIVE, LEARNING, SCENARIO, tiny_design

FOLDER = Path("a/folder")
CODE = code_fingerprint()


def keys(design):
    return [design.keys(task) for task in design.tasks()]


def reread(design):
    return from_text(as_text(design), "design.json")[0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"points": {}, "worlds": {}},
        {"targets": {"many": {"measure": "orders", "amount": 5, "by_day": 4}}},
        {"points": {"factors": {"network.kind": ["ring", "watts_strogatz"],
                                "policies.both.budget": [None, 50.0]}}},
        {"points": {"design": "list", "settings": [{GIVE: 1, "products.0.price": 9.5}]}},
        {"worlds": {"design": "latin_hypercube", "count": 5, "factors": {LEARNING: "usual"}}},
        {"policies": ["both", "none"]},
    ],
)  # fmt: skip
def test_a_design_read_back_is_the_same_design(changes):
    design = tiny_design(**changes)
    again = reread(design)
    assert as_text(again) == as_text(design)
    assert keys(again) == keys(design)
    assert (again.points, again.worlds, again.policies) == (
        design.points, design.worlds, design.policies,
    )  # fmt: skip
    assert from_text(as_text(design), "")[1] == CODE
    check_continues(again, design, CODE, FOLDER)
    check_continues(design, again, CODE, FOLDER)


@pytest.mark.parametrize(
    "changes",
    [
        {"replications": 9},
        {"points": {"factors": {GIVE: [3.0, 5.0, 1]}}},
        {"points": {"design": "list", "settings": [{GIVE: 5}, {GIVE: 9}, {GIVE: 1}]}},
        {"worlds": {"design": "sobol", "count": 7, "factors": {LEARNING: "usual"}}},
        {"policies": ["share", "both", "none"]},
        {"scenario": SCENARIO | {"policies": SCENARIO["policies"] | {"more": {}}}},
        {"scenario": SCENARIO | {"name": "another"}},
        {"name": "another", "time_limit_seconds": 5.0},
    ],
)
def test_a_study_that_has_more_goes_on(changes):
    design, more = tiny_design(), tiny_design(**changes)
    check_continues(design, more, CODE, FOLDER)
    before = {run for one in keys(design) for run in one.values()}
    assert before <= {run for one in keys(more) for run in one.values()}


def test_a_study_of_some_policies_may_get_the_others():
    check_continues(tiny_design(policies=["none"]), tiny_design(), CODE, FOLDER)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"days": 9}, "another scenario: days = 12.0 there, 9.0 here"),
        ({"seed": 8}, "another scenario: seed = 7 there, 8 here"),
        (
            {"scenario": SCENARIO | {"population": {"size": 61}}},
            "another scenario: population.size = 80 there, 61 here",
        ),
        (
            {"scenario": SCENARIO | {"products": [SCENARIO["products"][0] | {"price": 21.0}]}},
            "products.0.price = 20.0 there, 21.0 here",
        ),
        (
            {"scenario": SCENARIO
             | {"policies": SCENARIO["policies"] | {"share": {"scheme": "percentage",
                                                              "rate": 0.2}}}},
            "policies.share.rate = 0.1 there, 0.2 here",
        ),
        (
            {"scenario": SCENARIO | {"compare": {"baseline": "share"}}},
            "compare.baseline = none there, share here",
        ),
        (
            {"targets": {"many": {"measure": "orders", "amount": 5}}},
            "targets.many = unset there",
        ),
        ({"replications": 2}, "a study of 3 replications; 2 are fewer"),
        ({"policies": ["none", "both"]}, "runs of policy 'share', which this study lacks"),
        (
            {"points": {"factors": {GIVE: [5.0]}}},
            f"points that this study lacks: {GIVE} = 1.0",
        ),
        (
            {"points": {"factors": {GIVE: [7.0, 8.0]}}},
            f"points that this study lacks: {GIVE} = 1.0 and 1 more",
        ),
        (
            {"points": {"factors": {GIVE: [1.0, 5.0], "products.0.price": [20.0]}}},
            f"points that this study lacks: they vary {GIVE}, these {GIVE}, products.0.price",
        ),
        ({"points": {}}, f"they vary {GIVE}, these nothing"),
        (
            {"worlds": {"design": "latin_hypercube", "count": 2,
                        "factors": {LEARNING: "usual"}}},
            f"worlds that this study lacks: {LEARNING} = ",
        ),
    ],
)  # fmt: skip
def test_another_study_is_refused_and_the_difference_shown(changes, message):
    with pytest.raises(InputError) as refused:
        check_continues(tiny_design(), tiny_design(**changes), CODE, FOLDER)
    text = str(refused.value)
    assert message in text
    assert str(FOLDER) in text
    assert "choose another --out, or add --overwrite" in text


def test_designs_are_joined_with_the_points_of_the_new_one_first():
    price = "products.0.price"
    old = tiny_design(
        points={"design": "list", "settings": [{GIVE: 1, price: 9.0}, {GIVE: 5.0, price: 9.0}]},
        replications=8,
    )
    new = tiny_design(
        points={"design": "list", "settings": [{price: 9.0, GIVE: 7.0}, {price: 9.0, GIVE: 1.0}]},
        policies=["none", "both"], worlds={"design": "sobol", "count": 3,
                                           "factors": {LEARNING: "usual"}},
    )  # fmt: skip
    both = joined(old, new)
    check_continues(old, both, CODE, FOLDER)
    check_continues(new, both, CODE, FOLDER)
    assert both.points.rows == ((9.0, 7.0), (9.0, 1.0), (9.0, 5.0))
    assert [factor.name for factor in both.points.factors] == [price, GIVE]
    assert both.policies == ("none", "both", "share")
    assert (both.replications, both.worlds) == (8, new.worlds)
    assert joined(both, new).points == both.points


@pytest.mark.parametrize(
    "changes",
    [
        {"days": 9},
        {"points": {"factors": {"products.0.price": [9.0]}}},
        {"worlds": {}},
        {"scenario": SCENARIO
         | {"policies": SCENARIO["policies"] | {"share": {"scheme": "percentage",
                                                          "rate": 0.2}}}},
        {"scenario": SCENARIO
         | {"policies": {name: SCENARIO["policies"][name] for name in ("none", "both")}}},
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_not_joined(changes):
    old, new = tiny_design(), tiny_design(**changes)
    with pytest.raises(InputError, match=str(FOLDER)):
        check_continues(old, joined(old, new), CODE, FOLDER)


def test_five_differences_are_shown_and_the_rest_counted():
    other = SCENARIO | {
        "days": 9, "population": {"size": 61}, "seed": 3, "dt": 0.5,
        "network": {"kind": "watts_strogatz", "mean_degree": 6},
        "products": [{"price": 21.0, "unit_cost": 8.0, "valuation": 41.0}],
    }  # fmt: skip
    with pytest.raises(InputError, match=r"(?:[^;]*;){5} and 3 more; choose another"):
        check_continues(tiny_design(), tiny_design(other), CODE, FOLDER)


def test_an_input_whose_content_has_changed_is_refused():
    old, new = (
        tiny_design().but(inputs={"network.file": digest * 32, "policies.both": digest * 32})
        for digest in ("ab", "cd")
    )
    with pytest.raises(InputError) as refused:
        check_continues(old, new, CODE, FOLDER)
    for what in ("network.file (content)", "policies.both.code"):
        assert f"{what} = abababab there, cdcdcdcd here" in str(refused.value)


def test_other_code_is_refused():
    with pytest.raises(InputError, match=f"made with other code of vouch .old; this is {CODE}"):
        check_continues(tiny_design(), tiny_design(), "old", FOLDER)


def test_a_newer_format_is_refused_with_the_cure():
    table = json.loads(as_text(tiny_design())) | {"format": saved_design.FORMAT + 1}
    with pytest.raises(InputError, match=r"by a newer version of vouch \(format 2; this one reads"):
        from_text(json.dumps(table), "design.json")


PARTS = tuple(json.loads(as_text(tiny_design())))


@pytest.mark.parametrize("part", PARTS)
def test_a_design_without_a_part_is_damaged(part):
    table = json.loads(as_text(tiny_design()))
    del table[part]
    with pytest.raises(InputError, match=r"design.json is damaged"):
        from_text(json.dumps(table), "design.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", as_text(tiny_design())[:-40]])
def test_half_a_design_is_damaged(text):
    with pytest.raises(InputError, match=r"design.json is damaged; restore it, or start again"):
        from_text(text, "design.json")


def test_a_folder_without_a_design_says_what_it_should_be(tmp_path):
    with pytest.raises(InputError, match="holds no sweep"):
        saved_design.read_text(tmp_path)
    (tmp_path / saved_design.NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read: it is no UTF-8 text"):
        saved_design.read_text(tmp_path)
