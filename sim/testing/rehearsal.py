"""A scheme at work among twelve people: the histories that it is tried on, and what they leave.

The same history is played as it is, once more, and with the people under other names. What people
are told, given and paid must be the same three times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sim.incentives import Everybody, Market, Programme, Scheme
from sim.ledger import Ledger
from sim.limits import Part, is_referred
from sim.market import Offer
from sim.orders import ORDER_DTYPES, Orders
from sim.population import NEVER
from sim.quantities import cents
from sim.scenario import Scenario

SPONSOR_OF = np.array([-1, 0, 1, 2, 3, -1, 5, 5, -1, 8, -1, -1], np.int32)
"""Who referred whom: a chain of five, a small tree, and people on their own."""

_JOINED_DAYS_AGO = (500, 300, 100, 40, 20, 10, 5, 1, 0, 400)  # the last two never bought
_BURST, _LONG_DAYS = 24, 65
_NOBODY = -1


class Purchase(NamedTuple):
    """An order of a history.

    day : from the first day of the scheme. buyer, sponsor : people, sponsor -1 for no link.
    product : place among the products. new : the buyer's first order. back_after : days until the
    refund, 0 for none. fakes : invented identities between buyer and sponsor.
    """

    day: int
    buyer: int
    sponsor: int
    product: int = 0
    new: bool = True
    back_after: int = 0
    fakes: int = 0


class Evening(NamedTuple):
    """What a day left, with people under their own names.

    told : what people were told in the morning, reward_cents as float64 (P, 1) or (P, people).
    discount_cents : int64 (orders of the day,). earned_cents, paid_cents : int64 (people,).
    """

    told: Offer
    discount_cents: np.ndarray
    earned_cents: np.ndarray
    paid_cents: np.ndarray


class NamedMarket(Market):
    """A market in which lots fall on people, whatever they are called."""

    person_of: np.ndarray

    def luck(self, orders: Orders) -> np.ndarray:
        """The lots of the people behind the buyers' names, float64 (n,)."""
        return super().luck(orders._replace(buyer=self.person_of[orders.buyer].astype(np.int32)))


class Stage:
    """A scheme at work in the shop of a scenario.

    Parameters
    ----------
    scheme : Scheme
    scenario : Scenario
        Its products and segments.
    names : ndarray
        int (people,), what each person is called here.

    Raises
    ------
    InputError
        If the scheme does not fit the scenario.
    """

    def __init__(self, scheme: Scheme, scenario: Scenario, names: np.ndarray) -> None:
        # The check for fakes falls by lot on whoever is called so.
        scheme = scheme.model_copy(update={"similarity_check": 0.0, "false_positive_rate": 0.0})
        self.names = names
        self.ledger = Ledger(len(names))
        self.market = _market(scheme, scenario, names, self.ledger)
        self.programme = Programme(scheme, self.market, self.ledger)
        self.for_teams = any(leaf.scheme.for_teams for leaf in self.programme.whole.leaves())

    def parts(self) -> Iterator[Part]:
        """The scheme and all schemes it is composed of."""
        waiting = [self.programme.whole]
        while waiting:
            part = waiting.pop()
            yield part
            waiting += part.children

    def orders(self, purchases: list[Purchase], first_id: int) -> Orders:
        """Orders of one day under the names of this stage; ids count up from ``first_id``."""
        called = np.append(self.names, _NOBODY)
        day = Purchase(*np.array(purchases, np.int64).reshape(-1, len(Purchase._fields)).T)
        number = np.arange(len(purchases))
        product = day.product % len(self.market.products)
        tick = self.market.tick
        columns = {
            "order_id": first_id + number,
            "tick": np.full(len(purchases), tick),
            "buyer": called[day.buyer],
            "product": product,
            "price_cents": self.market.prices_cents[product],
            "cost_cents": self.market.unit_costs_cents[product],
            "sponsor": called[day.sponsor],
            "depth": day.sponsor >= 0,
            "channel": day.sponsor >= 0,
            "new_customer": day.new,
            "refund_tick": np.where(day.back_after > 0, tick + day.back_after, -1),
            "fakes": day.fakes,
            "team": number // 2 + 1 if self.for_teams else 0 * number,
            "team_opener": called[day.sponsor],
        }
        return Orders(
            *(np.array(columns.get(n, 0 * number), dtype) for n, dtype in ORDER_DTYPES.items())
        )

    def play(self, orders: Orders) -> Evening:
        """A day with these orders, through all phases that concern money."""
        told = self.programme.offer()
        orders = self.programme.grant_discounts(orders)
        if len(orders.order_id):
            self.ledger.book_orders(orders)
            self.programme.settle(orders)
        self.programme.close_day()
        reward = told.reward_cents if told.reward_cents.ndim == 2 else told.reward_cents[:, None]
        if reward.shape[1] > 1:
            reward = reward[:, self.names]
        return Evening(
            told._replace(reward_cents=reward),
            orders.discount_cents,
            self.ledger.earned_cents[self.names],
            self.ledger.paid_cents[self.names],
        )

    def handed_over(self, scheme: Scheme, orders: Orders) -> Orders:
        """Those of ``orders`` that the programme asks a scheme about, with their sponsors."""
        if scheme.pays_referrer:
            referrer = self.market.sponsor_of[orders.buyer]
            sponsor = np.where(is_referred(orders), orders.sponsor, referrer)
            orders = orders._replace(sponsor=sponsor.astype(np.int32))
        return orders.take(is_referred(orders))


