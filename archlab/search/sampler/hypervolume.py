"""Which networks are worth an evaluation by several objectives, from what is expected of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def by_hypervolume(seen: np.ndarray, expected: Sequence[np.ndarray], count: int, rng: np.random.Generator) -> list[int]:
    """Return ``count`` networks that together add most to the dominated hypervolume, one after another.

    The volume is the mean over directions of a scalarisation (Golovin & Zhang 2020, arXiv:2006.04655), which costs the
    same for any number of objectives. ``seen`` holds evaluations by objectives, all to be maximised; the reference is
    the worst that was seen in each.
    """
    worst, best = seen.min(0), seen.max(0)
    span = np.where(best > worst, best - worst, 1.0)
    points = (np.stack(expected, axis=1) - worst) / span
    directions = np.abs(rng.standard_normal((len(points), seen.shape[1])))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    reached = _lengths((seen - worst) / span, directions).max(0)
    lengths = _lengths(points, directions)
    chosen: list[int] = []
    for _ in range(min(count, len(points))):
        volume = seen.shape[1]
        gains = np.maximum(lengths, reached) ** volume - reached**volume
        total = gains.sum(1)
        total[chosen] = -1
        chosen.append(int(total.argmax()))
        reached = np.maximum(reached, lengths[chosen[-1]])
    return chosen


def _lengths(points: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return how far along each direction a point dominates: points by directions."""
    with np.errstate(divide="ignore"):
        ratios = np.maximum(points, 0)[:, None, :] / directions[None, :, :]
    lengths: np.ndarray = ratios.min(-1)
    return lengths
