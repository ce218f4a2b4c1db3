"""Which friends are paid for an order, decided when it is placed.

Whether a link is credited at all is decided by the last one (:func:`sim.kernels.credit`): window,
existing customers, codes. The state keeps only that last link. Models that look further back need
a log of touches: visits through links, of each person to each product. A touch counts for an order
as long as the window lasts, also for a second order.

- last_click: the friend whose link was followed last; nothing is logged.
- first_click: the friend whose link was followed first within the window becomes the sponsor.
- linear, position, time_decay: the sponsor is the last friend; what the order earns her is
  divided among all friends whose links were followed within the window.

An order bought with a code is left to the owner of the code. Where she is also the friend whose
link was followed last, through the same channel, it counts as her link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.orders import Commissions, Orders, Table, sum_before
from sim.population import State
from sim.schemes import Scheme
from sim.schemes.tiered import Cumulative
from sim.sections import Attribution as AttributionSettings

if TYPE_CHECKING:
    from sim.day import OrderLines

TOUCH_DTYPES: dict[str, type[np.generic]] = {
    "tick": np.int32,
    "place": np.int64,
    "sponsor": np.int32,
    "tie": np.int32,
    "channel": np.uint8,
}
DIVIDING = ("linear", "position", "time_decay")
"""Models that pay several friends for one order."""

FULL_WEIGHT = 2**24
"""Weight of the latest touch under time_decay; weights are whole, so that cents come out exact."""


class Touches(NamedTuple):
    """Visits through links: arrays of equal length, a row per visit, by line and then by tick.

    line : int64, which of the day's order lines it belongs to, counted among those with a link.
    tick : int32. sponsor : int32, whose link. tie : int32, -1 none. channel : uint8.
    """

    line: np.ndarray
    tick: np.ndarray
    sponsor: np.ndarray
    tie: np.ndarray
    channel: np.ndarray


class Brought(NamedTuple):
    """Who brought the buyers of today's orders by link.

    place : int64 (m,), buyer and product of an order, ascending. sponsor : int32 (m,), whom it is
    credited to. first : int64 (m + 1,), its friends are rows first[k]:first[k + 1] of friend :
    int32 (n,), by their first touch, and weight : int64 (n,), their parts of what it earns.
    """

    place: np.ndarray
    sponsor: np.ndarray
    first: np.ndarray
    friend: np.ndarray
    weight: np.ndarray

    @classmethod
    def nobody(cls) -> Brought:
        """No order came by link."""
        return cls(
            np.empty(0, np.int64), np.empty(0, np.int32), np.zeros(1, np.int64),
            np.empty(0, np.int32), np.empty(0, np.int64),
        )  # fmt: skip


BY_NOBODY = Brought.nobody()


class Attribution:
    """The touches of one run, and who is paid for the orders of a day.

    A day: :meth:`record` once the visitors are known, :meth:`decide` between the credit of the
    orders and the enrolment of the buyers, :meth:`split` whenever a scheme settles.

    Parameters
    ----------
    settings : sim.scenario.Attribution
    dt : float
        Days per tick.
    """

    changing: ClassVar = ("_log", "_forgotten", "_products")

    def __init__(self, settings: AttributionSettings, dt: float) -> None:
        self.model = settings.model
        self.window_ticks = int(settings.window_days / dt + 1e-9)
        self._half_life_ticks = settings.half_life_days / dt
        self._log = Table(TOUCH_DTYPES)
        self._forgotten = 0
        self._line_of = np.empty(0, np.int32)
        self._products = 1
        self._brought = BY_NOBODY

    @property
    def touches(self) -> int:
        """Touches that are remembered."""
        return self._log.length - self._forgotten

    def record(
        self,
        tick: int,
        click_due: np.ndarray,
        click_sponsor: np.ndarray,
        click_tie: np.ndarray,
        click_channel: np.ndarray,
    ) -> None:
        """Note who follows a link today, and forget what is older than the window.

        The arrays are those of :class:`sim.population.State`, (P, N): int32, and uint8 for the
        channel. To be called once a tick, in the order of ticks.
        """
        if self.model == "last_click":
            return
        self._products = len(click_due)
        self._forget(tick - self.window_ticks)
        product, person = at = np.nonzero((click_due == tick) & (click_sponsor >= 0))
        self._note(tick, product, person, click_sponsor[at], click_tie[at], click_channel[at])

    def decide(self, tick: int, lines: OrderLines, state: State) -> None:
        """Settle who brought the buyers of today's ``lines``, and their depths.

        Under first_click the lines' sponsor, tie, channel and depth become those of the first
        touch within the window. Other models leave the last link as the sponsor, to whom referral
        tree, trust and reputation belong.
        """
        self._brought = BY_NOBODY
        if self.model != "last_click":
            self._look_back(tick, lines, state)
        if lines.buyer.size:
            settle_depths(lines, state.depth)

    def split(self, orders: Orders, credits: Commissions) -> Commissions:
        """Divide what orders earn their own sponsors among the friends who brought the buyer.

        The parts add up to each credit, to the cent: by largest remainder, the earlier touch
        first among equal ones. Other credits (higher levels, sponsors by a code or of old) stay
        as they are. See :data:`sim.limits.Split`.
        """
        brought = self._brought
        if len(brought.place) == 0 or len(credits.order) == 0:
            return credits
        place = orders.buyer[credits.order].astype(np.int64) * self._products
        place += orders.product[credits.order]
        found = np.minimum(np.searchsorted(brought.place, place), len(brought.place) - 1)
        divided = (brought.place[found] == place) & (credits.level == 1)
        divided &= credits.recipient == brought.sponsor[found]
        divided &= orders.sponsor[credits.order] == brought.sponsor[found]
        divided &= orders.fakes[credits.order] == 0
        friends = np.diff(brought.first)[found]
        divided &= friends > 0
        sizes = np.where(divided, friends, 1)
        row = np.repeat(np.arange(len(sizes)), sizes)
        friend = brought.first[found][row] + _places_within(sizes)
        friend[~divided[row]] = 0  # a credit that is not divided: its friend is not read
        weight = np.where(divided[row], brought.weight[friend], 1)
        cents = shares_of(np.asarray(credits.cents, np.int64), row, weight)
        recipient = np.where(divided[row], brought.friend[friend], credits.recipient[row])
        parts = Commissions(credits.order[row], recipient, cents, credits.level[row])
        return parts.take(cents > 0)

    def _look_back(self, tick: int, lines: OrderLines, state: State) -> None:
        """Find the touches of today's orders: their first one, or all of their friends."""
        rows = self._by_link(tick, lines, state)
        # Who joins a friend's team comes by a link of today, after the day's visits were noted.
        joins = rows[state.click_tick[lines.product[rows], lines.buyer[rows]] == tick]
        self._note(
            tick, lines.product[joins], lines.buyer[joins], lines.sponsor[joins],
            lines.tie[joins], lines.channel[joins],
        )  # fmt: skip
        places = lines.buyer[rows].astype(np.int64) * self._products + lines.product[rows]
        touches = self._touches_of(places, state.click_due.size)
        if self.model == "first_click":
            _, first = np.unique(touches.line, return_index=True)
            rows = rows[touches.line[first]]
            lines.sponsor[rows] = touches.sponsor[first]
            lines.tie[rows] = touches.tie[first]
            lines.channel[rows] = touches.channel[first]
            lines.depth[rows] = state.depth[lines.sponsor[rows]] + 1
        else:
            friends = _by_friend(touches, self._weights(touches), len(state.depth))
            first = np.searchsorted(friends[0], np.arange(len(places) + 1))
            self._brought = Brought(places, lines.sponsor[rows].copy(), first, *friends[1:])

    def _note(
        self,
        tick: int,
        product: np.ndarray,
        person: np.ndarray,
        sponsor: np.ndarray,
        tie: np.ndarray,
        channel: np.ndarray,
    ) -> None:
        """Add touches of today to the log."""
        place = person.astype(np.int64) * self._products + product
        columns = {"place": place, "sponsor": sponsor, "tie": tie, "channel": channel}
        self._log.append(len(place), {"tick": tick, **columns})

    def _by_link(self, tick: int, lines: OrderLines, state: State) -> np.ndarray:
        """Rows of the lines that are credited to the link followed last, int64 (m,)."""
        at = lines.product, lines.buyer
        age = tick - state.click_due[at]
        linked = (lines.sponsor >= 0) & (lines.sponsor == state.click_sponsor[at])
        linked &= (lines.tie == state.click_tie[at]) & (lines.channel == state.click_channel[at])
        return np.flatnonzero(linked & (age >= 0) & (age <= self.window_ticks))

    def _touches_of(self, places: np.ndarray, room: int) -> Touches:
        """The remembered touches of ``places`` (int64 (m,), different ones below ``room``)."""
        if self._line_of.size < room:
            self._line_of = np.full(room, -1, np.int32)
        self._line_of[places] = np.arange(len(places))
        line = self._line_of[self._log["place"][self._forgotten :]]
        self._line_of[places] = -1
        rows = np.flatnonzero(line >= 0)
        # The log is in the order of ticks, so a stable sort by line keeps each line's in order.
        rows = rows[np.argsort(line[rows], kind="stable")]
        columns = (self._log[name][self._forgotten + rows] for name in Touches._fields[1:])
        return Touches(line[rows].astype(np.int64), *columns)

    def _weights(self, touches: Touches) -> np.ndarray:
        """What each touch counts among those of its line, int64 (n,), above 0 for the latest."""
        if self.model == "linear":
            return np.ones_like(touches.line)
        if self.model == "position":
            counts = np.bincount(touches.line)
            place, count = _places_within(counts), counts[touches.line]
            at_an_end = (place == 0) | (place == count - 1)
            # Twice 2/5 for the ends and 1/5 for all between, over the least common denominator.
            return np.where(at_an_end & (count > 2), 2 * (count - 2), 1)
        latest = np.zeros(touches.line.max(initial=-1) + 1, np.int32)
        latest[touches.line] = touches.tick  # of equal places the last one written stays
        age = latest[touches.line] - touches.tick
        return np.rint(FULL_WEIGHT * np.exp2(-age / self._half_life_ticks)).astype(np.int64)

    def _forget(self, first_tick: int) -> None:
        """Drop touches before ``first_tick``; the memory is freed when half of it is idle."""
        self._forgotten = int(np.searchsorted(self._log["tick"], first_tick))
        if 2 * self._forgotten <= self._log.length:
            return
        kept = {name: self._log[name][self._forgotten :] for name in TOUCH_DTYPES}
        self._log = Table(TOUCH_DTYPES)
        self._log.append(len(kept["tick"]), kept)
        self._forgotten = 0


