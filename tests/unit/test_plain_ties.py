"""The fast reader of plain files gives what the patient one gives, or steps aside."""

from __future__ import annotations

import numpy as np
import pytest

from sim.graph_files import read_edges
from sim.plain_ties import _parse, read_pairs

PAIRS = [(k * 7919 % 1000, 999_999_999 - k) for k in range(200)]
TEXT = "".join(f"{a},{b}\n" for a, b in PAIRS)


def written(folder, text):
    path = folder / "ties.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("block", [24, 25, 31, 64, 1 << 20])
def test_blocks_may_end_anywhere(tmp_path, block):
    first, second = read_pairs(written(tmp_path, TEXT), ",", 0, block)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == PAIRS


@pytest.mark.parametrize(
    ("text", "separator", "skip"),
    [
        ("1,2\n3,4\n", ",", 0),
        ("1,2\n3,4", ",", 0),
        ("1,2\r\n3,4\r\n", ",", 0),
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
     "3000000000,4", "+3,4", "3,4\r5,6"],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", ""])
def test_an_unusual_line_is_left_to_the_other_reader(tmp_path, line, end):
    assert read_pairs(written(tmp_path, f"1,2\n{line}{end}"), ",", 0) is None
    assert read_pairs(written(tmp_path, f"1,2\n{line}\n5,6{end}"), ",", 0) is None


@pytest.mark.parametrize("skipped", ["source,target\r1,2\n", "# a\r# b\n", "# a\r\r\n"])
def test_a_lone_return_among_the_skipped_lines_is_left_to_the_other_reader(tmp_path, skipped):
    assert read_pairs(written(tmp_path, skipped + "3,4\n"), ",", skipped.count("\n")) is None


def test_no_tie_is_lost_where_returns_end_lines(tmp_path):
    edges = read_edges(written(tmp_path, "source,target\r1,2\n2,3\n3,4\n4,5\n"))
    assert edges.source.size == 4


def test_a_line_longer_than_a_block_is_unusual(tmp_path):
    assert read_pairs(written(tmp_path, TEXT), ",", 0, block=12) is None


def test_a_file_that_grows_beyond_its_room_is_unusual():
    block = np.frombuffer(b"1,2\n3,4\n5,6\n", np.uint8)
    room = np.full(4, -7, np.int32)
    assert _parse(block, block.size, ord(","), room[:2], room[:2].copy(), 0)[1] == -1
    assert room[2:].tolist() == [-7, -7]


def test_both_readers_give_the_same_network(tmp_path, monkeypatch):
    path = written(tmp_path, "from,to\n" + TEXT)
    fast = read_edges(path)
    monkeypatch.setattr("sim.edge_lists.read_pairs", lambda *_: None)
    patient = read_edges(path)
    for one, other in zip(fast, patient, strict=True):
        assert np.array_equal(one, other)
    assert (fast.source.dtype, fast.labels.dtype) == (patient.source.dtype, patient.labels.dtype)
