"""The search behind ``vouch optimize``: the setting of the levers that does best within limits."""

from __future__ import annotations

from collections.abc import Sequence

from sim.errors import InputError
from sim.studies.optimizing.evaluation import Evaluate, Setting
from sim.studies.optimizing.finalists import Finals
from sim.studies.optimizing.levers import Lever
from sim.studies.optimizing.objectives import measures_of
from sim.studies.optimizing.optimization import Optimization
from sim.studies.optimizing.search import Space
from sim.studies.optimizing.trials import Search
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.study_file import Optimize


def optimize(
    evaluate: Evaluate,
    factors: Sequence[Factor],
    as_written: Setting,
    question: Optimize,
    *,
    policy: str,
    baseline: str,
    currency: str,
    seed: int,
    where: str = "optimize: ",
) -> Optimization:
    """Search the setting of ``factors`` that answers ``question``.

    as_written : the values that the levers have in the scenario; they are trial 0. evaluate :
    called with batches of settings; its answers are taken in order, so that the search does not
    depend on how the runs were made. Replications 0 to ``question.replications`` - 1 belong to the
    search, the ``2 final_replications`` after them to the finalists. where : opens messages.

    Raises
    ------
    InputError
        If there is no factor, a measure does not exist, the scenario as written cannot be run, or
        Optuna is not installed and the levers have more settings than trials.
    """
    if not factors:
        raise InputError(f"{where}there is no lever to move; name factors in [points]")
    space = Space([Lever(factor) for factor in factors], as_written)
    measures = measures_of(question)
    search = Search(evaluate, space, question, measures, seed, where)
    search.run()
    final = Finals(search, evaluate, measures, where)
    return Optimization(
        question=question, policy=policy, baseline=baseline, currency=currency,
        factors=tuple(factors), objectives=search.judge.objectives, trials=tuple(search.trials),
        scores=search.scores(), finalists=final.finalists, written=final.written,
        best_chance=final.chances(seed), binding=final.binding(), exhaustive=search.exhaustive,
        ran_out=search.ran_out,
    )  # fmt: skip