def histories(scenario: Scenario) -> Iterator[list[list[Purchase]]]:
    """The purchases of each day, shortest history first."""
    yield [[]]
    yield [[Purchase(0, 11, 4)]]
    yield [[Purchase(0, 11, 4), Purchase(0, 10, 7)]] + [[]] * 31
    yield _long_history(scenario)


def describe(days: list[list[Purchase]], scenario: Scenario) -> tuple[str, ...]:
    """A history up to its last day in a few lines of text."""
    before, last = sum(map(len, days[:-1])), days[-1]
    lines = [f"after {before} orders on earlier days"] if before else []
    for purchase in last[:3]:
        product = scenario.products[purchase.product % len(scenario.products)]
        through = f" through {purchase.sponsor}" if purchase.sponsor >= 0 else ""
        lines.append(
            f"day {len(days) - 1}: {purchase.buyer} buys {product.name} at {product.price:.2f}"
            + through
        )
    lines += [f"and {len(last) - 3} more orders that day"] if len(last) > 3 else []
    return tuple(lines) or (f"day {len(days) - 1}: nobody buys",)


def _long_history(scenario: Scenario) -> list[list[Purchase]]:
    """Weeks with everything at once: every product, old customers, refunds, fakes, a busy day."""
    people = len(SPONSOR_OF)
    counts = [_BURST if day == 1 else day % 3 for day in range(_LONG_DAYS)]
    days: list[list[Purchase]] = []
    number = 0
    for day, count in enumerate(counts):
        days.append([])
        for _ in range(count):
            # Strides without a common divisor, so that every mix of the columns comes up.
            purchase = Purchase(
                day,
                buyer=(5 * number + 11) % people,
                sponsor=(7 * number + 4) % (people + 1) - 1,
                product=number % len(scenario.products),
                new=number % 3 == 0,
                back_after=1 + number % 9 if number % 5 == 0 else 0,
            )
            own = purchase.sponsor == purchase.buyer
            days[-1].append(purchase._replace(fakes=2 if own and number % 2 else 0))
            number += 1
    return days


def _market(scheme: Scheme, scenario: Scenario, names: np.ndarray, ledger: Ledger) -> NamedMarket:
    """A market on the first day of the scheme, with people under ``names``."""
    person_of = np.argsort(names)
    size = len(names)
    joined = np.full(size, NEVER, np.int32)
    joined[: len(_JOINED_DAYS_AGO)] = scheme.start_day - np.array(_JOINED_DAYS_AGO)
    segments = tuple(segment.name for segment in scenario.population.segments)
    products = scenario.products
    market = NamedMarket(
        prices_cents=np.array([cents(one.price, "price") for one in products]),
        unit_costs_cents=np.array([cents(one.unit_cost, "unit_cost") for one in products]),
        products=tuple(one.name for one in products),
        categories=tuple(one.category for one in products),
        segments=segments,
        people=Everybody(
            sponsor_of=np.append(names, _NOBODY)[SPONSOR_OF][person_of].astype(np.int32),
            is_member=(joined != NEVER)[person_of],
            joined=joined[person_of],
            friends=(3 * np.arange(size) + 1)[person_of],
            segment_of=(np.arange(size) % (len(segments) + 1) - 1)[person_of].astype(np.int16),
        ),
        ledger=ledger,
        seed=scenario.seed,
    )
    market.person_of = person_of
    market.advance(scheme.start_day)
    return market
