"""What was measured so far, a line for each figure, so that a run goes on; and the record that is made of it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

RIGHT_AFTER = (
    "base", "archlab", "archlab_closed_form", "uniform_plain", "uniform_gram", "uniform_walk", "torch_pruning",
    "torch_pruning_refit", "fastnas", "fastnas_refit",
)  # fmt: skip
FINE_TUNED = (
    "archlab", "torch_pruning", "fastnas", "uniform_plain", "scratch", "torch_pruning_refit", "fastnas_refit",
    "uniform_walk",
)  # fmt: skip
WITHIN = {"right_after": {"0.5": 0.7, "0.3": 2.0}, "fine_tuned": {"0.5": 0.5, "0.3": 1.5}}
"""The most points of accuracy that ours may lose against the base."""
AHEAD = {"right_after": {"0.5": 3.0, "0.3": 20.0}, "fine_tuned": {"0.5": 1.0}}
"""The fewest points by which it is to be ahead of the best peer."""
SECONDS = 60.0
"""The most CPU seconds that it may take."""
_PEERS = ("torch_pruning", "fastnas")


class Rows:
    """The lines of a file, which several processes may add to."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[Row]:
        """Return every row."""
        if not os.path.isfile(self._file):
            return []
        return [json.loads(line) for line in self._file.read_text(encoding="utf-8").splitlines()]

    def find(self, **wanted: Any) -> list[Row]:
        """Return the rows that have these values."""
        return [row for row in self.all() if all(row.get(name) == value for name, value in wanted.items())]

    def add(self, **row: Any) -> None:
        """Add a row, in one write."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def standard_error(accuracy: float, images: int) -> float:
    """Return √(p (1 - p) / N)."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


