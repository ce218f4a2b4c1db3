"""What an honest programme would publish: what sharers really earn, and what credit is worth.

Income is disclosed over everybody who took part, those who earned nothing included, and once more
after what they spent themselves. Disclosures that leave both out flatter the programme (FTC staff
report on multi-level marketing income disclosures, 2024).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from sim.measures import Run, is_refunded, nonearner_share, participants

FEW_PARTICIPANTS = 150
"""Below so many, one per cent of them is one person, and says little. A: round(1 % of 150) = 2."""


def top_part(values: np.ndarray, part: float) -> float:
    """Share of the sum of ``values`` (n,), none negative, in the top ``part``, one at least."""
    ordered = np.sort(values)[::-1]
    total = ordered.sum()
    return float(ordered[: max(1, round(part * ordered.size))].sum() / total) if total else math.nan


def own_spending_cents(run: Run) -> np.ndarray:
    """Net price of everybody's own orders of the run that were not refunded, int64 (N,).

    What was paid in points counts: points earned are earnings.
    """
    kept = run.orders.take(~is_refunded(run))
    spent = np.zeros(run.ledger.size, np.int64)
    np.add.at(spent, kept.buyer, kept.net_cents)
    return spent


def income_disclosure(run: Run) -> dict[str, float]:
    """What those who took part earned in a run: commission accrued and not taken back.

    participants : people who shared at least once or were credited, see
    :func:`sim.measures.participants`. nonearner_share : share who earned nothing.
    lower_quartile_cents, median_cents, upper_quartile_cents, mean_cents, largest_cents : of all
    participants. top_1_percent_share, top_10_percent_share : of all earnings, one person at least.

    The same after their own spending, which is earnings less the net price of their own orders of
    the run: net_lower_quartile_cents, net_median_cents, net_upper_quartile_cents, net_mean_cents,
    net_largest_cents; ahead_share : share who earned more than they spent.

    indebted : people who owe commission back at the end. debt_cents : how much, together.
    """
    taking_part = participants(run)
    earned = run.ledger.earned_cents[taking_part]
    net = earned - own_spending_cents(run)[taking_part]
    ahead = (earned > 0) & (net > 0)
    owed = run.ledger.owed_cents
    return {
        "participants": float(earned.size),
        "nonearner_share": nonearner_share(run),
        **_spread(earned, ""),
        "top_1_percent_share": top_part(earned, 0.01),
        "top_10_percent_share": top_part(earned, 0.10),
        **_spread(net, "net_"),
        "ahead_share": float(np.mean(ahead)) if earned.size else math.nan,
        "indebted": float(np.count_nonzero(owed)),
        "debt_cents": float(owed.sum()),
    }


def _spread(cents: np.ndarray, prefix: str) -> dict[str, float]:
    """Quartiles, mean and largest of amounts (n,); nan of none."""
    names = ("lower_quartile", "median", "upper_quartile", "mean", "largest")
    if cents.size:
        found = [*np.quantile(cents, (0.25, 0.5, 0.75)), cents.mean(), cents.max()]
    else:
        found = [math.nan] * len(names)
    return {f"{prefix}{name}_cents": float(value) for name, value in zip(names, found, strict=True)}


class AttributionError(NamedTuple):
    """Orders that a policy credited, against orders it caused; means over runs.

    credited, caused : orders. credited_caused, credited_not_caused, caused_not_credited,
    deadweight_cents : see :func:`sim.twins.compare_with_twin`. lost : orders that the twin has and
    the run has not. precision : share of credited orders that were caused. recall : share of
    caused orders that were credited; both nan of none.
    """

    credited: float
    caused: float
    credited_caused: float
    credited_not_caused: float
    caused_not_credited: float
    lost: float
    precision: float
    recall: float
    deadweight_cents: float


def attribution_error(outcomes: Mapping[str, float]) -> AttributionError:
    """The attribution error of a run, or of the mean ``outcomes`` of several, by measure."""
    both, credited_only = outcomes["credited_caused"], outcomes["credited_not_caused"]
    caused_only = outcomes["caused_not_credited"]
    credited, caused = both + credited_only, both + caused_only
    return AttributionError(
        credited=credited,
        caused=caused,
        credited_caused=both,
        credited_not_caused=credited_only,
        caused_not_credited=caused_only,
        lost=caused - outcomes["incremental_orders"],
        precision=both / credited if credited else math.nan,
        recall=both / caused if caused else math.nan,
        deadweight_cents=outcomes["deadweight_cents"],
    )
