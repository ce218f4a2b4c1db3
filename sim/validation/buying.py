"""Buying and staying without talk: BG/NBD, sBG and the demand curve (B13, B14, D1)."""

from __future__ import annotations

import itertools
import math

import numpy as np

from sim.model import WordOfMouthModel
from sim.reductions import demand_model, repeat_buying_model, retention_model
from sim.theory_buying import (
    bg_nbd_repeats,
    demand_curve,
    repeats_in_ticks,
    sbg_retention,
    sbg_survival,
)
from sim.validation.target import (
    Curve,
    Finding,
    Picture,
    Plant,
    Reading,
    Target,
    none_may,
    z_reading,
)

SIGMAS = 5.0
WEEK = 7

# Repeat buying -------------------------------------------------------------------------------

CDNOW = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
"""Per week: Fader, Hardie and Lee (2005), table 2."""

PUBLISHED = {1.0: 0.0532, 3.0: 0.1506, 223 / 7: 1.0405, 78.0: 1.8576}
"""Weeks and expected repeat orders, from a fit that was not rounded."""


class RepeatOrders:
    """Orders by tick, and by person at the end, of one or more groups of customers."""

    def __init__(self, weeks: float, dt: float, size: int, groups: int) -> None:
        self.people = size * groups
        by_tick = []
        for group in range(groups):
            model = repeat_buying_model(size, **CDNOW, periods=weeks, dt=dt, replication=group)
            by_tick.append(model.run().daily["orders"].to_numpy())
        self.by_tick = np.sum(by_tick, axis=0)
        # What the last group did, for its own chances.
        self.scenario = model.scenario
        self.own = model.state.orders[0].astype(np.float64) - 1
        self.traits = model.world.people

    def by(self, weeks: float) -> float:
        """Mean repeat orders of a customer by a week."""
        ticks = round(weeks * WEEK / self.scenario.dt)
        return float(self.by_tick[:ticks].sum()) / self.people

    def error(self, expected: float) -> float:
        """Standard error of a mean of ``expected`` orders, at most: variance over mean rises."""
        return float(self.own.std()) * math.sqrt(expected / self.own.mean() / self.people)

    def given_traits(self, most: int) -> Reading:
        """Orders of up to ``most`` people against what their own pace and dropout come to.

        The exact law of the model in its ticks, in which an order is at most one: no error of
        discretisation is left.
        """
        pace = self.traits.purchase_rate[:most].astype(np.float64)
        chance = -np.expm1(-pace / self.scenario.products[0].repurchase_days * self.scenario.dt)
        dropout = self.traits.dropout[:most].astype(np.float64)
        mean, variance = repeats_in_ticks(chance, dropout, self.scenario.ticks)
        return z_reading(
            f"repeat orders of {mean.size:,} people at their own pace and dropout",
            float(self.own[:most].sum()), float(mean.sum()), math.sqrt(variance.sum()), SIGMAS,
        )  # fmt: skip


def repeat_buying(quick: bool) -> Finding:
    """BG/NBD. The early weeks are run in finer ticks with more people than the later ones."""
    early_dt, early_size, groups = (0.25, 60_000, 1) if quick else (0.125, 1_000_000, 4)
    late_dt, late_size = (0.5, 15_000) if quick else (0.5, 1_000_000)
    early = RepeatOrders(3, early_dt, early_size, groups)
    late = RepeatOrders(78, late_dt, late_size, 1)
    readings = []
    for weeks, expected in PUBLISHED.items():
        run = early if weeks <= 3 else late
        band = 0.01 * expected
        if quick:  # the stated band is for a million people
            band += SIGMAS * run.error(expected)
        readings.append(
            Reading(
                f"repeat orders per customer by week {weeks:.4g}, {run.people:,} people, "
                f"ticks of {run.scenario.dt:g} days",
                run.by(weeks), expected - band, expected + band, expected,
            )
        )  # fmt: skip
    readings.append(late.given_traits(100_000))
    shown = np.arange(0, 79, 3, dtype=np.float64)
    picture = Picture(
        "Repeat orders of CDNOW customers",
        "weeks since the first order",
        "repeat orders per customer",
        (
            Curve("BG/NBD", shown, bg_nbd_repeats(shown, **CDNOW), theory=True),
            Curve("simulated", shown, np.array([late.by(week) for week in shown])),
        ),
    )
    return Finding(tuple(readings), picture)


# Staying -------------------------------------------------------------------------------------

REGULAR = {"a": 0.704, "b": 1.182}
"""Regular customers of Fader and Hardie (2007), per period."""

PUBLISHED_RETENTION = (0.627, 0.756, 0.819, 0.856, 0.880)


def staying(quick: bool) -> Finding:
    """sBG: the share of members whom each week leaves, in ticks of a day."""
    size, weeks = (200_000, 5) if quick else (1_000_000, 8)
    model = retention_model(size, **REGULAR, periods=weeks, period_days=WEEK).run()
    period = np.arange(1, weeks + 1)
    members = np.concatenate([[size], model.daily["members"].to_numpy()[WEEK * period - 1]])
    retention = members[1:] / members[:-1]
    readings = [
        Reading(f"share of members left whom week {t} leaves", float(retention[t - 1]),
                expected - 0.005, expected + 0.005, expected)
        for t, expected in enumerate(PUBLISHED_RETENTION, start=1)
    ]  # fmt: skip
    left = float(sbg_survival(weeks, **REGULAR))
    error = math.sqrt(left * (1 - left) / size)
    share = float(members[-1]) / size
    readings.append(z_reading(f"members after {weeks} weeks, share", share, left, error, SIGMAS))
    picture = Picture(
        "Loyalty by sorting alone",
        "week",
        "share of those left who stay",
        (
            Curve("sBG", period, sbg_retention(period, **REGULAR), theory=True),
            Curve("simulated", period, retention),
        ),
    )
    return Finding(tuple(readings), picture)


