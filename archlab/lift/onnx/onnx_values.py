"""What an ONNX file holds and computes: its weights, and for one batch the value and shape of every tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archlab.errors import InputError, LiftError
from archlab.ir import Shape

MOST_BYTES = 2**31


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX file, run once.

    Attributes:
        name: the graph's name.
        nodes: its nodes in the order of running, those that hold constants left out.
        weights: initialisers and values of Constant nodes, by name.
        input: the name and shape of its one input.
        outputs: the names of its outputs.
        values: what every tensor was on random images, by name.
        fixed: the names of tensors that do not depend on the images.
    """

    name: str
    nodes: Sequence[Any]
    weights: Mapping[str, np.ndarray]
    input: tuple[str, Shape]
    outputs: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    fixed: frozenset[str]

    def shape(self, name: str) -> Shape:
        """Return the shape of a tensor."""
        held = self.weights.get(name)
        return tuple((self.values[name] if held is None else held).shape)

    def constant(self, name: str) -> np.ndarray | None:
        """Return a tensor that is the same for all images; None for any other."""
        held = self.weights.get(name)
        return held if held is not None else self.values[name] if name in self.fixed else None


def read_onnx(path: Path, shape: Shape | None = None) -> OnnxModel:
    """Read an ONNX file and run it once with ONNX Runtime on random images, every tensor kept.

    Args:
        shape: the input's shape, the batch included; needed where the file leaves sizes open beside the batch.

    Raises:
        InputError: the file cannot be read or run; or onnx or onnxruntime is missing.
        LiftError: it takes more than one input.
    """
    try:
        import onnx
        import onnxruntime
        from onnx import numpy_helper
    except ImportError as error:
        raise InputError(f"{error.name} cannot be imported", hint="pip install 'archlab[onnx]'") from error
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} has more than {MOST_BYTES >> 30} GiB")
        model = onnx.load(path)
        graph = model.graph
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                value = next(a for a in node.attribute if a.name.startswith("value"))
                weights[node.output[0]] = np.asarray(
                    numpy_helper.to_array(value.t) if value.name == "value" else onnx.helper.get_attribute_value(value)
                )
    except FileNotFoundError as error:
        raise InputError(f"no such file: {error.filename}") from error
    except (OSError, ValueError, StopIteration, onnx.checker.ValidationError) as error:
        raise InputError(f"{path} cannot be read as ONNX: {_first(error)}") from error
    except Exception as error:  # protobuf's errors have no common class that is public
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no ONNX file: {_first(error)}") from error
    given = [value for value in graph.input if value.name not in weights]
    if len(given) != 1:
        names = ", ".join(value.name for value in given) or "nothing"
        raise LiftError(f"{path.name} takes {names}, and a network of the language takes one batch of images")
    shape = shape or _declared(given[0])
    nodes = [node for node in graph.node if node.op_type != "Constant"]
    values = _run(onnx, onnxruntime, model, nodes, given[0].name, shape)
    outputs = tuple(value.name for value in graph.output)
    return OnnxModel(
        graph.name or path.stem, nodes, weights, (given[0].name, shape), outputs, values,
        _fixed(nodes, set(weights)),
    )  # fmt: skip


def _declared(value: Any) -> Shape:
    sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    if len(sizes) != 4 or min(sizes[1:]) < 1:
        shown = "x".join(str(size or "?") for size in sizes) or "nothing"
        raise InputError(f"the input {value.name} is {shown}", hint="give its shape with --input 3x224x224")
    return (sizes[0] or 1, *sizes[1:])


def _run(onnx: Any, runtime: Any, model: Any, nodes: Sequence[Any], name: str, shape: Shape) -> dict[str, np.ndarray]:
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    del whole.graph.output[:]
    names = [output for node in nodes for output in node.output if output]
    whole.graph.output.extend(onnx.helper.make_empty_tensor_value_info(output) for output in names)
    images = np.random.default_rng(0).random(shape, dtype=np.float32) * 2 - 1
    try:
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        session = runtime.InferenceSession(whole.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = session.run(names, {name: images})
    except Exception as error:  # ONNX Runtime's errors have no common class that is public
        raise InputError(f"ONNX Runtime cannot run it: {_first(error)}", hint="check --input") from error
    return {name: images, **dict(zip(names, found, strict=True))}


def _fixed(nodes: Sequence[Any], known: set[str]) -> frozenset[str]:
    """Return the tensors that follow from constants, or from shapes, alone."""
    fixed = set(known)
    for node in nodes:
        if node.op_type in ("Shape", "Size") or all(name in fixed for name in node.input if name):
            fixed.update(node.output)
    return frozenset(fixed)


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
