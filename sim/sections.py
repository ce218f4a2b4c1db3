"""The sections of a scenario: network, people, products, campaign, attribution, policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from sim.behavior import Section
from sim.quantities import ASSUMPTION, cents, choice, quantity


class Network(Section):
    """Who knows whom: a generated kind with its parameters, or a file."""

    kind: str = choice(
        "campus",
        kind="uncertainty", source="A33",
        description="generator, see `vouch networks`; ignored when file is given",
    )  # fmt: skip
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
        description="which end of a directed tie in the file shares: its source, or its target "
        "(u trusts v)",
    )
    repair: bool = choice(
        False,
        description="merge repeated ties and drop self-loops of the file instead of refusing them",
        unit="switch",
    )
    mean_degree: float | None = quantity(
        None, unit="friends", low=0, high=100_000, kind="uncertainty", source="A33",
        description="mean number of friends",
    )  # fmt: skip
    rewiring: float | None = quantity(
        None, unit="probability", low=0, high=1, kind="uncertainty",
        source="Watts and Strogatz 1998",
        description="share of ties rewired (watts_strogatz)",
    )  # fmt: skip
    triad_probability: float | None = quantity(
        None, unit="probability", low=0, high=1, kind="uncertainty", source="Holme and Kim 2002",
        description="chance of closing a triangle (holme_kim)",
    )  # fmt: skip
    blocks: int | None = quantity(
        None, unit="blocks", low=1, high=1_000_000, kind="uncertainty",
        source="Holland et al. 1983",
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

    @field_validator("file", "groups")
    @classmethod
    def _is_a_path(cls, path: str | None) -> str | None:
        if path is not None and "\0" in path:
            raise ValueError(f"{path!r} holds a NUL character; write the path of a file")
        return path

    def parameters(self) -> dict[str, float | int]:
        """The generator's parameters that were set."""
        chosen = self.model_dump(
            exclude={"kind", "file", "groups", "directed", "direction", "repair"}
        )
        return {name: value for name, value in chosen.items() if value is not None}


class Segment(Section):
    """A part of the population that a scheme can treat differently; drawn at random."""

    name: str = choice("segment", description="name used in the conditions of schemes")
    share: float = quantity(
        0.1, unit="share of people", low=0, high=1, kind="uncertainty", source="plan",
        description="how many people belong to it",
    )  # fmt: skip


