"""What docs/how-to/read-results.md shows works as written, and gives the right numbers."""

from __future__ import annotations

import re

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pytest

from tests.conftest import REPOSITORY
from tests.saved_sweeps import GIVE, LEARNING, POINTS, REPLICATIONS, WORLDS, write_sweep

PAGE = (REPOSITORY / "docs" / "how-to" / "read-results.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def query(number):
    """The rows of an SQL block of the page, as a table."""
    return duckdb.sql(blocks("sql")[number]).df()


@pytest.fixture
def sweep(vouch, tmp_path):
    """The sweep of the page, in the folder that snippets start from."""
    runs = write_sweep(tmp_path / "results" / "rewards")
    points = pd.read_parquet(tmp_path / "results" / "rewards" / "points.parquet")
    worlds = pd.read_parquet(tmp_path / "results" / "rewards" / "worlds.parquet")
    return runs.merge(points, on="point").merge(worlds, on="world")


@pytest.fixture
def launch(vouch, scenario):
    ended = vouch(
        "compare", scenario, "--replications=3", "--workers=1", "--no-report",
        "--out=results/launch",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    return pd.read_parquet("results/launch/outcomes.parquet")


def test_the_python_snippets_give_the_right_numbers(vouch, sweep, launch, capsys):
    for line in re.findall(r"(?m)^    vouch (export .*)$", PAGE):
        assert vouch(*line.split()).code == 0
    namespace = {}
    for block in blocks("python"):
        exec(compile(block, "read-results.md", "exec"), namespace)
    by_policy = launch.set_index(["policy", "replication"])["profit_cents"]
    gain = (by_policy["give_get"] - by_policy["none"]).mean() / 100
    figure, meaning = capsys.readouterr().out.split(" ", 1)
    assert float(figure) == pytest.approx(gain, rel=1e-12)
    assert meaning.startswith("Net revenue less unit costs and payouts")

    grouped = sweep.groupby(["policy", GIVE])
    pd.testing.assert_series_equal(
        namespace["by_reward"], grouped["profit_cents"].mean() / 100, rtol=1e-12
    )
    polars = {(policy, give): mean for policy, give, mean in namespace["means"].rows()}
    assert polars == pytest.approx(dict(grouped["orders"].mean()), rel=1e-12)

    on_grid = namespace["by_world_and_point"]
    assert on_grid.dims == ("world", "point")
    np.testing.assert_allclose(on_grid, np.full((WORLDS, POINTS), -250.0), rtol=1e-12)
    assert list(namespace["give"].values) == [2.5, 3.5, 4.5, 5.5]
    assert all(path.exists() for path in namespace["written"].files)
    book = openpyxl.load_workbook("results/launch-export/launch.xlsx", read_only=True)
    assert book.sheetnames[0] == "README"


def test_all_runs_in_one_line_of_sql(sweep):
    assert blocks("sql")[0].count("\n") == 1
    found = query(0).set_index("policy")
    assert list(found["runs"]) == [WORLDS * POINTS * REPLICATIONS] * 2
    assert dict(found["orders"]) == pytest.approx(dict(sweep.groupby("policy")["orders"].mean()))


def test_runs_joined_with_their_parameters(sweep):
    chosen = sweep[sweep[LEARNING] > 0.15]
    expected = chosen.groupby(["policy", GIVE])["profit_cents"].mean() / 100
    assert len(chosen) == len(sweep) * 2 // 3
    found = query(1).set_index(["policy", "give"])["profit"]
    assert dict(found) == pytest.approx(dict(expected), rel=1e-12)


def test_the_paired_difference(sweep):
    assert dict(query(2).to_numpy()) == dict.fromkeys(range(POINTS), -250.0)


def test_what_the_columns_are(sweep):
    found = query(3).set_index("column")
    assert list(found.index) == [name for name in sweep.columns if "." not in name]
    assert found.loc["profit_cents", "unit"] == "0.01 CHF"
