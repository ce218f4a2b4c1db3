"""Studies as the commands leave them, written by hand, and the page they become."""

from __future__ import annotations

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

from sim.report.study import AGAINST_TWIN
from sim.scenario import Scenario

DAYS = 40
GAINS = {"none": 0, "ten_percent": 6, "give_get": 12}
SCHEMES = {
    "none": {"scheme": "none"},
    "ten_percent": {"scheme": "percentage", "rate": 0.1},
    "give_get": {"scheme": "two_sided", "give": 5.0, "get": 5.0, "budget": 20_000.0},
}
WARNING = "policies.give_get pays 10.00 on 36.00 & <more>"
VERDICT = "give_get wins: +120.00 EUR profit per run (95 % 90.00 to 150.00)"


def wobble(*address: int) -> float:
    """A number in [-1, 1) that is a function of its address; luck enough for a picture."""
    return (
        2 * ((math.sin(sum(k * (n + 1) for n, k in enumerate(address)) * 12.9898) * 43758.5) % 1)
        - 1
    )


def outcome(gain: float, place: int, replication: int) -> dict[str, float]:
    luck = wobble(replication)
    orders = 600 + gain + round(3 * luck) + (gain > 0) * round(wobble(place, replication))
    paid = 150.0 * gain
    return {
        "orders": orders, "new_customers": 200 + gain, "referred_orders": 5 + gain,
        "revenue_cents": 3600.0 * orders, "net_revenue_cents": 3600.0 * orders,
        "payout_cents": paid, "discount_cents": 0, "cost_cents": 2000.0 * orders,
        "profit_cents": 1600.0 * orders - paid,
        "shares": 50 + 10 * gain, "impressions": 900 + 100 * gain, "clicks": 60 + 5 * gain,
        "members_end": 400 + gain, "retention_d1": 0.28, "retention_d7": 0.13,
        "retention_d30": 0.08 + 0.001 * luck, "incremental_orders": gain + (gain > 0) * luck,
        "accelerated_orders": gain / 5, "cannibalised_orders": 1 + gain / 4,
        "earners_kept": (gain > 0) * (0.02 + 0.001 * luck),
    }  # fmt: skip


def honest(gains: dict[str, float]) -> dict[str, object]:
    """What ``comparison.json`` says about earnings, credit, abuse and flags."""
    income = {
        name: {
            "participants": 50,
            "nonearner_share": 0.8 if gain else 1.0,
            "lower_quartile_cents": 0,
            "median_cents": 0,
            "upper_quartile_cents": 0,
            "mean_cents": 11.0 * gain,
            "largest_cents": 100 * gain,
            "top_1_percent_share": 0.18 if gain else None,
            "top_10_percent_share": 0.7 if gain else None,
            "net_median_cents": -3600,
            "ahead_share": 0.04 * (gain > 0),
            "indebted": gain / 6,
            "debt_cents": 100 * gain,
        }
        for name, gain in gains.items()
    }
    credit = {
        name: {
            "credited": 2.0 * gain,
            "credited_caused": 0.6 * gain,
            "credited_not_caused": 1.4 * gain,
            "caused_not_credited": gain / 2,
            "lost": gain / 4,
            "precision": 0.3,
            "recall": 0.55,
            "deadweight_cents": 100.0 * gain,
        }
        for name, gain in gains.items()
        if name != "none"
    }
    flag = {
        "policy": "give_get",
        "kind": "deadweight",
        "severity": "warning",
        "figure": 0.7,
        "message": "70 % of its spending rewards <orders> that come without it too",
    }  # fmt: skip
    return {"income_disclosure": income, "attribution": credit, "abuse": {}, "flags": [flag]}


