"""Selection of the best policy: who is out and when, what is asked for, and what is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import special

from sim.errors import InputError
from sim.studies.ranking.selection import Selection
from sim.validation.selecting import PROBLEMS, select

Outcome = Callable[[str, int], float]


def wobble(number: int, place: int = 0) -> float:
    """A number in [-1, 1) that is a function of its address."""
    return 2 * ((math.sin(12.9898 * (number + 1) + 78.233 * place) * 43758.5453) % 1) - 1


def finished(selection: Selection, outcome: Outcome, names: Sequence[str] = ()) -> Selection:
    """The selection told what it asks for, policies in the order of ``names`` first."""
    while not selection.done:
        asked = selection.next()
        for name in sorted(asked, key=lambda name: (name not in names, name)):
            selection.tell(name, {number: outcome(name, number) for number in asked[name]})
    return selection


def steady(levels: dict[str, float]) -> Outcome:
    """Outcomes with a mean of each policy, shared luck and a little of their own."""
    places = {name: place for place, name in enumerate(levels)}
    return lambda name, number: (
        levels[name] + 10 * wobble(number) + wobble(number, 1 + places[name])
    )


LEVELS = {"none": 10.0, "ten_percent": 12.0, "give_get": 15.0, "two_levels": 14.4}


def test_the_best_is_found_and_the_others_are_told_of():
    selection = finished(Selection(list(LEVELS), indifference=0.5), steady(LEVELS))
    assert selection.best == "give_get"
    assert selection.settled
    assert {one.policy for one in selection.eliminated} == set(LEVELS) - {"give_get"}
    first = selection.eliminated[0]
    assert (first.policy, first.by, first.replications) == ("none", "give_get", 20)
    assert first.behind == pytest.approx(5.0, abs=0.5)


def test_policies_that_are_out_are_not_run_again():
    selection = Selection(list(LEVELS), indifference=0.1)
    assert selection.next() == dict.fromkeys(LEVELS, tuple(range(20)))
    outcome = steady(LEVELS)
    for name in LEVELS:
        selection.tell(name, {number: outcome(name, number) for number in range(20)})
    assert selection.next() == dict.fromkeys(["give_get", "two_levels"], tuple(range(20, 30)))
    finished(selection, outcome)
    assert selection.runs_spent == 2 * 20 + 2 * selection.replications


def test_lower_can_be_better():
    costs = {name: -level for name, level in LEVELS.items()}
    higher = finished(Selection(list(LEVELS), indifference=0.5), steady(LEVELS))
    lower = Selection(list(LEVELS), indifference=0.5, lower_is_better=True)
    outcome = steady(LEVELS)
    finished(lower, lambda name, number: -outcome(name, number))
    assert lower.best == higher.best
    assert lower.eliminated == higher.eliminated
    assert costs[lower.best] == min(costs.values())


def test_the_boundary_is_the_published_one():
    """By hand, for two policies after n0 = 10: out if the sum of differences is below -W."""
    apart = 2 * np.array([0.4, -0.9, 1.1, 0.3, 0.2, -0.2, 0.8, -0.5, 1.0, 0.1])
    delta, alpha, count = 0.5, 0.05, 10
    eta = 0.5 * ((2 * alpha) ** (-2 / (count - 1)) - 1)
    h_squared = 2 * eta * (count - 1)
    width = delta / 2 * (h_squared * apart.var(ddof=1) / delta**2 - count)
    assert width > 0

    def after_ten(shift: float) -> Selection:
        selection = Selection(["a", "b"], indifference=delta, first=count)
        selection.tell("a", dict(enumerate(apart + shift)))
        selection.tell("b", dict(enumerate(np.zeros(count))))
        return selection

    at_boundary = (width - apart.sum()) / count
    assert after_ten(at_boundary + 1e-9).best == "a"
    assert after_ten(at_boundary - 1e-9).best is None


def test_what_is_asked_next_does_not_depend_on_the_order_of_arrival():
    outcome = steady(LEVELS)
    one = Selection(list(LEVELS), indifference=0.05, batch=7)
    other = Selection(list(LEVELS), indifference=0.05, batch=7)
    rounds = []
    while not one.done:
        asked = one.next()
        assert other.next() == asked
        rounds.append(asked)
        for name, numbers in asked.items():
            one.tell(name, {number: outcome(name, number) for number in numbers})
        backwards = [(name, number) for name in asked for number in asked[name]][::-1]
        for name, number in backwards:
            other.tell(name, {number: outcome(name, number)})
    assert len(rounds) > 2
    assert (one.best, one.eliminated, one.runs_spent) == (
        other.best, other.eliminated, other.runs_spent
    )  # fmt: skip


def test_a_round_half_told_asks_for_the_rest_only():
    selection = Selection(["a", "b"], indifference=1)
    selection.tell("a", {3: 1.0, 5: 2.0})
    assert selection.next()["a"] == tuple(k for k in range(20) if k not in (3, 5))
    assert selection.next()["b"] == tuple(range(20))


def test_identical_policies_end_as_a_tie():
    selection = Selection(["none", "a", "b"], indifference=1)
    outcome = steady({"none": 0.0, "a": 5.0})
    finished(selection, lambda name, number: outcome("none" if name == "none" else "a", number))
    assert selection.done
    assert selection.remaining == ("a", "b")
    assert selection.best == "a"
    assert selection.replications == 20
    said = selection.statement("orders")
    assert said.startswith("a and b have the same mean orders over 20 replications")


def test_a_constant_difference_is_decided_at_once():
    selection = Selection(["a", "b"], indifference=1)
    finished(selection, lambda name, number: wobble(number) + 0.001 * (name == "b"))
    assert (selection.best, selection.replications) == ("b", 20)


def test_a_failed_run_drops_its_replication_for_all():
    outcome = steady(LEVELS)

    def failing(name: str, number: int) -> float:
        return math.nan if name == "ten_percent" and number in (2, 7) else outcome(name, number)

    selection = Selection(list(LEVELS), indifference=0.5)
    for name in LEVELS:
        selection.tell(name, {number: failing(name, number) for number in range(20)})
    assert (selection.replications, selection.eliminated) == (18, [])  # too few to judge by
    finished(selection, failing)
    kept = [k for k in range(30) if k not in (2, 7)]
    behind = np.mean([outcome("give_get", k) - outcome("none", k) for k in kept])
    assert selection.eliminated[0].replications == 28
    assert selection.eliminated[0].behind == pytest.approx(behind)
    assert selection.best == "give_get"
    assert "2 replications were left out because a run of them failed" in selection.statement("x")


def test_a_policy_that_always_fails_is_set_aside():
    outcome = steady(LEVELS)
    selection = Selection(list(LEVELS), indifference=0.5)
    finished(selection, lambda name, k: math.nan if name == "give_get" else outcome(name, k))
    assert selection.failed == ("give_get",)
    assert selection.best == "two_levels"
    assert "give_get failed in all of the first runs" in selection.statement("orders")


def test_where_all_or_all_but_one_fail_there_is_an_end():
    nothing = finished(Selection(["a", "b"], indifference=1), lambda *_: math.nan)
    assert (nothing.best, nothing.leader, nothing.runs_spent) == (None, None, 40)
    assert nothing.statement("orders").startswith("No choice is selected")
    one = finished(
        Selection(["a", "b"], indifference=1), lambda name, _: 1.0 if name == "b" else math.nan
    )
    assert one.best == "b"
    assert one.statement("orders").startswith("b is the only choice that runs.")


def test_failures_in_most_replications_end_at_the_maximum():
    selection = Selection(["a", "b"], indifference=1, maximum=50)
    finished(selection, lambda name, k: math.nan if name == "b" and k != 1 else 1.0)
    assert selection.done
    assert selection.best is None
    said = selection.statement("orders")
    assert "fewer than 20 of 50 replications were finished by every choice" in said


def test_the_maximum_ends_it_with_an_honest_statement():
    selection = Selection(["a", "b", "c"], indifference=1, maximum=35)
    finished(selection, steady({"a": 5.0, "b": 5.05, "c": -100.0}))
    assert selection.best == "b"  # 1 is more than what luck leaves here
    tight = Selection(["a", "b", "c"], indifference=1e-3, maximum=35)
    finished(tight, steady({"a": 5.0, "b": 5.05, "c": -100.0}))
    assert (tight.done, tight.settled, tight.best) == (True, False, None)
    assert tight.replications == 35
    assert tight.leader in ("a", "b")
    said = tight.statement("orders")
    assert said.startswith("Not settled after 35 replications: a and b may still be the best")
    assert f"and {tight.leader} leads" in said
    assert said.endswith(". This took 90 runs.")


def test_the_statement_says_what_is_promised_and_what_it_took():
    selection = finished(
        Selection(list(LEVELS), indifference=20, probability=0.9),
        lambda name, number: 100 * steady(LEVELS)(name, number),
    )
    assert selection.runs_of_equal_allocation > selection.runs_spent
    assert selection.statement("profit_cents", "EUR") == (
        "give_get is selected as the best by profit: a choice that leads all others by 0.20 EUR or "
        f"more is found with probability 0.9 at least. This took {selection.runs_spent} runs; "
        "giving every choice as many as the hardest comparison needs would take about "
        f"{selection.runs_of_equal_allocation:,}."
    )


def test_equal_allocation_is_the_bonferroni_design():
    outcome = steady(LEVELS)
    selection = finished(Selection(list(LEVELS), indifference=0.05), outcome)
    rows = np.array([[outcome(name, k) for name in LEVELS] for k in range(20)])
    spread = max((rows[:, i] - rows[:, j]).std(ddof=1) for i in range(4) for j in range(i))
    t = special.stdtrit(19, 1 - 0.05 / 3)
    assert selection.runs_of_equal_allocation == 4 * math.ceil((t * spread / 0.05) ** 2)


def test_the_best_is_found_as_often_as_promised():
    """100 problems of each kind at a promised .95: below .88 by chance once in 300."""
    for place, problem in enumerate(PROBLEMS):
        found = [select(problem, 1_000 * place + number).best == "0" for number in range(100)]
        assert np.mean(found) >= 0.88, problem.name


def test_common_luck_saves_runs():
    """The same levels and spread of luck, shared or not: the variance of differences is 1/100."""
    shared = finished(Selection(["a", "b"], indifference=0.5), steady({"a": 0.0, "b": 0.5}))
    own = {"a": 0.0, "b": 0.5}
    apart = finished(
        Selection(["a", "b"], indifference=0.5),
        lambda name, k: own[name] + 10 * wobble(k, 5 + (name == "b")),
    )
    assert apart.runs_spent > 20 * shared.runs_spent


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ["a"]}, "ranking needs at least two"),
        ({"names": ["a", "a"]}, "each named once"),
        ({"indifference": 0}, "indifference = 0 must be above 0"),
        ({"indifference": math.inf}, "indifference = inf must be above 0"),
        ({"indifference": math.nan}, "indifference = nan must be above 0"),
        ({"probability": 0.5}, "must lie between 1/2"),
        ({"probability": 1}, "must lie between 1/2"),
        ({"first": 9}, "first = 9 replications tell too little"),
        ({"batch": 0}, "batch = 0"),
        ({"maximum": 19}, "maximum = 19 is below the 20 first"),
    ],
)
def test_wrong_input_is_refused(changes, message):
    settings = {"names": ["a", "b"], "indifference": 1.0} | changes
    with pytest.raises(InputError, match=message):
        Selection(settings.pop("names"), **settings)


def test_what_was_not_asked_for_is_refused():
    selection = Selection(["give_get", "none"], indifference=1)
    with pytest.raises(InputError, match="there is no policy 'giveget'; did you mean 'give_get'"):
        selection.tell("giveget", {0: 1.0})
    with pytest.raises(InputError, match="replication 20 of none was not asked for"):
        selection.tell("none", {20: 1.0})
    selection.tell("none", {0: 1.0})
    with pytest.raises(InputError, match="replication 0 of none was not asked for"):
        selection.tell("none", {0: 1.0})
