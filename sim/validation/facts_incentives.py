"""Stylised facts of what an incentive does, and to whom it should go (B38, B39, B40, B44)."""

from __future__ import annotations

import dataclasses
import functools
from typing import Literal

import numpy as np

from sim.model import WordOfMouthModel
from sim.schemes import Scheme
from sim.schemes.chance import Lottery
from sim.schemes.direct import FixedBounty, RecipientOnly, TwoSided
from sim.schemes.team import TeamPurchase
from sim.validation.estimators import steps_up
from sim.validation.target import (
    Curve,
    Finding,
    Picture,
    Plant,
    Reading,
    Target,
    none_may,
)
from sim.validation.worlds import DEFAULT, finished, outcome, world_of
from sim.world import World, make_world, world_seed

SHORTER = DEFAULT.but(days=150)
REWARDS = (1.0, 3.0, 9.0, 18.0)
LATER_DAYS = 60


def brought(model: WordOfMouthModel) -> np.ndarray:
    """Who joined through a friend early enough to be watched for LATER_DAYS, bool (N,)."""
    state = model.state
    early = (state.joined >= 0) & (state.joined < model.scenario.days - LATER_DAYS)
    return early & (state.sponsor >= 0)


def later_orders(model: WordOfMouthModel, who: np.ndarray) -> int:
    """Orders of ``who`` after the first, within LATER_DAYS of it."""
    orders = model.ledger.orders()
    age = orders.tick - model.state.joined[orders.buyer]
    return int(np.count_nonzero(who[orders.buyer] & (age > 0) & (age <= LATER_DAYS)))


def contribution(model: WordOfMouthModel, who: np.ndarray, reward: float) -> float:
    """What the orders of ``who`` in LATER_DAYS leave after costs and rewards, currency units."""
    orders = model.ledger.orders()
    age = orders.tick - model.state.joined[orders.buyer]
    kept = who[orders.buyer] & (age >= 0) & (age <= LATER_DAYS) & (orders.refund_tick < 0)
    margin = (orders.net_cents - orders.cost_cents)[kept].sum() / 100
    return float(margin - reward * np.count_nonzero(orders.sponsor[kept] >= 0))


def reward_size(quick: bool) -> Finding:
    """Customers whom rewards of several sizes bring, and what these are worth."""
    runs = 12 if quick else 26
    rewards = (REWARDS[0], REWARDS[-1]) if quick else REWARDS
    count, later, value = np.zeros((3, len(rewards)))
    for cohort in zip(
        *(finished(SHORTER, FixedBounty(amount=reward), runs) for reward in rewards), strict=True
    ):
        who = [brought(model) for model in cohort]
        under_all = np.logical_and.reduce(who)
        count += [people.sum() for people in who]
        later += [later_orders(model, under_all) for model in cohort]
        value += list(map(contribution, cohort, who, rewards))
    value /= count
    x = np.array(rewards)
    return Finding(
        (
            none_may("larger rewards that bring fewer customers", steps_up(-count)),
            Reading("customers under the largest over the smallest", count[-1] / count[0], 1.0,
                    np.inf),
            none_may("larger rewards under which the same people buy more again", steps_up(later)),
            Reading("later orders under the largest over the smallest", later[-1] / later[0], 0.0,
                    0.999),
            none_may("larger rewards that raise the contribution per customer", steps_up(value)),
        ),
        Picture(
            "More customers, worth less", "reward of the sharer per order", "per customer or run",
            (
                Curve("customers brought in a run", x, count / runs),
                Curve("contribution per customer", x, value),
            ),
        ),
    )  # fmt: skip


SPLITS: dict[str, Scheme] = {
    "sender": FixedBounty(amount=6.0),
    "equal": TwoSided(give=3.0, get=3.0),
    "recipient": RecipientOnly(give=6.0),
}
"""Six euros, to whom."""
WEAK, STRONG = 0.1, 0.9


@functools.lru_cache(maxsize=32)
def with_strength(strength: float, replication: int) -> World:
    """A default world in which all ties are equally strong."""
    graph = world_of(SHORTER, replication).graph
    equal = graph.arrays._replace(strength=np.full(graph.tie_count, strength, np.float32))
    seed = world_seed(SHORTER.seed, replication)
    return make_world(SHORTER, seed, dataclasses.replace(graph, rows=equal))


def referred_by_split(strength: float, runs: int) -> dict[str, float]:
    """Mean referred orders of a run by who gets the six euros, where ties are so strong."""
    found = {}
    for name, scheme in SPLITS.items():
        models = [
            WordOfMouthModel(
                SHORTER, policy=scheme, replication=r, world=with_strength(strength, r)
            ).run()
            for r in range(runs)
        ]
        found[name] = float(outcome(models, "referred_orders").mean())
    return found


def split_by_tie(quick: bool) -> Finding:
    """Referred orders under three splits, among weak and among strong ties."""
    runs = 6 if quick else 16
    weak, strong = (referred_by_split(strength, runs) for strength in (WEAK, STRONG))
    return Finding(
        (
            Reading("weak ties: equal over recipient only", weak["equal"] / weak["recipient"], 1.0,
                    np.inf),
            Reading("weak ties: sender over recipient only", weak["sender"] / weak["recipient"],
                    1.0, np.inf),
            Reading("strong ties: recipient over sender only",
                    strong["recipient"] / strong["sender"], 1.0, np.inf),
            Reading("strong ties: both over sender only", strong["equal"] / strong["sender"], 1.0,
                    np.inf),
        ),
        Picture(
            "Who should get it", "strength of all ties", "referred orders in a run",
            tuple(
                Curve(name, np.array([WEAK, STRONG]), np.array([weak[name], strong[name]]))
                for name in SPLITS
            ),
        ),
    )  # fmt: skip


