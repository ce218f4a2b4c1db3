"""Every number of a scenario as it is declared, for the pages that list them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.report.evidence import evidence
from sim.scenario import Scenario

_UNBOUNDED = 10**6  # upper bounds from here on only keep numbers finite


class Parameter(NamedTuple):
    """A field of a scenario. ``path`` is what a user writes; [] marks an item of a list."""

    path: str
    default: Any
    bounds: str
    unit: str
    neutral: float | None
    kind: str
    source: str
    description: str


def parameters(section: type[BaseModel] = Scenario, path: str = "") -> Iterator[Parameter]:
    """The fields of a section and of the sections in it, in the order they are declared.

    path : how a user writes the section, with the dot after it; "" for the scenario itself.
    """
    for name, field in section.model_fields.items():
        inner = _section_in(field.annotation)
        if inner is None:
            yield _parameter(path + name, field)
        else:
            origin: Any = get_origin(field.annotation)
            place = "[]" if origin is tuple else ".NAME" if origin is dict else ""
            yield from parameters(inner, f"{path}{name}{place}.")


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """The section in an annotation such as tuple[Product, ...], None without one."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    return next(filter(None, map(_section_in, get_args(annotation))), None)


def _parameter(path: str, field: FieldInfo) -> Parameter:
    extra: dict[str, Any] = (
        field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    )
    return Parameter(
        path, None if field.is_required() else field.default, _bounds(field), extra["unit"],
        extra["neutral"], extra["kind"], extra["source"], field.description or "",
    )  # fmt: skip


def _bounds(field: FieldInfo) -> str:
    """What a field may be: "0 to 1", "0 or more", "random or hubs", or "" for any text or list."""
    low = next((m.ge for m in field.metadata if getattr(m, "ge", None) is not None), None)
    high = next((m.le for m in field.metadata if getattr(m, "le", None) is not None), None)
    if low is not None and high is not None:
        return f"{low:g} or more" if high >= _UNBOUNDED else f"{low:g} to {high:g}"
    if bool in (field.annotation, *get_args(field.annotation)):
        return "true or false"
    literal = field.annotation if get_origin(field.annotation) is Literal else None
    *others, last = map(str, get_args(literal) or [""])
    return f"{', '.join(others)} or {last}" if others else last


def shown(value: Any) -> str:
    """A default as a table shows it."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.10g}"
    return value if isinstance(value, str) else "empty"


def table(rows: Iterable[Parameter]) -> str:
    """Parameters as a Markdown table, a row each."""
    return markdown_table(
        ("parameter", "what it is", "default", "bounds", "unit", "off at", "evidence"),
        (
            (
                f"`{one.path}`", one.description, shown(one.default), one.bounds, one.unit,
                "" if one.neutral is None else shown(one.neutral), _evidence(one),
            )
            for one in rows
        ),
    )  # fmt: skip


def _evidence(parameter: Parameter) -> str:
    """Where a default comes from, with its grade where the world decides and not the user."""
    if parameter.kind != "uncertainty":
        return f"{parameter.kind}: {parameter.source}"
    found = evidence(parameter.source)
    if found is None or parameter.source.startswith("A: "):
        return parameter.source
    return f"**{found}**: {parameter.source}"


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [[*header]]
    lines += [["---"] * len(lines[0])]
    lines += [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
