"""A search's objective: how much of a trained network's accuracy a draw keeps, with its weights carried over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from archlab.carry import Carried, carry
from archlab.ir import Graph
from archlab.original.loaded import Loaded, first, load_original
from archlab.original.original import JudgeSettings, read_judge
from archlab.train.metrics import evaluate


def objective_of(path: Path) -> Callable[[Any, Any, Any], float]:
    """Return the judge in a file as an objective of a search: accuracy, between 0 and 1, without any training.

    Raises:
        InputError: as ``read_judge``.
    """
    settings = read_judge(path)

    def kept(_module: Any, candidate: Any, _trial: Any) -> float:
        return judged(load_original(settings.original, settings.held_out), candidate.graph, settings)

    kept.builds_its_own = True  # type: ignore[attr-defined]  # a candidate's first weights are none of it
    return kept


def judged(loaded: Loaded, target: Graph, settings: JudgeSettings) -> float:
    """Return the accuracy that a smaller draw keeps."""
    carried = carried_to(loaded, target, settings)
    return evaluate(carried.module, first(loaded.held_out, settings.judged)).accuracy


def carried_to(loaded: Loaded, target: Graph, settings: JudgeSettings) -> Carried:
    """Return a smaller draw with the original's weights, refitted."""
    return carry(
        loaded.module,
        loaded.graph,
        target,
        loaded.images[: settings.images],
        refit=settings.refit,
        known=loaded.known,
        seed=settings.original.seed,
    )
