"""Two truths beside one another: how well scores predict AP on BCCD, and on another set read from other levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.detecting import agreement
from benchmarks.detecting.pool import pool
from benchmarks.detecting.rungs import curve_of, rungs
from benchmarks.detecting.scoring import SIZES

ACCURACY = "roi_probe: class accuracy"
LEAST = 8
"""Backbones below which no tau is said."""

SHOWN = ("detection", "short_roi", "roi_probe", ACCURACY, "MACs", "parameters", "parameters + residual")
Row = Mapping[str, Any]


def of_bccd(tables: Row, trainings: Sequence[Row], scored: Sequence[Row]) -> dict[str, Any]:
    """Return what the study on BCCD recorded of the scores that are compared: its tables and the lines behind them."""
    found = agreement.truths(trainings)
    scores = {line["network"]: line["values"] for line in scored if line["network"] in found}
    return {
        "backbones": tables["setting"]["backbones"],
        "level use": {"p2": 1.0},
        "ap": tables["ap"],
        "noise": tables["noise"],
        "seconds": {name: tables["cpu_seconds"][name] for name in ("training", "detection", "roi_probe")},
        "scores": {name: _shown(tables["scores"]["all"][name]) for name in SHOWN},
        "probe first": _probe_first(scores, found, tables["cpu_seconds"]),
    }


def of_rows(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the same of trainings of one input, and what a rung on their way would have done."""
    found = truths(rows)
    scores = {row["network"]: _values(row) for row in rows if row["seed"] == 0}
    backbones = [b for b in pool() if b.index in scores]
    table = agreement.table(backbones, found, scores)
    ap = [float(np.mean(found[b.index])) for b in backbones]
    seconds = {
        "training": round(float(np.mean([row["seconds"] for row in rows])), 1),
        **{
            name: round(float(np.mean([row["score seconds"][name] for row in rows if row["seed"] == 0])), 2)
            for name in ("detection", "roi_probe")
        },
    }
    curves = [curve for row in rows if row["seed"] == 0 and (curve := curve_of(row)) is not None]
    return {
        "backbones": len(backbones),
        "level use": {level: round(share, 3) for level, share in rows[0]["level use"].items()},
        "ap": {"min": round(min(ap), 4), "max": round(max(ap), 4), "deviation": round(float(np.std(ap)), 4)},
        "noise": agreement.noise(found),
        "seconds": seconds,
        "scores": {name: _shown(table[name]) for name in SHOWN},
        "probe first": _probe_first(scores, found, seconds),
        "rungs": rungs(curves),
    }


def again(rows: Sequence[Row], scored: Sequence[Row]) -> dict[str, Any]:
    """Return how the orders of two seeds of a score agree, and that of their mean with AP; nothing of fewer than eight.

    A score agrees with AP no better than the truth's noise allows, nor than its own.
    """
    first = {row["network"]: row for row in rows if row["seed"] == 0}
    second = {row["network"]: row for row in scored if row["network"] in first}
    if len(second) < LEAST:
        return {}
    found = truths(rows)
    ap = np.array([np.mean(found[network]) for network in second])
    table = {}
    for name in ("detection", "roi_probe"):
        one, two = (np.array([side[n]["scores"][name] for n in second]) for side in (first, second))
        table[name] = {"between seeds": agreement.tau(one, two), "mean of two with AP": agreement.tau(one + two, ap)}
    return {"two seeds of a score": {"backbones": len(second), **table}}


def _probe_first(scores: Any, found: Mapping[int, Sequence[float]], seconds: Row) -> list[dict[str, Any]]:
    return [agreement.probe_first(scores, found, seconds, by) for by in ("roi_probe", ACCURACY)]


def is_enough(rows: Sequence[Row]) -> bool:
    """Return whether there are backbones to rank, and two that were trained twice, from which the noise is known."""
    seeds = [row["seed"] for row in rows]
    return seeds.count(0) >= LEAST and seeds.count(1) >= 2


def truths(rows: Sequence[Row]) -> dict[int, list[float]]:
    """Return the AP of each training of a network, by seed; a failed one has 0."""
    found: dict[int, list[float]] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        found.setdefault(row["network"], []).append((row["ap"]["ap"] or 0.0) if "ap" in row else 0.0)
    return found


def _values(row: Row) -> dict[str, float | None]:
    backbone = pool()[row["network"]]
    return {
        **{name: size(backbone) for name, size in SIZES.items()},
        **row["scores"],
        "short_roi": -row["parts"]["detection"]["loss"],
        ACCURACY: row["parts"]["roi_probe"]["class accuracy"],
    }


def _shown(row: Row) -> dict[str, Any]:
    return {"tau": row["overall"], "pairs": row["pairs"]["all"], "same residual": row["pairs"]["same_residual"]}


def show(sets: Mapping[str, Row]) -> None:
    """Print a table by score, a column for each set, and what is below it."""
    print(f"{'':26}" + "".join(f"{name:>34}" for name in sets))
    for name in SHOWN:
        print(f"{name:26}" + "".join(f"{_cell(row['scores'][name]):>34}" for row in sets.values()))
    for title, of in LINES.items():
        print(f"{title:26}" + "".join(f"{of(row):>34}" for row in sets.values()))
    for name, row in sets.items():
        for first in row["probe first"]:
            print(f"{name}: the better half by {first['by']} has of the best {first['of']}: {first['kept']}")
        for score, each in row.get("two seeds of a score", {}).items():
            print(f"{name}: two seeds of a score: {score} {each}")
        for share, rung in row.get("rungs", {}).items():
            print(f"{name}: AP at {share} of a training: {rung}")


def _cell(row: Row) -> str:
    tau, (right, of) = row["tau"], row["pairs"]
    if tau["tau"] is None:
        return "–"
    return f"{tau['tau']:.2f} [{tau['low']:.2f}, {tau['high']:.2f}] {right}/{of}"


def _between(noise: Row) -> str:
    return f"{noise['tau_between_seeds']:.2f}" if noise["networks"] >= LEAST else "–"


LINES: dict[str, Callable[[Row], str]] = {
    "backbones": lambda row: f"{row['backbones']}",
    "AP": lambda row: f"{row['ap']['min']:.3f} to {row['ap']['max']:.3f}",
    "one training deviates by": lambda row: f"{row['noise']['deviation']:.4f} ({row['noise']['networks']} twice)",
    "tau between seeds": lambda row: _between(row["noise"]),
    "a perfect score's tau": lambda row: "{recorded:.2f} [{low:.2f}, {high:.2f}]".format(**row["noise"]["ceiling"]),
    "CPU s of a training": lambda row: f"{row['seconds']['training']:.1f}",
    "of detection, of probe": lambda row: f"{row['seconds']['detection']:.1f}, {row['seconds']['roi_probe']:.1f}",
    "its share of a training": lambda row: f"{row['seconds']['detection'] / row['seconds']['training']:.2f}",
}
