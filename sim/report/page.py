"""The page of a study: answer, table, figures, honesty, doubts, assumptions, how to repeat it."""

from __future__ import annotations

import base64
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sim.report import style
from sim.report.drawing import Drawing
from sim.report.honesty import PICTURES, honesty
from sim.report.study import Interval, Study, mean_interval
from sim.report.style import DASH, count, money, percent, plural, span
from sim.scenario import Scenario
from sim.studies.compare import branch_note
from sim.studies.findings.memo import Memo, memo_of_comparison
from sim.studies.wording import policy_text

TEMPLATES = Path(__file__).parent / "templates"
FEW_RUNS = 5
SPENT = 0.9  # share of a budget from which it is called used up
SINGLE_RUN = (
    "This is a single run: another world or other luck gives other numbers. "
    "`vouch compare` repeats it and gives intervals."
)


class Row(NamedTuple):
    """A policy in the table of results; texts."""

    policy: str
    colour: str
    is_baseline: bool
    orders: str
    extra: str
    extra_span: str
    cost: str
    profit: str
    profit_span: str
    members: str
    retention: str
    best: str


class Fact(NamedTuple):
    """A name and what it is."""

    name: str
    text: str


def page(study: Study, drawings: Sequence[Drawing], pictures: Mapping[str, bytes]) -> str:
    """The report as HTML, with pictures (PNG by name of the drawing) and style inside."""
    looks = style.looks(study)
    figures = {one.name: (one, base64.b64encode(pictures[one.name]).decode()) for one in drawings}
    honest = honesty(study)
    # Without its tables the section has no place for its figures.
    apart = () if honest is None else PICTURES
    return render(
        "report.html",
        memo=None if study.summary is None else memo(study),
        name=study.scenario.name,
        headline=headline(study),
        runs=_runs(study),
        currency=study.scenario.currency,
        is_comparison=study.summary is not None,
        baseline=None if study.baseline is None else policy_text(study.baseline),
        is_joint=len(study.rivals) > 1,
        places=places(study),
        rows=_rows(study, {name: style.ink(look) for name, look in looks.items()}),
        figures=[figures[name] for name in figures if name not in apart],
        honesty=honest,
        honesty_figures=[figures[name] for name in apart if name in figures],
        doubts=doubts(study),
        products=_products(study.scenario),
        world=world_facts(study.scenario),
        policies=[policy_fact(study.scenario, name, study.baseline) for name in study.policies],
        changes=changed_fields(study.scenario),
        repeat=repeat_facts(study.manifest),
        command=command_of(study.manifest),
    )


