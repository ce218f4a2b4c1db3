"""What an incentive scheme is: its terms, its methods, and the arithmetic of rates.

A scheme is two methods over arrays: :meth:`Scheme.offer`, what people are told, and
:meth:`Scheme.settle`, what the day's orders earn. Its fields are its parameters; the terms every
scheme has (budget, caps, holding period, dates, checks) are applied around it by
:class:`sim.incentives.Programme`.

Rates are taken to nine decimals and apply to the net price (list price less discount). The
result is rounded once, half a cent up; commissions of level 2 and above are rounded down, so
that an order never pays more than its rounded bound.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from sim.errors import InputError
from sim.market import Market, Offer
from sim.orders import Bonuses, Commissions, Orders
from sim.quantities import cents, choice, not_a_switch, quantity
from sim.scenario import Policy

PARTS = 10**9  # resolution of a rate
CURRENCY = "currency units"
SCHEMES: dict[str, type[Scheme]] = {}
"""Every scheme by its name in a scenario: the built-in ones, then those of users."""


class Scheme(BaseModel):
    """A commission scheme with the terms that every scheme has. Amounts in currency units.

    A subclass adds its parameters as fields and defines :meth:`offer` and :meth:`settle`. It can
    be named in a scenario at once: by its class name in snake case, or as package.module:Class.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )
    name: ClassVar[str] = "scheme"
    source: ClassVar[str] = "user-defined"

    budget: float | None = quantity(
        None, unit=CURRENCY, low=0, high=1e12, kind="lever", source="plan",
        description="commissions and friend discounts stop when this is spent; unset: no limit",
    )  # fmt: skip
    cap_per_person: float | None = quantity(
        None, unit=CURRENCY, low=0, high=1e12, kind="lever", source="plan",
        description="most one person can earn per cap_period_days; unset: no limit",
    )  # fmt: skip
    cap_period_days: float | None = quantity(
        None, unit="days", low=1, high=100_000, kind="lever", source="plan",
        description="length of the period of cap_per_person; unset: the whole run",
    )  # fmt: skip
    minimum_order: float = quantity(
        0.0, unit=CURRENCY, low=0, high=1e7, kind="lever", neutral=0, source="plan",
        description="smallest net price that earns a commission or a friend discount",
    )  # fmt: skip
    hold_days: int = quantity(
        14, unit="days", low=0, high=3650, kind="lever", source="A: as long as refunds are open",
        description="days between an order and the payout of its commission",
    )  # fmt: skip
    clawback: bool = choice(
        True, kind="lever", unit="switch",
        description="a refund takes back commission that was paid; what is pending is never paid",
    )  # fmt: skip
    start_day: int = quantity(
        0, unit="day", low=0, high=1_000_000, kind="lever", source="plan", description="first day",
    )  # fmt: skip
    end_day: int | None = quantity(
        None, unit="day", low=1, high=1_000_000, kind="lever", source="plan",
        description="first day without it; unset: never ends",
    )  # fmt: skip
    first_order_only: bool = choice(
        False, kind="lever", unit="switch",
        description="only the first order of a new customer earns a commission or a discount",
    )  # fmt: skip
    customers_only: bool = choice(
        True, kind="lever", unit="switch", description="only members, people who bought, can earn"
    )
    minimum_payout: float = quantity(
        0.0, unit=CURRENCY, low=0, high=1e7, kind="lever", neutral=0,
        source="affiliate registry: 50 in most programmes",
        description="what a person must have approved before any of it is paid out",
    )  # fmt: skip
    payout_every_days: int = quantity(
        0, unit="days", low=0, high=3650, kind="lever", source="affiliate registry: monthly",
        description="days between payouts of what is approved; 0: as soon as it is",
    )  # fmt: skip
    similarity_check: float = quantity(
        0.0, unit="probability", low=0, high=1, kind="lever", neutral=0,
        source="peers' fraud rules: same name, address, device or card (A: no rate published)",
        description="chance that an order under an invented identity is recognised as such",
    )  # fmt: skip
    false_positive_rate: float = quantity(
        0.0, unit="probability", low=0, high=1, kind="lever", neutral=0,
        source="peers' self-referral checks have them (A: no rate published)",
        description="chance that the check takes an honest referred order for a fake",
    )  # fmt: skip

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Give the class its snake-case name and make it known to scenarios."""
        super().__pydantic_init_subclass__(**options)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        if not _is_built_in(cls):
            _register(cls)

    @field_validator("*", mode="before")
    @classmethod
    def _not_a_switch(cls, value: Any, info: ValidationInfo) -> Any:
        return not_a_switch(cls, info.field_name, value)

    @model_validator(mode="after")
    def _terms(self) -> Scheme:
        """Whole cents, and dates in order."""
        for name, field in type(self).model_fields.items():
            extra = field.json_schema_extra
            value = getattr(self, name)
            if isinstance(extra, dict) and extra.get("unit") == CURRENCY and value is not None:
                cents(value, name)
        for name in ("budget", "cap_per_person"):
            if getattr(self, name) == 0:
                raise ValueError(
                    f"{name} = 0 would pay nothing; raise it, or leave it out for no limit"
                )
        if self.end_day is not None and self.end_day <= self.start_day:
            raise ValueError(
                f"end_day = {self.end_day} is not after start_day = {self.start_day}; "
                "raise end_day or leave it out"
            )
        if self.cap_period_days is not None and self.cap_per_person is None:
            raise ValueError("cap_period_days has no effect without cap_per_person; add the cap")
        if self.false_positive_rate > 0 and self.similarity_check == 0:
            raise ValueError(
                f"false_positive_rate = {self.false_positive_rate} has no effect without a check; "
                "set similarity_check"
            )
        return self

    @property
    def paid_levels(self) -> int:
        """How many levels above the buyer earn from an order."""
        return 1

    @property
    def components(self) -> tuple[Scheme, ...]:
        """The schemes it is composed of; none for a scheme that stands alone."""
        return ()

    @property
    def component_names(self) -> tuple[str, ...]:
        """How the components are written in a scenario, such as parts.0."""
        return ()

    @property
    def pays_referrer(self) -> bool:
        """Whether an order without a link is credited to who once referred the buyer."""
        return False

    @property
    def for_teams(self) -> bool:
        """Whether it gives discounts to who buys in a team, with or without a link."""
        return False

    @property
    def in_points(self) -> bool:
        """Whether commissions are paid out in points; then it has a field expire_days, 0: never."""
        return False

    @property
    def known_breaks(self) -> dict[str, str]:
        """The soft invariants (I9, I10, I12, I14) that it gives up by design, each with why."""
        found = {}
        if self.budget is not None or self.cap_per_person is not None:
            found["I9"] = "a further sale can use up what a budget or cap leaves"
            found["I12"] = "a budget or cap can cut a prize"
        if self.cap_period_days is not None:
            found["I14"] = "the cap counts afresh in every period"
        return found

    @property
    def days_of_points(self) -> int:
        """Days after which points it pays in expire; 0: never."""
        return 0

    def check_world(self, market: Market) -> None:
        """Raise InputError where a parameter does not fit the products or people; by default none.

        Called once, before the run.
        """

    @property
    def tells_by_prices(self) -> bool:
        """Whether what people are told depends on the prices alone, see :func:`by_prices`.

        A class that inherits ``offer`` may have changed what that reads, and is asked every day.
        """
        return getattr(vars(type(self)).get("offer"), "by_prices", False)

    @abstractmethod
    def offer(self, market: Market) -> Offer:
        """What each consumer believes a sale earns her, and what her friend gets off."""

    @abstractmethod
    def settle(self, orders: Orders, market: Market) -> Commissions:
        """Who is credited how many cents for today's ``orders``; a row per credit."""

    def discounts(self, orders: Orders, market: Market) -> np.ndarray:
        """What the buyers of today's referred ``orders`` get off, int64 (n,): what was offered."""
        return np.minimum(self.offer(market).friend_cents[orders.product], orders.price_cents)

    def bonuses(self, market: Market) -> Bonuses:
        """What is paid at the end of the day besides commissions; nothing unless defined."""
        return Bonuses.empty()

    def bound_cents(self, market: Market) -> np.ndarray:
        """Most that one order of each product earns all its recipients together, float64 (P,)."""
        reward = self.offer(market).reward_cents
        return reward if reward.ndim == 1 else reward.max(axis=1, initial=0.0)

    def started_on(self, day: int) -> Self:
        """The scheme with an earlier ``start_day``, its own or a part's, moved to ``day``.

        Raises a pydantic ValidationError if it is over by then.
        """
        return self._with(start_day=day) if self.start_day < day else self

    def _with(self, **changes: Any) -> Self:
        """A copy with changed parameters, checked."""
        written = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate(written | changes)

    def as_policy(self) -> Policy:
        """The scheme as a scenario holds it: its name and its parameters."""
        return Policy(scheme=self.name, **self.model_dump(exclude_none=True))


