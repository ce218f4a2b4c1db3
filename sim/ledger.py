"""The books of one run: every order, refund, discount, commission and payout, in integer cents.

A posting moves an amount from one account to another, so a line without its counterpart cannot
be written; :data:`sim.accounts.FLOWS` is the table of all postings. Nothing posted is ever
changed or removed: a refund or a clawback is a new posting.

A commission is *pending* when it is accrued, *settled* when its holding period ends, *reversed*
when its order is refunded. Per person, at every moment,

    earned = accrued - clawed back = pending + paid - owed

where ``paid`` is cash that went out and ``owed`` is commission that was paid, then clawed back
and not recovered yet. What is owed is kept back from later payouts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.accounts import (
    CREDIT_ACCOUNTS,
    FLOWS,
    WALLETS,
    Account,
    EntryKind,
    label,
)
from sim.book_tables import entries_table, orders_table
from sim.orders import (
    COMMISSION_DTYPES,
    ORDER_DTYPES,
    POSTING_DTYPES,
    Commissions,
    Orders,
    Table,
    read_only,
    share_out,
)

if TYPE_CHECKING:
    import pandas as pd


class LedgerError(RuntimeError):
    """The books do not agree: a fault of the program, never of its input."""


_PENDING, _SETTLED, _REVERSED = 0, 1, 2
_NAMES = [label(account) for account in Account]
_USUAL_SIDES = [-1 if account in CREDIT_ACCOUNTS else 1 for account in Account]


class RefundSummary(NamedTuple):
    """What one day's refunds came to. order_id : int64 (n,), the orders refunded."""

    order_id: np.ndarray
    refunded_cents: int
    clawed_back_cents: int


