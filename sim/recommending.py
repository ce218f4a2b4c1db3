"""People who recommend what they just bought, compiled: cost in proportion to what happens.

The process of :func:`sim.presets.recommendation`. In a tick customers whose time has come leave or
buy again, and others buy: by themselves, or won by friends who bought a tick ago. Luck belongs to
people and ticks. How friends are counted changes no bit of the result; whatever touches least is
taken.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np

from sim._jit import inlined_rule, kernel, prefetch
from sim.randomness import Decision, fill_words, uniforms, unit

BY_ONESELF = int(Decision.RECOMMENDATION_ORGANIC)
WON = int(Decision.RECOMMENDATION_WON)
NEXT_EVENT = int(Decision.RECOMMENDATION_NEXT)

PUSH, PULL, KEEP, EITHER = 0, 1, 2, 3
"""Friends are counted anew by those who bought, or by those who may buy; or the counts are kept,
and only those tell their friends who began to buy or stopped. Or whatever is fastest."""

CUSTOMER = np.int32(-(2**31))
"""The bit of ``state`` that says who is a customer; the others count friends who bought."""

BATCH = 512
FAR = 2**31 - 1
"""A tick that never comes."""

AHEAD = 10
"""Rows between asking for memory and using it."""

PUSHED, TOLD, PULLED, PASSED = 4.0, 1.5, 1.3, 0.4
"""What counting takes, in nanoseconds: a tie of those who bought, where the people told are noted;
one where they are not; a tie of those who may buy; and passing over somebody. Only their ratios
matter, and only to the time."""

PAYS_BACK = 10
"""Ticks over which the cost of beginning to keep counts is spread."""


PIECE_SECONDS = 0.1
"""About how long a run works before it looks whether it was interrupted."""


class Room(NamedTuple):
    """What a run keeps between ticks.

    ``buyers`` are today's, those of them who bought a tick ago too standing first; ``stopped`` who
    bought a tick ago and not today; ``found`` who is found to join; ``carried`` the numbers.
    """

    state: np.ndarray  # (N,) int32, see above
    recent: np.ndarray  # (N,) uint8 1 for who bought a tick ago, while friends are counted by it
    buyers: np.ndarray  # (N + 1,) uint32
    stopped: np.ndarray  # (N + 1,) uint32
    found: np.ndarray  # (N + 1,) uint32
    waiting: tuple[np.ndarray, np.ndarray, np.ndarray]  # (N,) uint32 who, int32 when, uint8 leaves
    scratch: tuple[np.ndarray, np.ndarray, np.ndarray]  # uint32
    carried: (
        np.ndarray
    )  # (5,) int64: buyers, those listed, stopped, stayed, whether counts are kept


def room_for(people: int) -> Room:
    """Room for so many people, of whom nobody is a customer."""
    words = np.empty((4, 2 * BATCH), np.uint32)
    asked = np.empty(2 * BATCH, np.uint32)
    return Room(
        state=np.zeros(people, np.int32),
        recent=np.zeros(people, np.uint8),
        buyers=np.empty(people + 1, np.uint32),
        stopped=np.empty(people + 1, np.uint32),
        found=np.empty(people + 1, np.uint32),
        waiting=(
            np.empty(people, np.uint32), np.empty(people, np.int32), np.empty(people, np.uint8),
        ),
        scratch=(asked, np.empty_like(asked), words),
        carried=np.zeros(5, np.int64),
    )  # fmt: skip


def recommend(
    seed: np.uint64,
    rows: tuple[np.ndarray, np.ndarray],
    back: tuple[np.ndarray, np.ndarray],
    chances: tuple[float, float, float, float],
    first: np.ndarray,
    ticks: int,
    way: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Customers and orders, int64 (ticks + 1,) each, and who is a customer at the end, bool (N,).

    rows, back : indptr and target of the ties, and of the ties turned round; the same arrays where
    they go both ways. chances : that somebody who bought a tick ago wins a friend, to buy by
    oneself, to leave, and to buy again of a customer who does not leave; all per tick. first : who
    buys on tick 0. way : PUSH, PULL, KEEP or EITHER.
    """
    room = room_for(rows[0].size - 1)
    customers, orders = np.zeros((2, ticks + 1), np.int64)
    unmoved = np.empty(int(np.diff(back[0]).max(initial=0)) + 1)
    fill_chances_to_resist(chances[0], unmoved)
    customers[0] = orders[0] = room.carried[0] = join(room.state, room.buyers, first)
    # A kernel cannot be interrupted, so a run is made of pieces.
    done, piece = 0, 1
    while done < ticks:
        begun, end = time.perf_counter(), min(ticks, done + piece)
        pass_ticks(
            seed, *rows, *back, chances, unmoved, done + 1, end, way, room, customers, orders
        )
        done = end
        if time.perf_counter() - begun < PIECE_SECONDS / 2:
            piece *= 2
    return customers, orders, room.state < 0


