"""The audit: closed forms, attacks, and every invariant that a bad scheme can break."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim.audit import Audit, Finding, audit, audit_scheme, check_invariants
from sim.audit.attacks import false_names, most_per_attacker, phantom, rings
from sim.audit.costs import product_costs, thousand_cents
from sim.audit.invariants import find
from sim.audit.money import unlinked_share
from sim.audit.trial import Sale, Shop, Trial
from sim.errors import InputError
from sim.incentives import SCHEMES, Commissions, Offer, Scheme
from sim.ledger import Ledger, LedgerError
from sim.market import Market
from sim.orders import Orders
from sim.scenario import Scenario
from sim.schemes import (
    ByCondition,
    Combined,
    EarlyBird,
    FixedBounty,
    Leaderboard,
    Lottery,
    MultiLevel,
    NoIncentive,
    Percentage,
    TeamPurchase,
    ThresholdBonus,
    Tiered,
    TwoSided,
)

BUILT_IN = {n: c for n, c in SCHEMES.items() if c.__module__.startswith("sim.schemes")}
SHOP = Scenario(products=({"name": "coat", "price": 100, "unit_cost": 60},))


def trial(scheme: Scheme, scenario: Scenario = SHOP) -> Trial:
    return Trial(scheme, Shop.of(scenario))


def finding(scheme: Scheme, invariant: str) -> Finding:
    return find(invariant, trial(scheme))


def status(scheme: Scheme, invariant: str) -> str:
    return finding(scheme, invariant).status


# Closed forms ------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_geometric_pay_grows_with_false_names_as_in_closed_form(levels):
    found = false_names(trial(MultiLevel(rate=0.16, ratio=0.5, levels=levels)))
    by_level = [1600, 800, 400, 200, 100][:levels]
    assert [one.self_cents for one in found] == [sum(by_level[:k]) for k in range(1, 6)]
    assert [one.chain_cents for one in found] == [sum(by_level[1 : k + 1]) for k in range(1, 6)]


def test_direct_referral_is_proof_against_false_names_in_the_chain_and_geometric_is_not():
    direct, geometric = (audit_scheme(s, SHOP) for s in (Percentage(), MultiLevel()))
    assert direct.chain_proof
    assert not geometric.chain_proof
    by_name = {one.invariant: one for one in geometric.findings}
    assert by_name["I10"].status == "broken"
    assert by_name["I10"].example[-1] == "1 false name below person 0: 15.00 for her, 10.00 without"
    assert geometric.passed  # a property one may choose to give up
    assert [one.status for one in direct.findings if one.invariant == "I10"] == ["held"]
    assert direct.false_names[0].self_cents == 1000  # a self-purchase through one name always pays


def test_what_an_order_costs_and_what_it_takes():
    (product,) = product_costs(trial(TwoSided(give=5, get=15)))
    assert (product.commission_cents, product.discount_cents) == (1500, 500)
    assert product.break_even_margin == pytest.approx(0.20)
    assert product.margin_share == pytest.approx(0.40)
    assert product.break_even_incremental == pytest.approx(0.50)
    assert not product.loses
    (loser,) = product_costs(trial(FixedBounty(amount=41)))
    assert loser.loses
    assert loser.break_even_incremental > 1


def test_a_minimum_order_keeps_cheap_products_out():
    shop = SHOP.but(
        products=[
            {"name": "sock", "price": 5, "unit_cost": 1},
            {"name": "coat", "price": 100, "unit_cost": 60},
        ]
    )
    found = audit_scheme(Percentage(rate=0.1, minimum_order=20), shop)
    assert [one.spent_cents for one in found.products] == [0, 1000]
    assert found.attacked_product == "coat"
    assert "coat: 40 %" in found.verdict()


def test_discounts_that_are_not_offered_to_everybody_count():
    assert product_costs(trial(TeamPurchase(discount=0.15)))[0].discount_cents == 1500
    friend = Lottery(prizes=((20.0, 0.1),), expected=2.0, winner="friend")
    assert product_costs(trial(friend))[0].discount_cents == 2000


@pytest.mark.parametrize(
    ("scheme", "most"),
    [(Percentage(), 1_000_000), (Percentage(budget=300), 30_000), (Leaderboard(), 10_000)],
)
def test_a_thousand_orders_cost_their_bounds_the_budget_or_the_prizes(scheme, most):
    tried = trial(scheme)
    assert thousand_cents(tried, product_costs(tried)) == most


# Attacks -----------------------------------------------------------------------------------


def test_false_names_bring_the_friends_discount_too():
    found = false_names(trial(TwoSided(give=5, get=15)))
    assert [one.self_cents for one in found] == [2000] * 5
    assert [one.star_cents for one in found] == [2000 * k for k in range(1, 6)]


def test_splitting_sales_collects_threshold_bonuses_and_loses_tiers():
    bonus = false_names(trial(ThresholdBonus(amount=2, bonus=15, threshold=5)))
    assert [one.split_cents for one in bonus] == [1500, -1500, -1500, -1500, -1500]
    tiers = false_names(trial(Tiered(tiers=((0, 0.05), (5, 0.10)))))
    assert all(one.split_cents < 0 for one in tiers)


def test_a_ring_takes_what_its_orders_pay():
    for found in rings(trial(TwoSided(give=5, get=15))):
        assert found.per_order_cents == 2000
        assert found.total_cents == 4 * found.members * 2000
    first_only = rings(trial(TwoSided(give=5, get=15, first_order_only=True)))
    assert [one.total_cents for one in first_only] == [2000 * m for m in range(2, 6)]


@pytest.mark.parametrize(
    ("scheme", "most"),
    [
        (Percentage(), None),
        (Percentage(cap_per_person=50), 6 * 5000),
        (Percentage(cap_per_person=90_000), 6 * 9_000_000),
        (Percentage(budget=80), 8000),
        (Percentage(first_order_only=True), 5 * 1000),
        (Leaderboard(), 10_000),
        (ThresholdBonus(amount=0, bonus=15, threshold=1000), 6 * 1500),
        (NoIncentive(), 0),
    ],
)
def test_the_most_an_attacker_takes_in_a_period(scheme, most):
    assert most_per_attacker(trial(scheme)) == most


def test_orders_sent_back_pay_only_without_a_hold():
    assert phantom(trial(Percentage(hold_days=14)))[1:] == (0, 0)
    assert phantom(trial(Percentage(hold_days=3)))[1:] == (1000, 1000)
    assert phantom(trial(Percentage(hold_days=3, clawback=False)))[1:] == (1000, 0)
    large = phantom(trial(Percentage(hold_days=3, minimum_payout=45)))
    assert large.orders * 1000 >= 4500
    assert large.kept_cents == large.orders * 1000
    kept = SHOP.but(products=[{"price": 100, "unit_cost": 60, "refund_days": 0}])
    assert phantom(trial(Percentage(), kept)) is None


def test_gains_by_lot_are_their_expectation():
    lottery = Lottery(prizes=((40.0, 0.05), (10.0, 0.30)), expected=5.0)
    found = false_names(trial(lottery))
    assert [one.self_cents for one in found] == pytest.approx([500] * 5, rel=0.02)
    assert all(one.chain_cents == 0 for one in found)


def test_repeat_orders_without_credit_leave_a_ring_its_first_orders():
    new_only = SHOP.but(attribution={"existing_customers": False})
    assert [one.total_cents for one in rings(trial(Percentage(), new_only))] == [
        1000 * members for members in range(2, 6)
    ]


# Invariants --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_built_in_scheme_breaks_a_hard_invariant(name):
    found = check_invariants(BUILT_IN[name]())
    assert [one.invariant for one in found] == [f"I{number}" for number in range(1, 15)]
    assert [one for one in found if one.is_hard and one.status == "broken"] == []


def test_pay_for_orders_sent_back_breaks_i5_and_i6():
    found = audit_scheme(Percentage(hold_days=0, clawback=False), SHOP)
    broken = {one.invariant: one.example for one in found.findings if one.status == "broken"}
    assert set(broken) == {"I5", "I6"}
    assert broken["I6"][0] == "day 0: 1 buys coat at 100.00 through 0, back on day 14"
    assert found.unlinked_share == 1
    assert not found.passed
    assert unlinked_share(trial(Percentage())) == 0


def test_smallest_counter_example_of_a_lost_place():
    found = finding(EarlyBird(first_orders=3), "I9")
    assert found.status == "broken"
    assert found.example[-2] == "day 0: 3 to 6 buy coat at 100.00 through 1"
    assert status(Leaderboard(), "I9") == "broken"
    assert status(Tiered(), "I9") == "held"


@pytest.mark.parametrize(("levels", "expected"), [(2, "held"), (3, "broken")])
def test_levels_against_the_jurisdiction(levels, expected):
    shop = SHOP.but(jurisdiction="CN")
    assert find("I4", trial(MultiLevel(levels=levels), shop)).status == expected
    assert status(MultiLevel(levels=levels), "I4") == "held"


def test_an_unknown_jurisdiction_is_refused():
    with pytest.raises(InputError, match="did you mean 'CN'"):
        check_invariants(MultiLevel(), SHOP, jurisdiction="CNN")


def test_an_imbalance_breaks_i1(monkeypatch):
    def differs(ledger):
        raise LedgerError("cash: the postings give 1, kept is 2")

    monkeypatch.setattr(Ledger, "reconcile", differs)
    assert finding(Percentage(), "I1").example[-1] == "cash: the postings give 1, kept is 2"


class Understated(Percentage):
    """Pays twice what it says."""

    def bound_cents(self, market: Market) -> np.ndarray:
        return super().bound_cents(market) / 2


class Skipping(Scheme):
    """Pays the sponsor's sponsor as if she had brought the order."""

    def offer(self, market: Market) -> Offer:
        return Offer(np.full(1, 500.0), np.zeros(1, np.int64))

    def settle(self, orders: Orders, market: Market) -> Commissions:
        above = market.sponsor_of[orders.sponsor]
        rows = np.flatnonzero(above >= 0)
        size = len(rows)
        return Commissions(rows, above[rows], np.full(size, 500), np.ones(size, np.int8))


