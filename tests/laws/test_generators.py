"""Laws of every generator, by kind: simple graphs, addresses, no dependence on anything else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.generators import GENERATORS

SETTINGS = settings(max_examples=15, deadline=None)
SPARSE = {
    "campus": {"mean_degree": 6},
    "stochastic_block": {"blocks": 3},
    "two_layer": {"mean_degree": 5},
}


def generate(kind: str, size: int, seed: int):
    return GENERATORS[kind](size, seed, **SPARSE.get(kind, {}))


@pytest.mark.parametrize("kind", sorted(GENERATORS))
@SETTINGS
@given(size=st.sampled_from([60, 64, 90, 144, 300]), seed=st.integers(0, 2**63))
def test_every_kind_is_a_simple_graph_and_a_function_of_its_seed(kind, size, seed):
    edges = generate(kind, size, seed)
    low = np.minimum(edges.source, edges.target).astype(np.int64)
    high = np.maximum(edges.source, edges.target).astype(np.int64)
    assert edges.source.dtype == edges.target.dtype == np.int32
    assert (low >= 0).all()
    assert (high < size).all()
    assert (low < high).all()
    assert np.unique(low * size + high).size == low.size
    if edges.group_of is not None:
        assert np.array_equal(np.unique(edges.group_of), np.arange(edges.group_of.max() + 1))
        assert np.array_equal(np.unique(edges.group_member), np.arange(size))
    again = generate(kind, size, seed)
    for first, second in zip(edges[:5], again[:5], strict=True):
        assert (first is None and second is None) or np.array_equal(first, second)


@pytest.mark.parametrize("kind", sorted(set(GENERATORS) - {"complete", "ring", "lattice"}))
def test_another_seed_gives_another_graph(kind):
    first, second = generate(kind, 300, 1), generate(kind, 300, 2)
    assert not (
        np.array_equal(first.source, second.source) and np.array_equal(first.target, second.target)
    )
