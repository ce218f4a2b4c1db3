"""Statistics of a network over its sparse rows, exact where that is fast and sampled elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim._jit import kernel
from sim.randomness import Decision, uniforms

EXACT_CLUSTERING = 100_000
CLUSTERING_SAMPLE = 20_000
PATH_SOURCES = 200

_NETWORK = int(Decision.NETWORK)


@kernel
def _triangles(indptr, target, people):
    """Ties among the friends of each of ``people``, int64."""
    linked = np.zeros(people.size, np.int64)
    marked_by = np.full(indptr.size - 1, -1, np.int32)
    for n in range(people.size):
        i = people[n]
        row = target[indptr[i] : indptr[i + 1]]
        for j in row:
            marked_by[j] = i
        for j in row:
            for k in target[indptr[j] : indptr[j + 1]]:
                linked[n] += k > j and marked_by[k] == i
    return linked


@kernel
def _component_sizes(indptr, target):
    """Sizes of the components, int64."""
    size = indptr.size - 1
    seen = np.zeros(size, np.bool_)
    queue = np.empty(size, np.int32)
    sizes = np.empty(size, np.int64)
    components = 0
    for root in range(size):
        if seen[root]:
            continue
        seen[root] = True
        queue[0] = root
        head, tail = 0, 1
        while head < tail:
            i = queue[head]
            head += 1
            for j in target[indptr[i] : indptr[i + 1]]:
                if not seen[j]:
                    seen[j] = True
                    queue[tail] = j
                    tail += 1
        sizes[components] = tail
        components += 1
    return sizes[:components]


@kernel
def _distances(indptr, target, roots):
    """Sum of the distances from ``roots`` to everybody they reach, and how many those are."""
    size = indptr.size - 1
    distance = np.empty(size, np.int32)
    queue = np.empty(size, np.int32)
    total = 0
    reached = 0
    for root in roots:
        distance[:] = -1
        distance[root] = 0
        queue[0] = root
        head, tail = 0, 1
        while head < tail:
            i = queue[head]
            head += 1
            total += distance[i]
            for j in target[indptr[i] : indptr[i + 1]]:
                if distance[j] < 0:
                    distance[j] = distance[i] + 1
                    queue[tail] = j
                    tail += 1
        reached += tail - 1
    return total, reached


@kernel
def _sample(count, size, column):
    """``count`` people in ``size`` equal stretches, one drawn by address from each, int64."""
    people = np.empty(count, np.int64)
    for k in range(count):
        u, _, _, _ = uniforms(0, _NETWORK, 0, k, column, 1)
        people[k] = int((k + u) * size / count)
    return people


def gini(values: np.ndarray) -> float:
    """Gini coefficient of non-negative numbers: 0 all alike, towards 1 all in one hand."""
    ordered = np.sort(values).astype(np.float64)
    total = ordered.sum()
    if total == 0:
        return 0.0
    rank = 2 * np.arange(1, ordered.size + 1) - ordered.size - 1
    return float((rank * ordered).sum() / (ordered.size * total))


def local_clustering(
    indptr: np.ndarray, target: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ties and pairs among the friends of ``people``, int64: clustering is their quotient."""
    degree = np.diff(indptr)[people]
    return _triangles(indptr, target, people), degree * (degree - 1) // 2


def _assortativity(indptr: np.ndarray, target: np.ndarray) -> float:
    """Correlation of the degrees at the two ends of a tie (Newman, 2002); 0 if all are alike."""
    degree = np.diff(indptr).astype(np.float64)
    ties = degree.sum()
    if ties == 0:
        return 0.0
    mean = (degree**2).sum() / ties
    variance = (degree * (degree - mean) ** 2).sum() / ties
    if variance < 1e-12 * max(mean, 1.0) ** 2:
        return 0.0
    apart = np.repeat(degree - mean, np.diff(indptr))
    return float((apart * (degree[target] - mean)).sum() / ties / variance)


def describe_graph(arrays: Any, indptr: np.ndarray, target: np.ndarray) -> dict[str, float | int]:
    """Statistics of a graph, plain numbers, in this order.

    mean_degree, median_degree, maximum_degree, degree_gini : people tied either way.
    mean_clustering : mean of (ties among friends) / (pairs of friends), 0 below two friends (Watts
        and Strogatz, 1998); transitivity : the same with both summed first. Exact to 100,000
        people, else over 20,000 drawn by address; clustering_sample is the number looked at.
    reciprocity : share of the ties returned.
    components, giant_share : connected components either way, and the share of the largest.
    mean_path : mean distance between people who reach each other, from path_sample people (all up
        to 200, else 200 drawn by address).
    assortativity : Newman (2002).
    groups, mean_group_size, maximum_group_size, grouped_share : share of people in a group.
    mean_strength : over ties.

    Parameters
    ----------
    arrays : the GraphArrays. indptr, target : rows of who is tied to whom either way.
    """
    size = indptr.size - 1
    degree = np.diff(indptr)
    looked_at = size if size <= EXACT_CLUSTERING else CLUSTERING_SAMPLE
    linked, pairs = local_clustering(indptr, target, _sample(looked_at, size, 0))
    clustering = linked / np.maximum(pairs, 1)
    components = _component_sizes(indptr, target)
    sources = min(size, PATH_SOURCES)
    total, reached = _distances(indptr, target, _sample(sources, size, 1))
    ties = arrays.target.size
    group_sizes = np.diff(arrays.group_indptr)
    return {
        "mean_degree": float(degree.mean()),
        "median_degree": float(np.median(degree)),
        "maximum_degree": int(degree.max()),
        "degree_gini": gini(degree),
        "mean_clustering": float(clustering.mean()),
        "clustering_sample": looked_at,
        "transitivity": float(linked.sum() / max(pairs.sum(), 1)),
        "reciprocity": float((2 * ties - target.size) / ties) if ties else 0.0,
        "components": int(components.size),
        "giant_share": float(components.max() / size),
        "mean_path": float(total / reached) if reached else 0.0,
        "path_sample": sources,
        "assortativity": _assortativity(indptr, target),
        "groups": int(group_sizes.size),
        "mean_group_size": float(group_sizes.mean()) if group_sizes.size else 0.0,
        "maximum_group_size": int(group_sizes.max(initial=0)),
        "grouped_share": float((np.diff(arrays.person_group_indptr) > 0).mean()),
        "mean_strength": float(arrays.strength.mean(dtype=np.float64)) if ties else 0.0,
    }
