"""Targets on customers who buy again: CDNOW and an online grocer."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.behavior import Behavior
from sim.model import WordOfMouthModel
from sim.scenario import Scenario, neutral_behavior
from sim.studies.statistics import mean_interval
from sim.theory_buying import bg_nbd_repeats
from sim.validation.real.buying_again import (
    DAYS_PER_WEEK,
    BuyingRates,
    Histories,
    as_before,
    expected_later,
    fit,
    log_likelihood,
    repeats_since_first,
    split,
    without_dropout,
)
from sim.validation.real.data import Purchases, read_purchases
from sim.validation.real.known_networks import better
from sim.validation.target import Curve, Finding, Picture, Reading

PUBLISHED = BuyingRates(0.243, 4.414, 0.793, 2.426)
PUBLISHED_LOG_LIKELIHOOD = -9582.4
"""CDNOW, weeks 1 to 39: Fader, Hardie and Lee (2005), table 2."""

MOST_CLASS = 7
"""Customers with so many repeat purchases or more are one class, as in that paper."""

_FEW_CUSTOMERS, _CUSTOMERS = 3_000, 24_000
_WEEKS_SEEN = 65
"""Weeks since the own first purchase for which every customer of CDNOW was observed."""


class Panel(NamedTuple):
    """A data set and where its halves end, in weeks."""

    name: str
    folder: str
    weeks: float
    more_weeks: float

    def histories(self) -> Histories:
        """The customers at the end of the first half."""
        return split(read_purchases(self.folder), self.weeks, self.more_weeks)


CDNOW = Panel("CDNOW", "retention_cdnow", 39, 39)
GROCER = Panel("grocer", "retention_grocery", 52, 52)


def _foretold(panel: Panel) -> tuple[Histories, np.ndarray]:
    """Histories and the purchases of the second half expected by BG/NBD fitted to the first."""
    histories = panel.histories()
    return histories, expected_later(fit(histories), histories, panel.more_weeks)


def each_customer(quick: bool) -> Finding:
    """BG/NBD against hazards of buying that know no dropout, customer by customer."""
    histories = CDNOW.histories()
    rates = fit(histories)
    readings = [
        Reading(f"CDNOW, weeks 1 to 39: {name}", value, printed - 0.002, printed + 0.002, printed)
        for name, value, printed in zip(BuyingRates._fields, rates, PUBLISHED, strict=True)
    ]
    likelihood = log_likelihood(rates, histories)
    readings.append(
        Reading("CDNOW, weeks 1 to 39: log likelihood", likelihood,
                PUBLISHED_LOG_LIKELIHOOD - 0.05, PUBLISHED_LOG_LIKELIHOOD + 0.05,
                PUBLISHED_LOG_LIKELIHOOD)
    )  # fmt: skip
    for panel in (CDNOW, GROCER):
        histories, foretold = _foretold(panel)
        rivals = {
            "gamma rates without dropout": without_dropout(histories, panel.more_weeks),
            "everybody as before": as_before(histories, panel.more_weeks),
        }
        error = (foretold - histories.later) ** 2
        readings += [
            better(
                f"{panel.name}: squared error above the model's, '{name}', orders squared",
                mean_interval((rival - histories.later) ** 2 - error),
            )
            for name, rival in rivals.items()
        ]
    return Finding(tuple(readings), _by_class())


def _by_class() -> Picture:
    """Observed and foretold purchases by class of customers, CDNOW."""
    histories, foretold = _foretold(CDNOW)
    classes = np.minimum(histories.repeats, MOST_CLASS)
    people = np.bincount(classes)
    place = np.arange(people.size)
    return Picture(
        "CDNOW: orders of the second half, by orders of the first",
        "repeat orders in weeks 1 to 39 (7: seven or more)",
        "mean orders in weeks 40 to 78",
        (
            Curve("observed", place, np.bincount(classes, histories.later) / people),
            Curve("BG/NBD", place, np.bincount(classes, foretold) / people, theory=True),
        ),
    )


def totals(quick: bool) -> Finding:
    """Orders of the second half foretold over those that came, in all and by class."""
    readings = []
    for panel in (CDNOW, GROCER):
        histories, foretold = _foretold(panel)
        groups = {"all customers": np.ones(histories.later.size, bool)}
        groups["without a repeat order before"] = histories.repeats == 0
        groups["with one to three"] = (histories.repeats >= 1) & (histories.repeats <= 3)
        groups["with four or more"] = histories.repeats >= 4
        readings += [
            Reading(f"{panel.name}, {name}: orders foretold over orders made",
                    foretold[chosen].sum() / histories.later[chosen].sum(), 0.9, 1.1, 1.0)
            for name, chosen in groups.items()
        ]  # fmt: skip
    return Finding(tuple(readings))


def shop(rates: BuyingRates, size: int, days: float, dt: float) -> Scenario:
    """Everybody bought yesterday and buys again by ``rates``; nobody talks or comes from outside.

    BG/NBD in days: a mean of alpha / r weeks between the orders of an average customer.
    """
    return Scenario.from_table(
        {
            "days": days,
            "dt": dt,
            "seed": 5,
            "network": {"kind": "watts_strogatz", "mean_degree": 2},
            "population": {
                "size": size, "homophily": 0.0, "repeat_shape": rates.r, "dropout_a": rates.a,
                "dropout_b": rates.b, "lapse_a": 0.001, "lapse_b": 1000.0,
                "lapse_period_days": 1e9,
            },
            "products": [
                {
                    "price": 36.0, "valuation": 36.0, "refund_days": 0,
                    "repurchase_days": DAYS_PER_WEEK * rates.alpha / rates.r,
                }
            ],
            "campaign": {
                "organic_visits": 0.0, "initial_customers": 1.0, "initial_tenure_days": 1.0,
            },
            "behavior": neutral_behavior(Behavior()),
            "policies": {"none": {}},
        }
    )  # fmt: skip


def simulated_repeats(rates: BuyingRates, size: int, dt: float) -> np.ndarray:
    """Repeat orders per customer of :func:`shop` by the end of each week, (_WEEKS_SEEN,)."""
    scenario = shop(rates, size, _WEEKS_SEEN * DAYS_PER_WEEK, dt)
    orders = WordOfMouthModel(scenario, policy="none").run().daily["orders"].to_numpy()
    return np.cumsum(orders)[_week_ends(dt)] / size


def _week_ends(dt: float) -> np.ndarray:
    """Ticks in which weeks 1 to _WEEKS_SEEN end."""
    weeks = np.arange(1, _WEEKS_SEEN + 1)
    return np.rint(weeks * DAYS_PER_WEEK / dt).astype(np.int64) - 1


def _panel_error(purchases: Purchases, weeks: int) -> float:
    """Standard error of repeat orders per customer by a week since the own first."""
    since = purchases.day - purchases.first[purchases.customer]
    early = (since > 0) & (since <= weeks * DAYS_PER_WEEK)
    repeats = np.bincount(purchases.customer[early], minlength=purchases.first.size)
    return float(repeats.std(ddof=1)) / math.sqrt(repeats.size)


def simulated_path(quick: bool) -> Finding:
    """The simulator with the rates of the first half against every week of the panel."""
    rates = fit(CDNOW.histories())
    size = _FEW_CUSTOMERS if quick else _CUSTOMERS
    simulated = simulated_repeats(rates, size, 1.0 if quick else 0.5)
    purchases = read_purchases(CDNOW.folder)
    weeks = np.arange(1, _WEEKS_SEEN + 1)
    observed = repeats_since_first(purchases, weeks)
    theory = bg_nbd_repeats(weeks, **rates._asdict())
    readings = []
    for week in (13, 26, 39, 52, 65):
        error = _panel_error(purchases, week)
        both = 3 * error * math.sqrt(1 + purchases.first.size / size)
        value, true = float(simulated[week - 1]), float(observed[week - 1])
        readings.append(
            Reading(f"repeat orders per customer by week {week}", value, true - both, true + both,
                    true)
        )  # fmt: skip
    picture = Picture(
        "CDNOW: repeat orders per customer",
        "weeks since the own first order",
        "orders per customer",
        (
            Curve("observed", weeks, observed),
            Curve("simulator", weeks, simulated),
            Curve("BG/NBD", weeks, theory, theory=True),
        ),
    )
    return Finding(tuple(readings), picture)
