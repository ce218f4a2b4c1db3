"""Who the consumers are (traits, drawn once) and what a day may change (state), as arrays.

Both are named tuples of arrays with a row per consumer (and a plane per product), so kernels and
Mesa agents read the same memory. P products, N consumers, T directed ties.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from scipy import special

from sim.errors import InputError
from sim.network import SocialGraph
from sim.quantiles import Quantile, RoundedQuantile
from sim.randomness import Decision, uniform_table
from sim.scenario import Population as PopulationSettings
from sim.scenario import Product, Scenario
from sim.sparse_rows import row_means
from sim.tastes import affinities, homophilous_tastes, trait_uniforms

PROSPECT, MEMBER, LAPSED = 0, 1, 2
NEVER = -(2**30)
"""A tick so long ago that nothing depends on it."""


class Population(NamedTuple):
    """Traits, fixed for a run; float32."""

    valuation_cents: np.ndarray  # (P, N) willingness to pay
    affinity: np.ndarray  # (P, N) match of product and taste, [0, 1]
    influence: np.ndarray  # (N,) how convincing, mean 1
    initiative: np.ndarray  # (N,) urge to share, mean 1, heavy-tailed
    effort: np.ndarray  # (N,) mean friends addressed beyond the first
    reward_sensitivity: np.ndarray  # (N,) weight of rewards, mean 1
    closeness: np.ndarray  # (N,) mean strength of the ties to friends, [0, 1], 0 without any
    visit_rate: np.ndarray  # (N,) per day, while the habit lasts
    purchase_rate: np.ndarray  # (N,) pace of repeat buying relative to the product's, mean 1
    dropout: np.ndarray  # (N,) chance to drop out after a repeat order
    lapse_hazard: np.ndarray  # (N,) own hazard of leaving, per day
    habit_hazard: np.ndarray  # (N,) own hazard of losing the habit of visiting, per day


class State(NamedTuple):
    """What a day may change."""

    status: np.ndarray  # (N,) uint8 PROSPECT, MEMBER or LAPSED
    habit: np.ndarray  # (N,) uint8 1 while visiting by habit
    joined: np.ndarray  # (N,) int32 tick of becoming a customer, NEVER before
    left: np.ndarray  # (N,) int32 tick of the latest leaving, NEVER before
    sponsor: np.ndarray  # (N,) int32 who brought her, -1 nobody: the referral forest
    depth: np.ndarray  # (N,) int32 distance from the root of the referral tree
    loyalty: np.ndarray  # (N,) float32 pace of repeat buying left by how she was brought, 1 full
    fatigue: np.ndarray  # (N,) float32 messages felt
    inbox: np.ndarray  # (N,) uint16 messages received today
    member_friends: np.ndarray  # (N,) int32 members among those whose shares she receives
    shares: np.ndarray  # (N,) int32 shares made
    sales: np.ndarray  # (N,) int32 orders through own links that earned a commission
    good_record: np.ndarray  # (N,) float32 public evidence for a sharer
    bad_record: np.ndarray  # (N,) float32 public evidence against a sharer
    last_earned: np.ndarray  # (N,) int32 tick of the latest commission
    last_visit: np.ndarray  # (N,) int32 tick of the latest visit as a customer
    activity: np.ndarray  # (N,) int32 tick of the latest activity taken part in
    activity_product: np.ndarray  # (N,) int16 product of that activity
    orders: np.ndarray  # (P, N) uint16 orders so far
    last_order: np.ndarray  # (P, N) int32 tick of the latest order
    satisfaction: np.ndarray  # (P, N) float32 with the latest unit, 1/2 before
    good_heard: np.ndarray  # (P, N) uint8 recommendations received, saturating
    bad_heard: np.ndarray  # (P, N) uint8 warnings received, saturating
    click_sponsor: np.ndarray  # (P, N) int32 whose link brings or brought her last, -1 nobody's
    click_tick: np.ndarray  # (P, N) int32 tick of that message
    click_due: np.ndarray  # (P, N) int32 tick of the visit by that link
    click_tie: np.ndarray  # (P, N) int32 tie it came over, -1 none
    click_key: np.ndarray  # (P, N) uint32 decides between clicks of one tick
    click_channel: np.ndarray  # (P, N) uint8 channel it came through
    told_sponsor: np.ndarray  # (P, N) int32 who recommended last, or (P, 1) where nobody has codes
    told_tick: np.ndarray  # likewise int32 tick of that message
    told_tie: np.ndarray  # likewise int32 tie it came over, -1 none
    told_key: np.ndarray  # likewise uint32 decides between messages of one tick
    told_channel: np.ndarray  # likewise uint8 channel it came through
    shared_tick: np.ndarray  # (P, N) int32 tick of the latest share; (P, 1) if ticks are days
    good_ties: np.ndarray  # (T,) float32 trust evidence of the receiver for the sharer
    bad_ties: np.ndarray  # (T,) float32 trust evidence against
    muted: np.ndarray  # (T,) uint8 1 when the receiver has muted the sharer
    times: np.ndarray  # (P, T) uint8 messages carried per product, saturating
    satisfied: np.ndarray  # (P,) int64 satisfied buyers
    rated: np.ndarray  # (P,) int64 buyers who had an experience


def _lognormal(u: np.ndarray, spread: float) -> np.ndarray:
    """Mean-1 lognormal quantiles of uniforms; exactly 1 at spread 0."""
    return np.exp(spread * special.ndtri(u) - spread * spread / 2)


def _beta(u: np.ndarray, a: float, b: float) -> np.ndarray:
    """Beta quantiles of uniforms; exactly 0 at a = 0."""
    return np.zeros_like(u) if a == 0 else special.betaincinv(a, b, u)


def _hazard(probability: np.ndarray, period_days: float) -> np.ndarray:
    """Hazard per day of something that happens with ``probability`` within a period."""
    return -np.log1p(-np.minimum(probability, 1 - 1e-12)) / period_days


@functools.lru_cache(maxsize=16)
def _traits(settings: PopulationSettings) -> dict[int, dict[str, RoundedQuantile]]:
    """By column of the draws: the quantile functions of the traits that take its rows, in order.

    Kept, so that the worlds of a study share what is made of them.
    """
    return {
        column: {name: RoundedQuantile(exact) for name, exact in traits.items()}
        for column, traits in _exact_traits(settings).items()
    }


def _exact_traits(settings: PopulationSettings) -> dict[int, dict[str, Quantile]]:
    """The functions of :func:`_traits`, computed value by value."""
    shape = settings.repeat_shape
    return {
        1: {
            "influence": lambda u: _lognormal(u, settings.influence_spread),
            "initiative": lambda u: _lognormal(u, settings.initiative_spread),
            "effort": lambda u: settings.effort * _lognormal(u, settings.effort_spread),
        },
        2: {
            "purchase_rate": lambda u: special.gammaincinv(shape, u) / shape,
            "lapse_hazard": lambda u: _hazard(
                _beta(u, settings.lapse_a, settings.lapse_b), settings.lapse_period_days
            ),
            "habit_hazard": lambda u: _hazard(_beta(u, settings.habit_a, settings.habit_b), 1.0),
        },
        3: {
            "reward_sensitivity": lambda u: _lognormal(u, settings.reward_sensitivity_spread),
            "dropout": lambda u: _beta(u, settings.dropout_a, settings.dropout_b),
            "visit_rate": lambda u: settings.visit_rate * _lognormal(u, settings.visit_spread),
        },
    }


@functools.lru_cache(maxsize=64)
def _valuation(median_cents: float, spread: float) -> RoundedQuantile:
    """The quantile function of willingness to pay, in cents; kept as those of the traits are."""
    return RoundedQuantile(lambda u: median_cents * np.exp(spread * special.ndtri(u)))


def _median_valuation(product: Product) -> float:
    """Median willingness to pay, in cents; it defaults to the price."""
    price = max(product.price, 0.01) if product.valuation is None else product.valuation
    return 100 * price


def make_population(scenario: Scenario, graph: SocialGraph, seed: int) -> Population:
    """Draw the traits of everybody in ``graph``; consumer i's draws depend on ``seed`` and i alone.

    Quantile functions of addressed uniforms, so a changed parameter moves every trait a little
    instead of redrawing it.
    """
    settings: PopulationSettings = scenario.population
    people = _empty_population(graph.size, len(scenario.products))
    tastes = homophilous_tastes(graph, settings.homophily, seed)
    people.affinity[...] = affinities(tastes, scenario.products, seed)
    del tastes  # its memory serves the draws
    people.closeness[:] = row_means(graph.arrays.indptr, graph.arrays.strength)
    for column, traits in _traits(settings).items():
        draws = trait_uniforms(seed, column, graph.size)
        for row, (name, quantile) in enumerate(traits.items()):
            getattr(people, name)[:] = quantile(draws[row])
    for number, product in enumerate(scenario.products):
        draws = trait_uniforms(seed, 400 + number if number else 0, graph.size)
        valuation = _valuation(_median_valuation(product), settings.valuation_spread)
        people.valuation_cents[number] = valuation(draws[0])
    return people


def _empty_population(people: int, products: int) -> Population:
    return Population(
        **_interleaved((products, people), valuation_cents=np.float32, affinity=np.float32),
        **_interleaved(
            (people,), influence=np.float32, initiative=np.float32, effort=np.float32,
            reward_sensitivity=np.float32, closeness=np.float32,
        ),
        visit_rate=np.zeros(people, np.float32),
        purchase_rate=np.zeros(people, np.float32),
        dropout=np.zeros(people, np.float32),
        lapse_hazard=np.zeros(people, np.float32),
        habit_hazard=np.zeros(people, np.float32),
    )  # fmt: skip


def _interleaved(shape: tuple[int, ...], **fields: type) -> dict[str, np.ndarray]:
    """Zeroed arrays that lie side by side in memory, row by row.

    What is read together of one consumer then takes one or two cache lines instead of one per
    array; each array is a strided view.
    """
    block = np.zeros(shape, np.dtype(list(fields.items()), align=True))
    return {name: block[name] for name in fields}


def empty_state(
    people: int, ties: int, products: int, coupons: bool = False, short_ticks: bool = False
) -> State:
    """Everybody a prospect who has heard nothing; ties without evidence.

    Arrays that a phase scans for everybody are contiguous, the others are interleaved. Who told
    whom last is kept only where friends have codes to type in (``coupons``), when somebody shared
    last only where ticks are shorter than a day (``short_ticks``).
    """
    plane = (products, people)
    told = (products, people if coupons else 1)
    shared = (products, people if short_ticks else 1)
    arrays: dict[str, np.ndarray] = {
        "status": np.zeros(people, np.uint8),
        "habit": np.zeros(people, np.uint8),
        "fatigue": np.zeros(people, np.float32),
        "inbox": np.zeros(people, np.uint16),
        "last_visit": np.zeros(people, np.int32),
        "loyalty": np.ones(people, np.float32),
        "click_due": np.zeros(plane, np.int32),
        "good_ties": np.zeros(ties, np.float32),
        "bad_ties": np.zeros(ties, np.float32),
        "muted": np.zeros(ties, np.uint8),
        "times": np.zeros((products, ties), np.uint8),
        "satisfied": np.zeros(products, np.int64),
        "rated": np.zeros(products, np.int64),
        "told_sponsor": np.zeros(told, np.int32),
        "told_tick": np.zeros(told, np.int32),
        "told_tie": np.zeros(told, np.int32),
        "told_key": np.zeros(told, np.uint32),
        "told_channel": np.zeros(told, np.uint8),
        "shared_tick": np.zeros(shared, np.int32),
        **_interleaved(
            (people,), sponsor=np.int32, member_friends=np.int32, last_earned=np.int32,
            joined=np.int32, left=np.int32, activity=np.int32, shares=np.int32, sales=np.int32,
            good_record=np.float32, bad_record=np.float32, depth=np.int32,
            activity_product=np.int16,
        ),
        **_interleaved(
            plane, satisfaction=np.float32, last_order=np.int32, orders=np.uint16,
            good_heard=np.uint8, bad_heard=np.uint8, click_sponsor=np.int32, click_tick=np.int32,
            click_tie=np.int32, click_key=np.uint32, click_channel=np.uint8,
        ),
    }  # fmt: skip
    for name in ("joined", "left", "last_earned", "last_visit", "activity", "last_order",
                 "click_tick", "click_due", "told_tick", "shared_tick"):  # fmt: skip
        arrays[name].fill(NEVER)
    for name in ("sponsor", "click_sponsor", "click_tie", "told_sponsor", "told_tie"):
        arrays[name].fill(-1)
    arrays["satisfaction"].fill(0.5)
    return State(**arrays)


def copy_state(state: State) -> State:
    """A copy with the same layout in memory (kernels are compiled for it)."""
    products, ties = state.times.shape
    people = state.status.size
    copy = empty_state(
        people, ties, products, coupons=state.told_tick.shape[1] == people,
        short_ticks=state.shared_tick.shape[1] == people,
    )  # fmt: skip
    for target, source in zip(copy, state, strict=True):
        target[...] = source
    return copy


def make_state(scenario: Scenario, graph: SocialGraph, people: Population, seed: int) -> State:
    """The state on the morning of day 0: initial customers, seeds, and trust by tie strength."""
    coupons = scenario.attribution.coupons
    state = empty_state(
        graph.size, graph.tie_count, len(scenario.products), coupons, scenario.ticks_in(1) > 1
    )
    prior = scenario.behavior.experience
    state.good_ties[:] = (
        prior.prior_weak + (prior.prior_strong - prior.prior_weak) * graph.arrays.strength
    )
    state.bad_ties[:] = prior.prior_bad
    _add_initial_customers(scenario, people, state, seed)
    _add_seeds(scenario, graph, state, seed)
    count_member_friends(graph, state)
    return state


def _add_initial_customers(scenario: Scenario, people: Population, state: State, seed: int) -> None:
    """Customers from before day 0, aged by the same hazards that act afterwards."""
    campaign = scenario.campaign
    size = state.status.shape[0]
    chosen, tenure, stays, keeps = uniform_table(
        np.uint64(seed), int(Decision.INITIAL_CUSTOMER), 0, size
    )
    product_u, mood, _, _ = uniform_table(np.uint64(seed), int(Decision.INITIAL_CUSTOMER), 1, size)
    who = np.flatnonzero(chosen < campaign.initial_customers)
    days = tenure[who] * campaign.initial_tenure_days
    state.status[who] = np.where(
        stays[who] < np.exp(-people.lapse_hazard[who] * days), MEMBER, LAPSED
    )
    state.habit[who] = keeps[who] < np.exp(-people.habit_hazard[who] * days)
    tick = -1 - np.floor(days / scenario.dt).astype(np.int32)
    state.joined[who] = tick
    state.left[who[state.status[who] == LAPSED]] = -1
    product = np.floor(product_u[who] * len(scenario.products)).astype(np.intp)
    state.orders[product, who] = 1
    state.last_order[product, who] = tick
    state.satisfaction[product, who] = _satisfaction_before(scenario, product, mood[who])


def _satisfaction_before(scenario: Scenario, product: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Satisfaction (n,) with units bought before the run, from uniforms (n,)."""
    quality, spread, expected = (
        np.array([getattr(item, name) for item in scenario.products])[product]
        for name in ("quality", "quality_spread", "expectation")
    )
    gap = quality + spread * special.ndtri(u) - expected
    return 1 / (1 + np.exp(-scenario.behavior.experience.sensitivity * gap))


