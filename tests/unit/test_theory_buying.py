"""The closed forms of buying and staying against brute force, integrals and published numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from sim.theory_buying import (
    bg_nbd_repeats,
    demand_curve,
    geometric_payout,
    repeats_in_ticks,
    sbg_retention,
    sbg_survival,
)

CDNOW = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def test_bg_nbd_gives_the_published_expectations_up_to_the_rounding_of_its_parameters():
    found = bg_nbd_repeats([1, 3, 223 / 7, 78], **CDNOW)
    assert found == pytest.approx([0.0532, 0.1506, 1.0405, 1.8576], rel=0.003)
    assert bg_nbd_repeats(0, **CDNOW) == 0


def test_bg_nbd_is_the_integral_over_traits():
    rate = special.gammaincinv(CDNOW["r"], (np.arange(4000) + 0.5) / 4000) / CDNOW["alpha"]
    dropout = special.betaincinv(CDNOW["a"], CDNOW["b"], (np.arange(1000) + 0.5) / 1000)[:, None]
    by_hand = (-np.expm1(-rate * dropout * 39) / dropout).mean()
    assert by_hand == pytest.approx(float(bg_nbd_repeats(39, **CDNOW)), rel=2e-3)


@pytest.mark.parametrize(("chance", "dropout"), [(0.3, 0.4), (0.9, 1.0), (1.0, 1.0), (0.2, 0.0)])
def test_orders_in_ticks_are_those_of_every_possible_history(chance, dropout):
    ticks, moments = 5, np.zeros(3)
    # In each tick an order would come or not, and would be the last or not.
    for history in itertools.product(itertools.product((0, 1), (0, 1)), repeat=ticks):
        probability, orders, alive = 1.0, 0, True
        for comes, is_last in history:
            probability *= chance if comes else 1 - chance
            probability *= dropout if is_last else 1 - dropout
            orders += alive and comes
            alive = alive and not (comes and is_last)
        moments += probability * np.array([1, orders, orders**2])
    mean, variance = repeats_in_ticks(chance, dropout, ticks)
    assert moments[0] == pytest.approx(1)
    assert mean == pytest.approx(moments[1])
    assert variance == pytest.approx(moments[2] - moments[1] ** 2)


def test_fine_ticks_approach_bg_nbd_from_below():
    rate = special.gammaincinv(CDNOW["r"], (np.arange(2000) + 0.5) / 2000) / CDNOW["alpha"]
    dropout = special.betaincinv(CDNOW["a"], CDNOW["b"], (np.arange(200) + 0.5) / 200)[:, None]
    exact = (-np.expm1(-rate * dropout * 4) / dropout).mean()
    lost = [
        1 - repeats_in_ticks(-np.expm1(-rate / n), dropout, 4 * n)[0].mean() / exact
        for n in (7, 14)
    ]
    assert 0 < lost[1] < lost[0] < 0.02
    assert lost[0] / lost[1] == pytest.approx(2, rel=0.05)  # the error is proportional to the tick


def test_sbg_gives_the_published_retention_and_its_product_is_survival():
    periods = np.arange(1, 6)
    retention = sbg_retention(periods, a=0.704, b=1.182)
    assert retention == pytest.approx([0.627, 0.756, 0.819, 0.856, 0.880], abs=5e-4)
    assert np.cumprod(retention) == pytest.approx(sbg_survival(periods, a=0.704, b=1.182))
    beta = stats.beta(0.704, 1.182)
    assert sbg_survival(3, a=0.704, b=1.182) == pytest.approx(beta.expect(lambda p: (1 - p) ** 3))


CHOICE = {"valuation": 40.0, "spread": 0.6, "intercept": -1.2, "taste": 2.5, "value": 1.4}


@pytest.mark.parametrize(("price", "visit", "visits"), [(20.0, 1.0, 1), (80.0, 0.3, 12)])
def test_the_demand_curve_is_the_double_integral(price, visit, visits):
    def buys(affinity: float, z: float) -> float:
        worth = math.log(40.0 / price) + 0.6 * z
        chance = special.expit(-1.2 + 2.5 * (affinity - 0.5) + 1.4 * worth)
        return (1 - (1 - visit * chance) ** visits) * stats.norm.pdf(z)

    by_hand = integrate.dblquad(buys, -8, 8, 0, 1)[0]
    found = demand_curve(price, visit=visit, visits=visits, **CHOICE)
    assert found == pytest.approx(by_hand, abs=1e-7)


def test_demand_falls_with_the_price():
    found = demand_curve(np.geomspace(1, 1000, 50), **CHOICE)
    assert found.shape == (50,)
    assert (np.diff(found) < 0).all()


def test_geometric_payouts_add_up():
    assert geometric_payout([1, 2, 3], rate=0.1, ratio=0.5) == pytest.approx([0.1, 0.15, 0.175])
    assert geometric_payout(60, rate=0.1, ratio=0.5) == pytest.approx(0.2)
