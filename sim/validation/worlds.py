"""The default world and its relatives, whose runs several stylised facts are read from.

Runs are made once in a process. Worlds of one network share its graph, and policies and settings
share their luck, so that two runs differ by what was changed between them and nothing else.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterable, Iterator

import numpy as np

from sim.model import WordOfMouthModel
from sim.network import SocialGraph
from sim.scenario import Scenario
from sim.schemes import Scheme
from sim.schemes.direct import TwoSided
from sim.world import World, make_graph, make_world, world_seed

DEFAULT = Scenario()
"""The default world, on the campus network."""

GIVE_GET = TwoSided(give=5.0, get=5.0, first_order_only=True)
GENEROUS = TwoSided(give=12.0, get=12.0, first_order_only=True)
"""A usual programme and a strong one, as in the founding study."""

Policy = str | Scheme

_KEPT_RUNS = 40
_KEPT_GRAPHS = 40


class _Settings:
    """A scenario that can be looked up: equal where everything in it is."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._digest = scenario.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Settings) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)


@functools.lru_cache(maxsize=_KEPT_GRAPHS)
def _graph(place: _Settings, seed: int) -> SocialGraph:
    return make_graph(place.scenario, seed)


def world_of(scenario: Scenario, replication: int) -> World:
    """The world of a replication, on the graph that all worlds of its network and size have."""
    seed = world_seed(scenario.seed, replication)
    place = Scenario(network=scenario.network, population={"size": scenario.population.size})
    return make_world(scenario, seed, _graph(_Settings(place), seed))


def fresh(scenario: Scenario, policy: Policy, replication: int) -> WordOfMouthModel:
    """A model of ``scenario`` on the morning of day 0."""
    # A Mesa model refers to itself: earlier ones would stay until the collector comes round.
    gc.collect()
    world = world_of(scenario, replication)
    return WordOfMouthModel(scenario, policy=policy, replication=replication, world=world)


@functools.lru_cache(maxsize=_KEPT_RUNS)
def _finished(settings: _Settings, policy: Policy, replication: int) -> WordOfMouthModel:
    return fresh(settings.scenario, policy, replication).run()


def finished(scenario: Scenario, policy: Policy, replications: int) -> Iterator[WordOfMouthModel]:
    """Runs of ``scenario`` to its end under ``policy``, one per replication, from 0.

    One at a time: a hundred finished runs would take more memory than the machine may have.
    """
    settings = _Settings(scenario)
    return (_finished(settings, policy, replication) for replication in range(replications))


def outcome(models: Iterable[WordOfMouthModel], name: str) -> np.ndarray:
    """One outcome of each run, float64 (n,)."""
    return np.array([model.outcomes()[name] for model in models], np.float64)


def daily(models: Iterable[WordOfMouthModel], name: str) -> np.ndarray:
    """One daily column of each run, int64 (n, days)."""
    return np.array([model.record().daily[name] for model in models])
