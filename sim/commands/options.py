"""The arguments and flags that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ScenarioFile = Annotated[
    Path, typer.Argument(metavar="SCENARIO", help="Scenario file (TOML).", show_default=False)
]
ScenarioToRun = Annotated[
    Path | None,
    typer.Argument(
        metavar="SCENARIO",
        help="Scenario file (TOML); with --from it may be left out.",
        show_default=False,
    ),
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        show_default=False,
        help="Go on from a saved run; with --policy, change to that policy on its day.",
    ),
]
Until = Annotated[
    float | None,
    typer.Option(
        "--until", metavar="DAY", show_default=False, help="Stop on the morning of this day."
    ),
]
BranchAt = Annotated[
    float | None,
    typer.Option(
        "--branch-at",
        metavar="DAY",
        show_default=False,
        help="Every world runs --history until the morning of this day, then each policy.",
    ),
]
History = Annotated[
    str | None,
    typer.Option(
        "--history",
        metavar="NAME",
        show_default=False,
        help="Policy until --branch-at; default the baseline.",
    ),
]
Save = Annotated[
    Path | None,
    typer.Option(
        "--save",
        metavar="FILE",
        show_default=False,
        help="Write the run to a file, to go on later.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", help="Seed of the worlds and of the luck in them.", show_default=False),
]
NoSeed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="Accepted by every command; nothing is drawn by this one.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Folder of the results; default results/<study>-<timestamp>.",
        show_default=False,
    ),
]  # fmt: skip
ResultOut = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Also write result.json to this folder.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No tables and no progress.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a study that is there.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="A.B=C",
        help="Override a field of the scenario; repeatable.",
        show_default=False,
    ),
]
Days = Annotated[
    float | None, typer.Option("--days", help="Horizon of a run in days.", show_default=False)
]
Engine = Annotated[
    str, typer.Option("--engine", help="kernels (fast) or agents (Mesa); the results are the same.")
]
Report = Annotated[
    bool, typer.Option("--report/--no-report", help="Draw the figures and write report.html.")
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        show_default=False,
        help="Threads of a day in a large world; default one a processor. Results do not depend "
        "on it.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        show_default=False,
        help="Processes; default one a processor. Results do not depend on it.",
    ),
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="NAME|FILE",
        show_default=False,
        help="A policy of the scenario, or a TOML file of \\[policies.*]; repeatable.",
    ),
]
