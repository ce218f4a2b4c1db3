"""docs/validation.md is what the code says of its targets; the numbers are the last full run's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.validation.targets import TARGETS

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "validation.md").read_text(encoding="utf-8")
MISSED = set(re.findall(r"(?m)^- \*\*\[(\w+)\]", PAGE))


def part(name: str) -> str:
    """What the page says of a target."""
    return PAGE.split(f"\n### {name}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]


@pytest.mark.parametrize("name", TARGETS)
def test_the_page_tells_a_target_as_the_code_does(name):
    target, told = TARGETS[name], part(name)
    assert target.claim in told
    assert target.source in told
    assert target.how in told
    assert ("Planted error: " in told) == (target.plant is not None)
    if target.plant is not None:
        assert target.plant.says in told
        assert "Not noticed" not in told
    if target.measure is None:
        assert told.lstrip().startswith("Not built yet")
    if name in MISSED:
        assert target.explained in told
    assert ("The defaults were set by this level." in told) == target.calibrated


def test_only_explained_targets_are_missed():
    assert {name for name, target in TARGETS.items() if target.explained} == MISSED


def test_the_page_is_of_a_full_run():
    assert "fast form" not in PAGE.split("## Summary")[1].split("\n| |")[0]
    assert "Interrupted" not in PAGE


def test_every_picture_is_shown_and_every_shown_one_is_there():
    shown = set(re.findall(r"\(validation/([\w.]+)\)", PAGE))
    assert shown == {path.name for path in (DOCS / "validation").iterdir()}
