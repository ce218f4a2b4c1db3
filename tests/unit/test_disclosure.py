"""Income disclosure, attribution error and flags, on books whose answers can be read off."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sim
from sim.commands.tables import comparison_tables
from sim.disclosure import attribution_error, income_disclosure, own_spending_cents, top_part
from sim.ledger import Ledger
from sim.measures import MEASURES, Run, commission_per_order, participants
from sim.orders import FAKE_IDENTITY, PHANTOM, RING, CommissionLines, Orders
from sim.studies.bimodality import Modes
from sim.studies.flags import CHECKS, Facts, Flag, gravest_first, policy_flags
from sim.studies.statistics import Interval
from sim.twins import compare_with_twin
from tests.hand_runs import made_by_hand
from tests.money_world import make_orders
from tests.worlds import rich_scenario, run


def lines(order_id: Any, recipient: Any, cents: Any, **columns: Any) -> CommissionLines:
    """Commission lines of one level, in cash, not held."""
    defaults = {"level": 1, "part": 0, "held": False, "in_points": False}
    values = {"order_id": order_id, "recipient": recipient, "cents": cents, **defaults, **columns}
    size = len(np.atleast_1d(order_id))
    dtypes = (np.int64, np.int32, np.int64, np.int8, np.uint8, np.bool_, np.bool_)
    return CommissionLines(
        *(
            np.array(np.broadcast_to(values[name], size), dtype)
            for name, dtype in zip(CommissionLines._fields, dtypes, strict=True)
        )
    )


def booked(orders: Orders, *accrued: CommissionLines, people: int = 6, **state: Any) -> Run:
    """A run of ten days with these orders and, on day 0, these commissions, all paid at once."""
    ledger = Ledger(people)
    ledger.book_orders(orders)
    for each in accrued:
        ledger.accrue(0, each, 0)
    ledger.approve(0)
    ledger.pay(0)
    return made_by_hand(people=people, ticks=10, orders=ledger.orders(), ledger=ledger, **state)


# Income ------------------------------------------------------------------------------------


def test_income_of_those_who_earned_nothing_is_disclosed():
    # 0 earns 9.00 and spends 20.00, 1 earns 1.00 and spends nothing, 2 and 3 share for nothing
    # (3 spends 20.00), 4 is credited 30.00 though she never shared and spends 20.00; 5 is nobody.
    orders = make_orders(range(4), buyer=[0, 3, 4, 5])
    found = booked(orders, lines([0, 1, 2], [0, 1, 4], [900, 100, 3000]), shares=[1, 2, 3, 1, 0, 0])
    assert income_disclosure(found) == {
        "participants": 5, "nonearner_share": 0.4, "lower_quartile_cents": 0, "median_cents": 100,
        "upper_quartile_cents": 900, "mean_cents": 800, "largest_cents": 3000,
        "top_1_percent_share": 0.75, "top_10_percent_share": 0.75,
        "net_lower_quartile_cents": -1100, "net_median_cents": 0, "net_upper_quartile_cents": 100,
        "net_mean_cents": -400, "net_largest_cents": 1000, "ahead_share": 0.4,
        "indebted": 0, "debt_cents": 0,
    }  # fmt: skip
    assert participants(found).tolist() == [True] * 5 + [False]
    assert MEASURES["nonearner_share"](found) == 0.4
    assert MEASURES["median_earnings_cents"](found) == 100


def test_who_is_credited_and_loses_it_again_is_a_sharer_who_earned_nothing():
    found = booked(make_orders([0], buyer=1, refund_tick=3), lines([0], [0], [500]))
    found.ledger.refund(3, clawback=True)
    disclosed = income_disclosure(found)
    assert (disclosed["participants"], disclosed["nonearner_share"]) == (1, 1.0)
    assert (disclosed["indebted"], disclosed["debt_cents"]) == (1, 500)
    assert MEASURES["debt_cents"](found) == 500
    assert own_spending_cents(found).tolist() == [0] * 6  # the order was sent back


def test_without_anybody_nothing_is_claimed():
    disclosed = income_disclosure(made_by_hand())
    assert disclosed["participants"] == disclosed["debt_cents"] == 0
    assert math.isnan(disclosed["median_cents"])
    assert math.isnan(disclosed["nonearner_share"])


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_top_shares_grow_with_the_part_and_with_zero_earners_left_in(earned):
    values = np.array(earned)
    parts = [top_part(values, part) for part in (0.01, 0.1, 0.5, 1.0)]
    assert parts == sorted(parts)
    assert parts[-1] == pytest.approx(1.0)
    assert top_part(np.r_[values, np.zeros(values.size)], 0.1) >= parts[1] - 1e-12


def test_what_is_owed_at_the_end_is_read_from_the_books():
    ledger = Ledger(3)
    ledger.book_orders(make_orders(range(4), buyer=[0, 1, 2, 2], fraud=[1, 2, 3, 3]))
    ledger.accrue(0, lines([0], [1], [10], held=True), 5)
    ledger.accrue(0, lines([1], [1], [200]), 5)
    ledger.accrue(0, lines([2], [2], [3000], in_points=True), 0)
    ledger.accrue(0, lines([3], [0], [40_000]), 0)
    ledger.cap(0, np.array([1]), np.array([2]), np.array([7]))
    ledger.approve(0)
    found = made_by_hand(people=3, orders=ledger.orders(), ledger=ledger)
    expected = {
        "held_cents": 10, "unpaid_cents": 40_210, "points_liability_cents": 3000,
        "capped_cents": 7, "debt_cents": 0, "fake_orders": 1, "ring_orders": 1, "phantom_orders": 2,
    }  # fmt: skip
    assert (FAKE_IDENTITY, RING, PHANTOM) == (1, 2, 3)
    assert {name: MEASURES[name](found) for name in expected} == expected


@pytest.mark.parametrize(("clawback", "share"), [(True, 0.0), (False, 0.25)])
def test_pay_without_a_standing_sale(clawback, share):
    orders = make_orders(range(2), buyer=[1, 2], refund_tick=[3, -1])
    found = booked(orders, lines([0, 1], [0, 0], [100, 300]))
    found.ledger.refund(3, clawback=clawback)
    assert MEASURES["unlinked_share"](found) == share


# Attribution -------------------------------------------------------------------------------


def test_deadweight_is_what_stands_on_orders_that_come_anyway():
    # 0 and 1 come anyway, 1 only sooner; 2 is new; 3 comes anyway and is sent back, so its
    # commission is taken back and its discount cost nothing; 4 is a phantom; 5 is nobody's.
    orders = make_orders(
        range(6), buyer=[0, 1, 2, 3, 4, 5], discount_cents=[50, 0, 50, 50, 50, 0],
        refund_tick=[-1, -1, -1, 2, -1, -1], fraud=[0, 0, 0, 0, PHANTOM, 0],
    )  # fmt: skip
    policy = booked(orders, lines([0, 1, 2, 3, 4], [5] * 5, [100, 200, 400, 800, 1600]))
    policy.ledger.refund(2, clawback=True)
    twin = made_by_hand(orders=make_orders(range(3), buyer=[0, 1, 3], tick=[0, 4, 0]), ticks=10)
    found = compare_with_twin(policy, twin)
    assert commission_per_order(policy).tolist() == [100, 200, 400, 0, 1600, 0]
    expected = {
        "credited_caused": 1, "credited_not_caused": 3, "caused_not_credited": 1,
        "deadweight_cents": 350, "accelerated_orders": 1, "cannibalised_orders": 2,
        "incremental_orders": 2,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    error = attribution_error(found)
    assert (error.credited, error.caused, error.lost) == (4, 2, 0)
    assert (error.precision, error.recall) == (1 / 4, 1 / 2)


def test_without_credit_and_without_effect_there_is_no_precision():
    error = attribution_error(compare_with_twin(made_by_hand(), made_by_hand()))
    assert math.isnan(error.precision)
    assert math.isnan(error.recall)


@pytest.fixture(scope="module")
def played() -> tuple[Run, Run]:
    scenario = rich_scenario(population={"opportunists": 0.2})
    return run(scenario, policy="give_get").record(), run(scenario, policy="none").record()


def test_every_order_is_caused_or_shared_and_the_money_adds_up(played):
    policy, twin = played
    found, error = compare_with_twin(policy, twin), attribution_error(compare_with_twin(*played))
    assert error.credited > 10
    assert error.caused - error.lost == found["incremental_orders"]
    assert error.lost >= 0
    assert found["cannibalised_orders"] <= error.credited_not_caused
    sooner = error.credited_not_caused - found["cannibalised_orders"]
    assert sooner <= found["accelerated_orders"]
    spent = policy.daily["payout_cents"].sum() + policy.daily["discount_cents"].sum()
    assert 0 < error.deadweight_cents < spent
    assert policy.daily["payout_cents"].sum() == commission_per_order(policy).sum()


def test_a_run_against_itself_causes_nothing_and_wastes_everything(played):
    policy, _ = played
    error = attribution_error(compare_with_twin(policy, policy))
    assert (error.caused, error.lost, error.precision) == (0, 0, 0)
    kept = policy.orders.take(
        (policy.orders.refund_tick < 0) | (policy.orders.refund_tick >= policy.ticks)
    )
    real = policy.orders.fraud != PHANTOM
    expected = commission_per_order(policy)[real].sum()
    expected += kept.discount_cents[kept.fraud != PHANTOM].sum()
    assert error.deadweight_cents == expected


def test_phantoms_are_booked_but_not_counted(played):
    policy, _ = played
    assert MEASURES["fake_orders"](policy) > 0
    counted = MEASURES["orders"](policy) + MEASURES["phantom_orders"](policy)
    assert counted == policy.orders.order_id.size
    assert policy.daily["revenue_cents"].sum() == policy.orders.price_cents.sum()


# Flags -------------------------------------------------------------------------------------

SOUND = dict.fromkeys(MEASURES, 0.0) | {
    "profit_cents": 100_000.0, "payout_cents": 8_000.0, "discount_cents": 2_000.0,
    "participants": 1000.0, "nonearner_share": 0.85, "top_1_percent_share": 0.3,
    "deadweight_cents": 4_000.0, "debt_cents": 0.0, "indebted": 0.0, "fraud_share": math.nan,
}  # fmt: skip
WINS = Interval(500.0, 1.0, 400.0, 600.0, 100.0, 9)
LOSES = Interval(-500.0, 1.0, -600.0, -400.0, 100.0, 9)
FACTS = Facts("give_get", 1, SOUND, "none", WINS, "EUR")


def flagged(**changes: Any) -> list[tuple[str, str]]:
    """Kind and severity of the flags of a sound policy with these means or facts changed."""
    facts = {name: changes.pop(name) for name in Facts._fields if name in changes}
    return [
        (flag.kind, flag.severity)
        for flag in policy_flags(FACTS._replace(means=SOUND | changes, **facts))
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"paid_levels": 2}, None),
        ({"paid_levels": 3}, ("levels", "warning")),
        ({"unlinked_share": 0.001}, ("unlinked_pay", "breach")),
        ({"points_liability_cents": 33_333}, None),
        ({"points_liability_cents": 33_334}, ("points_liability", "warning")),
        ({"points_liability_cents": 900_000}, ("points_liability", "warning")),
        ({"points_liability_cents": 1, "profit_cents": -5}, ("points_liability", "breach")),
        ({"unpaid_cents": 50_000}, ("unpaid_commission", "warning")),
        ({"unpaid_cents": 300, "profit_cents": -1}, ("unpaid_commission", "breach")),
        ({"gain_cents": LOSES}, ("loses_money", "warning")),
        ({"gain_cents": LOSES._replace(high=5.0)}, ("loses_money", "note")),
        ({"gain_cents": LOSES._replace(high=math.nan)}, ("loses_money", "note")),
        ({"gain_cents": LOSES, "payout_cents": 0, "discount_cents": 0}, None),
        ({"nonearner_share": 0.9}, None),
        ({"nonearner_share": 0.91}, ("nonearners", "warning")),
        ({"nonearner_share": 1.0, "payout_cents": 0, "deadweight_cents": 0}, None),
        ({"top_1_percent_share": 0.51}, ("concentration", "warning")),
        ({"top_1_percent_share": 0.51, "participants": 40}, None),
        ({"deadweight_cents": 5_000}, None),
        ({"deadweight_cents": 5_001}, ("deadweight", "warning")),
        ({"deadweight_cents": 5_001, "gain_cents": None}, None),
        ({"fraud_share": 0.1}, None),
        ({"fraud_share": 0.11}, ("abuse", "warning")),
        ({"modes": Modes(0.4, 0.0, 9.0, 0.001)}, ("bimodal", "warning")),
        ({"debt_cents": 3, "indebted": 0.1}, ("debt", "note")),
    ],
)
def test_flags(changes, expected):
    assert flagged(**changes) == ([] if expected is None else [expected])


def test_two_ways_to_end_are_told_with_their_shares_and_means():
    modes = Modes(0.4, 1_250.0, 99_000.0, 0.001)
    (flag,) = policy_flags(FACTS._replace(modes=modes))
    assert flag.message == (
        "runs end in two ways, 40 % with a profit of about 12.50 EUR and 60 % of about 990.00 EUR; "
        "their mean describes neither"
    )
    (flag,) = policy_flags(FACTS._replace(modes=modes, objective="orders"))
    assert "40 % with orders of about 1,250 and 60 %" in flag.message


def test_figures_that_are_not_known_flag_nothing():
    unknown = FACTS._replace(means=dict.fromkeys(SOUND, math.nan))
    assert policy_flags(unknown) == []


def test_a_flag_says_its_figures():
    means = SOUND | {"deadweight_cents": 7_000.0}
    (flag,) = policy_flags(FACTS._replace(means=means))
    assert flag == Flag(
        "give_get", "deadweight", "warning",
        "70 % of its spending (70.00 EUR of 100.00 EUR) rewards orders that come without it too",
        0.7,
    )  # fmt: skip


def test_the_gravest_come_first_and_ties_keep_their_order():
    flags = [
        Flag(name, "kind", severity, "", 0.0)
        for name, severity in (("a", "note"), ("b", "breach"), ("c", "warning"), ("d", "breach"))
    ]
    assert [flag.policy for flag in gravest_first(flags)] == ["b", "d", "c", "a"]
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)


# In a comparison ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def comparison() -> sim.Comparison:
    scenario = rich_scenario(
        days=20, population={"opportunists": 0.1},
        policies={
            "none": {}, "levels": {"scheme": "multi_level", "levels": 3, "rate": 0.15},
            "give_get": {"scheme": "two_sided", "give": 4.0, "get": 3.0},
        },
    )  # fmt: skip
    return sim.compare(scenario, replications=2, workers=1)


def test_a_comparison_discloses_means_over_runs(comparison):
    summary = comparison.summary()
    assert list(summary["income_disclosure"]) == ["none", "levels", "give_get"]
    runs = [one.runs["give_get"].income for one in comparison.runs]
    disclosed = summary["income_disclosure"]["give_get"]
    assert disclosed["mean_cents"] == pytest.approx(np.mean([one["mean_cents"] for one in runs]))
    share = comparison.values("give_get", "nonearner_share").mean()
    assert disclosed["nonearner_share"] == pytest.approx(share)
    assert set(summary["abuse"]) == {"none", "levels", "give_get"}
    assert set(summary["attribution"]) == {"levels", "give_get"}
    credit = summary["attribution"]["give_get"]
    assert credit["precision"] == pytest.approx(credit["credited_caused"] / credit["credited"])


def test_no_abuse_is_told_without_opportunists(comparison):
    honest = comparison.scenario.but(population={"opportunists": 0})
    found = sim.compare(honest, policies=["give_get"], replications=2, workers=1)
    assert found.summary()["abuse"] == {}


def test_warnings_and_breaches_stand_below_the_verdict(comparison):
    assert ("levels", "levels", "warning") in [flag[:3] for flag in comparison.flags]
    notes = [
        Flag("give_get", "debt", "note", "a small matter", 1.0),
        *(Flag("give_get", "levels", "warning", f"matter {k}", 1.0) for k in range(8)),
    ]
    flagged = dataclasses.replace(comparison)
    vars(flagged)["flags"] = notes
    verdict, _, places, _, said, *_ = comparison_tables(flagged)
    assert places.startswith("Places, together 95 % sure: ")
    assert comparison.verdict() in verdict
    assert "matter 0" in said
    assert "a small matter" not in said
    assert "and 2 more" in said
    vars(flagged)["flags"] = notes[:1]
    assert not any("matter" in part for part in comparison_tables(flagged) if isinstance(part, str))
