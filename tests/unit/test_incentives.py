"""A scheme at work: the terms around it, how it is named, and what a user's own must return."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from pydantic import ValidationError

from sim.errors import InputError
from sim.incentives import (
    SCHEMES,
    Commissions,
    FixedBounty,
    MultiLevel,
    NoIncentive,
    Offer,
    Percentage,
    RecipientOnly,
    Scheme,
    Tiered,
    TwoSided,
    check_jurisdiction,
    make_scheme,
)
from sim.scenario import Policy, Scenario
from tests.money_world import BUILT_IN, CHAIN, Shop, make_orders, paid


@pytest.fixture
def no_leftover_schemes():
    """A scheme that a test defines is known to scenarios; take it out again."""
    before = dict(SCHEMES)
    yield
    SCHEMES.clear()
    SCHEMES.update(before)


# Terms that every scheme has -------------------------------------------------------------------


def test_own_links_and_unattributed_and_free_orders_pay_nobody():
    shop = Shop(MultiLevel(levels=3), 5, sponsor_of=CHAIN)
    orders = make_orders([0, 1, 2], buyer=3, sponsor=[3, -1, 2], price_cents=[2000, 2000, 0])
    assert paid(shop, orders) == []


def test_only_an_order_through_somebody_elses_link_gets_the_discount():
    orders = make_orders([0, 1, 2], buyer=3, sponsor=[3, -1, 2])
    assert Shop(RecipientOnly(give=4)).day(0, orders).discount_cents.tolist() == [0, 0, 400]


def test_a_buyer_does_not_earn_on_a_higher_level_of_the_own_order():
    shop = Shop(MultiLevel(levels=3), 5, sponsor_of=CHAIN)
    orders = make_orders([0], buyer=1, sponsor=2)
    assert [person for _, person, _ in paid(shop, orders)] == [2, 0]


@pytest.mark.parametrize(("customers_only", "people"), [(True, [1]), (False, [2, 1])])
def test_only_members_earn_unless_everybody_may(customers_only, people):
    scheme = MultiLevel(levels=2, customers_only=customers_only)
    shop = Shop(scheme, 5, sponsor_of=CHAIN, is_member=[1, 1, 0, 1, 1])
    assert [person for _, person, _ in paid(shop, make_orders([0], buyer=3, sponsor=2))] == people


def test_first_orders_only():
    shop = Shop(TwoSided(first_order_only=True))
    orders = make_orders([0, 1], buyer=[3, 4], sponsor=2, new_customer=[False, True])
    assert shop.day(0, orders).discount_cents.tolist() == [0, 500]
    assert shop.ledger.earned_cents[2] == 500


def test_the_minimum_order_is_a_net_price():
    shop = Shop(TwoSided(give=5, get=3, minimum_order=15), prices=(2000, 1999), costs=(0, 0))
    offer = shop.programme.offer()
    assert offer.reward_cents.tolist() == [300, 0]
    assert offer.friend_cents.tolist() == [500, 0]
    orders = make_orders([0, 1], product=[0, 1], price_cents=[2000, 1499], buyer=3, sponsor=2)
    assert shop.day(0, orders).discount_cents.tolist() == [500, 0]
    assert shop.ledger.earned_cents[2] == 300


def test_the_dates_are_half_open():
    shop = Shop(TwoSided(start_day=1, end_day=3))
    for tick in range(4):
        shop.market.advance(tick)
        offer = shop.programme.offer()
        running = tick in (1, 2)
        assert bool(offer.reward_cents.any()) == bool(offer.friend_cents.any()) == running
        orders = shop.day(tick, make_orders([tick], tick=tick, buyer=3, sponsor=2))
        assert orders.discount_cents.tolist() == [500 * running]
    assert shop.ledger.earned_cents[2] == 1000


@pytest.mark.parametrize(("dt", "due"), [(1.0, 3), (0.5, 6), (0.7, 5), (5.0, 1)])
def test_the_holding_period_is_in_days(dt, due):
    shop = Shop(FixedBounty(hold_days=3), dt=dt)
    shop.day(0, make_orders([0], buyer=3, sponsor=2))
    for tick in range(1, due + 1):
        assert shop.ledger.paid_cents[2] == 0
        shop.day(tick)
    assert shop.ledger.paid_cents[2] == 500


def test_the_cap_per_person_pays_the_marginal_order_in_part():
    shop = Shop(FixedBounty(amount=4, cap_per_person=10, cap_period_days=2))
    orders = make_orders([3, 1, 2, 0], buyer=5, sponsor=[2, 2, 2, 4])
    assert paid(shop, orders) == [(0, 4, 400), (1, 2, 400), (2, 2, 400), (3, 2, 200)]
    shop.market.advance(1)
    assert shop.programme.offer().reward_cents[0, [0, 2, 4]].tolist() == [400, 0, 400]
    shop.day(1, make_orders([4], tick=1, buyer=5, sponsor=2))
    assert shop.ledger.earned_cents[2] == 1000
    shop.day(2, make_orders([5], tick=2, buyer=5, sponsor=2))
    assert shop.ledger.earned_cents[2] == 1400


def test_the_budget_pays_by_order_id_then_level_and_the_marginal_credit_in_part():
    shop = Shop(MultiLevel(rate=0.1, levels=2, budget=5), 5, sponsor_of=CHAIN)
    orders = make_orders([2, 0, 1], buyer=[3, 3, 4], sponsor=[2, 2, 3])
    assert paid(shop, orders) == [(0, 2, 200), (0, 1, 100), (1, 3, 200)]
    assert shop.programme.spent_cents == 500
    shop.market.advance(1)
    assert not shop.programme.offer().reward_cents.any()


def test_friend_discounts_spend_the_budget_first_in_part_and_never_above_the_price():
    shop = Shop(TwoSided(give=5, get=5, budget=9), prices=(2000, 300), costs=(0, 0))
    orders = make_orders(
        [2, 0, 1], product=[0, 0, 1], price_cents=[2000, 2000, 300], buyer=3, sponsor=2
    )
    assert shop.day(0, orders).discount_cents.tolist() == [100, 500, 300]
    assert shop.ledger.earned_cents.sum() == 0
    assert shop.programme.discounts_granted_cents == shop.programme.spent_cents == 900


def test_what_a_refund_reverses_is_not_given_out_again():
    shop = Shop(FixedBounty(amount=5, budget=5, cap_per_person=5))
    shop.day(0, make_orders([0], buyer=3, sponsor=2, refund_tick=1))
    shop.day(1)
    shop.day(2, make_orders([1], tick=2, buyer=3, sponsor=2))
    assert shop.ledger.earned_cents.sum() == 0
    assert shop.programme.spent_cents == 500


def test_an_offer_holds_for_the_day():
    shop = Shop(FixedBounty(amount=5, budget=5))
    assert shop.programme.offer().reward_cents[0] == 500
    shop.day(0, make_orders([0], buyer=3, sponsor=2))
    assert shop.programme.offer().reward_cents[0] == 500
    shop.market.advance(1)
    assert shop.programme.offer().reward_cents[0] == 0


@pytest.mark.parametrize(
    ("scheme", "warning"),
    [
        (FixedBounty(amount=9), " pays 9.00 on an order of 20.00 whose margin is 8.00"),
        (TwoSided(give=5, get=5), " pays 10.00 on an order of 20.00 whose margin is 8.00"),
        (MultiLevel(rate=0.3), " pays 9.00 on an order of 20.00 whose margin is 8.00"),
        (
            FixedBounty(minimum_order=21),
            ".minimum_order = 21.00 is above the net price of every product: "
            "nothing will be paid; lower it",
        ),
    ],
)
def test_warnings_give_the_figures(scheme, warning):
    assert Shop(scheme).programme.warnings() == [f"policies.{scheme.name}{warning}"]


@pytest.mark.parametrize("scheme", [NoIncentive(), Percentage(rate=0.4), Tiered(), MultiLevel()])
def test_no_warning_without_reason(scheme):
    assert Shop(scheme).programme.warnings() == []


def test_ancestors_end_with_minus_one():
    market = Shop(NoIncentive(), 5, sponsor_of=CHAIN).market
    orders = make_orders([0, 1, 2], sponsor=[4, 1, -1])
    assert market.ancestors(orders, 3).tolist() == [[4, 3, 2], [1, 0, -1], [-1] * 3]


def test_behind_invented_identities_stands_the_sponsor():
    market = Shop(NoIncentive(), 5, sponsor_of=CHAIN).market
    orders = make_orders([0, 1, 2], sponsor=[4, 4, 4], fakes=[1, 2, 3])
    assert market.ancestors(orders, 3).tolist() == [[4, 3, 2], [4, 4, 3], [4, 4, 4]]


def test_a_scheme_cannot_write_to_the_market():
    market = Shop(NoIncentive()).market
    for view in (market.prices_cents, market.is_member, market.sponsor_of, market.credited_orders):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1


# Names and parameters --------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_scheme_can_be_made_without_arguments_and_is_named_as_listed(name):
    scheme = SCHEMES[name]()
    assert scheme.name == name
    assert scheme.source
    assert scheme.__doc__
    assert make_scheme(Policy(scheme=name), "policies.x") == scheme
    for field, info in type(scheme).model_fields.items():
        assert info.description, field
        assert set(info.json_schema_extra) == {"unit", "kind", "source", "neutral"}, field


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_scheme_survives_a_scenario(name):
    scheme = SCHEMES[name](budget=50)
    scenario = Scenario(policies={"mine": scheme})
    again = Scenario.from_table(scenario.to_table())
    assert make_scheme(again.policies["mine"], "policies.mine") == scheme


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"scheme": "percentge"}, r"\.scheme = 'percentge' .*did you mean 'percentage'\?"),
        ({"scheme": "percentage", "rte": 1}, r".*'rte'; did you mean 'rate'\?"),
        ({"scheme": "percentage", "rate": 3}, r"\.rate = 3 is not allowed.*0 to 1"),
        ({"scheme": "percentage", "rate": "much"}, r"\.rate = 'much' is not allowed"),
        ({"scheme": "fixed_bounty", "amount": 0.001}, r".*amount = 0\.001 is not a whole number"),
        ({"scheme": "fixed_bounty", "budget": -1}, r"\.budget = -1 is not allowed"),
        ({"scheme": "none", "start_day": 9, "end_day": 9}, r".*end_day = 9 is not after start_day"),
        ({"scheme": "none", "cap_period_days": 9}, r".*cap_period_days has no effect without cap"),
        ({"scheme": "tiered", "tiers": [[1, 0.1]]}, r"\.tiers.*must start at 0"),
        ({"scheme": "tiered", "tiers": [[0, 0.2], [5, 0.1]]}, r"\.tiers.*not fall"),
        ({"scheme": "tiered", "tiers": []}, r"\.tiers"),
        ({"scheme": "tiered", "period": "year"}, r".*period"),
        ({"scheme": "multi_level", "rates": [0.1, 2]}, r".*rates"),
        ({"scheme": "multi_level", "levels": 0}, r"\.levels = 0 is not allowed.*1 to 20"),
        ({"scheme": "no_module:Thing"}, r"\.scheme = 'no_module:Thing'.*PYTHONPATH"),
        ({"scheme": "math:pi"}, r".*does not name a subclass of sim\.incentives\.Scheme"),
        ({"scheme": ":"}, r"\.scheme = ':'"),
        ({"scheme": "sim.incentives:Scheme"}, r".*class Scheme does not define offer, settle"),
    ],
)
def test_wrong_policies_get_one_message(policy, message):
    with pytest.raises(InputError, match=r"policies\.x" + message) as caught:
        make_scheme(Policy(**policy), "policies.x")
    assert "\n" not in str(caught.value)


def test_a_scheme_made_directly_refuses_wrong_parameters():
    with pytest.raises(ValidationError, match="rate"):
        Percentage(rate=-1)
    with pytest.raises(ValidationError, match="frozen"):
        Percentage().rate = 0.2


@pytest.mark.parametrize("limit", ["budget", "cap_per_person"])
def test_a_limit_of_nothing_is_refused_with_the_cure(limit):
    with pytest.raises(InputError, match=rf"policies.x.*{limit} = 0 would pay nothing; raise it"):
        make_scheme(Policy(scheme="percentage", **{limit: 0}), "policies.x")


def test_a_scheme_is_returned_as_it_is():
    scheme = Percentage(rate=0.2)
    assert make_scheme(scheme, "policies.x") is scheme


@pytest.mark.parametrize(
    ("scheme", "profile", "allowed"),
    [
        (MultiLevel(levels=2), "CN", True),
        (MultiLevel(levels=3), "CN", False),
        (MultiLevel(rates=(0.1, 0.1, 0.1)), "CN", False),
        (MultiLevel(levels=3), "unrestricted", True),
        (NoIncentive(), "CN", True),
    ],
)
def test_paid_levels_and_jurisdictions(scheme, profile, allowed):
    if allowed:
        check_jurisdiction(scheme, profile)
        return
    with pytest.raises(InputError, match=r"policies\.x pays 3 levels, jurisdiction = CN allows 2"):
        check_jurisdiction(scheme, profile, "policies.x")


def test_an_unknown_jurisdiction_is_an_error():
    with pytest.raises(InputError, match=r"jurisdiction = 'cn' is not known\. Allowed: CN"):
        check_jurisdiction(NoIncentive(), "cn")


# A user's scheme -------------------------------------------------------------------------------


def loyalty(settle):
    """A user's scheme whose ``settle`` is the function given."""

    class LoyaltyBonus(Scheme):
        """Pays what the test says."""

        rate: float = 0.05

        def offer(self, market):
            return Offer(self.rate * market.prices_cents, np.zeros(len(market.prices_cents), int))

        def settle(self, orders, market):
            return settle(orders)

    return LoyaltyBonus


