"""Laws of the books over generated histories, step by step, against books kept in plain Python.

A history mixes purchases (some paid in points), commissions on today's and on earlier orders,
checks that hold them, limits, refunds before and after payout, re-ratings, deposits, settlement
days with minimum payouts, and points that expire. VOUCH_HISTORIES sets how many are generated.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.accounts import FLOWS, PERSONAL_ACCOUNTS, PLATFORM, EntryKind, label
from sim.ledger import Ledger
from tests.books_world import cents, credit, people
from tests.money_world import make_orders
from tests.plain_books import NEVER, Line, PlainBooks

HISTORIES = int(os.environ.get("VOUCH_HISTORIES", "150"))
SIZE = 3
LONGEST_HOLD = 3
STATES = ("pending", "held", "approved", "paid", "clawed_back", "cancelled")
SETTLING = ("approve", "recovery", "payout", "points_issued")

person = st.integers(0, SIZE - 1)
which = st.integers(0, 30)
delay = st.none() | st.integers(0, 4)
purchase = st.tuples(person, st.integers(0, 1000), st.integers(0, 300), st.integers(0, 500), delay)
line = st.fixed_dictionaries(
    {
        "order_back": which,
        "recipient": person,
        "cents": st.integers(1, 400),
        "part": st.integers(0, 1),
        "held": st.sampled_from([False, False, True]),
        "in_points": st.booleans(),
    }
)
event = st.one_of(
    st.tuples(st.just("lower"), which, st.integers(0, 300), st.booleans()),
    st.tuples(st.just("send_back"), which, st.integers(0, 4)),
    st.tuples(st.just("cap"), person, st.integers(0, 400)),
    st.tuples(st.just("deposit"), person, st.integers(0, 2000)),
    st.tuples(st.just("return_deposits"), st.integers(1, 4)),
)
minimum = st.none() | st.sampled_from([0, 1, 100, 500])
day = st.tuples(
    st.lists(purchase, max_size=3), st.lists(line, max_size=4), st.lists(event, max_size=3), minimum
)
terms = st.tuples(st.booleans(), st.integers(0, LONGEST_HOLD), st.integers(1, 6))


class Books:
    """One history: everything that happens is told to the ledger and to the plain books."""

    def __init__(self, clawback: bool, hold: int, lifetime: int) -> None:
        self.clawback, self.hold, self.lifetime = clawback, hold, lifetime
        self.tick = 0
        self.entries_at_refund: dict[int, int] = {}
        self.ledger, self.plain = Ledger(SIZE), PlainBooks(SIZE)

    def buy(self, purchases: list[tuple[int, int, int, int, int | None]]) -> None:
        if not purchases:
            return
        first, left = len(self.plain.sales), [self.plain.points(p) for p in range(SIZE)]
        rows = []
        for number, (buyer, price, discount, points, days) in enumerate(purchases):
            net = price - min(price, discount)
            points = min(points, net, left[buyer])
            left[buyer] -= points
            refund_tick = NEVER if days is None else self.tick + days
            self.plain.buy(first + number, buyer, net, points, refund_tick)
            rows.append((buyer, price, price - net, points, -1 if days is None else refund_tick))
        buyer, price, discount, points, refund_tick = np.array(rows).T
        orders = make_orders(
            np.arange(first, first + len(rows)),
            tick=self.tick,
            buyer=buyer,
            price_cents=price,
            discount_cents=discount,
            points_cents=points,
            refund_tick=refund_tick,
        )
        self.ledger.book_orders(orders)
        self.ledger.redeem(self.tick, orders.order_id, orders.buyer, orders.points_cents)

    def credit(self, lines: list[dict[str, Any]]) -> None:
        ids = [order_id for order_id, sale in self.plain.sales.items() if not sale.is_refunded]
        if not ids or not lines:
            return
        due_tick = self.tick + self.hold
        # Counted from the latest order back, so that small examples are commissions of today.
        ids = [ids[-1 - chosen["order_back"] % len(ids)] for chosen in lines]
        for order_id, x in zip(ids, lines, strict=True):
            state = "held" if x["held"] else "pending"
            self.plain.lines.append(
                Line(
                    order_id, x["recipient"], x["cents"], x["part"], due_tick, x["in_points"], state
                )
            )
        given = {name: [x[name] for x in lines] for name in lines[0] if name != "order_back"}
        self.ledger.accrue(self.tick, credit(ids, **given), due_tick)

    def lower(self, number: int, most: int, clawback: bool) -> None:
        if not self.plain.lines:
            return
        chosen = self.plain.lines[number % len(self.plain.lines)]
        self.plain.lower(chosen.order_id, chosen.person, most, clawback, chosen.part)
        holds, _ = self.ledger.lower(
            self.tick, cents(chosen.order_id), people(chosen.person), cents(most), clawback,
            chosen.part,
        )  # fmt: skip
        left = sum(
            x.cents
            for x in self.plain.lines
            if (x.order_id, x.person, x.part) == (chosen.order_id, chosen.person, chosen.part)
            and x.state not in ("cancelled", "clawed_back")
        )
        assert holds.tolist() == [left <= most]

    def send_back(self, number: int, days: int) -> None:
        order_id = number % max(len(self.plain.sales), 1)
        sale = self.plain.sales.get(order_id)
        if sale and sale.refund_tick == NEVER:
            sale.refund_tick = self.tick + days
            self.ledger.schedule_refunds(cents(order_id), people(sale.refund_tick))

    def cap(self, who: int, refused: int) -> None:
        self.plain.capped[who] += refused
        self.ledger.cap(self.tick, cents(0), people(who), cents(refused))

    def deposit(self, who: int, money: int) -> None:
        self.plain.deposits[who] += money
        self.ledger.deposit(self.tick, people(who), cents(money))

    def return_deposits(self, share: int) -> None:
        back = [held // share for held in self.plain.deposits]
        self.plain.deposits = [
            held - part for held, part in zip(self.plain.deposits, back, strict=True)
        ]
        self.ledger.return_deposit(self.tick, people(*range(SIZE)), cents(*back))

    def close_day(self, minimum: int | None) -> None:
        tick, expiry_tick = self.tick, self.tick + self.lifetime
        self.plain.refund(tick, self.clawback)
        refunded = self.ledger.refund(tick, self.clawback).order_id
        entries = 2 * self.ledger._journal.postings.length
        self.entries_at_refund.update(dict.fromkeys(refunded.tolist(), entries))
        self.plain.approve(tick, expiry_tick)
        self.ledger.approve(tick, expiry_tick)
        if minimum is not None:
            assert self.ledger.pay(tick, minimum) == self.plain.pay(minimum)
        self.plain.expire(tick)
        self.ledger.expire_points(tick)
        self.tick += 1

    def compare(self) -> None:
        """Raise unless the ledger agrees with itself and with the plain books, to the cent."""
        plain, ledger = self.plain, self.ledger
        ledger.reconcile()
        states = ledger.commission_states()
        assert states["accrued"] == sum(states[state] for state in STATES)
        for state in ("pending", "held", "approved", "clawed_back", "cancelled"):
            expected = [plain.of(who, state) for who in range(SIZE)]
            assert getattr(ledger, f"{state}_cents").tolist() == expected
        alive = [plain.of(who, "pending", "held", "approved", "paid") for who in range(SIZE)]
        assert ledger.earned_cents.tolist() == alive
        assert ledger.paid_cents.tolist() == plain.paid
        assert ledger.owed_cents.tolist() == plain.owed
        assert ledger.capped_cents.tolist() == plain.capped
        assert ledger.points_cents.tolist() == [plain.points(who) for who in range(SIZE)]
        totals = ledger.totals()
        assert totals["cash"] == plain.cash + sum(plain.deposits)
        assert totals["deposits"] == sum(plain.deposits)
        assert totals["points_breakage"] == plain.expired
        assert states["paid"] == sum(plain.of(who, "paid") for who in range(SIZE))

    def read_tables(self) -> None:
        """Raise unless every figure can be recomputed from the tables."""
        entries, lines = self.ledger.entries(), self.ledger.lines_frame()
        by_day = entries.groupby("day")[["debit_cents", "credit_cents"]].sum()
        assert (by_day.debit_cents == by_day.credit_cents).all()
        assert ((entries.debit_cents > 0) != (entries.credit_cents > 0)).all()
        self._accounts_follow_from(entries)
        self._nobody_is_paid_after_a_refund(entries)
        accrued = entries[(entries.kind == "commission") & (entries.debit_cents > 0)]
        per_order = lines.groupby("order_id").cents.sum().to_dict()
        assert per_order == accrued.groupby("order_id").debit_cents.sum().to_dict()
        per_state = lines.groupby("state").cents.sum().to_dict()
        states = self.ledger.commission_states()
        assert per_state == {state: states[state] for state in per_state}
        assert (lines.cents > 0).all()

    def _accounts_follow_from(self, entries: Any) -> None:
        """Every total is the sum of the table's lines, and personal lines name somebody."""
        sums = entries.groupby("account")[["debit_cents", "credit_cents"]].sum()
        for account, total in self.ledger.totals().items():
            debit, credited = sums.loc[account] if account in sums.index else (0, 0)
            assert abs(debit - credited) == abs(total)
        personal = entries.account.isin([label(account) for account in PERSONAL_ACCOUNTS])
        assert ((entries.party == PLATFORM) == ~personal).all()

    def _nobody_is_paid_after_a_refund(self, entries: Any) -> None:
        """Every entry that settles commission comes before the refund of its order."""
        out = entries[entries.kind.isin(["approve", "recovery", "payout", "points_issued"])]
        refunded_at = out.order_id.map(self.entries_at_refund).fillna(np.inf)
        assert (out.entry_id < refunded_at).all()


@settings(max_examples=HISTORIES)
@given(terms, st.lists(day, min_size=3, max_size=8))
def test_the_books_balance_to_the_cent_at_every_step(terms, days):
    books = Books(*terms)
    for purchases, lines, events, minimum in days:
        books.buy(purchases)
        books.credit(lines)
        books.compare()
        for name, *arguments in events:
            getattr(books, name)(*arguments)
            books.compare()
        books.close_day(minimum)
        books.compare()
    for _ in range(LONGEST_HOLD + 1):
        books.close_day(0)
    books.compare()
    assert not books.ledger.pending_cents.any()
    assert not books.ledger.held_cents.any()
    assert (books.ledger.approved_cents <= books.ledger.owed_cents).all()
    books.read_tables()


def test_every_kind_of_posting_has_a_flow():
    assert set(FLOWS) == set(EntryKind)
