"""Contagion on a graph as compiled kernels: cost in proportion to what happens.

The processes of :mod:`sim.presets`, each the textbook definition and nothing else. Luck belongs
to ties and people, not to moments: a tie has one draw, a person one threshold, so raising a
probability can only add adopters or make them earlier, in every single run.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim._jit import inlined_rule, inner, kernel, phase, prefetch
from sim.randomness import Decision, key_words, philox4x32, uniforms, unit, words

TIE = int(Decision.CONTAGION_TIE)
PERSON = int(Decision.CONTAGION_PERSON)
REPLICATION = int(Decision.REPLICATION)

NEVER = -1
LONGEST = 2**31 - 1
"""Ticks after which a process is stopped in any case."""


@kernel
def tie_uniforms(seed, indptr):
    """The one draw of every tie, float64 (T,): what :func:`cascade` compares with its chance.

    Four ties that follow each other in the row of their sharer have the words of one address: her
    number and theirs among her fours. So one call of the generator serves four ties.
    """
    draws = np.empty(indptr[-1])
    for i in range(indptr.size - 1):
        for k in range(indptr[i + 1] - indptr[i]):
            draws[indptr[i] + k] = uniforms(seed, TIE, 0, i, k >> 2, 0)[k & 3]
    return draws


@kernel
def person_uniforms(seed, people):
    """The one draw of every person, float64 (N,)."""
    draws = np.empty(people)
    for i in range(people):
        draws[i] = uniforms(seed, PERSON, 0, i >> 2, 0, 0)[i & 3]
    return draws


@kernel
def start(people, seeds):
    """Steps int32 (N,), 0 for seeds and -1 for the others, the queue, and how many are in it."""
    step = np.full(people, NEVER, np.int32)
    queue = np.empty(people, np.uint32)
    filled = 0
    for k in range(seeds.size):
        if step[seeds[k]] == NEVER:
            step[seeds[k]] = 0
            queue[filled] = seeds[k]
            filled += 1
    return step, queue, filled


BATCH = np.uint64(512)
"""Blocks of four ties whose draws a cascade makes together; they stay in the nearest cache."""

ROOM = 512 + 64
"""Entries of a batch's arrays; what is written in whole rows and vectors goes beyond its end."""

WIDE = np.uint64(6)
"""Blocks that are written at once; most people have no more."""

LANES = np.uint64(16)
"""Blocks that are drawn together. LLVM makes whole vectors of a loop of this known length."""

AHEAD = np.uint64(16)
"""Entries of the queue between asking for memory and using it."""

# All indices are unsigned: of a signed one, each access would ask whether to count from the end.
NONE, ONE, TWO, THREE, FOUR = (np.uint64(k) for k in range(5))

# A block is two words of 64 bits. One has its sharer below and its place among hers above.
HALF, LOW_HALF = np.uint64(32), np.uint64(2**32 - 1)
# The other has the number of its first tie below and a mark for each of its ties in the top bits.
TOP, BELOW_TOP, ALL_FOUR = np.uint64(60), np.uint64(2**60 - 1), np.uint64(15)


class Room(NamedTuple):
    """What a cascade works with."""

    seen: np.ndarray  # (N,) uint8 1 for who has been reached
    queue: np.ndarray  # (N + 1,) uint32 who has been reached, in this order
    whose: np.ndarray  # (ROOM,) uint64 of each block of a batch: its sharer, its place among hers
    marked: np.ndarray  # (ROOM,) uint64 its first tie, and which of its ties are there or carry
    drawn: np.ndarray  # (4, ROOM) uint32 its words, where ties have chances of their own
    kept: np.ndarray  # (4 ROOM,) uint64 ties that carry, then whom they reach


def room_for(people: int) -> Room:
    """Room for cascades among so many people, none of them reached."""
    return Room(
        np.zeros(people, np.uint8),
        np.empty(people + 1, np.uint32),
        np.zeros(ROOM, np.uint64),
        np.zeros(ROOM, np.uint64),
        np.zeros((4, ROOM), np.uint32),
        np.zeros(4 * ROOM, np.uint64),
    )


