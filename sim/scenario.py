"""The scenario: everything that describes a world and the policies tried in it.

A frozen pydantic tree, read from TOML, from Python or from ``--set a.b=c``. Each number carries
its default, unit, bounds, description, source and kind (:mod:`sim.quantities`).
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from sim.behavior import Behavior, Section
from sim.errors import InputError, nearest
from sim.quantities import ASSUMPTION, cents, choice, describe_validation_error, quantity

__all__ = [
    "Activity", "Advertising", "Attribution", "Behavior", "Campaign", "Compare", "Network", "Policy",
    "Population", "PriceChange", "Product", "Scenario", "Seeding", "WinBack", "cents",
    "describe_validation_error", "neutral_behavior", "parse_override", "quantity",
]  # fmt: skip


class Network(Section):
    """Who knows whom: a generated kind with its parameters, or a file."""

    kind: str = choice(
        "campus", description="generator, see `vouch networks`; ignored when file is given"
    )
    file: str | None = choice(
        None, description="edge list (CSV, gzip, Parquet), GraphML or saved graph", unit="path"
    )
    groups: str | None = choice(
        None, description="CSV of person,group memberships that goes with file", unit="path"
    )
    directed: bool | None = choice(
        None, description="ties of the file go one way; unset: as the file says", unit="switch"
    )
    direction: Literal["source_shares", "source_trusts"] = choice(
        "source_shares",
        description="which end of a directed tie in the file shares: its source, or its target (u trusts v)",
    )
    mean_degree: float | None = quantity(
        None, unit="friends", low=0, high=100_000, kind="uncertainty", source="A33",
        description="mean number of friends",
    )  # fmt: skip
    rewiring: float | None = quantity(
        None, unit="probability", low=0, high=1, kind="uncertainty", source="Watts and Strogatz 1998",
        description="share of ties rewired (watts_strogatz)",
    )  # fmt: skip
    triad_probability: float | None = quantity(
        None, unit="probability", low=0, high=1, kind="uncertainty", source="Holme and Kim 2002",
        description="chance of closing a triangle (holme_kim)",
    )  # fmt: skip
    blocks: int | None = quantity(
        None, unit="blocks", low=1, high=1_000_000, kind="uncertainty", source="Holland et al. 1983",
        description="number of blocks (stochastic_block)",
    )  # fmt: skip
    inside: float | None = quantity(
        None, unit="share", low=0, high=1, kind="uncertainty", source="A33",
        description="share of ties inside the block or group (stochastic_block, two_layer)",
    )  # fmt: skip
    exponent: float | None = quantity(
        None, unit="exponent", low=1.5, high=10, kind="uncertainty", source="Newman 2002",
        description="tail exponent of the degrees (configuration, lfr)",
    )  # fmt: skip
    minimum_degree: int | None = quantity(
        None, unit="friends", low=1, high=100_000, kind="uncertainty", source="Newman 2002",
        description="smallest degree (configuration, lfr)",
    )  # fmt: skip
    maximum_degree: int | None = quantity(
        None, unit="friends", low=1, high=10_000_000, kind="uncertainty", source="Newman 2002",
        description="largest degree (configuration, lfr)",
    )  # fmt: skip
    mixing: float | None = quantity(
        None, unit="share", low=0, high=1, kind="uncertainty",
        source="Lancichinetti, Fortunato and Radicchi 2008",
        description="share of ties leaving the community (lfr)",
    )  # fmt: skip
    group_size: float | None = quantity(
        None, unit="people", low=2, high=100_000, kind="uncertainty", source="A33",
        description="mean size of a group (two_layer)",
    )  # fmt: skip

    def parameters(self) -> dict[str, float | int]:
        """The generator's parameters that were set."""
        chosen = self.model_dump(exclude={"kind", "file", "groups", "directed", "direction"})
        return {name: value for name, value in chosen.items() if value is not None}


