"""Factors: what a study varies, found by its dotted name in the scenario with unit and bounds.

A factor is any number, switch or name that the scenario declares as a lever (chosen by the
strategist) or an uncertainty (a fact about the world that is not known exactly), and any parameter
of a policy's scheme. What is declared as fixed describes the run itself and cannot be varied.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from scipy import special

from sim.errors import InputError, nearest
from sim.scenario import Scenario
from sim.schemes import make_scheme
from sim.studies.uncertainty import ASSUMPTION_FACTOR, EVIDENCE_FACTOR, MONEY, Parameter, is_assumed

Scale = Literal["linear", "log", "odds"]
SCALES: tuple[Scale, ...] = get_args(Scale)
_SPECIFICATION = 'a list of values, {low = ..., high = ...}, "usual" or "bounds"'


class Declared:
    """What the scenario declares about a dotted name: its field, its value, where to set it.

    path : keys and positions in the table of the scenario.
    """

    def __init__(self, field: FieldInfo, value: Any, path: tuple[str | int, ...]) -> None:
        self.field, self.value, self.path = field, value, path
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        self.kind = str(extra.get("kind", "lever"))
        self.unit = str(extra.get("unit", ""))
        self.source = str(extra.get("source", ""))
        self.low = _bound(field, "ge", -math.inf)
        self.high = _bound(field, "le", math.inf)

    @property
    def types(self) -> tuple[Any, ...]:
        """The types and literal values the field takes."""
        annotation = self.field.annotation
        return get_args(annotation) or (annotation,)

    @property
    def is_number(self) -> bool:
        """Whether it takes a number."""
        return int in self.types or float in self.types

    @property
    def is_whole(self) -> bool:
        """Whether it takes whole numbers only."""
        return int in self.types and float not in self.types


@dataclass(frozen=True)
class Factor:
    """Something that a study varies.

    name : dotted, as the user wrote it. path : where it stands in the table of the scenario.
    low, high : ends of its range, None where it has a list of ``values`` instead. scale : on
    which all of the range counts alike. levels : how many values a grid takes of the range. whole,
    money : whether values are whole numbers, or whole cents. unit, kind, description : as declared.
    """

    name: str
    path: tuple[str | int, ...]
    low: float | None = None
    high: float | None = None
    values: tuple[Any, ...] = ()
    scale: Scale = "linear"
    levels: int | None = None
    whole: bool = False
    money: bool = False
    unit: str = ""
    kind: str = "lever"
    description: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether it has a range of numbers rather than a list of values."""
        return self.low is not None

    def at(self, quantile: float) -> Any:
        """The value at a quantile in [0, 1] of the range, or of the list of values."""
        if self.low is None or self.high is None:
            return self.values[min(int(quantile * len(self.values)), len(self.values) - 1)]
        if self.whole and self.scale == "linear":
            # Every whole number has the same share.
            span = int(self.high) - int(self.low) + 1
            return int(self.low) + min(int(quantile * span), span - 1)
        to, back = _SCALES[self.scale]
        value = back(to(self.low) + quantile * (to(self.high) - to(self.low)))
        value = min(max(value, self.low), self.high)
        return round(value) if self.whole else round(value, 2) if self.money else value

    def spread(self, levels: int) -> tuple[Any, ...]:
        """``levels`` values from end to end, evenly on the scale; those listed, where it has any.

        Fewer where whole numbers or cents coincide.
        """
        if self.low is None or self.high is None:
            return self.values
        to, back = _SCALES[self.scale]
        low, high = to(self.low), to(self.high)
        found = [back(low + (high - low) * i / (levels - 1)) for i in range(levels)]
        found[0], found[-1] = self.low, self.high
        if self.whole:
            found = [round(value) for value in found]
        return tuple(dict.fromkeys(round(v, 2) if self.money else v for v in found))


_SCALES: dict[str, tuple[Any, Any]] = {
    "linear": (float, float),
    "log": (math.log, math.exp),
    "odds": (lambda share: float(special.logit(share)), lambda x: float(special.expit(x))),
}


