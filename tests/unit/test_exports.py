"""Exports hold what the study holds, to the bit, or there is none."""

from __future__ import annotations

import errno
import gc
import sys

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from pyarrow import parquet

from sim.errors import InputError
from sim.studies import files
from sim.studies.exporting import exports, saved_study, workbook
from sim.studies.exporting.exports import export
from tests.saved_sweeps import (
    GIVE,
    LEARNING,
    POINTS,
    POLICIES,
    REPLICATIONS,
    SCENARIO,
    WORLDS,
    keys,
    outcome,
    write_sweep,
)

every_format = pytest.mark.parametrize("format", exports.FORMATS)


@pytest.fixture
def sweep(tmp_path):
    folder = tmp_path / "sweep"
    write_sweep(folder)
    return folder


@pytest.fixture
def gappy(tmp_path):
    """A sweep in which the runs of one point failed under one policy."""
    folder = tmp_path / "gappy"
    write_sweep(folder, failed=lambda key: key[0] == "give_get" and key[2] == 2)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# CSV -------------------------------------------------------------------------------------------


def test_csv_holds_every_table_to_the_bit(sweep, monkeypatch):
    monkeypatch.setattr(saved_study, "BATCH_ROWS", 7)
    found = export(sweep, "csv")
    folder = sweep.parent / "sweep-export"
    names = ["outcomes", "points", "worlds", "dictionary"]
    assert found == ((*(folder / f"{name}.csv" for name in names),), ())
    written = pd.read_csv(folder / "outcomes.csv", keep_default_na=True)
    expected = pd.DataFrame([outcome(*key) for key in keys()])
    pd.testing.assert_frame_equal(written, expected, check_exact=True, check_dtype=False)
    assert list(pd.read_csv(folder / "points.csv")[GIVE]) == [2.5, 3.5, 4.5, 5.5]


def test_csv_leaves_empty_what_is_missing(sweep):
    export(sweep, "csv")
    lines = (sweep.parent / "sweep-export" / "outcomes.csv").read_text().splitlines()
    assert lines[1] == '"none",0,0,0,"key00000",0,0,,0,0'


def test_csv_leaves_empty_what_is_nan(sweep):
    path = sweep / "outcomes" / "outcomes-00000.parquet"
    table = parquet.read_table(path)
    nan = pa.array(np.full(table.num_rows, np.nan))
    parquet.write_table(table.set_column(table.column_names.index("roi"), "roi", nan), path)
    export(sweep, "csv")
    lines = (sweep.parent / "sweep-export" / "outcomes.csv").read_text().splitlines()
    assert lines[2] == '"give_get",0,0,0,"key01000",1000,-25000,,0,500'


