"""Closed forms against numbers worked out elsewhere, and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from sim import theory
from sim.errors import InputError
from sim.network import SocialGraph


def test_bass_at_published_means():
    found = theory.bass_adopted([0, 1, 2, 5, 6, 10, 15, 20], 0.03, 0.38)
    known = [0, 0.0358, 0.0851, 0.3312, 0.4392, 0.8128, 0.9716, 0.9963]
    assert found == pytest.approx(known, abs=5e-5)
    assert theory.bass_peak(0.03, 0.38) == pytest.approx((6.193, 0.11059, 0.4605), abs=5e-4)
    assert theory.bass_peak(0.001, 0.5).time == pytest.approx(12.404, abs=1e-3)


def test_bass_solves_its_equation():
    def rate(_: float, f: np.ndarray) -> np.ndarray:
        return (0.03 + 0.38 * f) * (1 - f)

    times = np.arange(0, 21.0)
    solved = integrate.solve_ivp(rate, (0, 20), [0.0], t_eval=times, rtol=1e-10, atol=1e-12)
    assert theory.bass_adopted(times, 0.03, 0.38) == pytest.approx(solved.y[0], abs=1e-7)


def test_the_ring_at_published_means():
    found = theory.bass_ring_adopted([1, 5, 10, 15, 20], 0.03, 0.38)
    assert found == pytest.approx([0.0350, 0.2485, 0.5583, 0.7899, 0.9167], abs=5e-5)


def test_a_ring_is_slower_and_without_influence_the_same():
    times = np.linspace(0.1, 30, 50)
    slow, fast = theory.bass_ring_adopted(times, 0.03, 0.38), theory.bass_adopted(times, 0.03, 0.38)
    assert (slow < fast).all()
    alone = [curve(times, 0.05, 1e-12) for curve in (theory.bass_ring_adopted, theory.bass_adopted)]
    assert alone[0] == pytest.approx(1 - np.exp(-0.05 * times), abs=1e-9)
    assert alone[1] == pytest.approx(alone[0], abs=1e-9)


def test_borel_is_a_distribution_with_the_mean_and_variance_of_branching():
    n = np.arange(1, 4000)
    for k in (0.35, 0.5, 0.8):
        chances = theory.borel(n, k)
        mean = (n * chances).sum()
        assert chances.sum() == pytest.approx(1)
        assert mean == pytest.approx(theory.progeny_mean(k))
        assert (n**2 * chances).sum() - mean**2 == pytest.approx(theory.progeny_variance(k))
    assert theory.borel([1, 2], 0.35) == pytest.approx([0.7047, 0.1738], abs=5e-5)
    with pytest.raises(InputError, match="K = 1 is not allowed"):
        theory.progeny_mean(1.0)


def test_giant_components():
    shares = [theory.poisson_giant(r) for r in (0.5, 1.0, 1.1, 1.2, 1.5, 2, 3)]
    assert shares == pytest.approx([0, 0, 0.1761, 0.3137, 0.5828, 0.7968, 0.9405], abs=5e-5)
    small = [theory.poisson_small_mean(r) for r in (0.5, 1.1, 1.5, 3)]
    assert small == pytest.approx([2, 10.67, 2.67, 1.22], abs=5e-3)


def test_the_configuration_model_contains_the_poisson_graph():
    from scipy.stats import poisson

    degrees = poisson.pmf(np.arange(200), 8.0)
    assert theory.configuration_giant(degrees, 0.25) == pytest.approx(theory.poisson_giant(2.0))
    assert theory.critical_probability(degrees) == pytest.approx(1 / 8)
    assert theory.configuration_giant(degrees, 0.05) == pytest.approx(0, abs=1e-9)


def test_the_power_law_of_the_literature_sheet():
    share = np.zeros(1001)
    share[2:] = np.arange(2, 1001.0) ** -2.5
    share /= share.sum()
    assert theory.critical_probability(share) == pytest.approx(0.0261, abs=5e-5)
    found = [theory.configuration_giant(share, t) for t in (0.1, 0.2, 0.5)]
    assert found == pytest.approx([0.1037, 0.2905, 0.7452], abs=5e-5)


def exact_spread(graph: SocialGraph, probability: float, origin: int) -> float:
    """Expected adopters by going through every set of living ties."""
    ties = graph.tie_count
    total = 0.0
    for number in range(2**ties):
        alive = np.array([number >> e & 1 for e in range(ties)], bool)
        chance = probability ** alive.sum() * (1 - probability) ** (~alive).sum()
        total += chance * theory.reachable(graph, alive, [origin]).sum()
    return total


def test_spreads_on_small_graphs_are_sums_over_living_ties():
    path = SocialGraph.from_edges([0, 1, 2], [1, 2, 3], directed=True)
    assert theory.path_spread(4, 0.3) == pytest.approx(exact_spread(path, 0.3, 0))
    star = SocialGraph.from_edges([0, 0, 0], [1, 2, 3])
    assert theory.star_spread(3, 0.3) == pytest.approx(exact_spread(star, 0.3, 0))
    assert theory.star_spread(3, 0.3, from_leaf=True) == pytest.approx(exact_spread(star, 0.3, 1))
    tree = SocialGraph.from_edges([0, 0, 1, 1, 2, 2], [1, 2, 3, 4, 5, 6], directed=True)
    assert theory.tree_spread(2, 2, 0.4) == pytest.approx(exact_spread(tree, 0.4, 0))
    cycle = SocialGraph.from_edges([0, 1, 2, 3], [1, 2, 3, 0])
    assert theory.cycle_spread(4, 0.3) == pytest.approx(exact_spread(cycle, 0.3, 0))
    assert theory.cycle_spread(10, 0.3) == pytest.approx(1.8571, abs=5e-5)
    assert theory.cycle_linear_threshold(10) == pytest.approx(2.9961, abs=5e-5)


@pytest.mark.parametrize(
    ("share", "window"),
    [
        (0.18, (1.021, 5.765)), (0.20, (1.021, 5.765)), (0.25, (1.114, 3.863)),
        (0.15, (1.004, 7.477)), (0.10, (1.000, 13.66)),
    ],
)  # fmt: skip
def test_the_window_of_global_cascades(share, window):
    assert theory.watts_window(share) == pytest.approx(window, abs=5e-3)


def test_where_everybody_needs_two_contacts_there_is_no_window():
    assert theory.watts_window(0.9) is None