def declared(scenario: Scenario, name: str, where: str = "") -> Declared:
    """The declaration of a dotted name in ``scenario``; ``where`` opens messages.

    Raises
    ------
    InputError
        If the scenario has no such field, with the nearest right spelling.
    """
    parts = name.split(".")
    holder: Any = scenario
    path: list[str | int] = []
    for depth, part in enumerate(parts):
        is_last = depth == len(parts) - 1
        known = ".".join(parts[:depth])
        if isinstance(holder, tuple | list):
            place = _position(holder, part, f"{where}{name}: {known}")
            path.append(place)
            field, holder = None, holder[place]
        elif isinstance(holder, Mapping):
            if part not in holder:
                raise InputError(f"{where}'{name}': {known} has no '{part}'{nearest(part, holder)}")
            path.append(part)
            field, holder = None, make_scheme(holder[part], f"policies.{part}")
        elif isinstance(holder, BaseModel) and part in type(holder).model_fields:
            path.append(part)
            field, holder = type(holder).model_fields[part], getattr(holder, part)
        else:
            fields = type(holder).model_fields if isinstance(holder, BaseModel) else ()
            what = f"{known} has no '{part}'" if known else f"there is no '{part}'"
            raise InputError(f"{where}'{name}': {what}{nearest(part, fields)}")
        if is_last and field is not None and not isinstance(holder, BaseModel):
            return Declared(field, holder, tuple(path))
    raise InputError(f"{where}'{name}' is a section; name one of the fields in it")


def _position(items: Sequence[Any], part: str, where: str) -> int:
    """The position of an item by its number or its name."""
    names = [getattr(item, "name", "") for item in items]
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(items):
        return int(part)
    named = f" or a name: {', '.join(filter(None, names))}" if any(names) else ""
    raise InputError(f"{where} has no '{part}'; give a number from 0 to {len(items) - 1}{named}")


def _bound(field: FieldInfo, name: str, otherwise: float) -> float:
    found = (getattr(one, name, None) for one in field.metadata)
    return float(next((bound for bound in found if bound is not None), otherwise))


def make_factor(scenario: Scenario, name: str, specification: Any, where: str) -> Factor:
    """The factor ``name`` of ``scenario`` as a study file specifies it.

    specification : a list of values; a table with low and high, and scale, levels or factor;
    "usual", a range around the scenario's value as :mod:`sim.studies.uncertainty` has it; or
    "bounds", the declared ones. where : how messages name the place, such as
    "study.toml: worlds.factors: ".

    Raises
    ------
    InputError
        If the field does not exist or is fixed, or the specification is not valid or out of bounds.
    """
    found = declared(scenario, name, where)
    if found.kind == "fixed":
        raise InputError(
            f"{where}'{name}' is fixed: it describes the run and cannot be varied; set it in the "
            "scenario"
        )
    common: dict[str, Any] = {
        "name": name, "path": found.path, "unit": found.unit, "kind": found.kind,
        "whole": found.is_whole, "money": found.unit == MONEY,
        "description": found.field.description or "",
    }  # fmt: skip
    if isinstance(specification, Mapping) and set(specification) == {"values"}:
        specification = specification["values"]
    if isinstance(specification, list | tuple):
        return Factor(**common, values=_checked_values(found, name, specification, where))
    if not found.is_number:
        raise InputError(
            f"{where}'{name}' is no number; give a list of values, such as [{_options(found)}]"
        )
    return Factor(**common, **_range(found, name, specification, where))


def _options(found: Declared) -> str:
    options = [repr(one) for one in found.types if isinstance(one, str)]
    return ", ".join(options) or ("false, true" if bool in found.types else repr(found.value))


def _checked_values(found: Declared, name: str, values: Sequence[Any], where: str) -> tuple:
    if not values:
        raise InputError(f"{where}'{name}' has no values; give at least one")
    for value in values:
        check_value(found, name, value, where)
    if len({told_apart(value) for value in values}) < len(values):
        raise InputError(f"{where}'{name}' has a value twice; give each once")
    return tuple(values)


def told_apart(value: Any) -> str:
    """A text that two values share if they are the same value of a field, such as 5 and 5.0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(float(value) if is_number else value)


def check_value(found: Declared, name: str, value: Any, where: str) -> None:
    """Refuse a value that the field does not take; numbers by their bounds, others as they are."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if found.is_number != is_number and not (value is None and type(None) in found.types):
        what = "a number" if found.is_number else f"one of {_options(found)}"
        raise InputError(f"{where}'{name}' = {value!r} is not possible; give {what}")
    if is_number and not found.low <= value <= found.high:
        raise InputError(
            f"{where}'{name}' = {value:g} is out of bounds; allowed is {found.low:g} to "
            f"{found.high:g} ({found.unit})"
        )
    if is_number and found.is_whole and value != int(value):
        raise InputError(f"{where}'{name}' = {value:g} is no whole number; give one")
    names = [one for one in found.types if isinstance(one, str)]
    if names and value not in names:
        raise InputError(f"{where}'{name}' = {value!r} is not known{nearest(str(value), names)}")


