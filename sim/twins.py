"""A run against its twin: the same world and luck without the policy.

Orders are paired by person, product and rank, so every order is one of three: the twin does not
have it by the end (*caused*), has it later (*accelerated*), or has it by then anyway.
Definitions follow table C of the literature sheet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.measures import Run, commission_per_order, is_refunded
from sim.orders import PHANTOM, Orders
from sim.population import MEMBER, NEVER
from sim.quantities import Column

TWIN_MEASURES: dict[str, Column] = {
    "incremental_orders": Column(
        "orders", "orders more than in the twin (bought only because, less those lost)"
    ),
    "accelerated_orders": Column("orders", "orders that the twin has too, but later"),
    "cannibalised_orders": Column(
        "orders", "orders the policy paid for that the twin has at the same time or earlier"
    ),
    "incremental_cac_cents": Column(
        "cents per customer",
        "(payout + discounts) per additional new customer, nan if there are none",
    ),
    "roi": Column(
        "ratio",
        "(profit - profit of the twin) / (payout + discounts), nan if nothing was spent",
    ),
    "earners_kept": Column(
        "share",
        "share of earners who are members at the end, less that of the same people in the twin",
    ),
    "credited_caused": Column(
        "orders", "orders that the policy rewarded and the twin does not have by the end"
    ),
    "credited_not_caused": Column(
        "orders",
        "orders that the policy rewarded and the twin has, sooner or later: the cannibalised and "
        "the rewarded among the accelerated",
    ),
    "caused_not_credited": Column(
        "orders",
        "orders that the twin does not have and that nobody was rewarded for: recommendations "
        "remembered, customers who stay, and chance",
    ),
    "deadweight_cents": Column("cents", "what was paid for orders credited but not caused"),
}
"""Outcome columns against the twin world, in order, with unit and meaning.

A policy credits what it rewards. Orders lost are credited_caused + caused_not_credited -
incremental_orders.
"""


class Matched(NamedTuple):
    """Orders of a run and of its twin, the k-th of a consumer for a product side by side.

    A row per order of either world, phantoms left out: tick in each (-1 where the world has none),
    whether the policy rewarded it (a commission accrued, taken back or not, or the buyer got a
    discount), and what that costs: commission that stands, and the discount unless the order was
    refunded.
    """

    tick: np.ndarray  # int64
    twin_tick: np.ndarray  # int64
    rewarded: np.ndarray  # bool
    cost_cents: np.ndarray  # int64

    @property
    def caused(self) -> np.ndarray:
        """Orders that the twin does not have by the end, bool (rows,)."""
        return (self.tick >= 0) & (self.twin_tick < 0)

    @property
    def shared(self) -> np.ndarray:
        """Orders that both worlds have by the end, bool (rows,)."""
        return (self.tick >= 0) & (self.twin_tick >= 0)


def match_orders(run: Run, twin: Run) -> Matched:
    """Pair the k-th order of every consumer and product in ``run`` with the k-th in ``twin``."""
    orders, sales = run.orders, run.orders.fraud != PHANTOM
    rewarded = run.ledger.commissioned(orders.order_id) | (orders.discount_cents > 0)
    cost = commission_per_order(run) + np.where(is_refunded(run), 0, orders.discount_cents)
    keys, sequence = _ranked(orders.take(sales))
    twin_keys, twin_sequence = _ranked(twin.sales)
    every = np.union1d(keys, twin_keys)
    absent = np.full(every.size, -1, np.int64)
    matched = Matched(
        absent, absent.copy(), np.zeros(every.size, bool), np.zeros(every.size, np.int64)
    )
    here = np.searchsorted(every, keys)
    matched.tick[here] = orders.tick[sales][sequence]
    matched.rewarded[here] = rewarded[sales][sequence]
    matched.cost_cents[here] = cost[sales][sequence]
    matched.twin_tick[np.searchsorted(every, twin_keys)] = twin.sales.tick[twin_sequence]
    return matched


def _ranked(orders: Orders) -> tuple[np.ndarray, np.ndarray]:
    """Keys (person, product, how many-eth order), ascending, and the orders they belong to."""
    pair = orders.buyer.astype(np.int64) << 15 | orders.product.astype(np.int64)
    sequence = np.lexsort((orders.order_id, pair))
    pair = pair[sequence]
    first = (
        np.flatnonzero(np.r_[True, pair[1:] != pair[:-1]]) if pair.size else np.empty(0, np.intp)
    )
    lengths = np.diff(np.r_[first, pair.size])
    rank = np.arange(pair.size) - np.repeat(first, lengths)
    return pair << 16 | np.minimum(rank, 65535), sequence


def compare_with_twin(run: Run, twin: Run) -> dict[str, float | int]:
    """What the policy caused, against the same world and luck without it.

    By name; the columns of :data:`TWIN_MEASURES`.
    """
    matched = match_orders(run, twin)
    caused, shared, rewarded = matched.caused, matched.shared, matched.rewarded
    earlier = shared & (matched.tick < matched.twin_tick)
    spent = int(run.daily["payout_cents"].sum() + run.daily["discount_cents"].sum())
    gained = int(run.daily["new_customers"].sum() - twin.daily["new_customers"].sum())
    profit = int(run.daily["profit_cents"].sum() - twin.daily["profit_cents"].sum())
    return {
        "incremental_orders": int((matched.tick >= 0).sum() - (matched.twin_tick >= 0).sum()),
        "accelerated_orders": int(earlier.sum()),
        "cannibalised_orders": int((shared & ~earlier & rewarded).sum()),
        "incremental_cac_cents": spent / gained if gained > 0 else float("nan"),
        "roi": profit / spent if spent > 0 else float("nan"),
        "earners_kept": earners_kept(run, twin),
        "credited_caused": int((caused & rewarded).sum()),
        "credited_not_caused": int((shared & rewarded).sum()),
        "caused_not_credited": int((caused & ~rewarded).sum()),
        "deadweight_cents": int(matched.cost_cents[shared].sum()),
    }


def earners_kept(run: Run, twin: Run) -> float:
    """Share of earners who are members at the end, less that of the same people in the twin.

    Customers of both worlds only; 0 without earners. A person is compared with herself, so this
    is not that loyal people share more.
    """
    earned = (run.ledger.earned_cents > 0) & (twin.state.joined != NEVER)
    if not earned.any():
        return 0.0
    stayed = np.count_nonzero(run.state.status[earned] == MEMBER)
    would_have = np.count_nonzero(twin.state.status[earned] == MEMBER)
    return (int(stayed) - int(would_have)) / int(np.count_nonzero(earned))
