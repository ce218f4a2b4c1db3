"""Edge lists as text: delimiter, header and columns are found out, bad lines are named.

The commonest kind is read by :mod:`sim.plain_ties`, all others by pandas.
"""

from __future__ import annotations

import gzip
import itertools
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.plain_ties import read_pairs

SOURCE_NAMES = ("source", "from", "src", "truster", "rater", "follower", "fromnodeid", "node_1")
TARGET_NAMES = ("target", "to", "dst", "trustee", "ratee", "followee", "tonodeid", "node_2")
WEIGHT_NAMES = ("weight", "strength", "trust", "rating")
PERSON_NAMES = ("person", "node_id", "node", "id", "user")
COMMENTS = ("#", "%")


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


def bad_weight(where: str, value: object) -> InputError:
    """What to say of a weight that is not a finite number of at least 0."""
    return InputError(
        f"{where}: weight {value} must be a finite number of at least 0; for signed ratings keep "
        "the positive rows or shift them, or read without weights (weight=False)"
    )


class Reading:
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
    if is_gzip(file):
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


def is_whole(text: str) -> bool:
    """Whether a cell holds a whole number."""
    return text.lstrip("-").isdecimal()


def find_layout(file: Path) -> Table:
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
    numbers_follow = bool(following) and all(is_whole(cell) for row in following for cell in row)
    header = named or (numbers_follow and not any(_is_number(cell) for cell in first[:2]))
    names = tuple(cell.lower() for cell in first) if header else None
    return Table(delimiter, names, len(first), skip + header, stated)


def column_of(names: tuple[str, ...], wanted: tuple[str, ...]) -> int | None:
    """The place of the first ``wanted`` name that there is, or None."""
    return next((names.index(name) for name in wanted if name in names), None)


def _columns(names: tuple[str, ...]) -> Columns:
    source, target = column_of(names, SOURCE_NAMES), column_of(names, TARGET_NAMES)
    if source is None or target is None:
        source, target = 0, 1
    return Columns(source, target, column_of(names, WEIGHT_NAMES))


def read_text(
    file: Path, weighted: bool, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, bool | None]:
    """Both ends and the weight of every tie of a text file, and whether it says to be directed.

    threads : None for as many as pay.
    """
    with Reading(file):
        table = find_layout(file)
        columns = Columns(0, 1, 2 if table.columns > 2 else None)
        if table.names is not None:
            columns = _columns(table.names)
        if not weighted:
            columns = columns._replace(weight=None)
        return *text_columns(file, table, columns, threads), table.directed


def text_columns(
    file: Path, table: Table, columns: Columns, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The columns of a text file: whole-number ids if all are, else strings."""
    if table.columns == 2 and columns.weight is None and not is_gzip(file):
        pairs = read_pairs(file, table.delimiter or " ", table.skip, threads)
        if pairs is not None:
            return pairs[columns.source], pairs[columns.target], None
    return _parsed_columns(file, table, columns)


def _parsed_columns(
    file: Path, table: Table, columns: Columns
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The columns of any text file, read with pandas."""
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
                compression="gzip" if is_gzip(file) else None,
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


def is_gzip(file: Path) -> bool:
    """Whether a file is compressed."""
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
            raise bad_weight(f"{file}, line {number}", f"'{text}'")
    return InputError(f"{file} cannot be read as a list of ties: {failure}")
