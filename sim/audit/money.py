"""Invariants I1 to I8 of the literature sheet: what the books must keep under any scheme.

Each check settles histories of growing size in a fixed order, so the first one that breaks an
invariant is the smallest, and the same every time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sim.audit.attacks import chain
from sim.audit.histories import (
    COUNTS,
    History,
    Result,
    broken,
    followed,
    held,
    histories,
    money,
    not_applicable,
    refund_window,
    upwards,
)
from sim.audit.trial import Sale, Trial
from sim.incentives import JURISDICTIONS
from sim.ledger import LedgerError


def conservation(trial: Trial) -> Result:
    """I1: debits equal credits on every day, and an order is booked once."""
    for history in histories(trial):
        try:
            books = trial.settle(*history)
            books.ledger.reconcile()
        except LedgerError as error:
            return broken(trial, history, str(error))
        before = books.ledger.totals()
        try:
            books.ledger.book_orders(books.orders)
        except LedgerError:
            if books.ledger.totals() == before:
                continue
        return broken(trial, history, "the same orders can be booked twice")
    return held("debits equal credits on every day; orders booked again are refused")


def bound(trial: Trial) -> Result:
    """I2: orders pay no more than their stated bound, taken together and in any number."""
    bounds = stated_bounds(trial)
    most = 0
    for history in _product_histories(trial):
        books = trial.settle(*history)
        paid, allowed = books.per_order_cents, bounds[books.orders.product]
        total, limit = np.cumsum(paid), np.cumsum(allowed)
        wrong = np.flatnonzero(total > limit)
        if wrong.size:
            row = int(wrong[0])
            return broken(
                trial, (history[0], history[1][: row + 1]),
                f"{money(total[row])} paid on {row + 1} orders, the bound is {money(limit[row])}",
            )  # fmt: skip
        most = max(most, int((paid - allowed).max(initial=0)))
    if most > 0:
        return held(
            f"on average: an order carries up to {money(most)} above it that earlier ones left"
        )
    return held("an order never paid more than stated")


DAILY = 12
"""Most orders that are also tried one a day, for pay that looks at the days before."""


def stated_bounds(trial: Trial) -> np.ndarray:
    """Most that the scheme says an order of each product earns, rounded, int64 (P,)."""
    stated = trial.scheme.bound_cents(trial.market()[0])
    return np.floor(np.asarray(stated, np.float64) + 0.5 + 1e-6).astype(np.int64)


def seen_averages(trial: Trial) -> np.ndarray:
    """Most that orders of each product were seen to earn on average, rounded up, int64 (P,).

    Higher than what is stated where a scheme of one's own pays more with time than its offer says.
    """
    most = np.zeros(len(trial.shop.prices_cents), np.int64)
    unlimited = trial.but(budget=None)
    for people, sales in _product_histories(trial):
        books = unlimited.settle(people, sales)
        product = int(books.orders.product[0])
        paid = np.cumsum(books.per_order_cents)
        averages = -(-paid // np.arange(1, len(paid) + 1))
        most[product] = max(most[product], int(averages.max(initial=0)))
    return most


def _product_histories(trial: Trial) -> Iterator[History]:
    """Orders of every product, by new and by old customers, ever more through one person."""
    for count in COUNTS:
        for product in range(len(trial.shop.prices_cents)):
            for new in (True, False):
                people, sales = upwards(trial, count)
                yield people, [sale._replace(product=product, new=new) for sale in sales]
                if 1 < count <= DAILY:
                    yield (
                        people,
                        [
                            sale._replace(product=product, new=new, day=day)
                            for day, sale in enumerate(sales)
                        ],
                    )


def budget(trial: Trial) -> Result:
    """I3: a tight budget is never exceeded, whatever the order of rows."""
    for count in (4, 120):
        history = upwards(trial, count)
        spent = trial.but(budget=None).settle(*history).spent_cents[-1]
        if spent:
            break
    else:
        return not_applicable("it pays nothing")
    # A budget below one commission is refused as wrong input.
    least = math.ceil(max(spent / count, float(trial.offer().reward_cents.max())))
    for limit in (least, least + spent // 8, 2 * least + spent // 8):
        tight = trial.but(budget=limit / 100)
        books, again = tight.settle(*history), tight.settle(*history, backwards=True)
        paid = int(books.earned_cents.sum() + books.orders.discount_cents.sum())
        most = max(paid, *books.spent_cents)
        if most > limit:
            return broken(trial, history, f"{money(most)} spent of {money(limit)} budget")
        if (books.earned_cents != again.earned_cents).any():
            return broken(trial, history, "who gets the end of the budget depends on row order")
    return held("also with orders at the same time; the last payment is made in part")


def levels(trial: Trial) -> Result:
    """I4: nobody further up than the paid levels earns, and the law allows that many."""
    paid = trial.scheme.paid_levels
    jurisdiction = trial.shop.jurisdiction
    allowed = JURISDICTIONS[jurisdiction]
    if allowed is not None and paid > allowed:
        return Result(
            "broken",
            f"pays {paid} levels, jurisdiction {jurisdiction} allows {allowed}",
            (f"levels paid: {paid}", f"allowed in {jurisdiction}: {allowed}"),
        )
    history = upwards(trial, 1, above=2)
    standing = trial.settle(*history).standing
    distance = history[1][0].sponsor - standing.recipient + 1
    if ((distance > paid) | (standing.level > paid)).any():
        return broken(trial, history, f"somebody {int(distance.max())} levels up is paid")
    narrow = [name for name, most in JURISDICTIONS.items() if most is not None and paid > most]
    refused = f"; refused in {', '.join(narrow)}" if narrow else "; allowed in every profile"
    return held(f"pays {paid} {'level' if paid == 1 else 'levels'}{refused}")


def _unlinked(trial: Trial) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Shares of pay without a standing sale, with the history, for histories without one."""
    days, window = followed(trial), refund_window(trial)
    for count in (1, 12):
        people, sales = upwards(trial, count)
        everybody = range(len(people))
        usual = trial.settle(people, sales, days=days).taken_cents(everybody)
        nothing = [sale._replace(buyer=0, sponsor=-1, team=False) for sale in sales]
        sent_back = [sale._replace(sent_back=window) for sale in sales]
        for history in ([], nothing, *([sent_back] if window else [])):
            paid = trial.settle(people, history, days=days).taken_cents(everybody)
            share = paid / max(usual, paid) if paid else 0.0
            lines = trial.describe(people, history) if history else ["they join, nobody buys"]
            yield share, (*lines, f"{money(paid)} paid, 0.00 expected")


