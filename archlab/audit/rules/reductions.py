"""The rules of norms, pooling, interpolation, RoI operators and distances. Norms and pooling are fvcore's numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.rule import Args, Rule
from archlab.roi.counting import roi_align_macs


def batch_norm(args: Args, out: Tensor) -> Counts:
    """Count 2 for each element in evaluation, a scale and a shift, or 1 without an affine; in training 5 or 4."""
    affine = args[1] is not None
    training = len(args) > 5 and bool(args[5])
    return Counts(norm=args[0].numel() * ((5 if affine else 4) if training else (2 if affine else 1)))


def affine_norm(weight: int) -> Rule:
    """Make the rule of a norm with its weight at a position: 5 for each element with an affine, else 4."""
    return lambda args, out: Counts(
        norm=args[0].numel() * (5 if len(args) > weight and args[weight] is not None else 4)
    )


def rms_norm(args: Args, out: Tensor) -> Counts:
    """Count 4 for each element with a weight, else 3."""
    return Counts(norm=args[0].numel() * (4 if len(args) > 2 and args[2] is not None else 3))


def pool_over_input(args: Args, out: Any) -> Counts:
    """Count adaptive pooling: each input element once."""
    return Counts(pool=args[0].numel())


def pool_over_kernel(args: Args, out: Any) -> Counts:
    """Count pooling over windows: the kernel for each output element."""
    first = out[0] if isinstance(out, tuple | list) else out
    dims = first.dim() - 2 if first.dim() > 3 else 1
    kernel = args[1] if isinstance(args[1], Sequence) else [args[1]]
    return Counts(pool=first.numel() * math.prod(kernel if len(kernel) > 1 else list(kernel) * dims))


def interpolate(times: int) -> Rule:
    """Make the rule that counts ``times`` operations for each interpolated element."""
    return lambda args, out: Counts(pool=times * out.numel())


def roi_align(args: Args, out: Tensor) -> Counts:
    """Count torchvision's: bins average samples, each interpolated from four; two per side where that is adaptive."""
    ratio = args[5] if len(args) > 5 and args[5] > 0 else 2
    return Counts(pool=4 * ratio * ratio * out.numel())


def roi_align_over_levels(args: Args, out: Tensor) -> Counts:
    """Count archlab's: features, boxes, levels, choice, tangents, scales, bins, sampling, aligned, mode."""
    ratio, mode = args[7], args[9]
    samples = ratio if ratio > 0 else 2
    rois, channels, *bins = out.shape
    # The maxima that `archlab::roi_choose` finds are counted here, where they are read.
    found = out.numel() if mode in ("caffe", "partition") else 0
    return Counts(pool=found + roi_align_macs(rois, channels, (bins[0], bins[1]), samples, mode, (bins[0], bins[1])))


def embedding_bag(args: Args, out: Any) -> Counts:
    """Count a sum over the rows that are looked up: (weight, indices, offsets, by frequency, mode, sparse, scales)."""
    scaled = len(args) > 6 and isinstance(args[6], Tensor)
    return Counts(elementwise=(2 if scaled else 1) * args[1].numel() * args[0].shape[-1])


def ctc_loss(args: Args, out: Any) -> Counts:
    """Count the forward variables of CTC (Graves et al. 2006): (log-probabilities, targets, …).

    Each of 2S + 1 labels and blanks at each time is a sum of three logarithms and one addition: seven operations.
    """
    times, batch = args[0].shape[:2]
    targets = args[1].shape[-1] if args[1].dim() > 1 else -(-args[1].numel() // batch)
    return Counts(elementwise=7 * times * batch * (2 * targets + 1))


def distances(args: Args, out: Tensor) -> Counts:
    """Count for each pair of points a difference, its power and a sum over the features."""
    return Counts(elementwise=3 * out.numel() * args[0].shape[-1])


def scattered(args: Args, out: Any) -> Counts:
    """Count one operation for each value that is scattered where these are added or multiplied, else none."""
    reduced = any(isinstance(value, str) for value in args[4:])
    return Counts(elementwise=args[2].numel() if reduced else 0)


def accumulated(args: Args, out: Any) -> Counts:
    """Count one addition for each value that is put at its place where values are added up, else none."""
    return Counts(elementwise=args[2].numel() if len(args) > 3 and args[3] is True else 0)
