"""The chart of accounts, and the table of everything that can be posted to them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

PLATFORM = -1  # the party of an account that is kept for no consumer in particular


class Account(IntEnum):
    """Where money stands. Revenue is at list price; discounts and refunds are kept apart."""

    CASH = 0
    REVENUE = 1
    DISCOUNTS = 2
    REFUNDS = 3
    COST_OF_GOODS = 4
    INVENTORY = 5
    COMMISSION_EXPENSE = 6
    COMMISSION_PAYABLE = 7
    COMMISSION_RECEIVABLE = 8


class EntryKind(IntEnum):
    """Why money moved."""

    ORDER = 0
    DISCOUNT = 1
    COST = 2
    REFUND = 3
    COMMISSION = 4
    CLAWBACK = 5
    DEBT = 6
    RECOVERY = 7
    PAYOUT = 8
    GIFT = 9


class Flow(NamedTuple):
    """What a posting does: the two accounts, and the change of the consumer's wallets."""

    debit: Account
    credit: Account
    wallets: Mapping[str, int]


FLOWS: dict[EntryKind, Flow] = {
    EntryKind.ORDER: Flow(Account.CASH, Account.REVENUE, {}),
    EntryKind.DISCOUNT: Flow(Account.DISCOUNTS, Account.REVENUE, {}),
    EntryKind.COST: Flow(Account.COST_OF_GOODS, Account.INVENTORY, {}),
    EntryKind.REFUND: Flow(Account.REFUNDS, Account.CASH, {}),
    EntryKind.COMMISSION: Flow(
        Account.COMMISSION_EXPENSE, Account.COMMISSION_PAYABLE, {"earned": 1, "pending": 1}
    ),
    EntryKind.CLAWBACK: Flow(
        Account.COMMISSION_PAYABLE,
        Account.COMMISSION_EXPENSE,
        {"earned": -1, "pending": -1, "clawed_back": 1},
    ),
    # A clawback of what was settled already overdraws the wallet; the overdraft becomes a debt.
    EntryKind.DEBT: Flow(
        Account.COMMISSION_RECEIVABLE, Account.COMMISSION_PAYABLE, {"pending": 1, "owed": 1}
    ),
    EntryKind.RECOVERY: Flow(
        Account.COMMISSION_PAYABLE, Account.COMMISSION_RECEIVABLE, {"pending": -1, "owed": -1}
    ),
    EntryKind.PAYOUT: Flow(Account.COMMISSION_PAYABLE, Account.CASH, {"pending": -1, "paid": 1}),
    EntryKind.GIFT: Flow(Account.COST_OF_GOODS, Account.INVENTORY, {}),
}
CREDIT_ACCOUNTS = frozenset({Account.REVENUE, Account.INVENTORY, Account.COMMISSION_PAYABLE})
PERSONAL_ACCOUNTS = frozenset(
    {Account.CASH, Account.COMMISSION_PAYABLE, Account.COMMISSION_RECEIVABLE}
)
WALLETS = ("earned", "pending", "paid", "owed", "clawed_back")


def label(member: IntEnum) -> str:
    """The text of an account or kind in a table."""
    return member.name.lower()