class Favourites(Percentage):
    """Pays more to people with higher numbers."""

    rate: float = 0.01

    def settle(self, orders: Orders, market: Market) -> Commissions:
        credits = super().settle(orders, market)
        return credits._replace(cents=np.minimum(credits.cents, 1 + credits.recipient))


class Boasting(Percentage):
    """States a lottery that is worth twice what it pays."""

    def offer(self, market: Market) -> Offer:
        told = super().offer(market)
        return told._replace(reward_cents=2 * told.reward_cents, sharer_uncertain=True)


class DailyTiers(Tiered):
    """Counts what was credited until yesterday only."""

    def settle(self, orders: Orders, market: Market) -> Commissions:
        before = market.credited_orders_month[orders.sponsor]
        amounts = np.where(before >= 5, 1000, 500)
        rows = np.arange(len(amounts))
        return Commissions(rows, orders.sponsor, amounts, np.ones(len(rows), np.int8))


class Lenient(TeamPurchase):
    """Gives the team's price to people without a team."""

    def discounts(self, orders: Orders, market: Market) -> np.ndarray:
        return orders.price_cents // 10


@pytest.mark.parametrize(
    ("scheme", "invariant", "said"),
    [
        (Understated(rate=0.1), "I2", "10.00 paid on 1 orders, the bound is 5.00"),
        (Skipping(), "I4", "somebody 2 levels up is paid"),
        (Skipping(), "I7", "level 1 is paid to somebody else than the sponsor"),
        (Favourites(), "I11", "the same history under other names pays other amounts"),
        (Boasting(), "I12", "reward: 10.00 on average of 4000 orders, 20.00 is stated"),
        (DailyTiers(), "I14", "three sales a day"),
        (Lenient(), "I13", "20.00 without a complete team, 0.00 expected"),
    ],
)
def test_a_bad_scheme_is_caught(scheme, invariant, said):
    found = finding(scheme, invariant)
    assert found.status == "broken"
    assert said in found.example[-1]


