from __future__ import annotations

import itertools
import random

import pytest

from archlab.cost import Budget
from archlab.elaborate import Fixed, Interpreter, load
from archlab.errors import BudgetError
from archlab.grammar import parse, parse_file
from archlab.resources import shipped_spaces
from archlab.search.closed_form import find_smallest, find_unseen
from archlab.search.counter import Counter, costs_of
from tests.search.conftest import TINY


def every_network(interpreter):
    """All 36 networks of the tiny space, by brute force."""
    for stem, depth, block, c, k in itertools.product((4, 8), (1, 2, 3), ("conv", "separable"), (8, 16), (3, 5)):
        if block == "conv" and k == 5:
            continue
        values = {"stem.conv.c": stem, "body.depth": depth, "body.block": block, f"body.{block}.c": c}
        yield interpreter.network(Fixed(values | ({"body.separable.k": k} if block == "separable" else {})))


@pytest.fixture
def tiny():
    return Interpreter(load(parse(TINY)))


@pytest.mark.parametrize("metric", ["macs", "params", "activations", "memory"])
def test_the_smallest_network_is_the_smallest_of_all(tiny, metric):
    least = min(costs_of(network)[metric] for network in every_network(tiny))
    found = find_smallest(Counter(tiny, Budget(((metric, 1e9),))), seed=0)
    assert costs_of(found)[metric] == least


def test_without_a_budget_the_smallest_in_macs_is_meant(tiny):
    least = min(costs_of(network)["macs"] for network in every_network(tiny))
    assert costs_of(find_smallest(Counter(tiny), seed=0))["macs"] == least


def test_a_budget_below_the_smallest_network_is_refused_with_both_figures(tiny):
    least = min(costs_of(network)["params"] for network in every_network(tiny))
    assert least == 298
    with pytest.raises(BudgetError) as refused:
        find_smallest(Counter(tiny, Budget((("params", 290.0),))), seed=0)
    assert str(refused.value) == (
        "no network of tiny meets params ≤ 290: the smallest found has 298\n"
        "  hint: raise the budget to params=298 or more"
    )


def test_budgets_that_only_clash_together_are_refused_together():
    # One block has few params and many MACs, the other the reverse.
    text = "net n(input=3x8x8)\na: {conv(16), avgpool(8) -> conv(64)}\nhead: gap -> fc(2)"
    interpreter = Interpreter(load(parse(text)))
    few_params, few_macs = (
        costs_of(interpreter.network(Fixed({"a.block": label})))
        for label in interpreter.space.hole("a", interpreter.space.architecture.stages[0].body).labels
    )
    assert few_params["params"] < few_macs["params"]
    assert few_macs["macs"] < few_params["macs"]
    budget = Budget((("params", float(few_params["params"])), ("macs", float(few_macs["macs"]))))
    with pytest.raises(BudgetError, match="at once"):
        find_smallest(Counter(interpreter, budget), seed=0)


def test_what_is_proposed_is_within_budget_and_unseen_until_nothing_is_left(tiny):
    budget = Budget((("macs", 40_000.0),))
    allowed = {n.digest for n in every_network(tiny) if costs_of(n)["macs"] <= 40_000}
    assert 5 < len(allowed) < 30
    seen: set[str] = set()
    rng = random.Random(0)
    while (network := find_unseen(Counter(tiny, budget), [], seen, rng, attempts=2000)) is not None:
        assert costs_of(network)["macs"] <= 40_000
        assert network.digest not in seen
        seen.add(network.digest)
    assert seen == allowed


def test_on_the_shipped_space_a_tight_budget_is_met_too():
    interpreter = Interpreter(load(parse_file(shipped_spaces()["mobile"])))
    start = find_smallest(Counter(interpreter, Budget((("macs", 60e6), ("params", 1.5e6)))), seed=0)
    budget = Budget((("macs", 60e6), ("params", 1.5e6)))
    found = find_unseen(Counter(interpreter, budget), [start.draws], {start.digest}, random.Random(0))
    assert found is not None
    assert budget.allows(costs_of(found))