class Population(Section):
    """How many people, and how they differ (traits are drawn once)."""

    size: int = quantity(
        4039, unit="people", low=1, high=2_000_000_000, kind="fixed",
        source="the published ego-Facebook graph", description="number of consumers; a file brings its own",
    )  # fmt: skip
    homophily: float = quantity(
        0.3, unit="correlation", low=0, high=0.9, kind="uncertainty", neutral=0,
        source="A33 (Aral, Muchnik and Sundararajan 2009: sign), A: size",
        description="correlation of the tastes of friends",
    )  # fmt: skip
    valuation_spread: float = quantity(
        0.5, unit="sd of log", low=0, high=3, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="spread of willingness to pay around the price",
    )  # fmt: skip
    influence_spread: float = quantity(
        0.4, unit="sd of log", low=0, high=3, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="spread of how convincing people are (mean 1)",
    )  # fmt: skip
    initiative_spread: float = quantity(
        1.5, unit="sd of log", low=0, high=4, kind="uncertainty", neutral=0,
        source="A6 (90-9-1 rule of participation)", description="spread of the urge to share (mean 1)",
    )  # fmt: skip
    effort: float = quantity(
        2.5, unit="friends beyond the first", low=0, high=1000, kind="uncertainty",
        source="A8: about 3 addressees (Iribarren and Moro 2009)",
        description="mean number of friends addressed per share, beyond the first",
    )  # fmt: skip
    effort_spread: float = quantity(
        0.5, unit="sd of log", low=0, high=3, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="spread of effort across people",
    )  # fmt: skip
    reward_sensitivity_spread: float = quantity(
        0.5, unit="sd of log", low=0, high=3, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="spread of how much people care about rewards (mean 1)",
    )  # fmt: skip
    visit_rate: float = quantity(
        3.0, unit="visits per day", low=0, high=1000, kind="uncertainty",
        source="A25 (Adjust retention medians)",
        description="how often members with a habit open the app",
    )  # fmt: skip
    visit_spread: float = quantity(
        0.5, unit="sd of log", low=0, high=3, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="spread of visit rates",
    )  # fmt: skip
    habit_a: float = quantity(
        0.351, unit="beta shape", low=0.001, high=1000, kind="uncertainty",
        source="A25: daily sBG fitted to D1/D7/D30 = 26/13/7 %",
        description="first shape of the daily chance of losing the habit of visiting",
    )  # fmt: skip
    habit_b: float = quantity(
        0.124, unit="beta shape", low=0.001, high=1000, kind="uncertainty",
        source="A25: daily sBG fitted to D1/D7/D30 = 26/13/7 %",
        description="second shape of the daily chance of losing the habit of visiting",
    )  # fmt: skip
    lapse_a: float = quantity(
        0.668, unit="beta shape", low=0.001, high=1000, kind="uncertainty",
        source="A24 (Fader and Hardie 2007, high-end customers)",
        description="first shape of the yearly chance of leaving",
    )  # fmt: skip
    lapse_b: float = quantity(
        3.806, unit="beta shape", low=0.001, high=1000, kind="uncertainty",
        source="A24 (Fader and Hardie 2007, high-end customers)",
        description="second shape of the yearly chance of leaving",
    )  # fmt: skip
    lapse_period_days: float = quantity(
        365.0, unit="days", low=0.1, high=1e9, kind="fixed", source="A24",
        description="period the leaving chance refers to",
    )  # fmt: skip
    repeat_shape: float = quantity(
        0.243, unit="gamma shape", low=0.01, high=1000, kind="uncertainty",
        source="A22 (Fader, Hardie and Lee 2005, CDNOW)",
        description="shape of the spread of repeat-purchase rates (mean: 1/repurchase_days)",
    )  # fmt: skip
    dropout_a: float = quantity(
        0.793, unit="beta shape", low=0, high=1000, kind="uncertainty", neutral=0,
        source="A22 (Fader, Hardie and Lee 2005, CDNOW)",
        description="first shape of the chance of dropping out after a repeat order; 0: nobody",
    )  # fmt: skip
    dropout_b: float = quantity(
        2.426, unit="beta shape", low=0.001, high=1000, kind="uncertainty",
        source="A22 (Fader, Hardie and Lee 2005, CDNOW)",
        description="second shape of the chance of dropping out after a repeat order",
    )  # fmt: skip


