"""The compiled processes of the presets do what their definitions say, person by person.

Each definition is written once more here, in plain Python and step by step.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import presets
from sim.contagion import person_uniforms
from sim.network import SocialGraph


@st.composite
def small_graphs(draw) -> SocialGraph:
    """Directed or undirected graphs of up to a dozen people, friendless ones among them."""
    size = draw(st.integers(1, 12))
    pairs = [(i, j) for i in range(size) for j in range(size) if i != j]
    directed = draw(st.booleans())
    if not directed:
        pairs = [(i, j) for i, j in pairs if i < j]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    source, target = (np.array(ends, int) for ends in zip(*chosen, strict=True)) if chosen else (
        np.empty(0, int), np.empty(0, int),
    )  # fmt: skip
    return SocialGraph.from_edges(source, target, size=size, directed=directed)


def ties(graph: SocialGraph) -> list[tuple[int, int, int]]:
    """(sharer, receiver, number of the tie)."""
    arrays = graph.arrays
    sharers = np.repeat(np.arange(graph.size), np.diff(arrays.indptr))
    return list(zip(sharers.tolist(), arrays.target.tolist(), range(graph.tie_count), strict=True))


def same(one: np.ndarray, other: list[float]) -> None:
    np.testing.assert_array_equal(one, np.array(other, float))


@given(small_graphs(), st.floats(0, 1), st.integers(0, 2**32))
def test_an_independent_cascade_goes_step_by_step_over_living_ties(graph, probability, seed):
    draws = presets.tie_uniforms(graph, seed=seed)
    when = [math.nan] * graph.size
    when[0] = 0
    for step in range(graph.size):
        for i, j, e in ties(graph):
            if when[i] == step and math.isnan(when[j]) and draws[e] < probability:
                when[j] = step + 1
    model = presets.independent_cascade(graph, probability=probability, seeds=[0], seed=seed)
    same(model.run().adoption_time, when)
    chances = np.full(graph.tie_count, probability)
    given_each = presets.independent_cascade(graph, probability=chances, seeds=[0], seed=seed)
    if graph.tie_count:
        same(given_each.run().adoption_time, when)


@given(small_graphs(), st.integers(0, 2**32))
def test_a_linear_threshold_is_reached_step_by_step(graph, seed):
    limits = person_uniforms(np.uint64(seed), graph.size)
    degree = graph.arrays.in_degree
    when = [math.nan] * graph.size
    when[0] = 0
    for step in range(graph.size):
        active = [j for i, j, _ in ties(graph) if when[i] <= step]
        for j in range(graph.size):
            count = active.count(j)
            if math.isnan(when[j]) and count > 0 and count >= limits[j] * degree[j]:
                when[j] = step + 1
    same(presets.linear_threshold(graph, seeds=[0], seed=seed).run().adoption_time, when)


@given(small_graphs(), st.integers(1, 3))
def test_a_threshold_counts_contacts(graph, contacts):
    when = [math.nan] * graph.size
    when[0] = 0
    for step in range(graph.size):
        active = [j for i, j, _ in ties(graph) if when[i] <= step]
        for j in range(graph.size):
            if math.isnan(when[j]) and active.count(j) >= contacts:
                when[j] = step + 1
    same(presets.threshold(graph, contacts=contacts, seeds=[0]).run().adoption_time, when)


@given(small_graphs(), st.sampled_from([0.1, 0.2, 1 / 3, 0.5, 0.75, 1.0]))
def test_a_threshold_counts_shares_of_contacts(graph, share):
    degree = graph.arrays.in_degree
    when = [math.nan] * graph.size
    when[0] = 0
    for step in range(graph.size):
        active = [j for i, j, _ in ties(graph) if when[i] <= step]
        for j in range(graph.size):
            reached = active.count(j)
            if math.isnan(when[j]) and reached and reached >= share * degree[j] - 1e-9:
                when[j] = step + 1
    same(presets.threshold(graph, share=share, seeds=[0]).run().adoption_time, when)


@given(
    small_graphs(), st.floats(0, 1), st.floats(0, 3), st.sampled_from([0.1, 0.5, 1.0]),
    st.integers(0, 2**32), st.booleans(),
)  # fmt: skip
def test_bass_adopts_when_the_hazard_passes_everybodys_patience(graph, p, q, dt, seed, seeded):
    patience = -np.log(person_uniforms(np.uint64(seed), graph.size))
    when = [math.nan] * graph.size
    if seeded:
        when[0] = 0.0
    hazard = np.zeros(graph.size)
    degree = graph.arrays.in_degree
    for tick in range(20):
        heard = [j for i, j, _ in ties(graph) if when[i] <= tick * dt]
        for j in range(graph.size):
            if math.isnan(when[j]):
                hazard[j] += (p + q * heard.count(j) / max(degree[j], 1)) * dt
                if patience[j] <= hazard[j]:
                    when[j] = (tick + 1) * dt
    seeds = [0] if seeded else []
    model = presets.bass(graph=graph, p=p, q=q, dt=dt, horizon=20 * dt, seeds=seeds, seed=seed)
    same(model.run().adoption_time, when)


@given(st.integers(2, 12), st.integers(0, 2**32), st.booleans())
def test_people_who_all_know_each_other_need_no_ties(size, seed, seeded):
    graph = SocialGraph.generate("complete", size)
    seeds = [size - 1] if seeded else []
    options = {"p": 0.2, "q": 0.7, "dt": 0.25, "seeds": seeds, "seed": seed}
    there = presets.bass(size, **options).run()
    here = presets.bass(graph=graph, **options).run()
    same(there.adoption_time, here.adoption_time.tolist())
    assert there.adopted.all()


@given(st.integers(0, 2**32))
def test_many_cascades_are_single_ones(seed):
    graph = SocialGraph.generate("watts_strogatz", 60, seed=seed % 7, mean_degree=4)
    origins = [0, 0, 17, 59]
    sizes = presets.cascade_sizes(graph, probability=0.3, origins=origins, seed=seed)
    for place, origin in enumerate(origins):
        alone = presets.independent_cascade(
            graph, probability=0.3, seeds=[origin], seed=presets.replication_seed(seed, place)
        ).run()
        assert alone.adopted.sum() == sizes[place]


# Monotone coupling ------------------------------------------------------------------------------


@given(small_graphs(), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32))
def test_a_larger_probability_never_loses_an_adopter(graph, one, other, seed):
    low, high = (
        presets.independent_cascade(graph, probability=chance, seeds=[0], seed=seed).run()
        for chance in sorted((one, other))
    )
    assert (low.adopted <= high.adopted).all()
    both = low.adopted
    assert (high.adoption_time[both] <= low.adoption_time[both]).all()


@given(small_graphs(), st.floats(0, 1), st.floats(0, 2), st.floats(0, 2), st.integers(0, 2**32))
def test_more_influence_never_makes_anybody_adopt_later(graph, p, one, other, seed):
    slow, fast = (
        presets.bass(graph=graph, p=p, q=q, dt=0.5, horizon=10, seed=seed).run()
        for q in sorted((one, other))
    )
    assert (slow.adopted <= fast.adopted).all()
    both = slow.adopted
    assert (fast.adoption_time[both] <= slow.adoption_time[both]).all()


def test_nobody_adopts_by_herself_without_advertising():
    graph = SocialGraph.generate("ring", 30)
    assert not presets.bass(graph=graph, p=0.0, q=1.0).run().adopted.any()
    seeded = presets.bass(graph=graph, p=0.0, q=1.0, seeds=[3]).run()
    assert seeded.adopted.all()
    assert seeded.adoption_time[3] == 0.0
    apart = SocialGraph.from_edges([0, 2], [1, 3], size=4)
    reached = presets.bass(graph=apart, p=0.0, q=1.0, seeds=[0]).run().adopted
    assert reached.tolist() == [True, True, False, False]


@pytest.mark.parametrize("seed", range(3))
def test_running_again_changes_nothing(seed):
    graph = SocialGraph.generate("erdos_renyi", 200, seed=1, mean_degree=6)
    model = presets.independent_cascade(graph, probability=0.3, seeds=[0], seed=seed)
    first = model.run().adoption_time
    same(model.run().adoption_time, first.tolist())
