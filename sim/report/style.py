"""How pictures look: colours, type, axes, and figures written as a reader says them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from sim.report.names import in_lines, short
from sim.report.study import Interval, Study
from sim.studies.wording import policy_text

INK, MUTED, GRID, BASELINE, CROWD = "#1b1f24", "#59636e", "#e4e7eb", "#7d8590", "#b3bac2"
GOOD, LIGHT, BAD = "#0072b2", "#8cc4e8", "#e08a3c"
# Okabe and Ito (2008), darkened where the original is too light for text on white.
_COLOURS = ("#0072b2", "#d55e00", "#008f68", "#a64d8e", "#b07800", "#2e9bd1")
_MARKERS = ("o", "s", "D", "^", "v", "P")
_DASHES = ("-", (0, (6, 1.6)), (0, (3, 1.2, 1, 1.2)), "-", (0, (6, 1.6)), (0, (3, 1.2, 1, 1.2)))
WIDTH = 9.0
_MOST_BANDS = 4  # more of them, one over another, are mud
BODY, SMALL = 11.0, 9.5
DASH = "–"


class Look(NamedTuple):
    """How a policy is drawn in every figure; the crowd shares one look."""

    colour: str
    marker: str
    dash: object
    stands_out: bool


def looks(study: Study) -> dict[str, Look]:
    """The look of each policy: grey for the baseline, a colour for six of the others.

    Those are the best by the objective, and the one that sells most.
    """
    others = sorted(study.rivals, key=study.ranked.index)
    selling = sorted(others, key=lambda name: _last_if_unknown(study.mean(name, "orders")))
    best = list(dict.fromkeys([*selling[:1], *others]))[: len(_COLOURS)]
    coloured = [name for name in study.policies if name in best]
    table = plain_looks([*coloured, *(name for name in study.policies if name not in coloured)])
    if study.baseline is not None:
        table[study.baseline] = Look(BASELINE, "o", (0, (1, 1.2)), True)
    return table


def plain_looks(names: Sequence[str]) -> dict[str, Look]:
    """Looks of policies in the order given, without a study to rank them."""
    table = {name: Look(CROWD, "o", "-", False) for name in names}
    for name, colour, marker, dash in zip(names, _COLOURS, _MARKERS, _DASHES, strict=False):
        table[name] = Look(colour, marker, dash, True)
    return table


def _last_if_unknown(mean: float) -> float:
    return -mean if math.isfinite(mean) else math.inf


def banded(study: Study, best: str) -> set[str]:
    """The policies whose intervals are drawn as bands: where there are many, ``best`` alone."""
    return set(study.policies) if len(study.rivals) <= _MOST_BANDS else {best}


# ------------------------------------------------------------------------- figures as text


def _signed(text: str, value: float, plus: bool) -> str:
    is_zero = not any(digit in "123456789" for digit in text)
    sign = "" if is_zero else "−" if value < 0 else "+" if plus else ""
    return sign + text


def count(value: float, plus: bool = False, scale: float | None = None) -> str:
    """A number of things: whole from 20 on, else with one digit; a dash for nan.

    scale : the number whose size decides about digits, itself by default.
    """
    if not math.isfinite(value):
        return DASH
    digits = 0 if abs(value if scale is None else scale) >= 19.5 else 1
    return _signed(f"{abs(value):,.{digits}f}".removesuffix(".0"), value, plus)


def money(cents: float, currency: str = "", plus: bool = False, scale: float | None = None) -> str:
    """Cents as currency units: whole from 1,000 on, else with cents; a dash for nan.

    scale : the amount whose size decides about digits, itself by default.
    """
    if not math.isfinite(cents):
        return DASH
    digits = 0 if abs(cents if scale is None else scale) >= 99_950 else 2
    text = _signed(f"{abs(cents) / 100:,.{digits}f}", cents, plus)
    return f"{text} {currency}".rstrip()


def percent(share: float, digits: int = 1) -> str:
    """A share in percent; a dash for nan."""
    return (
        _signed(f"{abs(100 * share):,.{digits}f} %", share, False) if math.isfinite(share) else DASH
    )


def probability(value: float) -> str:
    """A probability in percent that never claims certainty."""
    if not math.isfinite(value):
        return DASH
    return "> 99 %" if value > 0.99 else "< 1 %" if value < 0.01 else f"{100 * value:.0f} %"


def widest(intervals: Iterable[Interval]) -> float:
    """The largest size of any number in ``intervals``, which decides the digits of a column."""
    return max((abs(end) for one in intervals for end in one if math.isfinite(end)), default=0.0)


def span(interval: Interval, write: Callable[..., str] = count, scale: float | None = None) -> str:
    """The ends of an interval, such as "280 to 344"; a dash where there is none.

    write : :func:`count` or :func:`money`, maybe with arguments bound. scale : the number whose
    size decides about digits, the larger end by default.
    """
    if not math.isfinite(interval.low):
        return DASH
    scale = max(abs(interval.low), abs(interval.high)) if scale is None else scale
    return f"{write(interval.low, scale=scale)} to {write(interval.high, scale=scale)}"


def plural(number: float, word: str) -> str:
    """A number with its noun: "1 order", "312 orders"."""
    text = count(number)
    return f"{text} {word}" if text == "1" else f"{text} {word}s"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names in a sentence: "a, b and c"; only the first ``most`` of many."""
    shown = [policy_text(name) for name in names[:most]]
    shown += [f"{len(names) - most} others"] if len(names) > most else []
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def line_names(study: Study) -> dict[str, str]:
    """What is written at each policy's line or point; lines that hide each other say so."""
    return {
        name: short(name) + (" (identical)" if len(study.identical(name)) > 1 else "")
        for name in study.policies
    }


