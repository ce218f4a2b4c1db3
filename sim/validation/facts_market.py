"""Stylised facts of what causes what in a market (B35, B41, B45, B47)."""

from __future__ import annotations

import numpy as np

from sim.model import WordOfMouthModel
from sim.population import PROSPECT
from sim.scenario import Scenario
from sim.twins import match_orders
from sim.validation.estimators import net_present_value, odds
from sim.validation.target import Curve, Finding, Picture, Plant, Reading, Target
from sim.validation.worlds import DEFAULT, GIVE_GET, daily, finished, world_of

FLIGHT_DAYS = 30
FLIGHT = [{"start_day": 0, "end_day": FLIGHT_DAYS, "reach_per_day": 0.05}]
BASS = DEFAULT.but(
    days=600,
    network={"kind": "erdos_renyi", "mean_degree": 10},
    population={"size": 2_000, "initiative_spread": 0.0, "lapse_a": 0.001, "lapse_b": 1000.0},
    campaign={"initial_customers": 0.0},
    products=[{"repurchase_days": 1e9, "quality": 0.9, "refund_days": 0}],
    behavior={
        "purchase": {"intercept": 10.0, "taste": 0.0, "price": 0.0},
        "share": {"enthusiasm": 0.3},
    },
)
"""A Bass world: everybody who hears of it buys, once, and everybody hears of it in the end."""


def gain_of_flight(scenario: Scenario, runs: int) -> np.ndarray:
    """New customers by day with a month of advertising less those without, (n, days)."""
    advertised = scenario.but(campaign={"advertising": FLIGHT})
    both = (daily(finished(one, "none", runs), "new_customers") for one in (advertised, scenario))
    return np.subtract(*both)


def brought_forward(quick: bool) -> Finding:
    """Sales that advertising adds at once, and those that are missing later."""
    default = gain_of_flight(DEFAULT, 10 if quick else 20)
    bass = gain_of_flight(BASS, 2 if quick else 6)
    later = default[:, FLIGHT_DAYS:].sum(axis=1)
    curve = bass.mean(axis=0).cumsum()
    day = np.arange(curve.size)[::10].astype(float)
    return Finding(
        (
            Reading("new customers after the flight, default world, advertised less not",
                    later.mean(), -np.inf, -1.0),
            Reading("gain at the end over the largest gain, Bass world", curve[-1] / curve.max(),
                    -0.01, 0.01, 0.0),
        ),
        Picture("Sales brought forward", "day", "customers more than without advertising",
                (Curve("Bass world", day, curve[::10]),)),
    )  # fmt: skip


NOBODY, FIVE_PERCENT = 0.02, 0.1216
"""Spreads of quality, 0.2 above what is expected, that leave nobody or 5 % below it."""
LOW_PRIOR, HIGH_PRIOR = -4.0, 2.0
"""Intercepts of the choice: about 4 and 87 % of visitors buy."""


def with_quality_spread(spread: float) -> Scenario:
    """The default world with units that differ so much."""
    return DEFAULT.but(products=[{"quality_spread": spread}])


def buyers_after(intercept: float, good: int, bad: int, runs: int) -> int:
    """Who buys when everybody looks at the product on one day, having heard so much about it."""
    scenario = DEFAULT.but(
        days=1,
        campaign={"organic_visits": 10.0, "initial_customers": 0.0},
        behavior={"purchase": {"intercept": intercept}},
    )
    bought = 0
    for replication in range(runs):
        world = world_of(scenario, replication)
        assert world.initial is not None
        world.initial.good_heard[:] = good
        world.initial.bad_heard[:] = bad
        model = WordOfMouthModel(scenario, replication=replication, world=world)
        model.step()
        bought += model.orders.order_id.size
    return bought


def gain_over_loss(intercept: float, messages: int, runs: int) -> float:
    """Buyers that so many recommendations win over those that so many warnings lose."""
    neutral = buyers_after(intercept, 0, 0, runs)
    won = buyers_after(intercept, messages, 0, runs) - neutral
    return won / (neutral - buyers_after(intercept, 0, messages, runs))


def bad_news(quick: bool) -> Finding:
    """What dissatisfied customers cost, and a warning against a recommendation."""
    readings = []
    if not quick:
        spared, hit = (
            net_present_value(
                daily(finished(with_quality_spread(spread), GIVE_GET, 20), "profit_cents")
            )
            for spread in (NOBODY, FIVE_PERCENT)
        )
        loss = 1 - hit.mean() / spared.mean()
        readings.append(Reading("NPV lost to 5 % dissatisfied, share", loss, 0.05, 1.0))
    runs = 4 if quick else 12
    readings += [
        Reading("buyers won by a recommendation over lost by a warning, most buy anyway",
                gain_over_loss(HIGH_PRIOR, 1, runs), 0.0, 1.0),
        Reading("the same for five messages, few buy anyway", gain_over_loss(LOW_PRIOR, 5, runs),
                1.0, np.inf),
    ]  # fmt: skip
    if not quick:
        readings.append(
            Reading("the same for one message, few buy anyway", gain_over_loss(LOW_PRIOR, 1, runs),
                    1.0, np.inf)
        )  # fmt: skip
    return Finding(tuple(readings))


