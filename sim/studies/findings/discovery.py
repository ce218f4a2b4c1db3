"""Scenario discovery: the worlds in which a policy loses, as a rule in plain words.

A world is a draw of what is not known. It is a loss where the mean over its replications of the
paired difference, policy minus the one it is compared with, is on the wrong side of 0. Not the
interval: that would make a world a loss or not by the number of replications. How many losses are
beyond luck is said beside.

The rule is a box of :mod:`sim.studies.findings.prim` with its ends rounded; every figure is that of
the rounded rule. Whether it says more than chance is decided by permutation: losses are shuffled
over the worlds and the whole search is done again, so a rule is found in noise in 5 % of studies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sim.errors import InputError, nearest
from sim.randomness import Decision, derive_seed
from sim.studies.findings import prim
from sim.studies.resampling import permutations
from sim.studies.statistics import mean_interval
from sim.studies.sweeps.factors import Factor
from sim.studies.wording import LOWER_IS_BETTER, gist, listed, percent, policy_text, significant

if TYPE_CHECKING:
    import pandas as pd

FEWEST_LOSSES = 5
"""Fewer worlds of a kind, losses or others, are too few to describe."""

SHUFFLES = 199
FALSE_ALARM = 0.05
FOLDS = 5
_MANY = 20  # shuffled studies as good as this one; more would not change the answer
_SHUFFLE, _FOLD = range(2)
_PLAIN_UNITS = frozenset({"days", "people", "friends", "orders", "units", "shares", "percent"})

Kind = Literal["never", "few", "everywhere", "chance", "rule"]


@dataclass(frozen=True)
class Condition:
    """What a rule says of one factor: above low, below high, or one of values; both ends outside.

    quasi_p : chance of so many losses, were this condition without meaning
    (:func:`sim.studies.findings.prim.quasi_p`); it does not know of the search.
    """

    factor: Factor
    low: float
    high: float
    values: tuple[Any, ...]
    quasi_p: float

    def words(self, name: str, currency: str = "") -> str:
        """The condition with ``name`` for the factor: "price is above 40 EUR"."""
        if self.values:
            return f"{name} is {' or '.join(str(value) for value in self.values)}"
        unit = currency if self.factor.money else self.factor.unit
        unit = f" {unit}" if self.factor.money or unit in _PLAIN_UNITS else ""
        low, high = significant(self.low), significant(self.high)
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"{name} is between {low} and {high}{unit}"
        if math.isfinite(self.low):
            return f"{name} is above {low}{unit}"
        return f"{name} is below {high}{unit}"

    def holds(self, column: np.ndarray) -> np.ndarray:
        """Which worlds it holds in, bool (worlds,); categories by number."""
        if self.values:
            return np.isin(column, [_place(self.factor, value) for value in self.values])
        return (column > self.low) & (column < self.high)


@dataclass(frozen=True, eq=False)
class Discovery:
    """Where a policy loses.

    kind : never loses, loses in too few worlds to describe, nearly everywhere, in worlds that no
    rule tells better than chance, or by a rule. worlds : ids of the worlds that have a difference.
    difference : of each, float64 (worlds,), below 0 for a loss. loses, inside : of each, whether it
    is a loss, and whether the rule holds, bool (worlds,). sure : losses with a 95 % interval below
    0.
    left_out : worlds without any run. held_out : share of losses among the worlds that rules found
    without them put inside (5-fold cross-validation), nan without any. chance : share of shuffled
    studies with a box as good, nan where none was looked for.
    """

    kind: Kind
    policy: str
    against: str
    currency: str
    conditions: tuple[Condition, ...]
    worlds: np.ndarray
    difference: np.ndarray
    loses: np.ndarray
    inside: np.ndarray
    sure: int
    left_out: int
    held_out: float
    chance: float

    @property
    def density(self) -> float:
        """Share of losses among the worlds inside, nan without a rule."""
        return float(self.loses[self.inside].mean()) if self.inside.any() else math.nan

    @property
    def coverage(self) -> float:
        """Share of the losses that are inside, nan without a rule."""
        return float(self.inside[self.loses].mean()) if self.inside.any() else math.nan

    @property
    def rule(self) -> str:
        """The conditions with dotted names; empty without a rule."""
        return " and ".join(one.words(one.factor.name, self.currency) for one in self.conditions)

    @property
    def sentence(self) -> str:
        """What was found, in words, naming factors by their description."""
        losses, worlds = int(self.loses.sum()), self.loses.size
        loses = f"{policy_text(self.policy, starts=True)} loses to {policy_text(self.against)}"
        start = f"{loses} in"
        if self.kind == "never":
            return f"{start} none of {worlds} worlds"
        if self.kind == "few":
            return f"{start} only {losses} of {worlds} worlds: too few to describe"
        if self.kind == "everywhere":
            return f"{start} {losses} of {worlds} worlds: nearly everywhere"
        if self.kind == "chance":
            return (
                f"{start} {losses} of {worlds} worlds, but no rule tells which better than chance "
                f"does (p = {self.chance:.2f})"
            )
        conditions = [one.words(named_factor(one.factor), self.currency) for one in self.conditions]
        size, hits = int(self.inside.sum()), int(self.loses[self.inside].sum())
        text = (
            f"{loses} when {listed(conditions)}: in {hits} of {size} "
            f"such worlds ({percent(self.density, digits=0)}) and in {losses - hits} of the "
            f"{worlds - size} others; this covers {percent(self.coverage, digits=0)} of the losses"
        )
        if math.isfinite(self.held_out):
            text += (
                f"; among worlds kept back from the search {percent(self.held_out, digits=0)} lost"
            )
        return text

    def table(self) -> pd.DataFrame:
        """A row per condition: factor, description, unit, low, high, values, quasi_p."""
        import pandas as pd

        rows = [
            {
                "factor": one.factor.name, "description": one.factor.description,
                "unit": one.factor.unit, "low": one.low, "high": one.high,
                "values": ", ".join(str(value) for value in one.values), "quasi_p": one.quasi_p,
            }
            for one in self.conditions
        ]  # fmt: skip
        columns = ["factor", "description", "unit", "low", "high", "values", "quasi_p"]
        return pd.DataFrame(rows, columns=columns)


def named_factor(factor: Factor) -> str:
    """The description up to its first comma, with the dotted name."""
    words = plain_description(factor)
    return f"{words} ({factor.name})" if words else factor.name


def plain_description(factor: Factor) -> str:
    """The description up to its first comma, "" without one."""
    return gist(factor.description)


def discover(
    worlds: pd.DataFrame,
    factors: Sequence[Factor],
    differences: np.ndarray,
    *,
    policy: str,
    against: str,
    measure: str,
    seed: int,
    currency: str = "",
    where: str = "",
) -> Discovery:
    """The rule that tells in which worlds ``policy`` loses to ``against``.

    worlds : a row per world, the column world and one for each of ``factors``. differences :
    float64 (worlds, replications), of ``measure``, policy minus against, in the same order; nan
    for a failed run. Of a measure of which less is better a positive difference is a loss.
    ``where`` opens messages.

    Raises
    ------
    InputError
        If no factor was varied over the worlds, a column is missing, or no world has a run.
    """
    if not factors:
        raise InputError(f"{where}no factors vary over the worlds; name them in [worlds]")
    differences = np.asarray(differences, dtype=np.float64)
    if differences.ndim != 2 or len(differences) != len(worlds):
        raise InputError(f"{where}differences {differences.shape} do not fit {len(worlds)} worlds")
    kept = np.isfinite(differences).any(axis=1)
    if not kept.any():
        raise InputError(f"{where}no world has a run of both policies; see why runs failed")
    points = np.stack([_column(worlds, factor, where) for factor in factors], axis=1)[kept]
    sign = -1.0 if measure in LOWER_IS_BETTER else 1.0
    intervals = [mean_interval(row) for row in sign * differences[kept]]
    mean = np.array([one.mean for one in intervals])
    loses = mean < 0
    kind, conditions, chance, held_out = _search(points, loses, factors, seed)
    inside = np.full(loses.size, bool(conditions))
    for condition in conditions:
        inside &= condition.holds(points[:, _column_of(factors, condition)])
    return Discovery(
        kind=kind,
        policy=policy,
        against=against,
        currency=currency,
        conditions=conditions,
        worlds=worlds["world"].to_numpy()[kept],
        difference=sign * mean,
        loses=loses,
        inside=inside,
        sure=sum(one.high < 0 for one in intervals),
        left_out=int((~kept).sum()),
        held_out=held_out,
        chance=chance,
    )


def _column_of(factors: Sequence[Factor], condition: Condition) -> int:
    return [factor.name for factor in factors].index(condition.factor.name)


def _column(worlds: pd.DataFrame, factor: Factor, where: str) -> np.ndarray:
    """The values of a factor, float64 (worlds,), categories by their place in the list."""
    if factor.name not in worlds:
        raise InputError(
            f"{where}worlds have no column '{factor.name}'{nearest(factor.name, worlds.columns)}"
        )
    values = worlds[factor.name].tolist()
    if _categories(factor) == 0:
        return np.array(values, dtype=np.float64)
    return np.array([_place(factor, value) for value in values], dtype=np.float64)


def _categories(factor: Factor) -> int:
    """How many categories a factor has, 0 for numbers, which have an order."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in factor.values)
    return 0 if factor.is_numeric or numbers else len(factor.values)


