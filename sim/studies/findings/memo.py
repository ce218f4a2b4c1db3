"""The decision memo: what to do, how sure, what it costs, who loses, what would flip it.

Every sentence is made from the data of a study. Where the runs do not tell, the memo recommends
nothing and says what would decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sim.studies.statistics import Interval
from sim.studies.wording import (
    DASH,
    NO_POLICY,
    capital,
    chance,
    figure,
    label,
    listed,
    money,
    number,
    percent,
    policy_text,
    significant,
)

NAME = "memo.md"
HOW_TO = "docs/how-to/run-a-study.md"
_WHOLE_FROM = 99.95
_MOST_NAMED = 4
NOBODY = "Nobody that the runs show."
_SMALL = 0.5  # of a thing per run, below which it is not worth a sentence


class Memo(NamedTuple):
    """The parts of a memo, each a few sentences.

    recommendation : three at most. sure : how sure it is. cost, losers, flips : what it costs, who
    loses, and the values of the main assumptions at which the answer would be another one.
    """

    recommendation: tuple[str, ...]
    sure: tuple[str, ...]
    cost: tuple[str, ...]
    losers: tuple[str, ...]
    flips: tuple[str, ...]

    @property
    def parts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Headings and sentences of all parts but the recommendation."""
        return (
            ("How sure", self.sure),
            ("What it costs", self.cost),
            ("Who loses", self.losers),
            ("What would flip it", self.flips),
        )

    def markdown(self, title: str) -> str:
        """The memo as a Markdown page."""
        lines = [f"# {title}: decision memo", "", " ".join(self.recommendation)]
        for heading, sentences in self.parts:
            lines += ["", f"## {heading}", ""]
            lines += [f"- {sentence}" for sentence in sentences]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path, title: str) -> None:
        """Write ``memo.md`` beside the data."""
        (folder / NAME).write_text(self.markdown(title), encoding="utf-8")


class Case(NamedTuple):
    """One policy against the baseline: means of a run, and of the baseline's."""

    name: str
    baseline: str
    means: Mapping[str, float]
    twin: Mapping[str, float]
    cost_per_order: float
    currency: str

    def more(self, measure: str) -> float:
        """How much more of a measure than under the baseline."""
        return self.means.get(measure, math.nan) - self.twin.get(measure, math.nan)

    def cents(self, cents: float) -> str:
        """An amount with its currency, in human rounding."""
        return _money(cents, self.currency)


# -------------------------------------------------------------------------------- cost and losers


def cost_lines(case: Case | None, is_advice: bool) -> Iterator[str]:
    """What a policy costs; is_advice : whether it is the one recommended."""
    if case is None:
        yield "Nothing: no policy that pays was tried."
        return
    spent = case.means["payout_cents"] + case.means["discount_cents"]
    name = policy_text(case.name, starts=True)
    start = name if is_advice else f"{name}, were it taken,"
    if spent <= 0:
        yield f"{start} pays nothing."
        return
    text = f"{start} spends {case.cents(spent)} a run: {case.cents(case.means['payout_cents'])} to "
    text += f"sharers and {case.cents(case.means['discount_cents'])} in discounts to their friends."
    yield text
    if math.isfinite(case.cost_per_order):
        yield (
            f"That is {case.cents(case.cost_per_order)} for each order that would not have come "
            "otherwise."
        )
    else:
        yield "It brings no further orders for that."


def loser_lines(case: Case | None) -> Iterator[str]:
    """Who is worse off under a policy, by what the runs count."""
    if case is None:
        return
    nothing = case.means.get("nonearner_share", math.nan)
    if case.means["payout_cents"] > 0 and nothing > 0:
        share = percent(nothing, digits=0)
        yield f"Of those who share under {policy_text(case.name)}, {share} earn nothing."
    wasted = case.means.get("deadweight_cents", math.nan)
    spent = case.means["payout_cents"] + case.means["discount_cents"]
    if wasted > 0 and spent > 0:
        yield (
            f"The shop pays {case.cents(wasted)} ({percent(wasted / spent, digits=0)} of what it "
            "spends) for orders that would have come anyway."
        )
    muted, warned = case.more("mutes"), case.more("warnings")
    if muted >= _SMALL:
        yield f"Friends: {number(muted)} more of them mute somebody who writes too much."
    if warned >= _SMALL:
        yield f"Friends are warned {number(warned)} more times by disappointed buyers."
    cheated = case.means.get("fake_orders", 0.0) + case.means.get("ring_orders", 0.0)
    if cheated >= _SMALL and spent > 0:
        yield (
            f"Cheats take part of the money: {number(cheated)} orders come under invented names or "
            "are credited to an accomplice."
        )


