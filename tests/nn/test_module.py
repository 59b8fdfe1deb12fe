from __future__ import annotations

import copy
import dataclasses
import doctest
import gc
import io
import linecache
import pickle

import pytest
import torch

from archlab.errors import BuildError
from archlab.nn import module as module_of_builds
from archlab.nn.module import buffer_shapes, build, parameter_shapes, target_of
from archlab.nn.operators import FUNCTIONS, MODULES
from archlab.ops import OPAQUE, OPS
from tests.nn.networks import DETECTOR, graph_of, shipped
from tests.ops.every_operator import EVERY_OPERATOR

SMALL = [graph_of(EVERY_OPERATOR), shipped("mobile", 32)]
small = pytest.mark.parametrize("graph", SMALL, ids=lambda g: f"{g.name}-{g.digest[:4]}")


def batch(graph, n=2):
    return torch.randn(n, *graph.input_shape, generator=torch.Generator().manual_seed(1))


def test_the_docstrings_examples_hold():
    assert doctest.testmod(module_of_builds).failed == 0


def test_every_operator_has_one_row():
    assert set(MODULES) | set(FUNCTIONS) | {OPAQUE} == set(OPS)
    assert not set(MODULES) & set(FUNCTIONS)
    assert {node.op for graph in (SMALL[0], graph_of(DETECTOR)) for node in graph} | {"roi_pool", OPAQUE} == set(OPS)


@small
def test_parameters_and_buffers_are_those_of_the_graph_under_its_paths(graph):
    module = build(graph)
    weights = {f"{node.name}.{key}": shape for node in graph for key, shape in node.weights.items()}
    buffers = {f"{node.name}.{key}": shape for node in graph for key, shape in node.buffers.items()}
    assert parameter_shapes(module) == weights
    assert buffer_shapes(module) == buffers
    assert set(module.state_dict()) == set(weights) | set(buffers)
    assert list(weights) == [name for name, _ in module.named_parameters()]  # in running order


@small
def test_every_node_puts_out_its_shape(graph):
    module, shapes = build(graph).eval(), {}
    for node in graph:
        if node.op in MODULES:
            part = module.get_submodule(node.name)
            part.register_forward_hook(lambda _, __, y, name=node.name: shapes.update({name: tuple(y.shape[1:])}))
    y = module(batch(graph))
    assert shapes == {node.name: node.shape for node in graph if node.op in MODULES}
    assert tuple(y.shape) == (2, *graph.shape_of(graph.output))


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("resnet50", "resnet50"), ("resnext50_32x4d", "resnext50_32x4d"), ("shufflenet_v2_x1_0", "shufflenet_v2_x1_0")],
)
def test_a_reference_computes_what_torchvisions_does(name, theirs):
    """The same weights in torchvision's module give the same output: the oracle for strides, paddings and order."""
    models = pytest.importorskip("torchvision").models
    ours, oracle = build(shipped(name, 64)).eval(), getattr(models, theirs)().eval()
    weights, state = list(ours.state_dict().values()), oracle.state_dict()
    # Both list a block's branch before its projection, and layers as they run.
    assert [tuple(v.shape) for v in weights] == [tuple(v.shape) for v in state.values()]
    oracle.load_state_dict(dict(zip(state, weights, strict=True)))
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(ours(x), oracle(x))


def test_the_seed_alone_decides_the_weights():
    graph = shipped("shufflenet_v2_x1_0", 64)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = build(graph, seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    again, other = build(graph, seed=3).state_dict(), build(graph, seed=4).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    key = "stem.conv.conv2d.weight"
    assert not torch.equal(first[key], other[key])


def test_the_initialisation_is_as_documented():
    text = "net t(input=8x8x8)\na: conv(4096, 3, g=8) -> prelu\nb: conv2d(2, 1, bias=1) -> flatten -> linear(300)"
    state = build(graph_of(text)).state_dict()
    # Fan-out of a group: 4096 / 8 outputs x 3 x 3; deviation (2 / 4608) ** 0.5 = 0.02083; 36,864 draws.
    weight = state["a.conv.conv2d.weight"]
    assert weight.std().item() == pytest.approx(0.02083, rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=0.0005)
    assert state["b.linear.weight"].std().item() == pytest.approx(0.01, rel=0.02)
    for key, value in {
        "a.conv.norm.weight": 1,
        "a.conv.norm.bias": 0,
        "a.conv.norm.running_mean": 0,
        "a.conv.norm.running_var": 1,
        "a.conv.norm.num_batches_tracked": 0,
        "a.prelu.weight": 0.25,
        "b.conv2d.bias": 0,
        "b.linear.bias": 0,
    }.items():
        assert bool((state[key] == value).all()), key


def test_the_graph_stays_with_the_module():
    graph = SMALL[0]
    module = build(graph)
    assert module.meta["graph"] is graph
    assert copy.deepcopy(module).meta["graph"] == graph
    twice = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(module))))
    assert twice.meta["graph"] == graph


