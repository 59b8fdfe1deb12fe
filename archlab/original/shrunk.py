"""What shrinking a trained network came to, as data: what ``shrunk.json`` holds, and all that its page is made from."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archlab.decoding import MisfitError, decode
from archlab.errors import InputError
from archlab.measured import Latency
from archlab.reading import read_json

SCHEMA = "archlab.shrunk/1"

Weights = Literal["refit", "polish", "fine-tuning"]


@dataclass(frozen=True, slots=True)
class Side:
    """The original or the result.

    Attributes:
        name: the network's.
        text: without holes.
        cost: params, macs and so on.
        right: how many of the test images it gets right; where they have no labels, as the original says them.
        latency: on this machine.
    """

    name: str
    text: str
    cost: dict[str, float]
    right: int
    latency: Latency | None


@dataclass(frozen=True, slots=True)
class LayerKept:
    """What of a layer the result has.

    Attributes:
        name, source: its operator in the result, and in the original.
        inputs, outputs: channels of the result, and of the original.
        error: the share of the variance of the original's output that the refit does not explain; None where nothing
            before it changed, or after a training.
        stands: the operators that stand for the original's, where a rule replaced it.
    """

    name: str
    source: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    error: float | None
    stands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contender:
    """A network of which the result was chosen; accuracies are shares of held-out images.

    Attributes:
        name: as among the search's finalists; or the rewriting's.
        macs: its multiply-accumulates.
        judged: by the search, after the walk; or as the rule left it.
        seen: of all held-out images, with each of the weights that it had.
    """

    name: str
    macs: float
    judged: float
    seen: dict[str, float]


@dataclass(frozen=True, slots=True)
class Draw:
    """A network that was judged: its MACs, and the share of held-out images that it got right in ``stage``."""

    macs: float
    accuracy: float
    stage: int


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A trained network and the smaller one that was made from it.

    Attributes:
        original, result: the two.
        labelled: whether the images' labels were read; else ``right`` counts agreement with the original.
        images: how many test images there are.
        tested: whether they are a test part; else those held out, which chose the result as well.
        lost, gained: how many images only the original, and only the result, gets right.
        budgets: limits, by metric.
        kept: which weights the result has: those of the refit, or after it followed the original's outputs on
            unlabelled images, or after a training with labels.
        epochs: of the training with labels, where there was one.
        layers: in running order.
        contenders: the best of the search, the chosen one first.
        draws: all that the search judged.
        original_held_out: the original's share of the held-out images.
        data, weights: where they are.
        command: which made this.
        seed: of the draws and samples.
        seconds: how long it took.
        cpu_seconds: of this process.
        versions: of packages.
        machine: in one line.
        rule: by which it was rewritten, and where, such as ``separable dm=4, stage3``; empty after a search.
    """

    original: Side
    result: Side
    labelled: bool
    images: int
    tested: bool
    lost: int
    gained: int
    budgets: dict[str, float]
    kept: Weights
    epochs: float
    layers: tuple[LayerKept, ...]
    contenders: tuple[Contender, ...]
    draws: tuple[Draw, ...]
    original_held_out: float
    data: str
    weights: str
    command: str
    seed: int
    seconds: float
    cpu_seconds: float
    versions: dict[str, str]
    machine: str
    rule: str = ""
    schema: str = SCHEMA

    def accuracy(self, side: Side) -> float:
        """The share of the test images that a network gets right."""
        return side.right / max(1, self.images)

    def standard_error(self, side: Side) -> float:
        """Of its accuracy: √(p (1 - p) / N)."""
        p = self.accuracy(side)
        return math.sqrt(p * (1 - p) / max(1, self.images))

    @property
    def difference(self) -> float:
        """The result's accuracy less the original's."""
        return (self.gained - self.lost) / max(1, self.images)

    @property
    def difference_error(self) -> float:
        """Its standard error, of pairs: √(lost + gained - (lost - gained)² / N) / N."""
        n = max(1, self.images)
        return math.sqrt(max(0.0, self.lost + self.gained - (self.lost - self.gained) ** 2 / n)) / n


def to_json(shrunk: Shrunk) -> str:
    """Return the JSON of ``shrunk.json``."""
    return json.dumps(dataclasses.asdict(shrunk), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_shrunk(path: Path) -> Shrunk:
    """Read what ``to_json`` wrote.

    Raises:
        InputError: the file cannot be read, or is none of these.
    """
    try:
        shrunk = decode(Shrunk, read_json(path), "result")
    except MisfitError as error:
        raise InputError(f"{path} is no result of `archlab shrink` of this version: {error}") from error
    assert isinstance(shrunk, Shrunk)
    return shrunk
