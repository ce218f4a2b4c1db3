"""Rounded quantiles: the bits of the exact function, at few evaluations of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from sim.quantiles import WORTH_A_TABLE, RoundedQuantile
from sim.randomness import Decision, uniform_table

SIZE = 200_000
UNIFORMS = uniform_table(np.uint64(11), int(Decision.TRAITS), 0, SIZE)[0]

SMOOTH = {
    "beta": lambda u: special.betaincinv(0.8, 4.0, u),
    "hazard": lambda u: -np.log1p(-special.betaincinv(0.6, 1.5, u)),
    "gamma": lambda u: special.gammaincinv(0.8, u) / 0.8,
    "lognormal": lambda u: np.exp(special.ndtri(u) - 0.5),
    "through zero": special.ndtri,
}
ROUGH = {
    "step": lambda u: np.where(u < 0.3, 1.0, 2.0),
    "constant zero": np.zeros_like,
    "overflowing": lambda u: 1e300 ** (1 / u),
    "steep": lambda u: special.gammaincinv(0.02, u) / 0.02,
}


@pytest.mark.parametrize("name", [*SMOOTH, *ROUGH])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_value_is_the_exact_one_rounded(name):
    quantile = (SMOOTH | ROUGH)[name]
    found = RoundedQuantile(quantile)(UNIFORMS)
    assert found.dtype == np.float32
    assert found.tobytes() == quantile(UNIFORMS).astype(np.float32).tobytes()


@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_function_is_evaluated_for_few(name):
    asked = 0

    def counted(u: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += u.size
        return SMOOTH[name](u)

    RoundedQuantile(counted)(UNIFORMS)
    assert asked < 0.05 * SIZE


def test_few_values_are_computed():
    few = UNIFORMS[: WORTH_A_TABLE - 1]
    calls = []
    RoundedQuantile(lambda u: calls.append(u.size) or u)(few)
    assert calls == [few.size]


def test_the_ends_and_the_middle_of_the_interval():
    edges = np.array([2.0**-33, 2.0**-12, 0.5, 1 - 2.0**-12, 1 - 2.0**-33])
    uniforms = np.resize(edges, WORTH_A_TABLE)
    found = RoundedQuantile(special.ndtri)(uniforms)
    assert np.array_equal(found, special.ndtri(uniforms).astype(np.float32))


def test_many_small_questions_pay_for_a_table_as_one_large_one_does():
    asked = 0

    def counted(u: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += u.size
        return SMOOTH["beta"](u)

    rounded = RoundedQuantile(counted)
    parts = [rounded(part) for part in np.split(UNIFORMS, SIZE // 1000)]
    assert np.concatenate(parts).tobytes() == SMOOTH["beta"](UNIFORMS).astype(np.float32).tobytes()
    assert asked < WORTH_A_TABLE + 0.05 * SIZE
