"""The commands that look without simulating a study: ``phases`` and ``networks``."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.commands.console import Output
from sim.commands.tables import plain_table
from sim.errors import InputError
from sim.generators import GENERATORS
from sim.network import SocialGraph
from sim.scenario import Scenario
from sim.studies import files
from sim.studies.wording import number


def write_result(document: Any, path: Path | None, overwrite: bool) -> None:
    """Write a JSON result to ``path``/result.json, if a folder was asked for."""
    if path is not None:
        with files.study_folder(path, overwrite) as folder:
            files.write_json(folder / "result.json", document)


def show_phases(output: Output, out: Path | None, overwrite: bool) -> None:
    """The phases of a day: what each reads and writes."""
    from sim.model import PHASES

    table = plain_table("A day, in order", "phase", "reads", "writes", left=3)
    for phase in PHASES:
        table.add_row(phase.name, phase.reads, phase.writes)
    document = [phase._asdict() for phase in PHASES]
    write_result(document, out, overwrite)
    output.show(
        table, "", "All decisions of a phase read the state as it is when the phase starts."
    )
    output.result(document)


def profile_phases(
    scenario: Scenario, policy: str | None, output: Output, out: Path | None, overwrite: bool
) -> None:
    """Milliseconds a day by phase, measured over the days of a scenario after the first."""
    from sim.model import PHASES, WordOfMouthModel

    if scenario.ticks < 2:
        raise InputError("days: a profile needs at least two days, as the first loads the program")
    model = WordOfMouthModel(scenario, policy=policy)
    model.step()
    spent = dict.fromkeys((phase.name for phase in PHASES), 0.0)

    def timed(name: str, method: Callable[[], None]) -> Callable[[], None]:
        def phase() -> None:
            start = time.perf_counter()
            method()
            spent[name] += time.perf_counter() - start

        return phase

    for name in spent:
        setattr(model, f"_{name}", timed(name, getattr(model, f"_{name}")))
    with output.progress("days") as progress:
        while model.tick < scenario.ticks:
            model.step()
            if progress is not None:
                progress(model.tick, scenario.ticks)
    days, total = scenario.ticks - 1, sum(spent.values())
    table = plain_table(
        f"A day of {model.world.graph.size:,} people, mean of {days} days", "phase", "ms", "share"
    )
    for name, seconds in spent.items():
        table.add_row(name, f"{1e3 * seconds / days:,.2f}", f"{seconds / total:.0%}")
    table.add_row("all", f"{1e3 * total / days:,.2f}", "100%")
    document = {
        "people": model.world.graph.size,
        "days": days,
        "milliseconds_per_day": {name: 1e3 * seconds / days for name, seconds in spent.items()},
    }
    write_result(document, out, overwrite)
    output.show(table)
    output.result(document)


def list_networks(output: Output, out: Path | None, overwrite: bool) -> None:
    """The generators with their parameters."""
    table = plain_table("Networks: network.kind = ...", "kind", "parameters", "what it is", left=3)
    document = []
    for kind, generator in GENERATORS.items():
        parameters = [
            name
            for name, parameter in inspect.signature(generator).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        ]
        what = (
            (inspect.getdoc(generator) or "").split("\n\n")[0].replace("\n", " ").replace("`", "")
        )
        table.add_row(kind, ", ".join(parameters), what)
        document.append({"kind": kind, "parameters": parameters, "description": what})
    write_result(document, out, overwrite)
    output.show(
        table, "", 'Or network.file = "edges.csv.gz"; `vouch networks describe FILE` looks at one.'
    )
    output.result(document)


def describe_network(
    file: Path,
    *,
    directed: bool | None,
    groups: Path | None,
    direction: str,
    output: Output,
    out: Path | None,
    overwrite: bool,
) -> None:
    """The statistics of the graph in a file."""
    graph = SocialGraph.read(file, directed=directed, groups=groups, direction=direction)
    statistics = graph.describe()
    kind = "one-way ties" if graph.directed else "friendships"
    table = plain_table(f"{file.name}: {kind}", "statistic", "value")
    for name, value in statistics.items():
        table.add_row(name.replace("_", " "), number(value, digits=0 if value == int(value) else 3))
    document = {"file": file.name, "directed": graph.directed, **statistics}
    write_result(document, out, overwrite)
    output.show(table)
    output.result(document)
