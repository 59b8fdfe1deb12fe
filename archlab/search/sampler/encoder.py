"""Networks as rows of numbers: one-hot holes, ranges in [0, 1], and graph features, standardised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archlab.search.sampler.counted_network import CountedNetwork


class Encoder:
    """Rows whose columns are found as networks come, so that conditional spaces need no list of their holes."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, object], int] = {}

    def holes(self, counted: CountedNetwork) -> dict[int, float]:
        """Return the columns of a network's holes that are not 0; of a hole that it did not meet, all are 0."""
        row: dict[int, float] = {}
        for name, value in counted.key:
            hole = counted.holes[name]
            if hole.labels:
                row[self._column(name, value)] = 1.0
            else:
                row[self._column(name, None)] = 1.0
                span = (hole.hi - hole.lo) or 1
                row[self._column(name, "value")] = (float(value) - hole.lo) / span
        return row

    def matrix(self, rows: Sequence[dict[int, float]], features: Sequence[Sequence[float]]) -> np.ndarray:
        """Return rows by columns: holes centred, features standardised, both over ``rows``; constants left out."""
        holes = np.zeros((len(rows), len(self._columns)))
        for i, row in enumerate(rows):
            holes[i, list(row)] = list(row.values())
        graph = np.array(features)
        spread = graph.std(0)
        varies = spread > 1e-9
        graph = (graph[:, varies] - graph[:, varies].mean(0)) / spread[varies]
        holes = holes[:, holes.std(0) > 0]
        return np.hstack([holes - holes.mean(0), graph])

    def _column(self, name: str, value: object) -> int:
        return self._columns.setdefault((name, value), len(self._columns))
