"""Exports compute what the network does: in ONNX Runtime, as Python source, and as a torch.export program."""

from __future__ import annotations

import doctest
import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archlab.detector.grow import Grown
from archlab.elaborate import Fixed, Interpreter, elaborate, load
from archlab.errors import BuildError, InputError
from archlab.exchange.export import FORMATS, export
from archlab.exchange.export_parts import build_part
from archlab.exchange.operator_exports import OPERATOR_EXPORTS
from archlab.exchange.python.source import to_source
from archlab.grammar import parse, parse_file
from archlab.ir import Graph
from archlab.nn import build
from archlab.nn.operators import MODULES
from archlab.ops import OPS
from archlab.resources import find_architecture, shipped_spaces
from tests.nn.networks import DETECTOR, draws, graph_of, resized, shipped
from tests.nn.references import side_of
from tests.ops.every_operator import EVERY_OPERATOR
from tests.waiting import DEADLINE

RUFF = Path(sys.executable).with_name("ruff")
# Layers of one name in different branches, names of Python and torch, a bare operator as a stage, a network in one.
ODD = """
net odd(input=3x16x16)
forward: residual(conv(8) -> conv(8)) -> conv(8) -> residual(conv(8)) -> conv2d(8, bias=1)
lambda: cat(relu -> conv(4, 1x3), identity, maxpool(3, s=1)) -> mul(identity, sigmoid)
  -> split(identity, conv(8), relu, tanh)
relu: relu
x: add(conv(8, 1), conv(8, 1)) -> mul(conv(8, 1), conv(8, 1)) -> repeat(2, conv(8)) -> conv(4) -> repeat(2, conv(4))
"""
NAMES = sorted(shipped_spaces())


@pytest.fixture(scope="module", params=["every", "odd", *NAMES])
def network(request):
    if request.param in ("every", "odd"):
        return elaborate(parse(EVERY_OPERATOR if request.param == "every" else ODD))
    side = side_of(request.param)
    return elaborate(resized(parse_file(find_architecture(request.param)), side)).without_detector


def images(graph, n=2):
    return torch.randn(n, *graph.input_shape, generator=torch.Generator().manual_seed(1))


def outputs(network, seed=0):
    """The module in eval mode, with statistics of its own, and what it makes of two images."""
    module, x = build(network.graph, seed), images(network.graph)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.manual_seed(part.num_features)
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.5, 1.5)
    with torch.no_grad():
        return module.eval(), x, module(x)


def run_onnx(model: bytes, x: torch.Tensor) -> torch.Tensor:
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["output"], {"input": x.numpy()})[0])


def loaded(source: str, tmp_path: Path, name: str):
    """The last class of a source, imported from a file."""
    path = tmp_path / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"exported_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    classes = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == spec.name]
    return classes[-1]


def test_onnx_runtime_computes_the_same(network):
    from archlab.exchange.onnx_graph import to_onnx

    module, x, y = outputs(network)
    z = run_onnx(to_onnx(network.graph, module).SerializeToString(), x)
    assert y.std() > 1e-4
    assert (z - y).abs().max() <= 1e-4 * y.abs().max()


def test_the_source_loads_the_same_state_and_computes_the_same(network, tmp_path):
    module, x, y = outputs(network)
    source = to_source(network)
    ours = loaded(source, tmp_path, network.name)().eval()
    assert list(ours.state_dict()) == list(module.state_dict())
    ours.load_state_dict(module.state_dict())
    with torch.no_grad():
        assert torch.equal(ours(x), y)
    assert not any(line.startswith(("import archlab", "from archlab")) for line in source.splitlines())


