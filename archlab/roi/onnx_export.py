"""ONNX export: the operators in terms of ONNX's own RoiAlign and MaxRoiPool, so that any runtime can run
them.

A box that is not usable gives zeros in the exported graph as well: ONNX Runtime would read out of bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from onnxscript import INT64, opset18

import archlab.roi.ops  # noqa: F401 - registers the operators that the table names
from archlab.roi.onnx_graph import write_align


def onnx_translation_table() -> dict[Any, Callable[..., Any]]:
    """Return the ``custom_translation_table`` with which ``torch.onnx.export(dynamo=True)`` writes the operators."""
    return {
        torch.ops.archlab.roi_align.default: _align,
        torch.ops.archlab.roi_choose.default: _choose,
    }


def to_onnx(
    module: torch.nn.Module,
    args: tuple[Any, ...],
    path: str | Path | None = None,
    *,
    dynamic_shapes: dict[str, Any] | tuple[Any, ...] | None = None,
    opset_version: int = 18,
) -> Any:
    """Export a module that uses RoI operators; ``torch.onnx.export`` with ``onnx_translation_table``.

    Args:
        dynamic_shapes: as ``torch.export`` takes them, such as ``{"boxes": {0: Dim("K")}}``.

    Returns:
        torch's ``ONNXProgram``, also written to ``path`` where one is given.

    Raises:
        RoIError: modes that ONNX has no operator for: ``prroi``, ``partition``, and ``max`` with adaptive
            sampling.
    """
    program = torch.onnx.export(
        module,
        args,
        dynamo=True,
        dynamic_shapes=dynamic_shapes,
        opset_version=opset_version,
        custom_translation_table=onnx_translation_table(),
        verbose=False,
    )
    if path is not None and program is not None:
        program.save(str(path))
    return program


def _choose(features: Sequence[Any], boxes: Any, levels: Any, *_numbers: Any) -> Any:
    """Return a placeholder of the right type: the maximum is taken where the values are read."""
    del features, levels, _numbers
    return opset18.Cast(opset18.Shape(boxes), to=INT64.dtype)


def _align(
    features: Sequence[Any],
    boxes: Any,
    levels: Any,
    choice: Any,
    tangents: Any,
    *numbers: Any,
) -> Any:
    del choice
    return write_align(opset18, int(features[0].dtype), features, boxes, levels, tangents, *numbers)
