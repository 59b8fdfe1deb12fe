"""A trained network made smaller: searched below, filled with its weights, refitted, and tuned where asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from archlab.cost import cost
from archlab.elaborate import elaborate
from archlab.files import write_atomic
from archlab.grammar import parse
from archlab.ir import Graph
from archlab.measured import Latency
from archlab.nn import measure
from archlab.nn.weight_files import save_weights
from archlab.original.judge import carried_to
from archlab.original.loaded import as_said, load_original, read_part
from archlab.original.original import read_judge
from archlab.original.shrunk import Contender, LayerKept, Shrunk, Side, to_json
from archlab.search.environment import machine_line, versions
from archlab.search.result import Finalist
from archlab.search.study.history import INTERRUPTED, Progress
from archlab.shrink.improve import BATCH, STEPS, Improved, polished, refitted, training_images, tuned
from archlab.shrink.prepare import Prepared, prepare
from archlab.shrink.request import FEW, ShrinkRequest
from archlab.shrink.search_below import WALK, draws_of, search_below
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
    images; the best again after a walk. The best of these are tuned where that is asked for, on the training images;
    the held-out images choose, and the test images are looked at once. The same request goes on with what is there.

    Args:
        note: is told what is out of the ordinary.
        say: is told what is being done.
        progress: makes a watcher of each stage of the search.

    Raises:
        BudgetError: nothing below the network meets the budget.
        InputError: as ``prepare`` and ``archlab.search``.
        KeyboardInterrupt: the search was interrupted; its folder has what there is.
    """
    began, cpu = time.monotonic(), time.process_time()
    prepared = prepare(request, note, say)
    result = search_below(request, prepared.original, progress, note)
    if result.interrupted == INTERRUPTED:
        raise KeyboardInterrupt
    improved = _improved(request, prepared, result.finalists, note, say)
    finalist, best = max(improved, key=lambda pair: pair[1].best)
    say("measuring on the test images")
    judged, tested = _test_part(prepared)
    was, now = evaluate(prepared.module, judged), evaluate(best.module, judged)
    was_right, now_right = was.said == was.labels, now.said == now.labels
    graph = elaborate(parse(finalist.text)).graph
    shrunk = Shrunk(
        original=_side(prepared.graph.name, request.text, prepared.module, prepared.graph, was_right),
        result=_side(finalist.name, finalist.text, best.module, graph, now_right),
        labelled=request.labelled,
        images=len(was.labels),
        tested=tested,
        lost=int((was_right & ~now_right).sum()),
        gained=int((now_right & ~was_right).sum()),
        budgets=dict(result.budgets),
        kept=best.weights,
        epochs=0.0 if prepared.finetuning is None else prepared.finetuning.epochs,
        layers=tuple(
            LayerKept(one.name, one.source, one.inputs, one.outputs, one.error if best.weights == "refit" else None)
            for one in best.carried.layers
        ),
        contenders=_contenders(request, result.finalists, improved, finalist),
        draws=draws_of(result, request.out),
        original_held_out=evaluate(prepared.module, prepared.held_out).accuracy,
        data=str(request.data),
        weights=str(request.weights) if isinstance(request.weights, Path) else "",
        command=request.command,
        seed=request.seed,
        seconds=round(time.monotonic() - began, 1),
        cpu_seconds=round(time.process_time() - cpu, 1),
        versions=versions(),
        machine=machine_line(),
    )
    write_atomic(request.out / TEXT, finalist.text)
    save_weights(best.module, request.out / WEIGHTS)
    write_atomic(request.out / RESULT, to_json(shrunk))
    return ShrinkOutcome(best.module, graph, shrunk, request.out)


def _improved(
    request: ShrinkRequest, prepared: Prepared, finalists: tuple[Finalist, ...], note: Note, say: Note
) -> list[tuple[Finalist, Improved]]:
    """Fill the best networks once more, polish the best of them, and tune where that is asked for."""
    judge = read_judge(request.out / WALK)
    loaded = load_original(judge.original, judge.held_out)
    settings = replace(judge, images=judge.original.calibration)
    few = FEW if prepared.finetuning is not None else 1
    found: list[tuple[Finalist, Improved]] = []
    for i, finalist in enumerate(finalists[:few], start=1):
        say(f"carrying weights into {i} of {min(few, len(finalists))}: {finalist.name}")
        carried = carried_to(loaded, elaborate(parse(finalist.text)).graph, settings)
        found.append((finalist, refitted(carried, prepared.held_out)))
    images = training_images(prepared, say, None if prepared.finetuning is not None else STEPS * BATCH)
    for i, (finalist, before) in enumerate(found):
        graph = elaborate(parse(finalist.text)).graph
        telling = partial(_say_training, say, f"{i + 1} of {len(found)}: {finalist.name}")
        done = polished(before, prepared, graph, images, telling, request.seed)
        if done is before:
            note(f"{finalist.name} has too many MACs to be polished in minutes; --finetune 1 trains it")
        if prepared.finetuning is not None:
            folder = request.out / "tuned" / finalist.name
            done = tuned(done, prepared, prepared.finetuning, images, folder, telling, request.seed)
        found[i] = finalist, done
    return found


def _say_training(say: Note, which: str, words: str) -> None:
    say(f"training {which}: {words}")


def _test_part(prepared: Prepared) -> tuple[LabelledImages, bool]:
    """Return the images that the result is measured on, and whether nothing was chosen by them."""
    original, source = prepared.original, prepared.source
    if not source.parts["test"] or not source.parts["val"]:
        return prepared.held_out, False
    part = read_part(source, "test", prepared.graph.input_shape, original.normalisation)
    return (part if original.labelled else as_said(prepared.module, part)), True


def _side(name: str, text: str, module: nn.Module, graph: Graph, right: Tensor) -> Side:
    latency: Latency = measure(module, graph.input_shape, threads=1)
    return Side(name, text, dict(cost(elaborate(parse(text))).as_dict()), int(right.sum()), latency)


def _contenders(
    request: ShrinkRequest,
    finalists: tuple[Finalist, ...],
    improved: list[tuple[Finalist, Improved]],
    chosen: Finalist,
) -> tuple[Contender, ...]:
    seen = {finalist.name: dict(done.seen) for finalist, done in improved}
    return tuple(
        Contender(one.name, one.cost["macs"], one.values[str(request.out / WALK)], seen.get(one.name, {}))
        for one in sorted(finalists, key=lambda finalist: finalist is not chosen)
    )
