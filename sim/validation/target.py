"""What a validation target is: a claim, where it comes from, how it is measured, and its band.

A target is data. Its ``measure`` runs the simulator and returns a :class:`Finding`: numbers, each
beside the band it must lie in, and curves for the page. Its ``plant`` is an error in the source
that must make the target fail: a check that cannot fail shows nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

Kind = Literal["L", "S", "P", "Q", "R"]

KINDS: dict[Kind, str] = {
    "L": "analytic limits",
    "P": "properties",
    "Q": "statistical quality",
    "S": "stylised facts",
    "R": "real data",
}
"""Classes of targets, in the order of the page; the letters are those of the literature sheet."""


class Reading(NamedTuple):
    """One measured number and the band that it must lie in, both ends included."""

    what: str  # what the number is, with its unit
    measured: float
    low: float
    high: float
    expected: float | None = None  # the value theory or a source gives, where it is one number

    @property
    def holds(self) -> bool:
        """Whether the number lies in its band; nan never does."""
        return bool(self.low <= self.measured <= self.high)

    @property
    def room(self) -> float:
        """Room left in the band: 1 where it is expected, 0 at an end, below 0 outside it.

        Where nothing is expected, the middle of the band is. -inf for nan.
        """
        if math.isnan(self.measured):
            return -math.inf
        centre = (self.low + self.high) / 2 if self.expected is None else self.expected
        away = abs(self.measured - centre)
        side = self.high - centre if self.measured >= centre else centre - self.low
        if not math.isfinite(centre) or side == math.inf:
            return 1.0 if self.holds else -1.0
        return 1.0 if away == 0 else 1 - away / side if side > 0 else -math.inf


class Curve(NamedTuple):
    """A line or points of a target's picture."""

    name: str
    x: np.ndarray  # float64 (n,)
    y: np.ndarray  # float64 (n,)
    theory: bool = False  # drawn as a line; what was simulated is drawn as points


class Picture(NamedTuple):
    """What the page draws for a target."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]


class Finding(NamedTuple):
    """What measuring a target gave; it passes if every reading holds."""

    readings: tuple[Reading, ...]
    picture: Picture | None = None
    notes: tuple[str, ...] = ()  # measured too, and told, but held to no band

    @property
    def tightest(self) -> Reading:
        """The reading with the least room in its band."""
        return min(self.readings, key=lambda reading: reading.room)


class NoDataError(Exception):
    """The real data of a target is not on this machine; the message says where it is looked for."""


class Plant(NamedTuple):
    """An error put into the source of one module, which the target must notice.

    old stands exactly once in the source of ``module``; ``new`` is put in its place.
    """

    says: str  # the error in words, such as "an off-by-one in the age of a click"
    module: str  # dotted name, such as "sim.measures"
    old: str
    new: str


class Target(NamedTuple):
    """A claim that the simulator must meet."""

    name: str  # "B7"
    kind: Kind
    claim: str  # one sentence
    source: str  # author, year
    how: str  # one or two sentences: what is run and what is compared
    measure: Callable[[bool], Finding] | None  # of ``quick``; None where not built yet
    plant: Plant | None = None
    fast: bool = False  # part of ``vouch validate --fast``
    awaits: str = ""  # the capability a target that is not built yet waits for
    explained: str = ""  # why a target is missed in the default world, where it is
    calibrated: bool = False  # the defaults were set by it: passing shows that, and no more


def z_reading(what: str, measured: float, expected: float, error: float, sigmas: float) -> Reading:
    """A number that must lie within ``sigmas`` standard errors of its expectation."""
    return Reading(what, measured, expected - sigmas * error, expected + sigmas * error, expected)


def none_may(what: str, violations: int) -> Reading:
    """A count that must be 0."""
    return Reading(what, violations, 0, 0, 0)
