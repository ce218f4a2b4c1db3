"""Generated friendship networks: one function per kind, each a pure function of (size, seed).

Every kind has the form ``kind(size, seed, *, parameters) -> Edges``; the keyword arguments are its
parameters. ``GENERATORS`` at the end of the file lists them. A new kind is one function and one
line there.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from sim._jit import kernel, prefetch, rule
from sim.campus import campus
from sim.degree_sequences import configuration, lfr
from sim.edges import Edges, check_mean_degree, check_share, check_size
from sim.errors import InputError, nearest
from sim.randomness import Decision, key_words, philox4x32, uniform_table, uniforms, unit

MAXIMUM_COMPLETE = 20_000
STRONG_TIE = 0.8
WEAK_TIE = 0.2

_NETWORK = int(Decision.NETWORK)
_GROUPS = int(Decision.GROUPS)
_ATTEMPTS = 1_000
_TOGETHER = 64  # newcomers whose tries are drawn at once


def _friendless(size: int) -> Edges:
    none = np.empty(0, np.int32)
    return Edges(none, none, None, None, None, size)


# ------------------------------------------------------------------------------------ regular kinds


def complete(size: int, seed: int = 0) -> Edges:
    """Everybody knows everybody; all ties have strength 1 (their overlap). Draws nothing."""
    check_size(size, 1, "complete")
    if size > MAXIMUM_COMPLETE:
        raise InputError(
            f"population.size = {size} makes {size * (size - 1) // 2:,} friendships in "
            f"network.kind = 'complete', which takes at most {MAXIMUM_COMPLETE:,} people; "
            "lower the size or choose another kind"
        )
    source, target = _all_pairs(size)
    return Edges(source, target, np.ones(source.size, np.float32), None, None, size)


@kernel
def _all_pairs(size):
    source = np.empty(size * (size - 1) // 2, np.int32)
    target = np.empty_like(source)
    filled = 0
    for i in range(size):
        for j in range(i + 1, size):
            source[filled] = i
            target[filled] = j
            filled += 1
    return source, target


def ring(size: int, seed: int = 0, *, mean_degree: float = 2) -> Edges:
    """Each person knows the ``mean_degree`` (even) nearest people on a circle. Draws nothing."""
    return watts_strogatz(size, seed, mean_degree=mean_degree, rewiring=0.0)


def lattice(size: int, seed: int = 0) -> Edges:
    """A grid that wraps at its edges, four neighbours each, as square as ``size`` allows.

    ``size`` must be rows x columns with both at least 3. Draws nothing.
    """
    rows = next((r for r in range(math.isqrt(max(size, 0)), 2, -1) if size % r == 0), 0)
    if rows == 0:
        side = max(3, round(math.sqrt(max(size, 9))))
        raise InputError(
            f"population.size = {size} is not rows x columns with both at least 3, as "
            f"network.kind = 'lattice' needs; use for example {side * side} or {side * (side + 1)}"
        )
    columns = size // rows
    person = np.arange(size, dtype=np.int32)
    row, column = np.divmod(person, columns)
    right = row * columns + (column + 1) % columns
    down = (row + 1) % rows * columns + column
    target = np.concatenate((right, down)).astype(np.int32)
    return Edges(np.concatenate((person, person)), target, None, None, None, size)


# ----------------------------------------------------------------------------- independent ties


@kernel
def _independent_ties(begin, end, probability, seed, layer, source, target):
    """Tie every pair (i, j), begin[i] <= j < end[i], with one probability, by geometric leaps.

    Returns the number of ties; writes them as far as there is room (Batagelj and Brandes, 2005).
    """
    count = 0
    room = source.size
    scale = np.log1p(-probability)
    for i in range(begin.size):
        j = begin[i] - 1
        draw = 0
        inside = True
        while inside:
            for u in uniforms(seed, _NETWORK, draw, i, 0, layer):
                j += 1 + int(np.log(u) / scale)
                if j >= end[i]:
                    inside = False
                    break
                if count < room:
                    source[count] = i
                    target[count] = j
                count += 1
            draw += 1
    return count


def _random_ties(
    layers: Sequence[tuple[np.ndarray, np.ndarray, float]], seed: int
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Source and target, int32 (E,), of independent ties, and how many ties each layer has.

    layers : begin and end of the range of everybody's possible partners, int64 (N,), and the
    probability of a tie.
    """
    expected = [float((end - begin).sum()) * probability for begin, end, probability in layers]
    room = sum(math.ceil(ties + 10 * math.sqrt(ties)) for ties in expected)
    while True:
        source, target = np.empty(room, np.int32), np.empty(room, np.int32)
        filled = 0
        counts = []
        for layer, (begin, end, probability) in enumerate(layers):
            count = 0
            if probability > 0:
                free = source[filled:], target[filled:]
                count = _independent_ties(begin, end, probability, np.uint64(seed), layer, *free)
            filled += count
            counts.append(count)
        if filled <= room:
            return source[:filled], target[:filled], counts
        room = filled


