"""The books: what each event posts, and what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from sim.ledger import Ledger, LedgerError
from sim.orders import Orders, share_out, sum_before
from tests.books_world import WALLET_NAMES, cents, credit, kinds, nonzero, people, states, wallet
from tests.money_world import make_orders


@pytest.fixture
def ledger():
    return Ledger(5)


def test_an_order_posts_cash_discount_revenue_and_cost(ledger):
    ledger.book_orders(make_orders([0], discount_cents=500, buyer=3))
    assert nonzero(ledger.totals()) == {
        "cash": 1500,
        "revenue": 2000,
        "discounts": 500,
        "cost_of_goods": 1200,
        "inventory": 1200,
    }
    lines = ledger.entries()
    assert list(lines.columns) == [
        "entry_id", "day", "order_id", "account", "party", "debit_cents", "credit_cents", "kind",
    ]  # fmt: skip
    assert lines[["account", "party", "debit_cents", "credit_cents", "kind"]].values.tolist() == [
        ["cash", 3, 1500, 0, "order"],
        ["revenue", -1, 0, 1500, "order"],
        ["discounts", -1, 500, 0, "discount"],
        ["revenue", -1, 0, 500, "discount"],
        ["cost_of_goods", -1, 1200, 0, "cost"],
        ["inventory", -1, 0, 1200, "cost"],
    ]


def test_a_commission_is_pending_then_approved_then_paid(ledger):
    ledger.book_orders(make_orders([0], sponsor=2))
    ledger.accrue(0, credit(0, 2, 300), due_tick=3)
    assert wallet(ledger, 2) == {"earned": 300, "pending": 300, "balance": 300}
    ledger.approve(2)
    assert ledger.pay(2) == 0
    ledger.approve(3)
    assert wallet(ledger, 2) == {"earned": 300, "approved": 300, "balance": 300}
    assert ledger.pay(3) == 300
    assert ledger.pay(3) == 0
    assert wallet(ledger, 2) == {"earned": 300, "paid": 300}
    assert states(ledger) == {"accrued": 300, "paid": 300}
    assert kinds(ledger)[-3:] == ["commission", "approve", "payout"]
    ledger.reconcile()


@pytest.mark.parametrize("clawback", [True, False])
@pytest.mark.parametrize(
    ("held", "approved_at", "kind", "state"),
    [
        (False, 9, "cancel", "cancelled"),
        (True, 9, "reject", "cancelled"),
        (False, 0, "clawback", "clawed_back"),
    ],
)
def test_nobody_is_paid_for_a_refunded_order(ledger, clawback, held, approved_at, kind, state):
    ledger.book_orders(make_orders([0], sponsor=2, refund_tick=1))
    ledger.accrue(0, credit(0, 2, 300, held=held), due_tick=approved_at)
    ledger.approve(0)
    summary = ledger.refund(1, clawback)
    assert (summary.order_id.tolist(), *summary[1:]) == ([0], 2000, 300)
    ledger.approve(9)
    assert ledger.pay(9) == 0
    assert wallet(ledger, 2) == {state: 300}
    assert states(ledger) == {"accrued": 300, state: 300}
    assert kinds(ledger)[-1] == kind
    assert nonzero(ledger.totals()) == {
        "revenue": 2000, "refunds": 2000, "cost_of_goods": 1200, "inventory": 1200,
    }  # fmt: skip
    ledger.reconcile()


def test_a_paid_commission_is_owed_after_a_refund_and_recovered_from_later_payouts(ledger):
    ledger.book_orders(make_orders([0], sponsor=2, refund_tick=1))
    ledger.accrue(0, credit(0, 2, 300), due_tick=0)
    ledger.approve(0)
    assert ledger.pay(0) == 300
    ledger.refund(1, clawback=True)
    debt = {"paid": 300, "owed": 300, "clawed_back": 300, "balance": -300}
    assert wallet(ledger, 2) == debt
    ledger.book_orders(make_orders([1, 2, 3], tick=2, sponsor=2))
    ledger.accrue(2, credit([1, 2, 3], 2, 200), due_tick=2)
    ledger.approve(2)
    assert ledger.pay(2) == 300
    assert wallet(ledger, 2) == {"earned": 600, "paid": 600, "clawed_back": 300}
    assert states(ledger) == {"accrued": 900, "paid": 600, "clawed_back": 300}
    ledger.reconcile()
    lines = ledger.entries()
    recovered = lines[(lines.kind == "recovery") & (lines.account == "commission_receivable")]
    assert recovered[["order_id", "credit_cents"]].values.tolist() == [[1, 200], [2, 100]]


def test_a_debt_is_not_recovered_before_something_is_left_to_pay(ledger):
    ledger.book_orders(make_orders([0, 1, 2], sponsor=2, refund_tick=[1, -1, -1]))
    ledger.accrue(0, credit(0, 2, 300), due_tick=0)
    ledger.approve(0)
    ledger.pay(0)
    ledger.refund(1, clawback=True)
    ledger.accrue(1, credit(1, 2, 300), due_tick=1)
    ledger.approve(1)
    assert ledger.pay(1) == 0
    assert wallet(ledger, 2) == {
        "earned": 300, "approved": 300, "paid": 300, "owed": 300, "clawed_back": 300,
    }  # fmt: skip
    ledger.accrue(1, credit(2, 2, 1), due_tick=1)
    ledger.approve(1)
    assert ledger.pay(1) == 1
    assert wallet(ledger, 2) == {"earned": 301, "paid": 301, "clawed_back": 300}
    ledger.reconcile()


def test_a_payout_waits_for_the_minimum(ledger):
    ledger.book_orders(make_orders([0, 1, 2, 3], sponsor=2))
    ledger.accrue(0, credit([0, 1, 2], [2, 4, 2], [300, 499, 200]), due_tick=1)
    ledger.approve(1)
    assert ledger.pay(1, minimum_cents=501) == 0
    assert ledger.pay(1, minimum_cents=500) == 500
    assert ledger.paid_cents.tolist() == [0, 0, 500, 0, 0]
    assert wallet(ledger, 4) == {"earned": 499, "approved": 499, "balance": 499}
    ledger.accrue(2, credit(3, 4, 1), due_tick=2)
    ledger.approve(2)
    assert ledger.pay(2, minimum_cents=500) == 500
    ledger.reconcile()


def test_held_lines_are_rejected_when_due(ledger):
    ledger.book_orders(make_orders([0, 1], sponsor=2))
    ledger.accrue(0, credit([0, 1, 1], [2, 2, 3], [300, 40, 5], held=[True, False, False]), 2)
    assert wallet(ledger, 2) == {"earned": 340, "held": 300, "pending": 40, "balance": 340}
    assert ledger.totals()["commission_held"] == 300
    ledger.approve(2)
    assert ledger.pay(2) == 45
    assert wallet(ledger, 2) == {"earned": 40, "paid": 40, "cancelled": 300}
    assert states(ledger) == {"accrued": 345, "paid": 45, "cancelled": 300}
    ledger.reconcile()


def test_a_bonus_on_an_earlier_order_is_taken_back_with_it(ledger):
    ledger.book_orders(make_orders([0, 1, 2], sponsor=2, refund_tick=[5, -1, -1]))
    ledger.accrue(0, credit([0, 2], 2, 100), due_tick=9)
    ledger.accrue(3, credit([1, 0], [2, 3], [50, 60], part=1), due_tick=9)
    ledger.book_orders(make_orders([3], tick=4))
    ledger.accrue(4, credit(3, 1, 7), due_tick=9)
    assert ledger.commissioned(np.arange(4)).all()
    assert ledger.refund(5, clawback=True).clawed_back_cents == 160
    assert ledger.earned_cents.tolist() == [0, 7, 150, 0, 0]
    ledger.reconcile()


def test_what_limits_refuse_is_a_memo(ledger):
    ledger.cap(0, np.array([3, 3, 4]), people(1, 2, 1), cents(40, 0, 2))
    assert ledger.capped_cents.tolist() == [0, 42, 0, 0, 0]
    assert nonzero(ledger.totals()) == {"capped_claims": 42, "capped_claims_offset": 42}
    assert states(ledger) == {"capped": 42}
    assert wallet(ledger, 1) == {"capped": 42}
    ledger.reconcile()


def test_deposits_are_a_liability_until_they_are_returned(ledger):
    ledger.deposit(0, people(1, 2), cents(1500, 1500))
    assert nonzero(ledger.totals()) == {"cash": 3000, "deposits": 3000}
    ledger.reconcile()
    ledger.return_deposit(2, people(2), cents(1500))
    with pytest.raises(LedgerError, match="deposit of consumer 2 would be -1 cents"):
        ledger.return_deposit(2, people(1, 2), cents(1, 1))
    ledger.return_deposit(3, people(1), cents(1500))
    assert nonzero(ledger.totals()) == {}
    assert ledger.entries().order_id.unique().tolist() == [-1]
    ledger.reconcile()


def test_gifts_cost_their_goods_and_belong_to_no_order(ledger):
    ledger.book_gifts(2, np.array([3, 1, 3], np.int32), 1200)
    ledger.book_gifts(3, np.empty(0, np.int32), 1200)
    ledger.book_gifts(3, np.array([1], np.int32), 0)
    assert nonzero(ledger.totals()) == {"cost_of_goods": 3600, "inventory": 3600}
    ledger.check()
    ledger.reconcile()
    lines = ledger.entries()
    assert lines[["day", "order_id", "account", "debit_cents", "credit_cents", "kind"]].values[
        :2
    ].tolist() == [[2, -1, "cost_of_goods", 1200, 0, "gift"], [2, -1, "inventory", 0, 1200, "gift"]]
    assert len(lines) == 6
    assert ledger._journal.postings["party"].tolist() == [3, 1, 3]
    assert len(ledger.orders_frame()) == 0


@pytest.mark.parametrize(
    ("person", "cost", "message"),
    [(0, -1, "gift of -1 cents"), (5, 1, "gift of consumers 5"), (-1, 1, "gift of consumers -1")],
)
def test_impossible_gifts_are_refused(ledger, person, cost, message):
    with pytest.raises(LedgerError, match=message):
        ledger.book_gifts(0, np.array([person], np.int32), cost)


def test_commissioned_orders_are_known_reversed_or_not(ledger):
    assert ledger.commissioned(np.array([0, 7])).tolist() == [False, False]
    orders = make_orders([0, 1, 2, 5], refund_tick=[-1, 1, -1, -1])
    ledger.book_orders(orders)
    ledger.accrue(0, credit([1, 2, 2], [0, 1, 2], 100), due_tick=3)
    ledger.refund(1, clawback=True)
    asked = np.array([9, 2, 0, 1, 5, -1])
    assert ledger.commissioned(asked).tolist() == [False, True, False, True, False, False]
    assert ledger.commissioned(asked[:0]).tolist() == []


@pytest.mark.parametrize("clawback", [True, False])
def test_a_commission_is_lowered_in_part(ledger, clawback):
    ledger.book_orders(make_orders([0, 1, 2, 3], refund_tick=[-1, -1, 3, -1]))
    ledger.accrue(0, credit(0, 4, 300), due_tick=0)
    ledger.accrue(0, credit([1, 2, 2], [4, 4, 1], 300), due_tick=9)
    ledger.approve(0)
    ledger.pay(0)
    asked = np.array([3, 2, 1, 0])
    most = np.array([0, 100, 400, 50])
    holds, taken = ledger.lower(1, asked, np.full(4, 4, np.int32), most, clawback)
    assert holds.tolist() == [True, True, True, clawback]
    assert taken == (450 if clawback else 200)
    assert wallet(ledger, 4) == nonzero(
        {
            "earned": 900 - taken, "pending": 400, "paid": 300, "owed": taken - 200,
            "cancelled": 200, "clawed_back": taken - 200, "balance": 600 - taken,
        }
    )  # fmt: skip
    assert ledger.refund(3, clawback).clawed_back_cents == 400
    zero = np.zeros(1, np.int64)
    taken_already = ledger.lower(3, np.array([2]), np.array([4], np.int32), zero, clawback)
    assert taken_already == (np.array([True]), 0)
    ledger.approve(9)
    assert ledger.pay(9) == (50 if clawback else 300)
    ledger.reconcile()


def test_only_lines_of_the_part_are_lowered_and_cut_in_two(ledger):
    ledger.book_orders(make_orders([0]))
    ledger.accrue(0, credit([0, 0, 0], 4, [300, 40, 50], part=[0, 1, 1]), due_tick=5)
    order_id, recipient = np.array([0]), people(4)
    assert ledger.lower(1, order_id, recipient, cents(60), True, part=1)[1] == 30
    assert ledger.lower(1, order_id, recipient, cents(60), True, part=2)[1] == 0
    lines = ledger.lines_frame()
    assert lines[["order_id", "recipient", "part", "cents", "state"]].values.tolist() == [
        [0, 4, 0, 300, "pending"],
        [0, 4, 1, 40, "pending"],
        [0, 4, 1, 20, "pending"],
        [0, 4, 1, 30, "cancelled"],
    ]
    assert states(ledger) == {"accrued": 390, "pending": 360, "cancelled": 30}
    ledger.reconcile()


def test_depth_holds_a_long_chain(ledger):
    ledger.book_orders(make_orders([0], sponsor=1, depth=100_000))
    assert ledger.orders().depth.tolist() == [100_000]


def test_without_clawback_a_paid_commission_is_kept(ledger):
    ledger.book_orders(make_orders([0], sponsor=2, refund_tick=1))
    ledger.accrue(0, credit(0, 2, 300), due_tick=0)
    ledger.approve(0)
    ledger.pay(0)
    assert ledger.refund(1, clawback=False).clawed_back_cents == 0
    assert wallet(ledger, 2)["earned"] == 300
    ledger.check()


def test_refunds_may_be_scheduled_after_the_commission(ledger):
    orders = make_orders([0, 1], sponsor=2)
    ledger.book_orders(orders)
    ledger.accrue(0, credit([0, 1], 2, 300), due_tick=9)
    ledger.schedule_refunds(orders.order_id, np.array([-1, 4], np.int32))
    assert ledger.refund(3, clawback=True).refunded_cents == 0
    assert ledger.refund(4, clawback=True).order_id.tolist() == [1]
    assert wallet(ledger, 2)["earned"] == 300


def test_only_the_credits_of_the_refunded_order_are_reversed(ledger):
    ledger.book_orders(make_orders([0, 1, 2], refund_tick=[-1, 5, -1]))
    ledger.accrue(0, credit([2, 1, 0, 1], [0, 1, 2, 3], [10, 20, 40, 80]), due_tick=1)
    ledger.approve(1)
    ledger.pay(1)
    assert ledger.refund(5, clawback=True).clawed_back_cents == 100
    assert ledger.earned_cents.tolist() == [10, 0, 40, 0, 0]
    assert ledger.owed_cents.tolist() == [0, 20, 0, 80, 0]


def test_nothing_is_lost_when_the_tables_grow():
    ledger, days = Ledger(50), 40
    for tick in range(days):
        ids = np.arange(17) + 17 * tick
        ledger.book_orders(make_orders(ids, tick=tick, buyer=ids % 50, price_cents=100 + ids))
        ledger.accrue(tick, credit(ids, ids % 7, 1 + ids), due_tick=tick + 2)
        ledger.approve(tick)
        ledger.pay(tick)
        ledger.check()
    ledger.reconcile()
    ids = np.arange(17 * days)
    booked = ledger.orders()
    assert booked.order_id.tolist() == ids.tolist()
    assert booked.price_cents.tolist() == (100 + ids).tolist()
    assert ledger.earned_cents.sum() == (1 + ids).sum()


def test_orders_frame_shows_a_refund_only_once_it_has_happened(ledger):
    ledger.book_orders(make_orders([5, 6, 7], tick=2, refund_tick=[4, 9, -1], sponsor=[1, -1, -1]))
    ledger.refund(4, clawback=True)
    frame = ledger.orders_frame(dt=1.0)
    assert list(frame.columns) == [
        "order_id", "day", "buyer", "product", "price_cents", "discount_cents", "sponsor", "depth",
        "refunded_day", "new_customer", "channel",
    ]  # fmt: skip
    assert frame.refunded_day.tolist() == [4, pd.NA, pd.NA]
    assert frame.refunded_day.dtype == "Int64"
    assert ledger.orders_frame(dt=0.5).day.tolist() == [1.0, 1.0, 1.0]
    assert ledger.orders_frame(dt=0.25).refunded_day.iloc[0] == 1.0


def test_empty_books_have_frames_with_their_columns(ledger):
    ledger.book_orders(Orders.empty())
    ledger.check()
    ledger.reconcile()
    assert len(ledger.entries()) == len(ledger.orders_frame()) == len(ledger.lines_frame()) == 0
    assert ledger.pay(0) == 0
    assert set(ledger.totals().values()) == {0}


def test_orders_are_kept_by_id_whatever_their_row_order(ledger):
    ledger.book_orders(make_orders([2, 0, 1], buyer=[2, 0, 1]))
    assert ledger.orders().buyer.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        (make_orders([4]), "booked already"),
        (make_orders([9, 9]), "twice"),
        (make_orders([9], discount_cents=2001), "discount"),
        (make_orders([9], discount_cents=-1), "discount"),
        (make_orders([9], cost_cents=-1), "cost"),
        (make_orders([9], points_cents=-1), "points"),
        (make_orders([9], discount_cents=1, points_cents=2000), "points"),
        (make_orders([9], refund_tick=2), "over"),
    ],
)
def test_impossible_orders_are_refused(ledger, orders, message):
    ledger.book_orders(make_orders([4]))
    ledger.refund(2, clawback=True)
    with pytest.raises(LedgerError, match=message):
        ledger.book_orders(orders)


@pytest.mark.parametrize(
    ("order_id", "recipient", "amount", "due_tick", "message"),
    [
        (99, 0, 5, 3, "not booked"),
        (1, 0, 5, 3, "refunded"),
        (0, 0, 0, 3, "0 cents"),
        (0, 0, 5, 1, "due at 1"),
        (0, 5, 5, 3, "consumers 5 to 5, there are 5"),
        (0, -1, 5, 3, "consumers -1 to -1"),
    ],
)
def test_impossible_commissions_are_refused(ledger, order_id, recipient, amount, due_tick, message):
    ledger.book_orders(make_orders([0, 1], refund_tick=[-1, 1]))
    ledger.refund(1, clawback=True)
    with pytest.raises(LedgerError, match=message):
        ledger.accrue(2, credit(order_id, recipient, amount), due_tick)
    ledger.reconcile()


def test_an_order_is_refunded_once(ledger):
    ledger.book_orders(make_orders([0], refund_tick=3))
    with pytest.raises(LedgerError, match="twice"):
        ledger.schedule_refunds(np.array([0]), np.array([4]))


@pytest.mark.parametrize("name", WALLET_NAMES)
def test_the_wallets_cannot_be_written_from_outside(ledger, name):
    with pytest.raises(ValueError, match="read-only"):
        getattr(ledger, f"{name}_cents")[0] = 1


def test_a_saved_ledger_goes_on_as_before(ledger):
    ledger.book_orders(make_orders([0, 1], sponsor=1, refund_tick=[6, -1]))
    ledger.accrue(0, credit(1, 3, 7), due_tick=9)
    ledger.accrue(0, credit(0, 1, 300), due_tick=5)
    copy = pickle.loads(pickle.dumps(ledger))
    for books in (ledger, copy):
        books.approve(5)
        books.pay(5)
        books.refund(6, clawback=True)
        books.check()
    assert copy.entries().equals(ledger.entries())
    assert copy.owed_cents.tolist() == ledger.owed_cents.tolist() == [0, 300, 0, 0, 0]


def test_sums_and_shares_by_key():
    key = np.array([3, 1, 3, 3, 1], np.int32)
    amounts = np.array([5, 7, 6, 4, 1], np.int64)
    assert sum_before(key, amounts).tolist() == [0, 0, 5, 11, 7]
    assert share_out(key, amounts, np.array([8, 3, 8, 8, 3])).tolist() == [5, 3, 3, 0, 0]
    assert sum_before(key[:0], amounts[:0]).tolist() == []
