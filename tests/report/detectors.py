"""The result of a search for detectors to report on: drawn shapes, and what objectives say of three finalists."""

from __future__ import annotations

import dataclasses
from typing import Any

from archlab.detect.data_source import Source
from archlab.search.data_summary import summarize_data
from archlab.search.result import Objective, SearchResult
from archlab.search.shown_data import DataPart, DataSummary
from tests.report import results

NAMES = ("disc", "<img src=x onerror=alert(1)>", "</script><b>ring")
USE = {"p2": 0.75, "p3": 0.25, "p4": 0.0, "p5": 0.0}
SIZE = (112, 112)
"""Half of the finalists' input, so that what they find is drawn at half its size."""


def shown() -> DataSummary:
    """Drawn shapes whose classes have names that would run a script."""
    data = summarize_data(Source(), SIZE)
    part = DataPart("cells/train.json", 96, dict(zip(NAMES, (60, 30, 10), strict=True)))
    held = DataPart("cells/val.json", 32, dict(zip(NAMES, (6, 3, 1), strict=True)))
    return dataclasses.replace(data, classes=NAMES, training=part, validation=held, left_out={"crowd": 2})


def said(ap: float, found: list[list[Any]]) -> dict[str, Any]:
    """What ``train`` says of a network."""
    sizes = {"ap": ap, "ap50": ap + 0.25, "ap75": 0.25, "small": ap, "medium": 0.5, "large": None}
    by_class = dict(zip(NAMES, (ap, ap / 2, None), strict=True))
    return {"AP": sizes, "AP by class": by_class, "found": [found, [], []]}


def search(trained: int = 2) -> SearchResult:
    """A search for detectors with ``trained`` of its three finalists trained."""
    result = results.search(20, finalists=3)
    boxes = [[20.0, 40.0, 120.0, 90.0, 2, 0.875], [0.0, 0.0, 10.0, 10.0, 1, 0.25]]
    finalists = []
    for i, finalist in enumerate(result.finalists):
        details: dict[str, Any] = {
            "detection": {"parts": {"loss": 1.5 + i, "class accuracy": 0.5}, "level use": USE},
            "train.py:more": {"epochs": 3},
        }
        values = {"detection": -1.25 * (i + 1)}
        if i < trained:
            details["train"] = said(0.5 - 0.125 * i, boxes)
            values["train"] = 0.5 - 0.125 * i
        finalists.append(dataclasses.replace(finalist, values=values, details=details))
    objectives = (Objective("train", "maximize"), Objective("detection", "maximize"))
    return dataclasses.replace(result, objectives=objectives, finalists=tuple(finalists), data=shown())
