"""A search over a hill whose top is known, with luck that replications share."""

from __future__ import annotations

import numpy as np

from sim.studies.optimizing.evaluation import Evaluation
from sim.studies.optimizing.optimization import Optimization
from sim.studies.optimizing.optimize import optimize
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Optimize

GIVE = Factor("give", ("give",), 0.0, 40.0, money=True)
SHARE = Factor("share", ("share",), 0.01, 0.99, scale="odds")
CAP = Factor("cap", ("cap",), 1, 1000, scale="log", whole=True)
SCHEME = Factor("scheme", ("scheme",), values=("fixed", "percent"))
TOP_GIVE, TOP_SHARE = 12.0, 0.3


def luck(replications: range, columns: int = 2, seed: int = 1) -> np.ndarray:
    """Standard normal luck (columns, replications), a function of the replication alone."""
    return np.array([np.random.default_rng([seed, r]).normal(size=columns) for r in replications]).T


def hill(settings, replications):
    """Profit has its top at give = 12, share = 0.3; the payout is give; luck is mostly shared."""
    common, own = luck(replications)
    found = []
    for one in settings:
        give, share = one.get("give", TOP_GIVE), one.get("share", TOP_SHARE)
        height = 100_000 - 400 * (give - TOP_GIVE) ** 2 - 200_000 * (share - TOP_SHARE) ** 2
        profit = height + 3_000 * common + 400 * own * (1 + give / 10)
        payout = 10_000 * give + 500 * own
        found.append(
            Evaluation(
                {"profit_cents": profit[None], "payout_cents": payout[None],
                 "revenue_cents": np.full((1, own.size), 1e6)},
                {"profit_cents": (80_000 + 3_000 * common)[None],
                 "payout_cents": np.zeros((1, own.size)),
                 "revenue_cents": np.full((1, own.size), 1e6)},
            )
        )  # fmt: skip
    return found


def ask(evaluate=hill, factors=(GIVE, SHARE), written=None, seed=3, **question) -> Optimization:
    written = {"give": 30.0, "share": 0.5} if written is None else written
    return optimize(
        evaluate, factors, written, Optimize(**question), policy="give_get", baseline="none",
        currency="EUR", seed=seed,
    )  # fmt: skip
