"""Figures of a sweep: what each choice gains, in how many worlds, and what would flip it."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from sim.report import style
from sim.report.drawing import Drawing
from sim.report.money_figures import forest
from sim.report.names import short
from sim.report.sensitivity_figures import discovery, variance
from sim.report.study import Interval
from sim.report.style import Look, Margins, plural
from sim.studies.findings.findings import Choice, Findings
from sim.studies.findings.flips import Flip, FlipStudy
from sim.studies.findings.sweep_memo import assumption_value, short_name
from sim.studies.sweeps.design import Design
from sim.studies.wording import capital, label, policy_text

MOST_ROWS = 16
NAMES = ("gains", "worlds", "discovery", "flips_0", "flips_1", "flips_2")
"""Figures that a later page of the same folder may lack."""

_MOST_LINES = 5
_LONGEST = 34  # letters of a name at the end of a line
_BESIDE = 0.85  # inches from a strip to what is written beside it


def draw_sweep(findings: Findings, design: Design) -> list[Drawing]:
    """The figures that a sweep of ``design`` has data for, in order."""
    looks = choice_looks(findings)
    figures = (
        gains(findings, looks),
        robustness(findings, looks),
        _where_it_loses(findings, design),
        *flips(findings),
        None if findings.shares is None else variance(findings.shares.groups, findings.objective),
    )
    return [one for one in figures if one is not None]


def _where_it_loses(findings: Findings, design: Design) -> Drawing | None:
    if findings.discovery is None:
        return None
    return discovery(design.worlds.frame("world"), findings.discovery, findings.objective)


def choice_looks(findings: Findings) -> dict[str, Look]:
    """The look of each choice: grey for the baseline, a colour for the best of the others."""
    others = [one.name for one in findings.choices if not one.is_baseline]
    table = style.plain_looks(others)
    grey = Look(style.BASELINE, "o", (0, (1, 1.2)), True)
    return table | {one.name: grey for one in findings.choices if one.is_baseline}


def _rivals(findings: Findings) -> list[Choice]:
    return [one for one in findings.choices if not one.is_baseline]


def _currency(findings: Findings) -> str:
    return findings.currency if findings.objective.endswith("_cents") else ""


def gains(findings: Findings, looks: dict[str, Look]) -> Drawing | None:
    """What each choice gains on the baseline, with the luck of the runs."""
    shown = _rivals(findings)[:MOST_ROWS]
    if not shown:
        return None
    what, baseline = label(findings.objective), policy_text(findings.baseline)
    best = shown[0]
    write = style.money if _currency(findings) else style.count
    if best.gain.low > 0:
        amount = write(best.gain.mean)
        unit = f" {_currency(findings)}".rstrip()
        title = f"{best.name} makes {amount}{unit} more {what} than {baseline}"
    else:
        title = f"No choice is surely better than {baseline} in {what}"
    subtitle = (
        f"Mean over {plural(findings.counts.worlds, 'world')}; bars: joint 95 % intervals of the "
        f"luck of {plural(findings.counts.replications, 'replication')}"
    )
    intervals = {one.name: Interval(one.gain.mean, one.gain.low, one.gain.high) for one in shown}
    chances = {one.name: one.probability_of_best for one in shown}
    figure = forest(title, subtitle, intervals, looks, unit=_currency(findings), chances=chances)
    how = (
        f"Each dot is how much more {what} a choice makes than {baseline} with the same "
        "people and luck, on average over everything that is not known. A bar that crosses zero "
        "could be no change at all. The bars are wide enough to hold for all choices at once, so "
        "also for the one that did best."
    )
    if len(_rivals(findings)) > len(shown):
        how += f" The best {len(shown)} of {len(_rivals(findings))} choices are shown."
    return Drawing("gains", figure, "What each choice gains", title, how)


def robustness(findings: Findings, looks: dict[str, Look]) -> Drawing | None:
    """The gain in every world, sorted, a line per choice."""
    shown = [one for one in _rivals(findings) if looks[one.name].stands_out][:_MOST_LINES]
    worlds = findings.counts.worlds
    if worlds < 2 or not shown:
        return None
    best = shown[0]
    baseline = policy_text(findings.baseline)
    title = f"{best.name} beats {baseline} in {best.worlds_better} of {worlds} worlds"
    subtitle = "Each line sorts the worlds, which are draws of what is not known, from bad to good"
    names = {one.name: short(one.name, _LONGEST) for one in shown}
    widest = max(map(len, names.values()))
    figure, (axes,) = style.canvas(
        title, subtitle, height=3.8, margins=Margins(left=0.95, right=0.6 + 0.1 * widest)
    )
    ends = []
    places = 100 * (np.arange(worlds) + 0.5) / worlds
    for one in reversed(shown):
        look, ordered = looks[one.name], np.sort(one.world_gain)
        axes.plot(places, ordered, color=look.colour, linestyle=look.dash,
                  linewidth=2.4 if one is best else 1.5)  # fmt: skip
        ends.append((float(ordered[-1]), names[one.name], look.colour))
    axes.axhline(0, color=style.BASELINE, linewidth=1.5)
    axes.set_xlim(0, 100)
    losing = 100 * float(np.mean(best.world_gain <= 0))
    if losing > 0:
        axes.axvspan(0, losing, color=style.BAD, alpha=0.12, linewidth=0)
        axes.text(
            0.01 * 100, 0.96, f"{names[best.name]} loses", transform=axes.get_xaxis_transform(),
            fontsize=style.SMALL, color="#7a3b00", va="top",
        )  # fmt: skip
    factor = 0.01 if _currency(findings) else 1.0
    style.thousands(axes.yaxis, 6, plus=True, factor=factor)
    style.label_axes(axes, "share of worlds, %", _gain_axis(findings))
    style.label_line_ends(axes, 100, ends)
    return Drawing(
        "worlds", figure, "How it does over what is not known", title,
        "Left are the worlds in which a choice does badly, right those in which it does well. "
        "Where a line is below zero, the baseline would have been better.",
    )  # fmt: skip


def _gain_axis(findings: Findings) -> str:
    unit = f", {_currency(findings)}" if _currency(findings) else ""
    what = capital(label(findings.objective))
    return f"{what} beyond {policy_text(findings.baseline)}{unit} per run"


# --------------------------------------------------------------------------------------- flips


def flips(findings: Findings) -> list[Drawing]:
    """For each rival a figure of the assumptions and the values that would flip the answer."""
    # Against the baseline the strips say something even if nothing flips. No fit, no strips.
    shown = [
        (number, study)
        for number, study in enumerate(findings.flips)
        if study.is_sound
        and study.is_clear
        and (number == 0 or any(flip.status == "flips" for flip in study.flips))
    ]
    drawings = (_flip_figure(study, findings, number) for number, study in shown)
    return [one for one in drawings if one is not None]


def _flip_figure(study: FlipStudy, findings: Findings, number: int) -> Drawing | None:
    rows = [flip for flip in study.flips if not math.isnan(flip.low)]
    if study.shape is None or not rows:
        return None
    title = _flips_title(study)
    subtitle = "Each strip is the range that was tried; orange: there the other choice is better"
    names = [short_name(flip.factor) for flip in rows]
    figure, (axes,) = style.canvas(
        title, subtitle, height=style.rows_height(len(rows)) * 1.25,
        margins=Margins(left=0.4 + 0.088 * max(map(len, names)) + 0.7, right=2.6, bottom=0.25),
        headroom=0.25,
    )  # fmt: skip
    for row, flip in enumerate(rows):
        _strip(axes, row, flip, study, findings.currency)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    style.key(
        axes,
        [
            (f"{policy_text(study.leader, starts=True)} is better", style.LIGHT),
            (f"{policy_text(study.rival, starts=True)} is better", style.BAD),
            ("as written", style.INK),
        ],
    )
    share = f"{100 * max(study.predicted, 0):.0f} %"
    how = (
        "The other assumptions stay as written while one moves. The answer flips at the dark line; "
        "hatched is its 95 % interval. From a fit "
        f"({study.shape}) over {study.worlds} worlds that predicts {share} of the differences "
        "between worlds it has not seen; nothing is said beyond the range that was tried."
    )
    topic = f"What would flip it against {policy_text(study.rival)}"
    return Drawing(f"flips_{number}", figure, topic, title, how)


def _flips_title(study: FlipStudy) -> str:
    turning = sum(flip.status == "flips" for flip in study.flips)
    count = f"{turning} of {plural(len(study.flips), 'assumption')}"
    leader, rival = policy_text(study.leader), policy_text(study.rival)
    if study.written[0] <= 0:
        ahead = f"As written {rival} is ahead of {leader}"
        verb = "turns" if turning == 1 else "turn"
        return f"{ahead}; {count}, moved alone, {verb} it" if turning else ahead
    if not turning:
        return f"No assumption, moved alone, flips {leader} against {rival}"
    verb = "flips" if turning == 1 else "flip"
    return f"{count}, moved alone, {verb} {leader} against {rival}"


def _strip(axes: Axes, row: int, flip: Flip, study: FlipStudy, currency: str) -> None:
    """The range of one assumption as a strip, the losing part orange."""
    scale = _Scale(flip)
    zones = _losing_zones(flip, study, scale)
    axes.barh(row, 1.0, left=0.0, height=0.5, color=style.LIGHT, alpha=0.55)
    for low, high in zones:
        axes.barh(row, high - low, left=low, height=0.5, color=style.BAD, alpha=0.85)
    for _, turn in flip.turns:
        low = 0.0 if turn.low is None else scale.place(turn.low)
        high = 1.0 if turn.high is None else scale.place(turn.high)
        axes.barh(row, high - low, left=low, height=0.5, facecolor="none", edgecolor=style.INK,
                  hatch="////", linewidth=0, alpha=0.35)  # fmt: skip
        x = scale.place(turn.value)
        axes.plot([x, x], [row - 0.32, row + 0.32], color=style.INK, linewidth=2)
    if isinstance(flip.written, int | float) and flip.low <= flip.written <= flip.high:
        axes.plot([scale.place(float(flip.written))], [row], "D", color=style.INK, markersize=7,
                  zorder=5, clip_on=False)  # fmt: skip
    width = axes.get_position().width * style.WIDTH
    start, end = (assumption_value(one, flip, currency) for one in (flip.low, flip.high))
    for x, text, side, colour in (
        (-0.04, start, "right", style.MUTED), (1.04, end, "left", style.MUTED),
        (-_BESIDE / width, short_name(flip.factor), "right", style.INK),
        (1 + _BESIDE / width, _told(flip, currency), "left", style.INK),
    ):  # fmt: skip
        axes.text(x, row, text, transform=axes.get_yaxis_transform(), ha=side, va="center",
                  fontsize=style.SMALL, color=colour)  # fmt: skip


class _Scale:
    """Places from 0 to 1 of values of an assumption, on its own scale."""

    def __init__(self, flip: Flip) -> None:
        self._log = flip.factor.scale == "log"
        self._low, self._high = self._to(flip.low), self._to(flip.high)

    def _to(self, value: float) -> float:
        return math.log(value) if self._log else value

    def place(self, value: float) -> float:
        width = self._high - self._low
        return (self._to(value) - self._low) / width if width > 0 else 0.5


def _losing_zones(flip: Flip, study: FlipStudy, scale: _Scale) -> list[tuple[float, float]]:
    """Parts of the strip in which the lead is gone, next to the written value."""
    below = None if flip.below is None else scale.place(flip.below.value)
    above = None if flip.above is None else scale.place(flip.above.value)
    if study.written[0] <= 0:
        # As written it is behind: it leads beyond the turns instead.
        return [(0.0 if below is None else below, 1.0 if above is None else above)]
    zones = [] if below is None else [(0.0, below)]
    return zones if above is None else [*zones, (above, 1.0)]


def _told(flip: Flip, currency: str) -> str:
    if flip.turns:
        parts = [f"{side} {assumption_value(turn.value, flip, currency)}"
                 for side, turn in flip.turns]  # fmt: skip
        return f"flips {' or '.join(parts)}"
    return "does not flip it" if flip.status == "none" else "cannot be ruled out"
