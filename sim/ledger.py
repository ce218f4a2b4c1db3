"""The books of one run: every order, refund, discount, commission and payout, in integer cents.

Every event is a posting between two accounts; :data:`sim.accounts.FLOWS` is the table of all
postings. Nothing posted is ever changed or removed: a refund or a clawback is a new posting.

A commission line is in one state at a time (:class:`sim.commission_lines.LineState`)::

    pending   its hold runs    -> approved, held, or cancelled
    held      a check froze it -> approved when released, else cancelled
    approved  its hold is over -> paid, or clawed back
    paid                       -> clawed back, and owed

A refund or a re-rating cancels or claws back. A held line that is due is rejected: cancelled.
A line that is lowered in part is cut in two lines, so at every moment, in total and per person,

    accrued = pending + held + approved + paid + clawed back + cancelled

Points count as paid when they are issued. What was paid and then clawed back is *owed*; it is
kept back from later payouts. Such a recovery settles the later line, which is paid all the same,
and moves no line back: lines in state paid = cash and points that went out - owed.
What caps and budgets refuse never accrues; it is kept as a memo (capped).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from sim.accounts import MOVES_WHAT_IS_DUE, NO_ORDER, EntryKind, label
from sim.book_checks import check_books, reconcile_books
from sim.book_tables import entries_table, lines_table, orders_table
from sim.commission_lines import LineState, LineTable, within_reach
from sim.journal import Journal, LedgerError
from sim.order_book import OrderBook
from sim.orders import CommissionLines, Orders, read_only, share_out
from sim.points import NO_EXPIRY, PointLots

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ledger", "LedgerError", "RefundSummary"]

OfOrders = Callable[[np.ndarray], np.ndarray]
"""A term that differs between orders: (n,) values for order ids, int64 (n,)."""

_TAKEN_BACK = {
    LineState.PENDING: (EntryKind.CANCEL, LineState.CANCELLED),
    LineState.HELD: (EntryKind.REJECT, LineState.CANCELLED),
    LineState.APPROVED: (EntryKind.CLAWBACK, LineState.CLAWED_BACK),
    LineState.PAID: (EntryKind.DEBT, LineState.CLAWED_BACK),
}


class RefundSummary(NamedTuple):
    """What one day's refunds came to.

    order_id : int64 (n,), the orders refunded. refunded_cents : their net price. clawed_back_cents
    : the commission taken back with them, approved or not.
    """

    order_id: np.ndarray
    refunded_cents: int
    clawed_back_cents: int


NO_REFUNDS = RefundSummary(read_only(np.empty(0, np.int64)), 0, 0)


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

    changing: ClassVar = ("_journal", "_orders", "_lines", "_points", "_due", "_approved")

    def __init__(self, size: int) -> None:
        self.size = size
        self._journal = Journal(size)
        self._orders = OrderBook(size)
        self._lines = LineTable()
        self._points = PointLots()
        self._due: dict[int, list[np.ndarray]] = {}
        self._approved: list[np.ndarray] = []
        self._checked: tuple[int, ...] = ()
        self._paid_as: tuple[Any, ...] = ()

    @property
    def earned_cents(self) -> np.ndarray:
        """Commission accrued and not taken back, per consumer, int64 (size,), read-only."""
        wallets = self._journal.wallets
        due = wallets["pending"] + wallets["held"] + wallets["approved"]
        return read_only(due + wallets["paid"] - wallets["owed"])

    @property
    def pending_cents(self) -> np.ndarray:
        """Commission whose holding period runs, int64 (size,), read-only."""
        return read_only(self._journal.wallets["pending"])

    @property
    def held_cents(self) -> np.ndarray:
        """Commission frozen by a check, int64 (size,), read-only."""
        return read_only(self._journal.wallets["held"])

    @property
    def approved_cents(self) -> np.ndarray:
        """Commission approved and not paid out yet, int64 (size,), read-only."""
        return read_only(self._journal.wallets["approved"])

    @property
    def paid_cents(self) -> np.ndarray:
        """Cash and points that went out, per consumer, int64 (size,), read-only."""
        return read_only(self._journal.wallets["paid"])

    @property
    def owed_cents(self) -> np.ndarray:
        """Commission clawed back after it was paid and not recovered, int64 (size,), read-only."""
        return read_only(self._journal.wallets["owed"])

    @property
    def points_cents(self) -> np.ndarray:
        """Points people can spend, int64 (size,), read-only."""
        return read_only(self._journal.wallets["points"])

    @property
    def capped_cents(self) -> np.ndarray:
        """What caps and budgets refused people, int64 (size,), read-only."""
        return read_only(self._journal.wallets["capped"])

    @property
    def cancelled_cents(self) -> np.ndarray:
        """Commission taken back before it was approved, int64 (size,), from the postings."""
        return read_only(self._journal.per_person(EntryKind.CANCEL, EntryKind.REJECT))

    @property
    def clawed_back_cents(self) -> np.ndarray:
        """Commission taken back after it was approved, int64 (size,), from the postings."""
        return read_only(self._journal.per_person(EntryKind.CLAWBACK, EntryKind.DEBT))

    @property
    def balance_cents(self) -> np.ndarray:
        """Commission still to come less owed, int64 (size,), read-only; negative: in debt."""
        wallets = self._journal.wallets
        due = wallets["pending"] + wallets["held"] + wallets["approved"]
        return read_only(due - wallets["owed"])

    def book_orders(self, orders: Orders) -> None:
        """Book a day's orders: the customer pays price less discount, the goods leave the stock.

        What is paid in points follows with :meth:`redeem`. Raises :class:`LedgerError` if an
        order id was booked before or an amount is impossible.
        """
        if len(orders.order_id) == 0:
            return
        if np.count_nonzero(orders.order_id[1:] < orders.order_id[:-1]):
            orders = orders.take(np.argsort(orders.order_id, kind="stable"))
        dated = self._orders.add(orders)
        self._journal.post_orders(*self._orders.latest(len(orders.order_id)))
        if dated:
            self._orders.schedule_refunds(orders.order_id, orders.refund_tick)

    def book_gifts(self, tick: int, people: np.ndarray, cost_cents: int) -> None:
        """Book products given away: the goods leave the stock, nobody pays.

        people : int32 (n,), who gets one each. cost_cents : what one costs the platform. The
        postings belong to no order (order_id -1). Raises :class:`LedgerError` for a negative cost
        or an unknown person.
        """
        amounts = np.full(len(people), cost_cents, np.int64)
        self._journal.post(EntryKind.GIFT, tick, NO_ORDER, people, amounts)

    def deposit(self, tick: int, people: np.ndarray, cents: np.ndarray) -> None:
        """Take customers' money for an order that may not come about, such as a team's.

        people : int32 (n,). cents : int64 (n,). The postings belong to no order (order_id -1).
        """
        self._journal.post(EntryKind.DEPOSIT, tick, NO_ORDER, people, cents)

    def return_deposit(self, tick: int, people: np.ndarray, cents: np.ndarray) -> None:
        """Give deposits back: the order came about and is booked at its price, or it did not.

        people : int32 (n,). cents : int64 (n,). Raises :class:`LedgerError` for more than a
        person has deposited.
        """
        self._journal.post(EntryKind.DEPOSIT_RETURNED, tick, NO_ORDER, people, cents)

    def schedule_refunds(self, order_id: np.ndarray, refund_tick: np.ndarray) -> None:
        """Note at which tick booked orders will be refunded.

        order_id : int64 (n,). refund_tick : int32 (n,), -1 for never. Raises
        :class:`LedgerError` for a tick that is over and for an order that has a refund already.
        """
        self._orders.schedule_refunds(order_id, refund_tick)

    def accrue(self, tick: int, lines: CommissionLines, due_tick: int) -> None:
        """Owe commission ``lines`` from ``tick``, to be approved at ``due_tick``.

        The orders may be of today or of earlier days. Held lines are frozen at once. Raises
        :class:`LedgerError` for an order that is not booked or is refunded already, for an amount
        of zero or less, and for a ``due_tick`` before ``tick``.
        """
        if len(lines.cents) == 0:
            return
        if (lines.order_id[1:] < lines.order_id[:-1]).any():
            lines = lines.take(np.argsort(lines.order_id, kind="stable"))
        if self._orders.is_refunded(self._orders.rows(lines.order_id)).any():
            raise LedgerError(f"commission at tick {tick} on an order refunded before")
        if int(lines.cents.min()) <= 0 or due_tick < tick:
            raise LedgerError(
                f"commission of {int(lines.cents.min())} cents at tick {tick} due at {due_tick}"
            )
        self._journal.post(EntryKind.COMMISSION, tick, lines.order_id, lines.recipient, lines.cents)
        rows = self._lines.add(tick, lines, due_tick)
        if lines.held.any():
            self._post_lines(EntryKind.HOLD, tick, rows[lines.held])
        self._due.setdefault(due_tick, []).append(rows)

    def cap(
        self, tick: int, order_id: np.ndarray, recipient: np.ndarray, cents: np.ndarray
    ) -> None:
        """Note what a cap or the budget refused: a memo, no money moves.

        order_id : int64 (n,). recipient : int32 (n,). cents : int64 (n,).
        """
        self._journal.post(EntryKind.CAPPED, tick, order_id, recipient, cents)

    def commissioned(self, order_id: np.ndarray) -> np.ndarray:
        """Which orders accrued a commission, taken back or not: bool (n,). order_id : int64."""
        return self._lines.has_line(order_id)

    def lines(self) -> dict[str, np.ndarray]:
        """All commission lines, columns by name (read-only views).

        As in :class:`sim.orders.CommissionLines`, then tick and due_tick (int32) and state
        (uint8, a :class:`sim.commission_lines.LineState`).
        """
        return {name: read_only(column) for name, column in self._lines.columns().items()}

    def approve(self, tick: int, points_expiry_tick: int | OfOrders | None = None) -> None:
        """Approve the pending lines due by ``tick`` and reject the held ones.

        Lines in points are issued at once, less what their recipient owes; what is left of the
        points expires at ``points_expiry_tick`` (None: never), the same for all orders or
        asked for each.
        """
        due = [due_tick for due_tick in self._due if due_tick <= tick]
        if not due:
            return
        parts = [part for due_tick in sorted(due) for part in self._due.pop(due_tick)]
        rows = np.concatenate(parts)
        self._take_back(tick, self._lines.standing(rows, LineState.HELD))
        expiry = NO_EXPIRY if points_expiry_tick is None else points_expiry_tick
        self._approve(tick, rows, expiry)

    def pay(self, tick: int, minimum_cents: int = 0, orders: range | None = None) -> int:
        """Pay out approved lines to everybody to whom ``minimum_cents`` are due; returns the cash.

        Due is what is approved less what is owed, at least one cent. What a consumer owes is kept
        back first, in the order in which lines were approved. orders : ids of the orders whose
        lines are meant, in payment and in what is due; default all.
        """
        if not self._approved:
            return 0
        posted = self._journal.posted
        before = (minimum_cents, orders, *[posted[kind] for kind in MOVES_WHAT_IS_DUE])
        if before == self._paid_as:
            return 0
        rows = self._lines.standing(np.concatenate(self._approved), LineState.APPROVED)
        recipient = self._lines["recipient"][rows]
        approved, owed = self._journal.wallets["approved"], self._journal.wallets["owed"]
        meant = np.ones(len(rows), np.bool_)
        if orders is not None:
            order_id = self._lines["order_id"][rows]
            meant = (order_id >= orders.start) & (order_id < orders.stop)
            approved = np.zeros(self.size, np.int64)
            np.add.at(approved, recipient[meant], self._lines["cents"][rows[meant]])
        due = approved[recipient] - owed[recipient]
        chosen = meant & (due >= max(minimum_cents, 1))
        self._approved = [] if chosen.all() else [rows[~chosen]]
        if chosen.any():
            return int(self._settle(EntryKind.PAYOUT, tick, rows[chosen]).sum())
        self._paid_as = before  # nobody is due anything until one of these figures moves
        return 0

    def redeem(
        self, tick: int, order_id: np.ndarray, person: np.ndarray, cents: np.ndarray
    ) -> None:
        """Take the points that paid for booked orders, those that expire first before others.

        order_id : int64 (n,). person : int32 (n,). cents : int64 (n,), the orders' points_cents.
        Raises :class:`LedgerError`, and takes nothing, if somebody has too few points or an order
        was booked with another amount.
        """
        some = cents != 0
        if not some.any():
            return
        order_id, person, cents = order_id[some], person[some], cents[some]
        booked = self._orders.orders().points_cents[self._orders.rows(order_id)]
        if (booked != cents).any():
            raise LedgerError("an order was booked with another amount in points than is redeemed")
        self._points.use(order_id, person, cents)
        self._journal.post(EntryKind.POINTS_REDEEMED, tick, order_id, person, cents)

    def expire_points(self, tick: int) -> int:
        """Write off the points that expire at ``tick`` or earlier; returns the cents."""
        person, cents = self._points.expire(tick)
        self._journal.post(EntryKind.POINTS_EXPIRED, tick, NO_ORDER, person, cents)
        return int(cents.sum())

    def refund(self, tick: int, clawback: bool | OfOrders) -> RefundSummary:
        """Refund every order whose ``refund_tick`` is ``tick`` and take back its commissions.

        Nobody is paid for a refunded order: what is not paid out yet is always taken back. With
        ``clawback``, for all orders or asked for each, so is what was paid, and the consumer owes
        it. What the order cost in points is given back in points, with the dates of expiry they
        had.
        """
        orders = self._orders.refund(tick)
        if len(orders.order_id) == 0:
            return NO_REFUNDS
        order_id, net = orders.order_id, orders.net_cents
        self._journal.post(EntryKind.REFUND, tick, order_id, orders.buyer, net)
        self._journal.post(EntryKind.POINTS_RETURNED, tick, *self._points.give_back(order_id))
        lines, place = self._lines.of_orders(order_id)
        paid = self._lines["state"][lines] == LineState.PAID
        lines = lines[~paid | _of_each(clawback, order_id)[place]]
        taken = self._take_back(tick, self._lines.standing(lines, *within_reach(True)))
        return RefundSummary(order_id, int(net.sum()), taken)

    def lower(
        self,
        tick: int,
        order_id: np.ndarray,
        recipient: np.ndarray,
        most_cents: np.ndarray,
        clawback: bool,
        part: int = 0,
    ) -> tuple[np.ndarray, int]:
        """Take back what commissions exceed ``most_cents``; what was paid only with ``clawback``.

        order_id : int64 (n,). recipient : int32 (n,). most_cents : int64 (n,), not negative, the
        most that the recipient's lines of this ``part`` keep of the order together. An order may
        have no commission. Returns which limits hold now, bool (n,), and the cents taken.
        """
        lines, row = self._lines.of_orders(order_id)
        state = self._lines["state"][lines]
        own = self._lines["recipient"][lines] == recipient[row]
        own &= (self._lines["part"][lines] == part) & np.isin(state, within_reach(True))
        lines, row, state = lines[own], row[own], state[own]
        amounts = self._lines["cents"][lines]
        excess = amounts - share_out(row, amounts, most_cents[row])
        taken = (excess > 0) & np.isin(state, within_reach(clawback))
        holds = np.ones(len(order_id), np.bool_)
        holds[row[(excess > 0) & ~taken]] = False
        return holds, self._take_back(tick, self._lines.split(lines[taken], excess[taken]))

    def commission_states(self) -> dict[str, int]:
        """Cents of commission lines by state, what accrued, and what limits refused (capped).

        Keys: accrued, then pending, held, approved, paid, clawed_back and cancelled, which add up
        to accrued at every moment, then capped, which never accrued.
        """
        posted = self._journal.posted
        states = {label(state): self._lines.cents_in[state] for state in LineState}
        accrued, capped = posted[EntryKind.COMMISSION], posted[EntryKind.CAPPED]
        return {"accrued": accrued, **states, "capped": capped}

    def check(self) -> None:
        """Compare accounts, wallets, commission lines, points and orders in total.

        Adds up everybody's wallets. No wallet can fall below zero between two checks, because the
        posting would be refused.

        Raises
        ------
        LedgerError
            Naming the two figures that should agree.
        """
        sums = self._journal.wallet_sums()
        check_books(self._journal, self._orders, self._lines, self._points, sums)

    def check_day(self) -> None:
        """Compare the same totals, those of wallets as they were added up while money moved.

        A wallet changed by anything but a posting is left to :meth:`check`. Raises as that does.
        """
        journal = self._journal
        others = self._points.left_cents, self._orders.points_cents
        figures = journal.postings.length, *self._lines.cents_in, *others
        if figures != self._checked:
            check_books(journal, self._orders, self._lines, self._points, journal.sums)
            self._checked = figures

    def reconcile(self) -> None:
        """Recompute everything person by person from postings, lines and lots, and compare.

        Takes time in proportion to the run; :meth:`check` is the daily one. Raises
        :class:`LedgerError` naming the first kind of posting or consumer that differs.
        """
        reconcile_books(self._journal, self._lines, self._points)
        self.check()

    def totals(self) -> dict[str, int]:
        """Balance of every account in cents, by account name, positive on its usual side.

        Revenue, inventory (stock used), points breakage and what is owed to people are usually in
        credit, the others in debit. Profit = revenue + points_breakage - discounts - refunds
        - cost_of_goods - commission_expense.
        """
        return self._journal.balances()

    def orders(self) -> Orders:
        """All orders booked so far, in the order of booking (read-only views)."""
        return self._orders.orders()

    def entries(self, dt: float = 1.0) -> pd.DataFrame:
        """Every double-entry line so far; ``dt`` is the length of a tick in days.

        Columns: :data:`sim.book_tables.ENTRY_COLUMNS`.
        """
        return entries_table(self._journal.postings, dt)

    def orders_frame(self, dt: float = 1.0) -> pd.DataFrame:
        """A row per order; ``dt`` is the length of a tick in days.

        Columns: :data:`sim.book_tables.ORDER_COLUMNS`.
        """
        return orders_table(self.orders(), self._orders.refunded_through, dt)

    def lines_frame(self, dt: float = 1.0) -> pd.DataFrame:
        """A row per commission line; ``dt`` is the length of a tick in days.

        Columns: order_id, recipient, level, part, cents, state (as in :meth:`commission_states`),
        held (a check froze it at first), in_points, day (it accrued), due_day (its hold ends).
        """
        return lines_table(self._lines, dt)

    def _approve(self, tick: int, rows: np.ndarray, points_expiry_tick: int | OfOrders) -> None:
        """Approve those of ``rows`` that are pending; issue the ones in points."""
        rows = self._lines.standing(rows, LineState.PENDING)
        if rows.size == 0:
            return
        self._post_lines(EntryKind.APPROVE, tick, rows)
        self._lines.move(rows, LineState.PENDING, LineState.APPROVED)
        in_points = self._lines["in_points"][rows]
        self._approved.append(rows[~in_points])
        rows = rows[in_points]
        if rows.size:
            expiry_tick = _of_each(points_expiry_tick, self._lines["order_id"][rows])
            if int(expiry_tick.min()) <= tick:
                raise LedgerError(
                    f"points issued at tick {tick} expire at tick {expiry_tick.min()}"
                )
            issued = self._settle(EntryKind.POINTS_ISSUED, tick, rows)
            self._points.issue(self._lines["recipient"][rows], issued, expiry_tick)

    def _settle(self, kind: EntryKind, tick: int, rows: np.ndarray) -> np.ndarray:
        """Settle approved lines: first what is owed, then as ``kind``; its cents, int64 (n,)."""
        recipient, amounts = self._lines["recipient"][rows], self._lines["cents"][rows]
        owed = self._journal.wallets["owed"][recipient]
        if owed.any():
            recovered = share_out(recipient, amounts, owed)
            self._post_lines(EntryKind.RECOVERY, tick, rows, recovered)
            amounts = amounts - recovered
        self._post_lines(kind, tick, rows, amounts)
        self._lines.move(rows, LineState.APPROVED, LineState.PAID)
        return amounts

    def _take_back(self, tick: int, rows: np.ndarray) -> int:
        """Cancel or claw back lines, each as its state asks for; the cents."""
        state = self._lines["state"][rows]
        for before, (kind, after) in _TAKEN_BACK.items():
            taken = rows[state == before]
            if taken.size:
                self._post_lines(kind, tick, taken)
                self._lines.move(taken, before, after)
        return int(self._lines["cents"][rows].sum())

    def _post_lines(
        self, kind: EntryKind, tick: int, rows: np.ndarray, amounts: np.ndarray | None = None
    ) -> None:
        """Post commission lines, in full or the ``amounts`` of each."""
        lines = self._lines
        cents = lines["cents"][rows] if amounts is None else amounts
        self._journal.post(kind, tick, lines["order_id"][rows], lines["recipient"][rows], cents)


def _of_each(term: bool | int | OfOrders, order_id: np.ndarray) -> np.ndarray:
    """A term of each order, (n,): the same for all, or asked for their ids."""
    return term(order_id) if callable(term) else np.full(len(order_id), term)
