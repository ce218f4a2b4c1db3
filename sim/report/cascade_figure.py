"""The largest referral tree of a run, drawn from its root outwards on the ties around it."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from sim.report import style
from sim.report.drawing import Drawing
from sim.report.study import Study, Tree
from sim.report.style import Look, Margins, count, plural
from sim.studies.wording import policy_text

_DEPTH_COLOURS = ("#d55e00", "#eda13c", "#6fb98f", "#2e8fb8", "#3b5ba5", "#4b2e83")
_NAMED = 5
_OUTER_RING = 0.75  # from the last ring of members to the ring of people outside


def cascade(study: Study, looks: dict[str, Look]) -> Drawing | None:
    """The largest tree of all policies; of equal ones, the better policy's."""
    trees = {name: study.cascades[name] for name in study.ranked if name in study.cascades}
    trees = {name: tree for name, tree in trees.items() if len(tree.parent) > 1}
    if not trees:
        return None
    name, tree = max(trees.items(), key=lambda item: item[1].size)
    depth = depths(tree.parent)
    steps = int(depth.max())
    title = (
        f"Under {policy_text(name)}, one customer's word brought {count(tree.size - 1)} more"
        f" in {plural(steps, 'step')}"
    )
    subtitle = "The largest referral tree of one run (replication 0), on the ties of its members."
    if tree.size > len(tree.parent):
        subtitle += f" The first {count(len(tree.parent))} members are drawn."
    figure, (axes,) = style.canvas(
        title, subtitle, height=6.9, margins=Margins(left=2.1, right=0.1, bottom=0.1)
    )
    places = radial_places(tree.parent)
    outside = _outside_places(tree, places, steps)
    _draw_ties(axes, tree, np.vstack([places, outside]))
    _draw_members(axes, tree, places, depth)
    axes.set_aspect("equal")
    axes.axis("off")
    reach = (steps + _OUTER_RING + 0.25) if len(outside) else steps + 0.45
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    _name_members(axes, tree, places)
    _depth_key(axes, tree, depth)
    return Drawing(
        "cascade", figure, "How a recommendation travels", title,
        "The dot in the middle bought first; each ring outwards is one recommendation "
        "further, and coloured lines go from a sharer to those she brought. Larger dots brought "
        "more people; the busiest say when they joined and how many. Faint: friends whom this "
        "tree did not bring.",
    )  # fmt: skip


def depths(parent: list[int]) -> np.ndarray:
    """Distance of each member from the root, int64 (n,); a sponsor is listed before her members."""
    depth = np.zeros(len(parent), np.int64)
    for place, sponsor in enumerate(parent):
        if sponsor >= 0:
            depth[place] = depth[sponsor] + 1
    return depth


def descendants(parent: list[int]) -> np.ndarray:
    """How many people each member brought, directly or not, int64 (n,)."""
    brought = np.zeros(len(parent), np.int64)
    for place in range(len(parent) - 1, 0, -1):
        brought[parent[place]] += brought[place] + 1
    return brought


def radial_places(parent: list[int]) -> np.ndarray:
    """Places (n, 2) of a tree's members: the radius is the depth, each branch has its own sector.

    The angle of a branch is in proportion to the members in it who brought nobody.
    """
    size = _ends_below(parent)
    children: list[list[int]] = [[] for _ in parent]
    for place, sponsor in enumerate(parent):
        if sponsor >= 0:
            children[sponsor].append(place)
    sector = np.zeros((len(parent), 2))
    sector[0] = 0.0, 2 * math.pi
    for place, below in enumerate(children):
        begin, end = sector[place]
        per_end = (end - begin) / size[below].sum() if below else 0.0
        for child in below:
            sector[child] = begin, begin + per_end * size[child]
            begin = sector[child, 1]
    angle = math.pi / 2 - sector.mean(axis=1)
    return depths(parent)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])


