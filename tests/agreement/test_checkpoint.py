"""A run that is saved and taken up again is the straight run, to the bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import checkpoint, rules
from sim.errors import InputError
from sim.incentives import Percentage
from sim.model import ENGINES, WordOfMouthModel
from sim.orders import Table
from sim.scenario import Scenario
from sim.world import make_world
from tests.conftest import REPOSITORY
from tests.worlds import (
    MID_MONTH,
    POLICIES,
    differences,
    digest,
    plain_scenario,
    rich_scenario,
    run,
    stopped,
    through_a_file,
)  # fmt: skip

# ------------------------------------------------------------------------------- the same policy


@pytest.mark.parametrize("policy", POLICIES)
def test_a_saved_run_goes_on_as_if_nothing_had_been(policy, tmp_path):
    scenario = rich_scenario()
    model = stopped(scenario, policy=policy)
    taken_up = through_a_file(model, tmp_path)
    assert (taken_up.tick, taken_up.policy, taken_up.running) == (MID_MONTH, policy, True)
    straight = run(scenario, policy=policy)
    assert differences(straight, taken_up.run()) == []
    assert differences(straight, model.run()) == []  # saving changed nothing


@pytest.mark.parametrize(
    "changes",
    [
        {"population": {"opportunists": 0.5, "identity_cost": 0.1}},
        {"dt": 0.5, "days": 14},
        {"dt": 2.0},
        *(
            {"attribution": {"model": model, "coupons": True}}
            for model in ("first_click", "linear", "position", "time_decay")
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("policy", ["points", "give_get"])
def test_whatever_is_at_work_goes_on(changes, policy, tmp_path):
    scenario = rich_scenario(**changes)
    taken_up = through_a_file(stopped(scenario, 8, policy=policy), tmp_path).run()
    assert differences(run(scenario, policy=policy), taken_up) == []


@pytest.mark.parametrize("before", ENGINES)
@pytest.mark.parametrize("after", ENGINES)
def test_either_engine_takes_up_what_either_left(before, after, tmp_path):
    scenario = rich_scenario(population={"opportunists": 0.3})
    model = stopped(scenario, policy="teams", engine=before)
    taken_up = through_a_file(model, tmp_path, engine=after).run()
    assert differences(run(scenario, policy="teams"), taken_up) == []


@pytest.mark.parametrize("day", [0, 1, 24, 25])
def test_any_morning_will_do(day, tmp_path):
    taken_up = through_a_file(stopped(rich_scenario(), day, policy="tiers"), tmp_path)
    assert taken_up.tick == day
    assert taken_up.running == (day < 25)
    assert differences(run(rich_scenario(), policy="tiers"), taken_up.run()) == []


def test_another_process_takes_it_up(tmp_path):
    scenario = rich_scenario(population={"opportunists": 0.3})
    checkpoint.save(stopped(scenario, policy="points"), tmp_path / "state.vouch")
    program = (
        "import sys; from sim import checkpoint; from tests.worlds import digest;"
        "print(digest(checkpoint.load(sys.argv[1]).run()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "state.vouch")],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.stdout.strip() == digest(run(scenario, policy="points"))


def test_a_run_can_be_stopped_again_and_again(tmp_path):
    scenario = rich_scenario()
    model = WordOfMouthModel(scenario, policy="both", replication=3, seed=5)
    while model.tick < scenario.ticks:
        model = through_a_file(model.run(days=4), tmp_path)
    assert differences(run(scenario, policy="both", replication=3, seed=5), model) == []


def test_a_finished_run_goes_on_to_a_later_horizon(tmp_path):
    short, long = rich_scenario(days=10), rich_scenario()
    model = through_a_file(run(short, policy="goal"), tmp_path, scenario=long)
    assert differences(run(long, policy="goal"), model.run()) == []


def test_the_same_run_is_the_same_file(tmp_path):
    for name in ("one", "other"):
        checkpoint.save(stopped(rich_scenario(), 3, policy="points"), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


# Notes of the day that is over, and what is worked out again when it is asked for: everything else
# that a run holds must come out of a file as it went in.
OF_THE_DAY_OR_WORKED_OUT = {
    "WordOfMouthModel": {
        "counts", "day", "lines", "orders", "paid", "_seating", "_consumers", "_told",
    },
    "KernelEngine": {"today", "visitors", "room", "entrances", "_bought", "_packed", "_packed_day"},
    "Ledger": {"_checked", "_paid_as"},
    "Journal": {"_balances", "_room", "_enter"},
    "OrderBook": {"_room", "_today", "_enter"},
    "CreditHistory": {"_sums", "_summed_at"},
    "Part": {"_told"},
    "RowsByOrder": {"_seen", "_highest", "_ascending", "_late_id", "_late_row"},
    "Attribution": {"_line_of", "_brought"},
    "Programme": {"_offer", "winners"},
    "Table": {"_capacity", "_columns"},
    "OpenTable": {"_capacity", "_columns", "_kind", "_whole"},
    "World": {"initial"},  # of a run that made its world, it has moved on
}  # fmt: skip
OF_THE_FRAMEWORK = {"random", "rng", "_rng", "_all_agents", "step", "_user_step", "datacollector"}


def unlike(one: Any, other: Any, path: str, seen: set[int]) -> Iterator[str]:
    """Paths at which two things made of attributes, arrays and plain values differ."""
    if one is not None:  # the only None there is would hide all others
        if id(one) in seen:
            return
        seen.add(id(one))
    if isinstance(one, Table):
        yield from unlike(one.columns(), other.columns(), path, seen)
    if type(one) is not type(other):
        yield f"{path}: {type(one).__name__} and {type(other).__name__}"
    elif isinstance(one, np.ndarray):
        if one.dtype != other.dtype or one.tobytes() != other.tobytes():
            yield path
    elif hasattr(one, "_asdict"):
        left_out = OF_THE_DAY_OR_WORKED_OUT.get(type(one).__name__, set())
        pairs = zip(one._fields, zip(one, other, strict=True), strict=True)
        for name, pair in pairs:
            if name not in left_out:
                yield from unlike(*pair, f"{path}.{name}", seen)
    elif isinstance(one, dict):
        if list(one) != list(other):
            yield f"{path}: keys"
        for name in one.keys() & other.keys():
            yield from unlike(one[name], other[name], f"{path}.{name}", seen)
    elif isinstance(one, list | tuple):
        if len(one) != len(other):
            yield f"{path}: length"
        for place, pair in enumerate(zip(one, other, strict=False)):
            yield from unlike(*pair, f"{path}.{place}", seen)
    elif type(one).__module__.startswith("sim.") and hasattr(one, "__dict__"):
        left_out = OF_THE_DAY_OR_WORKED_OUT.get(type(one).__name__, set()) | OF_THE_FRAMEWORK
        for name in (vars(one).keys() | vars(other).keys()) - left_out:
            here = f"{path}.{name}"
            yield from unlike(getattr(one, name, None), getattr(other, name, None), here, seen)
    elif isinstance(one, int | float | str | bool | None) and one != other:
        yield path


@pytest.mark.parametrize("policy", ["teams", "both", "points", "tiers"])
def test_nothing_a_run_holds_is_left_out_of_the_file(policy, tmp_path):
    scenario = rich_scenario(attribution={"model": "linear"} if policy != "tiers" else {})
    model = stopped(scenario, policy=policy)
    model.switch("teams")
    model.run(days=3)
    taken_up = through_a_file(model, tmp_path)
    assert list(unlike(model, taken_up, "run", set())) == []


@pytest.mark.parametrize(
    ("policy", "holder", "name"),
    [("both", "ledger", "_due"), ("tiers", "programme", "whole"), ("teams", "teams", "_waiting")],
)
def test_that_search_finds_what_is_left_out(policy, holder, name, monkeypatch, tmp_path):
    model = stopped(rich_scenario(), policy=policy)
    kind = type(getattr(model, holder))
    monkeypatch.setattr(kind, "changing", tuple(set(kind.changing) - {name}))
    taken_up = through_a_file(model, tmp_path)
    assert list(unlike(model, taken_up, "run", set())) != []


# ------------------------------------------------------------------------------------- errors


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "state.vouch"
    checkpoint.save(stopped(plain_scenario(days=9), 4, policy="none"), path)
    return path


def test_a_file_of_other_code_is_refused(saved, monkeypatch):
    monkeypatch.setattr(checkpoint, "code_hash", lambda: "0" * 32)
    with pytest.raises(InputError, match=r"state\.vouch was saved by other code .* day 0"):
        checkpoint.load(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"population": {"size": 400}}, r"population\.size = 500, and the scenario has 400"),
        ({"seed": 6}, "seed = 5, and the scenario has 6"),
        ({"days": 3}, "has reached day 4, and days = 3 is before"),
    ],
)
def test_a_file_of_another_scenario_is_refused(saved, changes, message):
    with pytest.raises(InputError, match=message):
        checkpoint.load(saved, scenario=plain_scenario(days=9).but(**changes))


def test_another_world_is_refused(tmp_path):
    scenario = plain_scenario(days=9)
    world = make_world(scenario, 77)
    model = stopped(scenario, 4, world=world)
    straight = run(scenario, world=world)
    checkpoint.save(model, tmp_path / "state.vouch")
    with pytest.raises(InputError, match="another network, or with other people"):
        checkpoint.load(tmp_path / "state.vouch")
    taken_up = checkpoint.load(tmp_path / "state.vouch", world=world)
    assert differences(straight, taken_up.run()) == []


def test_a_network_file_that_changed_is_refused(tmp_path):
    ties = tmp_path / "ties.csv"
    ties.write_text("source,target\n" + "".join(f"{k},{(k + 1) % 40}\n" for k in range(40)))
    scenario = Scenario.from_table({"days": 9, "network": {"file": str(ties)}})
    path = tmp_path / "state.vouch"
    checkpoint.save(stopped(scenario, 4), path)
    assert differences(run(scenario), checkpoint.load(path).run()) == []
    ties.write_text(ties.read_text() + "0,20\n")
    with pytest.raises(InputError, match=r"restore network\.file = .*ties\.csv"):
        checkpoint.load(path)


def test_rules_of_ones_own_are_asked_for_again(tmp_path):
    def never(rate: float, u: float, dt: float) -> bool:
        return False

    own = rules.replace(happens=never)
    scenario = plain_scenario(days=9)
    path = tmp_path / "state.vouch"
    checkpoint.save(stopped(scenario, 4, rules=own), path)
    with pytest.raises(InputError, match=r"rules of its own for happens, and .* for nothing"):
        checkpoint.load(path)
    assert differences(run(scenario, rules=own), checkpoint.load(path, rules=own).run()) == []


def test_a_change_that_fails_leaves_the_run_as_it_was():
    model = stopped(rich_scenario(), policy="teams")
    for wrong in ("nobody", Percentage(end_day=3), Percentage(rate=0.9, budget=0.01)):
        with pytest.raises(InputError):
            model.switch(wrong)
    assert differences(run(rich_scenario(), policy="teams"), model.run()) == []


def test_a_policy_that_is_over_says_so():
    model = stopped(rich_scenario(), policy="none")
    with pytest.raises(InputError, match="end_day = 3 is not after start_day = 11"):
        model.switch(Percentage(end_day=3))


def test_the_plain_values_are_readable(saved):
    with zipfile.ZipFile(saved) as archive:
        facts = json.loads(archive.read("run.json"))
    assert {name: facts[name] for name in ("tick", "seed", "replication", "policy")} == {
        "tick": 4, "seed": 5, "replication": 0, "policy": "none",
    }  # fmt: skip
