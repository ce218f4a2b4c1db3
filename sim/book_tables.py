"""The books as tables: double-entry lines, orders, commission lines, for pandas and Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.accounts import FLOWS, PERSONAL_ACCOUNTS, PLATFORM, Account, EntryKind, label
from sim.commission_lines import LineState, LineTable
from sim.orders import LINE_DTYPES, Orders, Table
from sim.quantities import Column

if TYPE_CHECKING:
    import pandas as pd

ENTRY_COLUMNS: dict[str, Column] = {
    "entry_id": Column("name", "0, 1, ...; lines 2k and 2k + 1 are the two sides of one posting"),
    "day": Column("days", "when it was posted, in days since the start"),
    "order_id": Column("name", "the order it belongs to; -1: none"),
    "account": Column("name", "account that is debited or credited"),
    "party": Column(
        "name",
        "the consumer who paid, was paid or is owed; -1: the platform's own account",
    ),
    "debit_cents": Column("cents", "amount on the debit side, else 0"),
    "credit_cents": Column("cents", "amount on the credit side, else 0"),
    "kind": Column("name", "what was posted"),
}
"""Columns of the double-entry lines, in order."""

ORDER_COLUMNS: dict[str, Column] = {
    "order_id": Column("name", "number of the order, higher on later days"),
    "day": Column("days", "when it was placed, in days since the start"),
    "buyer": Column("name", "the consumer who bought"),
    "product": Column("name", "position of the product in the scenario, from 0"),
    "price_cents": Column("cents", "list price of the day"),
    "discount_cents": Column("cents", "given to the buyer by the policy"),
    "sponsor": Column("name", "the consumer whose link is credited; -1: none"),
    "depth": Column("referrals", "0 without sponsor, else that of the sponsor's first order + 1"),
    "refunded_day": Column("days", "when it was refunded; missing unless it was by the end"),
    "new_customer": Column("switch", "whether the buyer had never bought before"),
    "channel": Column("name", "0 none, 1 personal, 2 group, 3 broadcast"),
}
"""Columns of the orders, in order."""


def entries_table(postings: Table, dt: float) -> pd.DataFrame:
    """Two lines per posting, its debit and its credit; columns :data:`ENTRY_COLUMNS`."""
    import pandas as pd

    count = postings.length
    names = np.array([label(account) for account in Account], dtype=object)
    kinds = np.array([label(kind) for kind in EntryKind], dtype=object)
    sides = np.array([FLOWS[kind][:2] for kind in EntryKind])
    account = sides[postings["kind"]].ravel()
    amounts = np.repeat(postings["cents"], 2)
    is_debit = np.tile([True, False], count)
    personal = np.isin(account, list(PERSONAL_ACCOUNTS))
    return pd.DataFrame(
        {
            "entry_id": np.arange(2 * count),
            "day": _days(np.repeat(postings["tick"], 2), dt),
            "order_id": np.repeat(postings["order_id"], 2),
            "account": names[account],
            "party": np.where(personal, np.repeat(postings["party"], 2), PLATFORM),
            "debit_cents": np.where(is_debit, amounts, 0),
            "credit_cents": np.where(is_debit, 0, amounts),
            "kind": kinds[np.repeat(postings["kind"], 2)],
        }
    )


def orders_table(orders: Orders, refunded_through: int, dt: float) -> pd.DataFrame:
    """A row per order, refunds up to tick ``refunded_through``; columns :data:`ORDER_COLUMNS`."""
    import pandas as pd

    refunded = (orders.refund_tick >= 0) & (orders.refund_tick <= refunded_through)
    refunded_day = pd.Series(_days(orders.refund_tick, dt)).convert_dtypes()
    columns = {
        "order_id": orders.order_id,
        "day": _days(orders.tick, dt),
        "buyer": orders.buyer,
        "product": orders.product,
        "price_cents": orders.price_cents,
        "discount_cents": orders.discount_cents,
        "sponsor": orders.sponsor,
        "depth": orders.depth,
        "refunded_day": refunded_day.where(refunded),
        "new_customer": orders.new_customer,
        "channel": orders.channel,
    }
    return pd.DataFrame(columns)


def lines_table(lines: LineTable, dt: float) -> pd.DataFrame:
    """A row per commission line; columns as in ``Ledger.lines_frame``."""
    import pandas as pd

    states = np.array([label(state) for state in LineState], dtype=object)
    columns = {name: lines[name] for name in LINE_DTYPES}
    dates = {"day": _days(lines["tick"], dt), "due_day": _days(lines["due_tick"], dt)}
    frame = pd.DataFrame({**columns, **dates, "state": states[lines["state"]]}, copy=True)
    first = ["order_id", "recipient", "level", "part", "cents", "state"]
    return frame[[*first, *(name for name in frame if name not in first)]]


def _days(ticks: np.ndarray, dt: float) -> np.ndarray:
    """Days of ``ticks``: int64 where a tick is a whole number of days, else float64."""
    return ticks.astype(np.int64) * (int(dt) if float(dt).is_integer() else dt)
