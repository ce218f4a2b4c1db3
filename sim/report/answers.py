"""The pictures of what ``vouch optimize`` found, drawn while the answer is at hand."""

from __future__ import annotations

from pathlib import Path

from sim.report.figures import png
from sim.report.optimize_figures import (
    break_even_curve,
    inverse_curve,
    pareto_front,
    search_history,
)
from sim.studies.optimizing.study import OptimizeStudy


def draw_answers(found: OptimizeStudy, folder: Path) -> list[Path]:
    """Write ``figures/*.png`` of a search and of inverse questions; returns their paths."""
    drawings = []
    if found.search is not None:
        drawings += [search_history(found.search), pareto_front(found.search)]
    if found.least is not None:
        drawings.append(inverse_curve(found.least))
    if found.break_even is not None:
        drawings.append(break_even_curve(found.break_even))
    (folder / "figures").mkdir(exist_ok=True)
    paths = []
    for drawing in drawings:
        if drawing is not None:
            path = folder / "figures" / f"{drawing.name}.png"
            path.write_bytes(png(drawing))
            paths.append(path)
    return paths
