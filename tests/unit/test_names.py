"""Names as people read them: in sentences, and in figures that have little room."""

from __future__ import annotations

import pytest

from sim.report.names import axis_name, in_lines, short
from sim.studies.sweeps.factors import Factor
from sim.studies.wording import capital, gist, policies_text, policy_text


@pytest.mark.parametrize(
    ("name", "inside", "at_the_start"),
    [
        ("none", "no reward", "No reward"),
        ("none (unit_cost 20)", "no reward (unit_cost 20)", "No reward (unit_cost 20)"),
        ("give_get", "give_get", "give_get"),
        ("none_of_it", "none_of_it", "none_of_it"),
    ],
)
def test_the_policy_that_pays_nothing_is_no_reward(name, inside, at_the_start):
    assert policy_text(name) == inside
    assert policy_text(name, starts=True) == at_the_start


def test_policies_are_listed():
    assert policies_text(["none", "a", "none"], starts=True) == "No reward, a and no reward"


def test_a_sentence_begins_with_a_capital():
    assert [capital(text) for text in ("no run", "", "ROI")] == ["No run", "", "ROI"]


@pytest.mark.parametrize(
    ("description", "found"),
    [
        ("chance of a visit (per day, at least)", "chance of a visit"),
        ("rate of sharing, shares a day", "rate of sharing"),
        ("", ""),
    ],
)
def test_the_gist_of_a_description_leaves_no_bracket_open(description, found):
    assert gist(description) == found


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("give_get (give 1, get 1)", ["give_get (give 1, get 1)"]),
        ("give_get (give 12.50, get 12.50)", ["give_get (give 12.50,", "get 12.50)"]),
        ("a_very_long_name_of_a_programme", ["a_very_long_name_of_a_", "programme"]),
        (
            "give_get (enthusiasm 0.1234, give 12.50, get 12.50)",
            ["give_get (enthusiasm", "0.1234, give 12.50 …)"],
        ),
        ("x" * 30, ["x" * 23 + "…"]),
    ],
)
def test_long_names_are_broken_between_words(name, lines):
    assert in_lines(name) == lines
    assert max(map(len, lines)) <= 24


def test_a_name_in_one_line():
    assert short("none") == "no reward"
    assert short("give_get (give 12.50, get 12.50)") == "give_get (give 12.50 …)"


def test_an_axis_says_what_a_factor_is_in_lines_that_fit():
    factor = Factor(
        "behavior.share.reward_presence", ("behavior", "share", "reward_presence"), 0.0, 1.0,
        description="rate added for a member of average initiative by the presence of a reward, "
        "however large", unit="shares per day",
    )  # fmt: skip
    lines = axis_name(factor, "EUR").splitlines()
    assert lines[0].startswith("Rate added for a member of average initiative")
    assert lines[-1].endswith("(behavior.share.reward_presence), shares per day")
    assert max(map(len, lines)) <= 80
