"""Weights go to the layer at the same place of the data flow; what is ambiguous is refused, never guessed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archlab.errors import BuildError
from archlab.lift.copy_weights import copy_weights, match
from archlab.nn import build
from archlab.nn.blank_inputs import blank_inputs

SHAPE = (1, 4, 6, 6)


class Net(nn.Module):
    """Equal 1x1 convolutions, and a forward that says how they are wired."""

    def __init__(self, forward, names):
        super().__init__()
        self.wiring = forward
        for name in names:
            setattr(self, name, nn.Conv2d(4, 4, 1))

    def forward(self, x):
        return self.wiring(self, x)


def crossed(m, x):
    y = m.b(x)
    z = m.a(x)
    return torch.cat([z, y], 1)


def straight(m, x):
    return torch.cat([m.p(x), m.q(x)], 1)


def test_look_alike_branches_are_told_apart_by_what_reads_them():
    torch.manual_seed(0)
    theirs, ours = Net(crossed, "ab"), Net(straight, "pq")
    names = {"a": "p", "b": "q"}
    assert match(theirs, ours, SHAPE) == [
        (f"{a}.{tensor}", f"{p}.{tensor}") for a, p in names.items() for tensor in ("weight", "bias")
    ]
    copy_weights(theirs, ours, SHAPE)
    x = torch.randn(SHAPE)
    assert torch.equal(theirs(x), ours(x))


def c2f(m, x):
    """As YOLO writes it, which torch.fx cannot trace: each layer reads the last of a list that grows."""
    y = list(m.a(x).chunk(2, 1))
    y.extend(layer(y[-1]) for layer in m.m)
    return torch.cat(y, 1)


def test_a_forward_that_grows_a_list():
    def net():
        made = Net(c2f, "a")
        made.m = nn.ModuleList(nn.Conv2d(2, 2, 1) for _ in range(3))
        return made

    torch.manual_seed(0)
    theirs, ours = net(), net()
    copy_weights(theirs, ours, "4x6x6")
    x = torch.randn(SHAPE)
    assert torch.equal(theirs(x), ours(x))


def test_the_terms_of_a_sum_are_told_apart_by_who_else_reads_them():
    torch.manual_seed(0)
    theirs = Net(lambda m, x: torch.cat([m.a(x) + (y := m.b(x)), y.relu()], 1), "ab")
    ours = Net(lambda m, x: torch.cat([(y := m.p(x)) + m.q(x), y.relu()], 1), "pq")
    copy_weights(theirs, ours, SHAPE)
    assert torch.equal(ours.p.weight, theirs.b.weight)
    x = torch.randn(SHAPE)
    assert torch.allclose(theirs(x), ours(x))


def test_terms_that_nothing_tells_apart_can_be_exchanged():
    torch.manual_seed(0)
    theirs, ours = Net(lambda m, x: m.a(x) + m.b(x), "ab"), Net(lambda m, x: m.q(x) + m.p(x), "pq")
    copy_weights(theirs, ours, SHAPE)
    x = torch.randn(SHAPE)
    assert torch.allclose(theirs(x), ours(x))


def test_what_stays_ambiguous_is_refused_by_name():
    shared = Net(lambda m, x: torch.cat([(u := m.a(x)) + m.b(x), u], 1), "ab")
    apart = Net(lambda m, x: torch.cat([m.p(x) + m.q(x), m.r(x)], 1), "pqr")
    with pytest.raises(BuildError, match=r"ambiguous which of a \(conv2d with .*is which of p \(conv2d.*, q \(conv2d"):
        match(shared, apart, SHAPE)


def test_sums_and_concatenations_may_be_nested_and_linear_layers_written_as_convolutions():
    torch.manual_seed(0)
    theirs = nn.Sequential(
        Net(lambda m, x: m.a(x) + (m.b(x) + x.tanh()), "ab"), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 3, 1)
    )
    ours = nn.Sequential(
        Net(lambda m, x: (m.p(x) + m.q(x)) + x.tanh(), "pq"), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    copy_weights(theirs, ours, SHAPE)
    x = torch.randn(SHAPE)
    assert torch.allclose(theirs(x).flatten(1), ours(x), atol=1e-6)


def test_operators_that_the_language_lacks_are_compared_as_they_are():
    def net(axis):
        return nn.Sequential(nn.Conv2d(4, 4, 1), Net(lambda m, x: x.cumsum(axis), ""), nn.BatchNorm2d(4))

    assert len(match(net(1), net(1), SHAPE)) == 7
    with pytest.raises(BuildError, match=r"one has 1 \(aten.cumsum to 4x6x6\) where the other has 1 \(aten.cumsum"):
        match(net(1), net(2), SHAPE)


def test_a_layer_that_no_output_needs_is_named():
    with pytest.raises(BuildError, match=r"q\.weight: nothing that the target's outputs need reads it"):
        match(Net(lambda m, x: m.a(x), "ab"), Net(lambda m, x: m.p(x), "pq"), SHAPE)


DETECTOR = """net detector(input=3x64x64)
stem: conv(8, 3, s=4)
stage1: conv(12, 3, s=2)
detect: fpn(8) -> roi_align(3, sampling={sampling}) -> box_head(16, classes=3)
"""


@pytest.mark.parametrize("inputs", [None, ["3x64x64", (7, 5)], [torch.zeros(2, 3, 64, 64), torch.zeros(3, 5)]])
def test_detectors_take_images_and_boxes(inputs):
    theirs, ours = (build(DETECTOR.format(sampling=2), seed=seed).eval() for seed in (0, 1))
    copy_weights(theirs, ours, inputs)
    assert sorted(match(theirs, ours, inputs)) == [(key, key) for key in sorted(theirs.state_dict())]
    images, boxes = blank_inputs(ours.meta["graph"])
    images = torch.rand_like(images)
    for a, b in zip(theirs(images, boxes), ours(images, boxes), strict=True):
        assert torch.equal(a, b)


def test_what_boxes_are_read_with_is_compared():
    with pytest.raises(BuildError, match=r"roi_align \(aten\.archlab::roi_align.* where the other has .*roi_align"):
        match(build(DETECTOR.format(sampling=2)), build(DETECTOR.format(sampling=1)))


@pytest.mark.parametrize(
    "orders", [((0, 1, 2, 3), (0, 2, 3, 1)), ((0, 3, 2, 1), (0, 1, 2, 3)), ((0, 2, 3, 1), (0, 3, 2, 1))]
)
@pytest.mark.parametrize("transposed", [False, True])
def test_maps_may_be_flattened_in_other_orders_and_matrices_be_transposed(orders, transposed):
    class Flat(nn.Module):
        def __init__(self, order, transposed):
            super().__init__()
            self.order, self.conv = order, nn.Conv2d(4, 3, (2, 3))
            self.matrix = nn.Parameter(torch.randn((60, 5) if transposed else (5, 60)))
            self.transposed = transposed

        def forward(self, x):
            flat = self.conv(x).permute(self.order).flatten(1)
            return nn.functional.linear(flat, self.matrix.t() if self.transposed else self.matrix)

    theirs, ours = Flat(orders[0], transposed), Flat(orders[1], not transposed)
    copy_weights(theirs, ours, (1, 4, 6, 6))
    x = torch.randn(2, 4, 6, 6)
    assert torch.allclose(theirs(x), ours(x), atol=1e-5)
