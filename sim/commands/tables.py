"""Results as tables of 80 columns: the verdict first, then what happened, then the differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.markup import escape
from rich.table import Table

from sim.studies.abuse import IN_HAND
from sim.studies.files import PEOPLE
from sim.studies.flags import Flag
from sim.studies.statistics import Interval
from sim.studies.wording import (
    DASH,
    chance,
    column_digits,
    figure,
    label,
    money,
    number,
    percent,
    policy_text,
    span,
)

if TYPE_CHECKING:
    import pandas as pd

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
}  # fmt: skip

ENOUGH_TO_COMPARE_VARIANCES = 10
"""Replications from which the figure is of use: with ten it is right to a factor of two or so."""

_FRAUDS = {
    "fake": "under an invented name", "ring": "credited to a fellow",
    "phantom": "to send back or sell on",
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


def run_tables(
    outcomes: Mapping[str, float | int], attack: Mapping[str, float] | None, currency: str
) -> Iterator[Table | str]:
    """The outcomes of one run, in groups, then what opportunists took where there are any.

    attack : see :func:`sim.opportunists.attack_summary`.
    """
    for group, measures in _GROUPS.items():
        table = plain_table(group, "", "")
        table.show_header = False
        table.columns[0].width = 28
        table.columns[1].width = 16
        for measure in measures:
            unit = f" {currency}" if measure.endswith("_cents") else ""
            table.add_row(label(measure) + unit, figure(measure, outcomes[measure]))
        yield table
        yield ""

    if attack is not None:
        yield _attack(attack, currency)
        yield _attack_in_all(attack, currency)
        yield ""


def _attack(attack: Mapping[str, float], currency: str) -> Table:
    table = plain_table("What opportunists did", "", "orders", f"commission {escape(currency)}")
    table.columns[0].width = 28
    for kind, what in _FRAUDS.items():
        in_hand = sum(attack[f"{kind}_{state}_cents"] for state in IN_HAND)
        table.add_row(what, number(attack[f"{kind}_orders"]), money(in_hand))
    return table


def _attack_in_all(attack: Mapping[str, float], currency: str) -> str:
    earned, discount = money(attack["attack_earned_cents"]), money(attack["discount_cents"])
    share = percent(attack["fraud_share"], digits=0)
    withheld, people = money(attack["honest_hit_cents"]), number(attack["honest_hit"])
    unit = escape(currency)
    return (
        f"The attack earned {earned} {unit}, {discount} of it as discounts, and {share} of all "
        f"commission. The check against it hit {people} honest people ({withheld} {unit})."
    )


def comparison_tables(comparison: Comparison) -> Iterator[Table | str]:
    """A comparison as a strategist reads it."""
    if comparison.interrupted:
        yield "[bold]Interrupted: this is of the replications that were finished.[/bold]"
        yield ""
    yield f"[bold]{escape(comparison.verdict())}[/bold]"
    yield ""
    if len(comparison.standing.names) > 2:
        yield f"Places, together 95 % sure: {escape(comparison.standing.line)}"
        yield ""
    if grave := [flag for flag in comparison.flags if flag.severity != "note"]:
        yield _flags(grave)
        yield ""
    if comparison.rules is not None:
        yield f"{escape(comparison.rules_finding or '')}."
        yield ""
        yield _rules(comparison.rules, comparison.scenario.currency)
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
        f"[{_SEVERITY_STYLES[flag.severity]}]{flag.severity}[/] "
        f"{escape(policy_text(flag.policy))}: "
        f"{escape(flag.message)}"
        for flag in grave[:_MOST_FLAGS]
    ]
    if len(grave) > _MOST_FLAGS:
        lines.append(f"[dim]and {len(grave) - _MOST_FLAGS} more, see the report[/dim]")
    return "\n".join(lines)


def _rules(rules: pd.DataFrame, currency: str) -> Table:
    """A row per rule: what the attack earns with it, and what it saves and costs."""
    policy, worlds = escape(rules["policy"].iloc[0]), rules["replications"].iloc[0]
    table = plain_table(
        f"{policy} with one rule more, means of {worlds} worlds in {escape(currency)}, 95 % ±",
        "rule", "attack\nearns", "saved", "±", "honest\nhit", "orders\nlost", "profit", "±",
    )  # fmt: skip
    names = ("attack_earned_cents", "saved_cents", "honest_hit", "orders_lost", "profit_gain_cents")
    digits = {name: column_digits(name, rules[name]) for name in names}

    def cell(row: Any, name: str, part: str = "", signed: bool = False) -> str:
        return figure(name, float(row[name + part]), signed, digits[name])

    for place, (_, row) in enumerate(rules.iterrows()):
        changes = [
            cell(row, "saved_cents"),
            cell(row, "saved_cents", "_half_width"),
            cell(row, "honest_hit"),
            cell(row, "orders_lost"),
            cell(row, "profit_gain_cents", signed=True),
            cell(row, "profit_gain_cents", "_half_width"),
        ]
        # The first row is the policy as it is, from which the others differ.
        table.add_row(
            escape(row["rule"]),
            cell(row, "attack_earned_cents"),
            *(changes if place else [DASH] * len(changes)),
        )
    return table


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
        table.add_row(escape(policy_text(policy)), *cells)
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
    together = ", 95 % for all at once" if len(comparison.rivals) > 1 else ""
    table = plain_table(
        f"Change against {escape(policy_text(comparison.baseline))} in the same worlds{together}",
        "policy", *columns, "better\nin", "P(best)",
    )  # fmt: skip
    best = comparison.probability_of_best()
    gains = {measure: comparison.gains(measure) for measure in measures}
    digits = {
        measure: column_digits(measure, _ends(rows.values())) for measure, rows in gains.items()
    }
    for policy in comparison.rivals:
        cells = []
        for measure in measures:
            gain = gains[measure][policy]
            cells.append(figure(measure, gain.mean, signed=True, digits=digits[measure]))
            cells.append(span(measure, gain.low, gain.high, digits[measure]))
        share = percent(comparison.difference(policy, objective)["better_share"], digits=0)
        table.add_row(escape(policy_text(policy)), *cells, share, chance(best[policy]))
    if comparison.baseline in comparison.policies:
        blank = [DASH] * (2 * len(measures) + 1)
        name = escape(policy_text(comparison.baseline))
        table.add_row(name, *blank, chance(best[comparison.baseline]))
    return table


def _ends(intervals: Iterable[Interval]) -> Iterator[float]:
    for one in intervals:
        yield from (one.mean, one.low, one.high)


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
    text = (
        f"{comparison.replications} replications; half width of an interval by itself at most "
        f"{percent(reached)} of the baseline's mean (asked for: {percent(asked)})"
    )
    if reached > asked:
        most = comparison.scenario.compare.maximum_replications
        text += (
            ". Without --replications they are added until it is reached, up to "
            f"compare.maximum_replications = {most}"
        )
    return "\n".join([f"{text}.", *_saved_by_pairing(comparison)])


def _saved_by_pairing(comparison: Comparison) -> list[str]:
    """How many more runs the differences would take without common random numbers, in a sentence.

    The main difference, that of the best policy that differs from the baseline, and the range of
    the others. Nothing where the replications are too few to tell.
    """
    if comparison.replications < ENOUGH_TO_COMPARE_VARIANCES or not comparison.rivals:
        return []
    objective = comparison.objective
    ratios = {
        policy: comparison.difference(policy, objective)["variance_ratio"]
        for policy in comparison.rivals
    }
    main = max(ratios, key=lambda policy: comparison.values(policy, objective).mean())
    if not math.isfinite(ratios[main]):
        return []
    twin = policy_text(comparison.baseline)
    text = (
        f"Without common random numbers the difference between {escape(policy_text(main))} and "
        f"{escape(twin)} would take {number(ratios[main])} times as many"
    )
    others = [ratio for name, ratio in ratios.items() if name != main and math.isfinite(ratio)]
    if others:
        low, high = number(min(others)), number(max(others))
        text += f", the others {low if low == high else f'{low} to {high}'} times"
    return [f"{text}."]


def saved(folder: Path, report: Path | None) -> str:
    """Where the files are."""
    lines = [f"Files: {escape(str(folder))}"]
    if (folder / PEOPLE).exists():
        lines.append(f"{PEOPLE} there has the ids of the network file for the consumer numbers.")
    if report:
        lines.append(f"Report: {escape(str(report))}")
    return "\n".join(lines)
