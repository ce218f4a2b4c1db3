"""Designs: the shape of a study, and keys that are equal just where runs are."""

from __future__ import annotations

import copy
import itertools
import sys

import pytest

from sim.errors import InputError
from sim.model import policy_scheme
from sim.studies.sweeps.batches import do_run
from sim.studies.sweeps.design import KEYS, Task, make_design
from sim.studies.sweeps.study_file import make_study
from tests.tiny_studies import GIVE, LEARNING, ROWS, RUNS, SCENARIO, study_table, tiny_design

POLICIES = ("none", "both", "share")


def all_keys(design):
    """The key of each run by its coordinates."""
    return {
        (policy, *task[:3]): run
        for task in design.tasks()
        for policy, run in design.keys(task).items()
    }


def key(run=("both", 0, 0, 0), scenario=None, **changes):
    return tiny_design(scenario, **changes).run_key(*run)


# ----------------------------------------------------------------------------------------- shape


def test_tasks_come_by_world_replication_point_and_policy():
    design = tiny_design()
    tasks = list(design.tasks())
    assert [task[:3] for task in tasks] == [
        (world, point, replication)
        for world, replication, point in itertools.product(range(2), range(3), range(2))
    ]
    assert {task.policies for task in tasks} == {POLICIES}
    assert design.size == sum(len(task.policies) for task in tasks) == ROWS
    assert KEYS == ("policy", "world", "point", "replication")


def test_a_world_and_a_point_change_the_scenario_and_nothing_else_does():
    design = tiny_design()
    learning = [row[0] for row in design.worlds.rows]
    for world, point in itertools.product(range(2), range(2)):
        scenario = design.scenario_of(world, point)
        assert scenario.behavior.share.learning == learning[world]
        assert policy_scheme(scenario, "both").give == (1.0, 5.0)[point]
        assert scenario.seed == design.scenario.seed
    assert learning[0] != learning[1]


def test_a_study_without_anything_varied_has_one_world_and_one_point():
    design = tiny_design(points={}, worlds={})
    assert (len(design.worlds), len(design.points), design.size) == (1, 1, 3 * 3)
    assert design.scenario_of(0, 0) == design.scenario


# ------------------------------------------------------------------------------------------ keys


def test_runs_have_the_same_key_just_where_they_have_the_same_content():
    keys = all_keys(tiny_design())
    assert len(keys) == ROWS
    assert len(set(keys.values())) == RUNS
    for (policy, world, point, replication), run in keys.items():
        # The lever of `both` changes no run of another policy.
        assert (run == keys[policy, world, 0, replication]) == (policy != "both" or point == 0)


def test_a_key_is_a_letter_and_twenty_three_hex_digits():
    for run in all_keys(tiny_design()).values():
        assert len(run) == 24
        assert run[0] == "r"
        int(run[1:], 16)


@pytest.mark.parametrize(
    "changes",
    [
        {"replications": 50},
        {"policies": ["both", "none"]},
        {"policies": ["share", "both", "none"]},
        {"points": {"factors": {GIVE: [1, 2, 3, 4]}}},
        {"points": {"design": "list", "settings": [{GIVE: 1}]}},
        {"worlds": {"design": "sobol", "count": 8, "factors": {LEARNING: "usual"}}},
        {"points": {"factors": {GIVE: [1.0], "policies.share.rate": [0.3, 0.4]}}},
        {"name": "another"},
        {"time_limit_seconds": 3.0, "memory_limit_mb": 4000},
        {"scenario": SCENARIO | {"name": "another", "currency": "USD"}},
    ],
)
def test_what_a_run_does_not_depend_on_does_not_change_its_key(changes):
    assert make_design(make_study(study_table(**changes))).run_key("both", 0, 0, 0) == key()


@pytest.mark.parametrize(
    ("scenario", "changes"),
    [
        ({"days": 9}, {}),
        ({"seed": 8}, {}),
        ({"population": {"size": 61}}, {}),
        ({"policies": {"none": {}, "both": {"scheme": "two_sided", "give": 5, "get": 4}}}, {}),
        # The baseline is the twin of every run.
        (
            {
                "policies": SCENARIO["policies"]
                | {"none": {"scheme": "fixed_bounty", "amount": 0.5}}
            },
            {},
        ),
        ({"compare": {"baseline": "share"}}, {}),
        ({}, {"points": {"factors": {GIVE: [2.0]}}}),
        ({}, {"worlds": {"factors": {LEARNING: [0.001]}}}),
        ({}, {"targets": {"many": {"measure": "orders", "amount": 3}}}),
    ],
)
def test_what_a_run_depends_on_changes_its_key(scenario, changes):
    assert key(scenario=scenario, **changes) != key()


@pytest.mark.parametrize("other", [("share", 0, 0, 0), ("both", 1, 0, 0), ("both", 0, 1, 0),
                                   ("both", 0, 0, 1)])  # fmt: skip
def test_every_coordinate_is_in_the_key(other):
    assert key(other) != key()


def test_a_whole_number_is_the_same_parameter_as_the_float_it_equals():
    whole = SCENARIO["policies"] | {"both": {"scheme": "two_sided", "give": 5, "get": 5}}
    assert key(("both", 0, 1, 0), {"policies": whole}) == key(("both", 0, 1, 0))
    assert key(points={"factors": {GIVE: [1, 5]}}) == key()


