"""The built-in schemes: what each offers and pays."""

from __future__ import annotations

import numpy as np
import pytest

from sim.incentives import (
    FixedBounty,
    MultiLevel,
    NoIncentive,
    Percentage,
    RecipientOnly,
    Tiered,
    TwoSided,
)
from sim.schemes import (
    Decaying,
    EarlyBird,
    Leaderboard,
    Lottery,
    NewAndReturning,
    Points,
    Recurring,
    TeamPurchase,
    ThresholdBonus,
)
from sim.schemes.scheme import part_of, rate_parts
from tests.money_world import CHAIN, Shop, make_orders, paid


@pytest.mark.parametrize(
    ("scheme", "credits"),
    [
        (NoIncentive(), []),
        (FixedBounty(amount=3), [(0, 2, 300)]),
        (Percentage(rate=0.05), [(0, 2, 100)]),
        (TwoSided(give=4, get=6), [(0, 2, 600)]),
        (RecipientOnly(give=4), []),
        (Tiered(), [(0, 2, 100)]),
        (MultiLevel(rate=0.1, ratio=0.5, levels=3), [(0, 2, 200), (0, 1, 100), (0, 0, 50)]),
        (MultiLevel(rates=(0.10, 0.03)), [(0, 2, 200), (0, 1, 60)]),
        (NewAndReturning(rate=0.2, returning_rate=0.1), [(0, 2, 400)]),
        (Decaying(rate=0.3), [(0, 2, 600)]),
        (EarlyBird(early_rate=0.2, early_amount=1, rate=0.1), [(0, 2, 500)]),
        (Recurring(rate=0.25), [(0, 2, 500)]),
        (ThresholdBonus(amount=2, bonus=15, threshold=1), [(0, 2, 1700)]),
        (Leaderboard(), []),
        (Lottery(prizes=((7, 1),), expected=7), [(0, 2, 700)]),
        (Lottery(prizes=((7, 1),), expected=7, winner="friend"), []),
        (TeamPurchase(commission=0.1), []),
    ],
)
def test_what_one_referred_order_pays(scheme, credits):
    shop = Shop(scheme, 5, sponsor_of=CHAIN)
    assert paid(shop, make_orders([0], buyer=3, sponsor=2)) == credits


@pytest.mark.parametrize(
    ("scheme", "reward", "friend"),
    [
        (NoIncentive(), [0, 0], [0, 0]),
        (FixedBounty(amount=3), [300, 300], [0, 0]),
        (Percentage(rate=0.05), [100, 15], [0, 0]),
        (TwoSided(give=4, get=6), [600, 0], [400, 300]),
        (RecipientOnly(give=4), [0, 0], [400, 300]),
        (MultiLevel(rate=0.1), [200, 30], [0, 0]),
        (NewAndReturning(rate=0.2, returning_rate=0.1), [400, 60], [0, 0]),
        (Decaying(rate=0.3), [600, 90], [0, 0]),
        (EarlyBird(early_rate=0.2, early_amount=1, rate=0.1), [500, 160], [0, 0]),
        (Recurring(rate=0.25, expected_repeats=2), [1500, 225], [0, 0]),
        (Lottery(prizes=((10, 0.5),), expected=5), [500, 500], [0, 0]),
        (Lottery(prizes=((10, 0.5),), expected=5, winner="friend"), [0, 0], [500, 150]),
        (Points(rate=0.1, amount=1, perceived_value=0.5), [150, 65], [0, 0]),
        (TeamPurchase(discount=0.25, commission=0.1), [150, 22.5], [0, 0]),
    ],
)
def test_what_people_are_told(scheme, reward, friend):
    offer = Shop(scheme, prices=(2000, 300), costs=(0, 0)).programme.offer()
    assert offer.reward_cents.tolist() == reward
    assert offer.friend_cents.tolist() == friend
    assert offer.friend_cents.dtype == np.int64


def test_a_rate_applies_to_the_net_price():
    shop = Shop(Percentage(rate=0.1))
    orders = make_orders([0], buyer=3, sponsor=2, discount_cents=500)
    assert shop.programme.scheme.settle(orders, shop.market).cents.tolist() == [150]


