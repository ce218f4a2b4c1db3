"""What a day without news costs nothing for: checks, payouts, offers and records that are kept."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from sim import Scenario, WordOfMouthModel
from sim.accounts import FLOWS, EntryKind, label
from sim.commission_lines import LineState
from sim.credits import LIFETIME, MONTH, CreditHistory
from sim.journal import Journal, LedgerError
from sim.ledger import Ledger
from sim.orders import Commissions, OpenTable, Orders, Postings, read_only
from sim.schemes import FixedBounty, Percentage
from sim.schemes.scheme import by_prices
from tests.books_world import cents, credit, people
from tests.money_world import Shop, make_orders


@pytest.fixture
def ledger():
    books = Ledger(5)
    books.book_orders(make_orders([0, 1], sponsor=1))
    books.accrue(0, credit([0, 1], [1, 2], 300), due_tick=3)
    books.check_day()
    return books


@pytest.mark.parametrize(
    ("plant", "claim"),
    [
        (lambda books: books._journal.sums.update(pending=601), "pending = wallets"),
        (lambda books: books._lines.move(np.array([0]), 0, 2), "pending = lines"),
        (lambda books: books._journal.posted.__setitem__(EntryKind.PAYOUT, 1), "payable = wallets"),
        (lambda books: setattr(books._points, "left_cents", 1), "points liability = lots"),
        (lambda books: setattr(books._orders, "points_cents", 1), "points redeemed"),
    ],
)  # fmt: skip
def test_a_planted_error_is_found_on_the_day_of_the_next_posting(ledger, plant, claim):
    plant(ledger)
    ledger.book_gifts(1, people(1), 5)
    with pytest.raises(LedgerError, match=claim):
        ledger.check_day()


@pytest.mark.parametrize("kind", EntryKind)
def test_sums_and_balances_follow_every_posting(kind):
    journal = Journal(3)
    for wallet in journal.wallets.values():
        wallet[:] = 1000
    journal.sums = journal.wallet_sums()
    journal.balances()
    before = dict(journal.sums)
    journal.post(kind, 0, np.arange(4), people(2, 0, 2, 1), cents(5, 0, 7, 9))
    assert journal.sums == journal.wallet_sums()
    moved = {name: journal.sums[name] - before[name] for name in before}
    assert moved == dict.fromkeys(before, 0) | {
        name: 21 * sign for name, sign in FLOWS[kind].wallets.items()
    }
    changed = {name: amount for name, amount in journal.balances().items() if amount}
    assert set(changed) == {label(FLOWS[kind].debit), label(FLOWS[kind].credit)}
    assert {abs(amount) for amount in changed.values()} == {21}


def test_a_refused_posting_leaves_sums_as_they_were():
    journal = Journal(3)
    journal.post(EntryKind.COMMISSION, 0, 0, people(0, 1), cents(100, 50))
    before = dict(journal.sums)
    with pytest.raises(LedgerError, match="pending of consumer 1 would be -1 cents"):
        journal.post(EntryKind.APPROVE, 0, 0, people(0, 1), cents(100, 51))
    assert journal.sums == journal.wallet_sums() == before


@pytest.mark.parametrize(("days", "found_after"), [(3, 3), (40, 30)])
def test_a_tampered_wallet_is_found_at_the_end_of_a_month_and_of_the_run(days, found_after):
    scenario = Scenario.from_table({"days": days, "network": {"mean_degree": 8}})
    model = WordOfMouthModel(scenario).run(days=2)
    model.ledger._journal.wallets["capped"][7] += 1
    with pytest.raises(LedgerError, match="capped = wallets, but 0 != 1"):
        model.run()
    assert model.tick == found_after


def test_payouts_below_the_minimum_are_looked_at_again_when_something_moves():
    ledger = Ledger(5)
    for day in range(4):
        ledger.book_orders(make_orders([day], tick=day))
        ledger.accrue(day, credit(day, 1, 300), due_tick=day)
        ledger.approve(day)
        assert ledger.pay(day, minimum_cents=700) == (900 if day == 2 else 0)
        assert ledger.pay(day, minimum_cents=700) == 0
    assert ledger.pay(9, minimum_cents=301) == 0
    assert ledger.pay(9, minimum_cents=300) == 300
    ledger.reconcile()


def test_lines_are_columns_of_the_books(ledger):
    lines = ledger.lines()
    assert lines["recipient"].tolist() == [1, 2]
    assert lines["state"].tolist() == [LineState.PENDING] * 2
    with pytest.raises(ValueError, match="read-only"):
        lines["cents"][0] = 1


# Offers ----------------------------------------------------------------------------------------


class Told(Percentage):
    """Notes when it is asked."""

    asked: ClassVar[list[int]] = []

    @by_prices
    def offer(self, market):
        self.asked.append(market.tick)
        return super().offer(market)


class Weekly(Percentage):
    """Pays double on every seventh day."""

    def offer(self, market):
        told = super().offer(market)
        return told._replace(reward_cents=told.reward_cents * (2 if market.tick % 7 == 0 else 1))


def rewards(shop, days):
    found = []
    for tick in days:
        shop.market.advance(tick)
        found.append(float(shop.programme.offer().reward_cents[0]))
    return found


def test_an_offer_by_prices_is_asked_for_when_prices_change():
    shop = Shop(Told(rate=0.1))
    Told.asked.clear()
    assert rewards(shop, range(5)) == [200.0] * 5
    shop.prices[0] = 3000
    assert rewards(shop, range(5, 8)) == [300.0] * 3
    shop.prices[0] = 2000
    assert rewards(shop, range(8, 9)) == [200.0]
    assert Told.asked == [0, 5, 8]


class Inherits(Told):
    """Takes the offer over, and may have changed what it reads."""


def test_an_offer_that_is_inherited_is_asked_for_daily():
    shop = Shop(Inherits(rate=0.1))
    Told.asked.clear()
    rewards(shop, range(3))
    assert set(Told.asked) == {0, 1, 2}


def test_an_offer_by_prices_still_ends_with_dates_and_budget():
    assert rewards(Shop(Percentage(rate=0.1, start_day=1, end_day=3)), range(4)) == [0, 200, 200, 0]
    shop = Shop(FixedBounty(amount=5, budget=5))
    assert rewards(shop, [0]) == [500.0]
    shop.programme.whole.commissions_accrued_cents = 500
    assert rewards(shop, [1]) == [0.0]


def test_a_subclass_that_offers_anew_is_asked_every_day():
    assert rewards(Shop(Weekly(rate=0.1)), range(6, 9)) == [200.0, 400.0, 200.0]


def test_a_cap_is_told_as_it_fills():
    shop = Shop(FixedBounty(amount=5, cap_per_person=8))
    assert shop.programme.offer().reward_cents[0].tolist() == [500.0] * 10
    shop.programme.whole._received[3] = 600
    shop.market.advance(1)
    assert shop.programme.offer().reward_cents[0, 3] == 200.0


# Records ---------------------------------------------------------------------------------------


def test_a_record_asked_late_is_the_record_kept_from_the_start():
    asked, late = CreditHistory(4), CreditHistory(4)
    asked.counts(LIFETIME)
    for history in (asked, late):
        for month, first in ((0, 0), (1, 3)):
            history.enter(month)
            orders = make_orders(range(first, first + 3), sponsor=[1, 2, 1])
            pay = Commissions(
                np.arange(3), people(1, 2, 1), cents(100, 50, 70), np.ones(3, np.int8)
            )
            history.credit(30 * month, orders, pay)
        history.retract(np.array([0, 4]))
        history.lower(np.array([2, 5]), cents(10, 20))
    for period in (LIFETIME, MONTH):
        for name in ("counts", "net_cents", "commission_cents"):
            one, other = (getattr(history, name)(period) for history in (asked, late))
            assert one.dtype == other.dtype
            assert one.tolist() == other.tolist(), (name, period)
    assert late.counts(LIFETIME).tolist() == [0, 3, 1, 0]
    assert late.commission_cents(MONTH).tolist() == [0, 150, 0, 0]
    late.enter(2)
    assert not late.counts(MONTH).any()
    assert late.counts(LIFETIME).tolist() == [0, 3, 1, 0]


def test_an_open_table_keeps_its_rows_when_it_grows():
    table = OpenTable({"tick": np.int32, "kind": np.uint8, "party": np.int32,
                       "order_id": np.int64, "cents": np.int64}, Postings)  # fmt: skip
    for k in range(200):
        room = table.room(1)
        assert room is table.room(1)
        for column in room:
            column[table.length] = k
        table.length += 1
    assert table.columns().keys() == set(Postings._fields)
    assert all(column.tolist() == list(range(200)) for column in table.columns().values())


def test_orders_of_other_types_are_booked_like_those_of_the_columns_types(ledger):
    wide = make_orders([2, 3], sponsor=1, tick=4)
    wide = wide._replace(buyer=wide.buyer.astype(np.int64)[::-1], fakes=read_only(wide.fakes))
    ledger.book_orders(wide)
    assert ledger.orders().buyer[-2:].tolist() == wide.buyer.tolist()
    ledger.reconcile()


@pytest.mark.parametrize("column", [name for name in Orders._fields if name != "order_id"])
def test_columns_of_unequal_lengths_are_refused(ledger, column):
    orders = make_orders([2, 3], sponsor=1)
    with pytest.raises(LedgerError, match="from 2, have unequal lengths"):
        ledger.book_orders(orders._replace(**{column: getattr(orders, column)[:1]}))
    assert len(ledger.orders().order_id) == 2


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("buyer", 5, "bought order 2 or one after it is unknown"),
        ("buyer", -1, "bought order 2 or one after it is unknown"),
        ("refund_tick", 1, "order 2 or one after it is to be refunded on a day that is over"),
        ("cost_cents", -1, "the cost of an order is negative"),
    ],
)
def test_a_day_with_an_order_that_cannot_be_is_not_booked_at_all(ledger, column, value, message):
    ledger.refund(1, clawback=True)
    entries, orders = ledger.entries(), make_orders([2, 3], tick=2)
    wrong = getattr(orders, column).copy()
    wrong[1] = value
    with pytest.raises(LedgerError, match=message):
        ledger.book_orders(orders._replace(**{column: wrong}))
    assert len(ledger.orders().order_id) == 2
    assert ledger.entries().equals(entries)
    ledger.book_orders(orders)
    ledger.reconcile()


@pytest.mark.parametrize("column", ["order_id", "price_cents", "buyer"])
def test_numbers_with_their_bytes_the_other_way_round_are_the_same_numbers(ledger, column):
    orders = make_orders([2, 3], sponsor=1, tick=4)
    other = getattr(orders, column).astype(getattr(orders, column).dtype.newbyteorder())
    ledger.book_orders(orders._replace(**{column: other}))
    assert getattr(ledger.orders(), column)[-2:].tolist() == other.tolist()
    ledger.reconcile()


def test_columns_that_are_no_rows_of_numbers_are_refused(ledger):
    orders = make_orders([2, 3])
    for wrong in (orders.buyer[:, None], np.array(["0", "1"]), np.array([0.5, 1.5])):
        with pytest.raises(LedgerError, match="not all rows of whole numbers"):
            ledger.book_orders(orders._replace(buyer=wrong))
    assert len(ledger.orders().order_id) == 2
