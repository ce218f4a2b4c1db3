"""Invariants I9 to I14 of the literature sheet: how pay responds to sales, names and chance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.audit.attacks import MOST_IDENTITIES, chain, chain_gain, chain_history
from sim.audit.histories import (
    COUNTS,
    People,
    Result,
    broken,
    held,
    money,
    not_applicable,
    refund_window,
    upwards,
)
from sim.audit.trial import DRAWS, PERIOD_DAYS, Books, Sale, Trial

_LOTTERY_ERRORS = 4.5  # standard errors; a fair lottery strays further once in 150,000 audits


def more_sales(trial: Trial) -> Result:
    """I9: a further sale lowers nobody's pay above it."""
    through = (1, 2) if trial.scheme.paid_levels else (1,)
    for count in (0, *COUNTS):
        for base in _bases(count):
            people = (*chain(3), *[2] * (count + 1))
            fewer = [Sale(3 + i, sponsor) for i, sponsor in enumerate(base)]
            before = trial.settle(people, fewer).earned_cents
            for place in sorted({0, count}):
                for sponsor in through:
                    more = [*fewer[:place], Sale(3 + count, sponsor), *fewer[place:]]
                    after = trial.settle(people, more).earned_cents
                    lower = np.flatnonzero(after[: sponsor + 1] < before[: sponsor + 1])
                    if lower.size:
                        who = int(lower[0])
                        return broken(
                            trial, (people[:3], more),
                            f"with order {place + 1} of these person {who} earns "
                            f"{money(after[who])}, without it {money(before[who])}",
                        )  # fmt: skip
    return held(f"in histories of up to {COUNTS[-1]} orders")


def _bases(count: int) -> Iterator[list[int]]:
    """Sponsors of ``count`` orders: one person, the one below her, or both in turn."""
    yield [1] * count
    if count:
        yield [2] * count
    if count > 1:
        yield [1 + i % 2 for i in range(count)]


def false_names(trial: Trial) -> Result:
    """I10: false names between a genuine friend and oneself do not pay."""
    for sales in (1, 2, 10):
        direct = trial.gain_cents(*chain_history(0, sales), [0])
        for names in range(1, MOST_IDENTITIES + 1):
            gain = chain_gain(trial, names, sales)
            if gain > 0:
                history = chain_history(names, sales)
                return broken(
                    trial, history,
                    f"{names} false {'name' if names == 1 else 'names'} below person 0: "
                    f"{money(direct + gain)} for her, {money(direct)} without",
                )  # fmt: skip
    if not direct:
        return not_applicable("no sharer is paid")
    return held(f"with up to {MOST_IDENTITIES} of them")


def exchange(trial: Trial) -> Result:
    """I11: pay does not depend on names or on the order of rows."""
    people = (-1, -1, 0, 1, *[2] * 7)
    history = people, [Sale(4 + i, sponsor) for i, sponsor in enumerate((0, 1, 2, 3, 2, 1, 0))]
    forwards, backwards = trial.settle(*history), trial.settle(*history, backwards=True)
    if (forwards.earned_cents != backwards.earned_cents).any():
        return broken(trial, history, "another order of the rows pays other people")
    if trial.is_uncertain:
        return held("for the order of rows; a lottery draws anew for other names")
    size = len(people)
    renamed = tuple(-1 if above < 0 else size - 1 - above for above in reversed(people))
    sales = [
        sale._replace(buyer=size - 1 - sale.buyer, sponsor=size - 1 - sale.sponsor)
        for sale in history[1]
    ]
    other = trial.settle(renamed, sales)
    if (other.earned_cents[::-1] != forwards.earned_cents).any():
        return broken(trial, history, "the same history under other names pays other amounts")
    return held("orders of one moment count by their ids")


def lottery(trial: Trial) -> Result:
    """I12: prizes have the stated expectation, and the same history draws the same."""
    offer = trial.offer()
    if not trial.is_uncertain:
        return not_applicable("nothing is left to chance")
    unlimited = trial.but(budget=None, cap_per_person=None, cap_period_days=None)
    people = (-1, *[0] * DRAWS)
    sales = [Sale(1 + i, 0) for i in range(DRAWS)]
    books = unlimited.settle(people, sales, days=0)
    again = unlimited.settle(people, sales, days=0)
    if not _same(books, again):
        return Result("broken", "the same history draws other prizes", ("settled twice",))
    for what, drawn, stated in (
        ("reward", books.per_order_cents, float(np.max(offer.reward_cents[trial.product]))),
        ("discount", books.orders.discount_cents, float(offer.friend_cents[trial.product])),
    ):
        error = float(np.std(drawn)) / DRAWS**0.5
        if abs(float(np.mean(drawn)) - stated) > _LOTTERY_ERRORS * error + 1:
            detail = (
                f"{what}: {money(float(np.mean(drawn)))} on average of {DRAWS} orders, "
                f"{money(stated)} is stated"
            )
            return Result("broken", detail, (f"{DRAWS} orders through person 0", detail))
    return held(f"on average of {DRAWS} orders; draws repeat")