def test_a_fair_lottery_and_honest_tiers_hold():
    assert status(Lottery(), "I12") == "held"
    assert status(Percentage(), "I12") == "n.a."
    assert status(Tiered(), "I14") == "held"
    assert status(Tiered(retroactive=True), "I2") == "held"
    assert "on average" in finding(Tiered(retroactive=True), "I2").detail


def test_points_add_up():
    found = finding(BUILT_IN["points"](), "I14")
    assert (found.status, found.detail[:11]) == ("held", "points owed")


# The whole ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def audits() -> dict[str, Audit]:
    policies = {
        "none": {},
        "chain": {"scheme": "multi_level", "levels": 3},
        "late": {"scheme": "percentage", "start_day": 45, "end_day": 46},
    }
    return audit(SHOP.but(policies=policies), identity_cost=1)


def test_the_verdict_is_one_sentence(audits):
    assert audits["none"].verdict().startswith("pays nothing")
    assert audits["chain"].verdict() == (
        "pays at most 17.50 EUR an order, breaks even at 18 % margin (yours: 40 %), "
        "a faker earns 14.50 per order, breaks I10"
    )


def test_a_scheme_is_tried_within_its_dates(audits):
    assert audits["late"].dearest.spent_cents == 1000
    assert audits["late"].false_names[0].self_cents == 1000


