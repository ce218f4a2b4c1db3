"""What a comparison leaves in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.measures import MEASURES
from sim.studies import files
from sim.studies.findings.memo import memo_of_comparison
from sim.studies.statistics import LEVEL
from sim.twins import TWIN_MEASURES

if TYPE_CHECKING:
    import pandas as pd

    from sim.studies.comparison import Comparison


def summary(comparison: Comparison) -> dict[str, Any]:
    """What ``comparison.json`` holds."""
    best = comparison.probability_of_best()
    parts = ("mean", "sd", "low", "high")

    def outcome(name: str, measure: str) -> dict[str, float]:
        found = comparison.interval(name, measure)
        return {part: getattr(found, part) for part in parts}

    every = (*MEASURES, *TWIN_MEASURES)
    judgement = comparison.judgement
    return {
        "verdict": judgement.sentence,
        "verdict_kind": judgement.kind,
        "best": judgement.best,
        "ranking": _ranking(comparison),
        "objective": comparison.objective,
        "baseline": comparison.baseline,
        "baseline_listed": comparison.baseline in comparison.policies,
        "currency": comparison.scenario.currency,
        "days": comparison.scenario.days,
        "replications": comparison.replications,
        "interrupted": comparison.interrupted,
        "level": LEVEL,
        "precision": {
            "asked": comparison.scenario.compare.precision,
            "reached": comparison.precision_reached(),
        },
        "policies": {
            name: {
                "probability_of_best": best[name],
                "cost_per_incremental_order_cents": comparison.cost_per_order(name),
                **{measure: outcome(name, measure) for measure in every},
            }
            for name in comparison.policies
        },
        "differences": {
            name: {measure: comparison.difference(name, measure) for measure in MEASURES}
            | {"probability_of_best": best[name]}
            for name in comparison.rivals
        },
        "gains_together": _gains(comparison),
        "income_disclosure": comparison.income_disclosure.to_dict("index"),
        "attribution": comparison.attribution.to_dict("index"),
        "abuse": comparison.abuse.to_dict("index"),
        "rules": [] if comparison.rules is None else comparison.rules.to_dict("records"),
        "rules_finding": comparison.rules_finding,
        "flags": [flag._asdict() for flag in comparison.flags],
        "warnings": list(comparison.warnings),
    }


def _gains(comparison: Comparison) -> dict[str, Any]:
    """By measure and policy: what it has beyond the baseline; these intervals hold together."""
    measures = dict.fromkeys((comparison.objective, "orders", "profit_cents"))
    return {
        measure: {
            name: {"mean": found.mean, "low": found.low, "high": found.high}
            for name, found in comparison.gains(measure).items()
        }
        for measure in measures
    }


def _ranking(comparison: Comparison) -> dict[str, Any]:
    """Places that hold together, and the intervals of all differences from the best mean."""
    standing = comparison.standing
    first = next(iter(standing.places))
    behind = {}
    for name in standing.places:
        if name != first:
            found = standing.interval(first, name)
            behind[name] = {"mean": found.mean, "low": found.low, "high": found.high}
    return {
        "line": standing.line,
        "places": {
            name: {"best": place.best, "worst": place.worst}
            for name, place in standing.places.items()
        },
        "leads_of_first": behind,
    }


def write(comparison: Comparison, folder: Path) -> None:
    """Write everything but the manifest into an existing folder."""
    files.write_scenario(folder, comparison.scenario)
    files.write_people(folder, comparison.labels)
    files.write_parquet(folder / "outcomes.parquet", comparison.outcomes)
    files.write_parquet(folder / "daily.parquet", comparison.daily)
    found = comparison.summary()
    files.write_json(folder / "comparison.json", found)
    memo_of_comparison(found).write(folder, comparison.scenario.name)
    policies, first = comparison.policies, comparison.runs[0].runs
    earned = {name: [first[name].earnings or {}] for name in policies}
    files.write_parquet(folder / "earnings.parquet", stacked(earned))
    files.write_parquet(folder / "retention.parquet", stacked(_survival(comparison)))
    trees = {name: first[name].cascade for name in policies if first[name].cascade}
    files.write_json(folder / "cascade.json", trees)
    for kind, name in (("orders", "orders.parquet"), ("entries", "ledger.parquet")):
        if getattr(first[policies[0]], kind) is not None:
            kept = {
                policy: [getattr(run.runs[policy], kind) for run in comparison.runs]
                for policy in policies
            }
            files.write_parquet(folder / name, stacked(kept))


def _survival(comparison: Comparison) -> dict[str, list[dict[str, np.ndarray]]]:
    def column(survival: np.ndarray) -> dict[str, np.ndarray]:
        age_days = np.arange(survival.size) * float(comparison.scenario.dt)
        return {"age_days": age_days, "share": survival}

    return {
        name: [column(run.runs[name].survival) for run in comparison.runs]
        for name in comparison.policies
    }


def stacked(tables: Mapping[str, Iterable[Mapping[str, Any] | pd.DataFrame]]) -> pd.DataFrame:
    """Tables by policy and replication as one, with those two columns first."""
    import pandas as pd

    parts = []
    for name, by_replication in tables.items():
        for number, table in enumerate(by_replication):
            part = pd.DataFrame(table)
            part.insert(0, "policy", name)
            part.insert(1, "replication", number)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def write_manifest(comparison: Comparison, folder: Path, command: Sequence[str]) -> None:
    """Write the manifest: what is needed to make this study again."""
    files.write_manifest(
        folder,
        comparison.scenario,
        command,
        seed=comparison.scenario.seed,
        policies=list(comparison.policies),
        baseline=comparison.baseline,
        engine=comparison.engine,
        replications=comparison.replications,
        interrupted=comparison.interrupted,
        workers=comparison.workers,
        seconds={
            "all": round(comparison.seconds, 3),
            "per_replication": [round(run.seconds, 4) for run in comparison.runs],
        },
    )
