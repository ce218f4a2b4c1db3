"""Bass diffusion: the closed form, the ring, and all other graphs between (B1-B4, W3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim import presets, reductions, theory
from sim.network import SocialGraph
from sim.validation.target import Curve, Finding, Picture, Plant, Reading, Target, none_may

P, Q = 0.03, 0.38
"""Means of Sultan, Farley and Lehmann (1990), per year."""

BASS = "Bass 1969; Sultan, Farley and Lehmann 1990; Fibich and Gibori 2010"


def _curves(times: np.ndarray, runs: int, **options: Any) -> np.ndarray:
    """Share adopted (runs, times) of as many Bass processes with seeds 0, 1, ..."""
    found = [
        presets.bass(p=P, q=Q, horizon=float(times[-1]), seed=seed, **options).run()
        for seed in range(runs)
    ]
    return np.array([model.adopters_by(times) / model.size for model in found])


def closed_form(quick: bool) -> Finding:
    """B1: the mean curve on the complete graph."""
    people, runs, dt = 10_000, 10 if quick else 50, 0.05
    times = np.arange(0, 20 + dt / 2, dt)
    mean = _curves(times, runs, size=people, dt=dt).mean(axis=0)
    peak = theory.bass_peak(P, Q)
    year = round(1 / dt)
    middle, rate = times[year // 2 : -year // 2], mean[year:] - mean[:-year]
    peak_time = _top(middle, rate)
    shown = np.arange(0, times.size, round(1 / dt))
    return Finding(
        (
            Reading(
                f"largest error of the mean curve of {runs} runs",
                float(np.abs(mean - theory.bass_adopted(times, P, Q)).max()), 0, 0.02, 0,
            ),
            Reading(
                "time of the peak, years", peak_time, peak.time - 0.3, peak.time + 0.3, peak.time
            ),
            Reading(
                "share adopted at t* = 6.19",
                float(np.interp(peak.time, times, mean)), peak.adopted - 0.02,
                peak.adopted + 0.02, peak.adopted,
            ),
        ),
        Picture(
            "Bass diffusion among people who all know each other",
            "years", "share adopted",
            (
                Curve("closed form", times, theory.bass_adopted(times, P, Q), theory=True),
                Curve(f"mean of {runs} runs", times[shown], mean[shown]),
            ),
        ),
    )  # fmt: skip


def _top(x: np.ndarray, y: np.ndarray) -> float:
    """Where a smooth curve with one maximum has it: that of a parabola through its upper tenth."""
    near = y > 0.9 * y.max()
    square, slope, _ = np.polyfit(x[near], y[near], 2)
    return float(-slope / (2 * square))


def step_bias(quick: bool) -> Finding:
    """B2: the error that is left at 100,000 people is the tick's, and halves with it."""
    people, runs = 100_000, 20 if quick else 60
    errors = {}
    for dt in (0.1, 0.05, 0.025):
        times = np.arange(0, 20 + dt / 2, dt)
        mean = _curves(times, runs, size=people, dt=dt).mean(axis=0)
        errors[dt] = float(np.abs(mean - theory.bass_adopted(times, P, Q)).max())
    # A tick of dt delays what adopters do by half of it on average, so the error is about
    # dt / 2 times the peak rate times the share of adoption that adopters cause.
    return Finding(
        (
            Reading("largest error at dt = .05", errors[0.05], 0, 0.012, 0.0056),
            Reading("error at dt = .1 over that at .05", errors[0.1] / errors[0.05], 1.6, 2.5, 2),
            Reading(
                "error at dt = .05 over that at .025", errors[0.05] / errors[0.025], 1.5, 2.7, 2
            ),
        )
    )


def ring(quick: bool) -> Finding:
    """B3: the exact law on a ring, q split over two neighbours."""
    people, dt = 100_000, 0.02
    times = np.arange(0, 20 + dt / 2, dt)
    graph = SocialGraph.generate("ring", people)
    runs = 1 if quick else 5
    mean = _curves(times, runs, graph=graph, dt=dt).mean(axis=0)
    exact = theory.bass_ring_adopted(times, P, Q)
    shown = np.arange(0, times.size, round(1 / dt))
    return Finding(
        (Reading("largest error of the curve", float(np.abs(mean - exact).max()), 0, 0.01, 0),),
        Picture(
            "Bass diffusion on a ring",
            "years",
            "share adopted",
            (
                Curve("exact law of the ring", times, exact, theory=True),
                Curve("closed form of the complete graph", times,
                      theory.bass_adopted(times, P, Q), theory=True),
                Curve("simulated ring", times[shown], mean[shown]),
            ),
        ),
    )  # fmt: skip


_BETWEEN: dict[str, dict[str, float]] = {
    "watts_strogatz": {"mean_degree": 6, "rewiring": 0.1},
    "lattice": {},
    "erdos_renyi": {"mean_degree": 8},
    "barabasi_albert": {"mean_degree": 6},
    "two_layer": {"mean_degree": 10},
}


