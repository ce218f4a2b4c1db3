"""A day of the default scenario, phase by phase; what a world holds; the two engines."""

import time

import sim
from benchmarks.worlds import scenario
from sim.model import PHASES
from sim.world import make_world, world_seed


def phase_seconds(model, days, clock):
    """Seconds by phase over ``days``."""
    spent = dict.fromkeys((phase.name for phase in PHASES), 0.0)
    for _ in range(days):
        for phase in PHASES:
            begun = clock()
            getattr(model, f"_{phase.name}")()
            spent[phase.name] += clock() - begun
        model.tick += 1
    return spent


def bytes_held(model):
    """Bytes per consumer and per directed tie of all arrays a run keeps."""
    graph, state, market = model.world.graph, model.state, model.market
    per_tie = (graph.arrays.target, graph.arrays.strength, state.good_ties, state.bad_ties,
               state.muted, state.times)  # fmt: skip
    ties = sum(array.nbytes for array in per_tie)
    books = [
        *model.ledger._journal.wallets.values(),
        market.credited_orders, market.credited_orders_month,
        market.credited_sales_cents, market.credited_sales_month_cents,
    ]  # fmt: skip
    every = (*graph.arrays, *model.world.people, *state, *model.engine.today, *books)
    total = sum(array.nbytes for array in every)
    return {"per_person": (total - ties) / graph.size, "per_tie": ties / graph.tie_count}


def events(model, days):
    """What happens in a day for each consumer: the days she is a member, visits, messages read."""
    columns = model._series.columns()
    size = model.world.graph.size
    names = ("members", "visits", "impressions", "orders")
    return {name: float(columns[name].sum()) / days / size for name in names}


def prepare(job):
    plan = scenario(job["size"], job["days"])
    sim.WordOfMouthModel(scenario(500, 40)).run()  # compiles, or loads what was compiled
    begun = time.process_time()
    world = make_world(plan, world_seed(plan.seed, 0))
    build = time.process_time() - begun

    def start(turn):
        one = sim.WordOfMouthModel(plan, world=world)
        two = sim.WordOfMouthModel(plan, world=world, threads=2) if job["both"] else None

        def work():
            per_day = 1e9 / job["days"] / job["size"]
            answer = {"build": build, "ties": world.graph.tie_count}
            phases = phase_seconds(one, job["days"], time.process_time)
            answer["phases"] = {name: value * per_day for name, value in phases.items()}
            if two is not None:
                wall = time.perf_counter()
                phase_seconds(two, job["days"], time.perf_counter)
                answer["two_threads"] = (time.perf_counter() - wall) * per_day
            return answer | bytes_held(one) | {"events": events(one, job["days"])}

        return work

    return start
