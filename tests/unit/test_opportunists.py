"""People who play the rules: what they choose is what pays most, and asking changes nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.credits import MONTH
from sim.incentives import (
    Combined,
    FixedBounty,
    MultiLevel,
    Percentage,
    RecipientOnly,
    Scheme,
    Tiered,
    TwoSided,
)
from sim.opportunists import (
    MOST_IDENTITIES,
    draw_opportunists,
)
from sim.orders import FAKE_IDENTITY, GENUINE, PHANTOM, RING, Orders
from sim.schemes import Lottery
from tests.money_world import CHAIN, Shop, make_orders
from tests.opportunists_scene import ALWAYS, habitual, scenario_of, scene

# Who they are --------------------------------------------------------------------------------


def test_the_share_of_people_is_met():
    size, share = 20_000, 0.3
    players = draw_opportunists(scenario_of(opportunists=share), size, seed=4)
    z = (players.sum() - size * share) / math.sqrt(size * share * (1 - share))
    assert abs(z) < 5
    assert draw_opportunists(scenario_of(opportunists=1.0), 100, 4).all()
    assert not draw_opportunists(scenario_of(opportunists=0.0), 100, 4).any()


def test_who_is_one_depends_on_the_seed_and_the_person_alone():
    scenario = scenario_of(opportunists=0.4)
    large = draw_opportunists(scenario, 1000, seed=4)
    assert (draw_opportunists(scenario, 300, seed=4) == large[:300]).all()
    assert (draw_opportunists(scenario, 1000, seed=5) != large).any()
    more = draw_opportunists(scenario_of(opportunists=0.5), 1000, seed=4)
    assert (more | ~large).all()


def test_without_opportunists_or_a_programme_the_orders_themselves_come_back():
    orders = habitual()
    assert scene(FixedBounty(), players=False).play(orders) is orders
    assert scene(FixedBounty(start_day=3)).play(orders) is orders


# Orders made anyway ----------------------------------------------------------------------------


@pytest.mark.parametrize(("cost", "fakes"), [(4.99, 1), (5.0, 0), (5.01, 0), (0.0, 1)])
def test_an_invented_identity_is_used_when_it_brings_more_than_it_costs(cost, fakes):
    orders = scene(FixedBounty(amount=5), identity_cost=cost).play(habitual())
    assert orders.fakes.tolist() == [fakes]
    assert orders.sponsor.tolist() == [2 if fakes else -1]
    assert orders.fraud.tolist() == [FAKE_IDENTITY if fakes else GENUINE]
    assert orders.buyer.tolist() == [2]


def test_what_an_opportunist_counts_on_is_paid_to_her():
    place = scene(FixedBounty(amount=5), identity_cost=1.0)
    place.run(0, habitual())
    assert place.shop.ledger.earned_cents[2] == 500


def test_others_order_as_they_always_do():
    place = scene(FixedBounty(), players=[0, 0, 1, 0, 0])
    orders = place.play(habitual([0, 1], buyer=[1, 2], sponsor=[4, -1], channel=[1, 0]))
    assert orders.sponsor.tolist() == [4, 2]
    assert orders.channel.tolist() == [1, 0]
    assert orders.fraud.tolist() == [GENUINE, FAKE_IDENTITY]


@pytest.mark.parametrize(("check", "fakes"), [(0.0, 1), (0.79, 1), (0.8, 0), (1.0, 0)])
def test_the_chance_of_being_caught_is_reckoned_with(check, fakes):
    place = scene(FixedBounty(amount=5, similarity_check=check), identity_cost=1.0)
    assert place.play(habitual()).fakes.tolist() == [fakes]


@pytest.mark.parametrize(("cost", "fakes"), [(0.99, 3), (1.0, 2), (1.5, 2), (2.0, 1), (4.0, 0)])
def test_as_many_identities_as_pay(cost, fakes):
    scheme = MultiLevel(rates=(0.2, 0.1, 0.05))  # 4, 2 and 1 of 20
    assert scene(scheme, identity_cost=cost).play(habitual()).fakes.tolist() == [fakes]


def test_there_is_a_limit_to_names():
    place = scene(MultiLevel(rates=(0.1,) * 8), identity_cost=0.01)
    assert place.play(habitual()).fakes.tolist() == [MOST_IDENTITIES]


def test_real_sponsors_get_the_levels_above_the_names():
    place = scene(MultiLevel(rates=(0.2, 0.1, 0.05)), shop={"sponsor_of": CHAIN}, identity_cost=1.0)
    place.run(0, habitual(buyer=3))
    assert place.shop.ledger.earned_cents.tolist() == [0, 0, 100, 600, 0]


@pytest.mark.parametrize(("sponsor", "fakes"), [(-1, 1), (1, 0)])
def test_a_discount_she_has_anyway_is_no_gain(sponsor, fakes):
    place = scene(RecipientOnly(give=5), identity_cost=1.0)
    orders = place.play(habitual(sponsor=sponsor))
    assert orders.fakes.tolist() == [fakes]
    assert orders.sponsor.tolist() == [2 if fakes else sponsor]


def test_a_false_name_makes_a_new_customer():
    place = scene(TwoSided(give=3, get=2, first_order_only=True), identity_cost=1.0)
    booked = place.run(0, habitual())
    assert booked.discount_cents.tolist() == [300]
    assert booked.new_customer.tolist() == [False]
    assert place.shop.ledger.earned_cents[2] == 200


def test_on_her_first_order_she_has_no_link_unless_everybody_has():
    orders = habitual(new_customer=True)
    assert scene(FixedBounty()).play(orders).fraud.tolist() == [GENUINE]
    anybody = scene(FixedBounty(customers_only=False))
    assert anybody.play(orders).fraud.tolist() == [FAKE_IDENTITY]


def test_who_left_has_no_link():
    place = scene(FixedBounty(), shop={"is_member": [1, 1, 0, 1, 1]})
    assert place.play(habitual()).fraud.tolist() == [GENUINE]


def test_a_place_in_a_team_is_not_given_to_somebody_invented():
    assert scene(FixedBounty()).play(habitual(team=1)).fraud.tolist() == [GENUINE]


@pytest.mark.parametrize("limit", [{"budget": 12}, {"cap_per_person": 12}])
def test_what_limits_leave_is_reckoned_with(limit):
    place = scene(FixedBounty(amount=5, **limit), identity_cost=2.5)
    fakes = [place.run(day, habitual(order_id=[day], tick=day)).fakes[0] for day in range(4)]
    assert fakes == [1, 1, 0, 0]  # the third would have brought 2


def test_the_tier_she_has_reached_is_reckoned_with():
    place = scene(Tiered(tiers=((0, 0.05), (2, 0.5))), identity_cost=2.0)
    assert place.play(habitual()).fakes.tolist() == [0]
    for day in range(2):
        place.shop.day(day, make_orders([day], tick=day, buyer=4, sponsor=2))
    assert place.play(habitual([2], tick=2), 2).fakes.tolist() == [1]


@pytest.mark.parametrize("winner", ["sharer", "friend"])
@pytest.mark.parametrize(("cost", "fakes"), [(1.99, 1), (2.0, 0)])
def test_nobody_knows_what_a_lottery_will_draw(winner, cost, fakes):
    lottery = Lottery(prizes=((10.0, 0.2),), expected=2.0, winner=winner)
    place = scene(lottery, size=50, identity_cost=cost)
    orders = place.play(habitual(np.arange(50), buyer=np.arange(50)))
    assert set(orders.fakes.tolist()) == {fakes}


# Rings -----------------------------------------------------------------------------------------


def test_a_ring_credits_a_fellow_and_costs_no_name():
    place = scene(FixedBounty(amount=5), ties=[(2, 4)], identity_cost=100.0)
    booked = place.run(0, habitual())
    assert booked.fraud.tolist() == [RING]
    assert booked.fakes.tolist() == [0]
    assert booked.sponsor.tolist() == [4]
    assert place.shop.ledger.earned_cents.tolist() == [0, 0, 0, 0, 500]


@pytest.mark.parametrize(
    ("cost", "fraud"), [(2.49, FAKE_IDENTITY), (2.5, FAKE_IDENTITY), (2.51, RING)]
)
def test_half_with_a_fellow_or_all_with_a_name(cost, fraud):
    place = scene(FixedBounty(amount=5), ties=[(2, 4)], identity_cost=cost)
    assert place.play(habitual()).fraud.tolist() == [fraud]


def test_no_check_for_names_catches_a_ring():
    place = scene(FixedBounty(similarity_check=1.0), ties=[(2, 4)], identity_cost=0.0)
    assert place.play(habitual()).fraud.tolist() == [RING]


@pytest.mark.parametrize(
    "changed",
    [
        {"ties": [(2, 3)], "players": [0, 0, 1, 0, 1]},  # her friend is honest
        {"ties": [(3, 4)]},  # nobody is a friend
        {"shop": {"is_member": [1, 1, 1, 1, 0]}},  # the friend cannot earn
        {"attribution": {"existing_customers": False}},
        {"scheme": FixedBounty(first_order_only=True)},
        {"scheme": Combined(parts=({"scheme": "fixed_bounty", "first_order_only": True},))},
    ],
    ids=[
        "honest friend",
        "no friend",
        "no member",
        "not credited",
        "first only",
        "part first only",
    ],
)
def test_without_a_fellow_or_pay_there_is_no_ring(changed):
    settings = {"scheme": FixedBounty(), "ties": [(2, 4)], "identity_cost": 100.0, **changed}
    scheme = settings.pop("scheme")
    assert scene(scheme, **settings).play(habitual()).fraud.tolist() == [GENUINE]


def test_of_several_friends_one_who_can_earn_is_the_fellow():
    size = 12
    place = scene(
        FixedBounty(), size=size, ties=[(2, j) for j in range(size) if j != 2],
        identity_cost=100.0, shop={"is_member": np.isin(np.arange(size), [2, 7])},
    )  # fmt: skip
    assert place.play(habitual()).sponsor.tolist() == [7]


def test_an_order_through_a_fellow_stays_what_it_is():
    place = scene(FixedBounty(), ties=[(2, 4)], identity_cost=100.0)
    orders = place.play(habitual(sponsor=4, channel=1))
    assert orders.fraud.tolist() == [GENUINE]
    assert orders.channel.tolist() == [1]


def test_the_fellow_is_the_same_on_all_days_and_not_always_the_first():
    size = 60
    ties = [(i, j) for i in range(size) for j in range(i)]
    place = scene(FixedBounty(), size=size, ties=ties, identity_cost=100.0)
    people = np.arange(size)
    first = place.play(habitual(people, buyer=people)).sponsor
    second = place.play(habitual(people + size, buyer=people, tick=1), 1).sponsor
    assert (first == second).all()
    assert (first != people).all()
    assert len(set(first.tolist())) > size / 3


# Phantoms --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "refund_days", "expected"),
    [
        ({"hold_days": 3, "clawback": False}, 14, True),
        ({"hold_days": 13, "clawback": False}, 14, True),
        ({"hold_days": 14, "clawback": False}, 14, False),
        ({"hold_days": 3, "clawback": True}, 14, False),
        ({"hold_days": 3, "clawback": False}, 0, False),
        ({"hold_days": 3, "clawback": False, "payout_every_days": 11}, 14, True),
        ({"hold_days": 3, "clawback": False, "payout_every_days": 12}, 14, False),
        ({"hold_days": 3, "clawback": False, "minimum_payout": 5.01}, 14, False),
        ({"hold_days": 3, "clawback": False, "minimum_payout": 5.00}, 14, True),
    ],
)
def test_goods_are_sent_back_where_the_commission_is_out_before(terms, refund_days, expected):
    place = scene(
        FixedBounty(amount=5, **terms), players=[0, 0, 1, 0, 0], resale=0.0,
        opportunist_rate=ALWAYS, refund_days=refund_days,
    )  # fmt: skip
    orders = place.run(0, habitual([6], buyer=1))
    assert orders.fraud.tolist() == [GENUINE] + [PHANTOM] * expected
    if not expected:
        return
    assert orders.order_id.tolist() == [6, 7]
    assert orders.buyer[1] == orders.sponsor[1] == 2
    assert orders.refund_tick.tolist() == [-1, 14]
    assert not orders.new_customer[1]
    for tick in range(1, 20):
        place.shop.day(tick)
    assert place.shop.ledger.paid_cents[2] == 500
    assert place.shop.ledger.totals()["refunds"] == 2000


@pytest.mark.parametrize(("resale", "expected"), [(0.7, False), (0.71, True), (1.0, True)])
def test_goods_are_sold_on_where_the_loss_is_below_what_the_programme_pays(resale, expected):
    # 4 and 3 for a price of 20, less 1 for the name: the loss may be up to 6.
    place = scene(
        TwoSided(give=3, get=4), players=[0, 0, 1, 0, 0], resale=resale, opportunist_rate=ALWAYS,
    )  # fmt: skip
    booked = place.run(0, habitual(buyer=1))
    assert booked.fraud.tolist() == [GENUINE] + [PHANTOM] * expected
    if expected:
        assert booked.refund_tick.tolist() == [-1, -1]
        assert booked.discount_cents.tolist() == [0, 300]
        assert place.shop.ledger.earned_cents[2] == 400


def test_the_product_that_pays_most_is_bought():
    place = scene(Percentage(rate=0.5), prices=(10, 40, 20), resale=0.9, opportunist_rate=ALWAYS)
    orders = place.play(habitual(order_id=[], buyer=[]))
    assert set(orders.product.tolist()) == {1}
    assert set(orders.fraud.tolist()) == {PHANTOM}


def test_ids_follow_those_booked_before_on_a_day_without_orders():
    place = scene(Percentage(rate=0.5), resale=0.9, opportunist_rate=ALWAYS)
    first = place.run(0, habitual([3], buyer=1))
    second = place.run(1, habitual(order_id=[], buyer=[]))
    assert second.order_id.min() == first.order_id.max() + 1


def test_attempts_come_at_their_rate():
    size, rate, days = 500, 0.2, 20
    place = scene(Percentage(rate=0.5), size=size, resale=0.9, opportunist_rate=rate)
    nothing = habitual(order_id=[], buyer=[])
    attempts = [len(place.play(nothing, day).order_id) for day in range(days)]
    trials, chance = size * days, 1 - math.exp(-rate)
    z = (sum(attempts) - trials * chance) / math.sqrt(trials * chance * (1 - chance))
    assert abs(z) < 5
    assert len(set(attempts)) > 1


# Laws --------------------------------------------------------------------------------------------

SCHEMES = st.one_of(
    st.builds(FixedBounty, amount=st.integers(0, 8)),
    st.builds(Percentage, rate=st.sampled_from([0.05, 0.2, 0.6]), minimum_order=st.just(15)),
    st.builds(
        TwoSided, give=st.integers(0, 6), get=st.integers(0, 6), first_order_only=st.booleans(),
        minimum_order=st.sampled_from([0, 16]),
    ),
    st.builds(
        MultiLevel, rate=st.sampled_from([0.1, 0.3]), ratio=st.sampled_from([0.3, 0.5, 1.0]),
        levels=st.integers(1, 7), cap_per_person=st.sampled_from([None, 5, 9]),
    ),
    st.builds(
        Combined,
        parts=st.just(
            (
                {"scheme": "multi_level", "levels": 3, "rate": 0.2},
                {"scheme": "two_sided", "give": 2.0, "get": 1.0, "first_order_only": True},
            )
        ),
        budget=st.sampled_from([None, 8]),
    ),
)  # fmt: skip


def net_gain(scheme: Scheme, guise: Orders, cost_cents: int) -> float:
    """What one order brings person 2, settled for real in a shop of its own."""
    shop = Shop(scheme, 5, sponsor_of=CHAIN, prices=(2000,), costs=(0,))
    booked = shop.day(0, guise)
    commission = shop.ledger.earned_cents[guise.sponsor[0]] if guise.fraud[0] else 0
    share = 0.5 if guise.fraud[0] == RING else 1.0
    discount = int(booked.discount_cents[0])
    return share * commission + discount - int(guise.fakes[0]) * cost_cents


@given(scheme=SCHEMES, cost=st.integers(0, 600), sponsor=st.sampled_from([-1, 1]))
def test_nothing_else_would_have_brought_more(scheme, cost, sponsor):
    place = scene(scheme, ties=[(2, 4)], identity_cost=cost / 100, shop={"sponsor_of": CHAIN})
    order = habitual(sponsor=sponsor)
    chosen = place.play(order)
    names = [
        order._replace(
            sponsor=np.array([2], np.int32), fakes=np.array([k], np.int8),
            fraud=np.array([FAKE_IDENTITY], np.uint8),
        )
        for k in range(1, MOST_IDENTITIES + 1)
    ]  # fmt: skip
    ring = order._replace(sponsor=np.array([4], np.int32), fraud=np.array([RING], np.uint8))
    most = max(net_gain(scheme, guise, cost) for guise in [order, *names, ring])
    assert net_gain(scheme, chosen, cost) == most


@given(scheme=SCHEMES, tick=st.sampled_from([1, 31]))
def test_asking_changes_nothing(scheme, tick):
    """Two programmes, one asked on every day, pay the same orders alike."""
    asked = scene(
        scheme, ties=[(2, 4)], shop={"sponsor_of": CHAIN}, identity_cost=0.5, resale=0.9,
        opportunist_rate=ALWAYS,
    )  # fmt: skip
    silent = Shop(scheme, 5, sponsor_of=CHAIN, prices=(2000,), costs=(0,))
    for day, first in ((0, 0), (tick, 3)):
        orders = make_orders(
            [first, first + 1, first + 2], tick=day, buyer=[3, 1, 4], sponsor=[2, 2, 3]
        )
        asked.play(orders, day)
        asked.shop.day(day, orders)
        silent.day(day, orders)
    assert asked.shop.ledger.entries().equals(silent.ledger.entries())
    assert asked.shop.programme.spent_cents == silent.programme.spent_cents


def test_the_record_of_credited_orders_is_left_to_the_programme_when_a_month_begins():
    place = scene(FixedBounty(), identity_cost=0.1)
    place.run(0, habitual())
    history = place.shop.programme.whole.market.history
    counts = history.counts(MONTH).copy()
    assert counts.any()
    place.play(habitual([1], tick=31), 31)
    assert history.month == 0
    assert (history.counts(MONTH) == counts).all()


def test_the_order_of_the_rows_does_not_matter():
    size = 30
    ties = [(i, (i + 1) % size) for i in range(size)]
    people = np.arange(size)
    orders = habitual(people, buyer=people, sponsor=np.where(people % 3, -1, (people + 5) % size))
    turned = orders.take(people[::-1])
    half = people % 2 == 0
    settings = {"size": size, "players": half, "ties": ties, "identity_cost": 1.0}
    one = scene(Percentage(rate=0.2, budget=20), **settings).play(orders)
    other = scene(Percentage(rate=0.2, budget=20), **settings).play(turned)
    assert all((a == b[::-1]).all() for a, b in zip(one, other, strict=True))
    assert (one.fraud != GENUINE).any()
