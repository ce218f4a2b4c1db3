"""``vouch optimize``: the best setting of a study's levers, and inverse questions about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from rich.console import RenderableType
from rich.markup import escape

from sim.commands.console import Progress
from sim.commands.study_call import StudyCall
from sim.commands.sweep import chosen_store, keep_study_file
from sim.commands.sweep_memo import page_of
from sim.errors import InputError
from sim.quantities import describe_validation_error
from sim.report.answers import draw_answers
from sim.studies.optimizing.study import NAME, OptimizeStudy, optimize_study
from sim.studies.sweeps.study_file import Optimize, StudyFile

_INVERSE_VALUES = 24
"""Values of a lever that an inverse question tries, about."""


def optimize_levers(call: StudyCall, asked: dict[str, Any], search: bool) -> None:
    """Search the levers of a study file, and answer what it asks of them.

    asked : fields of the study's [optimize] table, instead of those written there.
    """
    study = call.study()
    question = _question(study, asked)
    name = f"{study.name}-optimize"
    with chosen_store(call.out, name, call.resume, call.overwrite) as folder:
        with call.output.progress("runs at most") as progress:
            tell = None if progress is None else InAll(progress, most_runs(study, question))
            found = optimize_study(
                study, folder, question=question, search=search, session=call.session(tell)
            )
        keep_study_file(call.path, folder)
        if call.report:
            draw_answers(found, folder)
        page = page_of(folder, call.report)
    call.output.show(*_texts(found), *([f"Report: {page}"] if page else []))
    call.output.result(found.document() | {"out": str(folder)})


class InAll:
    """Progress over the batches of a search, of each of which the runs are told.

    total : runs expected at most. A batch that is told done begins the next.
    """

    def __init__(self, tell: Progress, total: int) -> None:
        self._tell, self._total, self._before = tell, total, 0

    def __call__(self, done: int, total: int) -> None:
        """Add what is done of a batch to the batches before it."""
        self._tell(min(self._before + done, self._total), self._total)
        if done >= total:
            self._before += total


def most_runs(study: StudyFile, question: Optimize) -> int:
    """Runs that a search takes at most: settings, finalists and two inverse questions."""
    worlds = study.study.worlds.count or 1
    fresh = 2 * question.final_replications
    inverse = sum(one is not None for one in (question.least, question.break_even))
    settings = question.trials * question.replications + question.finalists * fresh
    return 2 * worlds * (settings + inverse * _INVERSE_VALUES * fresh)


def _question(study: StudyFile, asked: dict[str, Any]) -> Optimize:
    written = study.study.optimize.model_dump(exclude_unset=True)
    given = {name: value for name, value in asked.items() if value is not None}
    try:
        return Optimize.model_validate(written | given)
    except ValidationError as error:
        message = describe_validation_error(error, f"{study.where}: optimize", Optimize)
        raise InputError(message) from None


def _texts(found: OptimizeStudy) -> Iterator[RenderableType]:
    for text in found.statements:
        yield escape(text)
        yield ""
    yield f"Saved: {found.folder / NAME}, and every run in {found.folder / 'outcomes'}"
