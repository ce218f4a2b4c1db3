"""A neutral value removes a mechanism to the bit, and every number of a scenario is alive.

For each field with a neutral value, a run at that value is compared with a run in which the field
keeps its strong value but the mechanism is taken out of the code: the term is left out of the rule,
the trait is set by hand, the method does nothing. The agents engine reads such replacements
without compiling; that it equals the kernels is the business of tests/agreement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

import sim.population
from sim import rules
from sim._jit import plain
from sim.agents import Consumer
from sim.model import WordOfMouthModel
from sim.population import homophilous_tastes
from sim.randomness import Decision
from sim.scenario import Behavior, Scenario, neutral_behavior
from sim.schemes import SCHEMES
from sim.world import World, make_world, world_seed
from tests.worlds import NETWORK, differences, digest, rich_scenario, run

SCENARIO = rich_scenario(days=24, population={"size": 140})
CROWD = rich_scenario(days=40, population={"size": 400})
"""Enough people and days for a nudge of any number to reach somebody."""
POLICY = "share"


def fields(section: BaseModel, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, declaration and value of every field of a tree of sections."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from fields(value, f"{path}{name}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            yield from fields(value[0], f"{path}{name}.0.")
        else:
            yield f"{path}{name}", field.json_schema_extra, value


def with_value(scenario: Scenario, path: str, value: Any) -> Scenario:
    """A copy with the field at a dotted path set."""
    table = scenario.to_table()
    place: Any = table
    *sections, last = path.split(".")
    for part in sections:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[last] = value
    return Scenario.from_table(table)


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


def tired_of_nothing(c, base, trust, influence, affinity, sincere, times, tired):
    return plain(rules.click)(c, base, trust, influence, affinity, sincere, times, 0.0)


def every_message_is_new(c, base, trust, influence, affinity, sincere, times, tired):
    return plain(rules.click)(c, base, trust, influence, affinity, sincere, 0, tired)


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


def any_reward_is_the_same(c, reward_ratio, sensitivity, belief):
    return sensitivity * belief * c.reward_presence if reward_ratio > 0 else 0.0


def only_size_counts(c, reward_ratio, sensitivity, belief):
    size = c.reward_size * math.log1p(reward_ratio)
    return sensitivity * belief * size if reward_ratio > 0 else 0.0


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


def no_smoothing(graph, homophily, seed):
    return homophilous_tastes(graph, 0.0, seed)


WITHOUT: dict[str, Patch] = {
    "population.homophily": builder_is("homophilous_tastes", no_smoothing),
    "campaign.organic_visits": advertising_alone,
    "campaign.initial_customers": builder_is("_add_initial_customers", does_nothing),
    "campaign.seeding.count": builder_is("_add_seeds", does_nothing),
    "behavior.click.novelty": slot_is("click", every_message_is_new),
    "behavior.click.reputation": slot_is("reputation", lambda c, good, bad, weakness: 1.0),
    "behavior.click.motive_suspicion": slot_is("sincerity", lambda c, strength, alone: 1.0),
    "behavior.click.delay_median_days": slot_is("response_ticks", lambda c, u, v, dt: 1),
    "behavior.click.delay_spread": slot_is("response_ticks", delay_is_the_median),
    **{
        f"behavior.purchase.{term}": slot_is("purchase", purchase_without(term))
        for term in (
            "taste", "price", "trust", "word_of_mouth", "negative_weight", "rating", "owner",
        )
    },
    "behavior.repeat.satisfaction": slot_is("repeat", pace_regardless),
    "behavior.experience.hype": slot_is("disconfirmation", nobody_hears_of_paid),
    "behavior.experience.memory": slot_is("learn", lambda evidence, _, weight: evidence + weight),
    "behavior.share.enthusiasm": slot_is("enthusiasm", lambda c, satisfied, age, referred: 0.0),
    "behavior.share.activity": method_is("liking", liking_of_purchases),
    "behavior.share.referral_contagion": slot_is("enthusiasm", enthusiasm_of_equals),
    "behavior.share.reward_presence": slot_is("reward_drive", only_size_counts),
    "behavior.share.reward_size": slot_is("reward_drive", any_reward_is_the_same),
    "behavior.share.learning": slot_is("success_belief", lambda c, sales, shares: 1.0),
    "behavior.share.reward_effort": slot_is("audience_size", audience_regardless_of_reward),
    "behavior.share.tie_preference": slot_is("audience_key", lambda c, strength, u: -math.log(u)),
    "behavior.share.hub_exponent": slot_is("hub_factor", lambda c, degree, mean: float(degree > 0)),
    "behavior.share.group_share": method_is("groups", lambda self: np.empty(0, np.int32)),
    "behavior.share.broadcast_share": method_is("broadcast", tell_instead_of_posting),
    "behavior.share.warning": method_is("warn", does_nothing),
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


def neutral_run(field: str) -> WordOfMouthModel:
    return run(with_value(SCENARIO, field, SWITCHES[field]), policy=POLICY, engine="agents")


def without(field: str, monkeypatch: pytest.MonkeyPatch) -> WordOfMouthModel:
    """The strong scenario in a program that lacks the field's mechanism."""
    WITHOUT[field](monkeypatch)
    return run(SCENARIO, policy=POLICY, engine="agents", rules=rules.BUILT_IN)


