"""How a search trains its finalists: what decides their AP and nothing of the scores before. No torch."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from archlab.elaborate import elaborate, load
from archlab.elaborate import fill_holes as filled
from archlab.errors import InputError, did_you_mean
from archlab.grammar import parse_file, unparse
from archlab.resources import find_architecture

TRAIN_STEPS = 750

AUGMENTATIONS = ("scale", "crop", "multiscale")
"""What may be done to training images besides mirroring.

Made up to twice smaller; cut and made up to twice larger; shown to the network at another size in each step.
"""


@dataclass(frozen=True, slots=True)
class Init:
    """Trained weights that detectors start from.

    Attributes:
        weights: their file.
        text: canonical text of the network whose they are.
        digest: of the file and the text.
    """

    weights: Path
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How ``train`` trains.

    Attributes:
        steps: optimiser steps.
        batch: images per step; None for what the training has by default.
        rate: the peak learning rate; None likewise.
        augment: of ``AUGMENTATIONS``, for detectors.
        init: weights that detectors' backbones start from; None for fresh ones.
    """

    steps: int = TRAIN_STEPS
    batch: int | None = None
    rate: float | None = None
    augment: tuple[str, ...] = ()
    init: Init | None = None

    @property
    def key(self) -> str:
        """What must be the same for trainings to be resumed, as words; the plan as it is by default has its steps."""
        words = [f"{self.steps} steps"]
        words += [f"batch {self.batch}"] if self.batch is not None else []
        words += [f"rate {self.rate:g}"] if self.rate is not None else []
        words += [f"init {self.init.digest}"] if self.init is not None else []
        return ", ".join((*words, *self.augment))


def names_of_augmentations(text: str) -> tuple[str, ...]:
    """Return the augmentations that ``scale,crop`` names, each once.

    Raises:
        InputError: one is none.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in AUGMENTATIONS:
            known = ", ".join(AUGMENTATIONS)
            raise InputError(
                f"there is no augmentation {name!r} of detection data",
                hint=did_you_mean(name, AUGMENTATIONS) or f"there are {known}; mirroring is always on",
            )
    return names


def find_init(weights: Path, net: str | None = None) -> Init:
    """Return trained weights with the text of their network.

    Args:
        net: a shipped name or an ``.arch`` file; by default the text beside the weights: of their name, or
            network.arch, as ``archlab train``, ``lift`` and ``search`` write it.

    Raises:
        InputError: there is no such file, or no text beside it.
        ArchlabError: the text is not an architecture.
    """
    if not os.path.isfile(weights):
        raise InputError(f"there is no file of weights {weights}")
    beside = (weights.with_suffix(".arch"), weights.with_name("network.arch"))
    found = find_architecture(net) if net is not None else next((path for path in beside if os.path.isfile(path)), None)
    if found is None:
        raise InputError(
            f"{weights} does not say whose weights it holds: there is no {beside[0].name} or {beside[1].name} there",
            hint="name the network with --init-net",
        )
    architecture = parse_file(found)
    text = unparse(filled(load(architecture), elaborate(architecture)))
    content = hashlib.sha256(text.encode())
    with weights.open("rb") as file:
        content.update(hashlib.file_digest(file, "sha256").digest())
    return Init(weights, text, content.hexdigest()[:12])
