"""Who is paid for an order: windows, first clicks, and commissions divided to the cent."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.attribution import FULL_WEIGHT, Attribution, check, shares_of
from sim.engine import order_lines
from sim.errors import InputError
from sim.orders import ORDER_DTYPES, Commissions, Orders
from sim.population import empty_state
from sim.scenario import Attribution as Settings
from sim.schemes import Combined, FixedBounty, Tiered

PEOPLE, PRODUCTS = 6, 2
MODELS = ("last_click", "first_click", "linear", "position", "time_decay")


class Shop:
    """A log of visits and orders around an :class:`Attribution`, as the model drives it."""

    def __init__(self, model: str = "linear", people: int = PEOPLE, **settings: Any) -> None:
        self.attribution = Attribution(Settings(model=model, **settings), dt=1.0)
        self.state = empty_state(people, 0, PRODUCTS)
        self.tick = -1

    def day(self, *visits: tuple[int, int, int]) -> None:
        """A new day; each visit is (buyer, product, sponsor by whose link she comes)."""
        self.tick += 1
        state = self.state
        for buyer, product, sponsor in visits:
            state.click_sponsor[product, buyer] = sponsor
            state.click_due[product, buyer] = self.tick
            state.click_tie[product, buyer] = 100 * sponsor + self.tick
            state.click_channel[product, buyer] = 1 + sponsor % 3
        self.attribution.record(
            self.tick, state.click_due, state.click_sponsor, state.click_tie, state.click_channel
        )

    def order(self, *bought: tuple[int, int], codes: dict[int, int] | None = None) -> Any:
        """Today's order lines, ascending, credited to the last link; codes : {line: owner}."""
        lines = order_lines(len(bought))
        for k, (buyer, product) in enumerate(bought):
            lines.buyer[k], lines.product[k] = buyer, product
            age = self.tick - self.state.click_due[product, buyer]
            if age <= self.attribution.window_ticks:
                lines.sponsor[k] = self.state.click_sponsor[product, buyer]
                lines.tie[k] = self.state.click_tie[product, buyer]
                lines.channel[k] = self.state.click_channel[product, buyer]
                lines.depth[k] = self.state.depth[lines.sponsor[k]] + 1
        for k, owner in (codes or {}).items():
            lines.sponsor[k], lines.tie[k], lines.channel[k] = owner, -1, 2
        self.attribution.decide(self.tick, lines, self.state)
        return lines


def orders_of(lines: Any, **columns: Any) -> Orders:
    size = len(lines.buyer)
    table = {name: np.zeros(size, dtype) for name, dtype in ORDER_DTYPES.items()}
    table |= {"order_id": np.arange(size), "price_cents": np.full(size, 10_000)}
    table |= {name: getattr(lines, name) for name in ("buyer", "product", "sponsor", "depth")}
    return Orders(**(table | columns))


def to_sponsors(orders: Orders, cents: int | np.ndarray) -> Commissions:
    rows = np.flatnonzero(orders.sponsor >= 0)
    amounts = np.broadcast_to(cents, len(orders.order_id)).astype(np.int64)[rows]
    return Commissions(rows, orders.sponsor[rows], amounts, np.ones(len(rows), np.int8))


def paid(shop: Shop, lines: Any, cents: int = 100, **columns: Any) -> list[tuple[int, int, int]]:
    """(order, recipient, cents) after the division of ``cents`` to each sponsor."""
    orders = orders_of(lines, **columns)
    parts = shop.attribution.split(orders, to_sponsors(orders, cents))
    return list(zip(*(column.tolist() for column in parts[:3]), strict=True))


# The models ----------------------------------------------------------------------------------


