"""The same world with its people numbered in another order.

Nothing may hang on who has which number: the order of rows in a network file, ties between equals
decided by number, or a budget that always ends with the same people.
"""

from __future__ import annotations

import numpy as np

from sim.network import GraphArrays, SocialGraph
from sim.population import State
from sim.randomness import Decision, uniform_table
from sim.world import World

_BY_TIE = ("good_ties", "bad_ties", "muted", "times")
_BY_PRODUCT = ("satisfied", "rated")


def drawn_order(size: int, seed: int) -> np.ndarray:
    """The people in a random order, int64 (size,), a function of ``seed``."""
    draws = uniform_table(np.uint64(seed), int(Decision.RENUMBERING), 0, size)[0]
    return np.argsort(draws, kind="stable")


def renumbered_graph(graph: SocialGraph, order: np.ndarray) -> tuple[SocialGraph, np.ndarray]:
    """The graph whose person k is person ``order[k]`` of ``graph``, and the old place of each tie.

    order : int64 (N,), everybody once. The places are int64 (T,).
    """
    arrays = graph.arrays
    number = np.empty(graph.size, np.int64)
    number[order] = np.arange(graph.size)
    source = number[np.repeat(np.arange(graph.size), np.diff(arrays.indptr))]
    target = number[arrays.target]
    places = np.lexsort((target, source))
    group_of = np.repeat(np.arange(graph.group_count), np.diff(arrays.group_indptr))
    member = number[arrays.group_member]
    by_group, by_member = np.lexsort((member, group_of)), np.lexsort((group_of, member))
    renumbered = GraphArrays(
        indptr=_ends(np.diff(arrays.indptr)[order]),
        target=target[places].astype(np.int32),
        strength=arrays.strength[places],
        in_degree=arrays.in_degree[order],
        group_indptr=arrays.group_indptr,
        group_member=member[by_group].astype(np.int32),
        person_group_indptr=_ends(np.diff(arrays.person_group_indptr)[order]),
        person_group=group_of[by_member].astype(np.int32),
    )
    labels = None if graph.labels is None else graph.labels[order]
    return SocialGraph(renumbered, graph.directed, graph.name, labels), places


def _ends(lengths: np.ndarray) -> np.ndarray:
    """Sparse row ends, int64 (n+1,), of rows of these lengths."""
    ends = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    return ends


def renumber(world: World, order: np.ndarray) -> World:
    """Number the people of a world just made anew; its arrays are taken over and changed.

    order : int64 (N,), the old numbers in their new order. People keep their ties, traits and
    state. Segments and opportunists, which a run draws by number, do not follow.
    """
    state = world.initial
    assert state is not None, "a world to start from has a state"
    graph, places = renumbered_graph(world.graph, order)
    for column in world.people:
        column[...] = column[..., order]
    for name, column in zip(State._fields, state, strict=True):
        if name in _BY_TIE:
            column[...] = column[..., places]
        elif name not in _BY_PRODUCT and column.shape[-1] == order.size:
            column[...] = column[..., order]
    return World(graph, world.people, state, world.seed)
