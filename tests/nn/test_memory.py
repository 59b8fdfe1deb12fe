from __future__ import annotations

import pytest

from archlab.cost import cost
from archlab.elaborate import elaborate
from archlab.grammar import parse_file
from archlab.nn.memory import Allocated, allocated, peaks
from archlab.nn.module import build
from archlab.resources import find_architecture
from tests.nn.networks import resized

NETWORKS = ("mobilenet_v1", "resnet50", "resnext50_32x4d", "shufflenet_v1_g3", "shufflenet_v2_x1_0", "xception")


def network(name, side=None):
    return elaborate(resized(parse_file(find_architecture(name)), side))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_closed_form_is_what_a_real_forward_allocates(name):
    net = network(name)
    memory = cost(net).memory
    real = allocated(build(net.graph).eval(), net.input_shape)
    assert real.values == memory  # to the byte: the values alive between operators
    assert memory <= real.peak <= 1.12 * memory  # and the moment's needs of the operators themselves


@pytest.mark.parametrize("name", ["mobilenet_v1", "shufflenet_v2_x1_0"])
def test_the_values_alive_do_not_depend_on_the_layout(name):
    net = network(name, 96)
    real = allocated(build(net.graph).eval(), net.input_shape, channels_last=False)
    assert real.values == cost(net).memory


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
