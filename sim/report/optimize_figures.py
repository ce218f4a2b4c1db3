"""Figures about a search: its course, the front of several objectives, the inverse question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from sim.report import style
from sim.report.drawing import Drawing
from sim.report.names import axis_name
from sim.report.style import Margins, plural
from sim.studies.optimizing.inverse import BreakEven, LeastValue
from sim.studies.optimizing.objectives import Objective
from sim.studies.optimizing.optimization import Finalist, Optimization
from sim.studies.optimizing.wording import baseline_text, setting_text, value_text
from sim.studies.statistics import Interval
from sim.studies.wording import SHARES, chance, figure, label, percent

_FRONT, _TRIED, _BROKEN, _WRITTEN = style.GOOD, style.CROWD, style.BAD, style.INK
_ANSWER_BAND = 0.14
_LANE = 0.05  # of the settings, the room of the one that is run again


def search_history(found: Optimization) -> Drawing | None:
    """What each setting gained in the search, and the best so far; None with several objectives."""
    if len(found.objectives) > 1:
        return None
    objective = found.objectives[0]
    title = _history_title(found)
    figure_, (axes,) = style.canvas(
        title, f"{plural(found.question.replications, 'run')} of each setting, on the same luck",
        height=4.0, margins=Margins(left=0.95, right=2.0), headroom=0.25,
    )  # fmt: skip
    values = found.history.iloc[:, 1 + len(found.factors)].to_numpy()
    kept = np.array([trial.feasible for trial in found.trials])
    known = np.isfinite(values)
    numbers = np.arange(values.size)
    bottom, top = _window(values[known], values[0], found)
    left_out = int(((values < bottom) | (values > top)).sum())
    # What is left out is drawn at the edge.
    values = np.clip(values, bottom, top)
    for chosen, colour in ((known & kept, style.LIGHT), (known & ~kept, _BROKEN)):
        axes.plot(numbers[chosen], values[chosen], "o", color=colour, markersize=5, zorder=3)
    best_so_far = _best_so_far(found.scores[:, 0], kept)
    shown = np.isfinite(best_so_far)
    if shown.any():
        is_loss = found.question.robust == "regret" or not objective.maximize
        sign = -1 if is_loss else 1
        axes.step(
            numbers[shown], sign * best_so_far[shown], where="post", color=style.GOOD, linewidth=2
        )
    axes.axhline(values[0], color=_WRITTEN, linewidth=1, linestyle=(0, (1, 2)), zorder=2)
    axes.plot([0], values[:1], marker="D", color=_WRITTEN, markersize=8, zorder=5)
    ends = [(values[0], "as written", _WRITTEN)]
    lane = max(1.0, _LANE * values.size)
    right = values.size - 1 + lane
    if found.best is not None:
        low, high = _measured(axes, found.best, right + lane / 2)
        right += lane
        bottom, top = min(bottom, low), max(top, high)
        ends.append((found.best.measured[0].mean, "best, run again", style.GOOD))
    axes.set_xlim(-lane / 2, right)
    axes.set_ylim(bottom - 0.04 * (top - bottom), top + 0.04 * (top - bottom))
    _ticks(axes.yaxis, objective.measure)
    # The lane of the setting that was run again is no place in the order.
    ticks = [tick for tick in MaxNLocator(8, integer=True).tick_values(0, values.size - 1)
             if 0 <= tick < values.size]  # fmt: skip
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    style.label_axes(
        axes,
        "Number of the setting, in the order the search tried them; 0 is as written",
        _axis_name(found, objective),
    )
    axes.set_title(axes.get_title(loc="left"), fontsize=10.5, color=style.INK, loc="left", pad=24)
    style.label_line_ends(axes, right, ends)
    entries = [("keeps every limit" if found.question.constraints else "tried", style.LIGHT)]
    entries += [("breaks a limit", _BROKEN)] if (known & ~kept).any() else []
    entries += [("best so far", style.GOOD)] if shown.any() else []
    style.key(axes, entries)
    how = (
        f"Each dot is a setting of the levers{_at_the_edge(left_out)}. The line is the best so "
        "far. At the right the setting chosen is run again with luck that the search has not "
        "seen; the bar is its 95 % interval: what looks best among many looks better than it is."
    )
    return Drawing("search", figure_, "The course of the search", title, how)


def _history_title(found: Optimization) -> str:
    best = found.best
    if best is None:
        return f"None of {len(found.trials)} settings keeps every limit"
    change = found.improvement
    if best.number == 0 or change is None or change.low <= 0:
        return f"None of {len(found.trials)} settings is surely better than the scenario as written"
    objective = found.objectives[0]
    unit = f" {found.currency}" if objective.measure.endswith("_cents") else ""
    size = figure(objective.measure, change.mean, digits=0 if abs(change.mean) > 99_950 else None)
    what = label(objective.measure)
    if found.question.robust == "regret":
        return f"The best of {len(found.trials)} settings has {size}{unit} less regret in {what}"
    word = "more" if objective.maximize else "less"
    return f"The best of {len(found.trials)} settings brings {size}{unit} {word} {what}"


def _window(values: np.ndarray, written: float, found: Optimization) -> tuple[float, float]:
    """The part of the scores to show: bad settings may be too bad to leave room for the good."""
    worst_shown, middle = np.quantile(values, [0.25, 0.75])
    if found.question.robust == "regret" or not found.objectives[0].maximize:
        return float(values.min()), float(max(middle, written))
    return float(min(worst_shown, written)), float(values.max())


def _at_the_edge(count: int) -> str:
    return f" ({count} that are worse lie at the edge)" if count else ""


def _best_so_far(scores: np.ndarray, kept: np.ndarray) -> np.ndarray:
    usable = np.where(kept & np.isfinite(scores), scores, -np.inf)
    best = np.maximum.accumulate(usable)
    return np.where(np.isfinite(best), best, np.nan)


def _measured(axes: Axes, best: Finalist, x: float) -> tuple[float, float]:
    """Draw the interval of fresh runs at ``x``; returns the ends that need room."""
    found = best.measured[0]
    axes.plot([x, x], [found.low, found.high], color=style.GOOD, linewidth=5, alpha=0.6,
              solid_capstyle="butt")  # fmt: skip
    axes.plot([x], [found.mean], "s", color=style.GOOD, markersize=7, zorder=4)
    ends = [end for end in (found.low, found.mean, found.high) if np.isfinite(end)]
    return min(ends), max(ends)


def pareto_front(found: Optimization) -> Drawing | None:
    """The front of the first two objectives with intervals; None with one objective."""
    if not found.front:
        return None
    first, second = found.objectives[:2]
    front = found.front
    doubtful = sum(one.rival is not None for one in front)
    title = f"{len(front)} settings trade {label(first.measure)} for {label(second.measure)}"
    if len(front) == 1:
        title = f"One setting is best in {label(first.measure)} and {label(second.measure)}"
    runs = plural(front[0].measured[0].replications, "fresh run")
    subtitle = f"Mean and 95 % interval of {runs}; grey: other settings, in the search"
    if doubtful:
        subtitle += f". {doubtful} hollow: may be equalled in everything by another"
    figure_, (axes,) = style.canvas(
        title, subtitle, height=4.6, margins=Margins(left=0.95, right=0.9)
    )
    signs = [-1 if found.question.robust == "regret" else one.sign for one in (first, second)]
    numbers = {one.number for one in front}
    others = np.array(
        [
            scores[:2] * signs
            for trial, scores in zip(found.trials, found.scores, strict=True)
            if trial.feasible and trial.number not in numbers
        ]
    ).reshape(-1, 2)
    axes.plot(others[:, 0], others[:, 1], "o", color=_TRIED, markersize=4, zorder=2)
    for one in front:
        _cross(axes, one)
    means = np.array([[interval.mean for interval in one.measured[:2]] for one in front])
    axes.plot(means[:, 0], means[:, 1], color=_FRONT, linewidth=1, alpha=0.5, zorder=3)
    written = found.written.measured[0].mean, found.written.measured[1].mean
    axes.plot(*written, marker="D", color=_WRITTEN, markersize=8, zorder=6)
    _ticks(axes.xaxis, first.measure)
    _ticks(axes.yaxis, second.measure)
    style.label_axes(axes, _axis_name(found, first), _axis_name(found, second))
    ends = [front[0], front[-1]] if len(front) > 1 else [front[0]]
    names = [(one.measured[0].mean, one.measured[1].mean, f"trial {one.number}", _FRONT)
             for one in ends]  # fmt: skip
    _fit(axes, [*(one.measured[:2] for one in front), found.written.measured[:2]])
    style.label_points(axes, [(*written, "as written", _WRITTEN), *names], size=10)
    settings = "; ".join(
        f"trial {one.number} is {setting_text(one.setting, found.factors)}" for one in ends
    )
    how = (
        "No setting of the front is better in everything than another one: what to take is a "
        f"matter of what is wanted. {settings}."
    )
    return Drawing("pareto", figure_, "What is traded for what", title, how)


def _fit(axes: Axes, crosses: Sequence[tuple[Interval, ...]]) -> None:
    """Limits around the intervals of both objectives, with room for names."""
    for place in (0, 1):
        low = min(one[place].low for one in crosses)
        high = max(one[place].high for one in crosses)
        room = 0.12 * ((high - low) or 1.0)
        ends = low - room, high + room
        axes.set_xlim(ends) if place == 0 else axes.set_ylim(ends)


def _cross(axes: Axes, one: Finalist) -> None:
    x, y = one.measured[:2]
    for xs, ys in (([x.low, x.high], [y.mean] * 2), ([x.mean] * 2, [y.low, y.high])):
        axes.plot(xs, ys, color=_FRONT, linewidth=1.4, alpha=0.6, zorder=4)
    fill = _FRONT if one.rival is None else "white"
    axes.plot([x.mean], [y.mean], "o", color=_FRONT, markerfacecolor=fill, markersize=7.5, zorder=5)


def _axis_name(found: Optimization, objective: Objective) -> str:
    name = label(objective.measure)
    unit = f", {found.currency} per run" if objective.measure.endswith("_cents") else " per run"
    if objective.measure in SHARES:
        unit = ""
    if found.question.robust == "regret":
        return f"Largest regret in {name}{unit}"
    where = " in the worst world" if found.question.robust == "worst" else ""
    return f"{name.capitalize()} beyond {baseline_text(found)}{where}{unit}"


def _ticks(axis: Axis, measure: str) -> None:
    if measure in SHARES:
        style.percent_ticks(axis)
    else:
        style.thousands(axis, plus=True, factor=0.01 if measure.endswith("_cents") else 1)


# ------------------------------------------------------------------------ inverse questions


def inverse_curve(found: LeastValue) -> Drawing | None:
    """The share of runs that reach the target against the lever, the answer marked."""
    values = [one.value for one in found.readings]
    shares = [one.reached for one in found.readings]
    name, goal = found.factor.name, found.goal
    asked = goal.text(found.currency)
    if found.value is None:
        title = f"No {name} in the range reaches {asked} in {percent(goal.probability, digits=0)}"
        title += " of runs"
    else:
        title = f"{name} of {value_text(found.value, found.factor)} reaches {asked}"
        title += f" with probability {chance(goal.probability)}"
    runs = plural(shares[0].runs, "run")
    figure_, (axes,) = style.canvas(
        title, f"{runs} of each value, on the same luck; band: 95 % interval", height=4.0,
        margins=Margins(left=0.85, right=1.1),
    )  # fmt: skip
    low, high = ([getattr(one, end) for one in shares] for end in ("low", "high"))
    axes.fill_between(values, low, high, color=style.GOOD, alpha=0.12, linewidth=0)
    axes.plot(values, [one.share for one in shares], color=style.GOOD, linewidth=2, marker="o",
              markersize=4, clip_on=False)  # fmt: skip
    axes.axhline(goal.probability, color=style.BASELINE, linewidth=1.3, linestyle=(0, (5, 3)))
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(values[0], values[-1])
    _mark_answer(axes, found, goal.probability)
    style.percent_ticks(axes.yaxis)
    style.thousands(axes.xaxis)
    across = axis_name(found.factor, found.currency)
    style.label_axes(axes, across, f"Share of runs that reach {asked}")
    style.label_line_ends(axes, values[-1], [(goal.probability, "asked for", style.BASELINE)])
    how = (
        "Each dot is a value that was run. The answer is the least value at which the line is at "
        "the dashed one; the shaded columns are the values that the runs do not rule out."
    )
    if found.falls is not None:
        how += " The share falls again for larger values: more is not always better."
    return Drawing("least", figure_, "The least that is enough", title, how)


def break_even_curve(found: BreakEven) -> Drawing | None:
    """The gain beyond the baseline against the lever, the largest value that pays marked."""
    values = [value for value, _ in found.gains]
    gains = [gain for _, gain in found.gains]
    name, what = found.factor.name, label(found.measure)
    if found.value is None:
        title = f"No {name} in the range breaks even in {what}"
    else:
        title = f"{name} pays up to {value_text(found.value, found.factor)}"
    runs = plural(gains[0].replications, "run")
    figure_, (axes,) = style.canvas(
        title, f"Mean and 95 % interval of {runs}, paired with the baseline", height=4.0,
        margins=Margins(left=0.95, right=0.6),
    )  # fmt: skip
    low, high = ([getattr(gain, end) for gain in gains] for end in ("low", "high"))
    axes.fill_between(values, low, high, color=style.GOOD, alpha=0.12, linewidth=0)
    axes.plot(values, [gain.mean for gain in gains], color=style.GOOD, linewidth=2, marker="o",
              markersize=4, clip_on=False)  # fmt: skip
    axes.axhline(0, color=style.BASELINE, linewidth=1.4)
    axes.set_xlim(values[0], values[-1])
    _mark_answer(axes, found, 0.0)
    _ticks(axes.yaxis, found.measure)
    style.thousands(axes.xaxis)
    unit = f", {found.currency} per run" if found.measure.endswith("_cents") else " per run"
    across = axis_name(found.factor, found.currency)
    style.label_axes(axes, across, f"{what.capitalize()} beyond the baseline{unit}")
    how = (
        "Each dot is a value that was run. Above zero the policy earns more than the baseline of "
        "the same world and luck; the shaded column holds the values that the runs do not rule out."
    )
    return Drawing("break_even", figure_, "What still pays", title, how)


def _mark_answer(axes: Axes, found: LeastValue | BreakEven, height: float) -> None:
    """A line at the answer, its value where it crosses ``height``, and its interval as a column."""
    if found.value is None:
        return
    left, right = axes.get_xlim()
    low = left if found.low is None else found.low
    high = right if found.high is None else found.high
    axes.axvspan(low, high, color=style.INK, alpha=_ANSWER_BAND / 2, linewidth=0)
    axes.axvline(found.value, color=style.INK, linewidth=1.3)
    text = value_text(found.value, found.factor)
    style.label_points(axes, [(found.value, height, text, style.INK)], boxed=True)
