"""With the social part off, repeat buying is BG/NBD, and staying is sBG."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.measures import member_survival
from sim.model import WordOfMouthModel
from sim.scenario import Scenario
from sim.theory_buying import bg_nbd_repeats, repeats_in_ticks, sbg_survival
from tests.worlds import plain_scenario

# CDNOW, in weeks: Fader, Hardie and Lee (2005), table 2.
CDNOW = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
PER_WEEK = 7


def customers(days: float, dt: float, size: int, **population) -> Scenario:
    """Everybody bought yesterday; nobody talks, nobody comes from outside."""
    return plain_scenario(
        days=days,
        dt=dt,
        population={"size": size, "repeat_shape": CDNOW["r"], **population},
        campaign={"organic_visits": 0.0, "initial_customers": 1.0, "initial_tenure_days": 1.0},
        products=[
            {
                "price": 36.0,
                "repurchase_days": PER_WEEK * CDNOW["alpha"] / CDNOW["r"],
                "refund_days": 0,
            }
        ],
    )


def moments(model: WordOfMouthModel, ticks: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance (N,) of everybody's repeat orders, given her own pace and dropout."""
    people, scenario = model.world.people, model.scenario
    pace = people.purchase_rate.astype(np.float64) / scenario.products[0].repurchase_days
    return repeats_in_ticks(-np.expm1(-pace * scenario.dt), people.dropout, ticks)


@pytest.fixture(scope="module")
def cdnow() -> WordOfMouthModel:
    """Six thousand customers with the parameters of CDNOW for 39 weeks of quarter days."""
    scenario = customers(39 * PER_WEEK, 0.25, 6000, dropout_a=CDNOW["a"], dropout_b=CDNOW["b"])
    return WordOfMouthModel(scenario).run()


def test_repeat_orders_given_everybodys_traits(cdnow):
    mean, variance = moments(cdnow, cdnow.scenario.ticks)
    orders = cdnow.outcomes()["orders"]
    assert abs(orders - mean.sum()) / math.sqrt(variance.sum()) < 5


@pytest.mark.parametrize("weeks", [4, 13, 26, 39])
def test_repeat_orders_of_a_population_are_bg_nbd(cdnow, weeks):
    ticks = round(weeks * PER_WEEK / cdnow.scenario.dt)
    orders = int(cdnow.daily["orders"][:ticks].sum())
    mean, variance = moments(cdnow, ticks)
    sd = math.sqrt(mean.size * (variance.mean() + mean.var()))
    assert abs(orders - mean.size * bg_nbd_repeats(weeks, **CDNOW)) / sd < 5
    assert abs(orders - mean.size * bg_nbd_repeats(1.6 * weeks, **CDNOW)) / sd > 5  # 60 % too long


def test_without_dropout_repeat_orders_are_poisson():
    scenario = customers(100, 0.5, 4000, dropout_a=0.0, repeat_shape=1000.0)
    model = WordOfMouthModel(scenario).run()
    mean, variance = moments(model, model.scenario.ticks)
    expected = 4000 * 100 / scenario.products[0].repurchase_days
    assert mean.sum() == pytest.approx(expected, rel=0.01)
    assert abs(model.outcomes()["orders"] - mean.sum()) / math.sqrt(variance.sum()) < 5
    assert model.outcomes()["members_end"] == 4000


def test_lapsed_customers_never_buy_again_by_themselves(cdnow):
    gone = np.flatnonzero(cdnow.state.status != 1)
    last = cdnow.state.last_order[0][gone]
    assert gone.size > 100
    assert (last <= cdnow.state.left[gone]).all()


def z_scores(count: np.ndarray, size: int, share: np.ndarray) -> np.ndarray:
    return (count - size * share) / np.sqrt(size * share * (1 - share))


def newcomers(days: float, **population) -> Scenario:
    """Everybody joins on day 0."""
    return plain_scenario(
        days=days,
        population={"size": 5000, "visit_rate": 1000.0, "visit_spread": 0.0, **population},
        campaign={"organic_visits": 0.0, "seeding": {"count": 5000}},
        products=[{"price": 36.0, "repurchase_days": 1e9, "refund_days": 0}],
    )


def test_membership_is_sbg():
    scenario = newcomers(100, lapse_a=0.668, lapse_b=3.806, lapse_period_days=10.0)
    model = WordOfMouthModel(scenario).run()
    periods = np.arange(1, 11)
    members = model.daily["members"].to_numpy()[10 * periods - 1]
    assert np.abs(z_scores(members, 5000, sbg_survival(periods, a=0.668, b=3.806))).max() < 5
    assert np.abs(z_scores(members, 5000, sbg_survival(periods, a=0.668, b=2.8))).max() > 5
    kept = member_survival(model.record())[10 * periods - 1]
    assert np.array_equal(np.round(kept * 5000), members)


def test_the_habit_is_sbg_and_gives_the_published_retention():
    scenario = newcomers(40, habit_a=0.351, habit_b=0.124)
    model = WordOfMouthModel(scenario).run()
    days = np.array([1, 7, 30])
    share = sbg_survival(days, a=0.351, b=0.124)
    assert share == pytest.approx([0.261, 0.125, 0.075], abs=0.001)
    visitors = model.daily["visits"].to_numpy()[days]
    assert np.abs(z_scores(visitors, 5000, share)).max() < 5
    assert np.abs(z_scores(visitors, 5000, sbg_survival(days, a=0.351, b=0.16))).max() > 5
    measured = [model.outcomes()[f"retention_d{n}"] for n in days]
    assert measured == (visitors / 5000).tolist()


def test_half_days_lose_as_much_as_whole_days():
    scenario = newcomers(16, habit_a=0.8, habit_b=1.5).but(dt=0.5)
    model = WordOfMouthModel(scenario).run()
    for days in (1, 7, 15):
        # A day of two ticks ends with the second: who came in either is seen.
        seen = np.array([model.daily["visits"][2 * days + 1]])
        assert abs(z_scores(seen, 5000, sbg_survival(days, a=0.8, b=1.5))[0]) < 5


def test_initial_customers_are_aged_by_the_same_hazards():
    scenario = plain_scenario(
        days=1,
        population={"size": 8000, "lapse_a": 0.9, "lapse_b": 2.0, "lapse_period_days": 50.0},
        campaign={"organic_visits": 0.0, "initial_customers": 1.0, "initial_tenure_days": 200.0},
    )
    model = WordOfMouthModel(scenario)
    hazard = model.world.people.lapse_hazard.astype(np.float64)
    stays = -np.expm1(-hazard * 200) / np.maximum(hazard * 200, 1e-300)  # over a uniform tenure
    members = np.count_nonzero(model.state.status == 1)
    z = (members - stays.sum()) / math.sqrt((stays * (1 - stays)).sum())
    assert abs(z) < 5
    late = np.exp(-hazard * 200)  # planted: everybody joined at the earliest moment
    assert abs(members - late.sum()) / math.sqrt((stays * (1 - stays)).sum()) > 5
