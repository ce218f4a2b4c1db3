"""Networks that grow: newcomers choose friends by their degree, or friends of a friend."""

from __future__ import annotations

import math

import numpy as np

from sim._jit import inlined_rule, kernel, prefetch, rule
from sim.edges import Edges, check_mean_degree, check_share, check_size
from sim.randomness import Decision, key_words, philox4x32, uniforms, unit

_NETWORK = int(Decision.NETWORK)
_TOGETHER = 64  # newcomers whose tries are drawn at once


@rule
def _joining_ties(person, ties_each):
    """Ties that ``person`` brings along: whole numbers whose running mean is ``ties_each``."""
    return math.floor((person + 1) * ties_each) - math.floor(person * ties_each)


@kernel
def _first_tries(newcomer, starts, seed, ends, tries):
    """Where in ``ends`` newcomers find their friends, unless a try is in vain.

    starts : int64, ends before the first tie of each of the newcomers ``newcomer``... tries : int64
    (tries of each, newcomers), written; what they will read is fetched meanwhile.
    """
    low, high = key_words(seed)
    zero, place = np.uint64(0), np.uint64(_NETWORK)
    for draw in range(tries.shape[0]):
        own = tries[draw]
        for k in range(starts.size):
            person = np.uint64(newcomer + k)
            w, _, _, _ = philox4x32(person, np.uint64(draw), zero, place, low, high)
            own[k] = _where(int(unit(w) * starts[k]), ends.size)
        for k in range(starts.size):
            prefetch(ends, own[k])


@inlined_rule
def _where(end, size):
    """Where the two people of tie 0, of tie 1 and so on stand, if those who came stand first."""
    return (end & 1) * (size >> 1) + (end >> 1)


@kernel
def _grow(size, ties_each, seed, ends):
    """Preferential attachment; returns the number of ties.

    ends : int32, two halves with room for every tie, written: who came, and whom she chose.
    """
    came, chosen = ends[: ends.size >> 1], ends[ends.size >> 1 :]
    first = math.ceil(ties_each)
    for leaf in range(first):
        came[leaf] = leaf + 1
        chosen[leaf] = 0
    ties = first
    starts = np.empty(_TOGETHER, np.int64)
    tries = np.empty((first, _TOGETHER), np.int64)
    for newcomer in range(first + 1, size, _TOGETHER):
        together = min(_TOGETHER, size - newcomer)
        start = ties
        for k in range(together):
            starts[k] = 2 * start
            start += _joining_ties(newcomer + k, ties_each)
        _first_tries(newcomer, starts[:together], seed, ends, tries)
        for k in range(together):
            start = ties
            brought = _joining_ties(newcomer + k, ties_each)
            draw = 0
            while ties < start + brought:
                if draw < brought:
                    place = tries[draw, k]
                else:
                    u, _, _, _ = uniforms(seed, _NETWORK, 0, newcomer + k, draw, 0)
                    place = _where(int(u * (2 * start)), ends.size)
                draw += 1
                found = True
                for other in chosen[start:ties]:
                    found = found and other != ends[place]
                came[ties] = newcomer + k
                chosen[ties] = ends[place]
                ties += found
    return ties


def _check_growth(size: int, mean_degree: float, kind: str) -> float:
    check_mean_degree(mean_degree, size, 2.0)
    ties_each = mean_degree / 2
    check_size(size, math.ceil(ties_each) + 1, kind)
    return ties_each


def barabasi_albert(size: int, seed: int = 0, *, mean_degree: float = 10) -> Edges:
    """Newcomers bring mean_degree / 2 ties to people chosen in proportion to their degree.

    Barabasi and Albert (1999), grown from a star as in NetworkX. For even ``mean_degree`` = 2 m the
    number of friendships is exactly m (size - m); otherwise newcomers alternate between the two
    nearest whole numbers.
    """
    ties_each = _check_growth(size, mean_degree, "barabasi_albert")
    room = int(ties_each * size) + math.ceil(ties_each) + 1
    ends = np.empty(2 * room, np.int32)
    ties = _grow(size, ties_each, np.uint64(seed), ends)
    return Edges(ends[:ties], ends[room : room + ties], None, None, None, size)


@kernel
def _grow_clustered(size, ties_each, triad_probability, seed):
    """Holme-Kim growth; friend lists live in one pool and move when they outgrow their place."""
    first = math.ceil(ties_each)
    ties = int(ties_each * size) + first + 1
    ends = np.empty(2 * ties, np.int32)
    room = 2 * first
    pool = np.empty(size * room + 8 * ties, np.int32)
    place = np.arange(size) * room
    capacity = np.full(size, room)
    degree = np.zeros(size, np.int64)
    used = size * room
    filled = 0
    for person in range(1, size):
        start = filled
        draw = 0
        brought = 1 if person <= first else _joining_ties(person, ties_each)
        anchor = 0
        for number in range(brought):
            other = -1
            u0, u1, u2, u3 = uniforms(seed, _NETWORK, 0, person, draw, 0)
            draw += 1
            if number > 0 and u0 < triad_probability:
                for u in (u1, u2, u3):
                    candidate = pool[place[anchor] + int(u * degree[anchor])]
                    if other < 0 and _new_friend(candidate, person, ends, start, filled):
                        other = candidate
            if other < 0 and person <= first:
                other = anchor
            if other < 0:
                while other < 0:
                    u, _, _, _ = uniforms(seed, _NETWORK, 0, person, draw, 0)
                    draw += 1
                    candidate = ends[int(u * start)]
                    if _new_friend(candidate, person, ends, start, filled):
                        other = candidate
                anchor = other
            ends[filled] = person
            ends[filled + 1] = other
            filled += 2
            for a, b in ((person, other), (other, person)):
                if degree[a] == capacity[a]:
                    for k in range(degree[a]):
                        pool[used + k] = pool[place[a] + k]
                    place[a] = used
                    capacity[a] *= 2
                    used += capacity[a]
                pool[place[a] + degree[a]] = b
                degree[a] += 1
    return ends[:filled]


@rule
def _new_friend(candidate, person, ends, start, filled):
    if candidate == person:
        return False
    new = True
    for k in range(start + 1, filled, 2):
        new = new and ends[k] != candidate
    return new


def holme_kim(
    size: int, seed: int = 0, *, mean_degree: float = 10, triad_probability: float = 0.5
) -> Edges:
    """Scale-free and clustered: after each tie the next goes to a friend of that friend.

    Holme and Kim (2002). With probability ``triad_probability`` a further tie of a newcomer closes
    a triangle (three tries at a friend not yet known), else it attaches by degree. As many
    friendships as :func:`barabasi_albert`.
    """
    check_share("triad_probability", triad_probability)
    ties_each = _check_growth(size, mean_degree, "holme_kim")
    ends = _grow_clustered(size, ties_each, triad_probability, np.uint64(seed))
    return Edges(ends[0::2].copy(), ends[1::2].copy(), None, None, None, size)
