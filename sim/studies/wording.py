"""Figures as a reader wants them: money in currency units, shares in percent."""

from __future__ import annotations

import math

DASH = "–"
LOWER_IS_BETTER = frozenset(
    {
        "payout_cents", "discount_cents", "refund_cents", "cost_cents", "lapse_rate", "mutes",
        "warnings", "barren_share", "cannibalised_orders", "incremental_cac_cents",
    }
)  # fmt: skip
SHARES = frozenset(
    {
        "retention_d1", "retention_d7", "retention_d30", "lapse_rate", "dau_over_mau",
        "referred_share", "sharer_share", "earner_share", "orders_per_recommendation",
        "visits_per_share", "barren_share", "repeat_share_d30", "roi",
    }
)  # fmt: skip
RATIOS = frozenset({"k_factor", "mean_depth", "gini_earnings", "trust_mean"})
_LABELS = {
    "roi": "return on spending", "incremental_cac_cents": "cost per incremental customer",
    "mau": "monthly users", "dau_over_mau": "daily over monthly users", "k_factor": "k-factor",
}  # fmt: skip


def label(measure: str) -> str:
    """The name of a measure as text: ``net_revenue_cents`` is "net revenue"."""
    return _LABELS.get(measure, measure.removesuffix("_cents").replace("_", " "))


def money(cents: float, signed: bool = False) -> str:
    """Cents as currency units, such as 1,234.50; a dash for nan."""
    if not math.isfinite(cents):
        return DASH
    # Half a cent is the last figure that is shown, and -0.00 would be read as a loss.
    units = round(cents / 100, 2) + 0.0
    return f"{units:+,.2f}" if signed and units else f"{units:,.2f}"


def number(value: float, signed: bool = False, digits: int | None = None) -> str:
    """A count, or a mean of counts with one digit below 100; ``digits`` overrides."""
    if not math.isfinite(value):
        return DASH
    if digits is None:
        digits = 0 if isinstance(value, int) or abs(value) >= 99.95 else 1
    rounded = round(value, digits) + 0.0
    return f"{rounded:+,.{digits}f}" if signed and rounded else f"{rounded:,.{digits}f}"


def percent(share: float, signed: bool = False, digits: int = 1) -> str:
    """A share in percent; a dash for nan."""
    if not math.isfinite(share):
        return DASH
    rounded = round(100 * share, digits) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''},.{digits}f} %"


def chance(probability: float) -> str:
    """A probability with two digits; one that only rounds to 0 or 1 is not shown as certain."""
    if not math.isfinite(probability):
        return DASH
    if 0.995 <= probability < 1:
        return ">0.99"
    return "<0.01" if 0 < probability < 0.005 else f"{probability:.2f}"


def figure(measure: str, value: float, signed: bool = False) -> str:
    """A value of ``measure`` in the unit of its kind."""
    if measure.endswith("_cents"):
        return money(value, signed)
    if measure in SHARES:
        return percent(value, signed)
    return number(value, signed, digits=3 if measure in RATIOS else None)


def amount(measure: str, value: float, currency: str) -> str:
    """A signed change with its unit and name: "+1,234.50 EUR profit" or "+312 orders"."""
    unit = f" {currency}" if measure.endswith("_cents") else ""
    return f"{figure(measure, value, signed=True)}{unit} {label(measure)}"


def span(measure: str, low: float, high: float) -> str:
    """An interval: "980.00 to 1,490.00"."""
    return f"{figure(measure, low)} to {figure(measure, high)}"


def listed(names: list[str]) -> str:
    """Names in a sentence: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
