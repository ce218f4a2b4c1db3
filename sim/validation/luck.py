"""Luck as an address: what may change a run and what may not (B19 to B24, B26, E1, E2)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sim.incentives import Percentage, TwoSided
from sim.model import WordOfMouthModel
from sim.network import SocialGraph
from sim.population import Population, State
from sim.presets import independent_cascade
from sim.randomness import derive_seed, philox4x32
from sim.scenario import Scenario
from sim.studies.compare import compare
from sim.studies.statistics import paired_difference, variance_ratio
from sim.validation.mechanisms import MECHANISMS, neutral_run, run_without, strong_run
from sim.validation.target import Finding, Plant, Reading, Target, none_may
from sim.validation.worlds_small import POLICIES, busy_scenario, differences
from sim.world import World, make_world

AT_LEAST_ONE = (1.0, math.inf)

# Cascades on shared luck ---------------------------------------------------------------------

TOY_PEOPLE, TOY_DEGREE, TOY_SEEDS = 5_000, 8, 50
TOY_PAIRS = ((0.40, 0.44), (0.80, 0.84), (1.20, 1.24))
"""Mean number of friends won by one adopter, before and after a change."""


def toy_graph(number: int, people: int = TOY_PEOPLE) -> SocialGraph:
    """One of the random graphs of the toy."""
    return SocialGraph.generate("erdos_renyi", people, seed=number, mean_degree=TOY_DEGREE)


def adopters(graph: SocialGraph, reproduction: float, number: int) -> np.ndarray:
    """Who adopts in an independent cascade from the first people, bool (N,)."""
    return (
        independent_cascade(
            graph, probability=reproduction / TOY_DEGREE, seeds=range(TOY_SEEDS),
            seed=derive_seed(19, number),
        )
        .run()
        .adopted
    )  # fmt: skip


def monotone_coupling(quick: bool) -> Finding:
    """Ever larger probabilities on the same graph with the same luck; who is lost on the way."""
    graphs, people = (5, 1_000) if quick else (60, TOY_PEOPLE)
    steps = np.linspace(0.2, 2.0, 10)
    lost = gained = cases = 0
    for number in range(graphs):
        graph = toy_graph(number, people)
        before = adopters(graph, float(steps[0]), number)
        for reproduction in steps[1:]:
            after = adopters(graph, float(reproduction), number)
            lost += bool((before & ~after).any())
            gained += int(np.count_nonzero(after & ~before))
            before, cases = after, cases + 1
    readings = (
        none_may(f"raised probabilities of {cases} that lose an adopter", lost),
        Reading("adopters that these raises gain", gained, *AT_LEAST_ONE),
    )
    return Finding(readings)


def paired_variance(quick: bool) -> Finding:
    """How many times fewer runs a comparison takes with the luck of both sides shared."""
    pairs = 60 if quick else 400
    readings = []
    for low, high in TOY_PAIRS:
        sizes = np.empty((2, pairs))
        for number in range(pairs):
            graph = toy_graph(number)
            for side, reproduction in enumerate((low, high)):
                sizes[side, number] = np.count_nonzero(adopters(graph, reproduction, number))
        ratio = variance_ratio(sizes[1], sizes[0])
        what = f"variance ratio, {low:.2f} against {high:.2f} friends won, {pairs} pairs"
        readings.append(Reading(what, ratio, 5, math.inf))
    if not quick:
        return Finding(tuple(readings), notes=default_world_ratios())
    return Finding(tuple(readings))


WARNED_BELOW = 1.5
REPLICATIONS = 40
REPORTED = ("orders", "new_customers", "profit_cents")


def default_world_ratios() -> tuple[str, ...]:
    """The same ratio for policies in the default world: reported, with a warning where it is low.

    No band: how much luck two policies can share depends on how much they change.
    """
    policies = {"ten_percent": Percentage(rate=0.1), "give_get": TwoSided(give=5.0, get=5.0)}
    comparison = compare(Scenario(), policies=policies, replications=REPLICATIONS, workers=1)
    notes = []
    for measure in REPORTED:
        for name, ratio in comparison.differences(measure)["variance_ratio"].items():
            said = f"variance ratio of {measure}, {name} against none, default world: {ratio:.1f}"
            notes.append(f"{said} (pairing saves little)" if ratio < WARNED_BELOW else said)
    return tuple(notes)


# Nothing changes -----------------------------------------------------------------------------

PAYS_NOTHING = {
    "rate_0": {"scheme": "percentage", "rate": 0.0},
    "both_0": {"scheme": "two_sided", "give": 0.0, "get": 0.0},
    "levels_0": {"scheme": "multi_level", "rate": 0.0},
    "later": {"scheme": "percentage", "start_day": 900},
}


def null_policy(quick: bool) -> Finding:
    """Policies that are the same in all but their name, and schemes that pay nothing."""
    named_alike = {"a": POLICIES["share"], "a_longer_name": POLICIES["share"]}
    scenario = busy_scenario(policies={"none": {}, **PAYS_NOTHING, **named_alike})
    if not quick:
        scenario = scenario.but(days=60, population={"size": 400})

    def run(policy: str) -> WordOfMouthModel:
        return WordOfMouthModel(scenario, policy=policy).run()

    none, share = run("none"), run("a")
    different = sum(len(differences(none, run(policy))) for policy in PAYS_NOTHING)
    renamed = len(differences(share, run("a_longer_name")))
    readings = (
        none_may(f"tables that differ under {len(PAYS_NOTHING)} schemes that pay nothing",
                 different),
        none_may("tables that differ under another name of a policy", renamed),
        Reading("tables that differ under a policy that pays", len(differences(none, share)),
                *AT_LEAST_ONE),
    )  # fmt: skip
    return Finding(readings)


LONER = 60


def loner_world(scenario: Scenario, people: int = LONER + 1) -> World:
    """Sixty people who know each other, in chats too, and whoever is left knows nobody."""
    friends = SocialGraph.generate("watts_strogatz", LONER, seed=2, mean_degree=6)
    source = np.repeat(np.arange(LONER), np.diff(friends.arrays.indptr))
    target = friends.arrays.target
    once = source < target
    chats = [range(k, k + 12) for k in range(0, LONER - 12, 12)]
    graph = SocialGraph.from_edges(source[once], target[once], size=people, groups=chats)
    return make_world(scenario, 8, graph)


def ban(people: Population, person: int) -> None:
    """Make somebody come for nothing, buy nothing and say nothing."""
    people.visit_rate[person] = 0
    people.initiative[person] = 0
    people.purchase_rate[person] = 0
    people.valuation_cents[:, person] = 1e-6


def trajectories(scenario: Scenario, world: World) -> Iterator[WordOfMouthModel]:
    """A run day by day, under a scheme that draws lots."""
    model = WordOfMouthModel(scenario, policy="lots", world=world)
    while model.running:
        model.step()
        yield model


def _by_person(state: State, target: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every array of a state that belongs to people, and to whom each column does."""
    people = state.status.size
    for array in state:
        if array.shape[-1] == people:
            yield array, np.arange(people)
        elif array.shape[-1] == target.size:
            yield array, target


