"""A dozen and two schemes at the same expected cost, on two real networks.

    python experiments/equal_payout/study.py             # both networks, ~30 minutes on 2 cores
    python experiments/equal_payout/study.py facebook    # one of them

Every scheme has one size (an amount, a rate, a pool). It is set so that the scheme costs on average
what a commission of 20 % costs in the same network. Then all meet in worlds that the sizes were not
set in: who wins in profit, in stickiness, under abuse, and in worlds that differ in one respect.
Writes results/equal_payout/: sizes.csv, outcomes.csv, abuse.csv, flips.csv, tables.md, pareto.png.
The networks are read from $VOUCH_DATA (README.md says where to get them).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from picture import draw_pareto
from scipy import optimize, stats

import sim
from sim.incentives import SCHEMES, Scheme
from sim.studies.statistics import paired_difference
from sim.world import make_world, world_seed

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
DATA = Path(os.environ.get("VOUCH_DATA", REPOSITORY.parent / "shared" / "data"))
RESULTS = REPOSITORY / "results" / "equal_payout"

NETWORKS = {
    "facebook": "net_facebook_combined/edges.csv.gz",
    "lastfm": "net_lastfm_asia/edges.csv.gz",
}
"""Ego-Facebook friendships (4,039 people) and Last.fm Asia friendships (7,624 people)."""

Size = Callable[[float], dict[str, object]]

SIZES: dict[str, tuple[str, float, float, Size]] = {
    "bounty": ("fixed_bounty", 0.1, 40, lambda x: {"amount": round(x, 2)}),
    "bounty_new": (
        "fixed_bounty", 0.1, 60, lambda x: {"amount": round(x, 2), "first_order_only": True},
    ),
    "percentage": ("percentage", 0.002, 1, lambda x: {"rate": round(x, 5)}),
    "give_get": (
        "two_sided", 0.1, 36,
        lambda x: {"give": round(x, 2), "get": round(x, 2), "first_order_only": True},
    ),
    "friend_only": ("recipient_only", 0.1, 36, lambda x: {"give": round(x, 2)}),
    "tiers": (
        "tiered", 0.002, 0.66,
        lambda x: {"tiers": [(0, round(x / 2, 5)), (3, round(x, 5)), (10, round(1.5 * x, 5))]},
    ),
    "two_levels": ("multi_level", 0.002, 0.66, lambda x: {"rate": round(x, 5), "levels": 2}),
    "lottery": (
        "lottery", 0.1, 40,
        lambda x: {"prizes": [(round(10 * x, 1), 0.1)], "expected": round(10 * x, 1) / 10},
    ),
    "points": ("points", 0.002, 1, lambda x: {"rate": round(x, 5)}),
    "threshold": (
        "threshold_bonus", 0.1, 40,
        lambda x: {"amount": round(x, 2), "bonus": round(3 * x, 2), "threshold": 3},
    ),
    "leaderboard": (
        "leaderboard", 1, 20_000, lambda x: {"pool": round(x, 2), "prizes": [0.5, 0.3, 0.2]},
    ),
    "recurring": ("recurring", 0.002, 1, lambda x: {"rate": round(x, 5), "duration_days": 180}),
    "decaying": ("decaying", 0.002, 1, lambda x: {"rate": round(x, 5), "decay_days": 60.0}),
    "team_of_two": ("team_purchase", 0.001, 0.9, lambda x: {"size": 2, "discount": round(x, 5)}),
}  # fmt: skip
"""Scheme, smallest and largest size, and what a size makes of the parameters."""

WORLDS: dict[str, dict[str, object]] = {
    "default": {},
    "thin margin": {"products": [{"name": "household set", "price": 36.0, "unit_cost": 30.0}]},
    "saturated": {"campaign": {"initial_customers": 0.6}},
    "no suspicion": {"behavior": {"click": {"motive_suspicion": 0.0}}},
    "strong suspicion": {"behavior": {"click": {"motive_suspicion": 0.8}}},
    "no generosity": {"behavior": {"share": {"generosity": 0.0}}},
    "birds of a feather": {"population": {"homophily": 0.6}},
    "only size counts": {"behavior": {"share": {"reward_presence": 0.0, "reward_size": 1.2}}},
    "price decides": {"behavior": {"purchase": {"price": 4.0}}},
    "nobody gives up": {"behavior": {"share": {"learning": 0.0}}},
}
"""The default world and those that differ from it in one respect."""

SIZING, MEETING, FLIPPING = 12, 40, 12  # replications
OPPORTUNISTS = {"population": {"opportunists": 0.05}}


def scenario_for(network: str, **changes: object) -> sim.Scenario:
    """The study's scenario in one network."""
    scenario = sim.Scenario.load(HERE / "scenario.toml")
    return scenario.but(network={"file": str(DATA / NETWORKS[network])}, **changes)


