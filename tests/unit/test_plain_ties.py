"""The fast reader of plain files gives what the patient one gives, or steps aside."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sim.graph_files import read_edges
from sim.plain_ties import read_pairs

PAIRS = [(k * 7919 % 1000, 999_999_999 - k) for k in range(200)]
TEXT = "".join(f"{a},{b}\n" for a, b in PAIRS)


def written(folder, text):
    path = folder / "ties.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("block", [24, 25, 31, 64, 200, 1 << 20])
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("last", ["\n", "", "\n\n"])
def test_blocks_and_shares_may_end_anywhere(tmp_path, block, threads, last):
    path = written(tmp_path, "a,b\n" + TEXT.removesuffix("\n") + last)
    first, second = read_pairs(path, ",", 1, threads, block)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == PAIRS


def test_there_may_be_more_threads_than_ties(tmp_path):
    first, second = read_pairs(written(tmp_path, "1,2\n"), ",", 0, 9)
    assert (first.tolist(), second.tolist()) == ([1], [2])


def test_numbers_of_any_length_at_any_place(tmp_path):
    digits = "123456789"
    pairs = [(int(digits[:a]), int(digits[9 - b :])) for a in range(1, 10) for b in range(1, 10)]
    for shift in range(64):
        lines = "\n" * shift + "".join(f"{a}\t{b}\n" for a, b in pairs)
        first, second = read_pairs(written(tmp_path, lines), "\t", 0)
        assert list(zip(first.tolist(), second.tolist(), strict=True)) == pairs


@pytest.mark.parametrize(
    ("text", "separator", "skip"),
    [
        ("1,2\n3,4\n", ",", 0),
        ("1,2\n3,4", ",", 0),
        ("1,2\r\n3,4\r\n", ",", 0),
        ("1,2\r\n\n3,4\n", ",", 0),
        ("\n1,2\n\n3,4\n\n", ",", 0),
        ("source\ttarget\n1\t2\n3\t4\n", "\t", 1),
        ("# a\n# b\n001 2\n3 0004\n", " ", 2),
    ],
)
def test_what_counts_as_plain(tmp_path, text, separator, skip):
    first, second = read_pairs(written(tmp_path, text), separator, skip)
    assert (first.tolist(), second.tolist()) == ([1, 3], [2, 4])
    assert (first.dtype, second.dtype) == (np.int32, np.int32)


@pytest.mark.parametrize(
    "line",
    ["-3,4", "3, 4", "3,4 ", '"3",4', "3,4,5", "3", "3,", ",4", "3;4", "a,4", "# no", "3,4.0",
     "3000000000,4", "+3,4", "3,4\r5,6", "3,\r", "3,4\r\r", "\r", "3/4", "3,:", "3,4\0", "3,,4",
     "3\n,4", "3,\n4"],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_unusual_line_is_left_to_the_other_reader(tmp_path, line, end, threads):
    before, after = "1,2\n" * 20, "5,6\n" * 15 + f"7,8{end}"
    for text in (f"{line}{end}", f"{before}{line}{end}", f"{line}\n{after}"):
        assert read_pairs(written(tmp_path, text), ",", 0, threads) is None


@pytest.mark.parametrize("skipped", ["source,target\r1,2\n", "# a\r# b\n", "# a\r\r\n"])
def test_a_lone_return_among_the_skipped_lines_is_left_to_the_other_reader(tmp_path, skipped):
    assert read_pairs(written(tmp_path, skipped + "3,4\n"), ",", skipped.count("\n")) is None


def test_no_tie_is_lost_where_returns_end_lines(tmp_path):
    edges = read_edges(written(tmp_path, "source,target\r1,2\n2,3\n3,4\n4,5\n"))
    assert edges.source.size == 4


def test_a_line_longer_than_a_block_is_unusual(tmp_path):
    assert read_pairs(written(tmp_path, TEXT), ",", 0, block=12) is None


class _Grows(type(Path())):
    """A file whose size is what it was before somebody wrote more."""

    def stat(self, **_):
        return os.stat_result((0o100644, 0, 0, 1, 0, 0, len(TEXT), 0, 0, 0))


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_written_meanwhile_is_not_read(tmp_path, threads):
    path = written(tmp_path, TEXT + TEXT)
    first, _ = read_pairs(_Grows(path), ",", 0, threads)
    assert first.tolist() == [a for a, _ in PAIRS]


def test_a_file_cut_off_meanwhile_is_read_to_its_end(tmp_path):
    path = written(tmp_path, "1,2\n")
    first, _ = read_pairs(_Grows(path), ",", 0, 3)
    assert first.tolist() == [1]


def test_both_readers_give_the_same_network(tmp_path, monkeypatch):
    path = written(tmp_path, "from,to\n" + TEXT)
    fast = read_edges(path)
    monkeypatch.setattr("sim.edge_lists.read_pairs", lambda *_: None)
    patient = read_edges(path)
    for one, other in zip(fast, patient, strict=True):
        assert np.array_equal(one, other)
    assert (fast.source.dtype, fast.labels.dtype) == (patient.source.dtype, patient.labels.dtype)
