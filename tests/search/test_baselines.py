"""What stands beside finalists: counted as the command counts it, and as wide as the budget allows."""

from __future__ import annotations

import pytest

from archlab.cost import cost
from archlab.elaborate import Interpreter, elaborate
from archlab.grammar import parse_file, with_input, with_outputs
from archlab.nn import build
from archlab.resources import find_architecture
from archlab.score import score
from archlab.search.baselines import REFERENCES, find_baselines
from archlab.search.compared import Baseline
from archlab.search.request import make_plan

TEXT = """\
net small(input=3x32x32)
stem: conv({8, 16}, 3, s=2)
body: repeat([1..3], conv({16, 32}, 3))
head: gap -> fc(10)
"""


def found(text: str = TEXT, **options: object) -> dict[tuple[str, float], Baseline]:
    plan = make_plan(text, **options)  # type: ignore[arg-type]
    return {(b.name, b.width_mult): b for b in find_baselines(plan, Interpreter(plan.space))}


@pytest.mark.parametrize("budget", [["macs=1M"], ["params=300k", "macs=20M"]])
def test_references_are_as_wide_as_every_limit_allows_and_no_hundredth_wider(budget):
    plan = make_plan(TEXT, budget=budget)
    rows = [b for b in find_baselines(plan, Interpreter(plan.space)) if b.kind == "reference"]
    assert [b.name for b in rows] == list(REFERENCES)
    limits = dict(plan.stages[0].budget.limits)
    for row in rows:
        text = with_outputs(with_input(parse_file(find_architecture(row.name)), "3x32x32"), 10)
        own, wider = (
            cost(elaborate(text, {"width_mult": width})).as_dict() for width in (row.width_mult, row.width_mult + 0.01)
        )
        assert {name: row.cost[name] for name in own} == own
        assert all(own[name] <= limit for name, limit in limits.items()) == (row.over == "")
        assert any(wider[name] > limit for name, limit in limits.items())


def test_objectives_are_those_of_the_search_and_what_needs_data_is_not_measured(tmp_path):
    (tmp_path / "mine.py").write_text("def accuracy(module, candidate, trial):\n    raise AssertionError\n")
    rows = found(objective=["score", "macs"], then=f"{tmp_path / 'mine.py'}:accuracy")
    default = rows["small", 1.0]
    graph = elaborate(TEXT).graph
    expected = score("score", build(graph, seed=0), graph.input_shape, 0)
    assert default.values == {"score": expected, "macs": default.cost["macs"]}
    assert default.draws == {"stem.conv.c": 8, "body.depth": 1, "body.conv.c": 16}


def test_without_a_budget_references_are_as_they_are():
    assert [width for _, width in found()] == [1.0] * 4


def test_a_default_draw_above_the_budget_says_so_and_also_comes_scaled():
    macs = cost(elaborate(TEXT)).macs
    rows = found(budget=[f"macs={macs - 1}"])
    (wide,) = (row for (name, width), row in rows.items() if name == "small" and width == 1.0)
    (thin,) = (row for (name, width), row in rows.items() if name == "small" and width < 1.0)
    assert wide.over.startswith("macs above ")
    assert thin.over == ""
    assert thin.cost["macs"] < macs


def test_beside_detectors_there_is_only_the_default_draw():
    plan = make_plan("detection", objective="macs", input="3x96x128")
    assert [b.kind for b in find_baselines(plan, Interpreter(plan.space))] == ["default"]


def test_a_reference_does_not_stand_beside_itself():
    names = [name for name, _ in found("resnet18", input="3x32x32", objective="params")]
    assert names == ["resnet18", "mobilenet_v2", "shufflenet_v2"]
