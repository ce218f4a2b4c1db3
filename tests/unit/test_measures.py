"""Measures on runs made by hand, whose answers can be read off."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import measures
from sim.day import COUNTS
from sim.ledger import Ledger
from sim.measures import MEASURES, Run, gini
from sim.orders import PHANTOM
from sim.population import LAPSED, MEMBER, NEVER, State, empty_state
from sim.schemes import Points
from sim.twins import TWIN_MEASURES, compare_with_twin, match_orders
from tests.hand_runs import made_by_hand
from tests.money_world import make_orders
from tests.worlds import rich_scenario, run

# Gini --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 100])
def test_gini_of_equality_and_of_one_who_takes_all(n):
    assert gini(np.full(n, 7)) == pytest.approx(0, abs=1e-12)
    assert gini(np.eye(n)[0]) == pytest.approx((n - 1) / n)


def test_gini_of_known_values():
    assert gini(np.array([1, 2, 3, 4])) == pytest.approx(0.25)
    assert math.isnan(gini(np.array([])))
    assert math.isnan(gini(np.zeros(4)))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_gini_is_the_mean_difference_over_twice_the_mean(values):
    x = np.array(values, dtype=float)
    mean_difference = np.abs(x[:, None] - x).mean()
    assert gini(x) == pytest.approx(mean_difference / (2 * x.mean()), abs=1e-9)
    assert gini(x[::-1]) == gini(x)
    assert gini(3 * x) == pytest.approx(gini(x), abs=1e-12)


# Virality ----------------------------------------------------------------------------------


def test_k_factor_counts_whom_the_cohort_brought_in_time():
    # The cohort is 0, 1 and 4. 0 brings 1 after 5 days and 2 after 25; 1 brings 3 after 20;
    # 4 joined in time and brought nobody; 5 was a customer before the run and brought 4.
    found = measures.k_factor(
        made_by_hand(
            ticks=40, month=30, joined=[0, 5, 25, 25, 19, -3], sponsor=[-1, 0, 0, 1, 5, -1],
        )
    )  # fmt: skip
    assert found == pytest.approx(2 / 3)


def test_k_factor_without_a_cohort_is_unknown():
    assert math.isnan(measures.k_factor(made_by_hand(joined=NEVER)))


def test_mean_depth_is_over_new_customers_alone():
    orders = make_orders([0, 1, 2, 3], depth=[0, 1, 2, 9], new_customer=[True, True, True, False])
    assert measures.mean_depth(made_by_hand(orders=orders)) == 1.0
    assert math.isnan(measures.mean_depth(made_by_hand()))


def test_barren_share_is_of_organic_customers():
    found = measures.barren_share(
        made_by_hand(joined=[0, 1, 2, 3, NEVER, -4], sponsor=[-1, 0, -1, 0, -1, -1])
    )
    assert found == 0.5  # 0 brought two, 2 nobody; 1 and 3 came through a friend, 5 before


def test_phantom_orders_are_no_sales():
    orders = make_orders(
        range(3), buyer=[0, 1, 1], tick=[0, 0, 5], new_customer=[True, True, False]
    )
    spoilt = make_orders(
        range(5), buyer=[0, 1, 2, 0, 1], tick=[0, 0, 2, 3, 5], sponsor=[-1, -1, 2, 0, -1],
        new_customer=[True, True, False, False, False], fraud=[0, 0, PHANTOM, PHANTOM, 0],
    )  # fmt: skip
    honest, attacked = made_by_hand(orders=orders), made_by_hand(orders=spoilt)
    for measure in ("repeat_share_d30", "sharer_share", "mean_depth", "orders_per_recommendation"):
        one, other = (measures.MEASURES[measure](run) for run in (honest, attacked))
        assert one == pytest.approx(other, nan_ok=True), measure
    assert measures.MEASURES["phantom_orders"](attacked) == 2
    assert compare_with_twin(attacked, honest)["incremental_orders"] == 0
    assert compare_with_twin(honest, attacked)["incremental_orders"] == 0

    totals = dict.fromkeys(Ledger(1).totals(), 0)
    series = measures.DailySeries()
    series.record(np.zeros(len(COUNTS), np.int64), spoilt, totals)
    assert series.columns()["orders"].tolist() == [3]
    assert series.columns()["referred_orders"].tolist() == [0]


# Retention ---------------------------------------------------------------------------------


def test_retention_leaves_out_who_joined_too_late_to_be_seen():
    # 0, 1, 2 join on day 0, 3 on day 38, 4 on the last day, 5 before the run.
    hand = made_by_hand(
        ticks=40,
        joined=[0, 0, 0, 38, 39, -1],
        daily={"retained_d1": [0, 2], "retained_d7": [0, 1], "retained_d30": [3]},
    )
    assert measures.MEASURES["retention_d1"](hand) == 2 / 4
    assert measures.MEASURES["retention_d7"](hand) == 1 / 3
    assert measures.MEASURES["retention_d30"](hand) == 1.0


def test_retention_of_a_run_too_short_to_see_it_is_unknown():
    assert math.isnan(measures.MEASURES["retention_d30"](made_by_hand(ticks=20, joined=0)))


def test_retention_is_never_above_one_with_seeds():
    scenario = rich_scenario(
        days=40, population={"habit_a": 0.001, "habit_b": 1000.0, "visit_rate": 1000.0},
        campaign={"seeding": {"count": 30}},
    )  # fmt: skip
    outcomes = run(scenario).outcomes()
    assert all(0 <= outcomes[f"retention_d{n}"] <= 1 for n in (1, 7, 30))


def test_member_survival_is_kaplan_meier():
    # Ten people seen for 6 days; ages at the end: left after 1, 1, 3; the others still there,
    # of whom one was seen for 1 day, one for 2 and five for 5.
    joined = [0, 0, 0, 4, 3, 0, 0, 0, 0, 0]
    left = [1, 1, 3, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER]
    status = [LAPSED, LAPSED, LAPSED] + [MEMBER] * 7
    hand = made_by_hand(people=10, ticks=6, joined=joined, left=left, status=status)
    after_1 = 1 - 2 / 10
    after_3 = after_1 * (1 - 1 / 6)
    assert measures.member_survival(hand) == pytest.approx(
        [1.0, after_1, after_1, after_3, after_3, after_3]
    )


def test_survival_counts_who_came_back_as_never_gone_and_ignores_old_customers():
    hand = made_by_hand(
        people=3, ticks=4, joined=[0, 0, -5], left=[2, NEVER, 1], status=[MEMBER, MEMBER, LAPSED]
    )
    assert measures.member_survival(hand).tolist() == [1.0] * 4


def test_lapse_rate_is_per_member_and_month():
    hand = made_by_hand(ticks=40, daily={"members": [10] * 40, "lapsed": [1] * 4})
    assert measures.lapse_rate(hand) == pytest.approx(4 / (10 * 40 / 30))


def test_daily_over_monthly_visitors_leaves_out_the_first_month():
    daily = {"visits": [99] * 30 + [2] * 30, "mau": [1] * 30 + [8] * 30}
    assert measures.dau_over_mau(made_by_hand(ticks=60, daily=daily)) == 0.25
    assert measures.mau(made_by_hand(ticks=60, daily=daily)) == 8


def test_repeat_share_counts_a_second_order_within_a_month():
    # 0 orders again after 30 days, 1 after 31, 2 never, 3 twice on one day, 4 too late to be seen.
    orders = make_orders(
        range(9),
        tick=[0, 0, 0, 0, 0, 30, 31, 35, 36],
        buyer=[0, 1, 2, 3, 3, 0, 1, 4, 4],
        new_customer=[True, True, True, True, False, False, False, True, False],
    )
    assert measures.repeat_share_d30(made_by_hand(ticks=40, orders=orders)) == 1 / 4


def test_shares_of_people():
    orders = make_orders(range(4), buyer=[0, 1, 2, 2])
    hand = made_by_hand(orders=orders, shares=[3, 0, 1, 0, 2, 0])
    assert measures.sharers(hand) == 3
    assert measures.sharer_share(hand) == 2 / 3
    assert measures.earner_share(hand) == 0.0
    assert math.isnan(measures.gini_earnings(hand))


def test_funnel_shares():
    orders = make_orders(
        range(4),
        channel=[1, 1, 2, 1],
        new_customer=[True, False, True, True],
        sponsor=[1, 1, 1, -1],
    )
    hand = made_by_hand(
        orders=orders,
        daily={
            "personal_messages": [8], "personal_clicks": [2], "orders": [4], "referred_orders": [3],
        },
    )  # fmt: skip
    assert measures.orders_per_recommendation(hand) == 2 / 8
    assert measures.visits_per_share(hand) == 2 / 8
    assert measures.referred_share(hand) == 3 / 4


def test_trust_is_averaged_over_ties():
    state = empty_state(2, 2, 1)
    state.good_ties[:] = [9, 0]
    state.bad_ties[:] = [1, 0]
    assert measures.trust_mean(made_by_hand()._replace(state=state)) == pytest.approx(
        (10 / 12 + 1 / 2) / 2
    )


def test_measures_of_nothing_are_unknown_or_zero():
    nothing = measures.outcomes(made_by_hand(ticks=1))
    assert list(nothing) == list(MEASURES)
    assert all(value == 0 or math.isnan(value) for value in nothing.values())


# Twins -------------------------------------------------------------------------------------


def twins() -> tuple[Run, Run]:
    """0 buys earlier, 1 only because, 2 anyway, 3 later, 4 only in the twin, 5 more often."""
    policy = make_orders(
        range(7),
        tick=[2, 3, 4, 9, 1, 6, 8],
        buyer=[0, 1, 2, 3, 5, 5, 5],
        sponsor=[9, 9, 9, -1, -1, 9, 9],
        discount_cents=[
            100,
            100,
            100,
            0,
            0,
            100,
            0,
        ],  # the last: credited, but nobody was paid for it
    )
    twin = make_orders(range(6), tick=[5, 4, 7, 2, 1, 5], buyer=[0, 2, 3, 4, 5, 5])
    money = {"payout_cents": [900], "discount_cents": [100], "profit_cents": [5000]}
    return (
        made_by_hand(orders=policy, daily={**money, "new_customers": [5]}),
        made_by_hand(orders=twin, daily={"profit_cents": [3000], "new_customers": [1]}),
    )


def test_orders_are_matched_by_person_product_and_rank():
    matched = match_orders(*twins())
    rows = set(zip(*(column.tolist() for column in matched[:3]), strict=True))
    assert rows == {
        (2, 5, True), (3, -1, True), (4, 4, True), (9, 7, False), (-1, 2, False), (1, 1, False),
        (6, 5, True), (8, -1, False),
    }  # fmt: skip


def test_what_the_policy_caused():
    assert compare_with_twin(*twins()) == {
        **compare_with_twin(*twins()),
        "incremental_orders": 1,
        "accelerated_orders": 1,
        "cannibalised_orders": 2,
        "incremental_cac_cents": 250.0,
        "roi": 2.0,
        "credited_caused": 1,
        "credited_not_caused": 3,
        "caused_not_credited": 1,
        "deadweight_cents": 300,
    }


def test_products_are_matched_apart():
    one = made_by_hand(orders=make_orders([0], product=0, tick=3))
    other = made_by_hand(orders=make_orders([0], product=1, tick=3))
    assert match_orders(one, other).tick.tolist() == [3, -1]


def test_a_run_is_its_own_twin():
    record = run(rich_scenario(), policy="share").record()
    found = compare_with_twin(record, record)
    assert list(found) == list(TWIN_MEASURES)
    referred = int((record.orders.sponsor >= 0).sum())
    assert found["incremental_orders"] == found["accelerated_orders"] == 0
    assert found["cannibalised_orders"] == referred > 0
    assert math.isnan(found["incremental_cac_cents"])
    assert found["roi"] == 0.0


def test_without_spending_there_is_no_return():
    nothing = made_by_hand()
    assert math.isnan(compare_with_twin(nothing, nothing)["roi"])
    assert len(match_orders(nothing, nothing).tick) == 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 20)), max_size=15),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 20)), max_size=15),
)
def test_matching_loses_and_invents_no_order(ours, theirs):
    def recorded(rows):
        rows = sorted(rows, key=lambda row: row[2])
        columns = list(zip(*rows, strict=True)) or [[], [], []]
        return made_by_hand(
            orders=make_orders(
                np.arange(len(rows)), buyer=columns[0], product=columns[1], tick=columns[2]
            )
        )

    matched = match_orders(recorded(ours), recorded(theirs))
    assert sorted(matched.tick[matched.tick >= 0]) == sorted(tick for *_, tick in ours)
    assert sorted(matched.twin_tick[matched.twin_tick >= 0]) == sorted(t for *_, t in theirs)
    assert ((matched.tick >= 0) | (matched.twin_tick >= 0)).all()


# Daily columns against the books -----------------------------------------------------------


@pytest.fixture(scope="module")
def played():
    return run(rich_scenario(days=40, dt=0.5), policy="tiers")


def test_daily_columns_add_up_to_the_books(played):
    daily, orders = played.daily.sum(), played.ledger.orders()
    assert daily["orders"] == len(orders.order_id)
    assert daily["revenue_cents"] == orders.price_cents.sum()
    gifts = played.scenario.campaign.seeding.count * played.market.unit_costs_cents[0]
    assert gifts > 0
    assert daily["cost_cents"] == orders.cost_cents.sum() + gifts
    assert daily["discount_cents"] == orders.discount_cents.sum()
    assert daily["new_customers"] == orders.new_customer.sum()
    assert daily["referred_orders"] == (orders.sponsor >= 0).sum()
    assert daily["payout_cents"] == played.ledger.earned_cents.sum()
    refunded = (orders.refund_tick >= 0) & (orders.refund_tick < played.tick)
    assert daily["refund_cents"] == orders.net_cents[refunded].sum() > 0


def test_daily_identities(played):
    daily = played.daily
    net = daily["revenue_cents"] - daily["discount_cents"] - daily["refund_cents"]
    assert (daily["net_revenue_cents"] == net).all()
    assert (daily["profit_cents"] == net - daily["cost_cents"] - daily["payout_cents"]).all()
    assert (daily["visits"] <= daily["mau"]).all()
    assert (daily["clicks"] <= daily["impressions"]).all()
    assert daily["day"].tolist() == [0.5 * tick for tick in range(80)]
    state: State = played.state
    assert daily["members"].iloc[-1] == (state.status == MEMBER).sum()
    assert daily["shares"].sum() == state.shares.sum()
    assert daily["mutes"].sum() == state.muted.sum()


def test_the_referral_forest_is_a_forest(played):
    state = played.state
    child = np.flatnonzero(state.sponsor >= 0)
    assert child.size > 10
    assert (state.depth[child] == state.depth[state.sponsor[child]] + 1).all()
    assert (state.depth[state.sponsor < 0] == 0).all()
    assert (state.joined[child] >= state.joined[state.sponsor[child]]).all()


def test_outcomes_are_plain_numbers(played):
    outcomes = played.outcomes()
    assert list(outcomes) == list(MEASURES)
    assert all(type(value) in (int, float) for value in outcomes.values())
    for name in ("orders", "profit_cents", "clicks", "refund_cents", "mutes"):
        assert outcomes[name] == played.daily[name].sum()


def test_points_that_expire_are_profit_again():
    def profit(expire_days: int) -> tuple[int, int]:
        model = run(
            rich_scenario(days=40), policy=Points(rate=0.5, hold_days=0, expire_days=expire_days)
        )
        totals, daily = model.ledger.totals(), model.daily
        kept = daily.net_revenue_cents - daily.cost_cents - daily.payout_cents
        assert daily.profit_cents.sum() == kept.sum() + totals["points_breakage"]
        return totals["points_breakage"], totals["points_liability"]

    breakage, left = profit(2)
    assert breakage > 0
    assert profit(1000)[0] == 0
    assert profit(1000)[1] > left
