"""What every generator of networks returns, and the checks of their common parameters."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.errors import InputError


class Edges(NamedTuple):
    """Friendships as pairs of people, each pair once, without self-loops.

    source, target : int32 (E,), people 0..size-1.
    strength : float32 (E,) in [0, 1], or None (then it is derived from neighbourhood overlap).
    group_of, group_member : int32 (M,), person ``group_member[k]`` is in group ``group_of[k]``; or
        None where a kind has no groups.
    size : number of people.
    """

    source: np.ndarray
    target: np.ndarray
    strength: np.ndarray | None
    group_of: np.ndarray | None
    group_member: np.ndarray | None
    size: int


def check_size(size: int, minimum: int, kind: str) -> None:
    """Raise InputError where ``kind`` cannot be made with ``size`` people."""
    if size < minimum:
        raise InputError(
            f"population.size = {size} is too small for network.kind = '{kind}', "
            f"which needs at least {minimum} people; add people"
        )


def check_share(name: str, value: float) -> None:
    """Raise InputError where the parameter ``name`` does not lie in [0, 1]."""
    if not 0.0 <= value <= 1.0:
        raise InputError(f"network.{name} = {value} must lie in [0, 1]; it is a share")


def check_mean_degree(mean_degree: float, size: int, minimum: float = 0.0) -> None:
    """Raise InputError where ``size`` people cannot have ``mean_degree`` friends each."""
    if not (math.isfinite(mean_degree) and mean_degree >= minimum):
        raise InputError(
            f"network.mean_degree = {mean_degree} must be a number of at least {minimum:g}"
        )
    if mean_degree > size - 1:
        raise InputError(
            f"network.mean_degree = {mean_degree:g} needs at least {math.ceil(mean_degree) + 1} "
            f"people, got population.size = {size}; lower mean_degree or add people"
        )
