"""What a block is set to, read from its operators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archlab.ir import Node, Shape, show_shape
from archlab.ops import OPS
from archlab.structure.convolutions import (
    CONVOLUTIONS,
    NO_ACTIVATION,
    channels_in,
    channels_out,
    groups,
    is_depthwise,
    is_pointwise,
    largest_stride,
)
from archlab.structure.found import Block, Settings
from archlab.structure.layers import NORMS
from archlab.structure.regions import Element

_NOT_LIGHT = frozenset({"shuffle", "slice", "softmax", "gmp", "group_sum"})
BYTES_PER_ELEMENT = 4


def make_block(
    kind: str,
    elements: Sequence[Element],
    *,
    path: Sequence[Element] | None = None,
    shortcut: str = "",
    squeeze: int = 0,
    inside: Iterable[Block] = (),
    operator: str = "",
) -> Block:
    """Return a block of these elements.

    Args:
        path: the elements that its settings are read from; by default all of them. A shortcut is no part of it.
        squeeze: the channels in the middle of its squeeze-excites.
    """
    nodes = [node for element in elements for node in element.nodes]
    on_path = nodes if path is None else [node for element in path for node in element.nodes]
    return Block(
        kind=kind,
        nodes=tuple(node.name for node in nodes),
        shape=nodes[-1].shape,
        settings=_settings(on_path, nodes, squeeze, operator),
        shortcut=shortcut,
        params=sum(node.params for node in nodes),
        macs=sum(node.macs for node in nodes),
        memory=sum(map(put_out, nodes)),
        inside=tuple(inside),
    )


def put_out(node: Node) -> int:
    """Return the bytes of an operator's output, for one image in fp32; none where it is a view of its input."""
    row = OPS.get(node.op)
    if row is not None and row.view:
        return 0
    elements = node.rows
    for size in node.shape:
        elements *= size
    return elements * BYTES_PER_ELEMENT


def _settings(path: Sequence[Node], nodes: Sequence[Node], squeeze: int, operator: str) -> Settings:
    convs = [node for node in path if node.op in CONVOLUTIONS and node.shape[1:] != (1, 1)]
    convs = convs or [node for node in path if node.op in CONVOLUTIONS]
    strides = [largest_stride(node) for node in path if "stride" in node.attrs and node.op != "conv_transpose"]
    spatial = [node for node in path if node.attrs.get("kernel", 1) not in (1, (1, 1))]
    depthwise = [conv for conv in convs if is_depthwise(conv)]
    grouped = [groups(conv) for conv in convs if not is_depthwise(conv)]
    channels = nodes[-1].shape[0]
    return Settings(
        channels=channels,
        width=_width(convs, channels),
        kernel=tuple(_shown(node.attrs["kernel"]) for node in spatial),
        stride=max(strides, default=1),
        groups=max(grouped, default=1),
        dilation=max((max(conv.attrs["dilation"]) for conv in convs), default=1),
        multiplier=max((channels_out(conv) // channels_in(conv) for conv in depthwise), default=0),
        squeeze=squeeze,
        activation=_once(node.op for node in nodes if _is_activation(node)),
        norm=_once(node.op for node in nodes if node.op in NORMS),
        operator=operator,
    )


def _shown(kernel: int | Shape) -> str:
    return show_shape(kernel) if isinstance(kernel, tuple) else str(kernel)


def _width(convs: Sequence[Node], channels: int) -> int:
    """Return the channels in the middle of a block of two convolutions or more, where they are not the output's."""
    inner = [channels_out(conv) for conv in convs[:-1] if is_pointwise(conv)] or [channels_out(c) for c in convs[:-1]]
    return inner[0] if inner and inner[0] != channels else 0


def _is_activation(node: Node) -> bool:
    row = OPS.get(node.op)
    alone = len(node.inputs) == 1 and not node.macs and "kernel" not in node.attrs
    return (
        alone and row is not None and row.fvcore is None and not row.view and node.op not in NO_ACTIVATION | _NOT_LIGHT
    )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
