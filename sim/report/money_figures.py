"""Figures about sales and money: orders over time, cost, profit, where orders come from."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.report import style
from sim.report.drawing import Drawing
from sim.report.study import Interval, Study, mean_interval
from sim.report.style import Look, Margins, count, money, plural, span
from sim.studies.wording import capital, policy_text

WEEK = 7
_NICE = np.array([1, 2, 5])


def sales(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Extra orders that add up over time, and orders a week."""
    if study.replications < 2 or study.baseline is None or not study.rivals:
        return _sales_only(study, looks)
    gains = study.gains("orders")
    best = max(gains, key=lambda name: gains[name].mean)
    gain = gains[best]
    twin = policy_text(study.baseline)
    if gain.sign > 0:
        title = f"{best} sells {plural(gain.mean, 'more order')} than {twin} in {study.days} days"
    elif gain.mean <= 0:
        title = f"No policy sells more than {twin}"
        title += f": even {best} loses {plural(-gain.mean, 'order')}" if gain.sign < 0 else ""
    else:
        change = count(gain.mean, plus=True)
        title = f"No clear gain in orders: {best} makes {change} in {study.days} days"
    runs = plural(study.replications, "run")
    joint = "joint " if len(gains) > 1 else ""
    subtitle = f"Mean of {runs}; {joint}95 % interval of {best} {span(gain)} orders"
    widest = max(len(text) for text in style.line_names(study).values())
    figure, (top, bottom) = style.canvas(
        title, subtitle, height=7.2, rows=2, heights=(1.35, 1), gap=0.3,
        margins=Margins(right=1.15 + 0.1 * widest, bottom=0.65),
    )  # fmt: skip
    _extra_orders(top, study, looks, style.banded(study, best))
    _weekly_orders(bottom, study, looks)
    return Drawing(
        "sales", figure, "Sales over time", title,
        f"Above, each line adds up the orders a policy brings beyond {twin} in the same "
        "world with the same luck; a band holds the mean with 95 % confidence. Below, all orders "
        "week by week.",
    )  # fmt: skip


def _extra_orders(axes: Axes, study: Study, looks: dict[str, Look], banded: set[str]) -> None:
    assert study.baseline is not None
    twin = study.series(study.baseline, "orders")
    days = np.arange(1, twin.shape[1] + 1) * study.scenario.dt
    ends, texts = [], style.line_names(study)
    for name in sorted(study.rivals, key=lambda name: looks[name].stands_out):
        extra = np.cumsum(study.series(name, "orders") - twin, axis=1)
        intervals = [mean_interval(column) for column in extra.T]
        look = looks[name]
        means = np.array([interval.mean for interval in intervals])
        axes.plot(
            days,
            means,
            color=look.colour,
            linestyle=look.dash,
            linewidth=2.2 if look.stands_out else 1,
        )
        if name in banded:
            low, high = ([getattr(one, end) for one in intervals] for end in ("low", "high"))
            axes.fill_between(days, low, high, color=look.colour, alpha=0.1, linewidth=0)
        if look.stands_out:
            ends.append((means[-1], f"{texts[name]} {count(means[-1], plus=True)}", look.colour))
    axes.axhline(0, color=style.BASELINE, linewidth=1.6, linestyle=looks[study.baseline].dash)
    ends.append((0.0, texts[study.baseline], style.BASELINE))
    _crowd_label(axes, study, looks)
    axes.set_xlim(0, days[-1])
    style.thousands(axes.yaxis, plus=True)
    style.thousands(axes.xaxis, 9)
    style.label_axes(axes, "", f"Orders beyond {policy_text(study.baseline)}, added up")
    style.label_line_ends(axes, days[-1], ends)


def _crowd_label(axes: Axes, study: Study, looks: dict[str, Look]) -> None:
    crowd = sum(not looks[name].stands_out for name in study.policies)
    if crowd:
        text = f"thin grey: {crowd} other {'policy' if crowd == 1 else 'policies'}"
        axes.text(
            0.01, 0.97, text, transform=axes.transAxes, va="top", fontsize=style.SMALL,
            color=style.MUTED,
        )  # fmt: skip


