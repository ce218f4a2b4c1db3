"""Segments of the population, which a scheme can treat differently."""

from __future__ import annotations

import numpy as np

from sim.randomness import Decision, uniform_table
from sim.scenario import Scenario


def draw_segments(scenario: Scenario, size: int, seed: int) -> np.ndarray:
    """Segment of each of ``size`` consumers, int16 (size,): its place in the scenario, -1 none.

    seed : of the world. Consumer i's draw depends on ``seed`` and i alone.
    """
    shares = [segment.share for segment in scenario.population.segments]
    if not shares:
        return np.full(size, -1, np.int16)
    u = uniform_table(np.uint64(seed), int(Decision.SEGMENT), 0, size)[0]
    place = np.searchsorted(np.cumsum(shares), u, side="right")
    return np.where(place < len(shares), place, -1).astype(np.int16)
