"""The rules of the books once more, line by line in plain Python: what the ledger must agree with.

Nothing here is fast, vectorised or double-entry; it shares no code with :mod:`sim.ledger`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

NEVER = 10**9


@dataclass
class Line:
    order_id: int
    person: int
    cents: int
    part: int
    due_tick: int
    in_points: bool
    state: str


@dataclass
class Lot:
    person: int
    cents: int
    expiry_tick: int


@dataclass
class Sale:
    buyer: int
    net: int
    points: int
    refund_tick: int = NEVER
    is_refunded: bool = False
    used: list[Lot] = field(default_factory=list)


class PlainBooks:
    """Sales, commission lines, debts and points of a few people."""

    def __init__(self, size: int) -> None:
        self.sales: dict[int, Sale] = {}
        self.lines: list[Line] = []
        self.lots: list[Lot] = []
        self.paid, self.owed, self.deposits, self.capped = ([0] * size for _ in range(4))
        self.cash = self.expired = 0

    def buy(self, order_id: int, buyer: int, net: int, points: int, refund_tick: int) -> None:
        sale = self.sales[order_id] = Sale(buyer, net, points, refund_tick)
        self.cash += net - points
        for lot in sorted(self.lots, key=lambda lot: lot.expiry_tick):
            used = min(lot.cents, points) if lot.person == buyer else 0
            if used:
                lot.cents -= used
                points -= used
                sale.used.append(replace(lot, cents=used))
        assert points == 0

    def approve(self, tick: int, expiry_tick: int) -> None:
        for line in self.lines:
            if line.due_tick <= tick and line.state == "held":
                line.state = "cancelled"
        self._approve([x for x in self.lines if x.due_tick <= tick and x.state == "pending"],
                      expiry_tick)  # fmt: skip

    def pay(self, minimum: int) -> int:
        due = [self.of(person, "approved") - owed for person, owed in enumerate(self.owed)]
        settled = [
            line
            for line in self.lines
            if line.state == "approved" and due[line.person] >= max(minimum, 1)
        ]
        cash = sum(self._settle(line) for line in settled)
        self.cash -= cash
        return cash

    def refund(self, tick: int, clawback: bool) -> None:
        for order_id, sale in self.sales.items():
            if sale.refund_tick == tick:
                sale.is_refunded = True
                self.cash -= sale.net - sale.points
                self.lots += sale.used
                for line in self.lines:
                    if line.order_id == order_id:
                        self._take_back(line, clawback)

    def lower(self, order_id: int, person: int, most: int, clawback: bool, part: int) -> None:
        for line in list(self.lines):
            alive = line.state not in ("cancelled", "clawed_back")
            if (line.order_id, line.person, line.part) == (order_id, person, part) and alive:
                kept = min(line.cents, most)
                most -= kept
                excess = replace(line, cents=line.cents - kept)
                if excess.cents and self._take_back(excess, clawback):
                    line.cents = kept
                    self.lines.append(excess)

    def expire(self, tick: int) -> None:
        for lot in self.lots:
            if lot.expiry_tick <= tick:
                self.expired += lot.cents
                lot.cents = 0

    def of(self, person: int, *states: str) -> int:
        """Cents of a person's lines in these states."""
        return sum(x.cents for x in self.lines if x.person == person and x.state in states)

    def points(self, person: int) -> int:
        return sum(lot.cents for lot in self.lots if lot.person == person)

    def _approve(self, lines: list[Line], expiry_tick: int) -> None:
        for line in lines:
            line.state = "approved"
            if line.in_points:
                self.lots.append(Lot(line.person, self._settle(line), expiry_tick))

    def _settle(self, line: Line) -> int:
        recovered = min(line.cents, self.owed[line.person])
        self.owed[line.person] -= recovered
        self.paid[line.person] += line.cents - recovered
        line.state = "paid"
        return line.cents - recovered

    def _take_back(self, line: Line, clawback: bool) -> bool:
        """Whether the line could be taken back."""
        if line.state in ("pending", "held"):
            line.state = "cancelled"
        elif line.state == "approved":
            line.state = "clawed_back"
        elif line.state == "paid" and clawback:
            line.state = "clawed_back"
            self.owed[line.person] += line.cents
        else:
            return False
        return True
