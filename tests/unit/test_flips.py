"""Flip values: planted crossings are found where they are, and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.studies.findings.flips import FlipStudy, find_flips
from sim.studies.resampling import uniform_rows
from sim.studies.sweeps.factors import Factor

WORLDS, REPLICATIONS = 40, 8
PRICE = Factor("products.0.price", ("products", 0, "price"), 10.0, 50.0, money=True)
TRUST = Factor("trust", ("trust",), 0.1, 10.0, scale="log")
KIND = Factor("network.kind", ("network", "kind"), values=("campus", "lattice", "ring"))


def sample(factor: Factor, seed: int, worlds: int = WORLDS) -> list:
    """Values of a factor, one in every part of its range, in an order of their own."""
    places = np.argsort(uniform_rows(seed, 1, worlds)[0])
    return [factor.at((place + 0.5) / worlds) for place in places]


def noise(seed: int, worlds: int = WORLDS, replications: int = REPLICATIONS) -> np.ndarray:
    """Luck that worlds share, and some of each run, mean 0."""
    shared = uniform_rows(seed, 1, replications) - 0.5
    own = uniform_rows(seed + 1, worlds, replications) - 0.5
    return 6 * shared + 6 * own


def flips_of(lead: np.ndarray, columns: dict[Factor, list], written: list) -> FlipStudy:
    return find_flips(
        list(columns), list(columns.values()), written, lead, leader="a", rival="b", seed=3
    )


def test_a_planted_crossing_is_found_without_noise():
    price, trust = sample(PRICE, 1), sample(TRUST, 2)
    lead = np.array([42.0 - p + math.log(t) for p, t in zip(price, trust, strict=True)])
    found = flips_of(np.repeat(lead[:, None], 3, axis=1), {PRICE: price, TRUST: trust}, [20.0, 1.0])
    assert found.shape == "lines"
    assert found.predicted == pytest.approx(1.0)
    assert found.written[0] == pytest.approx(22.0)
    flips = {flip.factor.name: flip for flip in found.flips}
    assert flips["products.0.price"].status == "flips"
    assert flips["products.0.price"].below is None
    above = flips["products.0.price"].above
    assert above.value == pytest.approx(42.0)
    assert above.low == pytest.approx(42.0)
    assert above.high == pytest.approx(42.0)
    assert above.share == 1.0
    assert flips["trust"].status == "none"
    assert flips["trust"].turns == ()
    assert found.flips[0].factor is PRICE


def test_a_crossing_is_found_on_the_scale_of_the_factor():
    trust = sample(TRUST, 2)
    lead = np.array([math.log(t / 0.5) for t in trust])[:, None] * np.ones(3)
    (flip,) = flips_of(lead, {TRUST: trust}, [2.0]).flips
    assert flip.above is None
    assert flip.below.value == pytest.approx(0.5, rel=1e-6)


def test_all_else_stays_as_written():
    # The other factor's written value, not its mean, decides where the first one flips.
    price, trust = sample(PRICE, 1), sample(TRUST, 2)
    lead = np.array([30.0 - p + 5 * math.log(t) for p, t in zip(price, trust, strict=True)])
    for written in (1.0, 4.0):
        found = flips_of(lead[:, None] * np.ones(2), {PRICE: price, TRUST: trust}, [20.0, written])
        flip = next(one for one in found.flips if one.factor is PRICE)
        assert flip.above.value == pytest.approx(30 + 5 * math.log(written))


def test_a_lead_that_never_ends_has_no_flip():
    price = sample(PRICE, 1)
    lead = 100.0 - np.array(price)[:, None] + noise(5)
    (flip,) = flips_of(lead, {PRICE: price}, [20.0]).flips
    # The line crosses zero at 100, far beyond the range: that is not said.
    assert flip.status == "none"
    assert flip.turns == ()


def test_a_flip_just_beyond_the_range_cannot_be_ruled_out():
    price = sample(PRICE, 1)
    lead = 50.5 - np.array(price)[:, None] + noise(5)
    (flip,) = flips_of(lead, {PRICE: price}, [20.0]).flips
    assert flip.status != "none"


def test_a_hump_has_a_turn_on_both_sides():
    price = sample(PRICE, 1)
    lead = np.array([100.0 - (p - 30.0) ** 2 for p in price])[:, None] * np.ones(3)
    found = flips_of(lead, {PRICE: price}, [30.0])
    assert found.shape == "curves"
    (flip,) = found.flips
    assert flip.below.value == pytest.approx(20.0, abs=0.01)
    assert flip.above.value == pytest.approx(40.0, abs=0.01)


def test_products_of_assumptions_are_seen():
    price, trust = sample(PRICE, 1), sample(TRUST, 2)
    lead = np.array([(30.0 - p) * math.log(t) for p, t in zip(price, trust, strict=True)])
    found = flips_of(lead[:, None] * np.ones(3), {PRICE: price, TRUST: trust}, [20.0, 4.0])
    assert found.shape == "curves and products"
    turn = {flip.factor.name: flip.turns for flip in found.flips}
    assert turn["products.0.price"][0][1].value == pytest.approx(30.0, abs=0.01)
    assert turn["trust"][0][0] == "below"
    assert turn["trust"][0][1].value == pytest.approx(1.0, abs=0.01)


def test_categories_that_lose_are_named():
    kind = sample(KIND, 4, 30)
    lead = np.array([{"campus": 5.0, "lattice": 2.0, "ring": -3.0}[one] for one in kind])
    (flip,) = flips_of(lead[:, None] * np.ones(3), {KIND: kind}, ["campus"]).flips
    assert flip.status == "flips"
    assert flip.lost == ("ring",)
    assert flip.change == pytest.approx(8.0)


def test_too_few_worlds_say_so():
    price, trust = sample(PRICE, 1, 6), sample(TRUST, 2, 6)
    found = flips_of(np.ones((6, 3)), {PRICE: price, TRUST: trust}, [20.0, 1.0])
    assert found.shape is None
    assert found.flips == ()
    assert found.fewest == 7
    more = flips_of(
        np.ones((7, 3)), {PRICE: sample(PRICE, 1, 7), TRUST: sample(TRUST, 2, 7)}, [20.0, 1.0]
    )
    assert more.shape is not None


def test_noise_alone_gives_no_sound_fit():
    price = sample(PRICE, 1)
    found = flips_of(uniform_rows(9, WORLDS, 2) - 0.5, {PRICE: price}, [20.0])
    assert not found.is_sound


def test_a_value_that_is_not_set_or_out_of_the_range_is_moved_into_it():
    price = sample(PRICE, 1)
    lead = 42.0 - np.array(price)[:, None] * np.ones(3)
    assert flips_of(lead, {PRICE: price}, [None]).written[0] == pytest.approx(12.0)
    assert flips_of(lead, {PRICE: price}, [5.0]).written[0] == pytest.approx(32.0)


def test_intervals_hold_the_planted_crossing():
    # 100 problems; of 95 % intervals fewer than 88 would hold it with a chance of 0.1 % (binomial).
    held = 0
    for seed in range(100):
        price = sample(PRICE, 10_000 + seed, 25)
        lead = 30.0 - np.array(price)[:, None] + noise(2 * seed + 100, 25, 6)
        (flip,) = find_flips(
            [PRICE], [price], [20.0], lead, leader="a", rival="b", seed=seed
        ).flips  # fmt: skip
        above = flip.above
        held += (above.low or 0.0) <= 30.0 <= (math.inf if above.high is None else above.high)
    assert held >= 88


def test_the_answer_is_a_function_of_data_and_seed():
    price = sample(PRICE, 1)
    lead = 42.0 - np.array(price)[:, None] + noise(7)
    assert flips_of(lead, {PRICE: price}, [20.0]) == flips_of(lead, {PRICE: price}, [20.0])