def scheme_of(name: str, size: float) -> Scheme:
    """A scheme of the list at one size."""
    kind, _, _, parameters = SIZES[name]
    return SCHEMES[kind](**parameters(size))


def cost_of(scenario: sim.Scenario, worlds: list[sim.World], scheme: Scheme) -> float:
    """Mean commissions and discounts of a run, in cents, over the first replications."""
    costs = []
    for replication, world in enumerate(worlds):
        model = sim.WordOfMouthModel(scenario, policy=scheme, replication=replication, world=world)
        outcomes = model.run().outcomes()
        costs.append(outcomes["payout_cents"] + outcomes["discount_cents"])
    return float(np.mean(costs))


def find_size(network: str, target: float, name: str) -> dict[str, object]:
    """The size at which a scheme costs ``target`` cents a run, by bisection of its logarithm."""
    scenario = scenario_for(network)
    worlds = [
        make_world(scenario, world_seed(scenario.seed, replication))
        for replication in range(SIZING)
    ]
    _, low, high, _ = SIZES[name]

    def excess(log_size: float) -> float:
        return cost_of(scenario, worlds, scheme_of(name, np.exp(log_size))) / target - 1

    ends = np.log([low, high])
    if excess(ends[1]) < 0:
        size = high
    else:
        size = float(np.exp(optimize.brentq(excess, *ends, xtol=0.004, maxiter=16)))
    cost = cost_of(scenario, worlds, scheme_of(name, size))
    return {"network": network, "scheme": name, "size": size, "cost": cost, "target": target}


def set_sizes(network: str) -> pd.DataFrame:
    """Sizes of all schemes in one network."""
    scenario = scenario_for(network)
    worlds = [make_world(scenario, world_seed(scenario.seed, r)) for r in range(SIZING)]
    yardstick = sim.incentives.make_scheme(scenario.policies["yardstick"], "yardstick")
    target = cost_of(scenario, worlds, yardstick)
    print(f"{network}: every scheme may cost {target / 100:,.0f} a run", file=sys.stderr)
    with ProcessPoolExecutor() as pool:
        return pd.DataFrame(pool.map(partial(find_size, network, target), SIZES))


def meet(
    network: str, sizes: pd.DataFrame, replications: int, world: str = "default", **changes: object
) -> pd.DataFrame:
    """Outcomes of all schemes and of no pay, in worlds that the sizes were not set in."""
    print(f"{network}, {world}: {replications} replications", file=sys.stderr)
    scenario = scenario_for(network, **changes)
    policies = {row.scheme: scheme_of(row.scheme, row.size) for row in sizes.itertuples()}
    comparison = sim.compare(
        scenario, policies={"none": SCHEMES["none"](), **policies},
        replications=replications, seed=scenario.seed + 1,
    )  # fmt: skip
    return comparison.outcomes.assign(network=network, world=world)


def column(outcomes: pd.DataFrame, policy: str, measure: str) -> np.ndarray:
    """One measure of one policy, by replication."""
    chosen = outcomes[outcomes["policy"] == policy].sort_values("replication")
    return chosen[measure].to_numpy(dtype=float)