@inner
def take_blocks(indptr, head, at, end, room):
    """Fill a batch with the blocks of ``queue[head:end]``, from block ``at`` of the first on.

    Ties that are there have a mark. Returns how many blocks, and where the next batch begins.
    """
    queue, whose, marked = room.queue, room.whose, room.marked
    count = NONE
    while head < end and count < BATCH:
        if head + AHEAD < end:
            prefetch(indptr, queue[head + AHEAD])
        i = np.uint64(queue[head])
        first = np.uint64(indptr[i])
        ties = np.uint64(indptr[i + ONE]) - first
        blocks = (ties + THREE) >> TWO
        taken = min(blocks - at, BATCH - count)
        address = i | (at << HALF)
        place = (first + (at << TWO)) | (ALL_FOUR << TOP)
        # A known number needs no loop. What is too much is overwritten by the next row.
        if taken <= WIDE:
            for k in range(WIDE):
                whose[count + k] = address + (k << HALF)
                marked[count + k] = place + (k << TWO)
        else:
            for k in range(taken):
                whose[count + k] = address + (k << HALF)
                marked[count + k] = place + (k << TWO)
        count += taken
        at += taken
        if at == blocks:
            if ties > NONE:
                last = (blocks - ONE) << TWO
                there = ALL_FOUR >> (last + FOUR - ties)
                marked[count - ONE] = (first + last) | (there << TOP)
            head += ONE
            at = NONE
    return count, head, at


@inlined_rule
def words_of(seed, block):
    """The four words of a block of ties; :func:`tie_uniforms` has what they stand for."""
    low, high = key_words(seed)
    return philox4x32(block & LOW_HALF, block >> HALF, np.uint64(0), np.uint64(TIE), low, high)


@inlined_rule
def words_below(probability):
    """How many of the 2^32 words, uint64, stand for a uniform below ``probability``."""
    return np.uint64(min(max(math.ceil(probability * 4294967296.0 - 0.5), 0.0), 4294967296.0))


@inner
def keep_alike(seed, probability, count, room):
    """Take the marks from the ties of a batch that do not carry; all have one chance."""
    whose, marked = room.whose, room.marked
    below = words_below(probability)
    for start in range(NONE, count, LANES):
        for lane in range(LANES):
            k = start + lane
            w0, w1, w2, w3 = words_of(seed, whose[k])
            first, second = np.uint64(w0 < below), np.uint64(w1 < below)
            third, fourth = np.uint64(w2 < below), np.uint64(w3 < below)
            carry = first | second << ONE | third << TWO | fourth << THREE
            marked[k] &= carry << TOP | BELOW_TOP


@inner
def keep_by_chance(seed, probability, count, room):
    """Take the marks from the ties of a batch that do not carry; each has a chance of its own."""
    whose, marked, drawn = room.whose, room.marked, room.drawn
    for start in range(NONE, count, LANES):
        for lane in range(LANES):
            k = start + lane
            w0, w1, w2, w3 = words_of(seed, whose[k])
            drawn[0, k] = w0
            drawn[1, k] = w1
            drawn[2, k] = w2
            drawn[3, k] = w3
    last = np.uint64(max(probability.size, 1) - 1)
    for k in range(count):
        tie = marked[k] & BELOW_TOP
        carry = NONE
        for w in range(FOUR):
            chance = probability[min(tie + w, last)]
            carry |= np.uint64(unit(drawn[w, k]) < chance) << w
        marked[k] &= carry << TOP | BELOW_TOP