def right_after(rows: Iterable[Row]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return accuracies right after the cut by base, budget and method: the mean over the seeds of the base.

    Where ours was not measured with all of them, the mean is over the seeds with which it was; ``of_seeds`` has all.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    groups = _grouped(rows, "cut")
    for (base, budget, method), every in groups.items():
        ours = {row["seed"] for row in groups.get((base, budget, "archlab"), [])}
        own = [row for row in every if row["seed"] in ours] or every
        accuracy = _mean(row["accuracy"] for row in own)
        found.setdefault(base, {}).setdefault(budget, {})[method] = {
            "accuracy": round(accuracy, 5),
            "standard_error": round(standard_error(accuracy, own[0]["images"]), 5),
            "macs": round(_mean(row["macs"] for row in own), 4),
            "cpu_seconds": round(_mean(row["cpu_seconds"] for row in own), 1),
            "of_seeds": {str(row["seed"]): row["accuracy"] for row in every},
            **({"said": said} if (said := sorted({row["said"] for row in own} - {""})) else {}),
        }
    return found


def fine_tuned(rows: Sequence[Row], share: float) -> dict[str, dict[str, dict[str, Any]]]:
    """Return accuracies after a share of the base's training, at the rate that is better by held-out images.

    The rate is chosen on the first seed. Where a method keeps the better of before and after, that is ours alone.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    tuned = [row for row in rows if row["kind"] == "tuned" and row["share"] == share]
    for (base, budget, method), own in _grouped(tuned, "tuned").items():
        chosen: list[Row] = []
        rates: set[float] = set()
        seeds = sorted({row["seed"] for row in own})
        for seed in seeds:
            of_base = [row for row in own if row["seed"] == seed]
            rate = best_rate(of_base)
            rates.add(rate)
            chosen += [row for row in of_base if row["rate"] == rate]
        values = [row["kept"] for row in chosen]
        accuracy = _mean(values)
        spread = math.sqrt(sum((v - accuracy) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else None
        found.setdefault(base, {}).setdefault(budget, {})[method] = {
            "accuracy": round(accuracy, 5),
            "standard_error": round(standard_error(accuracy, own[0]["images"]), 5),
            "spread": None if spread is None else round(spread, 5),
            "trainings": len(values),
            "without_keeping": round(_mean(row["accuracy"] for row in chosen), 5),
            "rates": sorted(rates),
            "of_seeds": {str(seed): _mean(row["kept"] for row in chosen if row["seed"] == seed) for seed in seeds},
            "macs": round(_mean(row["macs"] for row in own), 4),
            "cpu_seconds": round(_mean(row["cpu_seconds"] for row in chosen), 1),
        }
    return found


def complete(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without fine-tunings of which the first seed has not seen both rates yet."""
    names = ("base", "seed", "budget", "method", "share")
    rates: dict[tuple[Any, ...], set[float]] = {}
    for row in rows:
        if row["kind"] == "tuned" and row["training"] == 0:
            rates.setdefault(tuple(row[name] for name in names), set()).add(row["rate"])
    return [
        row
        for row in rows
        if row["kind"] != "tuned"
        or row["method"] == "scratch"
        or len(rates.get(tuple(row[name] for name in names), ())) > 1
    ]


def best_rate(rows: Sequence[Row]) -> float:
    """Return the rate at which the first seed of a network did best on held-out images."""
    first = min(row["training"] for row in rows)
    return float(max((row for row in rows if row["training"] == first), key=lambda row: row["held_out"])["rate"])


def against_targets(after: Mapping[str, Any], tuned: Mapping[str, Any]) -> dict[str, Any]:
    """Return how far each target of the proof is reached, in points of accuracy, beside what was to be reached."""
    found: dict[str, Any] = {}
    for base, budgets in after.items():
        for budget, own in budgets.items():
            if "archlab" not in own or "base" not in own:
                continue
            said = found.setdefault(base, {}).setdefault(budget, {})
            for name, values in (("right_after", own), ("fine_tuned", tuned.get(base, {}).get(budget, {}))):
                if "archlab" not in values:
                    continue
                ours = values["archlab"]
                said[f"{name}_lost"] = -_ahead(ours, own["base"])
                said[f"{name}_lost_at_most"] = WITHIN[name][budget]
                peers = [
                    _ahead(ours, values[peer]) for peer in _PEERS if peer in values and _common(ours, values[peer])
                ]
                if peers:
                    said[f"{name}_ahead"] = min(peers)
                    if budget in AHEAD[name]:
                        said[f"{name}_ahead_at_least"] = AHEAD[name][budget]
            said["cpu_seconds"], said["cpu_seconds_at_most"] = own["archlab"]["cpu_seconds"], SECONDS
    return found


def _ahead(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return by how many points one is ahead of another, over the seeds of the base that both have."""
    seeds = _common(one, other)
    return round(100 * _mean(one["of_seeds"][seed] - other["of_seeds"][seed] for seed in seeds), 2)


def _common(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    return set(one["of_seeds"]) & set(other["of_seeds"])


def missing(rows: Sequence[Row], bases: Iterable[str], budgets: Iterable[str], seeds: Iterable[int]) -> list[str]:
    """Return what of the whole was not measured, in words."""
    found: list[str] = []
    bases, budgets, seeds = list(bases), list(budgets), list(seeds)
    for base in bases:
        for seed in seeds:
            for budget in budgets:
                own = [row for row in rows if (row["base"], row["seed"], row["budget"]) == (base, seed, budget)]
                for name, kind, methods in (
                    ("right after the cut", "cut", RIGHT_AFTER), ("fine-tuned", "tuned", FINE_TUNED)
                ):  # fmt: skip
                    there = {row["method"] for row in own if row["kind"] == kind}
                    lacking = [method for method in methods if method not in there]
                    if lacking:
                        which = "everything" if len(lacking) == len(methods) else ", ".join(lacking)
                        found.append(f"{base}, seed {seed}, {budget} of the MACs, {name}: {which}")
    return found


def agreement(rows: Sequence[Row]) -> dict[str, Any]:
    """Return Kendall's tau of accuracy on held-out images after each refit against fine-tuned test accuracy."""
    import numpy as np

    from benchmarks.correlation import correlations

    truth = np.array([row["fine_tuned"] for row in rows])
    macs = np.array([row["macs"] for row in rows])
    found: dict[str, Any] = {"draws": len(rows), "spread": round(float(truth.std(ddof=1)), 5)}
    for refit in ("gram", "walk"):
        tau, low, high = correlations(np.array([row[refit] for row in rows]), truth, macs)["kendall"]
        found[refit] = {"kendall": round(tau, 3), "interval": [round(low, 3), round(high, 3)]}
    return found


def _grouped(rows: Iterable[Row], kind: str) -> dict[tuple[str, str, str], list[Row]]:
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row["kind"] == kind:
            groups.setdefault((row["base"], row["budget"], row["method"]), []).append(row)
    return groups


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
