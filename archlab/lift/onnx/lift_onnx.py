"""One lift of an ONNX file, compared with ONNX Runtime."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archlab.errors import LiftError
from archlab.ir import Shape
from archlab.lift.lift_trace import lift_trace
from archlab.lift.lifted import Lifted
from archlab.lift.onnx.onnx_trace import trace_of
from archlab.lift.onnx.onnx_values import OnnxModel, read_onnx

CLOSE = 1e-4
"""The largest relative difference of outputs from ONNX Runtime's, whose kernels are not torch's."""


@torch.no_grad()
def lift_onnx(path: Path, shape: Shape | None = None, output: str | None = None) -> Lifted:
    """Return an ONNX file as text, verified against ONNX Runtime.

    Its weights may be initialisers or Constant nodes.

    Args:
        shape: the input's shape, the batch included, where the file leaves it open.
        output: the output to lift, where there are several.

    Raises:
        InputError: the file cannot be read or run; or onnx or onnxruntime is missing.
        LiftError: it cannot be said in the language; the message has the places, operators and reasons.
    """
    model = read_onnx(path, shape)
    trace, weights = trace_of(model)
    held = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    lifted, number = lift_trace(trace, held, path.stem, output)
    images = torch.from_numpy(model.values[model.input[0]])
    images = images.permute(0, 3, 1, 2) if trace.channels_last else images
    difference = _difference(lifted, model, model.outputs[number], images)
    if not difference <= CLOSE and (before := _before_sigmoid(lifted, model, model.outputs[number])):
        difference = _difference(before[0], model, before[1], images)
    if not difference <= CLOSE:
        raise LiftError(f"the outputs differ from ONNX Runtime's by {difference:.2g} of the largest")
    return dataclasses.replace(lifted, difference=difference)


def _difference(lifted: Lifted, model: OnnxModel, name: str, images: Tensor) -> float:
    """Return the largest difference from a tensor of the file, relative to its largest number."""
    ours = lifted.laid_out(lifted.module()(images))
    theirs = torch.from_numpy(np.array(model.values[name]))
    largest = theirs.abs().max().item()
    return float((theirs.reshape(ours.shape) - ours).abs().max()) / (largest or 1.0)


def _before_sigmoid(lifted: Lifted, model: OnnxModel, output: str) -> tuple[Lifted, str] | None:
    """Return a network without the sigmoid at its end, and the tensor of the file that this reads; None without one.

    A detector that finds nothing in random images gives numbers near 0 everywhere, in which ONNX Runtime's sigmoid,
    exact to 1e-7 of the whole range, differs by more than ``CLOSE`` of the largest.
    """
    node = next((node for node in model.nodes if output in node.output), None)
    last = lifted.written.nodes[-1]
    if node is None or node.op_type != "Sigmoid" or last.op != "sigmoid" or lifted.written.outputs != (last.name,):
        return None
    shorter = dataclasses.replace(lifted.written, nodes=lifted.written.nodes[:-1], outputs=last.inputs)
    return dataclasses.replace(lifted, written=shorter), node.input[0]
