"""Does a search for a backbone pay: its finalist against MobileNet v2 and ResNet-18 that were searched as long.

    python -m benchmarks.finalists [--sets NAME …] [--kept FOLDER]    # about ten CPU minutes a row; resumes
    python -m benchmarks.finalists --json                             # records the table too

On BCCD and on photographs of raccoons, at 96x128 and under one budget, three spaces are searched alike: the shipped
detection space, and the multipliers of width and depth of each reference. Each search judges 24 networks by
``detection``, trains the best four for 300 steps, and names the one of the highest AP on the validation images; that
is trained again with three seeds, none of them the one that chose. All have one neck and head, so that backbones are
compared. What is compared stood in the repository before the first of the searches.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import archlab
from archlab.detect.average_precision import average_precision, predict
from archlab.detect.measure_ap import measure_ap
from archlab.detect.train_detector import Schedule
from archlab.elaborate import elaborate
from archlab.errors import ScoreError
from archlab.grammar import parse
from benchmarks.detecting.pays import space
from benchmarks.detecting.pool import SIZE
from benchmarks.detecting.trainings import DATA, STEPS, data
from benchmarks.detecting.truth import lines, plain
from benchmarks.machine import RESULTS, machine, record, versions

ROWS = RESULTS / "finalists_trainings.jsonl"
SETS = ("bccd", "raccoon")
NETWORKS = {"archlab": "detection", "mobilenet_v2": "mobilenet_v2", "resnet18": "resnet18"}
"""What is compared, and the shipped text whose space is searched."""

BUDGET = "macs=65M"
"""Of the whole detector with 100 RoIs, about half of it the backbone's."""

TRIALS, TRAINED, SEEDS = 24, 4, (0, 1, 2)
SCHEDULE = Schedule(steps=STEPS)
TESTED = ("bccd",)
"""Sets that have test images too; AP is then the mean of both parts."""

PACKAGES = ("torch", "torchvision", "optuna", "numpy", "pycocotools")


def searched(where: str, network: str, folder: Path) -> dict[str, Any]:
    """Return the text that a search names, and score and AP of all that it trained; what is in ``folder`` goes on."""
    result = archlab.search(
        space(NETWORKS[network], len(data(where, "train", SIZE).classes)),
        budget=[BUDGET],
        objective="detection",
        data=DATA / where / "train.json",
        val=DATA / where / "val.json",
        trials=TRIALS,
        then="train",
        keep=TRAINED,
        train_steps=STEPS,
        pruner="none",
        top=1,
        latency=False,
        out=folder / f"{where}-{network}",
    )
    trained = [t.values for t in result.trials if "train" in t.values]
    return {
        "text": result.finalists[0].text,
        "searched": [[round(values["detection"], 4), round(values["train"], 4)] for values in trained],
    }


def row_of(where: str, network: str, text: str, seed: int) -> dict[str, Any]:
    """Return AP of a training by part, and its CPU seconds; one whose loss is not finite says why."""
    graph = elaborate(parse(text)).graph
    row: dict[str, Any] = {"set": where, "network": network, "seed": seed, "macs": sum(node.macs for node in graph)}
    began = time.process_time()
    try:
        training, validation = (data(where, part, SIZE) for part in ("train", "val"))
        measured = measure_ap(graph, training, validation, SCHEDULE, seed)
    except ScoreError as error:
        return row | {"failed": str(error)}
    found = {"val": plain(measured.ap)}
    if where in TESTED:
        test = data(where, "test", SIZE)
        found["test"] = plain(average_precision(predict(measured.model, test), test))
    return row | {"ap": found, "seconds": round(time.process_time() - began, 1)}


def add_rows(sets: Sequence[str], folder: Path) -> Iterator[dict[str, Any]]:
    """Search and train what is not there yet; each row is written as soon as it is there."""
    for where in sets:
        for network in NETWORKS:
            done = {row["seed"]: row for row in lines(ROWS) if (row["set"], row["network"]) == (where, network)}
            if len(done) == len(SEEDS):
                continue
            found = searched(where, network, folder)
            for seed in SEEDS:
                if seed not in done:
                    row = row_of(where, network, found["text"], seed) | found
                    with ROWS.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
                    yield row


def table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return AP by set and network, the mean over seeds, and how far ours leads."""
    found: dict[str, Any] = {}
    for where in SETS:
        own = {name: [r for r in rows if (r["set"], r["network"]) == (where, name)] for name in NETWORKS}
        own = {name: each for name, each in own.items() if each}
        of_set = {name: _spread(each) for name, each in own.items()}
        found[where] = {"networks": of_set}
        if "archlab" in of_set and len(of_set) == len(NETWORKS):
            best = max((name for name in of_set if name != "archlab"), key=lambda name: of_set[name]["ap"])
            pair = [of_set[name] for name in ("archlab", best)]
            error = sum(side["deviation"] ** 2 / side["seeds"] for side in pair) ** 0.5
            found[where]["lead"] = {
                "on": best, "ap": round(pair[0]["ap"] - pair[1]["ap"], 4), "standard_error": round(error, 4),
            }  # fmt: skip
    return found


def _spread(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [float(np.mean([ap["ap"] for ap in row["ap"].values()])) if "ap" in row else 0.0 for row in rows]
    return {
        "ap": round(float(np.mean(values)), 4),
        "deviation": round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else 0.0,
        "seeds": len(values),
        "macs": rows[0]["macs"],
        "searched": rows[0]["searched"],
    }


def main() -> int:
    """Search and train what was asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=SETS, help="none for the table alone")
    kept = Path(tempfile.gettempdir()) / "archlab-finalists"
    parser.add_argument("--kept", type=Path, default=kept, metavar="FOLDER", help="where searches are, to go on with")
    parser.add_argument("--json", action="store_true", help="record the table in benchmarks/results/finalists.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    missing = [name for name in args.sets if not (DATA / name).is_dir()]
    if missing:
        print(f"needs the data of {', '.join(missing)} in {DATA}", file=sys.stderr)
        return 2
    for row in add_rows(args.sets, args.kept):
        print(f"{row['set']} {row['network']} {row['seed']}: {row.get('ap')}", file=sys.stderr, flush=True)
    found = table(lines(ROWS))
    print(json.dumps(found, indent=2))
    if args.json:
        setting = {"budget": BUDGET, "trials": TRIALS, "trained": TRAINED, "steps": STEPS, "size": list(SIZE)}
        record("finalists", {"sets": found, "setting": setting, "machine": machine(), "versions": versions(*PACKAGES)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
