"""Common random numbers: replications for the same interval, against independent seeds.

The founding study's main difference: give and get 5.00 against no reward. The ratio is
(var(a) + var(b)) / var(a - b) over replications in which both policies have the same worlds and
luck; `vouch compare` prints it with every difference (column variance_ratio).
"""

from __future__ import annotations

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, race
from benchmarks.table import Goal, Part, number, verdict

LEAST = 8.0


def measure(quick: bool, pythons: Pythons) -> Part:
    """One comparison; its own figures."""
    replications = 20 if quick else 100
    contender = Contender(
        "luck", "ours_luck", {"replications": replications}, repeats=1, warm_ups=0, patience=300
    )
    finish = race([contender], pythons)["luck"]
    if finish.missing:
        raise RuntimeError(f"the founding study could not be run: {finish.missing}")
    goals = []
    for name, row in finish.answers[0].items():
        goals.append(
            Goal(
                f"independent runs for one pair, {name}, {replications} replications",
                f"{number(row['ratio'])} times as many",
                f"difference {number(row['difference'])}, sd of a pair {number(row['sd'])}",
                number(row["ratio"]),
                f"at least {number(LEAST)} times",
                verdict(row["ratio"] >= LEAST, judged=not quick),
                "fewer replications" if quick else "",
            )
        )
    figures = {f"luck_{name}": row["ratio"] for name, row in finish.answers[0].items()}
    return Part("Common random numbers", goals, __doc__ or "", figures)
