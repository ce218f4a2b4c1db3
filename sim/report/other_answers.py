"""What other commands left beside the runs: a ranking, indices of sensitivity, a search."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from sim.errors import InputError
from sim.report.drawing import Drawing
from sim.report.figures import png
from sim.report.sensitivity_figures import sensitivity, variance
from sim.report.study import AGAIN
from sim.studies.sensitivity.analysis import Indices
from sim.studies.wording import figure, label, policy_text

PICTURES = {
    "search": ("The course of the search", "Each dot is a setting of the levers that was tried."),
    "pareto": ("What is traded for what", "No setting of the front is better in everything."),
    "least": ("The least that is enough", "The share of runs that reach the target."),
    "break_even": ("What still pays", "The gain beyond the baseline along the lever."),
}
"""Pictures that ``vouch optimize`` draws, by file name: topic and how to read it."""


class OtherAnswer(NamedTuple):
    """A section of the page.

    topic : its heading. sentences : what was found. headline : the answer in a few words, for a
    page that has no other. figures : drawings with their PNG. head, rows : a table of texts, empty
    without one.
    """

    topic: str
    sentences: tuple[str, ...]
    headline: str = ""
    figures: tuple[tuple[Drawing, bytes], ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def other_answers(folder: Path) -> list[OtherAnswer]:
    """The answers that lie in a folder, in the order of :data:`READERS`.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    found = []
    for name, read in READERS.items():
        path = folder / name
        if not path.exists():
            continue
        try:
            found += list(read(json.loads(path.read_text(encoding="utf-8")), folder))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is damaged ({error!r}); {AGAIN}") from None
    return found


def _ranking(document: Mapping[str, Any], folder: Path) -> Iterator[OtherAnswer]:
    objective = document["objective"]

    def row(one: Mapping[str, Any]) -> tuple[str, ...]:
        texts = (_number(objective, one[part]) for part in ("mean", "low", "high"))
        mean, low, high = texts
        fate = "still in" if one["out_after"] is None else f"out after {one['out_after']} runs"
        behind = _number(objective, one["behind"])
        return policy_text(one["name"]), behind, mean, f"{low} to {high}", f"{one['runs']:,}", fate

    best = document["best"]
    yield OtherAnswer(
        "Which is the best, with as few runs as it takes",
        (
            _sentence(document["statement"]),
            "Behind the best is run by run, with the same luck for both; means are of a choice's "
            "own runs, of which some have fewer. Those that left last come first.",
        ),
        headline=(
            "It is not settled yet"
            if best is None
            else f"{policy_text(best, starts=True)} is the best"
        ),
        head=(
            "Choice",
            "Behind the best",
            f"Mean {label(objective)}",
            "95 % interval",
            "Runs",
            "In or out",
        ),
        rows=tuple(row(one) for one in document["candidates"]),
    )


def _sensitivity(document: Mapping[str, Any], folder: Path) -> Iterator[OtherAnswer]:
    import pandas as pd

    names = {name: factor["description"] for name, factor in document["factors"].items()}
    change = f"the change that {document['policy']} makes against"
    change += f" {policy_text(document['baseline'])}"
    for measure, found in document["measures"].items():
        counts = {name: found[name] for name in ("runs", "failed", "units", "left_out")}
        # An index that is not known is null in the file.
        table = pd.DataFrame(found["indices"]).fillna(math.nan)
        drawing = sensitivity(
            Indices(found["method"], table, **counts), measure, document["currency"], names
        )
        parts = (
            [] if not found["variance"] else [variance(pd.DataFrame(found["variance"]), measure)]
        )
        drawings = [drawing, *(one for one in parts if one is not None)]
        yield OtherAnswer(
            f"Which assumptions matter for {label(measure)}",
            (f"{drawing.finding}. This is about {change}.",),
            headline=drawing.finding,
            figures=tuple((one, png(one)) for one in drawings),
        )


def _search(document: Mapping[str, Any], folder: Path) -> Iterator[OtherAnswer]:
    pictures = []
    for name, (topic, how_to_read) in PICTURES.items():
        path = folder / "figures" / f"{name}.png"
        if path.exists():
            drawing = Drawing(name, Figure(), topic, topic, how_to_read)
            pictures.append((drawing, path.read_bytes()))
    yield OtherAnswer(
        "What the search found",
        tuple(_sentence(one) for one in document["statements"]),
        headline=_headline_of_search(document),
        figures=tuple(pictures),
    )


def _headline_of_search(document: Mapping[str, Any]) -> str:
    """What to do, as far as a search says it."""
    policy, baseline = document["policy"], policy_text(document["baseline"])
    if "search" not in document:
        return f"What {policy} has to pay"
    best = document["search"]["best"]
    if best is None:
        front = document["search"]["front"]
        return "There is a choice to make" if front else "No setting keeps every limit"
    gain = next(iter(best["objectives"].values()))["measured"]
    setting = ", ".join(f"{name.split('.')[-1]} {_value(v)}" for name, v in best["setting"].items())
    if gain["high"] < 0:
        return f"Do not use {policy}: its best setting loses against {baseline}"
    if gain["low"] <= 0:
        return f"It is not sure that {policy} gains anything; {setting} looks best"
    return f"Take {policy} with {setting}"


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


READERS: dict[str, Callable[[Mapping[str, Any], Path], Iterator[OtherAnswer]]] = {
    "optimize.json": _search,
    "rank.json": _ranking,
    "sensitivity.json": _sensitivity,
}
"""Files of answers, and what makes sections of the page of them."""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _number(measure: str, value: float | None) -> str:
    return "–" if value is None else figure(measure, value)
