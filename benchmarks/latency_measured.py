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
from archlab.latency.partial import read_partial, write_partial
from archlab.latency.timed import prepare

ROUNDS = 2
RUNS = 5
WARM = 1
PROFILES = ("general", "mobile")
"""The profile whose networks are run between those of the first round, of the second, and so on in turn."""
BETWEEN = {"torch": 1, "onnxruntime": 2}
"""How many of the profile's networks are run behind each network."""
CARRIERS = {"general": 104, "mobile": 40}


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
    """Measure every network in every round, and between them the profiles' networks; go on where this was left."""
    made = settings()
    done = {name: {(row["round"], row["name"]) for row in _rows(_runs(folder, name))} for name in BACKENDS}
    for turn in range(ROUNDS):
        profile = PROFILES[turn % len(PROFILES)]
        carried = {name: read_partial(_part(folder, name, profile), _of(profile)) for name in BACKENDS}
        given = {name: _carriers(profile, made[name], len(carried[name])) for name in BACKENDS}
        for i, (group, name, text) in enumerate(texts):
            for backend, setting in made.items():
                if (turn, name) in done[backend]:
                    continue
                _measure(turn, group, name, text, setting, _runs(folder, backend))
                for _ in range(BETWEEN[backend]):
                    if len(carried[backend]) < CARRIERS[profile]:
                        carried[backend].append(run_carrier(next(given[backend]), setting))
                if i % 4 == 0 or i == len(texts) - 1:
                    write_partial(_part(folder, backend, profile), _of(profile), carried[backend])
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
