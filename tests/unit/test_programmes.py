"""Programmes from the real world: what they pay, and how a policy names one."""

from __future__ import annotations

import numpy as np
import pytest

from sim import InputError, Policy, Scenario
from sim.model import WordOfMouthModel
from sim.scenario import Attribution
from sim.schemes import PROGRAMMES, TwoSided, check_jurisdiction, make_scheme
from tests.money_world import CHAIN, Shop, make_orders, paid

ALL = sorted(PROGRAMMES)


def scheme_of(name, **changes):
    return make_scheme(Policy(programme=name, **changes), f"policies.{name}")


def pays(name, price=2000, **order):
    """What one order of person 3, referred by 2 (by 1, by 0), pays: (order, person, cents)."""
    shop = Shop(scheme_of(name), 5, sponsor_of=CHAIN, prices=(price,))
    return paid(shop, make_orders([0], buyer=3, sponsor=2, price_cents=price, **order))


@pytest.mark.parametrize("name", ALL)
def test_a_programme_says_where_it_is_from_and_what_was_simplified(name):
    programme = PROGRAMMES[name]
    assert programme.name == name
    assert programme.source
    assert programme.note
    assert "Simplified" in programme.note
    assert Attribution(**programme.attribution)


def test_amazon_gives_the_friend_and_the_recommender_ten_percent():
    shop = Shop(scheme_of("amazon_2001"), 5, sponsor_of=CHAIN, prices=(1995,))
    orders = make_orders([0], buyer=3, sponsor=2, price_cents=1995)
    booked = shop.day(0, orders)
    assert booked.discount_cents.tolist() == [200]  # 10 % of 19.95, half a cent up
    assert shop.ledger.pending_cents[2] == 200
    assert PROGRAMMES["amazon_2001"].attribution["window_days"] == 7


def test_storage_stops_at_its_cap_of_sixteen_gigabytes():
    assert pays("storage_give_get") == [(0, 2, 100)]
    shop = Shop(scheme_of("storage_give_get"), 50, prices=(2000,))
    orders = make_orders(np.arange(40), buyer=np.arange(40) + 5, sponsor=2)
    assert len(paid(shop, orders)) == 32


def test_the_bank_pays_for_new_customers_only():
    assert pays("bank_cash_reward", price=9000) == [(0, 2, 2500)]
    assert pays("bank_cash_reward", price=9000, new_customer=False) == []


def test_two_levels_pay_ten_and_five_percent_and_are_allowed_in_china():
    assert pays("two_level_distribution") == [(0, 2, 200), (0, 1, 100)]
    check_jurisdiction(scheme_of("two_level_distribution"), "CN")


def test_a_team_of_two_gets_fifteen_percent_off_and_a_single_buyer_nothing():
    shop = Shop(scheme_of("team_of_two"), 5)
    orders = make_orders([0, 1, 2], buyer=[1, 2, 3], sponsor=[-1, 1, -1], team=[1, 1, 0])
    assert shop.day(0, orders).discount_cents.tolist() == [300, 300, 0]


def test_the_usual_affiliate_programme_holds_a_month_and_pays_monthly_from_fifty_on():
    shop = Shop(scheme_of("affiliate_standard"), 5, prices=(20_000,), is_member=False)
    orders = {
        tick: make_orders([buyer], tick=tick, buyer=buyer, sponsor=2, price_cents=20_000)
        for tick, buyer in ((0, 1), (20, 3))
    }
    approved, received = [], []
    for tick in range(92):
        shop.day(tick, orders.get(tick))
        approved.append(int(shop.ledger.approved_cents[2]))
        received.append(int(shop.ledger.paid_cents[2]))
    assert [approved[tick] for tick in (29, 31, 49, 51)] == [0, 4000, 4000, 8000]
    assert sorted(set(received)) == [0, 8000]  # never 40.00 alone
    assert 50 <= received.index(8000) <= 60


