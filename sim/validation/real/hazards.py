"""The chance that somebody adopts in a period, with and without a network, and its fit.

The rate of somebody who has not adopted is a sum of effects that are known at the start of the
period, each with a coefficient >= 0; she adopts within the period with the chance of
:func:`sim.rules.chance`, 1 - exp(-rate). With the share of adopters among those she hears from
that is the Bass hazard on a graph (Bass 1969). The model reads who had adopted *before* the
period, as the phases of a day do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sim.errors import InputError
from sim.network import SocialGraph
from sim.validation.real.data import Adoption

LEAST_RATE = 1e-6
"""Smallest coefficient, per period: no adoption is impossible, so no log score is infinite."""

_MOST_STEPS = 200
_SMALLEST_STEP = 1e-6
_LIKELIHOOD_TOLERANCE = 1e-10


class Design(NamedTuple):
    """What a rate is made of: a column per effect, a row per person and period (or per person).

    name : for the page. effects : float64 (n, k), >= 0. The rate is effects @ coefficients.
    """

    name: str
    effects: np.ndarray


class Fitted(NamedTuple):
    """The most likely coefficients (k,), per period, and their log likelihood."""

    coefficients: np.ndarray
    log_likelihood: float


class Risk(NamedTuple):
    """Everybody who had not adopted, period by period.

    person, period, group : int64 (n,), periods from 1. adopted : bool (n,), within the period.
    """

    person: np.ndarray
    period: np.ndarray
    group: np.ndarray
    adopted: np.ndarray


def at_risk(adoption: Adoption) -> Risk:
    """Persons and periods in which they could adopt: up to the one in which they do."""
    periods = np.arange(1, adoption.periods + 1)
    person, column = np.nonzero(adoption.period[:, None] >= periods)
    period = periods[column]
    return Risk(person, period, adoption.group[person], adoption.period[person] == period)


def hearing(graph: SocialGraph) -> sparse.csr_array:
    """Matrix (N, N) with a 1 in row i for everybody whom i hears from."""
    indptr, target = graph.rows.indptr, graph.rows.target
    shape = (graph.size, graph.size)
    ones = np.ones(target.size)
    return sparse.csr_array((ones, target, indptr), shape=shape).T.tocsr()


def adopters_heard(adoption: Adoption, heard: sparse.csr_array) -> np.ndarray:
    """How many of those she hears from had adopted before each period, float64 (N, periods)."""
    periods = np.arange(1, adoption.periods + 1)
    return heard @ (adoption.period[:, None] < periods).astype(np.float64)


def _with_start(effect: np.ndarray) -> np.ndarray:
    """A constant and one effect."""
    return np.column_stack([np.ones(effect.size), effect])


def network_designs(adoption: Adoption, risk: Risk) -> list[Design]:
    """The model: a constant and the adopters heard from, two coefficients; eight forms of it.

    Whether all adopters count or those of the last period only (independent cascade: an adopter
    gets one try); each for itself, as a share of the people heard from, or with the saturation of
    word of mouth in :func:`sim.rules.purchase`; whether one hears from those one named, or
    naming makes both hear.
    """
    designs = []
    place = (risk.person, risk.period - 1)
    graphs = {"named": adoption.nominations.heard(), "either": adoption.nominations.mutual()}
    for direction, graph in graphs.items():
        heard = hearing(graph)
        count = adopters_heard(adoption, heard)
        newly = np.diff(count, axis=1, prepend=0.0)
        people = np.maximum(graph.rows.in_degree, 1)[:, None]
        forms = {
            "share": count / people,
            "each": count,
            "saturating": np.log1p(count),
            "newly": newly,
        }
        designs += [
            Design(f"{form}, {direction}", _with_start(effect[place]))
            for form, effect in forms.items()
        ]
    return designs


def village_share(adoption: Adoption, risk: Risk) -> np.ndarray:
    """Share of the others in one's group who had adopted before the period, float64 (n,)."""
    groups = int(adoption.group.max()) + 1
    arrivals = np.zeros((groups, adoption.periods + 2))
    np.add.at(arrivals, (adoption.group, adoption.period), 1.0)
    before = np.cumsum(arrivals, axis=1)[risk.group, risk.period - 1]
    return before / np.maximum(np.bincount(adoption.group)[risk.group] - 1, 1)


def rival_designs(adoption: Adoption, risk: Risk) -> list[Design]:
    """Hazards without a network: constant, in time, by halves, and Bass within the village.

    The first has one coefficient, the others two, as many as the model.
    """
    elapsed = (risk.period - 1) / max(adoption.periods - 1, 1)
    late = (2 * risk.period > adoption.periods).astype(np.float64)
    return [
        Design("constant", np.ones((risk.person.size, 1))),
        Design("linear in time", np.column_stack([1 - elapsed, elapsed])),
        Design("by halves", np.column_stack([1 - late, late])),
        Design("Bass in the group", _with_start(village_share(adoption, risk))),
    ]


def log_chance(rates: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """Log probability of what happened, given rates > 0: log(1 - exp(-rate)), or -rate."""
    return np.where(happened, np.log(-np.expm1(-rates)), -rates)


def fit(effects: np.ndarray, happened: np.ndarray, trials: np.ndarray) -> Fitted:
    """Most likely coefficients of a rate, each at least :data:`LEAST_RATE`.

    effects : (m, k), distinct rows. happened, trials : (m,), how often it happened, of how many.

    The log likelihood is concave in the coefficients, so there is one maximum; Newton's method,
    with coefficients held at the least rate while the slope pushes them there, finds it.

    Raises
    ------
    InputError
        If nobody was at risk.
    """
    if trials.sum() == 0:
        raise InputError("no hazard can be fitted: nobody is at risk in the training part")
    missed = trials - happened

    def likelihood(coefficients: np.ndarray) -> float:
        rates = effects @ coefficients
        return float(happened @ np.log(-np.expm1(-rates)) - missed @ rates)

    mean_effect = max(float((effects.sum(axis=1) * trials).sum() / trials.sum()), 1e-300)
    rate = max(float(happened.sum() / trials.sum()), LEAST_RATE)
    point = np.full(effects.shape[1], max(rate / mean_effect, LEAST_RATE))
    value = likelihood(point)
    for _ in range(_MOST_STEPS):
        rates = effects @ point
        slope = (happened / np.expm1(rates) - missed) @ effects
        curvature = happened / (4 * np.sinh(rates / 2) ** 2)
        free = (point > LEAST_RATE) | (slope > 0)
        direction = np.zeros_like(point)
        bend = (effects[:, free].T * curvature) @ effects[:, free]
        direction[free] = np.linalg.lstsq(bend, slope[free], rcond=None)[0]
        step, best = 1.0, point
        while step > _SMALLEST_STEP:
            tried = np.maximum(point + step * direction, LEAST_RATE)
            reached = likelihood(tried)
            if reached > value:
                best, rise, value = tried, reached - value, reached
                break
            step /= 2
        if best is point:
            break
        point = best
        if rise < _LIKELIHOOD_TOLERANCE:
            break
    return Fitted(point, value)
