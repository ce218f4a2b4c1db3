"""``vouch sensitivity``: which factors of a study move what a policy changes, and how surely."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import RenderableType
from rich.markup import escape

from sim.commands.study_call import StudyCall
from sim.commands.sweep import chosen_store, keep_study_file
from sim.commands.sweep_memo import page_of
from sim.commands.tables import plain_table
from sim.studies.sensitivity.analysis import Indices
from sim.studies.sensitivity.study import NAME, SensitivityStudy, sensitivity
from sim.studies.wording import DASH, figure, label, number, policy_text

_LEGENDS = {
    "morris": (
        "mu* is the mean change of the gain over the whole range of a factor, mu the same with "
        "its sign, sigma how much the change differs from place to place"
    ),
    "sobol": (
        "S1 is the share of the variance that a factor explains alone, ST with its interactions"
    ),
    "pawn": (
        "median and maximum distance between the distribution of the gain in a slice of the "
        "factor and that over all of it"
    ),
}
_COLUMNS = {
    "morris": ("mu_star", "mu", "sigma"),
    "sobol": ("S1", "ST"),
    "pawn": ("median", "maximum"),
}
_LARGE_CENTS = 10_000
_HEADS = {"mu_star": "mu*"}


def measure_sensitivity(call: StudyCall, policies: tuple[str, ...]) -> None:
    """Run the sample of a study file's factors, and show what moves the gain of its policy."""
    study = call.study()
    name = f"{study.name}-sensitivity"
    with chosen_store(call.out, name, call.resume, call.overwrite) as folder:
        with call.output.progress("runs") as progress:
            found = sensitivity(study, folder, policies=policies, session=call.session(progress))
        keep_study_file(call.path, folder)
        page = page_of(folder, call.report)
    call.output.show(*_tables(found), *([f"Report: {page}"] if page else []))
    call.output.result(found.document() | {"out": str(folder)})


def _tables(found: SensitivityStudy) -> Iterator[RenderableType]:
    design = found.design
    yield (
        f"What moves the gain of [bold]{escape(found.policy)}[/bold] over "
        f"{escape(policy_text(found.baseline))}: {len(design.worlds):,} settings, "
        f"{design.replications} runs of each, 95 % intervals"
    )
    for measure, indices in found.indices.items():
        yield ""
        yield _table(found, measure, indices)
        if measure in found.shares:
            yield found.shares[measure].sentence
        yield f"[dim]{escape(indices.note)}[/dim]"
    method = next(iter(found.indices.values())).method
    yield ""
    yield f"[dim]{_LEGENDS[method]}; * beyond chance at 5 % over all factors together[/dim]"
    yield f"Saved: {found.folder / NAME}, and every run in {found.folder / 'outcomes'}"


def _table(found: SensitivityStudy, measure: str, indices: Indices) -> RenderableType:
    currency = f", {found.design.scenario.currency}" if measure.endswith("_cents") else ""
    unit = currency if indices.method == "morris" else ""
    names = _COLUMNS[indices.method]
    table = plain_table(
        f"Gain in {label(measure)}{unit}", "factor", *(_HEADS.get(one, one) for one in names), ""
    )
    # Of large amounts the cents are noise, and their room is needed for the names.
    whole = measure.endswith("_cents") and indices.table[names[0]].abs().max() >= _LARGE_CENTS
    for row in indices.table.to_dict("records"):
        cells = [
            _cell(
                measure if indices.method == "morris" else "",
                row[one],
                row[f"{one}_conf"],
                digits=0 if whole else None,
            )
            for one in names
        ]
        table.add_row(escape(row["factor"]), *cells, "*" if row["beyond_noise"] else "")
    return table


def _cell(measure: str, value: float, half: float, digits: int | None) -> str:
    """A number with the half width of its interval; in the unit of the measure, where given."""
    if math.isnan(value):
        return DASH
    if measure:
        return f"{figure(measure, value, digits=digits)} ± {figure(measure, half, digits=digits)}"
    return f"{number(value, digits=2)} ± {number(half, digits=2)}"
