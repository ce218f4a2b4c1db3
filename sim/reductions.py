"""The whole model reduced to a process with a known answer, by switching everything else off.

The presets are the textbook processes themselves. Here consumers visit, buy, settle, experience,
share and stay as in any run, in a scenario whose numbers leave one mechanism standing; what
comes out must follow the same laws, or a phase of the day is wrong.

Nothing but numbers of the scenario is used, and for cascades and Bass one trait: everybody's
taste fits the product. The answers are in :mod:`sim.theory` and :mod:`sim.theory_buying`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.behavior import Behavior
from sim.errors import InputError
from sim.model import WordOfMouthModel
from sim.network import SocialGraph
from sim.population import NEVER, count_member_friends, give_first_product
from sim.scenario import Scenario, neutral_behavior
from sim.world import World, make_world, world_seed

_GOOD = 100.0
_TRUST = (_GOOD + 1) / (_GOOD + 2)
"""The largest trust that priors give; messages are made up for it."""

_CASCADE_DAYS, _BASS_DAYS = 10.0, 2.0
"""Days a tick: long enough that everybody who may visit or share in a tick does."""


def _scenario(size: int, days: float, dt: float, click: float, **sharing: float) -> Scenario:
    """Everybody buys what a friend's link shows her, once and for all; members tell all friends."""
    behavior = neutral_behavior(Behavior())
    behavior["click"] |= {"broadcast": click}
    behavior["share"] |= {"enthusiasm": 10.0, "broadcast_share": 1.0} | sharing
    behavior["purchase"] |= {"intercept": 10.0, "price": 10.0}
    behavior["experience"] |= {
        "prior_weak": _GOOD, "prior_strong": _GOOD, "prior_bad": 0.0, "learning": 0.0,
        "sensitivity": 20.0,
    }  # fmt: skip
    product: dict[str, Any] = {
        "price": 1.0, "unit_cost": 0.0, "valuation": 1e7, "quality": 1.0, "quality_spread": 0.0,
        "expectation": 0.0, "repurchase_days": 1e9, "refund_days": 0,
    }  # fmt: skip
    population = {
        "size": size, "homophily": 0.0, "valuation_spread": 0.0, "influence_spread": 0.0,
        "initiative_spread": 0.0, "visit_rate": 1000.0, "visit_spread": 0.0, "habit_a": 0.001,
        "habit_b": 1000.0, "lapse_a": 0.001, "lapse_b": 1000.0, "lapse_period_days": 1e9,
        "dropout_a": 0.0,
    }  # fmt: skip
    return Scenario.from_table(
        {
            "days": days,
            "dt": dt,
            "population": population,
            "products": [product],
            "behavior": behavior,
            "campaign": {"initial_customers": 0.0, "organic_visits": 0.0},
            "policies": {"none": {}},
        }
    )


def _start(scenario: Scenario, graph: SocialGraph, seed: int, seeds: np.ndarray) -> World:
    world = make_world(scenario, world_seed(seed, 0), graph)
    world.people.affinity[...] = 1.0
    state = world.initial
    if state is None:
        raise RuntimeError("a world just made has its initial state")
    give_first_product(scenario, state, seeds, np.full(seeds.size, 0.5))
    count_member_friends(graph, state)
    return world


# Talk ---------------------------------------------------------------------------------------


def cascade_model(
    graph: SocialGraph, *, probability: float, seeds: np.ndarray, seed: int = 0, steps: int = 200
) -> WordOfMouthModel:
    """The whole model as an independent cascade, not yet run.

    Members tell all friends on the tick they bought; a friend opens with ``probability`` and buys
    on the next tick; a second message over the same tie is never opened (novelty 0), so each tie
    has one chance.

    Parameters
    ----------
    graph : SocialGraph
    probability : float
        At most 0.99, since trust stays below 1.
    seeds : int64 (n,)
        Who has the product on tick 0.
    seed : int
    steps : int
        Ticks to run.

    Raises
    ------
    InputError
        If the probability is out of range.
    """
    if not 0 <= probability <= _TRUST:
        raise InputError(f"probability = {probability} is not allowed; write 0 to {_TRUST:.2f}")
    scenario = _scenario(
        graph.size, steps * _CASCADE_DAYS, _CASCADE_DAYS, probability / _TRUST, fade_days=0.1
    )
    scenario = scenario.but(behavior={"click": {"novelty": 0.0}})
    world = _start(scenario, graph, seed, np.asarray(seeds, np.int64))
    return WordOfMouthModel(scenario, policy="none", seed=seed, world=world)


def bass_model(
    graph: SocialGraph, *, p: float, q: float, dt: float, horizon: float, seed: int = 0
) -> WordOfMouthModel:
    """The whole model as Bass diffusion on a graph where all have as many friends, not yet run.

    People come by themselves at rate p and buy; members tell all friends in every tick, who open
    with the chance 1 - exp(-q dt / friends). A tick of the model is ``dt`` of the process.

    Raises
    ------
    InputError
        If people differ in the number of friends: a message is opened as often by everybody.
    """
    friends = np.unique(graph.rows.in_degree)
    if friends.size != 1 or friends[0] == 0:
        raise InputError(
            f"{graph.name}: people have {friends.min()} to {friends.max()} friends; the whole "
            "model is Bass diffusion only where all have as many"
        )
    click = -math.expm1(-q * dt / int(friends[0]))
    ticks = round(horizon / dt)
    scenario = _scenario(
        graph.size, ticks * _BASS_DAYS, _BASS_DAYS, click / _TRUST, fade_days=1000.0
    )
    scenario = scenario.but(campaign={"organic_visits": p * dt / _BASS_DAYS})
    world = _start(scenario, graph, seed, np.empty(0, np.int64))
    return WordOfMouthModel(scenario, policy="none", seed=seed, world=world)


