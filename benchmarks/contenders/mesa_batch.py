"""The same runs by mesa.batch_run: a model is made and stepped for each."""

import mesa

import sim
from benchmarks.worlds import SMALL_POLICIES, small_runs


def prepare(job):
    plan = small_runs(job["size"], job["days"])

    def batch(runs):
        parameters = {
            "scenario": [plan],
            "replication": range(runs // len(SMALL_POLICIES)),
            "policy": list(SMALL_POLICIES),
            "engine": [job["engine"]],
        }
        rows = mesa.batch_run(
            sim.WordOfMouthModel, parameters, number_processes=job["processes"],
            display_progress=False,
        )  # fmt: skip
        return {"runs": len(rows), "members": int(sum(row["members"] for row in rows))}

    batch(len(SMALL_POLICIES))
    return lambda turn: lambda: batch(job["runs"])
