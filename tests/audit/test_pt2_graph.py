"""What a graph may say: the operators, sizes and arguments that torch writes, and nothing beside them."""

from __future__ import annotations

import json

import pytest

from archlab.audit.pt2_graph import code_in_graph


def found(value) -> list[str]:
    return list(code_in_graph({"graph": [value]}))


@pytest.mark.parametrize(
    "target",
    ["torch.ops.aten.conv2d.default", "torch.ops.aten.__and__.Tensor", "torch.ops.archlab.roi_align.default",
     "torch.ops.torchvision.nms.default", "torch.ops.higher_order.cond", "_operator.getitem", "math.trunc",
     "torch.sym_max", "torch._sym_sqrt"],
)  # fmt: skip
def test_operators_that_only_compute(target):
    assert found({"target": target, "inputs": []}) == []
    assert found({"as_operator": target}) == []


@pytest.mark.parametrize(
    "target",
    ["torch.os.system", "torch.ops.load_library", "torch.ops.aten.from_file.default", "torch.load", "_operator.call",
     "_operator.methodcaller", "torch.hub.load", "#extension:x", "os.system", "torch.ops.aten.add.Tensor.x", "", None,
     ["torch"], "torch.ops.higher_order.triton_kernel_wrapper_functional", "torch.ops.aten.add\n.Tensor"],
)  # fmt: skip
def test_operators_that_could_do_more(target):
    assert len(found({"target": target, "inputs": []})) == 1


@pytest.mark.parametrize(
    "text",
    ["s0", "2*s0 + 1", "s0**2", "Symbol('s0', positive=True, integer=True)", "Pow(Symbol('s0'), Integer(-1))",
     "Max(Integer(1), TruncToInt(Mul(Float('1.5', precision=53), ToFloat(Symbol('s0')))))", "s0 >= 3",
     "Float('1.5e-3')"],
)  # fmt: skip
def test_sizes_that_are_arithmetic(text):
    assert found({"expr_str": text}) == []


@pytest.mark.parametrize(
    "text",
    ["open('x')", "exec('x')", "__import__('os')", "S('exec(1)')", "().__class__", "s0.is_integer", "[1 for x in s0]",
     "lambda: 0", "9**9**9", "Pow(Integer(9), Pow(Integer(9), Integer(9)))", "10**999999", "s0 # \n", "", "(", 5,
     "Symbol(f'{s0}')", "9" * 400, "(" * 5000, "__builtins__", "Symbol('s0')[0]", "Pow(Integer(2))"],
)  # fmt: skip
def test_sizes_that_are_more(text):
    assert len(found({"expr_str": text})) == 1


def spec(kind, context):
    return {"in_spec": json.dumps([1, {"type": kind, "context": context, "children_spec": []}])}


def test_containers_of_python_s_under_plain_names():
    assert found(spec("builtins.dict", '["mask", "layer.1"]')) == []
    assert found(spec(None, None)) == []
    assert found(spec("builtins.tuple", "null")) == []
    for other in (
        spec("collections.defaultdict", "{}"),
        spec("builtins.dict", '[{"__enum__": true}]'),
        spec("builtins.dict", '["a=b"]'),
        {"in_spec": "[1"},
        {"in_spec": "{}"},
    ):
        assert len(found(other)) == 1, other


def test_names_are_words():
    assert found({"name": "p_layer_weight", "forward_arg_names": ["x", "y"]}) == []
    assert found({"name": "x=1"}) == ["the name x=1"]
    assert found({"forward_arg_names": ["x", "y=print()"]}) == ["the name y=print()"]
    assert found({"as_name": "s0 + f()"}) == ["the name s0 + f()"]
