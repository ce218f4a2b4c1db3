"""A saved study folder, read and checked: what the figures and the page are made from."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.scenario import Scenario
from sim.studies.multiple import gains_beyond

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.95
AGAIN = "repeat the command that made the study with --overwrite, or restore the file"

OUTCOMES = (
    "orders", "referred_orders", "net_revenue_cents", "payout_cents", "discount_cents",
    "cost_cents", "profit_cents", "shares", "impressions", "clicks", "members_end",
    "retention_d1", "retention_d7", "retention_d30",
)  # fmt: skip
AGAINST_TWIN = (
    "incremental_orders", "accelerated_orders", "cannibalised_orders", "earners_kept",
)  # fmt: skip
DAILY = ("day", "orders", "referred_orders")
COMPARISON_TABLES = {
    "earnings.parquet": ("policy", "replication", "consumer", "shares", "earned_cents"),
    "retention.parquet": ("policy", "replication", "age_days", "share"),
}
COMPARISON_FILES = ("comparison.json", *COMPARISON_TABLES, "cascade.json")


class Interval(NamedTuple):
    """A mean with its 95 % interval; nan where there are too few values."""

    mean: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of zero, else 0."""
        return int(self.low > 0) - int(self.high < 0)


class Figures(dict[str, float]):
    """Saved figures by name; what was not saved is nan."""

    def __missing__(self, name: str) -> float:
        return math.nan


class Tree(NamedTuple):
    """The largest referral tree of a run.

    size : members, of which those of ``parent`` are listed, the root first. parent : position of
    each one's sponsor, -1 for the root. joined_day : negative before the run. neighbours : people
    outside with a tie to a member, at the positions after the members. ties : pairs of positions.
    """

    size: int
    parent: list[int]
    joined_day: list[float]
    neighbours: int
    ties: list[tuple[int, int]]


def mean_interval(values: np.ndarray) -> Interval:
    """Mean and 95 % Student t interval of independent values (n,); nan entries are left out.

    mean +- t(0.975, n - 1) sd / sqrt(n) (Student 1908).
    """
    from scipy import special

    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if found.size < 2:
        return Interval(float(found.mean()) if found.size else math.nan, math.nan, math.nan)
    mean = float(found.mean())
    reach = float(special.stdtrit(found.size - 1, (1 + LEVEL) / 2))
    half_width = reach * float(found.std(ddof=1)) / math.sqrt(found.size)
    return Interval(mean, mean - half_width, mean + half_width)


