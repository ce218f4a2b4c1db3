"""``vouch validate``: tables, the page, exit codes."""

from __future__ import annotations

import json

import pytest

from sim.validation import running
from sim.validation.target import Finding, Reading
from sim.validation.targets import TARGETS


def test_one_target_shows_every_reading_and_leaves_a_page(vouch, tmp_path):
    ended = vouch("validate", "--only", "b5", "--fast", "--out", "found")
    assert ended.code == 0, ended.err
    assert "1 pass" in ended.out
    for k in ("0.35", "0.5", "0.8"):
        assert f"mean size at K = {k}" in ended.out
    page = (tmp_path / "found" / "validation.md").read_text()
    assert "1 of 1 measured targets pass" in page
    assert "Made in the fast form" in page
    manifest = json.loads((tmp_path / "found" / "manifest.json").read_text())
    assert set(manifest["files"]) >= {"validation.json", "validation.md", "manifest.json"}


def test_the_document_says_expected_measured_and_verdict(vouch):
    ended = vouch("validate", "--only", "B23", "--only", "B26", "--fast", "--out", "x", "--json")
    assert ended.code == 0
    luck, calibration = ended.json["targets"]
    assert (luck["name"], luck["class"], luck["verdict"]) == ("B23", "Q", "pass")
    assert all(reading["holds"] for reading in luck["readings"])
    assert (calibration["verdict"], calibration["readings"]) == ("not built", [])
    assert ended.json["counts"] == {"pass": 1, "not built": 1}
    assert ended.json["passed"] is True


def test_power_measures_again_with_the_error_planted(vouch, tmp_path):
    ended = vouch("validate", "--only", "B23", "--fast", "--power", "--out", "x")
    assert ended.code == 0
    assert "1 of 1 planted errors caught" in ended.out
    assert "Noticed: " in (tmp_path / "x" / "validation.md").read_text()


def test_a_missed_target_ends_with_1_and_is_explained(vouch, tmp_path, monkeypatch):
    outside = TARGETS["B5"]._replace(
        measure=lambda quick: Finding((Reading("mean size", 3.0, 1.9, 2.1, 2.0),)),
        explained="Somebody miscounted.",
    )
    monkeypatch.setitem(TARGETS, "B5", outside)
    monkeypatch.setattr(running, "processors", lambda: 1)
    ended = vouch("validate", "--only", "B5", "--fast", "--out", "x")
    assert ended.code == 1
    assert "1 missed" in ended.out
    assert "Somebody miscounted." in ended.out
    page = (tmp_path / "x" / "validation.md").read_text()
    assert "mean size: 3, not 1.9 to 2.1. Somebody miscounted." in page


def test_the_page_of_a_part_is_not_renewed(vouch, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "validation.md").write_text("as it was")
    assert vouch("validate", "--only", "B23", "--fast", "--out", "x").code == 0
    assert (docs / "validation.md").read_text() == "as it was"
    refused = vouch("validate", "--only", "B23", "--docs", "docs", "--out", "y")
    assert refused.code == 2
    assert "leave out --only and --fast" in refused.err


def test_a_whole_validation_renews_the_page_of_a_checkout(vouch, tmp_path, monkeypatch):
    from sim.commands import validate

    monkeypatch.setattr(validate, "chosen", lambda *_, **__: [TARGETS["B6"], TARGETS["B26"]])
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "validation.md").write_text("old")
    ended = vouch("validate", "--no-power", "--out", "x")
    assert ended.code == 0, ended.err
    assert (docs / "validation.md").read_text() == (tmp_path / "x/validation.md").read_text()
    assert (docs / "validation" / "B6.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "B77"], "there is no target 'B77'"),
        (["--only", "B7", "--workers", "0"], "workers = 0"),
    ],
)
def test_wrong_input_ends_with_2(vouch, tmp_path, arguments, message):
    ended = vouch("validate", *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_where_nothing_can_be_measured_nothing_passes(vouch, tmp_path, monkeypatch):
    monkeypatch.setenv("VOUCH_DATA", str(tmp_path / "none"))
    ended = vouch("validate", "--only", "R7", "--only", "B26", "--fast", "--out", "x", "--json")
    assert ended.code == 1
    assert ended.json["counts"] == {"not built": 1, "no data": 1}
    assert ended.json["passed"] is False


def test_a_page_is_not_renewed_without_the_real_data(vouch, tmp_path, monkeypatch):
    from sim.commands import validate

    monkeypatch.setattr(validate, "chosen", lambda *_, **__: [TARGETS["B6"], TARGETS["R7"]])
    monkeypatch.setenv("VOUCH_DATA", str(tmp_path / "none"))
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "validation.md").write_text("old")
    ended = vouch("validate", "--no-power", "--out", "x")
    assert ended.code == 0
    assert "is left as it is, there is no data for R7" in " ".join(ended.out.split())
    assert (docs / "validation.md").read_text() == "old"


def test_an_interrupted_validation_says_so(vouch, tmp_path, monkeypatch):
    from sim.commands import validate

    found = running.measure_targets([TARGETS["B23"]], quick=True, workers=1)
    stopped = found._replace(interrupted=True)
    monkeypatch.setattr(validate, "measure_targets", lambda *_, **__: stopped)
    ended = vouch("validate", "--only", "B5,B23", "--fast", "--out", "x", "--json")
    assert ended.code == 130
    assert ended.json["interrupted"] is True
    assert "Interrupted" in (tmp_path / "x" / "validation.md").read_text()


def test_an_interrupt_keeps_what_is_measured(interrupted, tmp_path):
    ended = interrupted(
        "2 of 8 measurements", "validate", "--only", "B5,B15,B16,B23", "--fast", "--power",
        "--workers", 2, "--out", "out",
    )  # fmt: skip
    assert ended.code == 130, ended.err
    assert "Interrupted" in ended.out
    found = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert found["interrupted"] is True
    assert 2 <= found["counts"]["pass"] <= 4


def test_the_list_can_be_cut(vouch):
    ended = vouch("validate", "--list", "--only", "b7", "--json")
    assert [row["name"] for row in ended.json] == ["B7"]


def test_targets_are_listed(vouch):
    ended = vouch("validate", "--list", "--json")
    assert [row["name"] for row in ended.json] == list(TARGETS)
    assert not next(row for row in ended.json if row["name"] == "B26")["built"]
