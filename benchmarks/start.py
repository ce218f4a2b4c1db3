"""Start: the help, a run of the starter scenario, and a cold cache of compiled code. Wall clock."""

from __future__ import annotations

import sys
import tempfile

from benchmarks.peers import Pythons
from benchmarks.racing import Command, run_command
from benchmarks.table import Part, at_most, markdown, number
from sim.commands.starter import FILE, starter

VOUCH = "from sim.cli import main; main()"
IMPORTS = "import numpy, numba, mesa"
HELP_S, BEYOND_IMPORTS_S, COLD_S = 0.3, 1.5, 25.0


def python(program: str, repeats: int, **changes: str) -> Command:
    """A program in fresh processes; it must end well."""
    ran = run_command([sys.executable, "-c", program], repeats, **changes)
    if ran.code:
        raise RuntimeError(f"{program!r} ended with {ran.code}: {ran.output[-500:]}")
    return ran


def vouch(*arguments: str) -> str:
    """A program that runs `vouch` with arguments."""
    return f"import sys; sys.argv = {['vouch', *arguments]!r}; {VOUCH}"


def running(*options: str) -> str:
    """A program that has the starter scenario in a file and runs it."""
    write = f"open({FILE!r}, 'w', encoding='utf-8').write({starter('start')!r})"
    return f"{write}; {vouch('run', FILE, '--out', 'out', '--quiet', *options)}"


def measure(quick: bool, pythons: Pythons) -> Part:
    """Commands in fresh processes, by turns."""
    programs = {
        "an empty program": "pass",
        "`vouch --help`": vouch("--help"),
        "imports of NumPy, numba and Mesa": IMPORTS,
        "`vouch run`": running(),
        "`vouch run --no-report`": running("--no-report"),
    }
    python(running(), 1)  # compiles what is not in the cache, reads files once
    turns = [{name: python(text, 1) for name, text in programs.items()}
             for _ in range(2 if quick else 5)]  # fmt: skip
    best = {
        name: min((turn[name] for turn in turns), key=lambda one: one.wall) for name in programs
    }
    empty, showing, bare, run, _ = best.values()
    goals = [
        at_most("`vouch --help`, wall clock", showing.wall, HELP_S, "s",
                limit=(empty.wall, "an empty program")),
        at_most("`vouch run` of the starter scenario beyond the bare imports of NumPy, numba and "
                f"Mesa ({number(run.wall)} s in all), wall clock", run.wall - bare.wall,
                BEYOND_IMPORTS_S, "s", limit=(bare.wall, "the imports")),
    ]  # fmt: skip
    if not quick:
        with tempfile.TemporaryDirectory() as cache:
            cold = python(running("--no-report"), 1, VOUCH_CACHE_DIR=cache)
        best["`vouch run --no-report`, cold compile cache"] = cold
        goals.append(
            at_most("`vouch run` with a cold compile cache, wall clock", cold.wall, COLD_S, "s")
        )
    detail = markdown(
        ("", "wall s", "processor s", "peak MB"),
        [
            [name, *map(number, (one.wall, one.seconds, one.megabytes))]
            for name, one in best.items()
        ],
    )
    note = "That the cache never returns stale code is held by tests/unit/test_jit.py."
    return Part("Start", goals, "\n\n".join([__doc__ or "", detail, note]))