# ---------------------------------------------------------------------------------- canvas


class Margins(NamedTuple):
    """Room around the axes, in inches; the room above follows from the title."""

    left: float = 0.85
    right: float = 0.3
    bottom: float = 0.7


DEFAULT_MARGINS = Margins()


def canvas(
    title: str,
    subtitle: str = "",
    *,
    height: float,
    margins: Margins = DEFAULT_MARGINS,
    rows: int = 1,
    columns: int = 1,
    gap: float = 0.35,
    widths: Sequence[float] | None = None,
    heights: Sequence[float] | None = None,
    headroom: float = 0.0,
) -> tuple[Figure, list[Axes]]:
    """A figure with its finding as title and ``rows`` x ``columns`` axes.

    height : inches of all axes together. headroom : inches kept free above them.
    """
    lines = _balanced(title, 72)
    below = textwrap.wrap(subtitle, 100)
    above = 0.5 + 0.29 * len(lines) + 0.2 * len(below) + headroom
    total = height + above + margins.bottom
    figure = Figure(figsize=(WIDTH, total), dpi=160, facecolor="white")
    figure.text(
        0.02, 1 - 0.14 / total, "\n".join(lines), fontsize=15, fontweight="bold", color=INK,
        va="top", linespacing=1.25,
    )  # fmt: skip
    figure.text(
        0.02, 1 - (0.22 + 0.29 * len(lines)) / total, "\n".join(below), fontsize=10.5, color=MUTED,
        va="top", linespacing=1.3,
    )  # fmt: skip
    grid = figure.add_gridspec(
        rows, columns, width_ratios=widths, height_ratios=heights, wspace=gap, hspace=gap,
        left=margins.left / WIDTH, right=1 - margins.right / WIDTH,
        top=1 - above / total, bottom=margins.bottom / total,
    )  # fmt: skip
    axes = [
        figure.add_subplot(grid[row, column]) for row in range(rows) for column in range(columns)
    ]
    for one in axes:
        _plain(one)
    return figure, axes


