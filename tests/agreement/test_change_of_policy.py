"""A policy that takes over in mid-run.

What it must be is known from elsewhere: a scheme's own ``start_day`` and ``end_day`` say it without
any change.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import checkpoint
from sim.incentives import Combined, FixedBounty, Percentage, Scheme, TwoSided, make_scheme
from sim.model import WordOfMouthModel
from sim.schemes import Decaying, Leaderboard, Points, TeamPurchase
from tests.worlds import (
    MID_MONTH,
    POLICIES,
    differences,
    digest,
    rich_scenario,
    run,
    stopped,
    through_a_file,
)  # fmt: skip


def scheme_of(name: str) -> Scheme:
    return make_scheme(rich_scenario().policies[name], name)


WITHOUT_A_PERIOD = [name for name in POLICIES if name not in ("teams", "contest")]


@pytest.mark.parametrize("opportunists", [0.0, 0.3])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_that_takes_over_is_one_that_starts_then(policy, opportunists):
    scenario = rich_scenario(population={"opportunists": opportunists})
    model = stopped(scenario, policy="none")
    model.switch(policy)
    straight = run(scenario, policy=scheme_of(policy).started_on(MID_MONTH))
    assert differences(straight, model.run()) == []
    assert straight.programme.spent_cents > 0 or policy == "none"


@pytest.mark.parametrize("opportunists", [0.0, 0.3])
@pytest.mark.parametrize("policy", WITHOUT_A_PERIOD)
def test_a_policy_that_hands_over_to_none_is_one_that_ends_then(policy, opportunists):
    scenario = rich_scenario(population={"opportunists": opportunists})
    model = stopped(scenario, policy=policy)
    model.switch("none")
    assert (
        differences(run(scenario, policy=ended_on(scheme_of(policy), MID_MONTH)), model.run()) == []
    )


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
    parts = (ended_on(old, MID_MONTH), new.started_on(MID_MONTH))
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
    assert {"payout", "refund"} <= set(settled[0].loc[settled[0]["day"] > MID_MONTH, "kind"])
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
    later = later.take(later.tick >= MID_MONTH)
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
    assert set(paid) <= {MID_MONTH + 6, MID_MONTH + 13}
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


@pytest.mark.parametrize("day", [0, MID_MONTH])
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
