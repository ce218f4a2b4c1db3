"""A goal, whether it is met, and the page that results are written to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

Verdict = Literal["met", "**missed**", "not judged"]

NOT_MEASURED = math.nan


@dataclasses.dataclass(frozen=True)
class Goal:
    """One row of the table.

    work : what was timed. measured : ours, with its unit. reference : the limit of the machine or
    the best peer of the same run. ratio : of the two. goal : in words. verdict : whether it is
    met. note : why it is not judged, or which peers are missing. bound : what stands in the way,
    a sentence for the list of goals that are missed.
    """

    work: str
    measured: str
    reference: str
    ratio: str
    goal: str
    verdict: Verdict
    note: str = ""
    bound: str = ""


@dataclasses.dataclass(frozen=True)
class Part:
    """What a part of the benchmark found.

    goals : rows of the table. details : Markdown below it. figures : numbers by name that
    docs/scaling.md quotes.
    """

    name: str
    goals: list[Goal]
    details: str = ""
    figures: dict[str, float] = dataclasses.field(default_factory=dict)


def verdict(holds: bool, judged: bool = True) -> Verdict:
    """The last word on a goal; ``judged`` is False where a size or a peer is not the goal's."""
    if not judged:
        return "not judged"
    return "met" if holds else "**missed**"


def at_most(
    work: str,
    measured: float,
    most: float,
    unit: str,
    *,
    limit: tuple[float, str] | None = None,
    judged: bool = True,
    note: str = "",
    bound: str = "",
) -> Goal:
    """A goal of at most ``most``; ``limit`` is (value, name) of what the machine can do."""
    known = math.isfinite(measured)
    has_limit = limit is not None and math.isfinite(limit[0]) and limit[0] > 0
    return Goal(
        work,
        f"{number(measured)} {unit}" if known else "not measured",
        f"{number(limit[0])} {unit}: {limit[1]}" if limit and has_limit else "",
        f"{number(measured / limit[0])}" if limit and has_limit and known else "",
        f"at most {number(most)} {unit}",
        verdict(measured <= most, judged and known),
        note,
        bound,
    )


def times_faster(
    work: str,
    ours: float,
    peer: float,
    least: float,
    unit: str,
    peer_name: str,
    *,
    judged: bool = True,
    note: str = "",
    bound: str = "",
) -> Goal:
    """A goal of at least ``least`` times less time than a peer took; nan where not measured."""
    known = math.isfinite(ours) and math.isfinite(peer)
    ratio = peer / ours if known else NOT_MEASURED
    return Goal(
        work,
        f"{number(ours)} {unit}" if math.isfinite(ours) else "not measured",
        f"{number(peer)} {unit}: {peer_name}" if math.isfinite(peer) else f"{peer_name}: none",
        number(ratio) if known else "",
        f"at least {number(least)} times",
        verdict(ratio >= least, judged and known),
        note,
        bound,
    )


def number(value: float) -> str:
    """A number with three significant digits, thousands separated."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{round(value, digits):,.{digits}f}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def page(parts: Sequence[Part], machine: str, mode: str) -> str:
    """results.md: the machine, what is missed, the table of goals, and the parts in detail."""
    goals = [goal for part in parts for goal in part.goals]
    header = ("work", "measured", "machine limit or best peer", "ratio", "goal", "")
    rows = [
        (
            goal.work, goal.measured, goal.reference, goal.ratio, goal.goal,
            goal.verdict + (f" ({goal.note})" if goal.note else ""),
        )
        for goal in goals
    ]  # fmt: skip
    blocks = ["# Benchmarks", machine, mode, summary(goals), markdown(header, rows)]
    for part in parts:
        if part.details:
            blocks += [f"## {part.name}", part.details]
    return "\n\n".join(blocks) + "\n"


def summary(goals: Sequence[Goal]) -> str:
    """How many goals are met, and which are not, how close, and beside what."""
    count = {word: sum(goal.verdict == word for goal in goals) for word in get_args(Verdict)}
    text = f"{count['met']} of {len(goals)} goals met, {count['not judged']} not judged."
    missed = [goal for goal in goals if goal.verdict == "**missed**"]
    if missed:
        text += "\n\nMissed:\n" + "".join(f"\n- {described(goal)}" for goal in missed)
    return text


def described(goal: Goal) -> str:
    """A goal in one line, and what stands in its way."""
    beside = f", against {goal.reference}" if goal.reference else ""
    ratio = f"; ratio {goal.ratio}" if goal.ratio else ""
    bound = f". {goal.bound}" if goal.bound else ""
    return f"{goal.work}: {goal.measured}{beside}{ratio}; the goal is {goal.goal}{bound}"
