"""SocialGraph: who hears from whom, and who reads the same chat, as compressed sparse rows.

Ties come from arrays, a networkx graph, a file or a generator; all end in :class:`GraphArrays`,
the only form the rest of the package reads. A tie i -> j means that j receives what i shares; a
friendship is two ties.
"""

from __future__ import annotations

import functools
import hashlib
import os
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import InputError, InputWarning
from sim.generators import GENERATORS as GENERATORS  # the kinds, where users look for them
from sim.generators import bytes_of_graph, generator_of
from sim.graph_files import is_saved_graph, read_edges, read_groups, unchanged
from sim.graph_statistics import describe_graph
from sim.memory import require_bytes
from sim.plain_rows import membership, plain_rows, times_received
from sim.saved_arrays import open_arrays, save_arrays
from sim.sparse_rows import reciprocated, sparse_rows
from sim.tie_strength import overlap_strength

if TYPE_CHECKING:
    import networkx

_SAVED_VERSION = 1


_RARELY = 0.05  # share of ties both ways that is neither a trust network's nor friendships'


class GraphArrays(NamedTuple):
    """What the kernels read.

    indptr : int64 (N+1,), i's ties are entries indptr[i]:indptr[i+1].
    target : int32 (T,), who receives what i shares; sorted within a row.
    strength : float32 (T,), in [0, 1].
    in_degree : int32 (N,), number of people whose shares i receives.
    group_indptr : int64 (G+1,); group_member : int32 (M,), members of a group, sorted.
    person_group_indptr : int64 (N+1,); person_group : int32 (M,), groups of a person, sorted.
    """

    indptr: np.ndarray
    target: np.ndarray
    strength: np.ndarray
    in_degree: np.ndarray
    group_indptr: np.ndarray
    group_member: np.ndarray
    person_group_indptr: np.ndarray
    person_group: np.ndarray


# ------------------------------------------------------------------------------- checking arrays


