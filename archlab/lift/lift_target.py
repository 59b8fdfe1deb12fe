"""What a command lifts: a target as an audit takes it, or an ONNX file."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils import _pytree as pytree

from archlab.audit.audit_targets import built_target
from archlab.audit.detector_parts import is_detector
from archlab.audit.input_spec import InputSpec, TensorSpec, parse_inputs
from archlab.audit.targets import Target, find_targets
from archlab.errors import InputError, LiftError, quote
from archlab.ir import Shape
from archlab.lift.lift_model import lift_model
from archlab.lift.lift_trace import SeveralOutputsError
from archlab.lift.lifted import Lifted
from archlab.lift.torchvision_parts import PartModule, part_called, show_parts
from archlab.nn.weight_files import load_weights
from archlab.user_prints import prints_on_stderr


def lift_target(
    text: str,
    inputs: Sequence[str] = (),
    output: str | None = None,
    trust: bool = False,
    part: str | None = None,
    opaque: bool = False,
    weights: Path | None = None,
) -> Lifted:
    """Lift the one model that a text names.

    Args:
        text: as ``archlab.audit.targets`` reads it.
        inputs: as ``--input`` describes them; without, the model's own.
        output: the output to lift, where the model returns several.
        trust: whether an exported program may run code when it is read.
        part: the part to lift of one of torchvision's detectors; by default its backbone.
        opaque: whether to keep modules that cannot be said.
        weights: a file of a state dict that the model gets first; it keeps its own without.

    Raises:
        InputError: it names no model, or several, or its inputs are not known; it has no such part; or the weights are
            another model's.
        LiftError, AuditError: as ``archlab.lift``.
    """
    try:
        return _lifted(text, inputs, output, trust, part, opaque, weights)
    except SeveralOutputsError as error:
        raise LiftError(error.message, hint=f"choose one, such as --output {shlex.quote(error.names[0])}") from None


def _lifted(
    text: str,
    inputs: Sequence[str],
    output: str | None,
    trust: bool,
    part: str | None,
    opaque: bool,
    weights: Path | None,
) -> Lifted:
    spec = parse_inputs(inputs, 1)
    if text.endswith(".onnx"):
        if weights is not None:
            raise InputError("an ONNX file has its weights in it", hint="leave --weights out")
        if opaque:
            raise InputError("an ONNX file has no modules that could be kept opaque", hint="lift the torch model")
        from archlab.lift.onnx.lift_onnx import lift_onnx  # onnx is an extra

        if part is not None:
            raise _no_parts(text)
        return lift_onnx(Path(text), None if spec is None else tuple(spec.args[0].shape), output)
    found = find_targets(text, trust=trust)
    if len(found) > 1:
        names = ", ".join(target.name for target in found[:4])
        raise InputError(f"{quote(text)} names {len(found)} models", hint=f"lift one of them, such as {names}")
    model, own = built_target(found[0], real=True)
    if weights is not None:
        load_weights(model, weights)
    name = found[0].name.removesuffix("()")
    with prints_on_stderr():
        if is_detector(model) and isinstance(getattr(model, "backbone", None), nn.Module):
            return _part_lifted(part, model, _image(spec or found[0].inputs(model, 1)), name, output, opaque)
        if part is not None:
            raise _no_parts(name)
        return lift_model(model, _arguments(found[0], model, spec, own), name, output, opaque)


def _no_parts(name: str) -> InputError:
    return InputError(f"{name} is lifted whole", hint="leave --part out; torchvision's detectors have parts")


def _part_lifted(
    asked: str | None, model: nn.Module, image: Shape, name: str, output: str | None, opaque: bool
) -> Lifted:
    """Lift one part of a detector, and note which others there are."""
    part, names = part_called(asked, model, image)
    module = PartModule(model, part, output is not None)
    lifted = lift_model(module, ((1, *(part.takes or image)),), f"{name}_{part.name}", output, opaque)
    note = f"this is {part.what if output is None else f'the output {output} of its {part.name}'}"
    if others := [other for other in names if other != part.name]:
        note += f"; --part lifts another: {show_parts(others)}"
    held = tuple(f"{path}." for path in part.modules)
    unread = tuple(parameter for parameter in lifted.unread if parameter.startswith(held))
    return dataclasses.replace(lifted, unread=unread, notes=(note,))


def _image(spec: InputSpec | None) -> Shape:
    """Return the shape (C, H, W) of the one image that a detector is given, alone or in a list or a batch."""
    leaves, _ = pytree.tree_flatten(() if spec is None else (spec.args, spec.kwargs))
    shapes = [tuple(leaf.shape) for leaf in leaves if isinstance(leaf, TensorSpec)]
    if len(shapes) != 1 or len(shapes[0]) not in (3, 4):
        raise InputError("a detector's parts are lifted for one image", hint="--input 3x320x320 is one")
    return shapes[0][-3:]


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