@pytest.mark.parametrize("field", sorted(WITHOUT))
def test_a_neutral_value_is_a_world_without_the_mechanism(monkeypatch, field):
    neutral = neutral_run(field)
    assert differences(neutral, strong()) != []
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


# Live knobs --------------------------------------------------------------------------------

DEAD = {
    "compare.precision": "read by `vouch compare` alone",
    "compare.maximum_replications": "read by `vouch compare` alone",
}
"""Numbers that do not change a single run, with the reason."""

OF_A_KIND: dict[str, dict[str, Any]] = {
    "network.rewiring": {"kind": "watts_strogatz", "mean_degree": 6, "rewiring": 0.1},
    "network.triad_probability": {"kind": "holme_kim", "mean_degree": 6, "triad_probability": 0.3},
    "network.blocks": {"kind": "stochastic_block", "mean_degree": 6, "blocks": 4},
    "network.exponent": {"kind": "configuration", "exponent": 2.5},
    "network.minimum_degree": {"kind": "configuration", "exponent": 2.5, "minimum_degree": 2},
    "network.maximum_degree": {"kind": "configuration", "exponent": 2.1, "maximum_degree": 12},
    "network.mixing": {"kind": "lfr", "mean_degree": 6, "mixing": 0.2},
}
"""A network that takes the parameter."""

KNOBS = [
    name
    for name, extra, value in fields(CROWD)
    if extra
    and extra["kind"] != "fixed"
    and not isinstance(value, str | bool | dict)
    and value != ()
    and name not in DEAD
]


def base_for(knob: str) -> Scenario:
    network = OF_A_KIND.get(knob)
    if network is None:
        return CROWD
    return CROWD.but(network={**dict.fromkeys(NETWORK), **network}, population={"homophily": 0.0})


def nudges(value: Any) -> list[Any]:
    """Values close to ``value``, some of which must lie inside its bounds."""
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [value * 1.15, value * 0.85] if value else [0.05, 1.0]


def nudged(scenario: Scenario, knob: str) -> list[Scenario]:
    """The scenario with the knob a little up and a little down, as far as it can go."""
    found = []
    value = next(value for name, _, value in fields(scenario) if name == knob)
    for candidate in nudges(value):
        money = knob.split(".")[-1] in ("price", "unit_cost")
        try:
            found.append(with_value(scenario, knob, round(candidate, 2) if money else candidate))
        except ValueError:
            continue
    assert found, f"no value near {knob} = {value} is allowed"
    return found


@cache
def base_digest(knob: str | None) -> str:
    return digest(run(base_for(knob or ""), policy=POLICY))


