"""Latency as a profile predicts it, against what is measured: torch in eager mode and ONNX Runtime, on one thread.

    python -m benchmarks.latency --work FOLDER [--judge] [--json] [--record]

60 random draws of the mobile space, 24 reference networks scaled in width, depth and image size, and 20 of timm's
networks as text, none of which a profile's grid was made for. The machine may be busy with other work, so times are the
processor's of the one thread, and the kernels of the profiles are measured between the networks: a general
profile, and one of the mobile space, by which the draws of it are predicted once it has ten networks. FOLDER holds
what was measured, and the same command goes on; ``--judge`` measures nothing more. Beside it stand Kendall's tau of
MACs, and a ridge on the logs of MACs, parameters, activations and depth, fitted to the whole networks of the profile.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from archlab.elaborate import Interpreter, Network, Random, architecture_of, load, network_of
from archlab.errors import ArchlabError
from archlab.graph_features import FEATURES, GraphFeatures
from archlab.latency.backend import Setting
from archlab.latency.carriers import carriers_of, general_carriers
from archlab.latency.conditions import load as machine_load
from archlab.latency.gather import Carrier
from archlab.latency.measure_profile import assembled
from archlab.latency.predictor import Predictor
from benchmarks.latency_measured import Measured, carried_networks, measure_all, measured, settings
from benchmarks.latency_networks import texts
from benchmarks.machine import machine, record, versions

FEWEST = 10
DRAWS = 2000
_GROUPS = ("mobile", "scaled", "timm")


@dataclass(frozen=True)
class Judged:
    """A network's predictions beside what it took: by the profile, and by the ridge."""

    group: str
    name: str
    macs: int
    took: float
    predicted: float
    ridge: float


def judge(backend: str, setting: Setting, networks: list[tuple[str, str, str]], folder: Path) -> dict[str, Any]:
    """Return how well one backend is predicted."""
    general = carried_networks(folder, backend, "general")
    mobile = carried_networks(folder, backend, "mobile")
    predictors = {"general": _predictor(general, setting, "general")}
    ridges = {"general": _Ridge(list(_networks("general", setting, len(general))), general)}
    if len(mobile) >= FEWEST:
        predictors["mobile"] = _predictor(mobile, setting, "mobile")
        ridges["mobile"] = _Ridge(list(_networks("mobile", setting, len(mobile))), mobile)
    rows = []
    also = []
    for one in measured(networks, folder, backend):
        network = network_of(one.text)
        name = one.group if one.group in predictors else "general"
        rows.append(_judged(one, network, predictors[name], ridges[name]))
        if one.group == "mobile":
            also.append(_judged(one, network, predictors["general"], ridges["general"]))
    profile = predictors["general"].profile
    return {
        **_figures(rows),
        "groups": {group: _figures([row for row in rows if row.group == group]) for group in _GROUPS},
        "mobile_by_the_general_profile": _figures(also),
        "profiles": {
            name: {
                "networks": p.profile.accuracy.networks,
                "kernels": len(p.profile.points),
                "held_out_within_10_percent": p.profile.accuracy.within_10_percent,
                "held_out_error_of_nine_in_ten": p.profile.accuracy.error,
            }
            for name, p in predictors.items()
        },
        "spread": profile.state.spread,
        "worst": {row.name: round(row.predicted / row.took - 1, 3) for row in _worst(rows)},
        "microseconds_a_candidate": _microseconds(predictors.get("mobile", predictors["general"])),
    }


def _judged(one: Measured, network: Network, predictor: Predictor, ridge: _Ridge) -> Judged:
    return Judged(one.group, one.name, network.body.macs, one.seconds, predictor(network), ridge(network))


def _worst(rows: list[Judged]) -> list[Judged]:
    return sorted(rows, key=lambda row: -abs(np.log(row.predicted / row.took)))[:8]


