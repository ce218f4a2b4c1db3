"""The books: what each event posts, and what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from sim.ledger import Ledger, LedgerError
from sim.orders import Commissions, Orders, share_out, sum_before
from tests.money_world import make_orders


def credit(order, recipient, amount):
    rows = np.atleast_1d(order)
    return Commissions(
        rows,
        np.array(np.broadcast_to(recipient, len(rows)), np.int32),
        np.array(np.broadcast_to(amount, len(rows)), np.int64),
        np.ones(len(rows), np.int8),
    )


def wallet(ledger, person):
    return {
        name: int(getattr(ledger, f"{name}_cents")[person])
        for name in ("earned", "pending", "paid", "owed", "clawed_back", "balance")
    }


def nonzero(totals):
    return {name: amount for name, amount in totals.items() if amount}


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


def test_a_commission_is_pending_until_due_then_paid(ledger):
    orders = make_orders([0], sponsor=2)
    ledger.book_orders(orders)
    ledger.accrue(0, orders, credit(0, 2, 300), due_tick=3)
    assert wallet(ledger, 2) == {
        "earned": 300, "pending": 300, "paid": 0, "owed": 0, "clawed_back": 0, "balance": 300,
    }  # fmt: skip
    assert ledger.pay(2) == 0
    assert ledger.pay(3) == 300
    assert ledger.pay(3) == 0
    assert wallet(ledger, 2) == {
        "earned": 300, "pending": 0, "paid": 300, "owed": 0, "clawed_back": 0, "balance": 0,
    }  # fmt: skip
    ledger.check()
    ledger.reconcile()


@pytest.mark.parametrize("clawback", [True, False])
def test_a_pending_commission_of_a_refunded_order_is_never_paid(ledger, clawback):
    orders = make_orders([0], sponsor=2, refund_tick=1)
    ledger.book_orders(orders)
    ledger.accrue(0, orders, credit(0, 2, 300), due_tick=3)
    summary = ledger.refund(1, clawback)
    assert (summary.order_id.tolist(), summary.refunded_cents, summary.clawed_back_cents) == (
        [0], 2000, 300,
    )  # fmt: skip
    assert ledger.pay(3) == 0
    assert wallet(ledger, 2) == {
        "earned": 0, "pending": 0, "paid": 0, "owed": 0, "clawed_back": 300, "balance": 0,
    }  # fmt: skip
    assert ledger.totals()["cash"] == 0
    assert ledger.totals()["cost_of_goods"] == 1200


def test_a_paid_commission_is_owed_after_a_refund_and_recovered_from_later_payouts(ledger):
    first = make_orders([0], sponsor=2, refund_tick=1)
    ledger.book_orders(first)
    ledger.accrue(0, first, credit(0, 2, 300), due_tick=0)
    assert ledger.pay(0) == 300
    ledger.refund(1, clawback=True)
    assert wallet(ledger, 2) == {
        "earned": 0, "pending": 0, "paid": 300, "owed": 300, "clawed_back": 300, "balance": -300,
    }  # fmt: skip
    later = make_orders([1, 2, 3], tick=2, sponsor=2)
    ledger.book_orders(later)
    ledger.accrue(2, later, credit([0, 1, 2], 2, 200), due_tick=2)
    assert ledger.pay(2) == 300
    assert wallet(ledger, 2) == {
        "earned": 600, "pending": 0, "paid": 600, "owed": 0, "clawed_back": 300, "balance": 0,
    }  # fmt: skip
    ledger.check()
    ledger.reconcile()
    lines = ledger.entries()
    recovered = lines[(lines.kind == "recovery") & (lines.account == "commission_receivable")]
    assert recovered[["order_id", "credit_cents"]].values.tolist() == [[1, 200], [2, 100]]


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
    assert ledger._postings["party"].tolist() == [3, 1, 3]
    assert len(ledger.orders_frame()) == 0


@pytest.mark.parametrize(("person", "cost"), [(0, -1), (5, 1), (-1, 1)])
def test_impossible_gifts_are_refused(ledger, person, cost):
    with pytest.raises(LedgerError, match=f"gift of {cost} cents"):
        ledger.book_gifts(0, np.array([person], np.int32), cost)


def test_commissioned_orders_are_known_reversed_or_not(ledger):
    assert ledger.commissioned(np.array([0, 7])).tolist() == [False, False]
    orders = make_orders([0, 1, 2, 5], refund_tick=[-1, 1, -1, -1])
    ledger.book_orders(orders)
    ledger.accrue(0, orders, credit([1, 2, 2], [0, 1, 2], 100), due_tick=3)
    ledger.refund(1, clawback=True)
    asked = np.array([9, 2, 0, 1, 5, -1])
    assert ledger.commissioned(asked).tolist() == [False, True, False, True, False, False]
    assert ledger.commissioned(asked[:0]).tolist() == []


@pytest.mark.parametrize("clawback", [True, False])
def test_a_commission_is_lowered_in_part(ledger, clawback):
    orders = make_orders([0, 1, 2, 3], refund_tick=[-1, -1, 3, -1])
    ledger.book_orders(orders)
    ledger.accrue(0, orders.take(np.array([0])), credit(0, 4, 300), due_tick=0)
    ledger.accrue(0, orders, credit([1, 2, 2], [4, 4, 1], 300), due_tick=9)
    ledger.pay(0)
    asked = np.array([3, 2, 1, 0])
    most = np.array([0, 100, 400, 50])
    holds, taken = ledger.lower(1, asked, np.full(4, 4, np.int32), most, clawback)
    assert holds.tolist() == [True, True, True, clawback]
    assert taken == (450 if clawback else 200)
    assert wallet(ledger, 4) == {
        "earned": 900 - taken, "pending": 400, "paid": 300, "owed": taken - 200,
        "clawed_back": taken, "balance": 600 - taken,
    }  # fmt: skip
    assert ledger.refund(3, clawback).clawed_back_cents == 400
    zero = np.zeros(1, np.int64)
    reversed_already = ledger.lower(3, np.array([2]), np.array([4], np.int32), zero, clawback)
    assert reversed_already == (np.array([True]), 0)
    assert ledger.pay(9) == (50 if clawback else 300)
    ledger.check()
    ledger.reconcile()


def test_depth_holds_a_long_chain(ledger):
    ledger.book_orders(make_orders([0], sponsor=1, depth=100_000))
    assert ledger.orders().depth.tolist() == [100_000]


def test_without_clawback_a_paid_commission_is_kept(ledger):
    orders = make_orders([0], sponsor=2, refund_tick=1)
    ledger.book_orders(orders)
    ledger.accrue(0, orders, credit(0, 2, 300), due_tick=0)
    ledger.pay(0)
    assert ledger.refund(1, clawback=False).clawed_back_cents == 0
    assert wallet(ledger, 2)["earned"] == 300
    ledger.check()


def test_refunds_may_be_scheduled_after_the_commission(ledger):
    orders = make_orders([0, 1], sponsor=2)
    ledger.book_orders(orders)
    ledger.accrue(0, orders, credit([0, 1], 2, 300), due_tick=9)
    ledger.schedule_refunds(orders.order_id, np.array([-1, 4], np.int32))
    assert ledger.refund(3, clawback=True).refunded_cents == 0
    assert ledger.refund(4, clawback=True).order_id.tolist() == [1]
    assert wallet(ledger, 2)["earned"] == 300


def test_only_the_credits_of_the_refunded_order_are_reversed(ledger):
    orders = make_orders([0, 1, 2], refund_tick=[-1, 5, -1])
    ledger.book_orders(orders)
    ledger.accrue(0, orders, credit([2, 1, 0, 1], [0, 1, 2, 3], [10, 20, 40, 80]), due_tick=1)
    ledger.pay(1)
    assert ledger.refund(5, clawback=True).clawed_back_cents == 100
    assert ledger.earned_cents.tolist() == [10, 0, 40, 0, 0]
    assert ledger.owed_cents.tolist() == [0, 20, 0, 80, 0]


def test_nothing_is_lost_when_the_tables_grow():
    ledger, days = Ledger(50), 40
    for tick in range(days):
        ids = np.arange(17) + 17 * tick
        orders = make_orders(ids, tick=tick, buyer=ids % 50, price_cents=100 + ids)
        ledger.book_orders(orders)
        ledger.accrue(tick, orders, credit(np.arange(17), ids % 7, 1 + ids), due_tick=tick + 2)
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
    assert len(ledger.entries()) == len(ledger.orders_frame()) == 0
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
        (make_orders([9], refund_tick=2), "over"),
    ],
)
def test_impossible_orders_are_refused(ledger, orders, message):
    ledger.book_orders(make_orders([4]))
    ledger.refund(2, clawback=True)
    with pytest.raises(LedgerError, match=message):
        ledger.book_orders(orders)


@pytest.mark.parametrize(
    ("orders", "amount", "due_tick", "message"),
    [
        (make_orders([99]), 5, 3, "not booked"),
        (make_orders([1]), 5, 3, "refunded"),
        (make_orders([0]), 0, 3, "0 cents"),
        (make_orders([0]), 5, 1, "due at tick 1"),
    ],
)
def test_impossible_commissions_are_refused(ledger, orders, amount, due_tick, message):
    ledger.book_orders(make_orders([0, 1], refund_tick=[-1, 1]))
    ledger.refund(1, clawback=True)
    with pytest.raises(LedgerError, match=message):
        ledger.accrue(2, orders, credit(0, 0, amount), due_tick)


def test_an_order_is_refunded_once(ledger):
    ledger.book_orders(make_orders([0], refund_tick=3))
    with pytest.raises(LedgerError, match="twice"):
        ledger.schedule_refunds(np.array([0]), np.array([4]))


@pytest.mark.parametrize("name", ["earned", "pending", "paid", "owed"])
def test_a_tampered_wallet_is_found(ledger, name):
    orders = make_orders([0])
    ledger.book_orders(orders)
    ledger.accrue(0, orders, credit(0, 1, 300), due_tick=3)
    ledger._wallets[name][1] += 1
    with pytest.raises(LedgerError, match="consumer 1"):
        ledger.check()


def test_a_tampered_account_or_posting_is_found(ledger):
    ledger.book_orders(make_orders([0]))
    ledger.check()
    ledger._postings["cents"][0] += 1
    with pytest.raises(LedgerError, match="cash"):
        ledger.reconcile()
    ledger._debits[0] += 1
    with pytest.raises(LedgerError, match="debits = credits, but 3201 != 3200"):
        ledger.check()


def test_the_wallets_cannot_be_written_from_outside(ledger):
    with pytest.raises(ValueError, match="read-only"):
        ledger.earned_cents[0] = 1


def test_a_saved_ledger_goes_on_as_before(ledger):
    orders = make_orders([0], sponsor=1, refund_tick=6)
    ledger.book_orders(orders)
    ledger.accrue(0, orders, credit(0, 1, 300), due_tick=5)
    copy = pickle.loads(pickle.dumps(ledger))
    for books in (ledger, copy):
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
