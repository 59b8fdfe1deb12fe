"""Which kernels torch runs, and how their inputs lie in memory: against the tensors of a real forward."""

from __future__ import annotations

import pytest
import torch
from torch import fx

from archlab.elaborate import elaborate
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.latency.backend import Setting, piece_of
from archlab.latency.kernels import Value, walk
from archlab.latency.torch_rules import FIRST, FORMS, LAST, torch_rule
from archlab.nn import build

TEXT = """net forms(input=3x32x32)
stem: conv(16, 3, s=2)
shuffled: shuffle_unit_v2(32, s=2) -> shuffle_unit_v2(32) -> maxpool(2)
joined: cat(conv(16, 1), shuffle(2) -> relu) -> shuffle(1) -> residual(conv(48, 1, act=none)) -> squeeze_excite(0.25)
halved: conv(32, 1) -> split(identity, conv(16, 1))
head: gap -> fc(10)
"""


class _Forms(fx.Interpreter):
    """Notes how the output of each call lies in memory."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.forms: list[str | None] = []

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        if n.op in ("call_module", "call_function"):
            is_map = isinstance(value, torch.Tensor) and value.dim() == 4 and value.shape[2] > 1
            self.forms.append(_form(value) if is_map else None)
        return value


def _form(x: torch.Tensor) -> str:
    if x.is_contiguous(memory_format=torch.channels_last):
        return LAST
    return FIRST if x.is_contiguous() else "with gaps"


def test_maps_lie_in_memory_as_the_rules_say():
    graph = elaborate(parse(TEXT)).graph
    module = build(graph).eval().to(memory_format=torch.channels_last)
    interpreter = _Forms(module)
    with torch.inference_mode():
        interpreter.run(torch.zeros(1, 3, 32, 32).to(memory_format=torch.channels_last))
    said = []
    for i in range(len(graph)):
        nodes = graph.nodes[: i + 1]
        said.append(walk(nodes, {"input": Value((3, 32, 32), LAST)}, [nodes[-1].name], torch_rule).output.form)
    assert len(interpreter.forms) == len(said)
    pairs = [(node.name, true, form) for node, true, form in zip(graph, interpreter.forms, said, strict=True) if true]
    assert len(pairs) > 30
    assert [pair for pair in pairs if pair[1] != pair[2]] == []
    assert {true for _, true, _ in pairs} == set(FORMS)


def test_every_operator_is_a_kernel_of_its_own():
    graph = elaborate(parse(TEXT)).graph
    piece = piece_of(graph, Setting("torch"))
    assert list(piece.nodes) == [(node.name,) for node in graph]


def test_a_kernel_by_hand():
    graph = elaborate(
        parse("net n(input=3x9x7)\na: conv2d(8, size(3, 5), s=2, p=0, bias=1) -> conv2d(8, 3, g=8)\n")
    ).graph
    first, second = piece_of(graph, Setting("torch")).kernels
    assert first == ("convolution", 3, 8, 3, 5, 2, 2, 1, 1, 9, 7, 4, 2, 0)
    assert second == ("depthwise", 8, 8, 3, 3, 1, 1, 1, 8, 4, 2, 4, 2, 0)
    assert (first.weights, first.read, first.written) == (3 * 8 * 15, 189, 64)
    assert second.weights == 72


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads):
    with pytest.raises(InputError, match="at least 1"):
        Setting("torch", threads=threads)
