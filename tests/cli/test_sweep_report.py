"""What ``vouch sweep`` and ``vouch report`` leave and say at the end of a sweep."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

STUDY = """
scenario = "scenario.toml"
replications = 3
policies = ["none", "give_get"]
[points.factors]
policies.give_get.give = [2.0, 6.0]
[worlds]
design = "latin_hypercube"
count = 6
[worlds.factors]
products.0.unit_cost = { low = 10.0, high = 34.0 }
[targets.ten]
measure = "orders"
amount = 10
"""


class Page(HTMLParser):
    """Headings, pictures and everything that a page asks for from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.pictures: list[str] = []
        self.outside: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._open = tag
        found = dict(attributes)
        if tag in ("h1", "h2"):
            self.headings.append("")
        if tag == "img":
            assert found["src"].startswith("data:image/png;base64,")
            self.pictures.append(found["alt"])
        self.outside += [value for name, value in attributes if name in ("href", "srcset")]
        self.outside += [tag] if tag in ("script", "link", "iframe") else []

    def handle_data(self, data):
        if self._open in ("h1", "h2") and self.headings:
            self.headings[-1] += data

    def handle_endtag(self, tag):
        self._open = ""


@pytest.fixture
def study(scenario, tmp_path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def swept(vouch, study, *arguments):
    return vouch("sweep", study, "--workers", 1, "--out", "out", *arguments)


def test_a_sweep_ends_with_its_memo_and_page(vouch, study, tmp_path):
    ended = swept(vouch, study)
    assert ended.code == 0, ended.err
    out = tmp_path / "out"
    memo = (out / "memo.md").read_text(encoding="utf-8")
    said = " ".join(ended.out.split())
    for sentence in memo.splitlines()[2].split(". "):
        assert " ".join(sentence.split()) in said
    for part in ("How sure", "What it costs", "Who loses", "What would flip it"):
        assert part in said
        assert f"## {part}" in memo
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    assert page.outside == []
    assert page.headings[1:5] == ["How sure", "What it costs", "Who loses", "What would flip it"]
    for heading in (
        "The choices", "What each choice gains", "How it does over what is not known",
        "How much is luck", "How to repeat it",
    ):  # fmt: skip
        assert heading in page.headings
    # The gain is too small here to say who is ahead as written, so there is nothing to flip.
    assert "neither is surely ahead" in memo
    assert not any(heading.startswith("What would flip it against ") for heading in page.headings)
    assert len(page.pictures) == len(list((out / "figures").glob("*.png"))) >= 3


def test_findings_are_beside_the_data(vouch, study, tmp_path):
    ended = swept(vouch, study, "--json")
    document = json.loads((tmp_path / "out" / "findings.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in document["candidates"]].count("none") == 1
    assert document["counts"]["worlds"] == 6
    assert ended.json["recommendation"]
    assert len(document["flips"][0]["assumptions"]) == 1


def test_no_report_leaves_the_memo_alone(vouch, study, tmp_path):
    assert swept(vouch, study, "--no-report").code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"findings.json", "memo.md"} <= names
    assert not {"report.html", "figures"} & names


def test_the_report_is_made_again_to_the_byte(vouch, study, tmp_path):
    swept(vouch, study)
    names = ("report.html", "memo.md", "findings.json")
    before = [(tmp_path / "out" / name).read_bytes() for name in names]
    for name in names:
        (tmp_path / "out" / name).unlink()
    ended = vouch("report", "out")
    assert ended.code == 0, ended.err
    assert [(tmp_path / "out" / name).read_bytes() for name in names] == before


def test_a_sweep_that_is_extended_says_it_anew(vouch, study, tmp_path):
    swept(vouch, study, "--no-report")
    before = json.loads((tmp_path / "out" / "findings.json").read_text())
    ended = swept(vouch, study, "--no-report", "--replications", 4)
    assert ended.code == 0, ended.err
    after = json.loads((tmp_path / "out" / "findings.json").read_text())
    assert (before["counts"]["replications"], after["counts"]["replications"]) == (3, 4)


def test_overwrite_removes_an_old_answer(vouch, study, tmp_path):
    swept(vouch, study)
    assert swept(vouch, study, "--no-report", "--overwrite").code == 0
    assert not (tmp_path / "out" / "report.html").exists()


def test_without_the_baseline_the_runs_are_kept_and_the_cure_is_named(vouch, study, tmp_path):
    study.write_text(STUDY.replace('["none", "give_get"]', '["give_get"]'))
    ended = swept(vouch, study)
    assert ended.code == 0
    assert "there is no memo" in ended.err
    assert "add it to the policies of the study" in " ".join(ended.err.split())
    assert (tmp_path / "out" / "outcomes").is_dir()


def test_other_answers_of_the_folder_are_on_the_page(vouch, study, tmp_path):
    swept(vouch, study)
    ranking = {
        "statement": "give_get is the best with probability 0.95", "objective": "profit_cents",
        "best": "give_get",
        "candidates": [
            {"name": "give_get", "mean": 1234.0, "low": 1000.0, "high": 1500.0, "runs": 20,
             "behind": None, "out_after": None},
        ],
    }  # fmt: skip
    (tmp_path / "out" / "rank.json").write_text(json.dumps(ranking))
    assert vouch("report", "out").code == 0
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "give_get is the best with probability 0.95." in text
    assert "12.34" in text


def test_a_damaged_answer_is_named(vouch, study, tmp_path):
    swept(vouch, study, "--no-report")
    (tmp_path / "out" / "optimize.json").write_text('{"policy": "give_get"}')
    ended = vouch("report", "out")
    assert ended.code == 2
    assert "optimize.json is damaged" in " ".join(ended.err.split())


@pytest.mark.parametrize("command", ["rank", "sensitivity"])
def test_the_folder_of_another_answer_has_its_page(vouch, study, tmp_path, command):
    study.write_text(f"{STUDY}\n[rank]\nindifference = 4000\n[sensitivity]\nsamples = 4\n"
                     "measures = [\"orders\"]\nreplications = 3\n")  # fmt: skip
    assert vouch(command, study, "--workers", 1, "--out", "out").code == 0
    ended = vouch("report", "out")
    assert ended.code == 0, ended.err
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert page.outside == []
    assert page.headings[1].startswith("Which ")
    assert "The choices" not in page.headings


def test_a_comparison_has_its_memo(vouch, scenario, tmp_path):
    assert vouch("compare", scenario, "--replications", 2, "--workers", 1, "--out", "out").code == 0
    memo = (tmp_path / "out" / "memo.md").read_text(encoding="utf-8")
    assert memo.startswith("# small: decision memo")
    assert "Nothing is known about that" in memo
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert page.headings[1:5] == ["How sure", "What it costs", "Who loses", "What would flip it"]
