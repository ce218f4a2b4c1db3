"""The founding study: sharing, trust, commissions, on one generated and two real networks.

    python experiments/founding/study.py            # everything there is data for, ~10 minutes
    python experiments/founding/study.py campus     # one network

Writes results/founding/effects.csv, bands.csv and tables.md, then checks the findings that the
README states. The real networks are read from $VOUCH_DATA (README.md says where to get them).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

import sim
from sim.studies.statistics import mean_interval, paired_difference

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
DATA = Path(os.environ.get("VOUCH_DATA", REPOSITORY.parent / "shared" / "data"))
RESULTS = REPOSITORY / "results" / "founding"

NETWORKS: dict[str, dict[str, str]] = {
    "campus": {},
    "facebook": {"file": "net_facebook_combined/edges.csv.gz"},
    "epinions": {"file": "net_epinions_trust/edges.csv.gz", "direction": "source_trusts"},
}
"""Embedded, ego-Facebook (friendships), Epinions (who trusts whom: the trusted one shares)."""

WORLDS: dict[str, dict[str, object]] = {
    "default": {},
    "silent": {"behavior": {"share": {"enthusiasm": 0.0}}},
    "distrust": {
        "behavior": {
            "experience": {"prior_strong": 0.0, "prior_weak": 0.0, "prior_bad": 5.0},
            "click": {"stranger_trust": 0.1},
        }
    },
    "thin_margin": {"products": [{"name": "household set", "price": 36.0, "unit_cost": 33.0}]},
    "saturated": {"campaign": {"initial_customers": 0.9}},
}
"""The default world and four that differ from it in one respect."""

REPLICATIONS = {"default": 40, "silent": 40, "distrust": 20, "thin_margin": 20, "saturated": 20}
EFFECTS = (
    "orders", "new_customers", "profit_cents", "members_end", "lapse_rate", "retention_d30",
    "referred_share", "earners_kept",
)  # fmt: skip

BANDS = {
    "orders_per_recommendation": ("orders per one-to-one recommendation", 0.005, 0.015, "none"),
    "sharer_share": ("buyers who share", 0.05, 0.15, "none"),
    "visits_per_share": ("one-to-one shares that are visited", 0.10, 0.25, "none"),
    "referred_share": ("referred share of orders, no pay", 0.01, 0.05, "none"),
    "strong_referred_share": ("referred share of orders, generous", 0.10, 0.30, "generous"),
    "barren_share": ("organic buyers who bring nobody", 0.90, 1.0, "none"),
    "retention_d1": ("visit on day 1", 0.21, 0.31, "none"),
    "retention_d7": ("visit on day 7", 0.10, 0.16, "none"),
    "retention_d30": ("visit on day 30", 0.05, 0.10, "none"),
    "repeat_share_d30": ("second order within 30 days (CDNOW 17.5 %)", 0.14, 0.21, "none"),
}
"""Outcome: label, band of the literature sheet, policy."""


def scenario_for(network: str, world: str) -> sim.Scenario:
    """The study's scenario in one network and world."""
    place = {
        name: str(DATA / value) if name == "file" else value
        for name, value in NETWORKS[network].items()
    }
    return sim.Scenario.load(HERE / "scenario.toml").but(network=place, **WORLDS[world])


def run(network: str, world: str) -> pd.DataFrame:
    """Outcomes (policy, replication, measures) of all policies in one network and world."""
    print(f"{network}, {world}: {REPLICATIONS[world]} replications", file=sys.stderr)
    comparison = sim.compare(scenario_for(network, world), replications=REPLICATIONS[world])
    return comparison.outcomes.assign(network=network, world=world)


def column(
    outcomes: pd.DataFrame, network: str, world: str, policy: str, measure: str
) -> pd.Series:
    """One measure of one policy, by replication."""
    chosen = outcomes.query("network == @network and world == @world and policy == @policy")
    return chosen.set_index("replication")[measure].astype(float)


