"""Regret, shares of worlds and goals: by hand, in the limit of no luck, and the winner's curse."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import special

from sim.errors import InputError
from sim.randomness import Decision, derive_seed, uniform_table
from sim.studies.findings.robustness import in_worlds, robustness, statement

MEANS = {"none": [10.0, 10.0, 10.0, 10.0], "a": [14.0, 9.0, 13.0, 7.0], "b": [12.0, 12.0, 8.0, 9.0]}
"""Mean by policy and world: regrets of a are 0, 3, 0, 3; of b 2, 0, 5, 1; of none 4, 2, 3, 0."""


def normals(count: int, *seed: int) -> np.ndarray:
    key = np.uint64(derive_seed(88, *seed))
    return special.ndtri(uniform_table(key, int(Decision.RESAMPLE), 0, count)[0])


def study(luck: float = 0.0, own: float = 0.0, replications: int = 6, seed: int = 0, means=None):
    """Rows of a study; ``luck`` is shared by all runs of a replication, ``own`` by nobody."""
    rows = []
    for place, (policy, levels) in enumerate((means or MEANS).items()):
        for world, level in enumerate(levels):
            noise = normals(replications, seed, place, world)
            shared = normals(replications, seed, 99)
            for k in range(replications):
                value = level + luck * shared[k] + own * noise[k]
                rows.append((policy, world, 0, k, 100 * value, 2.0 * value, 5.0 * value))
    columns = ["policy", "world", "point", "replication", "profit_cents", "orders", "payout_cents"]
    return pd.DataFrame(rows, columns=columns)


def test_regret_and_shares_by_hand():
    goals = {"profit_cents": 900, "orders": 20}
    found = robustness(in_worlds(study(), "profit_cents", baseline="none", goals=goals), 1)
    a, b, none = (found[name, 0] for name in ("a", "b", "none"))
    assert a.mean.value == pytest.approx(1075)
    assert [one.regret.value for one in (a, b, none)] == pytest.approx([150, 200, 225])
    assert [one.worst_regret.value for one in (a, b, none)] == pytest.approx([300, 500, 400])
    assert [one.worst_world for one in (a, b, none)] == [1, 2, 0]
    assert [one.best_in.value for one in (a, b, none)] == [0.5, 0.25, 0.25]
    assert [one.beats_baseline.value for one in (a, b, none)] == [0.5, 0.5, 0.0]
    assert [one.satisficing.value for one in (a, b, none)] == [0.5, 0.5, 1.0]


def test_luck_that_is_shared_leaves_regret_no_width():
    found = robustness(in_worlds(study(luck=5.0), "profit_cents", baseline="none"), 1)["b", 0]
    for figures in (found.regret, found.worst_regret, found.best_in, found.beats_baseline):
        assert figures.low == pytest.approx(figures.value, abs=1e-9)
        assert figures.high == pytest.approx(figures.value, abs=1e-9)
    assert found.split_worst_regret == pytest.approx(500)
    assert found.mean.high - found.mean.low > 100


def test_lower_can_be_better():
    found = robustness(in_worlds(study(), "payout_cents", goals={"payout_cents": 50}), 1)
    assert found["b", 0].worst_regret.value == pytest.approx(15)  # 12 against 9
    assert found["a", 0].mean.value == pytest.approx(5 * 10.75)
    assert found["a", 0].satisficing.value == 0.5  # 9 and 7 cost at most 50
    assert math.isnan(found["a", 0].beats_baseline.value)


def test_the_truth_lies_between_regret_and_split_regret():
    """Equal policies: the true regret is 0; 40 studies, so the mean split regret is near 0."""
    means = {name: [10.0] * 5 for name in "abcd"}
    plain, split = [], []
    for number in range(40):
        rows = study(own=1.0, replications=8, seed=number, means=means)
        found = robustness(in_worlds(rows, "orders"), 1)
        plain.append(np.mean([one.regret.value for one in found.values()]))
        split.append(np.mean([one.split_regret for one in found.values()]))
    # E max of 4 standard normal means is 1.03; values are 2 each, means of 8 runs.
    assert np.mean(plain) == pytest.approx(2 * 1.029 / math.sqrt(8), rel=0.1)
    error = np.std(split, ddof=1) / math.sqrt(40)
    assert abs(np.mean(split)) < 5 * error
    assert error < 0.1


def test_an_interval_covers_the_mean_as_often_as_a_bootstrap_of_few_can():
    """100 studies of 20 runs at 95 %: at least 84 cover, but for once in 50,000 at 93 %."""
    covered = 0
    for number in range(100):
        rows = study(luck=2.0, own=1.0, replications=20, seed=number)
        one = robustness(in_worlds(rows, "orders"), number)["a", 0].mean
        covered += one.low <= 21.5 <= one.high
    assert 84 <= covered < 100


def figures_of(rows: pd.DataFrame) -> dict:
    """All figures; with a baseline and a goal none of them is nan."""
    return robustness(in_worlds(rows, "orders", baseline="none", goals={"orders": 20}), 3)


def test_a_failed_run_drops_its_replication_in_its_world_only():
    rows = study(own=1.0)
    of_replication = (rows.world == 1) & (rows.replication == 2)
    holed = rows[~(of_replication & (rows.policy == "a"))]
    marked = rows.copy()
    marked.loc[of_replication & (rows.policy == "a"), "orders"] = np.nan
    assert in_worlds(holed, "orders").complete.sum(axis=1).tolist() == [6, 5, 6, 6]
    expected = figures_of(rows[~of_replication])
    assert figures_of(holed) == expected
    assert figures_of(marked) == expected


def test_a_world_in_which_a_policy_always_fails_is_left_out():
    rows = study()
    worlds = in_worlds(rows[~((rows.policy == "a") & (rows.world == 2))], "orders")
    assert (worlds.worlds, worlds.worlds_left_out) == ((0, 1, 3), 1)


def test_points_are_candidates_and_are_held_against_the_baseline_where_it_ran():
    rows = study()
    higher = rows[rows.policy == "a"].assign(point=1, orders=30.0)
    found = robustness(in_worlds(pd.concat([rows, higher]), "orders", baseline="none"), 1)
    assert list(found) == [("none", 0), ("a", 0), ("b", 0), ("a", 1)]
    assert found["a", 1].beats_baseline.value == 1.0
    assert found["a", 1].best_in.value == 1.0


def test_the_order_of_rows_does_not_matter():
    rows = study(own=1.0)
    assert figures_of(rows.iloc[::-1]) == figures_of(rows)


def test_one_replication_has_no_intervals():
    found = robustness(in_worlds(study(replications=1), "orders"), 1)["a", 0]
    assert found.regret.value == pytest.approx(3)
    assert math.isnan(found.regret.low)
    assert math.isnan(found.split_regret)


def test_the_statement_names_the_smallest_worst_regret():
    worlds = in_worlds(study(), "profit_cents", baseline="none")
    assert statement(worlds, robustness(worlds, 1), "EUR") == (
        "a risks least: in no world is it more than 3.00 EUR profit behind the best policy there "
        "(3.00 by split runs); it is the best in 50 % of 4 worlds"
    )


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match="no column 'order'; did you mean 'orders'"):
        in_worlds(study(), "order")
    with pytest.raises(InputError, match="no runs of baseline 'nome'; did you mean 'none'"):
        in_worlds(study(), "orders", baseline="nome")
    with pytest.raises(InputError, match="no replication was finished by every candidate"):
        in_worlds(study().assign(orders=np.nan), "orders")
