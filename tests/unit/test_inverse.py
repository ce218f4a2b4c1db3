"""Inverse questions: known answers, intervals that cover, responses that fall, infeasible asks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from sim.errors import InputError
from sim.studies.optimizing.crossing import FALSE_ALARM, fall, share_of_runs, steps_of
from sim.studies.optimizing.evaluation import Evaluation
from sim.studies.optimizing.inverse import Goal, break_even, days_to_target, least_value
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Target

REWARD = Factor("reward", ("reward",), 0.0, 20.0, money=True)
TARGET = Target(measure="new_customers", amount=5_000, by_day=56)
GOAL = Goal("goal", TARGET, 0.8)
MIDDLE, SPREAD = 10.0, 2.0


def normals(replications: int, seed: int, worlds: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(worlds, replications))


def world(seed: int = 1, slope: float = 100.0):
    """A run needs a reward of 10 + 2 luck to reach 5,000; profit is 0 at 10 on average."""

    def evaluate(settings, replications):
        luck = normals(len(replications), seed)
        return [
            Evaluation(
                {"goal_by_day": 5_000 + slope * (one["reward"] - MIDDLE - SPREAD * luck),
                 "profit_cents": 100 * (MIDDLE - one["reward"] + SPREAD * luck) + 900.0},
                {"profit_cents": np.full(luck.shape, 900.0)},
            )
            for one in settings
        ]  # fmt: skip

    return evaluate


def ask_least(evaluate=None, goal=GOAL, factor=REWARD, replications=50, batch=6):
    return least_value(
        evaluate or world(), factor, {}, goal, replications=replications, batch=batch,
        currency="EUR",
    )  # fmt: skip


def ask_even(evaluate=None, factor=REWARD, replications=30):
    return break_even(
        evaluate or world(), factor, {}, replications=replications, batch=6, currency="EUR"
    )


def is_as_often(hits: int, trials: int, share: float) -> bool:
    """Whether hits of trials do not contradict ``share`` or more: z > -5."""
    return (hits - trials * share) / math.sqrt(trials * share * (1 - share)) > -5


# ----------------------------------------------------------------------------- least reward


def test_the_least_reward_is_exact_to_the_cent():
    """Each run has the reward it needs; 80 % of 50 runs are 40, so the answer is the 40th least."""
    needed = np.sort(MIDDLE + SPREAD * normals(50, 1)[0])
    found = ask_least()
    assert found.value == pytest.approx(math.ceil(100 * needed[39]) / 100)
    assert found.value == round(found.value, 2)
    assert found.low < found.value < found.high
    assert found.falls is None
    assert f"is {found.value:.2f} (95 %" in found.statement()


def test_the_search_takes_few_of_2001_cents():
    calls = []

    def spy(settings, replications):
        calls.append(len(settings))
        return world()(settings, replications)

    ask_least(spy)
    assert sum(calls) < 80


def test_the_answer_does_not_depend_on_the_batch():
    assert ask_least(batch=1).value == ask_least(batch=6).value == ask_least(batch=50).value


def test_the_interval_of_the_least_reward_covers():
    """200 worlds: the true answer is 10 + 2 z(0.8).

    Wilson's interval of a share of 0.8 of 50 runs covers in 95.07 % of samples (binomial sum).
    """
    truth = MIDDLE + SPREAD * special.ndtri(0.8)
    found = [ask_least(world(seed), replications=50) for seed in range(200)]
    hits = sum(one.low <= truth <= (math.inf if one.high is None else one.high) for one in found)
    assert is_as_often(hits, 200, 0.95)
    # The check can fail: intervals about a reward that is 1.20 too large.
    planted = sum(
        one.low <= truth + 1.2 <= (math.inf if one.high is None else one.high) for one in found
    )
    assert not is_as_often(planted, 200, 0.95)


def test_a_target_out_of_reach_says_what_is_in_reach():
    goal = Goal("goal", Target(measure="new_customers", amount=9_000, by_day=56), 0.8)
    found = ask_least(goal=goal)
    assert found.value is None
    assert found.low is None
    reached = np.sort(5_000 + 100 * (20 - MIDDLE - SPREAD * normals(50, 1)[0]))[::-1][39]
    text = found.statement()
    assert "9,000 new customers by day 56 with probability 0.80 is not reachable" in text
    assert f"at most {reached:,.0f} new customers at 20.00" in text


def test_a_target_that_may_be_out_of_reach_says_so():
    """At the top 75 % of runs reach it: not 80 %, but the interval holds 80 %."""
    needed = 5_000 + 100 * (20 - MIDDLE - SPREAD * np.sort(normals(40, 1)[0])[29])
    goal = Goal("goal", Target(measure="new_customers", amount=needed, by_day=56), 0.8)
    found = ask_least(goal=goal, replications=40)
    assert found.value is None
    assert found.low is not None
    assert "do not rule out" in found.statement()


def test_a_small_target_is_a_whole_number():
    goal = Goal("goal", Target(measure="new_customers", amount=40), 0.8)
    assert goal.text("EUR") == "40 new customers by the end"


def test_a_target_that_the_lowest_reward_reaches():
    goal = Goal("goal", Target(measure="new_customers", amount=100, by_day=56), 0.8)
    found = ask_least(goal=goal)
    assert (found.value, found.at_lowest) == (0.0, True)
    assert "The lowest reward allowed, 0.00, reaches 100 new customers" in found.statement()


def hump(settings, replications):
    """Reached between about 6 and 14 only: a large reward looks like spam."""
    luck = normals(len(replications), 1)
    totals = [5_400 - 100 * abs(one["reward"] - MIDDLE) + 10 * luck for one in settings]
    return [Evaluation({"goal_by_day": total}, {}) for total in totals]


def test_a_response_that_falls_again_is_said():
    found = ask_least(hump)
    assert found.value == pytest.approx(6.0, abs=0.4)
    assert found.falls is not None
    assert found.falls[0] < found.falls[1]
    assert "More is not always better" in found.statement()


def test_noise_is_not_called_a_fall():
    """500 flat responses with independent luck: called a fall at most at the stated rate."""
    alarms = sum(
        fall(list((np.random.default_rng(seed).random((7, 1, 40)) < 0.5).astype(float))) is not None
        for seed in range(500)
    )
    assert is_as_often(500 - alarms, 500, 1 - FALSE_ALARM)


def test_a_reward_that_cannot_be_run_is_stepped_over():
    def fragile(settings, replications):
        if any(one["reward"] < 4 for one in settings):
            raise InputError("too little for the scheme")
        return world()(settings, replications)

    assert ask_least(fragile).value == ask_least().value
    with pytest.raises(InputError, match="no value of 'reward' can be run: never"):
        ask_least(_never)


def _never(settings, replications):
    raise InputError("never")


def test_failed_runs_are_left_out():
    def holed(settings, replications):
        found = world()(settings, replications)
        for one in found:
            one.policy["goal_by_day"][0, :10] = math.nan
        return found

    found = ask_least(holed)
    assert {one.reached.runs for one in found.readings} == {40}


def test_whole_numbers_lists_and_shares_are_answered_in_kind():
    whole = ask_least(factor=Factor("reward", ("reward",), 0, 20, whole=True))
    assert isinstance(whole.value, int)
    listed = ask_least(factor=Factor("reward", ("reward",), values=(20.0, 5.0, 12.5, 10.0)))
    assert listed.value == 12.5
    assert len(steps_of(Factor("share", ("share",), 0.1, 0.9, scale="odds"), "")) == 1_001
    with pytest.raises(InputError, match="'scheme' is no number"):
        ask_least(factor=Factor("scheme", ("scheme",), values=("a", "b")))


def test_a_target_that_the_outcomes_lack():
    with pytest.raises(InputError, match="no measure 'gaol_by_day'; did you mean 'goal_by_day'"):
        ask_least(goal=Goal("gaol", TARGET, 0.8))


# -------------------------------------------------------------------------- shares of runs


def test_one_world_has_wilsons_interval():
    """Wilson 1927 for 8 of 10: 0.4902 to 0.9433."""
    found = share_of_runs(np.array([[1.0] * 8 + [0.0] * 2 + [math.nan]]))
    assert found.runs == 10
    assert (found.share, found.low, found.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)


def test_runs_of_the_same_luck_count_once():
    """Luck alone decides: 30 worlds of the same 20 lucks say what 20 runs say."""
    luck = (np.random.default_rng(4).random(20) < 0.5).astype(float)
    many, one = share_of_runs(np.tile(luck, (30, 1))), share_of_runs(luck[None])
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.1)
    independent = (np.random.default_rng(5).random((30, 20)) < 0.5).astype(float)
    assert share_of_runs(independent).high - share_of_runs(independent).low < 0.12


def test_shares_over_worlds_cover():
    """300 studies in which worlds and luck each move the chance: 90 % at least are covered.

    A probit with world, luck and own noise of the same size has a mean of one half.
    """
    hits = naive = 0
    for seed in range(300):
        draw = np.random.default_rng(seed).normal
        latent = draw(size=(20, 1)) + draw(size=(1, 20)) + draw(size=(20, 20))
        found = share_of_runs((latent > 0).astype(float))
        hits += found.low <= 0.5 <= found.high
        naive += abs(found.share - 0.5) <= 1.96 * math.sqrt(0.25 / 400)
    assert is_as_often(hits, 300, 0.9)
    # Taking all 400 runs as independent does not cover.
    assert not is_as_often(naive, 300, 0.9)


# ------------------------------------------------------------------------- days to a target


def days(reached, failed=()) -> Evaluation:
    day = np.array([reached], np.float64)
    total = np.where(np.isfinite(day), 6_000.0, 4_000.0)
    total[0, list(failed)] = math.nan
    return Evaluation({"goal_reached_day": day, "goal_by_day": total}, {})


def test_days_to_a_target():
    found = days_to_target(
        days([*range(1, 41), *[math.nan] * 12], failed=(50, 51)), "goal", TARGET, currency="EUR"
    )
    # 50 runs, of which ten never reach it: the 25th is the median.
    assert found.median == 25
    assert found.never.share == 0.2
    assert found.low < 25 < found.high
    text = found.statement()
    assert "half of the runs reach it by day 25" in text
    assert "20.0 % of 50 runs never do" in text


def test_a_target_that_most_runs_do_not_reach():
    found = days_to_target(days([3.0, *[math.nan] * 20]), "goal", TARGET, currency="EUR")
    assert math.isinf(found.median)
    assert "most runs do not reach it" in found.statement()


def test_the_interval_of_the_median_day_covers():
    """400 samples of 30 exponential days: the median is 20 log 2."""
    hits = 0
    for seed in range(400):
        sample = np.random.default_rng(seed).exponential(20, 30)
        found = days_to_target(days(sample), "goal", TARGET, currency="EUR")
        hits += found.low <= 20 * math.log(2) <= found.high
    assert is_as_often(hits, 400, 0.95)


# ------------------------------------------------------------------------------- break-even


def test_the_break_even_reward_is_exact_to_the_cent():
    """The mean profit is zero at 10 + 2 mean(luck)."""
    root = MIDDLE + SPREAD * normals(30, 1)[0].mean()
    found = ask_even()
    assert found.value == pytest.approx(math.floor(100 * root) / 100)
    half = special.stdtrit(29, 0.975) * SPREAD * normals(30, 1)[0].std(ddof=1) / math.sqrt(30)
    assert (found.low, found.high) == pytest.approx((root - half, root + half), abs=0.01)
    assert "breaks even in profit is" in found.statement()


def test_the_interval_of_the_break_even_covers():
    """200 worlds whose true break-even is at 10."""
    found = [ask_even(world(seed)) for seed in range(200)]
    assert is_as_often(sum(one.low <= MIDDLE <= one.high for one in found), 200, 0.95)
    planted = sum(one.low <= MIDDLE + 1.2 <= one.high for one in found)
    assert not is_as_often(planted, 200, 0.95)


def test_what_always_or_never_pays():
    high = ask_even(factor=Factor("reward", ("reward",), 0.0, 5.0, money=True))
    assert high.at_highest
    assert "The highest reward allowed, 5.00, still pays" in high.statement()
    low = ask_even(factor=Factor("reward", ("reward",), 15.0, 30.0, money=True))
    assert low.value is None
    assert "No reward from 15.00 to 30.00 breaks even in profit" in low.statement()


def test_the_largest_reward_that_pays_counts_where_small_ones_do_not():
    """Profit rises and falls again: below 4 the programme costs more than it brings."""

    def hill(settings, replications):
        luck = normals(len(replications), 1)
        profits = [1_000.0 * (16 - (one["reward"] - 8) ** 2) + 0 * luck for one in settings]
        return [
            Evaluation({"profit_cents": one}, {"profit_cents": np.zeros(one.shape)})
            for one in profits
        ]

    assert ask_even(hill).value == 12.0
