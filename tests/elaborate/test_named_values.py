"""Named values and zero: counts of networks written by hand, lifetimes, and what draws leave unread."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from archlab.cost import by_stage, cost
from archlab.elaborate import Interpreter, Random, defaults, elaborate, load
from archlab.errors import ElaborationError
from archlab.exchange.export import export
from archlab.grammar import parse
from archlab.nn import build
from archlab.ops import verify
from tests.elaborate.hand_written import hand_written
from tests.elaborate.test_network_properties import peak_of

NAMES = ("unet", "dla", "hrnet", "res2net", "nb201")
UNIT = 64


def macs_of(module, shape):
    """Multiply-accumulates of a module's convolutions and linear layers, from what each puts out."""
    total = 0

    def count(layer, _, out):
        nonlocal total
        total += out.numel() * (layer.weight.numel() // layer.weight.shape[0])

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        out = module.eval()(torch.zeros(1, *shape))
    return total, tuple(out.shape[1:])


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_a_module_written_by_hand(name):
    text, module = hand_written()[name]
    network = elaborate(text)
    macs, shape = macs_of(module, network.input_shape)
    assert network.body.params == sum(p.numel() for p in module.parameters())
    assert network.body.macs == macs
    assert network.body.shape == shape
    assert network.body.peak == peak_of(network.graph)
    verify(network.graph)


@pytest.mark.parametrize("name", NAMES)
def test_the_module_built_gives_what_the_one_written_by_hand_gives(name):
    """Both have their layers in the order in which they run, so that weights are copied one after another."""
    text, module = hand_written()[name]
    network = elaborate(text)
    built = build(network, seed=0).eval()
    ours = _in_order(built, network.input_shape)
    theirs = _in_order(module, network.input_shape)
    assert len(ours) == len(theirs)
    left = list(theirs)
    x = torch.randn(1, *network.input_shape, generator=torch.Generator().manual_seed(0))
    for layer in ours:  # branches may run in another order: the next of the same shape
        i = next(i for i, other in enumerate(left) if other.weight.shape == layer.weight.shape)
        left.pop(i).load_state_dict(layer.state_dict())
    assert not left
    with torch.no_grad():
        torch.testing.assert_close(built(x), module.eval()(x))


def _in_order(module, shape):
    ran = []
    hooks = [
        layer.register_forward_hook(lambda layer, *_: ran.append(layer))
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d)
    ]
    with torch.no_grad():
        module.eval()(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return ran


def test_python_source_of_a_network_with_named_values_computes_the_same():
    space = load(parse(hand_written()["unet"][0]))
    network = Interpreter(space).network(defaults)
    names: dict[str, object] = {}
    exec(export(space, network, "python"), names)
    made = [value for value in names.values() if isinstance(value, type) and issubclass(value, nn.Module)][-1]()
    built = build(network, seed=0)
    made.load_state_dict(built.state_dict())
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(made.eval()(x), built.eval()(x))


@pytest.mark.parametrize(
    ("body", "units"),
    [
        # x is alive to the sum: 1 of x beside 1 + 3, then 3 + 1, then 1 + 1 + 1 of the sum
        ("conv2d(1) as x -> conv2d(3) -> conv2d(1) -> add(identity, x)", 5),
        # without the name it is the widest neighbours
        ("conv2d(1) -> conv2d(3) -> conv2d(1)", 4),
        # a name for what enters keeps that alive: 1 beside 2 + 3
        ("identity as x -> conv2d(2) -> conv2d(3) -> cat(identity, x)", 8),
        # read once more behind the widest place: 2 of x beside 5 + 1
        ("conv2d(2) as x -> conv2d(5) -> conv2d(1) -> cat(identity, x)", 8),
        # what nothing reads is gone, and needs no room
        ("add(conv2d(9) -> zero, conv2d(1))", 2),
        ("conv2d(2) as x -> add(x -> conv2d(1), conv2d(9) -> zero)", 3),
    ],
)  # fmt: skip
def test_the_peak_of(body, units):
    network = elaborate(f"net n(input=1x8x8)\ns: {body}")
    assert network.body.peak == units * UNIT == peak_of(network.graph)


def test_a_stages_memory_counts_what_later_stages_will_read():
    network = elaborate("net n(input=1x8x8)\na: conv2d(4)\nb: conv2d(1)\nc: cat(identity, a)")
    # a: 1 + 4; b: 4 of a beside 1; c: 4 + 1 + 5
    assert [part.cost.memory for part in by_stage(network)] == [5 * UNIT * 4, 5 * UNIT * 4, 10 * UNIT * 4]


def same(one, other):
    first, second = (elaborate(f"net n(input=8x8x8)\n{text}") for text in (one, other))
    assert first.digest == second.digest
    assert cost(first) == cost(second)


@pytest.mark.parametrize(
    ("with_zero", "without"),
    [
        ("add(conv(8), zero)", "conv(8)"),
        ("add(conv(8) -> zero, relu)", "relu"),
        ("add(zero -> conv(16), relu)", "relu"),
        ("cat(conv(8), zero, relu)", "cat(conv(8), relu)"),
        ("add(mul(conv(8), zero), relu)", "relu"),
        ("residual(zero) -> conv(8)", "conv(8)"),
        ("residual(conv(8) -> zero, conv(16, 1))", "conv(16, 1)"),
        ("skip(zero) -> relu", "relu"),
        ("split(relu, zero)", "split(relu, zero) -> identity"),
        ("add(conv(8, 5) as x -> zero, relu -> add(identity, x))", "add(relu, conv(8, 5))"),
        ("add(conv(8) as x -> zero, relu) -> mul(identity, add(x -> zero, sigmoid))", "mul(relu, relu -> sigmoid)"),
    ],
)
def test_zero_is_gone(with_zero, without):
    if "sigmoid" in without:
        without = "relu -> mul(identity, sigmoid)"
    same(f"s: {with_zero}", f"s: {without}")


def test_a_split_without_one_branch_has_fewer_channels():
    assert elaborate("net n(input=8x8x8)\ns: split(relu, zero)").body.shape == (4, 8, 8)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("s: zero", "n.arch:2:4: the network is zero: its stage s gives nothing"),
        ("a: relu\nb: conv(8) -> zero\nc: conv(8)", "n.arch:3:12: the network is zero: its stage b gives nothing"),
        ("s: add(identity, repeat(2, zero))", "n.arch:2:18: repeat repeats what gives nothing"),
    ],
)
def test_a_whole_that_is_zero_is_an_error(stages, message):
    with pytest.raises(ElaborationError) as caught:
        elaborate(parse(f"net n(input=8x8x8)\n{stages}", "n.arch"))
    assert str(caught.value).startswith(message)


