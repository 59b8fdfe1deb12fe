"""What the latency benchmark measures: networks, and between them the kernels of profiles, so load falls on both."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from archlab.elaborate import architecture_of, load, network_of
from archlab.latency.backend import BACKENDS, BackendName, Setting
from archlab.latency.carriers import carriers_of, general_carriers
from archlab.latency.conditions import block_of
from archlab.latency.gather import Carrier, run_carrier
from archlab.latency.measure_profile import MOST
from archlab.latency.partial import read_partial, write_partial
from archlab.latency.timed import prepare

ROUNDS = 4
RUNS = 9
WARM = 2
CARRIERS = {"general": MOST[True], "mobile": MOST[False]}
"""The networks of each profile: as many as its command measures at most, spread evenly over the rounds."""


@dataclass(frozen=True)
class Measured:
    """A network with what it took: the median of all warm runs of all rounds, in seconds."""

    group: str
    name: str
    text: str
    seconds: float


def settings() -> dict[BackendName, Setting]:
    """Return what is measured: both backends on one thread of the processor."""
    return {name: block_of(Setting(name)) for name in BACKENDS}


def measure_all(texts: list[tuple[str, str, str]], folder: Path) -> None:
    """Measure every network in every round, and behind it networks of the profiles; go on where this was left."""
    made = settings()
    done = {name: {(row["round"], row["name"]) for row in _rows(_runs(folder, name))} for name in BACKENDS}
    parts = [(name, profile) for name in BACKENDS for profile in CARRIERS]
    carried = {part: read_partial(_part(folder, *part), _of(part[1])) for part in parts}
    given = {part: _carriers(part[1], made[part[0]], len(carried[part])) for part in parts}
    for turn in range(ROUNDS):
        for i, (group, name, text) in enumerate(texts):
            for backend, setting in made.items():
                if (turn, name) in done[backend]:
                    continue
                _measure(turn, group, name, text, setting, _runs(folder, backend))
                for profile, most in CARRIERS.items():
                    part = backend, profile
                    due = most * (turn * len(texts) + i + 1) // (ROUNDS * len(texts))
                    while len(carried[part]) < due:
                        carried[part].append(run_carrier(next(given[part]), setting))
                    if i % 4 == 0 or i == len(texts) - 1:
                        write_partial(_part(folder, *part), _of(profile), carried[part])
        print(f"round {turn + 1} of {ROUNDS} done", file=sys.stderr, flush=True)


def measured(texts: list[tuple[str, str, str]], folder: Path, backend: str) -> list[Measured]:
    """Return every network that was measured."""
    runs: dict[str, list[float]] = defaultdict(list)
    for row in _rows(_runs(folder, backend)):
        runs[row["name"]] += row["seconds"]
    return [Measured(group, name, text, median(runs[name])) for group, name, text in texts if name in runs]


def carried_networks(folder: Path, backend: str, profile: str) -> list[Carrier]:
    """Return the networks of a profile as they were run."""
    return read_partial(_part(folder, backend, profile), _of(profile))


def _measure(turn: int, group: str, name: str, text: str, setting: Setting, file: Path) -> None:
    network = prepare(network_of(text).graph, setting)
    for _ in range(WARM):
        network.whole()
    seconds = [network.whole() for _ in range(RUNS)]
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"round": turn, "group": group, "name": name, "seconds": seconds}) + "\n")


def _carriers(profile: str, setting: Setting, skip: int) -> Iterator[Any]:
    networks = general_carriers(0) if profile == "general" else carriers_of(load(architecture_of(profile)), setting, 0)
    for _ in range(skip):
        next(networks)
    return networks


def _of(profile: str) -> dict[str, Any]:
    return {"profile": profile}


def _runs(folder: Path, backend: str) -> Path:
    return folder / f"{backend}.jsonl"


def _part(folder: Path, backend: str, profile: str) -> Path:
    return folder / f"{backend}-{profile}.json"


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
