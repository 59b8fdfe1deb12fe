from __future__ import annotations

import pytest

from archlab.errors import InputError
from archlab.search.objective import parse_goals


def test_scores_are_maximised_and_metrics_minimised():
    goals = parse_goals(["synflow", "macs", "latency"])
    assert [(g.kind, g.objective.direction) for g in goals] == [
        ("score", "maximize"),
        ("cost", "minimize"),
        ("cost", "minimize"),
    ]


def test_a_direction_can_be_said():
    assert parse_goals(["max:macs"])[0].objective.direction == "maximize"


def test_a_function_of_the_users_is_loaded_and_maximised(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f(module, candidate, trial):\n    return 1.0\n", encoding="utf-8")
    goal = parse_goals([f"{path}:f"])[0]
    assert (goal.kind, goal.objective.direction, goal.name) == ("user", "maximize", f"{path}:f")
    assert goal.function is not None
    assert goal.function(None, None, None) == 1.0
    assert parse_goals([f"min:{path}:f"])[0].objective.direction == "minimize"


def test_a_function_of_an_importable_module_is_loaded():
    assert parse_goals(["math:hypot"])[0].function is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("synflw", "no objective is named 'synflw'\n  hint: did you mean synflow?"),
        ("no_such_module_here:f", "there is no module 'no_such_module_here'"),
        ("nowhere.py:f", "no such file: nowhere.py"),
        ("math:hypott", "'math' has no 'hypott'\n  hint: did you mean hypot?"),
        ("math:pi", "the objective math:pi is float, not a function"),
    ],
)
def test_what_cannot_be_an_objective_is_refused(text, message):
    with pytest.raises(InputError) as refused:
        parse_goals([text])
    assert str(refused.value).startswith(message)


def test_a_file_that_raises_is_refused_with_its_error(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(InputError, match="ZeroDivisionError: division by zero"):
        parse_goals([f"{path}:f"])


def test_an_objective_cannot_stand_twice():
    with pytest.raises(InputError, match="twice"):
        parse_goals(["macs", "macs"])
