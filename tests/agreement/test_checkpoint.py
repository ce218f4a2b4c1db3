"""A run that is saved and taken up again is the straight run, to the bit; a change of policy too.

What a change of policy must be is known from elsewhere: a scheme's own ``start_day`` and
``end_day`` say it without any change.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import checkpoint, rules
from sim.errors import InputError
from sim.incentives import Combined, FixedBounty, Percentage, Scheme, TwoSided, make_scheme
from sim.model import ENGINES, WordOfMouthModel
from sim.orders import Table
from sim.scenario import Scenario
from sim.schemes import Decaying, Leaderboard, Points, TeamPurchase
from sim.world import make_world
from tests.conftest import REPOSITORY
from tests.worlds import POLICIES, differences, digest, plain_scenario, rich_scenario, run

DAY = 11  # in mid-month, with commissions on hold, refunds due, teams open and clicks under way


def stopped(scenario: Scenario, day: float = DAY, **options: Any) -> WordOfMouthModel:
    return WordOfMouthModel(scenario, **options).run(days=day)


def through_a_file(model: WordOfMouthModel, folder: Path, **options: Any) -> WordOfMouthModel:
    checkpoint.save(model, folder / "state.vouch")
    return checkpoint.load(folder / "state.vouch", **options)


def scheme_of(name: str) -> Scheme:
    return make_scheme(rich_scenario().policies[name], name)


# ------------------------------------------------------------------------------- the same policy


@pytest.mark.parametrize("policy", POLICIES)
def test_a_saved_run_goes_on_as_if_nothing_had_been(policy, tmp_path):
    scenario = rich_scenario()
    model = stopped(scenario, policy=policy)
    taken_up = through_a_file(model, tmp_path)
    assert (taken_up.tick, taken_up.policy, taken_up.running) == (DAY, policy, True)
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
    "KernelEngine": {"today", "visitors", "room", "entrances", "_bought"},
    "Ledger": {"_checked", "_paid_as"},
    "Journal": {"_balances"},
    "CreditHistory": {"_sums", "_summed_at"},
    "Part": {"_told"},
    "RowsByOrder": {"_seen", "_highest", "_ascending", "_late_id", "_late_row"},
    "Attribution": {"_line_of", "_brought"},
    "Programme": {"_offer", "winners"},
    "Table": {"_capacity", "_columns"},
}  # fmt: skip
OF_THE_FRAMEWORK = {"random", "rng", "_rng", "_all_agents", "step", "_user_step", "datacollector"}


def unlike(one: Any, other: Any, path: str, seen: set[int]) -> Iterator[str]:
    """Paths at which two things made of attributes, arrays and plain values differ."""
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
        yield from unlike(one._asdict(), other._asdict(), path, seen)
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


# ----------------------------------------------------------------------------- another policy


WITHOUT_A_PERIOD = [name for name in POLICIES if name not in ("teams", "contest")]


@pytest.mark.parametrize("opportunists", [0.0, 0.3])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_that_takes_over_is_one_that_starts_then(policy, opportunists):
    scenario = rich_scenario(population={"opportunists": opportunists})
    model = stopped(scenario, policy="none")
    model.switch(policy)
    straight = run(scenario, policy=scheme_of(policy).started_on(DAY))
    assert differences(straight, model.run()) == []
    assert straight.programme.spent_cents > 0 or policy == "none"


@pytest.mark.parametrize("opportunists", [0.0, 0.3])
@pytest.mark.parametrize("policy", WITHOUT_A_PERIOD)
def test_a_policy_that_hands_over_to_none_is_one_that_ends_then(policy, opportunists):
    scenario = rich_scenario(population={"opportunists": opportunists})
    model = stopped(scenario, policy=policy)
    model.switch("none")
    assert differences(run(scenario, policy=ended_on(scheme_of(policy), DAY)), model.run()) == []


def ended_on(scheme: Scheme, day: int) -> Scheme:
    return type(scheme).model_validate({**scheme.model_dump(exclude_none=True), "end_day": day})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Percentage(rate=0.1, hold_days=3), TwoSided(give=4, get=3, hold_days=3)),
        (FixedBounty(amount=3, cap_per_person=4), Points(rate=0.2)),
        (Points(rate=0.2, expire_days=9), Percentage(rate=0.1, budget=8)),
        (Decaying(rate=0.3, decay_days=5), Decaying(rate=0.3, decay_days=5, floor_rate=0.1)),
    ],
    ids=lambda scheme: type(scheme).__name__,
)
def test_one_policy_after_the_other_is_both_side_by_side_on_their_own_days(old, new):
    scenario = rich_scenario()
    model = stopped(scenario, policy=old)
    model.switch(new)
    parts = (ended_on(old, DAY), new.started_on(DAY))
    terms = {"hold_days": old.hold_days}
    alone = tuple(type(p).model_validate(p.model_dump(exclude={"hold_days"})) for p in parts)
    together = Combined(parts=alone, **terms)
    assert differences(run(scenario, policy=together), model.run()) == []


def entries_of(model: WordOfMouthModel, order_ids: range) -> Any:
    entries = model.ledger.entries()
    mine = (entries["order_id"] >= order_ids.start) & (entries["order_id"] < order_ids.stop)
    return entries[mine].drop(columns="entry_id").reset_index(drop=True)


def test_what_was_ordered_before_settles_alike_whatever_comes_after():
    old = Percentage(
        rate=0.2, hold_days=2, clawback=False, minimum_payout=6, payout_every_days=7
    )  # pays little by little, and takes nothing back
    futures = [
        "none",
        Percentage(rate=0.3, hold_days=9, clawback=False),
        Percentage(rate=0.3, hold_days=0, clawback=False, payout_every_days=2),
        Points(rate=0.1, hold_days=1, clawback=False),
        TwoSided(give=9, get=1, budget=40, clawback=False),
    ]
    past = stopped(rich_scenario(days=60), policy=old)
    before = range(past.ledger.orders().order_id.size)
    settled = [entries_of(checkpoint.branch(past, policy).run(), before) for policy in futures]
    assert {"payout", "refund"} <= set(settled[0].loc[settled[0]["day"] > DAY, "kind"])
    assert not (settled[0]["kind"] == "debt").any()
    for other in settled[1:]:
        assert settled[0].equals(other)


def test_a_programme_takes_back_by_its_own_terms():
    # Products that are sent back later than their commission is paid.
    scenario = rich_scenario(days=40)
    debts = {}
    for old, new in ((True, False), (False, True)):
        model = stopped(scenario, 20, policy=Percentage(rate=0.2, hold_days=0, clawback=old))
        first = model.ledger.orders().order_id.size
        model.switch(Percentage(rate=0.1, hold_days=0, clawback=new))
        entries = model.run().ledger.entries()
        owed = entries[(entries["kind"] == "debt") & (entries["day"] >= 20)]["order_id"]
        debts[old] = (int((owed < first).sum()), int((owed >= first).sum()))
        model.ledger.reconcile()
    assert debts[True][0] > 0
    assert debts[True][1] == 0
    assert debts[False][0] == 0
    assert debts[False][1] > 0


def test_points_stay_spendable_and_keep_their_dates():
    scenario = rich_scenario(days=40)
    model = stopped(scenario, 20, policy=Points(rate=0.3, hold_days=1, expire_days=12))
    held = model.ledger.points_cents.sum()
    model.switch(Percentage(rate=0.1))
    model.run(days=10)
    used = model.ledger.entries().query("kind == 'points_redeemed' and day >= 20")
    assert 0 < used["debit_cents"].sum() <= held + model.ledger.pending_cents.sum()
    model.run()
    assert model.ledger.points_cents.sum() == 0  # 12 days after the last were issued
    model.ledger.reconcile()


def test_open_teams_of_the_old_policy_get_their_deposits_back():
    model = stopped(rich_scenario(), policy="teams")
    assert model.teams is not None
    waiting = int(model.ledger.totals()["deposits"])
    numbers = int(model.ledger.orders().team.max())
    assert waiting > 0
    assert numbers > 0
    model.switch(TeamPurchase(size=2, discount=0.3))
    assert model.ledger.totals()["deposits"] == 0
    model.run()
    later = model.ledger.orders()
    later = later.take(later.tick >= DAY)
    assert later.team[later.team > 0].min() > numbers
    model.ledger.reconcile()


def test_a_contest_runs_to_the_end_of_its_period_with_the_orders_it_had():
    contest = Leaderboard(period_days=20, prizes=(30.0,), hold_days=0)
    model = stopped(rich_scenario(), policy=contest)
    first = model.ledger.orders().order_id.size
    model.switch(Percentage(rate=0.05, hold_days=0))
    lines = model.run().ledger.lines_frame()
    prizes = lines[lines["day"] == 19].query("order_id < @first")
    assert prizes["cents"].sum() == 3000
    assert not (lines["order_id"] < first).to_numpy()[lines["day"].to_numpy() > 19].any()


def test_a_contest_begins_on_the_day_of_the_change():
    model = stopped(rich_scenario(), policy="none")
    model.switch(Combined(parts=(Leaderboard(period_days=7, prizes=(30.0,)),)))
    paid = model.run().ledger.lines_frame()["day"]
    assert set(paid) <= {DAY + 6, DAY + 13}
    assert len(paid)


def test_a_cap_and_a_budget_begin_afresh():
    scenario = rich_scenario()
    model = stopped(scenario, policy=FixedBounty(amount=3, budget=9))
    assert model.programme.spent_cents == 900
    model.switch(FixedBounty(amount=3, budget=12, cap_per_person=3))
    assert model.run().programme.spent_cents == 1200
    assert model.ledger.commission_states()["accrued"] == 2100


@pytest.mark.parametrize("policy", ["none", "points", "teams"])
def test_a_change_to_the_same_terms_changes_nothing(policy):
    scenario = rich_scenario(policies={**rich_scenario().policies, "again": scheme_of(policy)})
    model = stopped(scenario, policy=policy)
    model.switch("again")
    assert model.policy == "again"
    model.switch(scheme_of(policy))
    assert differences(run(scenario, policy=policy), model.run()) == []


@pytest.mark.parametrize("day", [0, DAY])
def test_a_policy_replaced_before_its_first_order_leaves_no_terms(day):
    """Two begin on one tick: the payouts are those of the second alone."""
    last = Percentage(rate=0.1, hold_days=0, payout_every_days=30, minimum_payout=20.0)
    straight = run(rich_scenario(), policy=last.started_on(day))
    model = stopped(rich_scenario(), day, policy="none")
    model.switch(Percentage(rate=0.1, hold_days=0, payout_every_days=3))
    model.switch(last)
    assert differences(straight, model.run()) == []
    assert straight.programme.spent_cents > 0


def test_a_policy_that_took_over_goes_on_when_it_is_named_again():
    model = stopped(rich_scenario(), policy="none")
    model.switch("fading")
    other = checkpoint.branch(model.run(days=4), "fading")
    assert differences(model.run(), other.run()) == []


def test_branches_share_their_past_and_their_luck_to_come():
    past = stopped(rich_scenario(), policy="share")
    before = digest(past)
    paid, quiet = checkpoint.branch(past, "give_get"), checkpoint.branch(past, "none")
    silent = checkpoint.branch(past, Percentage(rate=0.5, start_day=900))  # begins after the end
    assert digest(past) == before
    paid.run(), quiet.run(), silent.run()
    assert digest(past) == before
    assert differences(quiet, silent) == []
    assert "orders.order_id" in differences(paid, quiet)
    first = past.ledger.orders()
    for future in (paid, quiet):
        orders = future.ledger.orders().take(np.arange(first.order_id.size))
        assert (orders.buyer == first.buyer).all()
        assert (orders.discount_cents == first.discount_cents).all()


@settings(max_examples=20)
@given(st.lists(st.sampled_from(list(POLICIES)), min_size=2, max_size=4), st.integers(1, 6))
def test_books_agree_and_files_hold_through_any_changes(policies, every):
    scenario = rich_scenario(population={"size": 60, "opportunists": 0.2})
    model = WordOfMouthModel(scenario, policy=policies[0])
    for policy in policies[1:]:
        model.run(days=every)
        model.switch(policy)
    with tempfile.TemporaryDirectory() as folder:
        taken_up = through_a_file(model, Path(folder)).run()
    assert differences(model.run(), taken_up) == []
    taken_up.ledger.reconcile()
    accrued = sum(one.commissions_accrued_cents for one in taken_up.programme.lineage)
    assert taken_up.ledger.commission_states()["accrued"] == accrued
    given_off = sum(one.discounts_granted_cents for one in taken_up.programme.lineage)
    assert taken_up.ledger.totals()["discounts"] == given_off


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
