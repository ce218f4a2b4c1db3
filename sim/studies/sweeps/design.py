"""The design of a study: policies by worlds by points by replications, and the key of each run.

A *world* is a draw of what is not known, a *point* a setting of what is chosen, a *replication* a
network, people and luck. The same replication has the same seeds in every world, at every point
and under every policy, so all differences are between runs that share their luck.

A run is known by its content: the scenario of its world and point, its policy, the baseline it is
compared with, its seed and replication, and the code. Equal runs have equal keys and are
done once.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim._jit import source_hash
from sim.errors import InputError, InputWarning, nearest
from sim.generators import generator_of
from sim.model import policy_scheme
from sim.scenario import Scenario
from sim.studies.compare import resolve_scenario
from sim.studies.sweeps.factors import Factor, changed, declared, make_factor
from sim.studies.sweeps.sampling import (
    AS_WRITTEN,
    Settings,
    grid,
    listed_settings,
    read_settings,
    sample_latin_hypercube,
    sample_sobol,
    settings_of_frame,
)
from sim.studies.sweeps.study_file import StudyFile, Target, Varied

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("policy", "world", "point", "replication")
"""First columns of the outcomes of a study."""

_NOT_IN_A_RUN = ("name", "currency", "compare", "policies", "jurisdiction")


class Task(NamedTuple):
    """The runs of some policies in one replication of a world at a point."""

    world: int
    point: int
    replication: int
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Design:
    """What a study runs.

    scenario : resolved, with every policy. policies : those that give rows. baseline : whose run
    is the twin. points, worlds : settings that change the scenario. targets : see
    :class:`sim.studies.sweeps.study_file.Target`. inputs : see :func:`inputs_of`.
    """

    scenario: Scenario
    policies: tuple[str, ...]
    baseline: str
    points: Settings = AS_WRITTEN
    worlds: Settings = AS_WRITTEN
    replications: int = 20
    targets: Mapping[str, Target] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Rows of the outcomes when nothing failed."""
        return len(self.policies) * len(self.worlds) * len(self.points) * self.replications

    def scenario_of(self, world: int, point: int) -> Scenario:
        """The scenario of a world at a point; InputError if its values do not go together."""
        return _scenario_of(self, world, point)

    def tasks(self) -> Iterator[Task]:
        """All runs, in the order of the rows: by world, replication, point and policy."""
        for world in range(len(self.worlds)):
            for replication in range(self.replications):
                for point in range(len(self.points)):
                    yield Task(world, point, replication, self.policies)

    def world_key(self, world: int, point: int) -> str:
        """Digest of all that the world of a run depends on besides its replication."""
        return _setting_key(self, world, point)

    def run_key(self, policy: str, world: int, point: int, replication: int) -> str:
        """The key of a run: "r" and 23 hex digits of the sha256 of its content."""
        content = f"{_policy_key(self, policy, world, point)} {replication}"
        return "r" + hashlib.sha256(content.encode()).hexdigest()[:23]

    def keys(self, task: Task) -> dict[str, str]:
        """The key of each run of a task by policy."""
        world, point, replication, policies = task
        return {name: self.run_key(name, world, point, replication) for name in policies}

    def but(self, **changes: Any) -> Design:
        """A copy with other policies, points, worlds or replications."""
        return replace(self, **changes)

    def __hash__(self) -> int:
        """By identity: the caches of settings belong to one design."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        """By identity, see :meth:`__hash__`."""
        return self is other


# Neighbouring tasks share a setting; a task visits every point of one world again and again.
@functools.lru_cache(maxsize=4096)
def _scenario_of(design: Design, world: int, point: int) -> Scenario:
    changes = [*design.worlds.changes(world), *design.points.changes(point)]
    return changed(design.scenario, changes, f"world {world}, point {point}")


@functools.lru_cache(maxsize=65536)
def _setting_key(design: Design, world: int, point: int) -> str:
    table = design.scenario_of(world, point).to_table()
    kept = {name: value for name, value in table.items() if name not in _NOT_IN_A_RUN}
    network = table.get("network", {})
    files = []
    for name in ("file", "groups"):
        # Known by its content, wherever it lies.
        network.pop(name, None)
        files.append(design.inputs.get(f"network.{name}"))
    return _digest([code_fingerprint(), files, kept])


@functools.lru_cache(maxsize=262144)
def _policy_key(design: Design, policy: str, world: int, point: int) -> str:
    try:
        policies = design.scenario_of(world, point).to_table()["policies"]
        setting = design.world_key(world, point)
    except InputError:
        # Values that do not go together make a run that fails, which has a key all the same.
        changes = [*design.worlds.changes(world), *design.points.changes(point)]
        return _digest([code_fingerprint(), repr(changes), policy])
    compared = [
        [as_floats(policies[name]), design.inputs.get(f"policies.{name}")]
        for name in (policy, design.baseline)
    ]
    targets = {name: target.model_dump() for name, target in design.targets.items()}
    return _digest([setting, *compared, targets])


def as_floats(value: Any) -> Any:
    """Nested values with whole numbers as floats: 5 and 5.0 are the same parameter."""
    if isinstance(value, Mapping):
        return {name: as_floats(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_floats(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: str) -> str:
    """The sha256 of a file's content; InputError if it cannot be read."""
    try:
        state = Path(path).stat()
        return _content_digest(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


@functools.lru_cache(maxsize=64)
def _content_digest(path: str, changed_ns: int, size: int) -> str:
    """The digest of a file as it was then: it may be written anew while a process goes on."""
    with Path(path).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def inputs_of(scenario: Scenario, policies: Iterable[str]) -> dict[str, str]:
    """Digests of what runs depend on besides the scenario's numbers.

    The files of its network, by field, and the source of schemes that are not part of vouch, by
    policy.
    """
    found: dict[str, str] = {}
    for name in ("file", "groups"):
        path = getattr(scenario.network, name)
        if path is not None:
            found[f"network.{name}"] = file_digest(path)
    for name in dict.fromkeys(policies):
        scheme = policy_scheme(scenario, name)
        classes = {kind for one in (scheme, *scheme.components) for kind in type(one).__mro__}
        own = {_source_file(one) for one in classes}
        if own:
            digests = [file_digest(path) for path in sorted(filter(None, own))]
            found[f"policies.{name}"] = _digest(digests)
    return found


def _source_file(kind: type) -> str | None:
    """The file of a class of the user's own; None for one of vouch or of a library."""
    module = kind.__module__.split(".")[0]
    if module in (__name__.split(".")[0], "pydantic", *sys.stdlib_module_names):
        return None
    return inspect.getsourcefile(kind)


@functools.lru_cache(maxsize=1)
def code_fingerprint() -> str:
    """Digest of what the results of a run depend on besides its inputs: our code, and NumPy's."""
    package = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256(f"{source_hash()} {np.__version__}".encode())
    # Of the studies only what has a part in a run: an edit of a report must not end a sweep.
    own = [package / "studies" / "sweeps" / f"{name}.py" for name in ("batches", "factors")]
    for path in [*sorted((package / "schemes").glob("*.py")), *own]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# ------------------------------------------------------------------------------ from a study file


def make_design(
    study: StudyFile,
    *,
    policies: Sequence[str] = (),
    points: pd.DataFrame | None = None,
    worlds: pd.DataFrame | None = None,
) -> Design:
    """The design that a study describes, every setting of it checked.

    policies : instead of those of the study. points, worlds : settings of one's own, a column per
    dotted name, instead of those of the study.

    Raises
    ------
    InputError
        If a policy, a field or a value does not exist, is out of bounds or fixed, a factor is both
        chosen and unknown, or the values of a setting do not go together.
    """
    table, where = study.study, f"{study.where}: "
    if study.scenario.compare.branch_day is not None:
        raise InputError(
            f"{where}compare.branch_day = {study.scenario.compare.branch_day:g}: a study runs "
            "every policy from day 0; leave branch_day out, or ask `vouch compare`"
        )
    scenario = resolve_scenario(study.scenario)
    for name, target in table.targets.items():
        if target.by_day is not None and target.by_day > scenario.days:
            text = (
                f"{where}targets.{name}.by_day = {target.by_day:g} is after the last day "
                f"({scenario.days:g}), which counts instead"
            )
            warnings.warn(text, InputWarning, stacklevel=2)
    names = tuple(policies) or table.policies or tuple(study.scenario.policies)
    for name in names:
        if name not in scenario.policies:
            raise InputError(
                f"{where}there is no policy '{name}'{nearest(name, scenario.policies)}"
            )
    if len(set(names)) < len(names):
        raise InputError(f"{where}policies: one is named twice; name each once")
    chosen = _settings(study, scenario, table.points, "points", points)
    unknown = _settings(study, scenario, table.worlds, "worlds", worlds)
    both = {one.path: one.name for one in chosen.factors}
    for factor in unknown.factors:
        if factor.path in both:
            raise InputError(
                f"{where}'{factor.name}' is in [points] and in [worlds]; it is either chosen or "
                "not known"
            )
    _check_overrides(study, {"points": chosen, "worlds": unknown})
    design = Design(
        scenario, names, scenario.compare.baseline, chosen, unknown, table.replications,
        table.targets, inputs_of(scenario, (*names, scenario.compare.baseline)),
    )  # fmt: skip
    check_settings(design, where)
    return design


def _check_overrides(study: StudyFile, varied: Mapping[str, Settings]) -> None:
    """Refuse an override of a field whose values come from the study whatever the scenario has."""
    table = study.study
    for text in study.settings:
        name = text.partition("=")[0].strip()
        for part, settings in varied.items():
            for factor in settings.factors:
                specification = getattr(table, part).factors.get(factor.name)
                around_it = specification == "usual" or (
                    isinstance(specification, Mapping) and "factor" in specification
                )
                if not around_it and _is_same_field(study.scenario, name, factor):
                    raise InputError(
                        f"--set {text} would change nothing: '{factor.name}' is a factor in "
                        f"[{part}] of {study.where}, which gives it values of its own; change "
                        "those, or take it out of the factors"
                    )


def _is_same_field(scenario: Scenario, name: str, factor: Factor) -> bool:
    try:
        return declared(scenario, name).path == factor.path
    except InputError:
        # A section, of which the study varies at most a field.
        return False


def _settings(
    study: StudyFile, scenario: Scenario, varied: Varied, part: str, given: pd.DataFrame | None
) -> Settings:
    where = f"{study.where}: {part}: "
    if given is not None:
        return settings_of_frame(scenario, given, where)
    if varied.design == "list":
        if varied.file is not None:
            return read_settings(scenario, study.folder / varied.file, where)
        return listed_settings(scenario, varied.settings, where)
    factors = [make_factor(scenario, name, one, where) for name, one in varied.factors.items()]
    paths = [factor.path for factor in factors]
    if len(set(paths)) < len(paths):
        raise InputError(f"{where}a field is named twice; name each once")
    if not factors:
        return AS_WRITTEN
    if varied.design == "grid":
        return grid(factors, where)
    sample = sample_sobol if varied.design == "sobol" else sample_latin_hypercube
    return sample(factors, varied.count or 1, scenario.seed, where)


def check_settings(design: Design, where: str) -> None:
    """Refuse a design of which a world, a point or a policy at a point cannot be.

    Every point is tried in the first world and every world at the first point.
    """
    for world in range(len(design.worlds)):
        _check_setting(design, world, 0, where)
    for point in range(1, len(design.points)):
        _check_setting(design, 0, point, where)


def _check_setting(design: Design, world: int, point: int, where: str) -> None:
    try:
        scenario = design.scenario_of(world, point)
        if scenario.network.file is None:
            generator_of(scenario.network.kind, scenario.network.parameters())
        for name in dict.fromkeys((*design.policies, design.baseline)):
            policy_scheme(scenario, name)
    except InputError as error:
        settings = [(design.worlds, world), (design.points, point)]
        values = [
            f"{factor.name} = {value!r}"
            for table, number in settings
            for factor, value in zip(table.factors, table.rows[number], strict=True)
        ]
        at = f" with {', '.join(values[:6])}{', ...' if len(values) > 6 else ''}" if values else ""
        raise InputError(f"{where}world {world}, point {point}{at}: {error}") from None
