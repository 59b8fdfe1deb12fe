"""What can be audited by name, and what a name that is wrong says."""

from __future__ import annotations

import pytest

from archlab.audit.targets import find_targets, parse_arguments
from archlab.errors import InputError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "names no model"),
        ("torchvision:resnet5", "did you mean"),
        ("timm:resnet50(1)", "arguments need names"),
        ("a.b:f(open('x'))", "not all literals"),
        ("missing.pt2", "no such file"),
    ],
)
def test_a_target_that_names_nothing(text, message):
    with pytest.raises(InputError) as error:
        find_targets(text)
    assert message in str(error.value)


def test_arguments_are_literals():
    assert parse_arguments("(1, 'a', w=[2, (3,)], x=None)", "t") == ((1, "a"), {"w": [2, (3,)], "x": None})


def test_patterns_find_many():
    pytest.importorskip("timm")
    assert {t.name for t in find_targets("timm:resnet1[08]")} >= {"timm:resnet18"}