def effects(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Paired differences from no pay in the same world, and of sharing and trust without pay."""
    rows = []

    def add(
        question: str, network: str, world: str, policy: str, one: pd.Series, other: pd.Series,
        measure: str,
    ) -> None:  # fmt: skip
        one, other = one.align(other, join="inner")
        difference = paired_difference(one.to_numpy(), other.to_numpy())
        rows.append(
            {
                "question": question, "network": network, "world": world, "policy": policy,
                "measure": measure, "without": other.mean(), "difference": difference.mean,
                "low": difference.low, "high": difference.high, "replications": one.size,
            }
        )  # fmt: skip

    for (network, world), part in outcomes.groupby(["network", "world"], sort=False):
        for measure in EFFECTS:
            base = column(outcomes, network, world, "none", measure)
            for policy in part["policy"].unique():
                if policy != "none":
                    here = column(outcomes, network, world, policy, measure)
                    add("commission", network, world, policy, here, base, measure)
    for network in outcomes["network"].unique():
        for measure in EFFECTS:
            sharing = column(outcomes, network, "default", "none", measure)
            silent = column(outcomes, network, "silent", "none", measure)
            distrust = column(outcomes, network, "distrust", "none", measure)
            add("sharing", network, "default", "none", sharing, silent, measure)
            add("trust", network, "default", "none", sharing, distrust, measure)
    return pd.DataFrame(rows)


def bands(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Measured means over the default world against the literature sheet, first 20 seeds."""
    rows = []
    for network in outcomes["network"].unique():
        for name, (label, low, high, policy) in BANDS.items():
            measure = name.removeprefix("strong_")
            values = column(outcomes, network, "default", policy, measure).iloc[:20].dropna()
            mean = mean_interval(values.to_numpy())
            rows.append(
                {
                    "network": network, "measure": label, "band_low": low, "band_high": high,
                    "mean": mean.mean, "low": mean.low, "high": mean.high,
                    "inside": low <= mean.mean <= high,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def in_words(row: pd.Series) -> str:
    """A difference with its interval, in the unit of its measure."""
    if row["measure"] == "profit_cents":
        scale, form = 0.01, "{:+,.0f}"
    elif row["measure"] in ("lapse_rate", "retention_d30", "referred_share", "earners_kept"):
        scale, form = 100.0, "{:+.2f} pp"
    else:
        scale, form = 1.0, "{:+,.1f}"
    numbers = [scale * row[name] for name in ("difference", "low", "high")]
    difference, low, high = map(form.format, numbers)
    return f"{difference} ({low} to {high})"


def tables(effect: pd.DataFrame, band: pd.DataFrame) -> str:
    """The README's tables, side by side for the networks."""
    effect = effect.assign(
        text=effect.apply(in_words, axis=1),
        case=effect["question"] + " | " + effect["world"] + " | " + effect["policy"],
    )
    networks = list(effect["network"].unique())
    heads = " | ".join(networks)
    lines = []
    for measure in ("profit_cents", "orders", "members_end", "earners_kept"):
        part = effect[effect["measure"] == measure]
        wide = part.pivot(index="case", columns="network", values="text")
        lines += [f"\n### {measure}\n", f"| question | world | policy | {heads} |"]
        lines += ["|" + "---|" * (3 + len(networks))]
        for case in effect["case"].unique():
            lines.append(f"| {case} | {' | '.join(wide.loc[case, networks])} |")
    lines += ["\n### bands\n", f"| measure | band | {heads} |", "|" + "---|" * (2 + len(networks))]
    for label, part in band.groupby("measure", sort=False):
        low, high = part["band_low"].iloc[0], part["band_high"].iloc[0]
        cells = [
            f"{mean:.2%}{'' if inside else ' (outside)'}"
            for mean, inside in zip(part["mean"], part["inside"], strict=True)
        ]
        lines.append(f"| {label} | {100 * low:g}-{100 * high:g} % | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def check_findings(effect: pd.DataFrame) -> list[str]:
    """The README's statements, each tested on every network; returns those that do not hold."""

    def row(question: str, network: str, world: str, policy: str, measure: str) -> pd.Series:
        return effect.query(
            "question == @question and network == @network and world == @world "
            "and policy == @policy and measure == @measure"
        ).iloc[0]

    failed = []
    for network in effect["network"].unique():

        def raised(question: str, policy: str, measure: str, network: str = network) -> bool:
            return row(question, network, "default", policy, measure)["low"] > 0

        give_get, generous = (
            {m: row("commission", network, "default", p, m) for m in ("orders", "profit_cents")}
            for p in ("give_get", "generous")
        )
        thin = row("commission", network, "thin_margin", "ten_percent", "profit_cents")
        statements = {
            "sharing among friends raises sales": raised("sharing", "none", "orders"),
            "trust raises sales": raised("trust", "none", "orders"),
            "a commission of 10 % raises sales": raised("commission", "ten_percent", "orders"),
            "it raises profit": raised("commission", "ten_percent", "profit_cents"),
            "it leaves more members": raised("commission", "ten_percent", "members_end"),
            "twice the give and get sells more": (
                generous["orders"]["low"] > give_get["orders"]["difference"]
            ),
            "and earns less": (
                generous["profit_cents"]["difference"] < give_get["profit_cents"]["difference"]
            ),
            "a thin margin turns 10 % into a loss": thin["high"] < 0,
        }
        failed += [f"{network}: {text}" for text, holds in statements.items() if not holds]
    return failed


def main(wanted: list[str]) -> int:
    """Run the study on the networks there is data for; 1 if a stated finding does not hold."""
    networks = [
        name
        for name, place in NETWORKS.items()
        if (not wanted or name in wanted)
        and ("file" not in place or (DATA / place["file"]).exists())
    ]
    missing = sorted(set(wanted or NETWORKS) - set(networks))
    if missing:
        print(f"left out, no data in {DATA}: {', '.join(missing)}", file=sys.stderr)
    outcomes = pd.concat([run(network, world) for network in networks for world in WORLDS])
    effect, band = effects(outcomes), bands(outcomes)
    RESULTS.mkdir(parents=True, exist_ok=True)
    effect.to_csv(RESULTS / "effects.csv", index=False, float_format="%.6g")
    band.to_csv(RESULTS / "bands.csv", index=False, float_format="%.6g")
    (RESULTS / "tables.md").write_text(tables(effect, band))
    print(tables(effect, band))
    failed = check_findings(effect)
    print("\n".join(f"does not hold: {text}" for text in failed) or "every stated finding holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
