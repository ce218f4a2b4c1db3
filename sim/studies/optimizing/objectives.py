"""What a search wants and what it may not do: objectives, limits, and robustness over worlds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from sim.studies.optimizing.evaluation import Evaluation, mean_over_worlds, world_means
from sim.studies.statistics import mean_interval, ratio_of_means, share_interval
from sim.studies.sweeps.study_file import Constraint, Optimize, check_measure
from sim.studies.wording import figure, label, percent

Robust = Literal["mean", "worst", "regret"]


class Objective(NamedTuple):
    """A measure of the policy, as the gain beyond the baseline of the scenario as written.

    The baseline is that of the scenario as written, not of the setting: it is what there is
    without any change, so a lever that also moves the baseline, such as a price, is judged by what
    it brings. For a mean over worlds the best setting is that with the best level, too.
    """

    measure: str
    maximize: bool

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.maximize else -1

    def gains(self, evaluation: Evaluation, written: Evaluation) -> np.ndarray:
        """Policy minus the baseline as written, float64 (worlds, replications)."""
        return evaluation.policy[self.measure] - written.baseline[self.measure]


def objectives_of(question: Optimize) -> tuple[Objective, ...]:
    """The objectives of a study file, in order."""
    return (
        *(Objective(measure, True) for measure in question.maximize),
        *(Objective(measure, False) for measure in question.minimize),
    )


def measures_of(question: Optimize) -> tuple[str, ...]:
    """Every measure that a search reads."""
    limited = [limit.measure for limit in question.constraints]
    divisors = [limit.per for limit in question.constraints if limit.per is not None]
    return tuple(dict.fromkeys((*question.maximize, *question.minimize, *limited, *divisors)))


def check_question(question: Optimize, known: Sequence[str], where: str) -> None:
    """Refuse a measure that the outcomes do not have."""
    for measure in measures_of(question):
        check_measure(measure, tuple(known), where)


class LimitReading(NamedTuple):
    """How a limit is kept.

    value, low, high : the mean (or ratio of means) with its 95 % interval, or the share of runs
    that keep it. excess : how far it is broken, as a share of the bound, or in shares of runs; at
    most 0 where it is kept.
    """

    limit: Constraint
    value: float
    low: float
    high: float
    excess: float

    @property
    def kept(self) -> bool:
        """Whether the limit is kept."""
        return self.excess <= 0


def read_limit(limit: Constraint, evaluation: Evaluation, robust: Robust) -> LimitReading:
    """How the policy keeps ``limit``: over all worlds for "mean", else in the world that is worst.

    A measure that is not a number in any run does not keep its limit.
    """
    values = evaluation.policy[limit.measure]
    divisors = np.ones_like(values) if limit.per is None else evaluation.policy[limit.per]
    if robust == "mean":
        if limit.probability is not None:
            return _read(limit, values.ravel(), divisors.ravel())
        return _read(limit, mean_over_worlds(values), mean_over_worlds(divisors))
    readings = [_read(limit, *pair) for pair in zip(values, divisors, strict=True)]
    return max(readings, key=lambda reading: reading.excess)


def _read(limit: Constraint, values: np.ndarray, divisors: np.ndarray) -> LimitReading:
    """The reading of values (n,) over divisors (n,)."""
    both = np.isfinite(values) & np.isfinite(divisors)
    values, divisors = values[both], divisors[both]
    side, bound = (1, limit.at_most) if limit.at_most is not None else (-1, limit.at_least)
    assert bound is not None
    if values.size == 0:
        return LimitReading(limit, math.nan, math.nan, math.nan, 1.0)
    if limit.probability is None:
        found = mean_interval(values) if limit.per is None else ratio_of_means(values, divisors)
        excess = side * (found.mean - bound) / (abs(bound) or 1.0)
        excess = excess if math.isfinite(excess) else 1.0
        return LimitReading(limit, found.mean, found.low, found.high, excess)
    keeps = int(np.count_nonzero(side * values <= side * bound * divisors))
    share = keeps / values.size
    low, high = share_interval(keeps, values.size)
    return LimitReading(limit, share, low, high, limit.probability - share)


def limit_text(limit: Constraint, currency: str) -> str:
    """A limit as a reader says it: "payout at most 2,000.00 EUR"."""
    word, bound = ("at most", limit.at_most) if limit.at_most is not None else (
        "at least", limit.at_least
    )  # fmt: skip
    assert bound is not None
    text = f"{label(limit.measure)} {word} {limit_figure(limit, bound, currency)}"
    if limit.per is not None:
        text = f"{label(limit.measure)} per {label(limit.per)} {word} {bound:.4g}"
    if limit.probability is not None:
        text += f" in {percent(limit.probability, digits=0)} of runs"
    return text


def limit_figure(limit: Constraint, value: float, currency: str) -> str:
    """A value of what a limit is about, with its unit."""
    if limit.per is not None:
        return f"{value:.4g}"
    unit = f" {currency}" if limit.measure.endswith("_cents") else ""
    return figure(limit.measure, value) + unit


# ---------------------------------------------------------------------------- over worlds


def rows_over_worlds(
    gains: Sequence[np.ndarray], objective: Objective, robust: Robust, rivals: Sequence[int]
) -> list[np.ndarray]:
    """A value for each replication of each setting, float64 (replications,): its mean is judged.

    gains : of each setting, (worlds, replications). "mean": over worlds. "worst": in the world
    with the worst mean. "regret": what is lost in the world where most is lost against the best
    of the settings ``rivals`` there, which is known only among those tried (Savage 1951).
    """
    if robust == "mean":
        return [mean_over_worlds(values) for values in gains]
    if not gains:
        return []
    means = objective.sign * np.array([world_means(values) for values in gains])
    if robust == "worst":
        return [values[_first_smallest(row)] for values, row in zip(gains, means, strict=True)]
    among = np.array(rivals, np.int64)
    best = among[np.argmax(np.where(np.isnan(means[among]), -np.inf, means[among]), axis=0)]
    top = means[best, np.arange(means.shape[1])]
    rows = []
    for values, row in zip(gains, means, strict=True):
        world = _first_smallest(row - top)
        rows.append(objective.sign * (gains[best[world]][world] - values[world]))
    return rows


def _first_smallest(row: np.ndarray) -> int:
    """The position of the smallest entry; of one that is not known, if there is any."""
    unknown = np.isnan(row)
    return int(unknown.argmax() if unknown.any() else row.argmin())


def score(row: np.ndarray, objective: Objective, robust: Robust) -> float:
    """What is judged of a row of :func:`rows_over_worlds`: more is better; nan if not known."""
    mean = mean_interval(row).mean
    return -mean if robust == "regret" else objective.sign * mean
