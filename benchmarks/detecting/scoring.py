"""Every score of every backbone of the pool, with the CPU seconds that it took; one line each, resumable."""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from archlab.detect import attach
from archlab.detect.scores import DETECTION_SCORES, score_detector
from archlab.errors import ScoreError
from archlab.nn import build
from archlab.score import score
from benchmarks.detecting.pool import Backbone, pool
from benchmarks.detecting.references import SPEC
from benchmarks.detecting.truth import data, lines

CLASSIFICATION = ("synflow", "naswot", "grad_norm", "zen", "entropy", "score")
"""The scores of ``archlab.score``, on the backbone; mean of three initialisations."""

SIZES: dict[str, Callable[[Backbone], float]] = {
    "MACs": lambda b: math.log(b.macs),
    "parameters": lambda b: math.log(b.params),
    "residual": lambda b: b.residual,
}

PARTS = {"roi_probe": ("class accuracy", "place R²")}
"""Scores whose parts are reported by themselves, too."""


def run(path: Path) -> None:
    """Score what ``path`` does not hold."""
    done = {line["network"] for line in lines(path)}
    todo = [backbone for backbone in pool() if backbone.index not in done]
    for i, backbone in enumerate(todo):
        values, seconds = scores_of(backbone)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"network": backbone.index, "values": values, "seconds": seconds}) + "\n")
        print(f"{i + 1}/{len(todo)} scored, {sum(seconds.values()):.1f} s", file=sys.stderr, flush=True)


def scores_of(backbone: Backbone) -> tuple[dict[str, float | None], dict[str, float]]:
    """Return values by score, null where one cannot be computed, and CPU seconds."""
    values: dict[str, float | None] = {name: size(backbone) for name, size in SIZES.items()}
    seconds: dict[str, float] = {}
    detector = attach(backbone.graph, SPEC)
    for name in DETECTION_SCORES:
        began = time.process_time()
        scored = score_detector(name, detector, data("train"), 0)
        seconds[name] = round(time.process_time() - began, 3)
        values[name] = scored.value
        values |= {f"{name}: {part}": scored.parts[part] for part in PARTS.get(name, ())}
    for name in CLASSIFICATION:
        began = time.process_time()
        values[name] = _classification(name, backbone)
        seconds[name] = round(time.process_time() - began, 3)
    return values, seconds


def _classification(name: str, backbone: Backbone) -> float | None:
    try:
        runs = [score(name, build(backbone.graph, seed), backbone.graph.input_shape, seed) for seed in range(3)]
    except ScoreError:
        return None
    return statistics.fmean(runs)
