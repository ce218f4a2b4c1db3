"""Our generators, to sparse rows with everything a graph holds."""

import numpy as np

import sim


def prepare(job):
    def start(turn):
        def work():
            graph = sim.SocialGraph.generate(
                job["kind"], job["size"], seed=turn + 2, **job["parameters"]
            )
            return {"ties": graph.tie_count, "largest": int(np.diff(graph.rows.indptr).max())}

        return work

    return start
