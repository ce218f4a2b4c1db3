"""Compiling: an edit anywhere is seen, and a cache that cannot be written stops nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim import _jit
from sim._jit import cache_folder, plain, rule, source_hash, uncached_rule

PROBE = '''
from sim._jit import kernel
from sim.rules import trust

@kernel
def probe(times):
    total = 0.0
    for _ in range(times):
        total += trust(2.0, 0.0)
    return total
'''  # fmt: skip
ASK = (
    "from sim._probe import probe; n = probe(10); "
    "print(n, sum(probe.stats.cache_hits.values()), sum(probe.stats.cache_misses.values()))"
)


def ask(package: Path, cache: Path, program: str = ASK, **variables: str) -> list[str]:
    """What a program prints that imports a copy of the package."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(package), "VOUCH_CACHE_DIR": str(cache), **variables},
        cwd=package, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def package(tmp_path) -> Path:
    """A copy of the source files, with a kernel that calls a rule of another file."""
    shutil.copytree(
        _jit.PACKAGE, tmp_path / "copy" / "sim", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "copy" / "sim" / "_probe.py").write_text(PROBE)
    return tmp_path / "copy"


def test_an_edited_rule_is_seen_by_a_cached_kernel_of_another_file(package, tmp_path):
    cache = tmp_path / "cache"
    assert ask(package, cache) == ["7.5", "0", "1"]
    assert ask(package, cache) == ["7.5", "1", "0"]
    source = package / "sim" / "rules.py"
    text = source.read_text()
    edited = text.replace("return (good + 1.0) /", "return 2.0 * (good + 1.0) /")
    assert edited != text
    source.write_text(edited)
    assert ask(package, cache) == ["15.0", "0", "1"]
    source.write_text(text)
    assert ask(package, cache) == ["7.5", "1", "0"]


MEET = """
import sys, time
from pathlib import Path
from numba.core.caching import IndexDataCacheFile
from sim._probe import half

mine, other = (Path(__file__).parent / name for name in sys.argv[1:3])
save_index, save_data = IndexDataCacheFile._save_index, IndexDataCacheFile._save_data

def both_have_read_the_index(self, forms):
    mine.touch()
    until = time.monotonic() + 3
    while not other.exists() and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.3 * (mine > other))  # its list is the last to be written
    save_index(self, forms)

def the_other_one_comes_last(self, name, form):
    time.sleep(0.6 * (mine < other))
    save_data(self, name, form)

IndexDataCacheFile._save_index = both_have_read_the_index
IndexDataCacheFile._save_data = the_other_one_comes_last
print(half(eval(sys.argv[3])))
"""


def test_two_processes_that_compile_at_once_leave_a_cache_that_is_right(package, tmp_path):
    """Without a lock numba gives both forms one name: half(7.5) would be half(7) ever after."""
    (package / "sim" / "_probe.py").write_text(
        "from sim._jit import kernel\n\n@kernel\ndef half(x):\n    return x / 2\n"
    )
    (package / "meet.py").write_text(MEET)
    place = os.environ | {"PYTHONPATH": str(package), "VOUCH_CACHE_DIR": str(tmp_path / "cache")}
    both = [
        subprocess.Popen([sys.executable, "meet.py", *names], cwd=package, env=place)
        for names in (("a", "b", "7"), ("b", "a", "7.5"))
    ]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    asked = "from sim._probe import half; print(half(7.5), half(7))"
    assert ask(package, tmp_path / "cache", asked) == ["3.75", "3.5"]


def test_a_cache_that_cannot_be_written_stops_nobody(package, tmp_path):
    a_file = tmp_path / "file"
    a_file.write_text("")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    found = ask(package, a_file / "below", XDG_CACHE_HOME=str(a_file), TMPDIR=str(temporary))
    assert found[0] == "7.5"


def test_the_cache_folder_is_named_after_the_sources(tmp_path, monkeypatch):
    monkeypatch.setenv("VOUCH_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path / source_hash()
    assert cache_folder().is_dir()


def test_the_hash_changes_with_any_source_file(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    before = source_hash(tmp_path)
    assert source_hash(tmp_path) == before
    (tmp_path / "b.py").write_text("")
    with_b = source_hash(tmp_path)
    (tmp_path / "a.py").write_text("x = 2")
    assert len({before, with_b, source_hash(tmp_path)}) == 3


def test_plain_gives_the_interpreted_function():
    def double(x):
        return 2 * x

    assert plain(double) is double
    assert plain(rule(double)) is double
    assert plain(uncached_rule(rule(double))) is double
    assert uncached_rule(double)(4) == 8


def test_compiled_division_follows_floating_point():
    @uncached_rule
    def ratio(a, b):
        return a / b

    assert ratio(1.0, 0.0) == float("inf")


def test_declared_uncached_until_the_end_even_after_an_error():
    with pytest.raises(RuntimeError), _jit.kernel_cache(use=False):
        raise RuntimeError
    assert _jit._caching


# Many numbers at once -------------------------------------------------------------------------


@_jit.kernel
def _compiled_nondigits(block, index):
    return _jit.nondigits(block, index)


@_jit.kernel
def _compiled_eight(block, index):
    return _jit.eight(block, index)


@_jit.kernel
def _compiled_lowest(bits):
    return _jit.lowest(bits)


@_jit.kernel
def _compiled_below(values, index, count, value):
    return _jit.below(values, index, count, value)


def test_bytes_that_are_no_digits():
    block = np.arange(512, dtype=np.uint16).astype(np.uint8)
    for index in range(512 - _jit.BYTES):
        expected = sum(
            1 << k for k in range(_jit.BYTES) if chr(block[index + k]) not in "0123456789"
        )
        assert _compiled_nondigits(block, index) == expected
        assert _jit._nondigits_plain(block, index) == expected


def test_eight_bytes_as_a_number():
    block = np.arange(250, 300).astype(np.uint8)
    for index in np.arange(40, dtype=np.uint64):
        expected = int.from_bytes(block[index : index + np.uint64(8)].tobytes(), "little")
        assert _compiled_eight(block, index) == expected
        assert _jit._eight_plain(block, index) == expected


@pytest.mark.parametrize("place", [0, 1, 31, 32, 63])
def test_the_lowest_bit(place):
    for bits in (1 << place, (2**64 - 1) >> place << place):
        assert _compiled_lowest(np.uint64(bits)) == place
        assert _jit._lowest_plain(np.uint64(bits)) == place


@pytest.mark.parametrize("value", [-(2**31), -1, 0, 7, 2**31 - 1])
def test_how_many_are_smaller(value):
    values = np.array([*range(-20, 20), -(2**31), 2**31 - 1], np.int32)
    for index in range(values.size - _jit.LANES):
        for count in range(_jit.LANES + 1):
            expected = sum(entry < value for entry in values[index : index + count].tolist())
            given = (values, index, np.uint64(count), np.int32(value))
            assert _compiled_below(*given) == expected
            assert _jit._below_plain(values, index, count, np.int32(value)) == expected
