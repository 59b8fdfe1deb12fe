"""The steps from a graph to its text, one by one."""

from __future__ import annotations

import pytest

from archlab.elaborate import elaborate
from archlab.errors import LiftError
from archlab.grammar import parse, unparse_expr
from archlab.ir import INPUT
from archlab.lift.text.cats import add_prefix_cats, shared_runs, with_flat_cats
from archlab.lift.text.decompose import decompose
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults, commonest
from archlab.lift.text.fold import fold, runs
from archlab.lift.text.fuse import fuse
from archlab.lift.text.layers import Call, Chain
from archlab.lift.text.leaves import Place
from archlab.lift.text.prelude_blocks import with_prelude_blocks
from archlab.lift.text.skips import with_skips
from archlab.lift.text.unify import unify
from archlab.lift.text.written import prelude_params, text_of
from archlab.lift.verify_text import verify
from archlab.lift.write import write_text
from tests.lift.hand_made import Builder


def tree(body: str) -> Chain:
    """The tree of a chain of layers."""
    return with_prelude_blocks(fuse(decompose(elaborate(f"net n(input=8x16x16)\nbody: {body}").graph)))


def text(layers: Chain) -> str:
    return text_of(layers, prelude_params())


def stages(source: str) -> dict[str, str]:
    """The stages that are written for the network of a text."""
    return {stage.name: unparse_expr(stage.body) for stage in write_text(elaborate(source).graph).stages}


# --- concatenations --------------------------------------------------------------------------------------------------


def test_the_longest_earlier_concatenation_is_taken_in():
    b = Builder()
    maps = [b("relu", INPUT), b("tanh", INPUT), b("sigmoid", INPUT)]
    first, second = b("cat", *maps[:2]), b("cat", *maps)
    inputs = {node.name: node.inputs for node in b.graph("g")}
    add_prefix_cats(b.graph("g"), inputs)
    assert (inputs[first], inputs[second]) == (tuple(maps[:2]), (first, maps[2]))


def test_ways_that_share_nodes_are_one_run():
    assert shared_runs([{"a", "b"}, {"c"}, {"b"}, {"d"}]) == [range(3), range(3, 4)]


def test_a_concatenation_of_concatenations_is_one():
    nested = elaborate("net n(input=8x4x4)\nbody: cat(cat(identity, relu), tanh)").graph
    flat = elaborate("net n(input=8x4x4)\nbody: cat(identity, relu, tanh)").graph
    assert nested.digest != flat.digest
    assert with_flat_cats(nested).digest == with_flat_cats(flat).digest == flat.digest


# --- runs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("conv(8) -> conv(8) -> conv(8)", "repeat(3, conv(8))"),
        ("basic(16, s=2) -> basic(16) -> relu", "repeat(2, basic(16, s=2)) -> relu"),
        ("conv(16, s=2) -> conv(16)", "conv(16, s=2) -> conv(16)"),
        ("conv(8, s=2) -> conv(8, s=2)", "conv(8, s=2) -> conv(8, s=2)"),
        ("maxpool(2) -> maxpool(2)", "repeat(2, maxpool(2))"),
        ("conv(8) -> tanh -> conv(8) -> tanh", "repeat(2, conv(8) -> tanh)"),
        ("conv(8, act=none) -> conv(4) -> conv(8, act=none) -> conv(4)", "repeat(2, conv(8, act=none) -> conv(4))"),
    ],
)
def test_a_run_is_a_repeat_whose_first_copy_may_stride(written, folded):
    assert text(fold(tree(written))) == folded


def test_runs_say_where_what_is_repeated_stands():
    assert runs(tree("conv(4) -> conv(8) -> conv(8) -> gap").items) == [(0, 1, 1), (1, 1, 2), (3, 1, 1)]


# --- one block for several places ------------------------------------------------------------------------------------


def _unified(*bodies: str) -> tuple[dict[str, object], str, list[tuple[object, ...]]]:
    block = unify([Place(tree(body), fixed=True) for body in bodies])
    assert block is not None
    return dict(block.params), text(block.body), list(block.args)


def test_what_differs_becomes_parameters():
    params, body, args = _unified("conv(16, 3) -> maxpool(3, s=1)", "conv(32, 5, s=2) -> maxpool(3, s=1)")
    assert (params, body) == ({"c": None, "k": 3, "s": 1}, "conv(c, k, s=s) -> maxpool(3, s=1)")
    assert args == [(16, 3, 1), (32, 5, 2)]


def test_channels_that_follow_from_others_are_said_by_them():
    bodies = [f"conv({2 * c}, 1) -> conv({c // 4}, 1) -> conv({c}, 1)" for c in (16, 32)]
    assert _unified(*bodies)[:2] == ({"c": None}, "conv(c * 2, 1) -> conv(c / 4, 1) -> conv(c, 1)")


