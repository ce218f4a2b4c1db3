"""Factors as a search moves them: whole steps, cents, lists and ranges, without double values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scipy import special

from sim.studies.sweeps.factors import Factor

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Coordinate = int | float


class Lever:
    """A factor in the coordinates of the search.

    A list or the levels of a range are positions, in order where they are numbers; whole numbers
    are themselves; money is in whole cents; shares on the odds scale are logits. So two settings
    that a scenario cannot tell apart have the same coordinates.
    """

    def __init__(self, factor: Factor) -> None:
        self.factor = factor
        self.listed: tuple[Any, ...] | None = None
        if not factor.is_numeric:
            self.listed = factor.values
        elif factor.levels is not None:
            self.listed = factor.spread(factor.levels)
        self._is_cents = self.listed is None and factor.money
        self._is_odds = self.listed is None and not factor.money and factor.scale == "odds"

    @property
    def count(self) -> int | None:
        """How many values it has; None where they are not counted."""
        if self.listed is not None:
            return len(self.listed)
        if self.factor.whole or self._is_cents:
            low, high = self._ends()
            return int(high) - int(low) + 1
        return None

    def every_value(self) -> tuple[Any, ...]:
        """All values of a lever that has a :attr:`count`."""
        if self.listed is not None:
            return self.listed
        low, high = self._ends()
        return tuple(self.value(step) for step in range(int(low), int(high) + 1))

    def _ends(self) -> tuple[Coordinate, Coordinate]:
        low, high = self.factor.low, self.factor.high
        assert low is not None
        assert high is not None
        if self._is_cents:
            # A hundredth of a cent of tolerance: 0.29 is 28.999... cents.
            return math.ceil(100 * low - 0.01), math.floor(100 * high + 0.01)
        if self.factor.whole:
            return math.ceil(low), math.floor(high)
        if self._is_odds:
            return float(special.logit(low)), float(special.logit(high))
        return float(low), float(high)

    def value(self, coordinate: Coordinate) -> Any:
        """The value of the factor at a coordinate."""
        if self.listed is not None:
            return self.listed[int(coordinate)]
        if self._is_cents:
            return int(coordinate) / 100
        if self.factor.whole:
            return int(coordinate)
        value = float(special.expit(coordinate)) if self._is_odds else float(coordinate)
        assert self.factor.low is not None
        assert self.factor.high is not None
        # A scale there and back may leave the range by a rounding error.
        return min(max(value, self.factor.low), self.factor.high)

    def coordinate(self, value: Any) -> Coordinate | None:
        """The coordinate of a value; None where it is not in the list or range."""
        if self.listed is not None:
            return self.listed.index(value) if value in self.listed else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        low, high = self._ends()
        if self._is_cents:
            value = round(100 * value)
        elif self._is_odds:
            value = float(special.logit(value)) if 0 < value < 1 else math.nan
        elif self.factor.whole:
            value = int(value)
        return value if low <= value <= high else None

    def distribution(self) -> BaseDistribution:
        """Its range for Optuna."""
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        if self.listed is not None:
            is_ordered = all(_is_number(value) for value in self.listed)
            positions = range(len(self.listed))
            if is_ordered and list(self.listed) == sorted(self.listed):
                return IntDistribution(0, len(self.listed) - 1)
            return CategoricalDistribution(list(positions))
        low, high = self._ends()
        log = self.factor.scale == "log"
        if self._is_cents or self.factor.whole:
            return IntDistribution(int(low), int(high), log=log)
        return FloatDistribution(low, high, log=log)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def combinations(levers: Sequence[Lever]) -> int | None:
    """How many settings there are; None where they are not counted."""
    counts = [lever.count for lever in levers]
    known = [count for count in counts if count is not None]
    return math.prod(known) if len(known) == len(counts) else None


def setting_key(setting: dict[str, Any]) -> tuple[str, ...]:
    """What two settings have in common only if they are the same."""
    # 5 and 5.0 are the same amount; True and 1 are not the same switch.
    return tuple(
        repr(float(value)) if _is_number(value) else repr(value) for value in setting.values()
    )
