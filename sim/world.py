"""A world: the network, the people in it and their state on the morning of day 0.

A world depends on the scenario without its policies and on a seed, so every policy of a
replication starts in the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.memory import require_bytes
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
        if scenario.network.file is not None:
            _require_room_beside(graph, scenario)
    people = make_population(scenario, graph, seed)
    return World(graph, people, make_state(scenario, graph, people, seed), seed)


BYTES_PER_PERSON = 158
BYTES_PER_PERSON_AND_PRODUCT = 45
BYTES_OF_CODES = 17  # per person and product, where there are coupons
BYTES_PER_TIE = 18
BYTES_PER_TIE_AND_PRODUCT = 1
_WHILE_RUNNING = 1.7
"""Peak over final size while a world is built, and while a run has a copy of its state."""


def bytes_of_world(scenario: Scenario, people: int, ties: int) -> int:
    """Estimated memory, in bytes, of the arrays of a world."""
    products = len(scenario.products)
    per_product = BYTES_PER_PERSON_AND_PRODUCT
    per_product += BYTES_OF_CODES * scenario.attribution.coupons
    per_person = BYTES_PER_PERSON + products * per_product
    per_tie = BYTES_PER_TIE + products * BYTES_PER_TIE_AND_PRODUCT
    return people * per_person + ties * per_tie


def bytes_needed(scenario: Scenario) -> int:
    """Estimated memory, in bytes, that a generated world and a run in it take at their peak."""
    people = scenario.population.size
    ties = round(people * (scenario.network.mean_degree or 44))
    return int(_WHILE_RUNNING * bytes_of_world(scenario, people, ties))


def require_memory(scenario: Scenario) -> None:
    """Refuse a generated world that does not fit in memory, before any work is done."""
    if scenario.network.file is None:
        size = scenario.population.size
        cure = "lower the size or network.mean_degree"
        require_bytes(bytes_needed(scenario), f"population.size = {size}", cure)


def _require_room_beside(graph: SocialGraph, scenario: Scenario) -> None:
    """Refuse people and states that do not fit in memory beside the graph of a file."""
    needed = int(_WHILE_RUNNING * bytes_of_world(scenario, graph.size, graph.tie_count))
    held = sum(array.nbytes for array in graph.rows)
    what = f"a world of the {graph.size:,} people and {graph.tie_count:,} ties of network.file"
    require_bytes(needed - held, what, "use a smaller network")
