"""What an incentive scheme may read of the world, and what it tells people."""

from __future__ import annotations

import copy
from typing import ClassVar, NamedTuple

import numpy as np

from sim.credits import LIFETIME, MONTH, MONTH_DAYS, CreditHistory
from sim.ledger import Ledger
from sim.orders import Orders, read_only
from sim.population import NEVER
from sim.randomness import Decision, uniforms_of

MOST_FAKES = 128  # fits the column fakes


class Offer(NamedTuple):
    """What people are told.

    reward_cents : float64 (P,) or (P, N), what a consumer believes one sale of a product through
    her own link earns her. friend_cents : int64 (P,), what a friend gets off who buys through it.
    sharer_uncertain, friend_uncertain : whether the reward or the discount is a lottery of which
    only the expectation is stated. in_kind : whether the reward is points instead of money.
    """

    reward_cents: np.ndarray
    friend_cents: np.ndarray
    sharer_uncertain: bool = False
    friend_uncertain: bool = False
    in_kind: bool = False


class Told(NamedTuple):
    """An offer, and its amounts as the kernels take them: reward_cents float64 (P, N) or (P, 1)."""

    offer: Offer | None
    reward_cents: np.ndarray
    discount_cents: np.ndarray

    @classmethod
    def of(cls, offer: Offer) -> Told:
        """The amounts of an offer, int64 (P,) for the discounts."""
        reward = offer.reward_cents
        if reward.ndim == 1:
            reward = reward[:, None]
        return cls(
            offer, np.array(reward, np.float64, order="C"), np.array(offer.friend_cents, np.int64)
        )


NOTHING_TOLD = Told(None, np.empty((0, 1)), np.empty(0, np.int64))


class Everybody(NamedTuple):
    """What a market knows of each consumer: arrays (N,), the model's own, changed in place.

    sponsor_of : int32, who referred each consumer, -1 for nobody; a forest. is_member : bool, who
    is a member now. joined : int32, tick of the first order, negative before the run,
    ``sim.population.NEVER`` for people who never bought. friends : int64, number of friends.
    segment_of : int16, number of the segment, -1 for none.
    """

    sponsor_of: np.ndarray
    is_member: np.ndarray
    joined: np.ndarray
    friends: np.ndarray
    segment_of: np.ndarray

    @classmethod
    def members(cls, size: int, **columns: np.ndarray) -> Everybody:
        """``size`` members without sponsors, friends or segments, who joined on day 0.

        columns : those that are otherwise, by name.
        """
        usual: dict[str, np.ndarray] = {
            "sponsor_of": np.full(size, -1, np.int32),
            "is_member": np.ones(size, np.bool_),
            "joined": np.zeros(size, np.int32),
            "friends": np.zeros(size, np.int64),
            "segment_of": np.full(size, -1, np.int16),
        }
        return cls(**{**usual, **columns})


