"""BG/NBD fitted to the first part of a panel of buyers, and what it foretells of the second.

A customer buys as a Poisson process at a rate of her own, gamma(r, alpha), and drops out after a
repeat purchase with a chance of her own, beta(a, b). Fader, Hardie and Lee (2005), "Counting Your
Customers" the Easy Way. These are the rules of repeat buying in the simulator
(:mod:`sim.theory_buying`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from sim.validation.real.data import Purchases

DAYS_PER_WEEK = 7.0


class Histories(NamedTuple):
    """What is known of customers at the end of the first part, and how often they bought after.

    repeats : int64 (N,), days of purchase after the first. recency : float64 (N,), weeks from the
    first to the last. observed : float64 (N,), weeks from the first to the end of the first part.
    later : int64 (N,), days of purchase in the second part.
    """

    repeats: np.ndarray
    recency: np.ndarray
    observed: np.ndarray
    later: np.ndarray


class BuyingRates(NamedTuple):
    """Parameters of BG/NBD; alpha in weeks."""

    r: float
    alpha: float
    a: float
    b: float


def split(purchases: Purchases, weeks: float, more_weeks: float) -> Histories:
    """Histories at the end of the first ``weeks`` of the file, and the ``more_weeks`` after them.

    Customers whose first purchase comes later are left out.
    """
    last, end = (DAYS_PER_WEEK * count - 1 for count in (weeks, weeks + more_weeks))
    customer, day, first = purchases
    early, late = day <= last, (day > last) & (day <= end)
    size = first.size
    repeats = np.bincount(customer[early], minlength=size) - 1
    latest = np.zeros(size)
    np.maximum.at(latest, customer[early], day[early])
    known = first <= last
    return Histories(
        repeats[known],
        ((latest - first) / DAYS_PER_WEEK)[known],
        ((last - first) / DAYS_PER_WEEK)[known],
        np.bincount(customer[late], minlength=size)[known],
    )


def log_likelihood(rates: BuyingRates, histories: Histories) -> float:
    """Log likelihood of the first part: Fader, Hardie and Lee (2005), equation 6."""
    r, alpha, a, b = rates
    x, recency, observed, _ = histories
    start = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
    drops = special.betaln(a, b + x) - special.betaln(a, b)
    alive = -(r + x) * np.log(alpha + observed)
    # Somebody without a repeat purchase cannot have dropped out.
    gone = np.where(
        x > 0,
        np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency),
        -np.inf,
    )
    return float((start + drops + np.logaddexp(alive, gone)).sum())


def fit(histories: Histories) -> BuyingRates:
    """Most likely parameters, all above 0 (searched in logs, Nelder and Mead 1965)."""
    found = optimize.minimize(
        lambda logs: -log_likelihood(BuyingRates(*np.exp(logs)), histories),
        np.zeros(4),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-7, "maxiter": 4000, "maxfev": 4000},
    )
    return BuyingRates(*(float(value) for value in np.exp(found.x)))


def expected_later(rates: BuyingRates, histories: Histories, weeks: float) -> np.ndarray:
    """Expected purchases (N,) in the ``weeks`` after the first part, given each history.

    Fader, Hardie and Lee (2005), equation 10.
    """
    r, alpha, a, b = rates
    x, recency, observed, _ = histories
    tail = special.hyp2f1(r + x, b + x, a + b + x - 1, weeks / (alpha + observed + weeks))
    shrink = ((alpha + observed) / (alpha + observed + weeks)) ** (r + x)
    while_alive = (a + b + x - 1) / (a - 1) * (1 - shrink * tail)
    odds_gone = a / (b + np.maximum(x, 1) - 1) * ((alpha + observed) / (alpha + recency)) ** (r + x)
    return while_alive / (1 + np.where(x > 0, odds_gone, 0.0))


def without_dropout(histories: Histories, weeks: float) -> np.ndarray:
    """Expected later purchases (N,) if nobody drops out: NBD, gamma rates fitted by likelihood.

    Ehrenberg (1959); two parameters.
    """
    x, _, observed, _ = histories

    def loss(logs: np.ndarray) -> float:
        r, alpha = np.exp(logs)
        terms = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
        return -float((terms - (r + x) * np.log(alpha + observed)).sum())

    r, alpha = np.exp(optimize.minimize(loss, np.zeros(2), method="Nelder-Mead").x)
    return weeks * (r + x) / (alpha + observed)


def as_before(histories: Histories, weeks: float) -> np.ndarray:
    """Later purchases (N,) if everybody goes on at her own past rate; no parameters."""
    return weeks * histories.repeats / histories.observed


def repeats_since_first(purchases: Purchases, weeks: np.ndarray) -> np.ndarray:
    """Repeat purchases per customer up to each of ``weeks`` after the own first, float64 (W,)."""
    since = purchases.day - purchases.first[purchases.customer]
    since = np.sort(since[since > 0])
    reached = np.searchsorted(since, weeks * DAYS_PER_WEEK, side="right")
    return reached / purchases.first.size
