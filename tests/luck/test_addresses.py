"""Luck is an address: what is drawn depends on who decides what and when, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from sim.agents import Consumer
from sim.network import SocialGraph
from sim.population import Population, State, make_population
from sim.randomness import Decision
from sim.world import World, luck_seed, make_world, world_seed
from tests.worlds import differences, digest, plain_scenario, rich_scenario, run

NUMBERS = {
    "NETWORK": 1,
    "GROUPS": 2,
    "TRAITS": 3,
    "INITIAL_CUSTOMER": 4,
    "SEEDING": 5,
    "VISIT": 6,
    "NEED": 7,
    "BUY": 8,
    "EXPERIENCE": 10,
    "SHARE": 11,
    "AUDIENCE": 12,
    "GROUP_MESSAGE": 13,
    "MUTE": 15,
    "STAY": 16,
    "REPLICATION": 17,
    "RESAMPLE": 18,
    "WARNING_AUDIENCE": 19,
    "HABIT": 20,
    "CODE": 21,
    "LOTTERY": 30,
    "REVIEW": 31,
    "OPPORTUNIST": 32,
    "TEAM": 33,
    "SEGMENT": 34,
}


def test_decisions_are_never_renumbered():
    now = {decision.name: int(decision) for decision in Decision}
    assert {name: now.get(name) for name in NUMBERS} == NUMBERS
    assert len(set(now.values())) == len(now)
    assert max(now.values()) < 256  # a decision has one byte of the address


@pytest.mark.parametrize("small", [1, 40, 90])
def test_traits_do_not_depend_on_the_number_of_people(small):
    def traits(size: int) -> Population:
        scenario = rich_scenario(population={"size": size, "homophily": 0.0})
        return make_population(scenario, SocialGraph.from_edges([], [], size=size), seed=4)

    for name, few, many in zip(Population._fields, traits(small), traits(300), strict=True):
        assert np.array_equal(few, many[..., :small]), name


def test_traits_do_not_depend_on_the_network():
    scenario = rich_scenario(population={"size": 50, "homophily": 0.0})
    ring = SocialGraph.generate("ring", 50)
    empty = SocialGraph.from_edges([], [], size=50)
    known, alone = (make_population(scenario, graph, 4)._asdict() for graph in (ring, empty))
    for name in set(known) - {"closeness"}:  # how close the friends are is a fact of the network
        assert np.array_equal(known[name], alone[name]), name


def test_a_changed_spread_moves_every_trait_and_redraws_none():
    graph = SocialGraph.from_edges([], [], size=200)
    narrow, wide = (
        make_population(rich_scenario(population={"influence_spread": s}), graph, 4).influence
        for s in (0.2, 0.4)
    )
    assert np.array_equal(np.argsort(narrow), np.argsort(wide))


def test_world_and_luck_have_seeds_of_their_own():
    seeds = {f(seed, r) for f in (world_seed, luck_seed) for seed in (0, 1) for r in range(50)}
    assert len(seeds) == 200


def test_policies_start_in_the_same_world():
    assert (
        make_world(rich_scenario(), 3).graph.digest()
        == make_world(rich_scenario(policies={"none": {}}), 3).graph.digest()
    )


PAYS_NOTHING = {
    "rate_0": {"scheme": "percentage", "rate": 0.0},
    "amount_0": {"scheme": "fixed_bounty", "amount": 0.0},
    "both_0": {"scheme": "two_sided", "give": 0.0, "get": 0.0},
    "gift_0": {"scheme": "recipient_only", "give": 0.0},
    "tiers_0": {"scheme": "tiered", "tiers": [[0, 0.0], [3, 0.0]]},
    "levels_0": {"scheme": "multi_level", "rate": 0.0},
    "later": {"scheme": "percentage", "start_day": 900},
    "huge_minimum": {"scheme": "two_sided", "minimum_order": 1e6},
}


@pytest.mark.parametrize("policy", PAYS_NOTHING)
def test_a_scheme_that_pays_nothing_is_no_policy_to_the_bit(policy):
    scenario = rich_scenario(policies={"none": {}, policy: PAYS_NOTHING[policy]})
    assert differences(run(scenario, policy="none"), run(scenario, policy=policy)) == []


def test_the_name_of_a_policy_is_not_in_an_address():
    scenario = rich_scenario(
        policies={"a": {"scheme": "percentage"}, "b": {"scheme": "percentage"}}
    )
    assert digest(run(scenario, policy="a")) == digest(run(scenario, policy="b"))


# An isolated person ------------------------------------------------------------------------

LONER = 60
SCENARIO = rich_scenario(
    behavior={"purchase": {"rating": 0.0}},  # the public rating couples all buyers
    population={"homophily": 0.0},
    campaign={"seeding": {"count": 0}, "organic_visits": 0.4},
)


@pytest.fixture(scope="module")
def world() -> World:
    return loner_world()


def loner_world() -> World:
    """Sixty people in a small world and in chats, and one whom nobody knows."""
    friends = SocialGraph.generate("watts_strogatz", LONER, seed=2, mean_degree=6)
    source = np.repeat(np.arange(LONER), np.diff(friends.arrays.indptr))
    target = friends.arrays.target
    once = source < target
    chats = [range(k, k + 12) for k in range(0, LONER - 12, 12)]
    graph = SocialGraph.from_edges(source[once], target[once], size=LONER + 1, groups=chats)
    return make_world(SCENARIO, 8, graph)


def others(state: State) -> dict[str, bytes]:
    """Everything but what belongs to the isolated person or to the public."""
    return {
        name: (array[..., :LONER] if array.shape[-1] == LONER + 1 else array).tobytes()
        for name, array in state._asdict().items()
        if name not in ("satisfied", "rated")
    }


@pytest.mark.parametrize("trait", Population._fields)
def test_a_trait_of_an_isolated_person_changes_nobody_else(world, trait):
    changed = loner_world().people
    getattr(changed, trait)[..., LONER] = {"affinity": 1.0, "dropout": 1.0}.get(trait, 1e4)
    other = World(world.graph, changed, world.initial)
    before = run(SCENARIO, policy="share", world=world)
    after = run(SCENARIO, policy="share", world=other)
    assert others(before.state) == others(after.state)


@pytest.mark.parametrize("engine", ["kernels", "agents"])
def test_the_check_above_sees_a_person_with_friends(world, engine):
    changed = loner_world().people
    before = run(SCENARIO, policy="share", world=world, engine=engine)
    sharer = int(np.argmax(before.state.shares))
    changed.initiative[sharer] = 1e-4
    after = run(
        SCENARIO, policy="share", engine=engine, world=World(world.graph, changed, world.initial)
    )
    assert others(before.state) != others(after.state)


def test_the_luck_of_an_isolated_person_changes_nobody_else(monkeypatch, world):
    before = run(SCENARIO, policy="share", world=world, engine="agents")
    luck = Consumer.luck

    def other_luck(self, decision, product=0, partner=0):
        drawn = luck(self, decision, product, partner)
        return tuple(1 - u for u in drawn) if self.row == LONER else drawn

    monkeypatch.setattr(Consumer, "luck", other_luck)
    after = run(SCENARIO, policy="share", world=world, engine="agents")
    assert others(before.state) == others(after.state)
    assert not np.array_equal(before.state.orders[:, LONER], after.state.orders[:, LONER]) or (
        before.state.last_visit[LONER] != after.state.last_visit[LONER]
    )


def test_one_more_person_who_knows_nobody_changes_nobody_else():
    scenario = plain_scenario(campaign={"initial_customers": 0.2})
    base = SocialGraph.generate("watts_strogatz", 300, seed=1, mean_degree=6)
    source = np.repeat(np.arange(300), np.diff(base.arrays.indptr))
    once = source < base.arrays.target
    runs = []
    for size in (300, 301):
        graph = SocialGraph.from_edges(source[once], base.arrays.target[once], size=size)
        runs.append(run(scenario, world=make_world(scenario, 6, graph)).state)
    for name in ("status", "orders", "joined", "last_visit", "satisfaction", "click_sponsor"):
        few, many = (getattr(state, name) for state in runs)
        assert np.array_equal(few, many[..., :300]), name
