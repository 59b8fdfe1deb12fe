"""From a network and a folder of images to a folder of results: weights, metrics, and what they come from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from archlab.errors import InputError
from archlab.files import make_folder, write_atomic
from archlab.ir import Graph
from archlab.nn import build
from archlab.nn.weight_files import load_weights, save_weights
from archlab.train.image_source import PARTS, ImageSource, odd_lines, write_split
from archlab.train.labelled_images import LabelledImages, Note
from archlab.train.loop import Trained, train
from archlab.train.metrics import Evaluation, evaluate
from archlab.train.read_part import load_part
from archlab.train.run import Look
from archlab.train.settings import TrainSettings

FORMAT = "archlab.training/1"
WEIGHTS, METRICS, SPLIT, TEXT = "weights.safetensors", "metrics.json", "split.json", "network.arch"


@dataclass(frozen=True, eq=False)
class Outcome:
    """A training whose results are written.

    Attributes:
        trained: the network and what was seen on the way.
        judged: the images on which ``test`` was measured: the test part, or the held-out one where there is none.
        test: how well the network does on them.
        metrics: what ``metrics.json`` holds.
    """

    trained: Trained
    judged: LabelledImages
    test: Evaluation
    metrics: Mapping[str, Any]


def train_network(
    graph: Graph,
    source: ImageSource,
    settings: TrainSettings,
    out: Path,
    *,
    text: str | None = None,
    init: Path | None = None,
    teacher: tuple[Graph, Path] | None = None,
    note: Note = lambda _: None,
    progress: Note = lambda _: None,
    on_look: Callable[[Look], None] = lambda _: None,
) -> Outcome:
    """Train a network on a source's images, and write weights, metrics and the split into ``out``.

    A run whose ``out`` has the checkpoint of the same training goes on from it. The test images are looked at once,
    when the training is over.

    Args:
        text: the network's own, which is written beside as ``network.arch``.
        init: weights to begin with; without it the network is initialised by the seed.
        teacher: a network of the same input and classes, with its weights.
        note: is told what is left out of the data.

    Raises:
        InputError: the network is a detector, weights do not fit, or as ``train``, ``load_part`` and ``make_folder``.
        ScoreError: as ``train``.
    """
    _refuse_detector(graph)
    module = build(graph, seed=settings.seed)
    if init is not None:
        load_weights(module, init)
    guide = None
    if teacher is not None:
        guide = build(teacher[0])
        load_weights(guide, teacher[1])
    make_folder(out)
    for line in odd_lines(source.odd):
        note(line)
    write_split(source, out / SPLIT)
    if text is not None:
        write_atomic(out / TEXT, text)
    shape = graph.input_shape
    training = load_part(source, "train", shape, note=note, progress=progress)
    known = training.normalisation
    held_out = load_part(
        source, "val" if source.parts["val"] else "test", shape, normalisation=known, note=note, progress=progress
    )
    trained = train(
        module, training, held_out, settings, folder=out, data_digest=source.digest, teacher=guide, progress=progress,
        on_look=on_look,
    )  # fmt: skip
    del training
    save_weights(trained.module, out / WEIGHTS)
    judged = held_out
    if source.parts["test"] and source.parts["val"]:
        progress("measuring on the test images")
        judged = load_part(source, "test", shape, normalisation=known, note=note, progress=progress)
    test = evaluate(trained.module, judged)
    metrics = metrics_of(graph, source, settings, trained, judged, test)
    write_atomic(out / METRICS, json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return Outcome(trained, judged, test, metrics)


def metrics_of(
    graph: Graph,
    source: ImageSource,
    settings: TrainSettings,
    trained: Trained,
    judged: LabelledImages,
    test: Evaluation,
) -> dict[str, Any]:
    """Return a training as JSON has it; shares are between 0 and 1, losses in nats, times in seconds.

    A loss that is not finite is null."""
    data = {
        "format": FORMAT,
        "network": graph.name,
        "digest": graph.digest,
        "input": list(graph.input_shape),
        "data": {
            "path": str(source.root),
            "digest": source.digest,
            "classes": list(source.classes),
            "images": {part: len(source.parts[part]) for part in PARTS},
            "cut": list(source.cut),
            "odd": odd_lines(source.odd),
            "normalisation": asdict(judged.normalisation),
        },
        "settings": asdict(settings) | {"rate": settings.highest_rate, "weight_decay": settings.decay},
        "device": trained.device,
        "precision": trained.precision,
        "torch": str(torch.__version__),
        "steps": trained.steps,
        "seconds": trained.seconds,
        "held_out": _figures(trained.last),
        "test": _figures(test) | {"confusion": test.confusion.tolist(), "recall": list(test.recall)},
        "history": [asdict(look) for look in trained.history],
    }
    return {key: _finite(value) for key, value in data.items()}


def _finite(data: Any) -> Any:
    """Return JSON data with null in place of numbers that are not finite."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _figures(found: Evaluation) -> dict[str, Any]:
    return {
        "accuracy": found.accuracy,
        "standard_error": found.standard_error,
        "loss": found.loss,
        "images": len(found.labels),
    }


def _refuse_detector(graph: Graph) -> None:
    if len(graph.inputs) > 1 or len(graph.outputs) > 1:
        raise InputError(
            f"{graph.name} is a detector or has several outputs, and a classifier has one",
            hint="archlab search --train-top trains detectors",
        )