def test_sources_pass_ruff_and_are_formatted(tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(
            to_source(elaborate(parse_file(find_architecture(name))).without_detector), encoding="utf-8"
        )
    for text in (EVERY_OPERATOR, ODD):
        network = elaborate(parse(text))
        (tmp_path / f"{network.name}.py").write_text(to_source(network), encoding="utf-8")
    for command in (["check", "--select", "E4,E7,E9,F,W,I,B,UP"], ["format", "--check"]):
        done = subprocess.run(
            [RUFF, *command, "--isolated", "--no-cache", str(tmp_path)],
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stdout


def test_a_block_is_a_class_and_a_repeat_is_a_loop():
    source = to_source(elaborate(parse_file(find_architecture("resnet50"))))
    classes = [line.split("(")[0].removeprefix("class ") for line in source.splitlines() if line.startswith("class ")]
    assert {"Conv", "Bottleneck", "Projection", "Resnet50"} <= set(classes)
    assert len(classes) <= 8
    assert "*(Bottleneck(64, 256) for _ in range(2))" in source
    assert source.splitlines()[0] == '"""resnet50: 25,557,032 parameters, 4,089,184,256 MACs at 3x224x224."""'
    assert len(source.splitlines()) < 200


def test_a_torch_export_program_takes_any_batch():
    space = load(resized(parse_file(find_architecture("shufflenet_v2_x0_5")), 64))
    network = Interpreter(space).network(Fixed({"width_mult": 0.5}))
    program = torch.export.load(io.BytesIO(export(space, network, "pt2", seed=3)))
    module = build(network.graph, seed=3).eval()
    for n in (1, 5):
        x = images(network.graph, n)
        torch.testing.assert_close(program.module()(x), module(x), rtol=1e-5, atol=1e-6)


def test_the_canonical_text_is_the_network():
    space = load(parse_file(find_architecture("mobile")))
    network = Interpreter(space).network(Fixed({"stage2.depth": 3}))
    assert elaborate(parse(export(space, network, "arch"))).digest == network.digest


def test_onnx_takes_any_batch_and_keeps_the_names():
    from archlab.exchange.onnx_graph import to_onnx

    graph = shipped("shufflenet_v2_x0_5", 64)
    module = build(graph).eval()
    model = to_onnx(graph, module)
    assert {node.name for node in graph} <= {node.name for node in model.graph.node}
    kept = {name for name in module.state_dict() if not name.endswith("num_batches_tracked")}
    assert kept <= {tensor.name for tensor in model.graph.initializer}
    x = images(graph, 3)
    torch.testing.assert_close(run_onnx(model.SerializeToString(), x), module(x).detach(), rtol=1e-4, atol=1e-5)


POOLINGS = (
    "maxpool(3, s=2, p=0, ceil=1)",
    "maxpool(2, s=2, ceil=1)",
    "maxpool(3, s=3, p=1, ceil=1)",
    "avgpool(3, s=2, p=0, ceil=1)",
    "adaptive_avgpool(4)",
    "adaptive_avgpool(3x5)",
)


@pytest.mark.parametrize("text", POOLINGS)
def test_pooling_at_the_edges_is_torchs(text):
    from archlab.exchange.onnx_graph import to_onnx

    for side in (9, 10, 11):
        graph = graph_of(f"net p(input=2x{side}x{side})\na: {text}")
        module, x = build(graph).eval(), images(graph)
        torch.testing.assert_close(run_onnx(to_onnx(graph, module).SerializeToString(), x), module(x))
        assert tuple(module(x).shape[1:]) == graph.shape_of(graph.output)


def test_every_operator_can_be_written():
    assert set(OPERATOR_EXPORTS) == set(OPS)
    # A neck and a box head are exported to ONNX and pt2, and refused as Python source.
    constructed = {op for op, row in OPERATOR_EXPORTS.items() if row.module is not None}
    assert constructed | {"upsample_like", "roi_align", "roi_pool"} == set(MODULES)


DETECTOR_PARTS = {"neck": ["p2", "p3", "p4"], "backbone": ["output"], "whole": ["classes", "deltas"]}


def detector(pool="roi_align(5x3, sampling=2, rois=20)"):
    space = load(parse(DETECTOR.replace("roi_align(5x3, sampling=2, rois=20)", pool)))
    return space, Interpreter(space).network(Fixed({}))


def boxes_of(images):
    """Three boxes an image, from p2 to beyond p4."""
    rng = torch.Generator().manual_seed(3)
    corner = torch.rand(3 * images, 2, generator=rng) * 20
    index = torch.arange(3 * images)[:, None] // 3
    sides = torch.tensor([9.0, 25.0, 605.0]).repeat(images)[:, None]
    return torch.cat([index, corner, corner + sides], 1)


@pytest.mark.parametrize("part", DETECTOR_PARTS)
@pytest.mark.parametrize("pool", ["roi_align(5x3, sampling=2)", "roi_pool(3)"])
def test_a_detector_and_its_parts_run_in_onnx_runtime(part, pool):
    onnxruntime = pytest.importorskip("onnxruntime")
    space, network = detector(pool)
    graph, module = build_part(network, part, seed=4)
    session = onnxruntime.InferenceSession(export(space, network, "onnx", seed=4, part=part))
    assert [value.name for value in session.get_outputs()] == DETECTOR_PARTS[part]
    x = (images(graph, n=3), boxes_of(3))[: len(graph.inputs)]
    feed = {value.name: one.numpy() for value, one in zip(session.get_inputs(), x, strict=True)}
    assert list(feed) == ["input", "boxes"][: len(x)]
    with torch.no_grad():
        expected = module(*x)
    for ours, theirs in zip(session.run(None, feed), expected if len(graph.outputs) > 1 else (expected,), strict=True):
        torch.testing.assert_close(torch.from_numpy(ours), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 13), (13, 25), (25, 50), (9, 31)])