def render(template: str, **values: Any) -> str:
    """A page of :data:`TEMPLATES`, with everything it asks for."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(template).render(**values)


def memo(study: Study) -> Memo | None:
    """The decision memo of a comparison, None where its summary does not hold what it takes."""
    try:
        return memo_of_comparison(study.summary or {})
    except (KeyError, TypeError, AttributeError):
        return None


def headline(study: Study) -> tuple[str, str]:
    """The sentence the study comes to: what is said large, and the rest."""
    sentence = verdict(study)
    if study.summary is None:
        return sentence, ""
    start, _, rest = sentence.partition(": ")
    return start, rest


def verdict(study: Study) -> str:
    """The verdict saved with the study, or what the one run gave."""
    if study.summary is not None:
        return str(study.summary.get("verdict", "no verdict was saved with this study"))
    name = study.ranked[0]
    orders, profit = study.mean(name, "orders"), study.mean(name, "profit_cents")
    earned = money(profit, study.scenario.currency)
    return (
        f"{policy_text(name, starts=True)}: {plural(orders, 'order')} and {earned} profit in "
        f"{study.days} days"
    )


def places(study: Study) -> str:
    """Which policies can be told apart, in a line; "" where there are two or it was not saved."""
    line = study.ranking_line
    if not line:
        return ""
    what = study.objective.removesuffix("_cents").replace("_", " ")
    return f"Places by {what}, all of them together 95 % sure: {line}."


def _runs(study: Study) -> str:
    several = len(study.policies) > 1
    only = policy_text(study.policies[0], starts=True)
    policies = f"{len(study.policies)} policies" if several else only
    runs = "one run" if study.replications == 1 else f"{study.replications} runs each"
    same = " in the same worlds with the same luck" if several else ""
    note = branch_note(study.scenario) if several else None
    return f"{policies}, {runs}{same}, {study.days} days." + (
        f" {note.rstrip('.')}." if note else ""
    )


class _Scales(NamedTuple):
    """The largest number of a column, so that all of it has the same decimals."""

    extra: float
    cost: float
    profit: float


def _rows(study: Study, colours: Mapping[str, str]) -> list[Row]:
    costs = [study.cents_per_extra_order(name) for name in study.rivals]
    gains = study.gains("profit_cents")
    scales = _Scales(
        extra=style.widest(study.extra_orders(name) for name in study.rivals),
        cost=max((cost for cost in costs if math.isfinite(cost)), default=0.0),
        profit=style.widest(gains.values()),
    )
    return [_row(study, name, colours[name], gains.get(name), scales) for name in study.ranked]


def _row(study: Study, name: str, colour: str, gain: Interval | None, scales: _Scales) -> Row:
    unit = study.scenario.currency
    extra = study.extra_orders(name)
    cost = study.cents_per_extra_order(name)
    return Row(
        policy=policy_text(name),
        colour=colour,
        is_baseline=gain is None,
        orders=count(study.mean(name, "orders")),
        extra=DASH if gain is None else count(extra.mean, plus=True, scale=scales.extra),
        extra_span="" if gain is None else _within(extra, count, scales.extra),
        cost=DASH if gain is None else money(cost, unit, scale=scales.cost),
        profit=DASH if gain is None else money(gain.mean, unit, plus=True, scale=scales.profit),
        profit_span="" if gain is None else _within(gain, money, scales.profit),
        members=count(study.mean(name, "members_end")),
        retention=percent(study.mean(name, "retention_d30")),
        best=style.probability(study.probability_of_best(name)),
    )


def _within(interval: Interval, write: Callable[..., str], scale: float) -> str:
    return span(interval, partial(write, plus=True), scale) if math.isfinite(interval.low) else ""


# ---------------------------------------------------------------------------------- doubts


def doubts(study: Study) -> list[str]:
    """What could be wrong with the answer, in sentences."""
    if study.summary is None:
        return [SINGLE_RUN]
    found = []
    if study.summary.get("interrupted"):
        found.append("The study was interrupted: it holds the runs that were finished.")
    found += [str(text) for text in study.summary.get("warnings") or []]
    if study.replications < FEW_RUNS:
        runs = plural(study.replications, "run")
        found.append(f"Only {runs} of each policy: the intervals are wide and rough.")
    return found + _narrow_lead(study) + _anyway(study) + _budgets(study)


def _narrow_lead(study: Study) -> list[str]:
    """The best policy's lead over the next one where it is within its interval."""
    if len(study.policies) < 2:
        return []
    ordered = sorted(study.policies, key=lambda name: -study.mean(name, study.objective))
    first, second = ordered[:2]
    lead = mean_interval(
        study.values(first, study.objective) - study.values(second, study.objective)
    )
    if not math.isfinite(lead.low) or lead.low > 0:
        return []
    what = study.objective.removesuffix("_cents").replace("_", " ")
    is_money = study.objective.endswith("_cents")
    write = partial(money if is_money else count, plus=True)
    unit = f" {study.scenario.currency}" if is_money else ""
    ahead, behind = policy_text(first, starts=True), policy_text(second)
    if lead.mean == 0:
        return [f"{ahead} and {behind} have the same {what} on average."]
    return [
        f"{ahead} leads {behind} by less than its interval: {write(lead.mean)}{unit} {what} "
        f"({span(lead, write)}). More replications may turn them round."
    ]


def _anyway(study: Study) -> list[str]:
    found = []
    for name in study.rivals:
        anyway, extra = study.mean(name, "cannibalised_orders"), study.extra_orders(name).mean
        if anyway > max(extra, 0.0):
            found.append(
                f"{name} pays for {plural(anyway, 'order')} that would have come anyway, and "
                f"brings {count(extra)} extra."
            )
    return found


