"""An operator's arguments on a pass over tensors without data: their devices, their forms, and which are small."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from archlab.audit.rules.lookup import KnownOperator

SMALL, SMALL_COUNTS = 2**14, 2**18
"""Real tensors of at most so many elements are computed for real on a pass over meta tensors: of floating-point
numbers, and of those that are looked at, integers and truth values."""
ROOMY = 2**22
"""So many, of whatever type, where a forward was found to look at larger ones, such as the mask of an image."""

_META, _CPU = torch.device("meta"), torch.device("cpu")


def map_tensors(values: Sequence[Any], change: Callable[[Tensor], Tensor]) -> tuple[Any, ...]:
    """Return an operator's arguments with every tensor changed."""
    return tuple(
        change(value)
        if isinstance(value, Tensor)
        else [change(item) if isinstance(item, Tensor) else item for item in value]
        if isinstance(value, list | tuple)
        else _META
        if isinstance(value, torch.device)
        else value
        for value in values
    )


def is_small(tensor: Tensor, roomy: bool = False) -> bool:
    """Return whether a pass over meta tensors computes a real tensor for real; a ``roomy`` one does larger ones too."""
    if tensor.layout is not torch.strided:
        return True  # what it stores is less than its shape, and has no form without values
    if roomy:
        return tensor.numel() <= ROOMY
    counts = not (tensor.is_floating_point() or tensor.is_complex())
    return tensor.numel() <= (SMALL_COUNTS if counts else SMALL)


def has_own_memory(tensor: Tensor) -> bool:
    """Return whether a tensor is what it looks like: neither sparse or ragged, nor a wrapper of others."""
    return tensor.layout is torch.strided and type(tensor).__torch_dispatch__ is Tensor.__torch_dispatch__


def stand_in(tensor: Tensor, known: KnownOperator, roomy: bool) -> Tensor:
    """Return what an operator that only fills may take in place of a tensor without data."""
    if known.name.startswith("new_"):
        return torch.empty(0, dtype=tensor.dtype)
    return (
        tensor
        if not is_small(tensor, roomy)
        else torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
    )


def with_values(value: Any) -> Any:
    """Return an argument, and for a device on which nothing has values the processor."""
    if isinstance(value, torch.device) and (value.type == "meta" or (value.type == "cuda" and not _has_cuda())):
        return _CPU
    return value


@functools.cache
def _has_cuda() -> bool:
    return torch.cuda.is_available()


def is_meta(device: Any) -> bool:
    return device is not None and torch.device(device).type == "meta"


def on_meta(kwargs: dict[str, Any], known: KnownOperator) -> dict[str, Any]:
    return {**kwargs, "device": _META} if known.factory else kwargs


def off_device(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Put the meta device in place of any other: tensors without data cannot go to another."""
    if kwargs.get("device") is None or is_meta(kwargs["device"]):
        return kwargs
    return {**kwargs, "device": _META, **({"pin_memory": False} if kwargs.get("pin_memory") else {})}


def form_of(value: Any) -> Any:
    """Return what of an argument decides the form of the output; the type too, for 1 and 1.0 are equal."""
    if isinstance(value, Tensor):
        return value.shape, value.stride(), value.dtype
    if isinstance(value, list | tuple):
        return tuple(map(form_of, value))
    return type(value), value


def have_same_memory(a: Tensor, b: Tensor) -> bool:
    return bool(a.untyped_storage()._cdata == b.untyped_storage()._cdata)