def test_a_map_is_raised_to_any_size_as_torch_does(size):
    from archlab.exchange.onnx_graph import to_onnx

    small, large = size
    graph = graph_of(f"net n(input=2x{large}x{large})\na: conv2d(2)\nb: adaptive_avgpool({small})")
    grown = Grown("c", {node.name: node.shape for node in graph})
    output = grown.append("up", "upsample_like", ["b", "a"])
    raised = Graph("n", graph.input_shape, (*graph.nodes, *grown.nodes), (output,))
    module, x = build(raised).eval(), images(raised)
    torch.testing.assert_close(run_onnx(to_onnx(raised, module).SerializeToString(), x), module(x).detach())


def test_a_torch_export_program_of_a_detector_takes_any_number_of_boxes():
    space, network = detector()
    program = torch.export.load(io.BytesIO(export(space, network, "pt2", seed=4)))
    x = images(network.graph, n=4), boxes_of(4)
    expected = build(network.graph, seed=4).eval()(*x)
    for ours, theirs in zip(program.module()(*x), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_backbone_of_a_detector_is_python_source_and_the_rest_is_refused():
    space, network = detector()
    assert "class Small(nn.Module):" in export(space, network, "python", part="backbone")
    for part in ("whole", "neck"):
        with pytest.raises(InputError, match="cannot hold a neck and RoI align\n  hint: export the backbone"):
            export(space, network, "python", part=part)
    with pytest.raises(InputError, match="a text holds a detector whole"):
        export(space, network, "arch", part="neck")
    plain = load(parse("net t(input=3x8x8)\na: conv(4)"))
    with pytest.raises(InputError, match="t is no detector, so it has no neck to export alone"):
        export(plain, Interpreter(plain).network(Fixed({})), "onnx", part="neck")


@pytest.mark.parametrize("graph", draws("mobile", 2, 32, seed=4), ids=lambda g: g.digest[:6])
def test_a_draw_exports_to_onnx(graph):
    from archlab.exchange.onnx_graph import to_onnx

    module, x = build(graph).eval(), images(graph)
    torch.testing.assert_close(
        run_onnx(to_onnx(graph, module).SerializeToString(), x), module(x).detach(), rtol=1e-4, atol=1e-4
    )


def test_what_cannot_be_exported_is_said():
    from archlab.exchange.onnx_graph import to_onnx

    space = load(parse("net t(input=3x8x8)\na: conv(4)"))
    network = Interpreter(space).network(Fixed({}))
    with pytest.raises(InputError, match="there is no format 'caffe'"):
        export(space, network, "caffe")
    other = build(graph_of("net t(input=3x8x8)\nb: conv(4)"))
    with pytest.raises(BuildError, match=r"a\.conv2d: the module has no a\.conv2d\.weight"):
        to_onnx(network.graph, other)
    assert list(FORMATS) == ["onnx", "python", "pt2", "arch", "timm"]


def test_doctests_hold():
    from archlab.exchange.python import classes, source

    assert doctest.testmod(classes).failed == doctest.testmod(source).failed == 0
