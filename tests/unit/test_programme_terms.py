"""The terms of a programme beyond budget and cap: payouts, checks, points, bonuses, referrers."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import InputError
from sim.incentives import (
    SCHEMES,
    Bonuses,
    Combined,
    FixedBounty,
    Programme,
    Scheme,
    TwoSided,
)
from sim.orders import FAKE_IDENTITY
from sim.schemes import Decaying, Leaderboard, NoIncentive
from sim.schemes.points import Points
from sim.schemes.timed import Recurring
from tests.money_world import Shop, make_orders


def states(shop):
    """Cents of each state that has any."""
    return {name: cents for name, cents in shop.ledger.commission_states().items() if cents}


# Payouts ---------------------------------------------------------------------------------------


def test_nothing_is_paid_below_the_minimum_payout():
    shop = Shop(FixedBounty(amount=4.0, hold_days=1, minimum_payout=10.0))
    paid = []
    for tick in range(5):
        shop.day(tick, make_orders([tick], tick=tick, buyer=1, sponsor=2))
        paid.append(int(shop.ledger.paid_cents[2]))
    assert paid == [0, 0, 0, 1200, 1200]
    assert states(shop) == {"accrued": 2000, "pending": 400, "approved": 400, "paid": 1200}


def test_payouts_wait_for_the_day_of_payout():
    shop = Shop(FixedBounty(amount=4.0, hold_days=0, payout_every_days=3))
    paid = []
    for tick in range(7):
        shop.day(tick, make_orders([tick], tick=tick, buyer=1, sponsor=2))
        paid.append(int(shop.ledger.paid_cents[2]))
    assert paid == [0, 0, 1200, 1200, 1200, 2400, 2400]


def test_a_day_of_payout_is_the_last_tick_of_its_period():
    shop = Shop(FixedBounty(amount=4.0, hold_days=0, payout_every_days=1), dt=0.5)
    paid = []
    for tick in range(4):
        shop.day(tick, make_orders([tick], tick=tick, buyer=1, sponsor=2))
        paid.append(int(shop.ledger.paid_cents[2]))
    assert paid == [0, 800, 800, 1600]


def test_what_limits_refuse_is_on_the_books():
    shop = Shop(FixedBounty(amount=4.0, cap_per_person=6.0))
    shop.day(0, make_orders([0, 1], buyer=[1, 3], sponsor=2))
    assert states(shop) == {"accrued": 600, "pending": 600, "capped": 200}


# Checks ----------------------------------------------------------------------------------------


def many(fakes, size=4000):
    return make_orders(
        np.arange(size), buyer=np.arange(size) % 7 + 1, sponsor=0, product=np.arange(size) // 7,
        fakes=fakes, fraud=FAKE_IDENTITY if fakes else 0,
    )  # fmt: skip


@pytest.mark.parametrize(("fakes", "chance"), [(1, 0.8), (0, 0.05)])
def test_the_check_holds_its_share_of_fakes_and_of_honest_orders(fakes, chance):
    # 4,000 draws: five standard errors, a false alarm in two million.
    scheme = FixedBounty(amount=1.0, similarity_check=0.8, false_positive_rate=0.05, hold_days=2)
    shop = Shop(scheme, prices=(2000,) * 572, costs=(1,) * 572)
    shop.day(0, many(fakes))
    held = shop.ledger.held_cents[0] / 100
    assert abs(held - 4000 * chance) < 5 * (4000 * chance * (1 - chance)) ** 0.5
    shop.day(1)
    shop.day(2)
    after = states(shop)
    assert after["cancelled"] == 100 * held
    assert after["paid"] == 400_000 - 100 * held


def test_without_a_check_nothing_is_held():
    shop = Shop(FixedBounty(amount=1.0), prices=(2000,) * 572, costs=(1,) * 572)
    shop.day(0, many(1))
    assert not shop.ledger.held_cents.any()


def test_a_false_positive_rate_needs_a_check():
    with pytest.raises(ValueError, match="set similarity_check"):
        FixedBounty(false_positive_rate=0.1)


def test_an_invented_identity_hides_that_she_buys_herself():
    shop = Shop(FixedBounty(amount=4.0, first_order_only=True))
    orders = make_orders([0, 1], buyer=2, sponsor=2, new_customer=False, fakes=[0, 1])
    shop.day(0, orders)
    assert shop.ledger.earned_cents[2] == 400


# Points ----------------------------------------------------------------------------------------


def test_points_pay_the_next_order():
    shop = Shop(Points(rate=0.1, hold_days=1))
    shop.day(0, make_orders([0], buyer=1, sponsor=2))
    shop.day(1)
    assert shop.ledger.points_cents[2] == 200
    orders = shop.day(2, make_orders([1], tick=2, buyer=2))
    assert orders.points_cents.tolist() == [200]
    assert shop.ledger.points_cents[2] == 0
    assert shop.ledger.totals()["points_liability"] == 0
    shop.ledger.reconcile()


def test_points_are_shared_among_the_orders_of_a_day():
    shop = Shop(Points(rate=1.0, hold_days=0))
    shop.day(0, make_orders([0, 1], buyer=[1, 3], sponsor=2, price_cents=1500))
    orders = shop.day(1, make_orders([2, 3], tick=1, buyer=2, price_cents=2000))
    assert orders.points_cents.tolist() == [2000, 1000]


def test_points_come_back_with_a_refund():
    shop = Shop(Points(rate=0.1, hold_days=0))
    shop.day(0, make_orders([0], buyer=1, sponsor=2))
    shop.day(1, make_orders([1], tick=1, buyer=2, refund_tick=2))
    assert shop.ledger.points_cents[2] == 0
    shop.day(2)
    assert shop.ledger.points_cents[2] == 200
    shop.ledger.reconcile()


def test_points_expire():
    shop = Shop(Points(rate=0.1, hold_days=0, expire_days=3))
    shop.day(0, make_orders([0], buyer=1, sponsor=2))
    left = []
    for tick in range(1, 5):
        shop.day(tick)
        left.append(int(shop.ledger.points_cents[2]))
    assert left in ([200, 200, 0, 0], [200, 200, 200, 0])
    assert shop.ledger.totals()["points_breakage"] != 0


def test_points_without_an_end_are_warned_of_with_the_figure():
    found = Shop(Points(rate=0.1, expire_days=0)).programme.warnings()
    assert len(found) == 1
    assert "never expire" in found[0]
    assert "2.00" in found[0]


# Referrers and bonuses -------------------------------------------------------------------------


def test_a_referrer_earns_from_orders_without_a_link():
    sponsor_of = [-1, 2] + [-1] * 8
    orders = make_orders([0, 1], buyer=[1, 3], sponsor=-1)
    shop = Shop(Recurring(rate=0.1), sponsor_of=sponsor_of)
    shop.day(0, orders)
    assert shop.ledger.earned_cents.tolist() == [0, 0, 200] + [0] * 7


def test_beside_a_recurring_part_others_still_need_a_link():
    parts = [{"scheme": "recurring", "rate": 0.1}, {"scheme": "fixed_bounty", "amount": 4.0}]
    shop = Shop(Combined(parts=parts), sponsor_of=[-1, 2] + [-1] * 8)
    shop.day(0, make_orders([0], buyer=1, sponsor=-1))
    assert shop.ledger.earned_cents[2] == 200
    shop.day(1, make_orders([1], tick=1, buyer=1, sponsor=5))
    assert shop.ledger.earned_cents[5] == 600


class EndOfDay(NoIncentive):
    """Pays somebody for an order that is not hers."""

    @property
    def paid_levels(self) -> int:
        return 1

    def bonuses(self, market):
        return Bonuses(np.array([0]), np.array([5], np.int32), np.array([100]))


def test_a_bonus_must_belong_to_an_order_of_its_winner():
    shop = Shop(EndOfDay())
    with pytest.raises(InputError, match="not credited to her"):
        shop.day(0, make_orders([0], buyer=1, sponsor=2))
    SCHEMES.pop(EndOfDay.name)


# Budgets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        (FixedBounty(amount=5.0, budget=3.0), r"policies\.mine\.budget = 3\.00 .* of 5\.00"),
        (Combined(parts=[FixedBounty(amount=5.0, budget=3.0)]), r"mine\.parts\.0\.budget = 3\.00"),
    ],
)
def test_a_budget_below_one_commission_is_refused(scheme: Scheme, message):
    shop = Shop(scheme)
    programme = Programme(scheme, shop.market, shop.ledger, "policies.mine")
    with pytest.raises(InputError, match=message):
        programme.check_budgets()


@pytest.mark.parametrize(
    "scheme",
    [
        Decaying(rate=0.2, decay_days=10.0, start_day=100, budget=100.0),
        Recurring(rate=0.2, expected_repeats=30.0, budget=100.0),
    ],
)
def test_a_budget_for_many_commissions_is_accepted(scheme):
    shop = Shop(scheme)
    Programme(scheme, shop.market, shop.ledger).check_budgets()


def test_points_that_expire_differently_do_not_mix():
    parts = [{"scheme": "points", "expire_days": days} for days in (30, 60)]
    with pytest.raises(InputError, match="expire_days = 30, 60; write the same"):
        Shop(Combined(parts=parts))


def test_no_reward_is_told_on_an_order_that_costs_nothing():
    told = Shop(TwoSided(give=25.0, get=5.0)).programme.offer()
    assert (told.reward_cents.tolist(), told.friend_cents.tolist()) == ([0.0], [2000])


def test_the_winners_of_the_day_are_known():
    shop = Shop(Leaderboard(period_days=2, prizes=(50.0,)))
    won = []
    for tick in range(3):
        shop.day(tick, make_orders([tick], tick=tick, buyer=1, sponsor=2))
        won.append(sorted(set(shop.programme.winners.tolist())))
    assert won == [[], [2], []]


def test_points_of_a_scheme_of_ones_own_never_expire_unless_it_says_so():
    class Tokens(FixedBounty):
        """A bounty in points."""

        @property
        def in_points(self) -> bool:
            return True

    SCHEMES.pop(Tokens.name)
    shop = Shop(Tokens(amount=2.0, hold_days=0))
    for tick in range(3):
        shop.day(tick, make_orders([tick], tick=tick, buyer=1, sponsor=2))
    assert shop.ledger.points_cents[2] == 600