def three_visits(model: str, **settings: Any) -> Shop:
    shop = Shop(model, **settings)
    shop.day((0, 0, 1))
    shop.day((0, 0, 2))
    shop.day((0, 0, 3))
    return shop


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("last_click", [(0, 3, 100)]),
        ("first_click", [(0, 1, 100)]),
        ("linear", [(0, 1, 34), (0, 2, 33), (0, 3, 33)]),
        ("position", [(0, 1, 40), (0, 2, 20), (0, 3, 40)]),
        # weights 1/4, 1/2, 1: quotas 14.29, 28.57, 57.14
        ("time_decay", [(0, 1, 14), (0, 2, 29), (0, 3, 57)]),
    ],
)
def test_three_friends_share_an_order(model, expected):
    shop = three_visits(model, half_life_days=1.0)
    assert paid(shop, shop.order((0, 0))) == expected


def test_position_of_two_is_half_and_half():
    shop = Shop("position")
    shop.day((0, 0, 1))
    shop.day((0, 0, 2))
    assert paid(shop, shop.order((0, 0)), 101) == [(0, 1, 51), (0, 2, 50)]


def test_one_friend_who_comes_back_adds_up():
    shop = Shop("position", people=9)
    for sponsor in (1, 2, 1, 3, 4):
        shop.day((0, 0, sponsor))
    # 40 + 20/3, 20/3, 20/3, 40 of 300 cents
    assert paid(shop, shop.order((0, 0)), 300) == [(0, 1, 140), (0, 2, 20), (0, 3, 20), (0, 4, 120)]


def test_time_decay_reads_its_half_life():
    shop = Shop("time_decay", half_life_days=2.0)
    shop.day((0, 0, 1))
    shop.day()
    shop.day((0, 0, 2))
    assert paid(shop, shop.order((0, 0)), 300) == [(0, 1, 100), (0, 2, 200)]


def test_first_click_changes_the_whole_line():
    shop = three_visits("first_click")
    shop.state.depth[1] = 4
    lines = shop.order((0, 0))
    assert (lines.sponsor[0], lines.tie[0], lines.channel[0], lines.depth[0]) == (1, 100, 2, 5)


@pytest.mark.parametrize("model", ["last_click", "linear", "position", "time_decay"])
def test_other_models_leave_the_last_friend_as_the_sponsor(model):
    lines = three_visits(model).order((0, 0))
    assert (lines.sponsor[0], lines.tie[0], lines.channel[0]) == (3, 302, 1)


# What is not touched -------------------------------------------------------------------------


def test_touches_of_other_products_and_people_do_not_count():
    shop = Shop("linear")
    shop.day((0, 0, 1), (0, 1, 2), (4, 0, 5))
    shop.day((0, 0, 3))
    assert paid(shop, shop.order((0, 0), (0, 1), (4, 0))) == [
        (0, 1, 50), (0, 3, 50), (1, 2, 100), (2, 5, 100),
    ]  # fmt: skip


@pytest.mark.parametrize("model", ["first_click", "linear"])
def test_the_window_counts_from_the_order(model):
    shop = Shop(model, window_days=2.0)
    shop.day((0, 0, 1))
    shop.day((0, 0, 2))
    shop.day((0, 0, 3))
    on_its_last_day = {"first_click": [(0, 1, 99)], "linear": [(0, 1, 33), (0, 2, 33), (0, 3, 33)]}
    assert paid(shop, shop.order((0, 0)), 99) == on_its_last_day[model]
    shop.day()
    a_day_later = {"first_click": [(0, 2, 99)], "linear": [(0, 2, 50), (0, 3, 49)]}
    assert paid(shop, shop.order((0, 0)), 99) == a_day_later[model]


@pytest.mark.parametrize("model", MODELS)
def test_an_order_without_a_live_link_stays_nobodys(model):
    shop = Shop(model, window_days=1.0)
    shop.day((0, 0, 1))
    shop.day()
    shop.day()
    lines = shop.order((0, 0), (2, 1))
    assert lines.sponsor.tolist() == [-1, -1]
    assert paid(shop, lines) == []


