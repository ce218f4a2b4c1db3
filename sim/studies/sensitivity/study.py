"""``vouch sensitivity``: the runs that tell which factors of a study move its outcomes.

The factors are those of [worlds] and, of [points], the levers that concern the policy. What they
explain is what the policy changes: its outcome less that of the baseline in the same world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError, nearest
from sim.studies import files
from sim.studies.sensitivity.analysis import Indices, analyse, plan_settings
from sim.studies.sensitivity.variance import Shares, shares_of
from sim.studies.sweeps.design import Design, make_design
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.sampling import AS_WRITTEN
from sim.studies.sweeps.session import Session
from sim.studies.sweeps.study_file import StudyFile
from sim.studies.sweeps.sweep import Laboratory, laboratory, limits_of

NAME = "sensitivity.json"


@dataclass(frozen=True)
class SensitivityStudy:
    """What came of it.

    indices : of each measure. shares : of the variance of each, luck against factors; empty for
    morris, whose settings are no sample of the factors.
    """

    folder: Path
    design: Design
    policy: str
    baseline: str
    factors: tuple[Factor, ...]
    indices: Mapping[str, Indices]
    shares: Mapping[str, Shares]

    def document(self) -> dict[str, Any]:
        """What ``sensitivity.json`` holds."""
        return {
            "policy": self.policy,
            "baseline": self.baseline,
            "currency": self.design.scenario.currency,
            "settings": len(self.design.worlds),
            "replications": self.design.replications,
            "factors": {
                one.name: {
                    "low": one.low, "high": one.high, "values": list(one.values),
                    "unit": one.unit, "description": one.description,
                }
                for one in self.factors
            },
            "measures": {
                measure: {
                    "method": found.method,
                    "note": found.note,
                    "runs": found.runs, "failed": found.failed,
                    "units": found.units, "left_out": found.left_out,
                    "indices": found.table.to_dict("records"),
                    "variance": (
                        self.shares[measure].groups.to_dict("records")
                        if measure in self.shares
                        else []
                    ),
                }
                for measure, found in self.indices.items()
            },
        }  # fmt: skip


def sensitivity(
    study: StudyFile,
    folder: str | Path,
    *,
    policies: Sequence[str] = (),
    session: Session = Session(),
) -> SensitivityStudy:
    """Run the sample of a study's factors and analyse it.

    The runs are kept in ``folder`` like those of a sweep; one that was stopped goes on there.

    Raises
    ------
    InputError
        If the study or the folder cannot be used, there is nothing to vary, or too many runs
        failed.
    """
    asked, where = study.study.sensitivity, f"{study.where}: sensitivity: "
    whole = make_design(study, policies=policies)
    policy = _policy(whole, asked.policy, where)
    factors = _factors(whole, policy)
    settings, quantiles = plan_settings(factors, asked, whole.scenario.seed, where)
    names = tuple(dict.fromkeys((whole.baseline, policy)))
    design = whole.but(
        policies=names, points=AS_WRITTEN, worlds=settings, replications=asked.replications
    )
    with laboratory(
        Path(folder), design, session, owner="sensitivity", limits=limits_of(study)
    ) as bench:
        bench.run()
        gains = _gains(bench, design, policy, asked.measures)
        seed = whole.scenario.seed
        indices = {
            measure: analyse(
                asked.method, factors, quantiles, table, seed=seed, slices=asked.slices,
                where=where,
            )
            for measure, table in gains.items()
        }  # fmt: skip
        drawn = {"sobol": slice(None, None, len(factors) + 2), "pawn": slice(None)}
        shares = {
            measure: shares_of(table[None, drawn[asked.method]], measure, seed)
            for measure, table in gains.items()
            if asked.method in drawn
        }
        found = SensitivityStudy(
            Path(folder), design, policy, whole.baseline, tuple(factors), indices, shares
        )
        files.write_json(Path(folder) / NAME, found.document())
    return found


def _policy(design: Design, asked: str | None, where: str) -> str:
    rivals = [name for name in design.policies if name != design.baseline]
    if asked is None:
        if not rivals:
            raise InputError(f"{where}there is no policy but the baseline; add one")
        return rivals[-1]
    if asked not in design.scenario.policies:
        raise InputError(
            f"{where}there is no policy '{asked}'{nearest(asked, design.scenario.policies)}"
        )
    if asked == design.baseline:
        raise InputError(f"{where}policy = '{asked}' is the baseline; name another")
    return asked


def _factors(design: Design, policy: str) -> list[Factor]:
    """What is not known, and the levers that are not those of other policies."""
    levers = [
        one
        for one in design.points.factors
        if one.path[0] != "policies" or one.path[1] in (policy, design.baseline)
    ]
    return [*design.worlds.factors, *levers]


def _gains(
    bench: Laboratory, design: Design, policy: str, measures: Sequence[str]
) -> dict[str, np.ndarray]:
    """Policy less baseline by measure, float64 (settings, replications), nan for a failed run."""
    rows = bench.rows(list(design.tasks()), measures)
    shape = (2, len(design.worlds), design.replications)
    which = (rows["policy"].to_numpy() == policy).astype(int)
    place = (which, rows["world"].to_numpy(), rows["replication"].to_numpy())
    found = {}
    for measure in measures:
        table = np.full(shape, np.nan)
        table[place] = rows[measure].to_numpy(float)
        found[measure] = table[1] - table[0]
    return found
