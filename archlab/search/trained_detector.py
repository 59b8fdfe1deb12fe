"""A detector that a search has trained, whole again from its files: text, weights and proposals."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from archlab.detect.measure_ap import small_model
from archlab.detect.proposals_file import read_proposals_metadata
from archlab.elaborate import graph_of
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.ir import Graph
from archlab.nn.weight_files import load_weights, told_in
from archlab.reading import read_text
from archlab.search.trained_finalist import build_finalist


@dataclass(frozen=True, slots=True, eq=False)
class TrainedDetector:
    """A detector that takes images and finds boxes.

    Attributes:
        model: torchvision's Faster R-CNN, in evaluation, for images of ``size``, normalised.
        name: of its text.
        classes: names; label 1 is the first.
        size: height and width of the images.
        digest: of the network that its text is.
    """

    model: nn.Module
    name: str
    classes: tuple[str, ...]
    size: tuple[int, int]
    digest: str


def load_detector(checkpoint: Path) -> TrainedDetector:
    """Return the detector whose weights are in ``checkpoint``, a finalist's ``NAME.safetensors``.

    Its text is beside it in ``NAME.arch``, its proposal network in ``NAME-rpn.safetensors``.

    Raises:
        InputError: a file is missing, broken, or another network's; or it is no detector's.
    """
    text, proposals = checkpoint.with_suffix(".arch"), checkpoint.with_name(f"{checkpoint.stem}-rpn.safetensors")
    if not os.path.isfile(checkpoint):
        raise InputError(
            f"there is no checkpoint {checkpoint}", hint="a search keeps them as finalists/NAME.safetensors"
        )
    if not os.path.isfile(proposals):
        raise InputError(
            f"{checkpoint} is of no trained detector: it has no proposal network beside it, {proposals.name}",
            hint="only detectors that a search has trained (--train-top) find boxes; keep a finalist's files together",
        )
    if not os.path.isfile(text):
        raise InputError(
            f"{checkpoint} has no text beside it: there is no {text.name}", hint="keep a finalist's files together"
        )
    told = read_proposals_metadata(told_in(proposals), str(proposals))
    content = read_text(text)
    module = build_finalist(content, checkpoint, 0)
    graph: Graph = module.meta["graph"]
    size = graph.input_shape[1], graph.input_shape[2]
    model = small_model(module, size, told.anchor_scale)
    load_weights(model.get_submodule("rpn"), proposals)
    return TrainedDetector(model.eval(), graph.name, told.classes, size, graph_of(parse(content)).digest)
