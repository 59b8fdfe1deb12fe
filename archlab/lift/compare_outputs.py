"""Whether a lifted text computes what the model does: both run for real on the same images."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from archlab.audit.input_spec import InputSpec
from archlab.audit.tracing.preserve import preserve_model, set_mode
from archlab.errors import ArchlabError, LiftError
from archlab.lift.lifted import Lifted

CLOSE, EXACT = 1e-6, 1e-9
"""The largest relative difference of outputs in float32, and in float64, where only another function differs more."""


@torch.no_grad()
def output_difference(model: nn.Module, call: InputSpec | Sequence[Any], lifted: Lifted, output: int) -> Lifted:
    """Return ``lifted`` with the difference of its outputs from the model's; where a tensor has no data, as it is.

    In float32 different kernels round differently, and deep networks amplify that. So where the difference is more
    than ``CLOSE``, or an output is not finite, both run again in float64.

    Args:
        output: which of the tensors that the model returns the text gives.

    Raises:
        LiftError: the outputs differ, or are not finite.
    """
    tensors = [*model.parameters(), *model.buffers()]
    images = _images(call, tensors)
    if images is None:
        return lifted
    difference = _difference(model, lifted, images, output)
    if not difference <= CLOSE:
        words = f"the outputs differ by {difference:.2g} of the largest"
        try:  # models may cast, and are anybody's code
            with preserve_model(model):
                exact = _difference(copy.deepcopy(model).double(), lifted, images.double(), output)
        except ArchlabError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
            raise LiftError(f"{words}, and the model does not run in float64: {why}") from error
        if math.isnan(exact):
            raise LiftError("the model's outputs are not finite, so that the text's cannot be compared with them")
        if not exact <= EXACT:
            raise LiftError(f"{words}, and by {exact:.2g} in float64")
        difference = exact if math.isnan(difference) else difference
    return dataclasses.replace(lifted, difference=difference)


def _images(call: InputSpec | Sequence[Any], tensors: Sequence[Tensor]) -> Tensor | None:
    """Return real images for a call; None where there is nothing real to run."""
    if any(
        is_lazy(t) or t.device.type != "cpu" or (t.is_floating_point() and t.dtype != torch.float32) for t in tensors
    ):
        return None
    if isinstance(call, InputSpec):
        shape = call.args[0].shape
        return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    (images,) = call
    return images.detach() if images.device.type == "cpu" else None


def _difference(model: nn.Module, lifted: Lifted, images: Tensor, output: int) -> float:
    """Return the largest difference relative to the largest output; NaN where an output is not finite."""
    # A forward may count its calls in a buffer, or change its own weights.
    held = [(tensor, tensor.clone()) for tensor in (*model.parameters(), *model.buffers())]
    with preserve_model(model):
        set_mode(model, False)
        outputs = [leaf for leaf in pytree.tree_leaves(model(images.clone())) if isinstance(leaf, Tensor)]
        for tensor, before in held:
            if not torch.equal(tensor, before):
                tensor.copy_(before)
    theirs, ours = outputs[output], lifted.laid_out(lifted.module().to(images.dtype)(images))
    if theirs.shape != ours.shape:
        raise LiftError(f"the text gives {tuple(ours.shape)} where the model gives {tuple(theirs.shape)}")
    largest, difference = float(theirs.abs().max()), float((theirs - ours).abs().max())
    return difference / largest if largest else difference
