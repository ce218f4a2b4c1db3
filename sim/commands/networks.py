"""``vouch networks``: its two commands and their flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.commands.console import Output, guarded
from sim.commands.options import Json, NoSeed, Overwrite, Quiet, ResultOut

networks_app = typer.Typer(
    help="List the generators of networks, or describe a network in a file.",
    epilog="Example: vouch networks describe edges.csv.gz",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@networks_app.callback()
@guarded
def networks(
    context: typer.Context,
    out: ResultOut = None,
    overwrite: Overwrite = False,
    seed: NoSeed = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List the generators of networks, or describe a network in a file."""
    if context.invoked_subcommand is None:
        from sim.commands import look

        look.list_networks(Output(quiet, json), out, overwrite)


@networks_app.command(epilog="Example: vouch networks describe edges.csv.gz --undirected")
@guarded
def describe(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Edge list, GraphML or saved graph.", show_default=False
        ),
    ],
    directed: Annotated[
        bool | None,
        typer.Option(
            "--directed/--undirected", help="Default: as the file says.", show_default=False
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            "--groups", metavar="FILE", help="CSV of person,group rows.", show_default=False
        ),
    ] = None,
    direction: Annotated[
        str, typer.Option("--direction", help="Which end shares: source_shares or source_trusts.")
    ] = "source_shares",
    out: ResultOut = None,
    overwrite: Overwrite = False,
    seed: NoSeed = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Print the statistics of the network in a file."""
    from sim.commands import look

    look.describe_network(
        file, directed=directed, groups=groups, direction=direction, output=Output(quiet, json),
        out=out, overwrite=overwrite,
    )  # fmt: skip
