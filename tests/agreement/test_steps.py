"""A run is the same however it is driven: day by day, paused, by Mesa's batch runner."""

from __future__ import annotations

import gc
import inspect
import weakref

import mesa
import numpy as np
import pytest

from sim.agents import Consumer
from sim.errors import InputError
from sim.model import ENGINES, WordOfMouthModel
from sim.world import make_world, world_seed
from tests.worlds import differences, plain_scenario, rich_scenario, run

SCENARIO = rich_scenario(days=15)


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_are_a_run(engine):
    stepped = WordOfMouthModel(SCENARIO, policy="share", engine=engine)
    for day in range(15):
        assert stepped.running
        stepped.step()
        assert stepped.tick == day + 1
    assert not stepped.running
    assert differences(stepped, run(SCENARIO, policy="share", engine=engine)) == []


@pytest.mark.parametrize("dt", [0.5, 1.0])
def test_a_paused_run_goes_on_as_if_it_had_not_paused(dt):
    scenario = rich_scenario(days=15, dt=dt)
    paused = WordOfMouthModel(scenario, policy="levels").run(days=4)
    assert (paused.tick, len(paused.daily)) == (4 / dt, 4 / dt)
    paused.outcomes()
    assert len(paused.agents) == 90  # looking at the consumers changes nothing
    paused.run(days=0).run(days=3).run()
    assert differences(paused, run(scenario, policy="levels")) == []
    assert paused.run().tick == scenario.ticks


def test_what_happened_before_a_pause_does_not_depend_on_the_horizon():
    short = run(rich_scenario(days=6), policy="share")
    paused = WordOfMouthModel(rich_scenario(days=15), policy="share").run(days=6)
    assert short.daily.equals(paused.daily)
    assert differences(short, paused) == []


def test_a_step_beyond_the_horizon_is_refused():
    model = run(plain_scenario(days=2))
    with pytest.raises(InputError, match="over after 2 ticks; make a new model"):
        model.step()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shared_world_is_not_changed_by_a_run(engine):
    world = make_world(SCENARIO, world_seed(SCENARIO.seed, 0))
    kept = [
        array.tobytes() for part in (world.graph.arrays, world.people, world.initial)
        for array in part
    ]  # fmt: skip
    shared = run(SCENARIO, policy="tiers", world=world, engine=engine)
    now = [
        array.tobytes() for part in (world.graph.arrays, world.people, world.initial)
        for array in part
    ]  # fmt: skip
    assert now == kept
    assert differences(shared, run(SCENARIO, policy="tiers", engine=engine)) == []
    assert not np.array_equal(shared.state.shares, world.initial.shares)


# Mesa --------------------------------------------------------------------------------------


SEEDS_BY_ARGUMENT = "rng" in inspect.signature(mesa.batch_run).parameters
"""From 3.4 on mesa.batch_run takes the seeds itself, and a seed among the parameters is lost."""


def test_batch_run_tries_policies_and_seeds():
    policies = {"scenario": SCENARIO, "policy": ["none", "share"]}
    if SEEDS_BY_ARGUMENT:
        rows = mesa.batch_run(WordOfMouthModel, policies, rng=[1, 2], display_progress=False)
    else:
        rows = mesa.batch_run(WordOfMouthModel, policies | {"seed": [1, 2]}, display_progress=False)
    assert len(rows) == 4
    for row in rows:
        straight = run(SCENARIO, policy=row["policy"], seed=row["seed"]).daily.iloc[-1]
        assert {name: row[name] for name in straight.index if name != "day"} == {
            name: value for name, value in straight.items() if name != "day"
        }
    profits = {tuple(row[n] for n in ("mau", "members", "visits")) for row in rows}
    assert len(profits) > 2


@pytest.mark.skipif(SEEDS_BY_ARGUMENT, reason="Mesa from 3.4 on has seeds instead of iterations")
def test_batch_run_of_older_mesa_repeats_a_fixed_seed():
    rows = mesa.batch_run(
        WordOfMouthModel, {"scenario": SCENARIO, "seed": 1}, iterations=2, display_progress=False
    )
    first, second = ({**row, "iteration": 0, "RunId": 0} for row in rows)
    assert first == second


def test_batch_run_collects_every_day_when_asked():
    rows = mesa.batch_run(
        WordOfMouthModel, {"scenario": SCENARIO, "policy": ["share"]},
        data_collection_period=1, display_progress=False,
    )  # fmt: skip
    orders = run(SCENARIO, policy="share").daily["orders"]
    assert [row["orders"] for row in rows] == orders.tolist()


def test_the_models_own_collector_holds_the_daily_columns():
    model = run(SCENARIO)
    frame = model.datacollector.get_model_vars_dataframe()
    assert frame.equals(model.daily.drop(columns="day"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_collector_with_own_reporters(engine):
    model = WordOfMouthModel(SCENARIO, policy="share", engine=engine)
    model.datacollector = mesa.DataCollector(
        model_reporters={"members": lambda m: int((m.state.status == 1).sum())},
        agent_reporters={"row": "row", "status": "status"},
    )
    model.run()
    collected = model.datacollector.get_model_vars_dataframe()["members"]
    assert collected.tolist() == model.daily["members"].tolist()
    agents = model.datacollector.get_agent_vars_dataframe()
    assert len(agents) == 15 * 90
    last = agents.xs(15, level="Step").set_index("row")["status"].sort_index()
    assert last.to_numpy().tolist() == model.state.status.tolist()


def test_consumers_are_made_when_first_asked_for(monkeypatch):
    made = []
    start = Consumer.__init__

    def counted(self, model, row):
        made.append(row)
        start(self, model, row)

    monkeypatch.setattr(Consumer, "__init__", counted)
    model = run(SCENARIO)
    assert made == []
    agents = model.agents
    # Mesa 3.5 has several kinds of agent sets.
    assert type(agents).__name__.endswith("AgentSet")
    assert made == list(range(90))
    assert [agent.row for agent in agents] == made
    assert len(model.agents) == len(made) == 90
    assert model.consumer(7).status == model.state.status[7]


def test_agents_can_be_selected_and_aggregated_as_in_mesa():
    model = run(SCENARIO)
    members = model.agents.select(lambda consumer: consumer.status == 1)
    assert len(members) == model.outcomes()["members_end"]
    assert model.agents.agg("degree", sum) == model.world.graph.tie_count


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ask", [False, True])
def test_a_model_is_not_kept_alive(engine, ask):
    model = WordOfMouthModel(rich_scenario(days=3), engine=engine).run()
    if ask:
        assert len(model.agents) == 90
        assert model.datacollector.model_vars["orders"]
    gone = weakref.ref(model)
    state = weakref.ref(model.state.fatigue)
    del model
    gc.collect()
    assert gone() is None
    assert state() is None
