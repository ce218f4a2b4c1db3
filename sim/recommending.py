"""People who recommend what they just bought, compiled: cost in proportion to what happens.

The process of :func:`sim.presets.recommendation`. In a tick customers whose time has come leave or
buy again, and others buy: by themselves, or won by friends who bought a tick ago. Luck belongs to
people and ticks. Whether friends are counted by those who bought or by those who may buy changes
no bit of the result; whichever touches less is taken.
"""

from __future__ import annotations

import math

import numpy as np

from sim._jit import inlined_rule, kernel, prefetch
from sim.randomness import Decision, fill_words, uniforms, unit

BY_ONESELF = int(Decision.RECOMMENDATION_ORGANIC)
WON = int(Decision.RECOMMENDATION_WON)
NEXT_EVENT = int(Decision.RECOMMENDATION_NEXT)

PUSH, PULL, EITHER = 0, 1, 2
"""Friends are counted by those who bought, by those who may buy, or by whoever is faster at it."""

OTHER, CUSTOMER, JOINING = 0, 1, 2
"""What somebody is: ``mark``. Who joins in a tick is a customer from its end on."""

BATCH = 512
FAR = 2**31 - 1
"""A tick that never comes."""

AHEAD = 16
"""Rows between asking for memory and using it."""

SCATTERED, IN_ORDER, SCAN = 5.0, 1.3, 0.4
"""What counting takes, in nanoseconds: a tie of a row here and there, a tie of rows in order, and
passing over somebody. Only their ratios matter, and only to the time."""


@kernel
def recommend(
    seed, indptr, target, back_indptr, back_target, win, organic, churn, again, first, ticks, way
):  # fmt: skip
    """Customers and orders, int64 (ticks + 1,) each, and who is a customer at the end, bool (N,).

    back_indptr, back_target : the ties turned round; the same arrays where they go both ways.
    win : chance that somebody who bought a tick ago wins a friend. organic : chance to buy by
    oneself. churn : chance to leave. again : chance to buy again of a customer who does not leave;
    all per tick. first : who buys on tick 0. way : PUSH, PULL or EITHER.
    """
    people = indptr.size - 1
    customers, orders = np.zeros(ticks + 1, np.int64), np.zeros(ticks + 1, np.int64)
    mark, recent = np.zeros(people, np.uint8), np.zeros(people, np.uint8)
    heard = np.zeros(people, np.uint32)
    buyers, found = np.empty(people, np.uint32), np.empty(people, np.uint32)
    who, due, leaves = (
        np.empty(people, np.uint32), np.empty(people, np.int32), np.empty(people, np.uint8),
    )  # fmt: skip
    scratch = (
        np.empty(BATCH, np.uint32), np.empty(BATCH, np.uint32), np.empty((4, BATCH), np.uint32),
    )  # fmt: skip
    largest = 0
    for i in range(people):
        largest = max(largest, int(back_indptr[i + 1] - back_indptr[i]))
    unmoved = np.array([(1.0 - win) ** k for k in range(largest + 1)])

    bought = join(mark, buyers, first, first.size, 0)
    number = enlist(seed, 0, churn, again, buyers, bought, who, due, leaves, 0, scratch[2])
    customers[0], orders[0] = number, bought
    for tick in range(1, ticks + 1):
        if win == 0.0 or bought == 0:
            won = 0
        elif way == PULL or (way == EITHER and pulling_pays(target.size, people, bought, number)):
            for k in range(bought):
                recent[buyers[k]] = 1
            won = won_by_pull(
                seed, tick, back_indptr, back_target, mark, recent, unmoved, scratch, found
            )
            for k in range(bought):
                recent[buyers[k]] = 0
        else:
            won = won_by_push(
                seed, tick, indptr, target, mark, buyers, bought, heard, unmoved, scratch, found
            )
        won = come_by_themselves(seed, tick, organic, mark, found, won)
        number, bought = move(tick, mark, who, due, leaves, number, buyers)
        bought = join(mark, buyers, found, won, bought)
        number = enlist(
            seed, tick, churn, again, buyers, bought, who, due, leaves, number, scratch[2]
        )
        customers[tick], orders[tick] = number, bought
    return customers, orders, mark == CUSTOMER


@kernel
def pulling_pays(ties, people, bought, number):
    """Whether counting by those who may buy takes less time."""
    row = ties / people
    push = bought * row * SCATTERED
    return push > people * SCAN + (people - number) * row * IN_ORDER


