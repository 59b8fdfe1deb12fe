"""Results to report on: real draws of the shipped mobile space, costed by the closed form, with a made-up score."""

from __future__ import annotations

import dataclasses
import math
import random
from functools import cache
from typing import Literal

from archlab.cost import Budget, cost
from archlab.elaborate import Interpreter, Network, Random, load
from archlab.elaborate.fill_holes import fill_holes
from archlab.grammar.parse import parse_file
from archlab.grammar.unparse import unparse
from archlab.measured import Latency, Recount
from archlab.resources import find_architecture
from archlab.search.compared import Baseline, Change, HoleShare, Neighbours
from archlab.search.result import Finalist, Objective, SearchResult, SearchStage, State, Trial

KINDS: tuple[Literal["default", "reference"], ...] = ("default", "reference")
HOSTILE = "</script><img src=x onerror=alert(1)>"
BUDGETS = {"macs": 300e6, "params": 3.4e6}


@cache
def search(trials: int = 60, finalists: int = 6, seed: int = 0) -> SearchResult:
    """A search of the mobile space by random draws; the score is the log of the sum of all channels."""
    architecture = parse_file(find_architecture("mobile"))
    interpreter = Interpreter(load(architecture))
    rng = random.Random(seed)
    budget = Budget(tuple(BUDGETS.items()))
    networks: dict[int, Network] = {}
    done: list[Trial] = []
    for number in range(trials):
        network = interpreter.network(Random(rng))
        found = {name: float(value) for name, value in cost(network).as_dict().items()}
        trial = Trial(number, "scored", dict(network.draws), found, seconds=0.5)
        if not budget.allows(found):
            trial = dataclasses.replace(trial, state="over_budget", seconds=0.0)
        elif number % 13 == 12 and networks:
            trial = dataclasses.replace(trial, state="repeated", repeat_of=min(networks))
        elif number % 17 == 16:
            trial = dataclasses.replace(trial, state="failed", reason="the score is not a number: nan")
        elif number % 19 == 18:
            trial = dataclasses.replace(trial, state="pruned")
        else:
            networks[number] = network
            values = {"channels": score(network)}
            trial = dataclasses.replace(trial, values=values, digest=network.digest)
        done.append(trial)
    best = sorted((t for t in done if t.state == "scored"), key=lambda t: -t.values["channels"])[:finalists]
    return SearchResult(
        space="mobile",
        space_text=unparse(architecture),
        command="archlab search mobile --budget macs=300M --budget params=3.4M --trials 60 --seed 0 --out out/mobile",
        seed=seed,
        sampler="TPE, multivariate",
        versions={"archlab": "0.1.0", "python": "3.11.2", "torch": "2.14.1", "optuna": "5.0.0", "fvcore": "0.1.5"},
        machine="x86_64, 2 cores, Linux 6.1",
        budgets=dict(BUDGETS),
        objectives=(Objective("channels", "maximize"),),
        trials=tuple(done),
        finalists=tuple(
            _finalist(interpreter, networks[t.number], t, rank, finalists) for rank, t in enumerate(best, 1)
        ),
        smallest={"macs": 30_000_000.0, "params": 500_000.0},
        baselines=_baselines(best[0]) if best else (),
        neighbours=tuple(_neighbours(t) for t in best[:2]),
        started="2026-03-01 10:00:00",
        seconds=75.0,
    )


def _baselines(best: Trial) -> tuple[Baseline, ...]:
    """A default draw that fills one hole otherwise, and two references: one ahead of the best, one not measured."""
    value, (hole, _) = best.values["channels"], next(iter(best.draws.items()))
    return (
        Baseline("default", "mobile", 1.0, {"macs": 40e6, "params": 7e5}, {"channels": value - 1},
                 {**best.draws, hole: "other"}),
        Baseline("reference", "mobilenet_v2", 0.97, {"macs": 295e6, "params": 3.39e6}, {"channels": value + 0.25}),
        Baseline("reference", "resnet18", 0.39, {"macs": 287e6, "params": 1.87e6}),
    )  # fmt: skip


def _neighbours(trial: Trial) -> Neighbours:
    """Three holes: the first matters most, within the budget only upward; the last does not enter the score."""
    (one, two, three), own = list(trial.draws)[:3], trial.values["channels"]
    changes = (
        Change(one, "up", {"channels": own + 0.25}, True),
        Change(one, "down", {"channels": own - 0.5}, True),
        Change(two, "far", {"channels": own + 0.125}, False),
        Change(three, "blind", {"channels": own}, True),
    )
    return Neighbours(trial.number, {"channels": own}, changes, refused=2)


def score(network: Network) -> float:
    """The log of the sum of all channels that convolutions put out."""
    return math.log(sum(node.shape[0] for node in network.graph if node.op == "conv2d"))


def _finalist(interpreter: Interpreter, network: Network, trial: Trial, rank: int, last: int) -> Finalist:
    name = f"mobile_{trial.number}"
    macs = int(trial.cost["macs"])
    other = int(trial.cost["other"])
    recount = Recount(macs, macs + other, {"conv": macs, "batch_norm": other}, {"aten::hardswish": 3}, equal=True)
    return Finalist(
        trial=trial.number,
        name=name,
        file=f"{name}.arch",
        text=unparse(fill_holes(interpreter.space, network, name)),
        cost=trial.cost,
        values=trial.values,
        # The last one shows what a finalist looks like that was neither recounted nor measured.
        recount=recount if rank < last else None,
        latency=Latency(0.0123 + rank / 1e3, 0.0119 + rank / 1e3, 0.0142 + rank / 1e3, 20, 2) if rank < last else None,
    )


