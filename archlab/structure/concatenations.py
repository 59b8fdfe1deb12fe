"""Dense layers, inception modules and fire modules: what joins its branches by concatenation."""

from __future__ import annotations

from collections.abc import Callable

from archlab.ir import Node
from archlab.structure.convolutions import (
    channels_out,
    conv_of,
    groups,
    is_dense_pointwise,
    is_depthwise,
    is_pointwise,
    is_spatial,
    window,
)
from archlab.structure.found import BRANCH, DENSE, INCEPTION, Block
from archlab.structure.regions import Branch, Element, Join, beside_fork, layers_in
from archlab.structure.settings import make_block

Read = Callable[[Branch, str], tuple[Block, ...]]
"""Reads a series of elements, within what: ``residual``, ``branch``, or nothing."""


def read_dense_layer(join: Join) -> Block | None:
    """Return the block of a fork beside one or two convolutions of it (DenseNet, Huang et al., arXiv:1608.06993)."""
    body = beside_fork(join)
    if join.layer.main.op != "cat" or body is None or len(body) > 2:
        return None
    convs = convs_in(body)
    if len(convs) != len(body) or not is_spatial(convs[-1]) or groups(convs[-1]) != 1:
        return None
    if len(convs) == 2 and not is_dense_pointwise(convs[0]):
        return None
    return make_block(DENSE, [join], path=body)


def read_inception(join: Join, read: Read) -> Block | None:
    """Return the module of three branches or more of several windows, of which one narrows first (arXiv:1409.4842)."""
    if join.layer.main.op != "cat" or len(join.branches) < 3 or not all(map(_may_be_in_inception, join.branches)):
        return None
    sizes = {max((max(window(conv)) for conv in convs_in(branch)), default=0) for branch in join.branches}
    if len(sizes) < 2 or not any(map(_narrows_first, join.branches)):
        return None
    inside = [make_block(BRANCH, branch, inside=read(branch, within(branch))) for branch in join.branches]
    return make_block(INCEPTION, [join], inside=inside)


def within(branch: Branch) -> str:
    """Return what a branch is read as: one of nothing but a 1x1 and two convolutions more is a place of its own."""
    convs = convs_in(branch)
    return "branch of 1x1" if len(branch) == len(convs) == 3 and is_dense_pointwise(convs[0]) else "branch"


def _may_be_in_inception(branch: Branch) -> bool:
    return bool(branch) and all(
        layer.main.op in ("maxpool", "avgpool", "cat")
        or (conv is not None and max(conv.attrs["dilation"]) == 1 and not is_depthwise(conv))
        for layer in layers_in(branch)
        for conv in [conv_of(layer)]
    )


def _narrows_first(branch: Branch) -> bool:
    convs = convs_in(branch)
    return len(convs) > 1 and is_dense_pointwise(convs[0]) and not all(map(is_pointwise, convs))


def is_fire(squeeze: Element, expand: Element) -> bool:
    """Return whether a 1x1 is widened again by a 1x1 beside a 3x3 (SqueezeNet, Iandola et al., arXiv:1602.07360)."""
    narrow = conv_of(squeeze)
    if narrow is None or not is_dense_pointwise(narrow) or not isinstance(expand, Join):
        return False
    if expand.layer.main.op != "cat" or [len(branch) for branch in expand.branches] != [1, 1]:
        return False
    convs = [conv for branch in expand.branches for conv in convs_in(branch)]
    if {window(conv) for conv in convs} != {(1, 1), (3, 3)} or any(groups(conv) != 1 for conv in convs):
        return False
    return channels_out(narrow) < expand.layer.main.shape[0]


def convs_in(branch: Branch) -> list[Node]:
    """Return the convolutions of a branch in order."""
    return [conv for conv in map(conv_of, layers_in(branch)) if conv is not None]