class Ledger:
    """Append-only double-entry books of one run, in integer cents.

    Parameters
    ----------
    size : int
        Number of consumers; parties are 0..size-1.

    Notes
    -----
    The goods of a refunded order are not sold again: their cost stays.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._orders = Table(ORDER_DTYPES)
        self._postings = Table(POSTING_DTYPES)
        self._commissions = Table(COMMISSION_DTYPES)
        self._debits = [0] * len(Account)
        self._credits = [0] * len(Account)
        self._wallets = {name: np.zeros(size, np.int64) for name in WALLETS}
        # Sums of the wallets, so that the daily check does not read every consumer.
        self._sums = dict.fromkeys(WALLETS, 0)
        self._due: dict[int, list[np.ndarray]] = {}
        self._refunds: dict[int, list[np.ndarray]] = {}
        self._touched: list[np.ndarray] = []
        self._last_order_id = -1
        self._last_credited_id = -1
        self._refunded_through = -1

    @property
    def earned_cents(self) -> np.ndarray:
        """Commission accrued less clawed back, per consumer, int64 (size,), read-only."""
        return read_only(self._wallets["earned"])

    @property
    def pending_cents(self) -> np.ndarray:
        """Commission accrued, not reversed, not settled yet, int64 (size,), read-only."""
        return read_only(self._wallets["pending"])

    @property
    def paid_cents(self) -> np.ndarray:
        """Cash paid out, per consumer, int64 (size,), read-only."""
        return read_only(self._wallets["paid"])

    @property
    def owed_cents(self) -> np.ndarray:
        """Commission clawed back after it was paid and not recovered, int64 (size,), read-only."""
        return read_only(self._wallets["owed"])

    @property
    def clawed_back_cents(self) -> np.ndarray:
        """Commission reversed because the order was refunded, int64 (size,), read-only."""
        return read_only(self._wallets["clawed_back"])

    @property
    def balance_cents(self) -> np.ndarray:
        """Pending less owed, per consumer, int64 (size,); negative for a consumer in debt."""
        return self._wallets["pending"] - self._wallets["owed"]

    def book_orders(self, orders: Orders) -> None:
        """Book a day's orders: the customer pays price less discount, the goods leave the stock.

        Raises :class:`LedgerError` if an order id was booked before or an amount is impossible.
        """
        count = len(orders.order_id)
        if count == 0:
            return
        if (orders.order_id[1:] < orders.order_id[:-1]).any():
            orders = orders.take(np.argsort(orders.order_id, kind="stable"))
        self._admit(orders)
        self._orders.append(count, {**orders._asdict(), "refund_tick": -1})
        for kind, amounts in (
            (EntryKind.ORDER, orders.net_cents),
            (EntryKind.DISCOUNT, orders.discount_cents),
            (EntryKind.COST, orders.cost_cents),
        ):
            self._post(kind, orders.tick, orders.order_id, orders.buyer, amounts)
        self.schedule_refunds(orders.order_id, orders.refund_tick)

    def book_gifts(self, tick: int, people: np.ndarray, cost_cents: int) -> None:
        """Book products given away: the goods leave the stock, nobody pays.

        people : int32 (n,), who gets one each. cost_cents : what one costs the platform. The
        postings belong to no order (order_id -1). Raises :class:`LedgerError` for a negative cost
        or an unknown person.
        """
        if len(people) == 0:
            return
        if cost_cents < 0 or int(people.min()) < 0 or int(people.max()) >= self.size:
            raise LedgerError(
                f"gift of {cost_cents} cents to consumers {people.min()} to {people.max()} "
                f"of {self.size}"
            )
        amounts = np.full(len(people), cost_cents, np.int64)
        self._post(EntryKind.GIFT, tick, np.full(len(people), -1, np.int64), people, amounts)

    def schedule_refunds(self, order_id: np.ndarray, refund_tick: np.ndarray) -> None:
        """Note at which tick booked orders will be refunded.

        order_id : int64 (n,). refund_tick : int32 (n,), -1 for never. Raises
        :class:`LedgerError` for a tick that is over and for an order that has a refund already.
        """
        chosen = refund_tick >= 0
        if not chosen.any():
            return
        order_id, refund_tick = order_id[chosen], refund_tick[chosen]
        rows = self._rows_of(order_id)
        if int(refund_tick.min()) <= self._refunded_through:
            raise LedgerError(f"refund at tick {int(refund_tick.min())}, which is over")
        if (self._orders["refund_tick"][rows] >= 0).any():
            raise LedgerError("an order is to be refunded twice")
        self._orders["refund_tick"][rows] = refund_tick
        in_time = np.argsort(refund_tick, kind="stable")
        due, starts = np.unique(refund_tick[in_time], return_index=True)
        for tick, part in zip(due.tolist(), np.split(rows[in_time], starts[1:]), strict=True):
            self._refunds.setdefault(tick, []).append(part)

    def accrue(self, tick: int, orders: Orders, commissions: Commissions, due_tick: int) -> None:
        """Owe ``commissions`` for booked ``orders`` from ``tick``, payable at ``due_tick``.

        Raises :class:`LedgerError` for a credit of an order that is not booked, is refunded
        already or lies before orders credited earlier, for an amount of zero or less, and for a
        ``due_tick`` before ``tick``.
        """
        count = len(commissions.cents)
        if count == 0:
            return
        order_id = orders.order_id[commissions.order]
        if (order_id[1:] < order_id[:-1]).any():
            in_turn = np.argsort(order_id, kind="stable")
            commissions, order_id = commissions.take(in_turn), order_id[in_turn]
        recipient, amounts = commissions.recipient, commissions.cents
        refund_tick = self._orders["refund_tick"][self._rows_of(order_id)]
        if ((refund_tick >= 0) & (refund_tick <= self._refunded_through)).any():
            raise LedgerError(f"commission at tick {tick} on an order refunded before")
        if int(amounts.min()) <= 0 or due_tick < tick:
            raise LedgerError(
                f"commission of {int(amounts.min())} cents at tick {tick} due at tick {due_tick}"
            )
        if int(order_id[0]) < self._last_credited_id:
            raise LedgerError(f"order {int(order_id[0])} is credited out of sequence")
        self._last_credited_id = int(order_id[-1])
        row = {"order_id": order_id, "recipient": recipient, "cents": amounts, "status": _PENDING}
        first = self._commissions.append(count, row)
        self._post(EntryKind.COMMISSION, tick, order_id, recipient, amounts)
        self._due.setdefault(due_tick, []).append(np.arange(first, first + count))

    def commissioned(self, order_id: np.ndarray) -> np.ndarray:
        """Which orders accrued a commission, reversed or not: bool (n,). order_id : int64 (n,)."""
        credited = self._commissions["order_id"]
        starts = np.searchsorted(credited, order_id)
        return np.searchsorted(credited, order_id, side="right") > starts

    def refund(self, tick: int, clawback: bool) -> RefundSummary:
        """Refund every order whose ``refund_tick`` is ``tick`` and reverse its commissions.

        A commission still pending is always reversed: nobody is paid for a refunded order. With
        ``clawback`` one already settled is reversed too, and the consumer owes it.
        """
        self._refunded_through = tick
        if tick not in self._refunds:
            return RefundSummary(np.empty(0, np.int64), 0, 0)
        rows = np.concatenate(self._refunds.pop(tick))
        order_id = self._orders["order_id"][rows]
        net = self._orders["price_cents"][rows] - self._orders["discount_cents"][rows]
        self._post(EntryKind.REFUND, tick, order_id, self._orders["buyer"][rows], net)
        return RefundSummary(order_id, int(net.sum()), self._reverse(tick, order_id, clawback))

    def lower(
        self,
        tick: int,
        order_id: np.ndarray,
        recipient: np.ndarray,
        most_cents: np.ndarray,
        clawback: bool,
    ) -> tuple[np.ndarray, int]:
        """Take back what commissions exceed ``most_cents``; without ``clawback`` if pending only.

        order_id : int64 (n,). recipient : int32 (n,). most_cents : int64 (n,), not negative. An
        order may have no commission. Returns which limits hold now, bool (n,), and the cents.
        """
        lines, row = self._lines_of(order_id)
        own = self._commissions["recipient"][lines] == recipient[row]
        lines, row = lines[own], row[own]
        excess = self._commissions["cents"][lines] - most_cents[row]
        status = self._commissions["status"][lines]
        above = (excess > 0) & (status != _REVERSED)
        taken = above & ((status == _PENDING) | clawback)
        holds = np.ones(len(order_id), np.bool_)
        holds[row[above & ~taken]] = False
        lines, excess = lines[taken], excess[taken]
        self._take_back(tick, lines, excess)
        self._commissions["cents"][lines] -= excess
        return holds, int(excess.sum())

    def pay(self, tick: int) -> int:
        """Settle the pending commissions due by ``tick``; returns the cash paid out, in cents.

        What a consumer owes is kept back first, in the order in which the commissions accrued.
        """
        due = sorted(due_tick for due_tick in self._due if due_tick <= tick)
        if not due:
            return 0
        lines = np.concatenate([part for due_tick in due for part in self._due.pop(due_tick)])
        lines = lines[self._commissions["status"][lines] == _PENDING]
        if lines.size == 0:
            return 0
        self._commissions["status"][lines] = _SETTLED
        order_id = self._commissions["order_id"][lines]
        recipient = self._commissions["recipient"][lines]
        amounts = self._commissions["cents"][lines]
        cash = amounts
        if self._sums["owed"]:
            recovered = share_out(recipient, amounts, self._wallets["owed"][recipient])
            self._post(EntryKind.RECOVERY, tick, order_id, recipient, recovered)
            cash = amounts - recovered
        self._post(EntryKind.PAYOUT, tick, order_id, recipient, cash)
        return int(cash.sum())

    def check(self) -> None:
        """Compare accounts, wallet sums, and the wallets that changed since the last check.

        Raises
        ------
        LedgerError
            Naming the two figures that should agree, or the consumer whose wallet is wrong.
        """
        sums, balance = self._sums, self.totals()
        takings = balance["revenue"] - balance["discounts"] - balance["refunds"]
        for claim, left, right in (
            ("debits = credits", sum(self._debits), sum(self._credits)),
            ("payable = pending", balance["commission_payable"], sums["pending"]),
            ("receivable = owed", balance["commission_receivable"], sums["owed"]),
            ("commission expense = earned", balance["commission_expense"], sums["earned"]),
            ("cash = takings - payouts", balance["cash"], takings - sums["paid"]),
            ("cost of goods = stock used", balance["cost_of_goods"], balance["inventory"]),
        ):
            if left != right:
                raise LedgerError(f"the books do not agree: {claim}, but {left} != {right} cents")
        if self._touched:
            self._check_wallets(np.concatenate(self._touched))
            self._touched.clear()

    def reconcile(self) -> None:
        """Recompute accounts and wallets from the postings alone, person by person, and compare.

        Takes time in proportion to the run; :meth:`check` is the daily one. Raises
        :class:`LedgerError` naming the first account or consumer that differs.
        """
        self.check()
        kind, party = self._postings["kind"], self._postings["party"]
        amounts = self._postings["cents"]
        wallets = {name: np.zeros(self.size, np.int64) for name in WALLETS}
        debits, credits = [0] * len(Account), [0] * len(Account)
        for posted, flow in FLOWS.items():
            rows = kind == posted
            total = int(amounts[rows].sum())
            debits[flow.debit] += total
            credits[flow.credit] += total
            for name, sign in flow.wallets.items():
                np.add.at(wallets[name], party[rows], sign * amounts[rows])
        for account in Account:
            posted_cents = debits[account] - credits[account]
            kept_cents = self._debits[account] - self._credits[account]
            if posted_cents != kept_cents:
                raise LedgerError(
                    f"{label(account)}: the postings give {posted_cents}, kept is {kept_cents}"
                )
        for name in WALLETS:
            kept = self._wallets[name]
            wrong = np.flatnonzero((kept != wallets[name]) | (kept < 0))
            if wrong.size:
                person = int(wrong[0])
                raise LedgerError(
                    f"consumer {person}: {name} is {int(kept[person])} cents, "
                    f"the postings give {int(wallets[name][person])}"
                )

    def totals(self) -> dict[str, int]:
        """Balance of every account in cents, by account name, positive on its usual side.

        Revenue, inventory (stock used) and commission payable are usually in credit, the
        others in debit. Profit = revenue - discounts - refunds - cost_of_goods
        - commission_expense.
        """
        return {
            name: sign * (debit - credit)
            for name, sign, debit, credit in zip(
                _NAMES, _USUAL_SIDES, self._debits, self._credits, strict=True
            )
        }

    def orders(self) -> Orders:
        """All orders booked so far, in the order of booking (read-only views)."""
        return Orders._make([read_only(self._orders[name]) for name in ORDER_DTYPES])

    def entries(self, dt: float = 1.0) -> pd.DataFrame:
        """Every double-entry line so far; ``dt`` is the length of a tick in days.

        Columns: entry_id (0, 1, ...; lines 2k and 2k + 1 are the two sides of one posting), day,
        order_id, account, party (the consumer who paid, was paid or is owed; -1 the platform's
        own account), debit_cents, credit_cents, kind.
        """
        return entries_table(self._postings, dt)

    def orders_frame(self, dt: float = 1.0) -> pd.DataFrame:
        """A row per order; ``dt`` is the length of a tick in days.

        Columns: order_id, day, buyer, product, price_cents, discount_cents, sponsor (-1 none),
        depth, refunded_day (missing unless refunded by now), new_customer, channel.
        """
        return orders_table(self.orders(), self._refunded_through, dt)

    def _admit(self, orders: Orders) -> None:
        """Refuse orders (by ascending id) that cannot be booked."""
        order_id = orders.order_id
        if (order_id[1:] == order_id[:-1]).any():
            raise LedgerError("an order id occurs twice in one day")
        if int(order_id[0]) <= self._last_order_id:
            raise LedgerError(f"order {int(order_id[0])} is booked already or out of sequence")
        discounts = orders.discount_cents
        if int(discounts.min()) < 0 or (discounts > orders.price_cents).any():
            raise LedgerError("a discount is negative or above the price of its order")
        if int(orders.cost_cents.min()) < 0:
            raise LedgerError("the cost of an order is negative")
        self._last_order_id = int(order_id[-1])

    def _rows_of(self, order_id: np.ndarray) -> np.ndarray:
        """Rows of booked orders in the table, int64 (n,); LedgerError if one is not booked."""
        booked = self._orders["order_id"]
        rows = np.searchsorted(booked, order_id)
        if int(order_id.max()) > self._last_order_id or (booked[rows] != order_id).any():
            raise LedgerError(f"an order up to {int(order_id.max())} is not booked")
        return rows

    def _check_wallets(self, people: np.ndarray) -> None:
        """Raise LedgerError unless earned = pending + paid - owed, none of them negative."""
        earned, pending, paid, owed, _ = wallets = [self._wallets[name][people] for name in WALLETS]
        wrong = earned != pending + paid - owed
        for wallet in wallets:
            wrong |= wallet < 0
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            held = ", ".join(f"{n} {w[row]}" for n, w in zip(WALLETS, wallets, strict=True))
            raise LedgerError(f"the wallet of consumer {people[row]} is wrong: {held} cents")

    def _reverse(self, tick: int, order_id: np.ndarray, clawback: bool) -> int:
        """Reverse the orders' pending commissions, with ``clawback`` all of them; the cents."""
        lines, _ = self._lines_of(order_id)
        status = self._commissions["status"]
        lines = lines[(status[lines] == _PENDING) | clawback]
        amounts = self._commissions["cents"][lines]
        self._take_back(tick, lines, amounts)
        status[lines] = _REVERSED
        return int(amounts.sum())

    def _lines_of(self, order_id: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Commission lines of the orders, and for each the row of its order, int64 (m,) each."""
        credited = self._commissions["order_id"]
        starts = np.searchsorted(credited, order_id)
        counts = np.searchsorted(credited, order_id, side="right") - starts
        lines = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return lines, np.repeat(np.arange(len(order_id)), counts)

    def _take_back(self, tick: int, lines: np.ndarray, amounts: np.ndarray) -> None:
        """Post that ``amounts`` of commission lines are not earned; what was settled is owed."""
        if lines.size == 0:
            return
        order_id = self._commissions["order_id"][lines]
        recipient = self._commissions["recipient"][lines]
        settled = self._commissions["status"][lines] == _SETTLED
        self._post(EntryKind.CLAWBACK, tick, order_id, recipient, amounts)
        self._post(EntryKind.DEBT, tick, order_id, recipient, np.where(settled, amounts, 0))

    def _post(
        self,
        kind: EntryKind,
        tick: np.ndarray | int,
        order_id: np.ndarray,
        party: np.ndarray,
        amounts: np.ndarray,
    ) -> None:
        """Write a posting per row, none for zero cents, and carry it to accounts and wallets."""
        total = int(amounts.sum())
        if total == 0:
            return
        moved = amounts != 0
        if not moved.all():
            order_id, party, amounts = order_id[moved], party[moved], amounts[moved]
            tick = tick[moved] if isinstance(tick, np.ndarray) else tick
        flow = FLOWS[kind]
        self._debits[flow.debit] += total
        self._credits[flow.credit] += total
        for name, sign in flow.wallets.items():
            np.add.at(self._wallets[name], party, sign * amounts)
            self._sums[name] += sign * total
        if flow.wallets:
            self._touched.append(party)
        row = {"tick": tick, "kind": kind, "order_id": order_id, "party": party, "cents": amounts}
        self._postings.append(len(amounts), row)
