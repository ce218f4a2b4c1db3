"""A shop with opportunists in it, and the orders of people who bought before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sim.incentives import (
    Scheme,
)
from sim.network import SocialGraph
from sim.opportunists import (
    Opportunists,
)
from sim.orders import Orders
from sim.scenario import Scenario
from tests.money_world import Shop, make_orders

FREE = 0.0  # attempts per day: no phantom orders
ALWAYS = 10.0  # attempts per day: next to everybody tries every day


def scenario_of(prices: Any = (20,), refund_days: int = 14, **population: Any) -> Scenario:
    products = [
        {"name": f"product {p}", "price": price, "refund_days": refund_days}
        for p, price in enumerate(prices)
    ]
    changes = dict(population)
    attribution = changes.pop("attribution", {})
    return Scenario(
        products=products,
        attribution=attribution,
        population={"opportunists": 1.0, "opportunist_rate": FREE, **changes},
    )


class Scene(NamedTuple):
    """A shop with opportunists in it."""

    shop: Shop
    opportunists: Opportunists

    def play(self, orders: Orders, tick: int = 0) -> Orders:
        self.shop.market.advance(tick)
        return self.opportunists.play(orders)

    def run(self, tick: int, orders: Orders) -> Orders:
        """Play, then book and settle."""
        booked = self.shop.day(tick, self.play(orders, tick))
        assert booked is not None
        return booked


def scene(
    scheme: Scheme,
    *,
    size: int = 5,
    players: Any = True,
    ties: Any = (),
    shop: dict[str, Any] | None = None,
    prices: Any = (20,),
    **world: Any,
) -> Scene:
    place = Shop(scheme, size, prices=[100 * p for p in prices], costs=[0] * len(prices),
                 **(shop or {}))  # fmt: skip
    source, target = np.array(ties, np.int64).reshape(-1, 2).T
    graph = SocialGraph.from_edges(source, target, size=size)
    who = np.array(np.broadcast_to(players, size), bool)
    who = who if np.ndim(players) or players else np.zeros(size, bool)
    scenario = scenario_of(prices, **world)
    return Scene(place, Opportunists(scenario, who, place.programme, graph.arrays))


def habitual(order_id: Any = (0,), **columns: Any) -> Orders:
    """Orders of people who bought before, through nobody's link."""
    return make_orders(order_id, **{"buyer": 2, "new_customer": False, "channel": 0, **columns})
