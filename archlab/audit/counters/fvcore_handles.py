"""What fvcore lacks, as handles that are registered with its public API: an operator's name and its MACs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from fvcore.nn.jit_handles import get_shape

Handle = Callable[[list[Any], list[Any]], Any]
"""Counts from the values of a JIT trace that an operator takes and puts out."""


def _attention(inputs: list[Any], outputs: list[Any]) -> Any:
    query, key, value = map(get_shape, inputs[:3])
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _batched(inputs: list[Any], outputs: list[Any]) -> Any:
    return math.prod(get_shape(inputs[1])) * get_shape(inputs[2])[-1]


def _vector(inputs: list[Any], outputs: list[Any]) -> Any:
    return math.prod(get_shape(inputs[0]))


def _recurrent(inputs: list[Any], outputs: list[Any]) -> Any:
    data = get_shape(inputs[0])
    weights = [w for value in inputs for w in _list_of(value) if len(w) == 2]
    return math.prod(data[:-1]) * sum(map(math.prod, weights))


def _recurrent_cell(inputs: list[Any], outputs: list[Any]) -> Any:
    data = get_shape(inputs[0])
    return math.prod(data[:-1]) * sum(math.prod(get_shape(w)) for w in inputs[2:4])


def _list_of(value: Any) -> list[list[int]]:
    """Return the shapes in a list of tensors."""
    if value.node().kind() != "prim::ListConstruct":
        return []
    return [shape for item in value.node().inputs() if (shape := get_shape(item)) is not None]


def _convolution(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter({"conv": math.prod(get_shape(outputs[0])) * math.prod(get_shape(inputs[1])[1:])})


def _bilinear(inputs: list[Any], outputs: list[Any]) -> Any:
    return math.prod(get_shape(outputs[0])) * math.prod(get_shape(inputs[2])[1:])


def _deform(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter({"conv": math.prod(get_shape(outputs[0])) * math.prod(get_shape(inputs[1])[1:])})


def _nothing(inputs: list[Any], outputs: list[Any]) -> Any:
    return 0


HANDLES: Mapping[str, Handle] = {
    "aten::scaled_dot_product_attention": _attention,
    "aten::baddbmm": _batched,
    "aten::addbmm": _batched,
    "aten::mv": _vector,
    "aten::dot": _vector,
    "aten::vdot": _vector,
    **dict.fromkeys((f"aten::{name}" for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")), _recurrent),
    **dict.fromkeys((f"aten::{name}" for name in ("lstm_cell", "gru_cell", "rnn_tanh_cell")), _recurrent_cell),
    "aten::_convolution_mode": _convolution,
    "aten::bilinear": _bilinear,
    "torchvision::deform_conv2d": _deform,
    "torchvision::roi_align": _nothing,
    "torchvision::roi_pool": _nothing,
    "torchvision::ps_roi_align": _nothing,
    "torchvision::nms": _nothing,
    "archlab::roi_align": _nothing,
    "archlab::roi_choose": _nothing,
}
"""The handles by the name of the operator in a trace."""