def test_runs_of_equal_keys_have_equal_outcomes_and_runs_of_one_point_other_ones():
    design = tiny_design()
    one, same, other = (
        do_run(design, policy, Task(0, point, 1, POLICIES))
        for policy, point in (("share", 0), ("share", 1), ("both", 1))
    )
    assert repr(one) == repr(same) != repr(other)


def test_a_network_file_is_known_by_its_content(tmp_path):
    def with_file(name, text):
        (tmp_path / name).write_text(text)
        network = {"kind": "file", "file": str(tmp_path / name)}
        return key(scenario={"network": network})

    ring = "source,target\n" + "".join(f"{i},{(i + 1) % 9}\n" for i in range(9))
    first = with_file("ring.csv", ring)
    assert with_file("elsewhere.csv", ring) == first
    assert with_file("ring.csv", ring + "3,5\n") != first


def test_a_scheme_of_ones_own_is_known_by_its_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def with_source(text):
        (tmp_path / "own_scheme_of_design.py").write_text(
            f"from sim.schemes import NoIncentive\n\n\nclass Own(NoIncentive):\n    {text}\n"
        )
        sys.modules.pop("own_scheme_of_design", None)
        own = SCENARIO["policies"] | {"own": {"scheme": "own_scheme_of_design:Own"}}
        design = tiny_design({"policies": own})
        return design.run_key("own", 0, 0, 0), design.run_key("both", 0, 0, 0)

    first, other = with_source('"""Pays nothing."""'), with_source('"""Pays nothing at all."""')
    assert first[0] != other[0]
    assert first[1] == other[1] == key()


def test_values_that_do_not_go_together_in_one_world_fail_there_and_have_keys(tmp_path):
    campaign = {"advertising": [{"start_day": 1, "end_day": 9, "reach_per_day": 0.1}]}
    design = tiny_design(
        {"campaign": campaign},
        points={"factors": {"campaign.advertising.0.start_day": [1, 7]}},
        worlds={"factors": {"campaign.advertising.0.end_day": [9, 5]}},
    )
    keys = all_keys(design)
    assert len(set(keys.values())) == len(keys) == ROWS
    with pytest.raises(InputError, match=r"world 1, point 1: .*end_day = 5 is not after"):
        do_run(design, "none", Task(1, 1, 0, POLICIES))
    do_run(design, "none", Task(1, 0, 0, POLICIES))


# ----------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policies": ["boht"]}, "there is no policy 'boht'; did you mean 'both'?"),
        ({"policies": ["both", "both"]}, "one is named twice"),
        ({"replications": 0}, "replications = 0"),
        ({"days": -1}, "days = -1"),
        ({"wordls": {}}, "unknown key 'wordls'; did you mean 'worlds'?"),
        (
            {"worlds": {"factors": {GIVE: [1.0, 2.0]}}},
            f"'{GIVE}' is in [points] and in [worlds]; it is either chosen or not known",
        ),
        (
            {"points": {"factors": {"policies.both.end_day": [3, 30],
                                    "policies.both.start_day": [0, 20]}}},
            "world 0, point 1 with",
        ),
        ({"targets": {"a": {"measure": "order", "amount": 1}}}, "did you mean 'orders'?"),
        ({"targets": {"a b": {"measure": "orders", "amount": 1}}}, "no name of a target"),
        ({"targets": {"a": {"measure": "orders", "amount": 0}}}, "amount = 0"),
    ],
)  # fmt: skip
def test_a_study_that_cannot_be_is_refused_before_it_starts(changes, message):
    with pytest.raises(InputError) as refused:
        tiny_design(**changes)
    assert message in str(refused.value)
    assert str(refused.value).startswith("study: ")


def test_a_baseline_that_is_no_policy_is_refused():
    with pytest.raises(InputError, match="baseline"):
        tiny_design({"compare": {"baseline": "nothing"}})


# -------------------------------------------------------------------------------- overrides (--set)


@pytest.mark.parametrize("part", ["points", "worlds"])
@pytest.mark.parametrize("name", ["products.0.price", "policies.both.give"])
def test_an_override_of_a_factor_is_refused_for_it_would_change_nothing(part, name):
    table = study_table(points={}, worlds={}) | {part: {"factors": {name: [4.0, 5.0]}}}
    with pytest.raises(InputError) as error:
        make_design(make_study(table, settings=(f"{name}=7",), where="study.toml"))
    expected = (
        f"--set {name}=7 would change nothing: '{name}' is a factor in [{part}] of study.toml"
    )
    assert expected in str(error.value)
    assert "change those, or take it out of the factors" in str(error.value)


def test_an_override_is_found_by_the_field_whatever_it_is_called():
    scenario = copy.deepcopy(SCENARIO)
    scenario["products"][0]["name"] = "mug"
    table = study_table(scenario, worlds={}, points={"factors": {"products.mug.price": [4.0, 5.0]}})
    with pytest.raises(InputError, match=r"'products.mug.price' is a factor in \[points\]"):
        make_design(make_study(table, settings=("products.0.price=7",)))


def test_an_override_moves_a_range_around_the_value_and_leaves_other_fields_to_it():
    table = study_table(
        points={}, worlds={"design": "sobol", "count": 2, "factors": {LEARNING: "usual"}}
    )
    moved = make_design(make_study(table, settings=(f"{LEARNING}=0.3", "products.0.price=21")))
    assert moved.worlds.factors[0].low < 0.3 < moved.worlds.factors[0].high
    assert moved.scenario.products[0].price == 21
