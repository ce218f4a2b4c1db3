"""Small runs of varied seeds and policies by the machinery of our studies."""

import sim
from benchmarks.worlds import SMALL_POLICIES, small_runs


def prepare(job):
    plan = small_runs(job["size"], job["days"])
    replications = job["runs"] // len(SMALL_POLICIES)

    def start(turn):
        def work():
            comparison = sim.compare(plan, replications=replications, workers=job["workers"])
            rows = comparison.outcomes
            first = rows[rows["replication"] < job["checked"] // len(SMALL_POLICIES)]
            return {"runs": len(rows), "members": int(first["members_end"].sum())}

        return work

    return start
