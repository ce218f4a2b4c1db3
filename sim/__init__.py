"""vouch: which incentive brings how many more orders by word of mouth, at what cost.

The reading order of this folder is a straight line; a file uses only files above it::

    errors, _jit, randomness    one kind of wrong input, compiled code, luck as an address
    quantities, behavior,       what can be set: each number with unit, bounds and source
    scenario, campaign
    rules                       why people do what they do: pure functions of a few numbers
    edges, campus, generators,  who knows whom: made, or read from a file
    graph_files, network
    population, world           who the people are, and the morning of day 0
    orders, accounts, journal,  what happened, in cents: double entries, the states of commissions,
    commission_lines, points,   points, deposits
    ledger
    credits, market, schemes/,  what sharing is said to pay, what it pays, and what the terms of a
    limits, attribution,        programme leave of that
    incentives
    audit/                      what a scheme can cost and how it is gamed, without simulating
    day, teams, opportunists    a day; buying together; playing the rules
    kernels, sharing, engine    a day as compiled loops over arrays
    word_of_mouth, agents,      the same day as Mesa agents that act one by one: the same bits
    agent_engine
    measures, twins, disclosure what came of it, against the world without, and who earned what
    model                       the phases of a day, in order, with either engine
    run_file, checkpoint        a run saved between two days, taken up again, with another policy
    theory, theory_buying,      worlds with a known answer: the answers in closed form, the
    contagion, presets,         processes, and the whole model reduced to them
    reductions
    studies/                    compared with what: policies under common random numbers
    validation/                 why believe it: what must hold, measured
    report/                     so what: figures and a page, from saved results
    commands/, cli              the command ``vouch``
    testing/                    what holds for every scheme, for yours too

Public names load when they are first used, so ``import sim`` costs nothing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim import (
        audit,
        checkpoint,
        incentives,
        ledger,
        measures,
        network,
        population,
        presets,
        randomness,
        reductions,
        report,
        rules,
        scenario,
        studies,
        testing,
        theory,
        world,
    )
    from sim.agents import Consumer
    from sim.errors import InputError, InputWarning
    from sim.model import WordOfMouthModel
    from sim.network import SocialGraph
    from sim.randomness import Decision
    from sim.scenario import Policy, Scenario
    from sim.schemes import Scheme
    from sim.studies.compare import compare
    from sim.studies.comparison import Comparison
    from sim.studies.sweeps.study_file import make_study, read_study
    from sim.studies.sweeps.sweep import sweep
    from sim.world import World, make_world

__all__ = [
    "Comparison", "Consumer", "Decision", "InputError", "InputWarning", "Policy", "Scenario",
    "Scheme", "SocialGraph", "WordOfMouthModel", "World", "__version__", "audit", "checkpoint",
    "compare", "incentives", "ledger", "make_study", "make_world", "measures", "network",
    "population", "presets", "randomness", "read_study", "reductions", "report", "rules",
    "scenario", "studies", "sweep", "testing", "theory", "world",
]  # fmt: skip

_HOMES = {
    "Comparison": "sim.studies.comparison",
    "Consumer": "sim.agents",
    "Decision": "sim.randomness",
    "InputError": "sim.errors",
    "InputWarning": "sim.errors",
    "Policy": "sim.scenario",
    "Scenario": "sim.scenario",
    "Scheme": "sim.schemes",
    "SocialGraph": "sim.network",
    "WordOfMouthModel": "sim.model",
    "World": "sim.world",
    "compare": "sim.studies.compare",
    "make_study": "sim.studies.sweeps.study_file",
    "make_world": "sim.world",
    "read_study": "sim.studies.sweeps.study_file",
    "sweep": "sim.studies.sweeps.sweep",
}
_MODULES = frozenset(__all__) - frozenset(_HOMES) - {"__version__"}

try:
    __version__ = importlib.metadata.version("vouch-sim")
except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"sim.{name}")
    else:
        raise AttributeError(f"module 'sim' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
