"""The polynomials of the sliders: exact at every setting, and nothing where they would not be."""

from __future__ import annotations

import doctest
import json
import random
from fractions import Fraction

import pytest

import archlab
from archlab.errors import InputError
from archlab.what_if import closed_form as module
from archlab.what_if import polynomials
from archlab.what_if.closed_form import sliders_of
from archlab.what_if.peaks import undominated
from archlab.what_if.polynomials import Fit, monomials
from archlab.what_if.sliders import Position, Slider

# Rounded channels, shortcuts, groups, shuffles, branches, strides that repeats do not repeat.
NETWORKS = ["resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "shufflenet_v1_g3", "inception_v3",
            "vgg16", "regnet_y_400mf"]  # fmt: skip


def costs_in_the_page(data, setting):
    """Evaluate what the page is given as its script does: whole numbers alone, one division at the end."""
    values = [setting.get(s["name"], s["values"][s["at"]]) for s in data["sliders"]]
    point = [v - (s["kind"] == "depth") for s, v in zip(data["sliders"], values, strict=True)]

    def value(polynomial):
        total = 0
        for factor, monomial in polynomial["terms"]:
            term = int(factor)
            for variable, power in monomial:
                term *= point[variable] ** power
            total += term
        return total // int(polynomial["over"])

    live = [value(m) for m in data["memory"] if all(point[i] > 0 for i in m["repeats"])]
    return {"params": value(data["params"]), "macs": value(data["macs"]), "memory": data["bytes"] * max(live)}


@pytest.mark.parametrize("name", NETWORKS)
def test_they_are_the_costs_to_the_unit_at_every_setting(name):
    found = sliders_of(name)
    data = json.loads(json.dumps(found.as_dict()))
    interpreter = archlab.Interpreter(archlab.load_space(archlab.unparse(found.architecture)))
    rng = random.Random(name)
    settings = [{}] + [{s.name: rng.choice(s.values) for s in found.sliders} for _ in range(12)]
    for setting in settings:
        cost = archlab.cost(interpreter.network(archlab.Fixed(setting)))
        expected = {"params": cost.params, "macs": cost.macs, "memory": cost.memory}
        assert found.costs(setting) == expected
        assert costs_in_the_page(data, setting) == expected
    assert archlab.cost(name).macs == found.costs({})["macs"]
    assert {slider.kind for slider in found.sliders} == {"width", "depth", "kernel"}
    assert found.left_out == ()


def test_a_slider_steps_where_no_channels_are_rounded():
    """Times 2.3, 32 and 48 channels would be 73.6 and 110.4, rounded to 74 and 110: no even step from 92 at 40."""
    text = "net t(input=3x8x8)\na: conv(40) -> inverted(40, e=2.3) -> gap -> fc(3)"
    found = sliders_of(text)
    (width,) = [s for s in found.sliders if s.kind == "width"]
    assert width.values == (24, 40, 56, 72)
    space = archlab.Interpreter(archlab.load_space(found.architecture))
    for value in width.values:
        cost = archlab.cost(space.network(archlab.Fixed({"a_width": value})))
        assert found.costs({"a_width": value})["params"] == cost.params


def test_what_has_no_closed_form_has_no_slider_and_is_named():
    """Every layer of a dense block takes more channels than the one before: its cost is no multiple of its depth."""
    text = "net t(input=3x8x8)\nblock d(c) = cat(identity, conv(c))\na: conv(16) -> repeat(3, d(8)) -> gap -> fc(3)"
    found = sliders_of(text)
    assert [name for name, _ in found.left_out] == ["a.depth"]
    assert {s.name for s in found.sliders} == {"a_width", "a_width_2", "a.conv.k", "a.d.conv.k"}
    space = archlab.load_space(found.architecture)
    cost = archlab.cost(archlab.Interpreter(space).network(archlab.Fixed({"a_width": 24, "a_width_2": 12})))
    assert found.costs({"a_width": 24, "a_width_2": 12})["params"] == cost.params


def test_the_peak_is_in_a_repeat_only_where_there_is_one():
    text = (
        "net t(input=8x8x8)\na: conv2d(8, 1) -> repeat(2, residual(conv2d(in * 4, 1) -> conv2d(8, 1))) -> gap -> fc(3)"
    )
    found = sliders_of(text)
    assert any(position.repeats for position in found.memory) or len(found.memory) == 1
    space = archlab.Interpreter(archlab.load_space(found.architecture))
    for depth in (1, 2, 4):
        cost = archlab.cost(space.network(archlab.Fixed({"a.depth": depth})))
        assert found.costs({"a.depth": depth})["memory"] == cost.memory


def test_values_named_in_a_text_have_exact_parameters_and_macs():
    text = (
        "net u(input=3x16x16)\na: conv(16) -> conv(16) as x -> conv(24, s=2) -> upsample -> cat(identity, x)\n"
        "b: conv(8) -> cat(identity, a)\nh: gap -> fc(3)"
    )
    found = sliders_of(text)
    space = archlab.Interpreter(archlab.load_space(found.architecture))
    rng = random.Random(0)
    for _ in range(8):
        setting = {s.name: rng.choice(s.values) for s in found.sliders}
        cost, said = archlab.cost(space.network(archlab.Fixed(setting))), found.costs(setting)
        assert (said["params"], said["macs"]) == (cost.params, cost.macs)
        assert said.get("memory", cost.memory) == cost.memory


def test_a_text_with_holes_of_its_own_is_refused():
    with pytest.raises(InputError, match="mobile has holes of its own"):
        sliders_of("mobile")


def test_a_fit_finds_fractions_and_refuses_what_is_none():
    points = [(x, y) for x in range(4) for y in range(4)]
    fit = Fit(monomials([0], [1], 2), points)
    values = [4 * x * x + 3 * x * y * y + 7 for x, y in points]
    assert fit.of(values) == {((0, 2),): 4, ((0, 1), (1, 2)): 3, (): 7}
    halves = [(x * (x + 1)) // 2 for x, _ in points]
    assert fit.of(halves) == {((0, 2),): Fraction(1, 2), ((0, 1),): Fraction(1, 2)}
    assert fit.of([x**3 for x, _ in points]) is None


def test_moments_that_cannot_be_the_peak_are_left_out():
    sliders = [Slider("w", "a", "width", (8, 16), 8), Slider("d", "a", "depth", (1, 2), 1)]
    large, small = {((0, 1),): Fraction(3)}, {((0, 1),): Fraction(2), (): Fraction(8)}
    mixed = {((0, 1),): Fraction(1), (): Fraction(30)}
    assert undominated([Position(small), Position(large)], sliders) == (Position(large),)
    both = undominated([repeated := Position(large, (1,)), once := Position(small)], sliders)
    assert set(map(id, both)) == {id(repeated), id(once)}
    assert set(map(id, undominated([p := Position(mixed), q := Position(large)], sliders))) == {id(p), id(q)}


def test_the_docstrings_examples_hold():
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(polynomials).failed == 0
