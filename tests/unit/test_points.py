"""Points: lots that are issued, used, given back and expire, and their place in the books."""

from __future__ import annotations

import numpy as np
import pytest

from sim.ledger import Ledger, LedgerError
from sim.points import PointLots
from tests.books_world import cents, credit, issue_points, people, wallet
from tests.money_world import make_orders


@pytest.fixture
def ledger():
    return Ledger(5)


def test_points_are_issued_when_approved_used_oldest_first_and_expire(ledger):
    issue_points(ledger, 0, 0, 2, 300, expiry_tick=10)
    issue_points(ledger, 1, 1, 2, 200, expiry_tick=11)
    issue_points(ledger, 1, 2, 3, 7, expiry_tick=None)
    assert wallet(ledger, 2) == {"earned": 500, "paid": 500, "points": 500}
    assert ledger.pay(1) == 0
    ledger.book_orders(make_orders([3, 4], tick=2, buyer=2, points_cents=[250, 100]))
    ledger.redeem(2, np.array([3, 4]), people(2, 2), cents(250, 100))
    assert ledger.points_cents.tolist() == [0, 0, 150, 7, 0]
    assert ledger.expire_points(10) == 0
    assert ledger.expire_points(11) == 150
    assert ledger.expire_points(10_000) == 0
    totals = ledger.totals()
    assert (totals["points_liability"], totals["points_breakage"]) == (7, 150)
    assert totals["cash"] == 5 * 2000 - 350
    ledger.reconcile()


def test_a_refunded_order_gives_its_points_back_with_their_dates(ledger):
    issue_points(ledger, 0, 0, 2, 300, expiry_tick=6)
    issue_points(ledger, 0, 1, 2, 200, expiry_tick=20)
    orders = make_orders([2, 3], tick=2, buyer=2, points_cents=[100, 300], refund_tick=[8, 5])
    ledger.book_orders(orders)
    ledger.redeem(2, orders.order_id, orders.buyer, orders.points_cents)
    assert ledger.refund(5, clawback=True).refunded_cents == 2000
    assert ledger.points_cents[2] == 400
    assert ledger.expire_points(6) == 200  # of order 3: 200 that expire at tick 6, 100 at 20
    assert ledger.points_cents[2] == 200
    ledger.refund(8, clawback=True)
    assert ledger.expire_points(8) == 100  # came back after their date
    assert ledger.expire_points(20) == 200
    assert ledger.totals()["cash"] == 2 * 2000
    ledger.reconcile()


def test_a_debt_is_recovered_before_points_are_issued(ledger):
    ledger.book_orders(make_orders([0], refund_tick=1))
    ledger.accrue(0, credit(0, 2, 300), due_tick=0)
    ledger.approve(0)
    ledger.pay(0)
    ledger.refund(1, clawback=True)
    issue_points(ledger, 2, 1, 2, 250, expiry_tick=9)
    assert wallet(ledger, 2) == {
        "earned": 250, "paid": 300, "owed": 50, "clawed_back": 300, "balance": -50,
    }  # fmt: skip
    issue_points(ledger, 2, 2, 2, 250, expiry_tick=9)
    assert wallet(ledger, 2) == {"earned": 500, "paid": 500, "points": 200, "clawed_back": 300}
    ledger.reconcile()


@pytest.mark.parametrize(
    ("order_id", "person", "amount", "message"),
    [
        (1, 2, 301, "1 cents in points are used that nobody has"),
        (1, 3, 301, "301 cents in points are used"),
        (2, 2, 5, "another amount"),
        (9, 2, 5, "not booked"),
    ],
)
def test_impossible_redemptions_are_refused_whole(ledger, order_id, person, amount, message):
    issue_points(ledger, 0, 0, 2, 300, expiry_tick=9)
    ledger.book_orders(make_orders([1, 2], tick=1, points_cents=[301, 300]))
    with pytest.raises(LedgerError, match=message):
        ledger.redeem(1, np.array([order_id]), people(person), cents(amount))
    assert ledger.points_cents.tolist() == [0, 0, 300, 0, 0]
    with pytest.raises(LedgerError, match="points redeemed = points of orders, but 0 != 601"):
        ledger.check()


def test_points_that_are_gone_at_once_are_refused(ledger):
    with pytest.raises(LedgerError, match="issued at tick 4 expire at tick 4"):
        issue_points(ledger, 4, 0, 2, 300, expiry_tick=4)


def test_points_that_expire_first_are_used_first_whenever_they_were_issued():
    lots = PointLots()
    lots.issue(people(1, 1, 1), cents(50, 50, 50), np.array([9, 4, 6]))
    lots.use(np.array([0]), people(1), cents(70))
    assert lots.expire(4)[1].tolist() == []
    assert lots.expire(6)[1].tolist() == [30]
    assert lots.expire(9)[1].tolist() == [50]


def test_many_lots_and_orders_of_many_people_are_matched(ledger):
    lots = PointLots()
    person = np.tile(np.arange(4, dtype=np.int32), 800)
    amounts = 1 + np.arange(3200) % 7
    lots.issue(person, amounts, 10 + np.arange(3200))
    held = np.bincount(person, amounts).astype(np.int64)
    left = lots.per_person(4)
    assert left.tolist() == held.tolist()
    ids = np.arange(40)
    buyers = (ids % 4).astype(np.int32)[::-1].copy()
    lots.use(ids, buyers, 200 + ids)
    spent = np.bincount(buyers, 200 + ids).astype(np.int64)
    assert lots.per_person(4).tolist() == (held - spent).tolist()
    returned = lots.give_back(ids[::3])
    per_order = np.bincount(returned.order_id, returned.cents, minlength=40)
    assert per_order[::3].tolist() == (200 + ids[::3]).tolist()
    assert (returned.person == buyers[returned.order_id]).all()
    gone = lots.expire(10_000)[1].sum()
    assert gone == held.sum() - spent.sum() + (200 + ids[::3]).sum()
    assert lots.left_cents == 0
