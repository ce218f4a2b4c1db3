"""The circumstances in which claims are tried, and the runs in each.

A variant changes something that must not matter to what the model says: how people are numbered,
how finely time is cut, how many people there are, which worlds and which luck were drawn, which
engine computes. A draw changes what is not known exactly. Every replication of either is a pure
function of (plan, its number), so it does not matter which process runs it, or when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.measures import MEASURES, Run, outcomes
from sim.network import SocialGraph
from sim.randomness import derive_seed
from sim.scenario import Scenario
from sim.studies.claim_files import Claim, ClaimsFile
from sim.studies.renumbering import drawn_order, renumber
from sim.studies.replicate import Job, collected_warnings, run_policy
from sim.studies.uncertainty import Parameter, drawn_scenario
from sim.studies.wording import RATIOS, SHARES
from sim.twins import TWIN_MEASURES, compare_with_twin
from sim.world import World, make_graph, make_world, world_seed

BASE = "base"
ENGINE = "engine"
ENGINE_DAYS = 30
"""Days of the runs that both engines make, at most: Mesa agents act one by one."""

PER_PERSON = SHARES | RATIOS | {"median_earnings_cents", "incremental_cac_cents"}
"""Measures that do not grow with the number of people; all others are compared per person."""

_OTHER_WORLD, _OTHER_LUCK, _NUMBERING = 1, 2, 3

Key = tuple[str, str, str]
"""World, policy and measure."""


class Variant(NamedTuple):
    """A change that must not matter.

    says : in words. of_scenario : the changed scenario. other_world, other_luck : whether the
    worlds, or the luck in them, come from another seed. renumbered : whether people are.
    """

    name: str
    says: str
    of_scenario: Callable[[Scenario], Scenario] = lambda scenario: scenario
    other_world: bool = False
    other_luck: bool = False
    renumbered: bool = False


def half_tick(scenario: Scenario) -> Scenario:
    """The scenario with ticks half as long."""
    return scenario.but(dt=scenario.dt / 2)


def twice_the_people(scenario: Scenario) -> Scenario:
    """The scenario with twice the people, and twice of what is shared among all of them.

    Budgets, seeds, early places and the prizes of a contest are doubled too, as they would be for
    a market of twice the size.
    """
    seeding = {"count": 2 * scenario.campaign.seeding.count}
    policies = {
        name: _doubled({"scheme": policy.scheme, **policy.parameters})
        for name, policy in scenario.policies.items()
    }
    return scenario.but(
        population={"size": 2 * scenario.population.size},
        campaign={"seeding": seeding},
        policies=policies,
    )


def _doubled(terms: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of a scheme and its parts for twice the people."""
    found = {}
    for name, value in terms.items():
        if name in ("budget", "first_orders", "pool") and value is not None:
            value = 2 * value
        elif name == "prizes" and terms.get("scheme") == "leaderboard":
            shares = 2 if terms.get("pool") is not None else 1
            value = [prize / shares for prize in value for _ in range(2)]
        elif isinstance(value, Mapping):
            value = _doubled(value)
        elif isinstance(value, list | tuple):
            value = [_doubled(item) if isinstance(item, Mapping) else item for item in value]
        found[name] = value
    return found


VARIANTS = (
    Variant(BASE, "as filed"),
    Variant("ids", "the same worlds, people numbered in another order", renumbered=True),
    Variant("time step", "ticks half as long", half_tick),
    Variant("population", "twice the people, measured per person", twice_the_people),
    Variant("world seed", "other networks and people", other_world=True),
    Variant("luck seed", "the same worlds, other luck", other_luck=True),
)
"""What must not matter, the claim as it is filed first; the engine is compared run by run."""


class Piece(NamedTuple):
    """One replication: of a variant, or of the base with a draw of the parameters."""

    variant: str
    replication: int
    draw: int | None = None


class Measured(NamedTuple):
    """What a piece of work found: values by world, policy and measure.

    For :data:`ENGINE` a value is 1 where the engines made the same run, else 0. people : in the
    network of each world.
    """

    values: dict[Key, float]
    people: dict[str, int]


@dataclass(frozen=True)
class Plan:
    """All runs that claims need.

    variants : those that can be made of the worlds. needs : the measures wanted by world and
    policy. graphs : networks that come from files, by world. quantiles : float64 (draws,
    parameters). engine_days : horizon for comparing engines, at most.
    """

    worlds: dict[str, Scenario]
    variants: tuple[Variant, ...]
    needs: dict[str, dict[str, tuple[str, ...]]]
    graphs: dict[str, SocialGraph]
    parameters: tuple[Parameter, ...]
    quantiles: np.ndarray
    draw_replications: int
    engine_days: float
    pieces: tuple[Piece, ...]


def applicable(worlds: Mapping[str, Scenario]) -> tuple[Variant, ...]:
    """The variants that can be made of these worlds: a network of a file cannot be doubled."""
    from_file = any(scenario.network.file is not None for scenario in worlds.values())
    return tuple(one for one in VARIANTS if not (from_file and one.name == "population"))


