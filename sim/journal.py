"""The journal: postings between two accounts, and what they come to, per account and per person.

A posting moves an amount from one account to another, so a line without its counterpart cannot
be written. Nothing posted is ever changed or removed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from sim._jit import Packed, inner, kernel, phase, ready
from sim.accounts import CREDIT_ACCOUNTS, FLOWS, WALLETS, Account, EntryKind, label
from sim.orders import NO_ORDERS, POSTING_DTYPES, OpenTable, Orders, Postings


def _signs() -> np.ndarray:
    """What a cent of each kind of posting adds to each balance, int64 (accounts, kinds)."""
    signs = np.zeros((len(Account), len(EntryKind)), np.int64)
    for kind, flow in FLOWS.items():
        signs[flow.debit, kind] += 1
        signs[flow.credit, kind] -= 1
    signs[list(CREDIT_ACCOUNTS)] *= -1
    return signs


ORDER, DISCOUNT, COST = int(EntryKind.ORDER), int(EntryKind.DISCOUNT), int(EntryKind.COST)

_SIGNS = _signs()
_ACCOUNTS = tuple(label(account) for account in Account)


def balances_of(posted: list[int]) -> dict[str, int]:
    """Balance of every account in cents, by account name. posted : cents by kind of posting."""
    return dict(zip(_ACCOUNTS, (_SIGNS @ np.array(posted)).tolist(), strict=True))


class LedgerError(RuntimeError):
    """The books do not agree: a fault of the program, never of its input."""


class Journal:
    """Append-only postings of one run, in integer cents.

    Parameters
    ----------
    size : int
        Number of consumers; parties are 0..size-1.

    Attributes
    ----------
    postings : Table
        A row per posting: tick, kind, party, order_id, cents.
    posted : list of int
        Cents posted so far, by :class:`sim.accounts.EntryKind`.
    wallets : dict
        Cents per consumer, int64 (size,) each, by the names of :data:`sim.accounts.WALLETS`.
    sums : dict
        Cents in all wallets of a name, added up as they change.
    """

    changing: ClassVar = ("postings", "posted", "wallets", "sums")

    def __init__(self, size: int) -> None:
        self.size = size
        self.postings = OpenTable(POSTING_DTYPES, Postings)
        self.posted = [0] * len(EntryKind)
        self.wallets = {name: np.zeros(size, np.int64) for name in WALLETS}
        self.sums = dict.fromkeys(WALLETS, 0)
        self._balances: tuple[int, dict[str, int]] = -1, {}
        self._room = Packed(self.postings.room(0))

    def __getstate__(self) -> dict[str, Any]:
        # Compiled code is not saved with the journal; it is looked up again.
        return {name: value for name, value in vars(self).items() if name != "_enter"}

    @functools.cached_property
    def _enter(self) -> Callable[..., tuple[int, int, int, int]]:
        """:func:`_post_orders`, ready to be called."""
        return ready(_post_orders, Packed(NO_ORDERS), 0, 0, self._room, 0)

    def post(
        self,
        kind: EntryKind,
        tick: np.ndarray | int,
        order_id: np.ndarray | int,
        party: np.ndarray,
        amounts: np.ndarray,
    ) -> None:
        """Write a posting per row, none for zero cents, and carry it to the wallets.

        tick : int32 (n,) or one for all. order_id : int64 (n,) or one for all. party : int32 (n,),
        consumers. amounts : int64 (n,), cents. Raises :class:`LedgerError`, and posts nothing, for
        a negative amount, an unknown consumer, and a wallet that would fall below zero.
        """
        party = np.asarray(party, np.int32)
        amounts = np.asarray(amounts, np.int64)
        if party.shape != amounts.shape:
            raise LedgerError(f"{label(kind)}: {amounts.size} amounts for {party.size} consumers")
        total, least, some, first, last = _survey(party, amounts)
        if least < 0:
            raise LedgerError(f"{label(kind)} of {least} cents")
        if some == 0:
            return
        if first < 0 or last >= self.size:
            raise LedgerError(
                f"{label(kind)} of consumers {first} to {last}, there are {self.size}"
            )
        if some < len(amounts):
            moved = amounts != 0
            party, amounts = party[moved], amounts[moved]
            tick = tick[moved] if isinstance(tick, np.ndarray) else tick
            order_id = order_id[moved] if isinstance(order_id, np.ndarray) else order_id
        self._carry(kind, party, amounts)
        self.posted[kind] += total
        row = {"tick": tick, "kind": kind, "order_id": order_id, "party": party, "cents": amounts}
        self.postings.append(len(amounts), row)

    def post_orders(self, book: Any, first: int, end: int) -> None:
        """Post takings, discounts and costs of the booked orders of rows ``first`` to ``end``.

        book : what :meth:`sim.order_book.OrderBook.latest` gives; its buyers are known.
        """
        room = self._room.at(self.postings.room(3 * (end - first)))
        rows, takings, discounts, costs = self._enter(book, first, end, room, self.postings.length)
        self.postings.length += rows
        self.posted[EntryKind.ORDER] += takings
        self.posted[EntryKind.DISCOUNT] += discounts
        self.posted[EntryKind.COST] += costs

    def balances(self) -> dict[str, int]:
        """Balance of every account in cents, by account name, positive on its usual side."""
        upto, balances = self._balances
        if upto != self.postings.length:
            balances = balances_of(self.posted)
            self._balances = self.postings.length, balances
        return dict(balances)

    def wallet_sums(self) -> dict[str, int]:
        """Cents in all wallets of a name, added up anew."""
        return {name: int(wallet.sum()) for name, wallet in self.wallets.items()}

    def per_person(self, *kinds: EntryKind) -> np.ndarray:
        """Cents posted to each consumer under ``kinds`` so far, int64 (size,)."""
        rows = np.isin(self.postings["kind"], kinds)
        result = np.zeros(self.size, np.int64)
        np.add.at(result, self.postings["party"][rows], self.postings["cents"][rows])
        return result

    def reconcile(self) -> None:
        """Recompute totals and wallets from the postings alone, person by person, and compare.

        Raises :class:`LedgerError` naming the first kind of posting or consumer that differs.
        """
        wallets = {name: np.zeros(self.size, np.int64) for name in WALLETS}
        for kind, flow in FLOWS.items():
            per_person = self.per_person(kind)
            posted = int(per_person.sum())
            if posted != self.posted[kind]:
                raise LedgerError(
                    f"{label(kind)}: the postings give {posted} cents, kept is {self.posted[kind]}"
                )
            for name, sign in flow.wallets.items():
                wallets[name] += sign * per_person
        for name in WALLETS:
            compare(name, self.wallets[name], wallets[name], "the postings")

    def _carry(self, kind: EntryKind, party: np.ndarray, amounts: np.ndarray) -> None:
        """Change the wallets, or none of them and LedgerError if one would be overdrawn."""
        changed: list[tuple[str, int]] = []
        for name, sign in FLOWS[kind].wallets.items():
            wallet = self.wallets[name]
            change, row = _add(wallet, party, amounts, sign)
            self.sums[name] += change
            changed.append((name, sign))
            left = int(wallet[party[row]])
            if sign < 0 and left < 0:
                for undone, back in changed:
                    self.sums[undone] += _add(self.wallets[undone], party, amounts, -back)[0]
                raise LedgerError(
                    f"{label(kind)}: {name} of consumer {party[row]} would be {left} cents"
                )


@phase
def _post_orders(
    book: Orders, first: int, end: int, postings: Postings, place: int
) -> tuple[int, int, int, int]:
    """Write the postings of booked orders from row ``place`` on, none for zero cents.

    Returns how many, and the cents of ORDER, DISCOUNT and COST.
    """
    row = place
    takings, discounts, costs = 0, 0, 0
    for k in range(first, end):
        cents = book.price_cents[k] - book.discount_cents[k]
        takings += cents
        row = enter(postings, row, ORDER, book, k, cents)
    for k in range(first, end):
        discounts += book.discount_cents[k]
        row = enter(postings, row, DISCOUNT, book, k, book.discount_cents[k])
    for k in range(first, end):
        costs += book.cost_cents[k]
        row = enter(postings, row, COST, book, k, book.cost_cents[k])
    return row - place, takings, discounts, costs


@inner
def enter(postings: Postings, row: int, kind: int, book: Orders, k: int, cents: int) -> int:
    """Write a posting of the order of row k, unless it is of zero cents; returns the next row."""
    if cents == 0:
        return row
    postings.tick[row] = book.tick[k]
    postings.kind[row] = kind
    postings.party[row] = book.buyer[k]
    postings.order_id[row] = book.order_id[k]
    postings.cents[row] = cents
    return row + 1


@kernel
def _survey(party: np.ndarray, amounts: np.ndarray) -> tuple[int, int, int, int, int]:
    """Sum and least of the amounts, how many are not 0, and the first and last party of those."""
    total, least, some = 0, 0, 0
    first, last = np.iinfo(np.int32).max, -1
    for k in range(len(amounts)):
        total += amounts[k]
        least = min(least, amounts[k])
        if amounts[k] != 0:
            some += 1
            first = min(first, party[k])
            last = max(last, party[k])
    return total, least, some, first, last


@kernel
def _add(wallet: np.ndarray, party: np.ndarray, amounts: np.ndarray, sign: int) -> tuple[int, int]:
    """Add ``sign * amounts`` to the parties' wallets; returns their change and the poorest's row.

    The change is what the wallets say: the new cents less the old ones.
    """
    change = 0
    for k in range(len(party)):
        before = wallet[party[k]]
        wallet[party[k]] = before + sign * amounts[k]
        change += wallet[party[k]] - before
    poorest = 0
    for k in range(len(party)):
        if wallet[party[k]] < wallet[party[poorest]]:
            poorest = k
    return change, poorest


def compare(name: str, kept: np.ndarray, recomputed: np.ndarray, source: str) -> None:
    """Raise LedgerError naming the first consumer whose kept and recomputed cents differ.

    kept, recomputed : int64 (size,). name, source : how the message calls the two.
    """
    wrong = np.flatnonzero((kept != recomputed) | (kept < 0))
    if wrong.size:
        person = int(wrong[0])
        raise LedgerError(
            f"consumer {person}: {name} is {int(kept[person])} cents, "
            f"{source} give {int(recomputed[person])}"
        )
