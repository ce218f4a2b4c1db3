"""The compiled processes of the presets do what their definitions say, person by person.

Each definition is written once more here, in plain Python and step by step.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse import csgraph

from sim import presets
from sim.contagion import person_uniforms
from sim.network import SocialGraph
from sim.processors import processors
from sim.randomness import Decision, uniforms


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


def by_definition(graph: SocialGraph, probability, seeds, seed: int) -> np.ndarray:
    """When everybody adopts, by SciPy's paths over the ties whose draw is below their chance."""
    arrays = graph.arrays
    sharers = np.repeat(np.arange(graph.size), np.diff(arrays.indptr))
    alive = presets.tie_uniforms(graph, seed=seed) < probability
    ends = sharers[alive], arrays.target[alive]
    living = sparse.csr_array((np.ones(ends[0].size), ends), (graph.size, graph.size))
    steps = csgraph.dijkstra(living, indices=seeds, unweighted=True, min_only=True)
    return np.where(np.isinf(steps), np.nan, steps)


@pytest.mark.parametrize("ties", [1, 4, 31, 32, 33, 2_047, 2_048, 2_049, 9_000])
@pytest.mark.parametrize("each", [False, True])
def test_a_long_row_of_ties_is_tried_to_its_end(ties, each):
    """Rows around what is written at once, and around a batch; at probability 1 all are won."""
    graph = SocialGraph.from_edges(np.zeros(ties, int), np.arange(1, ties + 1), size=ties + 3)
    for probability in (1.0, 0.3, 0.0):
        chances = np.full(graph.tie_count, probability) if each else probability
        model = presets.independent_cascade(graph, probability=chances, seeds=[0], seed=5).run()
        same(model.adoption_time, by_definition(graph, probability, [0], 5).tolist())
        assert model.adopted.sum() == ties + 1 or probability < 1


@pytest.mark.parametrize("seed", range(3))
def test_a_cascade_of_many_batches_goes_over_living_ties(seed):
    graph = SocialGraph.generate("barabasi_albert", 4_000, mean_degree=12, seed=seed)
    chances = np.random.default_rng(seed).uniform(0, 0.4, graph.tie_count)
    for probability in (0.2, chances):
        model = presets.independent_cascade(
            graph, probability=probability, seeds=[3, 99], seed=seed
        ).run()
        assert 1_000 < model.adopted.sum() < 4_000
        same(model.adoption_time, by_definition(graph, probability, [3, 99], seed).tolist())


def test_the_draw_of_a_tie_goes_by_its_place_among_those_of_its_sharer():
    graph = SocialGraph.generate("barabasi_albert", 300, mean_degree=8, seed=4)
    draws = presets.tie_uniforms(graph, seed=9)
    indptr = graph.arrays.indptr
    for i, _, e in ties(graph):
        place = e - int(indptr[i])
        address = (np.uint64(9), int(Decision.CONTAGION_TIE), 0, i, place // 4, 0)
        assert draws[e] == uniforms(*address)[place % 4]
    assert np.unique(draws).size > 0.99 * draws.size


def singles(graph: SocialGraph, origins, seed: int, probability) -> list[int]:
    """Sizes of cascades that are run one by one."""
    return [
        int(
            presets.independent_cascade(
                graph, probability=probability, seeds=np.atleast_1d(several),
                seed=presets.replication_seed(seed, place),
            ).run().adopted.sum()
        )
        for place, several in enumerate(origins)
    ]  # fmt: skip


@given(st.integers(0, 2**32))
def test_many_cascades_are_single_ones(seed):
    graph = SocialGraph.generate("watts_strogatz", 60, seed=seed % 7, mean_degree=4)
    chances = np.linspace(0.1, 0.5, graph.tie_count)
    for probability in (0.3, chances):
        for origins in ([0, 0, 17, 59], [[0, 5], [3, 3], [59, 0]], np.zeros((2, 0), int)):
            sizes = presets.cascade_sizes(
                graph, probability=probability, origins=origins, seed=seed
            )
            assert sizes.tolist() == singles(graph, origins, seed, probability)
    assert presets.cascade_sizes(graph, origins=[]).shape == (0,)


@pytest.mark.skipif(processors() < 2, reason="one processor")
def test_cascades_do_not_depend_on_threads_nor_on_those_before():
    """Small and large ones by turns: each leaves everybody unreached to the next."""
    graph = SocialGraph.generate("erdos_renyi", 2_000, seed=1, mean_degree=8)
    origins = np.arange(200) * 7
    sizes = [
        presets.cascade_sizes(graph, probability=0.14, origins=origins, seed=2, threads=threads)
        for threads in (1, 2)
    ]
    assert sizes[0].min() == 1
    assert sizes[0].max() > 500
    assert sizes[0].tolist() == sizes[1].tolist() == singles(graph, origins, 2, 0.14)


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
