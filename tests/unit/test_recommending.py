"""The barest word of mouth: limits, laws, and that how it is computed changes nothing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from sim import presets, recommending
from sim.errors import InputError
from sim.network import SocialGraph
from sim.randomness import Decision, uniforms

PATH = SocialGraph.from_edges([0, 1, 2], [1, 2, 3], size=5)
FOLLOWS = SocialGraph.from_edges([0, 1, 1, 3, 4, 2], [1, 2, 3, 1, 0, 4], size=6, directed=True)


def alone(size: int) -> SocialGraph:
    return SocialGraph.from_edges([], [], size=size)


def by_the_book(graph, win, organic, churn, again, first, ticks, seed):
    """The process person by person, in plain Python, from the same draws."""
    heard_from = [[] for _ in range(graph.size)]
    indptr, target = graph.arrays.indptr, graph.arrays.target
    for i in range(graph.size):
        for j in target[indptr[i] : indptr[i + 1]]:
            heard_from[j].append(i)
    key, either = np.uint64(seed), churn + (1 - churn) * again

    def plan(i, tick):
        u, v, _, _ = uniforms(key, int(Decision.RECOMMENDATION_NEXT), tick, i, 0, 0)
        wait = 1 if either >= 1 else 1 + np.floor(np.log(u) / np.log1p(-either)) if either else 1e18
        return tick + wait, v * either < churn

    bought = set(first)
    plans = {i: plan(i, 0) for i in bought}
    customers, orders = [len(plans)], [len(bought)]
    for tick in range(1, ticks + 1):
        joining, at, draw = set(), -1.0, 0
        while organic > 0:
            four = uniforms(key, int(Decision.RECOMMENDATION_ORGANIC), tick, draw >> 2, 0, 0)
            gap = np.log(four[draw & 3]) / np.log1p(-organic) if organic < 1 else 0.0
            draw += 1
            at += 1 + np.floor(gap)
            if at >= graph.size:
                break
            joining.add(int(at))
        for i in range(graph.size):
            friends = sum(j in bought for j in heard_from[i])
            u = uniforms(key, int(Decision.RECOMMENDATION_WON), tick, i, 0, 0)[0]
            if friends and u >= (1 - win) ** friends:
                joining.add(i)
        joining -= plans.keys()
        moved = {i for i, (due, _) in plans.items() if due == tick}
        bought = {i for i in moved if not plans[i][1]} | joining
        plans = {i: kept for i, kept in plans.items() if i not in moved}
        plans |= {i: plan(i, tick) for i in bought}
        customers.append(len(plans))
        orders.append(len(bought))
    return customers, orders, [i in plans for i in range(graph.size)]


WAYS = [recommending.PUSH, recommending.PULL, recommending.KEEP, recommending.EITHER]
chances = st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.0])


@given(
    win=chances, organic=chances, churn=chances, again=chances,
    seed=st.integers(0, 2**64 - 1), graph=st.sampled_from([PATH, FOLLOWS]),
    first=st.sets(st.integers(0, 4)), way=st.sampled_from(WAYS),
)  # fmt: skip
def test_every_way_gives_what_the_book_says(win, organic, churn, again, seed, graph, first, way):
    model = presets.recommendation(
        graph, talk=win, conviction=1.0, organic=organic, churn=churn, again=again,
        seeds=sorted(first), ticks=7, seed=seed,
    ).run()  # fmt: skip
    expected = by_the_book(graph, win, organic, churn, again, first, 7, seed)
    found = (model.customers.tolist(), model.orders.tolist(), model.is_customer.tolist())
    assert found == expected
    arrays = graph.arrays
    rows = csr_array((np.ones(arrays.target.size), arrays.target, arrays.indptr), (graph.size,) * 2)
    back = rows.tocsc()
    customers, orders, is_customer = recommending.recommend(
        np.uint64(seed), (arrays.indptr, arrays.target),
        (back.indptr.astype(np.int64), back.indices), (win, organic, churn, again),
        np.array(sorted(first), np.int64), 7, way,
    )  # fmt: skip
    assert (customers.tolist(), orders.tolist(), is_customer.tolist()) == expected


def test_an_interrupt_stops_a_long_run():
    """A kernel that returned arrays while an interrupt waited ended the interpreter."""
    program = """
