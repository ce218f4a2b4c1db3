"""The trials of a search, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.errors import InputError
from sim.studies.optimizing.evaluation import Evaluate, Evaluation, Setting, evaluated
from sim.studies.optimizing.judging import Judge
from sim.studies.optimizing.objectives import check_question
from sim.studies.optimizing.optimization import Trial
from sim.studies.optimizing.search import FIRST_SETTINGS, Space, Told, next_settings
from sim.studies.sweeps.study_file import Optimize


class Search:
    """The trials, batch by batch."""

    def __init__(
        self, evaluate: Evaluate, space: Space, question: Optimize, measures: Sequence[str],
        seed: int, where: str,
    ) -> None:  # fmt: skip
        self.evaluate, self.space, self.question, self.seed = evaluate, space, question, seed
        self.measures = measures
        self.trials: list[Trial] = []
        self.ran_out = False
        count = space.combinations
        self.exhaustive = count is not None and count <= question.trials
        (written,) = self._runs([space.as_written])
        if written.problem:
            raise InputError(f"{where}the scenario as written cannot be run: {written.problem}")
        check_question(question, tuple(written.policy), where)
        self.judge = Judge(question, written.only(measures))
        self._add([space.as_written], [written])
        if self.trials[0].failed:
            raise InputError(
                f"{where}the scenario as written gives no answer: {self.trials[0].problem}"
            )

    def _runs(self, settings: Sequence[Setting]) -> list[Evaluation]:
        return evaluated(self.evaluate, settings, range(self.question.replications))

    def _add(self, settings: Sequence[Setting], evaluations: Sequence[Evaluation]) -> None:
        for setting, evaluation in zip(settings, evaluations, strict=True):
            trial = self.judge.trial(len(self.trials), setting, evaluation.only(self.measures))
            self.trials.append(trial)

    def run(self) -> None:
        """Try settings until there are as many trials as asked for, or no further setting."""
        batch, total = self.question.batch, self.question.trials
        if self.exhaustive:
            # The scenario as written may be beside the grid; then it is one more.
            planned = self.space.every_setting()[1:]
        else:
            count = min(FIRST_SETTINGS, max(1, total // 3))
            planned = self.space.first_settings(count, self.seed)[1:total]
        for start in range(0, len(planned), batch):
            part = planned[start : start + batch]
            self._add(part, self._runs(part))
        while not self.exhaustive and len(self.trials) < total and not self.ran_out:
            wanted = min(batch, total - len(self.trials))
            found = next_settings(self.space, self._told(), wanted, self.seed)
            self.ran_out = len(found) < wanted
            self._add(found, self._runs(found))

    def _told(self) -> list[Told]:
        return [
            Told(trial.setting, tuple(scores), tuple(limit.excess for limit in trial.limits))
            for trial, scores in zip(self.trials, self.scores().tolist(), strict=True)
        ]

    def rows(self) -> dict[int, tuple[np.ndarray, ...]]:
        """Rows by the number of the trial, of those that did not fail."""
        good = [trial for trial in self.trials if not trial.failed]
        return dict(zip((one.number for one in good), self.judge.rows(good), strict=True))

    def scores(self) -> np.ndarray:
        """float64 (trials, objectives), more is better; nan for a trial that failed."""
        table = np.full((len(self.trials), len(self.judge.objectives)), np.nan)
        rows = self.rows()
        if rows:
            table[list(rows)] = self.judge.scores(list(rows.values()))
        return table
