"""Tastes: a vector for everybody, alike among friends as far as ``homophily`` says."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import special

from sim._jit import kernel
from sim.errors import InputWarning
from sim.network import SocialGraph
from sim.randomness import Decision, uniform_table
from sim.scenario import Product

TASTE_DIMENSIONS = 3
_SMOOTHING_ROUNDS = (8, 16, 32, 64)


def trait_uniforms(seed: int, column: int, size: int) -> np.ndarray:
    """The draws of one column of traits, float64 (4, N), in (0, 1)."""
    return uniform_table(np.uint64(seed), int(Decision.TRAITS), column, size)


@kernel
def _standardise(columns):
    """Give each of the three columns, in place, mean 0 and standard deviation 1 (0 if constant)."""
    size = columns.shape[0]
    s0, s1, s2 = 0.0, 0.0, 0.0
    for i in range(size):
        s0 += columns[i, 0]
        s1 += columns[i, 1]
        s2 += columns[i, 2]
    m0, m1, m2 = s0 / size, s1 / size, s2 / size
    v0, v1, v2 = 0.0, 0.0, 0.0
    for i in range(size):
        columns[i, 0] -= m0
        columns[i, 1] -= m1
        columns[i, 2] -= m2
        v0 += columns[i, 0] * columns[i, 0]
        v1 += columns[i, 1] * columns[i, 1]
        v2 += columns[i, 2] * columns[i, 2]
    d0, d1, d2 = np.sqrt(v0 / size), np.sqrt(v1 / size), np.sqrt(v2 / size)
    d0, d1, d2 = (d0 if d0 > 0 else 1.0), (d1 if d1 > 0 else 1.0), (d2 if d2 > 0 else 1.0)
    for i in range(size):
        columns[i, 0] /= d0
        columns[i, 1] /= d1
        columns[i, 2] /= d2


@kernel
def _friends_sums(indptr, target, columns, sums):
    """Write the sum over everybody's friends of three columns, float64 (N, 3)."""
    for i in range(indptr.size - 1):
        s0, s1, s2 = 0.0, 0.0, 0.0
        for j in target[indptr[i] : indptr[i + 1]]:
            s0 += columns[j, 0]
            s1 += columns[j, 1]
            s2 += columns[j, 2]
        sums[i, 0] = s0
        sums[i, 1] = s1
        sums[i, 2] = s2


@kernel
def _mix_with_friends(indptr, columns, sums):
    """Replace the friends' sums, in place, by half of one's own and half of the friends' mean."""
    for i in range(indptr.size - 1):
        friends = max(indptr[i + 1] - indptr[i], 1)
        for k in range(columns.shape[1]):
            sums[i, k] = 0.5 * columns[i, k] + 0.5 * sums[i, k] / friends


def _normal_columns(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Two independent tables of independent standard normals, float64 (N, 3)."""
    own, field = np.empty((size, TASTE_DIMENSIONS)), np.empty((size, TASTE_DIMENSIONS))
    for k in range(TASTE_DIMENSIONS):
        draws = trait_uniforms(seed, 100 + k, size)
        own[:, k] = special.ndtri(draws[0])
        field[:, k] = special.ndtri(draws[1])
    return own, field


def homophilous_tastes(graph: SocialGraph, homophily: float, seed: int) -> np.ndarray:
    """Taste vectors (N, 3), float64, standard normal, whose correlation over ties is ``homophily``.

    Independent tastes are mixed with a field smoothed over the network; the mixing weight solves
    the quadratic equation that the wanted correlation gives. Homophily is thus a property of who
    knows whom, apart from any influence; both ends of a tie are treated alike. The field is
    smoothed only as far as that needs. Warns and comes as near as it can on a network (such as a
    sparse random one) that cannot hold it.
    """
    own, field = _normal_columns(seed, graph.size)
    if homophily == 0 or graph.tie_count == 0:
        return own
    indptr, target = graph.either_way()
    sums = np.empty_like(field)
    _standardise(own)
    _standardise(field)
    done = 0
    for rounds in _SMOOTHING_ROUNDS:
        for _ in range(rounds - done):
            _friends_sums(indptr, target, field, sums)
            _mix_with_friends(indptr, field, sums)
            _standardise(sums)
            field, sums = sums, field
        done = rounds
        held = _over_ties(indptr, target, field, field, sums)
        if held >= homophily:
            break
    else:
        warnings.warn(
            f"population.homophily = {homophily:g} is more than this network can hold; "
            f"{held:.2f} is used",
            InputWarning,
            stacklevel=2,
        )
        return field
    cross = _over_ties(indptr, target, own, field, sums)
    cross += _over_ties(indptr, target, field, own, sums)
    unmixed = _over_ties(indptr, target, own, own, sums)
    weight = _mixing_weight(homophily, held, cross, unmixed)
    own *= np.sqrt(1 - weight * weight)
    field *= weight
    field += own
    _standardise(field)
    return field


def _over_ties(
    indptr: np.ndarray, target: np.ndarray, one: np.ndarray, other: np.ndarray, sums: np.ndarray
) -> float:
    """Mean over ties of ``one`` at one end times ``other`` at the other; uses ``sums``."""
    _friends_sums(indptr, target, other, sums)
    return float(np.multiply(one, sums, out=sums).sum()) / (target.size * TASTE_DIMENSIONS)


def _mixing_weight(wanted: float, field: float, cross: float, own: float) -> float:
    """Weight w with w^2 field + w sqrt(1-w^2) cross + (1-w^2) own = wanted, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        w = (low + high) / 2
        correlation = w * w * field + w * np.sqrt(1 - w * w) * cross + (1 - w * w) * own
        low, high = (w, high) if correlation < wanted else (low, w)
    return high


def affinities(tastes: np.ndarray, products: tuple[Product, ...], seed: int) -> np.ndarray:
    """Affinity (P, N), float32 in [0, 1], uniform over people; alike within a category."""
    categories = sorted({product.category for product in products})
    directions = {
        category: special.ndtri(trait_uniforms(seed, 200 + number, TASTE_DIMENSIONS)[0])
        for number, category in enumerate(categories)
    }
    affinity = np.empty((len(products), tastes.shape[0]), np.float32)
    for number, product in enumerate(products):
        own = special.ndtri(trait_uniforms(seed, 300 + number, TASTE_DIMENSIONS)[0])
        direction = directions[product.category] + 0.5 * own
        affinity[number] = special.ndtr(tastes @ (direction / np.linalg.norm(direction)))
    return affinity
