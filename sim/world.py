"""A world: the network, the people in it and their state on the morning of day 0.

A world depends on the scenario without its policies and on a seed, so every policy of a
replication starts in the same one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from sim.errors import InputError
from sim.network import SocialGraph
from sim.population import Population, State, make_population, make_state
from sim.randomness import derive_seed
from sim.scenario import Scenario

_WORLD, _LUCK = 1, 2


def world_seed(seed: int, replication: int) -> int:
    """Seed of the network and the traits in a replication of a study with ``seed``."""
    return derive_seed(seed, _WORLD, replication)


def luck_seed(seed: int, replication: int) -> int:
    """Seed of what happens in a replication of a study with ``seed``."""
    return derive_seed(seed, _LUCK, replication)


@dataclass(frozen=True, eq=False)
class World:
    """Where runs start.

    ``initial`` is copied by each run and never changed; it is None in the world of a run that was
    given none and so starts from its own, which no other run can start from. ``seed`` is what the
    world was made with, for what a run draws of it later (segments, opportunists); None where it
    is that of the run.
    """

    graph: SocialGraph
    people: Population
    initial: State | None
    seed: int | None = None


def make_graph(scenario: Scenario, seed: int) -> SocialGraph:
    """The network of a scenario: its file, or its generator with ``seed``."""
    network = scenario.network
    if network.file is not None:
        return SocialGraph.read(
            network.file,
            directed=network.directed,
            groups=network.groups,
            direction=network.direction,
            repair=network.repair,
        )
    return SocialGraph.generate(
        network.kind, scenario.population.size, seed=seed, **network.parameters()
    )


def make_world(scenario: Scenario, seed: int, graph: SocialGraph | None = None) -> World:
    """Build the world of ``scenario`` with a world ``seed``; a ``graph`` given is used as it is.

    Raises
    ------
    InputError
        If the network cannot be had or the world needs more memory than the machine has free.
    """
    if graph is None:
        require_memory(scenario)
        graph = make_graph(scenario, seed)
    people = make_population(scenario, graph, seed)
    return World(graph, people, make_state(scenario, graph, people, seed), seed)


BYTES_PER_PERSON = 158
BYTES_PER_PERSON_AND_PRODUCT = 45
BYTES_OF_CODES = 17  # per person and product, where there are coupons
BYTES_PER_TIE = 18
BYTES_PER_TIE_AND_PRODUCT = 1
_WHILE_BUILDING = 2.5
"""Peak over final size while a world is built: edge lists, draws and a copy of the state."""


def bytes_needed(scenario: Scenario) -> int:
    """Estimated memory, in bytes, that a generated world takes at its peak."""
    people, products = scenario.population.size, len(scenario.products)
    ties = people * (scenario.network.mean_degree or 44)
    per_product = BYTES_PER_PERSON_AND_PRODUCT
    per_product += BYTES_OF_CODES * scenario.attribution.coupons
    per_person = BYTES_PER_PERSON + products * per_product
    per_tie = BYTES_PER_TIE + products * BYTES_PER_TIE_AND_PRODUCT
    return int(_WHILE_BUILDING * (people * per_person + ties * per_tie))


def bytes_available() -> int | None:
    """Memory the machine has free, in bytes; None where it cannot be told."""
    try:
        with open("/proc/meminfo") as lines:
            free = next(line for line in lines if line.startswith("MemAvailable"))
        return int(free.split()[1]) * 1024
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def require_memory(scenario: Scenario) -> None:
    """Refuse a generated world that does not fit in memory, before any work is done."""
    needed, available = bytes_needed(scenario), bytes_available()
    if scenario.network.file is None and available is not None and needed > available:
        raise InputError(
            f"population.size = {scenario.population.size} needs about {needed / 1e9:.1f} GB of "
            f"memory, and {available / 1e9:.1f} GB is free; lower the size or network.mean_degree"
        )
