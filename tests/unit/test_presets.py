"""What presets take and give; what they must come to is in tests/truth and tests/agreement."""

from __future__ import annotations

import numpy as np
import pytest

import sim
from sim import presets, reductions
from sim.errors import InputError
from sim.network import SocialGraph

GRAPH = SocialGraph.from_edges([0, 1, 2], [1, 2, 3], size=5)


@pytest.mark.parametrize(
    "model",
    [
        presets.independent_cascade(GRAPH, probability=1.0, seeds=[0], seed=1),
        presets.linear_threshold(GRAPH, weights=np.zeros(6), seeds=[0], seed=1),
        presets.threshold(GRAPH, contacts=1, seeds=[0], seed=1),
        presets.bass(5, p=0.5, q=0.5, dt=0.5, seeds=[0], seed=1),
        presets.bass(graph=GRAPH, p=0.5, q=0.5, dt=0.5, seeds=[0], seed=1),
    ],
)
def test_adoption_times_are_numbers_or_nan(model):
    before = model.adoption_time
    assert before.tolist()[0] == 0.0
    assert np.isnan(before[1:]).all()
    assert model.run() is model
    assert model.adoption_time.dtype == np.float64
    assert model.adoption_time.shape == (5,)
    assert model.adoption_time[0] == 0.0


def test_a_certain_cascade_walks_down_a_path():
    model = presets.independent_cascade(GRAPH, probability=1.0, seeds=[0]).run()
    np.testing.assert_array_equal(model.adoption_time, [0, 1, 2, 3, np.nan])
    assert model.adopted.tolist() == [True, True, True, True, False]
    assert model.adopters_by([0, 1.5, 9]).tolist() == [1, 2, 4]


def test_without_seeds_nothing_happens_and_repeated_seeds_count_once():
    assert not presets.independent_cascade(GRAPH, probability=1.0, seeds=[]).run().adopted.any()
    model = presets.threshold(GRAPH, contacts=2, seeds=[0, 0, 2]).run()
    assert model.adopted.tolist() == [True, True, True, False, False]


def test_presets_are_part_of_the_public_names():
    assert sim.presets is presets
    assert sim.theory.progeny_mean(0.5) == 2.0


def test_the_time_of_bass_is_that_of_its_rates():
    model = presets.bass(1000, p=0.03, q=0.38, dt=0.05, horizon=3, seed=2).run()
    when = model.adoption_time[model.adopted]
    assert when.max() <= 3
    np.testing.assert_allclose(when / 0.05, np.round(when / 0.05), atol=1e-9)


WRONG = [
    (lambda: presets.independent_cascade(GRAPH, probability=1.2), "probability = 1.2"),
    (lambda: presets.independent_cascade(GRAPH, probability=[0.1, 0.2]), "probability has shape"),
    (lambda: presets.independent_cascade(GRAPH, probability=float("nan")), "probability = nan"),
    (lambda: presets.independent_cascade(GRAPH, seeds=[5]), r"seeds\[0\] = 5 .* 0 to 4"),
    (lambda: presets.independent_cascade(GRAPH, seeds=[0.5]), "seeds = "),
    (lambda: presets.independent_cascade(GRAPH, seed=-1), "seed = -1"),
    (lambda: presets.cascade_sizes(GRAPH, origins=[9]), r"origins\[0\] = 9"),
    (lambda: presets.cascade_sizes(GRAPH, origins=[[0, 1], [2, -1]]), r"origins\[1, 1\] = -1"),
    (lambda: presets.cascade_sizes(GRAPH, origins=[[[0]]]), "origins = .* list of person numbers"),
    (lambda: presets.cascade_sizes(GRAPH, origins=0), "origins = 0 .* list of person numbers"),
    (lambda: presets.cascade_sizes(GRAPH, origins=[0.5]), "origins = "),
    (lambda: presets.cascade_sizes(GRAPH, origins=[0], threads=0), "threads = 0 is not allowed"),
    (lambda: presets.cascade_sizes(GRAPH, origins=[0], threads=1.5), "threads = 1.5 is not allow"),
    (lambda: presets.linear_threshold(GRAPH, weights=np.ones(6)), "person 1 .* add up to 2"),
    (lambda: presets.linear_threshold(GRAPH, weights=-np.ones(6)), "weights: -1"),
    (lambda: presets.linear_threshold(GRAPH, weights=[1.0]), "weights has shape"),
    (lambda: presets.threshold(GRAPH, contacts=0), "contacts = 0"),
    (lambda: presets.threshold(GRAPH, share=1.5), "share = 1.5"),
    (lambda: presets.threshold(GRAPH, contacts=1, share=0.5), "give one of the two"),
    (lambda: presets.bass(), "either size"),
    (lambda: presets.bass(10, graph=GRAPH), "either size"),
    (lambda: presets.bass(10, p=-0.1), "p = -0.1"),
    (lambda: presets.bass(10, q=float("inf")), "q = inf"),
    (lambda: presets.bass(10, dt=0), "dt = 0"),
    (lambda: presets.bass(10, horizon=0), "horizon = 0"),
    (lambda: presets.bass(0), "size = 0"),
    (lambda: presets.branching(mean=-1, runs=5), "mean = -1"),
    (lambda: presets.branching(mean=1, runs=0), "runs = 0"),
    (lambda: reductions.cascade_model(GRAPH, probability=1.0, seeds=np.array([0])), "probability"),
    (lambda: reductions.bass_model(GRAPH, p=0.1, q=0.1, dt=0.1, horizon=1), "0 to 2 friends"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_largest_tree_is_cut():
    sizes = presets.branching(mean=3.0, runs=50, largest=100, seed=1)
    assert sizes.max() == 100
    assert presets.branching(mean=0.0, runs=5).tolist() == [1] * 5
