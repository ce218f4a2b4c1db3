"""What came of claims as text: effects in their unit, what is against them, a page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from sim.studies.claim_files import Claim
from sim.studies.claim_variants import VARIANTS
from sim.studies.claim_verdicts import RULES, Draws, Judgement, Reading, Reason, slack
from sim.studies.claims import ClaimsStudy
from sim.studies.statistics import Interval
from sim.studies.uncertainty import FEWEST_DRAWS
from sim.studies.wording import (
    DASH,
    SHARES,
    column_digits,
    figure,
    label,
    listed,
    number,
    percent,
)

_CHANGES = {
    "ids": "with people numbered in another order",
    "time step": "with ticks half as long",
    "population": "with twice the people",
    "world seed": "in other worlds",
    "luck seed": "with other luck",
}
_MOST_BLAMED = 3


def effect_unit(claim: Claim, currency: str) -> str:
    """The unit of a claim's effect: "EUR", "points" or what is counted, such as "orders"."""
    if claim.measure.endswith("_cents"):
        return currency
    if claim.measure in SHARES:
        # A difference between shares is in points, not in percent of one of them.
        return "points" if claim.between is None else ""
    return label(claim.measure)


def _measure(claim: Claim, currency: str) -> str:
    """The measure of a claim with the unit of its effect: "profit, EUR"."""
    name, unit = label(claim.measure), effect_unit(claim, currency)
    return f"{name}, {unit}" if unit and unit != name else name


def effect_figure(claim: Claim, value: float, interval: Interval) -> str:
    """A value of a claim's effect, with the digits that suit ``interval``."""
    ends = (interval.mean, interval.low, interval.high)
    text = figure(
        claim.measure, value, claim.between is None, digits=column_digits(claim.measure, ends)
    )
    return text if claim.between is not None else text.removesuffix(" %")


def effect_span(claim: Claim, interval: Interval) -> str:
    """The interval of a claim's effect: "+1,011 to +1,461"."""
    if not math.isfinite(interval.low):
        return f"no interval of {interval.replications} values"
    return " to ".join(effect_figure(claim, end, interval) for end in (interval.low, interval.high))


def effect(claim: Claim, interval: Interval) -> str:
    """The mean effect with its interval: "+1,236 (+1,011 to +1,461)"."""
    return f"{effect_figure(claim, interval.mean, interval)} ({effect_span(claim, interval)})"


def against(judgement: Judgement, currency: str) -> Iterator[str]:
    """What is against a claim, a sentence each."""
    for reason in judgement.reasons:
        if reason.kind == "engine":
            yield "The two engines do not make the same runs: a fault of the program."
        elif reason.kind == "draws":
            yield _of_draws(judgement.draws)
        else:
            yield _of_reading(judgement, reason, currency)


def _of_reading(judgement: Judgement, reason: Reason, currency: str) -> str:
    claim, reading = judgement.claim, reason.reading
    assert reading is not None
    where = _CHANGES.get(reading.variant, "as filed")
    where = where[0].upper() + where[1:]
    found = f"{effect(claim, reading.interval)} {effect_unit(claim, currency)}".rstrip()
    if reason.kind == "moved":
        usual = judgement.base.interval.mean
        assert reading.change is not None
        by = f", {percent(reading.change.mean / abs(usual), True, 0)}" if usual else ""
        return f"{where} its size moves: {found}{by}."
    if reading.state == "refuted":
        return f"{where} it is refuted: {found}."
    if reading.state == "lost":
        return f"{where} it is lost: {found}."
    wanted = _replications_to_settle(claim, reading.interval)
    more = f"; about {number(wanted, digits=0)} replications settle it" if wanted else ""
    return f"{where} it is not sure: {found}{more}."


def _replications_to_settle(claim: Claim, interval: Interval) -> float | None:
    """About how many replications bring the interval to one side, if its mean stays."""
    apart = abs(slack(claim, interval.mean))
    if not math.isfinite(interval.half_width) or apart == 0 or not math.isfinite(apart):
        return None
    wanted = math.ceil(interval.replications * (interval.half_width / apart) ** 2)
    return float(wanted) if wanted <= 1_000_000 else None


def _of_draws(draws: Draws) -> str:
    kept = (
        f"It is kept in {draws.kept} of {draws.effects.size} draws "
        f"({percent(draws.low, digits=0)} to {percent(draws.high, digits=0)})"
    )
    if draws.effects.size < FEWEST_DRAWS:
        return f"{kept}; it takes {FEWEST_DRAWS} to name a parameter."
    blamed = [one for one in draws.blamed if one.sure][:_MOST_BLAMED]
    if not blamed:
        return f"{kept}; no single parameter stands out."
    named = [
        f"{one.name} is {'low' if one.correlation > 0 else 'high'} "
        f"(rank correlation {number(one.correlation, True, 2)})"
        for one in blamed
    ]
    return f"{kept}; it is weakest where {listed(named)}."


