"""Optimization: what a search found, measured on luck that the search has not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.studies.optimizing.objectives import LimitReading, Objective
from sim.studies.statistics import Interval, mean_interval, paired_difference
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Constraint, Optimize

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Trial:
    """A setting that was tried in the search.

    number : 0 is the setting as written. gains : of each objective, the policy beyond the baseline
    as written, float64 (worlds, replications); empty if it failed. limits : how each is kept.
    failed_runs : of the policy, or all where nothing could run. problem : why it failed.
    """

    number: int
    setting: dict[str, Any]
    gains: tuple[np.ndarray, ...]
    limits: tuple[LimitReading, ...]
    failed_runs: int
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether nothing can be said of it."""
        return bool(self.problem)

    @property
    def feasible(self) -> bool:
        """Whether it ran and keeps every limit."""
        return not self.failed and all(limit.kept for limit in self.limits)

    @property
    def excess(self) -> float:
        """How far limits are broken in all; inf for a setting that failed."""
        return math.inf if self.failed else sum(max(0.0, limit.excess) for limit in self.limits)


@dataclass(frozen=True, eq=False)
class Finalist:
    """A setting measured again on luck that neither found nor chose it.

    search : of each objective, the interval of the search, which is too good for what was picked
    because it looked good. measured : on the fresh runs. rows : of each objective, what is judged
    in each of them, float64 (replications,); with ``robust = "regret"`` that is the regret, else
    the gain beyond the baseline as written. level : of the policy itself, not against the baseline.
    limits : on the fresh runs. rival : on a front, the number of a trial that may be as good in
    everything, None where there is none.
    """

    trial: Trial
    search: tuple[Interval, ...]
    rows: tuple[np.ndarray, ...]
    level: tuple[Interval, ...]
    limits: tuple[LimitReading, ...]
    rival: int | None = None

    @property
    def number(self) -> int:
        """The number of its trial."""
        return self.trial.number

    @property
    def setting(self) -> dict[str, Any]:
        """Its values of the levers."""
        return self.trial.setting

    @cached_property
    def measured(self) -> tuple[Interval, ...]:
        """The fresh interval of each objective."""
        return tuple(mean_interval(row) for row in self.rows)


@dataclass(frozen=True)
class Binding:
    """A limit that costs something.

    number : the trial that would be best without it. cost : what is gained by leaving the limit
    out, in the first objective, on the fresh runs, at least: the search looks at few settings
    beyond a limit.
    """

    limit: Constraint
    number: int
    cost: Interval


@dataclass(frozen=True, eq=False)
class Optimization:
    """The answer of a search.

    trials : all that was tried, the scenario as written first. finalists : measured again; the
    first is the best with one objective, with several they are the front. written : the scenario
    as written, measured on the same runs. best_chance : of each finalist to have the best mean, by
    bootstrap, with one objective. binding : limits that cost something. exhaustive : whether every
    setting was tried. ran_out : whether the search ended for lack of new settings.
    """

    question: Optimize
    policy: str
    baseline: str
    currency: str
    factors: tuple[Factor, ...]
    objectives: tuple[Objective, ...]
    trials: tuple[Trial, ...]
    scores: np.ndarray
    finalists: tuple[Finalist, ...]
    written: Finalist
    best_chance: tuple[float, ...]
    binding: tuple[Binding, ...]
    exhaustive: bool
    ran_out: bool

    def __repr__(self) -> str:
        """The statement."""
        return self.statement()

    @property
    def best(self) -> Finalist | None:
        """The best setting that keeps every limit, with one objective; None where none does."""
        if len(self.objectives) > 1 or not self.finalists[0].trial.feasible:
            return None
        return self.finalists[0]

    @property
    def front(self) -> tuple[Finalist, ...]:
        """Settings none of which is better in everything than another, with several objectives."""
        if len(self.objectives) == 1 or not self.finalists[0].trial.feasible:
            return ()
        return self.finalists

    @property
    def improvement(self) -> Interval | None:
        """The best setting against the scenario as written, run by run; more is better.

        Zero where the scenario as written is the best; None where nothing is feasible or there are
        several objectives.
        """
        if self.best is None:
            return None
        return paired_difference(
            self._signed(self.best.rows[0], 0), self._signed(self.written.rows[0], 0)
        )

    def _signed(self, row: np.ndarray, objective: int) -> np.ndarray:
        return -row if self.question.robust == "regret" else self.objectives[objective].sign * row

    @property
    def failed_settings(self) -> int:
        """How many settings could not be judged."""
        return sum(trial.failed for trial in self.trials)

    @cached_property
    def history(self) -> pd.DataFrame:
        """A row per trial, in order.

        Columns: trial; a column per lever; for each objective its score in the search (for
        ``robust`` = "mean" and "worst" the mean gain beyond the baseline as written, for "regret"
        the regret) as ``<measure>_gain`` or ``<measure>_regret``; for each limit its value as
        ``<measure>_limit``; feasible; failed_runs; problem.
        """
        import pandas as pd

        suffix = "regret" if self.question.robust == "regret" else "gain"
        rows = []
        for trial, scores in zip(self.trials, self.scores, strict=True):
            row: dict[str, Any] = {"trial": trial.number, **trial.setting}
            for place, objective in enumerate(self.objectives):
                row[f"{objective.measure}_{suffix}"] = float(self._signed(scores[place], place))
            for place, limit in enumerate(self.question.constraints):
                known = trial.limits[place].value if trial.limits else math.nan
                row[f"{limit.measure}_limit"] = known
            row |= {
                "feasible": trial.feasible,
                "failed_runs": trial.failed_runs,
                "problem": trial.problem,
            }
            rows.append(row)
        return pd.DataFrame(rows)

    def statement(self) -> str:
        """What the search comes to, in plain sentences."""
        from sim.studies.optimizing.wording import statement

        return statement(self)


def non_dominated(scores: np.ndarray) -> np.ndarray:
    """Which rows of (settings, objectives), more is better, no other row beats; bool (settings,).

    One row beats another if it is nowhere worse and somewhere better (Pareto 1906). Rows with a
    nan are never on the front.
    """
    known = np.isfinite(scores).all(axis=1)
    front = known.copy()
    for place in np.flatnonzero(known):
        others = scores[known]
        beaten = (others >= scores[place]).all(axis=1) & (others > scores[place]).any(axis=1)
        front[place] = not beaten.any()
    return front


def possible_rival(
    rows: Sequence[np.ndarray], others: Sequence[Sequence[np.ndarray]]
) -> int | None:
    """The position of a setting that may be at least as good in everything, None without one.

    rows : of each objective a value for each replication, more is better. Another setting is ruled
    out where this one is better in some objective, the paired 95 % interval above zero.
    """
    for place, other in enumerate(others):
        leads = (paired_difference(mine, theirs) for mine, theirs in zip(rows, other, strict=True))
        if not any(lead.low > 0 for lead in leads):
            return place
    return None
