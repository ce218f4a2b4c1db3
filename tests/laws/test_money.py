"""Laws of money over generated histories: days of orders, refunds, holds, caps and budgets."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.incentives import MultiLevel, NoIncentive, Percentage, Tiered
from sim.orders import ORDER_DTYPES, Orders
from sim.schemes import SCHEMES
from tests.money_world import Shop, make_orders
from tests.scheme_strategies import PARAMETERS, TIERS, made, rates, single, terms

SIZE = 8
PRICES = (999, 2000, 1)
DAYS = 12


class History(NamedTuple):
    """What happens: who referred whom, who is a member, and the orders of every day."""

    sponsor_of: tuple[int, ...]
    is_member: tuple[bool, ...]
    days: tuple[Orders, ...]


@st.composite
def histories(draw, fewest=0):
    sponsor_of = tuple(draw(st.integers(-1, person - 1)) for person in range(SIZE))
    is_member = tuple(draw(st.lists(st.booleans(), min_size=SIZE, max_size=SIZE)))
    days, next_id = [], 0
    for tick in range(DAYS):
        size = draw(st.integers(fewest, 5))
        product = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
        delays = draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
        people = st.lists(st.integers(0, SIZE - 1), min_size=size, max_size=size)
        sponsors = st.lists(st.integers(-1, SIZE - 1), min_size=size, max_size=size)
        flags = st.lists(st.booleans(), min_size=size, max_size=size)
        days.append(
            make_orders(
                np.arange(next_id, next_id + size),
                tick=tick,
                buyer=draw(people),
                product=product,
                price_cents=np.take(PRICES, np.array(product, int)),
                cost_cents=500,
                sponsor=draw(sponsors),
                new_customer=draw(flags),
                refund_tick=[tick + delay if delay else -1 for delay in delays],
            )
        )
        next_id += size
    return History(sponsor_of, is_member, tuple(days))


ALONE = tuple(PARAMETERS)
IN_MONEY = tuple(kind for kind in ALONE if kind != "points")
# The others have places that a further sale can take from somebody: they break I9 and say so.
MORE_PAYS_MORE = tuple(kind for kind in ALONE if "I9" not in SCHEMES[kind]().known_breaks)
# Lots fall on people, so other names draw other lots.
SAME_FOR_ALL = tuple(kind for kind in ALONE if kind != "lottery")

# Minimum payouts and checks delay and hold: tests/laws/test_scheme_laws.py has them.
UNTIL_PAID = {
    "minimum_payout": 0, "payout_every_days": 0, "similarity_check": 0.0,
    "false_positive_rate": 0.0,
}  # fmt: skip
limits = terms().map(lambda found: {**found, **UNTIL_PAID})


def schemes(kinds=ALONE, conditions=limits):
    return single(kinds, conditions).map(made)


def open_shop(scheme, history, dt=1.0):
    return Shop(
        scheme,
        SIZE,
        prices=PRICES,
        costs=(500, 500, 500),
        sponsor_of=history.sponsor_of,
        is_member=history.is_member,
        dt=dt,
    )


def play(scheme, history, dt=1.0):
    """The shop after all days and the days until every hold and refund is over."""
    shop = open_shop(scheme, history, dt)
    for tick, orders in enumerate(history.days):
        shop.day(tick, orders)
    for tick in range(DAYS, DAYS + 8):
        shop.day(tick)
    return shop


def lines_of(shop, account):
    lines = shop.ledger.entries()
    return lines[lines.account == account]


def per_person(lines, column):
    return np.bincount(lines.party, lines[column], minlength=SIZE).astype(np.int64)


# The books -------------------------------------------------------------------------------------


@given(schemes(), histories())
def test_the_books_balance_at_every_tick(scheme, history):
    shop = open_shop(scheme, history)
    for tick in range(DAYS + 8):
        shop.day(tick, history.days[tick] if tick < DAYS else None)
        shop.ledger.reconcile()
    lines = shop.ledger.entries()
    by_day = lines.groupby("day")[["debit_cents", "credit_cents"]].sum()
    assert (by_day.debit_cents == by_day.credit_cents).all()
    assert (lines[["debit_cents", "credit_cents"]].min(axis=1) == 0).all()
    assert (lines[["debit_cents", "credit_cents"]].max(axis=1) > 0).all()


@given(schemes(IN_MONEY), histories())
def test_accrued_is_the_sum_of_the_states_for_everybody(scheme, history):
    shop = play(scheme, history)
    ledger = shop.ledger
    pending = lines_of(shop, "commission_pending")
    accrued = per_person(pending[pending.kind == "commission"], "credit_cents")
    taken_back = ledger.cancelled_cents + ledger.clawed_back_cents
    settled = ledger.paid_cents - ledger.owed_cents
    assert (accrued == ledger.approved_cents + settled + taken_back).all()
    assert (ledger.earned_cents == accrued - taken_back).all()
    cash = lines_of(shop, "cash")
    assert (ledger.paid_cents == per_person(cash[cash.kind == "payout"], "credit_cents")).all()
    assert (ledger.pending_cents == 0).all()  # every hold is over
    assert (ledger.approved_cents <= ledger.owed_cents).all()  # what is left waits for debts


@given(schemes(IN_MONEY), histories())
def test_a_refunded_order_leaves_no_commission(scheme, history):
    shop = play(scheme, history)
    orders = shop.ledger.orders()
    refunded = orders.order_id[orders.refund_tick >= 0]
    expense = lines_of(shop, "commission_expense")
    expense = expense[expense.order_id.isin(refunded)]
    net = (expense.debit_cents - expense.credit_cents).groupby(expense.order_id).sum()
    payouts = lines_of(shop, "cash")
    payouts = payouts[payouts.kind == "payout"]
    refund_day = dict(zip(orders.order_id, orders.refund_tick, strict=True))
    due = refund_day.__getitem__
    if scheme.clawback:
        assert (net == 0).all()
    else:
        kept = payouts[payouts.order_id.isin(refunded)].groupby("order_id").credit_cents.sum()
        assert net[net != 0].to_dict() == kept.to_dict()
    for order_id, day in zip(payouts.order_id, payouts.day, strict=True):
        assert due(order_id) == -1 or day < due(order_id)


@given(schemes(), histories())
def test_a_payout_waits_for_the_holding_period(scheme, history):
    shop = play(scheme, history)
    pending = lines_of(shop, "commission_pending")
    accrued = pending[pending.kind == "commission"].groupby("order_id").day.first()
    approved = pending[pending.kind == "approve"]
    assert (approved.day - approved.order_id.map(accrued) == scheme.hold_days).all()
    payable = lines_of(shop, "commission_payable")
    payouts = payable[payable.kind == "payout"]
    assert (payouts.day - payouts.order_id.map(accrued) >= scheme.hold_days).all()


# Terms -----------------------------------------------------------------------------------------


@given(schemes(), histories())
def test_budget_and_cap_are_never_exceeded(scheme, history):
    shop = play(scheme, history)
    expense = lines_of(shop, "commission_expense")
    discounts = lines_of(shop, "discounts")
    spent = int(expense.debit_cents.sum() + discounts.debit_cents.sum())
    assert spent == shop.programme.spent_cents
    if scheme.budget is not None:
        assert spent <= round(scheme.budget * 100)
    if scheme.cap_per_person is not None:
        accrued = lines_of(shop, "commission_pending")
        accrued = accrued[accrued.kind == "commission"]
        period = accrued.day // (scheme.cap_period_days or 1000)
        received = accrued.credit_cents.groupby([accrued.party, period]).sum()
        assert (received <= round(scheme.cap_per_person * 100)).all()


@given(schemes(), histories())
def test_only_qualifying_orders_and_eligible_people_are_paid(scheme, history):
    shop = play(scheme, history)
    orders = shop.ledger.orders()
    accrued = lines_of(shop, "commission_pending")
    accrued = accrued[accrued.kind == "commission"]
    rows = accrued.order_id.to_numpy()  # ids count from 0
    paid = orders.take(rows)
    end_day = DAYS if scheme.end_day is None else scheme.end_day
    credited = paid.sponsor
    if scheme.pays_referrer:  # without a link of somebody else, who once referred the buyer
        by_link = (paid.sponsor >= 0) & (paid.sponsor != paid.buyer)
        credited = np.where(by_link, paid.sponsor, np.take(history.sponsor_of, paid.buyer))
    assert (credited >= 0).all()
    assert (credited != paid.buyer).all()
    assert (accrued.party.to_numpy() != paid.buyer).all()
    assert (paid.net_cents > 0).all()
    assert (paid.net_cents >= scheme.minimum_order * 100).all()
    assert ((paid.tick >= scheme.start_day) & (paid.tick < end_day)).all()
    if scheme.first_order_only:
        assert paid.new_customer.all()
    if scheme.customers_only:
        assert np.array(history.is_member)[accrued.party.to_numpy()].all()
    assert (orders.discount_cents <= orders.price_cents).all()
    own_or_none = (orders.sponsor < 0) | (orders.sponsor == orders.buyer)
    assert (orders.discount_cents[own_or_none] == 0).all()


# Symmetry --------------------------------------------------------------------------------------


@given(schemes(SAME_FOR_ALL), histories(), st.permutations(range(SIZE)))
def test_names_of_people_do_not_matter(scheme, history, names):
    names = np.array(names)
    named = np.append(names, -1)  # -1 stays -1
    sponsor_of, is_member = np.empty(SIZE, int), np.empty(SIZE, bool)
    sponsor_of[names] = named[np.array(history.sponsor_of)]
    is_member[names] = history.is_member
    renamed = History(
        tuple(sponsor_of),
        tuple(is_member),
        tuple(
            orders._replace(
                buyer=names[orders.buyer].astype(np.int32),
                sponsor=named[orders.sponsor].astype(np.int32),
            )
            for orders in history.days
        ),
    )
    one, other = play(scheme, history).ledger, play(scheme, renamed).ledger
    for name in ("earned", "approved", "paid", "owed", "cancelled", "clawed_back"):
        wallet = f"{name}_cents"
        assert (getattr(one, wallet) == getattr(other, wallet)[names]).all()
    assert one.totals() == other.totals()


@given(schemes(), histories(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(scheme, history, luck):
    shuffled = []
    for orders in history.days:
        rows = list(range(len(orders.order_id)))
        luck.shuffle(rows)
        shuffled.append(orders.take(np.array(rows, int)))
    one = play(scheme, history).ledger
    other = play(scheme, history._replace(days=tuple(shuffled))).ledger
    assert one.totals() == other.totals()
    for name, column in zip(ORDER_DTYPES, one.orders(), strict=True):
        assert (column == getattr(other.orders(), name)).all()
    assert (one.earned_cents == other.earned_cents).all()


# What a scheme pays ----------------------------------------------------------------------------


@given(schemes(), histories(fewest=1))
def test_nothing_in_nothing_out(scheme, history):
    shop = open_shop(scheme, history)
    for orders in history.days:
        free = orders._replace(discount_cents=orders.price_cents)
        unreferred = orders._replace(sponsor=np.full_like(orders.sponsor, -1))
        for nothing in (Orders.empty(), free, unreferred):
            assert len(scheme.settle(nothing, shop.market).cents) == 0


@given(schemes(conditions=st.just({})), histories(), st.integers(0, 10**9))
def test_a_higher_price_never_pays_anybody_less(scheme, history, more):
    shop = open_shop(scheme, history)

    def earned(orders):
        credits = scheme.settle(orders, shop.market)
        total = np.zeros(SIZE, np.int64)
        np.add.at(total, credits.recipient, credits.cents)
        return total

    for orders in history.days:
        dearer = orders._replace(price_cents=orders.price_cents + more)
        assert (earned(dearer) >= earned(orders)).all()


@given(schemes(MORE_PAYS_MORE, st.just({"customers_only": False})), histories())
def test_a_further_sale_never_lowers_what_people_earned(scheme, history):
    # I9: no budget and no cap here; with them a further sale can use up what others wait for.
    without = tuple(orders.take(np.arange(len(orders.order_id)) > 0) for orders in history.days)
    never = tuple(o._replace(refund_tick=np.full_like(o.refund_tick, -1)) for o in history.days)
    fewer = tuple(o._replace(refund_tick=np.full_like(o.refund_tick, -1)) for o in without)
    more_earned = play(scheme, history._replace(days=never)).ledger.earned_cents
    less_earned = play(scheme, history._replace(days=fewer)).ledger.earned_cents
    assert (more_earned >= less_earned).all()


@given(
    st.builds(
        dict, tiers=TIERS, period=st.sampled_from(["month", "lifetime"]), retroactive=st.just(True)
    ),
    limits,
    histories(fewest=2),
    st.sampled_from([1.0, 10.0]),
)
def test_nobody_keeps_a_re_rating_of_refunded_sales(own, conditions, history, dt):
    scheme = Tiered(**own, **{**conditions, "clawback": True})
    shop = play(scheme, history, dt)
    orders = shop.ledger.orders()
    kept = orders.take((orders.refund_tick < 0) & (orders.sponsor >= 0))
    sales, counts = np.zeros((2, SIZE), np.int64)
    np.add.at(sales, kept.sponsor, kept.net_cents)
    np.add.at(counts, kept.sponsor, 1)
    assert (shop.ledger.earned_cents <= scheme.tiers[-1][1] * sales + counts).all()
    shop.ledger.reconcile()


@given(TIERS, histories(fewest=2))
def test_counted_orders_and_sales_are_those_not_refunded(tiers, history):
    scheme = Tiered(tiers=tiers, period="lifetime", retroactive=True, customers_only=False)
    shop = play(scheme, history)
    orders = shop.ledger.orders()
    counted = (orders.refund_tick < 0) & (orders.sponsor >= 0) & (orders.sponsor != orders.buyer)
    kept = orders.take(counted)
    sales, counts = np.zeros((2, SIZE), np.int64)
    np.add.at(sales, kept.sponsor, kept.net_cents)
    np.add.at(counts, kept.sponsor, 1)
    assert (shop.market.credited_orders == counts).all()
    assert (shop.market.credited_sales_cents == sales).all()
    # Buying and returning pays nothing: at most what the orders left would earn alone.
    assert (shop.ledger.earned_cents <= scheme.due_cents(counts, sales)).all()
    # With a further order everybody has exactly that.
    last = make_orders(
        np.arange(SIZE) + len(orders.order_id),
        tick=DAYS + 8,
        sponsor=np.arange(SIZE),
        buyer=(np.arange(SIZE) + 1) % SIZE,
    )
    shop.day(DAYS + 8, last)
    due = scheme.due_cents(counts + 1, sales + last.net_cents)
    assert (shop.ledger.earned_cents == due).all()


@given(
    st.integers(0, 10**12),
    rates,
    st.integers(0, 999).map(lambda whole: whole / 1000),
    st.integers(1, 8),
)
def test_levels_never_pay_more_than_the_geometric_bound(net, rate, ratio, levels):
    chain = tuple(range(-1, SIZE - 1))
    scheme = MultiLevel(rate=rate, ratio=ratio, levels=levels)
    market = Shop(scheme, SIZE, sponsor_of=chain).market
    orders = make_orders([0], buyer=0, sponsor=SIZE - 1, price_cents=net)
    credits = scheme.settle(orders, market)
    a, r = Fraction(str(rate)), Fraction(str(ratio))
    bound = a * (1 - r**levels) / (1 - r) * net
    total = int(credits.cents.sum())
    assert total <= int(bound + Fraction(1, 2))
    # Each level above the first loses less than a cent to rounding, and 1e-9 of its rate.
    assert total > bound - levels - Fraction(net, 10**9) * levels
    distance = SIZE - credits.recipient  # person SIZE-1 is level 1
    assert (distance == credits.level).all()
    assert credits.level.max(initial=0) <= levels


@pytest.mark.parametrize("levels", range(1, 7))
def test_no_commission_beyond_the_paid_levels(levels):
    shop = Shop(MultiLevel(rate=0.5, ratio=0.9, levels=levels), 8, sponsor_of=range(-1, 7))
    shop.day(0, make_orders([0], buyer=7, sponsor=6))
    assert np.flatnonzero(shop.ledger.earned_cents).tolist() == list(range(7 - levels, 7))


@given(rates, st.integers(0, 10**12))
def test_one_level_is_the_percentage_scheme(rate, net):
    orders = make_orders([0], buyer=1, sponsor=0, price_cents=net)
    market = Shop(NoIncentive()).market
    one = MultiLevel(rate=rate, levels=1).settle(orders, market)
    assert one.cents.tolist() == Percentage(rate=rate).settle(orders, market).cents.tolist()
    assert Tiered(tiers=((0, rate),)).settle(orders, market).cents.tolist() == one.cents.tolist()
