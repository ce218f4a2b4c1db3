"""Who the consumers are (traits, drawn once) and what a day may change (state), as arrays.

Both are named tuples of arrays with a row per consumer (and a plane per product), so kernels and
Mesa agents read the same memory. P products, N consumers, T directed ties.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy import sparse, special

from sim.errors import InputError, InputWarning
from sim.network import SocialGraph
from sim.randomness import Decision, uniform_table
from sim.scenario import Population as PopulationSettings
from sim.scenario import Product, Scenario

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


def _trait_uniforms(seed: int, column: int, size: int) -> np.ndarray:
    return uniform_table(np.uint64(seed), int(Decision.TRAITS), column, size)


def _lognormal(u: np.ndarray, spread: float) -> np.ndarray:
    """Mean-1 lognormal quantiles of uniforms; exactly 1 at spread 0."""
    return np.exp(spread * special.ndtri(u) - spread * spread / 2)


def _beta(u: np.ndarray, a: float, b: float) -> np.ndarray:
    """Beta quantiles of uniforms; exactly 0 at a = 0."""
    return np.zeros_like(u) if a == 0 else special.betaincinv(a, b, u)


def _hazard(probability: np.ndarray, period_days: float) -> np.ndarray:
    """Hazard per day of something that happens with ``probability`` within a period."""
    return -np.log1p(-np.minimum(probability, 1 - 1e-12)) / period_days


TASTE_DIMENSIONS = 3
_SMOOTHING_ROUNDS = (8, 16, 32, 64)


def _standardised(columns: np.ndarray) -> np.ndarray:
    spread = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _normal_columns(seed: int, word: int, size: int) -> np.ndarray:
    """Independent standard normals (N, 3) from one word of the taste draws."""
    columns = [_trait_uniforms(seed, 100 + k, size)[word] for k in range(TASTE_DIMENSIONS)]
    return special.ndtri(np.column_stack(columns))


def homophilous_tastes(graph: SocialGraph, homophily: float, seed: int) -> np.ndarray:
    """Taste vectors (N, 3), float64, standard normal, whose correlation over ties is ``homophily``.

    Independent tastes are mixed with a field smoothed over the network; the mixing weight solves
    the quadratic equation that the wanted correlation gives. Homophily is thus a property of who
    knows whom, apart from any influence. The field is smoothed only as far as that needs. Warns
    and comes as near as it can on a network (such as a sparse random one) that cannot hold it.
    """
    own = _normal_columns(seed, 0, graph.size)
    if homophily == 0 or graph.tie_count == 0:
        return own
    ties = _mutual_ties(graph)
    degree = np.maximum(np.diff(ties.indptr), 1)[:, None]

    def over_ties(one: np.ndarray, other: np.ndarray) -> float:
        return float((one * (ties @ other)).sum()) / (ties.nnz * TASTE_DIMENSIONS)

    own = _standardised(own)
    field = _standardised(_normal_columns(seed, 1, graph.size))
    done = 0
    for rounds in _SMOOTHING_ROUNDS:
        for _ in range(rounds - done):
            field = _standardised(0.5 * field + 0.5 * (ties @ field) / degree)
        done = rounds
        if over_ties(field, field) >= homophily:
            break
    else:
        warnings.warn(
            f"population.homophily = {homophily:g} is more than this network can hold; "
            f"{over_ties(field, field):.2f} is used",
            InputWarning,
            stacklevel=2,
        )
        return field
    cross = over_ties(own, field) + over_ties(field, own)
    weight = _mixing_weight(homophily, over_ties(field, field), cross, over_ties(own, own))
    return _standardised(weight * field + np.sqrt(1 - weight * weight) * own)


def _mutual_ties(graph: SocialGraph) -> sparse.csr_array:
    """The ties as a symmetric matrix of ones, so that smoothing treats both ends alike."""
    arrays = graph.arrays
    ones = np.ones(graph.tie_count, dtype=np.float32)
    ties = sparse.csr_array((ones, arrays.target, arrays.indptr), shape=(graph.size, graph.size))
    return ties.maximum(ties.T).tocsr() if graph.directed else ties


def _mixing_weight(wanted: float, field: float, cross: float, own: float) -> float:
    """Weight w with w^2 field + w sqrt(1-w^2) cross + (1-w^2) own = wanted, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        w = (low + high) / 2
        correlation = w * w * field + w * np.sqrt(1 - w * w) * cross + (1 - w * w) * own
        low, high = (w, high) if correlation < wanted else (low, w)
    return high