# -------------------------------------------------------------------------------- of a comparison


def memo_of_comparison(summary: Mapping[str, Any]) -> Memo:
    """The memo of a comparison. summary : what ``comparison.json`` holds, as saved or in memory.

    Raises
    ------
    KeyError, TypeError
        If the summary lacks something.
    """
    case = _case_of_comparison(summary)
    is_advice = summary["verdict_kind"] == "wins"
    return Memo(
        recommendation=tuple(_compared(summary, case)),
        sure=tuple(_how_sure_compared(summary, case)),
        cost=tuple(cost_lines(case, is_advice)),
        losers=(*loser_lines(case), *_flagged(summary, case)) or (NOBODY,),
        flips=(
            "Nothing is known about that: every run takes the assumptions as written. A sweep with "
            f"the doubtful ones in [worlds] tells ({HOW_TO}).",
        ),
    )


def _case_of_comparison(summary: Mapping[str, Any]) -> Case | None:
    """The policy that wins, or that has the best mean of those that are no baseline."""
    rivals = list(summary["differences"])
    if not rivals:
        return None
    objective = summary["objective"]
    name = summary["best"]
    if name not in rivals:
        name = max(rivals, key=lambda one: _finite(summary["differences"][one][objective]["mean"]))
    means = {
        measure: _finite(found["mean"])
        for measure, found in summary["policies"][name].items()
        if isinstance(found, Mapping)
    }
    apart = summary["differences"][name]
    twin = {
        measure: means[measure] - _finite(found["mean"])
        for measure, found in apart.items()
        if isinstance(found, Mapping) and measure in means
    }
    cost = summary["policies"][name]["cost_per_incremental_order_cents"]
    return Case(name, summary["baseline"], means, twin, _finite(cost), summary["currency"])


def _compared(summary: Mapping[str, Any], case: Case | None) -> Iterator[str]:
    kind, baseline = summary["verdict_kind"], summary["baseline"]
    if case is None or kind == "identical":
        yield f"There is nothing to choose. {summary['verdict']}."
        return
    name = policy_text(case.name)
    if kind == "baseline":
        yield f"{keep_text(baseline)}: no other policy is better."
        yield f"The best of the rest, {name}, makes {_gain_compared(summary, case.name)}."
        return
    if kind == "close":
        sentence = summary["verdict"]
        first, _, rest = sentence.partition(": ")
        yield f"{first}, so no single policy can be recommended."
        gain = _gain_compared(summary, case.name)
        yield f"The best of those that pay, {name}, makes {gain}."
        if rest:
            yield f"{capital(rest.split(';')[0])}."
        return
    yield f"{take_text(case.name)}."
    text = f"It makes {_gain_compared(summary, case.name)}"
    if summary["objective"] != "orders":
        text += f", with {count_text(case.more('orders'), 'order')}"
    yield f"{text}."
    behind = {
        name: found
        for name, found in summary["ranking"]["leads_of_first"].items()
        if name != baseline
    }
    if behind:
        name, found = next(iter(behind.items()))
        lead = change_text(summary["objective"], _interval(found), summary["currency"])
        yield f"The next best, {policy_text(name)}, is behind: the lead is {lead}."


def _gain_compared(summary: Mapping[str, Any], name: str) -> str:
    objective, baseline = summary["objective"], policy_text(summary["baseline"])
    together = summary["gains_together"][objective]
    text = change_text(objective, _interval(together[name]), summary["currency"], len(together) > 1)
    return f"{text} in {summary['days']:g} days against {baseline}"


