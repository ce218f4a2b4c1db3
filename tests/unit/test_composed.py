"""Schemes made of schemes: who decides an order, whose terms hold, what people are told."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import InputError
from sim.incentives import (
    ByCondition,
    Combined,
    FixedBounty,
    MultiLevel,
    Percentage,
    RecipientOnly,
    Tiered,
    TwoSided,
    make_scheme,
)
from sim.population import NEVER
from sim.scenario import Policy
from sim.schemes.conditions import Condition, Subject
from tests.money_world import CHAIN, Shop, make_orders, paid


def bounty(amount, **terms):
    return {"scheme": "fixed_bounty", "amount": amount, **terms}


def by_condition(*cases, otherwise=None, **fields):
    written = [{"when": when, **scheme} for when, scheme in cases]
    rest = {} if otherwise is None else {"otherwise": otherwise}
    return ByCondition(cases=written, **rest, **fields)


def read(**written):
    return make_scheme(Policy(**written), "policies.mine")


# Combined --------------------------------------------------------------------------------------


def test_every_part_pays_on_every_order():
    scheme = Combined(parts=[bounty(2.0), {"scheme": "percentage", "rate": 0.1}])
    shop = Shop(scheme)
    assert paid(shop, make_orders([0], buyer=1, sponsor=2)) == [(0, 2, 200), (0, 2, 200)]
    assert shop.programme.commissions_accrued_cents == 400


def test_each_part_keeps_its_own_budget_and_the_whole_has_one_too():
    parts = [bounty(2.0, budget=3.0), bounty(1.0)]
    orders = make_orders([0, 1, 2], buyer=[1, 3, 4], sponsor=2)
    assert paid(Shop(Combined(parts=parts)), orders) == [
        (0, 2, 200), (0, 2, 100), (1, 2, 100), (1, 2, 100), (2, 2, 100),
    ]  # fmt: skip
    assert paid(Shop(Combined(parts=parts, budget=4.5)), orders) == [
        (0, 2, 200), (0, 2, 100), (1, 2, 100), (1, 2, 50),
    ]  # fmt: skip


def test_the_cap_of_the_whole_counts_all_parts():
    shop = Shop(Combined(parts=[bounty(2.0), bounty(1.0)], cap_per_person=4.0))
    orders = make_orders([0, 1], buyer=[1, 3], sponsor=2)
    assert sum(cents for _, _, cents in paid(shop, orders)) == 400
    assert shop.ledger.capped_cents[2] == 200


def test_a_part_has_its_own_dates_and_minimum():
    parts = [bounty(2.0, end_day=1), bounty(1.0, minimum_order=25.0), bounty(0.5)]
    shop = Shop(Combined(parts=parts))
    assert paid(shop, make_orders([0], buyer=1, sponsor=2)) == [(0, 2, 200), (0, 2, 50)]
    shop.market.advance(1)
    late = paid(shop, make_orders([1], tick=1, buyer=3, sponsor=2, price_cents=2500))
    assert late[2:] == [(1, 2, 100), (1, 2, 50)]


def test_tiers_in_a_combination_count_only_what_they_gave():
    tiers = {"scheme": "tiered", "tiers": ((0, 0.0), (1, 0.5)), "retroactive": True}
    alone = Shop(Tiered(tiers=((0, 0.0), (1, 0.5)), retroactive=True))
    shop = Shop(Combined(parts=[bounty(3.0), tiers]))
    for tick in range(3):
        orders = make_orders([tick], tick=tick, buyer=1, sponsor=2)
        alone.day(tick, orders)
        shop.day(tick, orders)
    assert shop.ledger.earned_cents[2] == alone.ledger.earned_cents[2] + 3 * 300


def test_a_refund_takes_back_what_every_part_gave():
    shop = Shop(Combined(parts=[bounty(3.0), {"scheme": "multi_level"}]), sponsor_of=[-1] * 10)
    shop.day(0, make_orders([0], buyer=1, sponsor=2, refund_tick=2))
    assert shop.ledger.earned_cents[2] == 500
    shop.day(1)
    shop.day(2)
    assert shop.ledger.earned_cents[2] == 0
    shop.ledger.reconcile()


def test_offers_add_up():
    scheme = Combined(parts=[bounty(3.0), {"scheme": "two_sided", "give": 4.0, "get": 1.0}])
    told = Shop(scheme).programme.offer()
    assert told.reward_cents.tolist() == [400.0]
    assert told.friend_cents.tolist() == [400]


def test_discounts_add_up_to_at_most_the_price():
    gifts = [{"scheme": "recipient_only", "give": 15.0}] * 2
    shop = Shop(Combined(parts=gifts))
    orders = shop.day(0, make_orders([0], buyer=1, sponsor=2))
    assert orders.discount_cents.tolist() == [2000]


def test_combinations_nest():
    inner = {"scheme": "combined", "parts": [bounty(1.0), bounty(2.0)], "cap_per_person": 2.5}
    shop = Shop(Combined(parts=[inner, bounty(4.0)]))
    got = paid(shop, make_orders([0], buyer=1, sponsor=2))
    assert [cents for _, _, cents in got] == [100, 150, 400]


def test_levels_and_jurisdictions_see_the_deepest_part():
    scheme = Combined(parts=[bounty(1.0), {"scheme": "multi_level", "levels": 4}])
    assert scheme.paid_levels == 4
    shop = Shop(scheme, 5, sponsor_of=CHAIN)
    got = paid(shop, make_orders([0], buyer=4, sponsor=3))
    assert [recipient for _, recipient, _ in got] == [3, 3, 2, 1, 0]


def test_direct_calls_give_what_the_programme_pays():
    scheme = Combined(parts=[bounty(2.0), {"scheme": "multi_level"}])
    shop = Shop(scheme, 5, sponsor_of=CHAIN)
    orders = make_orders([0, 1], buyer=[4, 2], sponsor=[3, 1])
    credits = scheme.settle(orders, shop.market)
    direct = [(int(o), int(r), int(c)) for o, r, c, _ in zip(*credits, strict=True)]
    assert sorted(direct) == sorted(paid(shop, orders))


# By condition ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "columns", "holds"),
    [
        ({"new_customer": True}, {"new_customer": True}, True),
        ({"new_customer": True}, {"new_customer": False}, False),
        ({"new_customer": True}, {"new_customer": False, "fakes": 1}, True),
        ({"amount_from": 20.0}, {"price_cents": 2000}, True),
        ({"amount_from": 20.0}, {"price_cents": 2000, "discount_cents": 1}, True),
        ({"amount_to": 20.0}, {"price_cents": 2000}, False),
        ({"amount_to": 20.01}, {"price_cents": 2000}, True),
        ({"products": ["shoes"]}, {"product": 1}, True),
        ({"products": ["shoes"]}, {"product": 0}, False),
        ({"categories": ["general"]}, {"product": 1}, True),
        ({"customer_segments": ["students"]}, {"buyer": 1}, True),
        ({"customer_segments": ["students"]}, {"buyer": 3}, False),
        ({"customer_segments": ["students"]}, {"buyer": 4}, False),
        ({"sharer_segments": ["families"]}, {"sponsor": 3}, True),
        ({"sharer_segments": ["families"]}, {"sponsor": 1}, False),
        ({"sharer_friends_from": 5}, {"sponsor": 3}, True),
        ({"sharer_friends_to": 5}, {"sponsor": 3}, False),
        ({"sharer_days_from": 10}, {"sponsor": 3}, True),
        ({"sharer_days_to": 10}, {"sponsor": 1}, True),
        ({"customer_days_to": 1}, {"buyer": 4}, True),
        ({"customer_days_from": 1}, {"buyer": 4}, False),
        ({"sharer_orders_to": 1}, {"sponsor": 3}, True),
        ({"sharer_orders_from": 1}, {"sponsor": 3}, False),
    ],
)  # fmt: skip
def test_a_case_holds_where_everything_it_asks_does(when, columns, holds):
    people = {
        "segment_of": np.array([-1, 0, 0, 1, -1], np.int16),
        "friends": np.array([0, 1, 2, 9, 0]),
        "joined": np.array([0, -5, -5, -20, NEVER], np.int32),
    }
    shop = Shop(
        by_condition((when, bounty(7.0)), otherwise=bounty(1.0)), 5, prices=(2000, 3000),
        costs=(1, 1), products=("hats", "shoes"), segments=("students", "families"), people=people,
    )  # fmt: skip
    orders = make_orders([0], **{"buyer": 0, "sponsor": 2, "tick": 0, **columns})
    credits = shop.programme.whole.credit(orders, np.ones(1, bool))
    assert credits.cents.tolist() == [700 if holds else 100]


def test_orders_of_the_sharer_are_counted_by_the_whole():
    when = {"sharer_orders_from": 1}
    shop = Shop(by_condition((when, bounty(7.0)), otherwise=bounty(1.0)))
    got = []
    for tick in range(3):
        shop.day(tick, make_orders([tick], tick=tick, buyer=1, sponsor=2))
        got.append(int(shop.ledger.earned_cents[2]))
    assert got == [100, 800, 1500]


def test_the_first_case_decides():
    cases = [({"amount_from": 10.0}, bounty(3.0)), ({"new_customer": True}, bounty(7.0))]
    shop = Shop(by_condition(*cases, precedence="first"))
    assert paid(shop, make_orders([0], buyer=1, sponsor=2)) == [(0, 2, 300)]


def test_the_most_specific_case_decides():
    cases = [
        ({"amount_from": 10.0}, bounty(3.0)),
        ({"new_customer": True, "amount_from": 10.0}, bounty(7.0)),
    ]
    shop = Shop(by_condition(*cases, precedence="most_specific"))
    orders = make_orders([0, 1], buyer=[1, 3], sponsor=2, new_customer=[True, False])
    assert paid(shop, orders) == [(0, 2, 700), (1, 2, 300)]


def test_where_no_case_holds_nothing_is_paid_unless_otherwise_says_so():
    shop = Shop(by_condition(({"amount_from": 1000.0}, bounty(3.0))))
    assert paid(shop, make_orders([0], buyer=1, sponsor=2)) == []


def test_people_are_told_what_their_own_case_gives():
    people = {"segment_of": np.array([0, 1, -1], np.int16)}
    scheme = by_condition(
        ({"sharer_segments": ["stars"]}, bounty(9.0)),
        ({"sharer_segments": ["fans"]}, {"scheme": "two_sided", "give": 2.0, "get": 4.0}),
    )
    shop = Shop(scheme, 3, people=people, segments=("stars", "fans"))
    told = shop.programme.offer()
    assert told.reward_cents.tolist() == [[900.0, 400.0, 0.0]]
    assert told.friend_cents.tolist() == [200]


def test_people_are_told_of_products_apart():
    scheme = by_condition(({"products": ["shoes"]}, {"scheme": "percentage", "rate": 0.5}))
    shop = Shop(scheme, 4, prices=(2000, 3000), costs=(1, 1), products=("hats", "shoes"))
    assert shop.programme.offer().reward_cents.tolist() == [0.0, 1500.0]


def test_the_rows_of_orders_come_back_in_their_places():
    scheme = by_condition(({"new_customer": True}, bounty(3.0)), otherwise=bounty(1.0))
    new = [True, False, True, False]
    orders = make_orders([4, 5, 6, 7], buyer=[1, 3, 4, 5], sponsor=2, new_customer=new)
    assert paid(Shop(scheme), orders) == [(4, 2, 300), (5, 2, 100), (6, 2, 300), (7, 2, 100)]


# What is written wrongly -----------------------------------------------------------------------

OVERLAP = [
    {"when": {"new_customer": True}, **bounty(1.0)},
    {"when": {"amount_from": 5.0}, **bounty(2.0)},
]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"scheme": "combined", "parts": []}, "at least one scheme"),
        ({"scheme": "combined", "parts": [3]}, r"parts\.0 must be a table with scheme"),
        ({"scheme": "combined", "parts": [bounty(1.0, hold_days=3)]},
         r"parts\.0\.hold_days is decided for the whole"),
        ({"scheme": "combined", "parts": [{"scheme": "percentage", "rate": 2}]},
         r"policies\.mine\.parts\.0\.rate = 2 is not allowed.*0 to 1"),
        ({"scheme": "combined", "parts": [{"scheme": "tired"}]}, "did you mean 'tiered'"),
        ({"scheme": "by_condition", "cases": OVERLAP}, "cases 0 and 1 can hold .* no precedence"),
        ({"scheme": "by_condition", "cases": OVERLAP, "precedence": "most_specific"},
         "equally specific"),
        ({"scheme": "by_condition", "cases": [{"when": {"amout_from": 5.0}, **bounty(2.0)}]},
         "did you mean 'amount_from'"),
        ({"scheme": "by_condition", "cases": [bounty(2.0)]}, r"cases\.0 must be a table with when"),
        ({"scheme": "by_condition", "cases": [{"when": {"new_customer": True}}]},
         r"cases\.0 has no scheme; add scheme"),
        ({"scheme": "by_condition",
          "cases": [{"when": {"amount_from": 5.0, "amount_to": 5.0}, **bounty(2.0)}]},
         "no order would meet it"),
        ({"scheme": "by_condition", "cases": [{"when": {"amount_from": 0.005}, **bounty(2.0)}]},
         "whole number of cents"),
    ],
)  # fmt: skip
def test_what_is_written_wrongly_is_named(written, message):
    with pytest.raises(InputError, match=message):
        read(**written)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"products": ["shoe"]}, r"cases\.0\.when\.products = 'shoe' .* did you mean 'shoes'"),
        ({"sharer_segments": ["fans"]}, r"sharer_segments = 'fans' is not among the segment"),
    ],
)
def test_names_that_the_scenario_lacks_are_refused(when, message):
    with pytest.raises(InputError, match=message):
        Shop(by_condition((when, bounty(1.0))), prices=(1, 2), costs=(0, 0),
             products=("hats", "shoes"))  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ({"amount_to": 5.0}, {"amount_from": 5.0}, False),
        ({"amount_to": 5.01}, {"amount_from": 5.0}, True),
        ({"new_customer": True}, {"new_customer": False}, False),
        ({"products": ["a", "b"]}, {"products": ["b"]}, True),
        ({"products": ["a"]}, {"products": ["b"]}, False),
        ({"products": ["a"]}, {"categories": ["b"]}, True),
        ({"sharer_segments": ["a"], "amount_from": 3.0}, {"sharer_segments": ["b"]}, False),
    ],
)
def test_conditions_that_exclude_each_other_need_no_precedence(one, other, overlap):
    written = [{"when": one, **bounty(1.0)}, {"when": other, **bounty(2.0)}]
    if overlap:
        with pytest.raises(InputError, match="precedence"):
            read(scheme="by_condition", cases=written)
    else:
        assert len(read(scheme="by_condition", cases=written).components) == 3


@pytest.mark.parametrize(
    "scheme",
    [
        Combined(),
        ByCondition(),
        Combined(parts=[Percentage(rate=0.2), TwoSided(budget=40.0)], cap_per_person=9.0),
        by_condition(
            ({"new_customer": True}, {"scheme": "combined", "parts": [bounty(1.0)]}),
            otherwise={"scheme": "multi_level", "rates": [0.1, 0.05]},
        ),
    ],
)
def test_a_composed_scheme_is_written_and_read_back(scheme):
    assert make_scheme(scheme.as_policy(), "x") == scheme


def test_schemes_can_be_given_as_they_are():
    scheme = Combined(parts=[FixedBounty(amount=2.0), MultiLevel(), RecipientOnly()])
    assert [part.name for part in scheme.components] == [
        "fixed_bounty", "multi_level", "recipient_only",
    ]  # fmt: skip


def test_one_case_decides_both_sides_of_an_order():
    # 5.00 off must not take the order below the amount that its own case asks for.
    give_get = {"scheme": "two_sided", "give": 5.0, "get": 5.0}
    scheme = by_condition(({"amount_from": 30.0}, give_get), otherwise=bounty(1.0))
    shop = Shop(scheme, prices=(3200,), costs=(1,))
    orders = shop.day(0, make_orders([0], buyer=1, sponsor=2, price_cents=3200))
    assert orders.discount_cents.tolist() == [500]
    assert shop.ledger.earned_cents[2] == 500


def test_nobody_is_no_sharer_with_friends():
    people = {"friends": np.array([0, 0, 0, 0, 9])}
    scheme = by_condition(({"sharer_friends_from": 5}, bounty(1.0)))
    shop = Shop(scheme, 5, people=people)
    when = scheme.cases[0].when
    orders = make_orders([0, 1], buyer=1, sponsor=[-1, 4])
    assert when.holds(Subject.of(orders), shop.market).tolist() == [False, True]


def test_what_is_not_asked_makes_no_condition_more_specific():
    assert Condition(amount_from=3.0, amount_to=None).size == 1
