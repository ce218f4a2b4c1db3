"""Traits and the state on the morning of day 0."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from sim.errors import InputError
from sim.network import SocialGraph
from sim.population import (
    LAPSED,
    MEMBER,
    NEVER,
    PROSPECT,
    copy_state,
    empty_state,
    make_population,
    make_state,
)
from sim.scenario import Scenario
from tests.worlds import rich_scenario

SIZE = 4000
FALSE_ALARM = 1e-6  # of each of the tests of distributions below


def people_of(scenario: Scenario, size: int = SIZE, seed: int = 3):
    return make_population(scenario, SocialGraph.from_edges([], [], size=size), seed)


def state_of(size: int = SIZE, seed: int = 3, **changes):
    scenario = rich_scenario(population={"size": size}, **changes)
    graph = SocialGraph.generate("ring", size)
    return make_state(scenario, graph, make_population(scenario, graph, seed), seed)


def test_traits_are_float32_of_the_stated_shapes():
    people = people_of(rich_scenario(), size=50)
    for name, array in people._asdict().items():
        assert array.dtype == np.float32
        assert array.shape == ((3, 50) if name in ("valuation_cents", "affinity") else (50,))
        assert np.isfinite(array).all()
        assert (array >= 0).all()


@pytest.mark.parametrize(
    ("trait", "distribution"),
    [
        ("influence", stats.lognorm(0.4, scale=np.exp(-0.08))),
        ("initiative", stats.lognorm(1.0, scale=np.exp(-0.5))),
        ("reward_sensitivity", stats.lognorm(0.5, scale=np.exp(-0.125))),
        ("visit_rate", stats.lognorm(0.5, scale=1.5 * np.exp(-0.125))),
        ("effort", stats.lognorm(0.5, scale=1.5 * np.exp(-0.125))),
        ("purchase_rate", stats.gamma(0.8, scale=1 / 0.8)),
        ("dropout", stats.beta(0.8, 4.0)),
    ],
)
def test_traits_are_distributed_as_stated(trait, distribution):
    spreads = dict.fromkeys(("visit_spread", "effort_spread", "reward_sensitivity_spread"), 0.5)
    scenario = rich_scenario(population={**spreads, "influence_spread": 0.4})
    found = getattr(people_of(scenario), trait).astype(np.float64)
    assert stats.kstest(found, distribution.cdf).pvalue > FALSE_ALARM
    assert stats.kstest(1.15 * found, distribution.cdf).pvalue < FALSE_ALARM  # 15 % off


def test_valuations_are_lognormal_around_their_median_and_independent_between_products():
    people = people_of(rich_scenario(population={"valuation_spread": 0.5}))
    logs = np.log(people.valuation_cents.astype(np.float64))
    for row, median in zip(logs, (2600, 3800, 7500), strict=True):
        assert stats.kstest(row, stats.norm(np.log(median), 0.5).cdf).pvalue > FALSE_ALARM
    assert np.abs(np.corrcoef(logs) - np.eye(3)).max() < 5 / np.sqrt(SIZE)


def test_an_unset_valuation_is_the_list_price():
    scenario = Scenario.from_table(
        {
            "population": {"valuation_spread": 0},
            "products": [{"price": 12.5}, {"name": "b", "price": 0}],
        }
    )
    assert people_of(scenario, size=3).valuation_cents.tolist() == [[1250.0] * 3, [1.0] * 3]


def test_affinity_is_uniform_and_alike_within_a_category():
    affinity = people_of(rich_scenario(population={"homophily": 0.0})).affinity
    for row in affinity:
        assert stats.kstest(row, "uniform").pvalue > FALSE_ALARM


def test_hazards_are_those_of_the_beta_chances():
    scenario = rich_scenario()
    people = people_of(scenario)
    leaving = -np.expm1(-20.0 * people.lapse_hazard.astype(np.float64))
    losing = -np.expm1(-people.habit_hazard.astype(np.float64))
    assert stats.kstest(leaving, stats.beta(1.0, 6.0).cdf).pvalue > FALSE_ALARM
    assert stats.kstest(losing, stats.beta(0.6, 1.5).cdf).pvalue > FALSE_ALARM


def test_traits_are_independent_of_each_other():
    people = people_of(rich_scenario())
    drawn = [array for name, array in people._asdict().items() if name != "closeness"]
    ranks = np.array([stats.rankdata(row) for array in drawn for row in np.atleast_2d(array)])
    correlation = np.corrcoef(ranks)
    np.fill_diagonal(correlation, 0)
    correlation[3:6, 3:6] = 0  # affinities share a taste
    assert np.abs(correlation).max() < 5 / np.sqrt(SIZE)


def test_an_extreme_draw_gives_finite_traits():
    people = people_of(rich_scenario(population={"lapse_a": 1000.0, "lapse_b": 0.001}), size=200)
    assert np.isfinite(people.lapse_hazard).all()
    assert special.ndtri(0.5 * 2.0**-32) > -7


# State -------------------------------------------------------------------------------------


def test_closeness_is_the_mean_strength_of_the_ties_to_friends():
    graph = SocialGraph.from_edges([0, 0, 1], [1, 2, 3], size=5, strength=[1.0, 0.5, 0.25])
    closeness = make_population(rich_scenario(population={"homophily": 0.0}), graph, 1).closeness
    assert closeness.tolist() == [0.75, 0.625, 0.5, 0.25, 0.0]


def test_nobody_has_done_anything_in_an_empty_state():
    state = empty_state(4, 6, 2)
    assert (state.status == PROSPECT).all()
    assert (state.satisfaction == 0.5).all()
    for name in ("joined", "left", "last_order", "click_tick", "click_due", "activity"):
        assert (getattr(state, name) == NEVER).all()
    for name in ("sponsor", "click_sponsor", "click_tie"):
        assert (getattr(state, name) == -1).all()
    assert state.times.shape == (2, 6)


def test_a_copy_is_equal_and_separate_and_lies_the_same_way_in_memory():
    state = state_of(60)
    copy = copy_state(state)
    for one, other in zip(state, copy, strict=True):
        assert np.array_equal(one, other)
        assert (one.dtype, one.strides) == (other.dtype, other.strides)
        assert not np.shares_memory(one, other)


def test_initial_customers_own_one_unit_from_before_day_0():
    state = state_of(campaign={"seeding": {"count": 0}})
    customers = state.orders.sum(axis=0) == 1
    assert abs(customers.mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / SIZE)
    assert set(np.unique(state.status[customers])) == {MEMBER, LAPSED}
    assert (state.status[~customers] == PROSPECT).all()
    assert state.joined[customers].max() < 0
    assert state.joined[customers].min() >= -30
    assert (state.left[state.status == LAPSED] == -1).all()
    sold = state.orders.sum(axis=1)
    assert np.abs(sold - sold.mean()).max() < 5 * np.sqrt(sold.mean())
    product, who = np.nonzero(state.orders)
    assert np.array_equal(state.last_order[product, who], state.joined[who])


def test_seeds_are_members_who_own_the_first_product():
    state = state_of(campaign={"initial_customers": 0.0, "seeding": {"count": 7}})
    seeds = np.flatnonzero(state.status == MEMBER)
    assert seeds.size == 7
    assert (state.orders[0, seeds] == 1).all()
    assert state.orders.sum() == 7
    assert (state.joined[seeds] == 0).all()
    assert (state.habit[seeds] == 1).all()


def test_hubs_are_the_best_connected():
    scenario = rich_scenario(campaign={"initial_customers": 0.0, "seeding": {"count": 5}})
    graph = SocialGraph.generate("barabasi_albert", 300, seed=1, mean_degree=6)
    state = make_state(scenario, graph, make_population(scenario, graph, 1), 1)
    degree = np.diff(graph.arrays.indptr)
    seeds = state.status == MEMBER
    assert degree[seeds].min() >= np.sort(degree)[-5]


def test_more_seeds_than_people_are_refused():
    with pytest.raises(
        InputError, match=r"campaign\.seeding\.count = 61 is more than the 60 people"
    ):
        state_of(60, campaign={"seeding": {"count": 61}})


def test_a_random_seeding_grows_by_adding_people():
    few, many = (
        set(np.flatnonzero(
            state_of(
                200,
                campaign={"initial_customers": 0.0, "seeding": {"count": n, "choose": "random"}},
            ).status
        ))
        for n in (5, 9)
    )  # fmt: skip
    assert few < many


def test_trust_starts_between_the_priors_by_tie_strength():
    scenario = rich_scenario()
    graph = SocialGraph.from_edges([0, 1, 2], [1, 2, 3], strength=[0.0, 0.5, 1.0])
    state = make_state(scenario, graph, make_population(scenario, graph, 1), 1)
    expected = 0.8 + (3.0 - 0.8) * graph.arrays.strength
    assert state.good_ties == pytest.approx(expected)
    assert state.bad_ties == pytest.approx(0.9)


def test_members_among_those_one_hears_from_are_counted():
    state = state_of(60)
    graph = SocialGraph.generate("ring", 60).arrays
    hears_from = [[] for _ in range(60)]
    for i in range(60):
        for j in graph.target[graph.indptr[i] : graph.indptr[i + 1]]:
            hears_from[j].append(i)
    assert state.member_friends.tolist() == [
        int((state.status[friends] == MEMBER).sum()) for friends in hears_from
    ]
