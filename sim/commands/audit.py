"""``vouch audit``: what policies can cost and how they can be gamed, before anything is run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from sim.audit import Audit, FalseNames, Finding, audit
from sim.commands.console import Output
from sim.commands.loading import with_policies
from sim.commands.look import write_result
from sim.commands.tables import plain_table
from sim.scenario import Scenario
from sim.studies.wording import DASH, listed, money, number, percent

BROKEN = 1
"""Exit code when a hard invariant is broken."""

_MARKS = {"held": "[green]✓[/green]", "broken": "[red]✗[/red]", "n.a.": f"[dim]{DASH}[/dim]"}


def audit_policies(
    scenario: Scenario,
    *,
    policies: Sequence[str],
    identity_cost: float,
    output: Output,
    out: Path | None,
    overwrite: bool,
) -> None:
    """Audit policies of a scenario; ends with exit code BROKEN if one breaks a hard invariant."""
    scenario, names = with_policies(scenario, policies)
    audits = audit(scenario, names, identity_cost=identity_cost)
    document = {
        "scenario": scenario.name,
        "passed": all(one.passed for one in audits.values()),
        "policies": {name: one.to_dict() for name, one in audits.items()},
    }
    write_result(document, out, overwrite)
    output.show(*audit_tables(list(audits.values())))
    output.result(document)
    if not document["passed"]:
        raise typer.Exit(BROKEN)


def audit_tables(audits: Sequence[Audit]) -> Iterator[Table | str]:
    """Audits as a strategist reads them: the verdict first."""
    if len(audits) > 1:
        yield _overview(audits)
        yield ""
    for one in audits:
        yield f"[bold]{escape(one.policy)}[/bold] [dim]({escape(one.scheme)})[/dim]"
        yield f"[bold]{escape(one.verdict())}[/bold]"
        yield ""
        if one.dearest.spent_cents:
            yield _costs(one)
            yield _in_all(one)
            yield ""
            yield _attacks(one)
            yield _limits(one)
            yield ""
        yield _invariants(one.findings)
        yield ""


def _overview(audits: Sequence[Audit]) -> Table:
    table = plain_table(
        f"Referred orders, in {escape(audits[0].currency)}",
        "policy", "most\nan order", "breaks\neven at", "margin", "a faker\nearns", "a ring\nearns",
        "broken",
    )  # fmt: skip
    for one in audits:
        ring = max(ring.per_order_cents for ring in one.rings)
        broken = [found.invariant for found in one.findings if found.status == "broken"]
        table.add_row(
            escape(one.policy), money(one.dearest.spent_cents),
            percent(one.costliest.break_even_margin, digits=0),
            percent(one.costliest.margin_share, digits=0), money(one.best_fake_cents),
            money(ring), " ".join(broken) or DASH,
        )  # fmt: skip
    return table


def _costs(one: Audit) -> Table:
    table = plain_table(
        f"What a referred order costs at most, in {escape(one.currency)}",
        "product", "price", "sharers", "friend", "breaks\neven at", "margin", "must be\nextra",
    )  # fmt: skip
    for product in one.products:
        extra = percent(product.break_even_incremental, digits=0)
        table.add_row(
            escape(product.product), money(product.price_cents), money(product.commission_cents),
            money(product.discount_cents), percent(product.break_even_margin, digits=0),
            percent(product.margin_share, digits=0),
            extra if product.break_even_incremental <= 1 else "never pays",
        )  # fmt: skip
    return table


def _in_all(one: Audit) -> str:
    unit = escape(one.currency)
    whole = "no limit" if one.budget_cents is None else f"at most {money(one.budget_cents)} {unit}"
    refused = [name for name, allowed in one.allowed_levels.items() if not allowed]
    law = f"refused in {listed(refused)}" if refused else "allowed in every jurisdiction profile"
    levels = "1 level" if one.paid_levels == 1 else f"{one.paid_levels} levels"
    return (
        f"In all: {whole}; 1,000 referred orders cost up to {money(one.thousand_cents)} "
        f"{unit}.\nPays {levels}: {law}."
    )


def _attacks(one: Audit) -> Table:
    names = one.false_names
    table = plain_table(
        f"What false play brings per order of {escape(one.attacked_product)}, "
        f"in {escape(one.currency)}",
        "identities or people", *(str(found.identities) for found in names),
    )  # fmt: skip
    cost = one.identity_cost_cents
    rows: list[tuple[str, Callable[[FalseNames], float]]] = [
        ("own order through a chain of them", lambda g: g.self_cents),
        ("own orders, one for each", lambda g: g.star_cents / g.identities),
        ("standing between a friend and her", lambda g: g.chain_cents),
        ("sharing the links of ten sales", lambda g: g.split_cents / 10),
    ]
    if cost:
        rows.insert(1, ("  after what they cost", lambda g: g.self_cents - g.identities * cost))
    for label, gain in rows:
        table.add_row(label, *(money(gain(found)) for found in names))
    by_size = {ring.members: money(ring.per_order_cents) for ring in one.rings}
    table.add_row("a ring of buyers", *(by_size.get(found.identities, DASH) for found in names))
    return table


def _limits(one: Audit) -> str:
    unit = escape(one.currency)
    most = (
        "no limit but her orders"
        if one.attacker_cents is None
        else f"at most {money(one.attacker_cents)} {unit}"
    )
    lines = [f"One attacker with five names takes in 30 days: {most}."]
    if one.similarity_check:
        lines.append(
            f"The check recognises {percent(one.similarity_check, digits=0)} of such orders; "
            "the figures are without it."
        )
    sent_back = one.phantom
    if sent_back is not None and sent_back.kept_cents:
        orders = "1 order" if sent_back.orders == 1 else f"{number(sent_back.orders)} orders"
        lines.append(
            f"[red]By {orders} bought only to be sent back on the last day she gets "
            f"{money(sent_back.kept_cents)} {unit} and owes {money(sent_back.owed_cents)}: "
            "hold pay for longer.[/red]"
        )
    if not math.isclose(one.unlinked_share, 0):
        lines.append(
            f"[red]{percent(one.unlinked_share, digits=0)} of the pay needs no sale that "
            "stands.[/red]"
        )
    lines += [f"Warning: {escape(text)}" for text in one.warnings]
    return "\n".join(lines)


def _invariants(findings: Sequence[Finding]) -> Table:
    table = plain_table("Invariants", "", "", "", left=3)
    table.show_header = False
    for found in findings:
        title = found.title if found.status != "n.a." else f"[dim]{found.title}[/dim]"
        table.add_row(_MARKS[found.status], found.invariant, title)
        for line in found.example:
            table.add_row("", "", f"  {escape(line)}")
    return table
