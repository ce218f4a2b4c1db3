"""The small model in Mesa's own idiom: an agent per person, in the cells of a network."""

import mesa
from mesa.discrete_space import FixedAgent, Network

from benchmarks.worlds import networkx_graph


class Person(FixedAgent):
    """Recommends what she bought a tick ago; buys when she is told, or by herself."""

    def __init__(self, model, cell, buys):
        super().__init__(model)
        self.cell = cell
        self.customer = self.fresh = buys
        self.next_fresh = False
        self.heard = 0

    def recommend(self):
        if self.fresh:
            random, talk = self.random.random, self.model.talk
            for friend in self.cell.neighborhood.agents:
                if random() < talk:
                    friend.heard += 1

    def decide(self):
        model = self.model
        draw = self.random.random()
        self.next_fresh = False
        if not self.customer:
            unmoved = (1 - model.organic) * (1 - model.conviction) ** self.heard
            self.customer = self.next_fresh = draw < 1 - unmoved
        elif draw < model.churn:
            self.customer = False
        else:
            self.next_fresh = self.random.random() < model.again
        self.fresh = self.next_fresh
        self.heard = 0


class WordOfMouth(mesa.Model):
    """People who recommend, on a network."""

    def __init__(self, graph, job, seed):
        super().__init__(rng=seed)
        for name in ("talk", "conviction", "organic", "churn", "again"):
            setattr(self, name, job[name])
        self.network = Network(graph, random=self.random)
        gap = round(1 / job["start"])
        for i, cell in enumerate(self.network.all_cells):
            Person(self, cell, i % gap == 0)
        self.datacollector = mesa.DataCollector(
            {"customers": lambda model: sum(one.customer for one in model.agents)}
        )

    def step(self):
        self.agents.do("recommend")
        self.agents.do("decide")
        self.datacollector.collect(self)


def prepare(job):
    graph = networkx_graph(job["graph"])

    def start(turn):
        model = WordOfMouth(graph, job, turn + 1)
        # The first tick fills each cell's list of neighbours; it is not held against Mesa.
        model.step()

        def work():
            for _ in range(job["ticks"] - 1):
                model.step()
            return model.datacollector.get_model_vars_dataframe()["customers"].tolist()

        return work

    return start
