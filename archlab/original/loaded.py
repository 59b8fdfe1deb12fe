"""An original in memory: its module, the images that layers are fitted on, and those that networks are measured on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from torch import Tensor, nn

from archlab.carry.statistics import Statistics, collect
from archlab.elaborate import elaborate
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.ir import Graph, Shape
from archlab.nn import build
from archlab.nn.weight_files import digest, load_weights
from archlab.original.original import Original
from archlab.train.find_images import find_images
from archlab.train.image_source import ImageSource, PartName
from archlab.train.labelled_images import LabelledImages, batches
from archlab.train.metrics import evaluate
from archlab.train.normalisation import Normalisation
from archlab.train.read_part import load_part

Note = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Loaded:
    """What every draw is filled from and measured with.

    Attributes:
        module: the original, in evaluation.
        graph: its operators.
        images: (N, C, H, W), normalised, without labels: to fit layers on.
        known: what its layers read on them.
        held_out: to measure networks on.
    """

    module: nn.Module
    graph: Graph
    images: Tensor
    known: Statistics
    held_out: LabelledImages


@lru_cache(maxsize=1)
def load_original(original: Original, held_out: int) -> Loaded:
    """Read what an original names, once in a process.

    Args:
        held_out: how many of the held-out images to take.

    Raises:
        InputError: the weights or the images are not those that it was written with.
    """
    graph = elaborate(parse(original.text)).graph
    module = build(graph).eval()
    load_weights(module, Path(original.weights))
    if digest(module) != original.weights_digest:
        raise InputError(f"{original.weights} holds other weights than the search was begun with")
    source = find_images(original.data, original.seed, labelled=original.labelled)
    if source.digest != original.data_digest:
        raise InputError(f"{original.data} holds other images than the search was begun with")
    known = original.normalisation
    images = calibration_images(source, graph.input_shape, known, original.calibration)
    judged = read_part(source, "val", graph.input_shape, known, held_out)
    if not original.labelled:
        judged = as_said(module, judged)
    return Loaded(module, graph, images, collect(module, graph, images, seed=original.seed), judged)


def calibration_images(source: ImageSource, shape: Shape, known: Normalisation, count: int) -> Tensor:
    """Return ``count`` training images, or all where they are fewer, normalised."""
    part = read_part(source, "train", shape, known, count)
    (pixels, _), *_ = batches(part, len(part))
    return part.inputs(pixels)


def read_part(
    source: ImageSource,
    part: PartName,
    shape: Shape,
    known: Normalisation,
    most: int | None = None,
    note: Note = lambda _: None,
    progress: Note = lambda _: None,
) -> LabelledImages:
    """Return ``most`` images of a part, chosen by the source's seed and kept in order; all where they are fewer.

    Where the data has no such part, the one that it has.
    """
    name: PartName = part if source.parts[part] else "test" if part == "val" else "val"
    examples = source.parts[name]
    if most is not None and len(examples) > most:
        places = sorted(random.Random(f"{source.seed} {name}").sample(range(len(examples)), most))
        source = replace(source, parts={**source.parts, name: tuple(examples[i] for i in places)})
    return load_part(source, name, shape, normalisation=known, note=note, progress=progress)


def first(part: LabelledImages, count: int) -> LabelledImages:
    """Return the first ``count`` images of a part in an order that has nothing to do with their names."""
    order = random.Random(len(part)).sample(range(len(part)), min(count, len(part)))
    images = None if part.images is None else part.images[order]
    return replace(part, examples=tuple(part.examples[i] for i in order), labels=part.labels[order], images=images)


def as_said(module: nn.Module, part: LabelledImages) -> LabelledImages:
    """Return a part whose labels are what ``module`` says, so that accuracy is agreement with it.

    Raises:
        InputError: some image cannot be decoded.
    """
    blank = replace(part, labels=part.labels * 0, classes=class_names(module, part))
    said = evaluate(module, blank).said
    if len(said) != len(part):
        raise InputError(
            f"{len(part) - len(said)} of the held-out images cannot be decoded", hint="remove them from the data"
        )
    return replace(blank, labels=said)


def class_names(module: nn.Module, part: LabelledImages) -> tuple[str, ...]:
    """Return a name for each of the module's outputs on a part's images: ``output 0`` and so on."""
    (pixels, _), *_ = batches(part, 1)
    return tuple(f"output {i}" for i in range(module(part.inputs(pixels)).shape[1]))


def refuse_other_classes(graph: Graph, source: ImageSource) -> None:
    """Refuse images whose classes are not the outputs of a network.

    Raises:
        InputError: there are more or fewer of them.
    """
    outputs = graph.shape_of(graph.outputs[0])
    if outputs != (len(source.classes),):
        raise InputError(
            f"{graph.name} puts out {'x'.join(map(str, outputs))}, and {source.root} has {len(source.classes)} classes",
            hint="give the images that it was trained on, or judge by agreement with --unlabelled",
        )