class Population(Section):
    """How many people, and how they differ (traits are drawn once)."""

    size: int = quantity(
        4039, unit="people", low=1, high=2_000_000_000, kind="fixed",
        source="the published ego-Facebook graph",
        description="number of consumers; a file brings its own",
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
        source="A6 (90-9-1 rule of participation)",
        description="spread of the urge to share (mean 1)",
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
    opportunists: float = quantity(
        0.0, unit="share of people", low=0, high=1, kind="uncertainty", neutral=0,
        source=ASSUMPTION,
        description="people who play fake identities and rings when it pays",
    )  # fmt: skip
    opportunist_rate: float = quantity(
        0.1, unit="attempts per day", low=0, high=10, kind="uncertainty", source=ASSUMPTION,
        description="how often an opportunist looks for an order to send back or to resell",
    )  # fmt: skip
    identity_cost: float = quantity(
        1.0, unit="currency units", low=0, high=1e6, kind="uncertainty", source=ASSUMPTION,
        description="what an invented identity costs its maker",
    )  # fmt: skip
    resale: float = quantity(
        0.5, unit="share of price", low=0, high=1, kind="uncertainty", source=ASSUMPTION,
        description="what goods bought under an invented identity bring when they are sold on",
    )  # fmt: skip
    segments: tuple[Segment, ...] = choice(
        (), description="parts of the population that schemes can tell apart", unit="list"
    )

    @field_validator("segments")
    @classmethod
    def _told_apart(cls, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        names = [segment.name for segment in segments]
        if len(set(names)) < len(names):
            raise ValueError(f"names {names} repeat; give every segment a name of its own")
        if sum(segment.share for segment in segments) > 1 + 1e-9:
            shares = [segment.share for segment in segments]
            raise ValueError(f"shares {shares} come to more than 1; lower them")
        return segments


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
        None, unit="currency units", low=0.01, high=1e7, kind="uncertainty",
        source="A: people value a product at about its price",
        description="median willingness to pay; unset: the list price",
    )  # fmt: skip
    quality: float = quantity(
        0.7, unit="quality points", low=0, high=1, kind="uncertainty",
        source="A29: about 80 % satisfied", description="mean performance",
    )  # fmt: skip
    quality_spread: float = quantity(
        0.25, unit="quality points", low=0, high=1, kind="uncertainty", neutral=0,
        source="A29, A: size",
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
        source="A22 (CDNOW: 7 x 4.414/.243)",
        description="mean days between repeat orders of a member",
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
        30, unit="day", low=0, high=1e6, kind="lever", source="plan",
        description="first day without it",
    )  # fmt: skip
    reach_per_day: float = quantity(
        0.01, unit="visits per person and day", low=0, high=10, kind="lever", source="plan",
        description="rate at which it makes a person visit",
    )  # fmt: skip


class Activity(Section):
    """An event members take part in and like to talk about."""

    day: float = quantity(
        0, unit="day", low=0, high=1e6, kind="lever", source="plan",
        description="when it takes place",
    )  # fmt: skip
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
        ..., unit="currency units", low=0, high=1e7, kind="lever", source="plan",
        description="new list price",
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
        0.10, unit="share of people", low=0, high=1, kind="uncertainty", neutral=0,
        source=ASSUMPTION,
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

    model: Literal["last_click", "first_click", "linear", "position", "time_decay"] = choice(
        "last_click",
        description="the friend whose link was clicked last or first, or all of them in equal "
        "parts, most to the first and the last, or the more the later",
        kind="lever",
    )
    half_life_days: float = quantity(
        7.0, unit="days", low=0.01, high=3650, kind="lever",
        source="vendors of analytics: 7 days is the usual setting",
        description="time after which a click counts half as much (time_decay)",
    )  # fmt: skip
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
    coupons: bool = choice(
        False,
        description="sharers have a code that friends can type in at the checkout",
        kind="lever",
        unit="switch",
    )
    precedence: Literal["coupon", "link"] = choice(
        "coupon", description="what an order is credited to that has both", kind="lever"
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
        0.02, unit="share of the baseline's mean", low=1e-6, high=10, kind="fixed",
        source=ASSUMPTION,
        description="replications are added until the 95 % interval of each paired difference "
        "is this narrow (half width)",
    )  # fmt: skip
    maximum_replications: int = quantity(
        200, unit="replications", low=2, high=1_000_000, kind="fixed", source=ASSUMPTION,
        description="cap on the replications that are added by themselves",
    )  # fmt: skip
    branch_day: float | None = quantity(
        None, unit="day", low=0.001, high=100_000, kind="fixed", source="modeller's choice",
        description="day on whose morning every policy takes over from history; unset: day 0",
    )  # fmt: skip
    history: str | None = choice(
        None, description="policy of every world until branch_day; unset: the baseline"
    )


DEEPEST = 8
"""Levels of lists and tables that a policy's parameter may have."""


def _is_plain(value: Any, depth: int = DEEPEST) -> bool:
    """Whether ``value`` can be written as TOML and read back."""
    if depth < 0:
        return False
    if isinstance(value, Mapping):
        return all(
            isinstance(key, str) and _is_plain(item, depth - 1) for key, item in value.items()
        )
    if isinstance(value, list | tuple):
        return all(_is_plain(item, depth - 1) for item in value)
    if isinstance(value, int):
        return abs(value) < 2**63
    return isinstance(value, float | str)


class Policy(BaseModel):
    """A named incentive policy: a scheme and its parameters, checked by the scheme itself."""

    model_config = ConfigDict(frozen=True, extra="allow")

    scheme: str = choice(
        "none", description="name in sim.incentives.SCHEMES, or package.module:Class", kind="lever"
    )

    @model_validator(mode="after")
    def _plain_parameters(self) -> Policy:
        for name, value in self.parameters.items():
            if value is not None and not _is_plain(value):
                raise ValueError(
                    f"{name} cannot be a parameter; write a number below 2^63, a text, a switch, "
                    f"or a list or table of these, at most {DEEPEST} deep"
                )
        return self

    @property
    def parameters(self) -> dict[str, Any]:
        """What was written besides ``scheme``."""
        return dict(self.model_extra or {})
