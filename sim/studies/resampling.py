"""Weights and orders drawn by address: the bootstrap and the permutations of a study."""

from __future__ import annotations

import numpy as np

from sim.randomness import Decision, derive_seed, uniform_table

_UNIFORMS_PER_CALL = 4


def uniform_rows(seed: int, rows: int, columns: int) -> np.ndarray:
    """Uniforms in (0, 1), float64 (rows, columns), a function of the arguments.

    The first rows do not depend on how many follow.
    """
    key = np.uint64(derive_seed(seed, int(Decision.RESAMPLE)))
    table = np.empty((rows, columns))
    people = -(-columns // _UNIFORMS_PER_CALL)
    for row in range(rows):
        drawn = uniform_table(key, int(Decision.RESAMPLE), row, people)
        table[row] = drawn.ravel()[:columns]
    return table


def bootstrap_weights(seed: int, resamples: int, size: int) -> np.ndarray:
    """How often each of ``size`` things is drawn with replacement, float64 (resamples, size).

    Every row sums to ``size`` (Efron 1979).
    """
    drawn = (uniform_rows(seed, resamples, size) * size).astype(np.int64)
    drawn += np.arange(resamples)[:, None] * size
    counts = np.bincount(drawn.ravel(), minlength=resamples * size)
    return counts.reshape(resamples, size).astype(np.float64)


def permutations(seed: int, count: int, size: int) -> np.ndarray:
    """Random orders of ``size`` things, int64 (count, size)."""
    return np.argsort(uniform_rows(seed, count, size), axis=1, kind="stable")
