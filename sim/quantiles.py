"""Quantile functions of many uniforms, rounded to float32, at a fraction of their price.

The inverse of an incomplete beta or gamma function takes a microsecond. Over short stretches a
quantile function is a polynomial to 12 digits, of which float32 keeps seven: so nearly every value
is known from the polynomial to the last bit, and the few that lie close to the border between two
float32 numbers are computed exactly.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sim._jit import kernel

Quantile = Callable[[np.ndarray], np.ndarray]

WORTH_A_TABLE = 20_000
"""Values asked for from which the polynomials cost less than they save."""

MARGIN = 1e-10
"""Largest relative error a polynomial may be thought to have, ten times what it may show."""

_OCTAVES = 11  # a side: from 2^-12 to 1/2, measured from the nearer end
_PARTS_BITS = 3  # an octave is cut into 8 stretches
_STRETCHES = _OCTAVES << _PARTS_BITS
_DEGREE = 9
_FIRST = (1023 - 1 - _OCTAVES) << _PARTS_BITS  # leading bits of 2^-12 as a float64
_SHIFT = np.uint64(52 - _PARTS_BITS)


class Polynomials(NamedTuple):
    """A quantile function over stretches of (0, 1), from both ends to the middle.

    middle, per_unit : float64 (S,), a stretch of the nearer end is mapped to [-1, 1] by
        (distance from the end - middle) * per_unit.
    coefficients : float64 (2 S, D + 1), by rising powers; the lower half of (0, 1) first.
    margin : float64 (2 S,), the error each may be thought to have; infinite where it does not do.
    """

    middle: np.ndarray
    per_unit: np.ndarray
    coefficients: np.ndarray
    margin: np.ndarray


class RoundedQuantile:
    """A quantile function that gives many values rounded to float32, to the bit.

    The polynomials are made once, when WORTH_A_TABLE values have been asked for in all: in one
    large world, or in many small ones.

    exact : takes and returns float64 (n,), element by element. Where it is not smooth, it is
        computed.
    """

    def __init__(self, exact: Quantile) -> None:
        self.exact = exact
        self._asked = 0
        self._polynomials: Polynomials | None = None

    def __call__(self, uniforms: np.ndarray) -> np.ndarray:
        """``exact(uniforms)`` rounded, float32 (N,). uniforms : float64 (N,) in (0, 1)."""
        self._asked += uniforms.size
        if self._asked < WORTH_A_TABLE:
            return self.exact(uniforms).astype(np.float32)
        if self._polynomials is None:
            self._polynomials = _polynomials(self.exact)
        values = np.empty(uniforms.size, np.float32)
        unsure = np.empty(uniforms.size, np.int32)
        nearer = np.minimum(uniforms, 1 - uniforms)
        count = _evaluate(
            uniforms, nearer, nearer.view(np.uint64), *self._polynomials, values, unsure
        )
        rows = unsure[:count]
        values[rows] = self.exact(uniforms[rows])
        return values


@functools.cache
def _nodes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where to look at a stretch, in [-1, 1], and what makes coefficients and checks of it.

    Returns the points (K,), the matrix from values at every other point to coefficients, and the
    powers (K, D + 1) of all points.
    """
    points = np.cos(np.pi * np.arange(2 * _DEGREE + 1) / (2 * _DEGREE))
    powers = np.vander(points, _DEGREE + 1, increasing=True)
    return points, np.linalg.inv(powers[::2]), powers


def _polynomials(quantile: Quantile) -> Polynomials:
    points, solve, powers = _nodes()
    leading = np.arange(_FIRST, _FIRST + _STRETCHES + 1, dtype=np.uint64) << _SHIFT
    edges = leading.view(np.float64)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    near = middle[:, None] + half[:, None] * points
    where = np.concatenate((near, 1 - near))
    exact = quantile(where.ravel()).reshape(where.shape)
    coefficients = exact[:, ::2] @ solve.T
    error = np.abs(coefficients @ powers.T - exact).max(axis=1)
    margin = MARGIN * np.abs(exact).max(axis=1)
    return Polynomials(
        middle, 1 / half, coefficients, np.where(error < margin / 10, margin, np.inf)
    )


@kernel
def _evaluate(uniforms, nearer, leading, middle, per_unit, coefficients, margins, values, unsure):
    """Write the values; returns how many are unsure, whose places are written to ``unsure``."""
    count = 0
    for k in range(uniforms.size):
        unsure[count] = k
        place = np.int64(leading[k] >> _SHIFT) - _FIRST
        if place < 0 or place >= _STRETCHES:
            count += 1
            continue
        x = (nearer[k] - middle[place]) * per_unit[place]
        row = place + (_STRETCHES if uniforms[k] > 0.5 else 0)
        value = coefficients[row, _DEGREE]
        for power in range(_DEGREE - 1, -1, -1):
            value = value * x + coefficients[row, power]
        low = np.float32(value - margins[row])
        values[k] = low
        count += low != np.float32(value + margins[row])
    return count
