"""The validation page: what must hold, what was measured, what does not hold and why.

Made from a saved ``validation.json`` only; nothing is measured here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sim.report.drawing import Drawing
from sim.report.figures import png
from sim.report.style import BAD, GOOD, GRID, Margins, canvas, label_axes, plain_looks
from sim.studies.wording import band, significant

PAGE = "validation.md"
PICTURES = "validation"

_OVERVIEW = "overview"

_WIDEST = 1.6  # place from which on a reading is drawn as an arrow
_MOST_JOINED = 50  # more points are a cloud, not a line

_INTRODUCTION = """\
# Validation

What the simulator must meet before anybody believes it, and what it did meet. Every number on
this page is measured by the code: `vouch validate` makes the page anew, `vouch validate --only B7`
measures one target, `--fast` the limits and laws within a minute.

- **Analytic limits (L)**: special cases in which the answer is known exactly, from the literature
  or by pencil. "Whole model" means `WordOfMouthModel` with a scenario that switches everything
  else off ([sim/reductions.py](../sim/reductions.py)); the textbook processes themselves are in
  [sim/presets.py](../sim/presets.py), the answers in [sim/theory.py](../sim/theory.py).
- **Properties (P)**: laws that hold in every run, without exception.
- **Statistical quality (Q)**: whether luck and intervals are what they claim to be.
- **Stylised facts (S)**: what the literature reports of real markets, in the default world or one
  that the text describes. Targets marked "calibrated" set the defaults: that they pass shows that
  the calibration worked, and no more.
- **Real data (R)**: fitted on some people, scored on others. The data sets are not part of this
  repository; `$VOUCH_DATA` names their folder.

