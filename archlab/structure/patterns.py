"""What one, two or three convolutions that follow each other are.

Each rule is of one kind and takes as many as it needs. ``within`` is ``residual`` inside an addition, ``branch`` in a
branch of another join (``branch of 1x1`` where it is a 1x1 and two more), and empty in the trunk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archlab.ir import Node
from archlab.structure.convolutions import (
    channels_in,
    channels_out,
    conv_of,
    groups,
    is_dense_pointwise,
    is_depthwise,
    is_linear,
    is_pointwise,
    is_spatial,
    largest_stride,
    window,
)
from archlab.structure.found import (
    BOTTLENECK,
    DEPTHWISE,
    GROUPED,
    INVERTED,
    PAIR,
    POINTWISE,
    SEPARABLE,
    STANDARD,
)
from archlab.structure.regions import Element, Join

Convs = Sequence[Element]
Rule = Callable[[Convs, str], bool]
"""Takes convolutions that follow each other, and within what they stand."""


def _found(convs: Convs) -> list[Node]:
    return [conv for conv in map(conv_of, convs) if conv is not None]


def _is_bottleneck(elements: Convs, within: str) -> bool:
    """1x1, then a window over as many channels, then 1x1 (He et al., arXiv:1512.03385; grouped: arXiv:1611.05431).

    In a residual the middle is no wider than the output (RegNet's is as wide); elsewhere it is narrower than both ends.
    """
    down, middle, up = _found(elements)
    if not (is_dense_pointwise(down) and is_spatial(middle) and is_dense_pointwise(up)):
        return False
    width = channels_out(down)
    if channels_out(middle) != width:
        return False
    if within == "residual":
        return width <= channels_out(up)
    return width < channels_in(down) and width < channels_out(up)


def _is_inverted(elements: Convs, within: str) -> bool:
    """1x1 up, depthwise, linear 1x1 down (Sandler et al., arXiv:1801.04381)."""
    up, middle, down = _found(elements)
    if not (is_dense_pointwise(up) and is_depthwise(middle) and is_dense_pointwise(down) and is_linear(elements[2])):
        return False
    width = channels_out(up)
    return channels_out(middle) == width and width > channels_in(up) and width > channels_out(down)


def _is_inverted_depthwise_first(elements: Convs, within: str) -> bool:
    """Depthwise, 1x1 up, linear 1x1 down around a shortcut (ConvNeXt, arXiv:2201.03545, section 2.4)."""
    middle, up, down = _found(elements)
    if within != "residual" or not (is_depthwise(middle) and is_dense_pointwise(up) and is_dense_pointwise(down)):
        return False
    width = channels_out(up)
    return is_linear(elements[2]) and width > channels_in(up) and channels_out(down) == channels_in(middle)


def _is_separable(elements: Convs, within: str) -> bool:
    """Depthwise, then 1x1 (MobileNet, arXiv:1704.04861; with a depth multiplier: Xception, arXiv:1610.02357)."""
    depthwise, pointwise = _found(elements)
    return is_depthwise(depthwise) and is_dense_pointwise(pointwise)


def _is_pair(elements: Convs, within: str) -> bool:
    """1xk, then kx1, or the other way round, of one k (Inception-v3, arXiv:1512.00567, section 3.2)."""
    first, second = _found(elements)
    (height, width), other = window(first), window(second)
    return (height == 1) != (width == 1) and other == (width, height) and groups(first) == groups(second) == 1


def _is_two_3x3(elements: Convs, within: str) -> bool:
    """Two 3x3 of one width that certainly stand for a 5x5: with nothing between them, or alone behind a branch's 1x1.

    The latter is figure 5 of arXiv:1512.00567; in a plain series, such as VGG's, two 3x3 may be just that.
    """
    first, second = _found(elements)
    equal = window(first) == window(second) == (3, 3) and channels_out(first) == channels_out(second)
    if not equal or groups(first) != 1 or groups(second) != 1 or largest_stride(first) != 1:
        return False
    return within == "branch of 1x1" or not _anything_behind(elements[0])


def _anything_behind(element: Element) -> bool:
    return not isinstance(element, Join) and bool(element.after)


def _is_one(test: Callable[[Node], bool]) -> Rule:
    return lambda elements, within: all(map(test, _found(elements)))


PATTERNS: tuple[tuple[int, str, Rule], ...] = (
    (3, BOTTLENECK, _is_bottleneck),
    (3, INVERTED, _is_inverted),
    (3, INVERTED, _is_inverted_depthwise_first),
    (2, SEPARABLE, _is_separable),
    (2, PAIR, _is_pair),
    (2, PAIR, _is_two_3x3),
    (1, POINTWISE, _is_one(is_dense_pointwise)),
    (1, DEPTHWISE, _is_one(is_depthwise)),
    (1, GROUPED, _is_one(lambda conv: groups(conv) > 1)),
    (1, STANDARD, _is_one(lambda conv: not is_pointwise(conv))),
)
"""How many convolutions, which kind, and the rule; the first that holds is the block's."""