@dataclass(frozen=True, eq=False)
class Study:
    """A study as it was saved; ``summary`` is None for a single run.

    policies : in the order of the study. baseline : the policy the others are compared with, None
    where its runs were not kept. cascades : by policy, of replication 0.
    """

    folder: Path
    manifest: dict[str, Any]
    scenario: Scenario
    daily: pd.DataFrame
    outcomes: pd.DataFrame
    summary: dict[str, Any] | None
    earnings: pd.DataFrame | None
    retention: pd.DataFrame | None
    cascades: dict[str, Tree]

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies, in the order of the study."""
        return tuple(dict.fromkeys(self.outcomes["policy"]))

    @cached_property
    def baseline(self) -> str | None:
        """The policy the others are compared with, None where its runs were not kept."""
        name = str((self.summary or {}).get("baseline", self.scenario.compare.baseline))
        return name if name in self.policies else None

    @property
    def rivals(self) -> tuple[str, ...]:
        """The policies other than the baseline."""
        return tuple(name for name in self.policies if name != self.baseline)

    @property
    def objective(self) -> str:
        """The outcome the verdict is about."""
        return str((self.summary or {}).get("objective", self.scenario.compare.objective))

    @cached_property
    def ranked(self) -> tuple[str, ...]:
        """The policies from the best mean objective down, the baseline last."""

        def place(name: str) -> tuple[bool, float]:
            mean = self.mean(name, self.objective)
            return name == self.baseline, -mean if math.isfinite(mean) else math.inf

        return tuple(sorted(self.policies, key=place))

    @cached_property
    def replications(self) -> int:
        """Runs per policy."""
        return int(self.outcomes["replication"].nunique())

    @property
    def days(self) -> int:
        """Days of a run, part days counted."""
        return math.ceil(len(self.daily["day"].unique()) * self.scenario.dt)

    @cached_property
    def _by_policy(self) -> dict[str, pd.DataFrame]:
        sorted_rows = self.outcomes.sort_values("replication", kind="stable")
        return dict(iter(sorted_rows.groupby("policy", sort=False)))

    def values(self, policy: str, measure: str) -> np.ndarray:
        """An outcome of every replication of a policy, float64 (replications,)."""
        return self._by_policy[policy][measure].to_numpy(dtype=np.float64, na_value=np.nan)

    def mean(self, policy: str, measure: str) -> float:
        """Mean of an outcome over the replications that have it, nan if none has."""
        return mean_interval(self.values(policy, measure)).mean

    def gains(self, measure: str) -> dict[str, Interval]:
        """Paired differences of all rivals from the baseline, with intervals that hold together.

        See :func:`sim.studies.multiple.gains_beyond`. As saved where the baseline's runs were not
        kept.
        """
        if self.baseline is None:
            return {name: self._saved_gain(name, measure) for name in self.rivals}
        values = {name: self.values(name, measure) for name in self.policies}
        found = gains_beyond(values, self.baseline, self.scenario.seed)
        return {name: Interval(one.mean, one.low, one.high) for name, one in found.items()}

    def _saved_gain(self, policy: str, measure: str) -> Interval:
        return _saved_interval(_at(self.summary, "gains_together", measure, policy))

    def identical(self, policy: str) -> list[str]:
        """The policies with the outcomes of ``policy`` in every run, itself included."""
        return [
            name
            for name in self.policies
            if all(
                np.array_equal(
                    self.values(name, measure), self.values(policy, measure), equal_nan=True
                )
                for measure in OUTCOMES
            )
        ]

    def extra_orders(self, policy: str) -> Interval:
        """Orders more than in the same world without the policy."""
        if "incremental_orders" not in self.outcomes:
            return Interval(math.nan, math.nan, math.nan)
        return mean_interval(self.values(policy, "incremental_orders"))

    def spent_cents(self, policy: str) -> Interval:
        """Commissions and friend discounts of a run."""
        spent = self.values(policy, "payout_cents") + self.values(policy, "discount_cents")
        return mean_interval(spent)

    def cents_per_extra_order(self, policy: str) -> float:
        """Spending beyond the baseline's per order beyond it, nan where there is none."""
        return _number(_at(self.summary, "policies", policy, "cost_per_incremental_order_cents"))

    def probability_of_best(self, policy: str) -> float:
        """Probability that the policy has the best mean objective, nan where not estimated."""
        return _number(_at(self.summary, "policies", policy, "probability_of_best"))

    @property
    def ranking_line(self) -> str:
        """The places of three policies or more that hold together, "" where none were saved."""
        line, places = (_at(self.summary, "ranking", key) for key in ("line", "places"))
        return str(line) if isinstance(places, dict) and len(places) > 2 else ""

    def income(self, policy: str) -> Figures:
        """The income disclosure saved of a policy, by name; empty where there is none."""
        return self._saved("income_disclosure", policy)

    def attribution(self, policy: str) -> Figures:
        """The attribution error saved of a policy, by name; empty where there is none."""
        return self._saved("attribution", policy)

    def abuse(self, policy: str) -> Figures:
        """What opportunists did under a policy, by name; empty where there are none."""
        return self._saved("abuse", policy)

    def _saved(self, what: str, policy: str) -> Figures:
        saved = _at(self.summary, what, policy)
        found = saved if isinstance(saved, dict) else {}
        return Figures({name: _number(value) for name, value in found.items()})

    @property
    def flags(self) -> list[dict[str, Any]]:
        """What was flagged about the policies, the gravest first: policy, severity, message."""
        saved = (self.summary or {}).get("flags")
        return [one for one in saved if isinstance(one, dict)] if isinstance(saved, list) else []

    def series(self, policy: str, column: str) -> np.ndarray:
        """A daily column of a policy, float64 (replications, days)."""
        rows = self.daily[self.daily["policy"] == policy]
        table = rows.pivot(index="replication", columns="day", values=column)
        return table.to_numpy(dtype=np.float64)


def _at(place: Any, *names: str) -> Any:
    for name in names:
        place = place.get(name) if isinstance(place, dict) else None
    return place


