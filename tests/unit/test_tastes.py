"""Tastes smoothed by compiled loops are those of the formula in matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse, special

from sim.network import SocialGraph
from sim.randomness import Decision, uniform_table
from sim.tastes import homophilous_tastes

SIZE, SEED, HOMOPHILY = 600, 4, 0.3


def standardised(columns):
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


def by_formula(graph: SocialGraph) -> np.ndarray:
    """Tastes of a network that eight rounds of smoothing are enough for."""
    draws = [uniform_table(np.uint64(SEED), int(Decision.TRAITS), 100 + k, SIZE) for k in range(3)]
    own, field = (
        standardised(special.ndtri(np.column_stack([table[word] for table in draws])))
        for word in (0, 1)
    )
    arrays = graph.arrays
    ones = np.ones(graph.tie_count)
    ties = sparse.csr_array((ones, arrays.target, arrays.indptr), shape=(SIZE, SIZE))
    ties = ties.maximum(ties.T).tocsr()
    degree = np.maximum(np.diff(ties.indptr), 1)[:, None]
    for _ in range(8):
        field = standardised(0.5 * field + 0.5 * (ties @ field) / degree)

    def over(one, other):
        return (one * (ties @ other)).sum() / ties.nnz / 3

    weights = np.linspace(0, 1, 200_001)
    others = np.sqrt(1 - weights**2)
    held = weights**2 * over(field, field) + others**2 * over(own, own)
    held += weights * others * (over(own, field) + over(field, own))
    weight = weights[np.argmax(held >= HOMOPHILY)]
    return standardised(weight * field + np.sqrt(1 - weight**2) * own)


@pytest.mark.parametrize("directed", [False, True])
def test_tastes_are_those_of_the_formula(directed):
    graph = SocialGraph.generate("campus", SIZE, seed=2, mean_degree=10)
    if directed:
        source = np.repeat(np.arange(SIZE), np.diff(graph.arrays.indptr))
        one_way = (source + graph.arrays.target) % 3 > 0  # some ties both ways, some not
        ends = source[one_way], graph.arrays.target[one_way]
        graph = SocialGraph.from_edges(*ends, directed=True, size=SIZE)
    found = homophilous_tastes(graph, HOMOPHILY, SEED)
    assert found == pytest.approx(by_formula(graph), abs=1e-4)
