"""A sweep as ``vouch sweep`` leaves it, written by hand: numbers that are formulas of their key."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from sim.scenario import Scenario
from sim.studies import files

POLICIES = ("none", "give_get")
WORLDS, POINTS, REPLICATIONS = 3, 4, 5
SCENARIO = Scenario(
    name="a sweep",
    days=20,
    currency="CHF",
    policies={"none": {}, "give_get": {"scheme": "two_sided", "give": 5.0, "get": 5.0}},
)
GIVE = "policies.give_get.give"
LEARNING = "behavior.share.learning"

Key = tuple[str, int, int, int]


def outcome(policy: str, world: int, point: int, replication: int) -> dict[str, object]:
    """The outcomes of a run, each another number than that of any other run."""
    number = 1000 * POLICIES.index(policy) + 100 * world + 10 * point + replication
    return {
        "policy": policy, "world": world, "point": point, "replication": replication,
        "run": f"key{number:05d}", "orders": number, "profit_cents": -25 * number,
        "roi": np.nan if policy == "none" else number / 7,
        "soon_reached_day": np.nan if number % 2 else float(number % 20),
        "soon_by_day": number // 2,
    }  # fmt: skip


def keys() -> list[Key]:
    """The keys of all runs, in the order of the design."""
    numbers = (range(WORLDS), range(POINTS), range(REPLICATIONS))
    return [
        (policy, *rest) for rest in itertools.product(*numbers) for policy in POLICIES
    ]  # fmt: skip


def write_sweep(folder: Path, failed: Callable[[Key], bool] = lambda key: False) -> pd.DataFrame:
    """Write the folder, in two parts; returns the outcomes. failed : the runs without a row."""
    rows = pd.DataFrame([outcome(*key) for key in keys() if not failed(key)])
    (folder / "outcomes").mkdir(parents=True)
    (folder / "parts").mkdir()
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        files.write_parquet(folder / "outcomes" / f"outcomes-{number:05d}.parquet", part)
    # Runs that are still to be taken into outcomes/; they are no table of the study.
    files.write_parquet(folder / "parts" / "part-00000009.parquet", rows[["run", "orders"]])
    points = {"point": range(POINTS), GIVE: np.arange(POINTS) + 2.5}
    worlds = {"world": range(WORLDS), LEARNING: [0.1, 0.2, 0.3], "network.kind": ["a", "b", None]}
    files.write_parquet(folder / "points.parquet", pd.DataFrame(points))
    files.write_parquet(folder / "worlds.parquet", pd.DataFrame(worlds))
    target = {"measure": "new_customers", "amount": 50.0, "by_day": None}
    (folder / "design.json").write_text(json.dumps({"targets": {"soon": target}}))
    files.write_scenario(folder, SCENARIO)
    files.write_manifest(folder, SCENARIO, ["vouch", "sweep", "study.toml"], seed=SCENARIO.seed)
    return rows
