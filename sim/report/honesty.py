"""Tables about honesty: what sharers earn, what opportunists take and rules save, and flags."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from sim.report import style
from sim.report.study import Figures, Interval, Study
from sim.report.style import DASH, count, money, percent, plural, span
from sim.studies.wording import policy_text

PICTURES = ("income", "earnings", "attribution")
"""Figures that stand in the section about honesty, in order."""


class Earnings(NamedTuple):
    """A policy in the table of what sharers earn; texts, ``small`` ones in small print."""

    policy: str
    colour: str
    participants: str
    nothing: str
    median: str
    median_small: str
    mean: str
    mean_small: str
    top_one: str
    top_ten: str
    after: str
    after_small: str
    debt: str
    debt_small: str


class Abuse(NamedTuple):
    """A policy in the table of what opportunists do; texts."""

    policy: str
    colour: str
    fakes: str
    rings: str
    phantoms: str
    earned: str
    share: str
    stopped: str
    hit: str


class Rule(NamedTuple):
    """A rule in the table of what each one saves; texts, ``small`` ones in small print."""

    name: str
    earned: str
    saved: str
    saved_small: str
    hit: str
    lost: str
    profit: str
    profit_small: str


class Warned(NamedTuple):
    """A flag as the page says it; texts."""

    policy: str
    severity: str
    message: str


class Honesty(NamedTuple):
    """What the section about honesty holds."""

    earnings: list[Earnings]
    abuse: list[Abuse]
    rules: list[Rule]
    rules_policy: str
    rules_worlds: str
    rules_finding: str
    flags: list[Warned]


def honesty(study: Study) -> Honesty | None:
    """The section's tables, None where the study was saved without them."""
    names = [name for name in study.ranked if study.income(name)]
    if not names:
        return None
    colours = {name: style.ink(look) for name, look in style.looks(study).items()}
    attacked = [name for name in study.ranked if study.abuse(name)]
    rules = _saved_rules(study)
    return Honesty(
        earnings=[_earnings(study, name, colours[name]) for name in names],
        abuse=[_abuse(study, name, colours[name]) for name in attacked],
        rules=[_rule(row, place == 0) for place, row in enumerate(rules)],
        rules_policy=str(rules[0].get("policy", DASH)) if rules else "",
        rules_worlds=plural(_number(rules[0], "replications"), "world") if rules else "",
        rules_finding=str((study.summary or {}).get("rules_finding") or ""),
        flags=[
            Warned(*(policy_text(str(flag.get(key, DASH))) for key in Warned._fields))
            for flag in study.flags
        ],
    )


def _earnings(study: Study, name: str, colour: str) -> Earnings:
    found = study.income(name)
    unit = study.scenario.currency
    ahead, owes = found["ahead_share"], found["debt_cents"] > 0
    return Earnings(
        policy=policy_text(name),
        colour=colour,
        participants=count(found["participants"]),
        nothing=percent(found["nonearner_share"], 0),
        median=money(found["median_cents"]),
        median_small=_quartiles(found),
        mean=money(found["mean_cents"]),
        mean_small=f"largest {money(found['largest_cents'])}",
        top_one=percent(found["top_1_percent_share"], 0),
        top_ten=percent(found["top_10_percent_share"], 0),
        after=money(found["net_median_cents"]),
        after_small=f"{percent(ahead)} are ahead" if math.isfinite(ahead) else "",
        debt=money(found["debt_cents"], unit) if owes else DASH,
        debt_small=f"people: {count(found['indebted'])}" if owes else "",
    )


def _quartiles(found: Mapping[str, float]) -> str:
    """The quartiles."""
    low, high = found["lower_quartile_cents"], found["upper_quartile_cents"]
    return f"quartiles {money(low)}, {money(high)}" if math.isfinite(low) else ""


def _abuse(study: Study, name: str, colour: str) -> Abuse:
    found = study.abuse(name)
    amount = partial(money, currency=study.scenario.currency)
    kinds = ("fake", "ring", "phantom")
    return Abuse(
        policy=policy_text(name),
        colour=colour,
        fakes=count(found["fake_orders"]),
        rings=count(found["ring_orders"]),
        phantoms=count(found["phantom_orders"]),
        earned=amount(found["attack_earned_cents"]),
        share=percent(found["fraud_share"], 0),
        stopped=amount(sum(found[f"{kind}_rejected_cents"] for kind in kinds)),
        hit=count(found["honest_hit"]),
    )


def _saved_rules(study: Study) -> list[dict[str, Any]]:
    """The rules tried on the best policy that pays, as it is first; empty where none were tried."""
    saved = (study.summary or {}).get("rules")
    return [row for row in saved if isinstance(row, dict)] if isinstance(saved, list) else []


def _rule(saved: Mapping[str, Any], as_it_is: bool) -> Rule:
    found = Figures({name: _number(saved, name) for name in saved})
    name, earned = str(saved.get("rule", DASH)), money(found["attack_earned_cents"])
    if as_it_is:  # the row that the others differ from
        return Rule(name, earned, DASH, "", DASH, DASH, DASH, "")
    gain = partial(money, plus=True)
    return Rule(
        name=name,
        earned=earned,
        saved=money(found["saved_cents"]),
        saved_small=_within(found, "saved_cents", money),
        hit=count(found["honest_hit"]),
        lost=count(found["orders_lost"]),
        profit=gain(found["profit_gain_cents"]),
        profit_small=_within(found, "profit_gain_cents", gain),
    )


def _number(saved: Mapping[str, Any], name: str) -> float:
    value = saved.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def _within(found: Figures, name: str, write: Callable[..., str]) -> str:
    """The 95 % interval of a mean that was saved with its half width."""
    mean, reach = found[name], found[f"{name}_half_width"]
    if not math.isfinite(mean + reach):
        return ""
    return span(Interval(mean, mean - reach, mean + reach), write)
