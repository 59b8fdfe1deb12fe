"""The loop that trains a classifier: steps, looks at held-out images, checkpoints."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from archlab.errors import InputError
from archlab.nn.narrow_strides import narrow_strides_apart
from archlab.train.checkpoint import identity_of, read_checkpoint, write_checkpoint
from archlab.train.devices import choose_device, choose_precision
from archlab.train.labelled_images import LabelledImages, Note
from archlab.train.metrics import Evaluation
from archlab.train.run import Look, Run
from archlab.train.settings import TrainSettings
from archlab.train.step import start

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, eq=False)
class Trained:
    """A network after its training.

    Attributes:
        module: the network that was given, in evaluation mode and on the device, with its last weights, or with their
            moving average.
        history: a look before the first step, one after every epoch, and one at the end.
        last: the last look's evaluation.
        steps, seconds: how long it was.
        device, precision: on what it ran.
    """

    module: nn.Module
    history: tuple[Look, ...]
    last: Evaluation
    steps: int
    seconds: float
    device: str
    precision: str


def train(
    module: nn.Module,
    training: LabelledImages,
    held_out: LabelledImages,
    settings: TrainSettings | None = None,
    *,
    folder: Path | None = None,
    data_digest: str = "",
    teacher: nn.Module | None = None,
    progress: Note = lambda _: None,
    on_look: Callable[[Look], None] = lambda _: None,
) -> Trained:
    """Train a classifier in place.

    Args:
        module: images (N, C, H, W), normalised, to logits (N, K), K the number of classes.
        training, held_out: images to train on and to look at.
        settings: how.
        folder: where ``checkpoint.pt`` is written, and found by a run that goes on; None for no checkpoints.
        data_digest: of the source, which must be the same for a run to go on.
        teacher: a network of the same inputs and classes, whose outputs are followed as well.
        progress: is told the step, the loss, the accuracy and the time left.
        on_look: is given each look at the held-out images.

    Returns:
        the network with what was seen on the way. On the CPU the same seed, settings, threads and data give the same
        weights to the bit, also where the training was interrupted and went on from a checkpoint; not where its length
        is given in seconds.

    Raises:
        InputError: a device is not there, the module's outputs are not one for each class, there are fewer than two
            training images, or the folder has the checkpoint of another training.
        ScoreError: the loss is not finite.
    """
    settings = settings or TrainSettings()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    if len(training) < 2:
        raise InputError("a training needs two images or more")
    identity = identity_of(module, teacher, settings, data_digest)
    state = start(module, teacher, settings, device, precision)
    run = Run(state, training, held_out, settings, device, progress, on_look)
    run.refuse_other_outputs()
    path = None if folder is None else folder / CHECKPOINT

    def save() -> None:
        if path is not None:
            write_checkpoint(path, state, run.position, identity)

    with torch.random.fork_rng(devices=None if device.type == "cuda" else []), narrow_strides_apart(module):
        if path is not None and os.path.isfile(path):
            run.go_on(read_checkpoint(path, state, identity))
        else:
            run.look()
        run.to_end(save)
        last = run.judge()
    if state.kept is not None:
        module.load_state_dict(state.kept)
    precise = str(precision).removeprefix("torch.")
    return Trained(module.eval(), tuple(run.history), last, run.step, run.seconds, str(device), precise)