@pytest.mark.parametrize(
    ("rate", "net", "cents"),
    [(0.145, 100, 15), (0.1, 5, 1), (0.1, 4, 0), (0.35, 10, 4), (1, 7, 7), (0.07, 50, 4),
     (0.1, 10**15 + 5, 10**14 + 1)],
)  # fmt: skip
def test_half_a_cent_is_rounded_up_exactly(rate, net, cents):
    assert part_of(np.array([net]), rate_parts(rate)).tolist() == [cents]


@pytest.mark.parametrize("retroactive", [False, True])
def test_tiers_within_a_day_and_over_days(retroactive):
    scheme = Tiered(tiers=((0, 0.05), (2, 0.10), (4, 0.20)), retroactive=retroactive)
    shop = Shop(scheme)
    earned = []
    for tick in range(2):
        shop.day(tick, make_orders(np.arange(3) + 3 * tick, tick=tick, buyer=3, sponsor=2))
        earned.append(int(shop.ledger.earned_cents[2]))
    # orders 1-2 at 5 %, 3-4 at 10 %, 5-6 at 20 % of 20.00; retroactive: all at the last rate
    assert earned == ([600, 2400] if retroactive else [400, 1400])


def test_a_tier_is_reached_in_the_order_of_order_ids():
    shop = Shop(Tiered(tiers=((0, 0.05), (1, 0.10))))
    orders = make_orders([5, 4], buyer=3, sponsor=2, price_cents=[1000, 4000])
    alone = shop.programme.scheme.settle(orders, shop.market)
    assert sorted(zip(alone.order, alone.cents, strict=True)) == [(0, 100), (1, 200)]
    assert sorted(paid(shop, orders)) == [(4, 2, 200), (5, 2, 100)]


@pytest.mark.parametrize(("period", "second"), [("month", 100), ("lifetime", 200)])
def test_monthly_tiers_start_again_after_30_days(period, second):
    shop = Shop(Tiered(tiers=((0, 0.05), (1, 0.10)), period=period))
    shop.day(29, make_orders([0], tick=29, buyer=3, sponsor=2))
    before = int(shop.ledger.earned_cents[2])
    shop.day(30, make_orders([1], tick=30, buyer=3, sponsor=2))
    assert int(shop.ledger.earned_cents[2]) - before == second


def test_a_new_month_re_rates_only_its_own_sales():
    shop = Shop(Tiered(tiers=((0, 0.05), (1, 0.10)), retroactive=True))
    shop.day(29, make_orders([0], tick=29, buyer=3, sponsor=2))
    shop.day(30, make_orders([1, 2], tick=30, buyer=3, sponsor=2))
    assert int(shop.ledger.earned_cents[2]) == 100 + 400


@pytest.mark.parametrize("retroactive", [False, True])
def test_the_tiered_offer_is_what_the_next_order_pays(retroactive):
    shop = Shop(Tiered(tiers=((0, 0.05), (1, 0.10)), retroactive=retroactive))
    shop.day(0, make_orders([0], buyer=3, sponsor=2))
    shop.market.advance(1)
    told = shop.programme.offer().reward_cents[0]
    before = int(shop.ledger.earned_cents[2])
    shop.day(1, make_orders([1], tick=1, buyer=3, sponsor=2))
    assert told[2] == int(shop.ledger.earned_cents[2]) - before
    assert told[3] == 100


@pytest.mark.parametrize("period", ["month", "lifetime"])
def test_a_refunded_order_no_longer_counts_towards_a_tier(period):
    shop = Shop(Tiered(tiers=((0, 0.05), (2, 0.10)), period=period))
    shop.day(0, make_orders([0, 1], buyer=3, sponsor=2, refund_tick=[1, -1]))
    shop.day(1)
    market = shop.market
    assert [a[2] for a in (market.credited_orders, market.credited_orders_month)] == [1, 1]
    assert market.credited_sales_cents[2] == market.credited_sales_month_cents[2] == 2000
    shop.day(2, make_orders([2, 3], tick=2, buyer=3, sponsor=2))
    assert shop.ledger.earned_cents[2] == 100 + 100 + 200


