"""What a search came to, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim.studies.findings.candidates import touches
from sim.studies.optimizing.evaluation import Setting
from sim.studies.optimizing.objectives import LimitReading, Objective, limit_figure, limit_text
from sim.studies.statistics import Interval
from sim.studies.sweeps.factors import Factor
from sim.studies.wording import amount, chance, figure, label, listed, percent, policy_text, span

if TYPE_CHECKING:
    from sim.studies.optimizing.optimization import Binding, Finalist, Optimization

_CLOSE = 0.05


def statement(found: Optimization) -> str:
    """The answer of a search in plain sentences."""
    sentences = [_tried(found)]
    if not found.finalists[0].trial.feasible:
        sentences += _nothing_feasible(found)
    elif found.best is not None:
        sentences += _best(found, found.best)
    else:
        sentences += _front(found)
    sentences += [_binding(found, one) for one in found.binding]
    return " ".join(sentences)


def setting_text(setting: Setting, factors: Sequence[Factor]) -> str:
    """A setting as "policies.give_get.give = 12.50, behavior.share = 0.3"."""
    named = [f"{one.name} = {value_text(setting[one.name], one)}" for one in factors]
    return ", ".join(named)


def value_text(value: Any, factor: Factor) -> str:
    """A value of a lever: money with cents, other numbers with four digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if factor.money:
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _tried(found: Optimization) -> str:
    count = len(found.trials)
    kept = sum(trial.feasible for trial in found.trials)
    settings = f"{count:,} setting{'s' if count > 1 else ''}"
    text = f"{settings} tried, the scenario as written among them"
    if found.exhaustive:
        text = f"All {settings} tried, no search was needed"
    if found.ran_out:
        text += "; the search found no further ones"
    if found.question.constraints:
        text += f"; {kept:,} keep{'s' if kept == 1 else ''} every limit"
    if found.failed_settings:
        text += f"; {found.failed_settings:,} could not be run"
    return f"{text}."


def _gain(found: Optimization, objective: Objective, interval: Interval) -> str:
    ends = span(objective.measure, interval.low, interval.high)
    if found.question.robust == "regret":
        size = _level(found, objective, interval.mean)
        return f"{size} {label(objective.measure)} of regret (95 % {ends})"
    return f"{amount(objective.measure, interval.mean, found.currency)} (95 % {ends})"


def _level(found: Optimization, objective: Objective, value: float) -> str:
    unit = f" {found.currency}" if objective.measure.endswith("_cents") else ""
    return figure(objective.measure, value) + unit


def _against(found: Optimization) -> str:
    where = {"mean": "", "worst": " in the worst world", "regret": " in the world of most regret"}
    beyond = "" if found.question.robust == "regret" else f" beyond {baseline_text(found)}"
    return f"per run{beyond}{where[found.question.robust]}"


def baseline_text(found: Optimization) -> str:
    """The baseline of a search, which keeps the levers that touch it as written."""
    is_touched = any(touches(factor, found.baseline) for factor in found.factors)
    return policy_text(found.baseline) + (" as written" if is_touched else "")


def _best(found: Optimization, best: Finalist) -> list[str]:
    objective = found.objectives[0]
    change = found.improvement
    assert change is not None
    fresh = best.measured[0]
    facts = f"{_gain(found, objective, fresh)} {_against(found)}, in {fresh.replications:,} runs"
    seen = _gain(found, objective, best.search[0])
    facts += f" that the search has not seen; the search itself had {seen}"
    name = setting_text(best.setting, found.factors)
    if best.number == 0:
        head = (
            "Nothing improved: no setting that was tried is better than the scenario as written, "
            f"{name}: {facts}."
        )
        return [head, *_limits(found, best)]
    # An improvement is one in the direction asked for.
    sign = objective.sign
    low, high = sorted((sign * change.low, sign * change.high))
    size = amount(objective.measure, sign * change.mean, found.currency)
    against = f"{size} (95 % {span(objective.measure, low, high)})"
    if found.question.robust == "regret":
        size = _level(found, objective, change.mean)
        against = f"{size} less regret (95 % {span(objective.measure, change.low, change.high)})"
    if change.low > 0:
        sentences = [
            f"Best for {found.policy}: {name}: {facts}.",
            f"Against the scenario as written that is {against}{_rivals(found)}.",
        ]
    else:
        sentences = [
            f"Nothing improved beyond chance: the best setting found for {found.policy}, {name}, "
            f"has {facts}.",
            f"Against the scenario as written that is {against}.",
        ]
        if not found.written.trial.feasible:
            broken = _broken(found, found.written)
            sentences.append(f"The scenario as written breaks a limit ({broken}).")
    return [*sentences, *_limits(found, best)]


