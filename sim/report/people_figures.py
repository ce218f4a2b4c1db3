"""Figures about people: who earns, who stays, how far a link gets."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from sim.disclosure import FEW_PARTICIPANTS, top_part
from sim.report import style
from sim.report.drawing import Drawing
from sim.report.study import Study, mean_interval
from sim.report.style import Look, Margins, count, money, percent, plural
from sim.studies.wording import policy_text

_EARNING_COLOURS = ("#d9dde2", "#9fd3c0", "#3fa383", "#00573d")


def earnings(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Sharers by what they earned, those who earned nothing included."""
    if study.earnings is None:
        return None
    unit = study.scenario.currency
    earned = {
        name: rows["earned_cents"].to_numpy(np.float64)
        for name, rows in study.earnings.groupby("policy", sort=False)
    }
    names = [name for name in study.ranked if name in earned and earned[name].sum() > 0]
    if not names:
        return None
    edges = _edges(np.concatenate([earned[name] for name in names]))
    first = earned[names[0]]
    # One per cent of few people is one of them.
    many = min(earned[name].size for name in names) >= FEW_PARTICIPANTS
    part, who = (0.01, "top 1 % get") if many else (0.0, "top one gets")
    title = (
        f"Under {names[0]}, {percent(np.mean(first == 0), 0)} of those who share earn nothing; "
        f"the {who} {percent(top_part(first, part), 0)} of the money"
    )
    unpaid = [name for name in study.policies if name not in names]
    subtitle = "One run (replication 0); everybody who shared at least once or was credited."
    subtitle += f" No commissions were paid under {style.listed(unpaid)}." if unpaid else ""
    margins = Margins(left=style.row_margin(names), right=3.1)
    figure, (axes,) = style.canvas(
        title, subtitle, height=style.rows_height(len(names)), margins=margins, headroom=0.45
    )
    for row, name in enumerate(names):
        _earning_bar(axes, row, earned[name], edges)
    style.name_rows(axes, names, looks)
    axes.set_xlim(0, 1)
    style.percent_ticks(axes.xaxis, 5)
    style.label_axes(axes, "share of sharers")
    labels = ["nothing", f"up to {money(edges[0], unit)}"]
    labels += [f"{money(low)} to {money(high, unit)}" for low, high in pairwise(edges)]
    labels.append(f"more than {money(edges[-1], unit)}")
    style.key(axes, list(zip(labels, _earning_colours(edges), strict=True)), lift=0.42)
    earners = {name: earned[name][earned[name] > 0] for name in names}
    columns = [
        (0.04, "sharers", [count(earned[name].size) for name in names]),
        (0.27, "median earner", [money(float(np.median(earners[name])), unit) for name in names]),
        (0.66, who, [percent(top_part(earned[name], part), 0) for name in names]),
    ]
    style.columns_beside(axes, columns, margins.right, [looks[name] for name in names])
    return Drawing(
        "earnings", figure, "Who earns what", title,
        "Each bar is everybody who shared or was credited, by what she earned in the whole run; "
        "the lightest part earned nothing. The median is of those who earned anything.",
    )  # fmt: skip


def _edges(cents: np.ndarray) -> list[float]:
    """Two round amounts that split the earners about 60 : 30 : 10; one where they earn alike."""
    paid = cents[cents > 0]
    steps = np.unique(np.outer([1, 2, 5], 10.0 ** np.arange(0, 12)))
    found = [float(steps[np.searchsorted(steps, np.quantile(paid, part))]) for part in (0.6, 0.9)]
    return sorted(set(found))


def _earning_colours(edges: list[float]) -> list[str]:
    """From nothing to more than the last of ``edges``."""
    return [*_EARNING_COLOURS[: len(edges) + 1], _EARNING_COLOURS[-1]]


def _earning_bar(axes: Axes, row: int, cents: np.ndarray, edges: list[float]) -> None:
    bins = np.searchsorted([0.0, *edges], cents, side="left")
    shares = np.bincount(bins, minlength=len(edges) + 2) / cents.size
    start = 0.0
    for place, (share, colour) in enumerate(zip(shares, _earning_colours(edges), strict=True)):
        axes.barh(row, share, left=start, height=0.66, color=colour, edgecolor="white")
        if share > 0.07:
            text_colour = "white" if place >= len(edges) + 1 or place == 2 else style.INK
            axes.text(
                start + share / 2, row, percent(share, 0), color=text_colour, fontsize=10,
                ha="center", va="center",
            )  # fmt: skip
        start += share


# ------------------------------------------------------------------------------- retention

_VISITS = (
    ("retention_d1", "D1", "#5aa5d6"),
    ("retention_d7", "D7", "#1f6cb0"),
    ("retention_d30", "D30", "#08306b"),
)