def ordering(quick: bool) -> Finding:
    """B4: ring <= any graph <= complete graph, at all times."""
    people, runs, dt = 10_000, 4 if quick else 20, 0.05
    times = np.arange(1, 21.0)
    ring_runs = _curves(times, runs, graph=SocialGraph.generate("ring", people), dt=dt)
    complete = _curves(times, runs, size=people, dt=dt)
    below = above = 0
    curves = [
        Curve("ring", times, ring_runs.mean(axis=0)),
        Curve("complete", times, complete.mean(axis=0)),
    ]
    for kind, parameters in _BETWEEN.items():
        graph = SocialGraph.generate(kind, people, seed=1, **parameters)
        between = _curves(times, runs, graph=graph, dt=dt)
        below += _surely_below(between, ring_runs)
        above += _surely_below(complete, between)
        curves.append(Curve(kind, times, between.mean(axis=0)))
    return Finding(
        (
            none_may("times at which a graph is slower than the ring by over 2 s.e.", below),
            none_may("times at which a graph is faster than the complete one", above),
            Reading(
                "how much faster complete is than ring at t = 10",
                float(complete.mean(axis=0)[9] - ring_runs.mean(axis=0)[9]),
                0.2, 0.3,
                float(theory.bass_adopted(10, P, Q) - theory.bass_ring_adopted(10, P, Q)),
            ),
        ),
        Picture("Every graph lies between ring and complete", "years", "share adopted",
                tuple(curves)),
    )  # fmt: skip


def _surely_below(slow: np.ndarray, fast: np.ndarray) -> int:
    """Times at which the mean of ``slow`` lies below that of ``fast`` by over 2 s.e."""
    difference = fast.mean(axis=0) - slow.mean(axis=0)
    error = np.sqrt((slow.var(axis=0, ddof=1) + fast.var(axis=0, ddof=1)) / slow.shape[0])
    return int(np.count_nonzero(difference > 2 * error + 1e-3))


def whole_model(quick: bool) -> Finding:
    """W3: consumers who only tell and buy follow Bass, on the complete graph and on a ring."""
    dt = 0.1
    people, runs = (150, 8) if quick else (250, 30)
    times = np.arange(1, 21.0)
    complete = SocialGraph.generate("complete", people)
    found = np.array([_whole(complete, dt, times, seed) for seed in range(runs)])
    many = _curves(times, 400 if quick else 2000, size=people, dt=dt)
    error = many.std(axis=0) * np.sqrt(1 / runs + 1 / many.shape[0])
    ring_people = 5_000 if quick else 20_000
    on_ring = _whole(SocialGraph.generate("ring", ring_people), dt, times, 1)
    off_ring = float(np.abs(on_ring - theory.bass_ring_adopted(times, P, Q)).max())
    return Finding(
        (
            Reading(
                f"largest |z| of the mean of {runs} runs against the process, 20 times",
                float(np.abs((found.mean(axis=0) - many.mean(axis=0)) / error).max()), 0, 5,
            ),
            Reading("largest error on a ring", off_ring, 0, 0.025, 0),
        ),
        Picture(
            "The whole model, everything but telling and buying switched off",
            "years", "share adopted",
            (
                Curve(f"Bass process, {people} people", times, many.mean(axis=0), True),
                Curve("closed form, ring", times, theory.bass_ring_adopted(times, P, Q), True),
                Curve(f"whole model, {people} who all know each other", times, found.mean(axis=0)),
                Curve(f"whole model, ring of {ring_people:,}", times, on_ring),
            ),
        ),
    )  # fmt: skip


def _whole(graph: SocialGraph, dt: float, times: np.ndarray, seed: int) -> np.ndarray:
    model = reductions.bass_model(graph, p=P, q=Q, dt=dt, horizon=20, seed=seed).run()
    when = np.sort((reductions.adoption_ticks(model) + 1) * dt)
    return np.searchsorted(when, times + 1e-9, side="right") / graph.size


TARGETS: tuple[Target, ...] = (
    Target(
        "B1", "L", "Bass diffusion among people who all know each other is the closed form.",
        BASS,
        "`presets.bass`, 10,000 people, p = .03, q = .38, dt = .05: mean of 50 runs against F(t), "
        "its peak and what is adopted by then.",
        closed_form,
        Plant("a wrong constant: friends add to advertising only what they have beyond it, q - p",
              "sim.contagion", "(p + q * adopted / max(people - 1, 1))",
              "(p + (q - p) * adopted / max(people - 1, 1))"),
        fast=True,
    ),
    Target(
        "B2", "L", "What error is left is the tick's, and halves with it.", BASS,
        "`presets.bass`, 100,000 people, dt = .1, .05 and .025.", step_bias,
        Plant("hazards are added up once too often: a tick counts for 1.1 ticks", "sim.contagion",
              "        hazard += more\n        while adopted",
              "        hazard += 1.1 * more\n        while adopted"),
        fast=True,
    ),
    Target(
        "B3", "L", "On a ring diffusion follows its own exact law.", BASS,
        "`presets.bass` on a ring of 100,000, dt = .02.", ring,
        Plant("an off-by-one: an adopter's first tie is skipped", "sim.contagion",
              "            for e in range(indptr[fresh[k]], indptr[fresh[k] + 1]):",
              "            for e in range(indptr[fresh[k]] + 1, indptr[fresh[k] + 1]):"),
        fast=True,
    ),
    Target(
        "B4", "L", "Ring and complete graph are the slowest and the fastest: others lie between.",
        BASS,
        "`presets.bass` on five kinds of graph with 10,000 people, 20 runs each, at t = 1..20.",
        ordering,
        Plant("influence is not split over contacts: q for each two of them", "sim.contagion",
              "q * heard[i] / max(in_degree[i], 1)", "q * heard[i] / 2"),
        fast=True,
    ),
    Target(
        "W3", "L", "The whole model with all but telling and buying off is Bass diffusion.", BASS,
        "`reductions.bass_model`: a scenario of `WordOfMouthModel`; 250 people who all know each "
        "other, 30 runs, against the process with the same people and tick, and a ring of 20,000.",
        whole_model,
        Plant("a wrong constant: organic visitors are drawn at twice the rate", "sim.campaign",
              "np.full(ticks, plan.organic_visits)", "np.full(ticks, 2 * plan.organic_visits)"),
        fast=True,
    ),
)  # fmt: skip
