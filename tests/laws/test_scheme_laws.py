"""Laws of schemes of every kind over generated histories: the books, the limits, who is paid.

A history mixes orders through links and without, by new and old customers, under invented
identities, in teams and paid in points, with refunds at any time. Schemes are composed up to three
deep. VOUCH_HISTORIES sets how many are generated.
"""

from __future__ import annotations

import os
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.incentives import MultiLevel, Scheme
from sim.limits import Part
from sim.orders import FAKE_IDENTITY, GENUINE, Orders
from sim.population import NEVER
from tests.money_world import Shop, make_orders
from tests.scheme_strategies import SEGMENTS, made, nested, rates

HISTORIES = int(os.environ.get("VOUCH_HISTORIES", "150"))
SIZE, DAYS, AFTERWARDS = 5, 12, 9
PRICES, COST = (999, 2000, 1), 500
STATES = ("pending", "held", "approved", "paid", "clawed_back", "cancelled")
SETTLING = ["approve", "release", "recovery", "payout", "points_issued"]


class Bought(NamedTuple):
    """An order of a history; ``back_after`` days it is sent back, 0 for not."""

    buyer: int
    sponsor: int
    product: int
    new_customer: bool
    channel: int
    team: int
    fakes: int
    back_after: int


class History(NamedTuple):
    """Who is who, what is bought every day, and more that comes back: (number of order, day)."""

    sponsor_of: tuple[int, ...]
    is_member: tuple[bool, ...]
    joined: tuple[int, ...]
    days: list[list[Bought]]
    sent_back: list[tuple[int, int]]

    def orders(self) -> list[Orders]:
        """The orders of every day."""
        found, first = [], 0
        for tick, bought in enumerate(self.days):
            columns = Bought(*np.array(bought, int).reshape(-1, len(Bought._fields)).T)._asdict()
            after = columns.pop("back_after")
            day = make_orders(
                np.arange(first, first + len(bought)),
                **columns,
                tick=tick,
                price_cents=np.take(PRICES, columns["product"]),
                cost_cents=COST,
                fraud=np.where(columns["fakes"] > 0, FAKE_IDENTITY, GENUINE),
                refund_tick=np.where(after > 0, tick + after, -1),
            )
            found.append(day)
            first += len(bought)
        return found

    def sent_back_on(self, orders: list[Orders]) -> dict[int, list[int]]:
        """Ids of the orders that come back besides, by day: none that comes back anyway."""
        bought = {int(i): tick for tick, day in enumerate(orders)
                  for i in day.order_id[day.refund_tick < 0]}  # fmt: skip
        found: dict[int, list[int]] = {}
        for number, tick in self.sent_back:
            if bought:
                order_id = sorted(bought)[number % len(bought)]
                found.setdefault(max(tick, bought.pop(order_id)), []).append(order_id)
        return found


bought = st.builds(
    Bought,
    buyer=st.integers(0, SIZE - 1),
    sponsor=st.sampled_from([-1, *range(SIZE), *range(SIZE)]),
    product=st.integers(0, len(PRICES) - 1),
    new_customer=st.booleans(),
    channel=st.integers(1, 3),
    team=st.sampled_from([0, 0, 1]),
    fakes=st.sampled_from([0, 0, 0, 0, 1, 3]),
    back_after=st.sampled_from([0, 0, 0, 1, 3, 5]),
)
histories = st.builds(
    History,
    # A forest: whoever referred a person has a lower number.
    sponsor_of=st.tuples(*(st.integers(-1, person - 1) for person in range(SIZE))),
    is_member=st.tuples(*[st.booleans()] * SIZE),
    joined=st.tuples(*[st.sampled_from([0, -2, -40, NEVER])] * SIZE),
    days=st.lists(st.lists(bought, max_size=4), min_size=DAYS, max_size=DAYS),
    sent_back=st.lists(st.tuples(st.integers(0, 40), st.integers(0, DAYS + 5)), max_size=4),
)


def open_shop(scheme: Scheme, history: History) -> Shop:
    return Shop(
        scheme,
        SIZE,
        prices=PRICES,
        costs=(COST,) * len(PRICES),
        sponsor_of=history.sponsor_of,
        is_member=history.is_member,
        segments=SEGMENTS,
        people={
            "joined": np.array(history.joined, np.int32),
            "friends": np.arange(SIZE),
            "segment_of": (np.arange(SIZE) % 3 - 1).astype(np.int16),
        },
    )


def parts_of(part: Part) -> list[Part]:
    """A part and all parts below it."""
    return [part, *(below for child in part.children for below in parts_of(child))]


