"""The compiled kernels and the Mesa agents leave the same bits, in any order and uncompiled."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import rules
from sim.agents import Consumer
from sim.errors import InputError
from sim.model import ENGINES, WordOfMouthModel
from sim.network import SocialGraph
from sim.randomness import uniform_table
from sim.scenario import Scenario
from sim.world import World, make_world
from tests.conftest import REPOSITORY
from tests.worlds import NETWORK, POLICIES, differences, digest, plain_scenario, rich_scenario, run


def directed_world(scenario: Scenario) -> World:
    """Follows that go one way, three overlapping chats, and a person whom nobody knows."""
    size = 70
    u = uniform_table(np.uint64(3), 18, 0, 400)
    source = np.floor(u[0] * (size - 1)).astype(np.int64)
    target = np.floor(u[1] * (size - 1)).astype(np.int64)
    code = np.unique((source * size + target)[source != target])
    graph = SocialGraph.from_edges(
        *np.divmod(code, size),
        directed=True,
        size=size,
        groups=[range(30), range(20, 50), range(45, 69)],
    )
    return make_world(scenario, 9, graph)


def assert_engines_agree(scenario: Scenario, **options: Any) -> WordOfMouthModel:
    kernels = run(scenario, engine="kernels", **options)
    agents = run(scenario, engine="agents", **options)
    for name, array in kernels.state._asdict().items():
        assert np.array_equal(array, getattr(agents.state, name)), name
    assert kernels.daily.equals(agents.daily)
    assert kernels.ledger.entries().equals(agents.ledger.entries())
    assert differences(kernels, agents) == []
    return kernels


@pytest.mark.parametrize("policy", POLICIES)
def test_engines_agree_for_every_scheme(policy):
    model = assert_engines_agree(rich_scenario(), policy=policy)
    found = model.outcomes()
    assert min(found[name] for name in ("referred_orders", "shares", "mutes", "warnings")) > 0
    assert found["refund_cents"] > 0
    assert model.daily[["lapsed", "returned"]].to_numpy().sum(axis=0).min() > 0


@pytest.mark.parametrize("policy", ["share", "give_get"])
def test_engines_agree_with_opportunists(policy):
    scenario = rich_scenario(population={"opportunists": 0.5, "identity_cost": 0.1})
    assert_engines_agree(scenario, policy=policy)


@pytest.mark.parametrize("model", ["first_click", "linear", "position", "time_decay"])
def test_engines_agree_on_other_attribution(model):
    assert_engines_agree(rich_scenario(attribution={"model": model}), policy="share")
    assert_engines_agree(
        rich_scenario(attribution={"model": model, "coupons": True}), policy="give_get"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_two_runs_of_the_same_address_are_the_same(engine):
    scenario = rich_scenario(days=12)
    one, other = (run(scenario, policy="share", engine=engine) for _ in range(2))
    assert differences(one, other) == []
    assert differences(one, run(scenario, policy="share", engine=engine, seed=12)) != []
    assert differences(one, run(scenario, policy="share", engine=engine, replication=1)) != []


@pytest.mark.parametrize("dt", [0.25, 0.5, 2.0])
def test_engines_agree_on_other_ticks(dt):
    assert_engines_agree(rich_scenario(dt=dt), policy="tiers")


@pytest.mark.parametrize("policy", ["none", "levels", "give_get"])
def test_engines_agree_on_a_directed_graph_with_overlapping_groups(policy):
    scenario = rich_scenario(population={"homophily": 0.1})
    model = assert_engines_agree(scenario, policy=policy, world=directed_world(scenario))
    assert set(np.unique(model.ledger.orders().channel)) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {**NETWORK, "group_size": 20}, "attribution": {"existing_customers": False}},
        {"behavior": {"share": {"group_share": 0.9, "broadcast_share": 0.1}}},
        {"behavior": {"share": {"group_share": 0.0, "broadcast_share": 1.0}}},
        {"behavior": {"click": {"delay_median_days": 0.0, "personal": 1.0}}},
        {"behavior": {"fatigue": {"mute": 5.0, "mute_from": 0.0}}},
        {"products": [{"price": 0.0, "unit_cost": 0.0}, {"name": "b", "price": 0.01}]},
        {"campaign": {"seeding": {"count": 90}, "initial_customers": 1.0}},
        {"attribution": {"window_days": 0.0}},
        {"behavior": {"experience": {"learning": 0.0}}},
        {"campaign": {"organic_visits": 0.0, "initial_customers": 0.0, "seeding": {"count": 0}}},
    ],
)
def test_engines_agree_at_the_edges(changes):
    changes = dict(changes)
    if "products" in changes:
        changes["campaign"] = {"activities": [], "price_changes": []}
    if "network" in changes:
        changes["network"] = dict(changes["network"])
    assert_engines_agree(rich_scenario(days=15, **changes), policy="share")


@pytest.mark.parametrize("size", [1, 2])
def test_engines_agree_on_one_and_two_people(size):
    scenario = rich_scenario(
        network={"kind": "complete", "mean_degree": None, "group_size": None, "inside": None},
        population={"size": size, "homophily": 0.0},
        campaign={"seeding": {"count": 1}},
    )
    assert_engines_agree(scenario, policy="share")


def numbers(**bounds: tuple[float, float]) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries({name: st.floats(*span) for name, span in bounds.items()})


BEHAVIORS = st.fixed_dictionaries(
    {
        "click": numbers(
            personal=(0, 1), group=(0, 1), broadcast=(0, 1), novelty=(0, 1), reputation=(0, 3),
            stranger_trust=(0, 1), motive_suspicion=(0, 1), delay_median_days=(0, 5),
            delay_spread=(0, 4), fairness=(0, 0.5), uncertain_gift=(0.8, 1),
        ),
        "purchase": numbers(
            intercept=(-4, 4), taste=(0, 10), price=(0, 10), trust=(0, 10), word_of_mouth=(0, 5),
            negative_weight=(0, 5), rating=(0, 5), owner=(-10, 0),
            code_search=(0, 20),
        ),
        "repeat": numbers(
            satisfaction=(0, 3), reward_selection=(0, 0.3), selection_reference=(0.001, 1)
        ),
        "experience": numbers(
            sensitivity=(0, 20), hype=(0, 1), refund_gap=(0, 1), learning=(0, 10), memory=(0, 1),
            prior_weak=(0, 5), prior_strong=(0, 20), prior_bad=(0, 5),
        ),
        "share": numbers(
            enthusiasm=(0, 5), fade_days=(0.1, 50), activity=(0, 5), referral_contagion=(0.1, 5),
            reward_presence=(0, 3), reward_size=(0, 3), learning=(0, 5), expected_success=(1e-6, 2),
            reward_effort=(0, 5), tie_preference=(0, 5), hub_exponent=(0, 2), group_share=(0, 0.5),
            broadcast_share=(0, 0.5), warning=(0, 1), close_norm=(0, 1), generosity=(0, 5),
            uncertain_reward=(1, 1.3),
        ),
        "fatigue": numbers(
            memory_days=(0.1, 30), click=(0, 1), mute_from=(0, 5), mute=(0, 1), lapse=(0, 1)
        ),
        "stay": numbers(
            satisfaction=(0, 5), earnings=(0, 2), referrer=(0, 2), friends=(0, 5), win_back=(0, 1)
        ),
    }
)  # fmt: skip


@settings(max_examples=30)
@given(
    behavior=BEHAVIORS,
    size=st.integers(20, 80),
    days=st.integers(10, 20),
    dt=st.sampled_from([0.5, 1.0, 1.5]),
    seed=st.integers(0, 2**63 - 1),
    policy=st.sampled_from(list(POLICIES)),
    kind=st.sampled_from(["watts_strogatz", "two_layer", "complete"]),
    attribution=st.fixed_dictionaries(
        {"coupons": st.booleans(), "precedence": st.sampled_from(["coupon", "link"])}
    ),
)
def test_engines_agree_on_generated_scenarios(
    behavior, size, days, dt, seed, policy, kind, attribution
):
    network = dict.fromkeys(NETWORK) | (
        {"kind": "complete"} if kind == "complete" else {"kind": kind, "mean_degree": 6}
    )
    scenario = rich_scenario(
        days=days, dt=dt, network=network, behavior=behavior, attribution=attribution,
        population={"size": size, "homophily": 0.0 if kind == "complete" else 0.2},
    )  # fmt: skip
    assert_engines_agree(scenario, seed=seed, policy=policy)


@pytest.mark.parametrize("policy", ["share", "levels"])
def test_the_order_in_which_agents_act_does_not_matter(monkeypatch, policy):
    straight = run(rich_scenario(), policy=policy, engine="agents")
    shuffled = WordOfMouthModel(rich_scenario(), policy=policy, engine="agents")
    kind = type(shuffled.agents)  # Mesa 3.5 has several kinds of agent sets
    monkeypatch.setattr(kind, "do", kind.shuffle_do)
    seen = []
    monkeypatch.setattr(
        Consumer, "measure", _noting(Consumer.measure, seen), raising=True
    )  # proves that the order differs
    shuffled.run()
    assert seen[:90] != sorted(seen[:90])
    assert differences(straight, shuffled) == []


def _noting(method, seen):
    def noted(self):
        seen.append(self.row)
        method(self)

    return noted


def test_agents_in_reverse_order_leave_the_same_bits(monkeypatch):
    straight = run(rich_scenario(), policy="tiers", engine="agents")

    def backwards(agents, method):
        for agent in reversed(list(agents)):
            getattr(agent, method)()

    monkeypatch.setattr(type(straight.agents), "do", backwards)
    assert differences(straight, run(rich_scenario(), policy="tiers", engine="agents")) == []


UNCOMPILED = """
from tests.worlds import digest, rich_scenario, run
scenario = rich_scenario(days=8, population={"size": 40})
for policy in ("tiers", "give_get"):
    print(digest(run(scenario, policy=policy)))
