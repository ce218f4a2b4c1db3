"""Arrays that open at once: mapped, aligned, private, and checked."""

from __future__ import annotations

import mmap
import zipfile

import numpy as np
import pytest

from sim.saved_arrays import open_arrays, save_arrays

ARRAYS = {
    "whole": np.arange(1001, dtype=np.int32),
    "none": np.empty((0, 3), np.float32),
    "table": np.arange(12.0).reshape(3, 4),
    "names": np.array(["ann", "čeněk"]),
    "one": np.array(True),
}


@pytest.fixture
def file(tmp_path):
    save_arrays(tmp_path / "arrays.npz", ARRAYS)
    return tmp_path / "arrays.npz"


def root(array):
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def test_what_is_saved_is_opened_and_numpy_reads_it_too(file):
    with np.load(file) as loaded:
        for name, array in open_arrays(file).items():
            for other in (ARRAYS[name], loaded[name]):
                assert np.array_equal(array, other)
                assert (array.dtype, array.shape) == (other.dtype, other.shape)
    assert list(file.parent.iterdir()) == [file]


def test_arrays_are_mapped_aligned_and_private(file):
    before = file.read_bytes()
    opened = open_arrays(file)
    for name in ("whole", "table", "names"):
        assert isinstance(root(opened[name]), mmap.mmap)
        assert opened[name].ctypes.data % 64 == 0
        assert opened[name].flags.writeable
    opened["whole"][:] = -1
    del opened
    assert file.read_bytes() == before


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_files_of_numpy_are_read(tmp_path, save):
    save(tmp_path / "other.npz", **ARRAYS)
    opened = open_arrays(tmp_path / "other.npz")
    for name, array in ARRAYS.items():
        assert np.array_equal(opened[name], array)
        assert opened[name].flags.aligned


def test_one_flipped_bit_is_noticed(file):
    content = bytearray(file.read_bytes())
    place = content.index(ARRAYS["whole"].tobytes()) + 400
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"the checksum of whole\.npy differs"):
        open_arrays(file)


def test_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        save_arrays(tmp_path / "a.npz", {"a": np.array([{}])})
    assert list(tmp_path.iterdir()) == []
    np.savez(tmp_path / "b.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="not a plain array"):
        open_arrays(tmp_path / "b.npz")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(zipfile.BadZipFile):
        open_arrays(tmp_path / "c.npz")


def test_a_damaged_directory_is_a_value_error_at_every_byte(file):
    whole = bytearray(file.read_bytes())
    directory = whole.index(b"PK\x01\x02")
    entry = 46  # bytes of a directory's entry before its name
    for place in range(directory, directory + entry):
        damaged = whole.copy()
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        try:
            opened = open_arrays(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            continue
        for name in opened.keys() & ARRAYS.keys():  # a name may be what is damaged
            assert np.array_equal(opened[name], ARRAYS[name])
