"""Names in figures: whole where there is room, broken or shortened between words where not."""

from __future__ import annotations

import re
import textwrap

from sim.studies.findings.discovery import named_factor
from sim.studies.sweeps.factors import Factor
from sim.studies.wording import capital, policy_text

LONGEST = 24
"""Letters of a name that fit beside a line or a row."""

_AXIS_WIDTH = 80
_PIECE = re.compile(r"[^\s_]+(?:_+|\s+|$)|_+|\s+")


def in_lines(text: str, width: int = LONGEST, most: int = 2) -> list[str]:
    """A text in at most so many lines, broken after spaces and underscores.

    What does not fit ends in an ellipsis, and a bracket that was opened is closed.
    """
    lines = [""]
    for piece in _PIECE.findall(text):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    lines = [line.rstrip() for line in lines]
    if len(lines) > most:
        lines = [*lines[: most - 1], _ended(lines[most - 1], width)]
    # A word that is too long by itself is cut.
    lines = [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines]
    shown = "".join(lines)
    if shown.count("(") > shown.count(")") and shown.endswith("…"):
        lines[-1] += ")"
    return lines


def short(name: str, longest: int = LONGEST) -> str:
    """The name of a policy or a choice in one line."""
    return in_lines(policy_text(name), longest, most=1)[0]


def _ended(line: str, width: int) -> str:
    """A line that goes on elsewhere, with an ellipsis in the place of words where it needs one."""
    room = width - len(" …)")
    pieces = _PIECE.findall(line)
    while len(pieces) > 1 and len("".join(pieces).rstrip(" (,")) > room:
        pieces.pop()
    return "".join(pieces).rstrip(" (,") + " …"


def axis_name(factor: Factor, currency: str) -> str:
    """What a factor is, its dotted name and its unit, in as many lines as an axis needs."""
    unit = currency if factor.money else factor.unit
    name = capital(named_factor(factor))
    text = f"{name}, {unit}" if unit and unit not in ("name", "switch") else name
    return "\n".join(textwrap.wrap(text, _AXIS_WIDTH))
