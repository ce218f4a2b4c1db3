"""Targets on adoption whose dates and network are known: doctors and farmers."""

from __future__ import annotations

import math

import numpy as np

from sim.presets import bass
from sim.studies.statistics import Interval, mean_interval, ratio_of_means
from sim.validation.real.data import BEFORE, PRACTICES, Adoption, read_doctors, read_farmers
from sim.validation.real.hazards import at_risk, fit, network_designs
from sim.validation.real.held_out import PER, Contest, contest
from sim.validation.target import Curve, Finding, Picture, Reading, z_reading

_FEW_SHUFFLES, _SHUFFLES = 19, 199
_FEW_WORLDS, _WORLDS = 10, 40
_SURE = 0.05

_DOCTORS_P, _DOCTORS_Q = 0.03, 0.4
"""Per month, of a simulated world in which the ties matter."""

GROUP = "Bass in the group"


def better(what: str, gain: Interval) -> Reading:
    """A gain that must be above 0 by more than half its 95 % interval."""
    return Reading(what, gain.mean, gain.half_width, math.inf)


def not_better(what: str, gain: Interval) -> Reading:
    """A gain that may not be above 0 by more than half its 95 % interval."""
    return Reading(what, gain.mean, -math.inf, gain.half_width)


def simulated(adoption: Adoption, p: float, q: float, seed: int) -> Adoption:
    """Bass diffusion by the simulator on the network of ``adoption``, from its earliest adopters.

    Who named and who was named hear from each other; rates are per period.
    """
    model = bass(
        graph=adoption.nominations.mutual(),
        p=p,
        q=q,
        dt=1.0,
        seeds=np.flatnonzero(adoption.period == BEFORE),
        horizon=adoption.periods,
        seed=seed,
    ).run()
    times = np.nan_to_num(model.adoption_time, nan=adoption.periods + 1)
    return adoption._replace(period=np.rint(times).astype(np.int64))


def recovered(adoption: Adoption) -> np.ndarray:
    """Most likely p and q, (2,), of Bass diffusion on the network of mutual naming."""
    risk = at_risk(adoption)
    share = {design.name: design for design in network_designs(adoption, risk)}["share, either"]
    distinct, cell = np.unique(share.effects, axis=0, return_inverse=True)
    happened, trials = np.bincount(cell, risk.adopted), np.bincount(cell)
    return fit(distinct, happened, trials).coefficients


def doctors_without_contagion(quick: bool) -> Finding:
    """The model against hazards without a network: the doctors, and worlds with contagion."""
    doctors = read_doctors()
    found = contest(doctors, _FEW_SHUFFLES if quick else _SHUFFLES)
    readings = [
        not_better(
            f"gain over '{rival}', nats per {PER} doctor-months",
            found.gain_over(rival, found.risk.person),
        )
        for rival in found.rivals
    ]
    readings.append(
        Reading("share of shuffled networks that gain as much", found.shuffled_share(), _SURE, 1.0)
    )
    worlds = range(_FEW_WORLDS if quick else _WORLDS)
    contagious = [contest(simulated(doctors, _DOCTORS_P, _DOCTORS_Q, k), 0) for k in worlds]
    gains = mean_interval(np.array([w.gain_over(w.best_rival()).mean for w in contagious]))
    readings.append(
        better(f"gain over the best rival where q = {_DOCTORS_Q} was simulated on the ties", gains)
    )
    return Finding(tuple(readings))


