"""A neutral value removes a mechanism to the bit.

For each field with a neutral value, a run at that value is compared with a run in which the field
keeps its strong value but the mechanism is taken out of the code: the term is left out of the rule,
the trait is set by hand, the method does nothing. The agents engine reads such replacements
without compiling; that it equals the kernels is the business of tests/agreement.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import sim.population
from sim import rules
from sim._jit import plain
from sim.agents import Consumer
from sim.model import WordOfMouthModel
from sim.opportunists import Opportunists
from sim.randomness import Decision
from sim.scenario import Behavior, Scenario, neutral_behavior
from sim.schemes.team import TeamPurchase
from sim.tastes import homophilous_tastes
from sim.teams import Seating, Teams
from sim.world import World, make_world, world_seed
from tests.agreement.told import Told
from tests.worlds import differences, fields, rich_scenario, run, with_value

SCENARIO = rich_scenario(days=24, population={"size": 140})
POLICY = "share"
CODES = {"attribution": {"coupons": True}}
UNDER: dict[str, tuple[Any, dict[str, Any]]] = {
    "behavior.click.fairness": ("give_get", {}),
    "behavior.click.uncertain_gift": (Told(friend_uncertain=True), {}),
    "behavior.purchase.code_search": ("give_get", CODES),
    "behavior.share.generosity": ("give_get", {}),
    "behavior.share.uncertain_reward": (Told(sharer_uncertain=True), {}),
    "behavior.team.opening": (TeamPurchase(), {}),
    "population.opportunists": ("give_get", {"population": {"opportunists": 0.5}}),
}
"""Policy and changes of the scenario under which a field's mechanism is at work."""


# A world without the mechanism --------------------------------------------------------------

Patch = Callable[[pytest.MonkeyPatch], None]


def slot_is(name: str, function: Callable) -> Patch:
    """The rule ``name`` is another function."""
    return lambda monkeypatch: monkeypatch.setattr(
        rules, "BUILT_IN", rules.replace(**{name: function})
    )


def method_is(name: str, function: Callable) -> Patch:
    """The method ``name`` of consumers is another function."""
    return lambda monkeypatch: monkeypatch.setattr(Consumer, name, function)


def builder_is(name: str, function: Callable) -> Patch:
    """The function ``name`` that makes the population is another."""
    return lambda monkeypatch: monkeypatch.setattr(sim.population, name, function)


def tired_of_nothing(c, base, trust, influence, affinity, sincere, times, tired, uncertain):
    return plain(rules.click)(c, base, trust, influence, affinity, sincere, times, 0.0, uncertain)


def every_message_is_new(c, base, trust, influence, affinity, sincere, times, tired, uncertain):
    return plain(rules.click)(c, base, trust, influence, affinity, sincere, 0, tired, uncertain)


def any_gift_is_certain(c, base, trust, influence, affinity, sincere, times, tired, uncertain):
    return plain(rules.click)(c, base, trust, influence, affinity, sincere, times, tired, False)


def any_reward_is_certain(c, initiative, hub, liking, reward, uncertain):
    return initiative * hub * (liking + reward)


def a_gain_for_friends_moves_nobody(c, own_pull, friend_pull, closeness, sensitivity, belief):
    own = own_pull * belief
    return sensitivity * (own if friend_pull > 0 else own * max(0.0, 1 - c.close_norm * closeness))


def friends_may_be_sold_to(c, own_pull, friend_pull, closeness, sensitivity, belief):
    return sensitivity * (own_pull * belief + c.generosity * closeness * friend_pull)


def purchase_without(*terms: str) -> Callable:
    """The choice in which the named terms are not added at all."""

    def choice(c, affinity, value_for_money, trust_in_sender, good, bad, rating, owned):
        talk = math.log1p(good)
        if "negative_weight" not in terms:
            talk -= c.negative_weight * math.log1p(bad)
        logit = c.intercept
        if "taste" not in terms:
            logit += c.taste * (affinity - 0.5)
        if "price" not in terms:
            logit += c.price * value_for_money
        if "trust" not in terms:
            logit += c.trust * (trust_in_sender - 0.5)
        if "word_of_mouth" not in terms:
            logit += c.word_of_mouth * talk
        if "rating" not in terms:
            logit += c.rating * (rating - 0.5)
        if owned and "owner" not in terms:
            logit += c.owner
        return 1.0 / (1.0 + math.exp(-logit))

    return choice


