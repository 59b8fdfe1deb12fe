"""The options that say what a trained network's pixels are normalised by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archlab.errors import InputError
from archlab.shrink.request import for_channels, numbers

if TYPE_CHECKING:
    from archlab.shrink.request import Pixels

Options = Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]
"""What makes an option of a group, as ``in_group`` gives it."""


def pixel_options(group: Options) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what adds ``--mean`` and ``--std`` to a command, in a group of its options."""
    mean = group("--mean", metavar="NUMBERS", help="What pixels from 0 to 1 are normalised by, for each channel.  "
                 "[default: what stands beside the weights, else the training images' own]")  # fmt: skip
    std = group("--std", metavar="NUMBERS", help="The deviation that goes with it.")
    return lambda command: mean(std(command))


def pixels_of(mean: str | None, std: str | None) -> Pixels:
    """Return what the two options say; empty where they are left out.

    Raises:
        InputError: one is no numbers, or they are no mean and deviation together.
    """
    if (mean is None) != (std is None):
        raise InputError("--mean and --std go together")
    pixels = numbers("--mean", mean), numbers("--std", std)
    for_channels(pixels, max(1, len(pixels[0])))
    return pixels