def _add_seeds(scenario: Scenario, graph: SocialGraph, state: State, seed: int) -> None:
    """People who get the first product for nothing on day 0."""
    seeding = scenario.campaign.seeding
    if seeding.count == 0:
        return
    if seeding.count > graph.size:
        raise InputError(
            f"campaign.seeding.count = {seeding.count} is more than the "
            f"{graph.size} people there are; lower it"
        )
    order_u, mood, _, _ = uniform_table(np.uint64(seed), int(Decision.SEEDING), 0, graph.size)
    degree = np.diff(graph.arrays.indptr) if seeding.choose == "hubs" else np.zeros(graph.size)
    who = np.lexsort((order_u, -degree))[: seeding.count]
    give_first_product(scenario, state, who, mood[who])


def give_first_product(scenario: Scenario, state: State, who: np.ndarray, mood: np.ndarray) -> None:
    """Make ``who``, int64 (n,), members who got the first product for nothing on day 0.

    mood : uniforms (n,) that say how satisfied they are. Counts of member friends are not renewed.
    """
    state.joined[who] = np.where(state.status[who] == PROSPECT, 0, state.joined[who])
    state.status[who] = MEMBER
    state.habit[who] = 1
    state.orders[0, who] += 1
    state.last_order[0, who] = 0
    first = np.zeros(who.size, dtype=np.intp)
    state.satisfaction[0, who] = _satisfaction_before(scenario, first, mood)


def count_member_friends(graph: SocialGraph, state: State) -> None:
    """Count anew how many of those whom each person hears from are members."""
    arrays = graph.arrays
    sharers = np.repeat(state.status == MEMBER, np.diff(arrays.indptr))
    counts = np.bincount(arrays.target[sharers], minlength=graph.size)
    state.member_friends[:] = counts
