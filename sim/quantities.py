"""How a number of a scenario is declared: default, unit, bounds, kind, source, neutral value.

One declaration serves TOML, the Python API, command-line overrides, ``--explain`` and the docs.
What is declared of a result is a :class:`Column`: it serves files, exports and the docs.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, Field, ValidationError

from sim.errors import InputError, nearest

Kind = Literal["lever", "uncertainty", "fixed"]

ASSUMPTION = "A: assumption, no source gives the number"


class Column(NamedTuple):
    """A column of a table of results: the unit of its values, and what they mean.

    unit : "cents" is a hundredth of the scenario's currency, "share" a part of one, "name" a text
    or a number that only tells things apart.
    """

    unit: str
    meaning: str


def quantity(
    default: Any,
    *,
    unit: str,
    kind: Kind,
    source: str,
    description: str,
    low: float | None = None,
    high: float | None = None,
    neutral: float | None = None,
) -> Any:
    """A pydantic field for a number: ``low`` <= value <= ``high`` in ``unit``.

    kind : "lever" (chosen by the strategist), "uncertainty" (a fact about the world that is not
    known exactly) or "fixed" (how the world is described). neutral : the value at which the
    mechanism is exactly absent, None where the number is not a switch.
    """
    return Field(
        default,
        ge=low,
        le=high,
        description=description,
        json_schema_extra={"unit": unit, "kind": kind, "source": source, "neutral": neutral},
    )


def choice(
    default: Any,
    *,
    description: str,
    kind: Kind = "fixed",
    unit: str = "name",
    source: str = "modeller's choice",
) -> Any:
    """A pydantic field for a name, a list or a switch; ``...`` as default makes it required."""
    return Field(
        default,
        description=description,
        json_schema_extra={
            "unit": unit,
            "kind": kind,
            "source": source,
            "neutral": None,
        },
    )


def cents(amount: float, field: str) -> int:
    """Currency units to integer cents.

    Raises
    ------
    InputError
        If ``amount`` has a fraction of a cent.
    """
    hundredfold = amount * 100
    nearest_cent = round(hundredfold)
    if abs(hundredfold - nearest_cent) > max(1e-6, 4e-16 * abs(hundredfold)):
        raise InputError(
            f"{field} = {amount} is not a whole number of cents; "
            f"write {nearest_cent / 100:.2f} or {(nearest_cent + 1) / 100:.2f}"
        )
    return nearest_cent


def not_a_switch(model: type[BaseModel], field: str | None, value: Any) -> Any:
    """``value`` itself; true and false are refused where no switch is declared."""
    declared = model.model_fields[field].annotation if field is not None else None
    if isinstance(value, bool) and bool not in (declared, *get_args(declared)):
        raise ValueError(f"{str(value).lower()} is a switch; write a value")
    return value


def dotted(location: tuple[int | str, ...]) -> str:
    """A pydantic error location as the dotted name a user writes, such as products.0.price."""
    return ".".join(str(part) for part in location)


def _section_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The pydantic model that holds the last part of ``location``, None where it is not one."""
    section: type[BaseModel] | None = model
    for part in location[:-1]:
        if section is None or part not in section.model_fields:
            continue  # an item number or a policy's name: still inside the section found before
        section = _model_in(section.model_fields[str(part)].annotation)
    return section


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model named in an annotation such as tuple[Product, ...], None without one."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def describe_validation_error(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """One message for the first mistake of a rejected input, naming field, value and the cure.

    where : what was read (a file name or "scenario"). model : the class that rejected it.
    """
    # A misspelt key explains a missing one, not the other way round.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    location = first["loc"]
    name = dotted(location)
    value = first.get("input")
    kind = first["type"]
    section = _section_at(model, location)
    if kind == "extra_forbidden" and section is not None:
        message = f"unknown key '{name}'{nearest(str(location[-1]), section.model_fields)}"
    elif kind == "missing":
        message = f"'{name}' is missing; add it"
    elif kind in ("value_error", "assertion_error"):
        text = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        message = f"{name}: {text}" if name else text
    elif kind == "literal_error":
        allowed = [
            option.strip(" '")
            for option in first["ctx"]["expected"].replace(" or ", ",").split(",")
        ]
        message = f"{name} = {_shown(value)} is not known{nearest(_shown(value), allowed)}"
    else:
        bounds = _bounds(section, str(location[-1]) if location else "")
        message = f"{name} = {_shown(value)} is not allowed: {_in_toml_words(first['msg'])}{bounds}"
    more = error.error_count() - 1
    rest = f" ({more} more like it)" if more else ""
    return f"{where}: {message}{rest}"


def _in_toml_words(message: str) -> str:
    """A pydantic message in the words of a TOML file."""
    return message.lower().replace("tuple", "list").replace("dictionary", "table")


def _shown(value: Any) -> str:
    """A value as messages show it, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes no number of more than 4300 digits
        return "a value too large to show"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _bounds(section: type[BaseModel] | None, name: str) -> str:
    """The allowed range and unit of a declared number, "" where there is none."""
    field = section.model_fields.get(name) if section else None
    if field is None:
        return ""
    low = next((m.ge for m in field.metadata if getattr(m, "ge", None) is not None), None)
    high = next((m.le for m in field.metadata if getattr(m, "le", None) is not None), None)
    extra = field.json_schema_extra
    unit = extra.get("unit", "") if isinstance(extra, dict) else ""
    named = f" ({unit})" if unit else ""
    if low is None and high is None:
        return named
    span = f"{low if low is not None else 'any'} to {high if high is not None else 'any'}"
    return f"; allowed is {span}{named}"
