"""Independent cascades in NDlib, on a NetworkX graph."""

import numpy as np
from ndlib.models import ModelConfig, epidemics

from benchmarks.worlds import networkx_graph


def prepare(job):
    graph = networkx_graph(job["graph"])
    configuration = ModelConfig.Configuration()
    for edge in graph.edges:
        configuration.add_edge_configuration("threshold", edge, job["p"])
    configuration.add_model_initial_configuration("Infected", job["seeds"])
    sources = [[one] for one in job["seeds"]] if job["small"] else [job["seeds"]]

    def start(turn):
        np.random.seed(turn + 2)
        model = epidemics.IndependentCascadesModel(graph)
        model.set_initial_status(configuration)

        def work():
            total = 0
            for seeds in sources:
                for _ in range(job["rounds"]):
                    model.reset(infected_nodes=seeds)
                    counts = model.iteration(node_status=False)["node_count"]
                    while counts[1]:
                        counts = model.iteration(node_status=False)["node_count"]
                    total += counts[2]
            return {"mean": total / len(sources) / job["rounds"]}

        return work

    return start