def retention(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Members by days since joining, and customers who visit on day 1, 7 and 30."""
    names = list(study.ranked)
    visits = {name: [study.mean(name, measure) for measure, _, _ in _VISITS] for name in names}
    if not any(math.isfinite(value) for values in visits.values() for value in values):
        return None
    title = _retention_title(study, {name: values[-1] for name, values in visits.items()})
    how = (
        "Dots: share of new customers who open the app on the 1st, 7th and 30th day after joining."
    )
    label_room = style.row_margin(names)
    if study.retention is None:
        figure, (right,) = style.canvas(
            title, height=style.rows_height(len(names)) + 0.4, margins=Margins(left=label_room)
        )
    else:
        between = label_room + 0.15
        subtitle = "Means over replications; a band is a 95 % interval; colours as in the names"
        figure, (left, right) = style.canvas(
            title,
            subtitle + "".join(f"; {text} are identical" for text in _identical(study)),
            height=max(3.9, style.rows_height(len(names)) + 0.4), columns=2, widths=(1.25, 1),
            gap=2 * between / (style.WIDTH - 1.1 - between), margins=Margins(left=0.75, right=0.35),
        )  # fmt: skip
        _survival(left, study, looks)
        how = "Curves: share of new customers who are still members, by days since joining. " + how
    how += _earners_kept(study)
    for row, name in enumerate(names):
        points = [
            (value, colour) for value, (_, _, colour) in zip(visits[name], _VISITS, strict=True)
        ]
        known = [value for value, _ in points if math.isfinite(value)]
        axes_line = [min(known), max(known)] if known else []
        right.plot(axes_line, [row] * len(axes_line), color=style.CROWD, linewidth=2, zorder=2)
        for value, colour in points:
            right.plot([value], [row], "o", color=colour, markersize=9, zorder=3)
        if math.isfinite(visits[name][-1]):
            right.annotate(
                percent(visits[name][-1]), (visits[name][-1], row), (-9, 0),
                textcoords="offset points", ha="right", va="center", fontsize=9.5,
                color=_VISITS[-1][2],
            )  # fmt: skip
    style.name_rows(right, names, looks)
    right.set_xlim(0, None)
    widest = right.get_xlim()[1]
    right.set_xlim(-0.12 * widest, 1.02 * widest)
    right.set_ylim(len(names) - 0.5, -1.0)
    for (_, text, colour), value in zip(_VISITS, visits[names[0]], strict=True):
        if math.isfinite(value):
            right.text(
                value,
                -0.55,
                text,
                color=colour,
                fontsize=style.BODY,
                fontweight="bold",
                ha="center",
            )
    style.percent_ticks(right.xaxis, 5)
    style.label_axes(right, "share of new customers", "They open the app on day …")
    return Drawing("retention", figure, "Who stays", title, how)


def _retention_title(study: Study, day_30: dict[str, float]) -> str:
    known = {name: value for name, value in day_30.items() if math.isfinite(value)}
    if not known:
        return "No customer was watched for 30 days: retention on day 30 is not known"
    best = max(known, key=lambda name: known[name])
    if study.baseline is None or len(known) == 1:
        named = policy_text(best)
        return f"{percent(known[best])} of new customers under {named} open the app on day 30"
    apart = study.gains("retention_d30")
    better = [name for name in study.rivals if apart[name].sign > 0]
    if better:
        best = max(better, key=lambda name: known.get(name, -1.0))
        twin = known.get(study.baseline, math.nan)
        opened = f"{percent(known[best])} of new customers open the app on day 30"
        return f"Under {best}, {opened} ({policy_text(study.baseline)}: {percent(twin)})"
    worse = [name for name in study.rivals if apart[name].sign < 0]
    if worse:
        worst = min(worse, key=lambda name: known.get(name, 2.0))
        return (
            "Under no policy do more new customers open the app on day 30; "
            f"under {worst} fewer do than under {policy_text(study.baseline)}"
        )
    low, high = percent(min(known.values())), percent(max(known.values()))
    between = low if low == high else f"{low.removesuffix(' %')} to {high}"
    return f"The policy hardly matters for staying: {between} open the app on day 30"


def _identical(study: Study) -> list[str]:
    """The groups of identical policies, named."""
    groups = dict.fromkeys(tuple(study.identical(name)) for name in study.policies)
    return [style.listed(group) for group in groups if len(group) > 1]


def _earners_kept(study: Study) -> str:
    """A sentence about how many earners of the best policy stay because of it; "" without any."""
    rivals = [name for name in study.ranked if name in study.rivals]
    if not rivals or "earners_kept" not in study.outcomes:
        return ""
    best = rivals[0]
    kept = mean_interval(study.values(best, "earners_kept"))
    if not math.isfinite(kept.mean) or kept.mean == 0:
        return ""
    more = "more" if kept.mean > 0 else "fewer"
    low, high = (kept.low, kept.high) if kept.mean > 0 else (-kept.high, -kept.low)
    twin = str((study.summary or {}).get("baseline"))
    terms = study.scenario.policies.get(twin)
    paying = terms is not None and terms.scheme != "none"
    without = f"under {twin}" if paying else "without the policy"
    interval = f" (95 % interval {percent(low)} to {percent(high)})" if math.isfinite(low) else ""
    return (
        f" Of those who earned money under {best}, {percent(abs(kept.mean))} {more}{interval} "
        f"are still members at the end than would be {without}."
    )


def _survival(axes: Axes, study: Study, looks: dict[str, Look]) -> None:
    assert study.retention is not None
    lowest = 1.0
    for name in sorted(study.policies, key=lambda name: looks[name].stands_out):
        rows = study.retention[study.retention["policy"] == name]
        table = rows.pivot(index="age_days", columns="replication", values="share")
        intervals = [mean_interval(row) for row in table.to_numpy(np.float64)]
        look, ages = looks[name], table.index.to_numpy()
        means = np.array([one.mean for one in intervals])
        axes.plot(
            ages,
            means,
            color=look.colour,
            linestyle=look.dash,
            linewidth=2 if look.stands_out else 1,
        )
        if name in style.banded(study, study.ranked[0]):
            axes.fill_between(
                ages, [one.low for one in intervals], [one.high for one in intervals],
                color=look.colour, alpha=0.08, linewidth=0,
            )  # fmt: skip
        lowest = float(np.nanmin([lowest, *means])) if np.isfinite(means).any() else lowest
    floor = max(0.0, math.floor((lowest - 0.03) * 10) / 10)
    axes.set_ylim(floor, 1.005)
    axes.set_xlim(0, None)
    style.percent_ticks(axes.yaxis)
    style.thousands(axes.xaxis, 6)
    cut = f" (axis starts at {percent(floor, 0)})" if floor else ""
    style.label_axes(axes, "days since joining", f"Still members{cut}")


# ---------------------------------------------------------------------------------- funnel

_STAGES = (
    ("shares", "Shares", "acts of sharing"),
    ("impressions", "Messages", "per share"),
    ("clicks", "Opened", "of messages"),
    ("referred_orders", "Orders", "of opened"),
)


def funnel(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Shares, messages, messages opened and orders credited, with what each step keeps."""
    names = list(study.ranked)
    stages = np.array([[study.mean(name, measure) for measure, _, _ in _STAGES] for name in names])
    if not np.isfinite(stages).any() or not np.nansum(stages):
        return None
    title = _funnel_title(study, names[0], dict(zip(names, stages, strict=True)))
    subtitle = (
        "One run" if study.replications == 1 else f"Per run, mean of {study.replications} runs"
    )
    left = style.row_margin(names)
    figure, panels = style.canvas(
        title, subtitle, height=style.rows_height(len(names)) * 1.2, columns=4, gap=0.12,
        margins=Margins(left=left, right=0.25, bottom=0.3),
    )  # fmt: skip
    for place, axes in enumerate(panels):
        _stage(axes, place, stages, names, looks)
    style.name_rows(panels[0], names, looks)
    return Drawing(
        "funnel", figure, "From a share to an order", title,
        "Read a row from left to right: people share, friends receive messages, some open them, "
        "some of those order and the order is credited. Below each number: how it relates to the "
        "step before. Each column has its own scale.",
    )  # fmt: skip


def _funnel_title(study: Study, best: str, stages: dict[str, np.ndarray]) -> str:
    shares, messages, _, orders = stages[best]
    if not messages > 0:
        return f"Nobody receives a message under {policy_text(best)}"
    sent = f"{plural(shares, 'share')} send {plural(messages, 'message')}"
    title = f"{policy_text(best, starts=True)}: {sent} and bring {plural(orders, 'order')}"
    if study.baseline is not None and study.baseline != best:
        title += f" ({policy_text(study.baseline)}: {count(stages[study.baseline][3])})"
    return title


def _stage(
    axes: Axes, place: int, stages: np.ndarray, names: list[str], looks: dict[str, Look]
) -> None:
    _, head, what = _STAGES[place]
    longest = max(float(np.nan_to_num(stages[:, place]).max()), 1e-9)
    for row, name in enumerate(names):
        value = stages[row, place]
        axes.barh(row - 0.14, np.nan_to_num(value), height=0.34, color=looks[name].colour)
        axes.text(
            np.nan_to_num(value) + 0.03 * longest, row - 0.14, count(value), fontsize=10.5,
            va="center", color=style.INK, fontweight="bold",
        )  # fmt: skip
        if place:
            axes.text(
                0,
                row + 0.27,
                _step(place, stages[row], what),
                fontsize=9,
                va="center",
                color=style.MUTED,
            )
    axes.set_xlim(0, 1.5 * longest)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title(
        head if place == 0 else f"→ {head}",
        fontsize=style.BODY,
        fontweight="bold",
        color=style.INK,
        loc="left",
    )


def _step(place: int, row: np.ndarray, what: str) -> str:
    before = row[place - 1]
    if not before > 0 or not math.isfinite(row[place]):
        return style.DASH
    ratio = row[place] / before
    return f"{count(ratio)} {what}" if place == 1 else f"{percent(ratio)} {what}"
