"""The small model of word of mouth against agent-based frameworks: hot, and cold.

Who bought a tick ago recommends to each friend with chance 0.1; who is told r times buys with
chance 1 - (1 - 1e-4)(1 - 0.2)^r; a customer leaves with chance 0.05, else buys again with chance
rho. Hot: rho = 1, half are customers at first. Cold: rho = 0.02, one in a hundred.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from pathlib import Path

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, Finish, best_peer, missing_note, race
from benchmarks.table import Goal, Part, markdown, number, times_faster
from benchmarks.worlds import save_graph

RULE = {"talk": 0.1, "conviction": 0.2, "organic": 1e-4, "churn": 0.05}
HOT = RULE | {"again": 1.0, "start": 0.5}
COLD = RULE | {"again": 0.02, "start": 0.01}

OURS, OBJECTS, STARSIM = "Vouch", "Mesa agents", "Starsim (SIS)"
OTHER_RULE = (STARSIM, "graph-tool (SIS)")
"""Peers without such a model, timed with the nearest they have."""


def contenders(graph: Path, rule: dict[str, float], size: int, hot: bool) -> list[Contender]:
    """Ours and the peers, with as many ticks as each can do in a few seconds."""
    large = size >= 1_000_000
    few = 10 if large else 20
    job = {"graph": str(graph), **rule}
    every = [
        Contender(OURS, "ours_small_model", job | {"ticks": 30 if large and hot else 100}),
        Contender(
            "Mesa + NumPy rows", "mesa_numpy", job | {"ticks": few, "mask": False}, ("mesa",)
        ),
        Contender("Mesa + NumPy mask", "mesa_numpy", job | {"ticks": few, "mask": True}, ("mesa",)),
        Contender("AMBER", "amber", job | {"ticks": few}, ("ambr",), repeats=2),
    ]
    if hot and not large:
        every += [
            Contender(
                OBJECTS, "mesa_objects", job | {"ticks": 4}, ("mesa", "networkx"),
                repeats=1, warm_ups=0,
            ),
            Contender(
                STARSIM, "starsim_sis", job | {"ticks": 100}, ("starsim",), repeats=2,
                patience=240,
            ),
        ]  # fmt: skip
    if hot:
        every.append(
            Contender("graph-tool (SIS)", "graph_tool_sis", job | {"ticks": few}, ("graph_tool",))
        )
    return every


def timed_ticks(one: Contender) -> int:
    """Ticks within the measured time; Mesa's agents do their first before it."""
    return one.job["ticks"] - (one.program == "mesa_objects")


def agrees(ours: Finish, peer: Finish) -> str:
    """How the customers of a peer compare with ours over the same ticks, in words.

    The bound is four standard errors of a count of that many independent customers.
    """
    ticks = len(peer.answers[0])
    means = [
        sum(sum(series[:ticks]) for series in one.answers) / ticks / len(one.answers)
        for one in (ours, peer)
    ]
    apart = means[1] / means[0] - 1
    bound = 0.005 + 4 / math.sqrt(min(means) * min(len(ours.answers), len(peer.answers)))
    word = "same" if abs(apart) <= bound else "**NOT THE SAME**"
    return f"{word}: {apart:+.1%}, bound {bound:.1%}"


def measure(quick: bool, pythons: Pythons) -> Part:
    """Race every size and both rules."""
    sizes = (10_000,) if quick else (100_000, 1_000_000)
    goals: list[Goal] = []
    details: list[str] = []
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            graph, ties = save_graph(Path(folder), "barabasi_albert", size)
            for name, rule in (("hot", HOT), ("cold", COLD)):
                entered = contenders(graph, rule, size, name == "hot")
                finishes = race(entered, pythons)
                ticks = {one.name: timed_ticks(one) for one in entered}
                goals += goals_of(name, size, finishes, ticks)
                details += [
                    f"{name}, {size:,} people, {ties:,} ties (Barabasi-Albert):",
                    table(finishes, ticks),
                ]
                figures[f"small_{name}_{size}_ns_per_person_tick"] = (
                    finishes[OURS].seconds / ticks[OURS] / size * 1e9
                )
    return Part("The small model", goals, (__doc__ or "") + "\n\n".join(["", *details]), figures)


def goals_of(
    name: str, size: int, finishes: dict[str, Finish], ticks: dict[str, int]
) -> list[Goal]:
    """The goals of one race, in milliseconds a tick."""
    ms = {one: finish.seconds / ticks[one] * 1e3 for one, finish in finishes.items()}
    where = f"small model, {name}, {size:,} people"
    judged = size >= 100_000
    peers = [
        dataclasses.replace(finish, seconds=finish.seconds / ticks[one])
        for one, finish in finishes.items()
        if one not in (OURS, OBJECTS, STARSIM)
    ]
    best = best_peer(peers)
    goals = []
    if OBJECTS in finishes:
        goals += [
            times_faster(
                f"{where}, against {peer}", ms[OURS], ms[peer], least, "ms a tick",
                finishes[peer].title, judged=judged, note=finishes[peer].missing,
            )
            for peer, least in ((OBJECTS, 300), (STARSIM, 10))
        ]  # fmt: skip
    least = 3 if name == "hot" else 30
    goals.append(
        times_faster(
            f"{where}, against the best peer", ms[OURS], best.seconds * 1e3, least, "ms a tick",
            best.title, judged=judged, note=missing_note(peers),
        )
    )  # fmt: skip
    return goals


def table(finishes: dict[str, Finish], ticks: dict[str, int]) -> str:
    """Every contender with its time, memory and whether its customers are ours."""
    rows = []
    for one in finishes.values():
        if one.missing:
            rows.append([one.name, one.missing, "", ""])
            continue
        same = "another rule" if one.name in OTHER_RULE else agrees(finishes[OURS], one)
        per_tick = one.seconds * 1e3 / ticks[one.name]
        rows.append(
            [one.title, number(per_tick), number(one.megabytes),
             "" if one.name == OURS else same]
        )  # fmt: skip
    return markdown(("", "ms a tick", "peak MB", "mean customers against ours"), rows)
