"""Readers of networks as people have them: edge lists, compressed edge lists, Parquet, GraphML.

A reader finds out the delimiter, the header and the columns by itself, keeps the ids of the file as
labels and says, with file and line, what it cannot use.
"""

from __future__ import annotations

import gzip
import itertools
import math
import os
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from sim.errors import InputError, InputWarning

SOURCE_NAMES = ("source", "from", "src", "truster", "rater", "follower", "fromnodeid", "node_1")
TARGET_NAMES = ("target", "to", "dst", "trustee", "ratee", "followee", "tonodeid", "node_2")
WEIGHT_NAMES = ("weight", "strength", "trust", "rating")
PERSON_NAMES = ("person", "node_id", "node", "id", "user")
COMMENTS = ("#", "%")
_DENSE_IDS = 8


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


class Table(NamedTuple):
    """How a text file is laid out; delimiter is None for blanks, names where it has a header."""

    delimiter: str | None
    names: tuple[str, ...] | None
    columns: int
    skip: int
    directed: bool | None


class Columns(NamedTuple):
    """Positions of the columns that are read; weight is None where there is none."""

    source: int
    target: int
    weight: int | None


def read_edges(
    path: str | os.PathLike[str],
    *,
    directed: bool | None = None,
    direction: str = "source_shares",
    weight: bool = True,
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

    Warns
    -----
    InputWarning
        how many self-loops are dropped.

    Raises
    ------
    InputError
        where the file is missing, cut off, empty, or not a network, with the line where known.
    """
    if direction not in ("source_shares", "source_trusts"):
        raise InputError(
            f"network.direction = '{direction}' is not known; use 'source_shares' or "
            "'source_trusts'"
        )
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: no such file; check the name of the network file")
    with file.open("rb") as stream:
        start = stream.read(4)
    if not start:
        raise InputError(f"{file} is empty; a network file needs a line for each tie")
    stated, everybody = None, None
    if start == b"PAR1" or file.suffix == ".parquet":
        source, target, weights = _read_parquet(file, weight)
    elif ".graphml" in file.suffixes:
        source, target, weights, stated, everybody = _read_graphml(file, weight)
    else:
        source, target, weights, stated = _read_text(file, weight)
    if weights is not None and not np.all(np.isfinite(weights) & (weights >= 0)):
        row = int(np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0])
        raise _bad_weight(f"{file}, tie {row + 1}", weights[row])
    loops = source == target
    people, first, second = _number(source, target, everybody)
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
    with _Reading(file):
        table = _layout(file)
        person, group = _text_columns(file, table, Columns(0, 1, None))[:2]
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
    source: np.ndarray, target: np.ndarray, everybody: np.ndarray | None
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
            used = np.zeros(high - low + 1, bool)
            used[source - low] = True
            used[target - low] = True
            rank = np.cumsum(used, dtype=np.int32) - np.int32(1)
            return np.flatnonzero(used) + low, rank[source - low], rank[target - low]
    people, place = np.unique(np.concatenate((source, target)), return_inverse=True)
    place = place.astype(np.int32)
    return people, place[: source.size], place[source.size :]


def _bad_weight(where: str, value: object) -> InputError:
    return InputError(
        f"{where}: weight {value} must be a finite number of at least 0; for signed ratings keep "
        "the positive rows or shift them, or read without weights (weight=False)"
    )


# -------------------------------------------------------------------------------------------- text


class _Reading:
    """Turn the errors of a damaged or foreign file into one InputError that names it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
            raise InputError(
                f"{self.file} is cut off or damaged (gzip: {error}); fetch it again"
            ) from None
        if isinstance(error, UnicodeDecodeError):
            raise InputError(
                f"{self.file} is not a text file of ties ({error.reason}); give an edge list, "
                "Parquet, GraphML or a file saved by SocialGraph.save"
            ) from None
        if isinstance(error, OSError):
            raise InputError(f"{self.file} cannot be read: {error.strerror or error}") from None


def _open(file: Path) -> IO[str]:
    if _is_gzip(file):
        return gzip.open(file, "rt", encoding="utf-8-sig")
    return file.open(encoding="utf-8-sig")


def _cells(line: str, delimiter: str | None) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(delimiter)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_whole(text: str) -> bool:
    return text.lstrip("-").isdecimal()


def _layout(file: Path) -> Table:
    """Find delimiter, header and the number of lines before the data."""
    skip = 0
    stated: bool | None = None
    rows: list[str] = []
    with _open(file) as stream:
        for line in itertools.islice(stream, 10_000):
            text = line.strip()
            if not rows and (not text or text.startswith(COMMENTS)):
                skip += 1
                words = text.lower()
                if "undirected" in words:
                    stated = False
                elif "directed" in words:
                    stated = True
            elif text:
                rows.append(text)
            if len(rows) == 20:
                break
    if not rows:
        raise InputError(f"{file} holds no ties; a network file needs a line for each tie")
    if "\0" in rows[0]:
        raise InputError(
            f"{file} is not a text file of ties; give an edge list, Parquet or GraphML"
        )
    delimiter = next((d for d in (",", "\t", ";") if d in rows[0]), None)
    first = _cells(rows[0], delimiter)
    if len(first) < 2:
        raise InputError(
            f"{file}, line {skip + 1}: found one column in '{rows[0][:60]}'; a tie needs source "
            "and target, separated by a comma, a tab or blanks"
        )
    following = [_cells(row, delimiter)[:2] for row in rows[1:]]
    named = first[0].lower() in (*SOURCE_NAMES, *PERSON_NAMES) and not _is_number(first[0])
    numbers_follow = bool(following) and all(_is_whole(cell) for row in following for cell in row)
    header = named or (numbers_follow and not any(_is_number(cell) for cell in first[:2]))
    names = tuple(cell.lower() for cell in first) if header else None
    return Table(delimiter, names, len(first), skip + header, stated)


def _column(names: tuple[str, ...], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _columns(names: tuple[str, ...]) -> Columns:
    source, target = _column(names, SOURCE_NAMES), _column(names, TARGET_NAMES)
    if source is None or target is None:
        source, target = 0, 1
    return Columns(source, target, _column(names, WEIGHT_NAMES))


def _read_text(
    file: Path, weighted: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, bool | None]:
    with _Reading(file):
        table = _layout(file)
        columns = Columns(0, 1, 2 if table.columns > 2 else None)
        if table.names is not None:
            columns = _columns(table.names)
        if not weighted:
            columns = columns._replace(weight=None)
        return *_text_columns(file, table, columns), table.directed


def _text_columns(
    file: Path, table: Table, columns: Columns
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The columns of a text file: whole-number ids if all are, else strings."""
    import pandas as pd

    wanted = [position for position in columns if position is not None]
    failure = None
    for id_type in (np.int64, str):
        types: dict[int, type] = {columns.source: id_type, columns.target: id_type}
        if columns.weight is not None:
            types[columns.weight] = np.float64
        try:
            frame = pd.read_csv(
                file,
                sep=table.delimiter or r"\s+",
                header=None,
                names=range(table.columns),
                usecols=wanted if table.columns > len(wanted) else None,
                skiprows=table.skip,
                dtype=types,
                engine="c",
                compression="gzip" if _is_gzip(file) else None,
                na_filter=columns.weight is not None or id_type is str,
                keep_default_na=False,
                na_values={columns.weight: ["", "nan", "NaN"]}
                if columns.weight is not None
                else [""],
            )
        except (ValueError, OverflowError, pd.errors.ParserError) as error:
            if isinstance(error, UnicodeDecodeError):
                raise
            failure = error
            continue
        source, target = frame[columns.source].to_numpy(), frame[columns.target].to_numpy()
        weights = None if columns.weight is None else frame[columns.weight].to_numpy()
        if id_type is str:
            _explain_bad_line(file, table, columns, None)
            return source.astype(str), target.astype(str), weights
        if weights is not None and not np.all(np.isfinite(weights) & (weights >= 0)):
            _explain_bad_line(file, table, columns, None)
        return source, target, weights
    raise _explain_bad_line(file, table, columns, failure)


def _is_gzip(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _data_lines(file: Path, skip: int) -> Iterator[tuple[int, str]]:
    with _open(file) as stream:
        for number, line in enumerate(stream, 1):
            if number > skip and line.strip():
                yield number, line.strip()


def _explain_bad_line(
    file: Path, table: Table, columns: Columns, failure: Exception | None
) -> InputError:
    """Raise the InputError of the first line that cannot be used; return one for ``failure``."""
    needed = max(position for position in columns if position is not None)
    for number, line in _data_lines(file, table.skip):
        cells = _cells(line, table.delimiter)
        if len(cells) <= needed or not (cells[columns.source] and cells[columns.target]):
            raise InputError(
                f"{file}, line {number}: '{line[:60]}' has {sum(map(bool, cells))} of the "
                f"{needed + 1} columns a tie needs; complete or drop the line"
            )
        if len(cells) > table.columns:
            raise InputError(
                f"{file}, line {number}: {len(cells)} columns where the first line of data has "
                f"{table.columns}; make them the same"
            )
        if columns.weight is None:
            continue
        text = cells[columns.weight]
        value = float(text) if _is_number(text) else math.nan
        if not (math.isfinite(value) and value >= 0):
            raise _bad_weight(f"{file}, line {number}", f"'{text}'")
    return InputError(f"{file} cannot be read as a list of ties: {failure}")


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
    source, target = _column(names, SOURCE_NAMES), _column(names, TARGET_NAMES)
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
    place = _column(names, WEIGHT_NAMES) if weighted else None
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
        with _Reading(file):
            graph = networkx.read_graphml(file)
    except (ParseError, networkx.NetworkXError, KeyError) as error:
        raise InputError(f"{file} is cut off or not GraphML ({error}); save it again") from None
    names = np.array([str(node) for node in graph.nodes], dtype=str)
    whole = all(_is_whole(name) for name in names)
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
