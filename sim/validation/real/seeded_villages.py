"""Targets on villages where some people were told first: microfinance and rice insurance."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import optimize

from sim.network import SocialGraph
from sim.presets import bass, independent_cascade
from sim.randomness import derive_seed
from sim.studies.statistics import Interval, ratio_of_means
from sim.validation.real.data import (
    Invitations,
    Nominations,
    Villages,
    read_invitations,
    read_take_up,
    read_villages,
)
from sim.validation.real.hazards import Design, fit
from sim.validation.real.held_out import PER, gain, held_out, shuffled_order
from sim.validation.real.known_networks import better
from sim.validation.target import Curve, Finding, Picture, Reading

TRIMESTERS = 9
"""Trimesters after the introduction in which some village was observed."""

_FEW_RUNS, _RUNS = 4, 20
_FEW_SHUFFLES, _SHUFFLES = 19, 199
_SQUARED_POINTS = 1e4  # shares squared, in squared percentage points

TALK = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
"""Rates, per trimester, at which somebody hears when all her friends know."""

CASCADE = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9])
"""Chances that somebody who has just heard tells a friend."""


def _with_start(effect: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(effect.size), effect])


def _network_forms(count: np.ndarray, friends: np.ndarray) -> list[Design]:
    """The model for one decision: the informed friends, as a share, each, or saturating."""
    forms = {
        "share": count / np.maximum(friends, 1),
        "each": count.astype(np.float64),
        "saturating": np.log1p(count),
    }
    return [Design(name, _with_start(effect)) for name, effect in forms.items()]


def _compare(
    model: list[Design], rivals: list[Design], bought: np.ndarray, village: np.ndarray, who: str
) -> list[Reading]:
    """The model's held-out gain over each rival; each village is held out in turn."""
    fold = np.unique(village, return_inverse=True)[1]
    ours = held_out(model, bought, fold)
    return [
        better(
            f"gain over '{rival.name}', nats per {PER} {who}",
            gain(ours.score, held_out([rival], bought, fold).score, fold),
        )
        for rival in rivals
    ]


# ----------------------------------------------------------------------------------- microfinance


def households(villages: Villages) -> list[Reading]:
    """Whether somebody told of nothing took the loan, from her ties to leaders who were told."""
    one, other = villages.ties.source, villages.ties.target
    ends, friends_of = np.concatenate([one, other]), np.concatenate([other, one])
    friends = np.bincount(ends, minlength=villages.leader.size)
    leaders = np.bincount(ends, villages.leader[friends_of], villages.leader.size)
    share_of_leaders = np.bincount(villages.village, villages.leader) / np.bincount(
        villages.village
    )
    kept = ~villages.leader
    rivals = [
        Design("constant", np.ones((kept.sum(), 1))),
        Design("leaders in the village", _with_start(share_of_leaders[villages.village][kept])),
        Design("number of friends", _with_start(np.log1p(friends)[kept])),
    ]
    model = _network_forms(leaders[kept], friends[kept])
    return _compare(model, rivals, villages.loan[kept], villages.village[kept], "households")


def _village_graph(villages: Villages, number: int) -> tuple[SocialGraph, np.ndarray]:
    """The network of one village and the positions of its leaders."""
    members = np.flatnonzero(villages.village == number)
    place = np.full(villages.village.size, -1)
    place[members] = np.arange(members.size)
    one, other = place[villages.ties.source], place[villages.ties.target]
    inside = (one >= 0) & (other >= 0)
    graph = Nominations(members.size, one[inside], other[inside]).mutual()
    return graph, np.flatnonzero(villages.leader[members])


def _informed(graph: SocialGraph, leaders: np.ndarray, runs: int) -> np.ndarray:
    """Mean share who have heard by the end of each trimester, (forms, TRIMESTERS).

    Rows are the rates of TALK (Bass on the graph without outside influence), then the chances of
    CASCADE (independent cascade, a step a trimester); both start from the leaders.
    """
    times = np.arange(1, TRIMESTERS + 1)
    table = np.zeros((TALK.size + CASCADE.size, times.size))
    for run in range(runs):
        seed = derive_seed(0, run)
        talks = [
            bass(graph=graph, p=0.0, q=q, dt=0.25, seeds=leaders, horizon=TRIMESTERS, seed=seed)
            for q in TALK
        ]
        cascades = [
            independent_cascade(graph, probability=chance, seeds=leaders, seed=seed)
            for chance in CASCADE
        ]
        table += [model.run().adopters_by(times) / graph.size for model in talks + cascades]
    return table / runs


