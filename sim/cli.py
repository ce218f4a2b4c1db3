"""The command ``vouch``: its commands and their flags.

What a command does is in :mod:`sim.commands`, which is loaded only when one runs, so that
``vouch --help`` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.commands.console import Output, guarded
from sim.commands.networks import networks_app
from sim.commands.options import (
    BranchAt,
    Days,
    Engine,
    From,
    History,
    Json,
    NoSeed,
    Out,
    Overwrite,
    Policies,
    Quiet,
    Report,
    ResultOut,
    Save,
    ScenarioFile,
    ScenarioToRun,
    Seed,
    Settings,
    Threads,
    Until,
    Workers,
)
from sim.commands.study_commands import studies_app

app = typer.Typer(
    name="vouch",
    help="Which incentive brings how many more orders by word of mouth, at what cost.",
    epilog="Start with: vouch init launch && vouch compare launch/scenario.toml",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(networks_app, name="networks")
app.add_typer(studies_app)


def show_version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        from sim import __version__

        typer.echo(f"vouch {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Which incentive brings how many more orders by word of mouth, at what cost."""
    # Schemes of the user's own are modules in the folder she works in. Last, so that a file there
    # cannot stand in for an installed module; worker processes take the path over.
    if "" not in sys.path:
        sys.path.append("")


@app.command(epilog="Example: vouch init launch")
@guarded
def init(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="Folder of the starter; default this one.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="The same as DIR.", show_default=False),
    ] = None,
    seed: Seed = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a commented starter scenario with three policies."""
    from sim.commands.starter import write_starter
    from sim.errors import InputError

    if folder is not None and out is not None and folder != out:
        raise InputError(f"DIR is {folder} and --out is {out}; give one of them")
    path = write_starter(folder or out or Path(), seed=seed)
    output = Output(quiet, json)
    output.show(f"Wrote {path}", f"Next: vouch compare {path}")
    output.result({"scenario": str(path)})


@app.command(epilog="Example: vouch run scenario.toml --policy ten_percent --days 90")
@guarded
def run(
    scenario: ScenarioToRun = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy", metavar="NAME", help="Policy; default the baseline.", show_default=False
        ),
    ] = None,
    days: Days = None,
    until: Until = None,
    save: Save = None,
    saved: From = None,
    engine: Engine = "kernels",
    threads: Threads = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Do not run: list what is on, with coefficients and sources."
        ),
    ] = False,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    report: Report = True,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run one simulation: a summary, its days and its books."""
    from sim.commands import work
    from sim.commands.saved_runs import scenario_to_run

    output = Output(quiet, json)
    loaded = scenario_to_run(scenario, saved, settings or (), days, seed)
    if explain:
        work.explain(loaded, policy, output)
        return
    work.run_once(
        loaded,
        policy=policy,
        engine=engine,
        threads=threads,
        saved=saved,
        until=until,
        save=save,
        out=out,
        overwrite=overwrite,
        report=report,
        output=output,
    )


