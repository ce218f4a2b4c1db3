"""Random event sequences: that they hold what they should, and that violations are counted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import sim.incentives
import sim.ledger
import sim.limits
from sim.incentives import FixedBounty, MultiLevel, Percentage, RecipientOnly, Scheme
from sim.ledger import Ledger
from sim.limits import Part
from sim.market import Market
from sim.schemes.scheme import to_sponsors
from sim.schemes.team import TeamPurchase
from sim.validation.event_sequences import DAYS, INVARIANTS, PEOPLE, made_up, violations

HISTORIES = made_up(40, seed=7)
OPEN = {"hold_days": 0, "customers_only": False}


def test_histories_are_made_of_what_can_go_wrong():
    orders = HISTORIES.orders
    assert np.array_equal(orders.order_id, np.arange(orders.buyer.size))
    assert (np.diff(orders.tick) >= 0).all()
    assert set(orders.tick) == set(range(DAYS))
    linked = orders.sponsor >= 0
    assert (orders.sponsor[linked] // PEOPLE == orders.buyer[linked] // PEOPLE).all()
    assert (orders.sponsor == orders.buyer).any()
    for share in (linked, orders.refund_tick >= 0, orders.new_customer, orders.team > 0):
        assert 0.2 < share.mean() < 0.95


def test_referrers_of_histories_are_a_forest():
    sponsor = HISTORIES.sponsor_of
    assert (sponsor < np.arange(sponsor.size)).all()
    referred = np.flatnonzero(sponsor >= 0)
    assert (sponsor[referred] // PEOPLE == referred // PEOPLE).all()
    assert 0.3 < referred.size / sponsor.size < 0.7


def paid_regardless_of_teams(self, orders, market):
    return to_sponsors(orders, np.full(orders.buyer.size, 100))


def same_referrer_again(self, orders, levels):
    return np.repeat(orders.sponsor[:, None], levels, axis=1)


def any_link(orders):
    return orders.sponsor >= 0


BREAKS: dict[str, tuple[Scheme, object, str, Callable]] = {
    "I2": (
        MultiLevel(**OPEN), MultiLevel, "bound_cents", lambda self, market: np.full(3, 10.0),
    ),
    "I3": (
        RecipientOnly(budget=9), Part, "_within_budget", lambda self, wanted: wanted,
    ),
    "I4": (MultiLevel(levels=3, **OPEN), Market, "ancestors", same_referrer_again),
    "I6": (Percentage(**OPEN), sim.ledger, "within_reach", lambda clawback: ()),
    "I7": (MultiLevel(levels=3, **OPEN), Part, "_eligible", lambda self, orders, claims: claims),
    "I13": (TeamPurchase(commission=0.1, **OPEN), TeamPurchase, "settle", paid_regardless_of_teams),
}  # fmt: skip


@pytest.mark.parametrize("invariant", BREAKS)
def test_a_violation_is_counted(monkeypatch, invariant):
    scheme, place, name, broken = BREAKS[invariant]
    assert not +violations(scheme, HISTORIES)
    monkeypatch.setattr(place, name, broken)
    assert violations(scheme, HISTORIES)[invariant] > 0


def test_pay_beyond_a_cap_is_counted(monkeypatch):
    scheme = FixedBounty(amount=3.5, cap_per_person=5, cap_period_days=4, **OPEN)
    assert not +violations(scheme, HISTORIES)
    monkeypatch.setattr(Part, "_within_cap", lambda self, claims: claims.cents)
    assert violations(scheme, HISTORIES)["I3"] > 0


def test_pay_for_buying_through_ones_own_link_is_counted(monkeypatch):
    monkeypatch.setattr(sim.incentives, "is_referred", any_link)
    monkeypatch.setattr(Part, "_eligible", lambda self, orders, claims: claims)
    found = violations(Percentage(**OPEN), HISTORIES)
    assert found["I5"] > 0
    assert found["I7"] > 0


def test_books_that_do_not_agree_are_counted_in_every_history(monkeypatch):
    def wrong(self):
        raise sim.ledger.LedgerError("cash = 1, takings = 2")

    monkeypatch.setattr(Ledger, "check", wrong)
    assert violations(Percentage(**OPEN), HISTORIES)["I1"] == HISTORIES.number


def test_every_invariant_has_words():
    assert set(INVARIANTS) == {f"I{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 11, 13)}