def test_everything_is_plain_and_repeats(audits):
    for name, one in audits.items():
        document = one.to_dict()
        assert json.loads(json.dumps(document, allow_nan=False)) == document
        assert document["policy"] == name
    again = audit(SHOP.but(policies={"chain": MultiLevel(levels=3)}), identity_cost=1)
    assert again["chain"].to_dict() == audits["chain"].to_dict()


def test_the_table_has_a_row_per_invariant(audits):
    table = audits["chain"].table()
    assert list(table["invariant"]) == [f"I{number}" for number in range(1, 15)]
    assert list(table.loc[table["status"] == "broken", "invariant"]) == ["I10"]


@pytest.mark.parametrize("cost", [-1.0, float("nan"), 1e9])
def test_a_wrong_identity_cost_is_refused(cost):
    with pytest.raises(InputError, match="identity_cost"):
        audit_scheme(Percentage(), identity_cost=cost)


def test_an_unknown_policy_is_refused():
    with pytest.raises(InputError, match="did you mean 'none'"):
        audit(SHOP, ["non"])


def test_a_history_is_told_in_a_few_lines():
    sales = [Sale(2 + i, 1) for i in range(3)]
    assert trial(Percentage()).describe((-1, 0, 1, 1, 1), sales) == [
        "referred: 1 by 0",
        "day 0: 2 to 4 buy coat at 100.00 through 1",
    ]


def test_a_team_within_a_combination_costs_its_discount_too():
    parts = [{"scheme": "team_purchase"}, {"scheme": "percentage", "rate": 0.1}]
    scheme = Combined(parts=parts)
    (costs,) = product_costs(trial(scheme))
    assert (costs.discount_cents, costs.commission_cents) == (1500, 1000)
    assert status(scheme, "I13") == "n.a."


def test_a_case_is_bounded_by_the_products_it_is_for():
    cases = [
        {"when": {"products": ["tea"]}, "scheme": "percentage", "rate": 0.5},
        {"when": {"amount_from": 50.0}, "scheme": "percentage", "rate": 0.05},
    ]
    scenario = Scenario(
        products=[
            {"name": "tea", "price": 24.0, "unit_cost": 11.0},
            {"name": "kettle", "price": 80.0, "unit_cost": 45.0},
        ]
    )
    scheme = ByCondition(cases=cases, precedence="first")
    costs = product_costs(trial(scheme, scenario))
    assert [one.commission_cents for one in costs] == [1200, 400]


class Growing(Scheme):
    """Pays twice as much from the second sale on, and does not say so in its bound."""

    def offer(self, market):
        often = market.credited_orders > 0
        return Offer(np.where(often, 200.0, 100.0)[None, :], np.zeros(1, np.int64))

    def settle(self, orders, market):
        cents = np.where(market.credited_orders[orders.sponsor] > 0, 200, 100)
        rows = np.arange(len(cents))
        return Commissions(rows, orders.sponsor, cents, np.ones(len(cents), np.int8))


def test_pay_that_grows_with_sales_shows_in_costs_and_bound():
    assert product_costs(trial(Growing()))[0].commission_cents > 150
    assert status(Growing(), "I2") == "broken"
