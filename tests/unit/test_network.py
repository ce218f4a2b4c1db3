"""SocialGraph: sparse rows, strength, groups, files, statistics against NetworkX."""

from __future__ import annotations

import warnings

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import InputError, InputWarning
from sim.network import SocialGraph
from sim.tie_strength import overlap_strength

SETTINGS = settings(max_examples=60, deadline=None)


@st.composite
def distinct_pairs(draw, directed):
    size = draw(st.integers(2, 25))
    pair = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(
        lambda p: p[0] != p[1]
    )
    identity = tuple if directed else (lambda p: (min(p), max(p)))
    return size, draw(st.lists(pair, max_size=60, unique_by=identity))


def build(size, pairs, **options):
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    return SocialGraph.from_edges(ends[:, 0], ends[:, 1], size=size, **options)


def ties(graph):
    indptr, target = graph.arrays.indptr, graph.arrays.target
    return [(i, int(j)) for i in range(graph.size) for j in target[indptr[i] : indptr[i + 1]]]


@SETTINGS
@given(distinct_pairs(directed=False))
def test_friendships_are_symmetric_sorted_and_complete(case):
    size, pairs = case
    graph = build(size, pairs)
    assert ties(graph) == sorted([*pairs, *((b, a) for a, b in pairs)])
    assert graph.friendship_count == len(pairs)
    assert np.array_equal(graph.arrays.in_degree, np.diff(graph.arrays.indptr))
    assert ((graph.arrays.strength >= 0) & (graph.arrays.strength <= 1)).all()


@SETTINGS
@given(distinct_pairs(directed=True))
def test_directed_ties_stay_one_way(case):
    size, pairs = case
    graph = build(size, pairs, directed=True)
    assert ties(graph) == sorted(pairs)
    heard = np.bincount([b for _, b in pairs], minlength=size) if pairs else np.zeros(size)
    assert np.array_equal(graph.arrays.in_degree, heard)
    assert graph.friendship_count == sum((b, a) in pairs for a, b in pairs) // 2


@SETTINGS
@given(distinct_pairs(directed=True), st.randoms(use_true_random=False), st.booleans())
def test_digest_ignores_the_order_of_ties_and_sees_every_tie(case, shuffler, directed):
    size, pairs = case
    pairs = pairs if directed else sorted({(min(p), max(p)) for p in pairs})
    shuffled = list(pairs)
    shuffler.shuffle(shuffled)
    first = build(size, pairs, directed=directed).digest()
    assert build(size, shuffled, directed=directed).digest() == first
    if pairs:
        assert build(size, pairs[1:], directed=directed).digest() != first


@SETTINGS
@given(distinct_pairs(directed=True), st.booleans())
def test_networkx_round_trip(case, directed):
    size, pairs = case
    graph = build(size, pairs if directed else {(min(p), max(p)) for p in pairs}, directed=directed)
    again = SocialGraph.from_networkx(graph.to_networkx(), strength=None)
    assert again.digest() == graph.digest()
    assert again.labels is None


@SETTINGS
@given(distinct_pairs(directed=False))
def test_strength_is_the_root_of_neighbourhood_overlap(case):
    size, pairs = case
    graph = build(size, pairs)
    reference = nx.Graph(pairs)
    for (a, b), strength in zip(ties(graph), graph.arrays.strength, strict=True):
        common = len(list(nx.common_neighbors(reference, a, b)))
        others = reference.degree(a) + reference.degree(b) - 2 - common
        expected = common / others if others else 1.0
        assert strength == pytest.approx(expected**0.5, rel=1e-6)


def test_directed_strength_counts_friends_either_way():
    one_way = SocialGraph.from_edges([0, 1, 2], [1, 2, 0], directed=True)
    assert (one_way.arrays.strength == 1).all()


def test_long_friend_lists_are_sampled_without_bias():
    exact = SocialGraph.generate("complete", 1_200)
    sampled = overlap_strength(exact.arrays.indptr, exact.arrays.target, False)
    # 1,199 friends are looked through in 1,000 steps; the people themselves are the only misses.
    assert abs(sampled.mean() - 1) < 0.005
    assert sampled.max() <= 1


def test_strength_is_computed_when_it_is_asked_for():
    graph = SocialGraph.from_edges([0, 0, 1, 2], [1, 2, 2, 3])
    assert graph.friendship_count == 4
    assert graph.rows.strength.size == 0
    assert graph.arrays.strength.size == 8
    assert graph.arrays is graph.arrays
    assert graph.arrays.target is graph.rows.target
    given = SocialGraph.from_edges([0], [1], strength=[2.0])
    assert given.arrays is given.rows


def test_given_strengths_are_relative_and_follow_their_tie():
    graph = SocialGraph.from_edges([3, 0, 1], [0, 1, 2], strength=[4, 1, 2], size=5)
    assert ties(graph) == [(0, 1), (0, 3), (1, 0), (1, 2), (2, 1), (3, 0)]
    assert graph.arrays.strength.tolist() == [0.25, 1.0, 0.25, 0.5, 0.5, 1.0]


def test_repeated_ties_are_merged_with_the_largest_strength_and_a_warning():
    with pytest.warns(InputWarning, match="2 repeated ties"):
        graph = SocialGraph.from_edges([0, 1, 0, 1], [1, 0, 1, 2], strength=[1, 4, 2, 3])
    assert graph.friendship_count == 2
    assert graph.arrays.strength.tolist() == [1.0, 1.0, 0.75, 0.75]