def lapse_without(term: str) -> Callable:
    """What multiplies the hazard of leaving, without one cause."""

    def multiplier(c, fatigue_lapse, satisfied, earned, referrer_stays, friends_share, fatigue):
        causes = {
            "satisfaction": -c.satisfaction * (2.0 * satisfied - 1.0),
            "friends": -c.friends * friends_share,
            "lapse": fatigue_lapse * fatigue,
        }
        exponent = sum((value for name, value in causes.items() if name != term), 0.0)
        factor = math.exp(exponent)
        if earned and term != "earnings":
            factor *= c.earnings
        if referrer_stays and term != "referrer":
            factor *= c.referrer
        return factor

    return multiplier


def enthusiasm_of_equals(c, satisfied, age_days, referred):
    return plain(rules.enthusiasm)(c, satisfied, age_days, False)


def any_reward_is_the_same(c, ratio):
    return c.reward_presence if ratio > 0 else 0.0


def only_size_counts(c, ratio):
    return c.reward_size * math.log1p(ratio)


def pace_regardless(c, rate, satisfaction, dt):
    return plain(rules.chance)(rate, dt)


PLAIN_AUDIENCE = plain(rules.audience_size)


def audience_regardless_of_reward(c, effort, reward, u, most):
    return PLAIN_AUDIENCE(c, effort, 0.0, u, most)


def nobody_hears_of_paid(c, performance, expectation, paid):
    return performance - expectation


def delay_is_the_median(c, u, v, dt):
    return 1 + int(c.delay_median_days / dt)


def tell_instead_of_posting(self: Consumer, p: int) -> None:
    c, u = self.model.coefficients.share, self.luck(Decision.SHARE, p)[3]
    effort = float(self.model.world.people.effort[self.row])
    self.tell(p, PLAIN_AUDIENCE(c, effort, self.reward_drive(p, self.belief()), u, self.degree))


def liking_of_purchases(self: Consumer, p: int) -> float:
    state, day = self.model.state, self.model.day
    if not self.owns(p):
        return 0.0
    age = (day.tick - int(state.last_order[p, self.row])) * day.dt
    return self.model.plain_rules.enthusiasm(
        self.model.coefficients.share, self.satisfaction_with(p), age, state.sponsor[self.row] >= 0
    )


def returns_by_campaign(self: Consumer) -> bool:
    return self.luck(Decision.STAY)[3] < self.model.day.win_back


def does_nothing(*_: Any) -> None:
    return None


def advertising_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    start = WordOfMouthModel.__init__
    flight = SCENARIO.campaign.advertising[0]

    def without(self, *args, **options):
        start(self, *args, **options)
        self.calendar.organic[:] = 0.0
        days = slice(int(flight.start_day), int(flight.end_day))
        self.calendar.organic[days] = 1 - np.exp(-np.float64(flight.reach_per_day))

    monkeypatch.setattr(WordOfMouthModel, "__init__", without)


def honest_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Opportunists, "play", lambda self, orders: orders)


