"""Do the books agree? Accounts, wallets, orders, commission lines and points against each other."""

from __future__ import annotations

import functools
from itertools import islice

import numpy as np

from sim.accounts import WALLETS, EntryKind
from sim.commission_lines import LineState, LineTable
from sim.journal import Journal, LedgerError, balances_of, compare
from sim.order_book import OrderBook
from sim.points import PointLots


def check_books(
    journal: Journal,
    orders: OrderBook,
    lines: LineTable,
    points: PointLots,
    sums: dict[str, int],
) -> None:
    """Compare all totals. Raises LedgerError naming the two figures that should agree.

    sums : cents in all wallets, by the names of :data:`sim.accounts.WALLETS`.
    """
    figures = [
        *journal.posted, *sums.values(), *lines.cents_in, points.left_cents, orders.points_cents,
    ]  # fmt: skip
    if np.count_nonzero(_differences() @ np.array(figures)):
        for claim, left, right in _claims(figures):
            if left != right:
                raise LedgerError(f"the books do not agree: {claim}, but {left} != {right} cents")


@functools.cache
def _differences() -> np.ndarray:
    """What makes of figures the differences of :func:`_claims`, int64 (claims, figures).

    Both sides of a claim are sums of figures, so each column is what the claims say of one cent.
    """
    cents = np.eye(len(EntryKind) + len(WALLETS) + len(LineState) + 2, dtype=np.int64)
    return np.array([[left - right for _, left, right in _claims(one)] for one in cents.tolist()]).T


def _claims(figures: list[int]) -> list[tuple[str, int, int]]:
    """What must be equal: how it is called, and the two sums of figures.

    figures : cents posted by kind, in wallets, in lines by state, in lots of points, and points
    that orders cost.
    """
    cents = iter(figures)
    posted = list(islice(cents, len(EntryKind)))
    sums = dict(zip(WALLETS, islice(cents, len(WALLETS)), strict=True))
    standing = list(islice(cents, len(LineState)))
    points_left, points_spent = cents
    balance = balances_of(posted)
    pending, held, approved = sums["pending"], sums["held"], sums["approved"]
    paid_not_owed = sums["paid"] - sums["owed"]
    takings = balance["revenue"] - balance["discounts"] - balance["refunds"]
    redeemed = posted[EntryKind.POINTS_REDEEMED]
    spent_points = redeemed - posted[EntryKind.POINTS_RETURNED]
    cash = takings + balance["deposits"] - posted[EntryKind.PAYOUT] - spent_points
    cancelled = posted[EntryKind.CANCEL] + posted[EntryKind.REJECT]
    clawed_back = posted[EntryKind.CLAWBACK] + posted[EntryKind.DEBT]
    return [
        ("pending = wallets", balance["commission_pending"], pending),
        ("pending = lines", pending, standing[LineState.PENDING]),
        ("held = wallets", balance["commission_held"], held),
        ("held = lines", held, standing[LineState.HELD]),
        ("payable = wallets", balance["commission_payable"], approved),
        ("payable = lines", approved, standing[LineState.APPROVED]),
        ("receivable = owed", balance["commission_receivable"], sums["owed"]),
        ("paid less owed = lines", paid_not_owed, standing[LineState.PAID]),
        ("cancelled = lines", cancelled, standing[LineState.CANCELLED]),
        ("clawed back = lines", clawed_back, standing[LineState.CLAWED_BACK]),
        ("accrued = all lines", posted[EntryKind.COMMISSION], sum(standing)),
        ("commission expense = earned", balance["commission_expense"],
         pending + held + approved + paid_not_owed),
        ("points liability = wallets", balance["points_liability"], sums["points"]),
        ("points liability = lots", sums["points"], points_left),
        ("points redeemed = points of orders", redeemed, points_spent),
        ("deposits = wallets", balance["deposits"], sums["deposit"]),
        ("capped = wallets", balance["capped_claims"], sums["capped"]),
        ("cash = takings + deposits - payouts - points spent", balance["cash"], cash),
        ("cost of goods = stock used", balance["cost_of_goods"], balance["inventory"]),
    ]  # fmt: skip


def reconcile_books(journal: Journal, lines: LineTable, points: PointLots) -> None:
    """Recompute wallets from postings, lines and lots, person by person, and compare.

    Raises LedgerError naming the first kind of posting or consumer that differs.
    """
    journal.reconcile()
    wallets, size = journal.wallets, journal.size
    for name, kept, state in (
        ("pending", wallets["pending"], LineState.PENDING),
        ("held", wallets["held"], LineState.HELD),
        ("approved", wallets["approved"], LineState.APPROVED),
        ("paid less owed", wallets["paid"] - wallets["owed"], LineState.PAID),
        ("cancelled", journal.per_person(EntryKind.CANCEL, EntryKind.REJECT), LineState.CANCELLED),
        ("clawed back", journal.per_person(EntryKind.CLAWBACK, EntryKind.DEBT),
         LineState.CLAWED_BACK),
    ):  # fmt: skip
        compare(name, kept, lines.per_person(size, state), "the lines")
    compare("points", wallets["points"], points.per_person(size), "the lots")