class Product(Section):
    """One product of the platform."""

    name: str = choice("product", description="name used in tables and by the campaign")
    price: float = quantity(
        36.0, unit="currency units", low=0, high=1e7, kind="lever",
        source="A23 (CDNOW mean order)", description="list price",
    )  # fmt: skip
    unit_cost: float = quantity(
        20.0, unit="currency units", low=0, high=1e7, kind="uncertainty", source=ASSUMPTION,
        description="cost of one unit to the platform",
    )  # fmt: skip
    valuation: float | None = quantity(
        None, unit="currency units", low=0.01, high=1e7, kind="uncertainty", source="model page, section 2",
        description="median willingness to pay; unset: the list price",
    )  # fmt: skip
    quality: float = quantity(
        0.7, unit="quality points", low=0, high=1, kind="uncertainty",
        source="A29: about 80 % satisfied", description="mean performance",
    )  # fmt: skip
    quality_spread: float = quantity(
        0.25, unit="quality points", low=0, high=1, kind="uncertainty", neutral=0, source="A29, A: size",
        description="standard deviation of the performance of single units",
    )  # fmt: skip
    expectation: float = quantity(
        0.5, unit="quality points", low=0, high=1, kind="uncertainty", source="A29, A: size",
        description="performance buyers expect",
    )  # fmt: skip
    category: str = choice(
        "general", description="products of one category appeal to the same taste"
    )
    repurchase_days: float = quantity(
        127.0, unit="days", low=0.1, high=1e9, kind="uncertainty",
        source="A22 (CDNOW: 7 x 4.414/.243)", description="mean days between repeat orders of a member",
    )  # fmt: skip
    refund_days: int = quantity(
        14, unit="days", low=0, high=365, kind="lever", neutral=0, source=ASSUMPTION,
        description="days within which a product can be sent back; 0: no refunds",
    )  # fmt: skip

    @field_validator("price", "unit_cost")
    @classmethod
    def _whole_cents(cls, amount: float) -> float:
        return cents(amount, "amount") / 100


class Advertising(Section):
    """A flight of advertising that brings outsiders to the shop."""

    start_day: float = quantity(
        0, unit="day", low=0, high=1e6, kind="lever", source="plan", description="first day"
    )
    end_day: float = quantity(
        30,
        unit="day",
        low=0,
        high=1e6,
        kind="lever",
        source="plan",
        description="first day without it",
    )
    reach_per_day: float = quantity(
        0.01, unit="visits per person and day", low=0, high=10, kind="lever", source="plan",
        description="rate at which it makes a person visit",
    )  # fmt: skip


class Activity(Section):
    """An event members take part in and like to talk about."""

    day: float = quantity(
        0,
        unit="day",
        low=0,
        high=1e6,
        kind="lever",
        source="plan",
        description="when it takes place",
    )
    product: str | None = choice(
        None, description="product it is about; unset: the first", kind="lever"
    )
    participation: float = quantity(
        0.1, unit="probability", low=0, high=1, kind="lever", source="plan",
        description="chance that a member takes part",
    )  # fmt: skip


class PriceChange(Section):
    """A new list price from a day on."""

    day: float = quantity(
        0,
        unit="day",
        low=0,
        high=1e6,
        kind="lever",
        source="plan",
        description="first day of the new price",
    )
    product: str | None = choice(None, description="product; unset: the first", kind="lever")
    price: float = quantity(
        ..., unit="currency units", low=0, high=1e7, kind="lever", source="plan", description="new list price",
    )  # fmt: skip

    @field_validator("price")
    @classmethod
    def _whole_cents(cls, amount: float) -> float:
        return cents(amount, "amount") / 100


class Seeding(Section):
    """People who get the first product for nothing on day 0, so that they may talk about it."""

    count: int = quantity(
        0,
        unit="people",
        low=0,
        high=2_000_000_000,
        kind="lever",
        neutral=0,
        source="plan",
        description="how many",
    )
    choose: Literal["random", "hubs"] = choice(
        "random", description="at random, or the best connected", kind="lever"
    )


class WinBack(Section):
    """A campaign that asks lapsed customers to return."""

    day: float = quantity(
        0, unit="day", low=0, high=1e6, kind="lever", source="plan", description="when it is sent"
    )
    success: float = quantity(
        0.05, unit="probability", low=0, high=1, kind="lever", source="plan",
        description="chance that a lapsed customer returns",
    )  # fmt: skip


class Campaign(Section):
    """What the platform does besides paying for referrals, and the customers it starts with."""

    organic_visits: float = quantity(
        0.01, unit="visits per person and day", low=0, high=10, kind="uncertainty", neutral=0,
        source="A1: p of Bass is this times the appeal; A: size",
        description="rate at which people come by themselves (search, shops, standing advertising)",
    )  # fmt: skip
    initial_customers: float = quantity(
        0.10, unit="share of people", low=0, high=1, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="people who bought before day 0",
    )  # fmt: skip
    initial_tenure_days: float = quantity(
        365.0, unit="days", low=1, high=1e5, kind="uncertainty", source=ASSUMPTION,
        description="the initial customers joined evenly over this long before day 0",
    )  # fmt: skip
    seeding: Seeding = Seeding()
    advertising: tuple[Advertising, ...] = choice(
        (), description="flights of advertising", kind="lever", unit="list"
    )
    activities: tuple[Activity, ...] = choice((), description="events", kind="lever", unit="list")
    price_changes: tuple[PriceChange, ...] = choice(
        (), description="changes of list prices", kind="lever", unit="list"
    )
    win_backs: tuple[WinBack, ...] = choice(
        (), description="campaigns to lapsed customers", kind="lever", unit="list"
    )


