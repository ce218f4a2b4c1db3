"""What a comparison comes to: one honest sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from sim.studies.multiple import Standings
from sim.studies.statistics import Interval, replications_to_settle
from sim.studies.wording import amount, chance, listed, money, policies_text, policy_text, span

Runs = Mapping[str, Mapping[str, np.ndarray]]
"""Outcomes by policy and measure, each (replications,)."""

Gains = Mapping[str, Mapping[str, Interval]]
"""What policies have beyond the baseline by measure and policy, with intervals that all hold
together (:func:`sim.studies.multiple.gains_beyond`)."""

HOPELESS = 100_000
"""Above so many further replications the difference is called too small to matter."""


class Verdict(NamedTuple):
    """A sentence, what kind of answer it is, and the best policy where one is known."""

    kind: Literal["wins", "close", "baseline", "identical"]
    best: str | None
    sentence: str


def verdict(
    runs: Runs,
    *,
    baseline: str,
    objective: str,
    currency: str,
    probability: Mapping[str, float],
    ranking: Standings,
    gains: Gains,
) -> Verdict:
    """Judge ``runs`` by the mean of ``objective``, higher is better.

    runs : the policies, the baseline among them. probability : of each policy listed in the
    study to be the best. ranking : of ``runs`` by the objective. gains : in the objective and in
    orders. A policy wins when it is told apart from all others, with all differences between
    policies tested together at 95 %, and its gain is above 0. What is said of its gain holds though
    it is the best of many, which was lucky.
    """
    ranked = sorted(runs, key=lambda name: -float(np.mean(runs[name][objective])))
    best = ranked[0]
    twins = _twins(runs, best)
    if len(twins) == len(ranked):
        names = policies_text(list(runs), starts=True)
        return Verdict("identical", None, f"{names} are identical in every run")
    if baseline in twins:
        return _baseline_leads(runs, ranked, baseline, objective, currency, ranking, gains)
    gain = gains[objective][best]
    beats_baseline = ranking.is_better(best, baseline) and gain.low > 0
    leads = {name: ranking.judged(best, name) for name in ranked if name not in twins}
    # The rival that is hardest to tell from the best, not always the one with the next mean.
    runner_up = min(leads, key=lambda name: leads[name].low / max(leads[name].half_width, 1e-300))
    facts = _facts(runs, best, baseline, objective, currency, gains)
    many = len(twins) > 1
    if ranking.is_better(best, runner_up) and beats_baseline:
        known = sum(probability.get(name, 0.0) for name in twins)
        sentence = f"{_named(twins, starts=True)} {'win' if many else 'wins'}: {facts}"
        return Verdict("wins", best, f"{sentence}; best with probability {chance(known)}")
    if ranking.is_better(best, runner_up):
        return _too_close(twins, _twins(runs, baseline), _further(gain))
    rest = _further(leads[runner_up])
    if runner_up != baseline and beats_baseline:
        verb = "beat" if many else "beats"
        rest += f"; {_named(twins)} {verb} {policy_text(baseline)}: {facts}"
    return _too_close(twins, _twins(runs, runner_up), rest)


def _twins(runs: Runs, one: str) -> list[str]:
    """The policies whose runs are those of ``one`` in every measure, itself included."""
    return [
        name
        for name in runs
        if all(
            np.array_equal(runs[name][measure], values, equal_nan=True)
            for measure, values in runs[one].items()
        )
    ]


def _named(twins: list[str], starts: bool = False) -> str:
    """Identical policies together: "a and b (identical)"."""
    return policies_text(twins, starts) + (" (identical)" if len(twins) > 1 else "")


def _baseline_leads(
    runs: Runs,
    ranked: list[str],
    baseline: str,
    objective: str,
    currency: str,
    ranking: Standings,
    gains: Gains,
) -> Verdict:
    """The baseline has the best mean: no policy beats it, or it is too close to say so."""
    same = _twins(runs, baseline)
    best = next(name for name in ranked if name not in same)
    if not ranking.is_better(baseline, best):
        return _too_close(same, _twins(runs, best), _further(ranking.judged(best, baseline)))
    others = [name for name in same if name != baseline]
    start = f"No policy beats {policy_text(baseline)}"
    if others:
        verb = "is" if len(others) == 1 else "are"
        sentence = f"{start}: {listed(others)} {verb} identical to it"
        return Verdict("baseline", baseline, f"{sentence} in every run")
    twins = _twins(runs, best)
    makes = "make" if len(twins) > 1 else "makes"
    text = f"the best, {_named(twins)}, {makes} {_change(objective, best, currency, gains)}"
    return Verdict("baseline", baseline, f"{start}: {text}")


def _too_close(one: list[str], other: list[str], rest: str) -> Verdict:
    names = f"{_named(one)} and {_named(other)}"
    return Verdict("close", None, f"Too close to call between {names}: {rest}")


def _further(difference: Interval) -> str:
    """How many more replications would tell a difference from zero."""
    more = replications_to_settle(difference) - difference.replications
    if not math.isfinite(more) or more > HOPELESS:
        return "they are equal for any practical purpose"
    # The estimate itself is rough: a figure of two digits promises no more than it holds.
    scale = 10 ** max(0, len(str(math.ceil(more))) - 2)
    count = max(1, math.ceil(more / scale) * scale)
    return f"about {count:,} more replication{'s' if count > 1 else ''} would settle it"


def _change(measure: str, policy: str, currency: str, gains: Gains) -> str:
    change = gains[measure][policy]
    interval = f"95 % {span(measure, change.low, change.high)}"
    if len(gains[measure]) > 1 and change.half_width > 0:
        interval += ", holding for all policies at once"
    return f"{amount(measure, change.mean, currency)} per run ({interval})"


def _facts(
    runs: Runs, policy: str, baseline: str, objective: str, currency: str, gains: Gains
) -> str:
    """The change of the objective and of orders against the baseline, and what an order costs."""
    main = _change(objective, policy, currency, gains)
    if objective != "orders":
        orders = gains["orders"][policy]
        interval = span("orders", orders.low, orders.high)
        main += f", {amount('orders', orders.mean, currency)} ({interval})"
    cost = cost_per_order(runs[policy], runs[baseline])
    return main if math.isnan(cost) else f"{main} at {money(cost)} {currency} a piece"


def cost_per_order(run: Mapping[str, np.ndarray], twin: Mapping[str, np.ndarray]) -> float:
    """Payouts and discounts beyond the twin's per order beyond the twin's, in cents.

    A ratio of means over replications; nan where there are no more orders than in the twin or
    nothing more is spent.
    """
    orders = float(np.mean(run["orders"]) - np.mean(twin["orders"]))
    spent = sum(
        float(np.mean(run[name]) - np.mean(twin[name]))
        for name in ("payout_cents", "discount_cents")
    )
    return spent / orders if orders > 0 and spent > 0 else math.nan