@pytest.mark.parametrize("model", MODELS)
def test_an_order_with_a_code_stays_with_its_owner(model):
    shop = three_visits(model)
    lines = shop.order((0, 0), codes={0: 4})
    assert lines.sponsor[0] == 4
    assert paid(shop, lines) == [(0, 4, 100)]


def test_higher_levels_and_sponsors_of_old_are_not_divided():
    shop = three_visits("linear")
    orders = orders_of(shop.order((0, 0)))
    second = Commissions(*(np.array(c) for c in ([0, 0], [3, 5], [90, 30], [1, 2])))
    parts = shop.attribution.split(orders, second)
    assert parts.recipient.tolist() == [1, 2, 3, 5]
    assert parts.cents.tolist() == [30, 30, 30, 30]
    assert parts.level.tolist() == [1, 1, 1, 2]
    referrer = orders._replace(sponsor=np.array([5], np.int32))
    kept = shop.attribution.split(referrer, to_sponsors(referrer, 90))
    assert kept.recipient.tolist() == [5]


def test_an_order_under_an_invented_name_is_not_divided():
    shop = three_visits("linear")
    assert paid(shop, shop.order((0, 0)), fakes=np.array([1], np.int8)) == [(0, 3, 100)]


def test_yesterdays_orders_do_not_divide_todays():
    shop = three_visits("linear")
    lines = shop.order((0, 0))
    shop.day()
    shop.order()
    assert paid(shop, lines) == [(0, 3, 100)]


def test_last_click_keeps_no_log():
    shop = three_visits("last_click")
    assert shop.attribution.touches == 0


def test_the_log_does_not_grow_beyond_the_window():
    shop = Shop("linear", window_days=5.0)
    for day in range(200):
        shop.day((day % PEOPLE, 0, (day + 1) % PEOPLE), ((day + 2) % PEOPLE, 1, day % PEOPLE))
        assert shop.attribution.touches <= 2 * 6
        assert shop.attribution._log.length <= 4 * 6


# Properties ----------------------------------------------------------------------------------

amounts = st.lists(st.integers(0, 10**7), min_size=1, max_size=6)


@given(amounts, st.data())
def test_parts_add_up_and_stay_within_a_cent_of_their_quota(cents, data):
    weights = [
        data.draw(st.lists(st.integers(0, FULL_WEIGHT), min_size=1, max_size=7).filter(sum))
        for _ in cents
    ]
    row = np.repeat(np.arange(len(cents)), [len(w) for w in weights])
    weight = np.concatenate([np.array(w, np.int64) for w in weights])
    parts = shares_of(np.array(cents, np.int64), row, weight)
    assert np.bincount(row, weights=parts).astype(np.int64).tolist() == cents
    for k, amount in enumerate(cents):
        for part, w in zip(parts[row == k].tolist(), weights[k], strict=True):
            assert abs(part - Fraction(amount * w, sum(weights[k]))) < 1


def reference(model: str, touches: list[tuple[int, int]], tick: int, half_life: float) -> dict:
    """Exact part of each friend, by first touch; touches : (tick, friend), in order of ticks."""
    n = len(touches)
    if model == "linear":
        weights = [Fraction(1)] * n
    elif model == "position" and n > 2:
        middle = Fraction(1, 5 * (n - 2))
        weights = [Fraction(2, 5), *[middle] * (n - 2), Fraction(2, 5)]
    elif model == "position":
        weights = [Fraction(1, n)] * n
    else:
        weights = [Fraction(2.0 ** (-(tick - when) / half_life)) for when, _ in touches]
    parts: dict[int, Fraction] = {}
    for (_, friend), weight in zip(touches, weights, strict=True):
        parts[friend] = parts.get(friend, Fraction(0)) + weight
    return {friend: part / sum(weights) for friend, part in parts.items()}


visits_of_days = st.lists(
    st.dictionaries(
        st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, PRODUCTS - 1)),
        st.integers(0, PEOPLE - 1),
        max_size=5,
    ),
    min_size=1,
    max_size=14,
)