class Market:
    """What a scheme may read. The arrays are the model's own, seen through read-only views.

    Parameters
    ----------
    prices_cents, unit_costs_cents : ndarray
        int64 (P,), changed in place when a campaign changes them.
    products, categories : tuple of str
        Names, one per product.
    people : Everybody
    ledger : Ledger
        The books of the run, for what people have earned.
    segments : tuple of str
        Names of the segments of the population.
    dt : float
        Days per tick.
    seed : int
        Key of the draws that schemes make.
    """

    changing: ClassVar = ("history",)

    def __init__(
        self,
        *,
        prices_cents: np.ndarray,
        unit_costs_cents: np.ndarray,
        products: tuple[str, ...],
        categories: tuple[str, ...],
        people: Everybody,
        ledger: Ledger,
        segments: tuple[str, ...] = (),
        dt: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.dt = dt
        self.size = len(people.sponsor_of)
        self.products = products
        self.categories = categories
        self.segments = segments
        self._prices = prices_cents
        self._unit_costs = unit_costs_cents
        self._people = people
        self._ledger = ledger
        self._seed = np.uint64(seed)
        # One clock for all views of the market.
        self._clock = [0]
        self._number = 0
        self.history = CreditHistory(self.size)

    def view(self, number: int) -> Market:
        """The same market for part ``number`` of a scheme: with its own history and luck."""
        view = copy.copy(self)
        view.history = CreditHistory(self.size)
        view._number = number
        return view

    @property
    def seed(self) -> np.uint64:
        """Key of the draws of the programme."""
        return self._seed

    @property
    def tick(self) -> int:
        """Number of the current tick."""
        return self._clock[0]

    @property
    def day(self) -> float:
        """Days since the start of the run."""
        return self.tick * self.dt

    @property
    def month(self) -> int:
        """Number of the current 30-day month, from 0."""
        return int(self.day // MONTH_DAYS)

    @property
    def prices_cents(self) -> np.ndarray:
        """List prices of today, int64 (P,)."""
        return read_only(self._prices)

    @property
    def unit_costs_cents(self) -> np.ndarray:
        """What a unit costs the platform, int64 (P,)."""
        return read_only(self._unit_costs)

    @property
    def sponsor_of(self) -> np.ndarray:
        """Who referred each consumer, int32 (N,), -1 for nobody."""
        return read_only(self._people.sponsor_of)

    @property
    def is_member(self) -> np.ndarray:
        """Who is a member now, bool (N,)."""
        return read_only(self._people.is_member)

    @property
    def friends(self) -> np.ndarray:
        """How many friends each consumer has, int64 (N,)."""
        return read_only(self._people.friends)

    @property
    def segment_of(self) -> np.ndarray:
        """Segment of each consumer, int16 (N,): a place in ``segments``, -1 for none."""
        return read_only(self._people.segment_of)

    def tenure_days(self, people: np.ndarray) -> np.ndarray:
        """Days since each of ``people`` (int (n,)) joined, float64 (n,); 0 for who did not yet."""
        joined = self._people.joined[people]
        days = (self.tick - joined.astype(np.int64)) * self.dt
        return np.where(joined == NEVER, 0.0, days)

    @property
    def credited_orders(self) -> np.ndarray:
        """Orders credited to each consumer before, less those refunded, int32 (N,)."""
        return self._history().counts(LIFETIME)

    @property
    def credited_orders_month(self) -> np.ndarray:
        """The same since the current 30-day month began, int32 (N,)."""
        return self._history().counts(MONTH)

    @property
    def credited_sales_cents(self) -> np.ndarray:
        """Net price of these orders, int64 (N,)."""
        return self._history().net_cents(LIFETIME)

    @property
    def credited_sales_month_cents(self) -> np.ndarray:
        """The same since the current 30-day month began, int64 (N,)."""
        return self._history().net_cents(MONTH)

    @property
    def credited_commission_cents(self) -> np.ndarray:
        """What the scheme gave each consumer for these orders, before any limit, int64 (N,)."""
        return self._history().commission_cents(LIFETIME)

    @property
    def credited_commission_month_cents(self) -> np.ndarray:
        """The same since the current 30-day month began, int64 (N,)."""
        return self._history().commission_cents(MONTH)

    @property
    def earned_cents(self) -> np.ndarray:
        """Commission accrued less taken back, int64 (N,)."""
        return self._ledger.earned_cents

    def ancestors(self, orders: Orders, levels: int) -> np.ndarray:
        """Who stands above each order, int32 (n, levels): its sponsor, the sponsor's sponsor, ...

        A chain that ends is filled up with -1. Invented identities between buyer and sponsor fill
        the first places with the sponsor, who is behind them.
        """
        chain = np.full((len(orders.sponsor), levels), -1, np.int32)
        current = orders.sponsor
        for level in range(levels):
            chain[:, level] = current
            above = np.where(current >= 0, self._people.sponsor_of[current], -1)
            current = np.where(orders.fakes > level + 1, current, above)
        return chain

    def luck(self, orders: Orders) -> np.ndarray:
        """A uniform in (0, 1) for each of today's orders, float64 (n,); alike in all policies."""
        return uniforms_of(
            self._seed,
            int(Decision.LOTTERY),
            self.tick,
            orders.buyer.astype(np.int64),
            orders.fakes.astype(np.int64) + MOST_FAKES * self._number,
            orders.product.astype(np.int64),
        )[0]

    def advance(self, tick: int) -> None:
        """Go to ``tick``."""
        self._clock[0] = tick

    def _history(self) -> CreditHistory:
        """The credited orders, as of the current month."""
        self.history.enter(self.month)
        return self.history