class Paths(NamedTuple):
    """Held-out take-up paths of villages, (V, TRIMESTERS); nan where nothing was observed."""

    observed: np.ndarray
    model: np.ndarray
    rivals: dict[str, np.ndarray]


def _saturation(observed: np.ndarray) -> np.ndarray:
    """The take-up curve m (1 - exp(-rate t)) of least squares, (TRIMESTERS,)."""
    times = np.arange(1, TRIMESTERS + 1)

    def curve(parameters: np.ndarray) -> np.ndarray:
        return parameters[0] * -np.expm1(-parameters[1] * times)

    def residuals(parameters: np.ndarray) -> np.ndarray:
        apart = curve(parameters) - observed
        return apart[np.isfinite(apart)]

    return curve(optimize.least_squares(residuals, [0.2, 1.0], bounds=(0, [1, 20])).x)


def take_up_paths(villages: Villages, runs: int) -> Paths:
    """Take-up of every village, foretold from the others.

    The model has two numbers: how fast news travels (a row of :func:`_informed`) and the share of
    those who heard that take the loan; both are least squares over the other villages.
    """
    names, observed, authors = read_take_up()
    known = np.isin(names, villages.names)
    observed, authors = (table[known, 1 : TRIMESTERS + 1] for table in (observed, authors))
    numbers = np.searchsorted(villages.names, names[known])
    heard = np.stack([_informed(*_village_graph(villages, v), runs) for v in numbers])
    seen = np.isfinite(observed)
    filled = np.where(seen, observed, 0.0)
    count = observed.shape[0]
    model, mean, saturation = (np.empty_like(observed) for _ in range(3))
    for held in range(count):
        others = np.arange(count) != held
        news = heard[others] * seen[others][:, None, :]
        cross = np.einsum("vft,vt->f", news, filled[others])
        takes = cross / np.einsum("vft,vft->f", news, news)
        best = int(np.argmax(takes * cross))  # explained squares, largest where least are left
        model[held] = takes[best] * heard[held, best]
        mean[held] = np.nanmean(observed[others], axis=0)
        saturation[held] = _saturation(observed[others])
    rivals = {
        "mean path of the other villages": mean,
        "saturation curve, two numbers": saturation,
        "the authors' own simulation": authors,
    }
    return Paths(observed, model, rivals)


def _error_gain(paths: Paths, rival: np.ndarray) -> Interval:
    """By how many squared percentage points the rival's squared error is above the model's."""
    apart = (rival - paths.observed) ** 2 - (paths.model - paths.observed) ** 2
    seen = np.isfinite(apart)
    return ratio_of_means(
        _SQUARED_POINTS * np.where(seen, apart, 0.0).sum(axis=1), seen.sum(axis=1).astype(float)
    )


def _root_mean_square(apart: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(apart**2)))


def microfinance(quick: bool) -> Finding:
    """Who took the loan, and the paths of villages."""
    villages = read_villages()
    readings = households(villages)
    paths = take_up_paths(villages, _FEW_RUNS if quick else _RUNS)
    readings.append(
        Reading(
            "root mean square error of take-up paths, share of households",
            _root_mean_square(paths.model - paths.observed),
            0.0,
            min(_root_mean_square(rival - paths.observed) for rival in paths.rivals.values()),
        )
    )
    readings += [
        better(f"paths: squared error above the model's, '{name}', squared points",
               _error_gain(paths, rival))
        for name, rival in paths.rivals.items()
    ]  # fmt: skip
    times = np.arange(1, TRIMESTERS + 1)
    curves = [
        Curve("observed", times, np.nanmean(paths.observed, axis=0)),
        Curve("news from the leaders", times, paths.model.mean(axis=0), theory=True),
        Curve("the authors' own simulation", times,
              np.nanmean(paths.rivals["the authors' own simulation"], axis=0), theory=True),
    ]  # fmt: skip
    picture = Picture(
        "Take-up of a loan in villages, each foretold from the others",
        "trimesters since the leaders were told",
        "share of households, mean of villages",
        tuple(curves),
    )
    return Finding(tuple(readings), picture)


