"""Independent cascades: large ones from ten seeds, and many small ones from one seed each.

Random graphs with ten ties a person. Large: p = 0.2, most people are reached. Small: p such that
a cascade has 13 to 20 people on average; a hundred origins, the same number of cascades from each.

Everybody is asked for the same: how many people each cascade reaches. Ours come from one call for
all of them, in one thread by processor time, in two threads by the wall clock; the time of a peer
is the lesser of the two. "One by one" is a call for each large cascade that also says who adopts
when.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.limits import Limits, nearest_size
from benchmarks.peers import Pythons
from benchmarks.racing import Contender, Finish, best_peer, missing_note, race
from benchmarks.table import Goal, Part, at_most, markdown, number, times_faster, verdict
from benchmarks.worlds import MEAN_DEGREE, save_graph

SMALL_P = {
    "erdos_renyi": {10_000: 0.0945, 100_000: 0.094, 1_000_000: 0.094},
    "barabasi_albert": {10_000: 0.048, 100_000: 0.0365, 1_000_000: 0.028},
}
LARGE_P = 0.2
LARGE_GOALS = {10_000: 4.0, 100_000: 7.0, 1_000_000: 6.0}
LARGE_ROUNDS = {10_000: 200, 100_000: 40, 1_000_000: 8}
NDLIB_GOAL, SMALL_GOAL = 200.0, 1.4
TIES_LIMIT_NS = 9.0

OURS, TWO_THREADS, ONE_BY_ONE = "Vouch", "Vouch, two threads", "Vouch, one by one"
OUR_OWN = (OURS, TWO_THREADS, ONE_BY_ONE)
NDLIB = "NDlib"
CYNETDIFF = ("CyNetDiff", "CyNetDiff trials")


def our_contenders(job: dict[str, Any], singly: int = 0) -> list[Contender]:
    """Ours in one thread and in two; and so many cascades one by one, if any."""
    many = job | {"singly": False}
    every = [
        Contender(OURS, "ours_cascades", many | {"threads": 1}, repeats=5),
        Contender(TWO_THREADS, "ours_cascades", many | {"threads": 2}, repeats=5),
    ]
    if singly:
        alone = job | {"singly": True, "rounds": singly}
        every.append(Contender(ONE_BY_ONE, "ours_cascades", alone, repeats=5))
    return every


def large_contenders(graph: Path, size: int) -> list[Contender]:
    """Cascades from ten seeds; slower programs do fewer."""
    seeds = [size // 10 * k + 7 for k in range(10)]
    job = {"graph": str(graph), "p": LARGE_P, "small": False, "seeds": seeds}
    rounds = LARGE_ROUNDS[size]
    fewer = max(1, rounds // 20)
    every = [
        *our_contenders(job | {"rounds": rounds}, singly=max(2, rounds // 5)),
        Contender(
            "CyNetDiff", "cynetdiff_cascades", job | {"rounds": fewer, "batch": False},
            ("cynetdiff",),
        ),
        Contender("NumPy frontier", "numpy_cascades", job | {"rounds": fewer}),
    ]  # fmt: skip
    if size < 1_000_000:
        every.append(
            Contender(NDLIB, "ndlib_cascades", job | {"rounds": 1}, ("ndlib", "six"),
                      repeats=1, warm_ups=0)
        )  # fmt: skip
    return every


def small_contenders(graph: Path, size: int, p: float, rounds: int) -> list[Contender]:
    """``rounds`` cascades from each of a hundred origins; fewer for slower programs."""
    origins = [size // 100 * k + 7 for k in range(100)]
    job = {"graph": str(graph), "p": p, "small": True, "seeds": origins, "rounds": rounds}
    every = [
        *our_contenders(job),
        Contender("CyNetDiff", "cynetdiff_cascades", job | {"batch": False}, ("cynetdiff",)),
        Contender("CyNetDiff trials", "cynetdiff_cascades", job | {"batch": True}, ("cynetdiff",)),
        Contender("NumPy frontier", "numpy_cascades", job | {"rounds": 10}, repeats=2),
    ]
    if size == 10_000:
        every.append(
            Contender(NDLIB, "ndlib_cascades", job | {"rounds": 1}, ("ndlib", "six"),
                      repeats=1, warm_ups=0)
        )  # fmt: skip
    return every


def per_cascade(one: Contender) -> float:
    """How many cascades a repeat of a contender has."""
    return one.job["rounds"] * (len(one.job["seeds"]) if one.job["small"] else 1)


def run(entered: list[Contender], pythons: Pythons) -> dict[str, Finish]:
    """Race, with times per cascade."""
    finishes = race(entered, pythons)
    for one in entered:
        finishes[one.name].seconds /= per_cascade(one)
        finishes[one.name].wall /= per_cascade(one)
    return finishes


def measure(quick: bool, pythons: Pythons, limits: Limits) -> Part:
    """Both kinds of graph, every size, large and small cascades."""
    sizes = (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
    kinds = ("erdos_renyi",) if quick else ("erdos_renyi", "barabasi_albert")
    large: dict[tuple[int, str], dict[str, Finish]] = {}
    small: dict[tuple[int, str], dict[str, Finish]] = {}
    details: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            for kind in kinds:
                graph, _ = save_graph(Path(folder), kind, size)
                entered = large_contenders(graph, size)
                large[size, kind] = run(entered, pythons)
                details += [f"large, {kind}, {size:,} people:", table(large[size, kind], entered)]
                entered = small_contenders(graph, size, SMALL_P[kind][size], 40 if quick else 200)
                small[size, kind] = run(entered, pythons)
                details += [f"small, {kind}, {size:,} people:", table(small[size, kind], entered)]
    goals = [*large_goals(large, limits), *small_goals(small)]
    figures = {
        f"cascade_ns_per_tie_{size}": max(
            ns_per_tie(one) for (n, _), one in large.items() if n == size
        )
        for size in sizes
    }
    return Part("Independent cascades", goals, "\n\n".join([__doc__ or "", *details]), figures)


def ns_per_tie(finishes: dict[str, Finish]) -> float:
    """Our nanoseconds for each tie that a large cascade examines."""
    ties = max(answer["ties"] for answer in finishes[OURS].answers)
    return finishes[OURS].seconds / ties * 1e9


def tie_limit(limits: Limits, size: int) -> float:
    """Nanoseconds a tie: its draw, reading it in order, a share of its row, a look at who is won.

    With ten ties a row, for which the generator is called three times, and a fifth of them
    carrying.
    """
    draw = math.ceil(MEAN_DEGREE / 4) / MEAN_DEGREE * limits["philox_in_blocks"]
    row = nearest_size(limits, "gather4", size * MEAN_DEGREE) / MEAN_DEGREE
    pointer = nearest_size(limits, "gather4", size) / MEAN_DEGREE
    state = LARGE_P * nearest_size(limits, "gather4", size)
    return draw + 4 / limits["read_gb_per_s"] + row + pointer + state


class Rival(NamedTuple):
    """The best peer on the kind of graph on which we are least ahead, in seconds a cascade."""

    kind: str
    ours: float
    peer: float
    title: str
    missing: str

    @property
    def ratio(self) -> float:
        """How many times as long as ours the peer took; infinite where none was measured."""
        return self.peer / self.ours if math.isfinite(self.peer) else math.inf


def rival(
    races: dict[tuple[int, str], dict[str, Finish]],
    size: int,
    peers: tuple[str, ...] | None = None,
    threads: int = 1,
) -> Rival:
    """Ours in one thread or in two, and the best of some peers, or of all."""
    found = []
    for (n, kind), finishes in races.items():
        if n == size:
            named = [one for name, one in finishes.items()
                     if name not in OUR_OWN and (peers is None or name in peers)]  # fmt: skip
            best = best_peer(named)
            ours = finishes[OURS].seconds if threads == 1 else finishes[TWO_THREADS].wall
            theirs = min(best.seconds, best.wall)
            found.append(Rival(kind, ours, theirs, best.title, missing_note(named)))
    return min(found, key=lambda one: one.ratio)


def against(
    what: str, one: Rival, least: float, unit: str, a_second: float, threads: int = 1
) -> Goal:
    """A goal of at least ``least`` times the speed of a rival."""
    clock = ", two threads, wall clock" if threads == 2 else ""
    return times_faster(
        what.format(kind=one.kind) + clock, one.ours * a_second, one.peer * a_second, least, unit,
        one.title, note=one.missing,
    )  # fmt: skip


def large_goals(races: dict[tuple[int, str], dict[str, Finish]], limits: Limits) -> list[Goal]:
    """Against every peer, against NDlib, and a tie beside its limit."""
    goals = []
    for size in sorted({size for size, _ in races}):
        what = f"large cascade, {{kind}}, {size:,} people, against "
        goals += [
            against(what + "the best peer", rival(races, size, threads=threads),
                    LARGE_GOALS[size], "ms", 1e3, threads)
            for threads in (1, 2)
        ]  # fmt: skip
        if size < 1_000_000:
            goals.append(against(what + NDLIB, rival(races, size, (NDLIB,)), NDLIB_GOAL, "ms", 1e3))
    size = max(size for size, _ in races)
    measured = max(ns_per_tie(one) for (n, _), one in races.items() if n == size)
    goals.append(
        at_most(
            f"large cascade, {size:,} people, an examined tie", measured, TIES_LIMIT_NS, "ns",
            limit=(tie_limit(limits, size), "draw, tie, row, person"), judged=size == 1_000_000,
        )
    )  # fmt: skip
    return goals


def small_goals(races: dict[tuple[int, str], dict[str, Finish]]) -> list[Goal]:
    """Against CyNetDiff, and against ourselves at the smallest size."""
    goals = []
    sizes = sorted({size for size, _ in races})
    for size in sizes:
        what = f"small cascades in batches, {{kind}}, {size:,} people"
        goals += [
            against(what, rival(races, size, CYNETDIFF, threads), SMALL_GOAL, "µs", 1e6, threads)
            for threads in (1, 2)
        ]
    least, most = (
        max(one[OURS].seconds for (n, _), one in races.items() if n == size) * 1e6
        for size in (sizes[0], sizes[-1])
    )
    growth = sizes[-1] / sizes[0]
    goals.append(
        Goal(
            f"a small cascade among {sizes[-1]:,} people against {sizes[0]:,}",
            f"{number(most)} µs", f"{number(least)} µs", number(most / least),
            f"never in proportion to people: {growth:.0f} times as many, at most 10 times the cost",
            verdict(most / least <= 10, judged=growth >= 100),
        )
    )  # fmt: skip
    return goals


def table(finishes: dict[str, Finish], entered: list[Contender]) -> str:
    """Every contender: time, memory, and whether its cascades have our mean size."""
    mean = sum(answer["mean"] for answer in finishes[OURS].answers) / len(finishes[OURS].answers)
    rows = []
    for one in entered:
        finish = finishes[one.name]
        if finish.missing:
            rows.append([one.name, finish.missing, "", "", "", ""])
            continue
        theirs = sum(answer["mean"] for answer in finish.answers) / len(finish.answers)
        spread = max(answer["sd"] for answer in finishes[OURS].answers)
        cascades = per_cascade(one) * len(finish.answers)
        bound = 0.005 * mean + 4 * spread / math.sqrt(cascades)
        word = "same" if abs(theirs - mean) <= bound else "**NOT THE SAME**"
        same = f"{word}: {theirs / mean - 1:+.1%}, bound {bound / mean:.1%}"
        rows.append(
            [finish.title, number(finish.seconds * 1e6), number(finish.wall * 1e6),
             number(finish.megabytes), number(theirs), "" if one.name == OURS else same]
        )  # fmt: skip
    return markdown(
        ("", "processor µs a cascade", "wall µs", "peak MB", "mean size", "against ours"), rows
    )
