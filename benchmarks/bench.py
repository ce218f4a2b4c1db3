"""Speed and memory of a day, of building a world, and of the two engines; one command, one table.

    python benchmarks/bench.py            # 1 million consumers, about 4 minutes
    python benchmarks/bench.py --quick    # 100,000 consumers, under a minute

Writes benchmarks/results.md. Times are processor seconds of one core; goals are those of the
project's first issue. A busy neighbour slows memory-bound rows, so run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

import sim
from sim.model import PHASES
from sim.world import make_world, world_seed

HERE = Path(__file__).parent
MEAN_DEGREE = 10


def scenario(size: int, days: int, **changes: object) -> sim.Scenario:
    """The default scenario at another size, on campus networks with ten friends each."""
    table = {
        "days": days,
        "network": {"kind": "campus", "mean_degree": MEAN_DEGREE},
        "population": {"size": size},
        "policies": {"give_get": {"scheme": "two_sided"}},
    }
    return sim.Scenario.from_table(table | changes)


def processor_seconds(work: Callable[[], object]) -> float:
    """Processor time that ``work`` takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def warm_up() -> None:
    """Compile everything before anything is timed."""
    sim.WordOfMouthModel(scenario(500, 40)).run()


def phase_times(size: int, days: int) -> tuple[dict[str, float], sim.WordOfMouthModel]:
    """Nanoseconds per consumer-day by phase, and the model that ran."""
    model = sim.WordOfMouthModel(scenario(size, days))
    spent = dict.fromkeys((phase.name for phase in PHASES), 0.0)
    for _ in range(days):
        for phase in PHASES:
            spent[phase.name] += processor_seconds(getattr(model, f"_{phase.name}"))
        model.tick += 1
    return {name: seconds / days / size * 1e9 for name, seconds in spent.items()}, model


def bytes_held(model: sim.WordOfMouthModel) -> tuple[float, float]:
    """Bytes per consumer and per directed tie of all arrays a run keeps."""
    graph, state = model.world.graph, model.state
    per_tie = (graph.arrays.target, graph.arrays.strength, state.good_ties, state.bad_ties,
               state.muted, state.times)  # fmt: skip
    ties = sum(array.nbytes for array in per_tie)
    market = model.market
    books = [model.ledger.earned_cents] * 5 + [
        market.credited_orders, market.credited_orders_month,
        market.credited_sales_cents, market.credited_sales_month_cents,
    ]  # fmt: skip
    every = (*graph.arrays, *model.world.people, *state, *model.engine.today, *books)
    total = sum(array.nbytes for array in every)
    return (total - ties) / graph.size, ties / graph.tie_count


def engine_ratio(size: int, days: int) -> float:
    """Time per tick of the agents engine over that of the kernels, same scenario."""
    plan = scenario(size, days)
    world = make_world(plan, world_seed(plan.seed, 0))
    kernels = sim.WordOfMouthModel(plan, world=world)
    fast = processor_seconds(kernels.run)
    agents = sim.WordOfMouthModel(plan, world=world, engine="agents")
    _ = agents.agents
    return processor_seconds(agents.run) / fast


def file_seconds(size: int, rows: int) -> float:
    """Seconds to build the world from an edge file of ``rows`` rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edges.csv"
        people = sim.randomness.uniform_table(np.uint64(1), 99, 0, rows)[:2]
        source, target = (people * size).astype(np.int64)
        kept = source != target
        np.savetxt(path, np.column_stack([source[kept], target[kept]]), fmt="%d", delimiter=",")
        plan = scenario(size, 1, network={"file": str(path), "directed": True, "repair": True})
        return processor_seconds(lambda: make_world(plan, 1))


def rows_of_results(size: int) -> list[tuple[str, str, str]]:
    """(what, measured, goal), a row each."""
    warm_up()
    build = processor_seconds(lambda: make_world(scenario(size, 1), 1))
    phases, model = phase_times(size, 30)
    per_person, per_tie = bytes_held(model)
    ratio = engine_ratio(min(size, 10_000), 10)
    load = file_seconds(size, 10 * size)
    detail = ", ".join(f"{name} {value:.1f}" for name, value in phases.items())
    return [
        (f"a day, kernels, {size:,} consumers, {model.world.graph.tie_count:,} ties",
         f"{sum(phases.values()):.0f} ns per consumer-day ({detail})", "at most 60"),
        ("memory of all arrays",
         f"{per_person:.0f} bytes per consumer, {per_tie:.0f} per directed tie",
         "at most 250 and 24"),
        ("agents engine against kernels, per tick, 10,000 consumers", f"{ratio:.0f} times slower",
         "kernels at least 100 times faster"),
        ("build that world from the generator", f"{build:.1f} s", "within 30 s"),
        (f"build a world from a file of {10 * size:,} rows", f"{load:.1f} s", "within 30 s"),
        ("peak memory of this process",
         f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB", "none"),
    ]  # fmt: skip


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    size = 100_000 if parser.parse_args().quick else 1_000_000
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    versions = f"Python {platform.python_version()}, {packages}"
    lines = ["# Benchmarks", "", f"{platform.machine()}, {versions}; `make bench`.", "",
             "| what | measured | goal |", "|---|---|---|"]  # fmt: skip
    lines += [f"| {' | '.join(row)} |" for row in rows_of_results(size)]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    (HERE / "results.md").write_text(text)


if __name__ == "__main__":
    main()
