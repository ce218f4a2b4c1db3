"""Known answers in closed form: what the worlds of :mod:`sim.presets` must come to.

Oracle for the tests and for ``vouch validate``; nothing here simulates or draws.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, sparse
from scipy.sparse import csgraph
from scipy.stats import poisson

from sim.errors import InputError
from sim.network import SocialGraph

# Bass diffusion ---------------------------------------------------------------------------------


def bass_adopted(t: ArrayLike, p: float, q: float) -> np.ndarray:
    """Share adopted by time t among people who all know each other, in the limit of many.

    F(t) = (1 - exp(-(p + q) t)) / (1 + (q / p) exp(-(p + q) t)); 0 for p = 0. Bass (1969).
    """
    if p == 0:
        return np.zeros(np.shape(t))
    fading = np.exp(-(p + q) * np.asarray(t, np.float64))
    return (1 - fading) / (1 + q / p * fading)


class BassPeak(NamedTuple):
    """When adoption is fastest, the rate then, and the share adopted by then."""

    time: float
    rate: float
    adopted: float


def bass_peak(p: float, q: float) -> BassPeak:
    """The peak of the Bass curve, for q > p > 0.

    t* = ln(q / p) / (p + q), f(t*) = (p + q)^2 / (4 q), F(t*) = 1/2 - p / (2 q). Bass (1969).
    """
    return BassPeak(math.log(q / p) / (p + q), (p + q) ** 2 / (4 * q), 0.5 - p / (2 * q))


def bass_ring_adopted(t: ArrayLike, p: float, q: float) -> np.ndarray:
    """Share adopted by time t on an endless ring, q split over the two neighbours.

    F(t) = 1 - exp(-(p + q) t + q (1 - exp(-p t)) / p). Fibich and Gibori (2010). 0 for p = 0.
    """
    if p == 0:
        return np.zeros(np.shape(t))
    time = np.asarray(t, np.float64)
    return -np.expm1(-(p + q) * time - q * np.expm1(-p * time) / p)


# Branching --------------------------------------------------------------------------------------


def progeny_mean(k: float) -> float:
    """Expected size of a branching tree, its root included: 1 / (1 - K), for K < 1."""
    _subcritical(k)
    return 1 / (1 - k)


def progeny_variance(k: float) -> float:
    """Variance of the size of a tree with Poisson offspring: K / (1 - K)^3, for K < 1."""
    _subcritical(k)
    return k / (1 - k) ** 3


def borel(n: ArrayLike, k: float) -> np.ndarray:
    """Chance that a tree with Poisson offspring of mean K has n members: the Borel distribution.

    exp(-K n) (K n)^(n - 1) / n!, n = 1, 2, .... Borel (1942).
    """
    size = np.asarray(n, np.float64)
    log_factorial = np.array([math.lgamma(one + 1) for one in size.ravel()]).reshape(size.shape)
    return np.exp(-k * size + (size - 1) * np.log(k * size) - log_factorial)


def _subcritical(k: float) -> None:
    if not 0 <= k < 1:
        raise InputError(f"K = {k:g} is not allowed: the expectation is finite for 0 <= K < 1 only")


# Percolation ------------------------------------------------------------------------------------


def poisson_giant(reproduction: float) -> float:
    """Share of a large Poisson random graph that a large cascade reaches.

    The largest root of S = 1 - exp(-R S), R = mean degree times probability; 0 for R <= 1.
    """
    if reproduction <= 1:
        return 0.0
    return float(
        optimize.brentq(lambda s: s - 1 + math.exp(-reproduction * s), 1e-12, 1.0, xtol=1e-14)
    )


def poisson_small_mean(reproduction: float) -> float:
    """Expected size of the cascades that stay small on a large Poisson random graph.

    1 / (1 - R (1 - S)), S the share that a large one reaches. Newman (2002).
    """
    return 1 / (1 - reproduction * (1 - poisson_giant(reproduction)))


def configuration_giant(degree_share: ArrayLike, probability: float) -> float:
    """Share of a large random graph with given degrees that a large cascade reaches.

    S = 1 - G0(u) with u = 1 - T + T G1(u), T the probability of a tie. Newman (2002).
    degree_share : float64 (K,), share of people with degree 0, 1, ...
    """
    share = np.asarray(degree_share, np.float64)
    degree = np.arange(share.size)
    mean = float((degree * share).sum())

    def unreached(u: float) -> float:
        return float((degree[1:] * share[1:] * u ** (degree[1:] - 1)).sum()) / mean

    u = 0.0
    for _ in range(100_000):
        following = 1 - probability + probability * unreached(u)
        if abs(following - u) < 1e-15:
            break
        u = following
    return 1 - float((share * u**degree).sum())


def critical_probability(degree_share: ArrayLike) -> float:
    """Tie probability above which cascades become large: <k> / (<k^2> - <k>). Newman (2002)."""
    share = np.asarray(degree_share, np.float64)
    degree = np.arange(share.size)
    mean, square = (degree * share).sum(), (degree**2 * share).sum()
    return float(mean / (square - mean))


# Cascades on small graphs -----------------------------------------------------------------------


def path_spread(people: int, probability: float) -> float:
    """Expected adopters of a cascade from the end of a path: the sum of b^i, i < n."""
    return float(np.sum(probability ** np.arange(people)))


def star_spread(leaves: int, probability: float, *, from_leaf: bool = False) -> float:
    """Expected adopters on a star: 1 + k b from the centre, 1 + b + (k - 1) b^2 from a leaf."""
    if from_leaf:
        return 1 + probability + (leaves - 1) * probability**2
    return 1 + leaves * probability


def tree_spread(branches: int, depth: int, probability: float) -> float:
    """Expected adopters from the root of a complete tree: the sum of (branches b)^i, i <= depth."""
    return float(np.sum((branches * probability) ** np.arange(depth + 1)))


def cycle_spread(people: int, probability: float) -> float:
    """Expected adopters of a cascade on a cycle: 1 + sum of b^i + b^(n-i) - b^n, 0 < i < n."""
    i = np.arange(1, people)
    reached = probability**i + probability ** (people - i) - probability**people
    return 1 + float(reached.sum())


def cycle_linear_threshold(people: int) -> float:
    """Expected adopters of a linear threshold on a cycle, weights 1/2: 1 + 2 (1 - 2^-(n-1))."""
    return 1 + 2 * (1 - 2.0 ** -(people - 1))


def reachable(graph: SocialGraph, alive: np.ndarray, seeds: ArrayLike) -> np.ndarray:
    """Whom living ties connect to the seeds, bool (N,).

    alive : bool (T,), in the order of ``graph.arrays``. With alive = (draw of the tie < its
    probability) these are the adopters of an independent cascade: Kempe, Kleinberg and Tardos
    (2003). Found by SciPy's breadth-first search, which shares no code with the cascade.
    """
    arrays = graph.rows
    origin = np.repeat(np.arange(graph.size), np.diff(arrays.indptr))
    ones = np.ones(int(alive.sum()), np.int8)
    ties = sparse.csr_array(
        (ones, (origin[alive], arrays.target[alive])), shape=(graph.size, graph.size)
    )
    reached = np.zeros(graph.size, bool)
    for person in np.asarray(seeds):
        if not reached[person]:
            reached[csgraph.breadth_first_order(ties, person, return_predecessors=False)] = True
    return reached


# Thresholds -------------------------------------------------------------------------------------


def watts_window(share: float, largest: float = 50.0) -> tuple[float, float] | None:
    """Mean degrees between which one seed can set off a large cascade on a Poisson random graph.

    Where sum of k (k - 1) Poisson(k; z) over the k <= 1/share exceeds z. Watts (2002). None
    where it never does. largest : mean degree up to which is searched.
    """
    degree = np.arange(math.floor(1 / share + 1e-9) + 1)

    def excess(mean: float) -> float:
        return float((degree * (degree - 1) * poisson.pmf(degree, mean)).sum()) - mean

    grid = np.linspace(0.9, largest, 20_000)
    inside = np.flatnonzero([excess(mean) > 0 for mean in grid])
    if inside.size == 0:
        return None
    low, high = inside[0], inside[-1]
    return (
        float(optimize.brentq(excess, grid[low - 1], grid[low])),
        float(optimize.brentq(excess, grid[high], grid[high + 1])),
    )