def changed_people(scenario: Scenario, one: World, other: World) -> int:
    """People of the first LONER whose state or earnings differ on any day of two runs."""
    changed = np.zeros(LONER, np.bool_)
    for ours, theirs in zip(
        trajectories(scenario, one), trajectories(scenario, other), strict=True
    ):
        arrays = zip(
            _by_person(ours.state, ours.world.graph.arrays.target),
            _by_person(theirs.state, theirs.world.graph.arrays.target),
            strict=True,
        )
        for (mine, whose), (yours, _) in arrays:
            width = np.count_nonzero(whose < LONER)
            differs = (mine[..., :width] != yours[..., :width]).reshape(-1, width).any(axis=0)
            changed[whose[:width][differs]] = True
        changed |= ours.ledger.earned_cents[:LONER] != theirs.ledger.earned_cents[:LONER]
    return int(changed.sum())


def far_away(quick: bool) -> Finding:
    """Somebody whom nobody knows is banned, or was never there; then somebody who has friends."""
    scenario = busy_scenario(
        # The public rating couples all buyers, and the mean degree all sharers.
        behavior={"purchase": {"rating": 0.0}, "share": {"hub_exponent": 0.0}},
        population={"homophily": 0.0},
        campaign={"seeding": {"count": 0}, "organic_visits": 0.4},
    )
    if not quick:
        scenario = scenario.but(days=120)
    world = loner_world(scenario)
    base = WordOfMouthModel(scenario, policy="lots", world=world).run()
    before = int(np.count_nonzero(base.ledger.orders().buyer == LONER))
    banned = loner_world(scenario)
    ban(banned.people, LONER)
    without_friend = loner_world(scenario)
    ban(without_friend.people, int(np.argmax(base.state.shares)))
    days = scenario.ticks
    readings = (
        Reading("orders of the isolated person who is banned", before, *AT_LEAST_ONE),
        none_may(f"others who change on any of {days} days",
                 changed_people(scenario, world, banned)),
        none_may("others who change if she never was there",
                 changed_people(scenario, world, loner_world(scenario, LONER))),
        Reading("people who change if the busiest sharer is banned",
                changed_people(scenario, world, without_friend), *AT_LEAST_ONE),
    )  # fmt: skip
    return Finding(readings)


