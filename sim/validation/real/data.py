"""Reads the real data sets: adoption on known networks, information sessions, purchases.

The sets may be studied but not copied, so they are looked for outside the repository: in the
folder that $VOUCH_DATA names, else in ``shared/data`` beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sim.errors import InputError
from sim.network import SocialGraph
from sim.validation.target import NoDataError

DATA_VARIABLE = "VOUCH_DATA"
REPOSITORY = Path(__file__).resolve().parents[3]

BEFORE = 0
"""Period of somebody who had adopted before the first period."""

FARMERS_FIRST_YEAR = 1946
"""Adopters up to this year had adopted before the first period: the years before it are sparse
and rounded to tens."""
FARMERS_LAST_YEAR = 1965
PRACTICES = tuple("ABCDEFGHIJKL")


class Nominations(NamedTuple):
    """Who named whom: person ``source[e]`` named person ``target[e]``, each pair once.

    size : number of people. source, target : int64 (E,).
    """

    size: int
    source: np.ndarray
    target: np.ndarray

    def heard(self) -> SocialGraph:
        """Everybody hears from those she named."""
        return SocialGraph.from_edges(self.target, self.source, directed=True, size=self.size)

    def mutual(self) -> SocialGraph:
        """Who named and who was named hear from each other."""
        pairs = np.sort(np.column_stack([self.source, self.target]), axis=1)
        one, other = np.unique(pairs, axis=0).T
        return SocialGraph.from_edges(one, other, size=self.size)


class Adoption(NamedTuple):
    """Who adopted when, in separate groups of people.

    group : int64 (N,), number of the village or city, 0..G-1. period : int64 (N,), of adoption:
    1 to ``periods``, :data:`BEFORE`, or ``periods + 1`` for those who had not adopted by the end.
    """

    group: np.ndarray
    period: np.ndarray
    periods: int
    nominations: Nominations


class Villages(NamedTuple):
    """Households of villages in which a loan was introduced through leaders.

    village : int64 (N,), position in ``names``. leader, loan : bool (N,). names : int64 (G,).
    """

    names: np.ndarray
    village: np.ndarray
    leader: np.ndarray
    loan: np.ndarray
    ties: Nominations


class Invitations(NamedTuple):
    """Second-round households of the rice-insurance experiment who saw no first-round take-up.

    village : int64 (N,). bought, intensive : bool (N,), the household and its own session.
    friends, informed : int64 (N,), friends named, and of these in an intensive first-round session.
    village_informed : float64 (N,), share of the village's households in such a session.
    """

    village: np.ndarray
    bought: np.ndarray
    intensive: np.ndarray
    friends: np.ndarray
    informed: np.ndarray
    village_informed: np.ndarray


def data_folder() -> Path:
    """The folder of real data sets: $VOUCH_DATA, else ``shared/data`` beside the checkout."""
    chosen = os.environ.get(DATA_VARIABLE)
    return Path(chosen) if chosen else REPOSITORY.parent / "shared" / "data"


def data_set(name: str) -> Path:
    """The folder of one data set.

    Raises
    ------
    NoDataError
        If it is not there.
    """
    path = data_folder() / name
    if not path.is_dir():
        raise NoDataError(
            f"real data set {name} is not at {path}; set {DATA_VARIABLE} to the folder of data"
        )
    return path


def _table(path: Path, *columns: str) -> pd.DataFrame:
    """The named columns of a CSV file."""
    table = pd.read_csv(path)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(
            f"{path}: there is no column {', '.join(missing)}; it has {', '.join(table.columns)}"
        )
    return table[list(columns)]


def _positions(ids: pd.Series, known: pd.Index, path: Path) -> np.ndarray:
    """Where each id stands among the known ones."""
    found = known.get_indexer(pd.Index(ids))
    if (found < 0).any():
        stranger = ids.to_numpy()[found < 0][0]
        raise InputError(f"{path}: {ids.name} = {stranger} is not among the people of nodes.csv")
    return found.astype(np.int64)


def _nominations(folder: Path, people: pd.Series) -> Nominations:
    """Distinct pairs of an edge list, whatever the relation; naming oneself is dropped."""
    path = folder / "edges.csv.gz"
    pairs = _table(path, "source", "target").drop_duplicates().query("source != target")
    known = pd.Index(people)
    return Nominations(
        len(people),
        _positions(pairs["source"], known, path),
        _positions(pairs["target"], known, path),
    )


def _periods_of(times: pd.Series, last_before: float, last: float) -> np.ndarray:
    """Periods of adoption from times, missing ones meaning never; int64 (N,)."""
    never = last - last_before + 1
    return (times - last_before).clip(lower=BEFORE).fillna(never).to_numpy().astype(np.int64)


def read_doctors() -> Adoption:
    """Doctors who first prescribed tetracycline, by month: 125 of them, 17 months, 4 cities.

    Coleman, Katz and Menzel (1966), with the ties to whom a doctor names for advice, discussion or
    as a friend. The first month is that of the release, so nobody had adopted before.
    """
    folder = data_set("diff_medinnovations")
    nodes = _table(folder / "nodes.csv", "node_id", "group", "toa_month")
    group = np.unique(nodes["group"], return_inverse=True)[1]
    period = _periods_of(nodes["toa_month"], 0, 17)
    return Adoption(group, period, 17, _nominations(folder, nodes["node_id"]))


def read_farmers(practice: str | None = None) -> Adoption:
    """Brazilian farmers who adopted hybrid corn, or a practice "A" to "L", by year 1947 to 1965.

    692 farmers in 11 communities (Rogers, Ascroft and Roling 1970). Adopters of 1946 and earlier
    count as adopted :data:`BEFORE`.
    """
    folder = data_set("diff_brfarmers")
    nodes = _table(folder / "nodes.csv", "node_id", "group", "toa_year")
    years = nodes["toa_year"]
    if practice is not None:
        path = folder / "practices_long.csv.gz"
        table = _table(path, "node_id", "practice", "year").query("practice == @practice")
        years = nodes["node_id"].map(table.set_index("node_id")["year"])
    group = np.unique(nodes["group"], return_inverse=True)[1]
    periods = FARMERS_LAST_YEAR - FARMERS_FIRST_YEAR
    period = _periods_of(years, FARMERS_FIRST_YEAR, FARMERS_LAST_YEAR)
    return Adoption(group, period, periods, _nominations(folder, nodes["node_id"]))


def read_villages() -> Villages:
    """Households of Indian villages, who was told first and who took the loan.

    Banerjee, Chandrasekhar, Duflo and Jackson (2013).
    """
    folder = data_set("diff_microfinance")
    nodes = _table(folder / "nodes.csv", "node_id", "village", "leader", "loan")
    names, village = np.unique(nodes["village"], return_inverse=True)
    return Villages(
        names,
        village,
        nodes["leader"].to_numpy() == 1,
        nodes["loan"].to_numpy() == 1,
        _nominations(folder, nodes["node_id"]),
    )


def read_take_up() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cumulative take-up of the loan: villages (G,), shares and the authors' simulation (G, T).

    Columns are trimesters since the introduction, from 0; nan after a village's last one.
    """
    columns = ("village", "t", "takeup_empirical_cum", "takeup_simulated_by_authors")
    table = _table(data_set("diff_microfinance") / "takeup_by_trimester.csv", *columns)
    observed, simulated = (
        table.pivot(index="village", columns="t", values=name) for name in columns[2:]
    )
    return observed.index.to_numpy(), observed.to_numpy(), simulated.to_numpy()