def gains(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Per scheme: cost, and profit, orders and members against no pay, with 95 % intervals."""
    rows = []
    for policy in [name for name in outcomes["policy"].unique() if name != "none"]:
        row = {
            "network": outcomes["network"].iloc[0],
            "world": outcomes["world"].iloc[0],
            "scheme": policy,
            "cost": (
                column(outcomes, policy, "payout_cents")
                + column(outcomes, policy, "discount_cents")
            ).mean(),
            "earners_kept": column(outcomes, policy, "earners_kept").mean(),
            "nonearner_share": np.nanmean(column(outcomes, policy, "nonearner_share")),
        }
        for measure in ("profit_cents", "orders", "new_customers", "members_end"):
            difference = paired_difference(
                column(outcomes, policy, measure), column(outcomes, "none", measure)
            )
            row |= {measure: difference.mean, f"{measure}_half": difference.high - difference.mean}
        rows.append(row)
    return pd.DataFrame(rows)


def abuse(honest: pd.DataFrame, played: pd.DataFrame) -> pd.DataFrame:
    """What one opportunist in twenty costs each scheme: profit lost, against honest people."""
    rows = []
    for policy in [name for name in honest["policy"].unique() if name != "none"]:
        both = [
            column(part, policy, "profit_cents") - column(part, "none", "profit_cents")
            for part in (played, honest)
        ]
        count = min(map(len, both))
        loss = paired_difference(*(values[:count] for values in both))
        rows.append(
            {
                "network": honest["network"].iloc[0], "scheme": policy,
                "profit_lost": -loss.mean, "half": loss.high - loss.mean,
                "fake_orders": column(played, policy, "fake_orders").mean(),
                "ring_orders": column(played, policy, "ring_orders").mean(),
                "phantom_orders": column(played, policy, "phantom_orders").mean(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def flips(found: pd.DataFrame) -> pd.DataFrame:
    """Per world: the winner, and how alike its ranking by profit is to that of the default."""
    rows = []
    for (network, world), part in found.groupby(["network", "world"], sort=False):
        here = part.set_index("scheme")["profit_cents"]
        usual = found.query("network == @network and world == 'default'")
        usual = usual.set_index("scheme")["profit_cents"].loc[here.index]
        best = here.idxmax()
        rows.append(
            {
                "network": network, "world": world, "winner": best, "profit_cents": here[best],
                "runner_up": here.drop(best).idxmax(), "worst": here.idxmin(),
                "worst_cents": here.min(), "losing": int((here < 0).sum()),
                "rank_correlation": stats.kendalltau(here, usual).statistic,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def euros(cents: float) -> str:
    """Whole currency units with sign."""
    return f"{cents / 100:+,.0f}"


def tables(
    sizes: pd.DataFrame, found: pd.DataFrame, harm: pd.DataFrame, flipped: pd.DataFrame
) -> str:
    """The README's tables."""
    lines: list[str] = []
    for network in sizes["network"].unique():
        here = found.query("network == @network and world == 'default'")
        harmed = harm[harm["network"] == network].set_index("scheme")
        size = sizes[sizes["network"] == network].set_index("scheme")["size"]
        lines += [
            f"\n### {network}\n",
            "| scheme | size | cost | profit gained | orders gained | members gained "
            "| earners kept | sharers who earn nothing | profit lost to abuse |",
            "|" + "---|" * 9,
        ]
        for row in here.sort_values("profit_cents", ascending=False).itertuples():
            loss = harmed.loc[row.scheme]
            lines.append(
                f"| {row.scheme} | {size[row.scheme]:.3g} | {row.cost / 100:,.0f} "
                f"| {euros(row.profit_cents)} ± {row.profit_cents_half / 100:,.0f} "
                f"| {row.orders:+,.0f} | {row.members_end:+,.0f} ± {row.members_end_half:,.0f} "
                f"| {100 * row.earners_kept:+.1f} pp | {100 * row.nonearner_share:.0f} % "
                f"| {loss.profit_lost / 100:,.0f} ± {loss.half / 100:,.0f} |"
            )
    lines += [
        "\n### What flips the ranking\n",
        "| network | world | winner | its profit | runner-up | worst | its profit | losing "
        "| ranking like the default's (Kendall) |",
        "|" + "---|" * 9,
    ]
    for row in flipped.itertuples():
        lines.append(
            f"| {row.network} | {row.world} | {row.winner} | {euros(row.profit_cents)} "
            f"| {row.runner_up} | {row.worst} | {euros(row.worst_cents)} | {row.losing} "
            f"| {row.rank_correlation:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main(wanted: list[str]) -> int:
    """Run the study on the networks there is data for; 2 if there is none."""
    networks = [
        name
        for name, place in NETWORKS.items()
        if (not wanted or name in wanted) and (DATA / place).exists()
    ]
    if not networks:
        print(f"no data for {', '.join(wanted or NETWORKS)} in {DATA}", file=sys.stderr)
        return 2
    RESULTS.mkdir(parents=True, exist_ok=True)
    sizes = pd.concat([set_sizes(network) for network in networks], ignore_index=True)
    sizes.to_csv(RESULTS / "sizes.csv", index=False, float_format="%.6g")
    found, harm = [], []
    for network in networks:
        own = sizes[sizes["network"] == network]
        honest = meet(network, own, MEETING)
        found.append(gains(honest))
        harm.append(abuse(honest, meet(network, own, MEETING // 2, "opportunists", **OPPORTUNISTS)))
        for world, changes in WORLDS.items():
            if world != "default":
                found.append(gains(meet(network, own, FLIPPING, world, **changes)))
    outcomes, harmed = pd.concat(found, ignore_index=True), pd.concat(harm, ignore_index=True)
    flipped = flips(outcomes)
    outcomes.to_csv(RESULTS / "outcomes.csv", index=False, float_format="%.6g")
    harmed.to_csv(RESULTS / "abuse.csv", index=False, float_format="%.6g")
    flipped.to_csv(RESULTS / "flips.csv", index=False, float_format="%.6g")
    text = tables(sizes, outcomes, harmed, flipped)
    (RESULTS / "tables.md").write_text(text)
    draw_pareto(outcomes, harmed, RESULTS / "pareto.png")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
