"""Compliance and insolvency: what a policy does that somebody will ask about, with the figure.

A note is worth knowing, a warning worth acting on, a breach a limit that is broken. Every check
looks at the means over the runs and says nothing where its figure is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from sim.disclosure import FEW_PARTICIPANTS
from sim.incentives import JURISDICTIONS
from sim.studies.bimodality import Modes
from sim.studies.statistics import Interval
from sim.studies.wording import figure, label, money, number, percent, policy_text

Severity = Literal["note", "warning", "breach"]
SEVERITIES: tuple[Severity, ...] = ("breach", "warning", "note")
"""From the gravest down."""

INSOLVENT_FROM = 1.0  # A: what is owed exceeds the margin that could pay for it
STRAINED_FROM = 0.25  # A: the same share of the margin from which a reserve is worth planning
MOST_NONEARNERS = 0.90  # A: more than nine in ten; see the FTC staff report of 2024
MOST_FOR_THE_TOP = 0.50  # A: the top 1 % get more than everybody else together
MOST_DEADWEIGHT = 0.50  # A: more is paid for nothing than for something
MOST_FOR_FRAUD = 0.10  # A: a tenth of all commission


class Flag(NamedTuple):
    """A finding about one policy.

    kind : name of the check. message : a sentence that the policy's name belongs before.
    figure : the number that decided, in the unit of the check (a share, levels or cents).
    """

    policy: str
    kind: str
    severity: Severity
    message: str
    figure: float


class Facts(NamedTuple):
    """What the checks read.

    paid_levels : how many levels the scheme pays. means : over runs, outcomes and income
    disclosure by name, and fraud_share of the abuse, nan without opportunists. baseline : the
    policy it is compared with. gain_cents : profit beyond that, None for the baseline itself.
    objective : what is compared. modes : two ways in which runs end in it, None where there is one.
    """

    policy: str
    paid_levels: int
    means: Mapping[str, float]
    baseline: str
    gain_cents: Interval | None
    currency: str
    objective: str = "profit_cents"
    modes: Modes | None = None

    def money(self, cents: float) -> str:
        """An amount with its currency."""
        return f"{money(cents)} {self.currency}"

    @property
    def margin_cents(self) -> float:
        """Contribution margin of a run: net revenue less unit costs and payouts."""
        return self.means["profit_cents"]

    @property
    def spent_cents(self) -> float:
        """Commissions and discounts of a run."""
        return self.means["payout_cents"] + self.means["discount_cents"]


Finding = tuple[Severity, str, float] | None


def levels(facts: Facts) -> Finding:
    """Pays more levels than a jurisdiction profile allows (invariant I4).

    The scenario's own profile refuses such a scheme, so this is about the others.
    """
    refused = {
        name: most
        for name, most in JURISDICTIONS.items()
        if most is not None and facts.paid_levels > most
    }
    if not refused:
        return None
    limits = ", ".join(f"{name} allows {most}" for name, most in refused.items())
    return "warning", f"pays {facts.paid_levels} levels; {limits}", float(facts.paid_levels)


def unlinked_pay(facts: Facts) -> Finding:
    """Pay that is not linked to a standing sale; must be 0 (literature sheet, table C)."""
    share = facts.means["unlinked_share"]
    if not share > 0:
        return None
    text = (
        f"{percent(share)} of the commission stands on orders that were sent back; "
        "claw it back, or hold it until refunds are over"
    )
    return "breach", text, share


def points_liability(facts: Facts) -> Finding:
    """Points people hold at the end, against the margin that could pay for them."""
    return _owed(facts, "points_liability_cents", "points that people can still spend")


def unpaid_commission(facts: Facts) -> Finding:
    """Commission accrued and not paid out at the end, against the margin that could pay it."""
    return _owed(facts, "unpaid_cents", "commission that is not paid out yet")


def _owed(facts: Facts, name: str, what: str) -> Finding:
    owed = facts.means[name]
    if not owed > 0:
        return None
    # The margin has the debt taken off already; what could pay for it is the margin before.
    margin = facts.margin_cents + owed
    if margin <= 0:
        text = f"owes {facts.money(owed)} in {what}, and the run left no margin to pay it from"
        return "breach", text, math.inf
    share = owed / margin
    if share <= STRAINED_FROM:
        return None
    text = f"owes {facts.money(owed)} in {what}, {percent(share, digits=0)} of the run's margin"
    return ("breach" if share > INSOLVENT_FROM else "warning"), text, share


def loses_money(facts: Facts) -> Finding:
    """Payout above the incremental margin; a note where that could be chance."""
    gain = facts.gain_cents
    if gain is None or not (gain.mean < 0 and facts.spent_cents > 0):
        return None
    surely = gain.high < 0
    text = (
        f"spends {facts.money(facts.spent_cents)} per run and leaves {facts.money(-gain.mean)} "
        f"less profit than {policy_text(facts.baseline)}"
    ) + ("" if surely else ", which could be chance")
    return ("warning" if surely else "note"), text, gain.mean


def nonearners(facts: Facts) -> Finding:
    """More than 90 % of participants earned nothing."""
    share = facts.means["nonearner_share"]
    if not (share > MOST_NONEARNERS and facts.means["payout_cents"] > 0):
        return None
    people = number(facts.means["participants"], digits=0)
    return "warning", f"{percent(share)} of the {people} people who share earn nothing", share


def concentration(facts: Facts) -> Finding:
    """The top 1 % of participants get more than half; unknown where that is one person."""
    share = facts.means["top_1_percent_share"]
    if not (share > MOST_FOR_THE_TOP and facts.means["participants"] >= FEW_PARTICIPANTS):
        return None
    return "warning", f"the top 1 % of sharers get {percent(share)} of all commission", share


def deadweight(facts: Facts) -> Finding:
    """More than half of the spending went to orders that the twin has too."""
    if facts.gain_cents is None or not facts.spent_cents > 0:
        return None
    share = facts.means["deadweight_cents"] / facts.spent_cents
    if not share > MOST_DEADWEIGHT:
        return None
    spent, wasted = facts.money(facts.spent_cents), facts.money(facts.means["deadweight_cents"])
    text = (
        f"{percent(share, digits=0)} of its spending ({wasted} of {spent}) rewards orders that "
        "come without it too"
    )
    return "warning", text, share


def abuse(facts: Facts) -> Finding:
    """More than a tenth of all commission that stands goes to opportunists for false orders."""
    share = facts.means["fraud_share"]
    if not share > MOST_FOR_FRAUD:
        return None
    text = f"{percent(share, digits=0)} of its commission goes to invented names and false orders"
    return "warning", text, share


def debt(facts: Facts) -> Finding:
    """People who owe commission back at the end."""
    owed = facts.means["debt_cents"]
    if not owed > 0:
        return None
    people = number(facts.means["indebted"])
    text = (
        f"on average {people} people owe {facts.money(owed)} at the end, paid for orders that "
        "were sent back"
    )
    return "note", text, owed


def bimodal(facts: Facts) -> Finding:
    """Runs end in two ways, as near the point of taking off: their mean describes neither."""
    if facts.modes is None:
        return None
    share, low, high, _ = facts.modes
    is_money = facts.objective.endswith("_cents")
    unit = f" {facts.currency}" if is_money else ""
    what = f"a {label(facts.objective)}" if is_money else label(facts.objective)
    ends = [f"{figure(facts.objective, mean)}{unit}" for mean in (low, high)]
    text = (
        f"runs end in two ways, {percent(share, digits=0)} with {what} of "
        f"about {ends[0]} and {percent(1 - share, digits=0)} of about {ends[1]}; "
        "their mean describes neither"
    )
    return "warning", text, share


CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    levels, unlinked_pay, points_liability, unpaid_commission, loses_money, nonearners,
    concentration, deadweight, abuse, bimodal, debt,
)  # fmt: skip
"""All checks; the name of a function is the kind of its flags."""


def policy_flags(facts: Facts) -> list[Flag]:
    """What the checks find about one policy, in the order of :data:`CHECKS`."""
    findings = [(check.__name__, check(facts)) for check in CHECKS]
    return [Flag(facts.policy, kind, *found) for kind, found in findings if found is not None]


def gravest_first(flags: Sequence[Flag]) -> list[Flag]:
    """The flags by severity, otherwise in the order given."""
    return sorted(flags, key=lambda flag: SEVERITIES.index(flag.severity))