@kernel
def pass_ticks(
    seed, indptr, target, back_indptr, back_target, chances, unmoved, begin, end, way, room,
    customers, orders,
):  # fmt: skip
    """The ticks ``begin`` to ``end`` of :func:`recommend`.

    unmoved : float64, chance that so many friends who recommend win nobody, by their number.
    customers, orders : int64 (ticks + 1,), written. Returns nothing: an array that is returned
    while an interrupt waits ends the interpreter (numba 0.68).
    """
    win, organic, churn, again = chances
    state, recent, buyers, stopped, found, waiting, scratch, carried = room
    people = state.size
    bought, listed, stopping, stayed = carried[0], carried[1], carried[2], carried[3]
    kept = carried[4] == 1  # whether ``state`` holds who was told in the last tick
    for tick in range(begin, end + 1):
        # Whose friends hear something else than in the last tick.
        changed = bought - stayed + stopping
        chosen = way
        if way == EITHER:
            chosen = fastest(target.size, people, customers[tick - 1], bought, changed, kept)
        if kept and (chosen != KEEP or changed > bought):
            state &= CUSTOMER
            kept = False
        if win == 0.0 or (bought == 0 and not kept):
            won = 0
        elif chosen == KEEP:
            if kept:
                tell(indptr, target, state, stopped[:stopping], -1)
            began = stayed if kept else 0
            tell(indptr, target, state, buyers[began:bought], 1)
            kept = True
            won = won_of_counted(seed, tick, state, unmoved, scratch, found)
        elif chosen == PULL:
            for k in range(bought):
                recent[buyers[k]] = 1
            won = won_by_pull(
                seed, tick, back_indptr, back_target, state, recent, unmoved, scratch, found
            )
            for k in range(bought):
                recent[buyers[k]] = 0
        else:
            won = won_by_push(
                seed, tick, indptr, target, state, buyers[:bought], unmoved, scratch, found
            )
        won = come_by_themselves(seed, tick, organic, state, found, won)
        stayed, stopping, listed, left = go_on(
            seed, tick, churn, again, state, buyers, bought, stopped, waiting, listed, scratch
        )
        listed, bought, more = move(tick, state, waiting, listed, buyers, stayed)
        buyers[bought : bought + won] = found[:won]
        bought += won
        customers[tick], orders[tick] = customers[tick - 1] + won - left - more, bought
    carried[0], carried[1], carried[2], carried[3], carried[4] = (
        bought, listed, stopping, stayed, kept,
    )  # fmt: skip


@kernel
def fill_chances_to_resist(win, unmoved):
    """Write the chance that so many friends who recommend win nobody, by their number."""
    for k in range(unmoved.size):
        unmoved[k] = (1.0 - win) ** k


@kernel
def join(state, buyers, first):
    """Those of ``first`` become customers who buy; returns how many, each counted once."""
    bought = 0
    for i in first:
        buyers[bought] = i
        bought += state[i] == 0
        state[i] = CUSTOMER
    return bought


@kernel
def fastest(ties, people, customers, bought, changed, kept):
    """The way of counting that takes least time."""
    row = ties / people
    told = min(changed, bought)
    if not kept:
        told += (bought - told) / PAYS_BACK
    push = bought * row * PUSHED
    pull = people * PASSED + (people - customers) * row * PULLED
    keep = people * PASSED + told * row * TOLD
    if push <= min(pull, keep):
        return PUSH
    return PULL if pull < keep else KEEP


@kernel
def go_on(seed, tick, churn, again, state, buyers, bought, stopped, waiting, listed, scratch):
    """What each of those who bought a tick ago does next, and when.

    The wait for the first of two things that may happen in every tick is geometric. Who buys again
    in this tick stays among the buyers; the others are ``stopped``: they leave now, or go on the
    list of those who wait. Returns how many stay, stop, are on the list, and leave.
    """
    who, due, leaves = waiting
    chosen, waits, words = scratch
    draws = words[1]
    either = churn + (1.0 - churn) * again
    stayed = bought
    stopping = left = 0
    # From the end, so that whoever stands last among the buyers is known to stay.
    for end in range(bought, 0, -BATCH):
        first = max(end - BATCH, 0)
        people = buyers[first:end]
        fill_words(seed, NEXT_EVENT, tick - 1, 0, people, people.size, words)
        wait_for(either, words[0, : people.size], waits)
        count = np.uint64(0)  # unsigned, as a signed place would be tested for being negative
        for k in range(people.size):
            chosen[count] = k
            count += np.uint64((waits[k] != 1) | (unit(draws[k]) * either < churn))
        for k in chosen[:count][::-1]:
            person = people[k]
            stayed -= 1
            people[k] = buyers[stayed]
            stopped[stopping] = person
            stopping += 1
            if waits[k] == 1:
                state[person] &= ~CUSTOMER
                left += 1
            else:
                who[listed] = person
                due[listed] = min(tick - 1 + np.int64(waits[k]), FAR)
                leaves[listed] = unit(draws[k]) * either < churn
                listed += 1
    return stayed, stopping, listed, left


@inlined_rule
def wait_for(either, words, waits):
    """Ticks until the first of two things happens, for each word."""
    if either >= 1.0:
        waits[: words.size] = 1
    elif either <= 0.0:
        waits[: words.size] = FAR
    else:
        scale = math.log1p(-either)
        for k in range(words.size):
            waited = 1.0 + math.floor(math.log(unit(words[k])) / scale)
            waits[k] = int(min(waited, FAR * 1.0))