def sales_only(trial: Trial) -> Result:
    """I5: nothing is paid without a sale that stands."""
    for share, told in _unlinked(trial):
        if share > 0:
            return Result("broken", f"{share:.0%} of the pay needs no sale that stands", told)
    return held("no pay for sign-ups, for orders without a link, or for orders sent back")


def refunds(trial: Trial) -> Result:
    """I6: a refund takes back what its order earned, whatever the order of events."""
    days = refund_window(trial)
    if not days:
        return not_applicable("nothing can be sent back")
    for count in (1, 3, 12):
        for row in sorted({0, count // 2, count - 1}):
            people, sales = upwards(trial, count)
            sales[row] = sales[row]._replace(sent_back=days)
            result = _refund_of(trial, (people, sales), row)
            if result is not None:
                return result
    return _order_of_refunds(trial, days)


def _refund_of(trial: Trial, history: History, row: int) -> Result | None:
    """What is wrong after order ``row`` was sent back; None if nothing."""
    kept = [sale._replace(sent_back=None) for sale in history[1]]
    days = followed(trial)
    before = trial.settle(history[0], kept, days=days).per_order_cents
    after = trial.settle(*history, days=days).per_order_cents
    if after[row] > 0:
        return broken(trial, history, f"{money(after[row])} stays paid on the order, 0.00 expected")
    if after.sum() > before.sum():
        return broken(
            trial, history,
            f"all orders earn {money(after.sum())}, without the refund {money(before.sum())}",
        )  # fmt: skip
    return None


def _order_of_refunds(trial: Trial, days: int) -> Result:
    """Whether two refunds of one person's orders leave the same whichever comes first."""
    people, sales = upwards(trial, 6)
    outcomes = []
    for first, second in ((1, days), (days, 1)):
        changed = list(sales)
        changed[0] = changed[0]._replace(sent_back=first)
        changed[5] = changed[5]._replace(sent_back=second)
        outcomes.append(trial.settle(people, changed, days=followed(trial)).earned_cents)
    # A prize in whole cents does not divide evenly: one order can carry a cent more than another.
    if (np.abs(outcomes[0] - outcomes[1]) > 1).any():
        return broken(trial, (people, changed), "pay depends on which refund comes first")
    return held("whenever it comes, also after the payout")


def sponsors(trial: Trial) -> Result:
    """I7: a level of an order has one recipient, the first its sponsor, none the buyer."""
    self_referral = ((-1, 0), [Sale(1, 1, team=False), Sale(1, 1, new=False, team=False)])
    books = trial.settle(*self_referral)
    if books.taken_cents([1]):
        return broken(trial, self_referral, f"{money(books.taken_cents([1]))} for buying oneself")
    circle = (chain(4), [Sale(0, 3, new=False)])
    if (trial.settle(*circle).standing.recipient == 0).any():
        return broken(trial, circle, "the buyer is paid for her own order")
    history = upwards(trial, 2, above=1)
    standing = trial.settle(*history).standing
    if (standing.recipient[standing.level == 1] != history[1][0].sponsor).any():
        return broken(trial, history, "level 1 is paid to somebody else than the sponsor")
    levels = set(zip(standing.order, standing.level, strict=True))
    recipients = set(zip(standing.order, standing.level, standing.recipient, strict=True))
    if len(recipients) > len(levels):
        return broken(trial, history, "two people are paid for one level of one order")
    return held("the buyer is never paid; each level of an order has one recipient")


def balances(trial: Trial) -> Result:
    """I8: nobody ends below zero, but for a debt after a refund."""
    for history in histories(trial):
        books = trial.settle(*history)
        sent_back = any(sale.sent_back is not None for sale in history[1])
        discounts = books.orders.discount_cents
        if (discounts < 0).any() or (discounts > books.orders.price_cents).any():
            return broken(trial, history, "a discount is negative or above the price")
        if books.lowest_cents < 0 or (books.ledger.owed_cents.any() and not sent_back):
            return broken(trial, history, f"somebody stands at {money(books.lowest_cents)}")
    return held("but for what is owed after a refund, which the books show")


def unlinked_share(trial: Trial) -> float:
    """Pay without a standing sale as a share of the pay of the same sales; 0 as it should be."""
    return max((share for share, _ in _unlinked(trial)), default=0.0)
