"""Figures as a reader wants them: money in currency units, shares in percent."""

from __future__ import annotations

import math
from collections.abc import Iterable

DASH, MINUS = "–", "−"
LOWER_IS_BETTER = frozenset(
    {
        "payout_cents", "discount_cents", "refund_cents", "cost_cents", "lapse_rate", "mutes",
        "warnings", "barren_share", "cannibalised_orders", "incremental_cac_cents",
        "nonearner_share", "unpaid_cents", "held_cents", "debt_cents", "points_liability_cents",
        "unlinked_share", "fake_orders", "ring_orders", "phantom_orders", "credited_not_caused",
        "deadweight_cents",
    }
)  # fmt: skip
SHARES = frozenset(
    {
        "retention_d1", "retention_d7", "retention_d30", "lapse_rate", "dau_over_mau",
        "referred_share", "sharer_share", "earner_share", "orders_per_recommendation",
        "visits_per_share", "barren_share", "repeat_share_d30", "roi", "earners_kept",
        "nonearner_share", "unlinked_share",
    }
)  # fmt: skip
RATIOS = frozenset({"k_factor", "mean_depth", "gini_earnings", "trust_mean"})
_LABELS = {
    "roi": "return on spending", "incremental_cac_cents": "cost per incremental customer",
    "mau": "monthly users", "dau_over_mau": "daily over monthly users", "k_factor": "k-factor",
    "nonearner_share": "sharers who earn nothing", "unlinked_share": "pay without a sale",
    "unpaid_cents": "commission not paid out", "held_cents": "held by a check",
    "capped_cents": "refused by caps", "debt_cents": "owed back by people",
}  # fmt: skip


NO_POLICY = "none"
"""What a scenario calls the policy that pays nothing."""


def policy_text(name: str, starts: bool = False) -> str:
    """A policy, or a choice that is named after one, as text: ``none`` is "no reward".

    starts : whether a sentence begins with it. Other names are as their scenario writes them.
    """
    policy, _, setting = name.partition(" ")
    if policy != NO_POLICY:
        return name
    return f"{'No' if starts else 'no'} reward {setting}".rstrip()


def capital(text: str) -> str:
    """The text with a capital letter, as a sentence begins."""
    return text[:1].upper() + text[1:]


def label(measure: str) -> str:
    """The name of a measure as text: ``net_revenue_cents`` is "net revenue"."""
    return _LABELS.get(measure, measure.removesuffix("_cents").replace("_", " "))


def _fixed(value: float, digits: int, signed: bool) -> str:
    # What rounds to zero has no sign: -0.00 would be read as a loss.
    rounded = round(value, digits) + 0.0
    text = f"{rounded:{'+' if signed and rounded else ''},.{digits}f}"
    return text.replace("-", MINUS)


def money(cents: float, signed: bool = False, digits: int = 2) -> str:
    """Cents as currency units, such as 1,234.50; a dash for nan."""
    return _fixed(cents / 100, digits, signed) if math.isfinite(cents) else DASH


def number(value: float, signed: bool = False, digits: int | None = None) -> str:
    """A count, or a mean of counts with one digit below 100; ``digits`` overrides."""
    if not math.isfinite(value):
        return DASH
    if digits is None:
        digits = 0 if isinstance(value, int) or abs(value) >= 99.95 else 1
    return _fixed(value, digits, signed)


def percent(share: float, signed: bool = False, digits: int = 1) -> str:
    """A share in percent; a dash for nan."""
    return f"{_fixed(100 * share, digits, signed)} %" if math.isfinite(share) else DASH


def chance(probability: float) -> str:
    """A probability with two digits that never claims certainty."""
    if not math.isfinite(probability):
        return DASH
    if probability >= 0.995:
        return "> 0.99"
    return "< 0.01" if probability < 0.005 else f"{probability:.2f}"


def column_digits(measure: str, values: Iterable[float]) -> int:
    """Decimals for all ``values`` of a column: none for money from 1,000, for counts from 100."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if measure.endswith("_cents"):
        return 0 if largest >= 99_950 else 2
    if measure in SHARES:
        return 1
    return 3 if measure in RATIOS else 0 if largest >= 99.95 else 1


def figure(measure: str, value: float, signed: bool = False, digits: int | None = None) -> str:
    """A value of ``measure`` in the unit of its kind; ``digits`` as in the rest of a column."""
    if measure.endswith("_cents"):
        return money(value, signed, 2 if digits is None else digits)
    if measure in SHARES:
        return percent(value, signed, 1 if digits is None else digits)
    return number(value, signed, 3 if digits is None and measure in RATIOS else digits)


def amount(measure: str, value: float, currency: str) -> str:
    """A signed change with its unit and name: "+1,234.50 EUR profit" or "+312 orders"."""
    unit = f" {currency}" if measure.endswith("_cents") else ""
    return f"{figure(measure, value, signed=True)}{unit} {label(measure)}"


def span(measure: str, low: float, high: float, digits: int | None = None) -> str:
    """An interval: "980.00 to 1,490.00"."""
    if digits is None and not measure.endswith("_cents"):
        digits = column_digits(measure, (low, high))
    return " to ".join(figure(measure, end, digits=digits) for end in (low, high))


def listed(names: list[str]) -> str:
    """Names in a sentence: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def policies_text(names: list[str], starts: bool = False) -> str:
    """Policies in a sentence, or at its beginning: "a, b and no reward"."""
    first, *others = names
    return listed([policy_text(first, starts), *map(policy_text, others)])


def gist(description: str) -> str:
    """A description up to its first comma, colon, semicolon or bracket; "" without one."""
    for mark in (";", ":", ",", " ("):
        description = description.split(mark)[0]
    return description


def significant(value: float | None) -> str:
    """A number with four significant digits, whole from 10,000 on; a dash for none or nan."""
    if value is None or math.isnan(value):
        return DASH
    if (float(value).is_integer() and abs(value) < 1e6) or abs(value) >= 1e4:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def band(low: float | None, high: float | None) -> str:
    """A band as a reader says it; an end that is None or infinite is open."""
    if low is None or math.isinf(low):
        return f"at most {significant(high)}"
    if high is None or math.isinf(high):
        return f"at least {significant(low)}"
    if low == high:
        return significant(low)
    words = significant(low), significant(high)
    # Ends that look alike are told apart by more digits.
    return " to ".join(words if words[0] != words[1] else (f"{low:.8g}", f"{high:.8g}"))
