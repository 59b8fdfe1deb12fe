"""The record of the proof, made from every row that is there."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archlab.shrink.improve import STEPS
from benchmarks.carry_bases import BASES, Base
from benchmarks.carry_rows import Row, Rows, against_targets, agreement, complete, fine_tuned, missing, right_after
from benchmarks.machine import machine, record, versions

BUDGETS = ("0.5", "0.3")
SHARES = (0.05, 0.1)
SEEDS = (0, 1)
FEWEST = 10
"""Draws whose order can be compared with another."""


def record_of(rows: Sequence[Row], trainings: dict[str, Any]) -> dict[str, Any]:
    """Return what the record says of these rows.

    Args:
        trainings: how each base was trained, by name and seed.
    """
    rows = complete(rows)
    cut = [row for row in rows if row["kind"] == "cut"]
    after, tuned = right_after(cut), fine_tuned(rows, SHARES[0])
    return {
        "machine": machine(),
        "versions": versions() | _peers(),
        "settings": {
            "seconds": "CPU seconds of one thread from the trained base, on a machine busy with three to four "
            "processes for each core; those of uniform cuts and refits of first bases, but for "
            "concatenations at 30 %, and of the second ResNet-like at 50 % are of a walk a third as "
            "fast that gave the same accuracies",
            "fine_tuning": "a share of the base's steps at the rate, .05 or .01, that is better by held-out images "
            "on the first seed; of ours the better of before and after, by held-out images",
            "archlab": "archlab shrink, unlabelled: no label is read before fine-tuning; its last stage follows the "
            f"base's outputs for {STEPS} steps, more than a twentieth of the training, and peers have no such stage; "
            "archlab_closed_form is the same network before it",
            "macs": "a share of the base's; peers take what lies nearest below the budget, Torch-Pruning's local one a "
            "channel of many layers at once, FastNAS four of one, and so may use less than 97 % of it",
            "agreement": "Kendall's tau, with its interval of 95 %, of the accuracy on held-out images right after "
            "each refit against that on test images after a twentieth of the training at rate .01, of "
            "random draws at 50 %",
            "refit": "the widths that the peer found, filled and refitted by archlab.carry's walk; channels are ours",
        },
        "bases": {base.name: _said(base, trainings.get(base.name, {})) for base in BASES},
        "right_after": after,
        "fine_tuned": tuned,
        "fine_tuned_tenth": fine_tuned(rows, SHARES[1]),
        "targets": against_targets(after, tuned),
        "failed": [
            {name: row[name] for name in ("base", "seed", "budget", "method", "said")}
            for row in rows if row["kind"] == "failed"
        ],
        "missing": missing(rows, [base.name for base in BASES], BUDGETS, SEEDS),
    }  # fmt: skip


def write_record(folder: Path) -> None:
    """Write ``carry.json`` from the rows and trainings in a folder."""
    judged: dict[str, Any] = {}
    rows: list[Row] = []
    trainings: dict[str, Any] = {}
    for base in BASES:
        for seed in SEEDS:
            place = folder / f"{base.name}-{seed}"
            rows += Rows(place / "rows.jsonl").all()
            if seed == 0 and len(draws := Rows(place / "draws.jsonl").all()) >= FEWEST:
                judged[base.name] = agreement(draws)
            if (place / "trained.json").is_file():
                said = json.loads((place / "trained.json").read_text(encoding="utf-8"))
                trainings.setdefault(base.name, {})[str(seed)] = said
    record("carry", record_of(rows, trainings) | {"agreement": judged})


def _said(base: Base, trainings: dict[str, Any]) -> dict[str, Any]:
    return {"text": base.text(), "macs": base.macs(), "data": base.data, "steps": base.steps, "trainings": trainings}


def _peers() -> dict[str, str]:
    found = {}
    for name in ("torch-pruning", "nvidia-modelopt"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
