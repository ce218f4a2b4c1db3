"""Upper bounds of the rules that everybody is asked about every day.

A draw above the bound decides against without the rule, and most draws are: one comparison then
stands for the exponentials of the rule and for everything it reads of a consumer. Results are
those of the rules, to the bit. Only the compiled phases use bounds; where a rule is replaced,
nothing is known of it, and its bound is infinite.
"""

from __future__ import annotations

import math

from sim._jit import rule
from sim.rules import BUILT_IN, LARGEST_EXPONENT, Rules

ROUNDING = 1.0 + 1e-9
"""Room for the rounding of a rule's own arithmetic, far more than its few operations take."""


@rule
def repeat_at_most(c, rate, dt):
    """Bound of :func:`sim.rules.repeat` over all satisfactions: rate exp(|c.satisfaction|) dt.

    1 - exp(-x) <= x. rate : an upper bound of the orders per day, >= 0. dt : days, > 0.
    """
    return rate * math.exp(abs(c.satisfaction)) * dt * ROUNDING


@rule
def lapse_multiplier_at_most(c, fatigue_lapse, fatigue):
    """Bound of :func:`sim.rules.lapse_multiplier` over everything but fatigue.

    exp(|c.satisfaction| + max(0, -c.friends) + fatigue_lapse fatigue) max(1, c.earnings)
    max(1, c.referrer)

    fatigue : messages felt beyond the level people bear. fatigue_lapse : its weight, >= 0.
    """
    exponent = abs(c.satisfaction) + max(0.0, -c.friends) + fatigue_lapse * fatigue
    largest = math.exp(min(exponent, LARGEST_EXPONENT))
    return largest * max(1.0, c.earnings) * max(1.0, c.referrer) * ROUNDING


def no_bound(c, first, second):
    """The bound of a rule of which nothing is known."""
    return math.inf


DEPENDS_ON = {
    "repeat_at_most": ("repeat", "chance", "satisfaction"),
    "lapse_multiplier_at_most": ("lapse_multiplier", "happens", "chance", "satisfaction"),
}
"""Bounds, and the rules that must be the built-in ones for each to hold."""


def lost_bounds(rules: Rules) -> list[str]:
    """The bounds that do not hold for ``rules``."""
    return [
        bound
        for bound, slots in DEPENDS_ON.items()
        if any(getattr(rules, slot) is not getattr(BUILT_IN, slot) for slot in slots)
    ]
