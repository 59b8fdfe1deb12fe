"""A trained network in memory with the images that it is judged on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from archlab.cost import cost
from archlab.elaborate import elaborate
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.ir import Graph
from archlab.original.loaded import as_said, calibration_images, read_part, refuse_other_classes
from archlab.original.training_beside import stated_normalisation, training_beside
from archlab.shrink.read_model import TrainedModel, built
from archlab.shrink.request import Pixels, for_channels
from archlab.train import ImageSource, find_images, load_part, odd_lines
from archlab.train.labelled_images import LabelledImages
from archlab.train.normalisation import Normalisation

Note = Callable[[str], None]

CALIBRATION = 2048
"""Training images on which layers are fitted, where memory allows: more than 512 are worth .2 to .5 points."""
LEAST = 32
MEMORY = 1.5e9
"""Bytes that the values of both networks on all calibration images may take. It follows from the text alone, so that
every machine takes the same images."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained classifier and its images.

    Attributes:
        text: without holes.
        graph, module: of it.
        metrics: what ``archlab train`` says beside the weights; empty where they are another's.
        source: where the images are.
        labelled: whether their labels are the network's classes; else what it says of them stands for these.
        normalisation: of the pixels.
        held_out: the part that chooses.
        calibration: how many training images layers are fitted on.
    """

    text: str
    graph: Graph
    module: nn.Module
    metrics: Mapping[str, Any]
    source: ImageSource
    labelled: bool
    normalisation: Normalisation
    held_out: LabelledImages
    calibration: int

    def images(self, most: int = CALIBRATION) -> Tensor:
        """Return training images (N, C, H, W) as the network takes them, to fit layers on."""
        count = min(most, self.calibration)
        return calibration_images(self.source, self.graph.input_shape, self.normalisation, count)


def read_trained(
    model: TrainedModel,
    data: Path,
    *,
    labelled: bool = True,
    pixels: Pixels = ((), ()),
    seed: int = 0,
    note: Note = lambda _: None,
    progress: Note = lambda _: None,
) -> Trained:
    """Read a trained classifier and the images that it is judged on.

    Args:
        pixels: what they are normalised by; where nothing is said, as beside the weights, or the training images' own.

    Raises:
        InputError: the weights do not fit the network, it has several outputs or others than the images have classes,
            or the images cannot be read.
    """
    graph, module = built(model)
    if len(graph.inputs) > 1 or len(graph.outputs) > 1:
        raise InputError(f"{graph.name} is a detector or has several outputs, and a classifier has one")
    asked = for_channels(pixels, graph.input_shape[0])
    metrics = training_beside(model.weights)
    progress("finding the images")
    source = find_images(data, seed, labelled=labelled)
    for line in odd_lines(source.odd):
        note(line)
    if labelled:
        refuse_other_classes(graph, source)
    known = _normalisation(asked, metrics, source, graph, note, progress)
    held_out = read_part(source, "val", graph.input_shape, known, note=note, progress=progress)
    if not labelled:
        held_out = as_said(module, held_out)
    count = calibration_count(model.text)
    return Trained(model.text, graph, module, metrics, source, labelled, known, held_out, count)


def calibration_count(text: str) -> int:
    """Return how many images layers are fitted on: what ``MEMORY`` holds of two networks' values, up to 2,048."""
    each = 2 * max(1, cost(elaborate(parse(text))).memory)
    return int(min(CALIBRATION, max(LEAST, MEMORY // each)))


def _normalisation(
    asked: Pixels, metrics: Mapping[str, Any], source: ImageSource, graph: Graph, note: Note, progress: Note
) -> Normalisation:
    if asked[0]:
        return Normalisation(*asked)
    if stated := stated_normalisation(metrics):
        return stated
    note("pixels are normalised by the training images' own mean and deviation: --mean and --std say the network's")
    return load_part(source, "train", graph.input_shape, share=0.0, progress=progress).normalisation
