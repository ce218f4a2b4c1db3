"""Sensitivity: which factors move an outcome, by Morris, Sobol or PAWN indices with intervals.

Indices are about the expected outcome: the mean over luck at a setting of the factors. Replication
r has the same luck in every setting, so effects are paired differences. What luck still adds to
them is estimated from the spread over replications and taken out of the squared effects, or shown
beside them.

The samples are SALib's (Iwanaga, Usher and Herman 2022). The formulas are written out in
:mod:`sim.studies.sensitivity.indices`, since SALib's take no failed runs and no replications; on
complete outcomes without luck they are equal to SALib's, which is a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from sim.errors import InputError, nearest
from sim.randomness import Decision, derive_seed
from sim.studies.resampling import uniform_rows
from sim.studies.sensitivity.indices import (
    Estimate,
    Estimates,
    MorrisEffects,
    PawnDistances,
    SobolVariances,
    estimate_with_intervals,
)
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.sampling import Settings, at_quantiles
from sim.studies.uncertainty import latin_hypercube

if TYPE_CHECKING:
    import pandas as pd

    from sim.studies.sweeps.study_file import Sensitivity

Method = Literal["morris", "sobol", "pawn"]
METHODS: tuple[Method, ...] = get_args(Method)
FALSE_ALARM = 0.05
"""Chance that any factor without an effect is called beyond noise, over all factors together."""

FEWEST_REPLICATIONS = 3
"""Two leave none to tell how sure the luck that is taken out is."""

UNITS = {"morris": "trajectories", "sobol": "rows of the sample", "pawn": "settings"}
_FEWEST_UNITS = {"morris": 4, "sobol": 16}
_FEWEST_IN_A_SLICE = 10
_RANKED_BY = {"morris": "mu_star", "sobol": "ST", "pawn": "median"}
_SAMPLE, _CATEGORY, _INTERVALS = range(3)


@dataclass(frozen=True, eq=False)
class Indices:
    """The indices of one outcome.

    table : a row per factor, the strongest first. Columns: factor; the indices of the method, each
    with NAME_conf, the half width of its 95 % interval; rank, from 1; beyond_noise.

    - morris: mu_star, the mean size of the change of the outcome over the whole range of the
      factor (or from one category to another), mu with the sign (nan over three or more
      categories, which have no direction), sigma, the spread of the changes, and luck, the mu_star
      that luck alone would show.
    - sobol: S1 and ST, the shares of the variance of the expected outcome that go back to the
      factor alone and to the factor with its interactions. Estimates may fall below 0 or above 1;
      they are nan where the outcome does not surely vary beyond luck.
    - pawn: median and maximum over slices of the factor of the largest distance between the
      distribution of the outcome in the slice and that over all settings; dummy, the maximum that
      a factor without any effect stays below where luck is not shared.

    runs, failed : runs there should have been, and how many have no outcome. units, left_out :
    trajectories (morris), rows of the base sample (sobol) or settings (pawn), and how many of them
    were not used for want of runs.
    """

    method: Method
    table: pd.DataFrame
    runs: int
    failed: int
    units: int
    left_out: int

    @property
    def note(self) -> str:
        """What failed and what was left out: "3 of 640 runs failed; no trajectories left out"."""
        lost = f"{self.left_out:,} of {self.units:,}" if self.left_out else "no"
        text = f"No run of {self.runs:,} failed"
        if self.failed:
            text = f"{self.failed:,} of {self.runs:,} runs failed"
            text += f"; {lost} {UNITS[self.method]} left out"
        if self.table[_RANKED_BY[self.method]].isna().any():
            text += "; beyond luck the outcome hardly varies: more replications may show more"
        return text


# -------------------------------------------------------------------------------------- samples


def plan_settings(
    factors: Sequence[Factor], table: Sensitivity, seed: int, where: str = ""
) -> tuple[Settings, np.ndarray]:
    """The settings to run and their quantiles, float64 (settings, factors) in [0, 1].

    A function of the arguments. morris: samples x (factors + 1) settings (Morris 1991); sobol:
    samples x (factors + 2) (Saltelli et al. 2010); pawn: a Latin hypercube of samples settings.
    A Morris step over a list of values goes from one of them to another one, drawn evenly.
    ``where`` opens messages.

    Raises
    ------
    InputError
        If there are no factors, one has a single value, or SALib is not installed.
    """
    if not factors:
        raise InputError(f"{where}there are no factors; name what to vary in [worlds] or [points]")
    for factor in factors:
        if not factor.is_numeric and len(factor.values) < 2:
            raise InputError(f"{where}'{factor.name}' has one value; give at least two")
    own = derive_seed(seed, int(Decision.PARAMETER), _SAMPLE)
    samples = table.samples_of_method
    if table.method == "pawn":
        quantiles = latin_hypercube(samples, len(factors), own)
    elif table.method == "sobol":
        sampler = _salib(where).sobol
        quantiles = sampler.sample(
            _problem(factors), samples, calc_second_order=False, seed=own
        )  # fmt: skip
    else:
        sampler = _salib(where).morris
        quantiles = sampler.sample(_problem(factors), samples, num_levels=table.levels, seed=own)
        quantiles = _between_categories(factors, quantiles, seed)
    return at_quantiles(factors, quantiles), quantiles


def _salib(where: str) -> Any:
    """SALib's samplers, which come with an extra."""
    try:
        from SALib import sample
        from SALib.sample import morris, sobol  # noqa: F401 - makes them attributes of sample
    except ImportError:
        raise InputError(
            f"{where}the sample needs SALib, which is not installed: "
            'pip install "vouch-sim[analysis]"'
        ) from None
    return sample


