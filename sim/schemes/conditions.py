"""Conditions on orders, customers and sharers, as data."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from sim.errors import InputError, nearest
from sim.market import Market
from sim.orders import Orders
from sim.quantities import cents, choice, quantity


class Subject(NamedTuple):
    """What a condition is asked about: arrays of equal length, a row per order.

    price_cents : int64, at list price. product : int. new : bool. buyer, sponsor : int32,
    consumers; buyer -1 where it is not known who will buy.
    """

    price_cents: np.ndarray
    product: np.ndarray
    new: np.ndarray
    buyer: np.ndarray
    sponsor: np.ndarray

    @classmethod
    def of(cls, orders: Orders) -> Subject:
        """The orders of a day."""
        # At the list price: the discount is not known yet when the friend's part is decided.
        return cls(
            orders.price_cents, orders.product, orders.seems_new, orders.buyer, orders.sponsor
        )


class Condition(BaseModel):
    """When a rule applies: everything that is set must hold. Amounts from (included) to (not)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    amount_from: float | None = quantity(
        None, unit="currency units", low=0, high=1e7, kind="lever", source="plan",
        description="list price of the order, from",
    )  # fmt: skip
    amount_to: float | None = quantity(
        None, unit="currency units", low=0, high=1e7, kind="lever", source="plan",
        description="list price of the order, up to but not including",
    )  # fmt: skip
    products: tuple[str, ...] | None = choice(None, kind="lever", description="names of products")
    categories: tuple[str, ...] | None = choice(
        None, kind="lever", description="categories of products"
    )
    new_customer: bool | None = choice(
        None, kind="lever", unit="switch", description="first order of a new customer, or not"
    )
    customer_days_from: float | None = quantity(
        None, unit="days", low=0, high=1e6, kind="lever", source="plan",
        description="days since the customer joined",
    )  # fmt: skip
    customer_days_to: float | None = quantity(
        None, unit="days", low=0, high=1e6, kind="lever", source="plan",
        description="the same, up to",
    )  # fmt: skip
    customer_segments: tuple[str, ...] | None = choice(
        None, kind="lever", description="segments of the customer"
    )
    sharer_days_from: float | None = quantity(
        None, unit="days", low=0, high=1e6, kind="lever", source="plan",
        description="days since the sharer joined",
    )  # fmt: skip
    sharer_days_to: float | None = quantity(
        None, unit="days", low=0, high=1e6, kind="lever", source="plan",
        description="the same, up to",
    )  # fmt: skip
    sharer_segments: tuple[str, ...] | None = choice(
        None, kind="lever", description="segments of the sharer"
    )
    sharer_orders_from: int | None = quantity(
        None, unit="orders", low=0, high=10**9, kind="lever", source="plan",
        description="orders credited to the sharer before",
    )  # fmt: skip
    sharer_orders_to: int | None = quantity(
        None, unit="orders", low=0, high=10**9, kind="lever", source="plan",
        description="the same, up to",
    )  # fmt: skip
    sharer_friends_from: int | None = quantity(
        None, unit="friends", low=0, high=10**9, kind="lever", source="plan",
        description="friends of the sharer",
    )  # fmt: skip
    sharer_friends_to: int | None = quantity(
        None, unit="friends", low=0, high=10**9, kind="lever", source="plan",
        description="the same, up to",
    )  # fmt: skip

    @model_validator(mode="after")
    def _not_empty(self) -> Condition:
        for name in RANGES:
            low, high = self.range_of(name)
            if low is not None and high is not None and high <= low:
                raise ValueError(
                    f"{name}_to = {high:g} is not above {name}_from = {low:g}; "
                    "no order would meet it: raise the one or lower the other"
                )
        for name in ("amount_from", "amount_to"):
            if getattr(self, name) is not None:
                cents(getattr(self, name), name)
        for name in SETS:
            if getattr(self, name) == ():
                raise ValueError(f"{name} = [] would never hold; name some, or leave it out")
        return self

    def range_of(self, name: str) -> tuple[float | None, float | None]:
        """Lower and upper end of one of RANGES, None where it is open."""
        return getattr(self, f"{name}_from"), getattr(self, f"{name}_to")

    @property
    def size(self) -> int:
        """How many things it asks for: how specific it is."""
        return len(self.model_dump(exclude_none=True))

    @property
    def asks_sharer(self) -> bool:
        """Whether it depends on who shares."""
        return any(name.startswith("sharer_") for name in self.model_dump(exclude_none=True))

    def overlaps(self, other: Condition) -> bool:
        """Whether one order could meet both."""
        for name in RANGES:
            low, high = self.range_of(name)
            other_low, other_high = other.range_of(name)
            if high is not None and other_low is not None and high <= other_low:
                return False
            if other_high is not None and low is not None and other_high <= low:
                return False
        for name in SETS:
            one, two = getattr(self, name), getattr(other, name)
            if one is not None and two is not None and not set(one) & set(two):
                return False
        return None in (self.new_customer, other.new_customer) or (
            self.new_customer == other.new_customer
        )

    def holds(self, subject: Subject, market: Market) -> np.ndarray:
        """Which rows of ``subject`` meet it, bool (n,). What is not known of a buyer holds."""
        met = self._meets(subject.price_cents, subject.product, market)
        if self.new_customer is not None:
            met &= subject.new == self.new_customer
        known, buyer = subject.buyer >= 0, subject.buyer
        tenure = np.where(subject.new, 0.0, market.tenure_days(buyer))
        met &= ~known | _within(tenure, *self.range_of("customer_days"))
        if self.customer_segments is not None:
            wanted = _places(self.customer_segments, market.segments)
            met &= ~known | np.isin(market.segment_of[buyer], wanted)
        return met & self._sharer_meets(subject.sponsor, market)

    def may_hold(self, market: Market) -> np.ndarray:
        """Whether an order of each product at today's price could meet it, bool (P,)."""
        prices = market.prices_cents
        return self._meets(prices, np.arange(len(prices)), market)

    def _meets(self, price_cents: np.ndarray, product: np.ndarray, market: Market) -> np.ndarray:
        """Which products at these prices meet what is asked of them, bool (n,)."""
        amounts = (None if end is None else cents(end, "amount") for end in self.range_of("amount"))
        met = _within(price_cents, *amounts)
        if self.products is not None:
            met &= np.isin(product, _places(self.products, market.products))
        if self.categories is not None:
            chosen = [category in self.categories for category in market.categories]
            met &= np.array(chosen)[product]
        return met

    def _sharer_meets(self, sharer: np.ndarray, market: Market) -> np.ndarray:
        """Which sharers (int32 (n,)) meet what is asked of them, bool (n,); -1 does not."""
        if not self.asks_sharer:
            return np.ones(len(sharer), np.bool_)
        met = (sharer >= 0) & _within(market.tenure_days(sharer), *self.range_of("sharer_days"))
        met &= _within(market.credited_orders[sharer], *self.range_of("sharer_orders"))
        met &= _within(market.friends[sharer], *self.range_of("sharer_friends"))
        if self.sharer_segments is not None:
            wanted = _places(self.sharer_segments, market.segments)
            met &= np.isin(market.segment_of[sharer], wanted)
        return met

    def check_world(self, market: Market, where: str) -> None:
        """Raise InputError for a product, category or segment that there is not."""
        for name, known in (
            ("products", market.products),
            ("categories", market.categories),
            ("customer_segments", market.segments),
            ("sharer_segments", market.segments),
        ):
            for wanted in getattr(self, name) or ():
                if wanted not in known:
                    kind = "segment" if name.endswith("segments") else name
                    raise InputError(
                        f"{where}.{name} = {wanted!r} is not among the {kind.rstrip('s')} names "
                        f"of the scenario{nearest(wanted, known)}"
                    )


RANGES = ("amount", "customer_days", "sharer_days", "sharer_orders", "sharer_friends")
SETS = ("products", "categories", "customer_segments", "sharer_segments")


def _within(values: np.ndarray, low: float | None, high: float | None) -> Any:
    """Which ``values`` lie in [low, high), bool (n,); an end that is None is open."""
    met = np.ones(len(values), np.bool_)
    if low is not None:
        met &= values >= low
    if high is not None:
        met &= values < high
    return met


def _places(names: tuple[str, ...], known: tuple[str, ...]) -> list[int]:
    """Where ``names`` stand in ``known``."""
    return [place for place, name in enumerate(known) if name in names]