def nobody_buys_in_teams(monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(self, lines, *_):
        return lines, Seating.nobody(lines.buyer.size)

    monkeypatch.setattr(Teams, "form", alone)


def no_smoothing(graph, homophily, seed):
    return homophilous_tastes(graph, 0.0, seed)


WITHOUT: dict[str, Patch] = {
    "population.opportunists": honest_orders,
    "population.homophily": builder_is("homophilous_tastes", no_smoothing),
    "campaign.organic_visits": advertising_alone,
    "campaign.initial_customers": builder_is("_add_initial_customers", does_nothing),
    "campaign.seeding.count": builder_is("_add_seeds", does_nothing),
    "behavior.click.novelty": slot_is("click", every_message_is_new),
    "behavior.click.reputation": slot_is("reputation", lambda c, good, bad, weakness: 1.0),
    "behavior.click.motive_suspicion": slot_is(
        "sincerity", lambda c, strength, reward, friend, in_kind: 1.0
    ),
    "behavior.click.fairness": slot_is(
        "sincerity", lambda c, strength, reward, friend, in_kind: 1.0
    ),
    "behavior.click.uncertain_gift": slot_is("click", any_gift_is_certain),
    "behavior.click.delay_median_days": slot_is("response_ticks", lambda c, u, v, dt: 1),
    "behavior.click.delay_spread": slot_is("response_ticks", delay_is_the_median),
    **{
        f"behavior.purchase.{term}": slot_is("purchase", purchase_without(term))
        for term in (
            "taste", "price", "trust", "word_of_mouth", "negative_weight", "rating", "owner",
        )
    },
    "behavior.purchase.code_search": method_is("types_code", lambda self, p: False),
    "behavior.repeat.satisfaction": slot_is("repeat", pace_regardless),
    "behavior.repeat.reward_selection": slot_is("selection", lambda c, ratio: 1.0),
    "behavior.experience.hype": slot_is("disconfirmation", nobody_hears_of_paid),
    "behavior.experience.memory": slot_is("learn", lambda evidence, _, weight: evidence + weight),
    "behavior.share.enthusiasm": slot_is("enthusiasm", lambda c, satisfied, age, referred: 0.0),
    "behavior.share.activity": method_is("liking", liking_of_purchases),
    "behavior.share.referral_contagion": slot_is("enthusiasm", enthusiasm_of_equals),
    "behavior.share.reward_presence": slot_is("reward_pull", only_size_counts),
    "behavior.share.reward_size": slot_is("reward_pull", any_reward_is_the_same),
    "behavior.share.close_norm": slot_is("reward_drive", friends_may_be_sold_to),
    "behavior.share.generosity": slot_is("reward_drive", a_gain_for_friends_moves_nobody),
    "behavior.share.uncertain_reward": slot_is("share_rate", any_reward_is_certain),
    "behavior.share.learning": slot_is("success_belief", lambda c, sales, shares: 1.0),
    "behavior.share.reward_effort": slot_is("audience_size", audience_regardless_of_reward),
    "behavior.share.tie_preference": slot_is("audience_key", lambda c, strength, u: -math.log(u)),
    "behavior.share.hub_exponent": slot_is("hub_factor", lambda c, degree, mean: float(degree > 0)),
    "behavior.share.group_share": method_is("groups", lambda self: np.empty(0, np.int32)),
    "behavior.share.broadcast_share": method_is("broadcast", tell_instead_of_posting),
    "behavior.share.warning": method_is("warn", does_nothing),
    "behavior.team.opening": nobody_buys_in_teams,
    "behavior.fatigue.click": slot_is("click", tired_of_nothing),
    "behavior.fatigue.mute": method_is("risk_being_muted", does_nothing),
    "behavior.fatigue.lapse": slot_is("lapse_multiplier", lapse_without("lapse")),
    **{
        f"behavior.stay.{term}": slot_is("lapse_multiplier", lapse_without(term))
        for term in ("satisfaction", "earnings", "referrer", "friends")
    },
    "behavior.stay.win_back": method_is("returns", returns_by_campaign),
}  # fmt: skip


def no_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Consumer, "learn_about_tie", does_nothing)
    monkeypatch.setattr(Consumer, "update_record", does_nothing)


WITHOUT["behavior.experience.learning"] = no_learning

BY_HAND: dict[str, Callable[[World, Scenario], None]] = {
    "population.valuation_spread": lambda world, scenario: np.copyto(
        world.people.valuation_cents,
        np.array([[100 * product.valuation] for product in scenario.products]),
        casting="same_kind",
    ),
    "population.influence_spread": lambda world, _: world.people.influence.fill(1),
    "population.initiative_spread": lambda world, _: world.people.initiative.fill(1),
    "population.effort_spread": lambda world, s: world.people.effort.fill(s.population.effort),
    "population.reward_sensitivity_spread": lambda world, _: world.people.reward_sensitivity.fill(
        1
    ),
    "population.visit_spread": lambda world, s: world.people.visit_rate.fill(
        s.population.visit_rate
    ),
    "population.dropout_a": lambda world, _: world.people.dropout.fill(0),
}
"""Traits set by hand to what nobody differs in."""

