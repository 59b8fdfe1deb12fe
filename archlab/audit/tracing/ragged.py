"""Ragged batches on a pass: attention sequence by sequence, and values without data beside offsets that have them.

PyTorch's own attention of jagged tensors chooses a kernel by the device, which hides the products; and a jagged tensor
refuses offsets that are real where its values have none. Nothing is done where no jagged tensor was ever made.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from archlab.audit.tracing.surroundings import replaced

_attention: Callable[..., Tensor] = F.scaled_dot_product_attention
_HOME = "torch.nested._internal"


@contextlib.contextmanager
def ragged_followed() -> Iterator[None]:
    """Let jagged tensors be counted exactly."""
    tensors, operators = sys.modules.get(f"{_HOME}.nested_tensor"), sys.modules.get(f"{_HOME}.ops")
    if tensors is None or operators is None:
        yield
        return
    kind, name = tensors.NestedTensor, "jagged_scaled_dot_product_attention"
    attention = _by_sequences(getattr(operators, name), kind)
    with replaced(kind, "__new__", staticmethod(_on_any_device(kind.__new__))), replaced(operators, name, attention):
        yield


def as_jagged(tensor: Tensor) -> Tensor:
    """Return a nested tensor of the older layout, which tells no sizes, as a jagged one; any other as it is."""
    if not tensor.is_nested or tensor.layout is not torch.strided:
        return tensor
    return torch.nested.as_nested_tensor(list(tensor.unbind()), layout=torch.jagged)


def _on_any_device(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes the shell of a jagged tensor; its values are set afterwards, wherever they are."""

    def new(cls: type, values: Tensor, offsets: Tensor, **given: Any) -> Any:
        if values.device != offsets.device:
            with _disable_current_modes():
                values = torch.empty_strided(
                    values.shape, values.stride(), dtype=values.dtype, device=offsets.device
                ).requires_grad_(values.requires_grad)
        return original(cls, values, offsets, **given)

    return new


def _by_sequences(original: Callable[..., Any], kind: Any) -> Callable[..., Any]:
    """Return attention of jagged tensors sequence by sequence: (batch, heads, length, features), or without heads."""

    def attention(query: Any, key: Any, value: Any, attn_mask: Any = None, *args: Any, **given: Any) -> Any:
        three = (query, key, value)
        axis = query._ragged_idx - 1
        if (
            attn_mask is not None
            or not all(_is_plain(t, kind, query._ragged_idx) for t in three)
            or axis == query.dim() - 2
        ):
            return original(query, key, value, attn_mask, *args, **given)
        starts = [t._offsets.tolist() for t in three]
        parts = []
        for i in range(len(starts[0]) - 1):
            own = [t.values().narrow(axis, s[i], s[i + 1] - s[i]) for t, s in zip(three, starts, strict=True)]
            parts.append(_attention(*own, None, *args, **given))
        lengths = {"min_seqlen": query._maybe_min_seqlen, "max_seqlen": query._maybe_max_seqlen}
        view = sys.modules[f"{_HOME}.nested_tensor"].nested_view_from_values_offsets_lengths
        return view(torch.cat(parts, axis), query._offsets, None, ragged_idx=query._ragged_idx, **lengths)

    return attention


def _is_plain(tensor: Any, kind: Any, axis: int) -> bool:
    """Return whether a tensor is jagged along this axis, its sequences stand one behind the other and are known."""
    return (
        isinstance(tensor, kind)
        and tensor._ragged_idx == axis
        and tensor._lengths is None
        and not tensor._offsets.is_meta
    )
