"""The best candidates: chosen, written as text, counted again by fvcore, and timed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archlab.elaborate import Fixed, Interpreter, elaborate, fill_holes
from archlab.files import make_folder, write_atomic
from archlab.grammar import parse, unparse
from archlab.nn import build, measure, recount
from archlab.search.plan import Plan
from archlab.search.result import Finalist, Objective, Trial


def choose(trials: Sequence[Trial], objectives: Sequence[Objective], top: int) -> list[Trial]:
    """The ``top`` trials by one objective, or by several those that no other beats in all; ties go to the earlier.

    Only trials that have a value of each are considered.

    Of a Pareto front with more than ``top`` members, those are taken that lie evenly along its first objective.
    """
    scored = [trial for trial in trials if trial.state == "scored" and all(o.name in trial.values for o in objectives)]

    def key(trial: Trial) -> tuple[float, ...]:
        return tuple((-1 if o.direction == "maximize" else 1) * trial.values[o.name] for o in objectives)

    ranked = sorted(scored, key=lambda trial: (key(trial), trial.number))
    if len(objectives) == 1:
        return ranked[:top]
    front = [t for t in ranked if not any(_dominates(key(other), key(t)) for other in ranked)]
    if len(front) <= top or top < 2:
        return front[:top]
    return [front[round(i * (len(front) - 1) / (top - 1))] for i in range(top)]


def _dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def finalist(plan: Plan, interpreter: Interpreter, trial: Trial) -> Finalist:
    """A trial written out as a network of its own, and checked."""
    network = interpreter.network(Fixed(trial.draws))
    name = f"{plan.space.name}_{trial.number}"
    text = unparse(fill_holes(plan.space, network, name))
    # Counted and timed is what the text says, not what the search believed.
    graph = elaborate(parse(text, f"{name}.arch")).graph
    count = recount(graph)
    latency = None
    if plan.latency:
        latency = measure(build(graph, seed=plan.seed), graph.input_shape, threads=plan.threads)
    file = f"finalists/{name}.arch"
    return Finalist(trial.number, name, file, text, trial.cost, trial.values, count, latency, trial.details)


def write_finalists(folder: Path, finalists: Sequence[Finalist]) -> None:
    """Writes every finalist's text into ``folder``/finalists; what an earlier run left there stays."""
    make_folder(folder / "finalists")
    for item in finalists:
        write_atomic(folder / item.file, item.text)