# The generator -------------------------------------------------------------------------------

ONES = 0xFFFFFFFF
KNOWN_ANSWERS = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
)
"""Counter, key and words: Random123, kat_vectors."""


def known_answers(quick: bool) -> Finding:
    """Words of the generator that are not the published ones."""
    wrong = 0
    for counter, key, expected in KNOWN_ANSWERS:
        found = philox4x32(*(np.uint64(word) for word in counter + key))
        wrong += sum(int(word) != known for word, known in zip(found, expected, strict=True))
    return Finding((none_may("wrong words of 8, as compiled", wrong),))


# False alarms --------------------------------------------------------------------------------

RUNS = 5


def orders_of(seed: int, runs: int) -> np.ndarray:
    """Orders of small worlds with word of mouth, float64 (runs,): replications of a study."""
    scenario = Scenario.from_table(
        {
            "days": 2,
            "population": {"size": 50},
            "network": {"kind": "watts_strogatz", "mean_degree": 4},
            "campaign": {"organic_visits": 0.3, "initial_customers": 0.3},
            "behavior": {"purchase": {"intercept": -1.0}, "share": {"enthusiasm": 0.6}},
        }
    )
    found = [
        WordOfMouthModel(scenario, seed=seed, replication=k).run().ledger.orders().buyer.size
        for k in range(runs)
    ]
    return np.array(found, np.float64)


def false_alarms(quick: bool) -> Finding:
    """A policy against itself with other seeds: how often a difference is said to be found."""
    comparisons = 150 if quick else 1_000
    ours, theirs = (orders_of(seed, RUNS * comparisons).reshape(-1, RUNS) for seed in (1, 2))
    intervals = [paired_difference(one, other) for one, other in zip(ours, theirs, strict=True)]
    flagged = np.mean([found.low > 0 or found.high < 0 for found in intervals])
    # The stated band is for a thousand comparisons.
    band = 5 * math.sqrt(0.05 * 0.95 / comparisons) if quick else 0.015
    what = f"share flagged at 95 % of {comparisons:,} comparisons of {RUNS} runs each"
    return Finding((Reading(what, float(flagged), max(0.05 - band, 0), 0.05 + band, 0.05),))


# Two readers, and switches -------------------------------------------------------------------

QUICK_POLICIES = ("none", "give_get", "levels", "points", "teams", "both")


def engines_agree(quick: bool) -> Finding:
    """Everything that a run leaves with either engine, under a policy of every kind."""
    scenario = busy_scenario() if quick else busy_scenario(days=40, population={"size": 150})
    names = QUICK_POLICIES if quick else tuple(POLICIES)
    different, orders = 0, 0
    for name in names:
        kernels, agents = (
            WordOfMouthModel(scenario, policy=name, engine=engine).run()
            for engine in ("kernels", "agents")
        )
        different += len(differences(kernels, agents))
        orders += kernels.ledger.orders().buyer.size
    readings = (
        none_may(f"tables of {len(names)} runs that differ in any bit", different),
        Reading("orders in these runs", orders, *AT_LEAST_ONE),
    )
    return Finding(readings)


def neutral_values(quick: bool) -> Finding:
    """Rules with coefficients at their neutral values against rules without the mechanism."""
    chosen = tuple(MECHANISMS.values())
    strong = {policy: strong_run(policy) for policy in {one.policy for one in chosen}}
    different = idle = 0
    for mechanism in chosen:
        neutral = neutral_run(mechanism)
        different += len(differences(neutral, run_without(mechanism)))
        idle += not differences(neutral, strong[mechanism.policy])
    readings = (
        none_may(f"tables that differ from a world without one of {len(chosen)} mechanisms",
                 different),
        none_may("mechanisms that change nothing when they are on", idle),
    )  # fmt: skip
    return Finding(readings)


