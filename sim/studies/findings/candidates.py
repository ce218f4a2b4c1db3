"""Candidates of a sweep: a policy with a setting of the levers that touch it, and its runs.

A policy that no lever touches is one candidate, however many points there are: its runs are the
same at each of them, and are counted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError
from sim.studies.exporting.saved_study import open_study
from sim.studies.optimizing.levers import setting_key
from sim.studies.sweeps.design import KEYS, Design
from sim.studies.sweeps.factors import Factor
from sim.studies.wording import money, significant


@dataclass(frozen=True)
class Candidate:
    """A policy at the points that are alike for it.

    name : the policy, with the setting where it has several. point : the first of its points.
    setting : values of the levers that touch it, by dotted name.
    """

    name: str
    policy: str
    point: int
    setting: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Cells:
    """The runs of all candidates, crossed with worlds and replications.

    values : by measure, float64 (candidates, worlds, replications), nan where there is no run.
    worlds, replications : their numbers. twins : of each candidate, the place of the baseline with
    the same setting of the levers that touch both.
    """

    candidates: tuple[Candidate, ...]
    worlds: np.ndarray
    replications: np.ndarray
    values: Mapping[str, np.ndarray]
    twins: np.ndarray

    def gain(self, place: int, measure: str) -> np.ndarray:
        """A candidate less its baseline, float64 (worlds, replications), luck by luck."""
        table = self.values[measure]
        return np.asarray(table[place] - table[self.twins[place]])

    def part(self, candidates: np.ndarray, worlds: np.ndarray, replications: np.ndarray) -> Cells:
        """The cells at some places of each axis; every candidate's baseline has to be kept."""
        new_place = {int(old): new for new, old in enumerate(candidates)}
        return Cells(
            tuple(self.candidates[place] for place in candidates),
            self.worlds[worlds],
            self.replications[replications],
            {
                name: table[np.ix_(candidates, worlds, replications)]
                for name, table in self.values.items()
            },
            np.array([new_place[int(self.twins[place])] for place in candidates], np.int64),
        )


def candidates_of(design: Design) -> tuple[list[Candidate], np.ndarray]:
    """The candidates of a design, and the place of that of each (policy, point), int64 (P, X)."""
    found: list[Candidate] = []
    places = np.zeros((len(design.policies), len(design.points)), np.int64)
    for number, policy in enumerate(design.policies):
        touching = [
            place
            for place, factor in enumerate(design.points.factors)
            if touches(factor, policy) or touches(factor, design.baseline)
        ]
        known: dict[tuple[str, ...], int] = {}
        for point, row in enumerate(design.points.rows):
            setting = {design.points.factors[place].name: row[place] for place in touching}
            key = setting_key(setting)
            if key not in known:
                known[key] = len(found)
                found.append(Candidate("", policy, point, setting))
            places[number, point] = known[key]
    named = [
        Candidate(_name(one, found, design), one.policy, one.point, one.setting) for one in found
    ]
    return named, places


def touches(factor: Factor, policy: str) -> bool:
    """Whether a lever changes a run of ``policy``: all do but the parameters of other policies."""
    return factor.path[0] != "policies" or factor.path[1] == policy


def _name(candidate: Candidate, every: Sequence[Candidate], design: Design) -> str:
    """The policy, with the levers in which its settings differ: "give_get (give 5)"."""
    same = [one for one in every if one.policy == candidate.policy]
    factors = {factor.name: factor for factor in design.points.factors}
    parts = [
        f"{_short(factors[name])} {value_text(value, factors[name])}"
        for name, value in candidate.setting.items()
        if len({setting_key({name: one.setting[name]}) for one in same}) > 1
    ]
    return f"{candidate.policy} ({', '.join(parts)})" if parts else candidate.policy


def _short(factor: Factor) -> str:
    """The last part of a dotted name; the one before too, where the last says little alone."""
    parts = factor.name.split(".")
    return parts[-1] if factor.path[0] == "policies" else ".".join(parts[-2:])


def is_number(value: Any) -> bool:
    """Whether a value of a factor is a number and no switch."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def value_text(value: Any, factor: Factor, currency: str = "") -> str:
    """A value of a factor as a person reads it, money with its currency where that is given."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not is_number(value):
        return str(value)
    if factor.money:
        return f"{money(100 * value).removesuffix('.00')} {currency}".rstrip()
    return significant(value)


def read_cells(folder: Path, design: Design, measures: Sequence[str]) -> Cells:
    """The measures of all runs in the folder of a sweep, read a batch of rows at a time.

    Raises
    ------
    InputError
        If the baseline is none of the policies that were run, or a file is damaged.
    """
    if design.baseline not in design.policies:
        raise InputError(
            f"{folder} has no runs of the baseline '{design.baseline}', so it cannot be said what "
            "a policy gains; add it to the policies of the study and go on with --resume"
        )
    candidates, places = candidates_of(design)
    shape = len(candidates), len(design.worlds), design.replications
    values = {name: np.full(shape, np.nan) for name in measures}
    number = {policy: place for place, policy in enumerate(design.policies)}
    for batch in open_study(folder).outcomes.batches([*KEYS, *measures]):
        policy = batch.column("policy").dictionary_encode()
        own = np.array([number.get(name, -1) for name in policy.dictionary.to_pylist()])
        policies = own[policy.indices.to_numpy()]
        world, point, replication = (
            batch.column(key).to_numpy().astype(np.int64) for key in KEYS[1:]
        )
        known = (
            (policies >= 0) & (world < shape[1]) & (replication < shape[2])
            & (point < len(design.points))
        )  # fmt: skip
        where = places[policies[known], point[known]], world[known], replication[known]
        for name in measures:
            column = batch.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
            values[name][where] = column[known]
    baseline = places[design.policies.index(design.baseline)]
    twins = np.array([baseline[one.point] for one in candidates], np.int64)
    return Cells(
        tuple(candidates), np.arange(shape[1]), np.arange(shape[2]), values, twins
    )  # fmt: skip


def complete_part(cells: Cells, measure: str) -> Cells:
    """The cells of which every candidate has a run in every world with every luck.

    Failed runs leave holes; so that all candidates are judged by the same worlds and luck, the
    world, replication or candidate with the largest share of holes is left out, again and again
    until there is none. Baselines are kept as candidates.
    """
    holes = ~np.isfinite(cells.values[measure])
    if not holes.any():
        return cells
    kept = [np.ones(size, bool) for size in holes.shape]
    baselines = np.zeros(holes.shape[0], bool)
    baselines[cells.twins] = True
    while True:
        left = holes[np.ix_(*kept)]
        if not left.any():
            break
        worst = []
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            shares = np.zeros(kept[axis].size)
            shares[kept[axis]] = left.mean(axis=others)
            if axis == 0:
                shares[baselines] = 0.0
            worst.append((float(shares.max()), axis, int(shares.argmax())))
        _, axis, place = max(worst, key=lambda one: (one[0], -one[1]))
        kept[axis][place] = False
    return cells.part(*(np.flatnonzero(one) for one in kept))
