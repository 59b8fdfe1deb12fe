"""Training a classifier: images from files, one loop, checkpoints.

Nothing here imports torch before a name is used that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from archlab.train.find_images import find_images
from archlab.train.image_source import Example, ImageSource, OddFile, odd_lines, write_split
from archlab.train.settings import TrainSettings

if TYPE_CHECKING:
    from archlab.nn.weight_files import load_weights, save_weights
    from archlab.train.labelled_images import LabelledImages, batches
    from archlab.train.loop import Trained, train
    from archlab.train.metrics import Evaluation, evaluate
    from archlab.train.normalisation import Normalisation
    from archlab.train.outcome import Outcome, train_network
    from archlab.train.read_part import load_part

__all__ = [
    "Evaluation",
    "Example",
    "ImageSource",
    "LabelledImages",
    "Normalisation",
    "OddFile",
    "Outcome",
    "TrainSettings",
    "Trained",
    "batches",
    "evaluate",
    "find_images",
    "load_part",
    "load_weights",
    "odd_lines",
    "save_weights",
    "train",
    "train_network",
    "write_split",
]

_LAZY = {
    "Evaluation": "train.metrics",
    "Outcome": "train.outcome",
    "Trained": "train.loop",
    "train_network": "train.outcome",
    "evaluate": "train.metrics",
    "load_weights": "nn.weight_files",
    "save_weights": "nn.weight_files",
    "train": "train.loop",
    "LabelledImages": "train.labelled_images",
    "Normalisation": "train.normalisation",
    "batches": "train.labelled_images",
    "load_part": "train.read_part",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"archlab.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'archlab.train' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