# The demand curve ----------------------------------------------------------------------------

CHOICE = {"intercept": -1.2, "taste": 2.5, "value": 1.4}
VALUATION, SPREAD = 40.0, 0.6
PRICES = (10.0, 20.0, 40.0, 80.0, 160.0)
EVERYBODY_LOOKS = 10.0  # visits a day: all but one in 22,000 come
ORGANIC = 0.05


def shop(price: float, size: int, *, visits: float, days: float, dt: float) -> WordOfMouthModel:
    """A finished run in which strangers may look at one product, out of themselves."""
    return demand_model(
        size, **CHOICE, price=price, valuation=VALUATION, spread=SPREAD, organic_visits=visits,
        days=days, dt=dt,
    ).run()  # fmt: skip


def demand(prices: np.ndarray | float, visit: float = 1.0, visits: int = 1) -> np.ndarray:
    """The closed form for the people of :func:`shop`."""
    return demand_curve(
        prices, **CHOICE, valuation=VALUATION, spread=SPREAD, visit=visit, visits=visits
    )


def share_reading(what: str, count: int, size: int, share: float) -> Reading:
    """A share of independent people, beside its expectation."""
    error = math.sqrt(share * (1 - share) / size)
    return z_reading(what, count / size, share, error, SIGMAS)


def organic_sales(quick: bool) -> Finding:
    """Who buys at which price on one day, and how many have bought as days go by."""
    size = 30_000 if quick else 300_000
    visit = -math.expm1(-EVERYBODY_LOOKS)
    readings, buyers = [], []
    for price in PRICES:
        model = shop(price, size, visits=EVERYBODY_LOOKS, days=1, dt=1.0)
        buyers.append(model.state.orders[0] > 0)
        sold, share = int(buyers[-1].sum()), float(demand(price, visit))
        readings.append(share_reading(f"share who buy at {price:g}", sold, size, share))
    refusals = sum(
        int(np.count_nonzero(dear & ~cheap)) for cheap, dear in itertools.pairwise(buyers)
    )
    readings.append(none_may("people who buy at a price and not at a lower one", refusals))
    for dt in (1.0, 0.5):
        model = shop(40.0, size, visits=ORGANIC, days=20, dt=dt)
        sold = int(model.daily["new_customers"].sum())
        share = float(demand(40.0, -math.expm1(-ORGANIC * dt), model.scenario.ticks))
        what = f"share who have bought after 20 days of ticks of {dt:g}"
        readings.append(share_reading(what, sold, size, share))
    prices = np.geomspace(PRICES[0], PRICES[-1], 60)
    picture = Picture(
        "Demand without talk",
        "price",
        "share of people who buy",
        (
            Curve("organic hazard x demand curve", prices, demand(prices, visit), theory=True),
            Curve("simulated", np.array(PRICES), np.array([who.mean() for who in buyers])),
        ),
    )
    return Finding(tuple(readings), picture)


TARGETS: tuple[Target, ...] = (
    Target(
        name="B13",
        kind="L",
        claim="With the social part off, repeat orders follow BG/NBD.",
        source="Fader, Hardie and Lee (2005)",
        how="Customers with the parameters of CDNOW, a million each for 78 weeks in ticks of half "
        "a day, which loses 0.3 to 0.4 % of the orders because a tick holds at most one, and four "
        "million for the first three weeks in ticks of an eighth, which loses 0.2 %. Mean repeat "
        "orders against the published expectations, within 1 %; and the orders of single people "
        "against the exact law in ticks.",
        measure=repeat_buying,
        plant=Plant(
            says="a gamma shape raised by 1: the paces of customers too alike",
            module="sim.population",
            old="special.gammaincinv(shape, u) / shape",
            new="special.gammaincinv(shape + 1, u) / (shape + 1)",
        ),
        fast=True,
    ),
    Target(
        name="B14",
        kind="L",
        claim="With the social part off, retention follows sBG and rises with tenure.",
        source="Fader and Hardie (2007)",
        how="A million members join on one day with the parameters of regular customers; the share "
        "whom each week leaves, in ticks of a day, against the published rates, within 0.005.",
        measure=staying,
        plant=Plant(
            says="the chance of leaving within a period taken for a hazard",
            module="sim.population",
            old="-np.log1p(-np.minimum(probability, 1 - 1e-12)) / period_days",
            new="np.minimum(probability, 1 - 1e-12) / period_days",
        ),
        fast=True,
    ),
    Target(
        name="D1",
        kind="L",
        claim="With sharing and commission off, sales are the organic hazard times the demand "
        "curve.",
        source="McFadden (1974): logistic choice; closed form by quadrature",
        how="300,000 strangers look at one product: the share who buy at five prices on one day, "
        "and the share who have bought after 20 days in ticks of a day and of half a day, against "
        "the integral over tastes and valuations, within 5 standard errors.",
        measure=organic_sales,
        plant=Plant(
            says="lognormal valuations with the stated amount as mean instead of as median",
            module="sim.population",
            old="median_cents * np.exp(spread * special.ndtri(u))",
            new="median_cents * _lognormal(u, spread)",
        ),
        fast=True,
    ),
)
