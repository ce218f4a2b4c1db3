"""The page of a sweep: memo, table of choices, figures, other answers, doubts, how to repeat it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sim.report import style
from sim.report.drawing import Drawing
from sim.report.other_answers import OtherAnswer, other_answers
from sim.report.page import (
    Fact,
    changed_fields,
    command_of,
    policy_fact,
    render,
    repeat_facts,
    world_facts,
)
from sim.report.study import Interval
from sim.report.style import DASH, count, money, percent, plural
from sim.report.sweep_figures import choice_looks
from sim.studies.files import MANIFEST
from sim.studies.findings.candidates import value_text
from sim.studies.findings.findings import Choice, Findings
from sim.studies.findings.sweep_memo import memo_of_findings
from sim.studies.sweeps.design import Design
from sim.studies.sweeps.sampling import Settings
from sim.studies.wording import figure, label, policy_text

FEW_REPLICATIONS = 5
FEW_WORLDS = 30
MOST_ROWS = 30
MOST_LISTED = 12


class Row(NamedTuple):
    """A choice in the table; texts."""

    name: str
    colour: str
    is_baseline: bool
    gain: str
    gain_span: str
    better: str
    tenth: str
    regret: str
    worst_regret: str
    cost: str
    cost_per_order: str
    reached: list[str]
    best: str


def sweep_page(
    folder: Path,
    design: Design,
    findings: Findings,
    drawings: Sequence[Drawing],
    pictures: Mapping[str, bytes],
) -> str:
    """The page as HTML, with pictures (PNG by name of the drawing) and style inside."""
    memo = memo_of_findings(findings)
    manifest = read_manifest(folder)
    return render(
        "sweep.html",
        name=findings.name,
        headline=(memo.recommendation[0], " ".join(memo.recommendation[1:])),
        memo=memo,
        runs=_runs(findings),
        baseline=policy_text(findings.baseline),
        objective=label(findings.objective).capitalize(),
        targets=_target_heads(findings),
        rows=_rows(findings),
        places=_places(findings),
        figures=[
            (one, base64.b64encode(pictures[one.name]).decode())
            for one in drawings
            if one.name in pictures
        ],
        answers=_shown(other_answers(folder)),
        doubts=_doubts(findings),
        **_setting_out(design, manifest),
    )


def answers_page(folder: Path, design: Design) -> str:
    """The page of a folder that holds a ranking, a search or indices, and no sweep."""
    answers = other_answers(folder)
    headline = next((one.headline for one in answers if one.headline), answers[0].topic)
    return render(
        "sweep.html",
        name=design.scenario.name,
        headline=(headline, ""),
        memo=None,
        runs=f"{design.scenario.days:g} days.",
        baseline=policy_text(design.baseline),
        objective="",
        targets=[],
        rows=[],
        places="",
        figures=[],
        answers=_shown(answers),
        doubts=["The answer is as good as the assumptions below."],
        **_setting_out(design, read_manifest(folder)),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a study; {} where there is none that can be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _setting_out(design: Design, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What was varied, what was assumed, and how to repeat it."""
    scenario = design.scenario
    return {
        "currency": scenario.currency,
        "levers": _varied(design.points, design),
        "unknown": _varied(design.worlds, design),
        "policies": [policy_fact(scenario, name, design.baseline) for name in design.policies],
        "world": world_facts(scenario),
        "changes": changed_fields(scenario),
        "command": command_of(manifest),
        "repeat": repeat_facts(manifest),
    }


def _shown(answers: Sequence[OtherAnswer]) -> list[dict[str, Any]]:
    return [
        one._asdict()
        | {
            "figures": [
                (drawing, base64.b64encode(content).decode()) for drawing, content in one.figures
            ]
        }
        for one in answers
    ]


def _runs(findings: Findings) -> str:
    counts = findings.counts
    return (
        f"{plural(len(findings.choices), 'choice')} in {plural(counts.worlds, 'world')} with "
        f"{plural(counts.replications, 'replication')} each, the same people and luck for all, "
        f"{findings.days:g} days."
    )