@kernel
def move(tick, state, waiting, listed, buyers, bought):
    """Those on the list whose time has come leave, or buy again.

    Returns how many stay on the list, how many buy, and how many leave.
    """
    who, due, leaves = waiting
    kept = left = 0
    for k in range(listed):
        if due[k] != tick:
            who[kept], due[kept], leaves[kept] = who[k], due[k], leaves[k]
            kept += 1
        elif leaves[k] == 1:
            state[who[k]] &= ~CUSTOMER
            left += 1
        else:
            buyers[bought] = who[k]
            bought += 1
    return kept, bought, left


@kernel
def come_by_themselves(seed, tick, organic, state, found, count):
    """Add who buys without being told; returns how many are found.

    The gaps between those who might are geometric, so that only they are touched.
    """
    if organic <= 0.0:
        return count
    i = -1.0
    draw = 0
    while True:
        u = uniforms(seed, BY_ONESELF, tick, draw >> 2, 0, 0)[draw & 3]
        draw += 1
        i += 1.0 if organic >= 1.0 else 1.0 + math.floor(math.log(u) / math.log1p(-organic))
        if i >= state.size:
            return count
        if state[int(i)] >= 0:
            state[int(i)] |= CUSTOMER
            found[count] = int(i)
            count += 1


@kernel
def decide(seed, tick, state, asked, unmoved, words, found, won):
    """Whom of a batch her friends win; ``state`` says by how many she was told."""
    fill_words(seed, WON, tick, 0, asked, asked.size, words)
    draws = words[0]
    before = won
    for k in range(asked.size):
        found[won] = asked[k]
        won += unit(draws[k]) >= unmoved[state[asked[k]]]
    for i in found[before:won]:
        state[i] |= CUSTOMER
    return won


@inlined_rule
def fetch_rows(indptr, target, people, k):
    """Have memory bring what will be read of the rows of those after the k-th of ``people``."""
    last = people.size - 1
    prefetch(indptr, people[min(k + 2 * AHEAD, last)])
    soon = np.int64(people[min(k + AHEAD, last)])
    # Most rows lie in two lines of the cache.
    prefetch(target, indptr[soon])
    prefetch(target, indptr[soon + 1] - 1)


@kernel
def tell(indptr, target, state, people, step):
    """Add ``step`` to what every friend of ``people`` has heard."""
    for k in range(people.size):
        fetch_rows(indptr, target, people, k)
        i = np.int64(people[k])
        for j in target[indptr[i] : indptr[i + 1]]:
            state[np.uint32(j)] += step


@kernel
def won_of_counted(seed, tick, state, unmoved, scratch, found):
    """Who is won, where ``state`` knows how many friends told each; returns how many."""
    asked, _, words = scratch
    won = 0
    number = np.uint64(0)
    for first in range(0, state.size, BATCH):
        for i in range(first, min(first + BATCH, state.size)):
            asked[number] = i
            number += np.uint64(state[i] > 0)
        if number >= BATCH:
            won = decide(seed, tick, state, asked[:number], unmoved, words, found, won)
            number = np.uint64(0)
    return decide(seed, tick, state, asked[:number], unmoved, words, found, won)


@kernel
def won_by_push(seed, tick, indptr, target, state, buyers, unmoved, scratch, found):
    """Who is won, counted by those who bought; returns how many. Nobody has heard before."""
    asked, _, words = scratch
    told = np.uint64(0)
    for k in range(buyers.size):
        fetch_rows(indptr, target, buyers, k)
        i = np.int64(buyers[k])
        for j in target[indptr[i] : indptr[i + 1]]:
            heard = state[np.uint32(j)]
            found[told] = j
            told += np.uint64(heard == 0)
            state[np.uint32(j)] = heard + (heard >= 0)
    won = 0
    for first in range(0, np.int64(told), BATCH):
        batch = asked[: min(BATCH, np.int64(told) - first)]
        batch[:] = found[first : first + batch.size]
        won = decide(seed, tick, state, batch, unmoved, words, found, won)
        for i in batch:
            state[i] &= CUSTOMER
    return won


@kernel
def won_by_pull(seed, tick, indptr, target, state, recent, unmoved, scratch, found):
    """Who is won, counted by those who may be; returns how many. Nobody has heard before."""
    asked, _, words = scratch
    won = 0
    for first in range(0, state.size, BATCH):
        number = np.uint64(0)
        for i in range(first, min(first + BATCH, state.size)):
            asked[number] = i
            number += np.uint64(state[i] >= 0)
        may = asked[:number]
        number = np.uint64(0)
        for i in may:
            told = 0
            for j in target[indptr[i] : indptr[i + np.uint64(1)]]:
                told += recent[np.uint32(j)]
            state[i] = told
            asked[number] = i
            number += np.uint64(told != 0)
        batch = asked[:number]
        won = decide(seed, tick, state, batch, unmoved, words, found, won)
        for i in batch:
            state[i] &= CUSTOMER
    return won
