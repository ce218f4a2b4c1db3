"""Random histories of orders and refunds under a scheme, settled by its programme and the books.

Many histories are settled side by side: each has five people of its own, who are strangers to all
others, so what a limit or a contest leaves is the only thing that histories share.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from sim.incentives import Everybody, Market, Programme, Scheme
from sim.ledger import Ledger, LedgerError
from sim.limits import Part
from sim.measures import STANDING
from sim.orders import ORDER_DTYPES, Orders
from sim.quantities import cents
from sim.randomness import Decision, uniform_table

PEOPLE = 5
MOST_ORDERS = 8
DAYS = 12
AFTERWARDS = 11  # days until refunds and holds are over
LONGEST_HOLD = 4
PRODUCTS, CATEGORIES = ("tea", "chair", "pin"), ("drinks", "home", "home")
PRICES, COSTS = (2450, 8001, 1), (999, 4550, 1)

INVARIANTS = {
    "I1": "books that do not balance, or orders booked twice",
    "I2": "people paid above the stated bounds of their orders",
    "I3": "days on which a budget or a cap is exceeded",
    "I4": "commissions to somebody who is not that many levels up",
    "I5": "commissions on orders that nobody brought or that cost nothing",
    "I6": "commissions that stand on an order sent back",
    "I7": "commissions to the buyer, or to two people for one level",
    "I8": "people below zero or in debt without a refund, discounts above the price",
    "I11": "people who earn another amount when the rows of a day are turned round",
    "I13": "rewards of a team purchase outside a full team",
}
"""What is counted as a violation of each of the hard invariants of the literature sheet."""


class Histories(NamedTuple):
    """Histories side by side; the people of history h have the numbers PEOPLE h to PEOPLE h + 4.

    sponsor_of : int32 (people,), who referred each, -1 nobody; a forest. is_member : bool
    (people,). orders : of all days, by id; ids count from 0 by day.
    """

    number: int
    sponsor_of: np.ndarray
    is_member: np.ndarray
    orders: Orders


def made_up(count: int, seed: int) -> Histories:
    """``count`` histories; the same for the same seed.

    Up to MOST_ORDERS orders on DAYS days: through a link of anybody or of nobody, the buyer's own
    too, by new and old customers, in teams and outside, and two in five of them sent back.
    """
    size, rows = PEOPLE * count, MOST_ORDERS * count

    def draws(column: int, length: int) -> np.ndarray:
        return uniform_table(np.uint64(seed), int(Decision.RESAMPLE), column, length)

    place = np.arange(size) % PEOPLE
    above, member, _, _ = draws(0, size)
    sponsor = np.floor(above * (place + 1)).astype(np.int32) - 1  # -1, or a lower place
    sponsor = np.where(sponsor < 0, -1, sponsor + np.arange(size) - place)
    who, link, day, product = draws(1, rows)
    new, channel, team, back = draws(2, rows)
    exists = draws(3, rows)[0] < 0.85
    first = np.repeat(PEOPLE * np.arange(count), MOST_ORDERS)
    linked = np.floor(link * (2 * PEOPLE + 1)).astype(np.int64) - 1  # each of them twice, or -1
    linked = np.where(linked < 0, -1, linked % PEOPLE + first)
    tick = np.floor(day * DAYS).astype(np.int64)
    goods = np.floor(product * len(PRICES)).astype(np.int64)
    days_until_back = 1 + np.floor(back / 0.4 * 5)
    columns = {
        "tick": tick,
        "buyer": first + np.floor(who * PEOPLE),
        "product": goods,
        "price_cents": np.take(PRICES, goods),
        "cost_cents": np.take(COSTS, goods),
        "sponsor": linked,
        "depth": linked >= 0,
        "channel": np.where(linked >= 0, 1 + np.floor(channel * 3), 0),
        "new_customer": new < 0.5,
        "refund_tick": np.where(back < 0.4, tick + days_until_back, -1),
        "team": np.where(team < 0.4, 1 + np.arange(rows), 0),
        "team_opener": linked,
    }
    chosen = np.flatnonzero(exists)
    chosen = chosen[np.argsort(tick[chosen], kind="stable")]
    columns = {name: np.asarray(column)[chosen] for name, column in columns.items()}
    columns["order_id"] = np.arange(chosen.size)
    nothing = np.zeros(chosen.size)
    orders = Orders(
        *(
            np.asarray(columns.get(name, nothing)).astype(kind)
            for name, kind in ORDER_DTYPES.items()
        )
    )
    return Histories(count, sponsor.astype(np.int32), member < 0.8, orders)


class Settled:
    """The books after histories under a scheme; LedgerError if they do not agree on some day.

    orders : with the discounts granted, by id. overspent : days and parts of the scheme on which
    a budget or a cap was exceeded. lowest_cents : least anybody stood at on any day.
    """

    def __init__(self, scheme: Scheme, histories: Histories, *, backwards: bool = False) -> None:
        size = len(histories.sponsor_of)
        self.scheme = scheme
        self.histories = histories
        self.ledger = Ledger(size)
        everybody = Everybody.members(
            size, sponsor_of=histories.sponsor_of, is_member=histories.is_member
        )
        self.market = Market(
            prices_cents=np.array(PRICES, np.int64),
            unit_costs_cents=np.array(COSTS, np.int64),
            products=PRODUCTS,
            categories=CATEGORIES,
            people=everybody,
            ledger=self.ledger,
            seed=1,
        )
        self.programme = Programme(scheme, self.market, self.ledger)
        self.overspent = 0
        self.lowest_cents = 0
        discounts = np.zeros(len(histories.orders.order_id), np.int64)
        for tick in range(DAYS + AFTERWARDS):
            rows = np.flatnonzero(histories.orders.tick == tick)
            today = histories.orders.take(rows[::-1] if backwards else rows)
            self._settle(tick, today, discounts)
        self.ledger.reconcile()
        self.orders = histories.orders._replace(discount_cents=discounts)
        self.lines = self.ledger.lines_frame()

    def _settle(self, tick: int, today: Orders, discounts: np.ndarray) -> None:
        self.market.advance(tick)
        if len(today.order_id):
            today = self.programme.grant_discounts(today)
            discounts[today.order_id] = today.discount_cents
            self.ledger.book_orders(today)
            self.programme.settle(today)
        self.programme.close_day()
        self.overspent += sum(_is_overspent(part) for part in _every(self.programme.whole))
        self.lowest_cents = min(self.lowest_cents, int(self.ledger.earned_cents.min()))


def _every(part: Part) -> list[Part]:
    return [part, *(below for child in part.children for below in _every(child))]


def _is_overspent(part: Part) -> bool:
    budget = part.scheme.budget
    return budget is not None and part.spent_cents > cents(budget, "budget")


def violations(scheme: Scheme, histories: Histories) -> Counter[str]:
    """How often each of INVARIANTS is violated when ``histories`` are settled under a scheme."""
    try:
        settled = Settled(scheme, histories)
        turned = Settled(scheme, histories, backwards=True)
    except LedgerError:
        return Counter(I1=histories.number)
    found: Counter[str] = Counter()
    found["I1"] = _not_conserved(settled)
    found["I2"] = _above_bound(settled)
    found["I3"] = settled.overspent + _above_cap(settled)
    _check_lines(settled, found)
    found["I8"] = _below_zero(settled)
    ours, theirs = settled.ledger, turned.ledger
    for wallet in ("earned_cents", "paid_cents", "owed_cents", "points_cents"):
        found["I11"] += int(np.count_nonzero(getattr(ours, wallet) != getattr(theirs, wallet)))
    return found


def _not_conserved(settled: Settled) -> int:
    """States against what accrued, debits against credits by day, and orders booked again."""
    ledger, states = settled.ledger, settled.ledger.commission_states()
    parts = sum(states[name] for name in (*STANDING, "clawed_back", "cancelled"))
    wrong = int(parts != states["accrued"])
    by_day = ledger.entries().groupby("day")[["debit_cents", "credit_cents"]].sum()
    wrong += int((by_day["debit_cents"] != by_day["credit_cents"]).sum())
    before = ledger.totals()
    try:
        ledger.book_orders(settled.orders)
    except LedgerError:
        return wrong + int(ledger.totals() != before)
    return wrong + 1


def _above_bound(settled: Settled) -> int:
    """Histories in which more stands than the stated bounds of their credited orders allow."""
    stated = np.asarray(settled.scheme.bound_cents(settled.market), np.float64)
    lines, orders = settled.lines, settled.orders
    lines = lines[lines["state"].isin(STANDING)]
    history = orders.buyer // PEOPLE
    paid = np.bincount(
        history[lines["order_id"]], lines["cents"], minlength=settled.histories.number
    )
    credited = np.unique(lines["order_id"])
    bounds = np.floor(stated + 0.5 + 1e-6)[orders.product[credited]]
    allowed = np.bincount(history[credited], bounds, minlength=settled.histories.number)
    return int(np.count_nonzero(paid > allowed))


def _above_cap(settled: Settled) -> int:
    """People and periods in which somebody was credited more than the cap of the whole scheme."""
    scheme, lines = settled.scheme, settled.lines
    if scheme.cap_per_person is None:
        return 0
    period = lines["day"] // (scheme.cap_period_days or DAYS + AFTERWARDS)
    received = lines.groupby(["recipient", period])["cents"].sum()
    return int((received > cents(scheme.cap_per_person, "cap_per_person")).sum())


def _check_lines(settled: Settled, found: Counter[str]) -> None:
    """Count what is wrong with single commission lines (I4 to I7, I13)."""
    scheme, lines = settled.scheme, settled.lines
    orders = settled.orders.take(lines["order_id"].to_numpy(np.int64))
    recipient, level = lines["recipient"].to_numpy(), lines["level"].to_numpy()
    above = settled.histories.sponsor_of
    by_link = (orders.sponsor >= 0) & (orders.sponsor != orders.buyer)
    brought = np.where(by_link, orders.sponsor, above[orders.buyer] if scheme.pays_referrer else -1)
    expected = brought
    for step in range(2, scheme.paid_levels + 1):
        further = np.where(expected >= 0, above[expected], -1)
        expected = np.where(level >= step, further, expected)
    wrong_place = (recipient != expected) | (level > max(scheme.paid_levels, 1))
    found["I4"] = int(np.count_nonzero(wrong_place))
    found["I5"] = int(np.count_nonzero((brought < 0) | (orders.net_cents <= 0)))
    refunded = orders.refund_tick >= 0
    found["I6"] = int(np.count_nonzero(refunded & lines["state"].isin(STANDING)))
    place = lines.groupby(["order_id", "part", "level"])["recipient"].nunique()
    found["I7"] = int(np.count_nonzero(recipient == orders.buyer) + (place > 1).sum())
    if scheme.for_teams and not scheme.components:
        alone = settled.orders.team == 0
        found["I13"] = int(np.count_nonzero(orders.team == 0))
        found["I13"] += int(np.count_nonzero(settled.orders.discount_cents[alone]))


def _below_zero(settled: Settled) -> int:
    """Days below zero, debts of people none of whose orders came back, impossible discounts."""
    lines, orders = settled.lines, settled.orders
    came_back = orders.refund_tick >= 0
    may_owe = np.zeros(settled.ledger.size, bool)
    may_owe[lines["recipient"][came_back[lines["order_id"]]]] = True
    # An order that earned nothing, by its price, still counts for the tier that its refund ends.
    may_owe[orders.sponsor[came_back & (orders.sponsor >= 0)]] = True
    wrong = int(settled.lowest_cents < 0)
    wrong += int(np.count_nonzero((settled.ledger.owed_cents > 0) & ~may_owe))
    discounts = orders.discount_cents
    return wrong + int(np.count_nonzero((discounts < 0) | (discounts > orders.price_cents)))
