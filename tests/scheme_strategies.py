"""Hypothesis strategies: a scheme of every kind with random terms, written as a scenario has it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from sim.incentives import Scheme, make_scheme
from sim.scenario import Policy

PRODUCTS = ("product 0", "product 1", "product 2")
SEGMENTS = ("town", "country")

amounts = st.integers(0, 1500).map(lambda whole: whole / 100)
rates = st.integers(0, 1000).map(lambda whole: whole / 1000)
periods = st.sampled_from(["month", "lifetime"])
switches = st.booleans()


def _seldom(usual: Any, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The usual value three times in four: of many terms together some let a payment through."""
    return st.one_of(st.just(usual), st.just(usual), st.just(usual), strategy)


@st.composite
def terms(draw: st.DrawFn, of_the_whole: bool = True) -> dict[str, Any]:
    """Terms of a scheme; those that parts leave to the whole only if ``of_the_whole``."""
    cap = draw(_seldom(None, st.integers(1, 2000).map(lambda whole: whole / 100)))
    found = {
        "budget": draw(_seldom(None, st.integers(1, 6000).map(lambda whole: whole / 100))),
        "cap_per_person": cap,
        "cap_period_days": None if cap is None else draw(st.none() | st.integers(1, 5)),
        "minimum_order": draw(_seldom(0, st.sampled_from([5, 15]))),
        "start_day": draw(_seldom(0, st.just(2))),
        "end_day": draw(_seldom(None, st.just(9))),
        "first_order_only": draw(_seldom(False, st.just(True))),
        "customers_only": draw(switches),
    }
    if not of_the_whole:
        return found
    check = draw(_seldom(0.0, st.just(0.7)))
    return {
        **found,
        "hold_days": draw(st.integers(0, 4)),
        "clawback": draw(switches),
        "minimum_payout": draw(_seldom(0, st.just(4.5))),
        "payout_every_days": draw(_seldom(0, st.just(3))),
        "similarity_check": check,
        "false_positive_rate": draw(st.sampled_from([0.0, 0.3])) if check else 0.0,
    }


@st.composite
def _falling(draw: st.DrawFn, *names: str) -> dict[str, float]:
    """Rates that do not rise from name to name."""
    found = draw(st.lists(rates, min_size=len(names), max_size=len(names)))
    return dict(zip(names, sorted(found, reverse=True), strict=True))


@st.composite
def _lottery(draw: st.DrawFn) -> dict[str, Any]:
    won = st.integers(1, 3000).map(lambda whole: whole / 100)
    prizes = draw(st.lists(st.tuples(won, st.integers(0, 50)), min_size=1, max_size=2))
    worth = sum(Fraction(str(amount)) * percent / 100 for amount, percent in prizes)
    return {
        "prizes": [[amount, percent / 100] for amount, percent in prizes],
        "expected": float(round(worth, 2)),
        "winner": draw(st.sampled_from(["sharer", "friend"])),
    }


@st.composite
def _recurring(draw: st.DrawFn) -> dict[str, Any]:
    pay = draw(_falling("rate", "later_rate"))
    found = {"rate": pay["rate"], "duration_days": draw(st.sampled_from([0, 5, 400]))}
    if draw(switches):
        found |= {"later_rate": pay["later_rate"], "step_down_days": draw(st.integers(1, 4))}
    return found


@st.composite
def _leaderboard(draw: st.DrawFn) -> dict[str, Any]:
    prizes = draw(st.lists(st.integers(1, 1500), min_size=1, max_size=3))
    return {
        "prizes": [prize / 100 for prize in sorted(prizes, reverse=True)],
        "period_days": draw(st.sampled_from([1, 2.5, 4, 7])),
        "minimum_orders": draw(st.integers(1, 2)),
    }


TIERS = st.sampled_from([((0, 0.0), (1, 0.4)), ((0, 0.05), (1, 0.123), (3, 0.4))])

