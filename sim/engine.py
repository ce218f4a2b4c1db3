"""The fast reader of the rules: runs the phases of a day with compiled kernels."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import sys
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from sim import kernels, presence, sharing
from sim._jit import Packed, kernel_cache, ready, uncached_rule
from sim.bounds import lost_bounds, no_bound
from sim.day import BLOCK, COUNTS, Day, OrderLines, Today
from sim.rules import BUILT_IN, Rules
from sim.threads import Threads

if TYPE_CHECKING:
    from sim.model import WordOfMouthModel

LINE_DTYPES: dict[str, type[np.generic]] = {
    "buyer": np.int32,
    "product": np.int16,
    "again": np.bool_,
    "sponsor": np.int32,
    "tie": np.int32,
    "depth": np.int32,
    "channel": np.uint8,
    "new_customer": np.bool_,
    "refund_tick": np.int32,
}


def order_lines(size: int) -> OrderLines:
    """Room for the orders of a day, unset: no sponsor, no refund."""
    return OrderLines(
        **{
            name: np.full(size, -1 if name in ("sponsor", "tie", "refund_tick") else 0, dtype)
            for name, dtype in LINE_DTYPES.items()
        }
    )


NO_LINES = order_lines(0)


def scratch(people: int, largest_degree: int, largest_group: int, threads: int = 1) -> Today:
    """The arrays a day writes notes on."""
    return Today(
        why=np.zeros(people, np.uint8),
        considered=np.zeros(people, np.int16),
        visitors=np.zeros(people, np.int32),
        good=np.zeros(people, np.uint16),
        bad=np.zeros(people, np.uint16),
        keys=np.zeros(max(largest_degree, 1)),
        readers=np.zeros(max(largest_degree, largest_group) + 1, np.int32),
        chosen=np.zeros(max(largest_degree, largest_group) + 1, np.int64),
        changed=np.zeros(people, np.int32),
        block=np.zeros((threads, BLOCK), np.int32),
        words=np.zeros((threads, 4, BLOCK), np.uint32),
    )


SHARED = (
    "tie_trust", "reward_for", "needs", "overall_satisfaction", "tell_friends_of_membership",
)  # fmt: skip
"""What the other modules of phases take from :mod:`sim.kernels`."""


class Kernels(NamedTuple):
    """The modules of compiled phases."""

    phases: ModuleType
    presence: ModuleType
    sharing: ModuleType


@functools.lru_cache(maxsize=16)
def kernels_with(rules: Rules) -> Kernels:
    """The kernels with ``rules`` compiled in; the built-in ones come from the disk cache.

    For other rules second copies of the modules are loaded and given the user's functions under
    the names of the built-in ones before anything is compiled. They are not cached on disk, since
    a user's function has no version, but kept for further models with the same rules.
    """
    if rules == BUILT_IN:
        return Kernels(kernels, presence, sharing)
    replaced = {
        slot: uncached_rule(function)
        for slot, function in rules._asdict().items()
        if function is not getattr(BUILT_IN, slot)
    }
    replaced |= {bound: uncached_rule(no_bound) for bound in lost_bounds(rules)}
    phases = _copy_with(kernels, replaced)
    shared = {name: getattr(phases, name) for name in SHARED}
    return Kernels(
        phases,
        _copy_with(presence, replaced | shared),
        _copy_with(sharing, replaced | shared),
    )


_copies = itertools.count()


def _copy_with(module: ModuleType, functions: dict[str, Callable]) -> ModuleType:
    """A fresh copy of a module in which ``functions`` stand for those of the same name."""
    if module.__file__ is None:
        raise RuntimeError(f"{module.__name__} has no source file to compile other rules into")
    name = f"{module.__name__}_with_{'_'.join(functions)}_{next(_copies)}"
    spec = importlib.util.spec_from_file_location(name, module.__file__)
    copy = importlib.util.module_from_spec(cast(ModuleSpec, spec))
    sys.modules[name] = copy
    with kernel_cache(use=False):
        cast(Loader, cast(ModuleSpec, spec).loader).exec_module(copy)
    for slot, function in functions.items():
        if hasattr(copy, slot):
            setattr(copy, slot, function)
    return copy


class Packs(NamedTuple):
    """The tuples of a day as the functions of :class:`Entrances` take them."""

    coefficients: Any
    day: Any
    graph: Any
    people: Any
    state: Any
    today: Any


class Entrances:
    """The phases of one model as functions, and their tuples as these take them.

    engine : whose model has a day, which says with the model's arrays what to compile for.
    """

    def __init__(self, engine: KernelEngine) -> None:
        model, kernels, presence = engine.model, engine.kernels, engine.presence
        self._packed = c, day, graph, people, state, today = tuple(
            map(Packed, self._tuples(model, engine.today))
        )
        self.lines = lines = Packed(engine.room)
        number, counts, paid = 0, no_counts(), np.empty(0, np.bool_)
        begin, end, worker = 0, 0, 0
        self.visit = ready(presence.visit, c, day, people, state, today, begin, end, worker)
        self.buy = ready(kernels.buy, c, day, people, state, today, number, lines)
        self.credit = ready(kernels.credit, c, day, state, lines, number)
        self.enrol = ready(kernels.enrol, c, day, graph, state, today, lines, number, counts)
        self.experience = ready(kernels.experience, c, day, state, today, lines, number, paid)
        self.share = ready(
            engine.sharing.share, c, day, graph, people, state, today, number, counts
        )
        self.stay = ready(presence.stay, c, day, graph, people, state, today, begin, end, worker)
        self.switch_sides = ready(presence.switch_sides, day, graph, state, today, number, counts)
        self.mark_visits = ready(presence.mark_visits, day, state, today, number)
        self.measure = ready(
            presence.measure, day, state, number, model.retention_ticks, begin, end, counts
        )

    def packs(self, model: WordOfMouthModel, today: Today) -> Packs:
        """The tuples of the day that begins, all of which are kept until the next."""
        tuples = self._tuples(model, today)
        return Packs(*[packed.at(one) for packed, one in zip(self._packed, tuples, strict=True)])

    @staticmethod
    def _tuples(model: WordOfMouthModel, today: Today) -> tuple[Any, ...]:
        """What :class:`Packs` holds, as named tuples."""
        world = model.world
        return (
            model.coefficients, model.day, world.graph.arrays, world.people, model.state, today,
        )  # fmt: skip


class KernelEngine:
    """Runs each phase of ``model`` by calls of compiled kernels, one a thread.

    threads : how many share the work of the phases that ask everybody; results are the same.
    """

    def __init__(self, model: WordOfMouthModel, threads: int = 1) -> None:
        arrays = model.world.graph.arrays
        degree, group = (
            int(np.diff(rows).max(initial=0)) for rows in (arrays.indptr, arrays.group_indptr)
        )
        self.model = model
        self.kernels, self.presence, self.sharing = kernels_with(model.rules)
        self.threads = Threads(model.world.graph.size, threads)
        self.today = scratch(model.world.graph.size, degree, group, len(self.threads.ranges))
        self.visitors = 0
        self.room = order_lines(0)
        self._bought = NO_LINES
        self._packed_day: Day | None = None
        self._packed: Packs | None = None

    @functools.cached_property
    def entrances(self) -> Entrances:
        """The phases, ready to be called; first on a day of the model."""
        return Entrances(self)

    def visit(self) -> None:
        """Who comes today."""
        p = self._packs()
        self.visitors = self._ask_everybody(
            self.entrances.visit, self.today.visitors,
            p.coefficients, p.day, p.people, p.state, p.today,
        )  # fmt: skip

    def _packs(self) -> Packs:
        """The tuples of today; they stay the same ones until the next day."""
        day = self.model.day
        if day is not self._packed_day:
            self._packed_day, self._packed = day, self.entrances.packs(self.model, self.today)
        return cast(Packs, self._packed)

    def _ask_everybody(self, phase: Callable[..., int], rows: np.ndarray, *arguments: Any) -> int:
        """Ask all consumers, by threads; ``rows`` then begins with those the phase writes there.

        Returns how many they are.
        """
        threads = self.threads
        if len(threads.ranges) == 1:
            return phase(*arguments, *threads.ranges[0], 0)
        return threads.close_gaps(rows, threads.run(phase, *arguments))

    def buy(self) -> OrderLines:
        """Who orders what: today's order lines, not yet credited to anybody."""
        enter, p = self.entrances, self._packs()
        wanted = self.visitors * len(self.model.scenario.products)
        if wanted == 0:
            return NO_LINES
        if self.room.buyer.size < wanted:
            self.room = order_lines(2 * wanted)
        count = enter.buy(
            p.coefficients, p.day, p.people, p.state, p.today,
            self.visitors, enter.lines.at(self.room),
        )  # fmt: skip
        self._bought = NO_LINES
        if count:
            self._bought = OrderLines(*[column[:count] for column in self.room])
        return self._bought

    def _whole(self, lines: OrderLines) -> Any:
        """Lines as phases take them; the room that those of today are in is packed already."""
        return self.entrances.lines.at(self.room if lines is self._bought else lines)

    def credit(self, lines: OrderLines) -> None:
        """Credit the orders to friends."""
        p = self._packs()
        self.entrances.credit(p.coefficients, p.day, p.state, self._whole(lines), lines.buyer.size)

    def enrol(self, lines: OrderLines, counts: np.ndarray) -> None:
        """Make the buyers members, by the sponsors that stand in the lines."""
        p = self._packs()
        self.entrances.enrol(
            p.coefficients, p.day, p.graph, p.state, p.today,
            self._whole(lines), lines.buyer.size, counts,
        )  # fmt: skip

    def experience(self, lines: OrderLines, paid: np.ndarray) -> None:
        """Deliver the orders."""
        p = self._packs()
        self.entrances.experience(
            p.coefficients, p.day, p.state, p.today, self._whole(lines), lines.buyer.size, paid
        )

    def share(self, counts: np.ndarray) -> None:
        """Let visiting members talk."""
        p = self._packs()
        self.entrances.share(
            p.coefficients, p.day, p.graph, p.people, p.state, p.today, self.visitors, counts
        )

    def stay(self, counts: np.ndarray) -> None:
        """Let members leave and lapsed customers return."""
        p = self._packs()
        changes = self._ask_everybody(
            self.entrances.stay, self.today.changed,
            p.coefficients, p.day, p.graph, p.people, p.state, p.today,
        )  # fmt: skip
        if changes:
            self.entrances.switch_sides(p.day, p.graph, p.state, p.today, changes, counts)

    def measure(self, counts: np.ndarray) -> None:
        """Count members and visits."""
        model, enter, p = self.model, self.entrances, self._packs()
        if self.visitors:
            enter.mark_visits(p.day, p.state, p.today, self.visitors)
        enter.measure(
            p.day, p.state, model.month_ticks, model.retention_ticks,
            0, model.world.graph.size, counts,
        )  # fmt: skip


def no_counts() -> np.ndarray:
    """A day's counts (len(COUNTS),), int64, all zero."""
    return np.zeros(len(COUNTS), np.int64)
