"""The conformance suite of schemes: what every built-in one passes, and a user's own in one line.

Nothing is left to chance: the histories are fixed, smallest first, so the counter-example of a
failed check is the smallest of them, and the same every time.
"""

from __future__ import annotations

import tomllib
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Union, get_args, get_origin

import numpy as np
from pydantic import ValidationError

from sim.audit import check_invariants
from sim.errors import InputError
from sim.incentives import Market, Scheme, make_scheme
from sim.ledger import Ledger
from sim.limits import Part
from sim.model import Engine, WordOfMouthModel
from sim.orders import Commissions, Orders
from sim.scenario import Policy, Scenario
from sim.testing.rehearsal import SPONSOR_OF, Evening, Purchase, Stage, describe, histories

MADE = "made without arguments"
DOCUMENTED = "parameters documented"
WRITTEN = "written down and read back"
RETURNS = "methods return what they should"
REPEATS = "same question, same answer"
UNTOUCHED = "market and orders left alone"
ROWS = "order of rows does not matter"
NAMES = "names of people do not matter"
INVARIANTS = "invariants of the audit"
ENGINES_AGREE = "both engines agree"

CHECKS: dict[str, str] = {
    MADE: "the class works with its defaults",
    DOCUMENTED: "each parameter has a description and a unit, each number bounds",
    WRITTEN: "as a policy in a TOML file the scheme stays the same",
    RETURNS: "offers, credits, discounts and bonuses: types, shapes, whole cents, known people, "
    "paid levels; also on a day without orders",
    REPEATS: "no dice, no memory of its own",
    UNTOUCHED: "a scheme answers; it does not write",
    ROWS: "orders of a day count by their ids",
    NAMES: "people are alike but for what the market says of them",
    INVARIANTS: "I1 to I14, with clawback on; soft ones of known_breaks may be broken",
    ENGINES_AGREE: "a run of sixty people over twenty days: the same bits, books that reconcile",
}
"""What is checked, in this order."""

_SMALL_WORLD: dict[str, Any] = {
    "days": 20,
    "network": {"kind": "watts_strogatz", "mean_degree": 8},
    "campaign": {"initial_customers": 0.4, "organic_visits": 0.2},
    "behavior": {
        "share": {"enthusiasm": 1.0, "group_share": 0.0, "broadcast_share": 0.3},
        "click": {"personal": 0.95, "broadcast": 0.6},
        "purchase": {"intercept": 1.0},
        "experience": {"refund_gap": 0.1},
    },
}
"""A world so talkative that sixty people use a scheme within weeks."""

_SMALL_POPULATION = {"size": 60, "homophily": 0.0, "opportunists": 0.1, "visit_rate": 3.0}


class Failure(NamedTuple):
    """A check that was not passed.

    check : one of CHECKS, or an invariant with its title. detail : a sentence. example : the
    smallest history that shows it, line by line; empty where none is needed.
    """

    check: str
    detail: str
    example: tuple[str, ...] = ()


class SchemeError(AssertionError):
    """A scheme that does not do what every scheme must.

    Attributes
    ----------
    failures : tuple of Failure
        Every check that was not passed.
    """

    def __init__(self, scheme: str, failures: Iterable[Failure]) -> None:
        self.failures = tuple(failures)
        count = len(self.failures)
        lines = [f"{scheme} does not pass {count} {'check' if count == 1 else 'checks'}:"]
        for one in self.failures:
            lines.append(f"- {one.check}: {one.detail}")
            lines += [f"    {line}" for line in one.example]
        super().__init__("\n".join(lines))


