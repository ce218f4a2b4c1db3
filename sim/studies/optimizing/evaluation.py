"""What a search asks of a study: the runs of a setting of the levers, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sim.errors import InputError
from sim.scenario import Scenario
from sim.studies.crews import StoppedError
from sim.studies.sweeps.factors import Factor, declared

Setting = Mapping[str, Any]
"""Values of the levers by dotted name."""


@dataclass(frozen=True)
class Evaluation:
    """The runs of one setting.

    policy, baseline : outcomes by measure, each float64 (worlds, replications), nan where a run
    failed. Entry (w, r) of both is the same world with the same luck. problem : why there is no
    run at all, empty otherwise.
    """

    policy: Mapping[str, np.ndarray]
    baseline: Mapping[str, np.ndarray]
    problem: str = ""

    def part(self, replications: slice) -> Evaluation:
        """The same with some of the replications."""
        return Evaluation(
            {name: values[:, replications] for name, values in self.policy.items()},
            {name: values[:, replications] for name, values in self.baseline.items()},
            self.problem,
        )

    def only(self, measures: Iterable[str]) -> Evaluation:
        """The same with some of the measures, those it has."""
        kept = set(measures)
        return Evaluation(
            {name: values for name, values in self.policy.items() if name in kept},
            {name: values for name, values in self.baseline.items() if name in kept},
            self.problem,
        )


class Evaluate(Protocol):
    """Runs settings: a pure function, in whatever order or place the runs are made."""

    def __call__(self, settings: Sequence[Setting], replications: range) -> Sequence[Evaluation]:
        """The evaluation of each setting, in order; InputError where values do not go together."""


def evaluated(
    evaluate: Evaluate, settings: Sequence[Setting], replications: range
) -> list[Evaluation]:
    """``evaluate(settings, replications)``, where a setting that is refused harms no other."""
    if not settings:
        return []
    try:
        return list(evaluate(settings, replications))
    except StoppedError:
        raise
    except InputError:
        return [_evaluated_alone(evaluate, setting, replications) for setting in settings]


def _evaluated_alone(evaluate: Evaluate, setting: Setting, replications: range) -> Evaluation:
    try:
        return evaluate([setting], replications)[0]
    except StoppedError:
        raise
    except InputError as error:
        return Evaluation({}, {}, str(error))


def setting_as_written(scenario: Scenario, factors: Sequence[Factor]) -> dict[str, Any]:
    """The values that the levers have in the scenario."""
    return {factor.name: declared(scenario, factor.name).value for factor in factors}


def world_means(values: np.ndarray) -> np.ndarray:
    """The mean of each world, float64 (worlds,), of the runs that are numbers; nan without any."""
    is_number = np.isfinite(values)
    counts = is_number.sum(axis=1)
    sums = np.where(is_number, values, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def mean_over_worlds(values: np.ndarray) -> np.ndarray:
    """A value for each replication, float64 (replications,), of ``values`` (worlds, replications).

    The mean over worlds, whose spread is that of luck alone. Where a run is missing it stands for
    the mean of its world plus what the replication is above the mean in the others, so that a
    hole moves nothing. nan for a replication without runs, and everywhere if a world has none.
    """
    means = world_means(values)
    # Transposed, a replication is a row.
    return means.mean() + world_means((values - means[:, None]).T)