def crowd(times: int) -> SearchResult:
    """A search of 1,000 trials with its trials several times over."""
    result = search(1000, finalists=20)
    trials = tuple(dataclasses.replace(t, number=t.number + 1000 * i) for i in range(times) for t in result.trials)
    return dataclasses.replace(result, trials=trials)


def without_scores(state: State = "failed") -> SearchResult:
    """A search of which nothing was scored."""
    result = search(8)
    trials = tuple(dataclasses.replace(t, state=state, values={}, reason="CUDA out of memory") for t in result.trials)
    return dataclasses.replace(result, trials=trials, finalists=(), neighbours=(), interrupted="stopped by Ctrl-C")


def empty() -> SearchResult:
    """A search that was stopped before its first draw."""
    result = search(1)
    return dataclasses.replace(
        result,
        trials=(),
        finalists=(),
        neighbours=(),
        baselines=(),
        budgets={},
        smallest={},
        objectives=(),
        versions={},
        machine="",
    )


def several_objectives() -> SearchResult:
    """A search with a score and two costs as objectives."""
    result = search(40)
    objectives = (*result.objectives, Objective("macs", "minimize"), Objective("latency", "minimize"))

    def more(values: dict[str, float], cost: dict[str, float]) -> dict[str, float]:
        return {**values, "macs": cost["macs"], "latency": cost["memory"] / 1e9} if values else {}

    return dataclasses.replace(
        result,
        objectives=objectives,
        trials=tuple(dataclasses.replace(t, values=more(t.values, t.cost)) for t in result.trials),
        finalists=tuple(dataclasses.replace(f, values=more(f.values, f.cost)) for f in result.finalists),
    )


def staged() -> SearchResult:
    """The search with a second stage, an accuracy that turns the order of the best eight around but for one."""
    result = search()
    best = sorted((t for t in result.trials if t.state == "scored"), key=lambda t: -t.values["channels"])[:8]
    accuracy = {t.number: 0.5 + 0.01 * i for i, t in enumerate(best)} | {best[0].number: 0.9}
    order = sorted(best, key=lambda t: -accuracy[t.number])[:3]
    said = {"train.py:accuracy": {"by class": {"cat": 0.25, "dog": None}, "epochs": 12, "note": "early"}}
    made = {f.trial: f for f in search(finalists=8).finalists}
    scored = result.counts()["scored"]

    def more(number: int, values: dict[str, float]) -> dict[str, float]:
        return {**values, "train.py:accuracy": accuracy[number]} if number in accuracy else values

    return dataclasses.replace(
        result,
        objectives=(Objective("train.py:accuracy", "maximize"), *result.objectives),
        trials=tuple(
            dataclasses.replace(t, values=more(t.number, t.values), reached=1 + (t.number in accuracy))
            for t in result.trials
        ),
        finalists=tuple(
            dataclasses.replace(made[t.number], values=more(t.number, t.values), details=said) for t in order
        ),
        shares={
            "train.py:accuracy": (HoleShare("stage5.block", 0.5, 0.4, 0.7), HoleShare("act", 0.25, 0.1, 0.6)),
        },
        stages=(
            SearchStage("mobile", ("channels",), scored, scored, 0, 0, 10, 6.0),
            SearchStage("mobile/2-accuracy", ("train.py:accuracy",), 10, 8, 1, 1, 3, 54.0),
        ),
    )


def hostile() -> SearchResult:
    """A search in whose every text stands markup that would run a script."""
    result = search(20, finalists=3)
    bad = HOSTILE + "\u2028\u2029%{x}<b>&amp;\ud800"
    finalists = tuple(
        dataclasses.replace(
            f,
            name=bad,
            file=bad,
            text=f"net {bad}\n" if i == 1 else f"# {bad}\n{f.text}",
            values={bad: 1.0 + i},
            details={bad: {bad: {bad: bad}, "list": [bad], "odd": float("nan")}, "none": bad},  # type: ignore[dict-item]
        )
        for i, f in enumerate(result.finalists)
    )
    trials = tuple(
        dataclasses.replace(
            t,
            reason=bad,
            draws={bad: bad, **t.draws},
            state="failed" if t.number == 3 else t.state,
            values={bad: t.values.get("channels", 1.0)},
        )
        for t in result.trials
    )
    return dataclasses.replace(
        result,
        space=bad,
        space_text=bad,
        command=bad,
        sampler=bad,
        versions={bad: bad, "archlab": bad},
        machine=bad,
        started=bad,
        interrupted=bad,
        objectives=(Objective(bad, "maximize"),),
        stages=tuple(SearchStage(bad, (bad, bad), -1, 2, 0, 0, 1, -1.0) for _ in range(30)),
        finalists=finalists,
        trials=trials,
        budgets={bad: 1e6, "macs": 300e6},
        baselines=tuple(Baseline(kind, bad, 0.5, {bad: 1.0}, {bad: 2.0}, {bad: bad}, bad) for kind in KINDS),
        neighbours=(Neighbours(finalists[0].trial, {bad: 1.0}, (Change(bad, bad, {bad: 2.0}, True),) * 40),),
        shares={bad: (HoleShare(bad, 0.5, 0.4, 0.6), HoleShare("act", 0.25, 0.0, 0.9))},
    )
