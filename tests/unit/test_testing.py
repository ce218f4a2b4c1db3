"""check_scheme: each of its checks catches what breaks it."""

from __future__ import annotations

import itertools
import re
from typing import ClassVar

import numpy as np
import pytest

from sim.errors import InputError
from sim.incentives import Bonuses, Commissions, Offer, Scheme
from sim.quantities import quantity
from sim.schemes import (
    SCHEMES,
    ByCondition,
    Leaderboard,
    Lottery,
)
from sim.schemes.scheme import told
from sim.testing import CHECKS, SchemeError, check_scheme
from sim.testing.conformance import (
    DOCUMENTED,
    ENGINES_AGREE,
    INVARIANTS,
    MADE,
    NAMES,
    REPEATS,
    RETURNS,
    ROWS,
    UNTOUCHED,
    WRITTEN,
)
from tests.worlds import rich_scenario


@pytest.fixture(autouse=True)
def _own_schemes():
    """The classes of a test are forgotten after it."""
    known = dict(SCHEMES)
    yield
    SCHEMES.clear()
    SCHEMES.update(known)


def broken_by(**methods):
    """A class that pays ten percent, but for ``methods``, properties and fields."""
    return type("Broken", (Tenth,), {"__module__": __name__, "__annotations__": {}, **methods})


