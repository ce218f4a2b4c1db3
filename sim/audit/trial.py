"""Made-up histories of a few orders, settled by the real programme and the real books.

No consumer is simulated: a history says who referred whom, who buys what through whose link, and
what is sent back. The audit reads from the books what a scheme made of it.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from sim.incentives import Market, Programme, Scheme
from sim.ledger import Ledger
from sim.market import Everybody, Offer
from sim.orders import ORDER_DTYPES, Orders
from sim.quantities import cents
from sim.scenario import Scenario

PERIOD_DAYS = 30
"""Length of the period that the audit states sums for: the month of the schemes."""

DRAWS = 4000
"""Orders over which rewards by lot are averaged."""

_WAITS = (0, PERIOD_DAYS + 1, 93)  # days after which bonuses may come
_LONG_AGO, _FRIENDS = 3650, 100
_GOLDEN_RATIO = (1 + 5**0.5) / 2
_LIVE = ("pending", "held", "approved", "paid")


class Sale(NamedTuple):
    """An order of a history.

    buyer, sponsor : numbers of people, -1 no link. day : from the first day of the scheme.
    product : None for the one that pays most. new : the buyer's first order. sent_back : days
    until the refund. team : bought in a complete team, where the scheme is for teams.
    """

    buyer: int
    sponsor: int = -1
    day: int = 0
    product: int | None = None
    new: bool = True
    sent_back: int | None = None
    team: bool = True


class Shop(NamedTuple):
    """What is sold and to whom: a tuple entry per product, amounts in cents.

    existing_customers : whether orders of people who bought before are credited too.
    jurisdiction : a key of JURISDICTIONS.
    """

    products: tuple[str, ...]
    categories: tuple[str, ...]
    prices_cents: tuple[int, ...]
    unit_costs_cents: tuple[int, ...]
    refund_days: tuple[int, ...]
    segments: tuple[str, ...]
    existing_customers: bool
    jurisdiction: str

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """The shop of a scenario."""
        products = scenario.products
        return cls(
            products=tuple(product.name for product in products),
            categories=tuple(product.category for product in products),
            prices_cents=tuple(cents(product.price, "price") for product in products),
            unit_costs_cents=tuple(cents(product.unit_cost, "unit_cost") for product in products),
            refund_days=tuple(product.refund_days for product in products),
            segments=tuple(segment.name for segment in scenario.population.segments),
            existing_customers=scenario.attribution.existing_customers,
            jurisdiction=scenario.jurisdiction,
        )


class EvenMarket(Market):
    """A market whose lots fall evenly over the buyers, so that averages over many are exact."""

    def luck(self, orders: Orders) -> np.ndarray:
        """Multiples of the golden ratio without their whole part, float64 (n,) in (0, 1)."""
        return np.mod((orders.buyer + 1.0) * _GOLDEN_RATIO, 1.0)


class Kind(NamedTuple):
    """What all people of a history are: days since they joined, and place of their segment."""

    tenure_days: int
    segment: int


class Standing(NamedTuple):
    """Credits that were not taken back: arrays of equal length, int64, a row per credit.

    order : its id, which is its place in the history by day. recipient, level, cents : as booked.
    """

    order: np.ndarray
    recipient: np.ndarray
    level: np.ndarray
    cents: np.ndarray


@dataclass(frozen=True)
class Books:
    """What the books say after a history.

    orders : as booked; ids count from 0 by day, then as the history lists them. spent_cents :
    commissions and discounts given so far at the end of each day. lowest_cents : smallest earnings
    of anybody on any day.
    """

    ledger: Ledger
    orders: Orders
    spent_cents: tuple[int, ...]
    lowest_cents: int

    @property
    def earned_cents(self) -> np.ndarray:
        """What each person earned and keeps, int64 (people,)."""
        return self.ledger.earned_cents

    @cached_property
    def standing(self) -> Standing:
        """The credits that stand."""
        lines = self.ledger.lines_frame(1.0)
        lines = lines[lines["state"].isin(_LIVE)]
        names = ("order_id", "recipient", "level", "cents")
        return Standing(*(lines[name].to_numpy(np.int64) for name in names))

    @property
    def per_order_cents(self) -> np.ndarray:
        """Credits that stand on each order, int64 (orders,)."""
        total = np.zeros(len(self.orders.order_id), np.int64)
        np.add.at(total, self.standing.order, self.standing.cents)
        return total

    def taken_cents(self, people: Iterable[int]) -> int:
        """What ``people`` got out of the programme: commissions, and discounts on their orders."""
        chosen = np.fromiter(people, np.int64)
        kept = np.isin(self.orders.buyer, chosen) & (self.orders.refund_tick < 0)
        return int(self.earned_cents[chosen].sum() + self.orders.discount_cents[kept].sum())


class Trial:
    """A scheme in a small shop, ready to settle histories.

    People are the kind, and buy the product, that the scheme pays most for. The check for fakes
    is switched off: it works by chance, and the audit asks what is possible.

    Parameters
    ----------
    scheme : Scheme
    shop : Shop
    where : str, optional
        How messages name the policy.

    Attributes
    ----------
    product : int
        The product that the scheme pays most for.
    wait_days : int
        Days after an order until everything it earns is credited.
    is_uncertain : bool
        Whether rewards or discounts are drawn by lot.

    Raises
    ------
    InputError
        If the scheme does not fit the shop, or a method of it returns what it should not.
    """

    def __init__(self, scheme: Scheme, shop: Shop, where: str | None = None) -> None:
        unchecked = {"similarity_check": 0.0, "false_positive_rate": 0.0}
        self.scheme = scheme.model_copy(update=unchecked)
        self.shop = shop
        self.where = where
        self.product = 0
        self._kind = Kind(_LONG_AGO, -1)
        self.wait_days = 0
        told = self.offer()
        self.is_uncertain = told.sharer_uncertain or told.friend_uncertain
        self.wait_days = self._days_until_bonuses()
        self._kind, self.product = self._best_paid()

    def but(self, **terms: object) -> Trial:
        """The same shop and people with other terms of the scheme."""
        other = copy.copy(self)
        other.scheme = self.scheme.model_copy(update=terms)
        return other

    def market(
        self, sponsor_of: Sequence[int] = (-1, -1), evenly: bool = False
    ) -> tuple[Market, Ledger]:
        """A market on the first day of the scheme, and its books.

        evenly : lots fall evenly over the buyers.
        """
        size = len(sponsor_of)
        ledger = Ledger(size)
        everybody = Everybody.members(
            size,
            sponsor_of=np.array(sponsor_of, np.int32),
            joined=np.full(size, self.scheme.start_day - self._kind.tenure_days, np.int32),
            friends=np.full(size, _FRIENDS, np.int64),
            segment_of=np.full(size, self._kind.segment, np.int16),
        )
        market = (EvenMarket if evenly else Market)(
            prices_cents=np.array(self.shop.prices_cents, np.int64),
            unit_costs_cents=np.array(self.shop.unit_costs_cents, np.int64),
            products=self.shop.products,
            categories=self.shop.categories,
            segments=self.shop.segments,
            people=everybody,
            ledger=ledger,
        )
        market.advance(self.scheme.start_day)
        return market, ledger

    def offer(self) -> Offer:
        """What the programme tells people on the first day of the scheme."""
        market, ledger = self.market()
        return Programme(self.scheme, market, ledger, self.where).offer()

    def settle(
        self,
        sponsor_of: Sequence[int],
        sales: Sequence[Sale],
        *,
        days: int | None = None,
        backwards: bool = False,
        evenly: bool = False,
    ) -> Books:
        """The books after a history.

        sponsor_of : who referred each person, -1 nobody. days : how long it is followed; by
        default until everything is credited. backwards : hand over the orders of a day in reverse.
        evenly : lots fall evenly over the buyers.

        Raises
        ------
        LedgerError
            If the books do not agree on some day.
        """
        start = self.scheme.start_day
        market, ledger = self.market(sponsor_of, evenly)
        programme = Programme(self.scheme, market, ledger, self.where)
        orders = self._orders(sales)
        if days is None:
            ends = (sale.day + (sale.sent_back or 0) for sale in sales)
            days = max(ends, default=0) + self.wait_days
        discounts = np.zeros(len(sales), np.int64)
        spent, lowest = [], 0
        for tick in range(start, start + days + 1):
            market.advance(tick)
            rows = np.flatnonzero(orders.tick == tick)
            if rows.size:
                today = orders.take(rows[::-1] if backwards else rows)
                today = programme.grant_discounts(today)
                discounts[today.order_id] = today.discount_cents
                ledger.book_orders(today)
                programme.settle(today)
            programme.close_day()
            spent.append(programme.spent_cents)
            lowest = min(lowest, int(ledger.earned_cents.min()))
        return Books(ledger, orders._replace(discount_cents=discounts), tuple(spent), lowest)

    def gain_cents(
        self, sponsor_of: Sequence[int], sales: Sequence[Sale], takers: Sequence[int]
    ) -> float:
        """What ``takers`` get out of a history; on average of many draws where there is a lottery.

        The draws are copies of the history side by side; a budget would make them interfere.
        """
        if not self.is_uncertain:
            return self.settle(sponsor_of, sales).taken_cents(takers)
        size, copies = len(sponsor_of), max(DRAWS // max(len(sales), 1), 1)
        everybody, bought = [], []
        for first in range(0, copies * size, size):
            everybody += [-1 if above < 0 else above + first for above in sponsor_of]
            for sale in sales:
                sponsor = -1 if sale.sponsor < 0 else sale.sponsor + first
                bought.append(sale._replace(buyer=sale.buyer + first, sponsor=sponsor))
        books = self.but(budget=None).settle(everybody, bought, evenly=True)
        chosen = [who + first for first in range(0, copies * size, size) for who in takers]
        return books.taken_cents(chosen) / copies

    def describe(self, sponsor_of: Sequence[int], sales: Sequence[Sale]) -> list[str]:
        """A history in a few lines of text; sales alike that follow each other are one line."""
        concerned = {*sponsor_of, *(sale.sponsor for sale in sales)}
        links = [f"{i} by {s}" for i, s in enumerate(sponsor_of) if s >= 0 and i in concerned]
        lines = [f"referred: {', '.join(links)}"] if links else []
        in_turn = sorted(sales, key=lambda sale: sale.day)
        for _, alike in itertools.groupby(in_turn, key=lambda sale: sale._replace(buyer=0)):
            lines.append(self._told(list(alike)))
        return lines

    def _told(self, sales: Sequence[Sale]) -> str:
        first, last = sales[0], sales[-1]
        product = self._product_of(first)
        who = f"{first.buyer} buys" if len(sales) == 1 else f"{first.buyer} to {last.buyer} buy"
        what = f"day {first.day}: {who} {self.shop.products[product]}"
        what += f" at {self.shop.prices_cents[product] / 100:.2f}"
        what += f" through {first.sponsor}" if first.sponsor >= 0 else ""
        return what if first.sent_back is None else f"{what}, back on day {first.sent_back}"

    def _product_of(self, sale: Sale) -> int:
        return self.product if sale.product is None else sale.product

    def _orders(self, sales: Sequence[Sale]) -> Orders:
        """The orders of a history; ids rise by day, then as the history lists them."""
        sales = sorted(sales, key=lambda sale: sale.day)
        product = np.array([self._product_of(sale) for sale in sales], np.int64)
        tick = np.array([self.scheme.start_day + sale.day for sale in sales], np.int64)
        credited = [sale.new or self.shop.existing_customers for sale in sales]
        sponsor = [s.sponsor if counts else -1 for s, counts in zip(sales, credited, strict=True)]
        back = [-1 if sale.sent_back is None else sale.sent_back for sale in sales]
        columns = {
            "order_id": np.arange(len(sales)),
            "tick": tick,
            "buyer": [sale.buyer for sale in sales],
            "product": product,
            "price_cents": np.array(self.shop.prices_cents, np.int64)[product],
            "cost_cents": np.array(self.shop.unit_costs_cents, np.int64)[product],
            "sponsor": sponsor,
            "depth": [int(who >= 0) for who in sponsor],
            "channel": [int(who >= 0) for who in sponsor],
            "new_customer": [sale.new for sale in sales],
            "team": [int(sale.team and self.scheme.for_teams) for sale in sales],
            "team_opener": sponsor,
            "refund_tick": np.where(np.array(back, np.int64) < 0, -1, tick + back),
        }
        zeros = np.zeros(len(sales))
        return Orders(
            *(np.array(columns.get(name, zeros), dtype) for name, dtype in ORDER_DTYPES.items())
        )

    def _days_until_bonuses(self) -> int:
        """Days after the last order until the scheme has credited everything."""
        sales = [Sale(buyer=1 + i, sponsor=0) for i in range(40)]
        people = (-1, *[0] * 40)
        earned = [self.settle(people, sales, days=days).earned_cents.sum() for days in _WAITS]
        return next(days for days, cents in zip(_WAITS, earned, strict=True) if cents == earned[-1])

    def _best_paid(self) -> tuple[Kind, int]:
        """The kind of people and the product that one referred order pays most for."""
        kinds = itertools.product((_LONG_AGO, 0), range(-1, len(self.shop.segments)))
        people = (*range(-1, self.scheme.paid_levels), self.scheme.paid_levels)
        best, most = (Kind(_LONG_AGO, -1), 0), (-1.0, -1.0)
        for self._kind in itertools.starmap(Kind, kinds):
            for product in range(len(self.shop.products)):
                paid = [
                    self.gain_cents(
                        people, [Sale(len(people) - 1, len(people) - 2, 0, product, new)],
                        range(len(people)),
                    )
                    for new in (True, False)
                ]  # fmt: skip
                if (max(paid), sum(paid)) > most:
                    best, most = (self._kind, product), (max(paid), sum(paid))
        return best