PARAMETERS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "none": st.just({}),
    "fixed_bounty": st.fixed_dictionaries({"amount": amounts}),
    "percentage": st.fixed_dictionaries({"rate": rates}),
    "new_and_returning": _falling("rate", "returning_rate"),
    "two_sided": st.fixed_dictionaries(
        {"give": amounts, "give_rate": rates, "get": amounts, "get_rate": rates}
    ),
    "recipient_only": st.fixed_dictionaries({"give": amounts}),
    "tiered": st.fixed_dictionaries({"tiers": TIERS, "retroactive": switches, "period": periods}),
    "threshold_bonus": st.fixed_dictionaries(
        {
            "amount": amounts, "bonus": amounts, "threshold": st.integers(1, 4),
            "repeated": switches, "period": periods,
        }
    ),
    "leaderboard": _leaderboard(),
    "multi_level": st.fixed_dictionaries(
        {"rate": rates, "ratio": rates, "levels": st.integers(1, 5)}
    ),
    "decaying": st.builds(
        dict, _falling("rate", "floor_rate"), decay_days=st.sampled_from([0.5, 3.0, 40.0])
    ),
    "early_bird": st.builds(
        dict, _falling("early_rate", "rate"), first_orders=st.integers(1, 6),
        amount=st.just(0.25), early_amount=st.sampled_from([0.25, 3.0]),
    ),
    "recurring": _recurring(),
    "lottery": _lottery(),
    "points": st.fixed_dictionaries(
        {"rate": rates, "amount": amounts, "expire_days": st.just(3)}
    ),
    "team_purchase": st.fixed_dictionaries(
        {"discount": rates, "commission": rates, "size": st.integers(2, 3)}
    ),
}  # fmt: skip
"""Every scheme that stands alone, by name, with its parameters."""

# Those that pay in more ways come more often.
MANY_WAYS = ("multi_level", "two_sided", "tiered", "threshold_bonus", "points", "leaderboard")


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """A condition on the order, the customer or the sharer."""
    return draw(
        st.sampled_from(
            [
                {"new_customer": True},
                {"amount_from": 10.0},
                {"products": ["product 1"]},
                {"customer_days_from": 3.0},
                {"customer_segments": ["town"], "amount_to": 15.0},
                {"sharer_orders_from": 1},
                {"sharer_orders_to": 2, "sharer_friends_from": 2},
                {"sharer_segments": ["country"]},
                {"sharer_days_from": 2.0, "new_customer": False},
            ]
        )
    )


@st.composite
def single(
    draw: st.DrawFn,
    kinds: tuple[str, ...] = tuple(PARAMETERS),
    conditions: st.SearchStrategy[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A scheme that stands alone as a table; ``conditions`` are its terms."""
    often = tuple(kind for kind in MANY_WAYS if kind in kinds)
    kind = draw(st.sampled_from((*often, *kinds)))
    found = draw(terms() if conditions is None else conditions)
    return {"scheme": kind, **draw(PARAMETERS[kind]), **found}


@st.composite
def nested(draw: st.DrawFn, depth: int = 3, of_the_whole: bool = True) -> dict[str, Any]:
    """A scheme as a table: alone, several at once, or by conditions, up to ``depth`` deep."""
    kind = (
        draw(st.sampled_from(["single", "single", "combined", "by_condition"]))
        if depth
        else "single"
    )
    own = terms(of_the_whole)
    if kind == "single":
        return draw(single(conditions=own))
    parts = st.lists(nested(depth - 1, of_the_whole=False), min_size=1, max_size=2)
    if kind == "combined":
        return {"scheme": kind, "parts": draw(parts), **draw(own)}
    return {
        "scheme": kind,
        "cases": [{"when": draw(conditions()), **part} for part in draw(parts)],
        "otherwise": draw(nested(depth - 1, of_the_whole=False)),
        "precedence": "first",
        **draw(own),
    }


def made(table: dict[str, Any]) -> Scheme:
    """The scheme of a table, as from a scenario's file: what is unset is left out."""
    return make_scheme(Policy(**_written(table)), "policies.generated")


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _written(item) for name, item in value.items() if item is not None}
    return [_written(item) for item in value] if isinstance(value, list) else value
