"""``findings.json``: what a sweep says, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sim.studies import files
from sim.studies.findings.discovery import Discovery
from sim.studies.findings.findings import Choice, Findings
from sim.studies.findings.flips import Flip, FlipStudy, Turn
from sim.studies.findings.robustness import Range
from sim.studies.findings.splits import Split
from sim.studies.sensitivity.variance import Shares

NAME = "findings.json"


def write_findings(findings: Findings, folder: Path) -> None:
    """Write ``findings.json`` into the folder of the sweep."""
    files.write_json(folder / NAME, document(findings))


def document(findings: Findings) -> dict[str, Any]:
    """What ``findings.json`` holds."""
    return {
        "study": findings.name,
        "objective": findings.objective,
        "baseline": findings.baseline,
        "currency": findings.currency,
        "days": findings.days,
        "kind": findings.kind,
        "recommended": None if findings.recommended is None else findings.recommended.name,
        "cannot_be_told_apart": list(findings.leaders),
        "rival": findings.rival,
        "ranking": findings.ranking_line,
        "counts": findings.counts._asdict(),
        "targets": {name: target.model_dump() for name, target in findings.targets.items()},
        "candidates": [_choice_document(one) for one in findings.choices],
        "variance": None if findings.shares is None else _shares_document(findings.shares),
        "discovery": None
        if findings.discovery is None
        else _discovery_document(findings.discovery),
        "flips": [_flips_document(one) for one in findings.flips],
    }


def _choice_document(one: Choice) -> dict[str, Any]:
    robust = one.robustness
    quantiles = np.quantile(one.world_gain, [0.0, 0.1, 0.5, 0.9, 1.0]).tolist()
    names = ("least", "tenth", "median", "ninetieth", "most")
    return {
        "name": one.name,
        "policy": one.candidate.policy,
        "point": one.candidate.point,
        "setting": dict(one.candidate.setting),
        "is_baseline": one.is_baseline,
        "mean": one.mean._asdict(),
        "gain": one.gain._asdict(),
        "gain_over_worlds": dict(zip(names, quantiles, strict=True)),
        "worlds_better": one.worlds_better,
        "best_in": _range_document(robust.best_in),
        "regret": _range_document(robust.regret) | {"split": robust.split_regret},
        "worst_regret": _range_document(robust.worst_regret)
        | {"split": robust.split_worst_regret, "world": robust.worst_world},
        "probability_of_best": one.probability_of_best,
        "places": None if one.places is None else list(one.places),
        "split": None if one.split is None else _split_document(one.split),
        "cost_per_incremental_order_cents": one.cost_per_order,
        "means": dict(one.measures),
        "reached": {name: share._asdict() for name, share in one.reached.items()},
    }


def _split_document(found: Split) -> dict[str, float]:
    return found.modes._asdict() | {"both_ways": found.both_ways}


def _range_document(found: Range) -> dict[str, float]:
    return found._asdict()


def _shares_document(shares: Shares) -> dict[str, Any]:
    return {
        "measure": shares.measure,
        "runs": shares.runs,
        "groups": shares.groups.to_dict("records"),
        "sentence": shares.sentence,
    }


def _discovery_document(found: Discovery) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "policy": found.policy,
        "against": found.against,
        "sentence": found.sentence,
        "rule": found.rule,
        "conditions": found.table().to_dict("records"),
        "worlds": int(found.loses.size),
        "losses": int(found.loses.sum()),
        "sure_losses": found.sure,
        "density": found.density,
        "coverage": found.coverage,
        "held_out": found.held_out,
        "chance": found.chance,
    }


def _flips_document(study: FlipStudy) -> dict[str, Any]:
    mean, low, high = study.written
    return {
        "leader": study.leader,
        "rival": study.rival,
        "lead_as_written": {"mean": mean, "low": low, "high": high},
        "fit": study.shape,
        "predicted": study.predicted,
        "is_sound": study.is_sound,
        "worlds": study.worlds,
        "assumptions": [_flip_document(one) for one in study.flips],
    }


def _flip_document(flip: Flip) -> dict[str, Any]:
    def turn(found: Turn | None) -> dict[str, Any] | None:
        return None if found is None else found._asdict()

    return {
        "factor": flip.factor.name,
        "description": flip.factor.description,
        "unit": flip.factor.unit,
        "written": flip.written,
        "low": flip.low,
        "high": flip.high,
        "status": flip.status,
        "below": turn(flip.below),
        "above": turn(flip.above),
        "lost": [str(value) for value in flip.lost],
        "change": flip.change,
    }
