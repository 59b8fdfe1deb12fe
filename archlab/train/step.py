"""One step of a training: images to a loss, the loss to other weights. Nothing here waits for the device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archlab.train.augment import augment
from archlab.train.devices import autocast
from archlab.train.ema import average, start_average
from archlab.train.normalisation import Normalisation
from archlab.train.optimiser import make_optimiser, set_rate
from archlab.train.settings import TrainSettings


@dataclass(eq=False)
class State:
    """What changes while a network is trained.

    Attributes:
        module: the network, on its device.
        optimiser: of its parameters.
        kept: the moving average of its weights, where there is one.
        teacher: a network whose outputs are followed, where there is one.
        precision: of the forward pass.
        scaler: of the loss, for float16.
    """

    module: nn.Module
    optimiser: torch.optim.Optimizer
    kept: dict[str, Tensor] | None
    teacher: nn.Module | None
    precision: torch.dtype
    scaler: torch.amp.GradScaler | None = field(default=None)


def start(
    module: nn.Module, teacher: nn.Module | None, settings: TrainSettings, device: torch.device, precision: torch.dtype
) -> State:
    """Move a module and its teacher to a device, and return the state before the first step."""
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    module.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    if teacher is not None:
        teacher.to(device=device, memory_format=layout)  # type: ignore[call-overload]
        teacher.eval()
    kept = None if settings.ema is None else start_average(module)
    scaler = torch.amp.GradScaler(device.type) if precision == torch.float16 else None
    return State(module, make_optimiser(module, settings), kept, teacher, precision, scaler)


@contextmanager
def with_average(state: State) -> Iterator[None]:
    """Have the module hold the moving average inside, where there is one."""
    if state.kept is None:
        yield
        return
    own = start_average(state.module)
    state.module.load_state_dict(state.kept)
    try:
        yield
    finally:
        state.module.load_state_dict(own)


def take_step(
    state: State,
    pixels: Tensor,
    labels: Tensor,
    normalisation: Normalisation,
    settings: TrainSettings,
    rate: float,
    step: int,
) -> Tensor:
    """Train on one batch at ``rate``, and return its loss, a number on the device.

    Args:
        pixels: (N, C, H, W) from 0 to 255, on the module's device.
        labels: (N,), there too.
        step: how many were taken before.
    """
    device = pixels.device
    inputs = normalisation(augment(pixels, settings.augment))
    if settings.channels_last:
        inputs = inputs.to(memory_format=torch.channels_last)  # ``contiguous`` leaves grey images as they lie
    with autocast(device, state.precision):
        loss = loss_of(state.module(inputs), labels, settings, _wanted(state.teacher, inputs))
    set_rate(state.optimiser, rate)
    state.optimiser.zero_grad(set_to_none=True)
    scaled = loss if state.scaler is None else state.scaler.scale(loss)
    scaled.backward()  # type: ignore[no-untyped-call]
    if settings.clip is not None:
        if state.scaler is not None:
            state.scaler.unscale_(state.optimiser)
        torch.nn.utils.clip_grad_norm_(state.module.parameters(), settings.clip)
    if state.scaler is None:
        state.optimiser.step()
    else:
        state.scaler.step(state.optimiser)
        state.scaler.update()
    if state.kept is not None and settings.ema is not None:
        average(state.kept, state.module, settings.ema, step)
    return loss.detach()


def loss_of(logits: Tensor, labels: Tensor, settings: TrainSettings, wanted: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of (N, K) logits, with smoothed labels; beside a teacher's logits, mixed with theirs.

    The mixture is (1 - d) CE + d T² KL(teacher ‖ network), both at temperature T (Hinton et al. 2015,
    arXiv:1503.02531), d being ``settings.distil``.
    """
    logits = logits.float()
    loss = F.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing)
    if wanted is None:
        return loss
    heat = settings.temperature
    ours, theirs = (values / heat for values in (logits, wanted.float()))
    follow = F.kl_div(ours.log_softmax(1), theirs.log_softmax(1), reduction="batchmean", log_target=True)
    return (1 - settings.distil) * loss + settings.distil * heat * heat * follow


def _wanted(teacher: nn.Module | None, inputs: Tensor) -> Tensor | None:
    if teacher is None:
        return None
    with torch.no_grad():
        logits: Tensor = teacher(inputs)
    return logits
