"""What a layer's convolution is, by its window, its groups and its channels."""

from __future__ import annotations

from archlab.ir import Node, Shape
from archlab.structure.layers import NORMS, Layer
from archlab.structure.regions import Element

CONVOLUTIONS = frozenset({"conv2d", "wsconv2d"})
UPSAMPLING = frozenset({"upsample", "upsample_like", "resize", "conv_transpose"})
NO_ACTIVATION = NORMS | {"scale", "factor", "offset", "dropout", "flatten", "pad2d"}
"""Light operators that are linear, or close to it."""


def is_conv(element: Element) -> bool:
    """Return whether an element is a convolution with the light operators around it."""
    return isinstance(element, Layer) and element.main.op in CONVOLUTIONS


def conv_of(element: Element) -> Node | None:
    """Return the convolution that an element is, if it is one."""
    return element.main if isinstance(element, Layer) and element.main.op in CONVOLUTIONS else None


def window(conv: Node) -> Shape:
    """Return the kernel, (height, width)."""
    kernel: Shape = conv.attrs["kernel"]
    return kernel


def channels_in(conv: Node) -> int:
    """Return how many channels a convolution takes."""
    return int(conv.attrs["in_channels"])


def channels_out(conv: Node) -> int:
    """Return how many channels a convolution gives."""
    return int(conv.attrs["out_channels"])


def groups(conv: Node) -> int:
    """Return a convolution's groups."""
    return int(conv.attrs["groups"])


def is_pointwise(conv: Node) -> bool:
    """Return whether the window is 1x1; in any number of groups."""
    return window(conv) == (1, 1)


def is_dense_pointwise(conv: Node) -> bool:
    """Return whether a convolution is 1x1 and reads all channels."""
    return is_pointwise(conv) and groups(conv) == 1


def is_depthwise(conv: Node) -> bool:
    """Return whether each filter reads one channel, and more than one place of it."""
    return not is_pointwise(conv) and groups(conv) == channels_in(conv) > 1


def is_spatial(conv: Node) -> bool:
    """Return whether a convolution is larger than 1x1 and not depthwise."""
    return not is_pointwise(conv) and not is_depthwise(conv)


def is_linear(element: Element) -> bool:
    """Return whether no activation stands behind an element's main operator."""
    return isinstance(element, Layer) and all(op in NO_ACTIVATION for op in element.after)


def largest_stride(conv: Node) -> int:
    """Return the larger stride of the two directions."""
    return int(max(conv.attrs["stride"]))
