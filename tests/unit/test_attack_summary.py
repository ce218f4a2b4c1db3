"""What false play came to in a run, summed up from its orders and books."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.incentives import (
    FixedBounty,
    MultiLevel,
)
from sim.opportunists import (
    FRAUDS,
    STATES,
    attack_summary,
)
from sim.orders import FAKE_IDENTITY, GENUINE, PHANTOM
from tests.money_world import Shop, make_orders
from tests.opportunists_scene import habitual, scene


def test_a_summary_by_hand():
    """One fake caught, one not, a ring, a phantom sent back, an honest sharer hit by mistake."""
    shop = Shop(FixedBounty(amount=5, hold_days=2, similarity_check=0.5, false_positive_rate=0.5),
                20, prices=(2000,), costs=(700,))  # fmt: skip
    count = 20
    kinds = np.arange(count) % 4
    buyer = np.arange(count)
    orders = make_orders(
        np.arange(count), buyer=buyer, cost_cents=700, new_customer=False,
        sponsor=np.where((kinds == FAKE_IDENTITY) | (kinds == PHANTOM), buyer, (buyer + 1) % count),
        fakes=np.where(kinds == FAKE_IDENTITY, 1, np.where(kinds == PHANTOM, 1, 0)),
        fraud=kinds, refund_tick=np.where(kinds == PHANTOM, 4, -1),
    )  # fmt: skip
    shop.day(0, orders)
    for tick in range(1, 6):
        shop.day(tick)
    found = attack_summary(shop.ledger.orders(), shop.ledger)
    lines = shop.ledger.lines_frame()
    held = set(lines.order_id[lines.held])
    assert 0 < len(held & set(np.flatnonzero(kinds == GENUINE))) < 5
    assert [found[f"{name}_orders"] for name in FRAUDS] == [5, 5, 5]
    assert found["fake_rejected_cents"] == 500 * len(held & set(np.flatnonzero(kinds == 1)))
    assert found["fake_paid_cents"] + found["fake_rejected_cents"] == 2500
    assert found["phantom_clawed_back_cents"] + found["phantom_rejected_cents"] == 2500
    assert found["honest_hit"] == len(held & set(np.flatnonzero(kinds == GENUINE)))
    assert found["honest_hit_cents"] == 500 * found["honest_hit"]
    assert found["goods_lost_cents"] == 5 * 700
    assert found["identities"] == 10
    assert found["attack_earned_cents"] == found["fake_paid_cents"] + found["ring_paid_cents"]
    honest = 5 * 500 - found["honest_hit_cents"]
    taken = found["attack_earned_cents"]
    assert found["fraud_share"] == pytest.approx(taken / (taken + honest))


def test_a_summary_of_an_honest_run_is_empty():
    shop = Shop(FixedBounty())
    found = attack_summary(shop.ledger.orders(), shop.ledger)
    assert math.isnan(found.pop("fraud_share"))
    assert not any(found.values())
    shop.day(0, make_orders([0, 1], buyer=3, sponsor=[2, -1]))
    assert not any(attack_summary(shop.ledger.orders(), shop.ledger).values())


def test_a_line_refunded_while_it_is_held_was_not_rejected_by_the_check():
    shop = Shop(FixedBounty(hold_days=5, similarity_check=1.0, false_positive_rate=1.0))
    shop.day(0, make_orders([0, 1], buyer=3, sponsor=2, refund_tick=[3, -1]))
    for tick in range(1, 7):
        shop.day(tick)
    found = attack_summary(shop.ledger.orders(), shop.ledger)
    assert (found["honest_hit"], found["honest_hit_cents"]) == (1, 500)


def test_the_states_add_up_to_what_accrued():
    place = scene(
        MultiLevel(levels=3, rate=0.3, hold_days=2, similarity_check=0.4, clawback=False),
        size=40, ties=[(i, (i + 1) % 40) for i in range(40)], identity_cost=0.5, resale=0.9,
        opportunist_rate=0.5,
    )  # fmt: skip
    first = 0
    for tick in range(8):
        people = np.arange(tick, 40, 3)
        refunds = np.where(people % 4, -1, tick + 3)
        booked = place.run(
            tick,
            habitual(first + np.arange(people.size), buyer=people, tick=tick, refund_tick=refunds),
        )
        first = int(booked.order_id.max()) + 1
    found = attack_summary(place.shop.ledger.orders(), place.shop.ledger)
    for name in FRAUDS:
        states = sum(found[f"{name}_{state}_cents"] for state in STATES)
        assert states == found[f"{name}_accrued_cents"]
    assert found["fake_accrued_cents"] > 0 < found["phantom_accrued_cents"]
    place.shop.ledger.reconcile()
