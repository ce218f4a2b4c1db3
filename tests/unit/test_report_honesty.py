"""The section of the report about honesty: earnings, credit, abuse and flags."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sim.report import build
from sim.report.figures import FIGURES, draw
from sim.report.study import read_study
from tests.saved_studies import GAINS, Page, change_summary, honest, write_study


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("report") / "study", GAINS)
    build(folder)
    return folder


@pytest.fixture
def study_copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "study"))


def text_of(page: Path) -> str:
    """What a page shows, with single spaces."""
    return " ".join(Page(page.read_text()).text.split())


def test_the_page_says_what_sharers_earn_and_what_was_flagged(saved):
    text = text_of(saved / "report.html")
    start = text.index("What sharers earn, what was paid for nothing, what could go wrong")
    section = text[start : text.index("What could be wrong with the answer")]
    assert "give_get: 70 % of its spending rewards <orders> that come without it too." in section
    assert "80 %" in section
    assert "−36.00" in section
    assert "people: 2" in section
    assert "What opportunists took" not in section
    assert "What each rule against them saves" not in section
    assert "What sharers really earn" in section
    assert "Paid for nothing are" in section
    assert (saved / "report.html").read_text().count("<img") == len(FIGURES)


def test_what_opportunists_took_is_told_where_there_are_any(study_copy):
    rejected = {f"{kind}_rejected_cents": 100.0 for kind in ("fake", "ring", "phantom")}
    took = {
        "fake_orders": 4.0, "ring_orders": 2.0, "phantom_orders": 31.0, "fraud_share": 0.24,
        "attack_earned_cents": 4680.0, "honest_hit": 1.0, **rejected,
    }  # fmt: skip
    change_summary(study_copy, abuse={"give_get": took})
    text = text_of(build(study_copy))
    section = text[text.index("What opportunists took") :]
    assert "give_get 4 2 31 46.80 EUR 24 % 3.00 EUR 1" in section


def test_what_each_rule_saves_is_told_where_rules_were_tried(study_copy):
    usual = {"policy": "give_get", "replications": 5, "attack_earned_cents": 4680.0}
    saving = {
        "saved_cents": 3000.0, "saved_cents_half_width": 400.0, "honest_hit": 2.4,
        "orders_lost": 0.6, "profit_gain_cents": -250.0, "profit_gain_cents_half_width": 100.0,
    }  # fmt: skip
    lacking = {"saved_cents": 1.0, "saved_cents_half_width": None}
    rules = [
        {**usual, "rule": "as it is", "saved_cents": 0.0},
        {**usual, **saving, "rule": "similarity <check>", "attack_earned_cents": 1680.0},
        {**usual, **lacking, "rule": "cap per person"},
    ]
    change_summary(study_copy, rules=rules, rules_finding="The check saves most & hits 2.4")
    text = text_of(build(study_copy))
    section = text[text.index("What each rule against them saves") :]
    assert "The check saves most & hits 2.4." in section
    assert "give_get as it is, then with one rule more, in the same 5 worlds" in section
    assert "as it is 46.80 – – – –" in section
    change = "30.0026.00 to 34.00 2.4 0.6 −2.50−3.50 to −1.50"
    assert f"similarity <check> 16.80 {change}" in section
    assert "cap per person 46.80 0.01 – – –" in section


def test_no_rules_no_table(study_copy):
    change_summary(study_copy, rules=[], rules_finding=None)
    assert "What each rule against them saves" not in text_of(build(study_copy))


def test_a_study_saved_without_disclosures_keeps_its_report(study_copy):
    path = study_copy / "comparison.json"
    old = {k: v for k, v in json.loads(path.read_text()).items() if k not in honest({})}
    path.write_text(json.dumps(old))
    text = text_of(build(study_copy))
    assert "What sharers earn, what was paid" not in text
    assert "Who earns what" in text
    assert not (study_copy / "figures" / "attribution.png").exists()


def test_a_figure_that_was_not_saved_becomes_a_dash(study_copy):
    lacking = {name: {"participants": 50, "mean_cents": 11.0} for name in GAINS}
    change_summary(study_copy, income_disclosure=lacking, attribution={"give_get": {"credited": 2}})
    text = text_of(build(study_copy))
    assert "nan" not in text
    assert "give_get 50 –" in text


def test_nothing_flagged_is_said(study_copy):
    change_summary(study_copy, flags=[])
    assert "Nothing is flagged" in text_of(build(study_copy))


def test_titles_say_what_is_earned_and_what_was_caused(saved):
    found = {drawing.name: drawing.finding for drawing in draw(read_study(saved))}
    assert found["income"] == (
        "Under give_get, 80 % of sharers earn nothing; 4.0 % earn more than they spend"
    )
    assert found["attribution"] == (
        "Of 24 orders that give_get credits, it caused 7.2; 12.00 EUR rewards the others"
    )


def test_no_figure_where_nobody_is_paid(tmp_path):
    study = read_study(write_study(tmp_path / "unpaid", {"none": 0, "free": 0}))
    assert {"income", "attribution"}.isdisjoint(drawing.name for drawing in draw(study))
    text = text_of(build(study.folder))
    assert "What sharers really earn" in text
    assert "100 %" in text