OBSERVED_FROM, OBSERVED_DAYS = 90, 30


def friends_of(model: WordOfMouthModel, adopted: np.ndarray) -> np.ndarray:
    """Who has a friend among ``adopted``, bool (N,)."""
    ties = model.world.graph.arrays
    told = ties.target[np.repeat(adopted, np.diff(ties.indptr))]
    return np.bincount(told, minlength=adopted.size) > 0


def influence(homophily: float, runs: int) -> tuple[float, float]:
    """Odds ratio of buying with a friend who bought, as seen; and as word of mouth makes it.

    The former compares prospects with and without such friends, the latter those who have with
    themselves in the twin in which nobody talks.
    """
    scenario = DEFAULT.but(population={"homophily": homophily})
    silent = scenario.but(behavior={"share": {"enthusiasm": 0.0}})
    counts = np.zeros((3, 2))  # exposed, not exposed, exposed in the silent twin: cases, people
    for model, twin in zip(
        finished(scenario, "none", runs), finished(silent, "none", runs), strict=True
    ):
        initial = model.world.initial
        assert initial is not None
        prospect = initial.status == PROSPECT
        joined, twin_joined = model.state.joined, twin.state.joined
        exposed = friends_of(model, (joined >= 0) & (joined < OBSERVED_FROM))
        for row, days, group in (
            (0, joined, exposed), (1, joined, ~exposed), (2, twin_joined, exposed),
        ):  # fmt: skip
            at_risk = prospect & group & ((days < 0) | (days >= OBSERVED_FROM))
            case = at_risk & (days >= OBSERVED_FROM) & (days < OBSERVED_FROM + OBSERVED_DAYS)
            counts[row] += case.sum(), at_risk.sum()
    seen, unexposed, silenced = (odds(*row) for row in counts)
    return seen / unexposed, seen / silenced


def homophily_confound(quick: bool) -> Finding:
    """How much friends' adoption seems to do, and how much word of mouth does."""
    wanted = (0.6,) if quick else (0.3, 0.6)
    runs = 30 if quick else 60
    readings = []
    for homophily in wanted:
        seen, true = influence(homophily, runs)
        over = (seen - 1) / (true - 1)
        readings += [
            Reading(f"odds ratio that word of mouth makes, homophily {homophily:g}", true, 1.0,
                    seen),
            Reading(f"excess odds seen over caused, homophily {homophily:g}", over, 2.0, np.inf),
        ]  # fmt: skip
    return Finding(tuple(readings))


ORGANIC_VISITS = (0.003, 0.01, 0.03)
HOMOPHILY = (0.0, 0.3, 0.6)


def anyway(scenario: Scenario, runs: int) -> float:
    """Share of the orders give 5, get 5 pays for that the twin without a programme has too."""
    rewarded = in_twin = 0
    for model, twin in zip(
        finished(scenario, GIVE_GET, runs), finished(scenario, "none", runs), strict=True
    ):
        matched = match_orders(model.record(), twin.record())
        rewarded += int(matched.rewarded.sum())
        in_twin += int((matched.rewarded & matched.shared).sum())
    return in_twin / rewarded


def free_riders(quick: bool) -> Finding:
    """Rewarded orders that would have come anyway, by organic visits and by homophily."""
    runs = 6 if quick else 20
    by_visits = [
        anyway(DEFAULT.but(campaign={"organic_visits": visits}), runs) for visits in ORGANIC_VISITS
    ]
    readings = [
        Reading("share of rewarded orders that the twin has, default world", by_visits[1], 0.001,
                0.999),
        Reading("the same at 0.01 over 0.003 organic visits", by_visits[1] / by_visits[0], 1.0,
                np.inf),
        Reading("the same at 0.03 over 0.01 organic visits", by_visits[2] / by_visits[1], 1.0,
                np.inf),
    ]  # fmt: skip
    curves = [
        Curve("organic visits x 10", 10 * np.array(ORGANIC_VISITS), 100 * np.array(by_visits))
    ]
    if not quick:
        by_taste = [
            anyway(DEFAULT.but(population={"homophily": homophily}), runs)
            for homophily in HOMOPHILY
        ]
        readings.append(
            Reading("the same at homophily 0.6 over 0", by_taste[-1] / by_taste[0], 1.0, np.inf)
        )
        curves.append(Curve("homophily", np.array(HOMOPHILY), 100 * np.array(by_taste)))
    return Finding(
        tuple(readings),
        Picture("Paid for what would have come anyway", "organic visits per day x 10; homophily",
                "of rewarded orders, %", tuple(curves)),
    )  # fmt: skip


