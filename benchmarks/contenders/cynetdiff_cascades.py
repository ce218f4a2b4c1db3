"""Independent cascades in CyNetDiff: one after the other, or its own batch of trials."""

import array

import numpy as np
from cynetdiff.models import IndependentCascadeModel

from benchmarks.worlds import load_graph


def prepare(job):
    indptr, target = load_graph(job["graph"])
    starts = array.array("I", indptr[:-1].astype(np.uint32).tobytes())
    edges = array.array("I", target.astype(np.uint32).tobytes())

    def start(turn):
        model = IndependentCascadeModel(
            starts, edges, activation_prob=job["p"], rng=np.random.default_rng(turn + 1)
        )

        def one_by_one(origins):
            sizes = []
            model.set_seeds(origins)
            for _ in range(job["rounds"]):
                model.reset_model()
                model.advance_until_completion()
                sizes.append(model.get_num_activated_nodes())
            return sum(sizes) / len(sizes)

        def trials(origins):
            return model.compute_marginal_gains(origins, [], job["rounds"])[0]

        once = trials if job["batch"] else one_by_one

        def work():
            if not job["small"]:
                return {"mean": once(job["seeds"])}
            means = [once([origin]) for origin in job["seeds"]]
            return {"mean": sum(means) / len(means)}

        return work

    return start
