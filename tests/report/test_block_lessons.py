"""The blocks' formulas against what archlab counts, and their drawings against the wiring of torch's operators."""

from __future__ import annotations

import pytest
import torch

from archlab.report.block_counts import count_lesson
from archlab.report.block_drawing import draw_lesson, joined, shuffled, sketch
from archlab.report.block_lessons import CONTROLS, DEFAULTS, LESSONS

BY_KEY = {lesson.key: lesson for lesson in LESSONS}
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=BY_KEY.keys())


@by_lesson
@pytest.mark.parametrize("changed", [{}, {"c": 128}, {"in": 512, "k": 5, "g": 8, "dm": 2, "e": 0.5, "n": 14}])
def test_formulas_are_what_archlab_counts(lesson, changed):
    settings = {**DEFAULTS, **changed}
    values = lesson.values(settings)
    counts = count_lesson(lesson, settings)
    steps = [step for step in lesson.steps if not step.is_projection or settings["in"] != settings["c"]]
    assert [step.weights.value(values) for step in steps] == [cost.weights for cost in counts.steps]
    assert [step.weights.value(values) * settings["n"] ** 2 for step in steps] == [cost.macs for cost in counts.steps]
    assert lesson.standard_step.weights.value(values) == counts.standard.weights


def test_the_textbook_numbers():
    separable = count_lesson(BY_KEY["separable"], DEFAULTS)
    assert separable.standard.weights == 294_912
    assert [cost.weights for cost in separable.steps] == [128 * 3 * 3 * 4, 128 * 4 * 256]
    assert separable.total.weights == 135_680
    assert separable.total.macs == 135_680 * 56 * 56


def test_every_setting_moves_a_formula_or_the_map():
    used = {name for lesson in LESSONS for step in lesson.steps for name in (*step.weights.factors, step.weights.by)}
    used |= {name for lesson in LESSONS if lesson.middle for name in lesson.middle.factors}
    assert {control.name for control in CONTROLS} - used == {"n"}


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_lines_are_the_weights_of_the_convolution_that_they_draw(groups):
    """A line is one kernel: they are where a convolution of as many channels has its weights."""
    convolution = torch.nn.Conv2d(8, 8, 1, groups=groups, bias=False)
    torch.nn.init.ones_(convolution.weight)
    reached = convolution(torch.eye(8)[:, :, None, None])[:, :, 0, 0]
    lines = joined(sketch("grouped", {**DEFAULTS, "g": groups}), 0)
    assert sorted(lines) == sorted(map(tuple, reached.nonzero().tolist()))


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_the_shuffle_is_torchs(groups):
    moved = torch.nn.functional.channel_shuffle(torch.arange(8.0)[None, :, None, None], groups)
    assert shuffled(8, groups) == moved.flatten().tolist()
    lines = joined(sketch("shuffle", {**DEFAULTS, "g": groups}), 1)
    assert [source for source, _ in sorted(lines, key=lambda line: line[1])] == moved.flatten().tolist()


def test_a_depthwise_convolution_has_one_line_for_each_channel_that_it_makes():
    plan = sketch("separable", {**DEFAULTS, "dm": 4})
    assert [target for _, target in joined(plan, 0)] == list(range(16))
    assert [source for source, _ in joined(plan, 0)] == [dot // 4 for dot in range(16)]
    assert len(joined(plan, 1)) == 16 * 8


@by_lesson
def test_one_variant_of_a_drawing_is_shown(lesson):
    svg = draw_lesson(lesson, DEFAULTS)
    for name in ("g", "dm", "e"):
        values = next(control.values for control in CONTROLS if control.name == name)
        variants = [f'<g data-when="{name}={value:g}"' for value in values]
        if f"{{{name}}}" in lesson.call:
            assert all(svg.count(variant) == 1 for variant in variants)
            assert svg.count(f'<g data-when="{name}=') - svg.count(f'{DEFAULTS[name]:g}">') == len(values) - 1
        else:
            assert f'data-when="{name}=' not in svg
