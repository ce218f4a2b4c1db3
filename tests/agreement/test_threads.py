"""One thread or several, blocks full or not: the same bits."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from sim import rules
from sim._jit import uncached_rule
from sim.bounds import lapse_multiplier_at_most, lost_bounds, repeat_at_most
from sim.errors import InputError
from sim.model import WordOfMouthModel
from sim.processors import processors
from sim.randomness import Decision, fill_words, words
from sim.rules import coefficients
from sim.scenario import Scenario
from sim.threads import WORTH_A_THREAD, Threads
from sim.world import make_world, world_seed
from tests.worlds import differences


def busy(size: int, days: int, **changes: object) -> Scenario:
    """Many customers from before day 0, who come, need, share and leave."""
    table = {
        "days": days,
        "population": {"size": size},
        "network": {"kind": "erdos_renyi", "mean_degree": min(6, size - 1)},
        "campaign": {"initial_customers": 0.5, "organic_visits": 0.02},
        "policies": {"give_get": {"scheme": "two_sided"}},
    }
    return Scenario.from_table(table | changes)


def finished(scenario: Scenario, **options: object) -> WordOfMouthModel:
    world = make_world(scenario, world_seed(scenario.seed, 0))
    return WordOfMouthModel(scenario, world=world, **options).run()


@pytest.mark.skipif(processors() < 2, reason="one processor")
@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_two_threads_leave_the_bits_of_one(dt):
    scenario = busy(2 * WORTH_A_THREAD + 1_003, 8, dt=dt)
    one, two = finished(scenario, threads=1), finished(scenario, threads=2)
    assert len(two.engine.threads.ranges) == 2
    assert one.outcomes()["orders"] > 100
    assert one.daily["lapsed"].sum() > 10
    assert differences(one, two) == []


@pytest.mark.parametrize("size", [1, 3, 1_023, 1_025, 2_050])
def test_engines_agree_across_blocks(size):
    scenario = busy(size, 3)
    kernels, agents = finished(scenario), finished(scenario, engine="agents")
    assert differences(kernels, agents) == []


def test_ranges_cover_everybody_once_at_block_edges():
    threads = Threads(5 * WORTH_A_THREAD + 7, 3)
    begins, ends = zip(*threads.ranges, strict=True)
    assert begins == (0, *ends[:-1])
    assert ends[-1] == 5 * WORTH_A_THREAD + 7
    assert all(begin % 1024 == 0 for begin in begins)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_has_threads_of_its_own():
    threads = Threads(2 * WORTH_A_THREAD, 2)
    lengths = [end - begin for begin, end in threads.ranges]
    assert threads.run(length_of) == lengths
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(0 if threads.run(length_of) == lengths else 1)
    assert os.waitpid(child, 0)[1] == 0


def length_of(begin, end, worker):
    return end - begin


def test_gaps_between_ranges_are_closed_in_order():
    threads = Threads(2 * WORTH_A_THREAD, 2)
    middle = threads.ranges[1][0]
    rows = np.zeros(2 * WORTH_A_THREAD, np.int32)
    rows[:2], rows[middle : middle + 3] = (4, 9), (middle, middle + 5, middle + 6)
    assert threads.close_gaps(rows, [2, 3]) == 5
    assert rows[:5].tolist() == [4, 9, middle, middle + 5, middle + 6]


@pytest.mark.parametrize("threads", [0, -1, 10_000])
def test_threads_that_there_are_not_are_refused(threads):
    with pytest.raises(InputError, match=rf"threads = {threads} is not allowed; write a whole num"):
        WordOfMouthModel(busy(20, 2), threads=threads)


@uncached_rule
def filled(seed, decision, tick, product, people, count, table):
    """Python cannot call a function that is made to be compiled into others."""
    fill_words(seed, decision, tick, product, people, count, table)


def test_words_of_a_block_are_those_of_each_address():
    people = np.array([5, 0, 2**31 - 1, 77], np.int32)
    table = np.zeros((4, 6), np.uint32)
    seed = np.uint64(0x9ABCDEF012345678)
    filled(seed, int(Decision.NEED), 12, 3, people, 4, table)
    for column, person in enumerate(people):
        expected = words(seed, int(Decision.NEED), 12, int(person), 0, 3)
        assert table[:, column].tolist() == [int(word) for word in expected]
    assert not table[:, 4:].any()


def test_bounds_lie_above_their_rules():
    c = coefficients(Scenario().behavior)
    for satisfied in np.linspace(0, 1, 21):
        for rate in (0.0, 1e-9, 0.02, 0.9, 50.0):
            assert rules.repeat(c.repeat, rate, satisfied, 0.5) <= repeat_at_most(
                c.repeat, rate, 0.5
            )
        for fatigue in (0.0, 0.3, 40.0, 1e6):
            bound = lapse_multiplier_at_most(c.stay, c.fatigue.lapse, fatigue)
            for friends in (0.0, 0.4, 1.0):
                for earned in (False, True):
                    for stays in (False, True):
                        assert bound >= rules.lapse_multiplier(
                            c.stay, c.fatigue.lapse, satisfied, earned, stays, friends, fatigue
                        )


def test_bounds_are_lost_with_a_rule_that_they_rest_on():
    def delighted(c, gap):
        return 3.0

    assert lost_bounds(rules.BUILT_IN) == []
    both = ["repeat_at_most", "lapse_multiplier_at_most"]
    assert lost_bounds(rules.replace(satisfaction=delighted)) == both


def test_a_rule_of_ones_own_above_the_bound_is_asked_all_the_same():
    def always(c, rate, satisfaction, dt):
        return 1.0

    def at_once(c, fatigue_lapse, satisfied, earned_lately, referrer_stays, share, fatigue):
        return 1e9

    scenario = busy(200, 2)
    own = finished(scenario, rules=rules.replace(repeat=always, lapse_multiplier=at_once))
    members = 0.5 * 200
    assert own.daily["orders"].iloc[0] > 0.5 * members
    assert own.daily["lapsed"].iloc[0] > 0.5 * members