def _ends_below(parent: list[int]) -> np.ndarray:
    """How many members of each one's branch brought nobody, at least 1, float64 (n,)."""
    ends = np.zeros(len(parent))
    for place in range(len(parent) - 1, -1, -1):
        ends[place] = max(ends[place], 1.0)
        if parent[place] >= 0:
            ends[parent[place]] += ends[place]
    return ends


def _outside_places(tree: Tree, places: np.ndarray, steps: int) -> np.ndarray:
    """Places of the people outside: evenly on an outer ring, near the members they know."""
    members = len(tree.parent)
    pull = np.zeros((tree.neighbours, 2))
    for one, other in tree.ties:
        inner, outer = min(one, other), max(one, other)
        if outer >= members > inner:
            pull[outer - members] += places[inner]
    angle = np.arctan2(pull[:, 1], pull[:, 0])
    order = np.argsort(angle, kind="stable")
    even = np.empty(tree.neighbours)
    start = angle[order[0]] if tree.neighbours else 0.0
    even[order] = start + 2 * math.pi * np.arange(tree.neighbours) / max(tree.neighbours, 1)
    return (steps + _OUTER_RING) * np.column_stack([np.cos(even), np.sin(even)])


def _draw_ties(axes: Axes, tree: Tree, places: np.ndarray) -> None:
    alpha = float(np.clip(60 / max(len(tree.ties), 1), 0.07, 0.5))
    lines = [(places[one], places[other]) for one, other in tree.ties]
    axes.add_collection(
        LineCollection(lines, colors=style.BASELINE, linewidths=0.5, alpha=alpha, zorder=1)
    )
    outside = places[len(tree.parent) :]
    axes.scatter(outside[:, 0], outside[:, 1], s=7, color=style.CROWD, linewidths=0, zorder=2)


def depth_colour(depth: int) -> str:
    """The colour of a distance from the root; the last one for all further ones."""
    return _DEPTH_COLOURS[min(depth, len(_DEPTH_COLOURS) - 1)]


def _draw_members(axes: Axes, tree: Tree, places: np.ndarray, depth: np.ndarray) -> None:
    lines = [(places[sponsor], places[place]) for place, sponsor in enumerate(tree.parent) if place]
    colours = [depth_colour(one) for one in depth]
    width = float(np.clip(40 / len(lines), 0.7, 2.2))
    axes.add_collection(LineCollection(lines, colors=colours[1:], linewidths=width, zorder=3))
    crowding = float(np.clip(60 / len(tree.parent), 0.12, 1.0))
    sizes = crowding * (60 + 90 * np.sqrt(descendants(tree.parent)))
    axes.scatter(
        places[:, 0], places[:, 1], s=sizes, c=colours, edgecolors="white", linewidths=0.8, zorder=4
    )


def _name_members(axes: Axes, tree: Tree, places: np.ndarray) -> None:
    """Say of the busiest sharers after the first when they joined and how many they brought."""
    brought = descendants(tree.parent)
    ordered = 1 + np.argsort(-brought[1:], kind="stable")[:_NAMED]
    busiest = [int(place) for place in ordered if brought[place] > 0]
    points = []
    for place in busiest:
        points.append(
            (*places[place], f"{_when(tree.joined_day[place])}: +{brought[place]:,}", style.INK)
        )
    style.label_points(axes, points, crowd=places, boxed=True, size=9.5)


def _when(day: float) -> str:
    return f"day {day:.0f}" if day >= 0 else "before day 0"


def _depth_key(axes: Axes, tree: Tree, depth: np.ndarray) -> None:
    people = np.bincount(depth)
    entries = [(f"first: {_when(tree.joined_day[0])}", depth_colour(0))]
    for step, number in enumerate(people[1:5], start=1):
        entries.append((f"step {step}: {count(number)}", depth_colour(step)))
    if people.size > 5:
        which = "step 5" if people.size == 6 else f"steps 5 to {people.size - 1}"
        entries.append((f"{which}: {count(people[5:].sum())}", depth_colour(5)))
    if tree.neighbours:
        entries.append((f"friends outside: {count(tree.neighbours)}", style.CROWD))
    style.key_column(axes, entries)
