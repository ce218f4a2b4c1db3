"""Folders of sweeps whose outcomes are formulas: what they say is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from sim.studies import files
from sim.studies.findings.findings import READ
from sim.studies.sweeps import saved_design
from sim.studies.sweeps.design import Design, make_design
from sim.studies.sweeps.study_file import make_study

GIVE, COST = "policies.give_get.give", "products.0.unit_cost"

STUDY: dict[str, Any] = {
    "scenario": {
        "name": "which",
        "days": 30,
        "currency": "CHF",
        "policies": {
            "none": {},
            "give_get": {"scheme": "two_sided", "give": 5.0, "get": 5.0},
            "ten_percent": {"scheme": "percentage", "rate": 0.1},
        },
    },
    "replications": 6,
    "points": {"factors": {GIVE: [3.0, 5.0]}},
    "worlds": {
        "design": "latin_hypercube", "count": 20, "factors": {COST: {"low": 10.0, "high": 30.0}}
    },
    "targets": {"many": {"measure": "new_customers", "amount": 100, "by_day": 20}},
}  # fmt: skip

Gain = Callable[[str, dict[str, Any], int], float | None]
"""Profit in cents beyond the baseline: (policy, factors by name, replication); None: it failed."""


def luck(replication: int) -> float:
    """What a replication adds to every run of it, in cents."""
    return 1000.0 * ((replication * 7) % 5 - 2)


def _new_customers(policy: str, factors: dict[str, Any]) -> float:
    return {"none": 90.0, "ten_percent": 102.0}.get(policy, 99.0 + factors.get(GIVE, 0.0))


def write_sweep(folder: Path, gain: Gain, study: dict[str, Any] | None = None) -> Design:
    """The folder of a sweep of which each run makes ``gain`` more than 100,000 cents plus luck."""
    design = make_design(make_study(STUDY if study is None else study))
    rows = []
    for task in design.tasks():
        factors = dict(zip([one.name for one in design.points.factors],
                           design.points.rows[task.point], strict=True))  # fmt: skip
        factors |= dict(zip([one.name for one in design.worlds.factors],
                            design.worlds.rows[task.world], strict=True))  # fmt: skip
        for policy in design.policies:
            more = gain(policy, factors, task.replication)
            if more is None:
                continue
            paid = 0.0 if policy == "none" else 5_000.0
            measures = dict.fromkeys(READ, 0.0) | {
                "profit_cents": 100_000.0 + luck(task.replication) + more,
                "orders": 50.0 + (policy != "none") * 10,
                "new_customers": _new_customers(policy, factors),
                "payout_cents": paid, "discount_cents": paid / 2, "deadweight_cents": paid / 4,
                "nonearner_share": 0.9,
            }  # fmt: skip
            keys = (policy, task.world, task.point, task.replication)
            key = dict(zip(("policy", "world", "point", "replication"), keys, strict=True))
            run = {"run": design.run_key(*keys)}
            by_day = {f"{name}_by_day": measures["new_customers"] for name in design.targets}
            rows.append(key | run | measures | by_day)
    (folder / "outcomes").mkdir(parents=True)
    files.write_parquet(folder / "outcomes" / "outcomes-00000.parquet", pd.DataFrame(rows))
    (folder / saved_design.NAME).write_text(saved_design.as_text(design), encoding="utf-8")
    files.write_scenario(folder, design.scenario)
    files.write_manifest(folder, design.scenario, ["vouch", "sweep", "study.toml"], seed=7)
    return design
