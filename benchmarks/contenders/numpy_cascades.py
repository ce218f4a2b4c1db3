"""Independent cascades in NumPy: a whole frontier at a time."""

import numpy as np

from benchmarks.worlds import load_graph


def cascade(rng, indptr, target, degree, p, seeds, reached):
    """Who is reached from ``seeds``, in the order of the steps; marks them in ``reached``."""
    frontier = np.asarray(seeds)
    reached[frontier] = True
    found = [frontier]
    while frontier.size:
        many = degree[frontier]
        ends = np.cumsum(many)
        ties = np.arange(ends[-1]) + np.repeat(indptr[frontier] - (ends - many), many)
        carried = target[ties[rng.random(ties.size, np.float32) < p]]
        fresh = carried[~reached[carried]]
        reached[fresh] = True
        # Somebody reached twice in a step counts once.
        frontier = np.unique(fresh)
        found.append(frontier)
    return np.concatenate(found)


def prepare(job):
    indptr, target = load_graph(job["graph"])
    indptr = indptr.astype(np.int64)
    degree = np.diff(indptr)

    def start(turn):
        rng = np.random.default_rng(turn + 1)
        reached = np.zeros(indptr.size - 1, bool)
        sources = [[one] for one in job["seeds"]] if job["small"] else [job["seeds"]]

        def work():
            total = 0
            for seeds in sources:
                for _ in range(job["rounds"]):
                    found = cascade(rng, indptr, target, degree, job["p"], seeds, reached)
                    reached[found] = False
                    total += found.size
            return {"mean": total / len(sources) / job["rounds"]}

        return work

    return start
