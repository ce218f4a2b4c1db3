"""Codes typed in at the checkout, lotteries and points: both engines, and what they must mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sim import rules
from sim.day import OrderLines
from sim.engine import order_lines
from sim.model import ENGINES, WordOfMouthModel
from sim.population import MEMBER, NEVER, PROSPECT
from tests.agreement.told import Told
from tests.worlds import differences, rich_scenario, run

GIFT = Told(give=6.0, get=4.0)
LOOKS_FOR_CODES = {"purchase": {"code_search": 20.0}}


def assert_engines_agree(scenario: Any, policy: Any) -> WordOfMouthModel:
    kernels, agents = (run(scenario, policy=policy, engine=engine) for engine in ENGINES)
    assert differences(kernels, agents) == []
    return kernels


@pytest.mark.parametrize("precedence", ["coupon", "link"])
@pytest.mark.parametrize("policy", ["give_get", "gift", GIFT])
@pytest.mark.parametrize("existing", [True, False])
def test_engines_agree_on_codes(precedence, policy, existing):
    scenario = rich_scenario(
        attribution={
            "coupons": True,
            "precedence": precedence,
            "existing_customers": existing,
        },
        behavior=LOOKS_FOR_CODES,
    )
    model = assert_engines_agree(scenario, policy)
    without = run(scenario.but(attribution={"coupons": False}), policy=policy)
    assert differences(model, without) != []


@pytest.mark.parametrize(
    "offer",
    [
        Told(sharer_uncertain=True),
        Told(friend_uncertain=True),
        Told(give=0.0, in_kind=True),
        Told(give=0.0, sharer_uncertain=True, friend_uncertain=True),
        Told(get=0.0, sharer_uncertain=True, friend_uncertain=True),
    ],
)
def test_engines_agree_on_lotteries_and_points(offer):
    assert_engines_agree(rich_scenario(), offer)


@pytest.mark.parametrize(
    ("words", "same_as"),
    [
        ({"give": 0.0, "friend_uncertain": True}, {"give": 0.0}),
        ({"get": 0.0, "sharer_uncertain": True}, {"get": 0.0}),
        ({"get": 0.0, "in_kind": True}, {"get": 0.0}),
    ],
)
def test_a_word_about_nothing_changes_nothing(words, same_as):
    one, other = (run(rich_scenario(), policy=Told(**terms)) for terms in (words, same_as))
    assert differences(one, other) == []


def test_where_codes_are_off_nobody_keeps_them():
    model = run(rich_scenario(), policy="give_get")
    assert model.state.told_tick.shape == (3, 1)
    assert (model.state.told_tick == NEVER).all()


# One buyer at the checkout -------------------------------------------------------------------

BUYER, LINKED, TELLER = 0, 1, 2


def checkout(engine: str, **attribution: Any) -> WordOfMouthModel:
    """A model on day 10: the buyer was told of the first product by the teller on day 8."""
    scenario = rich_scenario(
        attribution={"coupons": True, "window_days": 6.0, **attribution},
        behavior={"purchase": {"code_search": 20.0}},
        products=[{"price": 20.0}],
        campaign={"activities": [], "price_changes": [], "initial_customers": 0.0},
    )
    custom = rules.replace(code_use=everybody_looks)
    model = WordOfMouthModel(scenario, policy=GIFT, engine=engine, rules=custom)
    model.tick = 10
    model._campaign()
    state = model.state
    state.status[BUYER], state.orders[0, BUYER] = PROSPECT, 0
    state.status[TELLER] = MEMBER
    state.told_sponsor[0, BUYER], state.told_tick[0, BUYER] = TELLER, 8
    state.told_tie[0, BUYER], state.told_channel[0, BUYER] = 5, 2
    state.depth[TELLER] = 3
    return model


def everybody_looks(c, discount_ratio):
    return 1.0 if discount_ratio > 0.0 else 0.0


def follow_link(model: WordOfMouthModel) -> None:
    state = model.state
    state.click_sponsor[0, BUYER], state.click_due[0, BUYER] = LINKED, 9
    state.click_tie[0, BUYER], state.click_channel[0, BUYER] = 7, 1


def credited(model: WordOfMouthModel) -> OrderLines:
    """The line of one order of the buyer."""
    lines = order_lines(1)
    lines.buyer[0], lines.product[0] = BUYER, 0
    model.engine.credit(lines)
    return lines


@pytest.fixture(params=list(ENGINES))
def engine(request) -> Iterator[str]:
    return request.param


def test_a_code_names_who_told_last(engine):
    lines = credited(checkout(engine))
    assert (lines.sponsor[0], lines.tie[0], lines.channel[0], lines.depth[0]) == (TELLER, 5, 2, 4)
    assert lines.new_customer[0]


@pytest.mark.parametrize(("precedence", "sponsor"), [("coupon", TELLER), ("link", LINKED)])
def test_precedence_decides_between_a_code_and_a_link(engine, precedence, sponsor):
    model = checkout(engine, precedence=precedence)
    follow_link(model)
    assert credited(model).sponsor[0] == sponsor


@pytest.mark.parametrize(
    ("told_tick", "teller"), [(3, TELLER), (8, BUYER), (8, -1), (NEVER, TELLER)]
)
def test_a_code_that_is_too_old_or_ones_own_does_not_count(engine, told_tick, teller):
    model = checkout(engine)
    model.state.told_tick[0, BUYER], model.state.told_sponsor[0, BUYER] = told_tick, teller
    assert credited(model).sponsor[0] == -1


def test_a_code_at_the_end_of_its_window_counts(engine):
    model = checkout(engine)
    model.state.told_tick[0, BUYER] = 4
    assert credited(model).sponsor[0] == TELLER


@pytest.mark.parametrize(("existing", "sponsor"), [(True, TELLER), (False, -1)])
def test_codes_of_customers_count_where_links_of_customers_do(engine, existing, sponsor):
    model = checkout(engine, existing_customers=existing)
    model.state.orders[0, BUYER] = 1
    assert credited(model).sponsor[0] == sponsor


def test_a_code_is_part_of_the_price_she_decides_on():
    model = checkout("agents")
    assert model.consumer(BUYER).net_price(0) == 1400
    model.state.told_tick[0, BUYER] = NEVER
    assert model.consumer(BUYER).net_price(0) == 2000


@pytest.mark.parametrize(
    ("points", "net"), [([0], 1400), ([500], 900), ([99_999], 1), ([300, 0], 1100)]
)
def test_points_lower_the_price_she_decides_on(points, net):
    model = checkout("agents")
    model.day = model.day._replace(points_cents=np.array(points, np.int64))
    assert model.consumer(BUYER).net_price(0) == net


def with_points(engine: str, points: np.ndarray) -> WordOfMouthModel:
    """A run in which everybody has these points to spend, every day."""
    model = WordOfMouthModel(rich_scenario(days=15), policy="share", engine=engine)
    plan = model._campaign

    def with_purse() -> None:
        plan()
        model.day = model.day._replace(points_cents=points)

    model._campaign = with_purse
    return model.run()


def test_engines_agree_on_points_and_who_has_points_buys_more():
    purse = np.arange(90, dtype=np.int64) * 20
    kernels, agents = (with_points(engine, purse) for engine in ENGINES)
    assert differences(kernels, agents) == []
    poor, rich = (
        with_points("kernels", np.array([cents], np.int64)).outcomes()["orders"]
        for cents in (0, 2000)
    )
    assert rich > poor


def test_the_later_message_of_a_day_is_that_with_the_larger_key(engine):
    model = checkout(engine)
    last = {}
    for teller, key in ((3, 9), (4, 7), (5, 9), (6, 8)):
        last.setdefault("kept", []).append((key, -teller))
        if engine == "agents":
            model.consumer(teller).code_kept(BUYER, 0, -1, 2, key)
        else:
            model.engine.sharing.remember_code.py_func(
                model.day, model.state, teller, BUYER, 0, -1, 2, key
            )
    assert model.state.told_sponsor[0, BUYER] == -max(last["kept"])[1] == 3
    assert model.state.told_tick[0, BUYER] == 10


# Who is brought by a reward ------------------------------------------------------------------


def test_customers_whom_a_larger_reward_brought_buy_again_less():
    paces = {}
    for get in (0.5, 4.0, 12.0):
        model = run(rich_scenario(), policy=Told(give=4.0, get=get))
        assert (
            differences(
                model, run(rich_scenario(), policy=Told(give=4.0, get=get), engine="agents")
            )
            == []
        )
        brought = (model.state.sponsor >= 0) & (model.state.joined >= 0)
        paces[get] = float(model.state.loyalty[brought].mean())
        assert (model.state.loyalty[~brought] == 1.0).all()
    assert 0 < paces[12.0] < paces[4.0] < paces[0.5] < 1


@pytest.mark.parametrize("policy", ["none", "gift"])
def test_nobody_is_worse_for_an_unpaid_sharer(policy):
    model = run(rich_scenario(), policy=policy)
    assert (model.state.sponsor >= 0).any()
    assert (model.state.loyalty == 1.0).all()


def test_the_buyer_joins_by_the_sponsor_that_stands_in_the_line(engine):
    model = checkout(engine)
    lines = credited(model)
    lines.sponsor[0], lines.depth[0] = LINKED, 2
    model.engine.enrol(lines, np.zeros(20, np.int64))
    assert (model.state.sponsor[BUYER], model.state.depth[BUYER]) == (LINKED, 2)
    assert model.state.status[BUYER] == MEMBER
