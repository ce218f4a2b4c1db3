"""Runs that are stopped on a day, saved, and taken up again: the flags of ``vouch run``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim import checkpoint
from sim.commands.loading import load_scenario
from sim.errors import InputError
from sim.model import Engine, WordOfMouthModel
from sim.scenario import Scenario, apply_override
from sim.schemes import written_out


def scenario_to_run(
    path: Path | None,
    saved: Path | None,
    settings: Sequence[str],
    days: float | None,
    seed: int | None,
) -> Scenario:
    """The scenario of a file, or else of a saved run, with what the flags change of it.

    Raises
    ------
    InputError
        If there is neither, or one cannot be used.
    """
    if path is not None:
        return load_scenario(path, settings, days, seed)
    if saved is None:
        raise InputError("nothing to run: name a SCENARIO, or a saved run with --from FILE")
    table = checkpoint.scenario_of(saved).to_table()
    flags = {"days": days, "seed": seed}
    given = [f"{name}={value}" for name, value in flags.items() if value is not None]
    for change in (*settings, *given):
        apply_override(table, change)
    return Scenario.from_table(table, where=str(saved))


def begin(
    scenario: Scenario, policy: str | None, engine: Engine, saved: Path | None, threads: int
) -> WordOfMouthModel:
    """A new run, or a saved one that goes on, with ``policy`` if one is given."""
    scenario = written_out(scenario)
    if saved is None:
        return WordOfMouthModel(scenario, policy=policy, engine=engine, threads=threads)
    model = checkpoint.load(saved, scenario=scenario, engine=engine, threads=threads)
    if policy is not None:
        model.switch(policy)
    return model


def last_tick(model: WordOfMouthModel, until: float | None) -> int:
    """The tick on whose morning the run stops: that of day ``until``, or the horizon.

    Raises
    ------
    InputError
        If the day is behind the run, beyond the horizon, or no whole number of ticks.
    """
    scenario = model.scenario
    if until is None:
        return scenario.ticks
    tick = round(until / scenario.dt)
    now = model.tick * scenario.dt
    if abs(tick * scenario.dt - until) > 1e-9:
        raise InputError(
            f"--until {until:g} is not a whole number of ticks of {scenario.dt:g} days"
        )
    if not model.tick < tick <= scenario.ticks:
        raise InputError(
            f"--until {until:g} is not possible; the run is on day {now:g} and ends with day "
            f"{scenario.days:g}"
        )
    return tick


def check_place(save: Path | None, until: float | None) -> None:
    """Raise InputError, before the run, if it could not be saved, or would be lost."""
    if save is None:
        if until is not None:
            raise InputError("--until stops a run on a day; add --save FILE to keep it")
    elif save.is_dir() or not save.parent.is_dir():
        raise InputError(f"--save {save} is not the name of a file in a folder that is there")


def told_of(model: WordOfMouthModel, saved: Path | None, save: Path | None) -> list[str]:
    """What to say of a run that was taken up, or can be; nothing of any other."""
    found = []
    if saved is not None:
        found.append(
            f"Taken up from {saved}{_switched(model)}; the figures are of the whole run, from day "
            "0. It is one world with one luck: what differs between policies here may be chance. "
            "For how surely, see vouch compare --branch-at."
        )
    if save is not None:
        day = model.tick * model.scenario.dt
        found.append(
            f"Saved on the morning of day {day:g}: {save}. Next: vouch run --from {save} "
            "--policy NAME"
        )
    return found


def past_of(model: WordOfMouthModel, saved: Path | None) -> dict[str, object]:
    """What the manifest of a run that was taken up says of its past; nothing of any other."""
    if saved is None:
        return {}
    days = [
        {"policy": one.where.removeprefix("policies."), "from_day": one.first_tick * one.market.dt}
        for one in model.programme.lineage
    ]
    return {"taken_up_from": str(saved), "policies_by_day": days}


def _switched(model: WordOfMouthModel) -> str:
    """The policy before, and the day it ended, where there was one."""
    before = model.programme.before
    if before is None:
        return ""
    day = model.programme.first_tick * model.scenario.dt
    return f", {before.where.removeprefix('policies.')} until day {day:g}"
