"""Files of claims: what is said to hold, in which worlds, and how it is to be tried."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError, field_validator, model_validator

from sim.behavior import Section
from sim.errors import InputError, nearest
from sim.measures import MEASURES
from sim.quantities import describe_validation_error
from sim.scenario import Scenario
from sim.studies.compare import MOST_REPLICATIONS, resolve_scenario
from sim.studies.uncertainty import (
    ASSUMPTION_FACTOR,
    EVIDENCE_FACTOR,
    Parameter,
    uncertain_parameters,
)
from sim.toml_files import read_toml
from sim.twins import TWIN_MEASURES

OWN_WORLD = ""
"""The name of the world that the scenario describes, without changes."""

MOST_DRAWS = 100_000


class Claim(Section):
    """A statement: a measure of one policy against another's, or within a band.

    The effect is the measure under ``policy`` in ``world`` less that under ``than`` in
    ``than_world``; with ``between`` it is the measure under ``policy`` itself. The claim holds
    where the effect lies in :attr:`band`.
    """

    name: str = Field(description="short name, for --only")
    text: str = Field(description="the claim in a sentence")
    measure: str = Field(description="an outcome: a column of outcomes.parquet")
    policy: str = Field(description="policy it is about")
    than: str | None = Field(None, description="policy compared with; default the baseline")
    world: str = Field(OWN_WORLD, description="a name in [worlds]; default the scenario")
    than_world: str | None = Field(None, description="world of than; default the same world")
    direction: Literal["higher", "lower", "same"] | None = Field(
        None, description="how the measure of policy compares"
    )
    by_at_least: float = Field(0.0, description="smallest effect meant, in the measure's unit")
    by_at_most: float | None = Field(None, ge=0, description="largest effect meant, likewise")
    between: tuple[float, float] | None = Field(
        None, description="band for the measure itself, instead of a comparison"
    )

    @field_validator("measure")
    @classmethod
    def _is_an_outcome(cls, measure: str) -> str:
        known = (*MEASURES, *TWIN_MEASURES)
        if measure not in known:
            raise ValueError(f"there is no measure '{measure}'{nearest(measure, known)}")
        return measure

    @model_validator(mode="after")
    def _one_question(self) -> Claim:
        if self.between is not None:
            other = {"than", "than_world", "direction", "by_at_least", "by_at_most"}
            for name in sorted(other & self.model_fields_set):
                raise ValueError(f"between is a band for one policy; leave out {name}")
            if self.between[0] > self.between[1]:
                raise ValueError(f"between = {list(self.between)} is empty; write low, then high")
        elif self.direction is None:
            raise ValueError("direction is missing; write higher, lower or same, or give between")
        elif self.direction == "same":
            if self.by_at_most is None or self.by_at_least:
                raise ValueError(
                    "direction = 'same' needs by_at_most, the largest difference that still "
                    "counts as the same, and no by_at_least"
                )
        elif self.by_at_most is not None and self.by_at_most < self.by_at_least:
            raise ValueError(
                f"by_at_most = {self.by_at_most:g} is below by_at_least = {self.by_at_least:g}"
            )
        return self

    @property
    def band(self) -> tuple[float, float]:
        """Lowest and highest effect at which the claim holds, both ends included."""
        if self.between is not None:
            return self.between
        most = math.inf if self.by_at_most is None else self.by_at_most
        # More than nothing: without a margin no effect at all is not enough.
        least = self.by_at_least if self.by_at_least else math.ulp(0.0)
        bands = {"higher": (least, most), "lower": (-most, -least), "same": (-most, most)}
        return bands[str(self.direction)]


class Uncertainty(Section):
    """How the uncertain parameters are drawn, see :mod:`sim.studies.uncertainty`."""

    draws: int = Field(50, ge=0, le=MOST_DRAWS, description="draws of all parameters; 0: none")
    replications: int = Field(4, ge=1, le=MOST_REPLICATIONS, description="replications of a draw")
    holds_in: float = Field(0.9, gt=0.5, le=1, description="share of draws for ROBUST")
    parameters: tuple[str, ...] = Field((), description="names or sections; default all")
    assumption_factor: float = Field(ASSUMPTION_FACTOR, gt=1, le=1000, description="assumptions")
    evidence_factor: float = Field(EVIDENCE_FACTOR, gt=1, le=1000, description="sourced numbers")
    factors: dict[str, float] = Field({}, description="for single parameters")

    @field_validator("factors")
    @classmethod
    def _above_one(cls, factors: dict[str, float]) -> dict[str, float]:
        for name, factor in factors.items():
            if not 1 < factor <= 1000:
                raise ValueError(f"{name} = {factor:g} is not a factor; give 1 to 1000, above 1")
        return factors


class ClaimTable(Section):
    """A claims file as it is written."""

    scenario: str | dict[str, Any] = Field(description="scenario file, or the scenario itself")
    replications: int = Field(40, ge=2, le=MOST_REPLICATIONS, description="worlds per variant")
    size_tolerance: float = Field(
        0.1, ge=0, le=10, description="share of the effect by which its size may move"
    )
    uncertainty: Uncertainty = Uncertainty()
    worlds: dict[str, dict[str, Any]] = Field({}, description="changes of the scenario by name")
    claims: tuple[Claim, ...] = Field(description="the claims")

    @field_validator("scenario", mode="before")
    @classmethod
    def _file_or_table(cls, scenario: Any) -> Any:
        if not isinstance(scenario, str | dict):
            raise ValueError(f"{scenario!r} is not a scenario; name its file, or write a table")
        return scenario

    @field_validator("worlds")
    @classmethod
    def _changes(cls, worlds: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, changes in worlds.items():
            if not name or not changes:
                raise ValueError(f"'{name}' needs a name and something that it changes")
            if "seed" in changes:
                raise ValueError(
                    f"{name}.seed: worlds are compared with the same luck; leave it out"
                )
        return worlds

    @field_validator("claims")
    @classmethod
    def _told_apart(cls, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        names = [claim.name for claim in claims]
        if not names:
            raise ValueError("claims is empty; add at least one [[claims]]")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two claims are named '{name}'; names must differ")
        return claims


class ClaimsFile(NamedTuple):
    """Claims, checked, with the worlds they are about.

    worlds : resolved scenarios by name, :data:`OWN_WORLD` first. table : as written. parameters :
    what is not known exactly in the scenario.
    """

    worlds: dict[str, Scenario]
    table: ClaimTable
    parameters: tuple[Parameter, ...]

    @property
    def scenario(self) -> Scenario:
        """The scenario itself, without changes."""
        return self.worlds[OWN_WORLD]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims, in order."""
        return self.table.claims

    def other(self, claim: Claim) -> tuple[str, str] | None:
        """World and policy that a claim compares with; None for a band."""
        if claim.between is not None:
            return None
        than = self.scenario.compare.baseline if claim.than is None else claim.than
        return (claim.world if claim.than_world is None else claim.than_world), than


