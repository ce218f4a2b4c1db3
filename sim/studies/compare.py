"""Compare: every policy in the same worlds with the same luck, as often as the answer needs."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sim.errors import InputError, InputWarning, nearest
from sim.model import ENGINES, Engine, policy_scheme
from sim.scenario import Policy, Scenario
from sim.schemes import NoIncentive, Scheme, written_out
from sim.studies.abuse import check_attacked, what_each_rule_saves
from sim.studies.comparison import Comparison, widest_excess
from sim.studies.replicate import (
    Job,
    Replication,
    Workers,
    checked_workers,
    collected_warnings,
    run_replication,
)
from sim.studies.statistics import FIRST_REPLICATIONS, next_total
from sim.world import make_graph

MOST_REPLICATIONS = 1_000_000
RULE_REPLICATIONS = 5
"""Worlds in which the rules against abuse are tried, the first of the comparison."""


def compare(
    scenario: Scenario,
    *,
    policies: Sequence[str] | Mapping[str, Policy | Scheme] | None = None,
    replications: int | None = None,
    seed: int | None = None,
    workers: int | None = None,
    engine: Engine = "kernels",
    keep_ledger: bool = False,
    rules: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Run ``policies`` in the same worlds with the same luck and compare them with the baseline.

    Parameters
    ----------
    scenario : Scenario
    policies : names in ``scenario.policies``, or policies or schemes by name; default all
    replications : int, optional
        Worlds. By default from 10 on as many as ``scenario.compare.precision`` needs, up to
        ``maximum_replications``. Stopping when an interval is narrow enough makes it slightly
        too narrow on average; give a number for intervals of exactly 95 %.
    seed : int, optional
        ``scenario.seed`` when left out.
    workers : int, optional
        Processes; all processors when left out. The result does not depend on it.
    engine : {"kernels", "agents"}
    keep_ledger : bool
        Keep every order and ledger line of every run.
    rules : bool, optional
        Try each rule against abuse on the best policy that pays, see :func:`with_rules`. By
        default where ``population.opportunists`` is above 0.
    progress : called with (replications done, replications to do) after each, from 0 again for
        the rules

    Returns
    -------
    Comparison
        On Ctrl-C the replications finished so far, if there are at least two.

    Raises
    ------
    InputError
        If a policy, number, file or engine cannot be used, or ``rules`` without opportunists.
    """
    start = time.perf_counter()
    _check_numbers(replications, engine)
    has_rules = tries_rules(scenario, rules)
    resolved, names = resolve(scenario, policies, seed)
    most = resolved.compare.maximum_replications if replications is None else replications
    count = min(checked_workers(workers, resolved), most)
    done: dict[int, Replication] = {}
    interrupted = False
    with collected_warnings() as found:
        from_file = resolved.network.file is not None
        graph = make_graph(resolved, resolved.seed) if from_file else None
    job = Job(resolved, names, resolved.compare.baseline, engine, keep_ledger, graph)
    try:
        _replicate(job, count, replications, most, done, progress)
    except KeyboardInterrupt:
        interrupted = True
    runs = _first_ones(done)
    if interrupted and len(runs) < 2:
        raise KeyboardInterrupt("fewer than two replications were finished; nothing is kept")
    said = tuple(dict.fromkeys([*found, *(text for run in runs for text in run.warnings)]))
    for text in said:
        warnings.warn(text, InputWarning, stacklevel=2)
    comparison = Comparison(
        scenario=resolved,
        policies=names,
        baseline=job.baseline,
        engine=engine,
        workers=count,
        seconds=time.perf_counter() - start,
        interrupted=interrupted,
        warnings=said,
        runs=runs,
        labels=None if graph is None else graph.labels,
    )
    return with_rules(comparison, progress) if has_rules else comparison


def tries_rules(scenario: Scenario, rules: bool | None) -> bool:
    """Whether the rules against abuse are tried; ``rules`` is what was asked for, None for auto.

    Raises
    ------
    InputError
        If they were asked for and nobody is an opportunist.
    """
    if rules:
        check_attacked(scenario)
    if scenario.compare.branch_day is not None:
        if rules:
            raise InputError(
                "the rules against abuse are tried from day 0, not from compare.branch_day = "
                f"{scenario.compare.branch_day:g}; leave out one of the two"
            )
        return False
    return scenario.population.opportunists > 0 if rules is None else rules


def with_rules(
    comparison: Comparison, progress: Callable[[int, int], None] | None = None
) -> Comparison:
    """The comparison with what each rule against abuse saves under its best policy that pays.

    It is returned as it is where no policy pays or it was interrupted. Ctrl-C keeps it without
    the rules. progress : called with (worlds done, worlds to do).
    """
    start = time.perf_counter()
    policy, count = comparison.best_paid, min(RULE_REPLICATIONS, comparison.replications)
    if policy is None or comparison.interrupted:
        return comparison
    try:
        # What there is to warn of was said by the comparison.
        with collected_warnings():
            rules = what_each_rule_saves(
                comparison.scenario,
                policy,
                replications=count,
                workers=comparison.workers,
                engine=comparison.engine,
                progress=progress,
            )
    except KeyboardInterrupt:
        return replace(comparison, interrupted=True)
    for column, value in {"replications": count, "policy": policy}.items():
        rules.insert(0, column, value)
    seconds = comparison.seconds + time.perf_counter() - start
    return replace(comparison, rules=rules, seconds=seconds)


def _check_numbers(replications: int | None, engine: str) -> None:
    if engine not in ENGINES:
        raise InputError(f"there is no engine '{engine}'{nearest(engine, ENGINES)}")
    if replications is not None and not 2 <= replications <= MOST_REPLICATIONS:
        raise InputError(
            f"replications = {replications} gives no interval; give 2 to {MOST_REPLICATIONS:,}, "
            "or leave it out for as many as the precision needs"
        )


