"""Does the search pay: its finalist, trained, against the literature's backbones scaled to the same budget.

All are given the study's neck and head and trained as the objective ``train`` does it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

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


def space(name: str = "detection", classes: int = 3) -> ast.Architecture:
    """Return a shipped text with the study's neck and head in place of its own, so that backbones are compared."""
    boxes = f"roi_align({POOLED}, sampling=2, canonical=224) -> box_head({HEAD}, classes={classes})"
    (detect,) = parse(f"net n\ndetect: fpn({NECK}) -> {boxes}").stages
    architecture = sized(name)
    kept = tuple(stage for stage in architecture.stages if stage.name not in ("head", detect.name))
    return dataclasses.replace(architecture, stages=(*kept, detect))


def search(budget: int, folder: Path) -> tuple[str, list[tuple[float, float]]]:
    """The text of the finalist under ``budget`` million MACs, and score and AP of all that were trained; resumable.

    What ``archlab search --objective detection --trials 60 --train-top 8 --pruner none`` does: of the eight best by the
    score, the one that trained has the highest AP on the validation images.
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
        pruner="none",
        top=1,
        latency=False,
        out=folder / f"{budget}M",
    )
    trained = [t.values for t in result.trials if "train" in t.values]
    return result.finalists[0].text, [(round(v["detection"], 4), round(v["train"], 4)) for v in trained]


def ours(folder: Path) -> Iterator[tuple[dict[str, Any], Graph]]:
    """Yield the trainings of the finalists, searched for where that is not done."""
    for budget in BUDGETS:
        text, trained = search(budget, folder)
        graph = elaborate(parse(text)).without_detector.graph
        for seed in SEEDS:
            yield {"network": f"archlab {budget}M", "seed": seed, "text": text, "trained": trained}, graph


def references() -> Iterator[tuple[dict[str, Any], Graph]]:
    """Yield the trainings of the literature's backbones."""
    for budget in BUDGETS:
        for name in REFERENCES:
            draws, graph = scaled(name, budget * 1e6)
            for seed in SEEDS:
                yield {"network": f"{name} {budget}M", "seed": seed, "draws": draws}, graph


def pooled() -> Iterator[tuple[dict[str, Any], Graph]]:
    """Yield the trainings with RoI pooling in place of align, of backbones whose trainings with align there are."""
    for index in POOLING_NETWORKS:
        for seed in POOLING_SEEDS:
            yield {"network": index, "seed": seed, "pooling": "caffe"}, pool()[index].graph


def against(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By budget and network: AP over the seeds, on validation images, which chose our finalist, and on test images.

    ``lead`` is ours less the best reference's by both, with its standard error; ``trained`` how far the order by score
    of the networks that the search trained agrees with that by AP.
    """
    rows: dict[str, dict[str, Any]] = {}
    for budget in BUDGETS:
        found = {
            name: [line for line in lines if line["network"] == f"{name} {budget}M"]
            for name in ("archlab", *REFERENCES)
        }
        row: dict[str, Any] = {
            name: {part: _spread([_ap(line, part) for line in runs]) for part in ("both", "val", "test")}
            for name, runs in found.items()
            if runs
        }
        others = [name for name in row if name != "archlab"]
        if "archlab" in row and others:
            best = max(others, key=lambda name: row[name]["both"]["ap"])
            row["lead"] = {"on": best} | {
                part: _lead(row["archlab"][part], row[best][part]) for part in ("both", "val", "test")
            }
            # The search chose its finalist by the training of seed 0.
            fresh = [_ap(line, "both") for line in found["archlab"] if line["seed"]]
            row["lead"]["without_seed_0"] = round(float(np.mean(fresh)) - row[best]["both"]["ap"], 4)
        if found["archlab"]:
            scores, aps = zip(*found["archlab"][0]["trained"], strict=True)
            row["trained"] = {"networks": len(aps), "tau": round(float(kendalltau(scores, aps)[0]), 2)}
        rows[f"{budget}M"] = row
    return rows


def _spread(values: Sequence[float]) -> dict[str, Any]:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return {"ap": round(float(np.mean(values)), 4), "deviation": round(deviation, 4), "seeds": len(values)}


def _lead(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, float]:
    error = sum(side["deviation"] ** 2 / side["seeds"] for side in (ours, theirs)) ** 0.5
    return {"ap": round(ours["ap"] - theirs["ap"], 4), "standard_error": round(error, 4)}


def rounding(align: Sequence[Mapping[str, Any]], pooling: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return AP with align less AP with pooling, by object size, on the same seeds: what the two roundings cost."""
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


def _ap(line: Mapping[str, Any], part: str) -> float:
    """Return AP, 0 where the training came to nothing."""
    parts = ("val", "test") if part == "both" else (part,)
    return float(np.mean([line[name]["ap"] for name in parts])) if "val" in line else 0.0
