"""Buying in teams: who opens one, which friends join, and when everybody is charged.

Both engines use it, between the decision to buy and the credit of the orders. Who decided to buy
may open a team instead of ordering alone. She pays a deposit, the team's price, and asks one
friend after the other, strongest tie first, until as many agree as she needs. A friend who agrees
comes at her own time (:func:`sim.rules.response_ticks`) and pays a deposit too; from her promise
on she waits for that team. On the day the last one comes all deposits become orders. A team that
is not full at the deadline gives all deposits back.

- Teams ask in step: everybody's strongest friend is asked first, then everybody's second
  strongest. A friend whom two teams ask in the same step goes with the stronger tie.
- A friend is asked in vain who waits for another team for the product, buys it today, owns it and
  does not need it again yet, would come too late, or is not convinced.
- Who waits for a team does not order the product on the side; such an order is dropped.
- Nobody is charged by a programme that has ended or spent its budget: the team fails.
- When the policy is changed during a run, the open teams of the old one fail at once.
- Being asked tires like any message. Who is charged counts as a visitor of that day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple, Self

import numpy as np

from sim._jit import plain
from sim.behavior import Team
from sim.day import PERSONAL, Day, OrderLines
from sim.errors import InputError
from sim.ledger import Ledger
from sim.limits import Part
from sim.population import State
from sim.randomness import Decision, uniforms_of
from sim.rules import Rules
from sim.scenario import Scenario
from sim.schemes import ByCondition, TeamPurchase
from sim.world import World

USUAL_DISCOUNT = 0.15
"""Discount from which teams pull fully; below it openings and promises fall in proportion.