def by_prices(offer: Callable[..., Offer]) -> Callable[..., Offer]:
    """Mark the method ``offer`` of a scheme: what it says depends on parameters and prices alone.

    Then it is asked only when prices change, not every day. A subclass that defines ``offer`` anew
    says anew whether that holds for it.
    """
    offer.by_prices = True  # type: ignore[attr-defined]
    return offer


def _is_built_in(cls: type[Scheme]) -> bool:
    """Whether a class belongs to this package."""
    return cls.__module__.rpartition(".")[0] == __package__


def _register(cls: type[Scheme]) -> None:
    """Add a user's scheme to SCHEMES; InputError if the name is a built-in one's."""
    known = SCHEMES.get(cls.name)
    if known is not None and _is_built_in(known):
        raise InputError(
            f"class {cls.__name__} would hide the built-in scheme '{cls.name}'; rename the class"
        )
    SCHEMES[cls.name] = cls


@lru_cache(maxsize=256)
def rate_parts(rate: float) -> int:
    """A rate in billionths, to the nearest."""
    return int(Fraction(str(rate)) * PARTS + Fraction(1, 2))


def part_of(amounts: np.ndarray, parts: np.ndarray | int, *, half_up: bool = True) -> np.ndarray:
    """``amounts * parts / PARTS`` in whole cents, exactly: half a cent up, or rounded down.

    amounts : int64 (n,), not negative. parts : billionths up to PARTS. Returns int64 (n,).
    """
    whole, rest = np.divmod(amounts, PARTS)
    return whole * parts + (rest * parts + (PARTS // 2 if half_up else 0)) // PARTS


def told(
    market: Market, reward: np.ndarray | float = 0.0, friend: np.ndarray | int = 0, **flags: bool
) -> Offer:
    """An offer of ``reward`` (anything that fits the products) and a discount up to the price.

    flags : fields of :class:`Offer` by name.
    """
    prices = market.prices_cents
    if np.ndim(reward) == 0:
        reward = np.full(len(prices), float(reward))
    return Offer(np.asarray(reward, np.float64), np.minimum(friend, prices), **flags)


def to_sponsors(orders: Orders, amounts: np.ndarray) -> Commissions:
    """``amounts`` (int64 (n,)) to the sponsors of paid orders, as level 1."""
    order = np.flatnonzero((orders.sponsor >= 0) & (orders.net_cents > 0) & (amounts > 0))
    return Commissions(order, orders.sponsor[order], amounts[order], np.ones(len(order), np.int8))
