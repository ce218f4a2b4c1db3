"""Rank: which of a study's policies is the best, with as few runs as the answer needs.

A candidate is a policy at a point; a policy that no lever of the study touches is one candidate.
Its observations run through the worlds again and again, each with luck of its own, so that they are
independent of each other and the best is the best on average over what is not known. See
:mod:`sim.studies.ranking.selection` for the procedure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError
from sim.studies import files
from sim.studies.findings.candidates import Candidate, candidates_of
from sim.studies.ranking.selection import Selection
from sim.studies.resampling import permutations
from sim.studies.statistics import Interval, mean_interval, paired_difference
from sim.studies.sweeps.design import Design, Task, make_design
from sim.studies.sweeps.foreman import Progress
from sim.studies.sweeps.session import Session
from sim.studies.sweeps.study_file import EVERY_MEASURE, Rank, StudyFile, check_measure
from sim.studies.sweeps.sweep import Laboratory, laboratory, limits_of
from sim.studies.wording import LOWER_IS_BETTER

NAME = "rank.json"


@dataclass(frozen=True)
class Ranking:
    """What a ranking came to.

    values : observations of each candidate by number. interrupted : whether it was stopped.
    """

    folder: Path
    design: Design
    objective: str
    candidates: tuple[Candidate, ...]
    selection: Selection
    values: Mapping[str, Mapping[int, float]]
    interrupted: bool
    seconds: float = 0.0

    @property
    def statement(self) -> str:
        """The answer in plain sentences."""
        return self.selection.statement(self.objective, self.design.scenario.currency)

    @property
    def order(self) -> list[Candidate]:
        """The candidates: those that may still be the best first, then the last ones out first."""
        out = [one.policy for one in reversed(self.selection.eliminated)]
        best = sorted(self.selection.remaining, key=self._place)
        names = [*best, *out, *self.selection.failed]
        return sorted(self.candidates, key=lambda one: names.index(one.name))

    def _place(self, name: str) -> tuple[bool, float]:
        mean = self.interval(name).mean
        worse = mean if self.selection.lower_is_better else -mean
        return name != self.selection.best, worse

    def interval(self, name: str) -> Interval:
        """The mean of a candidate's own observations."""
        return mean_interval(np.array(list(self.values[name].values()), float))

    def behind(self, name: str) -> Interval:
        """Mean difference from the leader over the observations that both have."""
        leader = self.selection.leader
        if leader is None or leader == name:
            return mean_interval(np.empty(0))
        both = sorted(set(self.values[name]) & set(self.values[leader]))
        one, other = (np.array([self.values[n][k] for k in both]) for n in (name, leader))
        return paired_difference(one, other)

    def document(self) -> dict[str, Any]:
        """What ``rank.json`` holds."""
        selection = self.selection
        out = {one.policy: one for one in selection.eliminated}
        return {
            "statement": self.statement,
            "best": selection.best,
            "objective": self.objective,
            "probability": selection.probability,
            "indifference": selection.indifference,
            "settled": selection.settled,
            "interrupted": self.interrupted,
            "runs_spent": selection.runs_spent,
            "runs_of_equal_allocation": selection.runs_of_equal_allocation,
            "currency": self.design.scenario.currency,
            "candidates": [
                {
                    "name": one.name,
                    "policy": one.policy,
                    "point": one.point,
                    "settings": dict(one.setting),
                    "runs": len(self.values[one.name]),
                    **{k: getattr(self.interval(one.name), k) for k in ("mean", "low", "high")},
                    "behind": self.behind(one.name).mean,
                    "out_after": out[one.name].replications if one.name in out else None,
                    "out_by": out[one.name].by if one.name in out else None,
                }
                for one in self.order
            ],
        }


def rank(
    study: StudyFile,
    folder: str | Path,
    *,
    policies: Sequence[str] = (),
    session: Session = Session(),
) -> Ranking:
    """Run the candidates of a study until the best is known with the probability asked for.

    The runs are kept in ``folder`` like those of a sweep; one that was stopped goes on there.
    The session's progress is told of the candidates that are out, and how many there can be.

    Raises
    ------
    InputError
        If the study or the folder cannot be used, or there is only one candidate.
    """
    asked = study.study.rank
    design = make_design(study, policies=policies)
    objective = asked.objective or design.scenario.compare.objective
    check_measure(objective, EVERY_MEASURE, f"{study.where}: rank.objective: ")
    candidates, _ = candidates_of(design)
    if len(candidates) < 2:
        raise InputError(
            f"{study.where}: there is one candidate ({candidates[0].name}); give more policies or "
            "points to rank"
        )
    made: list[_Search] = []
    try:
        with laboratory(
            Path(folder), design.but(replications=asked.first), replace(session, progress=None),
            owner="rank", limits=limits_of(study),
        ) as bench:  # fmt: skip
            search = _Search(bench, candidates, objective, asked, session.progress)
            made.append(search)
            search.run()
            found = search.ranking(Path(folder), False)
            files.write_json(Path(folder) / NAME, found.document())
    except KeyboardInterrupt:
        if not made or made[0].selection is None:
            raise
        return made[0].ranking(Path(folder), True)
    return found