def _per_week(series: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray, str]:
    """Middles of whole weeks (or days, in a short run), means in them, and the unit."""
    days = series.shape[1] * dt
    length = WEEK if days >= 3 * WEEK else max(1.0, dt)
    bins = np.floor(np.arange(series.shape[1]) * dt / length + 1e-9).astype(int)
    whole = max(1, math.floor(days / length + 1e-9))
    means = np.bincount(bins, weights=series.mean(axis=0))[:whole]
    unit = "week" if length == WEEK else "day" if length == 1 else f"{length:g} days"
    return (np.arange(whole) + 0.5) * length, means, unit


def _weekly_orders(axes: Axes, study: Study, looks: dict[str, Look]) -> None:
    texts = style.line_names(study)
    ends, unit, last = [], "", 0.0
    for name in sorted(study.policies, key=lambda name: looks[name].stands_out):
        middles, means, unit = _per_week(study.series(name, "orders"), study.scenario.dt)
        look, last = looks[name], float(middles[-1])
        axes.plot(
            middles, means, color=look.colour, linestyle=look.dash,
            linewidth=2 if look.stands_out else 1, marker="" if len(middles) > 1 else look.marker,
        )  # fmt: skip
        if look.stands_out:
            ends.append((means[-1], texts[name], look.colour))
    axes.set_xlim(0, len(study.daily["day"].unique()) * study.scenario.dt)
    axes.set_ylim(0, None)
    style.thousands(axes.yaxis, 5)
    style.thousands(axes.xaxis, 9)
    style.label_axes(axes, "day", f"Orders per {unit}")
    style.label_line_ends(axes, last, ends)


def _sales_only(study: Study, looks: dict[str, Look]) -> Drawing:
    """Orders a week where there is nothing to compare with."""
    name = study.ranked[0]
    orders, referred = study.mean(name, "orders"), study.mean(name, "referred_orders")
    part = f", {count(referred)} of them through a friend" if math.isfinite(referred) else ""
    sold = f"{plural(orders, 'order')} in {study.days} days"
    title = f"{capital(sold)} with {policy_text(name)}{part}"
    runs = "One run" if study.replications == 1 else f"Mean of {study.replications} runs"
    widest = max(len(text) for text in style.line_names(study).values())
    figure, (axes,) = style.canvas(
        title, runs, height=3.8, margins=Margins(right=0.6 + 0.11 * max(widest, 12))
    )
    if len(study.policies) > 1:
        _weekly_orders(axes, study, looks)
        how = "All orders week by week, a line per policy."
    else:
        _referred_and_own(axes, study)
        how = "All orders, and below the darker line those credited to a friend who shared a link."
    return Drawing("sales", figure, "Sales over time", title, how)


def _referred_and_own(axes: Axes, study: Study) -> None:
    (name,) = study.policies
    middles, means, unit = _per_week(study.series(name, "orders"), study.scenario.dt)
    _, referred, _ = _per_week(study.series(name, "referred_orders"), study.scenario.dt)
    width = 0.8 * (middles[1] - middles[0] if len(middles) > 1 else 1)
    axes.bar(middles, referred, width, color=style.GOOD)
    axes.bar(middles, means - referred, width, bottom=referred, color=style.LIGHT)
    axes.set_xlim(0, len(study.daily["day"].unique()) * study.scenario.dt)
    axes.grid(visible=False, axis="x")
    style.thousands(axes.yaxis, 5)
    style.thousands(axes.xaxis, 9)
    style.label_axes(axes, "day", f"Orders per {unit}")
    ends = [
        (referred[-1] / 2, "through a friend", style.GOOD),
        ((means[-1] + referred[-1]) / 2, "other orders", style.MUTED),
    ]
    style.label_line_ends(axes, axes.get_xlim()[1], ends)


# ------------------------------------------------------------------------------------ cost


