"""The file of a saved run: whole or not at all, sealed, and never unpickled."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sim import run_file
from sim.errors import InputError
from sim.run_file import RunFile, read_facts, read_run_file, write_run_file

FACTS = {"vouch": "0.1.0", "tick": np.int64(4), "kept": [1, None, "a", 2**62, 0.1]}
ARRAYS = {
    "run/a": np.arange(6, dtype=np.int32).reshape(2, 3),
    "run/b": np.asfortranarray(np.linspace(0, 1, 12).reshape(3, 4)),
    "run/nothing": np.empty(0, np.uint8),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "state.vouch"
    write_run_file(found, RunFile(FACTS, ARRAYS))
    return found


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def test_what_is_written_is_read(path):
    facts, arrays = read_run_file(path)
    assert facts == {**FACTS, "format": run_file.FORMAT}
    assert read_facts(path) == facts
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)


def test_the_same_content_is_the_same_bytes(path, tmp_path):
    write_run_file(tmp_path / "again", RunFile(FACTS, ARRAYS))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("bit", range(8))
def test_a_wrong_bit_is_noticed_or_makes_no_difference(bit, path):
    data = path.read_bytes()
    right = read_run_file(path)
    noticed = 0
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
        try:
            facts, arrays = read_run_file(path)
        except InputError:
            noticed += 1
        else:  # such as a bit of a date in the archive
            assert facts == right.facts
            assert all(np.array_equal(arrays[name], a) for name, a in right.arrays.items())
    assert noticed > 0.4 * len(data)


@pytest.mark.parametrize("kept", [0, 10, 0.5, -1])
def test_a_file_that_was_cut_off_is_refused(path, kept):
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if 0 < kept < 1 else kept])
    with pytest.raises(InputError, match="is damaged, or not a saved run"):
        read_run_file(path)


def test_an_array_of_another_file_is_noticed(path):
    content = members(path)
    content["run/a.npy"] = content["run/b.npy"]
    rewrite(path, content)
    with pytest.raises(InputError, match="does not have the sha256 that was written"):
        read_run_file(path)


def test_any_other_zip_is_refused(tmp_path):
    rewrite(tmp_path / "other.zip", {"hello": b"there"})
    for read in (read_run_file, read_facts):
        with pytest.raises(InputError, match=r"damaged, or not a saved run .*no run\.json"):
            read(tmp_path / "other.zip")


class Harmful:
    """What unpickling it does."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("unpickled",))


def test_nothing_is_unpickled(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    np.save(buffer, np.array([Harmful()], object), allow_pickle=True)
    content = members(path) | {"run/a.npy": buffer.getvalue()}
    seal = run_file.hashlib.sha256()
    del content["sha256"]
    for name, data in content.items():
        seal.update(name.encode())
        seal.update(data)
    rewrite(path, {**content, "sha256": seal.hexdigest().encode()})
    with pytest.raises(InputError, match="allow_pickle"):
        read_run_file(path)
    assert not (tmp_path / "unpickled").exists()


def test_objects_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_run_file(tmp_path / "x", RunFile({}, {"a": np.array([Harmful()], object)}))
    with pytest.raises(TypeError, match="cannot be written"):
        write_run_file(tmp_path / "x", RunFile({"a": Harmful()}, {}))
    assert list(tmp_path.iterdir()) == []


def test_a_newer_format_names_the_version_that_wrote_it(path, monkeypatch):
    monkeypatch.setattr(run_file, "FORMAT", 2)
    newer = RunFile({**FACTS, "vouch": "9.9"}, {})
    write_run_file(path, newer)
    monkeypatch.setattr(run_file, "FORMAT", 1)
    with pytest.raises(InputError, match=r"of format 2, .* reads format 1; .* vouch 9\.9"):
        read_run_file(path)


def test_a_write_that_fails_leaves_the_file_that_was_there(path, monkeypatch):
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_file.np.lib.format, "write_array", full)
    with pytest.raises(InputError, match=r"cannot be written: No space left"):
        write_run_file(path, RunFile(FACTS, ARRAYS))
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("place", ["missing/state.vouch", "folder"])
def test_a_place_that_cannot_be_written_is_named(place, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_run_file(tmp_path / place, RunFile(FACTS, ARRAYS))
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.vouch: no such file; .*--save"):
        read_run_file(tmp_path / "none.vouch")
    with pytest.raises(InputError, match="is a folder"):
        read_run_file(tmp_path)
