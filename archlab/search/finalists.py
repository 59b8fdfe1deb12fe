"""The best candidates: chosen, written as text, counted again by fvcore, and timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from archlab.elaborate import Fixed, Interpreter, elaborate, fill_holes
from archlab.files import make_folder, write_atomic
from archlab.grammar import parse, unparse
from archlab.nn import build, measure, recount
from archlab.search.dominance import find_front
from archlab.search.kept_weights import kept_files
from archlab.search.result import Finalist, Objective, SearchResult, Trial, to_json


def choose(trials: Sequence[Trial], objectives: Sequence[Objective], top: int) -> list[Trial]:
    """Choose the ``top`` trials by one objective, or by several those that none beats in all; ties go to the earlier.

    Only trials that have a value of each are considered.

    Of a Pareto front with more than ``top`` members, those are taken that lie evenly along its first objective.
    """
    scored = [trial for trial in trials if trial.state == "scored" and all(o.name in trial.values for o in objectives)]

    def losses(trial: Trial) -> tuple[float, ...]:
        return tuple((-1 if o.direction == "maximize" else 1) * trial.values[o.name] for o in objectives)

    ranked = sorted(scored, key=lambda trial: (losses(trial), trial.number))
    if len(objectives) == 1:
        return ranked[:top]
    front = [ranked[i] for i in find_front([[-loss for loss in losses(trial)] for trial in ranked])]
    if len(front) <= top or top < 2:
        return front[:top]
    return [front[round(i * (len(front) - 1) / (top - 1))] for i in range(top)]


def choose_last(trials: Sequence[Trial], stages: Sequence[Sequence[Objective]], top: int) -> list[Trial]:
    """Choose the best by the objectives of the last stage that scored any."""
    best: list[Trial] = []
    for objectives in stages:
        best = choose(trials, objectives, top) or best
    return best


def make_finalist(
    trial: Trial, interpreter: Interpreter, seed: int, folder: Path, timing_threads: int | None
) -> Finalist:
    """Write a trial out as a network of its own, and check it.

    Args:
        seed: of its weights.
        folder: the search's, where its trained weights are, if any.
        timing_threads: torch's threads while its latency is measured; None where it is not.
    """
    space = interpreter.space
    network = interpreter.network(Fixed(trial.draws))
    name = f"{space.name}_{trial.number}"
    text = unparse(fill_holes(space, network, name))
    # What is counted and timed is the text, not the network that the search drew.
    graph = elaborate(parse(text, f"{name}.arch")).graph
    count = recount(graph)
    latency = None
    if timing_threads is not None:
        latency = measure(build(graph, seed=seed), graph.input_shape, threads=timing_threads)
    file = f"finalists/{name}.arch"
    return Finalist(
        trial.number,
        name,
        file,
        text,
        trial.cost,
        trial.values,
        count,
        latency,
        trial.details,
        kept=_copy_weights(kept_files(trial.details, folder), folder, name),
        seed=seed,
        folder=folder,
    )


def _copy_weights(files: Mapping[str, Path], folder: Path, name: str) -> dict[str, str]:
    """Copy a finalist's weights to its text; return the copies by part, as seen from the search's folder."""
    kept = {part: f"finalists/{name}{f'-{part}' if part else ''}.safetensors" for part in files}
    if files:
        make_folder(folder / "finalists")
    for part, file in kept.items():
        write_atomic(folder / file, files[part].read_bytes())
    return kept


def write_result(folder: Path, result: SearchResult) -> None:
    """Write ``result.json`` into ``folder``, and each finalist's text; finalists of an earlier run stay."""
    make_folder(folder / "finalists")
    for item in result.finalists:
        write_atomic(folder / item.file, item.text)
    write_atomic(folder / "result.json", to_json(result))
