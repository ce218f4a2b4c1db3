"""Structural virality of referral trees."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from sim.randomness import uniform_table
from sim.studies.cascade import structural_virality


@pytest.mark.parametrize("n", [2, 3, 10, 50])
def test_stars_and_chains_have_a_closed_form(n):
    star, chain = np.array([-1] + [0] * (n - 1)), np.arange(-1, n - 1)
    assert structural_virality(star) == pytest.approx(np.full(n, 2 - 2 / n))
    assert structural_virality(chain) == pytest.approx(np.full(n, (n + 1) / 3))


def test_who_is_alone_has_none():
    assert np.isnan(structural_virality(np.array([-1, -1, 1]))[0])
    assert structural_virality(np.empty(0, np.int32)).size == 0


@pytest.mark.parametrize("number", range(5))
def test_random_forests_under_any_numbers(number):
    people = 40
    above, order, _, _ = uniform_table(np.uint64(number), 18, 0, people)
    name = np.argsort(order)
    place = np.floor(above * np.arange(people)).astype(int)
    sponsor = np.full(people, -1)
    joined = np.flatnonzero(np.arange(people) % 7 > 0)  # every seventh is a root
    sponsor[name[joined]] = name[place[joined]]
    forest = nx.Graph(enumerate(sponsor))
    forest.remove_node(-1)
    found = structural_virality(sponsor)
    for tree in nx.connected_components(forest):
        if len(tree) > 1:
            expected = nx.average_shortest_path_length(forest.subgraph(tree))
            assert found[list(tree)] == pytest.approx(np.full(len(tree), expected))
