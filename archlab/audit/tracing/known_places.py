"""Operators whose output has a form that the values of an argument decide: where these are known, so is the form.

A mask says how many rows an index takes, repeats how long a tensor becomes, sections where it is cut. These arguments
are often real and small while what they select from has no data. They are given as numbers, before they lose their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Call = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""An operator with its arguments."""


def with_known_places(name: str, call: Call) -> Call:
    """Return what to run on tensors without data in place of ``call`` of the operator of this name."""
    change = _CHANGES.get(name)
    return call if change is None else change(*call)


def blank_of_form(tensor: Tensor) -> Tensor:
    """Return a real tensor of this shape and hardly any memory, for an operator that takes no more of it."""
    return torch.empty((), dtype=tensor.dtype).expand(tensor.shape)


def _indexed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    indices: list[Any] = []
    for index in args[1]:
        indices.extend(_places(index) if _is_known_mask(index) else (index,))
    return func, (args[0], indices, *args[2:]), kwargs


def _selected(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    values, mask = args[0], args[1]
    if not _is_known_mask(mask):
        return func, args, kwargs
    values, mask = torch.broadcast_tensors(values, mask)  # type: ignore[no-untyped-call]
    return torch.ops.aten.index.Tensor, (values, _places(mask)), kwargs


def _repeated(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    if len(args) < 2 or not _is_known(args[1]) or kwargs.get("output_size") is not None:
        return func, args, kwargs
    values, repeats, axis = args[0], args[1], args[2] if len(args) > 2 else kwargs.get("dim")
    length = values.numel() if axis is None else values.shape[axis]
    size = int(repeats.sum()) if repeats.numel() != 1 else int(repeats) * length
    return func, args, {**kwargs, "output_size": size}


def _cut(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    if not _is_known(args[1]):
        return func, args, kwargs
    where, operators = args[1].tolist(), torch.ops.aten.tensor_split
    return operators.indices if isinstance(where, list) else operators.sections, (args[0], where, *args[2:]), kwargs


def _narrowed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    if not _is_known(args[2]):
        return func, args, kwargs
    return torch.ops.aten.narrow.default, (*args[:2], int(args[2]), *args[3:]), kwargs


def _places(mask: Tensor) -> list[Tensor]:
    return list(mask.nonzero().unbind(1))


def _is_known(value: Any) -> bool:
    return isinstance(value, Tensor) and not value.is_meta


def _is_known_mask(value: Any) -> bool:
    return _is_known(value) and value.dtype in (torch.bool, torch.uint8)


_CHANGES: dict[str, Callable[..., Call]] = {
    "index": _indexed,
    "_unsafe_index": _indexed,
    "index_put": _indexed,
    "_unsafe_index_put": _indexed,
    "_index_put_impl": _indexed,
    "masked_select": _selected,
    "repeat_interleave": _repeated,
    "tensor_split": _cut,
    "narrow": _narrowed,
}
