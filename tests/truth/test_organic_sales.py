"""With sharing off, sales are the chance of a visit times the demand curve, in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from sim.scenario import Scenario
from sim.theory_buying import demand_curve
from sim.world import World, make_world
from tests.worlds import plain_scenario, run

INTERCEPT, TASTE, PRICE = -1.2, 2.5, 1.4
SPREAD, VALUATION = 0.6, 40.0
SILENT = {"purchase": {"intercept": INTERCEPT, "taste": TASTE, "price": PRICE}}


def shop(**changes) -> Scenario:
    """Two thousand strangers, one product, nobody talks."""
    base = plain_scenario(
        behavior=SILENT,
        population={"size": 2000, "valuation_spread": SPREAD},
        products=[
            {"price": 36.0, "valuation": VALUATION, "refund_days": 0, "repurchase_days": 1e9}
        ],
    )
    return base.but(**changes)


def chances(world: World, scenario: Scenario) -> np.ndarray:
    """Chance (P, N) that each person buys each product when she looks at it."""
    price = np.array([[100 * product.price] for product in scenario.products])
    people = world.people
    value = np.log(people.valuation_cents.astype(np.float64) / price)
    return special.expit(INTERCEPT + TASTE * (people.affinity - 0.5) + PRICE * value)


def z_of(count: float, probabilities: np.ndarray) -> float:
    """Standard score of a sum of independent Bernoulli trials with these chances."""
    variance = (probabilities * (1 - probabilities)).sum()
    return float((count - probabilities.sum()) / math.sqrt(variance))


@pytest.mark.parametrize("dt", [0.5, 1.0, 2.0])
def test_new_customers_are_the_sum_of_everybodys_chance(dt):
    scenario = shop(dt=dt)
    world = make_world(scenario, 3)
    model = run(scenario, world=world)
    visit = 1 - math.exp(-0.05 * dt)
    ever = 1 - (1 - visit * chances(world, scenario)[0]) ** scenario.ticks
    assert abs(z_of(model.outcomes()["new_customers"], ever)) < 5
    wrong = 1 - (1 - 1.35 * visit * chances(world, scenario)[0]) ** scenario.ticks
    assert abs(z_of(model.outcomes()["new_customers"], wrong)) > 5  # visits 35 % too frequent


def test_a_visitor_looks_at_each_product_as_often():
    products = [
        {"name": name, "price": price, "valuation": VALUATION, "repurchase_days": 1e9}
        for name, price in (("a", 20.0), ("b", 30.0), ("c", 60.0))
    ]
    scenario = shop(
        products=products, days=1, campaign={"organic_visits": 1.0}, population={"size": 8000}
    )
    world = make_world(scenario, 3)
    orders = run(scenario, world=world).ledger.orders()
    visit = 1 - math.exp(-1.0)
    chance = chances(world, scenario)
    for p in range(3):
        sold = np.count_nonzero(orders.product == p)
        assert abs(z_of(sold, visit / 3 * chance[p])) < 5
        assert abs(z_of(sold, visit / 2 * chance[p])) > 5  # as if of two products


def test_advertising_adds_its_rate_while_it_runs():
    flight = {"start_day": 5, "end_day": 8, "reach_per_day": 0.6}
    scenario = shop(days=10, campaign={"organic_visits": 0.0, "advertising": [flight]})
    world = make_world(scenario, 3)
    model = run(scenario, world=world)
    assert model.daily["orders"].drop(index=[5, 6, 7]).sum() == 0
    ever = 1 - (1 - (1 - math.exp(-0.6)) * chances(world, scenario)[0]) ** 3
    assert abs(z_of(model.outcomes()["new_customers"], ever)) < 5


def demand(price: float) -> float:
    """Share of people who buy at ``price``, over all tastes and valuations."""
    return float(
        demand_curve(
            price, valuation=VALUATION, spread=SPREAD, intercept=INTERCEPT, taste=TASTE,
            value=PRICE,
        )
    )  # fmt: skip


def sold_at(price: float) -> int:
    """Orders of five thousand people who all look once."""
    scenario = shop(
        days=1,
        campaign={"organic_visits": 10.0},
        population={"size": 5000},
        products=[{"price": price, "valuation": VALUATION, "repurchase_days": 1e9}],
    )
    return int(run(scenario).outcomes()["orders"])


def test_orders_fall_with_the_price_as_the_demand_curve_says():
    prices = (10.0, 20.0, 40.0, 80.0, 160.0)
    sold = [sold_at(price) for price in prices]
    assert sold == sorted(sold, reverse=True)
    for price, orders in zip(prices, sold, strict=True):
        share = (1 - math.exp(-10)) * demand(price)
        z = (orders - 5000 * share) / math.sqrt(5000 * share * (1 - share))
        assert abs(z) < 5, (price, z)
        off = 5000 * (1 - math.exp(-10)) * demand(1.4 * price)  # planted: price 40 % too high
        assert abs(orders - off) / math.sqrt(5000 * share * (1 - share)) > 5


def test_the_same_person_never_stops_buying_because_the_price_falls():
    scenarios = [
        shop(days=1, products=[{"price": p, "valuation": VALUATION}]) for p in (50.0, 40.0)
    ]
    dear, cheap = (set(run(s).ledger.orders().buyer) for s in scenarios)
    assert dear < cheap


def test_free_products_are_bought_by_nearly_everybody_who_looks():
    assert sold_at(0.0) > 0.98 * 5000
