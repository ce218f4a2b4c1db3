"""Contagion on a graph as compiled kernels: cost in proportion to what happens.

The processes of :mod:`sim.presets`, each the textbook definition and nothing else. Luck belongs
to ties and people, not to moments: a tie has one draw, a person one threshold, so raising a
probability can only add adopters or make them earlier, in every single run.
"""

from __future__ import annotations

import math

import numpy as np

from sim._jit import inlined_rule, kernel, prefetch
from sim.randomness import Decision, key_words, philox4x32, uniforms, unit, words

TIE = int(Decision.CONTAGION_TIE)
PERSON = int(Decision.CONTAGION_PERSON)
REPLICATION = int(Decision.REPLICATION)

NEVER = -1
LONGEST = 2**31 - 1
"""Ticks after which a process is stopped in any case."""


@kernel
def tie_uniforms(seed, indptr, target):
    """The one draw of every tie, float64 (T,): what :func:`cascade` compares with its chance."""
    draws = np.empty(target.size)
    for i in range(indptr.size - 1):
        for e in range(indptr[i], indptr[i + 1]):
            draws[e] = uniforms(seed, TIE, 0, i, target[e], 0)[0]
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


BATCH = 1024
"""Ties whose draws a cascade makes together; their arrays stay in the nearest cache."""

ROOM = BATCH + 64
"""Entries of a batch's arrays; draws are made in whole vector instructions, a little beyond."""

WIDTH = 16
"""Ties that are copied at once; a batch's arrays have room for more than that beyond its end."""

AHEAD = 8
"""Entries of the queue between asking for memory and using it."""


@inlined_rule
def take_ties(indptr, target, queue, head, at, filled, batch):
    """Fill a batch with ties of the queue from entry ``head``, tie ``at`` of its row, on.

    Writes who sends, who receives, and the ties' numbers. Returns how many, and where the next
    batch begins.
    """
    sources, receivers, ties, _, _ = batch
    count = 0
    while head < filled and count < BATCH:
        if head + 2 * AHEAD < filled:
            prefetch(indptr, queue[head + 2 * AHEAD])
        if head + AHEAD < filled:
            prefetch(target, indptr[queue[head + AHEAD]])
        i = queue[head]
        first = indptr[i] + at
        taken = min(indptr[np.int64(i) + 1] - first, BATCH - count)
        # Short rows are copied as one vector with what follows, which the next row overwrites.
        width = WIDTH if taken <= WIDTH and first + WIDTH <= target.size else taken
        if width == WIDTH:
            for k in range(WIDTH):
                receivers[count + k] = target[first + k]
            for k in range(WIDTH):
                sources[count + k] = i
        else:
            for k in range(taken):
                receivers[count + k] = target[first + k]
            for k in range(taken):
                sources[count + k] = i
        if ties.size > 1:
            for k in range(taken):
                ties[count + k] = first + k
        count += taken
        at += taken
        if first + taken == indptr[np.int64(i) + 1]:
            head += 1
            at = 0
    return count, head, at


@inlined_rule
def carrying(seed, probability, count, batch):
    """Which ties of a batch carry: their places in ``kept``; returns how many.

    A tie's draw is that of :func:`tie_uniforms`.
    """
    sources, receivers, ties, drawn, kept = batch
    low, high = key_words(seed)
    place = np.uint64(TIE)
    zero = np.uint64(0)
    for k in range((count + 31) & ~31):
        w, _, _, _ = philox4x32(
            np.uint64(sources[k]), np.uint64(receivers[k]), zero, place, low, high
        )
        drawn[k] = w
    found = 0
    if probability.size == 1:
        below = words_below(probability[0])
        for k in range(count):
            kept[found] = k
            found += drawn[k] < below
    else:
        for k in range(count):
            kept[found] = k
            found += unit(drawn[k]) < probability[ties[k]]
    return found


@inlined_rule
def words_below(probability):
    """How many of the 2^32 words, int64, stand for a uniform below ``probability``."""
    return np.int64(min(max(math.ceil(probability * 4294967296.0 - 0.5), 0.0), 4294967296.0))


@kernel
def cascade(seed, indptr, target, probability, seeds):
    """Independent cascade: the step at which each person adopts, int32 (N,), -1 never.

    probability : float64 (T,) per tie, or (1,) for all. Kempe, Kleinberg and Tardos (2003).
    """
    step, queue, filled = start(indptr.size - 1, seeds)
    batch = batch_arrays(probability.size)
    sources, receivers, _, _, kept = batch
    head, at = 0, 0
    while head < filled:
        count, head, at = take_ties(indptr, target, queue, head, at, filled, batch)
        found = carrying(seed, probability, count, batch)
        for m in range(found):
            prefetch(step, receivers[kept[m]])
        for m in range(found):
            j = receivers[kept[m]]
            if step[j] == NEVER:
                step[j] = step[sources[kept[m]]] + 1
                queue[filled] = j
                filled += 1
    return step


@kernel
def batch_arrays(probabilities):
    """Room for a batch: who sends, who receives, ties (if their chances differ), words, places."""
    return (
        np.zeros(ROOM, np.uint32),
        np.zeros(ROOM, np.uint32),
        np.zeros(ROOM if probabilities > 1 else 1, np.int64),
        np.zeros(ROOM, np.uint32),
        np.zeros(ROOM, np.uint32),
    )


@kernel
def cascade_sizes(seed, indptr, target, probability, origins):
    """Adopters, int64 (R,), of R independent cascades, each from one of ``origins`` (R,).

    Replication r has the luck of ``derive_seed(seed, r)``. A cascade costs what it touches.
    """
    people = indptr.size - 1
    seen = np.full(people, NEVER, np.int32)
    queue = np.empty(people + 1, np.uint32)
    sizes = np.empty(origins.size, np.int64)
    batch = batch_arrays(probability.size)
    _, receivers, _, _, kept = batch
    for r in range(origins.size):
        w0, w1, _, _ = words(seed, REPLICATION, 0, r, 0, 0)
        own = (w1 << np.uint64(32)) | w0
        queue[0] = origins[r]
        seen[origins[r]] = r
        filled, head, at = 1, 0, 0
        while head < filled:
            count, head, at = take_ties(indptr, target, queue, head, at, filled, batch)
            found = carrying(own, probability, count, batch)
            for m in range(found):
                prefetch(seen, receivers[kept[m]])
                prefetch(indptr, receivers[kept[m]])
            for m in range(found):
                j = receivers[kept[m]]
                # Without a branch, what comes next is begun before ``seen`` has been fetched.
                is_new = seen[j] != r
                seen[j] = r
                queue[filled] = j
                filled += is_new
        sizes[r] = filled
    return sizes


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