def read_invitations() -> Invitations:
    """Second-round households of the insurance experiment, Cai, de Janvry and Sadoulet (2015)."""
    folder = data_set("diff_cai_insurance")
    nodes = _table(
        folder / "nodes.csv",
        "node_id", "village", "round", "intensive", "no_first_round_info_shown", "takeup",
    )  # fmt: skip
    named = _nominations(folder, nodes["node_id"])
    informed = ((nodes["round"] == 1) & (nodes["intensive"] == 1)).to_numpy()
    friends = np.bincount(named.source, minlength=named.size)
    informed_friends = np.bincount(named.source[informed[named.target]], minlength=named.size)
    village = np.unique(nodes["village"], return_inverse=True)[1]
    village_informed = (np.bincount(village, informed) / np.bincount(village))[village]
    shown_nothing = (nodes["round"] == 2) & (nodes["no_first_round_info_shown"] == 1)
    kept = (shown_nothing & nodes["takeup"].notna()).to_numpy()
    return Invitations(
        village[kept],
        nodes["takeup"].to_numpy()[kept] == 1,
        nodes["intensive"].to_numpy()[kept] == 1,
        friends[kept],
        informed_friends[kept],
        village_informed[kept],
    )


class Purchases(NamedTuple):
    """Days on which customers bought, day 0 being the first of the file.

    customer, day : int64 (E,), each pair once, sorted. first : int64 (N,), first day of a customer.
    """

    customer: np.ndarray
    day: np.ndarray
    first: np.ndarray


def read_purchases(name: str) -> Purchases:
    """The purchases of "retention_cdnow" or "retention_grocery"; several of one day count once."""
    table = _table(data_set(name) / "transactions.csv.gz", "customer", "date")
    date = pd.to_datetime(table["date"])
    table = pd.DataFrame(
        {"customer": table["customer"].rank(method="dense"), "day": (date - date.min()).dt.days}
    )
    table = table.astype(np.int64).drop_duplicates().sort_values(["customer", "day"])
    customer, day = table["customer"].to_numpy() - 1, table["day"].to_numpy()
    first = day[np.flatnonzero(np.diff(customer, prepend=-1))]
    return Purchases(customer, day, first)