def farmers_same_size(quick: bool) -> Finding:
    """The model against hazards without a network and as many coefficients, among the farmers."""
    corn = read_farmers()
    readings = []
    for beyond_group, size in ((False, "two"), (True, "three")):
        found = contest(corn, 0, beyond_group=beyond_group)
        rivals = [name for name in found.rivals if not (beyond_group and name == GROUP)]
        readings += [
            better(
                f"hybrid corn, {size} coefficients: gain over '{rival}', nats per {PER} "
                "farmer-years",
                found.gain_over(rival),
            )
            for rival in rivals
        ]
    practices = [contest(read_farmers(practice), 0) for practice in PRACTICES]
    gains = {
        rival: np.array([found.gain_over(rival).mean for found in practices])
        for rival in practices[0].rivals
    }
    ahead = int(np.count_nonzero(np.min(list(gains.values()), axis=0) > 0))
    readings.append(Reading("practices, of twelve, with a gain over every rival", ahead, 10, 12))
    place = np.arange(1, len(PRACTICES) + 1)
    curves = [Curve(rival, place, values) for rival, values in gains.items()]
    curves.append(Curve("no gain", place, np.zeros(place.size), theory=True))
    picture = Picture(
        "Two coefficients: the ties against hazards without a network",
        "farm practice, 1 (A) to 12 (L)",
        f"gain, nats per {PER} farmer-years",
        tuple(curves),
    )
    return Finding(tuple(readings), picture)


def pooled_gain(contests: list[Contest], rival: str) -> Interval:
    """The gain over a rival of several adoptions in the same groups; a group is one observation."""
    groups = max(int(found.risk.group.max()) for found in contests) + 1
    gains, rows = np.zeros(groups), np.zeros(groups)
    for found in contests:
        apart = PER * (found.model.score - found.rivals[rival].score)
        gains += np.bincount(found.risk.group, apart, groups)
        rows += np.bincount(found.risk.group, minlength=groups)
    return ratio_of_means(gains, rows)


def _practices_beyond_the_village() -> tuple[list[Reading], Picture]:
    """What the ties add for each of the twelve practices."""
    contests = [
        contest(read_farmers(practice), _FEW_SHUFFLES, beyond_group=True) for practice in PRACTICES
    ]
    shares = np.array([found.shuffled_share() for found in contests])
    readings = [
        better(f"twelve practices: gain of the ties, nats per {PER} farmer-years",
               pooled_gain(contests, GROUP)),
        Reading("practices, of twelve, whose ties beat all of 19 shuffled networks",
                int(np.count_nonzero(shares <= _SURE)), 10, 12),
    ]  # fmt: skip
    place = np.arange(1, len(PRACTICES) + 1)
    real = np.array([found.gain_over(found.best_rival()).mean for found in contests])
    mixed = np.array([found.shuffled_gains for found in contests])
    curves = (
        Curve("the ties farmers named", place, real),
        Curve("shuffled in the village, mean", place, mixed.mean(axis=1)),
        Curve("no gain", place, np.zeros(place.size), theory=True),
    )
    picture = Picture(
        "What ties add to the village's share of adopters",
        "farm practice, 1 (A) to 12 (L)",
        f"gain over the best rival, nats per {PER} farmer-years",
        curves,
    )
    return readings, picture


def farmers_beyond_the_village(quick: bool) -> Finding:
    """What the ties add to the share of adopters in the village, among the farmers.

    The quick form leaves the twelve practices out.
    """
    corn = read_farmers()
    found = contest(corn, _FEW_SHUFFLES if quick else _SHUFFLES, beyond_group=True)
    readings = [
        better(f"hybrid corn: gain of the ties, nats per {PER} farmer-years",
               found.gain_over(GROUP)),
        Reading("hybrid corn: share of shuffled networks that gain as much",
                found.shuffled_share(), 0.0, _SURE),
    ]  # fmt: skip
    p, q = recovered(corn)
    worlds = range(_FEW_WORLDS if quick else _WORLDS)
    refitted = np.array([recovered(simulated(corn, p, q, k)) for k in worlds])
    error = refitted.std(axis=0, ddof=1) / math.sqrt(refitted.shape[0])
    readings += [
        z_reading(f"{name} fitted to what the simulator gave with it on the ties",
                  value, true, sd, 5)
        for name, value, true, sd in zip("pq", refitted.mean(axis=0), (p, q), error, strict=True)
    ]  # fmt: skip
    if quick:
        return Finding(tuple(readings))
    practices, picture = _practices_beyond_the_village()
    return Finding((*readings, *practices), picture)
