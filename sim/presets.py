"""Worlds with a known answer: cascades, thresholds, Bass diffusion, branching, recommendation.

    graph = sim.SocialGraph.generate("erdos_renyi", 10_000, mean_degree=8)
    model = sim.presets.independent_cascade(graph, probability=0.1, seeds=[0], seed=1)
    model.run().adoption_time

Each is one process of the literature and nothing else; :mod:`sim.theory` has its answers in
closed form, and :mod:`sim.reductions` turns the whole model into the same processes by switching
everything else off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from sim import contagion, recommending
from sim.errors import InputError
from sim.network import SocialGraph
from sim.processors import check_threads
from sim.randomness import derive_seed
from sim.threads import share_out

Numbers = Sequence[int] | np.ndarray


@dataclass(eq=False)
class Recommendation:
    """A process in which people buy, recommend and leave, not yet run: see :func:`recommendation`.

    size : number of people. ticks : of the run. customers, orders : int64 (ticks + 1,), customers
    and orders of each tick, tick 0 first. is_customer : bool (N,), at the end. All are 0 before
    the run.
    """

    size: int
    ticks: int
    _process: Callable[[], tuple[np.ndarray, np.ndarray, np.ndarray]] = field(repr=False)
    customers: np.ndarray = field(init=False, repr=False)
    orders: np.ndarray = field(init=False, repr=False)
    is_customer: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Nothing has happened."""
        self.customers, self.orders = np.zeros((2, self.ticks + 1), np.int64)
        self.is_customer = np.zeros(self.size, np.bool_)

    def run(self) -> Recommendation:
        """Run to the last tick; returns the model itself."""
        self.customers, self.orders, self.is_customer = self._process()
        return self


