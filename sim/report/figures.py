"""The figures of a report, in order, and their PNG files."""

from __future__ import annotations

import io
from collections.abc import Callable

from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from sim.report.cascade_figure import cascade
from sim.report.drawing import Drawing
from sim.report.honesty_figures import attribution, income
from sim.report.money_figures import cost, profit, sales, sources
from sim.report.people_figures import earnings, funnel, retention
from sim.report.study import Study
from sim.report.style import Look, looks

FIGURES: tuple[Callable[[Study, dict[str, Look]], Drawing | None], ...] = (
    sales, cost, profit, sources, retention, cascade, funnel, income, earnings, attribution,
)  # fmt: skip
"""Each draws one figure, or gives None where the study does not hold what it needs."""


def draw(study: Study) -> list[Drawing]:
    """The figures a study has data for, in the order of :data:`FIGURES`."""
    table = looks(study)
    drawings = (figure(study, table) for figure in FIGURES)
    return [drawing for drawing in drawings if drawing is not None]


def png(drawing: Drawing) -> bytes:
    """A drawing as PNG, the same bytes every time; 256 colours make it a third of the size."""
    canvas = FigureCanvasAgg(drawing.figure)
    canvas.draw()
    size = canvas.get_width_height()
    pixels = Image.frombuffer("RGBA", size, canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    # Of the ways to choose the colours, the quickest that moves none by more than the eye can see.
    few = pixels.convert("RGB").quantize(
        256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    buffer = io.BytesIO()
    few.save(buffer, format="png", dpi=(drawing.figure.dpi, drawing.figure.dpi))
    return buffer.getvalue()