@inner
def list_marked(count, room):
    """Write the numbers of the marked ties of a batch to ``kept``; how many there are."""
    marked, kept = room.marked, room.kept
    found = NONE
    for k in range(count):
        tie, marks = marked[k] & BELOW_TOP, marked[k] >> TOP
        # Branches would be foreseen wrongly too often. What is not kept is overwritten.
        kept[found] = tie
        found += marks & ONE
        kept[found] = tie + ONE
        found += marks >> ONE & ONE
        kept[found] = tie + TWO
        found += marks >> TWO & ONE
        kept[found] = tie + THREE
        found += marks >> THREE
    return found


@inner
def reach(j, filled, room):
    """Put a person into the queue unless she is there; how many are in it then."""
    # Without a branch, what comes next is begun before ``seen`` has been fetched.
    is_new = room.seen[j] == 0
    room.seen[j] = 1
    room.queue[filled] = j
    return filled + np.uint64(is_new)


@inner
def begin(seeds, room):
    """Put the seeds into the queue, each once; how many there are."""
    filled = NONE
    for k in range(seeds.size):
        filled = reach(np.uint64(seeds[k]), filled, room)
    return filled


@inner
def spread(seed, indptr, target, probability, head, filled, room):
    """One step of a cascade: the people of ``queue[head:filled]`` try their ties.

    Who is won joins the queue. Returns how many are in it then.
    """
    kept = room.kept
    end = filled
    at = NONE
    while head < end:
        count, head, at = take_blocks(indptr, head, at, end, room)
        if probability.size == 1:
            keep_alike(seed, probability[0], count, room)
        else:
            keep_by_chance(seed, probability, count, room)
        found = list_marked(count, room)
        for m in range(found):
            prefetch(target, kept[m])
        for m in range(found):
            kept[m] = target[kept[m]]
            prefetch(room.seen, kept[m])
            prefetch(indptr, kept[m])
        for m in range(found):
            filled = reach(kept[m], filled, room)
    return filled


@phase
def cascade(seed, indptr, target, probability, seeds, room, step):
    """Independent cascade. Kempe, Kleinberg and Tardos (2003).

    probability : float64 (T,) per tie, or (1,) for all. step : int32 (N,); the step at which
    somebody adopts is written for those who do.
    """
    head, filled, now = NONE, begin(seeds, room), 0
    while head < filled:
        for k in range(head, filled):
            step[room.queue[k]] = now
        end = filled
        filled = spread(seed, indptr, target, probability, head, filled, room)
        head = end
        now += 1


@inner
def forget(filled, room):
    """Make those in the queue unreached: one by one, or all at once where that is faster."""
    if filled < room.seen.size // 16:
        for k in range(filled):
            room.seen[room.queue[k]] = 0
    else:
        room.seen[:] = 0


@phase
def cascade_sizes(seed, indptr, target, probability, origins, first, last, room, sizes):
    """Adopters of the independent cascades ``first`` to ``last`` of R; each costs what it touches.

    origins : int64 (R, S), the seeds of each. sizes : int64 (R,), written. Replication r has the
    luck of ``derive_seed(seed, r)``. The room is left with nobody reached.
    """
    for r in range(first, last):
        w0, w1, _, _ = words(seed, REPLICATION, 0, r, 0, 0)
        own = (w1 << HALF) | w0
        head, filled = NONE, begin(origins[r], room)
        while head < filled:
            end = filled
            filled = spread(own, indptr, target, probability, head, filled, room)
            head = end
        sizes[r] = filled
        forget(filled, room)


@kernel
def thresholds_reached(thresholds, indptr, target, weight, seeds):
    """Thresholds: the step at which each person adopts, int32 (N,), -1 never.

    A person adopts when the weights of the ties from adopters reach her threshold. weight :
    float64 (T,) per tie, or (1,) for all. thresholds : float64 (N,). Linear thresholds: Granovetter
    (1978), Kempe et al. (2003); with weights of 1 counted ones: Watts (2002), Centola and Macy
    (2007).
    """
    step, queue, filled = start(indptr.size - 1, seeds)
    pressure = np.zeros(indptr.size - 1)
    last = weight.size - 1
    head = 0
    while head < filled:
        i = queue[head]
        head += 1
        for e in range(indptr[i], indptr[i + 1]):
            j = target[e]
            if step[j] != NEVER:
                continue
            pressure[j] += weight[min(e, last)]
            if pressure[j] >= thresholds[j]:
                step[j] = step[i] + 1
                queue[filled] = j
                filled += 1
    return step


