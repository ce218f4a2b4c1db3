"""Claims tried again: under changes that must not matter, and under what is not known exactly.

:mod:`sim.studies.claim_verdicts` has the rules of the verdicts, :mod:`sim.studies.claim_variants`
the circumstances, :mod:`sim.studies.uncertainty` the parameters that are drawn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sim.errors import InputError, nearest
from sim.studies.claim_files import Claim, ClaimsFile
from sim.studies.claim_variants import (
    BASE,
    ENGINE,
    ENGINE_DAYS,
    PER_PERSON,
    VARIANTS,
    Key,
    Measured,
    Piece,
    Plan,
    make_plan,
    run_piece,
    twice_the_people,
)
from sim.studies.claim_verdicts import (
    Judgement,
    Verdict,
    judge,
    read_draws,
    read_variants,
    slack,
)
from sim.studies.compare import MOST_REPLICATIONS
from sim.studies.replicate import Workers, checked_workers
from sim.studies.statistics import mean_interval
from sim.studies.uncertainty import associations, latin_hypercube


@dataclass(frozen=True)
class Effort:
    """How often claims are tried.

    replications : of every variant. draws : of the parameters. draw_replications : of every draw.
    engine_days : horizon of the runs that both engines make, at most.
    """

    replications: int
    draws: int
    draw_replications: int
    engine_days: float


FAST = Effort(replications=10, draws=10, draw_replications=2, engine_days=5)
"""A first look; what has a small effect is not sure by it."""


@dataclass(frozen=True, eq=False)
class ClaimsStudy:
    """What came of trying the claims of a file.

    judgements : of the claims tried, in order. effort : what was finished. left_out : variants
    that cannot be made of these worlds. workers, seconds : how it was computed, without influence
    on the result. interrupted : whether it was stopped early; the verdicts are then by what was
    finished.
    """

    file: ClaimsFile
    judgements: tuple[Judgement, ...]
    effort: Effort
    left_out: tuple[str, ...]
    workers: int
    seconds: float
    interrupted: bool

    @property
    def holds(self) -> bool:
        """Whether no claim is fragile."""
        return self.counts["FRAGILE"] == 0

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many claims have each verdict."""
        found = [one.verdict for one in self.judgements]
        verdicts: tuple[Verdict, ...] = ("ROBUST", "SHIFTED", "FRAGILE")
        return {verdict: found.count(verdict) for verdict in verdicts}