A34: 10-20 %, A: form.
"""


class Seats(NamedTuple):
    """People in open teams: arrays of equal length, a row per person and team.

    team : int32, from 1. person : int32. opener : int32, the same person in the opener's own row.
    product : int16. tie : int32, the tie from the opener, -1 in her own row. again : bool, she
    needed the product again. cents : int64, the deposit. joins : int32, tick of the deposit.
    closes : int32, tick at which all are charged, or get their deposits back. fills : bool, which
    of the two.
    """

    team: np.ndarray
    person: np.ndarray
    opener: np.ndarray
    product: np.ndarray
    tie: np.ndarray
    again: np.ndarray
    cents: np.ndarray
    joins: np.ndarray
    closes: np.ndarray
    fills: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        """The seats of ``rows`` (int64 indices or bool mask), in that order."""
        return type(self)(*(column[rows] for column in self))

    def joined(self, others: Seats) -> Self:
        """These seats, then the others."""
        return type(self)(*map(np.concatenate, zip(self, others, strict=True)))

    @classmethod
    def empty(cls) -> Self:
        """No seats."""
        types = (np.int32,) * 3 + (np.int16, np.int32, np.bool_, np.int64, np.int32, np.int32, bool)
        return cls(*(np.empty(0, dtype) for dtype in types))


class Seating(NamedTuple):
    """Who of the day's order lines bought in a team: arrays (n,), a row per line.

    team : int32, 0 for none. opener : int32, who opened it, -1 for none.
    """

    team: np.ndarray
    opener: np.ndarray

    @classmethod
    def nobody(cls, size: int) -> Self:
        """``size`` lines without a team."""
        return cls(np.zeros(size, np.int32), np.full(size, -1, np.int32))


class Asks(NamedTuple):
    """Friends who are asked: arrays of equal length, a row per opener and friend.

    opener : int64, row of the day's openers. friend : int64. tie : int64. rank : int64, 0 for the
    opener's strongest tie. strength : float32. luck : float64 (4, n), uniforms of the ask.
    """

    opener: np.ndarray
    friend: np.ndarray
    tie: np.ndarray
    rank: np.ndarray
    strength: np.ndarray
    luck: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        """The asks of ``rows`` (int64 indices or bool mask), in that order."""
        return type(self)(*(column[..., rows] for column in self))


def team_parts(whole: Part, where: str) -> list[Part]:
    """The part of a programme that lets people buy in teams, and those around it; none without.

    where : how messages name the policy. From the whole inwards.

    Raises
    ------
    InputError
        If there are several, or a term would leave some people of a team without its price.
    """
    found = [path for path in _paths(whole) if isinstance(path[-1].scheme, TeamPurchase)]
    if not found:
        return []
    if len(found) > 1:
        raise InputError(
            f"{where} has {len(found)} team purchases; people can buy in one kind of team only: "
            "leave out the others"
        )
    for part in found[0]:
        scheme = part.scheme
        reason = (
            "by_condition"
            if isinstance(scheme, ByCondition)
            else "first_order_only"
            if scheme.first_order_only
            else "minimum_order"
            if scheme.minimum_order > 0
            else None
        )
        if reason:
            raise InputError(
                f"{where}: a team purchase cannot stand under {reason}, which would give the "
                "team's price to some of a team only; leave it out"
            )
    return found[0]


def _paths(part: Part) -> Iterator[list[Part]]:
    """Every way from ``part`` to a part that pays."""
    if not part.children:
        yield [part]
    for child in part.children:
        for path in _paths(child):
            yield [part, *path]


def left_to_spend(parts: list[Part]) -> int:
    """What all of ``parts`` can still spend, in cents; -1 if one does not run today."""
    if not all(part.is_running for part in parts):
        return -1
    left = [part.left_cents for part in parts if part.left_cents is not None]
    return min(left, default=np.iinfo(np.int64).max // 2)


class Teams:
    """The open teams of one run.

    Parameters
    ----------
    scheme : TeamPurchase
        Size, deadline and discount.
    scenario : Scenario
        For ``behavior.team``, the time people take to answer, and the length of a tick.
    world : World
    rules : Rules
    ledger : Ledger
        Where deposits are kept.
    numbers_from : int
        Teams get the numbers above this one.

    Attributes
    ----------
    opened, filled, failed : int
        Teams so far; those open are ``opened - filled - failed``.
    """

    changing: ClassVar = ("opened", "filled", "failed", "_numbers_from", "_seats", "_waiting")

    def __init__(
        self,
        scheme: TeamPurchase,
        scenario: Scenario,
        world: World,
        rules: Rules,
        ledger: Ledger,
        numbers_from: int = 0,
    ) -> None:
        self.opened = self.filled = self.failed = 0
        self._numbers_from = numbers_from
        self._scheme = scheme
        self._habits = scenario.behavior.team
        self._pull = min(1.0, scheme.discount / USUAL_DISCOUNT)
        self._delays = scenario.behavior.click
        self._deadline_ticks = scenario.ticks_in(scheme.deadline_days)
        self._graph = world.graph.arrays
        self._affinity = world.people.affinity
        self._trust = plain(rules.trust)
        self._response_ticks = plain(rules.response_ticks)
        self._ledger = ledger
        self._seats = Seats.empty()
        self._waiting = np.zeros((len(scenario.products), world.graph.size), np.bool_)

    def form(
        self, lines: OrderLines, day: Day, state: State, left_cents: int
    ) -> tuple[OrderLines, Seating]:
        """Take openers out of today's ``lines`` and add the orders of teams that are full.

        lines : not yet credited. left_cents : what the programme can still spend on discounts,
        negative while it does not run. Returns the lines, ascending by buyer and product, and who
        of them bought in which team. Changes the last click of who joined a full team, so that the
        opener is credited; inboxes; visits.
        """
        if len(lines.buyer) + len(self._seats.team) == 0:
            return lines, Seating.nobody(0)
        self._arrive(self._seats, day.tick)
        paid_for = self._paid_for(day, left_cents)
        alone = self._give_up(lines, day, paid_for)
        spent = (day.price_cents[self._seats.product] - self._seats.cents)[
            self._seats.fills & (self._seats.closes == day.tick)
        ].sum()
        lines = taken(lines, ~self._waiting[lines.product, lines.buyer])
        busy = self._waiting.copy()
        busy[lines.product, lines.buyer] = True
        busy[alone.product, alone.person] = True
        opens = self._opens(lines, day, state)
        opens &= np.cumsum(opens) <= self._most_openings(day, left_cents - int(spent))
        self._open(taken(lines, opens), busy, day, state)
        full = self._close(self._seats.fills & (self._seats.closes == day.tick), day.tick)
        self.filled += len(np.unique(full.team))
        _bring(full, day.tick, state)
        return _with_orders(taken(lines, ~opens), alone.joined(full))

    def dissolve(self, tick: int) -> None:
        """Give back, on the morning of ``tick``, all deposits of open teams, and let them go."""
        paid = self._seats.take(self._seats.joins < tick)
        self._ledger.return_deposit(tick, paid.person, paid.cents)
        self.failed += len(np.unique(self._seats.team))
        self._seats = Seats.empty()
        self._waiting[:] = False

    def _paid_for(self, day: Day, left_cents: int) -> np.ndarray:
        """Seats of teams that are full today at the price deposited and within the budget, bool."""
        seats = self._seats
        off = day.price_cents[seats.product] - seats.cents
        full = seats.fills & (seats.closes == day.tick)
        full &= seats.cents == self._price_cents(day)[seats.product]
        cost = np.bincount(seats.team, np.where(full, off, 0), minlength=1)
        return full & (np.cumsum(cost)[seats.team] <= left_cents)

    def _most_openings(self, day: Day, left_cents: int) -> int:
        """How many teams may open today so that all could be charged today."""
        if left_cents < 0:
            return 0
        cost = self._scheme.size * int(self._scheme.off_cents(day.price_cents).max(initial=0))
        return left_cents // cost if cost else len(self._waiting[0])

    def _arrive(self, seats: Seats, tick: int) -> None:
        """Take the deposits of those who join today."""
        arriving = seats.take(seats.joins == tick)
        self._ledger.deposit(tick, arriving.person, arriving.cents)

    def _give_up(self, lines: OrderLines, day: Day, paid_for: np.ndarray) -> Seats:
        """Give deposits back that are due today; seats, of no team, of who buys alone instead."""
        seats = self._seats
        lost = self._close((seats.closes == day.tick) & ~paid_for, day.tick)
        self.failed += len(np.unique(lost.team))
        person, product = lost.person.astype(np.int64), lost.product.astype(np.int64)
        luck = uniforms_of(day.seed, int(Decision.TEAM), day.tick, person, person, product)[1]
        ordering = np.zeros_like(self._waiting)
        ordering[lines.product, lines.buyer] = True
        alone = lost.take((luck < self._habits.alone) & ~ordering[lost.product, lost.person])
        return alone._replace(team=np.zeros_like(alone.team))

    def _opens(self, lines: OrderLines, day: Day, state: State) -> np.ndarray:
        """Lines whose buyer opens a team: she has enough friends and wants to, bool (n,)."""
        buyer, product = lines.buyer.astype(np.int64), lines.product.astype(np.int64)
        tie, row = self._ties_of(buyer)
        friends = np.bincount(row[state.muted[tie] == 0], minlength=len(buyer))
        luck = uniforms_of(day.seed, int(Decision.TEAM), day.tick, buyer, buyer, product)[0]
        return (friends >= self._scheme.size - 1) & (luck < self._pull * self._habits.opening)

    def _open(self, openers: OrderLines, busy: np.ndarray, day: Day, state: State) -> None:
        """Open a team for each line; who will join it, and when, is settled at once.

        busy : bool (P, N), who joins no team for which product; those who agree are added.
        """
        if len(openers.buyer) == 0:
            return
        asks = self._asks(openers, day, state)
        comes = self._comes(asks, openers, day, state)
        agree = np.flatnonzero(comes < self._deadline_ticks)
        seated, asked = _seat(asks.take(agree), openers.product, busy, self._scheme.size - 1)
        _note_messages(asks.take(asks.rank < asked[asks.opener]), state)
        seated = agree[seated]
        opened = self._seats_of(openers, asks.take(seated), comes[seated], day)
        self._arrive(opened, day.tick)
        self._seats = self._seats.joined(opened)
        self._waiting[opened.product, opened.person] = True
        self.opened += len(openers.buyer)

    def _seats_of(self, openers: OrderLines, friends: Asks, comes: np.ndarray, day: Day) -> Seats:
        """The seats of today's openers, then of the friends who join them after ``comes`` ticks."""
        count = len(openers.buyer)
        row = np.concatenate([np.arange(count), friends.opener])
        joins = np.concatenate([np.zeros(count, np.int64), comes])
        last = np.zeros(count, np.int64)
        np.maximum.at(last, row, joins)
        fills = np.bincount(row) == self._scheme.size
        closes = np.where(fills, last, self._deadline_ticks)[row]
        return Seats(
            team=(self._numbers_from + self.opened + 1 + row).astype(np.int32),
            person=np.concatenate([openers.buyer, friends.friend]).astype(np.int32),
            opener=openers.buyer[row],
            product=openers.product[row],
            tie=np.concatenate([np.full(count, -1), friends.tie]).astype(np.int32),
            again=np.concatenate([openers.again, np.zeros(len(comes), np.bool_)]),
            cents=self._price_cents(day)[openers.product[row]],
            joins=(day.tick + joins).astype(np.int32),
            closes=(day.tick + closes).astype(np.int32),
            fills=fills[row],
        )

    def _asks(self, openers: OrderLines, day: Day, state: State) -> Asks:
        """Everybody whom openers can ask, opener by opener and strongest tie first."""
        tie, row = self._ties_of(openers.buyer)
        heard = state.muted[tie] == 0
        tie, row = tie[heard], row[heard]
        friend, strength = self._graph.target[tie].astype(np.int64), self._graph.strength[tie]
        buyer, product = openers.buyer[row].astype(np.int64), openers.product[row].astype(np.int64)
        luck = uniforms_of(day.seed, int(Decision.TEAM), day.tick, buyer, friend, product)
        order = np.lexsort((luck[3], -strength, row))
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        return Asks(row, friend[order], tie[order], rank, strength[order], luck[:, order])

    def _comes(self, asks: Asks, openers: OrderLines, day: Day, state: State) -> np.ndarray:
        """Ticks after which each friend would join, int64 (n,); the deadline if she will not."""
        product = openers.product[asks.opener]
        affinity = self._affinity[product, asks.friend].astype(np.float64)
        owned = state.orders[product, asks.friend] > 0
        age_days = (day.tick - state.last_order[product, asks.friend]) * day.dt
        needless = owned & (age_days * day.repeat_per_day[product] < 1)
        # Trust stays below 1; it is looked up only where it can make a difference.
        rows = np.flatnonzero(
            ~needless & (asks.luck[0] < self._pull * joining(self._habits, 1.0, affinity))
        )
        evidence = state.good_ties[asks.tie[rows]], state.bad_ties[asks.tie[rows]]
        trust = np.array(list(map(self._trust, *(e.tolist() for e in evidence))))
        rows = rows[asks.luck[0][rows] < self._pull * joining(self._habits, trust, affinity[rows])]
        comes = np.full(len(asks.friend), self._deadline_ticks, np.int64)
        for row, u, v in zip(rows.tolist(), *asks.luck[1:3, rows].tolist(), strict=True):
            comes[row] = self._response_ticks(self._delays, u, v, day.dt) - 1
        return comes

    def _close(self, rows: np.ndarray, tick: int) -> Seats:
        """Give the deposits of seats ``rows`` (bool mask) back and let their people go."""
        closed = self._seats.take(rows)
        if len(closed.team):
            self._seats = self._seats.take(~rows)
            self._ledger.return_deposit(tick, closed.person, closed.cents)
            self._waiting[closed.product, closed.person] = False
        return closed

    def _ties_of(self, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ties over which ``people`` (int (n,)) are heard, with their row there, int64 both."""
        first = self._graph.indptr[people]
        counts = self._graph.indptr[people + 1] - first
        row = np.repeat(np.arange(len(people)), counts)
        return (first - np.cumsum(counts) + counts)[row] + np.arange(len(row)), row

    def _price_cents(self, day: Day) -> np.ndarray:
        """What somebody in a team pays, int64 (P,)."""
        return day.price_cents - self._scheme.off_cents(day.price_cents)


def joining(habits: Team, trust: np.ndarray | float, affinity: np.ndarray) -> np.ndarray:
    """Chance that a friend who is asked joins a team, float64 (n,).

    min(1, habits.joining trust affinity)

    trust : of the friend in the opener, (0, 1). affinity : of the friend for the product, [0, 1].
    Proximity and loyalty make friends buy on Beidian (literature sheet, section 6); A: form.
    """
    return np.minimum(1.0, habits.joining * trust * affinity)


def taken(lines: OrderLines, rows: np.ndarray) -> OrderLines:
    """The order lines of ``rows`` (int64 indices or bool mask), in that order."""
    return OrderLines(*(column[rows] for column in lines))


def _seat(
    asks: Asks, product: np.ndarray, busy: np.ndarray, wanted: int
) -> tuple[np.ndarray, np.ndarray]:
    """Seat friends who agree: rows of ``asks`` int64, and how many friends each opener asked.

    product : int16 (openers,). busy : bool (P, N), changed. wanted : friends in a full team.
    """
    free = [wanted] * len(product)
    asked = np.full(len(product), np.iinfo(np.int64).max)
    seated = []
    order = np.lexsort((asks.luck[3], -asks.strength, asks.rank))
    for row in order.tolist():
        opener, friend = asks.opener[row], asks.friend[row]
        if free[opener] == 0 or busy[product[opener], friend]:
            continue
        busy[product[opener], friend] = True
        free[opener] -= 1
        seated.append(row)
        if free[opener] == 0:
            asked[opener] = asks.rank[row] + 1
    return np.array(seated, np.int64), asked


def _note_messages(asks: Asks, state: State) -> None:
    """Everybody asked has one more message of today."""
    who, messages = np.unique(asks.friend, return_counts=True)
    received = state.inbox[who].astype(np.int64) + messages
    state.inbox[who] = np.minimum(received, np.iinfo(state.inbox.dtype).max)


def _bring(full: Seats, tick: int, state: State) -> None:
    """The people of full teams come today, the friends by the link of who opened the team."""
    state.last_visit[full.person] = tick
    friends = full.take(full.tie >= 0)
    at = friends.product, friends.person
    state.click_sponsor[at] = friends.opener
    state.click_tie[at] = friends.tie
    state.click_channel[at] = PERSONAL
    state.click_tick[at] = tick
    state.click_due[at] = tick


def _with_orders(lines: OrderLines, seats: Seats) -> tuple[OrderLines, Seating]:
    """Lines with the orders of ``seats`` among them, by buyer and product, and who is in a team."""
    values = {"buyer": seats.person, "product": seats.product, "again": seats.again}
    blank = {"sponsor": -1, "tie": -1, "refund_tick": -1}
    columns = {
        name: np.append(
            column,
            values.get(name, np.full(len(seats.team), blank.get(name, 0))).astype(column.dtype),
        )
        for name, column in lines._asdict().items()
    }
    nobody = Seating.nobody(len(lines.buyer))
    team = np.concatenate([nobody.team, seats.team])
    opener = np.concatenate([nobody.opener, np.where(seats.team > 0, seats.opener, -1)])
    order = np.lexsort((columns["product"], columns["buyer"]))
    return taken(OrderLines(**columns), order), Seating(team[order], opener[order])
