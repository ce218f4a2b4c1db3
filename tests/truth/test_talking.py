"""Trust, tastes of friends, opened messages, response times and audiences, in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim import rules
from sim.agents import Consumer
from sim.errors import InputWarning
from sim.model import WordOfMouthModel
from sim.network import SocialGraph
from sim.randomness import Decision, uniform_table
from sim.rules import coefficients
from sim.scenario import Behavior, Scenario
from sim.tastes import homophilous_tastes
from sim.world import make_world
from tests.worlds import plain_scenario, rich_scenario, run

# Trust -------------------------------------------------------------------------------------


def trustful(memory: float, learning: float = 1.0) -> WordOfMouthModel:
    """Two friends who know nothing of each other."""
    scenario = plain_scenario(
        network={"kind": "complete", "mean_degree": None},
        population={"size": 2},
        behavior={
            "experience": {
                "prior_weak": 0.0, "prior_strong": 0.0, "prior_bad": 0.0, "memory": memory,
                "learning": learning,
            }
        },
    )  # fmt: skip
    return WordOfMouthModel(scenario, engine="agents")


def test_trust_after_nine_good_and_one_bad_experience():
    model = trustful(memory=1.0)
    receiver = model.consumer(1)
    tie = 0  # from 0 to 1
    assert model.engine.tie_trust(tie) == 0.5
    for good in [True] * 9 + [False]:
        receiver.learn_about_tie(tie, good)
    assert model.engine.tie_trust(tie) == pytest.approx(10 / 12, rel=1e-6)
    assert rules.trust(9.0, 1.0) == 10 / 12


@pytest.mark.parametrize("memory", [0.5, 0.9, 0.98])
def test_evidence_approaches_the_limit_of_memory(memory):
    model = trustful(memory)
    for _ in range(600):
        model.consumer(1).learn_about_tie(0, True)
    assert model.state.good_ties[0] == pytest.approx(1 / (1 - memory), rel=1e-4)
    assert model.state.bad_ties[0] == 0.0


def test_recent_experience_counts_more():
    late, early = trustful(0.9), trustful(0.9)
    for k in range(10):
        late.consumer(1).learn_about_tie(0, k < 5)
        early.consumer(1).learn_about_tie(0, k >= 5)
    assert late.engine.tie_trust(0) < 0.5 < early.engine.tie_trust(0)


@pytest.mark.parametrize(("experience", "rises"), [("good", True), ("bad", False)])
def test_a_run_moves_trust_the_way_experience_went(experience, rises):
    quality = {"good": 1.0, "bad": 0.0}[experience]
    scenario = rich_scenario(
        products=[{"price": 20.0, "quality": quality, "quality_spread": 0.0, "expectation": 0.5}],
        campaign={"activities": [], "price_changes": []},
        behavior={"experience": {"memory": 1.0, "hype": 0.0}},
    )
    world = make_world(scenario, 1)
    model = run(scenario, world=world)
    good = model.state.good_ties.sum() > world.initial.good_ties.sum()
    orders = model.ledger.orders()
    over_ties = int((orders.sponsor >= 0).sum())
    if rises:
        assert over_ties > 10
        assert good
        assert (model.state.bad_ties == np.float32(0.9)).all()
    else:
        assert not good
        assert model.state.satisfied[0] == 0 < model.state.rated[0]


def test_every_credited_order_over_a_tie_leaves_one_piece_of_evidence():
    scenario = rich_scenario(
        behavior={"experience": {
            "memory": 1.0, "learning": 1.0, "prior_weak": 0.0, "prior_strong": 0.0,
            "prior_bad": 0.0,
        }},
    )  # fmt: skip
    model = run(scenario, policy="share")
    orders = model.ledger.orders()
    credited = int((orders.sponsor >= 0).sum())
    assert credited > 30
    assert model.state.good_record.sum() + model.state.bad_record.sum() == credited
    assert model.state.sales.sum() == credited
    by_group = int((orders.channel == 2).sum())  # a group may hold strangers
    evidence = model.state.good_ties.sum() + model.state.bad_ties.sum()
    assert credited - by_group <= evidence <= credited


# Homophily ---------------------------------------------------------------------------------


def correlation_over_ties(graph: SocialGraph, tastes: np.ndarray) -> float:
    """Mean product over ties of tastes that are standardised over people."""
    standard = (tastes - tastes.mean(axis=0)) / tastes.std(axis=0)
    source = np.repeat(np.arange(graph.size), np.diff(graph.arrays.indptr))
    return float((standard[source] * standard[graph.arrays.target]).mean())


@pytest.mark.parametrize(
    ("kind", "homophily"),
    [
        *((kind, wanted) for kind in ("watts_strogatz", "two_layer") for wanted in (0.0, 0.3, 0.6)),
        ("barabasi_albert", 0.0),
        ("barabasi_albert", 0.3),
    ],
)
def test_tastes_of_friends_correlate_as_asked(kind, homophily):
    graph = SocialGraph.generate(kind, 4000, seed=1, mean_degree=8)
    found = correlation_over_ties(graph, homophilous_tastes(graph, homophily, 5))
    assert found == pytest.approx(homophily, abs=0.02)


def test_a_network_that_cannot_hold_the_homophily_comes_near_and_says_so():
    graph = SocialGraph.generate("barabasi_albert", 1000, seed=1, mean_degree=8)
    with pytest.warns(InputWarning, match=r"population\.homophily = 0\.8 is more than"):
        tastes = homophilous_tastes(graph, 0.8, 5)
    assert 0.3 < correlation_over_ties(graph, tastes) < 0.8


def test_homophily_does_not_show_in_shuffled_friends():
    graph = SocialGraph.generate("watts_strogatz", 4000, seed=1, mean_degree=8)
    tastes = homophilous_tastes(graph, 0.5, 5)
    order = np.argsort(uniform_table(np.uint64(1), 18, 0, 4000)[0])
    assert abs(correlation_over_ties(graph, tastes[order])) < 0.03


def test_homophily_keeps_tastes_standard_and_affinity_uniform():
    scenario = rich_scenario(population={"size": 4000, "homophily": 0.3})
    affinity = make_world(scenario, 2).people.affinity
    for row in affinity:
        assert row.mean() == pytest.approx(0.5, abs=0.05)
        assert row.std() == pytest.approx(math.sqrt(1 / 12), abs=0.03)
    same, other = np.corrcoef(affinity)[0, 1], np.corrcoef(affinity)[0, 2]
    assert same > max(0.5, abs(other))  # tea and coffee share a category


# Messages ----------------------------------------------------------------------------------


def messages(monkeypatch: pytest.MonkeyPatch, scenario: Scenario, **options):
    """Chances that messages were opened, and how many were."""
    model = WordOfMouthModel(scenario, engine="agents", **options)
    chances = []
    click = model.plain_rules.click

    def noted(*arguments):
        chances.append(click(*arguments))
        return chances[-1]

    model.plain_rules = model.plain_rules._replace(click=noted)
    model.run()
    return np.array(chances), model


def test_messages_are_opened_as_often_as_the_rule_says(monkeypatch):
    scenario = rich_scenario(days=40, population={"size": 200})
    chances, model = messages(monkeypatch, scenario, policy="share")
    clicks = model.daily["clicks"].sum()
    assert chances.size == model.daily["impressions"].sum() > 2000
    sd = math.sqrt((chances * (1 - chances)).sum())
    assert abs(clicks - chances.sum()) / sd < 5
    assert abs(clicks - 1.3 * chances.sum()) / sd > 5  # a rule 30 % too high


def test_one_to_one_messages_among_equals_are_opened_at_base_times_trust(monkeypatch):
    scenario = plain_scenario(
        days=30,
        campaign={"initial_customers": 0.5},
        behavior={
            "click": {"personal": 0.8},
            "share": {"enthusiasm": 2.0, "fade_days": 1000.0},
            "experience": {"prior_weak": 2.0, "prior_strong": 2.0, "prior_bad": 0.0},
        },
        population={
            "influence_spread": 0.0, "effort_spread": 0.0, "initiative_spread": 0.0,
            "habit_a": 0.001, "habit_b": 1000.0,
        },
        products=[{"price": 36.0, "quality": 0.9, "quality_spread": 0.0, "refund_days": 0}],
    )  # fmt: skip
    world = make_world(scenario, 4)
    world.people.affinity[...] = 0.5
    model = run(scenario, world=world)
    sent, opened = model.daily[["personal_messages", "personal_clicks"]].sum()
    chance = 0.8 * 0.75 * 0.5
    assert sent > 3000
    sd = math.sqrt(sent * chance * (1 - chance))
    assert abs(opened - sent * chance) / sd < 5
    assert abs(opened - sent * chance * 1.15) / sd > 5
    assert model.outcomes()["visits_per_share"] == opened / sent


def test_response_times_are_lognormal_around_the_median():
    c = coefficients(
        Behavior.model_validate({"click": {"delay_median_days": 0.4, "delay_spread": 1.6}})
    ).click
    n, dt = 20_000, 0.001
    u, v, _, _ = uniform_table(np.uint64(7), int(Decision.RESAMPLE), 0, n)
    ticks = np.array([rules.response_ticks(c, a, b, dt) for a, b in zip(u, v, strict=True)])
    days = (ticks - 1) * dt
    for sigmas, share in ((-1.0, 0.158655), (0.0, 0.5), (1.0, 0.841345)):
        below = np.count_nonzero(days < 0.4 * math.exp(1.6 * sigmas))
        sd = math.sqrt(n * share * (1 - share))
        assert abs(below - n * share) / sd < 5
        planted = np.count_nonzero(days < 0.44 * math.exp(1.6 * sigmas))
        assert planted > below
    assert abs(np.count_nonzero(days < 0.46) - n / 2) / math.sqrt(n / 4) > 5  # median 15 % off


def test_visits_come_when_the_response_time_is_over():
    scenario = rich_scenario(
        days=30, campaign={"organic_visits": 0.0, "advertising": [], "activities": []},
        behavior={"click": {"delay_median_days": 2.5, "delay_spread": 0.0}},
    )  # fmt: skip
    model = WordOfMouthModel(scenario)
    state = model.state
    while model.running:
        model.step()
        answered = state.click_tick == model.tick - 1
        assert (state.click_due[answered] - state.click_tick[answered] == 3).all()
    assert model.daily["clicks"].sum() > 20


# Audiences ---------------------------------------------------------------------------------


def first_choices(strengths: tuple[float, float], preference: float, n: int) -> int:
    """How often the first of two friends is addressed when one message is sent."""
    graph = SocialGraph.from_edges([0, 0], [1, 2], strength=[*strengths], size=3)
    scenario = plain_scenario(behavior={"share": {"tie_preference": preference}})
    model = WordOfMouthModel(scenario, world=make_world(scenario, 1, graph), engine="agents")
    sender: Consumer = model.consumer(0)
    model._campaign()
    chosen = 0
    for tick in range(n):
        model.day = model.day._replace(tick=tick)
        chosen += sender.choose_friends(Decision.AUDIENCE, 0, 1) == [0]
    return chosen


@pytest.mark.parametrize("preference", [0.0, 1.0, 2.0])
def test_strong_ties_are_addressed_first_as_weighted_sampling_says(preference):
    n, weak = 4000, 0.4
    chosen = first_choices((weak, 1.0), preference, n)
    share = weak**preference / (weak**preference + 1)
    assert abs(chosen - n * share) / math.sqrt(n * share * (1 - share)) < 5
    planted = weak ** (preference + 0.5) / (weak ** (preference + 0.5) + 1)
    assert abs(chosen - n * planted) / math.sqrt(n * planted * (1 - planted)) > 5


def test_audiences_are_one_more_than_poisson():
    c = coefficients(Behavior()).share
    n, effort = 20_000, 2.0
    u = uniform_table(np.uint64(3), int(Decision.RESAMPLE), 0, n)[0]
    sizes = np.array([rules.audience_size(c, effort, 0.0, one, 1000) for one in u])
    assert abs(sizes.mean() - 1 - effort) / math.sqrt(effort / n) < 5
    assert sizes.var() == pytest.approx(effort, rel=0.05)
    for k in range(6):
        share = math.exp(-effort) * effort**k / math.factorial(k)
        found = np.count_nonzero(sizes == 1 + k)
        assert abs(found - n * share) / math.sqrt(n * share * (1 - share)) < 5
    assert {rules.audience_size(c, effort, 0.0, one, 2) for one in u[:500]} == {1, 2}


# How often -----------------------------------------------------------------------------------


def talkative(dt: float) -> WordOfMouthModel:
    """Customers who like the product and are in the shop all the time, a constant urge to share."""
    scenario = plain_scenario(
        days=20,
        dt=dt,
        campaign={
            "initial_customers": 1.0, "initial_tenure_days": 1.0, "organic_visits": 0.0,
        },
        behavior={"share": {"enthusiasm": 1.0, "fade_days": 1000.0}},
        population={
            "effort_spread": 0.0, "initiative_spread": 0.0, "visit_rate": 1000.0,
            "visit_spread": 0.0, "habit_a": 0.001, "habit_b": 1000.0,
        },
        products=[{
            "price": 36.0, "quality": 1.0, "quality_spread": 0.0, "refund_days": 0,
            "repurchase_days": 1e9,
        }],
    )  # fmt: skip
    return WordOfMouthModel(scenario)


@pytest.mark.parametrize("dt", [1.0, 0.5, 0.25])
def test_the_chance_to_share_in_a_day_does_not_depend_on_the_tick(dt):
    model = talkative(dt)
    level = float(model.state.satisfaction[0].mean())
    model.run()
    people_days = 500 * 20
    # Age fades the urge by 2 % within the run at most: taken at its middle.
    chance = 1 - math.exp(-level * math.exp(-0.01))
    sd = math.sqrt(people_days * chance * (1 - chance))
    shares = int(model.daily["shares"].sum())
    assert abs(shares - people_days * chance) / sd < 5
    if dt < 1:  # planted: every tick is a chance of its own
        each_tick = people_days / dt * (1 - math.exp(-level * math.exp(-0.01) * dt))
        assert abs(shares - each_tick) / sd > 5


@pytest.mark.parametrize("dt", [0.5, 0.25])
def test_nobody_shares_the_same_product_twice_in_a_day(dt):
    model = talkative(dt)
    before = model.state.shares.copy()
    while model.running:
        for _ in range(round(1 / dt)):
            model.step()
        assert (model.state.shares - before).max() <= 1
        before = model.state.shares.copy()
