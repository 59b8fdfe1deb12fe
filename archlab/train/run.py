"""A training on its way: which step is next, how much is left, and what was seen."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import torch

from archlab.errors import InputError, ScoreError
from archlab.train.labelled_images import LabelledImages, Note, batches
from archlab.train.metrics import Evaluation, evaluate
from archlab.train.schedule import rate_factor
from archlab.train.settings import TrainSettings
from archlab.train.step import State, take_step, with_average
from archlab.units import format_percent

LOOK = 16
"""Steps between two looks at the loss, for each of which a GPU is waited for."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a network in training.

    Attributes:
        step: how many steps were taken.
        epoch: how often the training images were seen.
        seconds: of training so far.
        rate: the learning rate of the last step.
        loss: the mean training loss since the look before; None before the first step.
        val_loss, val_accuracy: on the held-out images, of the moving average where there is one.
    """

    step: int
    epoch: float
    seconds: float
    rate: float
    loss: float | None
    val_loss: float
    val_accuracy: float


class Run:
    """A training on its way. ``position`` and the state of the network are all that its rest depends on."""

    def __init__(
        self,
        state: State,
        training: LabelledImages,
        held_out: LabelledImages,
        settings: TrainSettings,
        device: torch.device,
        progress: Note,
        on_look: Callable[[Look], None],
    ) -> None:
        self.state, self.training, self.held_out = state, training, held_out
        self.settings, self.device, self.progress, self._on_look = settings, device, progress, on_look
        self.per_epoch = max(1, len(training) // settings.batch)
        self.total = settings.total_steps(self.per_epoch)
        self.step, self.rate, self.history = 0, 0.0, list[Look]()
        self._loss, self._losses = torch.zeros((), device=device), 0
        self._last: tuple[int, Evaluation] | None = None
        self._began, self._before, self._first = monotonic(), 0.0, 0
        self._over = False

    @property
    def seconds(self) -> float:
        """How long the training has taken, that of runs before this one included."""
        return self._before + monotonic() - self._began

    @property
    def done(self) -> float:
        """The share of the training that is over, taken at the middle of the next step."""
        limit = self.settings.seconds
        return (self.step + 0.5) / self.total if self.total is not None else self.seconds / (limit or 1.0)

    def is_over(self) -> bool:
        """Return whether no step is left; in seconds this is asked once a step."""
        return self._over

    @property
    def position(self) -> dict[str, Any]:
        """Where the training is, as plain values."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "rate": self.rate,
            "loss": self._loss.item(),
            "losses": self._losses,
            "history": [asdict(look) for look in self.history],
        }

    def go_on(self, position: dict[str, Any]) -> None:
        """Continue from a ``position``."""
        self.step, self.rate, self._losses = position["step"], position["rate"], position["losses"]
        self._loss.fill_(position["loss"])
        self.history = [Look(**look) for look in position["history"]]
        self._before, self._began, self._first = position["seconds"], monotonic(), self.step
        self._over = self._has_ended()

    def refuse_other_outputs(self) -> None:
        """Raise an InputError where the network's outputs are not one for each class."""
        classes = len(self.training.classes)
        was_training = self.state.module.training
        with torch.no_grad():
            blank = torch.zeros(1, *self.training.shape, device=self.device)
            output: object = self.state.module.eval()(blank)
        self.state.module.train(was_training)
        if not isinstance(output, torch.Tensor) or output.shape != (1, classes):
            said = "x".join(map(str, output.shape[1:])) if isinstance(output, torch.Tensor) else "several"
            raise InputError(
                f"the network gives {said} outputs for an image, and the data has {classes} classes",
                hint=f"end its text in gap -> fc({classes})",
            )

    def to_end(self, save: Callable[[], None]) -> None:
        """Take all steps that are left, and ``save`` at the interval of the settings and at the end."""
        saved = monotonic()
        while not self.is_over():
            epoch, skip = divmod(self.step, self.per_epoch)
            order = torch.Generator().manual_seed(seed_of(self.settings.seed, "order", epoch))
            for pixels, labels in batches(self.training, self.settings.batch, order, whole=True, skip=skip):
                self._take(pixels, labels)
                if self.is_over() or self.step % self.per_epoch == 0:
                    self.look()
                if self.is_over() or monotonic() - saved >= self.settings.checkpoint_every:
                    save()
                    saved = monotonic()
                if self.is_over():
                    break

    def _take(self, pixels: torch.Tensor, labels: torch.Tensor) -> None:
        torch.manual_seed(seed_of(self.settings.seed, "step", self.step))  # augmentation's and dropout's
        self.rate = self.settings.highest_rate * rate_factor(self.done, self.settings.warmup)
        if len(labels):
            self.state.module.train()
            pixels, labels = pixels.to(self.device), labels.to(self.device)
            normalisation = self.training.normalisation
            self._loss += take_step(self.state, pixels, labels, normalisation, self.settings, self.rate, self.step)
            self._losses += 1
        self.step += 1
        self._over = self._has_ended()
        if self.device.type == "cpu" or self.step % LOOK == 0:
            self._check()
            self.progress(self._line())

    def _has_ended(self) -> bool:
        return self.step >= self.total if self.total is not None else self.seconds >= (self.settings.seconds or 0.0)

    def _check(self) -> None:
        if not math.isfinite(self._loss.item()):
            raise ScoreError(
                f"the loss is {self._loss.item()} at step {self.step}, and the training cannot go on",
                hint=f"train at a lower rate than {self.settings.highest_rate:g}, or clip gradients",
            )

    def look(self) -> None:
        """Judge the network on the held-out images, and begin the mean of the training loss again."""
        self._check()
        seconds = self.seconds
        found = self.judge()
        loss = self._loss.item() / self._losses if self._losses else None
        epoch = self.step / self.per_epoch
        self.history.append(Look(self.step, epoch, seconds, self.rate, loss, found.loss, found.accuracy))
        self._on_look(self.history[-1])
        self._loss.zero_()
        self._losses = 0

    def judge(self) -> Evaluation:
        """Return how well the network does on the held-out images, its moving average where there is one."""
        if self._last is None or self._last[0] != self.step:
            with with_average(self.state):
                self._last = self.step, evaluate(self.state.module, self.held_out)
        return self._last[1]

    def _line(self) -> str:
        loss = self._loss.item() / max(1, self._losses)
        of = f" of {self.total:,}" if self.total is not None else ""
        accuracy = f", {format_percent(self.history[-1].val_accuracy)} of held-out images" if self.history else ""
        return f"training: step {self.step:,}{of}, loss {loss:.3f}{accuracy}, {self._left()} left"

    def _left(self) -> str:
        if self.total is None:
            left = max(0.0, (self.settings.seconds or 0.0) - self.seconds)
        else:
            taken = max(1, self.step - self._first)
            left = (monotonic() - self._began) / taken * (self.total - self.step)
        return f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"


def seed_of(seed: int, what: str, number: int) -> int:
    """Return the seed of one thing in a training, such as a step's augmentation."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{what}/{number}".encode()).digest()[:7])