def test_parts_of_other_types_become_one_table(sweep):
    path = sweep / "outcomes" / "outcomes-00001.parquet"
    part = pd.read_parquet(path)
    files.write_parquet(path, part.assign(orders=part["orders"] + 0.5))
    export(sweep, "csv", out=sweep.parent / "out")
    orders = pd.read_csv(sweep.parent / "out" / "outcomes.csv")["orders"]
    assert list(orders[len(orders) // 2 :]) == list(part["orders"] + 0.5)


# Excel -----------------------------------------------------------------------------------------


def sheet(path, name):
    rows = list(openpyxl.load_workbook(path)[name].iter_rows(values_only=True))
    return pd.DataFrame(rows[1:], columns=rows[0])


def test_a_workbook_holds_every_table_and_says_what_each_is(sweep):
    (path,), left_out = export(sweep, "excel")
    assert (path.name, left_out) == ("sweep.xlsx", ())
    book = openpyxl.load_workbook(path, read_only=True)
    assert book.sheetnames == ["README", "outcomes", "points", "worlds", "dictionary"]
    expected = pd.DataFrame([outcome(*key) for key in keys()])
    written = sheet(path, "outcomes").astype(expected.dtypes)
    # The file format keeps 16 digits of a number.
    pd.testing.assert_frame_equal(written, expected, rtol=1e-15, atol=0)
    front = dict(row[:2] for row in book["README"].iter_rows(values_only=True) if row)
    assert front["study"] == SCENARIO.name
    assert front["outcomes"] == "a row per run: what came of it; 120 rows"
    assert front["amounts"].endswith("hundredths of CHF")
    units = sheet(path, "dictionary").set_index(["table", "column"])["unit"]
    assert units["outcomes", "profit_cents"] == "0.01 CHF"


def test_a_text_that_looks_like_a_formula_stays_a_text(sweep):
    people = pd.DataFrame({"consumer": [0, 1], "id": ['=HYPERLINK("x")', "bell\x07"]})
    files.write_parquet(sweep / "people.parquet", people)
    (path,), _ = export(sweep, "excel")
    _, first, second = openpyxl.load_workbook(path)["people"]["B"]
    assert (first.value, first.data_type) == ('=HYPERLINK("x")', "s")
    assert second.value == "bell\N{REPLACEMENT CHARACTER}"


def test_a_table_too_long_for_a_sheet_is_left_out_and_said_to_be(sweep, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 122)
    for rows, left_out in ((121, 0), (122, 1)):
        days = pd.DataFrame({"policy": ["none"] * rows, "day": range(rows)})
        files.write_parquet(sweep / "daily.parquet", days)
        found = export(sweep, "excel", overwrite=True)
        assert len(found.left_out) == left_out
        assert ("daily" in openpyxl.load_workbook(found.files[0]).sheetnames) == (not left_out)
    assert found.left_out[0].startswith("daily has 122 rows, more than a sheet of Excel holds")
    front = openpyxl.load_workbook(found.files[0])["README"].iter_rows(values_only=True)
    assert ("left out", found.left_out[0]) in list(front)


def test_outcomes_too_long_for_a_sheet_are_refused(sweep, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 120)
    with pytest.raises(InputError, match=r"holds 120 runs; a sheet .* use --format csv"):
        export(sweep, "excel")
    assert not (sweep.parent / "sweep-export").exists()


# NetCDF ----------------------------------------------------------------------------------------


def test_netcdf_has_every_run_at_its_place(sweep):
    (path,), left_out = export(sweep, "netcdf")
    assert (path.name, left_out) == ("sweep.nc", ())
    with xr.open_dataset(path) as data:
        assert dict(data.sizes) == {
            "policy": 2, "world": WORLDS, "point": POINTS, "replication": REPLICATIONS,
        }  # fmt: skip
        assert list(data["policy"].values) == list(POLICIES)
        for key in keys():
            place = dict(zip(("policy", "world", "point", "replication"), key, strict=True))
            run, expected = data.sel(place), outcome(*key)
            assert run["orders"] == expected["orders"]
            assert run["run"] == expected["run"]
            np.testing.assert_array_equal(run["roi"], expected["roi"])
        assert data["orders"].dtype == data["profit_cents"].dtype == np.int64
        assert data.attrs["missing_runs"] == 0


def test_netcdf_says_units_and_has_factors_along_their_axis(sweep):
    (path,), _ = export(sweep, "netcdf")
    with xr.open_dataset(path, decode_timedelta=True) as data:
        assert data["profit_cents"].attrs["units"] == "0.01 CHF"
        assert data["orders"].attrs["long_name"].startswith("Orders placed")
        assert data[GIVE].dims == ("point",)
        assert data[GIVE].attrs["units"] == "CHF"
        assert list(data[GIVE].values) == [2.5, 3.5, 4.5, 5.5]
        assert list(data[LEARNING].values) == [0.1, 0.2, 0.3]
        assert list(data["network.kind"].values) == ["a", "b", ""]
        # A number of days is a number, not a span of time.
        assert data["soon_reached_day"].dtype == np.float64
        assert data.attrs["scenario"] == SCENARIO.to_toml()


def test_a_run_that_failed_is_nan_in_netcdf(gappy):
    (path,), _ = export(gappy, "netcdf")
    with xr.open_dataset(path) as data:
        assert data.attrs["missing_runs"] == WORLDS * REPLICATIONS
        assert list(data["point"].values) == list(range(POINTS))
        lost = data["orders"].sel(policy="give_get", point=2)
        assert np.isnan(lost).all()
        assert int(np.isnan(data["orders"]).sum()) == lost.size
        assert (data["run"].sel(policy="give_get", point=2) == "").all()
        assert data["orders"].sel(policy="give_get", world=1, point=3, replication=4) == 1134


def test_a_point_all_of_whose_runs_failed_keeps_its_place(tmp_path):
    write_sweep(tmp_path / "sweep", failed=lambda key: key[2] == 1)
    (path,), _ = export(tmp_path / "sweep", "netcdf")
    with xr.open_dataset(path) as data:
        assert list(data["point"].values) == list(range(POINTS))
        assert np.isnan(data["orders"].sel(point=1)).all()


def test_daily_columns_have_an_axis_of_days(tmp_path):
    files.write_scenario(tmp_path, SCENARIO)
    rows = [("none", 0), ("give_get", 0), ("none", 1), ("give_get", 1)]
    runs = pd.DataFrame(rows, columns=["policy", "replication"])
    files.write_parquet(tmp_path / "outcomes.parquet", runs.assign(orders=[6, 60, 9, 90]))
    daily = runs.merge(pd.DataFrame({"day": [0, 1, 2]}), how="cross")
    daily["orders"] = np.arange(12)
    files.write_parquet(tmp_path / "daily.parquet", daily)
    (path,), _ = export(tmp_path, "netcdf", out=tmp_path / "out")
    with xr.open_dataset(path) as data:
        assert data["daily_orders"].dims == ("policy", "replication", "day")
        days = data["daily_orders"].sel(policy="give_get", replication=1)
        assert list(days.values) == [9, 10, 11]
        assert list(data["orders"].sel(replication=0).values) == [6, 60]


def test_a_run_that_is_there_twice_is_refused(sweep):
    first = sweep / "outcomes" / "outcomes-00000.parquet"
    (sweep / "outcomes" / "outcomes-00002.parquet").write_bytes(first.read_bytes())
    with pytest.raises(InputError, match=r"outcomes-00000\.parquet holds a run twice"):
        export(sweep, "netcdf")


def test_a_grid_larger_than_memory_is_refused(sweep, monkeypatch):
    monkeypatch.setattr("sim.studies.exporting.netcdf.bytes_available", lambda: 1_000)
    with pytest.raises(InputError, match=r"a grid of 120 runs needs .* use --format csv"):
        export(sweep, "netcdf")


# Whole or not at all ---------------------------------------------------------------------------


@every_format
def test_the_study_itself_is_left_as_it_is(sweep, format):
    before = contents(sweep)
    export(sweep, format)
    assert contents(sweep) == before


@every_format
def test_files_that_are_there_are_replaced_only_if_asked(sweep, format):
    out = sweep.parent / "out"
    path = export(sweep, format, out=out).files[0]
    path.write_text("mine")
    with pytest.raises(InputError, match=rf"{path.name} is there already; add --overwrite"):
        export(sweep, format, out=out)
    assert path.read_text() == "mine"
    export(sweep, format, out=out, overwrite=True)
    assert path.read_bytes() != b"mine"


@every_format
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_part_leaves_nothing_half_written(sweep, format):
    part = sweep / "outcomes" / "outcomes-00001.parquet"
    content = bytearray(part.read_bytes())
    # The columns, not the footer: it is found only when rows are read.
    content[4:200] = bytes(196)
    part.write_bytes(content)
    with pytest.raises(InputError, match=r"outcomes-00001\.parquet cannot be read"):
        export(sweep, format, out=sweep.parent / "a" / "b")
    assert not (sweep.parent / "a").exists()
    gc.collect()


def test_a_full_disk_leaves_nothing_half_written(sweep, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    out = sweep.parent / "out"
    export(sweep, "csv", out=out)
    before = contents(out)
    monkeypatch.setattr(exports, "_without_nan", full)
    with pytest.raises(InputError, match=r"out cannot be written: No space left on device"):
        export(sweep, "csv", out=out, overwrite=True)
    assert contents(out) == before


def test_what_is_no_study_is_refused(tmp_path, sweep):
    with pytest.raises(InputError, match=r"nothing is not a folder"):
        export(tmp_path / "nothing", "csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match=r"empty holds no outcomes.parquet, so it is no finished study"
    ):
        export(tmp_path / "empty", "csv")
    (sweep / "scenario.toml").unlink()
    with pytest.raises(
        InputError, match=r"sweep holds no scenario.toml, so it is no finished study"
    ):
        export(sweep, "csv")


def test_a_format_that_does_not_exist_is_named_with_the_nearest(sweep):
    with pytest.raises(InputError, match=r"no format 'exel'; did you mean 'excel'\? Allowed: csv"):
        export(sweep, "exel")


@pytest.mark.parametrize(
    ("format", "package"), [("excel", "openpyxl"), ("netcdf", "xarray"), ("netcdf", "h5py")]
)
def test_a_missing_package_is_named_with_the_cure(sweep, monkeypatch, format, package):
    monkeypatch.setitem(sys.modules, package, None)
    cure = rf'format {format} needs {package}, .*: pip install "vouch-sim\[export\]"'
    with pytest.raises(InputError, match=cure):
        export(sweep, format)