def measures_needed(
    file: ClaimsFile, claims: tuple[Claim, ...]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """The measures that claims read, by world and policy."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for claim in claims:
        other = file.other(claim)
        for world, policy in ((claim.world, claim.policy), *(() if other is None else (other,))):
            found.setdefault(world, {}).setdefault(policy, {})[claim.measure] = None
    return {
        world: {policy: tuple(names) for policy, names in policies.items()}
        for world, policies in found.items()
    }


def make_plan(
    file: ClaimsFile,
    claims: tuple[Claim, ...],
    *,
    quantiles: np.ndarray,
    replications: int,
    draw_replications: int,
    engine_days: float,
) -> Plan:
    """The runs that ``claims`` need, in an order that leaves a useful part when cut short.

    Raises
    ------
    InputError
        If the network of a world cannot be read, or a variant or a draw is not a valid scenario.
    """
    needs = measures_needed(file, claims)
    worlds = {name: file.worlds[name] for name in needs}
    variants = applicable(worlds)
    for scenario in worlds.values():
        for variant in variants:
            variant.of_scenario(scenario)
        for row in quantiles:
            drawn_scenario(scenario, file.parameters, row)
    graphs: dict[str, SocialGraph] = {}
    read: dict[str, SocialGraph] = {}
    for name, scenario in worlds.items():
        if scenario.network.file is not None:
            place = scenario.network.model_dump_json()
            if place not in read:
                read[place] = make_graph(scenario, scenario.seed)
            graphs[name] = read[place]
    return Plan(
        worlds=worlds,
        variants=variants,
        needs=needs,
        graphs=graphs,
        parameters=file.parameters,
        quantiles=quantiles,
        draw_replications=draw_replications,
        engine_days=engine_days,
        pieces=(
            Piece(ENGINE, 0),
            *(Piece(one.name, number) for number in range(replications) for one in variants),
            *(
                Piece(BASE, number, draw)
                for draw in range(len(quantiles))
                for number in range(draw_replications)
            ),
        ),
    )


def run_piece(plan: Plan, number: int) -> Measured:
    """Piece ``number`` of the plan: all worlds and policies, with the same luck.

    Raises
    ------
    InputError
        If the numbers of a draw cannot make a world.
    """
    piece = plan.pieces[number]
    try:
        return _run_piece(plan, piece)
    except InputError as error:
        if piece.draw is None:
            raise
        raise InputError(f"uncertainty: a draw of the parameters: {error}") from None


def _run_piece(plan: Plan, piece: Piece) -> Measured:
    # What there is to warn of was said when the plan was made, and draws may be at odds.
    with collected_warnings():
        if piece.variant == ENGINE:
            return _both_engines(plan, piece.replication)
        values: dict[Key, float] = {}
        people: dict[str, int] = {}
        for name, job, world in _places(plan, piece):
            people[name] = world.graph.size
            found = _measured(job, plan.needs[name], piece.replication, world)
            values |= {(name, *key): value for key, value in found.items()}
    return Measured(values, people)


def _places(plan: Plan, piece: Piece) -> Iterator[tuple[str, Job, World]]:
    """Each world of a piece: its name, what runs there and where runs start."""
    variant = next(one for one in VARIANTS if one.name == piece.variant)
    generated: dict[str, SocialGraph] = {}
    for name, filed in plan.worlds.items():
        scenario = variant.of_scenario(filed)
        if piece.draw is not None:
            scenario = drawn_scenario(scenario, plan.parameters, plan.quantiles[piece.draw])
        seeds = _seeds(scenario.seed, variant)
        made_with = world_seed(seeds[0], piece.replication)
        # Worlds that share the settings of a network share the network.
        settings = f"{scenario.network.model_dump_json()} {scenario.population.size}"
        graph = plan.graphs.get(name, generated.get(settings))
        world = make_world(scenario, made_with, graph=graph)
        generated[settings] = world.graph
        if variant.renumbered:
            world = renumber(
                world, drawn_order(world.graph.size, derive_seed(made_with, _NUMBERING))
            )
        scenario = scenario.but(seed=seeds[1])
        yield name, Job(scenario, (), scenario.compare.baseline), world


def _seeds(seed: int, variant: Variant) -> tuple[int, int]:
    """The seeds of the worlds and of the luck of a variant of a study with ``seed``."""
    of_world = derive_seed(seed, _OTHER_WORLD) >> 1 if variant.other_world else seed
    of_luck = derive_seed(seed, _OTHER_LUCK) >> 1 if variant.other_luck else seed
    return of_world, of_luck


def _measured(
    job: Job, needs: Mapping[str, tuple[str, ...]], replication: int, world: World
) -> dict[tuple[str, str], float]:
    """What ``needs`` asks of one world, by policy and measure.

    Measures against the twin need the run of the baseline too.
    """
    has_twin = any(name in TWIN_MEASURES for names in needs.values() for name in names)
    twin = run_policy(job, job.baseline, replication, world) if has_twin else None
    found = {}
    for policy, names in needs.items():
        is_twin = twin is not None and policy == job.baseline
        run = twin if is_twin else run_policy(job, policy, replication, world)
        assert run is not None
        against_twin = {} if twin is None else compare_with_twin(run, twin)
        for name in names:
            value = against_twin[name] if name in TWIN_MEASURES else MEASURES[name](run)
            found[policy, name] = float(value)
    return found


def _both_engines(plan: Plan, replication: int) -> Measured:
    """Whether Mesa agents make the runs that the kernels make, to the bit."""
    values: dict[Key, float] = {}
    people: dict[str, int] = {}
    for name, job, world in _places(plan, Piece(BASE, replication)):
        people[name] = world.graph.size
        days = min(job.scenario.days, plan.engine_days)
        scenario = job.scenario.but(days=days)
        for policy, measures in plan.needs[name].items():
            runs = [
                run_policy(Job(scenario, (), job.baseline, engine), policy, replication, world)
                for engine in ("kernels", "agents")
            ]
            same = float(_same(*runs))
            values |= {(name, policy, measure): same for measure in measures}
    return Measured(values, people)


def _same(one: Run, other: Run) -> bool:
    """Whether two runs have the same days and outcomes."""
    days = all(np.array_equal(one.daily[name], other.daily[name]) for name in one.daily)
    first, second = (np.array(list(outcomes(run).values()), np.float64) for run in (one, other))
    return days and np.array_equal(first, second, equal_nan=True)