def resolve(
    scenario: Scenario,
    policies: Sequence[str] | Mapping[str, Policy | Scheme] | None,
    seed: int | None,
) -> tuple[Scenario, tuple[str, ...]]:
    """The scenario with everything that will run, checked, and the names of the policies asked for.

    Raises
    ------
    InputError
        If a policy, the baseline or the seed cannot be used, or nothing is left to compare.
    """
    names, given = _chosen(scenario, policies)
    baseline = scenario.compare.baseline
    if set(names) == {baseline}:
        raise InputError(
            f"there is nothing to compare '{baseline}' with; add another policy to [policies]"
        )
    return resolve_scenario(scenario, given, seed), names


def resolve_scenario(
    scenario: Scenario, given: Mapping[str, Policy] | None = None, seed: int | None = None
) -> Scenario:
    """The scenario with the policies ``given`` and its baseline, every policy checked.

    Raises
    ------
    InputError
        If a policy, the baseline or the seed cannot be used.
    """
    baseline = scenario.compare.baseline
    table: dict[str, Any] = {**scenario.policies, **(given or {})}
    if baseline not in table:
        if baseline != "none":
            raise InputError(
                f"compare.baseline = '{baseline}' is no policy{nearest(baseline, table)}"
            )
        table[baseline] = NoIncentive().as_policy()
    changes = {"policies": table} | ({} if seed is None else {"seed": seed})
    resolved = written_out(scenario.but(**changes))
    for name in table:
        policy_scheme(resolved, name)
    _check_branch(resolved)
    return resolved


def _check_branch(scenario: Scenario) -> None:
    """Raise InputError unless policies can take over on ``compare.branch_day``."""
    day, history = scenario.compare.branch_day, scenario.compare.history
    if history is not None and history not in scenario.policies:
        raise InputError(
            f"compare.history = '{history}' is no policy{nearest(history, scenario.policies)}"
        )
    if day is None:
        if history is not None:
            raise InputError(
                f"compare.history = '{history}' has no effect without a day on which it ends; "
                "set compare.branch_day (--branch-at)"
            )
        return
    ticks = day / scenario.dt
    if abs(ticks - round(ticks)) > 1e-9 or not 0 < round(ticks) < scenario.ticks:
        raise InputError(
            f"compare.branch_day = {day:g} is to be a whole number of ticks of {scenario.dt:g} "
            f"days, and before days = {scenario.days:g}"
        )


def branch_note(scenario: Scenario) -> str | None:
    """What to say of a comparison whose policies take over in mid-run; None of any other."""
    day, history = scenario.compare.branch_day, scenario.compare.history
    if day is None:
        return None
    return (
        f"Until day {day:g} every world ran {history or scenario.compare.baseline}; then each "
        "policy took over, with the same luck to come. Figures are of all "
        f"{scenario.days:g} days, so what differs is what came after day {day:g}."
    )


def _chosen(
    scenario: Scenario, policies: Sequence[str] | Mapping[str, Policy | Scheme] | None
) -> tuple[tuple[str, ...], dict[str, Policy]]:
    """Names of the policies asked for, and those of them that were given as objects."""
    if policies is None:
        return tuple(scenario.policies), {}
    if isinstance(policies, str):
        raise InputError(f"policies = {policies!r} is one name; give a list: ['{policies}']")
    if not policies:
        raise InputError("policies is empty; name at least one, or leave it out for all")
    if isinstance(policies, Mapping):
        given = {name: _as_policy(name, policy) for name, policy in policies.items()}
        return tuple(given), given
    for name in policies:
        if name not in scenario.policies:
            raise InputError(f"there is no policy '{name}'{nearest(name, scenario.policies)}")
    if len(set(policies)) < len(policies):
        raise InputError(f"policies {', '.join(policies)}: one is named twice; name each once")
    return tuple(policies), {}


def _as_policy(name: str, policy: Policy | Scheme) -> Policy:
    if isinstance(policy, Scheme):
        return policy.as_policy()
    if isinstance(policy, Policy):
        return policy
    raise InputError(
        f"policies[{name!r}] is a {type(policy).__name__}; give a sim.Policy or a scheme such as "
        "sim.incentives.Percentage(rate=0.1)"
    )


def _replicate(
    job: Job,
    workers: int,
    replications: int | None,
    most: int,
    done: dict[int, Replication],
    progress: Callable[[int, int], None] | None,
) -> None:
    """Fill ``done`` batch by batch; how many follow depends on the results alone."""
    total = min(FIRST_REPLICATIONS, most) if replications is None else replications
    with Workers(partial(run_replication, job), workers) as pool:
        while len(done) < total:
            if progress is not None:
                progress(len(done), total)
            for number, replication in pool.run(range(len(done), total)):
                done[number] = replication
                if progress is not None:
                    progress(len(done), total)
            if replications is None:
                total = next_total(len(done), _excess_of(job, done), most)


def _excess_of(job: Job, done: Mapping[int, Replication]) -> float:
    """Widest half width in the objective over the one asked for."""
    objective = job.scenario.compare.objective
    runs = [done[number] for number in sorted(done)]
    rivals = [name for name in job.policies if name != job.baseline]
    return widest_excess(
        [np.array([run.runs[name].outcomes[objective] for run in runs], float) for name in rivals],
        np.array([run.twin_outcomes[objective] for run in runs], float),
        job.scenario.compare.precision,
    )


def _first_ones(done: Mapping[int, Replication]) -> tuple[Replication, ...]:
    """The replications 0, 1, ... up to the first that is missing: a smaller study of its own."""
    found: list[Replication] = []
    while len(found) in done:
        found.append(done[len(found)])
    return tuple(found)
