"""A network of which some convolutions were replaced by cheaper layers: which operators are the same, which new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archlab.carry.channels import is_depthwise
from archlab.carry.correspondence import Correspondence
from archlab.errors import InputError
from archlab.ir import Graph, Node


@dataclass(frozen=True, slots=True)
class Replacement:
    """What stands for a convolution.

    Attributes:
        source: the convolution's operator.
        layers: the convolutions in its place, in order.
        inner: every operator before the last of them, in order.
    """

    source: str
    layers: tuple[str, ...]
    inner: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alignment:
    """The same values in a network and in its rewriting.

    Attributes:
        corr: the source's operator and channels of each of the target's that gives what one of the source gives;
            operators inside a replacement are none.
        replacements: in order.
    """

    corr: Correspondence
    replacements: tuple[Replacement, ...]


def align(source: Graph, target: Graph) -> Alignment:
    """Match the operators of a network with those of its rewriting by ``archlab.rewrite``, in running order.

    Raises:
        InputError: the target is no rewriting of the source.
    """
    theirs, ours = list(source), list(target)
    node: dict[str, str] = {name: name for name in source.inputs}
    index = {name: tuple(range(source.shape_of(name)[0])) for name in source.inputs}
    found: list[Replacement] = []
    order: tuple[int, ...] | None = None  # of the channels between a grouped convolution and its shuffle
    j = 0
    for there in theirs:
        while j < len(ours) and ours[j].op == "shuffle" and not _is_alike(there, ours[j], node):
            name = ours[j].inputs[0]
            node[ours[j].name], index[ours[j].name] = node[name], tuple(range(ours[j].shape[0]))
            order, j = None, j + 1
        if j >= len(ours):
            raise _no_rewriting(there, target)
        if not _is_alike(there, ours[j], node):
            count = _count(there, ours, j)
            layers, inner = _chain(ours, j, count)
            if len(layers) < count or layers[-1].shape != there.shape:
                raise _no_rewriting(there, target)
            found.append(Replacement(there.name, tuple(n.name for n in layers), tuple(n.name for n in inner)))
            j += len(inner)
            if count == 1:
                order = _shuffled(ours[j].shape[0], int(ours[j].attrs["groups"]))
        node[ours[j].name] = there.name
        index[ours[j].name] = order or tuple(range(there.shape[0]))
        j += 1
    while j < len(ours) and ours[j].op == "shuffle":
        name = ours[j].inputs[0]
        node[ours[j].name], index[ours[j].name] = node[name], tuple(range(ours[j].shape[0]))
        j += 1
    if j < len(ours):
        raise _no_rewriting(theirs[-1], target)
    reads = {n.name: index[n.inputs[0]] for n in ours if n.inputs[0] in index}
    return Alignment(Correspondence(node, index, reads), tuple(found))


def _is_alike(there: Node, here: Node, node: Mapping[str, str]) -> bool:
    inputs = tuple(node.get(name) for name in here.inputs)
    same = (there.op, there.shape, there.attrs, there.weights) == (here.op, here.shape, here.attrs, here.weights)
    return same and inputs == there.inputs


def _count(there: Node, ours: list[Node], j: int) -> int:
    """Return how many convolutions stand for ``there``, of which the first is ``ours[j]``."""
    first = ours[j]
    if there.op != "conv2d" or first.op != "conv2d":
        return 0
    if first.attrs["kernel"] == there.attrs["kernel"] and first.shape == there.shape and not is_depthwise(first):
        return 1
    if first.attrs["kernel"] == (1, 1) != there.attrs["kernel"]:
        return 3
    if is_depthwise(first) and first.attrs["kernel"] == there.attrs["kernel"] and first.shape == there.shape:
        following = next((n for n in ours[j + 1 :] if n.op == "conv2d"), None)
        return 2 if following is not None and following.attrs["kernel"] == (1, 1) else 1
    return 2


def _chain(ours: list[Node], j: int, count: int) -> tuple[list[Node], list[Node]]:
    """Return the next ``count`` convolutions, and every operator before the last of them."""
    layers: list[Node] = []
    for i, here in enumerate(ours[j:], start=j):
        if here.op == "conv2d":
            layers.append(here)
        if len(layers) == count:
            return layers, ours[j:i]
    return layers, ours[j:]


def _shuffled(channels: int, groups: int) -> tuple[int, ...]:
    """Return, for each channel before a shuffle, its place behind it.

    >>> _shuffled(6, 2)
    (0, 2, 4, 1, 3, 5)
    """
    each = channels // groups
    behind = [i for first in range(each) for i in range(first, channels, each)]
    return tuple(behind.index(i) for i in range(channels))


def _no_rewriting(there: Node, target: Graph) -> InputError:
    return InputError(
        f"{target.name} is no rewriting of the network: it has nothing for {there.name} ({there.op})",
        hint="rewrite the network's own text",
    )
