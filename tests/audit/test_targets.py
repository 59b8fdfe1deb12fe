"""What can be audited by name, and what a name that is wrong says."""

from __future__ import annotations

import pytest

from archlab.audit.targets import find_targets, parse_arguments
from archlab.errors import InputError
from tests.audit.models import audited


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "names no model"),
        ("torchvision:resnet5", "did you mean"),
        ("timm:resnet50(1)", "arguments need names"),
        ("a.b:f(open('x'))", "not all literals"),
        ("missing.pt2", "no such file"),
        ("timm:resnet18.a1_in1kk", "did you mean resnet18.a1_in1k"),
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
    assert {t.name for t in find_targets("timm:resnet18.a?_in1k")} == {f"timm:resnet18.a{n}_in1k" for n in (1, 2, 3)}


def test_a_tag_of_timm_names_the_architecture_with_the_size_of_its_images():
    pytest.importorskip("timm")
    plain, tagged = audited("timm:resnet50"), audited("timm:resnet50.tv_in1k")
    assert (plain.params, plain.macs) == (tagged.params, tagged.macs) == (25_557_032, 4_089_184_256)
    assert audited("timm:tf_efficientnet_b0.ns_jft_in1k").inputs[0].shape == (1, 3, 224, 224)
