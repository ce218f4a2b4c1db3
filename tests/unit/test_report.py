"""The report: read from a saved study only, complete, honest, and readable without a network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sim.errors import InputError
from sim.report import build
from sim.report.figures import FIGURES, draw, png
from sim.report.page import doubts, headline
from sim.report.study import OUTCOMES, mean_interval, read_study
from sim.report.style import DASH, count
from tests.saved_studies import (
    GAINS,
    WARNING,
    Page,
    change,
    change_summary,
    wobble,
    write_single_run,
    write_study,
)  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("report") / "study", GAINS)
    build(folder)
    return folder


@pytest.fixture
def study_copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "study"))


@pytest.fixture(scope="module")
def page(saved: Path) -> Page:
    return Page((saved / "report.html").read_text())


# ------------------------------------------------------------------------------------ page


def test_a_comparison_gets_every_figure(saved):
    names = {figure.__name__ for figure in FIGURES}
    assert {path.stem for path in (saved / "figures").glob("*.png")} == names
    assert all(Image.open(saved / "figures" / f"{name}.png").width > 1000 for name in names)
    assert [path.name for path in saved.rglob(".*")] == []


def test_the_page_asks_for_nothing_outside(saved, page):
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object")] == []
    style = (saved / "report.html").read_text().split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_can_be_read_aloud(page):
    assert len(page.all("img")) == len(FIGURES)
    assert all(len(image["alt"]) > 40 for image in page.all("img"))
    assert {heading["scope"] for heading in page.all("th")} == {"col", "row"}
    assert page.all("html")[0]["lang"] == "en"
    assert [tag for tag, _ in page.tags if tag == "h1"] == ["h1"]


def test_the_page_starts_with_the_verdict_and_says_how_to_repeat(page):
    assert page.text.index("give_get wins") < page.text.index("Results")
    assert "+120.00 EUR profit per run" in page.text
    assert "vouch compare 'my scenario.toml'" in page.text
    assert "1234567" in page.text
    assert "numpy 2.4" in page.text


def test_the_page_shows_warnings_as_text(saved):
    assert "36.00 &amp; &lt;more&gt;" in (saved / "report.html").read_text()


def test_the_table_holds_means_and_intervals(saved, page):
    outcomes = pd.read_parquet(saved / "outcomes.parquet")
    extra = outcomes[outcomes["policy"] == "give_get"]["incremental_orders"]
    interval = mean_interval(extra.to_numpy())
    assert f"{count(interval.mean, plus=True)}" in page.text
    assert f"{count(interval.low, plus=True)} to {count(interval.high, plus=True)}" in page.text
    assert "1.50 EUR" in page.text
    assert "> 99 %" in page.text


def test_building_twice_gives_the_same_bytes(study_copy):
    first = {path: path.read_bytes() for path in study_copy.rglob("*") if path.is_file()}
    build(study_copy)
    assert {path: path.read_bytes() for path in study_copy.rglob("*") if path.is_file()} == first


def test_a_figure_that_no_longer_applies_is_removed(study_copy):
    (study_copy / "cascade.json").write_text("{}")
    build(study_copy)
    assert not (study_copy / "figures" / "cascade.png").exists()


# --------------------------------------------------------------------------- unusual studies


def test_a_single_run_shows_what_there_is(tmp_path):
    folder = write_single_run(tmp_path / "run")
    text = Page(build(folder).read_text()).text
    assert {path.stem for path in (folder / "figures").iterdir()} == {
        "sales",
        "retention",
        "funnel",
    }
    assert text.index("ten_percent:") < text.index("Results")
    assert "single run" in text
    assert "P(best)" not in text


def test_many_policies_are_all_named(tmp_path):
    gains = {"none": 0} | {f"a_rather_long_policy_name_{k}": k for k in range(-2, 10)}
    text = build(write_study(tmp_path / "many", gains)).read_text()
    assert all(name in text for name in gains)


@pytest.mark.parametrize("gains", [{"none": 0}, {"give_get": 5}, {"none": 0, "give_get": 0}])
def test_few_policies(tmp_path, gains):
    assert build(write_study(tmp_path / "few", gains)).is_file()


def test_a_baseline_that_was_not_kept_is_taken_from_the_comparison(tmp_path):
    study = read_study(write_study(tmp_path / "unlisted", {"ten_percent": 6, "give_get": 12}))
    assert study.baseline is None
    assert study.gains("profit_cents")["give_get"] == (120.0, 96.0, 144.0)
    assert {drawing.name for drawing in draw(study)} >= {"sales", "profit"}


@pytest.mark.parametrize("measures", [("retention_d30", "incremental_orders"), OUTCOMES])
def test_a_measure_without_numbers_becomes_a_dash(study_copy, measures):
    change(study_copy / "outcomes.parquet", **dict.fromkeys(measures, np.nan))
    text = Page(build(study_copy).read_text()).text
    assert "nan" not in text
    assert DASH in text


def test_two_replications_and_short_runs(tmp_path):
    folder = write_study(tmp_path / "short", GAINS, replications=2)
    daily = pd.read_parquet(folder / "daily.parquet")
    daily[daily["day"] < 1].to_parquet(folder / "daily.parquet")
    assert build(folder).is_file()
    assert any("2 runs" in doubt for doubt in doubts(read_study(folder)))


# ---------------------------------------------------------------------------------- doubts


def said(folder: Path) -> str:
    return " ".join(doubts(read_study(folder)))


def test_a_clear_study_has_no_doubts_but_its_own_warnings(saved):
    assert doubts(read_study(saved)) == [WARNING]


def test_a_lead_within_its_interval_is_said(study_copy):
    path = study_copy / "outcomes.parquet"
    outcomes = pd.read_parquet(path)
    luck = [1_000.0 * wobble(3, k) for k in range(len(outcomes))]
    change(path, profit_cents=np.array(luck))
    assert "by less than its interval" in said(study_copy)


def test_orders_that_would_have_come_anyway_are_said(study_copy):
    change(study_copy / "outcomes.parquet", cannibalised_orders=40)
    assert (
        "give_get pays for 40 orders that would have come anyway, and brings 11.7 extra."
        in said(study_copy)
    )


def test_a_budget_that_is_used_up_is_said(study_copy):
    change(study_copy / "outcomes.parquet", payout_cents=1_999_000)
    assert "give_get used 90 % or more of its budget of 20,000 EUR in 6 of 6 runs" in said(
        study_copy
    )


def test_an_interrupted_study_is_said(study_copy):
    path = study_copy / "comparison.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"interrupted": True}))
    assert "was interrupted" in said(study_copy)


# ------------------------------------------------------------------------ findings in words


def finding(folder: Path, name: str) -> str:
    return next(drawing.finding for drawing in draw(read_study(folder)) if drawing.name == name)


def test_titles_say_who_wins(saved):
    assert finding(saved, "profit").startswith("give_get earns ")
    assert finding(saved, "cost").startswith("An extra order costs 1.50 EUR under ")
    assert "80 % of those who share earn nothing" in finding(saved, "earnings")
    assert finding(saved, "cascade").endswith("brought 4 more in 3 steps")


def test_the_funnel_tells_volume_before_rates(saved):
    assert finding(saved, "funnel") == (
        "give_get: 170 shares send 2,100 messages and bring 17 orders (no reward: 5)"
    )


def test_few_sharers_have_a_top_one_in_title_and_heading(saved):
    (drawing,) = (one for one in draw(read_study(saved)) if one.name == "earnings")
    assert "the top one gets 18 % of the money" in drawing.finding
    heads = [text.get_text() for axes in drawing.figure.axes for text in axes.texts]
    assert "top one gets" in heads


def test_who_stays_says_what_the_measure_is(study_copy):
    path = study_copy / "outcomes.parquet"
    outcomes = pd.read_parquet(path)
    higher = outcomes["retention_d30"] + 0.01 * (outcomes["policy"] == "give_get")
    change(path, retention_d30=higher)
    (drawing,) = (one for one in draw(read_study(study_copy)) if one.name == "retention")
    assert drawing.finding.startswith("Under give_get, 9.")
    assert "of new customers open the app on day 30 (no reward: " in drawing.finding
    assert "Of those who earned money under give_get, 2.0 % more (95 % interval " in (
        drawing.how_to_read
    )


def test_policies_that_hide_each_other_are_called_identical(tmp_path):
    folder = write_study(tmp_path / "twins", GAINS)
    for table in ("outcomes", "daily", "retention"):
        rows = pd.read_parquet(folder / f"{table}.parquet")
        copy = rows[rows["policy"] == "give_get"].assign(policy="ten_percent")
        others = rows[rows["policy"] != "ten_percent"]
        pd.concat([others, copy]).to_parquet(folder / f"{table}.parquet")
    study = read_study(folder)
    assert study.identical("give_get") == ["give_get", "ten_percent"]
    assert study.identical("none") == ["none"]
    labels = {
        drawing.name: [text.get_text() for axes in drawing.figure.axes for text in axes.texts]
        for drawing in draw(study)
    }
    assert labels["sales"].count("give_get (identical)") == 1
    assert "ten_percent (identical)" in labels["cost"]
    assert not any("none (identical)" in text for text in labels["sales"])


def test_a_column_of_money_has_the_same_decimals(saved, tmp_path):
    folder = write_study(tmp_path / "mixed", {"none": 0, "small": 0.5, "large": 12})
    change(folder / "outcomes.parquet", profit_cents=[0.0] * 6 + [99_276.0] * 6 + [128_200.0] * 6)
    text = Page(build(folder).read_text()).text
    assert "+1,282 EUR" in text
    assert "+993 EUR" in text
    assert "992.76" not in text


def test_titles_do_not_claim_what_is_not_there(tmp_path):
    folder = write_study(tmp_path / "worse", {"none": 0, "give_get": -9})
    assert finding(folder, "sales").startswith("No policy sells more than no reward")
    assert finding(folder, "profit").startswith("No policy earns more than no reward")
    assert finding(folder, "cost").startswith("No policy pays for orders")
    assert finding(folder, "sources").startswith("give_get brings no extra orders")
    change(folder / "outcomes.parquet", incremental_orders=[2, -1] * 6)
    assert finding(folder, "sources").startswith("give_get may bring ")
    change(folder / "outcomes.parquet", profit_cents=[1e5 * wobble(k) for k in range(12)])
    assert "earns" not in finding(folder, "profit") or "No policy" in finding(folder, "profit")


def test_the_headline_is_split_at_its_first_colon(saved):
    assert headline(read_study(saved)) == (
        "give_get wins", "+120.00 EUR profit per run (95 % 90.00 to 150.00)",
    )  # fmt: skip


# -------------------------------------------------------------------------- wrong folders


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        build(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no manifest\.json.*vouch run"):
        build(tmp_path)


STUDY_FILES = (
    "scenario.toml", "outcomes.parquet", "daily.parquet", "comparison.json", "earnings.parquet",
    "retention.parquet", "cascade.json",
)  # fmt: skip


@pytest.mark.parametrize("name", STUDY_FILES)
def test_a_missing_file_is_named_and_nothing_changes(study_copy, name):
    (study_copy / name).unlink()
    before = (study_copy / "report.html").read_bytes()
    with pytest.raises(InputError, match=rf"{name} is missing.*--overwrite"):
        build(study_copy)
    assert (study_copy / "report.html").read_bytes() == before


@pytest.mark.parametrize("name", ["manifest.json", *STUDY_FILES])
def test_a_damaged_file_is_named(study_copy, name):
    path = study_copy / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + b'"[')
    with pytest.raises(InputError, match=name):
        build(study_copy)


@pytest.mark.parametrize("parent", [[-1, 2, 0, 1, 3], [-1, 0, -1, 1, 3], [-1, 0], ["x"] * 5])
def test_a_cascade_that_is_no_tree_is_refused(study_copy, parent):
    content = json.loads((study_copy / "cascade.json").read_text())
    content["none"]["parent"] = parent
    (study_copy / "cascade.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"cascade\.json is damaged"):
        build(study_copy)


def test_a_missing_column_is_named(study_copy):
    path = study_copy / "outcomes.parquet"
    pd.read_parquet(path).drop(columns="profit_cents").to_parquet(path)
    with pytest.raises(InputError, match=r"outcomes\.parquet has no column 'profit_cents'"):
        build(study_copy)


def test_tables_of_different_runs_are_refused(study_copy):
    path = study_copy / "daily.parquet"
    daily = pd.read_parquet(path)
    daily[daily["replication"] > 0].to_parquet(path)
    with pytest.raises(InputError, match="hold different runs"):
        build(study_copy)


# ------------------------------------------------------------------------------- appearance


def test_nothing_is_clipped(saved, tmp_path):
    gains = {"none": 0} | {f"a_rather_long_policy_name_{k}": 3 * k for k in range(1, 12)}
    outside = []
    for folder in (saved, write_study(tmp_path / "many", gains)):
        for drawing in draw(read_study(folder)):
            png(drawing)
            drawn = drawing.figure.get_tightbbox()
            width, height = drawing.figure.get_size_inches()
            if min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) < 0:
                outside.append((drawing.name, drawn))
    assert outside == []


def test_policies_keep_their_colours(saved):
    from sim.report.style import looks

    study = read_study(saved)
    table = looks(study)
    assert len({look.colour for look in table.values()}) == len(table)
    assert table == looks(read_study(saved))


def test_the_page_says_which_policies_can_be_told_apart(tmp_path):
    folder = write_study(tmp_path / "study", GAINS)
    line = "1 give_get; 2–3 none, ten_percent (cannot be told apart)"
    assert "Places by" not in Page(build(folder).read_text()).text
    change_summary(folder, ranking={"line": line, "places": {name: {} for name in GAINS}})
    text = Page(build(folder).read_text()).text
    assert f"Places by profit, all of them together 95 % sure: {line}." in text
