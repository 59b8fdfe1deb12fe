"""The units of ShuffleNet v1 (Zhang et al., arXiv:1707.01083) and v2 (Ma et al., arXiv:1807.11164)."""

from __future__ import annotations

from archlab.structure.convolutions import (
    conv_of,
    groups,
    is_dense_pointwise,
    is_depthwise,
    is_linear,
    is_pointwise,
    largest_stride,
)
from archlab.structure.found import SHUFFLE_V1, SHUFFLE_V2, Block
from archlab.structure.regions import Branch, Element, Join
from archlab.structure.settings import make_block


def is_v1_branch(branch: Branch) -> bool:
    """Return whether a branch is grouped 1x1, shuffle, depthwise, grouped 1x1.

    The first 1x1 may read all channels, as that of the paper's first unit does.
    """
    if len(branch) != 4 or op_of(branch[1]) != "shuffle":
        return False
    first, depthwise, last = (conv_of(branch[i]) for i in (0, 2, 3))
    if first is None or depthwise is None or last is None:
        return False
    pointwise = is_pointwise(first) and is_pointwise(last) and groups(last) > 1
    return pointwise and is_depthwise(depthwise) and is_linear(branch[2])


def read_v1_down(join: Join) -> Block | None:
    """Return the unit with a stride: an average pooling beside the branch, concatenated."""
    if join.layer.main.op != "cat" or len(join.branches) != 2:
        return None
    pools = [branch for branch in join.branches if list(map(op_of, branch)) == ["avgpool"]]
    units = [branch for branch in join.branches if is_v1_branch(branch)]
    if len(pools) != 1 or len(units) != 1:
        return None
    return make_block(SHUFFLE_V1, [join], path=(*units[0], join.layer))


def is_v2_join(join: Element) -> bool:
    """Return whether two branches are those of the second version; a shuffle must follow.

    Half of the channels as they are beside 1x1, depthwise, 1x1 of the other half; or, with a stride, depthwise and 1x1
    beside the same of all channels.
    """
    if not isinstance(join, Join) or join.layer.main.op != "cat" or len(join.branches) != 2:
        return False
    shorter, longer = sorted(join.branches, key=len)
    if list(map(op_of, shorter)) == ["slice"] and longer and op_of(longer[0]) == "slice":
        return _is_narrow_depthwise(longer[1:])
    down = [conv_of(element) for element in shorter]
    if len(down) != 2 or down[0] is None or down[1] is None or not _is_narrow_depthwise(longer):
        return False
    depthwise = is_depthwise(down[0]) and is_linear(shorter[0]) and largest_stride(down[0]) > 1
    return depthwise and is_dense_pointwise(down[1])


def read_v2(join: Join, shuffle: Element) -> Block:
    """Return the block of a join that ``is_v2_join``, and the shuffle behind it."""
    return make_block(SHUFFLE_V2, [join, shuffle], path=max(join.branches, key=len))


def op_of(element: Element) -> str:
    """Return the operator that a layer is named for; nothing for a join."""
    return "" if isinstance(element, Join) else element.main.op


def _is_narrow_depthwise(branch: Branch) -> bool:
    convs = [conv_of(element) for element in branch]
    if len(convs) != 3 or convs[0] is None or convs[1] is None or convs[2] is None:
        return False
    first, middle, last = convs[0], convs[1], convs[2]
    return is_dense_pointwise(first) and is_depthwise(middle) and is_dense_pointwise(last) and is_linear(branch[1])
