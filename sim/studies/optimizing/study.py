"""``vouch optimize``: the runs behind a search of the levers, and behind inverse questions.

The levers are the factors of [points]. Every setting that is tried becomes a point of the study's
store, so a search that was stopped goes on without doing a run twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError, nearest
from sim.model import policy_scheme
from sim.studies import files
from sim.studies.optimizing.crossing import steps_of
from sim.studies.optimizing.evaluation import Evaluation, Setting, setting_as_written
from sim.studies.optimizing.inverse import (
    BreakEven,
    DaysToTarget,
    Goal,
    LeastValue,
    break_even,
    days_to_target,
    least_value,
)
from sim.studies.optimizing.objectives import check_question, measures_of
from sim.studies.optimizing.optimization import Finalist, Optimization
from sim.studies.optimizing.optimize import optimize
from sim.studies.statistics import Interval
from sim.studies.sweeps.design import Design, Task, make_design
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.sampling import Settings
from sim.studies.sweeps.session import Session
from sim.studies.sweeps.study_file import EVERY_MEASURE, Optimize, StudyFile
from sim.studies.sweeps.sweep import Laboratory, laboratory, limits_of

NAME = "optimize.json"


class LaboratoryEvaluator:
    """Runs settings of the levers in a laboratory: an ``Evaluate`` for a search.

    policy : whose outcomes are asked for, with those of the baseline at the same setting.
    """

    def __init__(
        self, bench: Laboratory, factors: Sequence[Factor], policy: str, measures: Sequence[str]
    ) -> None:
        self._bench = bench
        self._factors = tuple(factors)
        self._policy = policy
        self._measures = tuple(measures)
        self._points = {
            self._key(row): point for point, row in enumerate(bench.store.design.points.rows)
        }

    @staticmethod
    def _key(row: Sequence[Any]) -> str:
        # 5 and 5.0 are the same setting.
        return repr(
            [float(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in row]
        )

    def __call__(self, settings: Sequence[Setting], replications: range) -> list[Evaluation]:
        """The evaluation of each setting, in order; InputError where values do not go together."""
        rows = [tuple(setting[factor.name] for factor in self._factors) for setting in settings]
        design = self._with_points(self._bench.store.design, rows)
        design = design.but(replications=max(design.replications, replications.stop))
        points = [self._points[self._key(row)] for row in rows]
        names = tuple(dict.fromkeys((design.baseline, self._policy)))
        tasks = [
            Task(world, point, replication, names)
            for world in range(len(design.worlds))
            for replication in replications
            for point in dict.fromkeys(points)
        ]
        self._bench.run(tasks, design)
        found = self._tables(tasks, replications, len(design.worlds))
        return [
            Evaluation(found[self._policy, point], found[design.baseline, point])
            for point in points
        ]

    def _with_points(self, design: Design, rows: Sequence[tuple[Any, ...]]) -> Design:
        """The design with the rows that it lacks, each checked."""
        new = [row for row in dict.fromkeys(rows) if self._key(row) not in self._points]
        if not new:
            return design
        grown = design.but(points=Settings(self._factors, (*design.points.rows, *new)))
        for point in range(len(design.points), len(grown.points)):
            policy_scheme(grown.scenario_of(0, point), self._policy)
        for point, row in enumerate(new, start=len(design.points)):
            self._points[self._key(row)] = point
        return grown

    def _tables(
        self, tasks: Sequence[Task], replications: range, worlds: int
    ) -> dict[tuple[str, int], dict[str, np.ndarray]]:
        """Outcomes (worlds, replications) by policy and point, then measure; nan for no run."""
        rows = self._bench.rows(tasks, self._measures)
        empty = np.full((worlds, len(replications)), math.nan)
        found: dict[tuple[str, int], dict[str, np.ndarray]] = {
            (policy, task.point): {measure: empty.copy() for measure in self._measures}
            for task in tasks
            for policy in task.policies
        }
        for (policy, point), few in rows.groupby(["policy", "point"]):
            place = (few["world"].to_numpy(), few["replication"].to_numpy() - replications.start)
            for measure in self._measures:
                found[policy, point][measure][place] = few[measure].to_numpy(float)
        return found


@dataclass(frozen=True)
class OptimizeStudy:
    """What came of it. search : None where only an inverse question was asked."""

    folder: Path
    design: Design
    policy: str
    search: Optimization | None
    least: LeastValue | None
    days: DaysToTarget | None
    break_even: BreakEven | None

    @property
    def statements(self) -> list[str]:
        """The answers in plain sentences."""
        every = (self.search, self.least, self.days, self.break_even)
        return [one.statement() for one in every if one is not None]

    def document(self) -> dict[str, Any]:
        """What ``optimize.json`` holds."""
        found: dict[str, Any] = {
            "policy": self.policy,
            "baseline": self.design.baseline,
            "currency": self.design.scenario.currency,
            "statements": self.statements,
        }
        if self.search is not None:
            search = self.search
            found["search"] = {
                "statement": search.statement(),
                "objectives": [one.measure for one in search.objectives],
                "best": None if search.best is None else _finalist(search, search.best),
                "front": [_finalist(search, one) for one in search.front],
                "written": _finalist(search, search.written),
                "improvement": _interval(search.improvement),
                "binding": [
                    {"limit": one.limit.model_dump(), "trial": one.number,
                     "cost": _interval(one.cost)}
                    for one in search.binding
                ],
                "exhaustive": search.exhaustive,
                "failed_settings": search.failed_settings,
                "history": search.history.to_dict("records"),
            }  # fmt: skip
        if self.least is not None:
            found["least"] = {
                "statement": self.least.statement(), "lever": self.least.factor.name,
                "target": self.least.goal.name, "probability": self.least.goal.probability,
                "value": self.least.value, "low": self.least.low, "high": self.least.high,
                "readings": [
                    {"value": one.value, "share": one.reached.share, "low": one.reached.low,
                     "high": one.reached.high}
                    for one in self.least.readings
                ],
            }  # fmt: skip
        if self.days is not None:
            found["days"] = {
                "statement": self.days.statement(), "median": self.days.median,
                "low": self.days.low, "high": self.days.high,
            }  # fmt: skip
        if self.break_even is not None:
            found["break_even"] = {
                "statement": self.break_even.statement(), "lever": self.break_even.factor.name,
                "value": self.break_even.value, "low": self.break_even.low,
                "high": self.break_even.high,
            }  # fmt: skip
        return found


def _finalist(search: Optimization, one: Finalist) -> dict[str, Any]:
    intervals = zip(search.objectives, one.search, one.measured, one.level, strict=True)
    return {
        "trial": one.number,
        "setting": one.setting,
        "feasible": one.trial.feasible,
        "objectives": {
            objective.measure: {
                "in_search": _interval(seen), "measured": _interval(measured),
                "level": _interval(level),
            }
            for objective, seen, measured, level in intervals
        },
        "rival": one.rival,
    }  # fmt: skip


def _interval(found: Interval | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {"mean": found.mean, "low": found.low, "high": found.high}


def optimize_study(
    study: StudyFile,
    folder: str | Path,
    *,
    question: Optimize | None = None,
    search: bool = True,
    session: Session = Session(),
) -> OptimizeStudy:
    """Search the levers of a study, and answer the inverse questions it asks.

    question : instead of that of the study. search : whether to search at all, or only to answer
    the inverse questions. The runs are kept in ``folder`` like those of a sweep; a search that was
    stopped goes on there.

    Raises
    ------
    InputError
        If the study or the folder cannot be used, or there is no lever.
    """
    asked = question if question is not None else study.study.optimize
    where = f"{study.where}: optimize: "
    whole = make_design(study)
    factors = whole.points.factors
    if not factors:
        raise InputError(f"{where}there is no lever to move; name factors in [points]")
    policy = _policy(whole, asked, where)
    _check_inverse(whole, asked, where)
    written = setting_as_written(whole.scenario, factors)
    design = whole.but(
        policies=tuple(dict.fromkeys((whole.baseline, policy))),
        points=Settings(factors, (tuple(written.values()),)),
        replications=asked.replications,
    )
    columns = [f"{name}_{part}" for name in whole.targets for part in ("reached_day", "by_day")]
    check_question(asked, [*EVERY_MEASURE, *columns], where)
    measures = dict.fromkeys((*measures_of(asked), *columns, "profit_cents"))
    with laboratory(
        Path(folder), design, session, owner="optimize", limits=limits_of(study)
    ) as bench:
        evaluate = LaboratoryEvaluator(bench, factors, policy, list(measures))
        found = _answers(evaluate, whole, policy, asked, written, search, where)
        answer = OptimizeStudy(Path(folder), bench.store.design, policy, *found)
        files.write_json(Path(folder) / NAME, answer.document())
    return answer


def _policy(design: Design, asked: Optimize, where: str) -> str:
    rivals = [name for name in design.policies if name != design.baseline]
    if asked.policy is None:
        moved = [one.path[1] for one in design.points.factors if one.path[0] == "policies"]
        candidates = [name for name in rivals if name in moved] or rivals
        if not candidates:
            raise InputError(f"{where}there is no policy but the baseline; add one")
        return candidates[-1]
    if asked.policy not in design.scenario.policies:
        hint = nearest(asked.policy, design.scenario.policies)
        raise InputError(f"{where}there is no policy '{asked.policy}'{hint}")
    return asked.policy


def _check_inverse(design: Design, asked: Optimize, where: str) -> None:
    """Refuse an inverse question about what the study does not have, before the search."""
    if asked.target is not None and asked.target not in design.targets:
        hint = nearest(asked.target, design.targets)
        raise InputError(f"{where}there is no target '{asked.target}'{hint}")
    for name in (asked.least, asked.break_even):
        if name is not None:
            steps_of(_lever(design, name, where), where)


def _answers(
    evaluate: LaboratoryEvaluator,
    design: Design,
    policy: str,
    asked: Optimize,
    written: Mapping[str, Any],
    search: bool,
    where: str,
) -> tuple[Optimization | None, LeastValue | None, DaysToTarget | None, BreakEven | None]:
    currency = design.scenario.currency
    best = least = days = even = None
    if search:
        best = optimize(
            evaluate, design.points.factors, written, asked, policy=policy,
            baseline=design.baseline, currency=currency, seed=design.scenario.seed, where=where,
        )  # fmt: skip
    runs = 2 * asked.final_replications
    how: dict[str, Any] = {
        "replications": runs, "batch": asked.batch, "currency": currency, "where": where,
    }  # fmt: skip
    if asked.target is not None:
        target = design.targets[asked.target]
        if asked.least is not None:
            goal = Goal(asked.target, target, asked.with_probability)
            lever = _lever(design, asked.least, where)
            least = least_value(evaluate, lever, written, goal, **how)
        (evaluation,) = evaluate([written], range(runs))
        days = days_to_target(evaluation, asked.target, target, currency=currency, where=where)
    if asked.break_even is not None:
        even = break_even(evaluate, _lever(design, asked.break_even, where), written, **how)
    return best, least, days, even


def _lever(design: Design, name: str, where: str) -> Factor:
    levers = {factor.name: factor for factor in design.points.factors}
    if name not in levers:
        raise InputError(f"{where}'{name}' is no factor of [points]{nearest(name, levers)}")
    return levers[name]