def _affinity(tastes: np.ndarray, products: tuple[Product, ...], seed: int) -> np.ndarray:
    """Affinity (P, N), float32 in [0, 1], uniform over people; alike within a category."""
    categories = sorted({product.category for product in products})
    directions = {
        category: special.ndtri(_trait_uniforms(seed, 200 + number, TASTE_DIMENSIONS)[0])
        for number, category in enumerate(categories)
    }
    rows = []
    for number, product in enumerate(products):
        own = special.ndtri(_trait_uniforms(seed, 300 + number, TASTE_DIMENSIONS)[0])
        direction = directions[product.category] + 0.5 * own
        rows.append(special.ndtr(tastes @ (direction / np.linalg.norm(direction))))
    return np.array(rows, dtype=np.float32)


def make_population(scenario: Scenario, graph: SocialGraph, seed: int) -> Population:
    """Draw the traits of everybody in ``graph``; consumer i's draws depend on ``seed`` and i alone.

    Quantile functions of addressed uniforms, so a changed parameter moves every trait a little
    instead of redrawing it.
    """
    settings: PopulationSettings = scenario.population
    size = graph.size
    money, drives, stay = (_trait_uniforms(seed, column, size) for column in range(3))
    reward, dropout_u, visit_u, _ = _trait_uniforms(seed, 3, size)
    valuations = []
    for number, product in enumerate(scenario.products):
        u = money[0] if number == 0 else _trait_uniforms(seed, 400 + number, size)[0]
        median = 100 * (
            product.valuation if product.valuation is not None else max(product.price, 0.01)
        )
        valuations.append(median * np.exp(settings.valuation_spread * special.ndtri(u)))
    shape = settings.repeat_shape
    traits = _empty_population(size, len(scenario.products))
    traits.valuation_cents[...] = valuations
    tastes = homophilous_tastes(graph, settings.homophily, seed)
    traits.affinity[...] = _affinity(tastes, scenario.products, seed)
    traits.influence[:] = _lognormal(drives[0], settings.influence_spread)
    traits.initiative[:] = _lognormal(drives[1], settings.initiative_spread)
    traits.effort[:] = settings.effort * _lognormal(drives[2], settings.effort_spread)
    traits.reward_sensitivity[:] = _lognormal(reward, settings.reward_sensitivity_spread)
    traits.closeness[:] = _mean_strength(graph)
    traits.visit_rate[:] = settings.visit_rate * _lognormal(visit_u, settings.visit_spread)
    traits.purchase_rate[:] = special.gammaincinv(shape, stay[0]) / shape
    traits.dropout[:] = _beta(dropout_u, settings.dropout_a, settings.dropout_b)
    leaving = _beta(stay[1], settings.lapse_a, settings.lapse_b)
    traits.lapse_hazard[:] = _hazard(leaving, settings.lapse_period_days)
    traits.habit_hazard[:] = _hazard(_beta(stay[2], settings.habit_a, settings.habit_b), 1.0)
    return traits


def _mean_strength(graph: SocialGraph) -> np.ndarray:
    """Mean strength (N,), float64, of everybody's ties to friends; 0 without any."""
    degree = np.diff(graph.arrays.indptr)
    sharers = np.repeat(np.arange(graph.size, dtype=np.int32), degree)
    total = np.bincount(sharers, weights=graph.arrays.strength, minlength=graph.size)
    return total / np.maximum(degree, 1)


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