"""


def uncompiled(program: str) -> str:
    """What a program prints where nothing is compiled."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_uncompiled_kernels_leave_the_same_bits():
    scenario = rich_scenario(days=8, population={"size": 40})
    expected = [digest(run(scenario, policy=policy)) for policy in ("tiers", "give_get")]
    assert uncompiled(UNCOMPILED).split() == expected


def saturated() -> WordOfMouthModel:
    """People who hear so much that the counts of a day and a product are full."""
    scenario = rich_scenario(
        days=3,
        population={"size": 40},
        behavior={"share": {"group_share": 0.5, "enthusiasm": 10.0, "warning": 1.0}},
    )
    model = WordOfMouthModel(scenario, policy="share")
    model.state.good_heard[:] = 254
    model.state.bad_heard[:] = 254
    model.state.times[:] = 254
    model.state.orders[:, :20] = 65535
    return model.run()


def test_full_counts_stay_full_in_compiled_and_uncompiled_kernels():
    model = saturated()
    assert model.state.good_heard.min() >= 254
    assert (model.state.good_heard == 255).any()
    assert model.state.orders[:, :20].min() == 65535
    program = (
        "from tests.agreement.test_engines import saturated; from tests.worlds import digest;"
        "print(digest(saturated()))"
    )
    assert uncompiled(program).strip() == digest(model)


