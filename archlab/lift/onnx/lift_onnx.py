"""One lift of an ONNX file, compared with ONNX Runtime."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch

from archlab.errors import LiftError
from archlab.ir import Shape
from archlab.lift.lift_trace import lift_trace
from archlab.lift.lifted import Lifted
from archlab.lift.onnx.onnx_trace import trace_of
from archlab.lift.onnx.onnx_values import read_onnx

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
    ours = lifted.laid_out(lifted.module()(images.permute(0, 3, 1, 2) if trace.channels_last else images))
    theirs = torch.from_numpy(np.array(model.values[model.outputs[number]]))
    largest = theirs.abs().max().item()
    difference = (theirs.reshape(ours.shape) - ours).abs().max().item() / (largest or 1.0)
    if not difference <= CLOSE:
        raise LiftError(f"the outputs differ from ONNX Runtime's by {difference:.2g} of the largest")
    return dataclasses.replace(lifted, difference=difference)
