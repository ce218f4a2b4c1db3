"""``vouch run --explain``: every mechanism of a scenario, on or off, with numbers and sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from sim.model import policy_scheme
from sim.scenario import Scenario

if TYPE_CHECKING:
    from rich.table import Table


class Coefficient(NamedTuple):
    """A number of a scenario. ``on`` is None where the number switches nothing on or off."""

    section: str
    field: str
    value: Any
    unit: str
    neutral: float | None
    on: bool | None
    source: str
    description: str


def coefficients(scenario: Scenario, policy: str) -> list[Coefficient]:
    """Every number that is set in a scenario and in the scheme of ``policy``."""
    found: list[Coefficient] = []
    for name in ("behavior", "population", "campaign", "attribution"):
        found += _numbers(getattr(scenario, name), name)
    for place, product in enumerate(scenario.products):
        found += _numbers(product, f"products.{place} ({product.name})")
    scheme = policy_scheme(scenario, policy)
    return found + list(_numbers(scheme, f"policies.{policy} ({scheme.name})"))


def _numbers(section: BaseModel, path: str) -> Iterator[Coefficient]:
    inner = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        extra = field.json_schema_extra
        if isinstance(value, BaseModel):
            inner.append((value, f"{path}.{name}"))
        elif isinstance(extra, dict) and not isinstance(value, str | tuple | None):
            neutral = extra.get("neutral")
            yield Coefficient(
                section=path,
                field=name,
                value=value,
                unit=str(extra.get("unit")),
                neutral=neutral if isinstance(neutral, int | float) else None,
                on=None if neutral is None else value != neutral,
                source=str(extra.get("source")),
                description=field.description or "",
            )
    for value, name in inner:
        yield from _numbers(value, name)


def explain_tables(found: list[Coefficient]) -> Iterator[Table | str]:
    """A table per section with what is on and its coefficients, then a list of what is off."""
    from rich.markup import escape
    from rich.table import Table

    for section in dict.fromkeys(one.section for one in found):
        rows = [one for one in found if one.section == section and one.on is not False]
        if not rows:
            continue
        table = Table(
            title=section, title_justify="left", title_style="bold", box=None, width=80,
            pad_edge=False, show_edge=False, header_style="dim",
        )  # fmt: skip
        table.add_column("", width=2)
        table.add_column("coefficient", width=19, overflow="fold")
        table.add_column("value", justify="right", width=8)
        table.add_column("unit", width=17, overflow="fold")
        table.add_column("source", width=28, overflow="fold")
        for one in rows:
            mark = "on" if one.on else ""
            value = f"{one.value:g}" if isinstance(one.value, float) else str(one.value)
            table.add_row(mark, one.field, value, escape(one.unit), escape(one.source))
        yield table
        yield ""
    off = [
        f"{one.section.split(' ')[0]}.{one.field} = {one.value:g}"
        for one in found
        if one.on is False
    ]
    yield "[bold]Off[/bold] (at the value that removes the mechanism)"
    yield "  " + ("\n  ".join(off) if off else "nothing")