def read_claims(path: str | Path, seed: int | None = None) -> ClaimsFile:
    """The claims of a TOML file.

    A relative ``scenario`` is taken from the folder of the file. seed : instead of the scenario's.

    Raises
    ------
    InputError
        If the file or its scenario cannot be read, or a claim names what there is not.
    """
    table = read_toml(path, "claims", "docs/how-to/claims.md shows how to write one")
    return claims_from_table(table, where=str(path), folder=Path(path).parent, seed=seed)


def claims_from_table(
    table: Mapping[str, Any],
    *,
    where: str = "claims",
    folder: Path | None = None,
    seed: int | None = None,
) -> ClaimsFile:
    """Claims from a nested mapping as TOML gives it; InputError if they are not valid."""
    folder = Path() if folder is None else folder
    try:
        written = ClaimTable(**table)
    except ValidationError as error:
        message = describe_validation_error(error, where, ClaimTable)
        raise InputError(_named(message, where, table)) from None
    if isinstance(written.scenario, str):
        scenario = Scenario.load(folder / written.scenario)
    else:
        scenario = Scenario.from_table(written.scenario, where=f"{where}: scenario", folder=folder)
    scenario = resolve_scenario(scenario, seed=seed)
    worlds = {OWN_WORLD: scenario}
    for name, changes in written.worlds.items():
        try:
            worlds[name] = resolve_scenario(scenario.but(**changes))
        except InputError as error:
            text = str(error).removeprefix("scenario: ")
            raise InputError(f"{where}: worlds.{name}: {text}") from None
    found = ClaimsFile(worlds, written, _parameters(scenario, written.uncertainty, where))
    for claim in written.claims:
        _check_names(found, claim, f"{where}: claim '{claim.name}'")
    return found


def _parameters(scenario: Scenario, uncertainty: Uncertainty, where: str) -> tuple[Parameter, ...]:
    try:
        found = uncertain_parameters(
            scenario,
            uncertainty.parameters,
            assumption_factor=uncertainty.assumption_factor,
            evidence_factor=uncertainty.evidence_factor,
            factors=uncertainty.factors,
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if uncertainty.draws and not found:
        raise InputError(f"{where}: no parameter has a range; write uncertainty.draws = 0")
    return found


def _named(message: str, where: str, table: Mapping[str, Any]) -> str:
    """The message with a claim's name in place of its number."""
    place = re.search(r"claims\.(\d+)(?:\.|: )", message)
    if place is None:
        return message
    claim = table["claims"][int(place[1])]
    name = claim.get("name", f"number {int(place[1]) + 1}") if isinstance(claim, dict) else claim
    text = message.replace(place[0], "", 1).removeprefix(f"{where}: ")
    return f"{where}: claim '{name}': {text}"


def _check_names(file: ClaimsFile, claim: Claim, where: str) -> None:
    """Refuse a claim that names a world or policy there is not, or compares with itself."""
    other = file.other(claim)
    for key, world, policy in (
        ("policy", claim.world, claim.policy),
        *(() if other is None else (("than", *other),)),
    ):
        if world not in file.worlds:
            worlds = [name for name in file.worlds if name]
            raise InputError(f"{where}: there is no world '{world}'{nearest(world, worlds)}")
        policies = file.worlds[world].policies
        if policy not in policies:
            raise InputError(f"{where}: {key} = '{policy}' is no policy{nearest(policy, policies)}")
    if other == (claim.world, claim.policy):
        raise InputError(
            f"{where}: it compares '{claim.policy}' with itself; name another policy in than, or "
            "another world in than_world"
        )