# Custom rules ------------------------------------------------------------------------------


def keen_click(c, base, trust_in_sender, influence, affinity, sincere, times, tired, uncertain):
    return min(1.0, 0.5 * base * influence + 0.1 * trust_in_sender)


def cold_share_rate(c, initiative, hub, liking, reward, uncertain):
    return 0.5 * initiative * (liking + 0.25 * reward)


def test_replaced_rules_change_the_run_and_agree_between_engines():
    custom = rules.replace(click=keen_click, share_rate=cold_share_rate)
    scenario = rich_scenario(days=15)
    model = assert_engines_agree(scenario, policy="share", rules=custom)
    assert differences(model, run(scenario, policy="share")) != []


def test_replacing_a_rule_by_itself_changes_nothing():
    same = rules.replace(purchase=rules.purchase)
    scenario = rich_scenario(days=10)
    assert differences(run(scenario, rules=same), run(scenario)) == []


def test_replaced_rules_leave_other_models_alone():
    scenario = rich_scenario(days=10)
    before = digest(run(scenario, engine="agents"))
    run(scenario, rules=rules.replace(click=keen_click), engine="agents")
    assert digest(run(scenario, engine="agents")) == before


def test_an_unknown_rule_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="no rule 'clik'; did you mean 'click'"):
        rules.replace(clik=keen_click)


def test_a_rule_with_the_wrong_number_of_arguments_is_refused():
    with pytest.raises(InputError, match=r"'share_rate' takes 6 arguments \(c, initiative, hub"):
        rules.replace(share_rate=lambda initiative: 1.0)


@pytest.mark.parametrize("given", [3, "click", None, print])
def test_a_rule_that_is_no_python_function_is_refused(given):
    with pytest.raises(InputError, match="rule 'click'"):
        rules.replace(click=given)


def test_rules_can_be_replaced_where_nothing_is_compiled():
    program = (
        "from sim import rules; from tests.worlds import digest, rich_scenario, run;"
        "from tests.agreement.test_engines import keen_click;"
        "custom = rules.replace(click=keen_click);"
        "s = rich_scenario(days=6, population={'size': 40});"
        "print(digest(run(s, rules=custom)), digest(run(s, rules=custom, engine='agents')),"
        " digest(run(s)))"
    )
    kernels, agents, built_in = uncompiled(program).split()
    assert kernels == agents != built_in


def test_an_unknown_engine_is_refused():
    with pytest.raises(InputError, match="no engine 'kernel'; did you mean 'kernels'"):
        WordOfMouthModel(plain_scenario(), engine="kernel")


def test_runs_give_no_numerical_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for engine in ENGINES:
            run(rich_scenario(days=12), policy="tiers", engine=engine)
