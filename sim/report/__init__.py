"""The report of a study: figures and one HTML page, from what was saved; nothing is simulated.

Reading order: ``study`` (the folder, read and checked), ``style`` (how pictures look), ``drawing``,
``money_figures``, ``people_figures``, ``cascade_figure``, ``honesty_figures``, ``figures`` (their
order), ``honesty`` (its tables), ``page``. Apart from these, ``evidence``, ``declared`` and ``odd``
write the parts of docs/ that the code itself says.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError

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
    from sim.report.figures import FIGURES, draw, png
    from sim.report.page import page
    from sim.report.study import read_study

    study = read_study(Path(folder))
    drawings = draw(study)
    pictures = {drawing.name: png(drawing) for drawing in drawings}
    text = page(study, drawings, pictures)
    figures = study.folder / "figures"
    destination = study.folder / "report.html"
    try:
        figures.mkdir(exist_ok=True)
        for name, content in pictures.items():
            _replace(figures / f"{name}.png", content)
        for figure in FIGURES:
            if figure.__name__ not in pictures:
                (figures / f"{figure.__name__}.png").unlink(missing_ok=True)
        _replace(destination, text.encode())
    except OSError as error:
        raise InputError(
            f"{study.folder} cannot be written: {error.strerror or error}; "
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