TARGETS: tuple[Target, ...] = (
    Target(
        name="B19",
        kind="P",
        claim="Raising a probability with the same luck never loses an adopter.",
        source="Kempe, Kleinberg and Tardos (2003): live edges",
        how="Independent cascades on 60 random graphs of 5,000 people with eight friends; the "
        "chance of a tie is raised in nine steps from far below to far above the critical one. "
        "Everybody who adopted before a step must adopt after it.",
        measure=monotone_coupling,
        plant=Plant(
            says="the draw of a tie depends on its place in the batch in which it is used",
            module="sim.contagion",
            old="address = i | (at << HALF)\n",
            new="address = i | (at + count << HALF)\n",
        ),
        fast=True,
    ),
    Target(
        name="B20",
        kind="P",
        claim="Policies that do the same leave the same world, person by person.",
        source="Klein et al. (2024): common random numbers",
        how="Four schemes that pay nothing against no policy, and one policy under two names: "
        "state of every person and tie, daily columns, orders and ledger lines, in every bit.",
        measure=null_policy,
        plant=Plant(
            says="the name of the policy in the address of the luck",
            module="sim.model",
            old="self._luck = np.uint64(luck_seed(self.study_seed, replication))",
            new="self._luck = np.uint64(luck_seed(len(self.policy), replication))",
        ),
        fast=True,
    ),
    Target(
        name="B21",
        kind="P",
        claim="What happens to somebody whom nobody knows changes nobody else.",
        source="Klein et al. (2024): far-away changes",
        how="An isolated customer is banned, or was never there, under a scheme that draws lots; "
        "state and earnings of everybody else on every day. Banning the busiest sharer does "
        "change others.",
        measure=far_away,
        plant=Plant(
            says="the lot of an order is drawn by its number instead of by its buyer",
            module="sim.market",
            old="orders.buyer.astype(np.int64),",
            new="orders.order_id.astype(np.int64),",
        ),
        fast=True,
    ),
    Target(
        name="B22",
        kind="Q",
        claim="Common random numbers make a comparison of cascades at least five times cheaper.",
        source="Klein et al. (2024); Stout and Goldie (2008)",
        how="Independent cascades from 50 people on 400 random graphs of 5,000, before and after "
        "the chance of a tie is raised a little: (var a + var b) / var(a - b). The same ratio for "
        "two policies in 40 default worlds is reported without a band: the more a policy changes, "
        "the less luck is left to share.",
        measure=paired_variance,
        plant=Plant(
            says="the draw of a tie depends on how many have been reached",
            module="sim.contagion",
            old="address = i | (at << HALF)\n",
            new="address = i | (at + end << HALF)\n",
        ),
        fast=True,
    ),
    Target(
        name="B23",
        kind="Q",
        claim="The generator is Philox4x32-10.",
        source="Salmon, Moraes, Dror and Shaw (2011)",
        how="The words of two counters and keys, as compiled, against the published ones.",
        measure=known_answers,
        plant=Plant(
            says="a round too few",
            module="sim.randomness",
            old="_ROUNDS = 10",
            new="_ROUNDS = 9",
        ),
        fast=True,
    ),
    Target(
        name="B24",
        kind="Q",
        claim="A policy compared with itself is said to differ as often as stated: in 5 % of "
        "comparisons.",
        source="Student (1908)",
        how="A thousand comparisons of five runs with five runs of other seeds, ten thousand runs "
        "of small worlds with word of mouth, by the paired interval that comparisons print.",
        measure=false_alarms,
        plant=Plant(
            says="a standard error divided by n instead of by its root",
            module="sim.studies.statistics",
            old="* sd / math.sqrt(count)",
            new="* sd / count",
        ),
        fast=True,
    ),
    Target(
        name="B26",
        kind="Q",
        claim="Posterior intervals cover the truth as often as they say.",
        source="Talts et al. (2018): simulation-based calibration",
        how="Parameters are drawn, data simulated and calibrated; ranks and coverage of intervals.",
        measure=None,
        awaits="`vouch calibrate`",
    ),
    Target(
        name="E1",
        kind="P",
        claim="Compiled kernels and Mesa agents leave the same bits.",
        source="Two engines that read one set of rules",
        how="A run with each engine under a policy of every kind of scheme, in a world in which "
        "every mechanism is at work: state, daily columns, orders, ledger lines and outcomes.",
        measure=engines_agree,
        plant=Plant(
            says="an off-by-one in how long money earned counts as lately",
            module="sim.agents",
            old="<= model.day.earnings_window",
            new="< model.day.earnings_window",
        ),
        fast=True,
    ),
    Target(
        name="E2",
        kind="P",
        claim="The neutral value of a coefficient removes its mechanism exactly.",
        source="Parsimony: every mechanism has a neutral value",
        how="For 20 groups of coefficients, a run at their neutral values against a run in which "
        "all are at work and the rule is replaced by one without the mechanism, in every bit. Each "
        "mechanism must change something when it is on.",
        measure=neutral_values,
        plant=Plant(
            says="a slip of a parenthesis: a term of the purchase logit without its weight",
            module="sim.rules",
            old="+ c.rating * (rating - 0.5)",
            new="+ c.rating * rating - 0.5",
        ),
        fast=True,
    ),
)
