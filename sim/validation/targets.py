"""Every target, in the order of the page: by class, then as the literature sheet numbers them."""

from __future__ import annotations

import re

from sim.errors import InputError, nearest
from sim.validation import (
    bookkeeping,
    buying,
    cascades,
    diffusion,
    facts_cascades,
    facts_funnel,
    facts_incentives,
    facts_market,
    facts_people,
    luck,
    selecting,
    thresholds,
)
from sim.validation.real import targets as real
from sim.validation.target import KINDS, Target

_MODULES = (
    diffusion, cascades, thresholds, buying, bookkeeping, luck, selecting, facts_funnel,
    facts_cascades, facts_people, facts_incentives, facts_market, real,
)  # fmt: skip


def _place(target: Target) -> tuple[int, bool, str, int]:
    letter, number = target.name[0], int(target.name[1:])
    return list(KINDS).index(target.kind), letter != "B", letter, number


TARGETS: dict[str, Target] = {
    target.name: target
    for target in sorted((one for module in _MODULES for one in module.TARGETS), key=_place)
}
"""Targets by name. B1 to B48 are the rows of the literature sheet's table of targets; D are
demand, E engines, W the whole model reduced to a limit, R real data."""


def chosen(names: list[str] | None, *, fast: bool = False) -> list[Target]:
    """The targets of these names, in the order of the page; all, or the fast ones, without names.

    Raises
    ------
    InputError
        If there is no target of a name.
    """
    if not names:
        return [target for target in TARGETS.values() if target.fast or not fast]
    wanted = [name.upper() for part in names for name in re.split(r"[,\s]+", part) if name]
    if not wanted:
        raise InputError("--only names no target; write one, such as --only B7")
    for name in wanted:
        if name not in TARGETS:
            raise InputError(f"--only {name}: there is no target '{name}'{nearest(name, TARGETS)}")
    return [target for name, target in TARGETS.items() if name in wanted]
