"""Cascades: branching, percolation, small graphs by hand, live edges (B5-B10, W1, W2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats

from sim import presets, reductions, theory
from sim.network import SocialGraph
from sim.validation.target import (
    Curve,
    Finding,
    Picture,
    Plant,
    Reading,
    Target,
    none_may,
    z_reading,
)

KEMPE = "Kempe, Kleinberg and Tardos 2003"
NEWMAN = "Newman 2002; Watts, Peretti and Frumin 2007"


# Branching ---------------------------------------------------------------------------------------


def branching_mean(quick: bool) -> Finding:
    """B5: the mean of the total progeny."""
    runs = 20_000 if quick else 100_000
    readings = []
    for k in (0.35, 0.5, 0.8):
        sizes = presets.branching(mean=k, runs=runs, seed=1)
        error = float(np.sqrt(theory.progeny_variance(k) / runs))
        readings.append(
            z_reading(
                f"mean size at K = {k}", float(sizes.mean()), theory.progeny_mean(k), error, 3
            )
        )
    return Finding(tuple(readings))


def progeny_law(quick: bool) -> Finding:
    """B6: sizes are Borel, of branching trees and of cascades on a sparse random graph."""
    runs, k = 20_000 if quick else 100_000, 0.5
    sizes = presets.branching(mean=k, runs=runs, seed=2)
    people = 100_000 if quick else 400_000
    graph = SocialGraph.generate("erdos_renyi", people, seed=2, mean_degree=10)
    # Starts far apart, so that hardly any two cascades meet the same people.
    origins = np.arange(0, people, people // (runs // 5))[: runs // 5]
    cascades = presets.cascade_sizes(graph, probability=k / 10, origins=origins, seed=3)
    n = np.arange(1, 10)
    chances = np.append(theory.borel(n, k), 1 - theory.borel(n, k).sum())
    return Finding(
        (
            Reading("p of chi-square, branching trees", _chi_square(sizes, chances), 0.001, 1),
            Reading("p of chi-square, cascades on G(n, 10/n)", _chi_square(cascades, chances),
                    0.001, 1),
        ),
        Picture(
            "Sizes of trees with half a follower each", "members of the tree", "share of trees",
            (
                Curve("Borel", n.astype(float), theory.borel(n, k), theory=True),
                Curve("branching", n.astype(float), _shares(sizes, n)),
                Curve("cascades on a random graph", n.astype(float), _shares(cascades, n)),
            ),
        ),
    )  # fmt: skip


def _shares(sizes: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.array([np.mean(sizes == one) for one in n])


def _chi_square(sizes: np.ndarray, chances: np.ndarray) -> float:
    """P value of sizes 1..9 and 10 or more against their chances."""
    counts = np.bincount(np.minimum(sizes, 10), minlength=11)[1:]
    return float(stats.chisquare(counts, chances * sizes.size).pvalue)


# Percolation --------------------------------------------------------------------------------------


def giant(quick: bool) -> Finding:
    """B7: the critical threshold on Poisson random graphs."""
    people, graphs = 20_000, 4 if quick else 20
    sizes = {
        r: np.concatenate([_cascades(people, r, seed) for seed in range(graphs)])
        for r in (0.6, 0.8, 1.1, 1.2, 1.5, 2.0, 3.0)
    }
    # Cascades are small or large with nothing between: 5 % of people tells them apart.
    large = {
        r: float(found[found > 0.05].mean()) if (found > 0.05).any() else 0.0
        for r, found in sizes.items()
    }
    grid = np.linspace(0.5, 3, 101)
    readings = [
        Reading("largest of all cascades at R = .8, share of people", float(sizes[0.8].max()), 0,
                0.03, 0),
        *(
            Reading(f"share reached by large cascades at R = {r}", large[r],
                    theory.poisson_giant(r) - width, theory.poisson_giant(r) + width,
                    theory.poisson_giant(r))
            for r, width in ((1.5, 0.03), (2.0, 0.01), (3.0, 0.01))
        ),
        *(
            Reading(f"share of cascades that become large at R = {r}",
                    float((sizes[r] > 0.05).mean()), theory.poisson_giant(r) - 0.06,
                    theory.poisson_giant(r) + 0.06, theory.poisson_giant(r))
            for r in (1.5, 2.0)
        ),
    ]  # fmt: skip
    return Finding(
        tuple(readings),
        Picture(
            "Below R = 1 cascades stay small, above they reach a share that theory knows",
            "R: followers of an adopter", "share of people reached",
            (
                Curve("S = 1 - exp(-R S)", grid,
                      np.array([theory.poisson_giant(r) for r in grid]), theory=True),
                Curve(f"large cascades of 200 on each of {graphs} graphs",
                      np.array(list(large)), np.array(list(large.values()))),
            ),
        ),
    )  # fmt: skip


def _cascades(people: int, r: float, seed: int) -> np.ndarray:
    """Shares reached (200,) by cascades from as many people of one random graph."""
    graph = SocialGraph.generate("erdos_renyi", people, seed=seed, mean_degree=10)
    origins = np.arange(0, people, people // 200)
    sizes = presets.cascade_sizes(graph, probability=r / 10, origins=origins, seed=seed)
    return sizes / people


def configuration(quick: bool) -> Finding:
    """B8: the giant component of a configuration model with a power-law degree."""
    people, graphs = 100_000, 1 if quick else 5
    found: dict[float, list[float]] = {0.1: [], 0.2: [], 0.5: []}
    share = np.zeros(1001)
    share[2:] = np.arange(2, 1001.0) ** -2.5
    share /= share.sum()
    for seed in range(graphs):
        graph = SocialGraph.generate(
            "configuration", people, seed=seed, exponent=2.5, minimum_degree=2,
            maximum_degree=1000,
        )  # fmt: skip
        hubs = np.argsort(np.diff(graph.rows.indptr))[-20:]
        for t, reached in found.items():
            model = presets.independent_cascade(graph, probability=t, seeds=hubs, seed=seed).run()
            reached.append(float(model.adopted.mean()))
    return Finding(
        tuple(
            Reading(f"share reached at T = {t}", float(np.mean(reached)), expected - 0.015,
                    expected + 0.015, expected)
            for t, reached in found.items()
            for expected in [theory.configuration_giant(share, t)]
        )
    )  # fmt: skip


# Live edges ---------------------------------------------------------------------------------------


def live_edges(quick: bool) -> Finding:
    """B9: adopters are whom living ties connect to the seeds: the same people, run by run."""
    graphs = 10 if quick else 60
    different = 0
    sizes, alive_sizes = [], []
    for seed in range(graphs):
        graph = SocialGraph.generate("watts_strogatz", 2_000, seed=seed, mean_degree=8)
        probability = 0.1 + 0.02 * (seed % 5)
        seeds = np.array([0, 700, 1400])
        model = presets.independent_cascade(
            graph, probability=probability, seeds=seeds, seed=seed
        ).run()
        alive = presets.tie_uniforms(graph, seed=seed) < probability
        different += int((theory.reachable(graph, alive, seeds) != model.adopted).sum())
        sizes.append(model.adopted.sum())
        fresh = presets.tie_uniforms(graph, seed=seed + 1_000_000) < probability
        alive_sizes.append(theory.reachable(graph, fresh, seeds).sum())
    gap = np.array(sizes) - np.array(alive_sizes)
    error = float(gap.std(ddof=1) / np.sqrt(graphs))
    return Finding(
        (
            none_may("people who differ under shared draws", different),
            z_reading("mean adopters, cascade less live edges with other draws",
                      float(gap.mean()), 0, error, 3),
        )
    )  # fmt: skip


# Small graphs -------------------------------------------------------------------------------------


class Small(NamedTuple):
    """A small graph, where a cascade starts on it, and how many it reaches on average."""

    name: str
    source: np.ndarray
    target: np.ndarray
    size: int
    origin: int
    expected: float


BETA = 0.3


def small_graphs() -> Iterator[Small]:
    """Path, star from centre and leaf, binary tree and cycle, with their expected spreads."""
    nine, ten = np.arange(9), np.arange(10)
    yield Small("path of 10", nine, nine + 1, 10, 0, theory.path_spread(10, BETA))
    star = (np.zeros(9, int), nine + 1, 10)
    yield Small("star of 9 leaves, centre", *star, 0, theory.star_spread(9, BETA))
    yield Small("star of 9 leaves, leaf", *star, 1, theory.star_spread(9, BETA, from_leaf=True))
    child = np.arange(1, 31)
    yield Small("binary tree of depth 4", (child - 1) // 2, child, 31, 0,
                theory.tree_spread(2, 4, BETA))  # fmt: skip
    yield Small("cycle of 10", ten, (ten + 1) % 10, 10, 0, theory.cycle_spread(10, BETA))


def by_hand(quick: bool) -> Finding:
    """B10: spreads that can be worked out with a pencil."""
    runs = 20_000 if quick else 100_000
    readings = []
    for small in small_graphs():
        graph = SocialGraph.from_edges(small.source, small.target, size=small.size)
        sizes = presets.cascade_sizes(
            graph, probability=BETA, origins=np.full(runs, small.origin), seed=4
        )
        error = float(sizes.std() / np.sqrt(runs))
        readings.append(z_reading(small.name, float(sizes.mean()), small.expected, error, 3))
    copies = copied(list(small_graphs())[-1], runs)
    model = presets.linear_threshold(copies, seeds=np.arange(runs) * 10, seed=4).run()
    sizes = model.adopted.reshape(runs, 10).sum(axis=1)
    error = float(sizes.std() / np.sqrt(runs))
    readings.append(
        z_reading("cycle of 10, linear threshold", float(sizes.mean()),
                  theory.cycle_linear_threshold(10), error, 3)
    )  # fmt: skip
    return Finding(tuple(readings))


def copied(small: Small, times: int) -> SocialGraph:
    """A graph of ``times`` copies of a small one that do not know each other."""
    shift = small.size * np.arange(times)[:, None]
    return SocialGraph.from_edges(
        (small.source + shift).ravel(), (small.target + shift).ravel(), size=small.size * times
    )


# The whole model ----------------------------------------------------------------------------------


def whole_by_hand(quick: bool) -> Finding:
    """W1: thousands of small graphs at once, run by the whole model."""
    copies = 2_000 if quick else 20_000
    readings = []
    for small in small_graphs():
        seeds = small.origin + small.size * np.arange(copies)
        model = reductions.cascade_model(
            copied(small, copies), probability=BETA, seeds=seeds, seed=5, steps=small.size + 1
        ).run()
        adopted = ~np.isnan(reductions.adoption_ticks(model))
        sizes = adopted.reshape(copies, small.size).sum(axis=1)
        error = float(sizes.std() / np.sqrt(copies))
        readings.append(z_reading(small.name, float(sizes.mean()), small.expected, error, 4))
    return Finding(tuple(readings))


def whole_giant(quick: bool) -> Finding:
    """W2: the share a cascade of the whole model reaches on random graphs."""
    people, graphs = 20_000, 1 if quick else 8
    readings = []
    for r, width in ((1.5, 0.03), (2.0, 0.01)):
        reached = []
        for seed in range(graphs):
            graph = SocialGraph.generate("erdos_renyi", people, seed=seed, mean_degree=10)
            model = reductions.cascade_model(
                graph, probability=r / 10, seeds=np.arange(20), seed=seed, steps=60
            ).run()
            reached.append(np.mean(~np.isnan(reductions.adoption_ticks(model))))
        expected = theory.poisson_giant(r)
        readings.append(
            Reading(f"share reached at R = {r}", float(np.mean(reached)), expected - width,
                    expected + width, expected)
        )  # fmt: skip
    return Finding(tuple(readings))


TARGETS: tuple[Target, ...] = (
    Target(
        "B5", "L", "A tree in which everybody brings K others has 1 / (1 - K) members.", NEWMAN,
        "`presets.branching`, 100,000 trees at K = .35, .5, .8; s.e. from the known variance.",
        branching_mean,
        Plant("an off-by-one: the first offspring of a node is not counted", "sim.contagion",
              "            size += offspring\n", "            size += max(offspring - 1, 0)\n"),
        fast=True,
    ),
    Target(
        "B6", "L", "Sizes of such trees are Borel.", "Borel 1942; " + NEWMAN,
        "Chi-square on sizes 1..9 and 10 or more at K = .5: 100,000 trees of `presets.branching`, "
        "and 20,000 cascades on a sparse random graph.",
        progeny_law,
        Plant("a wrong constant: 8 % more offspring", "sim.contagion",
              "none = math.exp(-mean)", "mean *= 1.08\n    none = math.exp(-mean)"),
        fast=True,
    ),
    Target(
        "B7", "L", "Cascades become large at R = 1 and then reach a share that theory knows.",
        NEWMAN, "`presets.cascade_sizes` on G(20,000, 10/n): the largest of 200 cascades.", giant,
        Plant("an off-by-one: the fourth tie of a block is forgotten", "sim.contagion",
              "found += marks >> THREE\n", "found += NONE\n"),
        fast=True,
    ),
    Target(
        "B8", "L", "The same for a power law of degrees.", "Newman 2002",
        "`presets.independent_cascade` from the 20 best connected on a configuration model of "
        "100,000 people, exponent 2.5, degrees 2 to 1,000.", configuration,
        Plant("a lost rest: a sharer tries the ties of her first block only", "sim.contagion",
              "ties = np.uint64(indptr[i + ONE]) - first\n",
              "ties = min(np.uint64(indptr[i + ONE]) - first, FOUR)\n"),
        fast=True,
    ),
    Target(
        "B9", "L", "A cascade reaches whom living ties connect to the seeds, person by person.",
        KEMPE,
        "`presets.independent_cascade` against SciPy's breadth-first search over the ties whose "
        "draw is below the probability, on 60 small worlds.", live_edges,
        Plant("a swapped index: draws belong to places in a batch, not to ties", "sim.contagion",
              "address = i | (at << HALF)\n", "address = i | (count << HALF)\n"),
        fast=True,
    ),
    Target(
        "B10", "L", "Spreads on path, star, tree and cycle are those of pencil and paper.", KEMPE,
        "100,000 runs of `presets.cascade_sizes` at probability .3, and of "
        "`presets.linear_threshold` on a cycle.", by_hand,
        Plant("an off-by-one: a threshold that is just reached does not count, by a whole contact",
              "sim.contagion", "if pressure[j] >= thresholds[j]:",
              "if pressure[j] >= thresholds[j] + 1:"),
        fast=True,
    ),
    Target(
        "W1", "L", "The whole model with all but telling and buying off spreads as pencil and "
        "paper say.", KEMPE,
        "`reductions.cascade_model`: a scenario of `WordOfMouthModel` on 20,000 copies of each "
        "small graph.", whole_by_hand,
        Plant("a stale read: a message repeated over a tie is as new as the first",
              "sim.sharing", "times = int(state.times[p, e])", "times = 0"),
        fast=True,
    ),
    Target(
        "W2", "L", "The whole model reaches the share of a random graph that theory knows.",
        NEWMAN, "`reductions.cascade_model` on G(20,000, 10/n) from 20 people.", whole_giant,
        Plant("a wrong constant: trust without the evidence that priors give", "sim.population",
              "    state.good_ties[:] = (\n        prior.prior_weak",
              "    state.good_ties[:] = 0.1 * (\n        prior.prior_weak"),
        fast=True,
    ),
)  # fmt: skip
