"""Samples of factors: a grid, a Latin hypercube, a Sobol sequence, or a list of one's own."""

from __future__ import annotations

import csv
import itertools
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from sim.errors import InputError, nearest
from sim.randomness import Decision, derive_seed, uniform_table
from sim.scenario import Scenario
from sim.studies.sweeps.factors import Factor, check_value, declared, make_factor, told_apart
from sim.studies.uncertainty import latin_hypercube

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["grid", "latin_hypercube", "sobol", "list"]
METHODS: tuple[Method, ...] = get_args(Method)
MOST_SETTINGS = 10_000_000


class Settings(NamedTuple):
    """Values of factors, a row per setting in the order in which they are numbered.

    Without factors there is one setting, the scenario as it is.
    """

    factors: tuple[Factor, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ((),)

    def __len__(self) -> int:
        """How many settings there are."""
        return len(self.rows)

    def changes(self, number: int) -> list[tuple[tuple[str | int, ...], Any]]:
        """What setting ``number`` changes in the table of the scenario: places and values."""
        row = self.rows[number]
        return [(one.path, value) for one, value in zip(self.factors, row, strict=True)]

    def frame(self, key: str) -> pd.DataFrame:
        """A row per setting, its number in the column ``key`` first, then a column per factor."""
        import pandas as pd

        table = pd.DataFrame({key: np.arange(len(self.rows), dtype=np.int64)})
        for place, factor in enumerate(self.factors):
            table[factor.name] = [_plain(row[place]) for row in self.rows]
        return table


AS_WRITTEN = Settings()
"""The one setting that changes nothing."""


def _plain(value: Any) -> Any:
    """A value as a table can hold it: lists and tables as text."""
    return str(value) if isinstance(value, list | tuple | dict) else value


def grid(factors: Sequence[Factor], where: str) -> Settings:
    """Every combination of the values of ``factors``, the last one running fastest.

    Raises
    ------
    InputError
        If a range has no levels, or there are more than :data:`MOST_SETTINGS` combinations.
    """
    for factor in factors:
        if factor.is_numeric and factor.levels is None:
            raise InputError(
                f"{where}'{factor.name}' needs values or levels in a grid, such as "
                "{low = 1, high = 5, levels = 3}"
            )
    columns = [factor.spread(factor.levels or 2) for factor in factors]
    _check_count(math.prod(len(column) for column in columns), where)
    return Settings(tuple(factors), tuple(itertools.product(*columns)))


def sample_latin_hypercube(
    factors: Sequence[Factor], count: int, seed: int, where: str
) -> Settings:
    """``count`` settings, each factor once in every count-th part of its range.

    Latin hypercube sampling (McKay, Beckman and Conover 1979), a function of the arguments.
    """
    _check_count(count, where)
    return at_quantiles(factors, latin_hypercube(count, len(factors), seed))


def sample_sobol(factors: Sequence[Factor], count: int, seed: int, where: str) -> Settings:
    """The first ``count`` points of a Sobol sequence, shifted at random.

    Sobol 1967, with a random shift modulo 1 of each factor (Cranley and Patterson 1976), a
    function of the arguments. A power of two keeps its balance.
    """
    from scipy.stats import qmc

    _check_count(count, where)
    key = np.uint64(derive_seed(seed, int(Decision.PARAMETER)))
    shift = uniform_table(key, int(Decision.PARAMETER), len(factors), len(factors))[0]
    points = qmc.Sobol(len(factors), scramble=False).random_base2(max(0, (count - 1).bit_length()))
    return at_quantiles(factors, (points[:count] + shift) % 1.0)


def at_quantiles(factors: Sequence[Factor], quantiles: np.ndarray) -> Settings:
    """The settings at ``quantiles`` of the factors, float64 (settings, factors) in [0, 1]."""
    rows = tuple(
        tuple(factor.at(quantile) for factor, quantile in zip(factors, row, strict=True))
        for row in quantiles.tolist()
    )
    return Settings(tuple(factors), rows)


def _check_count(count: int, where: str) -> None:
    if not 1 <= count <= MOST_SETTINGS:
        raise InputError(f"{where}{count:,} settings; from 1 to {MOST_SETTINGS:,} are possible")


def listed_settings(scenario: Scenario, rows: Sequence[Mapping[str, Any]], where: str) -> Settings:
    """The settings of a list, each a mapping from dotted names to values, all with the same names.

    Raises
    ------
    InputError
        If the list is empty, names differ, or a value is not possible.
    """
    if not rows:
        raise InputError(f"{where}the list is empty; give at least one setting")
    names = tuple(rows[0])
    if not names:
        raise InputError(f"{where}the list has no columns; name the fields it sets")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, row in enumerate(rows):
        if set(row) != set(names):
            odd = sorted(set(row) ^ set(names))[0]
            raise InputError(
                f"{where}setting {number}: '{odd}' is not in every setting; give all the same names"
            )
        for name in names:
            columns[name].append(row[name])
    factors = []
    for name, values in columns.items():
        distinct = list({told_apart(value): value for value in values}.values())
        factors.append(make_factor(scenario, name, distinct, where))
    return Settings(tuple(factors), tuple(zip(*columns.values(), strict=True)))


def settings_of_frame(scenario: Scenario, table: pd.DataFrame, where: str) -> Settings:
    """The settings of a DataFrame with a column per dotted name."""
    return listed_settings(scenario, table.to_dict("records"), where)


def read_settings(scenario: Scenario, path: Path, where: str) -> Settings:
    """The settings of a CSV file whose header has dotted names; values as TOML writes them.

    Raises
    ------
    InputError
        If the file cannot be read or a row cannot be used, naming its line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            found = list(csv.reader(lines))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"{where}{path} cannot be read: {reason}") from None
    if len(found) < 2:
        raise InputError(f"{where}{path} has no settings; write names, then a line for each")
    header, rows = [name.strip() for name in found[0]], []
    if len(set(header)) < len(header):
        raise InputError(f"{where}{path}: a name stands twice in the first line; give each once")
    for line, cells in enumerate(found[1:], start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            raise InputError(
                f"{where}{path}, line {line}: {len(cells)} values for {len(header)} names"
            )
        row = {name: _read_value(cell) for name, cell in zip(header, cells, strict=True)}
        for name, value in row.items():
            check_value(declared(scenario, name, f"{where}{path}: "), name, value,
                        f"{where}{path}, line {line}: ")  # fmt: skip
        rows.append(row)
    return listed_settings(scenario, rows, f"{where}{path}: ")


def _read_value(cell: str) -> Any:
    text = cell.strip()
    if text in ("True", "False"):
        return text == "True"
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def check_method(method: str, where: str) -> None:
    """Refuse a design that does not exist."""
    if method not in METHODS:
        raise InputError(f"{where}design = '{method}' is not known{nearest(method, METHODS)}")