def test_values_are_freed_after_their_last_use():
    module = build(graph_of("net t(input=3x8x8)\na: conv2d(4, 1) -> residual(relu) -> gap"))
    body = [line.strip() for line in module.code.splitlines() if "=" in line]
    assert body == [
        "a_conv2d = self.a.conv2d(x);  x = None",
        "a_relu = self.a.relu(a_conv2d)",
        "add = a_relu + a_conv2d;  a_relu = a_conv2d = None",
        "a_gap = self.a.gap(add);  add = None",
    ]


def test_no_operator_works_in_place():
    graph = SMALL[0]
    module = build(graph).eval()

    class Keeping(torch.fx.Interpreter):
        def run_node(self, n):
            value = super().run_node(n)
            kept.append((value, value.clone()))
            return value

    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    Keeping(module, garbage_collect_values=False).run(batch(graph))
    assert all(torch.equal(value, copy) for value, copy in kept)
    assert not any(getattr(part, "inplace", False) for part in module.modules())


@small
def test_copies_and_pickles_compute_the_same(graph):
    module, x = build(graph).eval(), batch(graph)
    y = module(x)
    assert torch.equal(copy.deepcopy(module)(x), y)
    restored = pickle.loads(pickle.dumps(module))
    assert not restored.training
    assert torch.equal(restored(x), y)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other = build(graph, seed=9).eval()
    assert not torch.equal(other(x), y)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(x), y)


@small
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_it_traces_compiles_and_exports(graph):
    module, x = build(graph).eval(), batch(graph)
    y = module(x)
    assert torch.equal(torch.fx.symbolic_trace(module)(x), y)
    assert torch.equal(torch.jit.trace(module, x)(x), y)
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    assert torch.equal(compiled(x), y)
    exported = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    assert torch.equal(exported.module()(x), y)
    larger = batch(graph, 5)
    assert torch.equal(exported.module()(larger), module(larger))


@small
def test_every_parameter_learns(graph):
    module = build(graph)
    module(batch(graph, 4)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name


@small
def test_channels_last_and_half_precision(graph):
    if "lrn" in {node.op for node in graph}:  # torch has no half-precision local response norm on the CPU
        graph = graph_of(EVERY_OPERATOR.replace(" -> lrn(3)", ""))
    module, x = build(graph).eval(), batch(graph)
    y = module(x)
    last = copy.deepcopy(module).to(memory_format=torch.channels_last)
    torch.testing.assert_close(last(x.to(memory_format=torch.channels_last)), y, rtol=1e-3, atol=1e-4)
    half = copy.deepcopy(module).half().to(memory_format=torch.channels_last)
    z = half(x.half().to(memory_format=torch.channels_last))
    assert z.dtype == torch.float16
    torch.testing.assert_close(z.float(), y, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("names", [("forward", "forward_"), ("class", "lambda"), ("graph", "meta"), ("_modules", "T")])
def test_names_that_torch_or_python_use_can_be_those_of_stages(names):
    first, second = names
    graph = graph_of(f"net t(input=3x8x8)\n{first}: conv(4)\n{second}: conv(5)")
    module = build(graph).eval()
    assert tuple(module(batch(graph)).shape) == (2, 5, 8, 8)
    assert len(module.state_dict()) == 12
    assert target_of(first) != target_of(second)


def test_a_network_without_operators_is_the_identity():
    graph = dataclasses.replace(SMALL[0], nodes=(), outputs=())
    x = batch(graph)
    assert torch.equal(build(graph)(x), x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": "convolution"}, "stem.conv.conv2d: there is no operator convolution"),
        ({"attrs": {"kernel": 3}}, "stem.conv.conv2d: conv2d lacks 'in_channels'"),
        ({"weights": {"weight": (8, 3, 1, 1)}}, "stem.conv.conv2d: the parameters of torch's conv2d differ"),
        ({"inputs": ("nowhere",)}, "stem.conv.conv2d: its input nowhere does not run before it"),
    ],
)
def test_an_error_names_the_node(change, message):
    graph = SMALL[0]
    broken = dataclasses.replace(graph.nodes[0], **change)
    with pytest.raises(BuildError) as error:
        build(dataclasses.replace(graph, nodes=(broken, *graph.nodes[1:])))
    assert error.value.message.startswith(message)


def test_what_torch_refuses_is_said_of_the_node():
    graph = SMALL[0]
    attrs = dict(graph.nodes[0].attrs) | {"groups": 7}
    broken = dataclasses.replace(graph.nodes[0], attrs=attrs)
    with pytest.raises(BuildError, match=r"^stem.conv.conv2d: torch cannot build this conv2d: .*divisible"):
        build(dataclasses.replace(graph, nodes=(broken, *graph.nodes[1:])))


def test_torch_keeps_no_source_of_a_module_that_is_gone():
    graph = SMALL[0]
    module = build(graph)
    name = type(module).forward.__code__.co_filename
    assert "self.stem" in "".join(linecache.getlines(name)), "as tracebacks show it"
    del module
    gc.collect()
    assert linecache.getlines(name) == []
