"""A trained network made smaller: searched below, filled with its weights, refitted, and tuned where asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
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
from archlab.shrink.finetune import Tuned, tune
from archlab.shrink.prepare import Prepared, prepare
from archlab.shrink.request import TUNED, ShrinkRequest
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
    tuned = _tuned(request, prepared, result.finalists, say)
    finalist, best = max(tuned, key=lambda pair: pair[1].best)
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
        finetuned=prepared.finetuning.epochs if prepared.finetuning and best.is_trained else 0.0,
        layers=tuple(
            LayerKept(one.name, one.source, one.inputs, one.outputs, None if best.is_trained else one.error)
            for one in best.carried.layers
        ),
        contenders=_contenders(request, result.finalists, tuned, finalist),
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


def _tuned(
    request: ShrinkRequest, prepared: Prepared, finalists: tuple[Finalist, ...], say: Note
) -> list[tuple[Finalist, Tuned]]:
    """Fill the best networks once more, and tune them where that is asked for."""
    settings = read_judge(request.out / WALK)
    loaded = load_original(settings.original, settings.held_out)
    training = None
    if prepared.finetuning is not None:
        say("reading the training images")
        known = settings.original.normalisation
        training = read_part(prepared.source, "train", prepared.graph.input_shape, known, progress=say)
    found: list[tuple[Finalist, Tuned]] = []
    for i, finalist in enumerate(finalists[:TUNED], start=1):
        which = f"{i} of {min(TUNED, len(finalists))}: {finalist.name}"
        say(f"carrying weights into {which}")
        carried = carried_to(loaded, elaborate(parse(finalist.text)).graph, settings)
        done = tune(
            carried,
            training,
            prepared.held_out,
            prepared.finetuning,
            request.out / "tuned" / finalist.name,
            request.seed,
            prepared.source.digest,
            partial(_say_tuning, say, which),
        )
        found.append((finalist, done))
    return found


def _say_tuning(say: Note, which: str, words: str) -> None:
    say(f"tuning {which}: {words}")


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
    tuned: list[tuple[Finalist, Tuned]],
    chosen: Finalist,
) -> tuple[Contender, ...]:
    looked_at = {finalist.name: done for finalist, done in tuned}
    rows: list[Contender] = []
    for finalist in sorted(finalists, key=lambda f: f is not chosen):
        done = looked_at.get(finalist.name)
        judged = finalist.values[str(request.out / WALK)]
        before, after = (None, None) if done is None else (done.before, done.after)
        rows.append(Contender(finalist.name, finalist.cost["macs"], judged, before, after))
    return tuple(rows)