def test_in_is_the_channels_of_the_value_before():
    same(
        "a: conv(24)\nb: conv(8)\nc: cat(identity, a -> conv(in / 2))",
        "a: conv(24)\nb: conv(8)\nc: cat(identity, a -> conv(12))",
    )


def test_a_value_can_be_given_to_a_block():
    blocks = "block join(f, c) = conv(c) -> add(identity, f)\n"
    same(f"{blocks}s: conv(8) as x -> relu -> join(x, 8)", "s: conv(8) as x -> relu -> conv(8) -> add(identity, x)")


def test_blocks_that_read_different_values_are_not_taken_for_each_other():
    blocks = "block on(f) = conv(8) -> f\n"
    text = f"{blocks}s: conv(8, 1) as x -> on(add(identity, x)) as y -> on(add(identity, y)) -> on(add(identity, x))"
    written = "s: conv(8, 1) as x -> conv(8) -> add(identity, x) as y -> conv(8) -> add(identity, y)"
    written += " -> conv(8) -> add(identity, x)"
    same(text, written)


def test_copies_name_their_own_values():
    same(
        "s: repeat(2, conv(8) as x -> relu6 -> add(identity, x))",
        "s: conv(8) as x -> relu6 -> add(identity, x) -> conv(8) as y -> relu6 -> add(identity, y)",
    )


CELLS = """net cells(input=3x16x16)
block edge() = {conv(in, 3), conv(in, 1), avgpool(3, s=1), identity, zero}
block cell() = identity as n0 -> edge as n1 -> add(n0 -> edge, n1 -> edge) as n2
    -> add(n0 -> edge, n1 -> edge, n2 -> edge)
stem: conv(8)
cells: each(2, cell)
head: gap -> fc(10)
"""


def test_an_interpreter_of_cells_remembers_rightly():
    """Draws of one interpreter, which shares what is equal, are those of fresh ones."""
    used = Interpreter(load(parse(CELLS)))
    for seed in range(40):
        network = used.network(Random(random.Random(seed)))
        fresh = Interpreter(load(parse(CELLS))).network(Random(random.Random(seed)))
        assert network.digest == fresh.digest
        assert cost(network) == cost(fresh)
        assert network.body.peak == peak_of(network.graph)
        verify(network.graph)


def test_a_cell_that_is_zero_as_a_whole_is_no_draw():
    interpreter = Interpreter(load(parse(CELLS)))
    with pytest.raises(ElaborationError, match="each repeats what gives nothing"):
        interpreter.network(lambda hole: "zero" if hole.labels else hole.default)


def test_holes_of_named_layers_keep_their_paths():
    network = elaborate(
        "net n(input=8x8x8)\ns: conv({8, 16}) as x -> (conv({8, 16}, {3, 5}) -> relu) as y -> cat(x, y)"
    )
    assert list(network.draws) == ["s.conv.c", "s.conv_2.c", "s.conv_2.k"]
    assert list(elaborate(CELLS).draws)[:3] == [
        "cells.0.cell.edge.block",
        "cells.0.cell.edge_2.block",
        "cells.0.cell.edge_3.block",
    ]


def test_a_detector_may_have_a_backbone_whose_stages_read_each_other():
    text = """net d(input=3x64x64)
stem: conv(8, s=4)
c3: conv(16, s=2)
c4: conv(24, s=2)
up: upsample(2) -> cat(identity, c3) -> conv(16, 1)
down: cat(maxpool(2), c4) -> conv(24, 1)
detect: fpn(8, finest=3, coarsest=4) -> roi_align(3, sampling=1, rois=5) -> box_head(8, classes=2)
"""
    network = elaborate(text)
    assert network.detector.levels == ("p3", "p4")
    assert network.body.peak == peak_of(network.graph)
    assert network.body.params == sum(node.params for node in network.graph)
    assert cost(network.without_detector).params == sum(n.params for n in network.without_detector.graph)
    verify(network.graph)
