"""The founding study's main comparison: how much pairing by seeds is worth."""

import sim
from benchmarks.peers import REPOSITORY

MEASURES = ("profit_cents", "orders")
RIVALS = ("give_get", "ten_percent", "friend_only")


def prepare(job):
    plan = sim.Scenario.load(REPOSITORY / "experiments" / "founding" / "scenario.toml")

    def work():
        comparison = sim.compare(
            plan, policies=["none", *RIVALS], replications=job["replications"], workers=2
        )
        return {
            policy: {
                name: {
                    "ratio": float(row["variance_ratio"]),
                    "difference": float(row["mean"]),
                    "sd": float(row["sd"]),
                }
                for name in MEASURES
                for row in [comparison.differences(name).loc[policy]]
            }
            for policy in RIVALS
        }

    return lambda turn: work
