"""Directed ties from a CSV file of two numbers a row, in random order; opening a saved graph.

Ours gives a checked graph; the others read two columns and make SciPy's sparse rows of them,
checking nothing. The byte parser is a reference of our own, 40 lines of
numba that trust the file.
Ours with one thread is compared by processor time. By wall clock it is ours with two threads, which
is how it reads large files unless told otherwise; other readers use as many threads as they like.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, best_peer, missing_note, race
from benchmarks.table import Part, at_most, markdown, number, times_faster

ONE, TWO, OPENED = "Vouch, one thread", "Vouch, two threads", "Vouch, saved graph"
PARSER = "byte parser, numba"
ROWS, QUICK_ROWS = 10_000_000, 1_000_000
MEGABYTES, OPEN_S = 500.0, 1.0
BOUND = (
    "What is read takes 200 MB that are new to the process. A virtual machine that gave them back "
    "while others had their turn gets them again in .04 to .3 s, which is as much as all the rest"
)
REPEATS = 7  # of every reader; what memory costs that is new to a process varies


def contenders(path: Path, saved: Path) -> list[Contender]:
    """Ours and every reader."""

    def read(threads: int) -> dict[str, Any]:
        return {"path": str(path), "options": {"directed": True, "threads": threads}}

    others = {"pandas": "pandas", "polars": "polars", "pyarrow": "pyarrow", "np.loadtxt": "numpy"}
    every = [
        Contender(ONE, "ours_reading", read(1)),
        Contender(TWO, "ours_reading", read(2)),
        *(
            Contender(name, "readers", {"path": str(path), "reader": name}, (module, "scipy"))
            for name, module in others.items()
        ),
        Contender(PARSER, "byte_parser", {"path": str(path)}, ("numba",)),
        Contender(OPENED, "ours_reading", {"path": str(saved), "options": {}}),
    ]
    return [dataclasses.replace(one, repeats=REPEATS) for one in every]


def measure(quick: bool, pythons: Pythons) -> Part:
    """Ten million rows, or a tenth."""
    rows = QUICK_ROWS if quick else ROWS
    with tempfile.TemporaryDirectory() as folder:
        path, saved = Path(folder) / "ties.csv", Path(folder) / "ties.npz"
        job = {"rows": rows, "size": rows // 10, "path": str(path), "saved": str(saved)}
        maker = Contender("file", "ours_ties_file", job, repeats=1, warm_ups=0)
        made = race([maker], pythons)["file"]
        if made.missing:
            raise RuntimeError(f"the file of ties could not be written: {made.missing}")
        bytes_of_file = path.stat().st_size
        finishes = race(contenders(path, saved), pythons)
    one, two, parser = finishes[ONE], finishes[TWO], finishes[PARSER]
    opened = finishes.pop(OPENED)
    peers = [finish for name, finish in finishes.items() if name not in (ONE, TWO, PARSER)]
    by_processor, by_wall = best_peer(peers), best_peer(peers, wall=True)
    what, judged = f"{made.answers[0]:,} ties from CSV", rows == ROWS
    note = missing_note(peers)
    goals = [
        times_faster(f"{what}, one thread, processor time", one.seconds, by_processor.seconds, 1,
                     "s", by_processor.title, judged=judged, note=note),
        times_faster(f"{what}, one thread, processor time, against a parser that checks nothing",
                     one.seconds, parser.seconds, 1, "s", parser.title, judged=judged,
                     note=parser.missing, bound=BOUND),
        times_faster(f"{what}, two threads, wall clock", two.wall, by_wall.wall, 1, "s",
                     by_wall.title, judged=judged, note=note),
        times_faster(f"{what}, two threads, wall clock, against a parser that checks nothing",
                     two.wall, parser.wall, 1, "s", parser.title, judged=judged,
                     note=parser.missing, bound=BOUND),
        at_most(f"{what}, two threads, peak memory", two.megabytes, MEGABYTES, "MB",
                judged=judged),
        at_most("opening the same graph saved, wall clock", opened.wall, OPEN_S, "s",
                judged=judged, note=opened.missing),
    ]  # fmt: skip
    table = markdown(
        ("", "processor s", "wall s", "peak MB", "ties", "people"),
        [
            [finish.title, number(finish.seconds), number(finish.wall), number(finish.megabytes),
             *(f"{finish.answers[0][name]:,}" for name in ("ties", "people"))]
            if not finish.missing else [finish.name, finish.missing, "", "", "", ""]
            for finish in (*finishes.values(), opened)
        ],
    )  # fmt: skip
    text = f"{__doc__}\nThe file has {bytes_of_file / 1e6:.0f} MB.\n\n{table}"
    figures = {"read_s": one.seconds, "read_mb": two.megabytes, "open_s": opened.wall}
    return Part("Reading ties", goals, text, figures)