def test_channels_that_follow_from_those_that_enter_are_said_by_these():
    assert _unified("conv(48, 1) -> conv(4, 1)", "conv(48, 1) -> conv(6, 1)")[1] == "conv(48, 1) -> conv(c, 1)"
    first = with_prelude_blocks(fuse(decompose(elaborate("net n(input=4x8x8)\nbody: conv(24, 1) -> conv(9)").graph)))
    block = unify([Place(first, True), Place(tree("conv(48, 1) -> conv(10)"), True)])
    assert block is not None
    assert text(block.body) == "conv(in * 6, 1) -> conv(c)"


def test_activations_that_differ_become_a_parameter():
    params, body, args = _unified("conv(8, act=silu)", "conv(8)", "conv(8)")
    assert (list(params), body) == (["act"], "conv(8, act=act)")
    assert [value.name for (value,) in args if isinstance(value, Call)] == ["silu", "relu", "relu"]


# --- residuals -------------------------------------------------------------------------------------------------------


def test_a_body_that_stands_alone_where_it_changes_the_shape_is_a_skip():
    body = "conv(8, 1) -> conv({c}, {k}, act=none)"
    layers = tree(
        f"residual({body.format(c=8, k=3)}) -> {body.format(c=16, k=3)} -> residual({body.format(c=16, k=3)})"
    )
    expected = " -> ".join(f"skip(conv(8, 1) -> conv({c}, act=none))" for c in (8, 16, 16))
    assert text(with_skips(layers)) == expected


def test_a_body_with_a_shortcut_of_its_own_is_no_skip():
    layers = tree("residual(conv(8) -> conv(8, act=none)) -> residual(conv(16) -> conv(16, act=none))")
    assert text(with_skips(layers)) == text(layers)


# --- defaults and stages ---------------------------------------------------------------------------------------------


def test_the_commonest_norm_activation_and_padding_are_found():
    units = " -> ".join(["conv(8, s=2, norm=bn(eps=0.001), act=silu, p=tf)"] * 3)
    defaults = commonest(elaborate(f"net n(input=8x32x32)\nbody: {units} -> conv(8)").graph)
    assert defaults.norm is not None
    assert (defaults.norm["eps"], defaults.act, defaults.p) == (0.001, Call("silu"), "tf")


def test_the_defaults_of_the_language_need_not_be_set():
    assert commonest(elaborate("resnet18").graph) == NO_DEFAULTS == Defaults()


def test_defaults_stand_in_the_first_line():
    head = "net n(input=8x32x32, norm=bn(eps=0.001), act=silu, p=tf)"
    source = f"{head}\nbody: conv(8, s=2) -> basic(16, s=2) -> inverted(16, s=2)\n"
    options = dict(write_text(elaborate(source).graph).options)
    assert {name: unparse_expr(value) for name, value in options.items()} == {
        "input": "8x32x32",
        "norm": "bn(eps=0.001)",
        "act": "silu",
        "p": "tf",
    }


def test_stages_follow_the_resolution():
    body = "conv(8, s=2) -> basic(8) -> basic(16, s=2) -> avgpool(2) -> basic(16) -> conv(32, 1) -> gap -> fc(4)"
    assert stages(f"net n(input=3x64x64)\nbody: {body}") == {
        "stem": "conv(8, s=2)",
        "stage1": "basic(8)",
        "stage2": "basic(16, s=2) -> avgpool(2)",
        "stage3": "basic(16)",
        "head": "conv(32, 1) -> gap -> fc(4)",
    }


def test_what_is_used_again_at_the_top_ends_a_stage_with_its_name():
    body = "conv(8) as x -> maxpool(2) -> conv(8) -> upsample -> cat(identity, x) -> conv(4)"
    assert stages(f"net n(input=3x64x64)\nbody: {body}") == {
        "stage1": "conv(8)",
        "stage2": "maxpool(2) -> conv(8)",
        "up1": "cat(upsample, stage1) -> conv(4)",
    }


# --- verification ----------------------------------------------------------------------------------------------------


def test_another_network_is_refused_with_the_first_node_that_it_lacks():
    graph = elaborate("net n(input=3x8x8)\nbody: relu -> conv2d(4) -> tanh").graph
    with pytest.raises(LiftError, match=r"^n: the text written for it is another network: it lacks body\.conv2d$"):
        verify(graph, parse("net n(input=3x8x8)\nbody: relu -> conv2d(5) -> tanh"))


def test_a_network_with_more_operators_is_refused():
    graph = elaborate("net n(input=3x8x8)\nbody: relu").graph
    with pytest.raises(LiftError, match=r"it has 1 more operators$"):
        verify(graph, parse("net n(input=3x8x8)\nbody: relu -> tanh"))


def test_a_text_that_is_no_network_is_refused_with_the_reason():
    graph = elaborate("net n(input=3x8x8)\nbody: relu").graph
    with pytest.raises(LiftError, match=r"^n: the text written for it breaks a rule of the language: .*3 channels"):
        verify(graph, parse("net n(input=3x8x8)\nbody: shuffle(2)"))
