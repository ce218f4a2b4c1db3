"""The study's picture: profit against stickiness, and what abuse takes, per scheme."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sim.report.style import spread

INK, FRONT, ABUSE = "#333333", "#0072b2", "#d55e00"


def on_front(part: pd.DataFrame) -> np.ndarray:
    """Which schemes no other beats in both profit and members, bool (n,)."""
    profit, members = part["profit_cents"].to_numpy(), part["members_end"].to_numpy()
    beaten = (profit[:, None] <= profit) & (members[:, None] <= members)
    better = (profit[:, None] < profit) | (members[:, None] < members)
    return ~(beaten & better).any(axis=1)


def _panel(axes: Axes, part: pd.DataFrame, network: str) -> None:
    part = part.sort_values("members_end").reset_index(drop=True)
    part["best"] = on_front(part)
    part["profit"] = part["profit_cents"] / 100
    part["after"] = part["profit"] - part["profit_lost"] / 100
    floor = 1.15 * min(part["after"].where(part["profit"] > -500, 0).min(), 0)
    shown = part["profit"].clip(lower=floor)
    axes.vlines(
        part["members_end"], part["after"].clip(lower=floor), shown, color=ABUSE, linewidth=2.5,
        alpha=0.7,
    )  # fmt: skip
    front = part[part["best"]]
    axes.plot(front["members_end"], front["profit"], color=FRONT, linewidth=1.2)
    colours = np.where(part["best"], FRONT, "#8a8a8a")
    axes.scatter(part["members_end"], shown, s=36, color=colours, zorder=3)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_title(network, loc="left", fontsize=11)
    axes.set_xlabel("members at the end, more than without pay")
    axes.margins(x=0.06, y=0.08)
    axes.spines[["top", "right"]].set_visible(False)
    _name_points(axes, part, shown)


def _name_points(axes: Axes, part: pd.DataFrame, shown: pd.Series) -> None:
    """Names in a column beside the panel, each joined to its point by a thin line."""
    low, high = axes.get_ylim()
    right = axes.get_xlim()[1]
    ranked = part.assign(shown=shown).sort_values("shown")
    places = spread(ranked["shown"].to_list(), (high - low) / 17, low, high)
    for row, place in zip(ranked.itertuples(), places, strict=True):
        text = row.scheme.replace("_", " ")
        if row.shown > row.profit:
            text += f" ({row.profit:,.0f})"
        axes.annotate(
            text, (row.members_end, row.shown), xytext=(right, place), textcoords="data",
            fontsize=8.5, va="center", annotation_clip=False, color=FRONT if row.best else INK,
            arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.6},
        )  # fmt: skip


def draw_pareto(outcomes: pd.DataFrame, harmed: pd.DataFrame, path: Path) -> None:
    """Write the picture: a panel per network, the line joins schemes that no other beats."""
    usual = outcomes[outcomes["world"] == "default"]
    joined = usual.merge(harmed[["network", "scheme", "profit_lost"]], on=["network", "scheme"])
    networks = list(joined["network"].unique())
    figure, panels = plt.subplots(
        1, len(networks), figsize=(7.2 * len(networks), 5.4), squeeze=False, layout="constrained"
    )
    for axes, network in zip(panels[0], networks, strict=True):
        _panel(axes, joined[joined["network"] == network], network)
    panels[0][0].set_ylabel("profit, more than without pay (EUR)")
    figure.suptitle(
        "The same money, paid in fourteen ways: blue is unbeaten in profit and members together;\n"
        "orange is what one opportunist in twenty takes",
        x=0.01, ha="left", fontsize=12,
    )  # fmt: skip
    figure.savefig(path, dpi=150)
    plt.close(figure)
