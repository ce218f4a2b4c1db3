"""Common random numbers: replications for the same interval, against independent seeds.

The founding study's main difference is that of its winner: give and get 5.00 against no reward.
The ratio is (var(a) + var(b)) / var(a - b) over replications in which both policies have the same
worlds and luck; `vouch compare` prints it (column variance_ratio of its differences).
"""

from __future__ import annotations

from benchmarks.peers import Pythons
from benchmarks.racing import Contender, race
from benchmarks.table import Goal, Part, markdown, number, verdict

LEAST = 8.0
MAIN = "give_get"
BOUND = (
    "The two runs of a pair share all the luck they can: what is left is the luck of the sharing "
    "that the reward sets off, in which the run without it has no part. Smaller rewards set off "
    "less: see the table of policies"
)


def measure(quick: bool, pythons: Pythons) -> Part:
    """One comparison; its own figures."""
    replications = 20 if quick else 100
    contender = Contender(
        "luck", "ours_luck", {"replications": replications}, repeats=1, warm_ups=0, patience=300
    )
    finish = race([contender], pythons)["luck"]
    if finish.missing:
        raise RuntimeError(f"the founding study could not be run: {finish.missing}")
    found = finish.answers[0]
    goals = [
        Goal(
            f"independent runs for one pair, {name}, {replications} replications",
            f"{number(row['ratio'])} times as many",
            f"difference {number(row['difference'])}, sd of a pair {number(row['sd'])}",
            number(row["ratio"]),
            f"at least {number(LEAST)} times",
            verdict(row["ratio"] >= LEAST, judged=not quick),
            "fewer replications" if quick else "",
            BOUND,
        )
        for name, row in found[MAIN].items()
    ]
    rows = [
        [policy, name, *(number(row[column]) for column in ("difference", "sd", "ratio"))]
        for policy, measures in found.items()
        for name, row in measures.items()
    ]
    header = ("policy", "measure", "difference from no reward", "sd of a pair", "ratio")
    figures = {f"luck_{name}": row["ratio"] for name, row in found[MAIN].items()}
    details = f"{__doc__ or ''}\n{markdown(header, rows)}"
    return Part("Common random numbers", goals, details, figures)
