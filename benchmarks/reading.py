"""Directed ties from a CSV file of two numbers a row, in random order; opening a saved graph.

Ours gives a checked graph; the others read two columns and make SciPy's sparse rows of them,
checking nothing. The byte parser is a reference of our own, 40 lines of
numba that trust the file.
Processor time; some readers use several threads, so their wall clock is shorter.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, best_peer, missing_note, race
from benchmarks.table import Part, at_most, markdown, number, times_faster

OURS, OPENED, PARSER = "Vouch", "Vouch, saved graph", "byte parser, numba"
ROWS, QUICK_ROWS = 10_000_000, 1_000_000
MEGABYTES, OPEN_S = 500.0, 1.0


def contenders(path: Path, saved: Path) -> list[Contender]:
    """Ours and every reader."""
    read = {"path": str(path), "options": {"directed": True}}
    others = {"pandas": "pandas", "polars": "polars", "pyarrow": "pyarrow", "np.loadtxt": "numpy"}
    return [
        Contender(OURS, "ours_reading", read),
        *(
            Contender(name, "readers", {"path": str(path), "reader": name}, (module, "scipy"))
            for name, module in others.items()
        ),
        Contender(PARSER, "byte_parser", {"path": str(path)}, ("numba",)),
        Contender(OPENED, "ours_reading", {"path": str(saved), "options": {}}),
    ]


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
    ours, opened = finishes[OURS], finishes.pop(OPENED)
    peers = [one for name, one in finishes.items() if name not in (OURS, PARSER)]
    parser = finishes[PARSER]
    by_processor, by_wall = best_peer(peers), best_peer(peers, wall=True)
    what, judged = f"{made.answers[0]:,} ties from CSV", rows == ROWS
    note = missing_note(peers)
    goals = [
        times_faster(f"{what}, processor time", ours.seconds, by_processor.seconds, 1, "s",
                     by_processor.title, judged=judged, note=note),
        times_faster(f"{what}, processor time, against a parser that checks nothing", ours.seconds,
                     parser.seconds, 1, "s", parser.title, judged=judged, note=parser.missing),
        times_faster(f"{what}, wall clock", ours.wall, by_wall.wall, 1, "s", by_wall.title,
                     judged=judged, note=note),
        at_most(f"{what}, peak memory", ours.megabytes, MEGABYTES, "MB", judged=judged),
        at_most("opening the same graph saved, wall clock", opened.wall, OPEN_S, "s",
                judged=judged, note=opened.missing),
    ]  # fmt: skip
    table = markdown(
        ("", "processor s", "wall s", "peak MB", "ties", "people"),
        [
            [one.title, number(one.seconds), number(one.wall), number(one.megabytes),
             *(f"{one.answers[0][name]:,}" for name in ("ties", "people"))]
            if not one.missing else [one.name, one.missing, "", "", "", ""]
            for one in (*finishes.values(), opened)
        ],
    )  # fmt: skip
    text = f"{__doc__}\nThe file has {bytes_of_file / 1e6:.0f} MB.\n\n{table}"
    figures = {"read_s": ours.seconds, "read_mb": ours.megabytes, "open_s": opened.wall}
    return Part("Reading ties", goals, text, figures)