def _range(found: Declared, name: str, specification: Any, where: str) -> dict[str, Any]:
    """Ends, scale and levels of a range."""
    if specification == "bounds":
        specification = {"low": found.low, "high": found.high}
        if not all(math.isfinite(end) for end in specification.values()):
            raise InputError(f"{where}'{name}' has no bounds on both sides; give low and high")
    elif specification == "usual":
        specification = {"factor": _usual_factor(found)}
    elif not isinstance(specification, Mapping):
        raise InputError(f"{where}'{name}' = {specification!r} is not possible; {_SPECIFICATION}")
    for key in specification:
        if key not in ("low", "high", "scale", "levels", "factor"):
            allowed = ("low", "high", "scale", "levels", "factor")
            raise InputError(f"{where}'{name}': unknown key '{key}'{nearest(key, allowed)}")
    if "factor" in specification:
        return _range_around(found, name, specification, where)
    return _range_between(found, name, specification, where)


def _usual_factor(found: Declared) -> float:
    return ASSUMPTION_FACTOR if is_assumed(found.source) else EVIDENCE_FACTOR


def _range_around(
    found: Declared, name: str, specification: Mapping[str, Any], where: str
) -> dict[str, Any]:
    factor = specification["factor"]
    if not isinstance(factor, int | float) or not 1 < factor <= 1000:
        raise InputError(f"{where}'{name}': factor = {factor!r}; give a number from 1 to 1000")
    if {"low", "high", "scale"} & set(specification):
        raise InputError(f"{where}'{name}': give a factor, or low and high, not both")
    value = found.value
    if not isinstance(value, int | float):
        raise InputError(f"{where}'{name}' is not set in the scenario; give low and high")
    parameter = Parameter(
        name, value, found.low, found.high, float(factor), found.is_whole, found.unit == MONEY
    )
    low, high = parameter.range
    if low == high:
        raise InputError(
            f"{where}'{name}' = {value:g} has no range around it: what is off stays off; set it in "
            "the scenario, or give low and high"
        )
    is_share = found.low == 0 and found.high == 1
    scale = "odds" if is_share else "linear" if found.low < 0 else "log"
    return {"low": low, "high": high, "scale": scale, "levels": _levels(specification, name, where)}


def _range_between(
    found: Declared, name: str, specification: Mapping[str, Any], where: str
) -> dict[str, Any]:
    scale = specification.get("scale", "linear")
    if scale not in SCALES:
        hint = nearest(str(scale), SCALES)
        raise InputError(f"{where}'{name}': scale = {scale!r} is not known{hint}")
    for key in ("low", "high"):
        if key not in specification:
            raise InputError(f"{where}'{name}' has no {key}; give low and high")
        check_value(found, name, specification[key], where)
    low, high = specification["low"], specification["high"]
    if not low < high:
        raise InputError(f"{where}'{name}': low = {low:g} is not below high = {high:g}")
    if scale == "log" and low <= 0:
        raise InputError(f"{where}'{name}': low = {low:g} has no log; give a low above 0")
    if scale == "odds" and not (low > 0 and high < 1):
        raise InputError(f"{where}'{name}': odds need a range inside 0 to 1, both ends left out")
    return {"low": low, "high": high, "scale": scale, "levels": _levels(specification, name, where)}


def _levels(specification: Mapping[str, Any], name: str, where: str) -> int | None:
    levels = specification.get("levels")
    if levels is not None and not (isinstance(levels, int) and 2 <= levels <= 10_000):
        raise InputError(f"{where}'{name}': levels = {levels!r}; give a whole number from 2")
    return levels


def changed(
    scenario: Scenario, changes: Sequence[tuple[tuple[str | int, ...], Any]], where: str
) -> Scenario:
    """The scenario with other values at the places of its table; ``where`` opens messages.

    Raises
    ------
    InputError
        If the values do not go together.
    """
    if not changes:
        return scenario
    table = copy.deepcopy(scenario.to_table())
    for path, value in changes:
        place: Any = table
        for part in path[:-1]:
            place = place[part] if isinstance(part, int) else place.setdefault(part, {})
        if value is None:
            place.pop(path[-1], None)
        else:
            place[path[-1]] = value
    return Scenario.from_table(table, where=where)