@pytest.mark.parametrize("knob", KNOBS)
def test_a_nudge_changes_the_run(knob):
    before = base_digest(knob if knob in OF_A_KIND else None)
    after = [digest(run(other, policy=POLICY)) for other in nudged(base_for(knob), knob)]
    assert set(after) != {before}


def test_the_knobs_are_the_numbers_of_the_scenario():
    assert len(KNOBS) > 90
    assert {name.split(".")[0] for name in KNOBS} == {
        "network", "population", "products", "campaign", "behavior", "attribution",
    }  # fmt: skip


@pytest.mark.parametrize("knob", sorted(DEAD))
def test_the_exceptions_are_indeed_dead(knob):
    assert {digest(run(other, policy=POLICY)) for other in nudged(CROWD, knob)} == {
        base_digest(None)
    }


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("attribution.existing_customers", False),
        ("campaign.seeding.choose", "random"),
        ("campaign.activities.0.product", "chair"),
        ("campaign.price_changes.0.product", "coffee"),
        ("products.0.category", "home"),
        ("days", 39),
        ("dt", 0.5),
        ("seed", 12),
        ("population.size", 401),
        ("population.lapse_period_days", 25.0),
        ("behavior.stay.earnings_days", 3.0),
    ],
)
def test_choices_and_fixed_numbers_change_the_run(knob, value):
    assert digest(run(with_value(CROWD, knob, value), policy=POLICY)) != base_digest(None)


TERMS = {
    "budget": 20.0,
    "cap_per_person": 4.0,
    "minimum_order": 30.0,
    "hold_days": 3,
    "start_day": 15,
    "end_day": 9,
    "first_order_only": True,
    "customers_only": False,
    "clawback": False,
}
PARAMETERS = [
    *(
        (scheme, name, value)
        for scheme in ("fixed_bounty", "percentage", "two_sided", "tiered", "multi_level")
        for name, value in TERMS.items()
    ),
    ("fixed_bounty", "amount", 5.5),
    ("percentage", "rate", 0.11),
    ("two_sided", "give", 5.5),
    ("two_sided", "get", 5.5),
    ("recipient_only", "give", 5.5),
    ("recipient_only", "budget", 20.0),
    ("recipient_only", "minimum_order", 30.0),
    ("recipient_only", "start_day", 15),
    ("recipient_only", "end_day", 9),
    ("recipient_only", "first_order_only", True),
    ("tiered", "tiers", [[0, 0.05], [2, 0.1]]),
    ("tiered", "period", "lifetime"),
    ("tiered", "retroactive", True),
    ("multi_level", "rate", 0.11),
    ("multi_level", "ratio", 0.7),
    ("multi_level", "levels", 1),
    ("multi_level", "rates", [0.1, 0.01]),
]


def paid_by(scheme: str, **parameters: Any) -> str:
    scenario = rich_scenario(
        days=40, policies={"policy": {"scheme": scheme, "hold_days": 6, **parameters}}
    )
    return digest(run(scenario, policy="policy"))


@cache
def usual(scheme: str) -> str:
    return paid_by(scheme)


@pytest.mark.parametrize(("scheme", "name", "value"), PARAMETERS)
def test_a_parameter_of_a_scheme_changes_the_run(scheme, name, value):
    assert paid_by(scheme, **{name: value}) != usual(scheme)


def test_the_period_of_a_cap_changes_the_run():
    assert paid_by("percentage", cap_per_person=4.0) != paid_by(
        "percentage", cap_per_person=4.0, cap_period_days=5
    )


def test_every_own_parameter_of_a_scheme_is_tried():
    tried = {(scheme, name) for scheme, name, _ in PARAMETERS}
    common = set(SCHEMES["none"].model_fields)
    own = {
        (scheme, name)
        for scheme, cls in SCHEMES.items()
        if cls.__module__ == "sim.schemes"
        for name in set(cls.model_fields) - common
    }
    assert own <= tried