def _problem(factors: Sequence[Factor]) -> dict[str, Any]:
    return {
        "num_vars": len(factors),
        "names": [factor.name for factor in factors],
        "bounds": [[0.0, 1.0]] * len(factors),
    }


def _between_categories(factors: Sequence[Factor], quantiles: np.ndarray, seed: int) -> np.ndarray:
    """Trajectories whose steps over a list of values join two values drawn evenly.

    Levels of the unit interval would join some pairs only: of three values never the first two.
    """
    size = len(factors) + 1
    paths = quantiles.reshape(-1, size, size - 1).copy()
    drawn = uniform_rows(
        derive_seed(seed, int(Decision.PARAMETER), _CATEGORY), len(paths), 2 * size
    )
    for place, factor in enumerate(factors):
        if factor.is_numeric:
            continue
        count = len(factor.values)
        first = (drawn[:, 2 * place] * count).astype(int)
        second = (first + 1 + (drawn[:, 2 * place + 1] * (count - 1)).astype(int)) % count
        moved = paths[:, :, place] != paths[:, :1, place]
        paths[:, :, place] = (np.where(moved, second[:, None], first[:, None]) + 0.5) / count
    return paths.reshape(quantiles.shape)


# ------------------------------------------------------------------------------------- analysis


def analyse(
    method: Method,
    factors: Sequence[Factor],
    quantiles: np.ndarray,
    outcomes: np.ndarray,
    *,
    seed: int,
    slices: int = 10,
    where: str = "",
) -> Indices:
    """The indices of an outcome over the settings of :func:`plan_settings`.

    quantiles : as planned. outcomes : float64 (settings, replications), nan for a failed run;
    column r has the same luck in every row. slices : parts of a factor's range (pawn). ``where``
    opens messages.

    Failed runs: of a trajectory (morris) or a row of the base sample with all its blocks (sobol)
    only the replications are used that all of its settings have; it is left out with fewer than
    three, and so is a setting (pawn).

    Intervals of 95 % cover the choice of settings and luck: the variance of a bootstrap over
    trajectories, rows or settings, plus that of a jackknife over replications, which luck that
    settings share needs; Student's t with the degrees of freedom of Welch and Satterthwaite. Luck
    that settings do not share is in both, so the intervals are rather too wide than too narrow.

    beyond_noise : whether mu or the mean squared effect without luck (morris), S1 or ST (sobol), or
    the maximum less what luck may add to it (pawn, against dummy) is apart from 0 beyond chance, at
    5 % over all factors together (Bonferroni).

    Raises
    ------
    InputError
        If the arrays do not fit the method, or too few runs are left.
    """
    if method not in METHODS:
        raise InputError(f"{where}method = {method!r} is not known{nearest(method, METHODS)}")
    outcomes = np.asarray(outcomes, dtype=np.float64)
    if outcomes.ndim != 2 or quantiles.shape != (len(outcomes), len(factors)):
        raise InputError(
            f"{where}outcomes {outcomes.shape} and quantiles {quantiles.shape} do not fit; both "
            f"need a row per setting, quantiles a column for each of {len(factors)} factors"
        )
    replications = outcomes.shape[1]
    if replications < FEWEST_REPLICATIONS:
        raise InputError(
            f"{where}replications = {replications}; at least {FEWEST_REPLICATIONS} are needed to "
            "tell effects from luck"
        )
    size = {"morris": len(factors) + 1, "sobol": len(factors) + 2, "pawn": 1}[method]
    if len(outcomes) == 0 or len(outcomes) % size:
        raise InputError(f"{where}{len(outcomes)} settings are no sample of {method}; plan it anew")
    blocks = outcomes.reshape(-1, size, replications)
    paths = quantiles.reshape(-1, size, len(factors))
    usable = np.isfinite(blocks).all(axis=1)
    kept = usable.sum(axis=1) >= FEWEST_REPLICATIONS
    fewest = _FEWEST_UNITS.get(method, _FEWEST_IN_A_SLICE * slices)
    if kept.sum() < fewest:
        raise InputError(
            f"{where}{kept.sum()} of {len(blocks)} {UNITS[method]} have runs enough; {method} "
            f"needs at least {fewest}: more samples, or see why runs failed"
        )
    blocks, paths, usable = blocks[kept], paths[kept], usable[kept]
    estimator = _estimator(method, factors, blocks, paths, slices)
    own = derive_seed(seed, int(Decision.RESAMPLE), _INTERVALS)
    found = estimate_with_intervals(estimator, usable, own)
    return Indices(
        method=method,
        table=_table(method, factors, estimator, found, own),
        runs=outcomes.size,
        failed=int((~np.isfinite(outcomes)).sum()),
        units=len(kept),
        left_out=int((~kept).sum()),
    )