def check_scheme(scheme: Scheme | type[Scheme], *, scenario: Scenario | None = None) -> None:
    """Raise unless a scheme keeps what every scheme must; one line in a test of one's own.

    Parameters
    ----------
    scheme : Scheme or subclass of Scheme
        A class is tried with its defaults.
    scenario : Scenario, optional
        Its products, segments and attribution are used; needed where the scheme names products
        or segments. The default scenario when left out.

    Raises
    ------
    SchemeError
        With every failed check of :data:`CHECKS` and its smallest counter-example.
    InputError
        If ``scheme`` is no scheme, or names what the scenario does not have.
    """
    cls = scheme if isinstance(scheme, type) else type(scheme)
    if not issubclass(cls, Scheme):
        raise InputError(
            f"check_scheme was given {scheme!r}; give it a scheme such as Percentage(rate=0.1), "
            "or its class"
        )
    scenario = Scenario() if scenario is None else scenario
    failures = list(_made(cls))
    if failures and isinstance(scheme, type):
        raise SchemeError(cls.__name__, failures)
    one = scheme if isinstance(scheme, Scheme) else cls()
    failures += [*_documented(cls), *_written(one)]
    played = _played(one, scenario)
    failures += played
    # What returns the wrong things cannot be settled, so nothing else can be said of it.
    if not any(failure.check == RETURNS for failure in played):
        failures += [*_invariants(one, scenario), *_run(one, scenario)]
    if failures:
        raise SchemeError(cls.__name__, failures)


# The class -------------------------------------------------------------------------------------


def _made(cls: type[Scheme]) -> Iterator[Failure]:
    try:
        cls()
    except (TypeError, ValueError) as error:
        yield Failure(MADE, f"{cls.__name__}() says {_first_line(error)}; give every parameter a "
                      "default and define offer and settle")  # fmt: skip


def _documented(cls: type[Scheme]) -> Iterator[Failure]:
    lacking = []
    for name, field in cls.model_fields.items():
        if name in Scheme.model_fields:
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        allowed = get_args(field.annotation) if _is_union(field.annotation) else ()
        numeric = {int, float} & {field.annotation, *allowed}
        limits = {kind for kind in ("ge", "gt", "le", "lt") for m in field.metadata
                  if getattr(m, kind, None) is not None}  # fmt: skip
        lacking += [f"{name} has no description"] if not field.description else []
        lacking += [f"{name} has no unit"] if not extra.get("unit") else []
        if numeric and not ({"ge", "gt"} & limits and {"le", "lt"} & limits):
            lacking.append(f"{name} has no bounds")
    if lacking:
        yield Failure(DOCUMENTED, f"{', '.join(lacking)}; declare a parameter with "
                      "sim.quantities.quantity(default, unit=..., low=..., high=..., kind=..., "
                      "source=..., description=...)")  # fmt: skip


def _is_union(annotation: Any) -> bool:
    """Whether an annotation is of the kind ``float | None``."""
    return get_origin(annotation) in (Union, types.UnionType)


def _written(scheme: Scheme) -> Iterator[Failure]:
    try:
        policy = Policy(**scheme.as_policy().model_dump())
        text = Scenario().but(policies={"checked": policy.model_dump()}).to_toml()
        read = Scenario.from_table(tomllib.loads(text)).policies["checked"]
        again = make_scheme(read, "policies.checked")
    except (TypeError, ValueError) as error:
        yield Failure(WRITTEN, f"{_first_line(error)}")
        return
    if type(again) is not type(scheme):
        yield Failure(WRITTEN, f"the name '{scheme.name}' means another class now; rename one")
        return
    before, after = scheme.model_dump(), again.model_dump()
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        name = changed[0]
        yield Failure(WRITTEN, f"{name} = {before[name]!r} comes back as {after[name]!r}")


# Histories -------------------------------------------------------------------------------------


def _played(scheme: Scheme, scenario: Scenario) -> list[Failure]:
    """What goes wrong in the histories, each check once, with the smallest history."""
    found: dict[str, Failure] = {}
    for history in histories(scenario):
        for failure in _play(scheme, scenario, history):
            found.setdefault(failure.check, failure)
        if RETURNS in found:
            break
    return list(found.values())


def _play(scheme: Scheme, scenario: Scenario, history: list[list[Purchase]]) -> Iterator[Failure]:
    own = np.arange(len(SPONSOR_OF))
    plain = Stage(scheme, scenario, own)
    others = {
        REPEATS: Stage(scheme, scenario, own),
        NAMES: Stage(scheme, scenario, own[::-1].copy()),
    }
    first_id = 0
    for day, purchases in enumerate(history):
        example = describe(history[: day + 1], scenario)
        for stage in (plain, *others.values()):
            stage.market.advance(scheme.start_day + day)
        asked = list(_asked(plain, plain.orders(purchases, first_id), example))
        try:
            usual = plain.play(plain.orders(purchases, first_id))
            evenings = {
                check: stage.play(stage.orders(purchases, first_id))
                for check, stage in others.items()
            }
        except Exception as error:
            said = Failure(RETURNS, _said(error), example)
            # The programme names what is wrong; where it cannot, the method that was asked does.
            yield from (said, *asked) if isinstance(error, InputError) else (*asked, said)
            return
        yield from asked
        for check, evening in evenings.items():
            difference = _difference(usual, evening)
            if difference:
                yield Failure(check, difference, example)
        if any(_difference(usual, evening) for evening in evenings.values()):
            return  # from here on the stages go their own ways
        first_id += len(purchases)


