"""A study as NetCDF: a grid of runs with named axes, for xarray.

The axes are policy, world, point and replication, those that the study has, and day for the daily
columns, whose variables begin with ``daily_``. Factors are coordinates of their axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError
from sim.memory import bytes_available
from sim.studies.dictionary import FACTOR_TABLES, KEYS, Entry
from sim.studies.exporting.saved_study import AGAIN, SavedStudy, SavedTable

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

# xarray reads a number in one of these units as a time span.
_NOT_A_SPAN = {"days": "day"}
_AXES = ("policy", "world", "point", "replication")
_AXIS_OF = {"points": "point", "worlds": "world"}


def write_netcdf(study: SavedStudy, path: Path) -> list[str]:
    """Write the runs as one dataset; returns a sentence about the tables that are no such grid.

    A run that failed is nan in every variable; whole numbers stay whole where no run is missing.

    Raises
    ------
    InputError
        If a run is there twice, or the grid needs more memory than there is.
    """
    dataset = make_dataset(study)
    compressed = {"zlib": True, "complevel": 1}
    encoding = {
        str(name): compressed
        for name, variable in dataset.data_vars.items()
        if variable.dtype != object
    }
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    others = [name for name in study.tables if name not in ("outcomes", "daily", *FACTOR_TABLES)]
    return [f"{', '.join(others)}: not on the axes of runs; use --format csv"] if others else []


def make_dataset(study: SavedStudy) -> xr.Dataset:
    """The runs of a study as an xarray Dataset; see :func:`write_netcdf`."""
    import xarray as xr

    outcomes, daily = study.outcomes, study.tables.get("daily")
    names = [name for name in _AXES if name in outcomes.schema.names]
    axes = {name: _axis(study, name) for name in names}
    runs = math.prod(axis.size for axis in axes.values())
    units = {(entry.table, entry.column): entry for entry in study.dictionary}
    _require_memory(study, runs, daily)
    variables = _variables(outcomes, axes, units, prefix="")
    if daily is not None:
        axes["day"] = _distinct(daily, "day").sort_values()
        variables |= _variables(daily, axes, units, prefix="daily_")
    coordinates = _keys(axes) | _factors(study, axes, units)
    return xr.Dataset(variables, coordinates, _attributes(study, runs - outcomes.rows))


def _require_memory(study: SavedStudy, runs: int, daily: SavedTable | None) -> None:
    cells = runs * len(study.outcomes.schema)
    if daily is not None:
        cells += runs * len(daily.schema) * _distinct(daily, "day").size
    needed, available = 8 * cells, bytes_available()
    if available is not None and needed > available:
        raise InputError(
            f"{study.folder}: a grid of {runs:,} runs needs {needed / 1e9:,.1f} GB of memory and "
            f"{available / 1e9:,.1f} GB are free; use --format csv"
        )


def _axis(study: SavedStudy, name: str) -> pd.Index:
    """The values along an axis: policies as they come, numbers in order.

    Settings none of whose runs succeeded are there too.
    """
    found = _distinct(study.outcomes, name)
    for table, axis in _AXIS_OF.items():
        if axis == name and table in study.tables:
            found = found.union(_distinct(study.tables[table], name))
    return found if name == "policy" else found.sort_values()


def _distinct(table: SavedTable, name: str) -> pd.Index:
    import pandas as pd

    return pd.Index(table.read([name]).column(0).unique().to_numpy(zero_copy_only=False))


def _places(table: SavedTable, axes: dict[str, pd.Index]) -> np.ndarray:
    """Where each row stands in the flattened grid, int64 (rows,)."""
    keys = table.read(list(axes))
    flat = np.zeros(table.rows, np.int64)
    for name, axis in axes.items():
        place = axis.get_indexer(keys.column(name).to_numpy())
        if (place < 0).any():
            raise InputError(
                f"{table.parts[0]} holds a {name} that outcomes.parquet has not; {AGAIN}"
            )
        flat = flat * axis.size + place
    if np.unique(flat).size < flat.size:
        raise InputError(f"{table.parts[0]} holds a run twice; {AGAIN}")
    return flat


def _variables(
    table: SavedTable,
    axes: dict[str, pd.Index],
    dictionary: Mapping[tuple[str, str], Entry],
    prefix: str,
) -> dict[str, tuple[Any, ...]]:
    """The measures of a table on the grid of ``axes``, as xarray takes them."""
    places = _places(table, axes)
    shape = tuple(axis.size for axis in axes.values())
    return {
        f"{prefix}{name}": (
            tuple(axes),
            _on_grid(table.read([name]).column(0).to_numpy(), places, shape),
            _described(dictionary[table.name, name]),
        )
        for name in table.schema.names
        if name not in axes
    }


def _on_grid(values: np.ndarray, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values (rows,) on the grid; numbers keep their type if it is full, else gaps are nan."""
    cells = math.prod(shape)
    if values.dtype == object:
        grid = np.full(cells, "", object)
    elif places.size == cells:
        grid = np.empty(cells, values.dtype)
    else:
        grid = np.full(cells, np.nan)
    grid[places] = values
    return grid.reshape(shape)


def _described(entry: Entry) -> dict[str, str]:
    """The attributes of a variable."""
    said = {
        "long_name": entry.meaning,
        "units": _NOT_A_SPAN.get(entry.unit, entry.unit),
        "comment": entry.details,
        "formula": entry.declared,
    }
    return {name: text for name, text in said.items() if text}


def _keys(axes: dict[str, pd.Index]) -> dict[str, tuple[Any, ...]]:
    return {
        name: (
            name,
            axis.to_numpy(),
            {"long_name": KEYS[name].meaning} | ({"units": "day"} if name == "day" else {}),
        )
        for name, axis in axes.items()
    }


def _factors(
    study: SavedStudy, axes: dict[str, pd.Index], dictionary: Mapping[tuple[str, str], Entry]
) -> dict[str, tuple[Any, ...]]:
    """The columns of points and worlds, as coordinates along their axis."""
    found = {}
    for name, axis in _AXIS_OF.items():
        if name not in study.tables or axis not in axes:
            continue
        table = study.tables[name].read().to_pandas().set_index(axis).reindex(axes[axis])
        for column in table:
            values = table[column].to_numpy()
            if values.dtype == object:
                values = np.array([_text(value) for value in values], object)
            found[str(column)] = (axis, values, _described(dictionary[name, str(column)]))
    return found


def _text(value: Any) -> str:
    """A name or a switch as text, "" for what is not set."""
    return "" if value is None or value != value else str(value)


def _attributes(study: SavedStudy, missing_runs: int) -> dict[str, Any]:
    """What is said about the whole: title, verdict, how it was made, the scenario as TOML."""
    manifest = study.manifest
    said = {
        "title": study.scenario.name,
        "verdict": study.verdict,
        "history": " ".join(manifest.get("command", ())),
        "source": f"Vouch {manifest.get('versions', {}).get('vouch', '')}".strip(),
        "scenario": study.scenario.to_toml(),
    }
    texts = {name: text for name, text in said.items() if text}
    return texts | {"seed": manifest.get("seed", study.scenario.seed), "missing_runs": missing_runs}