def test_a_refund_of_an_earlier_month_leaves_the_current_month_alone():
    shop = Shop(Percentage(minimum_order=15))
    orders = make_orders([0, 1], buyer=3, sponsor=2, price_cents=[2000, 1000], refund_tick=31)
    shop.day(29, orders)
    shop.day(30, make_orders([2], tick=30, buyer=3, sponsor=2))
    shop.day(31)  # order 1 was below the minimum and never counted
    market = shop.market
    assert [a[2] for a in (market.credited_orders, market.credited_orders_month)] == [1, 1]
    assert market.credited_sales_cents[2] == market.credited_sales_month_cents[2] == 2000
    assert market.credited_commission_cents[2] == market.credited_commission_month_cents[2] == 200


@pytest.mark.parametrize("hold_days", [0, 9])
@pytest.mark.parametrize(("clawback", "month_later"), [(True, False), (True, True), (False, False)])
def test_a_re_rating_falls_with_the_orders_it_re_rated(hold_days, clawback, month_later):
    tiers = ((0, 0.0), (1, 0.4))
    scheme = Tiered(tiers=tiers, retroactive=True, hold_days=hold_days, clawback=clawback)
    shop = Shop(scheme)
    day = 35 if month_later else 1
    orders = make_orders(
        [0, 1], buyer=3, sponsor=2, price_cents=[10_000, 100], refund_tick=[day, -1]
    )
    shop.day(0, orders)
    assert shop.ledger.earned_cents[2] == 4040
    shop.day(day)
    kept = 0 if clawback or hold_days else 4040  # what was paid is kept without clawback
    assert shop.ledger.earned_cents[2] == kept
    # The order left and the next one earn 40 % of both, once.
    shop.day(day + 1, make_orders([2], tick=day + 1, buyer=3, sponsor=2, price_cents=1000))
    assert shop.ledger.earned_cents[2] == (0 if month_later else max(440, kept))


def test_a_refund_re_rates_its_own_month_only():
    shop = Shop(Tiered(tiers=((0, 0.0), (1, 0.4)), retroactive=True))
    prices = [10_000, 100]
    shop.day(0, make_orders([0, 1], buyer=3, sponsor=2, price_cents=prices, refund_tick=[31, -1]))
    shop.day(30, make_orders([2], tick=30, buyer=3, sponsor=2, price_cents=100))
    shop.day(31)
    assert shop.ledger.earned_cents[2] == 0


def test_a_re_rating_is_paid_again_when_the_order_that_carried_it_is_refunded():
    shop = Shop(Tiered(tiers=((0, 0.0), (1, 0.4)), retroactive=True))
    ids = np.arange(3)
    shop.day(0, make_orders(ids, buyer=3, sponsor=2, price_cents=1000, refund_tick=[-1, 1, -1]))
    shop.day(1)
    assert shop.ledger.earned_cents[2] == 400
    shop.market.advance(2)
    assert shop.programme.offer().reward_cents[0, 2] == 2000 * 0.4 + 400
    shop.day(2, make_orders([3], tick=2, buyer=3, sponsor=2))
    assert shop.ledger.earned_cents[2] == 0.4 * 4000


def test_the_day_s_refunds_report_what_a_re_rating_gives_back():
    shop = Shop(Tiered(tiers=((0, 0.1), (1, 0.4)), retroactive=True))
    shop.day(0, make_orders([0, 1], buyer=3, sponsor=2, price_cents=1000, refund_tick=[1, -1]))
    shop.market.advance(1)
    assert shop.programme.close_day().clawed_back_cents == 800 - 100


def test_who_is_credited_is_returned():
    shop = Shop(Percentage())
    orders = make_orders([0, 1], buyer=3, sponsor=[2, 4])
    shop.ledger.book_orders(orders)
    assert shop.programme.settle(orders).tolist() == [2, 4]


def test_geometric_levels_are_exact_to_the_cent():
    # B16: a x price times 1, 1.5 and 1.75 for one, two and three levels at ratio 1/2
    for levels, total in ((1, 1000), (2, 1500), (3, 1750)):
        shop = Shop(MultiLevel(rate=0.1, ratio=0.5, levels=levels), 5, sponsor_of=CHAIN)
        orders = make_orders([0], buyer=4, sponsor=3, price_cents=10_000)
        assert sum(amount for _, _, amount in paid(shop, orders)) == total