CERTAIN = 5.0
PRIZES = ((15.0, 0.2), (2.5, 0.8))
"""Worth CERTAIN on average; everybody wins something."""
WINNERS: tuple[Literal["sharer", "friend"], ...] = ("sharer", "friend")


def lottery_over_certain(lottery: Scheme, certain: Scheme, runs: int) -> dict[str, float]:
    """Shares and referred orders under a lottery over those under its certain equivalent."""
    total = dict.fromkeys(("shares", "referred_orders"), np.zeros(2))
    for pair in zip(*(finished(SHORTER, one, runs) for one in (lottery, certain)), strict=True):
        both = [model.outcomes() for model in pair]
        total = {name: sums + [found[name] for found in both] for name, sums in total.items()}
    return {name: float(one / other) for name, (one, other) in total.items()}


def lotteries(quick: bool) -> Finding:
    """Referrals under rewards by lot, for the sharer and for the friend."""
    runs = 10 if quick else 60
    sender, friend = (Lottery(winner=winner, prizes=PRIZES, expected=CERTAIN) for winner in WINNERS)
    by_sender = lottery_over_certain(sender, FixedBounty(amount=CERTAIN), runs)
    by_friend = lottery_over_certain(friend, RecipientOnly(give=CERTAIN), runs)
    readings = [
        Reading("shares, sharer's reward by lot over certain", by_sender["shares"], 1.10, 1.30),
        Reading("referred orders, friend's discount by lot over certain",
                by_friend["referred_orders"], 0.80, 0.95),
    ]  # fmt: skip
    if not quick:
        readings.append(
            Reading("referred orders, sharer's reward by lot over certain",
                    by_sender["referred_orders"], 1.10, 1.30)
        )  # fmt: skip
    return Finding(tuple(readings))


def teams(quick: bool) -> Finding:
    """How many teams of two fill in the default world, and how large they are."""
    models = finished(DEFAULT, TeamPurchase(), 4 if quick else 16)
    filled = failed = 0
    sizes: list[int] = []
    for model in models:
        assert model.teams is not None
        filled, failed = filled + model.teams.filled, failed + model.teams.failed
        team = model.ledger.orders().team
        sizes += [size for size in np.bincount(team[team > 0]).tolist() if size]
    smallest = float(np.mean(np.array(sizes) == TeamPurchase().size)) if sizes else np.nan
    return Finding(
        (
            Reading("teams that fill", filled / (filled + failed), 0.70, 0.85, 0.774),
            Reading("full teams of the smallest size", smallest, 0.95, 1.0),
        )
    )


TARGETS: tuple[Target, ...] = (
    Target(
        name="B38",
        kind="S",
        claim="Larger rewards bring more customers, who are worth less.",
        source="Wolters, Schulze and Gedenk (2020)",
        how="26 default worlds of 150 days, sharers paid 1, 3, 9 or 18 per order: customers "
        "brought in the first 90 days; orders in the 60 days after joining of those who join "
        "under all four rewards; contribution per customer after costs and rewards.",
        measure=reward_size,
        plant=Plant(
            says="a wrong default: no selection by the size of the reward",
            module="sim.behavior",
            old='0.1, unit="share per log reward"',
            new='0.0, unit="share per log reward"',
        ),
    ),
    Target(
        name="B39",
        kind="S",
        claim="Among weak ties the sender must get something, among strong ties the friend.",
        source="Ryu and Feick (2007); Hong, Pavlou, Wang and Shi (2017)",
        how="16 default worlds of 150 days with all ties of strength 0.1 or 0.9; referred orders "
        "when the sender, the friend or both in equal parts get six euros per order.",
        measure=split_by_tie,
        plant=Plant(
            says="closeness summed over friends' own ties: everybody as close as can be",
            module="sim.population",
            old="row_means(graph.arrays.indptr, graph.arrays.strength)",
            new="np.minimum(np.diff(graph.arrays.indptr), 1)",
        ),
    ),
    Target(
        name="B40",
        kind="S",
        claim="A reward by lot makes sharers share more, a discount by lot makes friends buy less.",
        source="Li et al. (Management Science, mnsc.2024.05685): +20.9 % and -12.3 % referrals",
        how="60 default worlds of 150 days: prizes of 15 (one in five) or 2.5 against five euros "
        "for certain, for the sharer or for the friend. Everybody wins something: with prizes "
        "that leave two in five without, shares rise by 1.09 only, since sharers who earn nothing "
        "lose interest.",
        measure=lotteries,
        plant=Plant(
            says="the two uncertainties swapped on their way to the day",
            module="sim.model",
            old="sharer_uncertain=bool(offer.sharer_uncertain)",
            new="sharer_uncertain=bool(offer.friend_uncertain)",
        ),
    ),
    Target(
        name="B44",
        kind="S",
        claim="Three in four teams fill, and full teams are of the smallest size.",
        source="Zhang et al. (2021), BeiBei: 77.4 % fill, 99.4 % are pairs",
        how="16 default worlds in which buyers may open teams of two with a day to fill.",
        calibrated=True,
        measure=teams,
        plant=Plant(
            says="an off-by-one: a friend's answer arrives a day late",
            module="sim.teams",
            old="comes[row] = self._response_ticks(self._delays, u, v, day.dt) - 1",
            new="comes[row] = self._response_ticks(self._delays, u, v, day.dt)",
        ),
    ),
)
