"""Latency by a user's own table: networks of a space with what some device took for them, and a regressor on features.

Ridge on the graph features, of the logarithm of seconds: for devices on which no kernel can be measured here, such as
those of HW-NAS-Bench (Li et al. 2021, arXiv:2103.10584).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from archlab.decoding import MisfitError, decode
from archlab.elaborate import Network
from archlab.errors import InputError
from archlab.files import write_atomic
from archlab.graph_features import FEATURES, GraphFeatures
from archlab.ir import Graph
from archlab.measured import Predicted

SCHEMA = "archlab.latency-table/1"
LEAST = 20
"""Networks that a fit needs, so that something can be said of its error."""
FOLDS = 5
INTERVAL = 0.9
_MOST = 20.0
"""Of a logarithm of seconds, either way."""


@dataclass(frozen=True)
class TableFit:
    """A fitted table: the log of seconds is ``offset`` plus weights times (features less ``center``).

    Attributes:
        space: the space's name; networks of others are predicted as well, with nobody knowing how well.
        source: the name of the table's file.
        networks: how many it was fitted on.
        error, median_error: the relative errors that 90 % and half of left-out networks are within (five folds).
        within_10_percent: the share of them within 10 %.
        kendall: Kendall's tau of what is predicted for them with what the table says.
    """

    space: str
    source: str
    center: tuple[float, ...]
    weights: tuple[float, ...]
    offset: float
    networks: int
    error: float
    median_error: float
    within_10_percent: float
    kendall: float
    schema: str = SCHEMA

    @cached_property
    def digest(self) -> str:
        """A hash of all that it predicts by."""
        told = (self.center, self.weights, self.offset)
        return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()

    @property
    def line(self) -> str:
        """The table in one line."""
        return f"the table {self.source} of {self.networks:,} networks of {self.space}"

    def seconds(self, features: Sequence[float]) -> float:
        """Return the seconds of a network with these features."""
        told = sum(w * (x - c) for w, x, c in zip(self.weights, features, self.center, strict=True))
        return math.exp(min(max(self.offset + told, -_MOST), _MOST))


class TablePredictor:
    """Predicts networks by a fitted table."""

    setting = None
    """It is of a device that is not here."""

    def __init__(self, table: TableFit, path: Path) -> None:
        self.table = table
        self.path = path
        self._features = GraphFeatures()

    @property
    def digest(self) -> str:
        """A hash of all that it predicts by."""
        return self.table.digest

    def __call__(self, network: Network) -> float:
        """Return the seconds of a network for one image."""
        return self.table.seconds(self._features(network))

    def predict(self, network: Network | Graph) -> Predicted:
        """Return the seconds of a network for one image, with the interval that 90 % of networks lie in.

        Raises:
            InputError: a graph is given, whose features are not known.
        """
        if isinstance(network, Graph):
            raise self._refusal(network)
        seconds, error = self(network), self.table.error
        return Predicted(seconds, seconds * max(0.0, 1 - error), seconds * (1 + error), None, self.table.line)

    def by_node(self, graph: Graph) -> dict[str, float]:
        """Refuse: a table knows whole networks.

        Raises:
            InputError: always.
        """
        raise self._refusal(graph)

    def _refusal(self, graph: Graph) -> InputError:
        return InputError(
            f"{self.path} was fitted to a table, which says nothing of the layers of {graph.name}",
            hint="measure a profile on the device: archlab device profile",
        )


def fit_table(space: str, source: str, networks: Sequence[Network], seconds: Sequence[float]) -> TableFit:
    """Fit a table of networks and their seconds, and cross-validate it.

    Raises:
        InputError: there are fewer than ``LEAST`` networks, or a time is not above 0.
    """
    import numpy as np
    from scipy.stats import kendalltau
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(networks) < LEAST:
        raise InputError(f"{source} has {len(networks)} networks, and a fit needs at least {LEAST}")
    bad = next((i for i, took in enumerate(seconds, start=1) if not 0 < took < 86_400), None)
    if bad is not None:
        raise InputError(f"{source}, row {bad}: the latency must be above 0 and below a day")
    features = GraphFeatures()
    x, y = np.array([features(network) for network in networks]), np.log(np.array(seconds))
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-6, 3, 19)))
    left_out = cross_val_predict(model, x, y, cv=KFold(FOLDS, shuffle=True, random_state=0))
    scaler, ridge = model.fit(x, y)
    errors = np.abs(np.exp(left_out - y) - 1)
    tau = float(kendalltau(left_out, y).statistic)
    return TableFit(
        space=space,
        source=source,
        center=tuple(map(float, scaler.mean_)),
        weights=tuple(map(float, ridge.coef_ / scaler.scale_)),
        offset=float(ridge.intercept_),
        networks=len(networks),
        error=round(float(np.quantile(errors, INTERVAL)), 4),
        median_error=round(float(np.median(errors)), 4),
        within_10_percent=round(float(np.mean(errors <= 0.1)), 4),
        kendall=0.0 if math.isnan(tau) else round(tau, 4),
    )


def write_table(path: Path, table: TableFit) -> None:
    """Write a fitted table to a file.

    Raises:
        InputError: the file cannot be written.
    """
    write_atomic(path, json.dumps(dataclasses.asdict(table), indent=1, allow_nan=False) + "\n")


def table_of(data: Any, path: Path) -> TableFit:
    """Return the fitted table in a file's data.

    Raises:
        InputError: it is not whole.
    """
    try:
        table = decode(TableFit, data, "table")
        assert isinstance(table, TableFit)
        for name, numbers in (("weights", table.weights), ("center", table.center)):
            if len(numbers) != len(FEATURES):
                raise MisfitError(f"table.{name} holds {len(numbers)} numbers, not {len(FEATURES)}")
        if not 0 <= table.error < 1e6:
            raise MisfitError(f"table.error holds {table.error!r}")
    except MisfitError as error:
        raise InputError(
            f"{path} is not a whole fit: {error}", hint="make it again with `archlab device fit`"
        ) from error
    return table
