"""The platform's plan, tick by tick."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.campaign import Calendar, make_calendar
from sim.errors import InputError
from sim.scenario import Scenario


def calendar(days: float = 10, dt: float = 1.0, **campaign) -> Calendar:
    """Two products, and nothing planned that a test does not plan."""
    return make_calendar(
        Scenario.from_table(
            {
                "days": days,
                "dt": dt,
                "products": [{"name": "a", "price": 10.0}, {"name": "b", "price": 20.05}],
                "campaign": {"organic_visits": 0.0, **campaign},
            }
        )
    )


def test_a_quiet_plan():
    quiet = calendar()
    assert quiet.price_cents.dtype == np.int64
    assert (quiet.price_cents == [1000, 2005]).all()
    for column in (quiet.organic, quiet.participation, quiet.win_back):
        assert column.shape == (10,)
        assert (column == 0).all()


def test_prices_change_from_their_day_on_whatever_the_order_in_the_file():
    later = {"day": 6, "price": 7.0}
    earlier = {"day": 3, "price": 8.0}
    for plan in ([later, earlier], [earlier, later]):
        prices = calendar(price_changes=plan).price_cents
        assert prices[:, 0].tolist() == [1000] * 3 + [800] * 3 + [700] * 4
        assert (prices[:, 1] == 2005).all()


def test_the_product_of_a_price_change_is_found_by_name():
    prices = calendar(price_changes=[{"day": 0, "product": "b", "price": 0.0}]).price_cents
    assert (prices == [1000, 0]).all()


def test_flights_of_advertising_add_up_with_the_organic_rate():
    flights = [
        {"start_day": 2, "end_day": 5, "reach_per_day": 0.3},
        {"start_day": 4, "end_day": 99, "reach_per_day": 0.2},
    ]
    found = calendar(organic_visits=0.1, advertising=flights).organic
    rates = np.array([0.1, 0.1, 0.4, 0.4, 0.6, 0.3, 0.3, 0.3, 0.3, 0.3])
    assert found == pytest.approx(1 - np.exp(-rates), rel=1e-12)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            {"advertising": [{"start_day": 5, "end_day": 2}]},
            "end_day = 2 is not after start_day = 5",
        ),
        ({"activities": [{"day": 3}, {"day": 3}]}, "activities: two on one day"),
        ({"win_backs": [{"day": 3}, {"day": 3}]}, "win_backs: two on one day"),
    ],
)
def test_a_plan_that_cannot_happen_is_refused(plan, message):
    with pytest.raises(InputError, match=message):
        calendar(**plan)


@pytest.mark.parametrize(("dt", "tick"), [(1.0, 3), (0.5, 6), (0.1, 30), (2.0, 2), (0.7, 5)])
def test_events_fall_on_the_first_tick_not_before_their_day(dt, tick):
    plan = calendar(
        dt=dt,
        activities=[{"day": 3, "product": "b", "participation": 0.4}],
        win_backs=[{"day": 3, "success": 0.2}],
        price_changes=[{"day": 3, "price": 5.0}],
    )
    assert np.flatnonzero(plan.participation).tolist() == [tick]
    assert (plan.participation[tick], plan.activity_product[tick]) == (0.4, 1)
    assert np.flatnonzero(plan.win_back).tolist() == [tick]
    assert np.flatnonzero(plan.price_cents[:, 0] == 500)[0] == tick


def test_events_after_the_horizon_leave_no_trace():
    plan = calendar(
        activities=[{"day": 10}], win_backs=[{"day": 10}],
        price_changes=[{"day": 10, "price": 1.0}],
        advertising=[{"start_day": 10, "end_day": 20, "reach_per_day": 1.0}],
    )  # fmt: skip
    for one, other in zip(plan, calendar(), strict=True):
        assert np.array_equal(one, other)


def test_a_days_chance_is_that_of_its_halves():
    whole, half = (calendar(dt=dt, organic_visits=0.3).organic[0] for dt in (1.0, 0.5))
    assert 1 - (1 - half) ** 2 == pytest.approx(whole, rel=1e-12)
    assert whole == pytest.approx(1 - math.exp(-0.3), rel=1e-12)