@pytest.mark.parametrize("price", [1, 19, 333, 2000, 99_999])
def test_the_balloon_pays_less_than_a_tenth_at_any_depth(price):
    people = 25
    shop = Shop(scheme_of("red_balloon"), people, sponsor_of=np.arange(people) - 1, prices=(price,))
    credits = paid(shop, make_orders([0], buyer=people - 1, sponsor=people - 2, price_cents=price))
    assert sum(cents for *_, cents in credits) < price / 10 + 0.5
    assert len(credits) <= 20


@pytest.mark.parametrize("name", ALL)
def test_a_programme_runs(name):
    scenario = Scenario(
        days=15,
        network={"kind": "watts_strogatz", "mean_degree": 8},
        population={"size": 200},
        campaign={"organic_visits": 0.1},
        attribution=PROGRAMMES[name].attribution,
        policies={"real": {"programme": name}},
    )
    model = WordOfMouthModel(scenario, policy="real")
    model.run()
    assert model.outcomes()["orders"] > 0


@pytest.mark.parametrize("name", ALL)
def test_naming_a_programme_is_writing_its_policy(name):
    resolved = scheme_of(name).as_policy()
    assert resolved == make_scheme(PROGRAMMES[name].policy, "written").as_policy()
    assert resolved.scheme == PROGRAMMES[name].policy.scheme
    assert "programme" not in resolved.parameters


def test_what_is_written_beside_a_programme_replaces_its_terms():
    scheme = scheme_of("amazon_2001", get_rate=0.2, budget=100)
    assert (scheme.get_rate, scheme.give_rate, scheme.budget) == (0.2, 0.1, 100)


def test_a_scenario_with_a_programme_is_the_same_after_saving():
    scenario = Scenario(policies={"real": {"programme": "red_balloon", "levels": 3}})
    again = Scenario.from_table(scenario.to_table())
    assert again.policies == scenario.policies
    assert make_scheme(again.policies["real"], "real").levels == 3


def test_a_programme_can_be_a_part():
    parts = [{"programme": "red_balloon"}, {"scheme": "recipient_only", "give": 1.0}]
    scheme = make_scheme(Policy(scheme="combined", parts=parts), "policies.both")
    assert [part.name for part in scheme.parts] == ["multi_level", "recipient_only"]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"programme": "amazon"}, r"policies.x.programme = 'amazon' .* mean 'amazon_2001'"),
        ({"programme": 2001}, r"policies.x.programme = 2001 is not known"),
        ({"programme": ["amazon_2001"]}, r"policies.x.programme = \['amazon_2001'\] is not known"),
        ({"programme": "red_balloon", "scheme": "percentage"}, "leave out one of the two"),
        ({"programme": "red_balloon", "levls": 3}, "unknown key 'levls'; did you mean 'levels'"),
        ({"programme": "red_balloon", "rate": 1.5}, r"policies.x.rate = 1.5 .* 0 to 1"),
    ],
)
def test_a_wrong_programme_is_refused(policy, message):
    with pytest.raises(InputError, match=message):
        make_scheme(Policy(**policy), "policies.x")


# Shares of the list price on both sides --------------------------------------------------------


def test_two_sided_adds_amounts_and_shares_of_the_list_price():
    scheme = TwoSided(give=1, give_rate=0.1, get=2, get_rate=0.05)
    shop = Shop(scheme, 5, prices=(2000, 300), costs=(0, 0))
    offer = shop.programme.offer()
    assert offer.friend_cents.tolist() == [300, 130]
    assert offer.reward_cents.tolist() == [300, 215]
    orders = make_orders([0, 1], buyer=[3, 4], sponsor=2, product=[0, 1], price_cents=[2000, 300])
    assert paid(shop, orders) == [(0, 2, 300), (1, 2, 215)]
    assert shop.programme.discounts_granted_cents == 430


def test_a_two_sided_discount_stops_at_the_price():
    shop = Shop(TwoSided(give=5, give_rate=1.0, get=1), prices=(700,))
    assert shop.programme.offer().friend_cents.tolist() == [700]
