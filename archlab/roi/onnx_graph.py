"""The operators in nodes of ONNX's own RoiAlign and MaxRoiPool, for either exporter: ``op`` adds a node to a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archlab.roi.geometry import MAX_COORDINATE, Geometry, RoIError


def write_align(
    op: Any, kind: int, features: Sequence[Any], boxes: Any, levels: Any, tangents: Any, *numbers: Any
) -> Any:
    """Write ``archlab::roi_align`` with the nodes of ``op``, an opset, its output in ONNX's dtype ``kind``.

    Raises:
        RoIError: what ONNX has no operator for: see :func:`archlab.roi.to_onnx`; and derivatives.
    """
    g = Geometry.from_arguments(*numbers)
    if tangents is not None:
        raise RoIError("derivatives of RoI operators cannot be exported to ONNX")
    rows = op.Cast(boxes, to=1)
    corners = op.Slice(rows, [1], [5], [1])
    # Compared one by one: a comparison with NaN is false, but a maximum may drop a NaN.
    largest = max(max(pair) for pair in g.scales)
    near = op.LessOrEqual(op.Mul(op.Abs(corners), largest), MAX_COORDINATE)
    near = op.Equal(op.ReduceSum(op.Cast(near, to=7), [1], keepdims=0), 4)
    image = op.Squeeze(op.Slice(rows, [0], [1], [1]), [1])
    images = op.Cast(op.Squeeze(op.Shape(features[0], start=0, end=1), [0]), to=1)
    good = op.And(near, op.And(op.Greater(image, -1.0), op.Less(image, images)))
    if levels is not None:
        known = op.And(op.GreaterOrEqual(levels, 0), op.Less(levels, len(g.scales)))
        good = op.And(good, known)
    column = op.Unsqueeze(good, [1])
    rows = op.Where(column, rows, 0.0)
    if levels is None:
        out = _one_level(op, features[0], rows, g, 0)
    else:
        out = _levels(op, features, rows, levels, g)
    out = op.Where(op.Unsqueeze(good, [1, 2, 3]), out, 0.0)
    return op.Cast(out, to=kind)


def _levels(op: Any, features: Sequence[Any], rows: Any, levels: Any, g: Geometry) -> Any:
    """Pool each level's RoIs by themselves, and scatter them to their places."""
    channels = op.Shape(features[0], start=1, end=2)
    shape = op.Concat(op.Shape(rows, start=0, end=1), channels, op.Constant(value_ints=list(g.bins)), axis=0)
    out = op.Expand(0.0, shape)
    for level, x in enumerate(features):
        place = op.Transpose(op.NonZero(op.Equal(levels, level)), perm=[1, 0])
        some = op.GatherND(rows, place)
        out = op.ScatterND(out, place, _one_level(op, x, some, g, level))
    return out


def _one_level(op: Any, x: Any, rows: Any, g: Geometry, level: int) -> Any:
    x = op.Cast(x, to=1)
    scale_y, scale_x = g.scales[level]
    (p, q), ratio = g.bins, g.sampling_ratio
    index = op.Squeeze(op.Slice(rows, [0], [1], [1]), [1])
    boxes = op.Mul(op.Slice(rows, [1], [5], [1]), [scale_x, scale_y, scale_x, scale_y])
    if g.mode == "caffe":
        return op.MaxRoiPool(x, op.Concat(op.Unsqueeze(index, [1]), boxes, axis=1), pooled_shape=[p, q])
    if g.mode in ("prroi", "partition") or (g.mode == "max" and ratio <= 0):
        raise RoIError(f"ONNX has no operator for mode {g.mode!r} with sampling_ratio {ratio}")
    pixels = "half_pixel" if g.aligned else "output_half_pixel"
    # The maximum over samples: as many bins as samples, one sample each, and a maximum over the bins.
    fine = ratio if g.mode == "max" else 1
    out = op.RoiAlign(
        x,
        boxes,
        op.Cast(index, to=7),
        coordinate_transformation_mode=pixels,
        mode="max" if g.mode == "onnx_max" else "avg",
        output_height=p * fine,
        output_width=q * fine,
        sampling_ratio=1 if fine > 1 else max(ratio, 0),
    )
    if fine == 1:
        return out
    values, _places = op.MaxPool(out, kernel_shape=[fine, fine], strides=[fine, fine])
    return values
