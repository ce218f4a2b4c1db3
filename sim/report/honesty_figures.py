"""Figures about honesty: what sharers keep, and what credit is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from sim.report import style
from sim.report.drawing import Drawing
from sim.report.study import Study
from sim.report.style import Look, Margins, count, money, percent, plural

_PALE = "#f3cda6"
_DIGIT = 0.11  # inches that a character of a number in a bar takes, with the room around it

Kind = tuple[str, str, str, str]
"""Key of a part of a bar, what it is, its colour, and the colour of text on it."""

_INCOME: tuple[Kind, ...] = (
    ("nothing", "earn nothing", "#d9dde2", style.INK),
    ("behind", "earn less than they spend", "#9fd3c0", style.INK),
    ("ahead", "earn more than they spend", "#00573d", "white"),
)
_CREDIT: tuple[Kind, ...] = (
    ("caused_not_credited", "caused, not credited", style.LIGHT, style.INK),
    ("credited_caused", "caused and credited", style.GOOD, "white"),
    ("sooner", "credited, only sooner", _PALE, style.INK),
    ("anyway", "credited, came anyway", style.BAD, style.INK),
)


def income(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Sharers who earn nothing, less than they spend, and more."""
    found = {name: study.income(name) for name in study.ranked}
    names = [name for name in study.ranked if found[name]["mean_cents"] > 0]
    if not names:
        return None
    unit = study.scenario.currency
    first = found[names[0]]
    title = (
        f"Under {names[0]}, {percent(first['nonearner_share'], 0)} of sharers earn nothing; "
        f"{percent(first['ahead_share'])} earn more than they spend"
    )
    subtitle = (
        f"Everybody who shared at least once or was credited; mean of "
        f"{plural(study.replications, 'run')}."
    )
    unpaid = [name for name in study.policies if name not in names]
    subtitle += f" No commission stands under {style.listed(unpaid)}." if unpaid else ""
    margins = Margins(left=style.row_margin(names), right=2.9)
    figure, (axes,) = style.canvas(
        title, subtitle, height=style.rows_height(len(names)), margins=margins, headroom=0.2
    )
    nothing = np.array([found[name]["nonearner_share"] for name in names])
    ahead = np.array([found[name]["ahead_share"] for name in names])
    parts = {"nothing": nothing, "behind": 1 - nothing - ahead, "ahead": ahead}
    _stack(axes, parts, _INCOME, 1.0, percent_text)
    style.name_rows(axes, names, looks)
    axes.set_xlim(0, 1)
    style.percent_ticks(axes.xaxis, 5)
    style.label_axes(axes, "share of sharers")
    style.key(axes, [(text, colour) for _, text, colour, _ in _INCOME])
    columns = [
        (0.04, "sharers", [count(found[name]["participants"]) for name in names]),
        (0.28, "median earns", [money(found[name]["median_cents"], unit) for name in names]),
        (0.66, "largest earns", [money(found[name]["largest_cents"], unit) for name in names]),
    ]
    style.columns_beside(axes, columns, margins.right, [looks[name] for name in names])
    return Drawing(
        "income", figure, "What sharers really earn", title,
        "Earnings are commissions that were not taken back; spending is what the same people paid "
        "for their own orders in the run, refunds taken off. Those who earned nothing are in every "
        "figure.",
    )  # fmt: skip


def percent_text(share: float) -> str:
    """A share as it is written in a bar."""
    return percent(share, 0)


def attribution(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """Orders that a policy credits, against orders it causes."""
    names = [name for name in study.ranked if study.attribution(name)["credited"] > 0]
    found = {name: study.attribution(name) for name in names}
    parts = _credit_parts(study, names, found)
    if not names or not all(np.isfinite(values).all() for values in parts.values()):
        return None
    unit = study.scenario.currency
    first = found[names[0]]
    title = (
        f"Of {plural(first['credited'], 'order')} that {names[0]} credits, it caused "
        f"{count(first['credited_caused'])}"
    )
    if first["deadweight_cents"] > 0:
        title += f"; {money(first['deadweight_cents'], unit)} rewards the others"
    margins = Margins(left=style.row_margin(names), right=3.1)
    figure, (axes,) = style.canvas(
        title, f"Orders per run, mean of {plural(study.replications, 'run')}",
        height=style.rows_height(len(names)), margins=margins, headroom=0.6,
    )  # fmt: skip
    reach = float(np.sum(list(parts.values()), axis=0).max())
    _stack(axes, parts, _CREDIT, reach, count)
    style.name_rows(axes, names, looks)
    axes.set_xlim(0, reach)
    style.thousands(axes.xaxis, 5)
    style.label_axes(axes, "orders per run")
    style.key(axes, [(text, colour) for _, text, colour, _ in _CREDIT], lift=0.58)
    wasted = [money(found[name]["deadweight_cents"], unit) for name in names]
    columns = [
        (0.04, "of credited,\ncaused", [percent(found[name]["precision"], 0) for name in names]),
        (0.34, "of caused,\ncredited", [percent(found[name]["recall"], 0) for name in names]),
        (0.64, "paid for\nnothing", wasted),
    ]
    style.columns_beside(axes, columns, margins.right, [looks[name] for name in names])
    return Drawing(
        "attribution", figure, "What was paid for nothing", title,
        "Blue orders happen only because of the policy; orange ones happen without it too, the "
        "pale ones later. An order is credited when it earns a commission or a discount. Light "
        "blue is what no link shows: recommendations remembered, customers who stay, and chance, "
        f"which also loses {_lost(found)} elsewhere. Paid for nothing are the commissions and "
        "discounts of all orange orders.",
    )  # fmt: skip


def _credit_parts(
    study: Study, names: Sequence[str], found: Mapping[str, Mapping[str, float]]
) -> dict[str, np.ndarray]:
    """Orders by kind, float64 (policies,) each; the keys of :data:`_CREDIT`."""
    anyway = np.array([study.mean(name, "cannibalised_orders") for name in names])
    parts = {
        kind: np.array([found[name][kind] for name in names])
        for kind in ("caused_not_credited", "credited_caused", "credited_not_caused")
    }
    # Credited orders that the twin has too are cannibalised, or they only come sooner.
    sooner = np.maximum(parts.pop("credited_not_caused") - anyway, 0.0)
    return parts | {"sooner": sooner, "anyway": anyway}


def _lost(found: Mapping[str, Mapping[str, float]]) -> str:
    """How many orders each policy loses: "4 to 9 orders"."""
    lost = [each["lost"] for each in found.values()]
    low, high = count(min(lost)), count(max(lost))
    return plural(max(lost), "order") if low == high else f"{low} to {high} orders"


def _stack(
    axes: Axes,
    parts: Mapping[str, np.ndarray],
    kinds: Sequence[Kind],
    reach: float,
    write: Callable[[float], str],
) -> None:
    """Bars of ``parts`` end to end, a row per policy, with numbers where there is room."""
    left = np.zeros(len(next(iter(parts.values()))))
    inches = axes.get_position().width * style.WIDTH / reach
    for kind, _, colour, text_colour in kinds:
        widths = parts[kind]
        axes.barh(range(left.size), widths, left=left, height=0.66, color=colour, edgecolor="white")
        for row, (width, begin) in enumerate(zip(widths, left, strict=True)):
            text = write(width)
            if width * inches > _DIGIT * len(text):
                axes.text(
                    begin + width / 2, row, text, color=text_colour, fontsize=10,
                    ha="center", va="center",
                )  # fmt: skip
        left = left + widths
