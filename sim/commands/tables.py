"""Results as tables of 80 columns: the verdict first, then what happened, then the differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.markup import escape
from rich.table import Table

from sim.studies.files import PEOPLE
from sim.studies.flags import Flag
from sim.studies.wording import (
    DASH,
    chance,
    column_digits,
    figure,
    label,
    money,
    number,
    percent,
    span,
)

if TYPE_CHECKING:
    from sim.studies.comparison import Comparison

_GROUPS: dict[str, tuple[str, ...]] = {
    "Sales": (
        "orders", "new_customers", "referred_orders", "referred_share", "k_factor", "mean_depth",
    ),
    "Money": (
        "revenue_cents", "discount_cents", "refund_cents", "net_revenue_cents", "cost_cents",
        "payout_cents", "profit_cents",
    ),
    "Earnings and debts": (
        "nonearner_share", "median_earnings_cents", "earner_share", "gini_earnings",
        "unpaid_cents", "held_cents", "capped_cents", "points_liability_cents", "debt_cents",
        "unlinked_share",
    ),
    "Sharing": (
        "sharers", "shares", "impressions", "clicks", "visits_per_share",
        "orders_per_recommendation", "mutes", "warnings",
    ),
    "Staying": (
        "members_end", "mau", "dau_over_mau", "retention_d1", "retention_d7", "retention_d30",
        "lapse_rate", "repeat_share_d30", "trust_mean",
    ),
    "Abuse": ("fake_orders", "ring_orders", "phantom_orders"),
}  # fmt: skip

_MOST_FLAGS = 6
_SEVERITY_STYLES = {"breach": "bold red", "warning": "yellow"}


def plain_table(title: str, *columns: str, left: int = 1) -> Table:
    """An open table; columns after the first ``left`` are numbers, aligned to the right."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False,
        header_style="dim", collapse_padding=True, padding=(0, 2, 0, 0),
    )  # fmt: skip
    for place, column in enumerate(columns):
        justify: Literal["left", "right"] = "left" if place < left else "right"
        # Where room is short names are broken, never figures.
        table.add_column(column, justify=justify, overflow="fold", no_wrap=place >= left)
    return table


def run_tables(outcomes: Mapping[str, float | int], currency: str) -> Iterator[Table | str]:
    """The outcomes of one run, in groups; abuse only where there was any."""
    for group, measures in _GROUPS.items():
        if group == "Abuse" and not any(outcomes[measure] for measure in measures):
            continue
        table = plain_table(group, "", "")
        table.show_header = False
        table.columns[0].width = 28
        table.columns[1].width = 16
        for measure in measures:
            unit = f" {currency}" if measure.endswith("_cents") else ""
            table.add_row(label(measure) + unit, figure(measure, outcomes[measure]))
        yield table
        yield ""


def comparison_tables(comparison: Comparison) -> Iterator[Table | str]:
    """A comparison as a strategist reads it."""
    yield f"[bold]{escape(comparison.verdict())}[/bold]"
    yield ""
    if grave := [flag for flag in comparison.flags if flag.severity != "note"]:
        yield _flags(grave)
        yield ""
    yield _outcomes(comparison)
    yield ""
    yield _differences(comparison)
    yield ""
    yield _origins(comparison)
    yield ""
    yield _footer(comparison)


def _flags(grave: Sequence[Flag]) -> str:
    """A line per warning or breach, the gravest; how many more the report has."""
    lines = [
        f"[{_SEVERITY_STYLES[flag.severity]}]{flag.severity}[/] {escape(flag.policy)}: "
        f"{escape(flag.message)}"
        for flag in grave[:_MOST_FLAGS]
    ]
    if len(grave) > _MOST_FLAGS:
        lines.append(f"[dim]and {len(grave) - _MOST_FLAGS} more, see the report[/dim]")
    return "\n".join(lines)