def write_study(folder: Path, gains: dict[str, float], replications: int = 6) -> Path:
    """A study as ``vouch compare`` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(gains)
    runs = [(name, place, run) for place, name in enumerate(names) for run in range(replications)]
    names_of_tables = ("outcomes", "daily", "retention", "earnings")
    tables: dict[str, list[pd.DataFrame]] = {table: [] for table in names_of_tables}
    for name, place, run in runs:
        key = {"policy": name, "replication": run}
        gain, days = gains[name], np.arange(DAYS)
        noise = np.array([round(wobble(day, run)) for day in range(DAYS)])
        daily = {"day": days, "orders": 15 + gain * days / 800 + noise, "referred_orders": 1}
        survival = {"age_days": days, "share": np.exp(-days / (200 + 9 * run))}
        paid = [0] * 40 + [int(gain * 10 * k) for k in range(1, 11)]
        earned = {"consumer": range(50), "shares": 2, "sales": 1, "earned_cents": paid}
        tables["outcomes"].append(pd.DataFrame([key | outcome(gain, place, run)]))
        tables["daily"].append(pd.DataFrame(key | daily))
        tables["retention"].append(pd.DataFrame(key | survival))
        if run == 0:
            tables["earnings"].append(pd.DataFrame(key | earned))
    for table, parts in tables.items():
        pd.concat(parts).to_parquet(folder / f"{table}.parquet")
    tree = {
        "size": 5, "consumer": [7, 9, 3, 4, 5], "parent": [-1, 0, 0, 1, 3],
        "depth": [0, 1, 1, 2, 3], "joined_day": [-3.0, 4.0, 5.0, 9.0, 12.0],
        "neighbour": [11, 12], "ties": [[0, 1], [1, 5], [2, 6]],
    }  # fmt: skip
    (folder / "cascade.json").write_text(json.dumps(dict.fromkeys(names, tree)))
    chances = dict(zip(names, np.eye(len(names))[-1].tolist(), strict=True))
    summary = {
        "verdict": VERDICT, "objective": "profit_cents", "baseline": "none", "interrupted": False,
        "replications": replications, "warnings": [WARNING],
        "policies": {
            name: {
                "probability_of_best": chances[name],
                "cost_per_incremental_order_cents": 150.0 if gain > 0 else None,
            }
            for name, gain in gains.items()
        },
        "differences": {
            name: {"profit_cents": {"mean": 10.0 * gain, "low": 9.0 * gain, "high": 11.0 * gain}}
            for name, gain in gains.items() if name != "none"
        },
        "gains_together": {
            "profit_cents": {
                name: {"mean": 10.0 * gain, "low": 8.0 * gain, "high": 12.0 * gain}
                for name, gain in gains.items() if name != "none"
            }
        },
    }  # fmt: skip
    (folder / "comparison.json").write_text(json.dumps(summary | honest(gains)))
    write_common(folder, names)
    return folder


def write_common(folder: Path, names: list[str]) -> None:
    policies = {name: SCHEMES.get(name, {"scheme": "fixed_bounty"}) for name in names}
    scenario = Scenario.from_table({"name": "spring", "days": DAYS, "policies": policies})
    (folder / "scenario.toml").write_text(scenario.to_toml())
    manifest = {
        "command": ["vouch", "compare", "my scenario.toml"], "seed": 1234567, "git_revision": None,
        "scenario_sha256": scenario.digest(), "versions": {"vouch": "0.1.0", "numpy": "2.4"},
        "files": ["outcomes.parquet"],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write_single_run(folder: Path) -> Path:
    """A run as ``vouch run`` leaves it: no twin, nothing to compare with."""
    write_study(folder, {"ten_percent": 6}, replications=1)
    for name in ("comparison.json", "cascade.json", "earnings.parquet", "retention.parquet"):
        (folder / name).unlink()
    outcomes = pd.read_parquet(folder / "outcomes.parquet")
    outcomes.drop(columns=list(AGAINST_TWIN)).to_parquet(folder / "outcomes.parquet")
    return folder


class Page(HTMLParser):
    """What a page shows and what it asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def change(path: Path, **columns: object) -> None:
    pd.read_parquet(path).assign(**columns).to_parquet(path)


def change_summary(folder: Path, **entries: object) -> None:
    path = folder / "comparison.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