def erdos_renyi(size: int, seed: int = 0, *, mean_degree: float = 10) -> Edges:
    """Every pair is tied with probability mean_degree / (size - 1) (Gilbert, 1959)."""
    check_size(size, 1, "erdos_renyi")
    check_mean_degree(mean_degree, size)
    person = np.arange(size, dtype=np.int64)
    probability = mean_degree / max(size - 1, 1)
    ends = np.full(size, size)
    source, target, _ = _random_ties([(person + 1, ends, probability)], seed)
    return Edges(source, target, None, None, None, size)


def _blocked_ties(
    block_start: np.ndarray, mean_degree: float, inside: float, seed: int, cure: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Ties within and across contiguous blocks; the first returned count are within.

    block_start : int64 (B+1,). Returns source, target, group_of (N,) and the count within.
    """
    size = int(block_start[-1])
    sizes = np.diff(block_start)
    block = np.repeat(np.arange(sizes.size, dtype=np.int32), sizes)
    person = np.arange(size, dtype=np.int64)
    end = block_start[block + 1]
    pairs_within = float((sizes * (sizes - 1) // 2).sum())
    pairs_across = size * (size - 1) / 2 - pairs_within
    probabilities = []
    for wanted, pairs, where in (
        (mean_degree * size / 2 * inside, pairs_within, "inside"),
        (mean_degree * size / 2 * (1 - inside), pairs_across, "across"),
    ):
        if wanted > pairs:
            raise InputError(
                f"network.mean_degree = {mean_degree:g} with network.inside = {inside:g} asks for "
                f"{wanted:,.0f} friendships {where} the groups where {pairs:,.0f} pairs exist; "
                f"{cure}"
            )
        probabilities.append(wanted / pairs if pairs else 0.0)
    everybody = np.full(size, size)
    layers = [(person + 1, end, probabilities[0]), (end, everybody, probabilities[1])]
    source, target, counts = _random_ties(layers, seed)
    return source, target, block, counts[0]


def stochastic_block(
    size: int, seed: int = 0, *, mean_degree: float = 10, blocks: int = 10, inside: float = 0.8
) -> Edges:
    """Equal blocks of people, a share ``inside`` of the ties within blocks; each block is a group.

    Holland, Laskey and Leinhardt (1983). Block sizes differ by at most one person.
    """
    check_size(size, 1, "stochastic_block")
    check_mean_degree(mean_degree, size)
    check_share("inside", inside)
    if not 1 <= blocks <= size:
        raise InputError(
            f"network.blocks = {blocks} must be from 1 to population.size = {size}; change blocks"
        )
    block_start = np.arange(blocks + 1, dtype=np.int64) * size // blocks
    source, target, block, _ = _blocked_ties(
        block_start, mean_degree, inside, seed, "lower mean_degree or change blocks or inside"
    )
    return Edges(source, target, None, block, np.arange(size, dtype=np.int32), size)


def two_layer(
    size: int, seed: int = 0, *, mean_degree: float = 10, inside: float = 0.6, group_size: float = 8
) -> Edges:
    """Small groups with strong ties inside and weak random ties across (Granovetter, 1973).

    Group sizes are uniform on group_size x [0.5, 1.5]; a share ``inside`` of the ties is within
    groups at strength 0.8, the rest across at strength 0.2.
    """
    check_size(size, 2, "two_layer")
    check_mean_degree(mean_degree, size)
    check_share("inside", inside)
    if not 2 <= group_size <= size:
        raise InputError(
            f"network.group_size = {group_size} must be from 2 to population.size = {size}; "
            "change group_size"
        )
    slots = math.ceil(2 * size / group_size) + 2
    spread = uniform_table(np.uint64(seed), _GROUPS, 0, slots)[0]
    sizes = np.maximum(1, np.rint(group_size * (0.5 + spread))).astype(np.int64)
    ends = np.cumsum(sizes)
    block_start = np.concatenate(([0], ends[ends < size], [size])).astype(np.int64)
    source, target, block, within = _blocked_ties(
        block_start, mean_degree, inside, seed, "raise group_size or lower mean_degree or inside"
    )
    strength = np.full(source.size, WEAK_TIE, np.float32)
    strength[:within] = STRONG_TIE
    return Edges(source, target, strength, block, np.arange(size, dtype=np.int32), size)


# ------------------------------------------------------------------------------------- small worlds


@kernel
def _rewired_ring(size, half, rewiring, seed):
    """ends[i, d] : the person at the far end of i's tie number d, int32 (size, half)."""
    ends = np.empty((size, half), np.int32)
    for i in range(size):
        for d in range(half):
            ends[i, d] = (i + d + 1) % size
    if rewiring <= 0.0:
        return ends
    for d in range(half):
        for i in range(size):
            chance, u1, _, _ = uniforms(seed, _NETWORK, 0, i, d, 0)
            if chance >= rewiring:
                continue
            for attempt in range(_ATTEMPTS):
                if attempt > 0:
                    u1, _, _, _ = uniforms(seed, _NETWORK, attempt, i, d, 0)
                other = int(u1 * size)
                free = other != i
                for k in range(half):
                    free = free and ends[i, k] != other and ends[other, k] != i
                if free:
                    ends[i, d] = other
                    break
    return ends


def watts_strogatz(
    size: int, seed: int = 0, *, mean_degree: float = 10, rewiring: float = 0.1
) -> Edges:
    """A ring whose ties are each rewired to a random person with probability ``rewiring``.

    Watts and Strogatz (1998). ``mean_degree`` is an even whole number below ``size``; the number
    of friendships is exactly size x mean_degree / 2.
    """
    check_size(size, 1, "watts_strogatz")
    check_share("rewiring", rewiring)
    check_mean_degree(mean_degree, size)
    if mean_degree % 2:
        raise InputError(
            f"network.mean_degree = {mean_degree:g} must be an even whole number where people "
            "stand on a ring; use the nearest even number"
        )
    half = int(mean_degree) // 2
    if half == 0:
        return _friendless(size)
    ends = _rewired_ring(size, half, rewiring, np.uint64(seed))
    source = np.repeat(np.arange(size, dtype=np.int32), half)
    return Edges(source, ends.ravel(), None, None, None, size)


# --------------------------------------------------------------------------------- growing networks


@rule
def _joining_ties(person, ties_each):
    """Ties that ``person`` brings along: whole numbers whose running mean is ``ties_each``."""
    return math.floor((person + 1) * ties_each) - math.floor(person * ties_each)


@kernel
def _first_tries(first, people, ties_each, seed, start, ends, draws):
    """Where in ``ends`` the newcomers ``first``... find their friends, unless a try is in vain.

    start : entries of ``ends`` before the first newcomer's. Writes to ``draws`` int64, the tries
    of the newcomers one after the other; what they will read is fetched meanwhile.
    """
    low, high = key_words(seed)
    zero, place = np.uint64(0), np.uint64(_NETWORK)
    count = 0
    for person in range(first, first + people):
        brought = _joining_ties(person, ties_each)
        for draw in range(brought):
            w, _, _, _ = philox4x32(np.uint64(person), np.uint64(draw), zero, place, low, high)
            draws[count + draw] = int(unit(w) * start)
        for draw in range(brought):
            prefetch(ends, draws[count + draw])
        count += brought
        start += 2 * brought


@kernel
def _grow(size, ties_each, seed):
    """Preferential attachment; ends[2e], ends[2e + 1] are the two people of tie e."""
    first = math.ceil(ties_each)
    ends = np.empty(2 * (int(ties_each * size) + first + 1), np.int32)
    filled = 0
    for leaf in range(1, first + 1):
        ends[filled] = leaf
        ends[filled + 1] = 0
        filled += 2
    tries = np.empty(_TOGETHER * (first + 1), np.int64)
    for newcomer in range(first + 1, size, _TOGETHER):
        together = min(_TOGETHER, size - newcomer)
        _first_tries(newcomer, together, ties_each, seed, filled, ends, tries)
        begin = 0
        for person in range(newcomer, newcomer + together):
            start = filled
            brought = _joining_ties(person, ties_each)
            draw = 0
            for _ in range(brought):
                found = False
                while not found:
                    if draw < brought:
                        place = tries[begin + draw]
                    else:
                        u, _, _, _ = uniforms(seed, _NETWORK, 0, person, draw, 0)
                        place = int(u * start)
                    draw += 1
                    other = ends[place]
                    found = True
                    for k in range(start + 1, filled, 2):
                        found = found and ends[k] != other
                ends[filled] = person
                ends[filled + 1] = other
                filled += 2
            begin += brought
    return ends[:filled]


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
    ends = _grow(size, ties_each, np.uint64(seed))
    return Edges(ends[0::2].copy(), ends[1::2].copy(), None, None, None, size)


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


GENERATORS: dict[str, Callable[..., Edges]] = {
    "complete": complete,
    "ring": ring,
    "lattice": lattice,
    "erdos_renyi": erdos_renyi,
    "watts_strogatz": watts_strogatz,
    "barabasi_albert": barabasi_albert,
    "holme_kim": holme_kim,
    "stochastic_block": stochastic_block,
    "configuration": configuration,
    "lfr": lfr,
    "two_layer": two_layer,
    "campus": campus,
}


def generator_of(kind: str, parameters: Iterable[str]) -> Callable[..., Edges]:
    """The generator of a kind that takes these parameters.

    Raises
    ------
    InputError
        If there is no such kind, or it has no such parameter.
    """
    if kind not in GENERATORS:
        raise InputError(f"network.kind = '{kind}' is not known{nearest(kind, GENERATORS)}")
    generator = GENERATORS[kind]
    allowed = [
        name
        for name, parameter in inspect.signature(generator).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    for name in parameters:
        if name not in allowed:
            takes = ", ".join(allowed) or "no parameters"
            raise InputError(
                f"network.{name} does not apply to network.kind = '{kind}', which takes {takes}"
            )
    return generator
