"""Which settings to try next: all of a small grid, a Latin hypercube, then Optuna's proposals.

The search is a function of what has been tried: each batch asks a sampler that is told all trials
so far, in their order, and seeded with the number of the batch. How many workers made the runs, or
in which order, is not in it.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.randomness import Decision, derive_seed
from sim.studies.optimizing.evaluation import Setting
from sim.studies.optimizing.levers import Lever, combinations, setting_key
from sim.studies.uncertainty import latin_hypercube

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FIRST_SETTINGS = 10
_MOST_REPEATS = 50
_SEED_LIMIT = 2**32


class Told(NamedTuple):
    """A trial as the sampler is told it.

    scores : of the objectives, more is better, nan where the setting failed. excess : how far each
    limit is broken, above 0 where it is.
    """

    setting: dict[str, Any]
    scores: tuple[float, ...]
    excess: tuple[float, ...]

    @property
    def failed(self) -> bool:
        """Whether there is nothing to judge."""
        return not np.isfinite(self.scores).all()


class Space:
    """The settings of levers, as the search sees them."""

    def __init__(self, levers: Sequence[Lever], as_written: Setting) -> None:
        self.levers = tuple(levers)
        self.as_written = {lever.factor.name: as_written[lever.factor.name] for lever in levers}
        self.combinations = combinations(levers)

    def every_setting(self) -> list[dict[str, Any]]:
        """All settings, where they are counted; the one as written is first or left out."""
        columns = [lever.every_value() for lever in self.levers]
        names = list(self.as_written)
        rows = [dict(zip(names, row, strict=True)) for row in itertools.product(*columns)]
        return _without_repeats([self.as_written, *rows])

    def first_settings(self, count: int, seed: int) -> list[dict[str, Any]]:
        """The setting as written, then ``count`` of a Latin hypercube, each once."""
        table = latin_hypercube(count, len(self.levers), derive_seed(seed, int(Decision.SEARCH)))
        rows = [
            {lever.factor.name: self._at(lever, quantile) for lever, quantile in zip(
                self.levers, row, strict=True)}
            for row in table.tolist()
        ]  # fmt: skip
        return _without_repeats([self.as_written, *rows])

    @staticmethod
    def _at(lever: Lever, quantile: float) -> Any:
        if lever.listed is not None:
            return lever.listed[min(int(quantile * len(lever.listed)), len(lever.listed) - 1)]
        return lever.factor.at(quantile)

    def coordinates(self, setting: Mapping[str, Any]) -> dict[str, Any] | None:
        """Coordinates by name; None where a value is outside its range."""
        found = {
            lever.factor.name: lever.coordinate(setting[lever.factor.name]) for lever in self.levers
        }
        return None if None in found.values() else found

    def setting(self, coordinates: Mapping[str, Any]) -> dict[str, Any]:
        """The setting at coordinates."""
        return {
            lever.factor.name: lever.value(coordinates[lever.factor.name]) for lever in self.levers
        }


def _without_repeats(settings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for setting in settings:
        found.setdefault(setting_key(setting), setting)
    return list(found.values())


def next_settings(
    space: Space, told: Sequence[Told], count: int, seed: int
) -> list[dict[str, Any]]:
    """Up to ``count`` settings that were not tried yet; fewer where none are found any more.

    Where the sampler has nothing new to propose, they come from a further Latin hypercube.

    The tree-structured Parzen estimator (Bergstra et al. 2011), multivariate, for one objective or
    several (Ozaki et al. 2020); within a batch what is pending counts as bad, so that proposals
    keep apart. Optuna's NSGA-II needs more trials than a study of simulations has.

    Raises
    ------
    InputError
        If Optuna is not installed.
    """
    with _quiet_optuna() as optuna:
        names = [lever.factor.name for lever in space.levers]
        distributions = {
            name: lever.distribution() for name, lever in zip(names, space.levers, strict=True)
        }
        sampler = optuna.samplers.TPESampler(
            multivariate=True, constant_liar=True, n_startup_trials=1,
            seed=derive_seed(seed, int(Decision.SEARCH), len(told)) % _SEED_LIMIT,
        )  # fmt: skip
        objectives = len(told[0].scores)
        study = optuna.create_study(directions=["maximize"] * objectives, sampler=sampler)
        study.add_trials(_frozen(space, told, distributions))
        seen = {setting_key(one.setting) for one in told}
        found: list[dict[str, Any]] = []
        repeats = 0
        while len(found) < count and repeats < _MOST_REPEATS:
            # A repeat stays pending, which moves the next proposal away from it.
            setting = space.setting(study.ask(distributions).params)
            if setting_key(setting) in seen:
                repeats += 1
            else:
                seen.add(setting_key(setting))
                found.append(setting)
    return [*found, *_elsewhere(space, seen, count - len(found), seed, len(told))]


def _elsewhere(
    space: Space, seen: set[tuple[str, ...]], count: int, seed: int, told: int
) -> list[dict[str, Any]]:
    """Up to ``count`` settings not in ``seen`` from all over the space."""
    if count == 0:
        return []
    drawn = space.first_settings(_MOST_REPEATS * count, derive_seed(seed, told))[1:]
    return [setting for setting in drawn if setting_key(setting) not in seen][:count]


def _frozen(space: Space, told: Sequence[Told], distributions: dict[str, Any]) -> list[FrozenTrial]:
    """Trials inside the space as Optuna keeps them.

    One that failed is told as the worst there is and as breaking a limit of its own, so that the
    search leaves its surroundings; Optuna would come back to a trial told as failed.
    """
    from optuna.trial import create_trial

    known = [one.scores for one in told if not one.failed]
    worst = np.min(known, axis=0).tolist() if known else [0.0] * len(told[0].scores)
    trials = []
    for one in told:
        coordinates = space.coordinates(one.setting)
        if coordinates is None:
            continue
        limits = [0.0] * len(one.excess) if one.failed else one.excess
        constraints = {f"limit {place}": float(value) for place, value in enumerate(limits)}
        trials.append(
            create_trial(
                values=worst if one.failed else list(one.scores), params=coordinates,
                distributions=distributions,
                constraints={"runs": float(one.failed), **constraints},
            )
        )  # fmt: skip
    return trials


@contextmanager
def _quiet_optuna() -> Iterator[Any]:
    """Optuna, without its log and its notices of experimental features."""
    try:
        import optuna
    except ImportError:
        raise InputError(
            'vouch optimize needs Optuna, which is not installed: pip install "vouch-sim[analysis]"'
        ) from None
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield optuna
    finally:
        optuna.logging.set_verbosity(verbosity)
