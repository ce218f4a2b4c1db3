"""A day of the default scenario, 180 days end to end, growth to ten million people, memory.

Campus networks with ten friends each, give and get 5.00. Nanoseconds per consumer-day are
processor time of one core; with two threads, and end to end, the wall clock.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from benchmarks.limits import Limits, nearest_size
from benchmarks.peers import Pythons
from benchmarks.racing import Command, Contender, Finish, race, run_command
from benchmarks.table import Goal, Part, at_most, number, verdict

SCENARIO = """name = "end-to-end"
days = 180
[network]
kind = "campus"
mean_degree = 10
[population]
size = {size}
[policies.give_get]
scheme = "two_sided"
"""

MILLION, TEN_MILLION = 1_000_000, 10_000_000
BYTES_AT_TEN_MILLION = 12e9


def measure(quick: bool, pythons: Pythons, limits: Limits) -> Part:
    """A million consumers, or a tenth of that; ten million where there is memory."""
    size = 100_000 if quick else MILLION
    finish = run_days(size, 30, pythons, both=True)
    answer = best_answer(finish)
    goals = [*day_goals(size, answer, limits), *end_to_end_goals(size)]
    figures = {
        "day_ns": total(answer),
        "day_two_threads_ns": answer.get("two_threads", math.nan),
        "bytes_per_person": answer["per_person"],
        "bytes_per_tie": answer["per_tie"],
        "build_s": answer["build"],
        **{f"phase_{name}_ns": value for name, value in answer["phases"].items()},
        **{f"events_{name}": value for name, value in answer["events"].items()},
    }
    if not quick:
        more, found = growth_goals(total(answer), pythons, limits)
        goals += more
        figures |= found
    goals += [building_goal(size, answer), engines_goal(10_000, pythons)]
    phases = ", ".join(f"{name} {value:.1f}" for name, value in answer["phases"].items())
    details = (
        f"{__doc__}\nNanoseconds per consumer-day by phase: {phases}.\n\n{limit_in_words(limits)}"
        f"\n\nArrays of a run: {number(answer['per_person'])} bytes a consumer, of which "
        f"wallets that nobody uses take no memory, and {number(answer['per_tie'])} a directed tie."
    )
    return Part("A day", goals, details, figures)


def run_days(size: int, days: int, pythons: Pythons, both: bool, repeats: int = 3) -> Finish:
    """A process that builds a world once and runs the same days several times."""
    job = {"size": size, "days": days, "both": both}
    contender = Contender("day", "ours_day", job, repeats=repeats, warm_ups=0, patience=600)
    return race([contender], pythons)["day"]


def best_answer(finish: Finish) -> dict:
    """Of several repeats the least of each time; all else is the same in all."""
    if finish.missing:
        raise RuntimeError(f"a day could not be measured: {finish.missing}")
    best = min(finish.answers, key=total)
    if "two_threads" in best:
        best["two_threads"] = min(one["two_threads"] for one in finish.answers)
    return best


def total(answer: dict) -> float:
    """Nanoseconds per consumer-day over all phases."""
    return sum(answer["phases"].values())


def day_limit(limits: Limits, size: int, events: dict[str, float]) -> float:
    """Nanoseconds per consumer-day that draws and memory take at the least.

    A quarter of a draw for everybody and three a member; a pass over 12 bytes a person and 24 a
    member; a message: a draw and 6 places in memory; a visit: two draws and 8 places.
    """
    draw, place = limits["philox_in_blocks"], nearest_size(limits, "increment4", size)
    byte = 1 / limits["read_gb_per_s"]
    members, messages, visits = (events[name] for name in ("members", "impressions", "visits"))
    return (
        draw * (0.25 + 3 * members + messages + 2 * visits)
        + byte * (12 + 24 * members)
        + place * (6 * messages + 8 * visits)
    )


def limit_in_words(limits: Limits) -> str:
    """How the limit of a day is made up."""
    text = " ".join((day_limit.__doc__ or "").split("\n\n", 1)[1].split())
    return f"The limit beside them is made of this run's limits of the machine. {text}"


def day_goals(size: int, answer: dict, limits: Limits) -> list[Goal]:
    """One core, and two threads."""
    limit = day_limit(limits, size, answer["events"])
    where = f"a day, {size:,} consumers, {answer['ties']:,} ties"
    judged, name = size == MILLION, "draws and memory"
    return [
        at_most(f"{where}, one core", total(answer), 25, "ns per consumer-day",
                limit=(limit, name), judged=judged),
        at_most(f"{where}, two threads, wall clock", answer.get("two_threads", math.nan), 15,
                "ns per consumer-day", limit=(limit / 2, f"half of {name}"), judged=judged),
    ]  # fmt: skip


def run_180_days(size: int) -> Command:
    """`vouch run` of a scenario in a fresh process, with its files but no report."""
    program = (
        "import pathlib, sys\n"
        f"pathlib.Path('scenario.toml').write_text({SCENARIO.format(size=size)!r})\n"
        "sys.argv = ['vouch', 'run', 'scenario.toml', '--out', 'out', '--no-report', '--quiet']\n"
        "from sim.cli import main\n"
        "main()"
    )
    return run_command([sys.executable, "-c", program], repeats=2)


def end_to_end_goals(size: int) -> list[Goal]:
    """World built, run, files written."""
    ran = run_180_days(size)
    if ran.code:
        raise RuntimeError(f"vouch run ended with {ran.code}: {ran.output[-500:]}")
    used = f"{number(ran.seconds)} s of processor time, peak {number(ran.megabytes)} MB"
    return [
        at_most(f"`vouch run`, 180 days, {size:,} consumers, wall clock ({used})", ran.wall, 12,
                "s", judged=size == MILLION)
    ]  # fmt: skip


def growth_goals(
    at_a_million: float, pythons: Pythons, limits: Limits
) -> tuple[list[Goal], dict[str, float]]:
    """Ten million consumers against one million, where there is memory for them."""
    free = available_bytes()
    where = f"a day, {TEN_MILLION:,} consumers, 100 million ties"
    if free is not None and free < BYTES_AT_TEN_MILLION:
        text = f"{free / 1e9:.1f} GB of memory free"
        return [Goal(where, "not measured", text, "", "at most 2 times a million; 12 GB",
                     "not judged", "needs 12 GB")], {}  # fmt: skip
    finish = run_days(TEN_MILLION, 10, pythons, both=False, repeats=1)
    if finish.missing:
        return [Goal(where, finish.missing, "", "", "at most 2 times a million; 12 GB",
                     "**missed**")], {}  # fmt: skip
    answer = best_answer(finish)
    measured = total(answer)
    cache = nearest_size(limits, "increment4", TEN_MILLION) / nearest_size(
        limits, "increment4", MILLION
    )
    return [
        Goal(where, f"{number(measured)} ns per consumer-day",
             f"{number(at_a_million)} ns: ours at a million; a random access costs "
             f"{number(cache)} times as much", number(measured / at_a_million),
             "at most 2 times as at a million", verdict(measured <= 2 * at_a_million)),
        at_most(f"peak memory, {TEN_MILLION:,} consumers, {answer['ties']:,} ties",
                finish.megabytes / 1000, BYTES_AT_TEN_MILLION / 1e9, "GB"),
    ], {
        "day_ten_million_ns": measured,
        "ten_million_peak_gb": finish.megabytes / 1000,
        "ten_million_build_s": answer["build"],
    }  # fmt: skip


def available_bytes() -> int | None:
    """Memory that is free; None where it cannot be told."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next(int(one.split()[1]) * 1024 for one in lines if one.startswith("MemAvailable"))


def building_goal(size: int, answer: dict) -> Goal:
    """Seconds that a world takes."""
    return at_most(
        f"building the world, {size:,} consumers", answer["build"], 30, "s of processor time",
        judged=size == MILLION,
    )  # fmt: skip


def engines_goal(size: int, pythons: Pythons) -> Goal:
    """Kernels against agents."""
    job = {"size": size, "days": 10}
    finish = race([Contender("engines", "ours_engines", job, repeats=1, warm_ups=0)], pythons)
    engines = finish["engines"]
    fast, slow = engines.answers[0] if not engines.missing else (math.nan, math.nan)
    return Goal(
        f"a tick of the kernels against one of the agents engine, {size:,} consumers",
        f"{number(fast * 100)} ms", f"{number(slow * 100)} ms: our Mesa agents",
        number(slow / fast), "at least 100 times", verdict(slow / fast >= 100, not engines.missing),
        engines.missing,
    )  # fmt: skip
