"""Philox4x32-10: known answers, and uniforms that are uniform and independent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim._jit import plain
from sim.randomness import Decision, derive_seed, philox4x32, uniform_table, uniforms, words

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers_of_random123(counter, key, expected):
    """Salmon, Moraes, Dror and Shaw (2011), kat_vectors of the Random123 distribution."""
    found = philox4x32(*(np.uint64(word) for word in counter + key))
    assert tuple(int(word) for word in found) == expected


def test_an_address_is_a_counter_and_a_key():
    seed = (0x299F31D0 << 32) | 0xA4093822
    place = 0x03707344
    found = words(
        np.uint64(seed), place & 0xFF, 0x13198A2E, 0x243F6A88, 0x85A308D3, place >> 8
    )  # fmt: skip
    assert [int(word) for word in found] == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def test_the_same_address_gives_the_same_words_however_it_is_asked():
    table = uniform_table(np.uint64(9), 6, 4, 30)
    for i in (0, 7, 29):
        assert tuple(table[:, i]) == uniforms(np.uint64(9), 6, 0, i, 4, 0)
        assert tuple(table[:, i]) == plain(uniforms)(np.uint64(9), 6, 0, i, 4, 0)
    assert np.array_equal(table[:, :10], uniform_table(np.uint64(9), 6, 4, 10))


@pytest.mark.parametrize("place", range(6))
def test_every_part_of_an_address_counts(place):
    address = [np.uint64(5), 6, 7, 8, 9, 10]
    other = list(address)
    other[place] = np.uint64(6) if place == 0 else other[place] + 1
    assert set(uniforms(*address)).isdisjoint(uniforms(*other))


def test_addresses_do_not_run_into_each_other():
    seen = {
        uniforms(np.uint64(3), decision, tick, i, j, product)
        for decision in (6, 7)
        for tick in range(3)
        for i in (0, 1, 2**31, 2**32 - 1)
        for j in (0, 1, 2**32 - 1)
        for product in (0, 1, 2**24 - 1)
    }
    assert len(seen) == 2 * 3 * 4 * 3 * 3


def test_uniforms_lie_strictly_between_0_and_1():
    table = uniform_table(np.uint64(1), 18, 0, 100_000)
    assert table.min() > 0
    assert table.max() < 1
    assert 2**-33 > 0
    assert (0xFFFFFFFF + 0.5) * 2.0**-32 < 1


# The seeds are fixed. A correct generator fails each of these statistical tests with the
# probability FALSE_ALARM, and fails any with at most 60 times that.
FALSE_ALARM = 1e-6
DRAWS = 50_000


def address_series() -> dict[str, np.ndarray]:
    """Sequences of draws along each direction of an address."""
    seed = np.uint64(20)
    return {
        "people": uniform_table(seed, 6, 0, DRAWS)[0],
        "ticks": np.array([uniforms(seed, 6, t, 1, 0, 0)[0] for t in range(DRAWS)]),
        "partners": np.array([uniforms(seed, 12, 1, 1, j, 0)[0] for j in range(DRAWS)]),
        "products": np.array([uniforms(seed, 8, 1, 1, 0, p)[0] for p in range(DRAWS)]),
        "decisions": np.array([
            uniforms(seed, d, 1, i, 0, 0)[0] for i in range(DRAWS // 250) for d in range(250)
        ]),
        "seeds": np.array([uniforms(np.uint64(s), 6, 1, 1, 0, 0)[0] for s in range(DRAWS)]),
    }  # fmt: skip


@pytest.fixture(scope="module")
def series() -> dict[str, np.ndarray]:
    return address_series()


@pytest.mark.parametrize(
    "direction", ["people", "ticks", "partners", "products", "decisions", "seeds"]
)
def test_draws_are_uniform_and_independent_along_every_direction(series, direction):
    draws = series[direction]
    assert stats.kstest(draws, "uniform").pvalue > FALSE_ALARM
    cells = np.histogram2d(draws[:-1:2], draws[1::2], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(cells.ravel()).pvalue > FALSE_ALARM
    limit = stats.norm.isf(FALSE_ALARM / 2) / math.sqrt(draws.size)
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < limit
    assert stats.kstest(draws**1.05, "uniform").pvalue < FALSE_ALARM  # planted: 5 % off


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
def test_the_four_words_of_a_call_are_independent(one, other):
    table = uniform_table(np.uint64(20), 6, 0, DRAWS)
    cells = np.histogram2d(table[one], table[other], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(cells.ravel()).pvalue > FALSE_ALARM


def test_decisions_share_no_luck():
    visit, buy = (uniform_table(np.uint64(4), int(d), 0, DRAWS)[0] for d in (6, 8))
    limit = stats.norm.isf(FALSE_ALARM / 2) / math.sqrt(DRAWS)
    assert abs(np.corrcoef(visit, buy)[0, 1]) < limit


def test_derived_seeds_depend_on_the_seed_and_on_every_step():
    assert derive_seed(7) == 7
    assert derive_seed(7, 1, 2) == derive_seed(derive_seed(7, 1), 2)
    derived = {derive_seed(seed, a, b) for seed in (0, 1) for a in range(5) for b in range(5)}
    assert len(derived) == 50
    assert all(0 <= seed < 2**64 for seed in derived)


def test_decisions_fit_in_a_byte():
    assert all(0 < decision < 256 for decision in Decision)