class Tenth(Scheme):
    """Ten percent, written as a user would."""

    def offer(self, market):
        return Offer(0.1 * market.prices_cents, np.zeros(len(market.prices_cents), np.int64))

    def settle(self, orders, market):
        return self.pay(orders, orders.sponsor, orders.net_cents // 10)

    def pay(self, orders, recipient, amounts, level=1):
        rows = np.arange(len(orders.order_id))
        return Commissions(rows, recipient, amounts, np.full(len(rows), level, np.int8))


del SCHEMES["tenth"]


def nothing_off(market):
    return np.zeros(len(market.prices_cents), np.int64)


def failures_of(scheme, **options):
    """The failed checks by name."""
    with pytest.raises(SchemeError) as raised:
        check_scheme(scheme, **options)
    assert str(raised.value).startswith(
        f"{getattr(scheme, '__name__', type(scheme).__name__)} does not pass "
    )
    found = {}
    for failure in raised.value.failures:
        invariant = re.match(r"I\d+(?=, )", failure.check)
        found[invariant[0] if invariant else failure.check] = failure
    return found


def test_a_plain_scheme_of_a_user_passes():
    check_scheme(broken_by())
    check_scheme(broken_by()(budget=50.0), scenario=rich_scenario())


# The class and its parameters


def test_a_scheme_without_defaults_is_caught():
    cls = broken_by(__annotations__={"rate": float}, rate=quantity(
        ..., unit="share", low=0, high=1, kind="lever", source="plan", description="rate",
    ))  # fmt: skip
    assert "Broken() says rate" in failures_of(cls)[MADE].detail
    assert set(failures_of(cls(rate=0.1))) == {MADE}  # the rest is tried all the same


def test_an_abstract_scheme_is_caught():
    cls = type("Idea", (Scheme,), {"__module__": __name__})
    assert "abstract" in failures_of(cls)[MADE].detail


def test_undocumented_parameters_are_caught():
    cls = broken_by(__annotations__={"rate": float, "names": tuple[str, ...]}, rate=0.1, names=())
    found = failures_of(cls)
    assert set(found) == {DOCUMENTED}
    assert found[DOCUMENTED].detail.startswith(
        "rate has no description, rate has no unit, rate has no bounds, "
        "names has no description, names has no unit; declare"
    )


def test_a_parameter_that_is_lost_in_a_file_is_caught():
    cls = broken_by(__annotations__={"days": int | None}, days=quantity(
        365, unit="days", low=1, high=999, kind="lever", source="plan", description="none: ever",
    ))  # fmt: skip
    assert failures_of(cls(days=None))[WRITTEN].detail == "days = None comes back as 365"


def test_two_classes_of_one_name_are_caught():
    first = broken_by()()
    broken_by()
    assert "means another class now" in failures_of(first)[WRITTEN].detail


# What methods return


RETURNED = {
    "offer, no number": (
        {"offer": lambda self, market: Offer(np.nan * market.prices_cents, nothing_off(market))},
        "Broken.offer returned an amount below 0 or no number",
    ),
    "offer, below zero": (
        {"offer": lambda self, market: Offer(-1.0 * market.prices_cents, nothing_off(market))},
        "Broken.offer returned an amount below 0",
    ),
    "offer, one number": (
        {"offer": lambda self, market: Offer(np.array(5.0), nothing_off(market))},
        "Broken.offer returned reward_cents of shape ()",
    ),
    "offer, part of a cent off": (
        {"offer": lambda self, market: Offer(0.1 * market.prices_cents, nothing_off(market) + 0.5)},
        "Broken.offer returned friend_cents of shape (1,) and type float64",
    ),
    "offer, nothing": ({"offer": lambda self, market: None}, "Broken.offer returned NoneType"),
    "offer, an error": (
        {"offer": lambda self, market: 1 / 0},
        "Broken.offer says ZeroDivisionError: division by zero",
    ),
    "settle, parts of a cent": (
        {"settle": lambda self, orders, _: self.pay(orders, orders.sponsor,
                                                    orders.net_cents * 0.033)},
        "Broken.settle returned cents as float64; use whole numbers",
    ),
    "settle, below zero": (
        {"settle": lambda self, orders, _: self.pay(orders, orders.sponsor, -orders.net_cents)},
        "Broken.settle returned cents = -3600",
    ),
    "settle, unknown people": (
        {"settle": lambda self, orders, market: self.pay(orders, orders.sponsor + market.size,
                                                         orders.net_cents)},
        "Broken.settle returned recipient = 16; allowed is 0 to 11",
    ),
    "settle, a third level": (
        {"settle": lambda self, orders, _: self.pay(orders, orders.sponsor,
                                                    orders.net_cents // 10, level=3)},
        "Broken.settle returned level = 3; allowed is 1 to 1",
    ),
    "settle, a table": (
        {"settle": lambda self, orders, _: [orders.sponsor, orders.net_cents]},
        "Broken.settle returned list",
    ),
    "settle, no empty day": (
        {"settle": lambda self, orders, _: self.pay(orders, orders.sponsor,
                                                    0 * orders.net_cents + orders.net_cents.max())},
        "Broken.settle says ValueError: zero-size array",
    ),
    "settle, pay without orders": (
        {"settle": lambda self, orders, _: Commissions(*np.ones((4, 1), np.int64))},
        "without orders",
    ),
    "discounts, parts of a cent": (
        {"discounts": lambda self, orders, _: 0.5 + orders.price_cents},
        "Broken.discounts returned shape (1,) and type float64",
    ),
    "discounts, below zero": (
        {"discounts": lambda self, orders, _: -orders.price_cents},
        "Broken.discounts returned less than 0 cents",
    ),
    "bonuses, for an order of nobody's": (
        {"bonuses": lambda self, _: Bonuses(np.array([0]), np.array([3], np.int32),
                                            np.array([100]))},
        "Broken.bonuses pays somebody for an order that is not credited to her",
    ),
    "bound, no number": (
        {"bound_cents": lambda self, market: np.inf * market.prices_cents},
        "Broken.bound_cents returned [inf]",
    ),
    "bound, one number": (
        {"bound_cents": lambda self, market: 100.0}, "Broken.bound_cents returned shape ()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RETURNED)
def test_a_method_that_returns_the_wrong_thing_is_caught(name):
    methods, message = RETURNED[name]
    found = failures_of(broken_by(**methods))
    assert message in found[RETURNS].detail
    assert len(found[RETURNS].example) == 1  # it shows with one order, or without any


def test_a_bonus_for_an_order_that_was_refunded_is_caught():
    class Stubborn(Scheme):
        """A bonus for the first order ten days later, whether or not it stands."""

        def offer(self, market):
            return told(market, reward=100)

        def settle(self, orders, market):
            return Commissions.empty()

        def bonuses(self, market):
            history = market.history._credits
            if market.tick != 10 or not len(history["order_id"]):
                return Bonuses.empty()
            return Bonuses(history["order_id"][:1], history["sponsor"][:1], np.array([100]))

    found = failures_of(Stubborn)
    assert "not credited to her" in found[RETURNS].detail
    assert found[RETURNS].example[0].startswith("after ")


# Same answers, nothing touched, rows and names


def test_dice_are_caught():
    dice = itertools.cycle([3, 1, 2, 5, 4])
    cls = broken_by(
        settle=lambda self, orders, _: self.pay(
            orders, orders.sponsor, np.array([next(dice) for _ in orders.sponsor], int)
        )
    )
    found = failures_of(cls)
    assert "for chance use market.luck(orders)" in found[REPEATS].detail
    assert found[REPEATS].example == ("day 0: 11 buys product at 36.00 through 4",)


def test_dice_at_the_checkout_are_caught():
    dice = itertools.count()
    cls = broken_by(
        discounts=lambda self, orders, _: np.full(len(orders.sponsor), next(dice) % 100)
    )
    assert "Broken.discounts answers" in failures_of(cls)[REPEATS].detail


def test_a_memory_of_its_own_is_caught():
    class Forgetful(Tenth):
        """Pays less with every day it was asked, in any run of the process."""

        asked: ClassVar[list[int]] = []

        def settle(self, orders, market):
            self.asked.append(1)
            return self.pay(orders, orders.sponsor, orders.net_cents // len(self.asked))

    found = failures_of(Forgetful)
    assert {REPEATS, ENGINES_AGREE} <= set(found)


@pytest.mark.parametrize(
    "write",
    [
        lambda market: np.add(market.prices_cents, 1, out=market.prices_cents),
        lambda market: market.sponsor_of.fill(0),
        lambda market: market._people.is_member.fill(False),
        lambda market: market.advance(market.tick + 1),
        lambda market: market.history._sums.counts.fill(7),
    ],
)
def test_writing_to_the_market_is_caught(write):
    def offer(self, market):
        write(market)
        return Tenth.offer(self, market)

    assert "Broken.offer" in failures_of(broken_by(offer=offer))[UNTOUCHED].detail


def test_writing_to_the_orders_is_caught():
    def settle(self, orders, market):
        orders.discount_cents[:] = 1
        return Tenth.settle(self, orders, market)

    found = failures_of(broken_by(settle=settle))
    assert found[UNTOUCHED].detail == "Broken.settle changes the orders it is given"


def test_pay_by_the_order_of_rows_is_caught():
    def discounts(self, orders, market):
        return np.minimum(100 * np.arange(len(orders.sponsor)), orders.price_cents)

    def settle(self, orders, market):
        return Tenth.settle(self, orders, market).take(slice(0, 1))

    for methods in ({"discounts": discounts}, {"settle": settle}):
        found = failures_of(broken_by(**methods))
        assert f"Broken.{next(iter(methods))} answers otherwise" in found[ROWS].detail
        assert len(found[ROWS].example) == 2  # two orders


def test_pay_by_names_is_caught():
    def settle(self, orders, market):
        credits = Tenth.settle(self, orders, market)
        return credits.take(credits.recipient % 2 == 0)

    found = failures_of(broken_by(settle=settle))
    assert found[NAMES].detail == "earned of person 4: 3.60, but 0.00"
    assert found[NAMES].example == ("day 0: 11 buys product at 36.00 through 4",)


def test_an_offer_by_names_is_caught():
    def offer(self, market):
        return told(market, reward=np.arange(market.size) * np.ones((len(market.prices_cents), 1)))

    found = failures_of(broken_by(offer=offer))
    assert found[NAMES].detail.startswith("people are told ")


def test_a_tie_broken_by_names_is_caught():
    class Lowest(Leaderboard):
        """Pays the winner of the lowest number."""

        def bonuses(self, market):
            paid = super().bonuses(market)
            lowest = paid.recipient.min(initial=market.size)
            return Bonuses(*(column[paid.recipient == lowest] for column in paid))

    found = failures_of(Lowest(period_days=7))
    assert found[NAMES].example == ("after 2 orders on earlier days",)


# Invariants


@pytest.mark.parametrize(
    ("methods", "invariant", "words"),
    [
        ({"bound_cents": lambda self, market: 0.05 * market.prices_cents}, "I2",
         "3.60 paid on 1 orders, the bound is 1.80"),
        ({"settle": lambda self, orders, market: self.pay(
            orders, market.sponsor_of[orders.sponsor], orders.net_cents // 10).take(
                market.sponsor_of[orders.sponsor] >= 0)}, "I7",
         "level 1 is paid to somebody else than the sponsor"),
        ({"paid_levels": property(lambda self: 0)}, "I4", "somebody 1 levels up is paid"),
        ({"for_teams": property(lambda self: True)}, "I13", "without a complete team"),
    ],
)  # fmt: skip
def test_a_broken_invariant_is_caught(methods, invariant, words):
    found = failures_of(broken_by(**methods))
    assert words in found[invariant].detail
    assert found[invariant].example


def test_a_bonus_again_and_again_on_one_order_is_caught():
    def bonuses(self, market):
        standing = market.history.since(0)
        return Bonuses(standing.order_id, standing.sponsor, np.full(len(standing.row), 100))

    assert "the bound is" in failures_of(broken_by(bonuses=bonuses))["I2"].detail


def test_pay_to_whoever_signed_up_is_caught():
    def settle(self, orders, market):
        return self.pay(orders, np.zeros_like(orders.sponsor), orders.net_cents // 10)

    found = failures_of(broken_by(settle=settle))
    assert found[NAMES].example == ("day 0: 11 buys product at 36.00 through 4",)
    assert "level 1 is paid to somebody else" in found["I7"].detail


def test_a_lottery_that_promises_too_much_is_caught():
    class Generous(Lottery):
        """States a prize that is twice as good."""

        def offer(self, market):
            return told(market, reward=1000, sharer_uncertain=True)

    found = failures_of(Generous)
    assert set(found) == {"I12"}
    assert "10.00 is stated; if that is meant, name it" in found["I12"].detail


def test_a_soft_invariant_may_be_given_up_by_saying_so():
    def settle(self, orders, market):
        chain = market.ancestors(orders, 2)
        return Commissions(*map(np.concatenate, zip(
            Tenth.settle(self, orders, market),
            self.pay(orders, chain[:, 1], orders.net_cents // 20, 2).take(chain[:, 1] >= 0),
            strict=True,
        )))  # fmt: skip

    two_levels = {
        "settle": settle,
        "paid_levels": property(lambda self: 2),
        "bound_cents": lambda self, market: 0.15 * market.prices_cents,
    }
    assert set(failures_of(broken_by(**two_levels))) == {"I10"}
    says_so = property(lambda self: {"I10": "the second level is worth it to us"})
    check_scheme(broken_by(**two_levels, known_breaks=says_so))


def test_a_hard_invariant_cannot_be_given_up():
    says_so = property(lambda self: {"I2": "we like to pay more"})
    low = {"bound_cents": lambda self, market: 0.05 * market.prices_cents, "known_breaks": says_so}
    assert set(failures_of(broken_by(**low))) == {"I2"}


def test_a_scheme_that_fails_among_more_people_is_caught():
    def settle(self, orders, market):
        if market.size > 12:
            raise KeyError(market.size)
        return Tenth.settle(self, orders, market)

    found = failures_of(broken_by(settle=settle))
    assert found[INVARIANTS].detail.startswith("KeyError: ")
    assert found[ENGINES_AGREE].detail == "KeyError: 60"


# The message


def test_the_message_says_every_failed_check_with_its_example():
    cls = broken_by(
        __annotations__={"rate": float},
        rate=0.1,
        bound_cents=lambda self, market: 0.05 * market.prices_cents,
    )
    with pytest.raises(AssertionError) as raised:
        check_scheme(cls)
    lines = str(raised.value).splitlines()
    assert lines[0] == "Broken does not pass 2 checks:"
    assert lines[1].startswith("- parameters documented: rate has no description, ")
    assert lines[2:] == [
        "- I2, orders pay no more than their bound: 3.60 paid on 1 orders, the bound is 1.80",
        "    day 0: 1 buys product at 36.00 through 0",
    ]


def test_what_is_no_scheme_is_refused():
    with pytest.raises(InputError, match="check_scheme was given 'percentage'; give it a scheme"):
        check_scheme("percentage")


def test_a_scheme_that_names_what_the_scenario_lacks_is_refused():
    cases = ({"when": {"products": ["coffee"]}, "scheme": "percentage"},)
    with pytest.raises(InputError, match="coffee"):
        check_scheme(ByCondition(cases=cases))
    check_scheme(ByCondition(cases=cases), scenario=rich_scenario())


def test_every_check_is_explained():
    assert list(CHECKS) == [
        MADE, DOCUMENTED, WRITTEN, RETURNS, REPEATS, UNTOUCHED, ROWS, NAMES, INVARIANTS,
        ENGINES_AGREE,
    ]  # fmt: skip
    assert all(CHECKS.values())
