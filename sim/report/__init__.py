"""The report of a study: figures and one HTML page, from what was saved; nothing is simulated.

Reading order: ``study`` (the folder, read and checked), ``names`` and ``style`` (how pictures
look), ``drawing``, ``money_figures``, ``people_figures``, ``cascade_figure``, ``honesty_figures``,
``figures`` (their order), ``honesty`` (its tables), ``page``; of a sweep ``sweep_figures``,
``other_answers`` and ``sweep_page``. Apart from these, ``evidence``, ``declared`` and ``odd`` write
the parts of docs/ that the code itself says.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.studies import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["build", "forest_figure"]


def build(folder: str | Path) -> Path:
    """Make ``figures/*.png`` and ``report.html`` of a study folder; returns the page's path.

    The page holds its pictures and style and asks for nothing from any network. Files are replaced
    one by one when all are made, so a failure leaves an earlier report as it was.

    Raises
    ------
    InputError
        If the folder is not a study, a file in it is missing or damaged, or it cannot be written.
    """
    folder = Path(folder)
    return _build_sweep(folder) if (folder / "design.json").exists() else _build_study(folder)


def _build_study(folder: Path) -> Path:
    """The page of a run or a comparison."""
    from sim.report.figures import FIGURES, draw, png
    from sim.report.page import page
    from sim.report.study import read_study

    study = read_study(folder)
    drawings = draw(study)
    pictures = {drawing.name: png(drawing) for drawing in drawings}
    text = page(study, drawings, pictures)
    return _written(folder, text, pictures, [figure.__name__ for figure in FIGURES])


def _build_sweep(folder: Path) -> Path:
    """The page of a sweep with its findings and memo, or of the answers in a study's folder."""
    from sim.report.figures import png
    from sim.report.other_answers import READERS
    from sim.report.sweep_figures import NAMES, draw_sweep
    from sim.report.sweep_page import answers_page, sweep_page
    from sim.studies.findings import findings_file, memo
    from sim.studies.findings.findings import read_findings
    from sim.studies.findings.sweep_memo import memo_of_findings
    from sim.studies.sweeps.replay import load_design

    design = load_design(folder)
    has_answers = any((folder / name).exists() for name in READERS)
    if has_answers and not (folder / findings_file.NAME).exists():
        return _written(folder, answers_page(folder, design), {}, [])
    found = read_findings(folder)
    drawings = draw_sweep(found, design)
    pictures = {drawing.name: png(drawing) for drawing in drawings}
    text = sweep_page(folder, design, found, drawings, pictures)
    extra = {
        findings_file.NAME: (files.as_json(findings_file.document(found)) + "\n").encode(),
        memo.NAME: memo_of_findings(found).markdown(found.name).encode(),
    }
    return _written(folder, text, pictures, NAMES, extra)


def _written(
    folder: Path,
    text: str,
    pictures: Mapping[str, bytes],
    known: Sequence[str],
    beside: Mapping[str, bytes] | None = None,
) -> Path:
    """Write the page, its pictures, and what belongs ``beside`` it; drop old pictures ``known``."""
    figures, destination = folder / "figures", folder / "report.html"
    try:
        figures.mkdir(exist_ok=True)
        for name, content in pictures.items():
            _replace(figures / f"{name}.png", content)
        for name in known:
            if name not in pictures:
                (figures / f"{name}.png").unlink(missing_ok=True)
        for name, content in (beside or {}).items():
            _replace(folder / name, content)
        _replace(destination, text.encode())
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written: {error.strerror or error}; "
            "copy the study to a folder that can"
        ) from None
    return destination


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def forest_figure(
    differences: Sequence[tuple[str, float, float, float]],
    *,
    title: str,
    subtitle: str = "",
    currency: str = "",
) -> Figure:
    """Differences from a baseline with their intervals, a row per policy in the order given.

    differences : (policy, mean, low, high), in cents where ``currency`` is given. Raises
    :class:`InputError` where there is none to draw.
    """
    from sim.report.money_figures import forest
    from sim.report.study import Interval
    from sim.report.style import plain_looks

    gains = {name: Interval(*values) for name, *values in differences}
    if not any(math.isfinite(gain.mean) for gain in gains.values()):
        raise InputError("there is no difference to draw; compare two policies or more")
    return forest(title, subtitle, gains, plain_looks(list(gains)), unit=currency)
