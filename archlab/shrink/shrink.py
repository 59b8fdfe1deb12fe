"""A trained network made smaller: searched below, filled with its weights, refitted, and tuned where asked for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from archlab.cost import cost
from archlab.elaborate import elaborate
from archlab.environment import machine_line, versions
from archlab.errors import InputError
from archlab.exchange.rewrite_rules import parse_rule, title_of
from archlab.files import write_atomic
from archlab.grammar import parse
from archlab.ir import Graph
from archlab.measured import Latency
from archlab.nn import measure
from archlab.nn.weight_files import save_weights
from archlab.original.loaded import as_said, read_part
from archlab.original.shrunk import Contender, Shrunk, Side, read_shrunk, to_json
from archlab.search.study.history import Progress
from archlab.shrink.filled import Candidates, Filled
from archlab.shrink.improve import BATCH, STEPS, Improved, polished, refitted, training_images, tuned
from archlab.shrink.prepare import Prepared, prepare
from archlab.shrink.request import ShrinkRequest
from archlab.shrink.rewritings import candidate_by_rule
from archlab.shrink.search_below import candidates_below
from archlab.shrink.trained import Trained
from archlab.train import LabelledImages, evaluate

Note = Callable[[str], None]

TEXT, WEIGHTS, RESULT = "network.arch", "weights.safetensors", "shrunk.json"


@dataclass(frozen=True, eq=False)
class ShrinkOutcome:
    """A smaller trained network.

    Attributes:
        module: it, in evaluation.
        graph: its operators.
        shrunk: what was kept, at what cost.
        folder: where ``network.arch``, ``weights.safetensors`` and ``shrunk.json`` are.
    """

    module: nn.Module
    graph: Graph
    shrunk: Shrunk
    folder: Path


def shrink(
    request: ShrinkRequest,
    *,
    note: Note = lambda _: None,
    say: Note = lambda _: None,
    progress: Progress | None = None,
) -> ShrinkOutcome:
    """Make a trained network smaller, and write the result to its folder.

    Draws of the space below the network, which is its largest, are filled with its weights and judged on held-out
    images; the best again after a walk. A rule gives one network in place of these. The best are polished, and tuned
    where that is asked for, on the training images; the held-out images choose, and the test images are looked at once.
    The same request goes on with what is there.

    Args:
        note: is told what is out of the ordinary.
        say: is told what is being done.
        progress: makes a watcher of each stage of the search.

    Raises:
        BudgetError: nothing below the network meets the budget.
        InputError: as ``prepare``, ``candidate_by_rule`` and ``archlab.search``; or the folder has another result.
        KeyboardInterrupt: the search was interrupted; its folder has what there is.
    """
    began, cpu = time.monotonic(), time.process_time()
    _refuse_another_result(request)
    prepared = prepare(request, note, say)
    trained = prepared.trained
    if request.rule:
        candidates = candidate_by_rule(request, trained, say)
    else:
        candidates = candidates_below(request, prepared, progress, note, say)
    improved = _improved(request, prepared, candidates.filled, note, say)
    best = max(improved, key=lambda one: (one.best, -one.loss))
    say("measuring on the test images")
    judged, tested = _test_part(trained)
    now = evaluate(best.module, judged)
    was_right, now_right = _right_of(trained, judged), now.said == now.labels
    shrunk = Shrunk(
        original=_side(trained.graph.name, request.text, trained.module, trained.graph, was_right),
        result=_side(best.filled.name, best.filled.text, best.module, best.filled.graph, now_right),
        labelled=request.labelled,
        images=len(now.labels),
        tested=tested,
        lost=int((was_right & ~now_right).sum()),
        gained=int((now_right & ~was_right).sum()),
        budgets=dict(candidates.budgets),
        kept=best.weights,
        epochs=0.0 if prepared.finetuning is None else prepared.finetuning.epochs,
        layers=tuple(one if best.weights == "refit" else replace(one, error=None) for one in best.filled.layers),
        contenders=_contenders(candidates, improved, best),
        draws=candidates.draws,
        original_held_out=float(_right_of(trained, trained.held_out).float().mean()),
        data=str(request.data),
        weights=str(request.weights) if isinstance(request.weights, Path) else "",
        command=request.command,
        seed=request.seed,
        seconds=round(time.monotonic() - began, 1),
        cpu_seconds=round(time.process_time() - cpu, 1),
        versions=versions(),
        machine=machine_line(),
        rule=_rule_of(request),
    )
    write_atomic(request.out / TEXT, best.filled.text)
    save_weights(best.module, request.out / WEIGHTS)
    write_atomic(request.out / RESULT, to_json(shrunk))
    return ShrinkOutcome(best.module, best.filled.graph, shrunk, request.out)


def _refuse_another_result(request: ShrinkRequest) -> None:
    file = request.out / RESULT
    if not os.path.isfile(file):
        return
    there = read_shrunk(file)
    if (there.rule, there.original.text) != (_rule_of(request), request.text):
        raise InputError(
            f"{request.out} has a shrinking of another network, or by another rule", hint="give another --out"
        )


def _rule_of(request: ShrinkRequest) -> str:
    return f"{title_of(*parse_rule(request.rule))}, {request.where}" if request.rule else ""


def _improved(
    request: ShrinkRequest, prepared: Prepared, filled: tuple[Filled, ...], note: Note, say: Note
) -> list[Improved]:
    """Polish each network, and tune it where that is asked for."""
    trained, tuning = prepared.trained, prepared.finetuning
    found = [refitted(one, trained.held_out) for one in filled]
    images = training_images(trained, say, None if tuning is not None else STEPS * BATCH)
    for i, before in enumerate(found):
        name = before.filled.name
        telling = partial(_say_training, say, f"{i + 1} of {len(found)}: {name}")
        done = polished(before, trained, images, telling, request.seed)
        if done is before:
            note(f"{name} has too many MACs to be polished in minutes; --finetune 1 trains it")
        if tuning is not None:
            done = tuned(done, trained, tuning, images, request.out / "tuned" / name, telling, request.seed)
        found[i] = done
    return found


def _say_training(say: Note, which: str, words: str) -> None:
    say(f"training {which}: {words}")


def _test_part(trained: Trained) -> tuple[LabelledImages, bool]:
    """Return the images that the result is measured on, and whether nothing was chosen by them."""
    source = trained.source
    if not source.parts["test"] or not source.parts["val"]:
        return trained.held_out, False
    part = read_part(source, "test", trained.graph.input_shape, trained.normalisation)
    return (part if trained.labelled else as_said(trained.module, part)), True


def _right_of(trained: Trained, part: LabelledImages) -> Tensor:
    """Return which images the original gets right; where they are labelled by what it says of them, all."""
    if not trained.labelled:
        return torch.ones(len(part), dtype=torch.bool)
    found = evaluate(trained.module, part)
    return found.said == found.labels


def _side(name: str, text: str, module: nn.Module, graph: Graph, right: Tensor) -> Side:
    latency: Latency = measure(module, graph.input_shape, threads=1)
    return Side(name, text, dict(cost(elaborate(parse(text))).as_dict()), int(right.sum()), latency)


def _contenders(candidates: Candidates, improved: list[Improved], best: Improved) -> tuple[Contender, ...]:
    """Return all contenders with what their weights were seen to do, the chosen one first."""
    seen = {one.filled.name: dict(one.seen) for one in improved}
    with_seen = [replace(one, seen=seen.get(one.name, {})) for one in candidates.contenders]
    return tuple(sorted(with_seen, key=lambda one: one.name != best.filled.name))
