"""The small model in AMBER: columns of agents, a vectorised step."""

import ambr
import numpy as np

from benchmarks.worlds import load_graph


class WordOfMouth(ambr.Model):
    """People in columns; ties as arrays beside them."""

    def setup(self):
        job, size = self.p["job"], self.p["indptr"].size - 1
        buys = np.arange(size) % round(1 / job["start"]) == 0
        self.add_agents(size, customer=buys, fresh=buys)

    def step_vectorized(self):
        job, indptr, target = self.p["job"], self.p["indptr"], self.p["target"]
        customer = self.agents.customer.to_numpy()
        who = np.flatnonzero(self.agents.fresh.to_numpy())
        degree = self.p["degree"][who]
        ends = np.cumsum(degree)
        ties = np.arange(ends[-1] if ends.size else 0)
        ties += np.repeat(indptr[who] - (ends - degree), degree)
        carried = self.rng.random(ties.size, np.float32) < job["talk"]
        heard = np.bincount(target[ties[carried]], minlength=customer.size)
        unmoved = (1 - job["organic"]) * (1 - job["conviction"]) ** np.arange(heard.max() + 1)
        draw = self.rng.random(customer.size)
        wins = ~customer & (draw >= unmoved[heard])
        stays = customer & (draw >= job["churn"])
        again = stays & (self.rng.random(customer.size, np.float32) < job["again"])
        self.agents.customer = wins | stays
        self.agents.fresh = wins | again

    def update(self):
        self.record_model("customers", int(self.agents.customer.sum()))


def prepare(job):
    indptr, target = load_graph(job["graph"])
    indptr = indptr.astype(np.int64)
    parameters = {
        "job": job, "indptr": indptr, "target": target, "degree": np.diff(indptr),
        "steps": job["ticks"], "show_progress": False,
    }  # fmt: skip

    def start(turn):
        model = WordOfMouth(parameters | {"seed": turn + 1}).cpu(mode="vectorized")

        def work():
            return model.run().model["customers"].to_list()[-job["ticks"] :]

        return work

    return start
