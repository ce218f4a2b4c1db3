"""Generators: exact counts, statistics against NetworkX and the published graph, error messages."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest

from sim.errors import InputError
from sim.generators import GENERATORS, Edges, _independent_ties
from sim.network import SocialGraph
from sim.randomness import Decision, uniforms


def degrees(edges: Edges) -> np.ndarray:
    return np.bincount(np.concatenate((edges.source, edges.target)), minlength=edges.size)


def pairs(edges: Edges) -> set[tuple[int, int]]:
    return {(min(a, b), max(a, b)) for a, b in zip(edges.source, edges.target, strict=True)}


def graph_of(edges: Edges) -> nx.Graph:
    graph = nx.empty_graph(edges.size)
    graph.add_edges_from(zip(edges.source.tolist(), edges.target.tolist(), strict=True))
    return graph


def test_complete_ties_every_pair_once():
    edges = GENERATORS["complete"](7)
    assert len(pairs(edges)) == edges.source.size == 21
    assert (edges.strength == 1).all()


def test_ring_is_the_circulant_graph():
    edges = GENERATORS["ring"](11, mean_degree=4)
    assert pairs(edges) == {tuple(sorted(e)) for e in nx.circulant_graph(11, [1, 2]).edges}


def test_lattice_is_the_wrapped_grid():
    edges = GENERATORS["lattice"](12)
    expected = nx.convert_node_labels_to_integers(nx.grid_2d_graph(3, 4, periodic=True))
    assert pairs(edges) == {tuple(sorted(e)) for e in expected.edges}


def test_watts_strogatz_without_rewiring_is_the_ring_and_with_it_keeps_the_count():
    assert pairs(GENERATORS["watts_strogatz"](50, 3, mean_degree=6, rewiring=0.0)) == pairs(
        GENERATORS["ring"](50, mean_degree=6)
    )
    edges = GENERATORS["watts_strogatz"](50, 3, mean_degree=6, rewiring=1.0)
    assert len(pairs(edges)) == edges.source.size == 150


@pytest.mark.parametrize(("mean_degree", "each"), [(2, 1), (6, 3), (10, 5)])
@pytest.mark.parametrize("kind", ["barabasi_albert", "holme_kim"])
def test_growth_has_exactly_m_ties_for_each_newcomer(kind, mean_degree, each):
    edges = GENERATORS[kind](200, 1, mean_degree=mean_degree)
    assert len(pairs(edges)) == edges.source.size == each * (200 - each)
    assert degrees(edges).min() >= 1


def test_configuration_has_exactly_the_degrees_asked_for():
    wanted = np.array([40] + [2] * 50 + [1] * 20 + [3] * 29 + [9])
    edges = GENERATORS["configuration"](wanted.size, 5, degree_sequence=wanted)
    assert np.array_equal(degrees(edges), wanted)
    assert len(pairs(edges)) == edges.source.size


def test_configuration_of_a_star_and_of_a_complete_graph_finds_the_only_solution():
    assert len(pairs(GENERATORS["configuration"](9, degree_sequence=[8] + [1] * 8))) == 8
    assert len(pairs(GENERATORS["configuration"](6, degree_sequence=[5] * 6))) == 15


def test_two_layer_has_strong_ties_inside_groups_only():
    edges = GENERATORS["two_layer"](2_000, 4, mean_degree=10, inside=0.5, group_size=12)
    within = edges.group_of[edges.source] == edges.group_of[edges.target]
    assert np.array_equal(edges.strength == np.float32(0.8), within)
    # 10,000 ties, inside share binomial: sd below 0.007 in share, 5 sd.
    assert abs(within.mean() - 0.5) < 0.035


def test_block_model_keeps_its_share_of_ties_inside_and_its_mean_degree():
    edges = GENERATORS["stochastic_block"](5_000, 2, mean_degree=12, blocks=20, inside=0.7)
    within = edges.group_of[edges.source] == edges.group_of[edges.target]
    assert np.array_equal(np.bincount(edges.group_of), np.full(20, 250))
    # 30,000 expected ties of Poisson-like count: sd 173; share sd 0.0027; 5 sd each.
    assert abs(edges.source.size - 30_000) < 870
    assert abs(within.mean() - 0.7) < 0.0135


@pytest.mark.parametrize("mixing", [0.0, 0.2, 0.6])
def test_lfr_meets_mean_degree_and_mixing(mixing):
    edges = GENERATORS["lfr"](4_000, 3, mean_degree=12, mixing=mixing, maximum_degree=200)
    assert len(pairs(edges)) == edges.source.size
    outside = edges.group_of[edges.source] != edges.group_of[edges.target]
    assert abs(outside.mean() - mixing) < 0.02
    # Degree sd is about 17, so the mean of 4,000 has sd 0.27; 5 sd.
    assert abs(degrees(edges).mean() - 12) < 1.35


def test_degree_variance_and_clustering_agree_with_networkx():
    """Twelve graphs each way, Welch statistic below 5 (false alarm below 1 in 10,000 a test)."""
    size, runs = 600, 12
    cases = {
        "erdos_renyi": ({}, lambda s: nx.gnp_random_graph(size, 10 / (size - 1), seed=s)),
        "watts_strogatz": (
            {"rewiring": 0.2},
            lambda s: nx.watts_strogatz_graph(size, 10, 0.2, seed=s),
        ),
        "barabasi_albert": ({}, lambda s: nx.barabasi_albert_graph(size, 5, seed=s)),
    }
    for kind, (parameters, reference) in cases.items():
        ours = [
            graph_of(GENERATORS[kind](size, s, mean_degree=10, **parameters)) for s in range(runs)
        ]
        theirs = [reference(s) for s in range(runs)]
        for statistic in (
            lambda g: np.log(np.var([d for _, d in g.degree()])),
            nx.average_clustering,
        ):
            a, b = [np.array([statistic(g) for g in graphs]) for graphs in (ours, theirs)]
            spread = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / runs)
            assert abs(a.mean() - b.mean()) < 5 * spread, kind


def test_power_law_growth_and_degrees_have_heavy_tails():
    grown = degrees(GENERATORS["barabasi_albert"](20_000, 1, mean_degree=10))
    # Barabasi and Albert: P(k) = 2 m (m + 1) / (k (k + 1) (k + 2)), so P(k >= 20) = 30 / 420.
    share = 5 * 6 / (20 * 21)
    assert abs((grown >= 20).mean() - share) < 5 * np.sqrt(share / 20_000)
    drawn = degrees(
        GENERATORS["configuration"](20_000, 1, exponent=2.5, minimum_degree=4, maximum_degree=400)
    )
    k = np.arange(4, 401.0)
    share = (k[k >= 20] ** -2.5).sum() / (k**-2.5).sum()
    assert abs((drawn >= 20).mean() - share) < 5 * np.sqrt(share / 20_000)


def test_triads_raise_clustering():
    low, high = (
        nx.average_clustering(
            graph_of(GENERATORS["holme_kim"](1_500, 1, mean_degree=8, triad_probability=p))
        )
        for p in (0.0, 0.9)
    )
    assert low < 0.06
    assert high > 0.25


@pytest.mark.parametrize("seed", range(5))
def test_campus_meets_the_published_statistics_of_ego_facebook(seed):
    """Bands of the design page around the SNAP graph ego-Facebook (McAuley and Leskovec, 2012)."""
    graph = SocialGraph.generate("campus", 4_039, seed=seed)
    found = graph.describe()
    assert abs(found["friendships"] / 88_234 - 1) < 0.02
    assert abs(found["mean_clustering"] - 0.6056) < 0.03
    assert 400 <= found["maximum_degree"] <= 1_500
    assert abs(found["degree_gini"] - 0.541) < 0.05
    assert found["giant_share"] >= 0.99
    assert 3.0 <= found["mean_path"] <= 4.7
    assert -0.05 <= found["assortativity"] <= 0.2
    degree = np.diff(graph.arrays.indptr)
    real = np.array([5, 11, 25, 57, 112, 153])
    ours = np.quantile(degree, [0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
    assert (np.abs(ours - real) <= 1 + 0.2 * real).all()
    memberships = np.diff(graph.arrays.person_group_indptr)
    assert memberships.min() == 1
    assert memberships.max() == 3
    sizes = np.diff(graph.arrays.group_indptr)
    assert sizes.min() >= 5
    assert sizes.max() <= 310
    assert sizes.max() > 10 * np.median(sizes)


def test_campus_has_strong_communities():
    graph = SocialGraph.generate("campus", 4_039, seed=1).to_networkx()
    parts = nx.community.louvain_communities(graph, weight=None, seed=1)
    assert nx.community.modularity(graph, parts, weight=None) >= 0.75


@pytest.mark.parametrize(("size", "mean_degree"), [(50, 4), (50, 8), (200, 10), (3_000, 20)])
def test_campus_keeps_its_mean_degree_at_every_size(size, mean_degree):
    edges = GENERATORS["campus"](size, 2, mean_degree=mean_degree)
    assert len(pairs(edges)) == edges.source.size
    assert abs(degrees(edges).mean() - mean_degree) < 0.1 * mean_degree
    assert nx.is_connected(graph_of(edges))


@pytest.mark.parametrize(
    ("kind", "size", "parameters", "said"),
    [
        ("watts_strogatz", 10, {"mean_degree": 12}, "needs at least 13 people"),
        ("watts_strogatz", 100, {"mean_degree": 5}, "even whole number"),
        ("watts_strogatz", 100, {"rewiring": 1.5}, r"network.rewiring = 1.5 must lie in \[0, 1\]"),
        ("holme_kim", 100, {"triad_probability": -1}, "triad_probability"),
        ("barabasi_albert", 100, {"mean_degree": 1}, "at least 2"),
        ("erdos_renyi", 100, {"mean_degree": float("nan")}, "mean_degree = nan"),
        ("lattice", 13, {}, "rows x columns"),
        ("complete", 30_000, {}, "at most 20,000"),
        ("stochastic_block", 100, {"blocks": 200}, "network.blocks = 200"),
        ("stochastic_block", 100, {"blocks": 50, "inside": 1.0}, "pairs exist"),
        ("two_layer", 100, {"group_size": 1}, "network.group_size = 1"),
        ("configuration", 100, {"exponent": 1.0}, "network.exponent"),
        ("configuration", 100, {"minimum_degree": 0}, "minimum_degree"),
        ("configuration", 100, {"maximum_degree": 100}, "needs at least 101 people"),
        ("configuration", 4, {"degree_sequence": [3, 3, 1, 1]}, "no simple friendship network"),
        ("configuration", 3, {"degree_sequence": [1, 1]}, "degree_sequence"),
        ("lfr", 100, {"mean_degree": 5, "minimum_degree": 3}, "twice"),
        ("lfr", 100, {"mixing": 2}, "network.mixing = 2"),
        ("campus", 20, {}, "at least 50"),
        ("campus", 60, {}, "too large for population.size = 60"),
        ("campus", 100, {"mean_degree": 2}, "at least 4"),
    ],
)
def test_parameters_out_of_range_say_what_is_allowed(kind, size, parameters, said):
    with pytest.raises(InputError, match=said):
        GENERATORS[kind](size, 0, **parameters)


@pytest.mark.parametrize("mean_degree", [6, 5])  # three ties each, and two or three by turns
def test_preferential_attachment_is_that_of_the_plain_rule(mean_degree):
    size, each, seed = 400, mean_degree / 2, 9
    ends = [end for leaf in range(1, math.ceil(each) + 1) for end in (leaf, 0)]
    for person in range(math.ceil(each) + 1, size):
        brought = math.floor((person + 1) * each) - math.floor(person * each)
        start, draw, chosen = len(ends), 0, []
        while len(chosen) < brought:
            u = uniforms(np.uint64(seed), int(Decision.NETWORK), 0, person, draw, 0)[0]
            draw += 1
            if ends[int(u * start)] not in chosen:
                chosen.append(ends[int(u * start)])
        ends += [end for other in chosen for end in (person, other)]
    found = GENERATORS["barabasi_albert"](size, seed, mean_degree=mean_degree)
    assert np.column_stack((found.source, found.target)).ravel().tolist() == ends


@pytest.mark.parametrize(("size", "mean_degree"), [(700, 4), (9, 6)])
def test_rewiring_is_that_of_the_plain_rule(size, mean_degree):
    half, rewiring, seed = mean_degree // 2, 0.4, 3
    ends = [[(i + d + 1) % size for d in range(half)] for i in range(size)]
    for d in range(half):
        for i in range(size):
            chance, u, _, _ = uniforms(np.uint64(seed), int(Decision.NETWORK), 0, i, d, 0)
            attempt = 0
            while chance < rewiring and attempt < 1_000:
                other = int(u * size)
                if other != i and other not in ends[i] and i not in ends[other]:
                    ends[i][d] = other
                    break
                attempt += 1
                u = uniforms(np.uint64(seed), int(Decision.NETWORK), attempt, i, d, 0)[0]
    found = GENERATORS["watts_strogatz"](size, seed, mean_degree=mean_degree, rewiring=rewiring)
    assert found.target.reshape(size, half).tolist() == ends
    assert found.source.tolist() == np.repeat(np.arange(size), half).tolist()


@pytest.mark.parametrize("mean_degree", [0.5, 6, 250])  # more ties than are drawn at once
def test_independent_ties_are_those_of_the_plain_rule(mean_degree):
    size, seed, ties = 300, 4, []
    scale = np.log1p(-mean_degree / (size - 1))
    for i in range(size):
        j, leap = i, 0
        while True:
            draws = uniforms(np.uint64(seed), int(Decision.NETWORK), leap >> 2, i, 0, 0)
            j += 1 + int(np.log(draws[leap & 3]) / scale)
            leap += 1
            if j >= size:
                break
            ties.append((i, j))
    found = GENERATORS["erdos_renyi"](size, seed, mean_degree=mean_degree)
    assert np.column_stack((found.source, found.target)).tolist() == [list(tie) for tie in ties]


def test_ties_beyond_the_room_are_counted_and_not_written():
    size, key = 300, np.uint64(2)
    begin, end = np.arange(1, size + 1), np.full(size, size)
    source, target = np.full(4_000, -1, np.int32), np.full(4_000, -1, np.int32)
    count = _independent_ties(begin, end, 0.05, key, 0, source, target)
    few = np.full(10, -1, np.int32), np.full(10, -1, np.int32)
    assert 1_500 < count < 4_000
    assert _independent_ties(begin, end, 0.05, key, 0, few[0][:5], few[1][:5]) == count
    assert few[0].tolist() == [*source[:5].tolist(), *[-1] * 5]
    assert few[1].tolist() == [*target[:5].tolist(), *[-1] * 5]
    assert (source[:count] >= 0).all()
    assert (source[count:] == -1).all()