def _figures(rows: Sequence[Judged]) -> dict[str, Any]:
    took = np.array([row.took for row in rows])
    predicted, ridge = np.array([row.predicted for row in rows]), np.array([row.ridge for row in rows])
    macs = np.array([row.macs for row in rows])
    errors = np.abs(predicted / took - 1)
    return {
        "networks": len(rows),
        "within_10_percent": round(float(np.mean(errors <= 0.1)), 4),
        "median_error": round(float(np.median(errors)), 4),
        "bias": round(float(np.median(predicted / took - 1)), 4),
        "tau": _tau(predicted, took),
        "macs_tau": _tau(macs, took),
        "ridge_within_10_percent": round(float(np.mean(np.abs(ridge / took - 1) <= 0.1)), 4),
        "ridge_tau": _tau(ridge, took),
    }


def _tau(one: np.ndarray, other: np.ndarray) -> float:
    return round(float(kendalltau(one, other).statistic), 4)


def _predictor(carriers: list[Carrier], setting: Setting, name: str) -> Predictor:
    return Predictor(assembled(carriers, setting, name, (machine_load(),), None, 0.0))


def _networks(name: str, setting: Setting, count: int) -> list[Network]:
    source = general_carriers(0) if name == "general" else carriers_of(load(architecture_of(name)), setting, 0)
    return [next(source) for _ in range(count)]


class _Ridge:
    """Latency from MACs, parameters, activations and depth: what a profile has to be better than."""

    def __init__(self, networks: list[Network], carriers: list[Carrier]) -> None:
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self._features = GraphFeatures()
        self._columns = [FEATURES.index(f"log_{name}") for name in ("macs", "params", "activations", "depth")]
        self._model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-4, 3, 15)))
        took = np.log([median(carrier.whole) for carrier in carriers])
        self._model.fit([self._row(network) for network in networks], took)

    def _row(self, network: Network) -> list[float]:
        features = self._features(network)
        return [features[column] for column in self._columns]

    def __call__(self, network: Network) -> float:
        return float(np.exp(self._model.predict([self._row(network)])[0]))


def _microseconds(predictor: Predictor) -> dict[str, float]:
    """Return what a prediction costs over a search's draws: of the first hundred, and of those after a thousand."""
    interpreter, rng = Interpreter(load(architecture_of("mobile"))), random.Random(1)
    spent: list[float] = []
    while len(spent) < DRAWS:
        try:
            network = interpreter.network(Random(rng))
        except ArchlabError:
            continue
        before = time.thread_time()
        predictor(network)
        spent.append(1e6 * (time.thread_time() - before))
    late = spent[DRAWS // 2 :]
    return {
        "first_hundred_mean": round(float(np.mean(spent[:100])), 1),
        "mean": round(float(np.mean(late)), 1),
        "median": round(float(np.median(late)), 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="the folder of what is measured")
    parser.add_argument("--judge", action="store_true", help="measure nothing more")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/latency.json")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    networks = _texts(args.work / "texts.json")
    if not args.judge:
        import torch

        torch.set_num_threads(1)
        measure_all(random.Random(0).sample(networks, len(networks)), args.work)
    found = {name: judge(name, setting, networks, args.work) for name, setting in settings().items()}
    result: dict[str, Any] = {
        "within_10_percent": {name: one["within_10_percent"] for name, one in found.items()},
        "tau": {name: one["tau"] for name, one in found.items()},
        "clock": "the processor's time of the one thread, profiles and networks interleaved",
        "load": round(machine_load(), 1),
        "backends": found,
        "machine": machine(),
        "versions": versions("torch", "onnxruntime", "timm", "scikit-learn"),
    }
    if args.record:
        record("latency", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(found))
    return 0


def _texts(file: Path) -> list[tuple[str, str, str]]:
    if not file.exists():
        file.write_text(json.dumps(list(texts())), encoding="utf-8")
    return [(group, name, text) for group, name, text in json.loads(file.read_text(encoding="utf-8"))]


def _table(found: Mapping[Any, dict[str, Any]]) -> str:
    lines = [
        f"{'':<24}{'networks':>9}{'within 10 %':>12}{'tau':>7}{'MACs tau':>10}{'ridge within':>14}{'ridge tau':>11}"
    ]
    for backend, one in found.items():
        for group, row in (("", one), *one["groups"].items()):
            lines.append(
                f"{backend + ' ' + group:<24}{row['networks']:>9}{row['within_10_percent']:>12.1%}{row['tau']:>7.2f}"
                f"{row['macs_tau']:>10.2f}{row['ridge_within_10_percent']:>14.1%}{row['ridge_tau']:>11.2f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
