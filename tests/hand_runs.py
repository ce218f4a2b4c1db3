"""Runs made by hand, whose measures can be read off."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.ledger import Ledger
from sim.measures import DAILY, Run
from sim.network import SocialGraph
from sim.orders import Orders
from sim.population import empty_state
from sim.scenario import Scenario


def made_by_hand(
    *,
    people: int = 6,
    ticks: int = 40,
    month: int = 30,
    orders: Orders | None = None,
    daily: dict[str, Any] | None = None,
    ledger: Ledger | None = None,
    **state: Any,
) -> Run:
    """A run with these orders, daily columns and state; the rest is as on the first morning."""
    start = empty_state(people, 0, 2)
    for name, values in state.items():
        getattr(start, name)[...] = values
    columns = {name: np.zeros(ticks, np.int64) for name in DAILY}
    for name, values in (daily or {}).items():
        columns[name][: len(values)] = values
    return Run(
        scenario=Scenario(),
        graph=SocialGraph.from_edges([], [], size=people),
        daily=columns,
        orders=orders if orders is not None else Orders.empty(),
        ledger=ledger if ledger is not None else Ledger(people),
        state=start,
        month_ticks=month,
        retention_ticks=np.array([1, 7, 30]),
        ticks=ticks,
    )