def _place(factor: Factor, value: Any) -> int:
    """The place of a value in the list of a factor, as a table may have written it."""
    keys = [_key(one) for one in factor.values]
    if _key(value) not in keys:
        raise InputError(f"'{factor.name}' = {value!r} is none of its values: {list(keys)}")
    return keys.index(_key(value))


def _key(value: Any) -> str:
    """A value as text that survives a table: 1 and 1.0 are equal, and so are nothing and nan."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "None"
    return repr(float(value)) if isinstance(value, int | float) else str(value)


# --------------------------------------------------------------------------------------- search


def _search(
    points: np.ndarray, loses: np.ndarray, factors: Sequence[Factor], seed: int
) -> tuple[Kind, tuple[Condition, ...], float, float]:
    """What kind of answer there is, its conditions, its chance and its share of losses held out."""
    losses, worlds = int(loses.sum()), loses.size
    if losses == 0:
        return "never", (), math.nan, math.nan
    if losses > worlds - FEWEST_LOSSES and losses >= FEWEST_LOSSES:
        return "everywhere", (), math.nan, math.nan
    if losses < FEWEST_LOSSES:
        return "few", (), math.nan, math.nan
    categories = [_categories(factor) for factor in factors]
    box = prim.find_box(points, loses, categories)
    chance = _chance(box, points, loses, categories, seed) if box else 1.0
    if chance > FALSE_ALARM:
        return "chance", (), chance, math.nan
    conditions = tuple(_rounded(box, column, points, loses, factors[column]) for column in box)
    order = sorted(conditions, key=lambda one: one.quasi_p)
    return "rule", tuple(order), chance, _held_out(points, loses, categories, seed)


def _chance(
    box: prim.Box, points: np.ndarray, loses: np.ndarray, categories: Sequence[int], seed: int
) -> float:
    """Share of shuffled studies, this one among them, whose box is as good.

    Shuffling ends early once it is clear that many are (Besag and Clifford 1991).
    """
    found = prim.score(box, points, loses)
    orders = permutations(derive_seed(seed, int(Decision.RESAMPLE), _SHUFFLE), SHUFFLES, loses.size)
    as_good = 0
    for number, order in enumerate(orders, start=1):
        shuffled = loses[order]
        other = prim.find_box(points, shuffled, categories)
        as_good += prim.score(other, points, shuffled) >= found - 1e-12
        if as_good == _MANY:
            return as_good / number
    return (as_good + 1) / (SHUFFLES + 1)


def _held_out(points: np.ndarray, loses: np.ndarray, categories: Sequence[int], seed: int) -> float:
    """Share of losses among worlds put inside by boxes that were found without them.

    Cross-validation, folds with equal shares of losses (Stone 1974).
    """
    order = permutations(derive_seed(seed, int(Decision.RESAMPLE), _FOLD), 1, loses.size)[0]
    order = order[np.argsort(loses[order], kind="stable")]
    fold = np.empty(loses.size, dtype=np.int64)
    fold[order] = np.arange(loses.size) % FOLDS
    hits = size = 0
    for number in range(FOLDS):
        rest, own = fold != number, fold == number
        box = prim.find_box(points[rest], loses[rest], categories)
        if box:
            held = prim.inside(box, points[own])
            hits, size = hits + int(loses[own][held].sum()), size + int(held.sum())
    return hits / size if size else math.nan


# ------------------------------------------------------------------------------------- rounding


def _rounded(
    box: prim.Box, column: int, points: np.ndarray, loses: np.ndarray, factor: Factor
) -> Condition:
    """The restriction of a factor with ends a person can keep in mind."""
    side = box[column]
    chance = prim.quasi_p(box, column, points, loses)
    if side.allowed is not None:
        values = tuple(factor.values[place] for place in sorted(side.allowed))
        return Condition(factor, -math.inf, math.inf, values, chance)
    there = np.unique(points[:, column])
    # A fiftieth of the worlds on the wrong side is a fair price for a round number.
    slack = there.size // 50
    inside = np.flatnonzero((there >= side.low) & (there <= side.high))
    first, last = int(inside[0]), int(inside[-1])
    low, high = -math.inf, math.inf
    if first > 0:
        low = _roundest(there[max(0, first - 1 - slack)], there[min(first + slack, last)], False)
    if last < there.size - 1:
        end = there[min(last + 1 + slack, there.size - 1)]
        high = _roundest(there[max(last - slack, first)], end, True)
    return Condition(factor, low, high, (), chance)


def _roundest(low: float, high: float, upper: bool) -> float:
    """The number with the fewest digits from low to high, next to their middle.

    Of the ends only one may be taken: ``high`` where ``upper``, else ``low``.
    """
    middle = (low + high) / 2
    power = math.ceil(math.log10(max(abs(low), abs(high), 1e-300)))
    for exponent in range(power, power - 17, -1):
        for part in (1.0, 0.5, 0.2, 0.1):
            step = part * 10.0**exponent
            found = float(f"{round(middle / step) * step:.15g}")
            if (low < found <= high) if upper else (low <= found < high):
                return found
    return float(high if upper else low)