class Inspector:
    """Looks at a shop every evening and works its figures out anew."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.parts = parts_of(shop.programme.whole)
        self.entries_at_refund: dict[int, int] = {}

    def day(self, tick: int, orders: Orders, sent_back: list[int]) -> None:
        """Settle a day; ``sent_back`` are ids of earlier orders that come back today."""
        ledger, programme = self.shop.ledger, self.shop.programme
        self.shop.market.advance(tick)
        if len(orders.order_id):
            orders = programme.grant_discounts(orders)
            ledger.book_orders(orders)
            programme.settle(orders)
        if sent_back:
            ids = np.array(sorted(sent_back), np.int64)
            ledger.schedule_refunds(ids, np.full(len(ids), tick, np.int32))
        refunds = programme.close_day()
        entries = 2 * ledger._journal.postings.length
        self.entries_at_refund.update(dict.fromkeys(refunds.order_id.tolist(), entries))

    def look(self) -> None:
        """Raise unless books, wallets and limits agree."""
        ledger = self.shop.ledger
        ledger.reconcile()
        states = ledger.commission_states()
        assert states["accrued"] == sum(states[state] for state in STATES)
        taken_back = states["cancelled"] + states["clawed_back"]
        assert ledger.earned_cents.sum() == states["accrued"] - taken_back
        assert (ledger.points_cents >= 0).all()
        self._limits_hold()

    def _limits_hold(self) -> None:
        """No part of the scheme, at any depth, spends or gives one person more than it may."""
        ledger, lines = self.shop.ledger, self.shop.ledger._lines
        whole = self.parts[0]
        assert whole.discounts_granted_cents == ledger.orders().discount_cents.sum()
        assert whole.commissions_accrued_cents == lines["cents"].sum()
        for part in self.parts:
            own = np.isin(lines["part"], [leaf.number for leaf in part.leaves()])
            cents = lines["cents"][own]
            assert cents.sum() <= part.commissions_accrued_cents
            terms = part.scheme
            if terms.budget is not None:
                assert part.spent_cents <= round(terms.budget * 100)
            if terms.cap_per_person is not None:
                period = lines["tick"][own] // (terms.cap_period_days or 1000)
                account = (SIZE * period + lines["recipient"][own]).astype(int)
                received = np.bincount(account, cents)
                assert received.max(initial=0) <= round(terms.cap_per_person * 100)

    def look_back(self) -> None:
        """Raise unless the tables of the whole history agree with each other."""
        shop, ledger = self.shop, self.shop.ledger
        entries, lines, orders = ledger.entries(), ledger.lines_frame(), ledger.orders()
        by_day = entries.groupby("day")[["debit_cents", "credit_cents"]].sum()
        assert (by_day.debit_cents == by_day.credit_cents).all()
        settled = entries[entries.kind.isin(SETTLING)]
        refunded_at = settled.order_id.map(self.entries_at_refund).fillna(np.inf)
        assert (settled.entry_id < refunded_at).all(), "settled after the refund"
        assert not ledger.pending_cents.any()
        paid_for = orders.take(lines.order_id.to_numpy(np.int64))  # ids count from 0
        assert (paid_for.net_cents > 0).all()
        own = (lines.recipient.to_numpy() == paid_for.buyer) & (paid_for.fakes == 0)
        assert not own.any(), "paid for her own order"
        assert (lines.level <= max(shop.programme.scheme.paid_levels, 1)).all()
        assert (orders.discount_cents <= orders.price_cents).all()
        assert (orders.discount_cents + orders.points_cents <= orders.price_cents).all()
        standing = lines[~lines.state.isin(["cancelled", "clawed_back"])]
        gone = standing.order_id.isin(self.entries_at_refund)
        if shop.programme.scheme.clawback:
            assert not gone.any(), "pay stands on an order that was sent back"
        assert (standing[gone].state == "paid").all()


@settings(max_examples=HISTORIES)
@given(nested().map(made), histories)
def test_money_is_right_at_every_tick_whatever_the_scheme(scheme, history):
    shop, turned = (Inspector(open_shop(scheme, history)) for _ in range(2))
    days = history.orders()
    later = history.sent_back_on(days)
    for tick in range(DAYS + AFTERWARDS):
        orders = days[tick] if tick < DAYS else Orders.empty()
        sent_back = later.get(tick, [])
        shop.day(tick, orders, sent_back)
        shop.look()
        # A second shop replays the history with the rows of every day in reverse.
        turned.day(tick, orders.take(np.arange(len(orders.order_id))[::-1]), sent_back)
        ours, theirs = shop.shop.ledger, turned.shop.ledger
        assert ours.totals() == theirs.totals()
        for wallet in ("earned_cents", "paid_cents", "owed_cents", "points_cents"):
            assert (getattr(ours, wallet) == getattr(theirs, wallet)).all(), wallet
    shop.look_back()


@settings(max_examples=HISTORIES)
@given(
    st.integers(0, 10**9),
    rates,
    st.integers(1, 20),
    st.integers(0, 25),
    st.lists(st.integers(-1, 24), min_size=25, max_size=25),
)
def test_halving_pay_never_exceeds_its_bound_at_any_depth(price, rate, levels, depth, sponsors):
    scheme = MultiLevel(rate=rate, ratio=0.5, levels=levels, customers_only=False, hold_days=0)
    chain = [min(sponsor, who - 1) for who, sponsor in enumerate(sponsors)]
    chain[1 : depth + 1] = range(min(depth, 24))  # the first people are a chain that deep
    shop = Shop(scheme, 26, prices=(price,), costs=(0,), sponsor_of=[*chain, -1])
    sharer = min(depth, 24)
    shop.day(0, make_orders([0], buyer=25, sponsor=sharer, price_cents=price, cost_cents=0))
    paid = int(shop.ledger.earned_cents.sum())
    exact = Fraction(str(rate)) * (2 - Fraction(2, 2**levels)) * price
    assert paid <= int(exact + Fraction(1, 2))
    assert paid <= 2 * Fraction(str(rate)) * price + Fraction(1, 2)
    assert paid <= scheme.bound_cents(shop.market)[0] + 0.5
    assert np.count_nonzero(shop.ledger.earned_cents) <= min(levels, depth + 1)
