"""The presets and closed forms against programs of others: CyNetDiff, NDlib, lifetimes.

Development dependencies only (extra ``dev``); where one is not installed its tests are skipped and
say so.
"""

from __future__ import annotations

import array
import math

import numpy as np
import pandas as pd
import pytest

from sim import presets, theory_buying
from sim.contagion import person_uniforms
from sim.network import SocialGraph

GRAPHS = [
    ("erdos_renyi", {"mean_degree": 6}),
    ("watts_strogatz", {"mean_degree": 6}),
    ("barabasi_albert", {"mean_degree": 6}),
]


@pytest.fixture(params=GRAPHS, ids=lambda case: case[0])
def graph(request) -> SocialGraph:
    """Three thousand people."""
    kind, parameters = request.param
    return SocialGraph.generate(kind, 3000, seed=5, **parameters)


def rows(graph: SocialGraph) -> tuple[array.array, array.array]:
    """The ties in CyNetDiff's form: where each row starts, and the targets."""
    starts = array.array("I", graph.arrays.indptr[:-1].tolist())
    return starts, array.array("I", graph.arrays.target.tolist())


SEEDS = [3, 500, 1700]


@pytest.mark.parametrize("probability", [0.125, 0.25, 0.5])
def test_cascades_reach_whom_cynetdiff_reaches_with_the_same_draws(graph, probability):
    models = pytest.importorskip("cynetdiff.models")
    starts, targets = rows(graph)
    for seed in range(20):
        draws = presets.tie_uniforms(graph, seed=seed)
        theirs = models.IndependentCascadeModel(
            starts,
            targets,
            activation_prob=probability,
            _edge_probabilities=array.array("f", draws.tolist()),
        )
        theirs.set_seeds(SEEDS)
        theirs.advance_until_completion()
        ours = presets.independent_cascade(graph, probability=probability, seeds=SEEDS, seed=seed)
        assert np.flatnonzero(ours.run().adopted).tolist() == sorted(theirs.get_activated_nodes())


def test_linear_thresholds_reach_whom_cynetdiff_reaches_with_the_same_thresholds(graph):
    models = pytest.importorskip("cynetdiff.models")
    starts, targets = rows(graph)
    reached = []
    for seed in range(20):
        thresholds = person_uniforms(np.uint64(seed), graph.size)
        theirs = models.LinearThresholdModel(starts, targets)
        theirs.set_seeds(SEEDS)
        theirs._assign_thresholds(array.array("f", thresholds.tolist()))
        theirs.advance_until_completion()
        ours = presets.linear_threshold(graph, seeds=SEEDS, seed=seed).run()
        assert np.flatnonzero(ours.adopted).tolist() == sorted(theirs.get_activated_nodes())
        reached.append(ours.adopted.sum())
    assert max(reached) > 10


def test_mean_cascades_are_those_of_cynetdiff_with_its_own_luck(graph):
    models = pytest.importorskip("cynetdiff.models")
    runs, probability, origin = 4000, 0.15, 3
    theirs = models.IndependentCascadeModel(*rows(graph), activation_prob=probability, rng=1)
    theirs.set_seeds([origin])
    found = []
    for _ in range(runs):
        theirs.reset_model()
        theirs.advance_until_completion()
        found.append(theirs.get_num_activated_nodes())
    ours, more = (
        presets.cascade_sizes(graph, probability=p, origins=np.full(runs, origin), seed=1)
        for p in (probability, 1.3 * probability)
    )
    error = math.sqrt((np.var(found) + ours.var()) / runs)
    assert abs(ours.mean() - np.mean(found)) < 5 * error
    assert abs(more.mean() - np.mean(found)) > 5 * error  # a probability 30 % too high


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("share", [0.18, 0.25, 0.4])
def test_thresholds_are_passed_step_by_step_as_in_ndlib(graph, share):
    epidemics = pytest.importorskip("ndlib.models.epidemics")
    configuration = pytest.importorskip("ndlib.models.ModelConfig")
    seeds = [*SEEDS, *graph.arrays.target[graph.arrays.indptr[3] : graph.arrays.indptr[4]]]
    theirs = epidemics.ThresholdModel(graph.to_networkx())
    settings = configuration.Configuration()
    settings.add_model_initial_configuration("Infected", [int(one) for one in seeds])
    for person in range(graph.size):
        settings.add_node_configuration("threshold", person, share)
    theirs.set_initial_status(settings)
    ours = presets.threshold(graph, share=share, seeds=seeds).run()
    for step in range(8):
        status = theirs.iteration()["node_count"]
        assert int(ours.adopters_by(step)) == status[1]


def test_repeat_buying_is_that_of_lifetimes():
    lifetimes = pytest.importorskip("lifetimes")
    fitter = lifetimes.BetaGeoFitter()
    parameters = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    fitter.params_ = pd.Series(parameters)
    for weeks in (0.1429, 1, 3, 31.857, 32, 78):
        theirs = fitter.expected_number_of_purchases_up_to_time(weeks)
        ours = theory_buying.bg_nbd_repeats(weeks, **parameters)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-9)
