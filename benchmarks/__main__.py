"""Speed beside peers and the machine's limits; one command, one table.

    python -m benchmarks                              # under 15 minutes on two cores
    python -m benchmarks --quick                      # under 3, smaller sizes
    python -m benchmarks --only day --only cascades   # prints, and writes nothing
    python -m benchmarks --peers-python PATH          # also look for peers in that Python

Writes benchmarks/results.md; a whole run at full size also results.json, and what docs/scaling.md
quotes of it. Nothing else should run meanwhile: a neighbour slows
whatever is bound by memory or measured by the wall clock. Ends well whether goals are met or not.
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks import (
    cascades,
    day,
    generating,
    limits,
    luck,
    reading,
    scaling_page,
    small_model,
    small_runs,
    start,
)
from benchmarks.peers import Pythons
from benchmarks.table import Part, number, page

HERE = Path(__file__).parent
PARTS: dict[str, Callable[..., Part]] = {
    "day": day.measure,
    "small_model": small_model.measure,
    "cascades": cascades.measure,
    "small_runs": small_runs.measure,
    "luck": luck.measure,
    "start": start.measure,
    "generating": generating.measure,
    "reading": reading.measure,
}
VERSIONS = ("numpy", "scipy", "numba", "mesa")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes; few goals are judged")
    parser.add_argument(
        "--only", action="append", choices=PARTS, default=[], help="measure this part; repeatable"
    )
    parser.add_argument(
        "--peers-python", action="append", type=Path, default=[], metavar="PATH",
        help="a Python that has peers which ours has not; repeatable",
    )  # fmt: skip
    return parser.parse_args()


def machine() -> str:
    """Processor, caches, memory, versions."""
    about = [f"{platform.machine()}, {_processor()}, {os.cpu_count()} processors"]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    about.append(f"{pages / 2**30:.0f} GB of memory")
    about.append(f"{platform.system()}, Python {platform.python_version()}")
    about += [f"{name} {version(name)}" for name in VERSIONS]
    return ", ".join(about) + "."


def _processor() -> str:
    """The processor's name, where the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def busy_seconds() -> float:
    """Processor seconds that everybody on this machine has used; nan where it cannot be told."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return math.nan
    user, nice, system, _, _, interrupts, soft = (int(one) for one in first[1:8])
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """Processor seconds of this process and of those it started."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def measure(chosen: argparse.Namespace) -> list[Part]:
    """The limits of the machine, then each part; progress on standard error."""
    pythons = Pythons(chosen.peers_python)
    parts: list[Part] = []
    for name in ("limits", *(chosen.only or PARTS)):
        begun = time.monotonic()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        if name == "limits":
            parts.append(limits.measure(chosen.quick, pythons))
        else:
            function = PARTS[name]
            more = (parts[0].figures,) if "limits" in inspect.signature(function).parameters else ()
            parts.append(function(chosen.quick, pythons, *more))
        print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return parts


def main() -> None:
    """Measure, print and write the table."""
    chosen = arguments()
    begun, busy, own = time.monotonic(), busy_seconds(), own_seconds()
    parts = measure(chosen)
    elapsed = time.monotonic() - begun
    others = (busy_seconds() - busy - (own_seconds() - own)) / elapsed
    command = (
        "`make bench ARGS=--quick`, sizes below the goals'" if chosen.quick else "`make bench`"
    )
    mode = (
        f"{command}, {number(elapsed / 60)} minutes; meanwhile other programs used "
        f"{number(max(others, 0.0))} processors."
    )
    text = page([*parts[1:], parts[0]], machine(), mode)
    sys.stdout.write(text)
    if chosen.only:
        return
    (HERE / "results.md").write_text(text, encoding="utf-8")
    if chosen.quick:
        return
    figures = {name: value for part in parts for name, value in part.figures.items()}
    saved = {"machine": machine(), "figures": figures}
    scaling_page.RESULTS.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    scaling_page.main()


if __name__ == "__main__":
    main()