class Attribution(Section):
    """Which friend an order is credited to."""

    model: Literal["last_click"] = choice(
        "last_click", description="the friend whose link was clicked last", kind="lever"
    )
    window_days: float = quantity(
        30.0, unit="days", low=0, high=3650, kind="lever",
        source="affiliate registry: 30 days in 55 % of programmes",
        description="how long after a click an order is credited to it",
    )  # fmt: skip
    existing_customers: bool = choice(
        True,
        description="orders of people who bought before are credited too",
        kind="lever",
        unit="switch",
    )


class Compare(Section):
    """How `vouch compare` decides."""

    baseline: str = choice(
        "none", description="policy the others are compared with; the twin world"
    )
    objective: Literal[
        "profit_cents", "orders", "net_revenue_cents", "new_customers", "members_end"
    ] = choice("profit_cents", description="outcome the verdict is about", kind="lever")
    precision: float = quantity(
        0.02, unit="share of the baseline's mean", low=1e-6, high=10, kind="fixed", source=ASSUMPTION,
        description="replications are added until the 95 % interval of each paired difference is this narrow (half width)",
    )  # fmt: skip
    maximum_replications: int = quantity(
        200, unit="replications", low=2, high=1_000_000, kind="fixed", source=ASSUMPTION,
        description="cap on the replications that are added by themselves",
    )  # fmt: skip


class Policy(BaseModel):
    """A named incentive policy: a scheme's name and its parameters, checked by the scheme itself."""

    model_config = ConfigDict(frozen=True, extra="allow")

    scheme: str = choice(
        "none", description="name in sim.incentives.SCHEMES, or package.module:Class", kind="lever"
    )

    @property
    def parameters(self) -> dict[str, Any]:
        """What was written besides ``scheme``."""
        return dict(self.model_extra or {})


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

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # mesa.batch_run treats every iterable parameter as a list of values; a scenario is one value.
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
        shares = self.behavior.share.group_share + self.behavior.share.broadcast_share
        if shares > 1:
            raise ValueError(
                f"behavior.share: group_share + broadcast_share = {shares:g} is above 1; lower one of them"
            )
        return self

    @property
    def ticks(self) -> int:
        """Number of ticks of a run."""
        return max(1, math.ceil(self.days / self.dt - 1e-9))

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
        """A scenario from a nested mapping as TOML gives it; InputError if it is not a valid one."""
        try:
            scenario = cls.model_validate(dict(table))
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


def read_toml(path: str | Path) -> dict[str, Any]:
    """A TOML file as nested tables; InputError naming the file and the line if it cannot be read."""
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `vouch init` writes a starter scenario") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name the scenario file in it") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a UTF-8 text file; a scenario is TOML") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None


def parse_override(text: str) -> tuple[list[str], Any]:
    """The dotted path and the value of ``a.b.c=value``; a value that is not TOML is taken as text."""
    name, sign, value = text.partition("=")
    parts = [part.strip() for part in name.split(".")]
    if not sign or not all(parts):
        raise InputError(
            f"--set {text}: write it as section.field=value, such as population.size=1000"
        )
    try:
        return parts, tomllib.loads(f"value = {value.strip()}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return parts, value.strip()


def apply_override(table: dict[str, Any], text: str) -> None:
    """Change one value of a nested table in place; missing sections are made, list items go by number."""
    parts, value = parse_override(text)
    place: Any = table
    for depth, part in enumerate(parts[:-1]):
        place = _enter(place, part, f"--set {text}", ".".join(parts[: depth + 1]))
    if isinstance(place, list):
        place[_list_index(place, parts[-1], f"--set {text}", ".".join(parts))] = value
    else:
        place[parts[-1]] = value


def _enter(place: Any, part: str, where: str, name: str) -> Any:
    if isinstance(place, list):
        inner = place[_list_index(place, part, where, name)]
    elif part == "products" and part not in place:
        inner = place.setdefault(part, [{}])
    else:
        inner = place.setdefault(part, {})
    if not isinstance(inner, dict | list):
        raise InputError(f"{where}: {name} is a value, not a section")
    return inner


def _list_index(items: list[Any], part: str, where: str, name: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        raise InputError(f"{where}: {name} needs an item number from 0 to {len(items) - 1}")
    return int(part)


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
