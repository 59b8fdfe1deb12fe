"""A way around a fault of oneDNN's, which computes convolutions on processors.

Of a strided 1x1 convolution whose channels lie last in memory and are fewer than a vector has numbers, the gradient of
the weights is written past its workspace: the process crashes, hangs, or goes on with wrong weights (oneDNN's issue
6035, open in November 2026). Where channels come first another kernel computes it, and rightly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

VECTOR = 16
"""Numbers of the widest vectors, AVX-512's; AVX2 has 8."""


@contextmanager
def narrow_strides_apart(module: nn.Module) -> Iterator[None]:
    """Have what the fault is about compute with channels first inside, whatever the layout around it.

    Values stay as they are, and so do gradients but for the fault and the order of their sums. On other devices nothing
    changes.
    """
    handles = []
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and _is_concerned(layer):
            # Not contiguous(): a kernel of one pixel counts as that in either layout, and keeps the one that it has.
            layer.weight.data = layer.weight.data.clone(memory_format=torch.contiguous_format)
            handles.append(layer.register_forward_pre_hook(_channels_first))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_concerned(layer: nn.Conv2d) -> bool:
    return (
        max(layer.kernel_size) == 1
        and max(layer.stride) > 1
        and layer.in_channels // layer.groups < VECTOR
        and layer.weight.device.type == "cpu"
    )


def _channels_first(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    image, *others = args
    return (image.clone(memory_format=torch.contiguous_format) if isinstance(image, Tensor) else image, *others)
