"""Policies across worlds that nobody knows which of is true: regret, and goals that are met.

A candidate is a policy, with a point of the levers where there are several. Regret is how much
better the best candidate of a world is there (Savage 1951); satisficing is the share of worlds in
which a candidate meets every goal (Simon 1956; Lempert, Popper and Bankes 2003).

Means over few replications make regret look larger than it is: the best of several noisy means
is too good (winner's curse). So every regret is given twice. As it stands it is too large on
average. Split, the best candidate and the worst world are picked by half of the replications and
measured by the other half, both ways, and it is too small on average. The truth lies between the
two expectations, and where they are far apart more replications are wanted.

Intervals are of the luck of the runs alone, in these worlds: percentiles over replications drawn
with replacement, all candidates and worlds of one together (paired bootstrap, Efron 1979). A few
replications make them somewhat too narrow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.errors import InputError, nearest
from sim.studies.resampling import bootstrap_weights
from sim.studies.statistics import LEVEL
from sim.studies.wording import LOWER_IS_BETTER, figure, label, percent, policy_text

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 1_000
Candidate = tuple[str, int]
"""A policy and a point of the levers."""


class Range(NamedTuple):
    """A figure and the 95 % interval that the luck of the runs leaves it; nan ends without one."""

    value: float
    low: float
    high: float


class Robustness(NamedTuple):
    """A candidate across the worlds.

    mean : of the objective over worlds. regret, worst_regret : mean and largest over worlds.
    split_regret, split_worst_regret : the same, picked by half of the replications and measured by
    the other half; nan with one replication. worst_world : where its regret is largest. best_in,
    beats_baseline, satisficing : shares of worlds, by the means there; nan without a baseline or
    goals.
    """

    mean: Range
    regret: Range
    split_regret: float
    worst_regret: Range
    split_worst_regret: float
    worst_world: int
    best_in: Range
    beats_baseline: Range
    satisficing: Range


@dataclass(frozen=True, eq=False)
class Worlds:
    """Outcomes of candidates in worlds, replication by replication.

    candidates : in the order of the rows. worlds : their numbers. values : float64 (candidates,
    worlds, replications) of the objective, higher is better. margins : float64 (goals, candidates,
    worlds, replications), by how much each goal is passed. twins : int64 (candidates,), place of
    the baseline at the same point, -1 without one. complete : bool (worlds, replications), where
    every candidate has finished; the rest is left out. worlds_left_out : those without any.
    """

    objective: str
    candidates: tuple[Candidate, ...]
    worlds: tuple[int, ...]
    values: np.ndarray
    margins: np.ndarray
    twins: np.ndarray
    complete: np.ndarray
    worlds_left_out: int

    @property
    def sign(self) -> int:
        """-1 where a lower objective is better, else 1."""
        return -1 if self.objective in LOWER_IS_BETTER else 1


def in_worlds(
    rows: pd.DataFrame,
    objective: str,
    *,
    baseline: str | None = None,
    goals: Mapping[str, float] | None = None,
) -> Worlds:
    """Arrange the rows of a study.

    rows : columns policy, world, point, replication and a column per measure; runs that failed are
    absent or nan. baseline : a policy to compare with. goals : by measure the least that will do,
    the most where lower is better, as for costs.

    Raises
    ------
    InputError
        If a column or the baseline is missing, or no replication was finished by every candidate.
    """
    goals = goals or {}
    for name in ("policy", "world", "point", "replication", objective, *goals):
        if name not in rows.columns:
            raise InputError(f"the rows have no column '{name}'{nearest(name, list(rows.columns))}")
    keys = zip(rows["policy"].tolist(), rows["point"].tolist(), strict=True)
    places: dict[Candidate, int] = {}
    candidate = [places.setdefault(key, len(places)) for key in keys]
    if baseline is not None and all(policy != baseline for policy, _ in places):
        policies = list(dict.fromkeys(policy for policy, _ in places))
        raise InputError(f"there are no runs of baseline '{baseline}'{nearest(baseline, policies)}")
    worlds, world = np.unique(rows["world"].to_numpy(), return_inverse=True)
    numbers, replication = np.unique(rows["replication"].to_numpy(), return_inverse=True)

    def arranged(measure: str, limit: float = 0.0) -> np.ndarray:
        table = np.full((len(places), worlds.size, numbers.size), np.nan)
        sign = -1.0 if measure in LOWER_IS_BETTER else 1.0
        outcomes = rows[measure].to_numpy(dtype=np.float64, na_value=np.nan)
        table[candidate, world, replication] = sign * (outcomes - limit)
        return table

    values = arranged(objective)
    margins = np.array([arranged(*goal) for goal in goals.items()]).reshape(-1, *values.shape)
    complete = np.isfinite(values).all(axis=0) & np.isfinite(margins).all(axis=(0, 1))
    kept = complete.any(axis=1)
    if not kept.any():
        raise InputError("no replication was finished by every candidate, so none can be compared")
    return Worlds(
        objective=objective,
        candidates=tuple(places),
        worlds=tuple(worlds[kept].tolist()),
        values=np.nan_to_num(values[:, kept]),
        margins=np.nan_to_num(margins[:, :, kept]),
        twins=np.array([_twin(one, baseline, places) for one in places]),
        complete=complete[kept],
        worlds_left_out=int((~kept).sum()),
    )


def _twin(candidate: Candidate, baseline: str | None, places: Mapping[Candidate, int]) -> int:
    """Place of the baseline at the point of a candidate, or wherever it ran; -1 without one."""
    ran = [place for (policy, _), place in places.items() if policy == baseline]
    return places.get((baseline or "", candidate[1]), ran[0] if ran else -1)


def robustness(worlds: Worlds, seed: int) -> dict[Candidate, Robustness]:
    """Every candidate across the worlds; a function of the outcomes and ``seed``."""
    replications = worlds.complete.shape[1]
    found = _figures(worlds, np.ones(replications))
    ends = np.full((2, *found.shape), np.nan)
    if replications > 1:
        weights = bootstrap_weights(seed, RESAMPLES, replications)
        drawn = np.array([_figures(worlds, row) for row in weights])
        known = np.isfinite(found)
        parts = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        ends[:, known] = np.nanquantile(drawn[:, known], parts, axis=0)
    split = _split_regrets(worlds)
    worst = _regrets(_means(worlds.values, worlds.complete)).argmax(axis=1)
    result = {}
    for place, candidate in enumerate(worlds.candidates):
        mean, *shares = (
            Range(*map(float, figures)) for figures in zip(found[:, place], *ends[:, :, place],
                                                           strict=True)
        )  # fmt: skip
        if worlds.sign < 0:
            mean = Range(-mean.value, -mean.high, -mean.low)
        regret, worst_regret, best_in, beats, meets = shares
        result[candidate] = Robustness(
            mean, regret, float(split[0, place]), worst_regret, float(split[1, place]),
            worlds.worlds[worst[place]], best_in, beats, meets,
        )  # fmt: skip
    return result


def _means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means of (..., worlds, replications) over replications; nan without any weight."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (values * weights).sum(axis=-1) / weights.sum(axis=-1)


def _regrets(means: np.ndarray) -> np.ndarray:
    """How far each candidate is behind the best of a world, of means (candidates, worlds)."""
    return means.max(axis=0) - means


def _figures(worlds: Worlds, weights: np.ndarray) -> np.ndarray:
    """Mean, regret, worst regret and the three shares, float64 (6, candidates).

    weights : float64 (replications,), how often each counts. A world whose replications all have
    the weight 0 is left out.
    """
    counted = worlds.complete * weights
    use = counted.sum(axis=1) > 0
    means = _means(worlds.values, counted)[:, use]
    regrets = _regrets(means)
    leads = regrets == 0
    figures = np.full((6, len(worlds.candidates)), np.nan)
    if not use.any():
        return figures
    figures[0], figures[1], figures[2] = (
        means.mean(axis=1),
        regrets.mean(axis=1),
        regrets.max(axis=1),
    )
    figures[3] = (leads / leads.sum(axis=0)).mean(axis=1)
    if (worlds.twins >= 0).all():
        figures[4] = (means > means[worlds.twins]).mean(axis=1)
    if len(worlds.margins):
        figures[5] = (_means(worlds.margins, counted)[:, :, use] >= 0).all(axis=0).mean(axis=1)
    return figures


def _split_regrets(worlds: Worlds) -> np.ndarray:
    """Mean and largest regret, float64 (2, candidates), picked and measured by different halves.

    Every other finished replication of a world is in the same half. Worlds with one only are left
    out.
    """
    order = worlds.complete.cumsum(axis=1)
    halves = [_means(worlds.values, worlds.complete & (order % 2 == odd)) for odd in (0, 1)]
    use = np.isfinite(halves[0]).all(axis=0) & np.isfinite(halves[1]).all(axis=0)
    if not use.any():
        return np.full((2, len(worlds.candidates)), np.nan)
    every = np.arange(len(worlds.candidates))
    found = []
    for picked, measured in itertools.permutations([half[:, use] for half in halves]):
        best = measured[picked.argmax(axis=0), np.arange(picked.shape[1])]
        regrets = best - measured
        found.append([regrets.mean(axis=1), regrets[every, _regrets(picked).argmax(axis=1)]])
    return np.mean(found, axis=0)


def statement(worlds: Worlds, found: Mapping[Candidate, Robustness], currency: str) -> str:
    """Which candidate is safest, in plain words: the smallest worst regret, and how sure it is."""
    safest = min(found, key=lambda one: found[one].worst_regret.value)
    one = found[safest]
    several = len({point for _, point in found}) > 1
    name = policy_text(safest[0], starts=True)
    name += f" at point {safest[1]}" if several else ""
    unit = f" {currency}" if worlds.objective.endswith("_cents") else ""
    worst = figure(worlds.objective, one.worst_regret.value)
    split = figure(worlds.objective, one.split_worst_regret)
    least = "" if math.isnan(one.split_worst_regret) else f" ({split} by split runs)"
    share = percent(one.best_in.value, digits=0)
    return (
        f"{name} risks least: in no world is it more than {worst}{unit} {label(worlds.objective)} "
        f"behind the best policy there{least}; it is the best in {share} of "
        f"{len(worlds.worlds):,} worlds"
    )
