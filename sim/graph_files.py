"""Readers of networks as people have them: edge lists, compressed edge lists, Parquet, GraphML.

A reader finds out the delimiter, the header and the columns by itself, keeps the ids of the file as
labels and says, with file and line, what it cannot use.
"""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sim._jit import kernel
from sim.edge_lists import (
    SOURCE_NAMES,
    TARGET_NAMES,
    WEIGHT_NAMES,
    Columns,
    Reading,
    bad_weight,
    column_of,
    find_layout,
    is_whole,
    read_text,
    text_columns,
)
from sim.errors import InputError, InputWarning
from sim.memory import require_bytes
from sim.plain_rows import WORTH_A_THREAD
from sim.processors import as_many_as_pay, at_once, check_threads

_DENSE_IDS = 8
_FEW_ODD_IDS = 0.1
"""Share of ids up to which those that are no numbers look like faults among numbers."""
_GROWTH = 1.5
"""Bytes in memory, at least, for each byte of a file."""


class FileEdges(NamedTuple):
    """The ties of a file, in its order, without self-loops; repeated ties are still present.

    source, target : int32 (E,), people 0..size-1 in the order of ``labels``.
    strength : float32 (E,) >= 0 as in the file, or None where it has no weights.
    directed : as the file or the caller says; None where neither does.
    labels : the ids of the file in sorted order, int64 or str (N,); None where they are 0..N-1.
    size : number of people.
    """

    source: np.ndarray
    target: np.ndarray
    strength: np.ndarray | None
    directed: bool | None
    labels: np.ndarray | None
    size: int


def read_edges(
    path: str | os.PathLike[str],
    *,
    directed: bool | None = None,
    direction: str = "source_shares",
    weight: bool = True,
    threads: int | None = None,
) -> FileEdges:
    """Read the ties of a network from a file.

    Parameters
    ----------
    path : text separated by commas, tabs, semicolons or blanks, with or without a header and
        with comment lines (# or %) at its top, plain or gzip; Parquet with columns source and
        target; or GraphML. The first two columns are the ends of a tie unless the header names
        others. A column named weight, strength, trust or rating is the weight, as is a third
        numeric column of a text file without a header.
    directed : whether a row is one tie or two; None leaves it to the file.
    direction : "source_shares" where the target hears what the source shares (the default), or
        "source_trusts" where the source of a row trusts, and so hears from, its target.
    weight : False leaves a weight column alone.
    threads : how many share the work where that pays; all processors for None. The result does
        not depend on it.

    Warns
    -----
    InputWarning
        how many self-loops are dropped.

    Raises
    ------
    InputError
        where the file is missing, cut off, empty, or not a network, with the line where known;
        where it changes meanwhile, memory is short, or there are fewer processors than threads.
    """
    if direction not in ("source_shares", "source_trusts"):
        raise InputError(
            f"network.direction = '{direction}' is not known; use 'source_shares' or "
            "'source_trusts'"
        )
    if threads is not None:
        check_threads(threads)
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: no such file; check the name of the network file")
    size = file.stat().st_size
    if size == 0:
        raise InputError(f"{file} is empty; a network file needs a line for each tie")
    require_bytes(_GROWTH * size, f"{file}, {size / 1e9:.1f} GB,", "use a smaller network")
    with unchanged(file):
        source, target, weights, stated, everybody = _read_ends(file, weight, threads)
    if weights is not None and not np.all(np.isfinite(weights) & (weights >= 0)):
        row = int(np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0])
        raise bad_weight(f"{file}, tie {row + 1}", weights[row])
    loops = source == target
    people, first, second = _number(source, target, everybody, threads)
    if people.dtype.kind not in "iu":
        _warn_of_odd_ids(file, people, first, second)
    if direction == "source_trusts":
        first, second = second, first
    if loops.any():
        warnings.warn(f"{file}: {loops.sum()} self-loops are dropped", InputWarning, stacklevel=2)
        first, second = first[~loops], second[~loops]
        weights = None if weights is None else weights[~loops]
    if first.size == 0:
        raise InputError(f"{file} holds no ties between two people; a network needs at least one")
    size = int(people.size)
    plain = people.dtype.kind == "i" and people[0] == 0 and people[-1] == size - 1
    strength = None if weights is None else weights.astype(np.float32)
    stated = stated if directed is None else directed
    return FileEdges(first, second, strength, stated, None if plain else people, size)


