"""A search below a trained network: judged by what it keeps after the gram, and the best again after the walk."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from archlab.cost import cost
from archlab.elaborate import Interpreter, elaborate
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.grammar.ast import Architecture
from archlab.original.judge import carried_to
from archlab.original.loaded import load_original
from archlab.original.original import JudgeSettings, Original, judge_json, read_judge, write_judge
from archlab.original.shrunk import Contender, Draw, LayerKept
from archlab.reading import read_bytes
from archlab.search.counter import Counter
from archlab.search.plan import Plan
from archlab.search.request import make_plan
from archlab.search.result import SearchResult
from archlab.search.run import run_search
from archlab.search.study.history import INTERRUPTED, Progress, no_progress
from archlab.shrink.contest import contest
from archlab.shrink.even_cuts import even_cuts
from archlab.shrink.filled import Candidates, Filled
from archlab.shrink.prepare import Prepared
from archlab.shrink.request import FEW, WALKED, ShrinkRequest
from archlab.what_if.open_holes import open_holes
from archlab.what_if.reach import BELOW

Note = Callable[[str], None]

GRAM, WALK = "gram.json", "walk.json"
_GRAM_IMAGES, _WALK_IMAGES = 512, 1024
"""Of the calibration images, those that a judge reads: enough to tell draws apart, in a half of the time and less."""
_GRAM_HELD_OUT, _WALK_HELD_OUT = (200, 1000, 2e11), (500, 3000, 6e11)
"""The fewest and the most images that a draw is measured on, and the original's MACs on them between the two."""


def candidates_below(
    request: ShrinkRequest, prepared: Prepared, progress: Progress | None, note: Note, say: Note
) -> Candidates:
    """Search the space below the original, or go on with it, and fill the best networks once more, by all images.

    Raises:
        BudgetError: no network of it meets the budget.
        InputError: nothing of the network can become smaller, or its folder has another search.
        KeyboardInterrupt: the search was interrupted; its folder has what there is.
    """
    space = open_holes(parse(request.text), request.holes, BELOW)
    plan = _plan(space, request, prepared.original, note)
    opening = plan.stages[0]
    counter = Counter(Interpreter(plan.space), opening.budget, opening.own, seed=opening.seed)
    result = _search(plan, counter, progress)
    if result.interrupted == INTERRUPTED:
        raise KeyboardInterrupt
    judge = read_judge(request.out / WALK)
    loaded = load_original(judge.original, judge.held_out)
    drawn = contest(counter, opening.budget, result, str(request.out / WALK), loaded, judge, say)
    settings = replace(judge, images=judge.original.calibration)
    few = drawn[: FEW if prepared.finetuning is not None else 1]
    filled: list[Filled] = []
    for i, one in enumerate(few):
        say(f"carrying weights into {i + 1} of {len(few)}: {one.name}")
        graph = elaborate(parse(one.text)).graph
        carried = carried_to(loaded, graph, settings)
        layers = tuple(LayerKept(each.name, each.source, each.inputs, each.outputs, each.error)
                       for each in carried.layers)  # fmt: skip
        filled.append(Filled(one.name, one.text, graph, carried.module, layers))
    contenders = tuple(Contender(one.name, one.macs, one.kept, {}) for one in drawn)
    found = {one.name for one in result.finalists}
    beside = tuple(Draw(one.macs, one.judged, 2) for one in contenders if one.name not in found)
    draws = _draws_of(result, request.out) + beside
    return Candidates(tuple(filled), contenders, draws, dict(result.budgets))


def _search(plan: Plan, counter: Counter, progress: Progress | None) -> SearchResult:
    opening, *later = plan.stages
    plan = replace(plan, stages=(replace(opening, starts=even_cuts(counter)), *later))
    result = run_search(plan, progress or no_progress)
    if not result.finalists:
        raise InputError("the search found no network", hint="give it a wider budget, or more --trials")
    return result


def _plan(space: Architecture, request: ShrinkRequest, original: Original, note: Note) -> Plan:
    macs = cost(parse(request.text)).macs
    few, many = (int(min(most, max(least, work // macs))) for least, most, work in (_GRAM_HELD_OUT, _WALK_HELD_OUT))
    stages = [
        JudgeSettings(original, "gram", min(_GRAM_IMAGES, original.calibration), many, few),
        JudgeSettings(original, "walk", min(_WALK_IMAGES, original.calibration), many, many),
    ]
    files = [request.out / GRAM, request.out / WALK]
    for file, settings in zip(files, stages, strict=True):
        _write_once(file, settings, request)
    return make_plan(
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
        command="archlab shrink",
    )


def _draws_of(result: SearchResult, out: Path) -> tuple[Draw, ...]:
    """Return every network that the search judged, by its last judge."""
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