def _people(values: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{name} must be a list of person numbers, got shape {array.shape}")
    if array.size == 0:
        return np.empty(0, np.int32)
    if array.dtype.kind not in "iu":
        raise InputError(
            f"{name} must hold whole person numbers, got {array.dtype}; map names to 0..N-1 first, "
            "or read them with SocialGraph.read, which keeps them as labels"
        )
    return array


def _check_range(values: np.ndarray, size: int, name: str) -> np.ndarray:
    wrong = np.flatnonzero((values < 0) | (values >= size))
    if wrong.size:
        raise InputError(
            f"{name}[{wrong[0]}] = {values[wrong[0]]} is not a person of a graph with size = "
            f"{size}; people are 0 to {size - 1}"
        )
    return values.astype(np.int32)


def _relative(weight: ArrayLike, ties: int) -> np.ndarray:
    """Given weights divided by the largest, float32 (E,)."""
    given = np.asarray(weight, dtype=np.float64)
    if given.shape != (ties,):
        raise InputError(
            f"strength has shape {given.shape}; it needs one number for each tie, ({ties},)"
        )
    wrong = np.flatnonzero(~np.isfinite(given) | (given < 0))
    if wrong.size:
        raise InputError(
            f"strength[{wrong[0]}] = {given[wrong[0]]} must be a finite number of at least 0"
        )
    largest = given.max(initial=0.0)
    if ties and largest == 0:
        raise InputError(
            "strength is 0 for every tie; give at least one positive strength, or none"
        )
    return (given / largest).astype(np.float32) if ties else np.empty(0, np.float32)


def _flat_groups(groups: Sequence[ArrayLike], size: int) -> tuple[np.ndarray, np.ndarray]:
    members = [
        _check_range(_people(group, f"groups[{g}]"), size, f"groups[{g}]")
        for g, group in enumerate(groups)
    ]
    lengths = [member.size for member in members]
    group_of = np.repeat(np.arange(len(members), dtype=np.int32), lengths)
    return group_of, np.concatenate([*members, np.empty(0, np.int32)])


# ------------------------------------------------------------------------------- the graph


@dataclass(frozen=True, eq=False)
class SocialGraph:
    """A social network. Make one with from_edges, from_networkx, read or generate.

    rows : the arrays, with an empty ``strength`` where it is that of shared friends, which is
        computed when ``arrays`` are first asked for. directed : whether ties may go one way only.
    name : for reports. labels : the people's own ids in order, shape (N,), or None where they are
        0..N-1.
    """

    rows: GraphArrays
    directed: bool
    name: str
    labels: np.ndarray | None = None

    @functools.cached_property
    def arrays(self) -> GraphArrays:
        """What the kernels read, with the strength of every tie."""
        rows = self.rows
        if rows.strength.size == rows.target.size:
            return rows
        return rows._replace(strength=overlap_strength(rows.indptr, rows.target, self.directed))

    @property
    def size(self) -> int:
        """Number of people."""
        return self.rows.indptr.size - 1

    @property
    def tie_count(self) -> int:
        """Number of ties; a friendship is two."""
        return self.rows.target.size

    @property
    def friendship_count(self) -> int:
        """Number of pairs tied both ways."""
        if not self.directed:
            return self.tie_count // 2
        return reciprocated(self.rows.indptr, self.rows.target) // 2

    @property
    def group_count(self) -> int:
        """Number of groups."""
        return self.rows.group_indptr.size - 1

    @property
    def mean_degree(self) -> float:
        """Ties per person (number of friends where undirected)."""
        return self.tie_count / self.size

    def digest(self) -> str:
        """sha256 (hex) of the arrays and of directedness, the same on every machine."""
        digest = hashlib.sha256(b"directed" if self.directed else b"undirected")
        for array in self.arrays:
            digest.update(str(array.size).encode())
            digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        return digest.hexdigest()

    @classmethod
    def _build(
        cls,
        source: np.ndarray,
        target: np.ndarray,
        size: int,
        *,
        directed: bool,
        strength: np.ndarray | None,
        groups: tuple[np.ndarray | None, np.ndarray | None],
        name: str,
        group_count: int = 0,
        labels: np.ndarray | None = None,
        threads: int | None = 1,
    ) -> tuple[SocialGraph, int]:
        """A graph from checked int32 pairs, and how many repeated pairs were merged."""
        rows_strength = np.empty(0, np.float32)
        if strength is None:
            indptr, receiver = plain_rows(source, target, size, not directed, threads)
        else:
            indptr, receiver, rows_strength = sparse_rows(
                source, target, strength, size, not directed
            )
        merged = source.size - receiver.size // (1 if directed else 2)
        in_degree = times_received(receiver, size, threads)
        in_groups = membership(*groups, size, group_count)
        rows = GraphArrays(indptr, receiver, rows_strength, in_degree, *in_groups)
        return cls(rows, directed, name, labels), merged

    @classmethod
    def from_edges(
        cls,
        source: ArrayLike,
        target: ArrayLike,
        *,
        directed: bool = False,
        size: int | None = None,
        strength: ArrayLike | None = None,
        groups: Sequence[ArrayLike] | None = None,
        labels: ArrayLike | None = None,
        name: str = "edges",
    ) -> SocialGraph:
        """A graph from pairs of person numbers.

        source, target : whole numbers (E,); the target receives what the source shares, and
            the other way round too unless ``directed``.
        size : number of people; default the largest number + 1.
        strength : numbers >= 0 (E,), divided by the largest; default by
            :func:`sim.tie_strength.overlap_strength`.
        groups : for each group the person numbers of its members.
        labels : the people's own ids (size,).

        Repeated ties are merged (the largest strength stays) with an InputWarning.
        Raises InputError for self-loops, people outside 0..size-1, unequal lengths, a graph without
        people and unusable strengths.
        """
        sources, targets = _people(source, "source"), _people(target, "target")
        if sources.size != targets.size:
            raise InputError(
                f"source has {sources.size} entries and target {targets.size}; give pairs"
            )
        if size is None:
            size = int(max(sources.max(initial=-1), targets.max(initial=-1))) + 1
        if size < 1:
            raise InputError(f"a graph needs people, got size = {size} and {sources.size} ties")
        sources, targets = (
            _check_range(sources, size, "source"),
            _check_range(targets, size, "target"),
        )
        loops = np.flatnonzero(sources == targets)
        if loops.size:
            raise InputError(
                f"source[{loops[0]}] = target[{loops[0]}] = {sources[loops[0]]}: a person cannot "
                f"be tied to himself ({loops.size} such ties); drop them"
            )
        kept_labels = None if labels is None else np.asarray(labels)
        if kept_labels is not None and kept_labels.shape != (size,):
            raise InputError(
                f"labels has shape {kept_labels.shape}; it needs one for each person, ({size},)"
            )
        graph, merged = cls._build(
            sources,
            targets,
            size,
            directed=directed,
            strength=None if strength is None else _relative(strength, sources.size),
            groups=(None, None) if groups is None else _flat_groups(groups, size),
            group_count=0 if groups is None else len(groups),
            name=name,
            labels=kept_labels,
        )
        if merged:
            warnings.warn(f"{name}: {merged} repeated ties are merged", InputWarning, stacklevel=2)
        return graph

    @classmethod
    def generate(cls, kind: str, size: int, *, seed: int = 0, **parameters: object) -> SocialGraph:
        """A generated network of ``size`` people; kinds and their parameters: GENERATORS.

        The same kind, size, seed and parameters always give the same graph. Raises InputError for
        an unknown kind or parameter, one out of range, or a graph that does not fit in memory.
        """
        generator = generator_of(kind, parameters)
        needed = bytes_of_graph(generator, size, parameters)
        require_bytes(needed, f"a network of {size} people", "use fewer people or ties")
        edges = generator(size, seed, **parameters)
        graph, _ = cls._build(
            edges.source,
            edges.target,
            edges.size,
            directed=False,
            strength=edges.strength,
            groups=(edges.group_of, edges.group_member),
            name=kind,
        )
        return graph

    @classmethod
    def from_networkx(
        cls, graph: networkx.Graph, *, strength: str | None = "weight", name: str = "networkx"
    ) -> SocialGraph:
        """A graph from any networkx graph; its nodes, in order, are kept as labels.

        ``strength`` names the edge attribute with the weights; edges without it weigh 1 where any
        edge has it, and strength comes from overlap where none has. Parallel edges are merged.
        """
        nodes = list(graph.nodes)
        number = {node: i for i, node in enumerate(nodes)}
        pairs = [(number[u], number[v]) for u, v in graph.edges()]
        ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        weights = None
        if strength is not None:
            given = [data.get(strength) for *_, data in graph.edges(data=True)]
            if any(value is not None for value in given):
                weights = [1.0 if value is None else value for value in given]
        labels = None
        if nodes != list(range(len(nodes))):
            plain = all(isinstance(node, int) for node in nodes)
            labels = np.array(nodes if plain else [str(node) for node in nodes])
        return cls.from_edges(
            ends[:, 0],
            ends[:, 1],
            directed=graph.is_directed(),
            size=len(nodes),
            strength=weights,
            labels=labels,
            name=name,
        )

    def to_networkx(self) -> networkx.Graph:
        """A networkx Graph or DiGraph of the labels, with strength as the attribute ``weight``."""
        import networkx

        source = np.repeat(np.arange(self.size), np.diff(self.arrays.indptr))
        target, strength = self.arrays.target, self.arrays.strength
        if not self.directed:
            once = source < target
            source, target, strength = source[once], target[once], strength[once]
        names = list(range(self.size)) if self.labels is None else self.labels.tolist()
        graph = networkx.DiGraph() if self.directed else networkx.Graph()
        graph.add_nodes_from(names)
        graph.add_weighted_edges_from(
            (names[i], names[j], weight)
            for i, j, weight in zip(
                source.tolist(), target.tolist(), strength.tolist(), strict=True
            )
        )
        return graph

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        directed: bool | None = None,
        groups: str | os.PathLike[str] | None = None,
        direction: str = "source_shares",
        weight: bool = True,
        repair: bool = True,
        threads: int | None = None,
    ) -> SocialGraph:
        """A graph from a file that :func:`sim.graph_files.read_edges` knows, or that save wrote.

        directed : None lets the file decide: by its format or a comment that says so, else by its
            rows. They are friendships where no pair or every pair is there both ways, one-way
            ties where many are, and refused where it is only a few.
        groups : file with a person and a group in each line.
        direction : "source_trusts" for files such as Epinions or Advogato, whose "u trusts v"
            means that u hears what v shares.
        weight : False leaves a weight column alone, so that strength comes from overlap.
        repair : merge repeated ties (the largest weight stays) and drop self-loops, each with an
            InputWarning saying how many; False refuses them, and group members without a tie.
        threads : how many share the work where that pays; all processors for None. The graph does
            not depend on it.

        Raises InputError as read_edges does.
        """
        if not repair:
            return cls._read_as_it_is(
                path,
                directed=directed,
                groups=groups,
                direction=direction,
                weight=weight,
                threads=threads,
            )
        file = Path(path)
        if is_saved_graph(file):
            return cls._load(file)
        edges = read_edges(
            file, directed=directed, direction=direction, weight=weight, threads=threads
        )
        mirrored = False
        if edges.directed is None or not edges.directed:
            indptr, receiver = plain_rows(edges.source, edges.target, edges.size, False, threads)
            both_ways = reciprocated(indptr, receiver)
            mirrored = both_ways == receiver.size
            directed = edges.directed is None and 0 < both_ways < receiver.size
            if directed and both_ways < _RARELY * receiver.size:
                raise InputError(
                    f"{file}: {both_ways // 2} of {receiver.size - both_ways // 2} ties are there "
                    "both ways, the others one way; say which it is: network.directed = false "
                    "(friendships) or true (ties go one way)"
                )
        else:
            directed = True
        graph, merged = cls._build(
            edges.source,
            edges.target,
            edges.size,
            directed=directed,
            strength=None
            if edges.strength is None
            else _relative(edges.strength, edges.source.size),
            groups=(None, None)
            if groups is None
            else read_groups(groups, edges.labels, edges.size),
            name=file.name,
            labels=edges.labels,
            threads=threads,
        )
        if mirrored:
            merged -= graph.friendship_count
        if merged > 0:
            warnings.warn(f"{file}: {merged} repeated ties are merged", InputWarning, stacklevel=2)
        return graph

    @classmethod
    def _read_as_it_is(cls, path: str | os.PathLike[str], **options: Any) -> SocialGraph:
        """The graph of a file that needs no repair; InputError naming the first flaw otherwise."""
        with warnings.catch_warnings():
            warnings.simplefilter("error", InputWarning)
            try:
                return cls.read(path, **options)
            except InputWarning as flaw:
                raise InputError(
                    f"{flaw} if repaired; mend the file, or set network.repair = true"
                ) from None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the graph to ``path`` for :meth:`read`; returns the path written, ending .npz.

        Such a file opens at once: its arrays are mapped into memory. Raises InputError where there
        is no such folder.
        """
        file = Path(path)
        if file.suffix != ".npz":
            file = file.with_name(f"{file.name}.npz")
        if not file.parent.is_dir():
            raise InputError(f"{file}: there is no folder {file.parent}; make it first")
        fields = self.arrays._asdict()
        if self.labels is not None:
            fields["labels"] = self.labels
        save_arrays(
            file,
            {
                "version": np.array(_SAVED_VERSION),
                "directed": np.array(self.directed),
                "name": np.array(self.name),
                **fields,
            },
        )
        return file

    @classmethod
    def _load(cls, file: Path) -> SocialGraph:
        try:
            with unchanged(file):
                fields = open_arrays(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{file} is cut off or damaged ({error}); save the graph again"
            ) from None
        missing = {"version", "directed", "name", *GraphArrays._fields} - fields.keys()
        if missing:
            raise InputError(
                f"{file} was not written by SocialGraph.save: it lacks {', '.join(sorted(missing))}"
            )
        arrays = GraphArrays(*(fields[key] for key in GraphArrays._fields))
        return cls(arrays, bool(fields["directed"]), str(fields["name"]), fields.get("labels"))

    def either_way(self) -> tuple[np.ndarray, np.ndarray]:
        """Sorted rows, indptr and target as in GraphArrays, of who is tied to whom either way."""
        if not self.directed:
            return self.rows.indptr, self.rows.target
        source = np.repeat(np.arange(self.size, dtype=np.int32), np.diff(self.rows.indptr))
        return plain_rows(source, self.rows.target, self.size, True)

    def describe(self) -> dict[str, float | int]:
        """Statistics of the graph in the order of :func:`sim.graph_statistics.describe_graph`."""
        return {
            "people": self.size,
            "ties": self.tie_count,
            "friendships": self.friendship_count,
            **describe_graph(self.arrays, *self.either_way()),
        }
