"""What people who play false can take out of a programme, settled as made-up histories.

An attacker is a member with up to five identities of her own invention, each of them a member
too: the worst case. What an identity costs her is subtracted by whoever reads the figures.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.audit.trial import PERIOD_DAYS, Sale, Trial
from sim.quantities import cents

MOST_IDENTITIES = 5
ORDERS_A_PERIOD = 4
"""Orders one person makes anyway in a period: one a week."""

_GENUINE_SALES = (1, 10)
_FLOOD = 16_000  # orders of an attacker who buys without end
_LOTS = 100  # orders sent back where prizes are drawn


class FalseNames(NamedTuple):
    """What ``identities`` invented people bring their owner, in cents.

    self_cents : on one order of her own, bought by the last of a chain of them.
    star_cents : on as many orders of her own, each bought by another of them through her link.
    chain_cents : on one order of a friend, when they stand between him and her; more than the
    same order brings her without them. split_cents : on ten orders of friends, when they share
    the links with her; more than the same orders bring her alone.
    """

    identities: int
    self_cents: int
    star_cents: int
    chain_cents: int
    split_cents: int


class Ring(NamedTuple):
    """What people take who buy through each other's links what they buy anyway, in cents.

    total_cents : in a period in which each buys ORDERS_A_PERIOD times, the first time as a new
    customer. per_order_cents : the same by order.
    """

    members: int
    per_order_cents: float
    total_cents: int


class Phantom(NamedTuple):
    """What an attacker holds after she bought through her own links and sent everything back.

    orders : how many. kept_cents : paid out to her. owed_cents : of that, what the books say she
    owes; it is lost if she walks away.
    """

    orders: int
    kept_cents: int
    owed_cents: int


def chain(length: int) -> tuple[int, ...]:
    """``length`` people, each referred by the one before."""
    return tuple(range(-1, length - 1))


def false_names(trial: Trial) -> tuple[FalseNames, ...]:
    """G(1) to G(MOST_IDENTITIES) (invariant I10 of the literature sheet)."""
    return tuple(
        FalseNames(
            k,
            round(self_purchase(trial, k)),
            round(_star(trial, k)),
            max(round(chain_gain(trial, k, n) / n) for n in _GENUINE_SALES),
            round(_split(trial, k)),
        )
        for k in range(1, MOST_IDENTITIES + 1)
    )


def self_purchase(trial: Trial, identities: int) -> float:
    """Cents that one order brings its buyer when it goes through a chain of her identities."""
    # The buyer has the same number for any length of chain, so that a lottery draws the same.
    people = (*chain(identities), *[0] * (MOST_IDENTITIES - identities), identities - 1)
    sale = Sale(MOST_IDENTITIES, identities - 1)
    return trial.gain_cents(people, [sale], range(MOST_IDENTITIES + 1))


def chain_history(identities: int, sales: int) -> tuple[tuple[int, ...], list[Sale]]:
    """Orders of genuine friends through the last of a chain of false names below person 0."""
    idle = MOST_IDENTITIES - identities
    people = (*chain(identities + 1), *[0] * idle, *[identities] * sales)
    return people, [Sale(MOST_IDENTITIES + 1 + i, identities) for i in range(sales)]


def chain_gain(trial: Trial, identities: int, sales: int) -> float:
    """Cents that ``sales`` orders of genuine friends bring more with false names in between."""
    names = range(MOST_IDENTITIES + 1)
    with_names = trial.gain_cents(*chain_history(identities, sales), names)
    return with_names - trial.gain_cents(*chain_history(0, sales), names)


def rings(trial: Trial) -> tuple[Ring, ...]:
    """What rings of two to MOST_IDENTITIES people take."""
    found = []
    for members in range(2, MOST_IDENTITIES + 1):
        sales = [
            Sale(who, (who - 1) % members, 7 * week, new=week == 0)
            for week in range(ORDERS_A_PERIOD)
            for who in range(members)
        ]
        total = trial.gain_cents(chain(members), sales, range(members))
        found.append(Ring(members, total / len(sales), round(total)))
    return tuple(found)


def phantom(trial: Trial) -> Phantom | None:
    """What orders bring that are sent back on the last day; None where nothing can be sent back."""
    window = trial.shop.refund_days[trial.product]
    if not window:
        return None
    scheme = trial.scheme
    reward = self_purchase(trial, 1)
    minimum = cents(scheme.minimum_payout, "minimum_payout")
    count = 1 + (math.ceil(minimum / reward) if reward else 0)
    count += _LOTS if trial.is_uncertain else 0
    sales = [Sale(1 + i, 0, sent_back=window) for i in range(count)]
    followed = window + scheme.hold_days + scheme.payout_every_days + PERIOD_DAYS
    books = trial.settle((-1,) + (0,) * count, sales, days=followed)
    return Phantom(count, int(books.ledger.paid_cents[0]), int(books.ledger.owed_cents[0]))


def most_per_attacker(trial: Trial) -> int | None:
    """Most cents that an attacker with MOST_IDENTITIES takes in a period; None without a limit.

    All her identities buy through each other's links, thousands of orders. Where half as many
    bring the same, that is the limit; a budget or a cap that is not reached by then counts as well.
    """
    scheme = trial.scheme
    names = MOST_IDENTITIES + 1
    taken = _flood(trial, names, _FLOOD)
    if taken == _flood(trial, names, _FLOOD // 2):
        return taken
    limits = [] if scheme.budget is None else [cents(scheme.budget, "budget")]
    if scheme.cap_per_person is not None and not trial.offer().friend_cents.any():
        limits.append(names * cents(scheme.cap_per_person, "cap_per_person"))
    return min(limits, default=None)


def _star(trial: Trial, identities: int) -> float:
    sales = [Sale(1 + i, 0) for i in range(identities)]
    return trial.gain_cents((-1, *[0] * identities), sales, range(identities + 1))


def _split(trial: Trial, identities: int) -> float:
    count = max(_GENUINE_SALES)
    people = (-1, *[0] * (identities + count))
    alone = [Sale(identities + 1 + i, 0) for i in range(count)]
    shared = [sale._replace(sponsor=i % (identities + 1)) for i, sale in enumerate(alone)]
    names = range(identities + 1)
    return trial.gain_cents(people, shared, names) - trial.gain_cents(people, alone, names)


def _flood(trial: Trial, names: int, orders: int) -> int:
    """What ``names`` identities of one person take by ``orders`` orders on one day."""
    sales = [Sale(i % names, (i - 1) % names, new=0 < i < names) for i in range(orders)]
    return trial.settle(chain(names), sales).taken_cents(range(names))
