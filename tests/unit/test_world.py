"""Worlds: the same for every policy, from a graph, a file or a generator, within memory."""

from __future__ import annotations

import numpy as np
import pytest

import sim.memory
from sim.errors import InputError
from sim.memory import bytes_available
from sim.network import SocialGraph
from sim.world import (
    bytes_needed,
    bytes_of_world,
    make_graph,
    make_world,
    require_memory,
    world_seed,
)
from tests.worlds import plain_scenario, rich_scenario


def test_a_world_depends_on_its_seed_alone():
    scenario = rich_scenario()
    one, same, other = (make_world(scenario, seed) for seed in (1, 1, 2))
    assert one.graph.digest() == same.graph.digest() != other.graph.digest()
    for a, b in zip((*one.people, *one.initial), (*same.people, *same.initial), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(one.people.influence, other.people.influence)


def test_a_given_graph_is_used_as_it_is():
    graph = SocialGraph.generate("ring", 30)
    world = make_world(plain_scenario(), 1, graph)
    assert world.graph is graph
    assert world.people.influence.shape == (30,)


def test_a_file_brings_its_own_people(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("source,target\n" + "\n".join(f"{i},{i + 1}" for i in range(24)))
    graph = make_graph(rich_scenario(network={"file": str(path)}), 1)
    assert graph.size == 25
    assert graph.friendship_count == 24


def test_parameters_that_do_not_go_with_the_kind_are_refused():
    with pytest.raises(InputError, match=r"network\.rewiring does not apply"):
        make_graph(rich_scenario(network={"rewiring": 0.5}), 1)


def test_a_world_beyond_memory_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(sim.memory, "bytes_available", lambda: 10**5)
    with pytest.raises(
        InputError, match=r"population\.size = 500 needs about .* GB is free; lower"
    ):
        make_world(plain_scenario(), 1)
    assert make_world(plain_scenario(), 1, SocialGraph.generate("ring", 500)).graph.size == 500


def test_people_beyond_memory_beside_the_network_of_a_file_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "edges.csv"
    path.write_text("source,target\n" + "\n".join(f"{i},{i + 1}" for i in range(999)))
    free = path.stat().st_size * 2
    monkeypatch.setattr(sim.memory, "bytes_available", lambda: free)
    said = r"a world of the 1,000 people and 1,998 ties of network\.file needs about 0\.0 GB"
    with pytest.raises(InputError, match=said):
        make_world(rich_scenario(network={"file": str(path)}), 1)


def test_the_estimate_of_memory_grows_with_people_ties_and_products():
    def needed(size: int, degree: float) -> int:
        return bytes_needed(
            plain_scenario(population={"size": size}, network={"mean_degree": degree})
        )

    assert needed(1000, 10) < needed(1000, 20) < needed(2000, 20)
    assert needed(2000, 10) == pytest.approx(2 * needed(1000, 10), rel=0.01)


def test_the_estimate_counts_the_arrays_of_a_world():
    scenario = rich_scenario()
    world = make_world(scenario, 1)
    arrays = (*world.graph.arrays, *world.people, *world.initial)
    held = sum(array.nbytes for array in arrays)
    estimate = bytes_of_world(scenario, world.graph.size, world.graph.tie_count)
    assert estimate == pytest.approx(held, rel=0.15)


def test_memory_that_cannot_be_told_stops_nobody(monkeypatch):
    monkeypatch.setattr(sim.memory, "bytes_available", lambda: None)
    require_memory(plain_scenario(population={"size": 2_000_000_000}))


def test_this_machine_tells_its_memory():
    assert bytes_available() is None or bytes_available() > 10**7


def test_replications_have_worlds_of_their_own():
    assert len({world_seed(7, r) for r in range(100)}) == 100