# -------------------------------------------------------------------------------------- insurance

PUBLISHED_EFFECT = 0.29
"""Cai, de Janvry and Sadoulet (2015): effect of all friends informed against none, about."""


def effect_of_all_friends(invitations: Invitations) -> float:
    """How much likelier a household buys when all friends were informed than when none was."""
    share = invitations.informed / np.maximum(invitations.friends, 1)
    distinct, cell = np.unique(share, return_inverse=True)
    found = fit(
        _with_start(distinct), np.bincount(cell, invitations.bought), np.bincount(cell)
    ).coefficients
    return math.exp(-found[0]) - math.exp(-found.sum())


def _shuffled_friends(invitations: Invitations, seed: int) -> Invitations:
    """The same households, each with the friends of another one of its village."""
    order = shuffled_order(invitations.village, seed)
    return invitations._replace(
        friends=invitations.friends[order], informed=invitations.informed[order]
    )


def _effect_error(invitations: Invitations) -> float:
    """Standard error of :func:`effect_of_all_friends`: jackknife over villages (Tukey 1958)."""
    villages = np.unique(invitations.village)
    left_out = np.array(
        [
            effect_of_all_friends(
                Invitations(*(column[invitations.village != village] for column in invitations))
            )
            for village in villages
        ]
    )
    count = villages.size
    return math.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())


def _model_of(invitations: Invitations) -> list[Design]:
    return _network_forms(invitations.informed, invitations.friends)


def insurance_held_out(quick: bool) -> Finding:
    """Whether friends' sessions foretell who bought in villages that were held out."""
    invitations = read_invitations()
    rivals = [
        Design("constant", np.ones((invitations.bought.size, 1))),
        Design("own session", _with_start(invitations.intensive.astype(np.float64))),
        Design("informed households in the village", _with_start(invitations.village_informed)),
        Design("number of friends", _with_start(invitations.friends.astype(np.float64))),
    ]
    model = _model_of(invitations)
    readings = _compare(model, rivals, invitations.bought, invitations.village, "households")
    return Finding(tuple(readings))


def insurance_effect(quick: bool) -> Finding:
    """How much friends' randomised sessions raised buying, and whether it matters whose friends."""
    invitations = read_invitations()
    fold = np.unique(invitations.village, return_inverse=True)[1]

    def score(world: Invitations) -> float:
        return float(held_out(_model_of(world), world.bought, fold).score.sum())

    real = score(invitations)
    shuffles = range(_FEW_SHUFFLES if quick else _SHUFFLES)
    mixed = np.array([score(_shuffled_friends(invitations, k)) for k in shuffles])
    share = (1 + np.count_nonzero(mixed >= real)) / (1 + mixed.size)
    effect, error = effect_of_all_friends(invitations), _effect_error(invitations)
    readings = (
        Reading("share of shuffled friends that score as high", share, 0.0, 0.05),
        Reading("bought more if all friends were informed than if none, share of households",
                effect, PUBLISHED_EFFECT - 2 * error, PUBLISHED_EFFECT + 2 * error,
                PUBLISHED_EFFECT),
        Reading("the same in standard errors", effect / error, 2.0, math.inf),
    )  # fmt: skip
    informed = np.minimum(invitations.informed, 3)
    bought = np.bincount(informed, invitations.bought) / np.bincount(informed)
    fitted = _fitted_by_number(invitations, informed)
    number = np.arange(bought.size)
    picture = Picture(
        "Rice insurance: friends who had an intensive session",
        "friends informed in the first round (3: three or more)",
        "share of households that bought",
        (Curve("observed", number, bought), Curve("fitted", number, fitted, theory=True)),
    )
    return Finding(readings, picture)


def _fitted_by_number(invitations: Invitations, informed: np.ndarray) -> np.ndarray:
    """Mean fitted chance of buying by number of informed friends."""
    share = _with_start(invitations.informed / np.maximum(invitations.friends, 1))
    found = fit(share, invitations.bought, np.ones(share.shape[0])).coefficients
    return np.bincount(informed, -np.expm1(-share @ found)) / np.bincount(informed)
