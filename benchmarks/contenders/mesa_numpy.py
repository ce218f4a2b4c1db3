"""The small model as a mesa.Model over NumPy arrays: rows of who bought, or a mask of all ties."""

import mesa
import numpy as np

from benchmarks.worlds import load_graph


class WordOfMouth(mesa.Model):
    """Everybody's state in arrays, the step in NumPy."""

    def __init__(self, indptr, target, source, job, seed):
        super().__init__(rng=seed)
        self.indptr, self.target, self.source, self.job = indptr, target, source, job
        self.size = indptr.size - 1
        self.degree = np.diff(indptr)
        self.customer = np.zeros(self.size, bool)
        self.customer[:: round(1 / job["start"])] = True
        self.fresh = self.customer.copy()
        self.datacollector = mesa.DataCollector(
            {"customers": lambda model: int(model.customer.sum())}
        )

    def told(self):
        """How many friends recommended it to each, by gathering the rows of who bought."""
        who = np.flatnonzero(self.fresh)
        degree = self.degree[who]
        ends = np.cumsum(degree)
        ties = np.arange(ends[-1] if ends.size else 0)
        ties += np.repeat(self.indptr[who] - (ends - degree), degree)
        carried = self.rng.random(ties.size, np.float32) < self.job["talk"]
        return np.bincount(self.target[ties[carried]], minlength=self.size)

    def told_by_mask(self):
        """The same by a mask over all ties."""
        carried = self.rng.random(self.target.size, np.float32) < self.job["talk"]
        carried &= self.fresh[self.source]
        return np.bincount(self.target[carried], minlength=self.size)

    def step(self):
        job = self.job
        heard = self.told_by_mask() if job["mask"] else self.told()
        unmoved = (1 - job["organic"]) * (1 - job["conviction"]) ** np.arange(heard.max() + 1)
        draw = self.rng.random(self.size)
        wins = ~self.customer & (draw >= unmoved[heard])
        stays = self.customer & (draw >= job["churn"])
        again = stays & (self.rng.random(self.size, np.float32) < job["again"])
        self.fresh = wins | again
        self.customer = wins | stays
        self.datacollector.collect(self)


def prepare(job):
    indptr, target = load_graph(job["graph"])
    indptr = indptr.astype(np.int64)
    source = np.repeat(np.arange(indptr.size - 1, dtype=target.dtype), np.diff(indptr))

    def start(turn):
        model = WordOfMouth(indptr, target, source, job, turn + 1)

        def work():
            for _ in range(job["ticks"]):
                model.step()
            return model.datacollector.get_model_vars_dataframe()["customers"].tolist()

        return work

    return start