def _balanced(text: str, width: int) -> list[str]:
    """``text`` in as few lines as fit in ``width``, of about equal length."""
    fewest = len(textwrap.wrap(text, width))
    while width > 1 and len(textwrap.wrap(text, width - 1)) == fewest:
        width -= 1
    return textwrap.wrap(text, width)


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(CROWD)
    axes.tick_params(colors=MUTED, labelsize=10, length=0, pad=5)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _root(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def label_axes(axes: Axes, x: str = "", y: str = "") -> None:
    """Names and units of the axes; the vertical one is written above, where it is read."""
    axes.set_xlabel(x, fontsize=10.5, color=INK, labelpad=6)
    if y:
        axes.set_title(y, fontsize=10.5, color=INK, loc="left", pad=8)


def thousands(axis: Axis, ticks: int = 6, plus: bool = False, factor: float = 1.0) -> None:
    """Ticks with thousands separators; ``factor`` turns a tick into what is written."""
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))

    def write(value: float, _: int) -> str:
        shown = round(value * factor, 6)
        return _signed(f"{abs(shown):,.6f}".rstrip("0").rstrip("."), shown, plus)

    axis.set_major_formatter(FuncFormatter(write))


def percent_ticks(axis: Axis, ticks: int = 6) -> None:
    """Ticks of shares, written in percent."""
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 2):g} %"))


def log_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis at 1, 2, 3 and 5 times powers of ten, written in full."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.set_minor_locator(NullLocator())


ROW = 0.44  # inches a row of a chart takes
LINE = 0.19  # and a further line of text in it or at an axis


def rows_height(rows: int) -> float:
    """Height in inches of a chart with a row per policy."""
    return max(0.7, ROW * rows)


def name_rows(axes: Axes, names: Sequence[str], table: dict[str, Look]) -> None:
    """A policy per row from the top, named in its colour."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    rows = ["\n".join(_row_lines(name)) for name in names]
    axes.set_yticks(range(len(names)), rows, fontsize=BODY, linespacing=1.0)
    for text, name in zip(axes.get_yticklabels(), names, strict=True):
        text.set_color(ink(table[name]))
        text.set_fontweight("bold" if table[name].stands_out else "normal")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def row_margin(names: Sequence[str]) -> float:
    """Inches that the names of rows take."""
    return 0.35 + 0.105 * max(len(line) for name in names for line in _row_lines(name))


def _row_lines(name: str) -> list[str]:
    return in_lines(policy_text(name))


def ink(look: Look) -> str:
    """The colour of text about a policy: the crowd's own is too light to read."""
    return look.colour if look.stands_out else MUTED


def columns_beside(
    axes: Axes,
    columns: Sequence[tuple[float, str, Sequence[str]]],
    room: float,
    rows: Sequence[Look],
) -> None:
    """Columns (place, head, texts) right of the rows, at parts of the ``room`` there in inches."""
    width = axes.get_position().width * WIDTH
    transform = axes.get_yaxis_transform()
    for part, head, texts in columns:
        x = 1 + part * room / width
        axes.text(x, -0.55, head, transform=transform, fontsize=SMALL, color=MUTED, va="bottom")
        for row, (text, look) in enumerate(zip(texts, rows, strict=True)):
            colour = INK if look.stands_out else MUTED
            axes.text(x, row, text, transform=transform, fontsize=10.5, va="center", color=colour)


