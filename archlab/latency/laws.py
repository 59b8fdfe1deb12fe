"""How long a kernel takes that was not measured: a law for its kind, and what its measured neighbours differ from it.

A law is a sum of amounts of work, each with a factor of at least 0, so that a larger kernel is never predicted to be
faster: multiply-accumulates, the same in whole blocks of 16 channels, what is read, written and loaded, and what of
that is too much for a core's cache. scikit-learn's ``LinearRegression(positive=True)`` finds the factors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from archlab.latency.kernels import Kernel

Law = tuple[float, ...]
"""A factor for each amount of ``work_of``, in seconds."""

AMOUNTS = 12
"""How many amounts there are."""
_BLOCK = 16
_CACHE = 250_000
"""Elements of fp32 that a core's own cache holds, about: of one megabyte."""
_CONVOLUTIONS = frozenset({"pointwise", "convolution", "depthwise", "grouped", "linear", "wsconv2d", "conv_transpose"})
LEAST = 2e-7
"""Seconds: no kernel is predicted to be faster than a look at the clock can tell."""


def work_of(kernel: Kernel) -> tuple[float, ...]:
    """Return the amounts of work of a kernel; each grows with every one of its sizes, but for stride and groups."""
    k = kernel
    area, taps = k.h_out * k.w_out, k.k_h * k.k_w
    parts = k.kind.removeprefix("plain ").partition(" of ")[0]
    moved = k.read + k.written
    if parts not in _CONVOLUTIONS:
        inputs = k.form // 10
        return (1.0, k.written * taps, 0, k.read, k.written, 0, max(0, moved - _CACHE), 0, 0, area, 0, inputs)
    c_in, c_out = k.c_in // k.groups, k.c_out // k.groups
    blocks = _up(k.c_in) if parts == "depthwise" else _up(c_in) * _up(c_out) * k.groups
    return (
        1.0,
        c_in * k.c_out * taps * area,
        blocks * taps * area,
        k.read,
        k.written,
        k.weights,
        max(0, moved - _CACHE),
        max(0, k.weights - _CACHE),
        k.c_in * taps * area,
        k.groups * area,
        k.groups,
        0,
    )


def _up(channels: int) -> int:
    return -(-channels // _BLOCK) * _BLOCK


def fit_law(kernels: Sequence[Kernel], seconds: Sequence[float]) -> Law:
    """Return the law of one kind of kernel, from measured ones; relative errors count, not absolute ones."""
    from sklearn.linear_model import LinearRegression  # a second, which reading a profile need not spend

    work = np.array([work_of(kernel) for kernel in kernels], float)
    took = np.maximum(np.array(seconds, float), LEAST)
    scale = np.maximum(work.max(0), 1.0)
    model = LinearRegression(positive=True, fit_intercept=False)
    model.fit(work / scale / took[:, None], np.ones(len(took)))
    return tuple(float(factor) for factor in model.coef_ / scale)


def by_law(law: Law, kernel: Kernel) -> float:
    """Return the seconds that a law gives a kernel."""
    return max(math.fsum(factor * amount for factor, amount in zip(law, work_of(kernel), strict=True)), LEAST)


def place_of(kernel: Kernel) -> tuple[float, ...]:
    """Return where a kernel lies among others of its kind: logarithms of sizes, and what changes its code."""
    k = kernel
    return (
        math.log(k.c_in / k.groups),
        math.log(k.c_out / k.groups),
        0.7 * math.log(k.h_out * k.w_out),
        1.5 * math.log(k.k_h * k.k_w),
        2.0 * (k.s_h > 1),
        0.5 * math.log(k.groups),
        2.0 * (k.form % 10) + 0.5 * (k.form // 10),
        0.5 * (k.c_in % _BLOCK != 0),
        0.5 * (k.c_out % _BLOCK != 0),
        float(k.dilation),
    )


_PLACES = 10
REACH = 0.6
"""How far a measured kernel tells of others, in the units of ``place_of``: a size nearly twice as large is that far."""
DOUBT = 0.3
"""The weight of the law beside the neighbours'."""


class Neighbours:
    """What measured kernels of one kind differ from their law, as a factor for those near them."""

    def __init__(self, law: Law, kernels: Sequence[Kernel], seconds: Sequence[float]) -> None:
        self._places = np.array([place_of(kernel) for kernel in kernels], float).reshape(-1, _PLACES)
        expected = np.array([by_law(law, kernel) for kernel in kernels])
        self._differences = np.log(np.maximum(np.array(seconds, float), LEAST) / expected)

    def factor(self, kernel: Kernel) -> float:
        """Return the mean factor of the kernels near ``kernel``, the nearer the heavier; 1 far from all."""
        apart = self._places - np.array(place_of(kernel))
        weights = np.exp((apart * apart).sum(1) / (-2 * REACH**2))
        return math.exp(float(weights @ self._differences) / (float(weights.sum()) + DOUBT))
