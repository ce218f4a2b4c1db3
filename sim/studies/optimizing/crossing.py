"""Where along one lever an answer turns: settings measured on the same luck, closer and closer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from sim.errors import InputError
from sim.studies.optimizing.evaluation import Evaluate, Evaluation, Setting, evaluated
from sim.studies.optimizing.levers import Lever
from sim.studies.statistics import share_interval
from sim.studies.sweeps.factors import Factor

GRID = 7
CONTINUOUS_STEPS = 1_001
MOST_STEPS = 100_001
FALSE_ALARM = 0.01
"""Chance that a response that never falls is called one that does."""


class Share(NamedTuple):
    """A share of runs with its 95 % interval, of ``runs`` that gave an answer."""

    share: float
    low: float
    high: float
    runs: int


def share_of_runs(found: np.ndarray) -> Share:
    """The share of ones in (worlds, replications), nan where a run failed.

    Runs of a world, and runs of the same luck, are alike, so that many of them say less than as
    many independent runs: Wilson's interval is that of the number of independent runs which has
    the variance of the mean of a two-way layout with random worlds and random luck, but not more
    runs than there are (the design effect; Kish 1965).
    """
    known = np.isfinite(found)
    runs = int(known.sum())
    if runs == 0:
        return Share(np.nan, np.nan, np.nan, 0)
    share = float(found[known].mean())
    effective = _independent_runs(found, known, share)
    low, high = share_interval(round(share * effective), effective)
    if effective == runs:
        return Share(share, low, high, runs)
    return Share(share, min(low, share), max(high, share), runs)


def _independent_runs(found: np.ndarray, known: np.ndarray, share: float) -> int:
    runs = int(known.sum())
    worlds, replications = found.shape
    if worlds == 1 or replications == 1:
        return runs
    if share in (0.0, 1.0):
        # All runs agree, so nothing shows whether worlds or luck would make a difference.
        return min(runs, worlds, replications)
    filled = np.where(known, found, share)
    rows, columns = filled.mean(axis=1), filled.mean(axis=0)
    rest = filled - rows[:, None] - columns + share
    degrees = (worlds - 1) * (replications - 1)
    variance = (
        rows.var(ddof=1) / worlds
        + columns.var(ddof=1) / replications
        - float((rest**2).sum()) / degrees / (worlds * replications)
    )
    most = share * (1 - share)
    return max(1, round(min(runs, most / variance))) if variance > 0 else runs


def steps_of(factor: Factor, where: str) -> tuple[Any, ...]:
    """The values that an answer may have, ascending: every whole number or cent of a range.

    Other ranges have 1,001 steps on their scale; a list has its numbers.

    Raises
    ------
    InputError
        If the factor has no numbers.
    """
    if factor.is_numeric and factor.levels is None:
        count = Lever(factor).count or CONTINUOUS_STEPS
        return factor.spread(min(count, MOST_STEPS))
    values = Lever(factor).every_value()
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise InputError(
            f"{where}'{factor.name}' is no number, so it has no least value; name a lever that is"
        )
    return tuple(sorted(values))


class Line:
    """The runs along one lever, the others held, at the values asked for so far."""

    def __init__(
        self, evaluate: Evaluate, factor: Factor, setting: Setting, *, replications: int,
        batch: int, where: str,
    ) -> None:  # fmt: skip
        """At first at an even grid of at most ``GRID`` values, both ends among them."""
        self.steps = steps_of(factor, where)
        self.factor, self.batch = factor, batch
        self._evaluate, self._setting, self._replications = evaluate, setting, replications
        self.runs: dict[int, Evaluation] = {}
        last = len(self.steps) - 1
        self.grid = np.unique(np.linspace(0, last, GRID).round().astype(int)).tolist()
        self.measure(self.grid)
        if not any(not one.problem for one in self.runs.values()):
            raise InputError(f"{where}no value of '{factor.name}' can be run: "
                             f"{self.runs[0].problem}")  # fmt: skip

    def measure(self, positions: Sequence[int]) -> None:
        """Run the steps at ``positions`` that were not run yet."""
        new = [place for place in positions if place not in self.runs]
        settings = [{**self._setting, self.factor.name: self.steps[place]} for place in new]
        found = evaluated(self._evaluate, settings, range(self._replications))
        self.runs |= dict(zip(new, found, strict=True))

    def first(self, holds: Callable[[Evaluation], bool], from_top: bool = False) -> int | None:
        """The first step at which ``holds`` is true, from the bottom or from the top.

        The bracket around the first change is cut into ``batch`` + 1 parts until it is one step
        wide; a response that changes more than once between two values of the grid is missed.
        None where it holds nowhere. A setting that cannot be run does not count as holding.
        """
        while True:
            known = sorted(self.runs, reverse=from_top)
            true = [not self.runs[i].problem and holds(self.runs[i]) for i in known]
            if True not in true:
                return None
            place = true.index(True)
            if place == 0 or abs(known[place] - known[place - 1]) == 1:
                return known[place]
            ends = known[place - 1], known[place]
            self.measure(np.linspace(*ends, self.batch + 2).round().astype(int).tolist())

    def in_order(self) -> list[tuple[Any, Evaluation]]:
        """Values with their runs, ascending, those that could be run."""
        return [
            (self.steps[place], self.runs[place])
            for place in sorted(self.runs)
            if not self.runs[place].problem
        ]


def fall(reached: Sequence[np.ndarray]) -> tuple[int, int] | None:
    """Positions (i, j), i < j, between which fewer runs reach something; None if none surely do.

    reached : at ascending values, each (worlds, replications) of 0, 1 and nan. A sign test over
    replications, which pairs the luck (McNemar 1947), each pair of values at
    :data:`FALSE_ALARM` over the number of pairs.
    """
    pairs = [(i, j) for j in range(len(reached)) for i in range(j)]
    surest: tuple[float, tuple[int, int]] | None = None
    for i, j in pairs:
        change = np.nansum(reached[j] - reached[i], axis=0)
        lost, moved = int((change < 0).sum()), int((change != 0).sum())
        chance = float(special.bdtrc(lost - 1, moved, 0.5)) if lost else 1.0
        if chance < FALSE_ALARM / len(pairs) and (surest is None or chance < surest[0]):
            surest = chance, (i, j)
    return None if surest is None else surest[1]
