"""A scenario and its policies as the flags of a command ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.errors import InputError
from sim.scenario import Scenario, apply_override, read_toml

_STUDY_TABLES = {"points", "worlds", "replications", "scenario"}


def load_scenario(
    path: Path | None,
    settings: Sequence[str] = (),
    days: float | None = None,
    seed: int | None = None,
) -> Scenario:
    """The scenario of a file (None: the defaults) with ``--set``, ``--days`` and ``--seed``."""
    flags = {"days": days, "seed": seed}
    changes = [
        *settings,
        *(f"{name}={value}" for name, value in flags.items() if value is not None),
    ]
    if path is not None:
        try:
            return Scenario.load(path, changes)
        except InputError:
            if _STUDY_TABLES & set(read_toml(path)):
                raise InputError(
                    f"{path} is a study; use it with `vouch sweep`, `rank`, `sensitivity` or "
                    "`optimize`, or name its scenario here"
                ) from None
            raise
    table: dict[str, object] = {}
    for change in changes:
        apply_override(table, change)
    return Scenario.from_table(table)


def branch_settings(branch_at: float | None, history: str | None) -> list[str]:
    """The flags ``--branch-at`` and ``--history`` as ``--set`` would have them."""
    settings = [] if branch_at is None else [f"compare.branch_day={branch_at}"]
    return settings if history is None else [*settings, f'compare.history="{history}"']


def with_policies(
    scenario: Scenario, choices: Sequence[str]
) -> tuple[Scenario, tuple[str, ...] | None]:
    """The scenario with the policies of files added, and the names chosen; None for all.

    choices : names of policies, or TOML files of [policies.*]; a choice with a slash or that
    ends in ``.toml`` is a file.

    Raises
    ------
    InputError
        If a file cannot be used, or names a policy the scenario has with other terms.
    """
    if not choices:
        return scenario, None
    names: list[str] = []
    for choice in choices:
        if not choice.endswith(".toml") and "/" not in choice:
            names.append(choice)
            continue
        found = _policies_in(Path(choice), scenario)
        names += found
        scenario = scenario.but(policies={**scenario.policies, **found})
    return scenario, tuple(names)


def _policies_in(path: Path, scenario: Scenario) -> dict[str, object]:
    table = read_toml(path)
    others = sorted(set(table) - {"policies"})
    if others or not table.get("policies"):
        what = f"it has '{others[0]}'" if others else "it has none"
        raise InputError(f"{path} is to hold [policies.*] tables and nothing else; {what}")
    found = Scenario.from_table({"policies": table["policies"]}, where=str(path)).policies
    for name, policy in found.items():
        if name in scenario.policies and scenario.policies[name] != policy:
            raise InputError(
                f"{path}: the scenario has another policy '{name}'; rename one of the two"
            )
    return dict(found)