BY_PRODUCT = {
    "products.0.quality_spread": "all products are equal in a test of its own",
    "products.0.refund_days": "no product can be sent back in a test of its own",
}

SWITCHES = {
    name: extra["neutral"]
    for name, extra, _ in fields(SCENARIO)
    if extra and extra["neutral"] is not None
}


def test_every_field_with_a_neutral_value_has_a_test():
    assert set(WITHOUT) | set(BY_HAND) | set(BY_PRODUCT) == set(SWITCHES)


@cache
def strong() -> WordOfMouthModel:
    return run(SCENARIO, policy=POLICY, engine="agents")


def at_work(field: str) -> tuple[Scenario, Any]:
    """The strong scenario and the policy under which a field's mechanism is at work."""
    policy, changes = UNDER.get(field, (POLICY, {}))
    return SCENARIO.but(**changes), policy


def strong_run(field: str) -> WordOfMouthModel:
    if field not in UNDER:
        return strong()
    scenario, policy = at_work(field)
    return run(scenario, policy=policy, engine="agents")


def neutral_run(field: str) -> WordOfMouthModel:
    scenario, policy = at_work(field)
    return run(with_value(scenario, field, SWITCHES[field]), policy=policy, engine="agents")


def without(field: str, monkeypatch: pytest.MonkeyPatch) -> WordOfMouthModel:
    """The strong scenario in a program that lacks the field's mechanism."""
    WITHOUT[field](monkeypatch)
    scenario, policy = at_work(field)
    return run(scenario, policy=policy, engine="agents", rules=rules.BUILT_IN)


@pytest.mark.parametrize("field", sorted(WITHOUT))
def test_a_neutral_value_is_a_world_without_the_mechanism(monkeypatch, field):
    neutral = neutral_run(field)
    assert differences(neutral, strong_run(field)) != []
    assert differences(neutral, without(field, monkeypatch)) == []


@pytest.mark.parametrize("field", sorted(BY_HAND))
def test_a_neutral_spread_is_a_world_of_equals(field):
    neutral = neutral_run(field)
    world = make_world(SCENARIO, world_seed(SCENARIO.seed, 0))
    BY_HAND[field](world, SCENARIO)
    by_hand = run(SCENARIO, policy=POLICY, engine="agents", world=world)
    assert differences(neutral, strong()) != []
    assert differences(neutral, by_hand) == []


def test_without_spread_of_quality_every_unit_is_the_mean(monkeypatch):
    equal = [{**product, "quality": 0.66, "quality_spread": 0.0} for product in product_tables()]
    neutral = run(SCENARIO.but(products=equal), policy=POLICY, engine="agents")
    slot_is(
        "disconfirmation",
        lambda c, performance, expectation, paid: 0.66 - expectation - (c.hype if paid else 0.0),
    )(monkeypatch)
    spread = [{**product, "quality_spread": 0.3} for product in equal]
    patched = run(
        SCENARIO.but(products=spread), policy=POLICY, engine="agents", rules=rules.BUILT_IN,
        world=neutral_world(equal),
    )  # fmt: skip
    assert differences(neutral, patched) == []
    assert differences(neutral, strong()) != []


def product_tables() -> list[dict[str, Any]]:
    return SCENARIO.to_table()["products"]


def neutral_world(products: list[dict[str, Any]]) -> World:
    return make_world(SCENARIO.but(products=products), world_seed(SCENARIO.seed, 0))


def test_without_days_to_send_back_there_are_no_refunds():
    final = [{**product, "refund_days": 0} for product in product_tables()]
    neutral = run(SCENARIO.but(products=final), policy=POLICY)
    content = run(SCENARIO.but(behavior={"experience": {"refund_gap": 5.0}}), policy=POLICY)
    assert neutral.daily["refund_cents"].sum() == 0 < strong().daily["refund_cents"].sum()
    assert differences(neutral, content) == []


def test_with_every_switch_neutral_nobody_talks():
    model = run(
        SCENARIO.but(behavior=neutral_behavior(Behavior()), campaign={"activities": []}),
        policy="share",
    )
    daily = model.daily.sum()
    assert daily["orders"] > 0
    silent = ["shares", "impressions", "clicks", "warnings", "mutes", "payout_cents"]
    assert daily[silent].sum() == 0
