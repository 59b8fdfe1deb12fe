"""Calibration: a score of one space, fitted to networks of it that were really trained.

Ridge on graph features, and on zero-cost scores where they are asked for: on published tables that predicts accuracy
better than any single score from twenty networks on (mean Spearman .69 against .46 over 17 tasks).
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import kendalltau, spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from archlab.cost import cost
from archlab.elaborate import Hole, Interpreter, Network, Value, elaborate
from archlab.errors import ArchlabError, InputError
from archlab.files import write_atomic
from archlab.grammar import parse
from archlab.search.features import FEATURES, GraphFeatures
from archlab.search.result import read_result

if TYPE_CHECKING:
    from torch.fx import GraphModule

SCHEMA = "archlab.calibration/1"
LEAST = 10
"""Networks below which nothing can be said of a fit."""
EQUAL = 1.1
"""The ratio up to which two networks' MACs count as equal."""
_ALPHAS = np.logspace(-3, 4, 15)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted score: ``offset`` plus weights times (inputs less ``center``).

    Attributes:
        space: the space's name.
        scores: the zero-cost scores among the inputs, which are the graph features and these, in order.
        networks: how many it was fitted on.
        kendall, spearman: of values predicted for networks left out (five folds) with the true ones.
        kendall_equal_macs: Kendall's tau over the pairs whose MACs differ by at most a tenth; None without such pairs.
    """

    space: str
    scores: tuple[str, ...]
    center: tuple[float, ...]
    weights: tuple[float, ...]
    offset: float
    networks: int
    kendall: float
    spearman: float
    kendall_equal_macs: float | None
    schema: str = SCHEMA

    def value(self, inputs: Sequence[float]) -> float:
        """The score of a network with these inputs."""
        return self.offset + sum(w * (x - c) for w, x, c in zip(self.weights, inputs, self.center, strict=True))


def inputs_of(network: Network, scores: Sequence[str], seed: int = 0, module: GraphModule | None = None) -> list[float]:
    """A network's graph features, and the zero-cost scores that are asked for, of ``module`` or of one built here."""
    inputs = list(GraphFeatures()(network))
    if scores:
        from archlab.nn import build
        from archlab.score import score

        module = module or build(network.graph, seed=seed)
        inputs += [score(name, module, network.input_shape, seed) for name in scores]
    return inputs


def fit(space: str, networks: Sequence[Network], values: Sequence[float], scores: Sequence[str] = ()) -> Calibration:
    """The calibration on ``networks`` whose true ``values`` (larger is better) are known.

    Raises:
        InputError: fewer than ``LEAST`` networks, or all of one value.
    """
    if len(networks) < LEAST or len(set(values)) < 2:
        raise InputError(f"a calibration needs at least {LEAST} networks of different values, not {len(networks)}")
    x = np.array([inputs_of(network, scores) for network in networks])
    y = np.array(values)
    model = make_pipeline(StandardScaler(), RidgeCV(_ALPHAS))
    predicted = cross_val_predict(model, x, y, cv=KFold(5, shuffle=True, random_state=0))
    scaler, ridge = model.fit(x, y)
    macs = np.array([cost(network).macs for network in networks])
    return Calibration(
        space=space,
        scores=tuple(scores),
        center=tuple(map(float, scaler.mean_)),
        weights=tuple(map(float, ridge.coef_ / scaler.scale_)),
        offset=float(ridge.intercept_),
        networks=len(networks),
        kendall=round(float(kendalltau(predicted, y).statistic), 4),
        spearman=round(float(spearmanr(predicted, y).statistic), 4),
        kendall_equal_macs=equal_cost_tau(predicted, y, macs),
    )


def equal_cost_tau(score: np.ndarray, value: np.ndarray, macs: np.ndarray) -> float | None:
    """Kendall's tau over the pairs whose MACs are within ``EQUAL`` of each other; pairs of equal value do not count."""
    i, j = np.triu_indices(len(value), 1)
    near = np.abs(np.log(macs[i] / macs[j])) <= math.log(EQUAL)
    signs = np.sign(score[i] - score[j])[near] * np.sign(value[i] - value[j])[near]
    told = signs[np.sign(value[i] - value[j])[near] != 0]
    return round(float(told.mean()), 4) if len(told) else None


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Writes it as JSON."""
    write_atomic(path, json.dumps(dataclasses.asdict(calibration), indent=1) + "\n")


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file.

    Raises:
        InputError: it cannot be read, or is none.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA or len(data["weights"]) != len(FEATURES) + len(data["scores"]):
            raise ValueError
        lists = {name: tuple(data[name]) for name in ("scores", "center", "weights")}
        return Calibration(**{**data, **lists})
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path} is not a calibration of this version", hint="make it with `archlab calibrate`"
        ) from error


def objective_of(path: Path) -> Callable[[Any, Any, Any], float]:
    """The calibration in a file as an objective of a search."""
    calibration = read_calibration(path)

    def value(module: Any, candidate: Any, _trial: Any) -> float:
        network = elaborate(parse(candidate.text))
        return calibration.value(inputs_of(network, calibration.scores, candidate.seed, module))

    return value


def read_lessons(path: Path, interpreter: Interpreter, value: str | None) -> tuple[list[Network], list[float]]:
    """Trained networks from a search's ``result.json``, or a CSV with a column for each hole and one for the value.

    Args:
        value: the objective, or the CSV's column; None for the first objective, or the column ``value``.

    Raises:
        InputError: the file cannot be read, or a row does not fit the space; the message names the row.
    """
    rows: list[tuple[Mapping[str, Value], float]] = []
    if path.suffix == ".json":
        result = read_result(path)
        goal = next((o for o in result.objectives if value in (None, o.name)), None)
        if goal is None:
            raise InputError(f"{path} has no objective {value!r}")
        sign = 1.0 if goal.direction == "maximize" else -1.0
        rows = [
            (t.draws, sign * t.values[goal.name])
            for t in result.trials
            if goal.name in t.values and t.repeat_of is None
        ]
    else:
        try:
            with path.open(encoding="utf-8", newline="") as file:
                for line in csv.DictReader(file):
                    rows.append((line, float(line.pop(value or "value"))))
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{path} has no number in its column {value or 'value'!r} in every row") from error
    networks = []
    for number, (draws, _) in enumerate(rows, start=1):
        try:
            networks.append(interpreter.network(_Written(draws)))
        except ArchlabError as error:
            raise InputError(f"{path}, row {number}: {error.one_line}") from error
    return networks, [y for _, y in rows]


class _Written:
    """The draw of a row, whose numbers may be text."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def __call__(self, hole: Hole) -> Value:
        if hole.name not in self._values:
            if hole.searched:
                raise InputError(f"it says nothing of the hole {hole.name}")
            return hole.default
        given = self._values[hole.name]
        candidates: list[Value] = [given]
        for kind in (int, float):
            try:
                candidates.append(kind(given))
            except ValueError:
                continue
        for candidate in candidates:
            if hole.contains(candidate):
                return candidate
        raise InputError(f"{hole.name} cannot be {given!r}", hint=f"it takes {hole.describe()}")
