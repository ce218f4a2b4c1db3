"""Scenarios and graphs that several parts use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, race

if TYPE_CHECKING:
    import networkx

    import sim

MEAN_DEGREE = 10


def scenario(size: int, days: int, **changes: object) -> sim.Scenario:
    """The default scenario at another size, on campus networks with ten friends each."""
    import sim

    table = {
        "days": days,
        "network": {"kind": "campus", "mean_degree": MEAN_DEGREE},
        "population": {"size": size},
        "policies": {"give_get": {"scheme": "two_sided"}},
    }
    return sim.Scenario.from_table(table | changes)


SMALL_POLICIES = {
    "none": {},
    "ten_percent": {"scheme": "percentage", "rate": 0.10},
    "give_get": {"scheme": "two_sided"},
    "two_levels": {"scheme": "multi_level", "levels": 2},
}


def small_runs(size: int, days: int) -> sim.Scenario:
    """The default scenario with few consumers, few days and four policies to vary."""
    import sim

    table = {"days": days, "population": {"size": size}, "policies": SMALL_POLICIES}
    return sim.Scenario.from_table(table)


def save_graph(folder: Path, kind: str, size: int, **parameters: float) -> tuple[Path, int]:
    """A graph as ``indptr.npy`` and ``target.npy``, ties both ways; the folder, and its ties.

    Made in a process of its own: this one stays small, so that what it starts is measured right.
    """
    path = folder / f"{kind}-{size}"
    path.mkdir()
    job = {"kind": kind, "size": size, "folder": str(path), "parameters": parameters}
    maker = Contender("graph", "ours_saved_graph", job, repeats=1, warm_ups=0, patience=600)
    made = race([maker], Pythons([]))["graph"]
    if made.missing:
        raise RuntimeError(f"the graph for the benchmark could not be made: {made.missing}")
    return path, made.answers[0]


def load_graph(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and targets of a saved graph."""
    return np.load(Path(folder) / "indptr.npy"), np.load(Path(folder) / "target.npy")


def our_graph(folder: str) -> sim.SocialGraph:
    """A saved graph as one of ours."""
    import sim

    indptr, target = load_graph(folder)
    source = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    half = source < target
    return sim.SocialGraph.from_edges(source[half], target[half], size=indptr.size - 1)


def networkx_graph(folder: str) -> networkx.Graph:
    """A saved graph as NetworkX has it."""
    import networkx

    indptr, target = load_graph(folder)
    source = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    graph = networkx.Graph()
    graph.add_nodes_from(range(indptr.size - 1))
    graph.add_edges_from(zip(source.tolist(), target.tolist(), strict=True))
    return graph
