"""The invariants a commission engine must keep (literature sheet, I1 to I14), as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sim.audit import money, properties
from sim.audit.histories import Result, Status
from sim.audit.trial import Trial

INVARIANTS: dict[str, tuple[str, Callable[[Trial], Result]]] = {
    "I1": ("money is conserved, an order is booked once", money.conservation),
    "I2": ("orders pay no more than their bound", money.bound),
    "I3": ("the budget is never exceeded", money.budget),
    "I4": ("levels stay within the cap and the law", money.levels),
    "I5": ("only sales pay", money.sales_only),
    "I6": ("a refund takes back what its order earned", money.refunds),
    "I7": ("one sponsor an order, never the buyer", money.sponsors),
    "I8": ("nobody ends below zero by taking part", money.balances),
    "I9": ("one more sale lowers nobody's pay above it", properties.more_sales),
    "I10": ("false names between a friend and you do not pay", properties.false_names),
    "I11": ("names and the order of rows do not matter", properties.exchange),
    "I12": ("a lottery pays what it states", properties.lottery),
    "I13": ("a team pays only when it is complete", properties.teams),
    "I14": ("tiers are crossed once, points add up", properties.tiers_and_points),
}
"""What each says, and the check that tries it."""

HARD = frozenset({"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I11", "I13"})
"""Invariants that no scheme may break; the others are properties one may choose to give up."""


class Finding(NamedTuple):
    """What became of one invariant.

    invariant : "I1" to "I14". title : what it says. status : "held", "broken" or "n.a.".
    detail : one sentence. example : the smallest counter-example, line by line; empty unless
    broken.
    """

    invariant: str
    title: str
    status: Status
    detail: str
    example: tuple[str, ...] = ()

    @property
    def is_hard(self) -> bool:
        """Whether no scheme may break it."""
        return self.invariant in HARD


def find(invariant: str, trial: Trial) -> Finding:
    """What becomes of one of INVARIANTS under the scheme of a trial."""
    title, check = INVARIANTS[invariant]
    return Finding(invariant, title, *check(trial))
