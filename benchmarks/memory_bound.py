"""How far a forward's peak may lie above the values that live on, computed from the layers: for any processor.

Which kernel a convolution runs in depends on the processor's instruction sets and on the tensors' layout, and with it
what the convolution holds for a moment beside its input, weights and output. It is at most what the functions below
compute for one operator, and ``WORKSPACE``. All is for one thread: what narrow kernels gather, they do for each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from archlab.cost import BYTES_PER_ELEMENT
from archlab.ir import Graph, Node, numel
from archlab.ops import OPS

WORKSPACE = 64 * 1024
"""Bytes: what oneDNN's kernels keep for tiles, offsets and unfolded rows (8,216 with AVX2, 58,496 with
AVX and SSE 4.1)."""

BLOCKS = (8, 16, 24, 32, 48, 64)
"""To multiples of how many outputs a blocked layout of weights fills up: one to four registers of 8 or 16 numbers."""
LANES = 16
"""To multiples of how many channels a blocked layout fills up the rest: one AVX-512 register, or a narrower one."""

Need = Callable[[Graph, Node], int]
"""The bytes that one operator holds for a moment beside its inputs, parameters and output."""


def vectors_and_indices(graph: Graph, node: Node) -> int:
    """Count what torch itself allocates: two vectors of a batch norm's channels, a max pool's int64 indices."""
    match node.op:
        case "bn":
            return 2 * node.shape[0] * BYTES_PER_ELEMENT
        case "maxpool":
            return 8 * numel(node.shape)
    return 0


def reordered_weights(graph: Graph, node: Node) -> int:
    """Count a convolution's weights in oneDNN's blocked layout; a depthwise convolution is blocked over its groups."""
    if node.op != "conv2d":
        return 0
    out, into, *kernel = node.weights["weight"]
    groups = node.attrs["groups"]
    blocked = _blocked(out) if into == 1 else groups * _blocked(out // groups) * _filled(into)
    return blocked * math.prod(kernel) * BYTES_PER_ELEMENT


def gathered_input(graph: Graph, node: Node) -> int:
    """Count the input that a pointwise convolution with a stride reads, which narrow registers gather first."""
    if node.op != "conv2d" or math.prod(node.weights["weight"][2:]) > 1 or node.attrs["stride"] == (1, 1):
        return 0
    return graph.shape_of(node.inputs[0])[0] * math.prod(node.shape[1:]) * BYTES_PER_ELEMENT


def copied_maps(graph: Graph, node: Node) -> int:
    """Count a convolution's input and output a second time: in blocked layout, or taken apart by its groups."""
    if node.op != "conv2d":
        return 0
    maps = (graph.shape_of(node.inputs[0]), node.shape)
    return sum(_filled(channels) * math.prod(size) for channels, *size in maps) * BYTES_PER_ELEMENT


def unfolded_groups(graph: Graph, node: Node) -> int:
    """Count what a convolution holds without oneDNN, where torch computes one group after the other.

    These are the group's input and its unfolding for a matrix product (im2col), and the outputs before they are joined.
    """
    if node.op != "conv2d":
        return 0
    into, *kernel = node.weights["weight"][1:]
    _, *size = graph.shape_of(node.inputs[0])
    group = into * (math.prod(size) + math.prod(kernel) * math.prod(node.shape[1:]))
    return (group + numel(node.shape)) * BYTES_PER_ELEMENT


CHANNELS_LAST: tuple[Need, ...] = (vectors_and_indices, reordered_weights, gathered_input)
"""With oneDNN on x86-64, where every convolution's input is channels-last and none is pointwise in groups."""
ANY_LAYOUT: tuple[Need, ...] = (*CHANNELS_LAST, copied_maps)
"""With oneDNN on x86-64, whatever the layouts and groups."""
WITHOUT_ONEDNN: tuple[Need, ...] = (vectors_and_indices, unfolded_groups)
"""On any processor, whatever the layouts and groups, where torch does not use oneDNN."""


def peak_bound(graph: Graph, needs: tuple[Need, ...]) -> int:
    """Return the bytes above which no forward of one image on one thread peaks; the input counts, parameters do not."""
    moments = (alive + sum(need(graph, node) for need in needs) for node, alive in alive_at(graph))
    return max(moments) + WORKSPACE


def alive_at(graph: Graph) -> Iterator[tuple[Node, int]]:
    """Yield each operator with the bytes of its inputs, its output and all that is read later, as it ends."""
    owner: dict[str, str] = {name: name for name in graph.inputs}
    for node in graph:
        owner[node.name] = owner[node.inputs[0]] if OPS[node.op].view else node.name
    last = {owner[name]: index for index, node in enumerate(graph) for name in (*node.inputs, node.name)}
    last |= {owner[name]: len(graph) for name in graph.outputs}
    live = {name: numel(graph.shape_of(name)) for name in graph.inputs}
    for index, node in enumerate(graph):
        if owner[node.name] == node.name:
            live[node.name] = node.rows * numel(node.shape)
        yield node, sum(live.values()) * BYTES_PER_ELEMENT
        live = {name: size for name, size in live.items() if last.get(name, -1) > index}


def _blocked(outputs: int) -> int:
    """Return how many outputs there are at most when blocks of any of the sizes are filled up."""
    return max(-(-outputs // block) * block for block in BLOCKS)


def _filled(channels: int) -> int:
    """Return how many channels there are when registers are filled up; three or fewer, an image's, are left alone."""
    return channels if channels <= 3 else -(-channels // LANES) * LANES
