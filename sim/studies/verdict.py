"""What a comparison comes to: one honest sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from sim.studies.statistics import Interval, paired_difference, replications_to_settle
from sim.studies.wording import amount, chance, figure, listed, money, span

Runs = Mapping[str, Mapping[str, np.ndarray]]
"""Outcomes by policy and measure, each (replications,)."""

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
) -> Verdict:
    """Judge ``runs`` by the mean of ``objective``, higher is better.

    runs : the policies, the baseline among them. probability : of each policy listed in the
    study to be the best. A policy wins when the 95 % intervals of its paired differences from
    all others lie above zero.
    """
    ranked = sorted(runs, key=lambda name: -float(np.mean(runs[name][objective])))
    twins = [name for name in ranked if _same(runs, name, ranked[0], objective)]
    if len(twins) == len(ranked):
        return Verdict("identical", None, f"{listed(list(runs))} are identical in every run")
    best = ranked[0]
    if best == baseline or (baseline in twins):
        return _baseline_leads(runs, ranked, baseline, objective, currency)
    gain = paired_difference(runs[best][objective], runs[baseline][objective])
    leads = {
        name: paired_difference(runs[best][objective], runs[name][objective])
        for name in ranked
        if name not in twins
    }
    # The rival that is hardest to tell from the best, not always the one with the next mean.
    runner_up = min(leads, key=lambda name: leads[name].low / max(leads[name].half_width, 1e-300))
    lead = leads[runner_up]
    facts = _facts(runs, best, baseline, objective, currency, gain)
    if lead.low > 0 and gain.low > 0:
        if len(twins) > 1:
            names = [name for name in runs if name in twins]
            return Verdict(
                "wins", best, f"{listed(names)} are identical in every run and win: {facts}"
            )
        surely = (
            f"; best with probability {chance(probability[best])}" if best in probability else ""
        )
        return Verdict("wins", best, f"{best} wins: {facts}{surely}")
    return _too_close(runs, best, runner_up, baseline, lead, gain, facts)


def _same(runs: Runs, one: str, other: str, objective: str) -> bool:
    return np.array_equal(runs[one][objective], runs[other][objective])


def _baseline_leads(
    runs: Runs, ranked: list[str], baseline: str, objective: str, currency: str
) -> Verdict:
    """The baseline has the best mean: no policy beats it, or it is too close to say so."""
    best = next(name for name in ranked if name != baseline)
    change = paired_difference(runs[best][objective], runs[baseline][objective])
    if change.half_width == 0 and change.mean == 0:
        return Verdict(
            "baseline",
            baseline,
            f"no policy beats {baseline}: {best} is identical to it in every run",
        )
    if change.high >= 0:
        rest = _further(change)
        return Verdict("close", None, f"too close to call between {baseline} and {best}: {rest}")
    text = _change(objective, change, currency)
    return Verdict(
        "baseline", baseline, f"no policy beats {baseline}: the best, {best}, makes {text}"
    )


def _too_close(
    runs: Runs, best: str, runner_up: str, baseline: str, lead: Interval, gain: Interval, facts: str
) -> Verdict:
    rest = _further(lead)
    also = ""
    if runner_up != baseline and gain.low > 0:
        also = f"; {best} beats {baseline}: {facts}"
    return Verdict("close", None, f"too close to call between {best} and {runner_up}: {rest}{also}")


def _further(difference: Interval) -> str:
    """How many more replications would tell a difference from zero."""
    more = replications_to_settle(difference) - difference.replications
    if not math.isfinite(more) or more > HOPELESS:
        return "they are equal for any practical purpose"
    # The estimate itself is rough: a figure of two digits promises no more than it holds.
    scale = 10 ** max(0, len(str(math.ceil(more))) - 2)
    count = max(1, math.ceil(more / scale) * scale)
    return f"about {count:,} more replication{'s' if count > 1 else ''} would settle it"


def _change(measure: str, change: Interval, currency: str) -> str:
    interval = span(measure, change.low, change.high)
    return f"{amount(measure, change.mean, currency)} per run (95 % {interval})"


def _facts(
    runs: Runs, policy: str, baseline: str, objective: str, currency: str, gain: Interval
) -> str:
    """The change of the objective and of orders against the baseline, and what an order costs."""
    main = _change(objective, gain, currency)
    orders = paired_difference(runs[policy]["orders"], runs[baseline]["orders"])
    if objective != "orders":
        low, high = figure("orders", orders.low), figure("orders", orders.high)
        main += f", {amount('orders', orders.mean, currency)} ({low} to {high})"
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
