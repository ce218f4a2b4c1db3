"""What buying and staying come to in closed form: the answers to simulations without talk.

Formulas only, apart from the simulator: nothing here reads a run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

_NODES = 200  # of each quadrature: errors are far below a millionth


def bg_nbd_repeats(time: ArrayLike, *, r: float, alpha: float, a: float, b: float) -> np.ndarray:
    """Expected repeat orders of a new customer by ``time`` under BG/NBD, float64 of its shape.

    (a + b - 1) / (a - 1) (1 - (alpha / (alpha + t))^r 2F1(r, b; a + b - 1; t / (alpha + t)))

    Orders come at a rate that is gamma over customers with shape ``r`` and rate ``alpha``, in the
    unit of ``time``; after each a customer drops out with a chance that is beta(``a``, ``b``).
    Fader, Hardie and Lee (2005), equation 9.
    """
    t = np.asarray(time, np.float64)
    tail = special.hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * tail)


def repeats_in_ticks(
    chance: ArrayLike, dropout: ArrayLike, ticks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of one customer's repeat orders in ``ticks`` ticks, float64 (n,) each.

    chance : of an order in a tick while she is alive, above 0. dropout : of leaving after one.

    An order in tick t has the mean q (1 - q p)^t; for two orders, in ticks s < t, it is
    q^2 (1 - p) (1 - q p)^(t - 1).
    """
    q, p = np.asarray(chance, np.float64), np.asarray(dropout, np.float64)
    alive = np.ones(np.broadcast(q, p).shape)
    mean, pairs = np.zeros_like(alive), np.zeros_like(alive)
    for later in range(1, ticks + 1):
        mean += q * alive
        if later < ticks:  # pairs of any of the earlier ticks with this one
            pairs += 2 * later * q * q * (1 - p) * alive
        alive *= 1 - q * p
    return mean, pairs + mean - mean**2


def sbg_survival(periods: ArrayLike, *, a: float, b: float) -> np.ndarray:
    """Share of customers left after so many periods under sBG, float64 of its shape.

    B(a, b + t) / B(a, b)

    A customer leaves in each period with a chance that is beta(``a``, ``b``) over customers.
    Fader and Hardie (2007).
    """
    return np.exp(special.betaln(a, b + np.asarray(periods, np.float64)) - special.betaln(a, b))


def sbg_retention(periods: ArrayLike, *, a: float, b: float) -> np.ndarray:
    """Share of those left before the t-th period, t = 1, 2, ..., whom it leaves: it rises with t.

    (b + t - 1) / (a + b + t - 1). Fader and Hardie (2007).
    """
    t = np.asarray(periods, np.float64)
    return (b + t - 1) / (a + b + t - 1)


def demand_curve(
    price: ArrayLike,
    *,
    valuation: float,
    spread: float,
    intercept: float,
    taste: float,
    value: float,
    visit: ArrayLike = 1.0,
    visits: int = 1,
) -> np.ndarray:
    """Share of people who buy at least once in some visits at a ``price``, float64.

    E[1 - (1 - v pi)^k],  logit pi = intercept + taste (A - 1/2) + value log(V / price)

    over affinities A, uniform in (0, 1), and valuations V, lognormal with median ``valuation`` and
    sd of logs ``spread``; v = ``visit`` is the chance of a visit in each of k = ``visits`` ticks.
    Logistic choice (McFadden 1974); by quadrature (Gauss-Legendre and Gauss-Hermite).
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    affinity, over_affinity = (nodes + 1) / 2, weights / 2
    z, over_z = np.polynomial.hermite_e.hermegauss(_NODES)
    over_z = over_z / over_z.sum()
    worth = np.log(valuation / np.asarray(price, np.float64))[..., None, None] + spread * z
    logit = intercept + taste * (affinity[:, None] - 0.5) + value * worth
    never = (1 - np.asarray(visit, np.float64)[..., None, None] * special.expit(logit)) ** visits
    return np.einsum("...ij,i,j->...", 1 - never, over_affinity, over_z)


def geometric_payout(levels: ArrayLike, *, rate: float, ratio: float) -> np.ndarray:
    """Share of a price that ``levels`` levels of referrers earn together, float64.

    rate (1 - ratio^L) / (1 - ratio). Pickard et al. (2011).
    """
    return rate * (1 - ratio ** np.asarray(levels, np.float64)) / (1 - ratio)
