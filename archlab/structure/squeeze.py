"""Squeeze-excites: an input times a gate that two layers make of its means (Hu et al., arXiv:1709.01507)."""

from __future__ import annotations

from archlab.structure.convolutions import conv_of, is_dense_pointwise, is_linear
from archlab.structure.layers import Layer
from archlab.structure.regions import Element, Join, beside_fork

_GATES = frozenset({"sigmoid", "hardsigmoid"})


def is_squeeze_excite(element: Element) -> bool:
    """Return whether an element is its fork times global pooling, a layer, an activation, a layer and a gate."""
    if not isinstance(element, Join) or element.layer.main.op != "mul":
        return False
    gate = beside_fork(element)
    if gate is None or len(gate) != 3:
        return False
    pooled, down, up = gate
    if not isinstance(up, Layer) or not _is_global_pooling(pooled):
        return False
    return _mixes_channels(down) and not is_linear(down) and _mixes_channels(up) and up.after[-1:] in _ENDS


_ENDS = {(gate,) for gate in _GATES}


def squeezed(element: Element) -> int:
    """Return the channels in the middle of a squeeze-excite."""
    assert isinstance(element, Join)
    gate = beside_fork(element)
    assert gate is not None
    return gate[1].nodes[-1].shape[0]


def _is_global_pooling(element: Element) -> bool:
    return isinstance(element, Layer) and (element.main.op == "gap" or element.main.attrs.get("size") == (1, 1))


def _mixes_channels(element: Element) -> bool:
    conv = conv_of(element)
    if conv is not None:
        return is_dense_pointwise(conv)
    return isinstance(element, Layer) and element.main.op == "linear"
