"""Starsim's nearest to the small model: a contagion without immunity (SIS) on the same network.

It has the same rate of winning a friend, talk times conviction, and of leaving, so the same
equilibrium where every customer recommends in every tick; it cannot tell buyers from customers.
"""

import numpy as np
import starsim as ss

from benchmarks.worlds import load_graph


class Purchases(ss.SIS):
    """SIS whose spells end with a constant chance a tick and leave no immunity."""

    def __init__(self, job):
        super().__init__(
            beta=ss.probperday(job["talk"] * job["conviction"]),
            init_prev=ss.bernoulli(p=job["start"]),
            dur_inf=ss.expon(scale=ss.days(1 / job["churn"])),
            waning=ss.perday(0.0),
            imm_boost=0.0,
        )


class Friends(ss.Network):
    """Ties that stay as they are."""

    def step(self):
        """Nobody makes or loses a friend."""


def prepare(job):
    indptr, target = load_graph(job["graph"])
    size = indptr.size - 1
    source = np.repeat(np.arange(size), np.diff(indptr))
    half = source < target

    def start(turn):
        ties = Friends(p1=source[half], p2=target[half], beta=np.ones(half.sum()), label="friends")
        simulation = ss.Sim(
            n_agents=size, diseases=Purchases(job), networks=ties, rand_seed=turn + 1,
            start="2026-01-01", dur=ss.days(job["ticks"]), dt=ss.days(1), verbose=0,
        )  # fmt: skip
        simulation.init()

        def work():
            simulation.run()
            return [int(count) for count in simulation.diseases[0].results.n_infected[1:]]

        return work

    return start