@given(
    st.sampled_from(["linear", "position", "time_decay"]), visits_of_days,
    st.integers(0, 8), st.integers(1, 5000),
)  # fmt: skip
def test_every_order_is_divided_as_by_hand(model, days, window, cents):
    shop = Shop(model, window_days=window, half_life_days=3.0)
    history: list[tuple[int, int, int, int]] = []
    for tick, visits in enumerate(days):
        shop.day(*((b, p, s) for (b, p), s in visits.items() if b != s))
        history += [(tick, b, p, s) for (b, p), s in visits.items() if b != s]
    bought = [(b, p) for b in range(PEOPLE) for p in range(PRODUCTS)]
    got = paid(shop, shop.order(*bought), cents)
    now = len(days) - 1
    for k, (buyer, product) in enumerate(bought):
        touches = [
            (t, s) for t, b, p, s in history if (b, p) == (buyer, product) and now - t <= window
        ]
        mine = {recipient: part for order, recipient, part in got if order == k}
        if not touches:
            assert mine == {}
            continue
        assert sum(mine.values()) == cents
        expected = reference(model, touches, now, 3.0)
        assert set(mine) <= set(expected)
        for friend, part in expected.items():
            assert abs(mine.get(friend, 0) - part * cents) < 1.001


@given(
    st.sampled_from(MODELS), visits_of_days, st.permutations(range(PEOPLE)), st.integers(1, 5000)
)
def test_numbers_of_people_do_not_matter(model, days, names, cents):
    one, other = Shop(model), Shop(model)
    for visits in days:
        here = [(b, p, s) for (b, p), s in visits.items() if b != s]
        one.day(*here)
        other.day(*((names[b], p, names[s]) for b, p, s in here))
    bought = [(b, p) for b in range(PEOPLE) for p in range(PRODUCTS)]
    ours = paid(one, one.order(*bought), cents)
    renamed = sorted((names[b], p) for b, p in bought)
    theirs = paid(other, other.order(*renamed), cents)
    assert {(names[bought[k][0]], bought[k][1], names[friend], part) for k, friend, part in ours} \
        == {(*renamed[k], friend, part) for k, friend, part in theirs}  # fmt: skip


# Wrong input and speed -----------------------------------------------------------------------


@pytest.mark.parametrize("model", ["linear", "position", "time_decay"])
def test_a_retroactive_tier_cannot_be_divided(model):
    settings = Settings(model=model)
    retroactive = Tiered(retroactive=True)
    inside = Combined(parts=(FixedBounty(amount=1.0), retroactive))
    for scheme in (retroactive, inside):
        with pytest.raises(
            InputError,
            match=rf"attribution.model = '{model}'.*set attribution.model to 'last_click'",
        ):
            check(settings, scheme)
    check(settings, Tiered(retroactive=False))
    check(Settings(model="first_click"), retroactive)


@pytest.mark.parametrize("model", ["first_click", "linear", "position", "time_decay"])
def test_a_large_day_takes_a_fraction_of_a_second(model):
    people, size = 200_000, 100_000
    shop = Shop(model, people=people)
    buyers = np.arange(0, 2 * size, 2)
    shop.state.click_due[0, buyers] = 0
    shop.state.click_sponsor[0, buyers] = buyers + 1
    lines = order_lines(size)
    lines.buyer[:] = buyers
    lines.sponsor[:] = buyers + 1
    orders = orders_of(lines)
    credits = to_sponsors(orders, 123)
    lines.tie[:], lines.channel[:] = shop.state.click_tie[0, buyers], 0
    start = time.process_time()
    shop.day()
    shop.attribution.decide(0, lines, shop.state)
    parts = shop.attribution.split(orders, credits)
    took = time.process_time() - start
    assert parts.cents.sum() == 123 * size
    assert took < 0.5  # a tenth of a second on a machine of its own
