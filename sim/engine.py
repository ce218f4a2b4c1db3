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
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from sim import kernels, presence, sharing
from sim._jit import kernel_cache, uncached_rule
from sim.bounds import lost_bounds, no_bound
from sim.day import BLOCK, COUNTS, OrderLines, Today
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


def scratch(people: int, largest_degree: int, threads: int = 1) -> Today:
    """The arrays a day writes notes on."""
    return Today(
        why=np.zeros(people, np.uint8),
        considered=np.zeros(people, np.int16),
        visitors=np.zeros(people, np.int32),
        good=np.zeros(people, np.uint16),
        bad=np.zeros(people, np.uint16),
        keys=np.zeros(max(largest_degree, 1)),
        chosen=np.zeros(max(largest_degree, 1), np.int64),
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


class KernelEngine:
    """Runs each phase of ``model`` by calls of compiled kernels, one a thread.

    threads : how many share the work of the phases that ask everybody; results are the same.
    """

    def __init__(self, model: WordOfMouthModel, threads: int = 1) -> None:
        arrays = model.world.graph.arrays
        largest = int(np.diff(arrays.indptr).max(initial=0))
        self.model = model
        self.kernels, self.presence, self.sharing = kernels_with(model.rules)
        self.threads = Threads(model.world.graph.size, threads)
        self.today = scratch(model.world.graph.size, largest, len(self.threads.ranges))
        self.visitors = 0
        self._room = order_lines(0)

    def visit(self) -> None:
        """Who comes today."""
        model, today = self.model, self.today
        counts = self.threads.run(
            self.presence.visit,
            model.coefficients, model.day, model.world.people, model.state, today,
        )  # fmt: skip
        self.visitors = self.threads.close_gaps(today.visitors, counts)

    def buy(self) -> OrderLines:
        """Who orders what: today's order lines, not yet credited to anybody."""
        model = self.model
        wanted = self.visitors * len(model.scenario.products)
        if self._room.buyer.size < wanted:
            self._room = order_lines(2 * wanted)
        count = self.kernels.buy(
            model.coefficients, model.day, model.world.people, model.state, self.today,
            self.visitors, self._room,
        )  # fmt: skip
        return OrderLines(*(column[:count] for column in self._room))

    def credit(self, lines: OrderLines) -> None:
        """Credit the orders to friends."""
        model = self.model
        self.kernels.credit(model.coefficients, model.day, model.state, lines, lines.buyer.size)

    def enrol(self, lines: OrderLines, counts: np.ndarray) -> None:
        """Make the buyers members, by the sponsors that stand in the lines."""
        model = self.model
        self.kernels.enrol(
            model.coefficients, model.day, model.world.graph.arrays, model.state, self.today,
            lines, lines.buyer.size, counts,
        )  # fmt: skip

    def experience(self, lines: OrderLines, paid: np.ndarray) -> None:
        """Deliver the orders."""
        model = self.model
        self.kernels.experience(
            model.coefficients, model.day, model.state, self.today, lines, lines.buyer.size, paid
        )

    def share(self, counts: np.ndarray) -> None:
        """Let visiting members talk."""
        model = self.model
        self.sharing.share(
            model.coefficients, model.day, model.world.graph.arrays, model.world.people,
            model.state, self.today, self.visitors, counts,
        )  # fmt: skip

    def stay(self, counts: np.ndarray) -> None:
        """Let members leave and lapsed customers return."""
        model, today, graph = self.model, self.today, self.model.world.graph.arrays
        found = self.threads.run(
            self.presence.stay,
            model.coefficients, model.day, graph, model.world.people, model.state, today,
        )  # fmt: skip
        changes = self.threads.close_gaps(today.changed, found)
        self.presence.switch_sides(model.day, graph, model.state, today, changes, counts)

    def measure(self, counts: np.ndarray) -> None:
        """Count members and visits."""
        model = self.model
        self.presence.mark_visits(model.day, model.state, self.today, self.visitors)
        self.presence.measure(
            model.day, model.state, model.month_ticks, model.retention_ticks,
            0, model.world.graph.size, counts,
        )  # fmt: skip


def no_counts() -> np.ndarray:
    """A day's counts (len(COUNTS),), int64, all zero."""
    return np.zeros(len(COUNTS), np.int64)
