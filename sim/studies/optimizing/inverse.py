"""Inverse questions: the least reward that reaches a target, the days it takes, what still pays.

Each interval holds the values that the runs do not rule out: those at which a 95 % interval holds
what was asked for. All values are run on the same luck, so that a run that reaches a target
at one reward nearly always does at a larger one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.studies.optimizing.crossing import Line, Share, fall, share_of_runs
from sim.studies.optimizing.evaluation import Evaluate, Evaluation, Setting, mean_over_worlds
from sim.studies.optimizing.wording import value_text
from sim.studies.statistics import Interval, mean_interval
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Target, check_measure
from sim.studies.wording import amount, chance, figure, label, number, percent

_MEDIAN = 0.5


class Goal(NamedTuple):
    """A target of a study by its name, and the probability of reaching it that is asked for."""

    name: str
    target: Target
    probability: float

    def reached(self, evaluation: Evaluation) -> np.ndarray:
        """1 where the target is reached by its day, 0 where not, nan where a run failed.

        float64 (worlds, replications).
        """
        total = self.total(evaluation)
        return np.where(np.isfinite(total), total >= self.target.amount, np.nan)

    def total(self, evaluation: Evaluation) -> np.ndarray:
        """The sum of the measure by the day, nan where a run failed; (worlds, replications)."""
        return evaluation.policy[f"{self.name}_by_day"]

    def within_reach(self, evaluation: Evaluation) -> float:
        """The amount that the probability asked for reaches; nan without a run."""
        total = self.total(evaluation)
        known = np.sort(total[np.isfinite(total)])[::-1]
        if known.size == 0:
            return math.nan
        # A share of 0.8 of 40 runs is 32 of them, not 32.000000000000004.
        return float(known[max(1, math.ceil(self.probability * known.size - 1e-9)) - 1])

    def text(self, currency: str) -> str:
        """The target as "5,000 new customers by day 56"."""
        deadline = "the end" if self.target.by_day is None else f"day {self.target.by_day:g}"
        return f"{_quantity(self.target.measure, self.target.amount, currency)} by {deadline}"


def _quantity(measure: str, value: float, currency: str) -> str:
    unit = f" {currency}" if measure.endswith("_cents") else ""
    # A count is whole; it is no mean.
    is_count = not unit and float(value).is_integer()
    return f"{figure(measure, value, digits=0 if is_count else None)}{unit} {label(measure)}"


# ---------------------------------------------------------------------------- least reward


class Reading(NamedTuple):
    """A value of the lever: the share of runs that reach the target, and what they do reach."""

    value: Any
    reached: Share
    within_reach: float


@dataclass(frozen=True)
class LeastValue:
    """The least value of a lever that reaches a target with a probability.

    value : None where no value does. low, high : 95 % interval; None where it is open: low where
    no value may do, high where none surely does. readings : every value that was run, ascending.
    falls : two values from the smaller to the larger of which surely fewer runs reach the target,
    None if there are none; ``value`` is then the least value all the same, but a larger one need
    not do.
    """

    factor: Factor
    goal: Goal
    currency: str
    value: Any | None
    low: Any | None
    high: Any | None
    readings: tuple[Reading, ...]
    falls: tuple[Any, Any] | None

    def __repr__(self) -> str:
        """The statement."""
        return self.statement()

    @property
    def at_lowest(self) -> bool:
        """Whether the lowest value allowed is enough."""
        return self.value is not None and self.value == self.readings[0].value

    def statement(self) -> str:
        """The answer in plain sentences."""
        asked = f"{self.goal.text(self.currency)} with probability {chance(self.goal.probability)}"
        name, runs = self.factor.name, self.readings[0].reached.runs
        if self.value is None:
            text = self._not_reachable(asked)
        elif self.at_lowest:
            lowest = value_text(self.value, self.factor)
            share = percent(self.readings[0].reached.share)
            text = f"The lowest {name} allowed, {lowest}, reaches {asked}: {share} of runs do."
        else:
            answer = value_text(self.value, self.factor)
            text = f"The least {name} that reaches {asked} is {answer} ({self._span()}; {runs:,}"
            text += " runs of each value, on the same luck)."
        return text + self._warning()

    def _span(self) -> str:
        low = value_text(self.low, self.factor)
        if self.high is None:
            return f"95 % {low} or more, the upper end is beyond the range"
        return f"95 % {low} to {value_text(self.high, self.factor)}"

    def _not_reachable(self, asked: str) -> str:
        best = max(self.readings, key=lambda one: one.within_reach)
        ends = [value_text(self.readings[i].value, self.factor) for i in (0, -1)]
        most = _quantity(self.goal.target.measure, best.within_reach, self.currency)
        text = (
            f"{asked} is not reachable with {self.factor.name} from {ends[0]} to {ends[1]}: "
            f"with that probability at most {most} at {value_text(best.value, self.factor)}, where "
            f"{percent(best.reached.share)} of runs reach the target."
        )
        if self.low is not None:
            low = value_text(self.low, self.factor)
            text += f" But the runs do not rule out that {low} or more does;"
            text += " more replications would tell."
        return text

    def _warning(self) -> str:
        if self.falls is None:
            return ""
        low, high = (value_text(one, self.factor) for one in self.falls)
        return (
            f" More is not always better: fewer runs reach it at {high} than at {low}, so a larger "
            "value than the answer need not do."
        )


def least_value(
    evaluate: Evaluate,
    factor: Factor,
    setting: Setting,
    goal: Goal,
    *,
    replications: int,
    batch: int,
    currency: str,
    where: str = "optimize: ",
) -> LeastValue:
    """The least value of ``factor`` with which the policy reaches ``goal``.

    setting : the other levers. A grid over the range first, which shows whether more is better
    throughout, then cuts of the bracket, ``batch`` values at a time. Money is answered in whole
    cents, whole numbers whole, other ranges to a thousandth.

    Raises
    ------
    InputError
        If the factor is no number, no value can be run, or the outcomes lack the target.
    """
    line = Line(evaluate, factor, setting, replications=replications, batch=batch, where=where)
    _check_column(line, f"{goal.name}_by_day", where)
    grid = [(line.steps[i], line.runs[i]) for i in line.grid if not line.runs[i].problem]
    found = fall([goal.reached(runs) for _, runs in grid])

    def crossing(end: str) -> Any | None:
        place = line.first(
            lambda runs: getattr(share_of_runs(goal.reached(runs)), end) >= goal.probability
        )
        return None if place is None else line.steps[place]

    value, low, high = (crossing(end) for end in ("share", "high", "low"))
    readings = tuple(
        Reading(step, share_of_runs(goal.reached(runs)), goal.within_reach(runs))
        for step, runs in line.in_order()
    )
    falls = None if found is None else (grid[found[0]][0], grid[found[1]][0])
    return LeastValue(factor, goal, currency, value, low, high, readings, falls)


def _check_column(line: Line, name: str, where: str) -> None:
    runs = next(one for one in line.runs.values() if not one.problem)
    check_measure(name, tuple(runs.policy), where)


# -------------------------------------------------------------------------- days to a target


@dataclass(frozen=True)
class DaysToTarget:
    """The day on which a target is reached.

    days : of each run, ascending, inf where it is not reached in the run; failed runs are left out.
    median, low, high : the median with its 95 % interval, inf where the run is too short to say.
    never : the share of runs that do not reach it.
    """

    name: str
    target: Target
    currency: str
    days: np.ndarray
    median: float
    low: float
    high: float
    never: Share

    def __repr__(self) -> str:
        """The statement."""
        return self.statement()

    def statement(self) -> str:
        """The answer in a plain sentence."""
        what = _quantity(self.target.measure, self.target.amount, self.currency)
        share = self.never.share
        never = f"{percent(share)} of {self.never.runs:,} runs never do"
        never += f" (95 % {percent(self.never.low)} to {percent(self.never.high)})"
        if math.isinf(self.median):
            return f"{what}: most runs do not reach it before they end; {never}."
        end = f"to {self.high:g}" if math.isfinite(self.high) else "or later"
        text = f"{what}: half of the runs reach it by day {self.median:g} (95 % {self.low:g} {end})"
        return f"{text}; {never}." if share > 0 else f"{text}; all {self.never.runs:,} runs do."


def days_to_target(
    evaluation: Evaluation, name: str, target: Target, *, currency: str, where: str = "optimize: "
) -> DaysToTarget:
    """When the policy reaches the target ``name``, from the runs of one setting.

    The interval of the median holds the days at which a 95 % interval of the share of runs that
    have reached it holds one half; a run that never does counts as later than any day.

    Raises
    ------
    InputError
        If the outcomes lack the target, or no run gave an answer.
    """
    for column in (f"{name}_reached_day", f"{name}_by_day"):
        check_measure(column, tuple(evaluation.policy), where)
    failed = ~np.isfinite(evaluation.policy[f"{name}_by_day"])
    day = evaluation.policy[f"{name}_reached_day"]
    day = np.where(failed, np.nan, np.where(np.isfinite(day), day, np.inf))
    known = np.sort(day[~np.isnan(day)])
    if known.size == 0:
        raise InputError(f"{where}no run tells when '{name}' is reached; see what failed")
    shares = {
        float(one): share_of_runs(np.where(failed, np.nan, day <= one))
        for one in np.unique(known[np.isfinite(known)])
    }

    def first_day(end: str) -> float:
        return next((d for d, share in shares.items() if getattr(share, end) >= _MEDIAN), math.inf)

    median, low, high = (first_day(end) for end in ("share", "high", "low"))
    never = share_of_runs(np.where(failed, np.nan, np.isinf(day)))
    return DaysToTarget(name, target, currency, known, median, low, high, never)


# -------------------------------------------------------------------------------- break-even


@dataclass(frozen=True)
class BreakEven:
    """The largest value of a lever at which the policy still earns what the baseline earns.

    value : None where it does at no value. low, high : 95 % interval, None where it is open: low
    where no value surely pays, high where no value may pay. gains : every value that was run,
    ascending, with the paired difference in the measure from the baseline at the same value.
    """

    factor: Factor
    measure: str
    currency: str
    value: Any | None
    low: Any | None
    high: Any | None
    gains: tuple[tuple[Any, Interval], ...]

    def __repr__(self) -> str:
        """The statement."""
        return self.statement()

    @property
    def at_highest(self) -> bool:
        """Whether the highest value allowed still pays."""
        return self.value is not None and self.value == self.gains[-1][0]

    def statement(self) -> str:
        """The answer in plain sentences."""
        name, what = self.factor.name, label(self.measure)
        if self.value is None:
            value, gain = max(self.gains, key=lambda pair: pair[1].mean)
            text = f"No {name} from {self._text(0)} to {self._text(-1)} breaks even in {what}: the "
            text += f"best is {self._gain(gain)} at {value_text(value, self.factor)}."
            if self.high is not None:
                text += " The runs do not rule out that some value does."
            return text
        if self.at_highest:
            gain = self.gains[-1][1]
            text = f"The highest {name} allowed, {self._text(-1)}, still pays: {self._gain(gain)}."
            if self.low != self.value:
                text += f" It surely pays {self._surely()}."
            return text
        runs = self.gains[0][1].replications
        low = "no sure lower end" if self.low is None else value_text(self.low, self.factor)
        high = value_text(self.high, self.factor)
        answer = value_text(self.value, self.factor)
        return (
            f"The largest {name} that breaks even in {what} is {answer} (95 % {low} to {high}; "
            f"{number(runs)} paired runs of each value)."
        )

    def _surely(self) -> str:
        return "at no value" if self.low is None else f"up to {value_text(self.low, self.factor)}"

    def _text(self, place: int) -> str:
        return value_text(self.gains[place][0], self.factor)

    def _gain(self, gain: Interval) -> str:
        ends = f"{figure(self.measure, gain.low)} to {figure(self.measure, gain.high)}"
        return f"{amount(self.measure, gain.mean, self.currency)} per run (95 % {ends})"


def break_even(
    evaluate: Evaluate,
    factor: Factor,
    setting: Setting,
    *,
    replications: int,
    batch: int,
    currency: str,
    measure: str = "profit_cents",
    where: str = "optimize: ",
) -> BreakEven:
    """The largest value of ``factor`` at which the policy is not below the baseline in ``measure``.

    The baseline is that of the same value, world and luck. The interval holds the values at which
    the paired t interval of the difference holds zero. See :func:`least_value`.

    Raises
    ------
    InputError
        If the factor is no number, no value can be run, or there is no such measure.
    """
    line = Line(evaluate, factor, setting, replications=replications, batch=batch, where=where)
    _check_column(line, measure, where)

    def gain(runs: Evaluation) -> Interval:
        return mean_interval(mean_over_worlds(runs.policy[measure] - runs.baseline[measure]))

    def pays(end: str) -> Callable[[Evaluation], bool]:
        return lambda runs: getattr(gain(runs), end) >= 0

    places = [line.first(pays(end), from_top=True) for end in ("mean", "low", "high")]
    value, low, high = (None if place is None else line.steps[place] for place in places)
    gains = tuple((step, gain(runs)) for step, runs in line.in_order())
    return BreakEven(factor, measure, currency, value, low, high, gains)
