"""Referral trees: how far they spread, and the largest one with its ties, small enough to draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.measures import Run
from sim.network import SocialGraph

MOST_MEMBERS = 3_000
MOST_TIES = 3_000


def tree_roots(sponsor: np.ndarray) -> np.ndarray:
    """The root of everybody's referral tree, int64 (N,).

    sponsor : int32 (N,), who brought each person, -1 for nobody; a forest.
    """
    root = np.where(sponsor >= 0, sponsor, np.arange(sponsor.size)).astype(np.int64)
    while True:
        above = root[root]
        if np.array_equal(above, root):
            return root
        root = above


def structural_virality(sponsor: np.ndarray) -> np.ndarray:
    """Mean distance between two members of everybody's referral tree, float64 (N,); nan if alone.

    sponsor : int32 (N,), who brought each person, -1 for nobody; a forest.

    2 - 2/n for a star of n people, (n + 1)/3 for a chain. A person with s members at and below
    her lies with her sponsor between s (n - s) pairs. Goel, Anderson, Hofman and Watts (2016).
    """
    below = np.ones(sponsor.size, np.int64)
    depth = _depths(sponsor)
    for level in range(int(depth.max(initial=0)), 0, -1):
        members = np.flatnonzero(depth == level)
        np.add.at(below, sponsor[members], below[members])
    root = tree_roots(sponsor)
    size = np.bincount(root, minlength=sponsor.size)[root]
    crossed = np.where(sponsor >= 0, below * (size - below), 0)
    distances = np.bincount(root, weights=crossed, minlength=sponsor.size)[root]
    pairs = size * (size - 1) / 2
    return np.where(size > 1, distances / np.maximum(pairs, 1), np.nan)


def _depths(sponsor: np.ndarray) -> np.ndarray:
    """Distance of everybody from the root of her tree, int64 (N,)."""
    depth = np.zeros(sponsor.size, np.int64)
    above = sponsor
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, sponsor[above], -1)
    return depth


def largest_tree(run: Run, dt: float) -> dict[str, Any] | None:
    """The largest referral tree of a run, as plain lists; None where nobody was referred.

    consumer : members in the order in which they joined, the root first; the first
    :data:`MOST_MEMBERS` of ``size``. parent : position of each one's sponsor in the list, -1 for
    the root. depth : distance from the root. joined_day : negative before the run.
    neighbour : people outside the tree with a tie to a member. ties : pairs of positions in
    consumer + neighbour, at most :data:`MOST_TIES`, those inside the tree first.
    """
    sponsor = run.state.sponsor
    roots = tree_roots(sponsor)
    root = int(np.bincount(roots).argmax())
    members = np.flatnonzero(roots == root)
    size = members.size
    if size == 1:
        return None
    joined = run.state.joined[members].astype(np.int64)
    # A sponsor joined before the people she brought, or in a team on the same day and then stands
    # less deep; so the first to join are a tree too.
    depth = run.state.depth[members]
    order = np.lexsort((members, depth, joined, members != root))[:MOST_MEMBERS]
    members, joined = members[order], joined[order]
    position = np.full(sponsor.size, -1, np.int64)
    position[members] = np.arange(members.size)
    parent = np.where(members == root, -1, position[sponsor[members]])
    depth = np.zeros(members.size, np.int64)
    for place in range(1, members.size):
        depth[place] = depth[parent[place]] + 1
    neighbours, ties = _ties_around(run.graph, members, position)
    return {
        "size": int(size),
        "consumer": members.tolist(),
        "parent": parent.tolist(),
        "depth": depth.tolist(),
        "joined_day": [float(tick * dt) for tick in joined],
        "neighbour": neighbours,
        "ties": ties,
    }


def _ties_around(
    graph: SocialGraph, members: np.ndarray, position: np.ndarray
) -> tuple[list[int], list[list[int]]]:
    """Neighbours of ``members``, and pairs of positions, each once; ``position`` is extended."""
    indptr, target = graph.rows.indptr, graph.rows.target
    inside: list[list[int]] = []
    outside: list[tuple[int, int]] = []
    for place, person in enumerate(members.tolist()):
        friends = target[indptr[person] : indptr[person + 1]]
        places = position[friends]
        inside += [[place, int(other)] for other in places[places > place]]
        outside += [(place, int(friend)) for friend in friends[places < 0][:MOST_TIES]]
        if len(inside) + len(outside) > 20 * MOST_TIES:
            break
    kept = outside[: max(0, MOST_TIES - len(inside))]
    neighbours = sorted({friend for _, friend in kept})
    position[neighbours] = np.arange(members.size, members.size + len(neighbours))
    ties = inside[:MOST_TIES] + [[place, int(position[friend])] for place, friend in kept]
    return neighbours, ties
