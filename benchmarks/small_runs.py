"""A thousand runs of a thousand consumers for 50 days; 250 seeds and four policies.

Ours is `sim.compare`, which makes a world once for all policies of a seed; the peer is
`mesa.batch_run` of the same model class, whose results are the same to the last member. Peers do
fewer runs: 1,000 runs are extrapolated along the line through two measured numbers of runs, so that
starting processes counts once. Wall clock; nothing else may run beside it.
"""

from __future__ import annotations

import math

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, Finish, race
from benchmarks.table import Goal, Part, at_most, markdown, number, times_faster

SIZE, DAYS, POLICIES = 1_000, 50, 4
RUNS = 1_000
OVERHEAD_MS = 3.0
BOUND = (
    "The consumers of a run take {consumers:.1f} of its {run:.1f} ms. The rest is Python: phases, "
    "schemes and books of {days} days, which a scheme may replace, so they are not compiled; and "
    "a run's share of its world. Whatever makes it faster makes mesa.batch_run of the same model "
    "faster too"
)


def contenders(quick: bool) -> list[Contender]:
    """Ours with one and two processes; each peer at two numbers of runs."""
    runs = 120 if quick else RUNS
    few, more = (20, 60) if quick else (40, 120)
    job = {"size": SIZE, "days": DAYS}
    every = [
        Contender(f"ours {workers}", "ours_runs",
                  job | {"runs": runs, "workers": workers, "checked": more}, repeats=2)
        for workers in (1, 2)
    ]  # fmt: skip
    for engine, processes, counts in (
        ("kernels", 1, (few, more)), ("kernels", 2, (few, more)), ("agents", 1, (4, 8)),
    ):  # fmt: skip
        every += [
            Contender(
                f"{engine} {processes} {count}", "mesa_batch",
                job | {"runs": count, "processes": processes, "engine": engine}, ("mesa",),
                repeats=1 if engine == "agents" else 2, warm_ups=0,
            )
            for count in counts
        ]  # fmt: skip
    return every


def extrapolated(finishes: dict[str, Finish], start: str, runs: int) -> float:
    """Seconds of the wall clock for ``runs``, along the line through the measured numbers."""
    measured = sorted(
        (int(name.rsplit(" ", 1)[1]), finish.wall)
        for name, finish in finishes.items()
        if name.startswith(start)
    )
    (few, first), (more, second) = measured
    return line_through(few, first, more, second, runs)


def line_through(x0: float, y0: float, x1: float, y1: float, x: float) -> float:
    """The line through two points, at x."""
    return y0 + (y1 - y0) / (x1 - x0) * (x - x0)


def measure(quick: bool, pythons: Pythons) -> Part:
    """Runs against runs, and the overhead of one."""
    entered = contenders(quick)
    finishes = race(entered, pythons)
    runs = entered[0].job["runs"]
    ours = {workers: finishes[f"ours {workers}"].wall for workers in (1, 2)}
    peers = {
        "mesa.batch_run, one process": extrapolated(finishes, "kernels 1", runs),
        "mesa.batch_run, two processes": extrapolated(finishes, "kernels 2", runs),
        "Mesa agents in mesa.batch_run": extrapolated(finishes, "agents 1", runs),
    }
    where = f"{runs:,} small runs, two processes"
    overhead, found = overhead_goal(pythons)
    bound = BOUND.format(
        consumers=found["run_ms"] - found["run_overhead_ms"], run=found["run_ms"], days=DAYS
    )
    goals = [
        times_faster(f"{where}, against {name}", ours[2], peers[name], least, "s",
                     f"{name}, extrapolated", judged=runs == RUNS, bound=bound)
        for name, least in zip(peers, (2, 6, 100), strict=True)
    ]  # fmt: skip
    rows = [
        ["`sim.compare`, one process", number(ours[1]), number(ours[1] / runs * 1e3)],
        ["`sim.compare`, two processes", number(ours[2]), number(ours[2] / runs * 1e3)],
        *([name, number(wall), number(wall / runs * 1e3)] for name, wall in peers.items()),
    ]
    measured = ", ".join(f"{one.name}: {number(one.wall)} s" for one in finishes.values())
    details = "\n\n".join(
        [__doc__ or "", markdown(("", f"s for {runs:,} runs", "ms a run"), rows), same(finishes),
         f"Measured (engine, processes, runs): {measured}."]
    )  # fmt: skip
    return Part("Small runs", [*goals, overhead], details, found)


def same(finishes: dict[str, Finish]) -> str:
    """Whether mesa.batch_run ended with as many members as ours, in words."""
    ours = finishes["ours 1"]
    most = max(int(name.rsplit(" ", 1)[1]) for name in finishes if name.startswith("kernels 1"))
    theirs = finishes[f"kernels 1 {most}"]
    if ours.missing or theirs.missing:
        return f"Not compared: {ours.missing or theirs.missing}."
    members = [one.answers[0]["members"] for one in (ours, theirs)]
    word = "the same" if members[0] == members[1] else "**NOT THE SAME**"
    return (
        f"Members at the end of the first {most} runs, all together: {members[0]:,} by ours, "
        f"{members[1]:,} by mesa.batch_run: {word}."
    )


def overhead_goal(pythons: Pythons) -> tuple[Goal, dict[str, float]]:
    """What a run costs apart from its consumers: its time along the line to no consumers."""
    job = {"size": SIZE, "days": DAYS, "turns": 5}
    finish = race([Contender("overhead", "ours_overhead", job, repeats=3)], pythons)["overhead"]
    if finish.missing:
        once = twice = math.nan
    else:
        once, twice = (min(column) for column in zip(*finish.answers, strict=True))
    overhead = line_through(SIZE, once, 2 * SIZE, twice, 0) * 1e3
    goal = at_most(
        f"overhead of a run beyond its consumers, {SIZE:,} consumers, {DAYS} days "
        f"({number(once * 1e3)} ms in all)",
        overhead, OVERHEAD_MS, "ms", note=finish.missing,
        bound=f"It is Python of {DAYS} days and varies by a tenth between runs of the benchmark",
    )  # fmt: skip
    return goal, {"run_ms": once * 1e3, "run_overhead_ms": overhead}