def check(settings: AttributionSettings, scheme: Scheme) -> None:
    """Raise InputError if ``scheme`` cannot be paid under the attribution model.

    A retroactive tier re-rates what a sponsor earned from her orders; an order divided among
    friends has no single sponsor whose earnings could be re-rated.
    """
    if settings.model not in DIVIDING:
        return
    if isinstance(scheme, Cumulative) and scheme.re_rates:
        raise InputError(
            f"attribution.model = '{settings.model}' divides commissions among friends, which "
            f"scheme '{scheme.name}' cannot re-rate after a refund; set attribution.model to "
            "'last_click' or 'first_click', or choose a scheme without steps that look back"
        )
    for part in scheme.components:
        check(settings, part)


def settle_depths(lines: OrderLines, depth: np.ndarray) -> None:
    """Correct the depth of orders whose sponsor becomes a customer today.

    depth : int32 (N,), of everybody before today. Who shares a link is a customer already, but who
    opens a team may become one together with the friends who join.
    """
    if not np.count_nonzero(lines.sponsor >= 0):
        return
    first = np.flatnonzero(lines.new_customer)
    if first.size == 0:
        return
    newcomers = lines.buyer[first]
    place = np.minimum(np.searchsorted(newcomers, lines.sponsor), len(first) - 1)
    rows = np.flatnonzero(newcomers[place] == lines.sponsor)
    # It ends, since nobody stands above herself: a newcomer's sponsor has an order of the same
    # product in which she joined nobody, and her own first order is of that product or before.
    while True:
        settled = lines.depth[first[place[rows]]] + 1
        if (lines.depth[rows] == settled).all():
            return
        lines.depth[rows] = settled


