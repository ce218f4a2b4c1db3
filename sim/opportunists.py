"""People who play the rules of a programme: invented identities, rings, phantom orders.

Opportunists know what the programme pays, and when. They do something only if the expected gain is
above zero, and of several things the one that brings most:

- *fake identity*: she places an order she makes anyway under an invented name, through her own
  link. More than one name in a row fills the higher levels of a programme that has them.
- *ring*: she credits an order she makes anyway to a fellow opportunist among her friends, and they
  go halves on the commission.
- *phantom*: she buys under an invented name only to send the goods back once the commission is
  paid out, or to sell them on.

What an order would earn is asked of the programme itself, with all its terms and what is left of
budget and caps, in a rehearsal that changes nothing. Only rows of the day's orders change: who is a
member, what she experiences and whom she trusts stay with the real person.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.credits import CreditHistory
from sim.incentives import Programme
from sim.ledger import Ledger
from sim.limits import Part
from sim.network import GraphArrays
from sim.orders import FAKE_IDENTITY, GENUINE, ORDER_DTYPES, PHANTOM, RING, Commissions, Orders
from sim.quantities import cents
from sim.randomness import Decision, uniform_table, uniforms_of
from sim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

MOST_IDENTITIES = 5
"""Most invented names behind one order."""

FRAUDS = {"fake": FAKE_IDENTITY, "ring": RING, "phantom": PHANTOM}
"""What opportunists do, as :func:`attack_summary` names it."""

STATES = ("pending", "held", "approved", "paid", "rejected", "cancelled", "clawed_back")
"""How a commission line ends: as in the books, with what a check rejected by itself."""

_STANDING = ("pending", "approved", "paid")
_STOPPED = ("held", "rejected")
_DISGUISED = ("sponsor", "channel", "fakes", "fraud")
_OF_PEOPLE, _OF_PAIRS = 0, 1  # last part of the address of a draw


def draw_opportunists(scenario: Scenario, size: int, seed: int) -> np.ndarray:
    """Who of ``size`` consumers is an opportunist, bool (size,).

    seed : of the world. Consumer i's draw depends on ``seed`` and i alone.
    """
    share = scenario.population.opportunists
    if share == 0:
        return np.zeros(size, np.bool_)
    return uniform_table(np.uint64(seed), int(Decision.OPPORTUNIST), 0, size)[0] < share


class Expected(NamedTuple):
    """What orders would bring, float64 (n,) each, in cents.

    discount_cents : to their buyers. commission_cents : to their sponsors, on all levels, if no
    check stops it.
    """

    discount_cents: np.ndarray
    commission_cents: np.ndarray


class Opportunists:
    """The opportunists of a run.

    Parameters
    ----------
    scenario : Scenario
    players : ndarray
        Who is an opportunist, bool (N,), from :func:`draw_opportunists`.
    programme : Programme
        The programme of the run; read only.
    arrays : GraphArrays
        Who knows whom.
    """

    def __init__(
        self, scenario: Scenario, players: np.ndarray, programme: Programme, arrays: GraphArrays
    ) -> None:
        population = scenario.population
        self._players = players
        self._people = np.flatnonzero(players)
        self._programme = programme
        self._market = programme.market
        self._arrays = arrays
        self._identity_cents = 100 * population.identity_cost
        self._resale = population.resale
        self._attempt = -np.expm1(-population.opportunist_rate * scenario.dt)
        self._existing_customers = scenario.attribution.existing_customers
        self._refund_days = np.array([product.refund_days for product in scenario.products])
        self._refund_ticks = np.array(
            [scenario.ticks_in(product.refund_days) for product in scenario.products]
        )
        scheme = programme.scheme
        self._customers_only = scheme.customers_only
        self._most_identities = min(MOST_IDENTITIES, max(1, scheme.paid_levels))
        self._minimum_payout = cents(scheme.minimum_payout, "minimum_payout")

    def play(self, orders: Orders) -> Orders:
        """Today's orders as opportunists place them.

        Rows stay where they are; some get another sponsor. Phantom orders follow with higher ids.
        Without opportunists, or when the programme does not run, ``orders`` itself is returned.
        """
        if self._people.size == 0 or not self._programme.is_running:
            return orders
        return self._with_phantoms(self._disguised(orders))

    # Orders made anyway ----------------------------------------------------------------------

    def _disguised(self, orders: Orders) -> Orders:
        """The orders, those of opportunists in the guise that brings most."""
        rows = np.flatnonzero(self._players[orders.buyer] & (orders.team == 0))
        if rows.size == 0:
            return orders
        rows = rows[np.argsort(orders.order_id[rows], kind="stable")]
        own = orders.take(rows)
        usual = self._usual_discount(own)
        chosen, best = own, np.zeros(len(rows))
        guises = [self._under_names(own, count) for count in range(1, self._most_identities + 1)]
        for guise, gain in [*guises, self._credited_to_fellows(own)]:
            better = gain - usual > best
            chosen = Orders(*(np.where(better, *pair) for pair in zip(guise, chosen, strict=True)))
            best = np.where(better, gain - usual, best)
        columns = {name: getattr(orders, name).copy() for name in _DISGUISED}
        for name, column in columns.items():
            column[rows] = getattr(chosen, name)
        return orders._replace(**columns)

    def _usual_discount(self, own: Orders) -> np.ndarray:
        """What the buyers get off if they do nothing, float64 (n,)."""
        usual = np.zeros(len(own.order_id))
        linked = np.flatnonzero((own.sponsor >= 0) & (own.sponsor != own.buyer))
        usual[linked] = self._rehearsed(own.take(linked)).discount_cents
        return usual

    def _under_names(self, own: Orders, count: int) -> tuple[Orders, np.ndarray]:
        """The orders under ``count`` invented names, and what that brings, float64 (n,)."""
        fakes = np.full_like(own.fakes, count)
        guise = _as_fraud(own, FAKE_IDENTITY, own.buyer)._replace(fakes=fakes)
        bring = self._rehearsed(guise)
        gain = self._through_check(bring.commission_cents, fakes) + bring.discount_cents
        # Her link is hers once she is a customer, so not on the day of her first order.
        has_link = self._can_earn(own.buyer) & ~(own.new_customer & self._customers_only)
        return guise, np.where(has_link, gain - count * self._identity_cents, 0.0)

    def _credited_to_fellows(self, own: Orders) -> tuple[Orders, np.ndarray]:
        """The orders credited to fellow opportunists, and what that brings, float64 (n,)."""
        fellow = self._fellows(own.buyer)
        guise = _as_fraud(own, RING, fellow)
        possible = (fellow >= 0) & (fellow != own.sponsor)
        possible &= own.new_customer | self._existing_customers
        rows = np.flatnonzero(possible)
        bring = self._rehearsed(guise.take(rows))
        half = self._through_check(bring.commission_cents, guise.fakes[rows]) / 2
        gain = np.zeros(len(own.order_id))
        gain[rows] = half + bring.discount_cents
        return guise, gain

    def _fellows(self, people: np.ndarray) -> np.ndarray:
        """A friend of each of ``people`` who is an opportunist and can earn, int32 (n,), -1 none.

        Of several the one whom a draw for the pair names, the same on all days.
        """
        starts = self._arrays.indptr[people]
        counts = self._arrays.indptr[people + 1] - starts
        row = np.repeat(np.arange(len(people)), counts)
        tie = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
        friend = self._arrays.target[tie]
        able = self._players[friend] & self._can_earn(friend)
        row, friend = row[able], friend[able]
        luck = self._luck(0, people[row], friend, _OF_PAIRS)
        turn = np.lexsort((luck, row))
        first, place = np.unique(row[turn], return_index=True)
        fellow = np.full(len(people), -1, np.int32)
        fellow[first] = friend[turn][place]
        return fellow

    # Orders made up ---------------------------------------------------------------------------

    def _with_phantoms(self, orders: Orders) -> Orders:
        """The orders, then those that opportunists place only for what they bring."""
        people = self._people[self._can_earn(self._people)]
        luck = self._luck(self._market.tick, people, np.zeros_like(people), _OF_PEOPLE)
        people = people[luck < self._attempt]
        if people.size == 0:
            return orders
        best = np.zeros(len(people))
        product = np.full(len(people), -1)
        back = np.zeros(len(people), np.bool_)
        for candidate in range(len(self._market.prices_cents)):
            for sent_back, gain in enumerate(self._phantom_gains(people, candidate)):
                better = gain > best
                best = np.where(better, gain, best)
                product[better], back[better] = candidate, bool(sent_back)
        pays = product >= 0
        product, back = product[pays], back[pays]
        phantoms = self._phantoms(people[pays], product)
        refund_tick = np.where(back, self._market.tick + self._refund_ticks[product], -1)
        phantoms = phantoms._replace(
            order_id=self._free_ids(orders, len(product)), refund_tick=refund_tick.astype(np.int32)
        )
        return Orders(*map(np.concatenate, zip(orders, phantoms, strict=True)))

    def _phantom_gains(self, people: np.ndarray, product: int) -> tuple[np.ndarray, np.ndarray]:
        """What it brings to sell the goods on, and to send them back, float64 (n,) each."""
        orders = self._phantoms(people, np.full(len(people), product))
        bring = self._rehearsed(orders)
        pay = self._through_check(bring.commission_cents, orders.fakes)
        lost = (1 - self._resale) * orders.price_cents
        sold_on = pay + bring.discount_cents - lost - self._identity_cents
        due = self._programme.ledger.balance_cents[people] + pay
        kept = self._is_paid_before_refund(product) & (due >= self._minimum_payout)
        return sold_on, np.where(kept, pay, 0.0) - self._identity_cents

    def _is_paid_before_refund(self, product: int) -> bool:
        """Whether a commission is surely out and safe on the last day for sending back."""
        scheme, dt = self._programme.scheme, self._market.dt
        hold, period = math.ceil(scheme.hold_days / dt), math.ceil(scheme.payout_every_days / dt)
        in_time = hold + max(period, 1) <= self._refund_ticks[product]
        return bool(in_time and self._refund_days[product] > 0 and not scheme.clawback)

    def _phantoms(self, people: np.ndarray, product: np.ndarray) -> Orders:
        """An order of each of ``people`` for each ``product``, int (n,), through her own link."""
        columns = {
            "order_id": np.arange(len(people)),
            "tick": self._market.tick,
            "buyer": people,
            "product": product,
            "price_cents": self._market.prices_cents[product],
            "cost_cents": self._market.unit_costs_cents[product],
            "sponsor": people,
            "refund_tick": -1,
            "fakes": 1,
            "fraud": PHANTOM,
        }
        return Orders(
            *(
                np.array(np.broadcast_to(columns.get(name, 0), len(people)), dtype)
                for name, dtype in ORDER_DTYPES.items()
            )
        )

    def _free_ids(self, orders: Orders, count: int) -> np.ndarray:
        """Order ids above those of today and of the days before, int64 (count,)."""
        booked = self._programme.ledger.orders().order_id
        last = max(int(orders.order_id.max(initial=-1)), int(booked[-1:].max(initial=-1)))
        return np.arange(last + 1, last + 1 + count)

    # What the programme would pay --------------------------------------------------------------

    def _rehearsed(self, orders: Orders) -> Expected:
        """What the programme would pay for ``orders``, all with a sponsor and by ascending id.

        A lottery is worth what its offer states: nobody knows the draw before.
        """
        told = self._programme.offer()
        part = _rehearsal(self._programme.whole)
        discounts = part.grant(orders)
        if told.friend_uncertain:
            discounts = np.where(self._counts(orders), told.friend_cents[orders.product], 0)
        paid = np.flatnonzero(orders.price_cents > discounts)
        booked = orders._replace(discount_cents=discounts).take(paid)
        claims = part.credit(booked, np.ones(len(paid), np.bool_))
        own = claims.recipient == booked.sponsor[claims.order]
        commission = np.zeros(len(discounts))
        if told.sharer_uncertain:
            reward = told.reward_cents.reshape(len(told.friend_cents), -1)
            person = orders.sponsor if reward.shape[1] > 1 else 0
            commission += np.where(self._counts(orders), reward[orders.product, person], 0.0)
            own &= claims.level > 1
        np.add.at(commission, paid[claims.order[own]], claims.cents[own])
        return Expected(discounts.astype(np.float64), commission)

    def _counts(self, orders: Orders) -> np.ndarray:
        """Orders of people who, as far as the programme can see, are as new as it asks, bool."""
        return orders.seems_new | (not self._programme.scheme.first_order_only)

    def _through_check(self, commission_cents: np.ndarray, fakes: np.ndarray) -> np.ndarray:
        """What the check for fakes leaves of commissions on average, float64 (n,)."""
        scheme = self._programme.scheme
        stopped = np.where(fakes > 0, scheme.similarity_check, scheme.false_positive_rate)
        return (1 - stopped) * commission_cents

    def _can_earn(self, people: np.ndarray) -> np.ndarray:
        """Which of ``people`` have a link of their own, bool (n,)."""
        return self._market.is_member[people] | (not self._customers_only)

    def _luck(self, tick: int, people: np.ndarray, others: np.ndarray, kind: int) -> np.ndarray:
        """A uniform in (0, 1) for each address, float64 (n,); the same in every policy."""
        return uniforms_of(
            self._market.seed, int(Decision.OPPORTUNIST), tick, people.astype(np.int64),
            others.astype(np.int64), np.full(len(people), kind),
        )[0]  # fmt: skip


def _as_fraud(own: Orders, fraud: int, sponsor: np.ndarray) -> Orders:
    """Genuine orders in another guise; no message brought them."""
    return own._replace(
        sponsor=sponsor.astype(np.int32),
        channel=np.zeros_like(own.channel),
        fraud=np.full_like(own.fraud, fraud),
    )


class _Unwritten(CreditHistory):
    """A record of credited orders that can be read but takes no notice of new ones."""

    def __init__(self, history: CreditHistory, month: int) -> None:
        # A new month clears counts in place, which is for the programme itself to do.
        own = history if history.month == month else copy.deepcopy(history)
        vars(self).update(vars(own))

    def credit(self, tick: int, orders: Orders, credits: Commissions) -> None:
        """Nothing is counted."""


def _rehearsal(part: Part) -> Part:
    """A part of a programme to try out: it starts from what was granted, and is then forgotten."""
    trial = copy.copy(part)
    trial.market = copy.copy(part.market)
    trial.market.history = _Unwritten(part.market.history, part.market.month)
    trial.children = tuple(_rehearsal(child) for child in part.children)
    trial._received = part._received.copy()
    return trial


# What came of it -------------------------------------------------------------------------------


def attack_summary(orders: Orders, ledger: Ledger) -> dict[str, float]:
    """What opportunists took out of a run, and whom the check against them hit.

    orders, ledger : all orders of the run, and its books. Amounts are whole cents.

    For "fake", "ring" and "phantom" each: <kind>_orders, and of the commissions on these orders to
    the opportunists <kind>_accrued_cents, which is the sum of <kind>_<state>_cents over
    :data:`STATES`. Then

    identities : invented names. discount_cents : given on such orders, less those sent back.
    goods_lost_cents : cost of phantom orders that are sent back. attack_earned_cents : discounts,
    and commissions that stand (not held, rejected, cancelled or clawed back), before what the
    names cost. honest_hit, honest_hit_cents : people whose commission on a genuine order the check
    holds or rejected, and how much. fraud_share : share of all commissions that stand which
    opportunists get for such orders, nan without commissions.
    """
    lines = ledger.lines_frame()
    order = np.searchsorted(orders.order_id, lines["order_id"].to_numpy())
    amount = lines["cents"].to_numpy()
    recipient = lines["recipient"].to_numpy()
    state = _outcome_of_lines(lines, orders.refund_tick[order])
    stands = np.isin(state, _STANDING)
    fraud = np.where(recipient == orders.sponsor[order], orders.fraud[order], GENUINE)
    found: dict[str, float] = {}
    for name, kind in FRAUDS.items():
        own = fraud == kind
        found[f"{name}_orders"] = int(np.count_nonzero(orders.fraud == kind))
        found[f"{name}_accrued_cents"] = int(amount[own].sum())
        for outcome in STATES:
            found[f"{name}_{outcome}_cents"] = int(amount[own & (state == outcome)].sum())
    false = orders.fraud != GENUINE
    taken = int(amount[stands & (fraud != GENUINE)].sum())
    discounts = int(orders.discount_cents[false & (orders.refund_tick < 0)].sum())
    lost = (orders.fraud == PHANTOM) & (orders.refund_tick >= 0)
    hit = (orders.fraud[order] == GENUINE) & np.isin(state, _STOPPED)
    standing = int(amount[stands].sum())
    return found | {
        "identities": int(orders.fakes.sum(dtype=np.int64)),
        "discount_cents": discounts,
        "goods_lost_cents": int(orders.cost_cents[lost].sum()),
        "attack_earned_cents": taken + discounts,
        "honest_hit": int(np.unique(recipient[hit]).size),
        "honest_hit_cents": int(amount[hit].sum()),
        "fraud_share": taken / standing if standing else float("nan"),
    }


def _outcome_of_lines(lines: pd.DataFrame, refund_tick: np.ndarray) -> np.ndarray:
    """The state of each commission line, "rejected" where a check cancelled it, object (n,)."""
    due_tick = lines["due_day"].to_numpy()
    refunded_first = (refund_tick >= 0) & (refund_tick <= due_tick)
    state = lines["state"].to_numpy()
    checked = lines["held"].to_numpy() & (state == "cancelled") & ~refunded_first
    return np.where(checked, "rejected", state)