def _how_sure_compared(summary: Mapping[str, Any], case: Case | None) -> Iterator[str]:
    runs = summary["replications"]
    best = summary["best"]
    if summary.get("interrupted"):
        yield f"The study was interrupted: this is of the {runs:,} runs of each policy then done."
    if best in summary["policies"]:
        known = _finite(summary["policies"][best]["probability_of_best"])
        yield (
            f"That {policy_text(best)} has the best mean has a probability of {chance(known)}, by "
            f"{runs:,} runs of each policy in the same worlds with the same luck."
        )
    else:
        yield f"Not sure enough: {runs:,} runs of each policy do not tell the best one for sure."
    if len(summary["ranking"]["places"]) > 2:
        yield f"Places, all of them together 95 % sure: {summary['ranking']['line']}."
    for flag in summary["flags"]:
        if case is not None and (flag["policy"], flag["kind"]) == (case.name, "bimodal"):
            yield f"{policy_text(case.name, starts=True)}: {flag['message']}."
    yield (
        "This is about luck alone: what is not known about the people, prices and costs is as "
        "written in every run."
    )


def _flagged(summary: Mapping[str, Any], case: Case | None) -> Iterator[str]:
    """Breaches of the policy, which somebody will have to answer for."""
    for flag in summary["flags"]:
        if case is not None and flag["policy"] == case.name and flag["severity"] == "breach":
            yield f"{policy_text(case.name, starts=True)} {flag['message']}."


def _interval(found: Mapping[str, Any]) -> Interval:
    mean, low, high = (_finite(found[part]) for part in ("mean", "low", "high"))
    return Interval(mean, math.nan, low, high, (high - low) / 2, 0)


def _finite(value: Any) -> float:
    """A number as JSON has it, where nan is null."""
    return float(value) if isinstance(value, int | float) else math.nan


# -------------------------------------------------------------------------------------- wording


def keep_text(baseline: str) -> str:
    """The advice to stay with the baseline."""
    return "Pay nothing" if baseline == NO_POLICY else f"Keep {policy_text(baseline)}"


def take_text(name: str) -> str:
    """The advice to take a policy that is not the baseline."""
    return "Pay nothing" if name == NO_POLICY else f"Take {policy_text(name)}"


def change_text(measure: str, change: Interval, currency: str, together: bool = False) -> str:
    """A change with its interval: "455 EUR more profit (95 % 316 to 593)".

    together : whether the interval holds for all choices at once, so also for the best of them.
    """
    size = figure_text(measure, abs(change.mean), currency, named=False)
    word = "more" if change.mean >= 0 else "less"
    text = f"{size} {word} {label(measure)}"
    if not math.isfinite(change.low):
        return text
    digits = _digits(measure, max(abs(change.low), abs(change.high)))
    ends = [figure(measure, end, digits=digits) for end in (change.low, change.high)]
    if change.mean < 0:
        ends = [figure(measure, -end, digits=digits) for end in (change.high, change.low)]
    said = ", holding for all choices at once" if together else ""
    return f"{text} (95 % {ends[0]} to {ends[1]}{said})"


def figure_text(measure: str, value: float, currency: str, named: bool = True) -> str:
    """A value of a measure with its unit, and with its name where it has no unit."""
    text = figure(measure, value, digits=_digits(measure, value))
    if measure.endswith("_cents"):
        return f"{text} {currency}"
    return f"{text} {label(measure)}" if named else text


def _digits(measure: str, value: float) -> int | None:
    """Decimals that a person cares for: none of amounts of three digits and more."""
    units = abs(value) / 100 if measure.endswith("_cents") else abs(value)
    return 0 if math.isfinite(units) and units >= _WHOLE_FROM else None


def _money(cents: float, currency: str) -> str:
    if not math.isfinite(cents):
        return DASH
    return f"{money(cents, digits=0 if abs(cents) >= 100 * _WHOLE_FROM else 2)} {currency}"


def count_text(count: float, word: str) -> str:
    """A change of a count: "60 more orders"."""
    size = significant(round(abs(count), 1 if abs(count) < _WHOLE_FROM else 0))
    return f"{size} {'more' if count >= 0 else 'fewer'} {word}{'' if size == '1' else 's'}"


def some(names: Sequence[str], joined: str = "and", most: int = _MOST_NAMED) -> str:
    """Names in a sentence; of many, the first."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return (
        listed(list(names)).replace(" and ", f" {joined} ")
        if joined != "and"
        else listed(list(names))
    )
