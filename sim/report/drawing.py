"""A figure of the report with its words."""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.figure import Figure


class Drawing(NamedTuple):
    """A picture: its file name, topic, finding and one sentence or two of how to read it."""

    name: str
    figure: Figure
    topic: str
    finding: str
    how_to_read: str
