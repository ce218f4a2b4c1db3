"""Generated friendship networks: one function per kind, each a pure function of (size, seed).

Every kind has the form ``kind(size, seed, *, parameters) -> Edges``; the keyword arguments are its
parameters. ``GENERATORS`` at the end of the file lists them. A new kind is one function and one
line there.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from sim._jit import kernel, prefetch, rule
from sim.campus import campus
from sim.degree_sequences import configuration, lfr
from sim.edges import Edges, check_mean_degree, check_share, check_size
from sim.errors import InputError, nearest
from sim.growing import barabasi_albert, holme_kim
from sim.randomness import (
    Decision,
    fill_words,
    key_words,
    philox4x32,
    uniform_table,
    uniforms,
    unit,
)

MAXIMUM_COMPLETE = 20_000
STRONG_TIE = 0.8
WEAK_TIE = 0.2

_NETWORK = int(Decision.NETWORK)
_GROUPS = int(Decision.GROUPS)
_ATTEMPTS = 1_000
_TOGETHER = 256  # people whose luck is drawn at once
_ROUNDS = 8  # draws of four words of one person at once, at most


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
    words = np.empty((4 * _ROUNDS, _TOGETHER), np.uint32)
    people = np.arange(begin.size).astype(np.uint32)
    for first in range(0, begin.size, _TOGETHER):
        who = people[first : first + _TOGETHER]
        expected = (end[first] - begin[first]) * probability
        drawn = min(_ROUNDS, 1 + int(expected + np.sqrt(expected)) // 4)
        for draw in range(drawn):
            fill_words(seed, _NETWORK, draw, layer, who, who.size, words[4 * draw : 4 * draw + 4])
        for k in range(who.size):
            i = first + k
            j = begin[i] - 1
            leap = 0
            while True:
                if leap < 4 * drawn:
                    u = unit(words[leap, k])
                else:
                    u = uniforms(seed, _NETWORK, leap >> 2, i, 0, layer)[leap & 3]
                leap += 1
                j += 1 + int(np.log(u) / scale)
                if j >= end[i]:
                    break
                if count < room:
                    source[count] = i
                    target[count] = j
                count += 1
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
def _rewired_ring(rewiring, seed, ends):
    """Write the person at the far end of i's tie number d to ends[i, d], int32 (size, half)."""
    size, half = ends.shape
    for i in range(size):
        for d in range(half):
            far = i + d + 1
            ends[i, d] = far if far < size else far - size
    if rewiring <= 0.0:
        return
    low, high = key_words(seed)
    zero, place = np.uint64(0), np.uint64(_NETWORK)
    flat = ends.reshape(ends.size)
    words = np.empty((2, _TOGETHER), np.uint32)
    moving = np.empty(_TOGETHER, np.uint32)
    for d in range(half):
        for first in range(0, size, _TOGETHER):
            together = min(_TOGETHER, size - first)
            for k in range(together):
                person = np.uint64(first + k)
                w0, w1, _, _ = philox4x32(person, np.uint64(d), zero, place, low, high)
                words[0, k] = w0
                words[1, k] = w1
            count = np.uint64(0)
            for k in range(together):
                moving[count] = k
                count += np.uint64(unit(words[0, k]) < rewiring)
            for k in moving[:count]:
                prefetch(flat, int(unit(words[1, k]) * size) * half)
            for k in moving[:count]:
                _rewire(ends, first + np.int64(k), d, unit(words[1, k]), seed)


@rule
def _rewire(ends, i, d, u, seed):
    """Give tie d of person i a far end at random that makes neither a loop nor a second tie."""
    size, half = ends.shape
    for attempt in range(_ATTEMPTS):
        if attempt > 0:
            u, _, _, _ = uniforms(seed, _NETWORK, attempt, i, d, 0)
        other = int(u * size)
        free = other != i
        for k in range(half):
            free = free and ends[i, k] != other and ends[other, k] != i
        if free:
            ends[i, d] = other
            return


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
    ends = np.empty((size, half), np.int32)
    _rewired_ring(rewiring, np.uint64(seed), ends)
    source = np.repeat(np.arange(size, dtype=np.int32), half)
    return Edges(source, ends.ravel(), None, None, None, size)


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


_BYTES_PER_PERSON, _BYTES_PER_TIE = 16, 12


def bytes_of_graph(
    generator: Callable[..., Edges], size: object, parameters: Mapping[str, object]
) -> float:
    """Memory that making a graph takes at least, in bytes; 0 for what the generator will refuse."""
    usual = inspect.signature(generator).parameters.get("mean_degree")
    degree = parameters.get("mean_degree", usual.default if usual is not None else 0.0)
    if not isinstance(size, int | float | np.number) or not isinstance(degree, int | float):
        return 0.0
    return float(size) * (_BYTES_PER_PERSON + max(degree, 0.0) * _BYTES_PER_TIE)
