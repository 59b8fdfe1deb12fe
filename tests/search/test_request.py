"""A request becomes the same plan from the command line and from Python."""

from __future__ import annotations

import inspect

import pytest

import archlab
from archlab.cli.search import search as command
from archlab.errors import InputError
from archlab.search.request import make_plan
from tests.search.conftest import TINY


def plan(**options):
    return make_plan(archlab.parse(TINY), **options)


def parameters(function):
    return {name: (p.kind, p.default) for name, p in inspect.signature(function).parameters.items()}


def test_python_and_the_command_line_have_the_same_options_and_defaults():
    ours, python = parameters(make_plan), parameters(archlab.search)
    assert {k: v for k, v in python.items() if k != "progress"} == {k: v for k, v in ours.items() if k != "command"}
    options = {option.name: option for option in command.params}
    assert set(options) - {"as_json", "columns", "wide", "quiet"} == set(ours) - {"note", "command"}
    defaults = {name: default for name, (_, default) in ours.items() if isinstance(default, bool | int | str)}
    assert {name: options[name].default for name in defaults} == defaults


def test_all_but_the_space_is_given_by_name():
    kinds = {name: kind for name, (kind, _) in parameters(archlab.search).items()}
    assert kinds.pop("space") == inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(kinds.values()) == {inspect.Parameter.KEYWORD_ONLY}


def test_each_stage_has_its_share_and_a_quarter_where_none_is_given():
    made = plan(objective="macs", then=["params", "synflow"], keep=8, budget=["latency=1s", "macs=1M"])
    assert [str(stage.keep) for stage in made.stages] == ["None", "8", "25%"]
    assert [stage.study for stage in made.stages] == ["tiny", "tiny/2-params", "tiny/3-synflow"]
    assert [dict(stage.budget.limits) for stage in made.stages] == [{"latency": 1.0, "macs": 1e6}, *[{"macs": 1e6}] * 2]
    with pytest.raises(InputError, match="2 --keep for 1 --then"):
        plan(objective="macs", then="params", keep=["8", "4"])


def test_to_train_the_best_is_a_last_stage():
    made = plan(objective="macs", then="params", train_top=3, train_steps=7)
    assert [stage.goals[0].name for stage in made.stages] == ["macs", "params", "train"]
    assert [str(stage.keep) for stage in made.stages[1:]] == ["25%", "3"]
    assert made.task.training.steps == 7


def test_the_size_the_limit_and_the_time_reach_the_plan():
    made = plan(objective="macs", input="3x32x48", max_nodes=500, timeout="2m", heartbeat=7)
    assert "input=3x32x48" in made.text
    assert (made.space.max_nodes, made.stages[0].timeout, made.heartbeat) == (500, 120, 7)


def test_relative_budgets_are_of_the_default_draw_and_recorded():
    costs = archlab.cost(TINY)
    made = plan(objective="macs", budget=["macs=0.75x", "params=1M", "memory=2x"])
    expected = {"macs": int(0.75 * costs.macs), "params": 1e6, "memory": 2 * costs.memory}
    assert dict(made.stages[0].budget.limits) == expected
    assert made.relative == {"macs": 0.75, "memory": 2.0}
    with pytest.raises(InputError, match="latency is measured"):
        plan(objective="macs", budget=["latency=0.5x"])


def test_what_is_amiss_with_the_data_is_reported():
    notes = []
    plan(objective="level_entropy", note=notes.append)
    assert notes == ["no --data: detectors are scored on drawn shapes, which says little of real images"]


@pytest.mark.parametrize("objective", [None, (), []])
def test_without_an_objective_the_default_one_is_searched_by(objective):
    assert [goal.name for goal in plan(objective=objective).stages[0].goals] == ["score"]
