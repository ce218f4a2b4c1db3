"""Schemes made of schemes: several at once, or one by conditions with a stated precedence.

Any scheme can be a part, a composed one too. Every part keeps its own terms (dates, budget, cap,
minimum order, who can earn) and its own record of credited orders; the terms of the whole apply
on top. Holding period, clawback, payouts and checks are those of the whole.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import (
    ConfigDict,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from sim.market import Market, Offer
from sim.orders import Bonuses, Commissions, Orders
from sim.quantities import choice, describe_validation_error
from sim.scenario import Policy
from sim.schemes.conditions import Condition, Subject
from sim.schemes.making import make_scheme
from sim.schemes.scheme import Scheme

OF_THE_WHOLE = (
    "hold_days", "clawback", "minimum_payout", "payout_every_days", "similarity_check",
    "false_positive_rate",
)  # fmt: skip
"""Terms that a part leaves to the whole."""


def _as_scheme(value: Any, where: str) -> Scheme:
    """A part written as a table, a policy or a scheme."""
    if isinstance(value, Mapping):
        if not {"scheme", "programme"} & set(value):
            raise ValueError(f"{where} has no scheme; add scheme = ..., or programme = ...")
        value = Policy(**value)
    if not isinstance(value, Policy | Scheme):
        raise ValueError(f"{where} must be a table with scheme = ... and its parameters")
    scheme = make_scheme(value, where)
    for name in OF_THE_WHOLE:
        if getattr(scheme, name) != type(scheme).model_fields[name].default:
            raise ValueError(
                f"{where}.{name} is decided for the whole; write it beside the parts instead"
            )
    return scheme


class Composed(Scheme):
    """A scheme made of others."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @property
    def paid_levels(self) -> int:
        """The most of any part."""
        return max((part.paid_levels for part in self.components), default=0)

    @property
    def pays_referrer(self) -> bool:
        """Whether any part does."""
        return any(part.pays_referrer for part in self.components)

    @property
    def known_breaks(self) -> dict[str, str]:
        """Its own and those of the parts."""
        found = super().known_breaks
        for part in self.components:
            found = {**part.known_breaks, **found}
        return found

    @property
    def for_teams(self) -> bool:
        """Whether any part is."""
        return any(part.for_teams for part in self.components)

    def check_world(self, market: Market) -> None:
        """What the parts check."""
        for part in self.components:
            part.check_world(market)

    @abstractmethod
    def divide(self, orders: Orders, market: Market) -> list[np.ndarray]:
        """Which ``orders`` each part deals with: rows, int64, ascending, per part."""

    @abstractmethod
    def combine(self, offers: list[Offer], market: Market) -> Offer:
        """What people make of the offers of the parts."""

    def offer(self, market: Market) -> Offer:
        """What people make of the offers of the parts."""
        return self.combine([part.offer(market) for part in self.components], market)

    def settle(self, orders: Orders, market: Market) -> Commissions:
        """The credits of all parts, by order."""
        found = []
        for part, rows in zip(self.components, self.divide(orders, market), strict=True):
            credits = part.settle(orders.take(rows), market)
            found.append(credits._replace(order=rows[credits.order]))
        together = Commissions(*map(np.concatenate, zip(*found, strict=True)))
        return together.take(np.lexsort((together.level, together.order)))

    def discounts(self, orders: Orders, market: Market) -> np.ndarray:
        """What the parts give the buyers together, up to the price."""
        total = np.zeros(len(orders.order_id), np.int64)
        for part, rows in zip(self.components, self.divide(orders, market), strict=True):
            total[rows] += part.discounts(orders.take(rows), market)
        return np.minimum(total, orders.price_cents)

    def bonuses(self, market: Market) -> Bonuses:
        """The bonuses of all parts."""
        found = [part.bonuses(market) for part in self.components]
        return Bonuses(*map(np.concatenate, zip(*found, strict=True)))


