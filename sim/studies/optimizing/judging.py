"""From runs to trials: what a setting gains, which limits it keeps, how good that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.studies.optimizing.evaluation import Evaluation, Setting, world_means
from sim.studies.optimizing.objectives import (
    LimitReading,
    objectives_of,
    read_limit,
    rows_over_worlds,
    score,
)
from sim.studies.optimizing.optimization import Trial
from sim.studies.sweeps.study_file import Optimize


class Judge:
    """Turns evaluations into trials, and trials into scores."""

    def __init__(self, question: Optimize, written: Evaluation) -> None:
        self.question, self.written = question, written
        self.objectives = objectives_of(question)
        self.robust = question.robust

    def trial(self, number: int, setting: Setting, evaluation: Evaluation) -> Trial:
        """What the runs of a setting say."""
        problem = evaluation.problem or self._problem(evaluation)
        if problem:
            return Trial(number, dict(setting), (), (), self._runs(), problem)
        gains = tuple(one.gains(evaluation, self.written) for one in self.objectives)
        limits = self.limits(evaluation)
        failed = int(np.count_nonzero(~np.isfinite(gains[0])))
        return Trial(number, dict(setting), gains, limits, failed)

    def _problem(self, evaluation: Evaluation) -> str:
        for objective in self.objectives:
            gains = objective.gains(evaluation, self.written)
            if not np.isfinite(world_means(gains)).all():
                return f"no run of a world gave a {objective.measure}"
        return ""

    def _runs(self) -> int:
        return next(iter(self.written.policy.values())).size

    def limits(self, evaluation: Evaluation) -> tuple[LimitReading, ...]:
        """How each limit is kept, in order."""
        return tuple(
            read_limit(limit, evaluation, self.robust) for limit in self.question.constraints
        )

    def rows(self, trials: Sequence[Trial]) -> list[tuple[np.ndarray, ...]]:
        """Of each trial that did not fail, a row per objective."""
        rivals = [place for place, trial in enumerate(trials) if trial.feasible]
        rivals = rivals or list(range(len(trials)))
        by_objective = [
            rows_over_worlds([trial.gains[place] for trial in trials], one, self.robust, rivals)
            for place, one in enumerate(self.objectives)
        ]
        return list(zip(*by_objective, strict=True))

    def scores(self, rows: Sequence[tuple[np.ndarray, ...]]) -> np.ndarray:
        """float64 (trials, objectives), more is better."""
        table = [
            [score(row, one, self.robust) for row, one in zip(each, self.objectives, strict=True)]
            for each in rows
        ]
        return np.array(table, np.float64).reshape(len(rows), len(self.objectives))

    def signed(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Rows in which more is better."""
        signs = [-1 if self.robust == "regret" else one.sign for one in self.objectives]
        return [sign * row for sign, row in zip(signs, rows, strict=True)]
