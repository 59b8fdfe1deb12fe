"""A backbone of the pool on one of the sets, at one size: what the scores say of it, and its AP after a training."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from archlab.detect import attach
from archlab.detect.dataset import DetectionData, read_dataset
from archlab.detect.level_entropy import level_use
from archlab.detect.measure_ap import LOOKS, measure_ap
from archlab.detect.scores import score_detector
from archlab.detect.train_detector import Schedule
from archlab.elaborate import Fixed, Interpreter, load
from archlab.errors import ScoreError
from archlab.ir import Graph
from benchmarks.detecting.pool import pool, sized
from benchmarks.detecting.references import SPEC
from benchmarks.detecting.truth import lines, plain

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
KEY = ("set", "size", "network", "seed", "canonical", "steps")
"""What makes a row another one than the others."""

STEPS = 300
"""Of a training; the order of backbones by AP was measured to agree with that after 750 steps by a τ of .91."""

Job = Mapping[str, Any]


@cache
def data(name: str, part: str, size: tuple[int, int]) -> DetectionData:
    """Return a part of a set at ``size`` (height, width)."""
    return read_dataset(DATA / name / f"{part}.json", size)


def detector(network: int, size: tuple[int, int], classes: int, canonical: float) -> Graph:
    """Return a backbone of the pool at ``size`` with the study's neck and head."""
    backbone = pool()[network]
    made = Interpreter(load(sized("detection", size))).network(Fixed(dict(backbone.draws)))  # type: ignore[arg-type]
    return attach(made.without_detector, dataclasses.replace(SPEC, classes=classes, canonical=canonical))


def scored(job: Job, scores: Sequence[str]) -> dict[str, Any]:
    """Return scores and their parts, level use, and CPU seconds by score."""
    graph, training, _ = _parts(job)
    found, seconds = {}, {}
    for name in scores:
        began = time.process_time()
        found[name] = score_detector(name, graph, training, job["seed"])
        seconds[name] = round(time.process_time() - began, 2)
    return {
        "scores": {name: each.value for name, each in found.items()},
        "parts": {name: each.parts for name, each in found.items()},
        "level use": level_use(graph, training),
        "score seconds": seconds,
    }


def trained(job: Job, looks: Sequence[float] = LOOKS) -> dict[str, Any]:
    """Return AP on the validation images in the end and at the shares ``looks`` of the training, and its CPU seconds.

    One whose loss is not finite has no AP, and says why. Seconds hold the looks, about a fifth of a second each.
    """
    graph, training, validation = _parts(job)
    on_the_way: dict[str, float] = {}

    def report(step: int, ap: float) -> None:
        on_the_way[f"{step / job['steps']:g}"] = round(ap, 5)

    began = time.process_time()
    try:
        measured = measure_ap(
            graph, training, validation, Schedule(steps=job["steps"]), job["seed"], report, looks=looks
        )
    except ScoreError as error:
        return {"failed": str(error), "seconds": round(time.process_time() - began, 1)}
    return {"ap": plain(measured.ap), "ap at": on_the_way, "seconds": round(time.process_time() - began, 1)}


def add_rows(path: Path, jobs: Iterable[Job], row_of: Callable[[Job], dict[str, Any]], most: int) -> None:
    """Append to ``path`` the rows of at most ``most`` jobs that it does not hold, one line each.

    A line that was cut short is taken off, and its job done again.
    """
    kept = lines(path)
    if path.exists():
        content = path.read_bytes()
        path.write_bytes(content[: content.rfind(b"\n") + 1])
    done = {_key(line) for line in kept}
    todo = [job for job in jobs if _key(job) not in done]
    for i, job in enumerate(islice(todo, most), start=1):
        row = row_of(job)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        ap = row.get("ap", {}).get("ap")
        print(f"{i}/{len(todo)} {job}: AP {ap}, {row['seconds']} s", file=sys.stderr, flush=True)


def _key(job: Job) -> str:
    return json.dumps([job[name] for name in KEY])


def _parts(job: Job) -> tuple[Graph, DetectionData, DetectionData]:
    size = (job["size"][0], job["size"][1])
    training, validation = (data(job["set"], part, size) for part in ("train", "val"))
    return detector(job["network"], size, len(training.classes), job["canonical"]), training, validation
