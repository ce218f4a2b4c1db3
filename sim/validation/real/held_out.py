"""How well a hazard foretells people it was not fitted to, and how much better than another.

Whole groups (villages, cities) are held out, each once. A score is the log of the probability
that the hazard, fitted to the other groups, gave to what somebody did in a period (a proper score:
Gneiting and Raftery 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.randomness import Decision, uniform_table
from sim.studies.statistics import Interval, ratio_of_means
from sim.validation.real.data import Adoption
from sim.validation.real.hazards import (
    Design,
    Fitted,
    Risk,
    at_risk,
    fit,
    log_chance,
    network_designs,
    rival_designs,
    village_share,
)

PER = 1000
"""Gains are stated in nats per this many scored rows."""


class Choice(NamedTuple):
    """The hazard taken for one held-out fold: the most likely of a family on the others."""

    name: str
    fitted: Fitted


class Scored(NamedTuple):
    """Held-out log scores (n,), one per row, and what was chosen for each fold."""

    score: np.ndarray
    choices: tuple[Choice, ...]


def _counts(cell: np.ndarray, fold: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """How often it happened and could have, by fold and distinct row: (2, F, m)."""
    shape = (int(fold.max()) + 1, int(cell.max()) + 1)
    place = np.ravel_multi_index((fold, cell), shape)
    size = shape[0] * shape[1]
    tables = [np.bincount(place, happened, size), np.bincount(place, minlength=size)]
    return np.stack(tables).reshape(2, *shape)


def held_out(family: Sequence[Design], happened: np.ndarray, fold: np.ndarray) -> Scored:
    """Scores of a family of hazards of which each fold takes the likeliest on the other folds.

    happened : bool (n,). fold : int64 (n,), 0..F-1. All of a family should have as many
    coefficients, since the likeliest is taken.
    """
    folds = int(fold.max()) + 1
    score = np.empty(happened.size)
    best: list[Choice | None] = [None] * folds
    for design in family:
        distinct, cell = np.unique(design.effects, axis=0, return_inverse=True)
        counts = _counts(cell, fold, happened)
        training = counts.sum(axis=1, keepdims=True) - counts
        for held in range(folds):
            found = fit(distinct, *training[:, held])
            taken = best[held]
            if taken is None or found.log_likelihood > taken.fitted.log_likelihood:
                best[held] = Choice(design.name, found)
                rows = fold == held
                rates = distinct[cell[rows]] @ found.coefficients
                score[rows] = log_chance(rates, happened[rows])
    return Scored(score, tuple(choice for choice in best if choice is not None))


def gain(one: np.ndarray, other: np.ndarray, cluster: np.ndarray) -> Interval:
    """By how many nats per :data:`PER` rows one score is above another, with a 95 % interval.

    one, other : (n,). cluster : int64 (n,), rows of a cluster (a village, a person) are taken as
    one observation: a ratio of cluster means with Student's t.
    """
    used = np.unique(cluster, return_inverse=True)[1]
    return ratio_of_means(PER * np.bincount(used, one - other), np.bincount(used).astype(float))


def shuffled_order(group: np.ndarray, seed: int) -> np.ndarray:
    """A shuffle within groups, int64 (n,): whom to put in each place, of the same group."""
    luck = uniform_table(np.uint64(seed), int(Decision.RESAMPLE), 0, group.size)[0]
    order = np.empty(group.size, np.int64)
    order[np.argsort(group, kind="stable")] = np.lexsort((luck, group))
    return order


def shuffled(adoption: Adoption, seed: int) -> Adoption:
    """The same adoption with people's periods shuffled among the people of their group."""
    return adoption._replace(period=adoption.period[shuffled_order(adoption.group, seed)])


class Contest(NamedTuple):
    """The model against its rivals on one data set.

    risk : the rows. model : its scores. rivals : scores by name. shuffled_gains : (S,), how much
    the model gains over the best rival in nats per :data:`PER` rows when the network is shuffled.
    """

    risk: Risk
    model: Scored
    rivals: dict[str, Scored]
    shuffled_gains: np.ndarray

    def best_rival(self) -> str:
        """The rival with the highest held-out score."""
        return max(self.rivals, key=lambda name: float(self.rivals[name].score.sum()))

    def gain_over(self, rival: str, cluster: np.ndarray | None = None) -> Interval:
        """The model's gain over a rival; rows of a group are one observation unless given."""
        clusters = self.risk.group if cluster is None else cluster
        return gain(self.model.score, self.rivals[rival].score, clusters)

    def shuffled_share(self) -> float:
        """Share of networks, the real one and the shuffled, in which the model gains as much."""
        real = self.gain_over(self.best_rival()).mean
        as_good = np.count_nonzero(self.shuffled_gains >= real)
        return (1 + as_good) / (1 + self.shuffled_gains.size)


def _beyond_group(adoption: Adoption, risk: Risk) -> list[Design]:
    """The model with the group's share of adopters as a third effect."""
    share = village_share(adoption, risk)
    return [
        Design(name, np.column_stack([effects, share]))
        for name, effects in network_designs(adoption, risk)
    ]


def _rivals_in_group(adoption: Adoption, risk: Risk) -> list[Design]:
    """Bass in the group, with two coefficients, and with a third that lets its start move."""
    rivals = {design.name: design for design in rival_designs(adoption, risk)}
    bass, time = rivals["Bass in the group"], rivals["linear in time"]
    both = np.column_stack([time.effects, bass.effects[:, 1]])
    return [bass, Design("Bass in the group, linear in time", both)]


def contest(adoption: Adoption, shuffles: int, *, beyond_group: bool = False) -> Contest:
    """Hold out each group in turn; repeat with the network shuffled within the groups.

    beyond_group : whether model and rivals know the share of adopters in the group too. Then the
    model has three coefficients, and the rivals two and three.

    Shuffling leaves every rival's score as it is: none of them reads who is tied to whom.
    """
    family = _beyond_group if beyond_group else network_designs
    rival_family = _rivals_in_group if beyond_group else rival_designs
    risk = at_risk(adoption)
    model = held_out(family(adoption, risk), risk.adopted, risk.group)
    rivals = {
        design.name: held_out([design], risk.adopted, risk.group)
        for design in rival_family(adoption, risk)
    }
    best = max(float(rival.score.sum()) for rival in rivals.values())
    gains = np.empty(shuffles)
    for k in range(shuffles):
        mixed = shuffled(adoption, k)
        rows = at_risk(mixed)
        scored = held_out(family(mixed, rows), rows.adopted, rows.group)
        gains[k] = PER * (scored.score.sum() - best) / rows.person.size
    return Contest(risk, model, rivals, gains)