def try_claims(
    file: ClaimsFile,
    *,
    only: Sequence[str] = (),
    replications: int | None = None,
    draws: int | None = None,
    fast: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ClaimsStudy:
    """Run the claims of a file again under every variant and draw, and judge them.

    Parameters
    ----------
    file : ClaimsFile
    only : names of claims; default all
    replications, draws : int, optional
        Worlds per variant and draws of the parameters; those of the file when left out.
    fast : bool
        At most as often as :data:`FAST`, but for what is given.
    workers : int, optional
        Processes; all processors when left out. The result does not depend on it.
    progress : called with (pieces of work done, pieces to do) after each

    Returns
    -------
    ClaimsStudy
        On Ctrl-C of what was finished, if that is at least two replications of every variant.

    Raises
    ------
    InputError
        If a name or a number cannot be used.
    """
    start = time.perf_counter()
    claims = _chosen(file, only)
    wanted = _effort(file, replications, draws, fast)
    plan = make_plan(
        file,
        claims,
        quantiles=latin_hypercube(wanted.draws, len(file.parameters), file.scenario.seed),
        replications=wanted.replications,
        draw_replications=wanted.draw_replications,
        engine_days=wanted.engine_days,
    )
    largest = max(plan.worlds.values(), key=lambda scenario: scenario.population.size)
    count = min(checked_workers(workers, twice_the_people(largest)), len(plan.pieces))
    done, interrupted = _run(plan, count, progress)
    found = _Found(plan, done)
    if found.replications < 2:
        raise KeyboardInterrupt("fewer than two replications were finished; nothing is kept")
    return ClaimsStudy(
        file=file,
        judgements=tuple(_judged(file, claim, found) for claim in claims),
        effort=Effort(
            found.replications, len(found.draws), wanted.draw_replications, wanted.engine_days
        ),
        left_out=tuple(one.name for one in VARIANTS if one not in plan.variants),
        workers=count,
        seconds=time.perf_counter() - start,
        interrupted=interrupted,
    )


def _chosen(file: ClaimsFile, only: Sequence[str]) -> tuple[Claim, ...]:
    by_name = {claim.name: claim for claim in file.claims}
    for name in only:
        if name not in by_name:
            raise InputError(f"there is no claim '{name}'{nearest(name, by_name)}")
    return tuple(claim for claim in file.claims if not only or claim.name in only)


def _effort(file: ClaimsFile, replications: int | None, draws: int | None, fast: bool) -> Effort:
    """What was asked for, else what is filed, cut where it is to be fast."""
    filed = file.table.uncertainty
    usual = Effort(file.table.replications, filed.draws, filed.replications, ENGINE_DAYS)
    if fast:
        usual = Effort(
            min(usual.replications, FAST.replications),
            min(usual.draws, FAST.draws),
            min(usual.draw_replications, FAST.draw_replications),
            FAST.engine_days,
        )
    for name, given, least in (("replications", replications, 2), ("draws", draws, 0)):
        if given is not None and not least <= given <= MOST_REPLICATIONS:
            raise InputError(
                f"{name} = {given} is not possible; give {least} to {MOST_REPLICATIONS:,}"
            )
    return Effort(
        usual.replications if replications is None else replications,
        usual.draws if draws is None else draws,
        usual.draw_replications,
        usual.engine_days,
    )


def _run(
    plan: Plan, workers: int, progress: Callable[[int, int], None] | None
) -> tuple[dict[int, Measured], bool]:
    """What each piece of work found, and whether it was interrupted."""
    done: dict[int, Measured] = {}
    total = len(plan.pieces)
    try:
        with Workers(partial(run_piece, plan), workers) as pool:
            if progress is not None:
                progress(0, total)
            for number, found in pool.run(range(total)):
                done[number] = found
                if progress is not None:
                    progress(len(done), total)
    except KeyboardInterrupt:
        return done, True
    return done, False


class _Found:
    """What the pieces of work found, as columns over replications.

    replications : how many of the first ones every variant has. draws : those that have all of
    their replications.
    """

    def __init__(self, plan: Plan, done: Mapping[int, Measured]) -> None:
        self.plan = plan
        self._measured = {plan.pieces[number]: found for number, found in done.items()}
        self.replications = 0
        while all(Piece(one.name, self.replications) in self._measured for one in plan.variants):
            self.replications += 1
        self.draws = [
            draw
            for draw in range(len(plan.quantiles))
            if all(piece in self._measured for piece in self._of_draw(draw))
        ]

    def _of_draw(self, draw: int) -> list[Piece]:
        return [Piece(BASE, number, draw) for number in range(self.plan.draw_replications)]

    def under(self, variant: str, key: Key) -> np.ndarray:
        """A measure under a variant, float64 (replications,).

        What grows with the people is given as if they were as many as in the base.
        """
        world, _, measure = key
        pieces = [Piece(variant, number) for number in range(self.replications)]
        values = self._column(pieces, key)
        if measure in PER_PERSON:
            return values
        people, filed = (
            np.array([self._measured[piece].people[world] for piece in some], np.float64)
            for some in (pieces, [piece._replace(variant=BASE) for piece in pieces])
        )
        return values * (filed / people)

    def in_draw(self, draw: int, key: Key) -> np.ndarray:
        """A measure in a draw, float64 (replications of a draw,)."""
        return self._column(self._of_draw(draw), key)

    def same_engine(self, keys: Sequence[Key]) -> bool | None:
        """Whether both engines made the same runs of these; None where that was not finished."""
        found = self._measured.get(Piece(ENGINE, 0))
        return None if found is None else all(found.values[key] == 1 for key in keys)

    def _column(self, pieces: Sequence[Piece], key: Key) -> np.ndarray:
        return np.array([self._measured[piece].values[key] for piece in pieces], np.float64)


def _judged(file: ClaimsFile, claim: Claim, found: _Found) -> Judgement:
    settings, plan = file.table, found.plan
    other = file.other(claim)
    keys = [(claim.world, claim.policy, claim.measure)]
    if other is not None:
        keys.append((*other, claim.measure))

    def effect(column: Callable[[Key], np.ndarray]) -> np.ndarray:
        values = [column(key) for key in keys]
        return values[0] if other is None else values[0] - values[1]

    variants = [one.name for one in plan.variants]
    readings = read_variants(
        claim,
        {name: effect(partial(found.under, name)) for name in variants},
        settings.size_tolerance,
        comparisons=len(file.claims) * (len(variants) - 1),
    )
    effects = np.array(
        [mean_interval(effect(partial(found.in_draw, draw))).mean for draw in found.draws]
    )
    inside = np.array([slack(claim, one) for one in effects.tolist()])
    blamed = associations(plan.parameters, plan.quantiles[found.draws], inside)
    return judge(
        claim,
        readings,
        read_draws(claim, effects, blamed, readings[0].interval, plan.draw_replications),
        found.same_engine(keys),
        settings.uncertainty.holds_in,
    )