@pytest.mark.usefixtures("no_leftover_schemes")
def test_a_users_scheme_is_usable_in_a_scenario_at_once():
    def settle(orders):
        rows = np.flatnonzero(orders.sponsor >= 0)
        return Commissions(rows, orders.sponsor[rows], orders.net_cents[rows] // 20, rows * 0 + 1)

    scheme = loyalty(settle)
    assert SCHEMES["loyalty_bonus"] is scheme
    made = make_scheme(Policy(scheme="loyalty_bonus", rate=0.1), "policies.x")
    assert made == scheme(rate=0.1)
    assert paid(Shop(made), make_orders([0], buyer=3, sponsor=2)) == [(0, 2, 100)]
    loyalty(settle)  # a notebook cell that is run again redefines the class
    assert SCHEMES["loyalty_bonus"] is not scheme


@pytest.mark.usefixtures("no_leftover_schemes")
def test_a_users_scheme_can_be_named_by_module_and_class(monkeypatch):
    module = types.ModuleType("shop_schemes")
    module.LoyaltyBonus = loyalty(lambda orders: Commissions.empty())
    monkeypatch.setitem(sys.modules, "shop_schemes", module)
    made = make_scheme(Policy(scheme="shop_schemes:LoyaltyBonus", rate=0.2), "policies.x")
    assert (type(made), made.rate) == (module.LoyaltyBonus, 0.2)


@pytest.mark.usefixtures("no_leftover_schemes")
def test_a_users_scheme_may_not_hide_a_built_in_one():
    with pytest.raises(InputError, match="class Percentage would hide the built-in scheme"):
        type("Percentage", (Scheme,), {"__module__": "elsewhere"})
    assert SCHEMES["percentage"] is Percentage


@pytest.mark.usefixtures("no_leftover_schemes")
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0], [2], [1.5], [1]), "returned cents as float64"),
        (([0], [2], [-1], [1]), "returned cents = -1"),
        (([0], [10], [1], [1]), "returned recipient = 10; allowed is 0 to 9"),
        (([0], [-1], [1], [1]), "returned recipient = -1"),
        (([1], [2], [1], [1]), "returned order = 1; allowed is 0 to 0"),
        (([0], [2], [1], [2]), "returned level = 2; allowed is 1 to 1"),
        (([0, 0], [2], [1], [1]), "returned columns of unequal length"),
        (None, "returned NoneType"),
    ],
)
def test_what_settle_returns_is_checked(columns, message):
    returned = None if columns is None else Commissions(*map(np.array, columns))
    shop = Shop(loyalty(lambda orders: returned)())
    with pytest.raises(InputError, match=rf"LoyaltyBonus\.settle {message}"):
        shop.day(0, make_orders([0], buyer=3, sponsor=2))