def legend(study: ClaimsStudy) -> Iterator[str]:
    """The verdicts explained, then how often each claim was tried."""
    holds_in = percent(study.file.table.uncertainty.holds_in, digits=0)
    for verdict, meaning in RULES.items():
        yield f"{verdict}: {meaning.format(holds_in=holds_in)}."
    effort = study.effort
    yield (
        f"Changes that must not matter: {listed([*_tried(study), 'engine'])}; "
        f"{effort.replications} replications each."
    )
    if "population" in study.left_out:
        yield "Twice the people: not applicable, the network comes from a file."
    if effort.draws:
        filed = study.file.table.uncertainty
        yield (
            f"Draws of what is not known exactly: {effort.draws}, replications of each: "
            f"{effort.draw_replications}, of {len(study.file.parameters)} parameters (assumptions "
            f"by a factor of {filed.assumption_factor:g}, numbers with a source by "
            f"{filed.evidence_factor:g})."
        )
    else:
        yield "Nothing was drawn: the verdicts are by the changes alone."
    if study.interrupted:
        yield "Interrupted: the verdicts are by what was finished."


def _tried(study: ClaimsStudy) -> list[str]:
    return [one.name for one in VARIANTS[1:] if one.name not in study.left_out]


def document(study: ClaimsStudy) -> dict[str, Any]:
    """Everything that was found, as plain values; effects in the unit of their measure."""
    effort, settings = study.effort, study.file.table
    return {
        "study": study.file.scenario.name,
        "seed": study.file.scenario.seed,
        "currency": study.file.scenario.currency,
        "holds": study.holds,
        "counts": study.counts,
        "interrupted": study.interrupted,
        "replications": effort.replications,
        "draws": effort.draws,
        "draw_replications": effort.draw_replications,
        "size_tolerance": settings.size_tolerance,
        "holds_in": settings.uncertainty.holds_in,
        "variants": {one.name: one.says for one in VARIANTS if one.name not in study.left_out},
        "not_applicable": list(study.left_out),
        "parameters": {one.name: list(one.range) for one in study.file.parameters},
        "claims": [_claim(one, study.file.scenario.currency) for one in study.judgements],
    }


def _claim(judgement: Judgement, currency: str) -> dict[str, Any]:
    draws = judgement.draws
    return {
        **judgement.claim.model_dump(exclude_none=True),
        "verdict": judgement.verdict,
        "against": list(against(judgement, currency)),
        "variants": {one.variant: _reading(one) for one in judgement.readings},
        "same_engine": judgement.same_engine,
        "draws": {
            "kept": draws.kept, "of": draws.effects.size, "share": draws.share, "low": draws.low,
            "high": draws.high, "effects": draws.effects.tolist(),
            "parameters": [one._asdict() for one in draws.blamed[:10]],
        },
    }  # fmt: skip


def _reading(reading: Reading) -> dict[str, Any]:
    found: dict[str, Any] = {"state": reading.state, **reading.interval._asdict()}
    if reading.change is not None:
        change = reading.change
        found |= {
            "change": change.mean, "change_low": change.low, "change_high": change.high,
            "moved": reading.moved,
        }  # fmt: skip
    return found


def page(study: ClaimsStudy) -> str:
    """The claims as Markdown: the table of verdicts, what is against them, every variant."""
    currency = study.file.scenario.currency
    variants = ["base", *_tried(study)]
    lines = [
        f"# Claims: {study.file.scenario.name}", "",
        "| verdict | claim | as filed | worst | draws kept |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for one in study.judgements:
        claim, base, worst = one.claim, one.base.interval, one.worst
        lines.append(
            f"| {one.verdict} | {claim.text} | {effect(claim, base)} "
            f"{effect_unit(claim, currency)} | {effect_figure(claim, worst.interval.mean, base)}, "
            f"{worst.variant} | {draws_kept(one.draws)} |"
        )
    doubted = [one for one in study.judgements if one.reasons]
    if doubted:
        lines += ["", "## What is against them", ""]
        lines += [
            f"- **{one.claim.name}** ({one.verdict}). {' '.join(against(one, currency))}"
            for one in doubted
        ]
    lines += ["", "## Under every change", "", f"| claim | {' | '.join(variants)} |"]
    lines.append("|" + "---|" * (1 + len(variants)))
    for one in study.judgements:
        cells = [effect(one.claim, reading.interval) for reading in one.readings]
        lines.append(f"| {one.claim.name}, {_measure(one.claim, currency)} | {' | '.join(cells)} |")
    lines += ["", "## How to read it", "", *(f"- {line}" for line in legend(study))]
    return "\n".join(lines) + "\n"


def draws_kept(draws: Draws) -> str:
    """The share of draws in which a claim is kept; a dash without draws."""
    return percent(draws.share, digits=0) if draws.effects.size else DASH
