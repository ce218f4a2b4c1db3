"""Whether measures per person depend on how many people there are, and what people cost.

    python -m benchmarks.finite_size                       # 10^4 to 10^6 people, some minutes
    python -m benchmarks.finite_size --largest 10000000    # one more size, about 12 GB

The default scenario for 180 days, without reward and with give and get 5.00, in as many worlds of
each size as make a million people, at least two. Writes benchmarks/finite_size.json, from which
benchmarks.scaling_page fills docs/scaling.md.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, Finish, race
from benchmarks.table import markdown, number

SAVED = Path(__file__).with_name("finite_size.json")
DAYS = 180
SMALLEST, LARGEST = 10_000, 1_000_000
DEGREES, DEGREES_SIZE = (10, 20, 40), 100_000
SEVERAL = 5
"""Worlds from which a standard deviation means something."""

QUESTIONS = {
    "orders without reward": ("none", "orders"),
    "orders that the reward adds": ("difference", "orders"),
    "members at the end, without reward": ("none", "members_end"),
    "messages without reward": ("none", "impressions"),
    "profit that the reward adds, cents": ("difference", "profit_cents"),
}


def worlds_of(size: int) -> int:
    """Replications: a million people in all, at least two worlds; one of more than a million."""
    return max(2, LARGEST // size) if size <= LARGEST else 1


def run(job: dict[str, Any]) -> Finish:
    """One size in a process of its own."""
    contender = Contender("growth", "ours_growth", job, repeats=1, warm_ups=0, patience=3600)
    finish = race([contender], Pythons([]))["growth"]
    if finish.missing:
        raise RuntimeError(f"{job}: {finish.missing}")
    return finish


def row(size: int, finish: Finish) -> dict[str, Any]:
    """What a size cost, and each question's mean and standard deviation per person."""
    worlds = finish.answers[0]
    found: dict[str, Any] = {
        "size": size,
        "worlds": len(worlds),
        "ties": worlds[0]["ties"],
        "build_s": min(world["build"] for world in worlds),
        "run_s": min(world["run"] for world in worlds),
        "peak_mb": finish.megabytes,
        "measures": {},
    }
    for name, question in QUESTIONS.items():
        values = [per_person(world, *question) / size for world in worlds]
        spread = statistics.stdev(values) if len(values) > 1 else None
        found["measures"][name] = {"mean": statistics.fmean(values), "sd": spread}
    return found


def per_person(world: Mapping[str, Any], policy: str, measure: str) -> float:
    """A measure of one world, or its difference between reward and none, over all people."""
    if policy == "difference":
        return world["give_get"][measure] - world["none"][measure]
    return world[policy][measure]


def table_of_measures(rows: Sequence[Mapping[str, Any]]) -> str:
    """Means per person by size, with their standard error."""
    header = (
        "per person, 180 days",
        *(f"{one['size']:,} people × {one['worlds']}" for one in rows),
    )
    return markdown(
        header, [[name, *(with_error(name, one, rows) for one in rows)] for name in QUESTIONS]
    )


def with_error(name: str, one: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """A mean with its standard error; from few worlds that is taken from the sizes with many."""
    measure, worlds = one["measures"][name], one["worlds"]
    if worlds >= SEVERAL:
        error = measure["sd"] / math.sqrt(worlds)
    else:
        error = largest_spread(name, rows) / math.sqrt(one["size"] * worlds)
    digits = 4 if abs(measure["mean"]) < 10 else 2
    return f"{measure['mean']:.{digits}f} ± {error:.{digits}f}"


def spread_of(name: str, one: Mapping[str, Any]) -> float:
    """The standard deviation of a measure of one world, times the root of its people."""
    return one["measures"][name]["sd"] * math.sqrt(one["size"])


def largest_spread(name: str, rows: Sequence[Mapping[str, Any]]) -> float:
    """The largest of the sizes with several worlds, nan without one."""
    return max((spread_of(name, one) for one in rows if one["worlds"] >= SEVERAL), default=math.nan)


def table_of_spread(rows: Sequence[Mapping[str, Any]]) -> str:
    """The standard deviation of one world times the root of its people, by size."""
    several = [one for one in rows if one["worlds"] >= SEVERAL]
    header = ("sd of a world × √people", *(f"{one['size']:,} people" for one in several))
    return markdown(
        header, [[name, *(number(spread_of(name, one)) for one in several)] for name in QUESTIONS]
    )


def table_of_costs(rows: Sequence[Mapping[str, Any]]) -> str:
    """Building, running and memory by size."""
    return markdown(
        ("people", "directed ties", "build, µs each", "a day, ns each", "peak of the process, MB"),
        [
            [
                f"{one['size']:,}", f"{one['ties']:,}", number(one["build_s"] / one["size"] * 1e6),
                number(one["run_s"] / DAYS / one["size"] * 1e9),
                number(one["peak_mb"]),
            ]
            for one in rows
        ],
    )  # fmt: skip


def main() -> None:
    """Run every size and every degree, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--largest", type=int, default=LARGEST, metavar="PEOPLE")
    largest = parser.parse_args().largest
    sizes = [SMALLEST * 10**k for k in range(10) if SMALLEST * 10**k <= largest]
    rows, degrees = [], []
    for size in sizes:
        print(f"{size:,} people", file=sys.stderr, flush=True)
        rows.append(row(size, run({"size": size, "days": DAYS, "replications": worlds_of(size)})))
    for degree in DEGREES:
        print(f"{degree} friends", file=sys.stderr, flush=True)
        job = {"size": DEGREES_SIZE, "days": DAYS, "replications": 2, "mean_degree": degree}
        degrees.append(row(DEGREES_SIZE, run(job)))
    print(table_of_measures(rows), table_of_spread(rows), sep="\n\n")
    print(table_of_costs(rows), table_of_costs(degrees), sep="\n\n")
    SAVED.write_text(json.dumps({"sizes": rows, "degrees": degrees}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
