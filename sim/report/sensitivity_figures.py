"""Figures of a study over factors: what matters, how much is luck, and where a policy loses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from sim.report import style
from sim.report.drawing import Drawing
from sim.report.names import axis_name, in_lines
from sim.report.style import Margins
from sim.studies.findings.discovery import Condition, Discovery
from sim.studies.findings.sweep_memo import short_name
from sim.studies.resampling import uniform_rows
from sim.studies.sensitivity.analysis import Indices
from sim.studies.sweeps.factors import Factor
from sim.studies.wording import LOWER_IS_BETTER, capital, gist, label, listed, policy_text

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 15
_SHOWN = {"morris": "mu_star", "sobol": "ST", "pawn": "median"}
_NAME_WIDTH = 38
_HOW = {
    "morris": (
        "Each dot is how much the outcome changes, up or down, when one factor goes over its whole "
        "range; the bar holds it with 95 % confidence. Grey factors cannot be told from chance."
    ),
    "sobol": (
        "Each dot is the share of the differences in the outcome that would go if the factor were "
        "known, with all it does together with others; the tick is what it does alone. Bars hold "
        "them with 95 % confidence. Grey factors cannot be told from chance."
    ),
    "pawn": (
        "Each dot is how far apart the outcomes are with the factor known and unknown: 0 is not at "
        "all, 1 is entirely. The bar holds it with 95 % confidence. Grey factors cannot be told "
        "from chance."
    ),
}
_GROUP_LOOKS = {
    "choice": (style.GOOD, "white"),
    "choice x world": (style.LIGHT, style.INK),
    "world": (style.BAD, style.INK),
    "luck": (style.CROWD, style.INK),
}


# -------------------------------------------------------------------------------- what matters


def sensitivity(
    indices: Indices, measure: str, currency: str, names: Mapping[str, str] | None = None
) -> Drawing:
    """The factors by how much they move an outcome, the strongest first, with intervals.

    names : descriptions of factors by dotted name, which is used where there is none.
    """
    table = indices.table.head(MOST_ROWS)
    called = _called(table["factor"], names or {})
    rows = ["\n".join(in_lines(name, _NAME_WIDTH, most=3)) for name in called]
    beyond = table["beyond_noise"].to_numpy(bool)
    title = _matters(measure, [name for name, sure in zip(called, beyond, strict=True) if sure])
    is_money = indices.method == "morris" and measure.endswith("_cents")
    subtitle = f"{_scale(indices.method, measure, currency)}. {indices.note}."
    rest = len(indices.table) - len(table)
    if rest:
        subtitle += f" The {rest} weakest factors are not shown."
    margins = Margins(left=0.4 + 0.085 * _NAME_WIDTH, right=1.7)
    figure, (axes,) = style.canvas(
        title, subtitle, height=0.54 * len(rows) + 0.3, margins=margins
    )  # fmt: skip
    shown = _SHOWN[indices.method]
    values, half = table[shown].to_numpy(), table[f"{shown}_conf"].to_numpy()
    looks = [
        style.Look(style.GOOD if sure else style.CROWD, "o", "-", bool(sure)) for sure in beyond
    ]
    axes.axvline(0, color=style.BASELINE, linewidth=1.4)
    for row, look in enumerate(looks):
        low = max(values[row] - half[row], 0.0)
        axes.barh(row, values[row], height=0.5, color=look.colour, alpha=0.25)
        axes.plot([low, values[row] + half[row]], [row, row], color=look.colour, linewidth=2.4,
                  solid_capstyle="butt")  # fmt: skip
        axes.plot([values[row]], [row], "o", color=look.colour, markersize=8)
    if indices.method == "sobol":
        axes.plot(table["S1"].clip(lower=0), range(len(rows)), "|", color=style.INK, markersize=13)
    _name_rows(axes, rows, beyond)
    axes.set_xlim(0, None)
    if indices.method == "sobol":
        style.percent_ticks(axes.xaxis, 5)
    else:
        style.thousands(axes.xaxis, 5, factor=0.01 if is_money else 1)
    write = _writer(indices.method, is_money, float(np.nanmax(values, initial=0.0)))
    texts = [f"{write(v)} ± {write(h)}" for v, h in zip(values, half, strict=True)]
    style.columns_beside(axes, [(0.06, "and 95 % interval", texts)], margins.right, looks)
    return Drawing(
        f"sensitivity_{measure}", figure, f"What moves {label(measure)}", title,
        _HOW[indices.method],
    )  # fmt: skip


def _matters(measure: str, sure: Sequence[str]) -> str:
    """The finding: the factors that matter, the strongest first."""
    what = label(measure)
    if not sure:
        return f"No factor moves {what} beyond chance"
    return f"What moves {what} most: {style.listed(list(sure[:3]))}"


def _scale(method: str, measure: str, currency: str) -> str:
    if method == "sobol":
        return f"Share of the variance of expected {label(measure)}"
    if method == "pawn":
        return f"Distance between distributions of {label(measure)}"
    unit = f" in {currency}" if measure.endswith("_cents") else ""
    return f"Change of {label(measure)}{unit} over the range of a factor, either way"


def _called(factors: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """What factors are called, by dotted name; with that name where two are called the same."""
    called = {factor: gist(names.get(factor) or "") or factor for factor in factors}
    every = list(called.values())
    return [
        f"{name} ({factor})" if every.count(name) > 1 else name for factor, name in called.items()
    ]


def _writer(method: str, is_money: bool, largest: float) -> Callable[[float], str]:
    """How an index is written where the largest of its column is ``largest``."""
    if method == "morris":
        return partial(style.money if is_money else style.count, scale=largest)
    if method == "sobol":
        return lambda share: style.percent(share, 0 if abs(share) >= 0.095 else 1)
    return lambda distance: f"{distance:.2f}" if math.isfinite(distance) else style.DASH


def _name_rows(axes: Axes, rows: Sequence[str], bold: np.ndarray) -> None:
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=style.SMALL)
    for text, is_bold in zip(axes.get_yticklabels(), bold, strict=True):
        text.set_color(style.INK if is_bold else style.MUTED)
        text.set_fontweight("bold" if is_bold else "normal")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


# ------------------------------------------------------------------------------ how much is luck


def variance(groups: pd.DataFrame, measure: str) -> Drawing | None:
    """One bar: the shares of the variance between runs, as ``Shares.groups`` has them.

    None where every run is the same.
    """
    if groups["share"].isna().any():
        return None
    rows = groups.set_index("group")
    largest = rows["share"].idxmax()
    title = (
        f"{style.percent(rows.loc[largest, 'share'], 0)} of the differences in {label(measure)} "
        f"between runs come from {rows.loc[largest, 'meaning']}"
    )
    names = [name for name in _GROUP_LOOKS if name in rows.index]
    figure, (axes,) = style.canvas(
        title, "Share of the variance between runs; in brackets the 95 % interval",
        height=0.8, margins=Margins(left=0.25, right=0.3, bottom=0.55 + 0.27 * len(names)),
    )  # fmt: skip
    start = 0.0
    for name in names:
        share = float(rows.loc[name, "share"])
        colour, ink = _GROUP_LOOKS[name]
        axes.barh(0, share, left=start, height=0.9, color=colour, edgecolor="white")
        if share > 0.06:
            axes.text(start + share / 2, 0, style.percent(share, 0), color=ink, fontsize=12,
                      fontweight="bold", ha="center", va="center")  # fmt: skip
        start += share
    axes.set_xlim(0, 1)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks([])
    for place, name in enumerate(names):
        row = rows.loc[name]
        text = f"{row['meaning']}: {style.percent(row['share'], 0)}"
        text += f" ({style.percent(row['low'], 0)} to {style.percent(row['high'], 0)})"
        y = -0.28 - 0.34 * place
        axes.text(0.0, y, "■", transform=axes.transAxes, color=_GROUP_LOOKS[name][0], fontsize=13,
                  va="center")  # fmt: skip
        axes.text(0.03, y, text, transform=axes.transAxes, fontsize=10.5, color=style.INK,
                  va="center")  # fmt: skip
    return Drawing(
        f"variance_{measure}", figure, "How much is luck", title,
        "If luck has the largest part, more replications help and no single run means much; if it "
        "is what is not known, find out more about it; if it is what you choose, choose.",
    )  # fmt: skip


# -------------------------------------------------------------------------- where a policy loses


def discovery(worlds: pd.DataFrame, found: Discovery, measure: str) -> Drawing | None:
    """Worlds by the two main factors of the rule, or by one and the difference.

    worlds : a row per world: the column world, then a column per factor. None without a rule.
    """
    if not found.conditions:
        return None
    table = worlds.set_index("world").loc[found.worlds]
    first = found.conditions[0]
    second = found.conditions[1] if len(found.conditions) > 1 else None
    losses, size = int(found.loses[found.inside].sum()), int(found.inside.sum())
    policy, against = policy_text(found.policy), policy_text(found.against)
    rule = [one.words(short_name(one.factor), found.currency) for one in found.conditions]
    title = f"{policy} loses when {listed(rule)}"
    outside = int(found.loses.sum()) - losses
    subtitle = (
        f"It loses to {against} in {losses} of {style.plural(size, 'world')} inside the "
        f"frame and in {outside} of {found.loses.size - size} outside"
    )
    if len(found.conditions) > 2:
        subtitle += "; the frame shows the first two conditions"
    unit = f", {found.currency}" if measure.endswith("_cents") else ""
    across = axis_name(first.factor, found.currency)
    up = (
        f"{capital(label(measure))} beyond {against}{unit}"
        if second is None
        else axis_name(second.factor, found.currency)
    )
    more = [style.LINE * text.count("\n") for text in (across, up)]
    figure, (axes,) = style.canvas(
        title, f"{subtitle}.", height=4.6, headroom=0.3 + more[1],
        margins=Margins(left=1.0, right=0.4, bottom=0.7 + more[0]),
    )  # fmt: skip
    x = _positions(table[first.factor.name], first.factor, 0)
    if second is not None:
        y = _positions(table[second.factor.name], second.factor, 1)
    else:
        sign = -1.0 if measure in LOWER_IS_BETTER else 1.0
        y = sign * found.difference * (0.01 if measure.endswith("_cents") else 1)
    for lost, colour, marker in ((False, style.GOOD, "o"), (True, style.BAD, "X")):
        shown = found.loses == lost
        axes.scatter(x[shown], y[shown], s=46, color=colour, marker=marker, alpha=0.85,
                     linewidths=0.5, edgecolors="white", zorder=3)  # fmt: skip
    _scale_axis(axes, "x", first.factor)
    if second is not None:
        _scale_axis(axes, "y", second.factor)
    else:
        axes.axhline(0, color=style.BASELINE, linewidth=1.2)
        style.thousands(axes.yaxis, 5, plus=True)
    _frame(axes, first, second)
    style.label_axes(axes, across, up)
    axes.set_title(axes.get_title(loc="left"), fontsize=10.5, color=style.INK, loc="left", pad=10)
    style.key(
        axes,
        [(f"{policy} loses", style.BAD), ("it does not", style.GOOD)],
        lift=0.45 + more[1],
    )
    return Drawing(
        "discovery", figure, "Where it loses", found.sentence,
        "Each point is a world that is possible as far as is known: blue, the policy does as well "
        "or better; orange cross, it loses. The frame holds the worlds of the rule.",
    )  # fmt: skip


def _is_number(factor: Factor) -> bool:
    return factor.is_numeric or all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in factor.values
    )


def _positions(values: pd.Series, factor: Factor, axis: int) -> np.ndarray:
    """Where to draw the values, float64 (worlds,): categories at 0, 1, ... and spread beside."""
    if _is_number(factor):
        return values.to_numpy(np.float64)
    places = {str(value): place for place, value in enumerate(factor.values)}
    at = np.array([places[str(value)] for value in values], dtype=np.float64)
    return at + 0.6 * (uniform_rows(axis, 1, at.size)[0] - 0.5)


def _scale_axis(axes: Axes, which: str, factor: Factor) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    if not _is_number(factor):
        axis.set_ticks(range(len(factor.values)), [str(value) for value in factor.values])
    elif factor.scale == "log":
        axes.set(**{f"{which}scale": "log"})
        style.log_ticks(axis)
    else:
        style.thousands(axis, 6)


def _frame(axes: Axes, first: Condition, second: Condition | None) -> None:
    """Shade where the rule holds, a rectangle for every run of categories side by side."""
    limits = axes.get_xlim(), axes.get_ylim()
    for left, right in _spans(first, limits[0]):
        for bottom, top in _spans(second, limits[1]):
            axes.add_patch(
                Rectangle(
                    (left, bottom), right - left, top - bottom, facecolor=style.BAD, alpha=0.14,
                    edgecolor=style.BAD, linewidth=0, zorder=1,
                )
            )  # fmt: skip
            axes.add_patch(
                Rectangle(
                    (left, bottom), right - left, top - bottom, facecolor="none",
                    edgecolor=style.BAD, linewidth=1.6, linestyle=(0, (5, 3)), zorder=2,
                )
            )  # fmt: skip
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def _spans(condition: Condition | None, limits: tuple[float, float]) -> list[tuple[float, float]]:
    """The parts of an axis that a condition holds on."""
    if condition is None:
        return [limits]
    if not condition.values:
        return [(max(condition.low, limits[0]), min(condition.high, limits[1]))]
    spans: list[tuple[float, float]] = []
    for place, value in enumerate(condition.factor.values):
        if value not in condition.values:
            continue
        if spans and spans[-1][1] == place - 0.5:
            spans[-1] = (spans[-1][0], place + 0.5)
        else:
            spans.append((place - 0.5, place + 0.5))
    return spans
