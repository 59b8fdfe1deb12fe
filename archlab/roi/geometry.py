"""What an RoI operator computes, apart from its tensors: scales, output size, sampling and mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archlab.errors import InputError, did_you_mean

LINEAR_MODES = ("avg", "prroi")
SAMPLED_MAX_MODES = ("max", "onnx_max")
ALIGN_MODES = (*LINEAR_MODES, *SAMPLED_MAX_MODES)
SAMPLED_MODES = ("avg", *SAMPLED_MAX_MODES)
POOL_MODES = ("caffe", "partition")
MODES = (*ALIGN_MODES, *POOL_MODES)

MAX_SAMPLING_RATIO = 128
MAX_OUTPUT = 4096
# Beyond this a float32 coordinate cannot tell one pixel from the next.
MAX_COORDINATE = 2.0**24


class RoIError(InputError, ValueError):
    """An argument of an RoI operator that breaks a rule; also a ``ValueError``."""


@dataclass(frozen=True)
class Geometry:
    """The numbers of an RoI operator.

    Attributes:
        scales: per level, feature pixels per unit of the boxes, (y, x); the inverse of the stride.
        bins: bins of the output, (rows, columns).
        sampling_ratio: samples of a bin along each axis; 0 and below: the bin's size, rounded up.
        aligned: whether a coordinate names a pixel's centre, half a pixel before its index.
        mode: one of ``MODES``.
    """

    scales: tuple[tuple[float, float], ...]
    bins: tuple[int, int]
    sampling_ratio: int
    aligned: bool
    mode: str

    @property
    def flat_scales(self) -> list[float]:
        """The scales as an operator schema takes them: y0, x0, y1, x1, …"""
        return [number for pair in self.scales for number in pair]

    @property
    def arguments(self) -> tuple[list[float], list[int], int, bool, str]:
        """The last five arguments of every operator's schema; ``from_arguments`` reads them."""
        return self.flat_scales, list(self.bins), self.sampling_ratio, self.aligned, self.mode

    @classmethod
    def from_arguments(
        cls, scales: Sequence[float], bins: Sequence[int], ratio: int, aligned: bool, mode: str
    ) -> Geometry:
        """Read the last five arguments of an operator.

        Raises:
            RoIError: an unknown mode, or a number of bins or scales that is odd.
        """
        if mode not in MODES or len(bins) != 2 or len(scales) % 2:
            raise RoIError(f"mode {mode!r}, bins {list(bins)} and {len(scales)} scales are not an RoI operator's")
        pairs = tuple(zip(scales[::2], scales[1::2], strict=True))
        return cls(pairs, (bins[0], bins[1]), ratio, aligned, mode)


def size_triples(sizes: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return the flat ``sizes`` of a schema as (N, H, W) per level."""
    return list(zip(sizes[::3], sizes[1::3], sizes[2::3], strict=True))


def checked_geometry(
    scales: Sequence[float | Sequence[float]],
    output_size: int | Sequence[int],
    sampling_ratio: int,
    aligned: bool,
    mode: str,
    allowed: Sequence[str] = ALIGN_MODES,
) -> Geometry:
    """Check the numbers that a user gives.

    Raises:
        RoIError: an unknown mode, an output size or sampling ratio out of range, a scale that is not
            positive.
    """
    if mode not in allowed:
        raise RoIError(f"mode {mode!r} is not known here", hint=did_you_mean(str(mode), allowed))
    sampling_ratio = _plain(sampling_ratio)
    if not isinstance(sampling_ratio, int) or sampling_ratio > MAX_SAMPLING_RATIO:
        raise RoIError(f"sampling_ratio must be an integer up to {MAX_SAMPLING_RATIO}, not {sampling_ratio!r}")
    pairs = tuple(scale_pair(scale) for scale in scales)
    return Geometry(pairs, bins_pair(output_size), sampling_ratio, bool(aligned), mode)


def bins_pair(output_size: int | Sequence[int]) -> tuple[int, int]:
    """Return the output size as (rows, columns), each from 1 to ``MAX_OUTPUT``.

    Raises:
        RoIError: anything else.
    """
    pair = _pair(output_size)
    if len(pair) != 2 or not all(isinstance(n, int) and 1 <= n <= MAX_OUTPUT for n in pair):
        raise RoIError(f"output_size must be one or two integers from 1 to {MAX_OUTPUT}, not {output_size!r}")
    return pair[0], pair[1]


def scale_pair(scale: float | Sequence[float]) -> tuple[float, float]:
    """Return a scale, or a stride, as (y, x).

    Raises:
        RoIError: not one or two positive finite numbers.
    """
    pair = _pair(scale)
    # Compared, not math.isfinite: under torch.compile a scale may be symbolic.
    if len(pair) != 2 or not all(isinstance(s, int | float) and 0 < s < float("inf") for s in pair):
        raise RoIError(f"a scale or stride must be one or two positive numbers (y, x), not {scale!r}")
    return float(pair[0]), float(pair[1])


def _pair(value: Any) -> list[Any]:
    """Return one number, or a sequence of them, as a list of plain ones; a single one twice."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return [_plain(n) for n in value] if isinstance(value, Sequence) else [_plain(value)] * 2


def _plain(number: Any) -> Any:
    """Return a number of NumPy's as Python's, and all else as it is."""
    return number.item() if isinstance(number, np.generic) else number
