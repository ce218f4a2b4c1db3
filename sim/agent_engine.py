"""The readable engine: Mesa asks every consumer in turn, phase by phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.day import COUNTS, OrderLines
from sim.engine import order_lines

if TYPE_CHECKING:
    from sim.model import WordOfMouthModel


class AgentEngine:
    """Runs each phase of ``model`` by letting Mesa ask every consumer in turn, in one thread."""

    def __init__(self, model: WordOfMouthModel, threads: int = 1) -> None:
        size = model.world.graph.size
        self.model = model
        self.good = np.zeros(size, np.int64)
        self.bad = np.zeros(size, np.int64)
        self._taken: list[tuple[int, int, bool]] = []
        self._counts = np.zeros(len(COUNTS), np.int64)

    def tie_trust(self, tie: int) -> float:
        """Trust of a tie's receiver in its sharer."""
        state = self.model.state
        return self.model.plain_rules.trust(float(state.good_ties[tie]), float(state.bad_ties[tie]))

    def count(self, name: str, times: int = 1) -> None:
        """Add to one of the day's counts."""
        self._counts[COUNTS.index(name)] += times

    def take_order(self, buyer: int, product: int, again: bool) -> None:
        """Note an order for the end of the phase."""
        self._taken.append((buyer, product, again))

    def visit(self) -> None:
        """Who comes today."""
        self.model.agents.do("visit")

    def buy(self) -> OrderLines:
        """Who orders what: today's order lines, ascending by buyer and product."""
        self._taken.clear()
        self.model.agents.do("buy")
        lines = order_lines(len(self._taken))
        for k, (buyer, product, again) in enumerate(sorted(self._taken)):
            lines.buyer[k], lines.product[k], lines.again[k] = buyer, product, again
        return lines

    def credit(self, lines: OrderLines) -> None:
        """Credit the orders to friends."""
        for k, row in enumerate(lines.buyer):
            self.model.consumer(row).credit(lines, k)

    def enrol(self, lines: OrderLines, counts: np.ndarray) -> None:
        """Make the buyers members, by the sponsors that stand in the lines."""
        self._counts = counts
        for k, row in enumerate(lines.buyer):
            self.model.consumer(row).enrol(lines, k)

    def experience(self, lines: OrderLines, paid: np.ndarray) -> None:
        """Deliver the orders."""
        for k, row in enumerate(lines.buyer):
            self.model.consumer(row).experience(lines, k, bool(paid[k]))
        for sharer in np.flatnonzero(self.good + self.bad).tolist():
            self.model.consumer(sharer).update_record(int(self.good[sharer]), int(self.bad[sharer]))
        self.good[:] = 0
        self.bad[:] = 0

    def share(self, counts: np.ndarray) -> None:
        """Let visiting members talk."""
        self._ask("share", counts)

    def stay(self, counts: np.ndarray) -> None:
        """Let members leave and lapsed customers return."""
        self._ask("stay", counts)
        self._ask("switch_side", counts)

    def measure(self, counts: np.ndarray) -> None:
        """Count members and visits."""
        self._ask("measure", counts)

    def _ask(self, method: str, counts: np.ndarray) -> None:
        self._counts = counts
        self.model.agents.do(method)
