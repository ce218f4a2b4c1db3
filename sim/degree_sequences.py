"""Networks with given degrees: the configuration model, and communities of the LFR kind on top."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sim._jit import inlined_rule, kernel, prefetch, rule
from sim.edges import Edges, check_mean_degree, check_share, check_size
from sim.errors import InputError
from sim.randomness import Decision, key_words, philox4x32, uniform_table, uniforms, unit

COMMUNITY_EXPONENT = 1.5

_NETWORK = int(Decision.NETWORK)
_GROUPS = int(Decision.GROUPS)
_EMPTY, _DELETED = -1, -2
_ATTEMPTS = 1_000
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_TOGETHER = 128  # exchanges drawn at once
_AHEAD = 32  # pairs between asking for memory and using it
_DEGREE, _ROUNDING, _SIZES = range(3)
_MIXING = 3


# -------------------------------------------------------------- pairing stubs into a simple graph


@inlined_rule
def _home(table, key):
    """The first slot in which ``key`` may stand."""
    return ((np.uint64(key) * _SPREAD) >> np.uint64(20)) & np.uint64(table.size - 1)


@inlined_rule
def _slot(table, key):
    """Where ``key`` stands in a set kept by open addressing, or the free slot where it may go."""
    mask = np.uint64(table.size - 1)
    place = _home(table, key)
    free = np.int64(-1)
    while table[place] != _EMPTY:
        if table[place] == key:
            return np.int64(place)
        if free < 0 and table[place] == _DELETED:
            free = np.int64(place)
        place = (place + np.uint64(1)) & mask
    return free if free >= 0 else np.int64(place)


@rule
def _pair_key(a, b, size):
    return np.int64(min(a, b)) * size + max(a, b)


@rule
def _allowed(a, b, block, apart, size, table):
    """Whether a and b may be tied: two people, of different blocks if ``apart``, not yet tied."""
    if a == b or (apart and block[a] == block[b]):
        return False
    key = _pair_key(a, b, size)
    return table[_slot(table, key)] != key


@kernel
def _shuffle(stubs, begin, end, seed, layer):
    """Shuffle a stretch in place (Fisher and Yates), drawing many exchanges at once."""
    low, high = key_words(seed)
    zero, place = np.uint64(0), np.uint64(_NETWORK) | (np.uint64(layer) << np.uint64(8))
    others = np.empty(_TOGETHER, np.int64)
    top = end - begin - 1
    while top > 0:
        count = min(_TOGETHER, top)
        for n in range(count):
            w, _, _, _ = philox4x32(np.uint64(begin + top - n), zero, zero, place, low, high)
            others[n] = begin + int(unit(w) * (top - n + 1))
        for n in range(count):
            prefetch(stubs, others[n])
        for n in range(count):
            k, other = begin + top - n, others[n]
            stubs[k], stubs[other] = stubs[other], stubs[k]
        top -= count


@kernel
def _place(stubs, block, apart, table, placed):
    """Place the pairs that may stand beside those before them: in ``table``, and in ``placed``."""
    last = placed.size - 1
    for e in range(placed.size):
        soon = min(e + _AHEAD, last)
        key = _pair_key(stubs[2 * soon], stubs[2 * soon + 1], block.size)
        prefetch(table, _home(table, key))
        a, b = stubs[2 * e], stubs[2 * e + 1]
        if a != b and not (apart and block[a] == block[b]):
            key = _pair_key(a, b, block.size)
            slot = _slot(table, key)
            placed[e] = table[slot] != key
            table[slot] = key


@kernel
def _pair_stubs(stubs, segment_start, block, apart, seed, layer, table):
    """Pair neighbouring stubs of each shuffled segment; swap ends until the graph is simple.

    stubs : int32, the person of each stub; an even number in every segment. block : int32 (N,).
    table : int64, a power of two long and filled with -1. Returns whether each pair was placed.
    A pair that may not stand exchanges an end with a random pair of its segment (double edge
    swap: Milo et al., 2003).
    """
    size = block.size
    placed = np.zeros(stubs.size // 2, np.bool_)
    for segment in range(segment_start.size - 1):
        begin, end = segment_start[segment], segment_start[segment + 1]
        _shuffle(stubs, begin, end, seed, layer)
        first, last = begin // 2, end // 2
        _place(stubs[begin:end], block, apart, table, placed[first:last])
        for e in range(first, last):
            attempt = 0
            while not placed[e] and attempt < _ATTEMPTS:
                attempt += 1
                u, side, _, _ = uniforms(seed, _NETWORK, attempt, e, 1, layer)
                f = first + int(u * (last - first))
                if not placed[f]:
                    continue
                a, b, c, d = stubs[2 * e], stubs[2 * e + 1], stubs[2 * f], stubs[2 * f + 1]
                if side < 0.5:
                    c, d = d, c
                if (
                    _pair_key(a, c, size) != _pair_key(b, d, size)
                    and _allowed(a, c, block, apart, size, table)
                    and _allowed(b, d, block, apart, size, table)
                ):
                    table[_slot(table, _pair_key(c, d, size))] = _DELETED
                    for g, p, q in ((e, a, c), (f, b, d)):
                        stubs[2 * g], stubs[2 * g + 1] = p, q
                        key = _pair_key(p, q, size)
                        table[_slot(table, key)] = key
                    placed[e] = True
    return placed


@kernel
def _swap_ends(stubs, size, seed, table):
    """Mix a simple graph by ten attempted double edge swaps for each tie, in place."""
    pairs = stubs.size // 2
    nobody = np.zeros(size, np.int32)
    for e in range(pairs):
        key = _pair_key(stubs[2 * e], stubs[2 * e + 1], size)
        table[_slot(table, key)] = key
    for attempt in range(10 * pairs):
        u0, u1, side, _ = uniforms(seed, _NETWORK, 0, attempt, 0, _MIXING)
        e, f = int(u0 * pairs), int(u1 * pairs)
        a, b, c, d = stubs[2 * e], stubs[2 * e + 1], stubs[2 * f], stubs[2 * f + 1]
        if side < 0.5:
            c, d = d, c
        if (
            e != f
            and _pair_key(a, c, size) != _pair_key(b, d, size)
            and _allowed(a, c, nobody, False, size, table)
            and _allowed(b, d, nobody, False, size, table)
        ):
            table[_slot(table, _pair_key(a, b, size))] = _DELETED
            table[_slot(table, _pair_key(c, d, size))] = _DELETED
            for g, p, q in ((e, a, c), (f, b, d)):
                stubs[2 * g], stubs[2 * g + 1] = p, q
                key = _pair_key(p, q, size)
                table[_slot(table, key)] = key


def _packed_stubs(degrees: np.ndarray, seed: int) -> np.ndarray:
    """Stubs, int32, of a simple graph so dense that random pairing does not find one.

    Built by the algorithm of Havel (1955) and Hakimi (1962), then mixed by swaps.
    """
    import networkx

    graph = networkx.havel_hakimi_graph(degrees.tolist())
    stubs = np.array(list(graph.edges), dtype=np.int32).ravel()
    _swap_ends(stubs, degrees.size, np.uint64(seed), _empty_table(stubs.size // 2))
    return stubs


def _empty_table(pairs: int) -> np.ndarray:
    return np.full(1 << max(4, math.ceil(math.log2(2 * pairs + 1))), _EMPTY, np.int64)


# --------------------------------------------------------------------------------- configuration


def _check_power_law(exponent: float, minimum: float, maximum: float, size: int) -> None:
    if not (math.isfinite(exponent) and exponent > 1):
        raise InputError(f"network.exponent = {exponent} must be a number above 1")
    if not 1 <= minimum <= maximum:
        raise InputError(
            f"network.minimum_degree = {minimum:g} must be from 1 to network.maximum_degree = "
            f"{maximum:g}; change one of them"
        )
    if maximum > size - 1:
        raise InputError(
            f"network.maximum_degree = {maximum:g} needs at least {math.floor(maximum) + 1} "
            f"people, got population.size = {size}; lower maximum_degree or add people"
        )


def _cutoff(size: int, minimum: float, maximum: int | None) -> float:
    """The greatest degree: as given, else ten roots of the size, at most a third of the people."""
    if maximum is not None:
        return maximum
    return min(size - 1, max(math.ceil(minimum) + 1, min(size // 3, int(10 * math.sqrt(size)))))


def _power_law(size: int, seed: int, exponent: float, minimum: int, maximum: int) -> np.ndarray:
    """Degrees, int64 (N,), with P(k) proportional to k^-exponent on minimum..maximum."""
    degrees = np.arange(minimum, maximum + 1)
    share = np.cumsum(degrees.astype(float) ** -exponent)
    chance = uniform_table(np.uint64(seed), _NETWORK, _DEGREE, size)[0]
    return degrees[np.searchsorted(share / share[-1], chance)]


def _is_graphical(degrees: np.ndarray) -> bool:
    """Whether a simple graph with these degrees exists (Erdos and Gallai, 1960)."""
    ordered = np.sort(degrees)[::-1]
    if ordered.sum() % 2:
        return False
    k = np.arange(1, ordered.size + 1)
    total = np.cumsum(ordered)
    wide = np.maximum(np.searchsorted(-ordered, -k, side="right"), k)
    rest = total[-1] - np.concatenate(([0], total))[wide]
    return bool(np.all(total <= k * (k - 1) + (wide - k) * k + rest))


def configuration(
    size: int,
    seed: int = 0,
    *,
    exponent: float = 2.5,
    minimum_degree: int = 3,
    maximum_degree: int | None = None,
    degree_sequence: ArrayLike | None = None,
) -> Edges:
    """A random simple graph with power-law degrees, or with exactly a given ``degree_sequence``.

    Molloy and Reed (1995). P(k) is proportional to k^-exponent from minimum_degree to
    maximum_degree (default 10 sqrt(size), at most size / 3); one person gets a further tie where
    the sum is odd.

    Raises
    ------
    InputError
        where a parameter is out of range or no simple graph has the degrees.
    """
    check_size(size, 1, "configuration")
    if degree_sequence is None:
        greatest = int(_cutoff(size, minimum_degree, maximum_degree))
        _check_power_law(exponent, minimum_degree, greatest, size)
        degrees = _power_law(size, seed, exponent, int(minimum_degree), greatest)
        if degrees.sum() % 2:
            degrees[np.argmin(degrees)] += 1
    else:
        degrees = np.asarray(degree_sequence)
        if degrees.shape != (size,) or degrees.dtype.kind not in "iu" or degrees.min() < 0:
            raise InputError(
                f"network.degree_sequence must be {size} whole numbers of at least 0, one for each "
                f"person (population.size), got shape {degrees.shape} of {degrees.dtype}"
            )
    if not _is_graphical(degrees):
        raise InputError(
            f"no simple friendship network has the degrees of network.kind = 'configuration' "
            f"(sum {degrees.sum()}, greatest {degrees.max()}, population.size = {size}): the sum "
            "must be even and hubs need enough partners; lower maximum_degree or add people"
        )
    stubs = np.repeat(np.arange(size, dtype=np.int32), degrees)
    placed = _pair_stubs(
        stubs,
        np.array([0, stubs.size]),
        np.zeros(size, np.int32),
        False,
        np.uint64(seed),
        0,
        _empty_table(stubs.size // 2),
    )
    if not placed.all():
        stubs = _packed_stubs(degrees, seed)
    return Edges(stubs[0::2].copy(), stubs[1::2].copy(), None, None, None, size)


# --------------------------------------------------------------------------------- communities


def _continuous_mean(low: float, high: float, exponent: float) -> float:
    degree = np.geomspace(low, high, 400)
    density = degree**-exponent
    return float(np.trapezoid(density * degree, degree) / np.trapezoid(density, degree))


def _lowest_degree(mean_degree: float, high: float, exponent: float) -> float:
    """The lower end of a continuous power law that gives it ``mean_degree``, by bisection."""
    low, top = 1e-3, high
    for _ in range(60):
        middle = (low + top) / 2
        if _continuous_mean(middle, high, exponent) < mean_degree:
            low = middle
        else:
            top = middle
    return top


def _community_of(inside: np.ndarray, seed: int) -> np.ndarray:
    """A community for everybody, int32 (N,), larger than the person's degree inside it.

    Sizes follow a power law of exponent 1.5 between the least degree inside (at least 10) and
    1.5 times the greatest. People take random seats, those with most friends inside first, as
    only large communities can seat them.
    """
    size = inside.size
    smallest = min(size, max(10, int(inside.min()) + 2))
    largest = min(size, max(2 * smallest, int(1.5 * inside.max()) + 2))
    power = 1 - COMMUNITY_EXPONENT
    chance = uniform_table(np.uint64(seed), _GROUPS, _SIZES, size // smallest + 1)[0]
    ends = smallest**power, largest**power
    drawn = ((ends[0] + chance * (ends[1] - ends[0])) ** (1 / power)).astype(np.int64)
    drawn[0] = largest
    last = int(np.searchsorted(np.cumsum(drawn), size))
    sizes = np.sort(drawn[: last + 1])[::-1]
    sizes[0] += size - sizes.sum()
    sizes = np.sort(sizes[sizes > 0])[::-1]
    order = np.argsort(-inside, kind="stable")
    return _seat(order, inside, sizes, np.uint64(seed))


@kernel
def _seat(order, inside, sizes, seed):
    community = np.zeros(order.size, np.int32)
    seats = np.empty(order.size, np.int32)
    free = 0
    opened = 0
    for person in order:
        while opened < sizes.size and (free == 0 or sizes[opened] > inside[person]):
            for _ in range(sizes[opened]):
                seats[free] = opened
                free += 1
            opened += 1
        u, _, _, _ = uniforms(seed, _GROUPS, 0, person, 0, 1)
        seat = int(u * free)
        community[person] = seats[seat]
        free -= 1
        seats[seat] = seats[free]
    return community


def _placed_stubs(
    people: np.ndarray,
    count: np.ndarray,
    segments: np.ndarray,
    community: np.ndarray,
    apart: bool,
    seed: int,
) -> np.ndarray:
    """Ties, int32 (E, 2), that could be placed among ``count`` stubs of each of ``people``."""
    stubs = np.repeat(people, count)
    table = _empty_table(stubs.size // 2)
    placed = _pair_stubs(stubs, segments, community, apart, np.uint64(seed), 1 + apart, table)
    return stubs.reshape(-1, 2)[placed]


def lfr(
    size: int,
    seed: int = 0,
    *,
    mean_degree: float | None = None,
    exponent: float = 2.5,
    minimum_degree: int | None = None,
    maximum_degree: int | None = None,
    mixing: float = 0.2,
) -> Edges:
    """Communities of power-law size and people of power-law degree, each community a group.

    After Lancichinetti, Fortunato and Radicchi (2008). A share ``mixing`` of everybody's ties
    leaves the community. Give ``mean_degree`` (10 when neither is given) or ``minimum_degree``.
    Communities too small for all the ties asked for keep a few less; ties that find no place are
    left out.
    """
    check_size(size, 30, "lfr")
    check_share("mixing", mixing)
    if mean_degree is not None and minimum_degree is not None:
        raise InputError(
            f"network.mean_degree = {mean_degree:g} and network.minimum_degree = {minimum_degree} "
            "fix the degrees of network.kind = 'lfr' twice; give one of them"
        )
    wanted = 10.0 if mean_degree is None else float(mean_degree)
    check_mean_degree(wanted, size, 1.0)
    greatest = _cutoff(min(size, 4_000), wanted, maximum_degree)
    if minimum_degree is None and not wanted < greatest:
        raise InputError(
            f"network.mean_degree = {wanted:g} must be below network.maximum_degree = "
            f"{greatest:g}; raise maximum_degree"
        )
    _check_power_law(exponent, minimum_degree or 1, greatest, size)
    lowest = minimum_degree or _lowest_degree(wanted, greatest, exponent)

    key = np.uint64(seed)
    chance = uniform_table(key, _NETWORK, _DEGREE, size)[0]
    power = 1 - exponent
    degree = (lowest**power + chance * (greatest**power - lowest**power)) ** (1 / power)
    rounding = uniform_table(key, _NETWORK, _ROUNDING, size)
    total = np.floor(degree + rounding[0]).astype(np.int64)
    inside = np.floor(total * (1 - mixing) + rounding[1]).astype(np.int64).clip(0, total)
    community = _community_of(inside, seed)

    by_community = np.argsort(community, kind="stable").astype(np.int32)
    sizes = np.bincount(community)
    first = np.concatenate(([0], np.cumsum(sizes)))
    inside = np.minimum(inside, sizes[community] - 1)
    odd = np.add.reduceat(inside[by_community], first[:-1]) % 2 == 1
    for person in (by_community[first[c]] for c in np.flatnonzero(odd)):
        inside[person] += -1 if inside[person] > 0 else 1
    outside = np.maximum(total - inside, 0)
    if sizes.size == 1:
        outside[:] = 0
    elif outside.sum() % 2:
        outside[np.argmax(outside)] -= 1
    stub_ends = np.concatenate(([0], np.cumsum(inside[by_community])))
    within = _placed_stubs(
        by_community, inside[by_community], stub_ends[first], community, False, seed
    )
    everybody = np.arange(size, dtype=np.int32)
    across = _placed_stubs(everybody, outside, np.array([0, outside.sum()]), community, True, seed)
    ties = np.concatenate((within, across))
    return Edges(ties[:, 0].copy(), ties[:, 1].copy(), None, community, everybody, size)