def shares_of(cents: np.ndarray, row: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Whole-cent parts of amounts in proportion to weights, int64 (n,), that add up exactly.

    Method of the largest remainder; among equal remainders the earlier part gets the cent.

    cents : int64 (m,), not negative. row : int64 (n,), which amount each part is of, ascending,
    every amount has one at least. weight : int64 (n,), not negative, some above 0 in every row;
    weight times cents stays below 2**63.
    """
    total = np.zeros(len(cents), np.int64)
    np.add.at(total, row, weight)
    part, remainder = np.divmod(cents[row] * weight, total[row])
    left = cents.copy()
    np.subtract.at(left, row, part)
    order = np.lexsort((-remainder, row))
    part[order] += sum_before(row[order], np.ones_like(part)) < left[row[order]]
    return part


def _by_friend(
    touches: Touches, weight: np.ndarray, people: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Line int64, friend int32 and summed weight int64 of each line's friends, by first touch."""
    who = touches.line * people + touches.sponsor
    _, first, which = np.unique(who, return_index=True, return_inverse=True)
    weights = np.zeros(len(first), np.int64)
    np.add.at(weights, which, weight)
    order = np.argsort(first)  # touches are by line and tick, and so are first touches
    first = first[order]
    return touches.line[first], touches.sponsor[first], weights[order]


def _places_within(sizes: np.ndarray) -> np.ndarray:
    """0, 1, ... within each of consecutive runs of ``sizes`` rows, int64 (sum,)."""
    return np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
