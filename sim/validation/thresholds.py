"""Thresholds and complex contagion (B11, B12)."""

from __future__ import annotations

import numpy as np

from sim import presets, theory
from sim.network import SocialGraph
from sim.validation.target import Curve, Finding, Picture, Plant, Reading, Target

WATTS_SHARE = 0.18

_WINDOW: dict[float, tuple[float, float]] = {
    0.8: (0.0, 0.01), 1.5: (0.45, 0.70), 3.0: (0.80, 0.95), 5.0: (0.55, 0.80), 7.0: (0.0, 0.01),
    8.0: (0.0, 0.01),
}  # fmt: skip
"""Mean degree: band of the share of seeds that set off a large cascade (literature sheet, B11)."""


def watts_window(quick: bool) -> Finding:
    """B11: one seed sets off a large cascade only at middling mean degrees."""
    people, runs = 10_000, 40 if quick else 300
    between = () if quick else (1.0, 1.2, 2.0, 2.5, 4.0, 4.5, 5.5, 6.0)  # for the picture only
    large = {
        degree: float(np.mean([_is_large(people, degree, seed) for seed in range(runs)]))
        for degree in sorted((*_WINDOW, *between))
    }
    low, high = theory.watts_window(WATTS_SHARE) or (np.nan, np.nan)
    bands = _WINDOW if not quick else {z: _widened(band) for z, band in _WINDOW.items()}
    readings = [
        Reading(f"share of {runs} seeds with a large cascade, mean degree {z:g}",
                large[z], *bands[z])
        for z in _WINDOW
    ]  # fmt: skip
    readings += [
        Reading("lower edge of the window in theory", low, 1.015, 1.025, 1.021),
        Reading("upper edge", high, 5.76, 5.77, 5.765),
    ]
    degrees = np.array(list(large))
    return Finding(
        tuple(readings),
        Picture(
            "Global cascades exist in a window of mean degrees (share needed: .18)",
            "mean degree", "share of seeds that set off a large cascade",
            (
                Curve("simulated", degrees, np.array(list(large.values()))),
                *(
                    Curve(f"{edge} edge in theory", np.array([at, at]), np.array([0.0, 1.0]),
                          theory=True)
                    for edge, at in (("lower", low), ("upper", high))
                ),
            ),
        ),
    )  # fmt: skip


def _widened(band: tuple[float, float]) -> tuple[float, float]:
    """A band for 40 runs: 3 standard errors of a share wider where it is not nearly certain."""
    room = 0.0 if band[1] <= 0.01 else 0.2
    return band[0] - room, band[1] + room


def _is_large(people: int, degree: float, seed: int) -> bool:
    graph = SocialGraph.generate("erdos_renyi", people, seed=seed, mean_degree=degree)
    model = presets.threshold(graph, share=WATTS_SHARE, seeds=[seed]).run()
    return bool(model.adopted.mean() > 0.1)


_REWIRED: dict[tuple[int, float], tuple[float, float]] = {
    (4, 0.01): (0.0, 0.15), (6, 0.05): (0.9, 1.0), (6, 0.3): (0.0, 0.1), (8, 0.3): (0.8, 1.0),
    (8, 0.6): (0.0, 0.1), (10, 0.3): (0.95, 1.0), (10, 1.0): (0.0, 0.2),
}  # fmt: skip
"""Degree and rewiring of a small world: band of the mean share reached when two contacts are
needed (literature sheet, B12: .06, 1, .01, .93, .01, 1, .07)."""


def long_ties(quick: bool) -> Finding:
    """B12: what long ties do to complex contagion depends on the degree."""
    people, graphs = 2_000, 5 if quick else 15
    readings, reached = [], {}
    for (degree, rewiring), band in _REWIRED.items():
        reached[degree, rewiring] = _share_reached(people, degree, rewiring, 2, graphs)
        readings.append(
            Reading(f"share reached, degree {degree}, rewiring {rewiring:g}, two contacts",
                    reached[degree, rewiring], *band)
        )  # fmt: skip
    simple = min(_share_reached(people, *world, 1, 3) for world in _REWIRED)
    readings.append(Reading("least share reached when one contact is enough", simple, 0.99, 1, 1))
    grid = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0])
    curves = tuple(
        Curve(f"degree {degree}", grid,
              np.array([_share_reached(people, degree, x, 2, graphs) for x in grid]))
        for degree in (() if quick else (4, 6, 8, 10))
    )  # fmt: skip
    picture = Picture(
        "Where two contacts are needed, long ties stop sparse networks first",
        "share of ties rewired", "share of people reached", curves,
    )  # fmt: skip
    return Finding(tuple(readings), None if quick else picture)


def _share_reached(people: int, degree: int, rewiring: float, contacts: int, graphs: int) -> float:
    """Mean share that adopts when a person and her friends start."""
    found = []
    for seed in range(graphs):
        graph = SocialGraph.generate(
            "watts_strogatz", people, seed=seed, mean_degree=degree, rewiring=rewiring
        )
        friends = graph.rows.target[: graph.rows.indptr[1]]
        model = presets.threshold(graph, contacts=contacts, seeds=[0, *friends]).run()
        found.append(model.adopted.mean())
    return float(np.mean(found))


TARGETS: tuple[Target, ...] = (
    Target(
        "B11", "L", "A single seed sets off global cascades in a window of mean degrees only.",
        "Watts 2002",
        "`presets.threshold(share=.18)` on G(10,000, z/n), 300 graphs and seeds each: the share "
        "with over 10 % adopters.", watts_window,
        Plant("an off-by-one: one contact more is needed than the share says", "sim.presets",
              "np.ceil(share * arrays.in_degree - 1e-9)",
              "np.ceil(share * arrays.in_degree - 1e-9) + 1"),
        fast=True,
    ),
    Target(
        "B12", "L", "Where two contacts are needed, rewired ties hinder: the sparser the network, "
        "the sooner; one contact fills every network.", "Centola and Macy 2007",
        "`presets.threshold(contacts=2)` from a person and her friends on small worlds of 2,000 "
        "people, 15 each.", long_ties,
        Plant("an off-by-one: contacts must exceed the threshold", "sim.contagion",
              "if pressure[j] >= thresholds[j]:", "if pressure[j] > thresholds[j]:"),
        fast=True,
    ),
)  # fmt: skip
