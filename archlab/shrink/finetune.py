"""The best of a search, trained gently from their refitted weights; of before and after the better is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from archlab.carry import Carried
from archlab.shrink.request import Finetuning
from archlab.train import LabelledImages, TrainSettings, evaluate, train

Note = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Tuned:
    """A network with the better of two weights.

    Attributes:
        carried: it, with what its layers kept.
        module: with the weights that are kept.
        before, after: accuracies on the held-out images; ``after`` is None where it was not trained.
    """

    carried: Carried
    module: nn.Module
    before: float
    after: float | None

    @property
    def best(self) -> float:
        """Of both."""
        return self.before if self.after is None else max(self.before, self.after)

    @property
    def is_trained(self) -> bool:
        """Whether the weights kept are those of the training."""
        return self.after is not None and self.after > self.before


def tune(
    carried: Carried,
    training: LabelledImages | None,
    held_out: LabelledImages,
    finetuning: Finetuning | None,
    folder: Path,
    seed: int,
    data_digest: str,
    progress: Note,
) -> Tuned:
    """Train a carried network where that is asked for, or go on with it, and keep the better of before and after."""
    before = evaluate(carried.module, held_out).accuracy
    if finetuning is None or training is None:
        return Tuned(carried, carried.module, before, None)
    kept = {name: tensor.clone() for name, tensor in carried.module.state_dict().items()}
    options: dict[str, Any] = {**finetuning.settings, "epochs": finetuning.epochs, "seed": seed}
    settings = TrainSettings(**options)
    folder.mkdir(parents=True, exist_ok=True)
    trained = train(
        carried.module, training, held_out, settings, folder=folder, data_digest=data_digest, progress=progress
    )
    after = trained.last.accuracy
    if after <= before:
        carried.module.load_state_dict(kept)
    return Tuned(carried, carried.module.eval(), before, after)