def key_column(axes: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """What colours mean, (text, colour), one below the other left of the axes."""
    figure = _root(axes)
    height = figure.get_size_inches()[1]
    for place, (text, colour) in enumerate(entries):
        y = axes.get_position().y1 - (0.2 + 0.27 * place) / height
        figure.text(0.025, y, "●", color=colour, fontsize=14, va="center")
        figure.text(0.05, y, text, color=INK, fontsize=10.5, va="center")


def key(axes: Axes, entries: Sequence[tuple[str, str]], lift: float = 0.13) -> None:
    """What colours mean, (text, colour), in a line ``lift`` inches above the axes."""
    figure = _root(axes)
    x, y = 0.025, axes.get_position().y1 + lift / figure.get_size_inches()[1]
    for text, colour in entries:
        figure.text(x, y, "■", color=colour, fontsize=13, va="center")
        written = figure.text(x + 0.022, y, text, color=INK, fontsize=10, va="center")
        x += 0.05 + written.get_window_extent().width / figure.bbox.width


# ---------------------------------------------------------------------------------- labels


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Positions moved apart by at least ``gap``, as little as that takes, within low to high.

    Returns float64 (n,). Where there is no room for all of them the gap shrinks.
    """
    wanted = np.asarray(positions, dtype=np.float64)
    if wanted.size < 2:
        return wanted
    gap = min(gap, (high - low) / (wanted.size - 1))
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(wanted.size)
    # Isotonic regression of what is left after the steps: blocks of crowded labels share a mean.
    blocks: list[list[float]] = []
    for value in (wanted[order] - steps).tolist():
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            total = blocks[-1][1] + size
            blocks[-1] = [(blocks[-1][0] * blocks[-1][1] + mean * size) / total, total]
    placed = np.repeat([mean for mean, _ in blocks], [int(size) for _, size in blocks])
    result = np.empty_like(wanted)
    result[order] = np.clip(placed, low, high - steps[-1]) + steps
    return result


def label_line_ends(axes: Axes, x: float, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write (height, text, colour) right of the ends of lines, none over another."""
    bottom, top = axes.get_ylim()
    inches = axes.get_window_extent().height / _root(axes).dpi
    gap = (top - bottom) * 0.19 / inches
    heights = spread([height for height, _, _ in ends], gap, bottom, top)
    left, right = axes.get_xlim()
    for (end, text, colour), height in zip(ends, heights, strict=True):
        start, stop = x + 0.006 * (right - left), x + 0.028 * (right - left)
        axes.plot([start, stop], [end, height], color=colour, linewidth=0.8, clip_on=False)
        axes.text(
            x + 0.035 * (right - left), height, text, color=colour, fontsize=BODY,
            fontweight="bold" if colour != MUTED else "normal", va="center", clip_on=False,
        )  # fmt: skip


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right
            and self.bottom < other.top and other.bottom < self.top
        )  # fmt: skip


_DIRECTIONS = ((1, 0.6), (1, -0.6), (-1, 0.6), (-1, -0.6), (1, 0), (-1, 0), (0, 1), (0, -1))


def label_points(
    axes: Axes,
    points: Sequence[tuple[float, float, str, str]],
    crowd: np.ndarray | None = None,
    boxed: bool = False,
    size: float = BODY,
) -> None:
    """Name points (x, y, text, colour) beside them, where nothing else is; far names get a line.

    crowd : (n, 2) other points to keep clear of. boxed : on a white ground.
    """
    scale = _root(axes).dpi / 72
    frame = axes.get_window_extent()
    edge = _root(axes).bbox.x1 - 6 * scale
    room = _Box(frame.x0, frame.y0, min(frame.x1 + 40 * scale, edge), frame.y1)
    spots = [axes.transData.transform((x, y)) for x, y, _, _ in points]
    others = [] if crowd is None else list(axes.transData.transform(crowd))
    taken = [
        _Box(x - reach, y - reach, x + reach, y + reach)
        for places, reach in ((spots, 6 * scale), (others, 2.5 * scale))
        for x, y in places
    ]
    for (x, y, text, colour), spot in zip(points, spots, strict=True):
        width, height = 0.68 * size * len(text) * scale, 1.35 * size * scale
        for reach in (9, 22, 36, 52, 70, 90, 115):
            boxes = [
                _beside(spot, direction, reach * scale, width, height) for direction in _DIRECTIONS
            ]
            free = [
                box for box in boxes
                if box.left >= room.left and box.right <= room.right
                and box.bottom >= room.bottom and box.top <= room.top
                and not any(box.overlaps(other) for other in taken)
            ]  # fmt: skip
            if free:
                break
        box = (free or boxes)[0]
        taken.append(box)
        across, up = box.left - spot[0], (box.bottom + box.top) / 2 - spot[1]
        axes.annotate(
            text, (x, y), (across / scale, up / scale), textcoords="offset points", fontsize=size,
            fontweight="bold", color=colour, va="center",
            zorder=6, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.7} if reach > 9 else None,
            bbox={"facecolor": "white", "alpha": 0.85, "lw": 0, "pad": 1} if boxed else None,
        )  # fmt: skip


def _beside(
    spot: np.ndarray, direction: tuple[float, float], reach: float, width: float, height: float
) -> _Box:
    x = spot[0] + direction[0] * reach
    left = x if direction[0] > 0 else x - width if direction[0] < 0 else x - width / 2
    middle = spot[1] + direction[1] * (reach + (height / 4 if direction[0] else height / 2))
    return _Box(left, middle - height / 2, left + width, middle + height / 2)
