"""What the books rest on: postings that cannot overdraw, an index, checks that see faults."""

from __future__ import annotations

import numpy as np
import pytest

from sim.accounts import FLOWS, WALLETS, EntryKind
from sim.commission_lines import RowsByOrder
from sim.journal import Journal
from sim.ledger import Ledger, LedgerError
from sim.orders import Table
from tests.books_world import cents, credit, issue_points, people
from tests.money_world import make_orders


@pytest.fixture
def ledger():
    return Ledger(5)


@pytest.mark.parametrize("name", WALLETS)
def test_a_tampered_wallet_is_found(ledger, name):
    ledger.book_orders(make_orders([0]))
    ledger.accrue(0, credit(0, 1, 300), due_tick=3)
    ledger._journal.wallets[name][1] += 1
    with pytest.raises(LedgerError, match="consumer 1"):
        ledger.reconcile()


def test_a_tampered_wallet_is_found_in_the_totals(ledger):
    ledger.book_orders(make_orders([0]))
    ledger.accrue(0, credit(0, 1, 300), due_tick=3)
    ledger._journal.wallets["pending"][1] += 1
    with pytest.raises(LedgerError, match="pending = wallets, but 300 != 301 cents"):
        ledger.check()


def test_a_tampered_posting_line_or_lot_is_found(ledger):
    issue_points(ledger, 0, 0, 2, 300, expiry_tick=9)
    ledger.check()
    for column, message in (
        (ledger._journal.postings["cents"], "order: the postings give 2001"),
        (ledger._lines["cents"], "consumer 2: paid less owed is 300 cents, the lines give 301"),
        (ledger._points._lots["cents"], "consumer 2: points is 300 cents, the lots give 301"),
    ):
        column[0] += 1
        with pytest.raises(LedgerError, match=message):
            ledger.reconcile()
        column[0] -= 1
    ledger.reconcile()


@pytest.mark.parametrize("kind", EntryKind)
def test_no_posting_takes_more_than_is_there(kind):
    journal = Journal(3)
    falling = [name for name, sign in FLOWS[kind].wallets.items() if sign < 0]
    if not falling:
        journal.post(kind, 0, 0, people(1), cents(1))
        assert journal.postings.length == 1
        return
    with pytest.raises(LedgerError, match=f"{falling[0]} of consumer 1 would be -1 cents"):
        journal.post(kind, 0, 0, people(1), cents(1))
    assert not any(held.any() for held in journal.wallets.values())
    assert journal.postings.length == journal.posted[kind] == 0


@pytest.mark.parametrize(("ids", "stored"), [([[0, 1, 1], [1, 2]], 0), ([[3, 5], [5, 4, 6, 3]], 6)])
def test_rows_are_found_by_order_whatever_their_order(ids, stored):
    table = Table({"order_id": np.int64})
    index = RowsByOrder(table)
    for part in ids:
        table.append(len(part), {"order_id": part})
        asked = np.array([3, 5, 0, 1, 9, 3])
        rows, place = index.find(asked)
        expected = [
            (r, p) for p, i in enumerate(asked) for r in np.flatnonzero(table["order_id"] == i)
        ]
        assert list(zip(rows, place, strict=True)) == expected
        assert (index.contains(asked) == np.isin(asked, table["order_id"])).all()
    assert index._ascending.length + len(index._late_id) == stored


def test_amounts_must_be_as_many_as_parties():
    journal = Journal(5)
    with pytest.raises(LedgerError, match="1 amounts for 3 consumers"):
        journal.post(EntryKind.ORDER, 0, 0, people(0, 1, 2), cents(5))
    assert not any(wallet.any() for wallet in journal.wallets.values())
