"""Pages that the code writes in part: current, complete, without a link that leads nowhere."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from sim._jit import plain
from sim.errors import InputError
from sim.model import PHASES
from sim.population import Population, State
from sim.randomness import Decision
from sim.report import odd
from sim.report.declared import parameters
from sim.report.evidence import ROWS, Evidence, evidence
from sim.rules import BUILT_IN, Rules
from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
ODD = (DOCS / "odd.md").read_text(encoding="utf-8")
PAGES = sorted(path.relative_to(REPOSITORY).as_posix() for path in DOCS.rglob("*.md"))

every_rule = pytest.mark.parametrize("slot", Rules._fields)


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    titles = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_pages_are_what_the_code_writes():
    stale = [path.name for path, page, after in odd.renewed_pages(DOCS) if page != after]
    assert stale == [], "write them again: make docs"


def test_a_page_that_is_not_current_is_renewed(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("By hand.\n<!-- begin phases -->\nold\n<!-- end -->\nMore.\n")
    odd.main(str(tmp_path))
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("By hand.", "More.")
    assert "old" not in lines
    rows = [line.split("`")[1] for line in lines if "`" in line]
    assert rows == [phase.name for phase in PHASES]
    odd.main(str(tmp_path))
    assert capsys.readouterr().out.splitlines() == [f"{page}: renewed", f"{page}: current"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("phase", "there is no block 'phase'; did you mean 'phases'?"),
        ("rule clik", "there is no rule 'clik'; did you mean 'click'?"),
        ("arrays Populaton", "there is no table 'Populaton'; did you mean 'Population'?"),
        ("fields behavior.click.novel", "did you mean 'behavior.click.novelty'?"),
    ],
)
def test_a_block_that_cannot_be_written_is_named(words, message):
    with pytest.raises(InputError, match=re.escape(message)):
        odd.renew(f"<!-- begin {words} -->\n<!-- end -->\n")


def test_a_folder_without_such_pages_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no page with a block to renew"):
        odd.main(str(tmp_path))


@every_rule
def test_every_rule_has_its_section(slot):
    assert f"\n#### {slot}\n" in ODD
    assert f"\n<!-- begin rule {slot} -->\n" in ODD


@every_rule
def test_a_rule_says_what_each_argument_is(slot):
    text = odd.rule_text(slot)
    named = {name for names in text.symbols for name in names.split(", ")}
    assert named == set(inspect.signature(plain(getattr(BUILT_IN, slot))).parameters) - {"c"}
    assert text.summary
    assert text.formula


@every_rule
def test_a_rule_lists_the_coefficients_in_its_source(slot):
    source = inspect.getsource(plain(getattr(BUILT_IN, slot))).rpartition('"""')[2]
    read = set(re.findall(r"\bc\.(\w+)", source))
    listed = {one.path.split(".")[2] for one in odd.coefficients_of(slot)}
    passed = {"lapse"} if slot == "lapse_multiplier" else set()  # behavior.fatigue.lapse
    assert listed == read | passed


def test_coefficients_of_one_name_are_told_apart():
    assert [one.path for one in odd.coefficients_of("repeat")] == ["behavior.repeat.satisfaction"]
    assert "behavior.stay.satisfaction" in {
        one.path for one in odd.coefficients_of("lapse_multiplier")
    }


def test_every_field_of_a_scenario_stands_in_one_table():
    rows = re.findall(r"(?m)^\| `([\w.\[\]]+)` \| .* \|$", ODD)
    for one in parameters():
        assert rows.count(one.path) == 1, one.path


def test_every_variable_draw_and_phase_stands_in_a_table():
    for name in (*Population._fields, *State._fields):
        assert f"\n| `{name}` | " in ODD, name
    for decision in Decision:
        row = rf"\n\| {int(decision)} \| `{decision.name}` \| \w"  # its comment says what it is
        assert re.search(row, ODD), decision.name
    for number, phase in enumerate(PHASES, 1):
        assert f"\n| {number} | `{phase.name}` | " in ODD


def test_the_elements_of_the_protocol_stand_in_their_order():
    assert re.findall(r"(?m)^## \d (.+)$", ODD) == []
    assert re.findall(r"(?m)^## \d\. (.+)$", ODD) == [
        "Purpose and patterns",
        "Entities, state variables, and scales",
        "Process overview and scheduling",
        "Design concepts",
        "Initialization",
        "Input data",
        "Submodels",
    ]
    assert re.findall(r"(?m)^### 4\.\d+ (.+)$", ODD) == [
        "Basic principles", "Emergence", "Adaptation", "Objectives", "Learning", "Prediction",
        "Sensing", "Interaction", "Stochasticity", "Collectives", "Observation",
    ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    path = REPOSITORY / page
    text = re.sub(r"(?s)```.*?```", "", path.read_text(encoding="utf-8"))
    dead = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in headings(target)):
            dead.append(link)
    assert dead == []


def test_names_linked_to_the_rules_are_functions_there():
    for name in re.findall(r"\[`rules\.(\w+)`\]\(\.\./sim/rules\.py\)", ODD):
        assert name in Rules._fields


def test_the_index_lists_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\]\(([\w/-]+\.md)\)", index))
    assert listed == {page.removeprefix("docs/") for page in PAGES} - {"README.md"}


# What is evidence -------------------------------------------------------------------------------


def test_every_uncertain_default_is_graded_once():
    page = (DOCS / "decisions.md").read_text(encoding="utf-8")
    for one in parameters():
        if one.kind == "uncertainty":
            assert page.count(f"\n| `{one.path}` |") == 1, one.path
            own_default = one.default is not None and one.source != "plan"
            assert not own_default or evidence(one.source) is not None, one.path


def test_every_row_of_evidence_is_referred_to():
    sources = " ".join(one.source for one in parameters())
    assert [name for name in ROWS if not re.search(rf"{name}(?!\d)", sources)] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("A: assumption, no source gives the number", Evidence("A", False)),
        ("A22 (Fader, Hardie and Lee 2005, CDNOW)", Evidence("D", True)),
        ("A3: 5-15 % of customers share", Evidence("P", True)),
        ("A13 (repeats lose effect)", Evidence("O", False)),
        ("A9: 3-5 % per member of a group post (A: size)", Evidence("P", False)),
        ("A10: 3-5 % of visits buy; calibrated to A11", Evidence("P", True)),
        ("A10 (sign), A: size", Evidence("E", False)),
        ("A999", None),
        ("plan", None),
    ],
)
def test_a_source_is_graded_by_the_first_row_it_names(source, found):
    assert evidence(source) == found


def test_grades_as_tables_show_them():
    shown = [
        str(Evidence(grade, size)) for grade, size in (("E", True), ("O", False), ("A", False))
    ]
    assert shown == ["E", "O sign", "A"]
