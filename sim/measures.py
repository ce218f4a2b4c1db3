"""Measures of a run: one pure function each, with its formula and unit.

:data:`DAILY` are the columns of a day; :data:`MEASURES` the outcomes over the horizon. Comparison
with the twin world (the same world and luck without the policy) is in :data:`TWIN_MEASURES`.
Definitions follow table C of the literature sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.ledger import Ledger, Orders
from sim.network import SocialGraph
from sim.population import MEMBER, NEVER, State
from sim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

DAILY: dict[str, str] = {
    "orders": "orders placed",
    "new_customers": "orders by people who never bought before",
    "referred_orders": "orders credited to a friend",
    "revenue_cents": "list prices of the day's orders",
    "discount_cents": "given to buyers by the policy",
    "refund_cents": "paid back today",
    "net_revenue_cents": "revenue less discounts and refunds",
    "cost_cents": "unit costs of the day's orders",
    "payout_cents": "commissions accrued less clawed back",
    "profit_cents": "net revenue less unit costs and payouts",
    "shares": "acts of sharing",
    "impressions": "messages received",
    "clicks": "messages opened",
    "personal_messages": "one-to-one messages",
    "personal_clicks": "one-to-one messages opened",
    "warnings": "warnings received",
    "mutes": "ties muted",
    "lapsed": "members who left",
    "returned": "lapsed customers who came back, by an order or won back",
    "visits": "customers who visited within a day (DAU)",
    "mau": "customers who visited within 30 days",
    "members": "members at the end of the day",
    "retained_d1": "customers who joined 1 day ago and visited",
    "retained_d7": "customers who joined 7 days ago and visited",
    "retained_d30": "customers who joined 30 days ago and visited",
}
"""Columns of a day, int64, with their meaning."""

_FLOWS = {
    "revenue_cents": "revenue",
    "discount_cents": "discounts",
    "refund_cents": "refunds",
    "cost_cents": "cost_of_goods",
    "payout_cents": "commission_expense",
}


class DailySeries:
    """The daily columns of a run, recorded day by day."""

    def __init__(self, ticks: int) -> None:
        self._columns = {name: np.zeros(ticks, np.int64) for name in DAILY}
        self._days = 0
        self._totals = dict.fromkeys(_FLOWS.values(), 0)
        self.orders_so_far = 0

    def record(self, counts: dict[str, int], orders: Orders, totals: dict[str, int]) -> None:
        """Add a day: its counts, its orders, and the ledger's running totals by account."""
        row = dict(counts)
        for name, account in _FLOWS.items():
            row[name] = totals[account] - self._totals[account]
            self._totals[account] = totals[account]
        row["orders"] = orders.order_id.size
        row["new_customers"] = int(np.count_nonzero(orders.new_customer))
        row["referred_orders"] = int(np.count_nonzero(orders.sponsor >= 0))
        row["net_revenue_cents"] = (
            row["revenue_cents"] - row["discount_cents"] - row["refund_cents"]
        )
        row["profit_cents"] = row["net_revenue_cents"] - row["cost_cents"] - row["payout_cents"]
        for name, column in self._columns.items():
            column[self._days] = row[name]
        self._days += 1

    def columns(self) -> dict[str, np.ndarray]:
        """Columns (days so far,), int64, by name."""
        return {name: column[: self._days] for name, column in self._columns.items()}

    def frame(self, dt: float) -> pd.DataFrame:
        """The columns as a table with ``day`` first."""
        import pandas as pd

        days = np.arange(self._days) * dt
        whole = days.astype(np.int64) if float(dt).is_integer() else days
        return pd.DataFrame({"day": whole, **self.columns()})


class Run(NamedTuple):
    """What the measures read: the books, the daily columns and the state at the end."""

    scenario: Scenario
    graph: SocialGraph
    daily: dict[str, np.ndarray]
    orders: Orders
    ledger: Ledger
    state: State
    month_ticks: int
    retention_ticks: np.ndarray
    ticks: int


def _ratio(part: float, whole: float) -> float:
    """Part / whole, nan for an empty whole."""
    return float(part) / float(whole) if whole else float("nan")


