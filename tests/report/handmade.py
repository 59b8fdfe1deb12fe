"""A small result made by hand, whose every number a test can state."""

from __future__ import annotations

import dataclasses

from archlab.search.result import Objective, SearchResult, Trial


def trial(number: int, state: str = "scored", score: float | None = None, macs: float = 1e6, **more: object) -> Trial:
    values = {} if score is None else {"score": score}
    return Trial(number, state, {"stage1.k": 3}, {"macs": macs}, values, **more)  # type: ignore[arg-type]


TRIALS = (
    trial(0, score=1.0, macs=100e6),
    trial(1, "over_budget", macs=900e6),
    trial(2, score=3.0, macs=200e6),
    trial(3, "repeated", repeat_of=0, macs=100e6),
    trial(4, score=2.0, macs=250e6),
    trial(5, "failed", reason="out of memory", macs=150e6),
    trial(6, score=3.0, macs=300e6),
    trial(7, "pruned", macs=120e6),
)


def result(**changes: object) -> SearchResult:
    base = SearchResult(
        space="s",
        space_text="",
        command="",
        seed=0,
        sampler="",
        versions={},
        machine="",
        budgets={"macs": 400e6},
        objectives=(Objective("score", "maximize"),),
        trials=TRIALS,
        finalists=(),
        smallest={},
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]
