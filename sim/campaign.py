"""The platform's plan as a calendar: prices, advertising, activities and win-backs tick by tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.quantities import cents
from sim.scenario import Scenario


class Calendar(NamedTuple):
    """What the platform does at every tick of a run. K ticks, P products."""

    price_cents: np.ndarray  # (K, P) int64
    organic: np.ndarray  # (K,) float64 chance that a person visits by herself
    participation: np.ndarray  # (K,) float64 chance that a member takes part in the activity
    activity_product: np.ndarray  # (K,) int64 product of the activity
    win_back: np.ndarray  # (K,) float64 chance that a lapsed customer returns


def make_calendar(scenario: Scenario) -> Calendar:
    """The calendar of a scenario; events before day 0 or after the horizon leave no trace."""
    ticks, dt, plan = scenario.ticks, scenario.dt, scenario.campaign

    def tick_of(day: float) -> int:
        return int(np.ceil(day / dt - 1e-9))

    prices = np.tile([cents(product.price, "price") for product in scenario.products], (ticks, 1))
    for change in sorted(plan.price_changes, key=lambda change: change.day):
        column = scenario.product_index(change.product)
        prices[tick_of(change.day) :, column] = cents(change.price, "price")
    visits_per_day = np.full(ticks, plan.organic_visits)
    for flight in plan.advertising:
        visits_per_day[tick_of(flight.start_day) : tick_of(flight.end_day)] += flight.reach_per_day
    participation, activity_product = np.zeros(ticks), np.zeros(ticks, dtype=np.int64)
    for activity in plan.activities:
        if tick_of(activity.day) < ticks:
            participation[tick_of(activity.day)] = activity.participation
            activity_product[tick_of(activity.day)] = scenario.product_index(activity.product)
    win_back = np.zeros(ticks)
    for mailing in plan.win_backs:
        if tick_of(mailing.day) < ticks:
            win_back[tick_of(mailing.day)] = mailing.success
    return Calendar(
        price_cents=prices.astype(np.int64),
        organic=1 - np.exp(-visits_per_day * dt),
        participation=participation,
        activity_product=activity_product,
        win_back=win_back,
    )
