"""The journal: postings between two accounts, and what they come to, per account and per person.

A posting moves an amount from one account to another, so a line without its counterpart cannot
be written. Nothing posted is ever changed or removed.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sim.accounts import CREDIT_ACCOUNTS, FLOWS, WALLETS, Account, EntryKind, label
from sim.orders import POSTING_DTYPES, Table


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
    posted : dict
        Cents posted so far, by :class:`sim.accounts.EntryKind`.
    wallets : dict
        Cents per consumer, int64 (size,) each, by the names of :data:`sim.accounts.WALLETS`.
    """

    changing: ClassVar = ("postings", "posted", "wallets")

    def __init__(self, size: int) -> None:
        self.size = size
        self.postings = Table(POSTING_DTYPES)
        self.posted = dict.fromkeys(EntryKind, 0)
        self.wallets = {name: np.zeros(size, np.int64) for name in WALLETS}
        self._sums = dict.fromkeys(WALLETS, 0)
        self._changed = set(WALLETS)

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
        total = int(amounts.sum())
        moved = amounts != 0
        if not moved.any():
            return
        if not moved.all():
            party, amounts = party[moved], amounts[moved]
            tick = tick[moved] if isinstance(tick, np.ndarray) else tick
            order_id = order_id[moved] if isinstance(order_id, np.ndarray) else order_id
        self._admit(kind, party, amounts)
        self._carry(kind, party, amounts)
        self.posted[kind] += total
        row = {"tick": tick, "kind": kind, "order_id": order_id, "party": party, "cents": amounts}
        self.postings.append(len(amounts), row)

    def balances(self) -> dict[str, int]:
        """Balance of every account in cents, by account name, positive on its usual side."""
        debits = dict.fromkeys(Account, 0)
        for kind, flow in FLOWS.items():
            debits[flow.debit] += self.posted[kind]
            debits[flow.credit] -= self.posted[kind]
        return {
            label(account): -cents if account in CREDIT_ACCOUNTS else cents
            for account, cents in debits.items()
        }

    def wallet_sums(self) -> dict[str, int]:
        """Cents in all wallets of a name; only those that changed since the last call are added."""
        for name in self._changed:
            self._sums[name] = int(self.wallets[name].sum())
        self._changed.clear()
        return self._sums

    def per_person(self, *kinds: EntryKind) -> np.ndarray:
        """Cents posted to each consumer under ``kinds`` so far, int64 (size,)."""
        rows = np.isin(self.postings["kind"], kinds)
        result = np.zeros(self.size, np.int64)
        np.add.at(result, self.postings["party"][rows], self.postings["cents"][rows])
        return result

    def reconcile(self) -> None:
        """Recompute sums and wallets from the postings alone, person by person, and compare.

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

    def _admit(self, kind: EntryKind, party: np.ndarray, amounts: np.ndarray) -> None:
        """Refuse postings of negative amounts or to nobody."""
        if int(amounts.min()) < 0:
            raise LedgerError(f"{label(kind)} of {int(amounts.min())} cents")
        if int(party.min()) < 0 or int(party.max()) >= self.size:
            raise LedgerError(
                f"{label(kind)} of consumers {int(party.min())} to {int(party.max())}, "
                f"there are {self.size}"
            )

    def _carry(self, kind: EntryKind, party: np.ndarray, amounts: np.ndarray) -> None:
        """Change the wallets, or none of them and LedgerError if one would be overdrawn."""
        flow = FLOWS[kind]
        for name, sign in flow.wallets.items():
            np.add.at(self.wallets[name], party, sign * amounts)
        for name, sign in flow.wallets.items():
            left = self.wallets[name][party]
            if sign < 0 and int(left.min()) < 0:
                for changed, undone in flow.wallets.items():
                    np.subtract.at(self.wallets[changed], party, undone * amounts)
                row = int(np.argmin(left))
                raise LedgerError(
                    f"{label(kind)}: {name} of consumer {party[row]} would be {left[row]} cents"
                )
        self._changed.update(flow.wallets)


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
