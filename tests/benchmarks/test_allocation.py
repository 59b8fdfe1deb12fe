"""What a forward allocates: on any processor the values to the byte, and no more above them than the layers say."""

from __future__ import annotations

import functools
import platform

import pytest
import torch

from archlab.cost import cost
from archlab.elaborate import elaborate
from archlab.grammar import parse, parse_file
from archlab.nn.module import build
from archlab.resources import find_architecture
from benchmarks.allocation import Allocated, allocated, peaks
from benchmarks.memory_bound import (
    ANY_LAYOUT,
    CHANNELS_LAST,
    WITHOUT_ONEDNN,
    WORKSPACE,
    alive_at,
    copied_maps,
    gathered_input,
    peak_bound,
    reordered_weights,
    unfolded_groups,
    vectors_and_indices,
)
from tests.nn.networks import resized

NETWORKS = ("mobilenet_v1", "resnet50", "resnext50_32x4d", "shufflenet_v1_g3", "shufflenet_v2_x1_0", "xception")
POINTWISE_IN_GROUPS = ("shufflenet_v1_g3", "shufflenet_v2_x1_0")
"""And a channel shuffle, behind which a map is no longer channels-last."""

needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available() or platform.machine() not in ("x86_64", "AMD64"),
    reason="what oneDNN's kernels allocate is known for x86-64 only",
)


@functools.cache
def network(name, side=None):
    return elaborate(resized(parse_file(find_architecture(name)), side))


@functools.cache
def forward(name, side=None, channels_last=True, onednn=True):
    """What a forward allocates; ``onednn`` says under which of torch's settings the caller runs it."""
    net = network(name, side)
    return allocated(build(net.graph).eval(), net.input_shape, channels_last=channels_last)


def bound(name, needs):
    return peak_bound(network(name).graph, needs)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_closed_form_is_what_a_real_forward_allocates(name):
    real = forward(name)
    assert real.values == cost(network(name)).memory  # to the byte: the values alive between operators
    assert real.peak >= real.values


@needs_onednn
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in POINTWISE_IN_GROUPS])
def test_channels_last_a_forward_peaks_above_the_values_by_reordered_weights_at_most(name):
    assert forward(name).peak <= bound(name, CHANNELS_LAST)


@needs_onednn
@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_in_any_layout_copies_of_a_convolutions_maps_come_on_top(name, channels_last):
    assert forward(name, channels_last=channels_last).peak <= bound(name, ANY_LAYOUT)


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("name", ["resnet50", "shufflenet_v1_g3", "mobilenet_v1"])
def test_without_onednn_a_convolution_unfolds_its_input(name, channels_last, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    real = forward(name, channels_last=channels_last, onednn=False)
    assert real.values == cost(network(name)).memory
    assert real.peak <= bound(name, WITHOUT_ONEDNN)


@pytest.mark.parametrize("name", ["mobilenet_v1", "shufflenet_v2_x1_0"])
def test_the_values_alive_do_not_depend_on_the_layout(name):
    assert forward(name, 96, channels_last=False).values == cost(network(name, 96)).memory


@pytest.mark.parametrize("name", [*NETWORKS, "densenet121", "mobilenet_v3_large"])
def test_the_bound_knows_what_is_alive_when(name):
    net = network(name)
    assert max(alive for _, alive in alive_at(net.graph)) == cost(net).memory


def test_the_bound_by_hand():
    """On 20x8x8: a 3x3 to 30 channels with stride 2, its norm and pool; then groups of 15; then a depthwise one."""
    text = (
        "net n(input=20x8x8)\ns: conv2d(30, 3, s=2) -> bn -> maxpool(2) -> conv2d(4, 1, s=2, g=2) -> conv2d(4, 3, g=4)"
    )
    graph = elaborate(parse(text)).graph
    alive = [node_alive for _, node_alive in alive_at(graph)]
    assert alive == [4 * size for size in (1280 + 480, 480 + 480, 480 + 120, 120 + 4, 4 + 4)]

    def each(need):
        return [need(graph, node) for node in graph]

    assert each(vectors_and_indices) == [0, 4 * 2 * 30, 8 * 30 * 2 * 2, 0, 0]
    # 30 outputs fill up to 64 in blocks of 64, 2 of a group as well; 20 inputs to 32, 15 to 16; 4 groups to 64
    assert each(reordered_weights) == [4 * 64 * 32 * 9, 0, 0, 4 * 2 * 64 * 16, 4 * 64 * 9]
    assert each(gathered_input) == [0, 0, 0, 4 * 30, 0]
    # 20 to 32, 30 to 32, 4 to 16
    assert each(copied_maps) == [4 * (32 * 64 + 32 * 16), 0, 0, 4 * (32 * 4 + 16), 4 * (16 + 16)]
    # a group's input, its windows, and all outputs
    assert each(unfolded_groups) == [4 * (1280 + 180 * 16 + 480), 0, 0, 4 * (15 * 4 + 15 + 4), 4 * (1 + 9 + 4)]
    assert peak_bound(graph, CHANNELS_LAST) == alive[0] + 4 * 64 * 32 * 9 + WORKSPACE


def memory(ts, size):
    return {"name": "[memory]", "ts": ts, "args": {"Bytes": size}}


def call(ts, dur):
    return {"name": "aten::op", "cat": "cpu_op", "ts": ts, "dur": dur}


def test_the_peaks_of_a_trace_by_hand():
    trace = [
        call(0, 10),
        call(1, 3),  # inside the first: its end is no moment between operators
        memory(1, 100),  # the output
        memory(2, 50),  # a workspace
        memory(3, -50),
        call(20, 10),
        memory(22, 70),  # the second output, while the first lives
        memory(31, -100),
        call(40, 5),
        memory(41, 60),
        {"name": "process_name", "ph": "M"},
    ]
    # 100, 150, 100 | 170 | 70, 130 |
    assert peaks(trace) == Allocated(peak=170, values=170)
    assert peaks(trace[:5]) == Allocated(peak=150, values=100)
