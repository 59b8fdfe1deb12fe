"""What ``archlab shrink`` is asked for, checked before torch is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.errors import InputError
from archlab.exchange.rewrite_rules import parse_rule
from archlab.what_if.open_holes import KINDS
from archlab.what_if.suggest import EVERYWHERE

if TYPE_CHECKING:
    from torch import Tensor

HOLES = ("width", "inner", "depth", "kernel", "expansion")
"""What may become smaller where nothing else is asked for: what ``archlab.carry`` can follow."""
WALKED, FEW = 6, 3
"""How many of the draws are judged after the walk, and how many of these are looked at closely."""

Pixels = tuple[tuple[float, ...], tuple[float, ...]]
"""What pixels from 0 to 1 are normalised by: mean and deviation, for each channel; empty where that is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkRequest:
    """What to shrink, and how.

    Attributes:
        text: the trained network's, without holes.
        weights: its state dict under the names of ``archlab.build``, or the file of one.
        data: images, as ``find_images`` takes them.
        budget: limits such as ``macs=0.5x``, of the original.
        out: the folder for all files; a run that is there is gone on with.
        labelled: whether the images' labels are the network's classes; else it is judged by agreement.
        rule: what is rewritten in place of a search, such as ``separable dm=4``, as ``archlab rewrite`` lists it; then
            there is no budget.
        where: the stage or layer that the rule is for; ``everywhere`` by default.
        finetune: epochs such as ``2``, or a share of the original's training such as ``10%``; None for none.
        mean, std: what the network's pixels are normalised by, a value for each channel; empty for what stands beside
            the weights, or is measured.
        holes: what may become smaller, of ``HOLES``.
        trials: how many draws to judge.
        seed: of draws and samples.
        workers: processes that judge.
        command: how this was asked for.
    """

    text: str
    weights: Path | Mapping[str, Tensor]
    data: Path
    budget: tuple[str, ...]
    out: Path
    labelled: bool = True
    rule: str = ""
    where: str = EVERYWHERE
    finetune: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    holes: tuple[str, ...] = HOLES
    trials: int = 40
    seed: int = 0
    workers: int = 1
    command: str = "archlab.shrink(…)"

    @property
    def pixels(self) -> Pixels:
        """What pixels are normalised by."""
        return self.mean, self.std

    def __post_init__(self) -> None:
        if self.rule and self.budget:
            raise InputError("a rule says itself what it saves", hint="leave --budget out, or --rule")
        if self.rule:
            parse_rule(self.rule)
        elif not self.budget:
            raise InputError(
                "there is no budget to shrink to",
                hint="such as --budget macs=0.5x, half of the MACs; or --rule separable, a rule of `archlab rewrite`",
            )
        elif self.where != EVERYWHERE:
            raise InputError("a place belongs to a rule", hint="leave --where out, or add --rule")
        for_channels(self.pixels, max(1, len(self.mean)))
        for kind in self.holes:
            if kind not in HOLES:
                known = ", ".join(HOLES)
                why = "weights cannot be carried into" if kind in KINDS else "there are no"
                raise InputError(f"{why} holes of kind {kind!r}", hint=f"those that shrink are {known}")
        if self.finetune is not None and not self.labelled:
            raise InputError("images without labels cannot fine-tune", hint="leave --finetune out")


@dataclass(frozen=True, slots=True)
class Finetuning:
    """How the best are fine-tuned.

    Attributes:
        epochs: of the training images.
        settings: those of the original's training that go on, by their names in ``TrainSettings``.
    """

    epochs: float
    settings: Mapping[str, object] = field(default_factory=dict)


def parse_share(text: str) -> tuple[float, bool]:
    """Return the number that is written, and whether it is a share: ``10%`` is ``(0.1, True)``.

    Raises:
        InputError: it is neither epochs nor a share, or not above 0.
    """
    number, share = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number) / (100 if share else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise InputError(
            f"{text!r} is no length of a fine-tuning", hint="epochs such as 2, or a share of the training such as 10%"
        )
    return value, share


def numbers(option: str, text: str | None) -> tuple[float, ...]:
    """Return the numbers of ``0.485,0.456,0.406``; none where there is no text.

    Raises:
        InputError: one is none.
    """
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InputError(f"{option} takes numbers such as 0.485,0.456,0.406, not {text!r}") from None


def for_channels(pixels: Pixels, channels: int) -> Pixels:
    """Return the mean and deviation that were asked for, a value for each channel; nothing where none were.

    Raises:
        InputError: they are for another number of channels, of different lengths, or a deviation is not above 0.
    """
    mean, std = pixels
    if len(mean) != len(std):
        raise InputError(f"the mean has {len(mean)} values and the deviation {len(std)}")
    if any(not value > 0 for value in std):
        raise InputError("a deviation is above 0")
    if not mean:
        return (), ()
    mean, std = (values * channels if len(values) == 1 else values for values in (mean, std))
    if len(mean) != channels:
        raise InputError(f"the mean has {len(mean)} values, and the network takes {channels} channels")
    return mean, std