def adoption_ticks(model: WordOfMouthModel) -> np.ndarray:
    """The tick of everybody's first purchase, float64 (N,), nan where never."""
    joined = model.state.joined
    return np.where(joined > NEVER, joined, np.nan).astype(np.float64)


# Buying without talk ------------------------------------------------------------------------


def silent_scenario(**changes: Any) -> Scenario:
    """One product that is never sent back, all switches neutral: nobody talks, nobody leaves.

    changes : as of :meth:`sim.scenario.Scenario.but`.
    """
    scenario = Scenario.from_table(
        {
            "seed": 5,
            "population": {
                "homophily": 0.0, "dropout_a": 0.0, "lapse_a": 0.001, "lapse_b": 1000.0,
                "lapse_period_days": 1e9,
            },
            "products": [{"price": 36.0, "valuation": 36.0, "refund_days": 0}],
            "campaign": {"organic_visits": 0.0, "initial_customers": 0.0},
            "behavior": neutral_behavior(Behavior()),
        }
    )  # fmt: skip
    return scenario.but(**changes)


def silent_model(scenario: Scenario, *, replication: int = 0) -> WordOfMouthModel:
    """A run, not yet begun, of a scenario among people of whom nobody knows anybody."""
    graph = SocialGraph.from_edges([], [], size=scenario.population.size)
    world = make_world(scenario, world_seed(scenario.seed, replication), graph)
    return WordOfMouthModel(scenario, replication=replication, world=world)


def repeat_buying_model(
    size: int,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
    periods: float,
    period_days: float = 7.0,
    dt: float = 0.5,
    replication: int = 0,
) -> WordOfMouthModel:
    """The whole model as BG/NBD, not yet run: customers who bought yesterday buy again.

    Answer: :func:`sim.theory_buying.bg_nbd_repeats`. Fader, Hardie and Lee (2005).

    Parameters
    ----------
    size : int
        Customers.
    r, alpha : float
        Shape and rate of the gamma law of paces, per period.
    a, b : float
        Of the beta law of the chance to drop out after a repeat order.
    periods, period_days : float
        How long, in periods, and days a period.
    dt : float
        Days a tick, in which a customer orders once at most.
    replication : int
        Which people and luck.
    """
    scenario = silent_scenario(
        days=periods * period_days,
        dt=dt,
        population={"size": size, "repeat_shape": r, "dropout_a": a, "dropout_b": b},
        campaign={"initial_customers": 1.0, "initial_tenure_days": 1.0},
        products=[{"price": 36.0, "repurchase_days": period_days * alpha / r, "refund_days": 0}],
    )
    return silent_model(scenario, replication=replication)


def retention_model(
    size: int, *, a: float, b: float, periods: int, period_days: float = 7.0
) -> WordOfMouthModel:
    """The whole model as sBG, not yet run: all join on day 0 and leave, each at a hazard of hers.

    Answer: :func:`sim.theory_buying.sbg_survival`. Fader and Hardie (2007).

    Parameters
    ----------
    size : int
        Members on day 0.
    a, b : float
        Of the beta law of the chance to leave within a period.
    periods, period_days
        How long, in periods, and days a period.
    """
    scenario = silent_scenario(
        days=periods * period_days,
        population={"size": size, "lapse_a": a, "lapse_b": b, "lapse_period_days": period_days},
        campaign={"seeding": {"count": size}},
        products=[{"price": 36.0, "repurchase_days": 1e9, "refund_days": 0}],
    )
    return silent_model(scenario)


def demand_model(
    size: int,
    *,
    price: float,
    valuation: float,
    spread: float,
    intercept: float,
    taste: float,
    value: float,
    organic_visits: float,
    days: float,
    dt: float = 1.0,
) -> WordOfMouthModel:
    """The whole model as a demand curve, not yet run: strangers look at a product and choose.

    Answer: :func:`sim.theory_buying.demand_curve`, whose parameters have the same names.

    Parameters
    ----------
    size : int
        People.
    price, valuation, spread : float
        Price, median valuation and standard deviation of its logarithm.
    intercept, taste, value : float
        Coefficients of the logistic choice.
    organic_visits : float
        Looks per person and day.
    days, dt : float
        How long, and days a tick.
    """
    scenario = silent_scenario(
        days=days,
        dt=dt,
        behavior={"purchase": {"intercept": intercept, "taste": taste, "price": value}},
        population={"size": size, "valuation_spread": spread},
        products=[
            {"price": price, "valuation": valuation, "refund_days": 0, "repurchase_days": 1e9}
        ],
        campaign={"organic_visits": organic_visits},
    )
    return silent_model(scenario)
