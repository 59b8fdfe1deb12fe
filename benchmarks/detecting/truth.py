"""Trained AP: each backbone's detector trained on BCCD, one line per training, resumable."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from torch import nn

from archlab.detect import attach
from archlab.detect.average_precision import average_precision, predict
from archlab.detect.dataset import DetectionData, read_dataset
from archlab.detect.measure_ap import small_faster_rcnn
from archlab.detect.train_detector import Schedule, train
from archlab.errors import ScoreError
from archlab.ir import Graph
from benchmarks.detecting.model import detector
from benchmarks.detecting.pool import SIZE
from benchmarks.detecting.references import SPEC

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "bccd"
SCHEDULE = Schedule(steps=750)

Make = Callable[[Graph, int, str], nn.Module]
"""(backbone, seed, pooling) to a detector."""

_read: dict[str, DetectionData] = {}


def data(part: str) -> DetectionData:
    """Return BCCD's ``train``, ``val`` or ``test`` at the study's size."""
    if part not in _read:
        _read[part] = read_dataset(DATA / f"{part}.json", SIZE)
    return _read[part]


def of_study(graph: Graph, seed: int, pooling: str) -> nn.Module:
    """Return the study's detector on ``graph``."""
    return detector(graph, len(data("train").classes), seed, pooling)


def of_search(graph: Graph, seed: int, _pooling: str) -> nn.Module:
    """Return the detector that a search's objective ``train`` trains, with the study's neck and head."""
    return small_faster_rcnn(attach(graph, SPEC), data("train"), seed)


def trained(graph: Graph, seed: int, pooling: str = "avg", make: Make = of_study) -> dict[str, Any]:
    """Train a detector on ``graph``, and return its AP on validation and test, and the CPU seconds of the training."""
    model: Any = make(graph, seed, pooling)
    began = time.process_time()
    try:
        train(model, data("train"), SCHEDULE, seed)
    except ScoreError as error:
        return {"failed": str(error), "seconds": round(time.process_time() - began, 1)}
    seconds = round(time.process_time() - began, 1)
    model.eval()
    result: dict[str, Any] = {"seconds": seconds}
    for part in ("val", "test"):
        result[part] = plain(average_precision(predict(model, data(part)), data(part)))
    return result


def plain(value: Any) -> dict[str, Any]:
    """Return a metric as JSON, null where there is none."""
    fields = dataclasses.asdict(value)
    return {key: _number(entry) for key, entry in fields.items()}


def _number(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _number(entry) for key, entry in value.items()}
    return None if math.isnan(value) else round(value, 5)


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a JSON-lines file; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]


def run(path: Path, jobs: Iterable[tuple[dict[str, Any], Graph]], make: Make = of_study) -> None:
    """Train what ``path`` does not hold; a job is its key, with ``seed`` and perhaps ``pooling``, and its graph."""
    done = {_key(line) for line in lines(path)}
    todo = [(key, graph) for key, graph in jobs if _key(key) not in done]
    for i, (key, graph) in enumerate(todo):
        result = trained(graph, key["seed"], key.get("pooling", "avg"), make)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**key, **result}) + "\n")
        ap = result.get("val", {}).get("ap")
        print(f"{i + 1}/{len(todo)} {key}: AP {ap}, {result['seconds']} s", file=sys.stderr, flush=True)


_KEYS = ("network", "seed", "pooling")


def _key(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line.get(name, "avg" if name == "pooling" else None) for name in _KEYS)
