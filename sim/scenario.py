"""The scenario: everything that describes a world and the policies tried in it.

A frozen pydantic tree, read from TOML, from Python or from ``--set a.b=c``. Each number carries
its default, unit, bounds, description, source and kind (:mod:`sim.quantities`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError, field_validator, model_validator

from sim.behavior import Behavior, Section
from sim.errors import InputError, nearest
from sim.quantities import cents, choice, describe_validation_error, quantity
from sim.sections import (
    Activity,
    Advertising,
    Attribution,
    Campaign,
    Compare,
    Network,
    Policy,
    Population,
    PriceChange,
    Product,
    Seeding,
    WinBack,
)
from sim.toml_files import apply_override, parse_override, read_toml

__all__ = [
    "Activity",
    "Advertising",
    "Attribution",
    "Behavior",
    "Campaign",
    "Compare",
    "Network",
    "Policy",
    "Population",
    "PriceChange",
    "Product",
    "Scenario",
    "Seeding",
    "WinBack",
    "apply_override",
    "cents",
    "describe_validation_error",
    "neutral_behavior",
    "parse_override",
    "quantity",
    "read_toml",
]


class Scenario(Section):
    """A world and the policies tried in it."""

    name: str = choice("scenario", description="name of the study")
    days: float = quantity(
        180, unit="days", low=0.001, high=100_000, kind="fixed", source="modeller's choice",
        description="horizon of a run",
    )  # fmt: skip
    dt: float = quantity(
        1.0, unit="days per tick", low=0.001, high=30, kind="fixed",
        source="literature sheet: keep rates per tick below 0.1", description="length of one tick",
    )  # fmt: skip
    seed: int = quantity(
        7, unit="seed", low=0, high=2**63 - 1, kind="fixed", source="modeller's choice",
        description="seed of the world and of the luck in it",
    )  # fmt: skip
    currency: str = choice("EUR", description="currency shown in tables; amounts are in its units")
    jurisdiction: Literal["unrestricted", "CN"] = choice(
        "unrestricted", description="limit on paid levels that policies must keep (CN: two)"
    )
    network: Network = Network()
    population: Population = Population()
    products: tuple[Product, ...] = choice((Product(),), description="products sold", unit="list")
    campaign: Campaign = Campaign()
    behavior: Behavior = Behavior()
    attribution: Attribution = Attribution()
    compare: Compare = Compare()
    policies: dict[str, Policy] = choice(
        {"none": Policy()}, description="incentive policies by name", kind="lever", unit="table"
    )

    def __init__(self, **table: Any) -> None:
        """Validate the fields; InputError with one clear message if one is wrong."""
        try:
            super().__init__(**table)
        except ValidationError as error:
            raise InputError(describe_validation_error(error, "scenario", Scenario)) from None

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # mesa.batch_run takes every iterable parameter for a list of values; this is one value.
        raise TypeError("a Scenario is not iterable")

    @field_validator("policies", mode="before")
    @classmethod
    def _schemes_as_policies(cls, policies: Any) -> Any:
        if not isinstance(policies, Mapping):
            return policies
        return {
            name: value.as_policy() if hasattr(value, "as_policy") else value
            for name, value in policies.items()
        }

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if not self.products:
            raise ValueError("products is empty; a scenario needs at least one [[products]]")
        names = [product.name for product in self.products]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"products: the name '{twice[0]}' is used twice; names must differ")
        if not self.policies:
            raise ValueError("policies is empty; add at least [policies.none]")
        planned: Sequence[Activity | PriceChange] = (
            *self.campaign.activities,
            *self.campaign.price_changes,
        )
        for plan in planned:
            if plan.product is not None and plan.product not in names:
                raise ValueError(
                    f"campaign: unknown product '{plan.product}'{nearest(plan.product, names)}"
                )
        for name in ("activities", "win_backs"):
            days = [plan.day for plan in getattr(self.campaign, name)]
            if len(set(days)) < len(days):
                raise ValueError(f"campaign.{name}: two on one day; give each a day of its own")
        for flight in self.campaign.advertising:
            if flight.end_day <= flight.start_day:
                raise ValueError(
                    f"campaign.advertising: end_day = {flight.end_day:g} is not after start_day = "
                    f"{flight.start_day:g}; raise end_day"
                )
        shares = self.behavior.share.group_share + self.behavior.share.broadcast_share
        if shares > 1:
            raise ValueError(
                f"behavior.share: group_share + broadcast_share = {shares:g} is above 1; "
                "lower one of them"
            )
        return self

    @property
    def ticks(self) -> int:
        """Number of ticks of a run."""
        return max(1, math.ceil(self.days / self.dt - 1e-9))

    def ticks_in(self, days: float) -> int:
        """Ticks in a span of days, at least 1."""
        return max(1, round(days / self.dt))

    def product_index(self, name: str | None) -> int:
        """Position of a product by name; None is the first."""
        return 0 if name is None else [product.name for product in self.products].index(name)

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Scenario:
        """Read a scenario from a TOML file, then apply ``a.b=c`` overrides.

        A relative ``network.file`` is taken from the folder of the scenario file.

        Raises
        ------
        InputError
            If the file cannot be read, is not TOML, or holds an unknown key or a bad value.
        """
        table = read_toml(path)
        for override in overrides:
            apply_override(table, override)
        return cls.from_table(table, where=str(path), folder=Path(path).parent)

    @classmethod
    def from_table(
        cls, table: Mapping[str, Any], *, where: str = "scenario", folder: Path | None = None
    ) -> Scenario:
        """A scenario from a nested mapping as TOML gives it; InputError if it is not valid."""
        scenario = cls.__new__(cls)
        try:
            BaseModel.__init__(scenario, **table)
        except ValidationError as error:
            raise InputError(describe_validation_error(error, where, cls)) from None
        return scenario if folder is None else scenario._with_files_in(folder)

    def _with_files_in(self, folder: Path) -> Scenario:
        paths = {
            name: str((folder / value).resolve())
            for name, value in (("file", self.network.file), ("groups", self.network.groups))
            if value is not None and not Path(value).is_absolute()
        }
        if not paths:
            return self
        return self.model_copy(update={"network": self.network.model_copy(update=paths)})

    def but(self, **changes: Any) -> Scenario:
        """A copy with changed fields; a nested mapping changes part of a section.

        Example: ``scenario.but(days=30, population={"size": 500})``.
        """
        table = self.to_table()
        for name, value in changes.items():
            if (
                isinstance(value, Mapping)
                and isinstance(table.get(name), dict)
                and name != "policies"
            ):
                table[name] = _merged(table[name], value)
            else:
                table[name] = value
        return Scenario.from_table(table)

    def to_table(self) -> dict[str, Any]:
        """The scenario as nested plain values, unset ones left out."""
        return _plain(self.model_dump(mode="python", exclude_none=True))

    def to_toml(self) -> str:
        """The resolved scenario as TOML, defaults written out."""
        import tomli_w

        return tomli_w.dumps(self.to_table())

    def digest(self) -> str:
        """The sha256 of the resolved scenario, as 64 hex digits."""
        return hashlib.sha256(self.to_toml().encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value if item is not None]
    return value


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for key, value in new.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merged(result[key], value) if nested else value
    return result


def neutral_behavior(section: BaseModel) -> dict[str, Any]:
    """The neutral value of every switch in a section, nested as the section is."""
    result: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            result[name] = neutral_behavior(value)
        elif (
            isinstance(field.json_schema_extra, dict)
            and field.json_schema_extra["neutral"] is not None
        ):
            result[name] = field.json_schema_extra["neutral"]
    return result