import os, signal, threading, time
import sim
graph = sim.SocialGraph.generate("barabasi_albert", 20_000, mean_degree=10)
sim.presets.recommendation(graph, ticks=2, again=1.0).run()
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    sim.presets.recommendation(graph, ticks=10_000_000, again=1.0).run()
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "interrupted"), done.stderr


@pytest.mark.parametrize(
    ("win", "churn", "again"),
    [(0.02, 0.05, 0.02), (0.02, 0.05, 0.6), (0.02, 0.05, 1.0), (0.001, 0.3, 1.0)],
)
def test_every_way_of_counting_agrees_in_a_large_world(win, churn, again):
    """In the last of these worlds counts are kept at first, and given up when few still buy."""
    graph = SocialGraph.generate("barabasi_albert", 5_000, mean_degree=8, seed=2)
    arrays, first = graph.arrays, np.arange(0, 5_000, 3)
    rows, rates = (arrays.indptr, arrays.target), (win, 1e-3, churn, again)
    runs = [recommending.recommend(np.uint64(9), rows, rows, rates, first, 30, way) for way in WAYS]
    for other in runs[1:]:
        for one, two in zip(runs[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
    assert runs[0][1][5:].min() > 0


@pytest.mark.parametrize(
    ("customers", "bought", "changed", "kept", "way"),
    [
        (20, 10, 20, False, recommending.PUSH),  # few bought
        (9_000, 4_000, 4_000, False, recommending.PULL),  # few may buy
        (6_000, 6_000, 600, False, recommending.KEEP),  # the same people buy again and again
        (6_000, 6_000, 600, True, recommending.KEEP),
        (60, 60, 12, True, recommending.PUSH),
    ],
)
def test_friends_are_counted_by_whoever_touches_least(customers, bought, changed, kept, way):
    ties, people = 80_000, 10_000
    assert recommending.fastest(ties, people, customers, bought, changed, kept) == way


def test_without_talk_customers_leave_and_buy_at_their_rates():
    """Two means of 200,000 people; false alarms below 1 in 10^6 (5 standard errors)."""
    size, churn, again = 200_000, 0.05, 0.3
    model = presets.recommendation(
        alone(size), talk=0.0, organic=0.0, churn=churn, again=again,
        seeds=np.arange(size), ticks=10, seed=4,
    ).run()  # fmt: skip
    left = (1 - churn) ** 10
    assert abs(model.customers[10] / size - left) < 5 * np.sqrt(left * (1 - left) / size)
    buying = (1 - churn) * again
    rate = model.orders[1] / size
    assert abs(rate - buying) < 5 * np.sqrt(buying * (1 - buying) / size)
    # The wait has no memory: the share of customers who buy is the same in every tick.
    later = model.orders[10] / model.customers[9]
    assert abs(later - buying) < 5 * np.sqrt(buying * (1 - buying) / model.customers[9])


def test_people_come_by_themselves_at_the_organic_rate():
    """A binomial of 10^6 draws; false alarms below 1 in 10^6 (5 standard errors)."""
    model = presets.recommendation(
        alone(1_000_000), organic=0.003, churn=0.0, again=0.0, seeds=[], ticks=1, seed=8
    ).run()
    assert abs(model.orders[1] - 3_000) < 5 * np.sqrt(3_000)


def test_a_friend_of_many_is_won_as_often_as_the_law_says():
    """A star whose hub is told by k friends; 4,000 seeds, 5 standard errors."""
    friends = 6
    star = SocialGraph.from_edges(range(1, friends + 1), [0] * friends, size=friends + 1)
    won = sum(
        int(
            presets.recommendation(
                star, talk=0.5, conviction=0.2, organic=0.0, churn=0.0, again=0.0,
                seeds=range(1, friends + 1), ticks=1, seed=seed,
            ).run().orders[1]
        )
        for seed in range(4_000)
    )  # fmt: skip
    chance = 1 - 0.9**friends
    assert abs(won / 4_000 - chance) < 5 * np.sqrt(chance * (1 - chance) / 4_000)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"talk": 1.2}, "talk = 1.2 is not allowed; write a number from 0 to 1"),
        ({"churn": -0.1}, "churn = -0.1 is not allowed"),
        ({"ticks": 0}, "ticks = 0 is not allowed"),
        ({"seeds": [7]}, r"seeds\[0\] = 7 is nobody here"),
        ({"seed": -1}, "seed = -1 is not allowed"),
    ],
)
def test_wrong_numbers_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        presets.recommendation(PATH, **wrong)