def _rivals(found: Optimization) -> str:
    others = [
        (one, share)
        for one, share in zip(found.finalists[1:], found.best_chance[1:], strict=True)
        if share >= _CLOSE
    ]
    if not others:
        return ""
    share = found.best_chance[0]
    names = [f"trial {one.number} (best with {chance(known)})" for one, known in others]
    return f"; it is the best with probability {chance(share)}, not told apart from {listed(names)}"


def _limits(found: Optimization, best: Finalist) -> list[str]:
    """What the limits read, and those that the fresh runs do not confirm."""
    sentences = []
    for reading in best.limits:
        text = limit_text(reading.limit, found.currency)
        kept = "kept" if reading.kept else "not kept in the fresh runs"
        sentences.append(f"Limit {text}: {kept}, {_reading(found, reading)}.")
    return sentences


def _reading(found: Optimization, reading: LimitReading) -> str:
    if reading.limit.probability is not None:
        return f"in {percent(reading.value)} of runs"
    value = limit_figure(reading.limit, reading.value, found.currency)
    ends = [
        limit_figure(reading.limit, end, "").strip() for end in (reading.low, reading.high)
    ]  # fmt: skip
    return f"{value} (95 % {' to '.join(ends)})"


def _broken(found: Optimization, finalist: Finalist) -> str:
    return "; ".join(
        f"{limit_text(one.limit, found.currency)}: {_reading(found, one)}"
        for one in finalist.trial.limits
        if not one.kept
    )


def _nothing_feasible(found: Optimization) -> list[str]:
    nearest = found.finalists[0]
    name = setting_text(nearest.setting, found.factors)
    return [
        f"No setting tried keeps every limit; the nearest is {name}.",
        f"It breaks {_broken(found, nearest)}.",
    ]


def _front(found: Optimization) -> list[str]:
    front = found.front
    names = [label(one.measure) for one in found.objectives]
    head = f"{len(front)} settings are on the front of {listed(names)}: none of them is better in"
    head += " everything than another"
    if len(front) == 1:
        head = f"One setting is best in {listed(names)} at once"
    doubtful = [one for one in front if one.rival is not None]
    if doubtful:
        some = f"{len(doubtful)} of them" if len(front) > 1 else "it"
        head += f"; {some} may be equalled in everything by another, as far as the runs can tell"
    sentences = [f"{head}."]
    for one in dict.fromkeys((front[0], front[-1])):
        gains = [
            _gain(found, objective, interval)
            for objective, interval in zip(found.objectives, one.measured, strict=True)
        ]
        sentences.append(f"{setting_text(one.setting, found.factors)}: {listed(gains)}.")
    runs = front[0].measured[0].replications
    sentences.append(f"Figures are {_against(found)}, in {runs:,} runs not seen by the search.")
    if any(one.number == 0 for one in front):
        sentences.append("The scenario as written is on the front.")
    return sentences


def _binding(found: Optimization, one: Binding) -> str:
    objective = found.objectives[0]
    cost = one.cost
    # At least: by the low end, and the search looks at few settings beyond a limit.
    size = _level(found, objective, cost.low)
    word = "higher" if objective.maximize else "lower"
    what = label(objective.measure)
    if found.question.robust == "regret":
        what, word = f"the regret in {what}", "lower"
    leader = found.finalists[0] if len(found.objectives) == 1 else found.finalists[-1]
    level = abs(leader.level[0].mean)
    share = f", {percent(cost.low / level, digits=0)} of what it is" if level > 0 else ""
    return (
        f"The limit {limit_text(one.limit, found.currency)} binds: without it {what} would be at "
        f"least {size} {word}{share} (95 % {span(objective.measure, cost.low, cost.high)}; trial "
        f"{one.number})."
    )
