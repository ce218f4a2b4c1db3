"""Tables of the decision rules: formulas, limits and neutral identities."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import rules
from sim._jit import plain
from sim.rules import coefficients
from sim.scenario import Behavior

NOTHING = SimpleNamespace(
    novelty=1.0, reputation=0.0, motive_suspicion=0.0, delay_median_days=0.0, delay_spread=0.0,
    intercept=0.0, taste=0.0, price=0.0, trust=0.0, word_of_mouth=0.0, negative_weight=0.0,
    rating=0.0, owner=0.0, satisfaction=0.0, sensitivity=0.0, hype=0.0, enthusiasm=0.0,
    fade_days=1.0, referral_contagion=1.0, reward_presence=0.0, reward_size=0.0, learning=0.0,
    expected_success=0.1, reward_effort=0.0, tie_preference=0.0, hub_exponent=0.0, mute=0.0,
    mute_from=0.0, earnings=1.0, referrer=1.0, friends=0.0, fairness=0.0, uncertain_gift=1.0,
    code_search=0.0, reward_selection=0.0, selection_reference=1.0, close_norm=0.0, generosity=0.0,
    uncertain_reward=1.0,
)  # fmt: skip

LOGISTIC_1 = 1 / (1 + math.exp(-1))


def with_(**values: float) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(NOTHING), **values})


def rule(name: str):
    """The interpreted form, which takes any object with the coefficients."""
    return plain(getattr(rules, name))


unit = st.floats(0, 1)
amount = st.floats(0, 1e3)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("chance", (0.0, 1.0), 0.0),
        ("chance", (math.log(2), 1.0), 0.5),
        ("chance", (math.log(2) / 0.5, 0.5), 0.5),
        ("chance", (1e9, 1.0), 1.0),
        ("trust", (0.0, 0.0), 0.5),
        ("trust", (9.0, 1.0), 10 / 12),
        ("learn", (10.0, 0.9, 1.0), 10.0),
        ("learn", (3.0, 1.0, 0.0), 3.0),
        ("learn", (3.0, 0.0, 1.0), 1.0),
        ("reputation", (with_(reputation=1.0), 0.0, 0.0, 1.0), 1.0),
        ("reputation", (with_(reputation=2.0), 8.0, 0.0, 0.0), 1.0),
        ("reputation", (with_(reputation=2.0), 8.0, 0.0, 1.0), 3.24),
        ("sincerity", (with_(motive_suspicion=0.4), 0.0, 500.0, 0.0, False), 0.6),
        ("sincerity", (with_(motive_suspicion=0.4), 1.0, 500.0, 0.0, False), 1.0),
        ("sincerity", (with_(motive_suspicion=0.4), 0.0, 500.0, 0.0, True), 1.0),
        ("sincerity", (with_(motive_suspicion=0.4), 0.0, 500.0, 1.0, False), 1.0),
        ("sincerity", (with_(motive_suspicion=0.4), 0.0, 0.0, 500.0, False), 1.0),
        ("sincerity", (with_(motive_suspicion=0.4), 0.0, 0.0, 0.0, False), 1.0),
        ("sincerity", (with_(fairness=0.2), 0.0, 500.0, 500.0, False), 1.2),
        ("sincerity", (with_(fairness=0.2), 0.5, 500.0, 250.0, True), 1.1),
        ("sincerity", (with_(fairness=0.2), 0.0, 240.0, 500.0, False), 1.0),
        ("sincerity", (with_(fairness=0.2), 1.0, 500.0, 500.0, False), 1.0),
        ("sincerity", (with_(fairness=0.2), 0.0, 0.0, 500.0, False), 1.0),
        ("click", (with_(novelty=0.5), 0.8, 0.5, 1.0, 1.0, 1.0, 2, 0.0, False), 0.1),
        ("click", (NOTHING, 1.0, 1.0, 99.0, 1.0, 1.0, 0, 0.0, False), 1.0),
        ("click", (with_(novelty=0.0), 0.8, 0.5, 1.0, 1.0, 1.0, 1, 0.0, False), 0.0),
        ("click", (NOTHING, 0.8, 0.5, 1.0, 1.0, 1.0, 0, math.log(2), False), 0.2),
        ("click", (with_(uncertain_gift=0.9), 0.8, 0.5, 1.0, 1.0, 1.0, 0, 0.0, True), 0.36),
        ("click", (with_(uncertain_gift=0.9), 0.8, 0.5, 1.0, 1.0, 1.0, 0, 0.0, False), 0.4),
        ("response_ticks", (NOTHING, 0.5, 0.5, 1.0), 1),
        ("response_ticks", (with_(delay_median_days=2.5), 0.3, 0.9, 0.5), 6),
        ("purchase", (NOTHING, 0.9, 3.0, 0.9, 5.0, 5.0, 0.9, True), 0.5),
        ("purchase", (with_(taste=2.0), 1.0, 0.0, 0.5, 0.0, 0.0, 0.5, False), LOGISTIC_1),
        ("purchase", (with_(owner=-1.0), 0.5, 0.0, 0.5, 0.0, 0.0, 0.5, False), 0.5),
        ("purchase", (with_(price=1.0), 0.5, math.log(3), 0.5, 0.0, 0.0, 0.5, False), 0.75),
        ("code_use", (with_(code_search=2.0), 0.0), 0.0),
        ("code_use", (with_(code_search=2.0), math.log(2) / 2), 0.5),
        ("code_use", (NOTHING, 1.0), 0.0),
        ("selection", (with_(reward_selection=0.2, selection_reference=0.1), 0.0), 1.0),
        ("selection", (with_(reward_selection=0.2), math.e - 1), 0.8),
        ("selection", (with_(reward_selection=0.3, selection_reference=0.01), 1.0), 0.0),
        ("selection", (NOTHING, 9.0), 1.0),
        ("repeat", (NOTHING, math.log(2), 0.9, 1.0), 0.5),
        ("repeat", (with_(satisfaction=1.0), 0.0, 0.9, 1.0), 0.0),
        ("disconfirmation", (with_(hype=0.1), 0.7, 0.5, False), 0.2),
        ("disconfirmation", (with_(hype=0.1), 0.7, 0.5, True), 0.1),
        ("satisfaction", (with_(sensitivity=4.0), 0.0), 0.5),
        ("satisfaction", (with_(sensitivity=4.0), 0.25), 1 / (1 + math.exp(-1))),
        ("enthusiasm", (with_(enthusiasm=2.0), 0.49, 0.0, False), 0.0),
        ("enthusiasm", (with_(enthusiasm=2.0), 0.5, 0.0, False), 1.0),
        ("enthusiasm", (with_(enthusiasm=2.0), 1.0, 1.0, False), 2 / math.e),
        ("enthusiasm", (with_(enthusiasm=2.0, referral_contagion=1.5), 1.0, 0.0, True), 3.0),
        ("reward_pull", (with_(reward_presence=1.0, reward_size=1.0), 0.0), 0.0),
        ("reward_pull", (with_(reward_presence=1.0, reward_size=2.0), math.e - 1), 3.0),
        ("reward_drive", (NOTHING, 2.0, 0.0, 0.7, 3.0, 0.5), 3.0),
        ("reward_drive", (NOTHING, 2.0, 5.0, 0.7, 3.0, 0.5), 3.0),
        ("reward_drive", (with_(close_norm=1.0), 2.0, 0.0, 0.75, 3.0, 0.5), 0.75),
        ("reward_drive", (with_(close_norm=1.0), 2.0, 1.0, 0.75, 3.0, 0.5), 3.0),
        ("reward_drive", (with_(close_norm=1.0), 2.0, 0.0, 9.0, 3.0, 0.5), 0.0),
        ("reward_drive", (with_(generosity=2.0), 0.0, 5.0, 0.5, 3.0, 0.0), 15.0),
        ("reward_drive", (with_(generosity=2.0), 2.0, 5.0, 0.5, 3.0, 0.5), 18.0),
        ("success_belief", (with_(learning=1.0), 0.0, 0.0), 1.0),
        ("success_belief", (with_(learning=1.0), 1.0, 10.0), 1.0),
        ("success_belief", (NOTHING, 7.0, 100.0), 1.0),
        ("share_rate", (NOTHING, 2.0, 0.5, 0.3, 0.2, False), 0.5),
        ("share_rate", (NOTHING, 0.0, 1.0, 9.0, 9.0, False), 0.0),
        ("share_rate", (with_(uncertain_reward=1.2), 2.0, 0.5, 0.3, 0.2, True), 0.6),
        ("share_rate", (with_(uncertain_reward=1.2), 2.0, 0.5, 0.3, 0.2, False), 0.5),
        ("hub_factor", (with_(hub_exponent=0.5), 9.0, 4.0), 1.5),
        ("hub_factor", (with_(hub_exponent=0.5), 0.0, 4.0), 0.0),
        ("audience_size", (NOTHING, 0.0, 0.0, 0.999, 10), 1),
        ("audience_size", (NOTHING, 5.0, 0.0, 0.5, 0), 0),
        ("audience_size", (NOTHING, 500.0, 0.0, 0.5, 3), 3),
        ("audience_key", (with_(tie_preference=1.0), 0.5, 1 / math.e), 2.0),
        ("audience_key", (NOTHING, 0.01, 1 / math.e), 1.0),
        ("mute_chance", (with_(mute=0.5, mute_from=3.0), 3.0), 0.0),
        ("mute_chance", (with_(mute=math.log(2), mute_from=3.0), 4.0), 0.5),
        ("lapse_multiplier", (NOTHING, 0.0, 0.9, True, True, 0.9, 50.0), 1.0),
        ("lapse_multiplier", (with_(earnings=0.5), 0.0, 0.5, True, False, 0.0, 0.0), 0.5),
        ("lapse_multiplier", (with_(referrer=0.5), 0.0, 0.5, False, True, 0.0, 0.0), 0.5),
        ("lapse_multiplier", (with_(friends=1.0), 0.0, 0.5, False, False, 1.0, 0.0), 1 / math.e),
        ("lapse_multiplier", (with_(satisfaction=1.0), 0, 1.0, False, False, 0, 0), 1 / math.e),
        ("lapse_multiplier", (NOTHING, 0.1, 0.5, False, False, 0.0, 10.0), math.e),
    ],
)  # fmt: skip
def test_table_of_rules(name, arguments, expected):
    assert rule(name)(*arguments) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_compiled_and_interpreted_rules_are_the_same_bits(seed):
    c = coefficients(Behavior())
    u = [((seed * 7919 + k * 104729) % 1000 + 0.5) / 1000 for k in range(12)]
    calls = {
        "chance": (3 * u[0], u[1]),
        "trust": (9 * u[0], 5 * u[1]),
        "reputation": (c.click, 5 * u[0], 5 * u[1], u[2]),
        "happens": (u[0], 3 * u[1], u[2]),
        "sincerity": (c.click, u[0], u[1], u[2], False),
        "click": (c.click, u[0], u[1], 2 * u[2], u[3], u[4], 3, u[5], True),
        "response_ticks": (c.click, u[0], u[1], 0.01),
        "purchase": (c.purchase, u[0], u[1] - 0.5, u[2], 9 * u[3], 3 * u[4], u[5], True),
        "code_use": (c.purchase, u[0]),
        "selection": (c.repeat, u[0]),
        "repeat": (c.repeat, u[0], u[1], 1.0),
        "satisfaction": (c.experience, u[0] - 0.5),
        "enthusiasm": (c.share, 0.5 + u[0] / 2, 9 * u[1], True),
        "reward_pull": (c.share, u[0]),
        "reward_drive": (c.share, u[0], u[1], u[2], u[3], u[4]),
        "share_rate": (c.share, u[0], u[1], u[2], u[3], True),
        "success_belief": (c.share, 3.0, 40.0),
        "hub_factor": (c.share, 17.0, 9.0 * u[0]),
        "audience_size": (c.share, 4 * u[0], u[1], u[2], 30),
        "audience_key": (c.share, u[0], u[1]),
        "mute_chance": (c.fatigue, 9 * u[0]),
        "lapse_multiplier": (c.stay, u[0], u[1], True, True, u[2], 4 * u[3]),
    }
    for name, arguments in calls.items():
        compiled = getattr(rules, name)
        assert compiled(*arguments) == plain(compiled)(*arguments), name


# What the docstrings promise ---------------------------------------------------------------


@given(unit, unit, amount, unit, unit, st.integers(0, 50), amount)
def test_a_click_never_rises_with_repeats_or_fatigue(base, trust, influence, affinity, s, times, f):
    c, click = with_(novelty=0.85, uncertain_gift=0.9), rule("click")
    now = click(c, base, trust, influence, affinity, s, times, f, False)
    assert 0 <= click(c, base, trust, influence, affinity, s, times + 1, f, False) <= now <= 1
    assert click(c, base, trust, influence, affinity, s, times, f + 1, False) <= now
    assert click(c, base, trust, influence, affinity, s, times, f, True) <= now


@given(unit, unit, unit, amount, unit)
def test_over_stronger_ties_the_friends_gain_weighs_more(own, friend, closer, sensitivity, belief):
    c, drive = with_(close_norm=1.0, generosity=1.0), rule("reward_drive")
    alone = [drive(c, own, 0.0, w, sensitivity, belief) for w in (0.0, closer, 1.0)]
    given = [drive(c, 0.0, friend, w, sensitivity, belief) for w in (0.0, closer, 1.0)]
    assert alone == sorted(alone, reverse=True)
    assert given == sorted(given)
    assert alone[2] == given[0] == 0.0


@given(unit, unit)
def test_a_larger_reward_brings_no_better_customers(ratio, more):
    c, selection = with_(reward_selection=0.1, selection_reference=0.05), rule("selection")
    assert 0 <= selection(c, ratio + more) <= selection(c, ratio) <= 1


@given(unit, st.floats(-5, 5), unit, amount, amount, unit, st.booleans())
def test_a_purchase_rises_with_praise_and_falls_with_warnings(a, value, t, good, bad, rating, own):
    c = with_(taste=2, price=1.5, trust=1, word_of_mouth=0.3, negative_weight=1.5, rating=0.5)
    buy = rule("purchase")
    now = buy(c, a, value, t, good, bad, rating, own)
    assert 0 <= now <= 1
    assert buy(c, a, value, t, good + 1, bad, rating, own) >= now
    assert buy(c, a, value, t, good, bad + 1, rating, own) <= now
    assert buy(c, a, value + 1, t, good, bad, rating, own) >= now


@given(amount, st.floats(0.001, 30))
def test_a_chance_is_a_probability_and_halves_compose(rate, dt):
    chance = rule("chance")
    whole, half = chance(rate, dt), chance(rate, dt / 2)
    assert 0 <= half <= whole <= 1
    assert 1 - (1 - half) ** 2 == pytest.approx(whole, abs=1e-12)


@given(st.floats(0, 0.99), st.integers(0, 500))
def test_evidence_stays_below_its_limit(memory, experiences):
    evidence = 0.0
    for _ in range(experiences):
        evidence = rule("learn")(evidence, memory, 1.0)
    assert evidence <= 1 / (1 - memory) * (1 + 1e-12)


@given(amount, amount)
def test_belief_falls_without_sales_and_rises_with_them(sales, shares):
    c, belief = with_(learning=1.0), rule("success_belief")
    now = belief(c, sales, shares)
    assert belief(c, sales, shares + 1) < now < belief(c, sales + 1, shares)
    assert belief(c, 0.0, 1e12) < 1e-9


@given(st.floats(0, 100), unit.filter(lambda u: 0 < u < 1), st.integers(1, 60))
def test_an_audience_is_between_one_and_all(effort, u, most):
    size = rule("audience_size")(NOTHING, effort, 0.0, u, most)
    assert 1 <= size <= most
    assert rule("audience_size")(with_(reward_effort=1.0), effort, 1.0, u, most) >= size


def test_coefficients_are_the_scenarios_numbers_as_floats():
    behavior = Behavior.model_validate({"click": {"novelty": 1}, "stay": {"win_back": 0.25}})
    found = coefficients(behavior)
    assert found.click.novelty == 1.0
    assert type(found.click.novelty) is float
    assert found.stay.win_back == 0.25
    for name, section in found._asdict().items():
        assert section._asdict() == {
            key: float(value) for key, value in getattr(behavior, name).model_dump().items()
        }


def test_every_slot_is_a_rule_of_this_module():
    for slot, function in rules.BUILT_IN._asdict().items():
        assert getattr(rules, slot) is function
