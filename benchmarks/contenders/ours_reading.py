"""Our reader of ties, and opening a saved graph."""

import sim


def prepare(job):
    def read():
        graph = sim.SocialGraph.read(job["path"], **job["options"])
        return {"ties": graph.tie_count, "people": graph.size}

    return lambda turn: read
