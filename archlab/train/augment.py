"""Training images changed at random: batches of pixels (N, C, H, W) from 0 to 255, on the device they are on.

Random numbers are those of torch's global generator of that device, which a training seeds at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from archlab.errors import InputError
from archlab.train.settings import Augmentation

PADDING = 1 / 8
"""Of the height and width, by which a crop may move an image (4 pixels of CIFAR's 32, as is usual)."""

JITTER = 0.3
"""By how much brightness, contrast and saturation change at most."""

_LUMA = (0.299, 0.587, 0.114)
"""ITU-R 601-2, as torchvision's rgb_to_grayscale to three digits."""


def augment(pixels: Tensor, names: Sequence[Augmentation]) -> Tensor:
    """Return the images changed in each of the ways ``names``; bytes stay bytes.

    Raises:
        InputError: RandAugment without torchvision, or on images of sixteen bits.
    """
    for name in AUGMENTATIONS:
        if name in names:
            pixels = AUGMENTATIONS[name](pixels)
    return pixels


def flip(pixels: Tensor) -> Tensor:
    """Return half of the images mirrored, left to right."""
    mirrored = torch.rand(len(pixels), device=pixels.device) < 0.5
    return torch.where(mirrored.view(-1, 1, 1, 1), pixels.flip(-1), pixels)


def crop(pixels: Tensor) -> Tensor:
    """Return each image moved by up to ``PADDING`` of its height and width; what comes in is black."""
    count, channels, height, width = pixels.shape
    pads = max(1, round(height * PADDING)), max(1, round(width * PADDING))
    padded = F.pad(pixels, (pads[1], pads[1], pads[0], pads[0]))
    device = pixels.device
    top = torch.randint(0, 2 * pads[0] + 1, (count, 1), device=device) + torch.arange(height, device=device)
    left = torch.randint(0, 2 * pads[1] + 1, (count, 1), device=device) + torch.arange(width, device=device)
    image = torch.arange(count, device=device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=device).view(1, -1, 1, 1)
    return padded[image, channel, top.view(count, 1, height, 1), left.view(count, 1, 1, width)]


def colour(pixels: Tensor) -> Tensor:
    """Return each image with other brightness, contrast and, of colour, saturation, by up to ``JITTER``."""
    count, channels = pixels.shape[:2]
    factors = 1 + JITTER * (2 * torch.rand(3, count, 1, 1, 1, device=pixels.device) - 1)
    values = pixels.to(torch.float32) * factors[0]
    values = torch.lerp(_grey(values).mean((1, 2, 3), keepdim=True), values, factors[1])
    if channels == 3:
        values = torch.lerp(_grey(values), values, factors[2])
    values = values.clamp(0, 255)
    return values.round().to(torch.uint8) if pixels.dtype == torch.uint8 else values


def randaugment(pixels: Tensor) -> Tensor:
    """Return each image after two random changes (Cubuk et al. 2020, arXiv:1909.13719), by torchvision's v2."""
    try:
        from torchvision.transforms import v2
    except ImportError as error:
        raise InputError("randaugment needs torchvision", hint="pip install 'archlab[zoo]'") from error
    if pixels.dtype != torch.uint8:
        raise InputError("randaugment changes images of eight bits, and some of these have sixteen")
    change = v2.RandAugment()
    return torch.stack([change(image) for image in pixels])


def _grey(values: Tensor) -> Tensor:
    """Return grey (N, 1, H, W) of grey or colour."""
    if values.shape[1] != 3:
        return values.mean(1, keepdim=True)
    red, green, blue = values.unbind(1)
    return (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue).unsqueeze(1)


AUGMENTATIONS: Mapping[Augmentation, Callable[[Tensor], Tensor]] = {
    "randaugment": randaugment,
    "flip": flip,
    "crop": crop,
    "colour": colour,
}
"""In the order in which they are applied."""