def _estimator(
    method: Method,
    factors: Sequence[Factor],
    blocks: np.ndarray,
    paths: np.ndarray,
    slices: int,
) -> MorrisEffects | SobolVariances | PawnDistances:
    if method == "sobol":
        return SobolVariances(blocks)
    if method == "morris":
        return MorrisEffects(blocks, _moves(factors, paths))
    return PawnDistances(blocks[:, 0], _slices(factors, paths[:, 0], slices))


def _levels(factor: Factor) -> int | None:
    """How many values a factor has, None where it has a range of them."""
    if factor.low is None or factor.high is None:
        return len(factor.values)
    is_counted = factor.whole and factor.scale == "linear"
    return int(factor.high) - int(factor.low) + 1 if is_counted else None


def _part(quantiles: np.ndarray, parts: int) -> np.ndarray:
    """Which of ``parts`` equal parts of [0, 1] each quantile is in, as :meth:`Factor.at` has it."""
    return np.minimum((quantiles * parts).astype(np.int64), parts - 1)


def _moves(factors: Sequence[Factor], paths: np.ndarray) -> np.ndarray:
    """By how much of its range each factor moves where it does, float64 (trajectories, D + 1, D).

    0 elsewhere. The move from one category to another counts as the whole range.
    """
    places = np.empty_like(paths)
    for column, factor in enumerate(factors):
        levels = _levels(factor)
        place = paths[:, :, column]
        places[:, :, column] = place if levels is None else _part(place, levels) / (levels - 1)
    moves = np.diff(places, axis=1)
    is_category = np.array([not factor.is_numeric for factor in factors])
    return np.where(is_category, np.sign(moves), moves)


def _slices(factors: Sequence[Factor], quantiles: np.ndarray, slices: int) -> np.ndarray:
    """The slice of each factor that a setting is in, int64 (settings, D): a value, if it is few."""
    columns = []
    for column, factor in enumerate(factors):
        levels = _levels(factor)
        few = levels is not None and (not factor.is_numeric or levels <= slices)
        columns.append(_part(quantiles[:, column], levels if few and levels else slices))
    return np.stack(columns, axis=1)


def _table(
    method: Method,
    factors: Sequence[Factor],
    estimator: MorrisEffects | SobolVariances | PawnDistances,
    found: Estimates,
    seed: int,
) -> pd.DataFrame:
    import pandas as pd

    chance = FALSE_ALARM / len(factors)
    columns: dict[str, Any] = {"factor": [factor.name for factor in factors]}

    def add(name: str, estimate: Estimate) -> None:
        half = estimate.half_width()
        # An index without an interval could be anything.
        columns[name] = np.where(np.isnan(half), np.nan, estimate.value)
        columns[f"{name}_conf"] = half

    if isinstance(estimator, MorrisEffects):
        for name in ("mu_star", "mu", "sigma"):
            add(name, found[name])
        many = np.array([not one.is_numeric and len(one.values) > 2 for one in factors])
        for name in ("mu", "mu_conf"):
            columns[name] = np.where(many, np.nan, columns[name])
        columns["luck"] = found["luck"].value
        # Each sees what the other does not: changes of one sign, and changes that cancel out.
        beyond = found["square"].above_zero(1 - chance / 2) | found["mu"].apart(1 - chance / 2)
    elif isinstance(estimator, SobolVariances):
        for name in ("S1", "ST"):
            add(name, found[name])
        beyond = found["ST"].above_zero(1 - chance / 2) | found["S1"].above_zero(1 - chance / 2)
    else:
        for name in ("median", "maximum"):
            add(name, found[name])
        columns["dummy"] = estimator.chance(1 - chance, seed)
        # Permutations do not know luck that settings share; the jackknife does.
        luck = found["maximum"]._replace(unit_variance=np.zeros(len(factors)))
        luck = luck._replace(value=columns["maximum"] - columns["dummy"])
        beyond = luck.above_zero(1 - chance)
    columns["beyond_noise"] = beyond
    strength = np.nan_to_num(np.asarray(columns[_RANKED_BY[method]]), nan=-np.inf)
    table = pd.DataFrame(columns).iloc[np.argsort(-strength, kind="stable")]
    table.insert(len(columns) - 1, "rank", np.arange(1, len(factors) + 1))
    return table.reset_index(drop=True)
