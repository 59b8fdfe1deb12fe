from __future__ import annotations

import pytest

from archlab.elaborate import elaborate
from archlab.errors import InputError
from archlab.grammar import parse, unparse, with_classes, with_input, with_outputs

TEXT = """net n(divisor=4, input=3x64x64, width_mult=0.5)
stem: conv(8, s=4)
detect: fpn(8) -> {roi_align(3), roi_pool(3)} -> {box_head(8, classes=3), box_head(16)}"""


@pytest.mark.parametrize("size", ["3x32x48", (3, 32, 48)])
def test_a_text_at_another_size_differs_in_nothing_else(size):
    adapted = with_input(parse(TEXT), size)
    assert unparse(adapted) == unparse(parse(TEXT.replace("divisor=4, input=3x64x64", "input=3x32x48, divisor=4")))
    assert elaborate(adapted).input_shape == (3, 32, 48)
    assert with_input(adapted, None) is adapted


def test_a_text_that_says_no_size_gets_one():
    assert elaborate(with_input(parse("net n\ns: conv(8)"), "1x8x8")).input_shape == (1, 8, 8)


def test_an_error_still_points_at_its_option():
    from archlab.errors import ElaborationError

    adapted = with_input(parse("net n(input=3x8x8, divisor=0)\ns: conv(8)", "n.arch"), "3x9x9")
    with pytest.raises(ElaborationError, match=r"n\.arch:1:28: divisor must be a whole number"):
        elaborate(adapted)


@pytest.mark.parametrize("size", ["3x32", "3x0x32", "3x32x32x3", "big", "", (3, 32), (3, -1, 4)])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(InputError, match="is not CxHxW\n  hint: write it like 3x128x160"):
        with_input(parse(TEXT), size)


def test_the_classes_of_every_box_head_are_set():
    adapted = with_classes(parse(TEXT), 20)
    assert unparse(adapted).splitlines()[-1].endswith("{box_head(8, classes=20), box_head(16, classes=20)}")
    assert elaborate(adapted).detector.classes == 20
    positional = parse(TEXT.replace("box_head(8, classes=3)", "box_head(8, 3)"))
    assert elaborate(with_classes(positional, 2)).detector.classes == 2


@pytest.mark.parametrize(("text", "classes", "match"), [
    (TEXT, 0, "classes must be a whole number of at least 1, not 0"),
    ("net n\ns: conv(8)", 3, "n has no box head"),
])  # fmt: skip
def test_what_has_no_classes_says_so(text, classes, match):
    with pytest.raises(InputError, match=match):
        with_classes(parse(text), classes)


@pytest.mark.parametrize(
    ("head", "adapted"),
    [
        ("gap -> fc(1000)", "gap -> fc(7)"),
        ("fc(64) -> relu -> linear(1000)", "fc(64) -> relu -> linear(7)"),
        ("fc(1000)", "fc(7)"),
        ("gap -> fc({10, 20})", "gap -> fc({10, 20})"),
        ("conv(10) -> gap -> flatten", "conv(10) -> gap -> flatten"),
    ],
)
def test_a_last_layer_gets_other_outputs(head, adapted):
    text = "net n(input=3x8x8)\nstem: conv(8) -> fc(1000)\nhead: {}\n"
    assert unparse(with_outputs(parse(text.format(head)), 7)) == unparse(parse(text.format(adapted)))