TARGETS: tuple[Target, ...] = (
    Target(
        name="B35",
        kind="S",
        claim="A campaign brings sales forward: part of what it gains at once is missing later, "
        "and where everybody buys in the end all of it.",
        source="Libai, Muller and Peres (2013)",
        how="A month of advertising against none, same luck: new customers after that month in 20 "
        "default worlds; the cumulated gain over 600 days in 6 worlds where everybody who hears "
        "of the product buys it once.",
        measure=brought_forward,
        plant=Plant(
            says="the flight never ends",
            module="sim.campaign",
            old="tick_of(flight.start_day) : tick_of(flight.end_day)",
            new="tick_of(flight.start_day) :",
        ),
    ),
    Target(
        name="B41",
        kind="S",
        claim="A few dissatisfied customers cost a lot; a warning outweighs a recommendation "
        "where most would buy anyway, and the other way round where few would.",
        source="Goldenberg, Libai, Moldovan and Muller (2007): the NPV of bad news; East, Hammond "
        "and Lomax (2008)",
        how="20 default worlds under give 5, get 5 with units so alike that nobody is "
        "dissatisfied, or 5 %: net present value. And everybody in 12 worlds looks at the product "
        "once, after one or five recommendations or warnings or none, at two levels of appeal: "
        "buyers won and lost.",
        measure=bad_news,
        plant=Plant(
            says="a wrong constant: a warning weighs half a recommendation",
            module="sim.behavior",
            old='1.5, unit="ratio to positive"',
            new='0.5, unit="ratio to positive"',
        ),
        explained="5 % dissatisfied cost 3.3 % of NPV, not more than 5 %: even under a programme "
        "only one order in seven comes by word of mouth in the default world. One recommendation "
        "wins 0.78 of the buyers that one warning loses where few would buy anyway: a warning "
        "weighs 1.5 times as much on the logit scale, the middle of the published range of 1 to "
        "2, and the reversal shows only with more messages (five: 1.15). Both numbers stay at the "
        "middle of what the sources give.",
    ),
    Target(
        name="B45",
        kind="S",
        claim="Where friends have like tastes, comparing people with and without friends who "
        "bought overstates influence at least twice.",
        source="Aral, Muchnik and Sundararajan (2009): 4 to 8 times",
        how="60 default worlds without pay, and 60 with a taste correlation of 0.6: odds of "
        "buying in days 90-119 with against without a friend who bought before; the true ratio "
        "compares the former with themselves in the twin in which nobody talks. Exposure to any "
        "earlier buyer; to friends who bought in the last 30 days alone the overstatement was "
        "1.07 times (20 worlds).",
        measure=homophily_confound,
        plant=Plant(
            says="tastes mixed with a field of their own: friends have nothing in common",
            module="sim.tastes",
            old="    field *= weight\n",
            new="    field *= 0.0\n",
        ),
        explained="At the default taste correlation of 0.3 the excess odds are overstated 1.97 "
        "times, just short of twice and well short of the published 4 to 8; at 0.6 it is 2.6. "
        "Prospects are exposed to real word of mouth here, which makes a ratio of 1.12, and taste "
        "moves the choice by two logits from end to end. A higher default correlation would pass, "
        "but no source gives its size.",
    ),
    Target(
        name="B47",
        kind="S",
        claim="A programme also pays for orders that would have come anyway, the more the more "
        "people come by themselves and the more friends are alike.",
        source="Belo and Li (2022) for free riders; the two directions are expectations",
        how="Give 5, get 5 against the same world and luck without it, 20 worlds at each of three "
        "rates of organic visits and three taste correlations: share of rewarded orders that the "
        "twin has by the end.",
        measure=free_riders,
        plant=Plant(
            says="an order that the twin lacks is taken for one on its first day",
            module="sim.twins",
            old="absent = np.full(every.size, -1, np.int64)",
            new="absent = np.zeros(every.size, np.int64)",
        ),
        explained="The share of rewarded orders that come anyway grows with organic visits, but "
        "with homophily it falls a little (0.92 of its size from correlation 0 to 0.6). Friends "
        "of like taste also heed a paid message more, and that grows faster than free-riding "
        "does. No source gives the sign for homophily; it was not tuned in.",
    ),
)