def _total(name: str) -> Callable[[Run], int]:
    def total(run: Run) -> int:
        return int(run.daily[name].sum())

    total.__doc__ = f"{DAILY[name].capitalize()}, sum over the horizon."
    total.__name__ = name
    return total


def k_factor(run: Run) -> float:
    """New customers brought per new customer, within a set time of joining.

    Cohort: customers who joined at least H before the end; H is 60 days or half the run. Counts
    new customers whose sponsor is in the cohort and who joined within H of the sponsor's joining.
    """
    horizon = min(2 * run.month_ticks, max(1, run.ticks // 2))
    joined, sponsor = run.state.joined, run.state.sponsor
    cohort = (joined >= 0) & (joined < run.ticks - horizon)
    brought = np.flatnonzero((joined >= 0) & (sponsor >= 0))
    parents = sponsor[brought]
    counted = cohort[parents] & (joined[brought] - joined[parents] <= horizon)
    return _ratio(int(counted.sum()), int(cohort.sum()))


def mean_depth(run: Run) -> float:
    """Mean distance of the run's new customers from the root of their referral tree."""
    new = run.orders.new_customer
    return float(run.orders.depth[new].mean()) if new.any() else float("nan")


def members_end(run: Run) -> int:
    """Members at the end of the run."""
    return int(np.count_nonzero(run.state.status == MEMBER))


def retention(days: str) -> Callable[[Run], float]:
    """The measure "share of new customers who visit on the n-th day after joining"."""
    place = ("d1", "d7", "d30").index(days)

    def share_retained(run: Run) -> float:
        """Share of the run's new customers who visit on the n-th day after joining (classic).

        Activity is a visit. Customers who joined too late to be seen on day n are left out; nan
        where a tick is longer than n days.
        """
        scenario = run.scenario
        if scenario.dt > int(days[1:]):
            return float("nan")
        seen = run.ticks - int(run.retention_ticks[place]) - scenario.ticks_in(1) + 1
        cohort = int(np.count_nonzero((run.state.joined >= 0) & (run.state.joined < seen)))
        return _ratio(int(run.daily[f"retained_{days}"].sum()), cohort)

    return share_retained


def member_survival(run: Run) -> np.ndarray:
    """Share of the run's new customers who are still members by days since joining.

    Kaplan and Meier (1958): customers who joined late count as long as they were seen; somebody
    who left and came back counts as never gone. Returns float64 (ticks,), entry a for age a.
    """
    new = run.state.joined >= 0
    age_seen = run.ticks - 1 - run.state.joined[new]
    gone = run.state.status[new] != MEMBER
    age = np.where(gone, run.state.left[new] - run.state.joined[new], age_seen)
    deaths = np.bincount(age[gone], minlength=run.ticks)[: run.ticks]
    endings = np.bincount(age, minlength=run.ticks)[: run.ticks]
    at_risk = endings[::-1].cumsum()[::-1]
    with np.errstate(invalid="ignore"):
        return np.cumprod(np.where(at_risk > 0, 1 - deaths / np.maximum(at_risk, 1), 1.0))


def lapse_rate(run: Run) -> float:
    """Members who leave per member and 30 days."""
    member_months = run.daily["members"].sum() / run.month_ticks
    return _ratio(int(run.daily["lapsed"].sum()), member_months)


def mau(run: Run) -> int:
    """Customers who visited within the last 30 days of the run."""
    return int(run.daily["mau"][-1]) if run.ticks else 0


def dau_over_mau(run: Run) -> float:
    """Mean daily over mean monthly visitors, customers only, after 30 days or half the run."""
    later = slice(min(run.month_ticks, run.ticks // 2), None)
    return _ratio(run.daily["visits"][later].mean(), run.daily["mau"][later].mean())


def gini(values: np.ndarray) -> float:
    """Gini coefficient of non-negative values (n,): 0 for equality, (n-1)/n if one has all.

    sum_i (2 i - n - 1) x_(i) / (n sum x), i = 1..n in ascending order. nan if nobody has any.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n, total = ordered.size, ordered.sum()
    if n == 0 or total == 0:
        return float("nan")
    return float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / (n * total))


def gini_earnings(run: Run) -> float:
    """Gini of earnings over everybody who ever shared, those who earned nothing included."""
    return gini(run.ledger.earned_cents[run.state.shares > 0])


def sharers(run: Run) -> int:
    """People who shared at least once."""
    return int(np.count_nonzero(run.state.shares > 0))


def sharer_share(run: Run) -> float:
    """Share of the people who bought in the run who shared at least once."""
    buyers = np.unique(run.orders.buyer)
    return _ratio(int(np.count_nonzero(run.state.shares[buyers] > 0)), buyers.size)


def earner_share(run: Run) -> float:
    """Share of sharers who earned anything."""
    return _ratio(int(np.count_nonzero(run.ledger.earned_cents > 0)), sharers(run))


def referred_share(run: Run) -> float:
    """Share of orders credited to a friend."""
    return _ratio(int(run.daily["referred_orders"].sum()), int(run.daily["orders"].sum()))


def orders_per_recommendation(run: Run) -> float:
    """Orders credited to one-to-one messages per one-to-one message (repeats left out)."""
    personal = (run.orders.channel == 1) & run.orders.new_customer
    return _ratio(int(personal.sum()), int(run.daily["personal_messages"].sum()))


def visits_per_share(run: Run) -> float:
    """Share of one-to-one messages that are opened."""
    return _ratio(
        int(run.daily["personal_clicks"].sum()), int(run.daily["personal_messages"].sum())
    )


def barren_share(run: Run) -> float:
    """Share of organic new customers who brought nobody."""
    organic = np.flatnonzero((run.state.joined >= 0) & (run.state.sponsor < 0))
    brought = np.bincount(
        run.state.sponsor[run.state.sponsor >= 0], minlength=run.state.joined.size
    )
    return _ratio(int(np.count_nonzero(brought[organic] == 0)), organic.size)


def repeat_share_d30(run: Run) -> float:
    """Share of new customers with a second order within 30 days, among those seen that long."""
    first = run.orders.new_customer & (run.orders.tick <= run.ticks - run.month_ticks - 1)
    cohort = run.orders.buyer[first]
    start = np.full(run.state.joined.size, NEVER, np.int64)
    start[cohort] = run.orders.tick[first]
    age = run.orders.tick - start[run.orders.buyer]
    again = (start[run.orders.buyer] > NEVER) & (age > 0) & (age <= run.month_ticks)
    return _ratio(np.unique(run.orders.buyer[again]).size, cohort.size)


def trust_mean(run: Run) -> float:
    """Mean trust over all ties: (good + 1) / (good + bad + 2)."""
    good, bad = run.state.good_ties, run.state.bad_ties
    return float(np.mean((good + 1.0) / (good + bad + 2.0))) if good.size else float("nan")


MEASURES: dict[str, Callable[[Run], float | int]] = {
    **{
        name: _total(name)
        for name in (
            "orders", "new_customers", "revenue_cents", "net_revenue_cents", "payout_cents",
            "discount_cents", "refund_cents", "cost_cents", "profit_cents", "referred_orders",
            "shares", "impressions", "clicks",
        )
    },
    "k_factor": k_factor,
    "mean_depth": mean_depth,
    "members_end": members_end,
    "retention_d1": retention("d1"),
    "retention_d7": retention("d7"),
    "retention_d30": retention("d30"),
    "lapse_rate": lapse_rate,
    "mau": mau,
    "dau_over_mau": dau_over_mau,
    "gini_earnings": gini_earnings,
    "trust_mean": trust_mean,
    "mutes": _total("mutes"),
    "warnings": _total("warnings"),
    "referred_share": referred_share,
    "sharers": sharers,
    "sharer_share": sharer_share,
    "earner_share": earner_share,
    "orders_per_recommendation": orders_per_recommendation,
    "visits_per_share": visits_per_share,
    "barren_share": barren_share,
    "repeat_share_d30": repeat_share_d30,
}  # fmt: skip
"""Outcome columns, in order."""


def outcomes(run: Run) -> dict[str, float | int]:
    """All measures of a run by name."""
    return {name: measure(run) for name, measure in MEASURES.items()}


class Matched(NamedTuple):
    """Orders of a run and of its twin, the k-th of a consumer for a product side by side.

    A row per order of either world: tick in each (-1 where the world has none) and whether the
    policy paid a commission or a discount for it.
    """

    tick: np.ndarray  # int64
    twin_tick: np.ndarray  # int64
    rewarded: np.ndarray  # bool


def match_orders(run: Run, twin: Run) -> Matched:
    """Pair the k-th order of every consumer and product in ``run`` with the k-th in ``twin``."""
    keys, sequence = _ranked(run.orders)
    twin_keys, twin_sequence = _ranked(twin.orders)
    rewarded = run.ledger.commissioned(run.orders.order_id) | (run.orders.discount_cents > 0)
    every = np.union1d(keys, twin_keys)
    absent = np.full(every.size, -1, np.int64)
    matched = Matched(absent, absent.copy(), np.zeros(every.size, bool))
    here = np.searchsorted(every, keys)
    matched.tick[here] = run.orders.tick[sequence]
    matched.rewarded[here] = rewarded[sequence]
    matched.twin_tick[np.searchsorted(every, twin_keys)] = twin.orders.tick[twin_sequence]
    return matched


def _ranked(orders: Orders) -> tuple[np.ndarray, np.ndarray]:
    """Keys (person, product, how many-eth order), ascending, and the orders they belong to."""
    pair = orders.buyer.astype(np.int64) << 15 | orders.product.astype(np.int64)
    sequence = np.lexsort((orders.order_id, pair))
    pair = pair[sequence]
    first = (
        np.flatnonzero(np.r_[True, pair[1:] != pair[:-1]]) if pair.size else np.empty(0, np.intp)
    )
    lengths = np.diff(np.r_[first, pair.size])
    rank = np.arange(pair.size) - np.repeat(first, lengths)
    return pair << 16 | np.minimum(rank, 65535), sequence


def compare_with_twin(run: Run, twin: Run) -> dict[str, float | int]:
    """What the policy caused, against the same world and luck without it.

    incremental_orders : orders more than in the twin (bought only because, less those lost).
    accelerated_orders : orders that the twin has too, but later. cannibalised_orders : orders
    the policy paid for that the twin has at the same time or earlier. incremental_cac_cents :
    (payout + discounts) per additional new customer, nan if there are none. roi : (profit -
    profit of the twin) / (payout + discounts), nan if nothing was spent. earners_kept : see
    there.
    """
    matched = match_orders(run, twin)
    both = (matched.tick >= 0) & (matched.twin_tick >= 0)
    earlier = both & (matched.tick < matched.twin_tick)
    spent = int(run.daily["payout_cents"].sum() + run.daily["discount_cents"].sum())
    gained = int(run.daily["new_customers"].sum() - twin.daily["new_customers"].sum())
    profit = int(run.daily["profit_cents"].sum() - twin.daily["profit_cents"].sum())
    return {
        "incremental_orders": int((matched.tick >= 0).sum() - (matched.twin_tick >= 0).sum()),
        "accelerated_orders": int(earlier.sum()),
        "cannibalised_orders": int((both & ~earlier & matched.rewarded).sum()),
        "incremental_cac_cents": spent / gained if gained > 0 else float("nan"),
        "roi": profit / spent if spent > 0 else float("nan"),
        "earners_kept": earners_kept(run, twin),
    }


def earners_kept(run: Run, twin: Run) -> float:
    """Share of earners who are members at the end, less that of the same people in the twin.

    Customers of both worlds only; 0 without earners. A person is compared with herself, so this
    is not that loyal people share more.
    """
    earned = (run.ledger.earned_cents > 0) & (twin.state.joined != NEVER)
    if not earned.any():
        return 0.0
    stayed = np.count_nonzero(run.state.status[earned] == MEMBER)
    would_have = np.count_nonzero(twin.state.status[earned] == MEMBER)
    return (int(stayed) - int(would_have)) / int(np.count_nonzero(earned))


TWIN_MEASURES = (
    "incremental_orders",
    "accelerated_orders",
    "cannibalised_orders",
    "incremental_cac_cents",
    "roi",
    "earners_kept",
)
"""Outcome columns against the twin world, in order."""