def _asked(stage: Stage, orders: Orders, example: tuple[str, ...]) -> Iterator[Failure]:
    """What goes wrong when every method of the scheme and of its parts is asked alone."""
    for part in stage.parts():
        handed = stage.handed_over(part.scheme, orders)
        for name, arguments in (
            ("offer", ()), ("discounts", (handed,)), ("settle", (handed,)), ("bonuses", ()),
            ("bound_cents", ()),
        ):  # fmt: skip
            yield from _ask(part, name, arguments, stage.ledger, example)


def _ask(
    part: Part, name: str, arguments: tuple[Orders, ...], ledger: Ledger, example: tuple[str, ...]
) -> Iterator[Failure]:
    ask: Callable[..., Any] = getattr(part.scheme, name)
    called = f"{type(part.scheme).__name__}.{name}"
    market = part.market
    before = _fingerprint(market, ledger)
    given = [orders.take(np.arange(len(orders.order_id))) for orders in arguments]
    try:
        answers = [ask(*given, market) for _ in range(2)]
        rows_matter = any(_by_rows(ask, answers[0], orders, market) for orders in arguments)
    except Exception as error:
        text = f"{called} says {_said(error)}"
        if "read-only" in str(error):
            yield Failure(UNTOUCHED, f"{text}; what the market shows is not for writing", example)
        yield Failure(RETURNS, text, example)
        return
    if _fingerprint(market, ledger) != before:
        yield Failure(UNTOUCHED, f"{called} changes the market", example)
    if not all(map(_same, given, arguments)):
        yield Failure(UNTOUCHED, f"{called} changes the orders it is given", example)
    if not _same(*answers):
        yield Failure(REPEATS, f"{called} answers {_shown(answers[0])}, then {_shown(answers[1])};"
                      " for chance use market.luck(orders)", example)  # fmt: skip
    if rows_matter:
        yield Failure(ROWS, f"{called} answers otherwise when the orders are handed over in "
                      "reverse; go by order_id", example)  # fmt: skip
    fault = _bound_fault(answers[0], market) if name == "bound_cents" else None
    if name == "settle" and isinstance(answers[0], Commissions) and not len(given[0].order_id):
        fault = f"{_shown(answers[0])} without orders" if len(answers[0].cents) else None
    if fault:
        yield Failure(RETURNS, f"{called} returned {fault}", example)


def _by_rows(ask: Callable[..., Any], answer: Any, orders: Orders, market: Market) -> bool:
    """Whether a method answers otherwise when the same orders come in reverse."""
    count = len(orders.order_id)
    turned = orders.take(np.arange(count)[::-1])
    return count > 1 and not _same(_by_id(answer, orders), _by_id(ask(turned, market), turned))


def _by_id(answer: Any, orders: Orders) -> Any:
    """Credits, or discounts, in the order of the orders' ids."""
    if not isinstance(answer, Commissions):
        return np.asarray(answer)[np.argsort(orders.order_id)]
    columns = np.array([orders.order_id[answer.order], answer.level, answer.recipient,
                        answer.cents])  # fmt: skip
    return columns[:, np.lexsort(columns)]


def _bound_fault(bound: Any, market: Market) -> str | None:
    """What is wrong with the most that an order of each product earns; None if nothing."""
    bound = np.asarray(bound)
    if bound.shape != market.prices_cents.shape or bound.dtype.kind not in "iuf":
        return f"shape {bound.shape} and type {bound.dtype}; use cents, one for each product"
    if not (np.isfinite(bound).all() and (bound >= 0).all()):
        return f"{_shown(bound)}; use cents of 0 or more"
    return None


