"""The decision memo of a sweep, from its findings. See :mod:`sim.studies.findings.memo`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from sim.studies.findings.candidates import is_number
from sim.studies.findings.discovery import plain_description
from sim.studies.findings.findings import Choice, Findings
from sim.studies.findings.flips import Flip, FlipStudy, Turn
from sim.studies.findings.memo import (
    HOW_TO,
    NOBODY,
    Case,
    Memo,
    change_text,
    cost_lines,
    count_text,
    figure_text,
    keep_text,
    loser_lines,
    some,
    take_text,
)
from sim.studies.statistics import Interval, replications_to_settle
from sim.studies.sweeps.factors import Factor
from sim.studies.verdict import HOPELESS
from sim.studies.wording import chance, label, listed, percent, policy_text

MOST_TURNS = 3
"""Assumptions whose flip values the memo tells against one rival."""

FEWEST_FOR_SHARES = 4
"""Replications from which the memo says how much is luck: fewer make the shares look too exact."""

MOSTLY_UNKNOWN = 0.1
"""Share of worlds with runs of both ways below which the worlds themselves divide."""

MOST_PLACES = 8
"""Choices up to which the memo tells the places of all."""


def memo_of_findings(findings: Findings) -> Memo:
    """The memo of a sweep."""
    best = findings.best
    spending = _first_that_pays(findings)
    case = None if spending is None else _case_of(findings, spending)
    is_advice = findings.kind not in ("undecided", "baseline")
    return Memo(
        recommendation=tuple(_recommendation(findings)),
        sure=tuple(_how_sure(findings)),
        cost=tuple(cost_lines(case, is_advice)),
        losers=(*loser_lines(case), *_losing_worlds(findings)) or (NOBODY,),
        flips=tuple(_flips(findings, best.name)),
    )


def _first_that_pays(findings: Findings) -> Choice | None:
    """The best candidate that is no baseline."""
    return next((one for one in findings.choices if not one.is_baseline), None)


def _case_of(findings: Findings, one: Choice) -> Case:
    return Case(
        one.name, findings.baseline, one.measures, one.twin, one.cost_per_order, findings.currency
    )


def _recommendation(findings: Findings) -> Iterator[str]:
    best = findings.best
    others = [policy_text(name) for name in findings.leaders if name != best.name]
    if findings.kind == "baseline":
        yield f"{keep_text(best.name)}: nothing that was tried is better."
        closest = _first_that_pays(findings)
        if closest is not None:
            name = policy_text(closest.name)
            yield f"The best of the rest, {name}, makes {_gain(findings, closest)}."
        return
    if findings.kind == "undecided":
        yield from _undecided(findings)
        return
    if findings.kind == "wins":
        yield f"{take_text(best.name)}."
    else:
        first = policy_text(best.name)
        yield f"Take {first} or {some(others, 'or')}; these runs cannot tell them apart."
    orders = best.measures["orders"] - best.twin["orders"]
    name = "It" if findings.kind == "wins" else policy_text(best.name, starts=True)
    text = f"{name} makes {_gain(findings, best)}"
    if findings.objective != "orders":
        text += f", with {count_text(orders, 'order')}"
    yield f"{text}."
    yield from _targets(findings, best) or _next_best(findings, best)


def _undecided(findings: Findings) -> Iterator[str]:
    contender = _first_that_pays(findings)
    if contender is None:
        yield f"Nothing but {_without(findings)} was run, so there is nothing to choose."
        return
    yield f"These runs do not say whether any reward is better than {_without(findings)}."
    name = policy_text(contender.name)
    yield f"The best that was tried, {name}, makes {_gain(findings, contender)}."
    yield _what_settles(contender.gain)


def _what_settles(gain: Interval) -> str:
    """How many more runs would decide, in a sentence."""
    more = replications_to_settle(gain) - gain.replications
    if not math.isfinite(more) or more > HOPELESS:
        return "More runs would hardly tell: any difference is too small to matter."
    if more < 1:
        return "Twice as many replications would show whether it is luck."
    scale = 10 ** max(0, len(str(math.ceil(more))) - 2)
    count = math.ceil(more / scale) * scale
    return f"About {count:,} more replications would decide, if the difference stays as it is."


def _targets(findings: Findings, best: Choice) -> list[str]:
    """In how many runs the first target is reached, and by whom more often."""
    for name, target in findings.targets.items():
        day = findings.days if target.by_day is None else target.by_day
        goal = f"{figure_text(target.measure, target.amount, findings.currency)} by day {day:g}"
        reached = best.reached[name]
        text = f"It reaches {goal} in {percent(reached.share, digits=0)} of the runs"
        surest = max(findings.choices, key=lambda one: one.reached[name].share)
        if surest.reached[name].share > reached.share:
            share = percent(surest.reached[name].share, digits=0)
            text += f"; {policy_text(surest.name)} does in {share}, for "
            text += _difference(findings, best, surest)
        return [f"{text}."]
    return []


def _difference(findings: Findings, best: Choice, other: Choice) -> str:
    apart = abs(best.mean.mean - other.mean.mean)
    amount = figure_text(findings.objective, apart, findings.currency, named=False)
    return f"{amount} less {label(findings.objective)}"


def _next_best(findings: Findings, best: Choice) -> list[str]:
    if findings.rival is None:
        return []
    other = findings.choice(findings.rival)
    name = policy_text(other.name)
    return [f"The best of another kind, {name}, has {_difference(findings, best, other)}."]


def _gain(findings: Findings, one: Choice) -> str:
    several = sum(not each.is_baseline for each in findings.choices) > 1
    text = change_text(findings.objective, one.gain, findings.currency, several)
    return f"{text} in {findings.days:g} days against {_without(findings)}"


def _without(findings: Findings) -> str:
    return policy_text(findings.baseline)


def _how_sure(findings: Findings) -> Iterator[str]:
    best = _first_that_pays(findings) if findings.kind != "baseline" else findings.best
    if best is None:
        return
    counts = findings.counts
    if findings.kind in ("wins", "baseline") and len(findings.choices) > 1:
        yield (
            f"That {policy_text(best.name)} has the best mean of all {len(findings.choices)} "
            f"choices has a probability of {chance(best.probability_of_best)}; this is about luck, "
            "with what is not known as it was sampled."
        )
    if counts.worlds > 1 and not best.is_baseline:
        yield from _over_worlds(findings, best)
    yield from _split_in_two(findings)
    if findings.kind != "baseline":
        yield from _at_the_edge(findings, best)
    if 2 < len(findings.choices) <= MOST_PLACES:
        yield f"Places, all of them together 95 % sure: {findings.ranking_line}."
    shares_known = counts.replications >= FEWEST_FOR_SHARES
    if findings.shares is not None and len(findings.shares.groups) > 1 and shares_known:
        yield f"{findings.shares.sentence}."
    if counts.missing:
        yield (
            f"{counts.missing:,} of {counts.rows:,} runs failed or are missing; the choices are "
            f"compared in the {counts.worlds:,} worlds and {counts.replications:,} replications "
            "that all of them have."
        )
    for name in counts.candidates_left_out:
        yield f"{policy_text(name, starts=True)} is left out: too many of its runs failed."
    if counts.replications < 2:
        yield "One replication only: luck cannot be told from anything else."


def _over_worlds(findings: Findings, best: Choice) -> Iterator[str]:
    gains = sorted(best.world_gain)
    tenth = gains[len(gains) // 10]
    what, currency = findings.objective, findings.currency
    in_ten, worst = (
        f"loses {figure_text(what, -gain, currency, named=False)}"
        if gain < 0
        else f"gains {figure_text(what, gain, currency, named=False)}"
        for gain in (tenth, gains[0])
    )
    name = policy_text(best.name, starts=True)
    yield (
        f"{name} is better than {_without(findings)} in {best.worlds_better} of "
        f"{findings.counts.worlds} worlds, which are draws of what is not known. In nine of ten it "
        f"{in_ten} or {'less' if tenth < 0 else 'more'}, in the worst it {worst}."
    )


def _split_in_two(findings: Findings) -> Iterator[str]:
    """Choices whose outcomes split in two, the best of them with its figures."""
    found = [(one, one.split) for one in findings.choices if one.split is not None]
    if not found:
        return
    first, split = found[0]
    low_share, *ends, _ = split.modes
    low, high = (figure_text(findings.objective, end, findings.currency) for end in ends)
    what = f"a {label(findings.objective)} of " if findings.objective.endswith("_cents") else ""
    text = (
        f"{policy_text(first.name, starts=True)} ends in two ways, so its mean alone misleads: "
        f"{percent(low_share, digits=0)} of the runs with {what}about {low}, the others with about "
        f"{high}"
    )
    if split.both_ways >= MOSTLY_UNKNOWN:
        text += f"; in {percent(split.both_ways, digits=0)} of the worlds luck decides which"
    elif not math.isnan(split.both_ways):
        text += "; what is not known decides which, as hardly any world has both"
    others = [policy_text(one.name) for one, _ in found[1:]]
    yield f"{text}. The same goes for {some(others)}." if others else f"{text}."


def _at_the_edge(findings: Findings, best: Choice) -> Iterator[str]:
    """Levers of which the best has the smallest or the largest value tried."""
    same = [one for one in findings.choices if one.candidate.policy == best.candidate.policy]
    at_end: dict[str, list[str]] = {"smaller": [], "larger": []}
    for lever, value in best.candidate.setting.items():
        tried = [one.candidate.setting[lever] for one in same]
        if not all(is_number(one) for one in tried) or min(tried) == max(tried):
            continue
        side = "smaller" if value == min(tried) else "larger" if value == max(tried) else ""
        if side == "larger" or (side and value != 0):
            at_end[side].append(f"{lever.split('.')[-1]} than {value:g}")
    for side, levers in at_end.items():
        if levers:
            yield f"No {side} {' or '.join(levers)} was tried, and it might be better still."


def _losing_worlds(findings: Findings) -> Iterator[str]:
    found = findings.discovery
    if found is None or found.kind == "never":
        return
    yield f"{found.sentence}."


# --------------------------------------------------------------------------------------- flips


def _flips(findings: Findings, best: str) -> Iterator[str]:
    if findings.counts.worlds < 2 or not findings.flips:
        yield (
            "Nothing is known about that: every run takes the assumptions as written. Name the "
            f"doubtful ones in [worlds] of a study and sweep it ({HOW_TO})."
        )
        return
    for study in findings.flips:
        yield from flip_sentences(study, findings.objective, findings.currency)


def flip_sentences(study: FlipStudy, objective: str, currency: str) -> Iterator[str]:
    """What a :class:`sim.studies.findings.flips.FlipStudy` says, in sentences."""
    start = f"Against {policy_text(study.rival)}"
    leader = policy_text(study.leader)
    if study.shape is None:
        yield f"{start}: {study.worlds} worlds are too few to tell; it takes {study.fewest}."
        return
    if study.is_sound and not study.is_clear:
        ends = study.written[1:]
        low, high = (figure_text(objective, end, currency, named=False) for end in ends)
        yield (
            f"{start}: with all assumptions as written neither is surely ahead (the difference is "
            f"{low} to {high}, 95 %, by a fit over {study.worlds} worlds), so no flip value is "
            "given."
        )
        return
    of_status = {
        status: [flip for flip in study.flips if flip.status == status]
        for status in ("flips", "unclear", "none")
    }
    lead = study.written[0]
    if lead <= 0:
        amount = figure_text(objective, -lead, currency, named=False)
        yield (
            f"{start}: with all assumptions as written {leader} is behind by {amount}; it "
            "leads only on average over the worlds."
        )
    if not study.is_sound and len(of_status["none"]) < len(study.flips):
        share = percent(max(study.predicted, 0.0), digits=0)
        yield (
            f"{start}: no flip value can be given, since the assumptions predict only {share} of "
            "how the difference varies between worlds."
        )
        return
    turns = "it flips" if lead > 0 else "it leads"
    for flip in of_status["flips"][:MOST_TURNS]:
        yield f"{start}: {turns} if {_turning(flip, currency)}."
    others = [short_name(flip.factor) for flip in of_status["flips"][MOST_TURNS:]]
    if others:
        yield f"{start}: {turns} too at values of {some(others, most=12)}; see findings.json."
    if of_status["unclear"]:
        names = [_tried(flip, currency) for flip in of_status["unclear"]]
        yield (
            f"{start}: in the range tried it does not flip, but might within the margin of error, "
            f"by {some(names)}."
        )
    firm = [short_name(flip.factor) for flip in of_status["none"]]
    if len(firm) == len(study.flips):
        yield f"{start}: no assumption flips it, moved alone anywhere in the range tried."
    elif firm:
        yield f"{start}: no value tried flips it of {some(firm, most=12)}."


def _tried(flip: Flip, currency: str) -> str:
    return f"{short_name(flip.factor)} ({_range(flip, currency)})"


def short_name(factor: Factor) -> str:
    """A dotted name as words, without its section: "unit cost", "share enthusiasm"."""
    parts = [part for part in factor.name.split(".")[1:] if not part.isdecimal()]
    return " ".join(parts or [factor.name]).replace("_", " ")


def _turning(flip: Flip, currency: str) -> str:
    """One assumption and its flip values: "unit cost is above 27 EUR (25 to 30; written 20)"."""
    description = plain_description(flip.factor)
    name = short_name(flip.factor) + (f" ({description})" if description else "")
    if flip.lost:
        return f"{name} is {listed([str(value) for value in flip.lost])}"
    parts = [
        f"{side} {assumption_value(turn.value, flip, currency)} "
        f"({_turn_span(turn, flip, currency)})"
        for side, turn in flip.turns
    ]
    written = (
        ""
        if flip.written is None
        else f"; written {assumption_value(flip.written, flip, currency)}"
    )
    return f"{name} is {' or '.join(parts)}{written}"


def _turn_span(turn: Turn, flip: Flip, currency: str) -> str:
    def said(value: float) -> str:
        return assumption_value(value, flip, currency)

    if turn.low is None and turn.high is None:
        return f"95 %: anywhere, or not at all between {_range(flip, currency)}"
    if turn.low is None:
        return f"95 %: {said(turn.high or 0.0)} at most, or not at all down to {said(flip.low)}"
    if turn.high is None:
        return f"95 %: {said(turn.low)} at least, or not at all up to {said(flip.high)}"
    return f"95 %: {said(turn.low)} to {said(turn.high)}"


def _range(flip: Flip, currency: str) -> str:
    if math.isnan(flip.low):
        return "any of its values"
    low, high = (
        assumption_value(flip.low, flip, currency),
        assumption_value(flip.high, flip, currency),
    )
    return f"{low} to {high}"


def assumption_value(value: Any, flip: Flip, currency: str) -> str:
    """A value of an assumption with two significant digits, money with its currency."""
    if not is_number(value):
        return str(value)
    text = f"{float(f'{value:.2g}'):,g}"
    return f"{text} {currency}" if flip.factor.money else text
