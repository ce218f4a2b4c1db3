"""The histories that the invariants are tried on, and how a result is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from sim.audit.attacks import chain
from sim.audit.trial import Sale, Trial

Status = Literal["held", "broken", "n.a."]
People = Sequence[int]
History = tuple[People, list[Sale]]

COUNTS = (1, 2, 4, 10, 30, 120)
"""Numbers of orders that are tried, smallest first."""


class Result(NamedTuple):
    """What became of one invariant: a sentence, and the smallest counter-example if broken."""

    status: Status
    detail: str
    example: tuple[str, ...] = ()


def held(detail: str) -> Result:
    """It was kept."""
    return Result("held", detail)


def not_applicable(detail: str) -> Result:
    """It says nothing about this scheme."""
    return Result("n.a.", detail)


def broken(trial: Trial, history: History, detail: str) -> Result:
    """It was broken in a history."""
    return Result("broken", detail, (*trial.describe(*history), detail))


def money(cents: float) -> str:
    """Cents as currency units."""
    return f"{cents / 100:.2f}"


def refund_window(trial: Trial) -> int:
    """Days within which the product can be sent back; 0 for none."""
    return trial.shop.refund_days[trial.product]


def upwards(trial: Trial, sales: int, above: int = 0) -> History:
    """Orders of new customers through the last person of a chain.

    The chain has a person for every paid level, at least one, and ``above`` more.
    """
    people = chain(max(1, trial.scheme.paid_levels) + above)
    last, first = len(people) - 1, len(people)
    return (*people, *[last] * sales), [Sale(first + i, last) for i in range(sales)]


def histories(trial: Trial) -> Iterator[History]:
    """A few histories with new and old customers, several levels, and refunds."""
    for sales in (1, 3, 12):
        yield upwards(trial, sales)
    people, sold = upwards(trial, 6)
    yield people, [sale._replace(new=i % 2 == 0, day=i) for i, sale in enumerate(sold)]
    days = refund_window(trial)
    if days:
        yield (
            people,
            [
                sale._replace(day=i, sent_back=1 + i % days if i % 2 else None)
                for i, sale in enumerate(sold)
            ],
        )


def followed(trial: Trial) -> int:
    """Days after which refunds and bonuses of orders of the first day are over."""
    return refund_window(trial) + trial.wait_days + 1