def _target_heads(findings: Findings) -> list[str]:
    heads = []
    for target in findings.targets.values():
        day = findings.days if target.by_day is None else target.by_day
        amount = figure(target.measure, target.amount, digits=0)
        heads.append(f"{amount} {label(target.measure)} by day {day:g}")
    return heads


def _rows(findings: Findings) -> list[Row]:
    looks = choice_looks(findings)
    return [_row(one, findings, style.ink(looks[one.name])) for one in findings.choices[:MOST_ROWS]]


def _row(one: Choice, findings: Findings, colour: str) -> Row:
    is_money = findings.objective.endswith("_cents")
    scale = style.widest(
        Interval(each.gain.mean, each.gain.low, each.gain.high) for each in findings.choices
    )
    write = partial(money if is_money else count, scale=scale)
    gain = Interval(one.gain.mean, one.gain.low, one.gain.high)
    worlds = findings.counts.worlds
    tenth = sorted(one.world_gain)[worlds // 10]
    spent = one.spent_cents
    return Row(
        name=policy_text(one.name),
        colour=colour,
        is_baseline=one.is_baseline,
        gain=DASH if one.is_baseline else write(gain.mean, plus=True),
        gain_span="" if one.is_baseline else style.span(gain, partial(write, plus=True), scale),
        better=DASH if one.is_baseline else f"{one.worlds_better} of {worlds}",
        tenth=DASH if one.is_baseline else write(tenth, plus=True),
        regret=write(one.robustness.regret.value),
        worst_regret=f"up to {write(one.robustness.worst_regret.value)}",
        cost=money(spent) if spent > 0 else DASH,
        cost_per_order=DASH if one.is_baseline else money(one.cost_per_order),
        reached=[percent(share.share, 0) for share in one.reached.values()],
        best=style.probability(one.probability_of_best),
    )


def _places(findings: Findings) -> str:
    text = f"Places, all of them together 95 % sure: {findings.ranking_line}."
    hidden = len(findings.choices) - MOST_ROWS
    return text + (f" {hidden} more choices are in findings.json." if hidden > 0 else "")


def _doubts(findings: Findings) -> list[str]:
    counts = findings.counts
    found = []
    if counts.missing:
        found.append(
            f"{counts.missing:,} of {counts.rows:,} runs failed or are missing. "
            "`vouch status` says why."
        )
    if counts.worlds_left_out or counts.replications_left_out or counts.candidates_left_out:
        found.append(
            f"Because of that {plural(counts.worlds_left_out, 'world')}, "
            f"{plural(counts.replications_left_out, 'replication')} and "
            f"{plural(len(counts.candidates_left_out), 'choice')} are left out, so that all are "
            "compared in the same worlds with the same luck."
        )
    if counts.replications < FEW_REPLICATIONS:
        runs = plural(counts.replications, "replication")
        found.append(f"Only {runs}: the intervals are wide and rough.")
    if counts.worlds == 1:
        found.append(
            "There is one world only: nothing is known about other assumptions. Name the doubtful "
            "ones in [worlds]."
        )
    elif counts.worlds < FEW_WORLDS:
        found.append(
            f"{counts.worlds} worlds are few: a rule for where it loses and the flip values are "
            "rough."
        )
    found.append(
        "The worlds are draws from the ranges below. They say how the answer depends on what was "
        "varied; what was not varied is taken as written."
    )
    return found


def _varied(settings: Settings, design: Design) -> list[Fact]:
    """The factors that were varied with what they took."""
    facts = []
    for place, factor in enumerate(settings.factors):
        values = [row[place] for row in settings.rows]
        distinct = list({repr(value): value for value in values}.values())
        currency = design.scenario.currency
        if factor.is_numeric and len(distinct) > MOST_LISTED:
            ends = [value_text(end, factor, currency) for end in (factor.low, factor.high)]
            scale = "" if factor.scale == "linear" else f" on a {factor.scale} scale"
            text = f"{ends[0]} to {ends[1]}{scale}"
        else:
            shown = [value_text(value, factor, currency) for value in distinct[:MOST_LISTED]]
            more = len(distinct) - len(shown)
            text = ", ".join(shown) + (f" and {more} more" if more else "")
        what = f"; {factor.description}" if factor.description else ""
        facts.append(Fact(factor.name, text + what))
    return facts