class Combined(Composed):
    """Several schemes at once: every order earns what each of them gives."""

    source: ClassVar[str] = "affiliate suites: a rate, a bonus and a leaderboard side by side"
    parts: tuple[Any, ...] = choice(
        ({"scheme": "percentage", "rate": 0.05}, {"scheme": "recipient_only", "give": 5.0}),
        kind="lever", unit="list of schemes", description="schemes that all apply",
    )  # fmt: skip

    @field_validator("parts")
    @classmethod
    def _schemes(cls, parts: tuple[Any, ...]) -> tuple[Scheme, ...]:
        if not parts:
            raise ValueError("name at least one scheme; none pays nothing")
        return tuple(_as_scheme(part, f"parts.{place}") for place, part in enumerate(parts))

    @model_serializer(mode="wrap")
    def _plainly(self, write: Any) -> dict[str, Any]:
        plain = write(self)
        plain["parts"] = [_as_table(part) for part in self.parts]
        return plain

    @property
    def components(self) -> tuple[Scheme, ...]:
        """The parts."""
        return self.parts

    def started_on(self, day: int) -> Self:
        """With the parts."""
        parts = tuple(part.started_on(day) for part in self.parts)
        return super().started_on(day)._with(parts=parts)

    @property
    def component_names(self) -> tuple[str, ...]:
        """parts.0, parts.1 and so on."""
        return tuple(f"parts.{place}" for place in range(len(self.parts)))

    def divide(self, orders: Orders, market: Market) -> list[np.ndarray]:
        """Every order to every part."""
        return [np.arange(len(orders.order_id)) for _ in self.parts]

    def combine(self, offers: list[Offer], market: Market) -> Offer:
        """The sum of the rewards and of the discounts; uncertain if any part that gives is."""
        rewards = [offer.reward_cents for offer in offers]
        flat = all(reward.ndim == 1 for reward in rewards)
        reward = sum(r if flat or r.ndim == 2 else r[:, None] for r in rewards)
        friend = np.minimum(sum(offer.friend_cents for offer in offers), market.prices_cents)
        giving = [offer for offer in offers if offer.reward_cents.any()]
        return Offer(
            np.asarray(reward, np.float64),
            friend,
            any(offer.sharer_uncertain for offer in giving),
            any(offer.friend_uncertain and offer.friend_cents.any() for offer in offers),
            bool(giving) and all(offer.in_kind for offer in giving),
        )

    def bound_cents(self, market: Market) -> np.ndarray:
        """The sum of the bounds."""
        return np.sum([part.bound_cents(market) for part in self.parts], axis=0)


class Case(NamedTuple):
    """A condition and the scheme that applies where it holds."""

    when: Condition
    scheme: Scheme

    @classmethod
    def read(cls, value: Any, where: str) -> Case:
        """A case written as a table: ``when`` and a scheme with its parameters."""
        if isinstance(value, Case):
            return value
        if not isinstance(value, Mapping) or "when" not in value:
            raise ValueError(f"{where} must be a table with when = {{...}} and scheme = ...")
        written = dict(value)
        when = written.pop("when")
        try:
            condition = Condition.model_validate(when)
        except ValidationError as error:
            raise ValueError(describe_validation_error(error, f"{where}.when", Condition)) from None
        return cls(condition, _as_scheme(written, where))


