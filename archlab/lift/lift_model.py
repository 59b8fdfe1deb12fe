"""One lift of a torch model: traced without data, written as text, and compared with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from archlab.audit.given_shapes import shapes_given
from archlab.errors import InputError
from archlab.lift.capture import capture, tensors_of
from archlab.lift.compare_outputs import output_difference
from archlab.lift.lift_trace import lift_trace
from archlab.lift.lifted import Lifted
from archlab.lift.opaque.keep_opaque import keep_opaque


def lift_model(
    model: nn.Module,
    args: Sequence[Any],
    name: str | None = None,
    output: str | None = None,
    opaque: bool = False,
) -> Lifted:
    """Lift ``model(*args)``, see ``archlab.lift``.

    Args:
        args: tensors, on any device; or one shape as ``archlab.audit`` takes it.
        opaque: whether to keep modules that cannot be said.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"{type(model).__name__} is no torch module", hint="give an instance of torch.nn.Module")
    spec = shapes_given(args, {})
    trace = capture(model, args if spec is None else spec.make("meta")[0])
    name = name or trace.name
    paths: tuple[str, ...] = ()
    if opaque:
        model = getattr(model, "_orig_mod", model)  # its modules are those of what it was compiled from
        trace, paths = keep_opaque(model, trace, name, output)
    lifted, number = lift_trace(trace, tensors_of(model), name, output)
    lifted = replace(lifted, originals={path: model.get_submodule(path) for path in paths})
    return output_difference(model, args if spec is None else spec, lifted, number)
