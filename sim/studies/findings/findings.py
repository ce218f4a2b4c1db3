"""Findings: what a finished sweep says, from its folder alone; nothing is simulated.

Candidates (policies with their settings) are judged by the mean of the objective over all worlds
and replications. Intervals are over replications: they hold luck. What is not known shows as the
spread over worlds, and in how many of them a candidate is better than the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.studies.exporting.saved_study import open_study
from sim.studies.findings.candidates import Candidate, Cells, complete_part, read_cells
from sim.studies.findings.discovery import Discovery, discover
from sim.studies.findings.flips import FlipStudy, find_flips
from sim.studies.findings.robustness import Robustness, Worlds, robustness
from sim.studies.findings.splits import Split, split_of
from sim.studies.multiple import Standings, gains
from sim.studies.multiple import standings as told_apart
from sim.studies.optimizing.crossing import Share, share_of_runs
from sim.studies.sensitivity.variance import Shares, shares_of
from sim.studies.statistics import Interval, mean_interval, probability_of_best
from sim.studies.sweeps.design import KEYS, Design
from sim.studies.sweeps.factors import declared
from sim.studies.sweeps.parts import RUN
from sim.studies.sweeps.replay import load_design
from sim.studies.sweeps.study_file import Discovery as Question
from sim.studies.sweeps.study_file import Target
from sim.studies.verdict import cost_per_order

MOST_RANKED = 40
"""Candidates that are ranked, the best by their mean; the time grows with the square of them."""

MOST_DIVIDED = 50_000
"""Runs whose variance is divided up; of more, the first replications are taken."""

READ = (
    "orders", "new_customers", "profit_cents", "payout_cents", "discount_cents",
    "deadweight_cents", "nonearner_share", "mutes", "warnings", "fake_orders", "ring_orders",
    "members_end",
)  # fmt: skip
"""Measures that are read besides the objective."""

Kind = Literal["wins", "settings", "policies", "baseline", "undecided"]


@dataclass(frozen=True, eq=False)
class Choice:
    """A candidate and how it did.

    mean : of the objective, of which more is better. gain : beyond the baseline, 0 for the
    baseline itself. Both with the interval over replications of means over worlds; those of the
    gains of all candidates hold together (:func:`sim.studies.multiple.gains`), since the best is
    chosen by the runs that measure it. world_gain : mean over replications of the gain in each
    world, float64 (worlds,). measures, twin : means of :data:`READ` and the objective, and those of
    its baseline. split : the two ways its runs end in the objective, None where there is one.
    cost_per_order : of orders beyond the baseline, in cents. reached : share of runs that reach
    each target. places : it may have, see :mod:`sim.studies.multiple`. Of candidates that were not
    ranked places and split are None.
    """

    candidate: Candidate
    is_baseline: bool
    mean: Interval
    gain: Interval
    world_gain: np.ndarray
    robustness: Robustness
    probability_of_best: float
    places: tuple[int, int] | None
    split: Split | None
    measures: Mapping[str, float]
    twin: Mapping[str, float]
    cost_per_order: float
    reached: Mapping[str, Share]

    @property
    def name(self) -> str:
        """The policy, with the setting where it has several."""
        return self.candidate.name

    @property
    def worlds_better(self) -> int:
        """In how many worlds it is better than its baseline."""
        return int((self.world_gain > 0).sum())

    @property
    def spent_cents(self) -> float:
        """Commissions and discounts of a run."""
        return self.measures["payout_cents"] + self.measures["discount_cents"]


class Counts(NamedTuple):
    """What the findings rest on.

    rows : different runs of the design. missing : those that failed or are not done. worlds,
    replications, candidates : that were judged, and those left out for holes.
    """

    rows: int
    missing: int
    worlds: int
    worlds_left_out: int
    replications: int
    replications_left_out: int
    candidates_left_out: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Findings:
    """What a sweep says.

    choices : the candidates, the best first. kind : whether one candidate wins; one policy does,
    while its settings cannot be told apart; several policies beat the baseline and cannot be told
    apart; the baseline wins; or it is undecided whether any beats the baseline. leaders : names
    that cannot be told from the best. rival : the best candidate of another policy than the
    recommended one, None without any. shares : None below two replications. discovery, flips :
    None, or empty, where the study has one world.
    """

    name: str
    objective: str
    baseline: str
    currency: str
    days: float
    targets: Mapping[str, Target]
    choices: tuple[Choice, ...]
    kind: Kind
    leaders: tuple[str, ...]
    rival: str | None
    ranking_line: str
    counts: Counts
    shares: Shares | None
    discovery: Discovery | None
    flips: tuple[FlipStudy, ...]

    @property
    def best(self) -> Choice:
        """The candidate with the best mean."""
        return self.choices[0]

    @property
    def recommended(self) -> Choice | None:
        """The candidate to take, None where nothing can be recommended."""
        return None if self.kind == "undecided" else self.best

    def choice(self, name: str) -> Choice:
        """The candidate of that name."""
        return next(one for one in self.choices if one.name == name)


# ------------------------------------------------------------------------------- from the folder


def read_findings(folder: Path) -> Findings:
    """What the sweep in ``folder`` says.

    Raises
    ------
    InputError
        If the folder holds no sweep, no run of the baseline, or a file in it is damaged.
    """
    design = load_design(folder)
    return find(design, folder, _question(folder))


def _question(folder: Path) -> Question:
    """The [discovery] of the study file kept in the folder, the defaults without one."""
    import tomllib

    try:
        table = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Question()
    return Question.model_validate(table.get("discovery", {}))


def find(design: Design, folder: Path, question: Question | None = None) -> Findings:
    """What the runs of ``design`` in ``folder`` say.

    question : what to discover; by default where the best candidate loses to its baseline.
    """
    question = Question() if question is None else question
    names = open_study(folder).outcomes.schema.names
    question.check([name for name in names if name not in (*KEYS, RUN)], design.policies)
    objective = design.scenario.compare.objective
    by_day = [f"{name}_by_day" for name in design.targets]
    asked = [] if question.measure is None else [question.measure]
    measures = tuple(dict.fromkeys((objective, *READ, *by_day, *asked)))
    every = read_cells(folder, design, measures)
    if not np.isfinite(every.values[objective]).any():
        raise InputError(f"{folder} holds no finished run yet; see `vouch status {folder}`")
    cells = complete_part(every, objective)
    if 0 in cells.values[objective].shape:
        raise InputError(
            f"{folder} has no world in which the baseline and a policy both ran; see `vouch status "
            f"{folder}` for why runs failed"
        )
    choices, ranking = _choices(cells, design, objective)
    order = [one.name for one in choices]
    kind, leaders = _judge(choices, ranking)
    rival = _rival(choices)
    places = {one.name: place for place, one in enumerate(cells.candidates)}
    return Findings(
        name=design.scenario.name,
        objective=objective,
        baseline=design.baseline,
        currency=design.scenario.currency,
        days=design.scenario.days,
        targets=design.targets,
        choices=choices,
        kind=kind,
        leaders=leaders,
        rival=rival,
        ranking_line=ranking.line,
        counts=_counts(design, every, cells, objective),
        shares=_shares(cells, objective, design),
        discovery=_discovery(cells, design, question, places, order),
        flips=_flips(cells, design, objective, choices, leaders, rival),
    )


# ---------------------------------------------------------------------------------- candidates


def _choices(cells: Cells, design: Design, objective: str) -> tuple[tuple[Choice, ...], Standings]:
    """All candidates from the best mean down, and the ranking of the best of them."""
    table = cells.values[objective]
    # Worlds are averaged within a replication, whose luck they share.
    rows = table.mean(axis=1)
    order = np.argsort(-rows.mean(axis=1), kind="stable")
    ranked = order[:MOST_RANKED]
    names = [one.name for one in cells.candidates]
    ranking = told_apart({names[place]: rows[place] for place in ranked}, design.scenario.seed)
    chances = probability_of_best(rows[order].T, design.scenario.seed)
    gained = gains(rows, cells.twins, design.scenario.seed)
    means = table.mean(axis=2)
    robust = robustness(_in_worlds(cells, objective), design.scenario.seed)
    found = [
        Choice(
            candidate=cells.candidates[place],
            is_baseline=bool(cells.twins[place] == place),
            mean=mean_interval(rows[place]),
            gain=gained[place],
            world_gain=means[place] - means[cells.twins[place]],
            robustness=robust[cells.candidates[place].policy, cells.candidates[place].point],
            probability_of_best=float(chance),
            places=_places(ranking, names[place]),
            split=split_of(table[place], design.scenario.seed) if place in ranked else None,
            measures=_means(cells, int(place)),
            twin=_means(cells, int(cells.twins[place])),
            cost_per_order=_cost_per_order(cells, int(place)),
            reached=_reached(cells, int(place), design),
        )
        for place, chance in zip(order, chances, strict=True)
    ]
    return tuple(found), ranking


def _in_worlds(cells: Cells, objective: str) -> Worlds:
    """The cells as :mod:`sim.studies.findings.robustness` takes them."""
    values = cells.values[objective]
    return Worlds(
        objective=objective,
        candidates=tuple((one.policy, one.point) for one in cells.candidates),
        worlds=tuple(cells.worlds.tolist()),
        values=values,
        margins=np.empty((0, *values.shape)),
        twins=cells.twins,
        complete=np.ones(values.shape[1:], bool),
        worlds_left_out=0,
    )


def _places(ranking: Standings, name: str) -> tuple[int, int] | None:
    place = ranking.places.get(name)
    return None if place is None else (place.best, place.worst)


def _means(cells: Cells, place: int) -> dict[str, float]:
    return {name: mean_interval(table[place].ravel()).mean for name, table in cells.values.items()}


def _cost_per_order(cells: Cells, place: int) -> float:
    names = ("orders", "payout_cents", "discount_cents")
    run, twin = (
        {name: cells.values[name][one].ravel() for name in names}
        for one in (place, cells.twins[place])
    )
    return cost_per_order(run, twin)


def _reached(cells: Cells, place: int, design: Design) -> dict[str, Share]:
    return {
        name: share_of_runs((cells.values[f"{name}_by_day"][place] >= target.amount) * 1.0)
        for name, target in design.targets.items()
    }


def _judge(choices: tuple[Choice, ...], ranking: Standings) -> tuple[Kind, tuple[str, ...]]:
    """What kind of answer there is, and who cannot be told from the best."""
    best = choices[0]
    leaders = tuple(
        one.name for one in choices[:MOST_RANKED]
        if one.name == best.name or not ranking.is_better(best.name, one.name)
    )  # fmt: skip
    tied = [one for one in choices if one.name in leaders]
    if all(one.is_baseline for one in tied):
        return "baseline", leaders
    if any(one.is_baseline for one in tied) or best.gain.low <= 0 or math.isnan(best.gain.low):
        return "undecided", leaders
    if len(tied) == 1:
        return "wins", leaders
    one_policy = len({one.candidate.policy for one in tied}) == 1
    return ("settings" if one_policy else "policies"), leaders


def _rival(choices: tuple[Choice, ...]) -> str | None:
    """The best candidate of a policy that is neither the first one's nor the baseline."""
    first = choices[0].candidate.policy
    others = (one.name for one in choices if one.candidate.policy != first and not one.is_baseline)
    return next(others, None)