def _read_ends(
    file: Path, weighted: bool, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, bool | None, np.ndarray | None]:
    """Both ends and the weight of every tie; whether the file says to be directed; everybody."""
    with file.open("rb") as stream:
        start = stream.read(4)
    if start == b"PAR1" or file.suffix == ".parquet":
        return *_read_parquet(file, weighted), None, None
    if ".graphml" in file.suffixes:
        return _read_graphml(file, weighted)
    return *read_text(file, weighted, threads), None


@contextlib.contextmanager
def unchanged(file: Path) -> Iterator[None]:
    """Raise InputError if ``file`` is another after what is done here than it was before."""
    before, failure = file.stat(), None
    try:
        yield
    except InputError as error:  # perhaps of what had not been written yet
        failure = error
    try:
        after: os.stat_result | None = file.stat()
    except OSError:
        after = None
    if after is None or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        now = "it is gone" if after is None else f"{after.st_size:,} bytes"
        raise InputError(
            f"{file} changed while it was read: {before.st_size:,} bytes before, {now} after; wait "
            "until it is written and read it again"
        ) from None
    if failure is not None:
        raise failure


def read_groups(
    path: str | os.PathLike[str], labels: np.ndarray | None, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read who belongs to which group, from text with a person and a group in each line.

    labels : the ids of the people (N,), or None where they are 0..size-1. Returns group_of and
    group_member, int32 (M,), groups numbered in sorted order. People who are not in the network
    are left out with an InputWarning saying how many; InputError where none is in it, and for
    everything a file of ties may not have.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: no such file; check the name of the group file")
    with unchanged(file), Reading(file):
        table = find_layout(file)
        person, group = text_columns(file, table, Columns(0, 1, None))[:2]
    known = np.arange(size) if labels is None else labels
    if known.dtype.kind != person.dtype.kind:
        known, person = known.astype(str), person.astype(str)
    order = np.argsort(known, kind="stable")
    place = np.searchsorted(known, person, sorter=order).clip(0, known.size - 1)
    member = order[place]
    found = known[member] == person
    if not found.any():
        raise InputError(
            f"{file}: none of its {person.size} people is in the network (the first is "
            f"{person[0]}); it needs lines of person, group with the ids of the network file"
        )
    if not found.all():
        warnings.warn(
            f"{file}: {np.count_nonzero(~found)} people without a tie in the network are left out",
            InputWarning,
            stacklevel=2,
        )
    _, group_of = np.unique(group[found], return_inverse=True)
    return group_of.astype(np.int32), member[found].astype(np.int32)


# --------------------------------------------------------------------------------- numbering people


def _number(
    source: np.ndarray, target: np.ndarray, everybody: np.ndarray | None, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted distinct ids (of ``everybody`` where known), and both columns as int32 positions."""
    if everybody is not None:
        people = np.sort(everybody)
        return (
            people,
            np.searchsorted(people, source).astype(np.int32),
            np.searchsorted(people, target).astype(np.int32),
        )
    if source.size and source.dtype.kind == "i":
        low, high = min(source.min(), target.min()), max(source.max(), target.max())
        if high - low < _DENSE_IDS * max(source.size, 1_000):
            return _number_dense(source, target, int(low), int(high), threads)
    people, place = np.unique(np.concatenate((source, target)), return_inverse=True)
    place = place.astype(np.int32)
    people = people.astype(np.int64) if people.dtype.kind == "i" else people
    return people, place[: source.size], place[source.size :]


def _warn_of_odd_ids(file: Path, people: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Warn where a few ids among numbers are none: a line that is wrong makes names of all."""
    odd = np.array([not str(name).isdigit() for name in people])
    count = int(np.count_nonzero(odd))
    if not 0 < count <= _FEW_ODD_IDS * people.size:
        return
    row = int(np.argmax(odd[first] | odd[second]))
    name = people[first[row] if odd[first[row]] else second[row]]
    warnings.warn(
        f"{file}, tie {row + 1}: '{name}' is no whole number, as {people.size - count:,} of the "
        f"{people.size:,} ids are; all ids are taken as names. If that line is wrong, mend it",
        InputWarning,
        stacklevel=3,
    )


def _number_dense(
    source: np.ndarray, target: np.ndarray, low: int, high: int, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    used = np.zeros((2, high - low + 1), np.bool_)
    marking = [(own, column, low) for own, column in zip(used, (source, target), strict=True)]
    at_once(_mark, marking, min(2, as_many_as_pay(source.size, WORTH_A_THREAD, threads)))
    used = used[0] | used[1]
    people = np.flatnonzero(used) + low
    if low == 0 and used.all():
        return people, source.astype(np.int32, copy=False), target.astype(np.int32, copy=False)
    rank = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return people, _ranks(rank, source, low), _ranks(rank, target, low)


@kernel
def _mark(used, ids, low):
    for n in ids:
        used[n - low] = True


@kernel
def _ranks(rank, ids, low):
    place = np.empty(ids.size, np.int32)
    for k in range(ids.size):
        place[k] = rank[ids[k] - low]
    return place


# ------------------------------------------------------------------------------- other formats


def _read_parquet(file: Path, weighted: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{file} is cut off or not Parquet ({str(error).splitlines()[0]}); fetch it again"
        ) from None
    names = tuple(name.lower() for name in table.column_names)
    source, target = column_of(names, SOURCE_NAMES), column_of(names, TARGET_NAMES)
    if source is None or target is None:
        raise InputError(
            f"{file} has the columns {', '.join(table.column_names)}; a network needs source and "
            "target"
        )
    ids = []
    for position in (source, target):
        column = table.column(position)
        if column.null_count:
            raise InputError(
                f"{file}: column {table.column_names[position]} has {column.null_count} empty "
                "cells; drop those rows"
            )
        values = column.to_numpy()
        whole = values.dtype.kind in "iu"
        ids.append(values.astype(np.int64) if whole else values.astype(str))
    if ids[0].dtype.kind != ids[1].dtype.kind:
        ids = [column.astype(str) for column in ids]
    place = column_of(names, WEIGHT_NAMES) if weighted else None
    if place is None:
        return ids[0], ids[1], None
    try:
        return ids[0], ids[1], table.column(place).to_numpy().astype(np.float64)
    except (ValueError, TypeError):
        raise InputError(
            f"{file}: column {table.column_names[place]} is the weight and must hold numbers; "
            "correct it or read without weights (weight=False)"
        ) from None


def _read_graphml(
    file: Path, weighted: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, bool, np.ndarray]:
    from xml.etree.ElementTree import ParseError

    import networkx

    try:
        with Reading(file):
            graph = networkx.read_graphml(file)
    except (ParseError, networkx.NetworkXError, KeyError) as error:
        raise InputError(f"{file} is cut off or not GraphML ({error}); save it again") from None
    names = np.array([str(node) for node in graph.nodes], dtype=str)
    whole = all(is_whole(name) for name in names)
    ids = dict(zip(graph.nodes, names.astype(np.int64) if whole else names, strict=True))
    edges = list(graph.edges(data=True))
    everybody = np.array(list(ids.values()))
    source = np.array([ids[edge[0]] for edge in edges], dtype=everybody.dtype)
    target = np.array([ids[edge[1]] for edge in edges], dtype=everybody.dtype)
    weights = None
    if weighted and any("weight" in data for *_, data in edges):
        weights = np.array([float(data.get("weight", math.nan)) for *_, data in edges])
    return source, target, weights, graph.is_directed(), everybody


def is_saved_graph(file: Path) -> bool:
    """Whether ``file`` begins as those that ``SocialGraph.save`` writes."""
    try:
        with file.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except OSError:
        return False
