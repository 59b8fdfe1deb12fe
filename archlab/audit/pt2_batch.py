"""Another batch for the example inputs of an exported program, where its first axis is dynamic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from archlab.errors import InputError
from archlab.ir import show_shape

_ANYTHING = 2**20


def examples_with_batch(
    model: torch.nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], batch: int
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return an exported program's example inputs with ``batch`` in the place of the size of their first axis.

    Every axis of that symbol changes, and every other first axis that is dynamic and of the same size.

    Args:
        model: the program's module, whose graph says which axes are dynamic.

    Raises:
        InputError: the first axis is fixed, or the batch is beyond the bounds that the program was exported with.
    """
    values, spec = pytree.tree_flatten((tuple(args), dict(kwargs)))
    graph: Any = model.graph
    forms = [node.meta.get("val") for node in graph.nodes if node.op == "placeholder"]
    if len(forms) != len(values):
        raise InputError("the program does not tell the forms of its inputs", hint="describe them with --input")
    tensors = [(v, f) for v, f in zip(values, forms, strict=True) if isinstance(v, Tensor) and isinstance(f, Tensor)]
    first = next(((v, f) for v, f in tensors if v.dim()), None)
    if first is None:
        raise InputError("the program takes no tensor that has a batch", hint="leave --batch out")
    value, form = first
    if not _is_dynamic(form.shape[0]):
        if value.shape[0] == batch:
            return tuple(args), dict(kwargs)
        raise InputError(
            f"the program was exported for {show_shape(tuple(value.shape))}: its first axis is fixed at"
            f" {value.shape[0]}, and --batch {batch} cannot change it",
            hint="leave --batch out, or export it with dynamic_shapes whose first axis is torch.export.Dim",
        )
    _check_bounds(form.shape[0], batch)
    size = value.shape[0]
    symbols = {str(f.shape[0]) for v, f in tensors if v.dim() and _is_dynamic(f.shape[0]) and v.shape[0] == size}
    made = [
        _resized(v, f, symbols, batch) if isinstance(v, Tensor) and isinstance(f, Tensor) else v
        for v, f in zip(values, forms, strict=True)
    ]
    args, kwargs = pytree.tree_unflatten(made, spec)
    return tuple(args), dict(kwargs)


def _is_dynamic(size: Any) -> bool:  # torch's types say that a size is always an int
    return isinstance(size, torch.SymInt)


def _check_bounds(size: Any, batch: int) -> None:
    bounds = size.node.shape_env.bound_sympy(size.node.expr)
    low = int(bounds.lower)
    high = int(bounds.upper) if bounds.upper.is_finite and bounds.upper < _ANYTHING else None
    if batch < low or (high is not None and batch > high):
        most = f" to {high:,}" if high is not None else ""
        raise InputError(f"the program was exported for a batch from {low}{most}, not {batch:,}")


def _resized(value: Tensor, form: Tensor, symbols: set[str], batch: int) -> Tensor:
    """Repeat a tensor's first entry along every axis of the batch: no memory is needed for that."""
    for axis, size in enumerate(form.shape):
        if _is_dynamic(size) and str(size) in symbols:
            sizes = [-1] * value.dim()
            sizes[axis] = batch
            value = value.narrow(axis, 0, 1).expand(sizes)
    return value