def _outcomes(comparison: Comparison) -> Table:
    scenario = comparison.scenario
    table = plain_table(
        f"Means of a run of {scenario.days:g} days, in {escape(scenario.currency)}",
        "policy", "orders", "joined", "revenue", "paid\nout", "discount", "profit", "members",
        "D30",
    )  # fmt: skip
    measures = (
        "orders", "new_customers", "net_revenue_cents", "payout_cents", "discount_cents",
        "profit_cents", "members_end", "retention_d30",
    )  # fmt: skip
    columns = [_means(comparison, comparison.policies, measure) for measure in measures]
    for policy, *cells in zip(comparison.policies, *columns, strict=True):
        table.add_row(escape(policy), *cells)
    return table


def _means(
    comparison: Comparison, policies: Sequence[str], measure: str, signed: bool = False
) -> list[str]:
    """A column of means, all with as many decimals."""
    means = [comparison.interval(policy, measure).mean for policy in policies]
    digits = column_digits(measure, means)
    return [figure(measure, mean, signed, digits) for mean in means]


def _differences(comparison: Comparison) -> Table:
    objective = comparison.objective
    measures = tuple(dict.fromkeys((objective, "orders")))
    columns = [part for measure in measures for part in (label(measure), "95 %")]
    table = plain_table(
        f"Change against {escape(comparison.baseline)} in the same worlds",
        "policy", *columns, "better\nin", "P(best)",
    )  # fmt: skip
    best = comparison.probability_of_best()
    found = {measure: comparison.differences(measure) for measure in measures}
    digits = {
        measure: column_digits(measure, rows[["mean", "low", "high"]].to_numpy().ravel())
        for measure, rows in found.items()
    }
    for policy in comparison.rivals:
        cells = []
        for measure in measures:
            mean, low, high = found[measure].loc[policy, ["mean", "low", "high"]].astype(float)
            cells.append(figure(measure, mean, signed=True, digits=digits[measure]))
            cells.append(span(measure, low, high, digits[measure]))
        share = percent(float(found[objective].loc[policy, "better_share"]), digits=0)
        table.add_row(escape(policy), *cells, share, chance(best[policy]))
    if comparison.baseline in comparison.policies:
        blank = [DASH] * (2 * len(measures) + 1)
        table.add_row(escape(comparison.baseline), *blank, chance(best[comparison.baseline]))
    return table


def _origins(comparison: Comparison) -> Table:
    table = plain_table(
        "Orders it caused, brought forward, and paid for though they would have come anyway",
        "policy", "incremental", "accelerated", "cannibalised",
        f"{escape(comparison.scenario.currency)} per\nextra order", "return",
    )  # fmt: skip
    rivals = comparison.rivals
    costs = [comparison.cost_per_order(policy) for policy in rivals]
    digits = column_digits("cost_cents", costs)
    columns = [
        _means(comparison, rivals, "incremental_orders", signed=True),
        _means(comparison, rivals, "accelerated_orders"),
        _means(comparison, rivals, "cannibalised_orders"),
        [money(cost, digits=digits) for cost in costs],
        _means(comparison, rivals, "roi"),
    ]
    for policy, *cells in zip(rivals, *columns, strict=True):
        table.add_row(escape(policy), *cells)
    return table


def _footer(comparison: Comparison) -> str:
    asked = comparison.scenario.compare.precision
    reached = comparison.precision_reached()
    ratios = comparison.differences(comparison.objective)["variance_ratio"]
    usable = [ratio for ratio in ratios if math.isfinite(ratio)]
    lines = [
        f"{comparison.replications} replications; half width of the intervals at most "
        f"{percent(reached)} of the baseline's mean (asked for: {percent(asked)})."
    ]
    if usable:
        saved_by = number(min(usable))
        lines.append(
            f"Without common random numbers it would take {saved_by} times as many or more."
        )
    if comparison.interrupted:
        lines.insert(0, "[bold]Interrupted: these are the replications that were finished.[/bold]")
    return "\n".join(lines)


def saved(folder: Path, report: Path | None) -> str:
    """Where the files are."""
    lines = [f"Files: {escape(str(folder))}"]
    if (folder / PEOPLE).exists():
        lines.append(f"{PEOPLE} there has the ids of the network file for the consumer numbers.")
    if report:
        lines.append(f"Report: {escape(str(report))}")
    return "\n".join(lines)
