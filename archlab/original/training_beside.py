"""What ``archlab train`` says beside a file of weights: with what settings, and how pixels were normalised."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archlab.reading import read_json
from archlab.train.normalisation import Normalisation
from archlab.train.outcome import FORMAT, METRICS


def training_beside(weights: object) -> dict[str, Any]:
    """Return what ``archlab train`` says in the folder of these weights; nothing where they are another's.

    Raises:
        InputError: the file beside them cannot be read.
    """
    if not isinstance(weights, Path) or not os.path.isfile(weights.parent / METRICS):
        return {}
    found = read_json(weights.parent / METRICS)
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def stated_normalisation(training: Mapping[str, Any]) -> Normalisation | None:
    """Return how pixels were normalised in a training; None where it does not say."""
    stated = training.get("data", {}).get("normalisation") if isinstance(training.get("data"), dict) else None
    if isinstance(stated, dict) and {"mean", "std"} <= stated.keys():
        return Normalisation(tuple(stated["mean"]), tuple(stated["std"]))
    return None