def _counts(design: Design, every: Cells, cells: Cells, objective: str) -> Counts:
    kept = {one.name for one in cells.candidates}
    shape = every.values[objective].shape
    holes = int((~np.isfinite(every.values[objective])).sum())
    return Counts(
        rows=int(np.prod(shape)),
        missing=holes,
        worlds=cells.worlds.size,
        worlds_left_out=shape[1] - cells.worlds.size,
        replications=cells.replications.size,
        replications_left_out=shape[2] - cells.replications.size,
        candidates_left_out=tuple(one.name for one in every.candidates if one.name not in kept),
    )


# --------------------------------------------------------------------------------------- worlds


def _shares(cells: Cells, objective: str, design: Design) -> Shares | None:
    table = cells.values[objective]
    per_replication = table.shape[0] * table.shape[1]
    replications = min(table.shape[2], max(2, MOST_DIVIDED // per_replication))
    if table.shape[2] < 2 or not np.isfinite(table).all():
        return None
    return shares_of(table[:, :, :replications], objective, design.scenario.seed)


def _discovery(
    cells: Cells, design: Design, question: Question, places: Mapping[str, int], order: list[str]
) -> Discovery | None:
    """Where the candidate asked about loses, by default the best one that is no baseline."""
    if not design.worlds.factors or len(cells.worlds) < 2:
        return None
    measure = question.measure or design.scenario.compare.objective
    baselines = {cells.candidates[place].name for place in cells.twins}
    policy = _asked(cells, order, question.policy, "discovery.policy")
    if policy is None:
        policy = next((name for name in order if name not in baselines), None)
    if policy is None:
        return None
    against = _asked(cells, order, question.against, "discovery.against")
    if against is None:
        against = cells.candidates[cells.twins[places[policy]]].name
    table = cells.values[measure]
    worlds = design.worlds.frame("world").iloc[cells.worlds].reset_index(drop=True)
    return discover(
        worlds,
        design.worlds.factors,
        table[places[policy]] - table[places[against]],
        policy=policy,
        against=against,
        measure=measure,
        seed=design.scenario.seed,
        currency=design.scenario.currency,
    )


def _asked(cells: Cells, order: list[str], policy: str | None, where: str) -> str | None:
    """The best candidate of the policy a study names."""
    if policy is None:
        return None
    of_policy = {one.name for one in cells.candidates if one.policy == policy}
    found = next((name for name in order if name in of_policy), None)
    if found is None:
        raise InputError(f"{where}: policy '{policy}' was not run in this study")
    return found


def _flips(
    cells: Cells,
    design: Design,
    objective: str,
    choices: tuple[Choice, ...],
    leaders: tuple[str, ...],
    rival: str | None,
) -> tuple[FlipStudy, ...]:
    """What would turn the lead of the best over the baseline, the runner-up and its rival."""
    if not design.worlds.factors or cells.worlds.size < 2:
        return ()
    places = {one.name: place for place, one in enumerate(cells.candidates)}
    leader = choices[0].name
    baseline = cells.candidates[cells.twins[places[leader]]].name
    if leader == baseline:
        baseline = next((one.name for one in choices if not one.is_baseline), leader)
    # What turns a lead that cannot be told from luck would be luck too.
    runner_up = next((one.name for one in choices if one.name not in leaders), None)
    wanted = (baseline, runner_up, rival)
    others = dict.fromkeys(name for name in wanted if name not in (None, leader))
    rows = [design.worlds.rows[world] for world in cells.worlds]
    factors = design.worlds.factors
    columns = [[row[place] for row in rows] for place in range(len(factors))]
    varied = [place for place, column in enumerate(columns) if len(set(map(str, column))) > 1]
    table = cells.values[objective]
    return tuple(
        find_flips(
            [factors[place] for place in varied],
            [columns[place] for place in varied],
            [declared(design.scenario, factors[place].name).value for place in varied],
            table[places[leader]] - table[places[other]],
            leader=leader,
            rival=other,
            seed=design.scenario.seed,
        )
        for other in others
        if other is not None
    )
