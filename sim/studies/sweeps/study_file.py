"""The file of a study (TOML): policies, what is varied, how often, and what is asked.

The shape is the same for every study: policies and points (settings of the levers, which are
chosen) by worlds (draws of what is not known) by replications (luck). One file serves ``vouch
sweep``, ``rank``, ``sensitivity`` and ``optimize``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from sim.behavior import Section
from sim.errors import InputError, nearest
from sim.measures import DAILY, MEASURES
from sim.quantities import describe_validation_error
from sim.scenario import Scenario
from sim.studies.sweeps.sampling import METHODS, Method
from sim.toml_files import apply_override, read_toml
from sim.twins import TWIN_MEASURES

MOST_REPLICATIONS = 1_000_000
CURE = "see experiments/ for one"
EVERY_MEASURE = (*MEASURES, *TWIN_MEASURES)


class Varied(Section):
    """What is varied and how it is sampled."""

    design: Method = Field("grid", description="grid, latin_hypercube, sobol or list")
    count: int | None = Field(None, ge=1, le=10_000_000, description="settings of a sample")
    factors: dict[str, Any] = Field(
        {}, description='values, {low, high}, "usual" or "bounds" by dotted name'
    )
    file: str | None = Field(None, description="CSV of a list: dotted names, then a line each")
    settings: tuple[dict[str, Any], ...] = Field((), description="a list, written out")

    @field_validator("factors", mode="before")
    @classmethod
    def _by_dotted_name(cls, factors: Any) -> Any:
        return dict(_flattened(factors, "")) if isinstance(factors, Mapping) else factors

    @field_validator("settings", mode="before")
    @classmethod
    def _settings_by_dotted_name(cls, settings: Any) -> Any:
        if not isinstance(settings, list | tuple):
            return settings
        return [dict(_flattened(one, "")) if isinstance(one, Mapping) else one for one in settings]

    @model_validator(mode="after")
    def _consistent(self) -> Varied:
        is_list = self.design == "list"
        if is_list and (self.file is None) == (not self.settings):
            raise ValueError("a list needs either file, a CSV, or settings")
        if is_list and self.factors:
            raise ValueError("a list names its factors itself; leave out factors")
        if not is_list and (self.file is not None or self.settings):
            raise ValueError('file and settings are for design = "list"')
        if self.design in ("latin_hypercube", "sobol"):
            if self.count is None:
                raise ValueError(f'design = "{self.design}" needs a count')
            if not self.factors:
                raise ValueError(f'design = "{self.design}" needs factors')
        elif self.count is not None:
            raise ValueError(f'design = "{self.design}" takes no count; leave it out')
        return self


_RANGE = frozenset({"low", "high", "factor", "values"})


def _flattened(table: Mapping[str, Any], path: str) -> Any:
    """Leaves of nested tables with their dotted names: TOML nests a.b = 1 if it is not quoted."""
    for key, value in table.items():
        name = f"{path}.{key}" if path else str(key)
        # A field may be called as a part of a range is, such as the levels of a scheme.
        is_leaf = not isinstance(value, Mapping) or (
            not _RANGE.isdisjoint(value) and set(value) <= _RANGE | {"scale", "levels"}
        )
        if is_leaf:
            yield name, value
        else:
            yield from _flattened(value, name)


class Target(Section):
    """Something to be reached: gives two further columns of the outcomes.

    NAME_reached_day is the day on which the sum of the daily measure reaches the amount (nan if it
    does not), NAME_by_day the sum at the end of ``by_day``.
    """

    measure: str = Field(description="a daily measure that adds up, such as new_customers")
    amount: float = Field(gt=0, le=1e15, description="what its sum is to reach; money in cents")
    by_day: float | None = Field(None, gt=0, description="day by which; default the horizon")

    @field_validator("measure")
    @classmethod
    def _adds_up(cls, measure: str) -> str:
        if measure not in DAILY:
            raise ValueError(f"there is no daily measure '{measure}'{nearest(measure, DAILY)}")
        return measure


class Rank(Section):
    """What ``vouch rank`` asks for."""

    objective: str | None = Field(None, description="measure; default compare.objective")
    probability: float = Field(0.95, gt=0.5, lt=1, description="of having the best")
    indifference: float | None = Field(
        None, gt=0, description="smallest difference that matters, in the unit of the measure; "
        "default compare.precision of the baseline's mean",
    )  # fmt: skip
    first: int = Field(10, ge=10, le=MOST_REPLICATIONS, description="replications to begin with")
    maximum: int = Field(1000, ge=10, le=MOST_REPLICATIONS, description="replications at most")

    @model_validator(mode="after")
    def _possible(self) -> Rank:
        if self.maximum < self.first:
            raise ValueError(
                f"maximum = {self.maximum} is below first = {self.first}; raise it, or lower first"
            )
        return self


class Sensitivity(Section):
    """What ``vouch sensitivity`` asks for."""

    method: Literal["morris", "sobol", "pawn"] = Field("morris", description="indices to compute")
    measures: tuple[str, ...] = Field(
        ("profit_cents", "orders"), min_length=1, description="what they explain"
    )
    policy: str | None = Field(
        None, description="whose difference from the baseline; default the last policy"
    )
    samples: int | None = Field(
        None, ge=4, le=1_000_000, description="trajectories (morris, default 16), base samples "
        "(sobol, a power of two, default 128) or settings (pawn, default 256)",
    )  # fmt: skip
    replications: int = Field(4, ge=3, le=MOST_REPLICATIONS, description="runs of a setting")
    levels: int = Field(4, ge=2, le=100, description="levels of a factor, an even number (morris)")
    slices: int = Field(10, ge=2, le=100, description="parts of a factor's range (pawn)")

    @property
    def samples_of_method(self) -> int:
        """``samples``, or the default of the method."""
        return self.samples or {"morris": 16, "sobol": 128, "pawn": 256}[self.method]

    @model_validator(mode="after")
    def _possible(self) -> Sensitivity:
        for measure in self.measures:
            if measure not in EVERY_MEASURE:
                hint = nearest(measure, EVERY_MEASURE)
                raise ValueError(f"there is no measure '{measure}'{hint}")
        if self.method == "morris" and self.levels % 2:
            raise ValueError(f"levels = {self.levels} is odd; morris needs an even number")
        samples = self.samples_of_method
        if self.method == "sobol" and (samples < 16 or samples & (samples - 1)):
            near = max(16, 2 ** round(math.log2(samples)))
            raise ValueError(
                f"samples = {samples} is no power of two from 16, which sobol needs; give {near}"
            )
        if self.method == "pawn" and samples < 10 * self.slices:
            raise ValueError(
                f"samples = {samples} is too few for {self.slices} slices; pawn needs 10 settings "
                f"in a slice: give {10 * self.slices} or fewer slices"
            )
        return self


class Constraint(Section):
    """A limit that the answer of a search has to keep."""

    measure: str = Field(description="measure of the policy; money in cents")
    per: str | None = Field(
        None, description="measure it is divided by, such as revenue_cents: a ratio of means"
    )
    at_least: float | None = Field(None, description="smallest value allowed")
    at_most: float | None = Field(None, description="largest value allowed")
    probability: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of runs that has to keep it; default: the mean keeps it",
    )

    @model_validator(mode="after")
    def _one_side(self) -> Constraint:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give at_least or at_most")
        return self


class Optimize(Section):
    """What ``vouch optimize`` asks for: the levers are the factors of [points]."""

    policy: str | None = Field(None, description="the policy searched; default the last one")
    maximize: tuple[str, ...] = Field(
        ("profit_cents",),
        description="objectives, more is better: gains beyond the baseline as written",
    )
    minimize: tuple[str, ...] = Field((), description="objectives, less is better, likewise")
    constraints: tuple[Constraint, ...] = ()
    trials: int = Field(60, ge=1, le=10_000, description="settings to try")
    batch: int = Field(6, ge=1, le=1_000, description="settings asked for at a time")
    replications: int = Field(8, ge=2, le=MOST_REPLICATIONS, description="runs of a setting")
    finalists: int = Field(5, ge=1, le=100, description="settings tried again on fresh luck")
    final_replications: int = Field(
        20, ge=2, le=MOST_REPLICATIONS,
        description="fresh runs that choose among the finalists, and as many that measure them",
    )  # fmt: skip
    robust: Literal["mean", "worst", "regret"] = Field(
        "mean", description="over worlds: the mean, the worst world, or the largest regret"
    )
    least: str | None = Field(
        None, description="inverse question: the lever of which to find the least value"
    )
    target: str | None = Field(None, description="the target it has to reach, of [targets]")
    with_probability: float = Field(0.8, gt=0, lt=1, description="of reaching it")
    break_even: str | None = Field(
        None, description="inverse question: the lever of which to find the largest value that pays"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Optimize:
        objectives = (*self.maximize, *self.minimize)
        if not objectives:
            raise ValueError("there is nothing to maximize or minimize; name a measure")
        if len(set(objectives)) < len(objectives):
            raise ValueError("a measure is an objective twice; name each once")
        if self.least is not None and self.target is None:
            raise ValueError("least needs a target, one of [targets]")
        return self


class Discovery(Section):
    """Where the recommended policy loses: scenario discovery over the worlds."""

    policy: str | None = Field(None, description="default the one recommended")
    measure: str | None = Field(None, description="default compare.objective")
    against: str | None = Field(None, description="default the baseline")

    def check(self, measures: Sequence[str], policies: Sequence[str], where: str = "") -> None:
        """Refuse what runs of ``policies`` with ``measures`` cannot answer; an InputError."""
        if self.measure is not None:
            check_measure(self.measure, tuple(measures), f"{where}discovery.measure: ")
        for name in ("policy", "against"):
            asked = getattr(self, name)
            if asked is not None and asked not in policies:
                raise InputError(
                    f"{where}discovery.{name}: policy '{asked}' is not run in this study"
                    f"{nearest(asked, policies)}"
                )


class Study(Section):
    """A study as its file has it. See :func:`sim.studies.sweeps.design.make_design`."""

    scenario: str | dict[str, Any] = Field(
        "scenario.toml", description="scenario file, beside the study's, or the scenario itself"
    )
    name: str | None = Field(None, description="default the scenario's")
    policies: tuple[str, ...] = Field((), description="default all of the scenario")
    replications: int = Field(20, ge=1, le=MOST_REPLICATIONS, description="runs of a setting")
    days: float | None = Field(None, description="horizon instead of the scenario's")
    seed: int | None = Field(None, description="seed instead of the scenario's")
    time_limit_seconds: float | None = Field(None, gt=0, description="of a run; default none")
    memory_limit_mb: float | None = Field(None, gt=0, description="of a process; default none")
    points: Varied = Varied()
    worlds: Varied = Varied()
    targets: dict[str, Target] = Field({}, description="what is to be reached, by name")
    rank: Rank = Rank()
    sensitivity: Sensitivity = Sensitivity()
    optimize: Optimize = Optimize()
    discovery: Discovery = Discovery()

    @field_validator("targets")
    @classmethod
    def _names(cls, targets: dict[str, Target]) -> dict[str, Target]:
        for name in targets:
            if not name.isidentifier():
                raise ValueError(f"'{name}' is no name of a target; use letters, digits and _")
        return targets


class StudyFile(BaseModel):
    """A study with its resolved scenario and where it comes from.

    where : opens messages. folder : relative files are taken from there. settings : ``a.b=c``
    overrides that are in the scenario already.
    """

    model_config = {"arbitrary_types_allowed": True, "frozen": True}
    study: Study
    scenario: Scenario
    name: str
    where: str
    folder: Path
    settings: tuple[str, ...] = ()


def read_study(
    path: str | Path,
    *,
    settings: tuple[str, ...] = (),
    seed: int | None = None,
    days: float | None = None,
    replications: int | None = None,
) -> StudyFile:
    """The study of a TOML file; what is given as an argument replaces what is in the file.

    settings : ``a.b=c`` overrides of the scenario.

    Raises
    ------
    InputError
        If a file cannot be read, or holds an unknown key or a bad value.
    """
    path = Path(path)
    table = read_toml(path, "study", CURE)
    foreign = sorted((set(Scenario.model_fields) - set(Study.model_fields)) & set(table))
    if foreign and "scenario" not in table:
        raise InputError(
            f"{path} looks like a scenario (it has '{foreign[0]}'), and a study was asked for; "
            "compare its policies with `vouch compare`, or name it in a study file (see "
            "experiments/)"
        )
    given = {"seed": seed, "days": days, "replications": replications}
    table |= {name: value for name, value in given.items() if value is not None}
    return make_study(table, settings=settings, where=str(path), folder=path.parent)


def make_study(
    table: Mapping[str, Any],
    *,
    settings: tuple[str, ...] = (),
    where: str = "study",
    folder: Path = Path(),
) -> StudyFile:
    """The study of a nested mapping as TOML gives it; InputError if it is not valid.

    ``scenario`` in it may be a file, a table, or a :class:`sim.Scenario`.
    """
    table = dict(table)
    given = table.get("scenario")
    if isinstance(given, Scenario):
        table["scenario"] = given.to_table()
    try:
        study = Study.model_validate(table)
    except ValidationError as error:
        raise InputError(describe_validation_error(error, where, Study)) from None
    changes = [*settings]
    changes += [f"days={study.days:g}"] if study.days is not None else []
    changes += [f"seed={study.seed}"] if study.seed is not None else []
    if isinstance(study.scenario, str):
        scenario = Scenario.load(folder / study.scenario, changes)
    else:
        inner = copy.deepcopy(study.scenario)
        for change in changes:
            apply_override(inner, change)
        scenario = Scenario.from_table(inner, where=f"{where}: scenario", folder=folder)
    return StudyFile(
        study=study, scenario=scenario, name=study.name or scenario.name, where=where,
        folder=folder, settings=settings,
    )  # fmt: skip


def check_measure(name: str, known: tuple[str, ...], where: str) -> None:
    """Refuse a measure that the outcomes do not have."""
    if name not in known:
        raise InputError(f"{where}there is no measure '{name}'{nearest(name, known)}")


__all__ = [
    "EVERY_MEASURE", "METHODS", "Constraint", "Discovery", "Optimize", "Rank", "Sensitivity",
    "Study", "StudyFile", "Target", "Varied", "check_measure", "make_study", "read_study",
]  # fmt: skip
