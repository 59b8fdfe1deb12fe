"""What stands beside the finalists: the space's default draw and shipped references, brought within the same budget.

A reference comes within a budget by its width alone, as MobileNet's authors scale it (Howard et al. 2017,
arXiv:1704.04861, section 3.3): the widest that meets every upper limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archlab.cost import COUNTED, Budget
from archlab.elaborate import Fixed, Interpreter, Network, Value, load
from archlab.errors import ArchlabError
from archlab.grammar import parse_file, with_input, with_outputs
from archlab.nn import build
from archlab.resources import find_architecture
from archlab.score import score
from archlab.search.closed_judge import is_closed_form
from archlab.search.compared import Baseline
from archlab.search.counter import Count, Counter
from archlab.search.plan import Plan, Stage

REFERENCES = ("mobilenet_v2", "resnet18", "shufflenet_v2")
NARROWEST, WIDEST = 1, 400
"""Widths that a baseline may come to, in hundredths."""
WIDTH = "width_mult"


def find_baselines(plan: Plan, interpreter: Interpreter) -> tuple[Baseline, ...]:
    """Return the networks beside which a search's finalists stand.

    The space's default draw comes as it is, and also as wide as the upper limits allow.
    References stand beside classifiers alone, at the space's input size and number of classes, as wide as the limits
    allow, or as they are where there is none on a whole network's closed-form costs.
    """
    first = plan.stages[0]
    try:
        network = interpreter.network(Fixed({}))
    except ArchlabError:  # a default draw may break a rule of the text
        return ()
    counter = Counter(interpreter, first.budget, first.own, seed=first.seed)
    default = _baseline("default", network, counter, plan, 1.0)
    found = [default]
    if _upper(first.budget).limits:
        found += [row for row in _scaled("default", interpreter, counter, plan) if row.width_mult != 1.0]
    graph = network.graph
    outputs = [graph.shape_of(name) for name in graph.outputs]
    if network.detector is None and len(outputs) == 1 and len(outputs[0]) == 1:
        for name in REFERENCES:
            if name != plan.space.name:
                found += _reference(name, graph.input_shape, outputs[0][0], plan)
    return tuple(found)


def _reference(name: str, input_shape: tuple[int, ...], classes: int, plan: Plan) -> list[Baseline]:
    first = plan.stages[0]
    budget = _upper(first.budget)
    try:
        text = with_outputs(with_input(parse_file(find_architecture(name)), input_shape), classes)
        interpreter = Interpreter(load(text))
        counter = Counter(interpreter, replace(first.budget, limits=budget.limits, floors=(), units=()))
        if budget.limits:
            return _scaled("reference", interpreter, counter, plan)
        return [_baseline("reference", interpreter.network(Fixed({})), counter, plan, 1.0)]
    except ArchlabError:  # an input that is too small for it
        return []


def _upper(budget: Budget) -> Budget:
    """Return the upper limits that hold of any network: closed forms of the whole of it."""
    limits = budget.closed_form.limits
    return replace(budget, limits=tuple(limit for limit in limits if limit[0] in (*COUNTED, "depth", "latency")))


def _scaled(kind: str, interpreter: Interpreter, counter: Counter, plan: Plan) -> list[Baseline]:
    """Return the network at the largest width, in hundredths, that meets every upper limit; the narrowest without one.

    Costs grow with the width, so that it is found by halving.
    """
    limits = Counter(interpreter, replace(counter.budget, floors=(), limits=_upper(counter.budget).limits))

    def at(hundredths: int) -> Network:
        return interpreter.network(Fixed({WIDTH: hundredths / 100}))

    try:
        low, high = NARROWEST, WIDEST
        if limits.count(at(low)).fill > 1:
            return [_baseline(kind, at(low), counter, plan, low / 100)]
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if limits.count(at(middle)).fill <= 1 else (low, middle - 1)
        return [_baseline(kind, at(low), counter, plan, low / 100)]
    except ArchlabError:
        return []


def _baseline(kind: str, network: Network, counter: Counter, plan: Plan, width: float) -> Baseline:
    count = counter.count(network)
    draws: Mapping[str, Value] = network.draws if kind == "default" else {}
    return Baseline(
        "default" if kind == "default" else "reference",
        network.name,
        width,
        count.costs,
        _values(plan.stages, network, count.costs),
        {name: value for name, value in draws.items() if name != WIDTH or width == 1.0},
        _over(count, plan.stages[0].budget),
    )


def _values(stages: tuple[Stage, ...], network: Network, costs: Mapping[str, float]) -> dict[str, float]:
    """Return the objectives that can be had without data: costs, and built-in scores with the search's own seed."""
    values: dict[str, float] = {}
    module = None
    for stage, goal in [(each, goal) for each in stages for goal in each.goals]:
        if goal.kind == "cost" and is_closed_form(goal, stage) and goal.name in costs:
            values.setdefault(goal.name, costs[goal.name])
        elif goal.kind == "score" and goal.name not in values:
            module = module if module is not None else build(network.graph, seed=stage.candidate_seed)
            try:
                values[goal.name] = score(goal.name, module, network.graph.input_shape, stage.candidate_seed)
            except ArchlabError:  # it does not fit the network: there is no value
                continue
    return values


def _over(count: Count, budget: Budget) -> str:
    """Return the limits that a network misses, in words."""
    limits = [(n, x, "above") for n, x in budget.limits if count.costs.get(n, x) > x]
    limits += [(n, x, "below") for n, x in budget.floors if count.costs.get(n, x) < x]
    return ", ".join(f"{name} {word} {budget.metric(name).format(limit)}" for name, limit, word in limits)
