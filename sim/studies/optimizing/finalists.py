"""Finalists: the best settings of a search on luck of their own.

What looks best among many looks better than it is (the winner's curse; Capen, Clapp and Campbell
1971). So half of the fresh runs choose among the finalists, and the other half measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sim.errors import InputError
from sim.randomness import Decision, derive_seed
from sim.studies.optimizing.evaluation import Evaluate, Evaluation, evaluated
from sim.studies.optimizing.judging import Judge
from sim.studies.optimizing.objectives import rows_over_worlds
from sim.studies.optimizing.optimization import (
    Binding,
    Finalist,
    Trial,
    non_dominated,
    possible_rival,
)
from sim.studies.optimizing.trials import Search
from sim.studies.statistics import mean_interval, paired_difference, probability_of_best

MOST_ON_FRONT = 12


class _Measured(NamedTuple):
    """A trial on fresh runs: judged on those that choose, and on those that measure."""

    trial: Trial
    choosing: Trial
    measuring: Trial
    evaluation: Evaluation


class Finals:
    """Finalists on fresh luck."""

    def __init__(
        self, search: Search, evaluate: Evaluate, measures: Sequence[str], where: str
    ) -> None:
        self.search, self.question = search, search.question
        self.scores = search.scores()
        self.relaxed = self._relaxed()
        numbers = list(dict.fromkeys([0, *self._candidates(), *self.relaxed.values()]))
        half, start = self.question.final_replications, self.question.replications
        trials = [search.trials[number] for number in numbers]
        runs = evaluated(
            evaluate, [trial.setting for trial in trials], range(start, start + 2 * half)
        )
        if runs[0].problem:
            raise InputError(f"{where}the scenario as written cannot be run: {runs[0].problem}")
        runs = [one.only(measures) for one in runs]
        self.parts = (slice(0, half), slice(half, None))
        self.judges = [Judge(self.question, runs[0].part(part)) for part in self.parts]
        self.measured = {
            trial.number: self._measured(trial, evaluation)
            for trial, evaluation in zip(trials, runs, strict=True)
        }
        self.rows = self._rows("measuring")
        if 0 not in self.rows:
            problem = self.measured[0].measuring.problem
            raise InputError(f"{where}the scenario as written gives no answer: {problem}")
        self.written = self._finalist(0)
        self.finalists = self._chosen()

    def _measured(self, trial: Trial, evaluation: Evaluation) -> _Measured:
        parts = [
            judge.trial(trial.number, trial.setting, evaluation.part(part))
            for part, judge in zip(self.parts, self.judges, strict=True)
        ]
        return _Measured(trial, parts[0], parts[1], evaluation)

    def _rows(self, part: str) -> dict[int, tuple[np.ndarray, ...]]:
        good = {
            number: getattr(one, part)
            for number, one in self.measured.items()
            if not one.choosing.failed and not one.measuring.failed
        }
        return dict(zip(good, self.search.judge.rows(list(good.values())), strict=True))

    # ------------------------------------------------------------------ who is measured again

    @property
    def _is_single(self) -> bool:
        return self.scores.shape[1] == 1

    def _candidates(self) -> list[int]:
        """Numbers of the best of the search or of its front, of the nearest if none is feasible."""
        feasible = [trial.number for trial in self.search.trials if trial.feasible]
        if not feasible:
            trials = [trial for trial in self.search.trials if not trial.failed]
            nearest = sorted(trials, key=lambda trial: (trial.excess, trial.number))
            return [trial.number for trial in nearest[: self.question.finalists]]
        if self._is_single:
            best = sorted(feasible, key=lambda number: (-self.scores[number, 0], number))
            return best[: self.question.finalists]
        return self._front(feasible)

    def _front(self, feasible: Sequence[int]) -> list[int]:
        """The front of the search along its first objective, thinned to :data:`MOST_ON_FRONT`."""
        on_front = np.array(feasible)[non_dominated(self.scores[list(feasible)])]
        ordered = on_front[np.argsort(self.scores[on_front, 0], kind="stable")]
        if ordered.size > MOST_ON_FRONT:
            ordered = ordered[np.linspace(0, ordered.size - 1, MOST_ON_FRONT).round().astype(int)]
        return ordered.tolist()

    def _relaxed(self) -> dict[int, int]:
        """For each limit, the trial that is best without it, where it beats the feasible ones."""
        trials = self.search.trials
        best = max((self.scores[t.number, 0] for t in trials if t.feasible), default=np.inf)
        found = {}
        for place in range(len(self.question.constraints)):
            open_to = [
                trial.number
                for trial in trials
                if not trial.failed
                and all(limit.kept for i, limit in enumerate(trial.limits) if i != place)
            ]
            top = max(open_to, key=lambda number: self.scores[number, 0], default=None)
            if top is not None and self.scores[top, 0] > best:
                found[place] = top
        return found

    # -------------------------------------------------------------------------- what they are

    def _finalist(self, number: int) -> Finalist:
        one = self.measured[number]
        evaluation = one.evaluation.part(self.parts[1])
        search_rows = self.search.rows()[number]
        levels = [
            rows_over_worlds([evaluation.policy[objective.measure]], objective, "mean", [0])[0]
            for objective in self.search.judge.objectives
        ]
        return Finalist(
            trial=one.trial,
            search=tuple(mean_interval(row) for row in search_rows),
            rows=self.rows[number],
            level=tuple(mean_interval(row) for row in levels),
            limits=one.measuring.limits,
        )

    def _chosen(self) -> tuple[Finalist, ...]:
        """Finalists in order of the runs that choose; a front along its first objective."""
        numbers = [number for number in self._candidates() if number in self.rows]
        if not numbers:
            return (self.written,)
        if self._is_single:
            rows = self._rows("choosing")
            judge = self.search.judge
            scores = dict(zip(rows, judge.scores(list(rows.values()))[:, 0].tolist(), strict=True))
            numbers.sort(key=lambda n: (self.measured[n].choosing.excess, -scores[n], n))
            return tuple(self._finalist(number) for number in numbers)
        return self._with_rivals([self._finalist(number) for number in numbers])

    def _with_rivals(self, front: list[Finalist]) -> tuple[Finalist, ...]:
        judge = self.search.judge
        signed = [judge.signed(one.rows) for one in front]
        result = []
        for place, one in enumerate(front):
            others = [i for i in range(len(front)) if i != place]
            rival = possible_rival(signed[place], [signed[i] for i in others])
            number = None if rival is None else front[others[rival]].number
            result.append(replace(one, rival=number))
        return tuple(result)

    def chances(self, seed: int) -> tuple[float, ...]:
        """Probability of each finalist to have the best mean, on the runs that measure."""
        if not self._is_single:
            return ()
        table = np.column_stack([self.search.judge.signed(one.rows)[0] for one in self.finalists])
        key = derive_seed(seed, int(Decision.SEARCH))
        return tuple(probability_of_best(table, key).tolist())

    def binding(self) -> tuple[Binding, ...]:
        """Limits without which another setting would be better, by the fresh runs."""
        # A front is in the order of its first objective.
        best = self.finalists[0] if self._is_single else self.finalists[-1]
        if not best.trial.feasible:
            return ()
        found = []
        for place, number in self.relaxed.items():
            if number not in self.rows:
                continue
            judge = self.search.judge
            cost = paired_difference(judge.signed(self.rows[number])[0], judge.signed(best.rows)[0])
            if cost.low > 0:
                found.append(Binding(self.question.constraints[place], number, cost))
        return tuple(found)
