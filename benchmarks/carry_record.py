"""The record of the proof, made from every row that is there."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any

from archlab.shrink.improve import STEPS
from benchmarks.carry_bases import BASES, Base
from benchmarks.carry_rows import Row, Rows, against_targets, agreement, complete, fine_tuned, missing, right_after
from benchmarks.machine import RESULTS, machine, record, versions

BUDGETS = ("0.5", "0.3")
SHARES = (0.05, 0.1)
SEEDS = (0, 1)
FEWEST = 10
"""Draws whose order can be compared with another."""

RECORDED = RESULTS / "carry.json"
KEPT = RESULTS / "carry_rows.jsonl"
"""Every row that the record is made of, so that one machine goes on where another ended."""

SETTINGS = {
    "seconds": "CPU seconds of one thread from the trained base: the ResNet-like's on a machine with two to four "
    "processes for each core, the others' on a processor less than half as fast, with one to two",
    "fine_tuning": "a share of the base's steps at the rate, .05 or .01, that is better by held-out images on the "
    "first seed; of ours the better of before and after, by held-out images",
    "archlab": "archlab shrink, unlabelled: no label is read before fine-tuning; its last stage follows the base's "
    f"outputs for {STEPS} steps, more than a twentieth of the training, and peers have no such stage; even cuts are "
    "judged since the concatenations, and 40 draws in place of 60; "
    "archlab_closed_form is the same network before it",
    "macs": "a share of the base's; peers take what lies nearest below the budget, Torch-Pruning's local one a channel "
    "of many layers at once, FastNAS four of one, and so may use less than 97 % of it",
    "agreement": "Kendall's tau, with its interval of 95 %, of the accuracy on held-out images right after each refit "
    "against that on test images after a twentieth of the training at rate .01, of random draws at 50 %",
    "refit": "the widths that the peer found, filled and refitted by archlab.carry's walk; channels are ours",
}


_CUT = ("base", "seed", "budget", "method")


def record_of(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what the record says of these rows."""
    rows = complete(rows)
    cut = [row for row in rows if row["kind"] == "cut"]
    after, tuned, there = right_after(cut), fine_tuned(rows, SHARES[0]), {_cut_of(row) for row in cut}
    return {
        "machine": machine(),
        "versions": versions() | _peers(),
        "settings": SETTINGS,
        "bases": {base.name: _said(base, rows) for base in BASES},
        "right_after": after,
        "fine_tuned": tuned,
        "fine_tuned_tenth": fine_tuned(rows, SHARES[1]),
        "targets": against_targets(after, tuned),
        "agreement": {
            base.name: agreement(draws)
            for base in BASES
            if len(draws := [row for row in rows if row["kind"] == "draw" and row["base"] == base.name]) >= FEWEST
        },
        "failed": [
            {name: row[name] for name in (*_CUT, "said")}
            for row in rows if row["kind"] == "failed" and _cut_of(row) not in there
        ],
        "missing": missing([row for row in rows if "budget" in row], [base.name for base in BASES], BUDGETS, SEEDS),
    }  # fmt: skip


def write_record(folder: Path) -> None:
    """Write ``carry.json`` from every row that is kept, with those of a folder in place of older ones."""
    rows = in_place_of(Rows(KEPT).all(), rows_of(folder))
    KEPT.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    older = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    record("carry", beside(record_of(rows), older, {row["base"] for row in rows}))


def beside(found: dict[str, Any], older: dict[str, Any], measured: Set[str]) -> dict[str, Any]:
    """Return a record in which bases of which no row is kept stand as they did in an older one.

    So do a tenth of training and the draws' agreement where they were not measured again: each compares within one
    training of the base, whichever it is.
    """
    tables = ("right_after", "fine_tuned", "fine_tuned_tenth", "targets", "agreement")
    kept = {
        table: {
            name: own for name, own in older.get(table, {}).items()
            if name not in measured or table in ("fine_tuned_tenth", "agreement")
        }
        for table in ("bases", *tables)
    }  # fmt: skip
    lacking = [line for line in older.get("missing", []) if line.partition(",")[0] not in measured]
    lacking += [line for line in found["missing"] if line.partition(",")[0] in measured]
    return {**found, **{table: kept[table] | found[table] for table in tables}, "missing": lacking,
            "bases": found["bases"] | kept["bases"]}  # fmt: skip


def rows_of(folder: Path) -> list[Row]:
    """Return what was measured in a folder: how each base was trained, its cuts, their fine-tunings, and its draws."""
    found: list[Row] = []
    for base in BASES:
        for seed in SEEDS:
            place, key = folder / f"{base.name}-{seed}", {"base": base.name, "seed": seed}
            if (place / "trained.json").is_file():
                said = json.loads((place / "trained.json").read_text(encoding="utf-8"))
                found.append({"kind": "trained", **key, **said})
            found += Rows(place / "rows.jsonl").all()
            found += [{"kind": "draw", **key, **row} for row in Rows(place / "draws.jsonl").all()]
    return found


def in_place_of(kept: Sequence[Row], here: Sequence[Row]) -> list[Row]:
    """Return all rows, without those kept of a base that was trained again: its figures are of one training."""

    def key(row: Row) -> tuple[str, int]:
        return row["base"], row["seed"]

    again = {key(row) for row in here}
    return sorted([*(row for row in kept if key(row) not in again), *here], key=key)


def _said(base: Base, rows: Sequence[Row]) -> dict[str, Any]:
    trainings = {
        str(row["seed"]): {name: row[name] for name in ("by", "steps", "cpu_seconds")}
        for row in rows if row["kind"] == "trained" and row["base"] == base.name
    }  # fmt: skip
    return {"text": base.text(), "macs": base.macs(), "data": base.data, "steps": base.steps, "trainings": trainings}


def _cut_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _CUT)


def _peers() -> dict[str, str]:
    found = {}
    for name in ("torch-pruning", "nvidia-modelopt"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
