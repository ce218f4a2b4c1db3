"""The schemes of time, volume, chance, points and teams: exact amounts and wrong input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import InputError
from sim.population import NEVER
from sim.scenario import Policy
from sim.schemes import (
    SCHEMES,
    Combined,
    Decaying,
    EarlyBird,
    Leaderboard,
    Lottery,
    NewAndReturning,
    Points,
    Recurring,
    TeamPurchase,
    ThresholdBonus,
    Tiered,
    make_scheme,
)
from tests.money_world import BUILT_IN, Shop, make_orders, paid


def sell(shop, tick, order_ids, sponsor=2, **columns):
    """The cents that orders of one day bring to each person in that day."""
    before = shop.ledger.earned_cents.copy()
    ids = np.atleast_1d(order_ids)
    shop.day(tick, make_orders(ids, tick=tick, buyer=9, sponsor=sponsor, **columns))
    return shop.ledger.earned_cents - before


# Every scheme ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", map(SCHEMES.get, BUILT_IN), ids=BUILT_IN)
def test_a_scheme_works_with_its_defaults_and_survives_being_written_down(scheme):
    one = scheme()
    again = make_scheme(Policy(**one.as_policy().model_dump()), "policies.again")
    assert again.model_dump() == one.model_dump()
    market = Shop(one, prices=(2000, 300), costs=(0, 0)).market
    offer = one.offer(market)
    assert offer.reward_cents.shape in ((2,), (2, market.size))
    assert offer.friend_cents.shape == one.bound_cents(market).shape == (2,)
    assert scheme.source != "user-defined"


@pytest.mark.parametrize("scheme", map(SCHEMES.get, BUILT_IN), ids=BUILT_IN)
def test_no_scheme_pays_more_than_its_bound_on_a_day_of_orders(scheme):
    one = scheme()
    shop = Shop(one, prices=(2000, 331), costs=(0, 0))
    product = np.arange(24) % 2
    prices = shop.prices[product]
    shop.day(0, make_orders(np.arange(24), buyer=9, sponsor=2, product=product, price_cents=prices))
    bound = one.bound_cents(shop.market)[product].sum()
    assert shop.ledger.earned_cents.sum() <= bound + len(product) / 2


# Time ------------------------------------------------------------------------------------------


def test_a_decaying_rate_falls_from_the_first_day_to_the_floor():
    scheme = Decaying(rate=0.2, decay_days=10, floor_rate=0.05, start_day=5)
    shop = Shop(scheme)
    # 20 % of 20.00 is 4.00; times exp(-1/10) 3.619, times exp(-1) 1.4715; the floor is 1.00
    for order_id, (tick, cents) in enumerate([(4, 0), (5, 400), (6, 362), (15, 147), (19, 100)]):
        assert sell(shop, tick, order_id)[2] == cents
    shop.market.advance(6)
    assert shop.programme.offer().reward_cents[0] == pytest.approx(361.935, abs=0.001)
    assert scheme.bound_cents(shop.market).tolist() == [400]


def test_early_places_go_by_order_id_and_over_all_sharers():
    shop = Shop(EarlyBird(first_orders=2, early_rate=0.2, early_amount=1, rate=0.1, amount=0.5))
    orders = make_orders([5, 3, 4], buyer=9, sponsor=[1, 2, 3])
    assert sorted(paid(shop, orders)) == [(3, 2, 500), (4, 3, 500), (5, 1, 250)]
    shop.market.advance(1)
    assert shop.programme.offer().reward_cents.tolist() == [250]
    assert sell(shop, 1, 6)[2] == 250


def test_who_is_early_does_not_depend_on_the_rows():
    scheme = EarlyBird(first_orders=2, early_rate=0.2, rate=0.1)
    credits = scheme.settle(make_orders([5, 3, 4], sponsor=[1, 2, 3]), Shop(scheme).market)
    assert dict(zip(credits.recipient, credits.cents, strict=True)) == {1: 200, 2: 400, 3: 400}


def test_a_refund_makes_room_for_a_later_order_and_changes_nothing_for_others():
    shop = Shop(EarlyBird(first_orders=3, early_rate=0.2, rate=0.1))
    sell(shop, 0, [0, 1, 2, 3], sponsor=[1, 1, 2, 3], refund_tick=[1, 1, -1, -1])
    shop.day(1)
    assert shop.ledger.earned_cents[:4].tolist() == [0, 0, 400, 200]
    shop.market.advance(2)
    assert shop.programme.offer().reward_cents.tolist() == [400]
    assert sell(shop, 2, [4, 5], sponsor=4)[4] == 400 + 200


def test_recurring_pay_steps_down_and_ends_with_the_customer_s_time():
    scheme = Recurring(rate=0.2, step_down_days=10, later_rate=0.1, duration_days=20)
    joined = np.zeros(10, np.int32)
    shop = Shop(scheme, sponsor_of=[-1] * 9 + [4], people={"joined": joined})
    for order_id, (tick, cents) in enumerate([(0, 400), (9, 400), (10, 200), (19, 200), (20, 0)]):
        earned = sell(shop, tick, order_id, sponsor=-1, new_customer=False)
        assert earned[4] == earned.sum() == cents


def test_recurring_orders_through_a_link_count_for_its_sharer():
    shop = Shop(Recurring(rate=0.2), sponsor_of=[-1] * 9 + [4])
    earned = sell(shop, 3, [0, 1], sponsor=[2, -1], new_customer=False)
    assert (earned[2], earned[4]) == (400, 400)


def test_whoever_seems_new_has_just_joined():
    joined = np.full(10, -500, np.int32)
    joined[8] = NEVER
    shop = Shop(Recurring(rate=0.2, duration_days=365), people={"joined": joined})
    orders = make_orders(
        [0, 1, 2], buyer=[9, 9, 8], sponsor=2, new_customer=[False, False, True], fakes=[0, 1, 0]
    )
    assert paid(shop, orders) == [(1, 2, 400), (2, 2, 400)]


def test_recurring_pay_for_life():
    people = {"joined": np.full(10, -100_000, np.int32)}
    shop = Shop(Recurring(duration_days=0), people=people)
    assert sell(shop, 0, 0, new_customer=False)[2] == 400


def test_returning_customers_earn_less():
    scheme = NewAndReturning(rate=0.2, returning_rate=0.05)
    orders = make_orders([0, 1, 2], buyer=9, sponsor=2, new_customer=[True, False, False],
                         fakes=[0, 0, 1])  # fmt: skip
    assert paid(Shop(scheme), orders) == [(0, 2, 400), (1, 2, 100), (2, 2, 400)]


# Volume ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repeated", "amounts"),
    [(False, [200, 200, 1700, 200, 200, 200]), (True, [200, 200, 1700, 200, 200, 1700])],
)
def test_the_bonus_comes_with_the_order_that_reaches_the_threshold(repeated, amounts):
    shop = Shop(ThresholdBonus(amount=2, bonus=15, threshold=3, repeated=repeated))
    ids = [7, 6, 5, 4, 3, 2]
    credits = sorted(paid(shop, make_orders(ids, buyer=9, sponsor=2)))
    assert credits == [(2 + i, 2, cents) for i, cents in enumerate(amounts)]


@pytest.mark.parametrize(("repeated", "after"), [(False, 200), (True, 700)])
def test_the_pull_of_a_bonus_grows_near_the_goal(repeated, after):
    scheme = ThresholdBonus(amount=2, bonus=15, threshold=3, repeated=repeated)
    shop = Shop(scheme, prices=(2000, 300), costs=(0, 0))
    seen = []
    for tick in range(4):
        shop.market.advance(tick)
        seen.append(shop.programme.offer().reward_cents[1, 2])
        sell(shop, tick, tick)
    # 2 per order and 15 over 3, 2 and 1 orders to go, then 2 or the same again
    assert seen == [700, 950, 1700, after]


def test_a_monthly_bonus_starts_again():
    shop = Shop(ThresholdBonus(amount=1, bonus=9, threshold=2, period="month"))
    earned = [int(sell(shop, tick, tick)[2]) for tick in (28, 29, 30, 31, 32)]
    assert earned == [100, 1000, 100, 1000, 100]


def test_a_bonus_refunded_with_its_order_comes_with_the_next():
    shop = Shop(ThresholdBonus(amount=2, bonus=15, threshold=3))
    sell(shop, 0, [0, 1, 2, 3], refund_tick=[-1, -1, 1, -1])
    shop.day(1)
    assert shop.ledger.earned_cents[2] == 600
    shop.market.advance(2)
    assert shop.programme.offer().reward_cents[0, 2] == 1700
    assert sell(shop, 2, 4)[2] == 1700


def test_a_bonus_is_not_paid_twice_when_another_order_is_refunded():
    shop = Shop(ThresholdBonus(amount=2, bonus=15, threshold=3))
    sell(shop, 0, [0, 1, 2], refund_tick=[1, 1, -1])
    shop.day(1)
    for tick in range(2, 12):
        sell(shop, tick, tick + 10)
    assert shop.ledger.earned_cents[2] == 11 * 200 + 1500


@settings(max_examples=40, deadline=None)
@given(
    days=st.lists(st.lists(st.integers(0, 3), max_size=6), max_size=6),
    threshold=st.integers(1, 5),
    repeated=st.booleans(),
)
def test_what_is_earned_together_does_not_depend_on_the_days(days, threshold, repeated):
    scheme = ThresholdBonus(amount=1.5, bonus=4, threshold=threshold, repeated=repeated)
    shop, first = Shop(scheme), 0
    for tick, sponsors in enumerate(days):
        if sponsors:
            sell(shop, tick, np.arange(first, first + len(sponsors)), sponsor=sponsors)
            first += len(sponsors)
    counts = np.bincount(np.concatenate([*days, []]).astype(np.int64), minlength=10)
    bonuses = counts // threshold if repeated else counts >= threshold
    assert shop.ledger.earned_cents.tolist() == (150 * counts + 400 * bonuses).tolist()


def test_a_leaderboard_pays_its_prizes_on_the_last_day_of_a_period():
    shop = Shop(Leaderboard(period_days=7, prizes=(50, 30, 20), hold_days=0))
    sell(shop, 0, [0, 1, 2, 3], sponsor=[1, 1, 2, 3])
    sell(shop, 5, [4, 5, 6], sponsor=[1, 2, 4])
    assert not shop.ledger.earned_cents.any()
    shop.day(6)
    # 1 has three orders, 2 has two, 3 and 4 share the third prize
    assert shop.ledger.earned_cents[:6].tolist() == [0, 5000, 3000, 1000, 1000, 0]
    lines = shop.ledger.entries()
    lines = lines[(lines.account == "commission_pending") & (lines.kind == "commission")]
    assert dict(zip(lines.party, lines.order_id, strict=True)) == {1: 4, 2: 5, 3: 3, 4: 6}
    sell(shop, 7, 7, sponsor=5)
    shop.day(13)
    assert shop.ledger.earned_cents[:6].tolist() == [0, 5000, 3000, 1000, 1000, 5000]


def test_refunded_orders_win_nothing_and_a_prize_falls_with_its_order():
    shop = Shop(Leaderboard(period_days=3, prizes=(10, 4)))
    sell(shop, 0, [0, 1, 2, 3], sponsor=[1, 1, 2, 1], refund_tick=[1, 1, 4, 1])
    shop.day(1)
    shop.day(2)
    assert shop.ledger.earned_cents[:3].tolist() == [0, 0, 1000]
    shop.day(4)
    assert shop.ledger.earned_cents.sum() == 0


def test_tied_winners_share_in_whole_cents_and_the_rest_stays():
    shop = Shop(Leaderboard(period_days=1, pool=1, prizes=(0.5, 0.3, 0.2)))
    assert sell(shop, 0, np.arange(7), sponsor=np.arange(7)).tolist() == [14] * 7 + [0] * 3


def test_a_place_needs_the_minimum_and_a_member():
    members = np.ones(10, bool)
    members[1] = False
    shop = Shop(Leaderboard(period_days=1, prizes=(9, 5), minimum_orders=2), is_member=members)
    earned = sell(shop, 0, np.arange(6), sponsor=[1, 1, 1, 2, 2, 3])
    assert earned[:4].tolist() == [0, 0, 900, 0]


@pytest.mark.parametrize(("end_day", "cents"), [(4, 500), (None, 0)])
def test_a_period_cut_short_is_paid_on_the_last_day(end_day, cents):
    shop = Shop(Leaderboard(period_days=7, prizes=(5,), end_day=end_day))
    sell(shop, 2, 0)
    for tick in (3, 4, 5):
        shop.day(tick)
    assert shop.ledger.earned_cents[2] == cents


@pytest.mark.parametrize("dt", [0.5, 1.0, 2.0])
def test_periods_run_from_the_first_day_whatever_a_tick_is(dt):
    shop = Shop(Leaderboard(period_days=4, prizes=(5,), start_day=2), dt=dt)
    paid_on = []
    for tick in range(int(14 / dt)):
        if sell(shop, tick, tick)[2]:
            paid_on.append(tick * dt)
    assert paid_on == [6 - dt, 10 - dt, 14 - dt]


def test_what_a_sale_is_believed_to_win():
    shop = Shop(Leaderboard(period_days=2, prizes=(50, 30), minimum_orders=1))
    seen = []
    for tick, count in enumerate((0, 4, 2, 0, 0)):
        shop.market.advance(tick)
        seen.append(float(shop.programme.offer().reward_cents[0]))
        if count:
            sell(shop, tick, 10 * tick + np.arange(count))
        else:
            shop.day(tick)
    # no orders yet: the first prize at most; then 80.00 over the orders of the last period
    assert seen == [5000, 5000, 2000, 2000, 4000]


def test_places_that_need_a_minimum_are_worth_less_a_sale():
    shop = Shop(Leaderboard(prizes=(50, 30), minimum_orders=10))
    assert shop.programme.offer().reward_cents.tolist() == [800]


def test_shares_of_a_pool_never_exceed_it():
    assert Leaderboard(pool=1, prizes=(0.335, 0.335, 0.33)).prize_cents.tolist() == [33, 33, 33]


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(0, 4), min_size=2, max_size=8),
    prizes=st.lists(st.integers(1, 50), min_size=1, max_size=4),
    shuffle=st.randoms(use_true_random=False),
)
def test_prizes_depend_on_counts_alone(counts, prizes, shuffle):
    prizes = sorted(prizes, reverse=True)
    scheme = Leaderboard(period_days=1, prizes=tuple(p / 100 for p in prizes))
    named = list(range(len(counts)))
    shuffle.shuffle(named)

    def won(names):
        sponsors = np.repeat(names, counts)
        if not sponsors.size:
            return [0] * len(counts)
        return sell(Shop(scheme), 0, np.arange(len(sponsors)), sponsor=sponsors)[names].tolist()

    plain = won(list(range(len(counts))))
    assert won(named) == plain
    assert sum(plain) <= sum(prizes)
    order = np.argsort(counts)[::-1]
    assert all(np.diff(np.array(plain)[order]) <= 0)
    assert all(plain[i] == plain[j] for i in order for j in order if counts[i] == counts[j])


# Chance ----------------------------------------------------------------------------------------


def test_each_order_wins_the_prize_its_luck_says():
    shop = Shop(Lottery(prizes=((50, 0.05), (10, 0.25))), 500)
    orders = make_orders(np.arange(400), buyer=np.arange(100, 500), sponsor=2)
    luck = shop.market.luck(orders)
    drawn = np.where(luck < 0.05, 5000, np.where(luck < 0.30, 1000, 0))
    assert set(drawn) == {0, 1000, 5000}
    expected = [(i, 2, cents) for i, cents in enumerate(drawn) if cents]
    assert paid(shop, orders) == expected


def test_a_lottery_is_worth_what_is_stated():
    # sd of a draw is 1118 cents, of the mean of 20,000 draws 7.9; 4.5 sd: false alarm 7e-6
    scheme = Lottery(prizes=((50, 0.05), (10, 0.25)))
    shop = Shop(scheme, 20_000)
    orders = make_orders(np.arange(20_000), buyer=np.arange(20_000), sponsor=2)
    assert abs(scheme.drawn_cents(orders, shop.market).mean() - 500) < 4.5 * 7.9


def test_a_friend_s_prize_is_a_discount_up_to_the_price():
    scheme = Lottery(prizes=((50, 0.05), (10, 0.25)), expected=5, winner="friend")
    shop = Shop(scheme, 500)
    orders = make_orders(np.arange(400), buyer=np.arange(100, 500), sponsor=2)
    luck = shop.market.luck(orders)
    booked = shop.day(0, orders)
    assert (
        booked.discount_cents.tolist()
        == np.where(luck < 0.05, 2000, np.where(luck < 0.30, 1000, 0)).tolist()
    )
    assert not shop.ledger.earned_cents.any()
    offer = shop.programme.offer()
    assert offer.friend_cents.tolist() == [round(0.05 * 2000 + 0.25 * 1000)]
    assert (offer.sharer_uncertain, offer.friend_uncertain) == (False, True)
    assert scheme.paid_levels == 0


def test_a_sharer_s_lottery_is_told_as_uncertain():
    offer = Shop(Lottery()).programme.offer()
    assert (offer.sharer_uncertain, offer.friend_uncertain, offer.in_kind) == (True, False, False)
    assert Lottery().bound_cents(Shop(Lottery()).market).tolist() == [1500]


def test_a_table_that_leaves_nothing_to_rounding():
    scheme = Lottery(prizes=((1, 0.1),) * 10, expected=1)
    orders = make_orders(np.arange(50), buyer=np.arange(50), sponsor=2)
    assert (scheme.drawn_cents(orders, Shop(scheme, 50).market) == 100).all()


# Points and teams ------------------------------------------------------------------------------


def test_points_are_issued_at_their_worth_at_the_till():
    shop = Shop(Points(rate=0.1, amount=0.5, hold_days=0))
    sell(shop, 0, 0)
    assert shop.ledger.points_cents[2] == 250
    assert shop.programme.offer().in_kind
    assert shop.programme.pays_points
    assert shop.programme.scheme.bound_cents(shop.market).tolist() == [250]


def test_only_orders_in_a_team_get_the_team_s_price_and_earn_commission():
    shop = Shop(TeamPurchase(discount=0.15, commission=0.1))
    orders = make_orders([0, 1, 2], buyer=[2, 9, 8], sponsor=[-1, 2, 2], team=[1, 1, 0],
                         team_opener=2, price_cents=1990)  # fmt: skip
    booked = shop.day(0, orders)
    # 15 % of 19.90 is 2.985, half a cent up; the opener earns 10 % of 16.91
    assert booked.discount_cents.tolist() == [299, 299, 0]
    assert shop.ledger.earned_cents[2] == shop.ledger.earned_cents.sum() == 169


def test_a_team_scheme_pays_levels_only_with_a_commission():
    assert TeamPurchase().paid_levels == 0
    assert TeamPurchase(commission=0.1).paid_levels == 1
    assert TeamPurchase().for_teams


# In a combination ------------------------------------------------------------------------------


def test_a_rate_a_bonus_and_a_leaderboard_side_by_side():
    scheme = Combined(
        parts=(
            {"scheme": "percentage", "rate": 0.1},
            {"scheme": "threshold_bonus", "amount": 0, "bonus": 3, "threshold": 2},
            {"scheme": "leaderboard", "period_days": 2, "prizes": [5]},
        )
    )
    shop = Shop(scheme)
    assert sell(shop, 0, [0, 1, 2], sponsor=[2, 2, 3])[:4].tolist() == [0, 0, 700, 200]
    shop.day(1)
    assert shop.ledger.earned_cents[:4].tolist() == [0, 0, 1200, 200]


# Wrong input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "parameters", "message"),
    [
        ("tiered", {"tiers": [[0, 0.1], [5, 0.2], [3, 0.3]]}, "tiers: thresholds [0, 5, 3]"),
        ("tiered", {"tiers": [[0, 0.1], [5, 1.2]]}, "tiers: rates [0.1, 1.2] must lie between 0"),
        ("decaying", {"rate": 1.5}, "rate = 1.5 is not allowed"),
        ("decaying", {"rate": 0.1, "floor_rate": 0.2}, "floor_rate = 0.2 is above rate = 0.1"),
        ("decaying", {"decay_days": 0}, "decay_days = 0 is not allowed"),
        ("early_bird", {"early_rate": 0.05}, "early_rate = 0.05 is below rate = 0.1"),
        ("early_bird", {"amount": 2.0}, "early_amount = 0 is below amount = 2"),
        ("early_bird", {"early_amount": 0.005}, "0.005 is not a whole number of cents"),
        ("early_bird", {"first_orders": 0}, "first_orders = 0 is not allowed"),
        ("recurring", {"later_rate": 0.1}, "later_rate = 0.1 has no effect without step_down_days"),
        ("recurring", {"step_down_days": 9}, "step_down_days = 9 has no effect without later_rate"),
        ("recurring", {"step_down_days": 9, "later_rate": 0.5}, "later_rate = 0.5 is above rate"),
        (
            "recurring",
            {"step_down_days": 365, "later_rate": 0.1},
            "step_down_days = 365 is not before duration_days = 365",
        ),
        ("new_and_returning", {"returning_rate": 0.3}, "returning_rate = 0.3 is above rate = 0.1"),
        ("threshold_bonus", {"threshold": 0}, "threshold = 0 is not allowed"),
        ("threshold_bonus", {"bonus": 1.001}, "bonus = 1.001 is not a whole number of cents"),
        ("leaderboard", {"prizes": []}, "prizes: [] must be above 0"),
        ("leaderboard", {"prizes": [1, 2]}, "prizes: [1.0, 2.0] must be above 0 and not rise"),
        ("leaderboard", {"prizes": [1, 0]}, "prizes: [1.0, 0.0] must be above 0"),
        ("leaderboard", {"prizes": [1e30]}, "prizes: 1e+30 is too much for a prize; 1e9 at most"),
        ("leaderboard", {"prizes": [1.005]}, "prizes = 1.005 is not a whole number of cents"),
        ("leaderboard", {"pool": 10.0}, "prizes = [50.0, 30.0, 20.0] add up to 100 of pool = 10"),
        ("lottery", {"expected": 6.0}, "expected = 6.00 is stated but the prizes are worth 5 on"),
        ("lottery", {"prizes": []}, "prizes: [] wins nothing"),
        ("lottery", {"prizes": [[10, 1.5]]}, "probability 1.5 of the prize 10 must lie between"),
        ("lottery", {"prizes": [[-1, 0.5]]}, "prize -1 must be above 0"),
        ("lottery", {"prizes": [[5, 0.7], [5, 0.7]]}, "probabilities add up to 1.4"),
        ("lottery", {"prizes": [[0.005, 1]]}, "amount = 0.005 is not a whole number of cents"),
        ("points", {"perceived_value": 1.2}, "perceived_value = 1.2 is not allowed"),
        ("points", {"expire_days": -1}, "expire_days = -1 is not allowed"),
        ("team_purchase", {"size": 1}, "size: 1 is a team of one"),
        ("team_purchase", {"size": 101}, "size = 101 is not allowed"),
        ("team_purchase", {"discount": -0.1}, "discount = -0.1 is not allowed"),
    ],
)
def test_wrong_input_is_named_with_its_value(scheme, parameters, message):
    with pytest.raises(InputError) as raised:
        make_scheme(Policy(scheme=scheme, **parameters), "policies.mine")
    text = str(raised.value)
    assert text.startswith("policies.mine")
    assert message in text


def test_the_stated_expectation_may_be_rounded_to_half_a_cent():
    assert Lottery(prizes=((10, 0.3333),), expected=3.33).expected == 3.33
    with pytest.raises(ValueError, match=r"expected = 3\.32 is stated .* worth 3\.327"):
        Lottery(prizes=((10, 0.3327),), expected=3.32)


def test_tiers_come_monthly_or_for_life_and_marginal_or_retroactive():
    for period in ("month", "lifetime"):
        for retroactive in (False, True):
            scheme = Tiered(tiers=((0, 0.0), (1, 0.1)), period=period, retroactive=retroactive)
            shop = Shop(scheme)
            sell(shop, 29, [0, 1])
            assert sell(shop, 30, 2)[2] == (0 if period == "month" else 200)
            assert shop.ledger.earned_cents[2] == (
                (200 + 200 * retroactive) + (0 if period == "month" else 200)
            )
