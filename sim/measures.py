"""Measures of a run: one pure function each, with its formula and unit.

:data:`DAILY` are the columns of a day; :data:`MEASURES` the outcomes over the horizon. Comparison
with the twin world (the same world and luck without the policy) is in :mod:`sim.twins`.
Definitions follow table C of the literature sheet.

Phantom orders, bought only to be sent back or sold on, move money but are no sales: they are left
out of every count of orders.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import sub
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from sim.commission_lines import LineState
from sim.day import COUNTS
from sim.ledger import Ledger, Orders
from sim.network import SocialGraph
from sim.orders import FAKE_IDENTITY, PHANTOM, RING
from sim.population import MEMBER, NEVER, State
from sim.quantities import Column
from sim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

DAILY: dict[str, Column] = {
    "orders": Column("orders", "orders placed, less phantoms"),
    "new_customers": Column("customers", "orders by people who never bought before"),
    "referred_orders": Column("orders", "orders credited to a friend, less phantoms"),
    "revenue_cents": Column("cents", "list prices of the day's orders, phantoms among them"),
    "discount_cents": Column("cents", "given to buyers by the policy"),
    "refund_cents": Column("cents", "paid back today"),
    "net_revenue_cents": Column("cents", "revenue less discounts and refunds"),
    "cost_cents": Column("cents", "unit costs of the day's orders"),
    "payout_cents": Column("cents", "commissions accrued less clawed back"),
    "profit_cents": Column(
        "cents", "net revenue less unit costs and payouts, plus points that expired"
    ),
    "shares": Column("acts of sharing", "acts of sharing"),
    "impressions": Column("messages", "messages received"),
    "clicks": Column("messages", "messages opened"),
    "personal_messages": Column("messages", "one-to-one messages"),
    "personal_clicks": Column("messages", "one-to-one messages opened"),
    "warnings": Column("messages", "warnings received"),
    "mutes": Column("ties", "ties muted"),
    "lapsed": Column("members", "members who left"),
    "returned": Column("customers", "lapsed customers who came back, by an order or won back"),
    "visits": Column("customers", "customers who visited within a day (DAU)"),
    "mau": Column("customers", "customers who visited within 30 days"),
    "members": Column("members", "members at the end of the day"),
    "retained_d1": Column("customers", "customers who joined 1 day ago and visited"),
    "retained_d7": Column("customers", "customers who joined 7 days ago and visited"),
    "retained_d30": Column("customers", "customers who joined 30 days ago and visited"),
}
"""Columns of a day, int64, with unit and meaning."""

_FLOWS = {
    "revenue_cents": "revenue",
    "discount_cents": "discounts",
    "refund_cents": "refunds",
    "cost_cents": "cost_of_goods",
    "payout_cents": "commission_expense",
    "expired": "points_breakage",
}
_RECORDED = (
    *COUNTS, "orders", "new_customers", "referred_orders", *list(_FLOWS)[:-1],
    "net_revenue_cents", "profit_cents",
)  # fmt: skip
"""The columns of a day as they are recorded."""


STANDING = ("pending", "held", "approved", "paid")
"""States of commission lines that are neither cancelled nor clawed back."""


def without_phantoms(orders: Orders) -> Orders:
    """The orders that somebody wanted, whatever link or name they came under."""
    phantom = orders.fraud == PHANTOM
    return orders.take(~phantom) if np.count_nonzero(phantom) else orders


class DailySeries:
    """The daily columns of a run, recorded day by day."""

    changing: ClassVar = ("_rows", "_days", "_totals", "orders_so_far")

    def __init__(self) -> None:
        self._rows = np.zeros((64, len(_RECORDED)), np.int64)
        self._days = 0
        self._totals = (0,) * len(_FLOWS)
        self.orders_so_far = 0

    def record(self, counts: np.ndarray, orders: Orders, totals: dict[str, int]) -> None:
        """Add a day: its counts, its orders, and the ledger's running totals by account.

        counts : int64 (len(COUNTS),), see :data:`sim.day.COUNTS`.
        """
        if self._days == len(self._rows):
            self._rows = np.concatenate((self._rows, np.zeros_like(self._rows)))
        now = tuple([totals[account] for account in _FLOWS.values()])
        revenue, discounts, refunds, costs, payouts, expired = map(sub, now, self._totals)
        self._totals = now
        placed, new, referred = 0, 0, 0
        if orders.order_id.size:
            sales = without_phantoms(orders)
            placed = sales.order_id.size
            new = int(np.count_nonzero(sales.new_customer))
            referred = int(np.count_nonzero(sales.sponsor >= 0))
        net = revenue - discounts - refunds
        profit = net - costs - payouts + expired
        row = self._rows[self._days]
        row[: counts.size] = counts
        row[counts.size :] = (
            placed, new, referred, revenue, discounts, refunds, costs, payouts, net, profit,
        )  # fmt: skip
        self._days += 1

    def columns(self) -> dict[str, np.ndarray]:
        """Columns (days so far,), int64, by name."""
        recorded = dict(zip(_RECORDED, self._rows[: self._days].T.copy(), strict=True))
        return {name: recorded[name] for name in DAILY}

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

    @property
    def sales(self) -> Orders:
        """The orders less phantoms."""
        return without_phantoms(self.orders)


def _ratio(part: float, whole: float) -> float:
    """Part / whole, nan for an empty whole."""
    return float(part) / float(whole) if whole else float("nan")


def _total(name: str) -> Callable[[Run], int]:
    def total(run: Run) -> int:
        return int(run.daily[name].sum())

    total.__doc__ = f"{DAILY[name].meaning.capitalize()}, sum over the horizon."
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
    """The measure "share of new customers who visit on day n after joining"; days: such as d7."""
    place = ("d1", "d7", "d30").index(days)

    def share_retained(run: Run) -> float:
        scenario = run.scenario
        if scenario.dt > int(days[1:]):
            return float("nan")
        seen = run.ticks - int(run.retention_ticks[place]) - scenario.ticks_in(1) + 1
        cohort = int(np.count_nonzero((run.state.joined >= 0) & (run.state.joined < seen)))
        return _ratio(int(run.daily[f"retained_{days}"].sum()), cohort)

    share_retained.__doc__ = (
        f"Share of the run's new customers who visit on day {days[1:]} after joining (classic).\n\n"
        "Activity is a visit. Customers who joined too late to be seen on that day are left out; "
        "nan where a tick is longer than that."
    )
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
    buyers = np.unique(run.sales.buyer)
    return _ratio(int(np.count_nonzero(run.state.shares[buyers] > 0)), buyers.size)


def participants(run: Run) -> np.ndarray:
    """Who shared at least once or was ever credited a commission, taken back or not, bool (N,)."""
    found = run.state.shares > 0
    found[run.ledger.lines()["recipient"]] = True
    return found


def earner_share(run: Run) -> float:
    """Share of participants who earned anything."""
    people = participants(run)
    return _ratio(int(np.count_nonzero(run.ledger.earned_cents[people] > 0)), int(people.sum()))


def nonearner_share(run: Run) -> float:
    """Share of participants who earned nothing that was not taken back."""
    earned = run.ledger.earned_cents[participants(run)]
    return _ratio(int(np.count_nonzero(earned == 0)), earned.size)


def median_earnings_cents(run: Run) -> float:
    """Median earnings of participants, those who earned nothing included; nan without any."""
    earned = run.ledger.earned_cents[participants(run)]
    return float(np.median(earned)) if earned.size else float("nan")


def unpaid_cents(run: Run) -> int:
    """Commission owed to people at the end: pending, held and approved."""
    ledger = run.ledger
    return int((ledger.pending_cents + ledger.held_cents + ledger.approved_cents).sum())


def _at_the_end(balance: str, meaning: str) -> Callable[[Run], int]:
    def at_the_end(run: Run) -> int:
        return int(getattr(run.ledger, balance).sum())

    at_the_end.__doc__ = meaning
    return at_the_end


def commission_per_order(run: Run) -> np.ndarray:
    """Commission that stands, neither cancelled nor clawed back, on each order, int64 (orders,)."""
    lines = run.ledger.lines()
    stands = np.isin(lines["state"], [LineState[name.upper()] for name in STANDING])
    found = np.zeros(run.orders.order_id.size, np.int64)
    place = np.searchsorted(run.orders.order_id, lines["order_id"][stands])
    np.add.at(found, place, lines["cents"][stands])
    return found


def is_refunded(run: Run) -> np.ndarray:
    """Which orders were refunded by the end of the run, bool (orders,)."""
    refund_tick = run.orders.refund_tick
    return (refund_tick >= 0) & (refund_tick < run.ticks)


def unlinked_share(run: Run) -> float:
    """Share of the commission that stands on orders that were refunded; 0 in a sound programme."""
    cents = commission_per_order(run)
    return _ratio(int(cents[is_refunded(run)].sum()), int(cents.sum()))


def _fraud_orders(kind: int, meaning: str) -> Callable[[Run], int]:
    def fraud_orders(run: Run) -> int:
        return int(np.count_nonzero(run.orders.fraud == kind))

    fraud_orders.__doc__ = meaning
    return fraud_orders


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
    orders = run.sales
    first = orders.new_customer & (orders.tick <= run.ticks - run.month_ticks - 1)
    cohort = orders.buyer[first]
    start = np.full(run.state.joined.size, NEVER, np.int64)
    start[cohort] = orders.tick[first]
    age = orders.tick - start[orders.buyer]
    again = (start[orders.buyer] > NEVER) & (age > 0) & (age <= run.month_ticks)
    return _ratio(np.unique(orders.buyer[again]).size, cohort.size)


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
    "nonearner_share": nonearner_share,
    "median_earnings_cents": median_earnings_cents,
    "unpaid_cents": unpaid_cents,
    "held_cents": _at_the_end("held_cents", "Commission frozen by a check at the end."),
    "capped_cents": _at_the_end("capped_cents", "Commission that caps and budgets refused."),
    "debt_cents": _at_the_end("owed_cents", "Commission that people owe back at the end."),
    "points_liability_cents": _at_the_end("points_cents", "Points people hold at the end."),
    "unlinked_share": unlinked_share,
    "fake_orders": _fraud_orders(FAKE_IDENTITY, "Orders under an invented name."),
    "ring_orders": _fraud_orders(RING, "Orders credited to a fellow for half the commission."),
    "phantom_orders": _fraud_orders(PHANTOM, "Orders placed only to be sent back or sold on."),
}  # fmt: skip
"""Outcome columns, in order."""

UNITS: dict[str, str] = {
    **{name: DAILY[name].unit for name in MEASURES if name in DAILY},
    **dict.fromkeys(
        (
            "retention_d1", "retention_d7", "retention_d30", "dau_over_mau", "gini_earnings",
            "trust_mean", "referred_share", "sharer_share", "earner_share", "visits_per_share",
            "barren_share", "repeat_share_d30", "nonearner_share", "unlinked_share",
        ),
        "share",
    ),
    **{name: "cents" for name in MEASURES if name.endswith("_cents")},
    **dict.fromkeys(("fake_orders", "ring_orders", "phantom_orders"), "orders"),
    "k_factor": "customers per customer",
    "mean_depth": "referrals",
    "members_end": "members",
    "lapse_rate": "leavers per member and 30 days",
    "sharers": "people",
    "orders_per_recommendation": "orders per message",
}  # fmt: skip
"""The unit of every outcome."""


def outcomes(run: Run) -> dict[str, float | int]:
    """All measures of a run by name."""
    return {name: measure(run) for name, measure in MEASURES.items()}