def test_groups_are_indexed_both_ways():
    graph = SocialGraph.from_edges([0], [1], size=4, groups=[[2, 0, 2], [3], [0, 1]])
    arrays = graph.arrays
    assert arrays.group_indptr.tolist() == [0, 2, 3, 5]
    assert arrays.group_member.tolist() == [0, 2, 3, 0, 1]
    assert arrays.person_group_indptr.tolist() == [0, 2, 3, 4, 5]
    assert arrays.person_group.tolist() == [0, 2, 2, 0, 1]
    assert graph.group_count == 3


def test_a_group_without_members_keeps_its_number():
    graph = SocialGraph.from_edges([0], [1], groups=[[0], [], [1], []])
    assert graph.arrays.group_indptr.tolist() == [0, 1, 1, 2, 2]


def test_arrays_have_the_types_the_kernels_were_promised():
    graph = SocialGraph.generate("campus", 200, mean_degree=8)
    types = [array.dtype.name for array in graph.arrays]
    assert types == ["int64", "int32", "float32", "int32", "int64", "int32", "int64", "int32"]


def test_one_person_without_ties():
    graph = SocialGraph.from_edges([], [], size=1)
    assert (graph.size, graph.tie_count, graph.mean_degree) == (1, 0, 0.0)
    assert graph.describe()["components"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"source": [0, 1], "target": [1, 1]}, r"source\[1\] = target\[1\] = 1"),
        ({"source": [0], "target": [5], "size": 3}, r"target\[0\] = 5 is not a person"),
        ({"source": [-1], "target": [0]}, r"source\[0\] = -1"),
        ({"source": [0, 1], "target": [1]}, "2 entries and target 1"),
        ({"source": [], "target": []}, "a graph needs people"),
        ({"source": [0.5], "target": [1]}, "whole person numbers"),
        ({"source": [0], "target": [1], "strength": [-1]}, r"strength\[0\] = -1"),
        ({"source": [0], "target": [1], "strength": [np.nan]}, "nan"),
        ({"source": [0], "target": [1], "strength": [0]}, "0 for every tie"),
        ({"source": [0], "target": [1], "strength": [1, 2]}, "one number for each tie"),
        ({"source": [0], "target": [1], "groups": [[7]]}, r"groups\[0\]\[0\] = 7"),
        ({"source": [0], "target": [1], "labels": ["a"]}, "labels"),
    ],
)
def test_unusable_arrays_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        SocialGraph.from_edges(**arguments)


def test_unknown_kind_and_parameter_name_the_right_ones():
    with pytest.raises(InputError, match="did you mean 'campus'"):
        SocialGraph.generate("campsu", 100)
    with pytest.raises(InputError, match="takes mean_degree"):
        SocialGraph.generate("campus", 100, rewiring=0.1)


@pytest.mark.parametrize("labels", [None, list("zyxwvutsrq")])
def test_save_and_read_give_the_same_graph(tmp_path, labels):
    graph = SocialGraph.from_edges(
        range(9), range(1, 10), directed=True, groups=[[1, 2]], labels=labels, name="path"
    )
    again = SocialGraph.read(graph.save(tmp_path / "graph.npz"))
    assert again.digest() == graph.digest()
    assert (again.name, again.directed) == ("path", True)
    assert labels == (None if again.labels is None else again.labels.tolist())


def test_a_saved_graph_that_is_cut_off_or_foreign_is_refused(tmp_path):
    path = SocialGraph.generate("ring", 50).save(tmp_path / "graph.npz")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match=r"graph\.npz is cut off"):
        SocialGraph.read(path)
    np.savez(path, a=np.arange(3))
    with pytest.raises(InputError, match=r"not written by SocialGraph\.save"):
        SocialGraph.read(path)


def test_statistics_agree_with_networkx():
    graph = SocialGraph.generate("holme_kim", 180, seed=4, mean_degree=6, triad_probability=0.6)
    found, reference = graph.describe(), graph.to_networkx()
    assert found["mean_clustering"] == pytest.approx(nx.average_clustering(reference))
    assert found["transitivity"] == pytest.approx(nx.transitivity(reference))
    assert found["assortativity"] == pytest.approx(nx.degree_assortativity_coefficient(reference))
    assert found["mean_path"] == pytest.approx(nx.average_shortest_path_length(reference))
    assert found["maximum_degree"] == max(d for _, d in reference.degree)
    assert list(found)[:4] == ["people", "ties", "friendships", "mean_degree"]
    assert all(type(value) in (int, float) for value in found.values())


def test_statistics_of_a_directed_graph_in_two_parts():
    found = SocialGraph.from_edges([0, 1, 1, 3], [1, 0, 2, 4], directed=True, size=6).describe()
    assert (found["ties"], found["friendships"], found["components"]) == (4, 1, 3)
    assert found["reciprocity"] == 0.5
    assert found["giant_share"] == 0.5


def test_building_warns_about_nothing_when_nothing_is_odd():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SocialGraph.from_edges([0, 1], [1, 2])


def test_a_graph_beyond_memory_is_refused_with_the_figures():
    with pytest.raises(InputError, match=r"network of 100000000000 people needs about [\d.]+ GB"):
        SocialGraph.generate("erdos_renyi", 10**11, mean_degree=8)


def test_a_saved_graph_keeps_the_whole_name(tmp_path):
    graph = SocialGraph.generate("ring", 5)
    names = {graph.save(tmp_path / name).name for name in ("friends.2024", "friends.2025", "a.npz")}
    assert names == {"friends.2024.npz", "friends.2025.npz", "a.npz"}
    with pytest.raises(InputError, match="there is no folder"):
        graph.save(tmp_path / "nowhere" / "friends")
