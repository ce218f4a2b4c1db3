"""Networks from generators, to sparse rows: five friendships a person, processor time.

Ours gives a graph with everything that a world needs of it. Peers give a graph of their own; its
edges become sparse rows by NumPy and SciPy. Configuration models of peers keep loops and parallel
edges; ours are simple graphs.
"""

from __future__ import annotations

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, Finish, best_peer, missing_note, race
from benchmarks.table import Goal, Part, markdown, number, times_faster

OURS = "Vouch"
KINDS: dict[str, dict[str, float]] = {
    "barabasi_albert": {"mean_degree": 10},
    "watts_strogatz": {"mean_degree": 10, "rewiring": 0.1},
    "stochastic_block": {"mean_degree": 10, "blocks": 100, "inside": 0.8},
    "configuration": {"exponent": 2.6, "minimum_degree": 4, "maximum_degree": 1000},
}
GOALS = {
    "barabasi_albert": 4.0, "watts_strogatz": 10.0, "stochastic_block": 10.0, "configuration": 10.0,
}  # fmt: skip
LARGE, SMALL = 1_000_000, 10_000


def contenders(kind: str, size: int) -> list[Contender]:
    """Ours, and the peers that have such a generator; NetworkX among few people only."""
    job = {"kind": kind, "size": size, "parameters": KINDS[kind]}
    slow = 1 if size == LARGE else 3
    every = [Contender(OURS, "ours_generators", job)]
    if size == SMALL:
        every.append(
            Contender("NetworkX", "networkx_generators", job, ("networkx",), repeats=1, warm_ups=0)
        )
    every.append(
        Contender("igraph", "igraph_generators", job, ("igraph",), repeats=slow, warm_ups=0)
    )
    if kind == "barabasi_albert":
        every.append(
            Contender("rustworkx", "rustworkx_generators", job, ("rustworkx",), warm_ups=0)
        )
    if kind in ("stochastic_block", "configuration"):
        every.append(
            Contender("graph-tool", "graph_tool_generators", job, ("graph_tool",), repeats=slow,
                      warm_ups=0)
        )  # fmt: skip
    return every


def measure(quick: bool, pythons: Pythons) -> Part:
    """Every kind, among few people with NetworkX and among many without."""
    goals: list[Goal] = []
    details: list[list[str]] = []
    figures: dict[str, float] = {}
    for kind in KINDS:
        for size in (SMALL, 100_000) if quick else (SMALL, LARGE):
            finishes = race(contenders(kind, size), pythons)
            details += [row_of(kind, size, one) for one in finishes.values()]
            if size == SMALL:
                continue
            peers = [one for name, one in finishes.items() if name != OURS]
            best = best_peer(peers)
            goals.append(
                times_faster(
                    f"{kind}, {size:,} people, to sparse rows", finishes[OURS].seconds,
                    best.seconds, GOALS[kind], "s", best.title, judged=size == LARGE,
                    note=missing_note(peers),
                )
            )  # fmt: skip
            figures[f"generate_{kind}_s"] = finishes[OURS].seconds
    table = markdown(("network", "people", "", "s", "peak MB", "ties", "largest degree"), details)
    return Part("Generating networks", goals, f"{__doc__}\n\n{table}", figures)


def row_of(kind: str, size: int, one: Finish) -> list[str]:
    """What one contender took, and what it made."""
    if one.missing:
        return [kind, f"{size:,}", one.name, one.missing, "", "", ""]
    made = one.answers[0]
    return [
        kind, f"{size:,}", one.title, number(one.seconds), number(one.megabytes),
        f"{made['ties']:,}", f"{made['largest']:,}",
    ]  # fmt: skip