def cost(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Extra orders against what is spent on them."""
    if study.summary is None or not study.rivals:
        return None
    spent = {name: study.spent_cents(name) for name in study.rivals}
    extra = {name: study.extra_orders(name) for name in study.rivals}
    if not all(math.isfinite(spent[name].mean + extra[name].mean) for name in study.rivals):
        return None
    unit = study.scenario.currency
    paying = {
        name: study.cents_per_extra_order(name) for name in study.rivals if extra[name].sign > 0
    }
    paying = {name: each for name, each in paying.items() if math.isfinite(each)}
    margin = _margin_cents(study)
    if paying:
        cheapest = min(paying, key=lambda name: paying[name])
        title = f"An extra order costs {money(paying[cheapest], unit)} under {cheapest}"
        title += ", the least of all" if len(paying) > 1 else ""
    else:
        title = "No policy pays for orders that would not have come anyway"
    runs = plural(study.replications, "run")
    subtitle = f"Commissions and discounts per run; bars: 95 % intervals of {runs}."
    doubtful = [name for name in study.rivals if extra[name].sign == 0 and extra[name].mean > 0]
    if doubtful:
        subtitle += f" The extra orders of {style.listed(doubtful)} could be chance."
    figure, (axes,) = style.canvas(
        title, subtitle, height=5.0, margins=Margins(right=2.0), headroom=0.2
    )
    for name in study.rivals:
        _cross(axes, spent[name], extra[name], looks[name])
    axes.axhline(0, color=style.CROWD, linewidth=1)
    _fit_limits(axes, list(spent.values()), list(extra.values()))
    _cost_lines(axes, list(paying.values()), margin, unit)
    style.thousands(axes.xaxis, factor=0.01)
    style.thousands(axes.yaxis, plus=True)
    style.label_axes(axes, f"Commissions and discounts, {unit} per run", "Extra orders per run")
    axes.set_title(axes.get_title(loc="left"), fontsize=10.5, color=style.INK, loc="left", pad=24)
    names = [name for name in study.ranked if name in spent]
    places = [(spent[name].mean, extra[name].mean) for name in names]
    texts = style.line_names(study)
    labels = [(texts[name], style.ink(looks[name])) for name in names]
    style.label_points(
        axes, [(*place, *label) for place, label in zip(places, labels, strict=True)]
    )
    how = (
        "Up is more orders, right is more money. On a dotted line every extra order costs the "
        "same; the steeper the line, the cheaper."
    )
    if math.isfinite(margin):
        how += (
            " The dashed line is the break-even: what an extra order earns after refunds and unit "
            "costs. Policies above it earn more on their extra orders than they cost."
        )
    return Drawing("cost", figure, "What extra orders cost", title, how)


def _margin_cents(study: Study) -> float:
    """What an order of the baseline earns before incentives, nan where that is not known."""
    if study.baseline is None:
        return math.nan
    name = study.baseline
    earned = study.mean(name, "net_revenue_cents") + study.mean(name, "discount_cents")
    orders = study.mean(name, "orders")
    margin = (earned - study.mean(name, "cost_cents")) / orders if orders else math.nan
    return margin if margin > 0 else math.nan


def _cross(axes: Axes, x: Interval, y: Interval, look: Look) -> None:
    colour, alpha = style.ink(look), 0.45 if look.stands_out else 0.3
    axes.plot([x.low, x.high], [y.mean] * 2, color=colour, linewidth=1.3, zorder=3, alpha=alpha)
    axes.plot([x.mean] * 2, [y.low, y.high], color=colour, linewidth=1.3, zorder=3, alpha=alpha)
    axes.plot([x.mean], [y.mean], marker=look.marker, color=colour, markersize=8, zorder=5)


def _fit_limits(axes: Axes, x: list[Interval], y: list[Interval]) -> None:
    def ends(intervals: list[Interval]) -> list[float]:
        return [end for interval in intervals for end in interval if math.isfinite(end)]

    right = max([*ends(x), 1.0])
    low, high = min([*ends(y), 0.0]), max([*ends(y), 1.0])
    axes.set_xlim(-0.02 * right, 1.12 * right)
    axes.set_ylim(low - 0.08 * (high - low) * (low < 0), high + 0.14 * (high - low))


def _cost_lines(axes: Axes, paid_cents: list[float], margin: float, unit: str) -> None:
    """Rays of equal cost per extra order, around what the policies pay, and the margin's."""
    if not paid_cents:
        paid_cents = [margin] if math.isfinite(margin) else []
    if not paid_cents:
        return
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    tens = 10.0 ** np.arange(0, 9)
    steps = np.unique(np.outer(_NICE, tens))
    inside = steps[(steps >= 0.5 * min(paid_cents)) & (steps <= 2 * max(paid_cents))]
    while inside.size > 4:
        inside = inside[::2]
    near = [c for c in inside if not (math.isfinite(margin) and 0.85 < c / margin < 1.18)]
    rays = [(each, False, (0, (1, 2)), style.BASELINE) for each in near]
    if math.isfinite(margin):
        rays.append((margin, True, (0, (5, 3)), style.INK))
    for each, is_margin, dash, colour in rays:
        x = min(right, top * each)
        axes.plot([0, x], [0, x / each], color=colour, linestyle=dash, linewidth=1.1, zorder=2)
        at_right = x >= right
        text = f"break-even: {money(each, unit)}" if is_margin else f"{each / 100:,g} {unit} each"
        axes.text(
            x + (0.01 * right if at_right else 0), x / each + (0 if at_right else 0.012 * top),
            text, fontsize=style.SMALL, color=colour, ha="left" if at_right else "center",
            va="center" if at_right else "bottom", clip_on=False,
        )  # fmt: skip


# ---------------------------------------------------------------------------------- profit


def profit(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Profit beyond the baseline's, with intervals."""
    names = [name for name in study.ranked if name != study.baseline]
    gains = study.gains("profit_cents")
    gains = {name: gains[name] for name in names}
    if study.summary is None or not any(math.isfinite(gain.mean) for gain in gains.values()):
        return None
    unit = study.scenario.currency
    twin = policy_text(study.baseline or str(study.summary.get("baseline", "the baseline")))
    title = _profit_title(gains, twin, unit)
    chances = {name: study.probability_of_best(name) for name in names}
    runs = plural(study.replications, "run")
    joint = "joint " if len(names) > 1 else ""
    how_wide = " for all policies at once, so also for the one that did best" if joint else ""
    figure = forest(
        title, f"Profit per run beyond {twin}, mean and {joint}95 % interval of {runs}",
        gains, looks, unit=unit, chances=chances,
    )  # fmt: skip
    return Drawing(
        "profit", figure, "Who earns more", title,
        f"Each dot is the mean change of profit against {twin} after all commissions, discounts "
        f"and refunds; the bar holds it with 95 % confidence{how_wide}. A bar that crosses zero "
        "could be no change at all.",
    )  # fmt: skip


def _profit_title(gains: dict[str, Interval], twin: str, unit: str) -> str:
    known = {name: gain for name, gain in gains.items() if math.isfinite(gain.mean)}
    best = max(known, key=lambda name: known[name].mean)
    gain = known[best]
    if gain.sign > 0:
        return f"{best} earns {money(gain.mean, unit)} more than {twin} per run"
    if gain.mean > 0:
        return (
            f"{best} leads with {money(gain.mean, unit, plus=True)} profit, but it could be chance"
        )
    if gain.mean == 0:
        return f"No policy changes profit for the better; {best} leaves it as it is"
    return f"No policy earns more than {twin}: {best} comes closest at {money(gain.mean, unit)}"


def forest(
    title: str,
    subtitle: str,
    gains: dict[str, Interval],
    looks: dict[str, Look],
    *,
    unit: str,
    chances: dict[str, float] | None = None,
) -> Figure:
    """Differences with intervals, a row per policy; ``unit`` is "" for counts, else money."""
    names = list(gains)
    show_chances = chances is not None and any(map(math.isfinite, chances.values()))
    margins = Margins(left=style.row_margin(names), right=3.35 if show_chances else 2.6)
    figure, (axes,) = style.canvas(
        title, subtitle, height=style.rows_height(len(names)) + 0.25, margins=margins
    )
    axes.axvline(0, color=style.BASELINE, linewidth=1.4)
    for row, name in enumerate(names):
        gain, colour = gains[name], style.ink(looks[name])
        axes.plot(
            [gain.low, gain.high], [row, row], color=colour, linewidth=2.4, solid_capstyle="butt"
        )
        axes.plot([gain.mean], [row], marker=looks[name].marker, color=colour, markersize=8)
    style.name_rows(axes, names, looks)
    style.thousands(axes.xaxis, 5, plus=True, factor=0.01 if unit else 1)
    style.label_axes(axes, f"{unit} per run" if unit else "per run")
    write = partial(money if unit else count, plus=True)
    scale = style.widest(gains.values())
    mean, ends, chance = (inches / margins.right for inches in (0.1, 0.87, 2.65))
    columns = [(mean, "mean", [write(gains[name].mean, scale=scale) for name in names])]
    columns.append((ends, "95 % interval", [span(gains[name], write, scale) for name in names]))
    if show_chances and chances is not None:
        columns.append((chance, "P(best)", [style.probability(chances[name]) for name in names]))
    style.columns_beside(axes, columns, margins.right, [looks[name] for name in names])
    return figure


# --------------------------------------------------------------------------------- sources


def sources(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Orders that a policy brought, brought forward, and paid for though they would have come."""
    if study.summary is None:
        return None
    names = [name for name in study.ranked if name != study.baseline] or list(study.ranked)
    parts = {
        measure: np.array([study.mean(name, f"{measure}_orders") for name in names])
        for measure in ("incremental", "accelerated", "cannibalised")
    }
    if not all(np.isfinite(values).all() for values in parts.values()):
        return None
    title = _sources_title(names[0], study.extra_orders(names[0]))
    anyway = parts["cannibalised"][0]
    if anyway > 0:
        title += f"; it also pays for {count(anyway)} that would have come anyway"
    figure, (axes,) = style.canvas(
        title, f"Orders per run, mean of {plural(study.replications, 'run')}",
        height=style.rows_height(len(names)),
        margins=Margins(left=style.row_margin(names), right=0.5), headroom=0.2,
    )  # fmt: skip
    kinds = (
        ("incremental", "extra: only because of the policy", style.GOOD, "white"),
        ("accelerated", "the same, but sooner", style.LIGHT, style.INK),
        ("cannibalised", "paid for, would have come anyway", style.BAD, style.INK),
    )
    start = np.maximum(parts["incremental"], 0.0)
    reach = float(max((start + parts["accelerated"] + parts["cannibalised"]).max(), 1.0))
    left = np.zeros(len(names))
    for kind, _, colour, text_colour in kinds:
        widths = parts[kind]
        axes.barh(
            range(len(names)), widths, left=left, height=0.66, color=colour, edgecolor="white"
        )
        for row, (width, begin) in enumerate(zip(widths, left, strict=True)):
            if abs(width) > 0.045 * reach:
                axes.text(
                    begin + width / 2,
                    row,
                    count(width),
                    color=text_colour,
                    fontsize=10,
                    ha="center",
                    va="center",
                )
        left = left + np.maximum(widths, 0)
    style.name_rows(axes, names, looks)
    axes.axvline(0, color=style.BASELINE, linewidth=1.2)
    style.thousands(axes.xaxis)
    style.label_axes(axes, "orders per run")
    style.key(axes, [(text, colour) for _, text, colour, _ in kinds])
    return Drawing(
        "sources", figure, "Where the orders come from", title,
        "Every order is matched with the same person's order in the same world without the policy. "
        "Blue is what the policy adds (orders lost elsewhere are taken off), light blue comes "
        "sooner, orange was paid for with a commission or a discount though it would have come by "
        "then anyway.",
    )  # fmt: skip


def _sources_title(name: str, extra: Interval) -> str:
    if extra.mean <= 0:
        return f"{name} brings no extra orders"
    brings = "brings" if extra.sign > 0 else "may bring"
    return f"{name} {brings} {plural(extra.mean, 'extra order')}"