@kernel
def patience(seed, people, seeds):
    """Cumulative hazard at which each person adopts, float64 (N,): Exp(1); 0 for seeds."""
    limit = person_uniforms(seed, people)
    for i in range(people):
        limit[i] = -math.log(limit[i])
    for k in range(seeds.size):
        limit[seeds[k]] = 0.0
    return limit


@kernel
def bass_complete(seed, people, p, q, dt, ticks, seeds):
    """Bass process among people who all know each other: tick of adoption int32 (N,), -1 never.

    Within a tick everybody who has not adopted has the hazard p + q adopters / (N - 1), adopters
    as of its start. She adopts when her cumulative hazard passes her patience, which gives the
    chance 1 - exp(-hazard dt) a tick. Bass (1969); discrete form: Fibich and Gibori (2010).
    """
    limit = patience(seed, people, seeds)
    order = np.argsort(limit)
    tick_of = np.full(people, NEVER, np.int32)
    adopted = 0
    while adopted < people and limit[order[adopted]] == 0.0:
        tick_of[order[adopted]] = 0
        adopted += 1
    hazard = 0.0
    for tick in range(ticks):
        more = (p + q * adopted / max(people - 1, 1)) * dt
        if adopted == people or more == 0.0:
            break
        hazard += more
        while adopted < people and limit[order[adopted]] <= hazard:
            tick_of[order[adopted]] = tick + 1
            adopted += 1
    return tick_of


@kernel
def bass_on_graph(seed, indptr, target, in_degree, p, q, dt, ticks, seeds):
    """Bass process on a graph: tick of adoption int32 (N,), -1 never.

    Like :func:`bass_complete` with the hazard p + q (share of those heard from who adopted).
    """
    people = indptr.size - 1
    limit = patience(seed, people, seeds)
    tick_of = np.full(people, NEVER, np.int32)
    heard = np.zeros(people, np.int64)
    hazard = np.zeros(people)
    waiting = np.arange(people).astype(np.int32)
    left = people
    fresh = np.empty(people, np.int32)
    for tick in range(ticks + 1):
        # Tick 0 only lets seeds adopt; what happens within a tick is heard from the next on.
        news = 0
        kept = 0
        largest = 0.0
        for k in range(left):
            i = waiting[k]
            if tick > 0:
                more = (p + q * heard[i] / max(in_degree[i], 1)) * dt
                largest = max(largest, more)
                hazard[i] += more
            if limit[i] <= hazard[i]:
                tick_of[i] = tick
                fresh[news] = i
                news += 1
            else:
                waiting[kept] = i
                kept += 1
        left = kept
        for k in range(news):
            for e in range(indptr[fresh[k]], indptr[fresh[k] + 1]):
                heard[target[e]] += 1
        if left == 0 or (tick > 0 and largest == 0.0):
            break
    return tick_of


@kernel
def branching_sizes(seed, mean, runs, most):
    """Total progeny, int64 (R,), of R Galton-Watson trees with Poisson offspring.

    mean : of the offspring of one node. most : a tree that reaches it is cut there. Node n of
    tree r draws its offspring at the address (r, n).
    """
    sizes = np.empty(runs, np.int64)
    none = math.exp(-mean)
    for r in range(runs):
        size = 1
        node = 0
        while node < size and size < most:
            u = uniforms(seed, PERSON, 0, r, node, 0)[0]
            node += 1
            chance = none
            below = chance
            offspring = 0
            while u > below and offspring < most:
                offspring += 1
                chance *= mean / offspring
                below += chance
            size += offspring
        sizes[r] = min(size, most)
    return sizes