def _same(one: Books, other: Books) -> bool:
    return bool(
        (one.earned_cents == other.earned_cents).all()
        and (one.orders.discount_cents == other.orders.discount_cents).all()
    )


def teams(trial: Trial) -> Result:
    """I13: who is not in a complete team gets nothing, who is gets what was promised."""
    scheme = trial.scheme
    if not scheme.for_teams:
        return not_applicable("no teams")
    if not all(part.for_teams for part in scheme.components):
        return not_applicable("other parts pay for orders outside teams")
    people, sales = upwards(trial, 2)
    incomplete = people, [sale._replace(team=False) for sale in sales]
    paid = trial.settle(*incomplete).taken_cents(range(len(people)))
    if paid:
        return broken(trial, incomplete, f"{money(paid)} without a complete team, 0.00 expected")
    if not trial.settle(people, sales).taken_cents(range(len(people))):
        return broken(trial, (people, sales), "a complete team gets nothing")
    return held("orders outside a complete team earn nothing and cost the full price")


def tiers_and_points(trial: Trial) -> Result:
    """I14: the same sales reach the same tiers however they fall, and points add up."""
    results = [result for result in (_tiers(trial), _points(trial)) if result is not None]
    wrong = [result for result in results if result.status == "broken"]
    if wrong or not results:
        return wrong[0] if wrong else not_applicable("no tiers, no points")
    return held("; ".join(result.detail for result in results))


def _tiers(trial: Trial) -> Result | None:
    """Thirty sales on one day against three a day; None if pay does not depend on their number."""
    if trial.is_uncertain:
        return None
    first = -trial.scheme.start_day % PERIOD_DAYS  # both within one month of the schemes
    people = (*chain(2), *[1] * 30)
    on_one_day = [Sale(2 + i, 1, day=first) for i in range(30)]
    over_days = [sale._replace(day=first + i // 3) for i, sale in enumerate(on_one_day)]
    shared = (-1, *[0] * 60)
    apart = [Sale(31 + i, 1 + i, day=sale.day) for i, sale in enumerate(on_one_day)]
    apart_over_days = [Sale(31 + i, 1 + i, day=sale.day) for i, sale in enumerate(over_days)]
    at_once, in_turn = _total(trial, people, on_one_day), _total(trial, people, over_days)
    alone = _total(trial, shared, apart)
    if alone != _total(trial, shared, apart_over_days) or at_once == in_turn == alone:
        return None
    if in_turn != at_once:
        return broken(
            trial, (people, on_one_day),
            f"{money(at_once)} for the sharers, but {money(in_turn)} for three sales a day",
        )  # fmt: skip
    return held("thirty sales earn the same on one day and over ten")


def _total(trial: Trial, people: People, sales: list[Sale]) -> int:
    return int(trial.settle(people, sales).earned_cents.sum())


def _points(trial: Trial) -> Result | None:
    """Points issued, redeemed, returned and expired against the liability; None without points."""
    people, sales = upwards(trial, 4)
    sharer, later = sales[0].sponsor, trial.scheme.hold_days + 2
    window = refund_window(trial)
    for sent_back in (None, window) if window else (None,):
        own = Sale(sharer, -1, day=later, new=False, sent_back=sent_back)
        history = people, [*sales, own]
        ledger = trial.settle(*history, days=later + window + PERIOD_DAYS).ledger
        lines = ledger.entries()
        lines = lines[lines["account"] == "points_liability"]
        if lines.empty:
            return None
        moved = int(lines["credit_cents"].sum() - lines["debit_cents"].sum())
        owed = ledger.totals()["points_liability"]
        if not moved == owed == int(ledger.points_cents.sum()):
            return broken(
                trial, history, f"{money(owed)} owed in points, the books move {money(moved)}"
            )
    return held("points owed = issued - redeemed - expired + returned")