def _fingerprint(market: Market, ledger: Ledger) -> bytes:
    """Everything a scheme could see of the market, as bytes."""
    seen = (
        np.array([market.tick]), market.prices_cents, market.unit_costs_cents, market.sponsor_of,
        market.is_member, market.friends, market.segment_of,
        market.tenure_days(np.arange(market.size)), market.credited_orders,
        market.credited_orders_month, market.credited_sales_cents,
        market.credited_sales_month_cents, market.credited_commission_cents,
        market.credited_commission_month_cents, ledger.earned_cents,
        np.array(list(ledger.totals().values())),
    )  # fmt: skip
    return b"".join(array.tobytes() for array in seen)


def _difference(one: Evening, other: Evening) -> str | None:
    """What differs between two evenings that should be the same; None if nothing does."""
    if not _same(one.told, other.told):
        return f"people are told {_shown(one.told)}, but {_shown(other.told)}"
    for name in ("discount_cents", "earned_cents", "paid_cents"):
        ours, theirs = getattr(one, name), getattr(other, name)
        if not np.array_equal(ours, theirs):
            place = int(np.flatnonzero(ours != theirs)[0])
            whose = (
                f"order {place + 1} of the day" if name == "discount_cents" else f"person {place}"
            )
            what = name.removesuffix("_cents")
            return f"{what} of {whose}: {ours[place] / 100:.2f}, but {theirs[place] / 100:.2f}"
    return None


def _same(one: Any, other: Any) -> bool:
    """Whether two answers are equal, arrays element by element."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    # No number equals itself here: NaN is refused elsewhere, by its own name.
    return np.array_equal(np.asarray(one), np.asarray(other), equal_nan=_is_float(one))


def _is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"


# Invariants and runs ---------------------------------------------------------------------------


def _invariants(scheme: Scheme, scenario: Scenario) -> Iterator[Failure]:
    # What a refund leaves paid without clawback is the choice of that term, not of the scheme.
    strict = scheme.model_copy(update={"clawback": True})
    try:
        findings = check_invariants(strict, scenario)
    except Exception as error:
        yield Failure(INVARIANTS, _said(error))
        return
    for one in findings:
        if one.status != "broken" or (not one.is_hard and one.invariant in scheme.known_breaks):
            continue
        cure = "" if one.is_hard else "; if that is meant, name it with the reason in known_breaks"
        yield Failure(
            f"{one.invariant}, {one.title}", one.detail + cure,
            tuple(line for line in one.example if line != one.detail),
        )  # fmt: skip


def _run(scheme: Scheme, scenario: Scenario) -> Iterator[Failure]:
    """Both engines on the products and segments of the scenario, in a small talkative world."""
    own = scenario.to_table()
    segments = own.get("population", {}).get("segments", [])
    small = Scenario.from_table(
        {
            **_SMALL_WORLD,
            "population": {**_SMALL_POPULATION, "segments": segments},
            "products": own["products"],
            "attribution": own["attribution"],
        }
    )
    try:
        runs = [
            WordOfMouthModel(small, policy=scheme, engine=name).run() for name in get_args(Engine)
        ]
        for model in runs:
            model.ledger.reconcile()
    except Exception as error:
        yield Failure(ENGINES_AGREE, _said(error))
        return
    different = [name for name, array in _left(runs[0]).items() if array != _left(runs[1])[name]]
    if different:
        yield Failure(ENGINES_AGREE, f"{', '.join(different[:3])} differ after {small.days} days")


def _left(model: WordOfMouthModel) -> dict[str, bytes]:
    """What a run left, as bytes by name."""
    arrays = {
        **{f"state of people: {n}": a for n, a in model.state._asdict().items()},
        **{f"orders: {n}": a for n, a in model.ledger.orders()._asdict().items()},
        **{f"daily: {n}": column.to_numpy() for n, column in model.daily.items()},
        **{f"entries: {n}": column.to_numpy(str) for n, column in model.ledger.entries().items()},
    }
    return {name: np.ascontiguousarray(array).tobytes() for name, array in arrays.items()}


# Words -----------------------------------------------------------------------------------------


def _said(error: Exception) -> str:
    """An error as a sentence; InputError already is one."""
    text = _first_line(error)
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _shown(answer: Any) -> str:
    """An answer on one line, cut where it is long."""
    text = " ".join(str(answer).split())
    return text if len(text) <= 100 else f"{text[:97]}..."
