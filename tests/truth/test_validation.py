"""The targets of ``vouch validate``: the fast ones hold, and every one can fail."""

from __future__ import annotations

import re

import pytest

from sim.errors import InputError
from sim.validation.planting import Planted, compiled_with, measure_planted, planted_source
from sim.validation.running import measure_target, measure_targets
from sim.validation.target import Finding, NoDataError, Plant, Reading, Target
from sim.validation.targets import TARGETS, chosen
from tests.conftest import REPOSITORY

FAST = [name for name, target in TARGETS.items() if target.fast]
PAGE = (REPOSITORY / "docs" / "validation.md").read_text(encoding="utf-8")
WITH_PLANT = [name for name, target in TARGETS.items() if target.plant is not None]


@pytest.mark.parametrize("name", FAST)
def test_a_fast_target_holds(name):
    result = measure_target(TARGETS[name], quick=True)
    outside = [reading for reading in result.finding.readings if not reading.holds]
    assert outside == []
    assert result.verdict == "pass"


@pytest.mark.parametrize("name", WITH_PLANT)
def test_a_planted_error_is_noticed(name):
    """In an interpreter of its own; readings that are missed anyway notice nothing.

    It is taken that those that pass in full pass in their quick form too: `vouch validate` looks.
    """
    target = TARGETS[name]
    planted = measure_planted(name, target.plant, missed_in_full(name))
    if "VOUCH_DATA" in planted.by:
        pytest.skip(planted.by)
    assert planted.caught, f"{target.plant.says}: {planted.by}"


def missed_in_full(name: str) -> list[str]:
    """The readings that a target missed in the last full run, without an error."""
    told = PAGE.split(f"\n### {name}\n", 1)[1].split("\n### ", 1)[0]
    return [row.split(" |")[0].removeprefix("| ") for row in re.findall(r".*\*\*outside\*\*", told)]


def test_every_target_that_is_missed_has_a_reading_that_is():
    assert {name for name in TARGETS if missed_in_full(name)} == {
        name for name, target in TARGETS.items() if target.explained
    }


@pytest.mark.parametrize("name", WITH_PLANT)
def test_a_planted_error_is_still_python(name):
    plant = TARGETS[name].plant
    assert plant.old != plant.new
    compile(planted_source(plant.module, plant.old, plant.new), plant.module, "exec")


def test_only_targets_that_are_missed_or_not_built_have_no_planted_error():
    # A target that is missed without an error would be missed with any.
    without = [target for target in TARGETS.values() if target.plant is None]
    assert [one.name for one in without if one.measure is not None and not one.explained] == []
    assert all(one.awaits for one in without if one.measure is None)


def test_every_row_of_the_literature_sheet_is_a_target():
    assert {f"B{row}" for row in range(1, 49)} <= set(TARGETS)


def test_targets_are_told_in_full():
    for target in TARGETS.values():
        assert target.claim.endswith(".")
        assert target.source
        assert target.how
        if target.plant is not None:
            assert target.plant.module.startswith("sim.")
            assert target.plant.says


# What verdicts mean ------------------------------------------------------------------------------


def target(measure, **more) -> Target:
    return Target("X1", "L", "It holds.", "nobody", "by hand", measure, **more)


def test_a_target_passes_if_every_reading_holds():
    good, bad = Reading("a", 1.0, 0.0, 1.0), Reading("b", 1.5, 0.0, 1.0)
    assert measure_target(target(lambda quick: Finding((good,))), True).verdict == "pass"
    assert measure_target(target(lambda quick: Finding((good, bad))), True).verdict == "missed"
    nothing = Reading("c", float("nan"), 0.0, 1.0)
    assert measure_target(target(lambda quick: Finding((nothing,))), True).verdict == "missed"
    assert measure_target(target(lambda quick: Finding((good, bad))), True).failed


