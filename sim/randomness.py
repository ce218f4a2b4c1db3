"""Luck as an address: every draw is a pure function of (seed, decision, tick, i, j, product).

Nobody owns a generator during a run. The policy, the engine, the order of consumers and the
number of threads are not in the address, so two policies share their luck decision by decision
and any part of a run can be computed again alone.

The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 2011): a counter-based generator
with published known-answer vectors, which are tests here.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from sim._jit import inlined_rule, kernel, rule


class Decision(IntEnum):
    """What a draw decides. Numbers are part of every address: append only, never reuse."""

    NETWORK = 1  # ties of a generated network
    GROUPS = 2  # circles, groups and communities of a generated network
    TRAITS = 3  # a trait of a person, by column
    INITIAL_CUSTOMER = 4  # who is a customer before day 0, since when and of what
    SEEDING = 5  # who gets the product for nothing on day 0
    VISIT = 6  # coming by oneself, and the product looked at; four people share an address
    NEED = 7  # needing a product again; four products share an address
    BUY = 8  # the choice of a visitor
    EXPERIENCE = 10  # performance of a unit; day of its return
    SHARE = 11  # sharing, warning, the channel, the size of the audience or the group
    AUDIENCE = 12  # which friends are addressed; whether and when each follows the link
    GROUP_MESSAGE = 13  # whether and when a reader of a group follows the link
    MUTE = 15  # muting the sender of a message
    STAY = 16  # leaving, losing the habit, dropping out; being won back
    REPLICATION = 17  # seeds of the worlds and lucks of a study
    RESAMPLE = 18  # bootstrap samples of a comparison
    WARNING_AUDIENCE = 19  # which friends are warned
    HABIT = 20  # visiting by habit; taking part in an activity
    CODE = 21  # typing in a friend's code
    LOTTERY = 30  # the prize of an order
    REVIEW = 31  # whether the similarity check stops an order
    OPPORTUNIST = 32  # who is one; looking for a phantom order; the fellow of a ring
    TEAM = 33  # opening a team, buying alone if it fails; joining, and when
    SEGMENT = 34  # the segment of a person
    RENUMBERING = 35  # the new number of a person of a renumbered world
    PARAMETER = 36  # draws of a study's uncertain parameters, by column
    SEARCH = 37  # the settings that a search asks for
    CONTAGION_TIE = 40  # whether a tie carries, in a textbook contagion; four share an address
    CONTAGION_PERSON = 41  # the threshold of a person, likewise
    RECOMMENDATION_ORGANIC = 42  # who buys untold, in the textbook recommendation process
    RECOMMENDATION_WON = 43  # whether friends who bought win a person, likewise
    RECOMMENDATION_NEXT = 44  # when a customer leaves or buys again, likewise


_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_MASK = np.uint64(0xFFFFFFFF)
_HALF_WORD = np.uint64(32)
_ROUNDS = 10
_TO_UNIT = 2.0**-32


@inlined_rule
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Ten rounds of Philox4x32 on four 32-bit counters with two 32-bit keys, all uint64 scalars.

    Returns four 32-bit words as uint64. Known answers: tests/unit/test_randomness.py
    (Random123 distribution, Salmon et al. 2011).
    """
    for _ in range(_ROUNDS):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0 = (product_1 >> _HALF_WORD) ^ c1 ^ k0
        c1 = product_1 & _MASK
        c2 = (product_0 >> _HALF_WORD) ^ c3 ^ k1
        c3 = product_0 & _MASK
        k0 = (k0 + _WEYL_0) & _MASK
        k1 = (k1 + _WEYL_1) & _MASK
    return c0, c1, c2, c3


@inlined_rule
def key_words(seed):
    """The two 32-bit keys, uint64 scalars, that a seed stands for."""
    key = np.uint64(seed)
    return key & _MASK, key >> _HALF_WORD


@rule
def words(seed, decision, tick, i, j, product):
    """Four independent 32-bit words (uint64) at an address.

    seed : uint64 key. decision : :class:`Decision`, below 256. tick, i, j : the step and the
    consumers or groups concerned, 0 <= value < 2**32. product : below 2**24.
    """
    low, high = key_words(seed)
    place = np.uint64(decision) | (np.uint64(product) << np.uint64(8))
    return philox4x32(np.uint64(i), np.uint64(j), np.uint64(tick), place, low, high)


@inlined_rule
def unit(word):
    """The uniform in (0, 1), float64, that a 32-bit word stands for."""
    return (float(word) + 0.5) * _TO_UNIT


@rule
def uniforms(seed, decision, tick, i, j, product):
    """Four independent uniforms in (0, 1), float64 of 32-bit resolution, at an address."""
    w0, w1, w2, w3 = words(seed, decision, tick, i, j, product)
    return unit(w0), unit(w1), unit(w2), unit(w3)


@rule
def fill_words(seed, decision, tick, product, people, count, table):
    """The words of many addresses that differ in the person only.

    people : int32, the first ``count`` are asked for. table : uint32 (4, at least count), written.
    The loop is made of whole vector instructions: about 1 ns for four words instead of 10 or more.
    """
    place = np.uint64(decision) | (np.uint64(product) << np.uint64(8))
    low, high = key_words(seed)
    for k in range(count):
        w0, w1, w2, w3 = philox4x32(
            np.uint64(people[k]), np.uint64(0), np.uint64(tick), place, low, high
        )
        table[0, k] = w0
        table[1, k] = w1
        table[2, k] = w2
        table[3, k] = w3


@kernel
def uniform_table(seed, decision, column, size):
    """Uniforms (4, size), float64: the draws of consumers 0..size-1 for one trait ``column``.

    Consumer i's draws do not depend on ``size``.
    """
    table = np.empty((4, size))
    low, high = key_words(seed)
    zero = np.uint64(0)
    for i in range(size):
        w0, w1, w2, w3 = philox4x32(
            np.uint64(i), np.uint64(column), zero, np.uint64(decision), low, high
        )
        table[0, i] = unit(w0)
        table[1, i] = unit(w1)
        table[2, i] = unit(w2)
        table[3, i] = unit(w3)
    return table


@kernel
def uniforms_of(seed, decision, tick, people, partners, products):
    """Uniforms (4, n), float64: the draws of one tick at n addresses.

    people, partners, products : int64 (n,), the last three parts of each address.
    """
    table = np.empty((4, people.size))
    for k in range(people.size):
        u0, u1, u2, u3 = uniforms(seed, decision, tick, people[k], partners[k], products[k])
        table[0, k] = u0
        table[1, k] = u1
        table[2, k] = u2
        table[3, k] = u3
    return table


def derive_seed(seed: int, *path: int) -> int:
    """A 64-bit seed for a part of a study, a pure function of ``seed`` and ``path``."""
    for step in path:
        w0, w1, _, _ = words(np.uint64(seed), int(Decision.REPLICATION), 0, step, 0, 0)
        seed = (int(w1) << 32) | int(w0)
    return seed
