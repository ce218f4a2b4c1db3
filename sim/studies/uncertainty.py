"""What a scenario does not know exactly, and draws of it.

Every number of kind "uncertainty" (:mod:`sim.quantities`) can be drawn. How far is said by a
factor: two for a number that is an assumption, a quarter more or less for one that has a source.
The factor acts on the scale on which the number is usually reported, and all of the range counts
alike there:

- a probability or share between 0 and 1: its odds are multiplied or divided by the factor;
- a logit, which may be negative: the odds it stands for are, so the log of the factor is added;
- anything else: the number is multiplied or divided.

Ranges end at the declared bounds. A number at 0 stays there: what is off is not switched on. Two
kinds are drawn only when they are named: money, since a firm knows its own prices and costs, and
the parameters of a generated network, which often must fit together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from scipy import special

from sim.errors import InputError, nearest
from sim.randomness import Decision, derive_seed, uniform_table
from sim.scenario import Scenario

MONEY, PLAN = "currency units", "plan"
SECTIONS = ("behavior", "population", "campaign", "network", "products")
ASSUMPTION_FACTOR, EVIDENCE_FACTOR = 2.0, 1.25
"""How far a number is drawn that is an assumption, and one that has a source."""

_ASSUMED = re.compile(r"\bA: ")
_FALSE_ALARM = 0.05

FEWEST_DRAWS = 20
"""Draws from which parameters are named."""


class Parameter(NamedTuple):
    """A number of the scenario that is not known exactly.

    name : dotted, such as behavior.share.learning or products.0.quality. value : in the scenario.
    minimum, maximum : the declared bounds. factor : how far it is drawn, above 1. whole, money :
    whether it must be a whole number, or one of cents.
    """

    name: str
    value: float
    minimum: float
    maximum: float
    factor: float
    whole: bool = False
    money: bool = False

    def at(self, value: float, quantile: float) -> float:
        """Where ``quantile``, in (0, 1), of the range around ``value`` lies.

        ``value`` is that of the world drawn for, which may differ from the scenario's. 1/2 is the
        value itself unless a bound cuts the range.
        """
        step = math.log(self.factor)
        if self.minimum == 0 and self.maximum == 1 and 0 < value < 1:
            return float(special.expit(special.logit(value) + (2 * quantile - 1) * step))
        if self.minimum < 0:
            low, high = max(value - step, self.minimum), min(value + step, self.maximum)
            return low + quantile * (high - low)
        if value <= 0:
            return value
        low, high = math.log(value) - step, math.log(value) + step
        if self.minimum > 0:
            low = max(low, math.log(self.minimum))
        high = min(high, math.log(self.maximum))
        drawn = math.exp(low + quantile * (high - low))
        return float(round(drawn)) if self.whole else round(drawn, 2) if self.money else drawn

    @property
    def range(self) -> tuple[float, float]:
        """The ends of the range in the scenario."""
        return self.at(self.value, 0.0), self.at(self.value, 1.0)


def uncertain_parameters(
    scenario: Scenario,
    chosen: Sequence[str] = (),
    *,
    assumption_factor: float,
    evidence_factor: float,
    factors: Mapping[str, float] | None = None,
) -> tuple[Parameter, ...]:
    """What is drawn in ``scenario``, in the order of its sections.

    chosen : names of parameters or of sections that hold some; by default all but money and the
    network. factors : for single parameters, instead of the two.

    Raises
    ------
    InputError
        If a name is no uncertain parameter, or one at 0, which cannot be drawn, is named.
    """
    factors = {} if factors is None else factors
    found = {}
    for name, value, field in _uncertain_fields(scenario):
        usual = assumption_factor if is_assumed(_said(field, "source")) else evidence_factor
        found[name] = Parameter(
            name, value, *_bounds(field), factors.get(name, usual),
            whole=field.annotation in (int, int | None), money=_said(field, "unit") == MONEY,
        )  # fmt: skip
    for name in factors:
        if name not in found:
            raise InputError(f"uncertainty.factors: '{name}' is not drawn{_closest(name, found)}")
    wanted = dict.fromkeys(_named(chosen, found) if chosen else _usual(found, factors))
    drawn = tuple(found[name] for name in found if name in wanted)
    for one in drawn:
        if one.range[0] == one.range[1] and (one.name in chosen or one.name in factors):
            raise InputError(
                f"uncertainty: {one.name} = {one.value:g} has no range; what is off is not drawn, "
                "so set it above 0 or leave it out"
            )
    return tuple(one for one in drawn if one.range[0] < one.range[1])


def is_assumed(source: str) -> bool:
    """Whether the source of a number says that it is an assumption."""
    return _ASSUMED.search(source) is not None


def _usual(found: Mapping[str, Parameter], factors: Mapping[str, float]) -> list[str]:
    return [
        name
        for name, one in found.items()
        if name in factors or not (one.money or name.startswith("network."))
    ]


def _named(chosen: Sequence[str], found: Mapping[str, Parameter]) -> Iterator[str]:
    """The parameters meant by names of parameters and sections."""
    for choice in chosen:
        inside = [name for name in found if name == choice or name.startswith(f"{choice}.")]
        if not inside:
            raise InputError(
                f"uncertainty.parameters: '{choice}' is no uncertain number or section of the "
                f"scenario{_closest(choice, found)}"
            )
        yield from inside


def _closest(name: str, found: Mapping[str, Parameter]) -> str:
    """The nearest spelling alone: the whole list would be long."""
    return nearest(name, found).split(" Allowed:")[0]


def _uncertain_fields(scenario: Scenario) -> Iterator[tuple[str, float, FieldInfo]]:
    """Name, value and declaration of every number of kind "uncertainty" that is set."""
    for section in SECTIONS:
        yield from _fields_in(getattr(scenario, section), section)


def _fields_in(value: Any, path: str) -> Iterator[tuple[str, float, FieldInfo]]:
    if isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _fields_in(item, f"{path}.{place}")
    if not isinstance(value, BaseModel):
        return
    for name, field in type(value).model_fields.items():
        inner = getattr(value, name)
        if isinstance(inner, BaseModel | tuple):
            yield from _fields_in(inner, f"{path}.{name}")
        elif isinstance(inner, int | float) and _is_uncertain(field):
            yield f"{path}.{name}", inner, field


def _is_uncertain(field: FieldInfo) -> bool:
    """Whether a number is a fact not known exactly; what the strategist plans is known."""
    return _said(field, "kind") == "uncertainty" and _said(field, "source") != PLAN


def _said(field: FieldInfo, what: str) -> str:
    extra = field.json_schema_extra
    return str(extra.get(what)) if isinstance(extra, dict) else ""


def _bounds(field: FieldInfo) -> tuple[float, float]:
    low = next((m.ge for m in field.metadata if getattr(m, "ge", None) is not None), -math.inf)
    high = next((m.le for m in field.metadata if getattr(m, "le", None) is not None), math.inf)
    return float(low), float(high)


# --------------------------------------------------------------------------------------- draws


def latin_hypercube(count: int, columns: int, seed: int) -> np.ndarray:
    """Quantiles, float64 (count, columns) in (0, 1): of each column one in every count-th part.

    Latin hypercube sampling (McKay, Beckman and Conover 1979), a function of the arguments.
    """
    key = np.uint64(derive_seed(seed, int(Decision.PARAMETER)))
    table = np.empty((count, columns))
    for column in range(columns):
        shuffle, within, _, _ = uniform_table(key, int(Decision.PARAMETER), column, count)
        table[:, column] = (np.argsort(np.argsort(shuffle, kind="stable")) + within) / count
    return table


def drawn_scenario(
    scenario: Scenario, parameters: Sequence[Parameter], quantiles: np.ndarray
) -> Scenario:
    """The scenario with each parameter at its quantile of the range around its own value there.

    A parameter that this scenario does not have, such as one of a product it does not sell, is
    left out. quantiles : float64 (parameters,).

    Raises
    ------
    InputError
        If the numbers drawn do not go together.
    """
    table = scenario.to_table()
    for parameter, quantile in zip(parameters, quantiles.tolist(), strict=True):
        place: Any = table
        *path, last = parameter.name.split(".")
        for part in path:
            place = _inside(place, part)
        if isinstance(place, dict) and last in place:
            place[last] = parameter.at(float(place[last]), quantile)
    return Scenario.from_table(table, where="uncertainty: a draw of the parameters")


def _inside(place: Any, part: str) -> Any:
    """The part of a nested table, None where it has none."""
    if isinstance(place, list):
        return place[int(part)] if int(part) < len(place) else None
    return place.get(part) if isinstance(place, dict) else None


class Association(NamedTuple):
    """How a parameter goes together with an effect over the draws.

    correlation : Spearman's, above 0 where the effect is larger at a high value of the parameter.
    sure : whether it is beyond chance at 5 % over all parameters together.
    """

    name: str
    correlation: float
    sure: bool


def associations(
    parameters: Sequence[Parameter], quantiles: np.ndarray, effects: np.ndarray
) -> tuple[Association, ...]:
    """The parameters by how strongly they go together with ``effects``, the strongest first.

    Spearman's rank correlation, its chance level by Student's t with Bonferroni's correction for
    the number of parameters. quantiles : float64 (draws, parameters). effects : float64 (draws,);
    draws that are not numbers are left out. Empty with fewer than :data:`FEWEST_DRAWS`, from which
    the strongest of many correlations is chance, and where all effects are equal.
    """
    from scipy import stats  # takes half a second to load, on the way of every command

    kept = np.isfinite(effects)
    count, effect = int(kept.sum()), stats.rankdata(effects[kept])
    if count < FEWEST_DRAWS or np.ptp(effect) == 0:
        return ()
    found = []
    for parameter, column in zip(parameters, quantiles[kept].T, strict=True):
        rho = float(np.corrcoef(stats.rankdata(column), effect)[0, 1])
        strength = abs(rho) * math.sqrt((count - 2) / max(1 - rho * rho, 1e-12))
        chance = 2 * (1 - float(special.stdtr(count - 2, strength)))
        found.append(Association(parameter.name, rho, chance * len(parameters) < _FALSE_ALARM))
    return tuple(sorted(found, key=lambda one: -abs(one.correlation)))