**What passes could fail.** For each target that passes there is a planted error, a small change of
the source such as an off-by-one, with which it is measured again, in smaller samples; a reading
that lies in its band without the error must then leave it.
"""

_VERDICTS = {
    "pass": "pass", "missed": "**missed**", "error": "**error**", "no data": "no data",
    "not built": "not built yet",
}  # fmt: skip


def build_page(folder: Path) -> Path:
    """Write validation.md and its pictures into the folder of a validation; returns the page."""
    document = json.loads((folder / "validation.json").read_text(encoding="utf-8"))
    pictures = folder / PICTURES
    pictures.mkdir(exist_ok=True)
    for row in document["targets"]:
        if row["picture"] and row["picture"]["curves"]:
            (pictures / f"{row['name']}.png").write_bytes(png(draw_target(row)))
    (pictures / f"{_OVERVIEW}.png").write_bytes(png(draw_overview(document["targets"])))
    page = folder / PAGE
    page.write_text("\n".join(_lines(document)) + "\n", encoding="utf-8")
    return page


# --------------------------------------------------------------------------------------- pictures


def draw_overview(rows: Sequence[dict[str, Any]]) -> Drawing:
    """Where in its band every reading lies: 0 as expected, -1 and 1 the ends."""
    measured = [row for row in rows if any(_place(one) is not None for one in row["readings"])]
    verdicts = [row["verdict"] for row in rows if row["readings"]]
    title = f"{verdicts.count('pass')} of {len(verdicts)} targets lie in their bands"
    figure, (axes,) = canvas(
        title,
        "A point is a reading, in the middle if it is as expected. The grey strip is the band: of "
        "theory, of the literature, or of 3 to 5 standard errors. Exact readings, which must be "
        "right to the bit, and those with a band open to one side are shown where they are missed.",
        height=0.17 * len(measured) + 0.2,
        margins=Margins(left=0.7),
    )
    axes.axvspan(-1, 1, color=GRID, zorder=0)
    for number, row in enumerate(measured):
        for reading in row["readings"]:
            place = _place(reading)
            if place is not None:
                colour = GOOD if reading["holds"] else BAD
                marker = "o" if abs(place) <= _WIDEST else ("<" if place < 0 else ">")
                x = min(max(place, -_WIDEST), _WIDEST)
                axes.plot(x, number, marker, color=colour, markersize=4, clip_on=False)
    axes.set_ylim(len(measured) - 0.3, -0.7)
    axes.set_yticks(range(len(measured)), [row["name"] for row in measured], fontsize=8)
    axes.set_xlim(-_WIDEST, _WIDEST)
    axes.set_xticks([-1, 0, 1], ["lower end", "expected", "upper end"])
    return Drawing(_OVERVIEW, figure, "Overview", title, "A point is a reading.")


def _place(reading: dict[str, Any]) -> float | None:
    """Place of a reading in its band, 0 expected, -1 and 1 its ends.

    Where a band has no width or one end, beyond the end that is missed, or None.
    """
    low, high, found = reading["low"], reading["high"], reading["measured"]
    if found is None:
        return None
    if low is None or high is None or low == high:
        if reading["holds"]:
            return None
        return -2 * _WIDEST if low is not None and found < low else 2 * _WIDEST
    centre = (low + high) / 2 if reading["expected"] is None else reading["expected"]
    side = high - centre if found >= centre else centre - low
    return (found - centre) / side if side > 0 else None


def draw_target(row: dict[str, Any]) -> Drawing:
    """The picture of a target: theory as lines, what was simulated as points.

    Points in order are joined by dots where there is no theory to follow.
    """
    picture = row["picture"]
    claim = f"{row['name']}: {row['claim']}".replace("`", "")
    figure, (axes,) = canvas(picture["title"], claim, height=3.2)
    theory = any(curve["theory"] for curve in picture["curves"])
    curves = picture["curves"]
    looks = plain_looks([curve["name"] for curve in curves])
    for curve in curves:
        look = looks[curve["name"]]
        x, y = (np.array(curve[axis], float) for axis in "xy")
        if curve["theory"]:
            axes.plot(x, y, color=look.colour, linewidth=2, label=curve["name"])
        else:
            is_line = not theory and x.size <= _MOST_JOINED and bool((np.diff(x) > 0).all())
            axes.plot(
                x, y, look.marker, color=look.colour, label=curve["name"], linewidth=1,
                markersize=6 if x.size <= _MOST_JOINED else 3,
                linestyle=(0, (1, 2)) if is_line else "none",
            )  # fmt: skip
    label_axes(axes, picture["x_label"], picture["y_label"])
    _legend(axes)
    return Drawing(row["name"], figure, row["claim"], picture["title"], row["how"])


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=10, loc="best")


# ------------------------------------------------------------------------------------------- text


def _lines(document: dict[str, Any]) -> Iterator[str]:
    rows = document["targets"]
    yield _INTRODUCTION
    yield from _summary(document)
    yield from _missed(rows)
    classes = {row["class"]: row["class_name"] for row in rows}
    for letter, name in classes.items():
        yield f"\n## {name.capitalize()} ({letter})\n"
        for row in rows:
            if row["class"] == letter:
                yield from _target(row)


def _summary(document: dict[str, Any]) -> Iterator[str]:
    rows = document["targets"]
    form = ""
    if document["form"] != "full":
        form = " Made in the fast form, with smaller samples than the texts say."
    if document["interrupted"]:
        form += " **Interrupted: targets that were not measured are missing.**"
    yield f"## Summary\n\n{_said(rows)}{form}\n"
    yield f"![Where every reading lies in its band]({PICTURES}/{_OVERVIEW}.png)\n"
    yield "| | claim | verdict | nearest to its band's end | planted error |"
    yield "|---|---|---|---|---|"
    for row in rows:
        anchor = f"[{row['name']}](#{row['name'].lower()})"
        verdict = _VERDICTS[row["verdict"]] + (", calibrated" if row["calibrated"] else "")
        yield _table_row(anchor, row["claim"], verdict, _tightest(row), _caught(row))


def _said(rows: Sequence[dict[str, Any]]) -> str:
    counts = Counter(row["verdict"] for row in rows)
    measured = [row for row in rows if row["verdict"] in ("pass", "missed", "error")]
    parts = [f"{counts['pass']} of {len(measured)} measured targets pass"]
    parts += [f"{counts[key]} {key}" for key in ("missed", "error") if counts[key]]
    if counts["no data"]:
        parts.append(f"{counts['no data']} were not measured for want of data")
    if counts["not built"]:
        verb = "waits" if counts["not built"] == 1 else "wait"
        parts.append(f"{counts['not built']} {verb} for a capability that is not built yet")
    tried = [row["planted"] for row in rows if row["planted"] and "caught" in row["planted"]]
    if tried:
        caught = sum(planted["caught"] for planted in tried)
        parts.append(f"{caught} of {len(tried)} planted errors were noticed")
    return "; ".join(parts) + "."


def _missed(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    missed = [row for row in rows if row["verdict"] in ("missed", "error")]
    if missed:
        yield "\n## What does not hold\n"
    for row in missed:
        why = row["explained"] or row["message"] or "Not explained yet."
        readings = "; ".join(
            f"{reading['what']}: {significant(reading['measured'])}, not {_band(reading)}"
            for reading in row["readings"]
            if not reading["holds"]
        )
        yield f"- **[{row['name']}](#{row['name'].lower()})** {row['claim']} {readings}. {why}"


def _target(row: dict[str, Any]) -> Iterator[str]:
    yield f"### {row['name']}\n"
    yield f"{_VERDICTS[row['verdict']].capitalize()}. {row['claim']} *{row['source']}*\n"
    yield f"{row['how']}\n"
    if row["calibrated"]:
        yield "The defaults were set by this level.\n"
    if row["message"]:
        yield f"{row['message']}\n"
    if row["readings"]:
        yield "| reading | expected | band | measured | |"
        yield "|---|---|---|---|---|"
    for reading in row["readings"]:
        expected = significant(reading["expected"]) if reading["expected"] is not None else ""
        yield _table_row(
            reading["what"], expected, _band(reading), significant(reading["measured"]),
            "" if reading["holds"] else "**outside**",
        )  # fmt: skip
    for note in row["notes"]:
        yield f"\nAlso measured: {note}."
    if row["explained"]:
        yield f"\n{row['explained']}"
    if row["planted"]:
        yield f"\nPlanted error: {row['planted']['says']} (`{row['planted']['module']}`)."
        yield _noticed(row["planted"])
    if row["picture"] and row["picture"]["curves"]:
        yield f"\n![{row['picture']['title']}]({PICTURES}/{row['name']}.png)"
    yield ""


def _noticed(planted: dict[str, Any]) -> str:
    if "caught" not in planted:
        return "Not tried in this run."
    if not planted["caught"]:
        return "**Not noticed.**"
    if planted["measured"] is None and planted["low"] is None:
        return f"Noticed: {planted['by']}."
    if planted["measured"] is None:
        return f"Noticed: {planted['by']} was no number."
    found = significant(planted["measured"])
    return f"Noticed: {planted['by']} was {found}, not {_band(planted)}."


def _caught(row: dict[str, Any]) -> str:
    planted = row["planted"]
    if not planted or "caught" not in planted:
        return ""
    return "noticed" if planted["caught"] else "**not noticed**"


def _tightest(row: dict[str, Any]) -> str:
    if not row["readings"]:
        return ""
    reading = min(row["readings"], key=_room)
    found = significant(reading["measured"])
    return f"{reading['what']}: {found} (band: {_band(reading)})"


def _band(reading: dict[str, Any]) -> str:
    return band(reading["low"], reading["high"])


def _room(reading: dict[str, Any]) -> float:
    return -np.inf if reading["room"] is None else reading["room"]


def _table_row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