def test_what_goes_wrong_is_a_verdict_too():
    def breaks(quick: bool) -> Finding:
        raise ZeroDivisionError("by nought")

    def lacks(quick: bool) -> Finding:
        raise NoDataError("set VOUCH_DATA")

    broken, absent = measure_target(target(breaks), True), measure_target(target(lacks), True)
    assert (broken.verdict, broken.message) == ("error", "ZeroDivisionError: by nought")
    assert broken.failed
    assert (absent.verdict, absent.message, absent.failed) == ("no data", "set VOUCH_DATA", False)
    later = measure_target(target(None, awaits="`vouch calibrate`"), True)
    assert (later.verdict, later.message) == ("not built", "waits for `vouch calibrate`")


def test_an_unnoticed_error_fails_a_target_that_passes():
    result = measure_target(target(lambda quick: Finding((Reading("a", 1, 0, 1),))), True)
    assert not result.failed
    assert result._replace(planted=Planted("X1", False, "nothing")).failed
    assert not result._replace(planted=Planted("X1", True, "a")).failed


def test_a_crash_is_not_a_notice():
    plant = Plant(
        "a misspelt name", "sim.randomness", "for _ in range(_ROUNDS):", "for _ in rnge(1):"
    )
    planted = measure_planted("B23", plant)
    assert planted.by.startswith("the run ended with")
    assert not planted.caught


def test_what_a_plant_changes_in_compiled_code():
    assert compiled_with("sim.measures", "return _ratio(int(counted.sum())") == set()
    assert "sim.kernels" in compiled_with("sim.rules", "effect *= c.novelty")
    assert "sim.sharing" in compiled_with("sim.kernels", "lines.refund_tick[k] = -1")
    assert "sim.kernels" in compiled_with("sim.population", "NEVER = -(2**30)")  # frozen in there
    assert compiled_with("sim.behavior", '0.82, unit="hazard ratio"') == set()
    assert compiled_with("sim.contagion", "size += offspring") == {"sim.contagion"}


def test_a_text_that_is_not_there_cannot_be_planted():
    with pytest.raises(ValueError, match="0 times"):
        planted_source("sim.measures", "no such line", "")
    with pytest.raises(RuntimeError, match="stands there once"):
        measure_planted("B23", Plant("nothing", "sim.measures", "def ", "def "))


def test_an_interrupt_while_errors_are_planted_is_one():
    def stop(done: int, _: int) -> None:
        if done == 3:  # both are measured, and one planted error is tried
            raise KeyboardInterrupt

    both = chosen(["B16", "B23"])
    found = measure_targets(both, quick=True, power=True, workers=1, progress=stop)
    assert found.interrupted
    assert [result.verdict for result in found.results] == ["pass", "pass"]
    assert sum(result.planted is None for result in found.results) == 1


def test_a_reading_that_is_missed_anyway_notices_nothing():
    plant = TARGETS["B23"].plant
    noticed = measure_planted("B23", plant)
    assert noticed.caught
    every = [one.what for one in TARGETS["B23"].measure(True).readings]
    assert not measure_planted("B23", plant, missed=every).caught


def test_an_error_that_changes_nothing_is_not_noticed():
    plant = Plant("a comment", "sim.measures", '"""Measures of a run:', '"""The measures of a run:')
    assert not measure_planted("B23", plant).caught


@pytest.mark.parametrize(
    ("reading", "room"),
    [
        (Reading("", 0.0, 0.0, 0.0), 1), (Reading("", 5.0, 0.0, 10.0), 1),
        (Reading("", 10.0, 0.0, 10.0), 0), (Reading("", 0.0, 0.0, 0.02, 0), 1),
        (Reading("", 0.015, 0.0, 0.02, 0), 0.25), (Reading("", 15.0, 0.0, 10.0), -1),
        (Reading("", 3.0, 1.0, float("inf")), 1), (Reading("", 0.0, 1.0, float("inf")), -1),
    ],
)  # fmt: skip
def test_room_is_what_is_left_of_a_band(reading, room):
    assert reading.room == pytest.approx(room)


def test_targets_are_chosen_by_name():
    assert [one.name for one in chosen(["b7", "W1,B9"])] == ["B7", "B9", "W1"]
    with pytest.raises(InputError, match="there is no target 'B77'"):
        chosen(["B77"])
    with pytest.raises(InputError, match="names no target"):
        chosen([""])
    assert [one.name for one in chosen(None, fast=True)] == FAST
