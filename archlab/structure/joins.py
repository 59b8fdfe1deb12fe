"""What branches and their join are; a join of which one condition of every kind fails is ``unplaced``."""

from __future__ import annotations

from archlab.structure.concatenations import Read, convs_in, read_dense_layer, read_inception
from archlab.structure.convolutions import UPSAMPLING, conv_of, is_dense_pointwise, is_linear
from archlab.structure.found import (
    BOTTLENECK,
    INVERTED,
    RESIDUAL,
    SEPARABLE,
    SHUFFLE_V1,
    SQUEEZE_EXCITE,
    UNPLACED,
    Block,
)
from archlab.structure.regions import Branch, Join, beside_fork, layers_in
from archlab.structure.settings import make_block
from archlab.structure.shuffles import is_v1_branch, read_v1_down
from archlab.structure.squeeze import is_squeeze_excite, squeezed

_NAMED_BODIES = frozenset({BOTTLENECK, INVERTED, SEPARABLE})
"""Blocks that are called the same with a shortcut as without."""


def read_join(join: Join, read: Read) -> Block:
    """Return the block that a join makes with its branches; ``read`` reads these."""
    if is_squeeze_excite(join):
        return make_block(SQUEEZE_EXCITE, [join], squeeze=squeezed(join))
    block = _residual(join, read) or read_v1_down(join) or read_dense_layer(join) or read_inception(join, read)
    if block is not None:
        return block
    inside = [block for branch in join.branches for block in read(branch, "branch")]
    operator = f"{join.layer.main.op} of {len(join.branches)} branches"
    return make_block(UNPLACED, [join], inside=inside, operator=operator)


def _residual(join: Join, read: Read) -> Block | None:
    """Return the block of a fork, or of a projection of it, plus a body (He et al., arXiv:1512.03385)."""
    if join.layer.main.op != "add" or len(join.branches) != 2:
        return None
    body, shortcut = beside_fork(join), "identity"
    if body is None:
        body, shortcut = _beside_projection(join), "projected"
    if body is None or not convs_in(body) or _enlarges(body):
        return None
    path = (*body, join.layer)
    if shortcut == "identity" and is_v1_branch(body):
        return make_block(SHUFFLE_V1, [join], path=path, shortcut=shortcut)
    inside = read(body, "residual")
    squeeze = max((block.settings.squeeze for block in inside), default=0)
    kind = RESIDUAL
    if len(inside) == 1 and inside[0].kind in _NAMED_BODIES:
        kind, inside = inside[0].kind, inside[0].inside
    return make_block(kind, [join], path=path, shortcut=shortcut, squeeze=squeeze, inside=inside)


def _beside_projection(join: Join) -> Branch | None:
    """Return the body where exactly one branch projects, and the other is more than a linear map.

    A sum of two linear convolutions, such as RepVGG's before it is deployed, is one convolution and no residual. Nor is
    one around other residuals, such as the sum of an early and a late map in a segmentation head.
    """
    projections = [branch for branch in join.branches if _projects(branch)]
    bodies = [branch for branch in join.branches if branch and not _projects(branch)]
    if len(projections) != 1 or len(bodies) != 1 or all(map(is_linear, layers_in(bodies[0]))):
        return None
    return None if any(layer.main.op == "add" for layer in layers_in(bodies[0])) else bodies[0]


def _enlarges(branch: Branch) -> bool:
    """Return whether a branch returns to a higher resolution, as that of an hourglass does."""
    return any(layer.main.op in UPSAMPLING for layer in layers_in(branch))


def _projects(branch: Branch) -> bool:
    """Return whether a branch is one linear 1x1, with at most a pooling beside it (ResNet-D, arXiv:1812.01187)."""
    convs = [element for element in branch if conv_of(element) is not None]
    pools = [element for element in branch if conv_of(element) is None]
    if len(convs) != 1 or len(pools) > 1 or any(isinstance(e, Join) or "kernel" not in e.main.attrs for e in pools):
        return False
    conv = conv_of(convs[0])
    return conv is not None and is_dense_pointwise(conv) and is_linear(convs[0])
