"""How a network is trained. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from archlab.errors import InputError, did_you_mean

Optimiser = Literal["sgd", "adamw"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Augmentation = Literal["flip", "crop", "colour", "randaugment"]

EPOCHS = 10
"""How long a training is that says neither epochs nor steps nor seconds."""

BATCH = 64
"""Images a step, where a training does not say."""

RATES: dict[Optimiser, float] = {"sgd": 0.05, "adamw": 1e-3}
DECAYS: dict[Optimiser, float] = {"sgd": 5e-4, "adamw": 0.05}

FREE_TO_CHANGE = ("device", "checkpoint_every")
"""Settings that may be others where an interrupted training goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """Settings of one training.

    Attributes:
        epochs, steps, seconds: how long; at most one of them, and ``EPOCHS`` where there is none.
        batch: images a step.
        optimiser: SGD with Nesterov's momentum, or AdamW.
        rate: the highest learning rate; by default that of ``RATES``.
        momentum: of SGD.
        weight_decay: of weights that are no vectors, which norms and biases are; by default that of ``DECAYS``.
        warmup: the share of the training in which the rate rises; then it falls to 0 along a cosine.
        label_smoothing: the share of the label that all classes get.
        augment: what is done to training images, in the order of ``Augmentation``.
        ema: the decay of the weights' moving average, which is then what is measured and kept; None for none.
        clip: the largest norm of a step's gradient; None for none.
        distil: the share of the loss that follows a teacher, where there is one.
        temperature: at which it does.
        device: ``auto`` is CUDA, else MPS, else the CPU.
        precision: of the forward pass; ``auto`` is bfloat16 or float16 on CUDA, and float32 elsewhere.
        channels_last: keep images and weights with channels last, which most processors compute faster.
        seed: of everything that is random. The same seed gives the same weights on the same CPU and number of threads.
        checkpoint_every: seconds after which the state is written.

    Raises:
        InputError: a value is out of its range.
    """

    epochs: float | None = None
    steps: int | None = None
    seconds: float | None = None
    batch: int = BATCH
    optimiser: Optimiser = "sgd"
    rate: float | None = None
    momentum: float = 0.9
    weight_decay: float | None = None
    warmup: float = 0.05
    label_smoothing: float = 0.0
    augment: tuple[Augmentation, ...] = ()
    ema: float | None = None
    clip: float | None = None
    distil: float = 0.5
    temperature: float = 2.0
    device: Device = "auto"
    precision: Precision = "auto"
    channels_last: bool = True
    seed: int = 0
    checkpoint_every: float = 60.0

    def __post_init__(self) -> None:
        given = [name for name in ("epochs", "steps", "seconds") if getattr(self, name) is not None]
        if len(given) > 1:
            raise InputError(f"a training is as long as one of {' and '.join(given)} says, not both")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not (low <= value <= high and math.isfinite(value)):
                raise InputError(f"{name} is {value}, and must be from {low:g} to {high:g}")
        hints = get_type_hints(TrainSettings)
        for field in fields(self):
            choices = get_args(hints[field.name])
            value = getattr(self, field.name)
            if choices and isinstance(choices[0], str) and value not in choices:
                raise InputError(f"{field.name} is {value!r}, which is none of its values",
                                 hint=did_you_mean(str(value), choices))  # fmt: skip
        for name in self.augment:
            if name not in get_args(Augmentation):
                raise InputError(f"there is no augmentation {name!r}", hint=did_you_mean(name, get_args(Augmentation)))

    @property
    def highest_rate(self) -> float:
        """The learning rate, that of the optimiser where none is given."""
        return RATES[self.optimiser] if self.rate is None else self.rate

    @property
    def decay(self) -> float:
        """The weight decay, that of the optimiser where none is given."""
        return DECAYS[self.optimiser] if self.weight_decay is None else self.weight_decay

    def total_steps(self, per_epoch: int) -> int | None:
        """Return how many steps the training has, ``per_epoch`` an epoch; None where seconds limit it."""
        if self.seconds is not None:
            return None
        if self.steps is not None:
            return self.steps
        return max(1, round((EPOCHS if self.epochs is None else self.epochs) * per_epoch))


_TINY = 1e-9
_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (_TINY, 1e6),
    "steps": (1, 1e9),
    "seconds": (_TINY, 1e8),
    "batch": (1, 1e6),
    "rate": (_TINY, 1e3),
    "momentum": (0, 1 - _TINY),
    "weight_decay": (0, 1e3),
    "warmup": (0, 1),
    "label_smoothing": (0, 1 - _TINY),
    "ema": (0, 1 - _TINY),
    "clip": (_TINY, 1e9),
    "distil": (0, 1),
    "temperature": (_TINY, 1e3),
    "seed": (0, 2**31 - 1),
    "checkpoint_every": (0, 1e8),
}
