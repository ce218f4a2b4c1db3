"""The commands on study files: ``sweep``, ``status``, ``replay`` and the flags they share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.commands.console import Output, guarded
from sim.commands.options import (
    Days,
    Json,
    NoSeed,
    Out,
    Overwrite,
    Quiet,
    Report,
    Seed,
    Settings,
    Workers,
)

studies_app = typer.Typer()

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="Study file (TOML).", show_default=False)
]
StudyFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of a study.", show_default=False)
]
PolicyNames = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="NAME",
        show_default=False,
        help="A policy of the scenario, instead of the study's; repeatable.",
    ),
]
Replications = Annotated[
    int | None,
    typer.Option(
        "--replications", metavar="N", show_default=False, help="Runs of a setting; as filed."
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        show_default=False,
        help="Dask scheduler whose workers do the runs, such as tcp://10.0.0.5:8786.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on with the study in --out; default the newest of it in results/."
    ),
]
RerunFailed = Annotated[bool, typer.Option("--rerun-failed", help="Do failed runs again.")]


@studies_app.command(
    epilog=("Example: vouch sweep experiments/which_reward/study.toml --out results/which_reward")
)
@guarded
def sweep(
    study: StudyPath,
    policy: PolicyNames = None,
    replications: Replications = None,
    days: Days = None,
    workers: Workers = None,
    cluster: Cluster = None,
    resume: Resume = False,
    rerun_failed: RerunFailed = False,
    on_error: Annotated[
        str, typer.Option("--on-error", help="stop at the first failed run, or continue.")
    ] = "continue",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many runs, how long, how much space.")
    ] = False,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    report: Report = True,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run every policy, world, point and replication of a study, into a folder that can go on.

    After Ctrl-C, a crash, a full disk or a lost cluster: again with --resume.

    Ends with 1 if a run failed.
    """
    from sim.commands.study_call import StudyCall
    from sim.commands.sweep import run_sweep

    call = StudyCall(
        study, tuple(settings or ()), days, seed, workers, cluster, out, resume, overwrite, report,
        Output(quiet, json),
    )  # fmt: skip
    run_sweep(
        call, policies=tuple(policy or ()), replications=replications, rerun_failed=rerun_failed,
        dry_run=dry_run, on_error=on_error,
    )  # fmt: skip


@studies_app.command(epilog="Example: vouch rank experiments/which_reward/study.toml")
@guarded
def rank(
    study: StudyPath,
    policy: PolicyNames = None,
    days: Days = None,
    workers: Workers = None,
    cluster: Cluster = None,
    resume: Resume = False,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    report: Report = True,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Find the best policy of a study with a stated probability, in as few runs as that takes."""
    from sim.commands.rank import rank_policies
    from sim.commands.study_call import StudyCall

    call = StudyCall(
        study, tuple(settings or ()), days, seed, workers, cluster, out, resume, overwrite, report,
        Output(quiet, json),
    )  # fmt: skip
    rank_policies(call, tuple(policy or ()))


@studies_app.command(epilog="Example: vouch sensitivity experiments/which_reward/study.toml")
@guarded
def sensitivity(
    study: StudyPath,
    policy: PolicyNames = None,
    days: Days = None,
    workers: Workers = None,
    cluster: Cluster = None,
    resume: Resume = False,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    report: Report = True,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say which factors of a study move what its policy changes: Morris, Sobol or PAWN indices."""
    from sim.commands.sensitivity import measure_sensitivity
    from sim.commands.study_call import StudyCall

    call = StudyCall(
        study, tuple(settings or ()), days, seed, workers, cluster, out, resume, overwrite, report,
        Output(quiet, json),
    )  # fmt: skip
    measure_sensitivity(call, tuple(policy or ()))


@studies_app.command(epilog="Example: vouch optimize experiments/which_reward/study.toml")
@guarded
def optimize(
    study: StudyPath,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials", metavar="N", show_default=False, help="Settings to try; as filed."
        ),
    ] = None,
    least: Annotated[
        str | None,
        typer.Option(
            "--least",
            metavar="LEVER",
            show_default=False,
            help="Find the least value of this lever that reaches --target.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="NAME", show_default=False, help="A target of the study."),
    ] = None,
    probability: Annotated[
        float | None,
        typer.Option(
            "--probability", metavar="P", show_default=False, help="Of reaching the target."
        ),
    ] = None,
    break_even: Annotated[
        str | None,
        typer.Option(
            "--break-even",
            metavar="LEVER",
            show_default=False,
            help="Find the largest value of this lever that still pays.",
        ),
    ] = None,
    search: Annotated[
        bool, typer.Option("--search/--no-search", help="Search, or only answer these questions.")
    ] = True,
    days: Days = None,
    workers: Workers = None,
    cluster: Cluster = None,
    resume: Resume = False,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    report: Report = True,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Search the levers of a study for the best setting within its limits; inverse questions.

    The smallest reward that reaches a target, the days to it, the reward that breaks even.
    """
    from sim.commands.optimize import optimize_levers
    from sim.commands.study_call import StudyCall

    call = StudyCall(
        study, tuple(settings or ()), days, seed, workers, cluster, out, resume, overwrite, report,
        Output(quiet, json),
    )  # fmt: skip
    asked = {
        "trials": trials, "least": least, "target": target,
        "with_probability": probability, "break_even": break_even,
    }  # fmt: skip
    optimize_levers(call, asked, search)


@studies_app.command(epilog="Example: vouch status results/which_reward")
@guarded
def status(
    folder: StudyFolder, seed: NoSeed = None, quiet: Quiet = False, json: Json = False
) -> None:
    """Say where a study stands, also while it runs: done, failed and why, missing."""
    from sim.commands.sweep import show_status

    show_status(folder, Output(quiet, json))


@studies_app.command(epilog="Example: vouch replay results/which_reward none/0/0/0")
@guarded
def replay(
    folder: StudyFolder,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            show_default=False,
            help="policy/world/point/replication, a row's number, or a key of the column run.",
        ),
    ],
    seed: NoSeed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Do one run of a study again, compare it to the bit, and write its orders and ledger.

    Ends with 1 if it is not the same.
    """
    from sim.commands.replay import replay_run

    replay_run(folder, run, out=out, overwrite=overwrite, output=Output(quiet, json))
