"""The chart of accounts, and the table of everything that can be posted to them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

PLATFORM = -1  # the party of an account that is kept for no consumer in particular
NO_ORDER = -1  # the order of a posting that belongs to none


class Account(IntEnum):
    """Where money stands. Revenue is at list price; discounts and refunds are kept apart.

    Commission owed to people is a liability in three steps: pending (its holding period runs),
    held (frozen by a check) and payable (approved). Receivable is commission people owe back.
    Deposits are customers' money for team purchases that are not complete. The capped claims and
    their offset are a memo: what caps and budgets refused. No money moves there.
    """

    CASH = 0
    REVENUE = 1
    DISCOUNTS = 2
    REFUNDS = 3
    COST_OF_GOODS = 4
    INVENTORY = 5
    COMMISSION_EXPENSE = 6
    COMMISSION_PENDING = 7
    COMMISSION_HELD = 8
    COMMISSION_PAYABLE = 9
    COMMISSION_RECEIVABLE = 10
    POINTS_LIABILITY = 11
    POINTS_BREAKAGE = 12
    DEPOSITS = 13
    CAPPED_CLAIMS = 14
    CAPPED_CLAIMS_OFFSET = 15


class EntryKind(IntEnum):
    """Why money moved."""

    ORDER = 0
    DISCOUNT = 1
    COST = 2
    REFUND = 3
    GIFT = 4
    COMMISSION = 5
    HOLD = 6
    APPROVE = 7
    CANCEL = 8
    REJECT = 9
    CLAWBACK = 10
    DEBT = 11
    RECOVERY = 12
    PAYOUT = 13
    POINTS_ISSUED = 14
    POINTS_REDEEMED = 15
    POINTS_RETURNED = 16
    POINTS_EXPIRED = 17
    DEPOSIT = 18
    DEPOSIT_RETURNED = 19
    CAPPED = 20


class Flow(NamedTuple):
    """What a posting does: the two accounts, and the change of the consumer's wallets."""

    debit: Account
    credit: Account
    wallets: Mapping[str, int]


_CASH, _EXPENSE = Account.CASH, Account.COMMISSION_EXPENSE
_PENDING, _HELD = Account.COMMISSION_PENDING, Account.COMMISSION_HELD
_PAYABLE, _RECEIVABLE = Account.COMMISSION_PAYABLE, Account.COMMISSION_RECEIVABLE
_POINTS = Account.POINTS_LIABILITY

FLOWS: dict[EntryKind, Flow] = {
    EntryKind.ORDER: Flow(_CASH, Account.REVENUE, {}),
    EntryKind.DISCOUNT: Flow(Account.DISCOUNTS, Account.REVENUE, {}),
    EntryKind.COST: Flow(Account.COST_OF_GOODS, Account.INVENTORY, {}),
    EntryKind.REFUND: Flow(Account.REFUNDS, _CASH, {}),
    EntryKind.GIFT: Flow(Account.COST_OF_GOODS, Account.INVENTORY, {}),
    EntryKind.COMMISSION: Flow(_EXPENSE, _PENDING, {"pending": 1}),
    EntryKind.HOLD: Flow(_PENDING, _HELD, {"pending": -1, "held": 1}),
    EntryKind.APPROVE: Flow(_PENDING, _PAYABLE, {"pending": -1, "approved": 1}),
    EntryKind.CANCEL: Flow(_PENDING, _EXPENSE, {"pending": -1}),
    EntryKind.REJECT: Flow(_HELD, _EXPENSE, {"held": -1}),
    EntryKind.CLAWBACK: Flow(_PAYABLE, _EXPENSE, {"approved": -1}),
    EntryKind.DEBT: Flow(_RECEIVABLE, _EXPENSE, {"owed": 1}),
    EntryKind.RECOVERY: Flow(_PAYABLE, _RECEIVABLE, {"approved": -1, "owed": -1}),
    EntryKind.PAYOUT: Flow(_PAYABLE, _CASH, {"approved": -1, "paid": 1}),
    EntryKind.POINTS_ISSUED: Flow(_PAYABLE, _POINTS, {"approved": -1, "paid": 1, "points": 1}),
    # The order was booked at its full net price: this is the part that was not paid in cash.
    EntryKind.POINTS_REDEEMED: Flow(_POINTS, _CASH, {"points": -1}),
    EntryKind.POINTS_RETURNED: Flow(_CASH, _POINTS, {"points": 1}),
    EntryKind.POINTS_EXPIRED: Flow(_POINTS, Account.POINTS_BREAKAGE, {"points": -1}),
    EntryKind.DEPOSIT: Flow(_CASH, Account.DEPOSITS, {"deposit": 1}),
    EntryKind.DEPOSIT_RETURNED: Flow(Account.DEPOSITS, _CASH, {"deposit": -1}),
    EntryKind.CAPPED: Flow(Account.CAPPED_CLAIMS, Account.CAPPED_CLAIMS_OFFSET, {"capped": 1}),
}
MOVES_WHAT_IS_DUE = tuple(
    kind for kind, flow in FLOWS.items() if flow.wallets.keys() & {"approved", "owed"}
)
"""Kinds of postings that change what could be paid out to somebody."""

CREDIT_ACCOUNTS = frozenset(
    {
        Account.REVENUE,
        Account.INVENTORY,
        Account.COMMISSION_PENDING,
        Account.COMMISSION_HELD,
        Account.COMMISSION_PAYABLE,
        Account.POINTS_LIABILITY,
        Account.POINTS_BREAKAGE,
        Account.DEPOSITS,
        Account.CAPPED_CLAIMS_OFFSET,
    }
)
PERSONAL_ACCOUNTS = frozenset(
    {
        Account.CASH,
        Account.COMMISSION_PENDING,
        Account.COMMISSION_HELD,
        Account.COMMISSION_PAYABLE,
        Account.COMMISSION_RECEIVABLE,
        Account.POINTS_LIABILITY,
        Account.DEPOSITS,
        Account.CAPPED_CLAIMS,
    }
)
WALLETS = ("pending", "held", "approved", "paid", "owed", "points", "deposit", "capped")


def label(member: IntEnum) -> str:
    """The text of an account, kind or state in a table."""
    return member.name.lower()