@app.command(epilog="Example: vouch compare scenario.toml --replications 50 --seed 7")
@guarded
def compare(
    scenario: ScenarioFile,
    policy: Policies = None,
    replications: Annotated[
        int | None,
        typer.Option(
            "--replications",
            metavar="N",
            show_default=False,
            help="Worlds to try them in; default as many as compare.precision needs.",
        ),
    ] = None,
    workers: Workers = None,
    days: Days = None,
    branch_at: BranchAt = None,
    history: History = None,
    engine: Engine = "kernels",
    keep_ledger: Annotated[
        bool, typer.Option("--keep-ledger", help="Also keep every order and ledger line.")
    ] = False,
    rules: Annotated[
        bool | None,
        typer.Option(
            "--rules/--no-rules",
            show_default=False,
            help="Say what each rule against abuse saves; default if there are opportunists.",
        ),
    ] = None,
    settings: Settings = None,
    seed: Seed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    report: Report = True,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Compare policies in the same worlds: which is best, by how much, and how surely."""
    from sim.commands import work
    from sim.commands.loading import branch_settings, load_scenario

    settings = [*(settings or ()), *branch_settings(branch_at, history)]
    work.compare_policies(
        load_scenario(scenario, settings, days, seed),
        policies=policy or (), replications=replications, workers=workers, engine=engine,
        keep_ledger=keep_ledger, rules=rules, out=out, overwrite=overwrite, report=report,
        output=Output(quiet, json),
    )  # fmt: skip


@app.command(epilog="Example: vouch audit scenario.toml --policy give_get --identity-cost 2")
@guarded
def audit(
    scenario: ScenarioFile,
    policy: Policies = None,
    identity_cost: Annotated[
        float,
        typer.Option("--identity-cost", metavar="X", help="What a false name costs its owner."),
    ] = 0.0,
    settings: Settings = None,
    seed: NoSeed = None,
    out: ResultOut = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Audit policies without a run: what they can cost, and how they can be gamed.

    Ends with 1 if a policy breaks an invariant that none may break.
    """
    from sim.commands.audit import audit_policies
    from sim.commands.loading import load_scenario

    audit_policies(
        load_scenario(scenario, settings or ()), policies=policy or (),
        identity_cost=identity_cost, output=Output(quiet, json), out=out, overwrite=overwrite,
    )  # fmt: skip


@app.command(epilog="Example: vouch validate --fast")
@guarded
def validate(
    fast: Annotated[
        bool, typer.Option("--fast", help="The limits and laws only, smaller: under a minute.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help="A target, such as B7; repeatable.", show_default=False
        ),
    ] = None,
    power: Annotated[
        bool | None,
        typer.Option(
            "--power/--no-power",
            show_default=False,
            help="Measure each again with an error planted, which it must notice; on by default "
            "where everything is measured.",
        ),
    ] = None,
    list_only: Annotated[
        bool, typer.Option("--list", help="Do not measure: list the targets.")
    ] = False,
    workers: Workers = None,
    docs: Annotated[
        Path | None,
        typer.Option(
            "--docs",
            metavar="DIR",
            show_default=False,
            help="Folder whose validation.md and pictures to renew; default docs, where it has "
            "one and everything is measured.",
        ),
    ] = None,
    seed: NoSeed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure everything that must hold: limits, laws, stylised facts, real data.

    Ends with 1 if a target is missed, or a planted error is not noticed.
    """
    from sim.commands.validate import list_targets
    from sim.commands.validate import validate as measure_and_show

    if list_only:
        list_targets(only or (), fast, Output(quiet, json))
        return
    measure_and_show(
        only=only or (), fast=fast, power=power, workers=workers, out=out, docs=docs,
        overwrite=overwrite, output=Output(quiet, json),
    )  # fmt: skip


@app.command(epilog="Example: vouch claims experiments/founding/claims.toml --fast")
@guarded
def claims(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File of claims (TOML).", show_default=False)
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help="Try this claim alone; repeatable.", show_default=False
        ),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="A first look: few runs.")] = False,
    replications: Annotated[
        int | None,
        typer.Option(metavar="N", help="Worlds for each change; default as filed."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(metavar="N", help="Draws of what is not known exactly; default as filed."),
    ] = None,
    workers: Workers = None,
    seed: Seed = None,
    out: Out = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Try claims again under changes that must not matter, and under what is not known exactly.

    Ends with 1 if a claim is FRAGILE.
    """
    from sim.commands.claims import judge_claims

    judge_claims(
        file, only=only or (), seed=seed, replications=replications, draws=draws, fast=fast,
        workers=workers, out=out, overwrite=overwrite, output=Output(quiet, json),
    )  # fmt: skip


@app.command(name="report", epilog="Example: vouch report results/spring-launch")
@guarded
def rebuild_report(
    study: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a finished study.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write a copy of the study here.", show_default=False
        ),
    ] = None,
    overwrite: Overwrite = False,
    seed: NoSeed = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Draw the figures and the HTML report of a finished study again."""
    from sim.commands import work

    work.rebuild_report(study, out, overwrite, Output(quiet, json))


@app.command(epilog="Example: vouch phases --profile scenario.toml")
@guarded
def phases(
    scenario: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENARIO",
            help="Scenario to profile; default the defaults.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Run it and time each phase.")] = False,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="NAME", help="Policy to profile.", show_default=False),
    ] = None,
    days: Annotated[float, typer.Option("--days", help="Days to run.")] = 30,
    settings: Settings = None,
    seed: Seed = None,
    out: ResultOut = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show the phases of a day, and with --profile the time each takes."""
    from sim.commands import look
    from sim.commands.loading import load_scenario

    output = Output(quiet, json)
    if not profile:
        look.show_phases(output, out, overwrite)
        return
    loaded = load_scenario(scenario, settings or (), days, seed)
    look.profile_phases(loaded, policy, output, out, overwrite)


@app.command(epilog="Example: vouch schemes two_sided")
@guarded
def schemes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="A scheme, module:Class of your own, a real programme, or the word import.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="After import: YAML file of an affiliate registry.",
            show_default=False,
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", hidden=True)] = False,
    out: ResultOut = None,
    overwrite: Overwrite = False,
    seed: NoSeed = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List schemes and real programmes, show one with TOML to paste, or import one."""
    from sim.commands import schemes as catalogue
    from sim.errors import InputError

    output = Output(quiet, json)
    if (name == catalogue.IMPORT) != (file is not None):
        raise InputError("write vouch schemes import FILE to read a programme from a YAML file")
    if markdown:
        catalogue.show_markdown(output)
    elif file is not None:
        catalogue.import_programme(file, output, out, overwrite)
    elif name is not None:
        catalogue.show_scheme(name, output, out, overwrite)
    else:
        catalogue.list_schemes(output, out, overwrite)


@app.command(name="export", epilog="Example: vouch export results/spring-launch --format excel")
@guarded
def export_study(
    study: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a study.", show_default=False)
    ],
    format: Annotated[str, typer.Option("--format", help="csv, excel or netcdf.")] = "csv",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the files; default DIR-export.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files there.")] = False,
    seed: NoSeed = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a study as CSV, as an Excel workbook or as NetCDF, with its data dictionary."""
    from sim.commands import export

    export.export_study(
        study, format=format, out=out, overwrite=overwrite, output=Output(quiet, json)
    )


# After how many new objects the interpreter looks for garbage among the young, after how many times
# that among those a little older, and after how many times that among all. With 10 at last, its own
# number, it goes through all that the libraries have made again and again while they load, a fifth
# of the time of a short run; with 1,000 the arrays of finished runs would pile up.
_GARBAGE = 700, 10, 100


def _end(number: int, frame: Any) -> None:
    """End as after an exception, so that temporary folders are removed."""
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line."""
    gc.set_threshold(*_GARBAGE)
    # Nor does it look through everything at its end, when the system takes all memory back.
    atexit.register(gc.freeze)
    signal.signal(signal.SIGTERM, _end)
    sys.exit(app())


if __name__ == "__main__":
    main()
