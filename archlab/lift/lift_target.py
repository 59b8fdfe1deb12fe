"""What a command lifts: a target as an audit takes it, or an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from archlab.audit.audit_targets import built_target
from archlab.audit.input_spec import InputSpec, parse_inputs
from archlab.audit.targets import Target, find_targets
from archlab.errors import InputError, quote
from archlab.lift.lift_model import lift_model
from archlab.lift.lifted import Lifted
from archlab.user_prints import prints_on_stderr


def lift_target(
    text: str, inputs: Sequence[str] = (), output: str | None = None, trust: bool = False, opaque: bool = False
) -> Lifted:
    """Lift the one model that a text names.

    Args:
        text: as ``archlab.audit.targets`` reads it.
        inputs: as ``--input`` describes them; without, the model's own.
        output: the output to lift, where the model returns several.
        trust: whether an exported program may run code when it is read.
        opaque: whether to keep modules that cannot be said.

    Raises:
        InputError: it names no model, or several, or its inputs are not known.
        LiftError, AuditError: as ``archlab.lift``.
    """
    spec = parse_inputs(inputs, 1)
    if text.endswith(".onnx"):
        if opaque:
            raise InputError("an ONNX file has no modules that could be kept opaque", hint="lift the torch model")
        from archlab.lift.onnx.lift_onnx import lift_onnx  # onnx is an extra

        return lift_onnx(Path(text), None if spec is None else tuple(spec.args[0].shape), output)
    found = find_targets(text, trust=trust)
    if len(found) > 1:
        names = ", ".join(target.name for target in found[:4])
        raise InputError(f"{quote(text)} names {len(found)} models", hint=f"lift one of them, such as {names}")
    model, own = built_target(found[0], real=True)
    with prints_on_stderr():
        return lift_model(
            model, _arguments(found[0], model, spec, own), found[0].name.removesuffix("()"), output, opaque
        )


def _arguments(target: Target, model: nn.Module, spec: InputSpec | None, own: Any) -> tuple[Any, ...]:
    """Return what the model is called with: tensors that came with it, or one shape."""
    if spec is None:
        spec = target.inputs(model, 1)
    if spec is None and own is not None:
        args, kwargs = own
        if kwargs or len(args) != 1:
            raise InputError("its inputs came with it, and are not one batch of images")
        return tuple(args)
    if spec is None:
        raise InputError("its inputs are not known", hint="describe them with --input 3x224x224")
    args, kwargs = spec.args, spec.kwargs
    if kwargs or len(args) != 1 or not hasattr(args[0], "shape"):
        raise InputError(f"it takes {spec}, and not one batch of images", hint="--input 3x224x224 is one")
    return (tuple(args[0].shape),)
