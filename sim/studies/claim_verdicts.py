"""Verdicts on claims: pure functions of the effects that were found.

The rules, exactly (:data:`RULES` says them to the reader):

- A claim has an effect in every replication and a band in which it holds
  (:class:`sim.studies.claim_files.Claim`). A variant is a change that must not matter.
- Its *size has moved* under a variant if the change of the effect from the base, replication by
  replication, is beyond chance and above ``size_tolerance`` times the effect in the base. Beyond
  chance: its interval leaves out zero at 95 % over all claims of the file and all variants
  together (Bonferroni).
- By the 95 % interval of its mean effect a claim *holds* if all of it lies in the band, and is
  *refuted* if none of it does. Between the two it *leans* to the claim if the mean lies in the
  band and the size has not moved, so that only replications are wanting; else it is *lost*.
- In a draw of the uncertain parameters a claim is *kept* if its mean effect lies in the band.
- FRAGILE: does not hold in the base; lost or refuted under a variant; the engines differ; or
  kept in half of the draws or fewer.
- Luck alone loses some draws, as each has few replications: ``expected`` is the share that would
  be kept if the parameters did nothing, by the mean and spread of the base.
- SHIFTED: not fragile, but under a variant it only leans or its size has moved, or it is kept in
  fewer than ``holds_in`` of the draws that luck leaves.
- ROBUST: neither. That it must hold under every variant needs no correction for their number:
  each more makes it harder to reach by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from sim.studies.claim_files import Claim
from sim.studies.statistics import LEVEL, Interval, mean_interval, share_interval
from sim.studies.uncertainty import Association

Verdict = Literal["ROBUST", "SHIFTED", "FRAGILE"]
State = Literal["holds", "leans", "lost", "refuted"]

RULES: dict[Verdict, str] = {
    "ROBUST": "sure (95 %) as filed and under every change that must not matter, and kept in at "
    "least {holds_in} of the draws of what is not known exactly, less those that luck loses",
    "SHIFTED": "sure as filed, but under such a change its size moves or it is not sure, or it is "
    "kept in fewer draws",
    "FRAGILE": "not sure as filed, lost or refuted under such a change, or kept in half of the "
    "draws or fewer",
}
"""The verdicts as a reader is told them."""

HALF = 0.5


class Reading(NamedTuple):
    """A claim under one variant.

    interval : of the mean effect, 95 %. change : of the effect from the base, at the level that
    allows for all comparisons of the file; None for the base. moved : whether the size has moved.
    """

    variant: str
    state: State
    interval: Interval
    change: Interval | None
    moved: bool


class Draws(NamedTuple):
    """A claim under draws of the uncertain parameters.

    effects : mean effect of each draw, float64 (draws,). kept : draws in which it is kept.
    expected : share that luck alone would keep. low, high : 95 % interval of the share kept.
    blamed : the parameters that go together with how well it is kept, the strongest first; a
    correlation below 0 means that high values break it.
    """

    effects: np.ndarray
    kept: int
    expected: float
    low: float
    high: float
    blamed: tuple[Association, ...]

    @property
    def share(self) -> float:
        """Share of the draws in which the claim is kept; nan without draws."""
        return self.kept / self.effects.size if self.effects.size else math.nan


class Reason(NamedTuple):
    """One thing against a claim, with the reading that shows it where there is one."""

    kind: Literal["state", "engine", "draws", "moved"]
    verdict: Verdict
    reading: Reading | None = None


class Judgement(NamedTuple):
    """A claim with its verdict and what led to it.

    readings : the base first. same_engine : whether both engines made the same runs; None where
    they were not compared. reasons : what is against it, the gravest first.
    """

    claim: Claim
    verdict: Verdict
    readings: tuple[Reading, ...]
    draws: Draws
    same_engine: bool | None
    reasons: tuple[Reason, ...]

    @property
    def base(self) -> Reading:
        """The claim as filed."""
        return self.readings[0]

    @property
    def worst(self) -> Reading:
        """The reading other than the base whose mean effect is the least inside the band."""
        others = self.readings[1:] or self.readings
        return min(others, key=lambda one: slack(self.claim, one.interval.mean))


def slack(claim: Claim, effect: float) -> float:
    """How far inside its band an effect lies, below 0 outside it; nan is infinitely far outside."""
    low, high = claim.band
    return min(effect - low, high - effect) if math.isfinite(effect) else -math.inf


def state_of(claim: Claim, interval: Interval, moved: bool = False) -> State:
    """What the interval of its mean effect says of a claim whose size has ``moved`` or not."""
    low, high = claim.band
    if interval.low >= low and interval.high <= high:
        return "holds"
    if interval.high < low or interval.low > high:
        return "refuted"
    leans = slack(claim, interval.mean) >= 0 and math.isfinite(interval.half_width)
    return "leans" if leans and not moved else "lost"


def read_variants(
    claim: Claim, effects: Mapping[str, np.ndarray], size_tolerance: float, comparisons: int
) -> tuple[Reading, ...]:
    """A claim under every variant.

    effects : float64 (replications,) by variant, the base first; replication k of each starts
    from the same number. comparisons : changes that are looked at in all of the file.
    """
    level = 1 - (1 - LEVEL) / max(comparisons, 1)
    base = next(iter(effects.values()))
    usual = abs(mean_interval(base).mean)
    readings = []
    for variant, found in effects.items():
        interval = mean_interval(found)
        change = None if found is base else mean_interval(found - base, level)
        moved = (
            change is not None
            and (change.low > 0 or change.high < 0)
            and abs(change.mean) > size_tolerance * usual
        )
        state = state_of(claim, interval, moved)
        readings.append(Reading(variant, state, interval, change, moved))
    return tuple(readings)


def read_draws(
    claim: Claim,
    effects: np.ndarray,
    blamed: tuple[Association, ...],
    base: Interval,
    replications: int,
) -> Draws:
    """A claim under draws of the parameters.

    effects : mean effect of each, float64 (draws,). base : of the effect as filed. replications :
    of a draw.
    """
    kept = sum(slack(claim, effect) >= 0 for effect in effects.tolist())
    expected = kept_by_luck(claim, base, replications)
    return Draws(effects, kept, expected, *share_interval(kept, effects.size), blamed)


def kept_by_luck(claim: Claim, base: Interval, replications: int) -> float:
    """Chance that the mean of so many replications lies in the band, were all as in the base."""
    spread = base.sd / math.sqrt(max(replications, 1))
    if not spread > 0:
        return float(slack(claim, base.mean) >= 0)
    low, high = claim.band
    return float(
        special.ndtr((high - base.mean) / spread) - special.ndtr((low - base.mean) / spread)
    )


def judge(
    claim: Claim,
    readings: tuple[Reading, ...],
    draws: Draws,
    same_engine: bool | None,
    holds_in: float,
) -> Judgement:
    """The verdict by the rules above."""
    base, *others = readings
    reasons = [] if base.state == "holds" else [Reason("state", "FRAGILE", base)]
    reasons += [
        Reason("state", "FRAGILE", one) for one in others if one.state in ("lost", "refuted")
    ]
    if same_engine is False:
        reasons.append(Reason("engine", "FRAGILE"))
    if draws.share <= HALF:
        reasons.append(Reason("draws", "FRAGILE"))
    reasons += [Reason("moved", "SHIFTED", one) for one in others if one.moved]
    reasons += [Reason("state", "SHIFTED", one) for one in others if one.state == "leans"]
    if HALF < draws.share < holds_in * draws.expected:
        reasons.append(Reason("draws", "SHIFTED"))
    verdict: Verdict = "ROBUST"
    if reasons:
        verdict = "FRAGILE" if reasons[0].verdict == "FRAGILE" else "SHIFTED"
    return Judgement(claim, verdict, readings, draws, same_engine, tuple(reasons))