@dataclass(eq=False)
class Contagion:
    """A process of adoption, not yet run. Make one with the functions of this module.

    size : number of people. time_step : what one tick is in the process's unit of time.
    adoption_time : float64 (N,), when each person adopted, 0 for seeds, nan where never; before
    the run all but the seeds are nan.
    """

    size: int
    time_step: float
    _process: Callable[[], np.ndarray] = field(repr=False)
    _seeds: np.ndarray = field(repr=False)
    adoption_time: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Only the seeds have adopted."""
        self.adoption_time = np.full(self.size, np.nan)
        self.adoption_time[self._seeds] = 0.0

    def run(self) -> Contagion:
        """Run until nothing more can happen, or to the horizon; returns the model itself."""
        ticks = self._process()
        self.adoption_time = np.where(ticks >= 0, ticks * self.time_step, np.nan)
        return self

    @property
    def adopted(self) -> np.ndarray:
        """Who has adopted, bool (N,)."""
        return ~np.isnan(self.adoption_time)

    def adopters_by(self, times: ArrayLike) -> np.ndarray:
        """How many have adopted at each of ``times``, int64 of its shape."""
        when = np.sort(self.adoption_time[self.adopted])
        # A tick's end is a product of floats; a time that means the same tick must count it.
        margin = 1e-9 * self.time_step
        return np.searchsorted(when, np.asarray(times, np.float64) + margin, side="right")


def independent_cascade(
    graph: SocialGraph, *, probability: ArrayLike = 0.1, seeds: Numbers = (0,), seed: int = 0
) -> Contagion:
    """Each new adopter has one chance per tie to win its receiver. Kempe et al. (2003).

    Parameters
    ----------
    graph : SocialGraph
    probability : float, or float64 (T,) per tie in the order of ``graph.arrays``
    seeds : person numbers
        Who has adopted at time 0.
    seed : int
        Of the luck. Each tie has one draw, whatever happens when: the adopters are those whom the
        ties with a draw below their probability connect to the seeds (live edges), and raising a
        probability never loses one. A draw belongs to a place among the ties of a sharer, which
        are sorted by receiver: in another graph, a tie that a sharer has more or less changes the
        draws of those of hers that come after it, and nobody else's.

    Returns
    -------
    Contagion
        Time is counted in steps from the seeds.

    Raises
    ------
    InputError
        If a probability or a seed is out of range.
    """
    chances, first = _probabilities(graph, probability), _people(seeds, graph.size)
    arrays, luck = graph.rows, _luck(seed)

    def process() -> np.ndarray:
        step = np.full(graph.size, contagion.NEVER, np.int32)
        room = contagion.room_for(graph.size)
        contagion.cascade(luck, arrays.indptr, arrays.target, chances, first, room, step)
        return step

    return Contagion(graph.size, 1.0, process, first)


def cascade_sizes(
    graph: SocialGraph,
    *,
    probability: ArrayLike = 0.1,
    origins: ArrayLike,
    seed: int = 0,
    threads: int = 1,
) -> np.ndarray:
    """Final sizes of many independent cascades, at the cost of what each touches.

    Parameters
    ----------
    graph : SocialGraph
    probability : float, or float64 (T,) per tie in the order of ``graph.arrays``
    origins : person numbers, (R,) or (R, S)
        Where each of R cascades starts: one person, or S, of whom a repeated one counts once.
        ``numpy.tile(seeds, (R, 1))`` repeats a cascade from the same seeds.
    seed : int
        The r-th cascade is the run of :func:`independent_cascade` with seed
        :func:`sim.randomness.derive_seed` ``(seed, r)``.
    threads : int
        How many share the cascades; sizes are the same. Each needs five bytes a person.

    Returns
    -------
    int64 (R,)

    Raises
    ------
    InputError
        If a probability or an origin is out of range, or there are fewer processors than threads.
    """
    check_threads(threads)
    chances = _probabilities(graph, probability)
    first = _people(origins, graph.size, "origins", dimensions=2)
    first = first if first.ndim == 2 else first[:, np.newaxis]
    arrays, luck, sizes = graph.rows, _luck(seed), np.empty(first.shape[0], np.int64)

    def work(pieces: Iterator[tuple[int, int]]) -> None:
        room = contagion.room_for(graph.size)
        for begin, end in pieces:
            contagion.cascade_sizes(
                luck, arrays.indptr, arrays.target, chances, first, begin, end, room, sizes
            )

    share_out(work, sizes.size, threads)
    return sizes


def linear_threshold(
    graph: SocialGraph, *, weights: ArrayLike | None = None, seeds: Numbers = (0,), seed: int = 0
) -> Contagion:
    """A person adopts when the weights of adopting contacts reach her threshold, uniform in (0, 1).

    Parameters
    ----------
    graph : SocialGraph
    weights : float64 (T,), optional
        Per tie, at most 1 in sum over the ties a person receives; one over their number by
        default. Kempe, Kleinberg and Tardos (2003).
    seeds : person numbers
    seed : int
        Of the thresholds.

    Returns
    -------
    Contagion
        Time is counted in steps from the seeds.

    Raises
    ------
    InputError
        If weights are negative, too large in sum or of the wrong number, or a seed is out of range.
    """
    first, arrays = _people(seeds, graph.size), graph.rows
    given = np.ones(1) if weights is None else _weights(graph, weights)
    # Equal weights are counted as ones against a scaled threshold: adding them up is then exact.
    limits = contagion.person_uniforms(_luck(seed), graph.size)
    if weights is None:
        limits = limits * arrays.in_degree
    return Contagion(
        graph.size,
        1.0,
        lambda: contagion.thresholds_reached(limits, arrays.indptr, arrays.target, given, first),
        first,
    )


def threshold(
    graph: SocialGraph,
    *,
    contacts: int | None = None,
    share: float | None = None,
    seeds: Numbers = (0,),
    seed: int = 0,
) -> Contagion:
    """A person adopts when enough contacts have: complex contagion.

    Parameters
    ----------
    graph : SocialGraph
    contacts : int, optional
        How many must have adopted; 2 by default. Centola and Macy (2007).
    share : float, optional
        Instead, the share of contacts that must have adopted, in (0, 1]. Watts (2002).
    seeds : person numbers
    seed : int
        Accepted by every preset; nothing is drawn by this one.

    Returns
    -------
    Contagion
        Time is counted in steps from the seeds.

    Raises
    ------
    InputError
        If both or wrong thresholds are given, or a seed is out of range.
    """
    _luck(seed)
    first, arrays = _people(seeds, graph.size), graph.rows
    if contacts is not None and share is not None:
        raise InputError(f"contacts = {contacts} and share = {share}: give one of the two")
    if share is None:
        count = _at_least_one(2 if contacts is None else contacts)
        needed = np.full(graph.size, count, np.float64)
    else:
        if not 0 < share <= 1:
            raise InputError(f"share = {share} is not allowed; write a number above 0, at most 1")
        # 0.2 of 5 contacts is one of them, though 5 * 0.2 may come out a bit above 1.
        needed = np.maximum(np.ceil(share * arrays.in_degree - 1e-9), 1.0)
    return Contagion(
        graph.size,
        1.0,
        lambda: contagion.thresholds_reached(
            needed, arrays.indptr, arrays.target, np.ones(1), first
        ),
        first,
    )


def bass(
    size: int | None = None,
    *,
    p: float = 0.03,
    q: float = 0.38,
    dt: float = 0.05,
    graph: SocialGraph | None = None,
    seeds: Numbers = (),
    horizon: float | None = None,
    seed: int = 0,
) -> Contagion:
    """Bass diffusion: hazard p plus q times the share of contacts who have adopted.

    Parameters
    ----------
    size : int, optional
        People who all know each other; or give a ``graph``.
    p, q : float
        External and internal influence per unit of time. Defaults: means of Sultan, Farley and
        Lehmann (1990), per year.
    dt : float
        Length of a tick; the error against continuous time is proportional to it.
    graph : SocialGraph, optional
        Who hears from whom; q is split evenly over the ties a person receives.
    seeds : person numbers
        Who has adopted at time 0; nobody by default.
    horizon : float, optional
        Time at which to stop; by default when nobody is left who can adopt.
    seed : int
        Of the luck. Each person has one draw, the cumulative hazard at which she adopts, so a
        larger p or q never makes anybody adopt later.

    Returns
    -------
    Contagion
        Time is in the unit of p and q; who adopts within a tick does so at its end.

    Raises
    ------
    InputError
        If a number or a seed is out of range, or not exactly one of size and graph is given.
    """
    if (size is None) == (graph is None):
        raise InputError("give either size, for people who all know each other, or graph")
    for name, value, lowest in (("p", p, 0), ("q", q, 0)):
        if not (np.isfinite(value) and value >= lowest):
            raise InputError(f"{name} = {value} is not allowed; write a rate of at least {lowest}")
    if not (np.isfinite(dt) and dt > 0):
        raise InputError(f"dt = {dt} is not allowed; write a time above 0")
    if horizon is not None and not horizon > 0:
        raise InputError(f"horizon = {horizon} is not allowed; write a time above 0")
    people = graph.size if graph is not None else _at_least_one(size, "size")
    # A horizon that falls within a tick ends before it; one that is a whole number of them may
    # come out a little less.
    ticks = contagion.LONGEST
    if horizon is not None and horizon < contagion.LONGEST * dt:
        ticks = math.floor(horizon / dt * (1 + 1e-12))
    first, luck = _people(seeds, people), _luck(seed)

    def process() -> np.ndarray:
        if graph is None:
            return contagion.bass_complete(luck, people, p, q, dt, ticks, first)
        arrays = graph.rows
        return contagion.bass_on_graph(
            luck, arrays.indptr, arrays.target, arrays.in_degree, p, q, dt, ticks, first
        )

    return Contagion(people, dt, process, first)


def recommendation(
    graph: SocialGraph,
    *,
    talk: float = 0.1,
    conviction: float = 0.2,
    organic: float = 1e-4,
    churn: float = 0.05,
    again: float = 0.02,
    seeds: Numbers = (0,),
    ticks: int = 100,
    seed: int = 0,
) -> Recommendation:
    """Word of mouth at its barest: who just bought recommends, who is told buys, customers leave.

    In every tick somebody who is no customer buys with the chance 1 - (1 - organic)
    (1 - talk conviction)^f, where f is how many of her friends bought a tick ago; a customer leaves
    with the chance ``churn``, and buys again with the chance ``again`` if she does not. The same
    rule, with a draw for each recommendation, is what agent-based frameworks are timed with.

    Parameters
    ----------
    graph : SocialGraph
    talk : float
        Chance that who just bought recommends it to a friend.
    conviction : float
        Chance that one recommendation makes the friend buy.
    organic, churn, again : float
        Chances per tick.
    seeds : person numbers
        Who buys on tick 0.
    ticks : int
    seed : int
        Of the luck, which belongs to people and ticks.

    Returns
    -------
    Recommendation

    Raises
    ------
    InputError
        If a chance, a seed or the number of ticks is out of range.
    """
    chances = {
        "talk": talk, "conviction": conviction, "organic": organic, "churn": churn, "again": again,
    }  # fmt: skip
    for name, value in chances.items():
        if not 0 <= value <= 1:
            raise InputError(f"{name} = {value} is not allowed; write a number from 0 to 1")
    first, last, luck = _people(seeds, graph.size), _at_least_one(ticks, "ticks"), _luck(seed)
    arrays = graph.rows

    def process() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        back_indptr, back_target = arrays.indptr, arrays.target
        if graph.directed:
            ones = np.ones(arrays.target.size, np.int8)
            square = (graph.size, graph.size)
            back = sparse.csr_array((ones, arrays.target, arrays.indptr), square).tocsc()
            back_indptr = back.indptr.astype(arrays.indptr.dtype)
            back_target = back.indices.astype(arrays.target.dtype)
        return recommending.recommend(
            luck, (arrays.indptr, arrays.target), (back_indptr, back_target),
            (talk * conviction, float(organic), float(churn), float(again)), first, last,
            recommending.EITHER,
        )  # fmt: skip

    return Recommendation(graph.size, last, process)


def branching(*, mean: float, runs: int, largest: int = 1_000_000, seed: int = 0) -> np.ndarray:
    """Total progeny, int64 (R,), of R Galton-Watson trees with Poisson offspring of a mean.

    largest : a tree that reaches it is cut there. Raises InputError for numbers out of range.
    """
    if not 0 <= mean <= 100:
        raise InputError(f"mean = {mean} is not allowed; write a number from 0 to 100")
    return contagion.branching_sizes(
        _luck(seed), float(mean), _at_least_one(runs, "runs"), _at_least_one(largest, "largest")
    )


def tie_uniforms(graph: SocialGraph, *, seed: int = 0) -> np.ndarray:
    """The draw of every tie in :func:`independent_cascade` with this seed, float64 (T,)."""
    return contagion.tie_uniforms(_luck(seed), graph.rows.indptr)


def replication_seed(seed: int, replication: int) -> int:
    """The seed with which :func:`independent_cascade` repeats one of :func:`cascade_sizes`."""
    return derive_seed(seed, replication)


# --------------------------------------------------------------------------------- checking input


def _luck(seed: Any) -> np.uint64:
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"seed = {seed} is not allowed; write a whole number from 0 to 2^64 - 1")
    return np.uint64(seed)


def _at_least_one(value: int | None, name: str = "contacts") -> int:
    if value is None or value != int(value) or value < 1:
        raise InputError(f"{name} = {value} is not allowed; write a whole number of at least 1")
    return int(value)


def _people(given: ArrayLike, size: int, name: str = "seeds", dimensions: int = 1) -> np.ndarray:
    people = np.asarray(given)
    if not 1 <= people.ndim <= dimensions or (people.size and people.dtype.kind not in "iu"):
        raise InputError(f"{name} = {people} is not allowed; give a list of person numbers")
    wrong = np.argwhere((people < 0) | (people >= size))
    if wrong.size:
        place = wrong[0].tolist()
        raise InputError(
            f"{name}{place} = {people[tuple(place)]} is nobody here; people are 0 to {size - 1}"
        )
    return people.astype(np.int64)


def _probabilities(graph: SocialGraph, given: ArrayLike) -> np.ndarray:
    chances = np.atleast_1d(np.asarray(given, np.float64))
    _check_per_tie(chances, (1, graph.tie_count), "probability")
    wrong = np.flatnonzero(~((chances >= 0) & (chances <= 1)))
    if wrong.size:
        raise InputError(
            f"probability = {chances[wrong[0]]:g} is not allowed; write a number from 0 to 1"
        )
    return chances


def _check_per_tie(values: np.ndarray, sizes: tuple[int, ...], name: str) -> None:
    if values.ndim != 1 or values.size not in sizes:
        raise InputError(
            f"{name} has shape {values.shape}; give one number a tie, in the order of "
            f"graph.arrays: ({sizes[-1]},)" + (", or one for all" if len(sizes) > 1 else "")
        )


def _weights(graph: SocialGraph, given: ArrayLike) -> np.ndarray:
    weights = np.asarray(given, np.float64)
    _check_per_tie(weights, (graph.tie_count,), "weights")
    if weights.size and not weights.min() >= 0:
        raise InputError(f"weights: {weights.min():g} is not allowed; none may be below 0")
    received = np.bincount(graph.rows.target, weights=weights, minlength=graph.size)
    if received.max(initial=0.0) > 1 + 1e-9:
        who = int(received.argmax())
        raise InputError(
            f"weights of the ties that person {who} receives add up to {received[who]:g}; "
            "at most 1 is allowed"
        )
    return weights
