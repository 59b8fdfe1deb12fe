"""What a draw leaves of its budget is used up, where most is kept for what it costs; and nothing beyond it."""

from __future__ import annotations

import pytest

import archlab
from archlab.carry.fill_draw import kept_importance
from archlab.carry.statistics import collect
from archlab.cost import Budget, cost
from archlab.elaborate import Interpreter, load
from archlab.grammar import parse
from archlab.shrink.widen import widened
from tests.carry.networks import images, trained

SPACE = "net s(input=3x8x8)\nvar a = [4..16 step 4 default 16]\nvar b = [4..16 step 4 default 16]\n"
SPACE += "x: conv(a, 3) -> conv(b, 1) -> gap -> fc(3)\n"


@pytest.fixture(scope="module")
def source():
    graph = archlab.elaborate(parse(SPACE)).graph
    return graph, collect(trained(graph), graph, images(graph, 16))


def macs(a, b):
    """Multiply-accumulates of a draw by hand: 64 places, a kernel of 9 on 3 channels, then 1 on a, and the head."""
    return 64 * 27 * a + 64 * a * b + 3 * b


def test_the_macs_of_a_draw_are_those_of_hand():
    assert cost(archlab.elaborate(parse(SPACE), {"a": 8, "b": 12})).macs == macs(8, 12)


@pytest.mark.parametrize(
    ("limit", "wide"),
    [
        (macs(8, 8), {"a": 8, "b": 8}),  # exactly used
        (macs(8, 12) - 1, {"a": 8, "b": 8}),  # a number short of a step
        (macs(8, 16), {"a": 8, "b": 16}),  # too little for a step of a
        (macs(16, 16), {"a": 16, "b": 16}),  # never wider than what is written
        (10 * macs(16, 16), {"a": 16, "b": 16}),
    ],
)
def test_a_draw_becomes_as_wide_as_its_budget_allows(source, limit, wide):
    interpreter = Interpreter(load(parse(SPACE)))
    found = widened(interpreter, {"a": 8, "b": 8}, Budget((("macs", limit),)), *source)
    assert found == wide


def test_of_two_that_fit_the_one_that_keeps_more_for_its_cost_is_widened(source):
    graph, known = source
    draws = {"a": 8, "b": 8}
    limit = macs(12, 8) + macs(8, 12) - macs(8, 8) - 1  # for either, not for both
    kept = {name: kept_importance(graph, archlab.elaborate(parse(SPACE), {**draws, name: 12}).graph, known)
            for name in draws}  # fmt: skip
    before = kept_importance(graph, archlab.elaborate(parse(SPACE), draws).graph, known)
    worth = {
        "a": (kept["a"] - before) / (macs(12, 8) - macs(8, 8)),
        "b": (kept["b"] - before) / (macs(8, 12) - macs(8, 8)),
    }
    best = max(worth, key=worth.__getitem__)
    found = widened(Interpreter(load(parse(SPACE))), draws, Budget((("macs", limit),)), graph, known)
    assert found[best] > 8
    assert macs(**found) <= limit


def test_a_limit_that_is_measured_or_the_user_s_own_widens_nothing(source):
    draws = {"a": 8, "b": 8}
    for budget in (Budget((("macs", 1e9), ("latency", 1.0))), Budget((("macs", 1e9), ("own.py:size", 1.0)))):
        assert widened(Interpreter(load(parse(SPACE))), draws, budget, *source) == draws


def test_the_whole_network_keeps_all_of_its_importance(source):
    graph, known = source
    assert kept_importance(graph, graph, known) == pytest.approx(sum(known.importance.values()))
