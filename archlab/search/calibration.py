"""Calibration: a score of one space, fitted to networks of it that were really trained.

Ridge on graph features, and on zero-cost scores where they are asked for: on published tables that predicts accuracy
better than any single score from twenty networks on (mean Spearman .69 against .46 over 17 tasks).
"""

from __future__ import annotations

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
from archlab.decoding import MisfitError, decode
from archlab.elaborate import Hole, Interpreter, Network, Value, elaborate
from archlab.errors import ArchlabError, InputError, did_you_mean, quote
from archlab.files import write_atomic
from archlab.grammar import parse
from archlab.graph_features import FEATURES, GraphFeatures
from archlab.reading import read_csv, read_json
from archlab.score import SCORES
from archlab.search.result import read_result

if TYPE_CHECKING:
    from torch.fx import GraphModule

SCHEMA = "archlab.calibration/1"
LEAST = 10
"""How many networks a fit needs at least, so that something can be said of it."""
EQUAL = 1.1
"""The ratio up to which two networks' MACs count as equal."""
MAX_CSV_BYTES = 64 * 2**20
LARGEST_VALUE = 1e100
"""What values of trained networks may come to: a fit squares them."""
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
    """Return a network's graph features, and the zero-cost scores that are asked for, of ``module`` or of a new one."""
    inputs = list(GraphFeatures()(network))
    if scores:
        from archlab.nn import build
        from archlab.score import score

        module = module or build(network.graph, seed=seed)
        inputs += [score(name, module, network.input_shape, seed) for name in scores]
    return inputs


def fit(
    space: str,
    networks: Sequence[Network],
    values: Sequence[float],
    scores: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Fit a calibration to ``networks`` whose true ``values`` (larger is better) are known.

    Args:
        say: is told which network is being scored.

    Raises:
        InputError: fewer than ``LEAST`` networks, or all of one value.
    """
    if len(networks) < LEAST or len(set(values)) < 2:
        raise InputError(f"a calibration needs at least {LEAST} networks of different values, not {len(networks)}")
    rows = []
    for number, network in enumerate(networks, start=1):
        say(f"scoring network {number} of {len(networks)}")
        rows.append(inputs_of(network, scores))
    x = np.array(rows)
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
        kendall=_rounded(kendalltau(predicted, y).statistic),
        spearman=_rounded(spearmanr(predicted, y).statistic),
        kendall_equal_macs=equal_cost_tau(predicted, y, macs),
    )


def _rounded(correlation: float) -> float:
    """Return a correlation in four digits; with values that are all alike there is none."""
    return 0.0 if math.isnan(correlation) else round(float(correlation), 4)


def equal_cost_tau(score: np.ndarray, value: np.ndarray, macs: np.ndarray) -> float | None:
    """Return Kendall's tau over the pairs whose MACs are within ``EQUAL`` of each other and whose values differ."""
    i, j = np.triu_indices(len(value), 1)
    near = np.abs(np.log(macs[i] / macs[j])) <= math.log(EQUAL)
    signs = np.sign(score[i] - score[j])[near] * np.sign(value[i] - value[j])[near]
    agreements = signs[np.sign(value[i] - value[j])[near] != 0]
    return round(float(agreements.mean()), 4) if len(agreements) else None


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration as JSON."""
    write_atomic(path, json.dumps(dataclasses.asdict(calibration), indent=1, allow_nan=False) + "\n")


def read_calibration(path: Path) -> Calibration:
    """Read the calibration in a file.

    Raises:
        InputError: it cannot be read, or is none.
    """
    data: dict[str, Any] = read_json(path)
    try:
        calibration = decode(Calibration, data, "calibration")
        assert isinstance(calibration, Calibration)
        _check_whole(calibration)
    except MisfitError as error:
        raise InputError(
            f"{path} is not a calibration of this version: {error}", hint="make it with `archlab calibrate`"
        ) from error
    return calibration


def _check_whole(calibration: Calibration) -> None:
    """Refuse a calibration of another version, or one whose parts do not fit together."""
    if calibration.schema != SCHEMA:
        raise MisfitError(f"its schema is {calibration.schema[:40]!r}, not {SCHEMA!r}")
    unknown = next((name for name in calibration.scores if name not in SCORES), None)
    if unknown is not None:
        raise MisfitError(f"there is no score {unknown[:40]!r}")
    inputs = len(FEATURES) + len(calibration.scores)
    for name, numbers in (("weights", calibration.weights), ("center", calibration.center)):
        if len(numbers) != inputs:
            raise MisfitError(f"{name} holds {len(numbers)} numbers for {inputs} inputs")


def objective_of(path: Path) -> Callable[[Any, Any, Any], float]:
    """Return the calibration in a file as an objective of a search."""
    calibration = read_calibration(path)

    def value(module: Any, candidate: Any, _trial: Any) -> float:
        network = elaborate(parse(candidate.text))
        return calibration.value(inputs_of(network, calibration.scores, candidate.seed, module))

    return value


def read_trained(path: Path, interpreter: Interpreter, value: str | None) -> tuple[list[Network], list[float]]:
    """Read trained networks from a search's ``result.json``, or from a CSV with columns for the holes and the value.

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
        column = value or "value"
        table: list[dict[str, Value]] = [dict(row) for row in read_csv(path, MAX_CSV_BYTES)]
        if table and column not in table[0]:
            raise InputError(f"{path} has no column {column!r}", hint=did_you_mean(column, table[0]))
        rows = [(row, _number(path, number, column, row.pop(column))) for number, row in enumerate(table, start=1)]
    networks = []
    for number, (draws, _) in enumerate(rows, start=1):
        try:
            networks.append(interpreter.network(_Written(draws)))
        except ArchlabError as error:
            raise InputError(f"{path}, row {number}: {error.one_line}") from error
    return networks, [y for _, y in rows]


def _number(path: Path, row: int, column: str, text: Value) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST_VALUE:
        raise InputError(f"{path}, row {row}: {column} is {quote(str(text))}, not a number up to {LARGEST_VALUE:g}")
    return number


class _Written:
    """The draw of a row, whose numbers may be text."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def __call__(self, hole: Hole) -> Value:
        if hole.name not in self._values:
            if hole.searched:
                raise InputError(f"it has no value for the hole {hole.name}")
            return hole.default
        given = self._values[hole.name]
        candidates: list[Value] = [given]
        for kind in (int, float):
            try:
                candidates.append(kind(given))
            except (ValueError, OverflowError):
                continue
        for candidate in candidates:
            if hole.contains(candidate):
                return candidate
        raise InputError(f"{hole.name} cannot be {quote(str(given))}", hint=f"it takes {hole.describe()}")
