"""The founding study's main comparison: how much pairing by seeds is worth."""

import sim
from benchmarks.peers import REPOSITORY

MEASURES = ("profit_cents", "orders")


def prepare(job):
    plan = sim.Scenario.load(REPOSITORY / "experiments" / "founding" / "scenario.toml")

    def work():
        comparison = sim.compare(
            plan, policies=["none", "give_get"], replications=job["replications"], workers=2
        )
        rows = {name: comparison.differences(name).loc["give_get"] for name in MEASURES}
        return {
            name: {
                "ratio": float(row["variance_ratio"]),
                "difference": float(row["mean"]),
                "sd": float(row["sd"]),
            }
            for name, row in rows.items()
        }

    return lambda turn: work
