"""Does the search pay: its finalist, trained, against the literature's backbones scaled to the same budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import archlab
from archlab.elaborate import elaborate
from archlab.grammar import ast, parse
from archlab.ir import Graph
from benchmarks.detecting.model import HEAD, NECK, POOLED
from benchmarks.detecting.pool import pool, sized
from benchmarks.detecting.references import REFERENCES, scaled
from benchmarks.detecting.truth import DATA

BUDGETS = (45, 65, 105)
"""Millions of MACs of the whole detector with 100 RoIs: about 14, 33 and 73 of the backbone."""

TRIALS, TRAINED, SEEDS = 60, 8, (0, 1, 2)
POOLING_NETWORKS, POOLING_SEEDS = (0, 12, 24, 36, 48, 60), (0, 1)


def space() -> ast.Architecture:
    """The shipped detection space with the study's neck and head, so that backbones are compared."""
    text = f"net n\ndetect: fpn({NECK}) -> roi_align({POOLED}, sampling=2) -> box_head({HEAD}, classes=3)"
    fixed = parse(text).stages[-1]
    architecture = sized("detection")
    stages = tuple(fixed if stage.name == fixed.name else stage for stage in architecture.stages)
    return dataclasses.replace(architecture, stages=stages)


def search(budget: int, folder: Path) -> str:
    """The text of the finalist under ``budget`` million MACs; resumable.

    What ``archlab search --objective detection --trials 60 --train-top 8`` does: of the best by the score, the one that
    trained has the highest AP on the validation images.
    """
    result = archlab.search(
        space(),
        budget=[f"macs={budget}M"],
        objective="detection",
        data=DATA / "train.json",
        val=DATA / "val.json",
        trials=TRIALS,
        then="train",
        keep=TRAINED,
        top=1,
        latency=False,
        out=folder / f"{budget}M",
    )
    return result.finalists[0].text


def ours(folder: Path) -> Iterator[tuple[dict[str, Any], Graph]]:
    """The trainings of the finalists, searched for where that is not done."""
    for budget in BUDGETS:
        text = search(budget, folder)
        graph = elaborate(parse(text)).without_detector.graph
        for seed in SEEDS:
            yield {"network": f"archlab {budget}M", "seed": seed, "text": text}, graph


def references() -> Iterator[tuple[dict[str, Any], Graph]]:
    """The trainings of the literature's backbones."""
    for budget in BUDGETS:
        for name in REFERENCES:
            draws, graph = scaled(name, budget * 1e6)
            for seed in SEEDS:
                yield {"network": f"{name} {budget}M", "seed": seed, "draws": draws}, graph


def pooled() -> Iterator[tuple[dict[str, Any], Graph]]:
    """The trainings with RoI pooling in place of align, of backbones whose trainings with align there are."""
    for index in POOLING_NETWORKS:
        for seed in POOLING_SEEDS:
            yield {"network": index, "seed": seed, "pooling": "caffe"}, pool()[index].graph


def against(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By budget: each network's AP (mean of validation and test) over its seeds, and ours less the best reference's."""
    rows: dict[str, dict[str, Any]] = {}
    for budget in BUDGETS:
        found = {
            name: [_ap(line) for line in lines if line["network"] == f"{name} {budget}M"]
            for name in ("archlab", *REFERENCES)
        }
        means = {name: float(np.mean(values)) for name, values in found.items() if values}
        row: dict[str, Any] = {
            name: {
                "ap": round(means[name], 4),
                "deviation": round(float(np.std(found[name], ddof=1)), 4) if len(found[name]) > 1 else None,
                "seeds": len(found[name]),
            }
            for name in means
        }
        others = [name for name in means if name != "archlab"]
        if "archlab" in means and others:
            best = max(others, key=means.__getitem__)
            row["difference"] = {"to": best, "ap": round(means["archlab"] - means[best], 4)}
        rows[f"{budget}M"] = row
    return rows


def rounding(align: Sequence[Mapping[str, Any]], pooling: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What RoI pooling's two roundings cost: AP with align less AP with pooling, by object size, on the same seeds."""
    by_key = {(line["network"], line["seed"]): line for line in align if line.get("pooling", "avg") == "avg"}
    pairs = [(by_key[k], line) for line in pooling if (k := (line["network"], line["seed"])) in by_key]
    sizes = ("ap", "ap50", "ap75", "small", "medium", "large")
    cost = {}
    for size in sizes:
        gaps = [
            a[part][size] - p[part][size]
            for a, p in pairs
            for part in ("val", "test")
            if a[part][size] is not None and p[part][size] is not None
        ]
        if gaps:
            error = float(np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
            cost[size] = {"align_less_pooling": round(float(np.mean(gaps)), 4), "standard_error": round(error, 4)}
    return {"trainings": len(pairs), "backbones": len({a["network"] for a, _ in pairs}), "cost": cost}


def _ap(line: Mapping[str, Any]) -> float:
    return (line["val"]["ap"] + line["test"]["ap"]) / 2 if "val" in line else 0.0
