"""Where the differences between runs come from: luck, what is not known, or what is chosen.

Runs are crossed: every choice (policy and point) in every world (a draw of what is not known) with
every replication (luck: network, traits and draws). Three random factors with all interactions
explain a run; since a run is a function of the three, nothing is left over.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import InputError, nearest
from sim.randomness import Decision, derive_seed
from sim.studies.resampling import bootstrap_weights
from sim.studies.statistics import LEVEL
from sim.studies.wording import capital, label, listed

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 400
AXES = ("choice", "world", "luck")
"""The axes of the crossed outcomes, in order."""

GROUPS = {
    "choice": "what you choose",
    "world": "what is not known",
    "choice x world": "choices that do better in some worlds than in others",
    "luck": "luck",
}
"""The parts of the variance in words; whatever differs from replication to replication is luck."""

_ROUNDING = 1e-24  # of the mean square of the outcomes
Effect = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Shares:
    """The variance of an outcome between runs, divided up.

    components : a row per effect (choice, world, luck and their interactions): effect, group,
    variance (unbiased, so that a small one may be below 0), sd (0 then). groups : a row per group
    of :data:`GROUPS` that was varied: group, share, low, high (95 %), meaning. missing : runs that
    should have been there and have no outcome. levels : how many choices, worlds and replications.
    """

    measure: str
    components: pd.DataFrame
    groups: pd.DataFrame
    runs: int
    missing: int
    levels: tuple[int, int, int]

    @property
    def sentence(self) -> str:
        """The shares in words, the largest first."""
        if self.groups["share"].isna().any():
            return f"{capital(label(self.measure))} is the same in every run"
        rows = self.groups.sort_values("share", ascending=False, kind="stable")
        parts = [
            f"{row.meaning} {100 * row.share:.0f} % ({100 * row.low:.0f} to {100 * row.high:.0f})"
            for row in rows.itertuples()
        ]
        text = f"Differences in {label(self.measure)} between runs come from {listed(parts)}"
        fixed = [
            words
            for words, count in zip(("one choice", "one world"), self.levels, strict=False)
            if count == 1
        ]
        return f"{text}; with {listed(fixed)} only" if fixed else text


def variance_shares(outcomes: pd.DataFrame, measure: str, seed: int) -> Shares:
    """What the variance of a measure between the runs of a study goes back to.

    outcomes : a row per run with the columns policy, world, point, replication and the measure;
    runs that failed have none.

    The components are those of an analysis of variance with three crossed random factors, for
    incomplete data by the mean squared differences of all pairs of runs that agree in some of the
    three and differ in the others (Koch 1967); without gaps that is the usual analysis of
    variance. Each is unbiased, as if choices, worlds and luck were drawn from more of their kind.
    Shares count components below 0 as 0. Their intervals are those of a bootstrap over worlds and
    replications, drawn as weights (Efron 1979); choices are those of the study and are not drawn.
    Such intervals are short where there are few levels: in simulations of 30 worlds and 10
    replications those of 95 % held the truth in 86 to 99 % of studies.

    Raises
    ------
    InputError
        If a column is missing, or there are fewer than two replications.
    """
    for name in ("policy", "world", "point", "replication", measure):
        if name not in outcomes:
            raise InputError(f"outcomes have no column '{name}'{nearest(name, outcomes.columns)}")
    choices = outcomes.groupby(["policy", "point"], sort=True).ngroup()
    columns = [choices, outcomes["world"], outcomes["replication"]]
    places = [np.unique(column.to_numpy(), return_inverse=True) for column in columns]
    cells = np.full([len(levels) for levels, _ in places], np.nan)
    cells[tuple(place for _, place in places)] = outcomes[measure].to_numpy(np.float64)
    return shares_of(cells, measure, seed)


def shares_of(outcomes: np.ndarray, measure: str, seed: int) -> Shares:
    """:func:`variance_shares` of crossed outcomes, float64 (choices, worlds, replications).

    nan where there is no run; an axis of length 1 was not varied.

    Raises
    ------
    InputError
        If there are fewer than two replications, or too few runs for one of the components.
    """
    import pandas as pd

    if outcomes.ndim != 3 or outcomes.shape[2] < 2:
        raise InputError(
            f"outcomes of shape {outcomes.shape} do not tell luck from the rest; they need "
            "choices, worlds and at least two replications"
        )
    present = np.isfinite(outcomes)
    values = outcomes - (outcomes[present].mean() if present.any() else 0.0)
    effects = _effects(outcomes.shape)
    weights = [np.ones(size) for size in outcomes.shape]
    found = _components(values, present, weights, effects)
    if np.isnan(found).any():
        raise InputError(
            f"{present.sum()} runs of {outcomes.size} are too few to divide up the variance of "
            f"{measure}; run more of them"
        )
    groups = [_group(effect) for effect in effects]
    names = [name for name in GROUPS if name in groups]
    own = derive_seed(seed, int(Decision.RESAMPLE))
    rounding = _ROUNDING * float((outcomes[present] ** 2).mean())
    resampled = np.array([
        _shares(_components(values, present, drawn, effects), groups, names, rounding)
        for drawn in _drawn_weights(outcomes.shape, own)
    ])  # fmt: skip
    shares = _shares(found, groups, names, rounding)
    tail = 50 * (1 - LEVEL)
    low, high = shares, shares
    if np.isfinite(shares).all():
        low, high = np.nanpercentile(resampled, [tail, 100 - tail], axis=0)
    components = pd.DataFrame(
        {
            "effect": [" x ".join(AXES[axis] for axis in effect) for effect in effects],
            "group": groups,
            "variance": found,
            "sd": np.sqrt(np.maximum(found, 0.0)),
        }
    )
    table = pd.DataFrame(
        {
            "group": names, "share": shares,
            "low": np.minimum(low, shares), "high": np.maximum(high, shares),
            "meaning": [GROUPS[name] for name in names],
        }
    )  # fmt: skip
    return Shares(
        measure=measure,
        components=components,
        groups=table,
        runs=int(present.sum()),
        missing=int((~present).sum()),
        levels=(outcomes.shape[0], outcomes.shape[1], outcomes.shape[2]),
    )


def _effects(shape: tuple[int, ...]) -> list[Effect]:
    """The main effects and interactions of the axes that were varied, main effects first."""
    varied = [axis for axis, size in enumerate(shape) if size > 1]
    return [
        one for size in range(1, len(varied) + 1) for one in itertools.combinations(varied, size)
    ]


def _group(effect: Effect) -> str:
    return "luck" if 2 in effect else " x ".join(AXES[axis] for axis in effect)


def _drawn_weights(shape: tuple[int, ...], seed: int) -> Iterable[list[np.ndarray]]:
    """How often worlds and replications are drawn, RESAMPLES times; an axis of one stays."""
    choices, worlds, _ = shape
    drawn = [bootstrap_weights(derive_seed(seed, axis), RESAMPLES, shape[axis]) for axis in (1, 2)]
    for of_worlds, of_luck in zip(*drawn, strict=True):
        yield [np.ones(choices), of_worlds if worlds > 1 else np.ones(1), of_luck]


def _shares(
    components: np.ndarray, groups: list[str], names: list[str], rounding: float
) -> np.ndarray:
    """Shares of the groups ``names``, float64 (names,); nan where nothing varies."""
    positive = np.maximum(components, 0.0)
    total = positive.sum()
    if not total > rounding:
        return np.full(len(names), np.nan)
    members = np.array([[group == name for group in groups] for name in names])
    return members @ positive / total


def _components(
    values: np.ndarray, present: np.ndarray, weights: list[np.ndarray], effects: list[Effect]
) -> np.ndarray:
    """The variance of each effect, float64 (effects,); nan where no pair of runs tells it.

    Half the mean squared difference of two runs that agree in a set of axes alone is the sum of
    the components of all effects that are not inside the set. So the total, that of runs that
    agree in nothing, less it is the sum of the components inside, and those follow one by one.
    """
    total = _half_squared_difference(values, present, weights, ())
    found: dict[Effect, float] = {}
    full = effects[-1]
    for effect in effects:
        inside = sum(
            found[smaller]
            for size in range(1, len(effect))
            for smaller in itertools.combinations(effect, size)
        )
        apart = 0.0
        if effect != full:
            apart = _half_squared_difference(values, present, weights, effect)
        found[effect] = total - apart - inside
    return np.array([found[effect] for effect in effects])


def _half_squared_difference(
    values: np.ndarray, present: np.ndarray, weights: list[np.ndarray], agree: Effect
) -> float:
    """Half the weighted mean squared difference of pairs that agree in exactly these axes.

    A pair weighs the product of its levels' weights, a level in which it agrees once: so a level
    that is drawn twice is no second level, and the mean stays unbiased whatever the weights.
    Axes of one level agree in any case.
    """
    apart = [axis for axis in range(3) if axis not in agree and values.shape[axis] > 1]
    squares = pairs = 0.0
    # Pairs that differ in an axis are all pairs less those with the same level.
    for size in range(len(apart) + 1):
        for same in itertools.combinations(apart, size):
            kept = [weights[axis] ** (2 if axis in same else 1) for axis in range(3)]
            sums = _pair_sums(
                values, present, kept, tuple(axis for axis in apart if axis not in same)
            )
            squares += (-1) ** size * sums[0]
            pairs += (-1) ** size * sums[1]
    return squares / pairs if pairs > 0.5 else float("nan")


def _pair_sums(
    values: np.ndarray, present: np.ndarray, weights: list[np.ndarray], free: Effect
) -> tuple[float, float]:
    """Half the sum of squared differences, and the weight, of pairs equal in all but ``free``."""
    filled = np.where(present, values, 0.0)

    def total(table: np.ndarray, axes: Iterable[int]) -> np.ndarray:
        for axis in axes:
            shape = [-1 if one == axis else 1 for one in range(3)]
            weighted = table * weights[axis].reshape(shape)
            table = weighted.sum(axis=axis, keepdims=True) if axis in free else weighted
        return table

    count = total(present.astype(np.float64), free)
    sums, squares = total(filled, free), total(filled**2, free)
    fixed = [axis for axis in range(3) if axis not in free]
    return (
        float(total(count * squares - sums**2, fixed).sum()),
        float(total(count**2, fixed).sum()),
    )