def _budgets(study: Study) -> list[str]:
    found = []
    for name in study.policies:
        policy = study.scenario.policies.get(name)
        budget = policy.parameters.get("budget") if policy else None
        if not isinstance(budget, int | float) or budget <= 0:
            continue
        spent = study.values(name, "payout_cents") + study.values(name, "discount_cents")
        used_up = int((spent >= SPENT * 100 * budget).sum())
        if used_up:
            found.append(
                f"{name} used {percent(SPENT, 0)} or more of its budget of "
                f"{money(100 * budget, study.scenario.currency)} in {used_up} of "
                f"{plural(study.replications, 'run')}; once it is spent nobody is paid, and a "
                "larger one may change the answer."
            )
    return found


# ----------------------------------------------------------------------------- assumptions


def _products(scenario: Scenario) -> list[tuple[str, str, str, str, str]]:
    """Name, price, unit cost, margin and days between orders of each product."""
    return [
        (
            product.name,
            f"{product.price:,.2f}",
            f"{product.unit_cost:,.2f}",
            f"{product.price - product.unit_cost:,.2f}",
            f"{product.repurchase_days:,g} days",
        )
        for product in scenario.products
    ]


def world_facts(scenario: Scenario) -> list[Fact]:
    """People, ties, time, attribution and campaign of a scenario."""
    network, campaign, attribution = scenario.network, scenario.campaign, scenario.attribution
    size = "as the network file says" if network.file else f"{scenario.population.size:,} people"
    ties = [f"{name.replace('_', ' ')} {value:g}" for name, value in network.parameters().items()]
    source = f"file {Path(network.file).name}" if network.file else network.kind
    existing = "count too" if attribution.existing_customers else "do not count"
    plans = [
        plural(len(items), word)
        for items, word in (
            (campaign.advertising, "advertising flight"), (campaign.activities, "activity day"),
            (campaign.price_changes, "price change"), (campaign.win_backs, "win-back mailing"),
        )
        if items
    ]  # fmt: skip
    if campaign.seeding.count:
        plans.append(f"{campaign.seeding.count:,} seeded people ({campaign.seeding.choose})")
    return [
        Fact(
            "Population", f"{size}; {percent(campaign.initial_customers, 0)} are customers on day 0"
        ),
        Fact("Network", ", ".join([source, *ties])),
        Fact("Time", f"{scenario.days:g} days in steps of {scenario.dt:g}"),
        Fact(
            "Attribution",
            f"{attribution.model.replace('_', ' ')} within {attribution.window_days:g} days; "
            f"orders of existing customers {existing}",
        ),
        Fact("Campaign", ", ".join(plans) if plans else "nothing besides the policies"),
    ]


def policy_fact(scenario: Scenario, name: str, baseline: str | None) -> Fact:
    """A policy with its terms."""
    policy = scenario.policies.get(name)
    label = policy_text(name) + (" (baseline)" if name == baseline else "")
    if policy is None:
        return Fact(label, "terms are not in scenario.toml")
    terms = [f"{key.replace('_', ' ')} {_plain(value)}" for key, value in policy.parameters.items()]
    scheme = "nothing is paid" if policy.scheme == "none" else policy.scheme.replace("_", " ")
    return Fact(label, ": ".join([scheme, ", ".join(terms)]) if terms else scheme)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.10g}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    return str(value)


def changed_fields(scenario: Scenario) -> list[Fact]:
    """Fields of the world that differ from the defaults, by dotted name."""
    written, default = (_flat(one.to_table()) for one in (scenario, Scenario()))
    sections = ("population.", "behavior.", "campaign.", "attribution.", "compare.")
    return [
        Fact(name, f"{_plain(value)} (default {_plain(default.get(name, 'unset'))})")
        for name, value in written.items()
        if name.startswith(sections) and default.get(name) != value
    ]


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        elif not (isinstance(value, list) and value and isinstance(value[0], Mapping)):
            found[prefix + name] = value
    return found


# ---------------------------------------------------------------------------------- repeat


def command_of(manifest: Mapping[str, Any]) -> str:
    """The command that made a study."""
    command = manifest.get("command", "")
    return shlex.join(map(str, command)) if isinstance(command, list) else str(command)


def repeat_facts(manifest: Mapping[str, Any]) -> list[Fact]:
    """What the manifest says besides the command and the file names."""
    facts = []
    for name, value in manifest.items():
        if name in ("command", "files") or value is None:
            continue
        if isinstance(value, dict):
            text = ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
        else:
            text = str(value) if name == "seed" else _plain(value)
        facts.append(Fact(name.replace("_", " "), text))
    return facts
