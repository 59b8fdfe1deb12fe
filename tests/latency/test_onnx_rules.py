"""Which kernels ONNX Runtime runs: against the nodes that its own profiler lists, by name, reorders too."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from archlab.elaborate import Interpreter, architecture_of, load
from archlab.elaborate.draw import defaults
from archlab.grammar import parse, with_input
from archlab.latency.backend import piece_of
from archlab.latency.onnx_rules import BLOCKS, PLAIN, REORDERS
from tests.latency.profiles import setting_of

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

FUSED = """net fused(input=3x32x32)
stem: conv(16, 3, s=2, act=hardswish) -> residual(conv(16, 3, act=none)) -> hardswish -> maxpool(2)
odd: conv(24, 1, act=silu) -> separable(24, act=relu6) -> cat(conv2d(8, 1), conv2d(8, 3)) -> shuffle(2)
group: conv(32, 3, g=8) -> bn -> residual(conv(32, 1, act=none)) -> relu6 -> squeeze_excite(0.25) -> avgpool(2)
head: gap -> flatten -> linear(32) -> relu -> linear(10)
"""


def _events(graph, tmp_path):
    from archlab.latency.time_onnx import model_bytes, session

    run = session(model_bytes(graph), 1, tmp_path)
    import numpy as np

    run.run(None, {"input": np.zeros((1, *graph.input_shape), np.float32)})
    found = json.loads((tmp_path / run.end_profiling()).read_text())
    return [e for e in found if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]


def _graph(name):
    text = parse(FUSED) if name == "fused" else with_input(architecture_of(name), "3x64x64")
    return Interpreter(load(text)).network(defaults).graph


@pytest.mark.parametrize("name", ["fused", "shufflenet_v2_x0_5", "mobilenet_v3_large", "regnet_y_400mf", "densenet121"])
def test_the_kernels_are_those_of_the_profiler(name, tmp_path):
    graph = _graph(name)
    piece = piece_of(graph, setting_of("onnxruntime"))
    owners = {node: i for i, nodes in enumerate(piece.nodes) for node in nodes}
    reorders: Counter[str] = Counter()
    seen: set[int] = set()
    for event in _events(graph, tmp_path):
        op = event["args"]["op_name"]
        if op.startswith("Reorder"):
            reorders[REORDERS[BLOCKS if op == "ReorderInput" else PLAIN]] += 1
            continue
        node = (
            event["name"].removesuffix("_kernel_time").removeprefix("fused ").removesuffix("_nchwc").removesuffix("_bn")
        )
        while node not in owners and "/" in node:
            node = node.rpartition("/")[0]
        if node in owners:
            kernel = piece.kernels[owners[node]]
            seen.add(owners[node])
            if op in ("Conv", "FusedConv"):
                assert event["name"].endswith("_nchwc_kernel_time") != kernel.kind.startswith("plain"), event["name"]
                sums = len(event["args"]["input_type_shape"]) == 4
                assert sums == (kernel.form == 1), event["name"]
    assert reorders == Counter(k.kind for k in piece.kernels if k.kind in REORDERS.values())
    unseen = [piece.nodes[i] for i in range(len(piece.kernels)) if piece.nodes[i] and i not in seen]
    # A hard swish by itself runs as two nodes without a name.
    assert [nodes for nodes in unseen if "hardswish" not in nodes[0]] == []
    assert len(unseen) <= 1