@kernel
def join(mark, buyers, found, count, bought):
    """The first ``count`` of found become customers who buy; returns how many bought."""
    for k in range(count):
        if mark[found[k]] != CUSTOMER:
            mark[found[k]] = CUSTOMER
            buyers[bought] = found[k]
            bought += 1
    return bought


@kernel
def enlist(seed, tick, churn, again, buyers, bought, who, due, leaves, number, words):
    """Put today's buyers on the list of customers, each with what she does next and when.

    The wait for the first of two things that may happen in every tick is geometric. Returns how
    many are on the list.
    """
    either = churn + (1.0 - churn) * again
    for first in range(0, bought, BATCH):
        count = min(BATCH, bought - first)
        people = buyers[first : first + count]
        fill_words(seed, NEXT_EVENT, tick, 0, people, count, words)
        for k in range(count):
            wait = FAR
            if either >= 1.0:
                wait = 1
            elif either > 0.0:
                waited = 1.0 + math.floor(math.log(unit(words[0, k])) / math.log1p(-either))
                wait = int(min(waited, FAR * 1.0))
            who[number] = people[k]
            due[number] = min(tick + wait, FAR)
            leaves[number] = unit(words[1, k]) * either < churn
            number += 1
    return number


@kernel
def move(tick, mark, who, due, leaves, number, buyers):
    """Customers whose time has come leave, or buy again and are listed anew.

    Returns how many stay on the list, and how many buy.
    """
    kept = 0
    bought = 0
    for k in range(number):
        if due[k] != tick:
            who[kept], due[kept], leaves[kept] = who[k], due[k], leaves[k]
            kept += 1
        elif leaves[k] == 1:
            mark[who[k]] = OTHER
        else:
            buyers[bought] = who[k]
            bought += 1
    return kept, bought


@kernel
def come_by_themselves(seed, tick, organic, mark, found, count):
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
        if i >= mark.size:
            return count
        if mark[int(i)] == OTHER:
            mark[int(i)] = JOINING
            found[count] = int(i)
            count += 1


@inlined_rule
def decide(seed, tick, mark, asked, counts, number, unmoved, words, found, won):
    """Whom of a batch her friends win; ``counts`` says by how many she was told."""
    fill_words(seed, WON, tick, 0, asked, number, words)
    for k in range(number):
        if unit(words[0, k]) >= unmoved[counts[k]]:
            mark[asked[k]] = JOINING
            found[won] = asked[k]
            won += 1
    return won


@kernel
def won_by_push(
    seed, tick, indptr, target, mark, buyers, bought, heard, unmoved, scratch, found
):  # fmt: skip
    """Who is won, counted by those who bought; returns how many. ``heard`` is all 0 but within."""
    asked, counts, words = scratch
    told = 0
    for k in range(bought):
        if k + 2 * AHEAD < bought:
            prefetch(indptr, buyers[k + 2 * AHEAD])
        if k + AHEAD < bought:
            prefetch(target, indptr[buyers[k + AHEAD]])
        row = target[indptr[buyers[k]] : indptr[np.int64(buyers[k]) + 1]]
        for e in range(row.size):
            prefetch(heard, row[e])
            prefetch(mark, row[e])
        for e in range(row.size):
            j = row[e]
            if mark[j] == OTHER:
                if heard[j] == 0:
                    found[told] = j
                    told += 1
                heard[j] += 1
    won = 0
    for first in range(0, told, BATCH):
        count = min(BATCH, told - first)
        for k in range(count):
            asked[k] = found[first + k]
            counts[k] = heard[asked[k]]
            heard[asked[k]] = 0
        won = decide(seed, tick, mark, asked, counts, count, unmoved, words, found, won)
    return won


@kernel
def won_by_pull(seed, tick, indptr, target, mark, recent, unmoved, scratch, found):
    """Who is won, counted by those who may be; returns how many."""
    asked, counts, words = scratch
    won = 0
    number = 0
    for i in range(mark.size):
        if mark[i] != OTHER:
            continue
        told = 0
        row = target[indptr[i] : indptr[i + 1]]
        for e in range(row.size):
            told += recent[row[e]]
        asked[number] = i
        counts[number] = told
        number += told != 0
        if number == BATCH:
            won = decide(seed, tick, mark, asked, counts, number, unmoved, words, found, won)
            number = 0
    return decide(seed, tick, mark, asked, counts, number, unmoved, words, found, won)