class _Search:
    """A selection at work on a laboratory."""

    def __init__(
        self,
        bench: Laboratory,
        candidates: Sequence[Candidate],
        objective: str,
        asked: Rank,
        progress: Progress | None,
    ) -> None:
        self._bench = bench
        self._candidates = {one.name: one for one in candidates}
        self._objective = objective
        self._asked = asked
        self._progress = progress
        self.values: dict[str, dict[int, float]] = {name: {} for name in self._candidates}
        self.selection: Selection | None = None
        self._turns = np.empty((0, 0), np.int64)

    def run(self) -> None:
        """Ask, run and tell until it is done."""
        first = {name: tuple(range(self._asked.first)) for name in self._candidates}
        values = self._observed(first)
        self.selection = selection = self._selection(values)
        asked = selection.next()
        while asked:
            self._tell(values if not any(self.values.values()) else self._observed(asked))
            asked = selection.next()

    def _tell(self, values: Mapping[str, Mapping[int, float]]) -> None:
        assert self.selection is not None
        for name, observed in values.items():
            self.values[name] |= observed
            self.selection.tell(name, observed)
        if self._progress is not None:
            left = len(self.selection.remaining)
            self._progress(len(self._candidates) - left, len(self._candidates) - 1)

    def _selection(self, values: Mapping[str, Mapping[int, float]]) -> Selection:
        asked, indifference = self._asked, self._asked.indifference
        if indifference is None:
            design = self._bench.store.design
            base = next(
                (n for n, one in self._candidates.items() if one.policy == design.baseline),
                next(iter(self._candidates)),
            )
            mean = abs(float(np.nanmean(list(values[base].values()))))
            indifference = design.scenario.compare.precision * mean
            if not indifference > 0:
                raise InputError(
                    f"the mean {self._objective} of {base} is {mean:g}, so a share of it is no "
                    "difference that matters; give rank.indifference in the study file"
                )
        return Selection(
            list(self._candidates),
            indifference=indifference,
            probability=asked.probability,
            first=asked.first,
            maximum=asked.maximum,
            lower_is_better=self._objective in LOWER_IS_BETTER,
        )

    def _observed(self, asked: Mapping[str, Sequence[int]]) -> dict[str, dict[int, float]]:
        """Observations by candidate and number, nan for a run that failed."""
        design = self._bench.store.design
        highest = max(max(numbers) for numbers in asked.values())
        if highest >= design.replications:
            design = design.but(replications=highest + 1)
        tasks = [
            Task(self._world(number), one.point, number, (one.policy,))
            for name, numbers in asked.items()
            for one in (self._candidates[name],)
            for number in numbers
        ]
        tasks.sort(key=lambda task: (task.world, task.replication, task.point))
        self._bench.run(tasks, design)
        rows = self._bench.rows(tasks, [self._objective])
        found = {
            (row.policy, row.point, row.replication): value
            for row, value in zip(
                rows.itertuples(), rows[self._objective].to_numpy(float), strict=True
            )
        }
        return {
            name: {
                number: found.get((one.policy, one.point, number), math.nan) for number in numbers
            }
            for name, numbers in asked.items()
            for one in (self._candidates[name],)
        }

    def _world(self, number: int) -> int:
        """The world of an observation: all of them in turn, each turn in an order of its own.

        In the order of the design the first observations of a grid would see one corner of it.
        """
        design = self._bench.store.design
        turn, place = divmod(number, len(design.worlds))
        if turn >= len(self._turns):
            self._turns = permutations(design.scenario.seed, 2 * turn + 1, len(design.worlds))
        return int(self._turns[turn, place])

    def ranking(self, folder: Path, interrupted: bool) -> Ranking:
        """What it has come to."""
        assert self.selection is not None
        return Ranking(
            folder, self._bench.store.design, self._objective, tuple(self._candidates.values()),
            self.selection, self.values, interrupted,
        )  # fmt: skip
