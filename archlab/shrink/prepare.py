"""The original of a request: its weights written under the text's names, its images found, its accuracy checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archlab.cost import cost
from archlab.elaborate import Network, elaborate
from archlab.errors import InputError
from archlab.files import make_folder
from archlab.grammar import parse
from archlab.ir import Graph
from archlab.nn import build
from archlab.nn.weight_files import digest, load_weights, save
from archlab.original.loaded import as_said, read_part, refuse_other_classes
from archlab.original.original import Original
from archlab.original.training_beside import stated_normalisation, training_beside
from archlab.shrink.request import Finetuning, ShrinkRequest, normalisation_of, parse_share
from archlab.train import ImageSource, TrainSettings, find_images, load_part, odd_lines
from archlab.train.labelled_images import LabelledImages
from archlab.train.normalisation import Normalisation

Note = Callable[[str], None]

CALIBRATION = 2048
"""Training images on which layers are fitted, where memory allows: more than 512 are worth .2 to .5 points."""
LEAST = 32
MEMORY = 1.5e9
"""Bytes that the values of both networks on all calibration images may take. It follows from the text alone, so that
every machine takes the same images."""
_GOES_ON = ("batch", "optimiser", "momentum", "weight_decay", "label_smoothing", "augment", "channels_last")
_GENTLE = 0.1
"""Of the original's learning rate: a refitted network is spoilt by more."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a request comes to.

    Attributes:
        original: as a search's objective reads it.
        graph, module: of the original.
        source: where the images are.
        held_out: the part that chooses.
        finetuning: how the best are trained; None where they are not.
    """

    original: Original
    graph: Graph
    module: nn.Module
    source: ImageSource
    held_out: LabelledImages
    finetuning: Finetuning | None


def prepare(request: ShrinkRequest, note: Note, progress: Note) -> Prepared:
    """Read what a request names, and write the original's weights to its folder.

    Raises:
        InputError: the weights do not fit the network, the network's outputs are not the images' classes, or the
            images cannot be read.
    """
    network = elaborate(parse(request.text))
    graph = network.graph
    if len(graph.inputs) > 1 or len(graph.outputs) > 1:
        raise InputError(f"{graph.name} is a detector or has several outputs, and a classifier has one")
    module = build(graph).eval()
    metrics = training_beside(request.weights)
    make_folder(request.out)
    weights = request.out / "original.pt"
    if isinstance(request.weights, Path):
        load_weights(module, request.weights)
    else:
        module.load_state_dict(dict(request.weights))
    _refuse_infinite(module, request.weights)
    save({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, weights)
    progress("finding the images")
    source = find_images(request.data, request.seed, labelled=request.labelled)
    for line in odd_lines(source.odd):
        note(line)
    shape = graph.input_shape
    known = _normalisation(request, metrics, source, graph, note, progress)
    held_out = read_part(source, "val", shape, known, note=note, progress=progress)
    if request.labelled:
        refuse_other_classes(graph, source)
    else:
        held_out = as_said(module, held_out)
    original = Original(
        text=request.text,
        weights=weights.name,
        weights_digest=digest(module),
        data=str(request.data.resolve()),
        data_digest=source.digest,
        labelled=request.labelled,
        seed=request.seed,
        normalisation=known,
        calibration=calibration_count(network),
    )
    return Prepared(original, graph, module, source, held_out, _finetuning(request, metrics, source))


def _refuse_infinite(module: nn.Module, weights: object) -> None:
    for name, tensor in module.state_dict().items():
        if not bool(torch.isfinite(tensor).all()):
            where = str(weights) if isinstance(weights, Path) else "the model"
            raise InputError(
                f"{where} has values in {name} that are not finite",
                hint="give the weights of a training that went well",
            )


def calibration_count(network: Network) -> int:
    """Return how many images layers are fitted on: what ``MEMORY`` holds of two networks' values, up to 2,048."""
    each = 2 * max(1, cost(network).memory)
    return int(min(CALIBRATION, max(LEAST, MEMORY // each)))


def _normalisation(
    request: ShrinkRequest,
    metrics: Mapping[str, Any],
    source: ImageSource,
    graph: Graph,
    note: Note,
    progress: Note,
) -> Normalisation:
    asked = normalisation_of(request, graph.input_shape[0])
    if asked:
        return Normalisation(*asked)
    if stated := stated_normalisation(metrics):
        return stated
    note("pixels are normalised by the training images' own mean and deviation: --mean and --std say the network's")
    return load_part(source, "train", graph.input_shape, share=0.0, progress=progress).normalisation


def _finetuning(request: ShrinkRequest, metrics: Mapping[str, Any], source: ImageSource) -> Finetuning | None:
    if request.finetune is None:
        return None
    value, is_share = parse_share(request.finetune)
    settings = metrics.get("settings") if isinstance(metrics.get("settings"), dict) else {}
    assert isinstance(settings, dict)
    going_on = {name: settings[name] for name in _GOES_ON if name in settings}
    if "augment" in going_on:
        going_on["augment"] = tuple(going_on["augment"])
    optimiser = TrainSettings(**going_on)
    rate = settings.get("rate", 0.0) or optimiser.highest_rate
    going_on["rate"] = _GENTLE * float(rate)
    if not is_share:
        return Finetuning(value, going_on)
    if not isinstance(metrics.get("steps"), int):
        raise InputError(
            f"how long the network was trained is not known, so {request.finetune} of it is not",
            hint="give epochs, such as --finetune 2; `archlab train` writes metrics.json beside its weights",
        )
    seen = metrics["steps"] * optimiser.batch
    return Finetuning(value * seen / max(1, len(source.parts["train"])), going_on)
