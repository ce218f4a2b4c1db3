"""Mechanisms of behaviour that can be switched off, each with the rule of a world without it.

A rule without a mechanism is written down anew, not derived from the built-in one with a
coefficient set: that a neutral coefficient comes to the same bits is what is to be shown. The
agents engine reads such rules without compiling them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from sim import rules
from sim._jit import plain
from sim.model import WordOfMouthModel
from sim.validation.worlds_small import busy_scenario


class Mechanism(NamedTuple):
    """Neutral values of coefficients, ``section.name``, and the rules of a world without it."""

    neutral: dict[str, float]
    without: dict[str, Callable[..., Any]]
    policy: str = "share"  # under which it is at work


_AUDIENCE = plain(rules.audience_size)

MECHANISMS: dict[str, Mechanism] = {
    "wear of repeated messages, and tired readers": Mechanism(
        {"click.novelty": 1.0, "fatigue.click": 0.0},
        {
            "click": lambda c, base, trust, influence, fit, sincere, times, tired, uncertain: min(
                1.0, base * trust * influence * fit * sincere
            )
        },
    ),
    "suspicion of paid senders": Mechanism(
        {"click.motive_suspicion": 0.0},
        {"sincerity": lambda c, strength, reward, friend, in_kind: 1.0},
    ),
    "liking of equal splits": Mechanism(
        {"click.fairness": 0.0},
        {"sincerity": lambda c, strength, reward, friend, in_kind: 1.0},
        policy="give_get",
    ),
    "public reputation": Mechanism(
        {"click.reputation": 0.0}, {"reputation": lambda c, good, bad, weakness: 1.0}
    ),
    "time to respond": Mechanism(
        {"click.delay_median_days": 0.0}, {"response_ticks": lambda c, u, v, dt: 1}
    ),
    "all that moves a purchase": Mechanism(
        {
            f"purchase.{term}": 0.0
            for term in ("taste", "price", "trust", "word_of_mouth", "rating", "owner")
        },
        {
            "purchase": lambda c, affinity, value, trust, good, bad, rating, owned: (
                1.0 / (1.0 + math.exp(-c.intercept))
            )
        },
    ),
    "repeat orders by satisfaction": Mechanism(
        {"repeat.satisfaction": 0.0},
        {"repeat": lambda c, rate, satisfaction, dt: 1.0 - math.exp(-rate * dt)},
    ),
    "worse customers by larger rewards": Mechanism(
        {"repeat.reward_selection": 0.0}, {"selection": lambda c, reward_ratio: 1.0}
    ),
    "hype": Mechanism(
        {"experience.hype": 0.0},
        {"disconfirmation": lambda c, performance, expectation, paid: performance - expectation},
    ),
    "forgetting": Mechanism(
        {"experience.memory": 1.0}, {"learn": lambda evidence, memory, weight: evidence + weight}
    ),
    "enthusiasm": Mechanism(
        {"share.enthusiasm": 0.0}, {"enthusiasm": lambda c, satisfied, age_days, referred: 0.0}
    ),
    "referral contagion": Mechanism(
        {"share.referral_contagion": 1.0},
        {
            "enthusiasm": lambda c, satisfied, age_days, referred: (
                c.enthusiasm * satisfied * math.exp(-age_days / c.fade_days)
                if satisfied >= 0.5
                else 0.0
            )
        },
    ),
    "pull of rewards": Mechanism(
        {"share.reward_presence": 0.0, "share.reward_size": 0.0},
        {"reward_pull": lambda c, ratio: 0.0},
    ),
    "regard for friends": Mechanism(
        {"share.close_norm": 0.0, "share.generosity": 0.0},
        {
            "reward_drive": lambda c, own, friend, closeness, sensitivity, belief: (
                sensitivity * (own * belief)
            )
        },
        policy="give_get",
    ),
    "learning from one's own record": Mechanism(
        {"share.learning": 0.0}, {"success_belief": lambda c, sales, shares: 1.0}
    ),
    "activity of hubs": Mechanism(
        {"share.hub_exponent": 0.0}, {"hub_factor": lambda c, degree, mean_degree: 1.0}
    ),
    "larger audiences by rewards": Mechanism(
        {"share.reward_effort": 0.0},
        {"audience_size": lambda c, effort, reward, u, most: _AUDIENCE(c, effort, 0.0, u, most)},
    ),
    "strong ties first": Mechanism(
        {"share.tie_preference": 0.0}, {"audience_key": lambda c, strength, u: -math.log(u)}
    ),
    "muting": Mechanism({"fatigue.mute": 0.0}, {"mute_chance": lambda c, fatigue: 0.0}),
    "all that moves leaving": Mechanism(
        {
            "fatigue.lapse": 0.0,
            "stay.satisfaction": 0.0,
            "stay.friends": 0.0,
            "stay.earnings": 1.0,
            "stay.referrer": 1.0,
        },
        {
            "lapse_multiplier": (
                lambda c, weight, satisfied, earned_lately, referrer_stays, friends, fatigue: 1.0
            )
        },
    ),
}


def strong_run(policy: str) -> WordOfMouthModel:
    """A run in which every mechanism is at work."""
    return WordOfMouthModel(busy_scenario(), policy=policy, engine="agents").run()


def neutral_run(mechanism: Mechanism) -> WordOfMouthModel:
    """A run with the built-in rules and the neutral values of a mechanism."""
    behavior: dict[str, dict[str, float]] = {}
    for path, value in mechanism.neutral.items():
        section, name = path.split(".")
        behavior.setdefault(section, {})[name] = value
    scenario = busy_scenario(behavior=behavior)
    return WordOfMouthModel(scenario, policy=mechanism.policy, engine="agents").run()


def run_without(mechanism: Mechanism) -> WordOfMouthModel:
    """A run with all coefficients at work and rules that lack a mechanism."""
    return WordOfMouthModel(
        busy_scenario(),
        policy=mechanism.policy,
        engine="agents",
        rules=rules.replace(**mechanism.without),
    ).run()
