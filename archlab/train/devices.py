"""Where and in which precision a network is trained."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import cast

import torch

from archlab.errors import InputError
from archlab.train.settings import Device, Precision

_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: Device) -> torch.device:
    """Return the device that a user names; ``auto`` is CUDA, else MPS, else the CPU.

    Raises:
        InputError: this machine, or this build of torch, has none of that name.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(each for each, is_there in there.items() if is_there))
    if not there[name]:
        raise InputError(
            f"torch {torch.__version__} finds no device {name} on this machine",
            hint=f"--device {' or '.join(each for each, is_there in there.items() if is_there)}, or auto",
        )
    return torch.device(name)


def named_device(name: Device) -> Device:
    """Return the name of the device that ``choose_device`` chooses.

    Raises:
        InputError: as ``choose_device``.
    """
    return cast("Device", choose_device(name).type)


def choose_precision(name: Precision, device: torch.device) -> torch.dtype:
    """Return the type in which products are computed: ``auto`` is half precision on CUDA, float32 elsewhere.

    Raises:
        InputError: float16 on the CPU, which has no fast products in it and would need the loss scaled.
    """
    if name == "auto":
        if device.type != "cuda":
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if name == "float16" and device.type != "cuda":
        raise InputError(f"float16 is for CUDA, and this training runs on {device.type}", hint="--precision bfloat16")
    return _TYPES.get(name, torch.float32)


def autocast(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """Compute products in ``precision`` inside."""
    return nullcontext() if precision == torch.float32 else torch.autocast(device.type, precision)
