"""Networks as people have them: layouts, damage, and the real files where they are shipped."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest

import sim.memory
from sim import graph_files, network
from sim.errors import InputError, InputWarning
from sim.graph_files import read_edges, read_groups
from sim.network import SocialGraph
from sim.processors import processors
from sim.randomness import uniform_table
from tests.conftest import shared_data_folder

DATA = shared_data_folder()
TRIANGLE_WITH_TAIL = [(0, 1), (0, 2), (1, 2), (2, 3)]


def write(folder: Path, text: str, name: str = "edges.csv") -> Path:
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def rows(pairs, separator=","):
    return "".join(f"{a}{separator}{b}\n" for a, b in pairs)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (rows(TRIANGLE_WITH_TAIL), "edges.csv"),
        ("source,target\n" + rows(TRIANGLE_WITH_TAIL), "edges.csv"),
        ('"source","target"\n' + rows(TRIANGLE_WITH_TAIL), "edges.csv"),
        ("who,whom\n" + rows(TRIANGLE_WITH_TAIL), "edges.csv"),
        ("target,source\n" + rows(TRIANGLE_WITH_TAIL), "edges.csv"),
        (rows(TRIANGLE_WITH_TAIL, "\t"), "edges.tsv"),
        (rows(TRIANGLE_WITH_TAIL, ";"), "edges.csv"),
        (rows(TRIANGLE_WITH_TAIL, " "), "facebook_combined.txt"),
        (rows(TRIANGLE_WITH_TAIL, " "), "facebook_combined.txt.gz"),
        ("# Undirected graph\n# Nodes: 4\n\n" + rows(TRIANGLE_WITH_TAIL, "\t"), "snap.txt.gz"),
        ("source,target\r\n" + rows(TRIANGLE_WITH_TAIL).replace("\n", "\r\n"), "edges.csv"),
        (rows(TRIANGLE_WITH_TAIL).rstrip("\n"), "edges.csv"),
        (rows([*TRIANGLE_WITH_TAIL, *((b, a) for a, b in TRIANGLE_WITH_TAIL)]), "both_ways.csv"),
    ],
)
def test_every_layout_reads_the_same_network(tmp_path, text, name):
    expected = SocialGraph.from_edges(*zip(*TRIANGLE_WITH_TAIL, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = SocialGraph.read(write(tmp_path, text, name))
    assert graph.digest() == expected.digest()
    assert graph.labels is None


def test_parquet_and_graphml_read_the_same_network(tmp_path):
    expected = SocialGraph.from_edges(*zip(*TRIANGLE_WITH_TAIL, strict=True), size=5)
    frame = pd.DataFrame(TRIANGLE_WITH_TAIL, columns=["source", "target"])
    frame.to_parquet(tmp_path / "edges.parquet")
    read = SocialGraph.read(tmp_path / "edges.parquet")
    assert np.array_equal(read.arrays.target, expected.arrays.target)
    nx.write_graphml(expected.to_networkx(), tmp_path / "graph.graphml")
    again = SocialGraph.read(tmp_path / "graph.graphml", weight=False)
    assert again.digest() == expected.digest()


def test_names_and_sparse_numbers_are_numbered_in_sorted_order_and_kept(tmp_path):
    graph = SocialGraph.read(write(tmp_path, "bob,ann\nann,čeněk\n"))
    assert graph.labels.tolist() == ["ann", "bob", "čeněk"]
    assert graph.arrays.target.tolist() == [1, 2, 0, 0]
    graph = SocialGraph.read(write(tmp_path, "7000000000,-3\n-3,12\n"))
    assert graph.labels.tolist() == [-3, 12, 7_000_000_000]


@pytest.mark.parametrize(
    "text",
    [
        "source,target,weight\n0,1,2\n1,2,8\n",
        "0,1,2\n1,2,8\n",
        "target,trust,source\n1,2,0\n2,8,1\n",
    ],
)
def test_weights_are_found_by_name_or_in_the_third_column(tmp_path, text):
    path = write(tmp_path, text)
    assert SocialGraph.read(path).arrays.strength.tolist() == [0.25, 0.25, 1.0, 1.0]
    assert SocialGraph.read(path, weight=False).arrays.strength.tolist() == [0.0] * 4


def test_a_named_column_that_is_no_weight_is_left_alone(tmp_path):
    assert read_edges(write(tmp_path, "source,target,period\n0,1,3\n")).strength is None


def test_rows_decide_whether_ties_go_both_ways(tmp_path):
    partly = write(tmp_path, "0,1\n1,0\n1,2\n")
    assert SocialGraph.read(partly).directed
    with pytest.warns(InputWarning, match="1 repeated ties"):
        assert not SocialGraph.read(partly, directed=False).directed
    assert SocialGraph.read(write(tmp_path, "0,1\n1,2\n"), directed=True).tie_count == 2
    assert SocialGraph.read(write(tmp_path, "# Directed graph\n0 1\n1 2\n", "a.txt")).directed


def test_trust_runs_against_the_flow_of_shares(tmp_path):
    path = write(tmp_path, "truster,trustee\n0,1\n0,2\n1,0\n")
    shares = SocialGraph.read(path)
    trusts = SocialGraph.read(path, direction="source_trusts")
    assert np.array_equal(trusts.arrays.in_degree, np.diff(shares.arrays.indptr))
    with pytest.raises(InputError, match=r"network\.direction = 'up'"):
        SocialGraph.read(path, direction="up")


def test_self_loops_and_repeats_of_a_file_are_counted(tmp_path):
    path = write(tmp_path, "0,0\n0,1\n0,1\n2,2\n1,2\n")
    with pytest.warns(InputWarning) as caught:
        graph = SocialGraph.read(path)
    said = sorted(str(warning.message) for warning in caught)
    assert [text.split(": ")[1] for text in said] == [
        "1 repeated ties are merged",
        "2 self-loops are dropped",
    ]
    assert graph.friendship_count == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("# nothing\n", "holds no ties"),
        ("source,target\n", "no ties"),
        ("4\n5\n", "line 1: found one column"),
        ("0,1\n0,2\n7\n", "line 3: '7' has 1 of the 2 columns"),
        ("0,1\n0,\n", "line 2"),
        ("0,1\n0,2,9,9\n", "line 2: 4 columns"),
        ("source,target,weight\n0,1,1\n1,2,often\n", "line 3: weight 'often'"),
        ("source,target,weight\n0,1,1\n1,2,-4\n", "line 3: weight '-4'"),
        ("source,target,weight\n0,1,1\n1,2,nan\n", "line 3: weight 'nan'"),
        ("source,target,weight\n0,1,1\n1,2,\n", "line 3: weight ''"),
        ("source,target,weight\n0,1,inf\n", "line 2: weight 'inf'"),
        ("0,0\n", "no ties between two people"),
    ],
)
@pytest.mark.filterwarnings("ignore::sim.errors.InputWarning")
def test_what_cannot_be_used_is_named_with_its_line(tmp_path, text, said):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=said) as raised:
        SocialGraph.read(path)
    assert str(path) in str(raised.value)


def test_damaged_and_foreign_files_are_refused_by_name(tmp_path):
    packed = write(tmp_path, rows((i, i + 1) for i in range(20_000)), "cut.csv.gz")
    packed.write_bytes(packed.read_bytes()[:-2_000])
    frame = pd.DataFrame({"source": range(99), "target": range(1, 100)})
    frame.to_parquet(tmp_path / "cut.parquet")
    whole = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    frame.rename(columns={"target": "x"}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "cut.graphml").write_text("<graphml><graph>")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe" * 9)
    for name, said in {
        "cut.csv.gz": "cut off",
        "cut.parquet": "cut off",
        "other.parquet": "needs source and target",
        "cut.graphml": "cut off or not GraphML",
        "picture.png": "not a text file",
        "absent.csv": "no such file",
    }.items():
        with pytest.raises(InputError, match=said) as raised:
            SocialGraph.read(tmp_path / name)
        assert name in str(raised.value)


@pytest.mark.parametrize("bad_line", ["", "8"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, bad_line):
    path = write(tmp_path, rows(TRIANGLE_WITH_TAIL) + bad_line)
    read = graph_files.read_text

    def meanwhile(*arguments):
        with path.open("a") as stream:
            stream.write(",9\n")
        return read(*arguments)

    monkeypatch.setattr(graph_files, "read_text", meanwhile)
    size = len(path.read_bytes())
    said = rf"changed while it was read: {size} bytes before, {size + 3} bytes after"
    with pytest.raises(InputError, match=said):
        SocialGraph.read(path)


def test_a_file_that_disappears_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = SocialGraph.generate("ring", 50).save(tmp_path / "graph.npz")
    opened = network.open_arrays

    def meanwhile(file):
        arrays = opened(file)
        file.unlink()
        return arrays

    monkeypatch.setattr(network, "open_arrays", meanwhile)
    with pytest.raises(InputError, match=r"changed while it was read.*it is gone"):
        SocialGraph.read(path)


def test_a_file_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = write(tmp_path, rows(TRIANGLE_WITH_TAIL))
    monkeypatch.setattr(sim.memory, "bytes_available", lambda: 10)
    monkeypatch.setattr(graph_files, "read_text", None)
    with pytest.raises(InputError, match=r"edges\.csv.* needs about 0\.0 GB .* 0\.0 GB is free"):
        SocialGraph.read(path)


def large_file(folder):
    """Enough ties for a second thread to pay in every part of the work, some of them repeated."""
    draws = uniform_table(np.uint64(3), 99, 0, 700_000)
    source = (draws[0] * 5_000).astype(np.int64)
    target = (source + 1 + (draws[1] * 4_998).astype(np.int64)) % 5_000
    return write(folder, "".join(f"{a},{b}\n" for a, b in zip(source, target, strict=True)))


@pytest.mark.skipif(processors() < 2, reason="one processor")
@pytest.mark.parametrize("directed", [False, True])
def test_a_graph_does_not_depend_on_the_number_of_threads(tmp_path, directed):
    path = large_file(tmp_path)
    graphs, said = [], []
    for threads in (1, 2, None):
        with pytest.warns(InputWarning) as merged:
            graphs.append(SocialGraph.read(path, directed=directed, threads=threads))
        said.append([str(one.message) for one in merged])
    one, *others = graphs
    for other in others:
        for field, ours, theirs in zip(one.rows._fields, one.rows, other.rows, strict=True):
            assert np.array_equal(ours, theirs), field
            assert ours.dtype == theirs.dtype
    assert said[0] == said[1] == said[2]


@pytest.mark.skipif(processors() < 2, reason="one processor")
def test_a_bad_line_has_the_same_number_for_any_number_of_threads(tmp_path):
    ties = rows((k, k + 1) for k in range(1_000))
    path = write(tmp_path, ties + "3,\n" + ties + "4\n")
    for threads in (1, 2):
        with pytest.raises(InputError, match=r"edges\.csv, line 1001: '3,' has 1 of the 2"):
            read_edges(path, threads=threads)


@pytest.mark.parametrize("threads", [0, processors() + 1])
def test_there_must_be_a_processor_for_each_thread(tmp_path, threads):
    path = write(tmp_path, rows(TRIANGLE_WITH_TAIL))
    with pytest.raises(InputError, match=f"threads = {threads} is not allowed"):
        SocialGraph.read(path, threads=threads)


def test_group_files(tmp_path):
    path = write(tmp_path, "person,group\nann,tennis\nbob,chess\nann,chess\nzed,chess\n", "g.csv")
    with pytest.warns(InputWarning, match="1 people without a tie"):
        group_of, member = read_groups(path, np.array(["ann", "bob"]), size=2)
    assert group_of.tolist() == [1, 0, 0]
    assert member.tolist() == [0, 1, 0]
    with pytest.raises(InputError, match="none of its 4 people"):
        read_groups(path, None, size=5)


@pytest.mark.skipif(not DATA.is_dir(), reason="the shipped data sets are not here (VOUCH_DATA)")
@pytest.mark.filterwarnings("ignore::sim.errors.InputWarning")
class TestRealFiles:
    @pytest.mark.parametrize(
        ("name", "people", "ties", "directed"),
        [
            ("net_facebook_combined", 4_039, 176_468, False),
            ("net_lastfm_asia", 7_624, 55_612, False),
            ("net_advogato", 6_539, 47_135, True),
            ("net_epinions_trust", 8_518, 299_936, True),
            ("net_uc_irvine_messages", 1_899, 20_296, True),
            ("net_email_eu_core", 986, 24_929, True),
        ],
    )
    def test_sizes_are_those_of_the_index(self, name, people, ties, directed):
        graph = SocialGraph.read(DATA / name / "edges.csv.gz")
        assert (graph.size, graph.tie_count, graph.directed) == (people, ties, directed)

    def test_facebook_as_downloaded_has_its_published_statistics(self, tmp_path):
        text = gzip.decompress((DATA / "net_facebook_combined/edges.csv.gz").read_bytes()).decode()
        download = text.split("\n", 1)[1].replace(",", " ")
        path = write(tmp_path, download, "facebook_combined.txt.gz")
        found = SocialGraph.read(path).describe()
        assert found["friendships"] == 88_234
        assert found["mean_clustering"] == pytest.approx(0.6055, abs=1e-4)
        assert found["transitivity"] == pytest.approx(0.5192, abs=1e-4)
        assert found["maximum_degree"] == 1_045

    def test_signed_ratings_say_what_to_do(self):
        path = DATA / "net_bitcoin_otc" / "edges.csv.gz"
        with pytest.raises(InputError, match=r"line 598: weight '-1'.*weight=False"):
            SocialGraph.read(path)
        assert SocialGraph.read(path, weight=False).tie_count == 35_592

    def test_departments_are_groups(self):
        folder = DATA / "net_email_eu_core"
        graph = SocialGraph.read(folder / "edges.csv.gz", groups=folder / "nodes.csv")
        assert graph.group_count == 42
        assert (np.diff(graph.arrays.person_group_indptr) == 1).all()


@pytest.mark.parametrize("odd", ["hello", "3.5", "12345678901234567890123"])
def test_a_few_names_among_numbers_are_warned_of_with_their_tie(tmp_path, odd):
    file = tmp_path / "ties.csv"
    lines = [f"{i},{i + 1}" for i in range(30)]
    lines[7] = f"7,{odd}"
    file.write_text("\n".join(lines))
    if odd.isdigit():  # a number, however long
        read_edges(file)
        return
    with pytest.warns(InputWarning, match=rf"tie 8: '{odd}' is no whole number, as 31 of the 32"):
        assert read_edges(file).labels.size == 32


def test_ids_that_are_names_are_not_warned_of(tmp_path):
    file = tmp_path / "ties.csv"
    file.write_text("\n".join(f"p{i},{i}" for i in range(30)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_edges(file)
