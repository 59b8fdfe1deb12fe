"""The objective of this search: train the candidate on photographs, and say how many of others it recognises.

``archlab search space.arch -o train.py:accuracy`` calls ``accuracy`` for every candidate. The photographs lie in the
folder that the environment variable IMAGE_FOLDER names; its ``splits.json`` says which of them are for what:

    {"train": [{"file": "images/0/IMG_1118.JPG", "label": 0}, …], "val": […], "test": […]}
"""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import optuna
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.fx import GraphModule

from archlab import Candidate, InputError

EPOCHS = 16
SURE_AFTER = 6  # epochs: before, accuracies say little about which candidate will be the better one
BATCH = 64
LEARNING_RATE = 4e-3


def accuracy(module: GraphModule, candidate: Candidate, trial: optuna.Trial) -> float:
    """Return the share of the validation split that ``module`` recognises after its training.

    Raises:
        optuna.TrialPruned: after an epoch in which it lags behind the candidates before it.
    """
    value = 0.0
    for epoch, value in enumerate(train(module, candidate.seed), start=1):
        trial.report(value, epoch)
        if SURE_AFTER <= epoch < EPOCHS and trial.should_prune():
            raise optuna.TrialPruned(f"{value:.1%} after {epoch} of {EPOCHS} epochs")
    return value


def train(module: GraphModule, seed: int, epochs: int = EPOCHS) -> Iterator[float]:
    """Train ``module`` on one thread, and yield its accuracy on the validation split after every epoch.

    AdamW with a one-cycle schedule (Smith and Topin 2017, arXiv:1708.07120). The same seed gives the same bits.
    """
    torch.set_num_threads(1)  # each of the search's workers has one
    torch.manual_seed(seed)  # of dropout
    rng = torch.Generator().manual_seed(seed)
    module.to(memory_format=torch.channels_last)  # in which a CPU convolves quickest
    images, labels = photographs_for(module, "train")
    steps = math.ceil(len(images) / BATCH)
    optimiser = torch.optim.AdamW(module.parameters(), lr=LEARNING_RATE, weight_decay=0.05, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, epochs * steps)
    for _ in range(epochs):
        module.train()
        for batch in torch.randperm(len(images), generator=rng).chunk(steps):
            scores = module(varied(images[batch], rng))
            loss = F.cross_entropy(scores, labels[batch], label_smoothing=0.1)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
        yield recognised(module, "val")


@torch.no_grad()
def recognised(module: GraphModule, split: str) -> float:
    """Return the share of a split's photographs that ``module`` gives their label."""
    module.eval()
    images, labels = photographs_for(module, split)
    answers = torch.cat([module(scaled(batch)).argmax(1) for batch in torch.split(images, BATCH)])
    return (answers == labels).float().mean().item()


def varied(images: Tensor, rng: torch.Generator) -> Tensor:
    """Return photographs (N, 3, H, W) turned by up to 15°, zoomed and shifted by up to a tenth, lighter or darker.

    They are not mirrored: that would show the other hand, and with some signs another sign.
    """
    n = len(images)
    angle, zoom, right, down, light, contrast = torch.empty(6, n).uniform_(-1, 1, generator=rng).unbind()
    angle, zoom = angle * math.radians(15), 1 + zoom / 10
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    rows = torch.stack([cos, -sin, right / 5, sin, cos, down / 5], dim=1)
    grid = F.affine_grid(rows.view(n, 2, 3), list(images.shape), align_corners=False)
    moved = F.grid_sample(scaled(images), grid, padding_mode="border", align_corners=False)
    lit = moved * (1 + contrast / 5).view(n, 1, 1, 1) + (light / 5).view(n, 1, 1, 1)
    return lit.contiguous(memory_format=torch.channels_last)


def scaled(images: Tensor) -> Tensor:
    """Return bytes as floats from -1 to 1."""
    return images.float() / 127.5 - 1


def photographs_for(module: GraphModule, split: str) -> tuple[Tensor, Tensor]:
    """Return a split's photographs in the size that ``module`` takes, and their labels.

    Raises:
        InputError: ``module`` has fewer outputs than there are classes.
    """
    graph = module.meta["graph"]
    _, height, width = graph.input_shape
    (outputs,) = graph.shape_of(graph.output)
    images, labels = photographs(split, height, width)
    classes = int(labels.max()) + 1
    if outputs < classes:
        raise InputError(
            f"the network has {outputs} outputs, but {FOLDER} has {classes} classes",
            hint=f"end the space with fc({classes})",
        )
    return images, labels


@functools.cache
def photographs(split: str, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return a split's photographs as bytes (N, 3, H, W), and their labels (N); read once.

    Raises:
        InputError: a file cannot be read as an image.
    """
    images = []
    for file, _ in SPLITS[split]:
        try:
            with Image.open(file) as image:
                images.append(np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BOX)))
        except OSError as error:
            raise InputError(f"{file} cannot be read as an image: {error}") from error
    labels = torch.tensor([label for _, label in SPLITS[split]])
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), labels


def image_folder() -> Path:
    """Return the folder that IMAGE_FOLDER names.

    Raises:
        InputError: it names none.
    """
    named = os.environ.get("IMAGE_FOLDER")
    if not named:
        raise InputError(
            "no photographs: IMAGE_FOLDER names no folder",
            hint="examples/sign_digits/README.md says where to get them, or takes your own",
        )
    return Path(named)


def read_splits(folder: Path) -> dict[str, list[tuple[Path, int]]]:
    """Return the photographs in ``folder`` and their labels, by split, as its ``splits.json`` has them.

    Raises:
        InputError: it is not there, is no such file, or names a photograph that is not there.
    """
    path = folder / "splits.json"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        splits = {
            split: [(folder / item["file"], int(item["label"])) for item in read[split]]
            for split in ("train", "val", "test")
        }
    except OSError as error:
        raise InputError(
            f"no photographs: {path}: {error.strerror}", hint="name their folder in IMAGE_FOLDER"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not say which photographs are for what: {type(error).__name__}: {error}",
            hint="write it with examples/sign_digits/split.py",
        ) from error
    for split, items in splits.items():
        if not items:
            raise InputError(f"{path}: the split {split} is empty")
        for file, _ in items:
            if not file.is_file():
                raise InputError(f"{path} names {file}, which is not there")
    return splits


# Here, so that a search without photographs ends before its first candidate.
FOLDER = image_folder()
SPLITS = read_splits(FOLDER)