class ByCondition(Composed):
    """Different schemes for different orders, customers or sharers.

    The cases are asked in the order that ``precedence`` states: as written, or the most specific
    (the one that asks most) before the others. The first that holds decides; ``otherwise``
    decides where none does. Cases that could hold together need a stated precedence.
    """

    source: ClassVar[str] = "Dub's ordered modifiers; AffiliateWP: affiliate > product > global"
    cases: tuple[Any, ...] = choice(
        ({"when": {"new_customer": True}, "scheme": "fixed_bounty", "amount": 5.0},),
        kind="lever", unit="list of cases", description="conditions, each with its scheme",
    )  # fmt: skip
    precedence: Literal["first", "most_specific"] | None = choice(
        None, kind="lever",
        description="which case decides where several hold; needed where they can",
    )  # fmt: skip
    otherwise: Any = choice(
        {"scheme": "none"}, kind="lever", unit="scheme", description="where no case holds"
    )

    @field_validator("cases")
    @classmethod
    def _read_cases(cls, cases: tuple[Any, ...]) -> tuple[Case, ...]:
        if not cases:
            raise ValueError("name at least one case, or use the scheme of otherwise alone")
        return tuple(Case.read(case, f"cases.{place}") for place, case in enumerate(cases))

    @field_validator("otherwise")
    @classmethod
    def _scheme(cls, otherwise: Any) -> Scheme:
        return _as_scheme(otherwise, "otherwise")

    @model_validator(mode="after")
    def _decided(self) -> ByCondition:
        """Cases that overlap need a precedence that tells them apart."""
        if self.precedence == "first":
            return self
        for place, case in enumerate(self.cases):
            for later, other in enumerate(self.cases[place + 1 :], start=place + 1):
                tied = self.precedence is None or case.when.size == other.when.size
                if tied and case.when.overlaps(other.when):
                    ask = "are equally specific" if self.precedence else "have no precedence"
                    raise ValueError(
                        f"cases {place} and {later} can hold for the same order and {ask}; "
                        'write precedence = "first", or make the conditions exclude each other'
                    )
        return self

    @model_serializer(mode="wrap")
    def _plainly(self, write: Any) -> dict[str, Any]:
        plain = write(self)
        plain["cases"] = [
            {
                "when": case.when.model_dump(exclude_none=True, mode="json"),
                **_as_table(case.scheme),
            }
            for case in self.cases
        ]
        plain["otherwise"] = _as_table(self.otherwise)
        return plain

    @property
    def components(self) -> tuple[Scheme, ...]:
        """The schemes of the cases, then the one of ``otherwise``."""
        return (*(case.scheme for case in self.cases), self.otherwise)

    def started_on(self, day: int) -> Self:
        """With the schemes of the cases and of ``otherwise``."""
        cases = tuple(case._replace(scheme=case.scheme.started_on(day)) for case in self.cases)
        otherwise = self.otherwise.started_on(day)
        return super().started_on(day)._with(cases=cases, otherwise=otherwise)

    @property
    def component_names(self) -> tuple[str, ...]:
        """cases.0, cases.1 and so on, then otherwise."""
        return (*(f"cases.{place}" for place in range(len(self.cases))), "otherwise")

    def check_world(self, market: Market) -> None:
        """Whether products, categories and segments exist, and what the parts check."""
        super().check_world(market)
        for place, case in enumerate(self.cases):
            case.when.check_world(market, f"cases.{place}.when")

    def divide(self, orders: Orders, market: Market) -> list[np.ndarray]:
        """Every order to the part that decides it."""
        decided = self._deciding(Subject.of(orders), market)
        return [np.flatnonzero(decided == place) for place in range(len(self.components))]

    def combine(self, offers: list[Offer], market: Market) -> Offer:
        """What the first order of a new customer at list price would earn each consumer.

        The friend is told the most that any case which may decide gives.
        """
        products = np.arange(len(market.prices_cents))
        personal = any(case.when.asks_sharer for case in self.cases)
        sharers = np.arange(market.size if personal else 1)
        product = np.repeat(products, len(sharers))
        decided = self._deciding(
            Subject(
                market.prices_cents[product],
                product,
                np.ones(len(product), np.bool_),
                np.full(len(product), -1),
                np.tile(sharers, len(products)),
            ),
            market,
        ).reshape(len(products), len(sharers))
        reward = np.zeros_like(decided, np.float64)
        friend = np.zeros(len(products), np.int64)
        for place, offer in enumerate(offers):
            own = decided == place
            if offer.reward_cents.ndim == 2 and reward.shape[1] == 1:
                reward = np.broadcast_to(reward, offer.reward_cents.shape).copy()
            told = offer.reward_cents
            reward = np.where(own, told if told.ndim == 2 else told[:, None], reward)
            friend = np.maximum(friend, np.where(own.any(axis=1), offer.friend_cents, 0))
        used = [offers[place] for place in np.unique(decided)]
        return Offer(
            reward if reward.shape[1] > 1 or market.size == 1 else reward[:, 0],
            friend,
            any(offer.sharer_uncertain for offer in used),
            any(offer.friend_uncertain for offer in used),
            all(offer.in_kind for offer in used if offer.reward_cents.any())
            and any(offer.in_kind for offer in used),
        )

    def bound_cents(self, market: Market) -> np.ndarray:
        """The largest bound of any part that can decide an order of the product."""
        bounds = [
            np.where(case.when.may_hold(market), case.scheme.bound_cents(market), 0.0)
            for case in self.cases
        ]
        return np.max([*bounds, self.otherwise.bound_cents(market)], axis=0)

    def _deciding(self, subject: Subject, market: Market) -> np.ndarray:
        """Number of the part that decides each row of ``subject``, int64 (n,)."""
        decided = np.full(len(subject.product), len(self.cases))
        order = list(range(len(self.cases)))
        if self.precedence == "most_specific":
            order.sort(key=lambda place: -self.cases[place].when.size)
        for place in reversed(order):
            decided[self.cases[place].when.holds(subject, market)] = place
        return decided


def _as_table(scheme: Scheme) -> dict[str, Any]:
    """A scheme as it is written in a scenario; what has its default is left out."""
    return {"scheme": scheme.name, **scheme.model_dump(exclude_none=True, exclude_defaults=True)}