def _saved_interval(saved: Any) -> Interval:
    """Three numbers of a saved object; nan for those it lacks."""
    found = saved if isinstance(saved, dict) else {}
    return Interval(*(_number(found.get(name)) for name in ("mean", "low", "high")))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def read_study(folder: Path) -> Study:
    """Read a folder left by ``vouch run`` or ``vouch compare``.

    Raises
    ------
    InputError
        If the folder is not a study, or a file in it is missing, damaged or lacks a column.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name the --out folder of a finished study")
    if not (folder / "manifest.json").is_file():
        raise InputError(
            f"{folder} holds no manifest.json, so it is not a study; name the --out folder of "
            "`vouch run` or `vouch compare`"
        )
    manifest = _read_object(folder / "manifest.json")
    scenario = _read_scenario(folder / "scenario.toml")
    outcomes = _read_table(folder / "outcomes.parquet", ("policy", "replication", *OUTCOMES))
    daily = _read_table(folder / "daily.parquet", ("policy", "replication", *DAILY))
    _require_same_runs(folder, daily, outcomes)
    if len(outcomes) == 1 and not any((folder / name).exists() for name in COMPARISON_FILES):
        return Study(folder, manifest, scenario, daily, outcomes, None, None, None, {})
    for name in AGAINST_TWIN:
        _require_column(folder / "outcomes.parquet", outcomes, name)
    earnings, retention = (
        _read_table(folder / name, columns) for name, columns in COMPARISON_TABLES.items()
    )
    summary = _read_object(folder / "comparison.json")
    cascades = _read_cascades(folder / "cascade.json")
    return Study(
        folder, manifest, scenario, daily, outcomes, summary, earnings, retention, cascades
    )


def _require_same_runs(folder: Path, daily: pd.DataFrame, outcomes: pd.DataFrame) -> None:
    key = ["policy", "replication"]
    if outcomes.duplicated(key).any():
        raise InputError(f"{folder / 'outcomes.parquet'} holds a run twice; {AGAIN}")
    runs = [set(table[key].itertuples(index=False, name=None)) for table in (daily, outcomes)]
    if not runs[1]:
        raise InputError(f"{folder / 'outcomes.parquet'} holds no runs; {AGAIN}")
    if runs[0] != runs[1]:
        policy, replication = min(runs[0] ^ runs[1])
        raise InputError(
            f"{folder}: daily.parquet and outcomes.parquet hold different runs "
            f"(policy {policy}, replication {replication} is in one only); {AGAIN}"
        )


def _read_scenario(path: Path) -> Scenario:
    if not path.is_file():
        raise InputError(f"{path} is missing; {AGAIN}")
    return Scenario.load(path)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; {AGAIN}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); {AGAIN}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged (not a JSON object); {AGAIN}")
    return content


def _read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path).read().to_pandas()
    except FileNotFoundError:
        raise InputError(f"{path} is missing; {AGAIN}") from None
    except (OSError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is damaged ({reason}); {AGAIN}") from None
    for column in columns:
        _require_column(path, table, column)
    return table


def _require_column(path: Path, table: pd.DataFrame, column: str) -> None:
    if column not in table:
        raise InputError(f"{path} has no column '{column}'; {AGAIN}")


def _read_cascades(path: Path) -> dict[str, Tree]:
    content = _read_object(path)
    try:
        return {name: _tree(saved) for name, saved in content.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); {AGAIN}") from None


def _tree(saved: dict[str, Any]) -> Tree:
    parent = [int(place) for place in saved["parent"]]
    tree = Tree(
        size=int(saved["size"]),
        parent=parent,
        joined_day=[float(day) for day in saved["joined_day"]],
        neighbours=len(saved["neighbour"]),
        ties=[(int(one), int(other)) for one, other in saved["ties"]],
    )
    if any(sponsor >= place for place, sponsor in enumerate(parent)) or parent[1:].count(-1):
        raise ValueError("a member is listed before her sponsor")
    places = len(parent) + tree.neighbours
    if any(not 0 <= end < places for tie in tree.ties for end in tie):
        raise ValueError("a tie ends outside the list")
    if len(tree.joined_day) != len(parent):
        raise ValueError("joined_day and parent differ in length")
    return tree