@pytest.mark.usefixtures("no_leftover_schemes")
def test_credits_of_zero_cents_are_dropped():
    credits = Commissions(np.array([0, 0]), np.array([2, 4]), np.array([0, 7]), np.array([1, 1]))
    shop = Shop(loyalty(lambda orders: credits)())
    assert paid(shop, make_orders([0], buyer=3, sponsor=2)) == [(0, 4, 7)]


@pytest.mark.usefixtures("no_leftover_schemes")
@pytest.mark.parametrize(
    ("told", "message"),
    [
        (None, "returned NoneType"),
        (Offer(np.zeros(3), np.zeros(1, np.int64)), r"reward_cents of shape \(3,\)"),
        (Offer(np.full(1, np.nan), np.zeros(1, np.int64)), "below 0 or no number"),
        (Offer(np.full(1, -1.0), np.zeros(1, np.int64)), "below 0 or no number"),
        (Offer(np.zeros(1), np.zeros(7, np.int64)), r"friend_cents of shape \(7,\)"),
        (Offer(np.zeros(1), np.full(1, 3.7)), "whole cents"),
    ],
)
def test_a_wrong_offer_names_the_class_and_the_cure(told, message):
    class Careless(Percentage):
        def offer(self, market):
            return told

    with pytest.raises(InputError, match=f"Careless.offer.*{message}"):
        Shop(Careless()).programme.offer()


def test_parameters_without_a_scheme_ask_for_it():
    with pytest.raises(InputError, match=r"policies.x has parameters \(rate\) but no scheme"):
        make_scheme(Policy(rate=0.1), "policies.x")
