"""The search below a trained network: judged by what it keeps after the gram, and the best again after the walk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from archlab.cost import cost
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.original.original import JudgeSettings, Original, judge_json, write_judge
from archlab.original.shrunk import Draw
from archlab.reading import read_bytes
from archlab.search import search
from archlab.search.result import SearchResult
from archlab.search.study.history import Progress
from archlab.shrink.request import WALKED, ShrinkRequest
from archlab.what_if.open_holes import open_holes
from archlab.what_if.reach import BELOW

GRAM, WALK = "gram.json", "walk.json"
_GRAM_IMAGES, _WALK_IMAGES = 512, 1024
"""Of the calibration images, those that a judge reads: enough to tell draws apart, in a half of the time and less."""
_GRAM_HELD_OUT, _WALK_HELD_OUT = (200, 1000, 2e11), (500, 3000, 6e11)
"""The fewest and the most images that a draw is measured on, and the original's MACs on them between the two."""


def search_below(
    request: ShrinkRequest, original: Original, progress: Progress | None, note: Callable[[str], None]
) -> SearchResult:
    """Search the space below the original, or go on with it.

    Raises:
        BudgetError: no network of it meets the budget.
        InputError: nothing of the network can become smaller, or its folder has another search.
    """
    space = open_holes(parse(request.text), request.holes, BELOW)
    macs = cost(parse(request.text)).macs
    few, many = (int(min(most, max(least, work // macs))) for least, most, work in (_GRAM_HELD_OUT, _WALK_HELD_OUT))
    stages = [
        JudgeSettings(original, "gram", min(_GRAM_IMAGES, original.calibration), many, few),
        JudgeSettings(original, "walk", min(_WALK_IMAGES, original.calibration), many, many),
    ]
    files = [request.out / GRAM, request.out / WALK]
    for file, settings in zip(files, stages, strict=True):
        _write_once(file, settings, request)
    result = search(
        space,
        budget=request.budget,
        objective=str(files[0]),
        then=str(files[1]),
        keep=WALKED,
        trials=request.trials,
        seed=request.seed,
        workers=request.workers,
        out=request.out / "search",
        top=WALKED,
        latency=False,
        note=note,
        progress=progress,
    )
    if not result.finalists:
        raise InputError("the search found no network", hint="give it a wider budget, or more --trials")
    return result


def draws_of(result: SearchResult, out: Path) -> tuple[Draw, ...]:
    """Return every network that was judged, by its last judge."""
    draws: list[Draw] = []
    for trial in result.trials:
        for stage, file in ((2, WALK), (1, GRAM)):
            value = trial.values.get(str(out / file))
            if value is not None and trial.state == "scored":
                draws.append(Draw(trial.cost["macs"], value, stage))
                break
    return tuple(draws)


def _write_once(file: Path, settings: JudgeSettings, request: ShrinkRequest) -> None:
    """Write a judge where there is none yet; one that differs is another search's.

    Raises:
        InputError: it differs.
    """
    if os.path.isfile(file) and read_bytes(file) != judge_json(settings).encode():
        raise InputError(
            f"{request.out} has a shrinking of another network, other weights or other images",
            hint="give another --out",
        )
    write_judge(file, settings)
